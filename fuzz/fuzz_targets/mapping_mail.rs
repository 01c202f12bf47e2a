//! Mail to the canonical message and out as MM4: a mail is a message, a delivery report, a read report or a refusal;
//! what goes out is a PDU that reads back as such, with the recipients of the envelope and nobody else.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use cedrat_fuzz::linear;
use cedrat_mapping::mail::{self, MailEnvelope, MailReading};
use cedrat_mapping::mm4;
use cedrat_mapping::{Inbound, Submission, Tables};
use cedrat_message::{Address, MailAddress, Recipient, Role, Timestamp};
use cedrat_wire_mms::mm4::{Kind, Limits, Pdu};
use cedrat_wire_mms::quirks::Quirks;
use libfuzzer_sys::fuzz_target;

static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables::embedded().unwrap());
const NOW: Timestamp = Timestamp(1_793_700_000_000);

fuzz_target!(|data: &[u8]| {
    translate(data);
    linear(data, translate);
});

fn translate(data: &[u8]) {
    let recipient = |text: &str| Recipient {
        address: Address::parse(text).unwrap(),
        role: Role::To,
        notify: None,
        original: None,
    };
    let envelope = MailEnvelope {
        from: Some(MailAddress::parse("ben@mail.test").unwrap()),
        recipients: vec![recipient("+447700900001"), recipient("+447700900002")],
        ..MailEnvelope::default()
    };
    let reading = MailReading::new(vec!["mms.gw.test".to_owned()], "fuzz@mms.gw.test".to_owned());
    let octets = Bytes::copy_from_slice(data);
    let Ok((inbound, _)) = mail::inbound(&TABLES, &octets, &envelope, &reading, NOW) else { return };
    let quirks = Quirks::default();
    match inbound {
        Inbound::Message(message) => {
            assert_eq!(message.recipients.len(), envelope.recipients.len());
            if let Ok((sent, _)) =
                mm4::outbound(&TABLES, &message, &message.recipients, &quirks, &local(), NOW)
            {
                assert_eq!(sent.recipients.len(), envelope.recipients.len());
                check(&sent, Kind::ForwardReq);
            }
        }
        Inbound::Delivery(reports) => {
            for report in &reports {
                let sent = mm4::delivery_report(&TABLES, report, &quirks, &local(), NOW);
                check(&sent, Kind::DeliveryReportReq);
            }
        }
        Inbound::Read(report) => {
            check(&mm4::read_report(&TABLES, &report, &quirks, &local(), NOW), Kind::ReadReplyReportReq);
        }
        Inbound::Result(_) => panic!("a mail is no answer between relays"),
    }
}

fn check(sent: &Submission, kind: Kind) {
    for path in sent.recipients.iter().map(|recipient| &recipient.address).chain([&sent.mail_from]) {
        assert!(!path.chars().any(|c| c.is_control() || "<>".contains(c)), "{path:?}");
    }
    assert_eq!(Pdu::decode(&sent.content, &Limits::default()).unwrap().kind, kind);
}

const fn local() -> mm4::Local<'static> {
    mm4::Local {
        system_address: "system-user@mms.gw.test",
        domain: "mms.gw.test",
        peer_domain: "mms.peer.test",
        transaction_id: "fuzz-1",
        ack: true,
        relay_delivery_report: None,
        report_to: None,
        boundary: "=_fuzz",
    }
}
