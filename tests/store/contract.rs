//! What every back end promises. Each case gets a fresh, empty store of a gateway named `one`.

use std::collections::HashSet;

use cedrat::store::{
    Change, Filter, Op, Position, Receipt, Retention, Settle, Slot, Start, State, Store, StoreError,
};

use super::{body, delivery, fence, key, message, now, outcome, seen, stored, trace};

/// Hands the name of every case to a macro of the back end.
macro_rules! every_case {
    ($case:ident) => {
        $case!(a_stored_message_comes_back_with_its_exact_octets);
        $case!(a_large_body_is_a_blob_and_comes_back);
        $case!(a_duplicate_stores_nothing_and_names_the_original);
        $case!(of_two_duplicates_in_flight_exactly_one_is_stored);
        $case!(an_expired_token_is_no_duplicate);
        $case!(an_operation_that_contradicts_the_database_fails_alone);
        $case!(a_claim_takes_what_is_due_earliest_first_and_within_the_slots);
        $case!(what_is_claimed_is_claimed_once);
        $case!(a_delivery_may_be_born_claimed);
        $case!(a_settlement_needs_its_fence);
        $case!(a_retry_waits_and_says_why);
        $case!(a_response_finds_its_delivery_and_settles_it_once);
        $case!(a_missing_response_makes_the_delivery_due_again);
        $case!(an_expired_delivery_is_claimed_whatever_its_destination);
        $case!(an_operator_holds_releases_and_deletes);
        $case!(a_restart_takes_back_its_claims_and_counts_them_as_uncertain);
        $case!(an_expired_lease_is_taken_back_and_its_owner_loses);
        $case!(a_renewed_lease_stays);
        $case!(a_report_finds_its_message);
        $case!(a_trace_tells_the_life_in_order);
        $case!(an_alias_is_stable_and_unique_both_ways);
        $case!(a_position_is_stored_with_its_message_or_not_at_all);
        $case!(the_queue_is_listed_in_pages);
        $case!(the_depth_counts_by_destination_and_state);
        $case!(a_sweep_keeps_what_is_needed);
        $case!(a_body_that_arrives_again_while_it_is_swept_survives);
        $case!(what_can_be_made_again_is_trimmed);
        $case!(every_operation_of_a_crowd_is_answered_and_stored);
        $case!(a_closed_store_refuses);
    };
}
pub(super) use every_case;

pub(super) async fn a_stored_message_comes_back_with_its_exact_octets(store: Store) {
    let mut received = message(&store).await;
    received.body = body(&store, b"\x00\xff\r\n.\r\n").await;
    let (id, digest) = (received.id, *received.body.digest());
    assert_eq!(store.submit(Op::at(now()).message(received.clone())).await.unwrap(), Receipt::Stored);
    assert_eq!(store.body(id).await.unwrap().unwrap(), &b"\x00\xff\r\n.\r\n"[..]);
    let found = store.message(id).await.unwrap().unwrap();
    assert_eq!((found.octets, found.digest), (7, digest));
    assert_eq!(found.envelope, received.envelope);
    assert_eq!((found.peer.as_str(), found.protocol.as_str()), ("carrier", "mm4"));
    assert_eq!(store.messages_named("abc@mms.carrier.test").await.unwrap(), [id]);
    assert!(store.messages_named("").await.unwrap().is_empty());
    assert!(store.message(id + 1).await.unwrap().is_none());
    assert!(store.body(id + 1).await.unwrap().is_none());
}

pub(super) async fn a_large_body_is_a_blob_and_comes_back(store: Store) {
    let octets = vec![7; 300_000];
    for _ in 0..2 {
        let mut received = message(&store).await;
        received.body = body(&store, &octets).await;
        let id = received.id;
        store.submit(Op::at(now()).message(received)).await.unwrap();
        assert_eq!(store.body(id).await.unwrap().unwrap(), octets);
    }
}

