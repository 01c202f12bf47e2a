//! The process that touches untrusted media, as two programs: `cedrat-transcode`, and
//! `cedrat-transcode-still`, which is the same without sound and video ([`Moving`]) and therefore
//! without libav. What is not linked cannot be broken into, and makes no fork dearer.
//!
//! `cedrat-transcode zygote` loads every library, says [`Hello`](cedrat_plan::worker::Hello) and
//! forks one worker for each job that the gateway asks for. A worker shuts itself in before its
//! first octet of media (`sandbox`), serves the requests of one message from one socket (`worker`)
//! and ends. Codecs are in `cedrat-still` and `cedrat-moving`; what to do with a part was decided
//! elsewhere. Everything `unsafe` is in `system`.

mod calls;
mod convert;
mod faults;
mod probes;
mod sample;
mod sandbox;
mod settings;
mod system;
mod worker;
mod zygote;

use std::{io::Write as _, os::fd::BorrowedFd, path::Path, process::ExitCode};

use cedrat_plan::{
    facts::Facts,
    job::{Fault, Made, Target},
    limits::Limits,
};
use cedrat_still::Raster;
use settings::Verb;

/// What decodes and encodes sound and video: `cedrat_moving`, whose functions say what is expected
/// of these.
pub trait Moving: Sync {
    /// Prepares, once, before the process forks.
    fn init(&self);

    /// Opens the part and says what is in it.
    ///
    /// # Errors
    /// It cannot be read.
    fn probe(&self, part: BorrowedFd<'_>, facts: &Facts, limits: &Limits) -> Result<Facts, Fault>;

    /// Makes the targets, each into the output of the same index.
    fn convert(
        &self,
        part: BorrowedFd<'_>,
        facts: &Facts,
        targets: &[Target],
        outputs: &[BorrowedFd<'_>],
        limits: &Limits,
    ) -> Vec<Result<Made, Fault>>;

    /// The picture of the part.
    ///
    /// # Errors
    /// It cannot be decoded.
    fn picture(&self, part: BorrowedFd<'_>, facts: &Facts, limits: &Limits) -> Result<Raster, Fault>;
}

/// Runs the verb of the arguments: 0 done, 1 the sandbox lacks something or the zygote cannot
/// work, 2 wrong usage.
#[must_use]
pub fn main(moving: &dyn Moving) -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [verb, name, path] = words.as_slice()
        && verb == "sample"
    {
        return sampled(name, Path::new(path), moving);
    }
    match settings::read(std::env::args().skip(1)) {
        Ok(Verb::Check(settings)) => check(&settings, moving),
        Ok(Verb::Version) => {
            say(concat!("cedrat-transcode ", env!("CARGO_PKG_VERSION")));
            ExitCode::SUCCESS
        }
        Ok(Verb::Zygote(settings)) => zygote::run(&settings, moving),
        Err(usage) => {
            // Nobody is left to tell when standard error is closed.
            drop(writeln!(std::io::stderr(), "{usage}"));
            ExitCode::from(2)
        }
    }
}

/// Writes a sample of media into a file.
fn sampled(name: &str, path: &Path, moving: &dyn Moving) -> ExitCode {
    match sample::write(name, path, moving) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            drop(writeln!(std::io::stderr(), "cedrat-transcode: {fault}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints what the kernel gives, a line each.
fn check(settings: &settings::Settings, moving: &dyn Moving) -> ExitCode {
    let hello = zygote::examine(settings, moving);
    let sandbox = &hello.sandbox;
    let word = |yes| if yes { "yes" } else { "no" };
    say(&format!("system call filter: {}", word(sandbox.seccomp)));
    say(&format!("landlock: {}", word(sandbox.landlock)));
    say(&format!("landlock for network and signals: {}", word(sandbox.landlock_full)));
    for denial in &sandbox.denials {
        say(&format!("may not {}: {}", denial.tried, word(denial.refused)));
    }
    let mut missing = sandbox.missing();
    missing.extend(hello.trouble);
    for line in &missing {
        say(&format!("missing: {line}"));
    }
    if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints a line; a closed pipe ends the output, not the program.
fn say(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}
