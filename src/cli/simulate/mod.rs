//! `cedrat simulate`: a peer to try a gateway against. `mm4` plays an MM4 system, `smtp` a mail host;
//! each also has a verb `send`. What they do is in [`crate::simulate`]; here are the arguments, the
//! lines that are printed, and the end on Ctrl-C.

mod mail;
mod mm4;
mod send;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{Failure, complain, runtime, say};
use crate::{
    drive,
    simulate::{
        fault::{Failure as Refusal, Fate, Faults, probability_of},
        post::{self, Letter, Sent},
        receive::{self, Arrival, Setting},
    },
};

pub(super) use self::{mail::as_text as mail_as_text, mm4::as_line as pdu_as_line};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cedrat simulate mm4 --listen 127.0.0.1:2600 --peer 127.0.0.1:2525
  cedrat simulate mm4 send --to 127.0.0.1:2525 --from +15550120001 --rcpt +447700900001
  cedrat simulate smtp --listen 127.0.0.1:2601
  cedrat simulate smtp send --to 127.0.0.1:2526 --from alice@example.test --rcpt +447700900001@mms.gw.test")]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// An MM4 system: takes PDUs, answers them, reports
    Mm4(mm4::Args),
    /// A mail host: takes mail and shows it
    Smtp(mail::Args),
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    match &args.verb {
        Verb::Mm4(args) => runtime()?.block_on(mm4::run(args)),
        Verb::Smtp(args) => runtime()?.block_on(mail::run(args)),
    }
}

/// What both peers are told about taking messages.
#[derive(Debug, clap::Args)]
struct Taking {
    /// The name that it gives itself
    #[arg(long, value_name = "NAME", default_value = "simulator.test")]
    host: String,
    /// Refuse messages: an SMTP code and how often, 0 to 1; may be repeated
    #[arg(long, value_name = "CODE:PROBABILITY")]
    fail: Vec<Refusal>,
    /// Take a message and drop the connection instead of a reply, how often, 0 to 1
    #[arg(long, value_name = "PROBABILITY", default_value = "0", value_parser = probability_of)]
    drop_after_dot: f64,
    /// Wait so many milliseconds before each reply to a message
    #[arg(long, value_name = "MS", default_value = "0")]
    delay: u64,
    /// What chance begins with: the same seed gives the n-th message the same fate
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
    /// Keep every message that was taken in this directory
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print JSON, an object a line
    #[arg(long)]
    json: bool,
    /// Print only the address listened on
    #[arg(long, conflicts_with = "json")]
    quiet: bool,
}

impl Taking {
    fn faults(&self) -> Result<Faults, Failure> {
        let faults = Faults {
            failures: self.fail.clone(),
            drop_after_dot: self.drop_after_dot,
            delay: Duration::from_millis(self.delay),
            seed: self.seed,
        };
        faults.check().map_err(|fault| format!("--fail and --drop-after-dot: {fault}"))?;
        Ok(faults)
    }
}

/// A port that is served, and the way to send something by oneself.
struct Station {
    arrivals: mpsc::Receiver<Arrival>,
    sent: mpsc::Receiver<Sent>,
    letters: Option<mpsc::Sender<Letter>>,
    stop: watch::Receiver<bool>,
    server: JoinHandle<()>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    taken: u64,
    dropped: u64,
    refused: u64,
    sent: u64,
    unsent: u64,
}

/// What happened at a station.
enum Happening {
    Arrived(Box<Arrival>),
    Sent(Sent),
}

