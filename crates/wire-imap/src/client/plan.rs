//! How commands are written, and what they need of the server.

use super::{
    command::{
        Append, AppendPart, Change, Command, Fetch, FetchItem, ListCommand, NotifyGroup, NotifyMailboxes,
        Refused, Search, SearchKey, Select, StatusItem, Store,
    },
    event::Yield,
};
use crate::grammar::{Capabilities, Day, Flag, Fragment, Mailbox, Names, Section, SequenceSet, Writer};
use alloc::{
    boxed::Box,
    collections::{BTreeSet, VecDeque},
    string::String,
    vec::Vec,
};
use bytes::{Bytes, BytesMut};

/// What of a session decides how a command is written.
pub(super) struct Terms<'a> {
    pub(super) capabilities: &'a Capabilities,
    pub(super) enabled: &'a BTreeSet<String>,
    pub(super) names: Names,
}

/// A command as it is sent: one stage after the other, each when the one before has succeeded.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) stages: VecDeque<Vec<Fragment>>,
    /// Nothing else may run at the same time.
    pub(super) alone: bool,
    pub(super) result: Yield,
    pub(super) select: Option<(Mailbox, bool)>,
    pub(super) unselect: bool,
    /// The first stage was sent.
    pub(super) begun: bool,
}

impl Plan {
    fn one(writer: Writer) -> Self {
        Self::of(VecDeque::from([writer.finish()]))
    }

    const fn of(stages: VecDeque<Vec<Fragment>>) -> Self {
        Self { stages, alone: false, result: Yield::None, select: None, unselect: false, begun: false }
    }
}

impl Terms<'_> {
    fn needs(&self, name: &'static str) -> Result<(), Refused> {
        if self.capabilities.has(name) { Ok(()) } else { Err(Refused::NotOffered(name)) }
    }

    fn is_rev2(&self) -> bool {
        self.enabled.contains("IMAP4REV2")
    }

    fn needs_mod_seq(&self) -> Result<(), Refused> {
        if self.capabilities.has("QRESYNC") { Ok(()) } else { self.needs("CONDSTORE") }
    }

    fn writer(&self, text: &str) -> Writer {
        let mut writer = Writer::new(self.names);
        writer.raw(text);
        writer
    }
}

impl Command {
    /// Whether a mailbox must be selected.
    pub(super) const fn needs_selected(&self) -> bool {
        matches!(
            self,
            Self::Copy(..)
                | Self::Expunge(_)
                | Self::Fetch(_)
                | Self::Move(..)
                | Self::Search(_)
                | Self::Store(_)
                | Self::Unselect
        )
    }

    pub(super) fn plan(self, terms: &Terms<'_>) -> Result<Plan, Refused> {
        let simple = |text: &str| Ok(Plan::one(terms.writer(text)));
        let on_mailbox = |text: &str, mailbox: &Mailbox| {
            let mut writer = terms.writer(text);
            writer.mailbox(mailbox);
            Ok(Plan::one(writer))
        };
        match self {
            Self::Append(append) => append.plan(terms),
            Self::Copy(uids, mailbox) => {
                let plan = Plan::one(copy("UID COPY ", &uids, &mailbox, terms)?);
                Ok(Plan { result: Yield::Copied { uids: None, removed: false }, ..plan })
            }
            Self::Create(mailbox) => on_mailbox("CREATE ", &mailbox),
            Self::Expunge(uids) => {
                if !terms.is_rev2() {
                    terms.needs("UIDPLUS")?;
                }
                Ok(Plan::one(uid_expunge(&uids, terms)?))
            }
            Self::Fetch(fetch) => fetch.plan(terms),
            Self::List(list) => Ok(list.plan(terms)),
            Self::Move(uids, mailbox) => move_plan(&uids, &mailbox, terms),
            Self::Namespace => {
                if !terms.is_rev2() {
                    terms.needs("NAMESPACE")?;
                }
                simple("NAMESPACE")
            }
            Self::Noop => simple("NOOP"),
            Self::Notify(groups) => notify(&groups, terms),
            Self::Search(search) => search.plan(terms),
            Self::Select(select) => select.plan(terms),
            Self::Status(mailbox, items) => status(&mailbox, &items, terms),
            Self::Store(store) => Ok(Plan::one(store.writer(terms)?)),
            Self::Subscribe(mailbox) => on_mailbox("SUBSCRIBE ", &mailbox),
            Self::Unselect => {
                if !terms.is_rev2() {
                    terms.needs("UNSELECT")?;
                }
                Ok(Plan { alone: true, unselect: true, ..Plan::one(terms.writer("UNSELECT")) })
            }
        }
    }
}

