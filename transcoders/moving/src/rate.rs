//! How coarsely each picture is coded so that the whole fits: a quantiser for every picture of the
//! encoders that take one (H.263, MPEG-4 Visual).
//!
//! The control of libav knows a rate and not an end: it overshoots by 5 to 30 %. Here the room
//! that is left is divided among the pictures that are left, after every picture.

/// Coarsest quantiser of H.263 and MPEG-4.
pub(crate) const COARSEST: f64 = 31.0;
/// Finer than this nothing is seen.
pub(crate) const FINEST: f64 = 2.0;
/// Part of the room that is aimed at: the last picture cannot be foreseen.
const AIM: f64 = 0.985;
/// Most change of the quantiser from one picture to the next.
const STEP: f64 = 1.25;

/// What a picture cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    pub(crate) key: bool,
    /// Bits times quantiser: what hardly changes when the quantiser does.
    pub(crate) weight: f64,
}

/// Control over one encoding.
#[derive(Debug, Clone)]
pub(crate) struct Rate {
    room: f64,
    pictures: u64,
    group: u64,
    at: u64,
    key_weight: f64,
    weight: f64,
    quantiser: f64,
    // From an earlier encoding of the same pictures: what all from here on weigh.
    ahead: Vec<f64>,
    // How much heavier pictures turn out than they did then.
    correction: f64,
    costs: Vec<Cost>,
}

impl Rate {
    /// For `pictures` of `pixels` in `bits`, a whole picture at every `group`-th.
    pub(crate) fn new(bits: f64, pictures: u64, pixels: f64, group: u64, earlier: &[Cost]) -> Self {
        let mut ahead = vec![0.0; earlier.len() + 1];
        let mut sum = 0.0;
        for (place, cost) in ahead.iter_mut().rev().skip(1).zip(earlier.iter().rev()) {
            sum += cost.weight;
            *place = sum;
        }
        if (earlier.len() as u64) < pictures {
            ahead.clear();
        }
        let mut rate = Self {
            room: bits * AIM,
            pictures,
            group: group.max(1),
            at: 0,
            // Typical of small pictures of handsets; corrected by the first that is coded.
            key_weight: pixels * 6.0,
            weight: pixels * 1.2,
            quantiser: 8.0,
            ahead,
            correction: 1.0,
            costs: Vec::new(),
        };
        rate.quantiser = rate.wanted();
        rate
    }

    /// Whether the next picture is a whole one.
    pub(crate) const fn is_key(&self) -> bool {
        self.at.is_multiple_of(self.group)
    }

    /// Quantiser of the next picture.
    pub(crate) fn quantiser(&mut self) -> f64 {
        let (low, high) = (self.quantiser / STEP, self.quantiser * STEP);
        self.quantiser = self.wanted().clamp(low, high).clamp(FINEST, COARSEST);
        self.quantiser
    }

    fn wanted(&self) -> f64 {
        let left = self.pictures.saturating_sub(self.at).max(1);
        let index = usize::try_from(self.at).unwrap_or(usize::MAX);
        let ahead = match self.ahead.get(index) {
            Some(known) if *known > 0.0 => known * self.correction,
            _ => {
                let first_key = self.at.next_multiple_of(self.group);
                let keys = if first_key >= self.pictures {
                    0
                } else {
                    (self.pictures - first_key).div_ceil(self.group)
                };
                keys as f64 * self.key_weight + left.saturating_sub(keys) as f64 * self.weight
            }
        };
        if self.room <= 0.0 { COARSEST } else { (ahead / self.room).clamp(FINEST, COARSEST) }
    }

    /// Tells what the picture became.
    pub(crate) fn record(&mut self, bits: f64) {
        let key = self.is_key();
        let weight = bits * self.quantiser;
        let index = usize::try_from(self.at).unwrap_or(usize::MAX);
        if let (Some(here), Some(next)) = (self.ahead.get(index), self.ahead.get(index.saturating_add(1))) {
            let then = (here - next).max(1.0);
            self.correction += (weight / then - self.correction).clamp(-1.0, 1.0) * 0.05;
        }
        let fresh = if self.costs.iter().any(|cost| cost.key == key) { 0.25 } else { 1.0 };
        let known = if key { &mut self.key_weight } else { &mut self.weight };
        *known += (weight - *known) * fresh;
        self.room -= bits;
        self.at += 1;
        self.costs.push(Cost { key, weight });
    }

    /// What each picture cost, for another encoding.
    pub(crate) fn into_costs(self) -> Vec<Cost> {
        self.costs
    }

    /// The last quantiser.
    pub(crate) const fn last(&self) -> f64 {
        self.quantiser
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// An encoder whose pictures cost their weight divided by the quantiser.
    fn encode(bits: f64, weights: &[f64], earlier: &[Cost]) -> (f64, Vec<Cost>) {
        let mut rate = Rate::new(bits, weights.len() as u64, 25_344.0, 30, earlier);
        let mut spent = 0.0;
        for weight in weights {
            let heavier = if rate.is_key() { 5.0 } else { 1.0 };
            let cost = weight * heavier / rate.quantiser().powf(1.1);
            spent += cost;
            rate.record(cost);
        }
        (spent, rate.into_costs())
    }

    #[test]
    fn the_room_is_filled_and_never_exceeded_whatever_the_pictures_weigh() {
        let noisy: Vec<f64> = (0..150).map(|n| 60_000.0 + f64::from((n * 7919) % 113) * 900.0).collect();
        let waking: Vec<f64> = (0..150).map(|n| if n < 90 { 15_000.0 } else { 120_000.0 }).collect();
        for weights in [noisy, waking] {
            let bits = 218_000.0 * 10.0;
            let (first, costs) = encode(bits, &weights, &[]);
            let (second, _) = encode(bits, &weights, &costs);
            assert!(first <= bits && second <= bits, "{first} {second}");
            assert!(second >= 0.93 * bits, "{second}");
        }
    }
}
