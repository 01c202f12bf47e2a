//! One connection to an account that messages are put into: names learned, messages appended one after the other, closed.
//!
//! A message goes by APPEND (RFC 9051 section 6.3.12) with the time at which it was taken as its internal date. A mailbox
//! that is not there is made. Where an earlier attempt ended without an answer, the mailbox is searched for the
//! Message-ID first, so that nothing lies there twice. What the message looks like is decided by
//! [`crate::pump::compose`], whether it was read is looked at by [`super::seen`].

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use cedrat_message::{Blame, Priority, Reason, Refusal};
use cedrat_wire_imap::{
    client::{
        Append, AppendPart, Cause, Client, Command, CommandId, Completed, Event, Failure, ListCommand,
        Refused, Search, SearchKey, Select, Stage, Yield,
    },
    grammar::{DateTime, Flag, Mailbox, Response},
};
use rustls::pki_types::ServerName;

use super::{
    folder::{Spelling, is_missing, refusal},
    reach::Server,
    seen::Place,
};
use crate::{
    clock,
    config::{NextHop, Peer, mailbox::Mailbox as Account},
    drive::{self, Ended, Host, TlsFacts, TlsSide},
    events,
    gateway::{Gateway, Settings},
    pump::{
        Batch, Destination, Next,
        compose::{self, Composed, Unsent},
        settle::{self, Filed},
    },
};

/// How long a connection without work stays open.
const IDLE: Duration = Duration::from_secs(5);

/// The field that names the gateway that put a message there: it does not take that one from a mailbox again.
pub(super) const PUT_BY: &str = "X-Cedrat-Put-By";

/// Mailboxes whose keywords are remembered; beyond that they are asked for again.
const REMEMBERED: usize = 1_000;

/// The server of a peer, and who we are there.
pub(super) fn server<'a>(peer: &'a Peer, account: &'a Account) -> Result<Server<'a>, Refusal> {
    let Some(NextHop::Host(host, port)) = &peer.next_hop else {
        let detail = format!("peer {} has no next hop", peer.id);
        return Err(Refusal::new(Reason::NoRoute, Blame::Policy, detail));
    };
    Ok(Server {
        host: host.trim_matches(['[', ']']),
        port: *port,
        mode: peer.tls.mode,
        user: &account.user,
        login: &account.login,
        auth_in_clear: peer.auth_in_clear,
        compress: account.compress,
    })
}

/// How TLS is made towards a peer.
pub(super) fn tls(settings: &Settings, peer: &Peer, server: &Server<'_>) -> Result<TlsSide, Refusal> {
    let Some(config) = settings.client_tls.get(&peer.id) else { return Ok(TlsSide::None) };
    let name = peer.tls.name.as_deref().unwrap_or(server.host).to_owned();
    let name = ServerName::try_from(name).map_err(|_| {
        Refusal::new(
            Reason::TlsUnavailable,
            Blame::Policy,
            "the server's name is none that a certificate has",
        )
    })?;
    Ok(TlsSide::Connect(config.clone(), name))
}

/// Connects, and puts what waits for the destination into its mailboxes until nothing does. `Ok` once the account was
/// ready for messages.
///
/// # Errors
/// Why it was not.
pub async fn deliver(
    gateway: &Arc<Gateway>,
    settings: &Arc<Settings>,
    peer: &Peer,
    destination: &Arc<Destination>,
) -> Result<(), Refusal> {
    let account = peer.mailbox.as_ref().ok_or_else(|| {
        Refusal::new(Reason::NoRoute, Blame::Policy, format!("peer {} has no mailboxes", peer.id))
    })?;
    let server = server(peer, account)?;
    let side = tls(settings, peer, &server)?;
    let unavailable = |why: &str| Refusal::new(Reason::NextHopUnavailable, Blame::NextHop, why);
    let (stream, _) = server.stream(settings).await.map_err(|why| unavailable(&why))?;
    let config = server.session().await.map_err(|why| unavailable(&why))?;
    let mut session = Client::new(config, clock::entropy());
    let mut filler = Filler {
        gateway,
        settings,
        peer,
        account,
        destination,
        spelling: Spelling::default(),
        keywords: BTreeMap::new(),
        doing: Doing::Nothing,
        current: None,
        ready: false,
        idle: true,
        sent: 0,
        tls: None,
        failure: None,
    };
    // A stopping gateway lets a delivery finish: the queue gives no more work, and time is bounded.
    let (_never, running) = tokio::sync::watch::channel(false);
    let implicit = peer.tls.mode == crate::config::TlsMode::Implicit;
    let ended = drive::drive(&mut session, stream, side, implicit, &mut filler, running).await;
    filler.lost();
    if filler.ready {
        destination.closed(filler.idle);
        return Ok(());
    }
    Err(match (ended, filler.failure) {
        (Ended::Tls(why), _) => Refusal::new(
            Reason::TlsUnavailable,
            Blame::NextHop,
            format!("{}: TLS handshake failed: {why}", server.host),
        ),
        (_, Some(failure)) => failure,
        (ended, None) => unavailable(&format!("{}: {ended}", server.host)),
    })
}

