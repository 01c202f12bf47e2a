use cedrat_message::{
    Address, Class, Field, PartKind, Priority, ReplyChargingKind, Role, Structure, Visibility, When,
};

use cedrat_wire_mms::quirks::Damaged;

use super::*;
use crate::Fidelity;

#[test]
fn every_field_of_a_full_request_is_read() {
    let (message, loss) = message(&request(
        "Date: Thu, 13 Jan 2022 02:23:39 +0200\n\
         Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\n\
         Message-ID: <rfc-1@mms.peer.test>\n\
         X-Mms-Message-Class: Informational\n\
         X-Mms-Priority: High\n\
         X-Mms-Expiry: Tue, 18 Jan 2022 02:23:39 GMT\n\
         X-Mms-Sender-Visibility: Hide\n\
         X-Mms-Delivery-Report: Yes\n\
         X-Mms-Originator-R/S-Delivery-Report: No\n\
         X-Mms-Read-Reply: Yes\n\
         X-Mms-Forward-Counter: 2\n\
         X-Mms-Previously-sent-by: 0, +15551230002/TYPE=PLMN\n\
         X-Mms-Previously-sent-by: 1, General Failure <mfail@mil.example>\n\
         X-Mms-Previously-sent-date-and-time: 0, Fri, 01 Apr 2005 06:02:03 GMT\n\
         X-Mms-Reply-Charging: requested text only\n\
         X-Mms-Reply-Charging-Size: 1000\n\
         X-Mms-VASP-ID: vasp\n\
         X-Hub-Route: 7\n",
    ));
    assert!(
        loss.entries.iter().all(|it| it.field == Field::MessageType || it.fidelity == Fidelity::Synthesized),
        "{loss:?}"
    );
    assert_eq!(
        (message.id.as_str(), message.mail_id.as_deref()),
        ("mid-1@mms.peer.test", Some("rfc-1@mms.peer.test"))
    );
    assert_eq!(message.originator.as_ref().unwrap().address.to_string(), "+15551230001");
    assert_eq!(message.subject.as_deref(), Some("Grüße"));
    assert_eq!(message.class, Some(Class::Informational));
    assert_eq!(message.priority, Some(Priority::High));
    assert_eq!(message.date, Some(Timestamp(1_642_033_419_000)));
    assert_eq!(message.expiry, Some(When::At(Timestamp(1_642_472_619_000))));
    assert_eq!(message.sender_visibility, Some(Visibility::Hide));
    assert_eq!((message.delivery_report, message.relay_delivery_report), (Some(true), Some(false)));
    assert_eq!((message.read_report, message.forward_counter), (Some(true), Some(2)));
    let charging = message.reply_charging.unwrap();
    assert_eq!(
        (charging.kind, charging.max_octets),
        (Some(ReplyChargingKind::RequestedTextOnly), Some(1000))
    );
    assert_eq!(message.previously_sent.len(), 2);
    assert_eq!(message.previously_sent[0].at, Some(Timestamp(1_112_335_323_000)));
    let second = message.previously_sent[1].by.as_ref().unwrap();
    assert_eq!(
        (second.address.to_string().as_str(), second.display.as_deref()),
        ("mfail@mil.example", Some("General Failure"))
    );
    assert_eq!(message.service_fields[0].value, "vasp");
    assert_eq!(message.unknown[0].name, "X-Hub-Route");
    assert_eq!(message.originator_system.as_deref(), Some("PostMaster@mms.peer.test"));
    assert_eq!(message.content.structure, Structure::Single);
    assert_eq!(message.content.parts[0].kind, PartKind::Text);
}

#[test]
fn absent_stays_absent() {
    let (message, loss) = message(&request(""));
    assert!(message.priority.is_none() && message.class.is_none() && message.expiry.is_none());
    assert!(message.date.is_none() && message.subject.is_none() && message.delivery_report.is_none());
    assert!(loss.entries.is_empty(), "{loss:?}");
}

#[test]
fn only_the_envelope_receives_and_all_are_shown() {
    let numbers: Vec<String> = (0..20).map(|n| format!("+4477009000{n:02}/TYPE=PLMN")).collect();
    let folded = numbers.join(",\n ");
    let text = request("").replace("To: +447700900001/TYPE=PLMN", &format!("To: {folded}\n \t"));
    let (message, _) = message(&text);
    assert_eq!(message.recipients.len(), 1);
    assert_eq!(
        (message.recipients[0].address.to_string().as_str(), message.recipients[0].role),
        ("+447700900001", Role::To)
    );
    assert_eq!(message.shown.len(), 20);
}