pub(super) async fn a_duplicate_stores_nothing_and_names_the_original(store: Store) {
    let first = message(&store).await;
    let of = first.id;
    let op = Op::at(now()).seen(seen(of, "m1/a")).seen(seen(of, "m1/b")).message(first);
    assert_eq!(store.submit(op).await.unwrap(), Receipt::Stored);

    let again = message(&store).await;
    let id = again.id;
    let op = Op::at(now())
        .delivery(delivery(&store, id, "d"))
        .message(again.clone())
        .seen(seen(id, "m1/b"))
        .seen(seen(id, "m1/new"))
        .trace(trace(id, "received"));
    assert_eq!(store.submit(op).await.unwrap(), Receipt::Duplicate { of, tokens: vec!["m1/b".into()] });
    assert!(store.message(id).await.unwrap().is_none());
    assert!(store.trace(id).await.unwrap().is_empty());
    assert!(store.due().await.unwrap().is_empty());

    // The recipient that was new is not taken for known.
    let op = Op::at(now()).message(again).seen(seen(id, "m1/new"));
    assert_eq!(store.submit(op).await.unwrap(), Receipt::Stored);

    // The same token of another peer is another message.
    let mut other = message(&store).await;
    other.peer = "another".into();
    let mut token = seen(other.id, "m1/a");
    token.peer = "another".into();
    assert_eq!(store.submit(Op::at(now()).message(other).seen(token)).await.unwrap(), Receipt::Stored);
}

pub(super) async fn of_two_duplicates_in_flight_exactly_one_is_stored(store: Store) {
    let mut offers = Vec::new();
    for _ in 0..20 {
        let received = message(&store).await;
        let id = received.id;
        let op = Op::at(now()).message(received).seen(seen(id, "same")).delivery(delivery(&store, id, "d"));
        let store = store.clone();
        offers.push(tokio::spawn(async move { (id, store.submit(op).await.unwrap()) }));
    }
    let mut stored = Vec::new();
    let mut named = HashSet::new();
    for offer in offers {
        match offer.await.unwrap() {
            (id, Receipt::Stored) => stored.push(id),
            (_, Receipt::Duplicate { of, .. }) => drop(named.insert(of)),
            (_, lost) => panic!("{lost:?}"),
        }
    }
    assert_eq!(stored.len(), 1);
    assert_eq!(named.into_iter().collect::<Vec<_>>(), stored);
    assert_eq!(store.list(&Filter::default(), 0, 10).await.unwrap().len(), 1);
}

pub(super) async fn an_expired_token_is_no_duplicate(store: Store) {
    let first = message(&store).await;
    let mut token = seen(first.id, "t");
    token.until = now() - 1;
    store.submit(Op::at(now() - 1000).message(first).seen(token)).await.unwrap();
    for expected in [true, false] {
        let again = message(&store).await;
        let token = seen(again.id, "t");
        let receipt = store.submit(Op::at(now()).message(again).seen(token)).await.unwrap();
        assert_eq!(receipt == Receipt::Stored, expected);
    }
}

pub(super) async fn an_operation_that_contradicts_the_database_fails_alone(store: Store) {
    let mut offers = Vec::new();
    for at in 0..30 {
        let received = message(&store).await;
        // Every third delivery belongs to no message.
        let of = if at % 3 == 0 { received.id + 1 } else { received.id };
        let op = Op::at(now()).delivery(delivery(&store, of, "d")).message(received);
        let store = store.clone();
        offers.push(tokio::spawn(async move { (at, store.submit(op).await) }));
    }
    for offer in offers {
        match offer.await.unwrap() {
            (at, Ok(Receipt::Stored)) => assert!(at % 3 != 0),
            (at, Err(StoreError::Conflict { .. })) => assert!(at % 3 == 0),
            (_, other) => panic!("{other:?}"),
        }
    }
    assert_eq!(store.list(&Filter::default(), 0, 100).await.unwrap().len(), 20);
}

