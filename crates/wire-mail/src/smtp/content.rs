//! Message content on the wire: the DATA receiver and the DATA writer (RFC 5321 sections 2.3.8,
//! 4.1.1.4 and 4.5.2).
//!
//! The receiver ends only at CRLF.CRLF. Everything that another implementation could take for
//! that end (bare CR, bare LF, NUL around a dot) is either a fault of the whole message or made a
//! proper line end, never both an end here and content there. The writer turns every kind of line
//! end into CRLF and stuffs every leading dot, so no content can end its own transfer.
//! Neither looks into the header or the MIME structure.

use alloc::vec::Vec;
use core::ops::ControlFlow;
use memchr::{memchr2, memchr3};

/// What happens to line ends other than CRLF in DATA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineEnds {
    /// A bare CR, bare LF or NUL refuses the message.
    #[default]
    Strict,
    /// Bare CR and bare LF become CRLF, NUL stays; for peers known to send them.
    Normalize,
}

/// The first thing in a message that strict line ends forbid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentFault {
    /// CR without LF.
    BareCr,
    /// LF without CR.
    BareLf,
    /// NUL, where some implementations end a line.
    Nul,
}

/// Position within a line. `true` in a line start means that a real CRLF came before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start(bool),
    Dot(bool),
    DotCr,
    Text,
    Cr,
}

/// Takes the octets after 354 in any split and gives back the content without dot-stuffing.
#[derive(Debug)]
pub(crate) struct Receiver {
    line_ends: LineEnds,
    at: At,
    fault: Option<ContentFault>,
}

impl Receiver {
    pub(crate) const fn new(line_ends: LineEnds) -> Self {
        Self { line_ends, at: At::Start(true), fault: None }
    }

    /// The first fault under [`LineEnds::Strict`]; nothing is given out after it.
    pub(crate) const fn fault(&self) -> Option<ContentFault> {
        self.fault
    }

    /// Appends content to `out`. `Break(n)` when the message ended within the first `n` octets.
    pub(crate) fn receive(&mut self, octets: &[u8], out: &mut Vec<u8>) -> ControlFlow<usize> {
        // Octets from `kept` to `next` are content that has not been copied yet: copying waits
        // for a dot to remove or a line end to change, so most input goes out in one piece.
        let mut kept = 0;
        let mut next = 0;
        while let Some(&octet) = octets.get(next) {
            match self.at {
                At::Text => {
                    let rest = octets.get(next..).unwrap_or_default();
                    let Some(found) = memchr3(b'\r', b'\n', 0, rest) else {
                        next = octets.len();
                        continue;
                    };
                    next += found;
                    match (rest.get(found), rest.get(found + 1)) {
                        (Some(b'\r'), Some(b'\n')) => {
                            next += 2;
                            self.at = At::Start(true);
                        }
                        (Some(b'\r'), _) => {
                            self.copy(octets, kept, next, out);
                            next += 1;
                            kept = next;
                            self.at = At::Cr;
                        }
                        (Some(b'\n'), _) => {
                            self.copy(octets, kept, next, out);
                            next += 1;
                            kept = next;
                            self.bare(ContentFault::BareLf, out);
                        }
                        _ => {
                            if self.line_ends == LineEnds::Strict {
                                self.copy(octets, kept, next, out);
                                kept = next;
                                self.fault.get_or_insert(ContentFault::Nul);
                            }
                            next += 1;
                        }
                    }
                }
                At::Start(crlf) if octet == b'.' => {
                    self.copy(octets, kept, next, out);
                    next += 1;
                    kept = next;
                    self.at = At::Dot(crlf);
                }
                At::Dot(true) if octet == b'\r' => {
                    next += 1;
                    kept = next;
                    self.at = At::DotCr;
                }
                At::DotCr if octet == b'\n' => return ControlFlow::Break(next + 1),
                At::Start(_) | At::Dot(_) => self.at = At::Text,
                At::Cr if octet == b'\n' => {
                    self.push_crlf(out);
                    next += 1;
                    kept = next;
                    self.at = At::Start(true);
                }
                At::Cr | At::DotCr => self.bare(ContentFault::BareCr, out),
            }
        }
        self.copy(octets, kept, next, out);
        ControlFlow::Continue(())
    }

