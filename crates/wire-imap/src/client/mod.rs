//! The client side of IMAP: from the greeting to commands that each have one outcome (RFC 9051, RFC 3501).
//!
//! The session takes care of CAPABILITY, STARTTLS, AUTHENTICATE, COMPRESS and ENABLE, sends commands in groups where
//! their order does not matter, waits before literals where the server asks for it, and lies in IDLE while there is
//! nothing to do. What the server says is told as it comes: unsolicited data are nothing special.
//!
//! It does not choose mailboxes, verify certificates, renew tokens, reconnect or keep anything of a message.

mod auth;
mod command;
mod config;
mod event;
mod plan;
mod receive;
mod send;
#[cfg(test)]
mod tests;
mod wire;

pub use command::{
    Append, AppendPart, Change, Command, Fetch, FetchItem, ListCommand, NotifyGroup, NotifyMailboxes,
    Refused, Resync, Search, SearchKey, Select, StatusItem, Store,
};
pub use config::{Auth, Config, Limits, Tls};
pub use event::{Cause, CommandId, Completed, Event, Failure, Selected, Stage, Yield};

use crate::grammar::{Capabilities, Fragment, Framer, Mailbox, Malformed, Names, Writer};
use alloc::{
    boxed::Box,
    collections::{BTreeSet, VecDeque},
    string::String,
    vec::Vec,
};
use auth::Exchange;
use cedrat_sasl::Secret;
use cedrat_session::{Instant, Session, Step};
use plan::{Plan, Terms};
use send::Writing;
use wire::Wire;

/// One connection, seen from the client.
#[derive(Debug)]
pub struct Client {
    config: Config,
    entropy: Secret,
    wire: Wire,
    framer: Framer,
    steps: VecDeque<Step<Event>>,
    phase: Phase,
    /// How far the prelude has come.
    step: Stage,
    prelude: Prelude,
    capabilities: Capabilities,
    enabled: BTreeSet<String>,
    names: Names,
    secure: bool,
    authenticated: bool,
    selected: Option<Selected>,
    queue: VecDeque<Work>,
    running: Vec<Running>,
    writing: Option<Writing>,
    next_tag: u32,
    next_id: u64,
    watch: bool,
    may_idle: bool,
    malformed: u32,
    /// Responses since the end of a command.
    responses: u64,
    quitting: bool,
    ended: bool,
    /// Since when the server has said nothing while it owes an answer.
    silent_since: Option<Instant>,
    /// Since when there is nothing to do.
    quiet_since: Option<Instant>,
    now: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed,
    Greeting,
    /// The TLS handshake is under way.
    Handshake,
    Logout,
    Open,
    Prelude,
}

/// What of the prelude was tried, so that nothing is tried twice.
#[derive(Debug, Default)]
struct Prelude {
    asked: bool,
    /// Capabilities came with the greeting or during authentication.
    told: bool,
    tls: bool,
    compress: bool,
    enable: bool,
    id: bool,
}

/// A command that waits to be sent.
#[derive(Debug)]
struct Work {
    id: CommandId,
    plan: Plan,
}

/// A command that the server has not answered.
#[derive(Debug)]
struct Running {
    tag: u32,
    job: Job,
    alone: bool,
    began: Instant,
}

/// What a running command is for.
#[derive(Debug)]
enum Job {
    Auth(Exchange),
    Capability,
    Command(Box<Work>, Option<Box<Selected>>),
    Compress,
    Enable,
    Id,
    Idle(Idle),
    Logout,
    /// A look at the mailbox, where there is no IDLE.
    Poll,
    StartTls,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Idle {
    Asked,
    Begun(Instant),
    Done,
}

impl Client {
    /// A session for a new connection. `entropy` must be fresh random octets: the nonce of SCRAM is made of it.
    #[must_use]
    pub fn new(config: Config, entropy: [u8; 32]) -> Self {
        Self {
            secure: config.tls == Tls::Implicit,
            framer: Framer::new(config.limits.grammar.clone()),
            config,
            entropy: Secret::new(entropy),
            wire: Wire::default(),
            steps: VecDeque::new(),
            phase: Phase::Greeting,
            step: Stage::Prelude,
            prelude: Prelude::default(),
            capabilities: Capabilities::default(),
            enabled: BTreeSet::new(),
            names: Names::default(),
            authenticated: false,
            selected: None,
            queue: VecDeque::new(),
            running: Vec::new(),
            writing: None,
            next_tag: 1,
            next_id: 1,
            watch: false,
            may_idle: true,
            malformed: 0,
            responses: 0,
            quitting: false,
            ended: false,
            silent_since: None,
            quiet_since: None,
            now: Instant::default(),
        }
    }

