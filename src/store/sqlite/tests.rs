//! The hot statements use their indexes, however many rows there are.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use super::{
    MIGRATIONS,
    queue::{CLAIM, CLAIM_EXPIRED, RECOVER, RENEW},
    read::DUE,
    write::{END, FIND_DELIVERIES, FIND_TOKENS, TURN},
};

async fn query_plan(sql: &str) -> String {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    for step in MIGRATIONS {
        sqlx::raw_sql(*step).execute(&mut connection).await.unwrap();
    }
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    let rows = sqlx::query(explain).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(3)).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn hot_statements_use_their_indexes() {
    for (sql, wanted) in [
        (CLAIM, "delivery_ready (dest=? AND due<?)"),
        (CLAIM_EXPIRED, "delivery_expires (expires<?)"),
        (RECOVER, "delivery_lease (lease<?)"),
        (RENEW, "SEARCH delivery USING INTEGER PRIMARY KEY (rowid=?)"),
        (DUE, "delivery_ready (dest>?)"),
        (FIND_TOKENS, "SEARCH s USING PRIMARY KEY (peer=? AND token=?)"),
        (FIND_DELIVERIES, "SEARCH d USING INTEGER PRIMARY KEY (rowid=?)"),
        (END, "SEARCH delivery USING INTEGER PRIMARY KEY (rowid=?)"),
        (TURN, "SEARCH delivery USING INTEGER PRIMARY KEY (rowid=?)"),
    ] {
        let plan = query_plan(sql).await;
        assert!(plan.contains(wanted), "{sql}\n{plan}");
        assert!(!plan.contains("SCAN delivery") && !plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
    }
}
