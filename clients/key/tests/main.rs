//! The client against a gateway in the same process, which decides as the real one does, and against
//! keys and messages that OpenSSL and SoftHSM made.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod gateway;
mod handoff;
mod made;
mod terminal;
mod token;
