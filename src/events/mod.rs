//! Everything that the gateway ever tells: one closed list of events. Every log line, metric,
//! trace entry and charging record is made from a variant of [`Event`] and from nothing else.
//!
//! Numbers are never reused. Subjects, bodies and secrets are in no variant, so they can reach no
//! log. Addresses are redacted where a line is written unless the configuration reveals them.

mod cdr;
mod log;
mod metrics;
pub mod redact;

use std::sync::Arc;

use cedrat_message::Reason;
use serde::Serialize;

pub use cdr::CdrFile;
use log::LogSink;
pub use metrics::{queue as queue_metric, render as render_metrics};

/// What kind of PDU or mail an event speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A delivery report.
    DeliveryReport,
    /// A message of a person.
    Message,
    /// A read report.
    ReadReport,
    /// A relay's answer (`.RES`).
    Response,
}

/// The interface that an event happened on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// IMAP: a message put into a mailbox.
    Imap,
    /// LMTP.
    Lmtp,
    /// Internet mail over SMTP (MM3).
    Mail,
    /// MMS interconnect.
    Mm4,
}

impl Protocol {
    /// As in labels and tables.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Lmtp => "lmtp",
            Self::Mail => "mail",
            Self::Mm4 => "mm4",
        }
    }
}

/// One thing that happened. Field names are the names in the JSON.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type")]
pub enum Event {
    /// 100 The process is ready.
    Started { version: &'static str, host: String, listeners: Vec<String>, config: String },
    /// 101 The process stops; no new work is taken.
    Stopping { signal: &'static str },
    /// 102 A reload of the configuration; `faults` is empty when it took effect.
    ConfigReload { config: String, faults: Vec<String> },
    /// 103 Claimed work of a process that died was taken back; each may be delivered twice.
    Recovered { deliveries: u64 },
    /// 104 Media can be converted: the process that forks the workers is ready. `sandbox` is `full`,
    /// or `filter` where an old kernel leaves network and signals to the system call filter alone;
    /// `missing` is what runs unprotected because the configuration says so.
    WorkersStarted { version: String, sandbox: &'static str, missing: Vec<String> },
    /// 120 What happened to a session in which a key is handed over. Who, what and with which algorithm
    /// is in the audit.
    Handoff {
        session: String,
        account: String,
        state: &'static str,
        outcome: &'static str,
        /// What the signatures over the content came to, once it was opened; none = it had none.
        signature: Option<&'static str>,
    },
    /// 110 A peer connected.
    SessionOpened { session: String, peer: String, protocol: Protocol, address: String },
    /// 111 A session ended.
    SessionClosed { session: String, peer: String, protocol: Protocol, messages: u64, why: String },
    /// 112 Whoever connected is no peer, or a peer may not connect now.
    SessionRefused { address: String, protocol: Protocol, reason: Reasoned },
    /// 200 A message was stored and acknowledged.
    Reception {
        #[serde(serialize_with = "hex")]
        message: i64,
        session: String,
        peer: String,
        protocol: Protocol,
        kind: Kind,
        from: Redacted,
        to: Vec<Redacted>,
        octets: u64,
        #[serde(serialize_with = "identifier")]
        message_id: String,
        #[serde(serialize_with = "identifier_of")]
        transaction_id: Option<String>,
        class: Option<String>,
        priority: Option<String>,
        parts: Vec<PartNote>,
        loss: Vec<LossNote>,
    },
    /// 201 A message was not taken.
    Rejection {
        session: String,
        peer: String,
        protocol: Protocol,
        stage: &'static str,
        reason: Reasoned,
        #[serde(serialize_with = "free_text")]
        detail: String,
    },
    /// 202 A message that was already taken came again; it was acknowledged and not stored twice.
    Duplicate {
        #[serde(serialize_with = "hex")]
        message: i64,
        peer: String,
        protocol: Protocol,
        #[serde(serialize_with = "identifier")]
        message_id: String,
    },
    /// 203 What SPF, DKIM and DMARC said of a mail.
    Authentication { session: String, peer: String, result: String },
    /// 300 What the writer of a message had to leave out after its translation.
    Loss {
        #[serde(serialize_with = "hex")]
        message: i64,
        peer: String,
        loss: Vec<LossNote>,
    },
    /// 310 A next hop took a message for one recipient.
    Delivery {
        #[serde(serialize_with = "hex")]
        message: i64,
        #[serde(serialize_with = "hex")]
        delivery: i64,
        peer: String,
        protocol: Protocol,
        kind: Kind,
        to: Redacted,
        attempt: u32,
        octets: u64,
        #[serde(serialize_with = "free_text")]
        response: String,
        tls: Option<String>,
        #[serde(serialize_with = "identifier_of")]
        transaction_id: Option<String>,
        #[serde(serialize_with = "identifier")]
        message_id: String,
        uncertain: bool,
        age_ms: u64,
        loss: Vec<LossNote>,
    },
    /// 311 An attempt failed; it will be tried again.
    TransientFailure {
        #[serde(serialize_with = "hex")]
        message: i64,
        #[serde(serialize_with = "hex")]
        delivery: i64,
        peer: String,
        protocol: Protocol,
        to: Redacted,
        attempt: u32,
        reason: Reasoned,
        #[serde(serialize_with = "free_text")]
        response: String,
        next_ms: i64,
    },
    /// 312 A recipient will not get the message.
    Failure {
        #[serde(serialize_with = "hex")]
        message: i64,
        #[serde(serialize_with = "hex")]
        delivery: i64,
        peer: String,
        protocol: Protocol,
        to: Redacted,
        attempt: u32,
        reason: Reasoned,
        #[serde(serialize_with = "free_text")]
        response: String,
    },
    /// 313 The peer took the message and its answer is awaited.
    Awaiting {
        #[serde(serialize_with = "hex")]
        message: i64,
        #[serde(serialize_with = "hex")]
        delivery: i64,
        peer: String,
        until_ms: i64,
        transaction_id: String,
    },
    /// 314 A peer answered a message, or its answer was given up.
    Response {
        #[serde(serialize_with = "hex")]
        message: i64,
        peer: String,
        #[serde(serialize_with = "free_text")]
        status: String,
        reason: Option<Reasoned>,
        transaction_id: String,
    },
    /// 320 A report came in and was matched, or was not.
    ReportReceived {
        peer: String,
        protocol: Protocol,
        kind: Kind,
        #[serde(serialize_with = "free_text")]
        status: String,
        #[serde(serialize_with = "hex_or_null")]
        message: Option<i64>,
        to: Redacted,
    },
    /// 321 A report was made for the sender.
    ReportMade {
        #[serde(serialize_with = "hex")]
        message: i64,
        #[serde(serialize_with = "hex")]
        about: i64,
        peer: String,
        protocol: Protocol,
        kind: Kind,
        status: String,
    },
    /// 330 A delivery was held, released, retried or deleted by an operator.
    AdminAction {
        #[serde(serialize_with = "hex")]
        delivery: i64,
        action: &'static str,
        reason: String,
    },
    /// 340 A worker ended in the middle of its work: one job failed, and nothing else.
    WorkerLost { class: &'static str, reason: &'static str, detail: String },
    /// 350 A request came to one of the HTTP doors; `status` 0 means that its client went away.
    HttpRequest {
        client: String,
        operation: &'static str,
        jobs: u64,
        from: Vec<&'static str>,
        to: Vec<&'static str>,
        octets_in: u64,
        octets_out: u64,
        ms: u64,
        status: u16,
        outcome: &'static str,
    },
    /// 400 Something that the gateway depends on failed.
    Fault {
        what: &'static str,
        #[serde(serialize_with = "free_text")]
        detail: String,
    },
}

/// Text of others or of ours, in which addresses may stand.
fn free_text<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&redact::text(text, REVEAL.with(std::cell::Cell::get)))
}

/// An identifier of a peer's making.
fn identifier<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&redact::identifier(text, REVEAL.with(std::cell::Cell::get)))
}

