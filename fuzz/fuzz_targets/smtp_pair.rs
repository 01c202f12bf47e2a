//! Client session to server session: whatever the content, exactly that content arrives, once, with its line ends made
//! CRLF. So no content can end a message early and smuggle another one in.
#![no_main]

use bytes::Bytes;
use cedrat_session::{Instant, Session, Step};
use cedrat_wire_mail::smtp::client::{self, Client, Delivery, Tls, Transaction};
use cedrat_wire_mail::smtp::server::{self, Server};
use cedrat_wire_mail::smtp::{Address, Extensions, Form, Mail, Protocol, Rcpt};
use libfuzzer_sys::fuzz_target;

const NOW: Instant = Instant(0);

fuzz_target!(|data: &[u8]| {
    let Some((&options, content)) = data.split_first() else { return };
    let on = |bit: u8| options & (1 << bit) != 0;
    let protocol = if on(0) { Protocol::Lmtp } else { Protocol::Smtp };
    let chunking = on(1);
    let client = Client::new(
        client::Config {
            protocol,
            chunking,
            pipelining: on(2),
            tls: Tls::None,
            ..client::Config::new("out.test")
        },
        [1; 32],
    );
    let extensions = Extensions { chunking, binarymime: chunking, pipelining: on(2), ..Extensions::common() };
    let server =
        Server::new(server::Config { protocol, extensions, ..server::Config::new("in.test") }, [2; 32]);
    let mut wire = Wire { client, server, content: Bytes::copy_from_slice(content), ..Wire::default() };
    wire.run();
    match wire.outcomes.as_slice() {
        // The client found that the server cannot take it.
        [] => assert!(wire.arrived.is_empty()),
        [Delivery::Delivered { .. }] => {
            assert_eq!(wire.arrived.len(), 1);
            assert_eq!(lines(&wire.arrived[0]), lines(content));
        }
        [Delivery::Permanent { .. }] => assert!(wire.arrived.is_empty()),
        other => panic!("{other:?}"),
    }
});

struct Wire {
    client: Client,
    server: Server,
    content: Bytes,
    outcomes: Vec<Delivery>,
    arriving: Vec<u8>,
    arrived: Vec<Vec<u8>>,
    sent: bool,
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            client: Client::new(client::Config::new("out.test"), [0; 32]),
            server: Server::new(server::Config::new("in.test"), [0; 32]),
            content: Bytes::new(),
            outcomes: Vec::new(),
            arriving: Vec::new(),
            arrived: Vec::new(),
            sent: false,
        }
    }
}

impl Wire {
    fn run(&mut self) {
        loop {
            let mut idle = true;
            while let Some(step) = self.server.poll(NOW) {
                idle = false;
                match step {
                    Step::Send(octets) => self.client.receive(&octets, NOW),
                    Step::Event(event) => self.serve(event),
                    Step::Close => self.client.ended(NOW),
                    Step::StartTls => panic!("nobody has asked for TLS"),
                }
            }
            while let Some(step) = self.client.poll(NOW) {
                idle = false;
                match step {
                    Step::Send(octets) => self.server.receive(&octets, NOW),
                    Step::Event(event) => self.deliver(event),
                    Step::Close => self.server.ended(NOW),
                    Step::StartTls => panic!("nobody has asked for TLS"),
                }
            }
            if idle {
                return;
            }
        }
    }

    fn serve(&mut self, event: server::Event) {
        match event {
            server::Event::Mail(_) | server::Event::Recipient(_) => self.server.accept(),
            server::Event::Chunk(octets) => self.arriving.extend(octets),
            server::Event::EndOfMessage { octets } => {
                assert_eq!(octets, self.arriving.len() as u64);
                self.arrived.push(std::mem::take(&mut self.arriving));
                self.server.accept();
            }
            server::Event::Reset => self.arriving.clear(),
            _ => {}
        }
    }

    fn deliver(&mut self, event: client::Event) {
        match event {
            client::Event::Ready { .. } => {
                let address = |text: &str| Address::parse(text, Form::Mail).unwrap();
                let transaction = Transaction {
                    mail: Mail::new(address("sender@out.test")),
                    recipients: vec![Rcpt::new(address("anna@in.test"))],
                    content: self.content.clone(),
                };
                if self.sent || self.client.send(transaction).is_err() {
                    self.client.quit();
                }
                self.sent = true;
            }
            client::Event::Outcome(outcome) => self.outcomes.extend(outcome.recipients),
            client::Event::Failed { .. } => {}
        }
    }
}

/// Content as lines: CRLF, CR and LF all end one, and the last one may lack its end.
fn lines(content: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = vec![Vec::new()];
    let mut before = 0;
    for octet in content {
        match (octet, before) {
            (b'\n', b'\r') => {}
            (b'\r' | b'\n', _) => lines.push(Vec::new()),
            (octet, _) => lines.last_mut().unwrap().push(*octet),
        }
        before = *octet;
    }
    if lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}
