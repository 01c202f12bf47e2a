//! What users rely on, each test a sentence, through the running gateway and over sockets.

mod mail_to_mms;
mod mms_to_mail;
mod refusals;
mod reports;
mod robustness;
