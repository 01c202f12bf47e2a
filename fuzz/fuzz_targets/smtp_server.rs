//! The SMTP and LMTP server session: any octets, any answers of the gateway, and any split of the octets gives the
//! same events and the same replies.
#![no_main]

use cedrat_fuzz::{cuts_and_input, linear, split};
use cedrat_session::{Instant, Session, Step};
use cedrat_wire_mail::smtp::server::{Config, Event, Limits, Server, Tls};
use cedrat_wire_mail::smtp::{Extensions, LineEnds, Mechanism, Protocol, Reply};
use libfuzzer_sys::fuzz_target;

const NOW: Instant = Instant(0);

fuzz_target!(|data: &[u8]| {
    let Some((&options, rest)) = data.split_first() else { return };
    let (cuts, input) = cuts_and_input(rest);
    let whole = run(options, input.chunks(4096));
    let pieces = run(options, split(input, cuts));
    assert_eq!(whole, pieces);
    if options & LMTP_AND_ALL == 0 {
        linear(input, |large| {
            run(options, large.chunks(1500));
        });
    }
});

/// Options beyond the plain server with strict line ends.
const LMTP_AND_ALL: u8 = 0b0001_1111;

fn config(options: u8) -> Config {
    let on = |bit: u8| options & (1 << bit) != 0;
    Config {
        protocol: if on(0) { Protocol::Lmtp } else { Protocol::Smtp },
        line_ends: if on(1) { LineEnds::Normalize } else { LineEnds::Strict },
        mms_addresses: on(2),
        mechanisms: if on(3) { Mechanism::ALL.to_vec() } else { Vec::new() },
        auth_in_clear: on(3),
        // The law of splits holds without STARTTLS only: what comes before the handshake is thrown away.
        tls: if on(4) { Tls::On } else { Tls::Off },
        extensions: Extensions { mt_priority: true, deliver_by: Some(0), dsn: true, ..Extensions::common() },
        limits: Limits { max_octets: 100_000, max_recipients: 20, ..Limits::default() },
        ..Config::new("gw.test")
    }
}

/// Everything that was told and everything that was sent.
fn run<'a>(options: u8, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Event>, Vec<u8>) {
    let mut server = Server::new(config(options), [7; 32]);
    let (mut events, mut sent) = (Vec::new(), Vec::new());
    let mut decisions = 0_u8;
    for piece in pieces {
        server.receive(piece, NOW);
        while let Some(step) = server.poll(NOW) {
            match step {
                Step::Send(octets) => sent.extend(octets),
                Step::StartTls => panic!("STARTTLS was not offered"),
                Step::Close => {
                    drop_unfinished(&mut events);
                    return (events, sent);
                }
                Step::Event(event) => {
                    answer(&mut server, &event, &mut decisions, options);
                    note(&mut events, event);
                }
            }
        }
    }
    drop_unfinished(&mut events);
    (events, sent)
}

/// The gateway's part: mostly yes, now and then no.
fn answer(server: &mut Server, event: &Event, decisions: &mut u8, options: u8) {
    if matches!(event, Event::Mail(_) | Event::Recipient(_) | Event::EndOfMessage { .. }) {
        *decisions = decisions.wrapping_add(1);
    }
    let refuse = options & 0b1000_0000 != 0 && decisions.is_multiple_of(4);
    match event {
        Event::AuthPlain(credentials) => server.authenticated(credentials.authcid.len() % 2 == 0),
        Event::ScramKeys { .. } => server.scram_keys(None),
        Event::Mail(_) | Event::Recipient(_) | Event::EndOfMessage { .. } if refuse => {
            server.reply(Reply::new(451, (4, 3, 0), "Not now"));
        }
        Event::Mail(_) | Event::Recipient(_) | Event::EndOfMessage { .. } => server.accept(),
        _ => {}
    }
}

/// Joins pieces of content; of a message that did not come to its end they are void.
fn note(events: &mut Vec<Event>, event: Event) {
    match (events.last_mut(), event) {
        (Some(Event::Chunk(before)), Event::Chunk(octets)) => before.extend(octets),
        (_, event) => {
            if !matches!(event, Event::EndOfMessage { .. }) {
                drop_unfinished(events);
            }
            events.push(event);
        }
    }
}

fn drop_unfinished(events: &mut Vec<Event>) {
    if matches!(events.last(), Some(Event::Chunk(_))) {
        events.pop();
    }
}
