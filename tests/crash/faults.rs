//! A device that fails under the whole gateway: faults injected into its system calls by strace. What the store alone
//! does about them is in `store::faults`; here it is what a peer is told, and what arrives after a restart.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::{
    Program, pair,
    peers::{Client, Load, Sink},
    verify,
};
use crate::harness::skipped;

const CALLS: &str = "trace=fsync,fdatasync,pwrite64,write,sendto,rename,renameat,renameat2";

/// Whether strace can do its work here; prints why not.
fn strace() -> bool {
    let tried = std::process::Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status();
    let works = tried.is_ok_and(|status| status.success());
    if !works {
        skipped("strace does not run");
    }
    works
}

/// A gateway that has its database already, so that the calls counted are those of its work.
fn made(directory: &Path) -> (Sink, Program) {
    let (sink, mut gateway) = pair(directory);
    gateway.start();
    gateway.signal(rustix::process::Signal::TERM);
    gateway.wait_for_end(Duration::from_secs(10));
    (sink, gateway)
}

/// Starts it on a sound device, and everything acknowledged arrives.
async fn recovers(mut gateway: Program, sink: &Sink, acknowledged: &[String]) {
    gateway.kill();
    gateway.start();
    gateway.drain(Duration::from_secs(30));
    verify(&gateway.store(None).await, acknowledged, &sink.arrivals()).await;
}