    /// Whether [`Client::submit`] may be called.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Open) && !self.quitting && !self.ended
    }

    /// Whether TLS is on.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// What the server offers, as things stand.
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Whether an extension that must be enabled is; its name is in capitals.
    #[must_use]
    pub fn is_enabled(&self, name: &str) -> bool {
        self.enabled.contains(name)
    }

    /// The mailbox that is selected, as the server's last words have it.
    #[must_use]
    pub const fn selected(&self) -> Option<&Selected> {
        self.selected.as_ref()
    }

    /// Takes a command, which is sent as soon as it may be. Its [`Event::Done`] follows.
    ///
    /// # Errors
    /// When it cannot be sent to this server, or not now. Nothing has been written then.
    pub fn submit(&mut self, command: Command) -> Result<CommandId, Refused> {
        if !self.is_ready() || !self.authenticated {
            return Err(Refused::NotReady);
        }
        if self.queue.len() >= self.config.limits.queued {
            return Err(Refused::Full);
        }
        if command.needs_selected() && !self.will_be_selected() {
            return Err(Refused::NotSelected);
        }
        let terms = Terms { capabilities: &self.capabilities, enabled: &self.enabled, names: self.names };
        let plan = command.plan(&terms)?;
        let id = CommandId(self.next_id);
        self.next_id += 1;
        self.queue.push_back(Work { id, plan });
        Ok(id)
    }

    /// Whether a mailbox is selected when everything before has been done.
    fn will_be_selected(&self) -> bool {
        let running = self.running.iter().filter_map(|running| match &running.job {
            Job::Command(work, _) => Some(&work.plan),
            _ => None,
        });
        let plans = running.chain(self.queue.iter().map(|work| &work.plan));
        plans.fold(self.selected.is_some(), |selected, plan| {
            (selected || plan.select.is_some()) && !plan.unselect
        })
    }

    /// Whether to lie in IDLE, or to poll where the server has none, whenever there is nothing to do.
    pub const fn watch(&mut self, watch: bool) {
        self.watch = watch;
    }

    /// Says LOGOUT and closes as soon as everything that was submitted is done.
    pub const fn quit(&mut self) {
        self.quitting = true;
    }

    /// Ends the connection at once; each command gets its outcome.
    pub fn abort(&mut self) {
        if self.phase != Phase::Closed {
            self.close();
        }
    }

    fn stage(&self) -> Stage {
        match self.phase {
            Phase::Greeting => Stage::Greeting,
            Phase::Handshake => Stage::StartTls,
            Phase::Closed | Phase::Open => Stage::Open,
            Phase::Logout => Stage::Logout,
            Phase::Prelude => self.step,
        }
    }

    fn fail(&mut self, cause: Cause) {
        if self.phase == Phase::Closed {
            return;
        }
        let failed = Event::Failed { stage: self.stage(), cause };
        self.outcomes_of_loss();
        self.steps.push_back(Step::Event(failed));
        self.close();
    }

    fn close(&mut self) {
        self.outcomes_of_loss();
        self.phase = Phase::Closed;
        self.wire = Wire::default();
        self.steps.push_back(Step::Close);
    }

    /// Each command gets its outcome before the connection's.
    fn outcomes_of_loss(&mut self) {
        self.writing = None;
        for running in core::mem::take(&mut self.running) {
            if let Job::Command(work, _) = running.job {
                self.done(work.id, Err(Failure::Uncertain));
            }
        }
        for work in core::mem::take(&mut self.queue) {
            // Of a command in stages the first ones are done.
            self.done(work.id, Err(if work.plan.begun { Failure::Uncertain } else { Failure::NotSent }));
        }
    }

    fn done(&mut self, id: CommandId, outcome: Result<Completed, Failure>) {
        let outcome = outcome.map(Box::new).map_err(Box::new);
        self.steps.push_back(Step::Event(Event::Done { id, outcome }));
    }

