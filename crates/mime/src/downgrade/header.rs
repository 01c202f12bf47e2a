//! Header blocks for [`super::seven_bit`]: what can cross is copied, the rest written again.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::{BOUNDARY, Header, can_cross};
use crate::parameter::{ContentType, Disposition, Parameters};
use crate::write::{is_token_octet, with_parameters};
use crate::{Encoding, Node, transfer};

const ENCODING: &str = "Content-Transfer-Encoding";

/// Octets of a word that is cut because its line would be too long.
const WORD: usize = 900;

/// Where the value of a parameter that is written again ends; nothing could be saved under a longer name.
const VALUE: usize = 2 * BOUNDARY;

/// Writes the block of `node`, whose body now has the encoding `new`, or else the one that it had. Of a header that is
/// written again so many `parameters` are read as the walker reads: with one more the message could have other parts.
pub(super) fn write(
    node: &Node,
    new: Option<Encoding>,
    is_message: bool,
    parameters: usize,
    out: &mut Vec<u8>,
) {
    let head = node.octets.get(..node.octets.len() - node.body.len()).unwrap_or_default();
    let start = out.len();
    let label = new.or_else(|| relabelled(node));
    let mut labelled = false;
    let mut rest = head;
    for header in node.headers.iter() {
        rest = copy_skipped(rest, |rest| rest.starts_with(header.raw()), out);
        let (end, after) = line_end(rest.get(header.raw().len()..).unwrap_or_default());
        rest = after;
        let written = match label {
            // A second one would contradict the first.
            Some(_) if header.is(ENCODING) && labelled => None,
            Some(label) if header.is(ENCODING) => {
                labelled = true;
                Some(Cow::Owned(Header::new(header.name(), label.token())))
            }
            _ if can_cross(header.raw(), true) => Some(Cow::Borrowed(header)),
            _ => rewritten(header, parameters).map(Cow::Owned),
        };
        if let Some(header) = written {
            out.extend_from_slice(header.raw());
            out.extend_from_slice(end);
        }
    }
    rest = copy_skipped(rest, |rest| rest.starts_with(b"\n") || rest.starts_with(b"\r\n"), out);
    if let Some(label) = new.filter(|_| !labelled) {
        push(&Header::new(ENCODING, label.token()), out);
    }
    if new.is_some() && is_message && node.headers.first("MIME-Version").is_none() {
        push(&Header::new("MIME-Version", "1.0"), out);
    }
    out.extend_from_slice(rest);
    let message_inside = node.content_type.is_message() && !node.children.is_empty();
    let changed = new.is_some() || out.get(start..) != Some(head);
    if rest.is_empty() && (changed || message_inside) && !node.body.is_empty() {
        // The body began at a line that was no header. What is new, or a header new in the body, could
        // make it one.
        out.extend_from_slice(b"\r\n");
    }
}

/// What the label must say although the body stays: nothing is 8bit or binary any more.
fn relabelled(node: &Node) -> Option<Encoding> {
    match node.encoding {
        Encoding::Binary | Encoding::EightBit => Some(Encoding::SevenBit),
        encoding => {
            // A label that is written again could be read in another way.
            let crosses = node.headers.all(ENCODING).all(|header| can_cross(header.raw(), true));
            let known = if encoding == Encoding::Unknown { Encoding::SevenBit } else { encoding };
            (!crosses).then_some(known)
        }
    }
}

/// Copies the lines that the reader of headers skips (of an mbox file); returns the rest from `end` on.
fn copy_skipped<'a>(mut rest: &'a [u8], end: impl Fn(&[u8]) -> bool, out: &mut Vec<u8>) -> &'a [u8] {
    while !rest.is_empty() && !end(rest) {
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(length);
        if can_cross(line, true) {
            out.extend_from_slice(line);
        }
        rest = after;
    }
    rest
}

/// The line end at the start of `rest`, and what follows it.
fn line_end(rest: &[u8]) -> (&[u8], &[u8]) {
    let length = if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n")) };
    rest.split_at(length)
}

fn push(header: &Header, out: &mut Vec<u8>) {
    out.extend_from_slice(header.raw());
    out.extend_from_slice(b"\r\n");
}

