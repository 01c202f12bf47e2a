//! Content-encryption algorithms of CMS (RFC 3565, 5084, 3370 §5.1): what each is called and asks for, and
//! the AlgorithmIdentifier of a message read and written.
//!
//! Whether an algorithm is acceptable is policy and not decided here; what is not known stays readable as
//! its object identifier and octets.

use alloc::vec::Vec;
use core::fmt;

use crate::recipient;
use crate::recipient::element::{
    Element, Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, definite, element, identifier,
};
use const_oid::ObjectIdentifier as Oid;

/// Octets of the nonce of AES-GCM; RFC 5084 recommends this length and no mail has another.
pub const GCM_NONCE_OCTETS: usize = 12;

/// `id-alg-cek-hkdf-sha256` of RFC 9709.
pub(crate) const CEK_HKDF_SHA256: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.3.31");

/// What a content algorithm proves about the plaintext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// A tag over all of it.
    Aead,
    /// Nothing: whoever can change the ciphertext changes the plaintext.
    None,
}

/// An algorithm that content is encrypted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentAlgorithm {
    /// AES in cipher block chaining, 128-bit key.
    Aes128Cbc,
    /// AES in cipher block chaining, 192-bit key.
    Aes192Cbc,
    /// AES in cipher block chaining, 256-bit key.
    Aes256Cbc,
    /// AES in Galois/counter mode, 128-bit key.
    Aes128Gcm,
    /// AES in Galois/counter mode, 192-bit key.
    Aes192Gcm,
    /// AES in Galois/counter mode, 256-bit key.
    Aes256Gcm,
    /// Triple DES in cipher block chaining, of old mail: read, never written.
    TripleDesCbc,
}

impl ContentAlgorithm {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Aes128Cbc,
        Self::Aes192Cbc,
        Self::Aes256Cbc,
        Self::Aes128Gcm,
        Self::Aes192Gcm,
        Self::Aes256Gcm,
        Self::TripleDesCbc,
    ];

    /// The algorithm with an object identifier; `None` when it is none of these.
    #[must_use]
    pub fn of(oid: Oid) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.oid() == oid)
    }

    /// Its object identifier.
    #[must_use]
    pub const fn oid(self) -> Oid {
        Oid::new_unwrap(match self {
            Self::Aes128Cbc => "2.16.840.1.101.3.4.1.2",
            Self::Aes192Cbc => "2.16.840.1.101.3.4.1.22",
            Self::Aes256Cbc => "2.16.840.1.101.3.4.1.42",
            Self::Aes128Gcm => "2.16.840.1.101.3.4.1.6",
            Self::Aes192Gcm => "2.16.840.1.101.3.4.1.26",
            Self::Aes256Gcm => "2.16.840.1.101.3.4.1.46",
            Self::TripleDesCbc => "1.2.840.113549.3.7",
        })
    }

    /// Its name in sessions, configuration and audit entries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes128Cbc => "aes-128-cbc",
            Self::Aes192Cbc => "aes-192-cbc",
            Self::Aes256Cbc => "aes-256-cbc",
            Self::Aes128Gcm => "aes-128-gcm",
            Self::Aes192Gcm => "aes-192-gcm",
            Self::Aes256Gcm => "aes-256-gcm",
            Self::TripleDesCbc => "3des-cbc",
        }
    }

    /// Octets of its key.
    #[must_use]
    pub const fn key_octets(self) -> usize {
        match self {
            Self::Aes128Cbc | Self::Aes128Gcm => 16,
            Self::Aes192Cbc | Self::Aes192Gcm | Self::TripleDesCbc => 24,
            Self::Aes256Cbc | Self::Aes256Gcm => 32,
        }
    }

    /// What it proves.
    #[must_use]
    pub const fn integrity(self) -> Integrity {
        match self {
            Self::Aes128Gcm | Self::Aes192Gcm | Self::Aes256Gcm => Integrity::Aead,
            _ => Integrity::None,
        }
    }

    /// Octets of its initialization vector or nonce.
    #[must_use]
    pub const fn iv_octets(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes192Gcm | Self::Aes256Gcm => GCM_NONCE_OCTETS,
            Self::TripleDesCbc => 8,
            _ => 16,
        }
    }
}

/// An algorithm with what it needs besides the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentParameters {
    algorithm: ContentAlgorithm,
    iv: [u8; 16],
    tag_octets: usize,
}

