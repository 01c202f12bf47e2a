//! Why the gateway will not, or cannot yet, do what was asked: the only failure that crosses an
//! interface.
//!
//! Whether a failure is temporary is part of the reason's type, never of a digit or a flag, so no
//! mapping can turn a temporary failure into a permanent one. Codes and words of the wires are in
//! `mappings/status`.

use alloc::string::String;
use core::fmt;

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permanence {
    /// It cannot: 5xx, 5.y.z.
    Permanent,
    /// It can: 4xx, 4.y.z.
    Transient,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident $token:literal $class:ident $text:literal;)*) => {
        /// Every reason, in the gateway's own words.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// All of them, in alphabetical order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in tables, logs and interfaces.
            #[must_use]
            pub const fn token(self) -> &'static str {
                match self { $(Self::$variant => $token,)* }
            }

            /// What a person is told; one sentence without a full stop, the same for every peer.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Whether trying again can help.
            #[must_use]
            pub const fn permanence(self) -> Permanence {
                match self { $(Self::$variant => Permanence::$class,)* }
            }

            /// The reason of that name.
            #[must_use]
            pub fn read(token: &str) -> Option<Self> {
                match token { $($token => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

reasons! {
    /// An address cannot be parsed or cannot be carried by the next interface.
    AddressMalformed "address-malformed" Permanent "The address is not valid here";
    /// SPF, DKIM and DMARC say that the mail is not from whom it claims.
    AuthenticationFailed "authentication-failed" Permanent "The sender of the message could not be authenticated";
    /// The peer must authenticate first.
    AuthenticationRequired "authentication-required" Permanent "Authentication is required";
    /// This gateway has too much to do.
    CongestedHere "congested-here" Transient "The gateway is busy, try again later";
    /// The next hop has too much to do.
    CongestedThere "congested-there" Transient "The next system is busy";
    /// The connection broke.
    ConnectionLost "connection-lost" Transient "The connection to the next system was lost";
    /// Type or content is refused by the recipient's system.
    ContentNotAccepted "content-not-accepted" Permanent "The content is not accepted by the recipient's system";
    /// No name server answers.
    DnsUnavailable "dns-unavailable" Transient "The name of the next system cannot be looked up now";
    /// The domain does not exist.
    DomainUnknown "domain-unknown" Permanent "The domain does not exist";
    /// The domain says that it takes no mail (RFC 7505).
    DomainWithoutMail "domain-without-mail" Permanent "The domain does not accept mail";
    /// Needs TLS that the other side does not offer.
    EncryptionRequired "encryption-required" Permanent "The connection must be encrypted";
    /// Its time is over.
    Expired "expired" Permanent "The message expired before it could be delivered";
    /// An operator holds it back.
    HeldHere "held-here" Transient "The message is held by the operator of the gateway";
    /// Went round in a circle.
    LoopDetected "loop-detected" Permanent "The message has gone round in a loop";
    /// Not a message.
    MessageFormatCorrupt "message-format-corrupt" Permanent "The message cannot be understood";
    /// The message that it refers to is not known.
    MessageNotFound "message-not-found" Permanent "The message referred to is not known";
    /// Over the limit of octets.
    MessageTooLarge "message-too-large" Permanent "The message is too large";
    /// The network between is down.
    NetworkProblem "network-problem" Transient "There is a network problem";
    /// The next hop cannot be reached.
    NextHopUnavailable "next-hop-unavailable" Transient "The next system cannot be reached";
    /// The next hop took the message but never said what became of it.
    NoResponse "no-response" Transient "The next system has not answered";
    /// No route leads there.
    NoRoute "no-route" Permanent "No route leads to the recipient";
    /// Not allowed for this peer.
    NotPermitted "not-permitted" Permanent "This is not permitted";
    /// The peer is suspended.
    PeerSuspended "peer-suspended" Transient "Service for this connection is suspended";
    /// Nested or divided more than the limit.
    PartsExceeded "parts-exceeded" Permanent "The message has too many parts or levels";
    /// Too many at once from this peer.
    RateExceeded "rate-exceeded" Transient "The agreed rate is exceeded, slow down";
    /// Too many recipients in one transaction; the others may be sent in another.
    RecipientsExceeded "recipients-exceeded" Transient "Too many recipients in one message";
    /// No such recipient.
    RecipientUnknown "recipient-unknown" Permanent "The recipient is not known";
    /// Refused for no other stated reason.
    Rejected "rejected" Permanent "The message was rejected";
    /// A reply that somebody else should pay for.
    ReplyChargingRefused "reply-charging-refused" Permanent "Reply charging is not available on this route";
    /// The sender wants to stay hidden where that cannot be done.
    SenderHidden "sender-hidden" Permanent "The sender cannot be hidden on this route";
    /// The sender's address cannot be resolved.
    SenderUnresolved "sender-unresolved" Permanent "The address of the sender cannot be resolved";
    /// Sensitivity cannot be ensured (RFC 4356 §2.1.3.3).
    SensitivityRefused "sensitivity-refused" Permanent "The privacy asked for cannot be ensured";
    /// No room to store it.
    StorageFull "storage-full" Transient "There is no room to store the message, try again later";
    /// A fault of this system.
    SystemFault "system-fault" Transient "The gateway has a fault, try again later";
    /// Temporarily refused for no other stated reason.
    TryLater "try-later" Transient "The message cannot be taken now, try again later";
    /// TLS failed this time.
    TlsUnavailable "tls-unavailable" Transient "An encrypted connection could not be made";
    /// A kind of message that is not supported.
    UnsupportedMessage "unsupported-message" Permanent "This kind of message is not supported";
}

/// Who can do something about it; decides who is told and who is paged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The message itself.
    Message,
    /// Where it was to go.
    NextHop,
    /// This gateway.
    Ours,
    /// Who sent it here.
    Peer,
    /// A rule of the operator.
    Policy,
}

/// What only the operator may read. Has no `Display`, so it cannot slip into a reply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detail(String);

impl Detail {
    /// A detail.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for logs and the trace of a message.
    #[must_use]
    pub fn for_operator(&self) -> &str {
        &self.0
    }
}

/// A refusal: what the peer is told, whose fault it is, and what the operator reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// Whose fault.
    pub blame: Blame,
    /// For the operator only.
    pub detail: Detail,
}

impl Refusal {
    /// A refusal.
    #[must_use]
    pub fn new(reason: Reason, blame: Blame, detail: impl Into<String>) -> Self {
        Self { reason, blame, detail: Detail::new(detail) }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_one_name_that_reads_back() {
        for &reason in Reason::ALL {
            assert_eq!(Reason::read(reason.token()), Some(reason));
        }
        let mut tokens: alloc::vec::Vec<_> = Reason::ALL.iter().map(|r| r.token()).collect();
        tokens.sort_unstable();
        tokens.dedup();
        assert_eq!(tokens.len(), Reason::ALL.len());
    }
}
