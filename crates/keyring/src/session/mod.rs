//! The states of one handoff: one message, one content key, one use.
//!
//! ```text
//! awaiting_key → key_accepted → verifying → transcoding → done
//!       └→ declined | expired | failed | cancelled ←┘
//! ```
//! The machine owns the private key of the seal while it waits, and the content key from its
//! acceptance until it is taken, once. Entering a state drops what the state before owned. Time is
//! an argument and never runs backwards here. What is done with the content key, where sessions are
//! kept and who is authenticated how is not decided here; nothing of this survives a restart.

mod entry;
mod outcome;
#[cfg(test)]
mod tests;

use alloc::{string::String, vec::Vec};
use core::fmt;

use cedrat_message::Timestamp;
use rand_core::CryptoRng;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    Cek, Consent,
    cek::Kind,
    seal::{self, Binding, SealKey},
    signed::Overall,
    wire::{self, Digest, Octets, Time},
};

pub use entry::{Actor, Authentication, Entry, Event, verify_chain};
pub use outcome::Outcome;

/// Where a session stands. Written as [`State::name`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// A client may give the key.
    AwaitingKey,
    /// A key was given and is not yet in use.
    KeyAccepted,
    /// The key is in use: what is encrypted is verified.
    Verifying,
    /// What was verified is converted.
    Transcoding,
    /// The result is ready.
    Done,
    /// The client gave no key.
    Declined,
    /// No key came in time.
    Expired,
    /// The key, the content or the time did not suffice.
    Failed,
    /// Withdrawn.
    Cancelled,
}

/// Bounds of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Refused grants of the account that are borne. Default 3: a client that recovers needs one,
    /// one that guesses gets no more.
    pub attempts: u8,
    /// Milliseconds from the acceptance of a key to its end at the latest. Default 120000: the
    /// conversion of a long video, and no longer than a person waits.
    pub hard_deadline: u32,
    /// Patterns of a consent. Default 32: more media types than a handset shows.
    pub parts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { attempts: 3, hard_deadline: 120_000, parts: 32 }
    }
}

/// What a session is opened with.
#[derive(Debug, Clone)]
pub struct Offer {
    /// An opaque, unguessable name, new.
    pub id: String,
    /// Whose it is.
    pub account: String,
    /// `kid` of the key that signs the session's document.
    pub server_key_id: String,
    /// The session of the layer around this one.
    pub parent: Option<String>,
    /// The message.
    pub message: wire::Message,
    /// What its key may be, the likeliest first: [`wire::Session::kinds`] of the same message.
    pub kinds: Vec<Kind>,
    /// Ways to its key, all of them the account's.
    pub recipients: Vec<wire::Recipient>,
    /// What is asked for.
    pub consent: Consent,
    /// Until when a key is awaited.
    pub expires: Timestamp,
    /// Opaque.
    pub attestation: Option<serde_json::Value>,
}

/// One handoff.
pub struct Session {
    document: wire::Session,
    stage: Stage,
    kinds: Vec<Kind>,
    limits: Limits,
    /// The latest time that was seen.
    now: Timestamp,
    /// When a key was accepted.
    accepted: Option<Timestamp>,
    /// Whether the accepted key is the one that was sealed.
    fits: bool,
    /// The recipient whose key was used.
    granted: Option<u32>,
    consent: Consent,
    /// Grants that were answered, by the digest of their body.
    answers: Vec<(Digest, Outcome)>,
    octets_out: u64,
    /// What the signatures over the content came to.
    signature: Option<Overall>,
    revision: u32,
    entries: Vec<Entry>,
}

/// A state with the secret that it owns.
enum Stage {
    AwaitingKey(SealKey),
    KeyAccepted(Cek),
    /// All others own none.
    Other(State),
}

