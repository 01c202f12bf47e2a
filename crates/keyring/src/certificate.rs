//! Certificates (RFC 5280) of recipients: whom a RecipientInfo names, and what to encrypt to.
//!
//! Read from DER by the same walk as a RecipientInfo, because issuer and serial number are compared
//! octet for octet with what a sender copied from the certificate. Nothing is validated here: no
//! signature, no validity against a clock, no chain, no revocation. Whom to trust is not decided.

use alloc::string::String;
use alloc::vec::Vec;

use const_oid::ObjectIdentifier as Oid;
use sha1::{Digest, Sha1};

use crate::ContentAlgorithm;
use crate::recipient::element::{
    self, BIT_STRING, Element, Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET,
    constructed, primitive,
};
use crate::recipient::{
    Algorithm, Curve, EC_DH, EC_PUBLIC_KEY, Identifier, Limits, Malformed, MlKem, RSA, RSAES_OAEP,
    RSASSA_PSS, Recipient,
};

const SUBJECT_KEY_IDENTIFIER: Oid = Oid::new_unwrap("2.5.29.14");
const KEY_USAGE: Oid = Oid::new_unwrap("2.5.29.15");
const SUBJECT_ALT_NAME: Oid = Oid::new_unwrap("2.5.29.17");
const COMMON_NAME: Oid = Oid::new_unwrap("2.5.4.3");
const EMAIL_ADDRESS: Oid = Oid::new_unwrap("1.2.840.113549.1.9.1");
const SMIME_CAPABILITIES: Oid = Oid::new_unwrap("1.2.840.113549.1.9.15");
/// SmtpUTF8Mailbox, an address with letters outside ASCII before the @ (RFC 9598).
const SMTP_UTF8_MAILBOX: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.8.9");

/// What the public key of a certificate can do for a content key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Key transport; bits of the modulus.
    Rsa(u32),
    /// Key agreement.
    Agreement(Curve),
    /// Key encapsulation.
    MlKem(MlKem),
    /// Nothing that is known here: signatures, or another algorithm.
    Other(Oid),
}

/// A certificate, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    issuer: Vec<u8>,
    serial: Vec<u8>,
    /// First and last second; `None` when they are not written as RFC 5280 §4.1.2.5 has it.
    validity: Option<(i64, i64)>,
    common_name: Option<String>,
    key: KeyKind,
    public_key: Vec<u8>,
    key_identifier: Option<Vec<u8>>,
    addresses: Vec<String>,
    key_usage: Option<[u8; 2]>,
    capabilities: Vec<Oid>,
}

impl Certificate {
    /// Reads a certificate from its DER.
    ///
    /// # Errors
    /// It is malformed, or larger than the limits allow.
    pub fn read(der: &[u8], limits: &Limits) -> Result<Self, Malformed> {
        let definite = element::definite(der, limits)?;
        let mut certificate = Elements::of(&definite).take(SEQUENCE, "a certificate")?.inside();
        let mut fields = certificate.take(SEQUENCE, "the content of a certificate")?.inside();
        fields.optional(constructed(0), "a version")?;
        let serial = fields.take(INTEGER, "a serial number")?.content.to_vec();
        fields.take(SEQUENCE, "an algorithm of a signature")?;
        let issuer = fields.take(SEQUENCE, "a name of an issuer")?.whole.to_vec();
        let validity = validity(fields.take(SEQUENCE, "a validity")?.inside());
        let subject = fields.take(SEQUENCE, "a name of a subject")?;
        let mut key = fields.take(SEQUENCE, "a public key")?.inside();
        let algorithm = Algorithm::read(key.take(SEQUENCE, "an algorithm of a public key")?)?;
        let public_key = key.take(BIT_STRING, "a public key")?;
        let public_key =
            public_key.content.strip_prefix(&[0]).ok_or(Malformed::Expected("a public key"))?.to_vec();
        let key = key_kind(&algorithm, &public_key);
        let mut read = Self {
            der: der.to_vec(),
            issuer,
            serial,
            validity,
            common_name: None,
            key,
            public_key,
            key_identifier: None,
            addresses: Vec::new(),
            key_usage: None,
            capabilities: Vec::new(),
        };
        fields.optional(primitive(1), "an identifier of the issuer")?;
        fields.optional(primitive(2), "an identifier of the subject")?;
        if let Some(extensions) = fields.optional(constructed(3), "extensions")? {
            read.extensions(extensions.inside().take(SEQUENCE, "extensions")?.inside(), limits)?;
        }
        read.subject(subject.inside(), limits)?;
        Ok(read)
    }

