//! Whether messages that lie in a mailbox were read: `\Seen` on one whose sender asked sends the read report.
//!
//! Where such a message lies is stored when it is put there, and is forgotten in the operation that holds the report: no
//! interruption sends one twice or not at all, and of two nodes that look only one sends it. A message that is no
//! longer in its mailbox was moved or deleted; which of the two is never guessed, so nothing is said of it. Mailboxes
//! are looked at in turns, read-only, over a connection of its own.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use cedrat_message::{Address, Origin, ReadReport, ReadStatus, Timestamp};
use cedrat_relay::report::copy_key;
use cedrat_wire_imap::{
    client::{
        Client, Command, CommandId, Completed, Event, Failure, Fetch, FetchItem, Search, SearchKey, Select,
        Yield,
    },
    grammar::{Flag, Mailbox, Response, SequenceSet},
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::sink::{self, failure};
use crate::{
    adapters::smtp::listener::Side,
    clock,
    config::{Peer, TlsMode, mailbox::Mailbox as Account},
    drive::{self, Ended, Host, stopped},
    events,
    gateway::{Gateway, Settings},
    intake::{self, Source},
    pump::{compose::MAIL_REPORTS, settle::sent_as},
    record,
    store::{MessageId, Op, Outcome},
};

/// Messages that are looked at over one connection: their UIDs fit the 8,000 octets of a command (RFC 7162 section 4).
const PAGE: u32 = 500;

/// How often it is seen whether a look is due.
const TICK: Duration = Duration::from_secs(1);

/// Where a message lies whose sender wants to hear that it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    v: u8,
    mailbox: String,
    /// UIDVALIDITY and UID; `None` when the server did not say.
    at: Option<(u32, u32)>,
    message_id: String,
    rcpt: String,
}

/// The states of a row.
const WAITS: i32 = 0;
const OVER: i32 = 1;

impl Place {
    pub(super) const fn new(
        mailbox: String,
        at: Option<(u32, u32)>,
        message_id: String,
        rcpt: String,
    ) -> Self {
        Self { v: 1, mailbox, at, message_id, rcpt }
    }

    /// As it is stored.
    pub(super) fn row(&self, peer: &str, message: MessageId, now: Timestamp, until: Timestamp) -> Outcome {
        Outcome {
            peer: owner(peer),
            remote: copy_key(&sent_as(MAIL_REPORTS, Origin::Mail, &self.message_id, &self.rcpt)),
            rcpt: String::new(),
            message,
            state: WAITS,
            at: now.0,
            until: until.0,
            data: record::write(self),
        }
    }
}

/// The namespace of the places in a peer's mailboxes.
fn owner(peer: &str) -> String {
    format!("@imap/{peer}")
}

/// Looks at the mailboxes of every peer that has some now and then, until the gateway stops.
pub async fn watch(gateway: Arc<Gateway>) {
    let mut shutdown = gateway.shutdown.subscribe();
    let mut looks: BTreeMap<String, (Instant, JoinHandle<()>)> = BTreeMap::new();
    loop {
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            () = stopped(&mut shutdown) => break,
        }
        for peer in &gateway.settings().config.peers {
            let every = peer.mailbox.as_ref().and_then(|account| account.read_reports_ms);
            let began = looks.get(&peer.id).map(|(began, look)| (*began, look.is_finished()));
            let due = match (every, began) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(every), Some((began, over))) => over && began.elapsed() >= Duration::from_millis(every),
            };
            if due {
                let look = tokio::spawn(look_and_tell(gateway.clone(), peer.id.clone()));
                looks.insert(peer.id.clone(), (Instant::now(), look));
            }
        }
    }
    for (_, look) in looks.into_values() {
        // A look that panicked has nothing left to finish.
        drop(look.await);
    }
}

async fn look_and_tell(gateway: Arc<Gateway>, peer: String) {
    let settings = gateway.settings();
    let account = settings.peer(&peer).and_then(|peer| Some((peer, peer.mailbox.as_ref()?)));
    if let Some((peer, account)) = account
        && let Err(why) = look(&gateway, &settings, peer, account).await
    {
        gateway.events.tell(&events::Event::Fault {
            what: "imap",
            detail: format!("peer {}: whether messages were read is not known: {why}", peer.id),
        });
    }
}

