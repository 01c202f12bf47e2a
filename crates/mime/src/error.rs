//! The one failure of this crate: a limit was passed. Malformed input is never an error, only damage
//! noted on the part that has it.

use core::fmt;

/// A limit of [`crate::Limits`] was passed; nothing was decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    /// Offset in the input, in octets, where the limit was noticed.
    pub at: usize,
    /// Which limit.
    pub kind: Kind,
}

/// Which limit was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// More octets of headers than [`crate::Limits::header_octets`].
    HeadersTooLarge,
    /// A header line longer than [`crate::Limits::line_octets`].
    LineTooLong,
    /// Parts nested deeper than [`crate::Limits::depth`].
    TooDeep,
    /// More headers than [`crate::Limits::headers`] in one block or [`crate::Limits::headers_in_all`].
    TooManyHeaders,
    /// More parts than [`crate::Limits::parts`].
    TooManyParts,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Kind::HeadersTooLarge => "the header blocks are too large",
            Kind::LineTooLong => "a header line is too long",
            Kind::TooDeep => "parts are nested too deeply",
            Kind::TooManyHeaders => "there are too many headers",
            Kind::TooManyParts => "there are too many parts",
        };
        write!(f, "{what} (octet {})", self.at)
    }
}

impl core::error::Error for Error {}
