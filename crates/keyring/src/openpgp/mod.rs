//! OpenPGP messages (RFC 9580), as far as anybody can read them without a key: the session keys that are
//! encrypted for recipients (PKESK, §5.1), how the content is protected (SEIPD, §5.13), the armor (§6) and
//! the mail around it (RFC 3156 §4).
//!
//! What has no integrity is refused here and not later: a Symmetrically Encrypted Data packet (§5.7) is no
//! message. Nothing is decrypted, no key is involved, and packets within the encrypted data are not read;
//! private keys, certificates and ciphers of OpenPGP are not in this crate.

mod armor;
mod mail;
mod packet;
mod protection;
mod survey;
#[cfg(test)]
mod tests;

use core::fmt;

pub use armor::Armor;
pub use mail::{Decoder, encrypted, head, structure, tail};
pub use packet::{Pkesk, PublicKeyAlgorithm, Recipient, Version};
pub use protection::{Cipher, Mode, Protection};
pub use survey::{Structure, Summary, Survey};

/// The largest part of a message that is kept in memory or read before its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the lines between the beginning of armor and its empty line. Default 4096: writers have at
    /// most a version and a comment.
    pub armor_octets: usize,
    /// Octets of one packet that is kept. Default 16 KiB: a session key encrypted with RSA of 16,384 bits
    /// or with ML-KEM-1024 and X448 takes 2,100.
    pub packet_octets: u64,
    /// Octets of all packets before the content, those that are skipped included. Default 2 MiB.
    pub header_octets: u64,
    /// Session keys. Default 500, as many as a CMS message may have recipients.
    pub recipients: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { armor_octets: 4096, packet_octets: 16 << 10, header_octets: 2 << 20, recipients: 500 }
    }
}

/// Why octets are no message that could be decrypted, and where that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    /// Octets before it, armor not counted; in armor of the text.
    pub at: u64,
    /// What it is.
    pub kind: Kind,
}

/// Why octets are no message that could be decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The octets end within a packet or the armor.
    Ended,
    /// Something else stands where this was expected.
    Expected(&'static str),
    /// The content can be changed by anybody without a trace (§5.7).
    NoIntegrity,
    /// More octets than the limits allow, or more packets.
    TooLarge,
    /// Known, and not supported.
    Unsupported(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Ended => f.write_str("the OpenPGP message ends too early")?,
            Kind::Expected(what) => write!(f, "{what} was expected in the OpenPGP message")?,
            Kind::NoIntegrity => f.write_str("the OpenPGP message has no protection against changes")?,
            Kind::TooLarge => f.write_str("the OpenPGP message has too much before its content")?,
            Kind::Unsupported(what) => write!(f, "{what} is not supported")?,
        }
        write!(f, " (octet {})", self.at)
    }
}

impl core::error::Error for Error {}
