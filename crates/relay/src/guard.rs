//! What must not happen twice, or for ever: the same message taken again, a message that goes
//! round, a machine that answers a machine.
//!
//! Whether a key was seen before is the store's knowledge; here is how the key is made.

use alloc::{format, string::String};

use cedrat_message::{Address, Blame, Class, Message, Permanence, Reason, Refusal};
use serde::Deserialize;

use crate::hash;

/// Longest identifier that goes into a key whole. Real ones are below 200 octets.
const MAX_KEY_ID: usize = 400;

/// An identifier without the blanks, quotes and angle brackets that systems put around it, and
/// take off again, as they like.
#[must_use]
pub fn bare_id(id: &str) -> &str {
    let mut id = id.trim();
    for (open, close) in [('"', '"'), ('<', '>'), ('"', '"')] {
        if let Some(inner) = id.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)) {
            id = inner.trim();
        }
    }
    id
}

/// An identifier as part of a key: whole, or its start with its length and a hash when a peer
/// sends a monster.
fn key_id(id: &str) -> String {
    let id = bare_id(id);
    if id.len() <= MAX_KEY_ID {
        return id.into();
    }
    let start: String = id.chars().take(MAX_KEY_ID / 4).collect();
    format!("{start}#{}#{:016x}", id.len(), hash::fnv(&[id]))
}

/// Key by which a copy is recognised when a peer sends it again: the store keeps it beside the
/// peer's name. Different identifiers and recipients never give the same key by their spelling.
#[must_use]
pub fn duplicate_key(message_id: &str, recipient: &Address) -> String {
    let id = key_id(message_id);
    let recipient = format!("{recipient}").to_lowercase();
    format!("{}:{id}:{recipient}", id.len())
}

/// What is kept beside a [`duplicate_key`], so that a request that comes again gets the same
/// answer; `None` when nothing is to be kept, because a temporary refusal invites another try.
#[must_use]
pub const fn answer_to_keep(refused: Option<Reason>) -> Option<&'static str> {
    match refused {
        None => Some(TAKEN),
        Some(reason) => match reason.permanence() {
            Permanence::Permanent => Some(reason.token()),
            Permanence::Transient => None,
        },
    }
}

/// The answer that was kept: `Some(None)` = taken; `None` = nobody's answer, as if never seen.
#[must_use]
pub fn kept_answer(kept: &str) -> Option<Option<Reason>> {
    if kept == TAKEN { Some(None) } else { Reason::read(kept).map(Some) }
}

const TAKEN: &str = "taken";

/// Key of a transaction or of a message with one peer.
pub(crate) fn peer_key(kind: char, peer: &str, id: &str) -> String {
    format!("{kind}{}:{peer}:{}", peer.len(), key_id(id))
}

/// Bounds on the way of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoopLimits {
    /// Systems it went through (Received lines). Default 100 (RFC 5321 §6.3).
    pub max_hops: u32,
    /// Times it was forwarded, by its counter. Default 20.
    pub max_forwards: u32,
    /// Times this gateway stands in its trace. Default 3: a message may come back once or twice
    /// on purpose, through a hub or a person's own forwarding.
    pub max_own: u32,
}

impl Default for LoopLimits {
    fn default() -> Self {
        Self { max_hops: 100, max_forwards: 20, max_own: 3 }
    }
}

/// How often this gateway stands as receiver in a trace: Received values with `by` one of its names.
#[must_use]
pub fn own_traces<'a>(received: impl IntoIterator<Item = &'a str>, own_names: &[&str]) -> u32 {
    let mut own = 0u32;
    for value in received {
        let mut words = value.split_ascii_whitespace();
        let by = words.by_ref().skip_while(|word| !word.eq_ignore_ascii_case("by")).nth(1);
        let by = by.map(|name| name.trim_end_matches([';', '.', ',']));
        if by.is_some_and(|name| own_names.iter().any(|own| own.eq_ignore_ascii_case(name))) {
            own = own.saturating_add(1);
        }
    }
    own
}

/// Refuses a message that goes round. `own` is the result of [`own_traces`].
///
/// # Errors
/// [`Reason::LoopDetected`].
pub fn check_loop(message: &Message, own: u32, limits: LoopLimits) -> Result<(), Refusal> {
    let forwards = message.forward_counter.unwrap_or(0);
    let detail = if message.hops > limits.max_hops {
        format!("{} hops, max_hops is {}", message.hops, limits.max_hops)
    } else if forwards > limits.max_forwards {
        format!("forwarded {forwards} times, max_forwards is {}", limits.max_forwards)
    } else if own > limits.max_own {
        format!("was here {own} times, max_own is {}", limits.max_own)
    } else {
        return Ok(());
    };
    Err(Refusal::new(Reason::LoopDetected, Blame::Message, detail))
}

