//! SASL (RFC 4422) as octets in and octets out: PLAIN, LOGIN, SCRAM-SHA-256 and bearer tokens, both sides.
//!
//! SMTP AUTH and IMAP AUTHENTICATE frame the same messages differently; the framing is theirs, the messages and
//! the secrets in them are here. It decides nothing about which mechanism is safe on which stream.
//! Pure: `no_std` is a proof, not a target.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod base64;
mod bearer;
mod credentials;
pub mod scram;

pub use bearer::{BearerForm, bearer_message};
pub use credentials::{Credentials, Mechanism, Password, Secret, decode, has_control};
pub use scram::ScramKeys;
