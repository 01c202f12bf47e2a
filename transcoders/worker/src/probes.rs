//! What the sandbox must refuse, tried. Each is tried in a child of its own before the first job,
//! and those that do not kill who tries them once more inside a worker when the gateway asks.
//!
//! Refused means EPERM or EACCES, or death: another failure would only say that the attempt was
//! made wrongly.

use std::{fs, io, net::Ipv4Addr};

use cedrat_plan::job::Denial;
use rustix::{
    net::{AddressFamily, SocketAddrV4, SocketType, connect, socket},
    process::{Resource, Rlimit, getppid, setrlimit, test_kill_process},
};

use crate::system;

/// One attempt.
pub(crate) struct Probe {
    /// What is tried, after "a worker may".
    pub(crate) tried: &'static str,
    /// Whether the filter kills who tries it.
    pub(crate) kills: bool,
    attempt: fn() -> io::Result<()>,
}

impl Probe {
    /// Tries it.
    pub(crate) fn is_refused(&self) -> bool {
        let result = (self.attempt)();
        matches!(result.map_err(|fault| fault.raw_os_error()), Err(Some(libc::EPERM | libc::EACCES)))
    }
}

const fn mild(tried: &'static str, attempt: fn() -> io::Result<()>) -> Probe {
    Probe { tried, kills: false, attempt }
}

const fn deadly(tried: &'static str, attempt: fn() -> io::Result<()>) -> Probe {
    Probe { tried, kills: true, attempt }
}

fn made<T>(result: rustix::io::Result<T>) -> io::Result<()> {
    Ok(result.map(drop)?)
}

/// All of them.
pub(crate) const PROBES: &[Probe] = &[
    mild("open /etc/passwd", || fs::File::open("/etc/passwd").map(drop)),
    mild("open /proc/self/mem", || fs::File::open("/proc/self/mem").map(drop)),
    mild("create a file", || fs::File::create("cedrat-probe").map(drop)),
    mild("make an internet socket", || made(socket(AddressFamily::INET, SocketType::STREAM, None))),
    mild("make a local socket", || made(socket(AddressFamily::UNIX, SocketType::STREAM, None))),
    // Of the one socket that it has: without the filter this fails for another reason.
    mild("connect", || Ok(connect(rustix::stdio::stdin(), &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9))?)),
    mild("start a process", system::try_fork),
    mild("signal its parent", || Ok(test_kill_process(getppid().ok_or(io::ErrorKind::NotFound)?)?)),
    mild("raise its limits", || {
        Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(16), maximum: Some(16) })?)
    }),
    mild("map code", system::try_executable_memory),
    deadly("run a program", || Err(system::try_exec())),
    deadly("be traced", system::try_ptrace),
];

/// Tries inside this process what does not kill it.
pub(crate) fn mild_denials() -> Vec<Denial> {
    PROBES
        .iter()
        .filter(|probe| !probe.kills)
        .map(|probe| Denial { tried: probe.tried.into(), refused: probe.is_refused() })
        .collect()
}
