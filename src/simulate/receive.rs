//! A port that takes messages, with faults where asked for. What came in goes to whoever listens at
//! the other end of a channel, before its sender is answered: a slow listener slows the sender.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use cedrat_message::Timestamp;
use cedrat_wire_mail::smtp::{
    Mail, Protocol, Rcpt, Reply,
    server::{self, Event, Server},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    task::JoinSet,
};

use super::fault::{Chance, Fate, Faults};
use crate::{
    clock,
    drive::{self, Host, TlsSide},
};

/// How a port takes messages.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The name in the greeting.
    pub host: String,
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// Whether envelopes are those of MM4.
    pub mms: bool,
    /// What goes wrong.
    pub faults: Faults,
    /// What bounds it.
    pub limits: Limits,
}

/// The bounds of a port.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Sessions at once; further ones wait in the backlog of the port. 200.
    pub sessions: usize,
    /// Octets of one message. 50 MB: more than any peer sends.
    pub message_octets: u64,
    /// Octets of all messages that are coming in; beyond it messages are put off with 452. 256 MB.
    pub octets_in_flight: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sessions: 200, message_octets: 50_000_000, octets_in_flight: 256_000_000 }
    }
}

/// A message as it came in.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Counts from 1.
    pub number: u64,
    /// When its last octet was here.
    pub at: Timestamp,
    /// Who sent it.
    pub remote: SocketAddr,
    /// The envelope.
    pub mail: Mail,
    /// Its recipients.
    pub recipients: Vec<Rcpt>,
    /// Header and body.
    pub content: Bytes,
    /// What became of it.
    pub fate: Fate,
}

struct Shared {
    setting: Setting,
    arrivals: mpsc::Sender<Arrival>,
    memory: Arc<Semaphore>,
    /// The count of messages, and chance.
    drawn: Mutex<(u64, Chance)>,
}

/// Takes messages until told to stop, then lets the sessions finish what they are at.
pub async fn serve(
    listener: TcpListener,
    setting: Setting,
    arrivals: mpsc::Sender<Arrival>,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(setting.limits.sessions));
    let memory = Arc::new(Semaphore::new(setting.limits.octets_in_flight.min(Semaphore::MAX_PERMITS)));
    let drawn = Mutex::new((0, Chance::new(setting.faults.seed)));
    let shared = Arc::new(Shared { setting, arrivals, memory, drawn });
    let mut sessions = JoinSet::new();
    loop {
        // The semaphore is never closed.
        let Ok(place) = places.clone().acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = drive::stopped(&mut stop) => break,
        };
        match accepted {
            Ok((stream, remote)) => {
                let session = session(shared.clone(), stream, remote, stop.clone());
                sessions.spawn(async move {
                    session.await;
                    drop(place);
                });
                while sessions.try_join_next().is_some() {}
            }
            // Out of file descriptors, or the caller is gone already.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    while sessions.join_next().await.is_some() {}
}

async fn session(
    shared: Arc<Shared>,
    stream: TcpStream,
    remote: SocketAddr,
    mut stop: watch::Receiver<bool>,
) {
    let mut config = server::Config::new(shared.setting.host.clone());
    config.protocol = shared.setting.protocol;
    config.mms_addresses = shared.setting.mms;
    config.limits.max_octets = shared.setting.limits.message_octets;
    let mut session = Server::new(config, [0; 32]);
    let (hang_up, hung_up) = watch::channel(false);
    let mut guest = Guest { shared, remote, open: None, hang_up: hang_up.clone() };
    let driven = drive::drive(&mut session, stream, TlsSide::None, false, &mut guest, hung_up);
    tokio::pin!(driven);
    tokio::select! {
        _ = &mut driven => return,
        () = drive::stopped(&mut stop) => drop(hang_up.send_replace(true)),
    }
    driven.await;
}

/// One connection.
struct Guest {
    shared: Arc<Shared>,
    remote: SocketAddr,
    open: Option<Open>,
    hang_up: watch::Sender<bool>,
}

struct Open {
    mail: Mail,
    recipients: Vec<Rcpt>,
    content: Vec<u8>,
    memory: Vec<OwnedSemaphorePermit>,
    overflown: bool,
}

impl Host<Server> for Guest {
    async fn event(&mut self, event: Event, session: &mut Server) {
        match event {
            Event::Mail(mail) => {
                self.open = Some(Open {
                    mail: *mail,
                    recipients: Vec::new(),
                    content: Vec::new(),
                    memory: Vec::new(),
                    overflown: false,
                });
                session.accept();
            }
            Event::Recipient(rcpt) => {
                if let Some(open) = &mut self.open {
                    open.recipients.push(*rcpt);
                }
                session.accept();
            }
            Event::Chunk(octets) => self.chunk(&octets),
            Event::EndOfMessage { .. } => self.end(session).await,
            Event::Hello { .. } | Event::Reset | Event::Closed { .. } => self.open = None,
            // No mechanism is offered.
            Event::AuthPlain(_) => session.authenticated(false),
            Event::ScramKeys { .. } => session.scram_keys(None),
            Event::Authenticated { .. } => {}
        }
    }
}

impl Guest {
    fn chunk(&mut self, octets: &[u8]) {
        let Some(open) = &mut self.open else { return };
        if open.overflown {
            return;
        }
        let count = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        match self.shared.memory.clone().try_acquire_many_owned(count) {
            Ok(permit) => {
                match open.memory.first_mut() {
                    Some(first) => first.merge(permit),
                    None => open.memory.push(permit),
                }
                open.content.extend_from_slice(octets);
            }
            Err(_) => {
                open.overflown = true;
                open.content = Vec::new();
                open.memory.clear();
            }
        }
    }

    async fn end(&mut self, session: &mut Server) {
        let Some(open) = self.open.take() else {
            return session.reply(Reply::new(451, (4, 3, 0), "There is no message"));
        };
        if open.overflown {
            return session.reply(Reply::new(452, (4, 3, 1), "Too many octets are coming in at once"));
        }
        let faults = &self.shared.setting.faults;
        if !faults.delay.is_zero() {
            tokio::time::sleep(faults.delay).await;
        }
        let (number, fate) = {
            let mut drawn = self.shared.drawn.lock().unwrap_or_else(PoisonError::into_inner);
            drawn.0 += 1;
            (drawn.0, faults.next(&mut drawn.1))
        };
        let arrival = Arrival {
            number,
            at: clock::now(),
            remote: self.remote,
            mail: open.mail,
            recipients: open.recipients,
            content: open.content.into(),
            fate,
        };
        if self.shared.arrivals.send(arrival).await.is_err() {
            return session.reply(Reply::new(421, (4, 3, 2), "The simulation ends"));
        }
        match fate {
            // The session owes the reply for ever.
            Fate::Dropped => drop(self.hang_up.send_replace(true)),
            Fate::Refused(code) => {
                let class = if code < 500 { 4 } else { 5 };
                session.reply(Reply::new(code, (class, 3, 0), "Refused on request"));
            }
            Fate::Taken => session.accept(),
        }
    }
}
