//! One account: a connection that is made again, each time after a longer pause, until the gateway stops.

use std::{sync::Arc, time::Duration};

use cedrat_wire_imap::client::{Auth, Client, Config, Tls};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;

use super::source::Watcher;
use crate::{
    clock,
    config::{
        TlsMode,
        imap::{Account, Login},
    },
    drive::{self, Ended, TlsSide},
    events::{Event, Protocol},
    gateway::Gateway,
    tls,
};

/// How long making a TCP connection may take.
const CONNECT: Duration = Duration::from_secs(30);

/// Pauses between connections: the first and the longest.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// A connection that held so long was good: the next one need not wait.
const LASTING_MS: u64 = 60_000;

/// Watches a mailbox until the gateway stops.
pub async fn watch(gateway: Arc<Gateway>, account: Account) {
    let mut shutdown = gateway.shutdown.subscribe();
    let mut pause = PAUSE;
    loop {
        let began = clock::instant();
        if let Err(why) = connect(&gateway, &account).await {
            gateway
                .events
                .tell(&Event::Fault { what: "imap", detail: format!("mailbox {}: {why}", account.id) });
        }
        if clock::instant() >= began.after(LASTING_MS) {
            pause = PAUSE;
        }
        // A quarter more or less, so that accounts on one server do not come back all at once.
        let share = u32::try_from(clock::random() % 500).unwrap_or(0);
        tokio::select! {
            () = tokio::time::sleep(pause * (750 + share) / 1000) => {}
            () = drive::stopped(&mut shutdown) => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One connection from beginning to end.
async fn connect(gateway: &Arc<Gateway>, account: &Account) -> Result<(), String> {
    let settings = gateway.settings();
    let peer = settings
        .peer(&account.peer)
        .ok_or_else(|| format!("peer {} is no longer configured", account.peer))?;
    let mode = account.tls.mode;
    let side = if mode == TlsMode::None {
        TlsSide::None
    } else {
        let name = account.tls.name.as_deref().unwrap_or(&account.host).to_owned();
        let name = ServerName::try_from(name).map_err(|_| "the server's name is not one".to_owned())?;
        TlsSide::Connect(tls::client(true, account.tls.ca.as_deref(), None)?, name)
    };
    let addresses = settings
        .resolver
        .addresses(&account.host, account.port)
        .await
        .map_err(|refusal| refusal.detail.for_operator().to_owned())?;
    let mut stream = Err("it has no address".to_owned());
    for address in addresses {
        stream = match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(connected)) => Ok((connected, address)),
            Ok(Err(fault)) => Err(format!("{} at {address}: {fault}", account.host)),
            Err(_) => Err(format!("{} at {address}: no connection within 30 s", account.host)),
        };
        if stream.is_ok() {
            break;
        }
    }
    let (stream, remote) = stream?;
    let mut session = Client::new(config(account)?, clock::entropy());
    let mut watcher = Watcher::new(gateway, &settings, account, peer, remote.ip());
    gateway.events.tell(&Event::SessionOpened {
        session: watcher.session().to_owned(),
        peer: account.peer.clone(),
        protocol: Protocol::Mail,
        address: remote.to_string(),
    });
    let implicit = mode == TlsMode::Implicit;
    let ended =
        drive::drive(&mut session, stream, side, implicit, &mut watcher, gateway.shutdown.subscribe()).await;
    gateway.events.tell(&Event::SessionClosed {
        session: watcher.session().to_owned(),
        peer: account.peer.clone(),
        protocol: Protocol::Mail,
        messages: watcher.taken(),
        why: ended.to_string(),
    });
    match (ended, watcher.failure()) {
        (Ended::Shutdown, _) | (Ended::Closed, None) => Ok(()),
        (_, Some(why)) => Err(why),
        (ended, None) => Err(ended.to_string()),
    }
}

fn config(account: &Account) -> Result<Config, String> {
    let auth = match &account.login {
        Login::Password(password) => Auth::Password(cedrat_wire_mail::smtp::Credentials::new(
            &account.user,
            password.expose().to_owned(),
        )),
        Login::TokenFile(path) => {
            let token = std::fs::read_to_string(path)
                .map_err(|fault| format!("the token {} cannot be read: {fault}", path.display()))?;
            let token = cedrat_wire_mail::smtp::Password::new(token.trim().to_owned());
            Auth::Bearer { user: account.user.clone(), token }
        }
    };
    let tls = match account.tls.mode {
        TlsMode::Implicit => Tls::Implicit,
        TlsMode::None => Tls::None,
        TlsMode::Opportunistic => Tls::Opportunistic,
        TlsMode::Verify => Tls::Required,
    };
    Ok(Config {
        tls,
        // `tls = "none"` was written by somebody who knows the way to the server.
        auth_in_clear: account.tls.mode == TlsMode::None,
        compress: account.compress,
        id: vec![("name".into(), "cedrat".into()), ("version".into(), env!("CARGO_PKG_VERSION").into())],
        ..Config::new(Some(auth))
    })
}
