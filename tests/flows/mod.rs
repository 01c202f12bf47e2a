//! What users rely on, each test a sentence, through the running gateway and over sockets.

mod internet;
mod mail_to_mms;
mod mms_to_mail;
mod privacy;
mod process;
mod refusals;
mod reports;
mod robustness;
mod trust;
