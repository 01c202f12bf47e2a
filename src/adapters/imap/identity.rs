//! What a message of a mailbox is known by, whatever happens to its number.
//!
//! UIDs are good within one UIDVALIDITY. A mailbox that was made again, copied to another server or restored from a
//! backup has other ones, and EMAILID (RFC 8474) is not kept by a restore either. What stays is the message: the
//! header fields that name it, and its content. Trace fields and what a server adds for itself are left out.

use cedrat_mime::Headers;
use sha2::{Digest as _, Sha256};

/// The fields that name a message.
const NAMING: [&str; 4] = ["Message-ID", "Date", "From", "Subject"];

/// Key of a message: its naming fields and its content. Without a Message-ID the internal date counts, too, so that
/// two alarms in the same words are two messages.
pub(super) fn of(headers: &Headers, content: &[u8], internal_date: Option<i64>) -> String {
    let mut hash = Sha256::new();
    for name in NAMING {
        hash.update(headers.first(name).unwrap_or_default().trim());
        hash.update([0]);
    }
    if headers.first("Message-ID").is_none()
        && let Some(date) = internal_date
    {
        hash.update(date.to_be_bytes());
    }
    hash.update(content);
    // Half of it is enough to tell messages apart.
    let half = hash.finalize().iter().take(16).fold(0_u128, |number, octet| number << 8 | u128::from(*octet));
    format!("{half:032x}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::of;

    fn key(mail: &'static str, date: i64) -> String {
        let octets = bytes::Bytes::from_static(mail.as_bytes());
        let (headers, end) = cedrat_mime::Headers::parse(&octets, &cedrat_mime::Limits::default()).unwrap();
        of(&headers, &octets[end..], Some(date))
    }

    #[test]
    fn a_message_is_the_same_wherever_it_was_stored_and_whenever() {
        let here = "Return-Path: <a@a.test>\r\nReceived: by x\r\nMessage-ID: <1@a.test>\r\nSubject: s\r\n\r\ntext\r\n";
        let there = "X-Restored: yes\r\nMessage-ID: <1@a.test>\r\nSubject: s\r\n\r\ntext\r\n";
        assert_eq!(key(here, 1), key(there, 2));
    }

    #[test]
    fn a_message_id_that_is_used_again_makes_no_two_messages_one() {
        let one = "Message-ID: <1@a.test>\r\n\r\ntext\r\n";
        let other = "Message-ID: <1@a.test>\r\n\r\nother text\r\n";
        assert_ne!(key(one, 1), key(other, 1));
    }

    #[test]
    fn equal_messages_without_a_name_are_told_apart_by_their_date() {
        let mail = "Subject: alarm\r\n\r\nfire\r\n";
        assert_ne!(key(mail, 1), key(mail, 2));
        assert_eq!(key(mail, 1), key(mail, 1));
    }
}
