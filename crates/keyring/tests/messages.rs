//! Messages of other producers read and decrypted, and ours opened by them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod peer;

use std::path::Path;

use cedrat_keyring::content::{Encryptor, Unusable, Verifier};
use cedrat_keyring::reader::{Event, Format, Kind, Limits, Reader};
use cedrat_keyring::{Cek, ContentAlgorithm, Integrity, Structure, algorithm::ContentParameters, mail};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The two passes over a message, in pieces of `piece` octets.
fn decrypt(
    message: &[u8],
    structure: &Structure,
    key: &Cek,
    is_mime: bool,
    piece: usize,
) -> Result<Vec<u8>, Unusable> {
    let mut content = structure.content().unwrap();
    content.is_mime = is_mime;
    let mut verifier = Verifier::new(key, &content);
    ciphertext(message, piece, |octets| verifier.update(octets));
    let mut decryptor = verifier.finish()?.decryptor();
    let mut plaintext = Zeroizing::new(Vec::new());
    ciphertext(message, piece, |octets| decryptor.update(octets, &mut plaintext).unwrap());
    decryptor.finish(&mut plaintext)?;
    Ok(plaintext.to_vec())
}

fn ciphertext(message: &[u8], piece: usize, mut take: impl FnMut(&[u8])) {
    let mut reader = Reader::new(Limits::default());
    for mut rest in message.chunks(piece) {
        while let Some(event) = reader.next(&mut rest).unwrap() {
            if let Event::Ciphertext(octets) = event {
                take(octets);
            }
        }
    }
    reader.finish().unwrap();
}

/// The octets of a vector without its armour.
fn dearmoured(path: &Path, form: &str) -> Vec<u8> {
    let octets = std::fs::read(path).unwrap();
    if form == "DER/BER" {
        return octets;
    }
    if form == "PEM" {
        let text = String::from_utf8(octets).unwrap();
        let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
        return cedrat_mime::transfer::decode_base64(body.as_bytes()).octets.to_vec();
    }
    let message = cedrat_mime::walk(&octets.into(), &cedrat_mime::Limits::default()).unwrap();
    let content: Vec<u8> = mail::pieces(message.root()).flatten().collect();
    let found = mail::encrypted(&message);
    let is_encrypted = Structure::of(&content, Limits::default()).is_ok();
    assert_eq!(found.envelope, is_encrypted.then_some((0, mail::Place::Root)), "{}", path.display());
    content
}

#[test]
fn every_message_of_another_producer_is_read_or_refused_for_what_it_is() {
    let Some(folder) = peer::vectors() else { return };
    let table = std::fs::read_to_string(folder.join("smime-expected.tsv")).unwrap();
    let (mut read, mut opened) = (0, 0);
    for row in table.lines().skip(1) {
        let [file, form, _, parses, kind, recipients, cipher, decrypts_with, size, sha256] =
            row.split('\t').collect::<Vec<_>>()[..]
        else {
            panic!("{row}")
        };
        let message = dearmoured(&folder.join(file), form);
        let structure = Structure::of(&message, Limits::default());
        let format = match kind {
            "pkcs7-envelopedData" => Format::Enveloped,
            "id-smime-ct-authEnvelopedData" => Format::AuthEnveloped,
            _ => {
                let kind = structure.unwrap_err().kind;
                // A signature beside what it signs is not the message.
                let beside = form == "S/MIME mail";
                let other = matches!(kind, Kind::OtherContentType(_));
                assert!(other || beside || parses == "no", "{file}: {kind:?}");
                continue;
            }
        };
        if file == "pyca/enveloped-no-content.der" {
            assert_eq!(structure.unwrap_err().kind, Kind::Detached);
            continue;
        }
        let structure = structure.unwrap_or_else(|error| panic!("{file}: {error}"));
        read += 1;
        assert_eq!(structure.format, format, "{file}");
        let kinds = structure.recipients.iter().map(|recipient| match recipient[0] {
            0x30 => "ktri",
            0xA1 => "kari",
            0xA2 => "kekri",
            0xA3 => "pwri",
            _ => "ori",
        });
        assert!(kinds.eq(recipients.split(' ')), "{file}");
        assert_eq!(structure.summary.octets, message.len() as u64, "{file}");
        assert_eq!(structure.summary.sha256, <[u8; 32]>::from(Sha256::digest(&message)), "{file}");
        let named = match cipher {
            "rc2-cbc" => None,
            "des-ede3-cbc" => Some("3des-cbc"),
            other => Some(other),
        };
        assert_eq!(structure.content().ok().map(|it| it.parameters.algorithm().name()), named, "{file}");

        let key = folder.join(decrypts_with);
        if !key.is_file() || !recipients.contains("ktri") || !peer::there_is_openssl() {
            continue;
        }
        let keys: Vec<_> =
            structure.recipients.iter().flat_map(|recipient| peer::unwrap(recipient, &key)).collect();
        let is_mime = file.starts_with("generated");
        let plaintexts: Vec<_> =
            keys.iter().filter_map(|key| decrypt(&message, &structure, key, is_mime, 100).ok()).collect();
        assert_eq!(plaintexts.len(), 1, "{file}");
        assert_eq!(plaintexts[0].len().to_string(), size, "{file}");
        let digest: String =
            Sha256::digest(&plaintexts[0]).iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(digest, sha256, "{file}");
        opened += 1;
    }
    assert!(read >= 24 && opened >= 9, "{read} read, {opened} decrypted");
}

