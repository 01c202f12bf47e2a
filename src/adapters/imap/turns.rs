//! Who may connect to a server that takes only so many connections, and for how long.
//!
//! A bound is of the configuration, or learned from what the server says and believed for ten minutes: of the account
//! when it has several connections there, otherwise of the server. Places are given in the order of asking. Who holds
//! one that somebody waits for gives it up when its turn is over, between two batches or in IDLE; so each mailbox is
//! looked at, however few connections there are.
//!
//! How long to pause after a failure is not decided here.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cedrat_session::Instant;
use cedrat_wire_imap::grammar::{Code, Text};
use tokio::sync::{Notify, watch};

use crate::{clock, config::imap::Account};

/// How long a connection may stay when others wait for its place: long enough for a thousand messages.
const TURN_MS: u64 = 10_000;

/// How long a bound that the server has told of is believed.
const BELIEVED_MS: u64 = 600_000;

/// How long a server may count a connection that was given up: what it refuses meanwhile says nothing of its bound.
const LAG_MS: u64 = 1000;

/// The turns at all servers.
#[derive(Debug)]
pub(super) struct Turns {
    inner: Mutex<Inner>,
    /// Changes when somebody has to wait.
    wanted: watch::Sender<()>,
    turn_ms: u64,
}

#[derive(Debug, Default)]
struct Inner {
    doors: BTreeMap<Arc<str>, Door>,
    waiting: VecDeque<Waiting>,
    next: u64,
}

/// One server, or one account there.
#[derive(Debug, Default)]
struct Door {
    /// By the configuration.
    most: Option<usize>,
    /// By what the server said, and until when that counts.
    learned: Option<(usize, Instant)>,
    held: usize,
    /// When a connection that the server had taken was given up last.
    freed: Option<Instant>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    doors: [Arc<str>; 2],
    admitted: Arc<Notify>,
}

/// The right to one connection, or a place in the queue for it.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Arc<Turns>,
    number: u64,
    /// The server, and the account there.
    doors: [Arc<str>; 2],
    began: Instant,
    /// Whether there is nothing to do but to wait for messages.
    idle: AtomicBool,
    /// Whether the server has refused it.
    refused: AtomicBool,
}

impl Turns {
    pub(super) fn new() -> Arc<Self> {
        Self::of(TURN_MS)
    }

    fn of(turn_ms: u64) -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), wanted: watch::Sender::new(()), turn_ms })
    }

    /// Takes the bounds of the configuration: for each server the least that one of its accounts names.
    pub(super) fn bound(&self, accounts: &[Account]) {
        let now = clock::instant();
        let mut inner = self.lock();
        for door in inner.doors.values_mut() {
            door.most = None;
        }
        for account in accounts.iter().filter(|account| account.max_connections.is_some()) {
            let [server, _] = doors(account);
            let most = &mut inner.doors.entry(server).or_default().most;
            *most = most.iter().copied().chain(account.max_connections).min();
        }
        inner.admit(now);
    }

    /// Waits for a place at the server of an account.
    pub(super) async fn take(self: &Arc<Self>, account: &Account) -> Turn {
        let doors = doors(account);
        let admitted = Arc::new(Notify::new());
        let now = clock::instant();
        let mut turn = {
            let mut inner = self.lock();
            let number = inner.next;
            inner.next += 1;
            inner.waiting.push_back(Waiting { number, doors: doors.clone(), admitted: admitted.clone() });
            inner.admit(now);
            Turn {
                turns: self.clone(),
                number,
                doors,
                began: now,
                idle: AtomicBool::new(false),
                refused: AtomicBool::new(false),
            }
        };
        self.wanted.send_replace(());
        admitted.notified().await;
        turn.began = clock::instant();
        turn
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn has_room(&self, door: &Arc<str>, now: Instant) -> bool {
        let Some(door) = self.doors.get(door) else { return true };
        let learned = door.learned.filter(|(_, until)| now < *until).map(|(most, _)| most);
        door.most.into_iter().chain(learned).all(|most| door.held < most)
    }

    /// Gives places to those who wait, in their order, as far as there are any.
    fn admit(&mut self, now: Instant) {
        for waiting in std::mem::take(&mut self.waiting) {
            if waiting.doors.iter().all(|door| self.has_room(door, now)) {
                for door in &waiting.doors {
                    self.doors.entry(door.clone()).or_default().held += 1;
                }
                waiting.admitted.notify_one();
            } else {
                self.waiting.push_back(waiting);
            }
        }
    }
}

impl Turn {
    /// Says whether there is nothing to do but to wait for messages.
    pub(super) fn rests(&self, idle: bool) {
        self.idle.store(idle, Ordering::Relaxed);
    }

    /// Whether it has lasted long enough and somebody could have its place.
    pub(super) fn is_over(&self) -> bool {
        let now = clock::instant();
        if now < self.began.after(self.turns.turn_ms) {
            return false;
        }
        let inner = self.turns.lock();
        inner.waiting.iter().any(|waiting| {
            waiting.doors.iter().any(|door| self.doors.contains(door))
                && waiting.doors.iter().all(|door| self.doors.contains(door) || inner.has_room(door, now))
        })
    }

