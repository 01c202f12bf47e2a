//! The one trait of every session protocol: octets in, steps out.
//!
//! A session is a protocol end point without I/O. It owns neither the stream nor the clock: the
//! driver hands it what arrived and what time it is, and does what it asks for. So a dialog runs
//! the same over TCP, TLS, a test script or a fuzzer.
//!
//! This crate does not name a socket, a timer or a protocol.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

use alloc::vec::Vec;
use core::fmt;

/// A point on the driver's monotonic clock, in milliseconds since an origin that only the driver
/// knows. Comparable only with instants of the same driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(pub u64);

impl Instant {
    /// This instant moved into the future by `millis`, at most to the end of time.
    #[must_use]
    pub const fn after(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

/// What the driver must do next for a session.
#[derive(Clone, PartialEq, Eq)]
pub enum Step<E> {
    /// Close the stream after everything sent before has been written.
    Close,
    /// Let the gateway decide or take note; the session waits for the answer where it needs one.
    Event(E),
    /// Write these octets. The driver may join several sends before it flushes.
    Send(Vec<u8>),
    /// Flush, perform a TLS handshake on the stream, discard everything that was received in
    /// clear text but not yet consumed, then call [`Session::secured`].
    StartTls,
}

/// Says only how much is sent: messages and passwords are among it.
impl<E: fmt::Debug> fmt::Debug for Step<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Close => f.write_str("Close"),
            Self::Event(event) => f.debug_tuple("Event").field(event).finish(),
            Self::Send(octets) => write!(f, "Send({} octets)", octets.len()),
            Self::StartTls => f.write_str("StartTls"),
        }
    }
}

/// A protocol end point with no I/O.
pub trait Session {
    /// What the gateway must decide on or take note of.
    type Event;

    /// Takes octets as they arrive; any split is legal, even one at a time.
    fn receive(&mut self, octets: &[u8], now: Instant);

    /// The peer will send nothing more. Called at most once.
    fn ended(&mut self, now: Instant);

    /// The TLS handshake that [`Step::StartTls`] asked for has succeeded.
    fn secured(&mut self, now: Instant);

    /// The next thing to do; `None` means that the session waits for octets, for an answer to its
    /// last event, or for its deadline.
    fn poll(&mut self, now: Instant) -> Option<Step<Self::Event>>;

    /// When `poll` must be called again even if nothing arrives.
    fn deadline(&self) -> Option<Instant>;

    /// Whether more octets may be handed over now; `false` holds the peer back while a decision
    /// is pending, so that what one connection can buffer is bounded.
    fn wants_octets(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn what_is_sent_is_counted_and_not_printed() {
        assert_eq!(format!("{:?}", Step::<()>::Send(b"AUTH PLAIN c2VjcmV0\r\n".to_vec())), "Send(21 octets)");
        assert_eq!(format!("{:?}", Step::Event("x")), "Event(\"x\")");
    }
}
