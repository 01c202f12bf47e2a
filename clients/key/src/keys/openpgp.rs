//! Private keys of OpenPGP: a transferable secret key (RFC 9580 §10.2) in a file, with armor or without, as
//! `gpg --export-secret-keys` writes it.
//!
//! What is taken out of a session key packet is compared in nobody's sight but this process's. The RSA
//! behind it is not written for constant time: whoever measures this client to the microsecond may learn
//! from it, so do not let it grant by itself on a machine that others use.

use std::path::Path;

use cedrat_keyring::{
    Cek,
    cek::Kind,
    openpgp::{Cipher, Pkesk, Protection, Recipient, Version},
};
use pgp::{
    composed::{Deserializable as _, PlainSessionKey, SignedSecretKey},
    packet::{Packet, PacketParser},
    types::{DecryptionKey, EskType, KeyDetails as _, Password},
};
use zeroize::Zeroizing;

use super::SessionKeys;
use crate::{Error, error::file, secret::Source};

/// A secret key with its subkeys, and what unlocks it.
struct SecretKey {
    key: SignedSecretKey,
    password: Password,
}

/// The keys of a file.
///
/// # Errors
/// The file cannot be read, holds no secret key, or the passphrase is wrong.
pub fn load(path: &Path, passphrases: &mut Source) -> Result<Vec<Box<dyn SessionKeys>>, Error> {
    let octets = Zeroizing::new(std::fs::read(path).map_err(file(path))?);
    let refuse = |what: &str| Error::Key(format!("{}: {what}", path.display()));
    let (read, _) =
        SignedSecretKey::from_reader_many(octets.as_slice()).map_err(|fault| refuse(&fault.to_string()))?;
    let mut keys: Vec<Box<dyn SessionKeys>> = Vec::new();
    for key in read {
        let key = key.map_err(|fault| refuse(&fault.to_string()))?;
        let locked = key.secret_subkeys.iter().any(|subkey| subkey.key.secret_params().is_encrypted());
        let password = if locked || key.primary_key.secret_params().is_encrypted() {
            let passphrase = passphrases.ask(&format!("Passphrase of {}", path.display()))?;
            Password::from(passphrase.as_str())
        } else {
            Password::empty()
        };
        let unlocks = key
            .secret_subkeys
            .iter()
            .all(|subkey| matches!(subkey.key.unlock(&password, |_, _| Ok(())), Ok(Ok(()))));
        if !unlocks {
            return Err(refuse("wrong passphrase, or a key that is elsewhere"));
        }
        keys.push(Box::new(SecretKey { key, password }));
    }
    if keys.is_empty() {
        return Err(refuse("no secret key in it"));
    }
    Ok(keys)
}

impl SecretKey {
    fn session_key(&self, pkesk: &Pkesk) -> Option<PlainSessionKey> {
        let packet = PacketParser::new(pkesk.raw()).next()?.ok()?;
        let Packet::PublicKeyEncryptedSessionKey(packet) = packet else { return None };
        let values = packet.values().ok()?;
        let kind = match pkesk.version() {
            Version::V3 => EskType::V3_4,
            Version::V6 => EskType::V6,
        };
        let named = |fingerprint: &[u8]| pkesk.recipient().names(fingerprint);
        let subkeys = self.key.secret_subkeys.iter().map(|subkey| &subkey.key);
        let found = subkeys.into_iter().find(|subkey| named(subkey.fingerprint().as_bytes()));
        match found {
            Some(subkey) => subkey.decrypt(&self.password, values, kind),
            None => self.key.primary_key.decrypt(&self.password, values, kind),
        }
        .ok()?
        .ok()
    }
}

impl SessionKeys for SecretKey {
    fn has(&self, recipient: &Recipient) -> bool {
        let subkeys = self.key.secret_subkeys.iter().map(|subkey| subkey.key.fingerprint());
        let primary = std::iter::once(self.key.primary_key.fingerprint());
        subkeys.chain(primary).any(|it| recipient.names(it.as_bytes()))
    }

    fn unwrap(&self, pkesk: &Pkesk, protection: Protection) -> Option<(Cek, Kind)> {
        let (kind, key) = match (self.session_key(pkesk)?, protection) {
            (PlainSessionKey::V3_4 { sym_alg, ref key }, Protection::Mdc) => {
                (Cipher::of(u8::from(sym_alg))?.kind(), Cek::new(key.as_ref())?)
            }
            (PlainSessionKey::V6 { ref key }, Protection::Aead { .. }) => {
                (protection.kinds().first().copied()?, Cek::new(key.as_ref())?)
            }
            _ => return None,
        };
        (key.octets().len() == kind.octets).then_some((key, kind))
    }
}

#[cfg(test)]
mod tests;
