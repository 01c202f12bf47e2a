//! The write connection, and one transaction on it at a time.
//!
//! A transaction that was not committed (its work failed, or its caller is gone) leaves the connection in a state
//! that nobody knows: after "disk full" SQLite has rolled back by itself, after a lost caller it has not. So the next
//! transaction begins on a fresh connection.

use sqlx::{Connection as _, Sqlite as Db, SqliteConnection, Transaction, sqlite::SqliteConnectOptions};

pub(super) struct Writer {
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
    clean: bool,
}

impl Writer {
    pub(super) const fn new(options: SqliteConnectOptions, connection: SqliteConnection) -> Self {
        Self { options, connection: Some(connection), clean: true }
    }

    /// The connection outside a transaction, for a single statement.
    pub(super) async fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        if !self.clean {
            self.close().await;
        }
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.options).await?,
        };
        self.clean = true;
        Ok(self.connection.insert(connection))
    }

    pub(super) async fn begin(&mut self) -> Result<Work<'_>, sqlx::Error> {
        self.connection().await?;
        self.clean = false;
        let Self { connection: Some(connection), clean, .. } = self else {
            return Err(sqlx::Error::PoolClosed);
        };
        // IMMEDIATE: a deferred transaction that turns into a writer fails at once when another one wrote meanwhile.
        Ok(Work { transaction: connection.begin_with("BEGIN IMMEDIATE").await?, clean })
    }

    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            // What is committed is safe in the log whether or not the end is orderly.
            drop(connection.close().await);
        }
    }
}

/// A transaction. Without [`Work::commit`] nothing of it happens.
pub(super) struct Work<'a> {
    pub(super) transaction: Transaction<'a, Db>,
    clean: &'a mut bool,
}

impl Work<'_> {
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        self.transaction.commit().await?;
        *self.clean = true;
        Ok(())
    }
}
