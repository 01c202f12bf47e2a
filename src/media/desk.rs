//! One message at a worker: what was made before is taken from the cache, the rest is asked of one
//! worker process, which is had when it is first needed and replaced when it dies.
//!
//! A reply is not believed: the octets are measured and their facts read again here.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use bytes::Bytes;
use cedrat_plan::{
    facts::{self, Claim, Facts},
    format::{Format, Kind},
    job::{Fault, FaultKind, Ladder, Made, Reply, Request, StillTarget, Target},
    limits::Limits,
};
use sha2::{Digest as _, Sha256};

use super::{
    Media,
    cache::{Entry, Key},
    fit::Secrecy,
};
use crate::workers::{self, Class, Worker};

/// The part that is worked on.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its octets, decoded.
    pub octets: Bytes,
    /// What they are.
    pub facts: Facts,
}

/// A message's conversation with the workers.
pub struct Desk<'a> {
    media: &'a Media,
    secrecy: Secrecy,
    worker: Option<Worker>,
    /// Stills that the worker at hand keeps prepared.
    prepared: Vec<u16>,
}

impl<'a> Desk<'a> {
    /// Nobody works yet.
    pub const fn new(media: &'a Media, secrecy: Secrecy) -> Self {
        Self { media, secrecy, worker: None, prepared: Vec::new() }
    }

    /// Makes `target` of the source; `also` are made from the same decode and kept for whoever
    /// asks for them next.
    ///
    /// # Errors
    /// Why there is no result.
    pub async fn make(&mut self, source: &Source, target: &Target, also: &[Target]) -> Result<Entry, Fault> {
        let digest: [u8; 32] = Sha256::digest(&source.octets).into();
        let key = match self.secrecy {
            Secrecy::Open => Key::new(&digest, target),
            Secrecy::Secret => None,
        };
        let Some(key) = key else {
            return self
                .convert(source, std::slice::from_ref(target))
                .await?
                .pop()
                .unwrap_or_else(|| Err(silent()));
        };
        let store = self.media.store.as_ref();
        if let Some(entry) = self.media.cache.find(store, &key).await {
            return Ok(entry);
        }
        // The worker first: who waits for a worker holds no lock, so two messages that want what the
        // other is making cannot wait for each other.
        self.worker(class(&source.facts, std::slice::from_ref(target))).await?;
        let flight = self.media.cache.flight(&key);
        let held = flight.lock().await;
        let made = match self.media.cache.find(store, &key).await {
            Some(entry) => Ok(entry),
            None => self.make_all(source, target, also, &digest).await,
        };
        drop(held);
        self.media.cache.land(&key, flight);
        made
    }

    async fn make_all(
        &mut self,
        source: &Source,
        target: &Target,
        also: &[Target],
        digest: &[u8; 32],
    ) -> Result<Entry, Fault> {
        let mut targets = vec![target.clone()];
        for other in also {
            if targets.len() < cedrat_plan::job::MAX_TARGETS && !targets.contains(other) {
                targets.push(other.clone());
            }
        }
        let results = self.convert(source, &targets).await?;
        for (target, made) in targets.iter().zip(&results) {
            if let (Ok(entry), Some(key)) = (made, Key::new(digest, target)) {
                self.media.cache.keep(self.media.store.as_ref(), &key, entry).await;
            }
        }
        results.into_iter().next().unwrap_or_else(|| Err(silent()))
    }

    async fn convert(
        &mut self,
        source: &Source,
        targets: &[Target],
    ) -> Result<Vec<Result<Entry, Fault>>, Fault> {
        let input = workers::memory(&source.octets)?;
        let outputs = targets.iter().map(|_| workers::empty()).collect::<Result<Vec<OwnedFd>, Fault>>()?;
        let mut fds: Vec<BorrowedFd<'_>> = vec![input.as_fd()];
        fds.extend(outputs.iter().map(|output| output.as_fd()));
        let request = Request::Convert {
            facts: source.facts.clone(),
            targets: targets.to_vec(),
            limits: self.media.limits,
        };
        match self.ask(class(&source.facts, targets), &request, &fds).await? {
            Reply::Made(results) if results.len() == targets.len() => Ok(results
                .into_iter()
                .zip(outputs.iter().zip(targets))
                .map(|(made, (output, target))| read_back(&self.media.limits, made?, output, target))
                .collect()),
            _ => Err(silent()),
        }
    }

