//! Two gateways on one PostgreSQL with one directory of blobs: one is killed, one is paused for longer than its lease.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{
    LEASE, Program,
    peers::{Load, Sink},
    verify,
};
use crate::store::postgres::schema;

/// The nodes `a` and `b`; none on a machine without PostgreSQL.
async fn two_nodes(directory: &Path, sink: &Sink) -> Option<(String, Program, Program)> {
    let url = schema().await?;
    let blobs = directory.join("blobs");
    let store = format!("[store]\nurl = {url:?}\nblobs = {:?}", blobs.display().to_string());
    let node = |name| Program::new(&directory.join(name), name, sink.port, &store);
    Some((url, node("a"), node("b")))
}

/// Leases move when they are over and somebody looks, which a node does six times in a lease; the
/// rest is what the deliveries themselves take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(LEASE.as_secs() + LEASE.as_secs() / 6 + 5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_one_is_killed_and_the_other_delivers_what_it_had() {
    let (sink, directory) = (Sink::start(), tempfile::tempdir().unwrap());
    let Some((url, mut a, mut b)) = two_nodes(directory.path(), &sink).await else { return };
    // Slow enough that both have deliveries under way at any moment.
    sink.pace(Duration::from_millis(60));
    a.start();
    b.start();
    let load = Load::start(&[a.port, b.port], 8);
    std::thread::sleep(Duration::from_secs(3));
    a.kill();
    std::thread::sleep(Duration::from_secs(1));
    let acknowledged = load.stop();
    sink.pace(Duration::ZERO);
    let took = b.drain(PATIENCE);
    let verdict = verify(&b.store(Some(&url)).await, &acknowledged, &sink.arrivals()).await;
    println!("killed: {verdict:?}, empty {took:.1?} after the end of the load");
    assert!(verdict.uncertain > 0, "the kill hit no delivery under way");
    assert!(b.log().contains("\"type\":\"Recovered\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_paused_for_longer_than_its_lease_loses_its_late_results() {
    let (sink, directory) = (Sink::start(), tempfile::tempdir().unwrap());
    let Some((url, mut a, mut b)) = two_nodes(directory.path(), &sink).await else { return };
    sink.pace(Duration::from_millis(60));
    a.start();
    b.start();
    let load = Load::start(&[a.port, b.port], 8);
    std::thread::sleep(Duration::from_secs(3));
    a.signal(Signal::STOP);
    let paused = Instant::now();
    // Its peers wait, the other node goes on and takes over.
    std::thread::sleep(PATIENCE);
    a.signal(Signal::CONT);
    println!("paused for {:.1?}", paused.elapsed());
    std::thread::sleep(Duration::from_secs(1));
    let acknowledged = load.stop();
    sink.pace(Duration::ZERO);
    b.drain(PATIENCE);
    let verdict = verify(&b.store(Some(&url)).await, &acknowledged, &sink.arrivals()).await;
    println!("paused: {verdict:?}");
    assert!(verdict.uncertain > 0, "the pause hit no delivery under way");
    let fenced = a.log().lines().filter(|line| line.contains("\"what\":\"lease\"")).count();
    assert!(fenced > 0, "no result of the paused node was fenced:\n{}", a.log());
}
