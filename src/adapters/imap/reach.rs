//! How a server is reached and who we are there: the same for mailboxes that are watched and for those that are filled.
//!
//! It neither pauses nor tries again; who calls knows when that is due.

use std::{net::SocketAddr, time::Duration};

use cedrat_wire_imap::client::{Auth, Config, Tls};
use cedrat_wire_mail::smtp::{Credentials, Password};
use tokio::net::TcpStream;

use crate::{
    config::{TlsMode, imap::Login},
    gateway::Settings,
};

/// How long making a TCP connection may take.
const CONNECT: Duration = Duration::from_secs(30);

/// A server, and the account there.
pub(super) struct Server<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) mode: TlsMode,
    pub(super) user: &'a str,
    pub(super) login: &'a Login,
    pub(super) compress: bool,
}

impl Server<'_> {
    /// A connection to the first of its addresses that takes one, and which that was.
    pub(super) async fn stream(&self, settings: &Settings) -> Result<(TcpStream, SocketAddr), String> {
        let addresses = settings
            .resolver
            .addresses(self.host, self.port)
            .await
            .map_err(|refusal| refusal.detail.for_operator().to_owned())?;
        let mut last = "it has no address".to_owned();
        for address in addresses {
            last = match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok((stream, address)),
                Ok(Err(fault)) => format!("{} at {address}: {fault}", self.host),
                Err(_) => format!("{} at {address}: no connection within 30 s", self.host),
            };
        }
        Err(last)
    }

    /// What a session is told; a token is read anew.
    pub(super) fn session(&self) -> Result<Config, String> {
        let auth = match self.login {
            Login::Password(password) => {
                Auth::Password(Credentials::new(self.user, password.expose().to_owned()))
            }
            Login::TokenFile(path) => {
                let token = std::fs::read_to_string(path)
                    .map_err(|fault| format!("the token {} cannot be read: {fault}", path.display()))?;
                Auth::Bearer { user: self.user.to_owned(), token: Password::new(token.trim().to_owned()) }
            }
        };
        let tls = match self.mode {
            TlsMode::Implicit => Tls::Implicit,
            TlsMode::None => Tls::None,
            TlsMode::Opportunistic => Tls::Opportunistic,
            TlsMode::Verify => Tls::Required,
        };
        Ok(Config {
            tls,
            // `tls = "none"` was written by somebody who knows the way to the server.
            auth_in_clear: self.mode == TlsMode::None,
            compress: self.compress,
            id: vec![("name".into(), "cedrat".into()), ("version".into(), env!("CARGO_PKG_VERSION").into())],
            ..Config::new(Some(auth))
        })
    }
}
