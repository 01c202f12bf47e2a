//! Where a gateway is: `https://host[:port]`. Nothing else: no path, no credentials, and plain HTTP
//! only to this machine itself, where a proxy or a tunnel may end.

use std::fmt;

use crate::Error;

/// The origin of a gateway (RFC 6454), in lower case; two spellings of one are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Host name or address; of IPv6 without its brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether the connection is TLS; it is not only to a loopback address.
    pub tls: bool,
}

impl Address {
    /// From a URL.
    ///
    /// # Errors
    /// It is another kind of URL.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = || Error::Input(format!("{text:?} is not of the form https://host[:port]"));
        let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(refuse()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match authority.strip_prefix('[') {
            Some(literal) => {
                let (host, port) = literal.split_once(']').ok_or_else(refuse)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| refuse())?;
                (host, if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or_else(refuse)?) })
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        if host.is_empty() || !host.chars().all(legal) {
            return Err(refuse());
        }
        let port = match port {
            None => {
                if tls {
                    443
                } else {
                    80
                }
            }
            Some(port) if port.bytes().all(|c| c.is_ascii_digit()) => port.parse().map_err(|_| refuse())?,
            Some(_) => return Err(refuse()),
        };
        let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        if !tls && !loopback {
            return Err(Error::Input(format!(
                "{text:?} is not encrypted; only a loopback address may be so"
            )));
        }
        Ok(Self { host: host.to_ascii_lowercase(), port, tls })
    }

    /// Host and port as in a Host field.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == (if self.tls { 443 } else { 80 }) { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_gateway_has_one_name() {
        for (text, name) in [
            ("https://Gw.Example", "https://gw.example"),
            ("https://gw.example:443/", "https://gw.example"),
            ("https://gw.example:8443", "https://gw.example:8443"),
            ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443"),
            ("https://192.0.2.1", "https://192.0.2.1"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]", "http://[::1]"),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), name);
        }
    }

    #[test]
    fn what_is_no_origin_over_tls_is_refused() {
        for text in [
            "http://gw.example",
            "http://localhost",
            "http://127.0.0.1.example",
            "ftp://127.0.0.1",
            "gw.example",
            "https://",
            "https://a@b",
            "https://gw/api",
            "https://gw:",
            "https://gw:+1",
            "https://gw:65536",
            "https://[::1",
            "https://[gw]",
            "https://[::1]8443",
            "https://g w",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
