//! Processes that touch untrusted media, so that this one does not: one worker for each message
//! that needs one, forked from a process that has every codec loaded, shut in by the kernel.
//!
//! A worker is asked over a socket and given its octets as memory files. It may crash, hang, eat
//! memory or lie: each costs its job and nothing else. What it says is judged here before anybody
//! else sees it; what must be made of a part, and what instead when that fails, is decided by the
//! callers. No codec is linked.

mod channel;
mod files;
mod quarantine;
mod worker;
mod zygote;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use cedrat_plan::{
    job::{Fault, FaultKind},
    worker::Hello,
};
use tokio::sync::Semaphore;

pub use files::{empty, memory, take};
pub use worker::Worker;

use crate::events::{Event, Events};
use quarantine::Quarantine;
use zygote::Zygote;

/// The program's name.
pub const PROGRAM: &str = "cedrat-transcode";

/// How long a message waits for a worker. Longer than any request takes, so that a full house is
/// no reason to leave a picture unconverted; shorter than a peer waits for the message.
const WAIT: Duration = Duration::from_secs(300);

/// First pause after a zygote that died or did not start; doubled each time, up to [`LONGEST`].
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

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
            best_effort: false,
            deadline: Duration::from_secs(20),
            video_deadline: Duration::from_secs(120),
            cpu: Duration::from_secs(300),
            memory: 1 << 30,
            output: 256 << 20,
            environment: Vec::new(),
        }
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

/// Starts the program, hears what the kernel gives it, and ends it.
///
/// # Errors
/// Why it does not start.
pub async fn examine(settings: &Settings) -> Result<Hello, String> {
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
    zygote: tokio::sync::Mutex<Place>,
    stills: Arc<Semaphore>,
    moving: Arc<Semaphore>,
    quarantine: Mutex<Quarantine>,
}

/// Where the zygote is, or why there is none now.
#[derive(Debug, Default)]
struct Place {
    zygote: Option<Zygote>,
    /// Times in a row that it died or did not start.
    failures: u32,
    not_before: Option<Instant>,
}

impl Workers {
    /// Starts the program and checks its sandbox.
    ///
    /// # Errors
    /// Why media cannot be converted here, and what can be done.
    pub async fn start(settings: Settings, events: Events) -> Result<Self, String> {
        let (zygote, hello) = Zygote::start(&settings).await?;
        if let Some(complaint) = complaint(&hello).filter(|_| !settings.best_effort) {
            return Err(complaint);
        }
        let workers = usize::try_from(settings.workers.max(1)).unwrap_or(1).min(Semaphore::MAX_PERMITS);
        let pool = Pool {
            stills: Arc::new(Semaphore::new(workers)),
            moving: Arc::new(Semaphore::new((workers / 2).max(1))),
            quarantine: Mutex::default(),
            zygote: tokio::sync::Mutex::new(Place { zygote: Some(zygote), ..Place::default() }),
            settings,
            events,
        };
        pool.tell_started(&hello);
        Ok(Self(Arc::new(pool)))
    }

    /// A worker for one message, waited for while others are at work.
    ///
    /// # Errors
    /// [`FaultKind::NoWorker`].
    pub async fn job(&self, class: Class) -> Result<Worker, Fault> {
        let places = match class {
            Class::Moving => &self.0.moving,
            Class::Still => &self.0.stills,
        };
        let place = tokio::time::timeout(WAIT, places.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return Err(Fault::new(FaultKind::NoWorker, "every worker was busy for too long"));
        };
        // A zygote that is found dead is replaced once; its workers died with it.
        for _ in 0..2 {
            let (control, number) = self.0.control().await?;
            if let Some((channel, pidfd)) = zygote::fork(&control).await {
                self.0.zygote.lock().await.failures = 0;
                return Ok(Worker::new(class, channel, pidfd, self.0.clone(), place));
            }
            self.0.bury(number).await;
        }
        Err(Fault::new(FaultKind::NoWorker, "no worker could be forked"))
    }

    /// Number of the process that forks the workers, for tests; `None` while there is none.
    #[doc(hidden)]
    pub async fn zygote(&self) -> Option<u32> {
        self.0.zygote.lock().await.zygote.as_ref().map(Zygote::number)
    }
}

impl Pool {
    /// The socket of the zygote and its process number; started again when there is none.
    async fn control(&self) -> Result<(Arc<channel::Channel>, u32), Fault> {
        let mut place = self.zygote.lock().await;
        if let Some(zygote) = &place.zygote {
            return Ok((zygote.control(), zygote.number()));
        }
        if let Some(until) = place.not_before {
            let pause = until.saturating_duration_since(Instant::now());
            if pause > PAUSE * 8 {
                return Err(Fault::new(FaultKind::NoWorker, "the workers do not start"));
            }
            tokio::time::sleep(pause).await;
        }
        match Zygote::start(&self.settings).await {
            Ok((zygote, hello)) => {
                self.tell_started(&hello);
                let at = (zygote.control(), zygote.number());
                place.zygote = Some(zygote);
                Ok(at)
            }
            Err(why) => {
                place.failed();
                self.events.tell(&Event::Fault { what: "workers", detail: why });
                Err(Fault::new(FaultKind::NoWorker, "the workers do not start"))
            }
        }
    }

    /// Lets go of a zygote that forks no more, unless another one did so already.
    async fn bury(&self, number: u32) {
        let mut place = self.zygote.lock().await;
        if place.zygote.as_ref().is_some_and(|zygote| zygote.number() == number) {
            place.zygote = None;
            place.failed();
            drop(place);
            let detail = "the process that forks the workers died; it is started again".into();
            self.events.tell(&Event::Fault { what: "workers", detail });
        }
    }

    fn tell_started(&self, hello: &Hello) {
        self.events.tell(&Event::WorkersStarted {
            version: hello.version.clone(),
            sandbox: if hello.sandbox.landlock_full { "full" } else { "filter" },
            missing: hello.sandbox.missing(),
        });
    }

    fn quarantine<T>(&self, work: impl FnOnce(&mut Quarantine) -> T) -> T {
        work(&mut self.quarantine.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Place {
    fn failed(&mut self) {
        let pause = PAUSE.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(Instant::now() + pause);
    }
}
