//! Matroska and WebM (RFC 9559 on EBML, RFC 8794): elements are walked on fixed levels.
//!
//! Not read: tags, chapters, lacing; a file without a duration (a live recording) is measured by
//! the times of its blocks.

use super::{
    Detail, Sound, Video, codec,
    cursor::{Cursor, contains, fit, scale},
    reading::Reading,
};
use crate::{
    format::{Format, SoundCodec, VideoCodec},
    limits::Limits,
};

const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1F43_B675;

/// Elements side by side.
#[derive(Clone)]
struct Elements<'a> {
    cursor: Cursor<'a>,
}

/// One element.
struct Element<'a> {
    id: u32,
    /// What there is of it.
    body: &'a [u8],
    cut: bool,
}

impl<'a> Elements<'a> {
    const fn new(octets: &'a [u8]) -> Self {
        Self { cursor: Cursor::new(octets) }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let id = u32::try_from(integer(&mut self.cursor, 4, false)?.0).ok()?;
        let (length, unknown) = integer(&mut self.cursor, 8, true)?;
        // What stands in a cluster of unknown length is walked side by side with it.
        if unknown && id == CLUSTER {
            return Some(Element { id, body: &[], cut: false });
        }
        let cut = !unknown && length > self.cursor.len() as u64;
        let body = self.cursor.take_up_to(usize::try_from(length).unwrap_or(usize::MAX));
        Some(Element { id, body, cut })
    }
}

/// A number whose first octet says how long it is; `bare` takes the marker away. Whether all bits of
/// it are set, which as a length means that it is not known.
fn integer(cursor: &mut Cursor<'_>, most: u32, bare: bool) -> Option<(u64, bool)> {
    let first = *cursor.rest().first()?;
    let zeros = first.leading_zeros();
    if zeros >= most {
        return None;
    }
    let length = usize::try_from(zeros + 1).ok()?;
    let value = unsigned(cursor.take(length)?);
    let marker = 1_u64 << (7 * length);
    let plain = value & (marker - 1);
    let unknown = plain == marker - 1;
    Some(match (bare, unknown) {
        (true, true) => (u64::MAX, true),
        (true, false) => (plain, false),
        (false, _) => (value, false),
    })
}

/// An unsigned integer of at most eight octets.
fn unsigned(body: &[u8]) -> u64 {
    body.iter().take(8).fold(0, |value, octet| value << 8 | u64::from(*octet))
}

/// A float of four or eight octets, as far as it is a count: not negative, without fractions.
fn float(body: &[u8]) -> u64 {
    let value = match body.len() {
        4 => body.first_chunk().map_or(0.0, |octets| f64::from(f32::from_be_bytes(*octets))),
        8 => body.first_chunk().map_or(0.0, |octets| f64::from_be_bytes(*octets)),
        _ => 0.0,
    };
    // Saturates; what is not a number becomes 0.
    value as u64
}

pub(super) fn read(octets: &[u8], limits: &Limits) -> Reading {
    let mut elements = Elements::new(octets);
    let header = elements.next().map_or(&[][..], |header| header.body);
    let mut types = Elements::new(header).filter(|element| element.id == 0x4282);
    // The name may be padded with zeros.
    let webm = types.next().is_some_and(|element| element.body.starts_with(b"webm"));
    let format = if webm { Format::WebM } else { Format::Matroska };
    let Some(segment) = elements.find(|element| element.id == SEGMENT) else {
        let mut reading = Reading::bare(format);
        reading.damaged("The file has no segment.");
        return reading;
    };
    let mut walk = Walk { scale: 1_000_000, cut: segment.cut, ..Walk::default() };
    walk.segment(segment.body, limits);
    let duration_ms = if walk.duration == 0 { walk.last_block } else { walk.duration };
    let duration_ms = scale(duration_ms, walk.scale, 1_000_000);
    let bit_rate = fit(scale(octets.len() as u64, 8000, duration_ms));
    let sound = walk.sound.map(|sound| Sound { duration_ms, ..sound });
    let mut reading = match (walk.video, sound) {
        (Some(video), _) => {
            let video =
                Video { duration_ms, bit_rate, sound, fast_start: true, extras: walk.extras, ..video };
            Reading::new(format, Detail::Video(video))
        }
        (None, Some(sound)) => {
            let format = if webm { Format::WebMSound } else { format };
            Reading::new(format, Detail::Sound(Sound { bit_rate, ..sound }))
        }
        (None, None) => Reading::bare(format),
    };
    if walk.encrypted {
        reading.encrypted("The media are encrypted.");
    }
    reading.bound("tracks", walk.tracks, u64::from(limits.tracks));
    if matches!(reading.detail, Detail::None) {
        reading.damaged("The file has no track that can be read.");
    } else if !walk.media {
        reading.damaged("The file holds no media.");
    } else if walk.cut {
        reading.damaged("The file ends early.");
    }
    reading
}

#[derive(Default)]
struct Walk {
    /// Nanoseconds of a unit.
    scale: u64,
    /// Units.
    duration: u64,
    /// Begin of the last block, in units.
    last_block: u64,
    /// Begin of the cluster that is walked.
    cluster: u64,
    video: Option<Video>,
    sound: Option<Sound>,
    tracks: u64,
    extras: bool,
    encrypted: bool,
    media: bool,
    cut: bool,
}

impl Walk {
    fn segment(&mut self, body: &[u8], limits: &Limits) {
        for element in Elements::new(body) {
            self.cut |= element.cut;
            match element.id {
                0x1549_A966 => self.information(element.body),
                0x1654_AE6B => self.list(element.body, limits),
                // Attachments.
                0x1941_A469 => self.extras = true,
                0x1254_C367 => self.extras |= contains(element.body, b"LOCATION"),
                CLUSTER => {
                    self.media = true;
                    for element in Elements::new(element.body) {
                        self.block(&element);
                    }
                }
                _ => self.block(&element),
            }
        }
    }

