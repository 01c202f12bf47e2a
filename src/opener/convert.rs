//! A decrypted entity made fit: read as the content of the mail that it came in, adapted to the
//! handset, and written as an entity again (RFC 8551 §3.1).
//!
//! Signatures and ciphers are not here. Nothing is kept: what is read and made lives in this
//! process and ends with it.

use bytes::Bytes;
use cedrat_keyring::consent::Pattern;
use cedrat_mapping::{
    Inbound, Interface, Loss, Tables,
    mail::{self, MailEnvelope, MailReading, MailWriting},
};
use cedrat_message::{Address, Blame, Message, Reason, Recipient, Refusal, Role, Timestamp};
use cedrat_mime::Headers;
use cedrat_plan::profile::Profile;

use crate::media::{
    Media,
    adapt::{self, For, Provenance, Towards},
};

/// Headers of the outer mail that the entity is read with.
const OUTER: [&str; 6] = ["Cc", "Date", "From", "Message-ID", "Subject", "To"];

/// What the content is made fit for.
pub(super) struct Wish<'a> {
    pub(super) media: &'a Media,
    pub(super) profile: &'a Profile,
    /// Media types that the recipient lets be converted.
    pub(super) may: &'a [Pattern],
    /// Whether nothing proves that the content is what was sent.
    pub(super) unproven: bool,
    pub(super) writing: &'a MailWriting,
}

/// The content, read; `outside` is the header of the mail. Fields of its own header that do not speak of content
/// repeat, or contradict, those outside, and count for nothing.
pub(super) fn read(
    entity: &Bytes,
    tables: &Tables,
    outside: &Headers,
    recipient: Address,
    reading: &MailReading,
    now: Timestamp,
) -> Result<Message, Refusal> {
    let recipient = Recipient { address: recipient, role: Role::Bcc, notify: None, original: None };
    let envelope = MailEnvelope { recipients: vec![recipient], ..MailEnvelope::default() };
    let (inbound, _) = mail::inbound_content(tables, outer(outside), entity, &envelope, reading, now)?;
    let Inbound::Message(mut message) = inbound else {
        return Err(Refusal::new(Reason::ContentNotAccepted, Blame::Message, "the content is a report"));
    };
    message.content.original = None;
    Ok(message)
}

/// What an entity has of the header of its mail as a message of its own.
pub(super) fn outer(found: &Headers) -> Headers {
    found.iter().filter(|header| OUTER.iter().any(|name| header.is(name))).cloned().collect()
}

/// The content made fit, and written. `frame_octets` is what the message takes beside it.
pub(super) async fn make(
    message: &Message,
    wish: &Wish<'_>,
    frame_octets: u64,
    loss: &mut Loss,
) -> Result<Vec<u8>, Refusal> {
    let provenance = Provenance::Encrypted { anew: wish.unproven, may: wish.may };
    let whom = For { profile: wish.profile, others: &[], towards: Towards::Mail, frame_octets, provenance };
    let mut changes = Loss::outbound(Interface::Mail);
    let adapted = adapt::adapt(wish.media, message, &whom, &mut changes).await;
    loss.entries.append(&mut changes.entries);
    mail::entity(&adapted.as_ref().unwrap_or(message).content, wish.writing, loss)
}
