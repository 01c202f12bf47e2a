//! Signed content (SignedData, RFC 5652 §5; RFC 8551; Ed25519 is RFC 8419): read from memory, and every
//! signature in it verified over the octets that were signed.
//!
//! A verdict says whether a signature was made over these octets with the key of a certificate that
//! came with it. Certificates are read, not trusted: no chain, no revocation, no clock, and nobody
//! is asked whether the signer is who the certificate says. Countersignatures and certificates from
//! elsewhere are not looked at.

mod attributes;
mod mail;
mod scheme;
mod sent;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use alloc::borrow::Cow;
use alloc::vec::Vec;

use const_oid::ObjectIdentifier as Oid;

use serde::{Deserialize, Serialize};

use crate::Certificate;
use crate::recipient::element::{
    self, Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, constructed, primitive,
};
use crate::recipient::{self, Algorithm, Identifier, Malformed};
use attributes::Attributes;
pub(crate) use attributes::{CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME};
use scheme::{Digests, Scheme};
use sent::Walk;

pub use mail::{Judged, Signature, holds_signatures, of_message};

pub(crate) const DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.1");
pub(crate) const SIGNED_DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.2");

/// Bounds of one SignedData. Its content is bounded by whoever holds the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of each certificate and each SignerInfo. Default [`recipient::Limits::default`].
    pub element: recipient::Limits,
    /// Certificates and revocation lists beside the signatures. Default 64: a chain has four, and
    /// some programs add every root that they know.
    pub certificates: usize,
    /// Signatures. Default 8: each costs a verification, and mail has one, or two while an algorithm
    /// is being replaced.
    pub signers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { element: recipient::Limits::default(), certificates: 64, signers: 8 }
    }
}

/// A SignedData, read.
#[derive(Debug, Clone)]
pub struct Signed<'a> {
    content_type: Oid,
    content: Option<Cow<'a, [u8]>>,
    certificates: Vec<Certificate>,
    signers: Vec<Signer>,
}

/// One SignerInfo.
#[derive(Debug, Clone)]
struct Signer {
    identifier: Identifier,
    digest: Algorithm,
    attributes: Option<Attributes>,
    algorithm: Algorithm,
    signature: Vec<u8>,
}

/// What one signature came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The certificate that it names; `None` when it did not come with it.
    pub signer: Option<Certificate>,
    /// When it was made, as the signer says: seconds since 1970 began.
    pub signing_time: Option<i64>,
    /// Whether it is right.
    pub status: Status,
}

/// Whether a signature is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It was made over these octets with the key of the certificate.
    Right,
    /// So it seems, but others could have made it.
    Weak(Weakness),
    /// These are not the octets that were signed.
    Changed,
    /// It was not made with this key, or what it signs contradicts itself.
    Wrong,
    /// It came without its certificate, so nothing is known.
    NoCertificate,
    /// Its algorithms or its key are not known here, so nothing is known.
    UnknownAlgorithm,
}

/// Why a signature that verifies proves little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// The certificate says that its key is not for signatures (RFC 8550 §4.4.2).
    KeyUsage,
    /// Two contents with the same SHA-1 can be made.
    Sha1,
    /// An RSA key of less than 2048 bits.
    ShortKey,
}

/// What the signatures over a content come to together: the worst of them. In the words of RFC 9219 §4.2, with
/// two more. `signed/verified` is about the octets alone: no chain of certificates was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Overall {
    /// All are right.
    #[serde(rename = "signed/verified")]
    Verified,
    /// One verifies, and proves little.
    #[serde(rename = "signed/weak")]
    Weak,
    /// One could not be judged.
    #[serde(rename = "signed")]
    Unjudged,
    /// A part is signed, which is not judged.
    #[serde(rename = "signed-in-part")]
    InPart,
    /// One is wrong.
    #[serde(rename = "signed/failed")]
    Failed,
}

impl Overall {
    /// As it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Verified => "signed/verified",
            Self::Weak => "signed/weak",
            Self::Unjudged => "signed",
            Self::InPart => "signed-in-part",
            Self::Failed => "signed/failed",
        }
    }
}

impl From<Status> for Overall {
    fn from(status: Status) -> Self {
        match status {
            Status::Right => Self::Verified,
            Status::Weak(_) => Self::Weak,
            Status::Changed | Status::Wrong => Self::Failed,
            Status::NoCertificate | Status::UnknownAlgorithm => Self::Unjudged,
        }
    }
}

