//! The tolerant tokenizer: one pass, no recursion, bounded.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use memchr::{memchr, memmem};

use super::{Element, Reference};

/// Bounds of one presentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Octets looked at; the rest is ignored. Default 256 KiB: telephones send less than 8.
    pub octets: usize,
    /// References reported; the rest is ignored. Default 1000, the most parts that a message may have.
    pub references: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { octets: 256 << 10, references: 1000 }
    }
}

/// The references of a presentation under the default [`Limits`].
#[must_use]
pub fn references(octets: &[u8]) -> Vec<Reference> {
    references_within(octets, &Limits::default())
}

/// The references of a presentation in document order, which in a `par` or `seq` is that of the
/// presentation. Duplicates are kept, an empty `src` is not.
///
/// Reads UTF-8, Latin-1 and, by its byte order mark, UTF-16. Damage costs the tag that has it.
#[must_use]
pub fn references_within(octets: &[u8], limits: &Limits) -> Vec<Reference> {
    let octets = octets.get(..limits.octets).unwrap_or(octets);
    let text = utf8(octets);
    let mut rest: &[u8] = &text;
    let mut found = Vec::new();
    while found.len() < limits.references {
        let Some(open) = memchr(b'<', rest) else { break };
        rest = rest.get(open + 1..).unwrap_or_default();
        if let Some(comment) = rest.strip_prefix(b"!--") {
            rest = after(comment, b"-->");
        } else if let Some(section) = rest.strip_prefix(b"![CDATA[") {
            rest = after(section, b"]]>");
        } else if matches!(rest.first(), Some(b'!' | b'?' | b'/')) {
            rest = after(rest, b">");
        } else {
            let tag = Tag::of(rest);
            found.extend(tag.reference());
            rest = tag.rest;
        }
    }
    found
}

/// One start tag.
struct Tag<'a> {
    name: &'a [u8],
    src: Option<&'a [u8]>,
    rest: &'a [u8],
}

impl<'a> Tag<'a> {
    /// Reads `name attribute="value" …>`; a `<` outside quotes ends a tag that was never closed.
    fn of(text: &'a [u8]) -> Self {
        let (name, mut rest) = word(text);
        let mut src = None;
        loop {
            rest = rest.trim_ascii_start();
            match rest.first() {
                None | Some(b'<') => break,
                Some(b'>') => {
                    rest = rest.get(1..).unwrap_or_default();
                    break;
                }
                Some(b'/' | b'=' | b'"' | b'\'') => rest = rest.get(1..).unwrap_or_default(),
                Some(_) => {
                    let (attribute, after_name) = word(rest);
                    let (value, after_value) = value(after_name);
                    rest = after_value;
                    if src.is_none() && attribute.eq_ignore_ascii_case(b"src") {
                        src = value;
                    }
                }
            }
        }
        Self { name, src, rest }
    }

    fn reference(&self) -> Option<Reference> {
        // Fetching ahead shows nothing.
        if self.name.eq_ignore_ascii_case(b"prefetch") {
            return None;
        }
        let src = decoded(self.src?);
        let src = src.trim();
        (!src.is_empty()).then(|| Reference { src: src.into(), element: Element::read(self.name) })
    }
}

/// The longest run of octets that can stand in a name.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|octet| octet.is_ascii_whitespace() || b"=/><\"'".contains(octet));
    text.split_at_checked(end.unwrap_or(text.len())).unwrap_or((text, &[]))
}

/// `= "value"`, `='value'`, `=value`, or nothing.
fn value(text: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let Some(rest) = text.trim_ascii_start().strip_prefix(b"=") else { return (None, text) };
    let rest = rest.trim_ascii_start();
    if let Some((quote @ (b'"' | b'\''), inner)) = rest.split_first() {
        // A tag cannot reach over the next `<`, so a missing quote costs one tag and not the rest.
        let end = memchr::memchr2(*quote, b'<', inner).unwrap_or(inner.len());
        let (value, rest) = inner.split_at_checked(end).unwrap_or((inner, &[]));
        return (Some(value), rest.strip_prefix(core::slice::from_ref(quote)).unwrap_or(rest));
    }
    let end = rest.iter().position(|octet| octet.is_ascii_whitespace() || matches!(octet, b'>' | b'<'));
    let (value, rest) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, &[]));
    (Some(value.strip_suffix(b"/").filter(|_| rest.first() == Some(&b'>')).unwrap_or(value)), rest)
}

/// What follows `mark`; nothing when it never comes.
fn after<'a>(text: &'a [u8], mark: &[u8]) -> &'a [u8] {
    memmem::find(text, mark).and_then(|at| text.get(at + mark.len()..)).unwrap_or_default()
}

/// Where the `;` of an entity is looked for, in octets: `&#x0010FFFF;` and no further.
const MAX_ENTITY: usize = 12;

/// Decodes the five entities of XML and character references; leaves a lone `&` as it is.
fn decoded(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let mut plain = String::with_capacity(text.len());
    let mut rest: &str = &text;
    while let Some((before, entity)) = rest.split_once('&') {
        plain.push_str(before);
        let end = entity.bytes().take(MAX_ENTITY).position(|octet| octet == b';');
        let decoded = end.and_then(|end| Some((entity.get(..end)?, entity.get(end + 1..)?)));
        match decoded.and_then(|(name, tail)| Some((character(name)?, tail))) {
            Some((c, tail)) => {
                plain.push(c);
                rest = tail;
            }
            None => {
                plain.push('&');
                rest = entity;
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "apos" => Some('\''),
        "gt" => Some('>'),
        "lt" => Some('<'),
        "quot" => Some('"'),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|c| !c.is_control())
        }
    }
}

/// UTF-16 with a byte order mark becomes UTF-8; UTF-8 stays; other 8-bit octets read as Latin-1.
fn utf8(octets: &[u8]) -> Cow<'_, [u8]> {
    let join: fn([u8; 2]) -> u16 = match octets {
        [0xFF, 0xFE, ..] => u16::from_le_bytes,
        [0xFE, 0xFF, ..] => u16::from_be_bytes,
        _ if core::str::from_utf8(octets).is_ok() => return Cow::Borrowed(octets),
        _ => {
            return Cow::Owned(
                octets.iter().map(|octet| char::from(*octet)).collect::<String>().into_bytes(),
            );
        }
    };
    let (pairs, _) = octets.as_chunks::<2>();
    let units = pairs.iter().skip(1).map(|pair| join(*pair));
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Cow::Owned(text.into_bytes())
}
