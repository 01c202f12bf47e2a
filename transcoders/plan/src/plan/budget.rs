//! Octets under a limit: what a body takes in the unit of the limit, and what fits into a share.
//!
//! Base64 is counted line by line (57 octets make a line of 76 characters and CRLF), not by a
//! factor, and the last line always with its line end. Headers are the caller's to count.

use serde::{Deserialize, Serialize};

use crate::profile::Unit;

/// How a part travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transfer {
    /// As it is encoded already, in so many octets; base64 once it is converted.
    AsIs(u64),
    /// Base64, lines of 76 characters.
    Base64,
    /// Without an encoding.
    Binary,
}

/// Octets that a body of `octets` takes in the unit of a limit.
#[must_use]
pub const fn wire(unit: Unit, transfer: Transfer, octets: u64) -> u64 {
    match (unit, transfer) {
        (Unit::Binary, _) | (Unit::Base64, Transfer::Binary) => octets,
        (Unit::Base64, Transfer::AsIs(_) | Transfer::Base64) => {
            let (lines, rest) = (octets / 57, octets % 57);
            let last = if rest == 0 { 0 } else { rest.div_ceil(3) * 4 + 2 };
            lines.saturating_mul(78).saturating_add(last)
        }
    }
}

/// Octets of a body that takes at most `wire` octets in the unit of a limit: the largest `n` with
/// `wire(unit, transfer, n) <= share`.
#[must_use]
pub const fn room(unit: Unit, transfer: Transfer, share: u64) -> u64 {
    match (unit, transfer) {
        (Unit::Binary, _) | (Unit::Base64, Transfer::Binary) => share,
        (Unit::Base64, Transfer::AsIs(_) | Transfer::Base64) => {
            let (lines, rest) = (share / 78, share % 78);
            lines * 57 + rest.saturating_sub(2) / 4 * 3
        }
    }
}

/// Octets of a body that does not change.
pub(super) const fn kept(unit: Unit, transfer: Transfer, octets: u64) -> u64 {
    match (unit, transfer) {
        (Unit::Base64, Transfer::AsIs(as_is)) => as_is,
        _ => wire(unit, transfer, octets),
    }
}
