//! What the octets of a part are, read from their headers: format, dimensions, codecs, duration.
//!
//! Nothing is decoded: headers are read and blocks are stepped over, in time linear in the octets
//! and without memory for what a header claims. What is claimed beside the octets (media type,
//! name) only decides between formats that look alike: kinds of text, raw WBMP, MPEG audio, and
//! containers that end before their tracks. A polyglot is what its first octets say.

use alloc::string::String;
use serde::{Deserialize, Serialize};

use crate::{
    format::{Format, SoundCodec, VideoCodec},
    limits::Limits,
};

mod amr;
mod bitmap;
mod bmff;
mod bounds;
mod codec;
mod cursor;
mod exif;
mod gif;
mod heif;
mod jpeg;
mod matroska;
mod mpeg;
mod ogg;
mod png;
mod reading;
mod recognise;
mod riff;
mod text;
mod tiff;
mod webp;

/// What is said beside the octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Claim<'a> {
    /// `type/subtype` in any case; parameters behind a `;` are ignored, empty when not said.
    pub media_type: &'a str,
    /// File name; only its extension is looked at.
    pub name: Option<&'a str>,
    /// The parameter `charset` of a text.
    pub charset: Option<&'a str>,
}

/// Reads what the headers say. Total: whatever the octets are, there are facts, and what is wrong
/// with them is [`Facts::fault`].
#[must_use]
pub fn read(octets: &[u8], claim: &Claim<'_>, limits: &Limits) -> Facts {
    let reading = recognise::recognise(octets, claim, limits);
    let reading = bounds::hold(reading, octets, limits);
    Facts {
        format: reading.format,
        octets: octets.len() as u64,
        detail: reading.detail,
        fault: reading.fault,
    }
}

/// What is known about a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The format, by content.
    pub format: Format,
    /// Length.
    pub octets: u64,
    /// What the format says about itself.
    pub detail: Detail,
    /// Why the part can be expected to fail in a decoder; `None` when the header reads well.
    /// [`Encrypted`] and [`TooLarge`] are verdicts: such a part must not reach a decoder.
    /// [`Unsupported`] says that no decoder here knows it. [`Damaged`] is an expectation: what is
    /// there may still be worth showing.
    ///
    /// [`Encrypted`]: crate::job::FaultKind::Encrypted
    /// [`TooLarge`]: crate::job::FaultKind::TooLarge
    /// [`Unsupported`]: crate::job::FaultKind::Unsupported
    /// [`Damaged`]: crate::job::FaultKind::Damaged
    pub fault: Option<crate::job::Fault>,
}

/// Facts of one kind of format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// Nothing beyond the format.
    None,
    /// A picture.
    Picture(Picture),
    /// Sound.
    Sound(Sound),
    /// A text.
    Text(Text),
    /// Moving picture.
    Video(Video),
}

/// Facts of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Pixels across, as stored.
    pub width: u32,
    /// Pixels down, as stored.
    pub height: u32,
    /// EXIF orientation, 1 to 8; 1 when not said.
    pub orientation: u8,
    /// How samples are kept.
    pub colour: Colour,
    /// Whether pixels can be transparent.
    pub alpha: bool,
    /// Progressive JPEG, or another of its processes that a baseline decoder does not know;
    /// interlaced PNG or GIF.
    pub progressive: bool,
    /// Pictures in it; 1 unless animated.
    pub frames: u32,
    /// Playing time of all frames once, milliseconds; 0 when still. A delay below 20 ms counts as
    /// 100 ms in a GIF: that is how it is shown.
    pub duration_ms: u64,
    /// Whether it holds EXIF, XMP, IPTC, comments, or octets behind its end.
    pub metadata: bool,
    /// Whether the metadata hold a place.
    pub gps: bool,
}

impl Picture {
    /// Pixels across and down as shown: orientation applied.
    #[must_use]
    pub const fn shown(&self) -> (u32, u32) {
        if self.orientation >= 5 { (self.height, self.width) } else { (self.width, self.height) }
    }
}

/// How samples of a picture are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Colour {
    /// Black and white.
    Bilevel,
    /// Cyan, magenta, yellow, black, or luma, chroma and black.
    Cmyk,
    /// Gray.
    Gray,
    /// Of a table.
    Palette,
    /// Red, green, blue.
    Rgb,
    /// Luma and chroma, chroma halved in these directions.
    Ycc {
        /// Horizontally.
        across: bool,
        /// Vertically.
        down: bool,
    },
}

/// Facts of sound, alone or beside a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sound {
    /// How it is coded.
    pub codec: SoundCodec,
    /// Samples a second; 0 = not known.
    pub rate: u32,
    /// Channels; 0 = not known.
    pub channels: u16,
    /// Playing time, milliseconds; 0 = not known.
    pub duration_ms: u64,
    /// Bits a second on average; 0 = not known.
    pub bit_rate: u32,
}

/// Facts of moving picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Video {
    /// How the picture is coded.
    pub codec: VideoCodec,
    /// `profile_idc`/`level_idc` of H.264, profile and level of MPEG-4 Visual and H.263; 0 = not known.
    pub profile: u8,
    /// See `profile`; H.264 level times ten (30 = 3.0).
    pub level: u8,
    /// Pixels across, as stored.
    pub width: u32,
    /// Pixels down, as stored.
    pub height: u32,
    /// Degrees clockwise by which it is turned to be shown: 0, 90, 180, 270.
    pub rotation: u16,
    /// Frames in a thousand seconds; 0 = not known.
    pub millihertz: u32,
    /// Playing time, milliseconds; 0 = not known.
    pub duration_ms: u64,
    /// Bits a second of the whole; 0 = not known.
    pub bit_rate: u32,
    /// Its sound, the first track.
    pub sound: Option<Sound>,
    /// Major brand of the container, zero when it has none.
    pub brand: [u8; 4],
    /// Whether the index stands before the media.
    pub fast_start: bool,
    /// Whether the container holds a place, further tracks, or other things that a handset does
    /// not need.
    pub extras: bool,
}

impl Video {
    /// Pixels across and down as shown: rotation applied.
    #[must_use]
    pub const fn shown(&self) -> (u32, u32) {
        if self.rotation == 90 || self.rotation == 270 {
            (self.height, self.width)
        } else {
            (self.width, self.height)
        }
    }
}

/// Facts of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Charset, IANA name in lower case: stated by the octets (BOM, XML declaration), given beside
    /// them and possible, or guessed.
    pub charset: String,
    /// Version that a card states: `2.1`, `3.0`, `4.0`, `1.0`, `2.0`; empty for other texts.
    pub version: String,
}
