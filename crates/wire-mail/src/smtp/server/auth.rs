//! AUTH on the server side (RFC 4954).

use super::{Closing, Event, Pending, Phase, Server, command::bad_sequence};
use crate::smtp::Reply;
use alloc::{
    boxed::Box,
    string::{String, ToString},
};
use cedrat_sasl::{
    Credentials, Mechanism, Password, ScramKeys, base64, decode, has_control,
    scram::{Challenge, ClientFirst, hmac},
};

/// Which response of which mechanism comes next.
#[derive(Debug)]
pub(super) enum Exchange {
    LoginPassword { user: String },
    LoginUser,
    Plain,
    ScramEmpty { user: String },
    ScramFirst,
    ScramProof(Box<Challenge>),
}

pub(super) fn wrong() -> Reply {
    Reply::new(535, (5, 7, 8), "Authentication credentials invalid")
}

fn malformed() -> Reply {
    Reply::new(501, (5, 5, 2), "The response is malformed")
}

impl Server {
    pub(super) fn auth(&mut self, name: &str, initial: Option<&str>) {
        let Some(mechanism) =
            Mechanism::from_name(name).filter(|known| self.config.mechanisms.contains(known))
        else {
            let reply = if self.config.mechanisms.is_empty() {
                Reply::new(502, (5, 5, 1), "AUTH is not available")
            } else {
                Reply::new(504, (5, 5, 4), "Unknown mechanism")
            };
            self.fault(&reply);
            return;
        };
        if !self.offered.auth.contains(&mechanism) {
            self.fault(&Reply::new(538, (5, 7, 11), "Encryption required for this mechanism"));
            return;
        }
        if !self.greeted || self.open.is_some() || self.user.is_some() {
            self.fault(&bad_sequence("Not possible now"));
            return;
        }
        let (exchange, prompt) = match mechanism {
            Mechanism::Login => (Exchange::LoginUser, "VXNlcm5hbWU6"),
            Mechanism::Plain => (Exchange::Plain, ""),
            Mechanism::ScramSha256 => (Exchange::ScramFirst, ""),
        };
        self.phase = Phase::Auth(exchange);
        match initial {
            // "=" is an empty response, which no mechanism here can start with.
            Some(response) => self.auth_response(response.as_bytes()),
            None => self.write(&Reply::bare(334, prompt)),
        }
    }

    pub(super) fn auth_response(&mut self, line: &[u8]) {
        let Phase::Auth(exchange) = core::mem::replace(&mut self.phase, Phase::Command) else {
            return;
        };
        if line == b"*" {
            self.auth_failed(&Reply::new(501, (5, 7, 0), "Authentication cancelled"));
            return;
        }
        let message = core::str::from_utf8(line).ok().and_then(decode);
        let Some(message) = message else {
            self.auth_failed(&malformed());
            return;
        };
        match exchange {
            Exchange::LoginUser if !message.is_empty() && !has_control(&message) => {
                self.phase = Phase::Auth(Exchange::LoginPassword { user: message.to_string() });
                self.write(&Reply::bare(334, "UGFzc3dvcmQ6"));
            }
            Exchange::LoginPassword { user } => self.ask(Credentials {
                authcid: user,
                authzid: None,
                password: Password::new(message.to_string()),
            }),
            Exchange::Plain => match Credentials::from_plain(&message) {
                Some(credentials) => self.ask(credentials),
                None => self.auth_failed(&malformed()),
            },
            Exchange::ScramFirst => match ClientFirst::parse(&message) {
                Some(first) => {
                    self.event(Event::ScramKeys { user: first.user.clone(), authzid: first.authzid.clone() });
                    self.pending = Some(Pending::ScramKeys(first));
                }
                None => self.auth_failed(&malformed()),
            },
            Exchange::ScramProof(challenge) => match challenge.verify(&message) {
                Some(proof) => {
                    self.phase = Phase::Auth(Exchange::ScramEmpty { user: challenge.user().to_string() });
                    self.write(&Reply::bare(334, base64::encode(proof.as_bytes())));
                }
                None => self.auth_failed(&wrong()),
            },
            Exchange::ScramEmpty { user } if message.is_empty() => self.auth_succeeded(user),
            Exchange::LoginUser | Exchange::ScramEmpty { .. } => self.auth_failed(&malformed()),
        }
    }

    fn ask(&mut self, credentials: Credentials) {
        self.pending = Some(Pending::Plain { user: credentials.authcid.clone() });
        self.event(Event::AuthPlain(credentials));
    }

    pub(super) fn scram_challenge(&mut self, keys: Option<ScramKeys>) {
        let first = match self.pending.take() {
            Some(Pending::ScramKeys(first)) => first,
            other => {
                self.pending = other;
                return;
            }
        };
        self.auth_attempts += 1;
        let nonce = hmac(self.entropy.expose(), &[&self.auth_attempts.to_be_bytes()]);
        let known = keys.is_some();
        let keys = keys.unwrap_or_else(|| {
            ScramKeys::unknown(&first.user, self.config.scram_iterations, &self.config.unknown_user_secret)
        });
        let challenge = Challenge::new(first, keys, known, nonce.get(..18).unwrap_or(&nonce));
        self.write(&Reply::bare(334, base64::encode(challenge.message().as_bytes())));
        self.phase = Phase::Auth(Exchange::ScramProof(Box::new(challenge)));
    }

    pub(super) fn auth_succeeded(&mut self, user: String) {
        self.user = Some(user.clone());
        self.write(&Reply::new(235, (2, 7, 0), "Authentication succeeded"));
        self.event(Event::Authenticated { user });
    }

    pub(super) fn auth_failed(&mut self, reply: &Reply) {
        self.auth_failures += 1;
        if self.auth_failures >= self.config.limits.max_auth_failures {
            self.write(reply);
            self.write(&Reply::new(421, (4, 7, 0), "Too many failed authentications"));
            self.close(Closing::Faults);
        } else {
            self.fault(reply);
        }
    }
}
