//! The client side against the server side, in memory, for every combination of what they can do.

use super::client::message;
use crate::smtp::{
    Body, Credentials, Extensions, Mechanism, Notify, Orcpt, Protocol, Ret, ScramKeys,
    client::{self, Client, Delivery, Transaction},
    server::{self, Server},
};
use alloc::{string::String, vec, vec::Vec};
use bytes::Bytes;
use cedrat_session::{Instant, Session, Step};

const NOW: Instant = Instant(0);

/// A wire with a session at either end.
struct Pair {
    client: Client,
    server: Server,
    mails: Vec<crate::smtp::Mail>,
    rcpts: Vec<crate::smtp::Rcpt>,
    messages: Vec<Vec<u8>>,
    content: Vec<u8>,
    users: Vec<String>,
    outcomes: Vec<client::Outcome>,
    failures: Vec<client::Cause>,
    closings: Vec<server::Closing>,
    to_send: Vec<Transaction>,
    writes: usize,
}

impl Pair {
    fn new(client: client::Config, server: server::Config, to_send: Vec<Transaction>) -> Self {
        Self {
            client: Client::new(client, [3; 32]),
            server: Server::new(server, [4; 32]),
            mails: Vec::new(),
            rcpts: Vec::new(),
            messages: Vec::new(),
            content: Vec::new(),
            users: Vec::new(),
            outcomes: Vec::new(),
            failures: Vec::new(),
            closings: Vec::new(),
            to_send,
            writes: 0,
        }
    }

    /// Until neither side has anything to do.
    fn run(mut self) -> Self {
        let mut handshakes = 0;
        loop {
            let mut idle = true;
            while let Some(step) = self.server.poll(NOW) {
                idle = false;
                match step {
                    Step::Send(octets) => self.client.receive(&octets, NOW),
                    Step::Event(event) => self.serve(event),
                    Step::Close => self.client.ended(NOW),
                    Step::StartTls => handshakes += 1,
                }
            }
            while let Some(step) = self.client.poll(NOW) {
                idle = false;
                match step {
                    Step::Send(octets) => {
                        self.writes += 1;
                        self.server.receive(&octets, NOW);
                    }
                    Step::Event(event) => self.use_client(event),
                    Step::Close => self.server.ended(NOW),
                    Step::StartTls => handshakes += 1,
                }
            }
            if handshakes == 2 {
                handshakes = 0;
                self.server.secured(NOW);
                self.client.secured(NOW);
            } else if idle {
                return self;
            }
        }
    }

    fn serve(&mut self, event: server::Event) {
        match event {
            server::Event::AuthPlain(credentials) => {
                self.server.authenticated(credentials.password.expose() == "pencil");
            }
            server::Event::ScramKeys { user, .. } => {
                let keys = (user == "user").then(|| ScramKeys::derive("pencil", b"0123456789abcdef", 16));
                self.server.scram_keys(keys);
            }
            server::Event::Authenticated { user } => self.users.push(user),
            server::Event::Mail(mail) => {
                self.mails.push(*mail);
                self.server.accept();
            }
            server::Event::Recipient(rcpt) => {
                if rcpt.address.local().starts_with("to1") {
                    self.server.reply(super::harness::reply("550 5.1.1 No such user"));
                } else {
                    self.server.accept();
                }
                self.rcpts.push(*rcpt);
            }
            server::Event::Chunk(octets) => self.content.extend(octets),
            server::Event::EndOfMessage { .. } => {
                self.messages.push(core::mem::take(&mut self.content));
                self.server.accept();
            }
            server::Event::Reset => self.content.clear(),
            server::Event::Closed { reason } => self.closings.push(reason),
            server::Event::Hello { .. } => {}
        }
    }

    fn use_client(&mut self, event: client::Event) {
        match event {
            client::Event::Ready { .. } => match self.to_send.pop() {
                Some(transaction) => self.client.send(transaction).unwrap(),
                None => self.client.quit(),
            },
            client::Event::Outcome(outcome) => self.outcomes.push(*outcome),
            client::Event::Failed { cause, .. } => self.failures.push(cause),
        }
    }
}

