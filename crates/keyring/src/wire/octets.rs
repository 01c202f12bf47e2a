//! Octets and digests in JSON: base64url without padding (RFC 4648 §5). Other alphabets, padding
//! and stray trailing bits are refused, so that equal octets have one spelling.

use alloc::{string::String, vec::Vec};
use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

/// Any number of octets. Not for secrets: they are cloned, compared and left in memory.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Octets(pub Vec<u8>);

/// A SHA-256.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Octets {
    /// In base64url.
    #[must_use]
    pub fn encoded(&self) -> String {
        Base64UrlUnpadded::encode_string(&self.0)
    }

    /// From base64url; `None` when it is none.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        Base64UrlUnpadded::decode_vec(text).ok().map(Self)
    }
}

impl Digest {
    /// Of these octets.
    #[must_use]
    pub fn of(octets: &[u8]) -> Self {
        Self(Sha256::digest(octets).into())
    }

    /// In base64url: 43 characters.
    #[must_use]
    pub fn encoded(&self) -> String {
        Base64UrlUnpadded::encode_string(&self.0)
    }

    /// From base64url; `None` when it is none or of another length.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        Octets::decode(text)?.0.try_into().ok().map(Self)
    }
}

impl From<Vec<u8>> for Octets {
    fn from(octets: Vec<u8>) -> Self {
        Self(octets)
    }
}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Octets({})", self.0.len())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.encoded())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.encoded())
    }
}

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encoded())
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encoded())
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text).ok_or_else(|| de::Error::custom("not base64url without padding"))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text).ok_or_else(|| de::Error::custom("not the base64url of 32 octets"))
    }
}
