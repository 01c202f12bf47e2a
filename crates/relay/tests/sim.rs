//! A week of traffic in virtual time: the crate's decisions between a store that is a map, a clock
//! that is a number and peers that fail in every way that peers were seen to fail.
//!
//! What is asserted are the laws of the gateway, not its timing: every recipient ends once, what was
//! asked for is told once, what is sent twice is delivered once, and a dead destination costs the
//! others nothing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "sim/gateway.rs"]
mod gateway;
#[path = "sim/peers.rs"]
mod peers;

use std::collections::BTreeMap;

use cedrat_message::{DeliveryStatus, Origin};
use cedrat_relay::outcome::End;
use gateway::{Gateway, Traffic};
use peers::Manner;

const DAY_MS: i64 = 86_400_000;

fn week(seed: u64, messages: u32, hops: &[Manner]) -> Gateway {
    let mut gateway = Gateway::new(seed, hops);
    gateway.run(Traffic { messages, over_ms: 7 * DAY_MS, resent_percent: 15 });
    gateway
}

#[test]
fn every_recipient_of_a_week_ends_once_and_is_told_what_was_asked() {
    let gateway = week(1, 8_000, Manner::ALL);
    let mut ends: BTreeMap<(Manner, &str), u32> = BTreeMap::new();
    for copy in &gateway.copies {
        let end = copy.ledger.standing.end();
        let word = match end {
            Some(End::Delivered) => "delivered",
            Some(End::Relayed) => "relayed",
            Some(End::Refused(_)) => "refused",
            Some(End::Expired(_)) => "expired",
            None => panic!("{:?} has not ended: {:?}", copy.ledger.message_id, copy.ledger.standing),
        };
        *ends.entry((copy.hop, word)).or_default() += 1;
        assert_eq!(copy.ends, 1, "{}", copy.ledger.message_id);

        if copy.first_report == Some(DeliveryStatus::Retrieved) {
            assert_eq!(end, Some(End::Delivered), "the first word on a copy's fate is the last: {copy:?}");
        }

        let finals = copy.told.iter().filter(|status| is_last_word(**status)).count();
        let relayed = copy.told.iter().filter(|status| is_relayed(**status)).count();
        assert!(finals <= 1 && relayed <= 1, "{:?}", copy.told);
        let notify = copy.ledger.asked.notify;
        let (success, failure) = match copy.ledger.origin {
            Origin::Mail => (notify.is_some_and(|n| n.success), notify.is_none_or(|n| n.failure)),
            Origin::Mm4 => (copy.ledger.asked.delivery_report, copy.ledger.asked.delivery_report),
        };
        let told_by_next_hop = copy.hop == Manner::Mail && end == Some(End::Relayed);
        match end.unwrap() {
            End::Delivered => assert_eq!(finals == 1, success, "{copy:?}"),
            End::Refused(_) | End::Expired(_) => assert_eq!(finals == 1, failure, "{copy:?}"),
            End::Relayed if told_by_next_hop => assert!(copy.told.is_empty(), "{copy:?}"),
            End::Relayed => assert_eq!((finals, relayed), (0, usize::from(success)), "{copy:?}"),
        }
    }
    let count = |hop, word| ends.get(&(hop, word)).copied().unwrap_or(0);
    assert_eq!(count(Manner::Dead, "expired"), gateway.copies_for(Manner::Dead));
    assert_eq!(count(Manner::Silent, "refused"), gateway.copies_for(Manner::Silent));
    assert_eq!(count(Manner::Mail, "relayed"), gateway.copies_for(Manner::Mail));
    assert!(count(Manner::Good, "delivered") > 0 && count(Manner::Early, "delivered") > 0, "{ends:?}");
    assert_eq!(gateway.awaited, 0, "no answer is awaited any more");
}

#[test]
fn what_peers_send_twice_is_delivered_once() {
    let gateway = week(2, 4_000, Manner::ALL);
    assert!(gateway.resent > 400);
    assert_eq!(gateway.copies.len(), 4_000, "a request that comes again makes no second copy");
    for (copy, deliveries) in &gateway.delivered {
        assert_eq!(*deliveries, 1, "{copy}");
    }
}

#[test]
fn a_dead_destination_leaves_the_others_at_full_rate() {
    let gateway = week(3, 5_000, &[Manner::Good, Manner::Dead, Manner::Dead, Manner::Dead]);
    let waits = gateway.copies.iter().filter(|copy| copy.hop == Manner::Good);
    let waits: Vec<i64> = waits.map(|copy| copy.first_attempt_ms.unwrap() - copy.accepted.0).collect();
    let (sum, worst) = (waits.iter().sum::<i64>(), waits.iter().max().unwrap());
    assert!(sum < 5 * waits.len() as i64 && *worst < 1_000, "{sum} ms for {}, worst {worst} ms", waits.len());
    // Probed about every quarter of an hour for eight days, whatever waits for it.
    let probes = gateway.attempts[&Manner::Dead];
    assert!((700..900).contains(&probes), "{probes} attempts");
}

#[test]
fn memory_is_bounded_however_much_waits() {
    let gateway = week(4, 4_000, &[Manner::Dead, Manner::Slow, Manner::Good]);
    assert!(gateway.most_held <= gateway::MAX_HELD + 3, "{}", gateway.most_held);
}

#[test]
fn the_same_seed_makes_the_same_week() {
    let story = |seed| {
        let gateway = week(seed, 1_000, Manner::ALL);
        gateway.copies.iter().map(|copy| (copy.ledger.standing, copy.told.clone())).collect::<Vec<_>>()
    };
    assert_eq!(story(5), story(5));
    assert_ne!(story(5), story(6));
}

fn is_relayed(status: DeliveryStatus) -> bool {
    matches!(status, DeliveryStatus::Forwarded | DeliveryStatus::Indeterminate)
}

fn is_last_word(status: DeliveryStatus) -> bool {
    !is_relayed(status) && status != DeliveryStatus::Deferred
}
