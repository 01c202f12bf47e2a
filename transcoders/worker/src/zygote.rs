//! The process that every worker is forked from. It loads and warms every library once, says
//! [`Hello`], and then does three things only: fork on request, hand over the pidfd, and tell on
//! the socket of a job how its worker ended.
//!
//! It never sees an octet of a message: descriptors of parts go straight to the workers. It has
//! one thread, and ends when the gateway closes the control socket (its standard input).

use std::{
    io::{IoSlice, IsTerminal as _},
    mem::MaybeUninit,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    process::ExitCode,
};

use cedrat_plan::{
    job::Denial,
    worker::{Hello, Notice, Sandbox as Report},
};
use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{Mode, OFlags},
    net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, send, sendmsg},
    process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid},
};

use crate::{
    Moving, faults, probes,
    sandbox::{Entered, Sandbox},
    settings::Settings,
    system::{self, Side},
    worker,
};

/// Exit code of a child that tried something and was refused.
const REFUSED: i32 = 1;

/// A worker that was forked and has not ended.
struct Child {
    pidfd: OwnedFd,
    job: OwnedFd,
}

/// Serves the control socket until the gateway is gone.
pub(crate) fn run(settings: &Settings, moving: &dyn Moving) -> ExitCode {
    let control = rustix::stdio::stdin();
    if std::io::stdin().is_terminal() || rustix::net::sockopt::socket_type(control).is_err() {
        return ExitCode::from(2);
    }
    load(moving);
    let (sandbox, hello) = greeting(settings);
    let fit = hello.trouble.is_none();
    let Ok(octets) = serde_json::to_vec(&hello) else { return ExitCode::FAILURE };
    if send(control, &octets, SendFlags::NOSIGNAL).is_err() || !fit || silence().is_err() {
        return ExitCode::FAILURE;
    }
    let simulate = std::env::var_os(faults::VARIABLE).is_some();
    let mut children: Vec<Child> = Vec::new();
    let mut datagram = [0; 64];
    loop {
        bury(&mut children);
        let mut watched = vec![PollFd::from_borrowed_fd(control, PollFlags::IN)];
        watched.extend(children.iter().map(|child| PollFd::new(&child.pidfd, PollFlags::IN)));
        match poll(&mut watched, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return ExitCode::FAILURE,
        }
        if watched.first().is_none_or(|first| first.revents().is_empty()) {
            continue;
        }
        match worker::receive(control, &mut datagram) {
            None => return ExitCode::FAILURE,
            Some((0, _)) => return ExitCode::SUCCESS,
            Some((_, jobs)) => {
                for job in jobs {
                    children.extend(bear(job, &sandbox, moving, simulate));
                }
            }
        }
    }
}

/// What the kernel gives, for a person.
pub(crate) fn examine(settings: &Settings, moving: &dyn Moving) -> Hello {
    load(moving);
    greeting(settings).1
}

/// Loads what a worker will need and cannot open any more. Nothing here is from a message.
fn load(moving: &dyn Moving) {
    moving.init();
    // A write beyond a limit is an error of that write, not the end of the process.
    system::ignore(rustix::process::Signal::XFSZ);
    // What goes wrong is told by the way a worker ends; what a codec prints nobody may read.
    std::panic::set_hook(Box::new(|_| {}));
}

fn greeting(settings: &Settings) -> (Sandbox, Hello) {
    let (sandbox, mut report) = Sandbox::prepare(settings);
    let trouble = examine_sandbox(&sandbox, &mut report).err();
    let trouble = trouble.map(|fault| fault.to_string());
    (sandbox, Hello { version: env!("CARGO_PKG_VERSION").into(), sandbox: report, trouble })
}

/// Standard output and error go nowhere: a codec may print what it reads.
fn silence() -> std::io::Result<()> {
    let nowhere = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdout(&nowhere)?;
    rustix::stdio::dup2_stderr(&nowhere)?;
    Ok(())
}

