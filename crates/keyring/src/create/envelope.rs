//! EnvelopedData and AuthEnvelopedData written around a stream of ciphertext.
//!
//! The framing alone: what is before the ciphertext, around its pieces, and after it. When the length
//! of the plaintext is known beforehand the result is DER; otherwise lengths are indefinite at the
//! levels around the content, as `openssl cms -stream` writes them. Ciphers are in `content`.

use alloc::vec::Vec;
use core::fmt;

use const_oid::ObjectIdentifier as Oid;

use super::version;
use crate::Integrity;
use crate::algorithm::{CEK_HKDF_SHA256, ContentParameters};
use crate::reader::Format;
use crate::recipient::element::{
    OCTET_STRING, SEQUENCE, SET, append_header, constructed, element, identifier, primitive,
};

const DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.1");
const BLOCK_OCTETS: u64 = 16;

/// What is encrypted, as the envelope states it.
#[derive(Debug, Clone, Copy)]
pub struct EncryptedContent<'a> {
    /// Algorithm and nonce. AES-GCM makes it AuthEnvelopedData, AES-CBC EnvelopedData.
    pub parameters: &'a ContentParameters,
    /// Whether the content key is [derived](crate::recipient::cek_hkdf_sha256) from the one that recipients
    /// get, with the encoded parameters (RFC 9709). Few programs know it yet.
    pub derived: bool,
    /// Octets of the plaintext, padding not counted; `None` when they are not known beforehand.
    pub octets: Option<u64>,
}

/// What was written is not what was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misuse {
    /// The ciphertext is longer or shorter than the announced plaintext makes it.
    Length,
    /// The MAC is missing, of a length that the parameters do not say, or there should be none.
    Mac,
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "the ciphertext has not the announced length",
            Self::Mac => "the MAC is not that of the algorithm",
        })
    }
}

impl core::error::Error for Misuse {}

/// A writer of one message: [`head`](Self::head), [`ciphertext`](Self::ciphertext) as often as it takes,
/// [`tail`](Self::tail).
#[derive(Debug)]
pub struct Envelope {
    format: Format,
    head: Vec<u8>,
    tag_octets: usize,
    /// Octets of ciphertext that must still come; `None` when the length was not announced.
    remaining: Option<u64>,
}

impl Envelope {
    /// An envelope for these RecipientInfos, each a DER element from
    /// [`recipient_info`](super::recipient_info).
    #[must_use]
    pub fn new(mut recipients: Vec<Vec<u8>>, content: &EncryptedContent<'_>) -> Self {
        let format = format(content.parameters);
        // CMSVersion (RFC 5652 §6.1): 0 when all are key transport by issuer and serial number, 3 with an
        // OtherRecipientInfo, 2 otherwise. AuthEnvelopedData has 0 (RFC 5083 §2.1).
        let has = |tag: u8| recipients.iter().any(|info| info.first() == Some(&tag));
        let number = match format {
            Format::AuthEnveloped => 0,
            Format::Enveloped if has(constructed(4)) => 3,
            Format::Enveloped if has(constructed(1)) => 2,
            Format::Enveloped => 0,
        };
        // DER: a SET OF is in ascending order.
        recipients.sort();
        let recipients: Vec<&[u8]> = recipients.iter().map(Vec::as_slice).collect();
        let before = [version(number), element(SET, &recipients)].concat();
        let mut algorithm = content.parameters.encode();
        if content.derived {
            algorithm = element(SEQUENCE, &[&identifier(CEK_HKDF_SHA256), &algorithm]);
        }
        let described = [identifier(DATA), algorithm].concat();
        let mut envelope =
            Self { format, head: Vec::new(), tag_octets: content.parameters.tag_octets(), remaining: None };
        match content.octets {
            Some(octets) => envelope.definite_head(&before, &described, octets),
            None => envelope.indefinite_head(&before, &described),
        }
        envelope
    }

    fn definite_head(&mut self, before: &[u8], described: &[u8], octets: u64) {
        // Padding of CBC fills the last block, or is one.
        let ciphertext = match self.format {
            Format::AuthEnveloped => octets,
            Format::Enveloped => (octets / BLOCK_OCTETS).saturating_add(1).saturating_mul(BLOCK_OCTETS),
        };
        self.remaining = Some(ciphertext);
        let mac = match self.format {
            Format::AuthEnveloped => 2 + self.tag_octets as u64,
            Format::Enveloped => 0,
        };
        let kind = identifier(self.format.oid());
        let header = |tag: u8, length: u64| {
            let mut header = Vec::new();
            append_header(&mut header, tag, length);
            (length.saturating_add(header.len() as u64), header)
        };
        let (length, content) = header(primitive(0), ciphertext);
        let (length, info) = header(SEQUENCE, length.saturating_add(described.len() as u64));
        let (length, data) = header(SEQUENCE, length.saturating_add(before.len() as u64 + mac));
        let (length, explicit) = header(constructed(0), length);
        let (_, outer) = header(SEQUENCE, length.saturating_add(kind.len() as u64));
        self.head = [&outer, &kind, &explicit, &data, before, &info, described, &content].concat();
    }

    fn indefinite_head(&mut self, before: &[u8], described: &[u8]) {
        const INDEFINITE: u8 = 0x80;
        let (sequence, explicit) = ([SEQUENCE, INDEFINITE], [constructed(0), INDEFINITE]);
        let kind = identifier(self.format.oid());
        self.head =
            [&sequence, kind.as_slice(), &explicit, &sequence, before, &sequence, described, &explicit]
                .concat();
    }

    /// What comes before the ciphertext.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Appends a piece of the ciphertext to `out`, in its frame.
    ///
    /// # Errors
    /// It is more than was announced.
    pub fn ciphertext(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Misuse> {
        match &mut self.remaining {
            Some(remaining) => {
                *remaining = remaining.checked_sub(piece.len() as u64).ok_or(Misuse::Length)?
            }
            None if piece.is_empty() => {}
            None => append_header(out, OCTET_STRING, piece.len() as u64),
        }
        out.extend_from_slice(piece);
        Ok(())
    }

    /// What comes after the ciphertext. The MAC is what the
    /// [`Encryptor`](crate::content::Encryptor::finish) gave.
    ///
    /// # Errors
    /// Ciphertext is missing, or the MAC does not fit the algorithm.
    pub fn tail(self, mac: Option<&[u8]>) -> Result<Vec<u8>, Misuse> {
        if self.remaining.is_some_and(|remaining| remaining > 0) {
            return Err(Misuse::Length);
        }
        let mac = match (self.format, mac) {
            (Format::AuthEnveloped, Some(mac)) if mac.len() == self.tag_octets => {
                element(OCTET_STRING, &[mac])
            }
            (Format::Enveloped, None) => Vec::new(),
            _ => return Err(Misuse::Mac),
        };
        if self.remaining.is_some() {
            return Ok(mac);
        }
        // The ends of the content and its description, the MAC, the ends of the three around them.
        Ok([[0; 4].as_slice(), &mac, &[0; 6]].concat())
    }
}

/// Which structure content with these parameters is written in.
#[must_use]
pub fn format(parameters: &ContentParameters) -> Format {
    match parameters.algorithm().integrity() {
        Integrity::Aead => Format::AuthEnveloped,
        Integrity::None => Format::Enveloped,
    }
}
