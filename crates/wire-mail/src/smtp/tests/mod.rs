//! Both sides of the protocol at work: dialogs, each side against the other, hostile peers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod client;
mod grammar;
mod harness;
mod hostile;
mod pair;
mod server;
mod server_auth;
mod server_content;
mod smuggling;
