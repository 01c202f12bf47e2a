//! For which destinations to take copies out of the store next: round robin over those that have
//! something due and room for it, so that none waits for another.
//!
//! What is due stays in the store; here is one small entry per destination, and at most
//! [`Scheduler::MAX_DESTINATIONS`] of them unless more are busy. A destination without room stands
//! aside until something changes for it, so thousands of dead ones cost a claim nothing. Which
//! copies are claimed, and their leases, are the store's.

use alloc::{
    borrow::ToOwned as _,
    collections::{BTreeMap, BTreeSet, VecDeque},
    string::String,
};

use cedrat_message::Timestamp;

use crate::destination::{Destination, DestinationPolicy, Health};

/// Copies to take out of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// For this destination.
    pub destination: String,
    /// At most so many, at least 1.
    pub up_to: u32,
}

#[derive(Debug)]
struct Entry {
    policy: DestinationPolicy,
    state: Destination,
    /// Whether the store is thought to have something due for it.
    due: bool,
    /// Whether it stands in the ring.
    queued: bool,
}

/// All destinations of this process.
#[derive(Debug)]
pub struct Scheduler {
    entries: BTreeMap<String, Entry>,
    /// Those with something due that may have room.
    ring: VecDeque<String>,
    /// When dead destinations may be probed.
    probes: BTreeSet<(Timestamp, String)>,
    /// Copies in memory for all destinations.
    held: u32,
    max_held: u32,
    batch: u32,
    default_policy: DestinationPolicy,
    /// Number of entries at which idle ones are forgotten.
    forget_at: usize,
}

impl Scheduler {
    /// Destinations remembered; beyond that, those that are idle are forgotten.
    pub const MAX_DESTINATIONS: usize = 10_000;

    /// A scheduler. `max_held` bounds the copies in memory for all destinations together, `batch`
    /// those of one claim (the guide: 32). `default_policy` is for destinations that
    /// [`Scheduler::configure`] was not called for, such as the domains of Internet mail.
    #[must_use]
    pub const fn new(max_held: u32, batch: u32, default_policy: DestinationPolicy) -> Self {
        Self {
            entries: BTreeMap::new(),
            ring: VecDeque::new(),
            probes: BTreeSet::new(),
            held: 0,
            max_held,
            batch,
            default_policy,
            forget_at: Self::MAX_DESTINATIONS,
        }
    }

    /// Sets the policy of a destination; its state stays.
    pub fn configure(&mut self, destination: &str, policy: DestinationPolicy) {
        self.change(destination, |entry| entry.policy = policy);
    }

    /// The store has something due for it.
    pub fn due(&mut self, destination: &str) {
        self.change(destination, |entry| entry.due = true);
    }

    /// The next claim, each destination in its turn; `None` when none has room now. Every claim
    /// is answered with [`Scheduler::claimed`] before the next is asked for.
    pub fn claim(&mut self, now: Timestamp) -> Option<Claim> {
        while self.probes.first().is_some_and(|(at, _)| *at <= now) {
            let (_, destination) = self.probes.pop_first()?;
            self.change(&destination, |_| ());
        }
        for _ in 0..self.ring.len() {
            let destination = self.ring.pop_front()?;
            let Some(entry) = self.entries.get_mut(&destination) else { continue };
            let room = entry.state.room(&entry.policy, now);
            if room == 0 || !entry.due {
                entry.queued = false;
                continue;
            }
            // When memory is full, one place is still made for a destination that holds nothing,
            // so that slow ones cannot keep the others out.
            let free = self.max_held.saturating_sub(self.held);
            let share = if entry.state.held() == 0 { free.max(1) } else { free };
            let up_to = room.min(self.batch.max(1)).min(share);
            self.ring.push_back(destination.clone());
            if up_to > 0 {
                return Some(Claim { destination, up_to });
            }
        }
        None
    }

    /// What the store gave for a claim. Fewer than asked means that nothing more is due.
    pub fn claimed(&mut self, claim: &Claim, copies: u32) {
        self.held = self.held.saturating_add(copies);
        self.change(&claim.destination, |entry| {
            entry.state.claimed(copies);
            entry.due &= copies >= claim.up_to;
        });
    }

