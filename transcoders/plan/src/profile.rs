//! What a handset takes, as layers laid over each other; every value keeps where it came from.
//!
//! From the bottom: what every MMS client takes, the OMA content class, the handset family, the
//! UAProf document, the limits of route and peer, the wish for one recipient. A later layer
//! replaces a value; only the octet limit and the pixel limits of a route never rise above what
//! the layers below allow, because both the route and the handset must take the message.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use crate::{
    format::{Format, SoundCodec, VideoCodec},
    shown::Shown,
};

/// Where a value came from, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// What every client takes.
    Floor,
    /// OMA content class.
    Class,
    /// Handset family.
    Family,
    /// UAProf document.
    Uaprof,
    /// Route or peer.
    Route,
    /// One recipient, or one request.
    Recipient,
}

impl Layer {
    /// Its name: `floor`, `class`, `family`, `uaprof`, `route`, `recipient`.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Class => "class",
            Self::Family => "family",
            Self::Uaprof => "uaprof",
            Self::Route => "route",
            Self::Recipient => "recipient",
        }
    }
}

/// The layer, and which of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Which layer.
    pub layer: Layer,
    /// Which class, family, document or peer.
    pub name: String,
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Valued<T> {
    /// The value.
    pub value: T,
    /// Its origin.
    pub origin: Origin,
}

/// A limit in octets: a number alone says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OctetLimit {
    /// How many.
    pub octets: u64,
    /// Of what.
    pub unit: Unit,
    /// Counted over what.
    pub counts: Counts,
}

/// In which form octets are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// As they travel in mail and MM4: transfer encoding and line ends included.
    Base64,
    /// As the parts are after decoding.
    Binary,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counts {
    /// Bodies of the parts.
    Parts,
    /// Bodies and headers of the parts.
    PartsAndHeaders,
    /// Everything after the envelope.
    WholeMessage,
}

/// Pixels across and down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Across.
    pub width: u32,
    /// Down.
    pub height: u32,
}

/// A kind of video that is taken, best first in a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoOffer {
    /// Container.
    pub format: Format,
    /// Picture.
    pub codec: VideoCodec,
    /// Sound beside it.
    pub sound: SoundCodec,
    /// Highest H.264 level times ten (9 = 1b); 0 = no bound.
    #[serde(default)]
    pub level: u8,
    /// Largest picture.
    pub size: Size,
    /// Most frames in a thousand seconds.
    pub max_millihertz: u32,
    /// Most bits a second of the whole; 0 = no bound.
    #[serde(default)]
    pub max_bit_rate: u32,
}

/// A kind of sound that is taken, best first in a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoundOffer {
    /// Container.
    pub format: Format,
    /// Codec.
    pub codec: SoundCodec,
    /// Most samples a second; 0 = no bound.
    #[serde(default)]
    pub max_rate: u32,
    /// Most channels; 0 = no bound.
    #[serde(default)]
    pub max_channels: u16,
}

macro_rules! profile {
    ($($(#[$doc:meta])* $name:ident: $kind:ty;)*) => {
        /// What a handset takes.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Profile { $($(#[$doc])* pub $name: Valued<$kind>,)* }

        /// One layer: what it says, and nothing about the rest.
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        pub struct Partial { $($(#[$doc])* pub $name: Option<$kind>,)* }

        impl Profile {
            /// Lays a layer over this profile. Limits only ever fall in [`Layer::Route`]
            /// and above; see the module.
            pub fn lay(&mut self, origin: &Origin, layer: Partial) {
                $(if let Some(value) = layer.$name
                    && Overlay::wins(&value, &self.$name.value, origin.layer) {
                    self.$name = Valued { value, origin: origin.clone() };
                })*
            }

            /// A profile in which everything comes from one layer that says everything.
            ///
            /// # Errors
            /// The name of the first value that it does not say.
            pub fn of(origin: &Origin, layer: Partial) -> Result<Self, &'static str> {
                Ok(Self { $($name: Valued {
                    value: layer.$name.ok_or(stringify!($name))?,
                    origin: origin.clone(),
                },)* })
            }

            /// Every value: its name, how a person reads it, and where it came from.
            #[must_use]
            pub fn rows(&self) -> Vec<(&'static str, String, &Origin)> {
                alloc::vec![$((stringify!($name), self.$name.value.shown(), &self.$name.origin),)*]
            }
        }

        impl Partial {
            /// What the layer says: the name of each value, and how a person reads it.
            #[must_use]
            pub fn rows(&self) -> Vec<(&'static str, String)> {
                let mut rows = Vec::new();
                $(rows.extend(self.$name.as_ref().map(|value| (stringify!($name), value.shown())));)*
                rows
            }
        }
    };
}

profile! {
    /// Most octets of a message.
    max_octets: OctetLimit;
    /// Largest still picture.
    max_still: Size;
    /// The screen, for layout.
    screen: Size;
    /// Most colours that it shows.
    colours: u32;
    /// Media types that it takes, lower case, one name per type; `image/*` and `*/*` are understood.
    types: Vec<String>;
    /// Charsets that it reads, IANA names in lower case, best first.
    charsets: Vec<String>;
    /// Sound that it plays, best first.
    sounds: Vec<SoundOffer>;
    /// Video that it plays, best first.
    videos: Vec<VideoOffer>;
    /// Whether it shows progressive JPEG.
    progressive_jpeg: bool;
    /// Whether it moves animated GIF.
    animated_gif: bool;
    /// Whether it follows a presentation.
    smil: bool;
    /// Most slides of a presentation; 0 = no bound.
    max_slides: u32;
    /// Most parts, presentation included; 0 = no bound.
    max_parts: u32;
    /// Longest sound or video, milliseconds; 0 = no bound.
    max_duration_ms: u64;
    /// vCard version: `2.1`, `3.0`, `4.0`; empty = as it is.
    vcard: String;
    /// Calendar version: `1.0` (vCalendar), `2.0` (iCalendar); empty = as it is.
    vcalendar: String;
    /// Whether metadata of pictures are kept, a place included.
    keep_metadata: bool;
    /// Whether anything may be converted at all.
    adapt: bool;
}

/// Whether a value of a stronger layer replaces the one that is there.
trait Overlay {
    fn wins(&self, below: &Self, layer: Layer) -> bool;
}

impl Overlay for OctetLimit {
    fn wins(&self, below: &Self, layer: Layer) -> bool {
        layer < Layer::Route || self.binary() <= below.binary()
    }
}

impl Overlay for Size {
    fn wins(&self, below: &Self, layer: Layer) -> bool {
        layer != Layer::Route || (self.width <= below.width && self.height <= below.height)
    }
}

macro_rules! always {
    ($($kind:ty),*) => {$(impl Overlay for $kind {
        fn wins(&self, _: &Self, _: Layer) -> bool {
            true
        }
    })*};
}
always!(bool, u32, u64, String, Vec<String>, Vec<SoundOffer>, Vec<VideoOffer>);

impl OctetLimit {
    /// The limit in octets after decoding: base64 with a line end after 76 characters takes 78 for
    /// 57 octets.
    #[must_use]
    pub const fn binary(&self) -> u64 {
        match self.unit {
            Unit::Binary => self.octets,
            Unit::Base64 => self.octets / 78 * 57 + self.octets % 78 * 57 / 78,
        }
    }
}
