#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use alloc::{format, vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::{
    ContentAlgorithm,
    consent::{Output, Pattern, Signature},
    seal::tests::{Dice, consent, document, of_length, seal_octets},
};

const START: Timestamp = Timestamp(1_790_000_000_000);
const EXPIRES: Timestamp = Timestamp(1_790_000_900_000);

fn at(seconds: u64) -> Timestamp {
    START.plus_seconds(seconds)
}

fn actor(account: &str) -> Actor {
    Actor { account: account.into(), method: Authentication::Token }
}

fn owner() -> Actor {
    actor("user@example.net")
}

fn open() -> Session {
    let document = document();
    let offer = Offer {
        id: document.id,
        account: document.account,
        server_key_id: document.server_key_id,
        parent: None,
        message: document.message,
        kinds: vec![ContentAlgorithm::Aes256Gcm.into()],
        recipients: document.recipients,
        consent: Consent { output: Output::MmsCleartext, ..consent() },
        expires: EXPIRES,
        attestation: None,
    };
    Session::open(offer, Limits::default(), START, &mut Dice(0))
}

fn grant_with(session: &Session, index: u32, given: Option<Consent>, plaintext: &[u8]) -> wire::Grant {
    let consent = given.clone().unwrap_or_else(|| session.document().consent.clone());
    let binding = Binding::of(session.document(), index, &consent).unwrap();
    let sealed = seal_octets(&session.document().seal, &binding, plaintext);
    wire::Grant {
        recipient_index: index,
        enc: Octets(sealed.enc),
        ct: Octets(sealed.ct),
        consent: given,
        aad: None,
    }
}