/// Tries each thing that must be refused, in a child of its own.
fn examine_sandbox(sandbox: &Sandbox, report: &mut Report) -> std::io::Result<()> {
    let entered = in_child(sandbox, |entered| {
        i32::from(entered.landlock) | i32::from(entered.landlock_full) << 1 | i32::from(entered.seccomp) << 2
    })?;
    let bits = entered.0.unwrap_or(0);
    report.landlock = bits & 1 != 0;
    report.landlock_full = bits & 2 != 0;
    report.seccomp = bits & 4 != 0;
    for probe in probes::PROBES {
        let (code, signal) = in_child(sandbox, |_| if probe.is_refused() { REFUSED } else { 0 })?;
        let refused = code == Some(REFUSED) || signal == Some(rustix::process::Signal::SYS.as_raw());
        report.denials.push(Denial { tried: probe.tried.into(), refused });
    }
    Ok(())
}

/// How a child ended that shut itself in and did this: exit code or signal.
fn in_child(
    sandbox: &Sandbox,
    deed: impl FnOnce(Entered) -> i32,
) -> std::io::Result<(Option<i32>, Option<i32>)> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    let (_ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    match system::fork()? {
        Side::Child => system::exit(match sandbox.shut_in(theirs) {
            Ok(entered) => deed(entered),
            Err(_) => 0,
        }),
        Side::Parent(pid) => Ok(wait(WaitId::Pid(pid)).unwrap_or_default()),
    }
}

/// Forks a worker for a job and gives its pidfd to the gateway.
fn bear(job: OwnedFd, sandbox: &Sandbox, moving: &dyn Moving, simulate: bool) -> Option<Child> {
    match system::fork() {
        Ok(Side::Child) => worker::run(job, sandbox, moving, simulate),
        Ok(Side::Parent(pid)) => match pidfd(pid) {
            Ok(pidfd) => {
                tell(job.as_fd(), Notice::Started, Some(pidfd.as_fd()));
                Some(Child { pidfd, job })
            }
            Err(_) => {
                // Not yet waited for, so the number is still its own.
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap_or(());
                wait(WaitId::Pid(pid));
                tell(job.as_fd(), Notice::Ended { code: None, signal: None }, None);
                None
            }
        },
        Err(_) => {
            tell(job.as_fd(), Notice::Ended { code: None, signal: None }, None);
            None
        }
    }
}

fn pidfd(pid: Pid) -> rustix::io::Result<OwnedFd> {
    pidfd_open(pid, PidfdFlags::empty())
}

/// Takes note of who has ended, and tells how.
fn bury(children: &mut Vec<Child>) {
    children.retain(|child| match ended(child.pidfd.as_fd()) {
        Some((code, signal)) => {
            tell(child.job.as_fd(), Notice::Ended { code, signal }, None);
            false
        }
        None => true,
    });
}

type End = (Option<i32>, Option<i32>);

fn ended(pidfd: BorrowedFd<'_>) -> Option<End> {
    let status = waitid(WaitId::PidFd(pidfd), WaitIdOptions::EXITED | WaitIdOptions::NOHANG).ok()??;
    Some((status.exit_status(), status.terminating_signal()))
}

/// Waits for an end.
fn wait(of: WaitId<'_>) -> Option<End> {
    let status = waitid(of, WaitIdOptions::EXITED).ok()??;
    Some((status.exit_status(), status.terminating_signal()))
}

/// Says something on the socket of a job, unless nobody listens or it is full.
fn tell(job: BorrowedFd<'_>, notice: Notice, file: Option<BorrowedFd<'_>>) {
    let Ok(octets) = serde_json::to_vec(&notice) else { return };
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let files: Vec<BorrowedFd<'_>> = file.into_iter().collect();
    if !files.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&files));
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(job, &[IoSlice::new(&octets)], &mut control, flags).unwrap_or(0);
}
