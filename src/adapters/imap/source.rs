//! What is done with a watched mailbox: look, fetch, take, mark, and wait for more.
//!
//! A message is taken in the order of its UID. It counts as taken when it is stored, together with the place behind
//! it; only then is it marked. A message that is refused for good goes to its own place with a word in the log; one
//! that is refused for now ends the connection, and is tried again with the next one.

use std::{collections::VecDeque, net::IpAddr, sync::Arc};

use cedrat_message::{Blame, Permanence, Reason, Refusal};
use cedrat_wire_imap::{
    client::{
        Change, Client, Command, CommandId, Completed, Event, Failure, Fetch, FetchItem, Search, SearchKey,
        Select, Selected, Store, Yield,
    },
    grammar::{Code, Flag, Mailbox, Response, Section, SequenceSet},
};
use cedrat_wire_mail::{
    smtp::{Address, Form, Mail, Rcpt},
    value::addresses,
};
use tokio::sync::OwnedSemaphorePermit;

use super::place::Place;
use crate::{
    adapters::smtp::listener::Side,
    clock,
    config::{
        Peer,
        imap::{Account, After},
    },
    drive::{Host, TlsFacts},
    events::{self, Protocol},
    gateway::{Gateway, Settings},
    intake::{self, Transaction},
    store::Op,
};

/// On every message that was taken, where the mailbox keeps keywords: after the server has numbered the messages
/// anew, it is the only thing that tells them apart.
const TAKEN: &str = "$CedratTaken";
/// On every message that was refused for good and stays.
const REFUSED: &str = "$CedratRefused";

/// How many of the UIDs that there may be are searched at once, so that no answer is too long.
const WINDOW: u32 = 100_000;

/// The one who decides on the events of a session.
pub(super) struct Watcher<'a> {
    gateway: &'a Arc<Gateway>,
    settings: &'a Arc<Settings>,
    account: &'a Account,
    peer: &'a Peer,
    remote: IpAddr,
    session: String,
    tls: Option<String>,
    place: Place,
    keeps_keywords: bool,
    /// All that is in the mailbox was taken before it was numbered anew, unless it lacks the keyword.
    renumbered: bool,
    /// The greatest UID that was in use when the mailbox was selected; 0 when the server did not say.
    last: u32,
    doing: Doing,
    waiting: VecDeque<u32>,
    incoming: Incoming,
    /// Whether there may be something that was not looked at.
    look: bool,
    taken: u64,
    failure: Option<String>,
}

/// The command whose end is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Fetching(CommandId, u32),
    Making(CommandId),
    Marking(CommandId, u32),
    Nothing,
    Searching(CommandId, u32),
    Selecting(CommandId),
}

/// A message that is being fetched.
#[derive(Default)]
struct Incoming {
    content: Vec<u8>,
    complete: bool,
    refused: Option<Refusal>,
    reserved: u64,
    memory: Vec<OwnedSemaphorePermit>,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(
        gateway: &'a Arc<Gateway>,
        settings: &'a Arc<Settings>,
        account: &'a Account,
        peer: &'a Peer,
        remote: IpAddr,
    ) -> Self {
        Self {
            gateway,
            settings,
            account,
            peer,
            remote,
            session: clock::token().get(..12).unwrap_or_default().to_owned(),
            tls: None,
            place: Place::new(0, 1),
            keeps_keywords: false,
            renumbered: false,
            last: 0,
            doing: Doing::Nothing,
            waiting: VecDeque::new(),
            incoming: Incoming::default(),
            look: false,
            taken: 0,
            failure: None,
        }
    }

    pub(super) fn session(&self) -> &str {
        &self.session
    }

    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    pub(super) fn failure(&mut self) -> Option<String> {
        self.failure.take()
    }

    /// Gives the connection up; the next one begins where the place says.
    fn fail(&mut self, why: String, session: &mut Client) {
        self.failure.get_or_insert(why);
        session.abort();
    }

