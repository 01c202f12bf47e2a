use alloc::string::ToString;
use alloc::vec;

use super::*;
use crate::address::Envelope;
use crate::mm4::{
    ExpiryValue, Indexed, Limits, MessageClass, MmStatus, Priority, ReadStatus, RequestStatus, Strictness,
};
use crate::quirks::{ExpiryForm, ForwardTrace, HeaderCase, IdQuotes, ResAddress, ResHeaders};

/// 18 January 2022, 00:23:39 UTC.
const NOW: i64 = 1_642_465_419_000;

fn style(quirks: &Quirks) -> WriteStyle<'_> {
    WriteStyle { quirks, system: "system-user@mms.own.test", domain: "mms.own.test", now: NOW }
}

fn text(pdu: &Pdu) -> String {
    let mut out = Vec::new();
    pdu.encode(&mut out);
    let back = Pdu::decode(&Bytes::from(out.clone()), &Limits::default()).unwrap();
    assert_eq!(&back, pdu, "what is written is read back");
    String::from_utf8(out).unwrap()
}

fn request() -> ForwardReq {
    let to = vec![MmsAddress::plmn("+15550120002"), MmsAddress::mail("j", "host.test")];
    let from = MmsAddress::plmn("+15550120001");
    ForwardReq {
        date: Some(NOW),
        message_class: Some(MessageClass::Personal),
        expiry: Some(ExpiryValue::After(3600)),
        delivery_report: Some(true),
        priority: Some(Priority::High),
        ack_request: Some(true),
        subject: Some("Hello".into()),
        forward_counter: Some(1),
        previously_sent_by: vec![Indexed { index: 0, value: MmsAddress::plmn("+15550120009") }],
        previously_sent_dates: vec![Indexed { index: 0, value: NOW }],
        rfc5322_message_id: Some("m1@mms.own.test".into()),
        extra: vec![Header::new("X-Mms-Tomorrow", "1"), Header::new("x-mms-priority", "Low")],
        ..ForwardReq::new(Id::new("\"t1\""), Id::new("m1"), from, to, "text/plain; charset=utf-8")
    }
}

#[test]
fn a_forward_request_in_the_3gpp_reading() {
    let quirks = Quirks::default();
    let pdu = request().pdu(&style(&quirks), Bytes::from_static(b"hi"));
    let wanted = [
        "X-Mms-3GPP-MMS-Version: 5.5.0",
        "X-Mms-Message-Type: MM4_forward.REQ",
        "X-Mms-Transaction-ID: \"t1\"",
        "X-Mms-Message-ID: m1",
        "To: +15550120002/TYPE=PLMN, j@host.test",
        "From: +15550120001/TYPE=PLMN",
        "Content-Type: text/plain; charset=utf-8",
        "X-Mms-Message-Class: Personal",
        "Date: Tue, 18 Jan 2022 00:23:39 +0000",
        "X-Mms-Expiry: Tue, 18 Jan 2022 01:23:39 GMT",
        "X-Mms-Delivery-Report: Yes",
        "X-Mms-Priority: High",
        "Subject: Hello",
        "X-Mms-Ack-Request: Yes",
        "X-Mms-Originator-System: system-user@mms.own.test",
        "X-Mms-Forward-Counter: 1",
        "X-Mms-Previously-sent-by: 0, +15550120009/TYPE=PLMN",
        "X-Mms-Previously-sent-date-and-time: 0, Tue, 18 Jan 2022 00:23:39 GMT",
        "Sender: system-user@mms.own.test",
        "Message-ID: <m1@mms.own.test>",
        "MIME-Version: 1.0",
        "X-Mms-Tomorrow: 1",
        "",
        "hi",
    ];
    assert_eq!(text(&pdu), wanted.join("\r\n"));
    assert_eq!(pdu.missing(Strictness::Specified), []);
    assert_eq!(pdu.missing(Strictness::Operator), []);
}

