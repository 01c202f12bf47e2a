//! Whether an account works: connected to, logged in at, its mailbox opened to look only. For `cedrat check --login`.

use std::time::Duration;

use cedrat_wire_imap::{
    client::{Client, Command, Event, Failure, Select, Yield},
    grammar::Mailbox,
};
use tokio::sync::watch;

use super::{
    account::{Reached, reach},
    sink,
};
use crate::{
    clock,
    config::{Peer, TlsMode, imap::Account, mailbox},
    drive::{self, Host, TlsFacts},
    gateway::Settings,
};

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a server says to an account that works.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    /// Messages in the mailbox, when one was opened.
    pub messages: u32,
    /// TLS version and cipher; empty without.
    pub tls: String,
    /// What the server lacks, and what that means here.
    pub lacks: Vec<&'static str>,
}

/// Logs in, opens the mailbox without the right to change it, and logs out.
///
/// # Errors
/// How far it came and why no further, for the operator.
pub async fn attempt(settings: &Settings, account: &Account) -> Result<Tried, String> {
    let all = async {
        let reached = reach(settings, account).await?;
        converse(reached, account.tls.mode, &TAKES, Some(&account.mailbox)).await
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap_or_else(|_| Err("no answer within 60 s".to_owned()))
}

/// Logs in where messages are put, and logs out: its mailboxes are made when the first message comes.
///
/// # Errors
/// How far it came and why no further, for the operator.
pub async fn attempt_to_fill(
    settings: &Settings,
    peer: &Peer,
    account: &mailbox::Mailbox,
) -> Result<Tried, String> {
    let operator = |refusal: cedrat_message::Refusal| refusal.detail.for_operator().to_owned();
    let all = async {
        let server = sink::server(peer, account).map_err(operator)?;
        let side = sink::tls(settings, peer, &server).map_err(operator)?;
        let session = Client::new(server.session().await?, clock::entropy());
        let (stream, remote) = server.stream(settings).await?;
        converse(Reached { session, stream, remote, side }, peer.tls.mode, &PUTS, None).await
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap_or_else(|_| Err("no answer within 60 s".to_owned()))
}

async fn converse(
    reached: Reached,
    mode: TlsMode,
    wanted: &[(&'static str, &'static str)],
    mailbox: Option<&str>,
) -> Result<Tried, String> {
    let Reached { mut session, stream, side, .. } = reached;
    let mut trial = Trial { wanted, mailbox, tried: Tried::default(), outcome: None };
    let (_never, stop) = watch::channel(false);
    let implicit = mode == TlsMode::Implicit;
    let ended = drive::drive(&mut session, stream, side, implicit, &mut trial, stop).await;
    trial.outcome.unwrap_or_else(|| Err(ended.to_string()))
}

/// What helps where messages are taken, and what it means when it is not there.
const TAKES: [(&str, &str); 3] = [
    ("IDLE", "no IDLE: new messages are seen once a minute"),
    ("MOVE", "no MOVE: messages are copied and then removed"),
    ("UIDPLUS", "no UIDPLUS: what is moved or deleted stays, marked, until somebody expunges"),
];

/// What helps where messages are put.
const PUTS: [(&str, &str); 1] =
    [("UIDPLUS", "no UIDPLUS: to see whether a message was read, it is searched for by its Message-ID")];

struct Trial<'a> {
    wanted: &'a [(&'static str, &'static str)],
    /// What is opened.
    mailbox: Option<&'a str>,
    tried: Tried,
    outcome: Option<Result<Tried, String>>,
}

impl Host<Client> for Trial<'_> {
    async fn event(&mut self, event: Event, session: &mut Client) {
        match event {
            Event::Ready { capabilities } => {
                let is_rev2 = capabilities.has("IMAP4REV2");
                let lacks = self.wanted.iter().filter(|(name, _)| !is_rev2 && !capabilities.has(name));
                self.tried.lacks = lacks.map(|(_, meaning)| *meaning).collect();
                let Some(mailbox) = self.mailbox.map(Mailbox::new) else {
                    self.outcome = Some(Ok(self.tried.clone()));
                    return session.quit();
                };
                let select = Select { mailbox, read_only: true, resync: None };
                if let Err(refused) = session.submit(Command::Select(select)) {
                    self.outcome = Some(Err(format!("the mailbox cannot be opened: {refused:?}")));
                    session.quit();
                }
            }
            Event::Done { outcome, .. } => {
                let outcome = match outcome {
                    Ok(completed) => {
                        if let Yield::Selected(selected) = completed.result {
                            self.tried.messages = selected.exists;
                        }
                        Ok(self.tried.clone())
                    }
                    Err(failure) => Err(match *failure {
                        Failure::Refused(_, text) => format!("it cannot be opened: {}", text.text),
                        other => format!("it cannot be opened: {other:?}"),
                    }),
                };
                self.outcome.get_or_insert(outcome);
                session.quit();
            }
            Event::Failed { stage, cause } => {
                self.outcome.get_or_insert(Err(format!("{stage:?}: {cause:?}")));
            }
            _ => {}
        }
    }

    fn secured(&mut self, facts: TlsFacts, _session: &mut Client) {
        self.tried.tls = facts.summary;
    }
}
