//! Private keys in software, read from PKCS #8 (RFC 5958): RSA, NIST curves, X25519, ML-KEM.
//!
//! ML-KEM keys are read from their seed (RFC 9935 §6), alone or beside the expanded key, which is
//! then not used; an expanded key alone is refused. Encrypted PKCS #8 is decrypted by the caller.

use alloc::boxed::Box;
use core::fmt;

use ml_kem::{Decapsulate, DecapsulationKey512, DecapsulationKey768, DecapsulationKey1024, KeyExport, Seed};
use p256::NistP256;
use p256::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use p256::elliptic_curve::{AffinePoint, CurveArithmetic, FieldBytesSize, PublicKey, SecretKey};
use p384::NistP384;
use p521::NistP521;
use pkcs8::PrivateKeyInfoRef;
use rand_core::CryptoRng;
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::PublicKeyParts;
use rsa::{Oaep as Padding, Pkcs1v15Encrypt};
use sha1::Sha1;
use sha2::digest::FixedOutputReset;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::{PrivateOperation, Secret};
use crate::Certificate;
use crate::certificate::KeyKind;
use crate::recipient::element::{Elements, OCTET_STRING, SEQUENCE, primitive};
use crate::recipient::{Curve, EC_DH, EC_PUBLIC_KEY, Hash, Malformed, MlKem, Oaep, RSA, RSAES_OAEP};

/// Bounds of a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLimits {
    /// Bits of the shortest RSA modulus. Default 2048: shorter ones are broken or about to be.
    pub rsa_min_bits: u32,
    /// Bits of the longest RSA modulus. Default 4096: the time of one decryption grows with its cube.
    pub rsa_max_bits: u32,
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self { rsa_min_bits: 2048, rsa_max_bits: 4096 }
    }
}

/// A private key, wiped when it is dropped and never printed.
pub struct PrivateKey(Key);

enum Key {
    Rsa(Box<rsa::PrivateKey>),
    P256(Box<SecretKey<NistP256>>),
    P384(Box<SecretKey<NistP384>>),
    P521(Box<SecretKey<NistP521>>),
    X25519(Box<Zeroizing<[u8; 32]>>),
    MlKem512(Box<DecapsulationKey512>),
    MlKem768(Box<DecapsulationKey768>),
    MlKem1024(Box<DecapsulationKey1024>),
}

impl PrivateKey {
    /// Reads a PrivateKeyInfo from its DER. The caller wipes its own copy.
    ///
    /// # Errors
    /// It is malformed, of a kind that cannot unwrap, or outside the limits.
    pub fn read(der: &[u8], limits: &KeyLimits) -> Result<Self, Malformed> {
        let info =
            PrivateKeyInfoRef::try_from(der).map_err(|_| Malformed::Expected("a private key in PKCS #8"))?;
        let octets = info.private_key.as_bytes();
        let key = match info.algorithm.oid {
            RSA | RSAES_OAEP => {
                let key: rsa::PrivateKey = rsa::pkcs1::RsaPrivateKeyRef::try_from(octets)
                    .and_then(TryInto::try_into)
                    .map_err(|_| Malformed::Expected("an RSA private key"))?;
                if !(limits.rsa_min_bits..=limits.rsa_max_bits).contains(&key.n().bit_width()) {
                    return Err(Malformed::Expected("an RSA modulus of a length within the limits"));
                }
                Key::Rsa(Box::new(key))
            }
            EC_PUBLIC_KEY | EC_DH => {
                let curve =
                    info.algorithm.parameters_oid().map_err(|_| Malformed::Expected("a named curve"))?;
                let malformed = Malformed::Expected("a private key of its curve");
                match Curve::named(curve).ok_or(Malformed::Expected("P-256, P-384 or P-521"))? {
                    Curve::P256 => {
                        Key::P256(Box::new(SecretKey::from_sec1_der(octets).map_err(|_| malformed)?))
                    }
                    Curve::P384 => {
                        Key::P384(Box::new(SecretKey::from_sec1_der(octets).map_err(|_| malformed)?))
                    }
                    Curve::P521 => {
                        Key::P521(Box::new(SecretKey::from_sec1_der(octets).map_err(|_| malformed)?))
                    }
                    Curve::X25519 => return Err(malformed),
                }
            }
            oid if oid == Curve::X25519.oid() => {
                let key = Elements::of(octets).take(OCTET_STRING, "a private key of X25519")?.content;
                let mut boxed = Box::new(Zeroizing::new([0; 32]));
                if key.len() != boxed.len() {
                    return Err(Malformed::Expected("32 octets of X25519"));
                }
                boxed.copy_from_slice(key);
                Key::X25519(boxed)
            }
            oid => {
                let kem = MlKem::of(oid).ok_or(Malformed::Expected("a private key that can decrypt"))?;
                let seed = seed(octets)?;
                match kem {
                    MlKem::MlKem512 => {
                        Key::MlKem512(Box::new(DecapsulationKey512::from_seed(Seed::from(*seed))))
                    }
                    MlKem::MlKem768 => {
                        Key::MlKem768(Box::new(DecapsulationKey768::from_seed(Seed::from(*seed))))
                    }
                    MlKem::MlKem1024 => {
                        Key::MlKem1024(Box::new(DecapsulationKey1024::from_seed(Seed::from(*seed))))
                    }
                }
            }
        };
        Ok(Self(key))
    }

