//! Damaged media through the real workers, each file in a worker of its own: whatever the octets
//! are, there is a result or a fault, in time, and nothing is left behind.
//!
//! Five hundred files here; `./dev bench hostile --files 100000` runs as many as it says, from the
//! one that it says. The same number gives the same file, as far as FFmpeg and ImageMagick make the
//! same seeds; those that they cannot make are left out.

use std::{
    collections::BTreeMap,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use cedrat::workers::{self, Class, Workers};
use cedrat_plan::{
    facts::{self, Claim},
    format::{Format, Kind, SoundCodec, VideoCodec},
    job::{FaultKind, Reply, Request, SoundTarget, StillTarget, Target, VideoTarget},
    limits::Limits,
};

use super::{
    pool,
    workers::{Footprint, own_memory_files},
};

const FILES: u64 = 500;

/// Octets that a result may have.
const MOST: u64 = 100_000;

/// Repeatable chance (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }
}

/// Small files of every format that can be made on this machine.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![cedrat::simulate::picture::png(40), b"#!AMR\n".to_vec(), Vec::new()];
    seeds[1].extend([0x3c; 320]);
    let folder = tempfile::tempdir().unwrap();
    let png = folder.path().join("seed.png");
    std::fs::write(&png, cedrat::simulate::picture::png(96)).unwrap();
    for name in ["a.jpg", "p.jpg", "a.gif", "a.webp", "a.bmp", "a.tif", "a.heic", "a.avif", "moving.gif"] {
        let out = folder.path().join(name);
        let mut command = Command::new("convert");
        command.arg(&png);
        match name {
            "p.jpg" => drop(command.args(["-interlace", "plane"])),
            "moving.gif" => drop(command.args(["(", "+clone", "-negate", ")", "-loop", "0"])),
            _ => {}
        }
        made(command.arg(&out), &out, &mut seeds);
    }
    let clip =
        ["-f", "lavfi", "-i", "testsrc=s=176x144:r=15:d=1", "-f", "lavfi", "-i", "sine=d=1", "-shortest"];
    let tone = ["-f", "lavfi", "-i", "sine=d=1"];
    let streams: [(&str, &[&str], &[&str]); 14] = [
        ("h264.mp4", &clip, &["-c:v", "libx264", "-c:a", "aac", "-pix_fmt", "yuv420p"]),
        ("hevc.mp4", &clip, &["-c:v", "libx265", "-c:a", "aac", "-pix_fmt", "yuv420p"]),
        ("h263.3gp", &clip, &["-c:v", "h263", "-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1"]),
        ("mpeg4.mov", &clip, &["-c:v", "mpeg4", "-c:a", "aac"]),
        ("vp8.webm", &clip, &["-c:v", "libvpx", "-c:a", "libvorbis"]),
        ("vp9.mkv", &clip, &["-c:v", "libvpx-vp9", "-c:a", "libopus"]),
        ("av1.mp4", &clip, &["-c:v", "libaom-av1", "-cpu-used", "8", "-an"]),
        ("m.avi", &clip, &["-c:v", "mjpeg", "-c:a", "pcm_s16le"]),
        ("m.mpg", &clip, &["-c:v", "mpeg2video", "-c:a", "mp2", "-r", "25"]),
        ("a.wav", &tone, &["-c:a", "pcm_s16le"]),
        ("a.mp3", &tone, &["-c:a", "libmp3lame"]),
        ("a.m4a", &tone, &["-c:a", "aac"]),
        ("a.ogg", &tone, &["-c:a", "libopus"]),
        ("a.flac", &tone, &["-c:a", "flac"]),
    ];
    for (name, input, coding) in streams {
        let out = folder.path().join(name);
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-y"]).args(input).args(coding);
        made(command.arg(&out), &out, &mut seeds);
    }
    seeds
}

fn made(command: &mut Command, out: &Path, seeds: &mut Vec<Vec<u8>>) {
    let done = command.output().is_ok_and(|output| output.status.success());
    match std::fs::read(out) {
        Ok(octets) if done => seeds.push(octets),
        _ => println!("no seed {}", out.file_name().unwrap().display()),
    }
}

