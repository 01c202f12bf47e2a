//! WebP (RFC 9649): the chunks of the RIFF container and the first octets of each bit stream.

use super::{
    Colour, Detail, Picture, bounds,
    cursor::{Cursor, contains},
    exif,
    reading::Reading,
    riff::Chunks,
};
use crate::{format::Format, limits::Limits};

/// `body` is what stands behind `WEBP`, `cut` and `trailing` how it relates to the end of the part.
pub(super) fn read(body: &[u8], cut: bool, trailing: bool, limits: &Limits) -> Reading {
    let mut walk = Walk::default();
    let mut chunks = Chunks::new(body);
    for (kind, body) in &mut chunks {
        walk.chunk(kind, body);
    }
    let Some(mut picture) = walk.canvas.or(walk.stream) else {
        let mut reading = Reading::bare(Format::WebP);
        reading.damaged("The WebP ends before it says its size.");
        return reading;
    };
    if let Some(stream) = walk.stream {
        picture.colour = stream.colour;
        picture.alpha |= stream.alpha;
    }
    picture.orientation = walk.orientation;
    picture.metadata = walk.metadata || trailing;
    picture.gps = walk.gps;
    picture.frames = walk.frames.max(1);
    if picture.frames > 1 {
        picture.duration_ms = walk.duration_ms;
    }
    let mut reading = Reading::new(Format::WebP, Detail::Picture(picture));
    if walk.stream.is_none() && walk.frames == 0 {
        reading.damaged("The WebP holds no picture data.");
    } else if cut || chunks.cut {
        reading.damaged("The WebP ends early.");
    }
    if let Some(stream) = walk.stream {
        bounds::raster(&mut reading, stream.width, stream.height, limits);
    }
    reading.bound("octets of metadata", walk.blocks, limits.metadata_octets);
    reading
}

struct Walk {
    /// What `VP8X` says.
    canvas: Option<Picture>,
    /// What the still bit stream says.
    stream: Option<Picture>,
    orientation: u8,
    metadata: bool,
    gps: bool,
    frames: u32,
    duration_ms: u64,
    blocks: u64,
}

impl Default for Walk {
    fn default() -> Self {
        Self {
            canvas: None,
            stream: None,
            orientation: 1,
            metadata: false,
            gps: false,
            frames: 0,
            duration_ms: 0,
            blocks: 0,
        }
    }
}

impl Walk {
    fn chunk(&mut self, kind: [u8; 4], body: &[u8]) {
        match &kind {
            b"VP8X" => self.canvas = self.canvas.or_else(|| extended(body)),
            b"VP8 " => self.stream = self.stream.or_else(|| lossy(body)),
            b"VP8L" => self.stream = self.stream.or_else(|| lossless(body)),
            b"ANMF" => {
                self.frames = self.frames.saturating_add(1);
                let delay = Cursor::at(body, 12).u24_le().unwrap_or(0);
                self.duration_ms = self.duration_ms.saturating_add(u64::from(delay));
            }
            b"EXIF" => {
                let exif = exif::read(body);
                self.orientation = exif.orientation;
                self.gps |= exif.gps;
                self.metadata = true;
                self.blocks += body.len() as u64;
            }
            b"ICCP" => self.blocks += body.len() as u64,
            b"XMP " => {
                self.metadata = true;
                self.gps |= contains(body, b"GPSLatitude");
            }
            _ => {}
        }
    }
}

fn extended(body: &[u8]) -> Option<Picture> {
    let mut cursor = Cursor::new(body);
    let flags = cursor.u8()?;
    cursor.skip(3)?;
    let (width, height) = (cursor.u24_le()? + 1, cursor.u24_le()? + 1);
    Some(Picture { alpha: flags & 0x10 != 0, ..Picture::plain(width, height, Colour::Rgb) })
}

/// The frame header of RFC 6386 §9.1.
fn lossy(body: &[u8]) -> Option<Picture> {
    let mut cursor = Cursor::at(body, 3);
    if cursor.array()? != [0x9D, 0x01, 0x2A] {
        return None;
    }
    let (width, height) = (cursor.u16_le()? & 0x3FFF, cursor.u16_le()? & 0x3FFF);
    let colour = Colour::Ycc { across: true, down: true };
    Some(Picture::plain(u32::from(width), u32::from(height), colour))
}

/// The header of RFC 9649 §3.4.
fn lossless(body: &[u8]) -> Option<Picture> {
    let mut cursor = Cursor::new(body);
    if cursor.u8()? != 0x2F {
        return None;
    }
    let bits = cursor.u32_le()?;
    let picture = Picture::plain((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, Colour::Rgb);
    Some(Picture { alpha: bits >> 28 & 1 != 0, ..picture })
}
