//! Reads the tokens of a framed response: words, numbers, strings and lists (RFC 9051 section 9).
//!
//! Lenient about the number of spaces, about octets that no atom may hold and about quoting that was not needed or is
//! missing. Depth and the number of items are bounded, so recursion is too.

use super::{Frame, Limits};
use alloc::{borrow::Cow, string::String, vec::Vec};

/// What was expected where something else stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// The octet of the response, from 0.
    pub at: usize,
    /// The grammar's word for what should be there.
    pub wanted: &'static str,
}

/// The contents of a string or, when they were handed on already, their length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// Values in parentheses.
    List(Vec<Self>),
    /// NIL.
    Nil,
    /// A literal whose content was handed on.
    Streamed(u64),
    /// A quoted string or a literal.
    String(Cow<'a, [u8]>),
    /// An atom, a number, a flag.
    Word(&'a [u8]),
}

impl Value<'_> {
    /// The text of a string or word; `None` for NIL and lists.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            Self::String(octets) => Some(lossy(octets)),
            Self::Word(octets) => Some(lossy(octets)),
            Self::List(_) | Self::Nil | Self::Streamed(_) => None,
        }
    }

    /// The number that a word, or by mistake a string, spells.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.text()?.parse().ok()
    }

    /// The members of a list; none for anything else.
    #[must_use]
    pub fn members(&self) -> &[Self] {
        match self {
            Self::List(members) => members,
            _ => &[],
        }
    }
}

/// UTF-8 as it is; what is not UTF-8 shows as U+FFFD.
pub(super) fn lossy(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// A place in a framed response.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    octets: &'a [u8],
    elided: &'a [usize],
    at: usize,
    depth: usize,
    items: usize,
    /// The depth that is allowed.
    max_depth: usize,
    pub(super) max_name: usize,
}

impl<'a> Reader<'a> {
    /// At the beginning of a frame.
    #[must_use]
    pub fn new(frame: &'a Frame, limits: &Limits) -> Self {
        Self {
            octets: &frame.octets,
            elided: &frame.elided,
            at: 0,
            depth: 0,
            items: limits.items,
            max_depth: limits.depth,
            max_name: limits.name_octets,
        }
    }

    /// The error that says what was expected here.
    #[must_use]
    pub const fn wanted(&self, wanted: &'static str) -> Malformed {
        Malformed { at: self.at, wanted }
    }

