//! What a rule says of an address: the start of a number, a number with wildcards, a domain.
//!
//! Numbers are compared as the canonical message has them: `+44…` is an international number,
//! `44…` a local one or a short code, and they never match each other. No regular expressions:
//! these three cover the routing tables of the field, and each can be explained in a line.

use alloc::{format, string::String};
use core::{fmt, str::FromStr};

use cedrat_message::{Address, Number};
use serde::{Deserialize, Deserializer};

/// Longest pattern taken: a number has at most 20 digits, so more is a mistake.
const MAX_NUMBER_PATTERN: usize = 40;
/// Longest domain (RFC 1035 §2.3.4) with `*.`.
const MAX_DOMAIN_PATTERN: usize = 257;

/// Why a text is no pattern of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatternFault {
    /// Offset of the octet where it goes wrong.
    pub at: usize,
    /// What would have been right there.
    pub wanted: &'static str,
}

impl fmt::Display for PatternFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wanted {} at position {}", self.wanted, self.at + 1)
    }
}

/// Splits `+` from the rest and checks every octet of the rest.
fn number_text<'a>(
    text: &'a str,
    wanted: &'static str,
    legal: impl Fn(u8) -> bool,
) -> Result<(bool, &'a str), PatternFault> {
    let (international, rest) = match text.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if text.len() > MAX_NUMBER_PATTERN {
        return Err(PatternFault { at: MAX_NUMBER_PATTERN, wanted: "at most 40 characters" });
    }
    match rest.bytes().position(|b| !legal(b)) {
        Some(at) => Err(PatternFault { at: at + usize::from(international), wanted }),
        None => Ok((international, rest)),
    }
}

/// The start of a number: `+4477`, `+` (every international number), `72` (local and short ones).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NumberPrefix {
    international: bool,
    digits: String,
}

impl NumberPrefix {
    /// Whether a number starts with it.
    #[must_use]
    pub fn matches(&self, number: &Number) -> bool {
        number.is_international() == self.international && number.digits().starts_with(self.digits.as_str())
    }

    /// How much it says: its characters, `+` included.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.digits.len() + usize::from(self.international)
    }
}

impl FromStr for NumberPrefix {
    type Err = PatternFault;

    fn from_str(text: &str) -> Result<Self, PatternFault> {
        let (international, digits) = number_text(text, "`+` or a digit", |b| b.is_ascii_digit())?;
        if text.is_empty() {
            return Err(PatternFault { at: 0, wanted: "`+` or a digit" });
        }
        Ok(Self { international, digits: digits.into() })
    }
}

impl fmt::Display for NumberPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.international { "+" } else { "" }, self.digits)
    }
}

/// A whole number with `?` for one digit and `*` for any number of them: `+4477009000??`, `72*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NumberPattern {
    international: bool,
    glob: String,
}

impl NumberPattern {
    /// Whether a number is one of those meant.
    #[must_use]
    pub fn matches(&self, number: &Number) -> bool {
        number.is_international() == self.international
            && glob(self.glob.as_bytes(), number.digits().as_bytes())
    }

    /// How much it says: the characters that are fixed.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.glob.bytes().filter(u8::is_ascii_digit).count() + usize::from(self.international)
    }
}

/// Wildcard match that goes back to the last `*` only: at most pattern times text steps.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while let Some(&digit) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == digit => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((star_p, star_t)) = star else { return false };
                p = star_p + 1;
                t = star_t + 1;
                star = Some((star_p, t));
            }
        }
    }
    pattern.iter().skip(p).all(|&c| c == b'*')
}

impl FromStr for NumberPattern {
    type Err = PatternFault;

    fn from_str(text: &str) -> Result<Self, PatternFault> {
        const WANTED: &str = "a digit, `?` or `*`";
        let (international, glob) =
            number_text(text, WANTED, |b| b.is_ascii_digit() || b == b'?' || b == b'*')?;
        if glob.is_empty() {
            return Err(PatternFault { at: text.len(), wanted: WANTED });
        }
        Ok(Self { international, glob: glob.into() })
    }
}

impl fmt::Display for NumberPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.international { "+" } else { "" }, self.glob)
    }
}

/// A domain (`example.org`), everything below one (`*.example.org`, without itself), or all (`*`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DomainPattern {
    /// Every domain.
    Any,
    /// The domain below which it must lie, in lower case.
    Below(String),
    /// That domain, in lower case.
    Exactly(String),
}

impl DomainPattern {
    /// Whether a domain, of any case, is one of those meant.
    #[must_use]
    pub fn matches(&self, domain: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(own) => own.eq_ignore_ascii_case(domain),
            Self::Below(own) => {
                let (domain, own) = (domain.as_bytes(), own.as_bytes());
                domain
                    .len()
                    .checked_sub(own.len() + 1)
                    .filter(|&dot| dot > 0 && domain.get(dot) == Some(&b'.'))
                    .and_then(|dot| domain.get(dot + 1..))
                    .is_some_and(|end| end.eq_ignore_ascii_case(own))
            }
        }
    }

    /// How much it says: its octets; a whole domain says more than any suffix of it.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Any => 0,
            Self::Below(own) => own.len(),
            Self::Exactly(own) => own.len() + 2,
        }
    }
}

impl FromStr for DomainPattern {
    type Err = PatternFault;

