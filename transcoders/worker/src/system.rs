//! What has no safe form: fork, closing every other descriptor, a mapped input, the allocator that
//! says so when memory ends, and the calls that only the sandbox's own test makes.
//!
//! Each function keeps the promise that makes it safe to call; the reason stands beside it.
#![allow(unsafe_code, reason = "the one place; see above")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    io,
    os::fd::BorrowedFd,
};

use cedrat_plan::worker::EXIT_MEMORY;
use rustix::process::Pid;

/// On which side of a fork.
pub(crate) enum Side {
    Child,
    Parent(Pid),
}

/// Forks. The child must never return to its caller's caller: it serves and ends with [`exit`].
///
/// # Errors
/// When the process is not alone in its address space, or the kernel has no room.
pub(crate) fn fork() -> io::Result<Side> {
    if threads() != 1 {
        // Another thread may hold a lock that nobody releases in the child.
        return Err(io::Error::other("a library started a thread"));
    }
    // SAFETY: this process has one thread, so the child finds every lock free.
    let pid = unsafe { libc::fork() };
    match Pid::from_raw(pid) {
        _ if pid < 0 => Err(io::Error::last_os_error()),
        None => Ok(Side::Child),
        Some(pid) => Ok(Side::Parent(pid)),
    }
}

/// Threads of this process; 0 where the kernel does not say.
fn threads() -> usize {
    static LAST: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    // Counted until it was one: a zygote that is alone after it loaded everything stays so.
    let last = LAST.load(std::sync::atomic::Ordering::Relaxed);
    if last == 1 {
        return last;
    }
    let count = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    LAST.store(count, std::sync::atomic::Ordering::Relaxed);
    count
}

/// Ends the process at once, without the destructors of what it has in common with its parent.
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: ends the process; nothing runs after it.
    unsafe { libc::_exit(code) }
}

/// Closes every descriptor from `first` on. Only for a forked child, whose owners of descriptors
/// are never dropped.
pub(crate) fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: the child reaches its end through `exit`, so no owner closes one of these again.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Ignores a signal, also in every process forked from here.
pub(crate) fn ignore(signal: rustix::process::Signal) {
    // SAFETY: no handler of ours, so nothing runs when it comes.
    unsafe { libc::signal(signal.as_raw(), libc::SIG_IGN) };
}

/// A memory file that can neither shrink nor be written, as octets.
pub(crate) struct Mapped {
    at: *mut core::ffi::c_void,
    length: usize,
}

impl Mapped {
    /// Maps the whole file.
    ///
    /// # Errors
    /// When it is not sealed, or there is no room.
    pub(crate) fn new(file: BorrowedFd<'_>) -> io::Result<Self> {
        use rustix::{
            fs::SealFlags,
            mm::{MapFlags, ProtFlags},
        };
        let seals = rustix::fs::fcntl_get_seals(file)?;
        if !seals.contains(SealFlags::SHRINK | SealFlags::WRITE) {
            return Err(io::Error::other("the part is not sealed"));
        }
        let length = usize::try_from(rustix::fs::fstat(file)?.st_size).unwrap_or(0);
        if length == 0 {
            return Ok(Self { at: core::ptr::null_mut(), length });
        }
        // SAFETY: a new mapping at a place that the kernel chooses; its seals keep every octet
        // there and as it is for as long as it is mapped.
        let at = unsafe {
            rustix::mm::mmap(core::ptr::null_mut(), length, ProtFlags::READ, MapFlags::PRIVATE, file, 0)
        }?;
        Ok(Self { at, length })
    }

    /// The octets.
    pub(crate) fn octets(&self) -> &[u8] {
        if self.length == 0 {
            return &[];
        }
        // SAFETY: mapped readable for `length` octets until `self` is dropped, and never written.
        unsafe { core::slice::from_raw_parts(self.at.cast_const().cast(), self.length) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if self.length > 0 {
            // SAFETY: mapped by `new`, unmapped once; `octets` borrows from `self`.
            unsafe { rustix::mm::munmap(self.at, self.length) }.unwrap_or(());
        }
    }
}

/// The system's allocator, which ends the process with a code of its own when there is no more:
/// "too large for us" is another finding than "crashed".
struct Bounded;

#[global_allocator]
static ALLOCATOR: Bounded = Bounded;

fn there(at: *mut u8) -> *mut u8 {
    if at.is_null() {
        exit(EXIT_MEMORY);
    }
    at
}

// SAFETY: what `System` gives, or nothing at all.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the same.
        there(unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        there(unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        there(unsafe { System.realloc(at, layout, size) })
    }
}

/// Tries to run a program. Returns only when that failed.
pub(crate) fn try_exec() -> io::Error {
    let path = c"/bin/true".as_ptr();
    let arguments = [path, core::ptr::null()];
    // SAFETY: both lists end with a null pointer and outlive the call.
    unsafe { libc::execv(path, arguments.as_ptr()) };
    io::Error::last_os_error()
}

/// Tries to be traced.
pub(crate) fn try_ptrace() -> io::Result<()> {
    // SAFETY: asks for nothing but a flag on this process.
    let result = unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Tries to map memory that can be written and run.
pub(crate) fn try_executable_memory() -> io::Result<()> {
    use rustix::mm::{MapFlags, ProtFlags};
    let protection = ProtFlags::READ | ProtFlags::WRITE | ProtFlags::EXEC;
    // SAFETY: a new mapping at a place that the kernel chooses; nothing refers to it.
    unsafe { rustix::mm::mmap_anonymous(core::ptr::null_mut(), 4096, protection, MapFlags::PRIVATE) }?;
    Ok(())
}

/// Tries to start a process.
pub(crate) fn try_fork() -> io::Result<()> {
    // SAFETY: the child, if there is one, ends at once.
    match unsafe { libc::fork() } {
        0 => exit(0),
        pid if pid < 0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
