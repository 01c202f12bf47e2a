//! The commit: a batch of operations as one transaction of about ten statements.

use std::sync::atomic::Ordering;

use sqlx::{Row as _, SqliteConnection};

use super::{CHECKPOINT_OCTETS, Inserts, Sqlite, rows::Insert};
use crate::store::{
    backend::Applied,
    model::{Op, Start, State},
    plan::{Found, Plan, Questions, Standing, plan, questions},
};

/// Octets that a row costs in the log beyond its content: pages are written whole.
const ROW_OVERHEAD: u64 = 2048;

// CROSS JOIN keeps SQLite from reading the large table first.
pub(super) const FIND_TOKENS: &str = "SELECT s.peer, s.token, s.message, s.until FROM json_each(?1) AS k \
    CROSS JOIN seen AS s ON s.peer = k.value ->> 0 AND s.token = k.value ->> 1";
pub(super) const FIND_DELIVERIES: &str = "SELECT d.id, d.attempt, d.state, d.owner IS ?2 FROM json_each(?1) AS k \
    CROSS JOIN delivery AS d ON d.id = k.value";
pub(super) const END: &str = "DELETE FROM delivery WHERE id IN (SELECT value FROM json_each(?1))";
pub(super) const TURN: &str = "UPDATE delivery SET state = k.state, due = coalesce(k.due, delivery.due), reply = k.reply, \
    uncertain = delivery.uncertain + k.uncertain, owner = NULL, lease = NULL \
    FROM (SELECT value ->> 0 AS id, value ->> 1 AS state, value ->> 2 AS due, value ->> 3 AS uncertain, \
    value ->> 4 AS reply \
    FROM json_each(?1)) AS k WHERE delivery.id = k.id";

impl Inserts {
    pub(super) fn new() -> Self {
        let replace = |columns: &str| format!("ON CONFLICT DO UPDATE SET {columns}");
        Self {
            messages: Insert::new(
                "message (id, received, peer, protocol, message_id, octets, digest, envelope)",
                8,
                "",
            ),
            bodies: Insert::new("body (message, blob, octets)", 3, ""),
            deliveries: Insert::new(
                "delivery (id, message, dest, rcpt, state, due, expires, attempt, tries, owner, lease, data)",
                12,
                "",
            ),
            keys: Insert::new(
                "response (peer, token, delivery)",
                3,
                &replace("delivery = excluded.delivery"),
            ),
            outcomes: Insert::new(
                "outcome (peer, remote, rcpt, message, state, at, until, data)",
                8,
                &replace(
                    "message = excluded.message, state = excluded.state, at = excluded.at, until = excluded.until, \
                     data = excluded.data",
                ),
            ),
            positions: Insert::new(
                "position (source, at, data)",
                3,
                &replace("at = excluded.at, data = excluded.data"),
            ),
            seen: Insert::new(
                "seen (peer, token, message, until)",
                4,
                &replace("message = excluded.message, until = excluded.until"),
            ),
            traces: Insert::new("trace (message, id, at, event)", 4, ""),
        }
    }
}

impl Sqlite {
    pub(super) async fn apply_batch(&self, ops: &[Op]) -> Result<Applied, sqlx::Error> {
        let mut writer = self.writer.lock().await;
        let mut work = writer.begin().await?;
        let found = self.look_up(&mut work.transaction, &questions(ops)).await?;
        let plan = plan(ops, found);
        self.write(&mut work.transaction, &plan).await?;
        work.commit().await?;
        self.written.fetch_add(weight(&plan), Ordering::Relaxed);
        let wakes = plan.wakes();
        Ok(Applied { receipts: plan.receipts, wakes })
    }

    /// Moves the log into the database file when it has grown, beside the commits; and here and now
    /// when there is nothing else to do, or when it has to be started anew.
    pub(super) async fn checkpoint(&self, idle: bool) -> Result<(), sqlx::Error> {
        if let Some(fault) = self.checkpoints.fault() {
            return Err(fault);
        }
        let written = self.written.load(Ordering::Relaxed);
        let mode = if self.checkpoints.restart_is_due() {
            "PRAGMA wal_checkpoint(RESTART)"
        } else if idle && written > 0 {
            "PRAGMA wal_checkpoint(PASSIVE)"
        } else {
            if written >= CHECKPOINT_OCTETS {
                self.written.fetch_sub(written, Ordering::Relaxed);
                self.checkpoints.begin();
            }
            return Ok(());
        };
        let mut writer = self.writer.lock().await;
        sqlx::query(mode).execute(writer.connection().await?).await?;
        self.written.fetch_sub(written, Ordering::Relaxed);
        Ok(())
    }

