//! What comes back: delivery reports, read reports and a relay's answer to a forwarded message.

use alloc::{string::String, vec::Vec};

use crate::{Address, Reason, Timestamp};

/// What became of a message for one recipient: the words of TS 23.140 (X-Mms-MM-Status-Code).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryStatus {
    /// Waits; not final.
    Deferred,
    /// Not fetched in time.
    Expired,
    /// Handed to a system that sends no reports.
    Forwarded,
    /// It cannot be known.
    Indeterminate,
    /// Refused by the recipient or their system.
    Rejected,
    /// It arrived.
    Retrieved,
    /// It cannot be delivered.
    Unreachable,
    /// Not understood by the recipient's system.
    Unrecognised,
}

impl DeliveryStatus {
    /// Whether nothing more will be said of this recipient.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Deferred)
    }

    /// Whether the recipient will not get the message.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Expired | Self::Rejected | Self::Unreachable | Self::Unrecognised)
    }
}

/// What the recipient did with a message that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadStatus {
    /// Thrown away unread.
    DeletedUnread,
    /// Read.
    Read,
}

/// A delivery report on one message and one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Identifier of the message reported on, as its sender knows it; without quotes or brackets.
    pub message_id: String,
    /// Whose copy.
    pub recipient: Address,
    /// The recipient as the sender wrote it (ORCPT, `type;text`), when known.
    pub original_recipient: Option<String>,
    /// Who sent the message and gets the report.
    pub originator: Option<Address>,
    /// When it happened.
    pub at: Option<Timestamp>,
    /// What became of it.
    pub status: DeliveryStatus,
    /// Why, for failures and delays.
    pub reason: Option<Reason>,
    /// Enhanced status code (RFC 3463) of the system that reported, verbatim.
    pub enhanced: Option<String>,
    /// The reporting system's own word for the status, verbatim.
    pub token: Option<String>,
    /// Text for a person.
    pub text: Option<String>,
    /// ENVID of the original envelope, xtext.
    pub envelope_id: Option<String>,
    /// Whether the originator's user agent is to see it (X-Mms-Forward-To-Originator-UA).
    pub forward_to_originator: Option<bool>,
}

/// A read report on one message and one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadReport {
    /// Identifier of the message reported on; without quotes or brackets.
    pub message_id: String,
    /// Who read it.
    pub recipient: Address,
    /// Who sent the message and gets the report.
    pub originator: Option<Address>,
    /// When it was read.
    pub at: Option<Timestamp>,
    /// What happened.
    pub status: ReadStatus,
    /// Text for a person.
    pub text: Option<String>,
}

/// A relay's answer to a forwarded message, report or read report (the `.RES` PDUs).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardResult {
    /// Transaction ID that is answered, octets as received.
    pub transaction_id: String,
    /// Message ID that is answered, octets as received; some peers leave it out.
    pub message_id: Option<String>,
    /// `None` = accepted; else why not.
    pub refused: Option<Reason>,
    /// The peer's own status token, verbatim.
    pub token: Option<String>,
    /// Text for a person.
    pub text: Option<String>,
    /// The recipients that it speaks of; empty = all.
    pub recipients: Vec<Address>,
}

/// Any of the three.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Delivery report.
    Delivery(DeliveryReport),
    /// Answer of a relay.
    Forward(ForwardResult),
    /// Read report.
    Read(ReadReport),
}
