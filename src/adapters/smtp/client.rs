//! One connection to a next hop: found, opened, used for as many messages as there are, closed.
//!
//! The protocol is in `cedrat_wire_mail::smtp::client`; what is written is made by
//! [`crate::pump::compose`], and what the replies mean by [`crate::pump::settle`].

use std::{sync::Arc, time::Duration};

use cedrat_message::{Blame, Reason, Refusal};
use cedrat_mime::downgrade::seven_bit;
use cedrat_wire_mail::smtp::{
    Credentials as Login, Protocol as Wire, Reply,
    client::{Cause, Client, Config, Delivery, Event, NotPassedOn, Outcome, Refused, Stage, Tls},
};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;

use crate::{
    config::{NextHop, Peer, PeerProtocol, TlsMode},
    drive::{self, Ended, Host, TlsFacts, TlsSide},
    events,
    gateway::{Gateway, Settings},
    media::guard,
    pump::{
        Batch, Destination, Next,
        compose::{self, Composed, Unsent},
        settle,
    },
};

/// How long a connection without work stays open.
const IDLE: Duration = Duration::from_secs(5);

/// How long making a TCP connection may take.
const CONNECT: Duration = Duration::from_secs(30);

/// Tries the hosts in turn, and sends what waits for the destination until nothing does. `Ok` once one of them was
/// ready for messages.
///
/// # Errors
/// Why none of them was.
pub async fn connect(
    gateway: &Arc<Gateway>,
    settings: &Arc<Settings>,
    peer: &Peer,
    destination: &Arc<Destination>,
) -> Result<(), Refusal> {
    let hosts = match (&peer.next_hop, destination.domain()) {
        (Some(NextHop::Host(host, port)), _) => vec![(host.clone(), *port)],
        (Some(NextHop::Mx), Some(domain)) => {
            let hosts = settings.resolver.exchangers(domain).await?;
            hosts.into_iter().map(|host| (host, peer.mx_port)).collect()
        }
        _ => {
            return Err(Refusal::new(
                Reason::NoRoute,
                Blame::Policy,
                format!("peer {} has no next hop", peer.id),
            ));
        }
    };
    let guarded = peer.next_hop == Some(NextHop::Mx) && !peer.mx_private;
    let mut last = None;
    for (host, port) in hosts {
        let addresses = match settings.resolver.addresses(&host, port).await {
            Ok(addresses) => addresses,
            Err(refusal) => {
                last = Some(refusal);
                continue;
            }
        };
        for address in addresses {
            if guarded && !guard::is_public(address.ip()) {
                last = Some(Refusal::new(
                    Reason::NotPermitted,
                    Blame::NextHop,
                    format!("{host} is at {address}, which is not on the Internet"),
                ));
                continue;
            }
            let stream = match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(fault)) => {
                    last = Some(unavailable(&format!("{host} at {address}: {fault}")));
                    continue;
                }
                Err(_) => {
                    last = Some(unavailable(&format!("{host} at {address}: no connection within 30 s")));
                    continue;
                }
            };
            match speak(gateway, settings, peer, destination, stream, &host, peer.tls.mode).await {
                Ok(()) => return Ok(()),
                Err(TlsFailed::Yes(refusal)) if peer.tls.mode == TlsMode::Opportunistic => {
                    // RFC 7435: what cannot be encrypted goes in clear text rather than not at all.
                    last = Some(refusal);
                    if let Ok(Ok(stream)) = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
                        let again =
                            speak(gateway, settings, peer, destination, stream, &host, TlsMode::None).await;
                        match again {
                            Ok(()) => return Ok(()),
                            Err(TlsFailed::Yes(refusal) | TlsFailed::No(refusal)) => last = Some(refusal),
                        }
                    }
                }
                Err(TlsFailed::Yes(refusal) | TlsFailed::No(refusal)) => last = Some(refusal),
            }
        }
    }
    Err(last.unwrap_or_else(|| unavailable("it has no address")))
}

fn unavailable(detail: &str) -> Refusal {
    Refusal::new(Reason::NextHopUnavailable, Blame::NextHop, detail)
}

enum TlsFailed {
    No(Refusal),
    Yes(Refusal),
}

