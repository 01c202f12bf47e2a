#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use alloc::{format, string::String, vec, vec::Vec};

use cedrat_mime::Message;
use proptest::prelude::*;

use super::*;

/// A session key of version 3 for the key ID 1 to 8, as RSA would have it.
fn pkesk3() -> Vec<u8> {
    [&[0xC1, 14, 3, 1, 2, 3, 4, 5, 6, 7, 8, 1, 0, 9, 0x01, 0xFF][..]].concat()
}

/// One of version 6 for a key of version 6.
fn pkesk6() -> Vec<u8> {
    [&[0xC1, 38, 6, 33, 6][..], &[7; 32], &[25, 0xEE, 0xEE]].concat()
}

fn seipd1() -> Vec<u8> {
    [&[0xD2, 60, 1][..], &[0x5A; 59]].concat()
}

/// In parts: 512 octets, then 4.
fn seipd2() -> Vec<u8> {
    let head = [&[2, 9, 2, 6][..], &[3; 32]].concat();
    [&[0xD2, 224 + 9][..], &head, &[0x5A; 512 - 36], &[4, 1, 2, 3, 4]].concat()
}

fn of(octets: &[u8]) -> Result<Structure, Error> {
    Structure::of(octets, Limits::default())
}

fn kind(octets: &[u8]) -> Kind {
    of(octets).unwrap_err().kind
}

#[test]
fn session_keys_and_protection_are_read_of_both_versions() {
    let old = [pkesk3(), seipd1()].concat();
    let read = of(&old).unwrap();
    assert_eq!(read.protection, Protection::Mdc);
    assert_eq!((read.head.as_slice(), read.summary.octets), (&[1][..], old.len() as u64));
    let [key] = read.recipients.as_slice() else { panic!("{read:?}") };
    assert_eq!((key.version(), key.raw()), (Version::V3, pkesk3().as_slice()));
    assert_eq!(key.recipient(), &Recipient::KeyId([1, 2, 3, 4, 5, 6, 7, 8]));
    assert_eq!(key.algorithm().name(), "rsa");

    let read = of(&[pkesk6(), seipd2()].concat()).unwrap();
    let aead = Protection::Aead { cipher: Cipher::Aes256, mode: Mode::Ocb, chunk_octets: 4096 };
    assert_eq!(read.protection, aead);
    assert_eq!((read.head.len(), read.protection.name()), (36, "aes-256-ocb"));
    assert_eq!(read.recipients[0].recipient(), &Recipient::Fingerprint(vec![7; 32]));
    assert_eq!(read.recipients[0].version(), read.version());
}

#[test]
fn what_is_named_by_a_key_id_is_the_key_with_that_fingerprint() {
    let id = Recipient::KeyId([1, 2, 3, 4, 5, 6, 7, 8]);
    assert!(id.names(&[&[0; 12][..], &[1, 2, 3, 4, 5, 6, 7, 8]].concat()));
    assert!(id.names(&[&[1, 2, 3, 4, 5, 6, 7, 8][..], &[0; 24]].concat()));
    assert!(!id.names(&[&[1, 2, 3, 4, 5, 6, 7, 8][..], &[0; 12]].concat()), "version 4 counts from its end");
    assert!(!id.names(&[1, 2, 3, 4, 5, 6, 7, 8]));
    assert!(!Recipient::Anonymous.names(&[0; 20]));
}

#[test]
fn what_stands_before_content_and_is_of_no_use_here_is_skipped() {
    // A marker, padding, a password, a packet that must be ignored, and a key of a version to come.
    let before: [&[u8]; 5] = [
        b"\xCA\x03PGP",
        &[0xD5, 3, 9, 9, 9],
        &[0x8C, 4, 4, 9, 0, 2],
        &[0xC0 | 60, 1, 0],
        &[0xC1, 4, 9, 1, 1, 1],
    ];
    let octets = [&before.concat()[..], &pkesk3(), &seipd1()].concat();
    let read = of(&octets).unwrap();
    assert_eq!((read.recipients.len(), read.summary.octets), (1, octets.len() as u64));
    // Of what follows the content nothing is read.
    assert_eq!(of(&[&octets[..], b"\r\nand so on"].concat()).unwrap(), read);
}

