//! A mail as the canonical message (RFC 4356 §2.1.3.3), or as the reports that it brings.
//!
//! The envelope decides who receives; To and Cc are for display. Who stands in the envelope alone is blind
//! and shown to nobody, unless they are the only recipient. Trace and delivery headers that name envelope
//! recipients are left behind.
//!
//! Not here: the parts (`flatten`) and the fields of reports (`report_in`).

mod history;
mod recipients;

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use bytes::Bytes;
use cedrat_message::{
    Address, Blame, Class, Field, MailAddress, Message, Notify, Origin, Party, Reason, Recipient, Refusal,
    Role, Shown, Timestamp, UnknownField, When,
};
use cedrat_mime::{Header, Headers, Kind};
use cedrat_wire_mail::{charset, value};
use cedrat_wire_mms::address::one as mms_address;

use super::{MailEnvelope, MailReading, address, flatten, outbound, report_in, resent};
use crate::{Fidelity, Inbound, Interface, Loss, Tables};

/// Headers that say for whom a copy was, or that only the last delivery understands: never passed on.
const LEFT_BEHIND: &[&str] = &[
    "Apparently-To",
    "Bcc",
    "Delivered-To",
    "Envelope-To",
    "Resent-Bcc",
    "Return-Path",
    "X-Envelope-To",
    "X-Original-To",
];

/// Mailing lists and bulk senders (RFC 2919, RFC 2369, RFC 3834 §2).
const LIST_HEADERS: &[&str] = &["List-Id", "List-Post", "List-Unsubscribe"];

/// Reads a mail. A DSN gives one delivery report for each recipient that it reports on; none is left of
/// one that only says that a message is late.
///
/// # Errors
/// More parts, levels or header octets than the limits; a mail that asks for privacy on a route to MMS;
/// no recipient.
pub fn inbound(
    tables: &Tables,
    content: &Bytes,
    envelope: &MailEnvelope,
    reading: &MailReading,
    now: Timestamp,
) -> Result<(Inbound, Loss), Refusal> {
    read(tables, &walk(content, reading)?, envelope, reading, now)
}

/// Reads a mail whose content came apart from its header, such as one that was encrypted: of the header of
/// `content` only what speaks of content counts, and the rest is in `headers`. Nothing is copied together.
///
/// # Errors
/// As [`inbound`].
pub fn inbound_content(
    tables: &Tables,
    mut headers: Headers,
    content: &Bytes,
    envelope: &MailEnvelope,
    reading: &MailReading,
    now: Timestamp,
) -> Result<(Inbound, Loss), Refusal> {
    let entity = walk(content, reading)?;
    headers.extend(entity.root().headers.iter().filter(|header| header.is_about_content()).cloned());
    read(tables, &entity.with_headers(headers), envelope, reading, now)
}

fn walk(content: &Bytes, reading: &MailReading) -> Result<cedrat_mime::Message, Refusal> {
    cedrat_mime::walk(content, &reading.limits).map_err(|error| {
        let reason = match error.kind {
            Kind::TooDeep | Kind::TooManyParts => Reason::PartsExceeded,
            Kind::HeadersTooLarge | Kind::LineTooLong | Kind::TooManyHeaders => Reason::MessageTooLarge,
        };
        Refusal::new(reason, Blame::Message, format!("{error}"))
    })
}

fn read(
    tables: &Tables,
    mail: &cedrat_mime::Message,
    envelope: &MailEnvelope,
    reading: &MailReading,
    now: Timestamp,
) -> Result<(Inbound, Loss), Refusal> {
    let mut loss = Loss::inbound(Interface::Mail);
    if let Some(report) = report_in::read(tables, mail, envelope, reading, now, &mut loss) {
        return Ok((report, loss));
    }
    let headers = &mail.root().headers;
    let mut reader = Reader { tables, headers, envelope, reading, now, loss };
    reader.refuse_private()?;
    let mut message = reader.message()?;
    let mut loss = reader.loss;
    message.content = flatten::flatten(mail, reading, &mut loss);
    Ok((Inbound::Message(message), loss))
}

struct Reader<'a> {
    tables: &'a Tables,
    headers: &'a Headers,
    envelope: &'a MailEnvelope,
    reading: &'a MailReading,
    now: Timestamp,
    loss: Loss,
}

