//! Messages of other programs, where the collection is present.

use std::fs;

use cedrat_keyring::recipient::{Kind, Limits};
use cedrat_keyring::unwrap::{KeyLimits, PrivateKey, Refused, unwrap, with_password};
use cedrat_keyring::{Cek, Certificate, ContentAlgorithm, Recipient, certificate};
use sha2::{Digest, Sha256};

use super::message::{Message, armoured};
use super::peer::vectors;
use super::programs::{Counter, Folder};

/// Certificate and private key of the one who can decrypt, by the name of the key in the index.
fn holder(key: &str) -> (&'static str, &str) {
    match key {
        "rfc9216/09_private_key.pem" => ("rfc9216/08_certificate.pem", key),
        "generated-openssl/ec.key" => ("generated-openssl/ec.crt", "generated-openssl/ec.pk8.pem"),
        "rfc4134/BobPrivRSAEncrypt.pri" => ("rfc4134/BobRSASignByCarl.cer", key),
        "pyca/rsa_key.pem" => ("pyca/rsa_ca.pem", key),
        _ => panic!("{key}"),
    }
}

fn cek(
    recipients: &[Recipient],
    certificate: &Certificate,
    key: &PrivateKey,
    content: ContentAlgorithm,
) -> Cek {
    let recipient =
        recipients.iter().find(|recipient| certificate::matches(recipient, certificate).is_some()).unwrap();
    unwrap(recipient, key, certificate, content, &mut Counter(0)).unwrap()
}

#[test]
fn every_message_that_someone_here_can_decrypt_opens_to_its_plaintext() {
    let (Some(folder), Some(scratch)) = (vectors(), Folder::new()) else { return };
    let index = fs::read_to_string(folder.join("smime-expected.tsv")).unwrap();
    let mut opened = 0;
    for row in index.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let (file, key, digest) = (columns[0], columns[7], columns[9]);
        if key.is_empty() {
            continue;
        }
        let message = Message::read(&fs::read(folder.join(file)).unwrap());
        let recipients: Vec<Recipient> =
            message.recipients.iter().map(|raw| Recipient::read(raw, &Limits::default()).unwrap()).collect();
        let cek = if let Some(password) = key.strip_prefix("password ") {
            with_password(&recipients[0], password.as_bytes(), 2_000_000, message.algorithm).unwrap()
        } else {
            let (certificate, key) = holder(key);
            let certificate = armoured(&fs::read(folder.join(certificate)).unwrap());
            let certificate = Certificate::read(&certificate, &Limits::default()).unwrap();
            let limits = KeyLimits { rsa_min_bits: 1024, ..KeyLimits::default() };
            let key = PrivateKey::read(&armoured(&fs::read(folder.join(key)).unwrap()), &limits).unwrap();
            assert_eq!(key.kind(), certificate.key());
            self::cek(&recipients, &certificate, &key, message.algorithm)
        };
        let plaintext = message.open(&cek, &scratch).unwrap_or_else(|| panic!("{file}"));
        let found: String = Sha256::digest(&plaintext).iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(found, digest, "{file}");
        opened += 1;
    }
    assert_eq!(opened, 13);
}

#[test]
fn recipients_of_the_index_have_the_kinds_that_it_says() {
    let Some(folder) = vectors() else { return };
    let index = fs::read_to_string(folder.join("smime-expected.tsv")).unwrap();
    for row in index.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let (file, kinds, content) = (columns[0], columns[5], columns[6]);
        if kinds.is_empty() || content == "rc2-cbc" {
            continue;
        }
        let message = Message::read(&fs::read(folder.join(file)).unwrap());
        let found: Vec<&str> = message
            .recipients
            .iter()
            .map(|raw| Recipient::read(raw, &Limits::default()).unwrap().kind().name())
            .map(|kind| if kind == "kemri" { "ori" } else { kind })
            .collect();
        assert_eq!(found.join(" "), kinds, "{file}");
    }
}

#[test]
fn a_short_key_is_refused_unless_the_limits_say_otherwise() {
    let Some(folder) = vectors() else { return };
    let key = fs::read(folder.join("rfc4134/BobPrivRSAEncrypt.pri")).unwrap();
    assert!(PrivateKey::read(&key, &KeyLimits::default()).is_err());
}

#[test]
fn certificates_say_whom_they_are_for_and_what_their_key_can() {
    let Some(folder) = vectors() else { return };
    let read = |name: &str| {
        let octets = armoured(&fs::read(folder.join(name)).unwrap());
        Certificate::read(&octets, &Limits::default()).unwrap()
    };
    let bob = read("rfc9216/08_certificate.pem");
    assert_eq!(bob.addresses(), ["bob@smime.example"]);
    assert_eq!(bob.key(), certificate::KeyKind::Rsa(2048));
    assert!(!bob.may_encrypt(), "it is for signatures");
    assert!(read("rfc9216/10_certificate.pem").may_encrypt());
    let signing = read("rfc9216/19_certificate.pem");
    assert_eq!(signing.addresses(), ["dana@smime.example"]);
    assert!(!signing.may_encrypt());
    // From 2020-12-15 21:35:44 in two digits to 2052-12-15 21:35:44 in four.
    assert!(signing.is_valid_at(1_608_068_144) && signing.is_valid_at(2_617_911_344));
    assert!(!signing.is_valid_at(1_608_068_143) && !signing.is_valid_at(2_617_911_345));
    let mut curves = 0;
    for entry in fs::read_dir(folder.join("rfc9216")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.contains("certificate") {
            let certificate = read(&format!("rfc9216/{name}"));
            curves += u32::from(
                matches!(certificate.key(), certificate::KeyKind::Agreement(_)) && certificate.may_encrypt(),
            );
        }
    }
    assert_eq!(curves, 2);
    let kem = read("cms-kyber/ML-KEM-512.pem");
    assert_eq!(kem.key(), certificate::KeyKind::MlKem(cedrat_keyring::recipient::MlKem::MlKem512));
    let identifier: String = kem.key_identifier().iter().map(|octet| format!("{octet:02X}")).collect();
    assert_eq!(identifier, fs::read_to_string(folder.join("cms-kyber/ML-KEM-512.keyid")).unwrap().trim());
}

#[test]
fn seeds_of_ml_kem_are_read_alone_and_beside_the_expanded_key() {
    let Some(folder) = vectors() else { return };
    let read = |name: &str| {
        let octets = armoured(&fs::read(folder.join("cms-kyber").join(name)).unwrap());
        PrivateKey::read(&octets, &KeyLimits::default())
    };
    assert!(read("ML-KEM-512-seed.priv").is_ok() && read("ML-KEM-512-both.priv").is_ok());
    assert!(read("ML-KEM-512-expanded.priv").is_err());
}

#[test]
fn a_password_and_the_work_it_asks_for_are_bounded() {
    let Some(folder) = vectors() else { return };
    let message = Message::read(&fs::read(folder.join("generated-openssl/pwri-aes128.p7m")).unwrap());
    let recipient = Recipient::read(&message.recipients[0], &Limits::default()).unwrap();
    assert_eq!(recipient.kind(), Kind::Pwri);
    let with = |password: &[u8], iterations| {
        with_password(&recipient, password, iterations, message.algorithm).err()
    };
    assert_eq!(with(b"secret", 2048), None);
    assert_eq!(with(b"Secret", 2048), Some(Refused::KeyNotUsable));
    assert_eq!(with(b"secret", 2047), Some(Refused::Unsupported("number of iterations")));
}
