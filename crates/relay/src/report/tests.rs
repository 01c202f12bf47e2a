#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use alloc::{borrow::ToOwned as _, vec};
use cedrat_message::{MailAddress, Number, Party, Role};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_000);
const NOTHING: [&str; 0] = [];

fn number(text: &str) -> Address {
    Address::Number(Number::parse(text).unwrap())
}

fn mail(text: &str) -> Address {
    Address::Mail(MailAddress::parse(text).unwrap())
}

fn to(address: Address, notify: Option<Notify>) -> Recipient {
    Recipient { address, role: Role::To, notify, original: None }
}

fn from_mail(notify: Option<&str>) -> Ledger {
    let mut message = Message::new(Origin::Mail, "m1@a.example".into());
    message.originator = Some(Party::new(mail("alice@a.example")));
    message.return_path = Some(mail("bounce@a.example"));
    let notify = notify.map(|text| Notify {
        never: text.contains("NEVER"),
        success: text.contains("SUCCESS"),
        failure: text.contains("FAILURE"),
        delay: text.contains("DELAY"),
    });
    Ledger::open(&message, &to(number("+447700900001"), notify), None, false)
}

fn from_mm4(asked: bool) -> Ledger {
    let mut message = Message::new(Origin::Mm4, "m1".into());
    message.originator = Some(Party::new(number("+447700900002")));
    message.delivery_report = Some(asked);
    message.read_report = Some(asked);
    Ledger::open(&message, &to(mail("bob@b.example"), None), Some("op-a"), false)
}

/// What is told, as words.
fn told(ledger: &mut Ledger, event: Event) -> Vec<String> {
    let word = |notice: &Notice| match notice {
        Notice::Delivery(report) => alloc::format!("{:?}", report.status),
        Notice::Read(report) => alloc::format!("{:?}", report.status),
    };
    ledger.note(event, NOW).iter().map(word).collect()
}

/// RFC 3461 §5.2.2 to §5.2.6 as a table: NOTIFY, event, what is told.
#[test]
fn a_mail_sender_is_told_what_rfc_3461_says() {
    use DeliveryStatus::{Deferred, Expired, Indeterminate, Retrieved, Unreachable};
    let silent = Event::Accepted(Answers::Nobody);
    let reported = |status| Event::Reported(status, None);
    let rows: &[(Option<&str>, Event, &[&str])] = &[
        // Handed to a system that does not report.
        (Some("SUCCESS"), silent, &["Forwarded"]),
        (Some("FAILURE"), silent, &[]),
        (None, silent, &[]),
        (Some("NEVER"), silent, &[]),
        // Handed to one that reports: to the sender, to us.
        (Some("SUCCESS,FAILURE"), Event::Accepted(Answers::NextHopToSender), &[]),
        (Some("SUCCESS"), Event::Accepted(Answers::NextHopToUs), &[]),
        (Some("SUCCESS"), reported(Retrieved), &["Retrieved"]),
        (None, reported(Retrieved), &[]),
        (None, reported(Unreachable), &["Unreachable"]),
        (None, reported(Expired), &["Expired"]),
        (Some("SUCCESS"), reported(Unreachable), &[]),
        (Some("SUCCESS"), reported(Indeterminate), &["Indeterminate"]),
        // Arrived.
        (Some("SUCCESS"), Event::Delivered, &["Retrieved"]),
        (Some("FAILURE"), Event::Delivered, &[]),
        (None, Event::Delivered, &[]),
        // Failed.
        (Some("FAILURE"), Event::Refused(Reason::Rejected), &["Rejected"]),
        (None, Event::Refused(Reason::RecipientUnknown), &["Unreachable"]),
        (Some("SUCCESS,DELAY"), Event::Refused(Reason::Rejected), &[]),
        (Some("NEVER"), Event::Refused(Reason::Rejected), &[]),
        (None, Event::Expired(Reason::NextHopUnavailable), &["Expired"]),
        // Late: here, and at the handset.
        (Some("DELAY"), Event::Delayed(Reason::NetworkProblem), &["Deferred"]),
        (None, Event::Delayed(Reason::NetworkProblem), &["Deferred"]),
        (Some("FAILURE"), Event::Delayed(Reason::NetworkProblem), &[]),
        (Some("DELAY"), reported(Deferred), &["Deferred"]),
        (None, reported(Deferred), &[]),
    ];
    for (notify, event, expected) in rows {
        let mut ledger = from_mail(*notify);
        assert_eq!(told(&mut ledger, *event), *expected, "{notify:?} {event:?}");
        assert_eq!(told(&mut ledger, *event), NOTHING, "a second time: {notify:?} {event:?}");
    }
}

