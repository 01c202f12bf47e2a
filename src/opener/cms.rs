//! The encrypted content of a mail opened with its key, and closed again for the recipient.
//!
//! What is encrypted how is in `cedrat_keyring`; here it is put together over octets in memory. A
//! key that does not fit has one answer, [`Said::NotUsable`], whatever the reason.

use std::io::{self, Read};

use cedrat_keyring::{
    Cek, Certificate, ContentAlgorithm, Integrity,
    algorithm::ContentParameters,
    content::{Encryptor, FirstPass},
    create::{self, Base64Lines, EncryptedContent, Envelope, Transport},
    mail,
    reader::{self, Limits, Structure, Survey},
    recipient,
    wire::Format,
};
use cedrat_mime::{Encoding, Header, Headers};
use rand_core::Rng as _;
use zeroize::Zeroizing;

use super::{Job, PIECE, Said, Within, in_pieces, openpgp};
use crate::chance::Chance;

/// Octets of the tag of what is written: all of it.
const TAG_OCTETS: usize = 16;

/// Encrypted content: the octets of its CMS structure, and what was read of it as they came.
pub(super) struct Sealed {
    octets: Zeroizing<Vec<u8>>,
    structure: Result<Structure, reader::Error>,
}

impl Sealed {
    /// Reads the body of the encrypted part, to its end in any case: who writes it waits for that.
    pub(super) fn read(input: &mut impl Read, within: &Within) -> io::Result<Self> {
        let encoding = Encoding::parse(&within.encoding);
        let mut decoder = mail::Decoder::new(encoding);
        let mut survey = Survey::new(Limits::default());
        let mut fault = None;
        let most = usize::try_from(within.octets).map_err(io::Error::other)?;
        // Never grown, so that no octet is left behind where it was before.
        let room = if encoding == Encoding::Base64 { most / 4 * 3 + 3 } else { most };
        let mut octets = Zeroizing::new(Vec::with_capacity(room));
        in_pieces(input, within.octets, |piece| {
            let start = octets.len();
            decoder.update(piece, &mut octets);
            if fault.is_none() {
                fault = survey.update(octets.get(start..).unwrap_or_default()).err();
            }
        })?;
        let start = octets.len();
        decoder.finish(&mut octets);
        fault = fault.or_else(|| survey.update(octets.get(start..).unwrap_or_default()).err());
        let structure = fault.map_or_else(|| survey.finish(), Err);
        Ok(Self { octets, structure })
    }

    /// The plaintext, and whether it is proved to be what was encrypted. `sha256` is that of the message
    /// for which the key was given.
    ///
    /// It takes the place of the ciphertext: plaintext is never longer than what it was read from.
    pub(super) fn decrypt(self, key: &Cek, sha256: &[u8; 32]) -> Result<(Zeroizing<Vec<u8>>, bool), Said> {
        let Self { mut octets, structure } = self;
        let structure = structure.map_err(|fault| Said::Failed { why: fault.to_string() })?;
        let content = structure.content().map_err(|fault| Said::Failed { why: fault.to_string() })?;
        let mut first = FirstPass::new(key, &content, *sha256, Limits::default());
        for piece in octets.chunks(PIECE) {
            first.update(piece);
        }
        let opened = first.finish().map_err(|_| Said::NotUsable)?;
        let proven = opened.integrity() == Integrity::Aead;
        let mut second = opened.second_pass();
        let mut plaintext = Zeroizing::new(Vec::with_capacity(2 * PIECE));
        let (mut read, mut written) = (0, 0);
        while read < octets.len() {
            let piece = octets.get(read..octets.len().min(read + PIECE)).unwrap_or_default();
            second.update(piece, &mut plaintext).map_err(|_| Said::NotUsable)?;
            read += piece.len();
            written = put(&mut plaintext, octets.get_mut(..read), written).ok_or(Said::NotUsable)?;
        }
        second.finish(&mut plaintext).map_err(|_| Said::NotUsable)?;
        written = put(&mut plaintext, Some(&mut octets), written).ok_or(Said::NotUsable)?;
        octets.truncate(written);
        Ok((octets, proven))
    }
}

/// Moves plaintext over what was read already, behind `at`; returns where it ends, or nothing when there is no room.
fn put(plaintext: &mut Vec<u8>, read: Option<&mut [u8]>, at: usize) -> Option<usize> {
    let end = at.checked_add(plaintext.len())?;
    read?.get_mut(at..end)?.copy_from_slice(plaintext);
    plaintext.clear();
    Some(end)
}

/// The mail with this content: encrypted to the recipient, or in clear where that was agreed on.
pub(super) fn close(outer: &Headers, entity: &[u8], job: &Job) -> Result<Vec<u8>, String> {
    let mut headers = Headers::new();
    // A word on a signature in this gateway's name is this gateway's, and it has none but this one's.
    let forged = |header: &Header| {
        header.is("Authentication-Results") && header.value().to_ascii_lowercase().contains("smime")
    };
    for header in outer.iter().filter(|header| !header.is_about_content() && !forged(header)) {
        headers.push(header.clone());
    }
    let mut out = Vec::with_capacity(entity.len() / 2 * 3 + 16_384);
    headers.encode(&mut out);
    out.extend_from_slice(b"MIME-Version: 1.0\r\n");
    match &job.certificate {
        None => out.extend_from_slice(entity),
        Some(certificate) if job.format == Format::Openpgp => {
            openpgp::encrypt(entity, certificate, job, &mut out)?;
        }
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
