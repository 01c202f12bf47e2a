//! Claims, leases, nodes, what an operator does to the queue, aliases, and the sweep.

use futures_util::future::BoxFuture;
use sqlx::{Row as _, postgres::PgRow};

use super::{
    GONE_MS, LOCK_BLOBS, LOCKS, Postgres,
    read::{message, row},
};
use crate::store::{
    backend::{Ended, SLICE, Slice},
    model::{Change, Claimed, DeliveryId, Digest, Fence, Millis, Row, Slot, State},
};

/// MATERIALIZED: otherwise the planner may join again and again and claim more than the limit.
const CLAIM: &str = "WITH pick AS MATERIALIZED ( \
      SELECT d.id FROM unnest($1::text[], $2::bigint[]) AS slot(dest, free) CROSS JOIN LATERAL ( \
        SELECT id FROM delivery WHERE dest = slot.dest AND state IN (0, 2) AND due <= unix_ms() \
         ORDER BY due LIMIT slot.free FOR UPDATE SKIP LOCKED) d \
       LIMIT $3) \
    UPDATE delivery d SET state = 1, attempt = attempt + 1, tries = tries + (state = 0)::int, resumed = state, \
           owner = $4, lease = unix_ms() + $5 \
      FROM pick, message m WHERE d.id = pick.id AND m.id = d.message \
    RETURNING d.id, d.attempt, d.dest, d.rcpt, d.data, d.due, d.expires, d.resumed, d.tries, d.uncertain, d.reply, \
              m.id, m.received, m.peer, m.protocol, m.message_id, m.octets, m.digest, m.envelope";
const CLAIM_EXPIRED: &str = "WITH pick AS MATERIALIZED ( \
      SELECT id FROM delivery WHERE state IN (0, 3) AND expires <= unix_ms() \
       ORDER BY expires LIMIT $1 FOR UPDATE SKIP LOCKED) \
    UPDATE delivery d SET state = 1, attempt = attempt + 1, resumed = state, owner = $2, lease = unix_ms() + $3 \
      FROM pick, message m WHERE d.id = pick.id AND m.id = d.message \
    RETURNING d.id, d.attempt, d.dest, d.rcpt, d.data, d.due, d.expires, d.resumed, d.tries, d.uncertain, d.reply, \
              m.id, m.received, m.peer, m.protocol, m.message_id, m.octets, m.digest, m.envelope";

impl Postgres {
    pub(super) async fn claim_slots(
        &self,
        slots: &[Slot],
        limit: u32,
        lease_ms: i64,
    ) -> Result<Vec<Claimed>, sqlx::Error> {
        let (dests, free): (Vec<&str>, Vec<i64>) =
            slots.iter().map(|slot| (slot.dest.as_str(), i64::from(slot.free))).unzip();
        let rows = sqlx::query(CLAIM)
            .bind(dests)
            .bind(free)
            .bind(i64::from(limit))
            .bind(&self.node)
            .bind(lease_ms)
            .fetch_all(&self.pool)
            .await?;
        claimed(&rows)
    }

    pub(super) async fn claim_ended(&self, limit: u32, lease_ms: i64) -> Result<Vec<Claimed>, sqlx::Error> {
        let rows = sqlx::query(CLAIM_EXPIRED)
            .bind(i64::from(limit))
            .bind(&self.node)
            .bind(lease_ms)
            .fetch_all(&self.pool)
            .await?;
        claimed(&rows)
    }

    /// Returns the deliveries that are lost.
    pub(super) async fn renew_leases(
        &self,
        fences: &[Fence],
        lease_ms: i64,
    ) -> Result<Vec<DeliveryId>, sqlx::Error> {
        let (ids, attempts): (Vec<i64>, Vec<i32>) =
            fences.iter().map(|fence| (fence.delivery, fence.attempt)).unzip();
        // Rows that the committer settles at this moment are locked by it: their leases matter no more.
        let lost = sqlx::query_scalar(
            "WITH k AS (SELECT * FROM unnest($1::bigint[], $2::int[]) AS k(id, attempt)), \
                  mine AS MATERIALIZED (SELECT d.id FROM delivery d JOIN k ON d.id = k.id AND d.attempt = k.attempt \
                    WHERE d.state = 1 AND d.owner = $3 ORDER BY d.id FOR UPDATE OF d SKIP LOCKED), \
                  kept AS (UPDATE delivery d SET lease = unix_ms() + $4 FROM mine WHERE d.id = mine.id) \
             SELECT k.id FROM k WHERE NOT EXISTS (SELECT 1 FROM delivery d WHERE d.id = k.id \
               AND d.attempt = k.attempt AND d.state = 1 AND d.owner = $3)",
        )
        .bind(ids)
        .bind(attempts)
        .bind(&self.node)
        .bind(lease_ms)
        .fetch_all(&self.pool)
        .await?;
        Ok(lost)
    }