fn not_empty(uids: &SequenceSet) -> Result<(), Refused> {
    if uids.is_empty() { Err(Refused::Parameter) } else { Ok(()) }
}

fn copy(verb: &str, uids: &SequenceSet, mailbox: &Mailbox, terms: &Terms<'_>) -> Result<Writer, Refused> {
    not_empty(uids)?;
    let mut writer = terms.writer(verb);
    writer.set(uids).raw(" ").mailbox(mailbox);
    Ok(writer)
}

fn uid_expunge(uids: &SequenceSet, terms: &Terms<'_>) -> Result<Writer, Refused> {
    not_empty(uids)?;
    let mut writer = terms.writer("UID EXPUNGE ");
    writer.set(uids);
    Ok(writer)
}

/// MOVE (RFC 6851), or what it stands for. Without UIDPLUS the originals stay behind, marked: EXPUNGE would remove
/// what others have marked, too.
fn move_plan(uids: &SequenceSet, mailbox: &Mailbox, terms: &Terms<'_>) -> Result<Plan, Refused> {
    if terms.is_rev2() || terms.capabilities.has("MOVE") {
        let plan = Plan::one(copy("UID MOVE ", uids, mailbox, terms)?);
        return Ok(Plan { result: Yield::Copied { uids: None, removed: true }, ..plan });
    }
    let mark = Store {
        uids: uids.clone(),
        change: Change::Add,
        flags: Vec::from([Flag::Deleted]),
        unchanged_since: None,
    };
    let mut stages =
        VecDeque::from([copy("UID COPY ", uids, mailbox, terms)?.finish(), mark.writer(terms)?.finish()]);
    let removed = terms.capabilities.has("UIDPLUS");
    if removed {
        stages.push_back(uid_expunge(uids, terms)?.finish());
    }
    Ok(Plan { result: Yield::Copied { uids: None, removed }, ..Plan::of(stages) })
}

fn status(mailbox: &Mailbox, items: &[StatusItem], terms: &Terms<'_>) -> Result<Plan, Refused> {
    if items.is_empty() {
        return Err(Refused::Parameter);
    }
    let mut writer = terms.writer("STATUS ");
    writer.mailbox(mailbox).raw(" ").list(items, |writer, item| {
        writer.raw(match item {
            StatusItem::AppendLimit => "APPENDLIMIT",
            StatusItem::Deleted => "DELETED",
            StatusItem::HighestModSeq => "HIGHESTMODSEQ",
            StatusItem::MailboxId => "MAILBOXID",
            StatusItem::Messages => "MESSAGES",
            StatusItem::Size => "SIZE",
            StatusItem::UidNext => "UIDNEXT",
            StatusItem::UidValidity => "UIDVALIDITY",
            StatusItem::Unseen => "UNSEEN",
        });
    });
    Ok(Plan::one(writer))
}

fn notify(groups: &[NotifyGroup], terms: &Terms<'_>) -> Result<Plan, Refused> {
    terms.needs("NOTIFY")?;
    let is_word =
        |event: &String| !event.is_empty() && event.bytes().all(|octet| octet.is_ascii_alphanumeric());
    if !groups.iter().all(|group| group.events.iter().all(is_word)) {
        return Err(Refused::Parameter);
    }
    if groups.is_empty() {
        return Ok(Plan::one(terms.writer("NOTIFY NONE")));
    }
    let mut writer = terms.writer("NOTIFY SET");
    for group in groups {
        writer.raw(" (");
        let named = match &group.mailboxes {
            NotifyMailboxes::Inboxes => ("inboxes", None),
            NotifyMailboxes::Mailboxes(mailboxes) => ("mailboxes ", Some(mailboxes)),
            NotifyMailboxes::Personal => ("personal", None),
            NotifyMailboxes::Selected => ("selected", None),
            NotifyMailboxes::SelectedDelayed => ("selected-delayed", None),
            NotifyMailboxes::Subscribed => ("subscribed", None),
            NotifyMailboxes::Subtree(mailboxes) => ("subtree ", Some(mailboxes)),
        };
        writer.raw(named.0);
        if let Some(mailboxes) = named.1 {
            writer.list(mailboxes, |writer, mailbox| {
                writer.mailbox(mailbox);
            });
        }
        writer.raw(" ");
        if group.events.is_empty() {
            writer.raw("NONE");
        } else {
            writer.list(&group.events, |writer, event| {
                writer.raw(event);
            });
        }
        writer.raw(")");
    }
    Ok(Plan::one(writer))
}

