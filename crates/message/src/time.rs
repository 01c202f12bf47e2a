//! Points in time and the two ways in which a protocol states one. Reading and writing date forms
//! belongs to the wire crates.

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This time moved by `seconds`, held inside the range of `i64`.
    #[must_use]
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        let millis = seconds.saturating_mul(1000);
        let millis = if millis > i64::MAX as u64 { i64::MAX } else { millis as i64 };
        Self(self.0.saturating_add(millis))
    }

    /// Whole seconds from `earlier` to this time; 0 when it is not later.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> u64 {
        let millis = self.0.saturating_sub(earlier.0);
        if millis <= 0 { 0 } else { millis as u64 / 1000 }
    }
}

/// A time as a sender states it: a date, or a span from when the message was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// This many seconds after acceptance.
    After(u64),
    /// At this time.
    At(Timestamp),
}

impl When {
    /// The point in time meant, for a message accepted at `accepted`.
    #[must_use]
    pub const fn resolve(self, accepted: Timestamp) -> Timestamp {
        match self {
            Self::After(seconds) => accepted.plus_seconds(seconds),
            Self::At(at) => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_counted_from_acceptance() {
        assert_eq!(When::After(60).resolve(Timestamp(1_000)), Timestamp(61_000));
        assert_eq!(When::At(Timestamp(5)).resolve(Timestamp(1_000)), Timestamp(5));
    }

    #[test]
    fn arithmetic_stops_at_the_ends_of_time() {
        assert_eq!(Timestamp(0).plus_seconds(u64::MAX), Timestamp(i64::MAX));
        assert_eq!(Timestamp(0).seconds_since(Timestamp(1)), 0);
        assert_eq!(Timestamp(2_500).seconds_since(Timestamp(0)), 2);
    }
}
