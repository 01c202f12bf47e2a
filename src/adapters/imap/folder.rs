//! Names of mailboxes as an account spells them, and what its refusals mean.
//!
//! The delimiter and the prefix are the account's (RFC 2342, RFC 3501 section 6.3.8). An address becomes a part of a name
//! in such a way that two addresses never become the same one and none makes a level.

use cedrat_message::{Blame, Reason, Refusal};
use cedrat_wire_imap::grammar::{Code, Mailbox, Status, Text};

use crate::config::mailbox::{Folder, Piece};

/// How an account spells names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Spelling {
    /// Before every name but INBOX; ends with the delimiter when it is not empty.
    pub(super) prefix: String,
    /// Between levels; `None` when the account has one level only.
    pub(super) delimiter: Option<char>,
}

impl Spelling {
    /// The mailbox of a message.
    pub(super) fn name(&self, folder: &Folder, originator: &str, recipient: &str) -> Mailbox {
        let mut name = String::new();
        let delimiter = self.delimiter.unwrap_or('/');
        for (depth, level) in folder.levels.iter().enumerate() {
            if depth > 0 {
                name.push(delimiter);
            }
            for piece in level {
                match piece {
                    Piece::Originator => quote(&mut name, originator, "=/%*", delimiter),
                    Piece::Recipient => quote(&mut name, recipient, "=/%*", delimiter),
                    Piece::Text(text) => quote(&mut name, text, "", delimiter),
                }
            }
        }
        let root = name.split(delimiter).next().unwrap_or_default();
        if root.eq_ignore_ascii_case("INBOX") {
            return Mailbox::new(&name);
        }
        Mailbox::new(&format!("{}{name}", self.prefix))
    }
}

/// Adds a text with `=` and hexadecimal digits for what would mean something else.
fn quote(name: &mut String, text: &str, special: &str, delimiter: char) {
    for c in text.chars() {
        if c.is_control() || c == delimiter || special.contains(c) {
            name.push_str(&format!("={:02X}", u32::from(c)));
        } else {
            name.push(c);
        }
    }
}

/// Whether the mailbox is not there.
pub(super) fn is_missing(text: &Text) -> bool {
    matches!(text.code, Some(Code::TryCreate | Code::NonExistent))
}

/// What a NO or BAD means for a message.
pub(super) fn refusal(what: &str, status: Status, text: &Text) -> Refusal {
    let reason = match &text.code {
        Some(Code::OverQuota) => Reason::StorageFull,
        Some(Code::TooBig) => Reason::MessageTooLarge,
        Some(Code::NoPerm) => Reason::NotPermitted,
        Some(Code::Cannot) => Reason::Rejected,
        Some(Code::UnknownCte) => Reason::ContentNotAccepted,
        Some(Code::Unavailable | Code::InUse | Code::Limit) => Reason::CongestedThere,
        _ => Reason::TryLater,
    };
    let code = text.code.as_ref().map_or_else(String::new, |code| format!(" [{code:?}]"));
    Refusal::new(reason, Blame::NextHop, format!("{what}: {status:?}{code} {}", text.text))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use cedrat_message::{Permanence, Reason};
    use cedrat_wire_imap::grammar::{Code, Status, Text};

    use super::{Spelling, is_missing, refusal};
    use crate::config::mailbox::Folder;

    fn name(prefix: &str, delimiter: char, folder: &str, recipient: &str) -> String {
        let spelling = Spelling { prefix: prefix.into(), delimiter: Some(delimiter) };
        let folder = Folder::parse(folder).unwrap();
        spelling.name(&folder, "+15550120001", recipient).name().to_owned()
    }

    #[test]
    fn levels_are_parted_as_the_account_does_it() {
        assert_eq!(name("", '/', "MMS/{recipient}", "+447700900001"), "MMS/+447700900001");
        assert_eq!(name("INBOX.", '.', "MMS/{originator}", ""), "INBOX.MMS.+15550120001");
        assert_eq!(name("INBOX.", '.', "Inbox", ""), "INBOX");
        assert_eq!(name("INBOX.", '.', "INBOX/MMS", ""), "INBOX.MMS");
    }

    #[test]
    fn an_address_makes_no_level_and_two_are_never_one() {
        assert_eq!(name("", '.', "{recipient}", "a.b@x.test"), "a=2Eb@x=2Etest");
        assert_eq!(name("", '.', "{recipient}", "a=2Eb@x.test"), "a=3D2Eb@x=2Etest");
        assert_eq!(name("", '/', "{recipient}", "../%*\r\n"), "..=2F=25=2A=0D=0A");
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_may_not_is_over() {
        let reason = |code| {
            let text = Text { code: Some(code), text: String::new() };
            refusal("APPEND", Status::No, &text).reason
        };
        assert_eq!(reason(Code::OverQuota), Reason::StorageFull);
        assert_eq!(reason(Code::NoPerm), Reason::NotPermitted);
        assert_eq!(reason(Code::TooBig), Reason::MessageTooLarge);
        assert_eq!(reason(Code::Unavailable).permanence(), Permanence::Transient);
        assert_eq!(reason(Code::ServerBug).permanence(), Permanence::Transient);
        assert!(is_missing(&Text { code: Some(Code::TryCreate), text: String::new() }));
    }
}
