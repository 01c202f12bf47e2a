//! PostgreSQL: the contract, and what several nodes on one database may expect.
//!
//! A private instance of the Debian package runs on a loopback port for as long as this test process does.

use std::{
    io::Read as _,
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use cedrat::store::{
    BlobPlace, Database, Filter, Op, Receipt, Role, Settings, Settle, Slot, Store, StoreError,
};
use sqlx::Connection as _;

use super::{contract, delivery, fence, message, now, seen, stored};
use crate::harness::skipped;

/// The instance; its shell ends it when this process lets go of the pipe.
struct Server {
    port: u16,
    _shell: Child,
}

static SERVER: LazyLock<Result<Server, String>> = LazyLock::new(start);

fn start() -> Result<Server, String> {
    let bin = std::fs::read_dir("/usr/lib/postgresql")
        .map_err(|error| format!("/usr/lib/postgresql: {error}"))?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .find(|bin| bin.join("initdb").exists())
        .ok_or("no initdb below /usr/lib/postgresql")?;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let directory = std::env::temp_dir().join(format!("cedrat-postgres-{}", std::process::id()));
    // initdb refuses root.
    let user = if rustix::process::geteuid().is_root() { "runuser -u postgres --" } else { "" };
    let script = format!(
        "mkdir -m 700 {dir} && {chown} {user} {bin}/initdb -D {dir}/data -U postgres -A trust -N >/dev/null && \
         {{ {user} {bin}/postgres -D {dir}/data -h 127.0.0.1 -p {port} -k {dir} -c max_connections=400 \
            >/dev/null 2>{dir}/log & }} && server=$! && \
         until {bin}/pg_isready -q -h 127.0.0.1 -p {port}; do kill -0 $server || exit 1; sleep 0.1; done; \
         echo ready; read -r end; kill -INT $(head -1 {dir}/data/postmaster.pid); wait $server; rm -rf {dir}",
        dir = directory.display(),
        bin = bin.display(),
        chown = if user.is_empty() {
            ":;".to_owned()
        } else {
            format!("chown postgres {} &&", directory.display())
        },
    );
    let mut shell = Command::new("/bin/sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .current_dir("/tmp")
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut said = [0; 6];
    shell
        .stdout
        .take()
        .unwrap()
        .read_exact(&mut said)
        .map_err(|_| format!("see {}/log", directory.display()))?;
    Ok(Server { port, _shell: shell })
}

/// The URL of a fresh schema; none, with the reason printed, on a machine without PostgreSQL.
pub(crate) async fn schema() -> Option<String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = match tokio::task::spawn_blocking(|| SERVER.as_ref()).await.unwrap() {
        Ok(server) => server,
        Err(reason) => {
            skipped(&format!("PostgreSQL does not run: {reason}"));
            return None;
        }
    };
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", server.port);
    let name = format!("case{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut raw = sqlx::PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE SCHEMA {name}"))).execute(&mut raw).await.unwrap();
    Some(format!("{url}?application_name={name}&options[search_path]={name}"))
}

async fn node(url: &str, name: &str, blobs: BlobPlace) -> Store {
    let mut settings = Settings::new(Database::Postgres(url.into()), blobs);
    settings.node = name.into();
    Store::open(settings).await.unwrap()
}

macro_rules! case {
    ($case:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            if let Some(url) = schema().await {
                contract::$case(node(&url, "one", BlobPlace::Memory).await).await;
            }
        }
    };
}
contract::every_case!(case);

#[tokio::test]
async fn two_nodes_never_claim_the_same_delivery() {
    let Some(url) = schema().await else { return };
    let one = node(&url, "one", BlobPlace::Memory).await;
    let two = node(&url, "two", BlobPlace::Memory).await;
    for _ in 0..60 {
        stored(&one, "d").await;
    }
    let slots = [Slot { dest: "d".into(), free: 5 }];
    let mut all = std::collections::HashSet::new();
    for _ in 0..6 {
        let claims = tokio::join!(one.claim(&slots, 5, now(), 60_000), two.claim(&slots, 5, now(), 60_000));
        for claimed in claims.0.unwrap().into_iter().chain(claims.1.unwrap()) {
            assert!(all.insert(claimed.fence.delivery));
        }
    }
    assert_eq!(all.len(), 60);
    assert_eq!(two.beat(now()).await.unwrap(), 2);
}

