//! PEM files: PKCS #8 (RFC 5958), in clear or encrypted under PBES2 (RFC 8018), and certificates.
//!
//! Forms of OpenSSL's own (`BEGIN RSA PRIVATE KEY`, `Proc-Type: 4,ENCRYPTED`) are not read: they are
//! one command away from PKCS #8.

use std::path::Path;

use cedrat_keyring::unwrap::PrivateKey;
use pkcs8::EncryptedPrivateKeyInfoRef;
use zeroize::{Zeroize as _, Zeroizing};

use super::{Identity, pair, read_certificate, read_key};
use crate::{Error, error::file, secret::Source};

/// Keys and certificates of some files, which belong together.
///
/// # Errors
/// A file cannot be read, a passphrase is wrong, or a key has no certificate.
pub fn load(paths: &[&Path], passphrases: &mut Source) -> Result<Vec<Identity>, Error> {
    let (mut keys, mut certificates) = (Vec::new(), Vec::new());
    for path in paths {
        let octets = Zeroizing::new(std::fs::read(path).map_err(file(path))?);
        let blocks = pem::parse_many(&*octets)
            .map_err(|error| Error::Input(format!("{}: {error}", path.display())))?;
        if blocks.is_empty() {
            return Err(Error::Input(format!("{}: no PEM in it", path.display())));
        }
        for block in blocks {
            let tag = block.tag().to_owned();
            let der = Zeroizing::new(block.into_contents());
            match tag.as_str() {
                "CERTIFICATE" => certificates.push(read_certificate(&der)?),
                "PRIVATE KEY" => keys.push(read_key(&der)?),
                "ENCRYPTED PRIVATE KEY" => keys.push(decrypt(&der, path, passphrases)?),
                "RSA PRIVATE KEY" | "EC PRIVATE KEY" => {
                    return Err(Error::Key(format!(
                        "{0}: not PKCS #8; convert it: openssl pkcs8 -topk8 -in {0}",
                        path.display()
                    )));
                }
                _ => {} // parameters of curves, requests, chains of other formats
            }
        }
    }
    pair(keys, &certificates)
}

fn decrypt(der: &[u8], path: &Path, passphrases: &mut Source) -> Result<PrivateKey, Error> {
    let refuse = |what: &str| Error::Key(format!("{}: {what}", path.display()));
    let info = EncryptedPrivateKeyInfoRef::try_from(der)
        .map_err(|_| refuse("not a key encrypted under PBES2; convert it: openssl pkcs8 -topk8"))?;
    let passphrase = passphrases.ask(&format!("Passphrase of {}", path.display()))?;
    let mut plain = info
        .encryption_algorithm
        .decrypt(passphrase.as_bytes(), info.encrypted_data.as_bytes())
        .map_err(|_| refuse("wrong passphrase, or an encryption that is not supported"))?;
    let key = read_key(&plain);
    plain.zeroize();
    key
}
