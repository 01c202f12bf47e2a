//! Numbers that stand for e-mail addresses, so that a handset which knows only numbers can show
//! and answer a mail (one thread per correspondent).
//!
//! An address asks for its numbers in a fixed sequence and keeps the first that the store has for
//! it or that is free. Which numbers are taken is the store's knowledge; the sequence depends on
//! the address and the pool alone, so it is the same after a restart and on every node.

use alloc::{format, string::String};
use core::{fmt, str::FromStr};

use cedrat_message::{MailAddress, Number};
use serde::{Deserialize, Deserializer};

use crate::hash;

/// Why a text is no pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolFault {
    /// Neither `+first..+last` nor `+prefix???`.
    Form,
    /// First and last differ in length, or last is before first.
    Range,
    /// More than 15 digits (E.164).
    TooLong,
}

impl fmt::Display for PoolFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "a pool is `+first..+last` or a `+prefix` with `?` for each further digit",
            Self::Range => "the last number of a pool is as long as the first and not before it",
            Self::TooLong => "a number has at most 15 digits",
        })
    }
}

/// A pool of numbers, `+88213000000..+88213999999` or `+88213??????`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasPool {
    international: bool,
    width: usize,
    first: u64,
    last: u64,
    /// The number `first`; also the answer if a number could ever not be written.
    least: Number,
}

impl AliasPool {
    /// How many numbers there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.last - self.first + 1
    }

    /// The number that an address asks for at its attempt `probe` (from 0). All numbers of the
    /// pool occur once in the first [`AliasPool::size`] attempts. The case of the address does
    /// not matter, as people do not keep it.
    #[must_use]
    pub fn candidate(&self, address: &MailAddress, probe: u64) -> Number {
        let start = hash::mix(hash::fnv(&[&format!("{address}").to_lowercase()])) % self.size();
        let offset = (u128::from(start) + u128::from(probe % self.size())) % u128::from(self.size());
        let value = self.first + u64::try_from(offset).unwrap_or(0);
        self.number(value)
    }

    fn number(&self, value: u64) -> Number {
        let text = format!("{value:0width$}", width = self.width);
        let number = if self.international { Number::international(&text) } else { Number::local(&text) };
        number.unwrap_or_else(|_| self.least.clone())
    }

    /// Whether a number belongs to the pool, taken or not.
    #[must_use]
    pub fn is_alias(&self, number: &Number) -> bool {
        number.is_international() == self.international
            && number.digits().len() == self.width
            && number.digits().parse::<u64>().is_ok_and(|value| (self.first..=self.last).contains(&value))
    }
}

impl FromStr for AliasPool {
    type Err = PoolFault;

    fn from_str(text: &str) -> Result<Self, PoolFault> {
        let text = text.trim();
        let (first, last): (String, String) = match text.split_once("..") {
            Some((first, last)) => (first.trim().into(), last.trim().into()),
            None if text.contains('?') => {
                if text.trim_end_matches('?').contains('?') {
                    return Err(PoolFault::Form);
                }
                (text.replace('?', "0"), text.replace('?', "9"))
            }
            None => return Err(PoolFault::Form),
        };
        let read = |text: &str| -> Result<(bool, usize, u64), PoolFault> {
            let digits = text.strip_prefix('+').unwrap_or(text);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(PoolFault::Form);
            }
            if digits.len() > 15 {
                return Err(PoolFault::TooLong);
            }
            let value = digits.parse().map_err(|_| PoolFault::TooLong)?;
            Ok((digits.len() != text.len(), digits.len(), value))
        };
        let (first, last) = (read(&first)?, read(&last)?);
        let (international, width, low) = first;
        let (international_too, width_too, high) = last;
        if international != international_too || width != width_too || high < low {
            return Err(PoolFault::Range);
        }
        let text = format!("{low:0width$}");
        let least = if international { Number::international(&text) } else { Number::local(&text) };
        let least = least.map_err(|_| PoolFault::TooLong)?;
        Ok(Self { international, width, first: low, last: high, least })
    }
}

impl<'de> Deserialize<'de> for AliasPool {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::parsed(deserializer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloc::{collections::BTreeSet, string::ToString as _};
    use proptest::prelude::*;

    fn pool(text: &str) -> AliasPool {
        text.parse().unwrap()
    }

    fn mail(text: &str) -> MailAddress {
        MailAddress::parse(text).unwrap()
    }

    #[test]
    fn both_notations_mean_the_same_numbers() {
        assert_eq!(pool("+88213000000..+88213999999"), pool("+88213??????"));
        assert_eq!(pool("+88213??????").size(), 1_000_000);
        assert_eq!(pool("0000..0099").size(), 100);
    }

    #[test]
    fn an_address_keeps_its_sequence_for_ever() {
        let pool = pool("+88213??????");
        let number = pool.candidate(&mail("Alice@Mail.example"), 0);
        assert_eq!(number, pool.candidate(&mail("alice@mail.example"), 0));
        assert_eq!(number.to_string(), "+88213026234");
        assert_ne!(number, pool.candidate(&mail("bob@mail.example"), 0));
    }

    #[test]
    fn all_numbers_come_once_before_any_comes_again() {
        let pool = pool("0990..1009");
        let numbers: BTreeSet<String> =
            (0..20).map(|probe| pool.candidate(&mail("a@b.example"), probe).to_string()).collect();
        assert_eq!(numbers.len(), 20);
        assert_eq!(numbers.first().unwrap(), "0990");
        assert_eq!(
            pool.candidate(&mail("a@b.example"), 20),
            pool.candidate(&mail("a@b.example"), 0),
            "and then again"
        );
    }

    #[test]
    fn only_numbers_of_the_pool_are_aliases() {
        let pool = pool("+88213000000..+88213000099");
        let is = |text: &str| pool.is_alias(&Number::parse(text).unwrap());
        assert!(is("+88213000000") && is("+88213000099"));
        assert!(!is("+88213000100") && !is("88213000000") && !is("+088213000000") && !is("+8821300000"));
    }

    #[test]
    fn what_is_no_pool_is_named() {
        let fault = |text: &str| text.parse::<AliasPool>().unwrap_err();
        assert_eq!(fault("+88213"), PoolFault::Form);
        assert_eq!(fault("+88?13?"), PoolFault::Form);
        assert_eq!(fault("+1..+a"), PoolFault::Form);
        assert_eq!(fault("+2..+1"), PoolFault::Range);
        assert_eq!(fault("+1..10"), PoolFault::Range);
        assert_eq!(fault("+1..+10"), PoolFault::Range);
        assert_eq!(fault("+????????????????"), PoolFault::TooLong);
    }

    proptest! {
        #[test]
        fn every_candidate_is_an_alias(local in "[a-z]{1,9}", probe: u64, first in 0u64..999, more in 0u64..999) {
            let pool = pool(&format!("+49{first:04}..+49{:04}", first + more));
            let address = MailAddress::new(&local, "b.example").unwrap();
            prop_assert!(pool.is_alias(&pool.candidate(&address, probe)));
        }

        #[test]
        fn no_text_stops_it(text in ".{0,40}") {
            let pool = text.parse::<AliasPool>();
            prop_assert!(pool.is_err() || pool.is_ok_and(|pool| pool.size() > 0));
        }
    }
}