    async fn look_up(
        &self,
        connection: &mut SqliteConnection,
        questions: &Questions<'_>,
    ) -> Result<Found, sqlx::Error> {
        let mut found = Found::default();
        if !questions.seen.is_empty() {
            let keys: Vec<_> = questions.seen.iter().map(|seen| (&seen.peer, &seen.token)).collect();
            let rows = sqlx::query(FIND_TOKENS).bind(json(&keys)?).fetch_all(&mut *connection).await?;
            for row in rows {
                found.seen.insert((row.try_get(0)?, row.try_get(1)?), (row.try_get(2)?, row.try_get(3)?));
            }
        }
        if !questions.deliveries.is_empty() {
            let rows = sqlx::query(FIND_DELIVERIES)
                .bind(json(&questions.deliveries)?)
                .bind(&self.node)
                .fetch_all(connection)
                .await?;
            for row in rows {
                let state = State::from_number(row.try_get(2)?);
                found.deliveries.insert(
                    row.try_get(0)?,
                    Standing { attempt: row.try_get(1)?, state, mine: row.try_get(3)? },
                );
            }
        }
        Ok(found)
    }

    async fn write(&self, connection: &mut SqliteConnection, plan: &Plan<'_>) -> Result<(), sqlx::Error> {
        let inserts = &self.inserts;
        inserts
            .messages
            .run(connection, &plan.messages, |values, message| {
                values.add(message.id).add(message.received).add(message.peer.as_str()).add(message.protocol);
                values.add(message.message_id.as_str()).add(octets(message.body.octets.len()));
                values.add(message.body.digest.as_slice()).add(message.envelope.as_slice());
            })
            .await?;
        inserts
            .bodies
            .run(connection, &plan.messages, |values, message| {
                let body = &message.body;
                values.add(message.id).add((!body.inline).then_some(body.digest.as_slice()));
                values.add(body.inline.then_some(&body.octets[..]));
            })
            .await?;
        inserts
            .deliveries
            .run(connection, &plan.deliveries, |values, (delivery, at)| {
                let (state, attempt, lease) = match delivery.start {
                    Start::Claimed { lease_ms } => (State::Claimed, 1, Some(at + lease_ms)),
                    Start::Held => (State::Held, 0, None),
                    Start::Waiting => (State::Waiting, 0, None),
                };
                values
                    .add(delivery.id)
                    .add(delivery.message)
                    .add(delivery.dest.as_str())
                    .add(delivery.rcpt.as_str());
                values.add(state as i32).add(delivery.due).add(delivery.expires).add(attempt).add(attempt);
                values.add(lease.map(|_| self.node.as_str())).add(lease).add(delivery.data.as_slice());
            })
            .await?;
        inserts
            .seen
            .run(connection, &plan.seen, |values, seen| {
                values.add(seen.peer.as_str()).add(seen.token.as_str()).add(seen.message).add(seen.until);
            })
            .await?;
        self.settle(connection, plan).await?;
        inserts
            .outcomes
            .run(connection, &plan.outcomes, |values, outcome| {
                values.add(outcome.peer.as_str()).add(outcome.remote.as_str()).add(outcome.rcpt.as_str());
                values.add(outcome.message).add(outcome.state).add(outcome.at).add(outcome.until);
                values.add(outcome.data.as_slice());
            })
            .await?;
        inserts
            .positions
            .run(connection, &plan.positions, |values, position| {
                values.add(position.source.as_str()).add(position.at).add(position.data.as_slice());
            })
            .await?;
        inserts
            .traces
            .run(connection, &plan.traces, |values, trace| {
                values
                    .add(trace.message)
                    .add(self.ids.allot(trace.at))
                    .add(trace.at)
                    .add(trace.event.as_str());
            })
            .await
    }

    /// The fences were checked in this transaction, so that the identity suffices.
    async fn settle(&self, connection: &mut SqliteConnection, plan: &Plan<'_>) -> Result<(), sqlx::Error> {
        if !plan.done.is_empty() {
            sqlx::query(END).bind(json(&plan.done)?).execute(&mut *connection).await?;
        }
        if !plan.turns.is_empty() {
            let rows = plan.turns.iter();
            let turns: Vec<_> = rows
                .map(|turn| (turn.id, turn.state as i32, turn.due, i32::from(turn.uncertain), turn.reply))
                .collect();
            sqlx::query(TURN).bind(json(&turns)?).execute(&mut *connection).await?;
        }
        self.inserts
            .keys
            .run(connection, &plan.keys, |values, (key, delivery)| {
                values.add(key.peer.as_str()).add(key.token.as_str()).add(*delivery);
            })
            .await
    }
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn octets(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn weight(plan: &Plan<'_>) -> u64 {
    let bodies =
        plan.messages.iter().map(|message| if message.body.inline { message.body.octets.len() } else { 0 });
    let rows = plan.messages.len()
        + plan.deliveries.len()
        + plan.done.len()
        + plan.turns.len()
        + plan.outcomes.len();
    bodies.map(|octets| octets as u64).sum::<u64>() + rows as u64 * ROW_OVERHEAD
}
