//! The client side of SMTP and LMTP: from the greeting to one outcome for each recipient
//! (RFC 5321 section 3.3, RFC 2920, RFC 3030, RFC 2033).
//!
//! Sends only parameters that the next hop offers, reports what it could not pass on, and never
//! guesses: a connection lost after the end of the message is [`Delivery::Uncertain`]. It does
//! not choose hosts, verify certificates, retry or downgrade content.

mod auth;
mod config;
mod event;
mod transaction;

pub use config::{Config, Limits, Tls};
pub use event::{Cause, Delivery, Event, NotPassedOn, Outcome, Refused, Stage, Transaction};

use super::{Extensions, Malformed, Protocol, Reply, input::Input, reply::ReplyReader};
use alloc::{boxed::Box, collections::VecDeque, string::String, vec::Vec};
use auth::Exchange;
use cedrat_sasl::Secret;
use cedrat_session::{Instant, Session, Step};
use transaction::{Part, Running};

/// One connection, seen from the client.
#[derive(Debug)]
pub struct Client {
    config: Config,
    entropy: Secret,
    reader: ReplyReader,
    /// Octets behind the reply that is being worked on.
    input: Input,
    steps: VecDeque<Step<Event>>,
    phase: Phase,
    extensions: Extensions,
    secure: bool,
    /// The last transaction was left open at the next hop.
    needs_reset: bool,
    quitting: bool,
    ended: bool,
    /// Since when the next hop owes a reply, or a piece of the message is being written.
    since: Option<Instant>,
}

#[derive(Debug)]
enum Phase {
    Auth(Exchange),
    Closed,
    Ehlo,
    Greeting,
    /// The TLS handshake is under way.
    Handshake,
    Helo,
    Quit,
    Ready,
    Running(Box<Running>),
    StartTls,
}

impl Client {
    /// A session for a new connection. `entropy` must be fresh random octets: the nonce of SCRAM
    /// is made of it.
    #[must_use]
    pub fn new(config: Config, entropy: [u8; 32]) -> Self {
        Self {
            secure: config.tls == Tls::Implicit,
            config,
            entropy: Secret::new(entropy),
            reader: ReplyReader::default(),
            input: Input::default(),
            steps: VecDeque::new(),
            phase: Phase::Greeting,
            extensions: Extensions::default(),
            needs_reset: false,
            quitting: false,
            ended: false,
            since: None,
        }
    }

