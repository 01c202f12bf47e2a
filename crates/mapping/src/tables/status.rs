//! Status tables: reasons and outcomes in the codes and words of SMTP, MM4, DSN and MDN.
//!
//! Every lookup is total: what a table does not list falls to the named fallback of its class. The
//! class of a reason is kept: a temporary one is only ever written as a temporary code, and a code
//! reads to a reason of its own class. Generates no reports.

mod read;

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use cedrat_message::{DeliveryStatus, Permanence, ReadStatus, Reason};
use cedrat_wire_mms::quirks::Quirks;

use super::Tables;
use crate::words::Word;

pub(super) use read::Draft;

/// Class, subject and detail of RFC 3463.
pub type Enhanced = (u8, u8, u8);

/// A reason of either class; fallbacks and subject-detail pairs have both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByClass {
    transient: Reason,
    permanent: Reason,
}

impl ByClass {
    const fn of(self, permanence: Permanence) -> Reason {
        match permanence {
            Permanence::Permanent => self.permanent,
            Permanence::Transient => self.transient,
        }
    }
}

/// How a delivery status is said elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeliveryRow {
    mm4: String,
    extension: Option<String>,
    aliases: Vec<String>,
    action: String,
    enhanced: Enhanced,
}

/// How a read status is said elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReadRow {
    mm4: String,
    aliases: Vec<String>,
    disposition: String,
}

/// The compiled tables of `status/`.
#[derive(Debug, Clone)]
pub(crate) struct StatusTables {
    smtp: BTreeMap<Reason, (u16, Enhanced)>,
    /// Subject and detail; no detail = every other one of the subject.
    smtp_status: BTreeMap<(u8, Option<u8>), ByClass>,
    smtp_codes: BTreeMap<u16, Reason>,
    smtp_fallback: ByClass,
    request: BTreeMap<Reason, String>,
    request_accepted: Vec<String>,
    request_tokens: BTreeMap<String, Reason>,
    request_fallback: ByClass,
    delivery: BTreeMap<&'static str, DeliveryRow>,
    delivery_actions: BTreeMap<String, DeliveryStatus>,
    read: BTreeMap<&'static str, ReadRow>,
    read_dispositions: BTreeMap<String, (ReadStatus, bool)>,
}

impl Tables {
    /// Reply code and enhanced status code of a reason.
    #[must_use]
    pub fn smtp(&self, reason: Reason) -> (u16, Enhanced) {
        self.status.smtp.get(&reason).copied().unwrap_or(match reason.permanence() {
            Permanence::Permanent => (554, (5, 0, 0)),
            Permanence::Transient => (451, (4, 0, 0)),
        })
    }

    /// The reason that a reply means. The reply code decides the class; with a code that is neither
    /// 4xx nor 5xx (a DSN has none) the enhanced code does, and what has no class is temporary.
    #[must_use]
    pub fn reason_of_smtp(&self, code: u16, enhanced: Option<Enhanced>) -> Reason {
        let table = &self.status;
        let permanence = match (code / 100, enhanced) {
            (5, _) | (0..=3 | 6.., Some((5, _, _))) => Permanence::Permanent,
            _ => Permanence::Transient,
        };
        let by_status = enhanced.and_then(|(_, subject, detail)| {
            table
                .smtp_status
                .get(&(subject, Some(detail)))
                .or_else(|| table.smtp_status.get(&(subject, None)))
        });
        match by_status {
            Some(pair) => pair.of(permanence),
            None => table.smtp_codes.get(&code).copied().unwrap_or(table.smtp_fallback.of(permanence)),
        }
    }

    /// The X-Mms-Request-Status-Code of a refusal.
    #[must_use]
    pub fn request_status(&self, reason: Reason) -> &str {
        self.status.request.get(&reason).map_or("Error-unspecified", String::as_str)
    }

    /// The X-Mms-Request-Status-Code of acceptance.
    #[must_use]
    pub fn request_accepted(&self) -> &str {
        self.status.request_accepted.first().map_or("Ok", String::as_str)
    }

    /// What an X-Mms-Request-Status-Code says: accepted, or refused with a reason. The peer's
    /// `status_map` is asked first; a token that nothing lists is a refusal, temporary when it says
    /// so (`Error-transient-...`).
    ///
    /// # Errors
    /// The reason of the refusal.
    pub fn result_of_request_status(&self, token: &str, quirks: &Quirks) -> Result<(), Reason> {
        let token = token.trim();
        if let Some(word) = mapped(quirks, token) {
            if word == "accepted" {
                return Ok(());
            }
            if let Some(reason) = Reason::read(word) {
                return Err(reason);
            }
        }
        if self.status.request_accepted.iter().any(|accepted| accepted.eq_ignore_ascii_case(token)) {
            return Ok(());
        }
        Err(self.reason_of_request_status(token))
    }

