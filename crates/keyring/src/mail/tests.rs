use alloc::format;
use alloc::string::String;
use alloc::vec;

use cedrat_mime::transfer::{decode_base64, encode_base64};
use proptest::prelude::*;

use super::*;
use crate::reader::Kind;

/// EnvelopedData as small as it can be, with a ciphertext of some length.
fn enveloped(ciphertext: usize) -> Vec<u8> {
    let start = b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xA0\x80\x30\x80\x02\x01\x00\x31\x05\x30\x03\x02\x01\x00\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\x30\x1d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x02\x04\x10\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x80\x84";
    let length = u32::try_from(ciphertext).unwrap().to_be_bytes();
    [start.as_slice(), &length, &vec![0xEE; ciphertext], &[0; 8]].concat()
}

fn signed() -> Vec<u8> {
    b"\x30\x0F\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xA0\x02\x30\x00".to_vec()
}

fn base64(octets: &[u8]) -> String {
    let mut text = vec![];
    encode_base64(octets, &mut text);
    String::from_utf8(text).unwrap()
}

fn part(content_type: &str, octets: &[u8]) -> String {
    format!("Content-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n", base64(octets))
}

/// Parts must not hold the boundary of what they are put into, so each nesting has another.
fn multipart(subtype: &str, boundary: &str, parts: &[String]) -> String {
    let parts: String = parts.iter().map(|part| format!("--{boundary}\r\n{part}\r\n")).collect();
    format!("Content-Type: {subtype}; boundary={boundary}\r\n\r\n{parts}--{boundary}--\r\n")
}

fn walked(text: impl AsRef<[u8]>) -> Message {
    let octets = Bytes::copy_from_slice(text.as_ref());
    cedrat_mime::walk(&octets, &cedrat_mime::Limits::default()).unwrap()
}

const P7M: &str = "application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m";
const SMIL: &str = "Content-Type: application/smil\r\n\r\n<smil/>\r\n";
const TEXT: &str = "Content-Type: text/plain\r\n\r\nhello\r\n";

#[test]
fn a_message_that_is_encrypted_content_is_found_whatever_it_calls_itself() {
    let content = enveloped(5);
    for (content_type, octets, encrypted) in [
        (P7M, &content, true),
        ("application/x-pkcs7-mime; smime-type=\"Enveloped-Data\"", &content, true),
        ("application/pkcs7-mime; smime-type=authEnveloped-data", &content, true),
        ("application/pkcs7-mime", &content, true),
        ("application/pkcs7-mime; smime-type=something-new", &content, true),
        ("application/octet-stream; name=\"SMIME.P7M\"", &content, true),
        ("application/octet-stream; name=smime.bin", &content, false),
        ("application/octet-stream", &content, false),
        ("application/pkcs7-mime", &signed(), false),
        ("application/octet-stream; name=smime.p7m", &signed(), false),
        ("application/pkcs7-mime; smime-type=signed-data", &signed(), false),
        ("application/pkcs7-mime; smime-type=signed-data", &content, false),
        ("application/pkcs7-mime", &b"hello".to_vec(), false),
        ("text/plain", &content, false),
    ] {
        let found = super::encrypted(&walked(part(content_type, octets)));
        assert_eq!(found.envelope, encrypted.then_some((0, Place::Root)), "{content_type}");
        assert!(found.separate.is_empty());
    }
    // What says that it is encrypted is, and the reader says what is wrong with it.
    let message = walked(part(P7M, &signed()));
    assert_eq!(encrypted(&message).envelope, Some((0, Place::Root)));
    let error = structure(message.root(), Limits::default()).unwrap_err();
    assert!(matches!(error.kind, Kind::OtherContentType(_)));
}