#[test]
fn a_recipient_in_no_list_is_blind_unless_nobody_is_shown() {
    let (read, ..) = read_for(
        &request(""),
        SENDER,
        &[RECIPIENT, "<+447700900002/TYPE=PLMN@mms.own.test>"],
        &Quirks::default(),
    )
    .unwrap();
    let Inbound::Message(message) = read else { panic!() };
    assert_eq!(message.recipients[1].role, Role::Bcc);
    let (message, _) = super::message(&request("").replace("To: +447700900001/TYPE=PLMN\n", ""));
    assert_eq!(message.recipients[0].role, Role::To);
}

#[test]
fn envelopes_of_every_shape_name_the_same_number() {
    for path in ["<7255>", "7255/TYPE=PLMN", "<7255/TYPE=PLMN@mms.own.test>", "7255@mms.own.test"] {
        let (read, ..) = read_for(&request(""), "", &[path], &Quirks::default()).unwrap();
        let Inbound::Message(message) = read else { panic!() };
        assert!(
            matches!(&message.recipients[0].address, Address::Number(n) if n.digits() == "7255"),
            "{path}"
        );
        assert!(message.automatic, "a null path is a machine's");
    }
    let (refusal, hop) = read_for(&request(""), SENDER, &["<>"], &Quirks::default()).unwrap_err();
    assert_eq!(refusal.reason, Reason::AddressMalformed);
    assert_eq!(hop.transaction_id.unwrap().as_str(), "tr-1", "a refusal can be answered");
}

#[test]
fn shapes_of_real_peers_are_read() {
    // Rows 1, 2, 3, 5, 6, 7 and 9 of the table of deviations, in one message.
    let text = "from:+15551230001/TYPE=PLMN\n\
        TO: 447700900001\n \n\
        X-Mms-3gpp-Mms-Version: 6.10.0\n\
        X-Mms-message-Type: mm4_Forward.req\n\
        X-Mms-Transaction-Id: \"tr +1@x\"\n\
        X-Mms-Message-Id:\"mid@x\"\n\
        Subject: \n\
        Date: Thu Jan 13 2022 02:23:39 GMT+0200 (CEST)\n\
        X-Mms-Expiry: 86400\n\
        X-Mms-Priority: \"high\"\n\
        X-Mms-Delivery-Report: 129\n\
        Content-Type: application/vnd.wap.multipart.related;Start=\"<smil>\";Type=\"application/smil\"; \n\tBoundary=\"b\"\n\
        \n\
        --b\n\
        Content-Type: image/jpeg; Name=5.jpg\n\
        Content-Transfer-Encoding: base64\n\
        Content-ID:0\n\
        Content-Location:5.jpg\n\
        \n\
        /9j/4A==\n\
        --b\n\
        Content-Type: application/smil\n\
        Content-Id: \"<smil.smil>\"\n\
        \n\
        <smil/>\n\
        --b--\n";
    let (read, hop, _) = read_for(text, SENDER, &[RECIPIENT], &Quirks::default()).unwrap();
    let Inbound::Message(message) = read else { panic!() };
    assert_eq!((message.id.as_str(), message.id_as_received.as_deref()), ("mid@x", Some("\"mid@x\"")));
    assert_eq!(hop.transaction_id.unwrap().as_str(), "\"tr +1@x\"");
    assert_eq!(message.subject.as_deref(), Some(""));
    assert_eq!(message.expiry, Some(When::At(Timestamp(NOW.0 + 86_400_000))), "a span counts from arrival");
    assert_eq!(message.priority, Some(Priority::High));
    assert_eq!(message.delivery_report, Some(false));
    assert_eq!(message.recipients[0].role, Role::To, "the list shows the number without its plus");
    let kinds: Vec<_> = message.content.parts.iter().map(|part| part.kind).collect();
    assert_eq!(kinds, [PartKind::Media, PartKind::Presentation]);
    assert_eq!(message.content.parts[1].content_id.as_deref(), Some("smil.smil"));
    assert_eq!(message.content.parts[0].name.as_deref(), Some("5.jpg"));
}

