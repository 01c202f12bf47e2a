use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::address::{AddressKind, MmsAddress};

fn decode(octets: impl AsRef<[u8]>) -> Pdu {
    try_decode(octets).unwrap()
}

fn try_decode(octets: impl AsRef<[u8]>) -> Result<Pdu, Error> {
    Pdu::decode(&Bytes::copy_from_slice(octets.as_ref()), &Limits::default())
}

fn encode(pdu: &Pdu) -> Vec<u8> {
    let mut out = Vec::new();
    pdu.encode(&mut out);
    out
}

fn vector(name: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors").join(name);
    let octets = std::fs::read(&path).ok();
    if octets.is_none() {
        std::eprintln!("skipped: no {}", path.display());
    }
    octets
}

/// Header lines with CRLF, an empty line and a body.
fn message(lines: &[&str]) -> String {
    format!("{}\r\n\r\nbody", lines.join("\r\n"))
}

// Real shapes.

#[test]
fn a_request_through_an_anti_spam_box_is_read() {
    let Some(octets) = vector("mm4/q1-req-brightmail-mixed.eml") else { return };
    let pdu = decode(&octets);
    assert_eq!(pdu.kind, Kind::ForwardReq);
    assert_eq!(pdu.mms_version(), Some("5.5.0"));
    assert_eq!(pdu.transaction_id(), Some(Id::new("v1x1Sv2C0TM.+447700900001")));
    assert_eq!(pdu.message_id(), Some(Id::new("v1x1Sv2C0TM.+447700900001")));
    assert_eq!(pdu.rfc5322_message_id(), Some("<1027781517.20856.1642033419865.JavaMail.callup@CMMSC4RM>"));
    assert_eq!(pdu.from(), Some(MmsAddress::plmn("+15551230001")));
    assert_eq!(pdu.sender(), Some(MmsAddress::plmn("+15551230001").at("mmsc.peer.test")));
    assert_eq!(pdu.to().len(), 1);
    assert_eq!((pdu.to()[0].local.as_str(), &pdu.to()[0].kind), ("+447700900001", &AddressKind::Unspecified));
    assert_eq!(
        pdu.originator_system().unwrap().written(crate::quirks::AddressForm::E164, ""),
        "PostMaster@mmsc.peer.test"
    );
    assert_eq!(pdu.ack_request(), Some(true));
    assert_eq!(pdu.subject(), Some(""));
    assert_eq!(pdu.message_class(), Some(MessageClass::Personal));
    assert_eq!(pdu.expiry(), Some(ExpiryValue::At(1_642_472_619_000)));
    assert_eq!(pdu.date(), Some(1_642_033_419_000));
    assert_eq!(pdu.priority(), Some(Priority::Normal));
    assert_eq!((pdu.delivery_report(), pdu.read_reply()), (Some(false), Some(false)));
    assert_eq!(pdu.forward_counter(), Some(1));
    assert_eq!(pdu.previously_sent_by()[0].value, MmsAddress::plmn("+15551230001"));
    assert_eq!(
        pdu.content_type(),
        Some("multipart/mixed; \tboundary=\"----=_Part_20854_10541.1642033419862\"")
    );
    assert_eq!(pdu.headers.first("x-auditid"), Some("c0a88227-f79606d000007975-e0-61df710b5eb5"));
    assert_eq!(encode(&pdu), octets, "relayed octet for octet");
}

#[test]
fn a_request_with_quoted_ids_is_read() {
    let Some(octets) = vector("mm4/q3-req-start-no-angle.eml") else { return };
    let pdu = decode(&octets);
    assert_eq!(pdu.kind, Kind::ForwardReq);
    let id = pdu.transaction_id().unwrap();
    assert_eq!(id.as_str(), "\"2617020191231125327581@mms.peer.test\"");
    assert_eq!(id.unquoted(), "2617020191231125327581@mms.peer.test");
    assert_eq!(pdu.to(), [MmsAddress::plmn("+447700900001")]);
    assert_eq!(pdu.originator_rs_delivery_report(), Some(false));
    assert_eq!(
        (pdu.priority(), pdu.message_class(), pdu.expiry()),
        (None, None, None),
        "absent stays absent"
    );
    assert_eq!(encode(&pdu), octets);
    assert_eq!(pdu.missing(Strictness::Minimal), []);
    assert_eq!(pdu.missing(Strictness::Specified), []);
}

