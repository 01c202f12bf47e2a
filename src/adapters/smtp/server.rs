//! One incoming connection: who it is, which transactions it may make, and the reply to each.
//!
//! The protocol is in `cedrat_wire_mail::smtp::server`; what a complete message means is in
//! [`crate::intake`]. This file holds the order of the questions: peer, rate, size, recipients,
//! and only then content.

use std::{net::SocketAddr, sync::Arc};

use cedrat_message::{Blame, Reason, Refusal};
use cedrat_relay::peer::{Caller, Identity, identify};
use cedrat_wire_mail::smtp::{
    Extensions, FutureRelease, LineEnds, Mechanism, Protocol as Wire, Reply, ScramKeys,
    server::{Closing, Config, Event, Server, Tls},
};
use tokio::{net::TcpStream, sync::OwnedSemaphorePermit};

use super::listener::Side;
use crate::{
    clock,
    config::{Peer, PeerProtocol},
    drive::{self, Host, TlsFacts, TlsSide},
    events::{self, Protocol},
    gateway::{Gateway, SessionPlace, Settings},
    intake::{self, Transaction},
};

/// Iterations of SCRAM keys made from configured passwords (RFC 7677 §4).
const SCRAM_ITERATIONS: u32 = 4096;

/// Longest that a submitted message may be held, seconds.
const HOLD: u32 = 7 * 86_400;

/// Serves a connection to its end.
pub async fn serve(gateway: Arc<Gateway>, stream: TcpStream, remote: SocketAddr, side: Side, implicit: bool) {
    let settings = gateway.settings();
    let mut caller = Connection {
        id: clock::token().get(..12).unwrap_or_default().to_owned(),
        place: None,
        settings: settings.clone(),
        gateway: gateway.clone(),
        remote,
        side,
        peer: None,
        pending: false,
        names: Vec::new(),
        user: None,
        helo: String::new(),
        tls: None,
        transaction: None,
        memory: Vec::new(),
        messages: 0,
        closing: None,
    };
    let mut config = caller.session_config(implicit);
    match gateway.open_session(settings.config.limits.max_sessions) {
        Ok(place) => {
            caller.place = Some(place);
            if let Err(refusal) = caller.identify() {
                caller.refused(&refusal);
                config.reject = Some(intake::greeting(&settings.tables, &refusal));
            } else if let Some(peer) = caller.peer() {
                caller.apply(peer, &mut config);
            }
            // Who still has to prove itself, by certificate or password, is told so at MAIL.
        }
        Err(refusal) => {
            caller.refused(&refusal);
            config.reject = Some(intake::greeting(&settings.tables, &refusal));
        }
    }
    let tls = settings.server_tls.clone().map_or(TlsSide::None, TlsSide::Accept);
    let mut session = Server::new(config, clock::entropy());
    let ended =
        drive::drive(&mut session, stream, tls, implicit, &mut caller, gateway.shutdown.subscribe()).await;
    caller.close(&ended);
}

struct Connection {
    id: String,
    place: Option<SessionPlace>,
    settings: Arc<Settings>,
    gateway: Arc<Gateway>,
    remote: SocketAddr,
    side: Side,
    /// Index into the peers of the configuration.
    peer: Option<usize>,
    /// Whether it may still become a peer.
    pending: bool,
    names: Vec<String>,
    user: Option<String>,
    helo: String,
    tls: Option<String>,
    transaction: Option<Transaction>,
    memory: Vec<OwnedSemaphorePermit>,
    messages: u64,
    closing: Option<Closing>,
}

impl Connection {
    fn peer(&self) -> Option<&Peer> {
        self.settings.config.peers.get(self.peer?)
    }

    fn protocol(&self) -> Protocol {
        match self.side {
            Side::Lmtp => Protocol::Lmtp,
            Side::Mail | Side::Submission => Protocol::Mail,
            Side::Mm4 => Protocol::Mm4,
        }
    }

