//! Who is connected, and what they may do: identification by source address, TLS certificate or
//! AUTH, and admission of connections, transactions and recipients within the agreed limits.
//!
//! The counters ([`Usage`]) belong to the caller, one per peer. Passwords and certificates are
//! verified elsewhere; only the names that came out of that are compared here.

use alloc::{format, string::String, vec::Vec};
use core::{fmt, net::IpAddr};

use cedrat_message::{Address, Blame, Reason, Refusal, Timestamp};
use serde::Deserialize;

use crate::{
    bucket::{Bucket, DayCount, Quota, Rate},
    network::Network,
    pattern::{DomainPattern, NumberPrefix, closest_domain, joined, longest_prefix},
};

/// The four states of a peer, with Kannel's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerState {
    /// Nothing is taken from it; what is for it is delivered.
    Isolated,
    /// Everything is taken and delivered.
    #[default]
    Running,
    /// Nothing new either way: its queue drains, routes pass it by.
    Shutdown,
    /// Nothing is taken and nothing delivered; what is for it waits in the queue.
    Suspended,
}

impl PeerState {
    /// Whether messages are taken from it.
    #[must_use]
    pub const fn accepts(self) -> bool {
        matches!(self, Self::Running)
    }

    /// Whether its queue is delivered.
    #[must_use]
    pub const fn delivers(self) -> bool {
        !matches!(self, Self::Suspended)
    }

    /// Whether new messages may be routed to it.
    #[must_use]
    pub const fn routable(self) -> bool {
        !matches!(self, Self::Shutdown)
    }
}

/// Which addresses are in bounds. What is both allowed and denied is decided by the longer
/// pattern, and denied when they are equally long. As soon as anything is allowed by name,
/// everything else is out of bounds, numbers and domains alike: a peer that was allowed `+44`
/// did not get leave to send Internet mail.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// Numbers in bounds.
    pub allowed_prefixes: Vec<NumberPrefix>,
    /// Numbers out of bounds.
    pub denied_prefixes: Vec<NumberPrefix>,
    /// Domains in bounds.
    pub allowed_domains: Vec<DomainPattern>,
    /// Domains out of bounds.
    pub denied_domains: Vec<DomainPattern>,
}

impl Scope {
    /// Whether an address is in bounds.
    ///
    /// # Errors
    /// Why it is not, for the operator.
    pub fn admit(&self, address: &Address) -> Result<(), String> {
        let weigh = |prefixes: &[NumberPrefix], domains: &[DomainPattern]| -> Option<(usize, String)> {
            let prefix = longest_prefix(prefixes, address).map(|p| (p.weight(), format!("prefix {p}")));
            prefix.or_else(|| closest_domain(domains, address).map(|d| (d.weight(), format!("domain {d}"))))
        };
        let allowed = weigh(&self.allowed_prefixes, &self.allowed_domains);
        let denied = weigh(&self.denied_prefixes, &self.denied_domains);
        match (allowed, denied) {
            (Some((allow, _)), Some((deny, _))) if allow > deny => Ok(()),
            (_, Some((_, what))) => Err(format!("{address} is denied by {what}")),
            (Some(_), None) => Ok(()),
            (None, None) if self.allowed_prefixes.is_empty() && self.allowed_domains.is_empty() => Ok(()),
            (None, None) => {
                let mut names: Vec<String> = self.allowed_prefixes.iter().map(|p| format!("{p}")).collect();
                names.extend(self.allowed_domains.iter().map(|d| format!("{d}")));
                Err(format!("{address} is not within {}", joined(&names)))
            }
        }
    }
}

/// What a peer may use. `None` = no limit of its own; the listener's protocol limits stay.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PeerLimits {
    /// Messages per second and how many at once.
    pub throughput: Option<Rate>,
    /// Connections at the same time.
    pub max_sessions: Option<u32>,
    /// Octets of one message as it stands on the wire, headers and base64 included.
    pub max_octets: Option<u64>,
    /// Recipients of one transaction.
    pub max_recipients: Option<u32>,
    /// Messages per day.
    pub quota: Option<Quota>,
}

/// A system that exchanges messages with this one, as the operator describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Peer {
    /// Name in configuration, logs and reports.
    pub id: String,
    /// What is taken and delivered now.
    pub state: PeerState,
    /// Where it connects from.
    pub allow_ip: Vec<Network>,
    /// Names in its client certificate, `mms.op-b.example` or `*.op-b.example` (one label).
    pub tls_names: Vec<String>,
    /// Users that it authenticates as.
    pub auth_users: Vec<String>,
    /// Whom it may send to.
    pub recipients: Scope,
    /// Whom it may send for.
    pub senders: Scope,
    /// What it may use.
    pub limits: PeerLimits,
}

/// What is known of a connection so far.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// Address that it comes from.
    pub source: IpAddr,
    /// Names in its verified client certificate; empty without one.
    pub tls_names: &'a [&'a str],
    /// User that it has authenticated as.
    pub auth_user: Option<&'a str>,
}

