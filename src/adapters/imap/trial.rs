//! Whether an account works: connected to, logged in at, its mailbox opened to look only. For `cedrat check --login`.

use std::time::Duration;

use cedrat_wire_imap::{
    client::{Client, Command, Event, Failure, Select, Yield},
    grammar::Mailbox,
};
use tokio::sync::watch;

use super::account::{Reached, reach};
use crate::{
    config::{TlsMode, imap::Account},
    drive::{self, Host, TlsFacts},
    gateway::Settings,
};

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a server says to an account that works.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    /// Messages in the mailbox.
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
        let Reached { mut session, stream, side, .. } = reach(settings, account).await?;
        let mut trial = Trial { account, tried: Tried::default(), outcome: None };
        let implicit = account.tls.mode == TlsMode::Implicit;
        let (_never, stop) = watch::channel(false);
        let ended = drive::drive(&mut session, stream, side, implicit, &mut trial, stop).await;
        trial.outcome.unwrap_or_else(|| Err(ended.to_string()))
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap_or_else(|_| Err("no answer within 60 s".to_owned()))
}

struct Trial<'a> {
    account: &'a Account,
    tried: Tried,
    outcome: Option<Result<Tried, String>>,
}

impl Host<Client> for Trial<'_> {
    async fn event(&mut self, event: Event, session: &mut Client) {
        match event {
            Event::Ready { capabilities } => {
                let lacks = [
                    ("IDLE", "no IDLE: new messages are seen once a minute"),
                    ("MOVE", "no MOVE: messages are copied and then removed"),
                    (
                        "UIDPLUS",
                        "no UIDPLUS: what is moved or deleted stays, marked, until somebody expunges",
                    ),
                ];
                let is_rev2 = capabilities.has("IMAP4REV2");
                let lacks = lacks.into_iter().filter(|(name, _)| !is_rev2 && !capabilities.has(name));
                self.tried.lacks = lacks.map(|(_, meaning)| meaning).collect();
                let mailbox = Mailbox::new(&self.account.mailbox);
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
                        Failure::Refused(_, text) => {
                            format!("mailbox {} cannot be opened: {}", self.account.mailbox, text.text)
                        }
                        other => format!("mailbox {} cannot be opened: {other:?}", self.account.mailbox),
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
