//! Content-Type and Content-Disposition: a keyword and its parameters (RFC 2045 §5.1, RFC 2183), with the
//! continuations and charsets of RFC 2231.
//!
//! Accepted: names in any case, values without quotes although they hold spaces, missing spaces, missing or
//! stray semicolons, comments, unterminated quotes. A backslash quotes only `"` and `\`, so that
//! `C:\photo.jpg` survives.
//!
//! Not here: charsets other than UTF-8 and ISO-8859-1 (see [`Parameter::encoded`]) and encoded words.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// A media type with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentType {
    /// `type/subtype` in lower case; possibly empty or without slash when the header was.
    pub essence: String,
    /// What follows it.
    pub parameters: Parameters,
}

impl ContentType {
    /// Reads a header value. The flag says that parameters beyond `limit` were ignored.
    pub fn parse(value: &[u8], limit: usize) -> (Self, bool) {
        let mut reader = Reader::new(value);
        let essence = reader.keyword();
        let (parameters, cut) = reader.parameters(limit);
        (Self { essence, parameters }, cut)
    }

    /// The type of a part that declares none, without parameters.
    pub fn of(essence: &str) -> Self {
        Self { essence: essence.to_ascii_lowercase(), parameters: Parameters::default() }
    }

    /// The value of the parameter `name`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.value(name)
    }

    /// Whether parts follow: `multipart/*`, and the WAP types that leak into Internet mail
    /// (`application/vnd.wap.multipart.*`).
    pub fn is_multipart(&self) -> bool {
        self.essence.starts_with("multipart/") || self.essence.starts_with("application/vnd.wap.multipart.")
    }

    /// Whether the body is itself a message (RFC 2046 §5.2.1, RFC 6532 §3.7).
    pub fn is_message(&self) -> bool {
        matches!(self.essence.as_str(), "message/rfc822" | "message/global")
    }
}

/// How a part wants to be shown, with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition {
    /// `inline`, `attachment` or another token, in lower case.
    pub kind: String,
    /// What follows it.
    pub parameters: Parameters,
}

impl Disposition {
    /// Reads a header value. The flag says that parameters beyond `limit` were ignored.
    pub fn parse(value: &[u8], limit: usize) -> (Self, bool) {
        let mut reader = Reader::new(value);
        let kind = reader.keyword();
        let (parameters, cut) = reader.parameters(limit);
        (Self { kind, parameters }, cut)
    }
}

/// Parameters in order of first appearance, continuations joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(Vec<Parameter>);

impl Parameters {
    /// The value of the parameter `name`, compared without ASCII case.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.named(name).map(|parameter| parameter.value.as_str())
    }

    /// The parameter `name`, compared without ASCII case.
    pub fn named(&self, name: &str) -> Option<&Parameter> {
        self.0.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name))
    }

    /// All of them, in order.
    pub fn iter(&self) -> core::slice::Iter<'_, Parameter> {
        self.0.iter()
    }
}

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// In lower case, without the marks of RFC 2231.
    pub name: String,
    /// Text; octets of an unknown charset are read as UTF-8, or else as ISO-8859-1.
    pub value: String,
    /// Charset label and octets when RFC 2231 names a charset that is not read here.
    pub encoded: Option<(String, Vec<u8>)>,
}

/// One `name=value` as it stands in the header.
struct Segment {
    name: String,
    index: Option<usize>,
    extended: bool,
    octets: Vec<u8>,
}

impl Segment {
    fn new(name: &[u8], octets: Vec<u8>) -> Self {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let (name, extended) = match name.strip_suffix('*') {
            Some(name) => (name.to_owned(), true),
            None => (name, false),
        };
        if let Some((base, digits)) = name.split_once('*')
            && digits.len() <= 4
            && let Ok(index) = digits.parse()
        {
            return Self { name: base.to_owned(), index: Some(index), extended, octets };
        }
        Self { name, index: None, extended, octets }
    }

