//! Still pictures: decode, fit to pixels and octets, encode. Opens no file and no socket.
//!
//! What is beyond a bound is refused on its header, before a pixel is decoded. The result is never
//! larger than the source in pixels and never over its octets; orientation is applied, colours are
//! sRGB, metadata are gone unless they were asked for. AVIF is decoded elsewhere and arrives as a
//! [`Raster`].

mod blocks;
mod colour;
mod exif;
mod fit;
mod jpeg;
mod made;
mod planes;
mod raster;
mod read;
mod source;
mod strip;
mod write;

#[cfg(test)]
mod tests;

use cedrat_plan::{
    facts::Facts,
    job::{Fault, Ladder, Made, StillTarget},
    limits::Limits,
};

pub use raster::{Layout, Raster};
use source::Source;

/// Makes all targets from one decode, one result for each in their order.
#[must_use]
pub fn convert(
    octets: &[u8],
    facts: &Facts,
    targets: &[StillTarget],
    limits: &Limits,
) -> Vec<Result<(Vec<u8>, Made), Fault>> {
    match Source::read(octets, facts, targets, limits) {
        Ok(source) => targets.iter().map(|target| fit(&source, target)).collect(),
        Err(fault) => targets.iter().map(|_| Err(fault.clone())).collect(),
    }
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
    let source = Source::read(octets, facts, &[*target], limits)?;
    let fitting = fit::Fitting::new(&source, target)?;
    Ok(Prepared { fitting, max_octets: target.max_octets })
}

/// Fits a picture that another decoder read: upright, in sRGB.
///
/// # Errors
/// The pixels are not as many as the raster says, or nothing fits.
pub fn fit_raster(raster: Raster, target: &StillTarget) -> Result<(Vec<u8>, Made), Fault> {
    fit(&Source::of_raster(raster)?, target)
}

/// The same picture without metadata and trailing octets; orientation applied losslessly where the
/// size allows it.
///
/// # Errors
/// The format is not JPEG, PNG or GIF, or is damaged.
pub fn strip(octets: &[u8], facts: &Facts, limits: &Limits) -> Result<(Vec<u8>, Made), Fault> {
    strip::strip(octets, facts, limits)
}

fn fit(source: &Source, target: &StillTarget) -> Result<(Vec<u8>, Made), Fault> {
    fit::Fitting::new(source, target)?.encode(target.max_octets)
}

/// A picture that was decoded and brought to the size of its target.
#[derive(Debug)]
pub struct Prepared {
    fitting: fit::Fitting,
    max_octets: u64,
}

impl Prepared {
    /// What quality it has at which size, up to the octets of the target. What JPEG will take is
    /// guessed within a few percent.
    #[must_use]
    pub fn ladder(&self) -> Ladder {
        self.fitting.ladder(self.max_octets)
    }

    /// Writes it into at most so many octets.
    ///
    /// # Errors
    /// [`cedrat_plan::job::FaultKind::CannotFit`].
    pub fn encode(&self, max_octets: u64) -> Result<(Vec<u8>, Made), Fault> {
        self.fitting.encode(max_octets)
    }
}