#[test]
fn every_combination_carries_the_message_and_its_envelope() {
    let content = b"Subject: x\r\n\r\n..a\r\n.\r\ncaf\xc3\xa9\r\n";
    for bits in 0..(1u32 << 7) {
        let on = |bit: u32| bits & (1 << bit) != 0;
        let protocol = if on(0) { Protocol::Lmtp } else { Protocol::Smtp };
        let mechanism = Mechanism::ALL[(bits % 3) as usize];
        let config = server::Config {
            extensions: Extensions {
                pipelining: on(1),
                chunking: on(2),
                binarymime: on(2),
                dsn: on(3),
                mt_priority: on(3),
                ..Extensions::common()
            },
            protocol,
            tls: if on(4) { server::Tls::Available } else { server::Tls::Off },
            require_tls: on(4),
            mechanisms: if on(5) { vec![mechanism] } else { Vec::new() },
            require_auth: on(5),
            auth_in_clear: !on(4),
            ..server::Config::new("mx.test")
        };
        let client_config = client::Config {
            protocol,
            auth: on(5).then(|| Credentials::new("user", "pencil".into())),
            auth_in_clear: !on(4),
            chunking: on(6),
            tls: if on(4) { client::Tls::Required } else { client::Tls::None },
            ..client::Config::new("gw.test")
        };
        let mut transaction = message(3, content);
        transaction.mail.ret = Some(Ret::Full);
        transaction.mail.envid = Some("id+2B".into());
        transaction.mail.mt_priority = Some(4);
        transaction.recipients[0].notify = Some(Notify::NEVER);
        transaction.recipients[2].orcpt = Some(Orcpt::from_plain("rfc822", "x+y@c.test"));
        let mut binary = message(1, b"");
        if on(2) {
            binary.mail.body = Body::BinaryMime;
            binary.content = Bytes::from_static(b"\r\n.\r\nQUIT\r\n\0\n\r.");
        }
        let pair = Pair::new(client_config, config, vec![binary.clone(), transaction.clone()]).run();
        assert_eq!(pair.failures, [], "{bits:b}");
        assert_eq!(pair.closings, [server::Closing::Quit]);
        assert_eq!(pair.messages, [content.to_vec(), binary.content.to_vec()]);
        let [first, second] = &pair.outcomes[..] else { panic!("{:?}", pair.outcomes) };
        assert!(matches!(
            &first.recipients[..],
            [Delivery::Delivered { .. }, Delivery::Permanent { reply }, Delivery::Delivered { .. }] if reply.enhanced == Some((5, 1, 1))
        ));
        assert!(matches!(&second.recipients[..], [Delivery::Delivered { .. }]));
        assert_eq!(first.not_passed_on.dsn, !on(3));
        let mail = &pair.mails[0];
        assert_eq!((mail.from.as_str(), mail.body), ("from@a.test", Body::EightBitMime));
        assert_eq!(mail.size, Some(content.len() as u64));
        if on(3) {
            assert_eq!(
                (mail.ret, &mail.envid, mail.mt_priority),
                (Some(Ret::Full), &transaction.mail.envid, Some(4))
            );
            assert_eq!(pair.rcpts[..3], transaction.recipients[..]);
        }
        assert_eq!(pair.users, if on(5) { vec![String::from("user")] } else { Vec::new() });
    }
}

#[test]
fn a_wrong_password_fails_the_connection_with_every_mechanism() {
    for mechanism in Mechanism::ALL {
        for (user, password) in [("user", "pencils"), ("nobody", "pencils")] {
            let config = server::Config {
                auth_in_clear: true,
                mechanisms: vec![mechanism],
                ..server::Config::new("mx.test")
            };
            let client_config = client::Config {
                auth: Some(Credentials::new(user, password.into())),
                auth_in_clear: true,
                tls: client::Tls::None,
                ..client::Config::new("gw.test")
            };
            let pair = Pair::new(client_config, config, Vec::new()).run();
            assert!(
                matches!(&pair.failures[..], [client::Cause::Reply(reply)] if reply.code == 535),
                "{mechanism:?} {:?}",
                pair.failures
            );
            assert!(pair.users.is_empty());
        }
    }
}

#[test]
fn many_recipients_go_in_groups_and_long_responses_in_their_own_line() {
    let client_config = client::Config {
        auth: Some(Credentials::new(&"u".repeat(400), "pencil".into())),
        auth_in_clear: true,
        tls: client::Tls::None,
        ..client::Config::new("gw.test")
    };
    let config = server::Config {
        auth_in_clear: true,
        mechanisms: vec![Mechanism::Plain],
        ..server::Config::new("mx.test")
    };
    let pair = Pair::new(client_config, config, vec![message(900, b"x")]).run();
    assert_eq!(pair.failures, []);
    assert_eq!(pair.users[0].len(), 400);
    let delivered =
        pair.outcomes[0].recipients.iter().filter(|each| matches!(each, Delivery::Delivered { .. }));
    // to1, to10 to to19 and to100 to to199 are refused.
    assert_eq!(delivered.count(), 900 - 111);
    // EHLO, two of AUTH, ten groups or a few more, the message, QUIT.
    assert!(pair.writes < 30, "{}", pair.writes);
}
