//! Messages that other systems have made, through the running gateway both ways, and Python's email
//! package as the judge of what has arrived.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::programs::{present, run};
use crate::harness::{Gateway, Received, Script, Sink};

/// The messages of a folder of the collections, which are not part of this repository.
fn messages(folder: &str) -> Vec<(String, Vec<u8>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors").join(folder);
    let Ok(entries) = std::fs::read_dir(&path) else {
        println!("skipped: there is no {}", path.display());
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_none_or(|ending| ["mail", "eml"].iter().any(|it| ending == *it)));
    files.sort();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), crlf(&std::fs::read(path).unwrap()))).collect()
}

/// With the line ends of the wire.
fn crlf(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len() + octets.len() / 40);
    for octet in octets.iter().filter(|octet| **octet != b'\r') {
        if *octet == b'\n' {
            out.push(b'\r');
        }
        out.push(*octet);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Sends octets with BDAT; the reply.
async fn send(script: &mut Script, from: &str, to: &str, octets: &[u8]) -> String {
    script.say(&format!("MAIL FROM:<{from}> BODY=8BITMIME")).await;
    let reply = script.say(&format!("RCPT TO:<{to}>")).await;
    assert!(reply.starts_with("250"), "{to}: {reply}");
    script.send(format!("BDAT {} LAST\r\n", octets.len()).as_bytes()).await;
    script.send(octets).await;
    script.reply().await
}

/// What Python finds in messages.
async fn described(python: &Path, directory: &Path, messages: &[Vec<u8>]) -> Vec<Value> {
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/parts.py"));
    for (n, message) in messages.iter().enumerate() {
        let path = directory.join(format!("{n}.eml"));
        std::fs::write(&path, message).unwrap();
        command.arg(path);
    }
    let output = run(command).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
        .stdout
        .split(|octet| *octet == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}

/// What is in `before` and not in `after`.
fn lost(before: &Value, after: &Value, what: &str) -> Vec<String> {
    let all = |of: &Value| of[what].as_array().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
    let after = all(after);
    all(before).into_iter().filter(|one| !after.contains(one)).collect()
}

fn number(n: usize) -> String {
    format!("+4477009{n:05}")
}

/// The one that was sent for this number.
async fn got_for(sink: &Sink, what: &str, n: usize) -> Received {
    sink.find(what, |one| one.to.iter().any(|to| to.contains(&number(n)))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_and_media_of_every_mail_arrive_as_an_mms_and_come_back_as_a_mail() {
    let Some(python) = present("python3") else { return };
    let mut mails = messages("mms2r/mails");
    mails.extend(messages("email/tika"));
    if mails.is_empty() {
        return;
    }
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mail()).await;
    let mut faults = Vec::new();
    let (mut names, mut sent, mut arrived) = (Vec::new(), Vec::new(), Vec::new());
    for (n, (name, mail)) in mails.into_iter().enumerate() {
        let to = format!("{}@mms.gw.test", number(n));
        let reply = send(&mut script, &format!("s{n}@example.test"), &to, &mail).await;
        if !reply.starts_with("250") {
            faults.push(format!("{name}: {reply}"));
            continue;
        }
        arrived.push(got_for(&peer, &name, n).await.octets);
        names.push(name);
        sent.push(mail);
    }
    // Back again: the MMS as the peer has it, sent to a mail user by somebody of the peer.
    let mut script = Script::hello(gateway.mm4()).await;
    let mut returned = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let to = format!("back{n}@example.test");
        let reply = send(&mut script, "+447700900001/TYPE=PLMN@mmsc.op-b.test", &to, &arrived[n]).await;
        assert!(reply.starts_with("250"), "{name} back: {reply}");
        let got = host.find(name, |one| one.to.iter().any(|it| it.contains(&to))).await;
        returned.push(got.octets);
    }
    let directory = gateway.directory.path();
    let before = described(&python, directory, &sent).await;
    let between = described(&python, directory, &arrived).await;
    let after = described(&python, directory, &returned).await;
    for (n, name) in names.iter().enumerate() {
        if between[n]["type"] != "MM4_forward.REQ" {
            faults.push(format!("{name}: {}", between[n]["type"]));
        }
        for (way, found) in [("as an MMS", &between[n]), ("as a mail again", &after[n])] {
            for what in ["media", "words"] {
                let lost = lost(&before[n], found, what);
                if !lost.is_empty() {
                    faults.push(format!("{name}: {way} without {what} {lost:?}"));
                }
            }
            if before[n]["words"].as_array().unwrap().is_empty() {
                // HTML alone becomes text; whatever else it does, most of its words are there.
                let all = before[n]["html"].as_array().unwrap().len();
                let words = serde_json::json!({ "html": found["words"] });
                let gone = lost(&before[n], &words, "html").len();
                if gone * 4 > all {
                    faults.push(format!("{name}: {way} without {gone} of {all} words of HTML"));
                }
            }
        }
    }
    println!("{} messages", names.len());
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mm4_message_of_other_makes_is_understood() {
    let Some(python) = present("python3") else { return };
    let all = messages("mm4");
    if all.is_empty() {
        return;
    }
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let gateway = Gateway::start(peer.address, host.address, "").await;
    let mut script = Script::hello(gateway.mm4()).await;
    let mut requests = 0;
    for (n, (name, octets)) in all.into_iter().enumerate() {
        if !name.contains("-req-") {
            let reply = send(&mut script, "", "system-user@mmsc.gw.test", &octets).await;
            assert!(reply.starts_with("250"), "{name}: {reply}");
            continue;
        }
        requests += 1;
        let from = "+15551230001/TYPE=PLMN@mmsc.op-b.test";
        let to = format!("bob{n}@example.test");
        let reply = send(&mut script, from, &to, &octets).await;
        assert!(reply.starts_with("250"), "{name}: {reply}");
        let mail = host.find(&name, |one| one.to[0].contains(&to)).await;
        let number = number(n);
        let reply = send(&mut script, from, &format!("{number}/TYPE=PLMN@mmsc.gw.test"), &octets).await;
        assert!(reply.starts_with("250"), "{name} in transit: {reply}");
        let transit = got_for(&peer, &name, n).await;
        let body =
            |octets: &[u8]| String::from_utf8_lossy(octets).split_once("\r\n\r\n").unwrap().1.to_owned();
        assert_eq!(body(&transit.octets), body(&octets), "{name}: the body is as it was");
        let found = described(&python, gateway.directory.path(), &[octets, mail.octets]).await;
        assert_eq!(lost(&found[0], &found[1], "media"), Vec::<String>::new(), "{name}");
        assert_eq!(lost(&found[0], &found[1], "words"), Vec::<String>::new(), "{name}");
    }
    assert!(requests > 0);
}