    fn session_config(&self, implicit: bool) -> Config {
        let own = &self.settings.config;
        let mut config = Config::new(own.host.clone());
        config.protocol = if self.side == Side::Lmtp { Wire::Lmtp } else { Wire::Smtp };
        config.mms_addresses = self.side == Side::Mm4;
        config.tls = match (&self.settings.server_tls, implicit) {
            (_, true) => Tls::On,
            (Some(_), false) => Tls::Available,
            (None, false) => Tls::Off,
        };
        config.limits.max_octets =
            if self.side == Side::Mm4 { own.mm4.max_octets } else { own.mail.max_octets };
        config.limits.max_recipients = usize::try_from(own.limits.max_recipients).unwrap_or(usize::MAX);
        config.unknown_user_secret.copy_from_slice(&self.gateway.unknown_user_secret);
        config.scram_iterations = SCRAM_ITERATIONS;
        let mut extensions = Extensions::common();
        extensions.require_tls = true;
        if self.side == Side::Mm4 {
            // Reports are PDUs there, and peers of the interconnect send ASCII envelopes.
            extensions.dsn = false;
            extensions.smtputf8 = false;
        } else {
            extensions.deliver_by = Some(0);
            extensions.mt_priority = true;
        }
        if self.side == Side::Submission {
            extensions.future_release = Some(FutureRelease {
                max_seconds: HOLD,
                max_time: cedrat_wire_mms::date::rfc3339(clock::now().plus_seconds(u64::from(HOLD)).0),
            });
            config.require_auth = true;
        }
        config.extensions = extensions;
        let mut candidates = self.candidates();
        if candidates.any(|peer| !peer.users.is_empty()) {
            config.mechanisms = Mechanism::ALL.to_vec();
        }
        config.auth_in_clear = self.candidates().any(|peer| peer.auth_in_clear && !peer.users.is_empty());
        config
    }

    /// The peers that may connect to this port.
    fn candidates(&self) -> impl Iterator<Item = &Peer> {
        let mm4 = self.side == Side::Mm4;
        self.settings.config.peers.iter().filter(move |peer| (peer.protocol == PeerProtocol::Mm4) == mm4)
    }

    fn apply(&self, peer: &Peer, config: &mut Config) {
        if peer.line_ends_normalize {
            config.line_ends = LineEnds::Normalize;
        }
        if let Some(octets) = peer.policy.limits.max_octets {
            config.limits.max_octets = config.limits.max_octets.min(octets);
        }
    }

    /// Finds out who it is from what is known so far.
    fn identify(&mut self) -> Result<(), Refusal> {
        let [mm4, mail] = &self.settings.policies;
        let policies = if self.side == Side::Mm4 { mm4 } else { mail };
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let caller = Caller { source: self.remote.ip(), tls_names: &names, auth_user: self.user.as_deref() };
        let found = match identify(policies, caller) {
            Identity::Known(peer) => Some(peer.id.clone()),
            Identity::Pending { .. } => {
                self.pending = true;
                return Ok(());
            }
            Identity::Ambiguous(peers) => {
                let peers: Vec<&str> = peers.iter().map(|peer| peer.id.as_str()).collect();
                return Err(Refusal::new(
                    Reason::NotPermitted,
                    Blame::Ours,
                    format!("{} could be any of the peers {}", self.remote.ip(), peers.join(", ")),
                ));
            }
            Identity::Unknown => None,
        };
        let Some(id) = found else {
            return Err(Refusal::new(
                Reason::NotPermitted,
                Blame::Peer,
                format!(
                    "{} is the address of no peer; `allow_ip` of a [[peer]] would name it",
                    self.remote.ip()
                ),
            ));
        };
        let index = self.settings.config.peers.iter().position(|peer| peer.id == id);
        if self.peer == index {
            return Ok(());
        }
        self.leave();
        if let Some(peer) = index.and_then(|index| self.settings.config.peers.get(index)) {
            self.gateway.with_usage(&id, |usage| peer.policy.admit_connection(usage))?;
            self.peer = index;
            self.gateway.events.tell(&events::Event::SessionOpened {
                session: self.id.clone(),
                peer: id,
                protocol: self.protocol(),
                address: self.remote.to_string(),
            });
        }
        Ok(())
    }

    fn leave(&mut self) {
        if let Some(peer) = self.peer.take().and_then(|index| self.settings.config.peers.get(index)) {
            self.gateway.with_usage(&peer.id, cedrat_relay::peer::Usage::closed);
        }
    }

