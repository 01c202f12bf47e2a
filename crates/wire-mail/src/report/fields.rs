//! The fields of the part for machines: header blocks apart by empty lines (RFC 3464 §2.1, RFC 8098 §3.1).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use cedrat_mime::{Header, Headers, Limits};

/// Blocks in one report. A report on more recipients than this is cut; senders split far earlier.
const MAX_BLOCKS: usize = 10_000;

/// Octets of a field that is written; with its name it stays below a line of 998.
const MAX_FIELD: usize = 900;

/// A value with its type in front: an address, the name of an MTA, a diagnostic code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    /// `rfc822`, `utf-8`, `dns`, `smtp`, `x-…`, in lower case; empty when the sender left it out.
    pub kind: String,
    /// What follows the semicolon; an address stands without angle brackets.
    pub value: String,
}

impl Typed {
    /// A value of the given type.
    pub fn new(kind: impl Into<String>, value: impl Into<String>) -> Self {
        Self { kind: kind.into(), value: value.into() }
    }

    /// Reads `type; value`, or a value without type.
    pub fn parse(text: &str) -> Self {
        let is_kind = |kind: &str| {
            !kind.is_empty() && kind.bytes().all(|it| it.is_ascii_alphanumeric() || b"-._".contains(&it))
        };
        let (kind, value) = match text.split_once(';') {
            Some((kind, value)) if is_kind(kind.trim()) => (kind.trim().to_ascii_lowercase(), value.trim()),
            _ => (String::new(), text.trim()),
        };
        let bare = match kind.as_str() {
            "" | "rfc822" | "utf-8" => {
                value.strip_prefix('<').and_then(|it| it.strip_suffix('>')).unwrap_or(value)
            }
            _ => value,
        };
        let value = if kind == "utf-8" { unescape(bare) } else { String::from(bare) };
        Self { kind, value }
    }

    /// Writes `type; value` in ASCII. An address with other characters takes the type `utf-8` (RFC 6533 §3);
    /// anywhere else they become `?`.
    pub(super) fn encode(&self) -> String {
        let kind = match self.kind.as_str() {
            "rfc822" if !self.value.is_ascii() => "utf-8",
            kind => kind,
        };
        let value = if kind == "utf-8" {
            escape(&self.value)
        } else {
            self.value.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
        };
        if kind.is_empty() { value } else { format!("{kind}; {value}") }
    }
}

/// `\x{HEX}` for what is not printable ASCII.
fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if c.is_ascii_graphic() && c != '\\' {
            out.push(c);
        } else {
            out.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
        }
    }
    out
}

fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("\\x{") {
        out.push_str(before);
        // No code point has more than six digits, so nothing is searched far.
        let end = after.bytes().take(7).position(|octet| octet == b'}');
        let (digits, tail) = end.and_then(|end| after.split_at_checked(end)).unwrap_or(("", after));
        match u32::from_str_radix(digits, 16).ok().and_then(char::from_u32) {
            Some(c) => {
                out.push(c);
                rest = tail.strip_prefix('}').unwrap_or(tail);
            }
            None => {
                out.push_str("\\x{");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The blocks of `body`; lines that are no field are skipped.
pub(super) fn blocks(body: &Bytes) -> Vec<Headers> {
    let limits = Limits::default();
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < body.len() && blocks.len() < MAX_BLOCKS {
        let rest = body.slice(at..);
        let Ok((headers, used)) = Headers::parse(&rest, &limits) else { break };
        if !headers.is_empty() {
            blocks.push(headers);
        }
        at += match used {
            0 => memchr::memchr(b'\n', &rest).map_or(rest.len(), |end| end + 1),
            used => used,
        };
    }
    blocks
}

/// Appends a field unless it is absent or empty, cut to [`MAX_FIELD`].
pub(super) fn push(headers: &mut Headers, name: &str, value: Option<String>) {
    if let Some(mut value) = value.filter(|value| !value.trim().is_empty()) {
        value.truncate(value.floor_char_boundary(MAX_FIELD));
        headers.push(Header::new(name, value));
    }
}

/// A field as text, absent when empty.
pub(super) fn text(header: &Header) -> Option<String> {
    let value = header.value();
    (!value.is_empty()).then(|| value.into())
}

/// A field as a typed value, absent when empty.
pub(super) fn typed(header: &Header) -> Option<Typed> {
    text(header).map(|value| Typed::parse(&value)).filter(|typed| !typed.value.is_empty())
}

/// The first word of a field, without comments.
pub(super) fn word(value: &str) -> &str {
    let value = value.trim_start();
    value.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).next().unwrap_or_default()
}