#[test]
fn each_key_changes_what_it_names_and_nothing_else() {
    let plain = text(&request().pdu(&style(&Quirks::default()), Bytes::new()));
    let changed = |quirks: Quirks| -> Vec<String> {
        let written = text(&request().pdu(&style(&quirks), Bytes::new()));
        let lines: Vec<&str> = plain.lines().collect();
        written.lines().filter(|line| !lines.contains(line)).map(ToString::to_string).collect()
    };
    let base = Quirks::default;
    assert_eq!(
        changed(Quirks { mms_version: "6.10.0".into(), ..base() }),
        ["X-Mms-3GPP-MMS-Version: 6.10.0"]
    );
    assert_eq!(changed(Quirks { id_quotes: IdQuotes::Strip, ..base() }), ["X-Mms-Transaction-ID: t1"]);
    assert_eq!(changed(Quirks { id_quotes: IdQuotes::Add, ..base() }), ["X-Mms-Message-ID: \"m1\""]);
    assert_eq!(
        changed(Quirks { date_form: DateForm::HttpDate, ..base() }),
        ["Date: Tue, 18 Jan 2022 00:23:39 GMT"]
    );
    assert_eq!(changed(Quirks { expiry_form: ExpiryForm::Seconds, ..base() }), ["X-Mms-Expiry: 3600"]);
    assert_eq!(
        changed(Quirks { expiry_form: ExpiryForm::Rfc3339, ..base() }),
        ["X-Mms-Expiry: 2022-01-18T01:23:39Z"]
    );
    let originator = Quirks { sender_header: SenderHeader::Originator, ..base() };
    assert_eq!(changed(originator), ["Sender: +15550120001/TYPE=PLMN@mms.own.test"]);
    let none = request().pdu(&style(&Quirks { sender_header: SenderHeader::None, ..base() }), Bytes::new());
    assert_eq!(none.sender(), None);
    let pass = request().pdu(&style(&Quirks { forward_trace: ForwardTrace::Pass, ..base() }), Bytes::new());
    assert!(pass.previously_sent_by().is_empty() && pass.forward_counter() == Some(1));
    assert_eq!(
        changed(Quirks { address_form: AddressForm::E164, ..base() }),
        ["To: +15550120002, j@host.test", "From: +15550120001", "X-Mms-Previously-sent-by: 0, +15550120009"]
    );
    let lower = changed(Quirks { header_case: HeaderCase::LowerThreeGpp, ..base() });
    assert!(lower.contains(&"X-Mms-3gpp-Mms-Version: 5.5.0".to_string()));
    assert!(lower.contains(&"X-Mms-Transaction-Id: \"t1\"".to_string()));
}

#[test]
fn many_recipients_are_folded() {
    let mut wide = request();
    wide.to = (0..20).map(|n| MmsAddress::plmn(format!("+155501200{n:02}"))).collect();
    let written = text(&wide.pdu(&style(&Quirks::default()), Bytes::new()));
    assert!(written.lines().all(|line| line.len() <= 78));
}

#[test]
fn a_response_echoes_the_ids_of_the_request() {
    let request = Pdu::decode(
        &Bytes::from_static(
            b"X-Mms-Transaction-Id: \"t@x\"\r\nX-Mms-Message-ID: m\r\nX-Mms-Originator-System: ops@mms.peer.test\r\n\r\n",
        ),
        &Limits::default(),
    )
    .unwrap();
    let quirks = Quirks::default();
    let to = response_address(&request, &Envelope::Null, quirks.res_address).unwrap();
    let mut response = Response::answering(&request, to, RequestStatus::ContentNotAccepted).unwrap();
    response.date = Some(NOW);
    response.status_text = Some("too large".into());
    response.request_recipients = vec![MmsAddress::plmn("+15550120002")];
    let wanted = [
        "X-Mms-3GPP-MMS-Version: 5.5.0",
        "X-Mms-Message-Type: MM4_forward.RES",
        "X-Mms-Transaction-ID: \"t@x\"",
        "X-Mms-Message-ID: m",
        "To: ops@mms.peer.test",
        "From: system-user@mms.own.test",
        "Content-Type: text/plain; charset=us-ascii",
        "Date: Tue, 18 Jan 2022 00:23:39 +0000",
        "X-Mms-Request-Status-Code: Error-content-not-accepted",
        "X-Mms-Status-Text: too large",
        "X-Mms-Request-Recipients: +15550120002/TYPE=PLMN",
        "Sender: system-user@mms.own.test",
        "MIME-Version: 1.0",
        "",
        "",
    ];
    let whole = response.pdu(&style(&quirks));
    assert_eq!(text(&whole), wanted.join("\r\n"));
    assert_eq!(whole.missing(Strictness::Minimal), []);
    let minimal = response.pdu(&style(&Quirks { res_headers: ResHeaders::Minimal, ..quirks }));
    assert_eq!(minimal.headers.len(), 8);
    assert_eq!(minimal.missing(Strictness::Minimal), []);
    assert_eq!(Response::answering(&whole, MmsAddress::mail("a", "b.test"), RequestStatus::Ok), None);
}

