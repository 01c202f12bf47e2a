//! Where a response ends: lines, and the literals within them (RFC 9051 sections 2.2.2 and 4.3).
//!
//! A literal can stand only where a data response has a string. The text of a status response may end in `{5}` and
//! mean nothing by it, so such lines are whole as they are. The literals of BODY, BINARY and RFC822 items of a FETCH
//! are message content of any size: they are announced, handed on as they come, and only counted in the frame.
//!
//! Not here: what a response means.

use super::{Input, Limits, Section};
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;

/// A response with its literals, without the content of those that were handed on.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Frame {
    pub(super) octets: Vec<u8>,
    /// Where the markers of literals begin whose content is not in `octets`.
    pub(super) elided: Vec<usize>,
}

impl Frame {
    /// A frame that holds everything, for what did not come through a [`Framer`].
    #[must_use]
    pub fn whole(octets: Vec<u8>) -> Self {
        Self { octets, elided: Vec::new() }
    }

    /// The octets, lines joined by CRLF, without the last line end.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }
}

/// Says only how long it is.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} octets, {} literals elided)", self.octets.len(), self.elided.len())
    }
}

/// The announcement of message content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streamed {
    /// The sequence number of the message.
    pub number: u32,
    /// Its UID, when the server named it before the content.
    pub uid: Option<u32>,
    /// What of the message it is.
    pub section: Section,
    /// How many octets follow.
    pub octets: u64,
}

/// What a framer finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Message content begins; chunks follow.
    Begins(Streamed),
    /// Some octets of it.
    Chunk(Bytes),
    /// It was complete.
    Ends,
    /// A response is complete.
    Frame(Frame),
}

/// Which bound a response broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// [`Limits::literal_octets`].
    Literal,
    /// The length of a literal is no number of 63 bits.
    Number,
    /// [`Limits::response_octets`].
    Response,
}

/// Finds the responses in a stream of octets.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    frame: Frame,
    state: State,
    kind: Kind,
}

#[derive(Debug)]
enum State {
    Collect(usize),
    Line,
    Stream(u64),
}

#[derive(Debug)]
enum Kind {
    Data,
    Fetch(Scan),
    Text,
    Unknown,
}

