//! The formal syntax of IMAP (RFC 9051 section 9) and of the extensions that `docs/standards.md` lists.
//!
//! [`Framer`] finds where a response ends, whatever way the octets arrive, and lets the content of message bodies
//! pass by in chunks; [`Reader`] reads what was framed; [`Writer`] writes the same values, choosing between atom,
//! quoted string and literal. Reading is lenient where servers are known to err, writing never is.
//!
//! Nothing here knows which command is running.

mod capability;
mod code;
mod date;
mod envelope;
mod fetch;
mod flag;
mod frame;
mod input;
mod list;
mod mailbox;
mod reader;
mod response;
mod search;
mod section;
mod sequence;
mod structure;
#[cfg(test)]
mod tests;
pub mod utf7;
mod writer;

pub use capability::Capabilities;
pub use code::{AppendUid, Code, CopyUid};
pub use date::{DateTime, Day};
pub use envelope::{Address, Envelope};
pub use fetch::{Content, Fetch, SectionContent};
pub use flag::Flag;
pub use frame::{Excess, Frame, Framer, Piece, Streamed};
pub use input::Input;
pub use list::{List, MailboxStatus, Namespace, Namespaces};
pub use mailbox::{Mailbox, Names};
pub use reader::{Malformed, Reader, Value};
pub use response::{Response, Status, Text};
pub use search::Esearch;
pub use section::{Section, SectionText};
pub use sequence::SequenceSet;
pub use structure::{BodyStructure, Disposition};
pub use writer::{Fragment, Writer};

/// What one response may make grow. A session that meets more ends: what follows cannot be found any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Parentheses within parentheses. 64: the parts of a message are nested 20 deep at most in what is accepted here.
    pub depth: usize,
    /// Words, strings and lists in one response. 100,000: the structure of 1,000 parts.
    pub items: usize,
    /// Octets of a literal that is not a message body, so a subject or a mailbox name. 256 kB.
    pub literal_octets: usize,
    /// Octets of a mailbox name on the wire. 4,096: file systems stop before.
    pub name_octets: usize,
    /// Octets of a response, literals included, message bodies not. 1 MB: a plain SEARCH with 130,000 results.
    pub response_octets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 64,
            items: 100_000,
            literal_octets: 256 * 1024,
            name_octets: 4096,
            response_octets: 1024 * 1024,
        }
    }
}
