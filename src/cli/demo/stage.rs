//! Who takes part: a gateway as it is run in earnest, an MMS operator and a mail host, all on
//! loopback; and what has arrived at the latter two.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use cedrat_message::Address;
use cedrat_plan::profile::Profile;
use cedrat_wire_mail::{report::dsn::Action, smtp::Protocol};
use cedrat_wire_mms::mm4::{MmStatus, Pdu, RequestStatus};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};

use super::folder::Folder;
use crate::{
    adapters::smtp::listener::Side,
    cli::Failure,
    config,
    server::{self, Running},
    simulate::{
        fault::Faults,
        mail::{self, MailHost},
        mm4::{self, Answer, System},
        post,
        receive::{self, Arrival, Limits, Setting},
        view::View,
    },
};

/// The operator's MMS domain.
pub(super) const OPERATOR: &str = "mms.operator.test";

/// The domain of numbers as mail addresses.
pub(super) const NUMBERS: &str = "mms.gw.test";

/// The mail host's name.
pub(super) const MAIL_HOST: &str = "mx.example.test";

/// What the configuration calls the operator.
pub(super) const OPERATOR_PEER: &str = "operator";

/// What the configuration calls the mail host.
pub(super) const MAIL_PEER: &str = "mail-host";

/// At whom something arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    MailHost,
    Operator,
}

/// Something that arrived.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) who: Who,
    pub(super) at: Instant,
    pub(super) arrival: Arrival,
    /// Of an MM4 PDU.
    pub(super) pdu: Option<Pdu>,
    pub(super) view: View,
}

/// All that runs.
pub(super) struct Stage {
    pub(super) running: Running,
    pub(super) mm4: SocketAddr,
    pub(super) mail: SocketAddr,
    pub(super) operator: SocketAddr,
    pub(super) mail_host: SocketAddr,
    pub(super) log: std::path::PathBuf,
    seen: mpsc::Receiver<Seen>,
    /// What arrived before somebody asked for it.
    waiting: Vec<Seen>,
    stop: watch::Sender<bool>,
}

impl Stage {
    /// Starts everybody; `more` ends the configuration.
    pub(super) async fn set(folder: &Folder, more: &str) -> Result<Self, Failure> {
        let (operator, operator_at) = bind().await?;
        let (mail_host, mail_host_at) = bind().await?;
        let log = folder.path().join("gateway.jsonl");
        let text = configuration(folder, &log, operator_at, mail_host_at) + more;
        let (config, tables) = config::load("demo.toml", &text, BTreeMap::new())
            .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let running = server::start(config, tables).await?;
        let port = |side| {
            let found = running.ports.iter().find(|(known, _)| *known == side);
            found.map(|(_, address)| *address).ok_or_else(|| "the gateway does not listen".to_owned())
        };
        let (mm4_at, mail_at) = (port(Side::Mm4)?, port(Side::Mail)?);
        let (stop, stopped) = watch::channel(false);
        let (seeing, seen) = mpsc::channel(64);
        let role = Role::Operator(System {
            domain: OPERATOR.to_owned(),
            answer: Answer::Status(RequestStatus::Ok),
            report: mm4::Reported(Some(MmStatus::Retrieved)),
            read_report: true,
        });
        perform(role, OPERATOR, operator, mm4_at, seeing.clone(), stopped.clone());
        let role = Role::MailHost(MailHost {
            host: MAIL_HOST.to_owned(),
            report: mail::Reported(Some(Action::Delivered)),
            read_report: true,
        });
        perform(role, MAIL_HOST, mail_host, mail_at, seeing, stopped);
        Ok(Self {
            running,
            mm4: mm4_at,
            mail: mail_at,
            operator: operator_at,
            mail_host: mail_host_at,
            log,
            seen,
            waiting: Vec::new(),
            stop,
        })
    }

    /// What is taken at an address behind a peer.
    pub(super) fn profile(&self, peer: &str, address: &str) -> Result<Profile, Failure> {
        let settings = self.running.gateway.settings();
        let peer = settings.config.peer(peer).ok_or_else(|| format!("there is no peer {peer}"))?;
        let address = Address::parse(address).map_err(|fault| fault.to_string())?;
        Ok(settings.profiles.effective(peer, &address))
    }

    /// What arrives next.
    pub(super) async fn next(&mut self) -> Option<Seen> {
        if self.waiting.is_empty() { self.seen.recv().await } else { Some(self.waiting.remove(0)) }
    }

