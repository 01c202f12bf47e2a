//! What a server offers (RFC 9051 section 7.2.2).

use super::{Malformed, Reader, reader::lossy};
use alloc::{collections::BTreeSet, string::String};

/// Capability names in capitals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities(BTreeSet<String>);

impl Capabilities {
    /// Whether `name` is offered, which is given in capitals.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Whether AUTHENTICATE takes that mechanism.
    #[must_use]
    pub fn auth(&self, mechanism: &str) -> bool {
        self.0.iter().any(|name| name.strip_prefix("AUTH=") == Some(mechanism))
    }

    /// The greatest message that any mailbox takes (RFC 7889), when that is said here.
    #[must_use]
    pub fn append_limit(&self) -> Option<u64> {
        self.0.iter().find_map(|name| name.strip_prefix("APPENDLIMIT=")?.parse().ok())
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Reads the names up to the end or a bracket.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut names = BTreeSet::new();
        loop {
            reader.spaces();
            if reader.is_at_end() || reader.peek() == Some(b']') {
                return Ok(Self(names));
            }
            names.insert(lossy(reader.code_word()?).to_ascii_uppercase());
        }
    }
}

/// Names in any case.
impl<'a> FromIterator<&'a str> for Capabilities {
    fn from_iter<T: IntoIterator<Item = &'a str>>(names: T) -> Self {
        Self(names.into_iter().map(str::to_ascii_uppercase).collect())
    }
}
