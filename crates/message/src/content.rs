//! What a message carries: a flat list of parts with their roles. Mail nests parts, MMS does not;
//! the mappings flatten and rebuild, and keep the original octets where nothing must change.

use alloc::{string::String, vec::Vec};
use bytes::Bytes;

/// How the octets of a body stand on the wire (RFC 2045 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransferEncoding {
    /// `base64`.
    Base64,
    /// `binary`: any octets.
    Binary,
    /// `8bit`: lines of any octets but NUL.
    EightBit,
    /// `quoted-printable`.
    QuotedPrintable,
    /// `7bit`: lines of ASCII.
    SevenBit,
}

/// Octets as received, still in their transfer encoding: a part that passes through is never
/// decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The octets as they stood on the wire.
    pub encoded: Bytes,
    /// Their encoding.
    pub encoding: TransferEncoding,
}

/// Where a client shows a part (RFC 2183).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// As a file.
    Attachment,
    /// In the flow of the message.
    Inline,
}

/// What a part is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartKind {
    /// Another form of a text that is also there (the HTML beside plain text). Only shown by
    /// systems that have alternatives.
    Alternative,
    /// Picture, sound, video, document: everything a person attached.
    Media,
    /// How the others are to be shown: SMIL.
    Presentation,
    /// Octets that must not be touched because a signature or encryption covers them.
    Sealed,
    /// Text that a person wrote.
    Text,
}

/// One part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Role in the message.
    pub kind: PartKind,
    /// `type/subtype` in lower case.
    pub media_type: String,
    /// Charset label as given, for text.
    pub charset: Option<String>,
    /// Other parameters of the content type, names in lower case; without charset, name and boundary.
    pub parameters: Vec<(String, String)>,
    /// File name, decoded; never a path.
    pub name: Option<String>,
    /// Content-ID without angle brackets or quotes.
    pub content_id: Option<String>,
    /// Content-Location as given.
    pub location: Option<String>,
    /// Where it wants to be shown; `None` = not said.
    pub disposition: Option<Disposition>,
    /// The octets.
    pub body: Body,
    /// Whether the transfer encoding was found broken (cut base64, foreign octets).
    pub damaged: bool,
}

/// How the parts stood together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Structure {
    /// `multipart/mixed` or what reads like it.
    Mixed,
    /// `multipart/related`, or a presentation that refers to the others.
    Related,
    /// No multipart at all.
    Single,
}

/// The content as it came, for an interface that can carry it unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// The headers that describe the content (Content-Type, Content-Transfer-Encoding,
    /// MIME-Version ...), each name and unfolded value as received.
    pub headers: Vec<(String, String)>,
    /// Everything after the header block.
    pub octets: Bytes,
}

/// The parts and, where it may pass through, the octets that they were read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// How the parts stood together.
    pub structure: Structure,
    /// In the order of the message.
    pub parts: Vec<Part>,
    /// What they were read from; `None` once a part was changed.
    pub original: Option<Original>,
}

impl Content {
    /// Content without any part.
    #[must_use]
    pub const fn empty() -> Self {
        Self { structure: Structure::Single, parts: Vec::new(), original: None }
    }
}
