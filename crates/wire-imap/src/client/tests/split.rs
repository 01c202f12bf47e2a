//! Any split of what the server says gives the same events and the same commands.

use super::harness::{command, config};
use crate::client::{Client, Config, Event};
use alloc::{vec, vec::Vec};
use cedrat_session::{Instant, Session, Step};
use proptest::prelude::*;

const NOW: Instant = Instant(0);

fn run(config: &Config, pieces: &[&[u8]]) -> (Vec<Event>, Vec<u8>) {
    let mut client = Client::new(config.clone(), [7; 32]);
    let (mut events, mut sent) = (Vec::new(), Vec::new());
    for piece in pieces {
        client.receive(piece, NOW);
        drain(&mut client, &mut events, &mut sent);
    }
    client.ended(NOW);
    drain(&mut client, &mut events, &mut sent);
    (events, sent)
}

fn drain(client: &mut Client, events: &mut Vec<Event>, sent: &mut Vec<u8>) {
    while let Some(step) = client.poll(NOW) {
        match step {
            Step::Send(octets) => sent.extend(octets),
            Step::Event(Event::Ready { .. }) => {
                client.watch(true);
                for text in ["select INBOX", "fetch 1:9", "search x", "append Sent", "move 4 Done"] {
                    client.submit(command(text)).ok();
                }
            }
            Step::Event(Event::Chunk(octets)) => {
                if let Some(Event::Chunk(before)) = events.last_mut() {
                    *before = [before.as_ref(), octets.as_ref()].concat().into();
                } else {
                    events.push(Event::Chunk(octets));
                }
            }
            Step::Event(event) => events.push(event),
            Step::StartTls | Step::Close => {}
        }
    }
}

const KNOWN: &[&str] = &[
    "* 5 EXISTS\r\n",
    "* OK [UIDVALIDITY 7] valid\r\n",
    "c1 OK selected\r\n",
    "c2 OK fetched\r\n",
    "c3 OK found\r\n",
    "* SEARCH 1 2 3\r\n",
    "+ go on\r\n",
    "* 2 FETCH (BODY[] {5}\r\nab\r\nc UID 4)\r\n",
    "* 2 FETCH (UID 4 ENVELOPE (NIL {3}\r\na\r\n NIL NIL NIL NIL NIL NIL NIL NIL))\r\n",
    "* LIST () \"/\" {4}\r\nx{3}\r\n",
    "c4 NO [TRYCREATE] no\r\n",
    "* BAD {5}\r\n",
];

fn line() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(KNOWN).prop_map(|line| line.as_bytes().to_vec());
    prop_oneof![3 => known, 1 => proptest::collection::vec(any::<u8>(), 0..40)]
}

proptest! {
    #[test]
    fn any_split_gives_the_same(lines in proptest::collection::vec(line(), 0..30), cuts in proptest::collection::vec(0..600_usize, 0..40)) {
        let mut input = b"* PREAUTH [CAPABILITY IMAP4rev1 IDLE] hi\r\n".to_vec();
        input.extend(lines.concat());
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(input.len())).collect();
        cuts.sort_unstable();
        let mut pieces = vec![];
        let mut from = 0;
        for cut in cuts.into_iter().chain([input.len()]) {
            pieces.push(&input[from..cut]);
            from = cut;
        }
        prop_assert_eq!(run(&config(), &[&input]), run(&config(), &pieces));
    }
}
