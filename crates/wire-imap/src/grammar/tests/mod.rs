//! The grammar: known answers, inverse laws, hostile input.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod laws;
mod responses;
mod values;

use super::{Frame, Framer, Input, Limits, Names, Piece, Response};
use alloc::vec::Vec;

/// The frames of `octets`; everything must be whole.
fn frames(octets: &[u8]) -> Vec<Frame> {
    let mut framer = Framer::new(Limits::default());
    let mut input = Input::default();
    input.push(octets);
    let mut frames = Vec::new();
    while let Some(piece) = framer.next(&mut input).unwrap() {
        if let Piece::Frame(frame) = piece {
            frames.push(frame);
        }
    }
    assert!(input.is_empty() && !framer.is_open());
    frames
}

fn read(octets: &[u8]) -> Response {
    let frames = frames(octets);
    assert_eq!(frames.len(), 1, "{}", octets.escape_ascii());
    Response::read(&frames[0], Names::Utf7, &Limits::default()).unwrap()
}
