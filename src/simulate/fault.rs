//! Faults on request: which messages are refused, which are taken without a word, and how long a
//! reply takes. The n-th message of a seed always meets the same fate.

use std::{str::FromStr, time::Duration};

/// A stream of numbers that look random (splitmix64); the same for the same seed.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The stream of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next number as a fraction, 0 to below 1.
    pub fn fraction(&mut self) -> f64 {
        // 53 bits are what a fraction holds.
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A refusal and how often it happens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Failure {
    /// The SMTP code, 400 to 599.
    pub code: u16,
    /// 0 to 1.
    pub probability: f64,
}

/// `CODE:PROBABILITY`, such as `451:0.1`.
impl FromStr for Failure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || format!("{text:?} is not CODE:PROBABILITY, such as 451:0.1");
        let (code, probability) = text.split_once(':').ok_or_else(wanted)?;
        let code = code.parse().ok().filter(|code| (400..600).contains(code)).ok_or_else(wanted)?;
        Ok(Self { code, probability: probability_of(probability)? })
    }
}

/// A probability, 0 to 1.
///
/// # Errors
/// When it is not.
pub fn probability_of(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| format!("{text:?} is not a probability, 0 to 1"))
}

/// What is to go wrong.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Refusals at the end of a message.
    pub failures: Vec<Failure>,
    /// How often a message is taken and the connection dropped instead of a reply, 0 to 1.
    pub drop_after_dot: f64,
    /// How long each reply to a message takes.
    pub delay: Duration,
    /// What chance begins with.
    pub seed: u64,
}

impl Faults {
    /// Whether all of it can happen.
    ///
    /// # Errors
    /// When the probabilities make up more than 1.
    pub fn check(&self) -> Result<(), String> {
        let sum: f64 =
            self.failures.iter().map(|failure| failure.probability).sum::<f64>() + self.drop_after_dot;
        if sum > 1.0 { Err(format!("the probabilities make up {sum}, more than 1")) } else { Ok(()) }
    }

    /// What happens to the next message. One draw for each, so that an added fault moves no other.
    pub fn next(&self, chance: &mut Chance) -> Fate {
        let mut drawn = chance.fraction();
        for failure in &self.failures {
            if drawn < failure.probability {
                return Fate::Refused(failure.code);
            }
            drawn -= failure.probability;
        }
        if drawn < self.drop_after_dot { Fate::Dropped } else { Fate::Taken }
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Taken, and the connection dropped before the reply: its sender cannot know.
    Dropped,
    /// Refused with this code.
    Refused(u16),
    /// Taken.
    Taken,
}

impl Fate {
    /// Whether the message is here.
    pub const fn is_taken(self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}

impl std::fmt::Display for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dropped => f.write_str("taken, reply dropped"),
            Self::Refused(code) => write!(f, "refused {code}"),
            Self::Taken => f.write_str("taken"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn fates(faults: &Faults) -> Vec<Fate> {
        let mut chance = Chance::new(faults.seed);
        (0..1000).map(|_| faults.next(&mut chance)).collect()
    }

    #[test]
    fn a_seed_gives_the_same_fates_in_about_the_wanted_shares() {
        let failures = vec!["451:0.2".parse().unwrap(), "554:0.1".parse().unwrap()];
        let faults = Faults { failures, drop_after_dot: 0.1, seed: 7, ..Faults::default() };
        let first = fates(&faults);
        assert_eq!(first, fates(&faults));
        assert_ne!(first, fates(&Faults { seed: 8, ..faults }));
        let share = |wanted| first.iter().filter(|fate| **fate == wanted).count();
        assert!((150..250).contains(&share(Fate::Refused(451))));
        assert!((60..140).contains(&share(Fate::Refused(554))));
        assert!((60..140).contains(&share(Fate::Dropped)));
    }

    #[test]
    fn what_is_no_fault_is_not_read_as_one() {
        for text in ["", "451", "250:0.1", "600:0.1", "451:2", "451:-1", "451:nan", "451:0.1:2"] {
            assert!(text.parse::<Failure>().is_err(), "{text}");
        }
        let failures = vec!["451:0.6".parse().unwrap(), "554:0.6".parse().unwrap()];
        assert!(Faults { failures, ..Faults::default() }.check().is_err());
    }
}