impl State {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::AwaitingKey,
        Self::KeyAccepted,
        Self::Verifying,
        Self::Transcoding,
        Self::Done,
        Self::Declined,
        Self::Expired,
        Self::Failed,
        Self::Cancelled,
    ];

    /// As it is written in documents, audit entries and events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwaitingKey => "awaiting_key",
            Self::KeyAccepted => "key_accepted",
            Self::Verifying => "verifying",
            Self::Transcoding => "transcoding",
            Self::Done => "done",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing follows.
    #[must_use]
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Declined | Self::Expired | Self::Failed | Self::Cancelled)
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = Self::ALL.into_iter().find(|state| state.name() == name);
        found.ok_or_else(|| de::Error::custom("no state of a session"))
    }
}

impl Session {
    /// Offers a session. The randomness makes its key pair and the name of it.
    pub fn open(offer: Offer, limits: Limits, now: Timestamp, rng: &mut impl CryptoRng) -> Self {
        let (key, public) = SealKey::generate(rng);
        let mut jti = [0; 16];
        rng.fill_bytes(&mut jti);
        let document = wire::Session {
            id: offer.id,
            state: State::AwaitingKey,
            outcome: None,
            created: Time(now),
            expires: Time(offer.expires),
            attempts_left: limits.attempts,
            account: offer.account,
            server_key_id: offer.server_key_id,
            parent: offer.parent,
            message: offer.message,
            recipients: offer.recipients,
            seal: wire::Seal {
                suite: seal::SUITE,
                public_key: Octets(public),
                info: seal::INFO.into(),
                jti: Octets(jti.to_vec()),
            },
            consent: offer.consent.clone(),
            attestation: offer.attestation,
        };
        let mut session = Self {
            document,
            stage: Stage::AwaitingKey(key),
            kinds: offer.kinds,
            limits,
            now,
            accepted: None,
            fits: false,
            granted: None,
            consent: offer.consent,
            answers: Vec::new(),
            octets_out: 0,
            signature: None,
            revision: 0,
            entries: Vec::new(),
        };
        let gateway = session.gateway();
        session.note(Event::Offer, &gateway, None, Outcome::Offered);
        session
    }

    /// Where it stands. A deadline that has passed shows after [`Session::tick`].
    #[must_use]
    pub const fn state(&self) -> State {
        match &self.stage {
            Stage::AwaitingKey(_) => State::AwaitingKey,
            Stage::KeyAccepted(_) => State::KeyAccepted,
            Stage::Other(state) => *state,
        }
    }

    /// The document that clients see.
    #[must_use]
    pub const fn document(&self) -> &wire::Session {
        &self.document
    }

    /// Counts changes of the document, for its ETag.
    #[must_use]
    pub const fn revision(&self) -> u32 {
        self.revision
    }

    /// The consent that was given, once one was; before that the one that is asked for.
    #[must_use]
    pub const fn consent(&self) -> &Consent {
        &self.consent
    }

