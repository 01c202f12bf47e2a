//! What a server session tells the gateway.

use crate::smtp::{ContentFault, Credentials, Mail, Rcpt};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

/// What has happened. The session goes on by itself, except where an answer is named.
#[derive(Clone, PartialEq, Eq)]
pub enum Event {
    /// The peer has proved who it is, with whichever mechanism.
    Authenticated {
        /// Whose credentials they were; never the identity that the peer would like to act for,
        /// or a gateway that overlooked it would let every user be every other.
        user: String,
    },
    /// Is this the right password? Answer: [`super::Server::authenticated`].
    ///
    /// A gateway that knows no acting for others refuses when `authzid` names another identity.
    AuthPlain(Credentials),
    /// Octets of the message, without dot-stuffing, as they arrive.
    Chunk(Vec<u8>),
    /// The session is over; [`cedrat_session::Step::Close`] follows. An open transaction is void.
    Closed {
        /// Why.
        reason: Closing,
    },
    /// The message is complete. Answer after it is on stable storage: [`super::Server::accept`],
    /// [`super::Server::reply`], or with LMTP [`super::Server::reply_each`].
    EndOfMessage {
        /// Octets of all chunks together.
        octets: u64,
    },
    /// The peer has introduced itself. Everything before is forgotten.
    Hello {
        /// The name it gives itself; never proof of anything.
        domain: String,
        /// Whether with EHLO or LHLO.
        extended: bool,
    },
    /// A transaction is to begin. Answer: [`super::Server::accept`] or [`super::Server::reply`].
    Mail(Box<Mail>),
    /// One more recipient. Answer: [`super::Server::accept`] or [`super::Server::reply`].
    Recipient(Box<Rcpt>),
    /// The transaction is void; chunks that came are to be thrown away.
    Reset,
    /// Which keys has this user? Answer: [`super::Server::scram_keys`].
    ScramKeys {
        /// Whose password it is.
        user: String,
        /// On whose behalf the peer wants to act, as in [`Event::AuthPlain`].
        authzid: Option<String>,
    },
}

/// Says only how long a chunk is: content is nothing to print.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authenticated { user } => f.debug_struct("Authenticated").field("user", user).finish(),
            Self::AuthPlain(credentials) => f.debug_tuple("AuthPlain").field(credentials).finish(),
            Self::Chunk(octets) => write!(f, "Chunk({} octets)", octets.len()),
            Self::Closed { reason } => f.debug_struct("Closed").field("reason", reason).finish(),
            Self::EndOfMessage { octets } => f.debug_struct("EndOfMessage").field("octets", octets).finish(),
            Self::Hello { domain, extended } => {
                f.debug_struct("Hello").field("domain", domain).field("extended", extended).finish()
            }
            Self::Mail(mail) => f.debug_tuple("Mail").field(mail).finish(),
            Self::Recipient(rcpt) => f.debug_tuple("Recipient").field(rcpt).finish(),
            Self::Reset => f.write_str("Reset"),
            Self::ScramKeys { user, authzid } => {
                f.debug_struct("ScramKeys").field("user", user).field("authzid", authzid).finish()
            }
        }
    }
}

/// Why a server session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// The message held what strict line ends forbid.
    Content(ContentFault),
    /// Where the next command starts cannot be known any more.
    Desynchronized,
    /// Too many faulty commands or failed AUTH.
    Faults,
    /// The peer has gone without QUIT.
    Lost,
    /// The message went on far beyond the size limit.
    Overrun,
    /// QUIT.
    Quit,
    /// The gateway replied 421, turned the peer away or shuts down.
    Refused,
    /// The peer was silent or too slow.
    Timeout,
}
