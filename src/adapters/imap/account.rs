//! The accounts of the configuration: for each mailbox a connection that is made again, each time after a longer pause,
//! and that gives way to other mailboxes of a server that takes only so many.
//!
//! What is done on a connection is not decided here.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use cedrat_wire_imap::client::{Client, Config, Limits};
use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, sync::watch, task::JoinHandle};

use super::{
    reach::Server,
    source::Watcher,
    turns::{Turn, Turns},
};
use crate::{
    clock,
    config::{TlsMode, imap::Account},
    drive::{self, Ended, TlsSide},
    events::{Event, Protocol},
    gateway::{Gateway, Settings},
};

/// Pauses between connections: the first and the longest.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Time between the first connections of two mailboxes, so that a server does not see a thousand at once.
const SPREAD: Duration = Duration::from_millis(5);

/// How long a place is kept after its connection gave way: a server that still counts that one would refuse the next.
const GRACE: Duration = Duration::from_millis(500);

/// A connection that held so long was good: the next one need not wait.
const LASTING_MS: u64 = 60_000;

/// Watches the mailboxes of the configuration that is in force, until the gateway stops. A mailbox whose entry a reload
/// has changed is opened anew; the others go on.
pub async fn keep(gateway: Arc<Gateway>) {
    let mut shutdown = gateway.shutdown.subscribe();
    let mut reloaded = gateway.reloaded.subscribe();
    let mut watched: Vec<Watched> = Vec::new();
    let turns = Turns::new();
    loop {
        reloaded.mark_unchanged();
        let settings = gateway.settings();
        let wanted = &settings.config.imap;
        let (kept, gone): (Vec<_>, Vec<_>) =
            watched.into_iter().partition(|one| wanted.iter().any(|account| *account == *one.account));
        watched = kept;
        // One of the same name must not begin before its predecessor has ended.
        end(gone).await;
        turns.bound(wanted);
        let new: Vec<_> =
            wanted.iter().filter(|one| !watched.iter().any(|have| *have.account == **one)).cloned().collect();
        for (n, account) in new.into_iter().enumerate() {
            let account = Arc::new(account);
            let stop = watch::Sender::new(false);
            let after = SPREAD.saturating_mul(u32::try_from(n).unwrap_or(u32::MAX));
            let task =
                tokio::spawn(stay(gateway.clone(), account.clone(), turns.clone(), after, stop.subscribe()));
            watched.push(Watched { account, stop, task });
        }
        drop(settings);
        tokio::select! {
            changed = reloaded.changed() => if changed.is_err() { break },
            () = drive::stopped(&mut shutdown) => break,
        }
    }
    end(watched).await;
}