    fn information(&mut self, body: &[u8]) {
        for element in Elements::new(body) {
            match element.id {
                0x2A_D7B1 => self.scale = unsigned(element.body),
                0x4489 => self.duration = float(element.body),
                _ => {}
            }
        }
    }

    /// What stands in a cluster: its begin, and blocks with a begin relative to it.
    fn block(&mut self, element: &Element<'_>) {
        let block = match element.id {
            0xE7 => {
                self.cluster = unsigned(element.body);
                return;
            }
            0xA3 => Some(element.body),
            0xA0 => Elements::new(element.body).find(|inner| inner.id == 0xA1).map(|inner| inner.body),
            _ => return,
        };
        let Some(block) = block else { return };
        let mut cursor = Cursor::new(block);
        if integer(&mut cursor, 8, true).is_some()
            && let Some(relative) = cursor.u16_be()
        {
            let begin = self.cluster.saturating_add_signed(i64::from(relative.cast_signed()));
            self.last_block = self.last_block.max(begin);
        }
    }

    fn list(&mut self, body: &[u8], limits: &Limits) {
        for element in Elements::new(body).filter(|element| element.id == 0xAE) {
            self.tracks += 1;
            if self.tracks > u64::from(limits.tracks) {
                continue;
            }
            let track = Track::read(element.body);
            self.encrypted |= track.encrypted;
            match track.kind {
                1 if self.video.is_none() => self.video = Some(track.video()),
                2 if self.sound.is_none() => self.sound = Some(track.sound()),
                _ => self.extras = true,
            }
        }
    }
}

/// One `TrackEntry`.
#[derive(Default)]
struct Track<'a> {
    kind: u64,
    codec: &'a [u8],
    private: &'a [u8],
    /// Nanoseconds of a frame.
    frame: u64,
    width: u64,
    height: u64,
    rate: u64,
    channels: u64,
    encrypted: bool,
}

impl<'a> Track<'a> {
    fn read(body: &'a [u8]) -> Self {
        // Defaults of the specification.
        let mut track = Self { rate: 8000, channels: 1, ..Self::default() };
        for element in Elements::new(body) {
            match element.id {
                0x83 => track.kind = unsigned(element.body),
                0x86 => track.codec = element.body,
                0x63A2 => track.private = element.body,
                0x23_E383 => track.frame = unsigned(element.body),
                0xE0 => track.picture(element.body),
                0xE1 => track.audible(element.body),
                0x6D80 => {
                    let mut encodings = Elements::new(element.body).filter(|inner| inner.id == 0x6240);
                    track.encrypted = encodings
                        .any(|encoding| Elements::new(encoding.body).any(|inner| inner.id == 0x5035));
                }
                _ => {}
            }
        }
        track
    }

    fn picture(&mut self, body: &[u8]) {
        for element in Elements::new(body) {
            match element.id {
                0xB0 => self.width = unsigned(element.body),
                0xBA => self.height = unsigned(element.body),
                _ => {}
            }
        }
    }

    fn audible(&mut self, body: &[u8]) {
        for element in Elements::new(body) {
            match element.id {
                0xB5 => self.rate = float(element.body),
                0x9F => self.channels = unsigned(element.body),
                _ => {}
            }
        }
    }

    fn video(&self) -> Video {
        let bitmap_code = Cursor::at(self.private, 16).array().unwrap_or_default();
        let (codec, said) = match self.codec {
            b"V_VP8" => (VideoCodec::Vp8, None),
            b"V_VP9" => (VideoCodec::Vp9, None),
            b"V_AV1" => (VideoCodec::Av1, None),
            b"V_MPEG4/ISO/AVC" => (VideoCodec::H264, codec::avc(self.private)),
            b"V_MPEGH/ISO/HEVC" => (VideoCodec::Hevc, codec::hevc(self.private)),
            b"V_MJPEG" => (VideoCodec::Mjpeg, None),
            b"V_MPEG1" | b"V_MPEG2" => (VideoCodec::Mpeg2, None),
            b"V_MS/VFW/FOURCC" => (codec::four_characters(bitmap_code), None),
            other if other.starts_with(b"V_MPEG4/ISO/") => (VideoCodec::Mpeg4, codec::mpeg4(self.private)),
            _ => (VideoCodec::Other, None),
        };
        let (profile, level) = said.unwrap_or_default();
        Video {
            width: fit(self.width),
            height: fit(self.height),
            millihertz: fit(scale(1000, 1_000_000_000, self.frame)),
            profile,
            level,
            ..Video::coded(codec)
        }
    }

    fn sound(&self) -> Sound {
        let mut sound = Sound {
            rate: fit(self.rate),
            channels: u16::try_from(self.channels).unwrap_or(u16::MAX),
            ..Sound::coded(SoundCodec::Other)
        };
        sound.codec = match self.codec {
            b"A_OPUS" => SoundCodec::Opus,
            b"A_VORBIS" => SoundCodec::Vorbis,
            b"A_FLAC" => SoundCodec::Flac,
            b"A_MPEG/L3" => SoundCodec::Mp3,
            b"A_MS/ACM" => codec::wave(Cursor::new(self.private).u16_le().unwrap_or(0)),
            other if other.starts_with(b"A_PCM/") => SoundCodec::Pcm,
            other if other.starts_with(b"A_AAC") => SoundCodec::Aac,
            _ => SoundCodec::Other,
        };
        if let (SoundCodec::Aac, Some(said)) = (sound.codec, codec::aac(self.private)) {
            sound.codec = said.codec;
            sound.rate = said.rate;
        }
        sound
    }
}
