//! Servers of several makes that keep mailboxes: what a test says of one holds for all.

use std::net::SocketAddr;

use super::{cyrus::Cyrus, programs::Dovecot};

/// Each of these tests for every make of server.
macro_rules! for_every_make {
    ($($name:ident)*) => {
        mod cyrus {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::peers::mailboxes::Make::Cyrus).await;
            })*
        }
        mod dovecot {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::peers::mailboxes::Make::Dovecot).await;
            })*
        }
    };
}
pub(super) use for_every_make;

#[derive(Debug, Clone, Copy)]
pub(super) enum Make {
    Cyrus,
    Dovecot,
}

/// A server that keeps the mailboxes of `anna`, whose password is `x`.
pub(super) enum Mailboxes {
    Cyrus(Cyrus),
    Dovecot(Dovecot),
}

impl Mailboxes {
    pub(super) fn start(make: Make) -> Option<Self> {
        match make {
            Make::Cyrus => Cyrus::start("autocreate_quota: 0\n").map(Self::Cyrus),
            Make::Dovecot => Dovecot::start().map(Self::Dovecot),
        }
    }

    /// With TLS from the first octet.
    pub(super) fn imap(&self) -> SocketAddr {
        match self {
            Self::Cyrus(cyrus) => cyrus.imap,
            Self::Dovecot(dovecot) => dovecot.imap,
        }
    }

    /// Kills all of it without a word and starts it again.
    pub(super) fn kill(&mut self) {
        match self {
            Self::Cyrus(cyrus) => cyrus.kill(),
            Self::Dovecot(dovecot) => dovecot.kill(),
        }
    }

    /// The name of a mailbox, with what this server has between levels.
    pub(super) fn name(&self, levels: [&str; 2]) -> String {
        levels.join(match self {
            Self::Cyrus(_) => "/",
            Self::Dovecot(_) => ".",
        })
    }
}
