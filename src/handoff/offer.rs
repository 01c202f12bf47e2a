//! A session offered for one message: what a client needs to decide, read from what anybody can see
//! of an encrypted mail.

use cedrat_keyring::{
    Certificate, Integrity, cek, certificate,
    consent::{Consent, Purpose},
    mail::{self, Place},
    openpgp,
    reader::{Format, Limits, Structure},
    recipient::{self, Identifier, Kind, Recipient},
    session::Offer,
    wire::{self, Digest, Octets},
};
use cedrat_message::{Blame, Message, Reason, Refusal, Timestamp};

use super::{Account, Accounts};
use crate::{clock, config::handoff::Cbc, opener::Within};

/// Why there is no offer.
pub(super) enum NoOffer {
    /// The message is not encrypted, or not to this account: there is nothing to ask.
    Nothing,
    /// It is, but not in a way that is opened here.
    Refused(Refusal),
}

/// The encrypted content of a mail, whatever it is encrypted as.
struct Sealed {
    /// The part that it is, by its index and in the numbering of RFC 3501 §6.4.5.
    node: usize,
    part_path: String,
    sha256: [u8; 32],
    format: wire::Format,
    integrity: wire::Integrity,
    content_alg: wire::ContentAlgorithm,
    kinds: Vec<cek::Kind>,
    /// Ways to its key that are the account's.
    recipients: Vec<wire::Recipient>,
}

/// What is offered for a mail to an account, and where its encrypted content is.
pub(super) fn offer(
    accounts: &Accounts,
    account: &Account,
    octets: &bytes::Bytes,
    message: &Message,
    device: Option<String>,
    now: Timestamp,
) -> Result<(Offer, Within), NoOffer> {
    let walked = cedrat_mime::walk(octets, &cedrat_mime::Limits::default()).map_err(|_| NoOffer::Nothing)?;
    let sealed = match openpgp::encrypted(&walked) {
        Some(index) => of_openpgp(account, &walked, index)?,
        None => of_cms(accounts, account, &walked)?,
    };
    if sealed.recipients.is_empty() {
        return Err(NoOffer::Nothing);
    }
    let node = walked.node(sealed.node).ok_or(NoOffer::Nothing)?;
    let config = &accounts.config;
    let header = |name: &str| walked.node(0).and_then(|root| root.headers.first(name)).map(str::to_owned);
    let within = Within {
        head: (walked.root().octets.len().saturating_sub(walked.root().body.len())) as u64,
        start: (node.start + node.octets.len().saturating_sub(node.body.len())) as u64,
        octets: node.body.len() as u64,
        encoding: node.encoding.token().to_owned(),
    };
    let offer = Offer {
        id: format!("hs_{}", clock::token()),
        account: account.name().to_owned(),
        server_key_id: accounts.signer.key_id().to_owned(),
        parent: None,
        message: wire::Message {
            message_id: header("Message-ID"),
            from: header("From"),
            subject: message.subject.clone(),
            date: header("Date"),
            direction: wire::Direction::Inbound,
            size: octets.len() as u64,
            sha256: Digest(sealed.sha256),
            part_path: sealed.part_path,
            format: sealed.format,
            integrity: sealed.integrity,
            content_alg: sealed.content_alg,
        },
        kinds: sealed.kinds,
        recipients: sealed.recipients,
        consent: Consent {
            purpose: Purpose::TranscodeForHandset,
            parts: config.convert.clone(),
            output: config.output,
            device,
            signature: config.signature,
            keep_original: false,
        },
        expires: Timestamp(now.0.saturating_add(i64::try_from(config.wait_ms).unwrap_or(i64::MAX))),
        attestation: None,
    };
    Ok((offer, within))
}

/// S/MIME.
fn of_cms(accounts: &Accounts, account: &Account, walked: &cedrat_mime::Message) -> Result<Sealed, NoOffer> {
    let (index, place) = mail::encrypted(walked).envelope.ok_or(NoOffer::Nothing)?;
    let node = walked.node(index).ok_or(NoOffer::Nothing)?;
    let structure = mail::structure(node, Limits::default()).map_err(|fault| refused(&fault.to_string()))?;
    let recipients = own(&structure, account.certificates());
    if recipients.is_empty() {
        return Err(NoOffer::Nothing);
    }
    let algorithm = content_algorithm(accounts, &structure)?;
    let proven = algorithm.integrity() == Integrity::Aead;
    Ok(Sealed {
        node: index,
        part_path: match place {
            Place::Root => "1".to_owned(),
            Place::BesidePresentation => {
                let at = walked.root().children.iter().position(|child| *child == index).unwrap_or(0);
                (at + 1).to_string()
            }
        },
        sha256: structure.summary.sha256,
        format: match structure.format {
            Format::AuthEnveloped => wire::Format::CmsAuthEnveloped,
            Format::Enveloped => wire::Format::CmsEnveloped,
        },
        integrity: if proven { wire::Integrity::Aead } else { wire::Integrity::None },
        content_alg: wire::ContentAlgorithm {
            oid: algorithm.oid().to_string(),
            name: algorithm.name().to_owned(),
            der: Octets(structure.encryption.der.clone()),
            key_bytes: u8::try_from(algorithm.key_octets()).unwrap_or(0),
        },
        kinds: vec![algorithm.into()],
        recipients,
    })
}

