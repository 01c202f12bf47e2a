//! The commands of a client (RFC 9051 section 6 and the extensions named on each).
//!
//! A command that an extension makes possible is refused where that is not offered, except MOVE, which is done by
//! COPY, STORE and EXPUNGE then. Messages are named by UID only: sequence numbers change while commands are under way.

use crate::grammar::{DateTime, Day, Flag, Mailbox, Section, SequenceSet};
use alloc::{boxed::Box, string::String, vec::Vec};
use bytes::Bytes;

/// What a server is asked to do.
#[derive(Debug, Clone)]
pub enum Command {
    /// Adds a message to a mailbox.
    Append(Append),
    /// Copies messages to a mailbox.
    Copy(SequenceSet, Mailbox),
    /// Makes a mailbox.
    Create(Mailbox),
    /// Removes those of these messages that are marked `\Deleted` (UIDPLUS).
    Expunge(SequenceSet),
    /// Asks about messages.
    Fetch(Fetch),
    /// Asks for mailboxes whose names match, from a reference on.
    List(ListCommand),
    /// Moves messages to a mailbox.
    Move(SequenceSet, Mailbox),
    /// Asks where mailboxes begin (RFC 2342).
    Namespace,
    /// Nothing; the server may tell what is new.
    Noop,
    /// What the server should tell about mailboxes unasked (RFC 5465); no groups is nothing.
    Notify(Vec<NotifyGroup>),
    /// Finds messages in the selected mailbox.
    Search(Search),
    /// Selects a mailbox.
    Select(Select),
    /// Asks about a mailbox without selecting it.
    Status(Mailbox, Vec<StatusItem>),
    /// Changes flags.
    Store(Store),
    /// Subscribes to a mailbox.
    Subscribe(Mailbox),
    /// Leaves the selected mailbox as it is (RFC 3691).
    Unselect,
}

/// APPEND, with CATENATE (RFC 4469) when there are URLs.
#[derive(Debug, Clone)]
pub struct Append {
    /// Where to.
    pub mailbox: Mailbox,
    /// With which flags.
    pub flags: Vec<Flag>,
    /// With which internal date; `None` is now.
    pub date: Option<DateTime>,
    /// The message in pieces.
    pub content: Vec<AppendPart>,
    /// Its header holds UTF-8 (RFC 6855).
    pub utf8: bool,
}

/// A piece of a message.
#[derive(Debug, Clone)]
pub enum AppendPart {
    /// These octets.
    Text(Bytes),
    /// What the server itself has under this IMAP URL.
    Url(String),
}

/// UID FETCH.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// Of which messages.
    pub uids: SequenceSet,
    /// What.
    pub items: Vec<FetchItem>,
    /// Only of messages that changed since this mod-sequence (RFC 7162).
    pub changed_since: Option<u64>,
    /// With `changed_since`, also which messages are gone (QRESYNC).
    pub vanished: bool,
}

/// What UID FETCH asks for. The UID itself comes always.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the specifications")]
pub enum FetchItem {
    /// The size without transfer encoding of a part (RFC 3516).
    BinarySize(Vec<u32>),
    BodyStructure,
    EmailId,
    Envelope,
    Flags,
    InternalDate,
    ModSeq,
    SaveDate,
    /// Content, without marking the message `\Seen`.
    Section {
        section: Section,
        /// At most so many octets.
        octets: Option<u64>,
    },
    Size,
    ThreadId,
}

/// LIST.
#[derive(Debug, Clone)]
pub struct ListCommand {
    /// Where names begin; usually empty.
    pub reference: String,
    /// The name with `%` for anything on one level and `*` for anything.
    pub pattern: String,
    /// Only subscribed ones (RFC 5258, or LSUB).
    pub subscribed: bool,
}

/// UID SEARCH.
#[derive(Debug, Clone)]
pub struct Search {
    /// What messages must be like.
    pub key: SearchKey,
}

/// What a message must be like to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the specifications")]
pub enum SearchKey {
    All,
    And(Vec<Self>),
    Answered,
    /// Internal date before this day.
    Before(Day),
    Deleted,
    Flagged,
    /// A header field holds this text; any text when it is empty.
    Header(String, String),
    Keyword(Flag),
    Larger(u32),
    /// Mod-sequence of this or later (RFC 7162).
    ModSeq(u64),
    Not(Box<Self>),
    Or(Box<(Self, Self)>),
    Seen,
    /// Internal date on this day or later.
    Since(Day),
    Smaller(u32),
    Uid(SequenceSet),
    Unkeyword(Flag),
    Unseen,
}

/// SELECT or EXAMINE.
#[derive(Debug, Clone)]
pub struct Select {
    /// Which one.
    pub mailbox: Mailbox,
    /// Without the right to change anything: EXAMINE.
    pub read_only: bool,
    /// Asks what happened since then (QRESYNC, which must be enabled).
    pub resync: Option<Resync>,
}

/// What a client knew of a mailbox (RFC 7162 section 3.2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resync {
    /// When it is another one now, the server tells nothing.
    pub uid_validity: u32,
    /// The greatest mod-sequence that was seen.
    pub mod_seq: u64,
    /// The messages that are known; `None` is all.
    pub uids: Option<SequenceSet>,
}

/// What STATUS asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the specifications")]
pub enum StatusItem {
    AppendLimit,
    Deleted,
    HighestModSeq,
    MailboxId,
    Messages,
    Size,
    UidNext,
    UidValidity,
    Unseen,
}

/// UID STORE.
#[derive(Debug, Clone)]
pub struct Store {
    /// Of which messages.
    pub uids: SequenceSet,
    /// What to do with the flags.
    pub change: Change,
    /// Which flags.
    pub flags: Vec<Flag>,
    /// Only of messages that did not change since (RFC 7162); the others are in the code MODIFIED.
    pub unchanged_since: Option<u64>,
}

/// What STORE does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Sets them.
    Add,
    /// Clears them.
    Remove,
    /// Sets them and clears all others.
    Replace,
}

/// Events of some mailboxes (RFC 5465 section 5).
#[derive(Debug, Clone)]
pub struct NotifyGroup {
    /// Of which mailboxes.
    pub mailboxes: NotifyMailboxes,
    /// Which events, such as `MessageNew`, `MessageExpunge`, `FlagChange`.
    pub events: Vec<String>,
}

/// Of which mailboxes events are told (RFC 5465 section 6).
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names are those of the specification")]
pub enum NotifyMailboxes {
    Inboxes,
    Mailboxes(Vec<Mailbox>),
    Personal,
    Selected,
    SelectedDelayed,
    Subscribed,
    Subtree(Vec<Mailbox>),
}

/// Why [`super::Client::submit`] did not take a command; the session is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The message holds NUL, and the server has no BINARY.
    NeedsBinary,
    /// Too many commands wait already.
    Full,
    /// The server does not offer, or has not enabled, what this needs.
    NotOffered(&'static str),
    /// The session is not ready for commands.
    NotReady,
    /// No mailbox is selected.
    NotSelected,
    /// A set or list is empty, or a name cannot be written.
    Parameter,
    /// The server takes messages of at most so many octets.
    TooLarge(u64),
}