pub(super) async fn a_claim_takes_what_is_due_earliest_first_and_within_the_slots(store: Store) {
    let received = message(&store).await;
    let id = received.id;
    let mut op = Op::at(now()).message(received);
    let mut expected = Vec::new();
    for (dest, age) in [("a", 10), ("a", 30), ("a", 20), ("b", 5), ("c", 5), ("a", -60_000)] {
        let mut one = delivery(&store, id, dest);
        one.due = now() - age;
        expected.push(one.id);
        op = op.delivery(one);
    }
    store.submit(op).await.unwrap();
    let due = store.due().await.unwrap();
    let mut names: Vec<_> = due.iter().map(|due| due.dest.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "b", "c"]);
    assert!(due.iter().all(|due| due.next <= now()));

    let slot = |dest: &str, free| Slot { dest: dest.into(), free };
    let claimed = store.claim(&[slot("a", 2), slot("b", 5)], 100, now(), 30_000).await.unwrap();
    let ids: Vec<_> = claimed.iter().map(|claimed| claimed.fence.delivery).collect();
    assert_eq!(ids, [expected[1], expected[2], expected[3]]);
    let first = &claimed[0];
    assert_eq!((first.fence.attempt, first.tries, first.uncertain, first.from), (1, 1, 0, State::Waiting));
    assert_eq!((first.message.id, first.message.envelope.as_slice()), (id, &b"\x01envelope"[..]));
    assert_eq!((first.rcpt.as_str(), first.data.as_slice()), ("+447700900001", &b"\x01data"[..]));

    // The one that is not due stays.
    let rest = store.claim(&[slot("a", 9), slot("b", 9), slot("c", 9)], 100, now(), 30_000).await.unwrap();
    assert_eq!(rest.len(), 2);
    assert!(store.claim(&[slot("a", 9)], 100, now(), 30_000).await.unwrap().is_empty());
    let left = store.due().await.unwrap();
    assert_eq!(left.len(), 1);
    assert!(left[0].next > now());
}

pub(super) async fn what_is_claimed_is_claimed_once(store: Store) {
    for _ in 0..40 {
        stored(&store, "d").await;
    }
    let mut claims = Vec::new();
    for _ in 0..8 {
        let store = store.clone();
        claims.push(tokio::spawn(async move {
            let slots = [Slot { dest: "d".into(), free: 7 }];
            store.claim(&slots, 7, now(), 30_000).await.unwrap()
        }));
    }
    let mut all = HashSet::new();
    for claim in claims {
        for claimed in claim.await.unwrap() {
            assert!(all.insert(claimed.fence.delivery));
        }
    }
    assert_eq!(all.len(), 40);
}

pub(super) async fn a_delivery_may_be_born_claimed(store: Store) {
    let received = message(&store).await;
    let mut born = delivery(&store, received.id, "d");
    born.start = Start::Claimed { lease_ms: 30_000 };
    let id = born.id;
    store.submit(Op::at(now()).message(received).delivery(born)).await.unwrap();
    assert!(store.due().await.unwrap().is_empty());
    assert!(store.recover_expired(now()).await.unwrap().is_empty());
    let row = store.list(&Filter::default(), 0, 1).await.unwrap().remove(0);
    assert_eq!((row.state, row.owner.as_deref(), row.tries), (State::Claimed, Some("one"), 1));
    assert_eq!(
        store.submit(Op::at(now()).settle(fence(id, 1), Settle::Done)).await.unwrap(),
        Receipt::Stored
    );
    assert!(store.list(&Filter::default(), 0, 1).await.unwrap().is_empty());
}

pub(super) async fn a_settlement_needs_its_fence(store: Store) {
    let (id, of) = stored(&store, "d").await;
    let slots = [Slot { dest: "d".into(), free: 1 }];
    let settle = |attempt| {
        Op::at(now())
            .trace(trace(id, "done"))
            .outcome(outcome(id, "r"))
            .settle(fence(of, attempt), Settle::Done)
    };
    // Not claimed.
    assert_eq!(store.submit(settle(0)).await.unwrap(), Receipt::Lost { delivery: of });
    store.claim(&slots, 1, now(), 30_000).await.unwrap();
    assert_eq!(store.submit(settle(2)).await.unwrap(), Receipt::Lost { delivery: of });
    assert!(store.outcomes_of(id).await.unwrap().is_empty());
    assert!(store.trace(id).await.unwrap().is_empty());
    // Two at once: one wins.
    let (one, two) = tokio::join!(store.submit(settle(1)), store.submit(settle(1)));
    let mut answers = [one.unwrap(), two.unwrap()];
    answers.sort_by_key(|answer| *answer == Receipt::Stored);
    assert_eq!(answers, [Receipt::Lost { delivery: of }, Receipt::Stored]);
    assert_eq!(store.outcomes_of(id).await.unwrap().len(), 1);
    assert_eq!(store.trace(id).await.unwrap().len(), 1);
}

