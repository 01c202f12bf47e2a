//! Frontiers: what quality a part has at which size, over all its ways, and the two searches on
//! them.
//!
//! The highest quality that all parts reach is found by halving over the ten-thousand values that
//! it can have, so it is exact and never falls when the budget rises. What that leaves climbs the
//! steepest rises. Nothing here knows what a part is.

use alloc::{collections::BinaryHeap, vec::Vec};
use core::cmp::Ordering;

use super::steps::WHOLE;

/// A point of a frontier, in the unit of the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) octets: u64,
    pub(super) quality: u16,
    pub(super) rate: u32,
    /// Which way.
    pub(super) way: usize,
    /// Whether everything between the point before and this one can be had.
    pub(super) smooth: bool,
}

/// Merges points of any ways: what is left rises in octets and in quality.
pub(super) fn merge(mut spots: Vec<Spot>) -> Vec<Spot> {
    spots.sort_by_key(|spot| (spot.octets, u16::MAX - spot.quality, spot.way));
    let mut front: Vec<Spot> = Vec::with_capacity(spots.len());
    for spot in spots {
        match front.last() {
            Some(last) if last.quality >= spot.quality => {}
            Some(last) if last.way == spot.way => front.push(spot),
            _ => front.push(Spot { smooth: false, ..spot }),
        }
    }
    front
}

/// The cheapest point of a frontier that is as good as this, or its best.
pub(super) fn at(front: &[Spot], quality: u16) -> Option<Spot> {
    let reached = front.partition_point(|spot| spot.quality < quality);
    let Some(spot) = front.get(reached) else { return front.last().copied() };
    match reached.checked_sub(1).and_then(|before| front.get(before)) {
        Some(before) if spot.smooth && spot.quality > quality => {
            let (rise, want) =
                (u64::from(spot.quality - before.quality), u64::from(quality - before.quality));
            let run = spot.octets - before.octets;
            // Up to two roundings of the line must not promise what the octets do not hold.
            let more = u128::from(run) * u128::from(want);
            let more = u64::try_from(more.div_ceil(u128::from(rise.max(1)))).unwrap_or(run);
            Some(Spot { octets: before.octets + more.min(run), quality, ..*spot })
        }
        _ => Some(*spot),
    }
}

pub(super) fn sum_at(fronts: &[Vec<Spot>], quality: u16) -> u64 {
    let octets = |front: &Vec<Spot>| at(front, quality).map_or(0, |spot| spot.octets);
    fronts.iter().map(octets).fold(0, u64::saturating_add)
}

/// The highest quality that all can have, those that never reach it at their best; 1 when none fits.
pub(super) fn highest(fronts: &[Vec<Spot>], budget: u64) -> u16 {
    let (mut low, mut high) = (1, WHOLE);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if sum_at(fronts, middle) <= budget { low = middle } else { high = middle - 1 }
    }
    low
}

/// A way up for one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rise {
    part: usize,
    to: Spot,
    gain: u64,
    cost: u64,
}

impl Ord for Rise {
    /// Steeper is greater; of equals the earlier part.
    fn cmp(&self, other: &Self) -> Ordering {
        let (ours, theirs) =
            (u128::from(self.gain) * u128::from(other.cost), u128::from(other.gain) * u128::from(self.cost));
        ours.cmp(&theirs).then(other.part.cmp(&self.part))
    }
}

impl PartialOrd for Rise {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Spends what is left on the steepest rises.
///
/// Each part is in the heap at most once, and each step moves it up its frontier or strikes out a
/// point for good: what cannot be paid now cannot be paid later. So there are at most twice as many
/// steps as points.
#[derive(Debug)]
pub(super) struct Climb<'a> {
    fronts: &'a [Vec<Spot>],
    spots: &'a mut [Option<Spot>],
    heap: BinaryHeap<Rise>,
    /// What nobody has spent yet.
    pub(super) left: u64,
}

impl<'a> Climb<'a> {
    /// Starts where each part is.
    pub(super) fn new(fronts: &'a [Vec<Spot>], spots: &'a mut [Option<Spot>], left: u64) -> Self {
        let mut climb = Self { fronts, spots, heap: BinaryHeap::with_capacity(fronts.len()), left };
        for part in 0..fronts.len() {
            climb.push(part);
        }
        climb
    }

    /// One rise; `false` = nobody can rise.
    pub(super) fn step(&mut self) -> bool {
        let Some(next) = self.heap.pop() else { return false };
        if let Some(spot) = self.spots.get_mut(next.part)
            && next.cost <= self.left
        {
            self.left -= next.cost;
            *spot = Some(next.to);
        }
        self.push(next.part);
        true
    }

    fn push(&mut self, part: usize) {
        if let (Some(front), Some(Some(spot))) = (self.fronts.get(part), self.spots.get(part)) {
            self.heap.extend(best(part, front, *spot, self.left));
        }
    }
}

/// The steepest rise of one part that can be paid.
fn best(part: usize, front: &[Spot], spot: Spot, left: u64) -> Option<Rise> {
    let above = front.partition_point(|other| other.quality <= spot.quality);
    let next = front.get(above)?;
    let to = |to: Spot| Rise {
        part,
        to,
        gain: u64::from(to.quality - spot.quality),
        cost: to.octets.saturating_sub(spot.octets),
    };
    let whole = front
        .iter()
        .skip(above)
        .take_while(|other| other.octets.saturating_sub(spot.octets) <= left)
        .map(|other| to(*other))
        .max();
    // Where the next point is too far, a part of the way there.
    let part_way = || {
        let (rise, run) = (u64::from(next.quality - spot.quality), next.octets - spot.octets);
        let gain = u64::try_from(u128::from(left) * u128::from(rise) / u128::from(run.max(1))).ok()?;
        let quality = spot.quality.saturating_add(u16::try_from(gain).ok()?);
        let octets = spot.octets.saturating_add(left);
        (next.smooth && next.way == spot.way && gain > 0).then(|| to(Spot { octets, quality, ..*next }))
    };
    whole.or_else(part_way)
}
