//! Deliveries: claim → map → send → settle. Which destination may have how many connections, when
//! something is tried again and who is told is decided in `cedrat_relay`; this module holds the
//! queues in memory and the tasks.
//!
//! A message that was just taken is claimed from birth and goes to its destination's queue without
//! a query ([`Dispatcher::reserve`], [`Dispatcher::offer`]). Everything else waits in the store and
//! is fetched by [`claim`] as slots become free. Memory is bounded by the queue of each destination
//! and the number of destinations at work; what does not fit stays in the store.

pub mod claim;
pub mod compose;
mod destination;
mod fitted;
mod flight;
mod job;
mod reach;
pub mod settle;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

pub use destination::{Destination, Next};
pub use flight::Flights;
pub use job::{Apart, Batch, Job, Loaded};

use crate::{
    clock,
    gateway::{Gateway, Settings},
};

/// Destination of what a rule holds for the operator.
pub const HOLD: &str = "hold";

/// Destinations that are kept in memory; one without work is dropped first.
const MOST_DESTINATIONS: usize = 10_000;

/// The queues in memory, by destination.
#[derive(Default)]
pub struct Dispatcher {
    destinations: Mutex<HashMap<String, Arc<Destination>>>,
    /// Tells the claimer that a slot became free.
    pub room: Arc<tokio::sync::Notify>,
}

/// A place in a destination's queue that was taken before its work was stored. It is given back unless it is
/// [filled](Place::filled), also when the store refuses and when whoever waited for the store is gone.
pub struct Place {
    destination: Option<Arc<Destination>>,
    room: Arc<tokio::sync::Notify>,
}

impl Place {
    /// The work is stored and goes to [`Dispatcher::offer`]; from now on the queue counts it.
    pub fn filled(mut self) {
        self.destination = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(destination) = self.destination.take() {
            destination.release(1);
            self.room.notify_one();
        }
    }
}

impl Dispatcher {
    /// The destination of that name, with the bounds of its peer when it is new here.
    pub fn destination(&self, settings: &Settings, name: &str) -> Arc<Destination> {
        let mut all = self.destinations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = all.get(name) {
            return found.clone();
        }
        if all.len() >= MOST_DESTINATIONS {
            all.retain(|_, destination| !destination.is_idle());
        }
        let made = Arc::new(Destination::new(name));
        if let Some(peer) = settings.peer(made.peer()) {
            made.bound(peer, 1);
        }
        all.insert(name.to_owned(), made.clone());
        made
    }

    /// All destinations in memory.
    pub fn all(&self) -> Vec<Arc<Destination>> {
        self.destinations.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The gateway stops: what was claimed and not begun goes back to the store, so that it is not
    /// taken for uncertain after the next start.
    pub async fn stop(&self, gateway: &Arc<Gateway>) {
        for destination in self.all() {
            for batch in destination.stop() {
                settle::give_back(gateway, &batch).await;
                destination.done(&batch);
            }
        }
    }

    /// Takes a place in a destination's queue; `None` when it is full or the destination is not reachable now.
    pub fn reserve(&self, settings: &Settings, name: &str) -> Option<Place> {
        let destination = self.destination(settings, name);
        (destination.reserve(1, clock::now()) == 1)
            .then(|| Place { destination: Some(destination), room: self.room.clone() })
    }

    /// Queues claimed work, one message to one destination together, and sees that somebody
    /// connects there.
    pub fn offer(&self, gateway: &Arc<Gateway>, jobs: Vec<Job>) {
        let settings = gateway.settings();
        for batch in Batch::group(jobs, |job| apart(&settings, job)) {
            let destination = self.destination(&settings, &batch.dest);
            destination.push(batch);
            destination.attend(gateway);
        }
    }
}

/// Which handset rule a copy falls under, and whose keys it may need: what differs here is written
/// apart.
fn apart(settings: &Settings, job: &Job) -> Apart {
    if !settings.profiles.has_rules() && settings.handoff.is_none() {
        return Apart::default();
    }
    let Ok(recipient) = cedrat_message::Address::parse(&job.rcpt) else { return Apart::default() };
    let rule = settings.peer(&job.work.peer).and_then(|peer| settings.profiles.rule(peer, &recipient));
    let account = settings.handoff.as_ref().and_then(|handoff| handoff.account_of(&recipient));
    Apart { rule, account }
}
