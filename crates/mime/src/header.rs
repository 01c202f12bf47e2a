//! Header blocks (RFC 5322 §2.2 and §3.6.8), read as leniently as real peers need.
//!
//! Accepted: bare LF line ends, white space before the colon and none after it, any printable character in
//! a name, 8-bit octets in a value, an mbox `From ` line on top, a body that follows without a blank line.
//! A line of white space only continues the header above it; only a truly empty line ends the block.
//!
//! Not here: what a value means. Encoded words stay encoded, comments stay in place.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::{Error, Kind, Limits};

/// Where [`Header::new`] and [`Headers::encode`] fold, in octets without the line end (RFC 5322 §2.1.1).
const FOLD_AT: usize = 78;

/// One header: its name, its unfolded value, and its octets as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    name: String,
    value: String,
    raw: Bytes,
}

impl Header {
    /// A header made here. Control characters in `value` become spaces, so no value can smuggle in a
    /// second header; characters that a name cannot have become `-`. Folded at 78 octets where white space
    /// allows; a longer word stays whole, so a writer of long words keeps them below 998 itself.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        let name: String = name.into();
        let name: String = if !name.is_empty() && name.bytes().all(is_name_octet) {
            name
        } else {
            let clean: String = name.chars().map(|c| if is_name_char(c) { c } else { '-' }).collect();
            if clean.is_empty() { "-".to_owned() } else { clean }
        };
        let value: String = value.into();
        let value: String =
            value.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
        let value = trim(&value).to_owned();
        let raw = fold(&name, &value).into();
        Self { name, value, raw }
    }

    fn received(raw: Bytes, name_end: usize, value_start: usize) -> Self {
        let name = String::from_utf8_lossy(raw.get(..name_end).unwrap_or_default()).into_owned();
        let value = unfold(raw.get(value_start..).unwrap_or_default());
        let value = trim(&String::from_utf8_lossy(&value)).to_owned();
        Self { name, value, raw }
    }

    /// The name as received, without the colon.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value, unfolded and trimmed; octets that are not UTF-8 are replaced (see [`Header::octets`]).
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The unfolded and trimmed value with its 8-bit octets as received, for readers that guess the charset.
    pub fn octets(&self) -> Cow<'_, [u8]> {
        if self.value.contains(char::REPLACEMENT_CHARACTER) {
            let start = memchr::memchr(b':', &self.raw).map_or(0, |colon| colon + 1);
            let value = unfold(self.raw.get(start..).unwrap_or_default());
            Cow::Owned(value.trim_ascii().to_owned())
        } else {
            Cow::Borrowed(self.value.as_bytes())
        }
    }

    /// Whether this is the header `name`, compared without ASCII case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether it speaks of the content of its entity and goes with it (RFC 2045 §3): MIME-Version and
    /// the `Content-` fields.
    pub fn is_about_content(&self) -> bool {
        let start = self.name.as_bytes().get(..8).unwrap_or_default();
        start.eq_ignore_ascii_case(b"Content-") || self.is("MIME-Version")
    }

    /// The whole header exactly as received, folding included, without its last line end.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }
}

/// A header block, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<Header>);

impl Headers {
    /// An empty block.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Reads the block at the start of `octets`; returns it with the offset of the body.
    ///
    /// # Errors
    /// Only when a limit is passed; a line that is no header ends the block and starts the body.
    pub fn parse(octets: &Bytes, limits: &Limits) -> Result<(Self, usize), Error> {
        let block = Self::parse_until(octets, 0, limits.header_octets, limits, |_| false)?;
        Ok((block.headers, block.body))
    }

    /// Reads the block at `start`, which may take up to `budget` octets. `stop` sees every line that starts
    /// with two hyphens and says whether it delimits a part, which ends the block too.
    pub(crate) fn parse_until(
        octets: &Bytes,
        start: usize,
        budget: usize,
        limits: &Limits,
        mut stop: impl FnMut(&[u8]) -> bool,
    ) -> Result<Block, Error> {
        let mut headers = Vec::new();
        let mut open: Option<Open> = None;
        let mut at = start;
        let mut stopped = false;
        loop {
            let rest = octets.get(at..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            let line = Line::first_of(rest, limits.line_octets);
            if line.text.starts_with(b"--") && stop(line.text) {
                stopped = true;
                break;
            }
            if line.text.is_empty() {
                at += line.octets;
                break;
            }
            let first = open.is_none() && headers.is_empty();
            let kind = classify(line.text, first);
            if !line.whole && kind != LineKind::Body {
                return Err(Error { at, kind: Kind::LineTooLong });
            }
            match kind {
                LineKind::Body => break,
                LineKind::Skip => {}
                LineKind::Continuation => {
                    if let Some(open) = open.as_mut() {
                        open.end = at + line.text.len();
                    }
                }
                LineKind::Header { name_end, value_start } => {
                    headers.extend(open.take().map(|open| open.close(octets)));
                    if headers.len() >= limits.headers {
                        return Err(Error { at, kind: Kind::TooManyHeaders });
                    }
                    open = Some(Open { start: at, end: at + line.text.len(), name_end, value_start });
                }
            }
            at += line.octets;
            if at - start > budget {
                return Err(Error { at, kind: Kind::HeadersTooLarge });
            }
        }
        headers.extend(open.take().map(|open| open.close(octets)));
        Ok(Block { headers: Self(headers), body: at, stopped })
    }

    /// The value of the first header `name`.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|header| header.is(name)).map(Header::value)
    }

