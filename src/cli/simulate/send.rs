//! `cedrat simulate mm4 send` and `cedrat simulate smtp send`: messages over one or more connections,
//! and a line that says what became of them.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use cedrat_wire_mail::smtp::{
    Notify,
    client::{Delivery, Transaction},
};

use crate::{
    cli::{Failure, complain, say},
    clock,
    simulate::{
        sample::{self, Attachment},
        send::{self, Source, verdict},
    },
};

/// The name given in EHLO.
const HELO: &str = "simulator.test";

/// Octets of a picture that nobody asked for a size of: 32 pixels square.
const SMALL: usize = 32 * 32 * 3;

/// Refusals that are printed; the rest is counted.
const SHOWN: u64 = 10;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cedrat simulate mm4 send --to 127.0.0.1:2525 --from +15550120001 --rcpt alice@example.test
  cedrat simulate mm4 send --to 127.0.0.1:2525 --rcpt +447700900001 --attach cat.jpg --delivery-report
  cedrat simulate mm4 send --to 127.0.0.1:2525 --rcpt alice@example.test --count 1000 --sessions 20 --octets 300000")]
pub(super) struct Mms {
    /// Where to
    #[arg(long, value_name = "HOST:PORT")]
    to: String,
    /// Number of the sender
    #[arg(long, value_name = "NUMBER", default_value = "+15550120001")]
    from: String,
    /// Number or mail address of a recipient; may be repeated
    #[arg(long, value_name = "ADDRESS", required = true)]
    rcpt: Vec<String>,
    /// MMS domain of the sender
    #[arg(long, value_name = "DOMAIN", default_value = "mms.simulator.test")]
    domain: String,
    /// Subject
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
    /// Text
    #[arg(long, value_name = "TEXT", default_value = "Hello from a simulated handset.")]
    text: String,
    /// Picture, sound or video, told apart by its suffix; may be repeated; without any, a small picture is drawn
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
    /// Size of the picture that is drawn, octets
    #[arg(long, value_name = "N", conflicts_with = "attach", value_parser = clap::value_parser!(u32).range(1..=40_000_000))]
    octets: Option<u32>,
    /// Ask for an answer (.RES)
    #[arg(long)]
    ack: bool,
    /// Ask for a delivery report
    #[arg(long)]
    delivery_report: bool,
    /// Ask for a read report
    #[arg(long)]
    read_report: bool,
    #[command(flatten)]
    amount: Amount,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cedrat simulate smtp send --to 127.0.0.1:2526 --from alice@example.test --rcpt +447700900001@mms.gw.test
  cedrat simulate smtp send --to 127.0.0.1:2526 --rcpt +447700900001@mms.gw.test --text 'See you' --notify success,failure
  cedrat simulate smtp send --to 127.0.0.1:2526 --rcpt +447700900001@mms.gw.test --eml message.eml")]
pub(super) struct Mail {
    /// Where to
    #[arg(long, value_name = "HOST:PORT")]
    to: String,
    /// Sender
    #[arg(long, value_name = "ADDRESS", default_value = "alice@example.test")]
    from: String,
    /// A recipient; may be repeated
    #[arg(long, value_name = "ADDRESS", required = true)]
    rcpt: Vec<String>,
    /// Subject
    #[arg(long, value_name = "TEXT", default_value = "Hello")]
    subject: String,
    /// Text; sent as text and as HTML
    #[arg(long, value_name = "TEXT", default_value = "Hello from a simulated mail user.")]
    text: String,
    /// File to attach; may be repeated
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
    /// A whole message to send as it is
    #[arg(long, value_name = "FILE", conflicts_with_all = ["subject", "text", "attach"])]
    eml: Option<PathBuf>,
    /// Reports to ask for: success, failure, delay, or never
    #[arg(long, value_name = "LIST", value_parser = notify)]
    notify: Option<Notify>,
    #[command(flatten)]
    amount: Amount,
}

#[derive(Debug, Clone, Copy, clap::Args)]
struct Amount {
    /// How many messages
    #[arg(long, value_name = "N", default_value = "1")]
    count: u64,
    /// Over how many connections
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u64).range(1..=1000))]
    sessions: u64,
}

fn notify(text: &str) -> Result<Notify, String> {
    let mut notify = Notify::NEVER;
    for word in text.split(',') {
        match word {
            "delay" => notify.delay = true,
            "failure" => notify.failure = true,
            "success" => notify.success = true,
            "never" if text == "never" => {}
            _ => return Err(format!("{word:?} is not one of success, failure, delay, and never alone")),
        }
    }
    Ok(notify)
}

