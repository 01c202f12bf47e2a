use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use cedrat_mime::{Header, walk};
use proptest::option;
use proptest::prelude::*;

use super::dsn::{Action, Dsn, Recipient, Status};
use super::mdn::{Disposition, Mdn, Mode, Outcome};
use super::*;

const COVER: Cover<'_> = Cover {
    from: "Mail Delivery <postmaster@gw.example>",
    to: "alice@mail.example",
    subject: "Zustellung: Grüße",
    message_id: "r1@gw.example",
    date: "Tue, 3 Nov 2026 10:00:00 +0000",
    boundary: "=_report_7f3a",
};

fn read(octets: impl Into<Bytes>) -> Message {
    walk(&octets.into(), &Limits::default()).unwrap()
}

/// RFC 3464 appendix E, example 1.
const SIMPLE: &str = "Date: Thu, 7 Jul 1994 17:16:05 -0400\nFrom: Mail Delivery Subsystem <MAILER-DAEMON@CS.UTK.EDU>\n\
    Message-Id: <199407072116.RAA14128@CS.UTK.EDU>\nSubject: Returned mail: Cannot send message for 5 days\n\
    To: <owner-info-mime@cs.utk.edu>\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status;\n\
    \x20     boundary=\"RAA14128.773615765/CS.UTK.EDU\"\n\n--RAA14128.773615765/CS.UTK.EDU\n\n\
    The original message was received at Sat, 2 Jul 1994 17:10:28 -0400\nfrom root@localhost\n\n\
    --RAA14128.773615765/CS.UTK.EDU\ncontent-type: message/delivery-status\n\nReporting-MTA: dns; cs.utk.edu\n\n\
    Original-Recipient: rfc822;louisl@larry.slip.umd.edu\nFinal-Recipient: rfc822;louisl@larry.slip.umd.edu\n\
    Action: failed\nStatus: 4.0.0\nDiagnostic-Code: smtp; 426 connection timed out\n\
    Last-Attempt-Date: Thu, 7 Jul 1994 17:15:49 -0400\n\n--RAA14128.773615765/CS.UTK.EDU\n\
    content-type: message/rfc822\n\nMessage-ID: <o1@cs.utk.edu>\nSubject: original\n\nbody\n\n\
    --RAA14128.773615765/CS.UTK.EDU--\n";

#[test]
fn the_example_of_rfc_3464_is_read() {
    let message = read(SIMPLE);
    assert_eq!(detect(&message), Some(Kind::Delivery));
    let dsn = dsn::parse(&message).unwrap();
    assert_eq!(dsn.reporting_mta, Some(Typed::new("dns", "cs.utk.edu")));
    assert_eq!(dsn.original_message_id().as_deref(), Some("o1@cs.utk.edu"));
    assert!(dsn.text.starts_with("The original message was received"));
    let [recipient] = dsn.recipients.as_slice() else { panic!("{dsn:?}") };
    assert_eq!(recipient.final_recipient, Some(Typed::new("rfc822", "louisl@larry.slip.umd.edu")));
    assert_eq!(recipient.action, Some(Action::Failed));
    assert_eq!(recipient.status, Some(Status { class: 4, subject: 0, detail: 0 }));
    assert_eq!(recipient.diagnostic_code, Some(Typed::new("smtp", "426 connection timed out")));
    assert_eq!(recipient.last_attempt_date.as_deref(), Some("Thu, 7 Jul 1994 17:15:49 -0400"));
}

#[test]
fn the_example_of_rfc_8098_is_read() {
    let octets = "Date: Wed, 20 Sep 1995 00:19:00 (EDT) -0400\nFrom: Joe Recipient <Joe_Recipient@example.com>\n\
        Message-Id: <199509200019.12345@example.com>\nSubject: Re: First draft of report\nTo: Jane Sender \
        <Jane_Sender@example.org>\nMIME-Version: 1.0\nContent-Type: multipart/report;\n    report-type=disposition-notification;\n    \
        boundary=\"RAA14128.773615765/example.com\"\n\n--RAA14128.773615765/example.com\nContent-type: text/plain; charset=utf-8\n\n\
        The message sent on 1995 Sep 19 has been displayed.\n--RAA14128.773615765/example.com\nContent-type: \
        message/disposition-notification\n\nReporting-UA: joes-pc.cs.example.com; Foomail 97.1\nOriginal-Recipient: \
        rfc822;Joe_Recipient@example.com\nFinal-Recipient: rfc822;Joe_Recipient@example.com\nOriginal-Message-ID: \
        <199509192301.23456@example.org>\nDisposition: manual-action/MDN-sent-manually; displayed\n\n\
        --RAA14128.773615765/example.com\nContent-type: message/rfc822\n\n[original message goes here]\n\n\
        --RAA14128.773615765/example.com--\n";
    let message = read(octets);
    assert_eq!(detect(&message), Some(Kind::Disposition));
    let mdn = mdn::parse(&message).unwrap();
    assert_eq!(mdn.reported_message_id().as_deref(), Some("199509192301.23456@example.org"));
    assert_eq!(mdn.final_recipient, Some(Typed::new("rfc822", "Joe_Recipient@example.com")));
    let manual = Mode::Manual;
    let displayed =
        Disposition { action: manual, sending: manual, outcome: Outcome::Displayed, modifiers: vec![] };
    assert_eq!(mdn.disposition, Some(displayed));
    assert_eq!(mdn.original, None);
}