    /// RFC 2231 forms win over the plain one that some senders add for old readers.
    fn is_plain(&self) -> bool {
        !self.extended && self.index.is_none()
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    /// Octets that may still be looked at to find the ends of comments. A comment is tried again at each
    /// white space, so nested or unclosed ones would cost quadratic time; past the budget, `(` is text.
    comment_budget: usize,
}

impl<'a> Reader<'a> {
    const fn new(value: &'a [u8]) -> Self {
        Self { rest: value, comment_budget: value.len().saturating_mul(4) }
    }

    /// Length of the comment that starts here, if there is one and it ends.
    fn comment(&mut self) -> Option<usize> {
        let window = self.rest.get(..self.comment_budget).unwrap_or(self.rest);
        let (end, seen) = comment(window);
        self.comment_budget = self.comment_budget.saturating_sub(seen);
        end
    }

    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn skip(&mut self, octets: usize) {
        self.rest = self.rest.get(octets..).unwrap_or_default();
    }

    fn skip_where(&mut self, mut test: impl FnMut(u8) -> bool) {
        self.take_while(&mut test);
    }

    fn take_while(&mut self, mut test: impl FnMut(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|octet| !test(*octet)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// White space and comments.
    fn skip_blank(&mut self) {
        loop {
            self.skip_where(is_space);
            match self.comment() {
                Some(octets) => self.skip(octets),
                None => return,
            }
        }
    }

    /// The token before the parameters; white space around its slash is dropped.
    fn keyword(&mut self) -> String {
        let mut keyword = String::new();
        loop {
            self.skip_blank();
            if !keyword.is_empty() && !keyword.ends_with('/') && self.peek() != Some(b'/') {
                break;
            }
            let token = self.take_while(|octet| !is_space(octet) && !matches!(octet, b';' | b',' | b'('));
            if token.is_empty() {
                break;
            }
            keyword.push_str(&String::from_utf8_lossy(token).to_ascii_lowercase());
        }
        keyword.trim_matches('"').to_owned()
    }

    fn parameters(&mut self, limit: usize) -> (Parameters, bool) {
        let mut segments = Vec::new();
        let mut cut = false;
        while let Some(segment) = self.segment() {
            if segments.len() == limit {
                cut = true;
                break;
            }
            segments.push(segment);
        }
        (join(segments), cut)
    }

    fn segment(&mut self) -> Option<Segment> {
        loop {
            self.skip_blank();
            self.skip_where(|octet| matches!(octet, b';' | b',' | b'=' | b'"'));
            self.skip_blank();
            if self.rest.is_empty() {
                return None;
            }
            let name = self.take_while(|octet| !is_space(octet) && !matches!(octet, b'=' | b';' | b','));
            self.skip_where(is_space);
            if self.peek() == Some(b'=') && !name.is_empty() {
                self.skip(1);
                self.skip_where(is_space);
                let value = if self.peek() == Some(b'"') { self.quoted() } else { self.unquoted() };
                return Some(Segment::new(name, value));
            }
        }
    }

    fn quoted(&mut self) -> Vec<u8> {
        self.skip(1);
        let mut value = Vec::new();
        loop {
            value.extend_from_slice(self.take_while(|octet| !matches!(octet, b'"' | b'\\')));
            match self.rest {
                [b'\\', quoted @ (b'"' | b'\\'), ..] => {
                    value.push(*quoted);
                    self.skip(2);
                }
                [b'\\', ..] => {
                    value.push(b'\\');
                    self.skip(1);
                }
                _ => {
                    self.skip(1);
                    return value;
                }
            }
        }
    }

    /// Up to a semicolon, or to white space before what must be the next parameter.
    fn unquoted(&mut self) -> Vec<u8> {
        let mut value = Vec::new();
        loop {
            value.extend_from_slice(self.take_while(|octet| !is_space(octet) && octet != b';'));
            let space = self.take_while(is_space);
            if matches!(self.peek(), None | Some(b';')) || self.at_parameter() || self.at_last_comment() {
                return value;
            }
            value.extend_from_slice(space);
        }
    }

    fn at_parameter(&self) -> bool {
        let mut octets = self.rest.iter();
        octets.by_ref().find(|octet| !(octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'*')))
            == Some(&b'=')
            && self.peek() != Some(b'=')
    }

    fn at_last_comment(&mut self) -> bool {
        self.comment().is_some_and(|octets| {
            let mut after = self.rest.iter().skip(octets).skip_while(|octet| is_space(**octet));
            matches!(after.next(), None | Some(b';'))
        })
    }
}

/// Length of the comment at the start of `rest` if there is one that ends, and how much was looked at.
fn comment(rest: &[u8]) -> (Option<usize>, usize) {
    if rest.first() != Some(&b'(') {
        return (None, 0);
    }
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, octet) in rest.iter().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' if depth == 1 => return (Some(at + 1), at + 1),
            b')' => depth -= 1,
            _ => {}
        }
    }
    (None, rest.len())
}

