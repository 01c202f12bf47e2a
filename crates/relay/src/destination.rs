//! How hard one next hop may be pressed: connections that grow while it answers and shrink while
//! it does not, a rate, a pause, and what "dead" means.
//!
//! The rules are Postfix's, simplified: one connection more after a success, one less after a
//! connect or handshake failure; when as many connections in a row fail as were allowed, the
//! destination is dead and gets one probe at growing intervals until it answers. Refusals of single
//! messages are no sign of death and are not counted here.

use cedrat_message::Timestamp;
use serde::Deserialize;

use crate::bucket::{Bucket, Rate};

/// What may be done to one destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DestinationPolicy {
    /// Connections at the start and after a probe has succeeded. Default 5.
    pub start_connections: u32,
    /// Connections at most. Default 20; MM4 contracts often say 1 to 5.
    pub max_connections: u32,
    /// Messages per second and at once; `None` = no limit.
    pub max_rate: Option<Rate>,
    /// Messages on one connection before it is closed; 0 = no limit. Default 100: long enough to
    /// make the handshake cheap, short enough that load balancers see new connections.
    pub max_per_connection: u32,
    /// Copies held in memory for it; the rest stays on disk. Default 64.
    pub max_held: u32,
    /// Seconds before the first probe of a dead destination. Default 30.
    pub probe_first_s: u64,
    /// Seconds between probes at most; the wait doubles up to here. Default 900.
    pub probe_max_s: u64,
}

impl Default for DestinationPolicy {
    fn default() -> Self {
        Self {
            start_connections: 5,
            max_connections: 20,
            max_rate: None,
            max_per_connection: 100,
            max_held: 64,
            probe_first_s: 30,
            probe_max_s: 900,
        }
    }
}

/// Whether a destination answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Alive,
    /// It does not; a probe is due at this time.
    Dead {
        /// When.
        probe_at: Timestamp,
    },
    /// It did not, and a probe is on its way.
    Probing,
}

/// State of one destination: less than 100 octets, however much waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    window: u32,
    /// Failures since the last success.
    failures: u32,
    /// Connections that were allowed at the last success: a cohort of so many failures is death.
    cohort: u32,
    health: Health,
    probe_wait_s: u64,
    open: u32,
    held: u32,
    bucket: Option<Bucket>,
    paused: bool,
}

impl Destination {
    /// A destination of which nothing is known yet.
    #[must_use]
    pub fn new(policy: &DestinationPolicy) -> Self {
        let window = policy.start_connections.clamp(1, policy.max_connections.max(1));
        Self {
            window,
            failures: 0,
            cohort: window,
            health: Health::Alive,
            probe_wait_s: policy.probe_first_s.max(1),
            open: 0,
            held: 0,
            bucket: None,
            paused: false,
        }
    }

    /// Whether another connection may be opened. A dead destination gets one when its probe is due.
    #[must_use]
    pub fn may_open(&self, policy: &DestinationPolicy, now: Timestamp) -> bool {
        if self.paused {
            return false;
        }
        match self.health {
            Health::Alive => self.open < self.window.min(policy.max_connections.max(1)),
            Health::Dead { probe_at } => self.open == 0 && now >= probe_at,
            Health::Probing => false,
        }
    }

    /// A connection is being opened.
    pub const fn opening(&mut self) {
        self.open = self.open.saturating_add(1);
        if let Health::Dead { .. } = self.health {
            self.health = Health::Probing;
        }
    }

    /// The connection answered and is ready, or has just carried a message.
    pub fn answered(&mut self, policy: &DestinationPolicy) {
        if self.health == Health::Alive {
            self.window = self.window.saturating_add(1).min(policy.max_connections.max(1));
        } else {
            *self = Self {
                open: self.open,
                held: self.held,
                bucket: self.bucket,
                paused: self.paused,
                ..Self::new(policy)
            };
        }
        self.failures = 0;
        self.cohort = self.window;
    }

