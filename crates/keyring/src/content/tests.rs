use alloc::vec;

use aes_gcm::KeyInit as _;
use aes_gcm::aead::{Aead as _, Payload};
use proptest::prelude::*;

use super::*;
use crate::algorithm::ContentAlgorithm;
use crate::reader::{Event, Limits, Reader};

fn octets(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn encrypt(
    key: &Cek,
    parameters: &ContentParameters,
    attributes: Option<&[u8]>,
    plaintext: &[u8],
    piece: usize,
) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut encryptor = Encryptor::new(key, parameters, attributes).unwrap();
    let mut ciphertext = vec![];
    for piece in plaintext.chunks(piece) {
        encryptor.update(piece, &mut ciphertext).unwrap();
    }
    let mac = encryptor.finish(&mut ciphertext);
    (ciphertext, mac)
}

/// What a key makes of a ciphertext, and how many octets of plaintext came out, whatever the end was.
fn decrypt(
    key: &Cek,
    content: &Content<'_>,
    ciphertext: &[u8],
    piece: usize,
) -> (Result<Vec<u8>, Unusable>, usize) {
    let mut verifier = Verifier::new(key, content);
    ciphertext.chunks(piece).for_each(|piece| verifier.update(piece));
    let Ok(verified) = verifier.finish() else { return (Err(Unusable), 0) };
    let mut decryptor = verified.decryptor();
    let mut plaintext = Zeroizing::new(vec![]);
    for piece in ciphertext.chunks(piece) {
        decryptor.update(piece, &mut plaintext).unwrap();
    }
    let end = decryptor.finish(&mut plaintext);
    (end.map(|()| plaintext.to_vec()), plaintext.len())
}

fn content<'a>(parameters: &'a ContentParameters, mac: Option<&'a [u8]>) -> Content<'a> {
    Content { parameters, auth_attributes: None, mac, is_mime: false }
}

fn gcm(algorithm: ContentAlgorithm, tag_octets: usize) -> ContentParameters {
    ContentParameters::gcm(algorithm, &octets("cafebabefacedbaddecaf888"), tag_octets).unwrap()
}

const GCM: [ContentAlgorithm; 3] =
    [ContentAlgorithm::Aes128Gcm, ContentAlgorithm::Aes192Gcm, ContentAlgorithm::Aes256Gcm];

/// Key, plaintext, ciphertext and tag of test cases 3, 9 and 15 of the GCM specification (McGrew and
/// Viega), which NIST SP 800-38D was made from.
#[test]
fn the_known_answers_of_gcm_are_met() {
    let key = octets("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    let plaintext = octets(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
    );
    let answers = [
        (
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
            "4d5c2af327cd64a62cf35abd2ba6fab4",
        ),
        (
            "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710acade256",
            "9924a7c8587336bfb118024db8674a14",
        ),
        (
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
            "b094dac5d93471bdec1a502270e3cc6c",
        ),
    ];
    for (algorithm, (ciphertext, tag)) in GCM.into_iter().zip(answers) {
        let key = Cek::new(&key[..algorithm.key_octets()]).unwrap();
        let parameters = gcm(algorithm, 16);
        let (made, mac) = encrypt(&key, &parameters, None, &plaintext, 7);
        assert_eq!(made, octets(ciphertext));
        assert_eq!(mac, Some(octets(tag)));
        let opened = decrypt(&key, &content(&parameters, mac.as_deref()), &made, 5).0;
        assert_eq!(opened.as_ref(), Ok(&plaintext));
    }
}

/// NIST SP 800-38A F.2.5: CBC-AES256, four blocks; the fifth is padding and ours alone.
#[test]
fn the_known_answer_of_cbc_is_met() {
    let key = octets("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    let plaintext = octets(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
    );
    let ciphertext = octets(
        "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
    );
    let iv = octets("000102030405060708090a0b0c0d0e0f");
    let key = Cek::new(&key).unwrap();
    let parameters = ContentParameters::cbc(ContentAlgorithm::Aes256Cbc, &iv).unwrap();
    let (made, mac) = encrypt(&key, &parameters, None, &plaintext, 7);
    assert_eq!((&made[..64], made.len(), mac), (ciphertext.as_slice(), 80, None));
    assert_eq!(decrypt(&key, &content(&parameters, None), &made, 3).0, Ok(plaintext));
}

