//! Cut and changed sources: each ends in a result within its limit or in a fault, never in a crash,
//! which would end this process.

use cedrat_plan::{
    format::{Format, SoundCodec},
    job::{FaultKind, Note, RemuxTarget, SoundTarget, Target},
};

use crate::{
    judge::Bench,
    videos::{h263, h264},
};

/// A fixed sequence of numbers that look like chance.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize
    }
}

fn sources(bench: &Bench) -> Vec<std::path::PathBuf> {
    let input = "-f lavfi -i testsrc2=s=160x120:r=25:d=2 -f lavfi -i sine=440:d=2";
    vec![
        bench
            .source("a.mp4", &format!("{input} -c:v libx264 -preset ultrafast -c:a aac -movflags faststart")),
        bench.source("b.3gp", &format!("{input} -c:v h263 -s 176x144 -c:a libopencore_amrnb -ar 8000 -ac 1")),
        bench.source("c.webm", &format!("{input} -c:v libvpx -c:a libopus")),
        bench.source("d.ts", &format!("{input} -c:v libx264 -preset ultrafast -c:a aac")),
        bench.source("e.avi", &format!("{input} -c:v mpeg4 -c:a libmp3lame")),
    ]
}

fn targets() -> [Target; 4] {
    [
        Target::Video(h263(60_000)),
        Target::Video(h264(60_000)),
        Target::Sound(SoundTarget {
            format: Format::Amr,
            codec: SoundCodec::Amr,
            max_rate: 0,
            max_channels: 1,
            max_bit_rate: 0,
            max_octets: 20_000,
            max_duration_ms: 0,
            may_cut: true,
        }),
        Target::Remux(RemuxTarget { format: Format::Mp4, max_octets: 1 << 20 }),
    ]
}

fn survive(bench: &Bench, path: &std::path::Path) -> usize {
    bench
        .convert(path, &targets())
        .into_iter()
        .zip(targets())
        .filter(|(result, target)| {
            let most = match target {
                Target::Video(target) => target.max_octets,
                Target::Sound(target) => target.max_octets,
                Target::Remux(target) => target.max_octets,
                _ => 0,
            };
            if let Ok(done) = result {
                assert!(done.octets.len() as u64 <= most);
            }
            result.is_ok()
        })
        .count()
}

#[test]
fn cut_sources_end_in_a_result_or_a_fault() {
    let Some(bench) = Bench::open() else { return };
    for source in sources(&bench) {
        let octets = std::fs::read(&source).unwrap();
        for part in 0..8 {
            let path = bench.path("cut");
            std::fs::write(&path, &octets[..octets.len() * part / 8]).unwrap();
            survive(&bench, &path);
        }
    }
}

#[test]
fn changed_sources_end_in_a_result_or_a_fault() {
    let Some(bench) = Bench::open() else { return };
    let mut dice = Dice(0x1234_5678_9ABC_DEF1);
    let mut made = 0;
    for source in sources(&bench) {
        let octets = std::fs::read(&source).unwrap();
        for round in 0..12 {
            let mut changed = octets.clone();
            for _ in 0..(1 << (round % 6)) {
                let at = dice.next() % changed.len();
                changed[at] = dice.next() as u8;
            }
            let path = bench.path("changed");
            std::fs::write(&path, changed).unwrap();
            made += survive(&bench, &path);
        }
    }
    println!("{made} results from changed sources");
}

#[test]
fn a_clip_that_ends_early_is_used_and_noted() {
    let Some(bench) = Bench::open() else { return };
    let source = bench.source(
        "in.mp4",
        "-f lavfi -i testsrc2=s=160x120:r=25:d=4 -c:v libx264 -preset ultrafast -movflags faststart",
    );
    let octets = std::fs::read(&source).unwrap();
    let path = bench.path("cut.mp4");
    std::fs::write(&path, &octets[..octets.len() * 7 / 10]).unwrap();
    let done = bench.convert_one(&path, Target::Video(h264(100_000))).unwrap();
    assert!(done.made.notes.contains(&Note::Damaged), "{:?}", done.made.notes);
    std::fs::write(&path, &octets[..octets.len() / 50]).unwrap();
    let fault = bench.convert_one(&path, Target::Video(h264(100_000))).err().unwrap();
    assert_eq!(fault.kind, FaultKind::Damaged);
}

#[test]
fn what_is_beyond_a_limit_is_refused_before_it_is_decoded() {
    let Some(bench) = Bench::open() else { return };
    let source =
        bench.source("in.mp4", "-f lavfi -i testsrc2=s=640x480:r=25:d=1 -c:v libx264 -preset ultrafast");
    let input = std::fs::File::open(&source).unwrap();
    let facts = crate::judge::facts_of(&source);
    let usual = cedrat_plan::limits::Limits::default();
    for limits in [
        cedrat_plan::limits::Limits { pixels: 100_000, ..usual },
        cedrat_plan::limits::Limits { side: 500, ..usual },
        cedrat_plan::limits::Limits { duration_ms: 500, ..usual },
        cedrat_plan::limits::Limits { octets: 1_000, ..usual },
    ] {
        let fault = cedrat_moving::probe(std::os::fd::AsFd::as_fd(&input), &facts, &limits).err().unwrap();
        assert_eq!(fault.kind, FaultKind::TooLarge, "{limits:?}");
    }
}
