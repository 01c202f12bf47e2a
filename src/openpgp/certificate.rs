//! Certificates of recipients (RFC 9580 §10.1): which of their keys mail is encrypted to.
//!
//! Bindings of a certificate to itself are verified, revocations and expiry are heeded. Whether it is the
//! certificate of whom it names is not looked at: the operator names the file.

use pgp::{
    composed::{Deserializable as _, SignedPublicKey},
    packet::{PublicKey, PublicSubkey, Signature, SignatureType},
    types::{KeyDetails, Tag},
};

/// A transferable public key.
#[derive(Debug, Clone)]
pub struct Certificate {
    octets: Vec<u8>,
    fingerprints: Vec<Vec<u8>>,
}

/// A key of a certificate that a message can be encrypted to.
pub(super) enum Key {
    Primary(PublicKey),
    Subkey(PublicSubkey),
}

/// A key with what the newest valid signature over it says.
struct Bound<'a> {
    key: Key,
    by: &'a Signature,
}

impl Certificate {
    /// Reads one, with armor or without. That a key of it has expired is not its fault: old mail is encrypted
    /// to it.
    ///
    /// # Errors
    /// It is no certificate, it is revoked, or mail cannot be encrypted to any of its keys.
    pub fn read(octets: &[u8]) -> Result<Self, String> {
        let read = parse(octets)?;
        let fingerprints = bound(&read)?.iter().map(|it| it.key.fingerprint()).collect();
        Ok(Self { octets: octets.to_vec(), fingerprints })
    }

    /// Fingerprints of the keys that mail is encrypted to, or was.
    pub fn fingerprints(&self) -> &[Vec<u8>] {
        &self.fingerprints
    }

    /// It, as it was read.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }
}

impl Key {
    fn fingerprint(&self) -> Vec<u8> {
        match self {
            Self::Primary(key) => key.fingerprint().as_bytes().to_vec(),
            Self::Subkey(key) => key.fingerprint().as_bytes().to_vec(),
        }
    }

    fn created_at(&self) -> u32 {
        match self {
            Self::Primary(key) => key.created_at().as_secs(),
            Self::Subkey(key) => key.created_at().as_secs(),
        }
    }
}

/// The key to encrypt to at a time, milliseconds since 1970: of those that are valid then the newest; and
/// whether content for it may be of version 2.
pub(super) fn encryption_key(certificate: &[u8], now: i64) -> Result<(Key, bool), String> {
    let read = parse(certificate)?;
    let own = own_signatures(&read);
    let seconds = now.div_euclid(1000);
    let live = |created: u32, by: &Signature| {
        let expires = by.key_expiration_time().map(|it| it.as_secs()).filter(|it| *it > 0);
        i64::from(created) <= seconds
            && expires.is_none_or(|after| seconds < i64::from(created) + i64::from(after))
    };
    if !own.is_some_and(|by| live(read.primary_key.created_at().as_secs(), by)) {
        return Err("the OpenPGP certificate has expired".to_owned());
    }
    let newest = bound(&read)?
        .into_iter()
        .filter(|it| live(it.key.created_at(), it.by))
        .max_by_key(|it| it.key.created_at())
        .ok_or("the OpenPGP certificate has no key left to encrypt to")?;
    let aead = own.and_then(Signature::features).is_some_and(|features| features.seipd_v2());
    Ok((newest.key, aead))
}

fn parse(octets: &[u8]) -> Result<SignedPublicKey, String> {
    let (read, _) = SignedPublicKey::from_reader_single(octets)
        .map_err(|fault| format!("no OpenPGP certificate: {fault}"))?;
    let revocations = &read.details.revocation_signatures;
    if revocations.iter().any(|it| it.verify_key(&read.primary_key).is_ok()) {
        return Err("the OpenPGP certificate is revoked".to_owned());
    }
    Ok(read)
}

/// The newest valid signature of a certificate over itself: on the key alone, else on a name.
fn own_signatures(read: &SignedPublicKey) -> Option<&Signature> {
    let primary = &read.primary_key;
    let direct = read.details.direct_signatures.iter().filter(|it| it.verify_key(primary).is_ok());
    newest(direct).or_else(|| {
        newest(read.details.users.iter().flat_map(|user| {
            let own = move |it: &&Signature| {
                it.is_certification() && it.verify_certification(primary, Tag::UserId, &user.id).is_ok()
            };
            user.signatures.iter().filter(own)
        }))
    })
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|it| it.created())
}

/// The keys that mail is encrypted to.
fn bound(read: &SignedPublicKey) -> Result<Vec<Bound<'_>>, String> {
    let primary = &read.primary_key;
    let for_mail = |by: &Signature| by.key_flags().encrypt_comms() || by.key_flags().encrypt_storage();
    let mut found = Vec::new();
    for subkey in &read.public_subkeys {
        let valid =
            || subkey.signatures.iter().filter(|it| it.verify_subkey_binding(primary, &subkey.key).is_ok());
        let is = |it: &&Signature, typ| it.typ() == Some(typ);
        let revoked = valid().any(|it| is(&it, SignatureType::SubkeyRevocation));
        let by = newest(valid().filter(|it| is(it, SignatureType::SubkeyBinding)));
        if let Some(by) = by.filter(|by| !revoked && for_mail(by)) {
            found.push(Bound { key: Key::Subkey(subkey.key.clone()), by });
        }
    }
    if let Some(by) = own_signatures(read).filter(|by| for_mail(by)) {
        found.push(Bound { key: Key::Primary(primary.clone()), by });
    }
    if found.is_empty() {
        return Err("the OpenPGP certificate has no key to encrypt to".to_owned());
    }
    Ok(found)
}
