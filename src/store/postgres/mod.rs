//! PostgreSQL, for several nodes on one database.
//!
//! The committer has a connection of its own; claims take what no other node has locked (`SKIP LOCKED`). Leases and
//! what is due follow the clock of the database. Nodes wake each other by NOTIFY on another connection, after the
//! commit and at most every few milliseconds: inside the transaction it would serialize all commits.
//! The server itself stops when a sync fails, so that here every failure is temporary.

mod queue;
mod read;
mod write;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use sqlx::{
    Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::{
    sync::{Mutex, Notify},
    task::JoinHandle,
};

use super::{
    Role,
    backend::{Answer, Applied, Backend, Ended, Kept, Slice},
    error::StoreError,
    ids::{Ids, OPERATOR, SLOTS},
    model::{
        Awaited, Change, Claimed, DeliveryId, Depth, Digest, Due, Fence, Filter, Message, MessageId, Millis,
        Op, Outcome, ResponseKey, Row, Slot, Trace,
    },
};

/// The schema, step by step. A step that was released never changes.
const MIGRATIONS: &[&str] = &[include_str!("0001_initial.sql"), include_str!("0002_position.sql")];

/// Advisory locks of this program: the number says which.
const LOCKS: i32 = 0x6365_6472;
const LOCK_SCHEMA: i32 = 1;
const LOCK_BLOBS: i32 = 2;
/// Second space, for the names of nodes.
const NODES: i32 = 0x6365_6473;

/// Shortest time between two notifications of a node.
const DEBOUNCE: Duration = Duration::from_millis(10);
/// A node without a sign of life for this long gets no share.
const GONE_MS: i64 = 30_000;
/// A slot without a sign of life for this long is given away: longer than any pause of a living process.
const FREE_MS: i64 = 86_400_000;

pub(super) struct Postgres {
    place: String,
    node: String,
    /// One connection, of the committer.
    writer: PgPool,
    pool: PgPool,
    ids: Ids,
    /// Something became ready here: tell the other nodes.
    tell: Arc<Notify>,
    /// Another node told us.
    told: Arc<Notify>,
    tasks: Vec<JoinHandle<()>>,
    /// Holds the lock on the name of the node; an operator's command has none.
    presence: Mutex<Option<PgConnection>>,
    options: PgConnectOptions,
}

impl Postgres {
    pub(super) async fn open(url: &str, node: &str, role: Role, readers: u32) -> Result<Self, StoreError> {
        let unusable = |error: sqlx::Error| StoreError::Unavailable {
            // An URL that cannot be read may hold a password.
            place: "postgres".to_owned(),
            detail: error.to_string(),
        };
        // A server must notice soon that a node's host is gone, or its name stays taken.
        let options: PgConnectOptions = url.parse::<PgConnectOptions>().map_err(unusable)?.options([
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
        ]);
        let place = place(&options);
        let wrap = |error| fault(&place, error);
        let mut first = PgConnection::connect_with(&options).await.map_err(wrap)?;
        require_durable(&mut first, &place).await?;
        migrate(&mut first, &place).await?;
        let slot = match role {
            Role::Gateway => register(&mut first, node, &place).await?,
            Role::Operator => OPERATOR,
        };
        let newest: i64 = sqlx::query_scalar(
            "SELECT greatest((SELECT max(id) FROM message), (SELECT max(id) FROM delivery), 0)",
        )
        .fetch_one(&mut first)
        .await
        .map_err(wrap)?;
        let writer = PgPoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .connect_lazy_with(options.clone());
        let pool = PgPoolOptions::new()
            // One for claims and one for leases beside the readers.
            .max_connections(readers.max(1) + 2)
            .acquire_timeout(Duration::from_secs(10))
            .connect_lazy_with(options.clone());
        let (tell, told) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let mut tasks = Vec::new();
        if role == Role::Gateway {
            let mut listener = PgListener::connect_with(&pool).await.map_err(wrap)?;
            listener.listen("cedrat_ready").await.map_err(wrap)?;
            tasks.push(tokio::spawn(listen(listener, Arc::clone(&told))));
        }
        tasks.push(tokio::spawn(notify(pool.clone(), Arc::clone(&tell))));
        let presence = Mutex::new((role == Role::Gateway).then_some(first));
        let ids = Ids::new(slot, newest);
        Ok(Self { place, node: node.to_owned(), writer, pool, ids, tell, told, tasks, presence, options })
    }