    /// A connection could not be made, or broke in its handshake. It counts as closed.
    pub fn failed(&mut self, policy: &DestinationPolicy, now: Timestamp) {
        self.closed();
        match self.health {
            Health::Alive => {
                self.failures = self.failures.saturating_add(1);
                self.window = self.window.saturating_sub(1).max(1);
                if self.failures >= self.cohort {
                    self.probe_wait_s = policy.probe_first_s.max(1);
                    self.health = Health::Dead { probe_at: now.plus_seconds(self.probe_wait_s) };
                }
            }
            Health::Probing => {
                let longest = policy.probe_max_s.max(policy.probe_first_s).max(1);
                self.probe_wait_s = self.probe_wait_s.saturating_mul(2).min(longest);
                self.health = Health::Dead { probe_at: now.plus_seconds(self.probe_wait_s) };
            }
            // One of the cohort that comes home late.
            Health::Dead { .. } => {}
        }
    }

    /// A connection was closed in good order, or broke after it had answered.
    pub const fn closed(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// How many more copies may be taken out of the store for it now. A dead destination gets one
    /// when its probe is due, so that nothing is held for it in the meantime.
    #[must_use]
    pub fn room(&self, policy: &DestinationPolicy, now: Timestamp) -> u32 {
        if self.paused {
            return 0;
        }
        match self.health {
            Health::Alive => {
                let room = policy.max_held.max(1).saturating_sub(self.held);
                match policy.max_rate {
                    // What its rate lets go at once, less what is held already.
                    Some(rate) => {
                        let tokens = self.bucket.map_or(u64::MAX, |bucket| bucket.available(rate, now));
                        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX).max(1);
                        room.min(tokens.saturating_sub(self.held))
                    }
                    None => room,
                }
            }
            Health::Dead { probe_at } => u32::from(self.held == 0 && now >= probe_at),
            Health::Probing => 0,
        }
    }

    /// Copies were taken out of the store for it.
    pub const fn claimed(&mut self, copies: u32) {
        self.held = self.held.saturating_add(copies);
    }

    /// Copies were settled or given back.
    pub const fn settled(&mut self, copies: u32) {
        self.held = self.held.saturating_sub(copies);
    }

    /// Takes leave to send one message now.
    ///
    /// # Errors
    /// When there will be leave; the caller waits with the connection open.
    pub fn send(&mut self, policy: &DestinationPolicy, now: Timestamp) -> Result<(), Timestamp> {
        match policy.max_rate {
            Some(rate) => self.bucket.get_or_insert_with(|| Bucket::full(rate, now)).take(rate, now),
            None => Ok(()),
        }
    }

    /// Stops or starts everything new; what is on its way goes on.
    pub const fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Whether it is stopped.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether it answers.
    #[must_use]
    pub const fn health(&self) -> Health {
        self.health
    }

    /// Connections open or being opened.
    #[must_use]
    pub const fn open(&self) -> u32 {
        self.open
    }

    /// Copies in memory.
    #[must_use]
    pub const fn held(&self) -> u32 {
        self.held
    }

    /// Connections allowed at the moment.
    #[must_use]
    pub const fn window(&self) -> u32 {
        self.window
    }

