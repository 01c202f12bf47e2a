//! What is stored, and the words of one operation.
//!
//! An [`Op`] is a list of primitive writes that happen together or not at all: a received message with its
//! deliveries, duplicate tokens and trace, or the settling of a delivery with the report that follows from it.
//! The store does not read `envelope`, `data` and `event`: they are the gateway's own versioned encodings.

use bytes::Bytes;

/// Identity of a stored message, from [`Store::allot`](super::Store::allot). Ordered by time.
pub type MessageId = i64;
/// Identity of a delivery, from [`Store::allot`](super::Store::allot).
pub type DeliveryId = i64;
/// Unix time in milliseconds.
pub type Millis = i64;
/// SHA-256 of a body.
pub type Digest = [u8; 32];

/// The octets of a message on their way in. Made by [`Store::keep`](super::Store::keep), which has already put a
/// large body on stable storage.
#[derive(Clone, Debug)]
pub struct Body {
    pub(super) digest: Digest,
    pub(super) octets: Bytes,
    pub(super) inline: bool,
}

impl Body {
    /// SHA-256 of the octets.
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The octets themselves.
    pub const fn octets(&self) -> &Bytes {
        &self.octets
    }
}

/// A message that was received or made, to be stored.
#[derive(Clone, Debug)]
pub struct Received {
    /// From [`Store::allot`](super::Store::allot).
    pub id: MessageId,
    /// When it arrived.
    pub received: Millis,
    /// Name of the peer that sent it.
    pub peer: String,
    /// How it came: `mm4`, `mail`, `internal`.
    pub protocol: &'static str,
    /// Message-ID without angle brackets; empty when there is none.
    pub message_id: String,
    /// The envelope, in the gateway's encoding.
    pub envelope: Vec<u8>,
    /// The body, from [`Store::keep`](super::Store::keep).
    pub body: Body,
}

/// A message as it is read back, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its identity.
    pub id: MessageId,
    /// When it arrived.
    pub received: Millis,
    /// Name of the peer that sent it.
    pub peer: String,
    /// How it came.
    pub protocol: String,
    /// Message-ID without angle brackets.
    pub message_id: String,
    /// Size of the body.
    pub octets: u64,
    /// SHA-256 of the body.
    pub digest: Digest,
    /// The envelope, in the gateway's encoding.
    pub envelope: Vec<u8>,
}

/// State of a delivery. The numbers stand in the database and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Ready to be claimed when due.
    Waiting = 0,
    /// A node works on it; only that node with that attempt may settle it.
    Claimed = 1,
    /// Handed over; the response of the peer is outstanding. Ready to be claimed again when due.
    Awaiting = 2,
    /// Set aside until an operator releases it.
    Held = 3,
}

impl State {
    pub(super) const fn from_number(number: i32) -> Self {
        match number {
            1 => Self::Claimed,
            2 => Self::Awaiting,
            3 => Self::Held,
            _ => Self::Waiting,
        }
    }
}

/// How a new delivery begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Claimed by this node from birth, as attempt 1: the hot path needs no claim.
    Claimed {
        /// Length of the lease.
        lease_ms: i64,
    },
    /// Set aside for an operator.
    Held,
    /// Ready when due.
    Waiting,
}

/// One recipient of a message on its way to one destination, to be stored.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// From [`Store::allot`](super::Store::allot).
    pub id: DeliveryId,
    /// The message, stored before or in the same operation.
    pub message: MessageId,
    /// Unit of concurrency: a peer, a route or a domain.
    pub dest: String,
    /// Address of the recipient, for people.
    pub rcpt: String,
    /// Envelope data of this recipient, in the gateway's encoding.
    pub data: Vec<u8>,
    /// Not before.
    pub due: Millis,
    /// When to give up.
    pub expires: Millis,
    /// State at birth.
    pub start: Start,
}

/// A token of the duplicate filter: the same message offered again by the same peer has the same tokens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Seen {
    /// Name of the peer.
    pub peer: String,
    /// Message and recipient, as the peer names them.
    pub token: String,
    /// The message that it stands for.
    pub message: MessageId,
    /// Until when a repetition is recognised.
    pub until: Millis,
}

/// What became of a recipient, kept so that a later report finds its message.
/// A second one with the same `peer`, `remote` and `rcpt` replaces the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Name of the peer that will report.
    pub peer: String,
    /// The id that the peer will quote, without quotes or brackets.
    pub remote: String,
    /// The recipient as the peer will name it, normalised by the gateway; empty when reports name none.
    pub rcpt: String,
    /// The message.
    pub message: MessageId,
    /// The gateway's number for the outcome.
    pub state: i32,
    /// When it was reached.
    pub at: Millis,
    /// Until when a report is expected.
    pub until: Millis,
    /// What the report needs to know about the original, in the gateway's encoding.
    pub data: Vec<u8>,
}

