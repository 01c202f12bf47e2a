//! What a server session is told about itself, its peer and its bounds.

use crate::smtp::{Extensions, LineEnds, Mechanism, Protocol, Reply};
use alloc::{string::String, vec::Vec};
use core::fmt;
use zeroize::Zeroizing;

/// How one connection is served; the gateway chooses it from the peer.
#[derive(Clone)]
pub struct Config {
    /// AUTH is offered without TLS, too. Only for peers on a trusted network.
    pub auth_in_clear: bool,
    /// What is offered. `auth`, `starttls`, the value of `size` and, without TLS, `require_tls`
    /// follow from the other fields; FUTURERELEASE is for submission only (RFC 4865 section 3).
    pub extensions: Extensions,
    /// The name in the greeting.
    pub hostname: String,
    /// What becomes of bare CR and bare LF.
    pub line_ends: LineEnds,
    /// What bounds the session.
    pub limits: Limits,
    /// The AUTH mechanisms to offer; none is no AUTH.
    pub mechanisms: Vec<Mechanism>,
    /// MM4 envelopes: addresses need no domain and recipients may be empty.
    pub mms_addresses: bool,
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// Turns the peer away with this reply in place of the greeting.
    pub reject: Option<Reply>,
    /// MAIL needs AUTH first.
    pub require_auth: bool,
    /// Everything but EHLO, NOOP, QUIT and STARTTLS needs TLS first.
    pub require_tls: bool,
    /// The iteration count that SCRAM names for users that do not exist; that of the others.
    pub scram_iterations: u32,
    /// Whether TLS is there.
    pub tls: Tls,
    /// Makes up salts for users that do not exist. The same for all connections and long-lived,
    /// or else a second look tells them apart.
    pub unknown_user_secret: Zeroizing<[u8; 32]>,
}

impl Config {
    /// A plain SMTP server with the common extensions and no TLS or AUTH.
    pub fn new(hostname: impl Into<String>) -> Self {
        Self {
            auth_in_clear: false,
            extensions: Extensions::common(),
            hostname: hostname.into(),
            line_ends: LineEnds::Strict,
            limits: Limits::default(),
            mechanisms: Vec::new(),
            mms_addresses: false,
            protocol: Protocol::Smtp,
            reject: None,
            require_auth: false,
            require_tls: false,
            scram_iterations: 4096,
            tls: Tls::Off,
            unknown_user_secret: Zeroizing::new([0; 32]),
        }
    }
}

/// Leaves the secret out.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("hostname", &self.hostname)
            .field("protocol", &self.protocol)
            .field("tls", &self.tls)
            .field("mechanisms", &self.mechanisms)
            .field("extensions", &self.extensions)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Whether a server session has TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// STARTTLS is offered.
    Available,
    /// There is none.
    Off,
    /// The stream is encrypted from its first octet.
    On,
}

/// The bounds of a server session.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Octets of one AUTH response line. 12,288 as RFC 4954 section 4 asks.
    pub auth_octets: usize,
    /// Milliseconds without an octet within a message. Three minutes (RFC 5321 section 4.5.3.2.5).
    pub body_ms: u64,
    /// Octets that wait for a decision before [`super::Server::wants_octets`] says no. 128 kB.
    pub buffer_octets: usize,
    /// Milliseconds from a reply to the end of the next command, however slowly it drips. Five
    /// minutes (RFC 5321 section 4.5.3.2.7).
    pub command_ms: u64,
    /// Octets of a command line. 2,048: 512 of RFC 5321 and what the extensions add.
    pub command_octets: usize,
    /// Failed AUTH commands before the connection ends. 3.
    pub max_auth_failures: u32,
    /// Faulty commands before the connection ends. 20.
    pub max_errors: u32,
    /// Octets of a message, 0 for no limit. 50 MiB.
    pub max_octets: u64,
    /// Recipients of a message; as many more are answered with 452 before that counts as an
    /// error. 1,000; RFC 5321 section 4.5.3.1.8 asks for 100.
    pub max_recipients: usize,
    /// Milliseconds from 354 to the end of the message, for senders that drip. One hour.
    pub message_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            auth_octets: 12_288,
            body_ms: 180_000,
            buffer_octets: 128 * 1024,
            command_ms: 300_000,
            command_octets: 2048,
            max_auth_failures: 3,
            max_errors: 20,
            max_octets: 50 * 1024 * 1024,
            max_recipients: 1000,
            message_ms: 3_600_000,
        }
    }
}
