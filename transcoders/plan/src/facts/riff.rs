//! RIFF files: WAVE, AVI, QCP (RFC 3625), WebP, and MIDI in RIFF.

use super::{
    Detail, Sound, Video, codec,
    cursor::{Cursor, fit, scale},
    reading::Reading,
    webp,
};
use crate::{
    format::{Format, SoundCodec},
    limits::Limits,
};

/// Chunks of four characters, length, body, padded to even lengths.
#[derive(Debug)]
pub(super) struct Chunks<'a> {
    cursor: Cursor<'a>,
    /// Whether the last chunk was longer than what was there.
    pub(super) cut: bool,
}

impl<'a> Chunks<'a> {
    pub(super) const fn new(body: &'a [u8]) -> Self {
        Self { cursor: Cursor::new(body), cut: false }
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let kind = self.cursor.array()?;
        let length = usize::try_from(self.cursor.u32_le()?).unwrap_or(usize::MAX);
        let body = self.cursor.take_up_to(length);
        // Writers to a pipe cannot go back: the largest number means up to the end.
        self.cut = body.len() < length && length != u32::MAX as usize;
        self.cursor.take_up_to(length & 1);
        Some((kind, body))
    }
}

/// Reads what stands in a RIFF container, when it is something that is known.
pub(super) fn read(octets: &[u8], limits: &Limits) -> Option<Reading> {
    let mut cursor = Cursor::new(octets);
    let magic = cursor.array()?;
    let length = cursor.u32_le()?;
    let form: [u8; 4] = cursor.array()?;
    // RF64 keeps its lengths elsewhere; writers to a pipe leave 0 or the largest number.
    let claimed = usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(4);
    let known = magic == *b"RIFF" && length != 0 && length != u32::MAX;
    let all = cursor.len();
    let body = if known { cursor.take_up_to(claimed) } else { cursor.take_up_to(all) };
    // The pad octet of the last chunk is often missing.
    let cut = known && claimed > body.len() + 1;
    match (&magic, &form) {
        (b"RIFF" | b"RF64", b"WAVE") => Some(wave(body)),
        (b"RIFF", b"AVI ") => Some(avi(body, octets.len(), cut, limits)),
        (b"RIFF", b"QLCM") => Some(qcp(body, cut)),
        (b"RIFF", b"WEBP") => Some(webp::read(body, cut, !cursor.is_empty(), limits)),
        (b"RIFF", b"RMID") => Some(Reading::new(Format::Midi, Detail::Sound(Sound::coded(SoundCodec::Midi)))),
        _ => None,
    }
}

/// `WAVEFORMATEX`.
struct Wave {
    sound: Sound,
    octets_a_second: u32,
}

impl Wave {
    fn read(body: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(body);
        let tag = cursor.u16_le()?;
        let channels = cursor.u16_le()?;
        let rate = cursor.u32_le()?;
        let octets_a_second = cursor.u32_le()?;
        // WAVEFORMATEXTENSIBLE begins its subformat with the tag.
        let tag = if tag == 0xFFFE { Cursor::at(body, 24).u16_le().unwrap_or(tag) } else { tag };
        let bit_rate = octets_a_second.saturating_mul(8);
        Some(Self {
            sound: Sound { rate, channels, bit_rate, ..Sound::coded(codec::wave(tag)) },
            octets_a_second,
        })
    }
}

fn wave(body: &[u8]) -> Reading {
    let mut chunks = Chunks::new(body);
    let (mut wave, mut data, mut samples) = (None, None, 0);
    for (kind, body) in &mut chunks {
        match &kind {
            b"fmt " => wave = wave.or_else(|| Wave::read(body)),
            b"data" => data = data.or(Some(body.len() as u64)),
            b"fact" => samples = Cursor::new(body).u32_le().unwrap_or(0),
            _ => {}
        }
    }
    let Some(Wave { mut sound, octets_a_second }) = wave else {
        let mut reading = Reading::bare(Format::Wav);
        reading.damaged("The WAVE file ends before it says its format.");
        return reading;
    };
    sound.duration_ms = if sound.codec == SoundCodec::Pcm || samples == 0 {
        scale(data.unwrap_or(0), 1000, u64::from(octets_a_second))
    } else {
        // Writers of ADPCM are careless with the average rate.
        scale(u64::from(samples), 1000, u64::from(sound.rate))
    };
    let mut reading = Reading::new(Format::Wav, Detail::Sound(sound));
    match data {
        None | Some(0) => reading.damaged("The WAVE file holds no sound."),
        Some(_) if chunks.cut => reading.damaged("The WAVE file ends early."),
        Some(_) => {}
    }
    reading
}

/// RFC 3625 §2: identifiers of the codecs, as they are stored.
const QCELP_13: [u8; 15] =
    [0x6D, 0x7F, 0x5E, 0x15, 0xB1, 0xD0, 0x11, 0xBA, 0x91, 0x00, 0x80, 0x5F, 0xB4, 0xB9, 0x7E];
const EVRC: [u8; 16] =
    [0x8D, 0xD4, 0x89, 0xE6, 0x76, 0x90, 0xB5, 0x46, 0x91, 0xEF, 0x73, 0x6A, 0x51, 0x00, 0xCE, 0xB4];