    /// The reason of an X-Mms-Request-Status-Code that is not acceptance.
    #[must_use]
    pub fn reason_of_request_status(&self, token: &str) -> Reason {
        let token = token.trim().to_ascii_lowercase();
        let temporary = token.contains("transient");
        let permanence = if temporary { Permanence::Transient } else { Permanence::Permanent };
        let fallback = self.status.request_fallback.of(permanence);
        self.status.request_tokens.get(&token).copied().unwrap_or(fallback)
    }

    /// The X-Mms-MM-Status-Code of a delivery status, with its X-Mms-MM-Status-Extension where the code
    /// alone says something else.
    #[must_use]
    pub fn mm_status(&self, status: DeliveryStatus) -> (&str, Option<&str>) {
        let row = status.word().and_then(|word| self.status.delivery.get(word));
        row.map_or(("Indeterminate", None), |row| (row.mm4.as_str(), row.extension.as_deref()))
    }

    /// The delivery status of an X-Mms-MM-Status-Code and its extension; the peer's `status_map` is
    /// asked first. `None` for a token that nothing lists.
    #[must_use]
    pub fn delivery_of_mm_status(
        &self,
        token: &str,
        extension: Option<&str>,
        quirks: &Quirks,
    ) -> Option<DeliveryStatus> {
        let token = token.trim();
        if let Some(status) = mapped(quirks, token).and_then(DeliveryStatus::of_word) {
            return Some(status);
        }
        let rows = || self.status.delivery.iter().filter(|(_, row)| names(&row.mm4, &row.aliases, token));
        let same_extension = |row: &DeliveryRow| match (&row.extension, extension) {
            (Some(own), Some(given)) => own.eq_ignore_ascii_case(given.trim()),
            _ => false,
        };
        let alias = |row: &DeliveryRow| row.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(token));
        let row = rows()
            .find(|(_, row)| same_extension(row) || alias(row))
            .or_else(|| rows().find(|(_, row)| row.extension.is_none()));
        row.and_then(|(word, _)| DeliveryStatus::of_word(word))
    }

    /// Action and Status fields (RFC 3464) of a delivery status without a stated reason.
    #[must_use]
    pub fn dsn(&self, status: DeliveryStatus) -> (&str, Enhanced) {
        let row = status.word().and_then(|word| self.status.delivery.get(word));
        row.map_or(("relayed", (2, 0, 0)), |row| (row.action.as_str(), row.enhanced))
    }

    /// The delivery status of an Action field; `None` for an action that RFC 3464 does not define.
    #[must_use]
    pub fn delivery_of_dsn(&self, action: &str) -> Option<DeliveryStatus> {
        self.status.delivery_actions.get(&action.trim().to_ascii_lowercase()).copied()
    }

    /// The X-Mms-Read-Status of a read status.
    #[must_use]
    pub fn read_status(&self, status: ReadStatus) -> &str {
        status.word().and_then(|word| self.status.read.get(word)).map_or("Read", |row| row.mm4.as_str())
    }

    /// The read status of an X-Mms-Read-Status; `None` for a token that nothing lists.
    #[must_use]
    pub fn read_of_mm4(&self, token: &str) -> Option<ReadStatus> {
        let row = self.status.read.iter().find(|(_, row)| names(&row.mm4, &row.aliases, token.trim()));
        row.and_then(|(word, _)| ReadStatus::of_word(word))
    }

    /// The disposition type (RFC 8098 §3.2.6) of a read status.
    #[must_use]
    pub fn disposition(&self, status: ReadStatus) -> &str {
        let row = status.word().and_then(|word| self.status.read.get(word));
        row.map_or("displayed", |row| row.disposition.as_str())
    }

    /// The read status of a disposition type; `automatic` when the action mode is
    /// `automatic-action`. `None` when it says nothing about reading.
    #[must_use]
    pub fn read_of_mdn(&self, disposition: &str, automatic: bool) -> Option<ReadStatus> {
        let (status, only_automatic) =
            self.status.read_dispositions.get(&disposition.trim().to_ascii_lowercase()).copied()?;
        (automatic || !only_automatic).then_some(status)
    }
}

/// The peer's own meaning of a token.
fn mapped<'q>(quirks: &'q Quirks, token: &str) -> Option<&'q str> {
    let own = quirks.status_map.iter().find(|(name, _)| name.eq_ignore_ascii_case(token));
    own.map(|(_, word)| word.as_str())
}

fn names(written: &str, aliases: &[String], token: &str) -> bool {
    written.eq_ignore_ascii_case(token) || aliases.iter().any(|alias| alias.eq_ignore_ascii_case(token))
}
