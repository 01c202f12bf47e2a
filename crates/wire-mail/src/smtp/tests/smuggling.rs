//! No octets of a message can become commands, and no commands part of a message, on either side.

use super::{
    client::message,
    harness::{Trace, feed},
};
use crate::smtp::{
    LineEnds,
    client::{Client, Config as ClientConfig, Tls},
    content::{Framing, Receiver, Writer, canonical_len},
    server::{Closing, Config, Event},
};
use alloc::{format, vec, vec::Vec};
use bytes::Bytes;
use cedrat_session::{Instant, Session, Step};
use core::ops::ControlFlow;
use proptest::prelude::*;

/// Everything that some implementation has taken for the end of a message.
const FALSE_ENDS: &[&[u8]] = &[
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r\n.\r",
    b"\r.\r\n",
    b"\n.\r",
    b"\r.\n",
    b"\r\n.\r\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\n.\r\0\n",
    b"\r\0\n.\r\n",
    b"\n\n.\n\n",
    b"\r\r\n.\r\r\n",
];

const HEAD: &str = "EHLO a.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n";
const SECOND: &str = "MAIL FROM:<admin@d.test>\r\nRCPT TO:<victim@d.test>\r\nDATA\r\nsmuggled\r\n.\r\n";

fn config(line_ends: LineEnds) -> Config {
    Config { line_ends, ..Config::new("mx.test") }
}

fn senders(trace: &Trace) -> usize {
    trace.events.iter().filter(|event| matches!(event, Event::Mail(_))).count()
}

#[test]
fn strict_line_ends_refuse_the_message_and_whatever_hides_in_it() {
    for end in FALSE_ENDS {
        let mut octets = format!("{HEAD}DATA\r\nfirst").into_bytes();
        octets.extend_from_slice(end);
        octets.extend_from_slice(SECOND.as_bytes());
        let whole = feed(&config(LineEnds::Strict), &octets, &[]);
        assert_eq!(senders(&whole), 1, "{}", end.escape_ascii());
        assert!(whole.messages().is_empty(), "{}", end.escape_ascii());
        assert!(whole.replies.ends_with("550 5.5.2 The message holds a bare CR, bare LF or NUL\r\n"));
        assert!(matches!(whole.events.last(), Some(Event::Closed { reason: Closing::Content(_) })));
        assert!(whole.closed);
        for cut in 0..octets.len() {
            assert_eq!(
                feed(&config(LineEnds::Strict), &octets, &[cut]),
                whole,
                "{} at {cut}",
                end.escape_ascii()
            );
        }
        let each: Vec<usize> = (0..octets.len()).collect();
        assert_eq!(feed(&config(LineEnds::Strict), &octets, &each), whole);
    }
}

#[test]
fn normalized_line_ends_keep_the_smuggled_octets_in_the_message() {
    for end in FALSE_ENDS {
        let mut octets = format!("{HEAD}DATA\r\nfirst").into_bytes();
        octets.extend_from_slice(end);
        octets.extend_from_slice(SECOND.as_bytes());
        let whole = feed(&config(LineEnds::Normalize), &octets, &[]);
        assert_eq!(senders(&whole), 1, "{}", end.escape_ascii());
        let messages = whole.messages();
        assert_eq!(messages.len(), 1);
        assert!(messages[0].ends_with(b"smuggled\r\n"));
        assert_eq!(canonical_len(&messages[0]), messages[0].len(), "every line end is CRLF");
        for cut in 0..octets.len() {
            assert_eq!(
                feed(&config(LineEnds::Normalize), &octets, &[cut]),
                whole,
                "{} at {cut}",
                end.escape_ascii()
            );
        }
    }
}

#[test]
fn behind_a_true_end_the_second_transaction_is_a_transaction() {
    for line_ends in [LineEnds::Strict, LineEnds::Normalize] {
        let octets = format!("{HEAD}DATA\r\nfirst\r\n.\r\n{SECOND}");
        let whole = feed(&config(line_ends), octets.as_bytes(), &[]);
        assert_eq!(whole.messages(), [b"first\r\n".to_vec(), b"smuggled\r\n".to_vec()]);
        for cut in 0..octets.len() {
            assert_eq!(feed(&config(line_ends), octets.as_bytes(), &[cut]), whole);
        }
    }
}

#[test]
fn bdat_carries_every_false_end_and_every_true_one_as_content() {
    for end in FALSE_ENDS.iter().copied().chain([&b"\r\n.\r\n"[..]]) {
        let mut content = b"first".to_vec();
        content.extend_from_slice(end);
        content.extend_from_slice(SECOND.as_bytes());
        let mut octets = format!("{HEAD}BDAT {} LAST\r\n", content.len()).into_bytes();
        octets.extend_from_slice(&content);
        octets.extend_from_slice(b"QUIT\r\n");
        let whole = feed(&config(LineEnds::Strict), &octets, &[]);
        assert_eq!(whole.messages(), [content.clone()]);
        assert_eq!(whole.events.last(), Some(&Event::Closed { reason: Closing::Quit }));
        for cut in 0..octets.len() {
            assert_eq!(feed(&config(LineEnds::Strict), &octets, &[cut]), whole);
        }
        // What came with BDAT goes out with DATA, where it must not end anything.
        if content.contains(&0) {
            continue;
        }
        let relayed = feed(&config(LineEnds::Strict), &transfer(&content), &[]);
        assert_eq!(relayed.messages().len(), 1, "{}", content.escape_ascii());
        assert_eq!(senders(&relayed), 1);
    }
}