    /// Copies were settled or given back.
    pub fn settled(&mut self, destination: &str, copies: u32) {
        self.held = self.held.saturating_sub(copies);
        self.change(destination, |entry| entry.state.settled(copies));
    }

    /// Opens a connection if one may be opened; the caller then says [`Scheduler::answered`] or
    /// [`Scheduler::failed`], and in the end [`Scheduler::closed`] unless it failed.
    pub fn open(&mut self, destination: &str, now: Timestamp) -> bool {
        self.change(destination, |entry| {
            let may = entry.state.may_open(&entry.policy, now);
            if may {
                entry.state.opening();
            }
            may
        })
    }

    /// See [`Destination::answered`].
    pub fn answered(&mut self, destination: &str) {
        self.change(destination, |entry| entry.state.answered(&entry.policy));
    }

    /// See [`Destination::failed`].
    pub fn failed(&mut self, destination: &str, now: Timestamp) {
        let health = self.change(destination, |entry| {
            entry.state.failed(&entry.policy, now);
            entry.state.health()
        });
        if let Health::Dead { probe_at } = health {
            self.probes.insert((probe_at, destination.to_owned()));
        }
    }

    /// See [`Destination::closed`].
    pub fn closed(&mut self, destination: &str) {
        self.change(destination, |entry| entry.state.closed());
    }

    /// See [`Destination::send`].
    ///
    /// # Errors
    /// When one may be sent.
    pub fn send(&mut self, destination: &str, now: Timestamp) -> Result<(), Timestamp> {
        self.change(destination, |entry| entry.state.send(&entry.policy, now))
    }

    /// Stops or starts a destination.
    pub fn pause(&mut self, destination: &str, paused: bool) {
        self.change(destination, |entry| entry.state.pause(paused));
    }

    /// When [`Scheduler::claim`] may find something that it does not find now, if nothing else
    /// happens: the next probe of a dead destination.
    #[must_use]
    pub fn wake(&self) -> Option<Timestamp> {
        self.probes.first().map(|(at, _)| *at)
    }

    /// The state of a destination, for metrics and for the choice among next hops.
    #[must_use]
    pub fn state(&self, destination: &str) -> Option<&Destination> {
        self.entries.get(destination).map(|entry| &entry.state)
    }

    /// Messages on one connection to it; 0 = no limit.
    #[must_use]
    pub fn max_per_connection(&self, destination: &str) -> u32 {
        self.entries
            .get(destination)
            .map_or(self.default_policy.max_per_connection, |entry| entry.policy.max_per_connection)
    }

    /// Changes a destination and lets it stand in the ring again if something is due for it.
    fn change<T>(&mut self, destination: &str, change: impl FnOnce(&mut Entry) -> T) -> T {
        if self.entries.len() >= self.forget_at && !self.entries.contains_key(destination) {
            self.forget();
        }
        let policy = self.default_policy;
        let entry = self.entries.entry(destination.to_owned()).or_insert_with(|| Entry {
            policy,
            state: Destination::new(&policy),
            due: false,
            queued: false,
        });
        let result = change(entry);
        if entry.due && !entry.queued {
            entry.queued = true;
            self.ring.push_back(destination.to_owned());
        }
        result
    }

