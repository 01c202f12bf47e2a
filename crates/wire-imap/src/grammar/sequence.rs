//! Sequence sets (RFC 9051 section 9, `sequence-set`): message numbers or UIDs as ranges, never expanded.
//!
//! Order is kept: COPYUID pairs the numbers of two sets one by one. `*` stands for the greatest number in use.

use super::{Malformed, Reader};
use alloc::{format, string::String, vec::Vec};
use core::{fmt, ops::RangeInclusive};

/// Numbers from 1, as ranges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SequenceSet(Vec<Range>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: u32,
    /// `None` is `*`.
    last: Option<u32>,
}

impl SequenceSet {
    /// One number.
    #[must_use]
    pub fn one(number: u32) -> Self {
        Self::range(number, number)
    }

    /// All numbers from one to the other. 0, which is no number, counts as 1.
    #[must_use]
    pub fn range(first: u32, last: u32) -> Self {
        let (first, last) = (first.max(1), last.max(1));
        Self(alloc::vec![Range { first: first.min(last), last: Some(first.max(last)) }])
    }

    /// `first:*`. It holds the greatest number in use even when that is less than `first`.
    #[must_use]
    pub fn from(first: u32) -> Self {
        Self(alloc::vec![Range { first: first.max(1), last: None }])
    }

    /// Adds the ranges of another set behind these.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Whether there is no number in it. Such a set cannot be written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers it has; `*` counts as one.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().map(|range| range.last.map_or(1, |last| u64::from(last - range.first) + 1)).sum()
    }

    /// Whether `number` is in it. A range to `*` is taken to have no end.
    #[must_use]
    pub fn contains(&self, number: u32) -> bool {
        self.0.iter().any(|range| range.first <= number && range.last.is_none_or(|last| number <= last))
    }

    /// The ranges in their order. A range to `*` goes to the last number that there can be.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u32>> + '_ {
        self.0.iter().map(|range| range.first..=range.last.unwrap_or(u32::MAX))
    }

    /// The numbers in their order, one by one. There may be four milliards: take only as many as are wanted.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges().flatten()
    }

    /// The numbers from `first` on, in their order; those below it cost nothing.
    pub fn numbers_from(&self, first: u32) -> impl Iterator<Item = u32> + '_ {
        self.ranges().flat_map(move |range| first.max(*range.start())..=*range.end())
    }

    /// The greatest number; that of a range to `*` is the last that there can be.
    #[must_use]
    pub fn greatest(&self) -> Option<u32> {
        self.ranges().map(|range| *range.end()).max()
    }

    /// Reads `2,4:7,9:*`.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut ranges: Vec<Range> = Vec::new();
        loop {
            let one = end(reader)?;
            let other = if reader.eat(b':') { end(reader)? } else { one };
            ranges.push(match (one, other) {
                (Some(one), Some(other)) => Range { first: one.min(other), last: Some(one.max(other)) },
                (Some(first), None) | (None, Some(first)) => Range { first, last: None },
                // `*` alone.
                (None, None) => Range { first: u32::MAX, last: None },
            });
            if !reader.eat(b',') {
                return Ok(Self(ranges));
            }
        }
    }
}

fn end(reader: &mut Reader<'_>) -> Result<Option<u32>, Malformed> {
    if reader.eat(b'*') {
        return Ok(None);
    }
    let error = reader.wanted("number from 1");
    match reader.number()? {
        0 => Err(error),
        number => Ok(Some(number)),
    }
}

/// Sorted and with neighbours joined.
impl FromIterator<u32> for SequenceSet {
    fn from_iter<T: IntoIterator<Item = u32>>(numbers: T) -> Self {
        let mut numbers: Vec<u32> = numbers.into_iter().filter(|number| *number > 0).collect();
        numbers.sort_unstable();
        let mut ranges: Vec<Range> = Vec::new();
        for number in numbers {
            match ranges.last_mut() {
                Some(Range { last: Some(last), .. }) if number <= last.saturating_add(1) => *last = number,
                _ => ranges.push(Range { first: number, last: Some(number) }),
            }
        }
        Self(ranges)
    }
}

/// As it is written.
impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranges: Vec<String> = self
            .0
            .iter()
            .map(|range| match range.last {
                Some(last) if last == range.first => format!("{last}"),
                Some(last) => format!("{}:{last}", range.first),
                None if range.first == u32::MAX => "*".into(),
                None => format!("{}:*", range.first),
            })
            .collect();
        f.write_str(&ranges.join(","))
    }
}