fn good(session: &Session) -> wire::Grant {
    let key = Octets(of_length(32)).encoded();
    grant_with(session, 0, None, format!(r#"{{"cek":"{key}","alg":"aes-256-gcm"}}"#).as_bytes())
}

fn bad(seed: u8) -> wire::Grant {
    wire::Grant {
        recipient_index: 0,
        enc: Octets(vec![seed; 65]),
        ct: Octets(vec![seed; 60]),
        consent: None,
        aad: None,
    }
}

fn put(session: &mut Session, body: &wire::Grant, now: Timestamp) -> Outcome {
    session.grant(&owner(), body, now, &mut Dice(500))
}

#[test]
fn one_message_one_key_one_use() {
    let mut session = open();
    let body = good(&session);
    assert_eq!(put(&mut session, &body, at(1)), Outcome::KeyAccepted);
    assert_eq!(session.state(), State::KeyAccepted);
    assert_eq!(session.take_key(at(2)).unwrap().octets(), of_length(32));
    assert_eq!(session.take_key(at(2)).err(), Some(Outcome::SessionClosed));
    assert_eq!(session.verified(at(3)), Outcome::Transcoding);
    assert_eq!(session.done(4711, None, at(4)), Outcome::Done);
    assert_eq!(session.state(), State::Done);
    assert_eq!(session.deadline(), None);
    let steps: Vec<_> = session.take_entries().into_iter().map(|entry| (entry.to, entry.outcome)).collect();
    assert_eq!(
        steps,
        [
            (State::AwaitingKey, Outcome::Offered),
            (State::KeyAccepted, Outcome::KeyAccepted),
            (State::Verifying, Outcome::Verifying),
            (State::Transcoding, Outcome::Transcoding),
            (State::Done, Outcome::Done),
        ]
    );
}

#[test]
fn the_same_grant_again_has_the_same_answer_and_another_one_is_too_late() {
    let mut session = open();
    let body = good(&session);
    assert_eq!(put(&mut session, &bad(1), at(1)), Outcome::SealInvalid);
    assert_eq!(put(&mut session, &bad(1), at(1)), Outcome::SealInvalid);
    assert_eq!(session.document().attempts_left, 2, "a repetition costs nothing");
    assert_eq!(put(&mut session, &body, at(1)), Outcome::KeyAccepted);
    assert_eq!(put(&mut session, &body, at(2)), Outcome::KeyAccepted);
    assert_eq!(put(&mut session, &bad(2), at(2)), Outcome::SessionClosed);
    session.take_key(at(3)).unwrap();
    session.fail(Outcome::KeyNotUsable, at(4));
    assert_eq!(put(&mut session, &body, at(5)), Outcome::KeyAccepted);
    assert_eq!(session.state(), State::Failed);
}

#[test]
fn a_seal_that_holds_no_key_is_accepted_as_any_other_and_fails_as_a_wrong_key_does() {
    for plaintext in [&b"{}"[..], b"", b"{\"cek\":\"AAAA\",\"alg\":\"aes-256-gcm\"}"] {
        let mut session = open();
        let body = grant_with(&session, 0, None, plaintext);
        assert_eq!(put(&mut session, &body, at(1)), Outcome::KeyAccepted);
        assert_eq!(session.take_key(at(2)).unwrap().octets().len(), 32);
        assert_eq!(session.verified(at(3)), Outcome::KeyNotUsable);
        assert_eq!(session.document().outcome, Some(Outcome::KeyNotUsable));
    }
}

#[test]
fn too_many_refused_grants_end_the_session() {
    let mut session = open();
    let body = good(&session);
    assert_eq!(put(&mut session, &bad(1), at(1)), Outcome::SealInvalid);
    assert_eq!(put(&mut session, &bad(2), at(1)), Outcome::SealInvalid);
    assert_eq!(put(&mut session, &bad(3), at(1)), Outcome::TooManyAttempts);
    assert_eq!(session.state(), State::Failed);
    assert_eq!(put(&mut session, &body, at(1)), Outcome::SessionClosed);
}

#[test]
fn a_grant_of_somebody_else_is_told_nothing_and_costs_the_owner_nothing() {
    let mut session = open();
    let body = good(&session);
    for _ in 0..5 {
        let outcome = session.grant(&actor("other@example.net"), &body, at(1), &mut Dice(1));
        assert_eq!(outcome, Outcome::SessionNotFound);
    }
    assert_eq!(session.document().attempts_left, 3);
    let entry = session.take_entries().pop().unwrap();
    assert_eq!((entry.from, entry.to), (Some(State::AwaitingKey), State::AwaitingKey));
    assert_eq!(entry.actor.account, "other@example.net");
    assert_eq!(session.decline(&actor("other@example.net"), at(1)), Outcome::SessionNotFound);
    assert_eq!(put(&mut session, &body, at(2)), Outcome::KeyAccepted);
}

#[test]
fn a_grant_that_comes_too_late_is_refused_and_the_key_is_gone() {
    let mut session = open();
    let body = good(&session);
    assert_eq!(put(&mut session, &body, EXPIRES), Outcome::SessionExpired);
    assert_eq!(session.state(), State::Expired);
    assert_eq!(
        put(&mut session, &body, at(1)),
        Outcome::SessionExpired,
        "a clock that is put back revives none"
    );
    assert!(session.take_key(at(1)).is_err());
}

#[test]
fn work_that_takes_too_long_ends_with_the_key_wiped() {
    for steps in 0..3 {
        let mut session = open();
        let body = good(&session);
        put(&mut session, &body, at(10));
        if steps > 0 {
            session.take_key(at(20)).unwrap();
        }
        if steps > 1 {
            session.verified(at(30));
        }
        assert_eq!(session.deadline(), Some(at(130)));
        session.tick(Timestamp(at(130).0 - 1));
        assert!(!session.state().is_end());
        assert!(session.take_key(at(130)).is_err());
        assert_eq!(session.state(), State::Failed);
        assert_eq!(session.document().outcome, Some(Outcome::DeadlinePassed));
        assert_eq!(session.done(1, None, at(131)), Outcome::SessionClosed);
    }
}

#[test]
fn a_consent_may_be_narrowed_and_is_bound_to_the_seal() {
    let mut session = open();
    let wider = Consent { signature: Signature::KeepOriginal, ..consent() };
    let body = grant_with(&session, 0, Some(wider), b"");
    assert_eq!(put(&mut session, &body, at(1)), Outcome::ConsentInsufficient);
    let narrower = Consent { parts: vec![Pattern::new("image/jpeg").unwrap()], ..consent() };
    let body = grant_with(&session, 0, Some(narrower.clone()), b"");
    let foisted = wire::Grant { consent: None, ..body.clone() };
    assert_eq!(put(&mut session, &foisted, at(1)), Outcome::SealInvalid);
    assert_eq!(put(&mut session, &body, at(1)), Outcome::KeyAccepted);
    assert_eq!(session.consent(), &narrower);
    assert_eq!(session.take_entries().pop().unwrap().consent_sha256, narrower.sha256());
}

#[test]
fn a_key_for_a_recipient_of_somebody_else_is_refused() {
    let mut session = open();
    let body = wire::Grant { recipient_index: 1, ..good(&session) };
    assert_eq!(put(&mut session, &body, at(1)), Outcome::RecipientNotOwned);
    let swapped = wire::Grant { recipient_index: 2, ..good(&session) };
    assert_eq!(put(&mut session, &swapped, at(1)), Outcome::SealInvalid);
}

#[test]
fn a_client_that_declines_may_say_so_twice() {
    let mut session = open();
    let body = good(&session);
    assert_eq!(session.decline(&owner(), at(1)), Outcome::Declined);
    assert_eq!(session.decline(&owner(), at(2)), Outcome::Declined);
    assert_eq!(put(&mut session, &body, at(3)), Outcome::SessionClosed);
    assert_eq!(session.cancel(&owner(), at(3)), Outcome::SessionClosed);
}

#[test]
fn withdrawing_ends_any_state() {
    let mut session = open();
    let body = good(&session);
    put(&mut session, &body, at(1));
    assert_eq!(session.cancel(&owner(), at(2)), Outcome::Cancelled);
    assert!(session.take_key(at(2)).is_err());
    assert_eq!(session.cancel(&owner(), at(3)), Outcome::Cancelled);
}

#[test]
fn an_entry_that_was_changed_or_left_out_shows() {
    let mut session = open();
    let body = good(&session);
    put(&mut session, &body, at(1));
    session.cancel(&owner(), at(2));
    let entries = session.take_entries();
    let mut previous = Digest([0; 32]);
    let mut chain = Vec::new();
    for entry in entries {
        previous = entry.chained(&previous).unwrap();
        chain.push((entry, previous));
    }
    let verify = |chain: &[(Entry, Digest)]| {
        verify_chain(Digest([0; 32]), chain.iter().map(|(entry, digest)| (entry, digest)))
    };
    assert_eq!(verify(&chain), Ok(previous));
    let mut changed = chain.clone();
    changed[1].0.outcome = Outcome::Declined;
    assert_eq!(verify(&changed), Err(1));
    let mut shorter = chain.clone();
    shorter.remove(1);
    assert_eq!(verify(&shorter), Err(1));
}

#[test]
fn neither_entries_nor_documents_hold_the_key_or_the_subject() {
    let mut session = open();
    let body = good(&session);
    put(&mut session, &body, at(1));
    let key = Octets(of_length(32)).encoded();
    let entries = serde_json::to_string(&session.take_entries()).unwrap();
    let document = serde_json::to_string(session.document()).unwrap();
    assert!(!entries.contains("photos") && !entries.contains(&key) && !document.contains(&key));
    assert!(!format!("{session:?}").contains("photos"));
}

#[test]
fn every_outcome_has_its_slug_and_a_refusal_its_problem() {
    for outcome in Outcome::ALL {
        assert_eq!(Outcome::of(outcome.slug()), Some(*outcome));
        let problem = wire::Problem::of(*outcome);
        assert_eq!((problem.code.as_str(), problem.status), (outcome.slug(), outcome.status()));
    }
    let text = serde_json::to_string(&wire::Problem::of(Outcome::KeyNotUsable)).unwrap();
    assert_eq!(
        text,
        r#"{"type":"/api/v1/openapi.json#/x-problems/key-not-usable","title":"The key is not usable for this message.","status":422,"code":"key-not-usable"}"#
    );
}

#[derive(Debug, Clone)]
enum Step {
    Bad(u8),
    Cancel,
    Decline,
    Done,
    Fail,
    Foreign,
    Good,
    Take,
    Tick(i64),
    Verified,
    Void,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0_u8..5).prop_map(Step::Bad),
        1 => Just(Step::Cancel),
        1 => Just(Step::Decline),
        2 => Just(Step::Done),
        1 => Just(Step::Fail),
        1 => Just(Step::Foreign),
        4 => Just(Step::Good),
        4 => Just(Step::Take),
        3 => (-400_000_i64..400_000).prop_map(Step::Tick),
        3 => Just(Step::Verified),
        1 => Just(Step::Void),
    ]
}

