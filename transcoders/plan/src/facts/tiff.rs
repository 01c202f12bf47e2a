//! TIFF 6.0: the first directory, which is the picture that is shown. Further pages are not counted.

use super::{
    Colour, Detail, Picture,
    exif::{self, Order},
    reading::Reading,
};
use crate::{format::Format, job::FaultKind};

/// Reads a TIFF when its header is there.
pub(super) fn read(octets: &[u8]) -> Option<Reading> {
    if matches!(octets.first_chunk(), Some(b"II+\0" | b"MM\0+")) {
        let mut reading = Reading::bare(Format::Tiff);
        reading.fault(FaultKind::Unsupported, "A TIFF with 64-bit offsets is not read here.");
        return Some(reading);
    }
    let order = Order::of(octets)?;
    let mut page = Page::default();
    for entry in order.directory(octets) {
        page.entry(entry);
    }
    let colour = match (page.photometric, page.bits) {
        (0 | 1, 1) if page.samples == 1 => Colour::Bilevel,
        (0 | 1, _) => Colour::Gray,
        (3, _) => Colour::Palette,
        (5, _) => Colour::Cmyk,
        (6, _) => Colour::Ycc { across: page.chroma.0 > 1, down: page.chroma.1 > 1 },
        _ => Colour::Rgb,
    };
    let picture = Picture {
        orientation: page.orientation,
        alpha: page.alpha,
        metadata: page.metadata,
        gps: page.gps,
        ..Picture::plain(page.width, page.height, colour)
    };
    let mut reading = Reading::new(Format::Tiff, Detail::Picture(picture));
    if let Some((offset, length)) = page.only_strip()
        && offset + length > octets.len() as u64
    {
        reading.damaged("The TIFF ends early.");
    }
    Some(reading)
}

struct Page {
    width: u32,
    height: u32,
    orientation: u8,
    photometric: u32,
    bits: u32,
    samples: u32,
    chroma: (u32, u32),
    alpha: bool,
    metadata: bool,
    gps: bool,
    /// Offset and length, each when there is but one.
    strip: (Option<u32>, Option<u32>),
}

impl Default for Page {
    fn default() -> Self {
        Self {
            width: 0,
            height: 0,
            orientation: 1,
            photometric: 2,
            bits: 1,
            samples: 1,
            chroma: (2, 2),
            alpha: false,
            metadata: false,
            gps: false,
            strip: (None, None),
        }
    }
}

impl Page {
    fn entry(&mut self, entry: exif::Entry) {
        let exif::Entry { tag, count, value, second } = entry;
        match tag {
            256 => self.width = value,
            257 => self.height = value,
            258 => self.bits = if count <= 2 { value } else { 8 },
            262 => self.photometric = value,
            273 if count == 1 => self.strip.0 = Some(value),
            274 => self.orientation = exif::orientation(value),
            277 => self.samples = value,
            279 if count == 1 => self.strip.1 = Some(value),
            338 => self.alpha = true,
            530 => self.chroma = (value, second),
            // Description, maker, model, software, date, artist, XMP, copyright, IPTC, Photoshop, EXIF.
            270 | 271 | 272 | 305 | 306 | 315 | 700 | 33_432 | 33_723 | 34_377 | 34_665 => {
                self.metadata = true;
            }
            34_853 => {
                self.metadata = true;
                self.gps = true;
            }
            _ => {}
        }
    }

    fn only_strip(&self) -> Option<(u64, u64)> {
        Some((u64::from(self.strip.0?), u64::from(self.strip.1?)))
    }
}
