//! Resending: Resent-* blocks of a mail and the previously-sent history of an MMS
//! (RFC 4356 §2.1.3.2 and §2.1.3.3, "Resending"; RFC 5322 §3.6.6).
//!
//! In mail the newest block stands on top and the headers below are the original's; in an MMS the headers
//! are the newest sender's, and the history counts up from the original at 0. Does not decide whether a
//! message was resent too often.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_mime::{Header, Headers};

/// One `Resent-*` block.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) from: Option<String>,
    pub(super) date: Option<String>,
    pub(super) to: Option<String>,
    pub(super) cc: Option<String>,
    pub(super) message_id: Option<String>,
}

/// The blocks of a mail, newest first. A header that the block has already begins the next block.
pub(super) fn blocks(headers: &Headers) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for header in headers {
        let Some(kind) = Kind::of(header) else { continue };
        let taken = blocks.last_mut().is_none_or(|block| kind.slot(block).is_some());
        if taken {
            blocks.push(Block::default());
        }
        if let Some(block) = blocks.last_mut() {
            *kind.slot(block) = Some(header.value().to_string());
        }
    }
    // A block without a sender says nothing that an MMS could carry.
    blocks.retain(|block| block.from.is_some());
    blocks
}

#[derive(Clone, Copy)]
enum Kind {
    Cc,
    Date,
    From,
    MessageId,
    To,
}

impl Kind {
    fn of(header: &Header) -> Option<Self> {
        let kinds = [
            ("Resent-Cc", Self::Cc),
            ("Resent-Date", Self::Date),
            ("Resent-From", Self::From),
            ("Resent-Message-ID", Self::MessageId),
            ("Resent-To", Self::To),
        ];
        kinds.iter().find(|(name, _)| header.is(name)).map(|(_, kind)| *kind)
    }

    fn slot(self, block: &mut Block) -> &mut Option<String> {
        match self {
            Self::Cc => &mut block.cc,
            Self::Date => &mut block.date,
            Self::From => &mut block.from,
            Self::MessageId => &mut block.message_id,
            Self::To => &mut block.to,
        }
    }
}

/// Whether a header belongs to a resent block.
pub(super) fn is_resent(name: &str) -> bool {
    name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("Resent-"))
}

/// The name of a header inside a resent block.
pub(super) fn resent(name: &str) -> String {
    let mut resent = "Resent-".to_owned();
    resent.push_str(name);
    resent
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_header_begins_the_next_block() {
        let headers: Headers = [
            ("Resent-Date", "3"),
            ("Resent-From", "c@x.example"),
            ("Received", "by x"),
            ("Resent-Date", "2"),
            ("Resent-From", "b@x.example"),
            ("Resent-Message-ID", "<2@x>"),
            ("From", "a@x.example"),
        ]
        .into_iter()
        .map(|(name, value)| Header::new(name, value))
        .collect();
        let blocks = blocks(&headers);
        assert_eq!(blocks.len(), 2);
        assert_eq!(blocks[0].from.as_deref(), Some("c@x.example"));
        assert_eq!(blocks[1].message_id.as_deref(), Some("<2@x>"));
        assert_eq!(blocks[0].message_id, None);
    }
}
