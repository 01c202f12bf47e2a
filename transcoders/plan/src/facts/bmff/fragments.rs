//! Movie fragments (ISO/IEC 14496-12 §8.8): tracks whose samples are told beside them, not in the
//! index. Their lengths are added up.

use super::{
    boxes::{Boxes, child},
    track::Track,
};
use crate::facts::cursor::Cursor;

/// Adds what the fragments hold to the tracks that are kept.
pub(super) fn measure(octets: &[u8], moov: &[u8], mut tracks: [&mut Option<Track>; 2]) {
    let extends = child(moov, b"mvex").unwrap_or_default();
    let mut defaults = [Defaults::default(); 2];
    for (track, default) in tracks.iter_mut().zip(&mut defaults) {
        let Some(track) = track else { continue };
        *default = Boxes::new(extends)
            .filter(|found| found.kind == *b"trex")
            .find_map(|found| Defaults::of(track.id, found.body))
            .unwrap_or_default();
        // The index may give the length of the whole, which the fragments will add up to.
        if track.samples == 0 {
            track.units = 0;
        }
    }
    for fragment in Boxes::new(octets).filter(|found| found.kind == *b"moof") {
        for traf in Boxes::new(fragment.body).filter(|found| found.kind == *b"traf") {
            let Some((id, header)) = child(traf.body, b"tfhd").and_then(header) else { continue };
            for (track, default) in tracks.iter_mut().zip(&defaults) {
                if let Some(track) = track
                    && track.id == id
                {
                    let default = header.or(default);
                    for run in Boxes::new(traf.body).filter(|found| found.kind == *b"trun") {
                        add(track, run.body, default);
                    }
                }
            }
        }
    }
}

/// Units and octets of a sample that does not tell its own.
#[derive(Clone, Copy, Default)]
struct Defaults {
    units: Option<u32>,
    octets: Option<u32>,
}

impl Defaults {
    /// Of `trex`, when it is about this track.
    fn of(id: u32, body: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::at(body, 4);
        if cursor.u32_be()? != id {
            return None;
        }
        cursor.skip(4)?;
        Some(Self { units: cursor.u32_be(), octets: cursor.u32_be() })
    }

    fn or(self, other: &Self) -> Self {
        Self { units: self.units.or(other.units), octets: self.octets.or(other.octets) }
    }
}

/// `track_ID` and defaults of `tfhd`.
fn header(body: &[u8]) -> Option<(u32, Defaults)> {
    let mut cursor = Cursor::new(body);
    let flags = cursor.u32_be()?;
    let id = cursor.u32_be()?;
    let mut defaults = Defaults::default();
    if flags & 0x01 != 0 {
        cursor.skip(8)?;
    }
    if flags & 0x02 != 0 {
        cursor.skip(4)?;
    }
    if flags & 0x08 != 0 {
        defaults.units = Some(cursor.u32_be()?);
    }
    if flags & 0x10 != 0 {
        defaults.octets = Some(cursor.u32_be()?);
    }
    Some((id, defaults))
}

/// Adds the samples of a `trun`: those that tell something only as many as are there.
fn add(track: &mut Track, body: &[u8], default: Defaults) -> Option<()> {
    let mut cursor = Cursor::new(body);
    let flags = cursor.u32_be()?;
    let count = cursor.u32_be()?;
    for flag in [0x01, 0x04] {
        if flags & flag != 0 {
            cursor.skip(4)?;
        }
    }
    let (units, octets) = (default.units.unwrap_or(0), default.octets.unwrap_or(0));
    if flags & 0x0F00 == 0 {
        let count = u64::from(count);
        track.samples = track.samples.saturating_add(count);
        track.units = track.units.saturating_add(count * u64::from(units));
        track.octets = track.octets.saturating_add(count * u64::from(octets));
        return Some(());
    }
    for _ in 0..count {
        let units = if flags & 0x0100 != 0 { cursor.u32_be()? } else { units };
        let octets = if flags & 0x0200 != 0 { cursor.u32_be()? } else { octets };
        for flag in [0x0400, 0x0800] {
            if flags & flag != 0 {
                cursor.skip(4)?;
            }
        }
        track.samples = track.samples.saturating_add(1);
        track.units = track.units.saturating_add(u64::from(units));
        track.octets = track.octets.saturating_add(u64::from(octets));
    }
    Some(())
}