#[test]
fn a_null_return_path_is_never_answered() {
    let mut message = Message::new(Origin::Mail, "m1".into());
    message.originator = Some(Party::new(mail("mailer-daemon@a.example")));
    message.automatic = true;
    let mut ledger = Ledger::open(&message, &to(number("+447700900001"), None), None, true);
    assert_eq!(ledger.wants(), Wants { success: false, failure: false, read: false });
    ledger.asked.read_report = true;
    ledger.read_report_to = Some("mailer-daemon@a.example".into());
    let mut read = ledger.clone();
    assert_eq!(told(&mut read, Event::Read(ReadStatus::Read)), NOTHING);
    assert_eq!(told(&mut ledger, Event::Refused(Reason::Rejected)), NOTHING);
    assert_eq!(ledger.standing.end(), Some(End::Refused(Reason::Rejected)));
}

#[test]
fn of_a_report_nothing_is_reported() {
    let mut ledger = Ledger { is_report: true, ..from_mm4(true) };
    assert_eq!(told(&mut ledger, Event::Refused(Reason::Rejected)), NOTHING);
    assert_eq!(told(&mut ledger, Event::Read(ReadStatus::Read)), NOTHING);
}

#[test]
fn an_mms_sender_is_told_only_when_asked() {
    let mut asked = from_mm4(true);
    assert_eq!(told(&mut asked, Event::Accepted(Answers::NextHopToUs)), NOTHING);
    assert!(asked.standing.is_handed());
    assert_eq!(told(&mut asked, Event::Reported(DeliveryStatus::Retrieved, None)), ["Retrieved"]);
    let mut unasked = from_mm4(false);
    assert_eq!(told(&mut unasked, Event::Refused(Reason::Rejected)), NOTHING);
    assert_eq!(told(&mut unasked, Event::Read(ReadStatus::Read)), NOTHING);
}

#[test]
fn relayed_may_become_delivered_and_a_report_may_come_before_the_answer() {
    let mut ledger = from_mail(Some("SUCCESS,FAILURE"));
    assert_eq!(told(&mut ledger, Event::Accepted(Answers::NextHopToUs)), NOTHING);
    assert_eq!(told(&mut ledger, Event::Unreported), ["Forwarded"]);
    assert_eq!(told(&mut ledger, Event::Reported(DeliveryStatus::Retrieved, None)), ["Retrieved"]);
    assert_eq!(told(&mut ledger, Event::Reported(DeliveryStatus::Expired, None)), NOTHING);
    let mut early = from_mail(Some("SUCCESS"));
    assert_eq!(told(&mut early, Event::Reported(DeliveryStatus::Retrieved, None)), ["Retrieved"]);
    assert_eq!(told(&mut early, Event::Accepted(Answers::NextHopToUs)), NOTHING);
    assert_eq!(told(&mut early, Event::Unreported), NOTHING);
    assert_eq!(early.standing.end(), Some(End::Delivered));
}

#[test]
fn who_reads_a_message_has_it() {
    let mut ledger = from_mm4(true);
    assert_eq!(told(&mut ledger, Event::Read(ReadStatus::Read)), ["Retrieved", "Read"]);
    assert_eq!(told(&mut ledger, Event::Reported(DeliveryStatus::Retrieved, None)), NOTHING);
    assert_eq!(told(&mut ledger, Event::Read(ReadStatus::DeletedUnread)), NOTHING);
}

#[test]
fn a_delayed_dsn_never_becomes_an_mms_report() {
    let recipient = "bob@b.example".to_owned();
    let sent = SentAs { peer: "x".into(), interface: Origin::Mail, message_id: "m1".into(), recipient };
    let deferred = Event::Reported(DeliveryStatus::Deferred, None);
    let mut by_mail = Ledger { sent_as: Some(sent.clone()), ..from_mm4(true) };
    assert_eq!(told(&mut by_mail, deferred), NOTHING);
    let sent_as = Some(SentAs { interface: Origin::Mm4, ..sent });
    assert_eq!(told(&mut Ledger { sent_as, ..from_mm4(true) }, deferred), ["Deferred"]);
}

#[test]
fn a_traced_mail_is_told_of_every_handing_over_unless_never() {
    let asked = Asked { trace: true, ..Asked::default() };
    let mut ledger = Ledger { asked, ..from_mail(None) };
    assert_eq!(told(&mut ledger, Event::Accepted(Answers::NextHopToSender)), ["Forwarded"]);
    assert_eq!(told(&mut ledger, Event::Delivered), NOTHING, "the next hop tells the sender itself");
    let mut gatewayed = Ledger { asked, ..from_mail(None) };
    assert_eq!(told(&mut gatewayed, Event::Accepted(Answers::NextHopToUs)), ["Forwarded"]);
    assert_eq!(told(&mut gatewayed, Event::Unreported), NOTHING);
    let never = Some(NotifyFlags { never: true, ..NotifyFlags::default() });
    let mut never = Ledger { asked: Asked { notify: never, ..asked }, ..from_mail(None) };
    assert_eq!(told(&mut never, Event::Accepted(Answers::Nobody)), NOTHING);
}

