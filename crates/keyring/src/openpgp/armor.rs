//! ASCII armor taken off (RFC 9580 §6.2), in pieces of any size.
//!
//! The checksum is not looked at (§6.1: it must not decide anything), header lines are skipped, and
//! text after the last line is ignored. Octets that begin with a packet instead pass as they are.

use alloc::vec::Vec;

use super::{Error, Kind, Limits};
use crate::mail::Base64;

const BEGIN: &[u8] = b"-----BEGIN PGP MESSAGE-----";

/// Takes armor off a message.
#[derive(Debug)]
pub struct Armor {
    limits: Limits,
    state: State,
    /// Octets of the text so far.
    at: u64,
    /// The line that is read, as far as it came; of lines with data nothing.
    line: Vec<u8>,
    /// Octets of lines before the data.
    head_octets: usize,
    base64: Base64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first octet that is no white space.
    Start,
    /// In the line that says what it is.
    Begin,
    /// In the lines up to the empty one.
    Headers,
    /// At the beginning of a line with data.
    Line,
    /// Within one.
    Data,
    /// Behind the data: the checksum and the last line.
    Ended,
    /// There is none.
    Binary,
    Failed(Error),
}

impl Armor {
    /// Before the first octet.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits, state: State::Start, at: 0, line: Vec::new(), head_octets: 0, base64: Base64::new() }
    }

    /// Takes the next octets of the text and appends what they hold.
    ///
    /// # Errors
    /// It is neither armor of a message nor begins with a packet; again at each later call.
    pub fn update(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let mut rest = text;
        while let [first, after @ ..] = rest {
            match self.state {
                State::Failed(error) => return Err(error),
                State::Ended => {
                    self.count(rest.len());
                    return Ok(());
                }
                State::Binary => {
                    out.extend_from_slice(rest);
                    self.count(rest.len());
                    return Ok(());
                }
                State::Data => {
                    let end = rest.iter().position(|octet| *octet == b'\n').map_or(rest.len(), |at| at + 1);
                    let (data, after) = rest.split_at(end);
                    self.base64.update(data, out);
                    self.count(end);
                    if data.last() == Some(&b'\n') {
                        self.state = State::Line;
                    }
                    rest = after;
                }
                State::Line if matches!(first, b'=' | b'-') => self.state = State::Ended,
                State::Line if !first.is_ascii_whitespace() => self.state = State::Data,
                State::Start if first & 0x80 != 0 => self.state = State::Binary,
                State::Start if !first.is_ascii_whitespace() => self.state = State::Begin,
                State::Line | State::Start => {
                    self.count(1);
                    rest = after;
                }
                State::Begin | State::Headers => {
                    self.head_octets += 1;
                    if self.head_octets > self.limits.armor_octets {
                        return Err(self.fail(Kind::TooLarge));
                    }
                    self.count(1);
                    rest = after;
                    if *first == b'\n' {
                        self.end_line()?;
                    } else {
                        self.line.push(*first);
                    }
                }
            }
        }
        Ok(())
    }

    /// After the last octet; appends what an incomplete last group holds.
    ///
    /// # Errors
    /// There was no data.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        match self.state {
            State::Start | State::Begin | State::Headers => Err(Error { at: self.at, kind: Kind::Ended }),
            State::Failed(error) => Err(error),
            State::Line | State::Data | State::Ended => {
                self.base64.finish(out);
                Ok(())
            }
            State::Binary => Ok(()),
        }
    }

    fn end_line(&mut self) -> Result<(), Error> {
        let line = core::mem::take(&mut self.line);
        let line = line.trim_ascii_end();
        self.state = match self.state {
            State::Begin if line == BEGIN => State::Headers,
            State::Begin => return Err(self.fail(Kind::Expected("a message or its armor"))),
            _ if line.is_empty() => State::Line,
            _ if line.contains(&b':') => State::Headers,
            _ => return Err(self.fail(Kind::Expected("an empty line before armored data"))),
        };
        Ok(())
    }

    fn fail(&mut self, kind: Kind) -> Error {
        let error = Error { at: self.at, kind };
        self.state = State::Failed(error);
        error
    }

    fn count(&mut self, octets: usize) {
        self.at = self.at.saturating_add(octets as u64);
    }
}
