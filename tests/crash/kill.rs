//! SIGKILL at random moments, the whole gateway under load, a sink that misbehaves.

use std::time::Duration;

use super::{
    pair,
    peers::{Load, Lot},
    verify,
};

/// Eight kills; a long run sets `CEDRAT_CRASH_KILLS` (bench/crash.py).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_everything_acknowledged_arrives_and_every_duplicate_was_counted() {
    let kills: u64 = std::env::var("CEDRAT_CRASH_KILLS").map_or(8, |kills| kills.parse().unwrap());
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let lot = Lot::new(seed);
    let directory = tempfile::tempdir().unwrap();
    let (sink, mut gateway) = pair(directory.path());
    sink.misbehave([3, 2, 5]);
    gateway.start();
    let load = Load::start(&[gateway.port], 6);
    for _ in 0..kills {
        let before = load.count();
        std::thread::sleep(Duration::from_millis(30 + lot.draw(600)));
        while load.count() == before {
            std::thread::sleep(Duration::from_millis(1));
        }
        gateway.kill();
        gateway.start();
        if lot.draw(4) == 0 {
            // What was put off is due again while the next kill comes near.
            gateway.queue(&["retry", "--state", "waiting", "--reason", "sooner"]);
        }
    }
    let acknowledged = load.stop();
    sink.misbehave([0, 0, 0]);
    gateway.drain(Duration::from_secs(60));
    let verdict = verify(&gateway.store(None).await, &acknowledged, &sink.arrivals()).await;
    let recovered: u64 = gateway
        .log()
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|event| event["type"] == "Recovered")
        .filter_map(|event| event["deliveries"].as_u64())
        .sum();
    println!("{kills} kills: {verdict:?}, {recovered} taken back at a start");
    assert!(recovered > 0, "no kill hit a delivery under way");
}
