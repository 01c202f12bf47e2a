//! The process that every worker is forked from, seen from here: how it is started, what it must
//! say before it is believed, and how a worker is had of it and ended.

use std::{
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use cedrat_plan::{
    job::MAX_DATAGRAM,
    worker::{Hello, Notice},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Signal, pidfd_send_signal},
};
use tokio::process::{Child, Command};

use super::{Settings, channel::Channel};

/// How long it may take to load everything: a tenth of a second warm, some seconds from a disk
/// that is busy.
const LOAD: Duration = Duration::from_secs(30);

/// How long a fork may take on a machine that is busy.
const FORK: Duration = Duration::from_secs(10);

/// It, while it runs; dropped, it ends, and its workers with it.
#[derive(Debug)]
pub(super) struct Zygote {
    control: Arc<Channel>,
    process: Child,
}

impl Zygote {
    /// Starts it and hears what it says.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) async fn start(settings: &Settings) -> Result<(Self, Hello), String> {
        let name = settings.program.display();
        let (control, theirs) =
            Channel::pair().map_err(|fault| format!("no socket for the workers: {fault}"))?;
        let mut command = Command::new(&settings.program);
        command
            .arg("zygote")
            .args(["--memory", &settings.memory.to_string()])
            .args(["--cpu", &settings.cpu.as_secs().max(1).to_string()])
            .args(["--file", &settings.output.to_string()])
            .args(settings.best_effort.then_some("--best-effort"))
            // It shall know nothing of ours: secrets may stand in the environment.
            .env_clear()
            .envs(settings.environment.iter().cloned())
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .kill_on_drop(true);
        let process = command.spawn().map_err(|fault| {
            format!("the media worker {name} cannot be started: {fault}; `media.worker` names the program")
        })?;
        drop(command);
        let mut zygote = Self { control: Arc::new(control), process };
        let mut datagram = vec![0; MAX_DATAGRAM];
        let said = tokio::time::timeout(LOAD, zygote.control.receive(&mut datagram)).await;
        let hello: Hello = match said {
            Ok(Ok((length, _))) if length > 0 => datagram
                .get(..length)
                .and_then(|octets| serde_json::from_slice(octets).ok())
                .ok_or_else(|| format!("{name} is no media worker: it does not say what one says"))?,
            Ok(_) => {
                let end =
                    zygote.process.wait().await.map_or_else(|why| why.to_string(), |end| end.to_string());
                return Err(format!("the media worker {name} ended at its start: {end}"));
            }
            Err(_) => return Err(format!("the media worker {name} is not ready after {LOAD:?}")),
        };
        if hello.version != env!("CARGO_PKG_VERSION") {
            return Err(format!(
                "the media worker {name} is of version {:.40}, this is {}; install both from one release",
                hello.version,
                env!("CARGO_PKG_VERSION")
            ));
        }
        if let Some(trouble) = &hello.trouble {
            return Err(format!("the media worker {name} cannot fork: {trouble:.200}"));
        }
        Ok((zygote, hello))
    }

    pub(super) fn control(&self) -> Arc<Channel> {
        self.control.clone()
    }

    /// Its process number; 0 when it has ended.
    pub(super) fn number(&self) -> u32 {
        self.process.id().unwrap_or(0)
    }
}

/// A worker's process and the socket to it. Dropped, it is killed, whatever it does.
#[derive(Debug)]
pub(super) struct Forked {
    pub(super) channel: Channel,
    pidfd: OwnedFd,
    control: Arc<Channel>,
}

impl Forked {
    /// A new one. `None` when the zygote is dead, or cannot fork.
    pub(super) async fn from(control: Arc<Channel>) -> Option<Self> {
        let (channel, theirs) = Channel::pair().ok()?;
        let forked = async {
            control.send(b"job", &[theirs.as_fd()]).await.ok()?;
            drop(theirs);
            let mut datagram = [0; 256];
            let (length, pidfd) = channel.receive(&mut datagram).await.ok()?;
            match serde_json::from_slice(datagram.get(..length)?) {
                Ok(Notice::Started) => pidfd,
                _ => None,
            }
        };
        let pidfd = tokio::time::timeout(FORK, forked).await.ok()??;
        Some(Self { channel, pidfd, control })
    }

    /// Whether neither it nor its zygote has ended. The zygote is asked as well: when that is
    /// killed, its socket closes before its workers are.
    pub(super) fn lives(&self) -> bool {
        let mut watched =
            [PollFd::new(&self.pidfd, PollFlags::IN), PollFd::new(&*self.control, PollFlags::empty())];
        poll(&mut watched, Some(&Timespec::default())) == Ok(0)
    }

    pub(super) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    pub(super) fn kill(&self) {
        // It may have ended by itself.
        pidfd_send_signal(&self.pidfd, Signal::KILL).unwrap_or(());
    }
}

impl Drop for Forked {
    fn drop(&mut self) {
        self.kill();
    }
}
