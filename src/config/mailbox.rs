//! The keys of a `[[peer]]` with `protocol = "imap"`: an account whose mailboxes messages are put into.
//!
//! Its server is the peer's `next_hop`, and TLS is made as towards any peer. What is done with the keys is in
//! `adapters::imap::sink`; mailboxes that messages come from are in [`super::imap`].

use super::{
    NextHop, PeerTls,
    imap::{self, Login, in_clear, login},
    read::Table,
};

/// An account that messages are put into.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// Who we are there.
    pub user: String,
    /// What proves it.
    pub login: Login,
    /// COMPRESS=DEFLATE.
    pub compress: bool,
    /// Which mailbox a message goes to.
    pub folder: Folder,
    /// Milliseconds between two looks whether messages were read; `None` = it is never looked.
    pub read_reports_ms: Option<u64>,
    /// Mailboxes of the account that messages come from.
    pub watched: Vec<imap::Account>,
}

/// A mailbox name with places for what differs from message to message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// The names from the root to the mailbox.
    pub levels: Vec<Vec<Piece>>,
}

/// A piece of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The number or e-mail address of who sends.
    Originator,
    /// The number or e-mail address of who receives.
    Recipient,
    /// This text.
    Text(String),
}

/// The most octets of a template. Servers take names of 255 octets and more, and addresses need some of them.
const MAX_TEMPLATE: usize = 200;

impl Folder {
    /// Reads a template such as `MMS/{recipient}`. `/` is between levels, whatever the account has there.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_TEMPLATE {
            return Err(format!("a mailbox name has at most {MAX_TEMPLATE} octets here"));
        }
        if let Some(wild) = text.chars().find(|c| c.is_control() || "%*".contains(*c)) {
            return Err(format!("a mailbox name cannot hold {wild:?}"));
        }
        let levels = text.split('/').map(level).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { levels })
    }

    /// Whether copies for different recipients go to different mailboxes.
    pub fn is_per_recipient(&self) -> bool {
        self.levels.iter().flatten().any(|piece| *piece == Piece::Recipient)
    }
}

fn level(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((name, after)) = behind.split_once('}') else {
            return Err(format!("{text:?} has a `{{` without a `}}`"));
        };
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        pieces.push(match name {
            "originator" => Piece::Originator,
            "recipient" => Piece::Recipient,
            other => return Err(format!("{{{other}}} is not one of {{recipient}}, {{originator}}")),
        });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    if pieces.is_empty() {
        return Err("a mailbox name has no empty level; for example \"MMS/{recipient}\"".into());
    }
    Ok(pieces)
}

/// Reads the keys of a mailbox from its peer. `None` when something that it needs is missing, which is told.
pub(super) fn read(
    table: &Table<'_, '_>,
    peer: &str,
    next_hop: Option<&NextHop>,
    tls: &PeerTls,
) -> Option<Mailbox> {
    let user = table.required("user", "\"mms@mail.example\"").value;
    let login = login(table);
    let folder = table.parsed("folder", Folder::parse).map(|at| at.value);
    let folder = folder.or_else(|| Folder::parse("INBOX").ok());
    let every = table.span_ms("read_reports");
    if let Some(at) = every.as_ref().filter(|at| at.value != 0 && at.value < 1_000) {
        table.fault_at(
            at.at,
            "`read_reports` is the time between two looks, \"1 s\" or more, or \"0 s\" for never",
        );
    }
    let auth_in_clear = in_clear(table, tls.mode);
    let compress = table.flag("compress").unwrap_or(false);
    let place = match (next_hop, &login) {
        (Some(NextHop::Host(host, port)), Some(login)) => Some(imap::Place {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: *port,
            tls: tls.clone(),
            user: user.clone(),
            login: login.clone(),
            auth_in_clear,
            compress,
        }),
        _ => None,
    };
    Some(Mailbox {
        watched: imap::of_peer(table, peer, place.as_ref()),
        user,
        compress,
        folder: folder?,
        read_reports_ms: Some(every.map_or(60_000, |at| at.value)).filter(|every| *every > 0),
        login: login?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Folder, Piece};

    #[test]
    fn a_template_is_levels_of_text_and_places() {
        let folder = Folder::parse("MMS/from {originator}/{recipient}").unwrap();
        assert_eq!(
            folder.levels,
            [
                vec![Piece::Text("MMS".into())],
                vec![Piece::Text("from ".into()), Piece::Originator],
                vec![Piece::Recipient],
            ]
        );
        assert!(folder.is_per_recipient());
        assert!(!Folder::parse("INBOX").unwrap().is_per_recipient());
    }

    #[test]
    fn what_is_no_mailbox_name_is_said() {
        for wrong in ["", "MMS/", "/MMS", "a//b", "{who}", "{recipient", "100%", "a\nb"] {
            assert!(Folder::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Folder::parse(&"x".repeat(201)).is_err());
    }
}