    fn refused(&self, refusal: &Refusal) {
        self.gateway.events.tell(&events::Event::SessionRefused {
            address: self.remote.to_string(),
            protocol: self.protocol(),
            reason: refusal.reason.into(),
        });
        self.tell_rejection("connect", refusal);
    }

    fn tell_rejection(&self, stage: &'static str, refusal: &Refusal) {
        self.gateway.events.tell(&events::Event::Rejection {
            session: self.id.clone(),
            peer: self.peer().map_or_else(|| "unknown".into(), |peer| peer.id.clone()),
            protocol: self.protocol(),
            stage,
            reason: refusal.reason.into(),
            detail: refusal.detail.for_operator().to_owned(),
        });
    }

    fn close(&mut self, ended: &drive::Ended) {
        let peer = self.peer().map(|peer| peer.id.clone());
        self.leave();
        if let Some(peer) = peer {
            let why = self.closing.map_or_else(|| ended.to_string(), |closing| format!("{closing:?}"));
            self.gateway.events.tell(&events::Event::SessionClosed {
                session: self.id.clone(),
                peer,
                protocol: self.protocol(),
                messages: self.messages,
                why,
            });
        }
        self.place = None;
    }

    fn refuse(&self, stage: &'static str, refusal: &Refusal, session: &mut Server) {
        self.tell_rejection(stage, refusal);
        session.reply(intake::reply(&self.settings.tables, refusal));
    }

    fn origin(&self) -> Option<intake::Source<'_>> {
        Some(intake::Source {
            gateway: &self.gateway,
            settings: &self.settings,
            peer: self.peer()?,
            side: self.side,
            session: &self.id,
            remote: self.remote.ip(),
            helo: &self.helo,
            tls: self.tls.as_deref(),
        })
    }

    fn mail(&mut self, mail: cedrat_wire_mail::smtp::Mail, session: &mut Server) {
        let Some(source) = self.origin() else {
            let refusal = Refusal::new(
                Reason::AuthenticationRequired,
                Blame::Peer,
                "it has not proved which peer it is",
            );
            return self.refuse("mail", &refusal, session);
        };
        let begun = Transaction::begin(&source, mail);
        let admitted = begun.and_then(|transaction| {
            let now = clock::now();
            let peer = source.peer;
            self.gateway
                .with_usage(&peer.id, |usage| {
                    peer.policy.admit_message(usage, transaction.sender(), transaction.declared(), now)
                })
                .map(|()| transaction)
        });
        match admitted {
            Ok(transaction) => {
                self.transaction = Some(transaction);
                session.accept();
            }
            Err(refusal) => self.refuse("mail", &refusal, session),
        }
    }

    async fn recipient(&mut self, rcpt: cedrat_wire_mail::smtp::Rcpt, session: &mut Server) {
        let Some(mut transaction) = self.transaction.take() else {
            return session.reply(Reply::new(503, (5, 5, 1), "MAIL first"));
        };
        let result = match self.origin() {
            Some(source) => transaction.recipient(&source, rcpt).await,
            None => Err(Refusal::new(Reason::SystemFault, Blame::Ours, "a recipient without a peer")),
        };
        self.transaction = Some(transaction);
        match result {
            Ok(()) => session.accept(),
            Err(refusal) => self.refuse("rcpt", &refusal, session),
        }
    }

    fn chunk(&mut self, octets: &[u8]) {
        let Some(transaction) = &mut self.transaction else { return };
        if transaction.refused.is_some() {
            return;
        }
        let needed = (transaction.content.len() + octets.len()) as u64;
        if needed > transaction.reserved {
            // Grow in steps, so that small messages cost one permit.
            let announced = transaction.declared().unwrap_or(0).min(self.settings.config.mail.max_octets);
            let step = (needed.max(announced) - transaction.reserved).max(64 * 1024);
            match self.gateway.memory(step) {
                Ok(permit) => {
                    self.memory.push(permit);
                    transaction.reserved += step;
                }
                Err(refusal) => {
                    transaction.content = Vec::new();
                    transaction.refused = Some(refusal);
                    return;
                }
            }
        }
        if transaction.content.is_empty() {
            // What was announced is there at once; what is reserved bounds a lie.
            let announced = transaction.declared().unwrap_or(0).min(transaction.reserved);
            transaction.content.reserve(usize::try_from(announced).unwrap_or(0));
        }
        transaction.content.extend_from_slice(octets);
    }

    async fn end_of_message(&mut self, session: &mut Server) {
        let Some(transaction) = self.transaction.take() else {
            return session.reply(Reply::new(451, (4, 3, 0), "Message was lost, send it again"));
        };
        let count = transaction.accepted();
        let taken = match self.origin() {
            Some(source) => intake::take(&source, transaction).await,
            None => Err(Refusal::new(Reason::SystemFault, Blame::Ours, "a message without a peer")),
        };
        self.memory.clear();
        match taken {
            Ok(taken) => {
                self.messages += 1;
                let words = if taken == 0 { "Taken".to_owned() } else { format!("Stored as {taken:x}") };
                let reply = Reply::new(250, (2, 0, 0), words);
                if self.side == Side::Lmtp {
                    session.reply_each(vec![reply; count]);
                } else {
                    session.reply(reply);
                }
            }
            Err(refusal) => self.refuse("message", &refusal, session),
        }
    }

    fn password_is_right(&self, user: &str, password: &str) -> bool {
        // Every candidate is compared, so that the time says nothing of which user exists.
        let mut right = false;
        for (name, secret) in self.candidates().flat_map(|peer| &peer.users) {
            let same = constant_time_eq(secret.expose().as_bytes(), password.as_bytes());
            right |= same & (name == user);
        }
        right
    }

    fn scram_keys(&self, user: &str) -> Option<ScramKeys> {
        let (_, secret) = self.candidates().flat_map(|peer| &peer.users).find(|(name, _)| name == user)?;
        Some(ScramKeys::derive(secret.expose(), &clock::random().to_ne_bytes(), SCRAM_ITERATIONS))
    }
}

fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    let mut different = u8::from(a.len() != b.len());
    for (index, octet) in a.iter().enumerate() {
        different |= octet ^ b.get(index).copied().unwrap_or(!octet);
    }
    std::hint::black_box(different) == 0
}

impl Host<Server> for Connection {
    async fn event(&mut self, event: Event, session: &mut Server) {
        match event {
            Event::Hello { domain, .. } => {
                self.helo = domain;
                self.drop_transaction();
            }
            Event::AuthPlain(credentials) => {
                let acts_for_itself =
                    credentials.authzid.as_ref().is_none_or(|id| *id == credentials.authcid);
                let right = acts_for_itself
                    && self.password_is_right(&credentials.authcid, credentials.password.expose());
                session.authenticated(right);
            }
            Event::ScramKeys { user, authzid } => {
                let keys = if authzid.is_none_or(|id| id == user) { self.scram_keys(&user) } else { None };
                session.scram_keys(keys);
            }
            Event::Authenticated { user } => {
                self.user = Some(user);
                if let Err(refusal) = self.identify() {
                    self.tell_rejection("auth", &refusal);
                }
            }
            Event::Mail(mail) => self.mail(*mail, session),
            Event::Recipient(rcpt) => self.recipient(*rcpt, session).await,
            Event::Chunk(octets) => self.chunk(&octets),
            Event::EndOfMessage { .. } => self.end_of_message(session).await,
            Event::Reset => self.drop_transaction(),
            Event::Closed { reason } => {
                self.closing = Some(reason);
                self.drop_transaction();
            }
        }
    }

    fn secured(&mut self, facts: TlsFacts, session: &mut Server) {
        self.tls = Some(facts.summary);
        self.names = facts.client_names;
        if (self.pending || !self.names.is_empty())
            && let Err(refusal) = self.identify()
        {
            self.tell_rejection("tls", &refusal);
            if self.peer.is_none() {
                session.shut_down();
            }
        }
    }

    fn stopping(&mut self, session: &mut Server) {
        session.shut_down();
    }
}

impl Connection {
    fn drop_transaction(&mut self) {
        self.transaction = None;
        self.memory.clear();
    }
}