    /// Whether it is the private key of a certificate.
    #[must_use]
    pub fn belongs_to(&self, certificate: &Certificate) -> bool {
        let public = certificate.public_key();
        self.kind() == certificate.key()
            && match &self.0 {
                Key::Rsa(key) => {
                    rsa::PublicKey::from_pkcs1_der(public).is_ok_and(|it| it == key.to_public_key())
                }
                Key::P256(key) => PublicKey::from_sec1_bytes(public).is_ok_and(|it| it == key.public_key()),
                Key::P384(key) => PublicKey::from_sec1_bytes(public).is_ok_and(|it| it == key.public_key()),
                Key::P521(key) => PublicKey::from_sec1_bytes(public).is_ok_and(|it| it == key.public_key()),
                Key::X25519(key) => {
                    x25519_dalek::x25519(***key, x25519_dalek::X25519_BASEPOINT_BYTES) == public
                }
                Key::MlKem512(key) => key.encapsulation_key().to_bytes().as_slice() == public,
                Key::MlKem768(key) => key.encapsulation_key().to_bytes().as_slice() == public,
                Key::MlKem1024(key) => key.encapsulation_key().to_bytes().as_slice() == public,
            }
    }

    /// What it can do.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        match &self.0 {
            Key::Rsa(key) => KeyKind::Rsa(key.n().bit_width()),
            Key::P256(_) => KeyKind::Agreement(Curve::P256),
            Key::P384(_) => KeyKind::Agreement(Curve::P384),
            Key::P521(_) => KeyKind::Agreement(Curve::P521),
            Key::X25519(_) => KeyKind::Agreement(Curve::X25519),
            Key::MlKem512(_) => KeyKind::MlKem(MlKem::MlKem512),
            Key::MlKem768(_) => KeyKind::MlKem(MlKem::MlKem768),
            Key::MlKem1024(_) => KeyKind::MlKem(MlKem::MlKem1024),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?})", self.kind())
    }
}

impl PrivateOperation for PrivateKey {
    fn rsa_v15(&self, ciphertext: &[u8], rng: &mut dyn CryptoRng) -> Option<Secret> {
        let Key::Rsa(key) = &self.0 else { return None };
        key.decrypt_blinded(rng, Pkcs1v15Encrypt, ciphertext).ok().map(Zeroizing::new)
    }