    /// Whether nothing is under way and nothing was ordered, so that it may be forgotten; of a dead
    /// one only that it was dead is lost, and soon found out again.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.open == 0 && self.held == 0 && !self.paused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: DestinationPolicy = DestinationPolicy {
        start_connections: 5,
        max_connections: 20,
        max_rate: None,
        max_per_connection: 100,
        max_held: 64,
        probe_first_s: 30,
        probe_max_s: 100,
    };

    fn fail_all(destination: &mut Destination, now: Timestamp) -> u32 {
        let mut failed = 0;
        while destination.may_open(&POLICY, now) {
            destination.opening();
            destination.failed(&POLICY, now);
            failed += 1;
        }
        failed
    }

    #[test]
    fn connections_grow_with_success_up_to_the_cap() {
        let mut destination = Destination::new(&POLICY);
        for expected in 6..=20 {
            destination.answered(&POLICY);
            assert_eq!(destination.window(), expected);
        }
        destination.answered(&POLICY);
        assert_eq!(destination.window(), 20);
    }

    #[test]
    fn a_whole_cohort_of_failures_is_death_and_one_success_between_is_not() {
        let mut destination = Destination::new(&POLICY);
        for _ in 0..4 {
            destination.opening();
            destination.failed(&POLICY, Timestamp(0));
        }
        assert_eq!((destination.health(), destination.window()), (Health::Alive, 1));
        destination.opening();
        destination.answered(&POLICY);
        destination.closed();
        assert_eq!(fail_all(&mut destination, Timestamp(0)), 2, "a cohort of two by now");
        assert_eq!(destination.health(), Health::Dead { probe_at: Timestamp(30_000) });
    }

    #[test]
    fn a_dead_destination_gets_one_probe_at_growing_intervals_until_it_answers() {
        let mut destination = Destination::new(&POLICY);
        assert_eq!(fail_all(&mut destination, Timestamp(0)), 5);
        assert_eq!(destination.room(&POLICY, Timestamp(29_999)), 0);
        let mut now = 0;
        for wait in [30_000, 60_000, 100_000, 100_000] {
            now += wait;
            assert!(!destination.may_open(&POLICY, Timestamp(now - 1)));
            assert_eq!(destination.room(&POLICY, Timestamp(now)), 1);
            assert!(destination.may_open(&POLICY, Timestamp(now)));
            destination.opening();
            assert!(!destination.may_open(&POLICY, Timestamp(now)), "one probe at a time");
            destination.failed(&POLICY, Timestamp(now));
        }
        now += 100_000;
        destination.opening();
        destination.answered(&POLICY);
        assert_eq!((destination.health(), destination.window()), (Health::Alive, 5));
        assert!(destination.may_open(&POLICY, Timestamp(now)));
    }

    #[test]
    fn what_is_held_in_memory_is_bounded_and_follows_the_rate() {
        let mut destination = Destination::new(&POLICY);
        destination.claimed(60);
        assert_eq!(destination.room(&POLICY, Timestamp(0)), 4);
        destination.settled(60);
        let slow = DestinationPolicy { max_rate: Some(Rate { per_second: 1, burst: 2 }), ..POLICY };
        assert_eq!(destination.send(&slow, Timestamp(0)), Ok(()));
        assert_eq!(destination.send(&slow, Timestamp(0)), Ok(()));
        assert_eq!(destination.send(&slow, Timestamp(0)), Err(Timestamp(1000)));
        assert_eq!(destination.room(&slow, Timestamp(0)), 1, "one to be ready when its time comes");
        destination.claimed(1);
        assert_eq!(destination.room(&slow, Timestamp(0)), 0);
    }

    #[test]
    fn a_pause_stops_what_is_new_and_nothing_else() {
        let mut destination = Destination::new(&POLICY);
        destination.opening();
        destination.pause(true);
        assert!(!destination.may_open(&POLICY, Timestamp(0)));
        assert_eq!(destination.room(&POLICY, Timestamp(0)), 0);
        assert_eq!(destination.send(&POLICY, Timestamp(0)), Ok(()));
        assert!(!destination.is_idle());
        destination.pause(false);
        assert!(destination.may_open(&POLICY, Timestamp(0)));
    }

    proptest! {
        #[test]
        fn connections_never_exceed_the_window_and_a_destination_always_gets_another_chance(
            story in proptest::collection::vec((0u8..4, 0i64..40_000), 1..300),
        ) {
            let mut destination = Destination::new(&POLICY);
            let mut now = Timestamp(0);
            for (what, gap) in story {
                now = Timestamp(now.0 + gap);
                let before = destination.open();
                match what {
                    0 if destination.may_open(&POLICY, now) => {
                        destination.opening();
                        prop_assert!(destination.open() <= 20);
                    }
                    1 if before > 0 => destination.answered(&POLICY),
                    2 if before > 0 => destination.failed(&POLICY, now),
                    3 if before > 0 => {
                        destination.answered(&POLICY);
                        destination.closed();
                    }
                    _ => {}
                }
                prop_assert!((1..=20).contains(&destination.window()));
            }
            while destination.open() > 0 {
                destination.failed(&POLICY, now);
            }
            prop_assert!(destination.may_open(&POLICY, now.plus_seconds(100)));
        }
    }
}
