//! One track: `trak` and what stands in it.

use super::{
    boxes::{Boxes, child},
    entry::Entry,
    tells_place,
};
use crate::facts::{
    Sound, Video,
    cursor::{Cursor, fit, scale},
};

/// What a track says.
#[derive(Debug, Clone, Default)]
pub(super) struct Track {
    /// `track_ID`.
    pub(super) id: u32,
    /// Units a second.
    pub(super) timescale: u64,
    /// Length in units, and how many samples and octets that is.
    pub(super) units: u64,
    pub(super) samples: u64,
    pub(super) octets: u64,
    /// How its picture is coded, without times.
    pub(super) video: Option<Video>,
    /// How its sound is coded, without times.
    pub(super) sound: Option<Sound>,
    pub(super) encrypted: bool,
    /// Whether user data of the track tell a place.
    pub(super) place: bool,
    /// Whether it calls itself picture or sound and has no description of it.
    pub(super) unreadable: bool,
}

impl Track {
    pub(super) fn read(trak: &[u8]) -> Self {
        let mut track = Self::default();
        let mut rotation = 0;
        for found in Boxes::new(trak) {
            match &found.kind {
                b"tkhd" => {
                    if let Some(header) = header(found.body) {
                        (track.id, rotation) = header;
                    }
                }
                b"mdia" => track.media(found.body),
                b"udta" | b"meta" => track.place |= tells_place(found.body),
                _ => {}
            }
        }
        if let Some(video) = &mut track.video {
            video.rotation = rotation;
        }
        track
    }

    fn media(&mut self, mdia: &[u8]) {
        let mut handler = [0; 4];
        let (mut table, mut stated) = (&[][..], 0);
        for found in Boxes::new(mdia) {
            match &found.kind {
                b"mdhd" => {
                    if let Some(header) = media_header(found.body) {
                        (self.timescale, stated) = header;
                    }
                }
                b"hdlr" => handler = Cursor::at(found.body, 8).array().unwrap_or_default(),
                b"minf" => table = child(found.body, b"stbl").unwrap_or_default(),
                _ => {}
            }
        }
        for found in Boxes::new(table) {
            match &found.kind {
                b"stsd" => self.describe(handler, found.body),
                b"stts" => (self.samples, self.units) = times(found.body),
                b"stsz" => self.octets = sizes(found.body).unwrap_or(0),
                _ => {}
            }
        }
        // What the samples say is what a decoder will see; the header is for those without any.
        if self.units == 0 {
            self.units = stated;
        }
    }

    fn describe(&mut self, handler: [u8; 4], stsd: &[u8]) {
        let entries = stsd.get(8..).unwrap_or_default();
        let Some(first) = Boxes::new(entries).next() else {
            self.unreadable = matches!(&handler, b"soun" | b"vide");
            return;
        };
        match &handler {
            b"vide" | b"pict" => match Entry::video(first.kind, first.body) {
                Some(Entry { coded, encrypted }) => {
                    self.video = Some(coded);
                    self.encrypted = encrypted;
                }
                None => self.unreadable = true,
            },
            b"soun" => match Entry::sound(first.kind, first.body) {
                Some(Entry { coded, encrypted }) => {
                    self.sound = Some(coded);
                    self.encrypted = encrypted;
                }
                None => self.unreadable = true,
            },
            _ => {}
        }
    }

    fn duration_ms(&self) -> u64 {
        scale(self.units, 1000, self.timescale)
    }

    /// Its sound, with times.
    pub(super) fn sound(&self) -> Option<Sound> {
        let sound = self.sound?;
        let duration_ms = self.duration_ms();
        let measured = fit(scale(self.octets, 8000, duration_ms));
        let bit_rate = if measured == 0 { sound.bit_rate } else { measured };
        Some(Sound { duration_ms, bit_rate, ..sound })
    }

    /// Its picture, with times.
    pub(super) fn video(&self) -> Option<Video> {
        let video = self.video?;
        let samples = self.samples.saturating_mul(1000);
        let millihertz = fit(scale(samples, self.timescale, self.units));
        Some(Video { duration_ms: self.duration_ms(), millihertz, ..video })
    }
}

/// `track_ID` and degrees of `tkhd`.
fn header(body: &[u8]) -> Option<(u32, u16)> {
    let mut cursor = Cursor::new(body);
    let wide = cursor.u8()? == 1;
    cursor.skip(3 + if wide { 16 } else { 8 })?;
    let id = cursor.u32_be()?;
    cursor.skip(4 + if wide { 8 } else { 4 } + 16)?;
    let rotation = rotation(&mut cursor).unwrap_or(0);
    Some((id, rotation))
}

/// The turn of a matrix that is a plain turn, else none: mirroring and shearing are not shown by
/// players either.
fn rotation(cursor: &mut Cursor<'_>) -> Option<u16> {
    let (a, b) = (cursor.i32_be()?, cursor.i32_be()?);
    cursor.skip(4)?;
    let (c, d) = (cursor.i32_be()?, cursor.i32_be()?);
    Some(match (a.signum(), b.signum(), c.signum(), d.signum()) {
        (0, 1, -1, 0) => 90,
        (-1, 0, 0, -1) => 180,
        (0, -1, 1, 0) => 270,
        _ => 0,
    })
}

/// Units a second and length of `mdhd`; a length of all ones is not known.
fn media_header(body: &[u8]) -> Option<(u64, u64)> {
    let mut cursor = Cursor::new(body);
    let wide = cursor.u8()? == 1;
    cursor.skip(3 + if wide { 16 } else { 8 })?;
    let timescale = u64::from(cursor.u32_be()?);
    let length = if wide {
        cursor.u64_be().filter(|length| *length != u64::MAX)
    } else {
        cursor.u32_be().filter(|length| *length != u32::MAX).map(u64::from)
    };
    Some((timescale, length.unwrap_or(0)))
}

/// Samples and units of `stts`, as many entries as are there.
fn times(body: &[u8]) -> (u64, u64) {
    let mut cursor = Cursor::at(body, 8);
    let (mut samples, mut units) = (0_u64, 0_u64);
    while let (Some(count), Some(delta)) = (cursor.u32_be(), cursor.u32_be()) {
        samples = samples.saturating_add(u64::from(count));
        units = units.saturating_add(u64::from(count) * u64::from(delta));
    }
    (samples, units)
}

/// Octets of all samples by `stsz`, as many entries as are there.
fn sizes(body: &[u8]) -> Option<u64> {
    let mut cursor = Cursor::at(body, 4);
    let (each, count) = (u64::from(cursor.u32_be()?), u64::from(cursor.u32_be()?));
    if each != 0 {
        return Some(each.saturating_mul(count));
    }
    let mut octets = 0_u64;
    while let Some(size) = cursor.u32_be() {
        octets = octets.saturating_add(u64::from(size));
    }
    Some(octets)
}
