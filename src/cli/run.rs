//! `cedrat run`: the gateway, until a signal ends it. SIGHUP reads the configuration again and
//! keeps the old one when the new one has faults.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, load, runtime, say};
use crate::{
    events::Event,
    gateway::{Gateway, Settings},
    server::{self, Running},
};

/// How long sessions and deliveries may take to end when the gateway stops.
const GRACE: Duration = Duration::from_secs(20);

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cedrat run --config cedrat.toml
  kill -HUP PID       read the configuration again; the old one stays when the new one has faults
  kill -TERM PID      stop: nothing new is taken, what is under way is finished")]
pub(super) struct Args {
    /// The configuration
    #[arg(long, value_name = "FILE", env = "CEDRAT_CONFIG")]
    config: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (config, tables) = load(&args.config)?;
    runtime()?.block_on(async {
        // Before anybody is told that it runs: a signal that nobody waits for ends the process.
        let signals = Signals::listen()?;
        let running = server::start(config, tables).await?;
        let gateway = running.gateway.clone();
        say(&format!("cedrat {} is ready: {}", env!("CARGO_PKG_VERSION"), running.listeners.join(", ")));
        let stop = signals.wait(args, &gateway).await;
        gateway.events.tell(&Event::Stopping { signal: stop });
        Running::stop(running, GRACE).await;
        Ok(())
    })
}

/// The signals that mean something.
struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let one =
            |kind| signal(kind).map_err(|fault| Failure::from(format!("signals cannot be caught: {fault}")));
        Ok(Self {
            hangup: one(SignalKind::hangup())?,
            interrupt: one(SignalKind::interrupt())?,
            terminate: one(SignalKind::terminate())?,
        })
    }

    /// Waits for the one that stops the gateway.
    async fn wait(mut self, args: &Args, gateway: &Arc<Gateway>) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hangup.recv() => reload(args, gateway),
            }
        }
    }
}

fn reload(args: &Args, gateway: &Arc<Gateway>) {
    let old = gateway.settings();
    let built = load(&args.config).and_then(|(config, tables)| {
        let mut fixed = Vec::new();
        let listens = |c: &crate::config::Config| {
            (
                c.mm4.listen.clone(),
                c.mm4.listen_tls.clone(),
                c.mail.listen.clone(),
                c.mail.listen_tls.clone(),
                c.mail.listen_lmtp.clone(),
                c.mail.listen_submission.clone(),
                c.http.listen.clone(),
                c.admin,
            )
        };
        if listens(&config) != listens(&old.config) {
            fixed.push("the addresses listened on change only with a restart".to_owned());
        }
        if config.store.url != old.config.store.url || config.store.blobs != old.config.store.blobs {
            fixed.push("`store` changes only with a restart".to_owned());
        }
        if fixed.is_empty() { Ok((config, tables)) } else { Err(Failure(fixed)) }
    });
    let (config, faults) =
        match built.and_then(|(config, tables)| Settings::build(config, tables).map_err(Failure)) {
            Ok(settings) => {
                let digest = settings.config.digest.clone();
                gateway.replace_settings(settings);
                (digest, Vec::new())
            }
            Err(Failure(faults)) => {
                for fault in &faults {
                    super::complain(&format!("the old configuration stays: {fault}"));
                }
                (old.config.digest.clone(), faults)
            }
        };
    gateway.events.tell(&Event::ConfigReload { config, faults });
}
