//! Blobs in a bucket of S3: what the contract says of large bodies, and what an operator is told when it fails.
//!
//! The server is moto, which `./dev test` installs; it runs on a loopback port for as long as this test process does.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use cedrat::store::{BlobPlace, Settings, Store};

use super::contract;
use crate::harness::skipped;

/// The server; its shell ends it when this process lets go of the pipe.
struct Server {
    port: u16,
    _shell: Child,
}

static SERVER: LazyLock<Result<Server, String>> = LazyLock::new(start);

fn start() -> Result<Server, String> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = format!("moto_server -H 127.0.0.1 -p {port} & server=$!; read -r end; kill $server");
    let shell = Command::new("/bin/sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let begun = Instant::now();
    while let Err(error) = make_bucket(port) {
        if begun.elapsed() > Duration::from_secs(60) {
            return Err(format!("moto_server: {error}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(Server { port, _shell: shell })
}

fn make_bucket(port: u16) -> Result<(), String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    let request = format!(
        "PUT /blobs HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(|error| error.to_string())?;
    let status = answer.lines().next().unwrap_or_default();
    if status.contains(" 200 ") { Ok(()) } else { Err(status.to_owned()) }
}

/// A store whose blobs are below a prefix of their own in that bucket; none, with the reason printed, on a machine
/// without the server.
async fn fresh(bucket: &str) -> Option<(Store, tempfile::TempDir)> {
    let server = match tokio::task::spawn_blocking(|| SERVER.as_ref()).await.unwrap() {
        Ok(server) => server,
        Err(reason) => {
            skipped(&format!("no S3 server runs: {reason}"));
            return None;
        }
    };
    Some(at(&format!("http://127.0.0.1:{}", server.port), bucket).await)
}

async fn at(endpoint: &str, bucket: &str) -> (Store, tempfile::TempDir) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let options = [
        ("endpoint", endpoint),
        ("allow_http", "true"),
        ("region", "eu-1"),
        ("access_key_id", "gateway"),
        ("secret_access_key", "not secret"),
    ];
    let directory = tempfile::tempdir().unwrap();
    let mut settings = Settings::sqlite(directory.path().join("cedrat.db"));
    settings.node = "one".into();
    settings.blobs = BlobPlace::S3 {
        url: format!("s3://{bucket}/case{}/of/gateway", NEXT.fetch_add(1, Ordering::Relaxed)),
        options: options.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    };
    (Store::open(settings).await.unwrap(), directory)
}

macro_rules! case {
    ($case:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            if let Some((store, _directory)) = fresh("blobs").await {
                contract::$case(store).await;
            }
        }
    };
}
contract::every_case!(case);

#[tokio::test]
async fn a_server_that_does_not_answer_is_named_and_what_it_should_keep_is_refused_for_now() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (store, _directory) = at(&format!("http://{closed}"), "blobs").await;
    let fault = store.keep(vec![1; 100_000].into()).await.unwrap_err();
    assert!(fault.is_temporary(), "{fault}");
    assert!(fault.to_string().contains("s3://blobs/"), "{fault}");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let Some((store, _directory)) = fresh("missing").await else { return };
    let fault = store.keep(vec![1; 100_000].into()).await.unwrap_err().to_string();
    assert!(fault.contains("s3://missing/"), "{fault}");
    assert!(fault.contains("NoSuchBucket"), "{fault}");
}