#[tokio::test]
async fn of_duplicates_offered_to_two_nodes_exactly_one_is_stored() {
    let Some(url) = schema().await else { return };
    let nodes = [node(&url, "one", BlobPlace::Memory).await, node(&url, "two", BlobPlace::Memory).await];
    let mut offers = Vec::new();
    for round in 0..20 {
        for store in &nodes {
            let received = message(store).await;
            let id = received.id;
            // Two tokens in opposite order: the nodes must not wait for each other.
            let (first, second) = (format!("{round}/a"), format!("{round}/b"));
            let (first, second) = if store.node() == "one" { (first, second) } else { (second, first) };
            let op = Op::at(now()).message(received).seen(seen(id, &first)).seen(seen(id, &second));
            let store = store.clone();
            offers.push(tokio::spawn(async move { store.submit(op).await.unwrap() }));
        }
    }
    let mut stored = 0;
    for offer in offers {
        stored += usize::from(offer.await.unwrap() == Receipt::Stored);
    }
    assert_eq!(stored, 20);
}

#[tokio::test]
async fn a_dead_nodes_deliveries_move_after_its_lease_and_its_late_completion_is_lost() {
    let Some(url) = schema().await else { return };
    let one = node(&url, "one", BlobPlace::Memory).await;
    let two = node(&url, "two", BlobPlace::Memory).await;
    let (_, of) = stored(&one, "d").await;
    let slots = [Slot { dest: "d".into(), free: 5 }];
    one.claim(&slots, 5, now(), 300).await.unwrap();
    assert!(two.recover_expired(now()).await.unwrap().is_empty());
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert_eq!(two.recover_expired(now()).await.unwrap(), [of]);
    let taken = two.claim(&slots, 5, now(), 60_000).await.unwrap().remove(0);
    assert_eq!((taken.fence, taken.uncertain), (fence(of, 2), 1));
    let late = Op::at(now()).settle(fence(of, 1), Settle::Done);
    assert_eq!(one.submit(late).await.unwrap(), Receipt::Lost { delivery: of });
    // A restart of one takes nothing from two.
    assert!(one.recover(now()).await.unwrap().is_empty());
    assert_eq!(two.submit(Op::at(now()).settle(taken.fence, Settle::Done)).await.unwrap(), Receipt::Stored);
}

#[tokio::test]
async fn a_response_may_arrive_at_another_node() {
    let Some(url) = schema().await else { return };
    let one = node(&url, "one", BlobPlace::Memory).await;
    let two = node(&url, "two", BlobPlace::Memory).await;
    let (_, of) = stored(&one, "d").await;
    one.claim(&[Slot { dest: "d".into(), free: 5 }], 5, now(), 60_000).await.unwrap();
    let wait = Settle::Await { until: now() + 60_000, keys: vec![super::key("tx")], reply: String::new() };
    one.submit(Op::at(now()).settle(fence(of, 1), wait)).await.unwrap();
    let awaited = two.awaited(&super::key("tx")).await.unwrap().unwrap();
    let (first, second) = tokio::join!(
        one.submit(Op::at(now()).settle(awaited.fence, Settle::Done)),
        two.submit(Op::at(now()).settle(awaited.fence, Settle::Done)),
    );
    let stored =
        [first.unwrap(), second.unwrap()].iter().filter(|receipt| **receipt == Receipt::Stored).count();
    assert_eq!(stored, 1);
}

