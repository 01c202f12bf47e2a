//! Octets that have arrived but are not used yet, taken out as lines or as counted spans.
//!
//! Looks at every octet once, however it arrives; what is taken out is not copied again.

use bytes::{Bytes, BytesMut};
use core::fmt;

/// A queue of octets.
#[derive(Default)]
pub struct Input {
    octets: BytesMut,
    /// Octets at the front that are known to hold no LF.
    searched: usize,
}

/// Says only how much there is.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Input({} octets)", self.len())
    }
}

impl Input {
    /// Adds octets at the end.
    pub fn push(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
    }

    /// How many octets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.octets.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.octets = BytesMut::new();
        self.searched = 0;
    }

    /// A look at no more than `most` octets at the front.
    #[must_use]
    pub fn front(&self, most: usize) -> &[u8] {
        self.octets.get(..most.min(self.octets.len())).unwrap_or_default()
    }

    /// At most `most` octets from the front; `None` when there are none.
    pub fn take(&mut self, most: usize) -> Option<Bytes> {
        let count = most.min(self.octets.len());
        if count == 0 {
            return None;
        }
        self.searched = self.searched.saturating_sub(count);
        let taken = self.octets.split_to(count).freeze();
        if self.octets.is_empty() {
            // An idle connection holds no buffer.
            self.octets = BytesMut::new();
        }
        Some(taken)
    }

    /// The next line with its line end, which may be a bare LF; `None` when it is not complete.
    pub fn line(&mut self) -> Option<Bytes> {
        let new = self.octets.get(self.searched..).unwrap_or_default();
        match memchr::memchr(b'\n', new) {
            Some(found) => {
                let end = self.searched + found + 1;
                self.searched = 0;
                self.take(end)
            }
            None => {
                self.searched = self.octets.len();
                None
            }
        }
    }
}
