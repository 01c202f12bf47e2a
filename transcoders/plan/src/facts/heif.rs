//! HEIC and AVIF (ISO/IEC 23008-12): the properties of the primary item, and the track of an image
//! sequence. Orientation is what the container says; the format forbids to look for it in EXIF.

use super::{
    Colour, Detail, Picture,
    bmff::{self, Boxes, child},
    bounds,
    cursor::{Cursor, contains, fit},
    exif,
    reading::Reading,
};
use crate::{format::Format, limits::Limits};

/// Most items that are looked through for metadata and tables: a picture of 100 million pixels in
/// tiles of 512 has 400.
const MAX_ITEMS: usize = 4096;

pub(super) fn read(octets: &[u8], av1: bool, limits: &Limits) -> Reading {
    let format = if av1 { Format::Avif } else { Format::Heic };
    let (mut meta, mut moov, mut cut, mut trailing) = (None, None, false, false);
    for found in Boxes::new(octets) {
        match &found.kind {
            b"meta" => meta = meta.or(Some(found)),
            b"moov" => moov = moov.or(Some(found)),
            b"ftyp" | b"mdat" | b"free" | b"skip" => {}
            // Motion photographs and what vendors append.
            _ => trailing = true,
        }
        cut |= found.cut;
    }
    let item = meta.and_then(|meta| meta.body.get(4..)).and_then(|meta| Item::read(meta, octets));
    let sequence = moov.and_then(|moov| sequence(moov.body));
    let Some(mut picture) = item.as_ref().map(|item| item.picture).or(sequence) else {
        let mut reading = Reading::bare(format);
        reading.damaged("The picture ends before it says its size.");
        return reading;
    };
    if let Some(sequence) = sequence {
        picture.frames = sequence.frames.max(1);
        if picture.frames > 1 {
            picture.duration_ms = sequence.duration_ms;
        }
    }
    picture.metadata |= trailing;
    let mut reading = Reading::new(format, Detail::Picture(picture));
    if cut {
        reading.damaged("The picture ends early.");
    }
    if let Some(item) = item {
        if item.encrypted {
            reading.encrypted("The picture is encrypted.");
        }
        // Tiles and auxiliary pictures are decoded as well.
        bounds::raster(&mut reading, item.largest.0, item.largest.1, limits);
        reading.bound("octets of metadata", item.blocks, limits.metadata_octets);
    }
    reading
}

/// What `meta` says about the primary item.
struct Item {
    picture: Picture,
    /// Largest picture that any item says it has.
    largest: (u32, u32),
    encrypted: bool,
    blocks: u64,
}

impl Item {
    fn read(meta: &[u8], octets: &[u8]) -> Option<Self> {
        let primary = child(meta, b"pitm").and_then(versioned_id)?;
        let properties = child(meta, b"iprp")?;
        let container = child(properties, b"ipco")?;
        let mut item = Self {
            picture: Picture::plain(0, 0, Colour::Ycc { across: true, down: true }),
            largest: (0, 0),
            encrypted: false,
            blocks: 0,
        };
        let all = Boxes::new(container).take(MAX_ITEMS);
        for found in all.clone() {
            match &found.kind {
                b"ispe" => {
                    let (width, height) = extent(found.body).unwrap_or_default();
                    item.largest = (item.largest.0.max(width), item.largest.1.max(height));
                }
                b"auxC" => {
                    item.picture.alpha |= contains(found.body, b"alpha") || contains(found.body, b":aux:1")
                }
                b"colr" => item.blocks += found.body.len() as u64,
                _ => {}
            }
        }
        let mut turn = Turn::default();
        for index in Boxes::new(properties)
            .filter(|found| found.kind == *b"ipma")
            .find_map(|found| associations(found.body, primary))?
        {
            // Properties count from 1; 0 is none.
            let Some(found) = usize::from(index).checked_sub(1).and_then(|index| all.clone().nth(index))
            else {
                continue;
            };
            match &found.kind {
                b"ispe" => (item.picture.width, item.picture.height) = extent(found.body)?,
                b"irot" => turn.rotate(found.body.first().map_or(0, |octet| 4 - (octet & 3))),
                b"imir" => turn.mirror(found.body.first().is_some_and(|octet| octet & 1 == 0)),
                b"av1C" => item.picture.colour = av1_colour(found.body),
                _ => {}
            }
        }
        item.picture.orientation = turn.orientation();
        item.names(meta, octets);
        Some(item)
    }

    /// Items that are metadata: EXIF is looked into for a place.
    fn names(&mut self, meta: &[u8], octets: &[u8]) {
        let entries = child(meta, b"iinf").unwrap_or_default();
        let mut looked = false;
        let skipped = if entries.first() == Some(&0) { 6 } else { 8 };
        for found in Boxes::new(entries.get(skipped..).unwrap_or_default()).take(MAX_ITEMS) {
            let mut cursor = Cursor::new(found.body);
            let id = match cursor.u8() {
                Some(2) => cursor.skip(3).and_then(|()| cursor.u16_be()).map(u32::from),
                Some(3) => cursor.skip(3).and_then(|()| cursor.u32_be()),
                _ => None,
            };
            let Some(id) = id else { continue };
            self.encrypted |= cursor.u16_be().is_some_and(|protection| protection != 0);
            match cursor.array().as_ref() {
                // The first is enough: each look-up walks the whole table of places.
                Some(b"Exif") if !looked => {
                    looked = true;
                    self.picture.metadata = true;
                    let block = child(meta, b"iloc").and_then(|table| located(table, id, octets));
                    if let Some(block) = block {
                        self.blocks += block.len() as u64;
                        self.picture.gps |= exif_item(block);
                    }
                }
                Some(b"Exif" | b"mime") => self.picture.metadata = true,
                _ => {}
            }
        }
    }
}

