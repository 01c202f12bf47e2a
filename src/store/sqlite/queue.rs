//! Claims, leases, what an operator does to the queue, aliases, and the sweep.

use std::collections::HashMap;

use futures_util::future::BoxFuture;
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{
    Sqlite,
    read::{message, row},
    write::json,
    writer::Work,
};
use crate::store::{
    backend::{Ended, SLICE, Slice},
    model::{Change, Claimed, DeliveryId, Digest, Fence, Message, MessageId, Millis, Row, Slot, State},
};

// The states are literals in every statement: with a parameter the partial index would be lost.
pub(super) const CLAIM: &str = "UPDATE delivery \
    SET state = 1, attempt = attempt + 1, tries = tries + (state = 0), resumed = state, owner = ?1, lease = ?2 \
    WHERE id IN (SELECT id FROM delivery WHERE dest = ?3 AND state IN (0, 2) AND due <= ?4 ORDER BY due LIMIT ?5) \
    RETURNING id, attempt, message, dest, rcpt, data, due, expires, resumed, tries, uncertain, reply";
pub(super) const CLAIM_EXPIRED: &str = "UPDATE delivery \
    SET state = 1, attempt = attempt + 1, resumed = state, owner = ?1, lease = ?2 \
    WHERE id IN (SELECT id FROM delivery WHERE state IN (0, 3) AND expires <= ?3 ORDER BY expires LIMIT ?4) \
    RETURNING id, attempt, message, dest, rcpt, data, due, expires, resumed, tries, uncertain, reply";
/// What was claimed to decide on a missing response goes back to waiting for it; nothing was sent.
pub(super) const RECOVER: &str = "UPDATE delivery \
    SET state = CASE resumed WHEN 2 THEN 2 ELSE 0 END, uncertain = uncertain + (resumed <> 2), \
        owner = NULL, lease = NULL \
    WHERE state = 1 AND lease < ?1 RETURNING id";
pub(super) const RENEW: &str = "UPDATE delivery SET lease = ?1 FROM (SELECT value ->> 0 AS id, value ->> 1 AS attempt FROM json_each(?2)) k \
    WHERE delivery.id = k.id AND delivery.attempt = k.attempt AND state = 1 AND owner = ?3 \
    RETURNING delivery.id";

impl Sqlite {
    pub(super) async fn claim_slots(
        &self,
        slots: &[Slot],
        limit: u32,
        now: Millis,
        lease_ms: i64,
    ) -> Result<Vec<Claimed>, sqlx::Error> {
        let mut writer = self.writer.lock().await;
        let mut work = writer.begin().await?;
        let mut rows = Vec::new();
        let mut left = limit;
        for slot in slots {
            if left == 0 {
                break;
            }
            let taken = sqlx::query(CLAIM)
                .bind(&self.node)
                .bind(now + lease_ms)
                .bind(&slot.dest)
                .bind(now)
                .bind(slot.free.min(left))
                .fetch_all(&mut *work.transaction)
                .await?;
            left = left.saturating_sub(u32::try_from(taken.len()).unwrap_or(u32::MAX));
            rows.extend(taken);
        }
        claimed(work, rows).await
    }

    pub(super) async fn claim_ended(
        &self,
        limit: u32,
        now: Millis,
        lease_ms: i64,
    ) -> Result<Vec<Claimed>, sqlx::Error> {
        let mut writer = self.writer.lock().await;
        let mut work = writer.begin().await?;
        let rows = sqlx::query(CLAIM_EXPIRED)
            .bind(&self.node)
            .bind(now + lease_ms)
            .bind(now)
            .bind(limit)
            .fetch_all(&mut *work.transaction)
            .await?;
        claimed(work, rows).await
    }

    /// Returns the deliveries that are lost.
    pub(super) async fn renew_leases(
        &self,
        fences: &[Fence],
        now: Millis,
        lease_ms: i64,
    ) -> Result<Vec<DeliveryId>, sqlx::Error> {
        let keys: Vec<_> = fences.iter().map(|fence| (fence.delivery, fence.attempt)).collect();
        let mut writer = self.writer.lock().await;
        let kept: Vec<DeliveryId> = sqlx::query_scalar(RENEW)
            .bind(now + lease_ms)
            .bind(json(&keys)?)
            .bind(&self.node)
            .fetch_all(writer.connection().await?)
            .await?;
        Ok(fences.iter().map(|fence| fence.delivery).filter(|id| !kept.contains(id)).collect())
    }

