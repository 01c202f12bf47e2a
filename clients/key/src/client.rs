//! The conversation with a gateway (docs/key-handoff.md), and the one place where a content key is
//! taken out of a message and handed out.

use std::time::Duration;

use cedrat_keyring::{
    Cek, Consent, ContentAlgorithm, cek,
    openpgp::Pkesk,
    recipient::cek_hkdf_sha256,
    seal::{self, Binding},
    session::State,
    unwrap::{Refused, unwrap},
    wire::{self, Octets, Time, WellKnown, jws},
};
use rand_core::CryptoRng;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::{
    Error,
    address::Address,
    http::{Answer, Http, Request},
    keys::{Identity, SessionKeys, Way, openpgp_way, way},
    log::{Decision, Line, Log},
};

/// Seconds that the gateway may hold a long poll; 55 is its limit.
const LONG_POLL: u32 = 50;
const SESSIONS: &str = "/api/v1/handoff/sessions";

/// A gateway whose signing keys are known.
pub struct Gateway {
    http: Http,
    pinned: Vec<jws::Jwk>,
}

/// What waits at a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Names of the sessions.
    pub sessions: Vec<String>,
    /// Names this list, for the next question.
    pub etag: Option<String>,
}

/// What was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// The private key did not unwrap it, and a random key was sent in its place: the gateway must not
    /// learn which. For the user's eyes alone.
    pub masked: bool,
}

/// Keys, record and limits of one user.
pub struct Client {
    /// Private keys.
    pub identities: Vec<Identity>,
    /// Private keys of OpenPGP.
    pub openpgp: Vec<Box<dyn SessionKeys>>,
    /// The record.
    pub log: Log,
    /// Grants an hour. Default 30: more than a person reads.
    pub grants_an_hour: usize,
}

/// Grants an hour, unless the user says otherwise.
pub const GRANTS_AN_HOUR: usize = 30;

/// The signing keys that a gateway shows of itself: to be pinned, never to be trusted as they come.
///
/// # Errors
/// It is not reached, or has none.
pub fn well_known(http: &Http) -> Result<WellKnown, Error> {
    let answer =
        http.send(&Request { method: "GET", path: "/api/v1/handoff/.well-known", ..Request::default() })?;
    let known: WellKnown = read(&answer)?;
    if known.keys.is_empty() {
        return Err(Error::Protocol("no signing key".into()));
    }
    Ok(known)
}

impl Gateway {
    /// A gateway with the keys that were pinned for it.
    ///
    /// # Errors
    /// [`Error::Untrusted`] when there are none.
    pub fn new(http: Http, pinned: Vec<jws::Jwk>) -> Result<Self, Error> {
        if pinned.is_empty() {
            return Err(Error::Untrusted(format!(
                "{0} is not pinned; compare its key with its operator's: cedrat-key pin {0}",
                http.address()
            )));
        }
        Ok(Self { http, pinned })
    }

    /// Where it is.
    #[must_use]
    pub const fn address(&self) -> &Address {
        self.http.address()
    }

    /// Sessions that wait for a key; with `patient` the gateway keeps the question for a while when there
    /// are none. `None` when the list is still the one that `etag` names.
    ///
    /// # Errors
    /// The gateway is not reached, or refuses.
    pub fn waiting(&self, patient: bool, etag: Option<&str>) -> Result<Option<Waiting>, Error> {
        let wait = if patient { LONG_POLL } else { 0 };
        let answer = self.http.send(&Request {
            method: "GET",
            path: &format!("{SESSIONS}?state=awaiting_key&wait={wait}"),
            unless: etag,
            wait: Duration::from_secs(u64::from(wait)),
            ..Request::default()
        })?;
        if answer.status == 304 {
            return Ok(None);
        }
        /// Only names: what a session asks is read from its signed form alone.
        #[derive(serde::Deserialize)]
        struct Listed {
            id: String,
        }
        #[derive(serde::Deserialize)]
        struct List {
            sessions: Vec<Listed>,
        }
        let list: List = read(&answer)?;
        let sessions = list.sessions.into_iter().map(|one| one.id).filter(|id| is_id(id)).collect();
        Ok(Some(Waiting { sessions, etag: answer.etag }))
    }