    /// The octets that are left.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.octets.get(self.at..).unwrap_or_default()
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.at >= self.octets.len()
    }

    /// The next octet.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.octets.get(self.at).copied()
    }

    /// Takes `octet` when it is next.
    pub fn eat(&mut self, octet: u8) -> bool {
        let found = self.peek() == Some(octet);
        if found {
            self.at += 1;
        }
        found
    }

    /// Takes any number of spaces; whether there was one.
    pub fn spaces(&mut self) -> bool {
        let mut found = false;
        while self.eat(b' ') {
            found = true;
        }
        found
    }

    /// Takes `octet`.
    ///
    /// # Errors
    /// When another one is next.
    pub fn expect(&mut self, octet: u8, wanted: &'static str) -> Result<(), Malformed> {
        if self.eat(octet) { Ok(()) } else { Err(self.wanted(wanted)) }
    }

    /// Takes octets as long as `belongs` says so.
    pub fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let count = rest.iter().take_while(|octet| belongs(**octet)).count();
        self.at += count;
        rest.get(..count).unwrap_or_default()
    }

    /// Takes `count` octets.
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.rest().get(..count)?;
        self.at += count;
        Some(taken)
    }

    fn count_item(&mut self) -> Result<(), Malformed> {
        self.items = self.items.checked_sub(1).ok_or(self.wanted("fewer items"))?;
        Ok(())
    }

    /// An atom, a flag, a number, a section: everything up to a space, a parenthesis, a quote or a control.
    ///
    /// # Errors
    /// When nothing of it is here.
    pub fn word(&mut self) -> Result<&'a [u8], Malformed> {
        self.count_item()?;
        let word = self.take_while(|octet| !matches!(octet, b' ' | b'(' | b')' | b'"' | 0..=31 | 127));
        if word.is_empty() { Err(self.wanted("atom")) } else { Ok(word) }
    }

    /// A word within the brackets of a response code.
    ///
    /// # Errors
    /// When nothing of it is here.
    pub fn code_word(&mut self) -> Result<&'a [u8], Malformed> {
        self.count_item()?;
        let word = self.take_while(|octet| !matches!(octet, b' ' | b'(' | b')' | b'"' | b']' | 0..=31 | 127));
        if word.is_empty() { Err(self.wanted("atom")) } else { Ok(word) }
    }

    /// A number. Numbers are no items: a search has as many as the response has room for.
    ///
    /// # Errors
    /// When there is none, or it is too large for `T`.
    pub fn number<T: TryFrom<u64>>(&mut self) -> Result<T, Malformed> {
        let error = self.wanted("number");
        let digits = self.take_while(|octet| octet.is_ascii_digit());
        let text = core::str::from_utf8(digits).map_err(|_| error)?;
        let number: u64 = text.parse().map_err(|_| error)?;
        T::try_from(number).map_err(|_| error)
    }

    /// A quoted string or a literal.
    ///
    /// # Errors
    /// When there is none, it does not end, or its content was handed on.
    pub fn string(&mut self) -> Result<Cow<'a, [u8]>, Malformed> {
        let error = self.wanted("string");
        match self.string_or_streamed()? {
            Ok(string) => Ok(string),
            Err(_streamed) => Err(error),
        }
    }

    /// A string; the inner error is the length of a literal that was handed on.
    fn string_or_streamed(&mut self) -> Result<Result<Cow<'a, [u8]>, u64>, Malformed> {
        self.count_item()?;
        match self.peek() {
            Some(b'"') => self.quoted().map(Ok),
            Some(b'{' | b'~') => self.literal(),
            _ => Err(self.wanted("string")),
        }
    }

    fn quoted(&mut self) -> Result<Cow<'a, [u8]>, Malformed> {
        self.expect(b'"', "quoted string")?;
        let plain = self.take_while(|octet| !matches!(octet, b'"' | b'\\' | b'\r' | b'\n'));
        if self.eat(b'"') {
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_vec();
        loop {
            if self.eat(b'"') {
                return Ok(Cow::Owned(text));
            }
            if self.eat(b'\\') {
                let escaped = self.peek().ok_or(self.wanted("quoted character"))?;
                self.at += 1;
                text.push(escaped);
            }
            let more = self.take_while(|octet| !matches!(octet, b'"' | b'\\' | b'\r' | b'\n'));
            text.extend_from_slice(more);
            if !matches!(self.peek(), Some(b'"' | b'\\')) {
                return Err(self.wanted("end of quoted string"));
            }
        }
    }

    fn literal(&mut self) -> Result<Result<Cow<'a, [u8]>, u64>, Malformed> {
        let start = self.at;
        self.eat(b'~');
        self.expect(b'{', "literal")?;
        let length: u64 = self.number()?;
        self.eat(b'+');
        self.expect(b'}', "end of a literal's length")?;
        self.expect(b'\r', "line end of a literal")?;
        self.expect(b'\n', "line end of a literal")?;
        if self.elided.binary_search(&start).is_ok() {
            return Ok(Err(length));
        }
        let error = self.wanted("octets of a literal");
        let count = usize::try_from(length).map_err(|_| error)?;
        self.take(count).map(|octets| Ok(Cow::Borrowed(octets))).ok_or(error)
    }

    /// A string, or a word where a server did not quote.
    ///
    /// # Errors
    /// When there is neither.
    pub fn astring(&mut self) -> Result<Cow<'a, [u8]>, Malformed> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{' | b'~') if self.is_literal() => self.string(),
            _ => self.word().map(Cow::Borrowed),
        }
    }

    /// A string, or NIL. Other words count as strings, as a server may have forgotten the quotes.
    ///
    /// # Errors
    /// When there is neither.
    pub fn nstring(&mut self) -> Result<Option<Cow<'a, [u8]>>, Malformed> {
        match self.peek() {
            Some(b'"' | b'{' | b'~') => self.string().map(Some),
            _ => {
                let word = self.word()?;
                Ok((!word.eq_ignore_ascii_case(b"NIL")).then_some(Cow::Borrowed(word)))
            }
        }
    }

    /// Whether a literal, and not an atom with braces, is next.
    fn is_literal(&self) -> bool {
        let rest = self.rest();
        let rest = rest.strip_prefix(b"~").unwrap_or(rest);
        let Some(rest) = rest.strip_prefix(b"{") else { return false };
        let digits = rest.iter().take_while(|octet| octet.is_ascii_digit()).count();
        let rest = rest.get(digits..).unwrap_or_default();
        let rest = rest.strip_prefix(b"+").unwrap_or(rest);
        digits > 0 && rest.starts_with(b"}\r\n")
    }

    /// The members of a list in parentheses, separated by spaces. NIL is an empty list.
    ///
    /// # Errors
    /// When there is no list, a member is malformed, or the depth is too great.
    pub fn list<T>(
        &mut self,
        mut member: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        if self.peek() != Some(b'(') {
            let error = self.wanted("list");
            return if self.nstring()?.is_none() { Ok(Vec::new()) } else { Err(error) };
        }
        self.count_item()?;
        self.open()?;
        let mut members = Vec::new();
        loop {
            self.spaces();
            if self.close() {
                return Ok(members);
            }
            if self.is_at_end() {
                return Err(self.wanted("end of list"));
            }
            members.push(member(self)?);
        }
    }

    /// Takes the parenthesis that opens a list.
    ///
    /// # Errors
    /// When there is none or the depth is too great.
    pub fn open(&mut self) -> Result<(), Malformed> {
        self.expect(b'(', "list")?;
        self.depth += 1;
        if self.depth > self.max_depth { Err(self.wanted("less depth")) } else { Ok(()) }
    }

    /// Takes the parenthesis that closes a list when it is next.
    pub fn close(&mut self) -> bool {
        let closed = self.eat(b')');
        if closed {
            self.depth = self.depth.saturating_sub(1);
        }
        closed
    }

    /// Whatever value is next, with everything in it.
    ///
    /// # Errors
    /// When there is none, it does not end, or it is too deep.
    pub fn value(&mut self) -> Result<Value<'a>, Malformed> {
        match self.peek() {
            Some(b'(') => self.list(Self::value).map(Value::List),
            Some(b'"') => self.string().map(Value::String),
            Some(b'{' | b'~') if self.is_literal() => Ok(match self.string_or_streamed()? {
                Ok(string) => Value::String(string),
                Err(octets) => Value::Streamed(octets),
            }),
            _ => {
                let word = self.word()?;
                Ok(if word.eq_ignore_ascii_case(b"NIL") { Value::Nil } else { Value::Word(word) })
            }
        }
    }

    /// Reads with `read`; where that fails, passes over one value of any kind instead.
    ///
    /// # Errors
    /// When there is not even that.
    pub fn or_skip<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        let mut other = self.clone();
        match read(self) {
            Ok(value) => Ok(Some(value)),
            Err(_malformed) => {
                other.items = self.items;
                other.value()?;
                *self = other;
                Ok(None)
            }
        }
    }
}