proptest! {
    #[test]
    fn gcm_agrees_with_another_implementation(
        key: [u8; 32], nonce: [u8; 12], plaintext in prop::collection::vec(any::<u8>(), 0..200),
        attributes in prop::option::of(prop::collection::vec(any::<u8>(), 1..60)), piece in 1_usize..70) {
        let parameters = ContentParameters::gcm(ContentAlgorithm::Aes256Gcm, &nonce, 16).unwrap();
        let (made, mac) =
            encrypt(&Cek::new(&key).unwrap(), &parameters, attributes.as_deref(), &plaintext, piece);
        // RFC 5083 §2.2: authenticated with the tag SET OF.
        let aad = attributes.clone().map(|mut it| { it[0] = 0x31; it }).unwrap_or_default();
        let theirs = aes_gcm::Aes256Gcm::new(&key.into())
            .encrypt(&nonce.into(), Payload { msg: &plaintext, aad: &aad })
            .unwrap();
        prop_assert_eq!([made, mac.unwrap()].concat(), theirs);
    }

    #[test]
    fn what_was_encrypted_is_decrypted_however_it_is_split(
        plaintext in prop::collection::vec(any::<u8>(), 0..200), encrypted in 1_usize..70, decrypted in 1_usize..70,
        tag_octets in 12_usize..=16) {
        for algorithm in ContentAlgorithm::ALL {
            let iv = &[0x5A; 16][..algorithm.iv_octets()];
            let parameters = ContentParameters::cbc(algorithm, iv)
                .or_else(|| ContentParameters::gcm(algorithm, iv, tag_octets))
                .unwrap();
            let key = Cek::new(&[0xC3; 32][..algorithm.key_octets()]).unwrap();
            if algorithm == ContentAlgorithm::TripleDesCbc {
                prop_assert!(Encryptor::new(&key, &parameters, None).is_err());
                continue;
            }
            let (made, mac) = encrypt(&key, &parameters, None, &plaintext, encrypted);
            let opened = decrypt(&key, &content(&parameters, mac.as_deref()), &made, decrypted).0;
            prop_assert_eq!(opened.as_ref(), Ok(&plaintext));
        }
    }

    #[test]
    fn no_ciphertext_and_no_padding_break_the_decryption(
        ciphertext in prop::collection::vec(any::<u8>(), 0..100), piece in 1_usize..40, is_mime: bool) {
        for algorithm in ContentAlgorithm::ALL {
            let iv = &[0x5A; 16][..algorithm.iv_octets()];
            let parameters = ContentParameters::cbc(algorithm, iv)
                .or_else(|| ContentParameters::gcm(algorithm, iv, 16))
                .unwrap();
            let key = Cek::new(&[0xC3; 32][..algorithm.key_octets()]).unwrap();
            let content = Content { is_mime, ..content(&parameters, None) };
            let (opened, octets) = decrypt(&key, &content, &ciphertext, piece);
            prop_assert!(opened.is_ok() || octets == 0);
            if algorithm.integrity() == Integrity::Aead {
                prop_assert!(opened.is_err());
            }
        }
    }
}

#[test]
fn a_key_a_tag_or_a_ciphertext_that_does_not_fit_gives_no_octet() {
    let key = Cek::new(&[1; 32]).unwrap();
    let parameters = gcm(ContentAlgorithm::Aes256Gcm, 12);
    let (made, mac) = encrypt(&key, &parameters, None, b"a message of some length", 100);
    let mac = mac.unwrap();
    let tried = |key: &Cek, mac: Option<&[u8]>, ciphertext: &[u8]| {
        decrypt(key, &content(&parameters, mac), ciphertext, 10)
    };
    assert!(tried(&key, Some(&mac), &made).0.is_ok());
    let nothing = (Err(Unusable), 0);
    for other in [&[2_u8; 32][..], &[1; 16], &[1; 24]] {
        assert_eq!(tried(&Cek::new(other).unwrap(), Some(&mac), &made), nothing);
    }
    // A longer tag whose beginning is right is not the one that was announced.
    let longer = [mac.as_slice(), &[0; 4]].concat();
    for mac in [None, Some(&mac[..11]), Some(&longer[..]), Some(&[])] {
        assert_eq!(tried(&key, mac, &made), nothing);
    }
    for cut in 0..made.len() {
        assert_eq!(tried(&key, Some(&mac), &made[..cut]), nothing);
    }
    assert_eq!(tried(&key, Some(&mac), &[made.as_slice(), &[0]].concat()), nothing);
}

