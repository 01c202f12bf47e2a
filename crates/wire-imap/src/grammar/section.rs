//! What of a message is asked for or handed over: `BODY[1.MIME]<0>`, `BINARY[2]`, and the RFC822 items that are older
//! (RFC 9051 section 6.4.5, RFC 3516).

use super::{Frame, Limits, Reader, Writer, reader::lossy};
use alloc::{string::String, vec::Vec};

/// A section of a message, perhaps from an octet on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// The numbers of the part, from the outermost; none is the message itself.
    pub part: Vec<u32>,
    /// What of that part; `None` is all of it.
    pub text: Option<SectionText>,
    /// Without its transfer encoding (RFC 3516).
    pub binary: bool,
    /// The first octet, when only a piece is asked for or handed over.
    pub origin: Option<u64>,
}

/// What of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SectionText {
    /// The header of a message.
    Header,
    /// The named fields of it.
    HeaderFields(Vec<String>),
    /// All fields but the named ones.
    HeaderFieldsNot(Vec<String>),
    /// The MIME header of a part.
    Mime,
    /// The body of a message.
    Text,
}

impl Section {
    /// A whole part, or with no numbers the whole message.
    #[must_use]
    pub fn part(numbers: &[u32]) -> Self {
        Self { part: numbers.to_vec(), ..Self::default() }
    }

    /// The header of the message.
    #[must_use]
    pub fn header() -> Self {
        Self { text: Some(SectionText::Header), ..Self::default() }
    }

    /// Reads an item name of a FETCH response; `None` when it is that of no message content.
    #[must_use]
    pub fn read(item: &[u8]) -> Option<Self> {
        let frame = Frame::whole(item.to_vec());
        let limits = Limits::default();
        let mut reader = Reader::new(&frame, &limits);
        let section = Self::read_item(&mut reader)?;
        reader.is_at_end().then_some(section)
    }

    /// Reads an item name; the reader is anywhere when it is that of no message content.
    pub(super) fn read_item(reader: &mut Reader<'_>) -> Option<Self> {
        let name = reader.take_while(|octet| octet.is_ascii_alphanumeric() || octet == b'.');
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        let text = |text| Some(Self { text, ..Self::default() });
        if is("RFC822") {
            return text(None);
        } else if is("RFC822.HEADER") {
            return text(Some(SectionText::Header));
        } else if is("RFC822.TEXT") {
            return text(Some(SectionText::Text));
        } else if !is("BODY") && !is("BINARY") {
            return None;
        }
        let mut section = Self { binary: is("BINARY"), ..Self::default() };
        if !reader.eat(b'[') {
            return None;
        }
        while reader.peek().is_some_and(|octet| octet.is_ascii_digit()) {
            section.part.push(reader.number().ok()?);
            if !reader.eat(b'.') {
                break;
            }
        }
        let name = reader.take_while(|octet| octet.is_ascii_alphabetic() || octet == b'.');
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        section.text = if name.is_empty() {
            None
        } else if is("HEADER") {
            Some(SectionText::Header)
        } else if is("TEXT") {
            Some(SectionText::Text)
        } else if is("MIME") {
            Some(SectionText::Mime)
        } else if is("HEADER.FIELDS") {
            reader.spaces();
            Some(SectionText::HeaderFields(fields(reader)?))
        } else if is("HEADER.FIELDS.NOT") {
            reader.spaces();
            Some(SectionText::HeaderFieldsNot(fields(reader)?))
        } else {
            return None;
        };
        if !reader.eat(b']') {
            return None;
        }
        if reader.eat(b'<') {
            section.origin = Some(reader.number().ok()?);
            if !reader.eat(b'>') {
                return None;
            }
        }
        Some(section)
    }

    /// Writes the item, as a response names it with `count` `None`, or as a command asks for at most `count` octets.
    pub fn write(&self, writer: &mut Writer, peek: bool, count: Option<u64>) {
        writer.raw(match (self.binary, peek) {
            (false, false) => "BODY[",
            (false, true) => "BODY.PEEK[",
            (true, false) => "BINARY[",
            (true, true) => "BINARY.PEEK[",
        });
        for (at, number) in self.part.iter().enumerate() {
            if at > 0 {
                writer.raw(".");
            }
            writer.number(u64::from(*number));
        }
        if let Some(text) = &self.text {
            if !self.part.is_empty() {
                writer.raw(".");
            }
            match text {
                SectionText::Header => writer.raw("HEADER"),
                SectionText::Text => writer.raw("TEXT"),
                SectionText::Mime => writer.raw("MIME"),
                SectionText::HeaderFields(names) => write_fields(writer.raw("HEADER.FIELDS "), names),
                SectionText::HeaderFieldsNot(names) => write_fields(writer.raw("HEADER.FIELDS.NOT "), names),
            };
        }
        writer.raw("]");
        if self.origin.is_some() || count.is_some() {
            writer.raw("<").number(self.origin.unwrap_or(0));
            if let Some(count) = count {
                writer.raw(".").number(count);
            }
            writer.raw(">");
        }
    }
}

fn fields(reader: &mut Reader<'_>) -> Option<Vec<String>> {
    reader.list(|reader| Ok(lossy(&reader.astring()?))).ok()
}

fn write_fields<'a>(writer: &'a mut Writer, names: &[String]) -> &'a mut Writer {
    writer.list(names, |writer, name| {
        writer.astring(name.as_bytes());
    })
}