impl Status {
    /// As [`Overall::word`] says it of this one alone.
    #[must_use]
    pub fn word(self) -> &'static str {
        Overall::from(self).word()
    }

    /// As a result of Authentication-Results (RFC 7281 §3.1).
    #[must_use]
    pub const fn result(self) -> &'static str {
        match self {
            Self::Right => "pass",
            Self::Weak(_) => "policy",
            Self::Changed | Self::Wrong => "fail",
            Self::NoCertificate | Self::UnknownAlgorithm => "neutral",
        }
    }

    /// Whether it verifies, however little that proves.
    const fn verifies(self) -> bool {
        matches!(self, Self::Right | Self::Weak(_))
    }
}

impl<'a> Signed<'a> {
    /// Reads a ContentInfo with a SignedData, BER or DER. Octets after it are ignored.
    ///
    /// # Errors
    /// It is something else, malformed, or larger than the limits allow.
    pub fn read(octets: &'a [u8], limits: &Limits) -> Result<Self, Malformed> {
        let mut outer = Walk::of(octets, limits.element.nesting);
        let info = outer.take(SEQUENCE, "a ContentInfo")?;
        let mut info = outer.inside(&info)?;
        if oid(info.take(OBJECT_IDENTIFIER, "a content type")?.content)? != SIGNED_DATA {
            return Err(Malformed::Expected("signed content"));
        }
        let explicit = info.take(constructed(0), "a SignedData")?;
        let mut explicit = info.inside(&explicit)?;
        let signed = explicit.take(SEQUENCE, "a SignedData")?;
        let mut fields = explicit.inside(&signed)?;
        fields.take(INTEGER, "a version")?;
        fields.take(SET, "algorithms of digests")?;
        let encapsulated = fields.take(SEQUENCE, "the content")?;
        let mut encapsulated = fields.inside(&encapsulated)?;
        let content_type = oid(encapsulated.take(OBJECT_IDENTIFIER, "a content type")?.content)?;
        let content = match encapsulated.optional(constructed(0), "the content")? {
            Some(explicit) => Some(encapsulated.inside(&explicit)?.octet_string("the content")?),
            None => None,
        };
        let mut certificates = Vec::new();
        if let Some(set) = fields.optional(constructed(0), "certificates")? {
            let mut set = fields.inside(&set)?;
            let mut count = 0;
            while !set.is_empty() {
                let one = set.any("a certificate")?;
                count += 1;
                if count > limits.certificates {
                    return Err(Malformed::TooMany);
                }
                // One that cannot be read is nobody's: a verdict says so when it is the signer's.
                certificates.extend(Certificate::read(one.whole, &limits.element).ok());
            }
        }
        fields.optional(constructed(1), "revocation lists")?;
        let set = fields.take(SET, "signatures")?;
        let mut set = fields.inside(&set)?;
        let mut signers = Vec::new();
        while !set.is_empty() {
            if signers.len() >= limits.signers {
                return Err(Malformed::TooMany);
            }
            signers.push(Signer::read(set.take(SEQUENCE, "a SignerInfo")?.whole, limits)?);
        }
        Ok(Self { content_type, content, certificates, signers })
    }

    /// The content, when it is inside; `None` when it is elsewhere (multipart/signed).
    #[must_use]
    pub fn content(&self) -> Option<&[u8]> {
        self.content.as_deref()
    }

