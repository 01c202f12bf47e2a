//! Sources, conversions and the questions put to the judge. Not a test binary of its own.
#![allow(dead_code)]

use std::{
    fs::File,
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::Command,
    sync::Once,
};

use cedrat_plan::{
    facts::{self, Claim, Facts},
    job::{Fault, Made, Target},
    limits::Limits,
};
use tempfile::TempDir;

/// A directory that is removed with the test.
pub(crate) struct Bench {
    directory: TempDir,
}

/// A result that is there.
pub(crate) struct Done {
    pub(crate) made: Made,
    pub(crate) path: PathBuf,
    pub(crate) octets: Vec<u8>,
}

impl Bench {
    /// `None`, with the reason printed, when the programs are missing.
    pub(crate) fn open() -> Option<Self> {
        prepare();
        for program in ["ffmpeg", "ffprobe"] {
            if Command::new(program).arg("-version").output().is_err() {
                assert!(std::env::var_os("CI").is_none(), "{program} is missing");
                println!("skipped: {program} is not installed");
                return None;
            }
        }
        Some(Self { directory: tempfile::tempdir().unwrap() })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Makes a source; `arguments` are those of ffmpeg before the name of its output.
    pub(crate) fn source(&self, name: &str, arguments: &str) -> PathBuf {
        let path = self.path(name);
        let output = Command::new("ffmpeg")
            .args(["-v", "error", "-y", "-threads", "1"])
            .args(arguments.split_whitespace())
            .arg(&path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        path
    }

    /// Converts and leaves each result as a file.
    pub(crate) fn convert(&self, source: &Path, targets: &[Target]) -> Vec<Result<Done, Fault>> {
        let input = File::open(source).unwrap();
        let facts = facts_of(source);
        let paths: Vec<PathBuf> =
            (0..targets.len()).map(|index| self.path(&format!("out-{index}-{}", rank()))).collect();
        let outputs: Vec<File> = paths
            .iter()
            .map(|path| {
                File::options().read(true).write(true).create(true).truncate(true).open(path).unwrap()
            })
            .collect();
        let descriptors: Vec<_> = outputs.iter().map(AsFd::as_fd).collect();
        let made = cedrat_moving::convert(input.as_fd(), &facts, targets, &descriptors, &Limits::default());
        assert_eq!(made.len(), targets.len());
        made.into_iter()
            .zip(paths)
            .map(|(made, path)| made.map(|made| Done { octets: std::fs::read(&path).unwrap(), made, path }))
            .collect()
    }

    pub(crate) fn convert_one(&self, source: &Path, target: Target) -> Result<Done, Fault> {
        self.convert(source, &[target]).remove(0)
    }
}

pub(crate) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(cedrat_moving::init);
}

/// Tests run side by side: no two results have the same name.
fn rank() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(crate) fn facts_of(path: &Path) -> Facts {
    facts::read(&std::fs::read(path).unwrap(), &Claim::default(), &Limits::default())
}

/// What ffprobe says: `selector` as for `-show_entries`, values with commas between them.
pub(crate) fn ask(path: &Path, selector: &str, stream: &str) -> String {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-of", "csv=p=0", "-show_entries", selector]);
    if !stream.is_empty() {
        command.args(["-select_streams", stream]);
    }
    let output = command.arg(path).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().trim_end_matches(',').to_owned()
}

/// Seconds of a stream, or of the whole when `stream` is empty.
pub(crate) fn seconds(path: &Path, stream: &str) -> f64 {
    let selector = if stream.is_empty() { "format=duration" } else { "stream=duration" };
    ask(path, selector, stream).parse().unwrap_or(0.0)
}

/// Every packet decodes without a complaint.
pub(crate) fn decodes_cleanly(path: &Path) {
    let output =
        Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(path).args(["-f", "null", "-"]).output();
    let output = output.unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaints.is_empty(), "{}: {complaints}", path.display());
}

/// Digest of the packets of one stream, as they are.
pub(crate) fn digest(path: &Path, stream: &str) -> String {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-map", &format!("0:{stream}"), "-c", "copy", "-f", "md5", "-"])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn brand(octets: &[u8]) -> &str {
    std::str::from_utf8(&octets[8..12]).unwrap()
}

/// Place of a box of the top level.
pub(crate) fn place_of(octets: &[u8], kind: &[u8; 4]) -> Option<usize> {
    let mut at = 0;
    while let Some(head) = octets.get(at..at + 8) {
        if &head[4..8] == kind {
            return Some(at);
        }
        let size = u32::from_be_bytes(head[..4].try_into().unwrap()) as usize;
        at += size.max(8);
    }
    None
}

pub(crate) fn starts_fast(octets: &[u8]) -> bool {
    place_of(octets, b"moov").unwrap() < place_of(octets, b"mdat").unwrap()
}
