//! The command line: one file for each verb. Exit codes: 0 done, 1 refused or found faults
//! (standard error says why), 2 wrong usage.

mod check;
mod demo;
mod explain;
mod map;
mod queue;
mod ready;
mod run;
mod simulate;
mod transcode;

use std::{collections::BTreeMap, io::Write as _, path::Path, process::ExitCode};

use cedrat_mapping::Tables;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config::{self, Config};

#[derive(Debug, Parser)]
#[command(
    name = "cedrat",
    version,
    about = "Messaging translation gateway: MMS interconnect (MM4) and Internet mail, both ways",
    after_help = "Examples:
  cedrat demo                                   everything on loopback, nothing to configure
  cedrat check --config cedrat.toml             every fault of a configuration at once
  cedrat run --config cedrat.toml
  cedrat map --from mm4 --to mail message.mm4   translate a file, no server needed
  cedrat explain --config cedrat.toml --from alice@example.org --to +447700900001
  cedrat transcode --profile video-rich photo.heic photo.jpg

Exit codes: 0 done, 1 refused or found faults (standard error says why), 2 wrong usage."
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "made once, at the start")]
enum Verb {
    /// Check a configuration: every fault with file:line:column, then its routing tests
    Check(check::Args),
    /// Print shell completions
    #[command(after_help = "Example: cedrat completions bash > /etc/bash_completion.d/cedrat")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Run everything on loopback in a temporary directory and send sample messages both ways
    Demo(demo::Args),
    /// Say where a message would go: every rule tried and why, the route, the limits
    Explain(explain::Args),
    /// Translate a message file without a server
    Map(map::Args),
    /// Open one encrypted message; the gateway starts this itself
    #[command(hide = true)]
    Open,
    /// Look at and change the queue
    Queue(queue::Args),
    /// Ask a running gateway's admin port whether it takes messages (for health checks)
    Ready(ready::Args),
    /// Run the gateway
    Run(run::Args),
    /// Play a peer: an MM4 system or a mail sink, with faults on request
    Simulate(simulate::Args),
    /// Make a media file fit a handset: type, pixels, octets
    Transcode(transcode::Args),
}

/// Runs the verb of the arguments.
pub fn main() -> ExitCode {
    crate::tls::install_provider();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(fault) => {
            let code = if fault.use_stderr() { 2 } else { 0 };
            // Nobody is left to tell when the terminal is gone.
            drop(fault.print());
            return ExitCode::from(code);
        }
    };
    let result = match cli.verb {
        Verb::Check(args) => check::run(&args),
        Verb::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "cedrat", &mut std::io::stdout());
            Ok(())
        }
        Verb::Demo(args) => demo::run(&args),
        Verb::Explain(args) => explain::run(&args),
        Verb::Map(args) => map::run(&args),
        Verb::Open => crate::opener::run().map_err(|why| Failure::from(why.to_string())),
        Verb::Queue(args) => queue::run(&args),
        Verb::Ready(args) => ready::run(&args),
        Verb::Run(args) => run::run(&args),
        Verb::Simulate(args) => simulate::run(&args),
        Verb::Transcode(args) => transcode::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(lines)) => {
            let mut out = std::io::stderr().lock();
            for line in lines {
                // As above.
                drop(writeln!(out, "cedrat: {line}"));
            }
            ExitCode::from(1)
        }
    }
}

/// What went wrong, a line each.
#[derive(Debug)]
pub struct Failure(pub Vec<String>);

impl From<String> for Failure {
    fn from(line: String) -> Self {
        Self(vec![line])
    }
}

impl From<Vec<String>> for Failure {
    fn from(lines: Vec<String>) -> Self {
        Self(lines)
    }
}

/// Reads a configuration and its tables.
fn load(path: &Path) -> Result<(Config, Tables), Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|fault| {
        format!("{name} cannot be read: {fault}; the commented example is cedrat.toml in the source tree")
    })?;
    let environment: BTreeMap<String, String> =
        std::env::vars().filter(|(key, _)| key.starts_with("CEDRAT__")).collect();
    config::load(&name, &text, environment).map_err(|faults| {
        let mut lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        lines.push(format!(
            "{} {} in {name}",
            faults.len(),
            if faults.len() == 1 { "fault" } else { "faults" }
        ));
        Failure(lines)
    })
}

/// A runtime for the verbs that need one.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|fault| Failure::from(format!("the runtime cannot be started: {fault}")))
}

/// Prints a line; a closed pipe ends the output, not the program.
fn say(text: &str) {
    drop(writeln!(std::io::stdout().lock(), "{text}"));
}

/// Prints a line on standard error.
fn complain(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "cedrat: {text}"));
}
