//! MM4 (TS 23.140 §8.4) into the canonical message and back, and the reports and answers beside it.
//!
//! Which header carries a field, its tokens and how faithfully it crosses are the rows of
//! `mappings/fields/mm4.toml`; the syntax of the headers is `cedrat_wire_mms`; what a peer needs
//! otherwise is its [`Quirks`]. Admission, routing and correlation are decided elsewhere.

mod address;
mod body;
mod content;
mod inbound;
mod outbound;
mod presentation;
mod report;

#[cfg(test)]
mod tests;

use alloc::{string::String, vec::Vec};
use cedrat_wire_mms::{
    address::MmsAddress,
    mm4::{Id, Kind, Pdu, WriteStyle, response_address},
    quirks::Quirks,
};

use cedrat_message::{Blame, Field, Reason, Refusal, Timestamp};

use crate::submission::{Submission, SubmissionRecipient};

pub use body::{decoded, encoded};
pub use inbound::inbound;
pub use outbound::outbound;
pub use presentation::{Showing, present, rename};
pub use report::{delivery_report, read_report, result};

/// The SMTP envelope in which a PDU came: addresses as in `MAIL FROM` and `RCPT TO`, with or without
/// angle brackets.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// Empty or `<>` = null path.
    pub from: &'a str,
    /// Who receives.
    pub recipients: &'a [String],
}

/// What the answer to one hop needs: identifiers in the octets received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// What was received.
    pub kind: Kind,
    /// X-Mms-Transaction-ID.
    pub transaction_id: Option<Id>,
    /// X-Mms-Message-ID.
    pub message_id: Option<Id>,
    /// Whether the peer asked for an answer.
    pub ack_requested: bool,
    /// X-Mms-Originator-System as received.
    pub originator_system: Option<String>,
    /// Where the answer goes by the peer's profile; none when nobody with a domain is named.
    pub answer_to: Option<MmsAddress>,
    /// X-Mms-3GPP-MMS-Version as received.
    pub version: Option<String>,
}

impl Hop {
    /// The hop of a PDU, whatever else is wrong with it.
    #[must_use]
    pub fn of(pdu: &Pdu, envelope_from: &str, quirks: &Quirks) -> Self {
        let from = cedrat_wire_mms::address::envelope(envelope_from);
        Self {
            kind: pdu.kind,
            transaction_id: pdu.transaction_id(),
            message_id: pdu.message_id(),
            ack_requested: pdu.ack_request() == Some(true),
            originator_system: pdu.value(cedrat_wire_mms::mm4::Name::OriginatorSystem).map(String::from),
            answer_to: response_address(pdu, &from, quirks.res_address),
            version: pdu.mms_version().map(String::from),
        }
    }
}

/// This gateway and the transaction, as the peer is to see them.
#[derive(Debug, Clone, Copy)]
pub struct Local<'a> {
    /// Where answers and reports come back to: X-Mms-Originator-System, `system-user@mms.own.example`.
    pub system_address: &'a str,
    /// The gateway's MM4 domain.
    pub domain: &'a str,
    /// The peer's MM4 domain, for `RCPT TO`.
    pub peer_domain: &'a str,
    /// Transaction ID of this hop: unique, bare.
    pub transaction_id: &'a str,
    /// Whether an answer is asked for.
    pub ack: bool,
    /// Asks for (or forgoes) delivery reports to the gateway itself, whatever the message says.
    pub relay_delivery_report: Option<bool>,
    /// X-Mms-Originator-System of the message that a report is about: where the report goes.
    pub report_to: Option<&'a str>,
    /// A boundary that occurs in no message: 1 to 60 of the characters `A-Z a-z 0-9 . _ -`.
    pub boundary: &'a str,
}

impl Local<'_> {
    fn style<'a>(&'a self, quirks: &'a Quirks, now: Timestamp) -> WriteStyle<'a> {
        WriteStyle { quirks, system: self.system_address, domain: self.domain, now: now.0 }
    }

    /// The RFC 5322 Message-ID of what this transaction sends when it has none of its own.
    fn own_message_id(&self) -> String {
        alloc::format!("{}@{}", mail_atom(self.transaction_id), self.domain)
    }
}

/// A submission of one PDU to one system, from the null path: answers and reports are never answered.
fn to_system(pdu: &Pdu, to: &MmsAddress, message_id: &str, transaction_id: Option<&str>) -> Submission {
    let mut content = Vec::new();
    pdu.encode(&mut content);
    let address = path(&to.envelope(to.domain.as_deref()));
    Submission {
        mail_from: String::new(),
        recipients: Vec::from([SubmissionRecipient { address, index: 0, notify: None, orcpt: None }]),
        envid: None,
        ret: None,
        deliver_by: None,
        eight_bit: content.iter().any(|octet| *octet >= 0x80),
        binary: false,
        smtputf8: false,
        content: content.into(),
        message_id: String::from(message_id),
        transaction_id: transaction_id.map(String::from),
    }
}

/// A path without its angle brackets.
fn path(written: &str) -> String {
    let inner = written.strip_prefix('<').unwrap_or(written);
    String::from(inner.strip_suffix('>').unwrap_or(inner))
}

/// The characters of an identifier that can stand in a Message-ID.
fn mail_atom(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_graphic() && !"<>()[]\\\",;:@".contains(*c)).collect()
}

/// The refusal of a message that has a field which the table refuses.
fn refusal_of(field: Field) -> Refusal {
    let reason = match field {
        Field::ReplyCharging => Reason::ReplyChargingRefused,
        Field::SenderVisibility => Reason::SenderHidden,
        Field::Sensitivity => Reason::SensitivityRefused,
        _ => Reason::NotPermitted,
    };
    let detail = alloc::format!("the table of MM4 refuses a message with `{}`", field.token());
    Refusal::new(reason, Blame::Message, detail)
}
