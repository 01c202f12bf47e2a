//! The translations on whole messages: carrier mails, mails of every kind, golden cases, the oracle of
//! RFC 4356, round trips and hostile input.
#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    unreachable_pub
)]

mod carriers;
mod docs;
mod golden;
mod hostile;
mod mail_to_mms;
mod mms_to_mail;
mod rfc4356;
mod round_trip;
mod support;