    /// The octets that it was read from.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The DER of its issuer's name.
    #[must_use]
    pub fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    /// The content octets of its serial number, an INTEGER.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// Its subject key identifier; without that extension the SHA-1 of the public key, which is what
    /// senders make of it (RFC 5280 §4.2.1.2).
    #[must_use]
    pub fn key_identifier(&self) -> Vec<u8> {
        self.key_identifier.clone().unwrap_or_else(|| Sha1::digest(&self.public_key).to_vec())
    }

    /// Mail addresses that it was issued to, in the order of the certificate: those of its subject
    /// alternative name, then those in the subject itself.
    #[must_use]
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The common name in its subject, the last one when there are several; as written, never to be
    /// shown without a look at what characters it has.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// What its public key can do.
    #[must_use]
    pub const fn key(&self) -> KeyKind {
        self.key
    }

    /// The public key: RSAPublicKey, a point of SEC 1, 32 octets of X25519, an encapsulation key.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// Whether its key may be used to encrypt to: key encipherment for RSA and ML-KEM, key agreement
    /// for curves, anything when it does not say (RFC 5280 §4.2.1.3).
    #[must_use]
    pub fn may_encrypt(&self) -> bool {
        let Some([first, _]) = self.key_usage else { return !matches!(self.key, KeyKind::Other(_)) };
        match self.key {
            KeyKind::Rsa(_) | KeyKind::MlKem(_) => first & 0x20 != 0,
            KeyKind::Agreement(_) => first & 0x08 != 0,
            KeyKind::Other(_) => false,
        }
    }

    /// Whether its key may be used to sign mail: digital signature or content commitment, or anything
    /// when it does not say (RFC 8550 §4.4.2).
    #[must_use]
    pub fn may_sign(&self) -> bool {
        self.key_usage.is_none_or(|[first, _]| first & 0xC0 != 0)
    }

    /// Bits of the modulus of an RSA key, whatever that key is for.
    pub(crate) fn modulus_bits(&self) -> Option<u32> {
        match self.key {
            KeyKind::Rsa(bits) => Some(bits),
            KeyKind::Other(RSASSA_PSS) => modulus_bits(&self.public_key),
            _ => None,
        }
    }

    /// Whether it is valid at a time, in seconds since 1970 began; never when its times cannot be read.
    #[must_use]
    pub fn is_valid_at(&self, seconds: i64) -> bool {
        self.validity.is_some_and(|(first, last)| (first..=last).contains(&seconds))
    }

    /// Content algorithms that its owner's programs say they can decrypt (SMIMECapabilities, RFC 8551
    /// §2.5.2), the preferred one first; empty when they say nothing.
    #[must_use]
    pub fn capabilities(&self) -> Vec<ContentAlgorithm> {
        self.capabilities.iter().filter_map(|oid| ContentAlgorithm::of(*oid)).collect()
    }

    /// Whether an identifier names this certificate.
    #[must_use]
    pub fn is(&self, identifier: &Identifier) -> bool {
        match identifier {
            Identifier::IssuerSerial { issuer, serial } => *issuer == self.issuer && *serial == self.serial,
            Identifier::SubjectKey(identifier) => *identifier == self.key_identifier(),
            Identifier::Kek(_) => false,
        }
    }

