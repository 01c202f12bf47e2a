//! Ogg (RFC 3533) with Opus (RFC 7845), Vorbis, Speex or FLAC, and FLAC by itself (RFC 9639).
//!
//! The first sound stream is described. Its duration is the position of its last page; check sums
//! are not verified.

use super::{
    Detail, Sound,
    cursor::{Bits, Cursor, find, fit, scale},
    reading::Reading,
};
use crate::{
    format::{Format, SoundCodec},
    job::FaultKind,
};

const MAGIC: &[u8] = b"OggS";

/// One page.
struct Page<'a> {
    first: bool,
    position: u64,
    serial: u32,
    body: &'a [u8],
    cut: bool,
}

/// The next page; what stands before it is stepped over.
fn page<'a>(cursor: &mut Cursor<'a>) -> Option<Page<'a>> {
    let at = find(cursor.rest(), MAGIC)?;
    cursor.skip(at + MAGIC.len() + 1)?;
    let flags = cursor.u8()?;
    let position = cursor.u64_le()?;
    let serial = cursor.u32_le()?;
    cursor.skip(8)?;
    let segments = cursor.u8()?;
    let lengths = cursor.take(usize::from(segments))?;
    let length = lengths.iter().map(|length| usize::from(*length)).sum();
    let body = cursor.take_up_to(length);
    Some(Page { first: flags & 2 != 0, position, serial, body, cut: body.len() < length })
}

/// What the first packet of a stream says.
struct Head {
    sound: Sound,
    /// Samples before the first that is heard.
    skipped: u64,
}

pub(super) fn read(octets: &[u8]) -> Reading {
    let mut cursor = Cursor::new(octets);
    let mut head: Option<(u32, Head)> = None;
    let (mut last, mut cut, mut pictures) = (0, false, false);
    while let Some(page) = page(&mut cursor) {
        cut = page.cut;
        if page.first {
            pictures |= page.body.starts_with(b"\x80theora") || page.body.starts_with(b"\x01video");
            if head.is_none() {
                head = Head::read(page.body).map(|head| (page.serial, head));
            }
        }
        // All ones: no packet ends on this page.
        if page.position != u64::MAX && head.as_ref().is_some_and(|(serial, _)| *serial == page.serial) {
            last = page.position.max(last);
        }
    }
    let mut reading = match head {
        Some((_, Head { mut sound, skipped })) => {
            sound.duration_ms = scale(last.saturating_sub(skipped), 1000, u64::from(sound.rate));
            if sound.bit_rate == 0 {
                sound.bit_rate = fit(scale(octets.len() as u64, 8000, sound.duration_ms));
            }
            Reading::new(Format::Ogg, Detail::Sound(sound))
        }
        None => Reading::bare(Format::Ogg),
    };
    if pictures {
        reading.fault(FaultKind::Unsupported, "Moving picture in Ogg is not read here.");
    } else if matches!(reading.detail, Detail::None) {
        reading.damaged("The Ogg file has no sound stream that can be read.");
    } else if cut || last == 0 {
        reading.damaged("The Ogg file ends early.");
    }
    reading
}

impl Head {
    fn read(packet: &[u8]) -> Option<Self> {
        if packet.starts_with(b"OpusHead") {
            let mut cursor = Cursor::at(packet, 9);
            let channels = u16::from(cursor.u8()?);
            let skipped = u64::from(cursor.u16_le()?);
            // Opus always counts in 48 kHz, whatever was recorded.
            let sound = Sound { rate: 48_000, channels, ..Sound::coded(SoundCodec::Opus) };
            return Some(Self { sound, skipped });
        }
        if packet.starts_with(b"\x01vorbis") {
            let mut cursor = Cursor::at(packet, 11);
            let channels = u16::from(cursor.u8()?);
            let rate = cursor.u32_le()?;
            cursor.skip(4)?;
            // The nominal rate; -1 or 0 when there is none.
            let bit_rate = u32::try_from(cursor.i32_le()?).unwrap_or(0);
            let sound = Sound { rate, channels, bit_rate, ..Sound::coded(SoundCodec::Vorbis) };
            return Some(Self { sound, skipped: 0 });
        }
        if packet.starts_with(b"Speex   ") {
            let rate = Cursor::at(packet, 36).u32_le()?;
            let channels = u16::try_from(Cursor::at(packet, 48).u32_le()?).unwrap_or(0);
            let sound = Sound { rate, channels, ..Sound::coded(SoundCodec::Other) };
            return Some(Self { sound, skipped: 0 });
        }
        if packet.starts_with(b"\x7FFLAC") {
            let (sound, _) = stream_information(packet.get(17..)?)?;
            return Some(Self { sound, skipped: 0 });
        }
        None
    }
}

/// A FLAC file: its first block says everything.
pub(super) fn flac(octets: &[u8]) -> Reading {
    let Some((mut sound, samples)) = octets.get(8..).and_then(stream_information) else {
        let mut reading = Reading::bare(Format::Flac);
        reading.damaged("The FLAC file ends before it says its format.");
        return reading;
    };
    sound.duration_ms = scale(samples, 1000, u64::from(sound.rate));
    sound.bit_rate = fit(scale(octets.len() as u64, 8000, sound.duration_ms));
    Reading::new(Format::Flac, Detail::Sound(sound))
}

/// `STREAMINFO` of RFC 9639 §8.2: sound and number of samples.
fn stream_information(block: &[u8]) -> Option<(Sound, u64)> {
    let mut bits = Bits::new(block.get(10..)?);
    let rate = bits.take(20)?;
    let channels = u16::try_from(bits.take(3)? + 1).ok()?;
    bits.take(5)?;
    let samples = u64::from(bits.take(4)?) << 32 | u64::from(bits.take(32)?);
    Some((Sound { rate, channels, ..Sound::coded(SoundCodec::Flac) }, samples))
}
