//! Which limit counts for a message on its way, and who set it.
//!
//! A route, the peer that it came from and the peer that it goes to may each state limits; the
//! smallest counts. The origin goes with the value, because "too large" is of no use to an
//! operator who cannot see by whose rule.

use alloc::string::String;
use core::fmt;

use serde::Deserialize;

/// Limits that somebody states. `None` = says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatedLimits {
    /// Octets of one message on the wire of the next hop.
    pub max_octets: Option<u64>,
    /// Parts of one message.
    pub max_parts: Option<u32>,
    /// Seconds that a message may wait to be delivered.
    pub max_age_s: Option<u64>,
}

/// Who set a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitOrigin {
    /// The gateway, as nobody else said anything.
    Default,
    /// The peer that the message goes to.
    NextHop(String),
    /// The peer that the message came from.
    Peer(String),
    /// The route that it takes.
    Route(String),
}

impl fmt::Display for LimitOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::NextHop(id) => write!(f, "next hop {id}"),
            Self::Peer(id) => write!(f, "peer {id}"),
            Self::Route(id) => write!(f, "route {id}"),
        }
    }
}

/// A limit that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Its value, in the unit of the field that holds it.
    pub value: u64,
    /// Who set it.
    pub origin: LimitOrigin,
}

/// The limits that count for one message on one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveLimits {
    /// Octets on the wire.
    pub max_octets: Limit,
    /// Parts.
    pub max_parts: Limit,
    /// Seconds of waiting.
    pub max_age_s: Limit,
}

/// What counts when nobody states anything: 1 MiB (the largest tier seen on MM4), 100 parts, 5 days.
pub const DEFAULTS: StatedLimits =
    StatedLimits { max_octets: Some(1 << 20), max_parts: Some(100), max_age_s: Some(5 * 86_400) };

/// The smallest of each limit that is stated; of equals the first. What nobody states is taken
/// from `defaults`, so a stated limit may be larger than the default.
#[must_use]
pub fn effective(stated: &[(LimitOrigin, StatedLimits)], defaults: StatedLimits) -> EffectiveLimits {
    let smallest = |of: fn(&StatedLimits) -> Option<u64>| {
        let mut limit: Option<Limit> = None;
        for (origin, limits) in stated {
            if let Some(value) = of(limits)
                && limit.as_ref().is_none_or(|known| value < known.value)
            {
                limit = Some(Limit { value, origin: origin.clone() });
            }
        }
        limit.unwrap_or_else(|| Limit {
            value: of(&defaults).unwrap_or(u64::MAX),
            origin: LimitOrigin::Default,
        })
    };
    EffectiveLimits {
        max_octets: smallest(|limits| limits.max_octets),
        max_parts: smallest(|limits| limits.max_parts.map(u64::from)),
        max_age_s: smallest(|limits| limits.max_age_s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn the_smallest_stated_limit_counts_and_names_its_origin() {
        let route = StatedLimits { max_octets: Some(600_000), ..StatedLimits::default() };
        let hop = StatedLimits { max_octets: Some(300_000), max_parts: Some(10), max_age_s: None };
        let limits = effective(
            &[(LimitOrigin::Route("to-b".into()), route), (LimitOrigin::NextHop("op-b".into()), hop)],
            DEFAULTS,
        );
        assert_eq!(limits.max_octets.value, 300_000);
        assert_eq!(limits.max_octets.origin.to_string(), "next hop op-b");
        assert_eq!(limits.max_parts.value, 10);
        assert_eq!(limits.max_age_s, Limit { value: 432_000, origin: LimitOrigin::Default });
    }

    #[test]
    fn a_stated_limit_may_exceed_the_default() {
        let route = StatedLimits { max_octets: Some(5_000_000), ..StatedLimits::default() };
        let limits = effective(&[(LimitOrigin::Route("big".into()), route)], DEFAULTS);
        assert_eq!(limits.max_octets.value, 5_000_000);
    }
}
