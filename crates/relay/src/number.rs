//! Number normalisation in Kannel's unified-prefix notation: `"+256,000256,0;+,000"` reads
//! "what starts with 000256 or 0 really starts with +256; what starts with 000, with +".
//!
//! The longest prefix of all rules wins, so the order of the rules does not matter. Kannel takes
//! the first in reading order, by which `000447…` of the example above becomes `+25600447…`;
//! nobody who writes that list means it.

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};
use core::{fmt, str::FromStr};

use cedrat_message::{Address, AddressFault, Number};
use serde::{Deserialize, Deserializer};

/// Most prefixes in one set of rules. Every number is compared with all of them.
pub const MAX_PREFIXES: usize = 1024;

/// Why a text is no set of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RulesFault {
    /// Offset of the octet where it goes wrong.
    pub at: usize,
    /// What is wrong there.
    pub kind: RulesFaultKind,
}

/// What is wrong with a set of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RulesFaultKind {
    /// Something else than digits behind an optional `+`.
    Character,
    /// The same prefix stands for two official ones.
    Contradiction,
    /// An empty prefix: it would match every number.
    Empty,
    /// More than [`MAX_PREFIXES`].
    TooMany,
}

impl fmt::Display for RulesFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            RulesFaultKind::Character => "a prefix is digits with or without `+` before them",
            RulesFaultKind::Contradiction => "this prefix already has another official form",
            RulesFaultKind::Empty => "a prefix is missing",
            RulesFaultKind::TooMany => "there are more than 1024 prefixes",
        };
        write!(f, "{what}, at position {}", self.at + 1)
    }
}

/// Rules by which the numbers of a network get one form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NumberRules {
    /// Prefix and what it becomes, longest prefix first.
    pairs: Vec<(String, String)>,
}

/// What a set of rules did with a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalised {
    /// The number to go on with.
    pub number: Number,
    /// Prefix found and what took its place; `None` when no prefix matched.
    pub rule: Option<(String, String)>,
}

impl NumberRules {
    /// Rules in unified-prefix notation; the empty text has none.
    ///
    /// # Errors
    /// The first fault with its position.
    pub fn parse(text: &str) -> Result<Self, RulesFault> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut at = 0;
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        for group in text.split(';') {
            let mut official: Option<&str> = None;
            for item in group.split(',') {
                let blanks = item.len() - item.trim_start().len();
                let prefix = item.trim();
                let start = at + blanks;
                at += item.len() + 1;
                let fault = |at, kind| RulesFault { at, kind };
                if prefix.is_empty() {
                    return Err(fault(start, RulesFaultKind::Empty));
                }
                let digits = prefix.strip_prefix('+').unwrap_or(prefix);
                if let Some(bad) = digits.bytes().position(|b| !b.is_ascii_digit()) {
                    let at = start + prefix.len() - digits.len() + bad;
                    return Err(fault(at, RulesFaultKind::Character));
                }
                let official = *official.get_or_insert(prefix);
                match pairs.iter().find(|(known, _)| known == prefix) {
                    Some((_, other)) if other != official => {
                        return Err(fault(start, RulesFaultKind::Contradiction));
                    }
                    Some(_) => {}
                    None if pairs.len() == MAX_PREFIXES => {
                        return Err(fault(start, RulesFaultKind::TooMany));
                    }
                    None => pairs.push((prefix.into(), official.into())),
                }
            }
        }
        pairs.sort_by_key(|(prefix, _)| core::cmp::Reverse(prefix.len()));
        Ok(Self { pairs })
    }

    /// The number in the official form.
    ///
    /// # Errors
    /// When what comes out has more digits than a number may have.
    pub fn apply(&self, number: &Number) -> Result<Normalised, AddressFault> {
        let text = number.to_string();
        for (prefix, official) in &self.pairs {
            if let Some(rest) = text.strip_prefix(prefix.as_str()) {
                let number = if prefix == official {
                    number.clone()
                } else {
                    Number::parse(&alloc::format!("{official}{rest}"))?
                };
                return Ok(Normalised { number, rule: Some((prefix.clone(), official.clone())) });
            }
        }
        Ok(Normalised { number: number.clone(), rule: None })
    }

    /// The address with its number, if it is one, in the official form.
    ///
    /// # Errors
    /// As [`NumberRules::apply`].
    pub fn apply_to(&self, address: &Address) -> Result<Address, AddressFault> {
        match address.number() {
            Some(number) => self.apply(number).map(|normalised| Address::Number(normalised.number)),
            None => Ok(address.clone()),
        }
    }

    /// Whether there is no rule.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

impl FromStr for NumberRules {
    type Err = RulesFault;

    fn from_str(text: &str) -> Result<Self, RulesFault> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for NumberRules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::parsed(deserializer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn applied(rules: &str, number: &str) -> String {
        NumberRules::parse(rules).unwrap().apply(&Number::parse(number).unwrap()).unwrap().number.to_string()
    }

    #[test]
    fn the_longest_prefix_is_replaced_by_its_official_form() {
        let rules = "+256,000256,0;+,000";
        assert_eq!(applied(rules, "000256772000001"), "+256772000001");
        assert_eq!(applied(rules, "0772000001"), "+256772000001");
        assert_eq!(applied(rules, "000447700900001"), "+447700900001");
        assert_eq!(applied(rules, "+447700900001"), "+447700900001");
        assert_eq!(applied(rules, "7255"), "7255");
    }

    #[test]
    fn a_fault_names_its_position() {
        let fault = |text| NumberRules::parse(text).unwrap_err();
        assert_eq!(fault("+44,0044,;+,00"), RulesFault { at: 9, kind: RulesFaultKind::Empty });
        assert_eq!(fault("+44, 00x4"), RulesFault { at: 7, kind: RulesFaultKind::Character });
        assert_eq!(fault("+44,0;+1,0"), RulesFault { at: 9, kind: RulesFaultKind::Contradiction });
        assert_eq!(fault("+44,4+4"), RulesFault { at: 5, kind: RulesFaultKind::Character });
        let long: Vec<String> = (0..=MAX_PREFIXES).map(|i| i.to_string()).collect();
        assert_eq!(fault(&long.join(",")).kind, RulesFaultKind::TooMany);
        assert!(NumberRules::parse(" ").unwrap().is_empty());
    }

    #[test]
    fn a_number_that_becomes_too_long_is_refused() {
        let rules = NumberRules::parse("+44123,0").unwrap();
        let number = Number::local("012345678901234").unwrap();
        assert_eq!(rules.apply(&number), Err(AddressFault::Length));
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing_more(number in "\\+?[0-9]{1,9}") {
            let rules = "+256,000256,0;+,000";
            let once = applied(rules, &number);
            prop_assert_eq!(applied(rules, &once), once.clone());
        }

        #[test]
        fn no_text_stops_it(text in ".{0,60}") {
            let fault = NumberRules::parse(&text).err();
            prop_assert!(fault.is_none_or(|fault| fault.at <= text.len()));
        }
    }
}
