//! What is done with a watched mailbox: look, fetch, take, mark, and wait for more.
//!
//! Messages are fetched many at once, bounded in octets, and stored many at once while the next ones are fetched. The
//! place moves in the order of UIDs, and only behind what is stored; only then is a message marked. One that is refused
//! for good is put aside with its reason; one that is refused for now ends the connection, and is tried again with the
//! next. What was stored behind the place is fetched again then, and known by what it is.

mod taking;

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use cedrat_message::Refusal;
use cedrat_session::Instant;
use cedrat_wire_imap::{
    client::{
        Cause, Change, Client, Command, CommandId, Completed, Event, Failure, Fetch, FetchItem, Search,
        SearchKey, Select, Selected, Store, Yield,
    },
    grammar::{Code, Flag, Mailbox, Response, Section, SequenceSet},
};
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit},
    task::JoinHandle,
};

use super::{
    place::Place,
    turns::{Turn, is_crowded},
};
use crate::{
    clock,
    config::imap::{Account, After},
    drive::{Host, TlsFacts},
    events,
    gateway::Gateway,
    store::Op,
};

/// On every message that was taken, where the mailbox keeps keywords: after the server has numbered the messages
/// anew, it is the only thing that tells them apart.
const TAKEN: &str = "$CedratTaken";
/// On every message that was refused for good and stays.
const REFUSED: &str = "$CedratRefused";
/// Before the reason, on every message that was refused for good.
const WHY: &str = "$CedratReason-";

/// How many of the UIDs that there may be are searched at once, so that no answer is too long.
const WINDOW: u32 = 100_000;

/// How many messages are asked for their size, or marked, at once.
const SIZED: usize = 500;

/// How many messages, and octets, are fetched at once; while they come, as many may be on their way into the store. One
/// message may be larger.
const BATCH: usize = 64;
const BATCH_OCTETS: u64 = 4 * 1024 * 1024;

/// How long memory is waited for before the connection is given up.
const PATIENCE_MS: u64 = 30_000;

/// How much a server may say without being asked before a command ends. Of FETCH, EXPUNGE and VANISHED there may be as
/// many as there are messages; nothing else is told often.
const UNASKED: u32 = 10_000;

/// How many alerts, and answers that cannot be read, are told in one connection.
const QUOTED: u32 = 10;

/// The one who decides on the events of a session.
pub(super) struct Watcher<'a> {
    gateway: &'a Arc<Gateway>,
    account: &'a Arc<Account>,
    turn: &'a Turn,
    gave_way: bool,
    remote: IpAddr,
    session: String,
    tls: Option<String>,
    place: Place,
    /// When the mailbox was selected last.
    selected_at: Option<Instant>,
    keeps_keywords: bool,
    /// The greatest UID that was in use when the mailbox was selected; 0 when the server did not say.
    last: u32,
    doing: Doing,
    /// Found, in the order of UIDs.
    waiting: VecDeque<u32>,
    /// Their sizes are known.
    sized: VecDeque<Letter>,
    /// Asked for.
    fetching: VecDeque<Letter>,
    /// Those of them that have come.
    come: BTreeMap<u32, Incoming>,
    current: Option<Incoming>,
    /// Batches on their way into the store.
    taking: VecDeque<Taking>,
    reports: Arc<Mutex<()>>,
    /// For what was asked for; each message holds on to it until it is stored.
    memory: Option<Arc<OwnedSemaphorePermit>>,
    /// How many are fetched at once; one, after the server has failed to give many.
    batch: usize,
    /// The messages that the running command marks or puts aside.
    settling: Vec<u32>,
    /// Whether there may be something that was not looked at.
    look: bool,
    taken: u64,
    quoted: u32,
    /// What the server has said without being asked, since the end of a command.
    unasked: u32,
    failure: Option<String>,
}

/// The command whose end is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Fetching(CommandId),
    Making(CommandId),
    Nothing,
    Searching(CommandId, u32),
    Selecting(CommandId),
    /// Marking, moving or removing, or putting aside.
    Settling(CommandId),
    Sizing(CommandId),
}

/// What is known of a message before it is fetched.
#[derive(Debug, Clone, Copy)]
struct Letter {
    uid: u32,
    octets: Option<u64>,
    internal_date: Option<i64>,
}

