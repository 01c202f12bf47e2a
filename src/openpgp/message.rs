//! Messages (RFC 9580 §10.3): opened with a session key, closed for a certificate under a fresh one.
//!
//! Nothing of a message is returned before all of it was verified: of version 1 the digest is compared
//! before a packet within is looked at, of version 2 every chunk and the last tag. What is compressed may
//! grow so far and no further.

use std::io::{self, Read, Write};

use cedrat_keyring::{
    Cek,
    openpgp::{Cipher, Protection},
};
use pgp::{
    composed::{
        ArmorOptions, DecryptionOptions, Message, MessageBuilder, PlainSessionKey, RawSessionKey, TheRing,
    },
    crypto::{
        aead::{AeadAlgorithm, ChunkSize},
        sym::SymmetricKeyAlgorithm,
    },
    types::{EncryptionKey, Seipdv1ReadMode},
};
use rand_core_06::OsRng;
use zeroize::Zeroizing;

use super::{
    Decrypted,
    certificate::{Key, encryption_key},
};

/// Octets that a compressed message may grow to; one that is larger to begin with may not grow.
const MOST_GROWN: u64 = 64 << 20;

/// Opens a message without armor. `None` whatever is wrong with the key or the message: who holds the key must
/// not learn which.
pub(crate) fn decrypt(message: &[u8], key: &Cek, protection: Protection) -> Option<Decrypted> {
    decrypt_up_to(MOST_GROWN, message, key, protection)
}

pub(super) fn decrypt_up_to(
    most: u64,
    message: &[u8],
    key: &Cek,
    protection: Protection,
) -> Option<Decrypted> {
    let raw = RawSessionKey::from(Zeroizing::new(key.octets().to_vec()));
    let session_key = match protection {
        Protection::Aead { .. } => PlainSessionKey::V6 { key: raw },
        Protection::Mdc => {
            let cipher = Cipher::of_key(key.octets().len())?;
            PlainSessionKey::V3_4 { sym_alg: SymmetricKeyAlgorithm::from(cipher.number()), key: raw }
        }
    };
    let check_first = Seipdv1ReadMode::CheckFirst { max_message_size: message.len() };
    let ring = TheRing {
        session_keys: vec![session_key],
        decrypt_options: DecryptionOptions::new().set_seipdv1_read_mode(check_first),
        ..TheRing::default()
    };
    let octets = message.len() as u64;
    let (mut content, _) = Message::from_bytes(message).ok()?.decrypt_the_ring(ring, true).ok()?;
    if content.is_compressed() {
        content = content.decompress().ok()?;
    }
    if content.is_compressed() || content.is_encrypted() {
        return None;
    }
    let signed = content.is_signed();
    let most = octets.max(most);
    let mut plaintext = Zeroizing::new(Vec::new());
    // Never grown, so that no octet is left behind where it was before.
    let mut room = octets;
    loop {
        let mut larger = Zeroizing::new(Vec::with_capacity(usize::try_from(room).ok()?));
        larger.extend_from_slice(&plaintext);
        plaintext = larger;
        (&mut content).take(room - plaintext.len() as u64).read_to_end(&mut plaintext).ok()?;
        if (plaintext.len() as u64) < room {
            break;
        }
        if room >= most {
            let mut one = [0];
            return (content.read(&mut one).ok()? == 0).then_some(Decrypted { octets: plaintext, signed });
        }
        room = room.saturating_mul(2).min(most);
    }
    Some(Decrypted { octets: plaintext, signed })
}

/// Closes content for a certificate under a fresh key, in armor, at a time in milliseconds since 1970.
pub(crate) fn encrypt(content: &[u8], certificate: &[u8], now: i64, out: &mut Vec<u8>) -> Result<(), String> {
    let (key, aead) = encryption_key(certificate, now)?;
    match &key {
        Key::Primary(key) => encrypt_to(content, key, aead, out),
        Key::Subkey(key) => encrypt_to(content, key, aead, out),
    }
    .map_err(|fault| fault.to_string())
}

fn encrypt_to(
    content: &[u8],
    key: &impl EncryptionKey,
    aead: bool,
    out: &mut Vec<u8>,
) -> pgp::errors::Result<()> {
    let message = MessageBuilder::from_reader("", content);
    // Who reads version 2 does not need a checksum of the armor (§6.1).
    let armor = ArmorOptions { headers: None, include_checksum: !aead };
    if aead {
        let mut message =
            message.seipd_v2(OsRng, SymmetricKeyAlgorithm::AES256, AeadAlgorithm::Ocb, ChunkSize::default());
        message.encrypt_to_key(OsRng, key)?;
        message.to_armored_writer(OsRng, armor, Lines(out))
    } else {
        let mut message = message.seipd_v1(OsRng, SymmetricKeyAlgorithm::AES256);
        message.encrypt_to_key(OsRng, key)?;
        message.to_armored_writer(OsRng, armor, Lines(out))
    }
}

/// Ends lines as mail does.
struct Lines<'a>(&'a mut Vec<u8>);

impl Write for Lines<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        for piece in octets.split_inclusive(|octet| *octet == b'\n') {
            match piece.strip_suffix(b"\n") {
                Some(line) => {
                    self.0.extend_from_slice(line);
                    self.0.extend_from_slice(b"\r\n");
                }
                None => self.0.extend_from_slice(piece),
            }
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