#[test]
fn a_bare_response_is_read() {
    let Some(octets) = vector("mm4/q5-res-minimal-no-date-no-mime.eml") else { return };
    let pdu = decode(&octets);
    assert_eq!(pdu.kind, Kind::ForwardRes);
    assert_eq!(pdu.transaction_id(), Some(Id::new("jay0084F1EB040101091303")));
    assert_eq!(pdu.message_id(), Some(Id::new("2022011223272047801")));
    assert_eq!(pdu.request_status(), Some(RequestStatus::Ok));
    assert_eq!(pdu.from().unwrap().local, "postmaster");
    assert_eq!(pdu.from().unwrap().domain, None);
    assert_eq!(pdu.to(), [MmsAddress::mail("system-user", "mmsc.vc.test")]);
    assert_eq!(pdu.missing(Strictness::Minimal), []);
    assert_eq!(pdu.missing(Strictness::Specified), [Name::Date]);
}

#[test]
fn a_delivery_report_is_read() {
    let Some(octets) = vector("mm4/q7-delivery-report-3gpp.eml") else { return };
    let pdu = decode(&octets);
    assert_eq!(pdu.kind, Kind::DeliveryReportReq);
    assert_eq!(pdu.mm_status(), Some(MmStatus::Retrieved));
    assert!(pdu.message_id().unwrap().same_as(&Id::new("k4tr70p31rzs96@w.mms.peer.test")));
    assert_eq!(pdu.from(), Some(MmsAddress::plmn("+447700900001")));
    assert_eq!(pdu.to(), [MmsAddress::plmn("+15551230001")]);
    assert_eq!(pdu.missing(Strictness::Operator), [Name::ForwardToOriginatorUa]);
}

#[test]
fn the_fixtures_of_another_mmsc_are_read() {
    let Some(octets) = vector("vectorcore-mmsc/test/fixtures/mm4/delivery_report_req.eml") else { return };
    let pdu = decode(octets);
    assert_eq!(pdu.mm_status(), Some(MmStatus::Retrieved), "from X-Mms-Status, beside a request status");
    assert_eq!(pdu.originator_system().unwrap().domain.as_deref(), Some("mmsc.example.net"));
    let Some(octets) = vector("vectorcore-mmsc/test/fixtures/mm4/read_reply_report_req.eml") else { return };
    assert_eq!(decode(octets).read_status(), Some(ReadStatus::Read));
}

// One shape per row of the table of deviations.

#[test]
fn row_1_any_version_or_none() {
    for (line, version) in [
        ("X-Mms-3GPP-MMS-Version: 6.10.0", Some("6.10.0")),
        ("X-Mms-3GPP-Version: 1.0", Some("1.0")),
        ("X-Mms-3gpp-Mms-Version:5.5.0", Some("5.5.0")),
        ("X-Mms-Priority: Low", None),
    ] {
        assert_eq!(decode(message(&[line])).mms_version(), version);
    }
}

#[test]
fn row_2_names_in_any_case() {
    let pdu = decode(message(&[
        "X-Mms-message-Type: mm4_FORWARD.req",
        "x-mms-transaction-Id: t",
        "X-MMS-Message-Id: m",
        "X-Mms-Originator-R/S-Delivery-Report: yes",
    ]));
    assert_eq!(pdu.kind, Kind::ForwardReq);
    assert_eq!(pdu.transaction_id(), Some(Id::new("t")));
    assert_eq!(pdu.message_id(), Some(Id::new("m")));
    assert_eq!(pdu.originator_rs_delivery_report(), Some(true));
}

#[test]
fn row_3_ids_hold_anything() {
    let pdu = decode(message(&[
        "X-Mms-Transaction-ID: \"9/TYPE=PLMN+15550120001@h.test\"",
        "X-Mms-Message-ID: <a@b>",
    ]));
    assert_eq!(pdu.transaction_id().unwrap().as_str(), "\"9/TYPE=PLMN+15550120001@h.test\"");
    assert_eq!(pdu.message_id().unwrap().unquoted(), "a@b");
}

#[test]
fn row_4_addresses_without_domain_or_type() {
    let pdu = decode(message(&["From: +15550120001/TYPE=PLMN", "To: +15550120002", "X-Mms-Priority: Low"]));
    assert_eq!(pdu.from(), Some(MmsAddress::plmn("+15550120001")));
    assert_eq!(pdu.to()[0].domain, None);
    assert!(pdu.to()[0].is_number());
    assert!(!decode(message(&["From: PostMaster"])).from().unwrap().is_number());
}

