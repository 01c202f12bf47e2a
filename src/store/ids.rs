//! Identities, allotted in the process: no database sequence, no round trip before the commit.
//!
//! ```text
//! 63        20        14         0
//!  | unix ms | slot    | sequence |
//! ```
//! Two nodes never collide because each holds its own slot (64 at most); one node never repeats itself because the
//! clock part never falls behind the last identity it gave or found in the database. Ids sort by time, so that
//! "older than" is a range of the primary key.

use std::sync::atomic::{AtomicI64, Ordering};

use super::model::Millis;

const SLOT_BITS: u32 = 6;
const SEQUENCE_BITS: u32 = 14;
/// How many nodes can share one database.
pub(super) const SLOTS: i64 = 1 << SLOT_BITS;

/// Slot of operators' commands, which allot nothing but the identities of trace events.
pub(super) const OPERATOR: i64 = SLOTS - 1;

/// The source of identities of one process.
pub(super) struct Ids {
    slot: i64,
    /// Milliseconds and sequence of the last identity given.
    last: AtomicI64,
}

impl Ids {
    /// `newest` is the largest identity in the database: a clock that was set back does not repeat it.
    pub(super) const fn new(slot: i64, newest: i64) -> Self {
        let ms = newest >> (SLOT_BITS + SEQUENCE_BITS);
        Self { slot: slot & (SLOTS - 1), last: AtomicI64::new((ms + 1) << SEQUENCE_BITS) }
    }

    pub(super) fn allot(&self, now: Millis) -> i64 {
        let floor = now << SEQUENCE_BITS;
        let next = |last: i64| floor.max(last + 1);
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        let value = next(last.unwrap_or_else(|last| last));
        let sequence = value & ((1 << SEQUENCE_BITS) - 1);
        ((value >> SEQUENCE_BITS) << (SLOT_BITS + SEQUENCE_BITS)) | (self.slot << SEQUENCE_BITS) | sequence
    }
}

/// Every identity allotted at `at` or later is at least this.
pub(super) const fn floor(at: Millis) -> i64 {
    at << (SLOT_BITS + SEQUENCE_BITS)
}

/// When an identity was allotted.
pub(super) const fn time(id: i64) -> Millis {
    id >> (SLOT_BITS + SEQUENCE_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_carry_their_time_and_never_meet_those_of_another_slot() {
        let one = Ids::new(0, 0);
        let two = Ids::new(1, 0);
        let mut all = std::collections::BTreeSet::new();
        let mut last = 0;
        for step in 0..100_000 {
            let id = one.allot(1_700_000_000_000 + step / 50_000);
            assert!(id > last);
            last = id;
            assert!(all.insert(id));
            assert!(all.insert(two.allot(1_700_000_000_000)));
        }
        assert!(time(last) >= 1_700_000_000_001);
        assert!(floor(1_700_000_000_000) <= last);
    }

    #[test]
    fn a_clock_set_back_repeats_nothing() {
        let before = Ids::new(0, 0).allot(5_000);
        assert!(Ids::new(0, before).allot(1_000) > before);
    }
}
