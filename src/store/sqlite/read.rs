//! Queries on the read-only connections. Each is one statement: a long reader would hold back the checkpoint.

use sqlx::{Row as _, sqlite::SqliteRow};

use super::{Sqlite, write::json};
use crate::store::{
    backend::Kept,
    ids,
    model::{
        Awaited, DeliveryId, Depth, Digest, Due, Fence, Filter, Message, MessageId, Outcome, ResponseKey,
        Row, State, Trace,
    },
};

/// Steps from destination to destination through the index: its cost is the number of destinations, not of rows.
pub(super) const DUE: &str = "WITH RECURSIVE step(dest) AS ( \
      SELECT min(dest) FROM delivery WHERE state IN (0, 2) \
      UNION ALL \
      SELECT (SELECT min(dest) FROM delivery WHERE state IN (0, 2) AND dest > step.dest) FROM step \
       WHERE step.dest IS NOT NULL) \
    SELECT dest, (SELECT min(due) FROM delivery d WHERE d.state IN (0, 2) AND d.dest = step.dest) AS next \
      FROM step WHERE dest IS NOT NULL";

macro_rules! rows {
    ($from:literal) => {
        concat!(
            "SELECT d.id, attempt, message, dest, rcpt, state, due, expires, tries, uncertain, owner, reply FROM ",
            $from,
            " WHERE d.id > ?1 AND (?2 IS NULL OR dest = ?2) AND (?3 IS NULL OR rcpt = ?3) \
              AND (?4 IS NULL OR state = ?4) AND (?5 IS NULL OR message = ?5) ORDER BY d.id LIMIT ?6"
        )
    };
}

impl Sqlite {
    pub(super) async fn read_message(&self, id: MessageId) -> Result<Option<Message>, sqlx::Error> {
        sqlx::query(
            "SELECT id, received, peer, protocol, message_id, octets, digest, envelope FROM message WHERE id = ?1",
        )
        .bind(id)
        .fetch_optional(&self.readers)
        .await?
        .map(|row| message(&row, 0))
        .transpose()
    }

    pub(super) async fn read_body(&self, id: MessageId) -> Result<Option<Kept>, sqlx::Error> {
        let row = sqlx::query("SELECT blob, octets FROM body WHERE message = ?1")
            .bind(id)
            .fetch_optional(&self.readers)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let blob: Option<Vec<u8>> = row.try_get(0)?;
        Ok(Some(match blob {
            Some(blob) => Kept::Blob(digest(&blob)?),
            None => Kept::Inline(row.try_get(1)?),
        }))
    }

