//! What a client session is given and tells the gateway.

use crate::smtp::{Extensions, Mail, Malformed, Rcpt, Reply};
use alloc::{boxed::Box, vec::Vec};
use bytes::Bytes;
use core::fmt;

/// One message to hand over.
#[derive(Clone)]
pub struct Transaction {
    /// The sender and what is asked for. `size` is computed and `body` is corrected from the
    /// content; `hold` and `auth` stay here.
    pub mail: Mail,
    /// The recipients, at least one.
    pub recipients: Vec<Rcpt>,
    /// The message. Line ends are made CRLF, except in binary content.
    pub content: Bytes,
}

/// Says only how long the content is.
impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("mail", &self.mail)
            .field("recipients", &self.recipients)
            .field("octets", &self.content.len())
            .finish()
    }
}

/// Why [`super::Client::send`] did not begin; the session is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The message must be returned in time, which the next hop does not offer or not so fast
    /// (RFC 2852 section 4.1.4.1).
    NeedsDeliverBy,
    /// The content holds octets that the next hop takes only in another encoding: above 127, or
    /// NUL that is not declared binary.
    NeedsDowngrade,
    /// REQUIRETLS was asked for and the next hop does not offer it (RFC 8689 section 4.2.1).
    NeedsRequireTls,
    /// An address or the header needs SMTPUTF8, which the next hop does not offer.
    NeedsSmtpUtf8,
    /// There is no recipient.
    NoRecipients,
    /// The session is not ready for a message.
    NotReady,
    /// An identifier holds octets that cannot stand in a command.
    Parameter,
    /// The next hop takes at most this many octets.
    TooLarge(u64),
}

impl Refused {
    /// What the next hop would have answered, for reports; `None` when the caller is at fault.
    #[must_use]
    pub fn reply(self) -> Option<Reply> {
        Some(match self {
            Self::NeedsDeliverBy => Reply::new(554, (5, 4, 7), "The next hop cannot keep the delivery time"),
            Self::NeedsDowngrade => Reply::new(554, (5, 6, 3), "Conversion required but not supported"),
            Self::NeedsRequireTls => Reply::new(550, (5, 7, 30), "REQUIRETLS support required"),
            Self::NeedsSmtpUtf8 => Reply::new(550, (5, 6, 7), "The next hop does not offer SMTPUTF8"),
            Self::TooLarge(_) => {
                Reply::new(552, (5, 3, 4), "The message is larger than the next hop accepts")
            }
            Self::NoRecipients | Self::NotReady | Self::Parameter => return None,
        })
    }
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The connection is of no use any more; [`cedrat_session::Step::Close`] follows.
    Failed {
        /// How far it had come.
        stage: Stage,
        /// Why.
        cause: Cause,
    },
    /// The transaction is over.
    Outcome(Box<Outcome>),
    /// A message may be sent; also after each outcome, as long as the connection lives.
    Ready {
        /// What the next hop offers.
        extensions: Box<Extensions>,
    },
}

/// How a transaction ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// One for each recipient, in their order.
    pub recipients: Vec<Delivery>,
    /// What was asked for but not told to the next hop.
    pub not_passed_on: NotPassedOn,
}

/// What became of the message for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The next hop has taken it over.
    Delivered {
        /// Its words.
        reply: Reply,
    },
    /// Never, as things are.
    Permanent {
        /// The refusal.
        reply: Reply,
    },
    /// Not now. Without words of the next hop the reply is made up: 451 4.4.2.
    Temporary {
        /// The refusal.
        reply: Reply,
    },
    /// The connection was lost after the whole message was written and before the reply: a
    /// second attempt may be a duplicate.
    Uncertain,
}

/// Requests that stop here because the next hop does not offer the extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NotPassedOn {
    /// `BY=` in notify mode: whoever relays must report (RFC 2852 section 4.1.4.2).
    pub deliver_by: bool,
    /// RET, ENVID, NOTIFY or ORCPT: whoever relays must report (RFC 3461 section 5.2.2).
    pub dsn: bool,
    /// `MT-PRIORITY=`.
    pub mt_priority: bool,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// AUTH.
    Auth,
    /// The octets of a message.
    Body,
    /// From MAIL to the reply to DATA.
    Envelope,
    /// The message is written, the reply is missing.
    EndOfMessage,
    /// Before the greeting.
    Greeting,
    /// EHLO, HELO or LHLO.
    Hello,
    /// Between messages.
    Ready,
    /// STARTTLS.
    StartTls,
}

/// Why a connection failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// AUTH would go over the wire in clear text.
    AuthInClear,
    /// The next hop offers no AUTH mechanism that is known here.
    AuthNotOffered,
    /// The stream ended.
    Ended,
    /// The next hop did not prove that it knows the password, too.
    NotGenuine,
    /// What came is no reply.
    Malformed(Malformed),
    /// The next hop refuses, or replies what makes no sense here.
    Reply(Reply),
    /// The reply did not come in time.
    Timeout,
    /// TLS is required and not offered.
    TlsNotOffered,
}
