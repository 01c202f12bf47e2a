//! The embedded database: SQLite in WAL mode with `synchronous=FULL`, one write connection, read-only readers.
//!
//! Nothing outside this module holds a write transaction. The writer is behind a fair mutex and every write is a
//! `BEGIN IMMEDIATE` transaction that rolls back when its future is dropped. Checkpoints are made here and not by
//! SQLite itself: its automatic checkpoint ignores I/O errors, and an fsync error that nobody hears loses messages.

mod checkpoint;
mod queue;
mod read;
mod rows;
#[cfg(test)]
mod tests;
mod write;
mod writer;

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::atomic::AtomicU64,
    time::Duration,
};

use futures_util::future::BoxFuture;
use sqlx::{
    Connection as _, Row as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Mutex;

use super::{
    Role,
    backend::{Answer, Applied, Backend, Ended, Kept, Slice},
    error::StoreError,
    ids::{Ids, OPERATOR},
    model::{
        Awaited, Change, Claimed, DeliveryId, Depth, Digest, Due, Fence, Filter, Message, MessageId, Millis,
        Op, Outcome, ResponseKey, Row, Slot, Trace,
    },
};
use rows::Insert;
use writer::Writer;

/// The schema, step by step. A step that was released never changes.
const MIGRATIONS: &[&str] = &[include_str!("0001_initial.sql"), include_str!("0002_position.sql")];

/// Octets written between two checkpoints.
const CHECKPOINT_OCTETS: u64 = 16 << 20;

pub(super) struct Sqlite {
    place: String,
    node: String,
    writer: Mutex<Writer>,
    checkpoints: checkpoint::Checkpoints,
    readers: SqlitePool,
    /// Octets in the log since the last checkpoint, estimated.
    written: AtomicU64,
    inserts: Inserts,
    ids: Ids,
    /// Held while a gateway runs; operators' commands do without.
    _lock: Option<File>,
}

/// The statements of the commit, prepared for several numbers of rows.
struct Inserts {
    messages: Insert,
    bodies: Insert,
    deliveries: Insert,
    keys: Insert,
    outcomes: Insert,
    positions: Insert,
    seen: Insert,
    traces: Insert,
}

impl Sqlite {
    pub(super) async fn open(path: &Path, node: &str, role: Role, readers: u32) -> Result<Self, StoreError> {
        let place = path.display().to_string();
        let wrap = |error| fault(&place, error);
        let (lock, slot) = match role {
            Role::Gateway => (Some(lock(path)?), 0),
            Role::Operator => (None, OPERATOR),
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(role == Role::Gateway)
            .page_size(8192)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(30))
            .pragma("wal_autocheckpoint", "0");
        let mut writer = SqliteConnection::connect_with(&options).await.map_err(wrap)?;
        require_full_sync(&mut writer, &place).await?;
        migrate(&mut writer, &place).await?;
        let newest: i64 = sqlx::query_scalar(
            "SELECT max(coalesce((SELECT max(id) FROM message), 0), coalesce((SELECT max(id) FROM delivery), 0))",
        )
        .fetch_one(&mut writer)
        .await
        .map_err(wrap)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(readers.max(1))
            .connect_lazy_with(options.clone().create_if_missing(false).read_only(true));
        Ok(Self {
            place,
            node: node.to_owned(),
            checkpoints: checkpoint::Checkpoints::new(options.clone()),
            writer: Mutex::new(Writer::new(options.clone(), writer)),
            readers,
            written: AtomicU64::new(0),
            inserts: Inserts::new(),
            ids: Ids::new(slot, newest),
            _lock: lock,
        })
    }

    fn fault(&self, error: sqlx::Error) -> StoreError {
        fault(&self.place, error)
    }

    fn answer<'a, T>(
        &'a self,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move { work.await.map_err(|error| self.fault(error)) })
    }
}

impl Backend for Sqlite {
    fn ids(&self) -> &Ids {
        &self.ids
    }

    fn apply<'a>(&'a self, ops: &'a [Op]) -> Answer<'a, Applied> {
        self.answer(self.apply_batch(ops))
    }