/// Which peer a connection belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity<'a> {
    /// These answer equally well: nothing is guessed, the connection is nobody's.
    Ambiguous(Vec<&'a Peer>),
    /// This one.
    Known(&'a Peer),
    /// One that still has to prove itself.
    Pending {
        /// With a client certificate.
        tls: bool,
        /// With AUTH.
        auth: bool,
    },
    /// None.
    Unknown,
}

/// Finds the peer of a connection. Every kind of proof that a peer's description names must hold
/// (address, certificate, user); a peer that names none is never found. Of several that hold, the
/// one with the stronger proof is meant: AUTH before certificate before the narrowest network.
#[must_use]
pub fn identify<'a>(peers: &'a [Peer], caller: Caller<'_>) -> Identity<'a> {
    let mut best: Vec<&Peer> = Vec::new();
    let mut best_rank = None;
    let (mut tls, mut auth) = (false, false);
    for peer in peers {
        match peer.proof(caller) {
            Proof::Holds(rank) => {
                if Some(rank) > best_rank {
                    best.clear();
                    best_rank = Some(rank);
                }
                if Some(rank) == best_rank {
                    best.push(peer);
                }
            }
            Proof::Lacks { tls: needs_tls, auth: needs_auth } => {
                tls |= needs_tls;
                auth |= needs_auth;
            }
            Proof::Fails => {}
        }
    }
    match best.as_slice() {
        [] if tls || auth => Identity::Pending { tls, auth },
        [] => Identity::Unknown,
        [peer] => Identity::Known(peer),
        _ => Identity::Ambiguous(best),
    }
}

/// AUTH, certificate, narrowness of the network: compared in this order.
type Rank = (bool, bool, u8);

enum Proof {
    Fails,
    Holds(Rank),
    Lacks { tls: bool, auth: bool },
}

impl Peer {
    fn proof(&self, caller: Caller<'_>) -> Proof {
        let (wants_tls, wants_auth) = (!self.tls_names.is_empty(), !self.auth_users.is_empty());
        if self.allow_ip.is_empty() && !wants_tls && !wants_auth {
            return Proof::Fails;
        }
        let network =
            self.allow_ip.iter().filter(|n| n.contains(caller.source)).map(Network::narrowness).max();
        if network.is_none() && !self.allow_ip.is_empty() {
            return Proof::Fails;
        }
        let tls = self.tls_names.iter().any(|own| caller.tls_names.iter().any(|name| names(own, name)));
        let auth = caller.auth_user.is_some_and(|user| self.auth_users.iter().any(|own| own == user));
        let lacks_tls = wants_tls && !tls;
        let lacks_auth = wants_auth && !auth;
        if (lacks_tls && !caller.tls_names.is_empty()) || (lacks_auth && caller.auth_user.is_some()) {
            Proof::Fails
        } else if lacks_tls || lacks_auth {
            Proof::Lacks { tls: lacks_tls, auth: lacks_auth }
        } else {
            Proof::Holds((auth, tls, network.unwrap_or(0)))
        }
    }
}

/// Whether a name of a configuration means a name of a certificate (RFC 6125 §6.4.3: `*` is the
/// whole left-most label).
fn names(own: &str, presented: &str) -> bool {
    match own.strip_prefix("*.") {
        Some(suffix) => presented
            .split_once('.')
            .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(suffix)),
        None => own.eq_ignore_ascii_case(presented),
    }
}

/// Two peers that some connection could not be told apart by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ambiguity<'a> {
    /// The one.
    pub a: &'a str,
    /// The other.
    pub b: &'a str,
    /// What both answer to.
    pub by: String,
}

/// All pairs of peers that [`identify`] could find equal, for the check of a configuration.
#[must_use]
pub fn ambiguities(peers: &[Peer]) -> Vec<Ambiguity<'_>> {
    let mut found = Vec::new();
    for (i, a) in peers.iter().enumerate() {
        for b in peers.iter().skip(i + 1) {
            if let Some(by) = a.common(b) {
                found.push(Ambiguity { a: &a.id, b: &b.id, by });
            }
        }
    }
    found
}

impl Peer {
    /// What proves both equally well, if anything does.
    fn common(&self, other: &Self) -> Option<String> {
        let mut by: Vec<String> = Vec::new();
        fn shared<T: Clone + fmt::Display>(
            own: &[T],
            others: &[T],
            same: impl Fn(&T, &T) -> bool,
            by: &mut Vec<String>,
        ) -> bool {
            if own.is_empty() != others.is_empty() {
                return false;
            }
            let first = own.iter().find(|a| others.iter().any(|b| same(a, b)));
            by.extend(first.map(|one| format!("{one}")));
            own.is_empty() || first.is_some()
        }
        let all = shared(&self.auth_users, &other.auth_users, |a, b| a == b, &mut by)
            && shared(&self.tls_names, &other.tls_names, |a, b| names(a, b) || names(b, a), &mut by)
            && shared(&self.allow_ip, &other.allow_ip, |a, b| a == b, &mut by);
        (all && !by.is_empty()).then(|| by.join(" and "))
    }
}

