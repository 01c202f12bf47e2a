//! Bodies of text: read in any charset, written as UTF-8 in the transfer encoding that suits them
//! (RFC 2045, RFC 4356 §2.1.3.2 Content).
//!
//! Not here: the charsets themselves (`cedrat_wire_mail::charset`).

use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use cedrat_message::{Body, TransferEncoding};
use cedrat_mime::{Encoding, transfer};
use cedrat_wire_mail::charset as wire;

/// Octets of one line with its CRLF that any mail system takes (RFC 5322 §2.1.1).
pub(super) const MAX_LINE: usize = 998;

/// The text of a body in its transfer encoding.
pub(super) fn text_of(body: &Body, label: Option<&str>) -> String {
    let decoded = transfer::decode(mime_encoding(body.encoding), &body.encoded);
    wire::text(&decoded.octets, label).0
}

/// Text as a body that every mail system carries: 7bit where it can, else the shorter of
/// quoted-printable and base64. Line ends become CRLF.
pub(super) fn body_of(text: &str) -> Body {
    let text = with_crlf(text);
    let octets = text.as_bytes();
    if octets.is_ascii() && is_plain_lines(octets) {
        return Body { encoded: Bytes::from(text.into_bytes()), encoding: TransferEncoding::SevenBit };
    }
    // Each escaped octet takes three, base64 takes four for three.
    let escaped = octets.iter().filter(|octet| !octet.is_ascii() || **octet == b'=').count();
    let mut encoded = Vec::new();
    if escaped * 6 <= octets.len() {
        transfer::encode_quoted_printable(octets, &mut encoded);
        return Body { encoded: encoded.into(), encoding: TransferEncoding::QuotedPrintable };
    }
    transfer::encode_base64(octets, &mut encoded);
    Body { encoded: encoded.into(), encoding: TransferEncoding::Base64 }
}

/// `text` with CRLF for every line end of any kind, and without control characters that no text needs.
pub(super) fn with_crlf(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                if chars.peek() == Some(&'\n') {
                    chars.next();
                }
                out.push_str("\r\n");
            }
            '\n' => out.push_str("\r\n"),
            '\t' => out.push(c),
            c if c.is_ascii_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Whether `octets` can stand in a mail as they are, 8-bit octets aside: CRLF line ends, no NUL, no line
/// over 998 octets.
pub(super) fn is_plain_lines(octets: &[u8]) -> bool {
    let (mut before, mut column) = (0_u8, 0_usize);
    for &octet in octets {
        match (before, octet) {
            (b'\r', b'\n') => column = 0,
            (b'\r', _) | (_, b'\n' | 0) => return false,
            _ => column += 1,
        }
        // The CR of a line end is counted until its LF comes.
        if column > MAX_LINE + 1 || (column > MAX_LINE && octet != b'\r') {
            return false;
        }
        before = octet;
    }
    before != b'\r'
}

/// The codec's word for a transfer encoding.
pub(super) const fn mime_encoding(encoding: TransferEncoding) -> Encoding {
    match encoding {
        TransferEncoding::Base64 => Encoding::Base64,
        TransferEncoding::Binary => Encoding::Binary,
        TransferEncoding::EightBit => Encoding::EightBit,
        TransferEncoding::QuotedPrintable => Encoding::QuotedPrintable,
        TransferEncoding::SevenBit => Encoding::SevenBit,
    }
}

/// The canonical word for a transfer encoding; a token that is none passes through as binary.
pub(super) const fn canonical_encoding(encoding: Encoding) -> TransferEncoding {
    match encoding {
        Encoding::Base64 => TransferEncoding::Base64,
        Encoding::Binary | Encoding::Unknown => TransferEncoding::Binary,
        Encoding::EightBit => TransferEncoding::EightBit,
        Encoding::QuotedPrintable => TransferEncoding::QuotedPrintable,
        Encoding::SevenBit => TransferEncoding::SevenBit,
    }
}