    /// The next thing that comes before commands.
    fn next_prelude(&mut self) {
        self.step = Stage::Prelude;
        if self.capabilities.is_empty() {
            if core::mem::replace(&mut self.prelude.asked, true) {
                return self.fail(Cause::Malformed(Malformed { at: 0, wanted: "CAPABILITY" }));
            }
            return self.begin_line(Job::Capability, "CAPABILITY");
        }
        if !self.secure && !self.authenticated {
            self.step = Stage::StartTls;
            let wanted = matches!(self.config.tls, Tls::Opportunistic | Tls::Required);
            if wanted && self.capabilities.has("STARTTLS") && !self.prelude.tls {
                self.prelude.tls = true;
                return self.begin_line(Job::StartTls, "STARTTLS");
            }
            if self.config.tls == Tls::Required {
                return self.fail(Cause::TlsNotOffered);
            }
        }
        if !self.authenticated
            && let Some(auth) = self.config.auth.clone()
        {
            self.step = Stage::Auth;
            self.prelude.told = false;
            return self.start_auth(&auth);
        }
        if self.authenticated {
            if self.config.compress && !self.prelude.compress && self.capabilities.has("COMPRESS=DEFLATE") {
                self.prelude.compress = true;
                return self.begin_line(Job::Compress, "COMPRESS DEFLATE");
            }
            if !core::mem::replace(&mut self.prelude.enable, true)
                && let Some(line) = self.enable_line()
            {
                return self.begin_line(Job::Enable, &line);
            }
            if !core::mem::replace(&mut self.prelude.id, true)
                && !self.config.id.is_empty()
                && self.capabilities.has("ID")
            {
                return self.begin_id();
            }
        }
        self.phase = Phase::Open;
        let capabilities = Box::new(self.capabilities.clone());
        self.steps.push_back(Step::Event(Event::Ready { capabilities }));
    }

    fn enable_line(&self) -> Option<String> {
        let can = self.capabilities.has("ENABLE") || self.capabilities.has("IMAP4REV2");
        let mut line = String::from("ENABLE");
        let names = self.config.enable.iter().filter(|name| can && self.capabilities.has(name));
        for name in names {
            line.push(' ');
            line.push_str(name);
        }
        (line.len() > "ENABLE".len()).then_some(line)
    }

    fn begin_id(&mut self) {
        let mut writer = Writer::new(self.names);
        writer.raw("ID (");
        for (at, (name, text)) in self.config.id.iter().enumerate() {
            writer.raw(if at > 0 { " " } else { "" });
            writer.string(name.as_bytes()).raw(" ").string(text.as_bytes());
        }
        writer.raw(")");
        self.begin(Job::Id, writer.finish(), true);
    }

    /// The server believes who this is.
    fn authenticated(&mut self) {
        self.authenticated = true;
        if !core::mem::take(&mut self.prelude.told) {
            // What was offered before does not count any more (RFC 9051 section 6.2.2).
            self.capabilities = Capabilities::default();
            self.prelude.asked = false;
        }
    }

    fn begin_line(&mut self, job: Job, line: &str) {
        let mut line = line.as_bytes().to_vec();
        line.extend_from_slice(b"\r\n");
        self.begin(job, Vec::from([Fragment::Text(line)]), true);
    }

    /// Gives a command its tag and begins to write it.
    fn begin(&mut self, job: Job, fragments: Vec<Fragment>, alone: bool) {
        let tag = self.next_tag;
        self.next_tag = self.next_tag.checked_add(1).unwrap_or(1);
        self.running.push(Running { tag, job, alone, began: self.now });
        self.writing = Some(Writing::new(tag, fragments));
        self.silent_since = None;
        self.quiet_since = None;
    }

    /// Begins whatever is next; whether there was something.
    fn begin_next(&mut self) -> bool {
        if self.phase == Phase::Prelude && self.running.is_empty() && self.writing.is_none() {
            self.next_prelude();
            return true;
        }
        self.next_command()
    }

    /// Sends the next command that may be sent; whether there was one.
    fn next_command(&mut self) -> bool {
        if self.phase != Phase::Open || self.writing.is_some() {
            return false;
        }
        let busy = !self.running.is_empty();
        if self.running.iter().any(|running| running.alone)
            || self.running.len() >= self.config.limits.in_flight
        {
            return self.end_idle();
        }
        if self.queue.front().is_some_and(|work| work.plan.alone && busy) {
            return false;
        }
        if let Some(mut work) = self.queue.pop_front() {
            let Some(fragments) = work.plan.stages.pop_front() else { return true };
            work.plan.begun = true;
            let selecting = work
                .plan
                .select
                .as_ref()
                .map(|(mailbox, read_only)| Box::new(Selected::new(Mailbox::clone(mailbox), *read_only)));
            let alone = work.plan.alone;
            self.begin(Job::Command(Box::new(work), selecting), fragments, alone);
            return true;
        }
        if busy {
            return false;
        }
        if self.quitting {
            self.phase = Phase::Logout;
            self.begin_line(Job::Logout, "LOGOUT");
            return true;
        }
        if self.watch && self.authenticated {
            if self.may_idle && (self.capabilities.has("IDLE") || self.enabled.contains("IMAP4REV2")) {
                self.begin_line(Job::Idle(Idle::Asked), "IDLE");
                return true;
            }
            let quiet = *self.quiet_since.get_or_insert(self.now);
            if self.now >= quiet.after(self.config.limits.poll_ms) {
                self.begin_line(Job::Poll, "NOOP");
                return true;
            }
        }
        false
    }

