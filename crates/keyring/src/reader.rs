//! EnvelopedData (RFC 5652 §6) and AuthEnvelopedData (RFC 5083) read from a stream, in DER or BER.
//!
//! A push parser: octets in, events out, any split of the octets gives the same events. Small elements
//! come whole and exactly as they were sent, because digests are taken of them; the encrypted content
//! comes in the pieces in which it arrives, so that the memory used does not depend on its size.
//!
//! Nothing is decrypted here and no key is involved: errors say where and what was expected. Recipients
//! and attributes are not interpreted, and whether an algorithm is acceptable is not decided.

mod ber;
mod error;
mod structure;

use alloc::vec::Vec;
use core::ops::Range;

use const_oid::ObjectIdentifier as Oid;
use sha2::{Digest as _, Sha256};

use crate::algorithm::ContentEncryption;
use crate::recipient::element::{Elements, definite};
use ber::{Collected, Header, PartialHeader, Room};

pub(crate) use ber::tag;
pub use error::{Error, Field, Kind};
pub use structure::{Structure, Survey};

/// The largest part of a message that is kept in memory, and how far it may nest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Elements open at once, those of the message itself (5) included. Default 32: a recipient named by
    /// a certificate of indefinite lengths needs 12.
    pub depth: usize,
    /// Octets of one element that is kept: a recipient, the originator's certificates, attributes, an
    /// algorithm. Default 256 KiB: some hundred certificates.
    pub element_octets: usize,
    /// Octets of all elements that are kept. Default 2 MiB: 500 recipients with ML-KEM-1024 take half.
    pub header_octets: usize,
    /// Recipients. Default 500.
    pub recipients: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 32, element_octets: 256 << 10, header_octets: 2 << 20, recipients: 500 }
    }
}

/// The content types of CMS that hold content encrypted for recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// RFC 5083: a MAC follows the content.
    AuthEnveloped,
    /// RFC 5652 §6: no integrity.
    Enveloped,
}

impl Format {
    /// The format with a content type; `None` when it is neither.
    #[must_use]
    pub fn of(content_type: Oid) -> Option<Self> {
        [Self::AuthEnveloped, Self::Enveloped].into_iter().find(|format| format.oid() == content_type)
    }

    /// Its object identifier.
    #[must_use]
    pub const fn oid(self) -> Oid {
        Oid::new_unwrap(match self {
            Self::AuthEnveloped => "1.2.840.113549.1.9.16.1.23",
            Self::Enveloped => "1.2.840.113549.1.7.3",
        })
    }

    /// Its name in sessions and audit entries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthEnveloped => "cms-auth-enveloped",
            Self::Enveloped => "cms-enveloped",
        }
    }
}

/// What was read, in the order of the grammar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// What it is, and the version that the sender wrote.
    Format(Format, u8),
    /// The whole `originatorInfo` as sent, tagged `[0]`.
    OriginatorInfo(Vec<u8>),
    /// One whole RecipientInfo as sent.
    Recipient(Vec<u8>),
    /// The type of the content that is encrypted (mostly `id-data`), and how it is encrypted.
    Encryption(Oid, ContentEncryption),
    /// The next octets of the encrypted content, never empty.
    Ciphertext(&'a [u8]),
    /// The whole `authAttrs` as sent, tagged `[1]`.
    AuthAttributes(Vec<u8>),
    /// The MAC itself.
    Mac(Vec<u8>),
    /// The whole unprotected attributes as sent, tagged `[1]` or, after a MAC, `[2]`. Nothing vouches for them.
    UnprotectedAttributes(Vec<u8>),
    /// The structure is complete. Octets that follow it are left in the input.
    End,
}

/// What is known when the end was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Octets of the whole structure.
    pub octets: u64,
    /// SHA-256 of them.
    pub sha256: [u8; 32],
    /// Where the element `encryptedContent` is among them, its header included.
    pub content: Range<u64>,
    /// Octets of the encrypted content, headers of segments not counted.
    pub ciphertext_octets: u64,
}

/// An element that holds others and whose end was not seen yet.
#[derive(Debug)]
struct Open {
    field: Field,
    /// Where it must end, or when `indefinite` the enclosing one must.
    end: u64,
    indefinite: bool,
}