/// How far a state is on the way; ends are all as far.
fn rank(state: State) -> u8 {
    match state {
        State::AwaitingKey => 0,
        State::KeyAccepted => 1,
        State::Verifying => 2,
        State::Transcoding => 3,
        _ => 4,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_order_of_events_uses_a_key_twice_or_after_the_end_or_goes_back(steps in prop::collection::vec(any_step(), 0..16)) {
        let mut session = open();
        let good = good(&session);
        let void = grant_with(&session, 0, None, b"{}");
        let (mut now, mut taken) = (START, 0);
        for step in steps {
            let (before, revision) = (session.state(), session.revision());
            let recorded = session.document().clone();
            match step {
                Step::Bad(seed) => drop(put(&mut session, &bad(seed), now)),
                Step::Cancel => drop(session.cancel(&owner(), now)),
                Step::Decline => drop(session.decline(&owner(), now)),
                Step::Done => drop(session.done(1, None, now)),
                Step::Fail => drop(session.fail(Outcome::ConversionFailed, now)),
                Step::Foreign => drop(session.grant(&actor("x"), &good, now, &mut Dice(3))),
                Step::Good => drop(put(&mut session, &good, now)),
                Step::Take => {
                    if session.take_key(now).is_ok() {
                        taken += 1;
                        prop_assert_eq!(before, State::KeyAccepted);
                    }
                }
                Step::Tick(millis) => {
                    now = Timestamp(now.0 + millis);
                    session.tick(now);
                }
                Step::Verified => drop(session.verified(now)),
                Step::Void => drop(put(&mut session, &void, now)),
            }
            let after = session.state();
            prop_assert!(taken <= 1);
            prop_assert!(rank(after) >= rank(before));
            prop_assert!(!before.is_end() || after == before);
            prop_assert_eq!(session.document().state, after);
            prop_assert_eq!(matches!(session.stage, Stage::AwaitingKey(_)), after == State::AwaitingKey);
            prop_assert_eq!(matches!(session.stage, Stage::KeyAccepted(_)), after == State::KeyAccepted);
            prop_assert_eq!(session.deadline().is_none(), after.is_end());
            prop_assert_eq!(session.document().outcome.is_some(), after.is_end());
            prop_assert!((session.revision() != revision) == (*session.document() != recorded));
            let entries = session.take_entries();
            let changes = entries.iter().filter(|entry| entry.from != Some(entry.to)).count();
            prop_assert!((before == after) || changes >= 1, "every transition is audited");
        }
    }
}
