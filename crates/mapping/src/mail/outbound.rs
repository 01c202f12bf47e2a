//! The canonical message as a mail (RFC 4356 §2.1.3.2): envelope, headers, content.
//!
//! Order of headers: trace, newest resent block first, then who, when, what, then how it wants to be
//! treated, then the content. No value can bring in another header: `cedrat_mime::Header` replaces control
//! characters, and only names of the tables or of RFC 5322 are written.
//!
//! Not here: the body (`compose`) and reports (`report_out`).

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_message::{
    Address, AddressFault, Blame, Class, Field, Message, Notify, Origin, Party, PreviouslySent, Reason,
    Recipient, Refusal, ReplyChargingKind, Role, Timestamp, Visibility, When,
};
use cedrat_mime::{Header, Headers};
use cedrat_wire_mail::{smtp::xtext, value};

use super::{MailWriting, address, compose, resent};
use crate::{Fidelity, Interface, Loss, Submission, SubmissionRecipient, Tables};

/// Headers without a word in the canonical message that mail passes on from any interface
/// (RFC 4356 §2.1.3: "headers not listed here SHOULD be passed unaltered").
const PASSED: &[&str] = &["Comments", "In-Reply-To", "Keywords", "Organization", "References"];

/// Longest ENVID that a server must take (RFC 3461 §4.4).
const MAX_ENVID: usize = 100;

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
    fn refuse_what_mail_cannot_keep(&mut self) -> Result<(), Refusal> {
        if self.message.sender_visibility == Some(Visibility::Hide) {
            return Err(refused(
                Reason::SenderHidden,
                "X-Mms-Sender-Visibility: Hide cannot be kept in mail",
            ));
        }
        if let Some(charging) = &self.message.reply_charging {
            let uses = matches!(
                charging.kind,
                Some(ReplyChargingKind::Accepted | ReplyChargingKind::AcceptedTextOnly)
            );
            if uses || charging.id.is_some() {
                return Err(refused(Reason::ReplyChargingRefused, "the message uses a reply-charging grant"));
            }
        }
        Ok(())
    }

    /// MAIL FROM; null for everything that a machine made, because of the risk of loops.
    fn return_path(&mut self) -> Result<String, Refusal> {
        if self.is_automatic() {
            return Ok(String::new());
        }
        let originator = self.message.originator.as_ref().map(|party| &party.address);
        match self.message.return_path.as_ref().or(originator) {
            Some(path) => {
                address::mail_form(path, self.writing).map(|it| it.to_string()).map_err(sender_fault)
            }
            None => Ok(String::new()),
        }
    }

    fn is_automatic(&self) -> bool {
        self.message.automatic || self.message.class == Some(Class::Auto)
    }

    fn recipients(&mut self, recipients: &[Recipient]) -> Result<Vec<SubmissionRecipient>, Refusal> {
        let mut list = Vec::with_capacity(recipients.len());
        for (index, recipient) in recipients.iter().enumerate() {
            let mail =
                address::mail_form(&recipient.address, self.writing).map_err(recipient_fault)?.to_string();
            let notify = self.notify(recipient);
            let orcpt = recipient.original.clone().filter(|_| self.writing.dsn);
            let orcpt = orcpt.or_else(|| notify.map(|_| format!("rfc822;{}", xtext::encode(&mail))));
            list.push(SubmissionRecipient { address: mail, index, notify, orcpt });
        }
        if list.is_empty() {
            return Err(Refusal::new(Reason::AddressMalformed, Blame::Ours, "a mail needs a recipient"));
        }
        Ok(list)
    }

    /// The recipient's own request, else that of the message.
    fn notify(&mut self, recipient: &Recipient) -> Option<Notify> {
        if !self.writing.dsn {
            return None;
        }
        if recipient.notify.is_some() {
            return recipient.notify;
        }
        let relay = self.message.relay_delivery_report == Some(true);
        match self.message.delivery_report {
            Some(true) => Some(Notify { success: true, failure: true, ..Notify::default() }),
            _ if relay => Some(Notify { success: true, failure: true, ..Notify::default() }),
            Some(false) => Some(Notify { never: true, ..Notify::default() }),
            None => None,
        }
    }

    /// The time left, which each system on the way counts down (RFC 2852).
    fn deliver_by(&mut self) -> Result<Option<(i64, char)>, Refusal> {
        let Some(expiry) = self.message.expiry else { return Ok(None) };
        self.note(Field::Expiry);
        let seconds = match expiry {
            When::After(seconds) => seconds,
            When::At(at) => at.seconds_since(self.now),
        };
        if seconds == 0 {
            return Err(Refusal::new(
                Reason::Expired,
                Blame::Message,
                "the expiry time of the message is over",
            ));
        }
        // RFC 2852 §4 gives by-time nine digits.
        Ok(Some((i64::try_from(seconds).unwrap_or(i64::MAX).min(999_999_999), 'R')))
    }

    fn envelope_id(&self) -> Option<String> {
        let made = || (!self.message.id.is_empty()).then(|| xtext::encode(&self.message.id));
        self.message.envelope_id.clone().or_else(made).filter(|id| id.len() <= MAX_ENVID)
    }

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
            self.put(Field::Date, &date);
            self.push(Field::Originator, &from);
            self.address_lists(shown);
            self.put(Field::MessageId, &format!("<{id}>"));
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

    /// The mail's own identifier, else the message's if mail allows it, else one made from that: the same
    /// every time the message is sent.
    fn message_id(&mut self) -> String {
        let known = self.message.mail_id.as_deref().unwrap_or(&self.message.id);
        if is_message_id(known) {
            return known.to_owned();
        }
        self.loss.push(
            Field::MessageId,
            Fidelity::Synthesized,
            "The identifier of the message is none of Internet mail; a Message-ID was made.",
            Some(known.to_owned()),
        );
        if known.is_empty() {
            return self.writing.message_id.clone();
        }
        format!("{}@{}", as_local_part(known), self.writing.host)
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

    /// The newest sending on top, the original below (RFC 4356 §2.1.3.2, example).
    fn resent(
        &mut self,
        date: &str,
        from: &str,
        shown: (Vec<String>, Vec<String>),
        id: &str,
    ) -> Result<(), Refusal> {
        self.note(Field::PreviouslySent);
        self.loss.push(
            Field::PreviouslySent,
            Fidelity::Synthesized,
            "Recipients and Message-ID of the original are not known: who sent it on is named, an identifier is made.",
            None,
        );
        self.push_resent(Field::Date, date);
        self.push_resent(Field::Originator, from);
        let (to, cc) = shown;
        if to.is_empty() && cc.is_empty() {
            self.push_resent(Field::To, "undisclosed-recipients:;");
        }
        if !to.is_empty() {
            self.push_resent(Field::To, &to.join(", "));
        }
        if !cc.is_empty() {
            self.push_resent(Field::Cc, &cc.join(", "));
        }
        self.push_resent(Field::MessageId, &format!("<{id}>"));

        let mut history: Vec<&PreviouslySent> = self.message.previously_sent.iter().collect();
        history.sort_by_key(|sending| sending.index);
        let (original, later) = match history.split_first() {
            Some((original, later)) => (Some(*original), later),
            None => (None, [].as_slice()),
        };
        // Who sent it on had received it: the best that is known of the original's recipients.
        let first_recipient = match later.iter().find_map(|sending| sending.by.as_ref()) {
            Some(party) => self.mailbox(party).map_err(sender_fault)?,
            None => from.to_owned(),
        };
        for sending in later.iter().rev() {
            if let Some(at) = sending.at {
                self.push_resent(Field::Date, &value::format_date(at.0));
            }
            if let Some(by) = &sending.by {
                let by = self.mailbox(by).map_err(sender_fault)?;
                self.push_resent(Field::Originator, &by);
            }
        }
        let at = original.and_then(|sending| sending.at).map(|at| value::format_date(at.0));
        self.put(Field::Date, at.as_deref().unwrap_or(date));
        let by = original.and_then(|sending| sending.by.as_ref()).map(|party| self.mailbox(party));
        let by = by.transpose().map_err(sender_fault)?;
        self.push(Field::Originator, by.as_deref().unwrap_or(from));
        self.push(Field::To, &first_recipient);
        let made = format!("<original-{}@{}>", as_local_part(id), self.writing.host);
        self.put(Field::MessageId, &made);
        Ok(())
    }

    fn push_resent(&mut self, field: Field, value: &str) {
        let name = resent::resent(self.tables.mail(field).name());
        self.headers.push(Header::new(name, value));
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
                Some(token) => self.put(Field::Priority, &token),
                None => self.loss.push(
                    Field::Priority,
                    Fidelity::Lossy,
                    "Normal importance is what a mail without the header has.",
                    None,
                ),
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
            (Field::SenderVisibility, message.sender_visibility.is_some()),
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
                self.headers.push(Header::new(field.name.as_str(), value::encode_unstructured(&field.value)));
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

    /// Writes a field under the name of its row and notes what the row says of it.
    fn put(&mut self, field: Field, value: &str) {
        self.push(field, value);
        self.note(field);
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

/// Whether `id` can stand between the angle brackets of a Message-ID (RFC 5322 §3.6.4, obsolete forms aside).
pub(super) fn is_message_id(id: &str) -> bool {
    let side = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|c| c.is_ascii_graphic() && !b"<>()[]@,;:\\\"".contains(&c) || c == b':')
    };
    id.len() <= 250
        && id.split_once('@').is_some_and(|(left, right)| {
            side(left) && side(right.trim_start_matches('[').trim_end_matches(']'))
        })
}

/// Any text as the left side of an identifier, always the same for the same text; cut at 200 octets.
fn as_local_part(text: &str) -> String {
    let mut local = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-_+".contains(&octet) {
            local.push(char::from(octet));
        } else if matches!(octet, b'@' | b'.') {
            if !local.is_empty() && !local.ends_with('.') {
                local.push('.');
            }
        } else {
            local.push_str(&format!("={octet:02X}"));
        }
        if local.len() >= 200 {
            break;
        }
    }
    let local = local.trim_end_matches('.');
    if local.is_empty() { "message".to_owned() } else { local.to_owned() }
}

fn refused(reason: Reason, detail: &str) -> Refusal {
    Refusal::new(reason, Blame::Message, detail)
}

fn sender_fault(fault: AddressFault) -> Refusal {
    Refusal::new(Reason::SenderUnresolved, Blame::Message, format!("the sender's address {fault}"))
}

fn recipient_fault(fault: AddressFault) -> Refusal {
    Refusal::new(Reason::AddressMalformed, Blame::Message, format!("a recipient's address {fault}"))
}
