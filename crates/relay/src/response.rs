//! MM4 requests and the answers of the peer (`.RES`, TS 23.140 §8.4): what an SMTP 250 settles,
//! how long an answer is awaited, when the request is sent again, and which request an answer
//! belongs to, whatever connection it comes by.
//!
//! A request is sent again with the same identifiers, so a peer that answered into the void
//! answers again and does not deliver twice. What the answer means for the sender is `report`'s.

use alloc::{format, string::String, vec::Vec};

use cedrat_message::{Address, ForwardResult, Permanence, Reason, Timestamp};
use serde::{Deserialize, Serialize};

use crate::guard::peer_key;

/// Whether a peer is asked for answers (X-Mms-Ack-Request).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ack {
    /// It answers unasked: not asked, but awaited.
    Always,
    /// It never answers: not asked, not awaited.
    Never,
    /// Asked and awaited.
    #[default]
    Request,
}

/// What a peer means by a positive answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AckMeans {
    /// It has the message.
    #[default]
    Accepted,
    /// The recipient has the message.
    Delivered,
}

/// How the end of patience is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Silence {
    /// The peer took the message with its 250 and is known to be careless with answers.
    Accepted,
    /// The message counts as not delivered and its sender is told.
    #[default]
    Refused,
}

/// How a peer answers requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AckPolicy {
    /// Whether answers are asked for and awaited.
    pub ack: Ack,
    /// What a positive one means.
    pub ack_means: AckMeans,
    /// Seconds until the request is sent again. Default 300: the specification leaves it open,
    /// peers re-send after 30 to 300 s.
    pub ack_timeout_s: u64,
    /// How often it is sent again. Default 3.
    pub max_resends: u32,
    /// What is made of no answer at all.
    pub silence: Silence,
}

impl Default for AckPolicy {
    fn default() -> Self {
        Self {
            ack: Ack::Request,
            ack_means: AckMeans::Accepted,
            ack_timeout_s: 300,
            max_resends: 3,
            silence: Silence::Refused,
        }
    }
}

impl AckPolicy {
    /// Whether the request carries `X-Mms-Ack-Request: Yes`.
    #[must_use]
    pub const fn asks(&self) -> bool {
        matches!(self.ack, Ack::Request)
    }
}

/// A request that the next hop has taken with a 250 and not answered yet. Kept in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaiting {
    /// Peer that it was sent to.
    pub peer: String,
    /// Its transaction ID, octets as sent.
    pub transaction_id: String,
    /// Its message ID, octets as sent.
    pub message_id: String,
    /// When to act, in milliseconds since 1970, if no answer has come.
    pub deadline_ms: i64,
    /// How often it has been sent again.
    pub resends: u32,
    /// Whether it was answered; a second answer changes nothing.
    pub answered: bool,
}

/// What a 250 to a request leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// To an answer.
    Await(Awaiting),
    /// To the same as an answer.
    Settled(Taken),
}

/// What the peer has done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It has the message and answers for it.
    Accepted,
    /// The recipient has it.
    Delivered,
    /// It will not have it.
    Refused(Reason),
    /// It cannot have it now: an ordinary retry.
    Later(Reason),
}

/// Decides after the peer's 250.
#[must_use]
pub fn sent(policy: &AckPolicy, peer: &str, transaction_id: &str, message_id: &str, now: Timestamp) -> Sent {
    if policy.ack == Ack::Never {
        return Sent::Settled(policy.positive());
    }
    Sent::Await(Awaiting {
        peer: peer.into(),
        transaction_id: transaction_id.into(),
        message_id: message_id.into(),
        deadline_ms: now.plus_seconds(policy.ack_timeout_s.max(1)).0,
        resends: 0,
        answered: false,
    })
}

impl AckPolicy {
    const fn positive(&self) -> Taken {
        match self.ack_means {
            AckMeans::Accepted => Taken::Accepted,
            AckMeans::Delivered => Taken::Delivered,
        }
    }
}