    fn fault(&self, error: sqlx::Error) -> StoreError {
        fault(&self.place, error)
    }

    /// A sign of life on the connection that holds the name. When that connection is lost the name is free: it is
    /// taken again, unless another process was faster.
    async fn keep_name(&self) -> Result<(), StoreError> {
        let mut presence = self.presence.lock().await;
        let Some(connection) = presence.as_mut() else { return Ok(()) };
        let beat = sqlx::query("UPDATE node SET beat = unix_ms() WHERE name = $1").bind(&self.node);
        if beat.execute(connection).await.is_err() {
            let mut fresh =
                PgConnection::connect_with(&self.options).await.map_err(|error| self.fault(error))?;
            register(&mut fresh, &self.node, &self.place).await?;
            *presence = Some(fresh);
        }
        Ok(())
    }

    fn answer<'a, T>(
        &'a self,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move { work.await.map_err(|error| self.fault(error)) })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Backend for Postgres {
    fn ids(&self) -> &Ids {
        &self.ids
    }

    fn apply<'a>(&'a self, ops: &'a [Op]) -> Answer<'a, Applied> {
        Box::pin(async move {
            let applied = self.apply_batch(ops).await.map_err(|error| self.fault(error))?;
            if applied.wakes {
                self.tell.notify_one();
            }
            Ok(applied)
        })
    }

    fn upkeep(&self, _idle: bool) -> Answer<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.tasks.iter().for_each(JoinHandle::abort);
            self.writer.close().await;
            self.pool.close().await;
        })
    }

    fn woken_elsewhere(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.told.notified())
    }

    fn claim<'a>(
        &'a self,
        slots: &'a [Slot],
        limit: u32,
        _now: Millis,
        lease_ms: i64,
    ) -> Answer<'a, Vec<Claimed>> {
        self.answer(self.claim_slots(slots, limit, lease_ms))
    }

    fn claim_expired(&self, limit: u32, _now: Millis, lease_ms: i64) -> Answer<'_, Vec<Claimed>> {
        self.answer(self.claim_ended(limit, lease_ms))
    }

    fn renew<'a>(&'a self, fences: &'a [Fence], _now: Millis, lease_ms: i64) -> Answer<'a, Vec<DeliveryId>> {
        self.answer(self.renew_leases(fences, lease_ms))
    }

    fn recover(&self, _now: Millis, own: bool) -> Answer<'_, Vec<DeliveryId>> {
        self.answer(self.recover_leases(own))
    }

    fn due(&self) -> Answer<'_, Vec<Due>> {
        self.answer(self.read_due())
    }

    fn beat(&self, _now: Millis) -> Answer<'_, u32> {
        Box::pin(async move {
            self.keep_name().await?;
            self.live_nodes().await.map_err(|error| self.fault(error))
        })
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

    fn change<'a>(&'a self, ids: &'a [DeliveryId], change: Change, _now: Millis) -> Answer<'a, u64> {
        self.answer(self.change_rows(ids, change))
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

/// Tells the other nodes, however often something becomes ready.
async fn notify(pool: PgPool, tell: Arc<Notify>) {
    loop {
        tell.notified().await;
        tokio::time::sleep(DEBOUNCE).await;
        // A lost notification costs the others a poll interval, nothing else.
        drop(sqlx::query("NOTIFY cedrat_ready").execute(&pool).await);
    }
}

async fn listen(mut listener: PgListener, told: Arc<Notify>) {
    loop {
        if listener.recv().await.is_err() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        // Also after an error: what was told meanwhile is not told again.
        told.notify_one();
    }
}

/// The database as a person names it, without the password.
fn place(options: &PgConnectOptions) -> String {
    let host = options.get_socket().map_or_else(|| options.get_host().into(), |path| path.to_string_lossy());
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    format!("postgres {host}:{} {database}", options.get_port())
}

async fn require_durable(connection: &mut PgConnection, place: &str) -> Result<(), StoreError> {
    for (setting, question) in [
        ("fsync", "SHOW fsync"),
        ("full_page_writes", "SHOW full_page_writes"),
        ("synchronous_commit", "SHOW synchronous_commit"),
    ] {
        let found: String = sqlx::query_scalar(question)
            .fetch_one(&mut *connection)
            .await
            .map_err(|error| fault(place, error))?;
        if found == "off" {
            return Err(StoreError::Unsafe { place: place.to_owned(), setting, found, wanted: "on" });
        }
    }
    Ok(())
}

async fn migrate(connection: &mut PgConnection, place: &str) -> Result<(), StoreError> {
    let wrap = |error| fault(place, error);
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let mut transaction = connection.begin().await.map_err(wrap)?;
    sqlx::query("SELECT pg_advisory_xact_lock($1, $2)")
        .bind(LOCKS)
        .bind(LOCK_SCHEMA)
        .execute(&mut *transaction)
        .await
        .map_err(wrap)?;
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS schema_version (version bigint NOT NULL); \
         INSERT INTO schema_version SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM schema_version)",
    )
    .execute(&mut *transaction)
    .await
    .map_err(wrap)?;
    let found: i64 = sqlx::query_scalar("SELECT version FROM schema_version")
        .fetch_one(&mut *transaction)
        .await
        .map_err(wrap)?;
    if found > known {
        return Err(StoreError::NewerSchema { place: place.to_owned(), found, known });
    }
    for step in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        sqlx::raw_sql(*step).execute(&mut *transaction).await.map_err(wrap)?;
    }
    sqlx::query("UPDATE schema_version SET version = $1")
        .bind(known)
        .execute(&mut *transaction)
        .await
        .map_err(wrap)?;
    transaction.commit().await.map_err(wrap)
}

