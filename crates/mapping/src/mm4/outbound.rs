//! Message -> `MM4_forward.REQ` for one peer.
//!
//! Content that came over MM4 goes on octet for octet; content from elsewhere, or changed here, is
//! put together in [`super::body`]. A field goes out only as its row allows. Absent stays absent.

use alloc::{
    borrow::ToOwned,
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_message::{
    Address, Blame, Class, Field, Message, Origin, Reason, Recipient, Refusal, Role, Timestamp, Visibility,
    When,
};
use cedrat_wire_mail::value;
use cedrat_wire_mms::{
    address::MmsAddress,
    date,
    mm4::{
        ExpiryValue, ForwardReq, Header, Id, Indexed, MessageClass, Name, Pdu, Priority, ReplyCharging,
        SenderVisibility, yes_no,
    },
    quirks::{HeaderCase, Quirks},
};

use super::{Local, address, body, inbound::stripped, mail_atom, path, refusal_of};
use crate::{
    loss::{Fidelity, Interface, Loss},
    submission::{Submission, SubmissionRecipient},
    tables::{AddressKind, Tables},
    words::Word,
};

/// Writes a message for some of its recipients, all of them the peer's. `now` is the time of writing.
///
/// # Errors
/// When a row refuses what the message asks for, an address cannot be written, or the content cannot
/// be brought within the peer's limits.
pub fn outbound(
    tables: &Tables,
    message: &Message,
    recipients: &[Recipient],
    quirks: &Quirks,
    local: &Local<'_>,
    now: Timestamp,
) -> Result<(Submission, Loss), Refusal> {
    let mut writing = Writing { tables, quirks, local, loss: Loss::outbound(Interface::Mm4), refusal: None };
    writing.note_unwritten(message);
    let from = writing.originator(message)?;
    let (to, cc) = writing.shown(message, recipients)?;
    let content = body::content(message, quirks, local.boundary, &mut writing.loss)?;
    let mut request = ForwardReq::new(
        Id::new(local.transaction_id),
        message_id(message),
        from.clone(),
        to,
        content.content_type,
    );
    request.cc = cc;
    request.extra = content.headers;
    writing.fields(message, &mut request);
    writing.rest(message, &mut request);
    if let Some(refusal) = writing.refusal {
        return Err(refusal);
    }
    let mut pdu = request.pdu(&local.style(quirks, now), content.octets);
    trace(message, local, now, &mut pdu);

    let mut octets = Vec::new();
    pdu.encode(&mut octets);
    if octets.len() as u64 > quirks.max_octets {
        let detail = format!("{} octets, the peer takes {}", octets.len(), quirks.max_octets);
        return Err(Refusal::new(Reason::MessageTooLarge, Blame::Message, detail));
    }
    let mail_from = if message.automatic && message.return_path.is_none() {
        String::new()
    } else if from.is_number() || from.domain.is_some() {
        path(&from.envelope(quirks.envelope_domain.then_some(local.domain)))
    } else {
        local.system_address.to_owned()
    };
    let rcpt = |(index, recipient): (usize, &Recipient)| SubmissionRecipient {
        address: path(
            &address::write(&recipient.address).envelope(quirks.envelope_domain.then_some(local.peer_domain)),
        ),
        index,
        notify: None,
        orcpt: None,
    };
    let recipients: Vec<_> = recipients.iter().enumerate().map(rcpt).collect();
    let submission = Submission {
        smtputf8: !mail_from.is_ascii() || recipients.iter().any(|it| !it.address.is_ascii()),
        mail_from,
        recipients,
        envid: None,
        ret: None,
        deliver_by: None,
        eight_bit: !octets.is_ascii(),
        binary: body::is_binary(&octets),
        content: octets.into(),
        message_id: message.id.clone(),
        transaction_id: Some(local.transaction_id.to_owned()),
    };
    Ok((submission, writing.loss))
}

/// The identifier in the octets received, where it came over MM4 with quotes of its own.
fn message_id(message: &Message) -> Id {
    let received = message.id_as_received.as_ref().filter(|_| message.origin == Origin::Mm4).map(Id::new);
    received.filter(|id| id.unquoted() == message.id).unwrap_or_else(|| Id::new(message.id.as_str()))
}

/// The trace of RFC 5321 §4.4: this gateway on top of the systems before it. Names no recipient,
/// because one of them may be blind.
fn trace(message: &Message, local: &Local<'_>, now: Timestamp, pdu: &mut Pdu) {
    let received = message.unknown.iter().filter(|it| is_trace(&it.name));
    let earlier: Vec<Header> = received.map(|it| Header::new(it.name.as_str(), it.value.as_str())).collect();
    for header in earlier.into_iter().rev() {
        pdu.headers.prepend(header);
    }
    let id = mail_atom(local.transaction_id);
    let line = format!("by {} with MMS id {id}; {}", local.domain, date::rfc5322(now.0, 0));
    pdu.headers.prepend(Header::new("Received", line));
}

fn is_trace(name: &str) -> bool {
    name.eq_ignore_ascii_case("Received")
}

/// A request being written.
struct Writing<'a> {
    tables: &'a Tables,
    quirks: &'a Quirks,
    local: &'a Local<'a>,
    loss: Loss,
    /// The first one counts.
    refusal: Option<Refusal>,
}

