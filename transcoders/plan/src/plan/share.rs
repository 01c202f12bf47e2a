//! The contest of the parts of a message for the octets of its limit.
//!
//! What does not change its size is paid first. Texts are never traded for pixels; when not even
//! the smallest form of every part fits, the largest is given up. The rest is shared along the
//! frontiers in `front`; what even that leaves is headroom for those who can use it.

use alloc::vec::Vec;

use super::{
    Action, Frame, MAX_STEPS, NOTICE_OCTETS, Part, Plan, Role, Share, Step, Why,
    budget::{Transfer, kept, room, wire},
    front::{self, Climb, Spot},
    steps::{self, Prospect, WHOLE, Way},
    still,
};
use crate::{
    format::Format,
    job::{Ladder, StillTarget, Target},
    profile::{Counts, Profile, Unit},
};

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
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Decided.
    Settled {
        action: Action,
        /// In the unit of the limit.
        octets: u64,
        quality: u16,
        /// Whether its quality is one that the message is judged by.
        counts: bool,
        /// Whether it is never given up.
        stays: bool,
    },
    /// Kept though the handset does not take it.
    Unmet { why: Why, octets: u64 },
    /// Open.
    Open(Vec<Way>),
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

    /// The encodings of a still that are open for it, best first.
    pub(super) fn stills(&self, index: usize) -> impl Iterator<Item = &StillTarget> {
        let ways = match self.stakes.get(index) {
            Some(Stake { state: State::Open(ways), .. }) => ways.as_slice(),
            _ => &[],
        };
        ways.iter().filter_map(|way| match &way.make {
            Some((Target::Still(still), _)) => Some(still),
            _ => None,
        })
    }

    /// Takes what an analysis said about a still in a format.
    pub(super) fn learn(&mut self, index: usize, format: Format, ladder: &Ladder) {
        let Some(Stake { state: State::Open(ways), .. }) = self.stakes.get_mut(index) else { return };
        let analysed =
            |way: &&mut Way| matches!(way.make, Some((Target::Still(still), _)) if still.format == format);
        if let Some(way) = ways.iter_mut().find(analysed)
            && let Some(points) = still::measured(ladder)
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
        let counts = !matches!(stake.state, State::Settled { counts: false, .. });
        let failed = match action {
            Action::Replace(why) => Some(*why),
            Action::Convert(steps) if octets == 0 => steps.first().map(|step| step.why),
            _ => None,
        };
        stake.state = match failed {
            Some(why) => replaced(why, counts),
            None => {
                let beside = match action {
                    Action::Convert(steps) => steps.first().map_or(0, |step| steps::notice(&step.target)),
                    _ => 0,
                };
                let octets = match action {
                    Action::Keep => kept(unit, stake.transfer, octets),
                    _ => wire(unit, stake.transfer, octets).saturating_add(beside),
                };
                State::Settled { action: action.clone(), octets, quality, counts, stays: true }
            }
        };
    }

    /// Decides.
    pub(super) fn decide(mut self) -> Plan {
        let start = self.clone();
        self.give_up_texts(0);
        let fronts = self.give_up_parts();
        self.give_up_texts(front::sum_at(&fronts, 1));
        let fixed = self.fixed();
        let budget = self.limit.saturating_sub(fixed);
        let worst = front::highest(&fronts, budget);
        let mut spots: Vec<Option<Spot>> = fronts.iter().map(|front| front::at(front, worst)).collect();
        let spent = spots.iter().flatten().fold(0, |sum: u64, spot| sum.saturating_add(spot.octets));
        let over = fixed.saturating_add(spent) > self.limit;
        let mut climb = Climb::new(&fronts, &mut spots, budget.saturating_sub(spent));
        while climb.step() {}
        let left = climb.left;
        let headroom = self.headroom(&spots, left);
        let mut plan = Plan {
            actions: Vec::with_capacity(self.stakes.len()),
            shares: Vec::with_capacity(self.stakes.len()),
            budget,
            binary_budget: room(self.unit, Transfer::Base64, budget),
            contested: self.contested(&fronts, &spots, budget),
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

    /// Gives up texts and cards while what must be there does not fit beside `others`: the largest
    /// first.
    fn give_up_texts(&mut self, others: u64) {
        let mut fixed = self.fixed().saturating_add(others);
        let texts = |stake: &Stake| if stake.stays() { 0 } else { stake.settled() };
        for (index, octets) in self.largest(texts) {
            if fixed <= self.limit || octets <= NOTICE_OCTETS {
                break;
            }
            if self.replace(index) {
                fixed = fixed.saturating_sub(octets).saturating_add(NOTICE_OCTETS);
            }
        }
    }

    /// Gives up parts while not even the smallest form of each fits: the largest first, the fewest
    /// are lost that way. What is left competes.
    fn give_up_parts(&mut self) -> Vec<Vec<Spot>> {
        let mut fronts: Vec<Vec<Spot>> = self.stakes.iter().map(|stake| stake.front(self.unit)).collect();
        let mut need = self.fixed().saturating_add(front::sum_at(&fronts, 1));
        let unit = self.unit;
        let least = |stake: &Stake| stake.front(unit).first().map_or(0, |spot| spot.octets);
        for (index, octets) in if need > self.limit { self.largest(least) } else { Vec::new() } {
            if need <= self.limit || octets <= NOTICE_OCTETS {
                break;
            }
            if self.replace(index)
                && let Some(front) = fronts.get_mut(index)
            {
                front.clear();
                need = need.saturating_sub(octets).saturating_add(NOTICE_OCTETS);
            }
        }
        fronts
    }

    /// Parts by what they take, the largest first; of equals the last, because what is first was
    /// meant first.
    fn largest(&self, octets: impl Fn(&Stake) -> u64) -> Vec<(usize, u64)> {
        let mut parts: Vec<(usize, u64)> = self.stakes.iter().map(octets).enumerate().collect();
        parts.sort_by_key(|(index, octets)| (u64::MAX - octets, usize::MAX - index));
        parts
    }

    /// Leaves a part out unless it must be there.
    fn replace(&mut self, index: usize) -> bool {
        match self.stakes.get_mut(index) {
            Some(stake) if !stake.required && !stake.stays() => {
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
                Some(None | Some((Target::Strip, _))) => !all_kept && ways.len() > 1 && spot.octets > fair,
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
        Self { transfer: part.transfer, required: part.required, state }
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
        let spots = ways.iter().enumerate().flat_map(|(index, way)| {
            way.points.iter().map(move |point| {
                let octets = match way.make {
                    None => kept(unit, self.transfer, point.octets),
                    Some(_) => wire(unit, self.transfer, point.octets),
                };
                Spot {
                    octets: octets.saturating_add(way.extra()),
                    quality: point.quality.clamp(1, WHOLE),
                    rate: point.rate,
                    way: index,
                    smooth: point.smooth,
                }
            })
        });
        front::merge(spots.collect())
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
            (State::Open(_), None) => {
                (Action::Replace(Why::TypeNotTaken), Share { octets: NOTICE_OCTETS, quality: 0 }, false)
            }
        }
    }

    /// The way that was chosen, and those after it that still fit: the next ones, and the last.
    fn action(&self, ways: &[Way], unit: Unit, spot: &Spot, share: u64) -> Action {
        let octets = |way: &Way, most: u64| room(unit, self.transfer, most.saturating_sub(way.extra()));
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
                wire(unit, self.transfer, least.octets).saturating_add(way.extra()) <= share
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
    State::Settled { action: Action::Replace(why), octets: NOTICE_OCTETS, quality: 0, counts, stays: true }
}

/// Gives up what is beyond the number of parts: documents first, then cards, then media, the last
/// first. Notices take one part.
fn crowd(stakes: &mut [Stake], parts: &[Part<'_>], most: usize, generated: usize) {
    let all = stakes.len() + generated;
    let left_out = |stake: &&Stake| matches!(stake.state, State::Settled { action: Action::Replace(_), .. });
    let mut gone = stakes.iter().filter(left_out).count();
    for role in [Role::Document, Role::Card, Role::Media] {
        for (stake, part) in stakes.iter_mut().zip(parts).rev() {
            if most == 0 || all - gone + usize::from(gone > 0) <= most {
                return;
            }
            if part.role == role && !part.required && !stake.stays() {
                stake.state = replaced(Why::TooManyParts, false);
                gone += 1;
            }
        }
    }
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
