//! The recipient's side of a key handoff (docs/key-handoff.md): what a gateway asks for is checked,
//! shown, decided by a person or by rules, and answered with the content key of one message, sealed
//! for one session.
//!
//! The gateway chooses what it asks for, so a client is a decryption oracle unless it refuses to be
//! one. It therefore trusts no session that a pinned key has not signed, hands out nothing but a
//! content key of the length that the algorithm asks for, answers a key that cannot be unwrapped
//! with a random one, counts what it hands out, and keeps a record of it that it never rewrites.
#![forbid(unsafe_code)]

pub mod address;
pub mod client;
pub mod error;
pub mod http;
pub mod keys;
pub mod log;
pub mod own_copy;
pub mod pin;
pub mod random;
pub mod rules;
pub mod secret;
pub mod show;

pub use client::{Client, Gateway, Granted};
pub use error::Error;
