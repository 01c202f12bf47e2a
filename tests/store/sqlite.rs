//! The embedded database: the contract, its start and its refusals.

use cedrat::store::{BlobPlace, Database, Filter, Op, Receipt, Role, Settings, Slot, Store, StoreError};

use super::{contract, fence, message, now, stored};

/// A store in a directory of its own, which goes with the guard.
async fn fresh() -> (Store, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = Settings::sqlite(directory.path().join("cedrat.db"));
    settings.node = "one".into();
    (Store::open(settings).await.unwrap(), directory)
}

macro_rules! case {
    ($case:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let (store, _directory) = fresh().await;
            contract::$case(store).await;
        }
    };
}
contract::every_case!(case);

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings::sqlite(directory.path().join("cedrat.db"));
    let store = Store::open(settings.clone()).await.unwrap();
    let (id, of) = stored(&store, "d").await;
    store.claim(&[Slot { dest: "d".into(), free: 1 }], 1, now(), 60_000).await.unwrap();
    store.close().await;
    drop(store);
    let store = Store::open(settings).await.unwrap();
    assert!(store.message(id).await.unwrap().is_some());
    assert_eq!(store.recover(now()).await.unwrap(), [of]);
    assert!(store.allot(0) > of);
}

#[tokio::test]
async fn a_second_gateway_is_refused_and_an_operator_is_not() {
    let (store, directory) = fresh().await;
    let mut settings = Settings::sqlite(directory.path().join("cedrat.db"));
    let refusal = Store::open(settings.clone()).await.err().unwrap();
    assert!(matches!(refusal, StoreError::InUse { .. }), "{refusal}");
    settings.role = Role::Operator;
    let operator = Store::open(settings).await.unwrap();
    let (_, of) = stored(&store, "d").await;
    assert_eq!(operator.delete(&Filter::default()).await.unwrap()[0].fence.delivery, of);
    assert!(store.list(&Filter::default(), 0, 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings::sqlite(directory.path().join("cedrat.db"));
    Store::open(settings.clone()).await.unwrap().close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(directory.path().join("cedrat.db"));
    let mut raw = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 999").execute(&mut raw).await.unwrap();
    let refusal = Store::open(settings).await.err().unwrap();
    assert!(refusal.to_string().contains("schema version 999"), "{refusal}");
}

#[tokio::test]
async fn a_wrong_directory_is_named() {
    let database = Database::Sqlite("/nonexistent/cedrat.db".into());
    let refusal = Store::open(Settings::new(database, BlobPlace::Memory)).await.err().unwrap();
    assert!(refusal.to_string().contains("/nonexistent/cedrat.db"), "{refusal}");
}

#[tokio::test]
async fn a_foreign_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cedrat.db");
    std::fs::write(&path, vec![b'x'; 10_000]).unwrap();
    let refusal = Store::open(Settings::sqlite(&path)).await.err().unwrap();
    assert!(matches!(refusal, StoreError::Damaged { .. }), "{refusal}");
}

#[tokio::test]
async fn settling_in_the_batch_of_another_fails_alone() {
    let (store, _directory) = fresh().await;
    let (_, of) = stored(&store, "d").await;
    let good = message(&store).await;
    let lost = store.submit(Op::at(now()).settle(fence(of, 9), cedrat::store::Settle::Done));
    let (lost, good) = tokio::join!(lost, store.submit(Op::at(now()).message(good)));
    assert_eq!(lost.unwrap(), Receipt::Lost { delivery: of });
    assert_eq!(good.unwrap(), Receipt::Stored);
}