/// One look at every message that waits to be read.
async fn look(
    gateway: &Arc<Gateway>,
    settings: &Arc<Settings>,
    peer: &Peer,
    account: &Account,
) -> Result<(), String> {
    let owner = owner(&peer.id);
    let mut after = String::new();
    loop {
        let rows = gateway.store.outcomes_at(&owner, WAITS, &after, PAGE).await;
        let rows = rows.map_err(|fault| fault.to_string())?;
        let Some(last) = rows.last() else { return Ok(()) };
        after.clone_from(&last.remote);
        let mut mailboxes: BTreeMap<String, Vec<Waiting>> = BTreeMap::new();
        for row in rows {
            // What another version wrote is left to it.
            let Ok(place) = record::read::<Place>(&row.data) else { continue };
            mailboxes.entry(place.mailbox.clone()).or_default().push(Waiting { row, place });
        }
        connect(gateway, settings, peer, account, mailboxes.into_values().collect()).await?;
        if *gateway.shutdown.borrow() {
            return Ok(());
        }
    }
}

async fn connect(
    gateway: &Arc<Gateway>,
    settings: &Arc<Settings>,
    peer: &Peer,
    account: &Account,
    mailboxes: VecDeque<Vec<Waiting>>,
) -> Result<(), String> {
    let operator = |refusal: cedrat_message::Refusal| refusal.detail.for_operator().to_owned();
    let server = sink::server(peer, account).map_err(operator)?;
    let side = sink::tls(settings, peer, &server).map_err(operator)?;
    let (stream, remote) = server.stream(settings).await?;
    let mut session = Client::new(server.session().await?, clock::entropy());
    let mut looker = Looker {
        gateway,
        settings,
        peer,
        remote: remote.ip(),
        mailboxes,
        doing: Doing::Nothing,
        unplaced: Vec::new(),
        placed: BTreeMap::new(),
        flags: BTreeMap::new(),
        failure: None,
    };
    let implicit = peer.tls.mode == TlsMode::Implicit;
    let shutdown = gateway.shutdown.subscribe();
    let ended = drive::drive(&mut session, stream, side, implicit, &mut looker, shutdown).await;
    match (ended, looker.failure) {
        (_, Some(why)) => Err(why),
        (Ended::Closed | Ended::Shutdown, None) => Ok(()),
        (ended, None) => Err(ended.to_string()),
    }
}

/// A message that is not known to be read.
struct Waiting {
    row: Outcome,
    place: Place,
}

/// The one who decides on the events of a connection.
struct Looker<'a> {
    gateway: &'a Arc<Gateway>,
    settings: &'a Arc<Settings>,
    peer: &'a Peer,
    remote: IpAddr,
    /// All of one mailbox together; the first is the one that is being looked at.
    mailboxes: VecDeque<Vec<Waiting>>,
    doing: Doing,
    /// Those whose UID is to be found.
    unplaced: Vec<Waiting>,
    /// Those whose UID is known.
    placed: BTreeMap<u32, Waiting>,
    /// What the server said of their flags: whether `\Seen` is among them.
    flags: BTreeMap<u32, bool>,
    failure: Option<String>,
}

/// The command whose end is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Fetching(CommandId),
    Nothing,
    Searching(CommandId),
    Selecting(CommandId),
}

