//! How the octets are shared: the largest quality that every part can reach, then what raises the
//! sum most.
//!
//! Each part has a frontier: its ways merged, larger only where better. The worst quality is found
//! by halving over the ten-thousand values that it can have, so it is exact and never falls when
//! the limit rises. What is left climbs the steepest slopes, and what even that leaves is headroom.

use alloc::{collections::BinaryHeap, vec::Vec};
use core::cmp::Ordering;

use super::{
    Action, Frame, MAX_STEPS, NOTICE_OCTETS, Part, Plan, Role, Share, Step, Why,
    budget::{Transfer, kept, room, wire},
    steps::{self, Point, Prospect, WHOLE, Way},
};
use crate::{
    job::{Ladder, Target},
    profile::{Counts, Profile, Unit},
};

/// Most rungs of a ladder that are looked at; between them lies a line.
const MAX_RUNGS: usize = 32;

/// A message whose parts compete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contest {
    unit: Unit,
    /// The limit.
    limit: u64,
    /// What is spent before the parts: frame and part headers.
    frame: u64,
    stakes: Vec<Stake>,
}

/// A part in the contest.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stake {
    transfer: Transfer,
    required: bool,
    /// Texts are given up last.
    text: bool,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Decided: action, octets in the unit of the limit, quality, whether quality 0 counts.
    Settled { action: Action, octets: u64, quality: u16, counts: bool, stays: bool },
    /// Kept though the handset does not take it.
    Unmet { why: Why, octets: u64 },
    /// Open.
    Open(Vec<Way>),
}

/// A point of a frontier, in the unit of the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spot {
    octets: u64,
    quality: u16,
    rate: u32,
    /// Which way.
    way: usize,
    /// Whether everything between the point before and this one can be had.
    smooth: bool,
}

