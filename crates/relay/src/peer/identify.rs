//! Which peer a connection belongs to: by the address that it comes from, the names in its client
//! certificate, the user that it has authenticated as.
//!
//! Nothing is guessed: what two peers answer to equally well belongs to neither, and the check of
//! a configuration says so before it happens.

use alloc::{format, string::String, vec::Vec};
use core::{fmt, net::IpAddr};

use super::Peer;
use crate::network::Network;

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
