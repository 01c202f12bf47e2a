//! The client session against scripted servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod commands;
#[path = "../../../../wire-mail/src/smtp/dialog.rs"]
mod dialog;
mod harness;
mod hostile;
mod login;
mod servers;
mod split;
