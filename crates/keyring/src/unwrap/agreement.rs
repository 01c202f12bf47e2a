//! KeyAgreeRecipientInfo: ephemeral-static ECDH (RFC 5753) and X25519 (RFC 8418).

use super::{PrivateOperation, Refused};
use crate::recipient::{Algorithm, Curve, EC_DH, EC_PUBLIC_KEY, OriginatorKey, Scheme, Wrap, shared_info};
use crate::{Cek, ContentAlgorithm};

/// What was sent for one of the recipients.
pub(super) struct Sent<'a> {
    pub(super) algorithm: &'a Algorithm,
    pub(super) originator: &'a OriginatorKey,
    pub(super) ukm: Option<&'a [u8]>,
    pub(super) encrypted_key: &'a [u8],
}

/// The shared secret is the operation's; nothing derived from it but the content key is returned.
pub(super) fn unwrap(
    sent: &Sent<'_>,
    curve: Curve,
    operation: &dyn PrivateOperation,
    content: ContentAlgorithm,
) -> Result<Cek, Refused> {
    let scheme = Scheme::of(sent.algorithm.oid()).ok_or(Refused::Unsupported("key-agreement scheme"))?;
    let wrap =
        Algorithm::from_der(sent.algorithm.parameters()).map_err(|_| Refused::Unsupported("key wrap"))?;
    let length = Wrap::of(wrap.oid()).ok_or(Refused::Unsupported("key wrap"))?;
    let curve_fits = match sent.originator.algorithm {
        EC_PUBLIC_KEY | EC_DH => curve != Curve::X25519,
        oid => curve == Curve::X25519 && oid == curve.oid(),
    };
    if !curve_fits {
        return Err(Refused::KeyKind);
    }
    if !is_point(curve, &sent.originator.point) {
        return Err(Refused::KeyNotUsable);
    }
    let info = shared_info(wrap.der(), sent.ukm, length);
    let secret = operation.agree(&sent.originator.point).ok_or(Refused::KeyNotUsable)?;
    scheme
        .kek(&secret, &info, sent.ukm, length)
        .and_then(|kek| kek.unwrap(sent.encrypted_key, content.key_octets()))
        .ok_or(Refused::KeyNotUsable)
}

/// Whether the sender's key is on the curve. A token may not look, and would give away its key by
/// shared secrets on other curves.
fn is_point(curve: Curve, octets: &[u8]) -> bool {
    match curve {
        Curve::P256 => p256::PublicKey::from_sec1_bytes(octets).is_ok(),
        Curve::P384 => p384::PublicKey::from_sec1_bytes(octets).is_ok(),
        Curve::P521 => p521::PublicKey::from_sec1_bytes(octets).is_ok(),
        Curve::X25519 => octets.len() == 32,
    }
}
