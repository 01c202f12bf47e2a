//! KeyAgreeRecipientInfo with an ephemeral key (RFC 5753 §3.1, RFC 8418 §3.2): AES-256 key wrap, under
//! the X9.63 KDF with SHA-256 on NIST curves and HKDF with SHA-256 on X25519.

use alloc::vec::Vec;

use p256::NistP256;
use p256::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use p256::elliptic_curve::{AffinePoint, CurveArithmetic, FieldBytesSize, Generate, PublicKey, SecretKey};
use p384::NistP384;
use p521::NistP521;
use rand_core::CryptoRng;
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};
use zeroize::Zeroizing;

use super::{Unsuitable, issuer_and_serial, version};
use crate::recipient::element::{BIT_STRING, OCTET_STRING, SEQUENCE, constructed, element, identifier};
use crate::recipient::{Curve, EC_PUBLIC_KEY, STD_DH_HKDF_SHA256, STD_DH_SHA256, Scheme, Wrap, shared_info};
use crate::{Cek, Certificate};

/// An ephemeral public key, and the secret that it shares with the recipient's.
type Agreed = (Vec<u8>, Zeroizing<Vec<u8>>);

pub(super) fn recipient_info(
    certificate: &Certificate,
    curve: Curve,
    cek: &Cek,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, Unsuitable> {
    let peer = certificate.public_key();
    let (point, secret) = match curve {
        Curve::P256 => ecdh::<NistP256>(peer, rng),
        Curve::P384 => ecdh::<NistP384>(peer, rng),
        Curve::P521 => ecdh::<NistP521>(peer, rng),
        Curve::X25519 => montgomery(peer, rng),
    }
    .ok_or(Unsuitable::PublicKey)?;
    let (key, scheme) = match curve {
        Curve::X25519 => (curve.oid(), STD_DH_HKDF_SHA256),
        _ => (EC_PUBLIC_KEY, STD_DH_SHA256),
    };
    let wrap = element(SEQUENCE, &[&identifier(Wrap::Aes256.oid())]);
    let info = shared_info(&wrap, None, Wrap::Aes256);
    let kek = Scheme::of(scheme).and_then(|scheme| scheme.kek(&secret, &info, None, Wrap::Aes256));
    let encrypted = kek.and_then(|kek| kek.wrap(cek)).ok_or(Unsuitable::PublicKey)?;
    let originator = element(
        constructed(1),
        &[&element(SEQUENCE, &[&identifier(key)]), &element(BIT_STRING, &[&[0], &point])],
    );
    let recipient =
        element(SEQUENCE, &[&issuer_and_serial(certificate), &element(OCTET_STRING, &[&encrypted])]);
    Ok(element(
        constructed(1),
        &[
            &version(3),
            &element(constructed(0), &[&originator]),
            &element(SEQUENCE, &[&identifier(scheme), &wrap]),
            &element(SEQUENCE, &[&recipient]),
        ],
    ))
}

fn ecdh<C>(peer: &[u8], rng: &mut dyn CryptoRng) -> Option<Agreed>
where
    C: CurveArithmetic,
    FieldBytesSize<C>: ModulusSize,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
{
    let peer = PublicKey::<C>::from_sec1_bytes(peer).ok()?;
    let key = SecretKey::<C>::generate_from_rng(rng);
    let point = key.public_key().to_sec1_point(false).as_bytes().to_vec();
    Some((point, Zeroizing::new(key.diffie_hellman(&peer).raw_secret_bytes().to_vec())))
}

fn montgomery(peer: &[u8], rng: &mut dyn CryptoRng) -> Option<Agreed> {
    let mut key = Zeroizing::new([0; 32]);
    rng.fill_bytes(&mut *key);
    let secret = Zeroizing::new(x25519(*key, peer.try_into().ok()?));
    // A point of small order makes a secret that everyone knows.
    (secret.iter().any(|octet| *octet != 0))
        .then(|| (x25519(*key, X25519_BASEPOINT_BYTES).to_vec(), Zeroizing::new(secret.to_vec())))
}
