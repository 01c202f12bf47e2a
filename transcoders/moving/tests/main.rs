//! Sources made by the `ffmpeg` program, results judged by `ffprobe`: nothing that is under test
//! judges itself. Without the programs each test says so and passes, except where `CI` is set.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod hostile;
mod judge;
mod remuxed;
mod sounds;
mod vectors;
mod videos;
