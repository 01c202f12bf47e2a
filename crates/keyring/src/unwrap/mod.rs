//! The content key of a message from one RecipientInfo and the private key it was made for.
//!
//! Only the client has this (cargo feature `unwrap`). What needs the private key is one operation of
//! a trait, so that a token can do it; padding, derivation and key unwrapping around it are here.
//! Every failure after a secret was touched is the one [`Refused::KeyNotUsable`]; the padding of RSA
//! PKCS #1 v1.5 does not fail at all (RFC 3218 §2.3.2): a random key takes the place of the content
//! key. Whether to unwrap is not decided here: that is the client's policy.

mod agreement;
mod encapsulation;
mod key;
mod password;
#[cfg(test)]
mod tests;
mod transport;

use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

pub use key::{KeyLimits, PrivateKey};
pub use password::{with_kek, with_password};

use crate::certificate::{KeyKind, matches};
use crate::recipient::{Body, Oaep};
use crate::{Cek, Certificate, ContentAlgorithm, Recipient};

/// Octets that are wiped when they are dropped.
pub type Secret = Zeroizing<Vec<u8>>;

/// What only the holder of a private key can do: the software key does all of it, a token what its
/// key can. `None` says that it failed or cannot be done and says nothing else; an implementation
/// keeps to itself, for its own operator, why.
pub trait PrivateOperation {
    /// RSAES-PKCS1-v1_5-DECRYPT: the message in the ciphertext. Only ever called by [`unwrap`],
    /// which treats `None` as it treats a message of the wrong length.
    fn rsa_v15(&self, ciphertext: &[u8], rng: &mut dyn CryptoRng) -> Option<Secret> {
        let _ = (ciphertext, rng);
        None
    }

    /// RSAES-OAEP-DECRYPT: the message in the ciphertext.
    fn rsa_oaep(&self, ciphertext: &[u8], parameters: &Oaep, rng: &mut dyn CryptoRng) -> Option<Secret> {
        let _ = (ciphertext, parameters, rng);
        None
    }

    /// ECDH or X25519: the shared secret, for a curve the x-coordinate with all its octets. `peer` is
    /// the other's public key, a point of SEC 1 that is on the curve, or 32 octets.
    fn agree(&self, peer: &[u8]) -> Option<Secret> {
        let _ = peer;
        None
    }

    /// ML-KEM.Decaps: the shared secret of 32 octets.
    fn decapsulate(&self, ciphertext: &[u8]) -> Option<Secret> {
        let _ = ciphertext;
        None
    }
}

/// Why there is no content key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The RecipientInfo does not name the certificate.
    NotAddressed,
    /// The certificate has a key of another kind than the RecipientInfo asks for.
    KeyKind,
    /// The RecipientInfo uses something that is not supported: what.
    Unsupported(&'static str),
    /// Everything else: the wrong key, a changed ciphertext, a length that does not fit.
    KeyNotUsable,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAddressed => f.write_str("not for this certificate"),
            Self::KeyKind => f.write_str("the certificate has a key of another kind"),
            Self::Unsupported(what) => write!(f, "unsupported {what}"),
            Self::KeyNotUsable => f.write_str("key not usable"),
        }
    }
}

impl core::error::Error for Refused {}

/// The content key that a RecipientInfo carries for the owner of a certificate. It fits the content
/// algorithm in length and is otherwise what was sent: that it is right shows when the content is
/// authenticated, or parses. Of content under id-alg-cek-hkdf-sha256 give the algorithm within, and
/// derive the key from the result with [`cek_hkdf_sha256`](crate::recipient::cek_hkdf_sha256).
///
/// `rng` blinds RSA and makes the key that hides a failure of its padding.
///
/// # Errors
/// See [`Refused`]; only [`Refused::KeyNotUsable`] depends on the private key.
pub fn unwrap(
    recipient: &Recipient,
    operation: &dyn PrivateOperation,
    certificate: &Certificate,
    content: ContentAlgorithm,
    rng: &mut dyn CryptoRng,
) -> Result<Cek, Refused> {
    if matches!(recipient.body, Body::Kekri { .. } | Body::Pwri { .. } | Body::Other) {
        return Err(Refused::Unsupported("kind of recipient"));
    }
    let index = matches(recipient, certificate).ok_or(Refused::NotAddressed)?;
    match (&recipient.body, certificate.key()) {
        (Body::Ktri { encrypted_key }, KeyKind::Rsa(_)) => {
            transport::unwrap(recipient.algorithm(), encrypted_key, operation, content, rng)
        }
        (Body::Kari { originator, ukm, encrypted_keys }, KeyKind::Agreement(curve)) => {
            let sent = agreement::Sent {
                algorithm: recipient.algorithm(),
                originator: originator.as_ref().ok_or(Refused::Unsupported("static key of the sender"))?,
                ukm: ukm.as_deref(),
                encrypted_key: encrypted_keys.get(index).ok_or(Refused::NotAddressed)?,
            };
            agreement::unwrap(&sent, curve, operation, content)
        }
        (Body::Kemri { .. }, KeyKind::MlKem(kem)) => {
            encapsulation::unwrap(recipient, kem, operation, content)
        }
        _ => Err(Refused::KeyKind),
    }
}