/// The one who decides on the events of a connection.
struct Filler<'a> {
    gateway: &'a Arc<Gateway>,
    settings: &'a Arc<Settings>,
    peer: &'a Peer,
    account: &'a Account,
    destination: &'a Arc<Destination>,
    spelling: Spelling,
    /// Whether a mailbox keeps keywords for good, as far as was asked.
    keywords: BTreeMap<Mailbox, bool>,
    doing: Doing,
    current: Option<Current>,
    ready: bool,
    /// Whether the destination counts this connection as waiting for work.
    idle: bool,
    sent: u32,
    tls: Option<String>,
    failure: Option<Refusal>,
}

/// The command whose end is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Appending(CommandId),
    Creating(CommandId),
    Naming(CommandId),
    Nothing,
    Searching(CommandId),
    Selecting(CommandId),
}

impl Doing {
    fn is(self, id: CommandId) -> bool {
        match self {
            Self::Nothing => false,
            Self::Appending(mine)
            | Self::Creating(mine)
            | Self::Naming(mine)
            | Self::Searching(mine)
            | Self::Selecting(mine) => mine == id,
        }
    }
}

/// A batch that is being put into mailboxes.
struct Current {
    batch: Batch,
    composed: Composed,
    /// In the order of the submission's recipients.
    filed: Vec<Option<Filed>>,
    copies: VecDeque<Filing>,
}

/// What goes into one mailbox.
struct Filing {
    mailbox: Mailbox,
    /// For these recipients of the submission.
    positions: Vec<usize>,
    /// An earlier attempt may have put it there.
    look: bool,
    /// The mailbox was made.
    made: bool,
}

impl Current {
    /// One copy for each mailbox.
    fn new(batch: Batch, composed: Composed, account: &Account, spelling: &Spelling) -> Self {
        let message = batch.loaded().and_then(|loaded| loaded.message());
        let originator = message.and_then(|message| message.originator.as_ref());
        let originator = originator.map_or_else(|| "nobody".to_owned(), |party| party.address.to_string());
        let mut copies: VecDeque<Filing> = VecDeque::new();
        for (position, to) in composed.submission.recipients.iter().enumerate() {
            let Some(job) = batch.jobs.get(to.index) else { continue };
            let mailbox = spelling.name(&account.folder, &originator, &job.rcpt);
            let look = job.uncertain > 0 && !composed.submission.message_id.is_empty();
            match copies.iter_mut().find(|copy| copy.mailbox == mailbox) {
                Some(copy) => {
                    copy.positions.push(position);
                    copy.look |= look;
                }
                None => copies.push_back(Filing { mailbox, positions: vec![position], look, made: false }),
            }
        }
        let filed = vec![None; composed.submission.recipients.len()];
        Self { batch, composed, filed, copies }
    }

    /// The copy in hand is over.
    fn file(&mut self, filed: impl Fn(usize) -> Filed) {
        for position in self.copies.pop_front().map(|copy| copy.positions).unwrap_or_default() {
            if let Some(slot) = self.filed.get_mut(position) {
                *slot = Some(filed(position));
            }
        }
    }

    /// Whether the sender wants to hear that it was read, and is told from here.
    fn is_watched(&self, account: &Account) -> bool {
        let message = self.batch.loaded().and_then(|loaded| loaded.message());
        account.read_reports_ms.is_some() && message.is_some_and(|message| message.read_report == Some(true))
    }

    /// What the mailbox shows beside the message. Keywords only where they are kept.
    fn flags(&self, account: &Account, keywords: bool) -> Vec<Flag> {
        let mut flags = Vec::new();
        let message = self.batch.loaded().and_then(|loaded| loaded.message());
        if message.is_some_and(|message| message.priority == Some(Priority::High)) {
            flags.push(Flag::Flagged);
        }
        if keywords && self.is_watched(account) {
            // No client is to offer another one (RFC 3503 section 3.1).
            flags.push(Flag::mdn_sent());
        }
        flags
    }

