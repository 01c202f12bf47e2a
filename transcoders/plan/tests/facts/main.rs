//! Facts read from headers: of files that are built here, of real files when they are present, and of
//! hostile ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
// Tables of cases are read more easily than types that are named for them.
#![allow(clippy::type_complexity)]

mod build;
mod containers;
mod hostile;
mod pictures;
mod sound;
mod text;
mod vectors;

use cedrat_plan::{
    facts::{self, Claim, Facts},
    limits::Limits,
};

/// Facts of octets of which nothing is said.
fn read(octets: &[u8]) -> Facts {
    read_within(octets, &Limits::default())
}

fn read_within(octets: &[u8], limits: &Limits) -> Facts {
    facts::read(octets, &Claim::default(), limits)
}

fn read_as(octets: &[u8], media_type: &str, name: Option<&str>) -> Facts {
    facts::read(octets, &Claim { media_type, name, charset: None }, &Limits::default())
}
