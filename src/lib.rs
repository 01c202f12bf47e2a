//! The gateway: everything that touches sockets, files, the clock and the database.
//!
//! What a message means, how it is translated and where it goes is decided in `crates/`; this
//! crate carries the octets and does what those decisions say. `ARCHITECTURE.md` follows a
//! message through it.
#![allow(
    missing_docs,
    unreachable_pub,
    reason = "a binary's own modules; public items are documented where they are not plain"
)]

pub mod adapters;
pub mod admin;
pub mod chance;
pub mod cli;
pub mod clock;
pub mod config;
pub mod drive;
pub mod events;
pub mod gateway;
pub mod handoff;
pub mod intake;
pub mod media;
pub mod opener;
pub mod openpgp;
pub mod pump;
pub mod record;
pub mod report;
pub mod server;
pub mod simulate;
pub mod store;
pub mod tls;
pub mod workers;
