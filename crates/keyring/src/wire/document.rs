//! The session resource and what a client sends back.
//!
//! A client ignores members that it does not know, except in a consent: what it cannot understand
//! it must not agree to. A server refuses unknown members of what it is sent.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use super::{Digest, Octets, Time, jws::Jwk};
use crate::{
    Consent,
    algorithm::ContentEncryption,
    cek,
    openpgp::{Pkesk, Protection},
    session::{Outcome, State},
};

/// One waiting, running or ended handoff: `GET /api/v1/handoff/sessions/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its name in paths: opaque, unguessable.
    pub id: String,
    /// Where it stands.
    pub state: State,
    /// How it ended, when it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// When it was offered.
    pub created: Time,
    /// Until when a key is awaited.
    pub expires: Time,
    /// Refused grants that are still borne.
    pub attempts_left: u8,
    /// Whose session it is.
    pub account: String,
    /// `kid` of the key that signs sessions of this gateway.
    pub server_key_id: String,
    /// The session of the layer around this one, when encryption is nested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// What is encrypted.
    pub message: Message,
    /// The RecipientInfos, or PKESKs, of this account's keys.
    pub recipients: Vec<Recipient>,
    /// Where the key is to be sealed to.
    pub seal: Seal,
    /// What is asked for.
    pub consent: Consent,
    /// What a trusted execution environment says of the gateway; opaque, and nothing is claimed.
    #[serde(default)]
    pub attestation: Option<serde_json::Value>,
}

/// The encrypted message, as far as it is readable without a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Message-ID, with its angle brackets.
    pub message_id: Option<String>,
    /// From, as it stands in the header.
    pub from: Option<String>,
    /// Subject, decoded; of a message with protected headers the outer one.
    pub subject: Option<String>,
    /// Date, as it stands in the header.
    pub date: Option<String>,
    /// Which way it goes.
    pub direction: Direction,
    /// Octets of the message as it came.
    pub size: u64,
    /// Of the exact CMS or OpenPGP octets, after any transfer encoding.
    pub sha256: Digest,
    /// The MIME part (RFC 3501 §6.4.5 numbering) that they are.
    pub part_path: String,
    /// What they are.
    pub format: Format,
    /// What the content algorithm proves.
    pub integrity: Integrity,
    /// What the content is encrypted with.
    pub content_alg: ContentAlgorithm,
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// To the account.
    Inbound,
    /// From the account.
    Outbound,
}

/// What encrypted octets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// AuthEnvelopedData (RFC 5083).
    CmsAuthEnveloped,
    /// EnvelopedData (RFC 5652 §6).
    CmsEnveloped,
    /// An OpenPGP message (RFC 9580).
    Openpgp,
}

/// What a content algorithm proves about its plaintext.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Integrity {
    /// A tag over all of it, known before a plaintext octet is used.
    Aead,
    /// The modification detection code of OpenPGP.
    Mdc,
    /// Nothing.
    None,
}

/// An algorithm with its parameters. Of OpenPGP `oid` is empty, and `der` is its number in the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Algorithm {
    /// Dotted object identifier.
    pub oid: String,
    /// Name for people and logs.
    pub name: String,
    /// The AlgorithmIdentifier as it came.
    pub der: Octets,
}

/// The content-encryption algorithm. Of OpenPGP `oid` is empty, and `der` are the first octets of the
/// encrypted data: of version 1 that octet alone, of version 2 with cipher, mode, chunk size and salt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentAlgorithm {
    /// Dotted object identifier.
    pub oid: String,
    /// [`crate::ContentAlgorithm::name`]; what the sealed key names as its `alg`. Of `cek-hkdf-sha256`
    /// (RFC 9709) that of the algorithm within, whose key the client derives. Of OpenPGP
    /// [`crate::openpgp::Protection::name`]; where that is `openpgp-mdc`, the sealed key names the cipher that
    /// stood beside it ([`crate::openpgp::Cipher::kind`]).
    pub name: String,
    /// The AlgorithmIdentifier as it came.
    pub der: Octets,
    /// Octets of its key; 0 where the encrypted key says which.
    pub key_bytes: u8,
}

/// One way to the content key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// Position among the RecipientInfos of the message; of a key agreement with several keys the
    /// position of the agreement.
    pub index: u32,
    /// Which kind.
    #[serde(rename = "type")]
    pub kind: RecipientType,
    /// Whose key it is for.
    pub rid: RecipientId,
    /// What the content key is encrypted with.
    pub key_enc_alg: Algorithm,
    /// The whole RecipientInfo, or PKESK, as it came.
    pub der: Octets,
    /// Of `der`.
    pub sha256: Digest,
}