pub(super) async fn a_retry_waits_and_says_why(store: Store) {
    let (_, of) = stored(&store, "d").await;
    let slots = [Slot { dest: "d".into(), free: 1 }];
    store.claim(&slots, 1, now(), 30_000).await.unwrap();
    let due = now() + 60_000;
    let retry = Settle::Retry { due, uncertain: true, reply: "451 4.3.0 later".into() };
    store.submit(Op::at(now()).settle(fence(of, 1), retry)).await.unwrap();
    assert!(store.claim(&slots, 1, now(), 30_000).await.unwrap().is_empty());
    let row = store.list(&Filter::default(), 0, 1).await.unwrap().remove(0);
    assert_eq!(
        (row.state, row.due, row.reply.as_str(), row.owner),
        (State::Waiting, due, "451 4.3.0 later", None)
    );
    assert_eq!(store.change(&Filter::default(), Change::Retry, now()).await.unwrap(), 1);
    let claimed = store.claim(&slots, 1, now(), 30_000).await.unwrap().remove(0);
    assert_eq!((claimed.fence.attempt, claimed.tries, claimed.reply.as_str()), (2, 2, "451 4.3.0 later"));
    assert_eq!(claimed.uncertain, 1);
    let retry = Settle::Retry { due: now(), uncertain: false, reply: "451 4.3.0 later".into() };
    store.submit(Op::at(now()).settle(claimed.fence, retry)).await.unwrap();
    assert_eq!(store.claim(&slots, 1, now(), 30_000).await.unwrap().remove(0).uncertain, 1);
}

pub(super) async fn a_response_finds_its_delivery_and_settles_it_once(store: Store) {
    let (id, of) = stored(&store, "d").await;
    let slots = [Slot { dest: "d".into(), free: 1 }];
    store.claim(&slots, 1, now(), 30_000).await.unwrap();
    let wait =
        Settle::Await { until: now() + 60_000, keys: vec![key("tx1"), key("tx1b")], reply: "sent".into() };
    store.submit(Op::at(now()).settle(fence(of, 1), wait)).await.unwrap();
    assert!(store.claim(&slots, 1, now(), 30_000).await.unwrap().is_empty());
    assert!(store.awaited(&key("tx2")).await.unwrap().is_none());
    let mut stranger = key("tx1");
    stranger.peer = "stranger".into();
    assert!(store.awaited(&stranger).await.unwrap().is_none());

    let awaited = store.awaited(&key("tx1b")).await.unwrap().unwrap();
    assert_eq!((awaited.fence, awaited.state, awaited.message.id), (fence(of, 1), State::Awaiting, id));
    // The report that follows from the response rides in the same transaction.
    let report = message(&store).await;
    let onward = delivery(&store, report.id, "back");
    let op = Op::at(now()).settle(awaited.fence, Settle::Done).message(report).delivery(onward);
    assert_eq!(store.submit(op.clone()).await.unwrap(), Receipt::Stored);
    assert_eq!(store.submit(op).await.unwrap(), Receipt::Lost { delivery: of });
    assert!(store.awaited(&key("tx1")).await.unwrap().is_none());
    assert_eq!(store.due().await.unwrap()[0].dest, "back");
}

pub(super) async fn a_missing_response_makes_the_delivery_due_again(store: Store) {
    let (_, of) = stored(&store, "d").await;
    let slots = [Slot { dest: "d".into(), free: 1 }];
    store.claim(&slots, 1, now(), 30_000).await.unwrap();
    let wait = |until| Settle::Await { until, keys: vec![key("tx1")], reply: "sent".into() };
    store.submit(Op::at(now()).settle(fence(of, 1), wait(now() - 5))).await.unwrap();
    let overdue = store.claim(&slots, 1, now(), 30_000).await.unwrap().remove(0);
    assert_eq!((overdue.from, overdue.fence.attempt, overdue.tries), (State::Awaiting, 2, 1));
    // The response that comes now is too late for the first attempt.
    let late = store.awaited(&key("tx1")).await.unwrap().unwrap();
    assert_eq!(late.state, State::Claimed);
    let receipt = store.submit(Op::at(now()).settle(fence(of, 1), Settle::Done)).await.unwrap();
    assert_eq!(receipt, Receipt::Lost { delivery: of });
    // A crash while deciding goes back to waiting for the response, and is no possible duplicate.
    assert_eq!(store.recover(now()).await.unwrap(), [of]);
    let row = store.list(&Filter::default(), 0, 1).await.unwrap().remove(0);
    assert_eq!((row.state, row.uncertain), (State::Awaiting, 0));
}

