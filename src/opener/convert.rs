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
use cedrat_message::{Address, Blame, Message, PartKind, Reason, Recipient, Refusal, Role, Timestamp};
use cedrat_mime::{Header, Headers};
use cedrat_plan::profile::Profile;

use crate::media::{
    Media,
    adapt::{self, For, Provenance, Towards},
};

/// Headers of the outer mail that the entity is read with.
const OUTER: [&str; 6] = ["Cc", "Date", "From", "Message-ID", "Subject", "To"];

/// Octets that the header of an entity has at most.
const HEADER: usize = 256 << 10;

/// What the content is made fit for.
pub(super) struct Wish<'a> {
    pub(super) tables: &'a Tables,
    pub(super) media: &'a Media,
    /// The header of the mail.
    pub(super) outer: &'a Headers,
    pub(super) recipient: Address,
    pub(super) profile: &'a Profile,
    /// Media types that the recipient lets be converted.
    pub(super) may: &'a [Pattern],
    /// Whether nothing proves that the content is what was sent.
    pub(super) unproven: bool,
    pub(super) reading: MailReading,
    pub(super) writing: &'a MailWriting,
    pub(super) now: Timestamp,
}

/// The content, read.
pub(super) fn read(entity: &[u8], wish: &Wish<'_>) -> Result<Message, Refusal> {
    let mut whole = Vec::with_capacity(entity.len() + 4096);
    outer(wish.outer).encode(&mut whole);
    content(entity, &mut whole);
    let recipient =
        Recipient { address: wish.recipient.clone(), role: Role::Bcc, notify: None, original: None };
    let envelope = MailEnvelope { recipients: vec![recipient], ..MailEnvelope::default() };
    let whole = Bytes::from(whole);
    let (inbound, _) = mail::inbound(wish.tables, &whole, &envelope, &wish.reading, wish.now)?;
    match inbound {
        Inbound::Message(message) => Ok(message),
        _ => Err(Refusal::new(Reason::ContentNotAccepted, Blame::Message, "the content is a report")),
    }
}

/// The header that an entity has as a message of its own.
pub(super) fn outer(found: &Headers) -> Headers {
    let mut headers = Headers::new();
    for header in found.iter().filter(|header| OUTER.iter().any(|name| header.is(name))) {
        headers.push(header.clone());
    }
    headers.push(Header::new("MIME-Version", "1.0"));
    headers
}

/// Appends the entity, its header reduced to what speaks of content: other fields inside an encrypted
/// message repeat, or contradict, those outside.
fn content(entity: &[u8], out: &mut Vec<u8>) {
    let limits = cedrat_mime::Limits::default();
    // A header is small, and reading it takes octets of its own.
    let start = Bytes::copy_from_slice(entity.get(..HEADER).unwrap_or(entity));
    let Ok((headers, end)) = Headers::parse(&start, &limits) else { return out.extend_from_slice(entity) };
    let spoken =
        |header: &&Header| header.name().get(..8).is_some_and(|it| it.eq_ignore_ascii_case("Content-"));
    for header in headers.iter().filter(spoken) {
        out.extend_from_slice(header.raw());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(entity.get(end..).unwrap_or_default());
}

/// The content made fit, and written. `frame_octets` is what the message takes beside it.
pub(super) async fn make(
    message: &Message,
    wish: &Wish<'_>,
    frame_octets: u64,
    loss: &mut Loss,
) -> Result<Vec<u8>, Refusal> {
    let mut message = message.clone();
    message.content.original = None;
    if wish.unproven {
        message.content.parts.retain(|part| part.kind != PartKind::Alternative);
    }
    let provenance = Provenance::Encrypted { anew: wish.unproven, may: wish.may };
    let whom = For { profile: wish.profile, others: &[], towards: Towards::Mail, frame_octets, provenance };
    let mut changes = Loss::outbound(Interface::Mail);
    let adapted = adapt::adapt(wish.media, &message, &whom, &mut changes).await;
    loss.entries.append(&mut changes.entries);
    mail::entity(&adapted.as_ref().unwrap_or(&message).content, wish.writing, loss)
}
