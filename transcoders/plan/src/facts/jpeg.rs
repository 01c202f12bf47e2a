//! JPEG (ITU-T T.81): markers are walked and entropy-coded data are stepped over, so that the
//! number of scans and what stands behind the end are known before a decoder starts.
//!
//! Not read: tables, thumbnails, the pictures behind a multi-picture index.

use super::{
    Colour, Detail, Picture,
    cursor::{Cursor, contains},
    exif,
    reading::Reading,
};
use crate::{format::Format, limits::Limits};

pub(super) fn read(octets: &[u8], limits: &Limits) -> Reading {
    let mut walk = Walk::default();
    let ended = walk.segments(&mut Cursor::at(octets, 2)).is_some();
    let Some(frame) = walk.frame else {
        let mut reading = Reading::bare(Format::Jpeg);
        reading.damaged("The JPEG ends before it says its size.");
        return reading;
    };
    let picture = Picture {
        orientation: walk.orientation,
        progressive: frame.process > 1,
        metadata: walk.metadata,
        gps: walk.gps,
        ..Picture::plain(frame.width, frame.height, frame.colour(walk.transform))
    };
    let mut reading = Reading::new(Format::Jpeg, Detail::Picture(picture));
    if walk.scans == 0 {
        reading.damaged("The JPEG holds no picture data.");
    } else if !ended {
        reading.damaged("The JPEG ends early.");
    }
    if picture.progressive {
        reading.bound("scans", u64::from(walk.scans), u64::from(limits.scans));
    }
    reading.bound("octets of metadata", walk.blocks, limits.metadata_octets);
    reading
}

/// A start of frame.
#[derive(Clone, Copy)]
struct Frame {
    /// Which SOF: 0 baseline, 1 extended sequential, 2 progressive, others rarer.
    process: u8,
    width: u32,
    height: u32,
    components: u8,
    /// Identifiers and sampling factors of the first two components.
    ids: [u8; 2],
    across: [u8; 2],
    down: [u8; 2],
}

impl Frame {
    fn read(process: u8, body: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::at(body, 1);
        let height = u32::from(cursor.u16_be()?);
        let width = u32::from(cursor.u16_be()?);
        let components = cursor.u8()?;
        let [first, sampling, _] = cursor.array()?;
        let [second, other, _] = cursor.array().unwrap_or([first, sampling, 0]);
        Some(Self {
            process,
            width,
            height,
            components,
            ids: [first, second],
            across: [sampling >> 4, other >> 4],
            down: [sampling & 15, other & 15],
        })
    }

    /// `transform` is what an Adobe segment says; without one, three components are luma and chroma
    /// unless they are called R and G, as libjpeg has it.
    fn colour(&self, transform: Option<u8>) -> Colour {
        let [luma_across, chroma_across] = self.across;
        let [luma_down, chroma_down] = self.down;
        match (self.components, transform) {
            (1, _) => Colour::Gray,
            (3, Some(0)) => Colour::Rgb,
            (3, None) if self.ids == *b"RG" => Colour::Rgb,
            (3, _) => Colour::Ycc { across: luma_across > chroma_across, down: luma_down > chroma_down },
            _ => Colour::Cmyk,
        }
    }
}

struct Walk {
    frame: Option<Frame>,
    scans: u32,
    transform: Option<u8>,
    orientation: u8,
    metadata: bool,
    gps: bool,
    /// Octets of EXIF and ICC.
    blocks: u64,
}

impl Default for Walk {
    fn default() -> Self {
        Self {
            frame: None,
            scans: 0,
            transform: None,
            orientation: 1,
            metadata: false,
            gps: false,
            blocks: 0,
        }
    }
}

impl Walk {
    /// Walks to the end of the image; `None` when the octets end before it.
    fn segments(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        loop {
            let marker = next_marker(cursor)?;
            match marker {
                0x01 | 0xD0..=0xD8 => continue,
                0xD9 => {
                    self.metadata |= !cursor.is_empty();
                    return Some(());
                }
                _ => {}
            }
            let length = usize::from(cursor.u16_be()?).checked_sub(2)?;
            let body = cursor.take(length)?;
            self.segment(marker, body);
        }
    }

    fn segment(&mut self, marker: u8, body: &[u8]) {
        match marker {
            0xC4 | 0xC8 | 0xCC => {}
            0xC0..=0xCF => self.frame = self.frame.or_else(|| Frame::read(marker - 0xC0, body)),
            0xDA => self.scans = self.scans.saturating_add(1),
            // A height of 0 is told behind the first scan.
            0xDC => {
                if let (Some(frame), Some(lines)) = (&mut self.frame, Cursor::new(body).u16_be())
                    && frame.height == 0
                {
                    frame.height = u32::from(lines);
                }
            }
            0xE0 => self.metadata |= body.starts_with(b"JFXX\0"),
            0xE1 => self.application_1(body),
            0xE2 if body.starts_with(b"ICC_PROFILE\0") => self.blocks += body.len() as u64,
            0xEE if body.starts_with(b"Adobe") => self.transform = body.get(11).copied(),
            0xE2..=0xEF | 0xFE => self.metadata = true,
            _ => {}
        }
    }

    fn application_1(&mut self, body: &[u8]) {
        self.metadata = true;
        if let Some(block) = body.strip_prefix(b"Exif\0") {
            self.blocks += body.len() as u64;
            // The octet behind the name is 0, or 0xFF from some writers.
            let exif = exif::read(block.get(1..).unwrap_or_default());
            if self.orientation == 1 {
                self.orientation = exif.orientation;
            }
            self.gps |= exif.gps;
        } else {
            self.gps |= contains(body, b"GPSLatitude");
        }
    }
}

/// Steps to the next marker: over padding, and over entropy-coded data with their stuffed octets
/// and restart markers.
fn next_marker(cursor: &mut Cursor<'_>) -> Option<u8> {
    loop {
        let at = cursor.rest().iter().position(|octet| *octet == 0xFF)?;
        cursor.skip(at + 1)?;
        match *cursor.rest().first()? {
            0xFF => {}
            0x00 | 0xD0..=0xD7 => cursor.skip(1)?,
            marker => {
                cursor.skip(1)?;
                return Some(marker);
            }
        }
    }
}
