#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{Seek as _, Write as _};

use cedrat_keyring::openpgp::{Limits, Structure};
use pgp::{
    composed::{EncryptionCaps, KeyType, MessageBuilder, SecretKeyParamsBuilder, SubkeyParamsBuilder},
    crypto::{
        aead::{AeadAlgorithm, ChunkSize},
        ecc_curve::ECCCurve,
        sym::SymmetricKeyAlgorithm,
    },
    ser::Serialize as _,
    types::KeyVersion,
};
use rand_core_06::OsRng;

use super::*;
use crate::keys::{Form, form};

const CEK: [u8; 32] = *b"the session key of one message..";

/// A key whose subkey is of this kind, locked where there is a passphrase.
fn key(version: KeyVersion, kind: KeyType, passphrase: Option<&str>) -> SignedSecretKey {
    let subkey = SubkeyParamsBuilder::default()
        .version(version)
        .key_type(kind)
        .can_encrypt(EncryptionCaps::All)
        .passphrase(passphrase.map(str::to_owned))
        .build()
        .unwrap();
    SecretKeyParamsBuilder::default()
        .version(version)
        .key_type(KeyType::Ed25519)
        .can_certify(true)
        .can_sign(true)
        .primary_user_id("bob@example.test".into())
        .passphrase(passphrase.map(str::to_owned))
        .subkey(subkey)
        .build()
        .unwrap()
        .generate(OsRng)
        .unwrap()
}

/// A message to a key, under [`CEK`].
fn message(key: &SignedSecretKey, aead: bool) -> Structure {
    let to = &key.to_public_key().public_subkeys[0].key;
    let aes = SymmetricKeyAlgorithm::AES256;
    let octets = if aead {
        let message = MessageBuilder::from_bytes("", "Hello");
        let mut message = message.seipd_v2(OsRng, aes, AeadAlgorithm::Ocb, ChunkSize::default());
        message.set_session_key(CEK.to_vec().into()).unwrap().encrypt_to_key(OsRng, to).unwrap();
        message.to_vec(OsRng).unwrap()
    } else {
        let mut message = MessageBuilder::from_bytes("", "Hello").seipd_v1(OsRng, aes);
        message.set_session_key(CEK.to_vec().into()).unwrap().encrypt_to_key(OsRng, to).unwrap();
        message.to_vec(OsRng).unwrap()
    };
    Structure::of(&octets, Limits::default()).unwrap()
}

/// What is loaded from a file with these octets, by somebody who answers so.
fn loaded(octets: &[u8], answer: &str) -> Result<Vec<Box<dyn SessionKeys>>, Error> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(octets).unwrap();
    let mut answers = tempfile::tempfile().unwrap();
    writeln!(answers, "{answer}").unwrap();
    answers.rewind().unwrap();
    load(file.path(), &mut Source::Descriptor(answers))
}

#[test]
fn a_session_key_comes_out_for_its_recipient_and_for_nobody_else() {
    let p256 = KeyType::ECDH(ECCCurve::P256);
    let ways = [
        (KeyVersion::V4, KeyType::X25519, false),
        (KeyVersion::V4, KeyType::ECDH(ECCCurve::Curve25519Legacy), false),
        (KeyVersion::V4, p256, true),
        (KeyVersion::V6, KeyType::X25519, true),
        (KeyVersion::V4, KeyType::Rsa(2048), false),
    ];
    for (version, kind, aead) in ways {
        let owner = key(version, kind.clone(), None);
        let structure = message(&owner, aead);
        let pkesk = &structure.recipients[0];
        let keys = loaded(&owner.to_bytes().unwrap(), "").unwrap();
        assert!(keys[0].has(pkesk.recipient()), "{kind:?}");
        let (cek, kind) = keys[0].unwrap(pkesk, structure.protection).unwrap();
        assert_eq!(cek.octets(), CEK);
        assert_eq!((kind.name, kind.octets), (if aead { "aes-256-ocb" } else { "aes-256-cfb" }, 32));
        // A key of content of one version is none of the other.
        let other = if aead { Protection::Mdc } else { message(&owner, true).protection };
        assert!(keys[0].unwrap(pkesk, other).is_none());

        let stranger = loaded(&key(version, KeyType::X25519, None).to_bytes().unwrap(), "").unwrap();
        assert!(!stranger[0].has(pkesk.recipient()));
        assert!(stranger[0].unwrap(pkesk, structure.protection).is_none());
    }
}

#[test]
fn a_locked_key_opens_with_its_passphrase_alone() {
    let owner = key(KeyVersion::V4, KeyType::X25519, Some("sesam"));
    let octets = owner.to_armored_bytes(None.into()).unwrap();
    let structure = message(&owner, false);
    let keys = loaded(&octets, "sesam").unwrap();
    let (cek, _) = keys[0].unwrap(&structure.recipients[0], structure.protection).unwrap();
    assert_eq!(cek.octets(), CEK);
    let Err(fault) = loaded(&octets, "wrong") else { panic!() };
    assert!(fault.to_string().contains("wrong passphrase"), "{fault}");
}

#[test]
fn a_file_is_known_by_how_it_begins() {
    let owner = key(KeyVersion::V4, KeyType::X25519, None);
    let files: [(&[u8], Form); 5] = [
        (&owner.to_bytes().unwrap(), Form::Openpgp),
        (&owner.to_armored_bytes(None.into()).unwrap(), Form::Openpgp),
        (b"Bag Attributes\n-----BEGIN PRIVATE KEY-----\n", Form::Pem),
        (b"\x30\x82\x01\x00", Form::Pkcs12),
        (b"", Form::Pem),
    ];
    for (octets, expected) in files {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(octets).unwrap();
        assert_eq!(form(file.path()).unwrap(), expected, "{octets:.20?}");
    }
}

#[test]
fn a_file_without_a_secret_key_is_named() {
    let public = key(KeyVersion::V4, KeyType::X25519, None).to_public_key();
    for octets in [&b""[..], b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n", &public.to_bytes().unwrap()] {
        let Err(fault) = loaded(octets, "") else { panic!("{octets:?}") };
        assert!(matches!(fault, Error::Key(_)), "{fault}");
    }
}
