//! A whole message made safe for a next hop without 8BITMIME and BINARYMIME (RFC 6152 §3, RFC 2045 §6).
//!
//! Bodies that cannot cross are encoded again; headers, delimiters and bodies that can are copied octet for
//! octet. LF alone counts as a line end in text and between parts, where the session writes CRLF anyway.
//! `multipart/signed` is opaque in transit (RFC 1847 §2.1): it is copied when it can cross and refused when
//! it cannot, never broken. Nothing recurses and every octet is looked at a bounded number of times.
//!
//! Not here: signatures over the whole message. A DKIM signature made before covers other octets; whoever
//! signs must sign again (RFC 6376 §5.3). Encoded words in address headers are not made either.

mod header;

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::header::Header;
use crate::{Encoding, Error, Limits, Node, transfer, walk_into_messages};

/// Octets of a line without its line end (RFC 5322 §2.1.1).
const LINE: usize = 998;

/// Characters of a boundary that is trusted to be kept. RFC 2046 allows 70.
const BOUNDARY: usize = 200;

/// Why a message cannot be converted; nothing was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// A boundary that could not be kept: not printable ASCII, or longer than 200 characters.
    Boundary,
    /// It passes a limit.
    Limit(Error),
    /// A signed part would have to change.
    Signed,
    /// A multipart in which no part was found would have to change, and no multipart may be encoded as a
    /// whole (RFC 2045 §6.4).
    Undivided,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boundary => f.write_str("a boundary is not printable ASCII of at most 200 characters"),
            Self::Limit(error) => error.fmt(f),
            Self::Signed => f.write_str("a signed part cannot be converted without breaking its signature"),
            Self::Undivided => f.write_str("a multipart without parts cannot be converted"),
        }
    }
}

impl core::error::Error for Refused {}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Limit(error)
    }
}

/// The message in ASCII without NUL and bare CR, in lines of at most 998 octets, its parts with the same
/// content as before. Converting twice changes nothing more.
///
/// Text becomes quoted-printable (line ends CRLF), everything else base64. Header text that is not ASCII is
/// kept in Subject, Comments and Content-Description (as encoded words) and in the parameters of Content-Type
/// and Content-Disposition (RFC 2231); elsewhere only the ASCII part of it stays. Preambles and epilogues,
/// which nobody reads, lose the lines that cannot cross.
///
/// # Errors
/// When a limit is passed, or what must stay as it is cannot cross.
pub fn seven_bit(content: &Bytes, limits: &Limits) -> Result<Vec<u8>, Refused> {
    let message = walk_into_messages(content, limits)?;
    let mut out = Vec::with_capacity(content.len() + content.len() / 8);
    // Of each entity: whether it is within one that is opaque, and whether it is a message.
    let mut seen: Vec<(bool, bool)> = Vec::new();
    let mut at = 0;
    for (_, node) in message.nodes() {
        let (opaque, is_message) =
            node.parent.and_then(|parent| seen.get(parent).copied()).unwrap_or((false, true));
        let signed = node.content_type.essence == "multipart/signed";
        seen.push((opaque || signed, node.content_type.is_message()));
        if opaque {
            continue;
        }
        keep_boundary(node)?;
        copy_between(content.get(at..node.start).unwrap_or_default(), &mut out);
        at = node.start + node.octets.len() - node.body.len();
        let new = if signed {
            copied(node, Refused::Signed)?
        } else if !node.children.is_empty() {
            header::write(node, None, is_message, limits.parameters, &mut out);
            continue;
        } else if node.content_type.is_multipart() {
            copied(node, Refused::Undivided)?
        } else {
            encode(node)
        };
        let encoding = new.as_ref().map(|new| new.encoding);
        header::write(node, encoding, is_message, limits.parameters, &mut out);
        at += node.body.len();
        match new {
            None => out.extend_from_slice(&node.body),
            Some(new) => {
                out.extend_from_slice(&new.octets);
                // The last line of all is ended; elsewhere the line end belongs to the delimiter.
                if new.encoding == Encoding::Base64 && at == content.len() {
                    out.extend_from_slice(b"\r\n");
                }
            }
        }
    }
    copy_between(content.get(at..).unwrap_or_default(), &mut out);
    Ok(out)
}

