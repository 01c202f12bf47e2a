//! A content key encrypted to certificates, and the envelope around what it encrypts.
//!
//! RecipientInfo for RSA (RFC 3560, 3370 §4.2.1), ephemeral-static ECDH (RFC 5753), X25519 (RFC 8418)
//! and ML-KEM (RFC 9629, 9936); EnvelopedData (RFC 5652 §6) and AuthEnvelopedData (RFC 5083) written
//! as a stream around ciphertext that is made elsewhere; SignedData (RFC 5652 §5) around a signature that is
//! made elsewhere; the mail entities of S/MIME (RFC 8551 §3).
//! A message is encrypted anew under a fresh key, always: the key that was handed over is not used
//! again. Which certificate to trust, and which form its owner can read, is decided by the caller.

mod agree;
mod envelope;
mod mail;
mod signed;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::fmt;

use ml_kem::{Encapsulate, EncapsulationKey512, EncapsulationKey768, EncapsulationKey1024};
use rand_core::CryptoRng;
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::{Oaep, Pkcs1v15Encrypt};
use sha2::Sha256;
use zeroize::Zeroizing;

pub use envelope::{EncryptedContent, Envelope, Misuse, format};
pub use mail::{Base64Lines, head as mail_head};
pub use signed::{SignatureAlgorithm, attributes, signed_data, signed_mail};

use crate::certificate::KeyKind;
use crate::recipient::element::{INTEGER, NULL, OCTET_STRING, SEQUENCE, constructed, element, identifier};
use crate::recipient::{HKDF_SHA256, Hash, Kek, MGF1, MlKem, RSA, RSAES_OAEP, Wrap, kem_info};
use crate::{Cek, Certificate, ContentAlgorithm};

/// How a content key is encrypted to an RSA key. Keys of curves and of ML-KEM leave no choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// RSAES-OAEP with SHA-256.
    #[default]
    Oaep,
    /// RSAES-PKCS1-v1_5, for programs that know nothing else.
    Pkcs1v15,
}

/// Why a content key cannot be encrypted to a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsuitable {
    /// Its key is for something else: signatures, another algorithm, or a use that it excludes.
    KeyKind,
    /// Its RSA modulus has fewer than 2048 or more than 4096 bits.
    KeySize,
    /// Its public key is malformed.
    PublicKey,
}

impl fmt::Display for Unsuitable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyKind => "the key of the certificate is not for encryption",
            Self::KeySize => "the key of the certificate is too short or too long",
            Self::PublicKey => "the public key of the certificate is malformed",
        })
    }
}

impl core::error::Error for Unsuitable {}

/// A content key never used before. `None` never happens: every content algorithm has a length of key.
#[must_use]
pub fn fresh_key(content: ContentAlgorithm, rng: &mut dyn CryptoRng) -> Option<Cek> {
    let mut octets = Zeroizing::new([0; crate::cek::MAX_OCTETS]);
    rng.fill_bytes(&mut *octets);
    Cek::new(octets.get(..content.key_octets())?)
}

/// The DER of a RecipientInfo that carries the key to the owner of a certificate, who is named by
/// issuer and serial number.
///
/// # Errors
/// The certificate is unsuitable.
pub fn recipient_info(
    certificate: &Certificate,
    cek: &Cek,
    transport: Transport,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, Unsuitable> {
    if !certificate.may_encrypt() {
        return Err(Unsuitable::KeyKind);
    }
    match certificate.key() {
        KeyKind::Rsa(2048..=4096) => key_transport(certificate, cek, transport, rng),
        KeyKind::Rsa(_) => Err(Unsuitable::KeySize),
        KeyKind::Agreement(curve) => agree::recipient_info(certificate, curve, cek, rng),
        KeyKind::MlKem(kem) => encapsulated(certificate, kem, cek, rng),
        KeyKind::Other(_) => Err(Unsuitable::KeyKind),
    }
}

fn issuer_and_serial(certificate: &Certificate) -> Vec<u8> {
    element(SEQUENCE, &[certificate.issuer(), &element(INTEGER, &[certificate.serial()])])
}

fn version(number: u8) -> Vec<u8> {
    element(INTEGER, &[&[number]])
}

fn key_transport(
    certificate: &Certificate,
    cek: &Cek,
    transport: Transport,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, Unsuitable> {
    let key = rsa::PublicKey::from_pkcs1_der(certificate.public_key()).map_err(|_| Unsuitable::PublicKey)?;
    let (algorithm, encrypted) = match transport {
        Transport::Oaep => {
            let hash = element(SEQUENCE, &[&identifier(Hash::Sha256.oid()), &element(NULL, &[])]);
            let mgf = element(SEQUENCE, &[&identifier(MGF1), &hash]);
            let parameters =
                element(SEQUENCE, &[&element(constructed(0), &[&hash]), &element(constructed(1), &[&mgf])]);
            let algorithm = element(SEQUENCE, &[&identifier(RSAES_OAEP), &parameters]);
            (algorithm, key.encrypt(rng, Oaep::<Sha256>::new(), cek.octets()))
        }
        Transport::Pkcs1v15 => {
            let algorithm = element(SEQUENCE, &[&identifier(RSA), &element(NULL, &[])]);
            (algorithm, key.encrypt(rng, Pkcs1v15Encrypt, cek.octets()))
        }
    };
    let encrypted = encrypted.map_err(|_| Unsuitable::PublicKey)?;
    let identifier = issuer_and_serial(certificate);
    Ok(element(SEQUENCE, &[&version(0), &identifier, &algorithm, &element(OCTET_STRING, &[&encrypted])]))
}

fn encapsulated(
    certificate: &Certificate,
    kem: MlKem,
    cek: &Cek,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, Unsuitable> {
    fn encapsulate<K: Encapsulate>(
        key: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Option<(Vec<u8>, Zeroizing<Vec<u8>>)> {
        let (ciphertext, secret) = K::new_from_slice(key).ok()?.encapsulate_with_rng(rng);
        Some((ciphertext.to_vec(), Zeroizing::new(secret.to_vec())))
    }
    let key = certificate.public_key();
    let (ciphertext, secret) = match kem {
        MlKem::MlKem512 => encapsulate::<EncapsulationKey512>(key, rng),
        MlKem::MlKem768 => encapsulate::<EncapsulationKey768>(key, rng),
        MlKem::MlKem1024 => encapsulate::<EncapsulationKey1024>(key, rng),
    }
    .ok_or(Unsuitable::PublicKey)?;
    let wrap = element(SEQUENCE, &[&identifier(Wrap::Aes256.oid())]);
    let info = kem_info(&wrap, Wrap::Aes256, None);
    let kek = Kek::hkdf(Hash::Sha256, None, &secret, &info, Wrap::Aes256);
    let encrypted = kek.and_then(|kek| kek.wrap(cek)).ok_or(Unsuitable::PublicKey)?;
    let octets = u8::try_from(Wrap::Aes256.octets()).unwrap_or_default();
    let kemri = element(
        SEQUENCE,
        &[
            &version(0),
            &issuer_and_serial(certificate),
            &element(SEQUENCE, &[&identifier(kem.oid())]),
            &element(OCTET_STRING, &[&ciphertext]),
            &element(SEQUENCE, &[&identifier(HKDF_SHA256)]),
            &element(INTEGER, &[&[octets]]),
            &wrap,
            &element(OCTET_STRING, &[&encrypted]),
        ],
    );
    Ok(element(constructed(4), &[&identifier(crate::recipient::ORI_KEM), &kemri]))
}