/// Joins continuations; at most [`crate::Limits::parameters`] segments, so the quadratic search is bounded.
fn join(segments: Vec<Segment>) -> Parameters {
    let mut names: Vec<&str> = Vec::new();
    for segment in &segments {
        if !names.contains(&segment.name.as_str()) {
            names.push(&segment.name);
        }
    }
    Parameters(names.into_iter().filter_map(|name| joined(name, &segments)).collect())
}

fn joined(name: &str, segments: &[Segment]) -> Option<Parameter> {
    let mut own: Vec<&Segment> = segments.iter().filter(|segment| segment.name == name).collect();
    if own.iter().any(|segment| !segment.is_plain()) {
        own.retain(|segment| !segment.is_plain());
    }
    own.sort_by_key(|segment| segment.index);
    let first = own.first()?;
    let (charset, first_octets) = match first.extended {
        true => split_charset(&first.octets),
        false => (None, first.octets.as_slice()),
    };
    let mut octets = Vec::new();
    append(&mut octets, first_octets, first.extended);
    if let Some(start) = first.index {
        for (expected, segment) in (start + 1..).zip(own.iter().skip(1)) {
            if segment.index != Some(expected) {
                break;
            }
            append(&mut octets, &segment.octets, segment.extended);
        }
    }
    let known = charset.as_deref().is_none_or(|charset| {
        ["", "utf-8", "us-ascii", "iso-8859-1"].iter().any(|known| known.eq_ignore_ascii_case(charset))
    });
    let value = text(&octets);
    let encoded = charset.filter(|_| !known).map(|charset| (charset, octets));
    Some(Parameter { name: name.to_owned(), value, encoded })
}

/// `charset'language'rest`; without the quotes everything is rest.
fn split_charset(octets: &[u8]) -> (Option<String>, &[u8]) {
    let mut fields = octets.splitn(3, |octet| *octet == b'\'');
    match (fields.next(), fields.next(), fields.next()) {
        (Some(charset), Some(_), Some(rest)) => (Some(String::from_utf8_lossy(charset).into_owned()), rest),
        _ => (None, octets),
    }
}

