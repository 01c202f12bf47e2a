//! Input that wants to do harm: no header comes out that nobody wrote, nothing takes more than linear time.

use std::time::{Duration, Instant};

use bytes::Bytes;
use cedrat_mapping::mail;
use cedrat_message::{
    Address, Class, MailAddress, PartKind, Party, Role, Shown, TransferEncoding, UnknownField,
};
use cedrat_mime::{Headers, Limits};
use proptest::prelude::*;

use crate::mms_to_mail::{mms, part};
use crate::support::{NOW, TABLES, envelope, message_of, octets, read_mail, reading, write_mail};

/// Text with everything that could end a line or a value.
fn wild() -> impl Strategy<Value = String> {
    prop_oneof![
        "(?s).{0,40}",
        "[a-z \r\n:\u{0}<>\"@;,=?]{0,60}",
        Just("x\r\nBcc: victim@mail.example\r\n\r\nbody".to_string()),
        Just("=?utf-8?Q?a=0D=0ABcc:_v?=".to_string()),
    ]
}

proptest! {
    #[test]
    fn no_value_brings_in_a_header_of_its_own(
        subject in wild(), display in wild(), id in wild(), name in wild(), cid in wild(), class in wild(),
        unknown in wild(), local in "[^\u{0}-\u{1f}\u{7f}-\u{10ffff}<>]{1,30}",
    ) {
        let mut message = mms();
        message.id = id.clone();
        message.mail_id = Some(id);
        message.subject = Some(subject);
        message.class = Some(Class::Other(class));
        message.envelope_id = None;
        let address = MailAddress::new(&local, "mail.example").unwrap();
        let party = Party { address: Address::Mail(address), display: Some(display) };
        message.originator = Some(party.clone());
        message.shown = vec![Shown { role: Role::To, party: party.clone() }, Shown { role: Role::Cc, party }];
        message.unknown = vec![
            UnknownField { name: "References".into(), value: unknown.clone() },
            UnknownField { name: unknown.clone(), value: unknown.clone() },
            UnknownField { name: "Received".into(), value: unknown },
        ];
        let media = &mut message.content.parts[2];
        (media.name, media.content_id, media.location) = (Some(name.clone()), Some(cid.clone()), Some(cid.clone()));
        media.media_type = name.clone();
        media.parameters = vec![(name, cid)];

        let (sent, _) = write_mail(&message).unwrap();
        let (headers, body) = Headers::parse(&sent.content, &Limits::default()).unwrap();
        let names: Vec<_> = headers.iter().map(|header| header.name().to_string()).collect();
        let expected = [
            "Received", "Received", "Date", "From", "To", "Cc", "Message-ID", "Subject", "X-Mms-Message-ID",
            "X-Mms-Message-Class", "References", "MIME-Version", "Content-Type",
        ];
        let written: Vec<_> = expected.iter().filter(|name| names.iter().any(|it| it == *name) || !["X-Mms-Message-ID"].contains(name)).collect();
        prop_assert_eq!(names.iter().collect::<Vec<_>>(), written);
        prop_assert!(!sent.mail_from.contains(['\r', '\n', '<', '>']));
        let tree = cedrat_mime::walk(&sent.content, &Limits::default()).unwrap();
        prop_assert!(body <= sent.content.len());
        for (_, leaf) in tree.leaves() {
            for header in &leaf.headers {
                prop_assert!(header.name().starts_with("Content-"), "{}", header.name());
            }
        }
        prop_assert_eq!(tree.leaves().count(), 3);
    }

    #[test]
    fn any_octets_are_a_mail_or_a_refusal(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok((cedrat_mapping::Inbound::Message(message), _)) = read_mail(&octets, &envelope("", &["+447700900002"])) {
            let _written = write_mail(&message);
        }
    }

    #[test]
    fn any_headers_and_structure_are_a_mail_or_a_refusal(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "From: ", "To: ", "Resent-From: ", "Resent-Date: ", "Subject: ", "\r\n", "\n", "\r\n\r\n", "--b", "--b--",
            "Content-Type: multipart/alternative; boundary=b", "Content-Type: multipart/signed; boundary=b",
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b", "Content-Type: message/delivery-status",
            "Content-Type: text/html", "Content-Type: application/smil", "Content-Type: text/plain; charset=utf-16; format=flowed",
            "Content-Transfer-Encoding: base64", "Content-Type: application/pkcs7-mime", "<img src=cid:x>", "a@b.example",
            "Final-Recipient: rfc822; x@y.example", "Action: failed", "=?utf-8?B?", "é", "\u{0}", "Content-ID: <x>", "hi",
        ]), 0..40)
    ) {
        let mail = pieces.concat();
        if let Ok((cedrat_mapping::Inbound::Message(message), _)) = read_mail(mail.as_bytes(), &envelope("", &["+447700900002"])) {
            let _written = write_mail(&message);
            let mut anew = message;
            anew.content.original = None;
            if let Ok((sent, _)) = write_mail(&anew) {
                prop_assert!(sent.content.is_ascii());
            }
        }
    }

    #[test]
    fn any_medium_survives_in_any_encoding(data in prop::collection::vec(any::<u8>(), 0..300), binary: bool) {
        let mut message = mms();
        let encoding = if binary { TransferEncoding::Binary } else { TransferEncoding::EightBit };
        message.content.parts = vec![part(PartKind::Media, "image/jpeg", &data, encoding)];
        let (sent, _) = write_mail(&message).unwrap();
        let back = message_of(&sent.content);
        prop_assert_eq!(octets(&back.content.parts[0]), data);
    }
}

#[test]
fn a_parser_bomb_ends_in_a_refusal() {
    let mut deep = String::from("From: a@x.example\r\n");
    for level in 0..100 {
        deep.push_str(&format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"));
    }
    assert!(read_mail(deep.as_bytes(), &envelope("", &["+447700900002"])).is_err());
    let many =
        format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\nx\r\n".repeat(5_000));
    assert!(read_mail(many.as_bytes(), &envelope("", &["+447700900002"])).is_err());
}

/// Twice the input may take about twice the time; four times is the sign of a square.
#[test]
fn large_bodies_take_linear_time() {
    let time = |octets: usize, make: &dyn Fn(usize) -> Vec<u8>| {
        let mail = Bytes::from(make(octets));
        let start = Instant::now();
        let read = mail::inbound(&TABLES, &mail, &envelope("", &["+447700900002"]), &reading(), NOW);
        if let Ok((cedrat_mapping::Inbound::Message(mut message), _)) = read {
            message.content.original = None;
            write_mail(&message).unwrap();
        }
        start.elapsed().max(Duration::from_millis(2))
    };
    let base64 = |octets: usize| {
        let line = format!("{}\r\n", "QUJD".repeat(19));
        let body = line.repeat(octets / line.len());
        format!("Content-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}").into_bytes()
    };
    let html = |octets: usize| {
        format!("Content-Type: text/html\r\n\r\n{}", "<div><b ".repeat(octets / 8)).into_bytes()
    };
    let quoted =
        |octets: usize| format!("\r\n{}", "> a b\r\nOn x wrote:\r\n".repeat(octets / 20)).into_bytes();
    let one_line = |octets: usize| format!("\r\n{}", "é".repeat(octets / 2)).into_bytes();
    for make in [&base64 as &dyn Fn(usize) -> Vec<u8>, &html, &quoted, &one_line] {
        let (small, large) = (time(1 << 19, make), time(1 << 21, make));
        println!("512 KiB {small:?}, 2 MiB {large:?}");
        assert!(large < small * 12, "512 KiB {small:?}, 2 MiB {large:?}");
    }
}
