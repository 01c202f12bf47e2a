//! Workers forked before anybody asks for one: a message then waits neither for the fork nor for
//! the sandbox, which cost more than a small picture does. A spare has seen no octet of a message
//! and serves one, as a worker does that is forked on demand.
//!
//! A spare is a fork that is done or under way: who needs a worker waits for the rest of the oldest
//! one, not for a fork of its own behind it.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use tokio::task::JoinHandle;

use super::zygote::Forked;

type Forks = VecDeque<JoinHandle<Option<Forked>>>;

/// Dropped, all of them are killed: a fork that is under way ends with nobody to have it.
#[derive(Debug)]
pub(super) struct Spares {
    most: usize,
    forks: Mutex<Forks>,
}

impl Spares {
    /// None yet, and never more than so many.
    pub(super) fn new(most: u32) -> Self {
        Self { most: usize::try_from(most).unwrap_or(usize::MAX), forks: Mutex::default() }
    }

    /// The oldest that is alive. Those that died while they waited are dropped.
    pub(super) async fn take(&self) -> Option<Forked> {
        while let Some(fork) = self.oldest() {
            if let Ok(Some(spare)) = fork.await
                && spare.lives()
            {
                return Some(spare);
            }
        }
        None
    }

    /// Starts as many forks as are missing.
    pub(super) fn order<F>(&self, fork: impl Fn() -> F)
    where
        F: Future<Output = Option<Forked>> + Send + 'static,
    {
        self.change(|forks| {
            while forks.len() < self.most {
                forks.push_back(tokio::spawn(fork()));
            }
        });
    }

    fn oldest(&self) -> Option<JoinHandle<Option<Forked>>> {
        self.change(VecDeque::pop_front)
    }

    fn change<T>(&self, work: impl FnOnce(&mut Forks) -> T) -> T {
        work(&mut self.forks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
