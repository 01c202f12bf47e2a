//! KEKRecipientInfo, and PasswordRecipientInfo (RFC 3211) with PBKDF2 (RFC 8018 §5.2).

use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use aes::{Aes128, Aes192, Aes256};
use const_oid::ObjectIdentifier as Oid;
use hmac::Hmac;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Refused, Secret};
use crate::recipient::element::{Elements, INTEGER, OCTET_STRING, SEQUENCE};
use crate::recipient::{Algorithm, Body, Hash, Kek, Malformed, PBKDF2, PWRI_KEK, Wrap};
use crate::{Cek, ContentAlgorithm, Recipient};

/// The content key of a KEKRecipientInfo, from the key-encryption key that it names. Which one that
/// is, by its [`Identifier`](crate::recipient::Identifier), is for the caller to find.
///
/// # Errors
/// See [`Refused`].
pub fn with_kek(recipient: &Recipient, kek: &[u8], content: ContentAlgorithm) -> Result<Cek, Refused> {
    let Body::Kekri { encrypted_key } = &recipient.body else {
        return Err(Refused::Unsupported("kind of recipient"));
    };
    let wrap = Wrap::of(recipient.algorithm().oid()).ok_or(Refused::Unsupported("key wrap"))?;
    Kek::new(kek, wrap)
        .and_then(|kek| kek.unwrap(encrypted_key, content.key_octets()))
        .ok_or(Refused::KeyNotUsable)
}

/// The content key of a PasswordRecipientInfo. `max_iterations` bounds the work that the sender may
/// ask for; 2,000,000 is about a second.
///
/// # Errors
/// See [`Refused`].
pub fn with_password(
    recipient: &Recipient,
    password: &[u8],
    max_iterations: u32,
    content: ContentAlgorithm,
) -> Result<Cek, Refused> {
    let Body::Pwri { derivation, encrypted_key } = &recipient.body else {
        return Err(Refused::Unsupported("kind of recipient"));
    };
    if recipient.algorithm().oid() != PWRI_KEK {
        return Err(Refused::Unsupported("key-encryption algorithm of a password"));
    }
    let cipher = Algorithm::from_der(recipient.algorithm().parameters())
        .map_err(|_| Refused::Unsupported("cipher"))?;
    let algorithm = ContentAlgorithm::of(cipher.oid()).ok_or(Refused::Unsupported("cipher"))?;
    let iv = Elements::of(cipher.parameters()).take(OCTET_STRING, "an initialization vector");
    let iv = iv.map_err(|_| Refused::Unsupported("cipher"))?.content;
    let derivation = derivation.as_ref().filter(|derivation| derivation.oid() == PBKDF2);
    let derivation = derivation.and_then(|derivation| Pbkdf2::read(derivation).ok());
    let derivation = derivation.ok_or(Refused::Unsupported("key derivation"))?;
    if !(1..=max_iterations).contains(&derivation.iterations) {
        return Err(Refused::Unsupported("number of iterations"));
    }
    let mut kek = Zeroizing::new([0; 32]);
    let kek = kek.get_mut(..algorithm.key_octets()).unwrap_or_default();
    derivation.derive(password, kek).ok_or(Refused::KeyNotUsable)?;
    let padded = match algorithm {
        ContentAlgorithm::Aes128Cbc => decrypt::<cbc::Decryptor<Aes128>>(kek, iv, encrypted_key),
        ContentAlgorithm::Aes192Cbc => decrypt::<cbc::Decryptor<Aes192>>(kek, iv, encrypted_key),
        ContentAlgorithm::Aes256Cbc => decrypt::<cbc::Decryptor<Aes256>>(kek, iv, encrypted_key),
        _ => return Err(Refused::Unsupported("cipher")),
    };
    padded.and_then(|padded| unpadded(&padded, content.key_octets())).ok_or(Refused::KeyNotUsable)
}

/// Parameters of PBKDF2 with a salt in them.
struct Pbkdf2<'a> {
    salt: &'a [u8],
    iterations: u32,
    hash: Hash,
}

