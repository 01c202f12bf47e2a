//! Shared by the session tests: how events read in dialogs, and how `A:` lines answer them.

use crate::smtp::{
    Reply, ScramKeys, client, dialog,
    server::{Config, Event, Server},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_session::{Instant, Session, Step};

/// A server called `mx.test` with what is usual.
pub(super) fn config() -> Config {
    Config::new("mx.test")
}

pub(super) fn reply(text: &str) -> Reply {
    let mut words = text.splitn(3, ' ');
    let code = words.next().unwrap().parse().unwrap();
    let numbers: Vec<u16> = words.next().unwrap().split('.').map(|number| number.parse().unwrap()).collect();
    Reply::new(code, (numbers[0] as u8, numbers[1], numbers[2]), words.next().unwrap_or_default())
}

pub(super) fn describe(event: &Event) -> Option<String> {
    Some(match event {
        Event::Authenticated { user } => format!("authenticated {user}"),
        Event::AuthPlain(credentials) => format!(
            "plain {} {:?} {}",
            credentials.authcid,
            credentials.authzid,
            credentials.password.expose()
        ),
        Event::Chunk(octets) => format!("chunk {}", octets.escape_ascii()),
        Event::Closed { reason } => format!("closed {reason:?}"),
        Event::EndOfMessage { octets } => format!("end {octets}"),
        Event::Hello { domain, extended } => format!("hello {domain} {extended}"),
        Event::Mail(mail) => format!("mail <{}>", mail.from),
        Event::Recipient(rcpt) => format!("rcpt <{}>", rcpt.address),
        Event::Reset => "reset".to_string(),
        Event::ScramKeys { user, .. } => format!("keys {user}"),
    })
}

pub(super) fn answer(server: &mut Server, text: &str) {
    match text {
        "ok" => server.accept(),
        "keys" => server.scram_keys(Some(ScramKeys::derive("pencil", b"0123456789abcdef", 16))),
        "no keys" => server.scram_keys(None),
        "shut down" => server.shut_down(),
        text if text.contains(" | ") => server.reply_each(text.split(" | ").map(reply).collect()),
        text => server.reply(reply(text)),
    }
}

/// Runs a dialog in pieces of several sizes.
pub(super) fn serve(config: &Config, text: &str) {
    for piece in [usize::MAX, 1, 7] {
        // Which chunks come depends on the pieces.
        if piece == usize::MAX || !text.contains("E: chunk") {
            serve_in(config, text, piece);
        }
    }
}

fn serve_in(config: &Config, text: &str, piece: usize) {
    let mut server = Server::new(config.clone(), [1; 32]);
    if let Err(fault) = dialog::run(text, &mut server, piece, describe, answer) {
        panic!("in pieces of {piece}: {fault}");
    }
}

pub(super) fn describe_client(event: &client::Event) -> Option<String> {
    Some(match event {
        client::Event::Failed { stage, cause } => format!("failed {stage:?} {cause:?}"),
        client::Event::Outcome(outcome) => {
            let each: Vec<String> = outcome
                .recipients
                .iter()
                .map(|delivery| match delivery {
                    client::Delivery::Delivered { reply } => format!("delivered {reply}"),
                    client::Delivery::Permanent { reply } => format!("permanent {reply}"),
                    client::Delivery::Temporary { reply } => format!("temporary {reply}"),
                    client::Delivery::Uncertain => "uncertain".to_string(),
                })
                .collect();
            format!("outcome {}", each.join(" | "))
        }
        client::Event::Ready { .. } => "ready".to_string(),
    })
}

/// What a server did with octets: its events with adjacent chunks joined, and its replies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Trace {
    pub(super) events: Vec<Event>,
    pub(super) replies: String,
    pub(super) closed: bool,
}

impl Trace {
    /// The messages that the server handed over as complete.
    pub(super) fn messages(&self) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        let mut content = Vec::new();
        for event in &self.events {
            match event {
                Event::Chunk(octets) => content.extend_from_slice(octets),
                Event::EndOfMessage { octets } => {
                    assert_eq!(*octets, content.len() as u64);
                    messages.push(core::mem::take(&mut content));
                }
                Event::Reset | Event::Closed { .. } => content.clear(),
                _ => {}
            }
        }
        messages
    }

    /// Takes everything that the server has to say, accepting whatever it asks.
    pub(super) fn drain(&mut self, server: &mut Server, now: Instant) {
        while let Some(step) = server.poll(now) {
            match step {
                Step::Send(octets) => self.replies.push_str(core::str::from_utf8(&octets).unwrap()),
                Step::Event(Event::Chunk(octets)) => match self.events.last_mut() {
                    Some(Event::Chunk(before)) => before.extend_from_slice(&octets),
                    _ => self.events.push(Event::Chunk(octets)),
                },
                Step::Event(event) => {
                    if matches!(event, Event::ScramKeys { .. }) {
                        server.scram_keys(None);
                    } else {
                        server.accept();
                    }
                    self.events.push(event);
                }
                Step::Close => self.closed = true,
                Step::StartTls => server.secured(now),
            }
        }
    }
}

/// Feeds a server that accepts everything; the octets are cut at the given places.
pub(super) fn feed(config: &Config, octets: &[u8], cuts: &[usize]) -> Trace {
    let mut server = Server::new(config.clone(), [1; 32]);
    let mut trace = Trace::default();
    let mut from = 0;
    for cut in cuts.iter().copied().chain([octets.len()]) {
        let cut = cut.clamp(from, octets.len());
        server.receive(&octets[from..cut], Instant(0));
        trace.drain(&mut server, Instant(0));
        from = cut;
    }
    trace
}
