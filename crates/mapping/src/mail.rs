//! Internet mail (MM3): RFC 5322 headers, MIME bodies, DSN and MDN to and from the canonical message, as
//! RFC 4356 maps them.
//!
//! Header names, value maps and fidelities come from `mappings/fields/mail.toml`; what a row cannot say in
//! data (resending, the order of parts, addresses of numbers) is code here, one file for each subject.
//!
//! Not here: SMTP, authentication of senders, routing, and aliases of mail senders.

mod address;
mod charset;
mod compose;
mod flatten;
mod inbound;
mod names;
mod order;
mod outbound;
mod report_in;
mod report_out;
mod resent;
mod slides;

use alloc::{string::String, vec::Vec};
use cedrat_message::{MailAddress, Recipient, When};
use cedrat_mime::Limits;

pub use compose::entity;
pub use inbound::{inbound, inbound_content};
pub use outbound::outbound;
pub use report_out::{ReportWriting, delivery_report, read_report};

/// What the SMTP envelope of an incoming mail says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailEnvelope {
    /// MAIL FROM; `None` = the null path.
    pub from: Option<MailAddress>,
    /// RCPT TO, already routed to canonical addresses, with NOTIFY and ORCPT. Roles are worked out from
    /// the headers and need not be set.
    pub recipients: Vec<Recipient>,
    /// ENVID, xtext.
    pub envid: Option<String>,
    /// `RET=FULL` (`Some(true)`) or `RET=HDRS`.
    pub ret: Option<bool>,
    /// DELIVERBY of RFC 2852: seconds left and mode, `R` or `N`.
    pub deliver_by: Option<(i64, char)>,
    /// HOLDFOR or HOLDUNTIL of RFC 4865.
    pub hold: Option<When>,
}

/// How a route reads mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailReading {
    /// Domains at which a local part that is a number means that number: the gateway's own number domains.
    pub number_domains: Vec<String>,
    /// Whether the quoted history below (or above) an answer is cut.
    pub cut_quotes: bool,
    /// Whether the text after a signature delimiter (`-- `) is cut.
    pub cut_signature: bool,
    /// Whether a mail with a Sensitivity header is refused (RFC 4356 §2.1.3.3): so for every route that
    /// leads to MMS.
    pub refuse_sensitivity: bool,
    /// Identifier for a mail without Message-ID, `unique@host` without brackets.
    pub message_id: String,
    /// Bounds of the MIME structure.
    pub limits: Limits,
}

impl MailReading {
    /// Reading for a route to MMS: nothing is cut, private mail is refused.
    #[must_use]
    pub fn new(number_domains: Vec<String>, message_id: String) -> Self {
        Self {
            number_domains,
            cut_quotes: false,
            cut_signature: false,
            refuse_sensitivity: true,
            message_id,
            limits: Limits::default(),
        }
    }
}

/// What becomes of the presentation (SMIL) of a message in mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Presentation {
    /// Left out.
    Drop,
    /// Shown as HTML beside the text: its slides in their order.
    Html,
    /// Last part of a multipart/mixed.
    #[default]
    Mixed,
    /// Last part of a multipart/related whose root is the text.
    Related,
}

/// How a route writes mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailWriting {
    /// Name of this gateway: in Received, in reports, and in identifiers made here.
    pub host: String,
    /// Domain of numbers: `+447700900001` is written `+447700900001@number_domain`, and an answer to it
    /// comes back to the gateway.
    pub number_domain: String,
    /// Who handed the message to the gateway, for Received; `None` leaves `from` out.
    pub peer: Option<String>,
    /// Identifier of the message in this gateway, for Received.
    pub trace_id: String,
    /// Identifier for a message without one, `unique@host` without brackets.
    pub message_id: String,
    /// Unpredictable text from which boundaries are made; only letters and digits of it are used.
    pub seed: String,
    /// What becomes of the SMIL.
    pub presentation: Presentation,
    /// Whether the sender's number is also shown as their name when they have none.
    pub number_as_name: bool,
    /// Whether reports are asked for with the DSN extension (RFC 3461).
    pub dsn: bool,
}

impl MailWriting {
    /// Writing for a host and its number domain; `id` names the message in this gateway and is unique.
    #[must_use]
    pub fn new(host: &str, number_domain: &str, id: &str) -> Self {
        Self {
            host: host.into(),
            number_domain: number_domain.into(),
            peer: None,
            trace_id: id.into(),
            message_id: alloc::format!("{id}@{host}"),
            seed: id.into(),
            presentation: Presentation::default(),
            number_as_name: false,
            dsn: true,
        }
    }
}
