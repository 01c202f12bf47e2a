//! OpenPGP with keys (RFC 9580): certificates of recipients, a message opened with its session key, and one
//! closed for a certificate. Behind the cargo feature `openpgp`; without it no certificate is read here, so
//! that no message is ever offered or opened.
//!
//! Where a message is in a mail and how it is protected is read by `cedrat_keyring::openpgp`. No private key
//! is used here, no signature judged, and nobody's certificate trusted: it is the operator who names it.

#[cfg(feature = "openpgp")]
mod certificate;
#[cfg(feature = "openpgp")]
mod message;
#[cfg(all(test, feature = "openpgp"))]
mod tests;
#[cfg(not(feature = "openpgp"))]
mod without;

use zeroize::Zeroizing;

#[cfg(feature = "openpgp")]
pub use certificate::Certificate;
#[cfg(feature = "openpgp")]
pub(crate) use message::{decrypt, encrypt};
#[cfg(not(feature = "openpgp"))]
pub use without::Certificate;
#[cfg(not(feature = "openpgp"))]
pub(crate) use without::{decrypt, encrypt};

/// What a message held.
pub(crate) struct Decrypted {
    /// The octets of its literal data packet.
    pub(crate) octets: Zeroizing<Vec<u8>>,
    /// Whether signatures stood around it, which were not judged.
    pub(crate) signed: bool,
}

/// Whether the octets of a file look like OpenPGP, with armor or without.
pub fn is_openpgp(octets: &[u8]) -> bool {
    let start = octets.trim_ascii_start();
    // A packet has the first bit set; DER and text have not.
    start.starts_with(b"-----BEGIN PGP ") || octets.first().is_some_and(|first| first & 0x80 != 0)
}
