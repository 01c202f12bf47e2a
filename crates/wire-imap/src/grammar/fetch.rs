//! FETCH responses (RFC 9051 section 7.5.2, RFC 3516, RFC 7162, RFC 8474, RFC 8514).
//!
//! A server may put any items into one, asked for or not, in any order. An item that cannot be read is passed over:
//! the others are still worth something.

use super::{
    BodyStructure, DateTime, Envelope, Flag, Malformed, Reader, Section, Value, Writer, reader::lossy,
};
use alloc::{boxed::Box, string::String, vec::Vec};
use bytes::Bytes;

/// What a server says about one message. Fields that were not in the response are `None` or empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fetch {
    /// The sequence number.
    pub number: u32,
    /// UID.
    pub uid: Option<u32>,
    /// FLAGS.
    pub flags: Option<Vec<Flag>>,
    /// INTERNALDATE.
    pub internal_date: Option<DateTime>,
    /// RFC822.SIZE.
    pub size: Option<u64>,
    /// MODSEQ.
    pub mod_seq: Option<u64>,
    /// EMAILID.
    pub email_id: Option<String>,
    /// THREADID; `Some(None)` when the server has none for this message.
    pub thread_id: Option<Option<String>>,
    /// SAVEDATE; `Some(None)` when the mailbox has none.
    pub save_date: Option<Option<DateTime>>,
    /// ENVELOPE.
    pub envelope: Option<Box<Envelope>>,
    /// BODYSTRUCTURE, or BODY, which says less.
    pub structure: Option<Box<BodyStructure>>,
    /// BINARY.SIZE by part.
    pub binary_sizes: Vec<(Vec<u32>, u64)>,
    /// BODY, BINARY and RFC822 items.
    pub sections: Vec<SectionContent>,
    /// Names of the items that are not known here or could not be read.
    pub other: Vec<String>,
}

/// A piece of a message in a FETCH response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionContent {
    /// What of the message it is.
    pub section: Section,
    /// Its octets, or what became of them.
    pub content: Content,
}

/// The octets of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// They were in a quoted string.
    Inline(Bytes),
    /// There is no such part.
    Nil,
    /// So many were handed on in chunks.
    Streamed(u64),
}

impl Fetch {
    /// Reads the items behind `* number FETCH `.
    pub(super) fn read(number: u32, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut fetch = Self { number, ..Self::default() };
        reader.list(|reader| fetch.item(reader))?;
        Ok(fetch)
    }

    fn item(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let mut named = reader.clone();
        if let Some(section) = Section::read_item(reader)
            && reader.spaces()
        {
            let content = match reader.value()? {
                Value::Nil => Content::Nil,
                Value::String(octets) => Content::Inline(Bytes::from(octets.into_owned())),
                Value::Word(octets) => Content::Inline(Bytes::copy_from_slice(octets)),
                Value::Streamed(octets) => Content::Streamed(octets),
                Value::List(_) => return Err(reader.wanted("string")),
            };
            self.sections.push(SectionContent { section, content });
            return Ok(());
        }
        let name = lossy(named.word()?).to_ascii_uppercase();
        *reader = named;
        reader.spaces();
        if reader.or_skip(|reader| self.value(&name, reader))? != Some(true) {
            self.other.push(name);
        }
        Ok(())
    }