    pub(super) async fn recover_before(&self, lease: Millis) -> Result<Vec<DeliveryId>, sqlx::Error> {
        sqlx::query_scalar(RECOVER).bind(lease).fetch_all(self.writer.lock().await.connection().await?).await
    }

    pub(super) async fn change_rows(
        &self,
        ids: &[DeliveryId],
        change: Change,
        now: Millis,
    ) -> Result<u64, sqlx::Error> {
        let sql = match change {
            Change::Hold => {
                "UPDATE delivery SET state = 3 WHERE id IN (SELECT value FROM json_each(?1)) AND state = 0"
            }
            Change::Release => {
                "UPDATE delivery SET state = 0, due = ?2 WHERE id IN (SELECT value FROM json_each(?1)) AND state = 3"
            }
            Change::Retry => {
                "UPDATE delivery SET due = ?2 WHERE id IN (SELECT value FROM json_each(?1)) AND state = 0"
            }
        };
        let mut writer = self.writer.lock().await;
        let done = sqlx::query(sql).bind(json(&ids)?).bind(now).execute(writer.connection().await?).await?;
        Ok(done.rows_affected())
    }

    pub(super) async fn delete_rows(&self, ids: &[DeliveryId]) -> Result<Vec<Row>, sqlx::Error> {
        let mut writer = self.writer.lock().await;
        sqlx::query(
            "DELETE FROM delivery WHERE id IN (SELECT value FROM json_each(?1)) AND state <> 1 \
             RETURNING id, attempt, message, dest, rcpt, state, due, expires, tries, uncertain, owner, reply",
        )
        .bind(json(&ids)?)
        .fetch_all(writer.connection().await?)
        .await?
        .iter()
        .map(row)
        .collect()
    }

    pub(super) async fn allot_alias(
        &self,
        pool: &str,
        address: &str,
        candidates: &[String],
        now: Millis,
    ) -> Result<Option<String>, sqlx::Error> {
        let mut writer = self.writer.lock().await;
        let mut work = writer.begin().await?;
        let known = sqlx::query_scalar("SELECT alias FROM alias WHERE pool = ?1 AND address = ?2")
            .bind(pool)
            .bind(address)
            .fetch_optional(&mut *work.transaction)
            .await?;
        if known.is_some() {
            work.commit().await?;
            return Ok(known);
        }
        let alias: Option<String> = sqlx::query_scalar(
            "INSERT INTO alias (pool, address, alias, at) SELECT ?1, ?2, value, ?4 FROM json_each(?3) \
             WHERE NOT EXISTS (SELECT 1 FROM alias WHERE alias = value) ORDER BY key LIMIT 1 RETURNING alias",
        )
        .bind(pool)
        .bind(address)
        .bind(json(&candidates)?)
        .bind(now)
        .fetch_optional(&mut *work.transaction)
        .await?;
        work.commit().await?;
        Ok(alias)
    }