impl Framer {
    /// A framer at the beginning of a response.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, frame: Frame::default(), state: State::Line, kind: Kind::Unknown }
    }

    /// Whether it is in the middle of a response.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !matches!(self.kind, Kind::Unknown)
    }

    /// The next piece; `None` when more octets are needed. Empty lines between responses are passed over.
    ///
    /// # Errors
    /// When a bound is broken; the stream is of no use any more.
    pub fn next(&mut self, input: &mut Input) -> Result<Option<Piece>, Excess> {
        loop {
            match &mut self.state {
                State::Line => {
                    let room = self.limits.response_octets.saturating_sub(self.frame.octets.len());
                    let Some(line) = input.line() else {
                        return if input.len() > room { Err(Excess::Response) } else { Ok(None) };
                    };
                    if line.len() > room.saturating_add(2) {
                        return Err(Excess::Response);
                    }
                    if let Some(piece) = self.line(without_end(&line))? {
                        return Ok(Some(piece));
                    }
                }
                State::Collect(0) | State::Stream(0) => {
                    let streamed = matches!(self.state, State::Stream(_));
                    self.state = State::Line;
                    if streamed {
                        return Ok(Some(Piece::Ends));
                    }
                }
                State::Collect(left) => {
                    let Some(octets) = input.take(*left) else { return Ok(None) };
                    *left -= octets.len();
                    self.frame.octets.extend_from_slice(&octets);
                }
                State::Stream(left) => {
                    let Some(octets) = input.take(usize::try_from(*left).unwrap_or(usize::MAX)) else {
                        return Ok(None);
                    };
                    *left -= octets.len() as u64;
                    return Ok(Some(Piece::Chunk(octets)));
                }
            }
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<Option<Piece>, Excess> {
        if !self.is_open() {
            if line.is_empty() {
                return Ok(None);
            }
            self.kind = Kind::of(line);
        }
        let from = self.frame.octets.len();
        self.frame.octets.extend_from_slice(line);
        let marker = if matches!(self.kind, Kind::Text) { None } else { marker(line)? };
        let Some(Marker { start, octets }) = marker else {
            self.kind = Kind::Unknown;
            return Ok(Some(Piece::Frame(core::mem::take(&mut self.frame))));
        };
        let start = from + start;
        if let Kind::Fetch(scan) = &mut self.kind {
            scan.segment(&self.frame.octets, from);
            if let Some(section) = scan.section_before(&self.frame.octets, start) {
                let streamed = Streamed { number: scan.number, uid: scan.uid, section, octets };
                self.frame.elided.push(start);
                self.frame.octets.extend_from_slice(b"\r\n");
                self.state = State::Stream(octets);
                return Ok(Some(Piece::Begins(streamed)));
            }
        }
        let octets = usize::try_from(octets).unwrap_or(usize::MAX);
        if octets > self.limits.literal_octets {
            return Err(Excess::Literal);
        }
        if self.frame.octets.len().saturating_add(octets) > self.limits.response_octets {
            return Err(Excess::Response);
        }
        self.frame.octets.extend_from_slice(b"\r\n");
        self.state = State::Collect(octets);
        Ok(None)
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The end of a line that announces a literal: `{310}`, `{310+}`, `~{310}`.
struct Marker {
    start: usize,
    octets: u64,
}

/// A marker stands where a string may begin, so behind a space or a parenthesis: `a{5}` is a bad atom, not a literal.
fn marker(line: &[u8]) -> Result<Option<Marker>, Excess> {
    let Some(inner) = line.strip_suffix(b"}") else { return Ok(None) };
    let inner = inner.strip_suffix(b"+").unwrap_or(inner);
    let digits = inner.iter().rev().take_while(|octet| octet.is_ascii_digit()).count();
    let (before, number) = inner.split_at(inner.len() - digits);
    let Some(before) = before.strip_suffix(b"{") else { return Ok(None) };
    let before = before.strip_suffix(b"~").unwrap_or(before);
    if digits == 0 || !matches!(before.last(), Some(b' ' | b'(' | b'[')) {
        return Ok(None);
    }
    let octets = number
        .iter()
        .try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
        .filter(|octets| i64::try_from(*octets).is_ok())
        .ok_or(Excess::Number)?;
    Ok(Some(Marker { start: before.len(), octets }))
}

impl Kind {
    fn of(line: &[u8]) -> Self {
        let Some(rest) = line.strip_prefix(b"* ") else { return Self::Text };
        let mut words = rest.split(|octet| *octet == b' ').filter(|word| !word.is_empty());
        let first = words.next().unwrap_or_default();
        if let Some(number) = core::str::from_utf8(first).ok().and_then(|word| word.parse().ok()) {
            let is_fetch = words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"FETCH"));
            return if is_fetch { Self::Fetch(Scan::new(number)) } else { Self::Data };
        }
        let is_status = [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"]
            .iter()
            .any(|status| first.eq_ignore_ascii_case(status));
        if is_status { Self::Text } else { Self::Data }
    }
}

/// Finds, octet by octet, which item of a FETCH response a literal belongs to.
#[derive(Debug)]
struct Scan {
    number: u32,
    uid: Option<u32>,
    depth: usize,
    /// Inside the brackets of a section.
    bracket: bool,
    /// Where the present word of the outermost list begins, and the one before it.
    word: usize,
    before: core::ops::Range<usize>,
}

impl Scan {
    const fn new(number: u32) -> Self {
        Self { number, uid: None, depth: 0, bracket: false, word: 0, before: 0..0 }
    }

    /// Looks at a line of the response. Quoted strings end within their line.
    fn segment(&mut self, frame: &[u8], from: usize) {
        self.word = from;
        let mut quoted = false;
        let mut escaped = false;
        for (at, octet) in frame.iter().enumerate().skip(from) {
            match octet {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ if quoted => {}
                b'[' if self.depth == 1 => self.bracket = true,
                b']' => self.bracket = false,
                _ if self.bracket => {}
                b'(' => {
                    self.depth += 1;
                    self.word = at + 1;
                }
                b')' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.end_of_word(frame, at);
                }
                b' ' if self.depth == 1 => self.end_of_word(frame, at),
                _ => {}
            }
        }
    }

    fn end_of_word(&mut self, frame: &[u8], at: usize) {
        let is_uid = frame.get(self.before.clone()).is_some_and(|word| word.eq_ignore_ascii_case(b"UID"));
        if is_uid && self.uid.is_none() {
            let digits = frame.get(self.word..at).and_then(|word| core::str::from_utf8(word).ok());
            self.uid = digits.and_then(|word| word.parse().ok());
        }
        if at > self.word {
            self.before = self.word..at;
        }
        self.word = at + 1;
    }

    /// What the literal at `start` is of, when it is message content.
    fn section_before(&self, frame: &[u8], start: usize) -> Option<Section> {
        if self.depth != 1 || self.bracket || self.word != start {
            return None;
        }
        Section::read(frame.get(self.before.clone())?)
    }
}