/// A mailbox that is watched.
struct Watched {
    account: Arc<Account>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Ends connections, all at once, each after the message that it is about to take.
async fn end(gone: Vec<Watched>) {
    for one in &gone {
        one.stop.send_replace(true);
    }
    for one in gone {
        // A task that panicked has nothing left to finish.
        drop(one.task.await);
    }
}

/// Watches a mailbox until it is told to stop.
async fn stay(
    gateway: Arc<Gateway>,
    account: Arc<Account>,
    turns: Arc<Turns>,
    after: Duration,
    mut stop: watch::Receiver<bool>,
) {
    tokio::select! {
        () = tokio::time::sleep(after) => {}
        () = drive::stopped(&mut stop) => return,
    }
    let mut pause = PAUSE;
    loop {
        let turn = tokio::select! {
            turn = turns.take(&account) => turn,
            () = drive::stopped(&mut stop) => return,
        };
        let began = clock::instant();
        let ended = connect(&gateway, &account, &turn, stop.clone()).await;
        if matches!(ended, Ok(Over::Turn)) {
            tokio::select! {
                () = tokio::time::sleep(GRACE) => {}
                () = drive::stopped(&mut stop) => return,
            }
        }
        // Whoever waits for its place need not wait for the pause as well.
        drop(turn);
        match ended {
            Ok(Over::Turn) if !*stop.borrow() => {
                pause = PAUSE;
                continue;
            }
            Ok(_) => {}
            Err(why) => gateway.events.tell(&Event::Fault {
                what: "imap",
                detail: format!("mailbox {} {}: {why}", account.id, account.mailbox),
            }),
        }
        if clock::instant() >= began.after(LASTING_MS) {
            pause = PAUSE;
        }
        // A quarter more or less, so that accounts on one server do not come back all at once.
        let share = u32::try_from(clock::random() % 500).unwrap_or(0);
        tokio::select! {
            () = tokio::time::sleep(pause * (750 + share) / 1000) => {}
            () = drive::stopped(&mut stop) => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A connection to the server of an account, before its first octet.
pub(super) struct Reached {
    pub(super) session: Client,
    pub(super) stream: TcpStream,
    pub(super) remote: SocketAddr,
    pub(super) side: TlsSide,
}

/// Connects to the server of an account.
///
/// # Errors
/// Why it cannot, for the operator.
pub(super) async fn reach(settings: &Settings, account: &Account) -> Result<Reached, String> {
    let side = if account.tls.mode == TlsMode::None {
        TlsSide::None
    } else {
        let name = account.tls.name.as_deref().unwrap_or(&account.host).to_owned();
        let name = ServerName::try_from(name).map_err(|_| "the server's name is not one".to_owned())?;
        let tls = settings.mailbox_tls.get(&account.tls.ca).ok_or("it is no longer configured")?;
        TlsSide::Connect(tls.clone(), name)
    };
    let server = Server {
        host: &account.host,
        port: account.port,
        mode: account.tls.mode,
        user: &account.user,
        login: &account.login,
        auth_in_clear: account.auth_in_clear,
        compress: account.compress,
    };
    let usual = Limits::default();
    let limits =
        Limits { idle_ms: account.reopen_ms, poll_ms: usual.poll_ms.min(account.reopen_ms), ..usual };
    let session = Client::new(Config { limits, ..server.session().await? }, clock::entropy());
    let (stream, remote) = server.stream(settings).await?;
    Ok(Reached { session, stream, remote, side })
}

/// Why a connection that did not fail is over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Closed,
    Stopped,
    /// Another mailbox has its place now.
    Turn,
}

/// One connection from beginning to end.
async fn connect(
    gateway: &Arc<Gateway>,
    account: &Arc<Account>,
    turn: &Turn,
    mut stop: watch::Receiver<bool>,
) -> Result<Over, String> {
    let Reached { mut session, stream, remote, side } = reach(&gateway.settings(), account).await?;
    let mut watcher = Watcher::new(gateway, account, turn, remote.ip());
    gateway.events.tell(&Event::SessionOpened {
        session: watcher.session().to_owned(),
        peer: account.peer.clone(),
        protocol: Protocol::Imap,
        address: remote.to_string(),
    });
    let implicit = account.tls.mode == TlsMode::Implicit;
    let until = watch::Sender::new(false);
    let over = async {
        let over = tokio::select! {
            () = drive::stopped(&mut stop) => Over::Stopped,
            () = turn.over_at_rest() => Over::Turn,
        };
        until.send_replace(true);
        over
    };
    let work = drive::drive(&mut session, stream, side, implicit, &mut watcher, until.subscribe());
    let (over, ended) = together(over, work).await;
    let failure = watcher.finish().await;
    let over = if watcher.gave_way() { Over::Turn } else { over.unwrap_or(Over::Closed) };
    gateway.events.tell(&Event::SessionClosed {
        session: watcher.session().to_owned(),
        peer: account.peer.clone(),
        protocol: Protocol::Imap,
        messages: watcher.taken(),
        why: match over {
            Over::Closed => ended.to_string(),
            Over::Stopped => "told to stop".to_owned(),
            Over::Turn => "gave way to another mailbox".to_owned(),
        },
    });
    match (ended, failure) {
        (Ended::Shutdown, _) | (Ended::Closed, None) => Ok(over),
        (_, Some(why)) => Err(why),
        (ended, None) => Err(ended.to_string()),
    }
}

/// Both until the second one ends; what the first one came to by then.
async fn together<A, B>(first: impl Future<Output = A>, second: impl Future<Output = B>) -> (Option<A>, B) {
    let (mut first, mut second) = (std::pin::pin!(first), std::pin::pin!(second));
    let done = tokio::select! {
        done = &mut first => done,
        ended = &mut second => return (None, ended),
    };
    (Some(done), second.await)
}