/// One to six changes, most of them near the front where headers are.
fn mutate(seeds: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut octets = seeds[chance.below(seeds.len())].clone();
    for _ in 0..=chance.below(6) {
        let reach = if chance.below(3) > 0 { octets.len().min(600) } else { octets.len() };
        let at = chance.below(reach);
        let length = chance.below(64).min(octets.len() - at);
        match chance.below(8) {
            0 if at < octets.len() => octets[at] ^= 1 << chance.below(8),
            1 if at < octets.len() => octets[at] = chance.next() as u8,
            2 => {
                // A number that is too large, or just at a border.
                let numbers = [u32::MAX, 0x7fff_ffff, 0x8000_0000, 0xffff, 0x1_0000, 0, 1];
                let number = numbers[chance.below(numbers.len())];
                let number = if chance.below(2) == 0 { number.to_be_bytes() } else { number.to_le_bytes() };
                for (place, value) in octets.iter_mut().skip(at).zip(number) {
                    *place = value;
                }
            }
            3 => octets.truncate(at),
            4 => drop(octets.drain(at..at + length)),
            5 => {
                let piece = octets[at..at + length].to_vec();
                octets.splice(at..at, piece);
            }
            6 => octets[at..at + length].fill(0),
            _ => {
                let other = &seeds[chance.below(seeds.len())];
                let from = chance.below(other.len());
                let piece = &other[from..(from + length).min(other.len())];
                octets.splice(at..at, piece.iter().copied());
            }
        }
    }
    octets
}

fn targets(kind: Kind, chance: &mut Chance) -> Vec<Target> {
    let still = StillTarget {
        format: [Format::Jpeg, Format::Gif, Format::Png, Format::Wbmp][chance.below(4)],
        max_width: 64,
        max_height: 64,
        max_octets: MOST,
        max_colours: 0,
        progressive: false,
        animated: chance.below(2) == 0,
        keep_metadata: chance.below(4) == 0,
        best: false,
    };
    let sound = Target::Sound(SoundTarget {
        format: Format::Amr,
        codec: SoundCodec::Amr,
        max_rate: 8000,
        max_channels: 1,
        max_bit_rate: 0,
        max_octets: MOST,
        max_duration_ms: 0,
        may_cut: true,
    });
    let video = Target::Video(VideoTarget {
        format: Format::ThreeGp,
        codec: VideoCodec::H263,
        level: 0,
        max_width: 128,
        max_height: 96,
        max_millihertz: 10_000,
        max_bit_rate: 0,
        sound: Some(SoundCodec::Amr),
        max_octets: MOST,
        max_duration_ms: 0,
        may_cut: true,
    });
    match kind {
        Kind::Picture if chance.below(3) == 0 => vec![Target::Strip],
        Kind::Picture => vec![Target::Still(still)],
        Kind::Video => vec![Target::Poster(StillTarget { format: Format::Jpeg, ..still }), video],
        Kind::Sound => vec![sound],
        // Who plans sends none of these; whoever is in the middle might.
        _ => vec![if chance.below(2) == 0 { sound } else { Target::Still(still) }],
    }
}

/// What became of one file: `made`, or the kind of fault.
async fn judge(workers: &Workers, octets: &[u8], chance: &mut Chance) -> Vec<String> {
    let limits = Limits::default();
    let facts = facts::read(octets, &Claim::default(), &limits);
    let targets = targets(facts.format.kind(), chance);
    let outputs: Vec<OwnedFd> = targets.iter().map(|_| workers::empty().unwrap()).collect();
    let part = workers::memory(octets).unwrap();
    let mut files: Vec<BorrowedFd<'_>> = vec![part.as_fd()];
    files.extend(outputs.iter().map(|output| output.as_fd()));
    let still = facts.format.kind() == Kind::Picture && facts.format != Format::Avif;
    let class = if still { Class::Still } else { Class::Moving };
    let mut worker = workers.job(class).await.expect("there is always a worker");
    let request = Request::Convert { facts: facts.clone(), targets: targets.clone(), limits };
    match worker.ask(&request, &files).await {
        Ok(Reply::Made(results)) => results
            .into_iter()
            .zip(outputs.iter().zip(&targets))
            .map(|(made, (output, target))| match made {
                Ok(_) => {
                    // A picture that only loses its metadata has no limit: one that was cut off gets an end, one that
                    // is turned is written anew.
                    let most = target.max_octets().unwrap_or(limits.octets);
                    match workers::take(output, most) {
                        Ok(octets) if !octets.is_empty() => "made".to_owned(),
                        other => {
                            panic!("{target:?} of {:?} in {} octets: {other:?}", facts.format, octets.len())
                        }
                    }
                }
                Err(fault) => format!("{:?}", fault.kind),
            })
            .collect(),
        Ok(other) => panic!("{other:?}"),
        Err(fault) => {
            assert_ne!(fault.kind, FaultKind::NoWorker, "{fault:?}");
            vec![format!("lost: {:?}: {}", fault.kind, fault.detail)]
        }
    }
}

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |number| number.parse().unwrap())
}