/// OpenPGP. Who is not named is not asked: a session key for somebody anonymous may be anybody's.
fn of_openpgp(account: &Account, walked: &cedrat_mime::Message, index: usize) -> Result<Sealed, NoOffer> {
    if account.openpgp().is_empty() {
        return Err(NoOffer::Nothing);
    }
    let node = walked.node(index).ok_or(NoOffer::Nothing)?;
    let structure = openpgp::structure(node, openpgp::Limits::default());
    let structure = structure.map_err(|fault| refused(&fault.to_string()))?;
    let fingerprints = || account.openpgp().iter().flat_map(|certificate| certificate.fingerprints());
    let own = structure.recipients.iter().enumerate().filter(|(_, it)| {
        it.version() == structure.version() && fingerprints().any(|key| it.recipient().names(key))
    });
    let recipients = own.map(|(at, it)| wire::Recipient {
        index: u32::try_from(at).unwrap_or(u32::MAX),
        kind: match it.version() {
            openpgp::Version::V3 => wire::RecipientType::Pkesk3,
            openpgp::Version::V6 => wire::RecipientType::Pkesk6,
        },
        rid: wire::RecipientId {
            fingerprint: Some(Octets(it.recipient().octets().to_vec())),
            ..wire::RecipientId::default()
        },
        key_enc_alg: wire::Algorithm {
            oid: String::new(),
            name: it.algorithm().name().to_owned(),
            der: Octets(vec![it.algorithm().0]),
        },
        der: Octets(it.raw().to_vec()),
        sha256: Digest(it.sha256()),
    });
    Ok(Sealed {
        node: index,
        part_path: "2".to_owned(),
        sha256: structure.summary.sha256,
        format: wire::Format::Openpgp,
        integrity: structure.protection.into(),
        content_alg: wire::ContentAlgorithm::of_openpgp(structure.protection, &structure.head),
        kinds: structure.protection.kinds(),
        recipients: recipients.collect(),
    })
}

fn refused(detail: &str) -> NoOffer {
    NoOffer::Refused(Refusal::new(Reason::ContentNotAccepted, Blame::Message, detail))
}

fn content_algorithm(
    accounts: &Accounts,
    structure: &Structure,
) -> Result<cedrat_keyring::ContentAlgorithm, NoOffer> {
    let content = structure.content().map_err(|fault| refused(&fault.to_string()))?;
    let algorithm = content.parameters.algorithm();
    if algorithm == cedrat_keyring::ContentAlgorithm::TripleDesCbc && !accounts.config.triple_des {
        return Err(refused("Triple DES is not opened here (handoff.triple_des)"));
    }
    if algorithm.integrity() == Integrity::None && accounts.config.cbc == Cbc::Refuse {
        return Err(refused("content without integrity is not opened here (handoff.cbc)"));
    }
    Ok(algorithm)
}

/// The recipients of the message that are of these certificates.
fn own(structure: &Structure, certificates: &[Certificate]) -> Vec<wire::Recipient> {
    let mut own = Vec::new();
    for (index, raw) in structure.recipients.iter().enumerate() {
        let Ok(recipient) = Recipient::read(raw, &recipient::Limits::default()) else { continue };
        let found = certificates.iter().find_map(|it| certificate::matches(&recipient, it));
        let Some(identifier) = found.and_then(|at| recipient.identifiers().get(at)) else { continue };
        let algorithm = recipient.algorithm();
        own.push(wire::Recipient {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            kind: match recipient.kind() {
                Kind::Kari => wire::RecipientType::Kari,
                Kind::Kekri => wire::RecipientType::Kekri,
                Kind::Kemri => wire::RecipientType::Kemri,
                Kind::Ktri => wire::RecipientType::Ktri,
                Kind::Pwri => wire::RecipientType::Pwri,
                Kind::Other => continue,
            },
            rid: named(identifier),
            key_enc_alg: wire::Algorithm {
                oid: algorithm.oid().to_string(),
                name: algorithm.name().to_owned(),
                der: Octets(algorithm.der().to_vec()),
            },
            der: Octets(raw.clone()),
            sha256: Digest(*recipient.sha256()),
        });
    }
    own
}

fn named(identifier: &Identifier) -> wire::RecipientId {
    match identifier {
        Identifier::IssuerSerial { issuer, serial } => wire::RecipientId {
            issuer_der: Some(Octets(issuer.clone())),
            serial: Some(Octets(serial.clone())),
            ..wire::RecipientId::default()
        },
        Identifier::SubjectKey(ski) => {
            wire::RecipientId { ski: Some(Octets(ski.clone())), ..wire::RecipientId::default() }
        }
        _ => wire::RecipientId::default(),
    }
}