/// How far a source of messages has been read. A second one of the same source replaces the first; written with a
/// message, it says that this one was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Name of the source, such as an account and a mailbox.
    pub source: String,
    /// When.
    pub at: Millis,
    /// The place, in the gateway's encoding.
    pub data: Vec<u8>,
}

/// One event in the life of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The message, stored or refused.
    pub message: MessageId,
    /// When.
    pub at: Millis,
    /// The event as JSON.
    pub event: String,
}

/// The claim under which a delivery is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Attempt number of the claim, or of the handing over when a response is settled.
    pub attempt: i32,
}

/// What a peer will quote in its response: for MM4 its transaction id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResponseKey {
    /// Name of the peer.
    pub peer: String,
    /// The quoted id.
    pub token: String,
}

/// What becomes of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settle {
    /// Handed over; the peer's response decides. Without one it becomes due again at `until`.
    Await {
        /// When the response is overdue.
        until: Millis,
        /// What the response will quote.
        keys: Vec<ResponseKey>,
        /// What is shown while it waits.
        reply: String,
    },
    /// Ended, whatever the outcome: the row goes.
    Done,
    /// Set aside for an operator.
    Hold {
        /// Why.
        reply: String,
    },
    /// Try again later.
    Retry {
        /// Not before.
        due: Millis,
        /// Whether this attempt may have been delivered; it is counted with the row.
        uncertain: bool,
        /// Why it waits.
        reply: String,
    },
}

/// One primitive write.
#[derive(Clone, Debug)]
pub enum Write {
    /// A new delivery.
    Delivery(Delivery),
    /// A new message.
    Message(Received),
    /// An outcome for later reports.
    Outcome(Outcome),
    /// How far a source has been read.
    Position(Position),
    /// A token of the duplicate filter. If it exists, the whole operation is answered [`Receipt::Duplicate`].
    Seen(Seen),
    /// The end of an attempt. If the fence does not hold, the whole operation is answered [`Receipt::Lost`].
    Settle(Fence, Settle),
    /// An event of a message's life.
    Trace(Trace),
}

impl Write {
    fn replace_nul(&mut self) {
        let replace = |texts: &mut [&mut String]| {
            for text in texts.iter_mut().filter(|text| text.contains('\0')) {
                **text = text.replace('\0', "\u{fffd}");
            }
        };
        match self {
            Self::Delivery(delivery) => replace(&mut [&mut delivery.dest, &mut delivery.rcpt]),
            Self::Message(message) => replace(&mut [&mut message.peer, &mut message.message_id]),
            Self::Outcome(outcome) => {
                replace(&mut [&mut outcome.peer, &mut outcome.remote, &mut outcome.rcpt])
            }
            Self::Position(position) => replace(&mut [&mut position.source]),
            Self::Seen(seen) => replace(&mut [&mut seen.peer, &mut seen.token]),
            Self::Settle(_, Settle::Await { keys, reply, .. }) => {
                replace(&mut [reply]);
                keys.iter_mut().for_each(|key| replace(&mut [&mut key.peer, &mut key.token]));
            }
            Self::Settle(_, Settle::Hold { reply } | Settle::Retry { reply, .. }) => replace(&mut [reply]),
            Self::Settle(_, Settle::Done) => {}
            Self::Trace(trace) => replace(&mut [&mut trace.event]),
        }
    }
}

/// Writes that happen together or not at all.
///
/// ```text
/// Op::at(now).message(m).delivery(d).seen(s).trace(t)          a message is accepted
/// Op::at(now).settle(fence, Settle::Done).outcome(o).trace(t)  an attempt has ended
/// ```
#[derive(Clone, Debug)]
pub struct Op {
    pub(super) at: Millis,
    pub(super) writes: Vec<Write>,
}

impl Op {
    /// An operation without writes; `now` is the time of the caller.
    pub const fn at(now: Millis) -> Self {
        Self { at: now, writes: Vec::new() }
    }

    /// Adds a delivery.
    pub fn delivery(self, delivery: Delivery) -> Self {
        self.write(Write::Delivery(delivery))
    }

    /// Adds a message.
    pub fn message(self, message: Received) -> Self {
        self.write(Write::Message(message))
    }

    /// Adds an outcome.
    pub fn outcome(self, outcome: Outcome) -> Self {
        self.write(Write::Outcome(outcome))
    }

    /// Adds how far a source has been read.
    pub fn position(self, position: Position) -> Self {
        self.write(Write::Position(position))
    }

    /// Adds a duplicate token.
    pub fn seen(self, seen: Seen) -> Self {
        self.write(Write::Seen(seen))
    }

    /// Adds the end of an attempt.
    pub fn settle(self, fence: Fence, settle: Settle) -> Self {
        self.write(Write::Settle(fence, settle))
    }