    /// Says DONE when IDLE has begun and something is to be done or time is up; whether it was said.
    fn end_idle(&mut self) -> bool {
        let due = !self.queue.is_empty() || self.quitting || !self.watch;
        let idle_ms = self.config.limits.idle_ms;
        let Some(Running { job: Job::Idle(idle), .. }) = self.running.first_mut() else { return false };
        let Idle::Begun(began) = *idle else { return false };
        if !due && self.now < began.after(idle_ms) {
            return false;
        }
        *idle = Idle::Done;
        self.write(b"DONE\r\n".to_vec());
        self.silent_since = None;
        true
    }

    /// When the server has owed an answer for too long.
    fn timeout(&self) -> Option<Instant> {
        let limits = &self.config.limits;
        if matches!(self.phase, Phase::Closed | Phase::Handshake) {
            return None;
        }
        if matches!(self.running.first(), Some(Running { job: Job::Idle(Idle::Begun(_)), .. })) {
            return None;
        }
        if self.running.is_empty() && self.phase != Phase::Greeting {
            return None;
        }
        let silence = self.silent_since.map(|since| since.after(limits.silence_ms));
        let command = self.running.iter().filter_map(|running| match running.job {
            Job::Idle(_) => None,
            _ => Some(running.began.after(limits.command_ms)),
        });
        silence.into_iter().chain(command).min()
    }

    /// When IDLE is to be issued again, or the mailbox is looked at.
    fn attention(&self) -> Option<Instant> {
        if let Some(Running { job: Job::Idle(Idle::Begun(began)), .. }) = self.running.first() {
            return Some(began.after(self.config.limits.idle_ms));
        }
        let polls = self.phase == Phase::Open && self.watch && self.running.is_empty();
        self.quiet_since.filter(|_| polls).map(|since| since.after(self.config.limits.poll_ms))
    }
}

impl Session for Client {
    type Event = Event;

    fn receive(&mut self, octets: &[u8], now: Instant) {
        if !matches!(self.phase, Phase::Closed | Phase::Handshake) {
            self.wire.push(octets);
            self.silent_since = Some(now);
        }
    }

    fn ended(&mut self, _now: Instant) {
        self.ended = true;
    }

    fn secured(&mut self, _now: Instant) {
        self.secure = true;
        self.wire.clear();
        self.framer = Framer::new(self.config.limits.grammar.clone());
        if self.phase == Phase::Handshake {
            // Nothing that was said in clear text counts (RFC 9051 section 6.2.1).
            self.capabilities = Capabilities::default();
            self.prelude.asked = false;
            self.prelude.told = false;
            self.phase = Phase::Prelude;
        }
    }

    fn poll(&mut self, now: Instant) -> Option<Step<Event>> {
        self.now = now;
        loop {
            if let Some(step) = self.steps.pop_front() {
                return Some(step);
            }
            if matches!(self.phase, Phase::Closed | Phase::Handshake) {
                return None;
            }
            // Writing comes before reading: an answer that came too early means the same as in time.
            if !self.ended && (self.advance_writing() || self.begin_next()) {
                continue;
            }
            if self.read() {
                continue;
            }
            if self.ended {
                if self.phase == Phase::Logout {
                    self.close();
                } else {
                    self.fail(Cause::Ended);
                }
                continue;
            }
            if !self.running.is_empty() || self.phase == Phase::Greeting {
                self.silent_since.get_or_insert(now);
            }
            if self.timeout().is_none_or(|at| now < at) {
                return None;
            }
            if self.phase == Phase::Logout {
                self.close();
            } else {
                self.fail(Cause::Timeout);
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.timeout().into_iter().chain(self.attention()).min()
    }
}
