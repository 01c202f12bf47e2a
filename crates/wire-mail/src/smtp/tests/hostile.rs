//! Peers that want memory, time or a crash.

use super::harness::{Trace, describe_client, serve};
use crate::smtp::{
    Mechanism, Reply,
    client::{self, Client},
    dialog,
    server::{Closing, Config, Event, Limits, Server},
};
use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use cedrat_session::{Instant, Session, Step};

fn config() -> Config {
    Config::new("mx.test")
}

/// Feeds octets as a driver does that honours back-pressure.
fn stream(server: &mut Server, trace: &mut Trace, octets: &[u8], now: Instant) {
    for piece in octets.chunks(4096) {
        assert!(server.wants_octets() || trace.closed);
        server.receive(piece, now);
        trace.drain(server, now);
    }
}

#[test]
fn an_endless_line_is_thrown_away_and_times_out() {
    let mut server = Server::new(config(), [0; 32]);
    let mut trace = Trace::default();
    let filler = [b'a'; 1 << 16];
    for second in 0..600 {
        stream(&mut server, &mut trace, &filler, Instant(second * 1000));
    }
    assert!(trace.closed);
    assert_eq!(trace.events, [Event::Closed { reason: Closing::Timeout }]);
    assert!(trace.replies.ends_with("421 4.4.2 Timeout\r\n"));
}

#[test]
fn a_long_line_is_one_error_however_it_arrives() {
    let long = "a".repeat(2047);
    for piece in [usize::MAX, 1, 100] {
        let text = format!("S: 220 *\nC: {long}\nS: 500 5.5.2 Line too long\nC: NOOP\nS: 250 *");
        let mut server = Server::new(config(), [0; 32]);
        dialog::run(&text, &mut server, piece, super::harness::describe, super::harness::answer).unwrap();
    }
}

#[test]
fn a_million_recipients_end_the_session_in_bounded_memory() {
    let config = Config { limits: Limits { max_recipients: 100, ..Limits::default() }, ..config() };
    let mut server = Server::new(config, [0; 32]);
    let mut trace = Trace::default();
    stream(&mut server, &mut trace, b"EHLO a.test\r\nMAIL FROM:<a@b.test>\r\n", Instant(0));
    let many = "RCPT TO:<a@b.test>\r\n".repeat(10_000);
    for _ in 0..100 {
        stream(&mut server, &mut trace, many.as_bytes(), Instant(0));
    }
    assert_eq!(trace.events.iter().filter(|event| matches!(event, Event::Recipient(_))).count(), 100);
    assert_eq!(trace.replies.matches("452 4.5.3").count(), 100 + 20);
    assert_eq!(trace.events.last(), Some(&Event::Closed { reason: Closing::Faults }));
}

#[test]
fn octets_behind_a_pending_decision_are_held_back() {
    let mut server = Server::new(config(), [0; 32]);
    server.receive(b"EHLO a.test\r\nMAIL FROM:<a@b.test>\r\n", Instant(0));
    while server.poll(Instant(0)).is_some() {}
    let mut fed = 0;
    while server.wants_octets() {
        server.receive(&[b'x'; 4096], Instant(0));
        fed += 4096;
        assert_eq!(server.poll(Instant(0)), None);
    }
    assert_eq!(fed, Limits::default().buffer_octets);
    assert_eq!(server.deadline(), None, "the time is the gateway's");
}

#[test]
fn chunks_that_nobody_takes_are_held_back() {
    let mut server = Server::new(config(), [0; 32]);
    let mut trace = Trace::default();
    stream(
        &mut server,
        &mut trace,
        b"EHLO a.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<a@b.test>\r\nDATA\r\n",
        Instant(0),
    );
    let mut fed = 0;
    while server.wants_octets() {
        server.receive(&[b'x'; 4096], Instant(0));
        fed += 4096;
    }
    assert_eq!(fed, Limits::default().buffer_octets);
    trace.drain(&mut server, Instant(0));
    assert!(server.wants_octets());
}

#[test]
fn an_endless_message_ends_the_session() {
    let mut config = config();
    config.limits.max_octets = 1000;
    let mut server = Server::new(config, [0; 32]);
    let mut trace = Trace::default();
    stream(
        &mut server,
        &mut trace,
        b"EHLO a.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<a@b.test>\r\nDATA\r\n",
        Instant(0),
    );
    let filler = [b'.'; 4096];
    while !trace.closed {
        stream(&mut server, &mut trace, &filler, Instant(0));
    }
    assert!(trace.replies.ends_with("552 5.3.4 The message is larger than accepted here\r\n"));
    assert_eq!(trace.events.last(), Some(&Event::Closed { reason: Closing::Overrun }));
}