pub(super) async fn an_expired_delivery_is_claimed_whatever_its_destination(store: Store) {
    let received = message(&store).await;
    let id = received.id;
    let mut op = Op::at(now()).message(received);
    let mut over = Vec::new();
    for (start, expires) in [(Start::Waiting, -1), (Start::Held, -1), (Start::Waiting, 60_000)] {
        let mut one = delivery(&store, id, "dead");
        one.start = start;
        one.due = now() + 60_000;
        one.expires = now() + expires;
        over.push(one.id);
        op = op.delivery(one);
    }
    store.submit(op).await.unwrap();
    let claimed = store.claim_expired(10, now(), 30_000).await.unwrap();
    let mut ids: Vec<_> = claimed.iter().map(|claimed| claimed.fence.delivery).collect();
    ids.sort_unstable();
    assert_eq!(ids, over[..2]);
    assert!(claimed.iter().all(|claimed| claimed.tries == 0 && claimed.fence.attempt == 1));
    assert!(store.claim_expired(10, now(), 30_000).await.unwrap().is_empty());
    let done = Op::at(now()).settle(fence(over[0], 1), Settle::Done);
    assert_eq!(store.submit(done).await.unwrap(), Receipt::Stored);
}

pub(super) async fn an_operator_holds_releases_and_deletes(store: Store) {
    let (_, first) = stored(&store, "a").await;
    let (_, second) = stored(&store, "b").await;
    let slots = [Slot { dest: "a".into(), free: 9 }, Slot { dest: "b".into(), free: 9 }];
    let to_a = Filter { dest: Some("a".into()), ..Filter::default() };
    assert_eq!(store.change(&to_a, Change::Hold, now()).await.unwrap(), 1);
    assert_eq!(store.change(&to_a, Change::Hold, now()).await.unwrap(), 0);
    let claimed = store.claim(&slots, 9, now(), 30_000).await.unwrap();
    assert_eq!(claimed.iter().map(|claimed| claimed.fence.delivery).collect::<Vec<_>>(), [second]);
    // What a node works on is left alone.
    let all = Filter::default();
    assert_eq!(store.change(&all, Change::Hold, now()).await.unwrap(), 0);
    assert_eq!(store.change(&all, Change::Release, now()).await.unwrap(), 1);
    let held = Settle::Hold { reply: "operator".into() };
    store.submit(Op::at(now()).settle(fence(second, 1), held)).await.unwrap();
    let only = Filter { ids: Some(vec![second]), ..Filter::default() };
    let gone = store.delete(&only).await.unwrap();
    assert_eq!((gone.len(), gone[0].fence.delivery, gone[0].state), (1, second, State::Held));
    assert_eq!(gone[0].reply, "operator");
    assert_eq!(store.claim(&slots, 9, now(), 30_000).await.unwrap()[0].fence.delivery, first);
    assert!(store.delete(&all).await.unwrap().is_empty());
}

pub(super) async fn a_restart_takes_back_its_claims_and_counts_them_as_uncertain(store: Store) {
    let (_, of) = stored(&store, "d").await;
    let slots = [Slot { dest: "d".into(), free: 1 }];
    store.claim(&slots, 1, now(), 3_600_000).await.unwrap();
    assert_eq!(store.recover(now()).await.unwrap(), [of]);
    let receipt = store.submit(Op::at(now()).settle(fence(of, 1), Settle::Done)).await.unwrap();
    assert_eq!(receipt, Receipt::Lost { delivery: of });
    let again = store.claim(&slots, 1, now(), 30_000).await.unwrap().remove(0);
    assert_eq!((again.fence.attempt, again.uncertain, again.tries), (2, 1, 2));
}

pub(super) async fn an_expired_lease_is_taken_back_and_its_owner_loses(store: Store) {
    let (_, of) = stored(&store, "d").await;
    let (_, other) = stored(&store, "e").await;
    store.claim(&[Slot { dest: "d".into(), free: 1 }], 1, now(), -1).await.unwrap();
    store.claim(&[Slot { dest: "e".into(), free: 1 }], 1, now(), 60_000).await.unwrap();
    assert_eq!(store.recover_expired(now() + 5).await.unwrap(), [of]);
    assert_eq!(store.renew(&[fence(of, 1), fence(other, 1)], now(), 60_000).await.unwrap(), [of]);
    let receipt = store.submit(Op::at(now()).settle(fence(of, 1), Settle::Done)).await.unwrap();
    assert_eq!(receipt, Receipt::Lost { delivery: of });
}

