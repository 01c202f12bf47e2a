//! When a delivery that failed for now is tried again, and when it is over.
//!
//! One schedule per kind of next hop. The end is the earlier of the message's own expiry and the
//! schedule's patience; just before it there is one last attempt. Waiting for the answer of an
//! MM4 peer is another clock, in `response`.

use alloc::{vec, vec::Vec};

use cedrat_message::{Timestamp, When};
use serde::Deserialize;

/// A retry schedule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Seconds before the second, third, … attempt. The last goes on, times `factor` each time.
    pub steps_s: Vec<u64>,
    /// By which the last step grows; 1 repeats it.
    pub factor: u64,
    /// No step is longer than this, in seconds.
    pub max_step_s: u64,
    /// Seconds after acceptance at which the message is given up.
    pub patience_s: u64,
    /// Part of each step that is drawn by lot, in percent: a step of 100 s with 20 is 90 to 110 s.
    pub jitter_percent: u8,
    /// Seconds after acceptance at which the sender may be told of the delay (RFC 3461 §5.2.5);
    /// `None` = never.
    pub delay_notice_s: Option<u64>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self::mail()
    }
}

impl Schedule {
    /// Internet mail: 20 minutes, doubled up to 4 hours, for 5 days (RFC 5321 §4.5.4.1), a notice
    /// after 3 hours.
    #[must_use]
    pub fn mail() -> Self {
        Self {
            steps_s: vec![20 * 60],
            factor: 2,
            max_step_s: 4 * 3600,
            patience_s: 5 * 86_400,
            jitter_percent: 20,
            delay_notice_s: Some(3 * 3600),
        }
    }

    /// MM4: 1, 2, 5, 10, then every 15 minutes, for a day: a picture message that is a day late
    /// is of no more use.
    #[must_use]
    pub fn mm4() -> Self {
        Self {
            steps_s: vec![60, 120, 300, 600, 900],
            factor: 1,
            max_step_s: 900,
            patience_s: 86_400,
            jitter_percent: 10,
            delay_notice_s: None,
        }
    }

    /// When a message accepted at `accepted` is given up.
    #[must_use]
    pub fn end(&self, accepted: Timestamp, expires: Option<Timestamp>) -> Timestamp {
        let patience = accepted.plus_seconds(self.patience_s);
        expires.map_or(patience, |expires| expires.min(patience))
    }

    /// Milliseconds to wait after attempt number `attempt` (1 = the first), without jitter.
    fn step_ms(&self, attempt: u32) -> u64 {
        let index = attempt.saturating_sub(1);
        let step = match self.steps_s.get(usize::try_from(index).unwrap_or(usize::MAX)) {
            Some(&step) => step,
            None => {
                let last = self.steps_s.last().copied().unwrap_or(60);
                let beyond = index.saturating_sub(u32::try_from(self.steps_s.len()).unwrap_or(0)) + 1;
                last.saturating_mul(self.factor.max(1).saturating_pow(beyond))
            }
        };
        step.clamp(1, self.max_step_s.max(1)).saturating_mul(1000)
    }
}

/// What follows a temporary failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is over: the recipient ends as expired.
    Expired,
    /// Another attempt.
    Retry {
        /// When.
        at: Timestamp,
    },
}

/// Decides after attempt number `attempt` (1 = the first) has failed for now. `seed` decides the
/// jitter; any number that differs between messages will do.
#[must_use]
pub fn next_attempt(
    schedule: &Schedule,
    attempt: u32,
    accepted: Timestamp,
    expires: Option<Timestamp>,
    now: Timestamp,
    seed: u64,
) -> Next {
    let end = schedule.end(accepted, expires);
    if now >= end {
        return Next::Expired;
    }
    let step = schedule.step_ms(attempt);
    let spread = step / 100 * u64::from(schedule.jitter_percent.min(100));
    let lot = crate::hash::mix(seed ^ u64::from(attempt)) % (spread + 1);
    let wait = (step - spread / 2).saturating_add(lot).max(1);
    let at = Timestamp(now.0.saturating_add_unsigned(wait));
    if at < end {
        return Next::Retry { at };
    }
    // One last attempt a second before the end, unless one has only just failed.
    let last = Timestamp(end.0.saturating_sub(1000));
    let gap = schedule.step_ms(1).min(60_000) / 2;
    if last > Timestamp(now.0.saturating_add_unsigned(gap)) {
        Next::Retry { at: last }
    } else {
        Next::Expired
    }
}

/// Whether it is time to tell the sender that the message waits; `told` = it was done already.
#[must_use]
pub fn delay_notice_due(schedule: &Schedule, accepted: Timestamp, now: Timestamp, told: bool) -> bool {
    !told && schedule.delay_notice_s.is_some_and(|after| now >= accepted.plus_seconds(after))
}

/// Bounds on the expiry that a sender may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpiryClamp {
    /// Seconds that a message lives at least. Default 300: peers with wrong clocks or local time
    /// labelled GMT send messages that are past on arrival.
    pub min_s: u64,
    /// Seconds that it lives at most. Default 7 days.
    pub max_s: u64,
}

