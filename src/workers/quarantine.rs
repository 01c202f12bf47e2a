//! Parts at which workers died. The second death may have been bad luck; there is no third.

use std::{
    collections::{HashMap, VecDeque},
    os::fd::BorrowedFd,
};

use rustix::{fs::fstat, io::pread};
use sha2::{Digest as _, Sha256};

/// Deaths after which a part is not tried again.
const DEATHS: u32 = 2;

/// Parts that are remembered, the latest ones. Each is some hundred octets.
const MOST: usize = 1024;

/// SHA-256 and length of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Part {
    digest: [u8; 32],
    octets: u64,
}

impl Part {
    /// Reads a part. `None` when it cannot be read.
    pub(super) fn of(file: BorrowedFd<'_>) -> Option<Self> {
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 64 * 1024];
        let mut octets: u64 = 0;
        loop {
            match pread(file, buffer.as_mut_slice(), octets) {
                Ok(0) => return Some(Self { digest: hash.finalize().into(), octets }),
                Ok(count) => {
                    hash.update(buffer.get(..count)?);
                    octets += count as u64;
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return None,
            }
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Quarantine {
    deaths: HashMap<Part, u32>,
    order: VecDeque<Part>,
}

impl Quarantine {
    /// Whether a part of this length was seen, so that it is worth hashing one.
    pub(super) fn may_hold(&self, file: BorrowedFd<'_>) -> bool {
        if self.deaths.is_empty() {
            return false;
        }
        let length = fstat(file).ok().and_then(|stat| u64::try_from(stat.st_size).ok());
        self.deaths.keys().any(|part| Some(part.octets) == length)
    }

    /// Whether workers died at it often enough.
    pub(super) fn holds(&self, part: &Part) -> bool {
        self.deaths.get(part).is_some_and(|&deaths| deaths >= DEATHS)
    }

    /// A worker died at it.
    pub(super) fn note(&mut self, part: Part) {
        let deaths = self.deaths.entry(part).or_insert(0);
        if *deaths == 0 {
            self.order.push_back(part);
        }
        *deaths += 1;
        while self.order.len() > MOST {
            if let Some(oldest) = self.order.pop_front() {
                self.deaths.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;
    use crate::workers::memory;

    #[test]
    fn the_third_attempt_is_refused_and_memory_is_bounded() {
        let mut quarantine = Quarantine::default();
        let file = memory(b"a part").unwrap();
        let part = Part::of(file.as_fd()).unwrap();
        assert!(!quarantine.may_hold(file.as_fd()));
        for expected in [false, true, true] {
            quarantine.note(part);
            assert!(quarantine.may_hold(file.as_fd()));
            assert_eq!(quarantine.holds(&part), expected);
        }
        let other = memory(b"b part").unwrap();
        assert!(quarantine.may_hold(other.as_fd()), "of the same length");
        assert!(!quarantine.holds(&Part::of(other.as_fd()).unwrap()));
        for number in 0..2 * MOST as u64 {
            quarantine.note(Part { digest: [0; 32], octets: number });
        }
        assert_eq!((quarantine.deaths.len(), quarantine.order.len()), (MOST, MOST));
        assert!(!quarantine.holds(&part), "forgotten in favour of later ones");
    }
}