    /// A session, from its signed form.
    ///
    /// # Errors
    /// [`Error::Untrusted`] when no pinned key has signed it, it is another one than asked for, or it
    /// contradicts itself.
    pub fn session(&self, id: &str) -> Result<wire::Session, Error> {
        let answer = self.http.send(&Request {
            method: "GET",
            path: &format!("{}?format=jws", path(id)?),
            ..Request::default()
        })?;
        let token = body(&answer)?;
        let token =
            std::str::from_utf8(token).map_err(|_| Error::Protocol("a session that is no JWS".into()))?;
        let payload = jws::verify(token.trim_ascii(), &self.pinned).map_err(|rejected| {
            Error::Untrusted(match rejected {
                jws::Rejected::UnknownKey => format!(
                    "the session is signed with a key that is not pinned for {}: if its operator confirms a new key, \
                     pin it again",
                    self.address()
                ),
                rejected => format!("the signature of the session: {rejected:?}"),
            })
        })?;
        let session: wire::Session = serde_json::from_slice(&payload)
            .map_err(|error| Error::Protocol(format!("a session that is not understood: {error}")))?;
        if session.id != id {
            return Err(Error::Untrusted("the gateway answers with another session".into()));
        }
        session
            .check()
            .map_err(|what| Error::Untrusted(format!("the session contradicts itself: {what:?}")))?;
        Ok(session)
    }

    fn grant(&self, id: &str, grant: &wire::Grant) -> Result<(), Error> {
        self.send("PUT", &format!("{}/key", path(id)?), grant)
    }

    /// Tells the gateway that there is no key.
    ///
    /// # Errors
    /// The gateway is not reached, or refuses.
    pub fn decline(&self, id: &str, reason_code: wire::DeclineReason) -> Result<(), Error> {
        self.send("POST", &format!("{}/decline", path(id)?), &wire::Decline { reason_code })
    }

    fn send(&self, method: &str, path: &str, document: &impl serde::Serialize) -> Result<(), Error> {
        let octets = serde_json::to_vec(document).map_err(|error| Error::Input(error.to_string()))?;
        body(&self.http.send(&Request { method, path, body: Some(&octets), ..Request::default() })?)?;
        Ok(())
    }
}

impl Client {
    /// Hands out the content key of a session under a consent, which must be within the one asked for.
    /// The record is on the disk before the private key is used.
    ///
    /// # Errors
    /// Nothing was handed out, unless it is [`Error::Network`]: then it may have been.
    pub fn grant(
        &mut self,
        gateway: &Gateway,
        session: &wire::Session,
        consent: &Consent,
        by: &str,
        now: Time,
        rng: &mut impl CryptoRng,
    ) -> Result<Granted, Error> {
        if session.state != State::AwaitingKey || session.expires <= now {
            return Err(Error::Policy("the session no longer waits for a key".into()));
        }
        if !consent.within(&session.consent) {
            return Err(Error::Policy("the consent is wider than what is asked for".into()));
        }
        let chosen = Chosen::of(&self.identities, &self.openpgp, session)
            .ok_or_else(|| Error::Key("none of your keys is a recipient of this message".into()))?;
        let index = chosen.index();
        let binding = Binding::of(session, index, consent)
            .ok_or_else(|| Error::Untrusted("a recipient that the session does not have".into()))?;
        let line = Line {
            time: now,
            gateway: gateway.address().to_string(),
            session: session.id.clone(),
            message_sha256: session.message.sha256,
            ri_sha256: session.recipient(index).map(|recipient| recipient.sha256),
            consent_sha256: Some(consent.sha256()),
            by: by.into(),
            decision: Decision::Grant,
        };
        self.log.append(&line, self.grants_an_hour)?;
        let (cek, kind, masked) = match chosen {
            Chosen::Cms(way) => {
                let (algorithm, derivation) = algorithm(session)?;
                let (cek, masked) = content_key(&way, algorithm, derivation.as_deref(), rng)?;
                (cek, algorithm.into(), masked)
            }
            Chosen::Openpgp { pkesk, keys, .. } => session_key(&pkesk, keys, session, rng)?,
        };
        let sealed = seal::seal(&session.seal, &binding, &cek, kind, rng)
            .map_err(|what| Error::Untrusted(format!("the session's seal: {what:?}")))?;
        drop(cek);
        let grant = wire::Grant {
            recipient_index: index,
            enc: Octets(sealed.enc),
            ct: Octets(sealed.ct),
            consent: (*consent != session.consent).then(|| consent.clone()),
            aad: Some(Octets(binding.octets())),
        };
        gateway.grant(&session.id, &grant)?;
        Ok(Granted { masked })
    }

    /// Refuses a session, and says so in the record.
    ///
    /// # Errors
    /// The record cannot be written, or the gateway is not reached.
    pub fn refuse(
        &mut self,
        gateway: &Gateway,
        session: &wire::Session,
        reason: wire::DeclineReason,
        by: &str,
        now: Time,
    ) -> Result<(), Error> {
        let line = Line {
            time: now,
            gateway: gateway.address().to_string(),
            session: session.id.clone(),
            message_sha256: session.message.sha256,
            ri_sha256: None,
            consent_sha256: None,
            by: by.into(),
            decision: Decision::Refuse,
        };
        self.log.append(&line, self.grants_an_hour)?;
        gateway.decline(&session.id, reason)
    }
}

