//! One worker at one message: asked, waited for, killed when it takes too long or is not wanted
//! any more. What it answers is judged by what it was asked.

use std::{os::fd::BorrowedFd, sync::Arc, time::Duration};

use cedrat_plan::{
    job::{Fault, FaultKind, MAX_DATAGRAM, Made, Reply, Request, Target},
    worker::{EXIT_MEMORY, EXIT_SANDBOX, Notice},
};
use rustix::process::Signal;
use tokio::sync::OwnedSemaphorePermit;

use super::{Class, Pool, quarantine::Part, zygote::Forked};
use crate::events::Event;

/// Rungs of a ladder and notes of a result that are believed.
const MOST_RUNGS: usize = 256;
const MOST_NOTES: usize = 16;

/// A worker at a message. Dropped, its process is killed, whatever it does.
#[derive(Debug)]
pub struct Worker {
    class: Class,
    process: Forked,
    pool: Arc<Pool>,
    /// Whether it waits for a request. Not so while it is asked: a caller that goes away in the
    /// middle leaves it with an answer that belongs to nobody.
    idle: bool,
    datagram: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

impl Worker {
    pub(super) fn new(class: Class, process: Forked, pool: Arc<Pool>, place: OwnedSemaphorePermit) -> Self {
        Self { class, process, pool, idle: true, datagram: vec![0; MAX_DATAGRAM], _place: place }
    }

    /// What it is for.
    pub const fn class(&self) -> Class {
        self.class
    }

    /// Whether it can be asked again. After a fault of the process it cannot.
    pub const fn is_idle(&self) -> bool {
        self.idle
    }

    /// The process, to be signalled by tests.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.process.pidfd()
    }

