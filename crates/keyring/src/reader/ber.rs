//! Tags and lengths of BER (X.690 §8.1) in a stream: a header octet by octet, and an element collected as it
//! was sent.
//!
//! Narrower than X.690 where nothing of CMS needs more: tag numbers below 31, lengths of at most four
//! octets after the first. Values are not interpreted here (`recipient::element` does), and nothing recurses.

use alloc::vec::Vec;

use super::{Kind, Limits};

/// Tags as the octet that is sent.
pub(crate) mod tag {
    pub(crate) use crate::recipient::element::{INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET};

    pub(crate) const END_OF_CONTENTS: u8 = 0x00;
    pub(crate) const OCTET_STRING_OF_SEGMENTS: u8 = 0x24;
    pub(crate) const CONTEXT_0: u8 = 0x80;
    pub(crate) const CONSTRUCTED_0: u8 = 0xA0;
    pub(crate) const CONSTRUCTED_1: u8 = 0xA1;
    pub(crate) const CONSTRUCTED_2: u8 = 0xA2;
    pub(crate) const CONSTRUCTED_4: u8 = 0xA4;
}

/// Octets of the longest header: tag, first length octet, four more.
const HEADER_OCTETS: usize = 6;

/// Tag and length of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) tag: u8,
    /// Octets of the value; none when it ends with end-of-contents.
    pub(crate) length: Option<u64>,
    /// Octets of the header itself.
    pub(crate) octets: usize,
}

/// A header that comes octet by octet.
#[derive(Debug, Clone, Default)]
pub(crate) struct PartialHeader {
    octets: [u8; HEADER_OCTETS],
    have: usize,
}

impl PartialHeader {
    /// Takes the next octet; the header when that was its last.
    pub(crate) fn push(&mut self, octet: u8) -> Result<Option<Header>, Kind> {
        if let Some(place) = self.octets.get_mut(self.have) {
            *place = octet;
            self.have += 1;
        }
        let [tag, first, rest @ ..] = self.octets;
        let header = |length| Some(Header { tag, length, octets: self.have });
        match self.have {
            1 if tag & 0x1F == 0x1F => Err(Kind::TagNumber),
            1 => Ok(None),
            _ if tag == tag::END_OF_CONTENTS && first != 0 => Err(Kind::EndOfContents),
            _ => match first {
                0..=0x7F => Ok(header(Some(u64::from(first)))),
                0x80 if tag & 0x20 == 0 => Err(Kind::IndefinitePrimitive),
                0x80 => Ok(header(None)),
                0x81..=0x84 if self.have < 2 + usize::from(first & 0x7F) => Ok(None),
                0x81..=0x84 => {
                    let octets = rest.iter().take(usize::from(first & 0x7F));
                    Ok(header(Some(octets.fold(0, |length, octet| length << 8 | u64::from(*octet)))))
                }
                _ => Err(Kind::LengthOfLength),
            },
        }
    }

    /// Octets taken so far.
    pub(crate) fn have(&self) -> usize {
        self.have
    }
}

/// One element collected from a stream exactly as it was sent, of any shape.
///
/// What is inside an element of definite length is copied unseen; only elements of indefinite length
/// are looked into, to find where they end.
#[derive(Debug)]
pub(crate) struct Collected {
    octets: Vec<u8>,
    /// Elements of indefinite length that are open, the outermost included.
    open: usize,
    /// Octets of a value still to be copied.
    copy: u64,
    header: PartialHeader,
}

impl Collected {
    /// Starts with the header of the element, already read.
    pub(crate) fn new(header: &Header, partial: &PartialHeader) -> Self {
        Self {
            octets: partial.octets.iter().copied().take(header.octets).collect(),
            open: usize::from(header.length.is_none()),
            copy: header.length.unwrap_or(0),
            header: PartialHeader::default(),
        }
    }

    /// Whether the element is whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.open == 0 && self.copy == 0
    }

    /// Takes octets from the front of `input`, none beyond the end of the element. `room` is what the
    /// element may still grow by, in the enclosing one and within the limits.
    ///
    /// # Errors
    /// What is wrong, and how many octets before the end of those taken it began.
    pub(crate) fn take(
        &mut self,
        input: &mut &[u8],
        limits: &Limits,
        room: Room,
    ) -> Result<(), (Kind, usize)> {
        while !self.is_whole() {
            if self.copy > 0 {
                let octets = usize::try_from(self.copy).unwrap_or(usize::MAX).min(input.len());
                let (taken, rest) = input.split_at(octets);
                (self.copy, *input) = (self.copy - octets as u64, rest);
                self.octets.extend_from_slice(taken);
                if self.copy > 0 {
                    return Ok(());
                }
                continue;
            }
            let [octet, rest @ ..] = *input else { return Ok(()) };
            *input = rest;
            self.octets.push(*octet);
            let header = self.header.push(*octet).map_err(|kind| (kind, self.header.have()))?;
            let Some(header) = header else { continue };
            self.header = PartialHeader::default();
            let end = self.octets.len() as u64 + header.length.unwrap_or(0);
            if end > room.enclosing {
                return Err((Kind::BeyondEnclosing, header.octets));
            }
            if end > room.limit {
                return Err((Kind::TooLarge, header.octets));
            }
            match (header.tag, header.length) {
                (tag::END_OF_CONTENTS, _) => self.open -= 1,
                (_, None) if self.open >= limits.depth => return Err((Kind::TooDeep, header.octets)),
                (_, None) => self.open += 1,
                (_, Some(length)) => self.copy = length,
            }
        }
        Ok(())
    }

    /// The element.
    pub(crate) fn into_octets(self) -> Vec<u8> {
        self.octets
    }
}

/// Octets that a collected element may have, its header included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Up to the end of the element that encloses it.
    pub(crate) enclosing: u64,
    /// Up to the limit for one element or for all of them.
    pub(crate) limit: u64,
}
