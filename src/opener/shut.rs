//! A process that is about to hold a key: no core file, no tracer, no swap for as much as the
//! system grants.
//!
//! What the system refuses is not fatal: a container without CAP_IPC_LOCK locks 8 MiB,
//! which is enough for keys and not for content. What then keeps content off a disk is a machine
//! without swap (docs/key-handoff.md).

use rustix::{
    mm::{MlockAllFlags, mlockall},
    process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit},
};

/// Shuts this process in, as far as the system lets it.
pub fn shut() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).unwrap_or(());
    set_dumpable_behavior(DumpableBehavior::NotDumpable).unwrap_or(());
    // Locked when it is used: a page without anything in it takes no memory.
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).unwrap_or(());
}
