//! EXIF 2.32 as far as a gateway needs it: the orientation, and whether a place is told. A TIFF
//! directory (TIFF 6.0 §2) read with patience: what is broken is left out, never an error.

use super::cursor::Cursor;

const ORIENTATION: u16 = 0x0112;
const GPS: u16 = 0x8825;

/// What an EXIF block says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exif {
    /// 1 to 8; 1 when not said or not one of them.
    pub(super) orientation: u8,
    pub(super) gps: bool,
}

/// Reads the block behind `Exif\0\0`, or with it: writers of PNG and WebP differ.
pub(super) fn read(block: &[u8]) -> Exif {
    let mut exif = Exif { orientation: 1, gps: false };
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let Some(order) = Order::of(block) else { return exif };
    for entry in order.directory(block) {
        match entry.tag {
            ORIENTATION => exif.orientation = orientation(entry.value),
            GPS => exif.gps = true,
            _ => {}
        }
    }
    exif
}

/// The value when it is one of the eight, else upright.
pub(super) fn orientation(value: u32) -> u8 {
    u8::try_from(value).ok().filter(|value| (1..=8).contains(value)).unwrap_or(1)
}

/// Octet order of a TIFF structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Big,
    Little,
}

/// One entry of a directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) tag: u16,
    /// How many values.
    pub(super) count: u32,
    /// The first value when it stands in the entry, else the offset of the values.
    pub(super) value: u32,
    /// The second value of two SHORTs that stand in the entry.
    pub(super) second: u32,
}

impl Order {
    /// Octet order, when this is a TIFF header.
    pub(super) fn of(block: &[u8]) -> Option<Self> {
        match block.first_chunk()? {
            b"II*\0" => Some(Self::Little),
            b"MM\0*" => Some(Self::Big),
            _ => None,
        }
    }

    pub(super) fn u16(self, cursor: &mut Cursor<'_>) -> Option<u16> {
        match self {
            Self::Big => cursor.u16_be(),
            Self::Little => cursor.u16_le(),
        }
    }

    fn u32(self, cursor: &mut Cursor<'_>) -> Option<u32> {
        match self {
            Self::Big => cursor.u32_be(),
            Self::Little => cursor.u32_le(),
        }
    }

    /// Entries of the first directory, as many as are whole.
    pub(super) fn directory(self, block: &[u8]) -> impl Iterator<Item = Entry> {
        let offset = self.u32(&mut Cursor::at(block, 4)).and_then(|offset| usize::try_from(offset).ok());
        let mut cursor = Cursor::at(block, offset.unwrap_or(usize::MAX));
        let entries = self.u16(&mut cursor).unwrap_or(0);
        (0..entries).map_while(move |_| self.entry(&mut cursor))
    }

    fn entry(self, cursor: &mut Cursor<'_>) -> Option<Entry> {
        let tag = self.u16(cursor)?;
        let kind = self.u16(cursor)?;
        let count = self.u32(cursor)?;
        let mut field = Cursor::new(cursor.take(4)?);
        let (value, second) = match kind {
            1 => (u32::from(field.u8()?), u32::from(field.u8()?)),
            3 if count <= 2 => (u32::from(self.u16(&mut field)?), u32::from(self.u16(&mut field)?)),
            _ => (self.u32(&mut field)?, 0),
        };
        Some(Entry { tag, count, value, second })
    }
}