#[test]
fn content_may_have_a_length_of_any_form() {
    let body = [&[1][..], &[0x5A; 600]].concat();
    for form in [&[0xD2, 193, 153][..], &[0xD2, 255, 0, 0, 2, 89]] {
        let octets = [&pkesk3()[..], form, &body].concat();
        assert_eq!(of(&octets).unwrap().summary.octets, octets.len() as u64);
    }
    // The old format has no room for this tag, but keys may stand in it.
    let old = [&[0x85, 0, 14][..], &pkesk3()[2..], &seipd1()].concat();
    assert_eq!(of(&old).unwrap().recipients[0].raw(), &old[..17], "as it was sent");
}

#[test]
fn what_has_no_integrity_or_no_public_key_is_refused() {
    assert_eq!(kind(&[pkesk3(), vec![0xC9, 3, 1, 2, 3]].concat()), Kind::NoIntegrity);
    assert!(matches!(kind(&[pkesk3(), vec![0xD4, 3, 1, 2, 3]].concat()), Kind::Unsupported(_)));
    assert!(matches!(kind(&seipd1()), Kind::Expected("a session key for a public key")));
    assert!(matches!(kind(&[pkesk3(), vec![0xD2, 2, 3, 1]].concat()), Kind::Expected(_)));
    // A literal packet, a signature: no encrypted message.
    assert!(matches!(kind(&[0xCB, 1, 0]), Kind::Expected("an encrypted message")));
    assert!(matches!(kind(b"hello"), Kind::Expected("a packet")));
    // A cipher that is not AES, a mode that is not registered, chunks that are too large.
    for (at, octet) in [(1, 10), (2, 4), (3, 17)] {
        let mut head = seipd2();
        head[2 + at] = octet;
        assert!(of(&[pkesk6(), head].concat()).is_err(), "{at}");
    }
    // The first part of several is too short.
    assert!(of(&[pkesk3(), [&[0xD2, 224 + 8, 1][..], &[0; 255], &[0]].concat()].concat()).is_err());
}

#[test]
fn limits_are_kept() {
    let limits = Limits { recipients: 2, packet_octets: 20, header_octets: 40, armor_octets: 40 };
    let with = |octets: &[u8]| Structure::of(octets, limits.clone()).map_err(|error| error.kind);
    assert!(with(&[pkesk3(), pkesk3(), seipd1()].concat()).is_ok());
    assert_eq!(with(&[pkesk3(), pkesk3(), pkesk3(), seipd1()].concat()), Err(Kind::TooLarge));
    assert_eq!(with(&[pkesk6(), seipd2()].concat()), Err(Kind::TooLarge));
    assert_eq!(with(&[&[0xD5, 41][..], &[0; 41]].concat()), Err(Kind::TooLarge));
    // No octet of a packet that is too large is waited for.
    assert_eq!(with(&[0xC1, 255, 255, 255, 255, 255]), Err(Kind::TooLarge));
    let mut armor = Armor::new(limits);
    let long = format!("-----BEGIN PGP MESSAGE-----\nComment: {}\n\n", "x".repeat(40));
    assert_eq!(armor.update(long.as_bytes(), &mut Vec::new()).unwrap_err().kind, Kind::TooLarge);
    assert_eq!(armor.update(b"x", &mut Vec::new()).unwrap_err().kind, Kind::TooLarge, "and again");
}

fn armored(octets: &[u8], end: &str) -> String {
    let mut base64 = Vec::new();
    cedrat_mime::transfer::encode_base64(octets, &mut base64);
    let base64 = String::from_utf8(base64).unwrap();
    let text = format!(
        "-----BEGIN PGP MESSAGE-----\nVersion: 1\n\n{}\n=AbCd\n-----END PGP MESSAGE-----\n",
        base64.trim()
    );
    text.replace("\r\n", "\n").replace('\n', end)
}

fn dearmored(text: &[u8], cut: usize) -> Result<Vec<u8>, Error> {
    let (mut armor, mut out) = (Armor::new(Limits::default()), Vec::new());
    for piece in text.chunks(cut.max(1)) {
        armor.update(piece, &mut out)?;
    }
    armor.finish(&mut out)?;
    Ok(out)
}

