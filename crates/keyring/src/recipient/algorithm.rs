//! Key-encryption algorithms of CMS: what each is called, and the parameters that this crate reads.
//!
//! RSA (RFC 8017, 3560), elliptic curves (RFC 5753, 8418), ML-KEM (RFC 9629, 9936), AES key wrap
//! (RFC 3565) and passwords (RFC 3211). An algorithm that has no name here is carried all the same.

use alloc::vec::Vec;

use const_oid::ObjectIdentifier as Oid;

use super::Malformed;
use super::element::{Element, Elements, NULL, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, constructed};

/// An AlgorithmIdentifier as it was sent, with lengths made definite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Algorithm {
    oid: Oid,
    der: Vec<u8>,
    parameters: Vec<u8>,
}

impl Algorithm {
    /// Reads one from a SEQUENCE, or from an element that is tagged in its place.
    pub(crate) fn read(element: Element<'_>) -> Result<Self, Malformed> {
        let mut inside = element.inside();
        let oid = inside.take(OBJECT_IDENTIFIER, "the identifier of an algorithm")?.oid()?;
        Ok(Self { oid, der: element.whole.to_vec(), parameters: inside.rest().to_vec() })
    }

    /// Reads the one in these octets, a SEQUENCE and nothing else.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, Malformed> {
        let mut elements = Elements::of(der);
        let algorithm = Self::read(elements.take(SEQUENCE, "an algorithm")?)?;
        if elements.is_empty() {
            Ok(algorithm)
        } else {
            Err(Malformed::Expected("nothing after the algorithm"))
        }
    }

    /// Its object identifier.
    #[must_use]
    pub const fn oid(&self) -> Oid {
        self.oid
    }

    /// The whole AlgorithmIdentifier, parameters as sent.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its parameters with their tag; empty when absent.
    #[must_use]
    pub fn parameters(&self) -> &[u8] {
        &self.parameters
    }

    /// Its name in sessions and audit entries; "unknown" for what is not in the table.
    #[must_use]
    pub fn name(&self) -> &'static str {
        let schemes = SCHEMES.iter().map(|(oid, _, name)| (*oid, *name));
        let derivations = DERIVATIONS.iter().map(|(oid, _, name)| (*oid, *name));
        let mut named = NAMES.into_iter().chain(schemes).chain(derivations);
        named.find(|(oid, _)| *oid == self.oid).map_or("unknown", |(_, name)| name)
    }
}

pub(crate) const RSA: Oid = Oid::new_unwrap("1.2.840.113549.1.1.1");
pub(crate) const RSAES_OAEP: Oid = Oid::new_unwrap("1.2.840.113549.1.1.7");
pub(crate) const RSASSA_PSS: Oid = Oid::new_unwrap("1.2.840.113549.1.1.10");
pub(crate) const MGF1: Oid = Oid::new_unwrap("1.2.840.113549.1.1.8");
pub(crate) const P_SPECIFIED: Oid = Oid::new_unwrap("1.2.840.113549.1.1.9");
pub(crate) const EC_PUBLIC_KEY: Oid = Oid::new_unwrap("1.2.840.10045.2.1");
pub(crate) const EC_DH: Oid = Oid::new_unwrap("1.3.132.1.12");
pub(crate) const STD_DH_SHA256: Oid = Oid::new_unwrap("1.3.132.1.11.1");
pub(crate) const STD_DH_HKDF_SHA256: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.3.19");
pub(crate) const HKDF_SHA256: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.3.28");
pub(crate) const PWRI_KEK: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.3.9");
pub(crate) const PBKDF2: Oid = Oid::new_unwrap("1.2.840.113549.1.5.12");

/// Algorithms with a name and no parameters that matter here; the others have tables of their own below.
const NAMES: [(Oid, &str); 12] = [
    (RSA, "rsaes-pkcs1-v1_5"),
    (RSAES_OAEP, "rsaes-oaep"),
    (MlKem::MlKem512.oid(), "ml-kem-512"),
    (MlKem::MlKem768.oid(), "ml-kem-768"),
    (MlKem::MlKem1024.oid(), "ml-kem-1024"),
    (Wrap::Aes128.oid(), "aes-128-wrap"),
    (Wrap::Aes192.oid(), "aes-192-wrap"),
    (Wrap::Aes256.oid(), "aes-256-wrap"),
    (PWRI_KEK, "pwri-kek"),
    (PBKDF2, "pbkdf2"),
    (Oid::new_unwrap("1.2.840.113549.1.9.16.3.6"), "3des-wrap"),
    (Oid::new_unwrap("1.2.840.113549.1.9.16.3.5"), "esdh"),
];

