//! The documents of a key handoff, as the gateway serves them and the client reads them: JSON with
//! base64url octets (RFC 4648 §5, no padding), RFC 3339 times, canonical JSON (RFC 8785) wherever
//! octets are hashed, and the signed form of a session (JWS, RFC 7515).
//!
//! Shapes only: what may happen in which state is in [`crate::session`].

mod canonical;
mod document;
pub mod jws;
mod octets;
mod time;

#[cfg(test)]
mod tests;

pub use canonical::{NotCanonical, canonical};
pub use document::{
    Algorithm, Bounds, ContentAlgorithm, Decline, DeclineReason, Direction, Format, Grant, Inconsistent,
    Integrity, Message, Problem, Recipient, RecipientId, RecipientType, Seal, Session, SessionList, Suite,
    WellKnown,
};
pub use octets::{Digest, Octets};
pub use time::Time;