/// A header that can cross and says as much of the same as it can; nothing when not even its name can.
fn rewritten(header: &Header, parameters: usize) -> Option<Header> {
    let octets = header.octets();
    let value = if header.is("Content-Type") {
        let (kind, _) = ContentType::parse(&octets, parameters);
        with_parameters(media_type(&kind), &kept(&kind.parameters))
    } else if header.is("Content-Disposition") {
        let (disposition, _) = Disposition::parse(&octets, parameters);
        let kind = if is_token(&disposition.kind) { disposition.kind.as_str() } else { "attachment" };
        with_parameters(kind, &kept(&disposition.parameters))
    } else if ["Comments", "Content-Description", "Subject"].iter().any(|name| header.is(name)) {
        encoded_words(&text(&octets))
    } else {
        text(&octets).chars().filter(char::is_ascii).collect()
    };
    let new = Header::new(header.name(), value.as_str());
    let new = if can_cross(new.raw(), true) { new } else { Header::new(header.name(), cut(&value)) };
    // A name with two hyphens and nothing behind it could be a delimiter.
    (can_cross(new.raw(), true) && !new.raw().starts_with(b"--")).then_some(new)
}

/// UTF-8, or else ISO-8859-1, as parameters are read.
fn text(octets: &[u8]) -> Cow<'_, str> {
    match core::str::from_utf8(octets) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(octets.iter().map(|octet| char::from(*octet)).collect()),
    }
}

/// What is no media type becomes one of the same kind: parts stay parts (RFC 2046 §5.1.3), lines stay lines.
fn media_type(kind: &ContentType) -> &str {
    let essence = kind.essence.as_str();
    if essence.bytes().all(|octet| octet.is_ascii_graphic()) && essence.len() <= BOUNDARY {
        essence
    } else if kind.is_multipart() {
        "multipart/mixed"
    } else if essence.starts_with("text/") || essence.starts_with("message/") {
        "text/plain"
    } else {
        "application/octet-stream"
    }
}

fn kept(parameters: &Parameters) -> Vec<(&str, &str)> {
    let named = parameters.iter().filter(|it| is_token(&it.name));
    named.map(|it| (it.name.as_str(), it.value.split_at(it.value.floor_char_boundary(VALUE)).0)).collect()
}

fn is_token(name: &str) -> bool {
    (1..=60).contains(&name.len()) && name.bytes().all(is_token_octet)
}

/// Breaks words that are longer than a line may be.
fn cut(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for word in value.split_ascii_whitespace() {
        for piece in word.as_bytes().chunks(WORD) {
            if !out.is_empty() {
                out.push(' ');
            }
            out.extend(piece.iter().map(|octet| char::from(*octet)));
        }
    }
    out
}

/// The words that are not ASCII, and those between them, as encoded words in UTF-8 (RFC 2047).
fn encoded_words(value: &str) -> String {
    let Some(first) = value.find(|c: char| !c.is_ascii()) else { return value.into() };
    let last = value.rfind(|c: char| !c.is_ascii()).unwrap_or(first);
    let (before, _) = value.split_at(first);
    let start = before.rfind(' ').map_or(0, |space| space + 1);
    let (_, after) = value.split_at(last);
    let end = after.find(' ').map_or(value.len(), |space| last + space);
    let (head, tail) = value.split_at(end);
    let (head, span) = head.split_at(start);
    let mut out = String::from(head);
    let mut word = String::new();
    for c in span.chars() {
        // 39 octets are 52 characters; with `=?utf-8?B?`, `?=` and `Subject: ` a line has at most 73.
        if word.len() + c.len_utf8() > 39 {
            push_word(&word, &mut out);
            out.push(' ');
            word.clear();
        }
        word.push(if c.is_ascii_control() { ' ' } else { c });
    }
    push_word(&word, &mut out);
    out.push_str(tail);
    out
}

fn push_word(word: &str, out: &mut String) {
    let mut coded = Vec::new();
    transfer::encode_base64(word.as_bytes(), &mut coded);
    out.push_str("=?utf-8?B?");
    out.extend(coded.iter().map(|octet| char::from(*octet)));
    out.push_str("?=");
}
