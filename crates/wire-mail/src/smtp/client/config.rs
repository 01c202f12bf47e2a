//! What a client session is told about itself, its next hop and its bounds.

use crate::smtp::{Credentials, Protocol};
use alloc::string::String;

/// How one connection is used.
#[derive(Debug, Clone)]
pub struct Config {
    /// Who to be; `None` is no AUTH. The strongest mechanism that the next hop offers is taken.
    pub auth: Option<Credentials>,
    /// AUTH also without TLS. Only on a trusted network.
    pub auth_in_clear: bool,
    /// Sends every message with BDAT where that is offered, not only binary ones.
    pub chunking: bool,
    /// The name in EHLO.
    pub helo: String,
    /// What bounds the session.
    pub limits: Limits,
    /// Sends commands in groups where that is offered.
    pub pipelining: bool,
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// What is done about TLS.
    pub tls: Tls,
}

impl Config {
    /// An SMTP client with opportunistic TLS, pipelining and no AUTH.
    pub fn new(helo: impl Into<String>) -> Self {
        Self {
            auth: None,
            auth_in_clear: false,
            chunking: false,
            helo: helo.into(),
            limits: Limits::default(),
            pipelining: true,
            protocol: Protocol::Smtp,
            tls: Tls::Opportunistic,
        }
    }
}

/// What a client session does about TLS. Whether the certificate is good is the driver's matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// The stream is encrypted from its first octet.
    Implicit,
    /// None, even when it is offered.
    None,
    /// When it is offered; otherwise in clear text.
    Opportunistic,
    /// STARTTLS or nothing.
    Required,
}

/// The bounds of a client session. The times are those of RFC 5321 section 4.5.3.2.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Milliseconds for one piece of the message to be written. Three minutes.
    pub body_ms: u64,
    /// Milliseconds for the reply to any other command, the greeting included. Five minutes.
    pub command_ms: u64,
    /// Milliseconds for the reply to DATA. Two minutes.
    pub data_ms: u64,
    /// Milliseconds for the reply to the end of the message. Ten minutes.
    pub end_ms: u64,
    /// Commands without a reply in one group. 100: their replies fit any socket buffer, so that
    /// two writers never wait for each other (RFC 2920 section 3.1).
    pub in_flight: usize,
    /// The most SCRAM iterations that are computed for a server. 600,000, half a second.
    pub max_scram_iterations: u32,
    /// Octets of one piece of the message. 64 kB.
    pub piece_octets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_ms: 180_000,
            command_ms: 300_000,
            data_ms: 120_000,
            end_ms: 600_000,
            in_flight: 100,
            max_scram_iterations: 600_000,
            piece_octets: 64 * 1024,
        }
    }
}
