//! KeyTransRecipientInfo: RSAES-PKCS1-v1_5 (RFC 3370 §4.2.1) and RSAES-OAEP (RFC 3560).

use rand_core::CryptoRng;
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use super::{PrivateOperation, Refused};
use crate::cek::MAX_OCTETS;
use crate::recipient::{Algorithm, Oaep, RSA, RSAES_OAEP};
use crate::{Cek, ContentAlgorithm};

pub(super) fn unwrap(
    algorithm: &Algorithm,
    encrypted_key: &[u8],
    operation: &dyn PrivateOperation,
    content: ContentAlgorithm,
    rng: &mut dyn CryptoRng,
) -> Result<Cek, Refused> {
    match algorithm.oid() {
        RSA => {
            // Drawn before it is known whether it is needed.
            let mut substitute = Zeroizing::new([0; MAX_OCTETS]);
            rng.fill_bytes(&mut *substitute);
            let message = operation.rsa_v15(encrypted_key, rng).unwrap_or_default();
            masked(&message, &substitute, content.key_octets()).ok_or(Refused::KeyNotUsable)
        }
        RSAES_OAEP => {
            let parameters = Oaep::read(algorithm)
                .map_err(|_| Refused::Unsupported("parameters of RSAES-OAEP"))?
                .ok_or(Refused::Unsupported("hash function of RSAES-OAEP"))?;
            let message = operation.rsa_oaep(encrypted_key, &parameters, rng).ok_or(Refused::KeyNotUsable)?;
            if message.len() != content.key_octets() {
                return Err(Refused::KeyNotUsable);
            }
            Cek::new(&message).ok_or(Refused::KeyNotUsable)
        }
        _ => Err(Refused::Unsupported("key-transport algorithm")),
    }
}

/// The message when it has the length of the key, the substitute otherwise, chosen without a branch.
pub(super) fn masked(message: &[u8], substitute: &[u8; MAX_OCTETS], length: usize) -> Option<Cek> {
    let fits = message.len().ct_eq(&length);
    let mut key = Zeroizing::new(*substitute);
    for (place, octet) in key.iter_mut().zip(message.iter().chain(core::iter::repeat(&0))) {
        place.conditional_assign(octet, fits);
    }
    Cek::new(key.get(..length)?)
}
