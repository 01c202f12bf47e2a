//! The SMTP and LMTP client session against a server that replies anything: one outcome for each recipient, and any
//! split of the replies gives the same events and commands.
#![no_main]

use bytes::Bytes;
use cedrat_fuzz::{cuts_and_input, linear, split};
use cedrat_session::{Instant, Session, Step};
use cedrat_wire_mail::smtp::client::{Client, Config, Event, Tls, Transaction};
use cedrat_wire_mail::smtp::{Address, Credentials, Form, Mail, Protocol, Rcpt};
use libfuzzer_sys::fuzz_target;

const NOW: Instant = Instant(0);
const RECIPIENTS: [&str; 3] = ["anna@mail.test", "ben@mail.test", "chloe@mail.test"];

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
    Config {
        protocol: if on(0) { Protocol::Lmtp } else { Protocol::Smtp },
        pipelining: on(1),
        chunking: on(2),
        auth: on(3).then(|| Credentials::new("user", "pencil".into())),
        auth_in_clear: true,
        // Without STARTTLS: what comes before the handshake is thrown away, so a split would matter.
        tls: if on(4) { Tls::Implicit } else { Tls::None },
        ..Config::new("gw.test")
    }
}

fn run<'a>(options: u8, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Event>, Vec<u8>) {
    let mut client = Client::new(config(options), [7; 32]);
    let (mut events, mut sent) = (Vec::new(), Vec::new());
    if advance(&mut client, &mut events, &mut sent) {
        return (events, sent);
    }
    for piece in pieces {
        client.receive(piece, NOW);
        if advance(&mut client, &mut events, &mut sent) {
            return (events, sent);
        }
    }
    client.ended(NOW);
    advance(&mut client, &mut events, &mut sent);
    (events, sent)
}

/// Does what the session asks for; whether it has closed.
fn advance(client: &mut Client, events: &mut Vec<Event>, sent: &mut Vec<u8>) -> bool {
    while let Some(step) = client.poll(NOW) {
        match step {
            Step::Send(octets) => sent.extend(octets),
            Step::StartTls => panic!("STARTTLS was not wanted"),
            Step::Close => return true,
            Step::Event(event) => {
                match &event {
                    Event::Ready { .. } => {
                        if events.len() > 20 || client.send(transaction()).is_err() {
                            client.quit();
                        }
                    }
                    Event::Outcome(outcome) => assert_eq!(outcome.recipients.len(), RECIPIENTS.len()),
                    Event::Failed { .. } => {}
                }
                events.push(event);
            }
        }
    }
    false
}

fn transaction() -> Transaction {
    let address = |text: &str| Address::parse(text, Form::Mail).unwrap();
    Transaction {
        mail: Mail::new(address("sender@gw.test")),
        recipients: RECIPIENTS.iter().map(|text| Rcpt::new(address(text))).collect(),
        content: Bytes::from_static(b"Subject: x\r\n\r\n..a\r\n.\r\nend\r\n"),
    }
}
