//! Group commit: one task collects the operations of all sessions and has them stored in one transaction.
//!
//! Nothing is acknowledged before the transaction is on stable storage. When its sync fails, the kernel may already
//! have dropped the pages: a retry would succeed without the data. So the process ends at once, without an answer to
//! anybody; the peers offer again what was not acknowledged, and the restart finds what was.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, mpsc, oneshot};

use super::{
    backend::Backend,
    error::StoreError,
    model::{Op, Receipt},
};

/// Called with the reason when the store cannot go on. The default prints it and aborts the process.
pub type Fatal = Arc<dyn Fn(&StoreError) + Send + Sync>;

/// Quiet time after which the log is moved into the database.
const IDLE: Duration = Duration::from_secs(1);

pub(super) type Ack = oneshot::Sender<Result<Receipt, StoreError>>;

pub(super) struct Committer {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) queue: mpsc::Receiver<(Op, Ack)>,
    pub(super) batch: usize,
    pub(super) closing: Arc<Notify>,
    /// Told when something became ready to be claimed.
    pub(super) ready: Arc<Notify>,
    pub(super) fatal: Fatal,
}

impl Committer {
    pub(super) async fn run(mut self) {
        let mut taken = Vec::with_capacity(self.batch);
        let mut idle = false;
        loop {
            tokio::select! {
                count = self.queue.recv_many(&mut taken, self.batch) => if count == 0 { break },
                // What is in the queue is still stored; new operations are refused.
                () = self.closing.notified() => { self.queue.close(); continue }
                () = tokio::time::sleep(IDLE), if !idle => {}
            }
            idle = taken.is_empty();
            if !idle {
                let (ops, acks): (Vec<Op>, Vec<Ack>) = taken.drain(..).unzip();
                self.store(&ops, acks).await;
            }
            self.watch(self.backend.upkeep(idle).await);
        }
        self.watch(self.backend.upkeep(true).await);
    }

    async fn store(&self, ops: &[Op], acks: Vec<Ack>) {
        match self.apply(ops).await {
            // One operation contradicts the database: find it by storing each alone.
            Err(StoreError::Conflict { .. }) if ops.len() > 1 => {
                for (op, ack) in ops.iter().zip(acks) {
                    let answer = self.apply(std::slice::from_ref(op)).await;
                    acknowledge(answer.map(|mut receipts| receipts.pop().unwrap_or(Receipt::Stored)), ack);
                }
            }
            Err(error) => acks.into_iter().for_each(|ack| acknowledge(Err(error.clone()), ack)),
            Ok(receipts) => {
                receipts.into_iter().zip(acks).for_each(|(receipt, ack)| acknowledge(Ok(receipt), ack))
            }
        }
    }

    async fn apply(&self, ops: &[Op]) -> Result<Vec<Receipt>, StoreError> {
        let applied = self.backend.apply(ops).await;
        if let Err(error) = &applied {
            self.watch(Err(error.clone()));
        }
        let applied = applied?;
        if applied.wakes {
            self.ready.notify_one();
        }
        Ok(applied.receipts)
    }

    fn watch(&self, done: Result<(), StoreError>) {
        if let Err(error @ StoreError::Damaged { .. }) = done {
            (self.fatal)(&error);
        }
    }
}

/// A session that is gone does not want its answer; what it gave is stored all the same.
fn acknowledge(answer: Result<Receipt, StoreError>, ack: Ack) {
    drop(ack.send(answer));
}
