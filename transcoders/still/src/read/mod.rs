//! Pictures from octets: which decoder reads what, and what is refused on the header.
//!
//! Every reader learns the size first, asks [`admit`], and only then decodes. A picture that ends
//! early is given as far as it goes.

mod animation;
#[cfg(feature = "heic")]
mod heic;
mod jpeg;
mod other;
mod png;
pub(crate) mod wbmp;

use cedrat_plan::{
    facts::{Detail, Facts},
    format::Format,
    job::{Fault, FaultKind, StillTarget},
    limits::Limits,
};

use crate::source::{Source, shape, turned};
pub(crate) use animation::halved;

/// Decodes at a size that is enough for all targets.
pub(crate) fn read(
    octets: &[u8],
    facts: &Facts,
    targets: &[StillTarget],
    limits: &Limits,
) -> Result<Source, Fault> {
    within(octets.len() as u64, limits.octets, "octets")?;
    let orientation = match &facts.detail {
        Detail::Picture(picture) => picture.orientation.clamp(1, 8),
        _ => 1,
    };
    match facts.format {
        Format::Jpeg => jpeg::read(octets, orientation, targets, limits),
        Format::Png => png::read(octets, orientation, targets, limits),
        Format::Gif | Format::WebP if animation::wanted(facts, targets) => {
            animation::read(octets, facts.format, orientation, targets, limits)
        }
        Format::Bmp | Format::Gif | Format::Tiff | Format::WebP => {
            other::read(octets, facts, orientation, limits)
        }
        Format::Wbmp => wbmp::read(octets, limits),
        #[cfg(feature = "heic")]
        Format::Heic => heic::read(octets, limits),
        format => {
            Err(Fault::new(FaultKind::Unsupported, format!("{} is not read here", format.media_type())))
        }
    }
}

/// Refuses a size beyond the limits.
pub(crate) fn admit((width, height): (u32, u32), limits: &Limits) -> Result<(), Fault> {
    if width == 0 || height == 0 {
        return Err(damaged("the picture has no size"));
    }
    within(u64::from(width.max(height)), u64::from(limits.side), "pixels on a side")?;
    within(u64::from(width) * u64::from(height), limits.pixels, "pixels")
}

/// Refuses a number beyond a limit, and says both.
fn within(value: u64, most: u64, of: &str) -> Result<(), Fault> {
    if value <= most {
        return Ok(());
    }
    Err(Fault::new(FaultKind::TooLarge, format!("{value} {of}, at most {most} are read")))
}

fn damaged(detail: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Damaged, detail)
}

/// The largest size that any target needs, as stored.
fn needed(size: (u32, u32), orientation: u8, targets: &[StillTarget]) -> (u32, u32) {
    let shown = turned(size, orientation);
    let most = targets.iter().map(|target| shape(shown, target));
    let most = most.fold((1, 1), |(w, h), (width, height)| (width.max(w), height.max(h)));
    turned(most, orientation)
}

/// A profile that must be applied, of those within the limit.
fn profile(octets: Option<&[u8]>, limits: &Limits) -> Option<moxcms::ColorProfile> {
    octets.filter(|octets| octets.len() as u64 <= limits.metadata_octets).and_then(crate::colour::profile)
}
