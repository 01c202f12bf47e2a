//! SMTP (RFC 5321) and LMTP (RFC 2033) sessions without I/O, both sides.
//!
//! [`server::Server`] and [`client::Client`] implement [`cedrat_session::Session`]: octets and
//! the time go in, replies, commands and events come out. Everything that a peer can make grow is
//! bounded by a `Limits` value. Message content passes through untouched: its header and MIME
//! structure are nobody's business here, and neither are routes, queues and retries.

mod address;
pub mod client;
mod command;
mod content;
#[cfg(test)]
mod dialog;
mod envelope;
mod extensions;
mod input;
mod reply;
pub mod server;
#[cfg(test)]
mod tests;
pub mod xtext;

pub use cedrat_sasl::{Credentials, Mechanism, Password, ScramKeys};

pub use address::{Address, AddressFault, Form};
pub use content::{ContentFault, LineEnds};
pub use envelope::{Body, ByMode, DeliverBy, Hold, Mail, Notify, Orcpt, Rcpt, Ret};
pub use extensions::{Extensions, FutureRelease};
pub use reply::{Enhanced, Malformed, Reply};

/// Which of the two protocols a session speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Protocol {
    /// LHLO, and one reply for each recipient at the end of a message (RFC 2033).
    Lmtp,
    /// HELO or EHLO, and one reply for all recipients.
    #[default]
    Smtp,
}
