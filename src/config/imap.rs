//! `[[imap]]`: mailboxes whose messages enter the gateway.

use std::{collections::BTreeSet, path::PathBuf};

use cedrat_message::Number;

use super::{
    Config, PeerProtocol, PeerTls, Secret, TlsMode,
    load::{is_host, secret},
    read::{Source, Table},
};

/// One mailbox of one account; an account with several is several of these with one `id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Name of the account in logs, and of its messages and positions in the store.
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
    /// Whether what proves it may go over a connection without TLS.
    pub auth_in_clear: bool,
    /// COMPRESS=DEFLATE.
    pub compress: bool,
    /// The most connections at once to this server, over all accounts; `None` = one for each mailbox.
    pub max_connections: Option<usize>,
    /// Whose rights its messages have.
    pub peer: String,
    /// The mailbox that is watched.
    pub mailbox: String,
    /// The numbers that get every message, as E.164; empty = those that the message names.
    pub recipients: Vec<String>,
    /// Where a message names them.
    pub named: Named,
    /// What becomes of a message that was taken.
    pub after: After,
    /// Where a message goes that is refused; `None` = it stays, flagged.
    pub refused_to: Option<String>,
    /// After how many milliseconds a mailbox that is watched is opened anew.
    pub reopen_ms: u64,
    /// Whether the messages that are there at the first look are taken, too.
    pub begin_with_all: bool,
}

/// Where a message names its recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// In these header fields, as addresses at `mail.domains`; in fields that the operator names also as numbers.
    Fields(Vec<String>),
    /// Behind the plus sign of an address of the account: `support+447700900001@mail.example`.
    Plus,
}

/// The fields that name recipients when nobody says which.
const FIELDS: [&str; 4] = ["Delivered-To", "X-Original-To", "To", "Cc"];

impl Default for Named {
    fn default() -> Self {
        Self::Fields(FIELDS.map(str::to_owned).to_vec())
    }
}

/// What proves who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// A password.
    Password(Secret),
    /// A program and its arguments, run for every connection, that prints an OAuth token.
    TokenCommand(Vec<String>),
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
        .flat_map(|table| {
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
            let folders = folders(&table);
            let place = place(&table);
            let peer = table.required("peer", "\"internet\"").value;
            each(whole(table, id.value, peer, place), folders)
        })
        .collect()
}

/// `imap` of a `[[peer]]` whose mailboxes are at this place: those that messages come from, with the rights of the peer.
pub(super) fn of_peer(table: &Table<'_, '_>, peer: &str, place: Option<&Place>) -> Vec<Account> {
    let read = |table: Table<'_, '_>| {
        let id = table.text("id").map_or_else(|| peer.to_owned(), |at| at.value);
        let folders = folders(&table);
        each(whole(table, id, peer.to_owned(), place.cloned()), folders)
    };
    table.tables("imap").into_iter().flat_map(read).collect()
}

/// One for each folder of an account; none when it cannot be made.
fn each(account: Option<Account>, folders: Vec<(String, Vec<String>)>) -> Vec<Account> {
    let Some(account) = account else { return Vec::new() };
    if folders.is_empty() {
        return vec![account];
    }
    let of = |(mailbox, to): (String, Vec<String>)| Account {
        mailbox,
        recipients: if to.is_empty() { account.recipients.clone() } else { to },
        ..account.clone()
    };
    folders.into_iter().map(of).collect()
}

/// `[[imap.folder]]`: name, and who gets its messages.
fn folders(table: &Table<'_, '_>) -> Vec<(String, Vec<String>)> {
    let mut names = BTreeSet::new();
    let read = |folder: Table<'_, '_>| {
        let mailbox = folder.required("mailbox", "\"Orders\"");
        let to = super::load::values(folder.parsed_list("to", number));
        if !mailbox.value.is_empty() && !names.insert(mailbox.value.clone()) {
            folder.fault_at(mailbox.at, format!("folder {:?} is there twice", mailbox.value));
        }
        folder.finish();
        (mailbox.value, to)
    };
    table.tables("folder").into_iter().map(read).collect()
}

fn number(text: &str) -> Result<String, String> {
    Number::parse(text).map(|number| number.to_string()).map_err(|fault| format!("{text:?} {fault}"))
}