    /// What the last hop writes above a message (RFC 5321 section 4.4), and who put it there.
    fn trace(&self, copy: &Filing, host: &str) -> Bytes {
        let submission = &self.composed.submission;
        let mut lines = format!("Return-Path: <{}>\r\n", submission.mail_from);
        for to in copy.positions.iter().filter_map(|position| submission.recipients.get(*position)) {
            lines.push_str(&format!("Delivered-To: {}\r\n", to.address));
        }
        lines.push_str(&format!("{PUT_BY}: {host}\r\n"));
        lines.into()
    }
}

impl Filler<'_> {
    /// Submits a command whose end is waited for; the copy in hand is refused when it cannot be.
    fn submit(&mut self, command: Command, session: &mut Client, doing: impl FnOnce(CommandId) -> Doing) {
        match session.submit(command) {
            Ok(id) => self.doing = doing(id),
            Err(refused) => {
                let refusal = unable(refused);
                match &mut self.current {
                    Some(current) => current.file(|_| Filed::Refused(refusal.clone())),
                    None => self.failure = Some(refusal),
                }
            }
        }
    }

    /// Asks how names are spelled; by LIST where there is no NAMESPACE.
    fn ask_names(&mut self, session: &mut Client) {
        let command = if session.capabilities().has("NAMESPACE") || session.is_enabled("IMAP4REV2") {
            Command::Namespace
        } else {
            Command::List(ListCommand { reference: String::new(), pattern: String::new(), subscribed: false })
        };
        self.submit(command, session, Doing::Naming);
        if self.doing == Doing::Nothing {
            session.abort();
        }
    }

    /// Does the next thing with the batch in hand, or takes another one.
    async fn next(&mut self, session: &mut Client) {
        while self.doing == Doing::Nothing {
            match &self.current {
                Some(current) if current.copies.is_empty() => self.settle(),
                Some(_) => self.step(session),
                None if self.sent >= self.peer.max_per_connection => return session.quit(),
                None => {
                    if !self.take().await {
                        return session.quit();
                    }
                }
            }
        }
    }

    /// Takes work until some of it could be composed; `false` when there is none.
    async fn take(&mut self) -> bool {
        loop {
            let batch = match self.destination.next(self.gateway, IDLE).await {
                Next::Close => return false,
                Next::Send(batch) => batch,
            };
            self.idle = false;
            self.destination.leave().await;
            match compose::compose(self.gateway, self.settings, self.peer, &batch).await {
                Ok(composed) => {
                    self.sent += 1;
                    for key in &composed.flights {
                        self.gateway.flights.start(key.clone());
                    }
                    self.current = Some(Current::new(batch, composed, self.account, &self.spelling));
                    return true;
                }
                Err(Unsent::Refused(refusal)) => settle::failed(self.gateway, &batch, &refusal).await,
                Err(Unsent::Waits(waiting)) => settle::wait(self.gateway, &batch, &waiting).await,
            }
            self.destination.done(&batch);
            self.destination.idle_again();
            self.idle = true;
        }
    }

    /// The next command for the copy in hand.
    fn step(&mut self, session: &mut Client) {
        let Some(current) = &self.current else { return };
        let Some(copy) = current.copies.front() else { return };
        let known = self.keywords.get(&copy.mailbox).copied();
        let selected = session.selected().is_some_and(|selected| selected.mailbox == copy.mailbox);
        if copy.look && !selected || known.is_none() && current.is_watched(self.account) {
            let select = Select { mailbox: copy.mailbox.clone(), read_only: false, resync: None };
            return self.submit(Command::Select(select), session, Doing::Selecting);
        }
        if copy.look {
            let id = format!("<{}>", current.composed.submission.message_id);
            let search = Search { key: SearchKey::Header("Message-ID".into(), id) };
            return self.submit(Command::Search(search), session, Doing::Searching);
        }
        let taken = current.batch.loaded().map_or(0, |loaded| loaded.received.0);
        let submission = &current.composed.submission;
        let append = Append {
            mailbox: copy.mailbox.clone(),
            flags: current.flags(self.account, known.unwrap_or(false)),
            date: Some(DateTime::utc(taken.div_euclid(1000))),
            content: vec![
                AppendPart::Text(current.trace(copy, &self.settings.config.host)),
                AppendPart::Text(submission.content.clone()),
            ],
            utf8: submission.smtputf8,
        };
        self.submit(Command::Append(append), session, Doing::Appending);
    }

    async fn done(
        &mut self,
        id: CommandId,
        outcome: Result<Box<Completed>, Box<Failure>>,
        session: &mut Client,
    ) {
        if !self.doing.is(id) {
            return;
        }
        let doing = std::mem::replace(&mut self.doing, Doing::Nothing);
        match outcome.map_err(|failure| *failure) {
            Ok(completed) => self.succeeded(doing, *completed, session),
            Err(Failure::Refused(status, text)) => {
                let missing = is_missing(&text);
                match (doing, self.current.as_mut()) {
                    (Doing::Naming(_), _) => self.named(),
                    (Doing::Appending(_) | Doing::Selecting(_), Some(current)) => {
                        let copy = current.copies.front_mut().filter(|copy| !copy.made);
                        // A server that does not say why SELECT fails has no such mailbox, most likely.
                        match copy.filter(|_| missing || matches!(doing, Doing::Selecting(_))) {
                            Some(copy) => {
                                copy.made = true;
                                let mailbox = copy.mailbox.clone();
                                self.submit(Command::Create(mailbox), session, Doing::Creating);
                            }
                            None => {
                                let refusal = refusal("APPEND", status, &text);
                                current.file(|_| Filed::Refused(refusal.clone()));
                            }
                        }
                    }
                    // Another connection may have made it; if not, what comes next says so.
                    (Doing::Creating(_), Some(_)) => {}
                    (Doing::Searching(_), Some(current)) => {
                        let refusal = refusal("SEARCH", status, &text);
                        current.file(|_| Filed::Refused(refusal.clone()));
                    }
                    (_, _) => {}
                }
            }
            Err(Failure::Uncertain) if matches!(doing, Doing::Appending(_)) => {
                if let Some(current) = &mut self.current {
                    current.file(|_| Filed::Uncertain);
                }
                return;
            }
            // The connection is over, and what is left is settled with it.
            Err(_) => return,
        }
        if session.is_ready() {
            self.next(session).await;
        }
    }

    fn succeeded(&mut self, doing: Doing, completed: Completed, session: &mut Client) {
        match (doing, completed.result) {
            (Doing::Naming(_), _) => self.named(),
            (Doing::Creating(_), _) => {
                // So that clients show it; where that is refused, it is there all the same.
                if let Some(copy) = self.current.as_ref().and_then(|current| current.copies.front()) {
                    match session.submit(Command::Subscribe(copy.mailbox.clone())) {
                        Ok(_) | Err(_) => {}
                    }
                }
            }
            (Doing::Selecting(_), Yield::Selected(selected)) => {
                if self.keywords.len() >= REMEMBERED {
                    self.keywords.clear();
                }
                self.keywords.insert(selected.mailbox.clone(), selected.keeps(&Flag::mdn_sent()));
            }
            (Doing::Searching(_), Yield::Found(found)) => {
                let epoch = session.selected().and_then(|selected| selected.uid_validity);
                match (found.all.greatest(), &mut self.current) {
                    (Some(uid), _) => {
                        let place = epoch.map(|epoch| (epoch, uid));
                        self.kept("found by its Message-ID after an answer that was lost", place);
                    }
                    (None, Some(current)) => {
                        if let Some(copy) = current.copies.front_mut() {
                            copy.look = false;
                        }
                    }
                    (None, None) => {}
                }
            }
            (Doing::Appending(_), result) => {
                let place = match result {
                    Yield::Appended(Some(at)) => at.uids.numbers().next().map(|uid| (at.uid_validity, uid)),
                    _ => None,
                };
                self.kept(&completed.text.text, place);
            }
            _ => {}
        }
    }

    /// The copy in hand lies in its mailbox, at this UIDVALIDITY and UID if they are known.
    fn kept(&mut self, reply: &str, at: Option<(u32, u32)>) {
        let watched = self.account.read_reports_ms.is_some();
        let now = clock::now();
        let until = now.plus_seconds(self.settings.config.retention.outcomes_ms / 1000);
        let Some(current) = &mut self.current else { return };
        let Some(mailbox) = current.copies.front().map(|copy| copy.mailbox.name().to_owned()) else { return };
        let Current { batch, composed, .. } = &*current;
        let places: Vec<_> = composed
            .submission
            .recipients
            .iter()
            .map(|to| {
                let job = batch.jobs.get(to.index).filter(|_| watched)?;
                let id = composed.submission.message_id.clone();
                let place = Place::new(mailbox.clone(), at, id, job.rcpt.clone());
                Some(place.row(&self.peer.id, job.loaded.id, now, until))
            })
            .collect();
        let reply = match at {
            Some((epoch, uid)) => format!("{mailbox} UID {epoch}:{uid} {reply}"),
            None => format!("{mailbox} {reply}"),
        };
        current.file(|position| Filed::Kept {
            reply: reply.clone(),
            place: places.get(position).cloned().flatten(),
        });
    }

    /// The account is ready for messages.
    fn named(&mut self) {
        if !self.ready {
            self.ready = true;
            self.destination.answered();
        }
    }

    /// What became of the batch is written while the connection goes on with the next one.
    fn settle(&mut self) {
        let Some(Current { batch, composed, filed, .. }) = self.current.take() else { return };
        self.destination.answered();
        self.destination.idle_again();
        self.idle = true;
        let (gateway, settings) = (self.gateway.clone(), self.settings.clone());
        let (destination, tls) = (self.destination.clone(), self.tls.clone());
        let lost =
            Refusal::new(Reason::ConnectionLost, Blame::NextHop, "the connection was lost before APPEND");
        let filed =
            filed.into_iter().map(|one| one.unwrap_or_else(|| Filed::Refused(lost.clone()))).collect();
        gateway.clone().tasks.spawn(async move {
            if let Some(peer) = settings.peer(destination.peer()) {
                settle::filed(&gateway, &settings, peer, &batch, &composed, filed, tls.as_deref()).await;
            }
            for key in &composed.flights {
                gateway.flights.land(key);
            }
            destination.done(&batch);
        });
    }

    /// The connection is over; what it had in hand is settled.
    fn lost(&mut self) {
        let Some(current) = &mut self.current else { return };
        if matches!(self.doing, Doing::Appending(_)) {
            // It ended without a word about it.
            current.file(|_| Filed::Uncertain);
        }
        self.settle();
    }
}

