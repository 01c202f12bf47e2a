//! A claimed delivery and the message that it is a copy of.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use cedrat_mapping::{Interface, Loss};
use cedrat_message::{Message, Timestamp};

use crate::{
    record::{Envelope, Work},
    store::{Claimed, Delivery, Fence, State},
};

/// A stored message in memory, shared by all its copies.
pub struct Loaded {
    /// Its number.
    pub id: i64,
    /// When it was taken.
    pub received: Timestamp,
    /// Who sent it.
    pub peer: String,
    /// Its envelope.
    pub envelope: Envelope,
    /// Its octets.
    pub octets: Bytes,
    parsed: OnceLock<(Message, Loss)>,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").field("id", &self.id).field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Loaded {
    /// A message; `parsed` when its meaning is known already.
    pub fn new(
        id: i64,
        received: Timestamp,
        peer: String,
        envelope: Envelope,
        octets: Bytes,
        message: Option<Message>,
        loss: Loss,
    ) -> Arc<Self> {
        let parsed = OnceLock::new();
        if let Some(message) = message {
            drop(parsed.set((message, loss)));
        }
        Arc::new(Self { id, received, peer, envelope, octets, parsed })
    }

    /// What it means, once that is known.
    pub fn message(&self) -> Option<&Message> {
        self.parsed.get().map(|(message, _)| message)
    }

    /// Keeps what it means.
    pub fn understood(&self, message: Message, loss: Loss) {
        drop(self.parsed.set((message, loss)));
    }

    /// Its identifier over all hops; empty when it is not known yet.
    pub fn message_id(&self) -> &str {
        self.message().map_or("", |message| message.id.as_str())
    }

    /// What reading it lost.
    pub fn loss(&self) -> &Loss {
        static NONE: OnceLock<Loss> = OnceLock::new();
        self.parsed
            .get()
            .map_or_else(|| NONE.get_or_init(|| Loss::inbound(Interface::Mail)), |(_, loss)| loss)
    }
}

/// One claimed delivery.
#[derive(Debug, Clone)]
pub struct Job {
    /// To settle it with.
    pub fence: Fence,
    /// Where it goes.
    pub dest: String,
    /// Who receives.
    pub rcpt: String,
    /// What it needs beside its row.
    pub work: Work,
    /// When to give up.
    pub expires: Timestamp,
    /// How often it was tried, this time included.
    pub tries: u32,
    /// How often an attempt ended unknown.
    pub uncertain: u32,
    /// Whether the peer's answer is overdue and it is sent again.
    pub overdue: bool,
    /// The message.
    pub loaded: Arc<Loaded>,
}

impl Job {
    /// A delivery that was claimed at its birth.
    pub fn fresh(delivery: Delivery, work: Work, loaded: Arc<Loaded>) -> Self {
        Self {
            fence: Fence { delivery: delivery.id, attempt: 1 },
            dest: delivery.dest,
            rcpt: delivery.rcpt,
            work,
            expires: Timestamp(delivery.expires),
            tries: 1,
            uncertain: 0,
            overdue: false,
            loaded,
        }
    }

    /// A delivery that was fetched from the store.
    pub fn claimed(claimed: Claimed, work: Work, loaded: Arc<Loaded>) -> Self {
        Self {
            fence: claimed.fence,
            dest: claimed.dest,
            rcpt: claimed.rcpt,
            expires: Timestamp(claimed.expires),
            tries: u32::try_from(claimed.tries).unwrap_or(1).saturating_add(work.tries),
            uncertain: u32::try_from(claimed.uncertain).unwrap_or(0).saturating_add(work.uncertain),
            work,
            overdue: claimed.from == State::Awaiting,
            loaded,
        }
    }
}

/// What tells copies of a message apart that go to one destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Apart {
    /// The handset rule of the recipient.
    pub rule: Option<usize>,
    /// The account whose client is asked for keys.
    pub account: Option<usize>,
}

/// Copies of one message for one destination: one transaction.
#[derive(Debug)]
pub struct Batch {
    /// The destination.
    pub dest: String,
    /// At least one.
    pub jobs: Vec<Job>,
}

impl Batch {
    /// Puts together what can travel together: what `apart` tells apart cannot.
    pub fn group(jobs: Vec<Job>, apart: impl Fn(&Job) -> Apart) -> Vec<Self> {
        let mut batches: Vec<(Apart, Self)> = Vec::new();
        for job in jobs {
            let own = apart(&job);
            let found = batches.iter_mut().find(|(other, batch)| {
                *other == own
                    && batch.dest == job.dest
                    && batch
                        .jobs
                        .first()
                        .is_some_and(|first| first.loaded.id == job.loaded.id && first.overdue == job.overdue)
            });
            match found {
                Some((_, batch)) => batch.jobs.push(job),
                None => batches.push((own, Self { dest: job.dest.clone(), jobs: vec![job] })),
            }
        }
        batches.into_iter().map(|(_, batch)| batch).collect()
    }

    /// The message.
    pub fn loaded(&self) -> Option<&Arc<Loaded>> {
        self.jobs.first().map(|job| &job.loaded)
    }
}