    fn rsa_oaep(&self, ciphertext: &[u8], parameters: &Oaep, rng: &mut dyn CryptoRng) -> Option<Secret> {
        let Key::Rsa(key) = &self.0 else { return None };
        match parameters.hash {
            Hash::Sha1 => oaep::<Sha1>(key, ciphertext, parameters, rng),
            Hash::Sha224 => oaep::<Sha224>(key, ciphertext, parameters, rng),
            Hash::Sha256 => oaep::<Sha256>(key, ciphertext, parameters, rng),
            Hash::Sha384 => oaep::<Sha384>(key, ciphertext, parameters, rng),
            Hash::Sha512 => oaep::<Sha512>(key, ciphertext, parameters, rng),
        }
    }

    fn agree(&self, peer: &[u8]) -> Option<Secret> {
        match &self.0 {
            Key::P256(key) => ecdh(key, peer),
            Key::P384(key) => ecdh(key, peer),
            Key::P521(key) => ecdh(key, peer),
            Key::X25519(key) => {
                let secret = Zeroizing::new(x25519_dalek::x25519(***key, peer.try_into().ok()?));
                // A point of small order: the secret would be known to everyone (RFC 7748 §6.1).
                (secret.iter().fold(0, |any, octet| any | octet) != 0)
                    .then(|| Zeroizing::new(secret.to_vec()))
            }
            _ => None,
        }
    }

    fn decapsulate(&self, ciphertext: &[u8]) -> Option<Secret> {
        let secret = match &self.0 {
            Key::MlKem512(key) => Zeroizing::new(key.decapsulate_slice(ciphertext).ok()?),
            Key::MlKem768(key) => Zeroizing::new(key.decapsulate_slice(ciphertext).ok()?),
            Key::MlKem1024(key) => Zeroizing::new(key.decapsulate_slice(ciphertext).ok()?),
            _ => return None,
        };
        Some(Zeroizing::new(secret.to_vec()))
    }
}

fn ecdh<C>(key: &SecretKey<C>, peer: &[u8]) -> Option<Secret>
where
    C: CurveArithmetic,
    FieldBytesSize<C>: ModulusSize,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
{
    let peer = PublicKey::<C>::from_sec1_bytes(peer).ok()?;
    Some(Zeroizing::new(key.diffie_hellman(&peer).raw_secret_bytes().to_vec()))
}

/// RSAES-OAEP with the hash of the label chosen; the other function is chosen here.
fn oaep<D: Digest + FixedOutputReset>(
    key: &rsa::PrivateKey,
    ciphertext: &[u8],
    parameters: &Oaep,
    rng: &mut dyn CryptoRng,
) -> Option<Secret> {
    fn decrypt<D: Digest + FixedOutputReset, M: Digest + FixedOutputReset>(
        key: &rsa::PrivateKey,
        ciphertext: &[u8],
        label: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Option<Secret> {
        let padding = Padding::<D, M>::new_with_mgf_hash_and_label(label);
        key.decrypt_blinded(rng, padding, ciphertext).ok().map(Zeroizing::new)
    }
    let label = &parameters.label;
    match parameters.mgf {
        Hash::Sha1 => decrypt::<D, Sha1>(key, ciphertext, label, rng),
        Hash::Sha224 => decrypt::<D, Sha224>(key, ciphertext, label, rng),
        Hash::Sha256 => decrypt::<D, Sha256>(key, ciphertext, label, rng),
        Hash::Sha384 => decrypt::<D, Sha384>(key, ciphertext, label, rng),
        Hash::Sha512 => decrypt::<D, Sha512>(key, ciphertext, label, rng),
    }
}

/// The seed in an ML-KEM-PrivateKey: alone, or before the expanded key.
fn seed(octets: &[u8]) -> Result<Zeroizing<[u8; 64]>, Malformed> {
    let malformed = Malformed::Expected("a seed of 64 octets");
    let mut elements = Elements::of(octets);
    let seed = match elements.peek() {
        Some(SEQUENCE) => elements.any("both keys")?.inside().take(OCTET_STRING, "a seed")?,
        _ => elements.take(primitive(0), "a seed")?,
    };
    seed.content.try_into().map(Zeroizing::new).map_err(|_| malformed)
}
