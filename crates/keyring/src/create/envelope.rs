//! EnvelopedData and AuthEnvelopedData written around a stream of ciphertext.
//!
//! The framing alone: what is before the ciphertext, around its pieces, and after it. When the length
//! of the plaintext is known beforehand the result is DER; otherwise lengths are indefinite at the
//! levels around the content, as `openssl cms -stream` writes them. Ciphers are not here.

use alloc::vec::Vec;

use const_oid::ObjectIdentifier as Oid;

use super::version;
use crate::recipient::element::{
    INTEGER, OCTET_STRING, SEQUENCE, SET, append_header, constructed, element, identifier, primitive,
};
use crate::{ContentAlgorithm, Integrity};

const DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.1");
const ENVELOPED_DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.3");
const AUTH_ENVELOPED_DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.1.23");
/// Octets of the tag of AES-GCM, all of it.
const TAG_OCTETS: u8 = 16;
const BLOCK: u64 = 16;

/// Which of the two structures is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Authenticated: AuthEnvelopedData with AES-256-GCM.
    AuthEnveloped,
    /// EnvelopedData with AES-256-CBC, for programs that know nothing else.
    Enveloped,
}

impl Form {
    /// The content algorithm of this form.
    #[must_use]
    pub const fn algorithm(self) -> ContentAlgorithm {
        match self {
            Self::AuthEnveloped => ContentAlgorithm::Aes256Gcm,
            Self::Enveloped => ContentAlgorithm::Aes256Cbc,
        }
    }

    /// The `smime-type` parameter of its mail entity.
    #[must_use]
    pub const fn smime_type(self) -> &'static str {
        match self {
            Self::AuthEnveloped => "authEnveloped-data",
            Self::Enveloped => "enveloped-data",
        }
    }
}

/// What is encrypted and how, as the envelope states it.
#[derive(Debug, Clone)]
pub struct Content<'a> {
    /// The structure, which has the algorithm with it.
    pub form: Form,
    /// Nonce of 12 octets or initialization vector of 16: from a random source, for this message.
    pub nonce: &'a [u8],
    /// Octets of the plaintext, padding not counted; `None` when they are not known beforehand.
    pub octets: Option<u64>,
}

/// A writer of one envelope: [`head`](Self::head), [`ciphertext`](Self::ciphertext) as often as it
/// takes, [`tail`](Self::tail).
#[derive(Debug)]
pub struct Envelope {
    head: Vec<u8>,
    definite: bool,
    authenticated: bool,
    /// Octets of ciphertext that must still come, of a definite length.
    remaining: u64,
}

/// What was written is not what was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misuse {
    /// The ciphertext is longer or shorter than the plaintext's length says.
    Length,
    /// A nonce or a tag has not the length that the algorithm has.
    Parameter,
}

impl core::fmt::Display for Misuse {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Length => "the ciphertext has not the announced length",
            Self::Parameter => "the nonce or the tag has not the length of its algorithm",
        })
    }
}

impl core::error::Error for Misuse {}