#[test]
fn reports_of_careless_mailers_are_read() {
    let octets = "Content-Type: multipart/mixed; boundary=o\n\n--o\n\nfooter below\n--o\nContent-Type: Multipart/Report; \
        Report-Type=Delivery-Status; boundary=i\n\n--i\nContent-Type: text/html\n\n<p>Not <b>delivered</b></p>\n--i\n\
        Content-Type: text/plain\n\nREPORTING-MTA: mx.test\nFinal-recipient: <a@x.test>\naction: Failed (hard)\n\
        Final-Recipient: RFC822; b@x.test\nstatus: 4.4.7 (delayed)\nnonsense\nX-Queue: 1\n\n--i--\n--o--\n";
    let message = read(octets);
    let dsn = dsn::parse(&message).unwrap();
    assert_eq!(dsn.reporting_mta, Some(Typed::new("", "mx.test")));
    let [a, b] = dsn.recipients.as_slice() else { panic!("{dsn:?}") };
    assert_eq!(
        (a.final_recipient.as_ref().unwrap().value.as_str(), a.action),
        ("a@x.test", Some(Action::Failed))
    );
    assert_eq!((b.status.unwrap().to_string().as_str(), b.action), ("4.4.7", Some(Action::Delayed)));
    assert_eq!(b.extensions.first("x-queue"), Some("1"));
    assert_eq!(dsn.original, None);
}

#[test]
fn ordinary_mail_is_no_report() {
    assert_eq!(detect(&read("Subject: x\n\nReporting-MTA: dns; x\n")), None);
    let mixed = "Content-Type: multipart/mixed; boundary=o\n\n--o\n\na\n--o\nContent-Type: text/plain\n\nAction: failed\n--o--\n";
    assert_eq!(detect(&read(mixed)), None);
}

#[test]
fn a_report_is_complete_and_answers_no_one() {
    let dsn = Dsn { text: "words ".repeat(5000), ..Dsn::default() };
    let octets = dsn::generate(&COVER, &dsn).unwrap();
    assert!(octets.is_ascii() && octets.len() < 24_000);
    let hostile = Recipient {
        final_recipient: Some(Typed::new("rfc822", "a@x.test")),
        diagnostic_code: Some(Typed::new(
            "smtp",
            ["550 ", &"ü".repeat(5000), "\r\nAction: delivered"].concat(),
        )),
        extensions: Headers::from_iter([Header::new("X-Long", "x".repeat(2000))]),
        ..Recipient::default()
    };
    let dsn = Dsn { recipients: vec![hostile], ..dsn };
    let octets = dsn::generate(&COVER, &dsn).unwrap();
    assert!(octets.is_ascii() && octets.split(|octet| *octet == b'\n').all(|line| line.len() <= 999));
    let back = dsn::parse(&read(octets.clone())).unwrap();
    assert_eq!(back.recipients[0].action, None, "a value cannot smuggle in a field");
    let message = read(octets);
    let headers = &message.root().headers;
    assert_eq!(headers.first("Auto-Submitted"), Some("auto-replied"));
    assert_eq!(headers.first("Message-ID"), Some("<r1@gw.example>"));
    assert_eq!(crate::value::unstructured(headers.first("Subject").unwrap()), "Zustellung: Grüße");
    assert!(message.nodes().all(|(_, node)| node.damage.is_none()));
}

#[test]
fn a_header_too_large_to_return_does_not_take_the_identifier_with_it() {
    let original = Headers::from_iter([
        Header::new("X-Large", "x ".repeat(50_000)),
        Header::new("Message-ID", "<o@x.test>"),
    ]);
    let dsn = Dsn { original: Some(original), ..Dsn::default() };
    let read_back = dsn::parse(&read(dsn::generate(&COVER, &dsn).unwrap())).unwrap();
    assert_eq!(read_back.original_message_id().as_deref(), Some("o@x.test"));
    assert_eq!(read_back.original.unwrap().len(), 1);
}

fn word() -> impl Strategy<Value = String> {
    "[!-~]{1,12}( [!-~]{1,12}){0,12}"
}

