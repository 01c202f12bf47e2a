//! Elements of BER (X.690 §8) made definite, walked and written: small structures whole in memory.
//!
//! A RecipientInfo may come with indefinite lengths and strings in pieces at any level. It is first
//! made definite (shortest lengths, strings joined), so that what follows is a walk over slices.
//! Contents are not touched: names and algorithm parameters stay as they were sent, which digests
//! and key derivation need. Tag numbers above 30 are refused; the message itself is never read here.

use alloc::vec::Vec;

use const_oid::ObjectIdentifier as Oid;

use super::{Limits, Malformed};

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
const CONSTRUCTED: u8 = 0x20;

/// The tag `[number]` of a primitive element.
pub(crate) const fn primitive(number: u8) -> u8 {
    0x80 | number
}

/// The tag `[number]` of a constructed element, implicit or explicit.
pub(crate) const fn constructed(number: u8) -> u8 {
    0xA0 | number
}

/// Exactly one element with every length definite and shortest, and every OCTET STRING in one piece.
pub(crate) fn definite(raw: &[u8], limits: &Limits) -> Result<Vec<u8>, Malformed> {
    if raw.len() > limits.octets {
        return Err(Malformed::TooLarge);
    }
    let mut out = Vec::with_capacity(raw.len());
    let rest = flatten(raw, limits.nesting, &mut out)?;
    if rest.is_empty() { Ok(out) } else { Err(Malformed::Expected("nothing after the element")) }
}

/// Appends the first element of `octets` to `out`; what follows it is returned.
fn flatten<'a>(octets: &'a [u8], depth: u8, out: &mut Vec<u8>) -> Result<&'a [u8], Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed::TooDeep)?;
    let (tag, length, mut rest) = header(octets)?;
    let content = match length {
        None => None,
        Some(length) => {
            let (content, after) =
                rest.split_at_checked(length).ok_or(Malformed::Expected("the whole element"))?;
            rest = after;
            Some(content)
        }
    };
    if tag & CONSTRUCTED == 0 {
        append(out, tag, &[content.ok_or(Malformed::Expected("a definite length of a primitive element"))?]);
        return Ok(rest);
    }
    let mut inside = Vec::new();
    match content {
        Some(mut content) => {
            while !content.is_empty() {
                content = flatten(content, depth, &mut inside)?;
            }
        }
        None => loop {
            if let Some(after) = rest.strip_prefix(&[0, 0]) {
                rest = after;
                break;
            }
            rest = flatten(rest, depth, &mut inside)?;
        },
    }
    if tag == OCTET_STRING | CONSTRUCTED {
        append(out, OCTET_STRING, &[&joined(&inside)?]);
    } else {
        append(out, tag, &[&inside]);
    }
    Ok(rest)
}

/// Tag, length (`None`: indefinite) and what follows them.
pub(crate) fn header(octets: &[u8]) -> Result<(u8, Option<usize>, &[u8]), Malformed> {
    let (&tag, rest) = octets.split_first().ok_or(Malformed::Expected("an element"))?;
    if tag & 0x1F == 0x1F {
        return Err(Malformed::Expected("a tag number below 31"));
    }
    let (&first, rest) = rest.split_first().ok_or(Malformed::Expected("a length"))?;
    match first {
        0x80 => Ok((tag, None, rest)),
        0..0x80 => Ok((tag, Some(usize::from(first)), rest)),
        _ => {
            let count = usize::from(first & 0x7F);
            let octets = rest
                .get(..count)
                .filter(|_| count <= 4)
                .ok_or(Malformed::Expected("a length of at most five octets"))?;
            let length = octets.iter().fold(0, |length, &octet| (length << 8) | usize::from(octet));
            Ok((tag, Some(length), rest.get(count..).unwrap_or_default()))
        }
    }
}

/// The OCTET STRINGs in `pieces` as one.
fn joined(pieces: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut whole = Vec::with_capacity(pieces.len());
    let mut pieces = Elements::of(pieces);
    while !pieces.is_empty() {
        whole.extend_from_slice(pieces.take(OCTET_STRING, "a piece of an OCTET STRING")?.content);
    }
    Ok(whole)
}

/// One element of a definite encoding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// With its tag and length.
    pub(crate) whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// What it consists of.
    pub(crate) fn inside(&self) -> Elements<'a> {
        Elements::of(self.content)
    }

    /// The octets of an implicitly tagged OCTET STRING, which may have been sent in pieces.
    pub(crate) fn octets(&self) -> Result<Vec<u8>, Malformed> {
        if self.tag & CONSTRUCTED == 0 { Ok(self.content.to_vec()) } else { joined(self.content) }
    }

    /// The value of a non-negative INTEGER below 2^32.
    pub(crate) fn number(&self) -> Option<u32> {
        let digits = self.content.strip_prefix(&[0]).unwrap_or(self.content);
        if self.content.first().is_none_or(|first| *first > 0x7F) || digits.len() > 4 {
            return None;
        }
        Some(digits.iter().fold(0, |number, &digit| (number << 8) | u32::from(digit)))
    }

    /// The value of an OBJECT IDENTIFIER.
    pub(crate) fn oid(&self) -> Result<Oid, Malformed> {
        Oid::from_bytes(self.content).map_err(|_| Malformed::Expected("an object identifier"))
    }
}

/// A walk over the elements of a definite encoding, in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    pub(crate) const fn of(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tag of the next element.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self, expected: &'static str) -> Result<Element<'a>, Malformed> {
        let (tag, length, rest) = header(self.0).map_err(|_| Malformed::Expected(expected))?;
        let (content, after) =
            length.and_then(|length| rest.split_at_checked(length)).ok_or(Malformed::Expected(expected))?;
        let whole = self.0.get(..self.0.len() - after.len()).unwrap_or_default();
        self.0 = after;
        Ok(Element { tag, content, whole })
    }

    /// The next element, which must have this tag.
    pub(crate) fn take(&mut self, tag: u8, expected: &'static str) -> Result<Element<'a>, Malformed> {
        if self.peek() == Some(tag) { self.any(expected) } else { Err(Malformed::Expected(expected)) }
    }

    /// The next element when it has this tag.
    pub(crate) fn optional(
        &mut self,
        tag: u8,
        expected: &'static str,
    ) -> Result<Option<Element<'a>>, Malformed> {
        if self.peek() == Some(tag) { self.any(expected).map(Some) } else { Ok(None) }
    }

    /// What has not been walked over.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.0
    }
}

/// An element with this tag and the concatenation of `parts` as its content.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(6 + parts.iter().map(|part| part.len()).sum::<usize>());
    append(&mut out, tag, parts);
    out
}

/// An OBJECT IDENTIFIER.
pub(crate) fn identifier(oid: Oid) -> Vec<u8> {
    element(OBJECT_IDENTIFIER, &[oid.as_bytes()])
}

/// Appends tag and shortest length of an element with so many octets of content.
pub(crate) fn append_header(out: &mut Vec<u8>, tag: u8, length: u64) {
    out.push(tag);
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        out.push(short);
        return;
    }
    let octets = length.to_be_bytes();
    let count = octets.len() - length.leading_zeros() as usize / 8;
    out.push(0x80 | u8::try_from(count).unwrap_or_default());
    out.extend(octets.iter().skip(octets.len() - count));
}

fn append(out: &mut Vec<u8>, tag: u8, parts: &[&[u8]]) {
    append_header(out, tag, parts.iter().map(|part| part.len() as u64).sum());
    for part in parts {
        out.extend_from_slice(part);
    }
}
