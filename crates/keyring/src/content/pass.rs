//! The two passes over a whole message: its reader and its key together, and its digest judged as well.
//!
//! A key is sealed for the digest of a message. Both passes compute it anew, so that neither a file that
//! changed since the message was offered nor one that changed between the passes opens; for CBC nothing
//! else would tell. What cannot be read is [`Unusable`] too: a key is involved now.

use alloc::vec::Vec;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{Content, Decryptor, Unusable, Verified, Verifier};
use crate::algorithm::Integrity;
use crate::cek::Cek;
use crate::reader::{Event, Limits, Reader};

/// A message on its way through the reader, its ciphertext taken on.
#[derive(Debug)]
struct Message {
    reader: Reader,
    limits: Limits,
    sha256: [u8; 32],
    ended: bool,
}

impl Message {
    fn new(limits: Limits, sha256: [u8; 32]) -> Self {
        Self { reader: Reader::new(limits.clone()), limits, sha256, ended: false }
    }

    fn update(
        &mut self,
        octets: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), Unusable>,
    ) -> Result<(), Unusable> {
        let mut rest = octets;
        while let Some(event) = self.reader.next(&mut rest).map_err(|_| Unusable)? {
            match event {
                Event::Ciphertext(octets) => take(octets)?,
                Event::End => self.ended = true,
                _ => {}
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Unusable> {
        let summary = self.reader.finish().map_err(|_| Unusable)?;
        if bool::from(summary.sha256.ct_eq(&self.sha256)) { Ok(()) } else { Err(Unusable) }
    }
}

/// The first pass: the octets of the message in, no plaintext out.
#[derive(Debug)]
pub struct FirstPass {
    message: Message,
    verifier: Verifier,
    /// The message is not what it was; the rest is not read, and the answer is given at the end.
    changed: bool,
}

impl FirstPass {
    /// Tries a key on the message with the digest `sha256` (of its structure's summary).
    #[must_use]
    pub fn new(key: &Cek, content: &Content<'_>, sha256: [u8; 32], limits: Limits) -> Self {
        Self { message: Message::new(limits, sha256), verifier: Verifier::new(key, content), changed: false }
    }

    /// Takes the next octets of the message; those after its structure are ignored.
    pub fn update(&mut self, octets: &[u8]) {
        let verifier = &mut self.verifier;
        let taken = self.message.update(octets, |ciphertext| {
            verifier.update(ciphertext);
            Ok(())
        });
        self.changed |= taken.is_err();
    }

    /// Whether the end of the structure was seen: nothing after it matters.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.message.ended
    }

    /// After the last octet.
    ///
    /// # Errors
    /// When the key does not open this message.
    pub fn finish(self) -> Result<Opened, Unusable> {
        let Self { message, verifier, changed } = self;
        let (limits, sha256) = (message.limits.clone(), message.sha256);
        let unchanged = message.finish();
        let verified = verifier.finish();
        match (verified, unchanged, changed) {
            (Ok(verified), Ok(()), false) => Ok(Opened { verified, limits, sha256 }),
            _ => Err(Unusable),
        }
    }
}

/// A message that a key opens.
#[derive(Debug)]
pub struct Opened {
    verified: Verified,
    limits: Limits,
    sha256: [u8; 32],
}

impl Opened {
    /// What was proved.
    #[must_use]
    pub const fn integrity(&self) -> Integrity {
        self.verified.integrity()
    }

    /// Begins the second pass.
    #[must_use]
    pub fn second_pass(self) -> SecondPass {
        let Self { verified, limits, sha256 } = self;
        SecondPass { message: Message::new(limits, sha256), decryptor: verified.decryptor() }
    }
}

/// The second pass: the octets of the same message in, plaintext out.
#[derive(Debug)]
pub struct SecondPass {
    message: Message,
    decryptor: Decryptor,
}

impl SecondPass {
    /// Takes the next octets of the message and appends plaintext, as [`Decryptor::update`].
    ///
    /// # Errors
    /// When the message is not what it was: all of the plaintext is void.
    pub fn update(&mut self, octets: &[u8], plaintext: &mut Zeroizing<Vec<u8>>) -> Result<(), Unusable> {
        let decryptor = &mut self.decryptor;
        self.message.update(octets, |ciphertext| decryptor.update(ciphertext, plaintext))
    }

    /// Whether the end of the structure was seen.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.message.ended
    }

    /// After the last octet; appends what was held back. Nothing may be published before.
    ///
    /// # Errors
    /// When the message is not what it was: all of the plaintext is void.
    pub fn finish(self, plaintext: &mut Zeroizing<Vec<u8>>) -> Result<(), Unusable> {
        self.message.finish()?;
        self.decryptor.finish(plaintext)
    }
}
