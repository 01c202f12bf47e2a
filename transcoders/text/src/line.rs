//! Content lines of cards and calendars: folding, parameters, encodings, escapes (vCard 2.1,
//! RFC 2426, RFC 5545, RFC 6350, RFC 6868, vCalendar 1.0).
//!
//! One reader for all versions, as lenient as address books of telephones need; the two writers are
//! exact: `old` is vCard 2.1 and vCalendar 1.0, the other the style of the RFCs. Knows no property.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use cedrat_plan::job::{Fault, FaultKind};
use cedrat_wire_mail::charset as wire;

use crate::Limits;

/// One line, unfolded and decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// `item1` of `item1.TEL`.
    pub(crate) group: Option<String>,
    /// Upper case.
    pub(crate) name: String,
    /// Names in upper case; a parameter without a name is a `TYPE`.
    pub(crate) parameters: Vec<(String, Vec<String>)>,
    /// Still with its escapes.
    pub(crate) value: String,
    /// Of vCard 2.1 or vCalendar 1.0, where a backslash escapes separators only.
    pub(crate) old: bool,
}

impl Line {
    pub(crate) fn parameter(&self, name: &'static str) -> Option<&str> {
        self.values(name).next()
    }

    /// Every value of every parameter of that name.
    pub(crate) fn values(&self, name: &'static str) -> impl Iterator<Item = &str> {
        let named = self.parameters.iter().filter(move |(known, _)| known == name);
        named.flat_map(|(_, values)| values).map(String::as_str)
    }

    /// The value without escapes.
    pub(crate) fn text(&self) -> String {
        plain(&self.value, self.old)
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// `BEGIN:value` and the like.
    pub(crate) fn says(&self, name: &str, value: &str) -> bool {
        self.is(name) && self.value.trim().eq_ignore_ascii_case(value)
    }

    /// Whether the value is octets in base64.
    pub(crate) fn is_base64(&self) -> bool {
        self.values("ENCODING").any(|it| it.eq_ignore_ascii_case("b") || it.eq_ignore_ascii_case("base64"))
    }
}

/// The lines of a file. What has no colon is no line and is passed over.
pub(crate) fn read(octets: &[u8], limits: &Limits) -> Result<Vec<Line>, Fault> {
    if octets.len() > limits.octets {
        return Err(Fault::new(FaultKind::TooLarge, format!("cards of {} octets", octets.len())));
    }
    // Sixteen-bit files are text before they are lines; eight-bit ones may change charset in a line.
    let wide = matches!(octets, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]).then(|| wire::text(octets, None).0);
    let octets = wide.as_ref().map_or(octets, |text| text.as_bytes());
    let octets = octets.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(octets);
    let mut lines = Vec::new();
    let mut is_old = false;
    let mut physical = Physical { rest: octets };
    while let Some(whole) = physical.logical(is_old) {
        let Some(mut line) = line(&whole) else { continue };
        line.old = is_old;
        if line.is("VERSION") {
            is_old = matches!(line.value.trim(), "2.1" | "1.0");
        }
        if lines.len() >= limits.lines {
            return Err(Fault::new(
                FaultKind::TooLarge,
                format!("cards of more than {} lines", limits.lines),
            ));
        }
        lines.push(line);
    }
    Ok(lines)
}

struct Physical<'a> {
    rest: &'a [u8],
}

impl<'a> Physical<'a> {
    /// The next line without its end, and what follows.
    fn split(&self) -> Option<(&'a [u8], &'a [u8])> {
        if self.rest.is_empty() {
            return None;
        }
        let end =
            self.rest.iter().position(|octet| matches!(octet, b'\r' | b'\n')).unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at_checked(end)?;
        let rest = rest.strip_prefix(b"\r\n").or_else(|| rest.get(1..)).unwrap_or_default();
        Some((line, rest))
    }

    fn take(&mut self, accept: impl FnOnce(&[u8]) -> bool) -> Option<&'a [u8]> {
        let (line, rest) = self.split()?;
        if !accept(line) {
            return None;
        }
        self.rest = rest;
        Some(line)
    }

    /// A line with its continuations.
    fn logical(&mut self, is_old: bool) -> Option<Vec<u8>> {
        let mut whole = self.take(|_| true)?.to_vec();
        let mut colon = colon(&whole);
        while colon.is_none() {
            let Some(next) = self.take(is_folded) else { return Some(whole) };
            whole.extend_from_slice(next.get(1..).unwrap_or_default());
            // Looked for in the new piece only: a name is never so long that this misses quotes.
            colon = next.contains(&b':').then(|| self::colon(&whole)).flatten();
            if colon.is_none() && next.contains(&b':') {
                return Some(whole);
            }
        }
        let head = whole.get(..colon.unwrap_or_default()).unwrap_or_default().to_ascii_uppercase();
        let has = |word: &[u8]| head.windows(word.len()).any(|window| window == word);
        if has(b"QUOTED-PRINTABLE") {
            while whole.last() == Some(&b'=') {
                let Some(next) = self.take(|_| true) else { break };
                whole.pop();
                whole.extend_from_slice(next);
            }
        } else if has(b"BASE64") || has(b"ENCODING=B") {
            while let Some(next) = self.take(|line| is_folded(line) || is_base64(line)) {
                whole.extend(next.iter().filter(|octet| !octet.is_ascii_whitespace()));
            }
            return Some(whole);
        }
        while let Some(next) = self.take(is_folded) {
            // Old lines are folded where a blank stands anyway.
            let from = usize::from(!is_old);
            whole.extend_from_slice(next.get(from..).unwrap_or_default());
        }
        Some(whole)
    }
}

