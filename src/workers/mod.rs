//! Processes that touch untrusted media, so that this one does not: one worker for each message
//! that needs one, forked from a process that has every codec loaded, shut in by the kernel. Stills
//! have a process of their own to fork from: it has a tenth of the libraries, and a fork costs what
//! the forked process has mapped.
//!
//! A worker is asked over a socket and given its octets as memory files. It may crash, hang, eat
//! memory or lie: each costs its job and nothing else. What it says is judged here before anybody
//! else sees it; what must be made of a part, and what instead when that fails, is decided by the
//! callers. No codec is linked.

mod channel;
mod files;
mod nursery;
mod quarantine;
mod spares;
mod worker;
mod zygote;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cedrat_plan::{
    job::{Fault, FaultKind},
    worker::Hello,
};
use tokio::sync::Semaphore;

pub use files::{empty, memory, take};
pub use worker::Worker;

use crate::events::Events;
use nursery::Nursery;
use quarantine::Quarantine;
use zygote::Zygote;

/// The program's name.
pub const PROGRAM: &str = "cedrat-transcode";

/// The same program without what stills do not need. It lies beside [`PROGRAM`]: where it does not,
/// that does all.
const STILLS: &str = "cedrat-transcode-still";

/// How long a message waits for a worker. Longer than any request takes, so that a full house is
/// no reason to leave a picture unconverted; shorter than a peer waits for the message.
const WAIT: Duration = Duration::from_secs(300);

/// What kind of work a worker is for: a queue of videos must not hold up a photograph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Whatever goes through libav: sound, video, AVIF.
    Moving,
    /// Pictures.
    Still,
}

impl Class {
    /// As in labels.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Moving => "moving",
            Self::Still => "still",
        }
    }
}

/// How workers are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The program.
    pub program: PathBuf,
    /// Workers for stills at once; for the rest half as many, but one.
    pub workers: u32,
    /// Workers of each program that are forked before anybody asks for one, beyond those at work. Two
    /// take a burst of messages; each costs about a megabyte while it waits. None where one message is
    /// all that is converted.
    pub spares: u32,
    /// Whether they run on a kernel that cannot shut them in as it should.
    pub best_effort: bool,
    /// Longest time for one request about a still.
    pub deadline: Duration,
    /// Longest time for one request about anything else.
    pub video_deadline: Duration,
    /// Longest processor time of a worker over all its requests: one worker serves a whole message.
    /// The deadlines come first; this holds even when this process is stopped.
    pub cpu: Duration,
    /// Address space of a worker, octets, libraries included.
    pub memory: u64,
    /// Largest output file, octets. Reached, a write fails; what is kept of it is bounded by the
    /// request.
    pub output: u64,
    /// Environment of the program, which gets nothing of ours.
    pub environment: Vec<(String, String)>,
}

impl Settings {
    /// The defaults, for this program.
    pub fn new(program: PathBuf) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            program,
            workers: u32::try_from(cores).unwrap_or(u32::MAX),
            spares: 2,
            best_effort: false,
            deadline: Duration::from_secs(20),
            video_deadline: Duration::from_secs(120),
            cpu: Duration::from_secs(300),
            memory: 1 << 30,
            output: 256 << 20,
            environment: Vec::new(),
        }
    }

    /// The same for the program that makes stills, where there is one of their own.
    fn stills(&self) -> Option<Self> {
        let program = self.program.with_file_name(STILLS);
        is_program(&program).then(|| Self { program, ..self.clone() })
    }

    const fn deadline(&self, class: Class) -> Duration {
        match class {
            Class::Moving => self.video_deadline,
            Class::Still => self.deadline,
        }
    }
}

/// Where the program is: beside this one, or else on the PATH.
pub fn find() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join(PROGRAM)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    beside
        .into_iter()
        .chain(std::env::split_paths(&path).map(|folder| folder.join(PROGRAM)))
        .find(|candidate| is_program(candidate))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Starts what forks workers, hears what the kernel gives it, and ends it.
