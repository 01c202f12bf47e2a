//! The encrypted content of a mail opened with its key, and closed again for the recipient.
//!
//! What is encrypted how is in `cedrat_keyring`; here it is put together over octets in memory. A
//! key that does not fit has one answer, [`Said::NotUsable`], whatever the reason.

use bytes::Bytes;
use cedrat_keyring::{
    Cek, Certificate, ContentAlgorithm, Integrity,
    algorithm::ContentParameters,
    content::{Encryptor, FirstPass},
    create::{self, Base64Lines, EncryptedContent, Envelope, Transport},
    mail,
    reader::Limits,
    recipient,
};
use cedrat_mime::{Header, Headers, Message};
use rand_core::Rng as _;
use zeroize::Zeroizing;

use super::{Job, Said};
use crate::chance::Chance;

/// Octets that a cipher is given at once.
const PIECE: usize = 64 << 10;
/// Octets of the tag of what is written: all of it.
const TAG_OCTETS: usize = 16;

/// A mail and the encrypted part that is its content.
pub(super) struct Outer {
    message: Message,
    encrypted: usize,
}

impl Outer {
    /// Finds the part.
    pub(super) fn of(octets: &Bytes) -> Result<Self, String> {
        let message =
            cedrat_mime::walk(octets, &cedrat_mime::Limits::default()).map_err(|why| why.to_string())?;
        let (encrypted, _) =
            mail::encrypted(&message).envelope.ok_or("the mail holds no encrypted content")?;
        Ok(Self { message, encrypted })
    }

    /// The header of the mail, in octets of its own: the rest is not needed any more.
    pub(super) fn into_headers(self) -> Headers {
        let root = self.message.root();
        let octets = root.octets.len().saturating_sub(root.body.len());
        let head = Bytes::copy_from_slice(root.octets.get(..octets).unwrap_or_default());
        // It was read once already.
        Headers::parse(&head, &cedrat_mime::Limits::default()).map(|(headers, _)| headers).unwrap_or_default()
    }

    /// The plaintext, and whether it is proved to be what was encrypted. `sha256` is that of the message
    /// for which the key was given.
    pub(super) fn decrypt(&self, key: &Cek, sha256: &[u8; 32]) -> Result<(Zeroizing<Vec<u8>>, bool), Said> {
        let failed = |why: String| Said::Failed { why };
        let node = self.message.node(self.encrypted).ok_or_else(|| failed("the part is gone".to_owned()))?;
        let structure =
            mail::structure(node, Limits::default()).map_err(|fault| failed(fault.to_string()))?;
        let content = structure.content().map_err(|fault| failed(fault.to_string()))?;
        let mut first = FirstPass::new(key, &content, *sha256, Limits::default());
        for piece in mail::pieces(node) {
            first.update(&piece);
        }
        let opened = first.finish().map_err(|_| Said::NotUsable)?;
        let proven = opened.integrity() == Integrity::Aead;
        let mut second = opened.second_pass();
        let room = usize::try_from(structure.summary.ciphertext_octets).unwrap_or(0);
        let mut plaintext = Zeroizing::new(Vec::with_capacity(room.saturating_add(64)));
        for piece in mail::pieces(node) {
            second.update(&piece, &mut plaintext).map_err(|_| Said::NotUsable)?;
        }
        second.finish(&mut plaintext).map_err(|_| Said::NotUsable)?;
        Ok((plaintext, proven))
    }
}

/// The mail with this content: encrypted to the recipient, or in clear where that was agreed on.
pub(super) fn close(outer: &Headers, entity: &[u8], job: &Job) -> Result<Vec<u8>, String> {
    let mut headers = Headers::new();
    let spoken = |name: &str| {
        name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("Content-"))
            || name.eq_ignore_ascii_case("MIME-Version")
    };
    // A word on a signature in this gateway's name is this gateway's, and it has none but this one's.
    let forged = |header: &Header| {
        header.is("Authentication-Results") && header.value().to_ascii_lowercase().contains("smime")
    };
    for header in outer.iter().filter(|header| !spoken(header.name()) && !forged(header)) {
        headers.push(header.clone());
    }
    let mut out = Vec::with_capacity(entity.len() / 2 * 3 + 16_384);
    headers.encode(&mut out);
    out.extend_from_slice(b"MIME-Version: 1.0\r\n");
    match &job.certificate {
        None => out.extend_from_slice(entity),
        Some(der) => encrypt(entity, der, job.policy.old_client, &mut out)?,
    }
    Ok(out)
}

fn encrypt(entity: &[u8], certificate: &[u8], old_client: bool, out: &mut Vec<u8>) -> Result<(), String> {
    let words = |fault: &dyn std::fmt::Display| fault.to_string();
    let certificate =
        Certificate::read(certificate, &recipient::Limits::default()).map_err(|fault| words(&fault))?;
    let (algorithm, transport) = if old_client {
        (ContentAlgorithm::Aes256Cbc, Transport::Pkcs1v15)
    } else {
        (ContentAlgorithm::Aes256Gcm, Transport::Oaep)
    };
    let mut chance = Chance;
    let key = create::fresh_key(algorithm, &mut chance).ok_or("there is no key of that length")?;
    let mut nonce = vec![0; algorithm.iv_octets()];
    chance.fill_bytes(&mut nonce);
    let recipient =
        create::recipient_info(&certificate, &key, transport, &mut chance).map_err(|fault| words(&fault))?;
    let parameters = match algorithm.integrity() {
        Integrity::Aead => ContentParameters::gcm(algorithm, &nonce, TAG_OCTETS),
        Integrity::None => ContentParameters::cbc(algorithm, &nonce),
    };
    let parameters = parameters.ok_or("the nonce has a wrong length")?;
    let octets = Some(entity.len() as u64);
    let content = EncryptedContent { parameters: &parameters, derived: false, octets };
    let mut envelope = Envelope::new(vec![recipient], &content);
    let mut cipher = Encryptor::new(&key, &parameters, None).map_err(|fault| words(&fault))?;
    out.extend_from_slice(create::mail_head(create::format(&parameters)).as_bytes());
    out.extend_from_slice(b"\r\n");
    let mut lines = Base64Lines::new();
    lines.encode(envelope.head(), out);
    let (mut sealed, mut framed) = (Vec::with_capacity(PIECE + 64), Vec::with_capacity(PIECE + 128));
    for piece in entity.chunks(PIECE) {
        sealed.clear();
        framed.clear();
        cipher.update(piece, &mut sealed).map_err(|fault| words(&fault))?;
        envelope.ciphertext(&sealed, &mut framed).map_err(|fault| words(&fault))?;
        lines.encode(&framed, out);
    }
    sealed.clear();
    framed.clear();
    let tag = cipher.finish(&mut sealed);
    if !sealed.is_empty() {
        envelope.ciphertext(&sealed, &mut framed).map_err(|fault| words(&fault))?;
    }
    framed.extend_from_slice(&envelope.tail(tag.as_deref()).map_err(|fault| words(&fault))?);
    lines.encode(&framed, out);
    lines.finish(out);
    Ok(())
}