impl Append {
    fn plan(self, terms: &Terms<'_>) -> Result<Plan, Refused> {
        let octets: u64 = self
            .content
            .iter()
            .map(|part| match part {
                AppendPart::Text(text) => text.len() as u64,
                AppendPart::Url(_) => 0,
            })
            .sum();
        if let Some(limit) = terms.capabilities.append_limit().filter(|limit| octets > *limit) {
            return Err(Refused::TooLarge(limit));
        }
        if self.utf8 && !terms.enabled.contains("UTF8=ACCEPT") {
            return Err(Refused::NotOffered("UTF8=ACCEPT"));
        }
        let mut writer = terms.writer("APPEND ");
        writer.mailbox(&self.mailbox).raw(" ");
        if !self.flags.is_empty() {
            writer.flags(&self.flags).raw(" ");
        }
        if let Some(date) = &self.date {
            writer.date_time(date).raw(" ");
        }
        let by_url = self.content.iter().any(|part| matches!(part, AppendPart::Url(_)));
        if by_url {
            terms.needs("CATENATE")?;
            writer.raw("CATENATE (");
            for (at, part) in self.content.into_iter().enumerate() {
                writer.raw(if at > 0 { " " } else { "" });
                match part {
                    AppendPart::Text(text) => {
                        let binary = needs_binary(&text, terms)?;
                        writer.raw("TEXT ").literal(text, binary);
                    }
                    AppendPart::Url(url) => {
                        writer.raw("URL ").astring(url.as_bytes());
                    }
                }
            }
            writer.raw(")");
        } else {
            let text = joined(self.content);
            if text.is_empty() {
                return Err(Refused::Parameter);
            }
            let binary = needs_binary(&text, terms)?;
            if self.utf8 {
                writer.raw("UTF8 (").literal(text, true).raw(")");
            } else {
                writer.literal(text, binary);
            }
        }
        Ok(Plan { result: Yield::Appended(None), ..Plan::one(writer) })
    }
}

fn needs_binary(text: &[u8], terms: &Terms<'_>) -> Result<bool, Refused> {
    let binary = memchr::memchr(0, text).is_some();
    if binary && !terms.capabilities.has("BINARY") { Err(Refused::NeedsBinary) } else { Ok(binary) }
}

/// The octets of the text parts, without a copy when there is one.
fn joined(parts: Vec<AppendPart>) -> Bytes {
    let mut texts = parts.into_iter().filter_map(|part| match part {
        AppendPart::Text(text) => Some(text),
        AppendPart::Url(_) => None,
    });
    let first = texts.next().unwrap_or_default();
    let Some(second) = texts.next() else { return first };
    let mut all = BytesMut::from(first.as_ref());
    all.extend_from_slice(&second);
    texts.for_each(|text| all.extend_from_slice(&text));
    all.freeze()
}

