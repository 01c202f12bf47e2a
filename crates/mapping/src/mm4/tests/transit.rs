use proptest::prelude::*;

use super::*;

/// A request with content of an odd but legal shape, trace lines and headers that nobody knows.
fn odd() -> String {
    "Received: from a.peer.test by b.peer.test; Thu, 13 Jan 2022 02:23:40 +0200\n\
     Received: from localhost by a.peer.test; Thu, 13 Jan 2022 02:23:39 +0200\n\
     From: +15551230001/TYPE=PLMN\n\
     To: +447700900001/TYPE=PLMN, +447700900002/TYPE=PLMN\n\
     Cc: ada@mail.example\n\
     X-First-Unknown: a;b , c\n\
     X-Mms-Transaction-ID: \"tr-1\"\n\
     X-Mms-Message-Type: MM4_forward.REQ\n\
     X-Mms-Message-ID: \"mid-1@mms.peer.test\"\n\
     X-Mms-Forward-Route: hub-7\n\
     X-AuditID: c0a88227-f79606d000007975\n\
     X-Mms-Content-Class: image-rich\n\
     Subject: hello\n\
     Content-Type: multipart/related;Type=\"application/smil\";Start=0.smil; boundary=\"=_b\"\n\
     \n\
     a preamble\n\
     --=_b\n\
     Content-Type:application/smil\n\
     Content-ID:0.smil\n\
     \n\
     <smil><body><par dur=\"5000ms\"><img src=\"5.jpg\"/></par></body></smil>\n\
     --=_b\n\
     Content-Type: image/jpeg;Name=5.jpg\n\
     Content-Transfer-Encoding: base64\n\
     \n\
     /9j/4A==\n\
     --=_b--\n\
     an epilogue\n"
        .to_owned()
}

