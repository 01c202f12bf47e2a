//! The gateway as an operator runs it: signals, reloads, the admin port.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::harness::{Process, Script, Sink, eventually, forward};

const FROM: &str = "+15550120001/TYPE=PLMN@mmsc.op-b.test";

fn start(directory: &Path, host: &Sink) -> Process {
    let text = format!(
        "host = \"gw.test\"\ndata = \"{data}\"\n[mm4]\nlisten = [\"127.0.0.1:0\"]\ndomain = \"mmsc.gw.test\"\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n[events]\nlog = \"{data}/log.jsonl\"\n\
         [[peer]]\nid = \"op-b\"\nprotocol = \"mm4\"\nallow_ip = [\"127.0.0.1\"]\n\
         [[peer]]\nid = \"mailhost\"\nprotocol = \"mail\"\nnext_hop = \"{}\"\ntls = \"none\"\n\
         [[route]]\nid = \"to-mail\"\nmatch = {{ domain = [\"example.test\"] }}\nto = [\"mailhost\"]\n",
        host.address,
        data = directory.display(),
    );
    let path = directory.join("cedrat.toml");
    std::fs::write(&path, text).unwrap();
    Process::start(path)
}

/// Waits for an event of this type that fits.
async fn event(directory: &Path, what: &str, fits: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
    eventually(what, || {
        let text = std::fs::read_to_string(directory.join("log.jsonl")).unwrap_or_default();
        let mut events = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        events.find(|event: &serde_json::Value| event["type"] == what && fits(event))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_with_faults_changes_nothing_and_one_without_takes_effect() {
    let directory = tempfile::tempdir().unwrap();
    let host = Sink::start().await;
    let process = start(directory.path(), &host);
    let port = process.port("mm4");

    process.reload(|text| text.replace("to = [\"mailhost\"]", "to = [\"nowhere\"]"));
    let told =
        event(directory.path(), "ConfigReload", |event| event["faults"] != serde_json::json!([])).await;
    assert!(told["faults"][0].as_str().unwrap().contains("which is no peer"), "{told}");
    let mut script = Script::hello(port).await;
    let content = forward("r1", "+15550120001", "alice@example.test", "", "still");
    assert!(script.message(FROM, &["alice@example.test"], &content).await.starts_with("250"));
    host.wait_for(1).await;

    process.reload(|text| {
        text.replace("to = [\"nowhere\"]", "to = [\"mailhost\"]")
            .replace("domain = [\"example.test\"]", "domain = [\"other.test\"]")
    });
    event(directory.path(), "ConfigReload", |event| event["faults"] == serde_json::json!([])).await;
    let mut fresh = Script::hello(port).await;
    fresh.say(&format!("MAIL FROM:<{FROM}>")).await;
    assert!(fresh.say("RCPT TO:<alice@example.test>").await.starts_with("550"), "the new route");
    assert!(fresh.say("RCPT TO:<alice@other.test>").await.starts_with("250"), "the new route");
    script.say(&format!("MAIL FROM:<{FROM}>")).await;
    let reply = script.say("RCPT TO:<alice@example.test>").await;
    assert!(reply.starts_with("250"), "an open session keeps the rules that it began with: {reply}");

    process.reload(|text| {
        text.replace("[mm4]\nlisten = [\"127.0.0.1:0\"]", "[mm4]\nlisten = [\"127.0.0.1:1\"]")
    });
    let fits = |event: &serde_json::Value| event["faults"].to_string().contains("only with a restart");
    event(directory.path(), "ConfigReload", fits).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_what_is_under_way_and_takes_nothing_new() {
    let directory = tempfile::tempdir().unwrap();
    let (busy, free) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (seen, wait) = (busy.clone(), free.clone());
    let host = Sink::judging(move |command| {
        if command == "." {
            seen.store(true, Ordering::SeqCst);
            // Only this connection waits, and at most for as long as a test may take.
            tokio::task::block_in_place(|| {
                for _ in 0..2000 {
                    if wait.load(Ordering::SeqCst) {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
        }
        None
    })
    .await;
    let mut process = start(directory.path(), &host);
    let port = process.port("mm4");
    let mut script = Script::hello(port).await;
    let content = forward("s1", "+15550120001", "alice@example.test", "", "under way");
    assert!(script.message(FROM, &["alice@example.test"], &content).await.starts_with("250"));
    eventually("the delivery", || busy.load(Ordering::SeqCst).then_some(())).await;
    process.signal(Signal::TERM);
    event(directory.path(), "Stopping", |event| event["signal"] == "SIGTERM").await;
    assert!(script.reply().await.starts_with("421 4.3.2"), "who is connected is told");
    eventually("a closed port", || std::net::TcpStream::connect(port).is_err().then_some(())).await;
    free.store(true, Ordering::SeqCst);
    assert_eq!(process.ended().await, Some(0));
    event(directory.path(), "Delivery", |_| true).await;
    assert_eq!(host.all().len(), 1);

    let again = Process::start(directory.path().join("cedrat.toml"));
    let mut script = Script::hello(again.port("mm4")).await;
    let content = forward("s2", "+15550120001", "alice@example.test", "", "afterwards");
    assert!(script.message(FROM, &["alice@example.test"], &content).await.starts_with("250"));
    assert_eq!(host.wait_for(2).await.len(), 2, "nothing is sent twice");
}

async fn fetch(port: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(port).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_port_says_whether_it_lives_and_what_it_has_done() {
    let directory = tempfile::tempdir().unwrap();
    let host = Sink::start().await;
    let process = start(directory.path(), &host);
    let admin = process.port("admin");
    for path in ["/livez", "/readyz"] {
        assert!(fetch(admin, path).await.starts_with("HTTP/1.1 200"), "{path}");
    }
    assert!(fetch(admin, "/nothing").await.starts_with("HTTP/1.1 404"));
    let mut script = Script::hello(process.port("mm4")).await;
    let content = forward("a1", "+15550120001", "alice@example.test", "", "counted");
    assert!(script.message(FROM, &["alice@example.test"], &content).await.starts_with("250"));
    host.wait_for(1).await;
    event(directory.path(), "Delivery", |_| true).await;
    let metrics = fetch(admin, "/metrics").await;
    let counted = |name: &str| {
        let lines = metrics.lines().filter(|line| line.starts_with(name) && !line.starts_with('#'));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>()
    };
    for name in ["cedrat_messages_received_total", "cedrat_messages_delivered_total", "cedrat_sessions_total"]
    {
        assert!(counted(name) >= 1.0, "{name} in {metrics}");
    }
    assert!(!metrics.contains("+1555") && !metrics.contains("alice"), "no address is a label");
}
