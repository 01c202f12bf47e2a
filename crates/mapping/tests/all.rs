//! The translations on whole messages: carrier mails, mails of every kind, golden cases, the oracle of
//! RFC 4356, round trips and hostile input.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    missing_docs,
    unreachable_pub
)]

mod carriers;
mod docs;
mod hostile;
mod mail_to_mms;
mod mms_to_mail;
mod round_trip;
mod support;