/// Messages that are here and not yet known to be stored, in the order of UIDs.
struct Taking {
    uids: Vec<u32>,
    outcomes: JoinHandle<Vec<Result<bool, Refusal>>>,
}

/// A message that is being fetched.
struct Incoming {
    uid: Option<u32>,
    content: Vec<u8>,
    complete: bool,
    refused: Option<Refusal>,
    announced: u64,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(
        gateway: &'a Arc<Gateway>,
        account: &'a Arc<Account>,
        turn: &'a Turn,
        remote: IpAddr,
    ) -> Self {
        Self {
            gateway,
            account,
            turn,
            gave_way: false,
            remote,
            session: clock::token().get(..12).unwrap_or_default().to_owned(),
            tls: None,
            place: Place::new(0, 1),
            selected_at: None,
            keeps_keywords: false,
            last: 0,
            doing: Doing::Nothing,
            waiting: VecDeque::new(),
            sized: VecDeque::new(),
            fetching: VecDeque::new(),
            come: BTreeMap::new(),
            current: None,
            taking: VecDeque::new(),
            reports: Arc::default(),
            memory: None,
            batch: BATCH,
            settling: Vec::new(),
            look: false,
            taken: 0,
            quoted: 0,
            unasked: 0,
            failure: None,
        }
    }

    pub(super) fn session(&self) -> &str {
        &self.session
    }

    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether it has ended so that another mailbox gets its place.
    pub(super) const fn gave_way(&self) -> bool {
        self.gave_way
    }

    /// Ends what the connection began, however it ended; why it failed.
    pub(super) async fn finish(&mut self) -> Option<String> {
        if let Err(why) = self.collect(0).await {
            self.failure.get_or_insert(why);
        }
        self.failure.take()
    }

    /// A line in the log about this mailbox.
    fn say(&self, what: std::fmt::Arguments<'_>) {
        let (id, mailbox) = (&self.account.id, &self.account.mailbox);
        self.gateway
            .events
            .tell(&events::Event::Fault { what: "imap", detail: format!("mailbox {id} {mailbox}: {what}") });
    }

    /// A line in the log that the server has caused: it may not fill it.
    fn quote(&mut self, what: std::fmt::Arguments<'_>) {
        if self.quoted < QUOTED {
            self.quoted += 1;
            self.say(what);
        }
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
        self.select(session);
    }

    fn select(&mut self, session: &mut Client) {
        let mailbox = Mailbox::new(&self.account.mailbox);
        let select = Select { mailbox, read_only: false, resync: None };
        self.submit(Command::Select(select), session, Doing::Selecting);
    }

    /// Opens the mailbox anew when that was long ago: not every server tells a session that its mailbox was deleted
    /// and made again, and what was not given out may be by now.
    fn reopen(&mut self, session: &mut Client) {
        let due = self.selected_at.is_some_and(|at| clock::instant() >= at.after(self.account.reopen_ms));
        if due && self.doing == Doing::Nothing {
            self.select(session);
        }
    }

    async fn selected(&mut self, selected: &Selected) -> Result<(), String> {
        if selected.read_only {
            return Err(format!("mailbox {} cannot be changed", self.account.mailbox));
        }
        self.keeps_keywords = selected.keeps(&Flag::Keyword(TAKEN.into()));
        let epoch = selected.uid_validity.unwrap_or(0);
        let was_open = self.selected_at.replace(clock::instant()).is_some();
        if !was_open || self.place.epoch != epoch {
            self.place = self.begin(epoch, selected.uid_next.unwrap_or(1)).await?;
        }
        self.last = selected.uid_next.map_or(0, |next| next.saturating_sub(1));
        self.waiting = self.place.later.iter().copied().collect();
        self.look = true;
        Ok(())
    }