impl Envelope {
    /// An envelope for these RecipientInfos, each a DER element from
    /// [`recipient_info`](super::recipient_info).
    ///
    /// # Errors
    /// The nonce has a wrong length.
    pub fn new(mut recipients: Vec<Vec<u8>>, content: &Content<'_>) -> Result<Self, Misuse> {
        let authenticated = content.form.algorithm().integrity() == Integrity::Aead;
        if content.nonce.len() != if authenticated { 12 } else { 16 } {
            return Err(Misuse::Parameter);
        }
        // CMSVersion (RFC 5652 §6.1): 0 when all recipients are version 0 of key transport, 3 with an
        // OtherRecipientInfo, 2 otherwise; AuthEnvelopedData has 0.
        let number = match () {
            () if authenticated => 0,
            () if recipients.iter().any(|info| info.first() == Some(&constructed(4))) => 3,
            () if recipients.iter().any(|info| info.first() != Some(&SEQUENCE)) => 2,
            () => 0,
        };
        // DER: a SET OF is in ascending order.
        recipients.sort();
        let recipients: Vec<&[u8]> = recipients.iter().map(Vec::as_slice).collect();
        let before = [version(number), element(SET, &recipients)].concat();
        let nonce = element(OCTET_STRING, &[content.nonce]);
        let parameters = if authenticated {
            element(SEQUENCE, &[&nonce, &element(INTEGER, &[&[TAG_OCTETS]])])
        } else {
            nonce
        };
        let algorithm = element(SEQUENCE, &[&identifier(content.form.algorithm().oid()), &parameters]);
        let described = [identifier(DATA), algorithm].concat();
        let kind = identifier(if authenticated { AUTH_ENVELOPED_DATA } else { ENVELOPED_DATA });
        let mut envelope =
            Self { head: Vec::new(), definite: content.octets.is_some(), authenticated, remaining: 0 };
        match content.octets {
            Some(octets) => envelope.definite_head(&kind, &before, &described, octets),
            None => envelope.indefinite_head(&kind, &before, &described),
        }
        Ok(envelope)
    }

    fn definite_head(&mut self, kind: &[u8], before: &[u8], described: &[u8], octets: u64) {
        // Padding of CBC fills the last block, or is one.
        self.remaining = if self.authenticated {
            octets
        } else {
            (octets / BLOCK).saturating_add(1).saturating_mul(BLOCK)
        };
        let header = |tag: u8, length: u64| {
            let mut header = Vec::new();
            append_header(&mut header, tag, length);
            (length.saturating_add(header.len() as u64), header)
        };
        let tag_octets = if self.authenticated { 2 + u64::from(TAG_OCTETS) } else { 0 };
        let (length, content) = header(primitive(0), self.remaining);
        let (length, info) = header(SEQUENCE, length.saturating_add(described.len() as u64));
        let length = length.saturating_add(before.len() as u64).saturating_add(tag_octets);
        let (length, data) = header(SEQUENCE, length);
        let (length, explicit) = header(constructed(0), length);
        let (_, outer) = header(SEQUENCE, length.saturating_add(kind.len() as u64));
        self.head = [&outer, kind, &explicit, &data, before, &info, described, &content].concat();
    }

    fn indefinite_head(&mut self, kind: &[u8], before: &[u8], described: &[u8]) {
        const INDEFINITE: u8 = 0x80;
        let open = |tag: u8| [tag, INDEFINITE];
        let (sequence, explicit) = (open(SEQUENCE), open(constructed(0)));
        self.head = [&sequence, kind, &explicit, &sequence, before, &sequence, described, &explicit].concat();
    }

    /// What comes before the ciphertext.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Appends a piece of the ciphertext to `out`, in its frame.
    ///
    /// # Errors
    /// It is more than the announced length.
    pub fn ciphertext(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Misuse> {
        if self.definite {
            self.remaining = self.remaining.checked_sub(piece.len() as u64).ok_or(Misuse::Length)?;
        } else if !piece.is_empty() {
            append_header(out, OCTET_STRING, piece.len() as u64);
        }
        out.extend_from_slice(piece);
        Ok(())
    }

    /// What comes after the ciphertext: `tag` of 16 octets when it is authenticated, empty otherwise.
    ///
    /// # Errors
    /// Ciphertext is missing, or the tag has a wrong length.
    pub fn tail(self, tag: &[u8]) -> Result<Vec<u8>, Misuse> {
        if self.remaining != 0 {
            return Err(Misuse::Length);
        }
        if tag.len() != if self.authenticated { usize::from(TAG_OCTETS) } else { 0 } {
            return Err(Misuse::Parameter);
        }
        let tag = if self.authenticated { element(OCTET_STRING, &[tag]) } else { Vec::new() };
        if self.definite {
            return Ok(tag);
        }
        // The ends of the content and its description, the tag, the ends of the three around them.
        Ok([[0; 4].as_slice(), &tag, &[0; 6]].concat())
    }
}
