//! SignedData around nothing (RFC 5652 §5.2, detached) and the `multipart/signed` that it stands in
//! (RFC 1847, RFC 8551 §3.5.3).
//!
//! One signer, SHA-256, RSASSA-PKCS1-v1_5 or ECDSA. The signature itself is made by the caller, who has
//! the key: over what [`attributes`] gives, in DER where it is one of ECDSA.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use cedrat_message::Timestamp;
use const_oid::ObjectIdentifier as Oid;
use sha2::{Digest as _, Sha256};

use super::{mail::Base64Lines, version};
use crate::Certificate;
use crate::recipient::RSA;
use crate::recipient::element::{
    INTEGER, NULL, OCTET_STRING, SEQUENCE, SET, constructed, element, identifier,
};
use crate::signed::{CONTENT_TYPE, DATA, MESSAGE_DIGEST, SIGNED_DATA, SIGNING_TIME};
use crate::wire::Time;

const SHA256: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.1");
const ECDSA_WITH_SHA256: Oid = Oid::new_unwrap("1.2.840.10045.4.3.2");
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// How a signature is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rsa,
    /// ECDSA with SHA-256.
    Ecdsa,
}

/// What is signed of a content: the signed attributes as DER, with its digest and the time.
#[must_use]
pub fn attributes(content: &[u8], at: Timestamp) -> Vec<u8> {
    let attribute =
        |kind: Oid, value: &[u8]| element(SEQUENCE, &[&identifier(kind), &element(SET, &[value])]);
    let mut all = [
        attribute(CONTENT_TYPE, &identifier(DATA)),
        attribute(SIGNING_TIME, &time(at)),
        attribute(MESSAGE_DIGEST, &element(OCTET_STRING, &[&Sha256::digest(content)])),
    ];
    // DER: a SET OF is in ascending order.
    all.sort();
    element(SET, &[&all.concat()])
}

/// A Time (RFC 5652 §11.3): two digits of the year until 2049, four from then on.
fn time(at: Timestamp) -> Vec<u8> {
    let whole = Timestamp(at.0.div_euclid(1000) * 1000);
    let digits: String = Time(whole).to_string().chars().filter(char::is_ascii_digit).collect();
    let (tag, digits) = match digits.get(2..) {
        Some(short) if ("1950".."2050").contains(&digits.get(..4).unwrap_or_default()) => (UTC_TIME, short),
        _ => (GENERALIZED_TIME, digits.as_str()),
    };
    element(tag, &[digits.as_bytes(), b"Z"])
}

/// The SignedData. The first certificate is the signer's; the others lead from it to an authority.
#[must_use]
pub fn signed_data(
    certificates: &[Certificate],
    attributes: &[u8],
    algorithm: SignatureAlgorithm,
    signature: &[u8],
) -> Vec<u8> {
    let digest = element(SEQUENCE, &[&identifier(SHA256)]);
    let signer = certificates
        .first()
        .map(|own| element(SEQUENCE, &[own.issuer(), &element(INTEGER, &[own.serial()])]));
    let signing = match algorithm {
        // The plain identifier, which every program knows (RFC 5754 §3.2).
        SignatureAlgorithm::Rsa => element(SEQUENCE, &[&identifier(RSA), &element(NULL, &[])]),
        SignatureAlgorithm::Ecdsa => element(SEQUENCE, &[&identifier(ECDSA_WITH_SHA256)]),
    };
    // The same set under another tag.
    let implicit = [&[constructed(0)], attributes.get(1..).unwrap_or_default()].concat();
    let info = element(
        SEQUENCE,
        &[
            &version(1),
            &signer.unwrap_or_default(),
            &digest,
            &implicit,
            &signing,
            &element(OCTET_STRING, &[signature]),
        ],
    );
    let mut chain: Vec<&[u8]> = certificates.iter().map(Certificate::der).collect();
    chain.sort_unstable();
    let data = element(
        SEQUENCE,
        &[
            &version(1),
            &element(SET, &[&digest]),
            &element(SEQUENCE, &[&identifier(DATA)]),
            &element(constructed(0), &chain),
            &element(SET, &[&info]),
        ],
    );
    element(SEQUENCE, &[&identifier(SIGNED_DATA), &element(constructed(0), &[&data])])
}

/// An entity and its signature as one entity. The boundary is made longer while it occurs in it.
#[must_use]
pub fn signed_mail(entity: &[u8], signed_data: &[u8], boundary: &str) -> Vec<u8> {
    let mut boundary = String::from(boundary);
    while entity.windows(boundary.len().max(1)).any(|octets| octets == boundary.as_bytes()) {
        boundary.push('_');
    }
    let mut out = Vec::with_capacity(entity.len() + signed_data.len() / 3 * 4 + 1024);
    out.extend_from_slice(
        format!(
            "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n \
             micalg=sha-256; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n"
        )
        .as_bytes(),
    );
    out.extend_from_slice(entity);
    out.extend_from_slice(
        format!(
            "\r\n--{boundary}\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\n\
             Content-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=smime.p7s\r\n\r\n"
        )
        .as_bytes(),
    );
    let mut lines = Base64Lines::new();
    lines.encode(signed_data, &mut out);
    lines.finish(&mut out);
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    out
}
