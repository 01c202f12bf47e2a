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
    /// COMPRESS=DEFLATE.
    pub compress: bool,
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
            account(table, id.value)
        })
        .collect()
}

/// One for each folder of an account; none when it cannot be made.
fn account(table: Table<'_, '_>, id: String) -> Vec<Account> {
    let folders = folders(&table);
    let Some(account) = whole(table, id) else { return Vec::new() };
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

fn whole(table: Table<'_, '_>, id: String) -> Option<Account> {
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
        reopen_ms: table.span_ms("reopen").map_or(300_000, |at| at.value.max(1000)),
        begin_with_all: table.token("begin", &[("new", false), ("all", true)]).unwrap_or(false),
        named: named(&table),
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
