#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use alloc::vec;

use super::agreement::{self, Sent};
use super::transport::masked;
use super::{PrivateOperation, Refused, Secret};
use crate::ContentAlgorithm;
use crate::cek::MAX_OCTETS;
use crate::recipient::element::{SEQUENCE, element, identifier};
use crate::recipient::{Algorithm, Curve, EC_PUBLIC_KEY, OriginatorKey, STD_DH_SHA256, Wrap};

#[test]
fn a_message_of_the_right_length_is_the_key_and_any_other_gives_the_substitute() {
    let substitute = [0x5A; MAX_OCTETS];
    for length in [16, 24, 32] {
        for octets in 0..=300 {
            let key = masked(&[0xC3; 300][..octets], &substitute, length).unwrap();
            let expected = if octets == length { 0xC3 } else { 0x5A };
            assert_eq!(key.octets(), &[expected; MAX_OCTETS][..length]);
        }
    }
}

/// A token that looks at nothing.
struct Credulous;

impl PrivateOperation for Credulous {
    fn agree(&self, _: &[u8]) -> Option<Secret> {
        panic!("a point of another curve reached the private key");
    }
}

#[test]
fn a_point_that_is_not_on_the_curve_never_reaches_the_private_key() {
    let wrap = element(SEQUENCE, &[&identifier(Wrap::Aes128.oid())]);
    let algorithm = element(SEQUENCE, &[&identifier(STD_DH_SHA256), &wrap]);
    let algorithm = Algorithm::from_der(&algorithm).unwrap();
    let off = |octets: usize| [vec![4], vec![7; octets]].concat();
    for (curve, point) in [
        (Curve::P256, off(64)),
        (Curve::P384, off(96)),
        (Curve::P521, off(132)),
        (Curve::P256, vec![]),
        (Curve::P256, vec![0]),
        (Curve::P384, off(64)),
    ] {
        let originator = &OriginatorKey { algorithm: EC_PUBLIC_KEY, point };
        let sent = Sent { algorithm: &algorithm, originator, ukm: None, encrypted_key: &[0; 24] };
        let refused = agreement::unwrap(&sent, curve, &Credulous, ContentAlgorithm::Aes128Cbc);
        assert_eq!(refused.err(), Some(Refused::KeyNotUsable));
    }
}
