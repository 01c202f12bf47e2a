//! The OpenPGP message of a mail opened with its session key, and closed again for the recipient, in the
//! form of RFC 3156.
//!
//! What `cms` is for S/MIME. The crate that decrypts keeps copies of its own that it does not wipe: they end
//! with this process.

use std::io::{self, Read};

use cedrat_keyring::{
    Cek,
    openpgp::{self as structure, Decoder, Error, Limits, Structure, Survey},
};
use cedrat_mime::Encoding;
use zeroize::Zeroizing;

use super::{Job, Said, Within, in_pieces};
use crate::openpgp;

/// An encrypted message: its packets, and what was read of them as they came.
pub(super) struct Sealed {
    octets: Zeroizing<Vec<u8>>,
    structure: Result<Structure, Error>,
}

impl Sealed {
    /// Reads the body of the encrypted part, to its end in any case: who writes it waits for that.
    pub(super) fn read(input: &mut impl Read, within: &Within) -> io::Result<Self> {
        let mut decoder = Decoder::new(Encoding::parse(&within.encoding), Limits::default());
        let mut survey = Survey::new(Limits::default());
        let mut fault = None;
        let mut octets =
            Zeroizing::new(Vec::with_capacity(usize::try_from(within.octets).map_err(io::Error::other)?));
        in_pieces(input, within.octets, |piece| {
            if fault.is_none() {
                let start = octets.len();
                let decoded = decoder.update(piece, &mut octets);
                fault = decoded.and_then(|()| survey.update(octets.get(start..).unwrap_or_default())).err();
            }
        })?;
        let start = octets.len();
        let ended = decoder.finish(&mut octets);
        let ended = ended.and_then(|()| survey.update(octets.get(start..).unwrap_or_default()));
        let structure = match fault.map_or(ended, Err) {
            Ok(()) => survey.finish(),
            Err(fault) => Err(fault),
        };
        Ok(Self { octets, structure })
    }

    /// The plaintext, and whether a signature stood around it. `sha256` is that of the message for which the
    /// key was given.
    pub(super) fn decrypt(self, key: &Cek, sha256: &[u8; 32]) -> Result<(Zeroizing<Vec<u8>>, bool), Said> {
        let structure = self.structure.map_err(|fault| Said::Failed { why: fault.to_string() })?;
        let message = usize::try_from(structure.summary.octets).ok().and_then(|end| self.octets.get(..end));
        let message = message.filter(|_| structure.summary.sha256 == *sha256).ok_or(Said::NotUsable)?;
        let read = openpgp::decrypt(message, key, structure.protection).ok_or(Said::NotUsable)?;
        Ok((read.octets, read.signed))
    }
}

/// Appends the content encrypted to a certificate, and what RFC 3156 has around it.
pub(super) fn encrypt(entity: &[u8], certificate: &[u8], job: &Job, out: &mut Vec<u8>) -> Result<(), String> {
    out.extend_from_slice(structure::head(&job.id).as_bytes());
    openpgp::encrypt(entity, certificate, job.now, out)?;
    out.extend_from_slice(structure::tail(&job.id).as_bytes());
    Ok(())
}
