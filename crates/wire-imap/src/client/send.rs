//! How a command goes over the wire: its fragments one after the other, with a stop before each literal that the
//! server wants to agree to (RFC 9051 section 4.3, RFC 7888).

use super::{Client, Event};
use crate::grammar::Fragment;
use alloc::{collections::VecDeque, format, vec::Vec};
use cedrat_session::Step;

/// A literal that LITERAL- lets go without asking (RFC 7888 section 5).
const MAX_UNASKED: usize = 4096;

/// A command that is being written.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) tag: u32,
    fragments: VecDeque<Fragment>,
    /// Octets of the literal in front that are written; `None` when it is not announced.
    written: Option<usize>,
    /// The server must agree first.
    pub(super) waits: bool,
}

impl Writing {
    pub(super) fn new(tag: u32, fragments: Vec<Fragment>) -> Self {
        let mut fragments = VecDeque::from(fragments);
        fragments.push_front(Fragment::Text(format!("c{tag} ").into_bytes()));
        Self { tag, fragments, written: None, waits: false }
    }

    /// The next octets, at most about `most`. Literals of up to `unasked` octets go without being asked for. None when the server must agree or all is written.
    fn next(&mut self, most: usize, unasked: Option<usize>) -> Vec<u8> {
        let mut octets = Vec::new();
        while !self.waits && octets.len() < most {
            match (self.fragments.front(), self.written) {
                (None, _) => break,
                (Some(Fragment::Text(text)), _) => {
                    octets.extend_from_slice(text);
                    self.fragments.pop_front();
                }
                (Some(Fragment::Literal { octets: content, binary }), None) => {
                    self.waits = unasked.is_none_or(|max| content.len() > max);
                    let (tilde, plus) = (if *binary { "~" } else { "" }, if self.waits { "" } else { "+" });
                    let marker = format!("{tilde}{{{}{plus}}}\r\n", content.len());
                    octets.extend_from_slice(marker.as_bytes());
                    self.written = Some(0);
                }
                (Some(Fragment::Literal { octets: content, .. }), Some(written)) => {
                    let rest = content.get(written..).unwrap_or_default();
                    let piece = rest.get(..most).unwrap_or(rest);
                    octets.extend_from_slice(piece);
                    if piece.len() == rest.len() {
                        self.written = None;
                        self.fragments.pop_front();
                    } else {
                        self.written = Some(written + piece.len());
                    }
                }
            }
        }
        octets
    }
}

impl Client {
    /// Writes more of the present command; whether there was more.
    pub(super) fn advance_writing(&mut self) -> bool {
        let unasked = if self.capabilities.has("LITERAL+") {
            Some(usize::MAX)
        } else if self.capabilities.has("LITERAL-") || self.enabled.contains("IMAP4REV2") {
            Some(MAX_UNASKED)
        } else {
            None
        };
        let most = self.config.limits.piece_octets.max(1);
        let Some(writing) = &mut self.writing else { return false };
        let octets = writing.next(most, unasked);
        let finished = writing.fragments.is_empty();
        if finished {
            self.writing = None;
        }
        let wrote = !octets.is_empty();
        if wrote {
            self.write(octets);
        }
        wrote || finished
    }

    pub(super) fn write(&mut self, octets: Vec<u8>) {
        let octets = self.wire.outgoing(octets);
        self.steps.push_back(Step::<Event>::Send(octets));
    }
}