async fn speak(
    gateway: &Arc<Gateway>,
    settings: &Arc<Settings>,
    peer: &Peer,
    destination: &Arc<Destination>,
    stream: TcpStream,
    host: &str,
    mode: TlsMode,
) -> Result<(), TlsFailed> {
    let mut config = Config::new(settings.config.host.clone());
    config.protocol = if peer.protocol == PeerProtocol::Lmtp { Wire::Lmtp } else { Wire::Smtp };
    config.tls = match mode {
        TlsMode::Implicit => Tls::Implicit,
        TlsMode::None => Tls::None,
        TlsMode::Opportunistic => Tls::Opportunistic,
        TlsMode::Verify => Tls::Required,
    };
    config.auth =
        peer.credentials.as_ref().map(|login| Login::new(&login.user, login.password.expose().to_owned()));
    config.auth_in_clear = peer.auth_in_clear;
    let name = peer.tls.name.as_deref().unwrap_or(host).trim_matches(['[', ']']).to_owned();
    let side = match (settings.client_tls.get(&peer.id), ServerName::try_from(name)) {
        (Some(config), Ok(name)) if mode != TlsMode::None => TlsSide::Connect(config.clone(), name),
        _ => TlsSide::None,
    };
    if matches!(side, TlsSide::None) {
        config.tls = Tls::None;
    }
    let mut sender = Sender {
        gateway,
        settings,
        peer,
        destination,
        current: None,
        ready: false,
        idle: true,
        sent: 0,
        tls: None,
        failure: None,
    };
    let mut session = Client::new(config, crate::clock::entropy());
    // A stopping gateway lets a delivery finish: the queue gives no more work, and time is bounded.
    let (_never, running) = tokio::sync::watch::channel(false);
    let implicit = mode == TlsMode::Implicit;
    let ended = drive::drive(&mut session, stream, side, implicit, &mut sender, running).await;
    let Sender { current, ready, idle, failure, .. } = sender;
    if let Some((batch, composed)) = current {
        // The session ended without a word about it.
        let reply = Reply::new(451, (4, 4, 2), "Connection lost");
        let recipients = vec![Delivery::Temporary { reply }; composed.submission.recipients.len()];
        let outcome = Outcome { recipients, not_passed_on: NotPassedOn::default() };
        settle_in_background(gateway, settings, destination, batch, composed, outcome, None);
    }
    if ready {
        destination.closed(idle);
        return Ok(());
    }
    match ended {
        Ended::Tls(why) => Err(TlsFailed::Yes(Refusal::new(
            Reason::TlsUnavailable,
            Blame::NextHop,
            format!("{host}: TLS handshake failed: {why}"),
        ))),
        ended => Err(TlsFailed::No(failure.unwrap_or_else(|| unavailable(&format!("{host}: {ended}"))))),
    }
}

/// The connection goes on with the next message while the outcome of this one is committed.
fn settle_in_background(
    gateway: &Arc<Gateway>,
    settings: &Arc<Settings>,
    destination: &Arc<Destination>,
    batch: Batch,
    composed: Composed,
    outcome: Outcome,
    tls: Option<String>,
) {
    let (gateway, settings, destination) = (gateway.clone(), settings.clone(), destination.clone());
    gateway.clone().tasks.spawn(async move {
        if let Some(peer) = settings.peer(destination.peer()) {
            settle::outcome(&gateway, &settings, peer, &batch, &composed, &outcome, tls.as_deref()).await;
        }
        for key in &composed.flights {
            gateway.flights.land(key);
        }
        destination.done(&batch);
    });
}

struct Sender<'a> {
    gateway: &'a Arc<Gateway>,
    settings: &'a Arc<Settings>,
    peer: &'a Peer,
    destination: &'a Arc<Destination>,
    current: Option<(Batch, Composed)>,
    ready: bool,
    /// Whether the destination counts this connection as waiting for work.
    idle: bool,
    sent: u32,
    tls: Option<String>,
    failure: Option<Refusal>,
}

impl Sender<'_> {
    /// Takes work until some of it could be handed to the session.
    async fn next(&mut self, session: &mut Client) {
        loop {
            if self.sent >= self.peer.max_per_connection {
                return session.quit();
            }
            let batch = match self.destination.next(self.gateway, IDLE).await {
                Next::Close => return session.quit(),
                Next::Send(batch) => batch,
            };
            self.idle = false;
            let overdue = batch.jobs.first().is_some_and(|job| job.overdue);
            if overdue && !settle::overdue(self.gateway, self.peer, &batch).await {
                self.destination.done(&batch);
                self.destination.idle_again();
                self.idle = true;
                continue;
            }
            self.destination.leave().await;
            let composed = compose::compose(self.gateway, self.settings, self.peer, &batch).await;
            let unsent = match composed {
                Ok(mut composed) => match self.send(session, &mut composed, &batch) {
                    Ok(()) => {
                        self.sent += 1;
                        for key in &composed.flights {
                            self.gateway.flights.start(key.clone());
                        }
                        self.current = Some((batch, composed));
                        return;
                    }
                    Err(refused) => Unsent::Refused(refusal(refused)),
                },
                Err(unsent) => unsent,
            };
            match unsent {
                Unsent::Refused(refusal) => settle::failed(self.gateway, &batch, &refusal).await,
                Unsent::Waits(waiting) => settle::wait(self.gateway, &batch, &waiting).await,
            }
            self.destination.done(&batch);
            self.destination.idle_again();
            self.idle = true;
        }
    }
}