    pub(super) async fn recover_leases(&self, own: bool) -> Result<Vec<DeliveryId>, sqlx::Error> {
        sqlx::query_scalar(
            "WITH pick AS MATERIALIZED (SELECT id FROM delivery \
               WHERE state = 1 AND (lease < unix_ms() OR ($1 AND owner = $2)) FOR UPDATE SKIP LOCKED) \
             UPDATE delivery d SET state = CASE resumed WHEN 2 THEN 2 ELSE 0 END, \
                    uncertain = uncertain + (resumed <> 2)::int, owner = NULL, lease = NULL \
               FROM pick WHERE d.id = pick.id RETURNING d.id",
        )
        .bind(own)
        .bind(&self.node)
        .fetch_all(&self.pool)
        .await
    }

    pub(super) async fn live_nodes(&self) -> Result<u32, sqlx::Error> {
        let live: i64 = sqlx::query_scalar("SELECT count(*) FROM node WHERE beat >= unix_ms() - $1")
            .bind(GONE_MS)
            .fetch_one(&self.pool)
            .await?;
        Ok(u32::try_from(live).unwrap_or(u32::MAX).max(1))
    }

    pub(super) async fn change_rows(&self, ids: &[DeliveryId], change: Change) -> Result<u64, sqlx::Error> {
        let sql = match change {
            Change::Hold => "UPDATE delivery SET state = 3 WHERE id = ANY ($1) AND state = 0",
            Change::Release => {
                "UPDATE delivery SET state = 0, due = unix_ms() WHERE id = ANY ($1) AND state = 3"
            }
            Change::Retry => "UPDATE delivery SET due = unix_ms() WHERE id = ANY ($1) AND state = 0",
        };
        let done = sqlx::query(sql).bind(ids).execute(&self.pool).await?;
        self.tell.notify_one();
        Ok(done.rows_affected())
    }

