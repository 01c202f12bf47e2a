//! The IMAP client session against a server that says anything: one outcome for each command, and any split of what
//! is said gives the same events and commands, compressed or not.
#![no_main]

use bytes::Bytes;
use cedrat_fuzz::{cuts_and_input, linear, split};
use cedrat_sasl::{Credentials, Password};
use cedrat_session::{Instant, Session, Step};
use cedrat_wire_imap::client::{
    Append, AppendPart, Auth, Client, Command, Config, Event, Fetch, FetchItem, Search, SearchKey, Select,
    Tls,
};
use cedrat_wire_imap::grammar::{Mailbox, Section, SequenceSet};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;

const NOW: Instant = Instant(0);

fuzz_target!(|data: &[u8]| {
    let Some((&options, rest)) = data.split_first() else { return };
    let (cuts, input) = cuts_and_input(rest);
    let whole = run(options, std::iter::once(input));
    let pieces = run(options, split(input, cuts));
    assert_eq!(whole, pieces);
    linear(input, |large| {
        run(options, large.chunks(1500));
    });
});

fn config(options: u8) -> Config {
    let on = |bit: u8| options & (1 << bit) != 0;
    let auth = if on(0) {
        Auth::Bearer { user: "user".into(), token: Password::new("token".into()) }
    } else {
        Auth::Password(Credentials::new("user", "pencil".into()))
    };
    let mut config = Config {
        auth_in_clear: true,
        compress: on(1),
        // Without STARTTLS: what comes before the handshake is thrown away, so a split would matter.
        tls: if on(2) { Tls::Implicit } else { Tls::None },
        ..Config::new(Some(auth))
    };
    if on(3) {
        config.enable.clear();
    }
    config.limits.max_scram_iterations = 100;
    config
}

fn commands() -> Vec<Command> {
    let all = SequenceSet::from(1);
    vec![
        Command::Select(Select { mailbox: Mailbox::inbox(), read_only: false, resync: None }),
        Command::Fetch(Fetch {
            uids: all.clone(),
            items: vec![FetchItem::Flags, FetchItem::Section { section: Section::default(), octets: None }],
            changed_since: None,
            vanished: false,
        }),
        Command::Search(Search { key: SearchKey::Unseen }),
        Command::Move(all, Mailbox::new("Done")),
        Command::Append(Append {
            mailbox: Mailbox::new("Sent"),
            flags: Vec::new(),
            date: None,
            content: vec![AppendPart::Text(Bytes::from_static(b"Subject: x\r\n\r\n"))],
            utf8: false,
        }),
    ]
}

#[derive(Default, PartialEq, Debug)]
struct Trace {
    events: Vec<Event>,
    sent: Vec<u8>,
}

fn run<'a>(options: u8, pieces: impl Iterator<Item = &'a [u8]>) -> Trace {
    let mut client = Client::new(config(options), [7; 32]);
    let (mut trace, mut open) = (Trace::default(), BTreeSet::new());
    let mut closed = advance(&mut client, &mut trace, &mut open);
    for piece in pieces {
        if closed {
            break;
        }
        client.receive(piece, NOW);
        closed = advance(&mut client, &mut trace, &mut open);
    }
    if !closed {
        client.ended(NOW);
        closed = advance(&mut client, &mut trace, &mut open);
    }
    assert!(closed && open.is_empty(), "{open:?}");
    trace
}

/// Does what the session asks for; whether it has closed.
fn advance(client: &mut Client, trace: &mut Trace, open: &mut BTreeSet<u64>) -> bool {
    while let Some(step) = client.poll(NOW) {
        match step {
            Step::Send(octets) => trace.sent.extend(octets),
            Step::StartTls => panic!("STARTTLS was not wanted"),
            Step::Close => return true,
            Step::Event(event) => {
                match &event {
                    Event::Ready { .. } => {
                        client.watch(true);
                        for command in commands() {
                            if let Ok(id) = client.submit(command) {
                                open.insert(id.0);
                            }
                        }
                    }
                    Event::Done { id, .. } => assert!(open.remove(&id.0), "{id:?} has an outcome already"),
                    _ => {}
                }
                match (&event, trace.events.last_mut()) {
                    (Event::Chunk(octets), Some(Event::Chunk(before))) => {
                        *before = [&before[..], &octets[..]].concat().into();
                    }
                    _ => trace.events.push(event),
                }
            }
        }
    }
    false
}