/// The kinds of RecipientInfo (RFC 5652 §6.2, RFC 9629) and PKESK (RFC 9580 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecipientType {
    /// Key agreement.
    Kari,
    /// A key known to both sides before.
    Kekri,
    /// Key encapsulation.
    Kemri,
    /// Key transport.
    Ktri,
    /// OpenPGP, version 3.
    Pkesk3,
    /// OpenPGP, version 6.
    Pkesk6,
    /// A password.
    Pwri,
}

/// How a RecipientInfo names a key: issuer and serial, or key identifier, or fingerprint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientId {
    /// The issuer's Name.
    pub issuer_der: Option<Octets>,
    /// Contents of the serial number's INTEGER.
    pub serial: Option<Octets>,
    /// Subject key identifier.
    pub ski: Option<Octets>,
    /// OpenPGP fingerprint or key id.
    pub fingerprint: Option<Octets>,
}

/// The key of one session that a content key is sealed to (HPKE, RFC 9180).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// What with.
    #[serde(flatten)]
    pub suite: Suite,
    /// SerializePublicKey of the KEM.
    pub public_key: Octets,
    /// `info` of the key schedule.
    pub info: String,
    /// Names this key among all that ever were.
    pub jti: Octets,
}

/// A combination of algorithms, by its HPKE registry numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suite {
    /// Key encapsulation.
    pub kem: u16,
    /// Key derivation.
    pub kdf: u16,
    /// Encryption.
    pub aead: u16,
}

/// The answer of `GET /api/v1/handoff/sessions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionList {
    /// Sessions of the account in the state that was asked for, the oldest first.
    pub sessions: Vec<Session>,
}

/// The body of `PUT …/{id}/key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// [`Recipient::index`] of the one whose key was used.
    pub recipient_index: u32,
    /// Encapsulated key.
    pub enc: Octets,
    /// `{"cek":…,"alg":…}`, encrypted.
    pub ct: Octets,
    /// What the client agrees to when it is less than what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// The associated data that the client sealed with, to learn what differs. Never used as such:
    /// the server builds its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aad: Option<Octets>,
}

/// The body of `POST …/{id}/decline`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decline {
    /// Why.
    pub reason_code: DeclineReason,
}

/// Why a client gives no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeclineReason {
    /// None of its private keys fits.
    NoKey,
    /// Its rules forbid it.
    Policy,
    /// The user said no.
    Refused,
    /// The session does not fit what the client knows of the message.
    Untrusted,
}

/// A refusal (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A reference that ends in the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// For people; the same for the same code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// [`Outcome::slug`], or a code of the gateway's other interfaces.
    pub code: String,
    /// What exactly; absent where the content key is concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Where the session stands, of a closed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
}

/// What a client must know before the first session: `GET /api/v1/handoff/.well-known`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WellKnown {
    /// Keys that sign sessions (a JWK set, RFC 7517 §5).
    pub keys: Vec<Jwk>,
    /// Seals in use, the preferred first.
    pub suites: Vec<Suite>,
    /// Bounds.
    pub limits: Bounds,
}

/// Bounds of a handoff that a client can plan with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Refused grants a session bears.
    pub attempts: u8,
    /// Seconds from the acceptance of a key to its end at the latest.
    pub hard_deadline: u32,
    /// Seconds that a long poll may wait.
    pub wait: u32,
}

/// What of a session contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inconsistent {
    /// The content algorithm is none that this crate knows, or what is said of it is not so.
    ContentAlgorithm,
    /// A RecipientInfo has another digest than stated.
    RecipientDigest(u32),
    /// An OpenPGP session key cannot be read, or does not open content of this version.
    SessionKey(u32),
    /// Two recipients have one index.
    RecipientIndex(u32),
    /// The seal is of a suite, or for a purpose, that is not [`crate::seal`]'s.
    Seal,
}

impl From<Protection> for Integrity {
    fn from(protection: Protection) -> Self {
        match protection {
            Protection::Aead { .. } => Self::Aead,
            Protection::Mdc => Self::Mdc,
        }
    }
}

