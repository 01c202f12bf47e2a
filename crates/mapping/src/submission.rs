//! What mappings take and give: what a PDU or mail was, and the SMTP transaction to be sent.
//!
//! No address here is in angle brackets, no value is folded, and nothing is dot-stuffed: that is the
//! session's part. Whether the next hop offers an extension is not known here; the session leaves out
//! what it does not.

use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use cedrat_message::{DeliveryReport, ForwardResult, Message, Notify, ReadReport};

/// One `RCPT TO`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmissionRecipient {
    /// As it stands between the angle brackets.
    pub address: String,
    /// Position in the recipients given to the mapping, for the outcome.
    pub index: usize,
    /// NOTIFY of RFC 3461; `None` = say nothing.
    pub notify: Option<Notify>,
    /// ORCPT, `type;xtext`.
    pub orcpt: Option<String>,
}

/// One SMTP transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// As it stands between the angle brackets of `MAIL FROM`; empty = null path.
    pub mail_from: String,
    /// At least one.
    pub recipients: Vec<SubmissionRecipient>,
    /// ENVID, xtext.
    pub envid: Option<String>,
    /// `RET=FULL` (`Some(true)`) or `RET=HDRS`.
    pub ret: Option<bool>,
    /// DELIVERBY of RFC 2852: seconds left and mode, `R` or `N`.
    pub deliver_by: Option<(i64, char)>,
    /// Header and body, lines ended by CRLF.
    pub content: Bytes,
    /// Whether the content needs 8BITMIME.
    pub eight_bit: bool,
    /// Whether the content needs BINARYMIME.
    pub binary: bool,
    /// Whether an address or a header needs SMTPUTF8.
    pub smtputf8: bool,
    /// The identifier that the other side will use for it: X-Mms-Message-ID or Message-ID, bare.
    pub message_id: String,
    /// Transaction ID that an answer will echo, bare; none for mail.
    pub transaction_id: Option<String>,
}

/// What a PDU or a mail was: a message, or word of one.
// One value for each message read, moved a few times: a box would cost what it saves.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    /// Delivery reports; a DSN holds one for each recipient.
    Delivery(Vec<DeliveryReport>),
    /// A message.
    Message(Message),
    /// A read report.
    Read(ReadReport),
    /// A relay's answer to something that this gateway sent.
    Result(ForwardResult),
}