impl Writing<'_> {
    /// What its row lets through of a value that the message has.
    fn carry<T>(&mut self, field: Field, value: Option<T>) -> Option<T> {
        let value = value?;
        let row = self.tables.mm4(field);
        self.loss.note(row);
        match row.outbound.fidelity {
            Fidelity::Exact | Fidelity::Lossy | Fidelity::Synthesized => Some(value),
            Fidelity::Dropped => None,
            Fidelity::Refused => {
                self.refusal.get_or_insert_with(|| refusal_of(field));
                None
            }
        }
    }

    /// The token of a value by the map of its row; a value without one is lost.
    fn token<W: Word>(&mut self, field: Field, value: Option<W>) -> Option<String> {
        let value = self.carry(field, value)?;
        let token = self.tables.mm4(field).write(&value).map(ToOwned::to_owned);
        if token.is_none() {
            let note = "MM4 has no token for this value.";
            self.loss.push(field, Fidelity::Dropped, note, value.word().map(ToOwned::to_owned));
        }
        token
    }

    /// Fields that no header of a request carries: noted, or a refusal.
    fn note_unwritten(&mut self, message: &Message) {
        self.carry(Field::Sensitivity, message.sensitivity.as_ref());
        self.carry(Field::ReplyTo, message.reply_to.first());
        self.carry(Field::ReturnContent, message.return_content);
        self.carry(Field::EnvelopeId, message.envelope_id.as_ref());
        self.carry(Field::DeliveryTime, message.delivery_time);
        self.carry(Field::ReturnPath, message.return_path.as_ref());
        let other_system = message.originator_system.as_ref();
        self.carry(Field::OriginatorSystem, other_system);
    }

    fn originator(&mut self, message: &Message) -> Result<MmsAddress, Refusal> {
        match &message.originator {
            Some(party) => {
                let written = self.written(Field::Originator, &party.address)?;
                self.display_is_lost(Field::Originator, party.display.as_deref());
                Ok(written)
            }
            None => {
                let note = "The originator is hidden or unknown; the gateway stands for it.";
                self.loss.push(Field::Originator, Fidelity::Synthesized, note, None);
                Ok(self.system())
            }
        }
    }

    fn system(&self) -> MmsAddress {
        cedrat_wire_mms::address::one(self.local.system_address)
            .unwrap_or_else(|| MmsAddress::mail("system-user", self.local.domain))
    }

    /// An address by the address table of MM4.
    fn written(&mut self, field: Field, address: &Address) -> Result<MmsAddress, Refusal> {
        if let Some(form) = self.tables.form(Interface::Mm4, AddressKind::of(address)) {
            let note = form.note.as_deref().unwrap_or_default();
            match form.fidelity {
                Fidelity::Exact => {}
                Fidelity::Refused => {
                    return Err(Refusal::new(Reason::AddressMalformed, Blame::Message, note));
                }
                fidelity => self.loss.push(field, fidelity, note, Some(address.to_string())),
            }
        }
        Ok(address::write(address))
    }

    fn display_is_lost(&mut self, field: Field, display: Option<&str>) {
        if let Some(display) = display {
            let note = "MM4 peers take the whole value for the address, so no name is written beside it.";
            self.loss.push(field, Fidelity::Dropped, note, Some(display.to_owned()));
        }
    }

    /// To and Cc: who is shown, at most as many as the peer takes, this copy's recipients before
    /// others. A blind recipient is shown only when it is the sole one (RFC 4356 §2.1.3.3).
    fn shown(
        &mut self,
        message: &Message,
        recipients: &[Recipient],
    ) -> Result<(Vec<MmsAddress>, Vec<MmsAddress>), Refusal> {
        let most = usize::try_from(self.quirks.group_max).unwrap_or(usize::MAX).max(1);
        let own: BTreeSet<String> = recipients.iter().map(|it| address::key(&it.address)).collect();
        let mine = |address: &Address| own.contains(&address::key(address));
        let mut over = message.shown.len().saturating_sub(most);
        let (mut to, mut cc) = (Vec::new(), Vec::new());
        // From the end, so that the first named stay; the copy's own recipients always do.
        let mut kept: Vec<_> = Vec::with_capacity(message.shown.len());
        for shown in message.shown.iter().rev() {
            if over > 0 && !mine(&shown.party.address) {
                over -= 1;
                let note = "The peer shows fewer recipients of a group than the message names.";
                let field = if shown.role == Role::Cc { Field::Cc } else { Field::To };
                self.loss.push(field, Fidelity::Dropped, note, Some(shown.party.address.to_string()));
            } else {
                kept.push(shown);
            }
        }
        for shown in kept.into_iter().rev() {
            let (field, list) = match shown.role {
                Role::To => (Field::To, &mut to),
                Role::Cc => (Field::Cc, &mut cc),
                Role::Bcc => continue,
            };
            list.push(self.written(field, &shown.party.address)?);
            self.display_is_lost(field, shown.party.display.as_deref());
        }
        if to.is_empty() && cc.is_empty() {
            let note = "The message shows no recipient, and MM4 wants one.";
            let value = match (recipients, message.recipients.len()) {
                ([only], 0..=1) => self.written(Field::To, &only.address)?,
                _ => self.system(),
            };
            self.loss.push(Field::To, Fidelity::Synthesized, note, None);
            to.push(value);
        }
        Ok((to, cc))
    }

    fn fields(&mut self, message: &Message, request: &mut ForwardReq) {
        request.date = self.carry(Field::Date, message.date).map(|date| date.0);
        request.subject =
            self.carry(Field::Subject, message.subject.as_deref()).map(value::encode_unstructured);
        let automatic = message.automatic && message.origin == Origin::Mail;
        request.message_class = match message.class.clone().or(automatic.then_some(Class::Auto)) {
            Some(Class::Other(token)) => self.carry(Field::Class, Some(MessageClass::Other(token))),
            class => self.token(Field::Class, class).as_deref().map(MessageClass::read),
        };
        request.priority = self.token(Field::Priority, message.priority).as_deref().and_then(Priority::read);
        request.sender_visibility = match message.sender_visibility {
            // A row that refuses hidden senders has nothing against those who want to be seen.
            Some(Visibility::Show)
                if self.tables.mm4(Field::SenderVisibility).outbound.fidelity == Fidelity::Refused =>
            {
                None
            }
            visibility => {
                self.token(Field::SenderVisibility, visibility).as_deref().and_then(SenderVisibility::read)
            }
        };
        request.expiry = self.carry(Field::Expiry, message.expiry).map(expiry);
        request.delivery_report = self.flag(Field::DeliveryReport, message.delivery_report);
        let own = self.local.relay_delivery_report.or(message.relay_delivery_report);
        request.originator_rs_delivery_report = self.flag(Field::RelayDeliveryReport, own);
        request.read_reply = self.flag(Field::ReadReport, message.read_report);
        request.ack_request = Some(self.local.ack);
        if let Some(charging) = self.carry(Field::ReplyCharging, message.reply_charging.as_ref()) {
            let row = self.tables.mm4(Field::ReplyCharging);
            request.reply_charging = ReplyCharging {
                request: charging.kind.and_then(|kind| row.write(&kind).map(ToOwned::to_owned)),
                id: charging.id.as_deref().map(Id::new),
                deadline: charging.deadline.map(expiry),
                max_octets: charging.max_octets,
            };
        }
    }

    fn flag(&mut self, field: Field, value: Option<bool>) -> Option<bool> {
        self.token(field, value).as_deref().and_then(yes_no)
    }

    fn rest(&mut self, message: &Message, request: &mut ForwardReq) {
        request.forward_counter = self.carry(Field::ForwardCounter, message.forward_counter);
        if !message.previously_sent.is_empty() {
            let sent = self.carry(Field::PreviouslySent, Some(&message.previously_sent));
            for entry in sent.into_iter().flatten() {
                if let Some(by) = &entry.by {
                    let value = address::write(&by.address);
                    request.previously_sent_by.push(Indexed { index: entry.index, value });
                }
                if let Some(at) = entry.at {
                    request.previously_sent_dates.push(Indexed { index: entry.index, value: at.0 });
                }
            }
        }
        let mail_id = message.mail_id.as_deref().unwrap_or(&message.id);
        request.rfc5322_message_id = Some(match mail_id.rsplit_once('@') {
            Some((left, right))
                if !left.is_empty() && !mail_id.contains(char::is_whitespace) && !right.is_empty() =>
            {
                mail_id.to_owned()
            }
            _ => format!("{}@{}", mail_atom(mail_id), self.local.domain),
        });
        if !message.service_fields.is_empty() {
            let fields = self.carry(Field::ServiceFields, Some(&message.service_fields));
            for field in fields.into_iter().flatten() {
                let name = spelt(&field.name, self.quirks.header_case);
                request.extra.push(Header::new(name, field.value.as_str()));
            }
        }
        for field in message.unknown.iter().filter(|it| !is_trace(&it.name)) {
            if message.origin != Origin::Mm4 || stripped(self.quirks, &field.name) {
                let note =
                    "The header stays behind: it is of another interface, or the peer's profile strips it.";
                self.loss.push(Field::Unknown, Fidelity::Dropped, note, Some(field.name.clone()));
            } else if self.carry(Field::Unknown, Some(())).is_some() {
                request.extra.push(Header::new(field.name.as_str(), field.value.as_str()));
            }
        }
    }
}

const fn expiry(when: When) -> ExpiryValue {
    match when {
        When::After(seconds) => ExpiryValue::After(seconds),
        When::At(at) => ExpiryValue::At(at.0),
    }
}

/// A known name as the specification or the peer spells it; another as it is.
fn spelt(name: &str, case: HeaderCase) -> String {
    let exact = Name::read(name).map_or(name, |known| known.spelling());
    if case == HeaderCase::ThreeGpp || !exact.starts_with("X-Mms-") {
        return exact.to_owned();
    }
    let mut start = true;
    let word = |c: char| {
        let c = if start { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        start = c == '-';
        c
    };
    exact.chars().map(word).collect()
}
