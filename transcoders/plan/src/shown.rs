//! Values of a profile as a person reads them: for `cedrat explain` and the reference pages.
//!
//! One line each, the same for the same value. Nothing reads it back.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use crate::profile::{Counts, OctetLimit, Origin, Size, SoundOffer, Unit, VideoOffer};

/// How a value is written for a person.
pub(crate) trait Shown {
    fn shown(&self) -> String;
}

impl fmt::Display for Size {
    /// `640x480`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl fmt::Display for OctetLimit {
    /// `300 KiB binary, parts and headers`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.octets {
            octets if octets > 0 && octets % 1024 == 0 => write!(f, "{} KiB", octets / 1024)?,
            octets => write!(f, "{octets} octets")?,
        }
        f.write_str(match self.unit {
            Unit::Base64 => " base64, ",
            Unit::Binary => " binary, ",
        })?;
        f.write_str(match self.counts {
            Counts::Parts => "parts",
            Counts::PartsAndHeaders => "parts and headers",
            Counts::WholeMessage => "whole message",
        })
    }
}

impl fmt::Display for Origin {
    /// `class video-rich`; a layer without a name alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.layer.token())?;
        if self.name.is_empty() { Ok(()) } else { write!(f, " {}", self.name) }
    }
}

impl fmt::Display for SoundOffer {
    /// `amr in amr, 8000 Hz, 1 channel`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", word(self.codec), self.format.extension())?;
        if self.max_rate > 0 {
            write!(f, ", {} Hz", self.max_rate)?;
        }
        match self.max_channels {
            0 => Ok(()),
            1 => f.write_str(", 1 channel"),
            many => write!(f, ", {many} channels"),
        }
    }
}

impl fmt::Display for VideoOffer {
    /// `h263+amr in 3gp, 176x144, 15 fps`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{} in {}", word(self.codec), word(self.sound), self.format.extension())?;
        match self.level {
            0 => {}
            9 => f.write_str(", level 1b")?,
            level => write!(f, ", level {}.{}", level / 10, level % 10)?,
        }
        write!(f, ", {}, ", self.size)?;
        match (self.max_millihertz / 1000, self.max_millihertz % 1000 / 100) {
            (whole, 0) => write!(f, "{whole} fps")?,
            (whole, tenth) => write!(f, "{whole}.{tenth} fps")?,
        }
        if self.max_bit_rate > 0 { write!(f, ", {} bit/s", self.max_bit_rate) } else { Ok(()) }
    }
}

/// A variant's name in lower case.
fn word(codec: impl fmt::Debug) -> String {
    format!("{codec:?}").to_ascii_lowercase()
}

fn list<T: ToString>(items: &[T], between: &str) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

macro_rules! as_displayed {
    ($($kind:ty),*) => {$(impl Shown for $kind {
        fn shown(&self) -> String {
            self.to_string()
        }
    })*};
}
as_displayed!(OctetLimit, Size, u32, u64);

impl Shown for bool {
    fn shown(&self) -> String {
        if *self { "yes" } else { "no" }.to_owned()
    }
}

impl Shown for String {
    fn shown(&self) -> String {
        if self.is_empty() { "as it is".to_owned() } else { self.clone() }
    }
}

impl Shown for Vec<String> {
    fn shown(&self) -> String {
        self.join(", ")
    }
}

impl Shown for Vec<SoundOffer> {
    fn shown(&self) -> String {
        list(self, "; ")
    }
}

impl Shown for Vec<VideoOffer> {
    fn shown(&self) -> String {
        list(self, "; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        format::{Format, SoundCodec, VideoCodec},
        profile::Layer,
    };

    #[test]
    fn values_are_written_as_a_person_says_them() {
        let limit = OctetLimit { octets: 307_200, unit: Unit::Binary, counts: Counts::PartsAndHeaders };
        assert_eq!(limit.shown(), "300 KiB binary, parts and headers");
        let limit = OctetLimit { octets: 600_000, unit: Unit::Base64, counts: Counts::WholeMessage };
        assert_eq!(limit.shown(), "600000 octets base64, whole message");
        let offer = VideoOffer {
            format: Format::ThreeGp,
            codec: VideoCodec::H263,
            sound: SoundCodec::Amr,
            level: 0,
            size: Size { width: 176, height: 144 },
            max_millihertz: 7_500,
            max_bit_rate: 0,
        };
        assert_eq!(offer.to_string(), "h263+amr in 3gp, 176x144, 7.5 fps");
        let origin = Origin { layer: Layer::Class, name: "video-rich".into() };
        assert_eq!(origin.to_string(), "class video-rich");
    }
}
