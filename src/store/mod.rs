//! The durable store: messages, deliveries, leases, outcomes, aliases and the trace of every message's life.
//!
//! [`Store`] is what the gateway sees. Behind it stand one group committer (`committer.rs`), one of two databases
//! (`sqlite`, `postgres`, behind the trait in `backend.rs`) and the blobs. The law: when [`Store::submit`] returns
//! [`Receipt::Stored`], everything in the operation is on stable storage and survives a power cut.
//!
//! The store decides nothing about messages: when to retry, whom to report to and what a duplicate is worth is the
//! business of `cedrat_relay`, and `envelope`, `data` and `event` are octets to it.

mod backend;
mod blobs;
mod committer;
mod error;
mod ids;
mod model;
mod plan;
mod postgres;
mod sqlite;

use std::{
    io::Write as _,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
};

use backend::{Backend, Ended, Kept};
use blobs::Blobs;
use committer::Committer;

pub use blobs::BlobPlace;
pub use committer::Fatal;
pub use error::StoreError;
pub use model::*;

/// Which database.
#[derive(Clone, Debug)]
pub enum Database {
    /// PostgreSQL, `postgres://user:password@host/database`; several nodes may share it.
    Postgres(String),
    /// A SQLite file; one gateway at a time.
    Sqlite(PathBuf),
}

/// Who opens the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The gateway: it alone claims and delivers.
    Gateway,
    /// A command of an operator, beside a running gateway.
    Operator,
}

/// Bounds of the store.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest body inside a row. Default 64 kB: above it a file costs half the CPU of a row.
    pub inline_octets: usize,
    /// Operations that wait for the committer before `submit` waits. Default 1024, so that memory stays bounded.
    pub queue: usize,
    /// Operations per transaction. Default 256: more gain nothing and delay the first.
    pub batch: usize,
    /// Connections for reading. Default 4.
    pub readers: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { inline_octets: 65_536, queue: 1024, batch: 256, readers: 4 }
    }
}

/// How to open a store.
#[derive(Clone)]
pub struct Settings {
    /// The database.
    pub database: Database,
    /// Where large bodies live.
    pub blobs: BlobPlace,
    /// Name of this node, the same after a restart; owner of its claims.
    pub node: String,
    /// Who opens.
    pub role: Role,
    /// Bounds.
    pub limits: Limits,
    /// What to do when the device fails.
    pub fatal: Fatal,
}

impl Settings {
    /// A gateway on a SQLite file, with blobs beside it.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let blobs = path.with_extension("blobs");
        Self::new(Database::Sqlite(path), BlobPlace::Directory(blobs))
    }

    /// A gateway with defaults.
    pub fn new(database: Database, blobs: BlobPlace) -> Self {
        let fatal: Fatal = Arc::new(abort);
        Self {
            database,
            blobs,
            node: "cedrat".to_owned(),
            role: Role::Gateway,
            limits: Limits::default(),
            fatal,
        }
    }
}

/// The last line of a process whose device failed.
fn abort(error: &StoreError) {
    // Whether the line can be written changes nothing.
    drop(writeln!(std::io::stderr(), "cedrat: {error}; ending without acknowledging anything"));
    std::process::abort();
}

/// A durable store. Clones share it.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    backend: Arc<dyn Backend>,
    blobs: Blobs,
    queue: mpsc::Sender<(Op, committer::Ack)>,
    closing: Arc<Notify>,
    ready: Arc<Notify>,
    task: Mutex<Option<JoinHandle<()>>>,
    limits: Limits,
    node: String,
}

/// A body where it is kept. What is kept of a message never changes, so pieces fit together; it may be
/// swept, and then there is no further piece.
pub struct KeptBody(Place);

enum Place {
    Inline(Bytes),
    Blob(Arc<Shared>, Digest),
}

impl KeptBody {
    /// These octets of it.
    ///
    /// # Errors
    /// When it is gone, or does not reach that far.
    pub async fn piece(&self, range: std::ops::Range<u64>) -> Result<Bytes, StoreError> {
        match &self.0 {
            Place::Inline(octets) => {
                let at = |offset| usize::try_from(offset).unwrap_or(usize::MAX).min(octets.len());
                Ok(octets.slice(at(range.start).min(at(range.end))..at(range.end)))
            }
            Place::Blob(shared, digest) => shared.blobs.piece(digest, range).await,
        }
    }
}

