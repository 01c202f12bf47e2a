//! Media through the real workers: what they make, and what becomes of those that misbehave.

mod hostile;
mod path;
mod sharing;
mod workers;

use std::time::Duration;

use cedrat::{
    events::Events,
    workers::{Settings, Workers},
};

use crate::harness::worker;

/// A pool whose workers misbehave when they are told to; `None` where there is no worker.
async fn pool(change: impl FnOnce(&mut Settings)) -> Option<Workers> {
    let mut settings = Settings::new(worker()?);
    settings.environment.push(("CEDRAT_WORKER_FAULTS".into(), "1".into()));
    // Long enough for a busy machine; who waits for it says how long.
    settings.deadline = Duration::from_secs(60);
    settings.workers = 2;
    change(&mut settings);
    Some(Workers::start(settings, Events::new(None, false, None)).await.unwrap())
}
