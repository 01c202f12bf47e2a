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
    if memchr::memchr(0, octets).is_some() {
        return false;
    }
    let mut rest = octets;
    while let Some(end) = memchr::memchr2(b'\r', b'\n', rest) {
        let (line, after) = rest.split_at(end);
        match after.strip_prefix(b"\r\n") {
            Some(after) if line.len() <= MAX_LINE => rest = after,
            _ => return false,
        }
    }
    rest.len() <= MAX_LINE
}

/// The octets with CRLF for every line end; `None` when mail cannot carry them even so.
pub(super) fn in_mail_lines(octets: &Bytes) -> Option<Bytes> {
    if is_plain_lines(octets) {
        return Some(octets.clone());
    }
    let mut lines = Vec::with_capacity(octets.len() + octets.len() / 32);
    let mut rest = octets.iter().peekable();
    while let Some(&octet) = rest.next() {
        match octet {
            b'\r' => {
                rest.next_if(|next| **next == b'\n');
                lines.extend_from_slice(b"\r\n");
            }
            b'\n' => lines.extend_from_slice(b"\r\n"),
            octet => lines.push(octet),
        }
    }
    is_plain_lines(&lines).then(|| lines.into())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_mail_cannot_carry_are_known() {
        for (octets, plain) in [
            (b"".as_slice(), true),
            (b"a\r\nb", true),
            (b"a\nb", false),
            (b"a\rb", false),
            (b"a\r", false),
            (b"a\0b", false),
            (&[b'a'; 998], true),
            (&[b'a'; 999], false),
        ] {
            assert_eq!(is_plain_lines(octets), plain, "{octets:?}");
        }
        let longest = [[b'a'; 998].as_slice(), b"\r\n", &[b'a'; 998]].concat();
        assert!(is_plain_lines(&longest));
        assert_eq!(
            in_mail_lines(&Bytes::from_static(b"a\nb\rc\r\n")),
            Some(Bytes::from_static(b"a\r\nb\r\nc\r\n"))
        );
        assert_eq!(in_mail_lines(&Bytes::from_static(b"\0\n")), None);
    }

    #[test]
    fn text_is_written_in_the_shortest_form_that_7_bit_lines_allow() {
        assert_eq!(body_of("plain\n").encoding, TransferEncoding::SevenBit);
        assert_eq!(
            body_of("a long line of text with one ü in it\n").encoding,
            TransferEncoding::QuotedPrintable
        );
        assert_eq!(body_of("привет\n").encoding, TransferEncoding::Base64);
        for text in ["привет\r\n", "a ü b = c\r\n\r\nFrom here\r\n.\r\n"] {
            assert_eq!(text_of(&body_of(text), Some("utf-8")), text);
        }
    }
}