    fn forget(&mut self) {
        let default = self.default_policy;
        self.entries.retain(|_, entry| entry.due || entry.policy != default || !entry.state.is_idle());
        let entries = &self.entries;
        self.ring.retain(|name| entries.contains_key(name));
        // When most are busy, looking again at each newcomer would cost the square of their number.
        self.forget_at = entries.len().saturating_mul(2).max(Self::MAX_DESTINATIONS);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::bucket::Rate;
    use alloc::{format, vec::Vec};

    fn scheduler(max_held: u32) -> Scheduler {
        Scheduler::new(max_held, 32, DestinationPolicy::default())
    }

    fn kill(scheduler: &mut Scheduler, destination: &str, now: Timestamp) {
        while scheduler.open(destination, now) {
            scheduler.failed(destination, now);
        }
    }

    #[test]
    fn destinations_take_turns() {
        let mut scheduler = scheduler(1000);
        for name in ["a", "b", "c"] {
            scheduler.due(name);
            scheduler.due(name);
        }
        let mut order = Vec::new();
        while let Some(claim) = scheduler.claim(Timestamp(0)) {
            scheduler.claimed(&claim, claim.up_to);
            order.push(format!("{}{}", claim.destination, claim.up_to));
        }
        assert_eq!(order, ["a32", "b32", "c32", "a32", "b32", "c32"], "64 held for each");
    }

    #[test]
    fn a_dead_destination_is_passed_by_until_its_probe() {
        let mut scheduler = scheduler(1000);
        scheduler.due("dead");
        scheduler.due("alive");
        kill(&mut scheduler, "dead", Timestamp(0));
        for _ in 0..2 {
            let claim = scheduler.claim(Timestamp(1)).unwrap();
            assert_eq!(claim.destination, "alive");
            scheduler.claimed(&claim, claim.up_to);
        }
        assert_eq!(scheduler.claim(Timestamp(1)), None);
        let probe = scheduler.wake().unwrap();
        assert_eq!(scheduler.claim(probe), Some(Claim { destination: "dead".into(), up_to: 1 }));
    }

    #[test]
    fn nothing_is_claimed_for_what_has_nothing_due() {
        let mut scheduler = scheduler(1000);
        scheduler.due("a");
        let claim = scheduler.claim(Timestamp(0)).unwrap();
        scheduler.claimed(&claim, 3);
        assert_eq!(scheduler.claim(Timestamp(0)), None);
        scheduler.due("a");
        assert!(scheduler.claim(Timestamp(0)).is_some());
    }

    #[test]
    fn a_full_memory_still_lets_a_newcomer_in() {
        let mut scheduler = scheduler(64);
        scheduler.due("slow");
        while let Some(claim) = scheduler.claim(Timestamp(0)) {
            scheduler.claimed(&claim, claim.up_to);
        }
        scheduler.due("other");
        assert_eq!(scheduler.claim(Timestamp(0)), Some(Claim { destination: "other".into(), up_to: 1 }));
    }

    #[test]
    fn a_thousand_dead_destinations_cost_a_claim_nothing() {
        let mut scheduler = scheduler(1000);
        for i in 0..1000 {
            let name = format!("d{i}.example");
            scheduler.due(&name);
            kill(&mut scheduler, &name, Timestamp(0));
        }
        assert_eq!(scheduler.claim(Timestamp(1)), None);
        assert!(scheduler.ring.is_empty());
        let probe = scheduler.wake().unwrap();
        let claims = core::iter::from_fn(|| {
            let claim = scheduler.claim(probe)?;
            scheduler.claimed(&claim, claim.up_to);
            Some(claim)
        });
        assert_eq!(claims.count(), 1000);
    }

    #[test]
    fn a_pause_is_over_when_it_is_over() {
        let mut scheduler = scheduler(1000);
        scheduler.due("a");
        scheduler.pause("a", true);
        assert_eq!(scheduler.claim(Timestamp(0)), None);
        scheduler.pause("a", false);
        assert!(scheduler.claim(Timestamp(0)).is_some());
    }

    #[test]
    fn idle_destinations_are_forgotten_and_configured_ones_are_not() {
        let mut scheduler = scheduler(1000);
        let slow = DestinationPolicy {
            max_rate: Some(Rate { per_second: 1, burst: 1 }),
            ..DestinationPolicy::default()
        };
        scheduler.configure("peer", slow);
        scheduler.due("waiting.example");
        for i in 0..3 * Scheduler::MAX_DESTINATIONS {
            let name = format!("d{i}.example");
            scheduler.open(&name, Timestamp(0));
            scheduler.failed(&name, Timestamp(0));
        }
        assert!(scheduler.entries.len() <= Scheduler::MAX_DESTINATIONS);
        assert!(scheduler.state("waiting.example").is_some());
        assert_eq!(scheduler.entries.get("peer").unwrap().policy, slow);
    }
}