#[test]
fn the_next_hop_is_asked_for_what_somebody_wants_to_hear() {
    let wants = |notify| {
        let wants = from_mail(notify).wants();
        (wants.success, wants.failure)
    };
    assert_eq!(wants(None), (false, true));
    assert_eq!(wants(Some("SUCCESS")), (true, false));
    assert_eq!(wants(Some("NEVER")), (false, false));
    assert_eq!(from_mm4(true).wants(), Wants { success: true, failure: true, read: true });
    assert_eq!(from_mm4(false).wants(), Wants { success: false, failure: false, read: false });
}

#[test]
fn a_report_finds_its_copy_by_peer_message_and_recipient() {
    let sent = SentAs {
        peer: "op-b".into(),
        interface: Origin::Mm4,
        message_id: "\"m1@gw.test\"".into(),
        recipient: "+447700900001".into(),
    };
    let key = |peer, id, to| report_key(peer, id, &number(to));
    assert_eq!(copy_key(&sent), key("op-b", "m1@gw.test", "447700900001"));
    assert_ne!(copy_key(&sent), key("op-c", "m1@gw.test", "+447700900001"));
    assert_ne!(copy_key(&sent), key("op-b", "m2@gw.test", "+447700900001"));
    assert_ne!(copy_key(&sent), key("op-b", "m1@gw.test", "+447700900002"));
}

fn event() -> impl Strategy<Value = Event> {
    use DeliveryStatus::{
        Deferred, Expired, Forwarded, Indeterminate, Rejected, Retrieved, Unreachable, Unrecognised,
    };
    let statuses =
        vec![Deferred, Expired, Forwarded, Indeterminate, Rejected, Retrieved, Unreachable, Unrecognised];
    prop_oneof![
        Just(Event::Accepted(Answers::Nobody)),
        Just(Event::Accepted(Answers::NextHopToSender)),
        Just(Event::Accepted(Answers::NextHopToUs)),
        Just(Event::Delayed(Reason::NetworkProblem)),
        Just(Event::Delivered),
        Just(Event::Expired(Reason::NetworkProblem)),
        Just(Event::Refused(Reason::Rejected)),
        Just(Event::Read(ReadStatus::Read)),
        Just(Event::Unreported),
        proptest::sample::select(statuses).prop_map(|status| Event::Reported(status, None)),
    ]
}

const NOTIFIES: [Option<&str>; 4] = [None, Some("NEVER"), Some("SUCCESS,FAILURE,DELAY"), Some("FAILURE")];

proptest! {
    #[test]
    fn whatever_happens_each_thing_is_told_at_most_once(
        story in proptest::collection::vec(event(), 1..30),
        mm4: bool,
        trace: bool,
        notify in proptest::sample::select(NOTIFIES.to_vec()),
    ) {
        let mut ledger = if mm4 { from_mm4(true) } else { from_mail(notify) };
        ledger.asked.trace = trace;
        let (mut finals, mut relayed, mut delayed, mut read) = (0, 0, 0, 0);
        for event in story {
            for notice in ledger.note(event, NOW) {
                match notice {
                    Notice::Read(_) => read += 1,
                    Notice::Delivery(report) => match report.status {
                        DeliveryStatus::Deferred => delayed += 1,
                        DeliveryStatus::Forwarded | DeliveryStatus::Indeterminate => {
                            prop_assert_eq!(finals, 0, "less is not said after more");
                            relayed += 1;
                        }
                        _ => finals += 1,
                    },
                }
            }
        }
        prop_assert!(finals <= 1 && relayed <= 1 && delayed <= 1 && read <= 1);
        if !mm4 && notify == Some("NEVER") {
            prop_assert_eq!(finals + relayed + delayed + read, 0);
        }
        if finals == 1 {
            let known = matches!(ledger.standing.end(), Some(End::Delivered | End::Expired(_) | End::Refused(_)));
            prop_assert!(known);
        }
    }
}

#[test]
fn a_ledger_comes_back_from_the_store_as_it_was() {
    let sent_as = Some(SentAs {
        peer: "op-b".into(),
        interface: Origin::Mm4,
        message_id: "m1".into(),
        recipient: "+447700900001".into(),
    });
    let mut ledger = Ledger { sent_as, ..from_mail(Some("SUCCESS,DELAY")) };
    for event in [
        Event::Delayed(Reason::NetworkProblem),
        Event::Accepted(Answers::NextHopToUs),
        Event::Refused(Reason::RecipientUnknown),
    ] {
        ledger.note(event, NOW);
        let text = serde_json::to_string(&ledger).unwrap();
        assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger);
    }
}