fn identifier_of<S: serde::Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    match text {
        Some(text) => identifier(text, serializer),
        None => serializer.serialize_none(),
    }
}

/// Numbers of messages and deliveries as `cedrat queue` and replies show them; as JSON numbers they
/// would lose digits in readers that know only floating point.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn hex<S: serde::Serializer>(number: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{number:x}"))
}

#[allow(clippy::ref_option, reason = "the signature that serde asks for")]
fn hex_or_null<S: serde::Serializer>(number: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => hex(number, serializer),
        None => serializer.serialize_none(),
    }
}

/// An address that is written redacted unless the log reveals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted(pub String);

impl Serialize for Redacted {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&redact::address(&self.0, REVEAL.with(std::cell::Cell::get)))
    }
}

thread_local! {
    /// Whether the line that this thread is writing may hold whole addresses.
    static REVEAL: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// The event as one line of JSON, with its number, the time and what else is given in front.
fn to_line(event: &Event, reveal: bool, time: &str, more: &str) -> Option<String> {
    REVEAL.with(|cell| cell.set(reveal));
    let json = serde_json::to_string(event);
    REVEAL.with(|cell| cell.set(false));
    // An object with at least its type: what follows the brace follows what is put in front.
    let json = json.ok()?;
    let rest = json.strip_prefix('{')?;
    Some(format!("{{\"time\":\"{time}\",\"event\":{},{more}{rest}", event.number()))
}

/// A reason with its class, as events show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reasoned {
    /// The reason's token.
    pub code: &'static str,
    /// Whether trying again can help.
    pub transient: bool,
}

