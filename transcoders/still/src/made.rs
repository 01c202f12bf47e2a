//! What is told about a result: its facts, read back from its octets.

use cedrat_plan::{
    facts::{self, Claim},
    format::Format,
    job::{Made, Note},
    limits::Limits,
};

/// A result: what was written and what is told about it.
pub(crate) fn made(
    octets: Vec<u8>,
    format: Format,
    quality: f32,
    encodes: u32,
    notes: Vec<Note>,
) -> (Vec<u8>, Made) {
    let claim = Claim { media_type: format.media_type(), name: None, charset: None };
    // Own octets: the usual bounds.
    let facts = facts::read(&octets, &claim, &Limits::default());
    let quality = (quality.clamp(0.0, 1.0) * 10_000.0).round() as u16;
    (octets, Made { facts, quality, encodes, notes })
}