pub(super) async fn a_renewed_lease_stays(store: Store) {
    let (_, of) = stored(&store, "d").await;
    store.claim(&[Slot { dest: "d".into(), free: 1 }], 1, now(), 50).await.unwrap();
    assert!(store.renew(&[fence(of, 1)], now(), 60_000).await.unwrap().is_empty());
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    assert!(store.recover_expired(now()).await.unwrap().is_empty());
    assert_eq!(store.renew(&[fence(of, 2)], now(), 60_000).await.unwrap(), [of]);
}

pub(super) async fn a_report_finds_its_message(store: Store) {
    let (id, _) = stored(&store, "d").await;
    let first = outcome(id, "remote-1");
    let mut other = first.clone();
    other.rcpt = "+447700900002".into();
    store.submit(Op::at(now()).outcome(first.clone()).outcome(other.clone())).await.unwrap();
    let found = store.outcomes("carrier", "remote-1", Some("+447700900001")).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&first));
    assert_eq!(store.outcomes("carrier", "remote-1", None).await.unwrap().len(), 2);
    assert!(store.outcomes("another", "remote-1", None).await.unwrap().is_empty());
    let all = store.outcomes_at("carrier", found[0].state, "", 10).await.unwrap();
    assert_eq!(all.len(), 2);
    assert!(store.outcomes_at("carrier", found[0].state, "remote-1", 10).await.unwrap().is_empty());
    assert!(store.outcomes_at("carrier", found[0].state + 1, "", 10).await.unwrap().is_empty());
    assert!(store.outcomes("carrier", "remote-2", None).await.unwrap().is_empty());
    // A later outcome replaces the earlier, also within one operation.
    let mut later = first.clone();
    later.state = 3;
    store.submit(Op::at(now()).outcome(first).outcome(later.clone())).await.unwrap();
    assert_eq!(store.outcomes_of(id).await.unwrap(), [later, other]);
}