/// What the client side writes for a message over DATA, as one stream with the commands.
fn transfer(content: &[u8]) -> Vec<u8> {
    let mut client = Client::new(ClientConfig { tls: Tls::None, ..ClientConfig::new("gw.test") }, [0; 32]);
    let mut written = Vec::new();
    let mut sent = false;
    for reply in ["220 x\r\n", "250-x\r\n250 8BITMIME\r\n", "250 x\r\n", "250 x\r\n", "354 x\r\n"] {
        client.receive(reply.as_bytes(), Instant(0));
        while let Some(step) = client.poll(Instant(0)) {
            match step {
                Step::Send(octets) => written.extend_from_slice(&octets),
                Step::Event(_) if !core::mem::replace(&mut sent, true) => {
                    let mut transaction = message(1, b"");
                    transaction.content = Bytes::copy_from_slice(content);
                    client.send(transaction).unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
    }
    written
}

/// The definition: the message ends at the first CRLF.CRLF, the line before DATA counting.
fn true_end(octets: &[u8]) -> Option<usize> {
    let mut with_start = b"\r\n".to_vec();
    with_start.extend_from_slice(octets);
    with_start.windows(5).position(|window| window == b"\r\n.\r\n").map(|at| at + 3)
}

fn receive(line_ends: LineEnds, octets: &[u8], cuts: &[usize]) -> (Vec<u8>, Option<usize>, bool) {
    let mut receiver = Receiver::new(line_ends);
    let mut out = Vec::new();
    let mut from = 0;
    for cut in cuts.iter().copied().chain([octets.len()]) {
        let cut = cut.clamp(from, octets.len());
        if let ControlFlow::Break(used) = receiver.receive(&octets[from..cut], &mut out) {
            return (out, Some(from + used), receiver.fault().is_some());
        }
        from = cut;
    }
    (out, None, receiver.fault().is_some())
}

fn octets() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), Just(b'a'), Just(0u8)], 0..24)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn the_receiver_ends_exactly_at_the_first_crlf_dot_crlf(
        octets in octets(),
        mut cuts in proptest::collection::vec(0usize..24, 0..5),
    ) {
        cuts.sort_unstable();
        for line_ends in [LineEnds::Strict, LineEnds::Normalize] {
            let whole = receive(line_ends, &octets, &[]);
            prop_assert_eq!(whole.1, true_end(&octets));
            prop_assert_eq!(&receive(line_ends, &octets, &cuts), &whole);
            prop_assert!(line_ends == LineEnds::Strict || canonical_or_cut(&whole.0));
        }
    }

    #[test]
    fn what_the_writer_writes_the_receiver_reads(content in octets(), piece in 1usize..9) {
        let mut writer = Writer::new(Framing::Data);
        let mut wire = Vec::new();
        while !writer.is_done() {
            wire.extend(writer.write(&content, piece));
        }
        let mut lines = Writer::new(Framing::Lines);
        let mut canonical = Vec::new();
        while !lines.is_done() {
            canonical.extend(lines.write(&content, piece));
        }
        prop_assert_eq!(canonical.len(), canonical_len(&content));
        let (read, end, fault) = receive(LineEnds::Strict, &wire, &[]);
        prop_assert_eq!(end, Some(wire.len()));
        prop_assert_eq!(fault, content.contains(&0));
        prop_assert!(fault || read == canonical);
        if canonical_len(&content) == content.len() {
            prop_assert_eq!(canonical, content);
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_split_of_a_session_gives_the_same_events(
        text in octets(),
        bdat in octets(),
        mut cuts in proptest::collection::vec(0usize..400, 0..8),
        normalize: bool,
    ) {
        cuts.sort_unstable();
        let mut stream = HEAD.as_bytes().to_vec();
        stream.extend_from_slice(b"DATA\r\n");
        stream.extend_from_slice(&text);
        stream.extend_from_slice(b"\r\n.\r\n");
        stream.extend_from_slice(&HEAD.as_bytes()[13..]);
        stream.extend_from_slice(format!("BDAT {} LAST\r\n", bdat.len()).as_bytes());
        stream.extend_from_slice(&bdat);
        stream.extend_from_slice(b"NOOP\r\nQUIT\r\n");
        let config = config(if normalize { LineEnds::Normalize } else { LineEnds::Strict });
        prop_assert_eq!(feed(&config, &stream, &cuts), feed(&config, &stream, &[]));
    }

    #[test]
    fn no_octets_make_the_server_panic(
        lines in proptest::collection::vec("(?s)(EHLO|MAIL FROM:|RCPT TO:<a@b.test>|DATA|BDAT|AUTH|LHLO|)[ -~\r\n\0\u{e9}]{0,20}(\r\n|\n|)", 0..12),
        mut cuts in proptest::collection::vec(0usize..400, 0..8),
    ) {
        cuts.sort_unstable();
        let stream: Vec<u8> = lines.concat().into_bytes();
        let config = Config {
            auth_in_clear: true,
            mechanisms: vec![crate::smtp::Mechanism::Plain, crate::smtp::Mechanism::ScramSha256],
            ..config(LineEnds::Strict)
        };
        prop_assert_eq!(feed(&config, &stream, &cuts), feed(&config, &stream, &[]));
    }
}

/// All line ends are CRLF; the last line may be incomplete.
fn canonical_or_cut(content: &[u8]) -> bool {
    let mut rest = content;
    while let Some(at) = memchr::memchr2(b'\r', b'\n', rest) {
        if !rest[at..].starts_with(b"\r\n") {
            return false;
        }
        rest = &rest[at + 2..];
    }
    true
}
