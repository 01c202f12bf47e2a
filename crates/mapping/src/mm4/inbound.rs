//! PDU -> message, report or answer.
//!
//! Lenient as `cedrat_wire_mms` is: what a peer leaves out is absent, what it garbles is absent with
//! a word in the loss report. The envelope decides who receives; header lists are for display.

use alloc::{
    borrow::ToOwned,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_message::{
    Address, Blame, Class, Field, Message, Origin, Party, PreviouslySent, Reason, Recipient, Refusal,
    ReplyCharging, Role, Shown, Timestamp, UnknownField, When,
};
use cedrat_wire_mail::value;
use cedrat_wire_mms::{
    address::{self as mms_address, Envelope as Path, MmsAddress},
    date,
    mm4::{ExpiryValue, Header, Id, Kind, Name, Pdu},
    quirks::{Damaged, ForwardTrace, Quirks},
};

use super::{Envelope, Hop, address, content, refusal_of, report};
use crate::{
    loss::{Fidelity, Interface, Loss},
    submission::Inbound,
    tables::{Row, Tables},
    words::Word,
};

/// Reads a PDU. `now` is its time of arrival.
///
/// # Errors
/// Why it cannot be taken, with the hop, so that the refusal can be answered.
// The success is larger than the failure; boxing it would save nothing.
#[allow(clippy::result_large_err)]
pub fn inbound(
    tables: &Tables,
    pdu: &Pdu,
    envelope: &Envelope<'_>,
    quirks: &Quirks,
    now: Timestamp,
) -> Result<(Inbound, Hop, Loss), (Refusal, Hop)> {
    let hop = Hop::of(pdu, envelope.from, quirks);
    let mut loss = Loss::inbound(Interface::Mm4);
    let read = match pdu.kind {
        Kind::ForwardReq => {
            let reading = Reading { tables, pdu, quirks, now, loss: &mut loss, refusal: None };
            reading.message(envelope).map(Inbound::Message)
        }
        Kind::DeliveryReportReq => {
            report::read_delivery(tables, pdu, quirks, &mut loss).map(|it| Inbound::Delivery(Vec::from([it])))
        }
        Kind::ReadReplyReportReq => report::read_read(tables, pdu, &mut loss).map(Inbound::Read),
        Kind::ForwardRes | Kind::DeliveryReportRes | Kind::ReadReplyReportRes => {
            report::read_result(tables, pdu, quirks).map(Inbound::Result)
        }
    };
    match read {
        Ok(read) => Ok((read, hop, loss)),
        Err(refusal) => Err((refusal, hop)),
    }
}

/// A forward request being read.
struct Reading<'a> {
    tables: &'a Tables,
    pdu: &'a Pdu,
    quirks: &'a Quirks,
    now: Timestamp,
    loss: &'a mut Loss,
    /// The first one counts.
    refusal: Option<Refusal>,
}

impl<'a> Reading<'a> {
    fn message(mut self, envelope: &Envelope<'_>) -> Result<Message, Refusal> {
        let from = mms_address::envelope(envelope.from);
        let mut message = Message::new(Origin::Mm4, String::new());
        self.identify(&mut message, &from);
        self.parties(&mut message, &from);
        self.recipients(&mut message, envelope.recipients)?;
        self.wishes(&mut message);
        self.times(&mut message);
        self.history(&mut message);
        self.others(&mut message);
        message.automatic = message.class == Some(Class::Auto) || from == Path::Null;
        if !message.automatic || from != Path::Null {
            message.return_path = self.return_path(&message, &from);
        }
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        let (content, damaged) = content::read(self.pdu)?;
        if damaged {
            if self.quirks.damaged == Damaged::Refuse {
                let detail = "a part is cut or holds octets that its encoding does not allow";
                return Err(Refusal::new(Reason::MessageFormatCorrupt, Blame::Message, detail));
            }
            self.loss.push(Field::Content, Fidelity::Lossy, "A part arrived damaged.", None);
        }
        message.content = content;
        Ok(message)
    }

