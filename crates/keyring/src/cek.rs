//! The content-encryption key of one message: the only secret that ever crosses a handoff.
//!
//! It is not printed, compared, cloned or serialized, and its octets are wiped when it is dropped.
//! Locking its memory is the work of the process that holds it.

use core::fmt;

use zeroize::Zeroize;

use crate::ContentAlgorithm;

/// Octets of the longest key.
pub const MAX_OCTETS: usize = 32;

/// What a content key is for, as it is stated where it is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind {
    /// Its algorithm: `alg` of the sealed key.
    pub name: &'static str,
    /// Octets of it.
    pub octets: usize,
}

impl From<ContentAlgorithm> for Kind {
    fn from(algorithm: ContentAlgorithm) -> Self {
        Self { name: algorithm.name(), octets: algorithm.key_octets() }
    }
}

/// A key of 16, 24 or 32 octets, boxed so that moving it leaves no copy behind.
pub struct Cek {
    octets: alloc::boxed::Box<[u8; MAX_OCTETS]>,
    length: usize,
}

impl Cek {
    /// The key with these octets; `None` when no content algorithm has keys of that length. The
    /// caller wipes its own copy.
    #[must_use]
    pub fn new(octets: &[u8]) -> Option<Self> {
        if !matches!(octets.len(), 16 | 24 | 32) {
            return None;
        }
        let mut key = Self { octets: alloc::boxed::Box::new([0; MAX_OCTETS]), length: octets.len() };
        key.octets.get_mut(..octets.len())?.copy_from_slice(octets);
        Some(key)
    }

    /// The key itself, for a cipher or a seal.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Cek {
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

impl fmt::Debug for Cek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cek({} octets)", self.length)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_lengths_that_a_cipher_has_are_keys_and_none_is_printed() {
        for length in 0..=40 {
            let key = Cek::new(&[0xA5; 40][..length]);
            assert_eq!(key.is_some(), matches!(length, 16 | 24 | 32));
            assert!(key.is_none_or(|key| key.octets().len() == length));
        }
        assert_eq!(alloc::format!("{:?}", Cek::new(&[0xA5; 16]).unwrap()), "Cek(16 octets)");
    }
}
