//! Every real file of sound and video becomes what was asked for, or ends in a stated fault.

use std::path::{Path, PathBuf};

use cedrat_plan::{
    format::{Format, Kind, SoundCodec},
    job::{Fault, SoundTarget, Target},
};

use crate::{
    judge::{Bench, decodes_cleanly, facts_of},
    videos::{h263, h264},
};

/// Files that hold nothing but a header, or not even that.
const HOLLOW: [&str; 8] = [
    "fixture-isom.mp4",
    "fixture-moov.mov",
    "fixture.3g2",
    "Mpeg4.mp4",
    "mp3.mp3",
    "testMP4_truncated.m4a",
    "wav.wav",
    "webm.webm",
];

fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/media");
    let mut files: Vec<PathBuf> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten())
        .map(|file| file.path())
        .collect();
    files.sort();
    files
}

#[test]
fn real_files_convert_or_say_why_not() {
    let Some(bench) = Bench::open() else { return };
    let files = files();
    if files.is_empty() {
        println!("skipped: no vectors beside the repository");
    }
    for path in files {
        let facts = facts_of(&path);
        if !matches!(facts.format.kind(), Kind::Sound | Kind::Video) || facts.format == Format::Midi {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        let sound = SoundTarget {
            format: Format::Amr,
            codec: SoundCodec::Amr,
            max_rate: 0,
            max_channels: 1,
            max_bit_rate: 0,
            max_octets: 100_000,
            max_duration_ms: 0,
            may_cut: false,
        };
        let mut targets = vec![Target::Sound(sound)];
        if facts.format.kind() == Kind::Video {
            targets.extend([Target::Video(h263(300 << 10)), Target::Video(h264(300 << 10))]);
        }
        let results = bench.convert(&path, &targets);
        for result in &results {
            match result {
                Ok(done) => {
                    decodes_cleanly(&done.path);
                    println!(
                        "{name} {:?}: {:?} {} {:?}",
                        facts.format,
                        done.made.facts.format,
                        done.octets.len(),
                        done.made.notes
                    );
                }
                Err(Fault { kind, detail }) => println!("{name} {:?}: {kind:?}, {detail}", facts.format),
            }
        }
        let silent = facts.format.kind() == Kind::Video;
        if !HOLLOW.contains(&name) {
            assert!(results.iter().skip(usize::from(silent)).all(Result::is_ok), "{name} {facts:?}");
        }
    }
}
