//! The only place where the gateway looks at a clock or asks for chance.

use std::{
    sync::OnceLock,
    time::{Instant as Monotonic, SystemTime, UNIX_EPOCH},
};

use cedrat_message::Timestamp;
use cedrat_session::Instant;

/// The time of day.
pub fn now() -> Timestamp {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |span| span.as_millis());
    Timestamp(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// The monotonic time that sessions are driven by.
pub fn instant() -> Instant {
    static START: OnceLock<Monotonic> = OnceLock::new();
    let start = START.get_or_init(Monotonic::now);
    Instant(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX))
}

/// Now as log lines and records show it.
pub fn now_rfc3339() -> String {
    cedrat_wire_mms::date::rfc3339(now().0)
}

/// Sixteen random octets in hexadecimal, for identifiers and MIME boundaries.
pub fn token() -> String {
    format!("{:032x}", random())
}

/// 128 random bits. A system without randomness cannot make unique identifiers, so the time and a
/// counter stand in for it.
pub fn random() -> u128 {
    let mut octets = [0u8; 16];
    if getrandom::fill(&mut octets).is_ok() {
        return u128::from_ne_bytes(octets);
    }
    static COUNTER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    (u128::from(now().0.unsigned_abs()) << 64) | u128::from(count)
}

/// 256 random bits, for the nonces of a session.
pub fn entropy() -> [u8; 32] {
    let mut octets = [0; 32];
    let (low, high) = octets.split_at_mut(16);
    low.copy_from_slice(&random().to_ne_bytes());
    high.copy_from_slice(&random().to_ne_bytes());
    octets
}
