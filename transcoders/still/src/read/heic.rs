//! HEIC through libheif, which applies rotation, mirror and crop of the container itself: the EXIF
//! orientation beside them says the same once more and is not applied.

use cedrat_plan::{
    job::{Fault, FaultKind},
    limits::Limits,
};
use libheif_rs::{ColorSpace, HeifContext, HeifError, HeifErrorCode, LibHeif, RgbChroma};

use super::{admit, damaged, profile};
use crate::{
    jpeg::Scale,
    raster::{Layout, Raster},
    source::{Picture, Source},
};

pub(super) fn read(octets: &[u8], limits: &Limits) -> Result<Source, Fault> {
    let mut context = HeifContext::read_from_bytes(octets).map_err(fault)?;
    // A worker is one thread under a limit of processes.
    context.set_max_decoding_threads(0);
    let handle = context.primary_image_handle().map_err(fault)?;
    admit((handle.width(), handle.height()), limits)?;
    let stored = (handle.ispe_width(), handle.ispe_height());
    if let (Ok(width), Ok(height)) = (u32::try_from(stored.0), u32::try_from(stored.1)) {
        admit((width, height), limits)?;
    }
    let opaque = !handle.has_alpha_channel();
    let (chroma, layout) =
        if opaque { (RgbChroma::Rgb, Layout::Rgb) } else { (RgbChroma::Rgba, Layout::Rgba) };
    let image = LibHeif::new().decode(&handle, ColorSpace::Rgb(chroma), None).map_err(fault)?;
    let planes = image.planes();
    let plane = planes.interleaved.ok_or_else(|| damaged("no pixels"))?;
    let row = plane.width as usize * layout.channels();
    let mut pixels = Vec::with_capacity(row * plane.height as usize);
    for line in plane.data.chunks(plane.stride.max(1)).take(plane.height as usize) {
        pixels.extend_from_slice(line.get(..row).ok_or_else(|| damaged("short rows"))?);
    }
    let raster = Raster { width: plane.width, height: plane.height, layout, pixels };
    if !raster.is_whole() {
        return Err(damaged("missing rows"));
    }
    let profile = profile(handle.color_profile_raw().map(|raw| raw.data).as_deref(), limits);
    Ok(Source {
        size: (raster.width, raster.height),
        picture: Picture::Raster(raster),
        orientation: 1,
        profile,
        exif: None,
        notes: Vec::new(),
        finest: Scale::FINEST,
    })
}

fn fault(error: HeifError) -> Fault {
    let kind = match error.code {
        HeifErrorCode::UnsupportedFileType | HeifErrorCode::UnsupportedFeature => FaultKind::Unsupported,
        HeifErrorCode::MemoryAllocationError => FaultKind::OutOfMemory,
        _ => FaultKind::Damaged,
    };
    Fault::new(kind, format!("libheif: {}", error.message))
}
