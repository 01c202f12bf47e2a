//! The gateway as a process of its own: killed, paused, and on a device that fails, always under load.
//!
//! What is claimed is one law in three places (`kill`, `faults`, `nodes`): whatever was acknowledged arrives, and
//! what arrives twice carries the same Message-ID and was counted as uncertain ([`verify`]).

mod faults;
mod kill;
mod nodes;
mod peers;

use std::{
    fs::File,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use cedrat::store::{Database, Filter, Role, Settings, Store};
use peers::{Arrivals, Sink};

/// One gateway; killed when it goes out of scope.
struct Program {
    directory: PathBuf,
    port: u16,
    child: Option<Child>,
}

const CONFIG: &str = r#"
host = "gw.test"
node = "@NODE@"
data = "@DATA@"
@STORE@
[mm4]
listen = ["127.0.0.1:@PORT@"]
domain = "mmsc.gw.test"
[mail]
domains = ["mms.gw.test"]
[events]
log = "@DATA@/log.jsonl"
[limits]
lease = "@LEASE@"
[[peer]]
id = "load"
protocol = "mm4"
allow_ip = ["127.0.0.1"]
[[peer]]
id = "sink"
protocol = "mail"
next_hop = "127.0.0.1:@SINK@"
tls = "none"
[[route]]
id = "held"
match = { domain = ["held.test"] }
hold = true
[[route]]
id = "to-sink"
match = { domain = ["*"] }
to = ["sink"]
"#;

/// How long a claim holds here.
const LEASE: Duration = Duration::from_secs(3);

impl Program {
    /// Writes its configuration. `store` is the `[store]` section, empty for SQLite in its own directory.
    fn new(directory: &Path, node: &str, sink: u16, store: &str) -> Self {
        std::fs::create_dir_all(directory).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let text = CONFIG
            .replace("@NODE@", node)
            .replace("@DATA@", &directory.display().to_string())
            .replace("@STORE@", store)
            .replace("@PORT@", &port.to_string())
            .replace("@SINK@", &sink.to_string())
            .replace("@LEASE@", &format!("{} s", LEASE.as_secs()));
        std::fs::write(directory.join("cedrat.toml"), text).unwrap();
        Self { directory: directory.to_owned(), port, child: None }
    }

    /// The binary under test: that of this build, or the one that a long run names.
    fn binary() -> String {
        std::env::var("CEDRAT_CRASH_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_cedrat").to_owned())
    }

    fn start(&mut self) {
        let command = Command::new(Self::binary());
        assert!(self.start_as(command), "{}", self.said());
    }

    /// Starts it with `strace` on it; `false` when it ended before it listened.
    fn start_traced(&mut self, trace: &str, options: &[&str]) -> bool {
        let mut command = Command::new("strace");
        // -D: the child of this process is the gateway, the tracer is a grandchild.
        command.args(["-D", "-f", "-y", "-qq", "-o"]).arg(self.directory.join(trace));
        command.args(options).arg(Self::binary());
        self.start_as(command)
    }

    fn start_as(&mut self, mut command: Command) -> bool {
        let said = File::options().create(true).append(true).open(self.directory.join("said")).unwrap();
        command.arg("run").arg("--config").arg(self.directory.join("cedrat.toml"));
        command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        self.child = Some(command.spawn().unwrap());
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < until, "does not listen:\n{}", self.said());
            if self.ended() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        true
    }

    /// What it wrote to its standard output and error.
    fn said(&self) -> String {
        std::fs::read_to_string(self.directory.join("said")).unwrap_or_default()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log.jsonl")).unwrap_or_default()
    }

    /// Whether it has ended by itself.
    fn ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some())
    }

    fn wait_for_end(&mut self, patience: Duration) {
        let until = Instant::now() + patience;
        while !self.ended() {
            assert!(Instant::now() < until, "still runs:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = self.child.as_ref().and_then(|child| rustix::process::Pid::from_raw(child.id() as i32));
        rustix::process::kill_process(pid.unwrap(), signal).unwrap();
    }

    /// SIGKILL.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            child.wait().unwrap();
        }
    }

    /// `cedrat queue VERB`.
    fn queue(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(Self::binary());
        command.arg("queue").arg("--config").arg(self.directory.join("cedrat.toml")).args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Waits until nothing is queued; what was put off is tried at once.
    fn drain(&self, patience: Duration) -> Duration {
        let begin = Instant::now();
        loop {
            if self.queue(&["list"]).is_empty() {
                return begin.elapsed();
            }
            assert!(begin.elapsed() < patience, "still queued:\n{}", self.queue(&["list"]));
            self.queue(&["retry", "--all", "--reason", "drain"]);
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Its store, beside it.
    async fn store(&self, database: Option<&str>) -> Store {
        let mut settings = match database {
            Some(url) => Settings::new(Database::Postgres(url.into()), cedrat::store::BlobPlace::Memory),
            None => Settings::sqlite(self.directory.join("queue.db")),
        };
        settings.role = Role::Operator;
        Store::open(settings).await.unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a run came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Verdict {
    acknowledged: usize,
    /// Second and later arrivals.
    duplicates: usize,
    /// Messages whose delivery was counted as uncertain.
    uncertain: usize,
}

/// The law: everything acknowledged arrived; all arrivals of a message have one Message-ID; the store has each
/// message once, however often it was offered; and whatever arrived twice was counted as uncertain.
async fn verify(store: &Store, acknowledged: &[String], arrivals: &Arrivals) -> Verdict {
    let lost: Vec<_> = acknowledged.iter().filter(|token| !arrivals.contains_key(*token)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let mut verdict = Verdict { acknowledged: acknowledged.len(), ..Verdict::default() };
    for (token, ids) in arrivals {
        let stored = store.messages_named(token).await.unwrap();
        assert_eq!(stored.len(), 1, "{token} is stored so often");
        let trace = store.trace(stored[0]).await.unwrap();
        let events = trace.iter().map(|one| serde_json::from_str::<serde_json::Value>(&one.event).unwrap());
        let delivered: Vec<_> = events.filter(|event| event["type"] == "Delivery").collect();
        assert_eq!(delivered.len(), 1, "{token}: {trace:#?}");
        let uncertain = delivered[0]["uncertain"] == true;
        verdict.uncertain += usize::from(uncertain);
        if ids.len() > 1 {
            verdict.duplicates += ids.len() - 1;
            assert!(ids.iter().all(|id| *id == ids[0]), "{token} came as {ids:?}");
            assert!(uncertain, "{token} came {} times and was not counted: {trace:#?}", ids.len());
            assert!(delivered[0]["attempt"].as_u64().unwrap() >= ids.len() as u64, "{token}: {trace:#?}");
        }
    }
    assert!(store.list(&Filter::default(), 0, 1).await.unwrap().is_empty());
    verdict
}

/// A sink and a gateway that delivers to it.
fn pair(directory: &Path) -> (Sink, Program) {
    let sink = Sink::start();
    let gateway = Program::new(directory, "gw.test", sink.port, "");
    (sink, gateway)
}