#[test]
fn a_peer_that_sends_next_to_nothing_is_understood() {
    let text = "From: +15551230001\nTo: +447700900001\n\nhi\n";
    let (read, hop, loss) =
        read_for(text, "<+15551230001>", &["<+447700900001>"], &Quirks::default()).unwrap();
    let Inbound::Message(first) = read else { panic!() };
    assert!(!hop.ack_requested && hop.transaction_id.is_none() && hop.version.is_none());
    assert!(first.id.ends_with("@mm4.invalid"));
    assert!(
        loss.entries.iter().any(|it| it.field == Field::MessageId && it.fidelity == Fidelity::Synthesized)
    );
    let (again, ..) = read_for(text, "<+15551230001>", &["<+447700900001>"], &Quirks::default()).unwrap();
    let Inbound::Message(again) = again else { panic!() };
    assert_eq!(first.id, again.id, "a repetition is recognised");
}

#[test]
fn what_cannot_be_read_is_lost_aloud() {
    let (message, loss) = message(&request(
        "Date: yesterday\nX-Mms-Priority: urgent\nX-Mms-Expiry: soon\nX-Mms-Forward-Counter: many\n",
    ));
    assert_eq!((message.priority, message.expiry, message.forward_counter), (None, None, None));
    assert_eq!(message.date, Some(NOW));
    let of = |field| loss.entries.iter().find(|it| it.field == field).unwrap();
    assert_eq!(of(Field::Priority).value.as_deref(), Some("urgent"));
    assert_eq!(of(Field::Expiry).value.as_deref(), Some("soon"));
    assert_eq!(of(Field::Date).fidelity, Fidelity::Synthesized);
    assert_eq!(of(Field::ForwardCounter).fidelity, Fidelity::Dropped);
}

#[test]
fn an_expiry_is_held_within_the_bounds_of_the_profile() {
    for (stated, held) in [
        ("Tue, 11 Jan 2022 00:00:00 GMT", When::At(Timestamp(NOW.0 + 300_000))),
        ("2022-03-01T00:00:00Z", When::At(Timestamp(NOW.0 + 7 * 86_400_000))),
        ("1", When::At(Timestamp(NOW.0 + 300_000))),
        ("99999999999", When::At(Timestamp(NOW.0 + 7 * 86_400_000))),
    ] {
        let (message, loss) = message(&request(&format!("X-Mms-Expiry: {stated}\n")));
        assert_eq!(message.expiry, Some(held), "{stated}");
        assert_eq!(loss.entries[0].value.as_deref(), Some(stated));
    }
}

#[test]
fn a_damaged_part_is_refused_or_marked_as_the_profile_says() {
    let text =
        request("").replace("text/plain; charset=utf-8\n", "image/jpeg\nContent-Transfer-Encoding: base64\n");
    let text = text.replace("hello", "/9j/4 operator note: cut here !!! ");
    let (refusal, hop) = read_for(&text, SENDER, &[RECIPIENT], &Quirks::default()).unwrap_err();
    assert_eq!(tables().request_status(refusal.reason), "Error-message-format-corrupt");
    assert!(hop.ack_requested);
    let lenient = Quirks { damaged: Damaged::Deliver, ..Quirks::default() };
    let (read, _, loss) = read_for(&text, SENDER, &[RECIPIENT], &lenient).unwrap();
    let Inbound::Message(message) = read else { panic!() };
    assert!(message.content.parts[0].damaged);
    assert_eq!(loss.entries[0].field, Field::Content);
}

#[test]
fn a_bomb_of_parts_is_refused() {
    let mut text = request("").replace("text/plain; charset=utf-8", "multipart/mixed; boundary=b");
    for _ in 0..2_000 {
        text.push_str("--b\n\nx\n");
    }
    let (refusal, _) = read_for(&text, SENDER, &[RECIPIENT], &Quirks::default()).unwrap_err();
    assert_eq!(refusal.reason, Reason::PartsExceeded);
}

