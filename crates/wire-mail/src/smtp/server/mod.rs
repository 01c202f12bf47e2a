//! The server side of SMTP and LMTP: replies of its own for everything that the protocol decides,
//! events for everything that the gateway decides (RFC 5321 section 4).
//!
//! While a decision is pending no further command is looked at; octets that arrive wait, bounded
//! by [`Server::wants_octets`]. Nothing is accepted, stored or routed here.
//!
//! ```
//! use cedrat_session::{Instant, Session, Step};
//! use cedrat_wire_mail::smtp::{Reply, server::{Config, Event, Server}};
//!
//! let mut server = Server::new(Config::new("mx.test"), [0; 32]);
//! server.receive(b"HELO a.test\r\nMAIL FROM:<joe@a.test>\r\n", Instant(0));
//! let mut sent = Vec::new();
//! while let Some(step) = server.poll(Instant(0)) {
//!     match step {
//!         Step::Send(octets) => sent.extend(octets),
//!         Step::Event(Event::Mail(_)) => server.reply(Reply::new(450, (4, 2, 1), "Not yet")),
//!         _ => {}
//!     }
//! }
//! assert_eq!(sent, b"220 mx.test ESMTP\r\n250 mx.test\r\n450 4.2.1 Not yet\r\n");
//! ```

mod auth;
mod body;
mod command;
mod config;
mod event;

pub use config::{Config, Limits, Tls};
pub use event::{Closing, Event};

use super::{
    Body, Extensions, Form, Protocol, Reply, ScramKeys,
    content::Receiver,
    input::{Input, Line},
};
use alloc::{collections::VecDeque, string::String, vec::Vec};
use auth::Exchange;
use cedrat_sasl::{Secret, scram::ClientFirst};
use cedrat_session::{Instant, Session, Step};
use zeroize::{Zeroize, Zeroizing};

/// One connection, seen from the server.
#[derive(Debug)]
pub struct Server {
    config: Config,
    entropy: Secret,
    /// What the next EHLO answer offers, as things stand.
    offered: Extensions,
    input: Input,
    /// Replies that are not yet in `steps`, so that those to pipelined commands go out together.
    out: Vec<u8>,
    steps: VecDeque<Step<Event>>,
    /// Octets of the chunks in `steps`.
    queued: usize,
    phase: Phase,
    pending: Option<Pending>,
    secure: bool,
    greeted: bool,
    user: Option<String>,
    open: Option<Open>,
    errors: u32,
    auth_attempts: u32,
    auth_failures: u32,
    shutting_down: bool,
    ended: bool,
    /// Since when the peer has been expected to do something.
    since: Option<Instant>,
    /// Since when a message has been coming in.
    body_since: Option<Instant>,
}

/// What the next octets mean.
#[derive(Debug)]
enum Phase {
    /// A response to an AUTH challenge.
    Auth(Exchange),
    /// Octets of BDAT.
    Chunk {
        left: u64,
        last: bool,
        refusal: Option<Reply>,
    },
    Closed,
    Command,
    Data(Receiver),
    /// Nothing yet: the greeting has not gone out.
    Greeting,
    /// The TLS handshake is under way.
    Tls,
    /// The peer was turned away and may only leave.
    TurnedAway,
}

/// A decision that the gateway owes.
#[derive(Debug)]
enum Pending {
    EndOfMessage,
    Mail(Open),
    Plain { user: String },
    Recipient,
    ScramKeys(ClientFirst),
}

/// A mail transaction.
#[derive(Debug)]
struct Open {
    smtputf8: bool,
    body: Body,
    /// Recipients that were accepted.
    recipients: usize,
    /// Recipients beyond the limit.
    overshoot: usize,
    /// Octets of content so far.
    octets: u64,
    /// Octets of DATA so far as they came over the wire.
    received: u64,
    /// BDAT has begun.
    chunked: bool,
}

