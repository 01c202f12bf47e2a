//! Networks of IPv4 and IPv6 in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3).
//!
//! A v4 address that arrives mapped into v6 (`::ffff:192.0.2.1`, as a dual-stack socket shows it)
//! is the v4 address: an allow-list must not depend on how the listener was opened.

use core::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Deserializer};

/// Why a text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFault {
    /// The part before `/` is no IP address.
    Address,
    /// Bits are set behind the prefix: `192.0.2.1/24` is either `192.0.2.0/24` or `192.0.2.1/32`.
    HostBits,
    /// The part after `/` is no number of bits, or more than the address has.
    Length,
}

impl fmt::Display for NetworkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "is not an IP address or network",
            Self::HostBits => "has bits set behind its prefix length",
            Self::Length => "has no valid prefix length",
        })
    }
}

/// A network, `192.0.2.0/24` or `2001:db8::/32`; an address alone is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether an address lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                net.to_bits() == ip.to_bits() & mask
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                net.to_bits() == ip.to_bits() & mask
            }
            _ => false,
        }
    }

    /// Length of the prefix in bits.
    #[must_use]
    pub const fn bits(&self) -> u8 {
        self.bits
    }

    /// How few addresses it holds, comparable over both families: 128 = one address.
    #[must_use]
    pub const fn narrowness(&self) -> u8 {
        match self.address {
            IpAddr::V4(_) => self.bits + 96,
            IpAddr::V6(_) => self.bits,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkFault;

    fn from_str(text: &str) -> Result<Self, NetworkFault> {
        let (address, bits) = match text.trim().split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkFault::Address)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok().filter(|&bits| bits <= most).ok_or(NetworkFault::Length)?
            }
            Some(_) => return Err(NetworkFault::Length),
        };
        let network = Self { address, bits };
        // A mapped network would never match, as sources are compared in their v4 form.
        if address.to_canonical() != address {
            return Err(NetworkFault::Address);
        }
        if network.contains(address) { Ok(network) } else { Err(NetworkFault::HostBits) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::parsed(deserializer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString};
    use core::net::{Ipv4Addr, Ipv6Addr};
    use proptest::prelude::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_lies_in_its_networks_only() {
        assert!(network("192.0.2.0/24").contains("192.0.2.255".parse().unwrap()));
        assert!(!network("192.0.2.0/24").contains("192.0.3.0".parse().unwrap()));
        assert!(network("0.0.0.0/0").contains("203.0.113.9".parse().unwrap()));
        assert!(!network("0.0.0.0/0").contains("2001:db8::1".parse().unwrap()));
        assert!(network("::/0").contains("2001:db8::1".parse().unwrap()));
        assert!(network("2001:db8::1").contains("2001:db8::1".parse().unwrap()));
        assert!(!network("2001:db8::1").contains("2001:db8::2".parse().unwrap()));
    }

    #[test]
    fn a_mapped_source_is_its_v4_address() {
        let mapped = "::ffff:192.0.2.7".parse().unwrap();
        assert!(network("192.0.2.0/24").contains(mapped));
        assert!(!network("::/0").contains(mapped));
        assert_eq!("::ffff:192.0.2.0/120".parse::<Network>(), Err(NetworkFault::Address));
    }

    #[test]
    fn what_is_no_network_is_named() {
        assert_eq!("192.0.2.1/24".parse::<Network>(), Err(NetworkFault::HostBits));
        for text in ["192.0.2.0/33", "192.0.2.0/", "192.0.2.0/+8", "::/129", "192.0.2.0/256"] {
            assert_eq!(text.parse::<Network>(), Err(NetworkFault::Length), "{text}");
        }
        for text in ["", "/", "192.0.2/24", "localhost", "192.0.2.0.1/8"] {
            assert_eq!(text.parse::<Network>(), Err(NetworkFault::Address), "{text}");
        }
    }

    /// The first `bits` of both, compared one by one.
    fn same_start(a: &[u8], b: &[u8], bits: u8) -> bool {
        (0..usize::from(bits)).all(|i| {
            let bit = |octets: &[u8]| octets.get(i / 8).map(|octet| octet >> (7 - i % 8) & 1);
            bit(a) == bit(b)
        })
    }

    proptest! {
        #[test]
        fn v4_matching_agrees_with_comparing_bit_by_bit(net: u32, flips: u32, keep in 0u8..=32, bits in 0u8..=32) {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            let net = Ipv4Addr::from_bits(net & mask);
            let low = u32::MAX.checked_shr(u32::from(keep)).unwrap_or(0);
            let ip = Ipv4Addr::from_bits(net.to_bits() ^ (flips & low));
            let parsed = network(&format!("{net}/{bits}"));
            prop_assert_eq!(parsed.contains(ip.into()), same_start(&net.octets(), &ip.octets(), bits));
            prop_assert_eq!(network(&parsed.to_string()), parsed);
        }

        #[test]
        fn v6_matching_agrees_with_comparing_bit_by_bit(net: u128, flips: u128, keep in 0u8..=128, bits in 0u8..=128) {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            let net = Ipv6Addr::from_bits(net & mask);
            prop_assume!(net.to_ipv4_mapped().is_none());
            let low = u128::MAX.checked_shr(u32::from(keep)).unwrap_or(0);
            let ip = Ipv6Addr::from_bits(net.to_bits() ^ (flips & low));
            prop_assume!(ip.to_ipv4_mapped().is_none());
            let parsed = network(&format!("{net}/{bits}"));
            prop_assert_eq!(parsed.contains(ip.into()), same_start(&net.octets(), &ip.octets(), bits));
        }

        #[test]
        fn no_text_stops_it(text in ".{0,40}") {
            let network = text.parse::<Network>();
            prop_assert!(network.is_err() || network.is_ok_and(|network| network.bits() <= 128));
        }
    }
}
