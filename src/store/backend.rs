//! The one trait that both databases implement, and nothing but it.
//!
//! Every method is one short transaction. `now` is the caller's clock; PostgreSQL takes its own for leases and for
//! what is due, because several nodes share it.

use futures_util::future::BoxFuture;

use super::{
    error::StoreError,
    ids::Ids,
    model::{
        Awaited, Change, Claimed, DeliveryId, Depth, Digest, Due, Fence, Filter, Message, MessageId, Millis,
        Op, Outcome, Receipt, ResponseKey, Row, Slot, Trace,
    },
};

pub(super) type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// What became of a batch.
pub(super) struct Applied {
    pub(super) receipts: Vec<Receipt>,
    /// Whether something became ready to be claimed.
    pub(super) wakes: bool,
}

/// Where a stored body is.
pub(super) enum Kept {
    Inline(Vec<u8>),
    Blob(Digest),
}

/// Rows of a class examined in one transaction: few enough that a commit waits a few milliseconds at most.
pub(super) const SLICE: u32 = 1000;

/// What one slice of a sweep did.
pub(super) struct Slice {
    pub(super) removed: u64,
    /// Where the next slice begins; absent at the end of the class.
    pub(super) next: Option<i64>,
}

/// A class of rows that end by themselves, swept in slices.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ended {
    /// Tokens whose end has come.
    Seen,
    /// Outcomes whose end has come.
    Outcomes,
    /// Bodies of messages before this identity without deliveries.
    Bodies,
    /// Messages before this identity without deliveries and outcomes.
    Messages,
    /// Events of messages before this identity that are gone.
    Traces,
}

pub(super) trait Backend: Send + Sync {
    /// The source of identities.
    fn ids(&self) -> &Ids;
    /// One transaction for all operations. An error means that none was stored, or (`Unavailable`) that it is unknown.
    fn apply<'a>(&'a self, ops: &'a [Op]) -> Answer<'a, Applied>;
    /// Work that is better done after the acknowledgements: a checkpoint, a notification. `idle`: nothing else to do.
    fn upkeep(&self, idle: bool) -> Answer<'_, ()>;
    fn close(&self) -> BoxFuture<'_, ()>;
    /// Resolves when another node made something ready; never, when there is no other node.
    fn woken_elsewhere(&self) -> BoxFuture<'_, ()>;

    fn claim<'a>(
        &'a self,
        slots: &'a [Slot],
        limit: u32,
        now: Millis,
        lease_ms: i64,
    ) -> Answer<'a, Vec<Claimed>>;
    fn claim_expired(&self, limit: u32, now: Millis, lease_ms: i64) -> Answer<'_, Vec<Claimed>>;
    fn renew<'a>(&'a self, fences: &'a [Fence], now: Millis, lease_ms: i64) -> Answer<'a, Vec<DeliveryId>>;
    fn recover(&self, now: Millis, own: bool) -> Answer<'_, Vec<DeliveryId>>;
    fn due(&self) -> Answer<'_, Vec<Due>>;
    fn beat(&self, now: Millis) -> Answer<'_, u32>;

    fn message(&self, id: MessageId) -> Answer<'_, Option<Message>>;
    fn body(&self, id: MessageId) -> Answer<'_, Option<Kept>>;
    fn messages_named<'a>(&'a self, message_id: &'a str) -> Answer<'a, Vec<MessageId>>;
    fn awaited<'a>(&'a self, key: &'a ResponseKey) -> Answer<'a, Option<Awaited>>;
    fn outcomes<'a>(
        &'a self,
        peer: &'a str,
        remote: &'a str,
        rcpt: Option<&'a str>,
    ) -> Answer<'a, Vec<Outcome>>;
    fn outcomes_at<'a>(
        &'a self,
        peer: &'a str,
        state: i32,
        after: &'a str,
        limit: u32,
    ) -> Answer<'a, Vec<Outcome>>;
    fn outcomes_of(&self, message: MessageId) -> Answer<'_, Vec<Outcome>>;
    fn trace(&self, message: MessageId) -> Answer<'_, Vec<Trace>>;

    fn depth(&self) -> Answer<'_, Vec<Depth>>;
    fn list<'a>(&'a self, filter: &'a Filter, after: DeliveryId, limit: u32) -> Answer<'a, Vec<Row>>;
    /// Skips what a node works on and what is in another state than `change` starts from.
    fn change<'a>(&'a self, ids: &'a [DeliveryId], change: Change, now: Millis) -> Answer<'a, u64>;
    /// Skips what a node works on.
    fn delete<'a>(&'a self, ids: &'a [DeliveryId]) -> Answer<'a, Vec<Row>>;

    fn alias_for<'a>(
        &'a self,
        pool: &'a str,
        address: &'a str,
        candidates: &'a [String],
        now: Millis,
    ) -> Answer<'a, Option<String>>;
    fn address_of<'a>(&'a self, alias: &'a str) -> Answer<'a, Option<String>>;
    fn position<'a>(&'a self, source: &'a str) -> Answer<'a, Option<Vec<u8>>>;

    /// Examines one slice of a class and removes what may go. `after` and `before` are identities, except that
    /// `before` is a time for tokens and outcomes.
    fn sweep(&self, ended: Ended, after: i64, before: i64) -> Answer<'_, Slice>;
    /// Runs `unlink` on those of `digests` that no row refers to, while no commit can add a reference.
    fn unreferenced<'a>(
        &'a self,
        digests: &'a [Digest],
        unlink: &'a (dyn Fn(Vec<Digest>) -> BoxFuture<'a, u64> + Send + Sync),
    ) -> Answer<'a, u64>;
}
