//! The commit: a batch of operations as one transaction, one statement per table over arrays.
//!
//! Rows that another node may want are locked in one order (tokens, deliveries, responses, outcomes, positions, each sorted), so
//! that two committers never wait for each other in a circle.

use std::collections::{BTreeMap, HashSet};

use sqlx::{PgConnection, Row as _};

use super::{LOCK_BLOBS, LOCKS, Postgres};
use crate::store::{
    backend::Applied,
    model::{MessageId, Millis, Op, Seen, Start, State, Write},
    plan::{Found, Plan, Standing, plan, questions},
};

/// How often a batch is tried that the database gave up on to end a deadlock.
const TRIES: u32 = 3;

type Tokens<'a> = BTreeMap<(&'a str, &'a str), (MessageId, Millis)>;

impl Postgres {
    pub(super) async fn apply_batch(&self, ops: &[Op]) -> Result<Applied, sqlx::Error> {
        let mut tries = 1;
        loop {
            match self.try_batch(ops).await {
                Err(error) if tries < TRIES && is_serialization(&error) => tries += 1,
                done => return done,
            }
        }
    }

    async fn try_batch(&self, ops: &[Op]) -> Result<Applied, sqlx::Error> {
        let mut transaction = self.writer.begin().await?;
        if ops.iter().flat_map(|op| &op.writes).any(has_blob) {
            sqlx::query("SELECT pg_advisory_xact_lock_shared($1, $2)")
                .bind(LOCKS)
                .bind(LOCK_BLOBS)
                .execute(&mut *transaction)
                .await?;
        }
        let questions = questions(ops);
        let mut found = Found::default();
        let offered = self.offer_tokens(&mut transaction, ops, &questions.seen, &mut found).await?;
        self.lock_deliveries(&mut transaction, questions.deliveries, &mut found).await?;
        let plan = plan(ops, found);
        correct_tokens(&mut transaction, &offered, &plan.seen).await?;
        self.write(&mut transaction, &plan).await?;
        transaction.commit().await?;
        let wakes = plan.wakes();
        Ok(Applied { receipts: plan.receipts, wakes })
    }

