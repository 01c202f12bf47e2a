//! IMAP (RFC 9051, RFC 3501) without I/O: the grammar, shared by both sides, and the client session.
//!
//! [`grammar`] turns octets into typed values and back; [`client::Client`] is a [`cedrat_session::Session`].
//! It knows nothing of what a message is made of, of mailboxes worth watching, or of where a password is kept.
//! Pure: `no_std` is a proof, not a target.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod client;
pub mod grammar;