/// A body in another encoding than it had.
struct Encoded {
    encoding: Encoding,
    octets: Vec<u8>,
}

/// Nothing when the body can cross as it is.
fn encode(node: &Node) -> Option<Encoded> {
    let text = is_text(node);
    if can_cross(&node.body, text || !node.encoding.is_identity()) {
        return None;
    }
    let content = node.decoded().octets;
    let mut octets = Vec::new();
    // Quoted-printable makes every line end CRLF, which only lines survive.
    let encoding = if text && memchr::memchr(0, &content).is_none() && !has_bare_cr(&content) {
        transfer::encode_quoted_printable(&content, &mut octets);
        Encoding::QuotedPrintable
    } else {
        transfer::encode_base64(&content, &mut octets);
        Encoding::Base64
    };
    Some(Encoded { encoding, octets })
}

/// A body that is copied or refused.
fn copied(node: &Node, refused: Refused) -> Result<Option<Encoded>, Refused> {
    if can_cross(&node.body, true) { Ok(None) } else { Err(refused) }
}

/// Delimiters are copied, so the header must be able to say the same.
fn keep_boundary(node: &Node) -> Result<(), Refused> {
    if !node.content_type.is_multipart() {
        return Ok(());
    }
    let boundary = node.content_type.parameter("boundary").unwrap_or_default();
    let kept = boundary.len() <= BOUNDARY && boundary.bytes().all(|octet| matches!(octet, b' '..=b'~'));
    if kept { Ok(()) } else { Err(Refused::Boundary) }
}

/// Whether the content is made of lines: text in a charset that has ASCII line ends, and reports of the
/// `message` type.
fn is_text(node: &Node) -> bool {
    const WIDE: [&str; 5] = ["utf-16", "utf-32", "utf16", "ucs-", "iso-10646-ucs"];
    let kind = &node.content_type;
    let charset = kind.parameter("charset").unwrap_or_default().to_ascii_lowercase();
    let wide = WIDE.iter().any(|name| charset.starts_with(name));
    !wide && (kind.essence.starts_with("text/") || kind.essence.starts_with("message/"))
}

/// Whether octets are ASCII lines of a length that every relay takes.
pub fn can_cross(octets: &[u8], lf_ends_line: bool) -> bool {
    octets.is_ascii()
        && memchr::memchr(0, octets).is_none()
        && !has_bare_cr(octets)
        && octets.split(|octet| *octet == b'\n').all(|line| line.len() <= LINE || is_line(line))
        && (lf_ends_line || !has_bare_lf(octets))
}

/// With the CR of its end it may be one longer.
fn is_line(line: &[u8]) -> bool {
    line.strip_suffix(b"\r").is_some_and(|line| line.len() <= LINE)
}

fn has_bare_cr(octets: &[u8]) -> bool {
    memchr::memchr_iter(b'\r', octets).any(|at| octets.get(at + 1) != Some(&b'\n'))
}

fn has_bare_lf(octets: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', octets)
        .any(|at| at.checked_sub(1).and_then(|at| octets.get(at)) != Some(&b'\r'))
}

/// Delimiters with the preambles and epilogues around them. Of a line that cannot cross only a delimiter is
/// kept, without the white space behind it.
fn copy_between(octets: &[u8], out: &mut Vec<u8>) {
    if can_cross(octets, true) {
        out.extend_from_slice(octets);
        return;
    }
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        if can_cross(line, true) {
            out.extend_from_slice(line);
            continue;
        }
        let text = line.trim_ascii_end();
        if text.starts_with(b"--") && can_cross(text, true) {
            out.extend_from_slice(text);
        }
        out.extend_from_slice(b"\r\n");
    }
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
