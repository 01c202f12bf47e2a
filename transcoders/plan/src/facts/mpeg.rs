//! MPEG audio (layer III and II, ISO/IEC 11172-3 and 13818-3), ADTS (ISO/IEC 14496-3 §1.A), what may
//! stand before them (ID3v2), and MPEG program and transport streams as far as to know them.
//!
//! Frames of sound are counted, all of them: what a Xing or VBRI header claims is not needed then,
//! and a file that was cut says its true length.

use super::{
    Claim, Detail, Sound, Video, codec,
    cursor::{Bits, Cursor, find, fit, scale},
    ogg,
    reading::Reading,
};
use crate::format::{Format, Kind, SoundCodec, VideoCodec};

/// How far the sequence header of a picture stream is looked for.
const SEQUENCE_WITHIN: usize = 256 * 1024;

pub(super) fn read(octets: &[u8], claim: &Claim<'_>) -> Option<Reading> {
    match octets {
        [b'I', b'D', b'3', ..] => Some(tagged(octets)),
        [0xFF, ..] => {
            let sure = claim.says(Kind::Sound) || claim.names(Format::Mp3) || claim.names(Format::Aac);
            sound(octets, sure)
        }
        [0, 0, 1, 0xBA | 0xB3, ..] => Some(program(octets)),
        _ => transport(octets)
            .then(|| Reading::new(Format::Mpeg, Detail::Video(Video::coded(VideoCodec::Other)))),
    }
}

/// Sound behind one or more ID3v2 tags (§3.1, lengths of seven bits an octet).
fn tagged(octets: &[u8]) -> Reading {
    let mut cursor = Cursor::new(octets);
    while cursor.rest().starts_with(b"ID3") {
        let Some([_, _, _, _, _, flags, a, b, c, d]) = cursor.array::<10>() else { break };
        let length = [a, b, c, d].iter().fold(0, |length, octet| length << 7 | usize::from(octet & 0x7F));
        cursor.take_up_to(length + if flags & 0x10 == 0 { 0 } else { 10 });
    }
    let rest = cursor.rest();
    if rest.starts_with(b"fLaC") {
        return ogg::flac(rest);
    }
    // Padding and what taggers leave behind stand before the first frame.
    let first = frames::<Layer>(rest).next().map(|(at, _)| at);
    let adts = sound(rest, true).filter(|reading| reading.format == Format::Aac);
    adts.or_else(|| sound(rest.get(first?..)?, true)).unwrap_or_else(|| {
        let mut reading = Reading::bare(Format::Mp3);
        reading.damaged("There is no sound behind the tag.");
        reading
    })
}

/// Sound that begins at once. Unless one is `sure`, a second frame must follow the first.
fn sound(octets: &[u8], sure: bool) -> Option<Reading> {
    if Adts::read(octets).is_some() {
        let (sound, counted) = measure::<Adts>(octets, sure)?;
        return Some(reading(Format::Aac, sound, counted));
    }
    let first = Layer::read(octets)?;
    let (sound, counted) = measure::<Layer>(octets, sure)?;
    // A first frame that only describes the others is silent.
    let body = octets.get(..first.length()).unwrap_or(octets);
    let describes =
        [b"Xing", b"Info", b"VBRI"].iter().any(|name| find(body, *name).is_some_and(|at| at <= 36));
    let silent = if describes { 1 } else { 0 };
    let duration_ms =
        scale(counted.samples.saturating_sub(silent * first.samples()), 1000, u64::from(sound.rate));
    Some(reading(Format::Mp3, Sound { duration_ms, ..sound }, counted))
}

fn reading(format: Format, sound: Sound, counted: Counted) -> Reading {
    let mut reading = Reading::new(format, Detail::Sound(sound));
    if counted.frames == 0 {
        reading.damaged("The recording holds no whole frame.");
    }
    reading
}

/// A frame header of a stream that has nothing but frames.
trait Frame: Sized + Copy {
    /// Reads a header that makes sense.
    fn read(octets: &[u8]) -> Option<Self>;
    /// Octets, header included; not 0.
    fn length(&self) -> usize;
    /// Samples of each channel.
    fn samples(&self) -> u64;
    fn sound(&self) -> Sound;
    /// Whether both are of one stream.
    fn continues(&self, before: &Self) -> bool {
        let (one, other) = (self.sound(), before.sound());
        one.codec == other.codec && one.rate == other.rate
    }
}

/// What was counted.
struct Counted {
    frames: u64,
    samples: u64,
}

/// Whole frames, wherever they stand: rubbish between them is stepped over.
fn frames<F: Frame>(octets: &[u8]) -> impl Iterator<Item = (usize, F)> {
    let mut at = 0;
    let mut last: Option<F> = None;
    core::iter::from_fn(move || {
        loop {
            let rest = octets.get(at..)?;
            let frame = F::read(rest).filter(|frame| last.is_none_or(|last| frame.continues(&last)));
            match frame {
                Some(frame) if frame.length() <= rest.len() => {
                    let begin = at;
                    at += frame.length();
                    last = Some(frame);
                    return Some((begin, frame));
                }
                _ => at += 1 + rest.get(1..)?.iter().position(|octet| *octet == 0xFF)?,
            }
        }
    })
}