/// Where recipients are named: `to_by` and `to_fields`.
fn named(table: &Table<'_, '_>) -> Named {
    let fields = table.texts("to_fields");
    match table.token("to_by", &[("header", false), ("plus", true)]) {
        Some(true) => {
            if let Some(field) = fields.first() {
                table.fault_at(field.at, "`to_fields` is for `to_by = \"header\"`");
            }
            Named::Plus
        }
        _ if fields.is_empty() => Named::default(),
        _ => Named::Fields(fields.into_iter().map(|at| at.value).collect()),
    }
}

/// Where an account is, and who we are there.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: PeerTls,
    pub(super) user: String,
    pub(super) login: Login,
    pub(super) auth_in_clear: bool,
    pub(super) compress: bool,
}

/// The place that `[[imap]]` names. `None` when something that it needs is missing, which is told.
fn place(table: &Table<'_, '_>) -> Option<Place> {
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
    let login = login(table);
    let auth_in_clear = in_clear(table, mode);
    Some(Place {
        tls: PeerTls {
            mode,
            ca: table.text("tls_ca").map(|at| PathBuf::from(at.value)),
            name: table.text("tls_name").map(|at| at.value),
            present_certificate: false,
        },
        compress: table.flag("compress").unwrap_or(false),
        login: login?,
        port: port?,
        host,
        user,
        auth_in_clear,
    })
}

/// `auth_in_clear`, without which `tls = "none"` is a fault.
pub(super) fn in_clear(table: &Table<'_, '_>, mode: TlsMode) -> bool {
    let allowed = table.flag("auth_in_clear").unwrap_or(false);
    if mode == TlsMode::None && !allowed {
        table.fault("a mailbox would get our password in clear text; leave `tls` out, or set `auth_in_clear = true` to allow it");
    }
    allowed
}

/// An account at a place, with what the table says of its messages.
fn whole(table: Table<'_, '_>, id: String, peer: String, place: Option<Place>) -> Option<Account> {
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
    let mailbox = table.text("mailbox").map_or_else(|| "INBOX".into(), |at| at.value);
    let refused_to = table.text("refused_to").map(|at| at.value);
    let reopen_ms = table.span_ms("reopen").map_or(300_000, |at| at.value.max(1000));
    let begin_with_all = table.token("begin", &[("new", false), ("all", true)]).unwrap_or(false);
    let named = named(&table);
    let max_connections =
        table.number("max_connections").map(|at| usize::try_from(at.value).unwrap_or(usize::MAX).max(1));
    table.finish();
    let Place { host, port, tls, user, login, auth_in_clear, compress } = place?;
    Some(Account {
        id,
        host,
        port,
        tls,
        user,
        login,
        auth_in_clear,
        compress,
        max_connections,
        peer,
        mailbox,
        recipients,
        named,
        after,
        refused_to,
        reopen_ms,
        begin_with_all,
    })
}

pub(super) fn login(table: &Table<'_, '_>) -> Option<Login> {
    let command = table.texts("token_command").into_iter().map(|at| at.value).collect::<Vec<_>>();
    let given = [
        secret(table, "password").map(Login::Password),
        table.text("token_file").map(|at| Login::TokenFile(PathBuf::from(at.value))),
        (!command.is_empty()).then_some(Login::TokenCommand(command)),
    ];
    let mut given = given.into_iter().flatten();
    let login = given.next();
    if login.is_none() {
        table.fault(
            "a mailbox needs a `password`, for example password = { file = \"/path\" }, a `token_file` or a `token_command`",
        );
    } else if given.next().is_some() {
        table.fault("a mailbox has one of `password`, `token_file` and `token_command`");
    }
    login
}

/// Checks against the other sections.
pub(super) fn check(config: &Config, source: &Source<'_>) {
    let mut watched = BTreeSet::new();
    for account in &config.imap {
        if !watched.insert((&account.id, &account.mailbox)) {
            source
                .fault_of_all(format!("two mailboxes are named {:?}; give one of them an `id`", account.id));
        }
        match config.peer(&account.peer) {
            Some(peer) if matches!(peer.protocol, PeerProtocol::Imap | PeerProtocol::Mail) => {}
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