impl Contest {
    pub(super) fn new(parts: &[Part<'_>], profile: &Profile, frame: &Frame) -> Self {
        let limit = profile.max_octets.value;
        let mut spent = frame.counted(limit.counts);
        if limit.counts != Counts::Parts {
            spent = parts.iter().fold(spent, |sum, part| sum.saturating_add(part.header_octets));
        }
        let stake = |part: &Part<'_>| Stake::new(part, profile, limit.unit);
        let mut stakes: Vec<Stake> = parts.iter().map(stake).collect();
        if profile.adapt.value {
            let generated = usize::from(frame.presentation_octets > 0);
            crowd(&mut stakes, parts, profile.max_parts.value as usize, generated);
        }
        Self { unit: limit.unit, limit: limit.octets, frame: spent, stakes }
    }

    /// Takes what an analysis said about a still.
    pub(super) fn learn(&mut self, index: usize, ladder: &Ladder) {
        let Some(Stake { state: State::Open(ways), .. }) = self.stakes.get_mut(index) else { return };
        let still = |way: &&mut Way| matches!(way.make, Some((Target::Still(_), _)));
        if let Some(way) = ways.iter_mut().find(still)
            && let Some(points) = points(ladder)
        {
            way.points = points;
        }
    }

    /// Takes what a part has become.
    pub(super) fn fix(&mut self, index: usize, action: &Action, quality: u16, octets: u64) {
        let unit = self.unit;
        let Some(stake) = self.stakes.get_mut(index) else { return };
        if matches!(stake.state, State::Unmet { .. }) {
            return;
        }
        let octets = match action {
            Action::Replace(_) => NOTICE_OCTETS,
            Action::Keep => kept(unit, stake.transfer, octets),
            _ if octets == 0 => NOTICE_OCTETS,
            _ => wire(unit, stake.transfer, octets),
        };
        let counts = !matches!(stake.state, State::Settled { counts: false, .. });
        stake.state = State::Settled { action: action.clone(), octets, quality, counts, stays: true };
    }

    /// Decides.
    pub(super) fn decide(mut self) -> Plan {
        let start = self.clone();
        let mut fixed = self.fixed();
        while fixed > self.limit && self.give_up(|stake| stake.text && stake.settled() > NOTICE_OCTETS) {
            fixed = self.fixed();
        }
        let mut fronts = self.fronts();
        while self.limit.saturating_sub(self.fixed()) < sum_at(&fronts, 1)
            && self.give_up(|stake| matches!(stake.state, State::Open(_)))
        {
            fronts = self.fronts();
        }
        let fixed = self.fixed();
        let budget = self.limit.saturating_sub(fixed);
        let worst = highest(&fronts, budget);
        let mut spots: Vec<Option<Spot>> = fronts.iter().map(|front| at(front, worst)).collect();
        let spent: u64 = spots.iter().flatten().fold(0, |sum, spot| sum.saturating_add(spot.octets));
        let over = fixed.saturating_add(spent) > self.limit;
        let left = climb(&fronts, &mut spots, budget.saturating_sub(spent));
        let headroom = self.headroom(&spots, left);
        let contested = self.contested(&fronts, &spots, budget);
        let mut plan = Plan {
            actions: Vec::with_capacity(self.stakes.len()),
            shares: Vec::with_capacity(self.stakes.len()),
            budget,
            binary_budget: room(self.unit, Transfer::Base64, budget),
            contested,
            unmet: Vec::new(),
            over,
            worst: if over { 0 } else { WHOLE },
            contest: start,
        };
        for (index, (stake, spot)) in self.stakes.iter().zip(&spots).enumerate() {
            let (action, share, counts) = stake.outcome(self.unit, spot.as_ref(), headroom);
            if let State::Unmet { why, .. } = stake.state {
                plan.unmet.push((index, why));
            } else if counts {
                plan.worst = plan.worst.min(share.quality);
            }
            plan.actions.push(action);
            plan.shares.push(share);
        }
        plan
    }

    /// What is spent before anything is shared.
    fn fixed(&self) -> u64 {
        self.stakes.iter().fold(self.frame, |sum, stake| sum.saturating_add(stake.settled()))
    }

    fn fronts(&self) -> Vec<Vec<Spot>> {
        self.stakes.iter().map(|stake| stake.front(self.unit)).collect()
    }

    /// Gives up the part of a kind that takes most: the fewest are lost that way. The last of
    /// equals, because what is first was meant first. `false` = there is none left.
    fn give_up(&mut self, kind: impl Fn(&Stake) -> bool) -> bool {
        let unit = self.unit;
        let least = |stake: &Stake| match &stake.state {
            State::Open(_) => stake.front(unit).first().map_or(0, |spot| spot.octets),
            _ => stake.settled(),
        };
        let most = self
            .stakes
            .iter_mut()
            .filter(|stake| !stake.required && !stake.stays() && kind(stake))
            .max_by_key(|stake| least(stake));
        match most {
            Some(stake) if least(stake) > NOTICE_OCTETS => {
                stake.state = replaced(Why::TooLarge, true);
                true
            }
            _ => false,
        }
    }

    /// What each part that can use it may take beyond its point, when nothing else needs it.
    fn headroom(&self, spots: &[Option<Spot>], left: u64) -> u64 {
        let users = self
            .stakes
            .iter()
            .zip(spots)
            .filter(|(stake, spot)| spot.is_some_and(|spot| stake.grows(spot.way)))
            .count() as u64;
        left.checked_div(users).unwrap_or(0)
    }

    /// Stills for which the usual curve is not good enough: more than one part wants the octets,
    /// and together they want about all there are.
    fn contested(&self, fronts: &[Vec<Spot>], spots: &[Option<Spot>], budget: u64) -> Vec<usize> {
        let rivals = fronts.iter().filter(|front| front.len() > 1).count();
        let wanted = fronts
            .iter()
            .filter_map(|front| front.last())
            .fold(0_u64, |sum, spot| sum.saturating_add(spot.octets));
        if rivals < 2 || wanted <= budget / 4 * 3 {
            return Vec::new();
        }
        let fair = budget / rivals as u64;
        let all_kept = wanted <= budget;
        let close = |(stake, spot): (&Stake, &Option<Spot>)| match (&stake.state, spot) {
            (State::Open(ways), Some(spot)) => match ways.get(spot.way).map(|way| &way.make) {
                Some(Some((Target::Still(_), _))) => true,
                Some(None | Some((Target::Strip, _))) => {
                    !all_kept && ways.len() > 1 && spot.octets > fair
                }
                _ => false,
            },
            _ => false,
        };
        let indexed = self.stakes.iter().zip(spots).enumerate();
        indexed.filter(|(_, pair)| close(*pair)).map(|(index, _)| index).collect()
    }
}

impl Stake {
    fn new(part: &Part<'_>, profile: &Profile, unit: Unit) -> Self {
        let whole = kept(unit, part.transfer, part.facts.octets);
        let stays = part.sealed || part.role == Role::Presentation || !profile.adapt.value;
        let state = match steps::prospect(part, profile) {
            Prospect::Ways(ways) => State::Open(ways),
            Prospect::Unmet(why) => State::Unmet { why, octets: whole },
            Prospect::Settled(Action::Replace(why), _) => replaced(why, false),
            Prospect::Settled(action, octets) => {
                let octets = match action {
                    Action::Keep => whole,
                    _ => wire(unit, part.transfer, octets),
                };
                State::Settled { action, octets, quality: WHOLE, counts: true, stays }
            }
        };
        Self {
            transfer: part.transfer,
            required: part.required,
            text: matches!(state, State::Settled { .. }) && !stays,
            state,
        }
    }