/// The recipient whose key is used.
enum Chosen<'a> {
    Cms(Box<Way<'a>>),
    Openpgp { index: u32, pkesk: Pkesk, keys: &'a dyn SessionKeys },
}

impl<'a> Chosen<'a> {
    fn of(
        identities: &'a [Identity],
        openpgp: &'a [Box<dyn SessionKeys>],
        session: &wire::Session,
    ) -> Option<Self> {
        match session.message.format {
            wire::Format::Openpgp => {
                let (index, pkesk, keys) = openpgp_way(openpgp, session)?;
                Some(Self::Openpgp { index, pkesk, keys })
            }
            wire::Format::CmsAuthEnveloped | wire::Format::CmsEnveloped => {
                way(identities, session).map(|way| Self::Cms(Box::new(way)))
            }
        }
    }

    const fn index(&self) -> u32 {
        match self {
            Self::Cms(way) => way.index,
            Self::Openpgp { index, .. } => *index,
        }
    }
}

/// The session key of an OpenPGP message; as [`content_key`] a random one when the private key does not give it.
fn session_key(
    pkesk: &Pkesk,
    keys: &dyn SessionKeys,
    session: &wire::Session,
    rng: &mut impl CryptoRng,
) -> Result<(Cek, cek::Kind, bool), Error> {
    let refuse = || Error::Untrusted("the protection of the content is not understood".into());
    let protection = session.protection().ok_or_else(refuse)?;
    let likely = protection.kinds().first().copied().ok_or_else(refuse)?;
    let mut random = Zeroizing::new([0; cek::MAX_OCTETS]);
    rng.fill_bytes(random.as_mut_slice());
    let substitute = random.get(..likely.octets).and_then(Cek::new).ok_or_else(refuse)?;
    Ok(match keys.unwrap(pkesk, protection) {
        Some((key, kind)) => (key, kind, false),
        None => (substitute, likely, true),
    })
}

/// The content algorithm, and what the content key is derived with if it is (RFC 9709). Read from the
/// AlgorithmIdentifier that the seal is bound to, not from what is said of it.
fn algorithm(session: &wire::Session) -> Result<(ContentAlgorithm, Option<Vec<u8>>), Error> {
    let refuse = || Error::Untrusted("the content algorithm is not understood".into());
    let encryption = session.encryption().ok_or_else(refuse)?;
    let algorithm = encryption.parameters.map_err(|_| refuse())?.algorithm();
    Ok((algorithm, encryption.derived_for))
}

/// The content key; a random one of the right length when the private key does not give it. A gateway
/// that chooses RecipientInfos must not learn from the answer which of them unwrap: RSA of both
/// paddings has attacks that need no more than that (Bleichenbacher, Manger).
fn content_key(
    way: &Way<'_>,
    algorithm: ContentAlgorithm,
    derivation: Option<&[u8]>,
    rng: &mut impl CryptoRng,
) -> Result<(Cek, bool), Error> {
    let mut random = Zeroizing::new([0; cedrat_keyring::cek::MAX_OCTETS]);
    rng.fill_bytes(random.as_mut_slice());
    let substitute = random.get(..algorithm.key_octets()).and_then(Cek::new);
    let substitute = substitute.ok_or_else(|| Error::Key("no key has this length".into()))?;
    let identity = way.identity;
    let unwrapped =
        match unwrap(&way.recipient, identity.operation.as_ref(), &identity.certificate, algorithm, rng) {
            Ok(cek) => Some(cek),
            Err(Refused::KeyNotUsable) => None,
            Err(refused) => return Err(Error::Key(refused.to_string())),
        };
    let masked = unwrapped.is_none();
    let cek = unwrapped.unwrap_or(substitute);
    let cek = match derivation {
        Some(identifier) => {
            cek_hkdf_sha256(&cek, identifier).ok_or_else(|| Error::Key("no key has this length".into()))?
        }
        None => cek,
    };
    Ok((cek, masked))
}

/// Names of sessions that are safe in a path and a line.
fn is_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c))
}

fn path(id: &str) -> Result<String, Error> {
    is_id(id)
        .then(|| format!("{SESSIONS}/{id}"))
        .ok_or_else(|| Error::Input("not the name of a session".into()))
}

/// The body of a success; a problem otherwise.
fn body(answer: &Answer) -> Result<&[u8], Error> {
    match answer.status {
        200..300 => Ok(&answer.body),
        status => Err(match serde_json::from_slice::<wire::Problem>(&answer.body) {
            Ok(problem) => Error::Gateway(Box::new(problem)),
            Err(_) => Error::Protocol(format!("status {status}")),
        }),
    }
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Error> {
    serde_json::from_slice(body(answer)?).map_err(|error| Error::Protocol(error.to_string()))
}