    fn upkeep(&self, idle: bool) -> Answer<'_, ()> {
        self.answer(self.checkpoint(idle))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.readers.close().await;
            self.writer.lock().await.close().await;
        })
    }

    fn woken_elsewhere(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }

    fn claim<'a>(
        &'a self,
        slots: &'a [Slot],
        limit: u32,
        now: Millis,
        lease_ms: i64,
    ) -> Answer<'a, Vec<Claimed>> {
        self.answer(self.claim_slots(slots, limit, now, lease_ms))
    }

    fn claim_expired(&self, limit: u32, now: Millis, lease_ms: i64) -> Answer<'_, Vec<Claimed>> {
        self.answer(self.claim_ended(limit, now, lease_ms))
    }

    fn renew<'a>(&'a self, fences: &'a [Fence], now: Millis, lease_ms: i64) -> Answer<'a, Vec<DeliveryId>> {
        self.answer(self.renew_leases(fences, now, lease_ms))
    }

    fn recover(&self, now: Millis, own: bool) -> Answer<'_, Vec<DeliveryId>> {
        // One gateway at a time: at its start every claim is one of its own past.
        self.answer(self.recover_before(if own { Millis::MAX } else { now }))
    }

    fn due(&self) -> Answer<'_, Vec<Due>> {
        self.answer(self.read_due())
    }

    fn beat(&self, _now: Millis) -> Answer<'_, u32> {
        Box::pin(std::future::ready(Ok(1)))
    }

    fn message(&self, id: MessageId) -> Answer<'_, Option<Message>> {
        self.answer(self.read_message(id))
    }

    fn body(&self, id: MessageId) -> Answer<'_, Option<Kept>> {
        self.answer(self.read_body(id))
    }

    fn messages_named<'a>(&'a self, message_id: &'a str) -> Answer<'a, Vec<MessageId>> {
        self.answer(self.read_named(message_id))
    }

    fn awaited<'a>(&'a self, key: &'a ResponseKey) -> Answer<'a, Option<Awaited>> {
        self.answer(self.read_awaited(key))
    }

    fn outcomes<'a>(
        &'a self,
        peer: &'a str,
        remote: &'a str,
        rcpt: Option<&'a str>,
    ) -> Answer<'a, Vec<Outcome>> {
        self.answer(self.read_outcomes(peer, remote, rcpt))
    }

    fn outcomes_at<'a>(
        &'a self,
        peer: &'a str,
        state: i32,
        after: &'a str,
        limit: u32,
    ) -> Answer<'a, Vec<Outcome>> {
        self.answer(self.read_outcomes_at(peer, state, after, limit))
    }

    fn outcomes_of(&self, message: MessageId) -> Answer<'_, Vec<Outcome>> {
        self.answer(self.read_outcomes_of(message))
    }

    fn trace(&self, message: MessageId) -> Answer<'_, Vec<Trace>> {
        self.answer(self.read_trace(message))
    }

    fn depth(&self) -> Answer<'_, Vec<Depth>> {
        self.answer(self.read_depth())
    }

    fn list<'a>(&'a self, filter: &'a Filter, after: DeliveryId, limit: u32) -> Answer<'a, Vec<Row>> {
        self.answer(self.read_rows(filter, after, limit))
    }

    fn change<'a>(&'a self, ids: &'a [DeliveryId], change: Change, now: Millis) -> Answer<'a, u64> {
        self.answer(self.change_rows(ids, change, now))
    }

    fn delete<'a>(&'a self, ids: &'a [DeliveryId]) -> Answer<'a, Vec<Row>> {
        self.answer(self.delete_rows(ids))
    }

    fn alias_for<'a>(
        &'a self,
        pool: &'a str,
        address: &'a str,
        candidates: &'a [String],
        now: Millis,
    ) -> Answer<'a, Option<String>> {
        self.answer(self.allot_alias(pool, address, candidates, now))
    }

    fn address_of<'a>(&'a self, alias: &'a str) -> Answer<'a, Option<String>> {
        self.answer(self.read_alias(alias))
    }

    fn position<'a>(&'a self, source: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        self.answer(self.read_position(source))
    }

    fn sweep(&self, ended: Ended, after: i64, before: i64) -> Answer<'_, Slice> {
        self.answer(self.sweep_slice(ended, after, before))
    }

    fn unreferenced<'a>(
        &'a self,
        digests: &'a [Digest],
        unlink: &'a (dyn Fn(Vec<Digest>) -> BoxFuture<'a, u64> + Send + Sync),
    ) -> Answer<'a, u64> {
        self.answer(self.unlink_unreferenced(digests, unlink))
    }
}

