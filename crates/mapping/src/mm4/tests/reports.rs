use cedrat_message::{Address, Blame, DeliveryReport, DeliveryStatus, ReadReport, ReadStatus, Refusal};
use cedrat_wire_mms::quirks::{Ack, ResAddress, ResHeaders};

use super::*;
use crate::words::{DELIVERY, Word};

fn delivery(status: DeliveryStatus) -> DeliveryReport {
    DeliveryReport {
        message_id: "mid-1@mms.peer.test".into(),
        recipient: Address::parse("+447700900001").unwrap(),
        original_recipient: None,
        originator: Some(Address::parse("+15551230001").unwrap()),
        at: Some(Timestamp(1_642_033_419_000)),
        status,
        reason: None,
        enhanced: None,
        token: None,
        text: None,
        envelope_id: None,
        forward_to_originator: Some(true),
    }
}

fn back(submission: &Submission) -> (Inbound, Hop) {
    let text = text(submission);
    let (read, hop, _) =
        read_for(&text, &submission.mail_from, &[&submission.recipients[0].address], &Quirks::default())
            .unwrap();
    (read, hop)
}

#[test]
fn a_delivery_report_of_every_status_comes_back() {
    for word in DELIVERY {
        let report = delivery(DeliveryStatus::of_word(word).unwrap());
        let submission = delivery_report(tables(), &report, &Quirks::default(), &local(), NOW);
        let Inbound::Delivery(read) = back(&submission).0 else { panic!() };
        assert_eq!(DeliveryReport { token: None, ..read[0].clone() }, report, "{word}");
        assert_eq!(submission.mail_from, "", "a report is never answered by one");
    }
}

#[test]
fn a_report_goes_to_the_system_that_asked_for_it() {
    let report = delivery(DeliveryStatus::Retrieved);
    let asked = Local { report_to: Some("PostMaster@mmsc.peer.test"), ..local() };
    let submission = delivery_report(tables(), &report, &Quirks::default(), &asked, NOW);
    assert_eq!(submission.recipients[0].address, "PostMaster@mmsc.peer.test");
    let submission = delivery_report(tables(), &report, &Quirks::default(), &local(), NOW);
    assert_eq!(submission.recipients[0].address, "+15551230001/TYPE=PLMN@mms.peer.test");
    assert_eq!(header(&text(&submission), "To").as_deref(), Some("+15551230001/TYPE=PLMN"));
}

#[test]
fn an_unreachable_recipient_is_said_in_words_that_mm4_has() {
    let submission =
        delivery_report(tables(), &delivery(DeliveryStatus::Unreachable), &Quirks::default(), &local(), NOW);
    let text = text(&submission);
    assert_eq!(header(&text, "X-Mms-MM-Status-Code").as_deref(), Some("Rejected"));
    assert_eq!(header(&text, "X-Mms-MM-Status-Extension").as_deref(), Some("Rejection-By-Other-RS"));
}

#[test]
fn a_read_report_comes_back() {
    for status in [ReadStatus::Read, ReadStatus::DeletedUnread] {
        let report = ReadReport {
            message_id: "mid-1@mms.peer.test".into(),
            recipient: Address::parse("+447700900001").unwrap(),
            originator: Some(Address::parse("+15551230001").unwrap()),
            at: Some(Timestamp(1_642_033_419_000)),
            status,
            text: Some("seen in Zürich".into()),
        };
        let submission = read_report(tables(), &report, &Quirks::default(), &local(), NOW);
        assert_eq!(back(&submission).0, Inbound::Read(report));
    }
}

#[test]
fn status_words_of_peers_are_read_under_every_alias() {
    let report = |status: &str| {
        format!(
            "From: +447700900001/TYPE=PLMN\nTo: +15551230001/TYPE=PLMN\n\
             X-Mms-Message-Type: MM4_Delivery_report.REQ\nX-Mms-Message-ID: \"m\"\n{status}\n\n"
        )
    };
    for (line, status) in [
        ("X-Mms-MM-Status-Code: Unrecognized", DeliveryStatus::Unrecognised),
        ("X-Mms-Status: retrieved", DeliveryStatus::Retrieved),
        ("X-Mms-Status: 129", DeliveryStatus::Retrieved),
        ("X-Mms-MM-Status-Code: Unreachable", DeliveryStatus::Unreachable),
        ("X-Mms-MM-Status-Code: Rejected", DeliveryStatus::Rejected),
        ("X-Mms-MM-Status-Code: teleported", DeliveryStatus::Indeterminate),
    ] {
        let (read, ..) =
            read_for(&report(line), "", &["system-user@mms.own.test"], &Quirks::default()).unwrap();
        let Inbound::Delivery(read) = read else { panic!() };
        assert_eq!(read[0].status, status, "{line}");
    }
    let mut own = Quirks::default();
    own.status_map.insert("Forwarded".into(), "retrieved".into());
    own.status_alias.push("X-Hub-Outcome".into());
    let (read, ..) = read_for(&report("X-Hub-Outcome: forwarded"), "", &["s@mms.own.test"], &own).unwrap();
    let Inbound::Delivery(read) = read else { panic!() };
    assert_eq!((read[0].status, read[0].token.as_deref()), (DeliveryStatus::Retrieved, Some("forwarded")));
    let (refusal, _) =
        read_for(&report("X-Other: 1"), "", &["s@mms.own.test"], &Quirks::default()).unwrap_err();
    assert_eq!(refusal.reason, Reason::MessageFormatCorrupt);
}

