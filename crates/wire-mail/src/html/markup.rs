//! Markup as a sequence of text and tags, without a tree.
//!
//! What is unclosed never makes a reader look at the rest twice: an end that was once not found is not
//! searched again.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;

use encoding_rs::WINDOWS_1252;
use mail_parser::decoders::html::add_html_token;

/// One step through the markup.
pub(super) enum Piece<'a> {
    /// Entities decoded.
    Text(Cow<'a, str>),
    Open(Tag<'a>),
    /// The name in lower case.
    Close(String),
}

/// An opening tag.
pub(super) struct Tag<'a> {
    /// In lower case.
    pub(super) name: String,
    attributes: &'a str,
}

impl Tag<'_> {
    /// The value of an attribute, entities decoded.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let is_end = |c: char| c.is_whitespace() || matches!(c, '=' | '/' | '>');
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_start_matches(is_end);
            if rest.is_empty() {
                return None;
            }
            let (found, after) = rest.split_at(rest.find(is_end).unwrap_or(rest.len()));
            let after = after.trim_start();
            let (value, after) = match after.strip_prefix('=') {
                None => ("", after),
                Some(after) => attribute_value(after.trim_start()),
            };
            if found.eq_ignore_ascii_case(name) {
                return Some(decode_entities(value).into_owned());
            }
            rest = after;
        }
    }
}

fn attribute_value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))
}

pub(super) struct Pieces<'a> {
    rest: &'a str,
    /// Quotes in tags do not pair up: from here on a tag ends at the first `>`.
    quotes_broken: bool,
    /// Content that is no text, up to this closing tag.
    raw: Option<&'static str>,
}

/// Elements whose content is not for people.
const RAW: [&str; 5] = ["script", "style", "template", "title", "noframes"];

impl<'a> Pieces<'a> {
    pub(super) const fn new(html: &'a str) -> Self {
        Self { rest: html, quotes_broken: false, raw: None }
    }

    fn skip_raw(&mut self, name: &str) {
        let mut rest = self.rest;
        while let Some((_, after)) = rest.split_once("</") {
            if after.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
                rest = after.split_once('>').map_or("", |(_, after)| after);
                break;
            }
            rest = after;
        }
        // Never closed: nothing of what follows was meant to be read.
        self.rest = if rest.len() == self.rest.len() { "" } else { rest };
    }

    /// Comments, declarations and processing instructions start with `<!` or `<?`.
    fn skip_declaration(&mut self) {
        let (end, rest) = match self.rest.strip_prefix("<!--") {
            Some(rest) => ("-->", rest),
            None => (">", self.rest),
        };
        self.rest = rest.split_once(end).map_or("", |(_, after)| after);
    }

    /// Splits off the tag that starts here, without its angle brackets.
    fn tag(&mut self) -> &'a str {
        let mut quote = None;
        let mut end = None;
        if !self.quotes_broken {
            for (at, octet) in self.rest.bytes().enumerate() {
                match (quote, octet) {
                    (None, b'>') => {
                        end = Some(at);
                        break;
                    }
                    (None, b'"' | b'\'') => quote = Some(octet),
                    (Some(open), octet) if octet == open => quote = None,
                    _ => {}
                }
            }
            self.quotes_broken = end.is_none();
        }
        let end = end.or_else(|| self.rest.find('>')).unwrap_or(self.rest.len());
        let (tag, after) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = after.strip_prefix('>').unwrap_or(after);
        tag.strip_prefix('<').unwrap_or(tag)
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            if let Some(name) = self.raw.take() {
                self.skip_raw(name);
            }
            if self.rest.is_empty() {
                return None;
            }
            let Some(after) = self.rest.strip_prefix('<') else {
                let (text, rest) = self.rest.split_at(self.rest.find('<').unwrap_or(self.rest.len()));
                self.rest = rest;
                return Some(Piece::Text(decode_entities(text)));
            };
            match after.chars().next() {
                Some('!' | '?') => self.skip_declaration(),
                Some(c) if c.is_ascii_alphabetic() || c == '/' => {
                    let tag = self.tag();
                    let (closing, tag) = match tag.strip_prefix('/') {
                        Some(tag) => (true, tag),
                        None => (false, tag),
                    };
                    let end = tag.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(tag.len());
                    let (name, attributes) = tag.split_at(end);
                    let name = name.to_ascii_lowercase();
                    if closing {
                        return Some(Piece::Close(name));
                    }
                    self.raw = RAW.into_iter().find(|raw| *raw == name);
                    return Some(Piece::Open(Tag { name, attributes }));
                }
                _ => {
                    self.rest = after;
                    return Some(Piece::Text(Cow::Borrowed("<")));
                }
            }
        }
    }
}

/// The longest name of an entity is 31 characters.
const LONGEST_ENTITY: usize = 33;

fn decode_entities(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let name_end =
            after.bytes().take(LONGEST_ENTITY).position(|it| !(it.is_ascii_alphanumeric() || it == b'#'));
        let (name, tail) = after
            .split_at_checked(name_end.unwrap_or(after.len().min(LONGEST_ENTITY)))
            .unwrap_or(("", after));
        match (name, tail.strip_prefix(';')) {
            ("", _) => {
                out.push('&');
                rest = after;
            }
            // The semicolon is often forgotten after the oldest entities.
            (name, None)
                if !matches!(name, "nbsp" | "amp" | "lt" | "gt" | "quot") && !name.starts_with('#') =>
            {
                out.push('&');
                rest = after;
            }
            (name, ended) => {
                push_entity(name, &mut out);
                rest = ended.unwrap_or(tail);
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn push_entity(name: &str, out: &mut String) {
    let number = name.strip_prefix('#').and_then(|digits| digits.parse::<u8>().ok());
    if let Some(octet @ 128..=159) = number {
        // Written by tools that mistook windows-1252 for Unicode.
        out.push_str(&WINDOWS_1252.decode_without_bom_handling(&[octet]).0);
        return;
    }
    add_html_token(out, &[b"&", name.as_bytes(), b";"].concat().to_owned(), false);
}