fn typed() -> impl Strategy<Value = Typed> {
    let ascii = ("dns|smtp|x-local", word()).prop_map(|(kind, value)| Typed { kind, value });
    let address =
        ("rfc822", "[a-z0-9+/=.]{1,20}@[a-z]{1,9}\\.test").prop_map(|(kind, value)| Typed { kind, value });
    let wide = ("utf-8", "[a-zäß日]{1,9}@ä\\.test").prop_map(|(kind, value)| Typed {
        kind: if value.is_ascii() { "rfc822".into() } else { kind },
        value,
    });
    prop_oneof![ascii, address, wide]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec("[a-zA-Zäß€>. -]{0,200}", 0..5).prop_map(|lines| {
        let lines: Vec<_> = lines.iter().map(|line| line.trim_end()).collect();
        String::from(lines.join("\n").trim_end_matches('\n'))
    })
}

fn headers(prefix: &'static str, values: &'static str) -> impl Strategy<Value = Headers> {
    prop::collection::vec(("[A-Z][a-z]{2,9}", values), 0..4).prop_map(move |pairs| {
        pairs.into_iter().map(|(name, value)| Header::new([prefix, &name].concat(), value)).collect()
    })
}

prop_compose! {
    fn recipient()(
        (original_recipient, final_recipient) in (option::of(typed()), typed().prop_map(Some)),
        action in prop::sample::select(vec![
            Action::Delayed, Action::Delivered, Action::Expanded, Action::Failed, Action::Relayed,
        ]).prop_map(Some),
        status in option::of((prop::sample::select(vec![2, 4, 5]), 0..1000_u16, 0..1000_u16))
            .prop_map(|it| it.map(|(class, subject, detail)| Status { class, subject, detail })),
        (remote_mta, diagnostic_code) in (option::of(typed()), option::of(typed())),
        (last_attempt_date, final_log_id, will_retry_until) in (option::of(word()), option::of(word()), option::of(word())),
        extensions in headers("X-", "[ -~]{0,120}"),
    ) -> Recipient {
        Recipient {
            original_recipient, final_recipient, action, status, remote_mta, diagnostic_code, last_attempt_date,
            final_log_id, will_retry_until, extensions,
        }
    }
}

prop_compose! {
    fn any_dsn()(
        (envelope_id, arrival_date) in (option::of(word()), option::of(word())),
        (reporting_mta, dsn_gateway, received_from_mta) in (option::of(typed()), option::of(typed()), option::of(typed())),
        extensions in headers("X-", "[ -~]{0,120}"),
        recipients in prop::collection::vec(recipient(), 0..4),
        text in text(),
        original in option::of(headers("", "[ -~]{0,120}|\\PC{0,40}").prop_filter("some", |it| !it.is_empty())),
    ) -> Dsn {
        Dsn {
            envelope_id, reporting_mta, dsn_gateway, received_from_mta, arrival_date, extensions, recipients, text, original,
        }
    }
}

prop_compose! {
    fn any_mdn()(
        reporting_ua in option::of(word()),
        (mdn_gateway, original_recipient, final_recipient) in (option::of(typed()), option::of(typed()), option::of(typed())),
        original_message_id in option::of("[a-z0-9.]{1,20}@[a-z]{1,9}\\.test"),
        disposition in option::of((any::<bool>(), any::<bool>(), prop::sample::select(vec![
            Outcome::Deleted, Outcome::Denied, Outcome::Dispatched, Outcome::Displayed, Outcome::Failed, Outcome::Processed,
        ]), prop::collection::vec("[a-z]{1,9}", 0..3))),
        extensions in headers("X-", "[ -~]{0,120}"),
        text in text(),
        original in option::of(headers("", "[ -~]{0,120}|\\PC{0,40}").prop_filter("some", |it| !it.is_empty())),
    ) -> Mdn {
        let mode = |automatic| if automatic { Mode::Automatic } else { Mode::Manual };
        let disposition = disposition.map(|(action, sending, outcome, modifiers)| {
            Disposition { action: mode(action), sending: mode(sending), outcome, modifiers }
        });
        Mdn {
            reporting_ua, mdn_gateway, original_recipient, final_recipient, original_message_id, disposition, extensions,
            text, original,
        }
    }
}

proptest! {
    #[test]
    fn a_written_delivery_report_is_read_back(dsn in any_dsn()) {
        let octets = dsn::generate(&COVER, &dsn).unwrap();
        prop_assert!(octets.split(|octet| *octet == b'\n').all(|line| line.len() <= 999));
        prop_assert_eq!(dsn::parse(&read(octets)), Some(dsn));
    }

    #[test]
    fn a_written_disposition_report_is_read_back(mdn in any_mdn()) {
        let octets = mdn::generate(&COVER, &mdn).unwrap();
        prop_assert_eq!(mdn::parse(&read(octets)), Some(mdn));
    }

    #[test]
    fn no_status_part_breaks_the_reader(body in "([A-Za-z-]{0,9}:?[ ;a-z0-9./]{0,9}\n){0,12}|\\PC{0,80}") {
        let octets = ["Content-Type: message/delivery-status\n\n", &body].concat();
        prop_assert!(dsn::parse(&read(octets)).is_some());
        let _ = (Status::parse(&body), Disposition::parse(&body), Typed::parse(&body));
    }
}