    pub(super) async fn delete_rows(&self, ids: &[DeliveryId]) -> Result<Vec<Row>, sqlx::Error> {
        sqlx::query(
            "DELETE FROM delivery WHERE id = ANY ($1) AND state <> 1 \
             RETURNING id, attempt, message, dest, rcpt, state, due, expires, tries, uncertain, owner, reply",
        )
        .bind(ids)
        .fetch_all(&self.pool)
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
        let mut transaction = self.pool.begin().await?;
        // Two nodes must not take different aliases for one address, nor one alias for two. It is rare enough.
        sqlx::query("LOCK TABLE alias IN SHARE ROW EXCLUSIVE MODE").execute(&mut *transaction).await?;
        let known = sqlx::query_scalar("SELECT alias FROM alias WHERE pool = $1 AND address = $2")
            .bind(pool)
            .bind(address)
            .fetch_optional(&mut *transaction)
            .await?;
        if known.is_some() {
            return Ok(known);
        }
        let alias = sqlx::query_scalar(
            "INSERT INTO alias (pool, address, alias, at) \
             SELECT $1, $2, value, $4 FROM unnest($3::text[]) WITH ORDINALITY AS k(value, place) \
              WHERE NOT EXISTS (SELECT 1 FROM alias a WHERE a.alias = value) ORDER BY place LIMIT 1 \
             RETURNING alias",
        )
        .bind(pool)
        .bind(address)
        .bind(candidates)
        .bind(now)
        .fetch_optional(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(alias)
    }

    pub(super) async fn sweep_slice(
        &self,
        ended: Ended,
        after: i64,
        before: i64,
    ) -> Result<Slice, sqlx::Error> {
        let (last, delete) = match ended {
            Ended::Seen => {
                return self
                    .sweep_ended(
                        "DELETE FROM seen WHERE (peer, token) IN \
                         (SELECT peer, token FROM seen WHERE until <= $1 LIMIT $2)",
                        before,
                    )
                    .await;
            }
            Ended::Outcomes => {
                return self
                    .sweep_ended(
                        "DELETE FROM outcome WHERE (peer, remote, rcpt) IN \
                         (SELECT peer, remote, rcpt FROM outcome WHERE until <= $1 LIMIT $2)",
                        before,
                    )
                    .await;
            }
            Ended::Bodies => (
                "SELECT max(message) FROM (SELECT message FROM body WHERE message > $1 AND message < $2 \
                 ORDER BY message LIMIT $3) k",
                "DELETE FROM body WHERE message > $1 AND message <= $2 \
                 AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message = body.message)",
            ),
            Ended::Messages => (
                "SELECT max(id) FROM (SELECT id FROM message WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3) k",
                "DELETE FROM message WHERE id > $1 AND id <= $2 \
                 AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message = message.id) \
                 AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.message = message.id)",
            ),
            Ended::Traces => (
                "SELECT max(message) FROM (SELECT message FROM trace WHERE message > $1 AND message < $2 \
                 ORDER BY message LIMIT $3) k",
                "DELETE FROM trace WHERE message > $1 AND message <= $2 \
                 AND NOT EXISTS (SELECT 1 FROM message m WHERE m.id = trace.message)",
            ),
        };
        let last: Option<i64> = sqlx::query_scalar(last)
            .bind(after)
            .bind(before)
            .bind(i64::from(SLICE))
            .fetch_one(&self.pool)
            .await?;
        let Some(last) = last else { return Ok(Slice { removed: 0, next: None }) };
        let done = sqlx::query(delete).bind(after).bind(last).execute(&self.pool).await?;
        Ok(Slice { removed: done.rows_affected(), next: Some(last) })
    }

    async fn sweep_ended(&self, sql: &'static str, before: Millis) -> Result<Slice, sqlx::Error> {
        let done = sqlx::query(sql).bind(before).bind(i64::from(SLICE)).execute(&self.pool).await?;
        let removed = done.rows_affected();
        Ok(Slice { removed, next: (removed == u64::from(SLICE)).then_some(0) })
    }

    /// Holds the lock that every commit of a blob shares: no commit can add a reference while this unlinks.
    pub(super) async fn unlink_unreferenced<'a>(
        &'a self,
        digests: &'a [Digest],
        unlink: &'a (dyn Fn(Vec<Digest>) -> BoxFuture<'a, u64> + Send + Sync),
    ) -> Result<u64, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1, $2)")
            .bind(LOCKS)
            .bind(LOCK_BLOBS)
            .execute(&mut *transaction)
            .await?;
        let wanted: Vec<&[u8]> = digests.iter().map(Digest::as_slice).collect();
        let used: Vec<Vec<u8>> = sqlx::query_scalar("SELECT DISTINCT blob FROM body WHERE blob = ANY ($1)")
            .bind(wanted)
            .fetch_all(&mut *transaction)
            .await?;
        let free = digests.iter().filter(|digest| !used.iter().any(|used| used == digest.as_slice()));
        let unlinked = unlink(free.copied().collect()).await;
        transaction.commit().await?;
        Ok(unlinked)
    }
}

fn claimed(rows: &[PgRow]) -> Result<Vec<Claimed>, sqlx::Error> {
    let mut claimed = rows
        .iter()
        .map(|row| {
            Ok(Claimed {
                fence: Fence { delivery: row.try_get(0)?, attempt: row.try_get(1)? },
                dest: row.try_get(2)?,
                rcpt: row.try_get(3)?,
                data: row.try_get(4)?,
                due: row.try_get(5)?,
                expires: row.try_get(6)?,
                from: State::from_number(row.try_get(7)?),
                tries: row.try_get(8)?,
                uncertain: row.try_get(9)?,
                reply: row.try_get(10)?,
                message: message(row, 11)?,
            })
        })
        .collect::<Result<Vec<_>, sqlx::Error>>()?;
    // RETURNING promises no order.
    claimed.sort_by_key(|claimed| (claimed.due, claimed.fence.delivery));
    Ok(claimed)
}
