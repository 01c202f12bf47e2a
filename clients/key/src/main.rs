//! `cedrat-key`: arguments to one verb.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::harden();
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cedrat-key: {error}");
            ExitCode::FAILURE
        }
    }
}