/// The four messages of the vectors folder with their stated expectations.
#[test]
fn the_vectors_are_read_as_stated() {
    extern crate std;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/mm4");
    if !folder.is_dir() {
        std::println!("skipped: {} is not there", folder.display());
        return;
    }
    let read = |name: &str, from: &str, to: &str| {
        let octets = Bytes::from(std::fs::read(folder.join(name)).unwrap());
        let pdu = Pdu::decode(&octets, &Limits::default()).unwrap();
        let recipients = [to.to_owned()];
        let envelope = Envelope { from, recipients: &recipients };
        inbound(tables(), &pdu, &envelope, &Quirks::default(), NOW).unwrap()
    };
    let to = "<+447700900001/TYPE=PLMN@mmsc.vc.test>";
    let (q1, hop, _) = read("q1-req-brightmail-mixed.eml", "<+15551230001/TYPE=PLMN@mmsc.peer.test>", to);
    let Inbound::Message(q1) = q1 else { panic!() };
    assert_eq!(q1.id, "v1x1Sv2C0TM.+447700900001");
    assert_eq!(hop.answer_to.unwrap().domain.as_deref(), Some("mmsc.peer.test"));
    assert_eq!((q1.subject.as_deref(), q1.hops), (Some(""), 1));
    assert_eq!(q1.content.structure, Structure::Related, "mixed, but with a presentation");
    let decoded = |part: &cedrat_message::Part| {
        cedrat_mime::transfer::decode(super::body::mime(part.body.encoding), &part.body.encoded).octets.len()
    };
    assert_eq!(q1.content.parts.iter().map(decoded).collect::<Vec<_>>(), [204, 3000]);
    assert!(q1.unknown.iter().any(|it| it.name == "X-Mms-Forwarded-By"));
    assert!(q1.unknown.iter().any(|it| it.name == "X-Brightmail-Tracker"));

    let (q3, hop, _) = read("q3-req-start-no-angle.eml", "<+15551230003/TYPE=PLMN@mms.peer.test>", to);
    let Inbound::Message(q3) = q3 else { panic!() };
    assert_eq!(q3.id_as_received.as_deref(), Some("\"k4tr70p31rzs96@w.mms.peer.test\""));
    assert_eq!(hop.transaction_id.unwrap().as_str(), "\"2617020191231125327581@mms.peer.test\"");
    assert_eq!(q3.content.parts.iter().map(decoded).collect::<Vec<_>>(), [126, 3000]);

    let (q5, ..) = read(
        "q5-res-minimal-no-date-no-mime.eml",
        "<postmaster@mmsc.peer.test>",
        "<system-user@mmsc.vc.test>",
    );
    let Inbound::Result(q5) = q5 else { panic!() };
    assert_eq!((q5.transaction_id.as_str(), q5.refused), ("jay0084F1EB040101091303", None));

    let (q7, ..) = read(
        "q7-delivery-report-3gpp.eml",
        "<system-user@mmsc.peer.test>",
        "<+15551230001/TYPE=PLMN@mms.vc.test>",
    );
    let Inbound::Delivery(q7) = q7 else { panic!() };
    assert_eq!(q7[0].message_id, q3.id);
    assert_eq!(q7[0].status, cedrat_message::DeliveryStatus::Retrieved);
    assert_eq!(q7[0].recipient.to_string(), "+447700900001");
    assert_eq!(q7[0].originator.as_ref().unwrap().to_string(), "+15551230001");
}

#[test]
fn lists_of_many_thousands_take_linear_time() {
    extern crate std;
    let list = |count: usize| -> String { (0..count).map(|n| format!("+4477{n:08}, ")).collect() };
    let time = |count: usize| {
        let text = request("").replace("To: +447700900001/TYPE=PLMN", &format!("To: {}", list(count)));
        let text = text.replace(", +", ",\n +");
        let to: Vec<String> =
            (0..count / 20).map(|n| format!("<+4477{n:08}/TYPE=PLMN@mms.own.test>")).collect();
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        let start = std::time::Instant::now();
        let (read, ..) = read_for(&text, SENDER, &to, &Quirks::default()).unwrap();
        let Inbound::Message(message) = read else { panic!() };
        assert_eq!(message.shown.len(), count);
        write(&message, &Quirks::default());
        start.elapsed()
    };
    time(100);
    let (small, large) = (time(5_000), time(40_000));
    assert!(large < small * 40, "{small:?} for 5,000, {large:?} for 40,000");
}