/// `item_ID` of `pitm`.
fn versioned_id(body: &[u8]) -> Option<u32> {
    let mut cursor = Cursor::new(body);
    let version = cursor.u8()?;
    cursor.skip(3)?;
    if version == 0 { cursor.u16_be().map(u32::from) } else { cursor.u32_be() }
}

fn extent(body: &[u8]) -> Option<(u32, u32)> {
    let mut cursor = Cursor::at(body, 4);
    Some((cursor.u32_be()?, cursor.u32_be()?))
}

/// Indexes of the properties of an item by `ipma`, without the flag that says which are essential.
fn associations(body: &[u8], item: u32) -> Option<impl Iterator<Item = u16>> {
    let mut cursor = Cursor::new(body);
    let version = cursor.u8()?;
    let wide = cursor.u24_be()? & 1 != 0;
    for _ in 0..cursor.u32_be()? {
        let id = if version == 0 { u32::from(cursor.u16_be()?) } else { cursor.u32_be()? };
        let count = usize::from(cursor.u8()?);
        let listed = cursor.take(if wide { count * 2 } else { count })?;
        if id == item {
            let mut cursor = Cursor::new(listed);
            return Some(core::iter::from_fn(move || {
                if wide {
                    cursor.u16_be().map(|index| index & 0x7FFF)
                } else {
                    cursor.u8().map(|index| u16::from(index & 0x7F))
                }
            }));
        }
    }
    None
}

/// Subsampling of `av1C`.
fn av1_colour(body: &[u8]) -> Colour {
    let flags = body.get(2).copied().unwrap_or(0x0C);
    if flags & 0x10 != 0 {
        return Colour::Gray;
    }
    Colour::Ycc { across: flags & 0x08 != 0, down: flags & 0x04 != 0 }
}

/// The octets of an item by `iloc`, when they are one piece of the file.
fn located<'a>(table: &[u8], item: u32, octets: &'a [u8]) -> Option<&'a [u8]> {
    let mut cursor = Cursor::new(table);
    let version = cursor.u8()?;
    cursor.skip(3)?;
    let [sizes, more] = cursor.array()?;
    let (offset_size, length_size, base_size) = (sizes >> 4, sizes & 15, more >> 4);
    let index_size = if version == 0 { 0 } else { more & 15 };
    let items = if version < 2 { u32::from(cursor.u16_be()?) } else { cursor.u32_be()? };
    for _ in 0..items {
        let id = if version < 2 { u32::from(cursor.u16_be()?) } else { cursor.u32_be()? };
        let method = if version == 0 { 0 } else { cursor.u16_be()? & 15 };
        cursor.skip(2)?;
        let base = sized(&mut cursor, base_size)?;
        for _ in 0..cursor.u16_be()? {
            sized(&mut cursor, index_size)?;
            let offset = sized(&mut cursor, offset_size)?;
            let length = sized(&mut cursor, length_size)?;
            if id == item {
                let offset = usize::try_from(base.checked_add(offset)?).ok()?;
                let mut found = Cursor::at(octets, offset);
                return (method == 0)
                    .then(|| found.take_up_to(usize::try_from(length).unwrap_or(usize::MAX)));
            }
        }
    }
    None
}

/// A number of 0, 4 or 8 octets.
fn sized(cursor: &mut Cursor<'_>, size: u8) -> Option<u64> {
    match size {
        0 => Some(0),
        4 => cursor.u32_be().map(u64::from),
        8 => cursor.u64_be(),
        _ => None,
    }
}

/// Whether an EXIF item tells a place: the offset of the TIFF header stands before it.
fn exif_item(block: &[u8]) -> bool {
    let mut cursor = Cursor::new(block);
    let offset = cursor.u32_be().and_then(|offset| usize::try_from(offset).ok());
    let block = offset.and_then(|offset| cursor.rest().get(offset..)).unwrap_or_default();
    exif::read(block).gps
}

/// Turns and mirrors in the order of their properties: first mirrored left to right, then turned.
#[derive(Default)]
struct Turn {
    mirrored: bool,
    /// Quarters clockwise.
    quarters: u8,
}

impl Turn {
    fn rotate(&mut self, quarters: u8) {
        self.quarters = (self.quarters + quarters) % 4;
    }

    /// Left to right, or top to bottom, which is left to right and half a turn.
    fn mirror(&mut self, top_to_bottom: bool) {
        self.mirrored = !self.mirrored;
        self.quarters = (4 - self.quarters) % 4;
        self.rotate(if top_to_bottom { 2 } else { 0 });
    }

    /// The same as EXIF says it.
    const fn orientation(&self) -> u8 {
        match (self.mirrored, self.quarters) {
            (false, 1) => 6,
            (false, 2) => 3,
            (false, 3) => 8,
            (true, 0) => 2,
            (true, 1) => 7,
            (true, 2) => 4,
            (true, 3) => 5,
            _ => 1,
        }
    }
}

/// Size, frames and playing time of the first track of an image sequence.
fn sequence(moov: &[u8]) -> Option<Picture> {
    let (video, frames) = bmff::first_pictures(moov)?;
    let colour = Colour::Ycc { across: true, down: true };
    Some(Picture {
        frames: fit(frames),
        duration_ms: video.duration_ms,
        ..Picture::plain(video.width, video.height, colour)
    })
}
