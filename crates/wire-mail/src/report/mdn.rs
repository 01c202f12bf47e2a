//! Message disposition notifications (RFC 8098): the read reports of Internet mail.
//!
//! The types `denied` and `failed` of RFC 3798, which RFC 4356 maps, are read and written as well.
//!
//! Not here: consent. Whether a notification may be sent is decided before.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use cedrat_mime::write::BoundaryFault;
use cedrat_mime::{Header, Headers, Message};

use super::compose::{Cover, compose};
use super::fields::{self, Typed};
use super::{Kind, human_text, original_headers, status_node};
use crate::value;

/// A disposition report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mdn {
    /// Reporting-UA, `name; product`.
    pub reporting_ua: Option<String>,
    /// The gateway that made this report out of another system's.
    pub mdn_gateway: Option<Typed>,
    /// The address the sender gave.
    pub original_recipient: Option<Typed>,
    /// Who disposed of the message.
    pub final_recipient: Option<Typed>,
    /// Of the message reported on, without brackets.
    pub original_message_id: Option<String>,
    /// What was done with it.
    pub disposition: Option<Disposition>,
    /// Failure, Error and Warning texts, and fields unknown here, in order. Written where they fit a line.
    pub extensions: Headers,
    /// For people; at most 16 KiB are written.
    pub text: String,
    /// Headers of the message reported on, if returned.
    pub original: Option<Headers>,
}

impl Mdn {
    /// The identifier in the report itself, else the one in the returned headers.
    pub fn reported_message_id(&self) -> Option<String> {
        let returned = || value::message_ids(self.original.as_ref()?.first("Message-ID")?).into_iter().next();
        self.original_message_id.clone().or_else(returned)
    }
}

/// What became of a message in the hands of its recipient (RFC 8098 §3.2.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition {
    /// Who disposed of it.
    pub action: Mode,
    /// Who sent the notification.
    pub sending: Mode,
    /// What happened.
    pub outcome: Outcome,
    /// `error` and others, in lower case.
    pub modifiers: Vec<String>,
}

/// By a person or by a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// By a program.
    Automatic,
    /// By a person.
    Manual,
}

/// What happened to the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Deleted; it may have been seen or not.
    Deleted,
    /// The recipient does not want to tell (RFC 3798).
    Denied,
    /// Sent on without being shown.
    Dispatched,
    /// Shown to someone.
    Displayed,
    /// No proper notification could be made (RFC 3798).
    Failed,
    /// Treated by rules, not shown.
    Processed,
}

const OUTCOMES: [(&str, Outcome); 6] = [
    ("deleted", Outcome::Deleted),
    ("denied", Outcome::Denied),
    ("dispatched", Outcome::Dispatched),
    ("displayed", Outcome::Displayed),
    ("failed", Outcome::Failed),
    ("processed", Outcome::Processed),
];

impl Outcome {
    /// The word on the wire.
    pub fn token(self) -> &'static str {
        OUTCOMES.iter().find(|(_, outcome)| *outcome == self).map_or("processed", |(token, _)| token)
    }
}

impl Disposition {
    /// Reads `modes; type/modifiers`. Without modes the action counts as a person's, the notification as a
    /// program's.
    pub fn parse(value: &str) -> Option<Self> {
        let (modes, rest) = value.split_once(';').unwrap_or(("", value));
        let modes = modes.to_ascii_lowercase();
        let (kind, modifiers) = rest.split_once('/').unwrap_or((rest, ""));
        let word = fields::word(kind);
        let (_, outcome) = OUTCOMES.iter().find(|(token, _)| token.eq_ignore_ascii_case(word))?;
        let modifiers =
            modifiers.split(',').map(|it| it.trim().to_ascii_lowercase()).filter(|it| !it.is_empty());
        Some(Self {
            action: if modes.contains("automatic-action") { Mode::Automatic } else { Mode::Manual },
            sending: if modes.contains("sent-manually") { Mode::Manual } else { Mode::Automatic },
            outcome: *outcome,
            modifiers: modifiers.collect(),
        })
    }

    fn encode(&self) -> String {
        let action = match self.action {
            Mode::Automatic => "automatic-action",
            Mode::Manual => "manual-action",
        };
        let sending = match self.sending {
            Mode::Automatic => "MDN-sent-automatically",
            Mode::Manual => "MDN-sent-manually",
        };
        let mut out = format!("{action}/{sending}; {}", self.outcome.token());
        if !self.modifiers.is_empty() {
            out.push('/');
            out.push_str(&self.modifiers.join(","));
        }
        out
    }
}

/// Reads the disposition report that `message` is or carries.
pub fn parse(message: &Message) -> Option<Mdn> {
    let (index, node) = status_node(message, Kind::Disposition)?;
    let mut mdn = Mdn {
        text: human_text(message, index),
        original: original_headers(message, index),
        ..Mdn::default()
    };
    for header in fields::blocks(&node.decoded().octets).into_iter().flatten() {
        take(&mut mdn, header);
    }
    Some(mdn)
}

fn take(mdn: &mut Mdn, header: Header) {
    match header.name().to_ascii_lowercase().as_str() {
        "reporting-ua" => mdn.reporting_ua = fields::text(&header),
        "mdn-gateway" => mdn.mdn_gateway = fields::typed(&header),
        "original-recipient" => mdn.original_recipient = fields::typed(&header),
        "final-recipient" => mdn.final_recipient = fields::typed(&header),
        "original-message-id" => {
            mdn.original_message_id = value::message_ids(header.value()).into_iter().next()
        }
        "disposition" => mdn.disposition = Disposition::parse(header.value()),
        _ => mdn.extensions.push(header),
    }
}

/// Writes a disposition report as a whole message.
///
/// # Errors
/// When the boundary is not allowed or occurs in a part.
pub fn generate(cover: &Cover<'_>, mdn: &Mdn) -> Result<Vec<u8>, BoundaryFault> {
    let typed = |value: &Option<Typed>| value.as_ref().map(Typed::encode);
    let mut block = Headers::new();
    fields::push(&mut block, "Reporting-UA", mdn.reporting_ua.clone());
    fields::push(&mut block, "MDN-Gateway", typed(&mdn.mdn_gateway));
    fields::push(&mut block, "Original-Recipient", typed(&mdn.original_recipient));
    fields::push(&mut block, "Final-Recipient", typed(&mdn.final_recipient));
    fields::push(
        &mut block,
        "Original-Message-ID",
        mdn.original_message_id.as_ref().map(|id| format!("<{id}>")),
    );
    fields::push(&mut block, "Disposition", mdn.disposition.as_ref().map(Disposition::encode));
    block.extend(mdn.extensions.iter().cloned());
    compose(cover, Kind::Disposition, &mdn.text, &[block], mdn.original.as_ref())
}
