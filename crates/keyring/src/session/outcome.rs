//! What comes of a step of a session: one closed list, with the slug and HTTP status of each.
//!
//! Failures that touch the content key have one member, [`Outcome::KeyNotUsable`]. All others say
//! what they are.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! outcomes {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $status:literal, $title:literal;)*) => {
        /// What comes of a step of a session.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Outcome { $($(#[$doc])* $name,)* }

        impl Outcome {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in problems, audit entries and session documents.
            #[must_use]
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// The HTTP status of an answer that says it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What it means, for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

outcomes! {
    /// A policy of the gateway forbids the algorithm.
    AlgorithmRefused = "algorithm-refused", 403, "An algorithm of the message is not accepted here.";
    /// The session was withdrawn.
    Cancelled = "cancelled", 200, "The session was withdrawn.";
    /// The consent allows more than was asked for, or too little for what must be done.
    ConsentInsufficient = "consent-insufficient", 403, "The consent is not one that was asked for.";
    /// The content could not be converted.
    ConversionFailed = "conversion-failed", 422, "The content could not be converted.";
    /// The work was not done in time and the key was wiped.
    DeadlinePassed = "deadline-passed", 422, "The work was not finished in time.";
    /// The client gives no key.
    Declined = "declined", 200, "The client gives no key.";
    /// The result is ready.
    Done = "done", 200, "The content was converted.";
    /// Another request had this Idempotency-Key.
    IdempotencyMismatch = "idempotency-mismatch", 422, "The Idempotency-Key was used for another request.";
    /// A sealed key was taken; what it is worth shows later.
    KeyAccepted = "key-accepted", 202, "The sealed key was accepted.";
    /// Everything that may be wrong with a content key.
    KeyNotUsable = "key-not-usable", 422, "The key is not usable for this message.";
    /// The session waits for a key.
    Offered = "offered", 201, "The session waits for a key.";
    /// The recipient is not one of the account's.
    RecipientNotOwned = "recipient-not-owned", 403, "The recipient does not belong to this account.";
    /// The seal did not open.
    SealInvalid = "seal-invalid", 422, "The seal does not open: it was made for another key or for other associated data.";
    /// The session has moved on, or is over.
    SessionClosed = "session-closed", 409, "The session no longer takes this.";
    /// No key came in time.
    SessionExpired = "session-expired", 410, "The session has expired.";
    /// There is no such session, or it is somebody else's.
    SessionNotFound = "session-not-found", 404, "There is no such session.";
    /// The session bore as many refused grants as it can.
    TooManyAttempts = "too-many-attempts", 429, "Too many refused grants.";
    /// The plaintext is being converted.
    Transcoding = "transcoding", 200, "The content is being converted.";
    /// The kind of recipient is not supported.
    UnsupportedRecipient = "unsupported-recipient", 415, "This kind of recipient is not supported.";
    /// The ciphertext is being verified.
    Verifying = "verifying", 200, "The content is being verified.";
}

impl Outcome {
    /// Whether it refuses what was asked.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        self.status() >= 400
    }

    /// The one with a slug.
    #[must_use]
    pub fn of(slug: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|outcome| outcome.slug() == slug)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.slug())
    }
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let slug = String::deserialize(deserializer)?;
        Self::of(&slug).ok_or_else(|| de::Error::custom("no outcome of a session"))
    }
}
