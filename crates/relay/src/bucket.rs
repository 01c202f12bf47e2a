//! Rates as plain values: a token bucket and a count per day, moved by the time that is passed in.
//!
//! Whole numbers only: in every span of t ms at most `burst + per_second * t / 1000` tokens are
//! given out, exactly. A clock that steps back gives nothing and takes nothing.

use cedrat_message::Timestamp;
use serde::Deserialize;

/// A rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Lasting rate; 0 gives out the burst and nothing more.
    pub per_second: u32,
    /// How many at once after a pause. 0 is read as `per_second`, at least 1.
    #[serde(default)]
    pub burst: u32,
}

impl Rate {
    /// Capacity in thousandths of a token.
    fn capacity(self) -> u64 {
        let burst = if self.burst == 0 { self.per_second.max(1) } else { self.burst };
        u64::from(burst) * 1000
    }
}

/// A token bucket. Starts full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Thousandths of a token; one millisecond at one a second is one of them.
    level: u64,
    at: Timestamp,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn full(rate: Rate, now: Timestamp) -> Self {
        Self { level: rate.capacity(), at: now }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// When there will be one; the end of time when never.
    pub fn take(&mut self, rate: Rate, now: Timestamp) -> Result<(), Timestamp> {
        self.fill(rate, now);
        match self.level.checked_sub(1000) {
            Some(rest) => {
                self.level = rest;
                Ok(())
            }
            None if rate.per_second == 0 => Err(Timestamp(i64::MAX)),
            None => {
                let wait = (1000 - self.level).div_ceil(u64::from(rate.per_second));
                Err(Timestamp(self.at.0.saturating_add_unsigned(wait)))
            }
        }
    }

    /// Whole tokens there are now.
    #[must_use]
    pub fn available(mut self, rate: Rate, now: Timestamp) -> u64 {
        self.fill(rate, now);
        self.level / 1000
    }

    fn fill(&mut self, rate: Rate, now: Timestamp) {
        if now > self.at {
            let elapsed = now.0.abs_diff(self.at.0);
            let gained = elapsed.saturating_mul(u64::from(rate.per_second));
            self.level = self.level.saturating_add(gained).min(rate.capacity());
            self.at = now;
        } else {
            // A reload may have made the bucket smaller.
            self.level = self.level.min(rate.capacity());
        }
    }
}

/// So many a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Messages from midnight to midnight.
    pub per_day: u64,
    /// Where midnight is: minutes east of UTC, -840 to 840. Default 0.
    #[serde(default)]
    pub utc_offset_min: i16,
}

const DAY_MS: i64 = 86_400_000;

impl Quota {
    /// Number of the day, counted from 1970, in its own time zone.
    fn day(self, now: Timestamp) -> i64 {
        now.0.saturating_add(i64::from(self.utc_offset_min) * 60_000).div_euclid(DAY_MS)
    }
}

/// What was used of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayCount {
    day: i64,
    used: u64,
}

impl DayCount {
    /// A count found in the store, for the day of `now`.
    #[must_use]
    pub fn resumed(quota: Quota, used: u64, now: Timestamp) -> Self {
        Self { day: quota.day(now), used }
    }

    /// How many were used on the day of `now`.
    #[must_use]
    pub fn used(self, quota: Quota, now: Timestamp) -> u64 {
        if self.day == quota.day(now) { self.used } else { 0 }
    }

    /// Counts one message.
    ///
    /// # Errors
    /// When the day is used up: the next midnight of the quota's time zone.
    pub fn take(&mut self, quota: Quota, now: Timestamp) -> Result<(), Timestamp> {
        let day = quota.day(now);
        if day != self.day {
            *self = Self { day, used: 0 };
        }
        if self.used >= quota.per_day {
            let midnight = day.saturating_add(1).saturating_mul(DAY_MS);
            return Err(Timestamp(midnight.saturating_sub(i64::from(quota.utc_offset_min) * 60_000)));
        }
        self.used += 1;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn a_burst_is_followed_by_the_rate() {
        let rate = Rate { per_second: 2, burst: 3 };
        let mut bucket = Bucket::full(rate, Timestamp(0));
        for _ in 0..3 {
            bucket.take(rate, Timestamp(0)).unwrap();
        }
        assert_eq!(bucket.take(rate, Timestamp(0)), Err(Timestamp(500)));
        assert_eq!(bucket.take(rate, Timestamp(499)), Err(Timestamp(500)));
        assert_eq!(bucket.take(rate, Timestamp(500)), Ok(()));
        assert_eq!(bucket.available(rate, Timestamp(60_000)), 3);
    }

    #[test]
    fn a_clock_that_steps_back_gives_nothing() {
        let rate = Rate { per_second: 1, burst: 1 };
        let mut bucket = Bucket::full(rate, Timestamp(10_000));
        bucket.take(rate, Timestamp(10_000)).unwrap();
        assert!(bucket.take(rate, Timestamp(0)).is_err());
        assert!(bucket.take(rate, Timestamp(10_999)).is_err());
        assert!(bucket.take(rate, Timestamp(11_000)).is_ok());
    }

    #[test]
    fn the_end_of_time_and_a_rate_of_nothing_are_no_problem() {
        let rate = Rate { per_second: u32::MAX, burst: u32::MAX };
        let mut bucket = Bucket::full(rate, Timestamp(i64::MIN));
        bucket.take(rate, Timestamp(i64::MAX)).unwrap();
        let none = Rate { per_second: 0, burst: 1 };
        let mut bucket = Bucket::full(none, Timestamp(0));
        bucket.take(none, Timestamp(0)).unwrap();
        assert_eq!(bucket.take(none, Timestamp(i64::MAX)), Err(Timestamp(i64::MAX)));
    }

    #[test]
    fn a_day_ends_at_midnight_where_the_peer_is() {
        let quota = Quota { per_day: 1, utc_offset_min: -480 };
        let midnight = Timestamp(DAY_MS + 8 * 3_600_000);
        let mut count = DayCount::default();
        count.take(quota, Timestamp(midnight.0 - 1)).unwrap();
        assert_eq!(count.take(quota, Timestamp(midnight.0 - 1)), Err(midnight));
        assert_eq!(count.take(quota, midnight), Ok(()));
    }

    proptest! {
        #[test]
        fn no_span_gets_more_than_burst_and_rate_allow(
            per_second in 1u32..50,
            burst in 1u32..50,
            gaps in proptest::collection::vec(0u64..400, 1..200),
        ) {
            let rate = Rate { per_second, burst };
            let mut bucket = Bucket::full(rate, Timestamp(0));
            let mut now = Timestamp(0);
            let mut taken: Vec<i64> = Vec::new();
            for gap in gaps {
                now = Timestamp(now.0.saturating_add_unsigned(gap));
                let expected = bucket.available(rate, now) > 0;
                match bucket.take(rate, now) {
                    Ok(()) => {
                        prop_assert!(expected);
                        taken.push(now.0);
                    }
                    Err(at) => {
                        prop_assert!(!expected && at > now);
                        let mut early = bucket;
                        prop_assert!(early.take(rate, Timestamp(at.0 - 1)).is_err());
                        let mut then = bucket;
                        prop_assert!(then.take(rate, at).is_ok());
                    }
                }
            }
            for (i, &start) in taken.iter().enumerate() {
                for (j, &end) in taken.iter().enumerate().skip(i) {
                    let most = i64::from(burst) * 1000 + (end - start) * i64::from(per_second);
                    prop_assert!((j - i + 1) as i64 * 1000 <= most);
                }
            }
        }
    }
}
