#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use alloc::{string::String, vec};

use proptest::prelude::*;

use super::*;
use crate::algorithm::ContentParameters;
use crate::reader::Format;
use crate::recipient::Limits;
use crate::recipient::element::{Elements, SET, definite};

const GCM: ContentAlgorithm = ContentAlgorithm::Aes256Gcm;
const CBC: ContentAlgorithm = ContentAlgorithm::Aes256Cbc;

fn parameters(algorithm: ContentAlgorithm) -> ContentParameters {
    if algorithm == CBC {
        return ContentParameters::cbc(CBC, &[2; 16]).unwrap();
    }
    ContentParameters::gcm(GCM, &[1; 12], 16).unwrap()
}

/// All of an envelope, its ciphertext in these pieces.
fn whole(algorithm: ContentAlgorithm, octets: Option<u64>, pieces: &[&[u8]]) -> Result<Vec<u8>, Misuse> {
    let parameters = parameters(algorithm);
    let content = EncryptedContent { parameters: &parameters, derived: false, octets };
    let recipients = vec![element(SEQUENCE, &[&[5, 0]]), element(SEQUENCE, &[])];
    let mut envelope = Envelope::new(recipients, &content);
    let mut out = envelope.head().to_vec();
    for piece in pieces {
        envelope.ciphertext(piece, &mut out)?;
    }
    out.extend(envelope.tail((algorithm == GCM).then_some(&[3; 16]))?);
    Ok(out)
}

/// The ciphertext in an envelope whose lengths are definite, and the fields of the data around it.
fn inside(envelope: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut outer = Elements::of(envelope).take(SEQUENCE, "").unwrap().inside();
    outer.any("").unwrap();
    let mut fields = outer.take(constructed(0), "").unwrap().inside().take(SEQUENCE, "").unwrap().inside();
    let before = [fields.any("").unwrap().whole, fields.any("").unwrap().whole].concat();
    let mut info = fields.take(SEQUENCE, "").unwrap().inside();
    let described = [info.any("").unwrap().whole, info.any("").unwrap().whole].concat();
    (info.any("").unwrap().octets().unwrap(), [&before, &described, fields.rest()].concat())
}

#[test]
fn an_envelope_of_known_length_is_what_the_indefinite_one_becomes() {
    let limits = Limits { octets: 1 << 20, ..Limits::default() };
    for algorithm in [GCM, CBC] {
        for octets in [0, 1, 15, 16, 17, 127, 128, 255, 256, 65_535, 70_000] {
            let ciphertext = vec![0xC5; if algorithm == CBC { (octets / 16 + 1) * 16 } else { octets }];
            let known = whole(algorithm, Some(octets as u64), &[&ciphertext]).unwrap();
            assert_eq!(definite(&known, &limits), Ok(known.clone()), "{algorithm:?} {octets}");
            let (first, second) = ciphertext.split_at(ciphertext.len() / 3);
            let streamed = whole(algorithm, None, &[first, &[], second]).unwrap();
            let streamed = definite(&streamed, &limits).unwrap();
            assert_eq!(inside(&streamed), inside(&known), "{algorithm:?} {octets}");
            assert_eq!(inside(&known).0, ciphertext);
        }
    }
}

#[test]
fn what_does_not_fit_the_announcement_is_refused() {
    assert_eq!(whole(CBC, Some(16), &[&[0; 16]]), Err(Misuse::Length));
    assert_eq!(whole(CBC, Some(16), &[&[0; 48]]), Err(Misuse::Length));
    assert!(whole(CBC, Some(16), &[&[0; 16], &[0; 16]]).is_ok());
    for (algorithm, mac) in [(GCM, None), (GCM, Some([0; 12].as_slice())), (CBC, Some(&[0; 16]))] {
        let parameters = parameters(algorithm);
        let content = EncryptedContent { parameters: &parameters, derived: false, octets: None };
        assert_eq!(Envelope::new(vec![], &content).tail(mac), Err(Misuse::Mac));
    }
}

#[test]
fn recipients_are_a_set_in_order_whatever_order_they_come_in() {
    let set = element(SET, &[&element(SEQUENCE, &[]), &element(SEQUENCE, &[&[5, 0]])]);
    let head = whole(CBC, Some(0), &[&[0; 16]]).unwrap();
    assert!(head.windows(set.len()).any(|window| window == set));
}

#[test]
fn the_header_names_the_type_and_the_encoding() {
    assert_eq!(
        mail_head(Format::AuthEnveloped),
        "Content-Type: application/pkcs7-mime; smime-type=authEnveloped-data;\r\n\tname=smime.p7m\r\n\
         Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=smime.p7m\r\n"
    );
    assert!(mail_head(Format::Enveloped).contains("smime-type=enveloped-data;"));
}

proptest! {
    #[test]
    fn base64_is_the_same_in_any_pieces(octets in proptest::collection::vec(any::<u8>(), 0..400), size in 1usize..100) {
        let (mut lines, mut text) = (Base64Lines::new(), vec![]);
        for piece in octets.chunks(size) {
            lines.encode(piece, &mut text);
        }
        lines.finish(&mut text);
        let text = alloc::string::String::from_utf8(text).unwrap();
        prop_assert!(text.is_empty() || text.ends_with("\r\n"));
        prop_assert!(text.split("\r\n").all(|line| line.len() <= 76));
        use base64ct::Encoding;
        prop_assert_eq!(base64ct::Base64::decode_vec(&text.replace("\r\n", "")).unwrap(), octets);
    }
}

#[test]
fn what_is_signed_has_its_attributes_in_order_and_a_time_of_two_or_four_digits() {
    let at = |text: &str| attributes(b"content", crate::wire::Time::parse(text).unwrap().0);
    for (when, tag, digits) in [
        ("2026-11-25T02:03:04.567Z", 0x17, "261125020304Z"),
        ("1999-12-31T23:59:59Z", 0x17, "991231235959Z"),
        ("2049-12-31T23:59:59Z", 0x17, "491231235959Z"),
        ("2050-01-01T00:00:00Z", 0x18, "20500101000000Z"),
        ("1949-12-31T23:59:59Z", 0x18, "19491231235959Z"),
    ] {
        let signed = at(when);
        let mut all = Elements::of(&signed).take(SET, "").unwrap().inside();
        let mut encoded = Vec::new();
        while !all.is_empty() {
            encoded.push(all.take(SEQUENCE, "").unwrap().whole.to_vec());
        }
        assert_eq!(encoded.len(), 3);
        assert!(encoded.is_sorted(), "{when}");
        let expected = element(SET, &[&element(tag, &[digits.as_bytes()])]);
        assert!(encoded.iter().any(|it| it.ends_with(&expected)), "{when}");
    }
}

#[test]
fn a_boundary_that_stands_in_the_content_grows() {
    let mail = signed_mail(b"--b\r\nb_", b"signature", "b");
    let text = String::from_utf8(mail).unwrap();
    assert!(text.contains("boundary=\"b__\"") && text.ends_with("\r\n--b__--\r\n"), "{text}");
}