impl std::fmt::Debug for KeptBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeptBody")
    }
}

impl Store {
    /// Opens the database, brings its schema up to date and starts the committer.
    ///
    /// Nothing is recovered yet: a gateway calls [`Store::recover`] once before it claims.
    pub async fn open(settings: Settings) -> Result<Self, StoreError> {
        let Settings { database, blobs, node, role, limits, fatal } = settings;
        let blobs = Blobs::open(&blobs)?;
        let backend: Arc<dyn Backend> = match database {
            Database::Sqlite(path) => {
                Arc::new(sqlite::Sqlite::open(&path, &node, role, limits.readers).await?)
            }
            Database::Postgres(url) => {
                Arc::new(postgres::Postgres::open(&url, &node, role, limits.readers).await?)
            }
        };
        let (queue, receiver) = mpsc::channel(limits.queue.max(1));
        let closing = Arc::new(Notify::new());
        let ready = Arc::new(Notify::new());
        let committer = Committer {
            backend: Arc::clone(&backend),
            queue: receiver,
            batch: limits.batch.max(1),
            closing: Arc::clone(&closing),
            ready: Arc::clone(&ready),
            fatal,
        };
        let task = Mutex::new(Some(tokio::spawn(committer.run())));
        Ok(Self { shared: Arc::new(Shared { backend, blobs, queue, closing, ready, task, limits, node }) })
    }

    /// Stores what is queued, then lets go of the database. Later operations answer [`StoreError::Closed`].
    pub async fn close(&self) {
        let task = self.shared.task.lock().ok().and_then(|mut task| task.take());
        self.shared.closing.notify_one();
        if let Some(task) = task {
            // A committer that panicked has stored nothing that was acknowledged wrongly.
            drop(task.await);
        }
        self.shared.backend.close().await;
    }

    /// Name of this node.
    pub fn node(&self) -> &str {
        &self.shared.node
    }

    /// A new identity, unique among all nodes.
    pub fn allot(&self, now: Millis) -> i64 {
        self.shared.backend.ids().allot(now)
    }

    /// Prepares a body: a small one will be inline, a large one is on stable storage as a blob when this returns.
    pub async fn keep(&self, octets: Bytes) -> Result<Body, StoreError> {
        let digest: Digest = Sha256::digest(&octets).into();
        let inline = octets.len() <= self.shared.limits.inline_octets;
        if !inline {
            self.shared.blobs.put(&digest, octets.clone()).await?;
        }
        Ok(Body { digest, octets, inline })
    }

    /// Stores an operation; returns when it is on stable storage, or says why nothing of it was stored.
    pub async fn submit(&self, op: Op) -> Result<Receipt, StoreError> {
        let blobs: Vec<Body> = op.writes.iter().filter_map(blob_of).cloned().collect();
        let (ack, answer) = oneshot::channel();
        self.shared.queue.send((op, ack)).await.map_err(|_| StoreError::Closed)?;
        let receipt = answer.await.map_err(|_| StoreError::Closed)??;
        if receipt == Receipt::Stored {
            for body in blobs {
                // A sweep may have unlinked it just before the commit.
                if !self.shared.blobs.has(&body.digest).await? {
                    self.shared.blobs.put(&body.digest, body.octets).await?;
                }
            }
        }
        Ok(receipt)
    }

    /// Resolves when something may have become ready to be claimed, on this node or on another. A hint, not a
    /// promise: the caller also looks every few seconds.
    pub async fn woken(&self) {
        tokio::select! {
            () = self.shared.ready.notified() => {}
            () = self.shared.backend.woken_elsewhere() => {}
        }
    }

    /// Claims what is due, earliest first within each destination, at most `limit` in all.
    pub async fn claim(
        &self,
        slots: &[Slot],
        limit: u32,
        now: Millis,
        lease_ms: i64,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.shared.backend.claim(slots, limit, now, lease_ms).await
    }

    /// Claims what is past its expiry, waiting or held, whatever its destination.
    pub async fn claim_expired(
        &self,
        limit: u32,
        now: Millis,
        lease_ms: i64,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.shared.backend.claim_expired(limit, now, lease_ms).await
    }