#[test]
fn row_5_twenty_recipients_over_ten_lines() {
    let mut to = String::from("To: ");
    for n in 0..20 {
        to.push_str(&format!("+155501200{n:02}/TYPE=PLMN,{}", if n % 2 == 1 { "\r\n  " } else { " " }));
    }
    let pdu = decode(message(&[to.trim_end().trim_end_matches(','), "X-Mms-Message-ID: m"]));
    assert_eq!(pdu.to().len(), 20);
    assert_eq!(pdu.to()[19], MmsAddress::plmn("+15550120019"));
    assert_eq!(pdu.message_id(), Some(Id::new("m")));
}

#[test]
fn row_6_a_line_of_blanks_and_glued_values() {
    let pdu = decode(message(&[
        "To: +15550120002",
        " \t",
        "Content-Type:multipart/related;Start=\"<smil>\";Type=\"application/smil\"; ",
        "\tBoundary=b",
        "Subject: ",
        "Date: Tue Jan 18 2022 02:23:39 GMT+0200 (IST)",
    ]));
    assert_eq!(pdu.to().len(), 1);
    assert!(pdu.content_type().unwrap().ends_with("Boundary=b"));
    assert_eq!(pdu.subject(), Some(""));
    assert_eq!(pdu.date(), Some(1_642_465_419_000));
    assert_eq!(&pdu.body[..], b"body");
}

#[test]
fn row_8_a_response_with_less_and_one_with_more() {
    let less = decode(
        "X-Mms-Message-Type: MM4_forward.RES\nX-Mms-Transaction-ID: t\nX-Mms-Request-Status-Code: Ok\n",
    );
    assert_eq!((less.kind, less.request_status()), (Kind::ForwardRes, Some(RequestStatus::Ok)));
    let more = decode(message(&[
        "Subject: MM4_forward.RES",
        "X-Mms-Message-Type: MM4_forward.RES",
        "X-Mms-Status-Text: All is good.",
        "X-Mms-Request-Recipients: +15550120002",
        "X-Mms-Message-Class: Personal",
    ]));
    assert_eq!(more.status_text(), Some("All is good."));
    assert_eq!(more.request_recipients()[0].local, "+15550120002");
    assert_eq!(more.missing(Strictness::Minimal), [Name::TransactionId, Name::RequestStatusCode]);
}

#[test]
fn row_9_statuses_under_any_name() {
    for (line, status) in [
        ("X-Mms-Request-Status-Code: error-NETWORK-problem", RequestStatus::NetworkProblem),
        ("X-Mms-Response-Status: 128", RequestStatus::Ok),
        ("X-Mms-Status: 0", RequestStatus::Ok),
        ("x-mms-request-status-code: \"Ok\"", RequestStatus::Ok),
    ] {
        let pdu = decode(message(&["X-Mms-Message-Type: MM4_forward.RES", line]));
        assert_eq!(pdu.request_status(), Some(status), "{line}");
    }
    for line in ["X-Mms-MM-Status-Code: Unrecognized", "X-Mms-Status: unrecognised"] {
        let pdu = decode(message(&["X-Mms-Message-Type: MM4_Delivery_report.REQ", line]));
        assert_eq!((pdu.kind, pdu.mm_status()), (Kind::DeliveryReportReq, Some(MmStatus::Unrecognised)));
    }
    let own = decode(message(&["X-Mms-Message-Type: MM4_forward.RES", "X-Peer-State: Ok"]));
    assert_eq!(own.value_or(Name::RequestStatusCode, &["X-Peer-State"]), Some("Ok"));
}

#[test]
fn row_11_expiry_in_any_form() {
    for (text, expiry) in [
        ("Tue, 18 Jan 2022 00:23:39 GMT", ExpiryValue::At(1_642_465_419_000)),
        ("86400", ExpiryValue::After(86_400)),
        ("2022-01-18T00:23:39Z", ExpiryValue::At(1_642_465_419_000)),
    ] {
        assert_eq!(decode(message(&[&format!("X-Mms-Expiry: {text}")])).expiry(), Some(expiry));
    }
}

#[test]
fn row_12_traces_of_forwarding() {
    let pdu = decode(message(&[
        "X-Mms-Forward-Counter: 2",
        "X-Mms-Previously-sent-by: 1, +15550120009/TYPE=PLMN",
        "X-Mms-Previously-sent-by: 0, +15550120001/TYPE=PLMN",
        "X-Mms-Previously-sent-date-and-time: 0, Tue, 18 Jan 2022 00:23:39 GMT",
        "X-Mms-Forward-Route: hub-1",
    ]));
    assert_eq!(pdu.forward_counter(), Some(2));
    let by: Vec<_> = pdu.previously_sent_by().into_iter().map(|one| (one.index, one.value.local)).collect();
    assert_eq!(by, [(1, "+15550120009".to_string()), (0, "+15550120001".to_string())]);
    assert_eq!(pdu.previously_sent_dates(), [Indexed { index: 0, value: 1_642_465_419_000 }]);
    assert!(encode(&pdu).windows(26).any(|part| part == b"X-Mms-Forward-Route: hub-1"));
}

