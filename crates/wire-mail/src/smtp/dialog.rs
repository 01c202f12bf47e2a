//! Dialogs as text: what each side sends, what the gateway is told and answers, how time passes.
//! It runs them against one session in memory. Self-contained, so that other test binaries can
//! include this file by its path; it knows no protocol.
//!
//! ```text
//! # comment
//! S: 220 mx.test *        the session writes this line; `*` stands for any text
//! C: EHLO client.test     the script sends this line with CRLF
//! C| raw\r\n\0            the script sends these octets
//! E: Mail *               the session raises an event whose text matches
//! A: 550 5.1.1 No         the script answers the event
//! T: 300000               milliseconds pass
//! TLS                     the session asks for the handshake, which succeeds
//! CLOSE                   the session closes the stream
//! END                     the peer closes the stream
//! ```

use alloc::{
    collections::VecDeque,
    format,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_session::{Instant, Session, Step};

/// One line of a dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turn {
    Answer(String),
    Close,
    End,
    Event(String),
    Expect(String),
    Send(Vec<u8>),
    Secured,
    Wait(u64),
}

/// Reads a dialog; the error names the line.
pub(crate) fn parse(text: &str) -> Result<Vec<(usize, Turn)>, String> {
    let mut turns = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_start();
        let (tag, rest) = line.split_once(' ').unwrap_or((line, ""));
        let turn = match tag {
            "" => continue,
            tag if tag.starts_with('#') => continue,
            "A:" => Turn::Answer(rest.to_string()),
            "C:" => Turn::Send(format!("{rest}\r\n").into_bytes()),
            "C|" => Turn::Send(unescape(rest).ok_or_else(|| format!("line {}: unknown escape", at + 1))?),
            "CLOSE" => Turn::Close,
            "E:" => Turn::Event(rest.to_string()),
            "END" => Turn::End,
            "S:" => Turn::Expect(rest.to_string()),
            "T:" => Turn::Wait(rest.trim().parse().map_err(|_| format!("line {}: no number", at + 1))?),
            "TLS" => Turn::Secured,
            other => return Err(format!("line {}: unknown turn {other}", at + 1)),
        };
        turns.push((at + 1, turn));
    }
    Ok(turns)
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char == '\\' {
            octets.push(match chars.next()? {
                '0' => 0,
                '\\' => b'\\',
                'n' => b'\n',
                'r' => b'\r',
                'x' => {
                    let digits: String = chars.by_ref().take(2).collect();
                    u8::from_str_radix(&digits, 16).ok()?
                }
                _ => return None,
            });
        } else {
            octets.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Some(octets)
}

/// Whether `text` matches `pattern`, in which `*` stands for any text.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Runs a dialog against a session. `describe` gives an event's text, `None` for one that the
/// dialog does not mention; `answer` passes the text of an `A:` line on.
///
/// Every send of the script is cut into pieces of `piece` octets, since any split must do.
pub(crate) fn run<S: Session>(
    text: &str,
    session: &mut S,
    piece: usize,
    describe: impl Fn(&S::Event) -> Option<String>,
    mut answer: impl FnMut(&mut S, &str),
) -> Result<(), String> {
    let mut player =
        Player { now: Instant(0), lines: VecDeque::new(), partial: String::new(), other: VecDeque::new() };
    for (at, turn) in parse(text)? {
        player.drain(session, &describe);
        let outcome = match turn {
            Turn::Answer(text) => {
                answer(session, &text);
                Ok(())
            }
            Turn::Send(octets) => {
                for octets in octets.chunks(piece.max(1)) {
                    session.receive(octets, player.now);
                    player.drain(session, &describe);
                }
                Ok(())
            }
            Turn::Expect(pattern) => player.expect_line(&pattern),
            Turn::Event(pattern) => player.expect_other(&pattern),
            Turn::Close => player.expect_other("CLOSE"),
            Turn::Secured => player.expect_other("TLS").map(|()| session.secured(player.now)),
            Turn::End => {
                session.ended(player.now);
                Ok(())
            }
            Turn::Wait(millis) => {
                player.now = player.now.after(millis);
                Ok(())
            }
        };
        outcome.map_err(|fault| format!("line {at}: {fault}"))?;
    }
    player.drain(session, &describe);
    match (player.lines.pop_front(), player.other.pop_front()) {
        (None, None) => Ok(()),
        (line, other) => Err(format!("at the end: unexpected {:?}", line.or(other))),
    }
}

struct Player {
    now: Instant,
    lines: VecDeque<String>,
    partial: String,
    other: VecDeque<String>,
}

impl Player {
    fn drain<S: Session>(&mut self, session: &mut S, describe: &impl Fn(&S::Event) -> Option<String>) {
        while let Some(step) = session.poll(self.now) {
            match step {
                Step::Send(octets) => {
                    self.partial.push_str(&String::from_utf8_lossy(&octets));
                    while let Some((line, rest)) = self.partial.split_once("\r\n") {
                        self.lines.push_back(line.to_string());
                        self.partial = rest.to_string();
                    }
                }
                Step::Event(event) => self.other.extend(describe(&event)),
                Step::Close => self.other.push_back("CLOSE".to_string()),
                Step::StartTls => self.other.push_back("TLS".to_string()),
            }
        }
    }

    fn expect_line(&mut self, pattern: &str) -> Result<(), String> {
        match self.lines.pop_front() {
            Some(line) if matches(pattern, &line) => Ok(()),
            Some(line) => Err(format!("expected {pattern:?}, got {line:?}")),
            None => Err(format!("expected {pattern:?}, got nothing; pending: {:?}", self.other)),
        }
    }

    fn expect_other(&mut self, pattern: &str) -> Result<(), String> {
        match self.other.pop_front() {
            Some(text) if matches(pattern, &text) => Ok(()),
            Some(text) => Err(format!("expected {pattern:?}, got {text:?}")),
            None => Err(format!("expected {pattern:?}, got nothing; lines: {:?}", self.lines)),
        }
    }
}
