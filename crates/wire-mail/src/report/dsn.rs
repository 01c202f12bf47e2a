//! Delivery status notifications (RFC 3464; addresses beyond ASCII: RFC 6533).
//!
//! A report holds one block about the message and one for each recipient. Fields may stand in the wrong
//! block, under any case, with comments; an action that is missing follows from the class of the status.
//!
//! Not here: which reports the sender asked for (RFC 3461 NOTIFY), and matching a report to its message.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use cedrat_mime::write::BoundaryFault;
use cedrat_mime::{Header, Headers, Message};

use super::compose::{Cover, compose};
use super::fields::{self, Typed};
use super::{Kind, human_text, original_headers, status_node};
use crate::value;

/// A delivery report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dsn {
    /// Original-Envelope-Id: what the sender gave as ENVID, decoded.
    pub envelope_id: Option<String>,
    /// Who reports.
    pub reporting_mta: Option<Typed>,
    /// The gateway that made this report out of another system's.
    pub dsn_gateway: Option<Typed>,
    /// From whom the reporting MTA had the message.
    pub received_from_mta: Option<Typed>,
    /// When it had it; see [`value::date`].
    pub arrival_date: Option<String>,
    /// Fields about the message that are none of the above, in order. Written where they fit a line.
    pub extensions: Headers,
    /// What became of it, for each recipient reported on.
    pub recipients: Vec<Recipient>,
    /// For people; at most 16 KiB are written.
    pub text: String,
    /// Headers of the message reported on, if returned.
    pub original: Option<Headers>,
}

impl Dsn {
    /// Message-ID of the message reported on, without brackets.
    pub fn original_message_id(&self) -> Option<String> {
        value::message_ids(self.original.as_ref()?.first("Message-ID")?).into_iter().next()
    }
}

/// What became of the message for one recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipient {
    /// The address the sender gave as ORCPT.
    pub original_recipient: Option<Typed>,
    /// The address the reporting MTA tried.
    pub final_recipient: Option<Typed>,
    /// What was done.
    pub action: Option<Action>,
    /// Why, in RFC 3463 numbers.
    pub status: Option<Status>,
    /// Who was asked last.
    pub remote_mta: Option<Typed>,
    /// What it answered.
    pub diagnostic_code: Option<Typed>,
    /// When; see [`value::date`].
    pub last_attempt_date: Option<String>,
    /// How the remote side logs it.
    pub final_log_id: Option<String>,
    /// Until when a delayed message is tried; see [`value::date`].
    pub will_retry_until: Option<String>,
    /// Fields that are none of the above, in order.
    pub extensions: Headers,
}

/// RFC 3464 §2.3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Not yet delivered, still tried.
    Delayed,
    /// Delivered to the recipient.
    Delivered,
    /// Delivered to a list that sends it on.
    Expanded,
    /// Given up.
    Failed,
    /// Handed to a system that does not report.
    Relayed,
}

const ACTIONS: [(&str, Action); 5] = [
    ("delayed", Action::Delayed),
    ("delivered", Action::Delivered),
    ("expanded", Action::Expanded),
    ("failed", Action::Failed),
    ("relayed", Action::Relayed),
];

impl Action {
    /// The word on the wire.
    pub fn token(self) -> &'static str {
        ACTIONS.iter().find(|(_, action)| *action == self).map_or("failed", |(token, _)| token)
    }

    fn parse(value: &str) -> Option<Self> {
        let word = fields::word(value);
        ACTIONS.iter().find(|(token, _)| token.eq_ignore_ascii_case(word)).map(|(_, action)| *action)
    }

    const fn of_class(class: u8) -> Self {
        match class {
            2 => Self::Delivered,
            4 => Self::Delayed,
            _ => Self::Failed,
        }
    }
}

/// An enhanced status code (RFC 3463): `5.1.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// 2 success, 4 transient, 5 permanent.
    pub class: u8,
    /// What it is about; 0 to 999.
    pub subject: u16,
    /// What exactly; 0 to 999.
    pub detail: u16,
}

