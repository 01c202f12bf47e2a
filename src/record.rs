//! What the gateway writes into the opaque fields of the store, and reads back after a restart.
//!
//! JSON with a version, because a queue outlives the program that wrote it: a field is added with
//! a default, never renamed or given another meaning. The message itself is stored as it came;
//! these records hold only what its octets do not say.

use cedrat_message::Notify;
use serde::{Deserialize, Serialize};

/// How a stored message was made, and so what its octets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// An Internet mail as received.
    Mail,
    /// An MM4 PDU as received.
    Mm4,
    /// Made here for one next hop; goes out as it is.
    Ready,
}

/// The envelope of a stored message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Version of this record.
    pub v: u8,
    /// What the octets are.
    pub form: Form,
    /// Return path as given; empty = null.
    pub from: String,
    /// All recipients that were accepted, in the order of the envelope.
    pub to: Vec<EnvelopeRecipient>,
    /// ENVID, xtext.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envid: Option<String>,
    /// RET: whether failures return the whole message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ret_full: Option<bool>,
    /// BY: seconds, and whether the message is returned when they are over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<(i64, bool)>,
    /// For `Ready`: a body with octets above 127.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub eight_bit: bool,
    /// For `Ready`: what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ReadyKind>,
    /// For `Ready`: transaction identifier of MM4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// For `Ready`: the message that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<i64>,
}

/// What a message made here is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadyKind {
    /// Delivery report (DSN or MM4_delivery_report.REQ).
    DeliveryReport,
    /// Read report (MDN or MM4_read_reply_report.REQ).
    ReadReport,
    /// MM4 response.
    Response,
}

/// One recipient of the envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeRecipient {
    /// As given in RCPT TO.
    pub given: String,
    /// Who that is here, as [`cedrat_message::Address`] displays it.
    pub address: String,
    /// NOTIFY.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<NotifyFlags>,
    /// ORCPT as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orcpt: Option<String>,
}

/// NOTIFY of RFC 3461.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyFlags {
    /// SUCCESS.
    pub success: bool,
    /// FAILURE.
    pub failure: bool,
    /// DELAY.
    pub delay: bool,
}

impl From<NotifyFlags> for Notify {
    fn from(flags: NotifyFlags) -> Self {
        Self {
            never: !(flags.success || flags.failure || flags.delay),
            success: flags.success,
            failure: flags.failure,
            delay: flags.delay,
        }
    }
}

/// What a delivery needs beside its row.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Work {
    /// Version of this record.
    pub v: u8,
    /// Peer whose settings are used; the row's `dest` is its unit of concurrency.
    pub peer: String,
    /// Index into [`Envelope::to`].
    pub to: usize,
    /// Peers to try after this one has failed for good or for too long, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failover: Vec<String>,
    /// How often it moved to another peer of the list.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub moved: u32,
    /// Whether the sender was told that it waits.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delay_told: bool,
    /// How often an attempt of the rows before this one ended unknown.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub uncertain: u32,
    /// How often it was tried in the rows before this one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tries: u32,
    /// The session in which its key was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A record as octets. The types above have no form that cannot be written.
pub fn write<T: Serialize>(record: &T) -> Vec<u8> {
    serde_json::to_vec(record).unwrap_or_default()
}

/// A record from octets.
///
/// # Errors
/// Names what is wrong; a newer program wrote it, or the database was changed by hand.
pub fn read<'a, T: Deserialize<'a>>(octets: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(octets).map_err(|fault| format!("a stored record cannot be read: {fault}"))
}
