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
    for class in [Class::Moving, Class::Still] {
        let mut worker = workers.job(class).await.unwrap();
        let Reply::SelfTest(denials) = worker.ask(&Request::SelfTest, &[]).await.unwrap() else { panic!() };
        assert!(denials.len() >= 10 && denials.iter().all(|denial| denial.refused), "{denials:?}");
    }
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
    let first = workers.zygote(Class::Still).await.unwrap();
    kill_process(Pid::from_raw(i32::try_from(first).unwrap()).unwrap(), Signal::KILL).unwrap();
    let fault = worker.exchange(b"\"hang\"", &[]).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Crashed, "workers die with their parent");
    drop(worker);
    assert_works(&workers).await;
    assert_ne!(workers.zygote(Class::Still).await.unwrap(), first);
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

/// The processes that this one forked and that have not ended.
fn children(process: u32) -> Vec<i32> {
    let alive = |folder: std::fs::DirEntry| {
        let number = folder.file_name().to_str()?.parse().ok()?;
        let status = std::fs::read_to_string(folder.path().join("stat")).ok()?;
        // Past the name, which may hold anything: the state, then the parent.
        let mut fields = status.rsplit_once(") ")?.1.split(' ');
        let (state, parent) = (fields.next()?, fields.next()?);
        (state != "Z" && state != "X" && parent == process.to_string()).then_some(number)
    };
    std::fs::read_dir("/proc").unwrap().filter_map(|folder| alive(folder.ok()?)).collect()
}

/// The children of a process once there are so many.
async fn children_when(process: u32, wanted: usize) -> Vec<i32> {
    for _ in 0..500 {
        let found = children(process);
        if found.len() == wanted {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{wanted} children were awaited, there are {:?}", children(process));
}

fn number(worker: &Worker) -> i32 {
    use std::os::fd::AsRawFd as _;
    let at = format!("/proc/self/fdinfo/{}", worker.pidfd().as_raw_fd());
    let about = std::fs::read_to_string(at).unwrap();
    about.lines().find_map(|line| line.strip_prefix("Pid:")).unwrap().trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_waits_before_it_is_wanted_and_serves_one_message() {
    let Some(workers) = pool(|settings| settings.spares = 2).await else { return };
    let zygote = workers.zygote(Class::Still).await.unwrap();
    let mut served = Vec::new();
    for _ in 0..5 {
        let waiting = children_when(zygote, 2).await;
        let worker = workers.job(Class::Still).await.unwrap();
        let own = number(&worker);
        assert!(waiting.contains(&own), "{own} {waiting:?}");
        assert!(!served.contains(&own), "{own} {served:?}");
        served.push(own);
        assert_eq!(children_when(zygote, 3).await.iter().filter(|child| **child == own).count(), 1);
        drop(worker);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_never_more_processes_than_places_and_spares() {
    let Some(workers) = pool(|settings| (settings.workers, settings.spares) = (3, 2)).await else { return };
    let zygote = workers.zygote(Class::Still).await.unwrap();
    let jobs: Vec<_> = (0..24)
        .map(|_| {
            let workers = workers.clone();
            tokio::spawn(async move { assert_works(&workers).await })
        })
        .collect();
    let mut most = 0;
    while !jobs.iter().all(tokio::task::JoinHandle::is_finished) {
        most = most.max(children(zygote).len());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for job in jobs {
        job.await.unwrap();
    }
    // A killed worker gives its place to the next one while the kernel still takes it down.
    assert!(most <= 2 * 3 + 2, "{most}");
    children_when(zygote, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spare_that_died_is_given_to_nobody() {
    let Some(workers) = pool(|settings| settings.spares = 2).await else { return };
    let zygote = workers.zygote(Class::Still).await.unwrap();
    for spare in children_when(zygote, 2).await {
        kill_process(Pid::from_raw(spare).unwrap(), Signal::KILL).unwrap();
    }
    children_when(zygote, 0).await;
    assert_works(&workers).await;
    children_when(zygote, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spares_end_with_the_pool_and_with_a_job_that_gave_up_waiting_for_one() {
    let Some(workers) = pool(|settings| settings.spares = 2).await else { return };
    let zygote = workers.zygote(Class::Still).await.unwrap();
    children_when(zygote, 2).await;
    for _ in 0..50 {
        // Gives up at once, or while it waits, or when it has one.
        drop(tokio::time::timeout(Duration::from_micros(200), workers.job(Class::Still)).await);
    }
    drop(workers.job(Class::Still).await.unwrap());
    let spares = children_when(zygote, 2).await;
    drop(workers);
    for _ in 0..500 {
        if spares.iter().all(|spare| !std::path::Path::new(&format!("/proc/{spare}")).exists()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{spares:?} are left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_jobs_leave_no_descriptor_and_no_memory_behind() {
    let Some(workers) = pool(|_| {}).await else { return };
    let picture = cedrat::simulate::picture::png(48);
    let zygote = workers.zygote(Class::Still).await.unwrap();
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

/// Printed, not judged: machines differ. The first column is the way of a message that comes when
/// nobody else is served, the second one behind the other without a pause.
#[tokio::test(flavor = "multi_thread")]
async fn the_price_of_a_job_is_printed() {
    let Some(program) = worker() else { return };
    let begun = Instant::now();
    let events = cedrat::events::Events::new(None, false, None);
    let workers = Workers::start(Settings::new(program), events).await.unwrap();
    println!("start {:?}", begun.elapsed());
    for pause in [Duration::from_millis(20), Duration::ZERO] {
        let mut spent = Vec::new();
        for _ in 0..200 {
            tokio::time::sleep(pause).await;
            let begun = Instant::now();
            let mut worker = workers.job(Class::Still).await.unwrap();
            let had = begun.elapsed();
            let output = workers::empty().unwrap();
            let request = Request::Encode { keep: 0, max_octets: 1 };
            let reply = worker.ask(&request, &[output.as_fd()]).await.unwrap();
            assert!(matches!(reply, Reply::Made(results) if results[0].is_err()));
            drop(worker);
            spent.push((begun.elapsed(), had));
        }
        spent.sort();
        let (middle, late) = (spent[spent.len() / 2], spent[spent.len() * 99 / 100]);
        println!(
            "pause {pause:?}: empty job {:?} (of it until there is a worker {:?}), p99 {:?}",
            middle.0, middle.1, late.0
        );
    }
}