impl Status {
    /// The first status code in `value`, which may hold comments and text as well.
    pub fn parse(value: &str) -> Option<Self> {
        value.split(|c: char| !(c.is_ascii_digit() || c == '.')).find_map(|word| {
            let mut numbers = word.trim_matches('.').split('.').map(|number| number.parse::<u16>().ok());
            let (class, subject, detail) = (numbers.next()??, numbers.next()??, numbers.next()??);
            let valid =
                matches!(class, 2 | 4 | 5) && subject <= 999 && detail <= 999 && numbers.next().is_none();
            valid.then_some(Self { class: class.try_into().ok()?, subject, detail })
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// Reads the delivery report that `message` is or carries.
pub fn parse(message: &Message) -> Option<Dsn> {
    let (index, node) = status_node(message, Kind::Delivery)?;
    let mut dsn = Dsn {
        text: human_text(message, index),
        original: original_headers(message, index),
        ..Dsn::default()
    };
    for block in fields::blocks(&node.decoded().octets) {
        let is_recipient = |header: &Header| {
            ["Final-Recipient", "Original-Recipient", "Action"].iter().any(|it| header.is(it))
        };
        if block.iter().any(is_recipient) {
            dsn.recipients.push(Recipient::default());
        }
        for header in block {
            take(&mut dsn, header);
        }
    }
    for recipient in &mut dsn.recipients {
        recipient.action = recipient.action.or(recipient.status.map(|status| Action::of_class(status.class)));
    }
    Some(dsn)
}

/// Message fields and recipient fields have different names, so the block that a field stands in matters
/// only for the unknown ones, and a second final recipient begins another one.
fn take(dsn: &mut Dsn, header: Header) {
    let name = header.name().to_ascii_lowercase();
    match name.as_str() {
        "original-envelope-id" => dsn.envelope_id = fields::text(&header),
        "reporting-mta" => dsn.reporting_mta = fields::typed(&header),
        "dsn-gateway" => dsn.dsn_gateway = fields::typed(&header),
        "received-from-mta" => dsn.received_from_mta = fields::typed(&header),
        "arrival-date" => dsn.arrival_date = fields::text(&header),
        _ => {
            let starts = matches!(name.as_str(), "final-recipient" | "original-recipient");
            if starts && dsn.recipients.last().is_none_or(|last| last.final_recipient.is_some()) {
                dsn.recipients.push(Recipient::default());
            }
            match dsn.recipients.last_mut() {
                Some(recipient) => take_recipient(recipient, &name, header),
                None => dsn.extensions.push(header),
            }
        }
    }
}

fn take_recipient(recipient: &mut Recipient, name: &str, header: Header) {
    match name {
        "original-recipient" => recipient.original_recipient = fields::typed(&header),
        "final-recipient" => recipient.final_recipient = fields::typed(&header),
        "action" => recipient.action = Action::parse(header.value()),
        "status" => recipient.status = Status::parse(header.value()),
        "remote-mta" => recipient.remote_mta = fields::typed(&header),
        "diagnostic-code" => recipient.diagnostic_code = fields::typed(&header),
        "last-attempt-date" => recipient.last_attempt_date = fields::text(&header),
        "final-log-id" => recipient.final_log_id = fields::text(&header),
        "will-retry-until" => recipient.will_retry_until = fields::text(&header),
        _ => recipient.extensions.push(header),
    }
}

/// Writes a delivery report as a whole message.
///
/// # Errors
/// When the boundary is not allowed or occurs in a part.
pub fn generate(cover: &Cover<'_>, dsn: &Dsn) -> Result<Vec<u8>, BoundaryFault> {
    let typed = |value: &Option<Typed>| value.as_ref().map(Typed::encode);
    let mut message = Headers::new();
    fields::push(&mut message, "Original-Envelope-Id", dsn.envelope_id.clone());
    fields::push(&mut message, "Reporting-MTA", typed(&dsn.reporting_mta));
    fields::push(&mut message, "DSN-Gateway", typed(&dsn.dsn_gateway));
    fields::push(&mut message, "Received-From-MTA", typed(&dsn.received_from_mta));
    fields::push(&mut message, "Arrival-Date", dsn.arrival_date.clone());
    message.extend(dsn.extensions.iter().cloned());
    let mut blocks = Vec::with_capacity(dsn.recipients.len() + 1);
    blocks.push(message);
    for recipient in &dsn.recipients {
        let mut block = Headers::new();
        fields::push(&mut block, "Original-Recipient", typed(&recipient.original_recipient));
        fields::push(&mut block, "Final-Recipient", typed(&recipient.final_recipient));
        fields::push(&mut block, "Action", recipient.action.map(|action| action.token().into()));
        fields::push(&mut block, "Status", recipient.status.map(|status| alloc::format!("{status}")));
        fields::push(&mut block, "Remote-MTA", typed(&recipient.remote_mta));
        fields::push(&mut block, "Diagnostic-Code", typed(&recipient.diagnostic_code));
        fields::push(&mut block, "Last-Attempt-Date", recipient.last_attempt_date.clone());
        fields::push(&mut block, "Final-Log-ID", recipient.final_log_id.clone());
        fields::push(&mut block, "Will-Retry-Until", recipient.will_retry_until.clone());
        block.extend(recipient.extensions.iter().cloned());
        blocks.push(block);
    }
    compose(cover, Kind::Delivery, &dsn.text, &blocks, dsn.original.as_ref())
}
