//! `[[imap]]`: mailboxes whose messages enter the gateway.

use std::{collections::BTreeSet, path::PathBuf};

use cedrat_message::Number;

use super::{
    Config, PeerProtocol, PeerTls, Secret, TlsMode,
    load::{is_host, secret},
    read::{Source, Table},
};

/// One mailbox of one account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Name in logs, and of the position in the store.
    pub id: String,
    /// The server's name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How TLS is made.
    pub tls: PeerTls,
    /// Who we are there.
    pub user: String,
    /// What proves it.
    pub login: Login,
    /// COMPRESS=DEFLATE.
    pub compress: bool,
    /// Whose rights its messages have.
    pub peer: String,
    /// The mailbox that is watched.
    pub mailbox: String,
    /// The numbers that get every message, as E.164; empty = those that the header names.
    pub recipients: Vec<String>,
    /// What becomes of a message that was taken.
    pub after: After,
    /// Where a message goes that is refused; `None` = it stays, flagged.
    pub refused_to: Option<String>,
    /// Whether the messages that are there at the first look are taken, too.
    pub begin_with_all: bool,
}

/// What proves who we are.
#[derive(Debug, Clone)]
pub enum Login {
    /// A password.
    Password(Secret),
    /// A file with an OAuth token, read anew for every connection.
    TokenFile(PathBuf),
}

/// What becomes of a message that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// It goes.
    Delete,
    /// It stays as it is, but for a keyword.
    Keep,
    /// It goes to another mailbox.
    Move(String),
    /// It is marked as read.
    Seen,
}

pub(super) fn read(tables: Vec<Table<'_, '_>>) -> Vec<Account> {
    let mut ids = BTreeSet::new();
    tables
        .into_iter()
        .filter_map(|table| {
            let id = table.required("id", "\"support\"");
            let plain = id.value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            if !plain {
                table.fault_at(
                    id.at,
                    format!("`imap.id` may hold letters, digits, `-`, `_` and `.`, not {:?}", id.value),
                );
            } else if !id.value.is_empty() && !ids.insert(id.value.clone()) {
                table.fault_at(id.at, format!("there are two mailboxes named {:?}", id.value));
            }
            account(table, id.value)
        })
        .collect()
}

fn account(table: Table<'_, '_>, id: String) -> Option<Account> {
    let mode = table.token(
        "tls",
        &[("implicit", TlsMode::Implicit), ("verify", TlsMode::Verify), ("none", TlsMode::None)],
    );
    let mode = mode.unwrap_or(TlsMode::Implicit);
    let server = table.required("server", "\"imap.example:993\"");
    let (host, port) = match server.value.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None if mode == TlsMode::Implicit => (server.value.as_str(), Some(993)),
        None => (server.value.as_str(), Some(143)),
    };
    let host = host.trim_matches(['[', ']']).to_owned();
    if !server.value.is_empty() && (port.is_none() || !is_host(&host)) {
        table.fault_at(server.at, format!("`imap.server` must be host:port, not {:?}", server.value));
    }
    let user = table.required("user", "\"support@mail.example\"").value;
    let login = login(&table);
    let peer = table.required("peer", "\"internet\"").value;
    let number = |text: &str| {
        Number::parse(text).map(|number| number.to_string()).map_err(|f| format!("{text:?} {f}"))
    };
    let recipients = super::load::values(table.parsed_list("to", number));
    let moved_to = table.text("moved_to");
    let after = table.token("after", &[("seen", 's'), ("move", 'm'), ("delete", 'd'), ("keep", 'k')]);
    let after = match (after, &moved_to) {
        (Some('m') | None, Some(to)) => After::Move(to.value.clone()),
        (Some('m'), None) => {
            table.fault("`after = \"move\"` needs `moved_to`, for example moved_to = \"Sent as MMS\"");
            After::Seen
        }
        (Some(_), Some(to)) => {
            table.fault_at(to.at, "`moved_to` is for `after = \"move\"`");
            After::Seen
        }
        (Some('d'), None) => After::Delete,
        (Some('k'), None) => After::Keep,
        _ => After::Seen,
    };
    let account = Account {
        tls: PeerTls {
            mode,
            ca: table.text("tls_ca").map(|at| PathBuf::from(at.value)),
            name: table.text("tls_name").map(|at| at.value),
            present_certificate: false,
        },
        compress: table.flag("compress").unwrap_or(false),
        mailbox: table.text("mailbox").map_or_else(|| "INBOX".into(), |at| at.value),
        refused_to: table.text("refused_to").map(|at| at.value),
        begin_with_all: table.token("begin", &[("new", false), ("all", true)]).unwrap_or(false),
        login: login?,
        port: port?,
        id,
        host,
        user,
        peer,
        recipients,
        after,
    };
    table.finish();
    Some(account)
}

pub(super) fn login(table: &Table<'_, '_>) -> Option<Login> {
    match (secret(table, "password"), table.text("token_file")) {
        (Some(password), None) => Some(Login::Password(password)),
        (None, Some(file)) => Some(Login::TokenFile(PathBuf::from(file.value))),
        (Some(_), Some(file)) => {
            table.fault_at(file.at, "a mailbox has a `password` or a `token_file`, not both");
            None
        }
        (None, None) => {
            table.fault(
                "a mailbox needs a `password`, for example password = { file = \"/path\" }, or a `token_file`",
            );
            None
        }
    }
}

/// Checks against the other sections.
pub(super) fn check(config: &Config, source: &Source<'_>) {
    for account in &config.imap {
        match config.peer(&account.peer) {
            Some(peer) if peer.protocol == PeerProtocol::Mail => {}
            Some(_) => source.fault_of_all(format!(
                "mailbox {:?}: its messages are mail, but peer {:?} is not",
                account.id, account.peer
            )),
            None => source.fault_of_all(format!(
                "mailbox {:?}: there is no peer {:?} whose rights its messages could have",
                account.id, account.peer
            )),
        }
    }
}