    fn from_str(text: &str) -> Result<Self, PatternFault> {
        const WANTED: &str = "a domain, `*.domain` or `*`";
        if text == "*" {
            return Ok(Self::Any);
        }
        let (below, domain) = match text.strip_prefix("*.") {
            Some(domain) => (true, domain),
            None => (false, text),
        };
        let offset = if below { 2 } else { 0 };
        if text.len() > MAX_DOMAIN_PATTERN {
            return Err(PatternFault { at: MAX_DOMAIN_PATTERN, wanted: "a domain of at most 255 octets" });
        }
        if let Some(at) = domain.bytes().position(|b| b.is_ascii_whitespace() || b"*@<>,;\"/".contains(&b)) {
            return Err(PatternFault { at: offset + at, wanted: WANTED });
        }
        if domain.split('.').any(str::is_empty) {
            return Err(PatternFault { at: offset, wanted: WANTED });
        }
        let domain = domain.to_lowercase();
        Ok(if below { Self::Below(domain) } else { Self::Exactly(domain) })
    }
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Below(own) => write!(f, "*.{own}"),
            Self::Exactly(own) => f.write_str(own),
        }
    }
}

macro_rules! read_from_text {
    ($($kind:ident)*) => {$(
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::text::parsed(deserializer)
            }
        }
    )*};
}
read_from_text! { NumberPrefix NumberPattern DomainPattern }

/// The heaviest of the prefixes that an address starts with.
pub(crate) fn longest_prefix<'a>(
    prefixes: &'a [NumberPrefix],
    address: &Address,
) -> Option<&'a NumberPrefix> {
    let number = address.number()?;
    prefixes.iter().filter(|prefix| prefix.matches(number)).max_by_key(|prefix| prefix.weight())
}

/// The heaviest of the patterns that the domain of an address is meant by.
pub(crate) fn closest_domain<'a>(
    domains: &'a [DomainPattern],
    address: &Address,
) -> Option<&'a DomainPattern> {
    let domain = address.mail()?.domain();
    domains.iter().filter(|pattern| pattern.matches(domain)).max_by_key(|pattern| pattern.weight())
}

/// Texts joined for a person: `a, b or c`.
pub(crate) fn joined<T: fmt::Display>(items: &[T]) -> String {
    let mut text = String::new();
    for (i, item) in items.iter().enumerate() {
        text.push_str(match i {
            0 => "",
            _ if i + 1 == items.len() => " or ",
            _ => ", ",
        });
        text.push_str(&format!("{item}"));
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn a_prefix_tells_international_numbers_from_local_ones() {
        let uk: NumberPrefix = "+44".parse().unwrap();
        assert!(uk.matches(&number("+447700900001")));
        assert!(!uk.matches(&number("447700900001")));
        assert!(!uk.matches(&number("+4")));
        assert!("+".parse::<NumberPrefix>().unwrap().matches(&number("+15550120001")));
        assert!("7".parse::<NumberPrefix>().unwrap().matches(&number("7255")));
    }

    #[test]
    fn wildcards_stand_for_digits() {
        let matches =
            |pattern: &str, text: &str| pattern.parse::<NumberPattern>().unwrap().matches(&number(text));
        assert!(matches("+4477009000??", "+447700900001"));
        assert!(!matches("+4477009000??", "+4477009000123"));
        assert!(matches("72*", "72"));
        assert!(matches("*55", "7255"));
        assert!(matches("7*5", "7255"));
        assert!(!matches("7*6", "7255"));
        assert!(!matches("*", "+1"));
    }

    #[test]
    fn a_suffix_means_what_lies_below_it() {
        let below: DomainPattern = "*.Example.org".parse().unwrap();
        assert!(below.matches("mms.EXAMPLE.org"));
        assert!(!below.matches("example.org"));
        assert!(!below.matches("badexample.org"));
        assert!(!below.matches(".example.org"));
        assert!("example.org".parse::<DomainPattern>().unwrap().matches("Example.ORG"));
    }

    #[test]
    fn a_fault_names_its_place() {
        assert_eq!("+44x".parse::<NumberPrefix>().unwrap_err().at, 3);
        assert_eq!("".parse::<NumberPrefix>().unwrap_err().at, 0);
        assert_eq!("+".parse::<NumberPattern>().unwrap_err().at, 1);
        for text in ["", "*.", "a..b", "*.*.a", "a b", "a@b", "*a"] {
            assert!(text.parse::<DomainPattern>().is_err(), "{text:?}");
        }
    }

    fn slow_glob(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), None) => slow_glob(rest, text),
            (Some((b'*', rest)), Some((_, tail))) => slow_glob(rest, text) || slow_glob(pattern, tail),
            (Some((&c, rest)), Some((&d, tail))) if c == b'?' || c == d => slow_glob(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn wildcards_agree_with_the_definition(pattern in "[12?*]{1,8}", text in "[12]{1,10}") {
            let parsed: NumberPattern = pattern.parse().unwrap();
            prop_assert_eq!(parsed.matches(&number(&text)), slow_glob(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn no_text_stops_it(text in ".{0,60}") {
            let faults = [
                text.parse::<NumberPrefix>().err(),
                text.parse::<NumberPattern>().err(),
                text.parse::<DomainPattern>().map(|pattern| pattern.matches(&text)).err(),
            ];
            prop_assert!(faults.into_iter().flatten().all(|fault| fault.at <= text.len()));
        }
    }
}