    pub(super) async fn read_named(&self, message_id: &str) -> Result<Vec<MessageId>, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT id FROM message WHERE message_id = ?1 AND message_id <> '' ORDER BY id LIMIT 100",
        )
        .bind(message_id)
        .fetch_all(&self.readers)
        .await
    }

    pub(super) async fn read_awaited(&self, key: &ResponseKey) -> Result<Option<Awaited>, sqlx::Error> {
        let row = sqlx::query(
            "SELECT d.id, d.attempt, d.state, d.dest, d.rcpt, d.data, d.expires, d.tries, \
                    m.id, m.received, m.peer, m.protocol, m.message_id, m.octets, m.digest, m.envelope \
             FROM response r JOIN delivery d ON d.id = r.delivery JOIN message m ON m.id = d.message \
             WHERE r.peer = ?1 AND r.token = ?2",
        )
        .bind(&key.peer)
        .bind(&key.token)
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Awaited {
            fence: Fence { delivery: row.try_get(0)?, attempt: row.try_get(1)? },
            state: State::from_number(row.try_get(2)?),
            dest: row.try_get(3)?,
            rcpt: row.try_get(4)?,
            data: row.try_get(5)?,
            expires: row.try_get(6)?,
            tries: row.try_get(7)?,
            message: message(&row, 8)?,
        }))
    }

    pub(super) async fn read_outcomes(
        &self,
        peer: &str,
        remote: &str,
        rcpt: Option<&str>,
    ) -> Result<Vec<Outcome>, sqlx::Error> {
        sqlx::query(
            "SELECT peer, remote, rcpt, message, state, at, until, data FROM outcome \
             WHERE peer = ?1 AND remote = ?2 AND (?3 IS NULL OR rcpt = ?3)",
        )
        .bind(peer)
        .bind(remote)
        .bind(rcpt)
        .fetch_all(&self.readers)
        .await?
        .iter()
        .map(outcome)
        .collect()
    }

    pub(super) async fn read_outcomes_at(
        &self,
        peer: &str,
        state: i32,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Outcome>, sqlx::Error> {
        sqlx::query(
            "SELECT peer, remote, rcpt, message, state, at, until, data FROM outcome \
             WHERE peer = ?1 AND remote > ?2 AND state = ?3 ORDER BY remote LIMIT ?4",
        )
        .bind(peer)
        .bind(after)
        .bind(state)
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?
        .iter()
        .map(outcome)
        .collect()
    }

    pub(super) async fn read_outcomes_of(&self, message: MessageId) -> Result<Vec<Outcome>, sqlx::Error> {
        sqlx::query(
            "SELECT peer, remote, rcpt, message, state, at, until, data FROM outcome WHERE message = ?1",
        )
        .bind(message)
        .fetch_all(&self.readers)
        .await?
        .iter()
        .map(outcome)
        .collect()
    }

    pub(super) async fn read_trace(&self, message: MessageId) -> Result<Vec<Trace>, sqlx::Error> {
        sqlx::query("SELECT message, at, event FROM trace WHERE message = ?1 ORDER BY id")
            .bind(message)
            .fetch_all(&self.readers)
            .await?
            .iter()
            .map(|row| Ok(Trace { message: row.try_get(0)?, at: row.try_get(1)?, event: row.try_get(2)? }))
            .collect()
    }

    pub(super) async fn read_due(&self) -> Result<Vec<Due>, sqlx::Error> {
        sqlx::query(DUE)
            .fetch_all(&self.readers)
            .await?
            .iter()
            .map(|row| Ok(Due { dest: row.try_get(0)?, next: row.try_get(1)? }))
            .collect()
    }

    pub(super) async fn read_depth(&self) -> Result<Vec<Depth>, sqlx::Error> {
        sqlx::query(
            "SELECT dest, state, count(*), min(id) FROM delivery GROUP BY dest, state ORDER BY dest, state",
        )
        .fetch_all(&self.readers)
        .await?
        .iter()
        .map(|row| {
            Ok(Depth {
                dest: row.try_get(0)?,
                state: State::from_number(row.try_get(1)?),
                count: u64::try_from(row.try_get::<i64, _>(2)?).unwrap_or(0),
                oldest: ids::time(row.try_get(3)?),
            })
        })
        .collect()
    }

    pub(super) async fn read_rows(
        &self,
        filter: &Filter,
        after: DeliveryId,
        limit: u32,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let sql = match filter {
            Filter { ids: Some(_), .. } => {
                rows!("json_each(?7) AS k CROSS JOIN delivery d ON d.id = k.value")
            }
            Filter { message: Some(_), .. } => {
                rows!("(SELECT * FROM delivery INDEXED BY delivery_message WHERE message = ?5) d")
            }
            _ => rows!("delivery d"),
        };
        sqlx::query(sql)
            .bind(after)
            .bind(&filter.dest)
            .bind(&filter.rcpt)
            .bind(filter.state.map(|state| state as i32))
            .bind(filter.message)
            .bind(limit)
            .bind(json(&filter.ids)?)
            .fetch_all(&self.readers)
            .await?
            .iter()
            .map(row)
            .collect()
    }

    pub(super) async fn read_alias(&self, alias: &str) -> Result<Option<String>, sqlx::Error> {
        sqlx::query_scalar("SELECT address FROM alias WHERE alias = ?1")
            .bind(alias)
            .fetch_optional(&self.readers)
            .await
    }

    pub(super) async fn read_position(&self, source: &str) -> Result<Option<Vec<u8>>, sqlx::Error> {
        sqlx::query_scalar("SELECT data FROM position WHERE source = ?1")
            .bind(source)
            .fetch_optional(&self.readers)
            .await
    }
}

/// The columns id, received, peer, protocol, message_id, octets, digest, envelope from the given place on.
pub(super) fn message(row: &SqliteRow, at: usize) -> Result<Message, sqlx::Error> {
    Ok(Message {
        id: row.try_get(at)?,
        received: row.try_get(at + 1)?,
        peer: row.try_get(at + 2)?,
        protocol: row.try_get(at + 3)?,
        message_id: row.try_get(at + 4)?,
        octets: u64::try_from(row.try_get::<i64, _>(at + 5)?).unwrap_or(0),
        digest: digest(row.try_get(at + 6)?)?,
        envelope: row.try_get(at + 7)?,
    })
}

pub(super) fn row(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    Ok(Row {
        fence: Fence { delivery: row.try_get(0)?, attempt: row.try_get(1)? },
        message: row.try_get(2)?,
        dest: row.try_get(3)?,
        rcpt: row.try_get(4)?,
        state: State::from_number(row.try_get(5)?),
        due: row.try_get(6)?,
        expires: row.try_get(7)?,
        tries: row.try_get(8)?,
        uncertain: row.try_get(9)?,
        owner: row.try_get(10)?,
        reply: row.try_get(11)?,
    })
}

fn outcome(row: &SqliteRow) -> Result<Outcome, sqlx::Error> {
    Ok(Outcome {
        peer: row.try_get(0)?,
        remote: row.try_get(1)?,
        rcpt: row.try_get(2)?,
        message: row.try_get(3)?,
        state: row.try_get(4)?,
        at: row.try_get(5)?,
        until: row.try_get(6)?,
        data: row.try_get(7)?,
    })
}

fn digest(octets: &[u8]) -> Result<Digest, sqlx::Error> {
    Digest::try_from(octets).map_err(|error| sqlx::Error::Decode(error.into()))
}