#[derive(Debug)]
enum State {
    /// Before an element, or at the end of the enclosing one.
    Between,
    Header(PartialHeader),
    Collecting(Collected, Room),
    Ciphertext(u64),
    Ended,
    Failed(Error),
}

/// Reads one ContentInfo.
#[derive(Debug)]
pub struct Reader {
    limits: Limits,
    state: State,
    /// What comes next in the innermost open element.
    next: Field,
    open: Vec<Open>,
    format: Format,
    content_type: Option<Oid>,
    recipients: usize,
    header_octets: usize,
    at: u64,
    hash: Sha256,
    content: Range<u64>,
    ciphertext_octets: u64,
}

impl Reader {
    /// Before the first octet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Between,
            next: Field::ContentInfo,
            open: Vec::new(),
            format: Format::Enveloped,
            content_type: None,
            recipients: 0,
            header_octets: 0,
            at: 0,
            hash: Sha256::new(),
            content: 0..0,
            ciphertext_octets: 0,
        }
    }

    /// Takes octets from the front of `input` up to the next event; `None` when all were taken and more
    /// are needed, and after [`Event::End`].
    ///
    /// ```text
    /// let mut rest = chunk;
    /// while let Some(event) = reader.next(&mut rest)? { … }
    /// ```
    ///
    /// # Errors
    /// When the octets are no CMS message that can be decrypted, or pass a limit; again at each later call.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, Error> {
        let before = *input;
        let event = self.step(input);
        let taken = before.len() - input.len();
        self.hash.update(before.get(..taken).unwrap_or_default());
        if let Err(error) = &event {
            self.state = State::Failed(error.clone());
        }
        event
    }

    /// After the last octet of the input.
    ///
    /// # Errors
    /// When the structure had not ended, or was refused before.
    pub fn finish(self) -> Result<Summary, Error> {
        match self.state {
            State::Ended => Ok(Summary {
                octets: self.at,
                sha256: self.hash.finalize().into(),
                content: self.content,
                ciphertext_octets: self.ciphertext_octets,
            }),
            State::Failed(error) => Err(error),
            _ => Err(Error { at: self.at, kind: Kind::Truncated(self.next) }),
        }
    }

    fn step<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Event<'a>>, Error> {
        loop {
            let event = match &mut self.state {
                State::Between => match self.open.last() {
                    Some(open) if !open.indefinite && open.end == self.at => self.close(self.at)?,
                    _ => {
                        self.state = State::Header(PartialHeader::default());
                        None
                    }
                },
                State::Header(partial) => {
                    let [octet, rest @ ..] = *input else { return Ok(None) };
                    (*input, self.at) = (rest, self.at + 1);
                    let header = partial.push(*octet);
                    let start = self.at - partial.have() as u64;
                    match header.map_err(|kind| Error { at: start, kind })? {
                        Some(header) => self.begin(header, start)?,
                        None => None,
                    }
                }
                State::Collecting(collected, room) => {
                    let before = input.len();
                    let taken = collected.take(input, &self.limits, *room);
                    self.at += (before - input.len()) as u64;
                    taken.map_err(|(kind, back)| Error { at: self.at - back as u64, kind })?;
                    if !collected.is_whole() {
                        return Ok(None);
                    }
                    let State::Collecting(collected, _) = core::mem::replace(&mut self.state, State::Between)
                    else {
                        return Ok(None);
                    };
                    self.collected(collected.into_octets())?
                }
                State::Ciphertext(0) => {
                    self.state = State::Between;
                    None
                }
                State::Ciphertext(left) => {
                    if input.is_empty() {
                        return Ok(None);
                    }
                    let octets = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                    let (piece, rest) = input.split_at(octets);
                    *input = rest;
                    *left -= octets as u64;
                    self.at += octets as u64;
                    self.ciphertext_octets += octets as u64;
                    Some(Event::Ciphertext(piece))
                }
                State::Ended => return Ok(None),
                State::Failed(error) => return Err(error.clone()),
            };
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    /// An element begins at `start`; its header was read.
    fn begin(&mut self, header: Header, start: u64) -> Result<Option<Event<'static>>, Error> {
        let refuse = |kind| Err(Error { at: start, kind });
        let enclosing = self.open.last().map_or(u64::MAX, |open| open.end);
        // Two octets of end-of-contents are the least that an indefinite length needs.
        let end = self.at.saturating_add(header.length.unwrap_or(2));
        if end > enclosing {
            return refuse(Kind::BeyondEnclosing);
        }
        if header.tag == tag::END_OF_CONTENTS {
            return match self.open.last() {
                Some(open) if open.indefinite => self.close(start),
                _ => refuse(Kind::EndOfContents),
            };
        }
        let Some((field, form)) = self.admitted(header.tag) else {
            return refuse(Kind::Expected(self.next));
        };
        self.next = field;
        if field == Field::EncryptedContent {
            self.content = start..end;
        }
        match (form, header.length) {
            (Form::Holds, length) => {
                if self.open.len() >= self.limits.depth {
                    return refuse(Kind::TooDeep);
                }
                let (end, indefinite) = length.map_or((enclosing, true), |_| (end, false));
                self.open.push(Open { field, end, indefinite });
                self.next = field.first();
                self.state = State::Between;
            }
            (Form::Ciphertext, length) => {
                if field == Field::EncryptedContent {
                    self.next = Field::End;
                }
                self.state = State::Ciphertext(length.unwrap_or(0));
            }
            (Form::Whole, length) => {
                if field == Field::RecipientInfo && self.recipients >= self.limits.recipients {
                    return refuse(Kind::TooManyRecipients);
                }
                let limit = self
                    .limits
                    .element_octets
                    .min(self.limits.header_octets.saturating_sub(self.header_octets));
                if header.octets as u64 + length.unwrap_or(2) > limit as u64 {
                    return refuse(Kind::TooLarge);
                }
                if length.is_none() && self.open.len() >= self.limits.depth {
                    return refuse(Kind::TooDeep);
                }
                let State::Header(partial) = &self.state else { return Ok(None) };
                let collected = Collected::new(&header, partial);
                let room = Room { enclosing: enclosing - start, limit: limit as u64 };
                self.state = State::Collecting(collected, room);
            }
        }
        Ok(None)
    }

    /// What an element with this tag is where the next one is expected, and how it is read.
    fn admitted(&self, tag: u8) -> Option<(Field, Form)> {
        let next = self.next;
        Some(match (next, tag) {
            (Field::ContentInfo | Field::EnvelopedData | Field::EncryptedContentInfo, tag::SEQUENCE)
            | (Field::Content | Field::EncryptedContent, tag::CONSTRUCTED_0)
            | (Field::ContentOctets, tag::OCTET_STRING_OF_SEGMENTS) => (next, Form::Holds),
            (Field::OriginatorInfo | Field::RecipientInfos, tag::SET) => (Field::RecipientInfos, Form::Holds),
            (Field::ContentType | Field::EncryptedContentType, tag::OBJECT_IDENTIFIER)
            | (Field::Version, tag::INTEGER)
            | (Field::OriginatorInfo, tag::CONSTRUCTED_0)
            | (Field::RecipientInfo, tag::SEQUENCE | tag::CONSTRUCTED_1..=tag::CONSTRUCTED_4)
            | (Field::ContentEncryptionAlgorithm, tag::SEQUENCE)
            | (Field::AuthAttrs, tag::CONSTRUCTED_1) => (next, Form::Whole),
            (Field::AuthAttrs | Field::Mac, tag::OCTET_STRING | tag::OCTET_STRING_OF_SEGMENTS) => {
                (Field::Mac, Form::Whole)
            }
            (Field::UnprotectedAttrs, tag) if tag == self.unprotected_tag() => (next, Form::Whole),
            (Field::EncryptedContent, tag::CONTEXT_0) | (Field::ContentOctets, tag::OCTET_STRING) => {
                (next, Form::Ciphertext)
            }
            _ => return None,
        })
    }

    /// The innermost open element ends; `at` is where that was seen.
    fn close(&mut self, at: u64) -> Result<Option<Event<'static>>, Error> {
        let kind = match self.next {
            Field::ContentOctets | Field::End | Field::UnprotectedAttrs => None,
            Field::RecipientInfo if self.recipients > 0 => None,
            Field::EncryptedContent => Some(Kind::Detached),
            next => Some(Kind::Expected(next)),
        };
        if let Some(kind) = kind {
            return Err(Error { at, kind });
        }
        self.state = State::Between;
        self.next = match self.open.pop().map(|open| open.field) {
            Some(Field::RecipientInfos) => Field::EncryptedContentInfo,
            Some(Field::EncryptedContentInfo) if self.format == Format::AuthEnveloped => Field::AuthAttrs,
            Some(Field::EncryptedContentInfo) => Field::UnprotectedAttrs,
            Some(Field::EncryptedContent) => {
                self.content.end = self.at;
                Field::End
            }
            Some(Field::ContentOctets) => Field::ContentOctets,
            _ => Field::End,
        };
        if self.open.is_empty() {
            self.state = State::Ended;
            return Ok(Some(Event::End));
        }
        Ok(None)
    }

    /// An element that was collected whole.
    fn collected(&mut self, octets: Vec<u8>) -> Result<Option<Event<'static>>, Error> {
        self.header_octets += octets.len();
        let field = self.next;
        let refused = Error { at: self.at - octets.len() as u64, kind: Kind::Expected(field) };
        self.next = field.following();
        let small = |tag| -> Option<Vec<u8>> {
            let octets = definite(&octets, &crate::recipient::Limits::default()).ok()?;
            Some(Elements::of(&octets).take(tag, "").ok()?.content.to_vec())
        };
        let oid = || small(tag::OBJECT_IDENTIFIER).and_then(|value| Oid::from_bytes(&value).ok());
        let event = match field {
            Field::ContentType => {
                let Some(content_type) = oid() else { return Err(refused) };
                let other = Error { kind: Kind::OtherContentType(content_type), ..refused };
                self.format = Format::of(content_type).ok_or(other)?;
                return Ok(None);
            }
            Field::Version => match small(tag::INTEGER).as_deref() {
                Some([version @ 0..=0x7F]) => Event::Format(self.format, *version),
                _ => return Err(refused),
            },
            Field::EncryptedContentType => {
                self.content_type = Some(oid().ok_or(refused)?);
                return Ok(None);
            }
            Field::ContentEncryptionAlgorithm => {
                match (self.content_type, ContentEncryption::decode(octets)) {
                    (Some(content_type), Some(encryption)) => Event::Encryption(content_type, encryption),
                    _ => return Err(refused),
                }
            }
            Field::Mac => Event::Mac(small(tag::OCTET_STRING).ok_or(refused)?),
            Field::OriginatorInfo => Event::OriginatorInfo(octets),
            Field::RecipientInfo => {
                self.recipients += 1;
                Event::Recipient(octets)
            }
            Field::AuthAttrs => Event::AuthAttributes(octets),
            Field::UnprotectedAttrs => Event::UnprotectedAttributes(octets),
            _ => return Err(refused),
        };
        Ok(Some(event))
    }

    const fn unprotected_tag(&self) -> u8 {
        match self.format {
            Format::AuthEnveloped => tag::CONSTRUCTED_2,
            Format::Enveloped => tag::CONSTRUCTED_1,
        }
    }
}

/// How an element is read.
enum Form {
    /// Element by element.
    Holds,
    /// Collected in memory.
    Whole,
    /// Passed on as it comes.
    Ciphertext,
}

/// The content type of the ContentInfo that `start` is the beginning of; some forty octets are enough.
/// `None` when it is the beginning of something else.
#[must_use]
pub fn content_type(start: &[u8]) -> Option<Oid> {
    let mut reader = Reader::new(Limits::default());
    let mut rest = start;
    match reader.next(&mut rest) {
        Err(Error { kind: Kind::OtherContentType(content_type), .. }) => Some(content_type),
        Ok(_) if reader.next != Field::ContentInfo && reader.next != Field::ContentType => {
            Some(reader.format.oid())
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
mod tests;
