//! How a server is reached and who we are there: the same for mailboxes that are watched and for those that are filled.
//!
//! It neither pauses nor tries again; who calls knows when that is due.

use std::{net::SocketAddr, time::Duration};

use cedrat_wire_imap::client::{Auth, Config, Tls};
use cedrat_wire_mail::smtp::{Credentials, Password};
use tokio::net::TcpStream;

use super::token;
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
    pub(super) auth_in_clear: bool,
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

    fn bearer(&self, token: Password) -> Auth {
        Auth::Bearer { user: self.user.to_owned(), token }
    }

    /// What a session is told; a token is read anew.
    pub(super) async fn session(&self) -> Result<Config, String> {
        let auth = match self.login {
            Login::Password(password) => {
                Auth::Password(Credentials::new(self.user, password.expose().to_owned()))
            }
            Login::TokenCommand(command) => self.bearer(token::of_command(command).await?),
            Login::TokenFile(path) => self.bearer(token::of_file(path).await?),
        };
        let tls = match self.mode {
            TlsMode::Implicit => Tls::Implicit,
            TlsMode::None => Tls::None,
            TlsMode::Opportunistic => Tls::Opportunistic,
            TlsMode::Verify => Tls::Required,
        };
        Ok(Config {
            tls,
            auth_in_clear: self.auth_in_clear,
            compress: self.compress,
            id: vec![("name".into(), "cedrat".into()), ("version".into(), env!("CARGO_PKG_VERSION").into())],
            ..Config::new(Some(auth))
        })
    }
}
