//! The message itself: who, to whom, how it wants to be treated, and the content.
//!
//! An absent field is `None` and stays absent on every interface: no default is ever invented
//! here (a relay that invents `Priority: Normal` changes the message).

use alloc::{string::String, vec::Vec};

use crate::{Address, Content, Party, Timestamp, When};

/// The interface that a message was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Internet mail (MM3).
    Mail,
    /// MMS interconnect (MM4).
    Mm4,
}

/// In which list a recipient stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Blind: in the envelope only, never shown to anybody else.
    Bcc,
    /// Copy.
    Cc,
    /// Addressed.
    To,
}

/// Which delivery reports a mail sender asked for (RFC 3461 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Notify {
    /// `NEVER`: no report of any kind.
    pub never: bool,
    /// `SUCCESS`.
    pub success: bool,
    /// `FAILURE`.
    pub failure: bool,
    /// `DELAY`.
    pub delay: bool,
}

/// One who receives the message: an entry of the envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Where to.
    pub address: Address,
    /// In which header list it stands; in none = blind.
    pub role: Role,
    /// Report request of this recipient; `None` = the sender said nothing.
    pub notify: Option<Notify>,
    /// ORCPT as given, `type;xtext`, still encoded.
    pub original: Option<String>,
}

/// One who is named in a header, whether or not this copy goes to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// To or Cc; a blind recipient is never shown.
    pub role: Role,
    /// Who.
    pub party: Party,
}

/// X-Mms-Message-Class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// Advertisement.
    Advertisement,
    /// Made by a machine; must never be answered by one.
    Auto,
    /// Informational.
    Informational,
    /// A class of the token extension, as given.
    Other(String),
    /// From a person.
    Personal,
}

/// X-Mms-Priority, Importance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Priority {
    /// High.
    High,
    /// Low.
    Low,
    /// Normal, stated.
    Normal,
}

/// X-Mms-Sender-Visibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// The recipient must not learn who sent it.
    Hide,
    /// Shown, stated.
    Show,
}

/// X-Mms-Reply-Charging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplyChargingKind {
    /// This message uses a grant.
    Accepted,
    /// This message uses a grant for text.
    AcceptedTextOnly,
    /// The sender pays for a reply.
    Requested,
    /// The sender pays for a reply of text.
    RequestedTextOnly,
}

/// Reply charging, as stated by the sender; never honoured towards Internet mail
/// (RFC 4356 §2.1.3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyCharging {
    /// Request or use; `None` when only the other headers were there.
    pub kind: Option<ReplyChargingKind>,
    /// Until when a reply is paid for.
    pub deadline: Option<When>,
    /// Largest reply paid for, octets.
    pub max_octets: Option<u64>,
    /// The message whose grant is used.
    pub id: Option<String>,
}

/// One earlier sending of a forwarded message. Index 0 is the first submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviouslySent {
    /// Position in the history, from 0.
    pub index: u32,
    /// Who sent it then.
    pub by: Option<Party>,
    /// When.
    pub at: Option<Timestamp>,
}

/// A field that this vocabulary has no word for, kept for interfaces of the same kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownField {
    /// Name as received.
    pub name: String,
    /// Value as received, unfolded.
    pub value: String,
}

/// A message from a person (or a machine) to others. Reports are [`crate::Report`]s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it was read from.
    pub origin: Origin,
    /// The identifier that stays the same over all hops, without quotes or angle brackets:
    /// X-Mms-Message-ID, or the Message-ID of a mail.
    pub id: String,
    /// [`Message::id`] as it stood on the wire, when quotes or brackets of the peer make it differ: an
    /// interface that compares identifiers to the octet sends these octets on.
    pub id_as_received: Option<String>,
    /// Message-ID of the mail form, without angle brackets, when it differs from [`Message::id`].
    pub mail_id: Option<String>,
    /// Who wrote it. `None`: the sender is hidden or unknown.
    pub originator: Option<Party>,
    /// Where an answer goes when not to the originator.
    pub reply_to: Vec<Party>,
    /// Return path of the envelope when it differs from the originator; `None` with
    /// [`Message::automatic`] = null path.
    pub return_path: Option<Address>,
    /// Made by a machine: a null return path, class Auto, or Auto-Submitted.
    pub automatic: bool,
    /// Who receives this copy: the envelope decides, nothing else.
    pub recipients: Vec<Recipient>,
    /// Who is named in the headers; for display and for replies to all.
    pub shown: Vec<Shown>,
    /// When it was sent, by its sender's word.
    pub date: Option<Timestamp>,
    /// What the sender wrote as subject, decoded. `Some("")` = an empty subject line.
    pub subject: Option<String>,
    /// Message class.
    pub class: Option<Class>,
    /// Priority.
    pub priority: Option<Priority>,
    /// When it is of no more use.
    pub expiry: Option<When>,
    /// Not to be delivered before.
    pub delivery_time: Option<When>,
    /// Whether the originator asked for delivery reports.
    pub delivery_report: Option<bool>,
    /// Whether the originator's relay asked for delivery reports for itself.
    pub relay_delivery_report: Option<bool>,
    /// Whether the originator asked for read reports.
    pub read_report: Option<bool>,
    /// Where a read report goes when not to the originator (Disposition-Notification-To).
    pub read_report_to: Option<Address>,
    /// Whether the recipient may see the originator.
    pub sender_visibility: Option<Visibility>,
    /// Reply charging as stated.
    pub reply_charging: Option<ReplyCharging>,
    /// Earlier sendings, by rising index.
    pub previously_sent: Vec<PreviouslySent>,
    /// How often it was forwarded, as stated.
    pub forward_counter: Option<u32>,
    /// ENVID of RFC 3461, still xtext.
    pub envelope_id: Option<String>,
    /// `RET=HDRS` (`Some(false)`) or `RET=FULL` (`Some(true)`).
    pub return_content: Option<bool>,
    /// Sensitivity header of RFC 3801; forbids MMS (RFC 4356 §2.1.3.3).
    pub sensitivity: Option<String>,
    /// X-Mms-Originator-System: where the answers of relays go.
    pub originator_system: Option<String>,
    /// Content class, DRM, adaptation and the VASP fields: kept as name and value, in order.
    pub service_fields: Vec<UnknownField>,
    /// Everything else.
    pub unknown: Vec<UnknownField>,
    /// How many systems it went through (Received lines).
    pub hops: u32,
    /// The content.
    pub content: Content,
}

impl Message {
    /// An empty message of the given origin and identifier; every optional field absent.
    #[must_use]
    pub const fn new(origin: Origin, id: String) -> Self {
        Self {
            origin,
            id,
            id_as_received: None,
            mail_id: None,
            originator: None,
            reply_to: Vec::new(),
            return_path: None,
            automatic: false,
            recipients: Vec::new(),
            shown: Vec::new(),
            date: None,
            subject: None,
            class: None,
            priority: None,
            expiry: None,
            delivery_time: None,
            delivery_report: None,
            relay_delivery_report: None,
            read_report: None,
            read_report_to: None,
            sender_visibility: None,
            reply_charging: None,
            previously_sent: Vec::new(),
            forward_counter: None,
            envelope_id: None,
            return_content: None,
            sensitivity: None,
            originator_system: None,
            service_fields: Vec::new(),
            unknown: Vec::new(),
            hops: 0,
            content: Content::empty(),
        }
    }
}
