//! Text into tags and the text between them: one pass, no recursion, nothing refused.
//!
//! Comments, declarations and processing instructions are skipped. Namespaces are cut off, not
//! resolved. Entities other than the five of XML and character references stay as they are.

use alloc::{borrow::Cow, vec::Vec};

use crate::entity::decoded;

/// A piece of a document, and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// Octet of the text.
    pub(super) at: usize,
    /// What it is.
    pub(super) kind: PieceKind<'a>,
}

/// What a [`Piece`] is; names are without namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PieceKind<'a> {
    /// `</name>`.
    End(&'a str),
    /// `<!DOCTYPE ...>` or `<?xml ...?>`.
    Declaration(&'a str),
    /// `<name attribute="value">`, `closed` when it ends in `/>`.
    Start { name: &'a str, attributes: Vec<(&'a str, Cow<'a, str>)>, closed: bool },
    /// Anything else, as it stands.
    Text(&'a str),
    /// A tag or comment that never ends.
    Truncated,
}

/// Most attributes of one tag that are looked at.
const MAX_ATTRIBUTES: usize = 64;

/// The pieces of a text.
pub(super) struct Pieces<'a> {
    text: &'a str,
    at: usize,
    /// Whether a comment was seen that never ends: then no later one does, and none is searched.
    endless: bool,
}

impl<'a> Pieces<'a> {
    pub(super) const fn of(text: &'a str) -> Self {
        Self { text, at: 0, endless: false }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Takes octets up to and including `mark`; `None` when it never comes.
    fn until(&mut self, mark: &str) -> Option<&'a str> {
        let rest = self.rest();
        match rest.split_once(mark) {
            Some((inner, _)) => {
                self.at += inner.len() + mark.len();
                Some(inner)
            }
            None => {
                self.at = self.text.len();
                None
            }
        }
    }

    /// Takes a start tag whose `<` is taken already. A `<` outside quotes ends a tag that was never
    /// closed, so a missing `>` or quote costs one tag and not the rest.
    fn start(&mut self) -> Option<PieceKind<'a>> {
        let name = self.word();
        let mut attributes = Vec::new();
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            let mut octets = trimmed.bytes();
            match octets.next()? {
                b'>' => {
                    self.at += 1;
                    return Some(PieceKind::Start { name: local(name), attributes, closed: false });
                }
                b'/' if octets.next() == Some(b'>') => {
                    self.at += 2;
                    return Some(PieceKind::Start { name: local(name), attributes, closed: true });
                }
                b'<' => return Some(PieceKind::Start { name: local(name), attributes, closed: false }),
                b'/' | b'=' | b'"' | b'\'' => self.at += 1,
                _ => {
                    let attribute = self.word();
                    let value = self.value();
                    if attributes.len() < MAX_ATTRIBUTES {
                        attributes.push((attribute, decoded(value)));
                    }
                }
            }
        }
    }

    /// The longest run of characters that can stand in a name.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '/' | '>' | '<' | '"' | '\''));
        let word = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        self.at += word.len();
        word
    }

    /// `= "value"`, `='value'`, `=value`, or nothing.
    fn value(&mut self) -> &'a str {
        let rest = self.rest();
        let Some(after) = rest.trim_start().strip_prefix('=') else { return "" };
        let after = after.trim_start();
        self.at += rest.len() - after.len();
        let (value, taken) = match after.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let inner = after.get(1..).unwrap_or_default();
                let end = inner.find([quote, '<']).unwrap_or(inner.len());
                let closed = usize::from(inner.as_bytes().get(end) == Some(&(quote as u8)));
                (inner.get(..end).unwrap_or_default(), 1 + end + closed)
            }
            _ => {
                let end = after.find(|c: char| c.is_whitespace() || matches!(c, '>' | '<'));
                let value = after.get(..end.unwrap_or(after.len())).unwrap_or_default();
                let value = value.strip_suffix('/').unwrap_or(value);
                (value, value.len())
            }
        };
        self.at += taken;
        value
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            let at = self.at;
            let rest = self.rest();
            if rest.is_empty() {
                return None;
            }
            let Some(tag) = rest.strip_prefix('<') else {
                let end = rest.find('<').unwrap_or(rest.len());
                self.at += end;
                return Some(Piece { at, kind: PieceKind::Text(rest.get(..end).unwrap_or_default()) });
            };
            let kind = if tag.starts_with("!--") {
                self.at += 4;
                if !self.endless && self.until("-->").is_some() {
                    continue;
                }
                // What was meant as a comment costs one line rather than the rest.
                self.endless = true;
                self.at = at + 4;
                self.until(">");
                PieceKind::Truncated
            } else if tag.starts_with("![CDATA[") {
                self.at += 9;
                self.until("]]>").map_or(PieceKind::Truncated, PieceKind::Text)
            } else if tag.starts_with(['!', '?']) {
                self.at += 2;
                self.until(">").map_or(PieceKind::Truncated, PieceKind::Declaration)
            } else if tag.starts_with('/') {
                self.at += 2;
                let name = self.word();
                let closing = self.rest().trim_start();
                // `</a <b>` lost its `>`; what follows is still a tag.
                if closing.starts_with('<') {
                    PieceKind::End(local(name))
                } else {
                    self.until(">").map_or(PieceKind::Truncated, |_| PieceKind::End(local(name)))
                }
            } else if tag.starts_with(|c: char| c.is_alphabetic() || c == '_') {
                self.at += 1;
                self.start().unwrap_or(PieceKind::Truncated)
            } else {
                self.at += 1;
                PieceKind::Text("<")
            };
            return Some(Piece { at, kind });
        }
    }
}

/// A name without its namespace.
pub(super) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}
