//! Servers that break the grammar, flood, stall or lie.

use super::harness::{config, dialog, logged_in};
use crate::{
    client::{Client, Config, Event, Limits, Tls},
    grammar,
};
use alloc::{format, string::ToString, vec::Vec};
use cedrat_session::{Instant, Session, Step};

const SELECTED: &str = "A: select INBOX
    S: c1 SELECT INBOX
    C: * OK [UIDVALIDITY 7] valid
    C: c1 OK selected
    E: Ok Some(UidValidity(7)) valid
    E: done 1 *\n";

fn small() -> Config {
    let grammar =
        grammar::Limits { depth: 4, items: 50, literal_octets: 20, name_octets: 10, response_octets: 200 };
    Config {
        limits: Limits { grammar, max_malformed: 3, max_responses: 10, ..Limits::default() },
        ..config()
    }
}

#[test]
fn what_cannot_be_read_is_passed_over_a_few_times() {
    logged_in(
        &small(),
        "",
        "C: * FETCH
         C: nonsense
         C: * 5 FETCH (FLAGS (\\Seen)
         E: unreadable *
         E: unreadable *
         E: unreadable *
         A: noop
         S: c1 NOOP
         C: c1 OK
         E: done 1
         C: c99 OK nobody asked
         E: lost Open Flood
         CLOSE"
            .replace("C: * FETCH\n", "C: * SEARCH x\n")
            .as_str(),
    );
}

#[test]
fn bounds_end_the_session_with_a_reason() {
    let deep = format!("* X {}", "(".repeat(30));
    for (line, event) in [
        (format!("* OK {}", "x".repeat(300)), "lost Open Excess(Response)"),
        ("* LIST () NIL {21}".to_string(), "lost Open Excess(Literal)"),
        ("* LIST () NIL {99999999999999999999}".to_string(), "lost Open Excess(Number)"),
        ("* LIST () NIL {9223372036854775808}".to_string(), "lost Open Excess(Number)"),
    ] {
        logged_in(&small(), "", &format!("C: {line}\nE: {event}\nCLOSE"));
    }
    for line in [
        format!("* STATUS a (X {})", "(".repeat(30)),
        format!("* LIST ({}) NIL a", "x ".repeat(60)),
        format!("* LIST () NIL {}", "n".repeat(11)),
    ] {
        logged_in(&small(), "", &format!("C: {line}\nE: unreadable *"));
    }
    // What is not known is not looked into.
    logged_in(&small(), "", &format!("C: {deep}\nE: Other(\"X\")"));
    let flood = "C: * 1 EXISTS\nE: Exists(1)\n".repeat(9);
    logged_in(&small(), "", &format!("{flood}C: * 1 EXISTS\nE: lost Open Flood\nCLOSE"));
}

#[test]
fn an_endless_line_is_left_before_it_fills_the_memory() {
    let mut client = Client::new(small(), [1; 32]);
    let mut failed = false;
    for _ in 0..100 {
        client.receive(&[b'x'; 64], Instant(0));
        while let Some(step) = client.poll(Instant(0)) {
            failed |= matches!(step, Step::Event(Event::Failed { .. }));
        }
    }
    assert!(failed);
}

#[test]
fn an_empty_line_or_a_bare_lf_does_no_harm() {
    logged_in(
        &small(),
        "",
        "C: \nC| * 1 EXISTS\\n\\n\nE: Exists(1)\nA: noop\nS: c1 NOOP\nC| c1 OK\\n\nE: done 1",
    );
}

#[test]
fn numbers_of_another_epoch_are_not_used() {
    logged_in(
        &small(),
        "",
        &format!(
            "{SELECTED}A: flags 1:5\nS: c2 *\nC: * OK [UIDVALIDITY 8] rebuilt\nE: failed 2 Uncertain\nE: lost Open Renumbered\nCLOSE"
        ),
    );
}

#[test]
fn a_server_that_says_something_now_and_then_is_found_out() {
    let stalls = "T: 299999\nC: * OK Still here\nE: Ok None Still here\n".repeat(12);
    logged_in(
        &Config { limits: Limits::default(), ..config() },
        "",
        &format!("A: noop\nS: c1 NOOP\n{stalls}T: 12\nE: failed 1 Uncertain\nE: lost Open Timeout\nCLOSE"),
    );
}

#[test]
fn a_server_may_not_end_idle_over_and_over() {
    logged_in(
        &small(),
        "IDLE",
        "A: watch\nS: c1 IDLE\nC: + go\nE: watching\nC: c1 OK\nT: 60001\nS: c2 NOOP\nC: c2 OK\nE: watching",
    );
}

#[test]
fn an_invitation_that_nobody_waits_for_does_not_release_a_literal() {
    logged_in(
        &config(),
        "",
        "C: + early
         A: append Sent
         S: c1 APPEND *
         C: + now
         S: Subject: x
         S: 
         S: x
         S: 
         C: + again
         C: c1 OK
         E: done 1 None",
    );
}

/// Stored and dynamic blocks, from a compressor of another make than the one that is read by.
fn deflated(text: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec(text, 6)
}

#[test]
fn a_compressed_stream_is_read_and_written() {
    let config = Config { compress: true, ..config() };
    let begin = "C: * PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hi\nS: c1 COMPRESS DEFLATE\nC| c1 OK DEFLATE active\\r\\n";
    let escaped = |octets: &[u8]| {
        octets.iter().map(|octet| format!("\\x{octet:02x}")).collect::<alloc::string::String>()
    };
    let said = deflated(b"* 3 EXISTS\r\nc2 OK\r\n");
    // The answer is in the same segment as the first compressed octets, or not.
    for glue in ["\nC| ", ""] {
        let text = format!(
            "{begin}{glue}{}\nE: ready\nE: Exists(3)\nE: unreadable tag of a command",
            escaped(&said)
        );
        dialog(&config, &text);
    }
    dialog(&config, &format!("{begin}\\xff\\xff\\xff\nE: ready\nE: lost Open Compression\nCLOSE"));
}

#[test]
fn what_is_sent_compressed_comes_out_the_same() {
    let mut client = Client::new(Config { compress: true, tls: Tls::Implicit, ..config() }, [1; 32]);
    client.receive(b"* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hi\r\nc1 OK\r\n", Instant(0));
    let mut sent = Vec::new();
    let mut submitted = false;
    while let Some(step) = client.poll(Instant(0)) {
        match step {
            Step::Send(octets) if octets.starts_with(b"c1 ") => {}
            Step::Send(octets) => sent.extend(octets),
            Step::Event(Event::Ready { .. }) => {
                submitted = true;
                client.submit(super::harness::command("create Entwürfe")).unwrap();
            }
            _ => {}
        }
    }
    assert!(submitted);
    sent.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
    assert_eq!(miniz_oxide::inflate::decompress_to_vec(&sent).unwrap(), b"c2 CREATE Entw&APw-rfe\r\n");
}

#[test]
fn what_was_said_before_a_compressed_stream_breaks_is_told_however_it_arrives() {
    let mut octets = b"* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hi\r\nc1 OK\r\n".to_vec();
    octets.extend(deflated(b"* 3 EXISTS\r\n* 4 EXISTS\r\n"));
    // The block was the last one; nothing may follow it.
    octets.push(0);
    for size in [1, 7, octets.len()] {
        let mut client = Client::new(Config { compress: true, ..config() }, [1; 32]);
        let mut told = Vec::new();
        for piece in octets.chunks(size) {
            client.receive(piece, Instant(0));
            while let Some(step) = client.poll(Instant(0)) {
                if let Step::Event(event) = step {
                    told.push(super::harness::describe(&event).unwrap());
                }
            }
        }
        assert_eq!(told, ["ready", "Exists(3)", "Exists(4)", "lost Open Compression"], "in pieces of {size}");
    }
}

#[test]
fn a_bomb_is_told_in_pieces() {
    let mut client = Client::new(Config { compress: true, ..config() }, [1; 32]);
    client.receive(b"* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hi\r\nc1 OK\r\n", Instant(0));
    while client.poll(Instant(0)).is_some() {}
    let octets = 50_000_000_usize;
    let mut bomb = format!("* 1 FETCH (UID 1 BODY[] {{{octets}}}\r\n").into_bytes();
    bomb.resize(bomb.len() + octets, b'a');
    let bomb = deflated(&bomb);
    client.receive(&bomb, Instant(0));
    let (mut told, mut greatest) = (0, 0);
    while let Some(step) = client.poll(Instant(0)) {
        if let Step::Event(Event::Chunk(octets)) = step {
            told += octets.len();
            greatest = greatest.max(octets.len());
        }
    }
    assert_eq!(told, octets);
    assert!(greatest <= 32 * 1024);
}
