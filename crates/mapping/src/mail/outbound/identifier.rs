//! Message-ID from the identifier of a message (RFC 5322 §3.6.4).
//!
//! The same identifier gives the same Message-ID, so that a repetition is known as one.

use alloc::{borrow::ToOwned, format, string::String};
use cedrat_message::Field;

use super::Writer;
use crate::Fidelity;

impl Writer<'_> {
    /// The mail's own identifier, else the message's if mail allows it, else one made from that: the same
    /// every time the message is sent.
    pub(super) fn message_id(&mut self) -> String {
        let known = self.message.mail_id.as_deref().unwrap_or(&self.message.id);
        if is_message_id(known) {
            return known.to_owned();
        }
        self.loss.push(
            Field::MessageId,
            Fidelity::Synthesized,
            "The identifier of the message is none of Internet mail; a Message-ID was made.",
            Some(known.to_owned()),
        );
        if known.is_empty() {
            return self.writing.message_id.clone();
        }
        format!("{}@{}", as_local_part(known), self.writing.host)
    }
}

/// Whether `id` can stand between the angle brackets of a Message-ID (RFC 5322 §3.6.4, obsolete forms aside).
fn is_message_id(id: &str) -> bool {
    let side = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|c| c.is_ascii_graphic() && !b"<>()[]@,;:\\\"".contains(&c) || c == b':')
    };
    id.len() <= 250
        && id.split_once('@').is_some_and(|(left, right)| {
            side(left) && side(right.trim_start_matches('[').trim_end_matches(']'))
        })
}

/// Any text as the left side of an identifier, always the same for the same text; cut at 200 octets.
pub(super) fn as_local_part(text: &str) -> String {
    let mut local = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-_+".contains(&octet) {
            local.push(char::from(octet));
        } else if matches!(octet, b'@' | b'.') {
            if !local.is_empty() && !local.ends_with('.') {
                local.push('.');
            }
        } else {
            local.push_str(&format!("={octet:02X}"));
        }
        if local.len() >= 200 {
            break;
        }
    }
    let local = local.trim_end_matches('.');
    if local.is_empty() { "message".to_owned() } else { local.to_owned() }
}
