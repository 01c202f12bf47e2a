//! Who is connected, and what they may do: admission of connections, transactions and recipients
//! within the agreed limits. Which peer a connection belongs to is found out in `identify`.
//!
//! The counters ([`Usage`]) belong to the caller, one per peer. Passwords and certificates are
//! verified elsewhere; only the names that came out of that are compared here.

mod identify;

use alloc::{format, string::String, vec::Vec};

use cedrat_message::{Address, Blame, Reason, Refusal, Timestamp};
use serde::Deserialize;

use crate::{
    bucket::{Bucket, DayCount, Quota, Rate},
    network::Network,
    pattern::{DomainPattern, NumberPrefix, closest_domain, joined, longest_prefix},
};
pub use identify::{Ambiguity, Caller, Identity, ambiguities, identify};

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
