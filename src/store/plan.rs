//! What a batch of operations writes, decided in memory: which operations are duplicates, which lost their
//! fence, and the rows of the others, table by table, so that a back end needs one statement per table.
//!
//! Pure. The back end first looks up what [`questions`] asks, inside its transaction, and writes what [`plan`]
//! answers in the same transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::model::{
    Delivery, DeliveryId, Fence, MessageId, Millis, Op, Outcome, Position, Receipt, Received, ResponseKey,
    Seen, Settle, State, Trace, Write,
};

/// What must be looked up before a batch can be planned.
pub(super) struct Questions<'a> {
    pub(super) seen: Vec<&'a Seen>,
    pub(super) deliveries: Vec<DeliveryId>,
}

/// A delivery as it stands in the database.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    pub(super) attempt: i32,
    pub(super) state: State,
    pub(super) mine: bool,
}

/// The answers.
#[derive(Default)]
pub(super) struct Found {
    /// Known tokens with their message and end.
    pub(super) seen: HashMap<(String, String), (MessageId, Millis)>,
    pub(super) deliveries: HashMap<DeliveryId, Standing>,
}

/// A delivery that stays, with its next state.
pub(super) struct Turn<'a> {
    pub(super) id: DeliveryId,
    pub(super) state: State,
    pub(super) due: Option<Millis>,
    /// Whether the attempt that ended may have been delivered.
    pub(super) uncertain: bool,
    pub(super) reply: &'a str,
}

/// The rows of a batch.
#[derive(Default)]
pub(super) struct Plan<'a> {
    pub(super) messages: Vec<&'a Received>,
    pub(super) deliveries: Vec<(&'a Delivery, Millis)>,
    pub(super) seen: Vec<&'a Seen>,
    pub(super) outcomes: Vec<&'a Outcome>,
    pub(super) positions: Vec<&'a Position>,
    pub(super) traces: Vec<&'a Trace>,
    pub(super) done: Vec<DeliveryId>,
    pub(super) turns: Vec<Turn<'a>>,
    pub(super) keys: Vec<(&'a ResponseKey, DeliveryId)>,
    pub(super) receipts: Vec<Receipt>,
}

pub(super) fn questions(ops: &[Op]) -> Questions<'_> {
    let mut seen = Vec::new();
    let mut deliveries = Vec::new();
    for write in ops.iter().flat_map(|op| &op.writes) {
        match write {
            Write::Seen(token) => seen.push(token),
            Write::Settle(fence, _) => deliveries.push(fence.delivery),
            Write::Delivery(_)
            | Write::Message(_)
            | Write::Outcome(_)
            | Write::Position(_)
            | Write::Trace(_) => {}
        }
    }
    Questions { seen, deliveries }
}

/// Plans the batch in order: an operation sees the tokens and settlements of those before it.
pub(super) fn plan(ops: &[Op], mut found: Found) -> Plan<'_> {
    let mut plan = Plan::default();
    let mut outcomes = BTreeMap::new();
    let mut positions = BTreeMap::new();
    let mut keys = BTreeMap::new();
    for op in ops {
        let receipt = judge(op, &found);
        if receipt == Receipt::Stored {
            note(op, &mut found);
            for write in &op.writes {
                match write {
                    Write::Delivery(delivery) => plan.deliveries.push((delivery, op.at)),
                    Write::Message(message) => plan.messages.push(message),
                    Write::Outcome(outcome) => {
                        outcomes.insert((&outcome.peer, &outcome.remote, &outcome.rcpt), outcome);
                    }
                    Write::Position(position) => {
                        positions.insert(&position.source, position);
                    }
                    Write::Seen(token) => plan.seen.push(token),
                    Write::Settle(fence, settle) => plan.settle(fence.delivery, settle, &mut keys),
                    Write::Trace(trace) => plan.traces.push(trace),
                }
            }
        }
        plan.receipts.push(receipt);
    }
    // One row per key: a statement with many rows may touch none of them twice.
    plan.outcomes = outcomes.into_values().collect();
    plan.positions = positions.into_values().collect();
    plan.keys = keys.into_values().collect();
    plan
}

type Keys<'a> = BTreeMap<(&'a str, &'a str), (&'a ResponseKey, DeliveryId)>;

impl<'a> Plan<'a> {
    fn settle(&mut self, id: DeliveryId, settle: &'a Settle, keys: &mut Keys<'a>) {
        let (state, due, uncertain, reply) = match settle {
            Settle::Done => return self.done.push(id),
            Settle::Await { until, keys: quoted, reply } => {
                keys.extend(quoted.iter().map(|key| ((key.peer.as_str(), key.token.as_str()), (key, id))));
                (State::Awaiting, Some(*until), false, reply)
            }
            Settle::Hold { reply } => (State::Held, None, false, reply),
            Settle::Retry { due, uncertain, reply } => (State::Waiting, Some(*due), *uncertain, reply),
        };
        self.turns.push(Turn { id, state, due, uncertain, reply });
    }

    /// Whether a delivery became ready for anybody to claim.
    pub(super) fn wakes(&self) -> bool {
        self.deliveries.iter().any(|(delivery, _)| delivery.start == super::model::Start::Waiting)
            || self.turns.iter().any(|turn| turn.state == State::Waiting)
    }
}

fn judge(op: &Op, found: &Found) -> Receipt {
    let mut own = HashSet::new();
    let mut known = BTreeSet::new();
    let mut of = None;
    for write in &op.writes {
        match write {
            Write::Settle(fence, _) if !holds(*fence, found) || !own.insert(fence.delivery) => {
                return Receipt::Lost { delivery: fence.delivery };
            }
            Write::Seen(seen) => {
                let key = (seen.peer.clone(), seen.token.clone());
                if let Some((message, until)) = found.seen.get(&key)
                    && *until > op.at
                {
                    of.get_or_insert(*message);
                    known.insert(seen.token.clone());
                }
            }
            _ => {}
        }
    }
    of.map_or(Receipt::Stored, |of| Receipt::Duplicate { of, tokens: known.into_iter().collect() })
}

/// Claimed by this node with this attempt, or waiting for the response to this attempt.
fn holds(fence: Fence, found: &Found) -> bool {
    found.deliveries.get(&fence.delivery).is_some_and(|standing| {
        let open = standing.state == State::Awaiting || (standing.state == State::Claimed && standing.mine);
        open && standing.attempt == fence.attempt
    })
}

fn note(op: &Op, found: &mut Found) {
    for write in &op.writes {
        match write {
            Write::Seen(seen) => {
                found.seen.insert((seen.peer.clone(), seen.token.clone()), (seen.message, seen.until));
            }
            // Whatever it becomes, a second settlement in the same batch comes too late.
            Write::Settle(fence, _) => {
                found.deliveries.remove(&fence.delivery);
            }
            _ => {}
        }
    }
}
