//! Tokens through PKCS #11 (v2.40): the private key stays where it is and does one operation of each
//! [`PrivateOperation`]; everything around it runs here.
//!
//! A token does not mask the padding of RSA v1.5: `unwrap` does, and this file gives it no reason of a
//! failure to tell. Raw RSA is not used. Of ECDH the token gives the shared secret, which needs a key
//! with CKA_DERIVE; OAEP with other hashes than SHA-1 is refused by some tokens.

use std::path::Path;
use std::rc::Rc;

use cedrat_keyring::{
    certificate::KeyKind,
    recipient::{Curve, Hash, Oaep},
    unwrap::{PrivateOperation, Secret},
};
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    mechanism::{
        Mechanism, MechanismType,
        elliptic_curve::{EcKdf, Ecdh1DeriveParams},
        rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource},
    },
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    types::AuthPin,
};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{Identity, read_certificate};
use crate::{Error, secret::Source};

/// A private key of a token.
struct TokenKey {
    session: Rc<Session>,
    key: ObjectHandle,
    /// Octets of a shared secret, of a key for agreement.
    secret_octets: u64,
}

/// The keys of a token that have a certificate there, by their CKA_ID.
///
/// # Errors
/// The module cannot be loaded, there is no such token, or the PIN is wrong. A wrong PIN is tried
/// once: tokens lock themselves.
pub fn load(module: &Path, label: Option<&str>, passphrases: &mut Source) -> Result<Vec<Identity>, Error> {
    let failed = |error: cryptoki::error::Error| Error::Key(format!("{}: {error}", module.display()));
    let context = Pkcs11::new(module).map_err(failed)?;
    context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).map_err(failed)?;
    let mut found = None;
    for slot in context.get_slots_with_initialized_token().map_err(failed)? {
        let token = context.get_token_info(slot).map_err(failed)?;
        if label.is_none_or(|label| label == token.label()) && found.replace((slot, token)).is_some() {
            return Err(Error::Key("more than one token: name one with --token".into()));
        }
    }
    let (slot, token) = found.ok_or_else(|| Error::Key("no such token".into()))?;
    let session = context.open_ro_session(slot).map_err(failed)?;
    let pin = passphrases.ask(&format!("PIN of {}", crate::show::plain(token.label())))?;
    session.login(UserType::User, Some(&AuthPin::new(pin.as_str().into()))).map_err(failed)?;
    let session = Rc::new(session);
    let mut identities = Vec::new();
    let certificates = [Attribute::Class(ObjectClass::CERTIFICATE)];
    for object in session.find_objects(&certificates).map_err(failed)? {
        let (mut value, mut id) = (None, None);
        for attribute in
            session.get_attributes(object, &[AttributeType::Value, AttributeType::Id]).map_err(failed)?
        {
            match attribute {
                Attribute::Value(octets) => value = Some(octets),
                Attribute::Id(octets) => id = Some(octets),
                _ => {}
            }
        }
        // Certificates of issuers, and of kinds that nothing here can use, have no key to look for.
        let (Some(value), Some(id)) = (value, id) else { continue };
        let Ok(certificate) = read_certificate(&value) else { continue };
        let secret_octets = match certificate.key() {
            KeyKind::Rsa(_) => 0,
            KeyKind::Agreement(Curve::P256 | Curve::X25519) => 32,
            KeyKind::Agreement(Curve::P384) => 48,
            KeyKind::Agreement(Curve::P521) => 66,
            KeyKind::MlKem(_) | KeyKind::Other(_) => continue,
        };
        let keys = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(id)];
        if let Some(key) = session.find_objects(&keys).map_err(failed)?.into_iter().next() {
            let operation = Rc::new(TokenKey { session: Rc::clone(&session), key, secret_octets });
            identities.push(Identity { certificate, operation });
        }
    }
    if identities.is_empty() {
        return Err(Error::Key("the token has no key with a certificate of the same CKA_ID".into()));
    }
    Ok(identities)
}

impl PrivateOperation for TokenKey {
    fn rsa_v15(&self, ciphertext: &[u8], _: &mut dyn CryptoRng) -> Option<Secret> {
        self.session.decrypt(&Mechanism::RsaPkcs, self.key, ciphertext).ok().map(Zeroizing::new)
    }

    fn rsa_oaep(&self, ciphertext: &[u8], parameters: &Oaep, _: &mut dyn CryptoRng) -> Option<Secret> {
        let (hash, _) = mechanism(parameters.hash);
        let (_, mgf) = mechanism(parameters.mgf);
        let source = if parameters.label.is_empty() {
            PkcsOaepSource::empty()
        } else {
            PkcsOaepSource::data_specified(&parameters.label)
        };
        let mechanism = Mechanism::RsaPkcsOaep(PkcsOaepParams::new(hash, mgf, source));
        self.session.decrypt(&mechanism, self.key, ciphertext).ok().map(Zeroizing::new)
    }

    fn agree(&self, peer: &[u8]) -> Option<Secret> {
        let mechanism = Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(EcKdf::null(), peer));
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::Token(false),
            Attribute::Sensitive(false),
            Attribute::Extractable(true),
            Attribute::ValueLen(self.secret_octets.into()),
        ];
        let derived = self.session.derive_key(&mechanism, self.key, &template).ok()?;
        let attributes = self.session.get_attributes(derived, &[AttributeType::Value]);
        // An object of the session goes with it, should the token refuse.
        drop(self.session.destroy_object(derived));
        attributes.ok()?.into_iter().find_map(|attribute| match attribute {
            Attribute::Value(octets) => Some(Zeroizing::new(octets)),
            _ => None,
        })
    }
}

fn mechanism(hash: Hash) -> (MechanismType, PkcsMgfType) {
    match hash {
        Hash::Sha1 => (MechanismType::SHA1, PkcsMgfType::MGF1_SHA1),
        Hash::Sha224 => (MechanismType::SHA224, PkcsMgfType::MGF1_SHA224),
        Hash::Sha256 => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
        Hash::Sha384 => (MechanismType::SHA384, PkcsMgfType::MGF1_SHA384),
        Hash::Sha512 => (MechanismType::SHA512, PkcsMgfType::MGF1_SHA512),
    }
}
