//! Writes values as atoms, quoted strings and literals (RFC 9051 sections 4.1, 4.3 and 9).
//!
//! What is written is a list of fragments, so that a sender can stop before a literal and wait to be told to go on.
//! A quoted string never holds what it may not: such a string becomes a literal, so nothing that is written can end a
//! line early.

use super::{DateTime, Flag, Mailbox, Names, SequenceSet};
use alloc::{format, vec::Vec};
use bytes::Bytes;
use core::fmt;

/// Octets to send in one go.
#[derive(Clone, PartialEq, Eq)]
pub enum Fragment {
    /// The content of a literal; its length must be announced first.
    Literal {
        /// The content.
        octets: Bytes,
        /// Announced as `~{n}` (RFC 3516): it may hold NUL.
        binary: bool,
    },
    /// Part of a line.
    Text(Vec<u8>),
}

/// Says only how much it is: passwords and messages are among it.
impl fmt::Debug for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal { octets, .. } => write!(f, "Literal({} octets)", octets.len()),
            Self::Text(text) => write!(f, "Text({} octets)", text.len()),
        }
    }
}

/// Longer strings are literals: servers bound their lines, RFC 7162 section 4 asks for no more than 8192.
const MAX_QUOTED: usize = 1000;

/// Puts a command or response together.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    fragments: Vec<Fragment>,
    text: Vec<u8>,
    names: Names,
}

/// Whether an octet may stand in an atom.
pub(super) const fn is_atom_char(octet: u8) -> bool {
    matches!(octet, b'!'..=b'~') && !matches!(octet, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
}

impl Writer {
    /// A writer of an empty line, for a stream on which names are spelled so.
    #[must_use]
    pub fn new(names: Names) -> Self {
        Self { fragments: Vec::new(), text: Vec::new(), names }
    }

    /// Text as it is. It must be of the grammar: nothing is quoted.
    pub fn raw(&mut self, text: &str) -> &mut Self {
        self.text.extend_from_slice(text.as_bytes());
        self
    }

    /// A number.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.raw(&format!("{number}"))
    }

    /// A set of numbers.
    pub fn set(&mut self, set: &SequenceSet) -> &mut Self {
        self.raw(&format!("{set}"))
    }

    /// A string: quoted, or a literal when it must be.
    pub fn string(&mut self, octets: &[u8]) -> &mut Self {
        let eight_bit = self.names == Names::Utf8 && core::str::from_utf8(octets).is_ok();
        let quotable = |octet: &u8| match octet {
            0 | b'\r' | b'\n' => false,
            128.. => eight_bit,
            _ => true,
        };
        if octets.len() > MAX_QUOTED || !octets.iter().all(quotable) {
            return self.literal(Bytes::copy_from_slice(octets), octets.contains(&0));
        }
        self.text.push(b'"');
        for octet in octets {
            if matches!(octet, b'"' | b'\\') {
                self.text.push(b'\\');
            }
            self.text.push(*octet);
        }
        self.text.push(b'"');
        self
    }

    /// A string, as an atom where it can be one.
    pub fn astring(&mut self, octets: &[u8]) -> &mut Self {
        let is_atom = !octets.is_empty()
            && octets.len() <= MAX_QUOTED
            && octets.iter().all(|octet| is_atom_char(*octet))
            && !octets.eq_ignore_ascii_case(b"NIL");
        if is_atom {
            self.text.extend_from_slice(octets);
            self
        } else {
            self.string(octets)
        }
    }

    /// A string or NIL.
    pub fn nstring(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.string(text.as_bytes()),
            None => self.raw("NIL"),
        }
    }

    /// The name of a mailbox.
    pub fn mailbox(&mut self, mailbox: &Mailbox) -> &mut Self {
        let octets = mailbox.to_wire(self.names);
        self.astring(&octets)
    }

    /// A date and time in quotes.
    pub fn date_time(&mut self, date: &DateTime) -> &mut Self {
        self.raw(&format!("\"{date}\""))
    }

    /// Flags in parentheses. Those that cannot be written are left out.
    pub fn flags(&mut self, flags: &[Flag]) -> &mut Self {
        self.list(flags.iter().filter(|flag| flag.is_writable()), |writer, flag| {
            writer.raw(&format!("{flag}"));
        })
    }

    /// Members in parentheses with spaces between.
    pub fn list<T>(
        &mut self,
        members: impl IntoIterator<Item = T>,
        mut member: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.raw("(");
        for (at, each) in members.into_iter().enumerate() {
            if at > 0 {
                self.raw(" ");
            }
            member(self, each);
        }
        self.raw(")")
    }

    /// A literal.
    pub fn literal(&mut self, octets: Bytes, binary: bool) -> &mut Self {
        if !self.text.is_empty() {
            self.fragments.push(Fragment::Text(core::mem::take(&mut self.text)));
        }
        self.fragments.push(Fragment::Literal { octets, binary });
        self
    }

    /// What was written, with the end of the line.
    #[must_use]
    pub fn finish(mut self) -> Vec<Fragment> {
        self.text.extend_from_slice(b"\r\n");
        self.fragments.push(Fragment::Text(self.text));
        self.fragments
    }

    /// What was written as a server sends it, where no literal waits.
    #[must_use]
    pub fn into_octets(self) -> Vec<u8> {
        let mut all = Vec::new();
        for fragment in self.finish() {
            match fragment {
                Fragment::Text(text) => all.extend_from_slice(&text),
                Fragment::Literal { octets, binary } => {
                    let tilde = if binary { "~" } else { "" };
                    all.extend_from_slice(format!("{tilde}{{{}}}\r\n", octets.len()).as_bytes());
                    all.extend_from_slice(&octets);
                }
            }
        }
        all
    }
}
