//! Encrypted mail taken apart without a private key, and the handoff of one content key.
//!
//! CMS (RFC 5652, 5083, 5084; S/MIME 4.0 is RFC 8551) as a stream with bounded memory, the content
//! decrypted and encrypted under a content-encryption key (CEK), that key sealed by the recipient's
//! client for one session (HPKE, RFC 9180), and the states of such a session. Signed content is verified
//! over the octets that were signed. Of OpenPGP the structure is read. Private keys are used
//! in `unwrap` alone, a cargo feature that the client has and the gateway has not.
//!
//! No I/O, no clock; randomness is an argument. Certificates are read, not validated: whom to trust
//! is not decided here.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod algorithm;
pub mod cek;
pub mod certificate;
pub mod consent;
pub mod content;
pub mod create;
pub mod mail;
pub mod openpgp;
pub mod reader;
pub mod recipient;
pub mod seal;
pub mod session;
pub mod signed;
#[cfg(feature = "unwrap")]
pub mod unwrap;
pub mod wire;

pub use algorithm::{ContentAlgorithm, Integrity};
pub use cek::Cek;
pub use certificate::Certificate;
pub use consent::Consent;
pub use reader::{Reader, Structure};
pub use recipient::Recipient;
