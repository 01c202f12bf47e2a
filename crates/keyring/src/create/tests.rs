#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::recipient::Limits;
use crate::recipient::element::{Elements, SET, definite};

fn content(form: Form, octets: Option<u64>) -> Content<'static> {
    Content { form, nonce: if form == Form::Enveloped { &[2; 16] } else { &[1; 12] }, octets }
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

/// All of an envelope, its ciphertext in these pieces.
fn whole(content: &Content<'_>, pieces: &[&[u8]]) -> Result<Vec<u8>, envelope::Misuse> {
    let mut envelope = Envelope::new(vec![element(SEQUENCE, &[&[5, 0]]), element(SEQUENCE, &[])], content)?;
    let mut out = envelope.head().to_vec();
    for piece in pieces {
        envelope.ciphertext(piece, &mut out)?;
    }
    out.extend(envelope.tail(if content.form == Form::Enveloped { &[] } else { &[3; 16] })?);
    Ok(out)
}

#[test]
fn an_envelope_of_known_length_is_what_the_indefinite_one_becomes() {
    let limits = Limits { octets: 1 << 20, ..Limits::default() };
    for form in [Form::AuthEnveloped, Form::Enveloped] {
        for octets in [0, 1, 15, 16, 17, 127, 128, 255, 256, 65_535, 70_000] {
            let ciphertext =
                vec![0xC5; if form == Form::Enveloped { (octets / 16 + 1) * 16 } else { octets }];
            let known = whole(&content(form, Some(octets as u64)), &[&ciphertext]).unwrap();
            assert_eq!(definite(&known, &limits), Ok(known.clone()), "{form:?} {octets}");
            let (first, second) = ciphertext.split_at(ciphertext.len() / 3);
            let streamed = whole(&content(form, None), &[first, &[], second]).unwrap();
            let streamed = definite(&streamed, &limits).unwrap();
            assert_eq!(inside(&streamed), inside(&known), "{form:?} {octets}");
            assert_eq!(inside(&known).0, ciphertext);
        }
    }
}

#[test]
fn what_does_not_fit_the_announcement_is_refused() {
    let announced = content(Form::Enveloped, Some(16));
    assert_eq!(whole(&announced, &[&[0; 16]]), Err(envelope::Misuse::Length));
    assert_eq!(whole(&announced, &[&[0; 48]]), Err(envelope::Misuse::Length));
    assert!(whole(&announced, &[&[0; 16], &[0; 16]]).is_ok());
    let short = Content { nonce: &[0; 11], ..content(Form::AuthEnveloped, None) };
    assert_eq!(whole(&short, &[]), Err(envelope::Misuse::Parameter));
    let envelope = Envelope::new(vec![], &content(Form::AuthEnveloped, Some(0))).unwrap();
    assert_eq!(envelope.tail(&[0; 12]), Err(envelope::Misuse::Parameter));
}

#[test]
fn recipients_are_a_set_in_order_whatever_order_they_come_in() {
    let set = element(SET, &[&element(SEQUENCE, &[]), &element(SEQUENCE, &[&[5, 0]])]);
    let head = whole(&content(Form::Enveloped, Some(0)), &[&[0; 16]]).unwrap();
    assert!(head.windows(set.len()).any(|window| window == set));
}

#[test]
fn the_header_names_the_type_and_the_encoding() {
    assert_eq!(
        mail_head(Form::AuthEnveloped),
        "Content-Type: application/pkcs7-mime; smime-type=authEnveloped-data;\r\n\tname=smime.p7m\r\n\
         Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=smime.p7m\r\n"
    );
    assert!(mail_head(Form::Enveloped).contains("smime-type=enveloped-data;"));
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
