//! The process that touches untrusted media.
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

use std::{io::Write as _, path::Path, process::ExitCode};

use settings::Verb;

/// Runs the verb of the arguments: 0 done, 1 the sandbox lacks something or the zygote cannot
/// work, 2 wrong usage.
#[must_use]
pub fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [verb, name, path] = words.as_slice()
        && verb == "sample"
    {
        return sampled(name, Path::new(path));
    }
    match settings::read(std::env::args().skip(1)) {
        Ok(Verb::Check(settings)) => check(&settings),
        Ok(Verb::Version) => {
            say(concat!("cedrat-transcode ", env!("CARGO_PKG_VERSION")));
            ExitCode::SUCCESS
        }
        Ok(Verb::Zygote(settings)) => zygote::run(&settings),
        Err(usage) => {
            // Nobody is left to tell when standard error is closed.
            drop(writeln!(std::io::stderr(), "{usage}"));
            ExitCode::from(2)
        }
    }
}

/// Writes a sample of media into a file.
fn sampled(name: &str, path: &Path) -> ExitCode {
    match sample::write(name, path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            drop(writeln!(std::io::stderr(), "cedrat-transcode: {fault}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints what the kernel gives, a line each.
fn check(settings: &settings::Settings) -> ExitCode {
    let hello = zygote::examine(settings);
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
