//! AUTH on the client side (RFC 4954).

use super::{Cause, Client, Phase, Tls};
use crate::smtp::Reply;
use alloc::string::String;
use cedrat_sasl::{
    Credentials, Mechanism, base64, decode,
    scram::{ScramClient, hmac, server_is_genuine},
};

/// What the next 334 asks for.
#[derive(Debug)]
pub(super) enum Exchange {
    /// Nothing more: only the verdict is missing.
    Done,
    LoginPassword,
    LoginUser,
    Plain,
    ScramProof(ScramClient),
    ScramVerdict([u8; 32]),
}

impl Client {
    pub(super) fn start_auth(&mut self) {
        let Some(credentials) = self.config.auth.clone() else {
            self.ready();
            return;
        };
        if !self.secure && !self.config.auth_in_clear {
            // Set first: the failure belongs to AUTH.
            self.phase = Phase::Auth(Exchange::Done);
            let cause = match self.config.tls {
                Tls::Opportunistic if !self.extensions.starttls => Cause::TlsNotOffered,
                _ => Cause::AuthInClear,
            };
            self.fail(cause);
            return;
        }
        let offered = &self.extensions.auth;
        match Mechanism::ALL.into_iter().find(|mechanism| offered.contains(mechanism)) {
            Some(Mechanism::ScramSha256) => {
                let nonce = hmac(self.entropy.expose(), &[b"client nonce"]);
                let nonce = nonce.get(..18).unwrap_or(&nonce);
                let (exchange, first) =
                    ScramClient::new(&credentials.authcid, credentials.authzid.as_deref(), nonce);
                self.command("AUTH SCRAM-SHA-256", &base64::encode(first.as_bytes()));
                self.phase = Phase::Auth(Exchange::ScramProof(exchange));
            }
            Some(Mechanism::Plain) => {
                let response = base64::encode(credentials.to_plain().as_bytes());
                // A command line has 512 octets (RFC 4954 section 4).
                if response.len() < 490 {
                    self.command("AUTH PLAIN", &response);
                    self.phase = Phase::Auth(Exchange::Done);
                } else {
                    self.write("AUTH PLAIN\r\n");
                    self.phase = Phase::Auth(Exchange::Plain);
                }
            }
            Some(Mechanism::Login) => {
                self.write("AUTH LOGIN\r\n");
                self.phase = Phase::Auth(Exchange::LoginUser);
            }
            None => {
                self.phase = Phase::Auth(Exchange::Done);
                self.fail(Cause::AuthNotOffered);
            }
        }
    }

    pub(super) fn auth_replied(&mut self, reply: Reply) {
        let (Phase::Auth(exchange), Some(credentials)) =
            (core::mem::replace(&mut self.phase, Phase::Auth(Exchange::Done)), self.config.auth.clone())
        else {
            return;
        };
        if reply.is_positive() {
            match exchange {
                Exchange::Done | Exchange::LoginPassword | Exchange::LoginUser | Exchange::Plain => {
                    self.ready()
                }
                Exchange::ScramProof(_) | Exchange::ScramVerdict(_) => self.fail(Cause::NotGenuine),
            }
        } else if reply.code == 334 {
            self.challenged(exchange, &credentials, reply);
        } else {
            self.fail(Cause::Reply(reply));
        }
    }

    fn challenged(&mut self, exchange: Exchange, credentials: &Credentials, reply: Reply) {
        let next = match exchange {
            Exchange::LoginUser => {
                self.respond(credentials.authcid.as_bytes());
                Exchange::LoginPassword
            }
            Exchange::LoginPassword => {
                self.respond(credentials.password.expose().as_bytes());
                Exchange::Done
            }
            Exchange::Plain => {
                self.respond(credentials.to_plain().as_bytes());
                Exchange::Done
            }
            Exchange::ScramProof(client) => {
                let max = self.config.limits.max_scram_iterations;
                let proved = decode(&reply.text)
                    .and_then(|message| client.prove(&message, credentials.password.expose(), max).ok());
                let Some((message, expected)) = proved else {
                    return self.give_up(reply);
                };
                self.respond(message.as_bytes());
                Exchange::ScramVerdict(expected)
            }
            Exchange::ScramVerdict(expected) => {
                if !decode(&reply.text).is_some_and(|message| server_is_genuine(&message, &expected)) {
                    return self.fail(Cause::NotGenuine);
                }
                self.respond(b"");
                Exchange::Done
            }
            Exchange::Done => return self.give_up(reply),
        };
        self.phase = Phase::Auth(next);
    }

    fn respond(&mut self, message: &[u8]) {
        let mut line: String = base64::encode(message);
        line.push_str("\r\n");
        self.write(line);
    }

    fn give_up(&mut self, reply: Reply) {
        self.write("*\r\n");
        self.fail(Cause::Reply(reply));
    }
}
