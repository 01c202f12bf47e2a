//! Where workers come from: a zygote, started again when it dies, and the workers that it forked
//! ahead. Whose turn it is to have one is decided by the caller.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cedrat_plan::{
    job::{Fault, FaultKind},
    worker::Hello,
};
use tokio::sync::Mutex;

use super::{
    Settings,
    channel::Channel,
    complaint,
    spares::Spares,
    zygote::{Forked, Zygote},
};
use crate::events::{Event, Events};

/// First pause after a zygote that died or did not start; doubled each time, up to [`LONGEST`].
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

/// Longest pause that a job waits for; before a longer one it fails at once.
const PATIENCE: Duration = Duration::from_millis(800);

/// Workers of one program.
#[derive(Debug)]
pub(super) struct Nursery {
    settings: Settings,
    events: Events,
    place: Mutex<Place>,
    spares: Spares,
}

/// Where the zygote is, or why there is none now.
#[derive(Debug, Default)]
struct Place {
    zygote: Option<Zygote>,
    /// Times in a row that it died or did not start.
    failures: u32,
    not_before: Option<Instant>,
}

impl Nursery {
    /// Starts the program and checks its sandbox.
    ///
    /// # Errors
    /// Why it cannot be used, and what can be done.
    pub(super) async fn start(settings: Settings, events: Events) -> Result<Arc<Self>, String> {
        let nursery = Self::new(settings, events);
        let (zygote, hello) = nursery.begin().await?;
        nursery.place.lock().await.zygote = Some(zygote);
        nursery.tell_started(&hello);
        nursery.order_spares();
        Ok(nursery)
    }

    /// Starts the program when a worker is needed.
    pub(super) fn new(settings: Settings, events: Events) -> Arc<Self> {
        let spares = Spares::new(settings.spares);
        Arc::new(Self { place: Mutex::default(), spares, settings, events })
    }

    async fn begin(&self) -> Result<(Zygote, Hello), String> {
        let (zygote, hello) = Zygote::start(&self.settings).await?;
        match complaint(&hello).filter(|_| !self.settings.best_effort) {
            Some(complaint) => Err(complaint),
            None => Ok((zygote, hello)),
        }
    }

    /// A worker that nobody had before.
    ///
    /// # Errors
    /// [`FaultKind::NoWorker`].
    pub(super) async fn worker(self: &Arc<Self>) -> Result<Forked, Fault> {
        let worker = match self.spares.take().await {
            Some(spare) => spare,
            None => self.fork().await?,
        };
        self.order_spares();
        Ok(worker)
    }

    /// Has the next workers forked while others are at work. Only after a fork that went well: a
    /// zygote that does not start is tried again by who needs it, not in the background.
    fn order_spares(self: &Arc<Self>) {
        self.spares.order(|| {
            let nursery = self.clone();
            async move { nursery.fork().await.ok() }
        });
    }

    /// Forks a worker now. A zygote that is found dead is replaced once; its workers died with it.
    async fn fork(&self) -> Result<Forked, Fault> {
        for _ in 0..2 {
            let (control, number) = self.control().await?;
            if let Some(forked) = Forked::from(control).await {
                self.place.lock().await.failures = 0;
                return Ok(forked);
            }
            self.bury(number).await;
        }
        Err(Fault::new(FaultKind::NoWorker, "no worker could be forked"))
    }

    /// Number of the zygote; `None` while there is none.
    pub(super) async fn zygote(&self) -> Option<u32> {
        self.place.lock().await.zygote.as_ref().map(Zygote::number)
    }

    /// The socket of the zygote and its process number; started again when there is none.
    async fn control(&self) -> Result<(Arc<Channel>, u32), Fault> {
        let mut place = self.place.lock().await;
        if let Some(zygote) = &place.zygote {
            return Ok((zygote.control(), zygote.number()));
        }
        if let Some(until) = place.not_before {
            let pause = until.saturating_duration_since(Instant::now());
            if pause > PATIENCE {
                return Err(Fault::new(FaultKind::NoWorker, "the workers do not start"));
            }
            tokio::time::sleep(pause).await;
        }
        match self.begin().await {
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
        let mut place = self.place.lock().await;
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
}

impl Place {
    fn failed(&mut self) {
        let pause = PAUSE.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(Instant::now() + pause);
    }
}
