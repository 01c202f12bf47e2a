//! BMP, TIFF, and the first picture of GIF and WebP, through the crate `image`.

use std::io::Cursor;

use cedrat_plan::{
    facts::{Detail, Facts},
    format::Format,
    job::{Fault, FaultKind, Note},
    limits::Limits,
};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use super::{admit, damaged, profile, within};
use crate::{
    jpeg::Scale,
    raster::{Layout, Raster},
    source::{Picture, Source},
};

pub(super) fn read(octets: &[u8], facts: &Facts, orientation: u8, limits: &Limits) -> Result<Source, Fault> {
    let format = match facts.format {
        Format::Bmp => ImageFormat::Bmp,
        Format::Gif => ImageFormat::Gif,
        Format::Tiff => ImageFormat::Tiff,
        _ => ImageFormat::WebP,
    };
    let mut reader = ImageReader::with_format(Cursor::new(octets), format);
    // Checked here: the reader's own bounds know nothing of pixels.
    reader.limits(bounds(limits));
    let mut decoder = reader.into_decoder().map_err(fault)?;
    let size = decoder.dimensions();
    admit(size, limits)?;
    within(decoder.total_bytes(), memory(limits), "octets of pixels")?;
    let exif = decoder.exif_metadata().ok().flatten();
    let profile = profile(decoder.icc_profile().ok().flatten().as_deref(), limits);
    let picture = raster(DynamicImage::from_decoder(decoder).map_err(fault)?);
    let frames = match &facts.detail {
        Detail::Picture(picture) => picture.frames,
        _ => 1,
    };
    Ok(Source {
        picture: Picture::Raster(picture),
        size,
        orientation,
        profile,
        exif,
        notes: if frames > 1 { vec![Note::FirstFrame] } else { Vec::new() },
        finest: Scale::FINEST,
    })
}

/// Octets that decoded pixels may take: four for each that is allowed.
pub(super) const fn memory(limits: &Limits) -> u64 {
    limits.pixels.saturating_mul(4)
}

/// The same for the decoders themselves. Sides are judged by [`admit`], which says both numbers.
pub(super) fn bounds(limits: &Limits) -> image::Limits {
    let mut bounds = image::Limits::default();
    bounds.max_alloc = Some(memory(limits));
    bounds
}

/// Eight bits a channel.
fn raster(image: DynamicImage) -> Raster {
    let (width, height) = (image.width(), image.height());
    let colour = image.color();
    let (layout, pixels) = if colour.has_alpha() {
        (Layout::Rgba, image.into_rgba8().into_raw())
    } else if colour.has_color() {
        (Layout::Rgb, image.into_rgb8().into_raw())
    } else {
        (Layout::Gray, image.into_luma8().into_raw())
    };
    Raster { width, height, layout, pixels }
}

pub(super) fn fault(error: ImageError) -> Fault {
    match error {
        ImageError::Limits(_) => Fault::new(FaultKind::TooLarge, format!("{error}")),
        ImageError::Unsupported(_) => Fault::new(FaultKind::Unsupported, format!("{error}")),
        _ => damaged(format!("{error}")),
    }
}