impl Sender<'_> {
    /// Hands a transaction to the session; what the next hop cannot take as it is, is sent as it can.
    fn send(&self, session: &mut Client, composed: &mut Composed, batch: &Batch) -> Result<(), Refused> {
        match session.send(composed.transaction()) {
            Err(Refused::NeedsDeliverBy) => {
                // Few systems on the Internet offer DELIVERBY. The expiry is the sender's wish about
                // usefulness, which the queue here keeps to; no reason to return the message.
                composed.submission.deliver_by = None;
                self.tell_loss(batch, "expiry", "dropped", "The next hop does not offer DELIVERBY.");
                self.send(session, composed, batch)
            }
            Err(Refused::NeedsDowngrade) => {
                let domain = &self.settings.config.mail.number_domain;
                let content = &composed.submission.content;
                let convert = |content: &_| seven_bit(content, &cedrat_mime::Limits::default());
                composed.submission.content = self
                    .settings
                    .signers
                    .signed_again(domain, content, convert)
                    .map_err(|_| Refused::NeedsDowngrade)?;
                composed.submission.eight_bit = false;
                composed.submission.binary = false;
                self.tell_loss(
                    batch,
                    "content",
                    "lossy",
                    "Encoded again for a next hop that takes ASCII only.",
                );
                // What is ASCII now cannot come here twice; DELIVERBY may still be missing.
                self.send(session, composed, batch)
            }
            other => other,
        }
    }

    fn tell_loss(&self, batch: &Batch, field: &'static str, fidelity: &'static str, note: &str) {
        let to = compose::protocol(self.peer).token();
        self.gateway.events.tell(&events::Event::Loss {
            message: batch.loaded().map_or(0, |loaded| loaded.id),
            peer: self.peer.id.clone(),
            loss: vec![events::LossNote { from: "canonical", to, field, fidelity, note: note.to_owned() }],
        });
    }
}

/// Why a message does not fit this next hop.
fn refusal(refused: Refused) -> Refusal {
    let (reason, detail) = match refused {
        Refused::NeedsDeliverBy => (Reason::Expired, "the next hop cannot keep the delivery time"),
        Refused::NeedsDowngrade => (Reason::ContentNotAccepted, "the next hop takes ASCII only"),
        Refused::NeedsRequireTls => (Reason::EncryptionRequired, "the next hop does not offer REQUIRETLS"),
        Refused::NeedsSmtpUtf8 => (Reason::AddressMalformed, "the next hop does not offer SMTPUTF8"),
        Refused::TooLarge(_) => (Reason::MessageTooLarge, "larger than the next hop's SIZE"),
        Refused::NoRecipients | Refused::NotReady | Refused::Parameter => {
            (Reason::SystemFault, "the session did not take the transaction")
        }
    };
    Refusal::new(reason, Blame::NextHop, detail)
}

/// What a failed connection means for the messages that wait for it.
fn failure(stage: Stage, cause: &Cause) -> Refusal {
    let (reason, detail) = match cause {
        Cause::AuthInClear => (Reason::TlsUnavailable, "our password would go in clear text".to_owned()),
        Cause::AuthNotOffered => (Reason::TryLater, "it offers no AUTH that we know".to_owned()),
        Cause::TlsNotOffered => (Reason::TlsUnavailable, "it does not offer STARTTLS".to_owned()),
        Cause::NotGenuine => (Reason::TryLater, "it did not prove that it knows our password".to_owned()),
        Cause::Timeout => (Reason::NextHopUnavailable, "it did not answer in time".to_owned()),
        Cause::Ended => (Reason::ConnectionLost, "it closed the connection".to_owned()),
        Cause::Malformed(_) => (Reason::NextHopUnavailable, "its answer is not SMTP".to_owned()),
        Cause::Reply(reply) => (Reason::NextHopUnavailable, reply.to_string()),
    };
    Refusal::new(reason, Blame::NextHop, format!("{stage:?}: {detail}"))
}

impl Host<Client> for Sender<'_> {
    async fn event(&mut self, event: Event, session: &mut Client) {
        match event {
            Event::Ready { .. } => {
                if !self.ready {
                    self.ready = true;
                    self.destination.answered();
                }
                self.next(session).await;
            }
            Event::Outcome(outcome) => {
                if let Some((batch, composed)) = self.current.take() {
                    self.destination.answered();
                    self.destination.idle_again();
                    self.idle = true;
                    let (gateway, settings, tls) = (self.gateway, self.settings, self.tls.clone());
                    settle_in_background(gateway, settings, self.destination, batch, composed, *outcome, tls);
                }
            }
            Event::Failed { stage, cause } => self.failure = Some(failure(stage, &cause)),
        }
    }

    fn secured(&mut self, facts: TlsFacts, _session: &mut Client) {
        self.tls = Some(facts.summary);
    }
}
