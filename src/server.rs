//! A gateway from its configuration: store, ports and tasks, started in an order in which nothing
//! is taken before it can be kept, and stopped in an order in which nothing is lost.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use cedrat_mapping::Tables;
use tokio::task::JoinHandle;

use crate::{
    adapters::{http, imap, smtp::listener},
    admin, clock,
    config::Config,
    events::{CdrFile, Event, Events},
    gateway::{Gateway, Settings},
    media::Media,
    pump::claim,
    store::{self, BlobPlace, Database, Store},
    workers::Workers,
};

/// A gateway that runs.
pub struct Running {
    /// It.
    pub gateway: Arc<Gateway>,
    /// Where it listens, as a person reads it.
    pub listeners: Vec<String>,
    /// Where it listens for MM4, mail and administration, as bound.
    pub ports: Vec<(listener::Side, std::net::SocketAddr)>,
    /// Where it listens for HTTP, as bound.
    pub http: Vec<std::net::SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

/// Starts a gateway.
///
/// # Errors
/// Everything that keeps it from starting, a line each.
pub async fn start(config: Config, tables: Tables) -> Result<Running, Vec<String>> {
    std::fs::create_dir_all(&config.data).map_err(|fault| {
        vec![format!("the data directory {} cannot be made: {fault}", config.data.display())]
    })?;
    let log = log(&config).map_err(|fault| vec![fault])?;
    let cdr = match &config.events.cdr {
        Some(path) => Some(CdrFile::open(path).map_err(|fault| {
            vec![format!("the file of charging records {} cannot be written: {fault}", path.display())]
        })?),
        None => None,
    };
    let events = Events::new(log, config.events.reveal, cdr);
    let store = Store::open(store_settings(&config).map_err(|fault| vec![fault])?)
        .await
        .map_err(|fault| vec![fault.to_string()])?;
    let settings = Settings::build(config, tables)?;
    let kept = settings.config.conversion.cache;
    let media = match &settings.config.conversion.workers {
        Some(settings) => {
            let started = Workers::start(settings.clone(), events.clone()).await;
            let cache = (kept > 0).then(|| store.clone());
            Some(Media::new(started.map_err(|fault| vec![fault])?, cache))
        }
        None => None,
    };
    let gateway = Gateway::new(settings, store, events);
    if let Some(media) = media {
        // Nobody else has set it: the gateway was made a line above.
        drop(gateway.media.set(media));
    }
    let config = gateway.settings();
    let config = &config.config;
    if config.handoff.is_some() {
        gateway.handoff.start(&config.data).map_err(|fault| vec![fault])?;
    }
    let recovered = gateway.store.recover(clock::now().0).await.map_err(|fault| vec![fault.to_string()])?;
    if !recovered.is_empty() {
        gateway.events.tell(&Event::Recovered { deliveries: recovered.len() as u64 });
    }
    let bound = listener::bind(config).await?;
    let mut listeners = Vec::new();
    let mut ports = Vec::new();
    let mut http_ports = Vec::new();
    let mut tasks = Vec::new();
    if let Some(address) = config.admin {
        let port = admin::bind(address).await.map_err(|fault| vec![fault])?;
        listeners.push(format!("admin {}", port.local_addr().map_or(address, |bound| bound)));
        let readiness: Arc<dyn admin::Readiness> = gateway.clone();
        tasks.push(tokio::spawn(admin::serve(port, readiness, gateway.shutdown.subscribe())));
    }
    tasks.push(tokio::spawn(claim::run(gateway.clone())));
    tasks.push(tokio::spawn(claim::keep(gateway.clone())));
    tasks.push(tokio::spawn(claim::sweep(gateway.clone())));
    let doors = http::bind(&config.http.listen).await?;
    if !doors.is_empty() {
        let front = http::Front::new(Arc::new(http::house::House(gateway.clone())), gateway.events.clone());
        for door in doors {
            let address = door.local_addr().map_err(|fault| vec![fault.to_string()])?;
            listeners.push(format!("http {address}"));
            http_ports.push(address);
            tasks.push(tokio::spawn(http::serve(front.clone(), door, gateway.shutdown.subscribe())));
        }
    }
    for port in bound {
        if let Some(address) = port.address() {
            listeners.push(format!("{} {address}", port.side().token()));
            ports.push((port.side(), address));
        }
        tasks.push(tokio::spawn(listener::serve(gateway.clone(), port)));
    }
    for account in &config.imap {
        listeners.push(format!("imap {} {}", account.id, account.mailbox));
    }
    tasks.push(tokio::spawn(imap::watch_reading(gateway.clone())));
    tasks.push(tokio::spawn(imap::keep(gateway.clone())));
    gateway.ready.store(true, Ordering::Release);
    gateway.events.tell(&Event::Started {
        version: env!("CARGO_PKG_VERSION"),
        host: config.host.clone(),
        listeners: listeners.clone(),
        config: config.digest.clone(),
    });
    Ok(Running { gateway, listeners, ports, http: http_ports, tasks })
}

impl Running {
    /// Stops: no new session, no new delivery, then a pause for what is under way, then the store.
    pub async fn stop(self, grace: Duration) {
        self.gateway.ready.store(false, Ordering::Release);
        self.gateway.shutdown.send_replace(true);
        self.gateway.dispatcher.stop(&self.gateway).await;
        for task in self.tasks {
            // A task that panicked has nothing left to finish.
            drop(tokio::time::timeout(grace, task).await);
        }
        claim::drain(&self.gateway, grace).await;
        self.gateway.tasks.close();
        // What is not settled by then is tried again after the start, marked as uncertain.
        drop(tokio::time::timeout(grace, self.gateway.tasks.wait()).await);
        self.gateway.store.close().await;
        self.gateway.events.flush();
    }
}

fn log(config: &Config) -> Result<Option<Box<dyn std::io::Write + Send>>, String> {
    Ok(match config.events.log.as_str() {
        "stdout" => Some(Box::new(std::io::stdout())),
        "stderr" => Some(Box::new(std::io::stderr())),
        "none" => None,
        path => {
            let file = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|fault| format!("the log {path} cannot be written: {fault}"))?;
            Some(Box::new(file))
        }
    })
}

/// How the configuration's store is opened by the gateway.
///
/// # Errors
/// When the blobs are to be where this build cannot put them.
pub fn store_settings(config: &Config) -> Result<store::Settings, String> {
    let database = match config.store.url.strip_prefix("sqlite:") {
        Some(path) => Database::Sqlite(PathBuf::from(path)),
        None => Database::Postgres(config.store.url.clone()),
    };
    let mut settings = store::Settings::new(database, blob_place(config)?);
    settings.node.clone_from(&config.node);
    Ok(settings)
}

#[cfg(feature = "s3")]
fn blob_place(config: &Config) -> Result<BlobPlace, String> {
    let place = &config.store.blobs;
    Ok(if place.starts_with("s3://") {
        BlobPlace::S3 { url: place.clone(), options: config.store.blob_options.clone() }
    } else {
        BlobPlace::Directory(PathBuf::from(place))
    })
}

#[cfg(not(feature = "s3"))]
fn blob_place(config: &Config) -> Result<BlobPlace, String> {
    if config.store.blobs.contains("://") {
        return Err(format!(
            "store.blobs {:?} needs a build with the feature `s3`; this one keeps blobs in a directory",
            config.store.blobs
        ));
    }
    Ok(BlobPlace::Directory(PathBuf::from(&config.store.blobs)))
}
