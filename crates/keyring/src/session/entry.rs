//! One line of the audit: what happened to a session, by whom, and what came of it.
//!
//! It holds digests of what travels in clear and names of algorithms. Never a content key or a
//! digest of one, never a subject, never a word of content. Entries are chained by their digests,
//! so that one that was changed or left out shows.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use super::{Outcome, State};
use crate::signed::Overall;
use crate::wire::{Digest, Integrity, NotCanonical, Time, canonical};

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The account that was authenticated; of the gateway itself its name.
    pub account: String,
    /// How.
    pub method: Authentication,
}

/// How an actor was authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// A client certificate.
    Certificate,
    /// The gateway acts on its own: a clock, a worker.
    Gateway,
    /// A bearer token.
    Token,
}

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A session was withdrawn.
    Cancel,
    /// Time passed.
    Clock,
    /// A client gave no key.
    Decline,
    /// A client gave a key.
    Grant,
    /// A session began.
    Offer,
    /// The gateway worked on the content.
    Work,
}

/// One line of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub time: Time,
    /// Which session.
    pub session: String,
    /// Whose it is.
    pub account: String,
    /// Who.
    pub actor: Actor,
    /// What was tried.
    pub event: Event,
    /// Where the session stood; absent when it began.
    pub from: Option<State>,
    /// Where it stands now; the same when nothing came of it.
    pub to: State,
    /// What came of it.
    pub outcome: Outcome,
    /// Of the encrypted octets.
    pub message_sha256: Digest,
    /// Of the RecipientInfo whose key was used, once one was accepted.
    pub ri_sha256: Option<Digest>,
    /// Object identifiers, of OpenPGP names: of the content, then of the recipient's key encryption if there is one.
    pub algorithms: Vec<String>,
    /// What the content algorithm proves.
    pub integrity: Integrity,
    /// Of the consent that was asked for, or given once one was.
    pub consent_sha256: Digest,
    /// Octets of the message as it came.
    pub octets_in: u64,
    /// Octets of the result; 0 before there is one.
    pub octets_out: u64,
    /// What the signatures over the content came to, once that is known; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Overall>,
}

impl Entry {
    /// Its digest in a chain: SHA-256 of the digest of the entry before it, and its canonical form
    /// (RFC 8785). The chain begins with a digest of zeros.
    ///
    /// # Errors
    /// [`NotCanonical`] when a number of octets is 2^53 or more.
    pub fn chained(&self, previous: &Digest) -> Result<Digest, NotCanonical> {
        let mut octets = previous.0.to_vec();
        octets.extend_from_slice(&canonical(self)?);
        Ok(Digest::of(&octets))
    }
}

/// Whether entries follow each other without a change or a gap, `first` being the digest before
/// them; the position of the first that does not, otherwise.
///
/// # Errors
/// Its position.
pub fn verify_chain<'a>(
    first: Digest,
    entries: impl IntoIterator<Item = (&'a Entry, &'a Digest)>,
) -> Result<Digest, usize> {
    let mut previous = first;
    for (position, (entry, stated)) in entries.into_iter().enumerate() {
        if entry.chained(&previous) != Ok(*stated) {
            return Err(position);
        }
        previous = *stated;
    }
    Ok(previous)
}
