//! KEMRecipientInfo (RFC 9629) with ML-KEM (RFC 9936).

use super::{PrivateOperation, Refused};
use crate::recipient::{Body, Hash, Kek, MlKem, Wrap, kem_info};
use crate::{Cek, ContentAlgorithm, Recipient};

pub(super) fn unwrap(
    recipient: &Recipient,
    kem: MlKem,
    operation: &dyn PrivateOperation,
    content: ContentAlgorithm,
) -> Result<Cek, Refused> {
    let Body::Kemri { ciphertext, kdf, kek_octets, ukm, wrap, encrypted_key } = &recipient.body else {
        return Err(Refused::KeyKind);
    };
    if recipient.algorithm().oid() != kem.oid() {
        return Err(Refused::KeyKind);
    }
    let hash = Hash::of_hkdf(kdf.oid()).ok_or(Refused::Unsupported("key derivation"))?;
    let length = Wrap::of(wrap.oid()).ok_or(Refused::Unsupported("key wrap"))?;
    if usize::try_from(*kek_octets) != Ok(length.octets()) {
        return Err(Refused::Unsupported("length of a wrapping key"));
    }
    let info = kem_info(wrap.der(), length, ukm.as_deref());
    let secret = operation.decapsulate(ciphertext).ok_or(Refused::KeyNotUsable)?;
    Kek::hkdf(hash, None, &secret, &info, length)
        .and_then(|kek| kek.unwrap(encrypted_key, content.key_octets()))
        .ok_or(Refused::KeyNotUsable)
}
