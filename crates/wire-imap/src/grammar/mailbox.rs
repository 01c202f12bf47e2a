//! Mailbox names (RFC 9051 section 5.1): what people read, and what goes over the wire.

use super::{Malformed, Reader, reader::lossy, utf7};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};

/// How names are spelled on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Names {
    /// Modified UTF-7: IMAP4rev1 without UTF8=ACCEPT.
    #[default]
    Utf7,
    /// UTF-8: after ENABLE UTF8=ACCEPT or IMAP4rev2.
    Utf8,
}

/// The name of a mailbox. INBOX is written in capitals whatever way a server writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mailbox {
    name: String,
    /// The octets of a server that follow no spelling rule; they go back as they came.
    octets: Option<Vec<u8>>,
}

impl Mailbox {
    /// A mailbox by its name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let name = if name.eq_ignore_ascii_case("INBOX") { "INBOX" } else { name };
        Self { name: name.to_string(), octets: None }
    }

    /// The mailbox that everybody has.
    #[must_use]
    pub fn inbox() -> Self {
        Self::new("INBOX")
    }

    /// The name in Unicode. For octets that follow no rule it is the nearest text, good for a log only.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads a name as a server spells it.
    #[must_use]
    pub fn from_wire(octets: &[u8], names: Names) -> Self {
        let name = match names {
            // Only a canonical spelling comes back the same.
            Names::Utf7 => utf7::decode(octets).filter(|name| utf7::encode(name).as_bytes() == octets),
            Names::Utf8 => core::str::from_utf8(octets).ok().map(ToString::to_string),
        };
        match name {
            Some(name) => Self::new(&name),
            None => Self { name: lossy(octets), octets: Some(octets.to_vec()) },
        }
    }

    /// The octets for the wire.
    #[must_use]
    pub fn to_wire(&self, names: Names) -> Vec<u8> {
        match (&self.octets, names) {
            (Some(octets), _) => octets.clone(),
            (None, Names::Utf7) => utf7::encode(&self.name).into_bytes(),
            (None, Names::Utf8) => self.name.clone().into_bytes(),
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>, names: Names) -> Result<Self, Malformed> {
        let error = reader.wanted("shorter mailbox name");
        let octets = reader.astring()?;
        if octets.len() > reader.max_name { Err(error) } else { Ok(Self::from_wire(&octets, names)) }
    }
}
