//! Octets that have arrived but are not used yet, taken out as lines or as counted spans.
//!
//! Looks at every octet once, however it arrives. Used lines are erased: they may hold secrets.

use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroize;

#[derive(Default)]
pub(crate) struct Input {
    octets: Vec<u8>,
    start: usize,
    /// Octets after `start` that are known to hold no LF.
    searched: usize,
    /// The beginning of the present line was thrown away because the line is too long.
    overlong: bool,
}

/// Says only how much there is: responses to AUTH are in it.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Input({} octets)", self.len())
    }
}

/// What [`Input::line`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line ended by CRLF; the text is without it.
    Whole(Vec<u8>),
    /// A line ended by LF alone.
    BareLf(Vec<u8>),
    /// A line longer than allowed has ended; it is gone.
    TooLong,
}

impl Input {
    pub(crate) fn push(&mut self, octets: &[u8]) {
        if self.start > 0 && self.start * 2 >= self.octets.len() {
            self.octets.drain(..self.start);
            self.start = 0;
        }
        self.octets.extend_from_slice(octets);
    }

    pub(crate) fn len(&self) -> usize {
        self.octets.len() - self.start
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn octets(&self) -> &[u8] {
        self.octets.get(self.start..).unwrap_or_default()
    }

    pub(crate) fn consume(&mut self, octets: usize) {
        self.start = self.octets.len().min(self.start + octets);
        self.searched = 0;
        if self.start == self.octets.len() {
            self.clear();
        }
    }

    /// Forgets everything that was not used.
    pub(crate) fn clear(&mut self) {
        self.octets.clear();
        self.start = 0;
        self.searched = 0;
        self.overlong = false;
    }

    /// The next line of at most `max` octets with its line end; `None` when it is not complete.
    pub(crate) fn line(&mut self, max: usize) -> Option<Line> {
        let rest = self.octets();
        let found = rest.get(self.searched..).and_then(|new| memchr::memchr(b'\n', new));
        let Some(found) = found else {
            if rest.len() > max {
                let len = rest.len();
                self.consume(len);
                self.overlong = true;
            } else {
                self.searched = rest.len();
            }
            return None;
        };
        let end = self.searched + found + 1;
        let line = if self.overlong || end > max {
            Line::TooLong
        } else {
            match rest.get(..end) {
                Some([line @ .., b'\r', b'\n']) => Line::Whole(line.to_vec()),
                Some([line @ .., b'\n']) => Line::BareLf(line.to_vec()),
                _ => Line::TooLong,
            }
        };
        if let Some(used) = self.octets.get_mut(self.start..self.start + end) {
            used.zeroize();
        }
        self.consume(end);
        self.overlong = false;
        Some(line)
    }
}
