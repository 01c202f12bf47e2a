//! The signed form of a session: JWS compact serialization (RFC 7515 §7.1), ES256 and nothing else,
//! by the gateway's long-term key; that key as a JWK (RFC 7517) and its thumbprint (RFC 7638), which
//! is what clients pin. ES256 because every browser's WebCrypto verifies it.
//!
//! Signatures are deterministic (RFC 6979). Neither detached payloads nor other algorithms: the one
//! algorithm is this code's choice, never the token's.

use alloc::{string::String, vec::Vec};
use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::ecdsa::{
    Signature, SigningKey, VerifyingKey,
    signature::{Signer as _, Verifier as _},
};
use p256::elliptic_curve::Generate as _;
use p256::pkcs8::DecodePrivateKey as _;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use super::{Digest, Octets, canonical};

/// `typ` of a signed session: a signature made for another purpose is none here.
pub const TYPE: &str = "cedrat-handoff+jws";

/// Octets of the longest token that is looked at. A session with 500 recipients of a kilobyte each
/// has below 1500000.
pub const MAX_OCTETS: usize = 4 << 20;

/// The gateway's long-term key.
pub struct Signer {
    key_id: String,
    key: SigningKey,
}

/// A public signing key: an EC key of curve P-256 (RFC 7518 §6.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// Always `EC`.
    pub kty: String,
    /// Always `P-256`.
    pub crv: String,
    /// Affine coordinate, 32 octets.
    pub x: Octets,
    /// Affine coordinate, 32 octets.
    pub y: Octets,
    /// Its name in sessions and tokens.
    pub kid: String,
    /// Always `ES256`.
    pub alg: String,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub usage: String,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejected {
    /// It is signed with another algorithm, for another purpose, or asks for an extension.
    Header,
    /// The key is no point of the curve.
    Key,
    /// It is not three parts of base64url, or too long.
    Malformed,
    /// No pinned key has its key id.
    UnknownKey,
    /// The signature is not that key's signature of these octets.
    Signature,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
    /// Extensions that must be understood (RFC 7515 §4.1.11): none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crit: Option<serde_json::Value>,
}

impl Signer {
    /// From a PKCS#8 PrivateKeyInfo; `None` when it holds no P-256 key.
    #[must_use]
    pub fn from_pkcs8(key_id: &str, der: &[u8]) -> Option<Self> {
        Some(Self { key_id: key_id.into(), key: SigningKey::from_pkcs8_der(der).ok()? })
    }

    /// From a private scalar of 32 octets; `None` when it is none.
    #[must_use]
    pub fn from_scalar(key_id: &str, scalar: &[u8]) -> Option<Self> {
        Some(Self { key_id: key_id.into(), key: SigningKey::from_slice(scalar).ok()? })
    }

    /// A new key.
    #[must_use]
    pub fn generate(key_id: &str, rng: &mut impl CryptoRng) -> Self {
        Self { key_id: key_id.into(), key: SigningKey::generate_from_rng(rng) }
    }

    /// Its name.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Its private scalar, to be stored where only the gateway reads it.
    #[must_use]
    pub fn scalar(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.key.to_bytes().into())
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> Jwk {
        let point = self.key.verifying_key().to_sec1_point(false);
        let half = |octets: Option<&p256::FieldBytes>| Octets(octets.map(|o| o.to_vec()).unwrap_or_default());
        Jwk {
            kty: "EC".into(),
            crv: "P-256".into(),
            x: half(point.x()),
            y: half(point.y()),
            kid: self.key_id.clone(),
            alg: "ES256".into(),
            usage: "sig".into(),
        }
    }

    /// The token of a payload.
    #[must_use]
    pub fn sign(&self, payload: &[u8]) -> String {
        let header = Header { alg: "ES256".into(), kid: self.key_id.clone(), typ: TYPE.into(), crit: None };
        let header = serde_json::to_vec(&header).unwrap_or_default(); // three strings
        let mut token = Base64UrlUnpadded::encode_string(&header);
        token.push('.');
        token.push_str(&Base64UrlUnpadded::encode_string(payload));
        let signature: Signature = self.key.sign(token.as_bytes());
        token.push('.');
        token.push_str(&Base64UrlUnpadded::encode_string(&signature.to_bytes()));
        token
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl Jwk {
    /// The thumbprint of RFC 7638 with SHA-256: what a client pins and shows. It does not cover the
    /// key id, which is only a name.
    #[must_use]
    pub fn thumbprint(&self) -> Digest {
        let required = serde_json::json!({ "crv": self.crv, "kty": self.kty, "x": self.x, "y": self.y });
        Digest::of(&canonical(&required).unwrap_or_default())
    }

    /// Whether a signature (RFC 7518 §3.4: R and S, 64 octets) of these octets is this key's.
    pub(super) fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), Rejected> {
        let key = self.key().ok_or(Rejected::Key)?;
        let signature = Signature::from_slice(signature).map_err(|_| Rejected::Signature)?;
        key.verify(signed, &signature).map_err(|_| Rejected::Signature)
    }

    fn key(&self) -> Option<VerifyingKey> {
        if self.kty != "EC" || self.crv != "P-256" || self.x.0.len() != 32 || self.y.0.len() != 32 {
            return None;
        }
        let mut point = Vec::with_capacity(65);
        point.push(4);
        point.extend_from_slice(&self.x.0);
        point.extend_from_slice(&self.y.0);
        VerifyingKey::from_sec1_bytes(&point).ok()
    }
}

/// The payload of a token that one of the `pinned` keys has signed.
///
/// # Errors
/// [`Rejected`]; nothing of the payload is to be believed then.
pub fn verify(token: &str, pinned: &[Jwk]) -> Result<Vec<u8>, Rejected> {
    if token.len() > MAX_OCTETS {
        return Err(Rejected::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Rejected::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(Rejected::Malformed)?;
    let decode = |text| Octets::decode(text).ok_or(Rejected::Malformed);
    let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
    let header: Header = serde_json::from_slice(&header.0).map_err(|_| Rejected::Header)?;
    if header.alg != "ES256" || header.typ != TYPE || header.crit.is_some() {
        return Err(Rejected::Header);
    }
    let jwk = pinned.iter().find(|jwk| jwk.kid == header.kid).ok_or(Rejected::UnknownKey)?;
    jwk.verify(signed.as_bytes(), &signature.0)?;
    Ok(payload.0)
}