impl<'a> Pbkdf2<'a> {
    fn read(algorithm: &'a Algorithm) -> Result<Self, Malformed> {
        const PSEUDO_RANDOM_FUNCTIONS: [(Oid, Hash); 5] = [
            (Oid::new_unwrap("1.2.840.113549.2.7"), Hash::Sha1),
            (Oid::new_unwrap("1.2.840.113549.2.8"), Hash::Sha224),
            (Oid::new_unwrap("1.2.840.113549.2.9"), Hash::Sha256),
            (Oid::new_unwrap("1.2.840.113549.2.10"), Hash::Sha384),
            (Oid::new_unwrap("1.2.840.113549.2.11"), Hash::Sha512),
        ];
        let mut fields =
            Elements::of(algorithm.parameters()).take(SEQUENCE, "parameters of PBKDF2")?.inside();
        let salt = fields.take(OCTET_STRING, "a salt")?.content;
        let iterations = fields.take(INTEGER, "a number of iterations")?.number();
        let iterations = iterations.ok_or(Malformed::Expected("a number of iterations"))?;
        fields.optional(INTEGER, "the length of a key")?;
        let hash = match fields.optional(SEQUENCE, "a pseudo-random function")? {
            None => Hash::Sha1,
            Some(function) => {
                let function = Algorithm::read(function)?.oid();
                let known = PSEUDO_RANDOM_FUNCTIONS.into_iter().find(|(oid, _)| *oid == function);
                known.ok_or(Malformed::Expected("a pseudo-random function that is known"))?.1
            }
        };
        Ok(Self { salt, iterations, hash })
    }

    /// Fills the key. HMAC takes a password of any length, so it does not fail.
    fn derive(&self, password: &[u8], key: &mut [u8]) -> Option<()> {
        let (salt, iterations) = (self.salt, self.iterations);
        match self.hash {
            Hash::Sha1 => pbkdf2::pbkdf2::<Hmac<Sha1>>(password, salt, iterations, key),
            Hash::Sha224 => pbkdf2::pbkdf2::<Hmac<Sha224>>(password, salt, iterations, key),
            Hash::Sha256 => pbkdf2::pbkdf2::<Hmac<Sha256>>(password, salt, iterations, key),
            Hash::Sha384 => pbkdf2::pbkdf2::<Hmac<Sha384>>(password, salt, iterations, key),
            Hash::Sha512 => pbkdf2::pbkdf2::<Hmac<Sha512>>(password, salt, iterations, key),
        }
        .ok()
    }
}

/// The two layers of id-alg-PWRI-KEK taken off (RFC 3211 §2.3.2). `None`: not two blocks or more.
fn decrypt<C: BlockModeDecrypt + KeyIvInit>(kek: &[u8], iv: &[u8], encrypted: &[u8]) -> Option<Secret> {
    const BLOCK: usize = 16;
    if encrypted.len() < 2 * BLOCK || encrypted.len() > 16 * BLOCK || !encrypted.len().is_multiple_of(BLOCK) {
        return None;
    }
    let layer = |iv: &[u8], octets: &mut [u8]| {
        let mut cipher = C::new_from_slices(kek, iv).ok()?;
        let (blocks, rest) = aes::cipher::Block::<C>::slice_as_chunks_mut(octets);
        cipher.decrypt_blocks(blocks);
        rest.is_empty().then_some(())
    };
    // The outer layer's vector is its own last plaintext block, which is had with the block before it.
    let (before, last) = encrypted.split_at_checked(encrypted.len() - BLOCK)?;
    let mut vector = Zeroizing::new(last.to_vec());
    layer(before.get(before.len() - BLOCK..)?, &mut vector)?;
    let mut octets = Zeroizing::new(encrypted.to_vec());
    layer(&vector, octets.get_mut(..before.len())?)?;
    octets.get_mut(before.len()..)?.copy_from_slice(&vector);
    layer(iv, &mut octets)?;
    Some(octets)
}

/// The key in its frame: its length, three octets that are the complement of its first three, itself.
fn unpadded(framed: &[u8], length: usize) -> Option<Cek> {
    let (frame, rest) = framed.split_first_chunk::<4>()?;
    let [count, check @ ..] = frame;
    let first = rest.first_chunk::<3>()?;
    let complement = first.map(|octet| !octet);
    let valid = usize::from(*count).ct_eq(&length) & check.ct_eq(&complement);
    let key = Cek::new(rest.get(..length)?)?;
    bool::from(valid).then_some(key)
}
