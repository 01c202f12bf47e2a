//! The one driver: any [`Session`] over any byte stream.
//!
//! It owns the socket, the clock and the TLS upgrade; the session owns the protocol; the
//! [`Host`] decides on events. Nothing here knows what a command or a reply is.

use std::{future::Future, io, sync::Arc, time::Duration};

use cedrat_session::{Session, Step};
use rustls::{ClientConfig, ServerConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::clock;

/// Octets read at once while much comes, and while little does: most connections are idle most of the time.
const READ: usize = 64 * 1024;
const READ_LITTLE: usize = 2 * 1024;

/// Octets collected before a write; a reply to a pipelined group is one write.
const WRITE: usize = 64 * 1024;

/// How long a TLS handshake, or writing to a peer that does not read, may take.
const STALL: Duration = Duration::from_secs(60);

/// Who decides on the events of a session.
pub trait Host<S: Session>: Send {
    /// Takes an event and answers it at the session where it needs an answer.
    fn event(&mut self, event: S::Event, session: &mut S) -> impl Future<Output = ()> + Send;

    /// The stream is encrypted from here on.
    fn secured(&mut self, facts: TlsFacts, session: &mut S) {
        let _ = (facts, session);
    }

    /// The gateway stops: the last chance to say so to the peer.
    fn stopping(&mut self, session: &mut S) {
        let _ = session;
    }
}

/// What a handshake established.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// Version and cipher, such as `TLSv1_3 TLS13_AES_256_GCM_SHA384`.
    pub summary: String,
    /// DNS names of the client's verified certificate; empty without one.
    pub client_names: Vec<String>,
}

/// How TLS is made on this stream.
#[derive(Clone)]
pub enum TlsSide {
    /// As a server.
    Accept(Arc<ServerConfig>),
    /// As a client of this name.
    Connect(Arc<ClientConfig>, ServerName<'static>),
    /// Not at all.
    None,
}

impl std::fmt::Debug for TlsSide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Accept(_) => "Accept",
            Self::Connect(..) => "Connect",
            Self::None => "None",
        })
    }
}

/// Why a session is over.
#[derive(Debug)]
pub enum Ended {
    /// The session closed it.
    Closed,
    /// Reading or writing failed.
    Fault(io::Error),
    /// The gateway stops.
    Shutdown,
    /// The handshake failed; what it said.
    Tls(String),
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => f.write_str("closed"),
            Self::Fault(fault) => write!(f, "connection failed: {fault}"),
            Self::Shutdown => f.write_str("gateway stops"),
            Self::Tls(why) => write!(f, "TLS handshake failed: {why}"),
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

enum Wire {
    Plain(TcpStream),
    Secure(Box<dyn Stream>),
    Gone,
}

impl Wire {
    async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(into).await,
            Self::Secure(stream) => stream.read(into).await,
            Self::Gone => Ok(0),
        }
    }

    async fn write_all(&mut self, octets: &[u8]) -> io::Result<()> {
        let write = async {
            match self {
                Self::Plain(stream) => stream.write_all(octets).await,
                Self::Secure(stream) => {
                    stream.write_all(octets).await?;
                    stream.flush().await
                }
                Self::Gone => Err(io::ErrorKind::NotConnected.into()),
            }
        };
        tokio::time::timeout(STALL, write).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn close(&mut self) {
        let close = async {
            match self {
                Self::Plain(stream) => stream.shutdown().await,
                Self::Secure(stream) => stream.shutdown().await,
                Self::Gone => Ok(()),
            }
        };
        // The peer may be gone already; there is nobody left to tell.
        drop(tokio::time::timeout(Duration::from_secs(5), close).await);
    }

    async fn secure(&mut self, side: &TlsSide) -> Result<TlsFacts, String> {
        let Self::Plain(stream) = std::mem::replace(self, Self::Gone) else {
            return Err("the stream is encrypted already".into());
        };
        let handshake = async {
            match side {
                TlsSide::Accept(config) => {
                    let stream =
                        TlsAcceptor::from(config.clone()).accept(stream).await.map_err(|e| e.to_string())?;
                    let (_, state) = stream.get_ref();
                    let facts = TlsFacts {
                        summary: summary(state.protocol_version(), state.negotiated_cipher_suite()),
                        client_names: state
                            .peer_certificates()
                            .and_then(<[_]>::first)
                            .map(|certificate| crate::tls::dns_names(certificate))
                            .unwrap_or_default(),
                    };
                    Ok((Self::Secure(Box::new(stream)), facts))
                }
                TlsSide::Connect(config, name) => {
                    let stream = TlsConnector::from(config.clone())
                        .connect(name.clone(), stream)
                        .await
                        .map_err(|e| e.to_string())?;
                    let (_, state) = stream.get_ref();
                    let facts = TlsFacts {
                        summary: summary(state.protocol_version(), state.negotiated_cipher_suite()),
                        client_names: Vec::new(),
                    };
                    Ok((Self::Secure(Box::new(stream)), facts))
                }
                TlsSide::None => Err("no certificate is configured".to_owned()),
            }
        };
        let (wire, facts) =
            tokio::time::timeout(STALL, handshake).await.unwrap_or_else(|_| Err("timed out".into()))?;
        *self = wire;
        Ok(facts)
    }
}