pub(super) async fn mms(args: &Mms) -> Result<(), Failure> {
    let mut attachments = read(&args.attach)?;
    if attachments.is_empty() {
        attachments.push(Attachment::drawn(args.octets.map_or(SMALL, |octets| octets as usize)));
    }
    let mms = sample::Mms {
        from: args.from.clone(),
        to: args.rcpt.clone(),
        domain: args.domain.clone(),
        subject: args.subject.clone(),
        text: args.text.clone(),
        attachments,
        ack: args.ack,
        delivery_report: args.delivery_report,
        read_report: args.read_report,
    };
    many(&args.to, args.amount, move |id| mms.transaction(id)).await
}

pub(super) async fn mail(args: &Mail) -> Result<(), Failure> {
    let letter = sample::Letter {
        from: args.from.clone(),
        to: args.rcpt.clone(),
        subject: args.subject.clone(),
        text: args.text.clone(),
        attachments: read(&args.attach)?,
        notify: args.notify,
    };
    let whole = match &args.eml {
        Some(path) => {
            let octets =
                std::fs::read(path).map_err(|fault| format!("{} cannot be read: {fault}", path.display()))?;
            Some(bytes::Bytes::from(octets))
        }
        None => None,
    };
    let from = args.from.clone();
    many(&args.to, args.amount, move |id| match &whole {
        Some(content) => letter.envelope(&from, content.clone()),
        None => letter.transaction(id),
    })
    .await
}

fn read(files: &[PathBuf]) -> Result<Vec<Attachment>, String> {
    files.iter().map(|path| Attachment::read(path)).collect()
}

type Make = dyn Fn(&str) -> Result<Transaction, String> + Send + Sync;

/// What all connections share.
struct Shared {
    make: Box<Make>,
    count: u64,
    left: AtomicU64,
    /// Begins every identifier of this run.
    run: String,
    tally: Mutex<Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    taken: u64,
    refused: u64,
    last: String,
}

impl Shared {
    /// How many messages have come to an end.
    fn ended(&self) -> u64 {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.taken + tally.refused
    }

    /// Sends until nothing is left; a connection that broke after it was of use is made again.
    async fn send(self: Arc<Self>, to: String) -> Result<(), String> {
        loop {
            let before = self.ended();
            let sent = send::send(&to, HELO, &mut Connection(self.clone())).await;
            let useful = self.ended() > before && self.left.load(Ordering::Acquire) > 0;
            if sent.is_ok() || !useful {
                return sent;
            }
        }
    }
}

struct Connection(Arc<Shared>);

impl Source for Connection {
    async fn next(&mut self) -> Option<Transaction> {
        let (shared, next) = (&self.0, |left: u64| left.checked_sub(1));
        let left = shared.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).ok()?;
        match (shared.make)(&format!("{}-{}", shared.run, shared.count - left + 1)) {
            Ok(transaction) => Some(transaction),
            Err(fault) => {
                complain(&fault);
                None
            }
        }
    }

    fn outcome(&mut self, recipients: Vec<Delivery>) {
        let mut tally = self.0.tally.lock().unwrap_or_else(PoisonError::into_inner);
        match verdict(&recipients) {
            Ok(words) => {
                tally.taken += 1;
                tally.last = words;
            }
            Err(words) => {
                tally.refused += 1;
                if tally.refused <= SHOWN {
                    complain(&words);
                }
            }
        }
    }
}

async fn many(
    to: &str,
    amount: Amount,
    make: impl Fn(&str) -> Result<Transaction, String> + Send + Sync + 'static,
) -> Result<(), Failure> {
    let run = clock::token().get(..12).unwrap_or_default().to_owned();
    // A wrong address is told once, before anything is sent.
    drop(make(&run)?);
    let shared = Arc::new(Shared {
        make: Box::new(make),
        count: amount.count,
        left: AtomicU64::new(amount.count),
        run,
        tally: Mutex::default(),
    });
    let begun = Instant::now();
    let sessions: Vec<_> = (0..amount.sessions.min(amount.count.max(1)))
        .map(|_| tokio::spawn(shared.clone().send(to.to_owned())))
        .collect();
    let mut faults = Vec::new();
    for session in sessions {
        match session.await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => faults.push(fault),
            Err(fault) => faults.push(fault.to_string()),
        }
    }
    let took = begun.elapsed();
    let tally = shared.tally.lock().unwrap_or_else(PoisonError::into_inner);
    let Tally { taken, refused, last } = &*tally;
    if amount.count == 1 && *taken == 1 {
        say(&format!("taken: {last} ({} ms)", took.as_millis()));
    } else {
        let rate = *taken as f64 / took.as_secs_f64().max(0.001);
        say(&format!(
            "{taken} taken, {refused} refused of {} in {:.1} s, {rate:.0} a second",
            amount.count,
            took.as_secs_f64()
        ));
    }
    faults.dedup();
    if *taken == amount.count {
        return Ok(());
    }
    if faults.is_empty() {
        faults.push(format!("{} not taken", amount.count - taken));
    }
    Err(faults.into())
}