impl Fetch {
    fn plan(self, terms: &Terms<'_>) -> Result<Plan, Refused> {
        not_empty(&self.uids)?;
        for item in &self.items {
            match item {
                FetchItem::BinarySize(_)
                | FetchItem::Section { section: Section { binary: true, .. }, .. }
                    if !terms.is_rev2() =>
                {
                    terms.needs("BINARY")?;
                }
                FetchItem::EmailId | FetchItem::ThreadId => terms.needs("OBJECTID")?,
                FetchItem::ModSeq => terms.needs_mod_seq()?,
                FetchItem::SaveDate => terms.needs("SAVEDATE")?,
                _ => {}
            }
        }
        let mut writer = terms.writer("UID FETCH ");
        writer.set(&self.uids).raw(" (UID");
        for item in &self.items {
            writer.raw(" ");
            match item {
                FetchItem::BinarySize(part) => {
                    writer.raw("BINARY.SIZE[");
                    for (at, number) in part.iter().enumerate() {
                        writer.raw(if at > 0 { "." } else { "" }).number(u64::from(*number));
                    }
                    writer.raw("]");
                }
                FetchItem::BodyStructure => {
                    writer.raw("BODYSTRUCTURE");
                }
                FetchItem::EmailId => {
                    writer.raw("EMAILID");
                }
                FetchItem::Envelope => {
                    writer.raw("ENVELOPE");
                }
                FetchItem::Flags => {
                    writer.raw("FLAGS");
                }
                FetchItem::InternalDate => {
                    writer.raw("INTERNALDATE");
                }
                FetchItem::ModSeq => {
                    writer.raw("MODSEQ");
                }
                FetchItem::SaveDate => {
                    writer.raw("SAVEDATE");
                }
                FetchItem::Section { section, octets } => section.write(&mut writer, true, *octets),
                FetchItem::Size => {
                    writer.raw("RFC822.SIZE");
                }
                FetchItem::ThreadId => {
                    writer.raw("THREADID");
                }
            }
        }
        writer.raw(")");
        if let Some(mod_seq) = self.changed_since {
            terms.needs_mod_seq()?;
            writer.raw(" (CHANGEDSINCE ").number(mod_seq);
            if self.vanished {
                if !terms.enabled.contains("QRESYNC") {
                    return Err(Refused::NotOffered("QRESYNC"));
                }
                writer.raw(" VANISHED");
            }
            writer.raw(")");
        }
        Ok(Plan::one(writer))
    }
}

impl ListCommand {
    fn plan(self, terms: &Terms<'_>) -> Plan {
        let extended = terms.is_rev2() || terms.capabilities.has("LIST-EXTENDED");
        let special = terms.is_rev2() || terms.capabilities.has("SPECIAL-USE");
        let mut writer = terms.writer(match (self.subscribed, extended) {
            (true, true) => "LIST (SUBSCRIBED) ",
            (true, false) => "LSUB ",
            (false, _) => "LIST ",
        });
        let name = |name: &str| Mailbox::new(name).to_wire(terms.names);
        writer.string(&name(&self.reference)).raw(" ").string(&name(&self.pattern));
        if extended && special {
            writer.raw(" RETURN (SPECIAL-USE CHILDREN SUBSCRIBED)");
        }
        Plan::one(writer)
    }
}

impl Search {
    fn plan(self, terms: &Terms<'_>) -> Result<Plan, Refused> {
        let extended = terms.is_rev2() || terms.capabilities.has("ESEARCH");
        let mut writer = terms.writer("UID SEARCH ");
        if extended {
            writer.raw("RETURN (ALL COUNT) ");
        }
        if terms.names == Names::Utf7 && !self.key.is_ascii() {
            writer.raw("CHARSET UTF-8 ");
        }
        self.key.write(&mut writer, terms)?;
        Ok(Plan { alone: !extended, result: Yield::Found(Box::default()), ..Plan::one(writer) })
    }
}

/// Keys within keys. Deeper ones are refused: servers refuse them too.
const MAX_SEARCH_DEPTH: usize = 16;

impl SearchKey {
    fn is_ascii(&self) -> bool {
        match self {
            Self::And(keys) => keys.iter().all(Self::is_ascii),
            Self::Or(keys) => keys.0.is_ascii() && keys.1.is_ascii(),
            Self::Not(key) => key.is_ascii(),
            Self::Header(name, text) => name.is_ascii() && text.is_ascii(),
            _ => true,
        }
    }

    fn write(&self, writer: &mut Writer, terms: &Terms<'_>) -> Result<(), Refused> {
        self.write_at(writer, terms, 0)
    }

