//! PNG and APNG (PNG Third Edition): chunks are walked by their lengths; neither check sums nor
//! compressed data are looked at.

use super::{
    Colour, Detail, Picture,
    cursor::{Cursor, contains, scale},
    exif,
    reading::Reading,
};
use crate::{format::Format, limits::Limits};

pub(super) const MAGIC: &[u8] = b"\x89PNG\r\n\x1A\n";

pub(super) fn read(octets: &[u8], limits: &Limits) -> Reading {
    let mut cursor = Cursor::at(octets, MAGIC.len());
    let Some(picture) = chunk(&mut cursor).and_then(|(kind, body, _)| header(kind, body)) else {
        let mut reading = Reading::bare(Format::Png);
        reading.damaged("The PNG ends before it says its size.");
        return reading;
    };
    let mut walk = Walk { picture, data: false, ended: false, blocks: 0, micros: 0 };
    while let Some((kind, body, whole)) = chunk(&mut cursor) {
        walk.chunk(kind, body);
        if walk.ended || !whole {
            break;
        }
    }
    walk.picture.metadata |= walk.ended && !cursor.is_empty();
    if walk.picture.frames > 1 {
        walk.picture.duration_ms = walk.micros / 1000;
    }
    let mut reading = Reading::new(Format::Png, Detail::Picture(walk.picture));
    if !walk.data {
        reading.damaged("The PNG holds no picture data.");
    } else if !walk.ended {
        reading.damaged("The PNG ends early.");
    }
    reading.bound("octets of metadata", walk.blocks, limits.metadata_octets);
    reading
}

/// Type, what there is of the body, and whether all of it is there.
fn chunk<'a>(cursor: &mut Cursor<'a>) -> Option<([u8; 4], &'a [u8], bool)> {
    let length = usize::try_from(cursor.u32_be()?).unwrap_or(usize::MAX);
    let kind = cursor.array()?;
    let body = cursor.take_up_to(length);
    let whole = cursor.skip(4).is_some();
    Some((kind, body, whole))
}

fn header(kind: [u8; 4], body: &[u8]) -> Option<Picture> {
    if kind != *b"IHDR" {
        return None;
    }
    let mut cursor = Cursor::new(body);
    let (width, height) = (cursor.u32_be()?, cursor.u32_be()?);
    let [depth, colour, _, _, interlace] = cursor.array()?;
    let (colour, alpha) = match (colour, depth) {
        (0, 1) => (Colour::Bilevel, false),
        (0, _) => (Colour::Gray, false),
        (3, _) => (Colour::Palette, false),
        (4, _) => (Colour::Gray, true),
        (6, _) => (Colour::Rgb, true),
        _ => (Colour::Rgb, false),
    };
    Some(Picture { alpha, progressive: interlace != 0, ..Picture::plain(width, height, colour) })
}

struct Walk {
    picture: Picture,
    data: bool,
    ended: bool,
    /// Octets of EXIF and ICC.
    blocks: u64,
    /// Delays of all frames.
    micros: u64,
}

impl Walk {
    fn chunk(&mut self, kind: [u8; 4], body: &[u8]) {
        let picture = &mut self.picture;
        match &kind {
            b"IDAT" => self.data = true,
            b"IEND" => self.ended = true,
            b"tRNS" => picture.alpha = true,
            b"acTL" if !self.data => {
                picture.frames = Cursor::new(body).u32_be().unwrap_or(1).max(1);
            }
            b"fcTL" => self.micros = self.micros.saturating_add(delay(body).unwrap_or(0)),
            b"eXIf" => {
                let exif = exif::read(body);
                picture.orientation = exif.orientation;
                picture.gps |= exif.gps;
                picture.metadata = true;
                self.blocks += body.len() as u64;
            }
            b"iCCP" => self.blocks += body.len() as u64,
            b"iTXt" | b"tEXt" | b"zTXt" => {
                picture.metadata = true;
                picture.gps |= contains(body, b"GPSLatitude");
            }
            b"tIME" => picture.metadata = true,
            _ => {}
        }
    }
}

/// Microseconds that a frame is shown; a divisor of 0 means hundredths.
fn delay(body: &[u8]) -> Option<u64> {
    let mut cursor = Cursor::at(body, 20);
    let (number, divisor) = (cursor.u16_be()?, cursor.u16_be()?);
    Some(scale(u64::from(number), 1_000_000, if divisor == 0 { 100 } else { u64::from(divisor) }))
}
