//! PNG: truecolour or palette, no ancillary chunks.

use png::{BitDepth, ColorType, Encoder, Filter};

use super::palette::Palette;
use crate::raster::{Layout, Raster};

/// Every pixel as it is.
pub(crate) fn truecolour(raster: &Raster) -> Option<Vec<u8>> {
    let colour = match raster.layout {
        Layout::Gray => ColorType::Grayscale,
        Layout::Rgb => ColorType::Rgb,
        Layout::Rgba => ColorType::Rgba,
    };
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, raster.width, raster.height);
    encoder.set_color(colour);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_filter(Filter::Adaptive);
    encoder.write_header().ok()?.write_image_data(&raster.pixels).ok()?;
    Some(out)
}

/// Colours of a table, in as few bits as number them.
pub(crate) fn indexed(raster: &Raster, palette: &Palette) -> Option<Vec<u8>> {
    let (depth, bits) = match palette.colours.len() {
        ..=2 => (BitDepth::One, 1),
        3..=4 => (BitDepth::Two, 2),
        5..=16 => (BitDepth::Four, 4),
        _ => (BitDepth::Eight, 8usize),
    };
    let indices = palette.indices(raster);
    let rows = indices.chunks(raster.width.max(1) as usize);
    let packed: Vec<u8> = rows
        .flat_map(|row| {
            row.chunks(8 / bits).map(move |pixels| {
                let places = (1..=8 / bits).map(|place| 8 - bits * place);
                pixels.iter().zip(places).fold(0, |octet, (index, shift)| octet | index << shift)
            })
        })
        .collect();
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, raster.width, raster.height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(depth);
    encoder.set_palette(palette.colours.as_flattened());
    if palette.transparent {
        encoder.set_trns(&[0u8][..]);
    }
    // Neighbouring numbers are not neighbouring colours.
    encoder.set_filter(Filter::NoFilter);
    encoder.write_header().ok()?.write_image_data(&packed).ok()?;
    Some(out)
}