    /// Extends the leases of running attempts; returns those that are lost, whose attempts must stop.
    pub async fn renew(
        &self,
        fences: &[Fence],
        now: Millis,
        lease_ms: i64,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        self.shared.backend.renew(fences, now, lease_ms).await
    }

    /// Takes back what this node had claimed when its last process ended, and every expired lease. Each is counted
    /// as uncertain: its attempt may have been delivered. Call it before the first claim, never later.
    pub async fn recover(&self, now: Millis) -> Result<Vec<DeliveryId>, StoreError> {
        self.shared.backend.recover(now, true).await
    }

    /// Takes back expired leases, of any node.
    pub async fn recover_expired(&self, now: Millis) -> Result<Vec<DeliveryId>, StoreError> {
        self.shared.backend.recover(now, false).await
    }

    /// Every destination with something to claim, and when.
    pub async fn due(&self) -> Result<Vec<Due>, StoreError> {
        self.shared.backend.due().await
    }

    /// Says that this node lives; returns how many do, among whom a destination's capacity is divided.
    pub async fn beat(&self, now: Millis) -> Result<u32, StoreError> {
        self.shared.backend.beat(now).await
    }

    /// A message without its body.
    pub async fn message(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        self.shared.backend.message(id).await
    }

    /// The body of a message; absent when the message is unknown or its body was swept.
    pub async fn body(&self, id: MessageId) -> Result<Option<Bytes>, StoreError> {
        match self.shared.backend.body(id).await? {
            Some(Kept::Inline(octets)) => Ok(Some(octets.into())),
            Some(Kept::Blob(digest)) => self.shared.blobs.take(&digest).await.map(Some),
            None => Ok(None),
        }
    }

    /// The body of a message to be read in pieces; absent as with [`Store::body`].
    pub async fn kept_body(&self, id: MessageId) -> Result<Option<KeptBody>, StoreError> {
        let kept = self.shared.backend.body(id).await?;
        Ok(kept.map(|kept| match kept {
            Kept::Inline(octets) => KeptBody(Place::Inline(octets.into())),
            Kept::Blob(digest) => KeptBody(Place::Blob(self.shared.clone(), digest)),
        }))
    }

    /// Messages with this Message-ID (without brackets), oldest first, at most 100.
    pub async fn messages_named(&self, message_id: &str) -> Result<Vec<MessageId>, StoreError> {
        self.shared.backend.messages_named(message_id).await
    }

    /// The delivery that a peer responds to. Settle it with its fence: of two that try, one is told `Lost`.
    pub async fn awaited(&self, key: &ResponseKey) -> Result<Option<Awaited>, StoreError> {
        self.shared.backend.awaited(key).await
    }

    /// Outcomes that a report of `peer` about its id `remote` can mean.
    pub async fn outcomes(
        &self,
        peer: &str,
        remote: &str,
        rcpt: Option<&str>,
    ) -> Result<Vec<Outcome>, StoreError> {
        self.shared.backend.outcomes(peer, remote, rcpt).await
    }

