//! The store: one contract that both databases keep, then what is particular to each.
//! A machine without PostgreSQL skips its half and says so; under `CI=true` that is a failure.

mod contract;
mod faults;
pub(crate) mod postgres;
#[cfg(feature = "s3")]
mod s3;
mod sqlite;

use std::time::SystemTime;

use cedrat::store::{Body, Delivery, Fence, Op, Outcome, Received, ResponseKey, Seen, Start, Store, Trace};

/// Unix milliseconds: PostgreSQL compares what is due with its own clock.
fn now() -> i64 {
    i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap()
}

async fn body(store: &Store, octets: &[u8]) -> Body {
    store.keep(octets.to_vec().into()).await.unwrap()
}

/// A message with small content.
async fn message(store: &Store) -> Received {
    Received {
        id: store.allot(now()),
        received: now(),
        peer: "carrier".into(),
        protocol: "mm4",
        message_id: "abc@mms.carrier.test".into(),
        envelope: b"\x01envelope".to_vec(),
        body: body(store, b"Subject: hello\r\n\r\nhello\r\n").await,
    }
}

fn delivery(store: &Store, message: i64, dest: &str) -> Delivery {
    Delivery {
        id: store.allot(now()),
        message,
        dest: dest.into(),
        rcpt: "+447700900001".into(),
        data: b"\x01data".to_vec(),
        due: now() - 10,
        expires: now() + 3_600_000,
        start: Start::Waiting,
    }
}

fn seen(message: i64, token: &str) -> Seen {
    Seen { peer: "carrier".into(), token: token.into(), message, until: now() + 60_000 }
}

fn outcome(message: i64, remote: &str) -> Outcome {
    Outcome {
        peer: "carrier".into(),
        remote: remote.into(),
        rcpt: "+447700900001".into(),
        message,
        state: 2,
        at: now(),
        until: now() + 60_000,
        data: b"original".to_vec(),
    }
}

fn trace(message: i64, event: &str) -> Trace {
    Trace { message, at: now(), event: format!("{{\"event\":\"{event}\"}}") }
}

fn key(token: &str) -> ResponseKey {
    ResponseKey { peer: "carrier".into(), token: token.into() }
}

/// Stores one message with one delivery and returns both identities.
async fn stored(store: &Store, dest: &str) -> (i64, i64) {
    let message = message(store).await;
    let delivery = delivery(store, message.id, dest);
    let ids = (message.id, delivery.id);
    let receipt = store.submit(Op::at(now()).message(message).delivery(delivery)).await.unwrap();
    assert_eq!(receipt, cedrat::store::Receipt::Stored);
    ids
}

const fn fence(delivery: i64, attempt: i32) -> Fence {
    Fence { delivery, attempt }
}
