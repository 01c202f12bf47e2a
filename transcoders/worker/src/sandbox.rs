//! How a forked worker shuts itself in, before it reads its first octet: it dies with its parent,
//! keeps one descriptor, may open nothing (Landlock), use so much memory and time (rlimits), and
//! make the system calls of [`crate::calls`] only. Prepared once in the zygote, so that a worker
//! pays for the calls alone.
//!
//! There is no `RLIMIT_NPROC`: it counts the threads of a user over the whole machine, and the HEVC
//! decoder needs one; processes are refused by the filter. There is no network namespace: it needs
//! privileges, and the filter has no call that makes a socket.

use std::{io, os::fd::OwnedFd};

use cedrat_plan::worker::Sandbox as Report;
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreated, RulesetStatus, Scope,
};
use rustix::process::{
    DumpableBehavior, Pid, Resource, Rlimit, Signal, getpid, getppid, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use seccompiler::BpfProgram;

use crate::{calls, settings::Settings, system};

/// The newest Landlock that is asked for; an older kernel gives what it has.
const LANDLOCK: ABI = ABI::V7;

/// Descriptors: standard ones, the part, eight outputs, and as many again.
const DESCRIPTORS: u64 = 32;

/// Everything that a worker needs to shut itself in.
pub(crate) struct Sandbox {
    landlock: Option<RulesetCreated>,
    filters: Vec<BpfProgram>,
    settings: Settings,
    parent: Pid,
}

impl Sandbox {
    /// Prepares; the report is what is known without having tried.
    pub(crate) fn prepare(settings: &Settings) -> (Self, Report) {
        let landlock = ruleset().ok();
        let filters = calls::filters().map(Vec::from).unwrap_or_default();
        let report = Report { seccomp: !filters.is_empty(), ..Report::default() };
        (Self { landlock, filters, settings: settings.clone(), parent: getpid() }, report)
    }

    /// Shuts this process in, with `socket` as its standard input and no other descriptor beside
    /// standard output and error.
    ///
    /// # Errors
    /// Whatever failed, unless the settings say that a weaker sandbox is enough.
    pub(crate) fn enter(&self, socket: OwnedFd) -> io::Result<()> {
        let entered = self.shut_in(socket)?;
        if entered.landlock && entered.seccomp || self.settings.best_effort {
            Ok(())
        } else {
            Err(io::Error::other("no sandbox"))
        }
    }

    /// The same, and what of it took effect.
    ///
    /// # Errors
    /// Bounds that every kernel knows and that could not be set.
    pub(crate) fn shut_in(&self, socket: OwnedFd) -> io::Result<Entered> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        if getppid() != Some(self.parent) {
            return Err(io::Error::other("the parent is gone"));
        }
        rustix::stdio::dup2_stdin(&socket)?;
        // Closed with all others below.
        std::mem::forget(socket);
        let landlock = self.restrict();
        system::close_from(3)?;
        let bounds = [
            (Resource::As, self.settings.memory, self.settings.memory),
            (Resource::Core, 0, 0),
            // SIGXCPU first, which tells more than SIGKILL.
            (Resource::Cpu, self.settings.cpu, self.settings.cpu.saturating_add(2)),
            (Resource::Fsize, self.settings.file, self.settings.file),
            (Resource::Nofile, DESCRIPTORS, DESCRIPTORS),
        ];
        for (resource, soft, hard) in bounds {
            setrlimit(resource, Rlimit { current: Some(soft), maximum: Some(hard) })?;
        }
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        let seccomp = !self.filters.is_empty()
            && self.filters.iter().all(|filter| seccompiler::apply_filter(filter).is_ok());
        Ok(Entered { landlock: landlock.is_some(), landlock_full: landlock == Some(true), seccomp })
    }

    /// Forbids files, and where the kernel knows them network and signals (`Some(true)`).
    fn restrict(&self) -> Option<bool> {
        let status = self.landlock.as_ref()?.try_clone().ok()?.restrict_self().ok()?;
        match status.ruleset {
            RulesetStatus::FullyEnforced => Some(true),
            RulesetStatus::PartiallyEnforced => Some(false),
            RulesetStatus::NotEnforced => None,
        }
    }
}

/// What took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entered {
    pub(crate) landlock: bool,
    pub(crate) landlock_full: bool,
    pub(crate) seccomp: bool,
}

/// A ruleset that handles everything and allows nothing.
fn ruleset() -> Result<RulesetCreated, landlock::RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .scope(Scope::from_all(LANDLOCK))?
        .create()
}