    /// Outcomes of `peer` in this state whose id is beyond `after`, in the order of their ids. For peers with one
    /// outcome for each id: of several, those behind the limit would be passed over.
    pub async fn outcomes_at(
        &self,
        peer: &str,
        state: i32,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Outcome>, StoreError> {
        self.shared.backend.outcomes_at(peer, state, after, limit).await
    }

    /// All outcomes of a message.
    pub async fn outcomes_of(&self, message: MessageId) -> Result<Vec<Outcome>, StoreError> {
        self.shared.backend.outcomes_of(message).await
    }

    /// The life of a message, in order.
    pub async fn trace(&self, message: MessageId) -> Result<Vec<Trace>, StoreError> {
        self.shared.backend.trace(message).await
    }

    /// Queue depth by destination and state. Reads the whole queue: for metrics and people, not for every message.
    pub async fn depth(&self) -> Result<Vec<Depth>, StoreError> {
        self.shared.backend.depth().await
    }

    /// A page of the queue in order of identity, after the last one of the page before (0 for the first).
    pub async fn list(&self, filter: &Filter, after: DeliveryId, limit: u32) -> Result<Vec<Row>, StoreError> {
        self.shared.backend.list(filter, after, limit).await
    }

    /// Changes all that match and that no node works on; returns how many.
    pub async fn change(&self, filter: &Filter, change: Change, now: Millis) -> Result<u64, StoreError> {
        let mut changed = 0;
        let mut after = 0;
        while let Some(ids) = self.page(filter, &mut after).await? {
            changed += self.shared.backend.change(&ids, change, now).await?;
        }
        self.shared.ready.notify_one();
        Ok(changed)
    }

    /// Removes all that match and that no node works on, without a report; returns them so that it can be traced.
    pub async fn delete(&self, filter: &Filter) -> Result<Vec<Row>, StoreError> {
        let mut deleted = Vec::new();
        let mut after = 0;
        while let Some(ids) = self.page(filter, &mut after).await? {
            deleted.extend(self.shared.backend.delete(&ids).await?);
        }
        Ok(deleted)
    }

    async fn page(
        &self,
        filter: &Filter,
        after: &mut DeliveryId,
    ) -> Result<Option<Vec<DeliveryId>>, StoreError> {
        let rows = self.list(filter, *after, backend::SLICE).await?;
        let ids: Vec<DeliveryId> = rows.into_iter().map(|row| row.fence.delivery).collect();
        let Some(last) = ids.last() else { return Ok(None) };
        *after = *last;
        Ok(Some(ids))
    }

    /// The alias of an address in a pool: the one it has, or the first free candidate; none when all are taken.
    pub async fn alias_for(
        &self,
        pool: &str,
        address: &str,
        candidates: &[String],
        now: Millis,
    ) -> Result<Option<String>, StoreError> {
        self.shared.backend.alias_for(pool, address, candidates, now).await
    }

    /// The address behind an alias.
    pub async fn address_of(&self, alias: &str) -> Result<Option<String>, StoreError> {
        self.shared.backend.address_of(alias).await
    }

    /// How far a source has been read: what its last [`Position`] held.
    pub async fn position(&self, source: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.backend.position(source).await
    }

    /// Keeps octets that can be made again, under a name of hexadecimal digits; every node finds them.
    pub async fn put_made(&self, name: &str, octets: Bytes) -> Result<(), StoreError> {
        self.shared.blobs.put_made(name, octets).await
    }

    /// What was kept by [`Store::put_made`], unless it was trimmed.
    pub async fn take_made(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        self.shared.blobs.take_made(name).await
    }

    /// Deletes the oldest of what can be made again until no more than `most` octets are left;
    /// returns how many were deleted.
    pub async fn trim_made(&self, most: u64) -> Result<u64, StoreError> {
        self.shared.blobs.trim_made(most).await
    }

    /// Removes what nobody needs any more, in slices between which commits go on. Call it every few minutes.
    pub async fn sweep(&self, now: Millis, retention: &Retention) -> Result<Swept, StoreError> {
        let before = |age: i64| ids::floor(now - age);
        Ok(Swept {
            seen: self.sweep_all(Ended::Seen, now).await?,
            outcomes: self.sweep_all(Ended::Outcomes, now).await?,
            bodies: self.sweep_all(Ended::Bodies, before(retention.bodies_ms)).await?,
            messages: self.sweep_all(Ended::Messages, before(retention.messages_ms)).await?,
            traces: self.sweep_all(Ended::Traces, before(retention.traces_ms)).await?,
            blobs: self.sweep_blobs(now - retention.blobs_ms).await?,
        })
    }

    async fn sweep_all(&self, ended: Ended, before: i64) -> Result<u64, StoreError> {
        let mut removed = 0;
        let mut after = Some(0);
        while let Some(from) = after {
            let slice = self.shared.backend.sweep(ended, from, before).await?;
            removed += slice.removed;
            after = slice.next;
        }
        Ok(removed)
    }

    async fn sweep_blobs(&self, before: Millis) -> Result<u64, StoreError> {
        // The commit waits while blobs are unlinked, hence few at a time.
        const AT_ONCE: usize = 32;
        let blobs = &self.shared.blobs;
        let mut unlinked = 0;
        for digests in blobs.older(before).await?.chunks(AT_ONCE) {
            let unlink =
                |free| -> futures_util::future::BoxFuture<'_, u64> { Box::pin(blobs.unlink(free, before)) };
            unlinked += self.shared.backend.unreferenced(digests, &unlink).await?;
        }
        Ok(unlinked)
    }
}

fn blob_of(write: &Write) -> Option<&Body> {
    match write {
        Write::Message(message) if !message.body.inline => Some(&message.body),
        _ => None,
    }
}