/// Why a message does not fit this server.
fn unable(refused: Refused) -> Refusal {
    let (reason, detail) = match refused {
        Refused::NeedsBinary => (Reason::ContentNotAccepted, "the server takes no binary content".to_owned()),
        Refused::NotOffered("UTF8=ACCEPT") => {
            (Reason::AddressMalformed, "the server does not take UTF-8 in addresses".to_owned())
        }
        Refused::TooLarge(most) => (Reason::MessageTooLarge, format!("the server's APPENDLIMIT is {most}")),
        other => (Reason::TryLater, format!("the session did not take the command: {other:?}")),
    };
    Refusal::new(reason, Blame::NextHop, detail)
}

/// What a failed connection means for the messages that wait for it.
pub(super) fn failure(stage: Stage, cause: &Cause) -> Refusal {
    let reason = match cause {
        Cause::AuthInClear | Cause::TlsNotOffered | Cause::PreAuthInClear => Reason::TlsUnavailable,
        Cause::AuthRefused(..) | Cause::AuthNotOffered | Cause::NotGenuine => Reason::TryLater,
        Cause::Ended => Reason::ConnectionLost,
        _ => Reason::NextHopUnavailable,
    };
    Refusal::new(reason, Blame::NextHop, format!("{stage:?}: {cause:?}"))
}

