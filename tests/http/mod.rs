//! The HTTP front doors over sockets, before a stand-in for the house behind them: what is asked of
//! it is what a test looks at.

pub(crate) mod client;
mod doors;
mod sti;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use cedrat::{
    adapters::http::{
        self, Front,
        core::{Core, Memory, One},
    },
    config::http::{Client, Http},
    events::Events,
};
use cedrat_plan::{
    facts::{self, Claim, Colour, Detail, Facts, Picture},
    format::Format,
    job::{Fault, FaultKind, Note},
    limits::Limits,
    profile::{Counts, Layer, OctetLimit, Origin, Partial, Profile, Size, Unit},
};
use futures_util::{FutureExt as _, future::BoxFuture};
use hyper::body::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const AUTH: &str = "Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n";

fn settings() -> Http {
    Http {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        tls: false,
        client_authority: None,
        clients: vec![
            Client {
                name: "mmsc".into(),
                token: Sha256::digest(TOKEN).into(),
                max_octets: None,
                profiles: vec![],
            },
            Client {
                name: "small".into(),
                token: Sha256::digest("s".repeat(32)).into(),
                max_octets: Some(100),
                profiles: vec!["image-basic".into()],
            },
        ],
        profile: "image-basic".into(),
        max_octets: 1_000_000,
        max_attachment_octets: 500_000,
        max_jobs: 4,
        max_jobs_at_once: 2,
        max_requests: 2,
        max_connections: 10,
        read_timeout_ms: 1_000,
        deadline_ms: 2_000,
    }
}

fn profile(name: &str) -> Profile {
    let layer = Partial {
        max_octets: Some(OctetLimit { octets: 30_000, unit: Unit::Binary, counts: Counts::Parts }),
        max_still: Some(Size { width: 160, height: 120 }),
        screen: Some(Size { width: 160, height: 120 }),
        colours: Some(0),
        types: Some(vec!["image/jpeg".into()]),
        charsets: Some(vec!["utf-8".into()]),
        sounds: Some(vec![]),
        videos: Some(vec![]),
        progressive_jpeg: Some(false),
        animated_gif: Some(false),
        smil: Some(true),
        max_slides: Some(0),
        max_parts: Some(0),
        max_duration_ms: Some(0),
        vcard: Some("2.1".into()),
        vcalendar: Some("1.0".into()),
        keep_metadata: Some(false),
        adapt: Some(true),
    };
    Profile::of(&Origin { layer: Layer::Class, name: name.into() }, layer).unwrap()
}

/// Stands in for the house: the first word of the media says what becomes of them, and the answer
/// shows what was asked.
struct StandIn {
    config: Arc<Http>,
    tls: Option<Arc<rustls::ServerConfig>>,
}

impl Core for StandIn {
    fn config(&self) -> Arc<Http> {
        self.config.clone()
    }

    fn tls(&self) -> Option<Arc<rustls::ServerConfig>> {
        self.tls.clone()
    }

    fn profiles(&self) -> Vec<String> {
        vec!["image-basic".into(), "image-rich".into()]
    }

    fn profile(&self, name: &str) -> Option<Profile> {
        self.profiles().iter().any(|known| known == name).then(|| profile(name))
    }

    fn memory(&self, octets: u64) -> Option<Memory> {
        (octets != 77_777).then(|| Box::new(()) as Memory)
    }

    fn convert<'a>(
        &'a self,
        octets: Bytes,
        claim: Claim<'a>,
        profile: &'a Profile,
        max_octets: Option<u64>,
    ) -> BoxFuture<'a, Result<One, Fault>> {
        async move {
            let text = String::from_utf8_lossy(&octets).into_owned();
            let fault = |kind, detail: &str| Err(Fault::new(kind, detail));
            let from = facts::read(&octets, &claim, &Limits::default());
            let one = One {
                octets: octets.clone(),
                from: from.clone(),
                facts: from,
                kept: true,
                why: Vec::new(),
                notes: Vec::new(),
                quality: 0,
                encodes: 0,
            };
            match text.split(' ').next().unwrap_or("") {
                "keep" => Ok(one),
                "damaged" => fault(FaultKind::Damaged, "the picture ends early"),
                "encrypted" => fault(FaultKind::Encrypted, "the part is under DRM"),
                "unsupported" => fault(FaultKind::Unsupported, "SVG is not rendered"),
                "cannot-fit" => fault(FaultKind::CannotFit, "no size fits"),
                "no-worker" => fault(FaultKind::NoWorker, "no worker could be had"),
                "crashed" => fault(FaultKind::Crashed, "the worker died"),
                word => {
                    if word == "slow" {
                        tokio::time::sleep(Duration::from_secs(60)).await;
                    } else if word == "pause" {
                        tokio::time::sleep(Duration::from_millis(400)).await;
                    }
                    let Size { width, height } = profile.max_still.value;
                    let made = format!(
                        "made {width}x{height} types={:?} limit={max_octets:?} claim={}",
                        profile.types.value, claim.media_type
                    );
                    let picture = Picture {
                        width,
                        height,
                        orientation: 1,
                        colour: Colour::Rgb,
                        alpha: false,
                        progressive: false,
                        frames: 1,
                        duration_ms: 0,
                        metadata: false,
                        gps: false,
                    };
                    let facts = Facts {
                        format: Format::Jpeg,
                        octets: made.len() as u64,
                        detail: Detail::Picture(picture),
                        fault: None,
                    };
                    let notes = if word == "first" { vec![Note::FirstFrame] } else { Vec::new() };
                    Ok(One {
                        octets: made.into(),
                        facts,
                        kept: false,
                        why: vec!["its type is not taken".into()],
                        notes,
                        quality: 9_712,
                        encodes: 1,
                        ..one
                    })
                }
            }
        }
        .boxed()
    }
}

/// Doors that are open until it is dropped.
struct Doors {
    address: SocketAddr,
    shutdown: watch::Sender<bool>,
    task: Option<tokio::task::JoinHandle<()>>,
    log: tempfile::NamedTempFile,
    events: Events,
}

impl Doors {
    async fn open() -> Self {
        Self::with(|_| {}, None).await
    }

    async fn with(change: impl FnOnce(&mut Http), tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let mut config = settings();
        change(&mut config);
        let listener = http::bind(&config.listen).await.unwrap().remove(0);
        let address = listener.local_addr().unwrap();
        let log = tempfile::NamedTempFile::new().unwrap();
        let events = Events::new(Some(Box::new(log.reopen().unwrap())), false, None);
        let front = Front::new(Arc::new(StandIn { config: Arc::new(config), tls }), events.clone());
        let shutdown = watch::Sender::new(false);
        let task = Some(tokio::spawn(http::serve(front, listener, shutdown.subscribe())));
        Self { address, shutdown, task, log, events }
    }

    async fn send(&self, octets: &[u8]) -> client::Answer {
        client::send(self.address, octets).await
    }

    /// POST /api/v1/transcode as the first client.
    async fn transcode(&self, query: &str, body: &str) -> client::Answer {
        let target = format!("/api/v1/transcode?{query}");
        self.send(&client::request("POST", &target, AUTH, body.as_bytes())).await
    }

    async fn get(&self, target: &str, headers: &str) -> client::Answer {
        self.send(&client::request("GET", target, headers, b"")).await
    }

    fn events(&self) -> Vec<serde_json::Value> {
        self.events.flush();
        let text = std::fs::read_to_string(self.log.path()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