impl Server {
    /// A session for a new connection. `entropy` must be fresh random octets: the server nonces
    /// of SCRAM come from it.
    #[must_use]
    pub fn new(config: Config, entropy: [u8; 32]) -> Self {
        let mut server = Self {
            secure: config.tls == Tls::On,
            config,
            entropy: Secret::new(entropy),
            offered: Extensions::default(),
            input: Input::default(),
            out: Vec::new(),
            steps: VecDeque::new(),
            queued: 0,
            phase: Phase::Greeting,
            pending: None,
            greeted: false,
            user: None,
            open: None,
            errors: 0,
            auth_attempts: 0,
            auth_failures: 0,
            shutting_down: false,
            ended: false,
            since: None,
            body_since: None,
        };
        server.offer();
        server
    }

    /// Whether the driver should read from the stream. `false` is back-pressure: what has arrived
    /// must be decided on or taken with `poll` first.
    #[must_use]
    pub fn wants_octets(&self) -> bool {
        !matches!(self.phase, Phase::Closed | Phase::Tls)
            && self.input.len() + self.queued < self.config.limits.buffer_octets
    }

    /// Whether TLS is on.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Answers the pending decision with the usual positive reply.
    pub fn accept(&mut self) {
        match &self.pending {
            Some(Pending::Mail(_)) => self.reply(Reply::new(250, (2, 1, 0), "Sender accepted")),
            Some(Pending::Recipient) => self.reply(Reply::new(250, (2, 1, 5), "Recipient accepted")),
            Some(Pending::EndOfMessage) => self.reply(Reply::new(250, (2, 0, 0), "Message accepted")),
            Some(Pending::Plain { .. }) => self.authenticated(true),
            Some(Pending::ScramKeys(_)) | None => {}
        }
    }

    /// Answers the pending decision. 2xx accepts, anything else refuses; 421 also closes. With
    /// LMTP the end of a message is answered so for every recipient. Nothing happens when no
    /// decision is pending.
    pub fn reply(&mut self, reply: Reply) {
        let reply = decision(Some(reply));
        let accepted = reply.is_positive();
        match self.pending.take() {
            Some(Pending::Mail(open)) => {
                self.write(&reply);
                self.open = accepted.then_some(open);
            }
            Some(Pending::Recipient) => {
                self.write(&reply);
                if accepted && let Some(open) = &mut self.open {
                    open.recipients += 1;
                }
            }
            Some(Pending::EndOfMessage) => {
                self.write_for_recipients(&reply);
                self.open = None;
            }
            Some(Pending::Plain { user }) if accepted => self.auth_succeeded(user),
            Some(Pending::Plain { .. } | Pending::ScramKeys(_)) => self.auth_failed(&reply),
            None => return,
        }
        if reply.code == 421 {
            self.close(Closing::Refused);
        }
    }

    /// Answers the end of an LMTP message, one reply for each accepted recipient in their order
    /// (RFC 2033 section 4.2); where one is missing the recipient is refused for now. Without
    /// LMTP only the first reply counts.
    pub fn reply_each(&mut self, replies: Vec<Reply>) {
        if !matches!(self.pending, Some(Pending::EndOfMessage)) {
            return;
        }
        self.pending = None;
        let count = match self.config.protocol {
            Protocol::Lmtp => self.open.take().map_or(0, |open| open.recipients),
            Protocol::Smtp => 1,
        };
        self.open = None;
        let mut replies = replies.into_iter();
        for _ in 0..count {
            self.write(&decision(replies.next()));
        }
    }

    /// Answers [`Event::AuthPlain`].
    pub fn authenticated(&mut self, right: bool) {
        if let Some(Pending::Plain { user }) = &mut self.pending {
            let user = core::mem::take(user);
            self.pending = None;
            if right { self.auth_succeeded(user) } else { self.auth_failed(&auth::wrong()) }
        }
    }

    /// Answers [`Event::ScramKeys`]; `None` when there is no such user, which the peer will not
    /// learn before it has given a proof.
    pub fn scram_keys(&mut self, keys: Option<ScramKeys>) {
        self.scram_challenge(keys);
    }

