//! Workers that do what they should, and workers that crash, hang, eat and lie: each costs its own
//! job, and the next one finds a worker.

use std::{
    os::fd::AsFd as _,
    time::{Duration, Instant},
};

use cedrat::workers::{self, Class, Settings, Worker, Workers};
use cedrat_plan::{
    facts::{self, Claim, Detail},
    format::Format,
    job::{Fault, FaultKind, Made, Reply, Request, StillTarget, Target},
    limits::Limits,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, Signal, kill_process, pidfd_send_signal},
};

use super::pool;
use crate::harness::worker;

/// Asks a worker for a picture of at most so many pixels and octets.
async fn convert(worker: &mut Worker, octets: &[u8], side: u32, most: u64) -> Result<(Made, Vec<u8>), Fault> {
    let limits = Limits::default();
    let facts = facts::read(octets, &Claim::default(), &limits);
    let target = StillTarget {
        format: Format::Jpeg,
        max_width: side,
        max_height: side,
        max_octets: most,
        max_colours: 0,
        progressive: false,
        animated: false,
        keep_metadata: false,
        best: false,
    };
    let (part, output) = (workers::memory(octets)?, workers::empty()?);
    let request = Request::Convert { facts, targets: vec![Target::Still(target)], limits };
    match worker.ask(&request, &[part.as_fd(), output.as_fd()]).await? {
        Reply::Made(mut results) => {
            let made = results.remove(0)?;
            Ok((made, workers::take(&output, most)?.to_vec()))
        }
        other => panic!("{other:?}"),
    }
}

/// A picture comes out of a new worker: all is well.
async fn assert_works(workers: &Workers) {
    let mut worker = workers.job(Class::Still).await.unwrap();
    let (made, octets) =
        convert(&mut worker, &cedrat::simulate::picture::png(200), 100, 20_000).await.unwrap();
    assert!(octets.starts_with(b"\xff\xd8\xff"));
    let Detail::Picture(picture) = made.facts.detail else { panic!("{made:?}") };
    assert_eq!((picture.width, picture.height), (100, 100));
}