#[test]
fn a_file_that_changed_between_the_passes_is_noticed() {
    let key = Cek::new(&[1; 16]).unwrap();
    let parameters = gcm(ContentAlgorithm::Aes128Gcm, 16);
    let (made, mac) = encrypt(&key, &parameters, None, &[0x20; 100], 100);
    let verified = || {
        let mut verifier = Verifier::new(&key, &content(&parameters, mac.as_deref()));
        verifier.update(&made);
        verifier.finish().unwrap().decryptor()
    };
    let mut changed = made.clone();
    changed[50] ^= 1;
    let mut plaintext = Zeroizing::new(vec![]);
    let mut decryptor = verified();
    decryptor.update(&changed, &mut plaintext).unwrap();
    assert_eq!(decryptor.finish(&mut plaintext), Err(Unusable));
    let mut decryptor = verified();
    decryptor.update(&made[..99], &mut plaintext).unwrap();
    assert_eq!(decryptor.finish(&mut plaintext), Err(Unusable));
    let mut decryptor = verified();
    decryptor.update(&made, &mut plaintext).unwrap();
    assert_eq!(decryptor.update(&[0], &mut plaintext), Err(Unusable));
}

#[test]
fn a_wrong_key_for_cbc_is_told_by_the_beginning_of_the_plaintext() {
    let parameters = ContentParameters::cbc(ContentAlgorithm::Aes128Cbc, &[3; 16]).unwrap();
    let right = Cek::new(&[1; 16]).unwrap();
    let opens = |key: &Cek, plaintext: &[u8], is_mime| {
        let (made, _) = encrypt(&right, &parameters, None, plaintext, 100);
        decrypt(key, &Content { is_mime, ..content(&parameters, None) }, &made, 100).0.is_ok()
    };
    let long = [b"Content-Type: text/plain; charset=utf-8; name*=utf-8''".as_slice(), &[b'x'; 200]].concat();
    for entity in [
        b"Content-Type: text/plain\r\n\r\nhello".as_slice(),
        b"\r\nno header",
        b"\nno header, gr\xC3\xBC\xC3\x9Fe",
        b"MIME-Version:1.0\n\n\x00\xFF binary",
        b"Content-Type: image/jpeg\r\nContent-Transfer-Encoding: binary\r\n\r\n\xFF\xD8\xFF",
        &long,
        b"Subject: gr\xC3\xBC\xC3\x9Fe\r\n\r\n",
        // The 64 octets that are looked at end within a character.
        b"Content-Description: 4567890123456789012345678901234567890123456\xC3\xBC\r\n\r\n",
        b"X:\n",
    ] {
        assert!(opens(&right, entity, true), "{entity:?}");
    }
    for other in [
        b"This is some sample content.".as_slice(),
        b"",
        b": x\n",
        b"\0Content-Type: text/plain",
        b"A b: c",
        b"a:\x01",
        b"\n\x01",
        b"a: \xFF\n",
    ] {
        assert!(!opens(&right, other, true), "{other:?}");
        assert!(opens(&right, other, false));
    }
    // Without that, padding alone lets one wrong key in about 256 through.
    let (mut padding, mut header) = (0, 0);
    for number in 0..4096_u32 {
        let mut key = [7; 16];
        key[..4].copy_from_slice(&number.to_be_bytes());
        let key = Cek::new(&key).unwrap();
        padding += u32::from(opens(&key, b"Content-Type: text/plain\r\n\r\nhello", false));
        header += u32::from(opens(&key, b"Content-Type: text/plain\r\n\r\nhello", true));
    }
    assert!((2..50).contains(&padding), "{padding}");
    assert_eq!(header, 0);
}

/// A whole AuthEnvelopedData: one recipient, attributes, a tag of 16 octets.
fn message(key: &Cek, plaintext: &[u8]) -> Vec<u8> {
    let element = |tag: u8, parts: &[&[u8]]| {
        let value = parts.concat();
        [&[tag, 0x81, u8::try_from(value.len()).unwrap()], value.as_slice()].concat()
    };
    let parameters = gcm(ContentAlgorithm::Aes128Gcm, 16);
    let attributes = [&[0xA1, 0x05], b"\x30\x03\x02\x01\x00".as_slice()].concat();
    let (ciphertext, mac) = encrypt(key, &parameters, Some(&attributes), plaintext, 100);
    let content = element(
        0x30,
        &[
            b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01",
            &parameters.encode(),
            &element(0x80, &[&ciphertext]),
        ],
    );
    let mac = element(0x04, &[&mac.unwrap()]);
    let recipients = element(0x31, &[&element(0x30, &[b"\x02\x01\x00"])]);
    let enveloped = element(0x30, &[b"\x02\x01\x00", &recipients, &content, &attributes, &mac]);
    let content_type = element(0x06, &[Format::AuthEnveloped.oid().as_bytes()]);
    element(0x30, &[&content_type, &element(0xA0, &[&enveloped])])
}