impl Host<Client> for Filler<'_> {
    async fn event(&mut self, event: Event, session: &mut Client) {
        match event {
            Event::Ready { .. } => self.ask_names(session),
            Event::Done { id, outcome } => self.done(id, outcome, session).await,
            Event::Data(response) if matches!(self.doing, Doing::Naming(_)) => match *response {
                Response::Namespace(spaces) => {
                    if let Some(own) = spaces.personal.first() {
                        self.spelling =
                            Spelling { prefix: own.prefix.name().to_owned(), delimiter: own.delimiter };
                    }
                }
                Response::List(list) => self.spelling.delimiter = list.delimiter,
                _ => {}
            },
            Event::Failed { stage, cause } => self.failure = Some(failure(stage, &cause)),
            Event::Unreadable(malformed) => self.gateway.events.tell(&events::Event::Fault {
                what: "imap",
                detail: format!(
                    "{}: the server said what cannot be read ({} wanted at {})",
                    self.destination.name, malformed.wanted, malformed.at
                ),
            }),
            Event::Begins(_) | Event::Chunk(_) | Event::Data(_) | Event::Ends | Event::Watching => {}
        }
    }

    fn secured(&mut self, facts: TlsFacts, _session: &mut Client) {
        self.tls = Some(facts.summary);
    }
}
