extern crate std;

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::{borrow::ToOwned, format};

use proptest::prelude::*;

use super::*;
use crate::{Message, walk};

fn convert(message: &[u8]) -> Vec<u8> {
    let out = seven_bit(&Bytes::copy_from_slice(message), &Limits::default()).unwrap();
    assert!(can_cross(&out, true), "{}", out.escape_ascii());
    out
}

fn text(message: &str) -> String {
    String::from_utf8(convert(message.as_bytes())).unwrap()
}

#[test]
fn a_message_that_can_cross_stays_as_it_is() {
    let message = "From: a@b.test\r\nX-Odd  :\tfolded\r\n  twice\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        preamble\r\n--b \r\n\r\n-- \r\none\r\n--b\r\nContent-Transfer-Encoding: BASE64\r\n\r\nZm9v\r\n--b--\r\nepilogue";
    assert_eq!(text(message), message);
}

#[test]
fn text_becomes_quoted_printable_and_the_rest_base64() {
    let message = "Subject: x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\nX: y\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\ncontent-transfer-encoding:  8bit\r\nX: 1\r\n\r\n\
        Grüße\r\n--b\r\nContent-Type: image/png\r\n\r\nÿ\r\n--b\r\nContent-Type: text/html\r\n\r\na\0b\r\n--b--\r\n";
    let expected = "Subject: x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\nX: y\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\ncontent-transfer-encoding: quoted-printable\r\nX: 1\r\n\r\n\
        Gr=C3=BC=C3=9Fe\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nw78=\r\n\
        --b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nYQBi\r\n--b--\r\n";
    assert_eq!(text(message), expected);
}

#[test]
fn a_message_without_mime_becomes_one_with_it() {
    assert_eq!(
        text("Subject: x\r\n\r\nü\r\n"),
        "Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\nMIME-Version: 1.0\r\n\r\n=C3=BC\r\n"
    );
    assert_eq!(
        text("no header, ü"),
        "Content-Transfer-Encoding: quoted-printable\r\nMIME-Version: 1.0\r\n\r\nno header, =C3=BC"
    );
}

#[test]
fn a_message_inside_is_converted_and_one_that_can_cross_is_not() {
    let inner = "Subject: ü\r\n\r\nü\r\n";
    let message = format!("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: binary\r\n\r\n{inner}");
    let expected = "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\nSubject: =?utf-8?B?w7w=?=\r\n\
        Content-Transfer-Encoding: quoted-printable\r\nMIME-Version: 1.0\r\n\r\n=C3=BC\r\n";
    assert_eq!(text(&message), expected);
    let ascii = message.replace('ü', "ue").replace("binary", "7bit");
    assert_eq!(text(&ascii), ascii);
}

#[test]
fn signed_content_is_copied_or_refused() {
    let signed = "Subject: ü\r\nContent-Type: multipart/signed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
        --b\r\nContent-Transfer-Encoding: 8bit\r\n\r\nHello \r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\n\
        x\r\n--b--\r\n";
    let out = text(signed);
    let body = |message: &str| message.split_once("\r\n\r\n").unwrap().1.to_owned();
    assert_eq!(body(&out), body(signed), "also the label within, which is signed too");
    let refused = seven_bit(&Bytes::from(signed.replace("Hello", "Grüße")), &Limits::default());
    assert_eq!(refused, Err(Refused::Signed));
}

#[test]
fn header_text_is_kept_where_a_reader_looks_for_it() {
    let out = text(
        "From: Jörg <j@b.test>\r\nSubject: Re: schöne Grüße from me\r\n\
        Content-Type: text/plain; name=\"Grüße.txt\"; charset=utf-8\r\n\r\nx",
    );
    let expected = "From: Jrg <j@b.test>\r\nSubject: Re: =?utf-8?B?c2Now7ZuZSBHcsO8w59l?= from me\r\n\
        Content-Type: text/plain; name*=utf-8''Gr%C3%BC%C3%9Fe.txt; charset=utf-8\r\n\r\nx";
    assert_eq!(out.replace("\r\n ", " "), expected);
    let latin = convert(b"Comments: caf\xe9\r\n\r\n");
    assert_eq!(latin, b"Comments: =?utf-8?B?Y2Fmw6k=?=\r\n\r\n");
    let long =
        text(&format!("Subject: {}\r\nReferences:{}\r\n\r\n", "ü".repeat(999), " <a@b.test>".repeat(200)));
    assert!(long.lines().all(|line| line.len() <= 78));
}

#[test]
fn nothing_that_is_converted_becomes_a_delimiter_or_a_header() {
    let wrapped = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nü{}--b\r\n--b--\r\n",
        "x".repeat(69)
    );
    let coded =
        "Content-Type: multipart/mixed; boundary=\"b=C3=BC\"\r\n\r\n--b=C3=BC\r\n\r\n--bü\r\n--b=C3=BC--\r\n";
    let question =
        "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--bü\r\n--b\r\n\r\nx\r\n--bü\r\n--b--\r\n";
    let name = "Content-Type: multipart/mixed; boundary=\"b:\"\r\n\r\n--b:\r\n--b: ü\r\n\r\nx\r\n--b:--\r\n";
    for message in [wrapped.as_str(), coded, question, name] {
        assert_same(message.as_bytes());
    }
    assert_same("X: y\nü: z\nf: ü".as_bytes());
    assert_same(b"A: b\r\nContent-Transfer-Encoding: \xffbase64\r\n\r\nZm9v");
    assert_same(b"Content-Type: multi\xffpart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n");
}