    /// Adds a trace event.
    pub fn trace(self, trace: Trace) -> Self {
        self.write(Write::Trace(trace))
    }

    /// Adds any write. A NUL in a text, which PostgreSQL does not store, becomes U+FFFD.
    pub fn write(mut self, mut write: Write) -> Self {
        write.replace_nul();
        self.writes.push(write);
        self
    }
}

/// What became of an operation. It is on stable storage when this is returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// Nothing was stored: these tokens were known.
    Duplicate {
        /// The message stored under the first of them.
        of: MessageId,
        /// The known tokens, so that recipients who are new can be offered again without them.
        tokens: Vec<String>,
    },
    /// Nothing was stored: somebody else has this delivery, or it has ended.
    Lost {
        /// The delivery.
        delivery: DeliveryId,
    },
    /// Everything was stored.
    Stored,
}

/// A destination with free capacity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Name of the destination.
    pub dest: String,
    /// How many deliveries it may take now.
    pub free: u32,
}

/// A delivery that this node has claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Identity and attempt, to settle it with.
    pub fence: Fence,
    /// The message, without its body.
    pub message: Message,
    /// Destination.
    pub dest: String,
    /// Recipient.
    pub rcpt: String,
    /// Envelope data of the recipient.
    pub data: Vec<u8>,
    /// When it was due.
    pub due: Millis,
    /// When to give up.
    pub expires: Millis,
    /// State it was claimed from: `Awaiting` means that the response is overdue.
    pub from: State,
    /// How often it was tried, this time included.
    pub tries: i32,
    /// How often an attempt ended unknown, because a process died or a connection was lost before the answer: each
    /// may have made a duplicate.
    pub uncertain: i32,
    /// What was shown while it waited.
    pub reply: String,
}

/// A delivery whose peer has responded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// Identity and attempt, to settle it with.
    pub fence: Fence,
    /// Current state; only `Awaiting` can be settled by the response.
    pub state: State,
    /// The message, without its body.
    pub message: Message,
    /// Destination.
    pub dest: String,
    /// Recipient.
    pub rcpt: String,
    /// Envelope data of the recipient.
    pub data: Vec<u8>,
    /// When to give up.
    pub expires: Millis,
    /// How often it was tried.
    pub tries: i32,
}

/// A destination with something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Name of the destination.
    pub dest: String,
    /// When the earliest of its deliveries is due.
    pub next: Millis,
}

/// Queue depth of one destination in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Name of the destination.
    pub dest: String,
    /// The state.
    pub state: State,
    /// How many deliveries.
    pub count: u64,
    /// When the oldest was made.
    pub oldest: Millis,
}

/// Which deliveries an operator means; absent fields match everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// These deliveries.
    pub ids: Option<Vec<DeliveryId>>,
    /// To this destination.
    pub dest: Option<String>,
    /// To this recipient.
    pub rcpt: Option<String>,
    /// In this state.
    pub state: Option<State>,
    /// Of this message.
    pub message: Option<MessageId>,
}

/// One line of the queue, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Identity and last attempt.
    pub fence: Fence,
    /// The message.
    pub message: MessageId,
    /// Destination.
    pub dest: String,
    /// Recipient.
    pub rcpt: String,
    /// State.
    pub state: State,
    /// Not before.
    pub due: Millis,
    /// When to give up.
    pub expires: Millis,
    /// How often it was tried.
    pub tries: i32,
    /// How often an attempt ended unknown.
    pub uncertain: i32,
    /// Node that works on it.
    pub owner: Option<String>,
    /// Why it waits.
    pub reply: String,
}

/// What an operator does to deliveries that no node works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Waiting becomes held.
    Hold,
    /// Held becomes waiting, due now.
    Release,
    /// Waiting becomes due now.
    Retry,
}

/// How long things are kept after nobody needs them for delivery.
/// Tokens and outcomes carry their own end.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Bodies, after the message arrived. Default 1 hour: content is not kept longer than needed.
    pub bodies_ms: i64,
    /// Messages (envelopes). Default 3 days.
    pub messages_ms: i64,
    /// Traces of messages that are gone. Default 7 days.
    pub traces_ms: i64,
    /// Blobs without a row, after they were written. Default 1 hour, which is longer than any commit takes.
    pub blobs_ms: i64,
}

impl Default for Retention {
    fn default() -> Self {
        const HOUR: i64 = 3_600_000;
        Self { bodies_ms: HOUR, messages_ms: 72 * HOUR, traces_ms: 168 * HOUR, blobs_ms: HOUR }
    }
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Bodies, inline or references to blobs.
    pub bodies: u64,
    /// Blobs unlinked.
    pub blobs: u64,
    /// Messages.
    pub messages: u64,
    /// Outcomes past their end.
    pub outcomes: u64,
    /// Tokens past their end.
    pub seen: u64,
    /// Trace events.
    pub traces: u64,
}
