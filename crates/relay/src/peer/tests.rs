#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use alloc::{string::ToString as _, vec};
use cedrat_message::Permanence;

fn peer(id: &str) -> Peer {
    Peer { id: id.into(), ..Peer::default() }
}

fn from_ip(id: &str, network: &str) -> Peer {
    Peer { allow_ip: vec![network.parse().unwrap()], ..peer(id) }
}

fn caller(source: &str) -> Caller<'static> {
    Caller { source: source.parse().unwrap(), tls_names: &[], auth_user: None }
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn name<'a>(identity: &Identity<'a>) -> &'a str {
    match identity {
        Identity::Known(peer) => &peer.id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_narrowest_network_says_who_it_is() {
    let peers = [from_ip("hub", "192.0.2.0/24"), from_ip("op-b", "192.0.2.16/28"), peer("nobody")];
    assert_eq!(name(&identify(&peers, caller("192.0.2.17"))), "op-b");
    assert_eq!(name(&identify(&peers, caller("192.0.2.1"))), "hub");
    assert_eq!(name(&identify(&peers, caller("::ffff:192.0.2.1"))), "hub");
    assert_eq!(identify(&peers, caller("198.51.100.1")), Identity::Unknown);
}

#[test]
fn every_proof_that_a_peer_names_must_hold() {
    let both = Peer {
        tls_names: vec!["*.op-b.example".into()],
        auth_users: vec!["opb".into()],
        ..from_ip("op-b", "192.0.2.0/24")
    };
    let peers = [both];
    let at = |tls_names: &'static [&'static str], auth_user| {
        identify(&peers, Caller { tls_names, auth_user, ..caller("192.0.2.1") })
    };
    assert_eq!(at(&[], None), Identity::Pending { tls: true, auth: true });
    assert_eq!(at(&["mms.OP-B.example"], None), Identity::Pending { tls: false, auth: true });
    assert_eq!(name(&at(&["mms.op-b.example"], Some("opb"))), "op-b");
    assert_eq!(at(&["a.mms.op-b.example"], Some("opb")), Identity::Unknown);
    assert_eq!(at(&["mms.op-b.example"], Some("OPB")), Identity::Unknown);
}

#[test]
fn peers_behind_one_address_are_told_apart_by_auth_or_not_at_all() {
    let a = Peer { auth_users: vec!["a".into()], ..from_ip("a", "192.0.2.1") };
    let b = Peer { auth_users: vec!["b".into()], ..from_ip("b", "192.0.2.1") };
    let peers = [a, b, from_ip("c", "192.0.2.1"), from_ip("d", "192.0.2.1")];
    let user = |user| identify(&peers, Caller { auth_user: user, ..caller("192.0.2.1") });
    assert_eq!(name(&user(Some("b"))), "b");
    assert!(matches!(user(None), Identity::Ambiguous(both) if both.len() == 2));
    let found = ambiguities(&peers);
    assert_eq!(found, [Ambiguity { a: "c", b: "d", by: "192.0.2.1/32".into() }]);
}

#[test]
fn a_longer_denial_beats_a_shorter_leave_and_the_other_way_round() {
    let scope = Scope {
        allowed_prefixes: vec!["+44".parse().unwrap(), "+44770090".parse().unwrap()],
        denied_prefixes: vec!["+447700".parse().unwrap()],
        ..Scope::default()
    };
    assert!(scope.admit(&address("+441632960001")).is_ok());
    assert!(scope.admit(&address("+447700800001")).is_err());
    assert!(scope.admit(&address("+447700900001")).is_ok());
    assert!(scope.admit(&address("+15550120001")).unwrap_err().contains("not within +44 or +44770090"));
    assert!(scope.admit(&address("a@b.example")).is_err(), "numbers allowed by name leave mail out");
    assert!(Scope::default().admit(&address("a@b.example")).is_ok());
}