    fn extensions(&mut self, mut extensions: Elements<'_>, limits: &Limits) -> Result<(), Malformed> {
        let mut count = 0;
        while !extensions.is_empty() {
            count += 1;
            if count > limits.entries {
                return Err(Malformed::TooMany);
            }
            let mut fields = extensions.take(SEQUENCE, "an extension")?.inside();
            let kind = fields.take(OBJECT_IDENTIFIER, "a kind of extension")?.oid()?;
            fields.optional(0x01, "whether it is critical")?;
            let mut value = Elements::of(fields.take(OCTET_STRING, "a value of an extension")?.content);
            match kind {
                SUBJECT_KEY_IDENTIFIER => {
                    self.key_identifier =
                        Some(value.take(OCTET_STRING, "a subject key identifier")?.content.to_vec());
                }
                KEY_USAGE => {
                    let mut bits = value.take(BIT_STRING, "a key usage")?.content.iter().skip(1).copied();
                    self.key_usage = Some([bits.next().unwrap_or(0), bits.next().unwrap_or(0)]);
                }
                SUBJECT_ALT_NAME => {
                    let mut names = value.take(SEQUENCE, "alternative names of the subject")?.inside();
                    while !names.is_empty() {
                        let name = names.any("a name")?;
                        if name.tag == primitive(1) {
                            self.address(name.content, limits)?;
                        } else if name.tag == constructed(0) {
                            self.other_name(name.inside(), limits)?;
                        }
                    }
                }
                SMIME_CAPABILITIES => {
                    let mut capabilities = value.take(SEQUENCE, "capabilities")?.inside();
                    while !capabilities.is_empty() {
                        let mut capability = capabilities.take(SEQUENCE, "a capability")?.inside();
                        self.capabilities.push(capability.take(OBJECT_IDENTIFIER, "a capability")?.oid()?);
                        if self.capabilities.len() > limits.entries {
                            return Err(Malformed::TooMany);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn other_name(&mut self, mut fields: Elements<'_>, limits: &Limits) -> Result<(), Malformed> {
        if fields.take(OBJECT_IDENTIFIER, "a kind of name")?.oid()? == SMTP_UTF8_MAILBOX {
            let value = fields.take(constructed(0), "a mailbox")?.inside().any("a mailbox")?;
            self.address(value.content, limits)?;
        }
        Ok(())
    }

    /// The common name, and the emailAddress attributes of the subject (deprecated, and common).
    fn subject(&mut self, mut subject: Elements<'_>, limits: &Limits) -> Result<(), Malformed> {
        while !subject.is_empty() {
            let mut attributes = subject.take(SET, "a relative distinguished name")?.inside();
            while !attributes.is_empty() {
                let mut attribute = attributes.take(SEQUENCE, "an attribute of a name")?.inside();
                match attribute.take(OBJECT_IDENTIFIER, "a kind of attribute")?.oid()? {
                    COMMON_NAME => {
                        let value = attribute.any("a value of an attribute")?.content;
                        self.common_name = core::str::from_utf8(value).ok().map(Into::into);
                    }
                    EMAIL_ADDRESS => {
                        self.address(attribute.any("a value of an attribute")?.content, limits)?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Takes note of an address; what is no text is none.
    fn address(&mut self, octets: &[u8], limits: &Limits) -> Result<(), Malformed> {
        let Ok(address) = core::str::from_utf8(octets) else { return Ok(()) };
        if address.is_empty() || self.addresses.iter().any(|known| known == address) {
            return Ok(());
        }
        if self.addresses.len() >= limits.entries {
            return Err(Malformed::TooMany);
        }
        self.addresses.push(address.into());
        Ok(())
    }
}

/// Which of a recipient's identifiers names the certificate; `None` when none does. In a key
/// agreement for several it is the place of the encrypted key.
#[must_use]
pub fn matches(recipient: &Recipient, certificate: &Certificate) -> Option<usize> {
    recipient.identifiers().iter().position(|identifier| certificate.is(identifier))
}

fn key_kind(algorithm: &Algorithm, public_key: &[u8]) -> KeyKind {
    let other = KeyKind::Other(algorithm.oid());
    match algorithm.oid() {
        RSA | RSAES_OAEP => modulus_bits(public_key).map_or(other, KeyKind::Rsa),
        EC_PUBLIC_KEY | EC_DH => Elements::of(algorithm.parameters())
            .take(OBJECT_IDENTIFIER, "a named curve")
            .and_then(|curve| curve.oid())
            .ok()
            .and_then(Curve::named)
            .map_or(other, KeyKind::Agreement),
        oid if oid == Curve::X25519.oid() => KeyKind::Agreement(Curve::X25519),
        oid => MlKem::of(oid).map_or(other, KeyKind::MlKem),
    }
}

fn modulus_bits(public_key: &[u8]) -> Option<u32> {
    let mut fields = Elements::of(public_key).take(SEQUENCE, "an RSA public key").ok()?.inside();
    let modulus = fields.take(INTEGER, "a modulus").ok()?.content;
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let bits = u32::try_from(modulus.len()).ok()?.checked_mul(8)?;
    bits.checked_sub(modulus.first()?.leading_zeros())
}

fn validity(mut times: Elements<'_>) -> Option<(i64, i64)> {
    Some((seconds(times.any("a time").ok()?)?, seconds(times.any("a time").ok()?)?))
}

/// Seconds from the beginning of 1970 to a UTCTime or GeneralizedTime, both in UTC with seconds.
pub(crate) fn seconds(time: Element<'_>) -> Option<i64> {
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;
    let digits = time.content.strip_suffix(b"Z")?;
    let (century, digits) = match time.tag {
        UTC_TIME => (if *digits.first()? < b'5' { 20 } else { 19 }, digits),
        GENERALIZED_TIME => (number(digits.get(..2)?)?, digits.get(2..)?),
        _ => return None,
    };
    let pairs = digits.chunks(2).map(number).collect::<Option<Vec<i64>>>()?;
    let [year, month @ 1..=12, day @ 1..=31, hour @ 0..24, minute @ 0..60, second @ 0..=60] = pairs[..]
    else {
        return None;
    };
    // Years that begin in March, so that a leap day is their last: every 400 are 146097 days.
    let year = century * 100 + year - i64::from(month < 3);
    let days =
        year * 365 + year / 4 - year / 100 + year / 400 + ((month + 9) % 12 * 153 + 2) / 5 + day - 719_469;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

fn number(digits: &[u8]) -> Option<i64> {
    match digits {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
        }
        _ => None,
    }
}
