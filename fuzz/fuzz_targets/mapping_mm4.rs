//! MM4 to the canonical message and out to either side: whatever a peer sends is refused with a reason or becomes a
//! message that can be read again, with the recipients of the envelope and nobody else.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use cedrat_fuzz::linear;
use cedrat_mapping::mail::{self, MailWriting};
use cedrat_mapping::mm4::{self, Envelope};
use cedrat_mapping::{Inbound, Submission, Tables};
use cedrat_message::Timestamp;
use cedrat_wire_mms::mm4::{Limits, Pdu};
use cedrat_wire_mms::quirks::Quirks;
use libfuzzer_sys::fuzz_target;

static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables::embedded().unwrap());
const NOW: Timestamp = Timestamp(1_793_700_000_000);

fuzz_target!(|data: &[u8]| {
    translate(data);
    linear(data, translate);
});

fn translate(data: &[u8]) {
    let Ok(pdu) = Pdu::decode(&Bytes::copy_from_slice(data), &Limits::default()) else { return };
    let recipients = ["+447700900001/TYPE=PLMN@mms.gw.test".to_owned(), "anna@mail.test".to_owned()];
    let envelope = Envelope { from: "+15550120001/TYPE=PLMN@mms.peer.test", recipients: &recipients };
    let quirks = Quirks::default();
    let Ok((Inbound::Message(message), _, _)) = mm4::inbound(&TABLES, &pdu, &envelope, &quirks, NOW) else {
        return;
    };
    assert_eq!(message.recipients.len(), recipients.len());
    if let Ok((sent, _)) = mm4::outbound(&TABLES, &message, &message.recipients, &quirks, &local(), NOW) {
        check(&sent, recipients.len());
        Pdu::decode(&sent.content, &Limits::default()).unwrap();
    }
    let writing = MailWriting::new("gw.test", "mms.gw.test", "fuzz");
    if let Ok((sent, _)) = mail::outbound(&TABLES, &message, &message.recipients, &writing, NOW) {
        check(&sent, recipients.len());
    }
}

/// What goes out is one well-formed SMTP transaction.
fn check(sent: &Submission, recipients: usize) {
    assert_eq!(sent.recipients.len(), recipients);
    for path in sent.recipients.iter().map(|recipient| &recipient.address).chain([&sent.mail_from]) {
        assert!(!path.chars().any(|c| c.is_control() || "<>".contains(c)), "{path:?}");
    }
    let (headers, _) = cedrat_mime::Headers::parse(&sent.content, &cedrat_mime::Limits::default()).unwrap();
    assert!(!headers.is_empty());
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
