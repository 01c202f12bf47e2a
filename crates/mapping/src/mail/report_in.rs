//! Reports that mail brings: DSN (RFC 3464) and MDN (RFC 8098) as tables 5 and 7 of RFC 4356 map them.
//!
//! A mail is a report when it says so itself or comes with the null path; one that merely carries a report
//! is a message. A report that names no message stays a message too, because a person may understand it.
//! Not here: to which message a report belongs.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_message::{
    Address, DeliveryReport, DeliveryStatus, Field, MailAddress, ReadReport, Reason, Timestamp,
};
use cedrat_mime::{Headers, Message};
use cedrat_wire_mail::{
    report::{self, Kind, Typed, dsn, mdn},
    smtp::xtext,
    value,
};

use super::{MailEnvelope, MailReading, address};
use crate::{Fidelity, Inbound, Loss, Tables};

/// The reports of a mail; `None` when it must be read as a message.
pub(super) fn read(
    tables: &Tables,
    mail: &Message,
    envelope: &MailEnvelope,
    reading: &MailReading,
    now: Timestamp,
    loss: &mut Loss,
) -> Option<Inbound> {
    if mail.root().content_type.essence != "multipart/report" && envelope.from.is_some() {
        return None;
    }
    let mut reader = Reader { tables, reading, headers: &mail.root().headers, now, loss };
    match report::detect(mail)? {
        Kind::Delivery => reader.delivery(&dsn::parse(mail)?).map(Inbound::Delivery),
        Kind::Disposition => reader.read(&mdn::parse(mail)?),
    }
}

struct Reader<'a> {
    tables: &'a Tables,
    reading: &'a MailReading,
    headers: &'a Headers,
    now: Timestamp,
    loss: &'a mut Loss,
}

impl Reader<'_> {
    /// One report for each recipient with word of an end; that a message is late is ignored (Table 5).
    fn delivery(&mut self, dsn: &dsn::Dsn) -> Option<Vec<DeliveryReport>> {
        let message_id =
            dsn.original_message_id().or_else(|| dsn.envelope_id.as_deref().map(bare_envelope_id))?;
        let mut reports = Vec::new();
        let mut understood = false;
        for recipient in &dsn.recipients {
            let named = recipient.original_recipient.as_ref().or(recipient.final_recipient.as_ref());
            let (Some(address), Some(action)) = (named.and_then(|it| self.address(it)), recipient.action)
            else {
                self.loss.push(
                    Field::To,
                    Fidelity::Dropped,
                    "The report does not say whom it is about, or what.",
                    None,
                );
                continue;
            };
            understood = true;
            let Some(status) =
                self.tables.delivery_of_dsn(action.token()).filter(|it| *it != DeliveryStatus::Deferred)
            else {
                self.loss.push(
                    Field::DeliveryReport,
                    Fidelity::Dropped,
                    "A report that a message is late has no counterpart and is ignored.",
                    Some(action.token().to_string()),
                );
                continue;
            };
            reports.push(DeliveryReport {
                message_id: message_id.clone(),
                recipient: address,
                original_recipient: recipient
                    .original_recipient
                    .as_ref()
                    .map(|it| format!("{};{}", it.kind, xtext::encode(&it.value))),
                originator: self.destination(),
                at: self
                    .date()
                    .or_else(|| recipient.last_attempt_date.as_deref().and_then(value::date).map(Timestamp)),
                status,
                reason: status.is_failure().then(|| self.reason(recipient)),
                enhanced: recipient.status.map(|status| status.to_string()),
                token: Some(action.token().to_string()),
                text: said(&dsn.text),
                envelope_id: dsn.envelope_id.as_deref().map(xtext::encode),
                forward_to_originator: None,
            });
        }
        understood.then_some(reports)
    }

    /// From the SMTP reply that the reporter quotes, because Status often says no more than 5.0.0.
    fn reason(&self, recipient: &dsn::Recipient) -> Reason {
        let reply =
            recipient.diagnostic_code.as_ref().filter(|it| it.kind == "smtp").map(|it| it.value.as_str());
        let status = reply.and_then(dsn::Status::parse).or(recipient.status);
        let octet = |number: u16| u8::try_from(number).unwrap_or(0);
        let status = status.map(|it| (it.class, octet(it.subject), octet(it.detail)));
        let code =
            reply.and_then(|reply| reply.get(..3)?.parse().ok()).filter(|code| (400..600).contains(code));
        let code = code.unwrap_or(match status {
            Some((4, ..)) => 450,
            _ => 550,
        });
        self.tables.reason_of_smtp(code, status)
    }

    fn read(&mut self, mdn: &mdn::Mdn) -> Option<Inbound> {
        let message_id = mdn.reported_message_id()?;
        let named = mdn.final_recipient.as_ref().or(mdn.original_recipient.as_ref());
        let recipient = named.and_then(|it| self.address(it)).or_else(|| self.first_mailbox("From"))?;
        let disposition = mdn.disposition.as_ref()?;
        let automatic = disposition.action == mdn::Mode::Automatic;
        let Some(status) = self.tables.read_of_mdn(disposition.outcome.token(), automatic) else {
            self.loss.push(
                Field::ReadReport,
                Fidelity::Dropped,
                "The disposition says neither that the message was read nor that it was deleted.",
                Some(disposition.outcome.token().to_string()),
            );
            return Some(Inbound::Delivery(Vec::new()));
        };
        Some(Inbound::Read(ReadReport {
            message_id,
            recipient,
            originator: self.destination(),
            at: self.date().or(Some(self.now)),
            status,
            text: said(&mdn.text),
        }))
    }

    /// Who gets the report: the return path of the message, which is To of the report (Table 5).
    fn destination(&self) -> Option<Address> {
        self.first_mailbox("To")
    }

    fn first_mailbox(&self, name: &str) -> Option<Address> {
        let boxes = value::addresses(self.headers.first(name)?);
        boxes.iter().find_map(|mailbox| self.mail(&mailbox.address()?))
    }

    fn date(&self) -> Option<Timestamp> {
        self.headers.first("Date").and_then(value::date).map(Timestamp)
    }

    fn address(&self, typed: &Typed) -> Option<Address> {
        match typed.kind.as_str() {
            "" | "rfc822" | "utf-8" => {
                let plain = self.mail(&typed.value);
                plain
                    .or_else(|| self.mail(&xtext::decode(&typed.value)?))
                    .or_else(|| Address::parse(&typed.value).ok())
            }
            _ => Address::parse(&typed.value).ok(),
        }
    }

    fn mail(&self, text: &str) -> Option<Address> {
        let mail = MailAddress::parse(text).ok()?;
        Some(address::canonical_form(mail, &self.reading.number_domains))
    }
}

/// An identifier that this gateway gave as ENVID comes back as plain text, from some systems still as xtext.
fn bare_envelope_id(id: &str) -> String {
    xtext::decode(id).unwrap_or_else(|| id.to_string())
}

fn said(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_string())
}
