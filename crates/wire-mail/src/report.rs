//! Reports about messages: delivery status notifications (RFC 3464, RFC 6533) and message disposition
//! notifications (RFC 8098), both as multipart/report (RFC 6522).
//!
//! Read leniently: inside other multiparts, with parts missing, under wrong types. Written strictly, from
//! values alone: identifiers, dates and boundaries come from the caller.
//!
//! Not here: the null return path that a report travels with (RFC 3464 §2), and to which message a report
//! belongs.

mod compose;
pub mod dsn;
mod fields;
pub mod mdn;

use alloc::string::String;

use bytes::Bytes;
use cedrat_mime::{Headers, Limits, Message, Node};

pub use compose::Cover;
pub use fields::Typed;

use crate::body;

/// Octets of the text for people, on either way.
const MAX_TEXT: usize = 16 * 1024;

/// Which report a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What became of the message on its way: [`dsn::parse`].
    Delivery,
    /// What the recipient did with it: [`mdn::parse`].
    Disposition,
}

impl Kind {
    const fn report_type(self) -> &'static str {
        match self {
            Self::Delivery => "delivery-status",
            Self::Disposition => "disposition-notification",
        }
    }

    fn is_status_type(self, essence: &str) -> bool {
        let subtype = essence.strip_prefix("message/").unwrap_or_default();
        subtype.strip_prefix("global-").unwrap_or(subtype) == self.report_type()
    }
}

/// Whether `message` is a report or carries one.
pub fn detect(message: &Message) -> Option<Kind> {
    [Kind::Delivery, Kind::Disposition].into_iter().find(|kind| status_node(message, *kind).is_some())
}

/// The part for machines and its index: by its own type, else by its place in a multipart/report.
fn status_node(message: &Message, kind: Kind) -> Option<(usize, &Node)> {
    let typed = message.leaves().find(|(_, node)| kind.is_status_type(&node.content_type.essence));
    typed.or_else(|| {
        let is_report = |node: &Node| {
            node.content_type.essence == "multipart/report"
                && node
                    .content_type
                    .parameter("report-type")
                    .is_some_and(|it| it.eq_ignore_ascii_case(kind.report_type()))
        };
        let (_, report) = message.nodes().find(|(_, node)| is_report(node))?;
        let index = *report.children.get(1)?;
        let node = message.node(index)?;
        let is_text = node.children.is_empty() && node.content_type.essence.starts_with("text/");
        is_text.then_some((index, node))
    })
}

/// The text for people: the first text part before the part for machines.
fn human_text(message: &Message, status: usize) -> String {
    let mut before = message.leaves().take_while(|(index, _)| *index < status);
    let Some((_, node)) = before.find(|(_, node)| node.content_type.essence.starts_with("text/")) else {
        return String::new();
    };
    let text = body::text(node, MAX_TEXT).map(|it| it.text).unwrap_or_default();
    String::from(text.trim_end_matches(['\n', '\r']))
}

/// The headers of the message reported on, from the part that returns it.
fn original_headers(message: &Message, status: usize) -> Option<Headers> {
    let returns = |node: &Node| {
        let essence = node.content_type.essence.as_str();
        matches!(
            essence,
            "message/rfc822"
                | "message/global"
                | "text/rfc822-headers"
                | "message/rfc822-headers"
                | "message/global-headers"
        )
    };
    let (_, node) = message.nodes().skip(status + 1).find(|(_, node)| returns(node))?;
    let octets: Bytes = node.decoded().octets;
    let (headers, _) = Headers::parse(&octets, &Limits::default()).ok()?;
    (!headers.is_empty()).then_some(headers)
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
mod tests;