/// How a key-agreement algorithm makes a key-encryption key of the shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    X963(Hash),
    Hkdf(Hash),
}

/// Schemes of RFC 5753 and 8418. Standard and cofactor Diffie-Hellman are the same on curves whose
/// cofactor is 1, and X25519 multiplies by its cofactor anyway.
const SCHEMES: [(Oid, Scheme, &str); 13] = [
    (Oid::new_unwrap("1.3.133.16.840.63.0.2"), Scheme::X963(Hash::Sha1), "dhSinglePass-stdDH-sha1kdf-scheme"),
    (Oid::new_unwrap("1.3.132.1.11.0"), Scheme::X963(Hash::Sha224), "dhSinglePass-stdDH-sha224kdf-scheme"),
    (STD_DH_SHA256, Scheme::X963(Hash::Sha256), "dhSinglePass-stdDH-sha256kdf-scheme"),
    (Oid::new_unwrap("1.3.132.1.11.2"), Scheme::X963(Hash::Sha384), "dhSinglePass-stdDH-sha384kdf-scheme"),
    (Oid::new_unwrap("1.3.132.1.11.3"), Scheme::X963(Hash::Sha512), "dhSinglePass-stdDH-sha512kdf-scheme"),
    (
        Oid::new_unwrap("1.3.133.16.840.63.0.3"),
        Scheme::X963(Hash::Sha1),
        "dhSinglePass-cofactorDH-sha1kdf-scheme",
    ),
    (
        Oid::new_unwrap("1.3.132.1.14.0"),
        Scheme::X963(Hash::Sha224),
        "dhSinglePass-cofactorDH-sha224kdf-scheme",
    ),
    (
        Oid::new_unwrap("1.3.132.1.14.1"),
        Scheme::X963(Hash::Sha256),
        "dhSinglePass-cofactorDH-sha256kdf-scheme",
    ),
    (
        Oid::new_unwrap("1.3.132.1.14.2"),
        Scheme::X963(Hash::Sha384),
        "dhSinglePass-cofactorDH-sha384kdf-scheme",
    ),
    (
        Oid::new_unwrap("1.3.132.1.14.3"),
        Scheme::X963(Hash::Sha512),
        "dhSinglePass-cofactorDH-sha512kdf-scheme",
    ),
    (STD_DH_HKDF_SHA256, Scheme::Hkdf(Hash::Sha256), "dhSinglePass-stdDH-hkdf-sha256-scheme"),
    (
        Oid::new_unwrap("1.2.840.113549.1.9.16.3.20"),
        Scheme::Hkdf(Hash::Sha384),
        "dhSinglePass-stdDH-hkdf-sha384-scheme",
    ),
    (
        Oid::new_unwrap("1.2.840.113549.1.9.16.3.21"),
        Scheme::Hkdf(Hash::Sha512),
        "dhSinglePass-stdDH-hkdf-sha512-scheme",
    ),
];

impl Scheme {
    /// The scheme with an object identifier.
    pub(crate) fn of(oid: Oid) -> Option<Self> {
        SCHEMES.into_iter().find(|(named, ..)| *named == oid).map(|(_, scheme, _)| scheme)
    }
}

/// Key derivations with HKDF that a key encapsulation names (RFC 8619).
const DERIVATIONS: [(Oid, Hash, &str); 3] = [
    (HKDF_SHA256, Hash::Sha256, "hkdf-sha256"),
    (Oid::new_unwrap("1.2.840.113549.1.9.16.3.29"), Hash::Sha384, "hkdf-sha384"),
    (Oid::new_unwrap("1.2.840.113549.1.9.16.3.30"), Hash::Sha512, "hkdf-sha512"),
];

/// A hash function of RSAES-OAEP, of a key derivation or of PBKDF2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is what it says")]
pub enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    const ALL: [Self; 5] = [Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The function with an object identifier.
    pub(crate) fn of(oid: Oid) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.oid() == oid)
    }

    /// The hash of a key derivation with HKDF.
    #[cfg(feature = "unwrap")]
    pub(crate) fn of_hkdf(oid: Oid) -> Option<Self> {
        DERIVATIONS.into_iter().find(|(named, ..)| *named == oid).map(|(_, hash, _)| hash)
    }

    pub(crate) const fn oid(self) -> Oid {
        Oid::new_unwrap(match self {
            Self::Sha1 => "1.3.14.3.2.26",
            Self::Sha224 => "2.16.840.1.101.3.4.2.4",
            Self::Sha256 => "2.16.840.1.101.3.4.2.1",
            Self::Sha384 => "2.16.840.1.101.3.4.2.2",
            Self::Sha512 => "2.16.840.1.101.3.4.2.3",
        })
    }
}