    /// The content, taken out.
    #[must_use]
    pub fn into_content(self) -> Option<Cow<'a, [u8]>> {
        self.content
    }

    /// The verdict on every signature over the content inside; none at all when it is elsewhere.
    #[must_use]
    pub fn verify(&self) -> Vec<Verdict> {
        self.content().map_or_else(Vec::new, |content| self.verify_over(content))
    }

    /// The verdict on every signature over content from elsewhere: as it stands, and, where lines end
    /// in LF alone, with CRLF in its place (RFC 8551 §3.1.1: what is signed has CRLF, and transports
    /// of some systems do not keep it).
    #[must_use]
    pub fn verify_detached(&self, content: &[u8]) -> Vec<Verdict> {
        let mut verdicts = self.verify_over(content);
        if verdicts.iter().all(|verdict| verdict.status.verifies()) {
            return verdicts;
        }
        if let Some(canonical) = canonical(content) {
            for (verdict, other) in verdicts.iter_mut().zip(self.verify_over(&canonical)) {
                if other.status.verifies() {
                    *verdict = other;
                }
            }
        }
        verdicts
    }

    fn verify_over(&self, content: &[u8]) -> Vec<Verdict> {
        let mut digests = Digests::of(content);
        let verdict = |signer: &Signer| {
            let certificate = self.certificates.iter().find(|one| one.is(&signer.identifier));
            Verdict {
                signer: certificate.cloned(),
                signing_time: signer.attributes.as_ref().and_then(|it| it.signing_time),
                status: certificate.map_or(Status::NoCertificate, |certificate| {
                    signer.status(certificate, self.content_type, &mut digests)
                }),
            }
        };
        self.signers.iter().map(verdict).collect()
    }
}

impl Signer {
    fn read(raw: &[u8], limits: &Limits) -> Result<Self, Malformed> {
        let definite = element::definite(raw, &limits.element)?;
        let mut fields = Elements::of(&definite).take(SEQUENCE, "a SignerInfo")?.inside();
        fields.take(INTEGER, "a version")?;
        let identifier = fields.any("an identifier of a signer")?;
        let identifier = match identifier.tag {
            SEQUENCE => {
                let mut inside = identifier.inside();
                let issuer = inside.take(SEQUENCE, "a name of an issuer")?.whole.to_vec();
                Identifier::IssuerSerial {
                    issuer,
                    serial: inside.take(INTEGER, "a serial number")?.content.to_vec(),
                }
            }
            tag if tag == primitive(0) || tag == constructed(0) => {
                Identifier::SubjectKey(identifier.octets()?)
            }
            _ => return Err(Malformed::Expected("an identifier of a signer")),
        };
        let digest = Algorithm::read(fields.take(SEQUENCE, "an algorithm of a digest")?)?;
        let attributes = fields.optional(constructed(0), "signed attributes")?;
        let attributes = attributes.map(|set| Attributes::read(&set, limits)).transpose()?;
        let algorithm = Algorithm::read(fields.take(SEQUENCE, "an algorithm of a signature")?)?;
        let signature = fields.take(OCTET_STRING, "a signature")?.content.to_vec();
        Ok(Self { identifier, digest, attributes, algorithm, signature })
    }

    fn status(&self, certificate: &Certificate, content_type: Oid, digests: &mut Digests<'_>) -> Status {
        let Some(scheme) = Scheme::of(&self.algorithm, &self.digest, certificate) else {
            return Status::UnknownAlgorithm;
        };
        let right = match &self.attributes {
            Some(attributes) => {
                if attributes.content_type != Some(content_type) {
                    return Status::Wrong;
                }
                if attributes.message_digest.as_deref() != Some(digests.digest(scheme.digest())) {
                    return Status::Changed;
                }
                attributes
                    .encodings()
                    .any(|octets| scheme.verify(certificate, &mut Digests::of(octets), &self.signature))
            }
            // Attributes must be there for any other content; content that reads as attributes could
            // have been the attributes of a signature over something else.
            None if content_type != DATA || attributes::is_set_of_attributes(digests.octets()) => false,
            None => scheme.verify(certificate, digests, &self.signature),
        };
        match (right, scheme.weakness(certificate)) {
            (false, _) => Status::Wrong,
            (true, None) => Status::Right,
            (true, Some(weakness)) => Status::Weak(weakness),
        }
    }
}

fn oid(content: &[u8]) -> Result<Oid, Malformed> {
    Oid::from_bytes(content).map_err(|_| Malformed::Expected("an object identifier"))
}

/// The text with CRLF for every LF that stands alone; `None` when there is none.
fn canonical(text: &[u8]) -> Option<Vec<u8>> {
    let bare = |at: usize| at.checked_sub(1).and_then(|before| text.get(before)) != Some(&b'\r');
    let ends = text.iter().enumerate().filter(|(at, octet)| **octet == b'\n' && bare(*at)).count();
    if ends == 0 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len().saturating_add(ends));
    for (at, &octet) in text.iter().enumerate() {
        if octet == b'\n' && bare(at) {
            out.push(b'\r');
        }
        out.push(octet);
    }
    Some(out)
}
