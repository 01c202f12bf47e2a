//! A gateway in this process, in a directory of its own.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use cedrat::{
    adapters::smtp::listener::Side,
    config,
    server::{self, Running},
};

/// Waits until `look` finds something.
pub(crate) async fn eventually<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    for _ in 0..1500 {
        if let Some(found) = look() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: not within 15 s");
}

pub(crate) struct Gateway {
    pub(crate) running: Option<Running>,
    pub(crate) directory: tempfile::TempDir,
    text: String,
}

/// Two MM4 peers, `op-a` (15555...) and `op-b` (+44...), and the rest of the world by mail.
const BASE: &str = r#"
host = "gw.test"
data = "@DATA@"
[mm4]
listen = ["127.0.0.1:0"]
domain = "mmsc.gw.test"
[mail]
listen = ["127.0.0.1:0"]
domains = ["mms.gw.test"]
@MAIL@
[events]
log = "@DATA@/log.jsonl"
cdr = "@DATA@/cdr.jsonl"
[[route]]
id = "to-op-b"
match = { prefix = ["+44"] }
to = ["op-b"]
[[route]]
id = "to-op-a"
match = { prefix = ["+1555"] }
to = ["op-a"]
[[route]]
id = "to-mail"
match = { domain = ["*"] }
to = ["mailhost"]
"#;

impl Gateway {
    /// With peers at these addresses. Both MM4 peers connect from loopback, told apart by AUTH where
    /// a test needs it; `more` is put at the end.
    pub(crate) async fn start(op_b: SocketAddr, mailhost: SocketAddr, more: &str) -> Self {
        Self::with(op_b, mailhost, "", "", more).await
    }

    /// With keys for `[mail]` and for the peer `op-b`.
    pub(crate) async fn with(
        op_b: SocketAddr,
        mailhost: SocketAddr,
        mail: &str,
        peer: &str,
        more: &str,
    ) -> Self {
        let peers = format!(
            "[[peer]]\nid = \"op-b\"\nprotocol = \"mm4\"\nallow_ip = [\"127.0.0.1\"]\nnext_hop = \"{op_b}\"\n\
             domain = \"mmsc.op-b.test\"\ntls = \"none\"\n{peer}\n\
             [[peer]]\nid = \"op-a\"\nprotocol = \"mm4\"\nallow_ip = [\"192.0.2.1\"]\nnext_hop = \"{op_b}\"\n\
             domain = \"mmsc.op-a.test\"\ntls = \"none\"\n\
             [[peer]]\nid = \"mailhost\"\nprotocol = \"mail\"\nallow_ip = [\"127.0.0.1\"]\nnext_hop = \"{mailhost}\"\ntls = \"none\"\n"
        );
        Self::configured(&format!("{}\n{peers}\n{more}", BASE.replace("@MAIL@", mail))).await
    }

    /// With this configuration; `@DATA@` is the directory.
    pub(crate) async fn configured(text: &str) -> Self {
        cedrat::tls::install_provider();
        let directory = tempfile::tempdir().unwrap();
        let text = text.replace("@DATA@", &directory.path().display().to_string());
        let mut gateway = Self { running: None, directory, text };
        gateway.go().await;
        gateway
    }

    /// Starts it, again after [`Gateway::stop`].
    pub(crate) async fn go(&mut self) {
        let (config, tables) =
            config::load("test.toml", &self.text, BTreeMap::new()).unwrap_or_else(|faults| {
                panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
            });
        self.running = Some(server::start(config, tables).await.unwrap());
    }

    pub(crate) async fn stop(&mut self) {
        self.running.take().unwrap().stop(Duration::from_secs(10)).await;
    }

    pub(crate) fn port(&self, side: Side) -> SocketAddr {
        let ports = &self.running.as_ref().unwrap().ports;
        ports.iter().find(|(found, _)| *found == side).unwrap().1
    }

    pub(crate) fn mm4(&self) -> SocketAddr {
        self.port(Side::Mm4)
    }

    pub(crate) fn mail(&self) -> SocketAddr {
        self.port(Side::Mail)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The events so far.
    pub(crate) fn events(&self) -> Vec<serde_json::Value> {
        self.running.as_ref().unwrap().gateway.events.flush();
        let text = std::fs::read_to_string(self.path("log.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How many events of a type there are.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.events().iter().filter(|event| event["type"] == kind).count()
    }

    /// Waits until there are so many events of a type.
    pub(crate) async fn wait_for(&self, kind: &str, count: usize) {
        eventually(&format!("{count} events {kind}"), || (self.count(kind) >= count).then_some(())).await;
    }
}