fn body(content: &str) -> &str {
    content.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn the_body_goes_on_to_the_octet() {
    let received = odd().replace('\n', "\r\n");
    let (message, _) = message(&odd());
    let (submission, _) = write(&message, &Quirks::default());
    assert_eq!(body(&text(&submission)), body(&received));
    assert_eq!(
        header(&text(&submission), "Content-Type").as_deref(),
        Some("multipart/related;Type=\"application/smil\";Start=0.smil; boundary=\"=_b\"")
    );
}

#[test]
fn unknown_headers_go_on_verbatim_in_order_after_the_known_ones() {
    let (message, _) = message(&odd());
    let content = text(&write(&message, &Quirks::default()).0);
    let place = |line: &str| content.find(line).unwrap_or_else(|| panic!("{line} in\n{content}"));
    let first = place("\r\nX-First-Unknown: a;b , c\r\n");
    let second = place("\r\nX-Mms-Forward-Route: hub-7\r\n");
    let third = place("\r\nX-AuditID: c0a88227-f79606d000007975\r\n");
    assert!(place("\r\nSubject: hello\r\n") < first && first < second && second < third);
    assert!(content.contains("\r\nX-Mms-Content-Class: image-rich\r\n"));
}

#[test]
fn the_message_id_is_unchanged_and_the_transaction_is_new() {
    let (message, _) = message(&odd());
    let (submission, _) = write(&message, &Quirks::default());
    let content = text(&submission);
    assert_eq!(header(&content, "X-Mms-Message-ID").as_deref(), Some("\"mid-1@mms.peer.test\""));
    assert_eq!(header(&content, "X-Mms-Transaction-ID").as_deref(), Some("t-1"));
    assert_eq!(header(&content, "X-Mms-Originator-System").as_deref(), Some("system-user@mms.own.test"));
    assert_eq!(submission.message_id, "mid-1@mms.peer.test");
    assert_eq!(submission.mail_from, "+15551230001/TYPE=PLMN@mms.own.test");
    assert_eq!(submission.recipients[0].address, "+447700900001/TYPE=PLMN@mms.peer.test");
}

#[test]
fn the_trace_grows_by_one_line_on_every_hop() {
    let (mut message, _) = message(&odd());
    assert_eq!(message.hops, 2);
    for hops in 3..=6 {
        let content = text(&write(&message, &Quirks::default()).0);
        assert!(content.starts_with("Received: by mms.own.test with MMS id t-1; "));
        message = super::message(&content).0;
        assert_eq!(message.hops, hops);
    }
}

#[test]
fn a_second_reading_finds_the_same_message() {
    let (message, _) = message(&odd());
    let (again, loss) = super::message(&text(&write(&message, &Quirks::default()).0));
    let same = |mut it: Message| {
        it.hops = 0;
        it.unknown.retain(|field| field.name != "Received");
        it.originator_system = None;
        it.mail_id = None;
        it.content.original = None;
        it
    };
    assert_eq!(same(again), same(message));
    assert!(loss.entries.is_empty(), "{loss:?}");
}

#[test]
fn a_blind_recipient_is_named_nowhere() {
    let (read, ..) =
        read_for(&odd(), SENDER, &[RECIPIENT, "+447700900077/TYPE=PLMN@mms.own.test"], &Quirks::default())
            .unwrap();
    let Inbound::Message(message) = read else { panic!() };
    let (submission, _) = write(&message, &Quirks::default());
    assert!(!text(&submission).contains("447700900077"));
    assert_eq!(submission.recipients.len(), 2);
}

proptest! {
    #[test]
    fn what_an_exact_row_writes_it_reads(
        subject in "[ -~äßж😀]{0,60}",
        priority in prop::sample::select(&["", "Low", "Normal", "High"][..]),
        class in prop::sample::select(&["", "Personal", "Advertisement", "Informational", "Auto", "x-own"][..]),
        visibility in prop::sample::select(&["", "Show", "Hide"][..]),
        flags in prop::collection::vec(prop::option::of(any::<bool>()), 3),
        counter in prop::option::of(any::<u32>()),
        seconds in 300_u64..604_800,
        id in "[a-zA-Z0-9.+=]{1,30}",
    ) {
        let (mut message, _) = message(&request(""));
        let tables = tables();
        message.id = id;
        message.subject = Some(subject.trim().to_owned());
        message.priority = tables.mm4(cedrat_message::Field::Priority).read(priority);
        message.class = match class {
            "" => None,
            "x-own" => Some(cedrat_message::Class::Other("x-own".into())),
            known => tables.mm4(cedrat_message::Field::Class).read(known),
        };
        message.automatic = message.class == Some(cedrat_message::Class::Auto);
        message.sender_visibility = tables.mm4(cedrat_message::Field::SenderVisibility).read(visibility);
        (message.delivery_report, message.relay_delivery_report, message.read_report) = (flags[0], flags[1], flags[2]);
        message.forward_counter = counter;
        message.date = Some(NOW);
        message.expiry = Some(cedrat_message::When::At(Timestamp(NOW.0 + 1000 * seconds as i64)));
        let (submission, _) = write(&message, &Quirks::default());
        let (again, loss) = super::message(&text(&submission));
        prop_assert_eq!(&again.id, &message.id);
        prop_assert_eq!(&again.subject, &message.subject);
        prop_assert_eq!(again.priority, message.priority);
        prop_assert_eq!(&again.class, &message.class);
        prop_assert_eq!(again.automatic, message.automatic);
        prop_assert_eq!(again.sender_visibility, message.sender_visibility);
        prop_assert_eq!(again.delivery_report, message.delivery_report);
        prop_assert_eq!(again.relay_delivery_report, message.relay_delivery_report);
        prop_assert_eq!(again.read_report, message.read_report);
        prop_assert_eq!(again.forward_counter, message.forward_counter);
        prop_assert_eq!(again.expiry, message.expiry);
        prop_assert!(loss.entries.is_empty(), "{:?}", loss);
    }

    #[test]
    fn case_spacing_folding_and_order_of_headers_mean_nothing(
        order in Just((0_usize..14).collect::<Vec<_>>()).prop_shuffle(),
        shape in prop::collection::vec((any::<bool>(), 0_usize..3, 0_usize..3, any::<bool>()), 14),
    ) {
        let plain = request(
            "Subject: one two\nX-Mms-Priority: High\nX-Mms-Expiry: 86400\nX-Mms-Read-Reply: Yes\n\
             X-Mms-Forward-Counter: 1\n",
        );
        let (head, body) = plain.split_once("\n\n").unwrap();
        let lines: Vec<&str> = head.lines().collect();
        prop_assert_eq!(lines.len(), 14);
        let mut text = String::new();
        for at in order {
            let (upper, before, after, fold) = shape[at];
            let (name, value) = lines[at].split_once(": ").unwrap();
            let name = if upper { name.to_ascii_uppercase() } else { name.to_ascii_lowercase() };
            let fold = if fold { "\n \t" } else { "" };
            text.push_str(&format!("{name}{}:{fold}{}{value}{}\n", " ".repeat(before), " ".repeat(after), " ".repeat(before)));
        }
        text.push_str(&format!("\n{body}"));
        let same = |mut it: Message| {
            it.content.original = None;
            it
        };
        prop_assert_eq!(same(super::message(&text).0), same(super::message(&plain).0));
    }

    #[test]
    fn no_request_stops_the_reader(text in "[ -~\r\n\t:;<>@/=\"äж]{0,400}", head in any::<bool>()) {
        let text = if head { request(&text) } else { text };
        let octets = Bytes::from(text);
        if let Ok(pdu) = Pdu::decode(&octets, &Limits::default()) {
            let recipients = [RECIPIENT.to_owned()];
            let envelope = Envelope { from: SENDER, recipients: &recipients };
            if let Ok((Inbound::Message(message), ..)) = inbound(tables(), &pdu, &envelope, &Quirks::default(), NOW) {
                let written = outbound(tables(), &message, &message.recipients, &Quirks::default(), &local(), NOW);
                prop_assert!(written.is_ok(), "{written:?}");
            }
        }
    }
}