/// What a peer uses at the moment. One value per peer, for all its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Connections open.
    pub sessions: u32,
    /// Messages of the day.
    pub day: DayCount,
    bucket: Option<Bucket>,
}

fn refuse(reason: Reason, blame: Blame, detail: String) -> Refusal {
    Refusal::new(reason, blame, detail)
}

impl Peer {
    fn open(&self) -> Result<(), Refusal> {
        if self.state.accepts() {
            return Ok(());
        }
        let state = match self.state {
            PeerState::Isolated => "isolated",
            PeerState::Running => "running",
            PeerState::Shutdown => "shut down",
            PeerState::Suspended => "suspended",
        };
        Err(refuse(Reason::PeerSuspended, Blame::Policy, format!("peer {} is {state}", self.id)))
    }

    /// Counts a new connection. The caller gives it back with [`Usage::closed`].
    ///
    /// # Errors
    /// [`Reason::PeerSuspended`] unless running; [`Reason::RateExceeded`] beyond `max_sessions`.
    pub fn admit_connection(&self, usage: &mut Usage) -> Result<(), Refusal> {
        self.open()?;
        if let Some(most) = self.limits.max_sessions
            && usage.sessions >= most
        {
            let detail = format!("peer {} has {} sessions, max_sessions is {most}", self.id, usage.sessions);
            return Err(refuse(Reason::RateExceeded, Blame::Peer, detail));
        }
        usage.sessions = usage.sessions.saturating_add(1);
        Ok(())
    }

    /// Takes a transaction (MAIL). `octets` is the declared SIZE. A token and one message of the
    /// quota are used only when everything else is in order.
    ///
    /// # Errors
    /// [`Reason::PeerSuspended`], [`Reason::NotPermitted`] for a sender out of bounds,
    /// [`Reason::MessageTooLarge`], [`Reason::RateExceeded`] for rate and quota.
    pub fn admit_message(
        &self,
        usage: &mut Usage,
        sender: Option<&Address>,
        octets: Option<u64>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.open()?;
        if let Some(sender) = sender {
            self.senders.admit(sender).map_err(|why| {
                refuse(Reason::NotPermitted, Blame::Policy, format!("peer {}: sender {why}", self.id))
            })?;
        }
        self.admit_octets(octets.unwrap_or(0))?;
        if let Some(quota) = self.limits.quota {
            // Looked at before the token is taken, counted after.
            let mut day = usage.day;
            day.take(quota, now).map_err(|midnight| {
                let wait = midnight.seconds_since(now);
                let detail = format!("peer {} has used its {} a day, {wait} s left", self.id, quota.per_day);
                refuse(Reason::RateExceeded, Blame::Peer, detail)
            })?;
            usage.take_token(self, now)?;
            usage.day = day;
            return Ok(());
        }
        usage.take_token(self, now)
    }

    /// Checks the octets of a message, declared or as they arrive.
    ///
    /// # Errors
    /// [`Reason::MessageTooLarge`].
    pub fn admit_octets(&self, octets: u64) -> Result<(), Refusal> {
        match self.limits.max_octets {
            Some(most) if octets > most => {
                let detail = format!("{octets} octets, max_octets of peer {} is {most}", self.id);
                Err(refuse(Reason::MessageTooLarge, Blame::Message, detail))
            }
            _ => Ok(()),
        }
    }

    /// Takes one more recipient (RCPT) after `accepted` others of the transaction.
    ///
    /// # Errors
    /// [`Reason::RecipientsExceeded`], [`Reason::NotPermitted`] for a recipient out of bounds.
    pub fn admit_recipient(&self, recipient: &Address, accepted: u32) -> Result<(), Refusal> {
        if let Some(most) = self.limits.max_recipients
            && accepted >= most
        {
            let detail = format!("max_recipients of peer {} is {most}", self.id);
            return Err(refuse(Reason::RecipientsExceeded, Blame::Peer, detail));
        }
        self.recipients.admit(recipient).map_err(|why| {
            refuse(Reason::NotPermitted, Blame::Policy, format!("peer {}: recipient {why}", self.id))
        })
    }
}

impl Usage {
    /// Gives a connection back.
    pub const fn closed(&mut self) {
        self.sessions = self.sessions.saturating_sub(1);
    }

    fn take_token(&mut self, peer: &Peer, now: Timestamp) -> Result<(), Refusal> {
        let Some(rate) = peer.limits.throughput else { return Ok(()) };
        let bucket = self.bucket.get_or_insert_with(|| Bucket::full(rate, now));
        bucket.take(rate, now).map_err(|at| {
            let wait = at.0.saturating_sub(now.0);
            let detail = format!("peer {} sends more than {} a second, {wait} ms", peer.id, rate.per_second);
            refuse(Reason::RateExceeded, Blame::Peer, detail)
        })
    }
}

#[cfg(test)]
#[path = "peer/tests.rs"]
mod tests;
