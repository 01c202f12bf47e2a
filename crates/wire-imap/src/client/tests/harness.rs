//! How events read in dialogs, and how `A:` lines submit commands.

use super::dialog;
use crate::{
    client::{
        Append, AppendPart, Auth, Change, Client, Command, Config, Event, Failure, Fetch, FetchItem,
        ListCommand, NotifyGroup, NotifyMailboxes, Resync, Search, SearchKey, Select, StatusItem, Store, Tls,
        Yield,
    },
    grammar::{DateTime, Day, Flag, Frame, Limits, Mailbox, Reader, Response, Section, SequenceSet},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use bytes::Bytes;
use cedrat_sasl::{Credentials, Password};

pub(super) fn password() -> Auth {
    Auth::Password(Credentials::new("user", "pencil".to_string()))
}

/// TLS from the first octet, a password, nothing enabled.
pub(super) fn config() -> Config {
    Config { tls: Tls::Implicit, enable: Vec::new(), ..Config::new(Some(password())) }
}

pub(super) fn bearer() -> Auth {
    Auth::Bearer { user: "user@mail.test".to_string(), token: Password::new("ya29.vF9dft4".to_string()) }
}

pub(super) fn describe(event: &Event) -> Option<String> {
    Some(match event {
        Event::Begins(streamed) => {
            format!(
                "begins {} uid {:?} {:?} {}",
                streamed.number, streamed.uid, streamed.section, streamed.octets
            )
        }
        Event::Chunk(octets) => format!("chunk {}", octets.escape_ascii()),
        Event::Data(response) => match &**response {
            Response::Status(status, text) => format!("{status:?} {:?} {}", text.code, text.text),
            Response::Fetch(fetch) => format!(
                "fetch {} uid {:?} flags {:?} modseq {:?} sections {:?} other {:?}",
                fetch.number,
                fetch.uid,
                fetch.flags,
                fetch.mod_seq,
                fetch.sections.iter().map(|section| &section.content).collect::<Vec<_>>(),
                fetch.other
            ),
            other => format!("{other:?}"),
        },
        Event::Done { id, outcome } => match outcome {
            Ok(completed) => match &completed.result {
                Yield::None => format!("done {}", id.0),
                Yield::Appended(uid) => format!("done {} {uid:?}", id.0),
                Yield::Copied { uids, removed } => format!("done {} {uids:?} removed {removed}", id.0),
                Yield::Found(found) => {
                    format!("done {} {} of {:?}", id.0, found.all, found.count)
                }
                Yield::Selected(selected) => format!(
                    "done {} {} exists {} validity {:?} next {:?} modseq {:?}{}",
                    id.0,
                    selected.mailbox.name(),
                    selected.exists,
                    selected.uid_validity,
                    selected.uid_next,
                    selected.highest_mod_seq,
                    if selected.read_only { " read-only" } else { "" }
                ),
            },
            Err(failure) => match &**failure {
                Failure::Refused(status, text) => {
                    format!("failed {} {status:?} {:?} {}", id.0, text.code, text.text)
                }
                other => format!("failed {} {other:?}", id.0),
            },
        },
        Event::Ends => "ends".to_string(),
        Event::Failed { stage, cause } => format!("lost {stage:?} {cause:?}"),
        Event::Ready { .. } => "ready".to_string(),
        Event::Unreadable(malformed) => format!("unreadable {}", malformed.wanted),
        Event::Watching => "watching".to_string(),
    })
}

pub(super) fn set(text: &str) -> SequenceSet {
    let frame = Frame::whole(text.as_bytes().to_vec());
    SequenceSet::read(&mut Reader::new(&frame, &Limits::default())).unwrap()
}

fn fetch(uids: &str, items: Vec<FetchItem>) -> Command {
    Command::Fetch(Fetch { uids: set(uids), items, changed_since: None, vanished: false })
}

/// What an `A:` line asks for; the words are those of the test, not of the protocol.
pub(super) fn command(text: &str) -> Command {
    let words: Vec<&str> = text.split(' ').collect();
    let append = |content: Vec<AppendPart>| {
        Command::Append(Append {
            mailbox: Mailbox::new(words[1]),
            flags: Vec::from([Flag::Seen, Flag::forwarded()]),
            date: Some(DateTime::utc(1_793_613_600)),
            content,
            utf8: false,
        })
    };
    let part = |text: &str| AppendPart::Text(Bytes::copy_from_slice(text.as_bytes()));
    match words[0] {
        "append" => append(Vec::from([part("Subject: x\r\n\r\nx\r\n")])),
        "append-nul" => append(Vec::from([part("a\0b")])),
        "catenate" => append(Vec::from([
            part("Subject: x\r\n\r\n"),
            AppendPart::Url("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER".to_string()),
        ])),
        "copy" => Command::Copy(set(words[1]), Mailbox::new(words[2])),
        "create" => Command::Create(Mailbox::new(&words[1..].join(" "))),
        "expunge" => Command::Expunge(set(words[1])),
        "fetch" => fetch(
            words[1],
            Vec::from([FetchItem::Flags, FetchItem::Section { section: Section::default(), octets: None }]),
        ),
        "flags" => fetch(words[1], Vec::from([FetchItem::Flags])),
        "changes" => Command::Fetch(Fetch {
            uids: set(words[1]),
            items: Vec::from([FetchItem::Flags]),
            changed_since: Some(words[2].parse().unwrap()),
            vanished: true,
        }),
        "binary" => fetch(
            words[1],
            Vec::from([
                FetchItem::BinarySize(Vec::from([1, 2])),
                FetchItem::Section {
                    section: Section { binary: true, origin: Some(0), ..Section::part(&[1, 2]) },
                    octets: Some(2048),
                },
            ]),
        ),
        "examine" => {
            Command::Select(Select { mailbox: Mailbox::new(words[1]), read_only: true, resync: None })
        }
        "list" => Command::List(ListCommand {
            reference: String::new(),
            pattern: words[1].to_string(),
            subscribed: false,
        }),
        "move" => Command::Move(set(words[1]), Mailbox::new(words[2])),
        "namespace" => Command::Namespace,
        "noop" => Command::Noop,
        "notify" => Command::Notify(Vec::from([
            NotifyGroup {
                mailboxes: NotifyMailboxes::Selected,
                events: ["MessageNew", "MessageExpunge", "FlagChange"].map(ToString::to_string).to_vec(),
            },
            NotifyGroup {
                mailboxes: NotifyMailboxes::Mailboxes(Vec::from([Mailbox::new("Sent items")])),
                events: ["MessageNew", "MessageExpunge"].map(ToString::to_string).to_vec(),
            },
        ])),
        "resync" => Command::Select(Select {
            mailbox: Mailbox::new(words[1]),
            read_only: false,
            resync: Some(Resync { uid_validity: 67890007, mod_seq: 20_050_715_194_045_000, uids: None }),
        }),
        "search" => Command::Search(Search {
            key: SearchKey::And(Vec::from([
                SearchKey::Unseen,
                SearchKey::Since(Day(20_000)),
                SearchKey::Not(alloc::boxed::Box::new(SearchKey::Header(
                    "Subject".to_string(),
                    words[1].to_string(),
                ))),
            ])),
        }),
        "select" => {
            Command::Select(Select { mailbox: Mailbox::new(words[1]), read_only: false, resync: None })
        }
        "status" => Command::Status(
            Mailbox::new(words[1]),
            Vec::from([StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity]),
        ),
        "store" => Command::Store(Store {
            uids: set(words[1]),
            change: Change::Add,
            flags: Vec::from([Flag::Seen, Flag::mdn_sent()]),
            unchanged_since: words.get(2).map(|number| number.parse().unwrap()),
        }),
        "unselect" => Command::Unselect,
        other => panic!("{other}"),
    }
}

pub(super) fn answer(client: &mut Client, text: &str) {
    match text {
        "watch" => client.watch(true),
        "rest" => client.watch(false),
        "quit" => client.quit(),
        "abort" => client.abort(),
        _ => match text.split_once(" => ") {
            Some((text, refused)) => {
                assert_eq!(format!("{:?}", client.submit(command(text)).unwrap_err()), refused);
            }
            None => drop(client.submit(command(text)).unwrap()),
        },
    }
}

/// Runs a dialog in pieces of several sizes. Which chunks come depends on the pieces.
pub(super) fn dialog(config: &Config, text: &str) {
    for piece in [usize::MAX, 1, 7] {
        if piece == usize::MAX || !text.contains("E: chunk") {
            let mut client = Client::new(config.clone(), [7; 32]);
            if let Err(fault) = dialog::run(text, &mut client, piece, describe, answer) {
                panic!("in pieces of {piece}: {fault}");
            }
        }
    }
}

/// A dialog that begins after a login in which the server offered `capabilities`.
pub(super) fn logged_in(config: &Config, capabilities: &str, text: &str) {
    let text = format!(
        "C: * PREAUTH [CAPABILITY IMAP4rev1 {capabilities}] at your service\n{}E: ready\n{text}",
        if config.enable.is_empty() || !capabilities.contains("ENABLE") {
            String::new()
        } else {
            let names: Vec<&str> = config
                .enable
                .iter()
                .map(String::as_str)
                .filter(|name| capabilities.split(' ').any(|word| word == *name))
                .collect();
            format!("S: c1 ENABLE {0}\nC: * ENABLED {0}\nC: c1 OK enabled\n", names.join(" "))
        }
    );
    dialog(config, &text);
}
