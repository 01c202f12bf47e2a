//! A content key sealed to the one-session key of the gateway: HPKE base mode (RFC 9180), suite
//! DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, which every WebCrypto can do.
//!
//! Base mode authenticates nobody and knows no replay. Who sends is the matter of the login; what
//! the key is for is in the associated data ([`Binding`]), which the server computes from its own
//! state; once is once because the private key is destroyed when the first seal opens.

mod plaintext;
#[cfg(test)]
pub(crate) mod tests;

use alloc::{string::String, vec::Vec};
use core::fmt;

use hpke::{
    Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _, aead::AeadTag, aead::AesGcm256,
    inout::InOutBuf, kdf::HkdfSha256, kem::DhP256HkdfSha256,
};
use rand_core::CryptoRng;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    Cek, Consent,
    cek::Kind,
    wire::{self, Digest, Octets, Suite, Time},
};

type Kem = DhP256HkdfSha256;
type PrivateKey = <Kem as hpke::Kem>::PrivateKey;
type PublicKey = <Kem as hpke::Kem>::PublicKey;
type Encapsulated = <Kem as hpke::Kem>::EncappedKey;

/// The suite of every seal.
pub const SUITE: Suite = Suite { kem: 0x0010, kdf: 0x0001, aead: 0x0002 };
/// `info` of the key schedule.
pub const INFO: &str = "cedrat key-handoff v1";

const TAG_OCTETS: usize = 16;
/// Octets of the longest sealed key that is looked at: the longest possible one is 107, spaces are
/// legal in it.
const MAX_SEALED_OCTETS: usize = 512;

/// The private key of one session. In memory only, wiped when it is dropped, never printed.
pub struct SealKey(PrivateKey);

/// What the seal is bound to, by its associated data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Binding {
    v: u8,
    session: String,
    server_key_id: String,
    message_sha256: Digest,
    ri_sha256: Digest,
    content_alg_sha256: Digest,
    consent_sha256: Digest,
    expires: Time,
    jti: Octets,
}

/// A sealed content key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Encapsulated key.
    pub enc: Vec<u8>,
    /// Ciphertext with its tag.
    pub ct: Vec<u8>,
}

/// What was in a seal that opened.
#[derive(Debug)]
pub struct Opened {
    /// The key; a random one of the right length when the seal held none that fits, so that all
    /// that follows takes the same way and the same time.
    pub cek: Cek,
    /// Whether it is the one that was sealed. For the end of the work, not for an answer.
    pub fits: bool,
}

/// The seal did not open: other key, other associated data, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOpened;

/// Why a client cannot seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSealed {
    /// The content key has another length than its algorithm asks for.
    KeyLength,
    /// The session's public key is no point of the curve.
    PublicKey,
    /// The session wants another suite, or states another purpose.
    Suite,
}

impl SealKey {
    /// A new key pair; the second half is the public key, 65 octets.
    pub fn generate(rng: &mut impl CryptoRng) -> (Self, Vec<u8>) {
        let (private, public) = Kem::gen_keypair_with_rng(rng);
        (Self(private), public.to_bytes().to_vec())
    }

    /// Opens a seal that was made for `binding` and holds a key of one of these kinds, the likeliest first. The
    /// caller drops the key when this succeeds.
    ///
    /// # Errors
    /// [`NotOpened`]. A seal that opens is never an error, whatever it holds: see [`Opened::cek`].
    pub fn open(
        &self,
        enc: &[u8],
        ct: &[u8],
        binding: &Binding,
        kinds: &[Kind],
        rng: &mut impl CryptoRng,
    ) -> Result<Opened, NotOpened> {
        if ct.len() > MAX_SEALED_OCTETS {
            return Err(NotOpened);
        }
        let (ct, tag) = ct.split_at_checked(ct.len().wrapping_sub(TAG_OCTETS)).ok_or(NotOpened)?;
        let tag = AeadTag::<AesGcm256>::from_bytes(tag).map_err(|_| NotOpened)?;
        let enc = Encapsulated::from_bytes(enc).map_err(|_| NotOpened)?;
        let mut plaintext = Zeroizing::new(ct.to_vec());
        hpke::setup_receiver::<AesGcm256, HkdfSha256, Kem>(&OpModeR::Base, &self.0, &enc, INFO.as_bytes())
            .and_then(|mut receiver| {
                receiver.open_inout_detached(
                    InOutBuf::from(plaintext.as_mut_slice()),
                    &binding.octets(),
                    &tag,
                )
            })
            .map_err(|_| NotOpened)?;
        plaintext::read(&plaintext, kinds, rng).ok_or(NotOpened)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey")
    }
}

impl Binding {
    /// The binding of a key for one recipient of a session, under the consent that is given. Digests
    /// are computed here from the octets, never taken from the document; `None` when the session has
    /// no such recipient.
    #[must_use]
    pub fn of(session: &wire::Session, recipient_index: u32, consent: &Consent) -> Option<Self> {
        let recipient = session.recipient(recipient_index)?;
        Some(Self {
            v: 1,
            session: session.id.clone(),
            server_key_id: session.server_key_id.clone(),
            message_sha256: session.message.sha256,
            ri_sha256: Digest::of(&recipient.der.0),
            content_alg_sha256: Digest::of(&session.message.content_alg.der.0),
            consent_sha256: consent.sha256(),
            expires: session.expires,
            jti: session.seal.jti.clone(),
        })
    }

    /// The associated data: RFC 8785.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        wire::canonical(self).unwrap_or_default() // strings and a one
    }
}

/// Seals a content key for a session.
///
/// # Errors
/// [`NotSealed`], before anything secret is touched.
pub fn seal(
    to: &wire::Seal,
    binding: &Binding,
    cek: &Cek,
    kind: impl Into<Kind>,
    rng: &mut impl CryptoRng,
) -> Result<Sealed, NotSealed> {
    let kind = kind.into();
    if to.suite != SUITE || to.info != INFO {
        return Err(NotSealed::Suite);
    }
    if cek.octets().len() != kind.octets {
        return Err(NotSealed::KeyLength);
    }
    let public = PublicKey::from_bytes(&to.public_key.0).map_err(|_| NotSealed::PublicKey)?;
    let mut sealed = plaintext::write(cek, kind);
    let (enc, tag) = hpke::setup_sender_with_rng::<AesGcm256, HkdfSha256, Kem>(
        &OpModeS::Base,
        &public,
        INFO.as_bytes(),
        rng,
    )
    .and_then(|(enc, mut sender)| {
        let tag = sender.seal_inout_detached(InOutBuf::from(sealed.as_mut_slice()), &binding.octets())?;
        Ok((enc, tag))
    })
    .map_err(|_| NotSealed::PublicKey)?;
    let mut ct = sealed.to_vec();
    ct.extend_from_slice(&tag.to_bytes());
    Ok(Sealed { enc: enc.to_bytes().to_vec(), ct })
}