    /// The place in the mailbox in this epoch.
    async fn begin(&self, epoch: u32, next: u32) -> Result<Place, String> {
        let stored = self.gateway.store.position(&Place::source(self.account)).await;
        let place = match stored.map_err(|fault| fault.to_string())? {
            None if self.account.begin_with_all => Place::new(epoch, 1),
            None => Place { since: Some(clock::now().0 / 1000), ..Place::new(epoch, next) },
            Some(data) => {
                let place = Place::read(&data)
                    .ok_or("the place in the mailbox was stored by another version of this program")?;
                if place.epoch == epoch {
                    return Ok(place);
                }
                self.say(format_args!(
                    "the server has numbered the messages anew (UIDVALIDITY {epoch} was {}); those that were taken are known by what they are and not taken again",
                    place.epoch
                ));
                place.anew(epoch)
            }
        };
        self.keep(&place).await?;
        Ok(place)
    }

    /// Stores a place on its own.
    async fn keep(&self, place: &Place) -> Result<(), String> {
        let now = clock::now().0;
        let op = Op::at(now).position(place.position(self.account, now));
        self.gateway.store.submit(op).await.map(drop).map_err(|fault| fault.to_string())
    }

    /// Does the next thing, or waits for something to happen.
    async fn next(&mut self, session: &mut Client) {
        self.turn.rests(false);
        while self.doing == Doing::Nothing && session.is_ready() && session.selected().is_some() {
            let is_last = self.sized.is_empty() && self.waiting.is_empty() && self.taking.is_empty();
            if self.turn.is_over() {
                self.gave_way = true;
                return session.quit();
            } else if !self.place.aside.is_empty() {
                self.put_aside(session);
            } else if self.place.pending.len() >= if is_last { 1 } else { SIZED } {
                self.mark(session);
            } else if !self.sized.is_empty() {
                if let Err(why) = self.fetch(session).await {
                    self.fail(why, session);
                }
            } else if !self.waiting.is_empty() {
                self.size(session);
            } else if !self.taking.is_empty() {
                if let Err(why) = self.collect(0).await {
                    self.fail(why, session);
                }
            } else if self.look {
                self.search(session);
            } else {
                self.turn.rests(true);
                return session.watch(true);
            }
        }
    }

    /// Asks how large the next messages are.
    fn size(&mut self, session: &mut Client) {
        let count = self.waiting.len().min(SIZED);
        let letter = |uid| Letter { uid, octets: None, internal_date: None };
        self.sized = self.waiting.drain(..count).map(letter).collect();
        let fetch = Fetch {
            uids: self.sized.iter().map(|letter| letter.uid).collect(),
            items: vec![FetchItem::Size, FetchItem::InternalDate],
            changed_since: None,
            vanished: false,
        };
        self.submit(Command::Fetch(fetch), session, Doing::Sizing);
    }

    fn search(&mut self, session: &mut Client) {
        let first = self.place.next;
        let end = first.saturating_add(WINDOW);
        // What came since is beyond `last`, so the last window has no end.
        let uids = if end > self.last { SequenceSet::from(first) } else { SequenceSet::range(first, end) };
        let mut keys = vec![SearchKey::Uid(uids), SearchKey::Not(Box::new(SearchKey::Deleted))];
        if self.keeps_keywords {
            keys.push(SearchKey::Unkeyword(Flag::Keyword(REFUSED.into())));
            if self.place.renumbered {
                keys.push(SearchKey::Unkeyword(Flag::Keyword(TAKEN.into())));
            }
        }
        self.look = false;
        let search = Search { key: SearchKey::And(keys) };
        self.submit(Command::Search(search), session, |id| Doing::Searching(id, end));
    }

    /// Asks for the next messages, as many as memory may hold at once.
    async fn fetch(&mut self, session: &mut Client) -> Result<(), String> {
        let most = self.gateway.settings().config.mail.max_octets;
        let mut octets = 0_u64;
        while let Some(letter) = self.sized.front().copied() {
            let size = letter.octets.unwrap_or(most);
            let older = self.place.is_older(letter.internal_date);
            if older || size > most {
                // Those before it are taken first: the place moves in the order of UIDs.
                if !self.fetching.is_empty() {
                    break;
                }
                self.sized.pop_front();
                self.collect(0).await?;
                if older {
                    self.place = self.place.passed(letter.uid);
                    continue;
                }
                let refusal = taking::too_large(size, most);
                self.rejected(letter.uid, &refusal);
                self.place = self.place.refused(letter.uid, refusal.reason.token());
                self.keep(&self.place).await?;
                continue;
            }
            let full = self.fetching.len() >= self.batch || octets.saturating_add(size) > BATCH_OCTETS;
            if full && !self.fetching.is_empty() {
                break;
            }
            octets = octets.saturating_add(size);
            self.fetching.push_back(letter);
            self.sized.pop_front();
        }
        if self.fetching.is_empty() {
            return Ok(());
        }
        self.memory = Some(Arc::new(self.room(octets).await?));
        let section = FetchItem::Section { section: Section::default(), octets: None };
        let fetch = Fetch {
            uids: self.fetching.iter().map(|letter| letter.uid).collect(),
            items: vec![section],
            changed_since: None,
            vanished: false,
        };
        self.submit(Command::Fetch(fetch), session, Doing::Fetching);
        Ok(())
    }

