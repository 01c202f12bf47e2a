//! One RecipientInfo of CMS (RFC 5652 §6.2; KEMRecipientInfo is RFC 9629): whom it is for and how.
//!
//! It is kept as the raw octets that were sent, with their SHA-256: re-encoding BER would change
//! them, and the seal of a content key is bound to that digest. What the parts mean for a key is
//! in `unwrap`. Nothing here needs or knows a secret, so errors say what was expected.

mod algorithm;
mod derive;
pub(crate) mod element;
mod read;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::fmt;

use const_oid::ObjectIdentifier as Oid;
use sha2::{Digest, Sha256};

pub use algorithm::{Algorithm, Curve, Hash, MlKem, Oaep};
pub use derive::cek_hkdf_sha256;

/// id-ori-kem, the OtherRecipientInfo of a key encapsulation.
pub(crate) const ORI_KEM: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.13.3");

pub(crate) use algorithm::{
    EC_DH, EC_PUBLIC_KEY, HKDF_SHA256, MGF1, RSA, RSAES_OAEP, RSASSA_PSS, STD_DH_HKDF_SHA256, STD_DH_SHA256,
    Scheme, Wrap,
};
#[cfg(feature = "unwrap")]
pub(crate) use algorithm::{PBKDF2, PWRI_KEK};
pub(crate) use derive::{Kek, kem_info, shared_info};

/// Bounds of one RecipientInfo, one certificate or one private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets of it. Default 256 KiB, what the reader of a message keeps as one element: a certificate
    /// with a post-quantum signature takes 10,000, a key agreement for 500 below 100,000.
    pub octets: usize,
    /// Elements within elements. Default 16: a name in a key agreement is 9 deep.
    pub nesting: u8,
    /// Recipients of one key agreement, extensions of a certificate, addresses in it. Default 500,
    /// as many as a message may have.
    pub entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { octets: 256 << 10, nesting: 16, entries: 500 }
    }
}

/// Why octets are not the structure that they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// Something else stands where this was expected.
    Expected(&'static str),
    /// Elements are nested deeper than [`Limits::nesting`].
    TooDeep,
    /// It has more octets than [`Limits::octets`].
    TooLarge,
    /// It has more entries than [`Limits::entries`].
    TooMany,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected(what) => write!(f, "{what} expected"),
            Self::TooDeep => f.write_str("nested too deep"),
            Self::TooLarge => f.write_str("too many octets"),
            Self::TooMany => f.write_str("too many entries"),
        }
    }
}

impl core::error::Error for Malformed {}

/// How a RecipientInfo carries the content key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Encrypted to a public key: KeyTransRecipientInfo.
    Ktri,
    /// Wrapped under a key agreed with one ephemeral key for one or more recipients:
    /// KeyAgreeRecipientInfo.
    Kari,
    /// Wrapped under a key from a key encapsulation: KEMRecipientInfo.
    Kemri,
    /// Wrapped under a key that both have: KEKRecipientInfo.
    Kekri,
    /// Wrapped under a key from a password: PasswordRecipientInfo.
    Pwri,
    /// Some other way: an OtherRecipientInfo that is none of the above.
    Other,
}

impl Kind {
    /// Its name in sessions and audit entries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ktri => "ktri",
            Self::Kari => "kari",
            Self::Kemri => "kemri",
            Self::Kekri => "kekri",
            Self::Pwri => "pwri",
            Self::Other => "other",
        }
    }
}

/// What names the key of a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identifier {
    /// A certificate, by the DER of its issuer's name and the content octets of its serial number.
    IssuerSerial {
        /// Name, a SEQUENCE.
        issuer: Vec<u8>,
        /// Content of the INTEGER.
        serial: Vec<u8>,
    },
    /// A certificate, by its subject key identifier.
    SubjectKey(Vec<u8>),
    /// A key that both have, by a name that they agreed on.
    Kek(Vec<u8>),
}

/// A RecipientInfo, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    raw: Vec<u8>,
    sha256: [u8; 32],
    identifiers: Vec<Identifier>,
    algorithm: Algorithm,
    pub(crate) body: Body,
}

impl Recipient {
    /// Reads a RecipientInfo, DER or BER with all its tags and lengths and nothing after it.
    ///
    /// # Errors
    /// It is malformed, or larger than the limits allow.
    pub fn read(raw: &[u8], limits: &Limits) -> Result<Self, Malformed> {
        let definite = element::definite(raw, limits)?;
        let (identifiers, algorithm, body) = read::recipient_info(&definite, limits)?;
        Ok(Self { raw: raw.to_vec(), sha256: Sha256::digest(raw).into(), identifiers, algorithm, body })
    }

    /// How it carries the content key.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self.body {
            Body::Ktri { .. } => Kind::Ktri,
            Body::Kari { .. } => Kind::Kari,
            Body::Kemri { .. } => Kind::Kemri,
            Body::Kekri { .. } => Kind::Kekri,
            Body::Pwri { .. } => Kind::Pwri,
            Body::Other => Kind::Other,
        }
    }

    /// Whom it is for: of a key agreement one for each recipient in order, none of a password, one
    /// otherwise.
    #[must_use]
    pub fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }

    /// Its key-encryption algorithm: of a key agreement the scheme, of a key encapsulation the KEM.
    #[must_use]
    pub const fn algorithm(&self) -> &Algorithm {
        &self.algorithm
    }

    /// The octets as they were sent.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// SHA-256 of [`raw`](Self::raw).
    #[must_use]
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }
}

/// What remains of a RecipientInfo: the encrypted content key and what is needed to decrypt it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    Ktri {
        encrypted_key: Vec<u8>,
    },
    Kari {
        /// The sender's ephemeral public key; `None` when the sender used a certificate.
        originator: Option<OriginatorKey>,
        ukm: Option<Vec<u8>>,
        /// In the order of the identifiers.
        encrypted_keys: Vec<Vec<u8>>,
    },
    Kemri {
        ciphertext: Vec<u8>,
        kdf: Algorithm,
        kek_octets: u32,
        ukm: Option<Vec<u8>>,
        wrap: Algorithm,
        encrypted_key: Vec<u8>,
    },
    Kekri {
        encrypted_key: Vec<u8>,
    },
    Pwri {
        derivation: Option<Algorithm>,
        encrypted_key: Vec<u8>,
    },
    Other,
}

/// The ephemeral public key of a key agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OriginatorKey {
    pub(crate) algorithm: Oid,
    /// The content of its BIT STRING: a point of SEC 1, or the 32 octets of X25519.
    pub(crate) point: Vec<u8>,
}
