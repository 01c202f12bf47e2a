//! Dialogs: text files of what a client says and what the gateway answers, word for word. The
//! folder names the port. `README.md` beside this file is the grammar.

use std::path::{Path, PathBuf};

use cedrat::adapters::smtp::listener::Side;

use crate::harness::{CERTIFICATES, Gateway, Script, Sink};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dialogs");

/// Dialogs that run at once.
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn every_dialog_on_the_mm4_port_goes_as_written() {
    run_all("mm4", Side::Mm4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_dialog_on_the_mail_port_goes_as_written() {
    run_all("mail", Side::Mail).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_dialog_on_the_submission_port_goes_as_written() {
    run_all("submission", Side::Submission).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_dialog_on_the_lmtp_port_goes_as_written() {
    run_all("lmtp", Side::Lmtp).await;
}

/// Runs every dialog of a folder and tells of all that went otherwise.
async fn run_all(folder: &str, side: Side) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(Path::new(FOLDER).join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "dialog"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let mut faults = Vec::new();
    for some in files.chunks(AT_ONCE) {
        let running: Vec<_> = some.iter().map(|path| tokio::spawn(run(path.clone(), side))).collect();
        for (path, task) in some.iter().zip(running) {
            match task.await {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => faults.push(format!("{}:{fault}", path.display())),
                Err(fault) => faults.push(format!("{}: {fault}", path.display())),
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The configuration of a dialog: `@op-b@` and the like are where its `@` lines go.
const CONFIG: &str = r#"
host = "gw.test"
data = "@DATA@"
@top@
[mm4]
listen = ["127.0.0.1:0"]
domain = "mmsc.gw.test"
@mm4@
[mail]
listen = ["127.0.0.1:0"]
listen_submission = ["127.0.0.1:0"]
listen_lmtp = ["127.0.0.1:0"]
domains = ["mms.gw.test"]
@mail@
[limits]
@limits@
[events]
log = "@DATA@/log.jsonl"
@tls@
[[peer]]
id = "op-b"
protocol = "mm4"
allow_ip = ["@from@"]
next_hop = "@OP-B@"
domain = "mmsc.op-b.test"
tls = "none"
@op-b@
[[peer]]
id = "op-c"
protocol = "mm4"
users = [{ name = "op-c", password = "open sesame" }]
@op-c@
[[peer]]
id = "mailhost"
protocol = "mail"
allow_ip = ["@from@"]
next_hop = "@MAILHOST@"
tls = "none"
@mailhost@
[[peer]]
id = "staff"
protocol = "mail"
users = [{ name = "alice", password = "open sesame" }]
@staff@
[[route]]
id = "to-op-b"
match = { prefix = ["+44"] }
to = ["op-b"]
[[route]]
id = "to-mail"
match = { domain = ["*"] }
to = ["mailhost"]
"#;

/// A peer that is known by its certificate.
const OP_D: &str = r#"
[[peer]]
id = "op-d"
protocol = "mm4"
tls_names = ["op-d.test"]
"#;

/// Lines of a dialog that configure, by what they begin with.
const PLACES: [&str; 9] = ["top", "mm4", "mail", "limits", "op-b", "op-c", "mailhost", "staff", "from"];

async fn run(path: PathBuf, side: Side) -> Result<(), String> {
    let text = std::fs::read_to_string(&path).unwrap();
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let mut gateway = Gateway::configured(&configuration(&text, &peer, &host)).await;
    let address = gateway.port(side);
    let mut script = Script::open(address).await;
    let mut expected = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let fault = |what: String| Err(format!("{}: {line}\n    {what}", number + 1));
        let (verb, rest) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
        match verb {
            "C" => script.send(&[&unescaped(rest)[..], b"\r\n"].concat()).await,
            "C-" => script.send(&unescaped(rest)).await,
            "S" => match script.line().await {
                Some(said) if matches(rest, &said) => {}
                said => return fault(format!("was {said:?}")),
            },
            "S..." => loop {
                let Some(said) = script.line().await else { return fault("was the end".into()) };
                if said.as_bytes().get(3) != Some(&b'-') {
                    if matches(rest, &said) {
                        break;
                    }
                    return fault(format!("was {said:?}"));
                }
            },
            "S+" => loop {
                match script.line().await {
                    Some(said) if matches(rest, &said) => break,
                    Some(said) if said.as_bytes().get(3) == Some(&b'-') => {}
                    said => return fault(format!("was not among the lines before {said:?}")),
                }
            },
            "TLS" => script = script.secure(&CERTIFICATES.connector(None)).await,
            "TLS as" => script = script.secure(&CERTIFICATES.connector(Some(rest))).await,
            "NEW" => script = Script::open(address).await,
            "END" => match script.line().await {
                None => {}
                Some(said) => return fault(format!("was {said:?}")),
            },
            _ if verb.starts_with("C*") => {
                let times: usize = verb[2..].parse().unwrap();
                script.send(&[&unescaped(rest)[..], b"\r\n"].concat().repeat(times)).await;
            }
            "op-b gets" => expected.push((number, &peer, rest)),
            "mailhost gets" => expected.push((number, &host, rest)),
            _ if line.is_empty() || line.starts_with('#') || line.starts_with('@') => {}
            _ => return fault("is no line of a dialog".into()),
        }
    }
    drop(script);
    // What is under way is finished before the gateway has stopped: nothing can arrive after that.
    for (_, sink, count) in &expected {
        sink.wait_for(count.parse().unwrap()).await;
    }
    gateway.stop().await;
    for (number, sink, count) in expected {
        let all = sink.all();
        if all.len().to_string() != count {
            return Err(format!("{}: {} came: {all:#?}", number + 1, all.len()));
        }
    }
    Ok(())
}

fn configuration(text: &str, peer: &Sink, host: &Sink) -> String {
    let mut config =
        CONFIG.replace("@OP-B@", &peer.address.to_string()).replace("@MAILHOST@", &host.address.to_string());
    let without = text.lines().any(|line| line == "@without tls");
    let tls = if without { String::new() } else { CERTIFICATES.section() + OP_D };
    config = config.replace("@tls@", &tls);
    for place in PLACES {
        let start = format!("@{place}: ");
        let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(&start)).collect();
        let lines = if place == "from" && lines.is_empty() { "127.0.0.1".into() } else { lines.join("\n") };
        config = config.replace(&format!("@{place}@"), &lines);
    }
    config
}

/// `\r`, `\n`, `\0`, `\t`, `\\` and `\xHH`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match (octet, octet == b'\\') {
            (plain, false) => plain,
            _ => match rest.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'0') => 0,
                Some(b'x') => {
                    let digits: String = rest.by_ref().take(2).map(char::from).collect();
                    u8::from_str_radix(&digits, 16).unwrap()
                }
                Some(other) => other,
                None => b'\\',
            },
        });
    }
    octets
}

/// Whether a line fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, line: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == line };
    let Some(mut left) = line.strip_prefix(start) else { return false };
    let pieces: Vec<&str> = rest.split('*').collect();
    let (last, middle) = pieces.split_last().unwrap();
    for piece in middle {
        let Some(at) = left.find(piece) else { return false };
        left = &left[at + piece.len()..];
    }
    left.ends_with(last)
}
