//! Signature algorithms (RFC 8551 §2.2): RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 8017, 4056), ECDSA on
//! the curves of NIST (RFC 5753, 5754) and Ed25519 (RFC 8419), over SHA-2; SHA-1 is verified so that
//! old mail can be told from changed mail. DSA and MD5 are unknown.

use alloc::vec::Vec;

use const_oid::ObjectIdentifier as Oid;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::SignatureScheme;
use rsa::{Pkcs1v15Sign, Pss};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::Weakness;
use crate::Certificate;
use crate::certificate::KeyKind;
use crate::recipient::element::{
    self, Elements, INTEGER, NULL, OCTET_STRING, SEQUENCE, constructed, identifier,
};
use crate::recipient::{Algorithm, Curve, EC_PUBLIC_KEY, Hash, MGF1, RSA, RSASSA_PSS};

const ED25519: Oid = Oid::new_unwrap("1.3.101.112");

/// Identifiers that name a hash function as well.
const WITH_HASH: [(Oid, Hash, bool); 8] = [
    (Oid::new_unwrap("1.2.840.113549.1.1.5"), Hash::Sha1, true),
    (Oid::new_unwrap("1.2.840.113549.1.1.11"), Hash::Sha256, true),
    (Oid::new_unwrap("1.2.840.113549.1.1.12"), Hash::Sha384, true),
    (Oid::new_unwrap("1.2.840.113549.1.1.13"), Hash::Sha512, true),
    (Oid::new_unwrap("1.2.840.10045.4.1"), Hash::Sha1, false),
    (Oid::new_unwrap("1.2.840.10045.4.3.2"), Hash::Sha256, false),
    (Oid::new_unwrap("1.2.840.10045.4.3.3"), Hash::Sha384, false),
    (Oid::new_unwrap("1.2.840.10045.4.3.4"), Hash::Sha512, false),
];

/// RSA moduli that are computed with, bits: below nothing is proved, above it takes too long.
const MODULUS_BITS: core::ops::RangeInclusive<u32> = 1024..=8192;

/// How one signature was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scheme {
    padding: Padding,
    hash: Hash,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Padding {
    Ecdsa(Curve),
    Ed25519,
    Pkcs1v15,
    /// Octets of the salt.
    Pss(usize),
}

impl Scheme {
    /// `None` when it is not known, or not one for this key.
    pub(super) fn of(algorithm: &Algorithm, digest: &Algorithm, certificate: &Certificate) -> Option<Self> {
        let hash = Hash::of(digest.oid()).filter(|hash| *hash != Hash::Sha224)?;
        let named = WITH_HASH.iter().find(|(oid, ..)| *oid == algorithm.oid());
        let padding = match (algorithm.oid(), certificate.key()) {
            // Plain RSA keys make both kinds; a key that is for PSS makes no other (RFC 4055 §1.2).
            (RSASSA_PSS, KeyKind::Rsa(_)) | (RSASSA_PSS, KeyKind::Other(RSASSA_PSS)) => pss(algorithm, hash)?,
            (ED25519, KeyKind::Other(ED25519)) => Padding::Ed25519,
            (RSA, KeyKind::Rsa(_)) => Padding::Pkcs1v15,
            (EC_PUBLIC_KEY, KeyKind::Agreement(curve)) => Padding::Ecdsa(curve),
            (_, KeyKind::Rsa(_)) if named.is_some_and(|(_, it, rsa)| *it == hash && *rsa) => {
                Padding::Pkcs1v15
            }
            (_, KeyKind::Agreement(curve)) if named.is_some_and(|(_, it, rsa)| *it == hash && !rsa) => {
                Padding::Ecdsa(curve)
            }
            _ => return None,
        };
        let known = match padding {
            Padding::Ecdsa(curve) => curve != Curve::X25519,
            Padding::Ed25519 => true,
            Padding::Pkcs1v15 | Padding::Pss(_) => MODULUS_BITS.contains(&certificate.modulus_bits()?),
        };
        known.then_some(Self { padding, hash })
    }

    /// The function that the content is digested with.
    pub(super) const fn digest(self) -> Hash {
        self.hash
    }

    /// Why a signature of this kind proves little.
    pub(super) fn weakness(self, certificate: &Certificate) -> Option<Weakness> {
        if self.hash == Hash::Sha1 {
            Some(Weakness::Sha1)
        } else if certificate.modulus_bits().is_some_and(|bits| bits < 2048) {
            Some(Weakness::ShortKey)
        } else {
            (!certificate.may_sign()).then_some(Weakness::KeyUsage)
        }
    }

    /// Whether the signature was made over these octets with the key of the certificate.
    pub(super) fn verify(self, certificate: &Certificate, over: &mut Digests<'_>, signature: &[u8]) -> bool {
        let key = certificate.public_key();
        match self.padding {
            Padding::Ed25519 => ed25519(key, over.octets(), signature),
            Padding::Ecdsa(curve) => ecdsa(curve, key, over.digest(self.hash), signature),
            Padding::Pkcs1v15 => {
                let digest = over.digest(self.hash);
                let padding = Pkcs1v15Sign {
                    hash_len: Some(digest.len()),
                    prefix: digest_info(self.hash, digest.len()).into_boxed_slice(),
                };
                rsa(padding, key, digest, signature)
            }
            Padding::Pss(salt) => {
                let digest = over.digest(self.hash);
                match self.hash {
                    Hash::Sha1 => rsa(Pss::<Sha1>::new_with_salt(salt), key, digest, signature),
                    Hash::Sha256 => rsa(Pss::<Sha256>::new_with_salt(salt), key, digest, signature),
                    Hash::Sha384 => rsa(Pss::<Sha384>::new_with_salt(salt), key, digest, signature),
                    Hash::Sha512 => rsa(Pss::<Sha512>::new_with_salt(salt), key, digest, signature),
                    Hash::Sha224 => false,
                }
            }
        }
    }
}

