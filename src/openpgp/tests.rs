#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use cedrat_keyring::{
    Cek,
    openpgp::{Armor, Cipher, Limits, Protection, Structure},
};
use pgp::{
    composed::{EncryptionCaps, KeyType, SecretKeyParamsBuilder, SignedSecretKey, SubkeyParamsBuilder},
    ser::Serialize as _,
    types::KeyVersion,
};
use rand_core_06::OsRng;

use super::*;

const NOW: i64 = 4_000_000_000_000;

/// A new key; `aead` whether its certificate says that it reads content of version 2.
fn key(aead: bool) -> SignedSecretKey {
    let subkey = SubkeyParamsBuilder::default()
        .version(KeyVersion::V4)
        .key_type(KeyType::X25519)
        .can_encrypt(EncryptionCaps::All)
        .build()
        .unwrap();
    SecretKeyParamsBuilder::default()
        .version(KeyVersion::V4)
        .key_type(KeyType::Ed25519)
        .can_certify(true)
        .can_sign(true)
        .primary_user_id("alice@example.test".into())
        .feature_seipd_v1(true)
        .feature_seipd_v2(aead)
        .subkey(subkey)
        .build()
        .unwrap()
        .generate(OsRng)
        .unwrap()
}

fn public(key: &SignedSecretKey) -> Vec<u8> {
    key.to_public_key().to_bytes().unwrap()
}

/// Content closed for a key: the packets, and what is seen of them.
fn closed(content: &[u8], key: &SignedSecretKey) -> (Vec<u8>, Structure) {
    let mut text = Vec::new();
    encrypt(content, &public(key), NOW, &mut text).unwrap();
    assert!(text.split(|octet| *octet == b'\n').all(|line| line.is_empty() || line.ends_with(b"\r")));
    let (mut armor, mut octets) = (Armor::new(Limits::default()), Vec::new());
    armor.update(&text, &mut octets).unwrap();
    armor.finish(&mut octets).unwrap();
    let structure = Structure::of(&octets, Limits::default()).unwrap();
    (octets, structure)
}

/// The session key, as a client finds it.
fn session_key(structure: &Structure, key: &SignedSecretKey) -> Cek {
    use pgp::{
        composed::PlainSessionKey,
        packet::{Packet, PacketParser},
        types::{DecryptionKey as _, EskType, Password},
    };
    let raw = structure.recipients[0].raw();
    let Some(Ok(Packet::PublicKeyEncryptedSessionKey(packet))) = PacketParser::new(raw).next() else {
        panic!()
    };
    let kind = if structure.protection == Protection::Mdc { EskType::V3_4 } else { EskType::V6 };
    let secret = &key.secret_subkeys[0].key;
    let plain = secret.decrypt(&Password::empty(), packet.values().unwrap(), kind).unwrap().unwrap();
    match &plain {
        PlainSessionKey::V3_4 { key, .. } | PlainSessionKey::V6 { key } | PlainSessionKey::V5 { key } => {
            Cek::new(key.as_ref()).unwrap()
        }
    }
}

#[test]
fn what_is_closed_for_a_certificate_is_of_the_version_that_it_reads_and_opens_again() {
    for aead in [false, true] {
        let key = key(aead);
        let certificate = Certificate::read(&public(&key)).unwrap();
        for octets in [0, 1, 1_000, 70_000, 600_000] {
            let content: Vec<u8> = (0..octets).map(|n: u32| (n % 251) as u8).collect();
            let (message, structure) = closed(&content, &key);
            assert_eq!(structure.protection != Protection::Mdc, aead);
            assert!(
                certificate.fingerprints().iter().any(|it| structure.recipients[0].recipient().names(it))
            );
            let opened = decrypt(&message, &session_key(&structure, &key), structure.protection).unwrap();
            assert!(*opened.octets == content && !opened.signed, "{octets}");
        }
    }
}