pub(super) async fn a_trace_tells_the_life_in_order(store: Store) {
    let (id, of) = stored(&store, "d").await;
    store.submit(Op::at(now()).trace(trace(id, "received")).trace(trace(id, "routed"))).await.unwrap();
    store.claim(&[Slot { dest: "d".into(), free: 1 }], 1, now(), 30_000).await.unwrap();
    store
        .submit(Op::at(now()).settle(fence(of, 1), Settle::Done).trace(trace(id, "delivered")))
        .await
        .unwrap();
    let life: Vec<_> = store.trace(id).await.unwrap().into_iter().map(|trace| trace.event).collect();
    assert_eq!(life, [r#"{"event":"received"}"#, r#"{"event":"routed"}"#, r#"{"event":"delivered"}"#]);
    // A refused message has a trace, too.
    let refused = store.allot(now());
    store.submit(Op::at(now()).trace(trace(refused, "refused"))).await.unwrap();
    assert_eq!(store.trace(refused).await.unwrap().len(), 1);
}

pub(super) async fn an_alias_is_stable_and_unique_both_ways(store: Store) {
    let pool: Vec<String> = ["+447700900100", "+447700900101"].map(String::from).into();
    let alias = |address: &'static str| store.alias_for("uk", address, &pool, 1);
    assert_eq!(alias("ann@mail.test").await.unwrap().as_deref(), Some("+447700900100"));
    assert_eq!(alias("bob@mail.test").await.unwrap().as_deref(), Some("+447700900101"));
    assert_eq!(alias("ann@mail.test").await.unwrap().as_deref(), Some("+447700900100"));
    assert_eq!(alias("eve@mail.test").await.unwrap(), None);
    assert_eq!(store.address_of("+447700900101").await.unwrap().as_deref(), Some("bob@mail.test"));
    assert_eq!(store.address_of("+447700900102").await.unwrap(), None);
    // The same number never stands for somebody in another pool.
    assert_eq!(store.alias_for("other", "ann@mail.test", &pool, 1).await.unwrap(), None);
}

pub(super) async fn a_position_is_stored_with_its_message_or_not_at_all(store: Store) {
    let position = |data: &[u8]| Position { source: "work/INBOX".to_owned(), at: now(), data: data.to_vec() };
    assert_eq!(store.position("work/INBOX").await.unwrap(), None);
    let first = message(&store).await;
    let of = first.id;
    let op = Op::at(now()).seen(seen(of, "p1")).message(first).position(position(b"1"));
    assert_eq!(store.submit(op).await.unwrap(), Receipt::Stored);
    assert_eq!(store.position("work/INBOX").await.unwrap().as_deref(), Some(&b"1"[..]));
    let again = message(&store).await;
    let op = Op::at(now()).seen(seen(again.id, "p1")).message(again).position(position(b"2"));
    assert!(matches!(store.submit(op).await.unwrap(), Receipt::Duplicate { .. }));
    assert_eq!(store.position("work/INBOX").await.unwrap().as_deref(), Some(&b"1"[..]));
    store.submit(Op::at(now()).position(position(b"3"))).await.unwrap();
    assert_eq!(store.position("work/INBOX").await.unwrap().as_deref(), Some(&b"3"[..]));
    assert_eq!(store.position("work/Sent").await.unwrap(), None);
}

pub(super) async fn the_queue_is_listed_in_pages(store: Store) {
    let mut all = Vec::new();
    for at in 0..25 {
        all.push(stored(&store, if at % 5 == 0 { "a" } else { "b" }).await);
    }
    let mut listed = Vec::new();
    let mut after = 0;
    loop {
        let page = store.list(&Filter::default(), after, 10).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.fence.delivery;
        listed.extend(page.iter().map(|row| (row.message, row.fence.delivery)));
    }
    assert_eq!(listed, all);
    let to_a = Filter { dest: Some("a".into()), state: Some(State::Waiting), ..Filter::default() };
    assert_eq!(store.list(&to_a, 0, 100).await.unwrap().len(), 5);
    let one = Filter { message: Some(all[7].0), ..Filter::default() };
    assert_eq!(store.list(&one, 0, 100).await.unwrap()[0].fence.delivery, all[7].1);
    let some = Filter { ids: Some(vec![all[3].1, all[4].1, 1]), ..Filter::default() };
    assert_eq!(store.list(&some, 0, 100).await.unwrap().len(), 2);
    let nobody = Filter { rcpt: Some("nobody".into()), ..Filter::default() };
    assert!(store.list(&nobody, 0, 100).await.unwrap().is_empty());
}

pub(super) async fn the_depth_counts_by_destination_and_state(store: Store) {
    for dest in ["a", "a", "a", "b"] {
        stored(&store, dest).await;
    }
    store.claim(&[Slot { dest: "a".into(), free: 1 }], 1, now(), 30_000).await.unwrap();
    let depth = store.depth().await.unwrap();
    let counts: Vec<_> = depth.iter().map(|depth| (depth.dest.as_str(), depth.state, depth.count)).collect();
    assert_eq!(counts, [("a", State::Waiting, 2), ("a", State::Claimed, 1), ("b", State::Waiting, 1)]);
    assert!(depth.iter().all(|depth| depth.oldest > now() - 60_000 && depth.oldest <= now() + 1));
}

pub(super) async fn a_sweep_keeps_what_is_needed(store: Store) {
    let large = vec![9; 100_000];
    let mut ids = Vec::new();
    for _ in 0..4 {
        let mut received = message(&store).await;
        received.body = body(&store, &large).await;
        ids.push(received.id);
        let op = Op::at(now()).message(received).trace(trace(*ids.last().unwrap(), "received"));
        store.submit(op).await.unwrap();
    }
    // The first still has a delivery, the second an outcome; the token has ended.
    let mut token = seen(ids[0], "old");
    token.until = now() - 1;
    let op = Op::at(now()).delivery(delivery(&store, ids[0], "d")).outcome(outcome(ids[1], "r")).seen(token);
    store.submit(op).await.unwrap();
    let at_once = Retention { bodies_ms: -1000, messages_ms: -1000, traces_ms: -1000, blobs_ms: -1000 };

    let nothing = store.sweep(now(), &Retention::default()).await.unwrap();
    assert_eq!(
        (nothing.bodies, nothing.messages, nothing.traces, nothing.blobs, nothing.seen),
        (0, 0, 0, 0, 1)
    );

    let swept = store.sweep(now(), &at_once).await.unwrap();
    assert_eq!((swept.bodies, swept.messages, swept.traces, swept.blobs), (3, 2, 2, 0));
    assert_eq!(store.body(ids[0]).await.unwrap().unwrap(), large);
    assert!(store.body(ids[1]).await.unwrap().is_none());
    assert!(store.message(ids[1]).await.unwrap().is_some());
    assert!(store.message(ids[2]).await.unwrap().is_none());
    assert_eq!(store.trace(ids[1]).await.unwrap().len(), 1);

    // Once the last delivery has ended, the blob goes, too.
    store.delete(&Filter::default()).await.unwrap();
    let swept = store.sweep(now() + 120_000, &at_once).await.unwrap();
    assert_eq!((swept.bodies, swept.messages, swept.outcomes, swept.blobs), (1, 2, 1, 1));
}

pub(super) async fn a_body_that_arrives_again_while_it_is_swept_survives(store: Store) {
    let large = vec![3; 100_000];
    let at_once = Retention { bodies_ms: -1000, messages_ms: -1000, traces_ms: -1000, blobs_ms: -1000 };
    let sweeper = store.clone();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = std::sync::Arc::clone(&stop);
    let sweeping = tokio::spawn(async move {
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            sweeper.sweep(now(), &at_once).await.unwrap();
        }
    });
    for _ in 0..100 {
        let mut received = message(&store).await;
        received.body = body(&store, &large).await;
        let id = received.id;
        let one = delivery(&store, id, "d");
        let only = Filter { ids: Some(vec![one.id]), ..Filter::default() };
        store.submit(Op::at(now()).message(received).delivery(one)).await.unwrap();
        assert_eq!(store.body(id).await.unwrap().unwrap().len(), large.len());
        store.delete(&only).await.unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    sweeping.await.unwrap();
}

pub(super) async fn what_can_be_made_again_is_trimmed(store: Store) {
    let names = ["a1", "b2", "c3"].map(|start| start.repeat(32));
    for name in &names {
        store.put_made(name, vec![1; 1_000].into()).await.unwrap();
    }
    assert_eq!(store.take_made(&names[1]).await.unwrap().unwrap().len(), 1_000);
    assert_eq!(store.take_made(&"d4".repeat(32)).await.unwrap(), None);
    assert_eq!(store.trim_made(2_500).await.unwrap(), 1);
    let mut left = 0;
    for name in &names {
        left += usize::from(store.take_made(name).await.unwrap().is_some());
    }
    assert_eq!(left, 2);
    // It is no blob: the sweep of those leaves it alone.
    let at_once = Retention { bodies_ms: -1000, messages_ms: -1000, traces_ms: -1000, blobs_ms: -1000 };
    assert_eq!(store.sweep(now(), &at_once).await.unwrap().blobs, 0);
    assert_eq!(store.trim_made(0).await.unwrap(), 2);
}

pub(super) async fn every_operation_of_a_crowd_is_answered_and_stored(store: Store) {
    let mut crowd = Vec::new();
    for worker in 0..32 {
        let store = store.clone();
        crowd.push(tokio::spawn(async move {
            for at in 0..20 {
                let mut received = message(&store).await;
                received.body = body(&store, format!("{worker}/{at}").as_bytes()).await;
                let id = received.id;
                let mut born = delivery(&store, id, "d");
                born.start = Start::Claimed { lease_ms: 60_000 };
                let settled = fence(born.id, 1);
                let op =
                    Op::at(now()).message(received).delivery(born).seen(seen(id, &format!("{worker}/{at}")));
                assert_eq!(store.submit(op).await.unwrap(), Receipt::Stored);
                let op = Op::at(now())
                    .settle(settled, Settle::Done)
                    .outcome(outcome(id, &format!("{worker}/{at}")));
                assert_eq!(store.submit(op).await.unwrap(), Receipt::Stored);
                assert_eq!(store.body(id).await.unwrap().unwrap(), format!("{worker}/{at}").as_bytes());
            }
        }));
    }
    for worker in crowd {
        worker.await.unwrap();
    }
    assert!(store.list(&Filter::default(), 0, 1).await.unwrap().is_empty());
}

pub(super) async fn a_closed_store_refuses(store: Store) {
    let received = message(&store).await;
    store.close().await;
    assert_eq!(store.submit(Op::at(now()).message(received)).await, Err(StoreError::Closed));
    store.close().await;
}