    /// Whether [`Client::send`] may be called.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready) && !self.quitting && !self.ended
    }

    /// Whether TLS is on.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// What the next hop offers, as of its last EHLO answer.
    #[must_use]
    pub const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Begins to hand a message over; its [`Event::Outcome`] follows.
    ///
    /// # Errors
    /// When the next hop cannot take the message as it is, or the session is not ready. Nothing
    /// has been written then.
    pub fn send(&mut self, transaction: Transaction) -> Result<(), Refused> {
        if !self.is_ready() {
            return Err(Refused::NotReady);
        }
        let running =
            Running::plan(transaction, &self.extensions, &self.config, self.secure, self.needs_reset)?;
        self.needs_reset = false;
        self.since = None;
        self.phase = Phase::Running(Box::new(running));
        Ok(())
    }

    /// Says QUIT and closes as soon as the session is ready, so after the present transaction.
    pub fn quit(&mut self) {
        self.quitting = true;
    }

    fn write(&mut self, line: impl Into<Vec<u8>>) {
        self.since = None;
        self.steps.push_back(Step::Send(line.into()));
    }

    fn command(&mut self, verb: &str, argument: &str) {
        let mut line = String::with_capacity(verb.len() + argument.len() + 3);
        line.push_str(verb);
        line.push(' ');
        line.extend(argument.chars().filter(|char| !char.is_control()));
        line.push_str("\r\n");
        self.write(line);
    }

    fn say_hello(&mut self) {
        let verb = match self.config.protocol {
            Protocol::Lmtp => "LHLO",
            Protocol::Smtp => "EHLO",
        };
        let name = self.config.helo.clone();
        self.command(verb, &name);
        self.phase = Phase::Ehlo;
    }

    fn ready(&mut self) {
        self.phase = Phase::Ready;
        self.since = None;
        if !self.quitting {
            self.steps.push_back(Step::Event(Event::Ready { extensions: Box::new(self.extensions.clone()) }));
        }
    }

    /// After a hello: TLS if it is wanted and missing, then AUTH.
    fn after_hello(&mut self) {
        match self.config.tls {
            Tls::Opportunistic | Tls::Required if !self.secure && self.extensions.starttls => {
                self.write("STARTTLS\r\n");
                self.phase = Phase::StartTls;
            }
            Tls::Required if !self.secure => self.fail(Cause::TlsNotOffered),
            _ => self.start_auth(),
        }
    }

    fn stage(&self) -> Stage {
        match &self.phase {
            Phase::Auth(_) => Stage::Auth,
            Phase::Closed | Phase::Quit | Phase::Ready => Stage::Ready,
            Phase::Ehlo | Phase::Helo => Stage::Hello,
            Phase::Greeting => Stage::Greeting,
            Phase::Handshake | Phase::StartTls => Stage::StartTls,
            Phase::Running(running) => running.stage(),
        }
    }

    /// Ends the connection; a transaction gets its outcome first.
    fn fail(&mut self, cause: Cause) {
        let stage = self.stage();
        let polite =
            !matches!(cause, Cause::Ended | Cause::Timeout | Cause::Malformed(_)) && stage != Stage::Body;
        if let Phase::Running(running) = core::mem::replace(&mut self.phase, Phase::Closed) {
            let outcome = running.broken(&cause);
            self.steps.push_back(Step::Event(Event::Outcome(Box::new(outcome))));
        }
        if polite {
            self.write("QUIT\r\n");
        }
        self.steps.push_back(Step::Event(Event::Failed { stage, cause }));
        self.close();
    }

    fn close(&mut self) {
        self.phase = Phase::Closed;
        self.input.clear();
        self.steps.push_back(Step::Close);
    }

    fn read_reply(&mut self) -> bool {
        let (used, reply) = self.reader.read(self.input.octets());
        self.input.consume(used);
        match reply {
            None => false,
            Some(Ok(reply)) => {
                self.since = None;
                self.replied(reply);
                true
            }
            Some(Err(fault)) => {
                self.malformed(fault);
                true
            }
        }
    }

    fn malformed(&mut self, fault: Malformed) {
        if matches!(self.phase, Phase::Quit) {
            self.close();
        } else {
            self.fail(Cause::Malformed(fault));
        }
    }

    fn replied(&mut self, reply: Reply) {
        match &mut self.phase {
            Phase::Closed | Phase::Handshake => {}
            Phase::Quit => self.close(),
            Phase::Running(running) => match running.replied(reply) {
                Ok(()) => {}
                Err(reply) => self.fail(Cause::Reply(reply)),
            },
            Phase::Auth(_) => self.auth_replied(reply),
            Phase::Greeting if reply.code == 220 => self.say_hello(),
            Phase::Ehlo if reply.is_positive() => {
                self.extensions = Extensions::parse(&reply.text);
                self.after_hello();
            }
            Phase::Ehlo if reply.is_permanent() && self.config.protocol == Protocol::Smtp => {
                self.phase = Phase::Helo;
                let name = self.config.helo.clone();
                self.command("HELO", &name);
            }
            Phase::Helo if reply.is_positive() => {
                self.extensions = Extensions::default();
                self.after_hello();
            }
            Phase::StartTls if reply.code == 220 => {
                self.steps.push_back(Step::StartTls);
                self.phase = Phase::Handshake;
                // Octets behind this reply came in clear text (RFC 3207 section 6).
                self.input.clear();
                self.reader = ReplyReader::default();
            }
            Phase::StartTls if self.config.tls == Tls::Opportunistic && reply.code != 421 => {
                self.start_auth()
            }
            Phase::Ehlo | Phase::Greeting | Phase::Helo | Phase::Ready | Phase::StartTls => {
                self.fail(Cause::Reply(reply));
            }
        }
    }

    /// Moves the transaction on; `false` when it waits.
    fn run(&mut self, now: Instant) -> bool {
        let Phase::Running(running) = &mut self.phase else { return false };
        match running.next(&self.config.limits) {
            Part::Write(octets) => {
                self.since = None;
                self.steps.push_back(Step::Send(octets));
            }
            Part::Piece(octets) => {
                self.since = Some(now);
                self.steps.push_back(Step::Send(octets));
            }
            Part::Wait => return false,
            Part::Done => {
                if let Phase::Running(running) = core::mem::replace(&mut self.phase, Phase::Ready) {
                    let (outcome, needs_reset) = running.finish();
                    self.needs_reset = needs_reset;
                    self.steps.push_back(Step::Event(Event::Outcome(Box::new(outcome))));
                }
                self.ready();
            }
        }
        true
    }

    fn timeout(&self) -> Option<Instant> {
        let limits = &self.config.limits;
        let millis = match &self.phase {
            Phase::Closed | Phase::Handshake | Phase::Ready => return None,
            Phase::Running(running) => match running.stage() {
                Stage::Body => limits.body_ms,
                Stage::EndOfMessage => limits.end_ms,
                _ if running.awaits_data() => limits.data_ms,
                _ => limits.command_ms,
            },
            _ => limits.command_ms,
        };
        Some(self.since?.after(millis))
    }

    /// Writing a piece has taken too long.
    fn writer_is_stuck(&self, now: Instant) -> bool {
        self.stage() == Stage::Body && self.timeout().is_some_and(|at| now >= at)
    }
}

impl Session for Client {
    type Event = Event;

    fn receive(&mut self, octets: &[u8], _now: Instant) {
        if !matches!(self.phase, Phase::Closed | Phase::Handshake) {
            self.input.push(octets);
        }
    }

    fn ended(&mut self, _now: Instant) {
        self.ended = true;
    }

    fn secured(&mut self, _now: Instant) {
        self.secure = true;
        self.input.clear();
        self.reader = ReplyReader::default();
        if matches!(self.phase, Phase::Handshake) {
            self.extensions = Extensions::default();
            self.say_hello();
        }
    }

    fn poll(&mut self, now: Instant) -> Option<Step<Event>> {
        loop {
            if let Some(step) = self.steps.pop_front() {
                return Some(step);
            }
            if matches!(self.phase, Phase::Closed | Phase::Handshake) {
                return None;
            }
            if self.writer_is_stuck(now) {
                self.fail(Cause::Timeout);
                continue;
            }
            // Writing comes before reading: a reply that came too early means the same as in time.
            if !self.ended && self.run(now) {
                continue;
            }
            if self.quitting && matches!(self.phase, Phase::Ready) {
                self.write("QUIT\r\n");
                self.phase = Phase::Quit;
                continue;
            }
            if !self.input.is_empty() && self.read_reply() {
                continue;
            }
            if self.ended {
                if matches!(self.phase, Phase::Quit) {
                    self.close();
                } else {
                    self.fail(Cause::Ended);
                }
                continue;
            }
            self.since.get_or_insert(now);
            if self.timeout().is_none_or(|at| now < at) {
                return None;
            }
            if matches!(self.phase, Phase::Quit) {
                self.close();
            } else {
                self.fail(Cause::Timeout);
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.timeout()
    }
}