    /// Submits a command whose end is waited for.
    fn submit(&mut self, command: Command, session: &mut Client, doing: impl FnOnce(CommandId) -> Doing) {
        match session.submit(command) {
            Ok(id) => self.doing = doing(id),
            Err(refused) => self.fail(format!("the server cannot do what is needed: {refused:?}"), session),
        }
    }

    /// Makes the mailboxes that messages go to; that they exist already is no fault.
    fn make(&mut self, session: &mut Client) {
        let moved_to = match &self.account.after {
            After::Move(to) => Some(to),
            _ => None,
        };
        for name in moved_to.into_iter().chain(&self.account.refused_to) {
            self.submit(Command::Create(Mailbox::new(name)), session, Doing::Making);
        }
        let mailbox = Mailbox::new(&self.account.mailbox);
        let select = Select { mailbox, read_only: false, resync: None };
        self.submit(Command::Select(select), session, Doing::Selecting);
    }

    async fn selected(&mut self, selected: &Selected) -> Result<(), String> {
        if selected.read_only {
            return Err(format!("mailbox {} cannot be changed", self.account.mailbox));
        }
        self.keeps_keywords = selected.keeps(&Flag::Keyword(TAKEN.into()));
        let epoch = selected.uid_validity.unwrap_or(0);
        let stored = self
            .gateway
            .store
            .position(&Place::source(self.account))
            .await
            .map_err(|fault| fault.to_string())?;
        let stored = match stored {
            None => None,
            Some(data) => Some(
                Place::read(&data)
                    .ok_or("the place in the mailbox was stored by another version of this program")?,
            ),
        };
        self.place = match stored {
            Some(place) if place.epoch == epoch => place,
            Some(place) => {
                self.renumbered = true;
                self.gateway.events.tell(&events::Event::Fault {
                    what: "imap",
                    detail: format!(
                        "mailbox {}: the server has numbered {} anew (UIDVALIDITY {} was {}); messages with the keyword {TAKEN} or a Message-ID that is known are not taken again",
                        self.account.id, self.account.mailbox, epoch, place.epoch
                    ),
                });
                Place::new(epoch, 1)
            }
            None => {
                let next = selected.uid_next.unwrap_or(1);
                let place = Place::new(epoch, if self.account.begin_with_all { 1 } else { next });
                self.keep(&place).await?;
                place
            }
        };
        self.last = selected.uid_next.map_or(0, |next| next.saturating_sub(1));
        self.look = true;
        Ok(())
    }

    /// Stores a place on its own.
    async fn keep(&self, place: &Place) -> Result<(), String> {
        let now = clock::now().0;
        let op = Op::at(now).position(place.position(self.account, now));
        self.gateway.store.submit(op).await.map(drop).map_err(|fault| fault.to_string())
    }

    /// Does the next thing, or waits for something to happen.
    fn next(&mut self, session: &mut Client) {
        if self.doing != Doing::Nothing || !session.is_ready() || session.selected().is_none() {
            return;
        }
        if let Some(uid) = self.place.pending.first().copied() {
            return self.mark(uid, session);
        }
        if let Some(uid) = self.waiting.pop_front() {
            self.incoming = Incoming::default();
            let section = FetchItem::Section { section: Section::default(), octets: None };
            let fetch = Fetch {
                uids: SequenceSet::one(uid),
                items: vec![section],
                changed_since: None,
                vanished: false,
            };
            return self.submit(Command::Fetch(fetch), session, |id| Doing::Fetching(id, uid));
        }
        if self.look {
            let first = self.place.next;
            let end = first.saturating_add(WINDOW);
            // What came since is beyond `last`, so the last window has no end.
            let uids =
                if end > self.last { SequenceSet::from(first) } else { SequenceSet::range(first, end) };
            let mut keys = vec![SearchKey::Uid(uids), SearchKey::Not(Box::new(SearchKey::Deleted))];
            if self.keeps_keywords {
                keys.push(SearchKey::Unkeyword(Flag::Keyword(REFUSED.into())));
                if self.renumbered {
                    keys.push(SearchKey::Unkeyword(Flag::Keyword(TAKEN.into())));
                }
            }
            self.look = false;
            let search = Search { key: SearchKey::And(keys) };
            return self.submit(Command::Search(search), session, |id| Doing::Searching(id, end));
        }
        session.watch(true);
    }