    /// Inserts the tokens of the batch, because only the insert decides between nodes; what it does not insert is
    /// known. Returns what was inserted.
    async fn offer_tokens<'a>(
        &self,
        connection: &mut PgConnection,
        ops: &[Op],
        seen: &[&'a Seen],
        found: &mut Found,
    ) -> Result<Tokens<'a>, sqlx::Error> {
        let mut offered = Tokens::new();
        for seen in seen {
            offered.entry((&seen.peer, &seen.token)).or_insert((seen.message, seen.until));
        }
        if offered.is_empty() {
            return Ok(offered);
        }
        let (peers, tokens): (Vec<&str>, Vec<&str>) = offered.keys().copied().unzip();
        let (messages, untils): (Vec<i64>, Vec<i64>) = offered.values().copied().unzip();
        let fresh = sqlx::query(
            "INSERT INTO seen (peer, token, message, until) \
             SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) \
             ON CONFLICT (peer, token) DO UPDATE SET message = excluded.message, until = excluded.until \
             WHERE seen.until <= $5 RETURNING peer, token",
        )
        .bind(&peers)
        .bind(&tokens)
        .bind(&messages)
        .bind(&untils)
        .bind(ops.iter().map(|op| op.at).max())
        .fetch_all(&mut *connection)
        .await?;
        if fresh.len() == offered.len() {
            return Ok(offered);
        }
        let mut inserted = HashSet::new();
        for row in &fresh {
            inserted.insert((row.try_get::<&str, _>(0)?, row.try_get::<&str, _>(1)?));
        }
        let known = sqlx::query(
            "SELECT s.peer, s.token, s.message, s.until FROM seen s \
             JOIN unnest($1::text[], $2::text[]) AS k(peer, token) ON s.peer = k.peer AND s.token = k.token",
        )
        .bind(&peers)
        .bind(&tokens)
        .fetch_all(connection)
        .await?;
        for row in known {
            let key: (String, String) = (row.try_get(0)?, row.try_get(1)?);
            if !inserted.contains(&(key.0.as_str(), key.1.as_str())) {
                found.seen.insert(key, (row.try_get(2)?, row.try_get(3)?));
            }
        }
        offered.retain(|key, _| inserted.contains(key));
        Ok(offered)
    }

    async fn lock_deliveries(
        &self,
        connection: &mut PgConnection,
        deliveries: Vec<i64>,
        found: &mut Found,
    ) -> Result<(), sqlx::Error> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let rows = sqlx::query(
            "SELECT id, attempt, state, owner IS NOT DISTINCT FROM $2 FROM delivery \
             WHERE id = ANY ($1) ORDER BY id FOR UPDATE",
        )
        .bind(deliveries)
        .bind(&self.node)
        .fetch_all(connection)
        .await?;
        for row in rows {
            let state = State::from_number(row.try_get::<i32, _>(2)?);
            let standing = Standing { attempt: row.try_get(1)?, state, mine: row.try_get(3)? };
            found.deliveries.insert(row.try_get(0)?, standing);
        }
        Ok(())
    }

    async fn write(&self, connection: &mut PgConnection, plan: &Plan<'_>) -> Result<(), sqlx::Error> {
        if !plan.messages.is_empty() {
            let rows = &plan.messages;
            sqlx::query(
                "INSERT INTO message (id, received, peer, protocol, message_id, octets, digest, envelope) \
                 SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], \
                                      $7::bytea[], $8::bytea[])",
            )
            .bind(column(rows, |row| row.id))
            .bind(column(rows, |row| row.received))
            .bind(column(rows, |row| row.peer.as_str()))
            .bind(column(rows, |row| row.protocol))
            .bind(column(rows, |row| row.message_id.as_str()))
            .bind(column(rows, |row| i64::try_from(row.body.octets.len()).unwrap_or(i64::MAX)))
            .bind(column(rows, |row| row.body.digest.as_slice()))
            .bind(column(rows, |row| row.envelope.as_slice()))
            .execute(&mut *connection)
            .await?;
            sqlx::query(
                "INSERT INTO body (message, blob, octets) \
                 SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[])",
            )
            .bind(column(rows, |row| row.id))
            .bind(column(rows, |row| (!row.body.inline).then_some(row.body.digest.as_slice())))
            .bind(column(rows, |row| row.body.inline.then_some(&row.body.octets[..])))
            .execute(&mut *connection)
            .await?;
        }
        self.write_deliveries(connection, plan).await?;
        settle(connection, plan).await?;
        if !plan.outcomes.is_empty() {
            let rows = &plan.outcomes;
            sqlx::query(
                "INSERT INTO outcome (peer, remote, rcpt, message, state, at, until, data) \
                 SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::int[], $6::bigint[], \
                                      $7::bigint[], $8::bytea[]) \
                 ON CONFLICT (peer, remote, rcpt) DO UPDATE SET message = excluded.message, state = excluded.state, \
                 at = excluded.at, until = excluded.until, data = excluded.data",
            )
            .bind(column(rows, |row| row.peer.as_str()))
            .bind(column(rows, |row| row.remote.as_str()))
            .bind(column(rows, |row| row.rcpt.as_str()))
            .bind(column(rows, |row| row.message))
            .bind(column(rows, |row| row.state))
            .bind(column(rows, |row| row.at))
            .bind(column(rows, |row| row.until))
            .bind(column(rows, |row| row.data.as_slice()))
            .execute(&mut *connection)
            .await?;
        }
        if !plan.positions.is_empty() {
            let rows = &plan.positions;
            sqlx::query(
                "INSERT INTO position (source, at, data) \
                 SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[]) \
                 ON CONFLICT (source) DO UPDATE SET at = excluded.at, data = excluded.data",
            )
            .bind(column(rows, |row| row.source.as_str()))
            .bind(column(rows, |row| row.at))
            .bind(column(rows, |row| row.data.as_slice()))
            .execute(&mut *connection)
            .await?;
        }
        if !plan.traces.is_empty() {
            let rows = &plan.traces;
            sqlx::query(
                "INSERT INTO trace (message, id, at, event) \
                 SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[])",
            )
            .bind(column(rows, |row| row.message))
            .bind(column(rows, |row| self.ids.allot(row.at)))
            .bind(column(rows, |row| row.at))
            .bind(column(rows, |row| row.event.as_str()))
            .execute(connection)
            .await?;
        }
        Ok(())
    }

    async fn write_deliveries(
        &self,
        connection: &mut PgConnection,
        plan: &Plan<'_>,
    ) -> Result<(), sqlx::Error> {
        if plan.deliveries.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = plan
            .deliveries
            .iter()
            .map(|(delivery, _)| match delivery.start {
                Start::Claimed { lease_ms } => (delivery, State::Claimed, 1, Some(lease_ms)),
                Start::Held => (delivery, State::Held, 0, None),
                Start::Waiting => (delivery, State::Waiting, 0, None),
            })
            .collect();
        sqlx::query(
            "INSERT INTO delivery (id, message, dest, rcpt, state, due, expires, attempt, tries, owner, lease, data) \
             SELECT id, message, dest, rcpt, state, due, expires, attempt, attempt, \
                    CASE WHEN lease IS NOT NULL THEN $10 END, unix_ms() + lease, data \
             FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::int[], $6::bigint[], $7::bigint[], \
                         $8::int[], $9::bigint[], $11::bytea[]) \
             AS k(id, message, dest, rcpt, state, due, expires, attempt, lease, data)",
        )
        .bind(column(&rows, |(row, ..)| row.id))
        .bind(column(&rows, |(row, ..)| row.message))
        .bind(column(&rows, |(row, ..)| row.dest.as_str()))
        .bind(column(&rows, |(row, ..)| row.rcpt.as_str()))
        .bind(column(&rows, |(_, state, ..)| *state as i32))
        .bind(column(&rows, |(row, ..)| row.due))
        .bind(column(&rows, |(row, ..)| row.expires))
        .bind(column(&rows, |(_, _, attempt, _)| *attempt))
        .bind(column(&rows, |(.., lease)| *lease))
        .bind(&self.node)
        .bind(column(&rows, |(row, ..)| row.data.as_slice()))
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// The fences were checked on locked rows, so that the identity suffices.
async fn settle(connection: &mut PgConnection, plan: &Plan<'_>) -> Result<(), sqlx::Error> {
    if !plan.done.is_empty() {
        sqlx::query("DELETE FROM delivery WHERE id = ANY ($1)")
            .bind(&plan.done)
            .execute(&mut *connection)
            .await?;
    }
    if !plan.turns.is_empty() {
        let rows = &plan.turns;
        sqlx::query(
            "UPDATE delivery d SET state = k.state, due = coalesce(k.due, d.due), reply = k.reply, \
             uncertain = d.uncertain + k.uncertain, owner = NULL, lease = NULL \
             FROM unnest($1::bigint[], $2::int[], $3::bigint[], $4::int[], $5::text[]) \
                  AS k(id, state, due, uncertain, reply) \
             WHERE d.id = k.id",
        )
        .bind(column(rows, |row| row.id))
        .bind(column(rows, |row| row.state as i32))
        .bind(column(rows, |row| row.due))
        .bind(column(rows, |row| i32::from(row.uncertain)))
        .bind(column(rows, |row| row.reply))
        .execute(&mut *connection)
        .await?;
    }
    if !plan.keys.is_empty() {
        let rows = &plan.keys;
        sqlx::query(
            "INSERT INTO response (peer, token, delivery) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) \
             ON CONFLICT (peer, token) DO UPDATE SET delivery = excluded.delivery",
        )
        .bind(column(rows, |(key, _)| key.peer.as_str()))
        .bind(column(rows, |(key, _)| key.token.as_str()))
        .bind(column(rows, |(_, delivery)| *delivery))
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Takes back the tokens of operations that were not stored after all, and gives a token to the operation that
/// was stored with it. Both are rare.
async fn correct_tokens(
    connection: &mut PgConnection,
    offered: &Tokens<'_>,
    wanted: &[&Seen],
) -> Result<(), sqlx::Error> {
    let wanted: Tokens<'_> = wanted
        .iter()
        .map(|seen| ((seen.peer.as_str(), seen.token.as_str()), (seen.message, seen.until)))
        .collect();
    for ((peer, token), value) in offered {
        match wanted.get(&(*peer, *token)) {
            Some(stored) if stored == value => {}
            Some((message, until)) => {
                sqlx::query("UPDATE seen SET message = $3, until = $4 WHERE peer = $1 AND token = $2")
                    .bind(peer)
                    .bind(token)
                    .bind(message)
                    .bind(until)
                    .execute(&mut *connection)
                    .await?;
            }
            None => {
                sqlx::query("DELETE FROM seen WHERE peer = $1 AND token = $2")
                    .bind(peer)
                    .bind(token)
                    .execute(&mut *connection)
                    .await?;
            }
        }
    }
    Ok(())
}

fn column<'a, T, V>(rows: &'a [T], value: impl Fn(&'a T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

fn has_blob(write: &Write) -> bool {
    matches!(write, Write::Message(message) if !message.body.inline)
}

/// A deadlock or a serialization failure: the same batch may pass now.
fn is_serialization(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|said| said.code()).is_some_and(|code| code.starts_with("40"))
}