/// What follows when the time for an answer is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdue {
    /// The request is over, as if it had been answered so.
    GiveUp(Taken),
    /// Nothing: the answer is there, or the time is not over.
    Nothing,
    /// It is sent again, byte for byte the same identifiers.
    Resend,
}

/// Decides at the deadline of a request.
#[must_use]
pub fn overdue(awaiting: &mut Awaiting, policy: &AckPolicy, now: Timestamp) -> Overdue {
    if awaiting.answered || now.0 < awaiting.deadline_ms {
        return Overdue::Nothing;
    }
    if awaiting.resends >= policy.max_resends {
        awaiting.answered = true;
        return Overdue::GiveUp(match policy.silence {
            Silence::Accepted => Taken::Accepted,
            Silence::Refused => Taken::Refused(Reason::NoResponse),
        });
    }
    awaiting.resends += 1;
    awaiting.deadline_ms = now.plus_seconds(policy.ack_timeout_s.max(1)).0;
    Overdue::Resend
}

/// Keys under which a request is found again: transaction first, then message.
#[must_use]
pub fn request_keys(awaiting: &Awaiting) -> [String; 2] {
    [
        peer_key('t', &awaiting.peer, &awaiting.transaction_id),
        peer_key('m', &awaiting.peer, &awaiting.message_id),
    ]
}

/// Keys under which the request of an answer is looked for, in this order. `peer` is the one that
/// the answer came from, so that no peer can settle another's message.
#[must_use]
pub fn answer_keys(peer: &str, result: &ForwardResult) -> Vec<String> {
    let mut keys = Vec::with_capacity(2);
    if !result.transaction_id.trim().is_empty() {
        keys.push(peer_key('t', peer, &result.transaction_id));
    }
    if let Some(id) = result.message_id.as_deref().filter(|id| !id.trim().is_empty()) {
        keys.push(peer_key('m', peer, id));
    }
    keys
}

/// What an answer says of one recipient of its request; `None` when it says nothing: the request
/// has been answered before, or the answer names other recipients.
#[must_use]
pub fn answered(
    awaiting: &mut Awaiting,
    policy: &AckPolicy,
    result: &ForwardResult,
    recipient: &Address,
) -> Option<Taken> {
    if awaiting.answered || !(result.recipients.is_empty() || result.recipients.contains(recipient)) {
        return None;
    }
    awaiting.answered = true;
    Some(match result.refused {
        None => policy.positive(),
        Some(reason) => match reason.permanence() {
            Permanence::Permanent => Taken::Refused(reason),
            Permanence::Transient => Taken::Later(reason),
        },
    })
}