#[test]
fn no_octet_of_a_message_may_be_another_or_missing() {
    for aead in [false, true] {
        let key = key(aead);
        let (message, structure) = closed(b"Content-Type: text/plain\r\n\r\nHello.\r\n", &key);
        let cek = session_key(&structure, &key);
        let content = structure.recipients[0].raw().len();
        for at in content + 3..message.len() {
            let mut changed = message.clone();
            changed[at] ^= 1;
            assert!(decrypt(&changed, &cek, structure.protection).is_none(), "{aead}: octet {at}");
        }
        for end in content..message.len() {
            assert!(decrypt(&message[..end], &cek, structure.protection).is_none(), "{aead}: up to {end}");
        }
        let other = Cek::new(&[7; 32]).unwrap();
        assert!(decrypt(&message, &other, structure.protection).is_none());
        assert!(decrypt(&message, &Cek::new(&[7; 16]).unwrap(), structure.protection).is_none());
    }
}

#[test]
fn what_is_compressed_may_grow_so_far_and_no_further() {
    use pgp::{composed::MessageBuilder, crypto::sym::SymmetricKeyAlgorithm, types::CompressionAlgorithm};
    let cek = Cek::new(&[9; 32]).unwrap();
    let sealed = |content: Vec<u8>| {
        let mut message =
            MessageBuilder::from_bytes("", content).seipd_v1(OsRng, SymmetricKeyAlgorithm::AES256);
        message.compression(CompressionAlgorithm::ZLIB);
        message.set_session_key(cek.octets().to_vec().into()).unwrap();
        message.to_vec(OsRng).unwrap()
    };
    let text = b"a word that is said again and again, and again. ".repeat(20);
    let mut mixed = vec![0; 4_000];
    getrandom::fill(&mut mixed).unwrap();
    mixed.extend(text);
    assert_eq!(*decrypt(&sealed(mixed.clone()), &cek, Protection::Mdc).unwrap().octets, mixed);
    let long = sealed(vec![b'a'; 1 << 20]);
    let up_to = |most| message::decrypt_up_to(most, &long, &cek, Protection::Mdc).map(|it| it.octets.len());
    assert_eq!((up_to(1 << 20), up_to((1 << 20) - 1), up_to(0)), (Some(1 << 20), None, None));
}

#[test]
fn a_certificate_without_a_key_for_mail_is_refused() {
    let key = key(false);
    let mut public = key.to_public_key();
    public.public_subkeys.clear();
    assert!(Certificate::read(&public.to_bytes().unwrap()).unwrap_err().contains("no key"));
    // A subkey that another key bound is not one of it.
    let mut stolen = key.to_public_key();
    stolen.public_subkeys = self::key(false).to_public_key().public_subkeys;
    assert!(Certificate::read(&stolen.to_bytes().unwrap()).unwrap_err().contains("no key"));
    assert!(Certificate::read(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n").is_err());
    assert!(
        is_openpgp(&public.to_bytes().unwrap())
            && !is_openpgp(b"-----BEGIN CERTIFICATE-----")
            && !is_openpgp(&[0x30, 0x82])
    );
    assert_eq!(Cipher::of_key(32), Some(Cipher::Aes256));
}

/// RFC 9580 appendix A.8: a message of version 2 that another implementation made.
#[test]
fn the_message_of_the_standard_opens() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors/openpgp");
    let Ok(text) = std::fs::read(folder.join("a8_encrypted.asc")) else {
        println!("skipped: no vectors in {}", folder.display());
        return;
    };
    let (mut armor, mut octets) = (Armor::new(Limits::default()), Vec::new());
    armor.update(&text, &mut octets).unwrap();
    armor.finish(&mut octets).unwrap();
    let structure = Structure::of(&octets, Limits::default()).unwrap();
    assert_eq!(structure.protection.name(), "aes-128-ocb");
    let secret = std::fs::read(folder.join("a4_secret.asc")).unwrap();
    let (key, _) = <SignedSecretKey as pgp::composed::Deserializable>::from_reader_single(&*secret).unwrap();
    let opened = decrypt(&octets, &session_key(&structure, &key), structure.protection).unwrap();
    assert_eq!(*opened.octets, b"Hello, world!");
}
