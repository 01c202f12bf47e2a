//! The arguments. Numbers come from the gateway's configuration, which explains them; a person
//! types `check` and `--version`.

use std::str::FromStr;

const USAGE: &str = "usage: cedrat-transcode check        what the kernel gives to shut a worker in
       cedrat-transcode sample NAME FILE   media for a trial: photo, voice or clip
       cedrat-transcode --version
       cedrat-transcode zygote       started by cedrat, with its control socket as standard input
options: --memory OCTETS --cpu SECONDS --file OCTETS --best-effort";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Say what the kernel gives.
    Check(Settings),
    /// Say the version.
    Version,
    /// Fork workers.
    Zygote(Settings),
}

/// Bounds of one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Address space, octets, libraries included (about 300 MB of it).
    pub(crate) memory: u64,
    /// Processor time over all requests of a message, seconds. The gateway's deadlines come first;
    /// this one also holds when the gateway is stopped.
    pub(crate) cpu: u64,
    /// Largest output, octets: what an output memory file may grow to before it is looked at.
    pub(crate) file: u64,
    /// Whether a worker begins although something of the sandbox is missing.
    pub(crate) best_effort: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { memory: 1 << 30, cpu: 300, file: 256 << 20, best_effort: false }
    }
}

/// Reads the arguments after the program's name.
///
/// # Errors
/// What to print.
pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Verb, String> {
    let mut arguments = arguments;
    let verb = arguments.next().unwrap_or_default();
    let mut settings = Settings::default();
    while let Some(option) = arguments.next() {
        match option.as_str() {
            "--best-effort" => settings.best_effort = true,
            "--cpu" => settings.cpu = number(&option, arguments.next())?,
            "--file" => settings.file = number(&option, arguments.next())?,
            "--memory" => settings.memory = number(&option, arguments.next())?,
            _ => return Err(format!("no option {option}\n{USAGE}")),
        }
    }
    match verb.as_str() {
        "check" => Ok(Verb::Check(settings)),
        "zygote" => Ok(Verb::Zygote(settings)),
        "--version" | "-V" | "version" => Ok(Verb::Version),
        _ => Err(USAGE.to_owned()),
    }
}

fn number<T: FromStr>(option: &str, value: Option<String>) -> Result<T, String> {
    value
        .and_then(|value| value.parse().ok())
        .ok_or_else(|| format!("{option} needs a whole number\n{USAGE}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Verb, String> {
        read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments_become_bounds() {
        let settings = Settings { memory: 5, cpu: 6, file: 7, best_effort: true };
        assert_eq!(of("zygote --memory 5 --cpu 6 --file 7 --best-effort"), Ok(Verb::Zygote(settings)));
        assert_eq!(of("check"), Ok(Verb::Check(Settings::default())));
        for wrong in ["", "run", "zygote --memory", "zygote --memory x", "check --fast"] {
            assert!(of(wrong).unwrap_err().contains("usage"), "{wrong}");
        }
    }
}
