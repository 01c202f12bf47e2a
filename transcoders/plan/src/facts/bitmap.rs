//! Windows and OS/2 bitmaps by their header, and the wireless bitmap type 0 (WAP-237 §6), which
//! has no magic and is believed only when its size comes out to the octet.

use super::{Colour, Detail, Picture, cursor::Cursor, reading::Reading};
use crate::format::Format;

/// Reads a BMP when the header makes sense: `BM` alone also begins texts.
pub(super) fn read(octets: &[u8]) -> Option<Reading> {
    let mut cursor = Cursor::new(octets);
    if cursor.array()? != *b"BM" {
        return None;
    }
    cursor.skip(8)?;
    let pixels = cursor.u32_le()?;
    let header = cursor.u32_le()?;
    let (width, height, bits, compression) = match header {
        12 => {
            let (width, height) = (u32::from(cursor.u16_le()?), u32::from(cursor.u16_le()?));
            cursor.skip(2)?;
            (width, height, cursor.u16_le()?, 0)
        }
        16..=124 => {
            // A negative height means that rows come from the top.
            let width = cursor.i32_le()?.unsigned_abs();
            let height = cursor.i32_le()?.unsigned_abs();
            cursor.skip(2)?;
            let bits = cursor.u16_le()?;
            (width, height, bits, cursor.u32_le().unwrap_or(0))
        }
        _ => return None,
    };
    let colour = if bits <= 8 { Colour::Palette } else { Colour::Rgb };
    let mask = Cursor::at(octets, 66).u32_le().unwrap_or(0);
    let alpha = bits == 32 && header >= 56 && mask != 0;
    let picture = Picture { alpha, ..Picture::plain(width, height, colour) };
    let mut reading = Reading::new(Format::Bmp, Detail::Picture(picture));
    // Rows are padded to four octets; compressed ones have no predictable length.
    let row = (u64::from(width) * u64::from(bits)).div_ceil(32) * 4;
    let end = row.saturating_mul(u64::from(height)).saturating_add(u64::from(pixels));
    // Padding of the last row is left out by some writers.
    if matches!(compression, 0 | 3 | 6) && end > octets.len() as u64 + 3 {
        reading.damaged("The bitmap ends early.");
    }
    Some(reading)
}

/// Reads a WBMP when it is one to the octet.
pub(super) fn wireless(octets: &[u8]) -> Option<Reading> {
    let mut cursor = Cursor::new(octets);
    if cursor.array()? != [0, 0] {
        return None;
    }
    let (width, height) = (integer(&mut cursor)?, integer(&mut cursor)?);
    let whole = u64::from(width.div_ceil(8)) * u64::from(height) == cursor.len() as u64;
    let picture = Picture::plain(width, height, Colour::Bilevel);
    (whole && width > 0 && height > 0).then(|| Reading::new(Format::Wbmp, Detail::Picture(picture)))
}

/// A multi-octet integer: seven bits an octet, the highest bit says that another follows.
fn integer(cursor: &mut Cursor<'_>) -> Option<u32> {
    let mut value = 0_u32;
    for _ in 0..4 {
        let octet = cursor.u8()?;
        value = value << 7 | u32::from(octet & 0x7F);
        if octet & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
