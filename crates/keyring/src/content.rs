//! Content decrypted under a content key, after it was verified, and content encrypted under one.
//!
//! The ciphertext is read twice: a [`Verifier`] says whether the key fits without producing plaintext
//! (AES-GCM: the whole tag, whose GHASH is over ciphertext; CBC: padding and, of mail, that it begins with a
//! header), and only a [`Verified`] makes a [`Decryptor`]. The second pass computes the tag again: a file
//! that changed in between is noticed at its end, so nothing is published before [`Decryptor::finish`].
//!
//! Whatever fails where a key is involved is [`Unusable`], without detail and only after all octets were
//! taken: an answer about padding, lengths or tags would be an oracle. CBC proves nothing about its
//! plaintext; what may be done with it is policy and not decided here.

mod cbc;
mod cipher;
mod encrypt;
mod gcm;
mod pass;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use subtle::Choice;
use zeroize::Zeroizing;

use crate::algorithm::{ContentParameters, Integrity, Unsupported};
use crate::cek::Cek;
use crate::reader::{Format, Structure};

pub use encrypt::Encryptor;
pub use pass::{FirstPass, Opened, SecondPass};

/// The one answer for every key that does not open a content: of another length, of another message,
/// ciphertext changed or cut, tag or padding wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unusable;

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key does not open the content")
    }
}

impl core::error::Error for Unusable {}

/// What a ciphertext is decrypted with, besides the key.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// Algorithm, vector and length of the tag.
    pub parameters: &'a ContentParameters,
    /// `authAttrs` as sent, tagged `[1]`: they are authenticated with the tag SET OF (RFC 5083 §2.2), and in
    /// DER, which is how they must be sent.
    pub auth_attributes: Option<&'a [u8]>,
    /// The tag; a tag of another length than the parameters say opens nothing.
    pub mac: Option<&'a [u8]>,
    /// Whether the plaintext is a MIME entity. Without integrity a wrong key passes for right once in about
    /// 256 times; that the beginning must be a header makes that rarer than once in 2^30.
    pub is_mime: bool,
}

impl Structure {
    /// What the content of this message is decrypted with. The plaintext is taken for a MIME entity, which
    /// it is in mail.
    ///
    /// # Errors
    /// When this crate does not decrypt it; no key is involved, and it may be told.
    pub fn content(&self) -> Result<Content<'_>, Unsupported> {
        let parameters = self.encryption.parameters.as_ref().map_err(|unsupported| *unsupported)?;
        match (parameters.algorithm().integrity(), self.format) {
            (Integrity::Aead, Format::AuthEnveloped) | (Integrity::None, Format::Enveloped) => Ok(Content {
                parameters,
                auth_attributes: self.auth_attributes.as_deref(),
                mac: self.mac.as_deref(),
                is_mime: true,
            }),
            _ => Err(Unsupported::Format),
        }
    }
}

/// The first pass: takes the ciphertext and gives nothing away before its end.
#[derive(Debug)]
pub struct Verifier {
    tried: Tried,
    /// Whether anything but tag and padding fits: lengths of key and tag. Judged at the end with the rest.
    fits: Choice,
    octets: u64,
}

#[derive(Debug)]
enum Tried {
    Cbc(cbc::Probe),
    Gcm { start: gcm::Gcm, tag: Box<gcm::Tag>, mac: [u8; gcm::TAG_OCTETS], tag_octets: usize },
}

impl Verifier {
    /// Tries a key on a content. Never fails here, so that a key of a wrong length costs the same time.
    #[must_use]
    pub fn new(key: &Cek, content: &Content<'_>) -> Self {
        let parameters = content.parameters;
        let (block_cipher, mut fits) = cipher::BlockCipher::new(parameters.algorithm(), key);
        let tried = match block_cipher {
            cipher::BlockCipher::Aes(aes) if parameters.algorithm().integrity() == Integrity::Aead => {
                let sent = content.mac.unwrap_or_default();
                let mut mac = [0; gcm::TAG_OCTETS];
                for (to, from) in mac.iter_mut().zip(sent) {
                    *to = *from;
                }
                fits &= Choice::from(u8::from(sent.len() == parameters.tag_octets()));
                let start = gcm::Gcm::new(aes, parameters.iv(), content.auth_attributes);
                let tag = start.tag();
                Tried::Gcm { start, tag, mac, tag_octets: parameters.tag_octets() }
            }
            block_cipher => {
                fits &= Choice::from(u8::from(content.mac.is_none()));
                Tried::Cbc(cbc::Probe::new(block_cipher, parameters.iv(), content.is_mime))
            }
        };
        Self { tried, fits, octets: 0 }
    }

