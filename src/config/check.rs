//! Checks that need more than one section: names that must exist, and combinations that are not
//! safe to start with.

use std::collections::BTreeSet;

use cedrat_relay::{peer::ambiguities, route::Action};

use super::{Config, NextHop, PeerProtocol, TlsMode, load::Places, read::Source, read::hint};

pub(super) fn check(config: &Config, places: &Places, source: &Source<'_>) {
    peers(config, places, source);
    routes(config, places, source);
    let listening = [
        &config.mm4.listen,
        &config.mm4.listen_tls,
        &config.mail.listen,
        &config.mail.listen_tls,
        &config.mail.listen_lmtp,
        &config.mail.listen_submission,
        &config.http.listen,
    ];
    if listening.iter().all(|list| list.is_empty()) && config.imap.is_empty() {
        source.fault_of_all(
            "nothing is listened on; set `mm4.listen` or `mail.listen`, for example [\"127.0.0.1:2525\"]",
        );
    }
    let mut seen = BTreeSet::new();
    for address in listening.into_iter().flatten().chain(config.admin.iter()) {
        if address.port() != 0 && !seen.insert(address) {
            source.fault_of_all(format!("{address} is listened on twice"));
        }
    }
    let tls_wanted = !config.mm4.listen_tls.is_empty() || !config.mail.listen_tls.is_empty();
    if tls_wanted && config.tls.is_none() {
        source.fault_of_all("`listen_tls` needs a certificate; add [tls] with `certificate` and `key`");
    }
    super::http::check(&config.http, config.tls.is_some(), source);
    super::handoff::check(config.handoff.as_ref(), config, source);
    super::imap::check(config, source);
}

fn peers(config: &Config, places: &Places, source: &Source<'_>) {
    let mut ids = BTreeSet::new();
    for (peer, &at) in config.peers.iter().zip(&places.peers) {
        if !peer.id.is_empty() && !ids.insert(peer.id.as_str()) {
            source.fault(at, format!("there are two peers named {:?}", peer.id));
        }
        let policy = &peer.policy;
        let identified =
            !policy.allow_ip.is_empty() || !policy.tls_names.is_empty() || !policy.auth_users.is_empty();
        let has_mailbox = config.imap.iter().any(|account| account.peer == peer.id);
        if !identified && !has_mailbox && peer.next_hop.is_none() {
            source.fault(
                at,
                format!("peer {:?} is never used: it has no `next_hop`, and no `allow_ip`, `tls_names` or `users` to connect with", peer.id),
            );
        }
        if peer.protocol == PeerProtocol::Mm4 {
            let anybody = policy.allow_ip.iter().any(|network| network.bits() == 0);
            if anybody && policy.tls_names.is_empty() && policy.auth_users.is_empty() {
                source.fault(
                    at,
                    format!(
                        "peer {:?} lets anybody send MM4; narrow `allow_ip`, or add `tls_names` or `users`",
                        peer.id
                    ),
                );
            }
            if peer.next_hop.is_some() && peer.domain.is_none() && peer.quirks.envelope_domain {
                source.fault(
                    at,
                    format!("peer {:?} has a `next_hop` but no `domain`; its MMS domain stands in every address sent to it", peer.id),
                );
            }
        }
        if !policy.tls_names.is_empty() && config.tls.as_ref().is_none_or(|tls| tls.clients.is_none()) {
            source.fault(
                at,
                format!("peer {:?} is identified by `tls_names`, which needs `tls.client_ca`", peer.id),
            );
        }
        let secret_in_clear =
            peer.credentials.is_some() && peer.tls.mode == TlsMode::None && !peer.auth_in_clear;
        if secret_in_clear {
            source.fault(
                at,
                format!("peer {:?} would get our password in clear text; set `tls = \"verify\"`, or `auth_in_clear = true` to allow it", peer.id),
            );
        }
        if peer.tls.present_certificate && config.tls.is_none() {
            source.fault(at, format!("peer {:?} wants our certificate, but there is no [tls]", peer.id));
        }
        if peer.mail_originators == super::MailOriginators::Alias && config.alias.is_none() {
            source.fault(
                at,
                format!(
                    "peer {:?} wants alias numbers for e-mail senders, but there is no [alias] pool",
                    peer.id
                ),
            );
        }
    }
    let policies: Vec<_> = config.peers.iter().map(|peer| peer.policy.clone()).collect();
    for pair in ambiguities(&policies) {
        let at = config.peers.iter().position(|peer| peer.id == pair.b).and_then(|i| places.peers.get(i));
        // MM4 and mail have listeners of their own, so the same network may serve both.
        let protocol = |id: &str| config.peer(id).map(|peer| peer.protocol == PeerProtocol::Mm4);
        if protocol(pair.a) == protocol(pair.b) {
            source.fault(
                at.copied().unwrap_or(0),
                format!("peers {:?} and {:?} cannot be told apart: both are {}", pair.a, pair.b, pair.by),
            );
        }
    }
}

fn routes(config: &Config, places: &Places, source: &Source<'_>) {
    let ids: Vec<&str> = config.peers.iter().map(|peer| peer.id.as_str()).collect();
    let mut names = BTreeSet::new();
    for (rule, &at) in config.routes.iter().zip(&places.routes) {
        if !rule.id.is_empty() && !names.insert(rule.id.as_str()) {
            source.fault(at, format!("there are two routes named {:?}", rule.id));
        }
        for peer in &rule.when.peer {
            if !ids.contains(&peer.as_str()) {
                source.fault(
                    at,
                    format!(
                        "route {:?} names the peer {peer:?}, which there is not{}",
                        rule.id,
                        hint(peer, &ids)
                    ),
                );
            }
        }
        let Action::Deliver(targets) = &rule.action else { continue };
        for target in targets {
            match config.peer(&target.to) {
                None => source.fault(
                    at,
                    format!(
                        "route {:?} goes to {:?}, which is no peer{}",
                        rule.id,
                        target.to,
                        hint(&target.to, &ids)
                    ),
                ),
                Some(peer) if peer.next_hop.is_none() => source.fault(
                    at,
                    format!("route {:?} goes to peer {:?}, which has no `next_hop`", rule.id, target.to),
                ),
                Some(peer) if peer.next_hop == Some(NextHop::Mx) && !rule.when.prefix.is_empty() => source
                    .fault(
                        at,
                        format!(
                            "route {:?} sends numbers to {:?}, which needs the domain of an e-mail address",
                            rule.id, target.to
                        ),
                    ),
                Some(_) => {}
            }
        }
    }
    for (handset, &at) in config.media.handsets.iter().zip(&places.handsets) {
        for peer in handset.peer.iter().filter(|peer| !ids.contains(&peer.as_str())) {
            source.fault(at, format!("there is no peer {peer:?}{}", hint(peer, &ids)));
        }
    }
    for (test, &at) in config.tests.iter().zip(&places.tests) {
        if !test.route.is_empty() && !names.contains(test.route.as_str()) {
            let known: Vec<&str> = names.iter().copied().collect();
            source.fault(
                at,
                format!(
                    "test expects the route {:?}, which there is not{}",
                    test.route,
                    hint(&test.route, &known)
                ),
            );
        }
    }
}
