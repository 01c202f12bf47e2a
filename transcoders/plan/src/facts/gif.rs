//! GIF 87a and 89a: blocks are walked by their lengths, nothing is decompressed.

use super::{
    Colour, Detail, Picture, bounds,
    cursor::{Cursor, contains},
    reading::Reading,
};
use crate::{format::Format, limits::Limits};

/// Hundredths of a second below which every common viewer shows a frame for a tenth of one.
const SHORTEST_DELAY: u16 = 2;

pub(super) fn read(octets: &[u8], limits: &Limits) -> Reading {
    let mut cursor = Cursor::at(octets, 6);
    let Some(picture) = screen(&mut cursor) else {
        let mut reading = Reading::bare(Format::Gif);
        reading.damaged("The GIF ends before it says its size.");
        return reading;
    };
    let mut walk = Walk { picture, frames: 0, largest: (0, 0), delay: 0, centis: 0 };
    let ended = walk.blocks(&mut cursor).is_some();
    let mut picture = walk.picture;
    picture.metadata |= ended && !cursor.is_empty();
    picture.frames = walk.frames.max(1);
    if picture.frames > 1 {
        picture.duration_ms = walk.centis.saturating_mul(10);
    }
    if picture.width == 0 || picture.height == 0 {
        (picture.width, picture.height) = walk.largest;
    }
    let mut reading = Reading::new(Format::Gif, Detail::Picture(picture));
    if walk.frames == 0 {
        reading.damaged("The GIF holds no picture.");
    } else if !ended {
        reading.damaged("The GIF ends early.");
    }
    bounds::raster(&mut reading, walk.largest.0, walk.largest.1, limits);
    reading
}

fn screen(cursor: &mut Cursor<'_>) -> Option<Picture> {
    let width = u32::from(cursor.u16_le()?);
    let height = u32::from(cursor.u16_le()?);
    let [flags, _, _] = cursor.array()?;
    cursor.take_up_to(table(flags));
    Some(Picture::plain(width, height, Colour::Palette))
}

/// Octets of the colour table that the flags announce.
const fn table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 6 << (flags & 7) }
}

struct Walk {
    picture: Picture,
    frames: u32,
    /// Largest frame; it can be larger than the screen.
    largest: (u32, u32),
    /// Delay told for the next frame.
    delay: u16,
    centis: u64,
}

impl Walk {
    /// Walks to the trailer; `None` when the octets end before it.
    fn blocks(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        loop {
            match cursor.u8()? {
                0x21 => {
                    let label = cursor.u8()?;
                    self.extension(label, cursor)?;
                }
                0x2C => self.image(cursor)?,
                0x3B => return Some(()),
                // Padding between blocks is seen in the wild.
                0x00 => {}
                _ => return None,
            }
        }
    }

    fn extension(&mut self, label: u8, cursor: &mut Cursor<'_>) -> Option<()> {
        let length = usize::from(*cursor.rest().first()?);
        let first = cursor.rest().get(1..)?.get(..length)?;
        match label {
            0xF9 => {
                let mut control = Cursor::new(first);
                self.picture.alpha |= control.u8()? & 1 != 0;
                self.delay = control.u16_le()?;
            }
            0xFE => self.picture.metadata = true,
            0xFF if first.starts_with(b"XMP Data") => {
                self.picture.metadata = true;
                let before = cursor.rest();
                skip_blocks(cursor)?;
                let block = before.get(..before.len().saturating_sub(cursor.len())).unwrap_or_default();
                self.picture.gps |= contains(block, b"GPSLatitude");
                return Some(());
            }
            _ => {}
        }
        skip_blocks(cursor)
    }

    fn image(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        cursor.skip(4)?;
        let width = u32::from(cursor.u16_le()?);
        let height = u32::from(cursor.u16_le()?);
        let flags = cursor.u8()?;
        self.frames = self.frames.saturating_add(1);
        self.picture.progressive |= flags & 0x40 != 0;
        self.largest = (self.largest.0.max(width), self.largest.1.max(height));
        let delay = if self.delay < SHORTEST_DELAY { 10 } else { self.delay };
        self.centis = self.centis.saturating_add(u64::from(delay));
        self.delay = 0;
        cursor.skip(table(flags))?;
        cursor.skip(1)?;
        skip_blocks(cursor)
    }
}

fn skip_blocks(cursor: &mut Cursor<'_>) -> Option<()> {
    loop {
        match cursor.u8()? {
            0 => return Some(()),
            length => cursor.skip(usize::from(length))?,
        }
    }
}
