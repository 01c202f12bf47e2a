//! BODYSTRUCTURE and BODY (RFC 9051 section 7.5.2): what parts a message has, as a server understood it.
//!
//! Servers differ in how much of it they get right. What is of another kind than it should be counts as absent; only a
//! value that is no list at all is refused.

use super::{Envelope, Malformed, Reader, Value, Writer};
use alloc::{boxed::Box, string::String, vec::Vec};

/// A part and the parts within it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BodyStructure {
    /// `multipart`, `text` and so on, in lower case.
    pub media_type: String,
    /// In lower case.
    pub subtype: String,
    /// Of Content-Type, in their order.
    pub parameters: Vec<(String, String)>,
    /// Content-ID with its angle brackets.
    pub id: Option<String>,
    /// Content-Description.
    pub description: Option<String>,
    /// Content-Transfer-Encoding in lower case; empty for a multipart.
    pub encoding: String,
    /// Of the part in its transfer encoding; 0 for a multipart.
    pub octets: u64,
    /// Lines of a text or message part.
    pub lines: Option<u64>,
    /// Of the message in a message/rfc822 part.
    pub envelope: Option<Box<Envelope>>,
    /// The parts of a multipart, or the one body of a message/rfc822 part.
    pub parts: Vec<Self>,
    /// Content-MD5.
    pub md5: Option<String>,
    /// Content-Disposition.
    pub disposition: Option<Disposition>,
    /// Content-Language.
    pub languages: Vec<String>,
    /// Content-Location.
    pub location: Option<String>,
}

/// Content-Disposition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Disposition {
    /// `attachment`, `inline`, in lower case.
    pub kind: String,
    /// In their order.
    pub parameters: Vec<(String, String)>,
}

impl BodyStructure {
    /// Whether it has the parts of a multipart.
    #[must_use]
    pub fn is_multipart(&self) -> bool {
        self.media_type == "multipart"
    }

    /// Whether it has the one body of a message.
    #[must_use]
    pub fn is_message(&self) -> bool {
        self.media_type == "message" && matches!(self.subtype.as_str(), "rfc822" | "global")
    }