    pub(super) async fn sweep_slice(
        &self,
        ended: Ended,
        after: i64,
        before: i64,
    ) -> Result<Slice, sqlx::Error> {
        // Rows without an identity of their own end by time; the others are examined window by window, so that
        // those which must stay are not looked at again and again.
        let window = |sql: &'static str| sqlx::query_scalar::<_, Option<i64>>(sql);
        let (last, delete) = match ended {
            Ended::Seen => {
                return self
                    .sweep_ended(
                        "DELETE FROM seen WHERE (peer, token) IN \
                         (SELECT peer, token FROM seen WHERE until <= ?1 LIMIT ?2)",
                        before,
                    )
                    .await;
            }
            Ended::Outcomes => {
                return self
                    .sweep_ended(
                        "DELETE FROM outcome WHERE (peer, remote, rcpt) IN \
                         (SELECT peer, remote, rcpt FROM outcome WHERE until <= ?1 LIMIT ?2)",
                        before,
                    )
                    .await;
            }
            Ended::Bodies => (
                window(
                    "SELECT max(message) FROM (SELECT message FROM body WHERE message > ?1 AND message < ?2 \
                     ORDER BY message LIMIT ?3)",
                ),
                "DELETE FROM body WHERE message > ?1 AND message <= ?2 \
                 AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message = body.message)",
            ),
            Ended::Messages => (
                window(
                    "SELECT max(id) FROM (SELECT id FROM message WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?3)",
                ),
                "DELETE FROM message WHERE id > ?1 AND id <= ?2 \
                 AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message = message.id) \
                 AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.message = message.id)",
            ),
            Ended::Traces => (
                window(
                    "SELECT max(message) FROM (SELECT message FROM trace WHERE message > ?1 AND message < ?2 \
                     ORDER BY message LIMIT ?3)",
                ),
                "DELETE FROM trace WHERE message > ?1 AND message <= ?2 \
                 AND NOT EXISTS (SELECT 1 FROM message m WHERE m.id = trace.message)",
            ),
        };
        let last = last.bind(after).bind(before).bind(SLICE).fetch_one(&self.readers).await?;
        let Some(last) = last else { return Ok(Slice { removed: 0, next: None }) };
        let mut writer = self.writer.lock().await;
        let done = sqlx::query(delete).bind(after).bind(last).execute(writer.connection().await?).await?;
        Ok(Slice { removed: done.rows_affected(), next: Some(last) })
    }

    async fn sweep_ended(&self, sql: &'static str, before: Millis) -> Result<Slice, sqlx::Error> {
        let mut writer = self.writer.lock().await;
        let removed = sqlx::query(sql)
            .bind(before)
            .bind(SLICE)
            .execute(writer.connection().await?)
            .await?
            .rows_affected();
        Ok(Slice { removed, next: (removed == u64::from(SLICE)).then_some(0) })
    }

    /// Holds the writer while it unlinks: no commit can add a reference meanwhile.
    pub(super) async fn unlink_unreferenced<'a>(
        &'a self,
        digests: &'a [Digest],
        unlink: &'a (dyn Fn(Vec<Digest>) -> BoxFuture<'a, u64> + Send + Sync),
    ) -> Result<u64, sqlx::Error> {
        let mut writer = self.writer.lock().await;
        let mut free = Vec::new();
        for digest in digests {
            let used = sqlx::query("SELECT 1 FROM body WHERE blob = ?1 LIMIT 1")
                .bind(digest.as_slice())
                .fetch_optional(writer.connection().await?)
                .await?;
            if used.is_none() {
                free.push(*digest);
            }
        }
        Ok(unlink(free).await)
    }
}

/// Completes claimed rows with their messages and commits the claim.
async fn claimed(mut work: Work<'_>, rows: Vec<SqliteRow>) -> Result<Vec<Claimed>, sqlx::Error> {
    if rows.is_empty() {
        work.commit().await?;
        return Ok(Vec::new());
    }
    let ids: Vec<MessageId> = rows.iter().map(|row| row.try_get(2)).collect::<Result<_, _>>()?;
    let mut messages: HashMap<MessageId, Message> = HashMap::new();
    let found = sqlx::query(
        "SELECT id, received, peer, protocol, message_id, octets, digest, envelope FROM message \
         WHERE id IN (SELECT value FROM json_each(?1))",
    )
    .bind(json(&ids)?)
    .fetch_all(&mut *work.transaction)
    .await?;
    for row in found {
        let message = message(&row, 0)?;
        messages.insert(message.id, message);
    }
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        let message: MessageId = row.try_get(2)?;
        let message = messages.get(&message).cloned().ok_or(sqlx::Error::RowNotFound)?;
        claimed.push(Claimed {
            fence: Fence { delivery: row.try_get(0)?, attempt: row.try_get(1)? },
            message,
            dest: row.try_get(3)?,
            rcpt: row.try_get(4)?,
            data: row.try_get(5)?,
            due: row.try_get(6)?,
            expires: row.try_get(7)?,
            from: State::from_number(row.try_get(8)?),
            tries: row.try_get(9)?,
            uncertain: row.try_get(10)?,
            reply: row.try_get(11)?,
        });
    }
    work.commit().await?;
    // RETURNING promises no order.
    claimed.sort_by_key(|claimed| (claimed.due, claimed.fence.delivery));
    Ok(claimed)
}