    /// Octets when it is decided.
    const fn settled(&self) -> u64 {
        match self.state {
            State::Settled { octets, .. } | State::Unmet { octets, .. } => octets,
            State::Open(_) => 0,
        }
    }

    const fn stays(&self) -> bool {
        matches!(self.state, State::Settled { stays: true, .. } | State::Unmet { .. })
    }

    /// All ways merged, larger only where better.
    fn front(&self, unit: Unit) -> Vec<Spot> {
        let State::Open(ways) = &self.state else { return Vec::new() };
        let mut spots: Vec<Spot> = Vec::new();
        for (index, way) in ways.iter().enumerate() {
            let spot = |point: &Point| {
                let octets = match way.make {
                    None => kept(unit, self.transfer, point.octets),
                    Some(_) => wire(unit, self.transfer, point.octets),
                };
                Spot {
                    octets: octets.saturating_add(way.extra),
                    quality: point.quality.clamp(1, WHOLE),
                    rate: point.rate,
                    way: index,
                    smooth: way.smooth,
                }
            };
            spots.extend(way.points.iter().map(spot));
        }
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

    /// Whether more octets than planned are of use: what is encoded to fit, not what is copied or
    /// has fixed rates.
    fn grows(&self, way: usize) -> bool {
        match &self.state {
            State::Open(ways) => ways
                .get(way)
                .is_some_and(|way| matches!(way.make, Some((Target::Still(_) | Target::Video(_), _)))),
            _ => false,
        }
    }

    fn outcome(&self, unit: Unit, spot: Option<&Spot>, headroom: u64) -> (Action, Share, bool) {
        match (&self.state, spot) {
            (State::Settled { action, octets, quality, counts, .. }, _) => {
                (action.clone(), Share { octets: *octets, quality: *quality }, *counts)
            }
            (State::Unmet { octets, .. }, _) => {
                (Action::Keep, Share { octets: *octets, quality: WHOLE }, false)
            }
            (State::Open(ways), Some(spot)) => {
                let more = if self.grows(spot.way) { headroom } else { 0 };
                let octets = spot.octets.saturating_add(more);
                let share = Share { octets, quality: spot.quality };
                (self.action(ways, unit, spot, octets), share, true)
            }
            // A part without a way was refused before it came here.
            (State::Open(_), None) => (
                Action::Replace(Why::TypeNotTaken),
                Share { octets: NOTICE_OCTETS, quality: 0 },
                false,
            ),
        }
    }

    /// The way that was chosen, and those after it that still fit: the next ones, and the last.
    fn action(&self, ways: &[Way], unit: Unit, spot: &Spot, share: u64) -> Action {
        let octets = |way: &Way, most: u64| room(unit, self.transfer, most.saturating_sub(way.extra));
        let step = |way: &Way, rate: u32| {
            let (target, why) = way.make.as_ref()?;
            let most = match (target, way.points.last()) {
                (Target::Poster(_), Some(last)) => last.octets.min(octets(way, share)),
                _ => octets(way, share),
            };
            Some(Step { target: bounded(target, most, rate), why: *why })
        };
        let Some(chosen) = ways.get(spot.way) else { return Action::Keep };
        let Some(first) = step(chosen, spot.rate) else { return Action::Keep };
        let fits = |way: &&Way| {
            way.points.first().is_none_or(|least| {
                wire(unit, self.transfer, least.octets).saturating_add(way.extra) <= share
            })
        };
        let mut rest: Vec<Step> = ways
            .iter()
            .skip(spot.way.saturating_add(1))
            .filter(fits)
            .filter_map(|way| step(way, 0))
            .collect();
        if rest.len() >= MAX_STEPS {
            let last = rest.pop();
            rest.truncate(MAX_STEPS - 2);
            rest.extend(last);
        }
        let mut all = Vec::with_capacity(rest.len() + 1);
        all.push(first);
        all.append(&mut rest);
        Action::Convert(all)
    }
}

fn replaced(why: Why, counts: bool) -> State {
    State::Settled {
        action: Action::Replace(why),
        octets: NOTICE_OCTETS,
        quality: 0,
        counts,
        stays: true,
    }
}

/// Gives up what is beyond the number of parts: documents first, then cards, then media, the last
/// first. Notices take one part.
fn crowd(stakes: &mut [Stake], parts: &[Part<'_>], most: usize, generated: usize) {
    let left_out = |stake: &Stake| {
        matches!(stake.state, State::Settled { action: Action::Replace(_), .. })
    };
    let count = |stakes: &[Stake]| {
        let gone = stakes.iter().filter(|stake| left_out(stake)).count();
        stakes.len() - gone + generated + usize::from(gone > 0)
    };
    for role in [Role::Document, Role::Card, Role::Media] {
        for (stake, part) in (0..stakes.len()).rev().zip(parts.iter().rev()) {
            if most == 0 || count(stakes) <= most {
                return;
            }
            if let Some(stake) = stakes.get_mut(stake)
                && part.role == role
                && !part.required
                && !stake.stays()
            {
                stake.state = replaced(Why::TooManyParts, false);
            }
        }
    }
}

/// The rungs of a ladder as a curve; `None` = there are none.
fn points(ladder: &Ladder) -> Option<Vec<Point>> {
    let rungs = &ladder.rungs;
    let every = rungs.len().div_ceil(MAX_RUNGS).max(1);
    let last = rungs.len().checked_sub(1)?;
    let mut points: Vec<Point> = Vec::with_capacity(MAX_RUNGS + 2);
    for (index, rung) in rungs.iter().enumerate() {
        let (octets, quality) = (rung.octets, rung.quality.clamp(1, WHOLE));
        let better = points.last().is_none_or(|point| octets > point.octets && quality > point.quality);
        if better && (index % every == 0 || index == last) {
            points.push(Point { octets, quality, rate: 0 });
        }
    }
    Some(points)
}

/// A target with the octets and the rate that were decided.
fn bounded(target: &Target, max_octets: u64, rate: u32) -> Target {
    let mut target = target.clone();
    match &mut target {
        Target::Poster(still) | Target::Still(still) => still.max_octets = max_octets,
        Target::Remux(remux) => remux.max_octets = max_octets,
        Target::Sound(sound) => {
            sound.max_octets = max_octets;
            sound.max_bit_rate = rate;
        }
        Target::Strip => {}
        Target::Video(video) => video.max_octets = max_octets,
    }
    target
}

/// The cheapest point of a frontier that is as good as this, or its best.
fn at(front: &[Spot], quality: u16) -> Option<Spot> {
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

fn sum_at(fronts: &[Vec<Spot>], quality: u16) -> u64 {
    let octets = |front: &Vec<Spot>| at(front, quality).map_or(0, |spot| spot.octets);
    fronts.iter().map(octets).fold(0, u64::saturating_add)
}

/// The highest quality that all can have, those that never reach it at their best; 1 when none fits.
fn highest(fronts: &[Vec<Spot>], budget: u64) -> u16 {
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
        let (ours, theirs) = (
            u128::from(self.gain) * u128::from(other.cost),
            u128::from(other.gain) * u128::from(self.cost),
        );
        ours.cmp(&theirs).then(other.part.cmp(&self.part))
    }
}

impl PartialOrd for Rise {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Spends what is left on the steepest rises; returns what nobody could use.
///
/// Each part is in the heap at most once; each turn moves a part up its frontier or shortens what
/// it can still reach, so the turns are at most twice the points.
fn climb(fronts: &[Vec<Spot>], spots: &mut [Option<Spot>], mut left: u64) -> u64 {
    let mut heap: BinaryHeap<Rise> = BinaryHeap::with_capacity(fronts.len());
    let rise = |part: usize, spot: Option<Spot>, left: u64| best(part, fronts.get(part)?, spot?, left);
    heap.extend(spots.iter().enumerate().filter_map(|(part, spot)| rise(part, *spot, left)));
    while let Some(next) = heap.pop() {
        let Some(spot) = spots.get_mut(next.part) else { continue };
        if next.cost <= left {
            left -= next.cost;
            *spot = Some(next.to);
        }
        heap.extend(rise(next.part, *spot, left));
    }
    left
}

/// The steepest rise of one part that can be paid.
fn best(part: usize, front: &[Spot], spot: Spot, left: u64) -> Option<Rise> {
    let above = front.partition_point(|other| other.quality <= spot.quality);
    let next = front.get(above)?;
    let to = |to: Spot| Rise {
        part,
        to,
        gain: u64::from(to.quality - spot.quality),
        cost: to.octets.saturating_sub(spot.octets).max(1),
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
        (next.smooth && next.way == spot.way && gain > 0)
            .then(|| to(Spot { octets, quality, ..*next }))
    };
    whole.or_else(part_way)
}