    fn write_at(&self, writer: &mut Writer, terms: &Terms<'_>, depth: usize) -> Result<(), Refused> {
        if depth > MAX_SEARCH_DEPTH {
            return Err(Refused::Parameter);
        }
        let flag = |flag: &Flag| {
            if flag.is_writable() { Ok(alloc::format!("{flag}")) } else { Err(Refused::Parameter) }
        };
        let day = |day: &Day| alloc::format!("{day}");
        match self {
            Self::All => {
                writer.raw("ALL");
            }
            Self::And(keys) => {
                if keys.is_empty() {
                    return Err(Refused::Parameter);
                }
                writer.raw("(");
                for (at, key) in keys.iter().enumerate() {
                    writer.raw(if at > 0 { " " } else { "" });
                    key.write_at(writer, terms, depth + 1)?;
                }
                writer.raw(")");
            }
            Self::Answered => {
                writer.raw("ANSWERED");
            }
            Self::Before(date) => {
                writer.raw("BEFORE ").raw(&day(date));
            }
            Self::Deleted => {
                writer.raw("DELETED");
            }
            Self::Flagged => {
                writer.raw("FLAGGED");
            }
            Self::Header(name, text) => {
                writer.raw("HEADER ").astring(name.as_bytes()).raw(" ").string(text.as_bytes());
            }
            Self::Keyword(keyword) => {
                writer.raw("KEYWORD ").raw(&flag(keyword)?);
            }
            Self::Larger(octets) => {
                writer.raw("LARGER ").number(u64::from(*octets));
            }
            Self::ModSeq(mod_seq) => {
                terms.needs_mod_seq()?;
                writer.raw("MODSEQ ").number(*mod_seq);
            }
            Self::Not(key) => {
                writer.raw("NOT ");
                key.write_at(writer, terms, depth + 1)?;
            }
            Self::Or(keys) => {
                writer.raw("OR ");
                keys.0.write_at(writer, terms, depth + 1)?;
                writer.raw(" ");
                keys.1.write_at(writer, terms, depth + 1)?;
            }
            Self::Seen => {
                writer.raw("SEEN");
            }
            Self::Since(date) => {
                writer.raw("SINCE ").raw(&day(date));
            }
            Self::Smaller(octets) => {
                writer.raw("SMALLER ").number(u64::from(*octets));
            }
            Self::Uid(uids) => {
                not_empty(uids)?;
                writer.raw("UID ").set(uids);
            }
            Self::Unkeyword(keyword) => {
                writer.raw("UNKEYWORD ").raw(&flag(keyword)?);
            }
            Self::Unseen => {
                writer.raw("UNSEEN");
            }
        }
        Ok(())
    }
}

impl Select {
    fn plan(self, terms: &Terms<'_>) -> Result<Plan, Refused> {
        let mut writer = terms.writer(if self.read_only { "EXAMINE " } else { "SELECT " });
        writer.mailbox(&self.mailbox);
        if let Some(resync) = &self.resync {
            if !terms.enabled.contains("QRESYNC") {
                return Err(Refused::NotOffered("QRESYNC"));
            }
            writer.raw(" (QRESYNC (").number(u64::from(resync.uid_validity)).raw(" ").number(resync.mod_seq);
            if let Some(uids) = resync.uids.as_ref().filter(|uids| !uids.is_empty()) {
                writer.raw(" ").set(uids);
            }
            writer.raw("))");
        } else if terms.capabilities.has("CONDSTORE") {
            writer.raw(" (CONDSTORE)");
        }
        Ok(Plan { alone: true, select: Some((self.mailbox, self.read_only)), ..Plan::one(writer) })
    }
}

impl Store {
    fn writer(&self, terms: &Terms<'_>) -> Result<Writer, Refused> {
        not_empty(&self.uids)?;
        if !self.flags.iter().all(Flag::is_writable) {
            return Err(Refused::Parameter);
        }
        let mut writer = terms.writer("UID STORE ");
        writer.set(&self.uids);
        if let Some(mod_seq) = self.unchanged_since {
            terms.needs_mod_seq()?;
            writer.raw(" (UNCHANGEDSINCE ").number(mod_seq).raw(")");
        }
        writer.raw(match self.change {
            Change::Add => " +FLAGS.SILENT ",
            Change::Remove => " -FLAGS.SILENT ",
            Change::Replace => " FLAGS.SILENT ",
        });
        writer.flags(&self.flags);
        Ok(writer)
    }
}