    /// Memory for so many octets; others give theirs back as soon as their messages are stored.
    async fn room(&mut self, octets: u64) -> Result<OwnedSemaphorePermit, String> {
        let until = clock::instant().after(PATIENCE_MS);
        loop {
            match self.gateway.memory(octets) {
                Ok(permit) => return Ok(permit),
                Err(refusal) if clock::instant() >= until => {
                    return Err(refusal.detail.for_operator().to_owned());
                }
                Err(_) if !self.taking.is_empty() => self.collect(0).await?,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Does with the messages that were taken what the account says.
    fn mark(&mut self, session: &mut Client) {
        self.settling = self.place.pending.iter().copied().take(SIZED).collect();
        let uids: SequenceSet = self.settling.iter().copied().collect();
        let taken = Flag::Keyword(TAKEN.into());
        let flags = match &self.account.after {
            After::Move(to) => {
                let to = Mailbox::new(to);
                if self.keeps_keywords {
                    // So that mail clients show what became of it; where that is refused, it is moved all the same.
                    let flags = vec![Flag::forwarded()];
                    let store =
                        Store { uids: uids.clone(), change: Change::Add, flags, unchanged_since: None };
                    match session.submit(Command::Store(store)) {
                        Ok(_) | Err(_) => {}
                    }
                }
                return self.submit(Command::Move(uids, to), session, Doing::Settling);
            }
            After::Delete => vec![Flag::Deleted],
            After::Seen => vec![Flag::Seen, Flag::forwarded(), taken],
            After::Keep => vec![taken],
        };
        if !self.flag(uids.clone(), flags, session) {
            // Nothing can be said of them: that they were taken is known here alone.
            self.place.pending.clear();
            return;
        }
        if self.account.after == After::Delete {
            // Where only EXPUNGE is offered, they stay until somebody else removes what is marked.
            if let Ok(id) = session.submit(Command::Expunge(uids)) {
                self.doing = Doing::Settling(id);
            }
        }
    }

    /// Puts flags on messages as far as the mailbox keeps them; whether there was one.
    fn flag(&mut self, uids: SequenceSet, flags: Vec<Flag>, session: &mut Client) -> bool {
        let kept = |flag: &Flag| self.keeps_keywords || !matches!(flag, Flag::Keyword(_));
        let flags: Vec<Flag> = flags.into_iter().filter(kept).collect();
        if flags.is_empty() {
            return false;
        }
        let store = Store { uids, change: Change::Add, flags, unchanged_since: None };
        self.submit(Command::Store(store), session, Doing::Settling);
        true
    }

    /// Puts messages aside that are refused for good, those of one reason at once.
    fn put_aside(&mut self, session: &mut Client) {
        let Some((_, reason)) = self.place.aside.first().cloned() else { return };
        let of_reason = self.place.aside.iter().filter(|(_, other)| *other == reason);
        self.settling = of_reason.map(|(uid, _)| *uid).take(SIZED).collect();
        let uids: SequenceSet = self.settling.iter().copied().collect();
        let why = Flag::Keyword(format!("{WHY}{reason}"));
        let flags = vec![Flag::Flagged, Flag::Keyword(REFUSED.into()), why];
        let flagged = self.flag(uids.clone(), flags, session);
        if let Some(to) = &self.account.refused_to {
            let to = Mailbox::new(to);
            self.submit(Command::Move(uids, to), session, Doing::Settling);
        } else if !flagged {
            self.place.settled(&std::mem::take(&mut self.settling));
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
            Doing::Fetching(mine) | Doing::Making(mine) | Doing::Settling(mine) => mine == id,
            Doing::Searching(mine, _) | Doing::Selecting(mine) | Doing::Sizing(mine) => mine == id,
            Doing::Nothing => false,
        };
        if !mine {
            return;
        }
        self.doing = Doing::Nothing;
        let done = match (doing, outcome) {
            (_, Err(failure)) if !matches!(*failure, Failure::Refused(..)) => return,
            (Doing::Selecting(_), Ok(completed)) => match &completed.result {
                Yield::Selected(selected) => self.selected(selected).await,
                _ => Ok(()),
            },
            (Doing::Searching(_, end), Ok(completed)) => {
                if let Yield::Found(found) = completed.result {
                    self.found(&found.all, end);
                }
                Ok(())
            }
            (Doing::Fetching(_), outcome) => self.fetched(outcome.is_ok()).await,
            (Doing::Settling(_), outcome) => {
                self.place.settled(&std::mem::take(&mut self.settling));
                if let Err(failure) = outcome {
                    self.say(format_args!("messages could not be marked or moved: {failure:?}"));
                }
                Ok(())
            }
            (Doing::Sizing(_), Ok(_)) | (Doing::Making(_) | Doing::Nothing, _) => Ok(()),
            (Doing::Selecting(_) | Doing::Searching(..) | Doing::Sizing(_), Err(failure)) => {
                if let Failure::Refused(_, text) = &*failure
                    && is_crowded(text)
                {
                    self.turn.is_one_too_many();
                }
                Err(format!("the server refuses: {failure:?}"))
            }
        };
        match done {
            Ok(()) => self.next(session).await,
            Err(why) => self.fail(why, session),
        }
    }

    fn found(&mut self, all: &SequenceSet, end: u32) {
        // `n:*` holds the last message, however small its number.
        let next = self.place.next;
        let most = usize::try_from(WINDOW).unwrap_or(usize::MAX);
        let mut uids: Vec<u32> = all.numbers_from(next).take(most).collect();
        uids.sort_unstable();
        uids.dedup();
        if uids.is_empty() && end <= self.last {
            self.place.next = end;
            self.look = true;
        }
        self.look |= !uids.is_empty();
        self.waiting.extend(uids);
    }

    /// What the server says beside the ends of commands.
    async fn told(&mut self, response: Response, session: &mut Client) {
        match response {
            Response::Fetch(fetch) => {
                self.learn(&fetch);
                return;
            }
            Response::Expunge(_) | Response::Vanished(..) => return,
            Response::Exists(_) => {
                self.look = true;
                self.next(session).await;
            }
            Response::Status(_, text) if text.code == Some(Code::Alert) => {
                self.quote(format_args!("the server says: {}", text.text));
            }
            _ => {}
        }
        self.unasked += 1;
        if self.unasked > UNASKED {
            self.fail("the server does not stop to talk".to_owned(), session);
        }
    }
}

impl Host<Client> for Watcher<'_> {
    async fn event(&mut self, event: Event, session: &mut Client) {
        match event {
            Event::Ready { .. } => self.make(session),
            Event::Begins(streamed) if matches!(self.doing, Doing::Fetching(_)) => self.begins(&streamed),
            Event::Chunk(octets) => self.chunk(&octets),
            Event::Ends => {
                if let Some(incoming) = &mut self.current {
                    incoming.complete = true;
                }
            }
            Event::Begins(_) => self.current = None,
            Event::Watching => self.reopen(session),
            Event::Data(response) => self.told(*response, session).await,
            Event::Done { id, outcome } => {
                self.unasked = 0;
                self.done(id, outcome, session).await;
            }
            Event::Failed { stage, cause } => {
                if let Cause::AuthRefused(text, _) | Cause::Bye(text) | Cause::Refused(_, text) = &cause
                    && is_crowded(text)
                {
                    self.turn.is_one_too_many();
                }
                self.failure.get_or_insert(format!("{stage:?}: {cause:?}"));
            }
            Event::Unreadable(malformed) => {
                let (wanted, at) = (malformed.wanted, malformed.at);
                self.quote(format_args!("the server said what cannot be read ({wanted} wanted at {at})"));
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
