//! What MAIL and RCPT carry, the same on both sides of a session: RFC 5321 section 4.1.1, 1870,
//! 2852, 3030, 3461, 4865, 4954, 6152, 6531, 6710 and 8689.
//!
//! Identifiers that must reach the next hop unchanged (ENVID, ORCPT) keep their wire form.

use super::address::Address;
use super::xtext;
use alloc::string::String;
use core::fmt;

/// The parameters of a MAIL command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mail {
    /// Where reports go; null for a message that must not be answered.
    pub from: Address,
    /// `SIZE=`: octets that the sender announces.
    pub size: Option<u64>,
    /// `BODY=`.
    pub body: Body,
    /// `SMTPUTF8`: addresses and header may hold UTF-8.
    pub smtputf8: bool,
    /// `RET=`: how much of the message a failure report returns.
    pub ret: Option<Ret>,
    /// `ENVID=` in xtext, as received; [`Mail::envelope_id`] decodes it.
    pub envid: Option<String>,
    /// `BY=`.
    pub deliver_by: Option<DeliverBy>,
    /// `HOLDFOR=` or `HOLDUNTIL=`; not passed on by a client session.
    pub hold: Option<Hold>,
    /// `MT-PRIORITY=`: -9 to 9.
    pub mt_priority: Option<i8>,
    /// `REQUIRETLS`: never in clear text on any later hop.
    pub require_tls: bool,
    /// `AUTH=` in xtext, `<>` when the submitter is unknown; not passed on by a client session.
    pub auth: Option<String>,
}

impl Mail {
    /// An envelope without any parameter.
    #[must_use]
    pub fn new(from: Address) -> Self {
        Self { from, ..Self::default() }
    }

    /// The envelope identifier in plain text, when it can be decoded.
    #[must_use]
    pub fn envelope_id(&self) -> Option<String> {
        self.envid.as_deref().and_then(xtext::decode)
    }
}

/// The parameters of a RCPT command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rcpt {
    /// Who receives.
    pub address: Address,
    /// `NOTIFY=`; absent means the receiver's default (RFC 3461 section 4.1).
    pub notify: Option<Notify>,
    /// `ORCPT=`.
    pub orcpt: Option<Orcpt>,
}

impl Rcpt {
    /// A recipient without any parameter.
    #[must_use]
    pub const fn new(address: Address) -> Self {
        Self { address, notify: None, orcpt: None }
    }
}

/// How the octets of a body may look. Ordered: each value includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Body {
    /// ASCII in lines; also when the sender said nothing.
    #[default]
    SevenBit,
    /// Any octets but NUL, in lines (RFC 6152).
    EightBitMime,
    /// Any octets; only over BDAT (RFC 3030).
    BinaryMime,
}

impl Body {
    /// The token of `BODY=`.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::SevenBit => "7BIT",
            Self::EightBitMime => "8BITMIME",
            Self::BinaryMime => "BINARYMIME",
        }
    }
}

/// How much of a message a failure report returns (RFC 3461 section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its header only.
    Headers,
}

impl Ret {
    /// The token of `RET=`.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Headers => "HDRS",
        }
    }
}

/// Which reports a recipient asks for (RFC 3461 section 4.1); `NEVER` is none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Notify {
    /// When delivery is late.
    pub delay: bool,
    /// When delivery fails.
    pub failure: bool,
    /// When delivery succeeds.
    pub success: bool,
}

impl Notify {
    /// No report of any kind.
    pub const NEVER: Self = Self { delay: false, failure: false, success: false };
}

/// The value of `NOTIFY=`.
impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NEVER {
            return f.write_str("NEVER");
        }
        let mut separator = "";
        for (wanted, token) in [(self.success, "SUCCESS"), (self.failure, "FAILURE"), (self.delay, "DELAY")] {
            if wanted {
                write!(f, "{separator}{token}")?;
                separator = ",";
            }
        }
        Ok(())
    }
}

/// The original recipient of `ORCPT=`, kept as it was received.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Orcpt {
    /// The address type: `rfc822`, `utf-8`, `plmn`; case kept.
    pub address_type: String,
    /// The address in xtext.
    pub address: String,
}

impl Orcpt {
    /// An original recipient from plain text.
    #[must_use]
    pub fn from_plain(address_type: &str, address: &str) -> Self {
        Self { address_type: address_type.into(), address: xtext::encode(address) }
    }

    /// The address in plain text, when it can be decoded.
    #[must_use]
    pub fn plain(&self) -> Option<String> {
        xtext::decode(&self.address)
    }
}

/// The value of `ORCPT=`.
impl fmt::Display for Orcpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};{}", self.address_type, self.address)
    }
}

/// `BY=` (RFC 2852 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliverBy {
    /// Seconds from now; negative or zero only with [`ByMode::Notify`].
    pub seconds: i32,
    /// What happens when the time is over.
    pub mode: ByMode,
    /// Whether each relay reports.
    pub trace: bool,
}

/// The value of `BY=`.
impl fmt::Display for DeliverBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            ByMode::Notify => 'N',
            ByMode::Return => 'R',
        };
        write!(f, "{};{mode}{}", self.seconds, if self.trace { "T" } else { "" })
    }
}

/// What happens to a message that is not delivered in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ByMode {
    /// The sender is told, delivery goes on.
    Notify,
    /// The message is returned.
    Return,
}

/// When a submitted message may go out at the earliest (RFC 4865).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Hold {
    /// Seconds from now.
    For(u32),
    /// A point in time, `2026-11-24T08:00:00Z` as received.
    Until(String),
}