impl ContentParameters {
    /// Cipher block chaining; `None` when the algorithm is another or the vector has another length.
    #[must_use]
    pub fn cbc(algorithm: ContentAlgorithm, iv: &[u8]) -> Option<Self> {
        (algorithm.integrity() == Integrity::None).then_some(())?;
        Self::new(algorithm, iv, 0)
    }

    /// Galois/counter mode with a tag of 12 to 16 octets; `None` when the algorithm is another or a length
    /// is. A nonce must never be used twice with one key.
    #[must_use]
    pub fn gcm(algorithm: ContentAlgorithm, nonce: &[u8], tag_octets: usize) -> Option<Self> {
        (algorithm.integrity() == Integrity::Aead && (12..=16).contains(&tag_octets)).then_some(())?;
        Self::new(algorithm, nonce, tag_octets)
    }

    fn new(algorithm: ContentAlgorithm, iv: &[u8], tag_octets: usize) -> Option<Self> {
        (iv.len() == algorithm.iv_octets()).then_some(())?;
        let mut parameters = Self { algorithm, iv: [0; 16], tag_octets };
        parameters.iv.get_mut(..iv.len())?.copy_from_slice(iv);
        Some(parameters)
    }

    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> ContentAlgorithm {
        self.algorithm
    }

    /// The initialization vector or nonce.
    #[must_use]
    pub fn iv(&self) -> &[u8] {
        self.iv.get(..self.algorithm.iv_octets()).unwrap_or_default()
    }

    /// Octets of the tag (`aes-ICVlen`); 0 when the algorithm has none.
    #[must_use]
    pub const fn tag_octets(&self) -> usize {
        self.tag_octets
    }

    /// The AlgorithmIdentifier in DER, but that the length of a tag is written where it is the default as
    /// well: OpenSSL 3.0 does not know that there is one.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let iv = element(OCTET_STRING, &[self.iv()]);
        let parameters = match u8::try_from(self.tag_octets) {
            Ok(octets @ 1..) => element(SEQUENCE, &[&iv, &element(INTEGER, &[&[octets]])]),
            _ => iv,
        };
        element(SEQUENCE, &[&identifier(self.algorithm.oid()), &parameters])
    }

    /// RFC 5084 §3.2: `SEQUENCE { aes-nonce OCTET STRING, aes-ICVlen INTEGER DEFAULT 12 }`; of the others
    /// the vector alone.
    fn decode(algorithm: ContentAlgorithm, parameters: Element<'_>) -> Option<Self> {
        if algorithm.integrity() == Integrity::None {
            return (parameters.tag == OCTET_STRING).then(|| Self::cbc(algorithm, parameters.content))?;
        }
        (parameters.tag == SEQUENCE).then_some(())?;
        let mut fields = parameters.inside();
        let nonce = fields.take(OCTET_STRING, "aes-nonce").ok()?;
        let octets =
            fields.optional(INTEGER, "aes-ICVlen").ok()?.map_or(Some(12), |octets| octets.number())?;
        fields.is_empty().then_some(())?;
        Self::gcm(algorithm, nonce.content, usize::try_from(octets).ok()?)
    }
}

/// Why content with this AlgorithmIdentifier is not decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsupported {
    /// An algorithm that is none of [`ContentAlgorithm`].
    Algorithm(Oid),
    /// An algorithm with a tag where the message has no room for it, or the reverse: CBC that claims to be
    /// authenticated, or GCM whose tag was taken off (RFC 5083, RFC 5084).
    Format,
    /// A known algorithm whose parameters are wrong: a nonce that is not of 12 octets, a tag shorter than 12.
    Parameters,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Algorithm(oid) => write!(f, "the content algorithm {oid} is not supported"),
            Self::Format => f.write_str("the content algorithm does not fit the content type"),
            Self::Parameters => f.write_str("the parameters of the content algorithm are not supported"),
        }
    }
}

impl core::error::Error for Unsupported {}

/// The `contentEncryptionAlgorithm` of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentEncryption {
    /// The whole AlgorithmIdentifier as sent.
    pub der: Vec<u8>,
    /// Its object identifier.
    pub oid: Oid,
    /// What the content is decrypted with.
    pub parameters: Result<ContentParameters, Unsupported>,
    /// Of `cek-hkdf-sha256` (RFC 9709) the AlgorithmIdentifier inside, which `parameters` are of: the key
    /// that recipients were sent is not the content key. The client derives that
    /// ([`recipient::cek_hkdf_sha256`]), so that a gateway cannot use it under another algorithm.
    pub derived_for: Option<Vec<u8>>,
}