/// AES key wrap (RFC 3394) under a key-encryption key of 128, 192 or 256 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrap {
    Aes128,
    Aes192,
    Aes256,
}

impl Wrap {
    #[cfg(feature = "unwrap")]
    pub(crate) fn of(oid: Oid) -> Option<Self> {
        [Self::Aes128, Self::Aes192, Self::Aes256].into_iter().find(|wrap| wrap.oid() == oid)
    }

    pub(crate) const fn oid(self) -> Oid {
        Oid::new_unwrap(match self {
            Self::Aes128 => "2.16.840.1.101.3.4.1.5",
            Self::Aes192 => "2.16.840.1.101.3.4.1.25",
            Self::Aes256 => "2.16.840.1.101.3.4.1.45",
        })
    }

    /// Octets of its key.
    pub(crate) const fn octets(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }
}

/// A curve that keys are agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is what it says")]
pub enum Curve {
    P256,
    P384,
    P521,
    X25519,
}

impl Curve {
    /// Its object identifier: a named curve, or for X25519 the algorithm of the key.
    #[must_use]
    pub const fn oid(self) -> Oid {
        Oid::new_unwrap(match self {
            Self::P256 => "1.2.840.10045.3.1.7",
            Self::P384 => "1.3.132.0.34",
            Self::P521 => "1.3.132.0.35",
            Self::X25519 => "1.3.101.110",
        })
    }

    /// The NIST curve with an object identifier.
    pub(crate) fn named(oid: Oid) -> Option<Self> {
        [Self::P256, Self::P384, Self::P521].into_iter().find(|curve| curve.oid() == oid)
    }
}

/// A parameter set of ML-KEM (FIPS 203).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is what it says")]
pub enum MlKem {
    MlKem512,
    MlKem768,
    MlKem1024,
}

impl MlKem {
    /// Its object identifier, of keys and of the algorithm alike.
    #[must_use]
    pub const fn oid(self) -> Oid {
        Oid::new_unwrap(match self {
            Self::MlKem512 => "2.16.840.1.101.3.4.4.1",
            Self::MlKem768 => "2.16.840.1.101.3.4.4.2",
            Self::MlKem1024 => "2.16.840.1.101.3.4.4.3",
        })
    }

    pub(crate) fn of(oid: Oid) -> Option<Self> {
        [Self::MlKem512, Self::MlKem768, Self::MlKem1024].into_iter().find(|kem| kem.oid() == oid)
    }
}

/// Parameters of RSAES-OAEP (RFC 8017 §A.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oaep {
    /// Hash of the label.
    pub hash: Hash,
    /// Hash of the mask generation function, MGF1.
    pub mgf: Hash,
    /// The label; empty by default.
    pub label: Vec<u8>,
}

impl Oaep {
    /// Reads the parameters of an algorithm; each of the three has a default. `None` when a function
    /// in them is not known here.
    ///
    /// # Errors
    /// They are no RSAES-OAEP-params.
    pub fn read(algorithm: &Algorithm) -> Result<Option<Self>, Malformed> {
        let mut oaep = Self { hash: Hash::Sha1, mgf: Hash::Sha1, label: Vec::new() };
        let mut parameters = Elements::of(algorithm.parameters());
        if parameters.is_empty() || parameters.optional(NULL, "parameters")?.is_some() {
            return Ok(Some(oaep));
        }
        let mut fields = parameters.take(SEQUENCE, "parameters of RSAES-OAEP")?.inside();
        if let Some(field) = fields.optional(constructed(0), "a hash algorithm")? {
            let Some(hash) = Hash::of(Algorithm::from_der(field.content)?.oid()) else { return Ok(None) };
            oaep.hash = hash;
        }
        if let Some(field) = fields.optional(constructed(1), "a mask generation function")? {
            let mgf = Algorithm::from_der(field.content)?;
            let Some(hash) =
                Hash::of(Algorithm::from_der(mgf.parameters())?.oid()).filter(|_| mgf.oid() == MGF1)
            else {
                return Ok(None);
            };
            oaep.mgf = hash;
        }
        if let Some(field) = fields.optional(constructed(2), "a source of the label")? {
            let source = Algorithm::from_der(field.content)?;
            if source.oid() != P_SPECIFIED {
                return Ok(None);
            }
            oaep.label = Elements::of(source.parameters()).take(OCTET_STRING, "a label")?.content.to_vec();
        }
        Ok(Some(oaep))
    }
}