    /// Ends the session with 421 as soon as no transaction is open.
    pub fn shut_down(&mut self) {
        self.shutting_down = true;
    }

    const fn form(&self) -> Form {
        if self.config.mms_addresses { Form::Mms } else { Form::Mail }
    }

    fn offer(&mut self) {
        let Config { extensions, limits, mechanisms, .. } = &self.config;
        self.offered = Extensions {
            auth: if self.secure || self.config.auth_in_clear { mechanisms.clone() } else { Vec::new() },
            require_tls: extensions.require_tls && self.secure,
            size: extensions.size.map(|_| limits.max_octets),
            starttls: self.config.tls == Tls::Available && !self.secure,
            ..extensions.clone()
        };
    }

    fn write(&mut self, reply: &Reply) {
        reply.encode(&mut self.out);
    }

    /// Writes the reply to the end of a message.
    fn write_for_recipients(&mut self, reply: &Reply) {
        let count = match self.config.protocol {
            Protocol::Lmtp => self.open.as_ref().map_or(0, |open| open.recipients),
            Protocol::Smtp => 1,
        };
        for _ in 0..count {
            self.write(reply);
        }
    }

    fn event(&mut self, event: Event) {
        if let Event::Chunk(octets) = &event {
            self.queued += octets.len();
        }
        self.steps.push_back(Step::Event(event));
    }

    fn flush(&mut self) {
        if !self.out.is_empty() {
            self.steps.push_back(Step::Send(core::mem::take(&mut self.out)));
        }
    }

    /// Answers a faulty command; too many of them end the session.
    fn fault(&mut self, reply: &Reply) {
        self.write(reply);
        self.errors += 1;
        if self.errors >= self.config.limits.max_errors {
            self.write(&Reply::new(421, (4, 7, 0), "Too many errors"));
            self.close(Closing::Faults);
        }
    }

    fn close(&mut self, reason: Closing) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        self.flush();
        self.event(Event::Closed { reason });
        self.steps.push_back(Step::Close);
        self.phase = Phase::Closed;
        self.pending = None;
        self.open = None;
        self.input.clear();
    }

    /// Drops the open transaction, if there is one.
    fn reset(&mut self) {
        if self.open.take().is_some() {
            self.event(Event::Reset);
        }
    }

    /// Does one thing with what is there; `false` when nothing can be done.
    fn advance(&mut self) -> bool {
        if self.pending.is_some() {
            return false;
        }
        match &self.phase {
            Phase::Closed | Phase::Tls => false,
            Phase::Greeting => {
                self.greet();
                true
            }
            Phase::Command if self.shutting_down && self.open.is_none() => {
                self.write(&Reply::new(421, (4, 3, 2), "The service is shutting down"));
                self.close(Closing::Refused);
                true
            }
            Phase::Data(_) | Phase::Chunk { .. } => self.advance_body(),
            Phase::Auth(_) => match self.input.line(self.config.limits.auth_octets) {
                Some(Line::Whole(line)) => {
                    self.since = None;
                    self.auth_response(&Zeroizing::new(line));
                    true
                }
                Some(line) => {
                    self.phase = Phase::Command;
                    self.bad_line(line, (5, 5, 6));
                    true
                }
                None => false,
            },
            Phase::Command | Phase::TurnedAway => {
                match self.input.line(self.config.limits.command_octets.max(self.auth_line())) {
                    Some(Line::Whole(line)) => {
                        self.since = None;
                        self.line(&Zeroizing::new(line));
                        true
                    }
                    Some(Line::BareLf(line)) if self.config.line_ends == super::LineEnds::Normalize => {
                        self.since = None;
                        self.line(&Zeroizing::new(line));
                        true
                    }
                    Some(line) => {
                        self.bad_line(line, (5, 5, 2));
                        true
                    }
                    None => false,
                }
            }
        }
    }

    /// An AUTH command may carry its first response (RFC 4954 section 4), so where AUTH is
    /// offered a command line may be as long as both together.
    fn auth_line(&self) -> usize {
        if self.offered.auth.is_empty() { 0 } else { self.config.limits.auth_octets }
    }

    fn bad_line(&mut self, line: Line, too_long: (u8, u16, u16)) {
        self.since = None;
        match line {
            Line::TooLong => self.fault(&Reply::new(500, too_long, "Line too long")),
            Line::BareLf(mut line) | Line::Whole(mut line) => {
                // A peer that ends lines with LF would do so in DATA, too, where it never ends.
                line.zeroize();
                self.write(&Reply::new(500, (5, 5, 2), "Lines must end with CRLF"));
                self.close(Closing::Desynchronized);
            }
        }
    }

    fn greet(&mut self) {
        self.phase = Phase::Command;
        if let Some(reply) = self.config.reject.take() {
            self.write(&reply);
            self.phase = Phase::TurnedAway;
            if reply.code == 421 {
                self.close(Closing::Refused);
            }
            return;
        }
        let mut text = self.config.hostname.clone();
        text.push_str(match self.config.protocol {
            Protocol::Lmtp => " LMTP",
            Protocol::Smtp => " ESMTP",
        });
        self.write(&Reply::bare(220, text));
    }

    fn timeout(&self) -> Option<Instant> {
        let limits = &self.config.limits;
        let idle = match self.phase {
            Phase::Closed | Phase::Tls => return None,
            Phase::Chunk { .. } | Phase::Data(_) => limits.body_ms,
            _ => limits.command_ms,
        };
        let idle = self.since?.after(idle);
        Some(match self.body_since {
            Some(since) => idle.min(since.after(limits.message_ms)),
            None => idle,
        })
    }
}

