//! Why a part does not stay as it is: one closed set for notices, loss reports and JSON.
//!
//! The words of a notice in the recipient's language are not here.

use core::fmt;
use serde::{Deserialize, Serialize};

macro_rules! whys {
    ($($(#[$doc:meta])* $name:ident = $sentence:literal;)*) => {
        /// Why a part does not stay as it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Why { $($(#[$doc])* $name,)* }

        impl Why {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What a person reads, after "because": English, without a full stop.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }
        }
    };
}

whys! {
    /// The sender or the profile forbids conversion.
    AdaptationNotAllowed = "its conversion is not allowed";
    /// An animation where only stills are shown.
    Animated = "the handset does not show animations";
    /// A card of a version that is not read.
    CardVersion = "the handset reads another version of this card";
    /// A charset that is not read.
    Charset = "the handset does not read this charset";
    /// A codec, or a profile or level of it, that is not played.
    Codec = "the handset does not play this codec";
    /// Samples kept in a way that few decoders read: CMYK.
    Colours = "the handset does not show these colours";
    /// The streams are right, the container is not.
    Container = "the handset plays this, but not in this container";
    /// Cut, broken, or not what it looks like.
    Damaged = "the file is damaged";
    /// Encrypted or under DRM.
    Encrypted = "the content is protected";
    /// Beyond a bound on what is given to a decoder.
    Hostile = "the file claims dimensions that are not processed";
    /// HTML where only plain text is read.
    Html = "the handset reads plain text only";
    /// Metadata that are not for the recipient.
    Metadata = "its metadata are removed";
    /// Stored turned; shown right only by those who read EXIF or the matrix of a track.
    Orientation = "the picture is stored turned";
    /// The metadata hold a place.
    Place = "its metadata say where it was made";
    /// Progressive JPEG where only baseline is shown.
    Progressive = "the handset does not show progressive pictures";
    /// Does not fit the octet limit as it is.
    TooLarge = "the message would be larger than allowed";
    /// Plays longer than is taken.
    TooLong = "it plays longer than the handset allows";
    /// More parts than are taken.
    TooManyParts = "the message has more parts than the handset takes";
    /// Wider or higher than is shown.
    TooManyPixels = "the picture is larger than the handset shows";
    /// A media type that is not taken, and nothing that it could become.
    TypeNotTaken = "the handset does not take this type";
    /// Nobody knows what it is.
    Unknown = "the type of the file is not known";
    /// Out of a message whose encryption does not prove its content, and not of a kind that is made anew.
    Unproven = "nothing proves that it is what was sent";
    /// Known, but not read here.
    Unsupported = "this kind of file cannot be converted";
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}