#[test]
fn only_the_root_or_all_but_a_presentation_may_be_decrypted() {
    let p7m = part(P7M, &enveloped(5));
    let (smil, text) = (String::from(SMIL), String::from(TEXT));
    let one =
        |envelope| Encrypted { envelope: Some((envelope, Place::BesidePresentation)), separate: vec![] };
    let separate = |separate: &[usize]| Encrypted { envelope: None, separate: separate.to_vec() };
    let related = "multipart/related";
    for (message, expected) in [
        (multipart(related, "a", &[smil.clone(), p7m.clone()]), one(2)),
        (multipart(related, "a", &[p7m.clone(), smil.clone()]), one(1)),
        (multipart("application/vnd.wap.multipart.related", "a", &[smil.clone(), p7m.clone()]), one(2)),
        (multipart("multipart/mixed", "a", core::slice::from_ref(&p7m)), one(1)),
        // A text beside it: a greeting, a footer of a list, or a trap.
        (multipart("multipart/mixed", "a", &[p7m.clone(), text.clone()]), separate(&[1])),
        (multipart("multipart/mixed", "a", &[text, smil.clone(), p7m.clone()]), separate(&[3])),
        (multipart("multipart/mixed", "a", &[smil.clone(), smil.clone(), p7m.clone()]), separate(&[3])),
        (multipart("multipart/mixed", "a", &[p7m.clone(), p7m.clone()]), separate(&[1, 2])),
        (multipart("multipart/signed", "a", &[p7m.clone(), smil.clone()]), separate(&[1])),
        (multipart("multipart/alternative", "a", &[smil.clone(), p7m.clone()]), separate(&[2])),
        // Deeper inside.
        (multipart(related, "a", &[smil, multipart("multipart/mixed", "c", &[p7m])]), separate(&[3])),
        (part("text/plain", b"hello"), separate(&[])),
    ] {
        assert_eq!(encrypted(&walked(&message)), expected, "{message}");
    }
}

#[test]
fn a_body_is_read_in_every_transfer_encoding() {
    let content = enveloped(200_000);
    let expected = Structure::of(&content, Limits::default()).unwrap();
    let printable: String = content.iter().map(|octet| format!("={octet:02X}")).collect();
    let printable: Vec<u8> = printable.as_bytes().chunks(75).collect::<Vec<_>>().join(b"=\r\n".as_slice());
    let header = |encoding| format!("Content-Type: {P7M}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
    for (encoding, body) in [
        ("base64", base64(&content).into_bytes()),
        ("base64", [base64(&content).as_bytes(), b"\r\n-- \r\nfooter of a list"].concat()),
        ("base64", base64(&content).replace("\r\n", "").into_bytes()),
        ("binary", content.clone()),
        ("binary", [content.as_slice(), b"\r\n"].concat()),
        ("quoted-printable", printable),
    ] {
        let message = walked([header(encoding).as_bytes(), &body].concat());
        assert_eq!(encrypted(&message).envelope, Some((0, Place::Root)));
        assert_eq!(structure(message.root(), Limits::default()), Ok(expected.clone()), "{encoding}");
        assert!(pieces(message.root()).all(|piece| !piece.is_empty() && piece.len() <= PIECE_OCTETS));
    }
}

proptest! {
    #[test]
    fn a_body_in_pieces_is_what_it_is_whole(
        base64 in "[A-Za-z0-9+/ \r\n!-]{0,200}={0,2}", printable in "[a-c=0-9A-F \r\n]{0,200}",
        cuts in prop::collection::vec(1_usize..20, 1..5)) {
        let whole = [
            (Encoding::Base64, &base64, decode_base64(base64.as_bytes()).octets),
            (
                Encoding::QuotedPrintable,
                &printable,
                decode_quoted_printable(&Bytes::copy_from_slice(printable.as_bytes())).octets,
            ),
            (Encoding::Binary, &printable, Bytes::copy_from_slice(printable.as_bytes())),
        ];
        for (encoding, text, expected) in whole {
            let mut decoder = Decoder::new(encoding);
            let (mut rest, mut octets) = (text.as_bytes(), vec![]);
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                decoder.update(piece, &mut octets);
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            decoder.finish(&mut octets);
            prop_assert_eq!(octets, expected.to_vec());
        }
    }
}