fn summary(version: Option<rustls::ProtocolVersion>, suite: Option<rustls::SupportedCipherSuite>) -> String {
    let version = version.and_then(|v| v.as_str()).unwrap_or("TLS");
    let suite = suite.and_then(|s| s.suite().as_str()).unwrap_or("");
    format!("{version} {suite}").trim_end().to_owned()
}

/// Runs `session` over `stream` until one of them ends. With `implicit_tls` the handshake comes
/// before the first octet. When `shutdown` turns true, a session that waits for its peer is ended;
/// one that is in the middle of a decision finishes it first.
pub async fn drive<S, H>(
    session: &mut S,
    stream: TcpStream,
    tls: TlsSide,
    implicit_tls: bool,
    host: &mut H,
    mut shutdown: watch::Receiver<bool>,
) -> Ended
where
    S: Session + Send,
    S::Event: Send,
    H: Host<S>,
{
    drop(stream.set_nodelay(true));
    let mut wire = Wire::Plain(stream);
    if implicit_tls {
        match wire.secure(&tls).await {
            Ok(facts) => {
                host.secured(facts, session);
                session.secured(clock::instant());
            }
            Err(why) => return Ended::Tls(why),
        }
    }
    let mut input = vec![0u8; READ_LITTLE];
    let mut output: Vec<u8> = Vec::new();
    loop {
        while let Some(step) = session.poll(clock::instant()) {
            match step {
                Step::Send(mut octets) => {
                    if output.is_empty() {
                        output = octets;
                    } else {
                        output.append(&mut octets);
                    }
                    if output.len() >= WRITE {
                        if let Err(fault) = wire.write_all(&output).await {
                            return lost(session, host, fault).await;
                        }
                        output.clear();
                    }
                }
                Step::Event(event) => {
                    // A decision may take as long as a commit; what was said before it is due now.
                    if !output.is_empty() {
                        if let Err(fault) = wire.write_all(&output).await {
                            return lost(session, host, fault).await;
                        }
                        output.clear();
                    }
                    host.event(event, session).await;
                }
                Step::StartTls => {
                    if let Err(fault) = wire.write_all(&output).await {
                        return lost(session, host, fault).await;
                    }
                    output.clear();
                    match wire.secure(&tls).await {
                        Ok(facts) => {
                            host.secured(facts, session);
                            session.secured(clock::instant());
                        }
                        Err(why) => {
                            finish(session, host).await;
                            return Ended::Tls(why);
                        }
                    }
                }
                Step::Close => {
                    if !output.is_empty() {
                        drop(wire.write_all(&output).await);
                    }
                    wire.close().await;
                    return Ended::Closed;
                }
            }
        }
        if !output.is_empty() {
            if let Err(fault) = wire.write_all(&output).await {
                return lost(session, host, fault).await;
            }
            output = Vec::new();
        }
        let deadline = session.deadline();
        let sleep = async {
            match deadline {
                Some(at) => {
                    let millis = at.0.saturating_sub(clock::instant().0);
                    tokio::time::sleep(Duration::from_millis(millis.max(1))).await;
                }
                None => std::future::pending().await,
            }
        };
        let woken = tokio::select! {
            read = wire.read(&mut input), if session.wants_octets() => Woken::Read(read),
            () = sleep => Woken::Deadline,
            () = stopped(&mut shutdown) => Woken::Shutdown,
        };
        match woken {
            Woken::Deadline => {}
            Woken::Read(Ok(0)) => {
                finish(session, host).await;
                wire.close().await;
                return Ended::Closed;
            }
            Woken::Read(Ok(count)) => {
                session.receive(input.get(..count).unwrap_or_default(), clock::instant());
                let fit = if count >= READ_LITTLE { READ } else { READ_LITTLE };
                if input.len() != fit {
                    input = vec![0u8; fit];
                }
            }
            Woken::Read(Err(fault)) => return lost(session, host, fault).await,
            Woken::Shutdown => {
                host.stopping(session);
                while let Some(Step::Send(octets)) = session.poll(clock::instant()) {
                    output.extend_from_slice(&octets);
                }
                if !output.is_empty() {
                    // A peer that is gone need not be told.
                    drop(wire.write_all(&output).await);
                }
                finish(session, host).await;
                wire.close().await;
                return Ended::Shutdown;
            }
        }
    }
}

enum Woken {
    Deadline,
    Read(io::Result<usize>),
    Shutdown,
}

/// Resolves when the gateway stops; never, when nobody can say so any more.
pub async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    if shutdown.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn lost<S, H>(session: &mut S, host: &mut H, fault: io::Error) -> Ended
where
    S: Session + Send,
    S::Event: Send,
    H: Host<S>,
{
    finish(session, host).await;
    Ended::Fault(fault)
}

/// Tells the session that nothing more comes and lets the host see what that means.
async fn finish<S, H>(session: &mut S, host: &mut H)
where
    S: Session + Send,
    S::Event: Send,
    H: Host<S>,
{
    session.ended(clock::instant());
    // Bounded: a session that ended has at most a handful of events left.
    for _ in 0..64 {
        match session.poll(clock::instant()) {
            Some(Step::Event(event)) => host.event(event, session).await,
            Some(Step::Close) | None => return,
            Some(Step::Send(_) | Step::StartTls) => {}
        }
    }
}
