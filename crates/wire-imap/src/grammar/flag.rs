//! Flags and keywords (RFC 9051 section 2.3.2).

use super::reader::lossy;
use alloc::string::String;
use core::fmt;

/// A flag of a message, or of what a mailbox can keep. System flags are compared without case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// `\Answered`.
    Answered,
    /// `\*` in PERMANENTFLAGS: new keywords can be made.
    Any,
    /// `\Deleted`.
    Deleted,
    /// `\Draft`.
    Draft,
    /// Another one with a backslash, which is not in the text.
    Extension(String),
    /// `\Flagged`.
    Flagged,
    /// One without a backslash, such as `$Forwarded`.
    Keyword(String),
    /// `\Recent`, of IMAP4rev1 only.
    Recent,
    /// `\Seen`.
    Seen,
}

const SYSTEM: [(&str, Flag); 7] = [
    ("Answered", Flag::Answered),
    ("*", Flag::Any),
    ("Deleted", Flag::Deleted),
    ("Draft", Flag::Draft),
    ("Flagged", Flag::Flagged),
    ("Recent", Flag::Recent),
    ("Seen", Flag::Seen),
];

impl Flag {
    /// `$Forwarded` (RFC 5550 section 4.7).
    #[must_use]
    pub fn forwarded() -> Self {
        Self::Keyword("$Forwarded".into())
    }

    /// `$MDNSent` (RFC 3503).
    #[must_use]
    pub fn mdn_sent() -> Self {
        Self::Keyword("$MDNSent".into())
    }

    /// Reads any word as a flag.
    #[must_use]
    pub fn from_word(word: &[u8]) -> Self {
        let Some(name) = word.strip_prefix(b"\\") else { return Self::Keyword(lossy(word)) };
        SYSTEM
            .into_iter()
            .find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))
            .map_or_else(|| Self::Extension(lossy(name)), |(_, flag)| flag)
    }

    /// Whether it can be written: a keyword or extension must be an atom.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        match self {
            Self::Keyword(name) | Self::Extension(name) => {
                !name.is_empty() && name.bytes().all(super::writer::is_atom_char)
            }
            _ => true,
        }
    }
}

/// As it is written.
impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyword(name) => f.write_str(name),
            Self::Extension(name) => write!(f, "\\{name}"),
            known => {
                let name = SYSTEM.iter().find(|(_, flag)| flag == known).map_or("", |(name, _)| name);
                write!(f, "\\{name}")
            }
        }
    }
}
