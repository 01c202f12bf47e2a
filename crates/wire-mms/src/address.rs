//! MMS addresses (TS 23.140 §8.4.5.1): numbers with `/TYPE=`, mail addresses, bare system names.
//!
//! An MM4 address is often no RFC 5322 mailbox: it lacks a domain, brackets or a type. The readers
//! here take every shape seen between operators and never fail; what fits no shape is kept as text.
//! The envelope reader takes the path of `MAIL FROM` and `RCPT TO`, the list reader `From`, `To`
//! and `Cc`. Number normalisation is not done here.

mod read;
mod write;

use alloc::string::String;

pub use read::{envelope, list, one};

/// One address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MmsAddress {
    /// Number, IP address, mailbox name or system name, unquoted, without type and domain.
    /// The whole text when nothing else could be made of it.
    pub local: String,
    /// What `local` is.
    pub kind: AddressKind,
    /// The part after `@`, as received.
    pub domain: Option<String>,
    /// The display name, unquoted, encoded words left encoded.
    pub display: Option<String>,
}

/// What the local part of an address is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressKind {
    /// `/TYPE=IPv4`
    Ipv4,
    /// `/TYPE=IPv6`
    Ipv6,
    /// A mailbox name with a domain.
    Mail,
    /// `/TYPE=PLMN`
    Plmn,
    /// No type: a number or short code that somebody sent bare, or a name such as `system-user`.
    Unspecified,
    /// Another type, holding its token; or, with an empty token, text that is no address.
    Other(String),
}

/// The path of an SMTP envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Envelope {
    /// An address.
    Address(MmsAddress),
    /// `<>`
    Null,
}

impl MmsAddress {
    /// A number of the telephone network, as `+15550120001` or `7255`.
    pub fn plmn(number: impl Into<String>) -> Self {
        Self { local: number.into(), kind: AddressKind::Plmn, domain: None, display: None }
    }

    /// A mail address.
    pub fn mail(local: impl Into<String>, domain: impl Into<String>) -> Self {
        Self { local: local.into(), kind: AddressKind::Mail, domain: Some(domain.into()), display: None }
    }

    /// The same address at `domain`.
    #[must_use]
    pub fn at(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Whether this is a number: typed so, or untyped and all digits with at most a leading `+`.
    #[must_use]
    pub fn is_number(&self) -> bool {
        match self.kind {
            AddressKind::Plmn => true,
            AddressKind::Unspecified => is_number(&self.local),
            _ => false,
        }
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
mod tests;