/// Two gateways on one file would take each other's claims for their own past.
fn lock(database: &Path) -> Result<File, StoreError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let place = path.display().to_string();
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| StoreError::Unavailable { place: place.clone(), detail: error.to_string() })?;
    file.try_lock().map_err(|_| StoreError::InUse { place })?;
    Ok(file)
}

async fn require_full_sync(writer: &mut SqliteConnection, place: &str) -> Result<(), StoreError> {
    const FULL: i64 = 2;
    let found: i64 = sqlx::query_scalar("PRAGMA synchronous")
        .fetch_one(&mut *writer)
        .await
        .map_err(|error| fault(place, error))?;
    if found != FULL {
        let found = found.to_string();
        return Err(StoreError::Unsafe {
            place: place.to_owned(),
            setting: "synchronous",
            found,
            wanted: "FULL (2)",
        });
    }
    let found: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(writer)
        .await
        .map_err(|error| fault(place, error))?;
    if found != "wal" {
        return Err(StoreError::Unsafe {
            place: place.to_owned(),
            setting: "journal_mode",
            found,
            wanted: "wal",
        });
    }
    Ok(())
}

async fn migrate(writer: &mut SqliteConnection, place: &str) -> Result<(), StoreError> {
    let wrap = |error| fault(place, error);
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(wrap)?;
    let row = sqlx::query("PRAGMA user_version").fetch_one(&mut *transaction).await.map_err(wrap)?;
    let found: i64 = row.try_get(0).map_err(wrap)?;
    if found > known {
        return Err(StoreError::NewerSchema { place: place.to_owned(), found, known });
    }
    if found == known {
        return Ok(());
    }
    for step in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        sqlx::raw_sql(*step).execute(&mut *transaction).await.map_err(wrap)?;
    }
    // A pragma takes no parameter.
    let version = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {known}"));
    sqlx::raw_sql(version).execute(&mut *transaction).await.map_err(wrap)?;
    transaction.commit().await.map_err(wrap)
}

/// Sorts what SQLite says by consequence.
fn fault(place: &str, error: sqlx::Error) -> StoreError {
    // Result codes of SQLite; the low octet is the class, the rest says more precisely where.
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const NO_MEMORY: i32 = 7;
    const READ_ONLY: i32 = 8;
    const IO_ERROR: i32 = 10;
    const CORRUPT: i32 = 11;
    const FULL: i32 = 13;
    const CANNOT_OPEN: i32 = 14;
    const NOT_A_DATABASE: i32 = 26;
    /// The index of the log could not grow, for want of space.
    const IO_ERROR_INDEX_SIZE: i32 = IO_ERROR | (19 << 8);
    let place = place.to_owned();
    let detail = error.to_string();
    match error {
        sqlx::Error::Database(said) => {
            let code = said.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or_default();
            match (code, code & 0xff) {
                (IO_ERROR_INDEX_SIZE, _) | (_, FULL) => StoreError::Full { place },
                (_, BUSY | LOCKED | NO_MEMORY | READ_ONLY | CANNOT_OPEN) => {
                    StoreError::Unavailable { place, detail }
                }
                (_, IO_ERROR | CORRUPT | NOT_A_DATABASE) => StoreError::Damaged { place, detail },
                _ => StoreError::Conflict { place, detail },
            }
        }
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => StoreError::Damaged { place, detail },
        sqlx::Error::PoolTimedOut => StoreError::Unavailable { place, detail },
        sqlx::Error::PoolClosed => StoreError::Closed,
        _ => StoreError::Conflict { place, detail },
    }
}