#[test]
fn armor_is_taken_off_whatever_ends_its_lines_and_what_has_none_passes() {
    let octets = [pkesk3(), seipd1()].concat();
    for end in ["\n", "\r\n"] {
        let text = format!("{end}{}and a footer", armored(&octets, end));
        assert_eq!(dearmored(text.as_bytes(), 7).unwrap(), octets);
    }
    assert_eq!(dearmored(&octets, 7).unwrap(), octets);
    // A checksum is not judged, and its line may be missing.
    let without = armored(&octets, "\n").replace("=AbCd\n", "");
    assert_eq!(dearmored(without.as_bytes(), 100).unwrap(), octets);
    for not in [
        "",
        "  \r\n",
        "-----BEGIN PGP SIGNED MESSAGE-----\n\n",
        "Hello,\n\n",
        "-----BEGIN PGP MESSAGE-----\nabcd\n",
    ] {
        assert!(dearmored(not.as_bytes(), 3).is_err(), "{not:?}");
    }
}

/// A mail of RFC 3156; `more` stands behind the encrypted part.
fn mail(encoding: &str, body: &str, more: &str) -> Vec<u8> {
    format!(
        "From: a@b.test\r\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n\
         --b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\
         --b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}\r\n{more}--b--\r\n"
    )
    .into_bytes()
}

fn walk(octets: Vec<u8>) -> Message {
    cedrat_mime::walk(&octets.into(), &cedrat_mime::Limits::default()).unwrap()
}

#[test]
fn only_a_mail_that_is_encrypted_as_a_whole_may_be_decrypted() {
    let octets = [pkesk3(), seipd1()].concat();
    let text = armored(&octets, "\r\n");
    let read = walk(mail("7bit", &text, ""));
    let node = read.node(encrypted(&read).unwrap()).unwrap();
    assert_eq!(structure(node, Limits::default()), of(&octets));
    let quoted = text.replace('=', "=3D");
    let read = walk(mail("quoted-printable", &quoted, ""));
    let node = read.node(encrypted(&read).unwrap()).unwrap();
    assert_eq!(structure(node, Limits::default()), of(&octets));
    // A third part, another protocol, armor in a text, a mail around.
    let third = mail("7bit", &text, "--b\r\nContent-Type: text/html\r\n\r\n<img src=\"\r\n");
    assert_eq!(encrypted(&walk(third)), None);
    let smime = String::from_utf8(mail("7bit", &text, "")).unwrap();
    assert_eq!(encrypted(&walk(smime.replace("\"application/pgp-encrypted\"", "x/y").into_bytes())), None);
    let inline = format!("Content-Type: text/plain\r\n\r\n{text}");
    assert_eq!(encrypted(&walk(inline.into_bytes())), None);
    let around = format!("Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n{smime}\r\n--o--\r\n");
    assert_eq!(encrypted(&walk(around.into_bytes())), None);
}

#[test]
fn what_is_written_around_a_message_is_read_again() {
    let octets = [pkesk3(), seipd1()].concat();
    let whole = format!("From: a@b.test\r\n{}{}{}", head("x"), armored(&octets, "\r\n"), tail("x"));
    let read = walk(whole.into_bytes());
    let node = read.node(encrypted(&read).unwrap()).unwrap();
    assert_eq!(structure(node, Limits::default()), of(&octets));
}

fn read_in(octets: &[u8], cuts: &[usize]) -> Result<Structure, Error> {
    let (mut survey, mut rest) = (Survey::new(Limits::default()), octets);
    for cut in cuts.iter().cycle() {
        let (piece, after) = rest.split_at((*cut).clamp(1, rest.len().max(1)).min(rest.len()));
        survey.update(piece)?;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    survey.finish()
}

proptest! {
    #[test]
    fn any_split_gives_the_same(cuts in proptest::collection::vec(1_usize..40, 1..8), version in 0..2) {
        let octets = if version == 0 { [pkesk3(), pkesk6(), seipd1()] } else { [pkesk6(), pkesk3(), seipd2()] }.concat();
        prop_assert_eq!(read_in(&octets, &cuts), of(&octets));
    }

    #[test]
    fn no_octets_do_any_harm(octets in proptest::collection::vec(any::<u8>(), 0..200), cuts in proptest::collection::vec(1_usize..9, 1..4)) {
        prop_assert_eq!(read_in(&octets, &cuts), of(&octets));
        prop_assert!(Pkesk::read(&octets).is_ok_and(|it| it.raw() == octets) || Pkesk::read(&octets).is_err());
        prop_assert_eq!(dearmored(&octets, cuts[0]), dearmored(&octets, 1000));
    }

    #[test]
    fn a_prefix_is_no_message(at in 0_usize..78) {
        let octets = [pkesk3(), seipd1()].concat();
        prop_assume!(at < octets.len());
        prop_assert!(of(&octets[..at]).is_err());
    }
}