#[test]
fn slow_senders_meet_every_deadline() {
    serve(&config(), "S: 220 *\nT: 299999\nC| NO\nT: 1\nS: 421 4.4.2 Timeout\nE: closed Timeout\nCLOSE");
    let data = r"
        S: 220 *
        C: HELO a.test
        S: 250 *
        E: hello *
        C: MAIL FROM:<a@b.test>
        E: mail *
        T: 900000
        A: ok
        S: 250 *
        C: RCPT TO:<a@b.test>
        E: rcpt *
        A: ok
        S: 250 *
        C: DATA
        S: 354 *";
    serve(
        &config(),
        &format!("{data}\nT: 179999\nC| .\nT: 180000\nS: 421 4.4.2 *\nE: closed Timeout\nCLOSE"),
    );
    // One dot at a time, each in good time, until the hour is over.
    let drip = "T: 120000\nC| .\n".repeat(30);
    let mut server = Server::new(config(), [0; 32]);
    let text = format!("{data}\n{drip}S: 421 4.4.2 *\nE: closed Timeout\nCLOSE");
    let ignore_chunks = |event: &Event| match event {
        Event::Chunk(_) => None,
        event => super::harness::describe(event),
    };
    dialog::run(&text, &mut server, usize::MAX, ignore_chunks, super::harness::answer).unwrap();
}

#[test]
fn huge_and_endless_auth_is_refused() {
    let config = Config { auth_in_clear: true, mechanisms: [Mechanism::Plain].into(), ..config() };
    let hello = "S: 220 *\nC: EHLO a.test\n".to_owned() + &"S: 250*\n".repeat(10) + "E: hello *\n";
    let fits = "A".repeat(12_284);
    let long = "A".repeat(12_288);
    serve(
        &config,
        &format!(
            "{hello}C: AUTH PLAIN\nS: 334 *\nC: {fits}\nS: 501 5.5.2 *\nC: AUTH PLAIN\nS: 334 *\nC: {long}\nS: 500 5.5.6 *\nC: NOOP\nS: 250 *"
        ),
    );
    serve(
        &config,
        &format!("{hello}C: AUTH PLAIN {fits}\nS: 500 5.5.2 *\nC: NOOP {}\nS: 500 5.5.2 *", "x".repeat(3000)),
    );
}

#[test]
fn a_reply_text_cannot_forge_a_second_reply() {
    for text in ["a\r\n250 forged", "a\rb\0c\u{85}d\u{e9}", "a\n\nb", ""] {
        let mut out = Vec::new();
        Reply::new(550, (5, 7, 1), text).encode(&mut out);
        let lines: Vec<&str> = core::str::from_utf8(&out).unwrap().split("\r\n").collect();
        let (end, lines) = lines.split_last().unwrap();
        assert_eq!(*end, "");
        for line in lines {
            assert!(line.starts_with("550-5.7.1 ") || line.starts_with("550 5.7.1 "), "{line:?}");
            assert!(line.bytes().all(|octet| matches!(octet, b' '..=b'~')));
        }
    }
    let mut out = Vec::new();
    Reply::bare(7, "x".repeat(5000)).encode(&mut out);
    assert!(out.split(|octet| *octet == b'\n').all(|line| line.len() < 512));
    assert!(out.starts_with(b"451-"));
}

#[test]
fn a_next_hop_that_never_stops_talking_is_given_up() {
    let talk = |octets: &[u8]| -> Vec<String> {
        let mut client = Client::new(client::Config::new("gw.test"), [0; 32]);
        let mut events = Vec::new();
        for _ in 0..10_000 {
            client.receive(octets, Instant(0));
            while let Some(step) = client.poll(Instant(0)) {
                match step {
                    Step::Event(event) => events.extend(describe_client(&event)),
                    Step::Close => return events,
                    _ => {}
                }
            }
        }
        events
    };
    assert_eq!(talk(b"220-and on\r\n"), ["failed Greeting Malformed(ManyLines)"]);
    assert_eq!(talk(b"220-and on"), ["failed Greeting Malformed(LongLine)"]);
    assert_eq!(talk(b"\xff\xfe\r\n"), ["failed Greeting Malformed(Code)"]);
    assert_eq!(talk(b"199 x\r\n"), ["failed Greeting Malformed(Code)"]);
}

#[test]
fn passwords_show_in_no_debug_output() {
    let mut server = Server::new(
        Config { auth_in_clear: true, mechanisms: [Mechanism::Plain].into(), ..config() },
        [0; 32],
    );
    server.receive(b"EHLO a.test\r\nAUTH PLAIN AGEAc2VjcmV0\r\n", Instant(0));
    let mut shown = String::new();
    while let Some(step) = server.poll(Instant(0)) {
        shown.push_str(&format!("{step:?}"));
    }
    assert!(shown.contains("AuthPlain") && !shown.contains("secret"));
}

#[test]
fn content_is_never_printed() {
    let step = Step::Event(Event::Chunk(b"Dear Ann".to_vec()));
    assert_eq!(format!("{step:?}"), "Event(Chunk(8 octets))");
}
