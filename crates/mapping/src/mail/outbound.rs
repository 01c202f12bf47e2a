//! The canonical message as a mail (RFC 4356 §2.1.3.2): envelope, headers, content.
//!
//! Order of headers: trace, newest resent block first, then who, when, what, then how it wants to be
//! treated, then the content. No value can bring in another header: `cedrat_mime::Header` replaces control
//! characters, and only names of the tables or of RFC 5322 are written.
//!
//! Not here: the body (`compose`) and reports (`report_out`).

mod envelope;
mod history;
mod identifier;

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_message::{
    Address, AddressFault, Blame, Class, Field, Message, Origin, Party, Priority, Reason, Recipient, Refusal,
    Role, Timestamp,
};
use cedrat_mime::{Header, Headers};
use cedrat_wire_mail::value;

use super::{MailWriting, address, compose, resent};
use crate::{Fidelity, Interface, Loss, Submission, Tables};

/// Headers without a word in the canonical message that mail passes on from any interface
/// (RFC 4356 §2.1.3: "headers not listed here SHOULD be passed unaltered").
const PASSED: &[&str] = &["Comments", "In-Reply-To", "Keywords", "Organization", "References"];

/// Writes a message as a mail to some of its recipients.
///
/// # Errors
/// What RFC 4356 refuses: a hidden sender, the use of a reply-charging grant, a local part beyond ASCII;
/// an expired message; an address that mail cannot carry.
pub fn outbound(
    tables: &Tables,
    message: &Message,
    recipients: &[Recipient],
    writing: &MailWriting,
    now: Timestamp,
) -> Result<(Submission, Loss), Refusal> {
    let mut writer = Writer {
        tables,
        message,
        writing,
        now,
        loss: Loss::outbound(Interface::Mail),
        headers: Headers::new(),
    };
    writer.refuse_what_mail_cannot_keep()?;
    let mail_from = writer.return_path()?;
    let envelope = writer.recipients(recipients)?;
    let deliver_by = writer.deliver_by()?;
    let message_id = writer.headers()?;
    let unchanged = message.origin == Origin::Mail;
    let composed = compose::compose(&message.content, unchanged, writing, &mut writer.loss)?;
    writer.headers.extend(composed.headers);

    let mut content = Vec::new();
    writer.headers.encode(&mut content);
    content.extend_from_slice(b"\r\n");
    composed.body.iter().for_each(|slice| content.extend_from_slice(slice));
    if !content.ends_with(b"\r\n") {
        content.extend_from_slice(b"\r\n");
    }
    let reports = envelope.iter().any(|recipient| recipient.notify.is_some());
    let submission = Submission {
        mail_from,
        recipients: envelope,
        envid: if reports { writer.envelope_id() } else { message.envelope_id.clone() },
        ret: message.return_content.or((reports && message.origin != Origin::Mail).then_some(false)),
        deliver_by,
        eight_bit: !content.is_ascii(),
        binary: false,
        smtputf8: false,
        content: content.into(),
        message_id,
        transaction_id: None,
    };
    Ok((submission, writer.loss))
}

struct Writer<'a> {
    tables: &'a Tables,
    message: &'a Message,
    writing: &'a MailWriting,
    now: Timestamp,
    loss: Loss,
    headers: Headers,
}