#[test]
fn no_octet_of_a_message_can_be_changed_so_that_other_plaintext_comes_out() {
    let plaintext = b"Content-Type: text/plain\r\n\r\nhello";
    let key = Cek::new(&[9; 16]).unwrap();
    let whole = message(&key, plaintext);
    let original = Structure::of(&whole, Limits::default()).unwrap();
    let opened = |octets: &[u8]| -> Option<(Structure, Vec<u8>)> {
        let structure = Structure::of(octets, Limits::default()).ok()?;
        let content = structure.content().ok()?;
        let mut ciphertext = vec![];
        let mut reader = Reader::new(Limits::default());
        let mut rest = octets;
        while let Some(event) = reader.next(&mut rest).unwrap() {
            if let Event::Ciphertext(octets) = event {
                ciphertext.extend_from_slice(octets);
            }
        }
        let (plaintext, octets) = decrypt(&key, &content, &ciphertext, 7);
        assert!(plaintext.is_ok() || octets == 0);
        plaintext.ok().map(|plaintext| (structure, plaintext))
    };
    assert_eq!(opened(&whole).unwrap().1, plaintext);
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut changed = whole.clone();
            changed[at] ^= 1 << bit;
            // What no tag covers may change: version, recipients, the type of the content. The digest of
            // the whole tells, and it is part of what a key is sealed for.
            if let Some((structure, opened)) = opened(&changed) {
                assert_eq!(opened, plaintext, "octet {at}");
                assert_ne!(structure.summary.sha256, original.summary.sha256);
                assert_eq!(structure.encryption, original.encryption);
                assert_eq!(structure.mac, original.mac);
                let covered = structure.summary.content.clone();
                assert!(!covered.contains(&(at as u64)), "octet {at}");
            }
        }
    }
}

#[test]
fn an_algorithm_that_does_not_fit_the_format_is_refused_without_a_key() {
    let key = Cek::new(&[9; 16]).unwrap();
    let whole = Structure::of(&message(&key, b"x"), Limits::default()).unwrap();
    let stripped = Structure { format: Format::Enveloped, mac: None, ..whole.clone() };
    assert_eq!(stripped.content().unwrap_err(), Unsupported::Format);
    let cbc = ContentParameters::cbc(ContentAlgorithm::Aes128Cbc, &[0; 16]).unwrap();
    let encryption = crate::algorithm::ContentEncryption::decode(cbc.encode()).unwrap();
    let downgraded = Structure { encryption, ..whole };
    assert_eq!(downgraded.content().unwrap_err(), Unsupported::Format);
}

#[test]
fn attributes_that_nothing_would_authenticate_are_not_written() {
    let cbc = ContentParameters::cbc(ContentAlgorithm::Aes128Cbc, &[0; 16]).unwrap();
    let key = |octets| Cek::new(&[1; 32][..octets]).unwrap();
    assert!(Encryptor::new(&key(16), &cbc, Some(&[0xA1, 0])).is_err());
    assert!(Encryptor::new(&key(32), &cbc, None).is_err());
    assert!(Encryptor::new(&key(16), &cbc, None).is_ok());
}

#[test]
fn a_message_that_changed_since_it_was_offered_does_not_open_though_the_key_fits() {
    let plaintext = b"Content-Type: text/plain\r\n\r\nhello";
    let key = Cek::new(&[9; 16]).unwrap();
    let whole = message(&key, plaintext);
    let structure = Structure::of(&whole, Limits::default()).unwrap();
    let first = |octets: &[u8]| {
        let content = structure.content().unwrap();
        let mut pass = FirstPass::new(&key, &content, structure.summary.sha256, Limits::default());
        octets.chunks(10).for_each(|piece| pass.update(piece));
        pass.finish()
    };
    let second = |octets: &[u8]| {
        let mut pass = first(&whole).unwrap().second_pass();
        let mut out = Zeroizing::new(vec![]);
        octets.chunks(10).try_for_each(|piece| pass.update(piece, &mut out))?;
        pass.finish(&mut out).map(|()| out.to_vec())
    };
    assert_eq!(first(&whole).unwrap().integrity(), Integrity::Aead);
    assert_eq!(second(&whole), Ok(plaintext.to_vec()));
    assert_eq!(second(&[whole.as_slice(), b"\r\n"].concat()), Ok(plaintext.to_vec()));
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(first(&changed).is_err() && second(&changed).is_err(), "octet {at}");
        assert!(first(&whole[..at]).is_err() && second(&whole[..at]).is_err(), "octet {at}");
    }
}