    /// When [`Session::tick`] must be called; `None` at the end.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        match (self.state(), self.accepted) {
            (State::AwaitingKey, _) => Some(self.document.expires.0),
            (state, Some(accepted)) if !state.is_end() => {
                Some(Timestamp(accepted.0.saturating_add(i64::from(self.limits.hard_deadline))))
            }
            _ => None,
        }
    }

    /// Audit entries since the last call, oldest first. They are to be stored before the answer to
    /// what caused them is sent.
    pub fn take_entries(&mut self) -> Vec<Entry> {
        core::mem::take(&mut self.entries)
    }

    /// Takes note of the time: a wait, or the work with a key, may be over.
    pub fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        if self.deadline().is_some_and(|deadline| self.now >= deadline) {
            let gateway = self.gateway();
            match self.state() {
                State::AwaitingKey => {
                    self.end(Event::Clock, &gateway, State::Expired, Outcome::SessionExpired)
                }
                _ => self.end(Event::Clock, &gateway, State::Failed, Outcome::DeadlinePassed),
            }
        }
    }

    /// A client gives a key. The same body again has the same answer; the first one whose seal opens
    /// is accepted, whatever is in it.
    ///
    /// Returns [`Outcome::KeyAccepted`] or a refusal.
    pub fn grant(
        &mut self,
        by: &Actor,
        body: &wire::Grant,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Outcome {
        self.tick(now);
        let from = self.state();
        if by.account != self.document.account {
            return self.refuse(Event::Grant, by, Outcome::SessionNotFound);
        }
        let Ok(body_sha256) = wire::canonical(body).map(|octets| Digest::of(&octets)) else {
            return self.refuse(Event::Grant, by, Outcome::SealInvalid);
        };
        if let Some((_, outcome)) = self.answers.iter().find(|(answered, _)| *answered == body_sha256) {
            return self.refuse(Event::Grant, by, *outcome);
        }
        let Stage::AwaitingKey(key) = &self.stage else {
            return self.refuse(Event::Grant, by, self.closed());
        };
        let given = body.consent.as_ref().unwrap_or(&self.document.consent);
        let opened = match Binding::of(&self.document, body.recipient_index, given) {
            None => Err(Outcome::RecipientNotOwned),
            Some(_) if given.parts.len() > self.limits.parts || !given.within(&self.document.consent) => {
                Err(Outcome::ConsentInsufficient)
            }
            Some(binding) => key
                .open(&body.enc.0, &body.ct.0, &binding, &self.kinds, rng)
                .map_err(|seal::NotOpened| Outcome::SealInvalid),
        };
        let outcome = match opened {
            Ok(opened) => {
                self.consent = given.clone();
                self.granted = Some(body.recipient_index);
                self.accepted = Some(self.now);
                self.fits = opened.fits;
                self.enter(Stage::KeyAccepted(opened.cek));
                self.note(Event::Grant, by, Some(from), Outcome::KeyAccepted);
                Outcome::KeyAccepted
            }
            Err(refusal) => self.refused(by, refusal),
        };
        self.answers.push((body_sha256, outcome));
        outcome
    }

    /// A client gives no key.
    pub fn decline(&mut self, by: &Actor, now: Timestamp) -> Outcome {
        self.tick(now);
        if by.account != self.document.account {
            return self.refuse(Event::Decline, by, Outcome::SessionNotFound);
        }
        match self.state() {
            State::AwaitingKey => {
                self.end(Event::Decline, by, State::Declined, Outcome::Declined);
                Outcome::Declined
            }
            State::Declined => self.refuse(Event::Decline, by, Outcome::Declined),
            _ => self.refuse(Event::Decline, by, self.closed()),
        }
    }

    /// Withdraws the session and wipes what it holds. Whether `by` may is the caller's to know.
    pub fn cancel(&mut self, by: &Actor, now: Timestamp) -> Outcome {
        self.tick(now);
        match self.state() {
            State::Cancelled => self.refuse(Event::Cancel, by, Outcome::Cancelled),
            state if state.is_end() => self.refuse(Event::Cancel, by, self.closed()),
            _ => {
                self.end(Event::Cancel, by, State::Cancelled, Outcome::Cancelled);
                Outcome::Cancelled
            }
        }
    }

    /// Hands the content key to whoever verifies and decrypts, once.
    ///
    /// # Errors
    /// [`Outcome::SessionClosed`] when there is none, or no longer; also when the deadline is over.
    pub fn take_key(&mut self, now: Timestamp) -> Result<Cek, Outcome> {
        self.tick(now);
        match self.enter_if(State::KeyAccepted, State::Verifying) {
            Some(Stage::KeyAccepted(cek)) => {
                let gateway = self.gateway();
                self.note(Event::Work, &gateway, Some(State::KeyAccepted), Outcome::Verifying);
                Ok(cek)
            }
            _ => Err(Outcome::SessionClosed),
        }
    }

    /// The content was verified under the key, as far as its algorithm allows, and is a MIME entity.
    /// A key that was not the sealed one ends here at the latest, however unlikely it is that its
    /// content got this far.
    pub fn verified(&mut self, now: Timestamp) -> Outcome {
        self.tick(now);
        if self.state() == State::Verifying && !self.fits {
            return self.fail(Outcome::KeyNotUsable, now);
        }
        match self.enter_if(State::Verifying, State::Transcoding) {
            Some(_) => {
                let gateway = self.gateway();
                self.note(Event::Work, &gateway, Some(State::Verifying), Outcome::Transcoding);
                Outcome::Transcoding
            }
            None => Outcome::SessionClosed,
        }
    }

    /// The result is ready; `signature` is what those over the content came to, if there were any.
    pub fn done(&mut self, octets: u64, signature: Option<Overall>, now: Timestamp) -> Outcome {
        self.tick(now);
        if self.state() != State::Transcoding {
            return Outcome::SessionClosed;
        }
        self.octets_out = octets;
        self.signature = signature;
        let gateway = self.gateway();
        self.end(Event::Work, &gateway, State::Done, Outcome::Done);
        Outcome::Done
    }

    /// The work ends without a result: [`Outcome::KeyNotUsable`] for everything that touches the key,
    /// [`Outcome::ConversionFailed`] or [`Outcome::ConsentInsufficient`] for what follows.
    pub fn fail(&mut self, outcome: Outcome, now: Timestamp) -> Outcome {
        self.tick(now);
        match self.state() {
            State::KeyAccepted | State::Verifying | State::Transcoding => {
                let gateway = self.gateway();
                self.end(Event::Work, &gateway, State::Failed, outcome);
                outcome
            }
            _ => Outcome::SessionClosed,
        }
    }

    /// A refused grant of the account, which costs an attempt.
    fn refused(&mut self, by: &Actor, refusal: Outcome) -> Outcome {
        self.document.attempts_left = self.document.attempts_left.saturating_sub(1);
        self.revision = self.revision.saturating_add(1);
        if self.document.attempts_left > 0 {
            return self.refuse(Event::Grant, by, refusal);
        }
        self.end(Event::Grant, by, State::Failed, Outcome::TooManyAttempts);
        Outcome::TooManyAttempts
    }

    /// Something was tried that changes nothing.
    fn refuse(&mut self, event: Event, by: &Actor, outcome: Outcome) -> Outcome {
        self.note(event, by, Some(self.state()), outcome);
        outcome
    }

    /// What is said to somebody who comes too late.
    fn closed(&self) -> Outcome {
        if self.state() == State::Expired { Outcome::SessionExpired } else { Outcome::SessionClosed }
    }

    fn end(&mut self, event: Event, by: &Actor, state: State, outcome: Outcome) {
        let from = self.state();
        self.document.outcome = Some(outcome);
        self.enter(Stage::Other(state));
        self.note(event, by, Some(from), outcome);
    }

    /// Enters `to` when the session is in `from`; what that owned.
    fn enter_if(&mut self, from: State, to: State) -> Option<Stage> {
        (self.state() == from).then(|| self.enter(Stage::Other(to)))
    }

    fn enter(&mut self, stage: Stage) -> Stage {
        let before = core::mem::replace(&mut self.stage, stage);
        self.document.state = self.state();
        self.revision = self.revision.saturating_add(1);
        before
    }

    fn gateway(&self) -> Actor {
        Actor { account: self.document.server_key_id.clone(), method: Authentication::Gateway }
    }

    fn note(&mut self, event: Event, actor: &Actor, from: Option<State>, outcome: Outcome) {
        let document = &self.document;
        let recipient = self.granted.and_then(|index| document.recipient(index));
        // OpenPGP has no object identifiers.
        let named = |oid: &String, name: &String| if oid.is_empty() { name.clone() } else { oid.clone() };
        let content = &document.message.content_alg;
        let content = core::iter::once(named(&content.oid, &content.name));
        let wrapped = recipient.map(|it| named(&it.key_enc_alg.oid, &it.key_enc_alg.name));
        self.entries.push(Entry {
            time: Time(self.now),
            session: document.id.clone(),
            account: document.account.clone(),
            actor: actor.clone(),
            event,
            from,
            to: self.state(),
            outcome,
            message_sha256: document.message.sha256,
            ri_sha256: recipient.map(|recipient| Digest::of(&recipient.der.0)),
            algorithms: content.chain(wrapped).collect(),
            integrity: document.message.integrity,
            consent_sha256: self.consent.sha256(),
            octets_in: document.message.size,
            octets_out: self.octets_out,
            signature: self.signature,
        });
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.document.id)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