#[test]
fn a_response_goes_where_somebody_can_be_reached() {
    let pdu =
        |lines: &'static str| Pdu::decode(&Bytes::from_static(lines.as_bytes()), &Limits::default()).unwrap();
    let both = pdu("Sender: s@a.test\r\nX-Mms-Originator-System: o@b.test\r\n\r\n");
    let null = Envelope::Null;
    let local = |address: Option<MmsAddress>| address.map(|address| address.local);
    assert_eq!(local(response_address(&both, &null, ResAddress::OriginatorSystem)).as_deref(), Some("o"));
    assert_eq!(local(response_address(&both, &null, ResAddress::Sender)).as_deref(), Some("s"));
    let bare = pdu("Sender: +15550120001/TYPE=PLMN\r\nX-Mms-Originator-System: PostMaster\r\n\r\n");
    let path = crate::address::envelope("<mms@c.test>");
    assert_eq!(local(response_address(&bare, &path, ResAddress::Sender)).as_deref(), Some("mms"));
    assert_eq!(response_address(&bare, &null, ResAddress::Sender), None);
}

#[test]
fn reports_carry_what_strict_peers_insist_on() {
    let quirks = Quirks::default();
    let delivery = DeliveryReportReq {
        transaction_id: Id::new("t2"),
        message_id: Id::new("\"m1\""),
        to: MmsAddress::plmn("+15550120001"),
        from: MmsAddress::plmn("+15550120002"),
        date: Some(NOW),
        ack_request: Some(false),
        status: MmStatus::Unrecognised,
        status_text: None,
        status_extension: None,
        forward_to_originator_ua: Some(true),
        application: Application::default(),
        rfc5322_message_id: Some("<r1@mms.own.test>".into()),
        extra: vec![],
    };
    let pdu = delivery.pdu(&style(&quirks));
    assert!(
        text(&pdu).contains("X-Mms-MM-Status-Code: Unrecognised\r\nX-Mms-Forward-To-Originator-UA: Yes\r\n")
    );
    assert_eq!(pdu.missing(Strictness::Operator), []);
    assert_eq!(pdu.missing(Strictness::Specified), []);
    let read = ReadReplyReportReq {
        transaction_id: Id::new("t3"),
        message_id: Id::new("m1"),
        to: MmsAddress::plmn("+15550120001"),
        from: MmsAddress::plmn("+15550120002"),
        date: Some(NOW),
        ack_request: None,
        status: ReadStatus::DeletedWithoutBeingRead,
        status_text: None,
        application: Application { applic_id: Some("org.example.chess".into()), ..Application::default() },
        rfc5322_message_id: None,
        extra: vec![],
    };
    let pdu = read.pdu(&style(&quirks));
    assert!(
        text(&pdu).contains(
            "X-Mms-Read-Status: Deleted without being read\r\nX-Mms-Applic-ID: org.example.chess\r\n"
        )
    );
    assert_eq!(pdu.missing(Strictness::Operator), []);
}

#[test]
fn headers_are_written_in_the_order_of_the_table() {
    let pdu = request().pdu(&style(&Quirks::default()), Bytes::new());
    let names: Vec<Name> = pdu.headers.iter().filter_map(|header| Name::read(header.name())).collect();
    assert!(names.is_sorted());
}

#[test]
fn no_value_can_open_another_header() {
    let mut evil = request();
    evil.subject = Some("x\r\nX-Mms-Message-Type: MM4_forward.RES".into());
    evil.to = vec![MmsAddress::plmn("1\r\nBcc: 2")];
    let written = text(&evil.pdu(&style(&Quirks::default()), Bytes::new()));
    assert!(!written.contains("\nBcc") && !written.contains("\nX-Mms-Message-Type: MM4_forward.RES"));
}