    fn bare(&mut self, fault: ContentFault, out: &mut Vec<u8>) {
        if self.line_ends == LineEnds::Strict {
            self.fault.get_or_insert(fault);
            self.at = At::Text;
        } else {
            self.push_crlf(out);
            self.at = At::Start(false);
        }
    }

    fn push_crlf(&self, out: &mut Vec<u8>) {
        if self.fault.is_none() {
            out.extend_from_slice(b"\r\n");
        }
    }

    fn copy(&self, octets: &[u8], from: usize, to: usize, out: &mut Vec<u8>) {
        if self.fault.is_none()
            && let Some(span) = octets.get(from..to)
        {
            out.extend_from_slice(span);
        }
    }
}

/// How long `content` is when every line ends with CRLF, the last one included.
pub(crate) fn canonical_len(content: &[u8]) -> usize {
    let mut len = content.len();
    let mut rest = content;
    while let Some(at) = memchr2(b'\r', b'\n', rest) {
        let ending = rest.get(at..).unwrap_or_default();
        let used = if ending.starts_with(b"\r\n") {
            2
        } else {
            len += 1;
            1
        };
        rest = ending.get(used..).unwrap_or_default();
    }
    if rest.is_empty() { len } else { len + 2 }
}

/// How content is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Lines for DATA: CRLF, stuffed dots, CRLF.CRLF at the end.
    Data,
    /// Lines for BDAT: CRLF.
    Lines,
    /// Octets for BDAT as they are.
    Raw,
}

/// Writes content piece by piece.
#[derive(Debug)]
pub(crate) struct Writer {
    framing: Framing,
    next: usize,
    line_start: bool,
    ended: bool,
}

impl Writer {
    pub(crate) const fn new(framing: Framing) -> Self {
        Self { framing, next: 0, line_start: true, ended: false }
    }

    /// Whether everything has been written.
    pub(crate) const fn is_done(&self) -> bool {
        self.ended
    }

    /// The next piece, of about `octets`.
    pub(crate) fn write(&mut self, content: &[u8], octets: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(octets.min(content.len().saturating_sub(self.next)) + 64);
        while out.len() < octets {
            let rest = content.get(self.next..).unwrap_or_default();
            let Some(&first) = rest.first() else {
                self.end(&mut out);
                break;
            };
            if self.line_start && first == b'.' && self.framing == Framing::Data {
                out.push(b'.');
            }
            let room = rest.get(..octets).unwrap_or(rest);
            let span = if self.framing == Framing::Raw { room.len() } else { plain_span(room, rest) };
            if span > 0 {
                let span = rest.get(..span).unwrap_or_default();
                out.extend_from_slice(span);
                self.next += span.len();
                self.line_start = span.ends_with(b"\r\n");
            } else {
                out.extend_from_slice(b"\r\n");
                self.next += 1 + usize::from(rest.starts_with(b"\r\n"));
                self.line_start = true;
            }
        }
        out
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if !self.line_start && self.framing != Framing::Raw {
            out.extend_from_slice(b"\r\n");
        }
        if self.framing == Framing::Data {
            out.extend_from_slice(b".\r\n");
        }
        self.ended = true;
    }
}

/// How many octets of `room`, the beginning of `rest`, can be copied as they are: whole lines
/// ended by CRLF up to one that starts with a dot, or to a line end that must be changed.
fn plain_span(room: &[u8], rest: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = room.get(at..).and_then(|left| memchr2(b'\r', b'\n', left)) {
        let end = at + found;
        match (rest.get(end), rest.get(end + 1), rest.get(end + 2)) {
            (Some(b'\r'), Some(b'\n'), Some(b'.') | None) => return end + 2,
            (Some(b'\r'), Some(b'\n'), Some(_)) => at = end + 2,
            _ => return end,
        }
    }
    at.max(room.len())
}