impl From<Reason> for Reasoned {
    fn from(reason: Reason) -> Self {
        Self { code: reason.token(), transient: reason.permanence() == cedrat_message::Permanence::Transient }
    }
}

/// Type and size of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartNote {
    /// `type/subtype`.
    pub media_type: String,
    /// Octets as they stood on the wire.
    pub octets: u64,
}

/// One thing that a translation could not carry as it was. The values stay out: they may be
/// numbers or text of people; `cedrat map` shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LossNote {
    /// From which interface; `canonical` for what was read already.
    pub from: &'static str,
    /// To which.
    pub to: &'static str,
    /// The field.
    pub field: &'static str,
    /// How it crossed.
    pub fidelity: &'static str,
    /// Why.
    pub note: String,
}

impl LossNote {
    /// The notes of a loss report.
    pub fn of(loss: &cedrat_mapping::Loss) -> Vec<Self> {
        loss.entries
            .iter()
            .map(|entry| Self {
                from: loss.from.token(),
                to: loss.to.token(),
                field: entry.field.token(),
                fidelity: entry.fidelity.token(),
                note: entry.note.clone(),
            })
            .collect()
    }
}

impl Event {
    /// Its number; stable for ever.
    pub const fn number(&self) -> u16 {
        match self {
            Self::Started { .. } => 100,
            Self::Stopping { .. } => 101,
            Self::ConfigReload { .. } => 102,
            Self::Recovered { .. } => 103,
            Self::WorkersStarted { .. } => 104,
            Self::SessionOpened { .. } => 110,
            Self::SessionClosed { .. } => 111,
            Self::SessionRefused { .. } => 112,
            Self::Reception { .. } => 200,
            Self::Rejection { .. } => 201,
            Self::Duplicate { .. } => 202,
            Self::Authentication { .. } => 203,
            Self::Loss { .. } => 300,
            Self::Delivery { .. } => 310,
            Self::TransientFailure { .. } => 311,
            Self::Failure { .. } => 312,
            Self::Awaiting { .. } => 313,
            Self::Response { .. } => 314,
            Self::ReportReceived { .. } => 320,
            Self::ReportMade { .. } => 321,
            Self::AdminAction { .. } => 330,
            Self::WorkerLost { .. } => 340,
            Self::Handoff { .. } => 120,
            Self::HttpRequest { .. } => 350,
            Self::Fault { .. } => 400,
        }
    }

    /// Whether an operator should look at it.
    pub const fn is_warning(&self) -> bool {
        match self {
            Self::Fault { .. } | Self::Failure { .. } | Self::SessionRefused { .. } => true,
            Self::WorkersStarted { missing, .. } => !missing.is_empty(),
            _ => false,
        }
    }
}

/// Where events go. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    log: Arc<LogSink>,
    cdr: Option<Arc<cdr::Records>>,
}

impl Events {
    /// Events into a log and, where configured, a file of charging records.
    pub fn new(log: Option<Box<dyn std::io::Write + Send>>, reveal: bool, cdr: Option<CdrFile>) -> Self {
        let (cdr, file) = cdr.map_or((None, None), |cdr| (Some(cdr.counter()), Some(cdr.into_file())));
        Self { log: Arc::new(LogSink::new(log, file, reveal)), cdr: cdr.map(Arc::new) }
    }

    /// Tells an event to everybody who listens. Never fails and never blocks on a slow reader.
    pub fn tell(&self, event: &Event) {
        self.tell_traced(event, None);
    }

    /// The same for an event whose trace entry was made already: the log line is that entry.
    pub fn tell_traced(&self, event: &Event, trace: Option<String>) {
        metrics::count(event);
        let time = crate::clock::now_rfc3339();
        if let Some(cdr) = &self.cdr
            && let Some(record) = cdr.record(event, &time)
        {
            self.log.write_to(log::Output::Cdr, record);
        }
        self.log.tell(event, &time, trace);
    }

    /// The event as a trace entry of its message: JSON, addresses redacted.
    pub fn trace(event: &Event) -> String {
        to_line(event, false, &crate::clock::now_rfc3339(), "").unwrap_or_default()
    }

    /// Writes out what is still buffered.
    pub fn flush(&self) {
        self.log.flush();
    }
}