    /// Reads the value of an item; whether the item is known.
    fn value(&mut self, name: &str, reader: &mut Reader<'_>) -> Result<bool, Malformed> {
        match name {
            "UID" => self.uid = Some(reader.number()?),
            "FLAGS" => {
                self.flags = Some(reader.list(|reader| Ok(Flag::from_word(reader.word()?)))?);
            }
            "INTERNALDATE" => self.internal_date = Some(date(reader)?.ok_or(reader.wanted("date-time"))?),
            "RFC822.SIZE" => self.size = Some(reader.number()?),
            "MODSEQ" => self.mod_seq = reader.list(Reader::number)?.first().copied(),
            "EMAILID" => {
                self.email_id = reader.list(|reader| Ok(lossy(reader.word()?)))?.into_iter().next();
            }
            "THREADID" => {
                self.thread_id = Some(reader.list(|reader| Ok(lossy(reader.word()?)))?.into_iter().next());
            }
            "SAVEDATE" => self.save_date = Some(date(reader)?),
            "ENVELOPE" => self.envelope = Some(Box::new(Envelope::read(reader)?)),
            "BODYSTRUCTURE" => self.structure = Some(Box::new(BodyStructure::read(reader)?)),
            "BODY" => {
                let structure = BodyStructure::read(reader)?;
                self.structure.get_or_insert_with(|| Box::new(structure));
            }
            _ => {
                if let Some(part) = binary_size(name) {
                    self.binary_sizes.push((part, reader.number()?));
                } else {
                    reader.value()?;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Writes the response. Sections are written with `content`, which must know what was streamed.
    pub fn write(&self, writer: &mut Writer, content: impl Fn(&SectionContent) -> Option<Bytes>) {
        writer.raw("* ").number(u64::from(self.number)).raw(" FETCH (");
        let mut first = true;
        let mut item = |writer: &mut Writer, name: &str| {
            if !first {
                writer.raw(" ");
            }
            first = false;
            writer.raw(name);
        };
        if let Some(uid) = self.uid {
            item(writer, "UID ");
            writer.number(u64::from(uid));
        }
        if let Some(flags) = &self.flags {
            item(writer, "FLAGS ");
            writer.flags(flags);
        }
        if let Some(date) = &self.internal_date {
            item(writer, "INTERNALDATE ");
            writer.date_time(date);
        }
        if let Some(size) = self.size {
            item(writer, "RFC822.SIZE ");
            writer.number(size);
        }
        if let Some(mod_seq) = self.mod_seq {
            item(writer, "MODSEQ (");
            writer.number(mod_seq).raw(")");
        }
        if let Some(id) = &self.email_id {
            item(writer, "EMAILID (");
            writer.raw(id).raw(")");
        }
        if let Some(id) = &self.thread_id {
            item(writer, "THREADID ");
            match id {
                Some(id) => writer.raw("(").raw(id).raw(")"),
                None => writer.raw("NIL"),
            };
        }
        if let Some(date) = &self.save_date {
            item(writer, "SAVEDATE ");
            match date {
                Some(date) => writer.date_time(date),
                None => writer.raw("NIL"),
            };
        }
        if let Some(envelope) = &self.envelope {
            item(writer, "ENVELOPE ");
            envelope.write(writer);
        }
        if let Some(structure) = &self.structure {
            item(writer, "BODYSTRUCTURE ");
            structure.write(writer);
        }
        for (part, size) in &self.binary_sizes {
            item(writer, "BINARY.SIZE[");
            for (at, number) in part.iter().enumerate() {
                writer.raw(if at > 0 { "." } else { "" }).number(u64::from(*number));
            }
            writer.raw("] ").number(*size);
        }
        for section in &self.sections {
            item(writer, "");
            section.section.write(writer, false, None);
            writer.raw(" ");
            match content(section) {
                Some(octets) => writer.literal(octets, section.section.binary),
                None => writer.raw("NIL"),
            };
        }
        writer.raw(")");
    }
}

fn date(reader: &mut Reader<'_>) -> Result<Option<DateTime>, Malformed> {
    let error = reader.wanted("date-time");
    match reader.nstring()? {
        None => Ok(None),
        Some(text) => DateTime::parse(&lossy(&text)).map(Some).ok_or(error),
    }
}

/// The part of `BINARY.SIZE[1.2]`.
fn binary_size(name: &str) -> Option<Vec<u32>> {
    let numbers = name.strip_prefix("BINARY.SIZE[")?.strip_suffix(']')?;
    if numbers.is_empty() {
        return Some(Vec::new());
    }
    numbers.split('.').map(|number| number.parse().ok()).collect()
}