    fn row(&self, field: Field) -> &'a Row {
        self.tables.mm4(field)
    }

    /// The header of a field under any of its names, when it is there and not empty.
    fn value(&mut self, field: Field) -> Option<&'a str> {
        let row = self.row(field);
        let mut names = row.header.iter().chain(&row.aliases);
        let value = names.find_map(|name| self.pdu.headers.first(name).filter(|value| !value.is_empty()))?;
        self.takes(field, value).then_some(value)
    }

    /// Whether the row lets a value in; what it changes or leaves behind is noted.
    fn takes(&mut self, field: Field, value: &str) -> bool {
        let row = self.row(field);
        match row.inbound.fidelity {
            Fidelity::Exact => true,
            Fidelity::Lossy | Fidelity::Synthesized => {
                self.loss.note(row);
                true
            }
            Fidelity::Dropped => {
                self.loss.note_value(row, Some(value.to_owned()));
                false
            }
            Fidelity::Refused => {
                self.refusal.get_or_insert_with(|| refusal_of(field));
                false
            }
        }
    }

    /// A token by the value map of its row; what is no token of it is lost.
    fn token<W: Word>(&mut self, field: Field) -> Option<W> {
        let text = self.value(field)?;
        let value = self.row(field).read(text.trim().trim_matches('"'));
        if value.is_none() {
            self.unreadable(field, text);
        }
        value
    }

    fn unreadable(&mut self, field: Field, text: &str) {
        let note = "The header holds no value of its kind and counts as absent.";
        self.loss.push(field, Fidelity::Dropped, note, Some(text.to_owned()));
    }

    fn identify(&mut self, message: &mut Message, from: &Path) {
        let row = self.row(Field::MessageId);
        let mail_id = self.pdu.rfc5322_message_id().map(|id| Id::new(id).unquoted().to_owned());
        let named = row.header.as_ref().and_then(|name| self.pdu.headers.first(name));
        match named.filter(|id| !id.is_empty()).map(Id::new) {
            Some(id) => {
                message.id = id.unquoted().to_owned();
                message.id_as_received = (id.as_str() != message.id).then(|| id.as_str().to_owned());
                message.mail_id = mail_id.filter(|mail_id| *mail_id != message.id);
            }
            None => {
                let note = "The peer gave no message ID; one was made that a repetition makes again.";
                message.id = mail_id.unwrap_or_else(|| {
                    self.loss.push(Field::MessageId, Fidelity::Synthesized, note, None);
                    digest_id(self.pdu, from)
                });
            }
        }
        if message.id.is_empty() {
            message.id = digest_id(self.pdu, from);
        }
    }

    fn parties(&mut self, message: &mut Message, from: &Path) {
        let named = self.value(Field::Originator).and_then(|text| {
            let party = mms_address::one(text).and_then(|one| address::read_party(&one).ok());
            if party.is_none() {
                self.unreadable(Field::Originator, text);
            }
            party
        });
        message.originator = named.or_else(|| {
            let Path::Address(path) = from else { return None };
            let party = address::read(path).ok().map(Party::new)?;
            let note = "The originator was taken from the envelope.";
            self.loss.push(Field::Originator, Fidelity::Synthesized, note, None);
            Some(party)
        });
        for (field, role) in [(Field::To, Role::To), (Field::Cc, Role::Cc)] {
            let row = self.row(field);
            for header in self.pdu.headers.iter().filter(|header| row.names().any(|name| header.is(name))) {
                if !self.takes(field, header.value()) {
                    continue;
                }
                for one in mms_address::list(header.value()) {
                    match address::read_party(&one) {
                        Ok(party) => message.shown.push(Shown { role, party }),
                        Err(_) => self.unreadable(field, &one.local),
                    }
                }
            }
        }
        message.originator_system = self.value(Field::OriginatorSystem).map(ToOwned::to_owned);
    }

    /// Entries of the envelope in the role in which they are shown; not shown is blind.
    fn recipients(&mut self, message: &mut Message, paths: &[String]) -> Result<(), Refusal> {
        // A map, because a list may hold as many as the header limits allow.
        let mut shown: BTreeMap<String, Role> = BTreeMap::new();
        for entry in &message.shown {
            shown.entry(address::key(&entry.party.address)).or_insert(entry.role);
        }
        for path in paths {
            let fault = |why: &dyn core::fmt::Display| {
                Refusal::new(Reason::AddressMalformed, Blame::Peer, format!("recipient {why}"))
            };
            let address = match mms_address::envelope(path) {
                Path::Address(mms) => address::read(&mms).map_err(|error| fault(&error))?,
                Path::Null => return Err(fault(&"is the null path")),
            };
            let role = match shown.get(&address::key(&address)) {
                Some(role) => *role,
                None if shown.is_empty() && paths.len() == 1 => Role::To,
                None => Role::Bcc,
            };
            message.recipients.push(Recipient { address, role, notify: None, original: None });
        }
        if message.recipients.is_empty() {
            return Err(Refusal::new(
                Reason::RecipientUnknown,
                Blame::Peer,
                "the envelope names no recipient",
            ));
        }
        Ok(())
    }

    fn return_path(&self, message: &Message, from: &Path) -> Option<Address> {
        let Path::Address(path) = from else { return None };
        let address = address::read(path).ok()?;
        let originator = message.originator.as_ref().map(|it| address::key(&it.address));
        let same = originator == Some(address::key(&address));
        (!same || message.automatic).then_some(address)
    }

    fn wishes(&mut self, message: &mut Message) {
        message.subject = self.subject();
        message.class = self.value(Field::Class).map(|text| {
            let token = text.trim().trim_matches('"');
            self.row(Field::Class).read(token).unwrap_or_else(|| Class::Other(token.to_owned()))
        });
        message.priority = self.token(Field::Priority);
        message.sender_visibility = self.token(Field::SenderVisibility);
        message.delivery_report = self.token(Field::DeliveryReport);
        message.relay_delivery_report = self.token(Field::RelayDeliveryReport);
        message.read_report = self.token(Field::ReadReport);
        let kind = self.token(Field::ReplyCharging);
        if self.row(Field::ReplyCharging).inbound.fidelity >= Fidelity::Dropped {
            return;
        }
        let charging = ReplyCharging {
            kind,
            deadline: self.pdu.reply_charging_deadline().map(|time| When::At(self.moment(time))),
            max_octets: self.pdu.reply_charging_size(),
            id: self.pdu.reply_charging_id().map(|id| id.unquoted().to_owned()),
        };
        let empty = ReplyCharging { kind: None, deadline: None, max_octets: None, id: None };
        message.reply_charging = (charging != empty).then_some(charging);
    }

    /// An empty subject line is a subject.
    fn subject(&mut self) -> Option<String> {
        let row = self.row(Field::Subject);
        let text = row.names().find_map(|name| self.pdu.headers.first(name))?;
        self.takes(Field::Subject, text).then(|| value::unstructured(text))
    }

    fn times(&mut self, message: &mut Message) {
        if let Some(text) = self.value(Field::Date) {
            message.date = Some(date::parse(text).map_or_else(
                || {
                    let note = "The date cannot be read; the time of arrival stands for it.";
                    self.loss.push(Field::Date, Fidelity::Synthesized, note, Some(text.to_owned()));
                    self.now
                },
                Timestamp,
            ));
        }
        message.expiry = self.value(Field::Expiry).and_then(|text| self.expiry(text));
        message.delivery_time = self.value(Field::DeliveryTime).and_then(|text| {
            let time = ExpiryValue::read(text).map(|time| When::At(self.moment(time)));
            if time.is_none() {
                self.unreadable(Field::DeliveryTime, text);
            }
            time
        });
    }

    /// Held inside the bounds of the peer's profile, because clocks and time zones of peers are wrong.
    fn expiry(&mut self, text: &str) -> Option<When> {
        let Some(stated) = ExpiryValue::read(text) else {
            self.unreadable(Field::Expiry, text);
            return None;
        };
        let clamp = self.quirks.expiry_clamp;
        let bound = |ms: u64| self.now.0.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX));
        let earliest = bound(clamp.min_ms);
        let latest = bound(clamp.max_ms).max(earliest);
        let stated = self.moment(stated);
        let held = Timestamp(stated.0.clamp(earliest, latest));
        if held != stated {
            let note =
                "The expiry was outside the bounds of the peer's profile and was moved to the nearer bound.";
            self.loss.push(Field::Expiry, Fidelity::Lossy, note, Some(text.to_owned()));
        }
        Some(When::At(held))
    }

    /// A span counts from arrival: the clock of the peer may be wrong, and time in the queue is time
    /// gone (RFC 4356 §2.1.3.2).
    fn moment(&self, value: ExpiryValue) -> Timestamp {
        match value {
            ExpiryValue::After(seconds) => self.now.plus_seconds(seconds),
            ExpiryValue::At(at) => Timestamp(at),
        }
    }

    /// Earlier sendings, unless the profile passes the trace on as it is.
    fn history(&mut self, message: &mut Message) {
        let trace = self.row(Field::Hops);
        message.hops = u32::try_from(self.pdu.headers.iter().filter(|it| it.is(trace.name())).count())
            .unwrap_or(u32::MAX);
        message.forward_counter = self.value(Field::ForwardCounter).and_then(|text| {
            let counter = text.trim().trim_matches('"').parse().ok();
            if counter.is_none() {
                self.unreadable(Field::ForwardCounter, text);
            }
            counter
        });
        if self.quirks.forward_trace == ForwardTrace::Pass {
            return;
        }
        let row = self.row(Field::PreviouslySent);
        let at =
            |index: u32, sent: &mut Vec<PreviouslySent>| match sent.iter().position(|it| it.index == index) {
                Some(place) => place,
                None => {
                    sent.push(PreviouslySent { index, by: None, at: None });
                    sent.len() - 1
                }
            };
        for header in self.pdu.headers.iter() {
            let (by, when) = (header.is(row.name()), row.further.iter().any(|name| header.is(name)));
            if !(by || when) || !self.takes(Field::PreviouslySent, header.value()) {
                continue;
            }
            let position = u32::try_from(message.previously_sent.len()).unwrap_or(u32::MAX);
            let entry = cedrat_wire_mms::mm4::Indexed::read(header.value(), position);
            let party = by
                .then(|| mms_address::one(entry.value).and_then(|one| address::read_party(&one).ok()))
                .flatten();
            let time = when.then(|| date::parse(entry.value).map(Timestamp)).flatten();
            if party.is_none() && time.is_none() {
                self.unreadable(Field::PreviouslySent, header.value());
                continue;
            }
            let place = at(entry.index, &mut message.previously_sent);
            if let Some(sent) = message.previously_sent.get_mut(place) {
                sent.by = party.or_else(|| sent.by.take());
                sent.at = time.or(sent.at);
            }
        }
        message.previously_sent.sort_by_key(|sent| sent.index);
    }

    /// What no field carries stays as it is, but for what the profile says to strip.
    fn others(&mut self, message: &mut Message) {
        for header in self.pdu.headers.iter() {
            let kept = || UnknownField { name: header.name().to_owned(), value: header.value().to_owned() };
            match self.tables.field_of_header(Interface::Mm4, header.name()) {
                Some(Field::ServiceFields) => {
                    if self.takes(Field::ServiceFields, header.name()) {
                        message.service_fields.push(kept());
                    }
                }
                Some(Field::Hops) => message.unknown.push(kept()),
                Some(Field::PreviouslySent) if self.quirks.forward_trace == ForwardTrace::Pass => {
                    message.unknown.push(kept());
                }
                Some(_) => {}
                None if content::is_content(header.name()) || belongs_to_hop(header) => {}
                None if stripped(self.quirks, header.name()) => {
                    let note = "The profile of the peer strips this header.";
                    self.loss.push(Field::Unknown, Fidelity::Dropped, note, Some(header.name().to_string()));
                }
                None => {
                    if self.takes(Field::Unknown, header.name()) {
                        message.unknown.push(kept());
                    }
                }
            }
        }
    }
}

/// Whether a header concerns one hop only.
fn belongs_to_hop(header: &Header) -> bool {
    matches!(Name::read(header.name()), Some(Name::AckRequest | Name::Sender | Name::MimeVersion))
}

/// Whether a profile strips the header.
pub(super) fn stripped(quirks: &Quirks, name: &str) -> bool {
    quirks.strip_headers.iter().any(|strip| strip.eq_ignore_ascii_case(name))
}

/// An identifier of a message that has none: a digest (FNV-1a) of what the sender wrote, so that a
/// repeated request gets it again. It names, it does not protect.
fn digest_id(pdu: &Pdu, from: &Path) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut take = |octets: &[u8]| {
        for octet in octets {
            hash = (hash ^ u64::from(*octet)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    for name in ["From", "To", "Date", "Subject", "X-Mms-Transaction-ID"] {
        take(pdu.headers.first(name).unwrap_or_default().as_bytes());
        take(b"\n");
    }
    take(&pdu.body);
    let domain = match from {
        Path::Address(MmsAddress { domain: Some(domain), .. }) => domain.as_str(),
        _ => "mm4.invalid",
    };
    format!("{hash:016x}@{domain}")
}