fn qcp(body: &[u8], cut: bool) -> Reading {
    let (mut sound, mut packet, mut packets, mut data) = (None, 0, 0, 0);
    for (kind, body) in Chunks::new(body) {
        match &kind {
            b"fmt " => {
                let read = qcp_format(body);
                packet = read.map_or(0, |(_, packet)| packet);
                sound = read.map(|(sound, _)| sound);
            }
            b"vrat" => {
                let mut cursor = Cursor::new(body);
                if cursor.u32_le().is_some_and(|variable| variable != 0) {
                    packets = u64::from(cursor.u32_le().unwrap_or(0));
                }
            }
            b"data" => data = body.len() as u64,
            _ => {}
        }
    }
    let Some(mut sound) = sound else {
        let mut reading = Reading::bare(Format::Qcp);
        reading.damaged("The QCP file ends before it says its format.");
        return reading;
    };
    // A packet has one octet at least, so a count beyond the data is a lie.
    let constant = data.checked_div(u64::from(packet)).unwrap_or(0);
    let packets = if packets == 0 { constant } else { packets.min(data) };
    sound.duration_ms = packets * 20;
    let mut reading = Reading::new(Format::Qcp, Detail::Sound(sound));
    if data == 0 {
        reading.damaged("The QCP file holds no sound.");
    } else if cut {
        reading.damaged("The QCP file ends early.");
    }
    reading
}

/// Sound, and octets of a packet at full rate.
fn qcp_format(body: &[u8]) -> Option<(Sound, u16)> {
    let mut cursor = Cursor::at(body, 2);
    let identifier: [u8; 16] = cursor.array()?;
    let codec = match identifier {
        [0x41 | 0x42, rest @ ..] if rest == QCELP_13 => SoundCodec::Qcelp,
        EVRC => SoundCodec::Evrc,
        _ => SoundCodec::Other,
    };
    cursor.skip(2 + 80)?;
    let bit_rate = u32::from(cursor.u16_le()?);
    let packet = cursor.u16_le()?;
    cursor.skip(2)?;
    let rate = u32::from(cursor.u16_le()?);
    Some((Sound { rate, channels: 1, bit_rate, ..Sound::coded(codec) }, packet))
}

/// Streams of an AVI, the first of each kind.
#[derive(Default)]
struct Streams {
    video: Option<Video>,
    sound: Option<Sound>,
    count: u64,
    extras: bool,
}

fn avi(body: &[u8], octets: usize, cut: bool, limits: &Limits) -> Reading {
    let mut streams = Streams::default();
    let (mut indexed, mut media) = (false, false);
    for (kind, body) in Chunks::new(body) {
        match (&kind, body.split_first_chunk()) {
            (b"LIST", Some((b"hdrl", list))) => {
                for (kind, body) in Chunks::new(list) {
                    if let (b"LIST", Some((b"strl", list))) = (&kind, body.split_first_chunk()) {
                        streams.add(list);
                    }
                }
            }
            (b"LIST", Some((b"movi", _))) => media = true,
            (b"idx1", _) => indexed |= !media,
            _ => {}
        }
    }
    let Some(mut video) = streams.video else {
        let detail = streams.sound.map_or(Detail::None, Detail::Sound);
        let mut reading = Reading::new(Format::Avi, detail);
        reading.damaged("The AVI has no picture track.");
        return reading;
    };
    video.sound = streams.sound;
    video.extras = streams.extras;
    video.fast_start = indexed;
    if let Some(sound) = streams.sound {
        video.duration_ms = video.duration_ms.max(sound.duration_ms);
    }
    video.bit_rate = fit(scale(octets as u64, 8000, video.duration_ms));
    let mut reading = Reading::new(Format::Avi, Detail::Video(video));
    if !media {
        reading.damaged("The AVI holds no picture data.");
    } else if cut {
        reading.damaged("The AVI ends early.");
    }
    reading.bound("tracks", streams.count, u64::from(limits.tracks));
    reading
}

impl Streams {
    fn add(&mut self, list: &[u8]) {
        let (mut header, mut format) = (&[][..], &[][..]);
        for (kind, body) in Chunks::new(list) {
            match &kind {
                b"strh" => header = body,
                b"strf" => format = body,
                _ => {}
            }
        }
        self.count += 1;
        match header.first_chunk() {
            Some(b"vids") if self.video.is_none() => self.video = avi_video(header, format),
            Some(b"auds") if self.sound.is_none() => self.sound = avi_sound(header, format),
            _ => self.extras = true,
        }
    }
}

/// Units a second as a fraction, and how many units.
fn avi_length(header: &[u8]) -> Option<(u64, u64, u64)> {
    let mut cursor = Cursor::at(header, 20);
    let (scale, rate) = (cursor.u32_le()?, cursor.u32_le()?);
    cursor.skip(4)?;
    Some((u64::from(rate), u64::from(scale), u64::from(cursor.u32_le()?)))
}

fn avi_video(header: &[u8], format: &[u8]) -> Option<Video> {
    let (rate, unit, frames) = avi_length(header)?;
    let mut cursor = Cursor::at(format, 4);
    let (width, height) = (cursor.i32_le()?.unsigned_abs(), cursor.i32_le()?.unsigned_abs());
    cursor.skip(4)?;
    let code = cursor.array()?;
    Some(Video {
        width,
        height,
        millihertz: fit(scale(rate, 1000, unit)),
        duration_ms: scale(frames.saturating_mul(unit), 1000, rate),
        ..Video::coded(codec::four_characters(code))
    })
}

fn avi_sound(header: &[u8], format: &[u8]) -> Option<Sound> {
    let (rate, unit, length) = avi_length(header)?;
    let wave = Wave::read(format)?;
    Some(Sound { duration_ms: scale(length.saturating_mul(unit), 1000, rate), ..wave.sound })
}
