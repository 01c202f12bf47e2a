//! Content keys unwrapped and created, judged by OpenSSL and by messages of other programs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
#![allow(clippy::disallowed_macros, reason = "a skipped test says why")]

mod create;
mod message;
mod openssl;
#[path = "../peer/mod.rs"]
mod peer;
mod programs;
mod vectors;