impl Default for ExpiryClamp {
    fn default() -> Self {
        Self { min_s: 300, max_s: 7 * 86_400 }
    }
}

/// In which way an expiry was changed; a note in the loss report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clamped {
    /// It was later than the longest life.
    Earlier,
    /// It was past or too near.
    Later,
}

/// Holds an expiry within bounds. An absent expiry stays absent: none is invented.
#[must_use]
pub fn clamp_expiry(
    asked: Option<When>,
    accepted: Timestamp,
    clamp: ExpiryClamp,
) -> Option<(Timestamp, Option<Clamped>)> {
    let at = asked?.resolve(accepted);
    let (least, most) = (accepted.plus_seconds(clamp.min_s), accepted.plus_seconds(clamp.max_s));
    Some(if at > most {
        (most, Some(Clamped::Earlier))
    } else if at < least {
        (least, Some(Clamped::Later))
    } else {
        (at, None)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: i64 = 60_000;

    /// Times of all attempts after the first, without jitter.
    fn attempts(schedule: &Schedule, expires: Option<Timestamp>) -> Vec<i64> {
        let schedule = Schedule { jitter_percent: 0, ..schedule.clone() };
        let (mut now, mut times) = (Timestamp(0), Vec::new());
        for attempt in 1.. {
            match next_attempt(&schedule, attempt, Timestamp(0), expires, now, 7) {
                Next::Retry { at } => {
                    times.push(at.0);
                    now = at;
                }
                Next::Expired => break,
            }
        }
        times
    }

    #[test]
    fn mail_waits_twice_as_long_each_time_up_to_four_hours_for_five_days() {
        let times = attempts(&Schedule::mail(), None);
        let minutes: Vec<i64> = times.iter().take(6).map(|ms| ms / MINUTE).collect();
        assert_eq!(minutes, [20, 60, 140, 300, 540, 780]);
        assert_eq!(times.last(), Some(&(5 * 86_400_000 - 1000)), "one last attempt");
        assert_eq!(times.len(), 33);
    }

    #[test]
    fn mm4_waits_minutes_and_ends_with_the_message() {
        let times = attempts(&Schedule::mm4(), Some(Timestamp(40 * MINUTE)));
        assert_eq!(times, [MINUTE, 3 * MINUTE, 8 * MINUTE, 18 * MINUTE, 33 * MINUTE, 40 * MINUTE - 1000]);
    }

    #[test]
    fn after_the_end_there_is_no_attempt() {
        let next = |now| next_attempt(&Schedule::mm4(), 1, Timestamp(0), Some(Timestamp(5000)), now, 1);
        assert_eq!(next(Timestamp(5000)), Next::Expired);
        assert_eq!(next(Timestamp(4500)), Next::Expired, "the last one has only just failed");
    }

    #[test]
    fn the_sender_hears_of_a_delay_once() {
        let mail = Schedule::mail();
        assert!(!delay_notice_due(&mail, Timestamp(0), Timestamp(3 * 60 * MINUTE - 1), false));
        assert!(delay_notice_due(&mail, Timestamp(0), Timestamp(3 * 60 * MINUTE), false));
        assert!(!delay_notice_due(&mail, Timestamp(0), Timestamp(9 * 60 * MINUTE), true));
        assert!(!delay_notice_due(&Schedule::mm4(), Timestamp(0), Timestamp(i64::MAX), false));
    }

    #[test]
    fn an_expiry_is_held_in_bounds_and_never_invented() {
        let clamp = ExpiryClamp::default();
        let now = Timestamp(1_000_000_000);
        assert_eq!(clamp_expiry(None, now, clamp), None);
        assert_eq!(
            clamp_expiry(Some(When::At(Timestamp(5))), now, clamp),
            Some((now.plus_seconds(300), Some(Clamped::Later)))
        );
        assert_eq!(clamp_expiry(Some(When::After(3600)), now, clamp), Some((now.plus_seconds(3600), None)));
        assert_eq!(
            clamp_expiry(Some(When::After(u64::MAX)), now, clamp),
            Some((now.plus_seconds(7 * 86_400), Some(Clamped::Earlier)))
        );
    }

    proptest! {
        #[test]
        fn an_attempt_is_always_later_than_now_and_before_the_end(
            attempt: u32, accepted in -1_000_000i64..1_000_000, age in 0i64..600_000_000, seed: u64,
            factor in 0u64..9, jitter_percent: u8, steps_s in proptest::collection::vec(0u64..100_000, 0..4),
        ) {
            let schedule = Schedule { factor, jitter_percent, steps_s, ..Schedule::mail() };
            let now = Timestamp(accepted + age);
            if let Next::Retry { at } = next_attempt(&schedule, attempt, Timestamp(accepted), None, now, seed) {
                prop_assert!(at > now);
                prop_assert!(at < schedule.end(Timestamp(accepted), None));
            }
        }

        #[test]
        fn jitter_stays_within_its_share(seed: u64) {
            let next = next_attempt(&Schedule::mail(), 1, Timestamp(0), None, Timestamp(0), seed);
            let within = matches!(next, Next::Retry { at } if (1_080_000..=1_320_000).contains(&at.0));
            prop_assert!(within);
        }
    }
}
