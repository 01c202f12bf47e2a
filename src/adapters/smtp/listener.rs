//! Ports that are listened on.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::server;
use crate::gateway::Gateway;

/// What a port is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// LMTP.
    Lmtp,
    /// Mail from other systems.
    Mail,
    /// MMS interconnect.
    Mm4,
    /// Mail from users.
    Submission,
}

impl Side {
    /// As a person reads it.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Lmtp => "lmtp",
            Self::Mail => "mail",
            Self::Mm4 => "mm4",
            Self::Submission => "submission",
        }
    }
}

/// A port that is bound.
#[derive(Debug)]
pub struct Port {
    listener: TcpListener,
    side: Side,
    implicit_tls: bool,
}

impl Port {
    /// Where it is, as bound.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// What it is for.
    pub const fn side(&self) -> Side {
        self.side
    }
}

/// Binds every port of the configuration.
///
/// # Errors
/// Each port that cannot be bound, and why.
pub async fn bind(config: &crate::config::Config) -> Result<Vec<Port>, Vec<String>> {
    let wanted = [
        (&config.mm4.listen, Side::Mm4, false),
        (&config.mm4.listen_tls, Side::Mm4, true),
        (&config.mail.listen, Side::Mail, false),
        (&config.mail.listen_tls, Side::Mail, true),
        (&config.mail.listen_submission, Side::Submission, false),
        (&config.mail.listen_lmtp, Side::Lmtp, false),
    ];
    let mut ports = Vec::new();
    let mut faults = Vec::new();
    for (addresses, side, implicit_tls) in wanted {
        for address in addresses {
            match TcpListener::bind(address).await {
                Ok(listener) => ports.push(Port { listener, side, implicit_tls }),
                Err(fault) => faults.push(format!(
                    "{address} cannot be listened on: {fault}; is another program there, or is the port below 1024?"
                )),
            }
        }
    }
    if faults.is_empty() { Ok(ports) } else { Err(faults) }
}

/// Accepts connections until the gateway stops.
pub async fn serve(gateway: Arc<Gateway>, port: Port) {
    let mut shutdown: watch::Receiver<bool> = gateway.shutdown.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = port.listener.accept() => accepted,
            () = crate::drive::stopped(&mut shutdown) => return,
        };
        match accepted {
            Ok((stream, remote)) => spawn(&gateway, stream, remote, port.side, port.implicit_tls),
            Err(fault) => {
                gateway.events.tell(&crate::events::Event::Fault {
                    what: "accept",
                    detail: format!("a connection could not be accepted: {fault}"),
                });
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn spawn(gateway: &Arc<Gateway>, stream: TcpStream, remote: SocketAddr, side: Side, implicit_tls: bool) {
    let gateway = gateway.clone();
    tokio::spawn(server::serve(gateway, stream, remote, side, implicit_tls));
}
