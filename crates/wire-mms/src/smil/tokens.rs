//! The tolerant tokenizer: one pass over tags, no recursion, no allocation but for decoded values.
//!
//! Comments, CDATA, declarations and text are passed over. Entities of a DTD are not expanded.

use alloc::borrow::Cow;
use alloc::string::String;

use memchr::{memchr, memmem};

use crate::entity::decoded;

/// The attributes that are read, of any element.
const ATTRIBUTES: [&str; 12] =
    ["alt", "begin", "dur", "end", "fit", "height", "id", "left", "region", "src", "top", "width"];

/// A tag.
pub(super) enum Token<'a> {
    /// `<name …>` or `<name …/>`.
    Start(Tag<'a>),
    /// `</name>`.
    End(&'a [u8]),
}

/// A start tag.
pub(super) struct Tag<'a> {
    /// The element name as written, prefix included.
    pub(super) name: &'a [u8],
    /// Whether it is its own end tag.
    pub(super) closed: bool,
    values: [Option<&'a [u8]>; ATTRIBUTES.len()],
}

/// The tags of a text, in their order.
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    pub(super) const fn of(text: &'a [u8]) -> Self {
        Self { rest: text }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let open = memchr(b'<', self.rest)?;
            let rest = self.rest.get(open + 1..).unwrap_or_default();
            if let Some(comment) = rest.strip_prefix(b"!--") {
                self.rest = after(comment, b"-->");
            } else if let Some(section) = rest.strip_prefix(b"![CDATA[") {
                self.rest = after(section, b"]]>");
            } else if let Some(end) = rest.strip_prefix(b"/") {
                self.rest = after(end, b">");
                return Some(Token::End(word(end).0));
            } else if matches!(rest.first(), Some(b'!' | b'?')) {
                self.rest = after(rest, b">");
            } else {
                let (tag, rest) = Tag::of(rest);
                self.rest = rest;
                return Some(Token::Start(tag));
            }
        }
    }
}

impl<'a> Tag<'a> {
    /// Reads `name attribute="value" …>`; a `<` outside quotes ends a tag that was never closed.
    fn of(text: &'a [u8]) -> (Self, &'a [u8]) {
        let (name, mut rest) = word(text);
        let mut tag = Self { name, closed: false, values: [None; ATTRIBUTES.len()] };
        loop {
            rest = rest.trim_ascii_start();
            match rest.first() {
                None | Some(b'<') => break,
                Some(b'>') => {
                    rest = rest.get(1..).unwrap_or_default();
                    break;
                }
                Some(b'/') => {
                    rest = rest.get(1..).unwrap_or_default();
                    tag.closed = rest.first() == Some(&b'>');
                }
                Some(b'=' | b'"' | b'\'') => rest = rest.get(1..).unwrap_or_default(),
                Some(_) => {
                    let (attribute, after_name) = word(rest);
                    let (value, after_value) = value(after_name);
                    rest = after_value;
                    let place =
                        ATTRIBUTES.iter().position(|it| attribute.eq_ignore_ascii_case(it.as_bytes()));
                    if let Some(first @ None) = place.and_then(|place| tag.values.get_mut(place)) {
                        *first = value;
                    }
                }
            }
        }
        (tag, rest)
    }

    /// The element name without prefix, compared without regard to case.
    pub(super) fn is(&self, name: &str) -> bool {
        local(self.name).eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value of one of [`ATTRIBUTES`], decoded and trimmed; `None` when empty.
    pub(super) fn value(&self, attribute: &str) -> Option<String> {
        let place = ATTRIBUTES.iter().position(|it| *it == attribute)?;
        let value = decoded(&String::from_utf8_lossy((*self.values.get(place)?)?)).into_owned();
        let value = value.trim();
        (!value.is_empty()).then(|| value.into())
    }
}

/// A name without its prefix.
pub(super) fn local(name: &[u8]) -> &[u8] {
    name.rsplit(|octet| *octet == b':').next().unwrap_or(name)
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

/// UTF-16 with a byte order mark becomes UTF-8; UTF-8 stays; other 8-bit octets read as Latin-1.
pub(super) fn utf8(octets: &[u8]) -> Cow<'_, [u8]> {
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