/// Takes the name for the life of this connection, and a slot.
async fn register(connection: &mut PgConnection, node: &str, place: &str) -> Result<i64, StoreError> {
    let wrap = |error| fault(place, error);
    let taken: bool =
        sqlx::query_scalar("SELECT pg_try_advisory_lock($1, hashtext(current_schema() || '/' || $2))")
            .bind(NODES)
            .bind(node)
            .fetch_one(&mut *connection)
            .await
            .map_err(wrap)?;
    if !taken {
        return Err(StoreError::InUse { place: format!("of node {node} in {place}") });
    }
    let mut transaction = connection.begin().await.map_err(wrap)?;
    sqlx::query("LOCK TABLE node IN EXCLUSIVE MODE").execute(&mut *transaction).await.map_err(wrap)?;
    sqlx::query("DELETE FROM node WHERE name <> $1 AND beat < unix_ms() - $2")
        .bind(node)
        .bind(FREE_MS)
        .execute(&mut *transaction)
        .await
        .map_err(wrap)?;
    let slot: Option<i32> = sqlx::query_scalar(
        "INSERT INTO node (slot, name, beat) \
         SELECT coalesce((SELECT slot FROM node WHERE name = $1), \
                         (SELECT min(s) FROM generate_series(0, $2) s WHERE s NOT IN (SELECT slot FROM node))), \
                $1, unix_ms() \
         ON CONFLICT (name) DO UPDATE SET beat = excluded.beat RETURNING slot",
    )
    .bind(node)
    .bind(i32::try_from(SLOTS - 2).unwrap_or(0))
    .fetch_optional(&mut *transaction)
    .await
    .map_err(wrap)?;
    transaction.commit().await.map_err(wrap)?;
    slot.map(i64::from).ok_or_else(|| StoreError::InUse { place: format!("of all {SLOTS} slots in {place}") })
}

/// Sorts what PostgreSQL says by consequence: by the class of its SQLSTATE.
fn fault(place: &str, error: sqlx::Error) -> StoreError {
    let place = place.to_owned();
    let detail = error.to_string();
    match error {
        sqlx::Error::Database(said) => match said.code().as_deref() {
            Some("53100") => StoreError::Full { place },
            // A value out of range, or a constraint.
            Some(code) if code.starts_with("22") || code.starts_with("23") => {
                StoreError::Conflict { place, detail }
            }
            _ => StoreError::Unavailable { place, detail },
        },
        sqlx::Error::PoolClosed => StoreError::Closed,
        _ => StoreError::Unavailable { place, detail },
    }
}