    /// Resolves when it is over and there is nothing to do.
    pub(super) async fn over_at_rest(&self) {
        let mut wanted = self.turns.wanted.subscribe();
        tokio::time::sleep(Duration::from_millis(self.turns.turn_ms)).await;
        loop {
            wanted.mark_unchanged();
            if !self.is_over() {
                // The turns live as long as this one.
                drop(wanted.changed().await);
            } else if self.idle.load(Ordering::Relaxed) {
                return;
            } else {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }

    /// The server refuses this connection because there are too many: it gets no more for a while.
    pub(super) fn is_one_too_many(&self) {
        let now = clock::instant();
        let mut inner = self.turns.lock();
        let [server, account] = &self.doors;
        let of_account = inner.doors.get(account).map_or(0, |door| door.held);
        let full = if of_account > 1 { account } else { server };
        self.refused.store(true, Ordering::Relaxed);
        if let Some(door) = inner.doors.get_mut(full)
            && door.freed.is_none_or(|freed| now >= freed.after(LAG_MS))
        {
            let others = door.held.saturating_sub(1).max(1);
            door.learned = Some((others, now.after(BELIEVED_MS)));
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let now = clock::instant();
        let mut inner = self.turns.lock();
        let waiting = inner.waiting.len();
        inner.waiting.retain(|waiting| waiting.number != self.number);
        if inner.waiting.len() == waiting {
            for door in &self.doors {
                if let Some(door) = inner.doors.get_mut(door) {
                    door.held = door.held.saturating_sub(1);
                    if !self.refused.load(Ordering::Relaxed) {
                        door.freed = Some(now);
                    }
                }
            }
        }
        inner.admit(now);
    }
}

/// Whether a server means by this that it takes no more connections: LIMIT (RFC 5530), or the words of those that have
/// no code for it.
pub(super) fn is_crowded(text: &Text) -> bool {
    let words = text.text.to_ascii_lowercase();
    let many = ["too many", "maximum", "limit", "exceed"].iter().any(|word| words.contains(word));
    text.code == Some(Code::Limit) || (many && words.contains("connection"))
}

fn doors(account: &Account) -> [Arc<str>; 2] {
    let server = format!("{}:{}", account.host, account.port);
    let user = format!("{}@{server}", account.user);
    [server.into(), user.into()]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use cedrat_wire_imap::grammar::{Code, Text};

    use super::{Turn, Turns, is_crowded};
    use crate::config::{
        PeerTls, TlsMode,
        imap::{Account, After, Login, Named},
    };

    fn account(user: &str, max_connections: Option<usize>) -> Account {
        Account {
            id: user.into(),
            host: "imap.example".into(),
            port: 993,
            tls: PeerTls { mode: TlsMode::Implicit, ca: None, name: None, present_certificate: false },
            user: user.into(),
            login: Login::TokenFile("token".into()),
            auth_in_clear: false,
            compress: false,
            max_connections,
            peer: "internet".into(),
            mailbox: "INBOX".into(),
            recipients: Vec::new(),
            named: Named::default(),
            after: After::Keep,
            refused_to: None,
            reopen_ms: 1000,
            begin_with_all: false,
        }
    }

    async fn at_once(turns: &Arc<Turns>, account: &Account) -> Option<Turn> {
        tokio::time::timeout(Duration::from_millis(20), turns.take(account)).await.ok()
    }

    #[tokio::test]
    async fn a_server_gets_no_more_connections_than_the_configuration_says_whoever_asks() {
        let turns = Turns::of(0);
        let (anna, bert) = (account("anna", Some(2)), account("bert", None));
        turns.bound(&[anna.clone(), bert.clone()]);
        let first = at_once(&turns, &anna).await.unwrap();
        let second = at_once(&turns, &bert).await.unwrap();
        assert!(!first.is_over());
        assert!(at_once(&turns, &bert).await.is_none(), "a wait that was given up keeps no place");
        let third = tokio::spawn({
            let (turns, anna) = (turns.clone(), anna.clone());
            async move { turns.take(&anna).await }
        });
        first.rests(true);
        first.over_at_rest().await;
        assert!(second.is_over());
        drop(first);
        let third = third.await.unwrap();
        assert!(!third.is_over() && !second.is_over());
        turns.bound(std::slice::from_ref(&bert));
        assert!(at_once(&turns, &bert).await.is_some());
    }

    #[tokio::test]
    async fn what_a_server_says_of_too_many_connections_is_learned_for_the_account_or_for_all() {
        let turns = Turns::of(0);
        let (anna, bert) = (account("anna", None), account("bert", None));
        let first = at_once(&turns, &anna).await.unwrap();
        let second = at_once(&turns, &anna).await.unwrap();
        second.is_one_too_many();
        drop(second);
        assert!(at_once(&turns, &anna).await.is_none());
        let other = at_once(&turns, &bert).await.unwrap();
        other.is_one_too_many();
        drop(other);
        assert!(at_once(&turns, &bert).await.is_none());
        drop(first);
        assert!(at_once(&turns, &bert).await.is_some());
    }

    #[test]
    fn a_server_that_has_too_many_connections_says_so_in_many_ways() {
        let says = |code, text: &str| is_crowded(&Text { code, text: text.to_owned() });
        assert!(says(
            None,
            "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)"
        ));
        assert!(says(Some(Code::Unavailable), "Too many simultaneous connections. (Failure)"));
        assert!(says(Some(Code::Limit), "not now"));
        assert!(!says(Some(Code::Unavailable), "the disk is away"));
        assert!(!says(None, "connection lost"));
    }
}