impl Looker<'_> {
    fn submit(&mut self, command: Command, session: &mut Client, doing: impl FnOnce(CommandId) -> Doing) {
        match session.submit(command) {
            Ok(id) => self.doing = doing(id),
            Err(refused) => {
                self.failure = Some(format!("the server cannot do what is needed: {refused:?}"));
                session.abort();
            }
        }
    }

    /// The next mailbox, or the end.
    fn next_mailbox(&mut self, session: &mut Client) {
        let Some(first) = self.mailboxes.front().and_then(|waiting| waiting.first()) else {
            return session.quit();
        };
        let mailbox = Mailbox::new(&first.place.mailbox);
        let select = Select { mailbox, read_only: true, resync: None };
        self.submit(Command::Select(select), session, Doing::Selecting);
    }

    /// The next question about the mailbox that is selected.
    fn ask(&mut self, session: &mut Client) {
        if let Some(waiting) = self.unplaced.last() {
            let id = format!("<{}>", waiting.place.message_id);
            let search = Search { key: SearchKey::Header("Message-ID".into(), id) };
            return self.submit(Command::Search(search), session, Doing::Searching);
        }
        let uids: SequenceSet = self.placed.keys().copied().collect();
        if uids.is_empty() {
            return self.next_mailbox(session);
        }
        let fetch = Fetch { uids, items: vec![FetchItem::Flags], changed_since: None, vanished: false };
        self.submit(Command::Fetch(fetch), session, Doing::Fetching);
    }

    async fn done(
        &mut self,
        id: CommandId,
        outcome: Result<Box<Completed>, Box<Failure>>,
        session: &mut Client,
    ) -> Result<(), String> {
        let mine = match self.doing {
            Doing::Nothing => false,
            Doing::Fetching(mine) | Doing::Searching(mine) | Doing::Selecting(mine) => mine == id,
        };
        if !mine {
            return Ok(());
        }
        match (std::mem::replace(&mut self.doing, Doing::Nothing), outcome) {
            (Doing::Selecting(_), Ok(completed)) => {
                let epoch = match &completed.result {
                    Yield::Selected(selected) => selected.uid_validity,
                    _ => None,
                };
                for waiting in self.mailboxes.pop_front().unwrap_or_default() {
                    match waiting.place.at {
                        Some((of, uid)) if Some(of) == epoch => {
                            self.placed.insert(uid, waiting);
                        }
                        // The server did not say where it lies, or has numbered its messages anew.
                        _ => self.unplaced.push(waiting),
                    }
                }
                self.ask(session);
            }
            (Doing::Selecting(_), Err(_)) if session.is_ready() => {
                // A mailbox that is not there may come back; its messages are looked for until their time is over.
                self.mailboxes.pop_front();
                self.next_mailbox(session);
            }
            (Doing::Searching(_), Ok(completed)) => {
                if let (Some(waiting), Yield::Found(found)) = (self.unplaced.pop(), &completed.result) {
                    match found.all.greatest() {
                        Some(uid) => drop(self.placed.insert(uid, waiting)),
                        None => self.forget(waiting.row).await?,
                    }
                }
                self.ask(session);
            }
            (Doing::Fetching(_), Ok(_)) => {
                let flags = std::mem::take(&mut self.flags);
                for (uid, waiting) in std::mem::take(&mut self.placed) {
                    match flags.get(&uid) {
                        Some(true) => self.seen(waiting).await?,
                        Some(false) => {}
                        None => self.forget(waiting.row).await?,
                    }
                }
                self.next_mailbox(session);
            }
            (_, Err(failure)) => return Err(format!("the server refuses: {failure:?}")),
            (Doing::Nothing, Ok(_)) => {}
        }
        Ok(())
    }

    /// Sends the report of a message that was read.
    async fn seen(&self, waiting: Waiting) -> Result<(), String> {
        let Waiting { row, place } = waiting;
        let Ok(recipient) = Address::parse(&place.rcpt) else { return self.forget(row).await };
        let source = Source {
            gateway: self.gateway,
            settings: self.settings,
            peer: self.peer,
            side: Side::Mail,
            session: "",
            remote: self.remote,
            helo: "",
            tls: None,
        };
        let report = ReadReport {
            message_id: place.message_id,
            recipient,
            originator: None,
            at: Some(clock::now()),
            status: ReadStatus::Read,
            text: None,
        };
        let over = Outcome { state: OVER, until: clock::now().0, ..row };
        intake::report::seen(&source, report, over)
            .await
            .map_err(|refusal| refusal.detail.for_operator().to_owned())
    }

    /// Looks for a message no more.
    async fn forget(&self, row: Outcome) -> Result<(), String> {
        let now = clock::now().0;
        let op = Op::at(now).outcome(Outcome { state: OVER, until: now, ..row });
        self.gateway.store.submit(op).await.map(drop).map_err(|fault| fault.to_string())
    }
}

impl Host<Client> for Looker<'_> {
    async fn event(&mut self, event: Event, session: &mut Client) {
        match event {
            Event::Ready { .. } => self.next_mailbox(session),
            Event::Data(response) => {
                if let Response::Fetch(fetch) = *response
                    && let (Some(uid), Some(flags)) = (fetch.uid, fetch.flags)
                    && self.placed.contains_key(&uid)
                {
                    self.flags.insert(uid, flags.contains(&Flag::Seen));
                }
            }
            Event::Done { id, outcome } => {
                if let Err(why) = self.done(id, outcome, session).await {
                    self.failure.get_or_insert(why);
                    session.abort();
                }
            }
            Event::Failed { stage, cause } => {
                let refusal = failure(stage, &cause);
                self.failure.get_or_insert(refusal.detail.for_operator().to_owned());
            }
            Event::Begins(_) | Event::Chunk(_) | Event::Ends | Event::Unreadable(_) | Event::Watching => {}
        }
    }

    fn stopping(&mut self, session: &mut Client) {
        session.quit();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use cedrat_message::Timestamp;

    use super::{OVER, Place, WAITS};
    use crate::{record, store::Outcome};

    #[test]
    fn a_place_is_read_back_as_it_was_stored_and_each_copy_has_its_own() {
        let place = |rcpt: &str| Place::new("MMS/x".into(), Some((7, 9)), "m1@gw.test".into(), rcpt.into());
        let row = place("+447700900001").row("store", 1, Timestamp(5), Timestamp(9));
        assert_eq!((row.peer.as_str(), row.state), ("@imap/store", WAITS));
        assert_eq!(record::read::<Place>(&row.data).unwrap(), place("+447700900001"));
        let other = place("+447700900002").row("store", 1, Timestamp(5), Timestamp(9));
        assert_ne!(row.remote, other.remote);
        assert_ne!(Outcome { state: OVER, ..row.clone() }, row);
    }
}
