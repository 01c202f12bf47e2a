//! The header of a packet (RFC 9580 §4.2), and the packet that carries a session key (§5.1).

use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::Kind;

/// What a packet is, as far as the reader must tell (§5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// A session key encrypted to a public key.
    Pkesk,
    /// Encrypted data with integrity.
    Seipd,
    /// Encrypted data without.
    Sed,
    /// Encrypted data as GnuPG writes it where a key allows that, in no standard.
    Ocb,
    /// A session key encrypted with a password, a marker, padding, and what must be ignored (§4.3).
    Skipped,
    /// Anything else.
    Other,
}

impl Tag {
    const fn of(number: u8) -> Self {
        match number {
            1 => Self::Pkesk,
            18 => Self::Seipd,
            9 => Self::Sed,
            20 => Self::Ocb,
            3 | 10 | 21 | 40..=63 => Self::Skipped,
            _ => Self::Other,
        }
    }
}

/// How long a packet is, or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Definite(u64),
    /// Another length follows after so many octets.
    Partial(u64),
    /// To the end of the input.
    Rest,
}

/// Reads the header of a packet; nothing when more octets are needed.
pub(super) fn header(octets: &[u8]) -> Result<Option<(Tag, Length)>, Kind> {
    let Some((first, rest)) = octets.split_first() else { return Ok(None) };
    if first & 0x80 == 0 {
        return Err(Kind::Expected("a packet"));
    }
    if first & 0x40 != 0 {
        return Ok(length(rest).map(|length| (Tag::of(first & 0x3F), length)));
    }
    let length = match (first & 3, rest) {
        (0, [a]) => Length::Definite(u64::from(*a)),
        (1, [a, b]) => Length::Definite(u64::from(u16::from_be_bytes([*a, *b]))),
        (2, [a, b, c, d]) => Length::Definite(u64::from(u32::from_be_bytes([*a, *b, *c, *d]))),
        (3, []) => Length::Rest,
        _ => return Ok(None),
    };
    Ok(Some((Tag::of(first >> 2 & 0x0F), length)))
}

/// Reads a length of the current format; nothing when more octets are needed.
pub(super) fn length(octets: &[u8]) -> Option<Length> {
    match octets {
        [a @ ..=191] => Some(Length::Definite(u64::from(*a))),
        [a @ 192..=223, b] => Some(Length::Definite(((u64::from(*a) - 192) << 8) + u64::from(*b) + 192)),
        [a @ 224..=254] => Some(Length::Partial(1 << (a & 0x1F))),
        [255, a, b, c, d] => Some(Length::Definite(u64::from(u32::from_be_bytes([*a, *b, *c, *d])))),
        _ => None,
    }
}

/// The version of a packet with a session key, which must fit that of the content (§10.3.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// For content of version 1: the cipher is encrypted with the key.
    V3,
    /// For content of version 2.
    V6,
}

/// Whom a session key is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// Somebody who is not named.
    Anonymous,
    /// Fingerprint of a key: 20 octets of version 4, 32 of version 6.
    Fingerprint(Vec<u8>),
    /// Key ID: the last 8 octets of a fingerprint of version 4, the first of version 6.
    KeyId([u8; 8]),
}

impl Recipient {
    /// Whether it names the key with this fingerprint.
    #[must_use]
    pub fn names(&self, fingerprint: &[u8]) -> bool {
        match self {
            Self::Anonymous => false,
            Self::Fingerprint(octets) => octets == fingerprint,
            Self::KeyId(id) if fingerprint.len() == 20 => fingerprint.ends_with(id),
            Self::KeyId(id) => fingerprint.len() == 32 && fingerprint.starts_with(id),
        }
    }

    /// The octets that name it.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        match self {
            Self::Anonymous => &[],
            Self::Fingerprint(octets) => octets,
            Self::KeyId(id) => id,
        }
    }
}

/// What a session key is encrypted with (§9.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKeyAlgorithm(pub u8);

impl PublicKeyAlgorithm {
    /// Its name in sessions and audit entries; "unknown" for what cannot encrypt or is not registered.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            1 | 2 => "rsa",
            16 => "elgamal",
            18 => "ecdh",
            25 => "x25519",
            26 => "x448",
            35 => "ml-kem-768-x25519",
            36 => "ml-kem-1024-x448",
            _ => "unknown",
        }
    }
}

/// A session key encrypted to a public key. The encrypted key itself is not taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pkesk {
    raw: Vec<u8>,
    version: Version,
    recipient: Recipient,
    algorithm: PublicKeyAlgorithm,
}

impl Pkesk {
    /// Reads a whole packet, header included, and nothing after it.
    ///
    /// # Errors
    /// It is no such packet, or of a version that is none of [`Version`].
    pub fn read(raw: &[u8]) -> Result<Self, Kind> {
        let wanted = Kind::Expected("a session key for a public key");
        let mut at = 1;
        let (tag, length) = loop {
            match header(raw.get(..at).ok_or(Kind::Ended)?)? {
                Some(read) => break read,
                None => at += 1,
            }
        };
        let body = raw.get(at..).ok_or(Kind::Ended)?;
        if tag != Tag::Pkesk || length != Length::Definite(body.len() as u64) {
            return Err(wanted);
        }
        let (version, recipient, rest) = match body {
            [3, a, b, c, d, e, f, g, h, rest @ ..] => {
                let id = [*a, *b, *c, *d, *e, *f, *g, *h];
                let named = id.iter().any(|octet| *octet != 0);
                (Version::V3, if named { Recipient::KeyId(id) } else { Recipient::Anonymous }, rest)
            }
            [6, 0, rest @ ..] => (Version::V6, Recipient::Anonymous, rest),
            [6, octets, key_version, rest @ ..] => {
                let fingerprint = match (octets, key_version) {
                    (21, 4) => 20,
                    (33, 6) => 32,
                    _ => return Err(Kind::Unsupported("a key of another version than 4 and 6")),
                };
                let (fingerprint, rest) = rest.split_at_checked(fingerprint).ok_or(wanted)?;
                (Version::V6, Recipient::Fingerprint(fingerprint.to_vec()), rest)
            }
            [3 | 6, ..] | [] => return Err(wanted),
            _ => return Err(Kind::Unsupported("a session key of another version than 3 and 6")),
        };
        let [algorithm, _, ..] = rest else { return Err(wanted) };
        Ok(Self { raw: raw.to_vec(), version, recipient, algorithm: PublicKeyAlgorithm(*algorithm) })
    }

    /// The whole packet as it was sent.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// SHA-256 of [`raw`](Self::raw).
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.raw).into()
    }

    /// Its version.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Whom it is for.
    #[must_use]
    pub const fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// What the session key is encrypted with.
    #[must_use]
    pub const fn algorithm(&self) -> PublicKeyAlgorithm {
        self.algorithm
    }
}
