//! Transaction and message IDs (TS 23.140 §8.4.4.1): opaque, and quoted by some peers.
//!
//! Two IDs are the same when they are equal without their surrounding quotes; a response echoes the
//! octets received. An ID is a peer's text: never a key, a path or a file name.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use crate::quirks::IdQuotes;

/// A transaction or message ID, spelt as received.
///
/// No `PartialEq` of its own would be right for both uses, so equality here is of the octets;
/// [`Id::same_as`] compares what they name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(String);

impl Id {
    /// Takes an ID as it stands in the header, without white space around it.
    pub fn new(received: impl Into<String>) -> Self {
        Self(received.into())
    }

    /// As received, quotes included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without surrounding double quotes, blanks inside them, or angle brackets around the whole.
    #[must_use]
    pub fn unquoted(&self) -> &str {
        let bare = enclosed(self.0.trim(), '"', '"').trim();
        enclosed(bare, '<', '>')
    }

    /// Whether both name the same transaction or message. Case matters: IDs are opaque.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.unquoted() == other.unquoted()
    }

    /// As the peer with this quirk wants to read it.
    #[must_use]
    pub fn written(&self, quotes: IdQuotes) -> Cow<'_, str> {
        match quotes {
            IdQuotes::Echo => Cow::Borrowed(&self.0),
            IdQuotes::Strip => Cow::Borrowed(enclosed(self.0.trim(), '"', '"')),
            IdQuotes::Add => Cow::Owned(format!("\"{}\"", enclosed(self.0.trim(), '"', '"'))),
        }
    }
}

/// `text` without `open` and `close` around it; unchanged unless it has both.
fn enclosed(text: &str, open: char, close: char) -> &str {
    text.strip_prefix(open).and_then(|inner| inner.strip_suffix(close)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_do_not_make_another_id() {
        let quoted = Id::new("\"k4tr@mms.peer.test\"");
        let bare = Id::new("k4tr@mms.peer.test");
        assert!(quoted.same_as(&bare));
        assert!(!quoted.same_as(&Id::new("K4TR@mms.peer.test")));
        assert_ne!(quoted, bare);
    }

    #[test]
    fn each_writer_style_shows() {
        let quoted = Id::new("\"a\"");
        assert_eq!(quoted.written(IdQuotes::Echo), "\"a\"");
        assert_eq!(quoted.written(IdQuotes::Strip), "a");
        assert_eq!(Id::new("a").written(IdQuotes::Add), "\"a\"");
        assert_eq!(quoted.written(IdQuotes::Add), "\"a\"");
    }

    #[test]
    fn a_lone_quote_is_part_of_the_id() {
        assert_eq!(Id::new("\"").unquoted(), "\"");
        assert_eq!(Id::new("\"a").unquoted(), "\"a");
        assert_eq!(Id::new("\"\"").unquoted(), "");
    }
}
