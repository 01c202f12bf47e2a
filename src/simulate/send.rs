//! One connection that hands messages over, one after the other, as long as there are any.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use cedrat_wire_mail::smtp::{
    Reply,
    client::{Client, Config, Delivery, Event, Refused, Tls, Transaction},
};
use tokio::{net::TcpStream, sync::watch};

use crate::drive::{self, Host, TlsSide};

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Where the messages of a connection come from, and where their outcomes go.
pub trait Source: Send {
    /// The next message; `None` ends the connection.
    fn next(&mut self) -> impl Future<Output = Option<Transaction>> + Send;

    /// What became of it, for each recipient.
    fn outcome(&mut self, recipients: Vec<Delivery>);
}

/// Hands over what the source gives to `to`, `host:port`, until it gives nothing more.
///
/// # Errors
/// Why the connection could not be made, or ended before.
pub async fn send(to: &str, helo: &str, source: &mut impl Source) -> Result<(), String> {
    let stream = match tokio::time::timeout(CONNECT, TcpStream::connect(to)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(fault)) => return Err(format!("{to} cannot be reached: {fault}")),
        Err(_) => return Err(format!("{to} cannot be reached: no connection within 10 s")),
    };
    let mut config = Config::new(helo);
    config.tls = Tls::None;
    let mut session = Client::new(config, [0; 32]);
    let mut sender = Sender { source, failure: None };
    let (_never, running) = watch::channel(false);
    let ended = drive::drive(&mut session, stream, TlsSide::None, false, &mut sender, running).await;
    match sender.failure {
        Some(failure) => Err(format!("{to}: {failure}")),
        None => match ended {
            drive::Ended::Closed => Ok(()),
            ended => Err(format!("{to}: {ended}")),
        },
    }
}

/// Hands over one message; the words with which it was taken, and when they came.
///
/// # Errors
/// Why it was not taken.
pub async fn one(to: &str, helo: &str, transaction: Transaction) -> Result<(String, Instant), String> {
    let mut single = Single { transaction: Some(transaction), outcome: None };
    let ended = send(to, helo, &mut single).await;
    match (single.outcome, ended) {
        (Some(outcome), _) => outcome,
        (None, Err(fault)) => Err(fault),
        (None, Ok(())) => Err("the connection ended before the message".to_owned()),
    }
}

struct Single {
    transaction: Option<Transaction>,
    outcome: Option<Result<(String, Instant), String>>,
}

impl Source for Single {
    async fn next(&mut self) -> Option<Transaction> {
        self.transaction.take()
    }

    fn outcome(&mut self, recipients: Vec<Delivery>) {
        self.outcome = Some(verdict(&recipients).map(|words| (words, Instant::now())));
    }
}

struct Sender<'a, S> {
    source: &'a mut S,
    failure: Option<String>,
}

impl<S: Source> Host<Client> for Sender<'_, S> {
    async fn event(&mut self, event: Event, session: &mut Client) {
        match event {
            Event::Ready { .. } => loop {
                let Some(transaction) = self.source.next().await else { return session.quit() };
                let count = transaction.recipients.len();
                match session.send(transaction) {
                    Ok(()) => return,
                    Err(refused) => self.source.outcome(vec![impossible(refused); count]),
                }
            },
            Event::Outcome(outcome) => self.source.outcome(outcome.recipients),
            Event::Failed { stage, cause } => {
                self.failure = Some(match cause {
                    cedrat_wire_mail::smtp::client::Cause::Reply(reply) => words(&reply),
                    cause => format!("{cause:?} at {stage:?}"),
                });
            }
        }
    }
}

fn impossible(refused: Refused) -> Delivery {
    let reply = refused.reply().unwrap_or_else(|| Reply::new(554, (5, 5, 4), format!("{refused:?}")));
    Delivery::Permanent { reply }
}

/// A reply in one line.
pub fn words(reply: &Reply) -> String {
    let text = reply.text.replace('\n', " ");
    match reply.enhanced {
        Some((class, subject, detail)) => format!("{} {class}.{subject}.{detail} {text}", reply.code),
        None => format!("{} {text}", reply.code),
    }
}

/// What became of a message, in one line: the worst of its recipients.
///
/// # Errors
/// When it was not taken for all of them.
pub fn verdict(recipients: &[Delivery]) -> Result<String, String> {
    let worst = recipients.iter().max_by_key(|delivery| match delivery {
        Delivery::Delivered { .. } => 0,
        Delivery::Temporary { .. } => 1,
        Delivery::Uncertain => 2,
        Delivery::Permanent { .. } => 3,
    });
    match worst {
        Some(Delivery::Delivered { reply }) => Ok(words(reply)),
        Some(Delivery::Permanent { reply } | Delivery::Temporary { reply }) => Err(words(reply)),
        Some(Delivery::Uncertain) => Err("the connection ended before the reply".to_owned()),
        None => Err("it had no recipient".to_owned()),
    }
}