impl Writer<'_> {
    /// All headers but those of the content; returns the Message-ID of this sending, bare.
    fn headers(&mut self) -> Result<String, Refusal> {
        self.trace();
        let id = self.message_id();
        let shown = (self.shown(Role::To)?, self.shown(Role::Cc)?);
        let from = self.from()?;
        let date = value::format_date(self.message.date.unwrap_or(self.now).0);
        if self.message.date.is_none() {
            self.loss.push(
                Field::Date,
                Fidelity::Synthesized,
                "The message has no date; that of its way through the gateway is used.",
                None,
            );
        }
        self.note_numbers();
        if self.message.previously_sent.is_empty() {
            self.push(Field::Date, &date);
            self.push(Field::Originator, &from);
            self.address_lists(shown);
            self.push(Field::MessageId, &format!("<{id}>"));
        } else {
            self.resent(&date, &from, shown, &id)?;
        }
        self.about()?;
        self.treatment()?;
        self.others();
        Ok(id)
    }

    /// `Received: from PEER by HOST with MMS id ID; DATE`, then the trace that the message brought along.
    fn trace(&mut self) {
        let with = if self.message.origin == Origin::Mm4 { "MMS" } else { "ESMTP" };
        let clean = |text: &str| -> String {
            text.chars().filter(|c| c.is_ascii_alphanumeric() || ".-_:[]@".contains(*c)).take(255).collect()
        };
        let mut line = String::new();
        if let Some(peer) = self.writing.peer.as_deref().map(clean).filter(|peer| !peer.is_empty()) {
            line.push_str(&format!("from {peer} "));
        }
        line.push_str(&format!("by {} with {with}", clean(&self.writing.host)));
        let id = clean(&self.writing.trace_id);
        if !id.is_empty() {
            line.push_str(&format!(" id {id}"));
        }
        line.push_str(&format!("; {}", value::format_date(self.now.0)));
        self.headers.push(Header::new("Received", line));
        let earlier = self.message.unknown.iter().filter(|field| field.name.eq_ignore_ascii_case("Received"));
        self.headers.extend(earlier.map(|field| Header::new("Received", field.value.as_str())));
    }

    fn from(&mut self) -> Result<String, Refusal> {
        let Some(party) = &self.message.originator else {
            self.loss.push(
                Field::Originator,
                Fidelity::Synthesized,
                "The message does not say who sent it.",
                None,
            );
            return Ok(format!("anonymous@{}", self.writing.number_domain));
        };
        let mut party = party.clone();
        if party.display.is_none() && self.writing.number_as_name {
            party.display = party.address.number().map(ToString::to_string);
        }
        if matches!(party.address, Address::Name(_)) {
            self.loss.push(
                Field::Originator,
                Fidelity::Lossy,
                "The sender is a name and no address; nobody can answer it.",
                Some(party.address.to_string()),
            );
        }
        self.mailbox(&party).map_err(sender_fault)
    }

    fn mailbox(&self, party: &Party) -> Result<String, AddressFault> {
        address::mailbox(party, self.writing)
    }

    /// The disclosed recipients of one list. Of a recipient that mail cannot address only the characters
    /// beyond ASCII end in a refusal (RFC 4356); anybody else is left out of sight.
    fn shown(&mut self, role: Role) -> Result<Vec<String>, Refusal> {
        let mut list = Vec::new();
        let message = self.message;
        for shown in message.shown.iter().filter(|shown| shown.role == role) {
            match self.mailbox(&shown.party) {
                Ok(mailbox) => list.push(mailbox),
                Err(AddressFault::Character) => return Err(recipient_fault(AddressFault::Character)),
                Err(_) => self.loss.push(
                    if role == Role::Cc { Field::Cc } else { Field::To },
                    Fidelity::Dropped,
                    "A recipient that mail cannot address is not shown.",
                    Some(shown.party.address.to_string()),
                ),
            }
        }
        Ok(list)
    }

    /// Mail addresses are carried as they are; what changes its form is a number.
    fn note_numbers(&mut self) {
        let message = self.message;
        let is_number = |party: &Party| party.address.number().is_some();
        let shown = |role| message.shown.iter().any(|shown| shown.role == role && is_number(&shown.party));
        let changed = [
            (Field::Originator, message.originator.as_ref().is_some_and(is_number)),
            (Field::To, shown(Role::To)),
            (Field::Cc, shown(Role::Cc)),
        ];
        changed.into_iter().filter(|(_, changed)| *changed).for_each(|(field, _)| self.note(field));
    }

    fn address_lists(&mut self, (to, cc): (Vec<String>, Vec<String>)) {
        if to.is_empty() && cc.is_empty() {
            self.push(Field::To, "undisclosed-recipients:;");
            self.loss.push(
                Field::To,
                Fidelity::Synthesized,
                "The message shows no recipient, and mail wants a To.",
                None,
            );
            return;
        }
        if !to.is_empty() {
            self.push(Field::To, &to.join(", "));
        }
        if !cc.is_empty() {
            self.push(Field::Cc, &cc.join(", "));
        }
    }

    /// Subject, Reply-To, and the identifier for the way back to an MMS system.
    fn about(&mut self) -> Result<(), Refusal> {
        if let Some(subject) = &self.message.subject {
            let subject = value::encode_unstructured(subject);
            self.put(Field::Subject, &subject);
        }
        if !self.message.reply_to.is_empty() {
            let list: Result<Vec<String>, _> =
                self.message.reply_to.iter().map(|it| self.mailbox(it)).collect();
            let list = list.map_err(sender_fault)?.join(", ");
            self.put(Field::ReplyTo, &list);
        }
        let from_mms = self.message.origin == Origin::Mm4 || self.message.mail_id.is_some();
        if from_mms && !self.message.id.is_empty() {
            self.headers.push(Header::new(MMS_MESSAGE_ID, value::encode_unstructured(&self.message.id)));
        }
        Ok(())
    }

    /// Class, priority, report requests, and what mail has no word for.
    fn treatment(&mut self) -> Result<(), Refusal> {
        let message = self.message;
        if let Some(class) = message.class.as_ref().filter(|_| message.origin != Origin::Mail) {
            let row = self.tables.mail(Field::Class);
            let token = match class {
                Class::Other(token) => Some(value::encode_unstructured(token)),
                class => row.write(class).map(ToOwned::to_owned),
            };
            match token {
                Some(token) => self.put(Field::Class, &token),
                None => self.note(Field::Class),
            }
        }
        if self.is_automatic() {
            self.put(Field::Automatic, "auto-generated");
        }
        if self.is_automatic() || message.class == Some(Class::Advertisement) {
            self.headers.push(Header::new("Precedence", "bulk"));
        }
        if let Some(priority) = message.priority {
            match self.tables.mail(Field::Priority).write(&priority).map(ToOwned::to_owned) {
                // One to one with the word of the table; what the row loses is another value.
                Some(token) if self.carries(Field::Priority) => self.push(Field::Priority, &token),
                // What a mail without the header has.
                None if priority == Priority::Normal => {}
                _ => self.note(Field::Priority),
            }
        }
        if message.read_report == Some(true) {
            let originator = message.originator.as_ref().map(|party| &party.address);
            match message.read_report_to.as_ref().or(originator) {
                Some(to) => {
                    let to = address::mail_form(to, self.writing).map_err(sender_fault)?.to_string();
                    self.put(Field::ReadReport, &to);
                }
                None => self.note(Field::ReadReport),
            }
        }
        if let Some(sensitivity) = &message.sensitivity {
            self.put(Field::Sensitivity, sensitivity);
        }
        let present = [
            (Field::DeliveryReport, message.delivery_report.is_some()),
            (Field::DeliveryTime, message.delivery_time.is_some()),
            (Field::ForwardCounter, message.forward_counter.is_some()),
            (Field::OriginatorSystem, message.originator_system.is_some()),
            (Field::RelayDeliveryReport, message.relay_delivery_report.is_some()),
            (Field::ReplyCharging, message.reply_charging.is_some()),
            (Field::ServiceFields, !message.service_fields.is_empty()),
        ];
        present.into_iter().filter(|(_, present)| *present).for_each(|(field, _)| self.note(field));
        Ok(())
    }

    /// Fields without a canonical word: those of Internet mail are passed on, all others reported.
    fn others(&mut self) {
        let message = self.message;
        for field in message.unknown.iter().filter(|field| !field.name.eq_ignore_ascii_case("Received")) {
            let known = self.tables.field_of_header(Interface::Mail, &field.name).is_some()
                || is_made_here(&field.name)
                || resent::is_resent(&field.name);
            let passed = PASSED.iter().any(|name| field.name.eq_ignore_ascii_case(name));
            if !known && (passed || message.origin == Origin::Mail) {
                // ASCII as it came: encoded words in it are still encoded.
                let ascii = field.value.is_ascii();
                let value =
                    if ascii { field.value.clone() } else { value::encode_unstructured(&field.value) };
                self.headers.push(Header::new(field.name.as_str(), value));
            } else {
                let row = self.tables.mail(Field::Unknown);
                let note = row
                    .outbound
                    .note
                    .clone()
                    .unwrap_or_else(|| "A header without a word in mail was left behind.".to_owned());
                self.loss.push(Field::Unknown, Fidelity::Dropped, &note, Some(field.name.clone()));
            }
        }
    }

    /// Writes a field under the name of its row, unless the row drops it, and notes what the row says.
    fn put(&mut self, field: Field, value: &str) {
        if self.carries(field) {
            self.push(field, value);
        }
        self.note(field);
    }

    fn carries(&self, field: Field) -> bool {
        self.tables.mail(field).outbound.fidelity != Fidelity::Dropped
    }

    fn push(&mut self, field: Field, value: &str) {
        if let Some(name) = &self.tables.mail(field).header {
            self.headers.push(Header::new(name.as_str(), value));
        }
    }

    fn note(&mut self, field: Field) {
        self.loss.note(self.tables.mail(field));
    }
}

/// Kept for a message that comes back to an MMS system (RFC 4356 §2.1.3.2 Message ID).
pub(super) const MMS_MESSAGE_ID: &str = "X-Mms-Message-ID";

/// Whether a header is written by this module or by `compose`, so that no unknown field may repeat it.
fn is_made_here(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("content-")
        || ["mime-version", "received", "precedence", "bcc", "return-path", "x-mms-message-id"]
            .contains(&name.as_str())
}

fn sender_fault(fault: AddressFault) -> Refusal {
    Refusal::new(Reason::SenderUnresolved, Blame::Message, format!("the sender's address {fault}"))
}

fn recipient_fault(fault: AddressFault) -> Refusal {
    Refusal::new(Reason::AddressMalformed, Blame::Message, format!("a recipient's address {fault}"))
}