/// The reply as it is, when it says yes or no.
fn decision(reply: Option<Reply>) -> Reply {
    match reply {
        Some(reply) if reply.is_positive() || reply.is_temporary() || reply.is_permanent() => reply,
        _ => Reply::new(451, (4, 3, 0), "No decision was made"),
    }
}

impl Session for Server {
    type Event = Event;

    fn receive(&mut self, octets: &[u8], now: Instant) {
        match self.phase {
            Phase::Closed | Phase::Tls => {}
            Phase::Chunk { .. } | Phase::Data(_) if self.input.is_empty() => {
                // The way of nearly all octets: no copy but the one into the chunk.
                self.since = Some(now);
                let used = self.body(octets);
                if !matches!(self.phase, Phase::Closed) {
                    self.input.push(octets.get(used..).unwrap_or_default());
                }
            }
            _ => self.input.push(octets),
        }
    }

    fn ended(&mut self, _now: Instant) {
        self.ended = true;
    }

    fn secured(&mut self, _now: Instant) {
        self.secure = true;
        self.greeted = false;
        self.user = None;
        self.since = None;
        self.input.clear();
        self.offer();
        if matches!(self.phase, Phase::Tls) {
            self.phase = Phase::Command;
        }
    }

    fn poll(&mut self, now: Instant) -> Option<Step<Event>> {
        loop {
            if let Some(step) = self.steps.pop_front() {
                if let Step::Event(Event::Chunk(octets)) = &step {
                    self.queued -= octets.len();
                }
                return Some(step);
            }
            if self.advance() {
                continue;
            }
            if !self.out.is_empty() {
                return Some(Step::Send(core::mem::take(&mut self.out)));
            }
            if self.pending.is_some() || matches!(self.phase, Phase::Closed) {
                return None;
            }
            if self.ended {
                self.close(Closing::Lost);
                continue;
            }
            self.since.get_or_insert(now);
            if matches!(self.phase, Phase::Chunk { .. } | Phase::Data(_)) {
                self.body_since.get_or_insert(now);
            }
            if self.timeout().is_none_or(|at| now < at) {
                return None;
            }
            self.write(&Reply::new(421, (4, 4, 2), "Timeout"));
            self.close(Closing::Timeout);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        if self.pending.is_some() { None } else { self.timeout() }
    }
}
