//! What the store does when the device fails, with faults injected into the system calls of a child by strace.
//!
//! The child is this test binary again. It stores messages one after another and says `ack N` only after the store
//! has acknowledged number N, so that the order of its words and of the failed calls in the trace is the proof.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Output},
};

use cedrat::store::{Op, Receipt, Settings, Store, StoreError};

use super::{body, delivery, message, now};
use crate::harness::skipped;

const DIRECTORY: &str = "CEDRAT_STORE_CHILD";
const MESSAGES: usize = 40;

/// Not a test of its own: the child.
#[tokio::test]
#[ignore = "runs as the child of the other tests"]
async fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let store = Store::open(Settings::sqlite(Path::new(&directory).join("cedrat.db"))).await.unwrap();
    // The harness has begun a line.
    say("\n");
    for number in 0..MESSAGES {
        let mut received = message(&store).await;
        received.message_id = format!("{number}@child.test");
        let octets = vec![b'x'; if number % 10 == 9 { 100_000 } else { 10_000 }];
        let answer = match store.keep(octets.into()).await {
            Ok(kept) => {
                received.body = kept;
                let one = delivery(&store, received.id, "d");
                store.submit(Op::at(now()).message(received).delivery(one)).await
            }
            Err(error) => Err(error),
        };
        match answer {
            Ok(receipt) => {
                assert_eq!(receipt, Receipt::Stored);
                say(&format!("ack {number}\n"));
            }
            Err(error) => {
                assert!(error.is_temporary(), "{error}");
                let full = matches!(error, StoreError::Full { .. });
                say(&format!("{} {number}\n", if full { "full" } else { "refused" }));
            }
        }
    }
    say("end\n");
}

/// One write call a line, past the capture of the test harness, so that strace sees the order.
fn say(line: &str) {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(line.as_bytes()).unwrap();
    stdout.flush().unwrap();
}

/// Runs the child with one fault. None, with the reason printed, where strace does not work.
fn run(directory: &Path, inject: &str) -> Option<(Output, String)> {
    let trace = directory.join("trace");
    let output = Command::new("strace")
        .args(["-f", "-qq", "-o"])
        .arg(&trace)
        .args(["-e", "trace=fsync,fdatasync,write,pwrite64,rename,renameat2", "-e", inject])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "store::faults::child", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, directory)
        .env("RUST_BACKTRACE", "0")
        .output();
    let reason = match output {
        Ok(output) => match std::fs::read_to_string(&trace) {
            Ok(trace) if !trace.is_empty() => return Some((output, trace)),
            _ => String::from_utf8_lossy(&output.stderr).into_owned(),
        },
        Err(error) => error.to_string(),
    };
    skipped(&format!("strace does not run: {reason}"));
    None
}

/// The acknowledged numbers.
fn acknowledged(output: &Output) -> Vec<usize> {
    let said = String::from_utf8_lossy(&output.stdout);
    said.lines().filter_map(|line| line.strip_prefix("ack ")?.parse().ok()).collect()
}

/// Opens the store again and finds every acknowledged message with its octets.
async fn all_there(directory: &Path, acknowledged: &[usize]) {
    let store = Store::open(Settings::sqlite(directory.join("cedrat.db"))).await.unwrap();
    for number in acknowledged {
        let found = store.messages_named(&format!("{number}@child.test")).await.unwrap();
        assert_eq!(found.len(), 1, "message {number}");
        let octets = store.body(found[0]).await.unwrap().unwrap();
        assert!(octets.len() >= 10_000 && octets.iter().all(|octet| *octet == b'x'));
    }
    // A new message is accepted.
    let mut received = message(&store).await;
    received.body = body(&store, &[1; 100_000]).await;
    assert_eq!(store.submit(Op::at(now()).message(received)).await.unwrap(), Receipt::Stored);
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_acknowledged_and_the_process_ends() {
    for when in [9, 14, 23] {
        let directory = tempfile::tempdir().unwrap();
        let inject = format!("inject=fsync,fdatasync:error=EIO:when={when}+");
        let Some((output, trace)) = run(directory.path(), &inject) else { return };
        let (_, after) = trace.split_once("(INJECTED)").expect("the fault happened");
        assert!(!after.contains("write(1, \"ack"), "acknowledged after a failed sync:\n{after}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("end"));
        let last = String::from_utf8_lossy(&output.stderr);
        assert!(last.contains("ending without acknowledging anything"), "{last}");
        assert!(!output.status.success());
        all_there(directory.path(), &acknowledged(&output)).await;
    }
}

#[tokio::test]
async fn killed_at_any_sync_everything_acknowledged_is_there() {
    for when in 1..=24 {
        let directory = tempfile::tempdir().unwrap();
        let inject = format!("inject=fsync,fdatasync:signal=SIGKILL:when={when}");
        let Some((output, _)) = run(directory.path(), &inject) else { return };
        all_there(directory.path(), &acknowledged(&output)).await;
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_when_space_returns_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    // Of every writing thread, calls 60 to 90 find no space. After the first refusal there is another thread.
    let Some((output, _)) = run(directory.path(), "inject=pwrite64:error=ENOSPC:when=60..90") else { return };
    let said = String::from_utf8_lossy(&output.stdout);
    let fault = String::from_utf8_lossy(&output.stderr);
    let (_, after) = said.split_once("full ").unwrap_or_else(|| panic!("{said}\n{fault}"));
    assert!(after.contains("ack ") && after.contains("end"), "{said}\n{fault}");
    all_there(directory.path(), &acknowledged(&output)).await;
}

#[tokio::test]
async fn a_blob_that_cannot_be_renamed_is_refused_and_the_rest_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let inject = "inject=rename,renameat2:error=EIO";
    let Some((output, _)) = run(directory.path(), inject) else { return };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("refused 9") && said.contains("ack 10") && said.contains("end"), "{said}");
    all_there(directory.path(), &acknowledged(&output)).await;
}

#[tokio::test]
async fn every_acknowledgement_follows_the_sync_of_its_message() {
    let directory = tempfile::tempdir().unwrap();
    let Some((output, trace)) = run(directory.path(), "inject=none:error=EIO") else { return };
    assert_eq!(acknowledged(&output).len(), MESSAGES);
    let mut synced = false;
    for line in trace.lines() {
        // The name of an interrupted call stands in its first part, its result in the second.
        let returned = line.contains("sync(") && line.ends_with("= 0") || line.contains("sync resumed>");
        if line.contains("write(1, \"ack") {
            assert!(synced, "acknowledged without a sync:\n{line}");
            synced = false;
        } else if line.contains("pwrite64(") {
            synced = false;
        } else if returned {
            synced = true;
        }
    }
}
