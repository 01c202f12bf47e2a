//! AUTHENTICATE and LOGIN (RFC 9051 sections 6.2.2 and 6.2.3, RFC 4959, RFC 7628).
//!
//! No weaker mechanism is tried when the server refuses a stronger one that it offered.

use super::{Auth, Cause, Client, Job, Tls};
use crate::grammar::{Fragment, Status, Text, Writer};
use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_sasl::{
    BearerForm, Credentials, base64, bearer_message, decode,
    scram::{ScramClient, hmac, server_is_genuine},
};
use zeroize::Zeroizing;

/// What the next challenge asks for.
#[derive(Debug)]
pub(super) enum Exchange {
    /// The error of an OAuth server is told, or nothing more is to come.
    Bearer(BearerForm, Option<String>),
    /// Nothing more: only the verdict is missing.
    Done,
    /// The first message waits to be asked for; then comes what is within.
    First(Zeroizing<String>, Box<Self>),
    LoginPassword,
    LoginUser,
    ScramProof(ScramClient),
    ScramVerdict([u8; 32]),
}

impl Client {
    /// Begins to prove who this is.
    pub(super) fn start_auth(&mut self, auth: &Auth) {
        if !self.secure && !self.config.auth_in_clear {
            let cause = match self.config.tls {
                Tls::Opportunistic if !self.capabilities.has("STARTTLS") => Cause::TlsNotOffered,
                _ => Cause::AuthInClear,
            };
            return self.fail(cause);
        }
        match auth {
            Auth::Bearer { user, token } => {
                let offered = |form: &BearerForm| self.capabilities.auth(form.name());
                match [BearerForm::OauthBearer, BearerForm::Xoauth2].into_iter().find(offered) {
                    Some(form) => {
                        let message = bearer_message(form, user, token);
                        self.authenticate(form.name(), Some(&message), Exchange::Bearer(form, None));
                    }
                    None => self.fail(Cause::AuthNotOffered),
                }
            }
            Auth::Password(credentials) => self.start_password(credentials),
        }
    }

    fn start_password(&mut self, credentials: &Credentials) {
        if self.capabilities.auth("SCRAM-SHA-256") {
            let nonce = hmac(self.entropy.expose(), &[b"client nonce"]);
            let nonce = nonce.get(..18).unwrap_or(&nonce);
            let (exchange, first) =
                ScramClient::new(&credentials.authcid, credentials.authzid.as_deref(), nonce);
            self.authenticate("SCRAM-SHA-256", Some(&first), Exchange::ScramProof(exchange));
        } else if self.capabilities.auth("PLAIN") {
            let message = credentials.to_plain();
            self.authenticate("PLAIN", Some(&message), Exchange::Done);
        } else if self.capabilities.auth("LOGIN") {
            self.authenticate("LOGIN", None, Exchange::LoginUser);
        } else if !self.capabilities.has("LOGINDISABLED") && credentials.authzid.is_none() {
            let mut writer = Writer::new(self.names);
            writer.raw("LOGIN ").astring(credentials.authcid.as_bytes());
            writer.raw(" ").astring(credentials.password.expose().as_bytes());
            self.begin(Job::Auth(Exchange::Done), writer.finish(), true);
        } else {
            self.fail(Cause::AuthNotOffered);
        }
    }

    fn authenticate(&mut self, mechanism: &str, first: Option<&str>, next: Exchange) {
        let mut line = Vec::new();
        line.extend_from_slice(b"AUTHENTICATE ");
        line.extend_from_slice(mechanism.as_bytes());
        let exchange = match first.map(|first| Zeroizing::new(base64::encode(first.as_bytes()))) {
            Some(first) if self.capabilities.has("SASL-IR") => {
                line.push(b' ');
                line.extend_from_slice(first.as_bytes());
                next
            }
            Some(first) => Exchange::First(first, Box::new(next)),
            None => next,
        };
        line.extend_from_slice(b"\r\n");
        self.begin(Job::Auth(exchange), Vec::from([Fragment::Text(line)]), true);
    }

    /// Answers a challenge; what is asked for next.
    pub(super) fn challenged(&mut self, exchange: Exchange, text: &Text) -> Exchange {
        let Some(auth) = self.config.auth.clone() else { return Exchange::Done };
        let password = match &auth {
            Auth::Password(credentials) => Some(credentials),
            Auth::Bearer { .. } => None,
        };
        match (exchange, password) {
            (Exchange::First(first, next), _) => {
                self.respond_encoded(&first);
                *next
            }
            (Exchange::Bearer(form, None), _) => {
                // A challenge is the beginning of a refusal (RFC 7628 section 3.2.3).
                self.respond(if form == BearerForm::OauthBearer { b"\x01" } else { b"" });
                let said = decode(&text.text).map(|said| said.chars().take(500).collect());
                Exchange::Bearer(form, Some(said.unwrap_or_default()))
            }
            (Exchange::LoginUser, Some(credentials)) => {
                self.respond(credentials.authcid.as_bytes());
                Exchange::LoginPassword
            }
            (Exchange::LoginPassword, Some(credentials)) => {
                self.respond(credentials.password.expose().as_bytes());
                Exchange::Done
            }
            (Exchange::ScramProof(client), Some(credentials)) => {
                let max = self.config.limits.max_scram_iterations;
                let proved = decode(&text.text)
                    .and_then(|message| client.prove(&message, credentials.password.expose(), max).ok());
                match proved {
                    Some((message, expected)) => {
                        self.respond(message.as_bytes());
                        Exchange::ScramVerdict(expected)
                    }
                    None => self.cancel(text),
                }
            }
            (Exchange::ScramVerdict(expected), _) => {
                if decode(&text.text).is_some_and(|message| server_is_genuine(&message, &expected)) {
                    self.respond(b"");
                } else {
                    self.fail(Cause::NotGenuine);
                }
                Exchange::Done
            }
            _ => self.cancel(text),
        }
    }

    /// The verdict of the server.
    pub(super) fn auth_replied(&mut self, exchange: &Exchange, status: Status, text: Text) {
        match (status, exchange) {
            (Status::Ok, Exchange::ScramProof(_) | Exchange::ScramVerdict(_)) => self.fail(Cause::NotGenuine),
            (Status::Ok, Exchange::Bearer(_, Some(_)) | Exchange::First(..)) => {
                self.fail(Cause::Refused(status, text));
            }
            (Status::Ok, _) => self.authenticated(),
            (_, Exchange::Bearer(_, said)) => {
                let said = said.clone();
                self.fail(Cause::AuthRefused(text, said));
            }
            _ => self.fail(Cause::AuthRefused(text, None)),
        }
    }

    fn respond(&mut self, message: &[u8]) {
        let encoded = Zeroizing::new(base64::encode(message));
        self.respond_encoded(&encoded);
    }

    fn respond_encoded(&mut self, encoded: &str) {
        let mut line = encoded.to_string().into_bytes();
        line.extend_from_slice(b"\r\n");
        self.write(line);
    }

    fn cancel(&mut self, text: &Text) -> Exchange {
        self.write(b"*\r\n".to_vec());
        self.fail(Cause::Refused(Status::Ok, text.clone()));
        Exchange::Done
    }
}