fn append(out: &mut Vec<u8>, octets: &[u8], extended: bool) {
    if !extended {
        out.extend_from_slice(octets);
        return;
    }
    let mut rest = octets;
    while let [first, tail @ ..] = rest {
        match rest {
            [b'%', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(hex(*high) << 4 | hex(*low));
                rest = tail;
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
}

/// The value of a hexadecimal digit; 0 for anything else.
pub(crate) const fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

fn text(octets: &[u8]) -> String {
    match core::str::from_utf8(octets) {
        Ok(text) => text.to_owned(),
        Err(_) => octets.iter().copied().map(char::from).collect(),
    }
}

const fn is_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    fn parse(value: &str) -> ContentType {
        ContentType::parse(value.as_bytes(), 64).0
    }

    fn pairs(value: &str) -> Vec<(String, String)> {
        let list = parse(value).parameters;
        list.iter().map(|one| (one.name.to_string(), one.value.to_string())).collect()
    }

    #[test]
    fn types_of_real_mms_peers_are_read() {
        let value =
            "multipart/related;Start=\"<smil>\";Type=\"application/smil\"; \tboundary=\"----=_Part_1\"";
        let read = parse(value);
        assert_eq!(read.essence, "multipart/related");
        assert_eq!(read.parameter("start"), Some("<smil>"));
        assert_eq!(read.parameter("BOUNDARY"), Some("----=_Part_1"));
        assert_eq!(parse("Image/JPEG;Name=my picture (1).jpg").parameter("name"), Some("my picture (1).jpg"));
        assert_eq!(parse("text/plain charset=utf-8 name=x").parameter("charset"), Some("utf-8"));
        assert_eq!(pairs("text/plain;;; charset = \"utf-8\" ;=;x"), [("charset".into(), "utf-8".into())]);
        assert_eq!(parse("image / gif ; a=b").essence, "image/gif");
        assert_eq!(
            parse("image/gif; name=\"C:\\dir\\a \\\"b\\\".gif").parameter("name"),
            Some("C:\\dir\\a \"b\".gif")
        );
        assert_eq!(parse("").essence, "");
    }

    #[test]
    fn the_examples_of_rfc_2045_and_2231_are_read() {
        assert_eq!(parse("text/plain; charset=us-ascii (Plain text)").parameter("charset"), Some("us-ascii"));
        let url = "message/external-body; access-type=URL;\n URL*0=\"ftp://\";\n URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"";
        assert_eq!(
            parse(url).parameter("url"),
            Some("ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar")
        );
        let title = "application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A";
        assert_eq!(parse(title).parameter("title"), Some("This is ***fun***"));
        let both = "application/x-stuff\n title*0*=us-ascii'en'This%20is%20even%20more%20\n title*1*=%2A%2A%2Afun%2A%2A%2A%20\n title*2=\"isn't it!\"";
        assert_eq!(parse(both).parameter("title"), Some("This is even more ***fun*** isn't it!"));
    }

    #[test]
    fn an_extended_value_wins_and_an_unknown_charset_keeps_its_octets() {
        let value = "image/png; name=\"x.png\"; name*=UTF-8''%C3%BC.png; alt*=koi8-r''%C1";
        assert_eq!(parse(value).parameter("name"), Some("ü.png"));
        let list = parse(value).parameters;
        assert_eq!(list.named("alt").unwrap().encoded, Some(("koi8-r".to_string(), b"\xc1".to_vec())));
    }

    #[test]
    fn parameters_beyond_the_limit_are_ignored_and_said_so() {
        let many: String = (0..1000).map(|index| alloc::format!(";p{index}=1")).collect();
        let (read, cut) = ContentType::parse(alloc::format!("a/b{many}").as_bytes(), 64);
        assert!(cut);
        assert_eq!(read.parameters.iter().count(), 64);
    }

    #[test]
    fn unclosed_comments_cost_linear_time() {
        let value = alloc::format!("a/b; x={}", " (".repeat(200_000));
        assert_eq!(parse(&value).essence, "a/b");
    }

    proptest! {
        #[test]
        fn no_octets_break_the_reader(octets in prop::collection::vec(
            prop_oneof![Just(b'"'), Just(b'\\'), Just(b';'), Just(b'='), Just(b'('), Just(b')'), Just(b'*'),
                Just(b'\''), Just(b'%'), Just(b' '), any::<u8>()], 0..120)) {
            let _ = ContentType::parse(&octets, 64);
            let _ = Disposition::parse(&octets, 3);
        }
    }
}
