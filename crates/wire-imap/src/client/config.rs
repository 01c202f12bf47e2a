//! What a client session is told about itself, its account and its bounds.

use crate::grammar;
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use cedrat_sasl::{Credentials, Password};

/// How one connection is used.
#[derive(Debug, Clone)]
pub struct Config {
    /// Who to be; `None` leaves the session unauthenticated, unless the server greets with PREAUTH.
    pub auth: Option<Auth>,
    /// Sends passwords and tokens also without TLS. Only on a trusted network.
    pub auth_in_clear: bool,
    /// COMPRESS=DEFLATE where that is offered: a quarter less traffic for 43 kB of memory.
    pub compress: bool,
    /// Extensions that are enabled where they are offered, in the order of the command.
    pub enable: Vec<String>,
    /// What ID tells the server; nothing is told when it is empty.
    pub id: Vec<(String, String)>,
    /// What bounds the session.
    pub limits: Limits,
    /// What is done about TLS.
    pub tls: Tls,
}

impl Config {
    /// TLS is required, everything that this crate knows is enabled, and the server is told nothing.
    #[must_use]
    pub fn new(auth: Option<Auth>) -> Self {
        Self {
            auth,
            auth_in_clear: false,
            compress: false,
            enable: ["IMAP4REV2", "CONDSTORE", "QRESYNC", "UTF8=ACCEPT"].map(ToString::to_string).to_vec(),
            id: Vec::new(),
            limits: Limits::default(),
            tls: Tls::Required,
        }
    }
}

/// What proves who the client is. The strongest mechanism that the server offers for it is taken.
#[derive(Debug, Clone)]
pub enum Auth {
    /// A token (RFC 7628): OAUTHBEARER, or XOAUTH2.
    Bearer {
        /// Whose mailboxes.
        user: String,
        /// Fresh: the session does not renew it.
        token: Password,
    },
    /// A password: SCRAM-SHA-256, PLAIN, LOGIN, or the command LOGIN.
    Password(Credentials),
}

/// What a client session does about TLS. Whether the certificate is good is the driver's matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// The stream is encrypted from its first octet (RFC 8314).
    Implicit,
    /// None, even when it is offered.
    None,
    /// When it is offered; otherwise in clear text.
    Opportunistic,
    /// STARTTLS or nothing.
    Required,
}

/// The bounds of a client session.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Milliseconds that a server may say nothing while it owes an answer. Five minutes: servers copy and search large
    /// mailboxes without a word.
    pub silence_ms: u64,
    /// Milliseconds for one command from its first octet to its end. One hour: a server that says something now and
    /// then forever is found out.
    pub command_ms: u64,
    /// What one response may make grow.
    pub grammar: grammar::Limits,
    /// Milliseconds after which IDLE is issued again. 25 minutes: servers log out after 30 (RFC 2177).
    pub idle_ms: u64,
    /// Commands without an answer at once. 16.
    pub in_flight: usize,
    /// Responses that cannot be read before the session gives up. 20.
    pub max_malformed: u32,
    /// Responses in a row without the end of a command. Two million: FETCH and VANISHED of a mailbox with a million
    /// messages.
    pub max_responses: u64,
    /// The most SCRAM iterations that are computed for a server. 600,000, half a second.
    pub max_scram_iterations: u32,
    /// Octets of a message that are written at once. 64 kB.
    pub piece_octets: usize,
    /// Milliseconds between two looks at a watched mailbox when the server has no IDLE. One minute.
    pub poll_ms: u64,
    /// Commands that wait to be sent. 1,000.
    pub queued: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            silence_ms: 300_000,
            command_ms: 3_600_000,
            grammar: grammar::Limits::default(),
            idle_ms: 1_500_000,
            in_flight: 16,
            max_malformed: 20,
            max_responses: 2_000_000,
            max_scram_iterations: 600_000,
            piece_octets: 64 * 1024,
            poll_ms: 60_000,
            queued: 1000,
        }
    }
}