#[test]
fn a_peer_that_is_not_running_gets_a_temporary_answer() {
    for state in [PeerState::Isolated, PeerState::Suspended, PeerState::Shutdown] {
        let peer = Peer { state, ..peer("op-b") };
        let refusal = peer.admit_connection(&mut Usage::default()).unwrap_err();
        assert_eq!(refusal.reason, Reason::PeerSuspended);
        assert_eq!(refusal.reason.permanence(), Permanence::Transient);
    }
    assert!(PeerState::Isolated.delivers() && !PeerState::Suspended.delivers());
    assert!(PeerState::Suspended.routable() && !PeerState::Shutdown.routable());
}

#[test]
fn sessions_are_counted_and_given_back() {
    let limits = PeerLimits { max_sessions: Some(2), ..PeerLimits::default() };
    let peer = Peer { limits, ..peer("op-b") };
    let mut usage = Usage::default();
    peer.admit_connection(&mut usage).unwrap();
    peer.admit_connection(&mut usage).unwrap();
    assert_eq!(peer.admit_connection(&mut usage).unwrap_err().reason, Reason::RateExceeded);
    usage.closed();
    assert!(peer.admit_connection(&mut usage).is_ok());
}

#[test]
fn a_refused_message_uses_up_nothing() {
    let limits = PeerLimits {
        throughput: Some(Rate { per_second: 1, burst: 1 }),
        quota: Some(Quota { per_day: 2, utc_offset_min: 0 }),
        max_octets: Some(1000),
        max_recipients: Some(1),
        ..PeerLimits::default()
    };
    let senders = Scope { allowed_prefixes: vec!["+44".parse().unwrap()], ..Scope::default() };
    let peer = Peer { limits, senders, ..peer("op-b") };
    let sender = address("+447700900001");
    let mut usage = Usage::default();
    let mut send = |sender: &Address, octets, ms| {
        peer.admit_message(&mut usage, Some(sender), Some(octets), Timestamp(ms)).map_err(|r| r.reason)
    };
    assert_eq!(send(&address("+15550120001"), 1, 0), Err(Reason::NotPermitted));
    assert_eq!(send(&sender, 1001, 0), Err(Reason::MessageTooLarge));
    assert_eq!(send(&sender, 1000, 0), Ok(()));
    assert_eq!(send(&sender, 1000, 999), Err(Reason::RateExceeded));
    assert_eq!(send(&sender, 1000, 1000), Ok(()));
    assert_eq!(send(&sender, 1000, 5000), Err(Reason::RateExceeded), "the day is used up");
    assert_eq!(send(&sender, 1000, 86_400_000), Ok(()));
    assert_eq!(peer.admit_recipient(&sender, 1).unwrap_err().reason, Reason::RecipientsExceeded);
    assert!(peer.admit_recipient(&sender, 0).is_ok());
}

#[test]
fn the_null_sender_is_nobody_to_deny() {
    let senders = Scope { allowed_prefixes: vec!["+44".parse().unwrap()], ..Scope::default() };
    let peer = Peer { senders, ..peer("op-b") };
    assert!(peer.admit_message(&mut Usage::default(), None, None, Timestamp(0)).is_ok());
}

#[test]
fn a_peer_is_read_as_an_operator_writes_it() {
    let read = |text: &str| toml::from_str::<Peer>(text).map_err(|fault| fault.message().to_string());
    let peer = read(
        r#"
        id = "op-b"
        state = "isolated"
        allow_ip = ["192.0.2.0/24", "2001:db8::/32"]
        tls_names = ["mms.op-b.example"]
        recipients = { allowed_prefixes = ["+44"] }
        limits = { throughput = { per_second = 50, burst = 100 }, quota = { per_day = 200000 } }
        "#,
    )
    .unwrap();
    assert_eq!(peer.state, PeerState::Isolated);
    assert_eq!(peer.limits.throughput, Some(Rate { per_second: 50, burst: 100 }));
    assert!(read("allow_ip = ['192.0.2.1/24']").unwrap_err().contains("bits set behind"));
    assert!(read("allow_ips = []").unwrap_err().contains("unknown field `allow_ips`"));
    assert!(read("limits = { throughput = { per_minute = 1 } }").is_err());
}