fn hop(transaction: &str) -> Hop {
    let text = request("").replace("tr-1", transaction);
    read_for(&text, SENDER, &[RECIPIENT], &Quirks::default()).unwrap().1
}

#[test]
fn an_answer_echoes_the_octets_of_the_transaction_id() {
    for id in ["\"2617 +44/TYPE=PLMN@x\"", "bare", "<angle@x>", "\"lone", "a;b,c=\\d"] {
        for profile in [&["related-quoted-ids"][..], &[]] {
            let quirks = tables().quirks(profile).unwrap();
            let answer = result(tables(), &hop(id), Ok(()), &[], &quirks, &local(), NOW).unwrap();
            assert_eq!(header(&text(&answer), "X-Mms-Transaction-ID").as_deref(), Some(id));
            assert_eq!(header(&text(&answer), "X-Mms-Request-Status-Code").as_deref(), Some("Ok"));
            assert_eq!(answer.recipients[0].address, "PostMaster@mms.peer.test");
            assert_eq!(answer.mail_from, "");
        }
    }
}

#[test]
fn a_refusal_is_answered_by_its_token_and_read_back_with_its_class() {
    for &reason in Reason::ALL {
        let refusal = Refusal::new(reason, Blame::Policy, "operator only: +15559999999");
        let answer =
            result(tables(), &hop("t"), Err(&refusal), &[], &Quirks::default(), &local(), NOW).unwrap();
        assert!(!text(&answer).contains("operator only"), "details stay here");
        let Inbound::Result(read) = back(&answer).0 else { panic!() };
        assert_eq!(read.refused.unwrap().permanence(), reason.permanence());
        assert_eq!(read.text.as_deref(), Some(reason.text()));
    }
}

#[test]
fn an_answer_can_speak_of_some_recipients() {
    let some = [Address::parse("+447700900001").unwrap()];
    let answer = result(tables(), &hop("t"), Ok(()), &some, &Quirks::default(), &local(), NOW).unwrap();
    let Inbound::Result(read) = back(&answer).0 else { panic!() };
    assert_eq!(read.recipients, some);
}

#[test]
fn no_answer_is_sent_where_none_is_wanted() {
    let unasked = Hop { ack_requested: false, ..hop("t") };
    let quirks = Quirks::default();
    assert_eq!(result(tables(), &unasked, Ok(()), &[], &quirks, &local(), NOW), None);
    let always = Quirks { ack: Ack::Always, ..Quirks::default() };
    assert!(result(tables(), &unasked, Ok(()), &[], &always, &local(), NOW).is_some());
    let never = Quirks { ack: Ack::Never, ..Quirks::default() };
    assert_eq!(result(tables(), &hop("t"), Ok(()), &[], &never, &local(), NOW), None);
    let nobody = Hop { answer_to: None, ..hop("t") };
    assert_eq!(result(tables(), &nobody, Ok(()), &[], &quirks, &local(), NOW), None);
    let answer = result(tables(), &hop("t"), Ok(()), &[], &quirks, &local(), NOW).unwrap();
    assert_eq!(result(tables(), &back(&answer).1, Ok(()), &[], &always, &local(), NOW), None, "answers end");
}

#[test]
fn where_and_how_much_is_answered_follows_the_profile() {
    let text_of = |quirks: &Quirks| {
        let request = request("Sender: pm@sender.peer.test\n");
        let hop = read_for(&request, SENDER, &[RECIPIENT], quirks).unwrap().1;
        let answer = result(tables(), &hop, Ok(()), &[], quirks, &local(), NOW).unwrap();
        (answer.recipients[0].address.clone(), text(&answer))
    };
    let sender = Quirks { res_address: ResAddress::Sender, ..Quirks::default() };
    assert_eq!(text_of(&sender).0, "pm@sender.peer.test");
    let minimal = Quirks { res_headers: ResHeaders::Minimal, ..Quirks::default() };
    let (_, minimal) = text_of(&minimal);
    let (_, whole) = text_of(&Quirks::default());
    for name in ["Date", "Content-Type", "MIME-Version", "Sender"] {
        assert!(header(&whole, name).is_some() && header(&minimal, name).is_none(), "{name}");
    }
}
