//! The system calls of a worker, as three filters laid over each other; the strictest answer wins.
//!
//! 1. [`killed`]: what no codec has any reason to do. Who tries is not a codec any more, and the
//!    process ends there.
//! 2. [`absent`]: `clone3` does not exist. Its flags lie in memory that a filter cannot read; the C
//!    library then takes `clone`, whose flags can be judged.
//! 3. [`allowed`]: what a job needs, by argument where that matters. Everything else is refused
//!    with EPERM: libraries ask the system this and that, differently in every version, and a
//!    picture must not be lost because one of them asked for the load of the machine.
//!
//! No call opens a file, makes a socket, starts a process, signals anybody or maps code.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

/// Flags that `clone` must have and must not have: a thread of this process, in no new namespace.
const CLONE: (u64, u64) = (
    libc::CLONE_THREAD as u64,
    (libc::CLONE_NEWNS
        | libc::CLONE_NEWCGROUP
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUSER
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_PTRACE
        | libc::CLONE_VFORK) as u64,
);

/// `PR_SET_VMA`, with which allocators name what they map.
const PR_SET_VMA: u64 = 0x5356_4d41;

type Fault = seccompiler::BackendError;

/// The filters in the order in which they are installed.
///
/// # Errors
/// For an architecture whose numbers are not known here.
pub(crate) fn filters() -> Result<[BpfProgram; 3], Fault> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let compile = |rules, otherwise, matched| {
        SeccompFilter::new(rules, otherwise, matched, arch).and_then(BpfProgram::try_from)
    };
    Ok([
        compile(killed(), SeccompAction::Allow, SeccompAction::KillProcess)?,
        compile(
            plain(&[libc::SYS_clone3]),
            SeccompAction::Allow,
            SeccompAction::Errno(libc::ENOSYS.unsigned_abs()),
        )?,
        compile(allowed()?, SeccompAction::Errno(libc::EPERM.unsigned_abs()), SeccompAction::Allow)?,
    ])
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Calls whatever their arguments.
fn plain(calls: &[libc::c_long]) -> Rules {
    calls.iter().map(|&call| (call, Vec::new())).collect()
}

fn killed() -> Rules {
    plain(&[
        libc::SYS_add_key,
        libc::SYS_bpf,
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_io_uring_setup,
        libc::SYS_kexec_load,
        libc::SYS_keyctl,
        libc::SYS_mount,
        libc::SYS_open_by_handle_at,
        libc::SYS_perf_event_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_pivot_root,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_ptrace,
        libc::SYS_request_key,
        libc::SYS_setns,
        libc::SYS_unshare,
        libc::SYS_userfaultfd,
    ])
}

fn allowed() -> Result<Rules, Fault> {
    let mut rules = plain(&[
        // Its socket and its memory files. There is no call that makes or opens another one.
        libc::SYS_close,
        libc::SYS_dup,
        libc::SYS_fstat,
        libc::SYS_ftruncate,
        libc::SYS_lseek,
        libc::SYS_pread64,
        libc::SYS_preadv,
        libc::SYS_pwrite64,
        libc::SYS_pwritev,
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_recvmsg,
        libc::SYS_sendto,
        libc::SYS_write,
        libc::SYS_writev,
        // Memory; `mmap` and `mprotect` are below.
        libc::SYS_brk,
        libc::SYS_madvise,
        libc::SYS_mremap,
        libc::SYS_munmap,
        // Threads of the one process: the HEVC decoder of libheif has one of its own.
        libc::SYS_clone3, // which [`absent`] answers
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_futex,
        libc::SYS_getpid,
        libc::SYS_getppid,
        libc::SYS_gettid,
        libc::SYS_rseq,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_yield,
        libc::SYS_set_robust_list,
        libc::SYS_set_tid_address,
        libc::SYS_sigaltstack,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_restart_syscall,
        // Time and chance.
        libc::SYS_clock_getres,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_getrandom,
        libc::SYS_gettimeofday,
        libc::SYS_getrusage,
        libc::SYS_nanosleep,
    ]);
    let exec = libc::PROT_EXEC.unsigned_abs().into();
    let no_code = |position| only(&[masked(position, exec, 0)]);
    rules.insert(libc::SYS_mmap, vec![no_code(2)?]);
    rules.insert(libc::SYS_mprotect, vec![no_code(2)?]);
    rules.insert(libc::SYS_clone, vec![only(&[masked(0, CLONE.0 | CLONE.1, CLONE.0)])?]);
    // Its name, and names for what it maps; nothing that changes what it may do.
    rules.insert(
        libc::SYS_prctl,
        vec![only(&[equal(0, libc::PR_SET_NAME.unsigned_abs().into())])?, only(&[equal(0, PR_SET_VMA)])?],
    );
    // Its own limits, to be read: the first argument is a process, the third what to set.
    let null = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0);
    rules.insert(libc::SYS_prlimit64, vec![only(&[equal(0, 0), null])?]);
    let commands = [
        libc::F_GETFD,
        libc::F_SETFD,
        libc::F_GETFL,
        libc::F_GET_SEALS,
        libc::F_DUPFD,
        libc::F_DUPFD_CLOEXEC,
    ];
    let commands = commands.iter().map(|command| only(&[equal(1, command.unsigned_abs().into())]));
    rules.insert(libc::SYS_fcntl, commands.collect::<Result<_, _>>()?);
    // `fstat` of newer C libraries and of Rust: a descriptor with an empty path.
    let empty_path = libc::AT_EMPTY_PATH.unsigned_abs().into();
    rules.insert(libc::SYS_newfstatat, vec![only(&[equal(3, empty_path)])?]);
    rules.insert(libc::SYS_statx, vec![only(&[equal(2, empty_path)])?]);
    Ok(rules)
}

type Condition = Result<SeccompCondition, Fault>;

/// A rule of which every condition holds.
fn only(conditions: &[Condition]) -> Result<SeccompRule, Fault> {
    let conditions = conditions.iter().map(|condition| match condition {
        Ok(condition) => Ok(condition.clone()),
        Err(_) => Err(Fault::EmptyRule),
    });
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}

/// The lower half of an argument is this number.
fn equal(position: u8, value: u64) -> Condition {
    SeccompCondition::new(position, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

/// These bits of an argument are as in `value`.
fn masked(position: u8, bits: u64, value: u64) -> Condition {
    SeccompCondition::new(position, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(bits), value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_compile_and_contradict_each_other_nowhere() {
        let filters = filters().unwrap();
        assert!(filters.iter().all(|filter| !filter.is_empty() && filter.len() < 4096));
        let allowed = allowed().unwrap();
        assert!(killed().keys().all(|call| !allowed.contains_key(call)));
    }

    #[test]
    fn no_call_opens_connects_or_starts_anything() {
        let allowed = allowed().unwrap();
        for call in [
            libc::SYS_openat,
            libc::SYS_openat2,
            libc::SYS_socket,
            libc::SYS_connect,
            libc::SYS_bind,
            libc::SYS_kill,
            libc::SYS_tgkill,
            libc::SYS_pidfd_send_signal,
            libc::SYS_memfd_create,
            libc::SYS_ioctl,
        ] {
            assert!(!allowed.contains_key(&call), "{call}");
        }
        assert!(!allowed.get(&libc::SYS_clone).unwrap().is_empty());
        assert!(!allowed.get(&libc::SYS_prctl).unwrap().is_empty());
    }
}
