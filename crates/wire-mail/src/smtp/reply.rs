//! SMTP replies: code, enhanced status code and text (RFC 5321 section 4.2, RFC 2034, RFC 3463).
//!
//! Writing never lets a control character of the text reach the wire, so a text from elsewhere
//! cannot forge a second reply. Reading is bounded and tolerates what peers send: bare LF, text
//! that is not UTF-8, enhanced codes on some lines only. It does not decide what a code means.

use alloc::{string::String, vec::Vec};
use core::fmt;

/// An enhanced status code of RFC 3463: class, subject, detail.
pub type Enhanced = (u8, u16, u16);

/// One reply, to be sent or received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The three-digit code, 200 to 599.
    pub code: u16,
    /// The enhanced code, when there is one.
    pub enhanced: Option<Enhanced>,
    /// The text without codes; `\n` separates the lines of a multi-line reply.
    pub text: String,
}

impl Reply {
    /// A reply with an enhanced code.
    pub fn new(code: u16, enhanced: Enhanced, text: impl Into<String>) -> Self {
        Self { code, enhanced: Some(enhanced), text: text.into() }
    }

    /// A reply without an enhanced code: the greeting, the answer to EHLO and every 3xx.
    pub fn bare(code: u16, text: impl Into<String>) -> Self {
        Self { code, enhanced: None, text: text.into() }
    }

    /// 2xx: done.
    #[must_use]
    pub const fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// 3xx: the peer waits for more.
    #[must_use]
    pub const fn is_intermediate(&self) -> bool {
        self.code / 100 == 3
    }

    /// 4xx: may be tried again.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        self.code / 100 == 4
    }

    /// 5xx: must not be tried again.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// Appends the reply as it goes over the wire, CRLF included. A code that is none goes out as
    /// 451. Control characters become
    /// spaces, other characters outside ASCII become `?`, and long lines are folded into several
    /// (RFC 5321 section 4.5.3.1.5: 512 octets).
    pub fn encode(&self, out: &mut Vec<u8>) {
        const LINE: usize = 480;
        let code = if (200..600).contains(&self.code) { self.code } else { 451 };
        let mut lines: Vec<Vec<u8>> = Vec::new();
        for part in self.text.split('\n') {
            let mut line = Vec::with_capacity(part.len().min(LINE));
            for char in part.trim_end_matches('\r').chars() {
                if line.len() == LINE {
                    lines.push(core::mem::take(&mut line));
                }
                line.push(match char {
                    ' '..='~' => char as u8,
                    char if char.is_control() => b' ',
                    _ => b'?',
                });
            }
            lines.push(line);
        }
        let last = lines.len().saturating_sub(1);
        for (at, line) in lines.iter().enumerate() {
            push_number(out, code);
            out.push(if at == last { b' ' } else { b'-' });
            if let Some((class, subject, detail)) = self.enhanced {
                push_number(out, u16::from(class));
                out.push(b'.');
                push_number(out, subject);
                out.push(b'.');
                push_number(out, detail);
                out.push(b' ');
            }
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// As in a log or a `Diagnostic-Code`: one line, codes first.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some((class, subject, detail)) = self.enhanced {
            write!(f, " {class}.{subject}.{detail}")?;
        }
        if !self.text.is_empty() {
            f.write_str(" ")?;
        }
        for char in self.text.chars() {
            fmt::Write::write_char(f, if char.is_control() { ' ' } else { char })?;
        }
        Ok(())
    }
}

fn push_number(out: &mut Vec<u8>, number: u16) {
    let mut divisor = 10_000;
    let mut started = false;
    while divisor > 0 {
        let digit = (number / divisor % 10) as u8;
        started |= digit != 0 || divisor == 1;
        if started {
            out.push(b'0' + digit);
        }
        divisor /= 10;
    }
}

/// What a peer's octets are when they are not a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// A line does not start with a code between 200 and 599.
    Code,
    /// A line is longer than the reader accepts.
    LongLine,
    /// A reply has more lines than the reader accepts.
    ManyLines,
}

/// Gathers one reply after the other out of octets in any split.
#[derive(Debug, Default)]
pub(crate) struct ReplyReader {
    line: Vec<u8>,
    text: String,
    enhanced: Option<Enhanced>,
    lines: usize,
}

impl ReplyReader {
    /// A greeting may be long, but nobody needs a line of more than 4 kB.
    const LINE: usize = 4096;
    /// EHLO answers have about twenty lines, HELP texts a hundred.
    const LINES: usize = 512;
    /// What is kept of a reply; the rest is read and forgotten.
    const TEXT: usize = 16 * 1024;

    /// Consumes octets up to the end of one reply; returns how many, and the reply.
    pub(crate) fn read(&mut self, octets: &[u8]) -> (usize, Option<Result<Reply, Malformed>>) {
        let mut used = 0;
        while let Some(rest) = octets.get(used..).filter(|rest| !rest.is_empty()) {
            let Some(at) = memchr::memchr(b'\n', rest) else {
                if self.line.len() + rest.len() > Self::LINE {
                    return (octets.len(), Some(Err(Malformed::LongLine)));
                }
                self.line.extend_from_slice(rest);
                return (octets.len(), None);
            };
            used += at + 1;
            if self.line.len() + at > Self::LINE {
                return (used, Some(Err(Malformed::LongLine)));
            }
            self.line.extend_from_slice(rest.get(..at).unwrap_or_default());
            let line = core::mem::take(&mut self.line);
            match self.line(&line) {
                Ok(None) => {}
                Ok(Some(code)) => {
                    let done = core::mem::take(self);
                    return (used, Some(Ok(Reply { code, enhanced: done.enhanced, text: done.text })));
                }
                Err(fault) => return (used, Some(Err(fault))),
            }
        }
        (used, None)
    }

    /// Takes one line without its LF; the code when it was the last of its reply.
    fn line(&mut self, line: &[u8]) -> Result<Option<u16>, Malformed> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (code, rest) = match line {
            [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] => {
                let digit = |octet: &u8| u16::from(octet - b'0');
                (digit(a) * 100 + digit(b) * 10 + digit(c), rest)
            }
            _ => return Err(Malformed::Code),
        };
        let (more, text) = match rest {
            [] => (false, rest),
            [b' ', text @ ..] => (false, text),
            [b'-', text @ ..] => (true, text),
            _ => return Err(Malformed::Code),
        };
        self.lines += 1;
        if self.lines > Self::LINES {
            return Err(Malformed::ManyLines);
        }
        let text = String::from_utf8_lossy(text);
        let (enhanced, text) = split_enhanced(code, &text);
        self.enhanced = enhanced.or(self.enhanced);
        if self.text.len() + text.len() < Self::TEXT {
            if self.lines > 1 {
                self.text.push('\n');
            }
            self.text.extend(text.chars().map(|char| if char.is_control() { ' ' } else { char }));
        }
        Ok((!more).then_some(code))
    }
}

/// Splits `5.1.1 text` when the class agrees with the code (RFC 2034 section 4).
fn split_enhanced(code: u16, text: &str) -> (Option<Enhanced>, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut numbers = word.split('.').map(|number| {
        let digits =
            !number.is_empty() && number.len() <= 3 && number.bytes().all(|octet| octet.is_ascii_digit());
        digits.then(|| number.parse::<u16>().ok()).flatten()
    });
    match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
        (Some(Some(class)), Some(Some(subject)), Some(Some(detail)), None) if class == code / 100 => {
            (u8::try_from(class).ok().map(|class| (class, subject, detail)), rest)
        }
        _ => (None, text),
    }
}