    /// Does with a message that was taken what the account says.
    fn mark(&mut self, uid: u32, session: &mut Client) {
        let taken = Flag::Keyword(TAKEN.into());
        let uids = SequenceSet::one(uid);
        let flags = match &self.account.after {
            After::Move(to) => {
                let to = Mailbox::new(to);
                return self.submit(Command::Move(uids, to), session, |id| Doing::Marking(id, uid));
            }
            After::Delete => vec![Flag::Deleted],
            After::Seen => vec![Flag::Seen, taken],
            After::Keep => vec![taken],
        };
        let flags: Vec<Flag> = flags
            .into_iter()
            .filter(|flag| self.keeps_keywords || !matches!(flag, Flag::Keyword(_)))
            .collect();
        if flags.is_empty() {
            self.place.marked(uid);
            return self.next(session);
        }
        let store = Store { uids: uids.clone(), change: Change::Add, flags, unchanged_since: None };
        self.submit(Command::Store(store), session, |id| Doing::Marking(id, uid));
        if self.account.after == After::Delete {
            // Where only EXPUNGE is offered, it stays until somebody else removes what is marked.
            if let Ok(id) = session.submit(Command::Expunge(uids)) {
                self.doing = Doing::Marking(id, uid);
            }
        }
    }

    async fn done(
        &mut self,
        id: CommandId,
        outcome: Result<Box<Completed>, Box<Failure>>,
        session: &mut Client,
    ) {
        let doing = self.doing;
        let mine = match doing {
            Doing::Fetching(mine, _) | Doing::Making(mine) | Doing::Marking(mine, _) => mine == id,
            Doing::Searching(mine, _) | Doing::Selecting(mine) => mine == id,
            Doing::Nothing => false,
        };
        if !mine {
            return;
        }
        self.doing = Doing::Nothing;
        match (doing, outcome) {
            (_, Err(failure)) if !matches!(*failure, Failure::Refused(..)) => return,
            (Doing::Selecting(_), Ok(completed)) => {
                if let Yield::Selected(selected) = &completed.result
                    && let Err(why) = self.selected(selected).await
                {
                    return self.fail(why, session);
                }
            }
            (Doing::Searching(_, end), Ok(completed)) => {
                if let Yield::Found(found) = completed.result {
                    // `n:*` holds the last message, however small its number.
                    let next = self.place.next;
                    let mut uids: Vec<u32> = found
                        .all
                        .numbers()
                        .filter(|uid| *uid >= next)
                        .take(usize::try_from(WINDOW).unwrap_or(usize::MAX))
                        .collect();
                    uids.sort_unstable();
                    if uids.is_empty() && end <= self.last {
                        self.place.next = end;
                        self.look = true;
                    }
                    self.look |= !uids.is_empty();
                    self.waiting = uids.into();
                }
            }
            (Doing::Fetching(_, uid), outcome) => {
                if let Err(why) = self.fetched(uid, outcome.is_ok(), session).await {
                    return self.fail(why, session);
                }
            }
            (Doing::Marking(_, uid), outcome) => {
                self.place.marked(uid);
                if let Err(failure) = outcome {
                    self.gateway.events.tell(&events::Event::Fault {
                        what: "imap",
                        detail: format!(
                            "mailbox {}: message {uid} was taken but could not be marked: {failure:?}",
                            self.account.id
                        ),
                    });
                }
            }
            (Doing::Making(_) | Doing::Nothing, _) => {}
            (Doing::Selecting(_) | Doing::Searching(..), Err(failure)) => {
                return self.fail(format!("the server refuses: {failure:?}"), session);
            }
        }
        self.next(session);
    }