    /// The part of these numbers (RFC 9051 section 6.4.5.1): those of a message within a message go through it.
    #[must_use]
    pub fn part(&self, numbers: &[u32]) -> Option<&Self> {
        let Some((first, rest)) = numbers.split_first() else { return Some(self) };
        let inner = if self.is_message() { self.parts.first()? } else { self };
        let index = usize::try_from(*first).ok()?.checked_sub(1)?;
        if inner.is_multipart() {
            inner.parts.get(index)?.part(rest)
        } else if index == 0 {
            // A message that is no multipart has one part, itself.
            if rest.is_empty() { Some(inner) } else { None }
        } else {
            None
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let error = reader.wanted("body structure");
        Self::of(&reader.value()?).ok_or(error)
    }

    fn of(value: &Value<'_>) -> Option<Self> {
        let Value::List(members) = value else { return None };
        Some(match members.first() {
            Some(Value::List(_)) => Self::multipart(members),
            _ => Self::single(members),
        })
    }

    fn multipart(members: &[Value<'_>]) -> Self {
        let count = members.iter().take_while(|member| matches!(member, Value::List(_))).count();
        let (parts, rest) = members.split_at(count);
        let mut rest = rest.iter();
        let mut part = Self {
            media_type: "multipart".into(),
            subtype: lower(rest.next()).unwrap_or_else(|| "mixed".into()),
            parameters: pairs(rest.next()),
            parts: parts.iter().filter_map(Self::of).collect(),
            ..Self::default()
        };
        part.extend(rest);
        part
    }

    fn single(members: &[Value<'_>]) -> Self {
        let mut rest = members.iter();
        let mut part = Self {
            media_type: lower(rest.next()).unwrap_or_else(|| "text".into()),
            subtype: lower(rest.next()).unwrap_or_else(|| "plain".into()),
            parameters: pairs(rest.next()),
            id: rest.next().and_then(Value::text),
            description: rest.next().and_then(Value::text),
            encoding: lower(rest.next()).unwrap_or_default(),
            octets: rest.next().and_then(Value::number).unwrap_or(0),
            ..Self::default()
        };
        let next_is_list = |rest: &core::slice::Iter<'_, Value<'_>>| {
            matches!(rest.as_slice().first(), Some(Value::List(_) | Value::Nil))
        };
        if part.is_message() && next_is_list(&rest) {
            part.envelope = rest.next().and_then(Envelope::of).map(Box::new);
            if next_is_list(&rest) {
                part.parts.extend(rest.next().and_then(Self::of));
            }
            part.lines = rest.next().and_then(Value::number);
        } else if matches!(rest.as_slice().first(), Some(Value::Word(_))) {
            // The lines of a text part; some servers count those of others too.
            part.lines = rest.next().and_then(Value::number);
        }
        part.md5 = rest.next().and_then(Value::text);
        part.extend(rest);
        part
    }

    /// The members that both kinds have at their end.
    fn extend<'a>(&mut self, mut rest: impl Iterator<Item = &'a Value<'a>>) {
        self.disposition = rest.next().and_then(disposition);
        self.languages = match rest.next() {
            Some(Value::List(members)) => members.iter().filter_map(Value::text).collect(),
            other => other.and_then(Value::text).into_iter().collect(),
        };
        self.location = rest.next().and_then(Value::text);
    }

    /// Writes it as a BODYSTRUCTURE item has it. A message part without an envelope is written with an empty one.
    pub fn write(&self, writer: &mut Writer) {
        writer.raw("(");
        if self.is_multipart() {
            self.parts.iter().for_each(|part| part.write(writer));
            writer.raw(" ").string(self.subtype.as_bytes()).raw(" ");
            write_pairs(writer, &self.parameters);
        } else {
            writer.string(self.media_type.as_bytes()).raw(" ").string(self.subtype.as_bytes()).raw(" ");
            write_pairs(writer, &self.parameters);
            writer.raw(" ").nstring(self.id.as_deref()).raw(" ").nstring(self.description.as_deref());
            writer.raw(" ").string(self.encoding.as_bytes()).raw(" ").number(self.octets);
            if self.is_message() {
                writer.raw(" ");
                self.envelope.as_deref().unwrap_or(&Envelope::default()).write(writer);
                writer.raw(" ");
                self.parts.first().unwrap_or(&Self::default()).write(writer);
            }
            if self.is_message() || self.media_type == "text" {
                writer.raw(" ").number(self.lines.unwrap_or(0));
            }
            writer.raw(" ").nstring(self.md5.as_deref());
        }
        match &self.disposition {
            Some(disposition) => {
                writer.raw(" (").string(disposition.kind.as_bytes()).raw(" ");
                write_pairs(writer, &disposition.parameters);
                writer.raw(")");
            }
            None => {
                writer.raw(" NIL");
            }
        }
        writer.raw(" ");
        if self.languages.is_empty() {
            writer.raw("NIL");
        } else {
            writer.list(&self.languages, |writer, language| {
                writer.string(language.as_bytes());
            });
        }
        writer.raw(" ").nstring(self.location.as_deref()).raw(")");
    }
}

fn lower(value: Option<&Value<'_>>) -> Option<String> {
    value.and_then(Value::text).map(|text| text.to_ascii_lowercase())
}

fn disposition(value: &Value<'_>) -> Option<Disposition> {
    let members = value.members();
    Some(Disposition { kind: lower(members.first())?, parameters: pairs(members.get(1)) })
}

/// `("name" "value" ...)`; a value of NIL is empty.
fn pairs(value: Option<&Value<'_>>) -> Vec<(String, String)> {
    let members = value.map(Value::members).unwrap_or_default();
    members
        .chunks(2)
        .filter_map(|pair| {
            let text = pair.get(1).and_then(Value::text).unwrap_or_default();
            Some((pair.first()?.text()?.to_ascii_lowercase(), text))
        })
        .collect()
}

fn write_pairs(writer: &mut Writer, pairs: &[(String, String)]) {
    if pairs.is_empty() {
        writer.raw("NIL");
        return;
    }
    writer.list(pairs, |writer, (name, text)| {
        writer.string(name.as_bytes()).raw(" ").string(text.as_bytes());
    });
}
