//! Where in a mail the encrypted content is (RFC 8551 §3.2, §3.3), and its octets without transfer encoding.
//!
//! One rule decides what may be decrypted: the encrypted part is the whole message, or all of it but the
//! presentation of an MMS. Then nothing that an attacker could have put beside the part meets its
//! plaintext. Any other encrypted part is named and stays as it came: next to parts in clear, decrypted
//! text could be pulled into them and carried off (EFAIL, direct exfiltration), and nobody could tell what
//! was protected (RFC 9787 §4: the cryptographic envelope begins at the root). That holds for the footers of
//! mailing lists and for encrypted parts inside multipart/signed as well.
//!
//! Not here: what the plaintext is, and OpenPGP ([`crate::openpgp`]).

mod base64;

use alloc::vec::Vec;

use bytes::Bytes;
use cedrat_mime::transfer::decode_quoted_printable;
use cedrat_mime::{Encoding, Message, Node};

use crate::reader::{self, Error, Format, Limits, Structure, Survey};
pub(crate) use base64::Base64;

/// Octets of a body that are decoded at a time.
const PIECE_OCTETS: usize = 1 << 16;

/// How an encrypted part that may be decrypted stands in its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The only part of a multipart that is the message, but for a presentation (SMIL). Whoever uses the
    /// plaintext leaves that presentation out: it is not protected.
    BesidePresentation,
    /// The message itself.
    Root,
}

/// The encrypted parts of a message, by their index in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encrypted {
    /// The one that may be decrypted.
    pub envelope: Option<(usize, Place)>,
    /// Those that may not: their plaintext would stand beside what is not protected.
    pub separate: Vec<usize>,
}

/// Finds the encrypted parts of a message.
#[must_use]
pub fn encrypted(message: &Message) -> Encrypted {
    let mut found: Vec<usize> =
        message.leaves().filter_map(|(index, node)| is_encrypted(node).then_some(index)).collect();
    let root = message.root();
    let place = if root.children.is_empty() {
        Some(Place::Root)
    } else {
        let others = message.children(root).zip(&root.children).filter(|(_, index)| !found.contains(index));
        let others: Vec<_> = others.map(|(node, _)| node).collect();
        let alone = match others.as_slice() {
            [] => true,
            [other] => other.children.is_empty() && is_presentation(other),
            _ => false,
        };
        (alone && found.len() == 1 && may_wrap(root)).then_some(Place::BesidePresentation)
    };
    let envelope = place.and_then(|place| Some((found.pop()?, place)));
    Encrypted { envelope, separate: found }
}

/// Whether a part holds content encrypted for recipients: it says so, or its content does where it says
/// nothing (RFC 8551 §3.2.2: `smime-type` is optional; senders also write `application/octet-stream` and a
/// name that ends in `.p7m`).
#[must_use]
pub fn is_encrypted(node: &Node) -> bool {
    let kind = node.content_type.parameter("smime-type").unwrap_or_default();
    let says = |kinds: &[&str]| kinds.iter().any(|one| one.eq_ignore_ascii_case(kind));
    match node.content_type.essence.as_str() {
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => {
            says(&["enveloped-data", "authEnveloped-data"])
                || !says(&["signed-data", "certs-only", "compressed-data", "signed-receipt"])
                    && begins_enveloped(node)
        }
        "application/octet-stream" => {
            let name = node.filename().unwrap_or_default().as_bytes();
            name.len() > 4
                && name.last_chunk().is_some_and(|end: &[u8; 4]| end.eq_ignore_ascii_case(b".p7m"))
                && begins_enveloped(node)
        }
        _ => false,
    }
}

fn begins_enveloped(node: &Node) -> bool {
    let start = pieces_of(node, 256).next().unwrap_or_default();
    reader::content_type(&start).and_then(Format::of).is_some()
}

fn is_presentation(node: &Node) -> bool {
    matches!(node.content_type.essence.as_str(), "application/smil" | "application/smil+xml")
}

/// Whether a multipart adds nothing to its parts: no signature, no choice among them.
fn may_wrap(node: &Node) -> bool {
    let essence = node.content_type.essence.as_str();
    matches!(essence, "multipart/mixed" | "multipart/related")
        || essence.starts_with("application/vnd.wap.multipart.")
}

/// The octets of a part without its transfer encoding, in pieces of at most 64 KiB, or of a line where
/// quoted-printable has longer ones. As lenient as [`cedrat_mime::transfer`].
pub fn pieces(node: &Node) -> impl Iterator<Item = Bytes> {
    pieces_of(node, PIECE_OCTETS)
}

fn pieces_of(node: &Node, octets: usize) -> impl Iterator<Item = Bytes> {
    let mut rest = node.body.clone();
    let mut decoder = Some(Decoder::new(node.encoding));
    core::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                let mut last = Vec::new();
                decoder.take()?.finish(&mut last);
                return (!last.is_empty()).then(|| last.into());
            }
            let encoded = rest.split_to(octets.min(rest.len()));
            let decoder = decoder.as_mut()?;
            let piece = if decoder.is_plain() {
                encoded
            } else {
                let mut piece = Vec::with_capacity(encoded.len());
                decoder.update(&encoded, &mut piece);
                piece.into()
            };
            if !piece.is_empty() {
                return Some(piece);
            }
        }
    })
}

/// The same as [`pieces`] for a body that is not in memory: its octets come in pieces of any size.
#[derive(Debug)]
pub struct Decoder {
    encoding: Encoding,
    base64: Base64,
    /// Quoted-printable is decoded line by line: the last one, until its end came.
    line: Vec<u8>,
}

impl Decoder {
    /// At the beginning of a body.
    #[must_use]
    pub const fn new(encoding: Encoding) -> Self {
        Self { encoding, base64: Base64::new(), line: Vec::new() }
    }

    /// Whether octets stand for themselves.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        !matches!(self.encoding, Encoding::Base64 | Encoding::QuotedPrintable)
    }

    /// Takes the next octets of the body and appends what they complete.
    pub fn update(&mut self, encoded: &[u8], out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Base64 => self.base64.update(encoded, out),
            Encoding::QuotedPrintable => {
                let end = encoded.iter().rposition(|octet| *octet == b'\n').map_or(0, |at| at + 1);
                let (lines, rest) = encoded.split_at(end);
                self.line.extend_from_slice(lines);
                if end > 0 {
                    self.end_line(out);
                }
                self.line.extend_from_slice(rest);
            }
            _ => out.extend_from_slice(encoded),
        }
    }

    /// After the last octet; appends what an end that is missing held back.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.base64.finish(out);
        self.end_line(out);
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        let lines = Bytes::from(core::mem::take(&mut self.line));
        out.extend_from_slice(&decode_quoted_printable(&lines).octets);
    }
}

/// The structure of an encrypted part. Octets after it are ignored: the footer of a list behind base64.
///
/// # Errors
/// When it is no message that could be decrypted; the place counts decoded octets.
pub fn structure(node: &Node, limits: Limits) -> Result<Structure, Error> {
    let mut survey = Survey::new(limits);
    for piece in pieces(node) {
        survey.update(&piece)?;
        if survey.is_whole() {
            break;
        }
    }
    survey.finish()
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