impl Reader<'_> {
    /// RFC 4356 §2.1.3.3: a mail with Sensitivity must not go to MMS.
    fn refuse_private(&mut self) -> Result<(), Refusal> {
        match self.sensitivity() {
            Some(wish) if self.reading.refuse_sensitivity => {
                Err(Refusal::new(Reason::SensitivityRefused, Blame::Message, format!("Sensitivity: {wish}")))
            }
            _ => Ok(()),
        }
    }

    /// A wish for privacy; `Normal`, which some clients write, is none.
    fn sensitivity(&mut self) -> Option<String> {
        self.header(Field::Sensitivity).filter(|wish| !wish.trim().eq_ignore_ascii_case("normal"))
    }

    fn message(&mut self) -> Result<Message, Refusal> {
        let mut message = Message::new(Origin::Mail, String::new());
        self.identify(&mut message);
        self.people(&mut message)?;
        self.history(&mut message);
        self.kind(&mut message);
        self.wishes(&mut message);
        message.hops = u32::try_from(self.headers.all("Received").count()).unwrap_or(u32::MAX);
        message.unknown = self.others();
        Ok(message)
    }

    /// Message-ID, and the identifier of an MMS that comes back from a journey through mail.
    fn identify(&mut self, message: &mut Message) {
        let mail_id =
            self.header(Field::MessageId).and_then(|value| value::message_ids(&value).into_iter().next());
        let mail_id = mail_id.unwrap_or_else(|| {
            self.loss.push(
                Field::MessageId,
                Fidelity::Synthesized,
                "The mail had no Message-ID; one was made.",
                None,
            );
            self.reading.message_id.clone()
        });
        let mms_id =
            self.headers.first(outbound::MMS_MESSAGE_ID).map(|id| id.trim_matches(['"', '<', '>', ' ']));
        let mms_id =
            mms_id.filter(|id| (1..=250).contains(&id.len()) && id.bytes().all(|c| c.is_ascii_graphic()));
        match mms_id.filter(|id| *id != mail_id) {
            Some(id) => {
                message.id = id.to_string();
                message.mail_id = Some(mail_id);
            }
            None => message.id = mail_id,
        }
        let date = self.header(Field::Date);
        message.date = date.as_deref().and_then(value::date).map(Timestamp);
        if message.date.is_none() && date.is_some() {
            self.loss.push(
                Field::Date,
                Fidelity::Dropped,
                "The date cannot be read and counts as absent.",
                date,
            );
        }
        message.subject = self.header(Field::Subject).map(|text| value::unstructured(&text));
        message.envelope_id = self.envelope.envid.clone();
        message.return_content = self.envelope.ret;
    }

    fn people(&mut self, message: &mut Message) -> Result<(), Refusal> {
        message.originator =
            self.header(Field::Originator).and_then(|value| self.first_party(Field::Originator, &value));
        if message.originator.is_none()
            && let Some(path) = &self.envelope.from
        {
            message.originator = Some(Party::new(self.canonical(path.clone())));
            self.loss.push(
                Field::Originator,
                Fidelity::Synthesized,
                "The mail names no sender; the return path is used.",
                None,
            );
        }
        let reply_to = self.header(Field::ReplyTo).unwrap_or_default();
        message.reply_to = self.parties(Field::ReplyTo, &reply_to);
        let originator = message.originator.as_ref().map(|party| &party.address);
        message.return_path = self
            .envelope
            .from
            .clone()
            .map(|path| self.canonical(path))
            .filter(|path| Some(path) != originator);
        for (field, role) in [(Field::To, Role::To), (Field::Cc, Role::Cc)] {
            let name = self.tables.mail(field).name();
            for header in self.headers.all(name) {
                let parties = self.parties(field, &decoded(header));
                message.shown.extend(parties.into_iter().map(|party| Shown { role, party }));
            }
        }
        self.recipients(message)
    }

    /// Whether a machine made it, and of which class it is.
    fn kind(&mut self, message: &mut Message) {
        let row = self.tables.mail(Field::Automatic);
        let submitted = self.header(Field::Automatic);
        let submitted =
            submitted.as_deref().map(|value| value.split([';', ' ', '(']).next().unwrap_or(value));
        let submitted = submitted.is_some_and(|word| row.read(word).unwrap_or(true));
        let precedence = self.headers.first("Precedence").map(|value| value.trim().to_ascii_lowercase());
        let bulk = matches!(precedence.as_deref(), Some("bulk" | "junk" | "auto_reply"));
        let list = LIST_HEADERS.iter().any(|name| self.headers.first(name).is_some())
            || precedence.as_deref() == Some("list");
        let class = self.header(Field::Class);
        let stated = class.as_deref().and_then(|token| self.tables.mail(Field::Class).read::<Class>(token));
        message.automatic =
            self.envelope.from.is_none() || submitted || bulk && !list || stated == Some(Class::Auto);
        message.class = Some(match stated {
            Some(class) => class,
            None if message.automatic => Class::Auto,
            None if list => Class::Informational,
            None => Class::Personal,
        });
    }

    /// Priority, reports, expiry, earliest delivery.
    fn wishes(&mut self, message: &mut Message) {
        let row = self.tables.mail(Field::Priority);
        // Importance is the row's own name and wins over X-Priority (RFC 4356 §2.1.3.3).
        let stated = row.names().find_map(|name| self.headers.first(name));
        message.priority = stated.and_then(|value| row.read(value.split([' ', '(']).next().unwrap_or(value)));
        if let Some(value) = self.header(Field::ReadReport) {
            let to = self.first_party(Field::ReadReport, &value).map(|party| party.address);
            message.read_report = Some(true);
            message.read_report_to =
                to.filter(|to| Some(to) != message.originator.as_ref().map(|party| &party.address));
        }
        message.delivery_report = delivery_report(&self.envelope.recipients);
        if self.envelope.recipients.iter().any(|recipient| recipient.notify.is_some()) {
            self.loss.note(self.tables.mail(Field::DeliveryReport));
        }
        message.expiry = match self.envelope.deliver_by {
            Some((seconds, 'R' | 'r')) => {
                Some(When::At(self.now.plus_seconds(u64::try_from(seconds).unwrap_or(0))))
            }
            Some(_) => {
                self.loss.push(
                    Field::Expiry,
                    Fidelity::Lossy,
                    "DELIVERBY with mode N asks only to be told; the sender is told that the mail was relayed.",
                    None,
                );
                None
            }
            None => None,
        };
        message.delivery_time = self.envelope.hold;
        message.sensitivity = self.sensitivity();
    }

    /// Headers without a canonical word, kept for mail; also the trace, so that loops are found.
    fn others(&mut self) -> Vec<UnknownField> {
        let mut kept = Vec::new();
        for header in self.headers {
            let name = header.name();
            let is_in = |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(name));
            let trace = header.is("Received");
            let known = self.tables.field_of_header(Interface::Mail, name).is_some()
                || header.is(outbound::MMS_MESSAGE_ID)
                || resent::is_resent(name);
            if is_in(LEFT_BEHIND) {
                self.loss.push(
                    Field::Unknown,
                    Fidelity::Dropped,
                    "The header says for whom a copy was and is not passed on.",
                    Some(name.to_string()),
                );
            } else if trace || !known {
                kept.push(UnknownField { name: name.to_string(), value: decoded(header) });
            }
        }
        kept
    }

    fn first_party(&mut self, field: Field, value: &str) -> Option<Party> {
        self.parties(field, value).into_iter().next()
    }

    /// Mailboxes of a list as parties; what is no address is left out and reported.
    fn parties(&mut self, field: Field, value: &str) -> Vec<Party> {
        let mut parties = Vec::new();
        for mailbox in value::addresses(value) {
            let mail = mailbox.address().and_then(|text| MailAddress::parse(&text).ok());
            match mail.map(|mail| self.canonical(mail)).or_else(|| bare(&mailbox.raw)) {
                Some(address) => parties.push(Party { address, display: mailbox.display }),
                None => self.loss.push(
                    field,
                    Fidelity::Dropped,
                    "An entry of the list is no address.",
                    Some(mailbox.raw),
                ),
            }
        }
        parties
    }

    fn canonical(&self, mail: MailAddress) -> Address {
        address::canonical_form(mail, &self.reading.number_domains)
    }

    /// The decoded value of the header of a field under the first of its names that the mail has, unless
    /// the row drops it.
    fn header(&mut self, field: Field) -> Option<String> {
        let row = self.tables.mail(field);
        let value = row.header.iter().chain(&row.aliases).find_map(|name| self.text(name))?;
        if row.inbound.fidelity == Fidelity::Dropped {
            self.loss.note_value(row, Some(value));
            return None;
        }
        Some(value)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|header| header.is(name)).map(decoded)
    }
}

/// A value whose 8-bit octets are text, in whatever charset.
fn decoded(header: &Header) -> String {
    charset::text(&header.octets(), None).0
}

/// What carriers put into From beside mailboxes: `+15550120001/TYPE=PLMN`, `"15550120001@carrier.example"`.
fn bare(raw: &str) -> Option<Address> {
    if let Some(mail) = raw.split('"').find_map(|piece| MailAddress::parse(piece).ok()) {
        return Some(Address::Mail(mail));
    }
    let address = mms_address(raw)?;
    if address.local.contains(['<', '>', '@', ' ']) && !address.is_number() {
        return None;
    }
    Address::parse(&address.local).ok()
}

/// The request of the envelope (RFC 3461 §4.1) as an MMS can say it: success asked by anybody is yes,
/// never for all is no, and everything else is the default.
fn delivery_report(recipients: &[Recipient]) -> Option<bool> {
    let asked: Vec<&Notify> = recipients.iter().filter_map(|recipient| recipient.notify.as_ref()).collect();
    if asked.iter().any(|notify| notify.success) {
        return Some(true);
    }
    let never =
        !asked.is_empty() && asked.len() == recipients.len() && asked.iter().all(|notify| notify.never);
    never.then_some(false)
}
