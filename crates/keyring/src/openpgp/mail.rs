//! OpenPGP in MIME (RFC 3156 §4): which mail may be decrypted, its octets without armor, and the same form
//! around a message that is written.
//!
//! The rule is that of [`crate::mail`], and stricter: the mail as a whole is `multipart/encrypted`. Armor
//! within a text is none of it; nobody could tell what of the text was protected.

use alloc::{format, string::String, vec::Vec};

use cedrat_mime::{Encoding, Message, Node};

use super::{Armor, Error, Limits, Structure, Survey};
use crate::mail;

/// The part that holds the encrypted message of a mail, by its index; `None` when the mail is no
/// `multipart/encrypted` of OpenPGP as a whole.
#[must_use]
pub fn encrypted(message: &Message) -> Option<usize> {
    let root = message.root();
    let protocol = root.content_type.parameter("protocol").unwrap_or_default();
    let says = root.content_type.essence == "multipart/encrypted"
        && protocol.eq_ignore_ascii_case("application/pgp-encrypted");
    let [version, content] = *root.children.as_slice() else { return None };
    let (version, node) = (message.node(version)?, message.node(content)?);
    let is = |node: &Node, essence: &str| node.content_type.essence == essence && node.children.is_empty();
    (says && is(version, "application/pgp-encrypted") && is(node, "application/octet-stream"))
        .then_some(content)
}

/// Takes the transfer encoding and the armor off a body that comes in pieces.
#[derive(Debug)]
pub struct Decoder {
    transfer: mail::Decoder,
    armor: Armor,
    text: Vec<u8>,
}

impl Decoder {
    /// At the beginning of a body.
    #[must_use]
    pub const fn new(encoding: Encoding, limits: Limits) -> Self {
        Self { transfer: mail::Decoder::new(encoding), armor: Armor::new(limits), text: Vec::new() }
    }

    /// Takes the next octets of the body and appends what they hold.
    ///
    /// # Errors
    /// As [`Armor::update`].
    pub fn update(&mut self, encoded: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        if self.transfer.is_plain() {
            return self.armor.update(encoded, out);
        }
        self.text.clear();
        self.transfer.update(encoded, &mut self.text);
        self.armor.update(&self.text, out)
    }

    /// After the last octet; appends what was held back.
    ///
    /// # Errors
    /// As [`Armor::finish`].
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.text.clear();
        self.transfer.finish(&mut self.text);
        self.armor.update(&self.text, out)?;
        self.armor.finish(out)
    }
}

/// The structure of the encrypted message in a part.
///
/// # Errors
/// When it is no message that could be decrypted.
pub fn structure(node: &Node, limits: Limits) -> Result<Structure, Error> {
    let mut survey = Survey::new(limits.clone());
    let mut armor = Armor::new(limits);
    let mut packets = Vec::new();
    for piece in mail::pieces(node) {
        packets.clear();
        armor.update(&piece, &mut packets)?;
        survey.update(&packets)?;
        if survey.is_whole() {
            return survey.finish();
        }
    }
    packets.clear();
    armor.finish(&mut packets)?;
    survey.update(&packets)?;
    survey.finish()
}

/// What stands before the armored message in a mail: the fields of the mail that speak of its content, and
/// the part that RFC 3156 §4 wants first. The boundary must not occur in armor: it contains an underscore.
#[must_use]
pub fn head(boundary: &str) -> String {
    format!(
        "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";\r\n boundary=\"_{boundary}\"\r\n\r\n\
         --_{boundary}\r\nContent-Type: application/pgp-encrypted\r\n\
         Content-Description: PGP/MIME version identification\r\n\r\nVersion: 1\r\n\r\n\
         --_{boundary}\r\nContent-Type: application/octet-stream; name=\"encrypted.asc\"\r\n\
         Content-Description: OpenPGP encrypted message\r\n\
         Content-Disposition: inline; filename=\"encrypted.asc\"\r\n\r\n"
    )
}

/// What stands behind it.
#[must_use]
pub fn tail(boundary: &str) -> String {
    format!("\r\n--_{boundary}--\r\n")
}