#[test]
fn rows_13_and_16_unknown_headers_are_kept_and_absent_ones_not_invented() {
    let text =
        message(&["X-Brightmail-Tracker: H4sI\r\n\tAAAA", "x-MMS-of-tomorrow:  42", "X-Mms-Priority:"]);
    let pdu = decode(&text);
    assert_eq!(encode(&pdu), text.as_bytes());
    assert_eq!((pdu.priority(), pdu.message_class(), pdu.delivery_report()), (None, None, None));
    assert_eq!(pdu.value(Name::Priority), Some(""));
}

// What kind a message is.

#[test]
fn a_message_without_a_type_is_a_request_and_never_a_response() {
    assert_eq!(decode("From: +15550120001\r\n\r\nhello").kind, Kind::ForwardReq);
    assert_eq!(decode("X-Mms-Request-Status-Code: Ok\r\n\r\n").kind, Kind::ForwardReq);
    assert_eq!(decode("X-Mms-Message-Type:\r\nX-Mms-Priority: Low\r\n\r\n").kind, Kind::ForwardReq);
    assert_eq!(try_decode("From: a@b.test\r\n\r\n \r\n").unwrap_err().kind, ErrorKind::Empty);
    assert_eq!(try_decode("").unwrap_err().kind, ErrorKind::Empty);
    let mm1 = try_decode("X-Mms-Message-Type: m-send-req\r\n\r\n").unwrap_err();
    assert_eq!(mm1.kind, ErrorKind::UnknownMessageType);
    assert_eq!(mm1.to_string(), "X-Mms-Message-Type names no MM4 PDU");
}

#[test]
fn the_six_types_read_in_any_spelling() {
    for kind in Kind::ALL {
        let token = kind.token();
        for spelling in [
            token.to_string(),
            token.to_lowercase(),
            token.replace(['_', '.'], "-"),
            format!(" \"{token}\" "),
        ] {
            assert_eq!(Kind::read(&spelling), Some(kind), "{spelling}");
        }
    }
    assert_eq!(Kind::read("MM4_read_reply.RES"), Some(Kind::ReadReplyReportRes));
    assert_eq!(Kind::read(&"MM4_forward.REQ".repeat(9)), None);
}

#[test]
fn header_limits_are_errors_that_say_where() {
    let octets = Bytes::from("A: 1\r\n".repeat(2000));
    let error = Pdu::decode(&octets, &Limits::default()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Header(_)) && error.at > 0);
}

// Laws.

/// Everything that the accessors say, without the spelling of IDs.
fn seen(pdu: &Pdu) -> impl PartialEq + core::fmt::Debug + use<> {
    (
        pdu.kind,
        pdu.transaction_id().map(|id| id.unquoted().to_string()),
        pdu.message_id().map(|id| id.unquoted().to_string()),
        (pdu.from(), pdu.to(), pdu.originator_system()),
        (pdu.date(), pdu.expiry(), pdu.ack_request(), pdu.delivery_report()),
        (pdu.originator_rs_delivery_report(), pdu.message_class(), pdu.priority(), pdu.forward_counter()),
        (pdu.sender_visibility(), pdu.read_reply(), pdu.mms_version().map(ToString::to_string)),
        pdu.body.clone(),
    )
}

const FIELDS: &[(&str, &str)] = &[
    ("X-Mms-3GPP-MMS-Version", "5.5.0"),
    ("X-Mms-Message-Type", "MM4_forward.REQ"),
    ("X-Mms-Transaction-ID", "t1@mms.peer.test"),
    ("X-Mms-Message-ID", "m+15550120001/TYPE=PLMN"),
    ("From", "+15550120001/TYPE=PLMN"),
    ("To", "+15550120002/TYPE=PLMN, +15550120003/TYPE=PLMN, +15550120002/TYPE=PLMN"),
    ("Date", "Tue, 18 Jan 2022 02:23:39 +0200"),
    ("X-Mms-Expiry", "Wed, 19 Jan 2022 00:23:39 GMT"),
    ("X-Mms-Ack-Request", "Yes"),
    ("X-Mms-Delivery-Report", "No"),
    ("X-Mms-Originator-R/S-Delivery-Report", "Yes"),
    ("X-Mms-Message-Class", "Auto"),
    ("X-Mms-Priority", "High"),
    ("X-Mms-Sender-Visibility", "Hide"),
    ("X-Mms-Read-Reply", "Yes"),
    ("X-Mms-Forward-Counter", "3"),
    ("X-Mms-Originator-System", "system-user@mms.peer.test"),
];