/// How a worker ends that is told to do this.
async fn fault(workers: &Workers, deed: &str) -> Fault {
    let mut worker = workers.job(Class::Still).await.unwrap();
    let fault = worker.exchange(format!("\"{deed}\"").as_bytes(), &[]).await.unwrap_err();
    assert!(!worker.is_idle());
    assert_eq!(worker.ask(&Request::SelfTest, &[]).await.unwrap_err().kind, FaultKind::Crashed);
    fault
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_refuses_everything_that_is_tried() {
    let Some(program) = worker() else { return };
    let hello = workers::examine(&Settings::new(program)).await.unwrap();
    assert_eq!(workers::complaint(&hello), None);
    assert!(hello.sandbox.denials.len() >= 12, "{hello:?}");
    assert!(hello.sandbox.denials.iter().all(|denial| denial.refused), "{hello:?}");
    let Some(workers) = pool(|_| {}).await else { return };
    let mut worker = workers.job(Class::Moving).await.unwrap();
    let Reply::SelfTest(denials) = worker.ask(&Request::SelfTest, &[]).await.unwrap() else { panic!() };
    assert!(denials.len() >= 10 && denials.iter().all(|denial| denial.refused), "{denials:?}");
    assert!(!std::path::Path::new("cedrat-probe").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_made_smaller_by_a_worker_that_then_makes_another_one() {
    let Some(workers) = pool(|_| {}).await else { return };
    let mut worker = workers.job(Class::Still).await.unwrap();
    for (side, most) in [(120, 9_000), (64, 4_000)] {
        let (made, octets) =
            convert(&mut worker, &cedrat::simulate::picture::png(400), side, most).await.unwrap();
        assert_eq!(made.facts.octets, octets.len() as u64);
        assert!(octets.len() as u64 <= most);
        let facts = facts::read(&octets, &Claim::default(), &Limits::default());
        assert_eq!(facts.format, Format::Jpeg);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_says_of_what_and_the_next_job_works() {
    let Some(workers) = pool(|_| {}).await else { return };
    for (deed, kind, words) in [
        ("abort", FaultKind::Crashed, "signal"),
        ("stack", FaultKind::Crashed, "signal"),
        ("panic", FaultKind::Crashed, "code 101"),
        ("exec", FaultKind::Crashed, "sandbox"),
        ("allocate", FaultKind::OutOfMemory, "memory"),
        ("nonsense", FaultKind::Crashed, "code 114"),
    ] {
        let fault = fault(&workers, deed).await;
        assert_eq!(fault.kind, kind, "{deed}: {fault:?}");
        assert!(fault.detail.contains(words), "{deed}: {fault:?}");
        assert_works(&workers).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_worker_is_killed_at_its_deadline_and_a_spinning_one_at_its_processor_time() {
    let Some(workers) = pool(|settings| settings.deadline = Duration::from_millis(200)).await else { return };
    let mut worker = workers.job(Class::Still).await.unwrap();
    let pidfd = worker.pidfd().try_clone_to_owned().unwrap();
    let begun = Instant::now();
    let late = worker.exchange(b"\"hang\"", &[]).await.unwrap_err();
    assert_eq!(late.kind, FaultKind::TooSlow);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop(worker);
    assert!(is_dead(&pidfd));
    let Some(workers) = pool(|settings| settings.cpu = Duration::from_secs(1)).await else { return };
    let late = fault(&workers, "spin").await;
    assert_eq!((late.kind, late.detail.contains("processor time")), (FaultKind::TooSlow, true), "{late:?}");
    assert_works(&workers).await;
}

/// Whether the process ends soon.
fn is_dead(pidfd: &std::os::fd::OwnedFd) -> bool {
    let patience = Timespec { tv_sec: 5, tv_nsec: 0 };
    poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&patience)).unwrap() == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_in_the_middle_of_a_job_costs_that_job_only() {
    let Some(workers) = pool(|_| {}).await else { return };
    let mut worker = workers.job(Class::Still).await.unwrap();
    let pidfd = worker.pidfd().try_clone_to_owned().unwrap();
    let job = tokio::spawn(async move { worker.exchange(b"\"hang\"", &[]).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    pidfd_send_signal(&pidfd, Signal::KILL).unwrap();
    let fault = job.await.unwrap().unwrap_err();
    assert_eq!(fault.kind, FaultKind::Crashed);
    assert!(fault.detail.contains("signal 9"), "{fault:?}");
    assert_works(&workers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_nobody_waits_for_any_more_is_killed() {
    let Some(workers) = pool(|_| {}).await else { return };
    let mut worker = workers.job(Class::Still).await.unwrap();
    let pidfd = worker.pidfd().try_clone_to_owned().unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(50), worker.exchange(b"\"hang\"", &[])).await;
    assert!(waited.is_err());
    assert!(!worker.is_idle(), "its answer would be that to another question");
    drop(worker);
    assert!(is_dead(&pidfd));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_process_that_forks_jobs_fail_and_then_it_is_there_again() {
    let Some(workers) = pool(|_| {}).await else { return };
    let mut worker = workers.job(Class::Still).await.unwrap();
    let first = workers.zygote().await.unwrap();
    kill_process(Pid::from_raw(i32::try_from(first).unwrap()).unwrap(), Signal::KILL).unwrap();
    let fault = worker.exchange(b"\"hang\"", &[]).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Crashed, "workers die with their parent");
    drop(worker);
    assert_works(&workers).await;
    assert_ne!(workers.zygote().await.unwrap(), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_killed_two_workers_meets_no_third() {
    let Some(workers) = pool(|_| {}).await else { return };
    let part = cedrat::simulate::picture::png(64);
    for attempt in 0..4 {
        let mut worker = workers.job(Class::Still).await.unwrap();
        if attempt < 2 {
            pidfd_send_signal(worker.pidfd(), Signal::KILL).unwrap();
        }
        let fault = convert(&mut worker, &part, 32, 5_000).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Crashed);
        assert_eq!(fault.detail.contains("before"), attempt >= 2, "{attempt}: {fault:?}");
        assert_eq!(worker.is_idle(), attempt >= 2, "the worker is not even asked");
    }
    // Other parts are, also of the same length.
    assert_works(&workers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_jobs_leave_no_descriptor_and_no_memory_behind() {
    let Some(workers) = pool(|_| {}).await else { return };
    let picture = cedrat::simulate::picture::png(48);
    let zygote = workers.zygote().await.unwrap();
    let mut before = None;
    for number in 0..550 {
        let mut worker = workers.job(Class::Still).await.unwrap();
        if number % 10 == 0 {
            worker.exchange(b"\"abort\"", &[]).await.unwrap_err();
        } else if number % 2 == 0 {
            convert(&mut worker, &picture, 24, 4_000).await.unwrap();
        }
        if number == 50 {
            before = Some(Footprint::of(zygote));
        }
    }
    let (before, after) = (before.unwrap(), Footprint::settled(zygote).await);
    assert!(after.descriptors <= before.descriptors + 2, "{before:?} {after:?}");
    assert!(after.resident_kb <= before.resident_kb + 512, "{before:?} {after:?}");
    assert!(own_memory_files() < 100, "{}", own_memory_files());
}

/// What a process holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Footprint {
    pub(super) descriptors: usize,
    pub(super) resident_kb: u64,
}

impl Footprint {
    pub(super) fn of(process: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        let resident_kb = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        let descriptors = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count();
        Self { descriptors, resident_kb }
    }

    /// The same when the last workers had time to end.
    pub(super) async fn settled(process: u32) -> Self {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Self::of(process)
    }
}

/// Memory files of parts that this process holds, over all tests that run now.
pub(super) fn own_memory_files() -> usize {
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter(|target| target.to_string_lossy().contains("cedrat-part"))
        .count()
}

/// Printed, not judged: machines differ.
#[tokio::test(flavor = "multi_thread")]
async fn the_price_of_a_job_is_printed() {
    let Some(program) = worker() else { return };
    let begun = Instant::now();
    let workers =
        Workers::start(Settings::new(program), cedrat::events::Events::new(None, false, None)).await;
    let (workers, start) = (workers.unwrap(), begun.elapsed());
    const JOBS: u32 = 200;
    let mut spent = [Duration::ZERO; 2];
    for _ in 0..JOBS {
        let begun = Instant::now();
        let mut worker = workers.job(Class::Still).await.unwrap();
        spent[0] += begun.elapsed();
        let output = workers::empty().unwrap();
        let reply = worker.ask(&Request::Encode { keep: 0, max_octets: 1 }, &[output.as_fd()]).await.unwrap();
        assert!(matches!(reply, Reply::Made(results) if results[0].is_err()));
        drop(worker);
        spent[1] += begun.elapsed();
    }
    println!("start {start:?}, fork {:?}, empty job {:?}", spent[0] / JOBS, spent[1] / JOBS);
}