impl ContentEncryption {
    /// Reads an AlgorithmIdentifier; `None` when it is no such element.
    #[must_use]
    pub fn decode(der: Vec<u8>) -> Option<Self> {
        let read = definite(&der, &recipient::Limits::default()).ok()?;
        let (oid, parameters) = parts(Elements::of(&read).take(SEQUENCE, "AlgorithmIdentifier").ok()?)?;
        let (parameters, derived_for) = match parameters {
            Some(inner) if oid == CEK_HKDF_SHA256 => match parts(inner) {
                Some((oid, parameters)) => (decode(oid, parameters), Some(inner.whole.to_vec())),
                None => (Err(Unsupported::Parameters), None),
            },
            parameters => (decode(oid, parameters), None),
        };
        Some(Self { oid, parameters, derived_for, der })
    }
}

/// `SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL }`.
fn parts(identifier: Element<'_>) -> Option<(Oid, Option<Element<'_>>)> {
    (identifier.tag == SEQUENCE).then_some(())?;
    let mut fields = identifier.inside();
    let oid = fields.take(OBJECT_IDENTIFIER, "algorithm").ok()?.oid().ok()?;
    let parameters = if fields.is_empty() { None } else { Some(fields.any("parameters").ok()?) };
    fields.is_empty().then_some((oid, parameters))
}

fn decode(oid: Oid, parameters: Option<Element<'_>>) -> Result<ContentParameters, Unsupported> {
    let algorithm = ContentAlgorithm::of(oid).ok_or(Unsupported::Algorithm(oid))?;
    parameters.and_then(|it| ContentParameters::decode(algorithm, it)).ok_or(Unsupported::Parameters)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn octets(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut all = Vec::new();
        for algorithm in ContentAlgorithm::ALL {
            let iv = &[0xA7; 16][..algorithm.iv_octets()];
            all.extend(ContentParameters::cbc(algorithm, iv));
            all.extend((10..=18).filter_map(|tag| ContentParameters::gcm(algorithm, iv, tag)));
        }
        assert_eq!(all.len(), 4 + 3 * 5);
        for parameters in all {
            let encoded = parameters.encode();
            let read = ContentEncryption::decode(encoded.clone()).unwrap();
            assert_eq!(read.der, encoded);
            assert_eq!(read.oid, parameters.algorithm().oid());
            assert_eq!(read.parameters, Ok(parameters));
            assert_eq!(read.derived_for, None);
        }
    }

    #[test]
    fn an_algorithm_that_is_not_known_or_not_whole_is_named() {
        // RC2 with its parameters, AES-256-GCM with a nonce of 8 octets, and with a tag of 8.
        let rc2 = octets("301a06082a864886f70d0302300e020200a004089c04d2192e2a55a1");
        let refused = |der: Vec<u8>| ContentEncryption::decode(der).unwrap().parameters.unwrap_err();
        assert_eq!(refused(rc2), Unsupported::Algorithm(Oid::new_unwrap("1.2.840.113549.3.2")));
        let nonce = octets("3017060960864801650304012e300a04080000000000000000");
        assert_eq!(refused(nonce), Unsupported::Parameters);
        let tag = octets("301e060960864801650304012e3011040c000000000000000000000000020108");
        assert_eq!(refused(tag), Unsupported::Parameters);
        // No parameters at all.
        assert_eq!(refused(octets("300b060960864801650304012a")), Unsupported::Parameters);
        assert_eq!(ContentEncryption::decode(octets("0500")), None);
        assert_eq!(ContentEncryption::decode(octets("3000")), None);
    }

    /// The AlgorithmIdentifier of RFC 9709 appendix B.
    #[test]
    fn an_algorithm_whose_key_is_derived_is_told_from_the_same_without() {
        let inner = octets("301b0609608648016503040106300e040c5c79058ba2f43447639d29e2");
        let outer = [octets("302a060b2a864886f70d010910031f"), inner.clone()].concat();
        let read = ContentEncryption::decode(outer).unwrap();
        let plain = ContentEncryption::decode(inner.clone()).unwrap();
        assert_eq!(read.parameters, plain.parameters);
        assert_eq!(read.parameters.unwrap().algorithm(), ContentAlgorithm::Aes128Gcm);
        assert_eq!((read.derived_for, plain.derived_for), (Some(inner), None));
    }
}
