//! What a client session tells the gateway.

use crate::grammar::{
    AppendUid, Capabilities, CopyUid, Esearch, Excess, Flag, Mailbox, Malformed, Response, Status, Streamed,
    Text,
};
use alloc::{boxed::Box, string::String, vec::Vec};
use bytes::Bytes;

/// Names a command from [`super::Client::submit`] to its [`Event::Done`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u64);

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Content of a message begins; its chunks follow, then [`Event::Ends`], then the FETCH that it is part of. A
    /// connection that fails before leaves the content incomplete.
    Begins(Streamed),
    /// Some octets of it.
    Chunk(Bytes),
    /// What the server says without being asked, or while a command runs.
    Data(Box<Response>),
    /// A command is over. Each one that was submitted gets exactly one of these.
    Done {
        /// Which one.
        id: CommandId,
        /// How.
        outcome: Result<Box<Completed>, Box<Failure>>,
    },
    /// The content that had begun is complete.
    Ends,
    /// The connection is of no use any more; [`cedrat_session::Step::Close`] follows.
    Failed {
        /// How far it had come.
        stage: Stage,
        /// Why.
        cause: Cause,
    },
    /// Commands may be submitted.
    Ready {
        /// What the server offers now.
        capabilities: Box<Capabilities>,
    },
    /// A response could not be read; the session goes on behind it.
    Unreadable(Malformed),
    /// There is nothing to do: IDLE has begun, and what happens in the mailbox is told at once; or, where there is none,
    /// the mailbox was looked at.
    Watching,
}

/// A command that the server has carried out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Completed {
    /// The server's words.
    pub text: Text,
    /// What came of it, for commands of which something comes.
    pub result: Yield,
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Yield {
    /// Where the message is, when the server says so (UIDPLUS).
    Appended(Option<AppendUid>),
    /// Where the messages are, when the server says so (UIDPLUS).
    Copied {
        /// Old and new numbers.
        uids: Option<CopyUid>,
        /// `false` when the originals are only marked `\Deleted`, because the server has neither MOVE nor UID EXPUNGE.
        removed: bool,
    },
    /// What was found, in whatever form the server answered.
    Found(Box<Esearch>),
    /// Nothing but data.
    #[default]
    None,
    /// What the mailbox is like.
    Selected(Box<Selected>),
}

/// The mailbox that is selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// Its name.
    pub mailbox: Mailbox,
    /// Whether nothing in it can be changed.
    pub read_only: bool,
    /// How many messages there are.
    pub exists: u32,
    /// The epoch of its UIDs; `None` when they are good for this session only.
    pub uid_validity: Option<u32>,
    /// The least UID that the next message can have.
    pub uid_next: Option<u32>,
    /// The greatest mod-sequence; `None` when the mailbox has none.
    pub highest_mod_seq: Option<u64>,
    /// The flags in use.
    pub flags: Vec<Flag>,
    /// The flags that can be changed for good; `None` when the server did not say, so all.
    pub permanent_flags: Option<Vec<Flag>>,
    /// Its permanent name (RFC 8474).
    pub mailbox_id: Option<String>,
}

impl Selected {
    pub(super) const fn new(mailbox: Mailbox, read_only: bool) -> Self {
        Self {
            mailbox,
            read_only,
            exists: 0,
            uid_validity: None,
            uid_next: None,
            highest_mod_seq: None,
            flags: Vec::new(),
            permanent_flags: None,
            mailbox_id: None,
        }
    }

    /// Whether this keyword can be put on messages for good.
    #[must_use]
    pub fn keeps(&self, flag: &Flag) -> bool {
        self.permanent_flags.as_ref().is_none_or(|flags| {
            flags.contains(flag) || (matches!(flag, Flag::Keyword(_)) && flags.contains(&Flag::Any))
        })
    }
}

/// Why a command did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The connection was lost before anything of it was sent.
    NotSent,
    /// The server refuses: NO, or BAD.
    Refused(Status, Text),
    /// The connection was lost when it had been sent at least in part: it may have been carried out.
    Uncertain,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// AUTHENTICATE or LOGIN.
    Auth,
    /// Before the greeting.
    Greeting,
    /// LOGOUT was said.
    Logout,
    /// Commands run, or may.
    Open,
    /// What comes before commands: CAPABILITY, ENABLE and the like.
    Prelude,
    /// STARTTLS.
    StartTls,
}

/// Why a connection failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The server does not take the password or token. The text behind is what an OAuth server says, as JSON.
    AuthRefused(Text, Option<String>),
    /// A secret would go over the wire in clear text.
    AuthInClear,
    /// The server offers no mechanism that is known here for what there is to prove.
    AuthNotOffered,
    /// The server says BYE.
    Bye(Text),
    /// The compressed stream is none.
    Compression,
    /// The stream ended.
    Ended,
    /// A response broke a bound.
    Excess(Excess),
    /// More responses than the session takes, or more that cannot be read.
    Flood,
    /// What came is not IMAP.
    Malformed(Malformed),
    /// The server did not prove that it knows the password, too.
    NotGenuine,
    /// PREAUTH came in clear text where TLS is required: nobody can tell from whom.
    PreAuthInClear,
    /// The server refuses what the session cannot do without.
    Refused(Status, Text),
    /// UIDVALIDITY of the selected mailbox changed: numbers mean other messages now.
    Renumbered,
    /// The server owes an answer for too long.
    Timeout,
    /// TLS is required and not offered.
    TlsNotOffered,
}
