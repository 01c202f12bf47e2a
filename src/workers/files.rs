//! Memory files in which parts travel: sealed on the way out, so that nobody changes what is being
//! read, and measured on the way back.

use std::os::fd::OwnedFd;

use bytes::Bytes;
use cedrat_plan::job::{Fault, FaultKind};
use rustix::{
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, fstat, memfd_create},
    io::Errno,
};

/// A sealed memory file that holds a part.
///
/// # Errors
/// [`FaultKind::NoWorker`] when the system has no room for it.
pub fn memory(octets: &[u8]) -> Result<OwnedFd, Fault> {
    let file = create().map_err(no_room)?;
    let mut done: usize = 0;
    while let Some(rest) = octets.get(done..).filter(|rest| !rest.is_empty()) {
        match rustix::io::pwrite(&file, rest, done as u64) {
            Ok(0) => return Err(no_room(Errno::NOSPC)),
            Ok(count) => done += count,
            Err(Errno::INTR) => {}
            Err(fault) => return Err(no_room(fault)),
        }
    }
    let seals = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    fcntl_add_seals(&file, seals).map_err(no_room)?;
    Ok(file)
}

/// An empty memory file for a result.
///
/// # Errors
/// [`FaultKind::NoWorker`] when the system has no room for it.
pub fn empty() -> Result<OwnedFd, Fault> {
    create().map_err(no_room)
}

/// What a worker wrote, as it is at this moment: the worker can still write, the copy is ours.
///
/// # Errors
/// [`FaultKind::Crashed`] when it is more than `most` octets, or cannot be read.
pub fn take(file: &OwnedFd, most: u64) -> Result<Bytes, Fault> {
    let unreadable = |_| Fault::new(FaultKind::Crashed, "what the worker wrote cannot be read");
    let length = u64::try_from(fstat(file).map_err(unreadable)?.st_size).unwrap_or(u64::MAX);
    if length > most {
        return Err(Fault::new(
            FaultKind::Crashed,
            format!("the worker wrote {length} octets where {most} were asked for"),
        ));
    }
    let mut octets = vec![0; usize::try_from(length).unwrap_or(0)];
    let mut done: usize = 0;
    while let Some(rest) = octets.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match rustix::io::pread(file, rest, done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(Errno::INTR) => {}
            Err(fault) => return Err(unreadable(fault)),
        }
    }
    octets.truncate(done);
    Ok(octets.into())
}

fn create() -> rustix::io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Linux 6.3 and later: a file that can never become a program.
    match memfd_create("cedrat-part", flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => memfd_create("cedrat-part", flags),
        other => other,
    }
}

fn no_room(fault: Errno) -> Fault {
    Fault::new(FaultKind::NoWorker, format!("no memory file could be made: {fault}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_a_part_stays_as_it_is() {
        let octets: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
        let file = memory(&octets).unwrap();
        assert_eq!(take(&file, 200_000).unwrap(), octets);
        assert_eq!(take(&file, 199_999).unwrap_err().kind, FaultKind::Crashed);
        assert!(rustix::io::pwrite(&file, b"x", 0).is_err(), "sealed");
        assert!(rustix::fs::ftruncate(&file, 10).is_err(), "sealed");
    }

    #[test]
    fn a_result_begins_empty_and_may_grow() {
        let file = empty().unwrap();
        assert!(take(&file, 0).unwrap().is_empty());
        rustix::io::pwrite(&file, b"result", 0).unwrap();
        assert_eq!(take(&file, 6).unwrap(), &b"result"[..]);
    }
}