fn is_folded(line: &[u8]) -> bool {
    matches!(line.first(), Some(b' ' | b'\t'))
}

fn is_base64(line: &[u8]) -> bool {
    !line.is_empty() && line.iter().all(|octet| octet.is_ascii_alphanumeric() || b"+/=".contains(octet))
}

/// Where the value begins: the first colon outside of quotes.
fn colon(line: &[u8]) -> Option<usize> {
    let mut quoted = false;
    line.iter().position(|octet| {
        quoted ^= *octet == b'"';
        *octet == b':' && !quoted
    })
}

fn line(whole: &[u8]) -> Option<Line> {
    let at = colon(whole)?;
    let (head, value) = whole.split_at_checked(at)?;
    let value = value.get(1..).unwrap_or_default();
    let head = wire::text(head, None).0;
    let mut pieces = unquoted(&head, ';').into_iter();
    let name = pieces.next()?.trim();
    let (group, name) = match name.rsplit_once('.') {
        Some((group, name)) => (Some(group.to_owned()), name),
        None => (None, name),
    };
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-' || it == b'_')
    };
    if !is_name(name) {
        return None;
    }
    let group = group.filter(|group| is_name(group));
    let mut line = Line {
        group,
        name: name.to_ascii_uppercase(),
        parameters: pieces.map(parameter).collect(),
        value: String::new(),
        old: false,
    };
    let is_quoted = line.values("ENCODING").any(|it| it.eq_ignore_ascii_case("quoted-printable"));
    let decoded = if is_quoted { quoted_printable(value) } else { value.to_vec() };
    line.value = wire::text(&decoded, line.parameter("CHARSET")).0;
    Some(line)
}

fn parameter(piece: &str) -> (String, Vec<String>) {
    let piece = piece.trim();
    let Some((name, values)) = piece.split_once('=') else {
        let is_encoding =
            ["QUOTED-PRINTABLE", "BASE64", "7BIT", "8BIT"].iter().any(|it| piece.eq_ignore_ascii_case(it));
        return (if is_encoding { "ENCODING" } else { "TYPE" }.to_owned(), Vec::from([piece.to_owned()]));
    };
    let mut all = Vec::new();
    for value in unquoted(values, ',') {
        let value = value.trim();
        let inner = value.strip_prefix('"').map(|it| it.strip_suffix('"').unwrap_or(it));
        let plain = inner.unwrap_or(value);
        // A list in quotes is what vCard 4.0 writes and many read as one word.
        match inner.filter(|_| name.eq_ignore_ascii_case("TYPE")) {
            Some(list) => all.extend(list.split(',').map(|it| it.trim().to_owned())),
            None => all.push(plain.replace("^n", "\n").replace("^'", "\"").replace("^^", "^")),
        }
    }
    (name.trim().to_ascii_uppercase(), all)
}

/// Pieces between separators that do not stand in quotes.
fn unquoted(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    let pieces = text.split(|c: char| {
        quoted ^= c == '"';
        c == separator && !quoted
    });
    pieces.collect()
}

fn quoted_printable(value: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|octet| char::from(*octet).to_digit(16));
        rest = after;
        match (first, digit(0), digit(1)) {
            (b'=', Some(high), Some(low)) => {
                octets.extend(u8::try_from(high * 16 + low));
                rest = after.get(2..).unwrap_or_default();
            }
            _ => octets.push(*first),
        }
    }
    octets
}

/// A value at each unescaped `separator`, still escaped.
pub(crate) fn split(value: &str, separator: char) -> Vec<&str> {
    let mut escaped = false;
    let pieces = value.split(|c: char| {
        let here = c == separator && !escaped;
        escaped = c == '\\' && !escaped;
        here
    });
    pieces.collect()
}