fn rsa(padding: impl SignatureScheme, key: &[u8], digest: &[u8], signature: &[u8]) -> bool {
    rsa::PublicKey::from_pkcs1_der(key).is_ok_and(|key| key.verify(padding, digest, signature).is_ok())
}

fn ecdsa(curve: Curve, key: &[u8], digest: &[u8], signature: &[u8]) -> bool {
    macro_rules! on {
        ($curve:ident) => {
            match (
                $curve::ecdsa::VerifyingKey::from_sec1_bytes(key),
                $curve::ecdsa::Signature::from_der(signature),
            ) {
                (Ok(key), Ok(signature)) => key.verify_prehash(digest, &signature).is_ok(),
                _ => false,
            }
        };
    }
    match curve {
        Curve::P256 => on!(p256),
        Curve::P384 => on!(p384),
        Curve::P521 => on!(p521),
        Curve::X25519 => false,
    }
}

fn ed25519(key: &[u8], octets: &[u8], signature: &[u8]) -> bool {
    let key = key.try_into().ok().and_then(|key| ed25519_dalek::VerifyingKey::from_bytes(key).ok());
    let signature = ed25519_dalek::Signature::from_slice(signature).ok();
    // Keys of small order, under which many contents have the same signature, are refused.
    key.zip(signature).is_some_and(|(key, signature)| key.verify_strict(octets, &signature).is_ok())
}

/// The DigestInfo of RFC 8017 §9.2 up to the digest.
fn digest_info(hash: Hash, octets: usize) -> Vec<u8> {
    let algorithm = element::element(SEQUENCE, &[&identifier(hash.oid()), &[NULL, 0]]);
    let mut out = Vec::new();
    // The header of a digest takes two octets.
    element::append_header(&mut out, SEQUENCE, (algorithm.len() + 2 + octets) as u64);
    out.extend_from_slice(&algorithm);
    element::append_header(&mut out, OCTET_STRING, octets as u64);
    out
}

/// RSASSA-PSS-params (RFC 4055 §3.1): one hash function for everything, and the trailer that there is.
fn pss(algorithm: &Algorithm, hash: Hash) -> Option<Padding> {
    const SALT_OCTETS: u32 = 20;
    if algorithm.parameters().is_empty() {
        return (hash == Hash::Sha1).then_some(Padding::Pss(SALT_OCTETS as usize));
    }
    let read = || {
        let mut fields = Elements::of(algorithm.parameters()).take(SEQUENCE, "parameters")?.inside();
        let hash = fields.optional(constructed(0), "a hash function")?;
        let mask = fields.optional(constructed(1), "a mask")?;
        let salt = fields.optional(constructed(2), "a length of a salt")?;
        let trailer = fields.optional(constructed(3), "a trailer")?;
        let function = |it: Option<element::Element<'_>>| match it {
            Some(it) => Algorithm::from_der(it.content).map(Some),
            None => Ok(None),
        };
        let number = |it: Option<element::Element<'_>>, default| match it {
            Some(it) => it.inside().take(INTEGER, "a number").map(|number| number.number()),
            None => Ok(Some(default)),
        };
        Ok::<_, crate::recipient::Malformed>((
            function(hash)?,
            function(mask)?,
            number(salt, SALT_OCTETS)?,
            number(trailer, 1)?,
        ))
    };
    let (function, mask, salt, trailer) = read().ok()?;
    let named = |it: Option<Algorithm>| it.map_or(Some(Hash::Sha1), |it| Hash::of(it.oid()));
    let inner = match mask {
        None => Some(Hash::Sha1),
        Some(mask) if mask.oid() == MGF1 => {
            Algorithm::from_der(mask.parameters()).ok().and_then(|it| Hash::of(it.oid()))
        }
        Some(_) => None,
    };
    let salt = salt.and_then(|salt| usize::try_from(salt).ok()).filter(|salt| *salt <= 512)?;
    (named(function) == Some(hash) && inner == Some(hash) && trailer == Some(1)).then_some(Padding::Pss(salt))
}

/// Octets and their digests, each computed once.
pub(super) struct Digests<'a> {
    octets: &'a [u8],
    known: Vec<(Hash, Vec<u8>)>,
}

impl<'a> Digests<'a> {
    pub(super) const fn of(octets: &'a [u8]) -> Self {
        Self { octets, known: Vec::new() }
    }

    pub(super) const fn octets(&self) -> &'a [u8] {
        self.octets
    }

    pub(super) fn digest(&mut self, hash: Hash) -> &[u8] {
        let at = self.known.iter().position(|(known, _)| *known == hash).unwrap_or_else(|| {
            let digest = match hash {
                Hash::Sha1 => Sha1::digest(self.octets).to_vec(),
                Hash::Sha224 => sha2::Sha224::digest(self.octets).to_vec(),
                Hash::Sha256 => Sha256::digest(self.octets).to_vec(),
                Hash::Sha384 => Sha384::digest(self.octets).to_vec(),
                Hash::Sha512 => Sha512::digest(self.octets).to_vec(),
            };
            self.known.push((hash, digest));
            self.known.len() - 1
        });
        self.known.get(at).map(|(_, digest)| digest.as_slice()).unwrap_or_default()
    }
}