    /// Every header `name`, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Header> + 'a {
        self.0.iter().filter(move |header| header.is(name))
    }

    /// All headers, in order.
    pub fn iter(&self) -> core::slice::Iter<'_, Header> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends a header at the end.
    pub fn push(&mut self, header: Header) {
        self.0.push(header);
    }

    /// Puts a header on top, where trace headers belong (RFC 5321 §4.4).
    pub fn prepend(&mut self, header: Header) {
        self.0.insert(0, header);
    }

    /// Removes every header `name`; returns how many there were.
    pub fn remove(&mut self, name: &str) -> usize {
        let before = self.0.len();
        self.0.retain(|header| !header.is(name));
        before - self.0.len()
    }

    /// Appends the block to `out` with CRLF line ends and without the empty line that ends it. Received
    /// headers keep their folding; a CR that ends no line becomes a space.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for header in &self.0 {
            for (index, line) in header.raw.split(|octet| *octet == b'\n').enumerate() {
                if index > 0 {
                    out.extend_from_slice(b"\r\n");
                }
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                let start = out.len();
                out.extend_from_slice(line);
                for octet in out.iter_mut().skip(start).filter(|octet| **octet == b'\r') {
                    *octet = b' ';
                }
            }
            out.extend_from_slice(b"\r\n");
        }
    }
}

impl FromIterator<Header> for Headers {
    fn from_iter<I: IntoIterator<Item = Header>>(headers: I) -> Self {
        Self(headers.into_iter().collect())
    }
}

impl Extend<Header> for Headers {
    fn extend<I: IntoIterator<Item = Header>>(&mut self, headers: I) {
        self.0.extend(headers);
    }
}

impl IntoIterator for Headers {
    type Item = Header;
    type IntoIter = alloc::vec::IntoIter<Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = &'a Header;
    type IntoIter = core::slice::Iter<'a, Header>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// What [`Headers::parse_until`] found.
pub(crate) struct Block {
    pub(crate) headers: Headers,
    /// Offset of the body, or of the delimiter line when `stopped`.
    pub(crate) body: usize,
    /// A part delimiter ended the block before any empty line.
    pub(crate) stopped: bool,
}

/// A header whose continuation lines may still follow.
struct Open {
    start: usize,
    end: usize,
    name_end: usize,
    value_start: usize,
}

impl Open {
    fn close(self, octets: &Bytes) -> Header {
        Header::received(octets.slice(self.start..self.end), self.name_end, self.value_start)
    }
}

/// One line of the input.
pub(crate) struct Line<'a> {
    /// Without the line end.
    pub(crate) text: &'a [u8],
    /// With the line end.
    pub(crate) octets: usize,
    /// False when the limit cut it.
    pub(crate) whole: bool,
}

impl<'a> Line<'a> {
    /// The first line of `rest`, looked for in no more than `limit` octets and a line end.
    pub(crate) fn first_of(rest: &'a [u8], limit: usize) -> Self {
        let window = rest.get(..limit.saturating_add(2)).unwrap_or(rest);
        match memchr::memchr(b'\n', window) {
            Some(end) => {
                let text = window.get(..end).unwrap_or_default();
                let text = text.strip_suffix(b"\r").unwrap_or(text);
                Self { text, octets: end + 1, whole: text.len() <= limit }
            }
            None => Self { text: window, octets: window.len(), whole: window.len() <= limit },
        }
    }
}

#[derive(PartialEq, Eq)]
enum LineKind {
    Body,
    Continuation,
    Header { name_end: usize, value_start: usize },
    Skip,
}

fn classify(line: &[u8], first: bool) -> LineKind {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return match (first, line.trim_ascii().is_empty()) {
            (false, _) => LineKind::Continuation,
            (true, true) => LineKind::Skip,
            (true, false) => LineKind::Body,
        };
    }
    let name_end = line.iter().position(|octet| !is_name_octet(*octet)).unwrap_or(line.len());
    let gap = line.iter().skip(name_end).take_while(|octet| matches!(octet, b' ' | b'\t')).count();
    if name_end > 0 && line.get(name_end + gap) == Some(&b':') {
        return LineKind::Header { name_end, value_start: name_end + gap + 1 };
    }
    if first && (line.starts_with(b"From ") || line.starts_with(b">From ")) {
        return LineKind::Skip;
    }
    LineKind::Body
}

const fn is_name_octet(octet: u8) -> bool {
    octet.is_ascii_graphic() && octet != b':'
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_graphic() && c != ':'
}

fn trim(value: &str) -> &str {
    value.trim_matches([' ', '\t', '\r', '\n'])
}

/// Removes the line ends of folding; white space around them stays (RFC 5322 §2.2.3).
fn unfold(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'\r', b'\n', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut value = Vec::with_capacity(raw.len());
    for line in raw.split(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        value.extend(line.iter().map(|octet| if *octet == b'\r' { b' ' } else { *octet }));
    }
    Cow::Owned(value)
}

/// `name: value`, broken before white space so that no line passes [`FOLD_AT`] where that is possible.
fn fold(name: &str, value: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + value.len() + 8);
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    if value.is_empty() {
        return out;
    }
    out.push(b' ');
    let mut column = out.len();
    let mut first = true;
    let mut rest = value.as_bytes();
    while !rest.is_empty() {
        // A chunk is a run of white space and the word after it, so no line is ever white space alone.
        let space = rest.iter().take_while(|octet| is_space(**octet)).count();
        let word = rest.iter().skip(space).take_while(|octet| !is_space(**octet)).count();
        let (chunk, tail) = rest.split_at(space + word);
        if !first && column + chunk.len() > FOLD_AT {
            out.extend_from_slice(b"\r\n");
            column = 0;
        }
        out.extend_from_slice(chunk);
        column += chunk.len();
        first = false;
        rest = tail;
    }
    out
}

const fn is_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
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
