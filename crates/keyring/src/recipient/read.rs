//! The six kinds of RecipientInfo read from their definite encoding (RFC 5652 §6.2, RFC 9629 §3).

use alloc::vec::Vec;

use super::element::{
    BIT_STRING, Element, Elements, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, constructed, primitive,
};
use super::{Algorithm, Body, Identifier, Limits, Malformed, ORI_KEM, OriginatorKey};

type Read = (Vec<Identifier>, Algorithm, Body);

/// Reads the one RecipientInfo in these octets.
pub(super) fn recipient_info(definite: &[u8], limits: &Limits) -> Result<Read, Malformed> {
    let info = Elements::of(definite).any("a RecipientInfo")?;
    let mut fields = info.inside();
    if info.tag == constructed(4) {
        return other(fields);
    }
    fields.take(INTEGER, "a version")?;
    match info.tag {
        SEQUENCE => key_transport(fields),
        _ if info.tag == constructed(1) => key_agreement(fields, limits),
        _ if info.tag == constructed(2) => shared_key(fields),
        _ if info.tag == constructed(3) => password(fields),
        _ => Err(Malformed::Expected("a RecipientInfo")),
    }
}

fn key_transport(mut fields: Elements<'_>) -> Result<Read, Malformed> {
    let identifier = recipient_identifier(&mut fields)?;
    let algorithm = algorithm(&mut fields)?;
    let encrypted_key = encrypted_key(&mut fields)?;
    Ok((alloc::vec![identifier], algorithm, Body::Ktri { encrypted_key }))
}

fn key_agreement(mut fields: Elements<'_>, limits: &Limits) -> Result<Read, Malformed> {
    let mut originator = fields.take(constructed(0), "an originator")?.inside();
    let originator = originator.any("an originator")?;
    let originator = (originator.tag == constructed(1)).then(|| originator_key(originator)).transpose()?;
    let ukm = explicit_octets(&mut fields, constructed(1))?;
    let algorithm = algorithm(&mut fields)?;
    let mut keys = fields.take(SEQUENCE, "recipients of a key agreement")?.inside();
    let (mut identifiers, mut encrypted_keys) = (Vec::new(), Vec::new());
    while !keys.is_empty() {
        if identifiers.len() >= limits.entries {
            return Err(Malformed::TooMany);
        }
        let mut key = keys.take(SEQUENCE, "a recipient of a key agreement")?.inside();
        identifiers.push(match key.optional(constructed(0), "a RecipientKeyIdentifier")? {
            Some(identifier) => {
                let identifier = identifier.inside().take(OCTET_STRING, "a subject key identifier")?;
                Identifier::SubjectKey(identifier.content.to_vec())
            }
            None => issuer_and_serial(key.take(SEQUENCE, "an issuer and serial number")?)?,
        });
        encrypted_keys.push(encrypted_key(&mut key)?);
    }
    Ok((identifiers, algorithm, Body::Kari { originator, ukm, encrypted_keys }))
}

fn originator_key(element: Element<'_>) -> Result<OriginatorKey, Malformed> {
    let mut fields = element.inside();
    let algorithm = algorithm(&mut fields)?.oid();
    let point = bit_string(fields.take(BIT_STRING, "a public key")?)?.to_vec();
    Ok(OriginatorKey { algorithm, point })
}

fn shared_key(mut fields: Elements<'_>) -> Result<Read, Malformed> {
    let mut identifier = fields.take(SEQUENCE, "a KEKIdentifier")?.inside();
    let identifier = identifier.take(OCTET_STRING, "a key identifier")?.content.to_vec();
    let algorithm = algorithm(&mut fields)?;
    let encrypted_key = encrypted_key(&mut fields)?;
    Ok((alloc::vec![Identifier::Kek(identifier)], algorithm, Body::Kekri { encrypted_key }))
}

fn password(mut fields: Elements<'_>) -> Result<Read, Malformed> {
    let derivation = fields.optional(constructed(0), "a key derivation")?.map(Algorithm::read).transpose()?;
    let algorithm = algorithm(&mut fields)?;
    let encrypted_key = encrypted_key(&mut fields)?;
    Ok((Vec::new(), algorithm, Body::Pwri { derivation, encrypted_key }))
}

fn other(mut fields: Elements<'_>) -> Result<Read, Malformed> {
    let kind = fields.take(OBJECT_IDENTIFIER, "a kind of recipient")?;
    if kind.oid()? != ORI_KEM {
        // The kind is all that is known of it.
        let named = super::element::element(SEQUENCE, &[kind.whole]);
        return Ok((Vec::new(), Algorithm::from_der(&named)?, Body::Other));
    }
    let mut fields = fields.take(SEQUENCE, "a KEMRecipientInfo")?.inside();
    fields.take(INTEGER, "a version")?;
    let identifier = recipient_identifier(&mut fields)?;
    let kem = algorithm(&mut fields)?;
    let ciphertext = fields.take(OCTET_STRING, "a ciphertext of a key encapsulation")?.content.to_vec();
    let kdf = algorithm(&mut fields)?;
    let kek_octets = fields
        .take(INTEGER, "the length of a key")?
        .number()
        .ok_or(Malformed::Expected("the length of a key"))?;
    let ukm = explicit_octets(&mut fields, constructed(0))?;
    let wrap = algorithm(&mut fields)?;
    let encrypted_key = encrypted_key(&mut fields)?;
    let body = Body::Kemri { ciphertext, kdf, kek_octets, ukm, wrap, encrypted_key };
    Ok((alloc::vec![identifier], kem, body))
}

fn recipient_identifier(fields: &mut Elements<'_>) -> Result<Identifier, Malformed> {
    let identifier = fields.any("a recipient identifier")?;
    match identifier.tag {
        SEQUENCE => issuer_and_serial(identifier),
        tag if tag == primitive(0) || tag == constructed(0) => {
            Ok(Identifier::SubjectKey(identifier.octets()?))
        }
        _ => Err(Malformed::Expected("a recipient identifier")),
    }
}

fn issuer_and_serial(element: Element<'_>) -> Result<Identifier, Malformed> {
    let mut fields = element.inside();
    let issuer = fields.take(SEQUENCE, "a name of an issuer")?.whole.to_vec();
    let serial = fields.take(INTEGER, "a serial number")?.content.to_vec();
    Ok(Identifier::IssuerSerial { issuer, serial })
}

fn algorithm(fields: &mut Elements<'_>) -> Result<Algorithm, Malformed> {
    Algorithm::read(fields.take(SEQUENCE, "an algorithm")?)
}

fn encrypted_key(fields: &mut Elements<'_>) -> Result<Vec<u8>, Malformed> {
    Ok(fields.take(OCTET_STRING, "an encrypted key")?.content.to_vec())
}

fn explicit_octets(fields: &mut Elements<'_>, tag: u8) -> Result<Option<Vec<u8>>, Malformed> {
    let Some(outer) = fields.optional(tag, "user keying material")? else { return Ok(None) };
    Ok(Some(outer.inside().take(OCTET_STRING, "user keying material")?.content.to_vec()))
}

/// The octets of a BIT STRING that has a multiple of eight bits.
pub(crate) fn bit_string(element: Element<'_>) -> Result<&[u8], Malformed> {
    element.content.strip_prefix(&[0]).ok_or(Malformed::Expected("whole octets of a BIT STRING"))
}