/// The trace, once the tracer, which outlives what it traces, has written all of it.
fn trace(gateway: &Program) -> String {
    let path = gateway.directory.join("trace");
    let (mut text, until) = (String::new(), Instant::now() + Duration::from_secs(5));
    loop {
        std::thread::sleep(Duration::from_millis(200));
        let now = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        if now.len() == text.len() && !now.is_empty() || Instant::now() > until {
            return now;
        }
        text = now;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_sync_no_peer_is_told_250_and_the_process_ends() {
    if !strace() {
        return;
    }
    for when in [3, 9] {
        let directory = tempfile::tempdir().unwrap();
        let (sink, mut gateway) = made(directory.path());
        let inject = format!("inject=fsync,fdatasync:error=EIO:when={when}+");
        let mut acknowledged = Vec::new();
        if gateway.start_traced("trace", &["-e", CALLS, "-e", &inject]) {
            let load = Load::start(&[gateway.port], 3);
            gateway.wait_for_end(Duration::from_secs(20));
            acknowledged = load.stop();
        }
        let trace = trace(&gateway);
        let (_, after) = trace.split_once("(INJECTED)").expect("the fault happened");
        // The reply to the end of a message; those to RCPT and EHLO have other texts.
        let late = after.lines().find(|line| line.contains("sendto(") && line.contains(" 2.0.0 Stored"));
        assert_eq!(late, None, "acknowledged after a failed sync");
        assert!(gateway.said().contains("ending without acknowledging anything"), "{}", gateway.said());
        recovers(gateway, &sink, &acknowledged).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_the_nth_sync_of_any_thread_everything_acknowledged_arrives() {
    if !strace() {
        return;
    }
    for when in [1, 2, 3, 5, 8, 13] {
        let directory = tempfile::tempdir().unwrap();
        let (sink, mut gateway) = made(directory.path());
        let inject = format!("inject=fsync,fdatasync:signal=SIGKILL:when={when}");
        let mut acknowledged = Vec::new();
        if gateway.start_traced("trace", &["-e", "trace=fsync,fdatasync", "-e", &inject]) {
            let load = Load::start(&[gateway.port], 3);
            gateway.wait_for_end(Duration::from_secs(20));
            acknowledged = load.stop();
        }
        recovers(gateway, &sink, &acknowledged).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_a_452_and_when_space_returns_messages_are_taken_again() {
    if !strace() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (sink, mut gateway) = made(directory.path());
    // Of every writing thread, calls 60 to 90 find no space. After the first refusal there is another thread.
    let inject = "inject=pwrite64:error=ENOSPC:when=60..90";
    assert!(gateway.start_traced("trace", &["-e", "trace=pwrite64", "-e", inject]), "{}", gateway.said());
    let mut client = Client::connect(gateway.port).unwrap();
    let (mut replies, mut acknowledged) = (Vec::new(), Vec::new());
    for number in 0..120 {
        let token = format!("full{number}");
        let reply = client.offer(&token, "anna@mail.test", 2_000).unwrap();
        if reply.starts_with("250") {
            acknowledged.push(token);
        }
        replies.push(reply);
    }
    let full = replies
        .iter()
        .position(|reply| reply.starts_with("452 4.3.1"))
        .unwrap_or_else(|| panic!("{replies:#?}"));
    assert!(replies[full..].iter().any(|reply| reply.starts_with("250")), "{replies:#?}");
    let other = replies.iter().find(|reply| !reply.starts_with("250") && !reply.starts_with("452 4.3.1"));
    assert_eq!(other, None);
    assert!(!gateway.ended());
    recovers(gateway, &sink, &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_body_that_cannot_be_kept_is_put_off_and_small_ones_are_taken() {
    if !strace() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (sink, mut gateway) = made(directory.path());
    let inject = "inject=rename,renameat,renameat2:error=EIO";
    assert!(gateway.start_traced("trace", &["-e", CALLS, "-e", inject]), "{}", gateway.said());
    let mut client = Client::connect(gateway.port).unwrap();
    let reply = client.offer("large", "anna@mail.test", 80_000).unwrap();
    assert!(reply.starts_with('4'), "{reply}");
    let reply = client.offer("small", "anna@mail.test", 2_000).unwrap();
    assert!(reply.starts_with("250"), "{reply}");
    gateway.kill();
    gateway.start();
    let mut client = Client::connect(gateway.port).unwrap();
    assert!(client.offer("large", "anna@mail.test", 80_000).unwrap().starts_with("250"));
    recovers(gateway, &sink, &["small".into(), "large".into()]).await;
}

/// Messages that a rule holds, so that nothing but their acceptance is committed.
#[test]
fn no_250_leaves_before_the_sync_of_its_row_and_of_its_blob_has_returned() {
    if !strace() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (_sink, mut gateway) = made(directory.path());
    assert!(gateway.start_traced("trace", &["-e", CALLS]), "{}", gateway.said());
    let mut client = Client::connect(gateway.port).unwrap();
    for number in 0..30 {
        let octets = if number % 5 == 4 { 80_000 } else { 2_000 };
        let reply = client.offer(&format!("order{number}"), "anna@held.test", octets).unwrap();
        assert!(reply.starts_with("250"), "{reply}");
    }
    gateway.kill();
    let trace = trace(&gateway);
    let (mut replies, mut renames) = (0, 0);
    let (mut wrote, mut synced, mut open_sync) = (false, false, Vec::new());
    for line in trace.lines() {
        let thread = line.split(' ').next().unwrap();
        // The name of an interrupted call stands in its first part, its result in the second.
        let sync_of_log = line.contains("sync(") && line.contains("queue.db-wal>");
        if line.contains("pwrite64(") && line.contains("queue.db-wal>") {
            (wrote, synced) = (true, false);
        } else if sync_of_log && line.contains("<unfinished") {
            open_sync.push(thread.to_owned());
        } else if sync_of_log && line.ends_with("= 0") {
            synced = true;
        } else if line.contains("sync resumed>") && open_sync.contains(&thread.to_owned()) {
            open_sync.retain(|other| other != thread);
            synced = true;
        } else if line.contains("rename") && line.contains("/blobs/") {
            renames += usize::from(!line.contains("<unfinished"));
        } else if line.contains("sendto(") && line.contains(" 2.0.0 Stored") {
            assert!(wrote && synced, "message {replies} was acknowledged before its sync:\n{line}");
            replies += 1;
            assert!(renames >= replies / 5, "message {replies} was acknowledged before its blob");
            (wrote, synced) = (false, false);
        }
    }
    assert_eq!((replies, renames), (30, 6), "{trace}");
}
