//! Which pictures of a source are kept: a grid of equal times, at most one picture in each.
//!
//! A source of variable rate keeps its pauses: an empty slot is a longer picture, not a copy.

use crate::av::Ratio;

/// Fractions of a slot by which the clock of a source may be off.
const EARLY: f64 = 0.25;

/// A grid that is filled in the order of showing.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    seconds: f64,
    // Whether the grid is as fine as the source: a picture that comes early is moved on, not left out.
    fine: bool,
    next: i64,
}

impl Slots {
    /// `rate` slots a second; `fine` when the source has as many pictures.
    pub(crate) fn new(rate: Ratio, fine: bool) -> Self {
        Self { seconds: 1.0 / rate.value().max(0.001), fine, next: 0 }
    }

    /// The slot of a picture shown `micros` after the start; `None` = it is left out.
    pub(crate) fn take(&mut self, micros: i64) -> Option<i64> {
        let place = micros.max(0) as f64 / 1e6 / self.seconds;
        let mut slot = (place + if self.fine { 0.5 } else { EARLY }).floor() as i64;
        if self.fine && slot + 1 == self.next {
            slot = self.next;
        }
        if slot < self.next {
            return None;
        }
        self.next = slot + 1;
        Some(slot)
    }
}

/// How many pictures of `times` (microseconds from the start) a grid keeps.
pub(crate) fn count(rate: Ratio, fine: bool, times: impl Iterator<Item = i64>) -> u64 {
    let mut slots = Slots::new(rate, fine);
    times.filter(|time| slots.take(*time).is_some()).count() as u64
}

/// The rate to show: that of the source, or the largest regular part of it within `most`.
/// `most` and the rate of the source in frames a second. Whether it is the rate of the source.
pub(crate) fn rate_within(source: Ratio, most: f64) -> (Ratio, bool) {
    let value = source.value();
    if value <= most * 1.01 {
        return (source, true);
    }
    let every = (value / most * 0.99).ceil().max(1.0);
    // Every second, every third picture moves evenly; what is left must not be much less than asked.
    if value / every >= most * 0.75 && every < 1000.0 {
        return (Ratio::new(source.num, source.den.saturating_mul(every as i32)), false);
    }
    (Ratio::new((most * 1000.0).round() as i32, 1000), false)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn kept(rate: Ratio, fine: bool, times: &[i64]) -> Vec<i64> {
        let mut slots = Slots::new(rate, fine);
        times.iter().filter_map(|time| slots.take(*time)).collect()
    }

    #[test]
    fn every_second_picture_is_kept_at_half_the_rate() {
        let times: Vec<i64> = (0..60).map(|n| n * 1_000_000 / 30).collect();
        assert_eq!(kept(Ratio::new(15, 1), false, &times), (0..30).collect::<Vec<_>>());
    }

    #[test]
    fn a_trembling_clock_loses_no_picture() {
        let times: Vec<i64> =
            (0..300).map(|n| n * 1_000_000 / 30 + [0, 9_000, -9_000, 14_000][n as usize % 4]).collect();
        assert!(kept(Ratio::new(30, 1), true, &times).len() >= 299);
    }

    #[test]
    fn a_pause_stays_a_pause() {
        assert_eq!(kept(Ratio::new(10, 1), true, &[0, 100_000, 2_000_000]), [0, 1, 20]);
    }

    #[test]
    fn rates_are_regular_parts_where_that_loses_little() {
        assert_eq!(rate_within(Ratio::new(30, 1), 15.0), (Ratio::new(30, 2), false));
        assert_eq!(rate_within(Ratio::new(30_000, 1001), 15.0), (Ratio::new(30_000, 2002), false));
        assert_eq!(rate_within(Ratio::new(25, 1), 15.0), (Ratio::new(25, 2), false));
        assert_eq!(rate_within(Ratio::new(20, 1), 15.0), (Ratio::new(15_000, 1000), false));
        assert_eq!(rate_within(Ratio::new(10, 1), 15.0), (Ratio::new(10, 1), true));
    }
}
