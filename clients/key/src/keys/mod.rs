//! Private keys with their certificates, from wherever they are kept.
//!
//! A key that also authenticates its owner in TLS is refused: a signature made for one purpose must
//! never be usable as the decryption of another.

#[cfg(feature = "openpgp")]
pub mod openpgp;
pub mod pem;
pub mod pkcs11;
pub mod pkcs12;

use std::rc::Rc;

use cedrat_keyring::{
    Cek, Certificate, Recipient,
    cek::Kind,
    certificate,
    openpgp::{Pkesk, Protection},
    recipient,
    unwrap::{KeyLimits, PrivateKey, PrivateOperation},
    wire,
};

use crate::Error;

/// A certificate and what can be done with its private key.
pub struct Identity {
    /// The certificate.
    pub certificate: Certificate,
    /// The private key, or the token that holds it.
    pub operation: Rc<dyn PrivateOperation>,
}

/// Private keys of an OpenPGP certificate, wherever they are kept.
pub trait SessionKeys {
    /// Whether a session key for this recipient is for one of them.
    fn has(&self, recipient: &cedrat_keyring::openpgp::Recipient) -> bool;

    /// The session key in a packet, and what it is for; `None` whatever was wrong with it.
    fn unwrap(&self, pkesk: &Pkesk, protection: Protection) -> Option<(Cek, Kind)>;
}

/// A way to the content key of a session.
pub struct Way<'a> {
    /// Index of the recipient in the session.
    pub index: u32,
    /// The recipient.
    pub recipient: Recipient,
    /// Whose key it is for.
    pub identity: &'a Identity,
}

/// The first recipient of a session that one of the keys is for. `None` when none is; RecipientInfos
/// that cannot be read are for nobody.
#[must_use]
pub fn way<'a>(identities: &'a [Identity], session: &wire::Session) -> Option<Way<'a>> {
    session.recipients.iter().find_map(|offered| {
        let recipient = Recipient::read(&offered.der.0, &recipient::Limits::default()).ok()?;
        let identity =
            identities.iter().find(|one| certificate::matches(&recipient, &one.certificate).is_some())?;
        Some(Way { index: offered.index, recipient, identity })
    })
}

/// The first OpenPGP session key of a session that one of the keys is for: its index, it, and the key.
pub fn openpgp_way<'a>(
    keys: &'a [Box<dyn SessionKeys>],
    session: &wire::Session,
) -> Option<(u32, Pkesk, &'a dyn SessionKeys)> {
    session.recipients.iter().find_map(|offered| {
        let pkesk = Pkesk::read(&offered.der.0).ok()?;
        let key = keys.iter().find(|key| key.has(pkesk.recipient()))?;
        Some((offered.index, pkesk, key.as_ref()))
    })
}

/// What a file with private keys is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An OpenPGP secret key, with armor or without.
    Openpgp,
    /// PEM of any kind.
    Pem,
    /// PKCS #12.
    Pkcs12,
}

/// What a file is, from its first octets.
///
/// # Errors
/// It cannot be read.
pub fn form(path: &std::path::Path) -> Result<Form, Error> {
    use std::io::Read as _;
    let mut start = Vec::new();
    let opened = std::fs::File::open(path);
    opened.and_then(|file| file.take(64).read_to_end(&mut start)).map_err(crate::error::file(path))?;
    Ok(match start.first() {
        // A SEQUENCE; PEM may have text before it.
        Some(0x30) => Form::Pkcs12,
        // A packet, whose first bit is always set.
        Some(0x80..) => Form::Openpgp,
        _ if start.trim_ascii_start().starts_with(b"-----BEGIN PGP ") => Form::Openpgp,
        _ => Form::Pem,
    })
}

/// Refuses a key that is also used to log in.
///
/// # Errors
/// It is.
pub fn not_for_login(identities: &[Identity], login: &[u8]) -> Result<(), Error> {
    let login = read_certificate(login)?;
    if identities.iter().any(|one| one.certificate.public_key() == login.public_key()) {
        return Err(Error::Policy("the key that opens mail also logs in by TLS; use two".into()));
    }
    Ok(())
}

pub(crate) fn read_certificate(der: &[u8]) -> Result<Certificate, Error> {
    Certificate::read(der, &recipient::Limits::default())
        .map_err(|malformed| Error::Key(format!("certificate: {malformed}")))
}

pub(crate) fn read_key(der: &[u8]) -> Result<PrivateKey, Error> {
    PrivateKey::read(der, &KeyLimits::default()).map_err(|malformed| Error::Key(malformed.to_string()))
}

/// Each certificate with its key. A key may have several: a certificate that was renewed names the same
/// key, and old mail names the old certificate.
pub(crate) fn pair(keys: Vec<PrivateKey>, certificates: &[Certificate]) -> Result<Vec<Identity>, Error> {
    let mut identities = Vec::new();
    for key in keys {
        let own = certificates.iter().filter(|certificate| key.belongs_to(certificate)).cloned();
        let own: Vec<_> = own.collect();
        if own.is_empty() {
            return Err(Error::Key(format!("a key without its certificate: {key:?}")));
        }
        let operation: Rc<dyn PrivateOperation> = Rc::new(key);
        let identity = |certificate| Identity { certificate, operation: Rc::clone(&operation) };
        identities.extend(own.into_iter().map(identity));
    }
    Ok(identities)
}
