//! Number rules: prefixes that are rewritten, in the notation that operators of WAP and SMS gateways
//! know: `"+256,000256,0;+,000"`.
//!
//! Rules are separated by `;`. The first prefix of a rule is what the others become. The longest
//! prefix that a number begins with is taken, once; a number that no rule fits stays as it is.
//! Does not judge whether the result is a number.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::fmt;

/// Parsed number rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NumberRules {
    /// Prefix and what it becomes, longest prefix first.
    rewrites: Vec<(String, String)>,
}

/// Why a text holds no number rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberRulesFault {
    /// Octet of the text at which the faulty rule or prefix begins.
    pub at: usize,
    /// What is wrong with it.
    pub kind: NumberRulesFaultKind,
}

/// The kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberRulesFaultKind {
    /// A character other than digits and a leading `+`.
    Character,
    /// A prefix that another rule rewrites already.
    Repeated,
    /// A rule with a single prefix rewrites nothing.
    Single,
    /// More than 1,000 prefixes.
    TooMany,
}

/// Enough for every operator of every country; a longer list is a file given by mistake.
const MOST_PREFIXES: usize = 1_000;

impl fmt::Display for NumberRulesFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            NumberRulesFaultKind::Character => "a prefix holds digits, with or without a leading `+`",
            NumberRulesFaultKind::Repeated => "this prefix is rewritten by an earlier rule",
            NumberRulesFaultKind::Single => "a rule needs the prefix to write and at least one to replace",
            NumberRulesFaultKind::TooMany => "too many prefixes",
        };
        write!(f, "{what} (character {})", self.at + 1)
    }
}

impl NumberRules {
    /// Parses rules such as `"+256,000256,0;+,000"`; an empty text has none.
    ///
    /// # Errors
    /// The first fault with its place.
    pub fn parse(text: &str) -> Result<Self, NumberRulesFault> {
        let mut rewrites: Vec<(String, String)> = Vec::new();
        let mut at = 0;
        for rule in text.split(';') {
            let start = at;
            at += rule.len() + 1;
            if rule.trim().is_empty() {
                continue;
            }
            let mut place = start;
            let mut target: Option<&str> = None;
            let mut replaced = 0;
            for prefix in rule.split(',') {
                let here = place;
                place += prefix.len() + 1;
                let prefix = prefix.trim();
                let digits = prefix.strip_prefix('+').unwrap_or(prefix);
                if !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(NumberRulesFault { at: here, kind: NumberRulesFaultKind::Character });
                }
                let Some(target) = target else {
                    target = Some(prefix);
                    continue;
                };
                replaced += 1;
                if rewrites.iter().any(|(from, _)| from == prefix) {
                    return Err(NumberRulesFault { at: here, kind: NumberRulesFaultKind::Repeated });
                }
                if rewrites.len() == MOST_PREFIXES {
                    return Err(NumberRulesFault { at: here, kind: NumberRulesFaultKind::TooMany });
                }
                rewrites.push((prefix.to_owned(), target.to_owned()));
            }
            if replaced == 0 {
                return Err(NumberRulesFault { at: start, kind: NumberRulesFaultKind::Single });
            }
        }
        rewrites.sort_by_key(|(from, _)| core::cmp::Reverse(from.len()));
        Ok(Self { rewrites })
    }

    /// The number with its longest known prefix rewritten. A number that begins with the prefix
    /// that a rule writes already fits that rule and stays.
    #[must_use]
    pub fn apply(&self, number: &str) -> String {
        let kept = self
            .rewrites
            .iter()
            .map(|(_, to)| to)
            .filter(|to| number.starts_with(to.as_str()))
            .map(String::len)
            .max();
        for (from, to) in &self.rewrites {
            if kept.is_some_and(|kept| kept >= from.len() && kept > 0) {
                break;
            }
            if let Some(rest) = number.strip_prefix(from.as_str()) {
                return format!("{to}{rest}");
            }
        }
        number.to_owned()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_wins_and_is_rewritten_once() {
        let rules = NumberRules::parse("+256,000256,0;+,000").unwrap();
        assert_eq!(rules.apply("0772123456"), "+256772123456");
        assert_eq!(rules.apply("000256772123456"), "+256772123456");
        assert_eq!(rules.apply("000447700900001"), "+447700900001");
        assert_eq!(rules.apply("+256772123456"), "+256772123456");
        assert_eq!(rules.apply("7255"), "7255");
    }

    #[test]
    fn an_empty_prefix_stands_for_every_number() {
        let rules = NumberRules::parse("+1,").unwrap();
        assert_eq!(rules.apply("5550123456"), "+15550123456");
        assert_eq!(rules.apply("+15550123456"), "+15550123456");
    }

    #[test]
    fn a_fault_names_its_place() {
        let fault = |text| NumberRules::parse(text).unwrap_err();
        assert_eq!(fault("+256"), NumberRulesFault { at: 0, kind: NumberRulesFaultKind::Single });
        assert_eq!(fault("+1,0;+2,0x"), NumberRulesFault { at: 8, kind: NumberRulesFaultKind::Character });
        assert_eq!(fault("+1,0;+2,0"), NumberRulesFault { at: 8, kind: NumberRulesFaultKind::Repeated });
        assert_eq!(NumberRules::parse("").unwrap(), NumberRules::default());
    }
}
