//! A process that is about to hold a key: no core file, no tracer, no swap for as much as the
//! system grants.
//!
//! What the system refuses is said and not fatal: a container without CAP_IPC_LOCK locks 8 MiB,
//! which is enough for keys and not for content. What then keeps content off a disk is a machine
//! without swap (docs/key-handoff.md).

use rustix::{
    mm::{MlockAllFlags, mlockall},
    process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit},
};

/// Shuts this process in; returns what could not be had.
pub fn shut() -> Vec<&'static str> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let mut missing = Vec::new();
    if setrlimit(Resource::Core, none).is_err() {
        missing.push("no bound on core files");
    }
    if set_dumpable_behavior(DumpableBehavior::NotDumpable).is_err() {
        missing.push("not hidden from tracers");
    }
    if mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE).is_err() {
        missing.push("memory is not locked");
    }
    missing
}
