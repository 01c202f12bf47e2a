//! Server responses (RFC 9051 section 7): one typed value for each framed response.

use super::{
    Capabilities, Code, Esearch, Fetch, Flag, Frame, Limits, List, MailboxStatus, Malformed, Names,
    Namespaces, Reader, SequenceSet, reader::lossy,
};
use alloc::{boxed::Box, string::String, vec::Vec};

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// CAPABILITY.
    Capability(Capabilities),
    /// `+`: go on; in AUTHENTICATE the text is a challenge.
    Continue(Text),
    /// ENABLED (RFC 5161), names in capitals.
    Enabled(Vec<String>),
    /// ESEARCH.
    Esearch(Box<Esearch>),
    /// So many messages are in the mailbox.
    Exists(u32),
    /// The message of this sequence number is gone; those behind move up.
    Expunge(u32),
    /// FETCH.
    Fetch(Box<Fetch>),
    /// The flags that are in use in the mailbox.
    Flags(Vec<Flag>),
    /// ID (RFC 2971): what the server calls itself.
    Id(Vec<(String, Option<String>)>),
    /// LIST.
    List(Box<List>),
    /// LSUB, of IMAP4rev1.
    Lsub(Box<List>),
    /// NAMESPACE.
    Namespace(Box<Namespaces>),
    /// Any other data, by its name in capitals.
    Other(String),
    /// So many messages are new, of IMAP4rev1.
    Recent(u32),
    /// SEARCH, with the greatest mod-sequence of what was found.
    Search(Vec<u32>, Option<u64>),
    /// An untagged status: a greeting, a remark, or BYE.
    Status(Status, Text),
    /// STATUS of a mailbox.
    MailboxStatus(Box<MailboxStatus>),
    /// The end of a command.
    Tagged(String, Status, Text),
    /// These UIDs are gone (RFC 7162), with `true` since before this session.
    Vanished(bool, SequenceSet),
}

/// The condition of a status response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the specification")]
pub enum Status {
    Bad,
    Bye,
    No,
    Ok,
    PreAuth,
}

/// The words of a status response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// What a program should understand.
    pub code: Option<Code>,
    /// What a person may read; may be empty.
    pub text: String,
}

impl Status {
    fn from_word(word: &[u8]) -> Option<Self> {
        [
            ("BAD", Self::Bad),
            ("BYE", Self::Bye),
            ("NO", Self::No),
            ("OK", Self::Ok),
            ("PREAUTH", Self::PreAuth),
        ]
        .into_iter()
        .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word))
        .map(|(_, status)| status)
    }
}

impl Text {
    fn read(reader: &mut Reader<'_>) -> Self {
        reader.spaces();
        let mut code = None;
        let mut coded = reader.clone();
        // Brackets that do not close are part of the text.
        if coded.eat(b'[')
            && let Ok(read) = Code::read(&mut coded)
        {
            code = Some(read);
            *reader = coded;
            reader.spaces();
        }
        Self { code, text: lossy(reader.rest()) }
    }
}

impl Response {
    /// Reads a framed response, on a stream where names are spelled so.
    ///
    /// # Errors
    /// When it is no response; the next one may be.
    pub fn read(frame: &Frame, names: Names, limits: &Limits) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame, limits);
        if reader.eat(b'+') {
            reader.spaces();
            return Ok(Self::Continue(Text::read(&mut reader)));
        }
        if !reader.eat(b'*') {
            let tag = lossy(reader.word()?);
            reader.spaces();
            let error = reader.wanted("OK, NO or BAD");
            let status = Status::from_word(reader.word()?)
                .filter(|status| matches!(status, Status::Ok | Status::No | Status::Bad))
                .ok_or(error)?;
            return Ok(Self::Tagged(tag, status, Text::read(&mut reader)));
        }
        reader.spaces();
        if reader.peek().is_some_and(|octet| octet.is_ascii_digit()) {
            let number = reader.number()?;
            reader.spaces();
            return Self::numbered(number, &mut reader);
        }
        let name = reader.word()?;
        if let Some(status) = Status::from_word(name) {
            return Ok(Self::Status(status, Text::read(&mut reader)));
        }
        let name = lossy(name).to_ascii_uppercase();
        reader.spaces();
        Self::data(name, &mut reader, names)
    }

    fn numbered(number: u32, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let name = lossy(reader.word()?).to_ascii_uppercase();
        reader.spaces();
        Ok(match name.as_str() {
            "EXISTS" => Self::Exists(number),
            "EXPUNGE" => Self::Expunge(number),
            "FETCH" => Self::Fetch(Box::new(Fetch::read(number, reader)?)),
            "RECENT" => Self::Recent(number),
            _ => Self::Other(name),
        })
    }

    fn data(name: String, reader: &mut Reader<'_>, names: Names) -> Result<Self, Malformed> {
        Ok(match name.as_str() {
            "CAPABILITY" => Self::Capability(Capabilities::read(reader)?),
            "ENABLED" => {
                let enabled = Capabilities::read(reader)?;
                Self::Enabled(enabled.names().map(Into::into).collect())
            }
            "ESEARCH" => Self::Esearch(Box::new(Esearch::read(reader)?)),
            "FLAGS" => Self::Flags(reader.list(|reader| Ok(Flag::from_word(reader.word()?)))?),
            "ID" => Self::Id(id(reader)?),
            "LIST" => Self::List(Box::new(List::read(reader, names)?)),
            "LSUB" => Self::Lsub(Box::new(List::read(reader, names)?)),
            "NAMESPACE" => Self::Namespace(Box::new(Namespaces::read(reader, names)?)),
            "SEARCH" => search(reader)?,
            "STATUS" => Self::MailboxStatus(Box::new(MailboxStatus::read(reader, names)?)),
            "VANISHED" => {
                let earlier = reader.peek() == Some(b'(');
                if earlier {
                    reader.value()?;
                    reader.spaces();
                }
                Self::Vanished(earlier, SequenceSet::read(reader)?)
            }
            _ => Self::Other(name),
        })
    }
}

/// Numbers up to the end, and `(MODSEQ n)`.
fn search(reader: &mut Reader<'_>) -> Result<Response, Malformed> {
    let mut numbers = Vec::new();
    let mut mod_seq = None;
    loop {
        reader.spaces();
        match reader.peek() {
            None => return Ok(Response::Search(numbers, mod_seq)),
            Some(b'(') => mod_seq = reader.value()?.members().get(1).and_then(super::Value::number),
            Some(_) => numbers.push(reader.number()?),
        }
    }
}

fn id(reader: &mut Reader<'_>) -> Result<Vec<(String, Option<String>)>, Malformed> {
    reader.list(|reader| {
        let name = lossy(&reader.astring()?);
        reader.spaces();
        Ok((name, reader.nstring()?.map(|text| lossy(&text))))
    })
}