/// Values that a peer may write in any case or within quotes.
fn is_token(name: &str) -> bool {
    !matches!(
        name,
        "X-Mms-3GPP-MMS-Version"
            | "X-Mms-Transaction-ID"
            | "X-Mms-Message-ID"
            | "From"
            | "To"
            | "X-Mms-Originator-System"
    )
}

#[derive(Debug, Clone)]
struct Shape {
    case: u8,
    space: u8,
    quote: bool,
    fold: bool,
    blank_line: bool,
}

fn shaped(name: &str, value: &str, shape: &Shape) -> String {
    let name = match shape.case % 3 {
        0 => name.to_string(),
        1 => name.to_lowercase(),
        _ => name.to_uppercase(),
    };
    let mut value = value.to_string();
    if is_token(&name_of(&name)) && shape.case % 2 == 1 && !value.contains(':') {
        value = value.to_uppercase();
    }
    if shape.quote && (is_token(&name_of(&name)) || name_of(&name).ends_with("-ID")) {
        value = format!("\"{value}\"");
    }
    if shape.fold {
        value = value.replace(", ", ",\r\n\t");
    }
    let space = ["", " ", "\t", "  \r\n "][usize::from(shape.space % 4)];
    let blank = if shape.blank_line { "\r\n \t" } else { "" };
    format!("{name}:{space}{value} {blank}\r\n")
}

fn name_of(spelling: &str) -> String {
    Name::read(spelling).unwrap().spelling().to_string()
}

proptest! {
    #[test]
    fn case_spacing_quoting_folding_and_order_do_not_change_what_is_seen(
        fields in Just(FIELDS.to_vec()).prop_shuffle(),
        shapes in prop::collection::vec(
            (any::<u8>(), any::<u8>(), any::<bool>(), any::<bool>(), any::<bool>())
                .prop_map(|(case, space, quote, fold, blank_line)| Shape { case, space, quote, fold, blank_line }),
            FIELDS.len()),
        unix in any::<bool>(),
    ) {
        let plain: String = FIELDS.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let odd: String = fields.iter().zip(&shapes).map(|((name, value), shape)| shaped(name, value, shape)).collect();
        let odd = if unix { odd.replace("\r\n", "\n") } else { odd };
        let (plain, odd) = (decode(plain + "\r\nbody"), decode(odd + "\r\nbody"));
        prop_assert_eq!(seen(&plain), seen(&odd));
        prop_assert_eq!(plain.missing(Strictness::Minimal), vec![]);
    }

    #[test]
    fn any_octets_are_read_without_a_panic_and_written_stably(octets in prop::collection::vec(
        prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), Just(b'X'), Just(b'"'), any::<u8>()], 0..300),
        mms in any::<bool>(),
    ) {
        let head: &[u8] = if mms { b"X-Mms-Priority: Low\r\n" } else { b"" };
        if let Ok(pdu) = try_decode([head, &octets].concat()) {
            let _ = (seen(&pdu), pdu.missing(Strictness::Specified), pdu.cc(), pdu.previously_sent_by());
            let once = decode(encode(&pdu));
            prop_assert_eq!(&decode(encode(&once)), &once);
            prop_assert_eq!(once.kind, pdu.kind);
        }
    }

    #[test]
    fn any_value_of_any_known_header_is_read_without_a_panic(index in any::<prop::sample::Index>(), value in "\\PC{0,60}") {
        let name = index.get(Name::ALL);
        prop_assume!(*name != Name::MessageType);
        let pdu = decode(format!("X-Mms-X: 1\r\n{}: {value}\r\n\r\nbody", name.spelling()));
        let _ = (seen(&pdu), pdu.request_status(), pdu.mm_status(), pdu.read_status(), pdu.content_class());
        let _ = (pdu.previously_sent_by(), pdu.previously_sent_dates(), pdu.request_recipients(), pdu.sender());
    }
}

#[test]
fn a_quarter_megabyte_of_junk_takes_linear_time() {
    for unit in ["\n", " \n", "To: <,\n", "\"", "X-Mms-\u{0}", "A:\r", "To: a,\n ,", "--"] {
        if let Ok(pdu) = try_decode(unit.repeat((1 << 18) / unit.len())) {
            let _ = seen(&pdu);
        }
    }
}
