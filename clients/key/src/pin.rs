//! Keys of gateways that the user has accepted: one file, read whole and replaced whole.
//!
//! What is pinned is the key that signs sessions, not the certificate of the connection: a proxy that
//! ends the TLS connection must not be able to put its own key into a session.

use std::fs;
use std::path::{Path, PathBuf};

use cedrat_keyring::wire::{Digest, Time, jws::Jwk};
use serde::{Deserialize, Serialize};

use crate::{Error, address::Address, error::file};

/// One accepted key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Origin of the gateway.
    pub gateway: String,
    /// The key.
    pub key: Jwk,
    /// Its thumbprint (RFC 7638), for people; what is checked is the key.
    pub thumbprint: Digest,
    /// When it was accepted.
    pub since: Time,
}

/// All accepted keys.
#[derive(Debug)]
pub struct Pins {
    path: PathBuf,
    pins: Vec<Pin>,
}

/// How the keys that a gateway shows stand to those that are pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Other keys are pinned for it, or the same ones and more.
    Changed,
    /// Nothing is pinned for it.
    New,
    /// They are the pinned ones.
    Same,
}

impl Pins {
    /// Reads the file; an absent one has no pins.
    ///
    /// # Errors
    /// It cannot be read, or is damaged: it is never taken for an empty one.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let pins = match fs::read(path) {
            Ok(octets) => serde_json::from_slice(&octets)
                .map_err(|error| Error::Input(format!("{}: {error}", path.display())))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(file(path)(error)),
        };
        Ok(Self { path: path.into(), pins })
    }

    /// Keys of a gateway.
    #[must_use]
    pub fn of(&self, gateway: &Address) -> Vec<Jwk> {
        let gateway = gateway.to_string();
        self.pins.iter().filter(|pin| pin.gateway == gateway).map(|pin| pin.key.clone()).collect()
    }

    /// Compares keys by their thumbprints and names.
    #[must_use]
    pub fn standing(&self, gateway: &Address, keys: &[Jwk]) -> Standing {
        let name = |key: &Jwk| (key.kid.clone(), key.thumbprint());
        let mut pinned: Vec<_> = self.of(gateway).iter().map(name).collect();
        let mut shown: Vec<_> = keys.iter().map(name).collect();
        pinned.sort();
        shown.sort();
        match pinned.is_empty() {
            true => Standing::New,
            false if pinned == shown => Standing::Same,
            false => Standing::Changed,
        }
    }

    /// Puts these keys in the place of those of a gateway and writes the file.
    ///
    /// # Errors
    /// It cannot be written; the old one is still there then.
    pub fn replace(&mut self, gateway: &Address, keys: &[Jwk], now: Time) -> Result<(), Error> {
        let gateway = gateway.to_string();
        self.pins.retain(|pin| pin.gateway != gateway);
        self.pins.extend(keys.iter().map(|key| Pin {
            gateway: gateway.clone(),
            key: key.clone(),
            thumbprint: key.thumbprint(),
            since: now,
        }));
        let text = serde_json::to_vec_pretty(&self.pins).map_err(|error| Error::Input(error.to_string()))?;
        let partial = self.path.with_extension("partial");
        let write = || {
            use std::io::Write as _;
            let mut out = fs::File::create(&partial)?;
            out.write_all(&text)?;
            out.sync_all()?;
            fs::rename(&partial, &self.path)
        };
        write().map_err(file(&self.path))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use cedrat_keyring::wire::jws::Signer;
    use cedrat_message::Timestamp;

    use super::*;

    #[test]
    fn a_changed_key_is_told_from_a_new_gateway() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("pins.json");
        let [one, two] =
            ["https://one.example", "https://two.example"].map(|url| Address::parse(url).unwrap());
        let key = |name, octet| Signer::from_scalar(name, &[octet; 32]).unwrap().public();
        let mut pins = Pins::load(&path).unwrap();
        assert_eq!(pins.standing(&one, &[key("a", 1)]), Standing::New);
        pins.replace(&one, &[key("a", 1)], Time(Timestamp(0))).unwrap();
        let pins = Pins::load(&path).unwrap();
        assert_eq!(pins.of(&one), [key("a", 1)]);
        assert_eq!(pins.standing(&one, &[key("a", 1)]), Standing::Same);
        assert_eq!(pins.standing(&one, &[key("a", 2)]), Standing::Changed);
        assert_eq!(pins.standing(&one, &[key("a", 1), key("b", 2)]), Standing::Changed);
        assert_eq!(pins.standing(&two, &[key("a", 1)]), Standing::New);
    }

    #[test]
    fn a_damaged_file_is_not_an_empty_one() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("pins.json");
        fs::write(&path, "[{").unwrap();
        assert!(Pins::load(&path).is_err());
    }
}