impl Station {
    /// Listens, and says where.
    async fn open(
        listen: SocketAddr,
        setting: Setting,
        peer: Option<&str>,
        what: &str,
        json: bool,
    ) -> Result<Self, Failure> {
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|fault| format!("{listen} cannot be listened on: {fault}; is another program there?"))?;
        let bound = listener.local_addr().unwrap_or(listen);
        say(&if json {
            serde_json::json!({ "listening": bound.to_string(), "protocol": what }).to_string()
        } else {
            format!("{what} simulator listens on {bound}; Ctrl-C ends it")
        });
        let (arriving, arrivals) = mpsc::channel(16);
        let (told, sent) = mpsc::channel(1000);
        let stop = stop_on_signal()?;
        let letters = peer.map(|peer| {
            let (letters, outbox) = mpsc::channel(post::MOST_WAITING);
            tokio::spawn(post::run(outbox, peer.to_owned(), setting.host.clone(), told));
            letters
        });
        let server = tokio::spawn(receive::serve(listener, setting, arriving, stop.clone()));
        Ok(Self { arrivals, sent, letters, stop, server, counts: Counts::default() })
    }

    /// The next thing that happens; `None` when it was told to stop.
    async fn next(&mut self) -> Option<Happening> {
        let happening = tokio::select! {
            biased;
            Some(sent) = self.sent.recv() => Happening::Sent(sent),
            Some(arrival) = self.arrivals.recv() => Happening::Arrived(Box::new(arrival)),
            () = drive::stopped(&mut self.stop) => return None,
        };
        match &happening {
            Happening::Arrived(arrival) => match arrival.fate {
                Fate::Taken => self.counts.taken += 1,
                Fate::Dropped => self.counts.dropped += 1,
                Fate::Refused(_) => self.counts.refused += 1,
            },
            Happening::Sent(Sent { outcome: Ok(_), .. }) => self.counts.sent += 1,
            Happening::Sent(_) => self.counts.unsent += 1,
        }
        Some(happening)
    }

    /// Hands letters over to be sent; without a peer they go nowhere.
    async fn post(&self, letters: Vec<Letter>) {
        let Some(outbox) = &self.letters else { return };
        for letter in letters {
            // The other end lives as long as this one.
            drop(outbox.send(letter).await);
        }
    }

    /// Lets the sessions end and says what there was.
    async fn close(self, json: bool) {
        let Self { arrivals, server, counts, .. } = self;
        drop(arrivals);
        drop(server.await);
        let Counts { taken, dropped, refused, sent, unsent } = counts;
        say(&if json {
            let counts = serde_json::json!({ "taken": taken, "dropped": dropped, "refused": refused, "sent": sent, "unsent": unsent });
            serde_json::json!({ "ended": counts }).to_string()
        } else {
            format!(
                "{taken} taken, {dropped} taken and dropped, {refused} refused; {sent} sent, {unsent} not sent"
            )
        });
    }
}

/// Turns true on SIGINT or SIGTERM.
fn stop_on_signal() -> Result<watch::Receiver<bool>, Failure> {
    let listen =
        |kind| signal(kind).map_err(|fault| Failure::from(format!("signals cannot be caught: {fault}")));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.send_replace(true);
    });
    Ok(stopped)
}

/// Makes the directory for messages.
fn prepare(dir: Option<&Path>) -> Result<(), Failure> {
    let Some(dir) = dir else { return Ok(()) };
    std::fs::create_dir_all(dir).map_err(|fault| format!("{} cannot be made: {fault}", dir.display()).into())
}

/// Keeps a message that was taken; `None` when there is nowhere to.
fn keep(dir: Option<&Path>, arrival: &Arrival, ending: &str) -> Option<PathBuf> {
    let dir = dir.filter(|_| arrival.fate.is_taken())?;
    // The time keeps runs into one directory apart.
    let path = dir.join(format!("{}-{:06}.{ending}", arrival.at.0, arrival.number));
    match std::fs::write(&path, &arrival.content) {
        Ok(()) => Some(path),
        Err(fault) => {
            complain(&format!("{} cannot be written: {fault}", path.display()));
            None
        }
    }
}

/// Prints what became of something that the simulator sent.
fn show_sent(sent: &Sent, json: bool) {
    say(&if json {
        let (outcome, fault) = (sent.outcome.as_ref().ok(), sent.outcome.as_ref().err());
        serde_json::json!({ "sent": sent.what, "reply": outcome, "fault": fault }).to_string()
    } else {
        match &sent.outcome {
            Ok(reply) => format!("     sent {}: {reply}", sent.what),
            Err(fault) => format!("     NOT sent {}: {fault}", sent.what),
        }
    });
}