    /// A message is here, or is gone.
    async fn fetched(&mut self, uid: u32, succeeded: bool, session: &mut Client) -> Result<(), String> {
        let incoming = std::mem::take(&mut self.incoming);
        if !incoming.complete {
            if !succeeded {
                return Err(format!("message {uid} could not be fetched"));
            }
            // Somebody removed it in between.
            self.place = self.place.passed(uid);
            return Ok(());
        }
        let after = self.place.after(uid);
        match self.take(incoming, &after).await {
            Ok(()) => {
                self.taken += 1;
                self.place = after;
                Ok(())
            }
            Err(refusal) => {
                self.gateway.events.tell(&events::Event::Rejection {
                    session: self.session.clone(),
                    peer: self.peer.id.clone(),
                    protocol: Protocol::Mail,
                    stage: "message",
                    reason: refusal.reason.into(),
                    detail: format!(
                        "mailbox {} message {uid}: {}",
                        self.account.id,
                        refusal.detail.for_operator()
                    ),
                });
                if refusal.reason.permanence() == Permanence::Transient {
                    return Err(format!("message {uid} has to wait: {}", refusal.detail.for_operator()));
                }
                self.refused(uid, session).await
            }
        }
    }

    /// Puts a message aside that is refused for good.
    async fn refused(&mut self, uid: u32, session: &mut Client) -> Result<(), String> {
        self.place = self.place.passed(uid);
        self.keep(&self.place).await?;
        let uids = SequenceSet::one(uid);
        let command = match &self.account.refused_to {
            Some(to) => Command::Move(uids, Mailbox::new(to)),
            None => {
                let mut flags = vec![Flag::Flagged];
                if self.keeps_keywords {
                    flags.push(Flag::Keyword(REFUSED.into()));
                }
                Command::Store(Store { uids, change: Change::Add, flags, unchanged_since: None })
            }
        };
        self.submit(command, session, |id| Doing::Marking(id, uid));
        Ok(())
    }

    async fn take(&self, incoming: Incoming, after: &Place) -> Result<(), Refusal> {
        if let Some(refusal) = incoming.refused {
            return Err(refusal);
        }
        let origin = intake::Source {
            gateway: self.gateway,
            settings: self.settings,
            peer: self.peer,
            side: Side::Submission,
            session: &self.session,
            remote: self.remote,
            helo: &self.account.host,
            tls: self.tls.as_deref(),
        };
        let content = bytes::Bytes::from(incoming.content);
        let limits = cedrat_mime::Limits::default();
        let (headers, _) = cedrat_mime::Headers::parse(&content, &limits).map_err(|fault| {
            Refusal::new(Reason::MessageFormatCorrupt, Blame::Message, format!("not a mail: {fault}"))
        })?;
        let mut mail = Mail::new(sender(&headers)?);
        mail.size = Some(content.len() as u64);
        let mut transaction = Transaction::begin(&origin, mail)?;
        self.gateway.with_usage(&self.peer.id, |usage| {
            let octets = transaction.declared();
            self.peer.policy.admit_message(usage, transaction.sender(), octets, clock::now())
        })?;
        for to in self.recipients(&headers)? {
            transaction.recipient(&origin, Rcpt::new(to)).await?;
        }
        transaction.content = content.into();
        transaction.position = Some(after.position(self.account, clock::now().0));
        intake::take(&origin, transaction).await.map(drop)
    }

    /// Who gets a message: those of the account, or those in the header who are numbers here.
    fn recipients(&self, headers: &cedrat_mime::Headers) -> Result<Vec<Address>, Refusal> {
        let own = &self.settings.config.mail;
        let mut given: Vec<String> =
            self.account.recipients.iter().map(|number| format!("{number}@{}", own.number_domain)).collect();
        if given.is_empty() {
            for name in ["Delivered-To", "X-Original-To", "To", "Cc"] {
                for field in headers.all(name) {
                    given.extend(addresses(field.value()).iter().filter_map(|mailbox| mailbox.address()));
                }
            }
            given.retain(|address| {
                let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
                own.domains.iter().any(|known| known.eq_ignore_ascii_case(domain))
            });
            given.sort_unstable();
            given.dedup();
        }
        if given.is_empty() {
            return Err(Refusal::new(
                Reason::RecipientUnknown,
                Blame::Message,
                "the header names nobody of `mail.domains`, and the mailbox has no `to`",
            ));
        }
        let parse = |text: &String| {
            Address::parse(text, Form::Mail).map_err(|_| {
                Refusal::new(Reason::AddressMalformed, Blame::Message, format!("recipient {text}"))
            })
        };
        given.iter().map(parse).collect()
    }