    /// Takes the next octets of the ciphertext.
    pub fn update(&mut self, ciphertext: &[u8]) {
        self.octets = self.octets.saturating_add(ciphertext.len() as u64);
        match &mut self.tried {
            Tried::Cbc(probe) => probe.update(ciphertext),
            Tried::Gcm { tag, .. } => tag.update(ciphertext),
        }
    }

    /// After the last octet of the ciphertext.
    ///
    /// # Errors
    /// When the key does not open it.
    pub fn finish(self) -> Result<Verified, Unusable> {
        let octets = self.octets;
        let (opens, verified) = match self.tried {
            Tried::Cbc(probe) => {
                let opens = probe.opens();
                (opens, Verified { octets, means: Means::Cbc(probe.decryption()) })
            }
            Tried::Gcm { start, tag, mac, tag_octets } => {
                let opens = gcm::equal(&tag.finish(), &mac, tag_octets)
                    & Choice::from(u8::from(octets <= gcm::MAX_OCTETS));
                let tag = start.tag();
                let means = Means::Gcm { keystream: start.keystream(), tag, mac, tag_octets };
                (opens, Verified { octets, means })
            }
        };
        if bool::from(opens & self.fits) { Ok(verified) } else { Err(Unusable) }
    }
}

/// A key that opens a content, and all that is needed to decrypt it.
#[derive(Debug)]
pub struct Verified {
    octets: u64,
    means: Means,
}

#[derive(Debug)]
enum Means {
    Cbc(cbc::Decryption),
    Gcm { keystream: gcm::Keystream, tag: Box<gcm::Tag>, mac: [u8; gcm::TAG_OCTETS], tag_octets: usize },
}

impl Verified {
    /// What was proved.
    #[must_use]
    pub const fn integrity(&self) -> Integrity {
        match self.means {
            Means::Cbc(_) => Integrity::None,
            Means::Gcm { .. } => Integrity::Aead,
        }
    }

    /// Begins the second pass.
    #[must_use]
    pub fn decryptor(self) -> Decryptor {
        Decryptor { left: self.octets, means: self.means }
    }
}

/// The second pass: the same ciphertext again, and plaintext out.
#[derive(Debug)]
pub struct Decryptor {
    /// Octets of ciphertext that are still to come.
    left: u64,
    means: Means,
}

impl Decryptor {
    /// Takes the next octets of the ciphertext and appends plaintext. When it must grow, the old memory of
    /// `plaintext` is wiped.
    ///
    /// # Errors
    /// When more comes than was verified.
    pub fn update(&mut self, ciphertext: &[u8], plaintext: &mut Zeroizing<Vec<u8>>) -> Result<(), Unusable> {
        self.left = self.left.checked_sub(ciphertext.len() as u64).ok_or(Unusable)?;
        make_room(plaintext, ciphertext.len() + cipher::MAX_BLOCK_OCTETS);
        match &mut self.means {
            Means::Cbc(decryption) => decryption.update(ciphertext, plaintext),
            Means::Gcm { keystream, tag, .. } => {
                tag.update(ciphertext);
                let start = plaintext.len();
                plaintext.extend_from_slice(ciphertext);
                return keystream.apply(plaintext.get_mut(start..).unwrap_or_default());
            }
        }
        Ok(())
    }

    /// After the last octet of the ciphertext; appends what was held back.
    ///
    /// # Errors
    /// When the ciphertext is not the one that was verified: all of the plaintext is void.
    pub fn finish(self, plaintext: &mut Zeroizing<Vec<u8>>) -> Result<(), Unusable> {
        make_room(plaintext, cipher::MAX_BLOCK_OCTETS);
        let whole = Choice::from(u8::from(self.left == 0));
        let same = match self.means {
            Means::Cbc(decryption) => decryption.finish(plaintext),
            Means::Gcm { tag, mac, tag_octets, .. } => gcm::equal(&tag.finish(), &mac, tag_octets),
        };
        if bool::from(same & whole) { Ok(()) } else { Err(Unusable) }
    }
}

/// Room for `more` octets without a copy that stays behind in memory given back.
fn make_room(plaintext: &mut Zeroizing<Vec<u8>>, more: usize) {
    let needed = plaintext.len() + more;
    if plaintext.capacity() < needed {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(plaintext.capacity() * 2)));
        larger.extend_from_slice(plaintext);
        *plaintext = larger;
    }
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