    /// Asks. The descriptors are those that the request names, in its order.
    ///
    /// # Errors
    /// When the process died, was too slow, was refused this part because others died at it, or
    /// answered something else than it was asked. Faults of a single target are in the reply.
    pub async fn ask(&mut self, request: &Request, files: &[BorrowedFd<'_>]) -> Result<Reply, Fault> {
        let part = match request {
            Request::Analyse { .. } | Request::Convert { .. } | Request::Probe { .. } => {
                files.first().copied()
            }
            Request::Encode { .. } | Request::SelfTest => None,
        };
        if let Some(part) = part
            && self.pool.quarantine(|quarantine| quarantine.may_hold(part))
            && let Some(part) = Part::of(part)
            && self.pool.quarantine(|quarantine| quarantine.holds(&part))
        {
            return Err(Fault::new(FaultKind::Crashed, "workers died at this part before"));
        }
        let octets = serde_json::to_vec(request)
            .ok()
            .filter(|octets| octets.len() <= MAX_DATAGRAM)
            .ok_or_else(|| Fault::new(FaultKind::TooLarge, "the request is too long"))?;
        let asked = self.exchange(&octets, files).await.and_then(|reply| judge(request, reply));
        if let Err(fault) = &asked {
            self.lose(fault);
            if let Some(part) = part.filter(|_| fault.kind != FaultKind::NoWorker).and_then(Part::of) {
                self.pool.quarantine(|quarantine| quarantine.note(part));
            }
        }
        asked
    }

    /// Sends a datagram and waits for the reply within the deadline of the class. Public for tests
    /// that speak to a worker as nobody should.
    ///
    /// # Errors
    /// As [`Worker::ask`].
    #[doc(hidden)]
    pub async fn exchange(&mut self, octets: &[u8], files: &[BorrowedFd<'_>]) -> Result<Reply, Fault> {
        if !std::mem::take(&mut self.idle) {
            return Err(Fault::new(FaultKind::Crashed, "this worker has ended"));
        }
        let deadline = self.pool.settings.deadline(self.class);
        let answered = tokio::time::timeout(deadline, self.answer(octets, files)).await;
        let reply = answered.unwrap_or_else(|_| Err(too_slow(deadline)));
        self.idle = reply.is_ok();
        reply
    }

    async fn answer(&mut self, octets: &[u8], files: &[BorrowedFd<'_>]) -> Result<Reply, Fault> {
        // When it is dead already, the notice of its end waits to be read.
        drop(self.process.channel.send(octets, files).await);
        let Ok((length, _)) = self.process.channel.receive(&mut self.datagram).await else {
            return Err(nonsense());
        };
        let octets = self.datagram.get(..length).unwrap_or_default();
        if let Ok(reply) = serde_json::from_slice(octets) {
            return Ok(reply);
        }
        match serde_json::from_slice(octets) {
            Ok(Notice::Ended { code, signal }) => Err(epitaph(code, signal)),
            _ if octets.is_empty() => Err(epitaph(None, None)),
            _ => Err(nonsense()),
        }
    }

    /// It is not asked again, and everybody who should know is told.
    fn lose(&mut self, fault: &Fault) {
        self.idle = false;
        self.process.kill();
        self.pool.events.tell(&Event::WorkerLost {
            class: self.class.token(),
            reason: token(fault.kind),
            detail: fault.detail.clone(),
        });
    }
}

/// Why a process ended.
fn epitaph(code: Option<i32>, signal: Option<i32>) -> Fault {
    let (kind, detail) = match (code, signal) {
        (Some(EXIT_MEMORY), _) => {
            (FaultKind::OutOfMemory, "it needed more memory than it may have".to_owned())
        }
        (Some(EXIT_SANDBOX), _) => (FaultKind::NoWorker, "the worker could not shut itself in".to_owned()),
        (_, Some(signal)) if signal == Signal::XCPU.as_raw() => {
            (FaultKind::TooSlow, "it needed more processor time than it may have".to_owned())
        }
        (_, Some(signal)) if signal == Signal::SYS.as_raw() => {
            (FaultKind::Crashed, "it tried what the sandbox forbids".to_owned())
        }
        (_, Some(signal)) => (FaultKind::Crashed, format!("the worker died of signal {signal}")),
        (Some(code), None) => (FaultKind::Crashed, format!("the worker ended with code {code}")),
        (None, None) => (FaultKind::Crashed, "the worker is gone".to_owned()),
    };
    Fault::new(kind, detail)
}

fn too_slow(deadline: Duration) -> Fault {
    Fault::new(FaultKind::TooSlow, format!("it took longer than {deadline:?}"))
}

fn nonsense() -> Fault {
    Fault::new(FaultKind::Crashed, "the worker answered something else than it was asked")
}

/// Whether this can be an answer to that. Words for people are cut and cleaned.
fn judge(request: &Request, mut reply: Reply) -> Result<Reply, Fault> {
    let fits = match (request, &mut reply) {
        (Request::Analyse { .. }, Reply::Ladder(ladder)) => match ladder {
            Ok(ladder) => {
                ladder.rungs.len() <= MOST_RUNGS
                    && ladder.rungs.is_sorted_by(|a, b| a.octets < b.octets && a.quality <= b.quality)
                    && ladder.rungs.iter().all(|rung| rung.quality <= 10_000)
            }
            Err(fault) => tame(fault),
        },
        (Request::Convert { targets, .. }, Reply::Made(results)) => {
            results.len() == targets.len()
                && results
                    .iter_mut()
                    .zip(targets)
                    .all(|(made, target)| made_fits(made, Target::max_octets(target)))
        }
        (Request::Encode { max_octets, .. }, Reply::Made(results)) => {
            results.len() == 1 && results.iter_mut().all(|made| made_fits(made, Some(*max_octets)))
        }
        (Request::Probe { .. }, Reply::Facts(facts)) => match facts {
            Ok(facts) => facts.fault.as_mut().is_none_or(tame),
            Err(fault) => tame(fault),
        },
        (Request::SelfTest, Reply::SelfTest(denials)) => denials.len() <= 64,
        _ => false,
    };
    if fits { Ok(reply) } else { Err(nonsense()) }
}

fn made_fits(made: &mut Result<Made, Fault>, most: Option<u64>) -> bool {
    match made {
        Ok(made) => {
            made.notes.len() <= MOST_NOTES
                && made.quality <= 10_000
                && most.is_none_or(|most| made.facts.octets <= most)
        }
        Err(fault) => tame(fault),
    }
}

/// Makes a fault fit for a log; always true, so that it stands in a condition.
fn tame(fault: &mut Fault) -> bool {
    fault.detail = fault.detail.chars().filter(|c| !c.is_control()).take(200).collect();
    true
}

const fn token(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::CannotFit => "cannot-fit",
        FaultKind::Crashed => "crashed",
        FaultKind::Damaged => "damaged",
        FaultKind::Encrypted => "encrypted",
        FaultKind::NoWorker => "no-worker",
        FaultKind::OutOfMemory => "out-of-memory",
        FaultKind::TooLarge => "too-large",
        FaultKind::TooSlow => "too-slow",
        FaultKind::Unsupported => "unsupported",
    }
}
