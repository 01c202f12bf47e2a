//! The HTTP front doors: conversions for other programs, over HTTP/1.1, with or without TLS.
//!
//! `POST /api/v1/transcode` takes media and gives media; `POST /sti` speaks OMA STI 1.0. Everything
//! is bounded before it is read: connections, requests at once, octets, the time for a header, for a
//! body, for a conversion and for taking the answer. docs/http-api.md describes both for a client.
//!
//! Not here: the admin port ([`crate::admin`]), HTTP/2, and the conversion itself ([`core::Core`]).

pub mod auth;
pub mod body;
pub mod core;
pub mod handoff;
pub mod house;
pub mod openapi;
mod patient;
pub mod problem;
pub mod profiles;
pub mod query;
pub mod record;
pub mod report;
pub mod router;
pub mod sti;
pub mod transcode;
pub mod wanted;

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use hyper::{
    Request,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tokio_util::task::TaskTracker;

use self::{core::Core, handoff::Presented, patient::Patient};
use crate::events::{Event, Events};

/// Octets of a request's head: the longest query and some long tokens fit four times.
const HEAD: usize = 32 << 10;

/// What all connections share.
pub struct Front {
    core: Arc<dyn Core>,
    events: Events,
    requests: Arc<Semaphore>,
    connections: Arc<Semaphore>,
}

impl Front {
    /// The doors before a house. How many may come at once is read here and stays.
    pub fn new(core: Arc<dyn Core>, events: Events) -> Arc<Self> {
        let config = core.config();
        let places = |count: usize| Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS)));
        let (requests, connections) = (places(config.max_requests), places(config.max_connections));
        Arc::new(Self { core, events, requests, connections })
    }
}

/// Binds every address.
///
/// # Errors
/// Each address that cannot be bound, and why.
pub async fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, Vec<String>> {
    let mut listeners = Vec::new();
    let mut faults = Vec::new();
    for address in addresses {
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(listener),
            Err(fault) => faults.push(format!("HTTP: {address} cannot be listened on: {fault}")),
        }
    }
    if faults.is_empty() { Ok(listeners) } else { Err(faults) }
}

/// Serves until `shutdown` turns true, then lets the requests under way finish.
pub async fn serve(front: Arc<Front>, listener: TcpListener, mut shutdown: watch::Receiver<bool>) {
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&front, &listener) => accepted,
            () = crate::drive::stopped(&mut shutdown) => break,
        };
        match accepted {
            Ok((stream, place)) => {
                let connection = connection(front.clone(), stream, shutdown.clone());
                tasks.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(fault) => {
                front.events.tell(&Event::Fault {
                    what: "accept",
                    detail: format!("an HTTP connection could not be accepted: {fault}"),
                });
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

/// The next connection, once there is a place for it.
async fn accept(
    front: &Front,
    listener: &TcpListener,
) -> std::io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = front.connections.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

async fn connection(front: Arc<Front>, stream: TcpStream, shutdown: watch::Receiver<bool>) {
    let config = front.core.config();
    let patience = Duration::from_millis(config.read_timeout_ms);
    // A peer that is gone already is found out by the first read.
    drop(stream.set_nodelay(true));
    if !config.tls {
        return exchange(front, stream, None, patience, shutdown).await;
    }
    let Some(tls) = front.core.tls() else { return };
    let handshake = tokio_rustls::TlsAcceptor::from(tls).accept(stream);
    // Port scanners and clear-text clients are not worth a line each.
    if let Ok(Ok(stream)) = tokio::time::timeout(patience, handshake).await {
        let chain = stream.get_ref().1.peer_certificates();
        let presented = chain.and_then(|chain| chain.first());
        let presented = presented.map(|der| Presented(Bytes::copy_from_slice(der)));
        exchange(front, stream, presented, patience, shutdown).await;
    }
}

async fn exchange<S>(
    front: Arc<Front>,
    stream: S,
    presented: Option<Presented>,
    patience: Duration,
    mut shutdown: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        let front = front.clone();
        if let Some(presented) = &presented {
            request.extensions_mut().insert(presented.clone());
        }
        async move { Ok::<_, Infallible>(router::answer(&front, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(Patient::new(stream, patience)), service);
    let mut connection = pin!(connection);
    // How a connection ends is the client's affair; what was asked over it is told by its events.
    tokio::select! {
        ended = connection.as_mut() => drop(ended),
        () = crate::drive::stopped(&mut shutdown) => {
            connection.as_mut().graceful_shutdown();
            drop(connection.await);
        }
    }
}