    fn begins(&mut self, octets: u64, session: &mut Client) {
        let most = self.settings.config.mail.max_octets;
        if octets > most {
            self.incoming.refused = Some(Refusal::new(
                Reason::MessageTooLarge,
                Blame::Message,
                format!("{octets} octets are more than mail.max_octets {most}"),
            ));
            return;
        }
        match self.gateway.memory(octets) {
            Ok(permit) => {
                self.incoming.memory.push(permit);
                self.incoming.reserved = octets;
                self.incoming.content.reserve(usize::try_from(octets).unwrap_or(0));
            }
            Err(refusal) => self.fail(refusal.detail.for_operator().to_owned(), session),
        }
    }

    fn chunk(&mut self, octets: &[u8]) {
        let room = usize::try_from(self.incoming.reserved).unwrap_or(usize::MAX);
        if self.incoming.refused.is_none() && self.incoming.content.len() + octets.len() <= room {
            self.incoming.content.extend_from_slice(octets);
        }
    }
}

/// Who a message is from: nobody, when it was delivered with an empty return path, as reports are.
fn sender(headers: &cedrat_mime::Headers) -> Result<Address, Refusal> {
    let path = headers.first("Return-Path").map(|path| path.trim().trim_matches(['<', '>']));
    if path == Some("") {
        return Ok(Address::null());
    }
    let from = ["From", "Sender"].iter().find_map(|name| addresses(headers.first(name)?).first()?.address());
    let given = from.or_else(|| path.map(str::to_owned)).unwrap_or_default();
    Address::parse(&given, Form::Mail).map_err(|_| {
        Refusal::new(Reason::AddressMalformed, Blame::Message, format!("sender {given:?} is no address"))
    })
}

impl Host<Client> for Watcher<'_> {
    async fn event(&mut self, event: Event, session: &mut Client) {
        match event {
            Event::Ready { .. } => self.make(session),
            Event::Begins(streamed) if matches!(self.doing, Doing::Fetching(..)) => {
                self.begins(streamed.octets, session);
            }
            Event::Chunk(octets) if matches!(self.doing, Doing::Fetching(..)) => self.chunk(&octets),
            Event::Ends if matches!(self.doing, Doing::Fetching(..)) => self.incoming.complete = true,
            Event::Begins(_) | Event::Chunk(_) | Event::Ends | Event::Watching => {}
            Event::Data(response) => match *response {
                Response::Exists(_) => {
                    self.look = true;
                    self.next(session);
                }
                Response::Status(_, text) if text.code == Some(Code::Alert) => {
                    self.gateway.events.tell(&events::Event::Fault {
                        what: "imap",
                        detail: format!("mailbox {}: the server says: {}", self.account.id, text.text),
                    });
                }
                _ => {}
            },
            Event::Done { id, outcome } => self.done(id, outcome, session).await,
            Event::Failed { stage, cause } => {
                self.failure.get_or_insert(format!("{stage:?}: {cause:?}"));
            }
            Event::Unreadable(malformed) => {
                self.gateway.events.tell(&events::Event::Fault {
                    what: "imap",
                    detail: format!(
                        "mailbox {}: the server said what cannot be read ({} wanted at {})",
                        self.account.id, malformed.wanted, malformed.at
                    ),
                });
            }
        }
    }

    fn secured(&mut self, facts: TlsFacts, _session: &mut Client) {
        self.tls = Some(facts.summary);
    }

    fn stopping(&mut self, session: &mut Client) {
        session.quit();
    }
}
