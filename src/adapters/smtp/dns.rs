//! Names of next hops: mail exchangers (RFC 5321 §5.1, null MX of RFC 7505) and addresses.
//!
//! One resolver for the process, with its cache; SPF, DKIM and DMARC share it.

use std::{net::SocketAddr, sync::Arc};

use cedrat_message::{Blame, Reason, Refusal};
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts},
    net::NetError,
    proto::rr::RData,
};
use mail_auth::MessageAuthenticator;

/// Exchangers of one domain that are tried; more are not looked at.
const MOST_HOSTS: usize = 10;

/// The resolver of the process.
#[derive(Clone)]
pub struct Resolver {
    authenticator: Arc<MessageAuthenticator>,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

impl Resolver {
    /// A resolver that asks these servers, or the system's when the list is empty.
    ///
    /// # Errors
    /// When the system's configuration cannot be read.
    pub fn new(servers: &[SocketAddr]) -> Result<Self, String> {
        let authenticator = if servers.is_empty() {
            // A machine without a resolver configuration still serves fixed next hops.
            MessageAuthenticator::new_system_conf().or_else(|_| {
                MessageAuthenticator::new(ResolverConfig::from_parts(None, Vec::new(), Vec::new()), options())
            })
        } else {
            let servers = servers.iter().map(|server| {
                let mut udp = ConnectionConfig::udp();
                udp.port = server.port();
                let mut tcp = ConnectionConfig::tcp();
                tcp.port = server.port();
                NameServerConfig::new(server.ip(), true, vec![udp, tcp])
            });
            MessageAuthenticator::new(
                ResolverConfig::from_parts(None, Vec::new(), servers.collect()),
                options(),
            )
        };
        let authenticator = authenticator.map_err(|fault| format!("no name resolution: {fault}"))?;
        Ok(Self { authenticator: Arc::new(authenticator) })
    }

    fn dns(&self) -> &TokioResolver {
        self.authenticator.resolver()
    }

    /// For SPF, DKIM and DMARC.
    pub(super) fn authenticator(&self) -> &MessageAuthenticator {
        &self.authenticator
    }

    /// The hosts that take mail for `domain`, best first. A domain without MX is its own host.
    ///
    /// # Errors
    /// `DomainUnknown`, `DomainWithoutMail` (null MX) or `DnsUnavailable`.
    pub async fn exchangers(&self, domain: &str) -> Result<Vec<String>, Refusal> {
        let lookup = match self.dns().mx_lookup(format!("{domain}.")).await {
            Ok(lookup) => lookup,
            Err(fault) if fault.is_no_records_found() => {
                if fault.is_nx_domain() {
                    return Err(Refusal::new(
                        Reason::DomainUnknown,
                        Blame::Message,
                        format!("{domain} does not exist"),
                    ));
                }
                return Ok(vec![domain.to_owned()]);
            }
            Err(fault) => return Err(unavailable(domain, &fault)),
        };
        let mut hosts: Vec<(u16, String)> = lookup
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::MX(mx) => {
                    Some((mx.preference, mx.exchange.to_utf8().trim_end_matches('.').to_owned()))
                }
                _ => None,
            })
            .collect();
        hosts.sort();
        if hosts.iter().any(|(_, host)| host.is_empty()) {
            return Err(Refusal::new(
                Reason::DomainWithoutMail,
                Blame::NextHop,
                format!("{domain} has a null MX"),
            ));
        }
        if hosts.is_empty() {
            return Ok(vec![domain.to_owned()]);
        }
        Ok(hosts.into_iter().take(MOST_HOSTS).map(|(_, host)| host).collect())
    }

    /// The addresses of one host.
    ///
    /// # Errors
    /// `NextHopUnavailable` when it has none, `DnsUnavailable` when nobody answers.
    pub async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Refusal> {
        if let Ok(ip) = host.trim_matches(['[', ']']).parse() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        if host == "localhost" {
            return Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]);
        }
        match self.dns().lookup_ip(host).await {
            Ok(lookup) => Ok(lookup.iter().map(|ip| SocketAddr::new(ip, port)).collect()),
            Err(fault) if fault.is_no_records_found() => Err(Refusal::new(
                Reason::NextHopUnavailable,
                Blame::NextHop,
                format!("{host} has no address"),
            )),
            Err(fault) => Err(unavailable(host, &fault)),
        }
    }
}

fn options() -> ResolverOpts {
    ResolverOpts::default()
}

fn unavailable(name: &str, fault: &NetError) -> Refusal {
    Refusal::new(Reason::DnsUnavailable, Blame::NextHop, format!("{name} cannot be looked up: {fault}"))
}
