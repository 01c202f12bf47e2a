//! Moving the log into the database file, beside the commits and not between them: copying
//! megabytes and syncing them takes tens of milliseconds, which every sender would wait for.
//!
//! A passive checkpoint on a connection of its own blocks nobody. Under constant load it never
//! reaches the end of the log, so that the log grows; when it is long, the writer starts it anew
//! itself, right after such a checkpoint, when little is left to move.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use sqlx::{Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};

/// Pages at which the log is started anew: 256 MB.
const LOG_PAGES: i64 = 32_768;

/// The checkpoints beside the commits.
#[derive(Clone)]
pub(super) struct Checkpoints {
    shared: Arc<Shared>,
}

struct Shared {
    options: SqliteConnectOptions,
    running: AtomicBool,
    /// The log is long and was just moved.
    restart: AtomicBool,
    /// What the last one said, if it failed. Its failure is the writer's: an fsync error that
    /// nobody hears loses messages.
    fault: Mutex<Option<sqlx::Error>>,
}

impl Checkpoints {
    pub(super) fn new(options: SqliteConnectOptions) -> Self {
        Self {
            shared: Arc::new(Shared {
                options,
                running: AtomicBool::new(false),
                restart: AtomicBool::new(false),
                fault: Mutex::new(None),
            }),
        }
    }

    /// Begins one, unless one is under way.
    pub(super) fn begin(&self) {
        let shared = Arc::clone(&self.shared);
        if shared.running.swap(true, Ordering::AcqRel) {
            return;
        }
        tokio::spawn(async move {
            match shared.passive().await {
                Ok(pages) => shared.restart.store(pages > LOG_PAGES, Ordering::Release),
                Err(fault) => *shared.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault),
            }
            shared.running.store(false, Ordering::Release);
        });
    }

    /// The failure of one that ended since the last call.
    pub(super) fn fault(&self) -> Option<sqlx::Error> {
        self.shared.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether the writer should start the log anew now.
    pub(super) fn restart_is_due(&self) -> bool {
        self.shared.restart.swap(false, Ordering::AcqRel)
    }
}

impl Shared {
    /// Moves what nobody reads any more; how many pages the log has.
    async fn passive(&self) -> Result<i64, sqlx::Error> {
        let mut connection = SqliteConnection::connect_with(&self.options).await?;
        let row = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&mut connection).await?;
        let pages = row.try_get(1)?;
        connection.close().await?;
        Ok(pages)
    }
}