#[tokio::test]
async fn a_node_wakes_the_others() {
    let Some(url) = schema().await else { return };
    let one = node(&url, "one", BlobPlace::Memory).await;
    let two = node(&url, "two", BlobPlace::Memory).await;
    let waiting = tokio::spawn(async move { two.woken().await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    stored(&one, "d").await;
    tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_name_belongs_to_one_living_node() {
    let Some(url) = schema().await else { return };
    let one = node(&url, "one", BlobPlace::Memory).await;
    let (_, of) = stored(&one, "d").await;
    let mut settings = Settings::new(Database::Postgres(url.clone()), BlobPlace::Memory);
    settings.node = "one".into();
    let refusal = Store::open(settings.clone()).await.err().unwrap();
    assert!(matches!(refusal, StoreError::InUse { .. }), "{refusal}");
    settings.role = Role::Operator;
    let operator = Store::open(settings.clone()).await.unwrap();
    assert_eq!(operator.list(&Filter::default(), 0, 9).await.unwrap()[0].fence.delivery, of);
    one.close().await;
    drop(one);
    settings.role = Role::Gateway;
    // The server lets go of the name when it sees the connection end.
    for _ in 0..50 {
        match Store::open(settings.clone()).await {
            Ok(_) => return,
            Err(StoreError::InUse { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the name is still taken");
}

#[tokio::test]
async fn a_sweep_of_one_node_spares_the_body_that_another_receives() {
    let Some(url) = schema().await else { return };
    let directory = tempfile::tempdir().unwrap();
    let blobs = BlobPlace::Directory(directory.path().into());
    let one = node(&url, "one", blobs.clone()).await;
    let two = node(&url, "two", blobs).await;
    let large = vec![5; 100_000];
    let at_once =
        cedrat::store::Retention { bodies_ms: -1000, messages_ms: -1000, traces_ms: -1000, blobs_ms: -1000 };
    let sweeping = tokio::spawn(async move {
        loop {
            two.sweep(now(), &at_once).await.unwrap();
        }
    });
    for _ in 0..50 {
        let mut received = message(&one).await;
        received.body = super::body(&one, &large).await;
        let id = received.id;
        let kept = delivery(&one, id, "d");
        let only = Filter { ids: Some(vec![kept.id]), ..Filter::default() };
        one.submit(Op::at(now()).message(received).delivery(kept)).await.unwrap();
        assert_eq!(one.body(id).await.unwrap().unwrap().len(), large.len());
        one.delete(&only).await.unwrap();
    }
    sweeping.abort();
}

#[tokio::test]
async fn a_server_that_may_lose_commits_is_refused() {
    let Some(url) = schema().await else { return };
    let settings = Settings::new(
        Database::Postgres(format!("{url}&options[synchronous_commit]=off")),
        BlobPlace::Memory,
    );
    let refusal = Store::open(settings).await.err().unwrap();
    assert!(matches!(refusal, StoreError::Unsafe { setting: "synchronous_commit", .. }), "{refusal}");
}

#[tokio::test]
async fn a_lost_connection_is_temporary() {
    let Some(url) = schema().await else { return };
    let one = node(&url, "one", BlobPlace::Memory).await;
    stored(&one, "d").await;
    let mut raw = sqlx::PgConnection::connect(&url).await.unwrap();
    for round in 0..3 {
        let schema = url.rsplit('=').next().unwrap();
        // Every connection of this store, known by its search path.
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE application_name = $1 AND pid <> pg_backend_pid()",
        )
        .bind(schema)
        .execute(&mut raw)
        .await
        .unwrap();
        let mut failures = 0;
        while let Err(error) = try_store(&one).await {
            assert!(error.is_temporary(), "{error}");
            failures += 1;
            assert!(failures < 10, "round {round}: {error}");
        }
    }
    assert!(!one.list(&Filter::default(), 0, 100).await.unwrap().is_empty());
    // The name was free meanwhile; a sign of life takes it back.
    assert_eq!(one.beat(now()).await.unwrap(), 1);
    let mut settings = Settings::new(Database::Postgres(url.clone()), BlobPlace::Memory);
    settings.node = "one".into();
    assert!(matches!(Store::open(settings).await.err(), Some(StoreError::InUse { .. })));
}

async fn try_store(store: &Store) -> Result<Receipt, StoreError> {
    store.submit(Op::at(now()).message(message(store).await)).await
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_the_reason() {
    let Some(url) = schema().await else { return };
    node(&url, "one", BlobPlace::Memory).await.close().await;
    let mut raw = sqlx::PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("UPDATE schema_version SET version = 999").execute(&mut raw).await.unwrap();
    let mut settings = Settings::new(Database::Postgres(url), BlobPlace::Memory);
    settings.node = "two".into();
    let refusal = Store::open(settings).await.err().unwrap();
    assert!(refusal.to_string().contains("schema version 999"), "{refusal}");
}

#[tokio::test]
async fn text_with_a_nul_is_stored() {
    let Some(url) = schema().await else { return };
    let one = node(&url, "one", BlobPlace::Memory).await;
    let mut received = message(&one).await;
    received.message_id = "a\0b".into();
    let id = received.id;
    assert_eq!(one.submit(Op::at(now()).message(received)).await.unwrap(), Receipt::Stored);
    assert_eq!(one.message(id).await.unwrap().unwrap().message_id, "a\u{fffd}b");
}
