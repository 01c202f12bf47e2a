//! Still pictures: decode, fit to pixels and octets, encode. Opens no file and no socket.
//!
//! What is beyond a bound is refused on its header, before a pixel is decoded. The result is never
//! larger than the source in pixels and never over its octets; orientation is applied, colours are
//! sRGB, metadata are gone unless they were asked for.

mod raster;

use cedrat_plan::{
    facts::Facts,
    job::{Fault, FaultKind, Ladder, Made, StillTarget},
    limits::Limits,
};

pub use raster::{Layout, Raster};

/// Makes all targets from one decode, one result for each in their order.
#[must_use]
pub fn convert(
    octets: &[u8],
    facts: &Facts,
    targets: &[StillTarget],
    limits: &Limits,
) -> Vec<Result<(Vec<u8>, Made), Fault>> {
    let _ = (octets, facts, limits);
    targets.iter().map(|_| Err(not_yet())).collect()
}

/// Decodes and analyses, so that the octets can be decided later.
///
/// # Errors
/// The source cannot be read, is beyond a limit, or the target is not written here.
pub fn prepare(
    octets: &[u8],
    facts: &Facts,
    target: &StillTarget,
    limits: &Limits,
) -> Result<Prepared, Fault> {
    let _ = (octets, facts, target, limits);
    Err(not_yet())
}

/// Fits a picture that another decoder read.
///
/// # Errors
/// The pixels are not as many as the raster says, or nothing fits.
pub fn fit_raster(raster: Raster, target: &StillTarget) -> Result<(Vec<u8>, Made), Fault> {
    let _ = (raster, target);
    Err(not_yet())
}

/// The same picture without metadata and trailing octets; orientation applied losslessly where the
/// size allows it.
///
/// # Errors
/// The format is not JPEG, PNG or GIF, or is damaged.
pub fn strip(octets: &[u8], facts: &Facts, limits: &Limits) -> Result<(Vec<u8>, Made), Fault> {
    let _ = (octets, facts, limits);
    Err(not_yet())
}

/// A decoded and analysed picture.
#[derive(Debug)]
pub struct Prepared {}

impl Prepared {
    /// What quality it has at which size.
    #[must_use]
    pub fn ladder(&self) -> Ladder {
        Ladder::default()
    }

    /// Writes it into at most so many octets.
    ///
    /// # Errors
    /// [`FaultKind::CannotFit`].
    pub fn encode(&self, max_octets: u64) -> Result<(Vec<u8>, Made), Fault> {
        let _ = max_octets;
        Err(not_yet())
    }
}

fn not_yet() -> Fault {
    Fault::new(FaultKind::Unsupported, "stills are not converted yet")
}
