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
        "keys" => server.scram_keys(Some(ScramKeys::derive("pencil", b"0123456789abcdef", 4096))),
        "no keys" => server.scram_keys(None),
        "shut down" => server.shut_down(),
        text if text.contains(" | ") => server.reply_each(text.split(" | ").map(reply).collect()),
        text => server.reply(reply(text)),
    }
}

/// A dialog in which every decision is positive unless the script says so is tiresome to write:
/// this one shows the events as they are.
pub(super) fn serve(config: &Config, text: &str) {
    for piece in [usize::MAX, 1, 7] {
        // Chunks depend on the split; those dialogs are run in one piece.
        if piece != usize::MAX && text.contains("E: chunk") {
            continue;
        }
        let mut server = Server::new(config.clone(), [1; 32]);
        if let Err(fault) = dialog::run(text, &mut server, piece, describe, answer) {
            panic!("in pieces of {piece}: {fault}");
        }
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