/// A transaction ID for a request: the same for every sending of it to the same next hop.
/// `recipient` is the first of the request.
#[must_use]
pub fn transaction_id(message: &str, recipient: &Address, hop: &str) -> String {
    format!("{:016x}", crate::hash::fnv(&[message, &format!("{recipient}"), hop]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use alloc::vec;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn request(policy: &AckPolicy) -> Awaiting {
        match sent(policy, "op-b", "\"t1\"", "\"m1@a.test\"", Timestamp(0)) {
            Sent::Await(awaiting) => awaiting,
            Sent::Settled(taken) => panic!("{taken:?}"),
        }
    }

    fn result(transaction_id: &str, message_id: Option<&str>, refused: Option<Reason>) -> ForwardResult {
        ForwardResult {
            transaction_id: transaction_id.into(),
            message_id: message_id.map(Into::into),
            refused,
            token: None,
            text: None,
            recipients: Vec::new(),
        }
    }

    #[test]
    fn an_answer_is_found_with_or_without_quotes_and_by_message_when_need_be() {
        let [transaction, message] = request_keys(&request(&AckPolicy::default()));
        assert_eq!(answer_keys("op-b", &result("t1", None, None)), core::slice::from_ref(&transaction));
        assert_eq!(
            answer_keys("op-b", &result("\"t1\"", Some("m1@a.test"), None)),
            [transaction.clone(), message.clone()]
        );
        assert_eq!(answer_keys("op-b", &result(" ", Some("<m1@a.test>"), None)), [message]);
        assert!(!answer_keys("op-c", &result("t1", None, None)).contains(&transaction), "another peer");
        assert!(answer_keys("op-b", &result("", None, None)).is_empty());
    }

    #[test]
    fn a_request_is_sent_again_and_then_given_up() {
        let policy = AckPolicy { max_resends: 2, ack_timeout_s: 10, ..AckPolicy::default() };
        let mut awaiting = request(&policy);
        let before = awaiting.clone();
        assert_eq!(overdue(&mut awaiting, &policy, Timestamp(9_999)), Overdue::Nothing);
        assert_eq!(overdue(&mut awaiting, &policy, Timestamp(10_000)), Overdue::Resend);
        assert_eq!(overdue(&mut awaiting, &policy, Timestamp(10_000)), Overdue::Nothing);
        assert_eq!(overdue(&mut awaiting, &policy, Timestamp(20_000)), Overdue::Resend);
        assert_eq!(request_keys(&before), request_keys(&awaiting), "with the same identifiers");
        assert_eq!(
            overdue(&mut awaiting, &policy, Timestamp(30_000)),
            Overdue::GiveUp(Taken::Refused(Reason::NoResponse))
        );
        assert_eq!(overdue(&mut awaiting, &policy, Timestamp(90_000)), Overdue::Nothing);
        let careless = AckPolicy { silence: Silence::Accepted, max_resends: 0, ..policy };
        assert_eq!(
            overdue(&mut request(&careless), &careless, Timestamp(10_000)),
            Overdue::GiveUp(Taken::Accepted)
        );
    }

    #[test]
    fn a_second_answer_changes_nothing() {
        let policy = AckPolicy::default();
        let mut awaiting = request(&policy);
        let to = address("+447700900001");
        assert_eq!(answered(&mut awaiting, &policy, &result("t1", None, None), &to), Some(Taken::Accepted));
        let late = result("t1", None, Some(Reason::Rejected));
        assert_eq!(answered(&mut awaiting, &policy, &late, &to), None);
    }

    #[test]
    fn a_temporary_refusal_is_tried_later_and_a_permanent_one_is_not() {
        let policy = AckPolicy { ack_means: AckMeans::Delivered, ..AckPolicy::default() };
        let to = address("+447700900001");
        let taken = |refused| answered(&mut request(&policy), &policy, &result("t1", None, refused), &to);
        assert_eq!(taken(None), Some(Taken::Delivered));
        assert_eq!(taken(Some(Reason::NetworkProblem)), Some(Taken::Later(Reason::NetworkProblem)));
        assert_eq!(taken(Some(Reason::ContentNotAccepted)), Some(Taken::Refused(Reason::ContentNotAccepted)));
    }

    #[test]
    fn an_answer_about_others_leaves_a_recipient_waiting() {
        let policy = AckPolicy::default();
        let mut awaiting = request(&policy);
        let partial =
            ForwardResult { recipients: vec![address("+447700900002")], ..result("t1", None, None) };
        assert_eq!(answered(&mut awaiting, &policy, &partial, &address("+447700900001")), None);
        assert!(!awaiting.answered);
    }

    #[test]
    fn a_peer_that_never_answers_is_not_waited_for() {
        let policy = AckPolicy { ack: Ack::Never, ..AckPolicy::default() };
        assert_eq!(sent(&policy, "op-b", "t", "m", Timestamp(0)), Sent::Settled(Taken::Accepted));
        assert!(!policy.asks() && !AckPolicy { ack: Ack::Always, ..policy }.asks());
    }

    #[test]
    fn every_sending_of_a_copy_has_the_same_transaction() {
        let id = |recipient| transaction_id("m1", &address(recipient), "op-b");
        assert_eq!(id("+447700900001"), id("+447700900001"));
        assert_ne!(id("+447700900001"), id("+447700900002"));
        assert_eq!(id("7255").len(), 16);
    }
}