///
/// # Errors
/// Why it does not start.
pub async fn examine(settings: &Settings) -> Result<Hello, String> {
    if let Some(stills) = settings.stills() {
        Zygote::start(&stills).await?;
    }
    Zygote::start(settings).await.map(|(_, hello)| hello)
}

/// What is missing of the sandbox and what can be done, one text; `None` = all is there.
pub fn complaint(hello: &Hello) -> Option<String> {
    let missing = hello.sandbox.missing();
    (!missing.is_empty()).then(|| {
        format!(
            "media cannot be decoded safely here: {}. Run a kernel with both, or set \
             `media.sandbox = \"best-effort\"` to do without, or `media.enabled = false`",
            missing.join("; ")
        )
    })
}

/// The pool. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Workers(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    settings: Settings,
    events: Events,
    stills: Queue,
    moving: Queue,
    quarantine: Mutex<Quarantine>,
}

/// The way to a worker of a class: a place first, then a process.
#[derive(Debug)]
struct Queue {
    places: Arc<Semaphore>,
    nursery: Arc<Nursery>,
}

impl Workers {
    /// Starts the programs and checks their sandbox.
    ///
    /// # Errors
    /// Why media cannot be converted here, and what can be done.
    pub async fn start(settings: Settings, events: Events) -> Result<Self, String> {
        let stills = async {
            match settings.stills() {
                Some(stills) => Nursery::start(stills, events.clone()).await.map(Some),
                None => Ok(None),
            }
        };
        let moving = Nursery::start(settings.clone(), events.clone());
        let (stills, moving) = tokio::try_join!(stills, moving)?;
        Ok(Self::of(settings, events, stills, moving))
    }

    /// Starts each program when it is first needed. A sandbox that is not whole is then a fault of
    /// that job; ask [`Self::start`] where nobody has looked at it before.
    pub fn on_demand(settings: Settings, events: Events) -> Self {
        let stills = settings.stills().map(|stills| Nursery::new(stills, events.clone()));
        let moving = Nursery::new(settings.clone(), events.clone());
        Self::of(settings, events, stills, moving)
    }

    fn of(settings: Settings, events: Events, stills: Option<Arc<Nursery>>, moving: Arc<Nursery>) -> Self {
        let stills = stills.unwrap_or_else(|| moving.clone());
        let workers = usize::try_from(settings.workers.max(1)).unwrap_or(1).min(Semaphore::MAX_PERMITS);
        let queue = |places, nursery| Queue { places: Arc::new(Semaphore::new(places)), nursery };
        Self(Arc::new(Pool {
            stills: queue(workers, stills),
            moving: queue((workers / 2).max(1), moving),
            quarantine: Mutex::default(),
            settings,
            events,
        }))
    }

    /// A worker for one message, waited for while others are at work.
    ///
    /// # Errors
    /// [`FaultKind::NoWorker`].
    pub async fn job(&self, class: Class) -> Result<Worker, Fault> {
        let queue = self.0.queue(class);
        let place = tokio::time::timeout(WAIT, queue.places.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return Err(Fault::new(FaultKind::NoWorker, "every worker was busy for too long"));
        };
        Ok(Worker::new(class, queue.nursery.worker().await?, self.0.clone(), place))
    }

    /// Number of the process that forks the workers of a class, for tests; `None` while there is none.
    #[doc(hidden)]
    pub async fn zygote(&self, class: Class) -> Option<u32> {
        self.0.queue(class).nursery.zygote().await
    }
}

impl Pool {
    const fn queue(&self, class: Class) -> &Queue {
        match class {
            Class::Moving => &self.moving,
            Class::Still => &self.stills,
        }
    }

    fn quarantine<T>(&self, work: impl FnOnce(&mut Quarantine) -> T) -> T {
        work(&mut self.quarantine.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
