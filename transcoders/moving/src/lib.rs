//! Sound and moving picture through libav. The only crate that links it.
//!
//! Everything works on descriptors that the caller opened: nothing here opens a file, a socket or
//! a second input. Still pictures, text and presentation are not handled here.
#![deny(unsafe_op_in_unsafe_fn)]

use std::os::fd::BorrowedFd;

use cedrat_plan::{
    facts::Facts,
    job::{Fault, FaultKind, Made, Target},
    limits::Limits,
};
use cedrat_still::Raster;

/// Prepares libav and silences its log. Called once, before the process forks.
pub fn init() {}

/// Opens container and codecs and says what is in them; nothing is decoded.
///
/// # Errors
/// When the container cannot be read or is beyond a limit.
pub fn probe(input: BorrowedFd<'_>, facts: &Facts, limits: &Limits) -> Result<Facts, Fault> {
    let _ = (input, limits);
    Ok(facts.clone())
}

/// Makes the targets, in their order, each into the output of the same index.
pub fn convert(
    input: BorrowedFd<'_>,
    facts: &Facts,
    targets: &[Target],
    outputs: &[BorrowedFd<'_>],
    limits: &Limits,
) -> Vec<Result<Made, Fault>> {
    let _ = (input, facts, outputs, limits);
    targets
        .iter()
        .map(|_| Err(Fault::new(FaultKind::Unsupported, "sound and moving picture are not converted yet")))
        .collect()
}

/// The picture that stands for a video, or the picture of an AVIF file.
///
/// # Errors
/// When nothing can be decoded.
pub fn picture(input: BorrowedFd<'_>, facts: &Facts, limits: &Limits) -> Result<Raster, Fault> {
    let _ = (input, facts, limits);
    Err(Fault::new(FaultKind::Unsupported, "moving picture is not read yet"))
}