#[test]
fn a_boundary_that_cannot_be_kept_is_refused() {
    for boundary in ["bü", &"b".repeat(201)] {
        let message =
            format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n\r\nx");
        assert_eq!(seven_bit(&Bytes::from(message), &Limits::default()), Err(Refused::Boundary));
    }
}

#[test]
fn a_multipart_without_parts_is_copied_or_refused() {
    let message = "Content-Type: multipart/mixed; boundary=b\r\n\r\nno part\r\n";
    assert_eq!(text(message), message);
    let refused = seven_bit(&Bytes::from(message.replace("no", "kein ü")), &Limits::default());
    assert_eq!(refused, Err(Refused::Undivided));
}

#[test]
fn hostile_depth_is_refused_and_a_large_body_is_not() {
    let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(100_000);
    let refused = seven_bit(&Bytes::from(deep), &Limits::default());
    assert!(matches!(refused, Err(Refused::Limit(_))), "{refused:?}");
    for piece in ["\r", "ü", "=", "\n", "--b\n", "\0"] {
        assert_same(
            format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", piece.repeat(300_000)).as_bytes(),
        );
        assert_same(format!("Content-Type: text/plain\r\n\r\nü{}", piece.repeat(300_000)).as_bytes());
    }
}

/// What must not change: the tree, and what each part says. Line ends of text may become CRLF.
fn said(message: &Message) -> Vec<(Option<usize>, Vec<u8>)> {
    let leaves = message.nodes().map(|(_, node)| {
        let mut content = node.decoded().octets.to_vec();
        if !node.children.is_empty() {
            content.clear();
        } else if is_text(node) || node.content_type.is_multipart() {
            content = content.escape_ascii().to_string().replace("\\r\\n", "\\n").into_bytes();
        }
        (node.parent, content)
    });
    leaves.collect()
}

/// The laws, on a message that is not refused.
fn assert_same(octets: &[u8]) {
    let octets = Bytes::copy_from_slice(octets);
    let Ok(out) = seven_bit(&octets, &Limits::default()) else { return };
    let shown = || format!("{}\n=> {}", octets.escape_ascii(), out.escape_ascii());
    assert!(can_cross(&out, true), "{}", shown());
    let out = Bytes::from(out.clone());
    let limits = Limits::default();
    for walk in [walk, walk_into_messages] {
        let (before, after) = (walk(&octets, &limits).unwrap(), walk(&out, &limits).unwrap());
        let unlike = said(&before) != said(&after);
        // A message inside is a part with a content of its own, which is what changes.
        let inside =
            before.leaves().any(|(_, node)| node.content_type.is_message() && node.encoding.is_identity());
        assert!(!unlike || inside, "{}", shown());
        assert!(after.nodes().all(|(_, node)| !matches!(
            node.encoding,
            Encoding::Binary | Encoding::EightBit
        )
            || before.nodes().any(|(_, node)| node.content_type.essence == "multipart/signed")));
    }
    assert_eq!(seven_bit(&out, &limits).unwrap(), out, "twice is once: {}", shown());
}

#[test]
fn a_multipart_whose_type_cannot_cross_keeps_its_parts() {
    assert_same(
        b"Content-Type: multipart/rel\0ted; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
    );
    assert_same(b"Content-Type: multipart/rel\0/mixed\r\n\r\nno part\r\n");
    assert_same(b"Content-Type: message/r\xFFfc822\r\n\r\nlines\n\n");
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let fixed = [
        "Content-Type: multipart/mixed; boundary=b\r\n",
        "Content-Type: multipart/mixed; boundary=\"b\"; x=\"é\"\n",
        "Content-Type: multipart/digest; boundary=c\r\n",
        "Content-Type: multipart/signed; boundary=c\r\n",
        "Content-Type: message/rfc822\r\n",
        "Content-Type: text/plain; charset=utf-16\r\n",
        "Content-Type: image/gif; name=\"é\"\r\n",
        "Content-Type: text/\r\n",
        "Content-Transfer-Encoding: binary\r\n",
        "Content-Transfer-Encoding: 8bit\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        "Content-Transfer-Encoding: quoted-printable\r\n",
        "Subject: é\r\n",
        "From é\r\n",
        "--b\r\n",
        "--b--\r\n",
        "\r\n--b\r\n",
        "\n--c\n",
        "--c-- \t\r\n",
        "--b",
        "\r\n",
        "\n",
        "\r",
        "\0",
        " ",
        "é",
        "-",
        ":",
        "=",
        "=0A",
        "Zm9v",
        "x: ",
    ];
    prop_oneof![
        8 => prop::sample::select(fixed.to_vec()).prop_map(|it| it.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
        1 => prop::sample::select(vec!["a", " ", "é"]).prop_map(|it| it.repeat(1001).into_bytes()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn the_laws_hold_for_any_message(pieces in prop::collection::vec(piece(), 0..24)) {
        assert_same(&pieces.concat());
    }

    #[test]
    fn the_laws_hold_for_any_body(body in "(?s).{0,300}", kind in "text/plain|image/gif", label in "8bit|binary|base64|quoted-printable") {
        assert_same(format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: {label}\r\n\r\n{body}").as_bytes());
    }
}
#[test]
fn a_boundary_behind_more_parameters_than_are_read_is_none_before_and_after() {
    let limits = Limits { parameters: 3, ..Limits::default() };
    let message = "Content-Type: multipart/mixed; a=1; b=2; c=\u{e9}; boundary=\"\u{e9}\"\r\n\r\ntext\r\n";
    let out = seven_bit(&Bytes::from(message), &limits).unwrap();
    assert!(!String::from_utf8_lossy(&out).contains("boundary"), "{}", out.escape_ascii());
    assert_eq!(seven_bit(&Bytes::from(out.clone()), &limits).unwrap(), out);
}