    /// Waits for what `wanted` says, until `deadline`; everything else waits in its turn.
    pub(super) async fn wait(&mut self, deadline: Instant, wanted: impl Fn(&Seen) -> bool) -> Option<Seen> {
        if let Some(index) = self.waiting.iter().position(&wanted) {
            return Some(self.waiting.remove(index));
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let seen = tokio::time::timeout(left, self.seen.recv()).await.ok().flatten()?;
            if wanted(&seen) {
                return Some(seen);
            }
            self.waiting.push(seen);
        }
    }

    /// Ends it.
    pub(super) async fn end(self) {
        self.stop.send_replace(true);
        self.running.stop(Duration::from_secs(5)).await;
    }
}

async fn bind() -> Result<(TcpListener, SocketAddr), Failure> {
    let told = |fault| Failure::from(format!("no port on 127.0.0.1 can be listened on: {fault}"));
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(told)?;
    let address = listener.local_addr().map_err(told)?;
    Ok((listener, address))
}

fn configuration(
    folder: &Folder,
    log: &std::path::Path,
    operator: SocketAddr,
    mail_host: SocketAddr,
) -> String {
    // A JSON string is a TOML string.
    let quoted = |path: &std::path::Path| serde_json::json!(path.to_string_lossy()).to_string();
    format!(
        r#"host = "gw.test"
data = {data}
[mm4]
listen = ["127.0.0.1:0"]
domain = "{NUMBERS}"
[mail]
listen = ["127.0.0.1:0"]
domains = ["{NUMBERS}"]
[events]
log = {log}
reveal = true
[[peer]]
id = "{OPERATOR_PEER}"
protocol = "mm4"
allow_ip = ["127.0.0.1"]
next_hop = "{operator}"
domain = "{OPERATOR}"
tls = "none"
media_profile = "video-basic"
[[peer]]
id = "{MAIL_PEER}"
protocol = "mail"
allow_ip = ["127.0.0.1"]
next_hop = "{mail_host}"
tls = "none"
[[handset]]
match = {{ domain = ["example.test"] }}
profile = "mail-common-formats"
[media]
# What is converted here was made here: worth showing where the kernel lacks a part of the sandbox.
sandbox = "best-effort"
[[route]]
id = "numbers"
match = {{ prefix = ["+"] }}
to = ["{OPERATOR_PEER}"]
[[route]]
id = "mail"
match = {{ domain = ["*"] }}
to = ["{MAIL_PEER}"]
"#,
        data = quoted(&folder.path().join("data")),
        log = quoted(log),
    )
}

enum Role {
    MailHost(MailHost),
    Operator(System),
}

/// Lets a peer take what comes, answer it and report on it.
fn perform(
    role: Role,
    host: &str,
    listener: TcpListener,
    gateway: SocketAddr,
    seeing: mpsc::Sender<Seen>,
    stop: watch::Receiver<bool>,
) {
    let setting = Setting {
        host: host.to_owned(),
        protocol: Protocol::Smtp,
        mms: matches!(role, Role::Operator(_)),
        faults: Faults::default(),
        limits: Limits::default(),
    };
    let (arriving, mut arrivals) = mpsc::channel(16);
    let (letters, outbox) = mpsc::channel(post::MOST_WAITING);
    // What became of answers and reports is seen by what arrives at the other end.
    let (told, _) = mpsc::channel(1);
    tokio::spawn(receive::serve(listener, setting, arriving, stop));
    tokio::spawn(post::run(outbox, gateway.to_string(), host.to_owned(), told));
    tokio::spawn(async move {
        while let Some(arrival) = arrivals.recv().await {
            let (at, view) = (Instant::now(), View::of(&arrival.content).unwrap_or_default());
            let (who, pdu, due) = match &role {
                Role::MailHost(host) => (Who::MailHost, None, host.letters(&arrival)),
                Role::Operator(system) => {
                    let pdu = System::read(&arrival.content).ok();
                    let due = pdu.as_ref().map(|pdu| system.letters(&arrival, pdu)).unwrap_or_default();
                    (Who::Operator, pdu, due)
                }
            };
            if seeing.send(Seen { who, at, arrival, pdu, view }).await.is_err() {
                return;
            }
            for letter in due {
                // The other end lives as long as this one.
                drop(letters.send(letter).await);
            }
        }
    });
}
