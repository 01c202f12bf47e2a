//! `GET …/events`: Server-Sent Events (HTML Living Standard §9.2). Each event is the list of the
//! account's waiting sessions as it is now, with a number; a client that was away and says the
//! number of the last one that it saw gets the next at once when there is one.
//!
//! What a session holds is not in the stream: names only, so that it may pass where the rest does not.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, StreamExt as _, stream};
use http_body_util::Either;
use hyper::{
    Response,
    body::{Body, Bytes, Frame},
    header::{CONTENT_TYPE, HeaderValue},
};
use tokio::sync::watch;

use super::super::router::Content;
use cedrat_keyring::session::State;

use crate::{gateway::Gateway, handoff::Open};

/// How often a comment shows that the connection lives: below what proxies wait.
const BEAT: Duration = Duration::from_secs(20);

const AWAITING: &str = State::AwaitingKey.name();

type Frames = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// A body of events.
pub struct Events(Frames);

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_next_unpin(context).map(|octets| octets.map(|octets| Ok(Frame::data(octets))))
    }
}

struct Listener {
    gateway: Arc<Gateway>,
    account: String,
    changes: watch::Receiver<u64>,
    shutdown: watch::Receiver<bool>,
    seen: Option<u64>,
    said: String,
    /// Its place among the streams of the account.
    _open: Open,
}

/// The events of an account, from after `last`.
pub(super) fn stream(
    gateway: &Arc<Gateway>,
    account: &str,
    last: Option<u64>,
    open: Open,
) -> Response<Content> {
    let listener = Listener {
        gateway: gateway.clone(),
        account: account.to_owned(),
        changes: gateway.handoff.changes(),
        shutdown: gateway.shutdown.subscribe(),
        seen: last,
        said: String::new(),
        _open: open,
    };
    let frames = stream::unfold(listener, |mut listener| async move {
        let octets = listener.next().await?;
        Some((octets, listener))
    });
    let mut response = Response::new(Either::Right(Events(Box::pin(frames))));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

impl Listener {
    /// The next octets; `None` when the gateway stops.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if *self.shutdown.borrow() {
                return None;
            }
            let count = *self.changes.borrow_and_update();
            if self.seen != Some(count) {
                self.seen = Some(count);
                let waiting =
                    self.gateway.handoff.list(&self.account, Some(AWAITING), Duration::ZERO, |_| false).await;
                let ids: Vec<&str> = waiting.iter().filter_map(|one| one.get("id")?.as_str()).collect();
                let data = serde_json::json!({ "awaiting_key": ids }).to_string();
                if data != self.said {
                    let event = format!("id: {count}\nevent: sessions\ndata: {data}\n\n");
                    self.said = data;
                    return Some(event.into());
                }
            }
            tokio::select! {
                changed = tokio::time::timeout(BEAT, self.changes.changed()) => match changed {
                    Err(_) => return Some(Bytes::from_static(b": here\n\n")),
                    Ok(Err(_)) => return None,
                    Ok(Ok(())) => {}
                },
                () = crate::drive::stopped(&mut self.shutdown) => return None,
            }
        }
    }
}
