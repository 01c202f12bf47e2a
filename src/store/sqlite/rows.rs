//! One INSERT for many rows.
//!
//! Every statement costs a hand-over to the thread of the connection, so a batch is written with one statement per
//! table. To keep the statements prepared, their number of rows is one of a few; missing rows stay unbound, which
//! SQLite reads as NULL, and the WHERE clause drops them.

use std::sync::Arc;

use sqlx::{Arguments as _, AssertSqlSafe, Sqlite as Db, SqliteConnection, sqlite::SqliteArguments};

const LARGEST: usize = 256;
const SIZES: [usize; 5] = [1, 4, 16, 64, LARGEST];

/// The texts of one INSERT for every size.
pub(super) struct Insert {
    columns: usize,
    texts: [Arc<str>; SIZES.len()],
}

impl Insert {
    /// `into` is `table (column, ...)`, `conflict` the clause after the rows. The first column may not be NULL.
    pub(super) fn new(into: &str, columns: usize, conflict: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(","));
        let text = |size: usize| {
            let mut sql = format!("INSERT INTO {into} SELECT * FROM (VALUES {row}");
            for _ in 1..size {
                sql.push(',');
                sql.push_str(&row);
            }
            sql.push_str(") WHERE column1 IS NOT NULL ");
            sql.push_str(conflict);
            Arc::from(sql)
        };
        Self { columns, texts: SIZES.map(text) }
    }

    /// Inserts the rows; `bind` adds the values of one row in the order of the columns.
    pub(super) async fn run<T>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[T],
        bind: impl Fn(&mut Values, &T),
    ) -> Result<(), sqlx::Error> {
        for chunk in rows.chunks(LARGEST) {
            let mut values = Values::default();
            values.arguments.reserve(chunk.len() * self.columns, 0);
            for row in chunk {
                bind(&mut values, row);
            }
            if let Some(error) = values.failed {
                return Err(sqlx::Error::Encode(error));
            }
            let fitting = SIZES.iter().zip(&self.texts).find(|(size, _)| **size >= chunk.len());
            if let Some((_, text)) = fitting {
                sqlx::query_with(AssertSqlSafe(Arc::clone(text)), values.arguments)
                    .execute(&mut *connection)
                    .await?;
            }
        }
        Ok(())
    }
}

/// The values of the rows, in order.
#[derive(Default)]
pub(super) struct Values {
    arguments: SqliteArguments,
    failed: Option<sqlx::error::BoxDynError>,
}

impl Values {
    pub(super) fn add<'q>(&mut self, value: impl sqlx::Encode<'q, Db> + sqlx::Type<Db>) -> &mut Self {
        if let Err(error) = self.arguments.add(value) {
            self.failed = Some(error);
        }
        self
    }
}
