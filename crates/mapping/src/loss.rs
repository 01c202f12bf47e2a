//! The loss report: what a translation changed, invented, or left behind.
//!
//! Plain values with a stable JSON form (`serde`); it neither judges nor acts. Whether a field counts
//! at all is the mapping's decision: only a message that has the field can lose it.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use cedrat_message::Field;
use serde::{Serialize, Serializer};

use crate::tables::Row;

/// One side of a translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Interface {
    /// The canonical message.
    Canonical,
    /// Internet mail (MM3).
    Mail,
    /// MMS interconnect.
    Mm4,
}

impl Interface {
    /// The interfaces that have tables.
    pub const WIRES: &'static [Self] = &[Self::Mail, Self::Mm4];

    /// Its name in tables and reports.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Canonical => "canonical",
            Self::Mail => "mail",
            Self::Mm4 => "mm4",
        }
    }

    /// The interface of that name, of those that have tables.
    #[must_use]
    pub fn read(token: &str) -> Option<Self> {
        Self::WIRES.iter().copied().find(|wire| wire.token() == token)
    }
}

/// How faithfully a field crosses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fidelity {
    /// Nothing is lost: reading back what was written gives the same value.
    Exact,
    /// It arrives, but not everything that it said.
    Lossy,
    /// It is made here, from other fields or from the configuration.
    Synthesized,
    /// It cannot be carried and is left behind.
    Dropped,
    /// A message that has it is refused.
    Refused,
}

impl Fidelity {
    /// From best to worst.
    pub const ALL: &'static [Self] =
        &[Self::Exact, Self::Lossy, Self::Synthesized, Self::Dropped, Self::Refused];

    /// Its name in tables and reports.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Lossy => "lossy",
            Self::Synthesized => "synthesized",
            Self::Dropped => "dropped",
            Self::Refused => "refused",
        }
    }

    /// The fidelity of that name.
    #[must_use]
    pub fn read(token: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fidelity| fidelity.token() == token)
    }
}

/// One thing that did not cross unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LossEntry {
    /// The field, by its token.
    #[serde(serialize_with = "field_token")]
    pub field: Field,
    /// What happened to it.
    pub fidelity: Fidelity,
    /// Why, one sentence: the note of the table row, or the mapping's own.
    pub note: String,
    /// What was lost or put in, where it helps a person; may hold a subscriber number.
    pub value: Option<String>,
}

fn field_token<S: Serializer>(field: &Field, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(field.token())
}

/// The loss report of one translation or one half of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// Read from.
    pub from: Interface,
    /// Written to.
    pub to: Interface,
    /// In the order in which it happened.
    pub entries: Vec<LossEntry>,
}

impl Loss {
    /// The report of reading a PDU of `from`.
    #[must_use]
    pub const fn inbound(from: Interface) -> Self {
        Self { from, to: Interface::Canonical, entries: Vec::new() }
    }

    /// The report of writing a PDU of `to`.
    #[must_use]
    pub const fn outbound(to: Interface) -> Self {
        Self { from: Interface::Canonical, to, entries: Vec::new() }
    }

    /// Notes that the message has the row's field; nothing when the row carries it exactly in the
    /// direction of this report.
    pub fn note(&mut self, row: &Row) {
        self.note_value(row, None);
    }

    /// As [`Loss::note`], with the value concerned.
    pub fn note_value(&mut self, row: &Row, value: Option<String>) {
        let way = if self.to == Interface::Canonical { &row.inbound } else { &row.outbound };
        if way.fidelity != Fidelity::Exact {
            let note = way.note.clone().unwrap_or_default();
            self.entries.push(LossEntry { field: row.field, fidelity: way.fidelity, note, value });
        }
    }

    /// Notes what no row can know: a value that could not be read, a clamp, a changed part.
    pub fn push(&mut self, field: Field, fidelity: Fidelity, note: &str, value: Option<String>) {
        self.entries.push(LossEntry { field, fidelity, note: note.to_owned(), value });
    }

    /// The whole translation: this half, then the other.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.to = next.to;
        self.entries.extend(next.entries);
        self
    }
}