/// What became of all of them.
#[derive(Default)]
struct Tally {
    ends: BTreeMap<String, u64>,
    /// Time and number of the slowest, the slowest first.
    slowest: Vec<(Duration, u64)>,
}

impl Tally {
    const SLOWEST: usize = 5;

    fn note(&mut self, number: u64, spent: Duration, ends: Vec<String>) {
        for end in ends {
            *self.ends.entry(end).or_default() += 1;
        }
        let at = self.slowest.partition_point(|(other, _)| *other > spent);
        self.slowest.insert(at, (spent, number));
        self.slowest.truncate(Self::SLOWEST);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_media_end_in_a_result_or_a_fault_and_leave_nothing_behind() {
    let runners = std::thread::available_parallelism().map_or(2, std::num::NonZero::get) + 1;
    let Some(workers) = pool(|settings| settings.workers = 2 * u32::try_from(runners).unwrap()).await else {
        return;
    };
    let (first, files) = (setting("CEDRAT_HOSTILE_FROM", 0), setting("CEDRAT_HOSTILE_FILES", FILES));
    let keep = std::env::var_os("CEDRAT_HOSTILE_KEEP").map(std::path::PathBuf::from);
    let seeds = Arc::new(seeds());
    let zygotes = [zygote(&workers, Class::Still).await, zygote(&workers, Class::Moving).await];
    let (next, tally) = (Arc::new(AtomicU64::new(first)), Arc::new(Mutex::new(Tally::default())));
    let (before, begun) = (zygotes.map(Footprint::of), Instant::now());
    let runners: Vec<_> = (0..runners)
        .map(|_| {
            let (workers, seeds, next, tally, keep) =
                (workers.clone(), seeds.clone(), next.clone(), tally.clone(), keep.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= first + files {
                        return;
                    }
                    let mut chance = Chance(number);
                    let octets = mutate(&seeds, &mut chance);
                    let begun = Instant::now();
                    let ends = judge(&workers, &octets, &mut chance).await;
                    let spent = begun.elapsed();
                    assert!(spent < Duration::from_secs(180), "{number}");
                    let slow = spent > Duration::from_secs(5);
                    if let Some(folder) = &keep
                        && (slow || ends.iter().any(|end| end.starts_with("lost")))
                    {
                        std::fs::write(folder.join(format!("{number}.bin")), &octets).unwrap();
                    }
                    let mut tally = tally.lock().unwrap();
                    tally.note(number, spent, ends);
                    if (number + 1).is_multiple_of(5000) {
                        println!("up to {number}: {:?}", tally.ends);
                    }
                }
            })
        })
        .collect();
    for runner in runners {
        runner.await.unwrap();
    }
    let spent = begun.elapsed().as_secs_f64();
    let tally = std::mem::take(&mut *tally.lock().unwrap());
    println!("files {first} to {}, made of {} seeds, in {spent:.0} s", first + files, seeds.len());
    for (end, count) in &tally.ends {
        println!("{count:>8} {end}");
    }
    println!("slowest {:?}", tally.slowest);
    for (zygote, before) in zygotes.into_iter().zip(before) {
        let after = Footprint::settled(zygote).await;
        println!("zygote before {before:?} after {after:?}");
        assert!(after.descriptors <= before.descriptors + 4, "{before:?} {after:?}");
        assert!(after.resident_kb <= before.resident_kb + 2048, "{before:?} {after:?}");
    }
    let same = [zygote(&workers, Class::Still).await, zygote(&workers, Class::Moving).await];
    assert_eq!(same, zygotes, "the same processes forked them all");
    assert!(own_memory_files() < 100);
    let forbidden: Vec<_> = tally.ends.keys().filter(|end| end.contains("sandbox")).collect();
    assert!(forbidden.is_empty(), "{forbidden:?}");
    if seeds.len() > 20 {
        let made = tally.ends.get("made").copied().unwrap_or(0);
        assert!(made * 10 >= files, "something is made of many: {:?}", tally.ends);
    }
}

async fn zygote(workers: &Workers, class: Class) -> u32 {
    workers.zygote(class).await.unwrap()
}