fn measure<F: Frame>(octets: &[u8], sure: bool) -> Option<(Sound, Counted)> {
    let first = F::read(octets)?;
    let second = octets.get(first.length()..);
    let follows = second.is_some_and(|second| {
        second.is_empty() || F::read(second).is_some_and(|second| second.continues(&first))
    });
    if !sure && !follows {
        return None;
    }
    let mut counted = Counted { frames: 0, samples: 0 };
    let mut length = 0_u64;
    for (_, frame) in frames::<F>(octets) {
        counted.frames += 1;
        counted.samples += frame.samples();
        length += frame.length() as u64;
    }
    let mut sound = first.sound();
    sound.duration_ms = scale(counted.samples, 1000, u64::from(sound.rate));
    sound.bit_rate = fit(scale(length * 8, u64::from(sound.rate), counted.samples));
    Some((sound, counted))
}

/// A frame of layer II or III.
#[derive(Clone, Copy)]
struct Layer {
    third: bool,
    /// MPEG-1; else MPEG-2 or its extension to low rates.
    first_edition: bool,
    rate: u32,
    kilobits: u32,
    padded: bool,
    mono: bool,
}

/// Kilobits a second by index.
const LAYER_3: [u32; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const LAYER_2: [u32; 15] = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
const LOW: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

impl Frame for Layer {
    fn read(octets: &[u8]) -> Option<Self> {
        let [0xFF, b, c, d] = *octets.first_chunk()? else { return None };
        let version = b >> 3 & 3;
        let third = match (b & 0xE0, b >> 1 & 3) {
            (0xE0, 1) => true,
            (0xE0, 2) => false,
            _ => return None,
        };
        let divisor = match version {
            0 => 4,
            2 => 2,
            3 => 1,
            _ => return None,
        };
        let rate = [44_100, 48_000, 32_000].get(usize::from(c >> 2 & 3))? / divisor;
        let table = match (version, third) {
            (3, true) => LAYER_3,
            (3, false) => LAYER_2,
            _ => LOW,
        };
        let kilobits = *table.get(usize::from(c >> 4))?;
        // Free format: its length is not in the header.
        (kilobits != 0).then_some(Self {
            third,
            first_edition: version == 3,
            rate,
            kilobits,
            padded: c & 2 != 0,
            mono: d >> 6 == 3,
        })
    }

    fn length(&self) -> usize {
        let octets = self.samples() / 8 * u64::from(self.kilobits) * 1000 / u64::from(self.rate);
        usize::try_from(octets).unwrap_or(usize::MAX - 1) + usize::from(self.padded)
    }

    fn samples(&self) -> u64 {
        if self.third && !self.first_edition { 576 } else { 1152 }
    }

    fn sound(&self) -> Sound {
        let codec = if self.third { SoundCodec::Mp3 } else { SoundCodec::Other };
        Sound { rate: self.rate, channels: if self.mono { 1 } else { 2 }, ..Sound::coded(codec) }
    }
}

/// A frame of ADTS.
#[derive(Clone, Copy)]
struct Adts {
    low_complexity: bool,
    rate: u32,
    channels: u16,
    length: usize,
    blocks: u32,
}

impl Frame for Adts {
    fn read(octets: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(octets.get(..7)?);
        if bits.take(12)? != 0xFFF {
            return None;
        }
        bits.take(1)?;
        if bits.take(2)? != 0 {
            return None;
        }
        bits.take(1)?;
        let low_complexity = bits.take(2)? == 1;
        let rate = codec::aac_rate(bits.take(4)?)?;
        bits.take(1)?;
        let channels = codec::aac_channels(bits.take(3)?);
        bits.take(4)?;
        let length = usize::try_from(bits.take(13)?).ok().filter(|length| *length > 7)?;
        bits.take(11)?;
        Some(Self { low_complexity, rate, channels, length, blocks: bits.take(2)? + 1 })
    }

    fn length(&self) -> usize {
        self.length
    }

    fn samples(&self) -> u64 {
        1024 * u64::from(self.blocks)
    }

    fn sound(&self) -> Sound {
        let codec = if self.low_complexity { SoundCodec::Aac } else { SoundCodec::Other };
        Sound { rate: self.rate, channels: self.channels, ..Sound::coded(codec) }
    }
}

/// A program stream or a bare picture stream: what its first sequence header says.
fn program(octets: &[u8]) -> Reading {
    let mut video = Video::coded(VideoCodec::Mpeg2);
    let head = octets.get(..SEQUENCE_WITHIN).unwrap_or(octets);
    let sequence = find(head, &[0, 0, 1, 0xB3]).and_then(|at| head.get(at + 4..));
    if let Some(mut bits) = sequence.map(Bits::new)
        && let (Some(width), Some(height), Some(_), Some(code)) =
            (bits.take(12), bits.take(12), bits.take(4), bits.take(4))
    {
        (video.width, video.height) = (width, height);
        video.millihertz = match code {
            1 => 23_976,
            2 => 24_000,
            3 => 25_000,
            4 => 29_970,
            5 => 30_000,
            6 => 50_000,
            7 => 59_940,
            8 => 60_000,
            _ => 0,
        };
    }
    Reading::new(Format::Mpeg, Detail::Video(video))
}

/// Whether packets of 188 octets follow each other, with or without the four that a camera puts
/// before each.
fn transport(octets: &[u8]) -> bool {
    [(0, 188), (4, 192)]
        .iter()
        .any(|(first, packet)| (0..3).all(|index| octets.get(first + index * packet) == Some(&0x47)))
}