fn entity(octets: usize) -> Vec<u8> {
    let mut entity = b"Content-Type: application/octet-stream\r\n\r\n".to_vec();
    entity.extend((0..octets).map(|at| (at * 31 % 251) as u8));
    entity
}

#[test]
fn what_openssl_encrypts_is_decrypted_in_every_form_that_it_writes() {
    if !peer::there_is_openssl() {
        return;
    }
    let people = peer::People::with_rsa(&["ada", "bea"]);
    for (cipher, integrity) in [
        ("-aes128", Integrity::None),
        ("-aes192", Integrity::None),
        ("-aes256", Integrity::None),
        ("-des3", Integrity::None),
        ("-aes-128-gcm", Integrity::Aead),
        ("-aes-192-gcm", Integrity::Aead),
        ("-aes-256-gcm", Integrity::Aead),
    ] {
        for (options, names) in
            [(&[cipher][..], &["ada"][..]), (&[cipher, "-stream"], &["ada"]), (&[cipher], &["bea", "ada"])]
        {
            for octets in [0, 5, 16, 5000, 70_000] {
                let plaintext = entity(octets);
                let message = people.encrypt(options, names, &plaintext);
                let structure = Structure::of(&message, Limits::default()).unwrap();
                assert_eq!(structure.recipients.len(), names.len());
                let key = people.path("ada", "key");
                let keys = structure.recipients.iter().flat_map(|it| peer::unwrap(it, Path::new(&key)));
                let opened: Vec<_> =
                    keys.filter_map(|key| decrypt(&message, &structure, &key, true, 1000).ok()).collect();
                assert!(opened == [plaintext], "{options:?} for {names:?}, {octets} octets");
                let parameters = structure.content().unwrap().parameters;
                assert_eq!(parameters.algorithm().integrity(), integrity);
            }
        }
    }
}

/// An element in DER.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let length = value.len().to_be_bytes();
    let length = &length[length.iter().position(|octet| *octet != 0).unwrap_or(7)..];
    let mut element = vec![tag];
    if value.len() >= 128 {
        element.push(0x80 | length.len() as u8);
    }
    element.extend_from_slice(length);
    element.extend(value);
    element
}

#[test]
fn openssl_opens_what_is_encrypted_here() {
    if !peer::there_is_openssl() {
        return;
    }
    let people = peer::People::with_rsa(&["ada"]);
    let key_file = people.path("ada", "key");
    let theirs = Structure::of(&people.encrypt(&["-aes256"], &["ada"], b"x"), Limits::default()).unwrap();

    let attribute = der(
        0x30,
        &[
            &der(0x06, &[b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03"]),
            &der(0x31, &[&der(0x06, &[b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"])]),
        ],
    );
    let attributes = der(0xA1, &[&attribute]);
    for (parameters, attributes) in [
        (ContentParameters::cbc(ContentAlgorithm::Aes256Cbc, &[9; 16]).unwrap(), None),
        (ContentParameters::gcm(ContentAlgorithm::Aes256Gcm, &[9; 12], 16).unwrap(), None),
        (ContentParameters::gcm(ContentAlgorithm::Aes128Gcm, &[9; 12], 12).unwrap(), None),
        (ContentParameters::gcm(ContentAlgorithm::Aes192Gcm, &[9; 12], 14).unwrap(), None),
        (ContentParameters::gcm(ContentAlgorithm::Aes256Gcm, &[9; 12], 16).unwrap(), Some(&attributes[..])),
    ] {
        let key = Cek::new(&[0xA5; 32][..parameters.algorithm().key_octets()]).unwrap();
        // A recipient of openssl's own, the key in it replaced by ours.
        let sealed = peer::openssl(&["pkeyutl", "-encrypt", "-inkey", &key_file], key.octets()).unwrap();
        let mut recipient = theirs.recipients[0].clone();
        let at = recipient.len() - sealed.len();
        recipient[at..].copy_from_slice(&sealed);
        for octets in [0, 1, 15, 16, 17, 4000] {
            let plaintext = entity(octets);
            let mut encryptor = Encryptor::new(&key, &parameters, attributes).unwrap();
            let mut ciphertext = Vec::new();
            for piece in plaintext.chunks(100) {
                encryptor.update(piece, &mut ciphertext).unwrap();
            }
            let mac = encryptor.finish(&mut ciphertext);
            let format = if mac.is_some() { Format::AuthEnveloped } else { Format::Enveloped };
            let content = der(
                0x30,
                &[
                    &der(0x06, &[b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"]),
                    &parameters.encode(),
                    &der(0x80, &[&ciphertext]),
                ],
            );
            let mac = mac.map(|mac| der(0x04, &[&mac])).unwrap_or_default();
            let recipients = der(0x31, &[&recipient]);
            let enveloped = der(
                0x30,
                &[&der(0x02, &[&[0]]), &recipients, &content, attributes.unwrap_or_default(), &mac],
            );
            let message = der(0x30, &[&der(0x06, &[format.oid().as_bytes()]), &der(0xA0, &[&enveloped])]);
            let opened = people.decrypt("ada", &message);
            // OpenSSL 3.0 does not take authAttrs into the tag: those are only read back here.
            if attributes.is_none() {
                assert!(opened.as_ref() == Some(&plaintext), "{parameters:?} {octets}");
            }
            let structure = Structure::of(&message, Limits::default()).unwrap();
            assert_eq!(decrypt(&message, &structure, &key, true, 7), Ok(plaintext));
        }
    }
}