    /// What quality a still has at which size. The worker keeps it prepared for [`Desk::encode`].
    ///
    /// # Errors
    /// Why it cannot be said.
    pub async fn ladder(&mut self, source: &Source, target: StillTarget, keep: u16) -> Result<Ladder, Fault> {
        let input = workers::memory(&source.octets)?;
        let request =
            Request::Analyse { facts: source.facts.clone(), target, keep, limits: self.media.limits };
        match self.ask(Class::Still, &request, &[input.as_fd()]).await? {
            Reply::Ladder(ladder) => {
                let ladder = ladder?;
                self.prepared.push(keep);
                Ok(ladder)
            }
            _ => Err(silent()),
        }
    }

    /// Writes a still that was prepared, within `max_octets`; `None` when no worker has it any more.
    pub async fn encode(&mut self, keep: u16, max_octets: u64) -> Option<Result<Entry, Fault>> {
        if !self.prepared.contains(&keep) {
            return None;
        }
        Some(self.encoded(keep, max_octets).await)
    }

    async fn encoded(&mut self, keep: u16, max_octets: u64) -> Result<Entry, Fault> {
        let output = workers::empty()?;
        let request = Request::Encode { keep, max_octets };
        match self.ask(Class::Still, &request, &[output.as_fd()]).await? {
            Reply::Made(mut results) if results.len() == 1 => {
                let made = results.pop().unwrap_or_else(|| Err(silent()))?;
                measured(&self.media.limits, made, &output, max_octets)
            }
            _ => Err(silent()),
        }
    }

    /// Asks the worker at hand, or a new one.
    async fn ask(&mut self, class: Class, request: &Request, fds: &[BorrowedFd<'_>]) -> Result<Reply, Fault> {
        let reply = self.worker(class).await?.ask(request, fds).await;
        if reply.is_err() {
            // After any failure of the process itself the next request goes to a fresh one.
            self.dismiss();
        }
        reply
    }

    /// The worker at hand, or a new one when there is none of this class.
    async fn worker(&mut self, class: Class) -> Result<&mut Worker, Fault> {
        if self.worker.as_ref().is_some_and(|worker| worker.class() != class) {
            self.dismiss();
        }
        match &mut self.worker {
            Some(worker) => Ok(worker),
            none => Ok(none.insert(self.media.workers.job(class).await?)),
        }
    }

    /// Ends the worker at hand, and what it kept prepared.
    fn dismiss(&mut self) {
        self.worker = None;
        self.prepared.clear();
    }
}

fn class(facts: &Facts, targets: &[Target]) -> Class {
    let still = facts.format.kind() == Kind::Picture
        && facts.format != Format::Avif
        && targets.iter().all(|target| matches!(target, Target::Still(_) | Target::Strip));
    if still { Class::Still } else { Class::Moving }
}

/// A worker that answers something else than what it was asked is as good as dead.
fn silent() -> Fault {
    Fault::new(FaultKind::Crashed, "the worker answered something else than it was asked")
}

fn read_back(limits: &Limits, made: Made, output: &OwnedFd, target: &Target) -> Result<Entry, Fault> {
    measured(limits, made, output, target.max_octets().unwrap_or(limits.octets))
}

fn measured(limits: &Limits, made: Made, output: &OwnedFd, most: u64) -> Result<Entry, Fault> {
    let octets = workers::take(output, most.min(limits.octets))?;
    if octets.is_empty() {
        return Err(silent());
    }
    let claim = Claim { media_type: made.facts.format.media_type(), name: None, charset: None };
    let facts = facts::read(&octets, &claim, limits);
    if facts.format != made.facts.format {
        return Err(Fault::new(FaultKind::Crashed, "the worker wrote another format than it said"));
    }
    Ok(Entry { made: Made { facts, ..made }, octets })
}
