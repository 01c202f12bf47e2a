//! ENVELOPE (RFC 9051 section 7.5.2): header values as a server understood them.
//!
//! Encoded words are not decoded. Members that are missing or of another kind count as NIL.

use super::{Malformed, Reader, Value, Writer};
use alloc::{string::String, vec::Vec};

/// What a server says about the header of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the names are those of the header fields")]
pub struct Envelope {
    pub date: Option<String>,
    pub subject: Option<String>,
    pub from: Vec<Address>,
    pub sender: Vec<Address>,
    pub reply_to: Vec<Address>,
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    pub bcc: Vec<Address>,
    pub in_reply_to: Option<String>,
    pub message_id: Option<String>,
}

/// An address, or with only a mailbox the begin of a group, or with nothing the end of one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Address {
    /// The display name.
    pub name: Option<String>,
    /// A source route, obsolete.
    pub route: Option<String>,
    /// The local part, or the name of a group.
    pub mailbox: Option<String>,
    /// The domain; without one it is a group.
    pub host: Option<String>,
}

impl Envelope {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let error = reader.wanted("envelope");
        Self::of(&reader.value()?).ok_or(error)
    }

    pub(super) fn of(value: &Value<'_>) -> Option<Self> {
        let Value::List(members) = value else { return None };
        let at = |index: usize| members.get(index);
        let text = |index| at(index).and_then(Value::text);
        let addresses = |index| at(index).map(addresses).unwrap_or_default();
        Some(Self {
            date: text(0),
            subject: text(1),
            from: addresses(2),
            sender: addresses(3),
            reply_to: addresses(4),
            to: addresses(5),
            cc: addresses(6),
            bcc: addresses(7),
            in_reply_to: text(8),
            message_id: text(9),
        })
    }

    /// Writes it as a FETCH response has it.
    pub fn write(&self, writer: &mut Writer) {
        writer.raw("(").nstring(self.date.as_deref()).raw(" ").nstring(self.subject.as_deref());
        for addresses in [&self.from, &self.sender, &self.reply_to, &self.to, &self.cc, &self.bcc] {
            writer.raw(" ");
            if addresses.is_empty() {
                writer.raw("NIL");
                continue;
            }
            writer.raw("(");
            for address in addresses {
                writer.list(
                    [&address.name, &address.route, &address.mailbox, &address.host],
                    |writer, text| {
                        writer.nstring(text.as_deref());
                    },
                );
            }
            writer.raw(")");
        }
        writer.raw(" ").nstring(self.in_reply_to.as_deref());
        writer.raw(" ").nstring(self.message_id.as_deref()).raw(")");
    }
}

fn addresses(value: &Value<'_>) -> Vec<Address> {
    value
        .members()
        .iter()
        .filter(|member| matches!(member, Value::List(_)))
        .map(|member| {
            let text = |index: usize| member.members().get(index).and_then(Value::text);
            Address { name: text(0), route: text(1), mailbox: text(2), host: text(3) }
        })
        .collect()
}