/// A value of an old line, or of one as the RFCs have it, without its escapes. Line ends are LF.
pub(crate) fn plain(value: &str, old: bool) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let is_escaped = |c: &char| match c {
                    '\\' | ';' | ',' | ':' | '"' => true,
                    c => !old && matches!(c, 'n' | 'N'),
                };
                match chars.next_if(is_escaped) {
                    Some('n' | 'N') => text.push('\n'),
                    Some(c) => text.push(c),
                    // What follows is no escape and stands for itself.
                    None => text.push('\\'),
                }
            }
            '\r' => {
                chars.next_if_eq(&'\n');
                text.push('\n');
            }
            '\n' | '\t' => text.push(c),
            c if c.is_control() => {}
            c => text.push(c),
        }
    }
    text
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// vCard 2.1, vCalendar 1.0: quoted-printable for what is not ASCII, no folding.
    Old,
    /// vCard 3.0, iCalendar 2.0: UTF-8, folded at 75 octets.
    Rfc,
}

/// A file being written.
pub(crate) struct Writer {
    pub(crate) style: Style,
    out: String,
}

/// Longest line without its end (RFC 6350 §3.2; RFC 2045 §6.7 has 76).
const LONGEST: usize = 75;

impl Writer {
    pub(crate) const fn new(style: Style) -> Self {
        Self { style, out: String::new() }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.out.into_bytes()
    }

    /// Text with the escapes of the style. Line ends stay for [`Writer::put`] to write.
    pub(crate) fn escaped(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                ';' => out.push_str("\\;"),
                ',' if self.style == Style::Rfc => out.push_str("\\,"),
                c => out.push(c),
            }
        }
        out
    }

    /// A line: `head` is name and parameters, `value` has its escapes. Control characters other than LF
    /// and tab are not written.
    pub(crate) fn put(&mut self, head: &str, value: &str) {
        let value: String = value.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        match self.style {
            Style::Rfc => self.folded(&format!("{head}:{}", value.replace('\n', "\\n"))),
            Style::Old if value.bytes().all(|it| it == b' ' || it.is_ascii_graphic()) => {
                self.out.push_str(head);
                self.out.push(':');
                self.out.push_str(&value);
                self.out.push_str("\r\n");
            }
            Style::Old => self.quoted(head, &value),
        }
    }

    /// A line of text that stands for itself.
    pub(crate) fn text(&mut self, head: &str, text: &str) {
        let value = self.escaped(text);
        self.put(head, &value);
    }

    /// A line of octets in base64. `data` has base64 characters only.
    pub(crate) fn base64(&mut self, head: &str, data: &str) {
        let encoding = if self.style == Style::Old { "BASE64" } else { "b" };
        let head = format!("{head};ENCODING={encoding}:");
        match self.style {
            Style::Rfc => self.folded(&format!("{head}{data}")),
            Style::Old => {
                self.out.push_str(&head);
                self.out.push_str("\r\n");
                let mut rest = data;
                while !rest.is_empty() {
                    let (line, after) = rest.split_at_checked(LONGEST - 1).unwrap_or((rest, ""));
                    self.out.push(' ');
                    self.out.push_str(line);
                    self.out.push_str("\r\n");
                    rest = after;
                }
                // Ends the value for readers that look for it.
                self.out.push_str("\r\n");
            }
        }
    }

    fn folded(&mut self, line: &str) {
        let mut column = 0;
        for c in line.chars().filter(|c| !c.is_control() || *c == '\t') {
            if column + c.len_utf8() > LONGEST {
                self.out.push_str("\r\n ");
                column = 1;
            }
            column += c.len_utf8();
            self.out.push(c);
        }
        self.out.push_str("\r\n");
    }

    fn quoted(&mut self, head: &str, value: &str) {
        let head = format!("{head};CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:");
        self.out.push_str(&head);
        let mut column = head.len();
        let value = value.replace('\n', "\r\n");
        let mut octets = value.bytes().peekable();
        while let Some(octet) = octets.next() {
            let breaks = column > LONGEST - 4;
            if breaks {
                self.out.push_str("=\r\n");
                column = 0;
            }
            // A blank at either end of a line would be taken for something else.
            let blank_is_safe = column > 0 && column < LONGEST - 5 && octets.peek().is_some();
            match octet {
                b' ' if blank_is_safe => self.out.push(' '),
                b'!'..=b'<' | b'>'..=b'~' => self.out.push(char::from(octet)),
                _ => {
                    self.out.push_str(&format!("={octet:02X}"));
                    column += 2;
                }
            }
            column += 1;
        }
        self.out.push_str("\r\n");
    }
}

/// Base64 without white space and its length in octets; `None` when it is something else.
pub(crate) fn base64(data: &str) -> Option<(String, u64)> {
    let data: String = data.chars().filter(|c| !c.is_whitespace() && *c != '\\').collect();
    let body = data.trim_end_matches('=');
    let legal = body.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'+' || it == b'/');
    let whole = data.len().is_multiple_of(4) && data.len() - body.len() <= 2 && !body.is_empty();
    (legal && whole).then(|| (data.to_string(), body.len() as u64 * 3 / 4))
}