impl ContentAlgorithm {
    /// What a session says of the content of an OpenPGP message, which begins with `head`.
    #[must_use]
    pub fn of_openpgp(protection: Protection, head: &[u8]) -> Self {
        Self {
            oid: String::new(),
            name: protection.name().into(),
            der: Octets(head.to_vec()),
            key_bytes: protection.key_octets().and_then(|octets| u8::try_from(octets).ok()).unwrap_or(0),
        }
    }
}

impl Session {
    /// What can be checked of a session by itself; a client does so before it uses a private key.
    ///
    /// # Errors
    /// The first contradiction.
    pub fn check(&self) -> Result<(), Inconsistent> {
        match self.message.format {
            Format::Openpgp => self.check_openpgp()?,
            Format::CmsAuthEnveloped | Format::CmsEnveloped => self.check_cms()?,
        }
        if self.seal.suite != crate::seal::SUITE || self.seal.info != crate::seal::INFO {
            return Err(Inconsistent::Seal);
        }
        let mut seen = alloc::collections::BTreeSet::new();
        for recipient in &self.recipients {
            if !seen.insert(recipient.index) {
                return Err(Inconsistent::RecipientIndex(recipient.index));
            }
            if Digest::of(&recipient.der.0) != recipient.sha256 {
                return Err(Inconsistent::RecipientDigest(recipient.index));
            }
        }
        Ok(())
    }

    fn check_cms(&self) -> Result<(), Inconsistent> {
        let stated = &self.message.content_alg;
        let encryption = self.encryption().ok_or(Inconsistent::ContentAlgorithm)?;
        let algorithm = encryption.parameters.map_err(|_| Inconsistent::ContentAlgorithm)?.algorithm();
        let format = match algorithm.integrity() {
            crate::Integrity::Aead => (Format::CmsAuthEnveloped, Integrity::Aead),
            crate::Integrity::None => (Format::CmsEnveloped, Integrity::None),
        };
        let same = stated.name == algorithm.name()
            && usize::from(stated.key_bytes) == algorithm.key_octets()
            && stated.oid == alloc::format!("{}", encryption.oid)
            && (self.message.format, self.message.integrity) == format;
        same.then_some(()).ok_or(Inconsistent::ContentAlgorithm)
    }

    fn check_openpgp(&self) -> Result<(), Inconsistent> {
        let protection = self.protection().ok_or(Inconsistent::ContentAlgorithm)?;
        if self.message.content_alg
            != ContentAlgorithm::of_openpgp(protection, &self.message.content_alg.der.0)
            || self.message.integrity != protection.into()
        {
            return Err(Inconsistent::ContentAlgorithm);
        }
        for recipient in &self.recipients {
            // A session key of another version has other octets encrypted than content of this one asks for.
            Pkesk::read(&recipient.der.0)
                .ok()
                .filter(|read| read.version() == protection.version())
                .ok_or(Inconsistent::SessionKey(recipient.index))?;
        }
        Ok(())
    }

    /// How the content of an OpenPGP message is protected, read from the octets that the seal is bound to.
    #[must_use]
    pub fn protection(&self) -> Option<Protection> {
        Protection::read(&self.message.content_alg.der.0).ok()
    }

    /// What the content key may be, the likeliest first; none when the algorithm is not understood.
    #[must_use]
    pub fn kinds(&self) -> Vec<cek::Kind> {
        match self.message.format {
            Format::Openpgp => self.protection().map(Protection::kinds).unwrap_or_default(),
            Format::CmsAuthEnveloped | Format::CmsEnveloped => {
                let parameters = self.encryption().and_then(|encryption| encryption.parameters.ok());
                parameters.map(|parameters| parameters.algorithm().into()).into_iter().collect()
            }
        }
    }

    /// How the content is encrypted, read from the AlgorithmIdentifier that the seal is bound to.
    #[must_use]
    pub fn encryption(&self) -> Option<ContentEncryption> {
        ContentEncryption::decode(self.message.content_alg.der.0.clone())
    }

    /// The recipient with this index.
    #[must_use]
    pub fn recipient(&self, index: u32) -> Option<&Recipient> {
        self.recipients.iter().find(|recipient| recipient.index == index)
    }
}

impl Problem {
    /// The refusal that an outcome is. Of [`Outcome::KeyNotUsable`] it is all that is ever said.
    #[must_use]
    pub fn of(outcome: Outcome) -> Self {
        Self {
            kind: alloc::format!("/api/v1/openapi.json#/x-problems/{}", outcome.slug()),
            title: outcome.title().into(),
            status: outcome.status(),
            code: outcome.slug().into(),
            detail: None,
            state: None,
        }
    }
}