/// Whether a machine may answer this message with a message (RFC 3834 §2): never one from a
/// machine. Reports that were asked for are no answers; `report` decides on them.
#[must_use]
pub const fn may_answer(message: &Message) -> bool {
    !message.automatic && !matches!(message.class, Some(Class::Auto | Class::Advertisement))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use cedrat_message::Origin;
    use proptest::prelude::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn an_identifier_is_the_same_with_and_without_its_clothes() {
        for id in ["m@a.test", " \"m@a.test\" ", "<m@a.test>", "\"<m@a.test>\"", "<\"m@a.test\">"] {
            assert_eq!(bare_id(id), "m@a.test", "{id}");
        }
        assert_eq!(bare_id("\""), "\"");
        assert_eq!(bare_id("+447700900001/TYPE=PLMN@a"), "+447700900001/TYPE=PLMN@a");
    }

    #[test]
    fn a_copy_is_known_again_by_identifier_and_recipient() {
        let key = duplicate_key("\"m1\"", &address("A@b.example"));
        assert_eq!(key, duplicate_key("<m1>", &address("a@B.example")));
        assert_ne!(key, duplicate_key("m1", &address("c@b.example")));
        assert_ne!(key, duplicate_key("m2", &address("a@b.example")));
        assert_ne!(duplicate_key("m1", &address("+441")), duplicate_key("m1", &address("441")));
    }

    #[test]
    fn a_request_that_comes_again_gets_the_same_answer_unless_it_was_told_to_try_later() {
        assert_eq!(answer_to_keep(None).and_then(kept_answer), Some(None));
        for &reason in Reason::ALL {
            let kept = answer_to_keep(Some(reason)).and_then(kept_answer);
            let permanent = reason.permanence() == Permanence::Permanent;
            assert_eq!(kept, permanent.then_some(Some(reason)));
        }
    }

    #[test]
    fn a_monstrous_identifier_makes_a_small_key() {
        let id = "x".repeat(60_000);
        let key = duplicate_key(&id, &address("7255"));
        assert!(key.len() < 200);
        assert_ne!(key, duplicate_key(&"x".repeat(60_001), &address("7255")));
        assert_ne!(key, duplicate_key(&(id + "y"), &address("7255")));
    }

    #[test]
    fn own_lines_of_a_trace_are_counted() {
        let trace = [
            "from a.test (a.test [192.0.2.1]) by Gw.Example with ESMTP id 1; Tue, 1 Sep 2026 00:00:00 +0000",
            "from b.test by gw.example; Tue, 1 Sep 2026 00:00:00 +0000",
            "from gw.example by b.test with MMS",
            "by",
            "",
        ];
        assert_eq!(own_traces(trace, &["gw.example"]), 2);
    }

    #[test]
    fn a_message_that_goes_round_is_refused() {
        let limits = LoopLimits::default();
        let mut message = Message::new(Origin::Mm4, "m1".into());
        message.hops = 100;
        message.forward_counter = Some(20);
        assert!(check_loop(&message, 3, limits).is_ok());
        assert_eq!(check_loop(&message, 4, limits).unwrap_err().reason, Reason::LoopDetected);
        message.forward_counter = Some(21);
        assert!(check_loop(&message, 0, limits).is_err());
        message.forward_counter = None;
        message.hops = 101;
        assert!(check_loop(&message, 0, limits).is_err());
    }

    #[test]
    fn machines_are_not_answered() {
        let mut message = Message::new(Origin::Mm4, "m1".into());
        assert!(may_answer(&message));
        message.class = Some(Class::Auto);
        assert!(!may_answer(&message));
        message.class = Some(Class::Personal);
        message.automatic = true;
        assert!(!may_answer(&message));
    }

    proptest! {
        #[test]
        fn keys_differ_when_identifiers_or_recipients_do(
            a in "[a-z0-9:+]{1,6}", b in "[a-z0-9:+]{1,6}", to in "\\+?[0-9]{1,4}", other in "\\+?[0-9]{1,4}",
        ) {
            let same = duplicate_key(&a, &address(&to)) == duplicate_key(&b, &address(&other));
            prop_assert_eq!(same, a == b && to == other);
        }

        #[test]
        fn no_text_stops_it(id in ".{0,500}") {
            prop_assert!(duplicate_key(&id, &Address::name("x").unwrap()).len() < 2_000);
            prop_assert!(own_traces([id.as_str()], &["gw.example"]) <= 1);
        }
    }
}
