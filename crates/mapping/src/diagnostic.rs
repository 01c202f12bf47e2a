//! Faults in mapping tables: where, what, and the nearest thing that would have been right.
//!
//! A compilation collects all of them; nothing here decides whether a table is used.

use alloc::{borrow::ToOwned, string::String, vec, vec::Vec};
use core::{fmt, ops::Range};

/// One fault of one table file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// The file, as named by whoever gave its text.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, one sentence.
    pub message: String,
    /// What may have been meant.
    pub hint: Option<String>,
}

impl fmt::Display for Diagnostic {
    /// `path:line:column: message (hint)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.path, self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// The faults of one file as they are found.
pub(crate) struct Faults<'a> {
    path: &'a str,
    text: &'a str,
    found: &'a mut Vec<Diagnostic>,
}

impl<'a> Faults<'a> {
    pub(crate) fn new(path: &'a str, text: &'a str, found: &'a mut Vec<Diagnostic>) -> Self {
        Self { path, text, found }
    }

    /// How many there are so far, of all files.
    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    /// Notes a fault at the start of `span`, octets of the file's text.
    pub(crate) fn push(&mut self, span: &Range<usize>, message: String, hint: Option<String>) {
        let (line, column) = position(self.text, span.start);
        self.found.push(Diagnostic { path: self.path.to_owned(), line, column, message, hint });
    }
}

/// Line and column, both from 1, of the character at or after octet `at`.
pub(crate) fn position(text: &str, at: usize) -> (usize, usize) {
    let mut line = 1;
    let mut column = 1;
    for (offset, c) in text.char_indices() {
        if offset >= at {
            break;
        }
        if c == '\n' {
            line += 1;
            column = 1;
        } else {
            column += 1;
        }
    }
    (line, column)
}

/// The candidate that is the fewest edits away, ASCII case ignored; none when more than a third of
/// the word (at least two letters) would have to change.
pub(crate) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let allowed = (word.chars().count() / 3).max(2);
    candidates
        .into_iter()
        .filter(|c| c.len() <= LONGEST)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Edit distance (insert, delete, replace) without regard to ASCII case.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut next = vec![i + 1];
        for ((cb, up_left), up) in b.iter().zip(&row).zip(row.iter().skip(1)) {
            let left = next.last().copied().unwrap_or(0);
            let replaced = up_left + usize::from(ca != *cb);
            next.push(replaced.min(up + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_characters_from_one() {
        assert_eq!(position("ä=1\nb", 0), (1, 1));
        assert_eq!(position("ä=1\nb", 2), (1, 2));
        assert_eq!(position("ä=1\nb", 5), (2, 1));
        assert_eq!(position("a", 99), (1, 2));
    }

    #[test]
    fn the_nearest_name_is_one_that_a_tired_person_meant() {
        assert_eq!(nearest("prioritiy", ["subject", "priority"]), Some("priority"));
        assert_eq!(nearest("Delivery-report", ["delivery-report", "delivery-time"]), Some("delivery-report"));
        assert_eq!(nearest("xyzzy", ["subject", "priority"]), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
