//! The one integration-test binary: everything that is claimed of the gateway as a whole.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::let_underscore_must_use
)]

mod cli;
mod crash;
mod demo;
mod dialogs;
mod flows;
mod handoff;
mod harness;
mod house;
mod http;
mod media;
mod peers;
mod store;
