//! One destination: its queue in memory and its connections. How many there may be and whether it
//! is dead is decided by [`cedrat_relay::destination`].

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cedrat_message::Timestamp;
use cedrat_relay::destination::{Destination as State, DestinationPolicy, Health};
use tokio::sync::Notify;

use super::{Batch, reach};
use crate::{clock, config::Peer, gateway::Gateway, store::Fence};

/// Deliveries in memory for one destination; at 1 kB of row and 10 kB of text that is 6 MB.
const QUEUE: u32 = 512;

/// What a connection does next.
#[derive(Debug)]
pub enum Next {
    /// Nothing came for a while, or the gateway stops.
    Close,
    /// Send this.
    Send(Batch),
}

/// A destination.
#[derive(Debug)]
pub struct Destination {
    /// Its name, the `dest` of its deliveries.
    pub name: String,
    inner: Mutex<Inner>,
    filled: Notify,
}

#[derive(Debug)]
struct Inner {
    policy: DestinationPolicy,
    state: State,
    queue: VecDeque<Batch>,
    /// Claimed and not settled yet.
    fences: Vec<Fence>,
    /// Connections that wait for work.
    idle: usize,
}

impl Destination {
    pub(super) fn new(name: &str) -> Self {
        let policy = DestinationPolicy { max_held: QUEUE, ..DestinationPolicy::default() };
        Self {
            name: name.to_owned(),
            inner: Mutex::new(Inner {
                policy,
                state: State::new(&policy),
                queue: VecDeque::new(),
                fences: Vec::new(),
                idle: 0,
            }),
            filled: Notify::new(),
        }
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The peer whose settings apply.
    pub fn peer(&self) -> &str {
        self.name.split_once('/').map_or(self.name.as_str(), |(peer, _)| peer)
    }

    /// The mail domain, for a destination that is found by MX.
    pub fn domain(&self) -> Option<&str> {
        self.name.split_once('/').map(|(_, domain)| domain)
    }

    /// Sets the bounds of the peer, its connections divided among the nodes that share it.
    pub fn bound(&self, peer: &Peer, nodes: u32) {
        let mut inner = self.inner();
        inner.policy.max_connections = (peer.max_connections / nodes.max(1)).max(1);
        inner.policy.max_rate = peer.out_rate;
        inner.state.pause(!peer.policy.state.delivers());
    }

    /// Waits until another message may be sent by the peer's rate.
    pub async fn leave(&self) {
        loop {
            let now = clock::now();
            let until = {
                let mut inner = self.inner();
                let Inner { policy, state, .. } = &mut *inner;
                match state.send(policy, now) {
                    Ok(()) => return,
                    Err(until) => until,
                }
            };
            let wait = u64::try_from(until.0 - now.0).unwrap_or(1).clamp(1, 10_000);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.inner().state.is_idle()
    }

    /// Deliveries in memory.
    pub fn held(&self) -> u32 {
        self.inner().state.held()
    }

    /// Connections that are open or being made.
    pub fn open(&self) -> u32 {
        self.inner().state.open()
    }

    /// Everything claimed, for the renewal of leases.
    pub(super) fn fences(&self) -> Vec<Fence> {
        self.inner().fences.clone()
    }

    /// Takes up to so many places in the queue.
    pub(super) fn reserve(&self, wanted: u32, now: Timestamp) -> u32 {
        let mut inner = self.inner();
        let room = inner.state.room(&inner.policy, now).min(wanted);
        inner.state.claimed(room);
        room
    }

    /// Gives places back.
    pub(super) fn release(&self, count: u32) {
        self.inner().state.settled(count);
    }

    pub(super) fn push(&self, batch: Batch) {
        let mut inner = self.inner();
        inner.fences.extend(batch.jobs.iter().map(|job| job.fence));
        inner.queue.push_back(batch);
        drop(inner);
        self.filled.notify_one();
    }

    /// Opens connections as far as there is work for them and they are allowed.
    pub fn attend(self: &Arc<Self>, gateway: &Arc<Gateway>) {
        loop {
            {
                let mut inner = self.inner();
                let now = clock::now();
                if inner.queue.len() <= inner.idle || !inner.state.may_open(&inner.policy, now) {
                    return;
                }
                inner.state.opening();
                // It is counted as waiting until it takes its first batch.
                inner.idle += 1;
            }
            let (gateway, destination) = (gateway.clone(), self.clone());
            tokio::spawn(async move {
                reach::connect_and_send(&gateway, &destination).await;
                gateway.dispatcher.room.notify_one();
                destination.attend(&gateway);
            });
        }
    }

    /// The next batch for a connection that counts as idle; waits up to `patience`.
    pub async fn next(&self, gateway: &Gateway, patience: Duration) -> Next {
        let until = tokio::time::Instant::now() + patience;
        loop {
            if *gateway.shutdown.borrow() {
                return Next::Close;
            }
            {
                let mut inner = self.inner();
                if let Some(batch) = inner.queue.pop_front() {
                    inner.idle = inner.idle.saturating_sub(1);
                    let more = !inner.queue.is_empty();
                    drop(inner);
                    if more {
                        self.filled.notify_one();
                    }
                    return Next::Send(batch);
                }
            }
            gateway.dispatcher.room.notify_one();
            if tokio::time::timeout_at(until, self.filled.notified()).await.is_err() {
                return Next::Close;
            }
        }
    }

    /// The work of a batch is over, whatever became of it, and its connection is idle again.
    pub fn done(&self, batch: &Batch) {
        let mut inner = self.inner();
        for job in &batch.jobs {
            if let Some(at) = inner.fences.iter().position(|fence| *fence == job.fence) {
                inner.fences.swap_remove(at);
            }
        }
        inner.state.settled(u32::try_from(batch.jobs.len()).unwrap_or(u32::MAX));
    }

    /// The connection will ask for more work.
    pub fn idle_again(&self) {
        self.inner().idle += 1;
    }

    /// A connection works, or has just carried a message.
    pub fn answered(&self) {
        let mut inner = self.inner();
        let Inner { policy, state, .. } = &mut *inner;
        state.answered(policy);
    }

    /// A connection that was ready is over.
    pub fn closed(&self, was_idle: bool) {
        let mut inner = self.inner();
        inner.state.closed();
        if was_idle {
            inner.idle = inner.idle.saturating_sub(1);
        }
    }

    /// A connection could not be made. Returns what waits for it once the destination counts as
    /// dead, so that it goes back to the store.
    pub fn failed(&self) -> Vec<Batch> {
        let mut inner = self.inner();
        inner.idle = inner.idle.saturating_sub(1);
        let Inner { policy, state, .. } = &mut *inner;
        state.failed(policy, clock::now());
        if state.health() == Health::Alive && state.open() > 0 {
            return Vec::new();
        }
        inner.queue.drain(..).collect()
    }

    /// Wakes connections that wait for work, so that they see that the gateway stops, and takes
    /// back what was not begun.
    pub(super) fn stop(&self) -> Vec<Batch> {
        self.filled.notify_waiters();
        self.inner().queue.drain(..).collect()
    }

    /// When it is tried again; `None` when it can be reached as far as is known.
    pub fn probe_at(&self) -> Option<Timestamp> {
        match self.inner().state.health() {
            Health::Dead { probe_at } => Some(probe_at),
            Health::Alive | Health::Probing => None,
        }
    }
}
