//! Two small hashes whose values are part of the product: a weighted choice and an alias number
//! must be the same after a restart and on every node. They protect nothing; what must resist an
//! attacker is not decided by them.

/// FNV-1a, 64 bit, of several texts; each is closed with an octet that no text holds, so that
/// `["ab", "c"]` and `["a", "bc"]` differ.
#[must_use]
pub fn fnv(texts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for text in texts {
        for octet in text.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

/// Spreads the bits of a number over all of it (the finisher of SplitMix64).
#[must_use]
pub const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_never_change() {
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf, "first output of SplitMix64 seeded with 0");
        assert_eq!(fnv(&[]), 0xcbf2_9ce4_8422_2325);
        assert_ne!(fnv(&["ab", "c"]), fnv(&["a", "bc"]));
    }
}
