//! Text from octets and a charset label, as mail and MMS carry them (RFC 2046 §4.1.2, RFC 6657).
//!
//! Labels of the WHATWG encoding standard are read by encoding_rs; what it leaves out and mail still
//! carries is read here: UTF-16 of either order with and without a mark, UTF-7 (RFC 2152), UCS-2, UTF-32.
//! Without a usable label, text that is valid UTF-8 is UTF-8 and anything else is windows-1252.
//!
//! Not here: writing in anything but UTF-8.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use encoding_rs::{BIG5, EUC_KR, Encoding, GBK, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Reads `octets` as text. The flag says that something could not be read and stands as U+FFFD.
///
/// A byte order mark wins over the label and is not part of the text.
pub fn text(octets: &[u8], label: Option<&str>) -> (String, bool) {
    if let Some((encoding, mark)) = Encoding::for_bom(octets) {
        return decode(encoding, octets.get(mark..).unwrap_or_default());
    }
    let label = label.unwrap_or_default().trim_matches(|c: char| c.is_whitespace() || "\"'<>".contains(c));
    let label = label.to_ascii_lowercase().replace('_', "-");
    match label.as_str() {
        "" | "us-ascii" | "ascii" | "ansi-x3.4-1968" | "unknown" | "unknown-8bit" | "x-unknown" | "8bit"
        | "binary" | "default" => guess(octets),
        "utf-16" | "utf16" | "ucs-2" | "ucs2" | "unicode" | "iso-10646-ucs-2" | "csunicode" => {
            decode(byte_order(octets), octets)
        }
        "utf-16be" => decode(UTF_16BE, octets),
        "utf-16le" => decode(UTF_16LE, octets),
        "utf-7" | "unicode-1-1-utf-7" | "csunicode11utf7" => utf_7(octets),
        "utf-32" | "utf-32be" | "ucs-4" | "iso-10646-ucs-4" => utf_32(octets, u32::from_be_bytes),
        "utf-32le" => utf_32(octets, u32::from_le_bytes),
        "cp932" | "ms932" => decode(SHIFT_JIS, octets),
        "cp936" | "ms936" => decode(GBK, octets),
        "cp949" | "ms949" => decode(EUC_KR, octets),
        "cp950" => decode(BIG5, octets),
        label => match known(label) {
            Some(encoding) => decode(encoding, octets),
            None => guess(octets),
        },
    }
}

/// Labels come with hyphens, underscores, or neither: `iso_8859-1`, `iso8859_15`, `windows1252`.
fn known(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label.as_bytes())
        .or_else(|| Encoding::for_label_no_replacement(label.replace('-', "_").as_bytes()))
        .or_else(|| label.strip_prefix("cp").and_then(|page| windows(page)))
        .or_else(|| label.strip_prefix("windows").and_then(|page| windows(page.trim_start_matches('-'))))
}

fn windows(page: &str) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(&[b"windows-", page.as_bytes()].concat())
}

fn decode(encoding: &'static Encoding, octets: &[u8]) -> (String, bool) {
    let (text, lossy) = encoding.decode_without_bom_handling(octets);
    (text.into_owned(), lossy)
}

fn guess(octets: &[u8]) -> (String, bool) {
    match core::str::from_utf8(octets) {
        Ok(text) => (text.to_owned(), false),
        // A message cut inside a character is still UTF-8.
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => decode(UTF_8, octets),
        Err(_) => decode(WINDOWS_1252, octets),
    }
}

/// RFC 2781 §4.3 says big-endian where no mark is; handsets of both orders omit it. Most text has many
/// characters below U+0100, whose zero octets tell the order.
fn byte_order(octets: &[u8]) -> &'static Encoding {
    let zeros =
        |odd: usize| octets.iter().skip(odd).step_by(2).take(512).filter(|octet| **octet == 0).count();
    if zeros(1) > zeros(0) { UTF_16LE } else { UTF_16BE }
}

fn utf_32(octets: &[u8], order: fn([u8; 4]) -> u32) -> (String, bool) {
    let chunks = octets.chunks_exact(4);
    let mut lossy = !chunks.remainder().is_empty();
    let text = chunks
        .filter_map(|chunk| chunk.try_into().ok().map(order))
        .skip_while(|point| *point == 0xfeff)
        .map(|point| {
            char::from_u32(point).unwrap_or_else(|| {
                lossy = true;
                char::REPLACEMENT_CHARACTER
            })
        })
        .collect();
    (text, lossy)
}

/// RFC 2152: `+` opens UTF-16 in base64 without padding, `-` or any other character ends it, `+-` is a plus.
fn utf_7(octets: &[u8]) -> (String, bool) {
    let mut text = String::with_capacity(octets.len());
    let mut lossy = false;
    let mut rest = octets;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'+' {
            lossy |= !first.is_ascii();
            text.push(if first.is_ascii() { char::from(*first) } else { char::REPLACEMENT_CHARACTER });
            continue;
        }
        let end = after.iter().position(|octet| sextet(*octet).is_none()).unwrap_or(after.len());
        let (coded, after) = after.split_at(end);
        if coded.is_empty() {
            text.push('+');
        }
        rest = after.strip_prefix(b"-").unwrap_or(after);
        let mut units = Vec::with_capacity(coded.len() * 3 / 8);
        let (mut bits, mut held) = (0_u32, 0_u32);
        for value in coded.iter().filter_map(|octet| sextet(*octet)) {
            bits = bits << 6 & 0x3f_ffff | u32::from(value);
            held += 6;
            if held >= 16 {
                held -= 16;
                units.push((bits >> held & 0xffff) as u16);
            }
        }
        for unit in char::decode_utf16(units) {
            lossy |= unit.is_err();
            text.push(unit.unwrap_or(char::REPLACEMENT_CHARACTER));
        }
    }
    (text, lossy)
}

const fn sextet(octet: u8) -> Option<u8> {
    Some(match octet {
        b'A'..=b'Z' => octet - b'A',
        b'a'..=b'z' => octet - b'a' + 26,
        b'0'..=b'9' => octet - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    fn read(octets: &[u8], label: &str) -> String {
        let (text, lossy) = text(octets, Some(label));
        assert!(!lossy, "{text}");
        text
    }

    #[test]
    fn labels_are_read_however_they_are_written() {
        for label in
            ["ISO-8859-1", "iso_8859-1", "latin1", "windows-1252", "cp1252", "\"windows1252\"", "ISO8859-1"]
        {
            assert_eq!(read(b"gr\xfc\xdfe", label), "grüße", "{label}");
        }
        assert_eq!(read(b"\xef\xf0\xe8\xe2\xe5\xf2", "windows-1251"), "привет");
        assert_eq!(read(b"\x83e\x83X\x83g", "Shift_JIS"), "テスト");
        assert_eq!(read(b"\xa4", "iso-8859-15"), "€");
    }

    #[test]
    fn utf_16_is_read_in_either_order_with_and_without_a_mark() {
        for octets in [b"\xff\xfeh\0i\0".as_slice(), b"\xfe\xff\0h\0i", b"h\0i\0", b"\0h\0i"] {
            assert_eq!(read(octets, "utf-16"), "hi");
        }
        assert_eq!(read(b"\xff\xfeh\0i\0", "us-ascii"), "hi", "a mark wins over the label");
        assert!(text(b"\0h\0", Some("utf-16be")).1, "an odd octet is a loss");
        assert_eq!(read(b"\0\0\0h\0\x01\xf6\x00", "utf-32"), "h😀");
    }

    #[test]
    fn the_examples_of_rfc_2152_are_read() {
        assert_eq!(read(b"A+ImIDkQ.", "utf-7"), "A≢Α.");
        assert_eq!(read(b"Hi Mom -+Jjo--!", "utf-7"), "Hi Mom -☺-!");
        assert_eq!(read(b"+ZeVnLIqe-", "UTF-7"), "日本語");
        assert_eq!(read(b"1 +- 1", "utf-7"), "1 + 1");
        assert_eq!(read(b"+2D3eAA", "utf-7"), "😀");
    }

    #[test]
    fn without_a_label_utf_8_is_recognised_and_the_rest_is_windows_1252() {
        assert_eq!(text("grüße".as_bytes(), None), ("grüße".into(), false));
        assert_eq!(text(b"gr\xfc\xdfe", None), ("grüße".into(), false));
        assert_eq!(text("grüße".as_bytes(), Some("no-such-charset")), ("grüße".into(), false));
        assert_eq!(text(b"gr\xc3\xbc\xc3", None), ("grü\u{fffd}".into(), true));
        assert!(text(b"\xff", Some("utf-8")).1);
    }

    proptest! {
        #[test]
        fn any_octets_under_any_label_become_text(octets in prop::collection::vec(any::<u8>(), 0..60), label in
            prop::sample::select(vec!["utf-7", "utf-8", "utf-16", "utf-32", "iso-2022-jp", "gb18030", "hz", "x", ""])) {
            let _ = text(&octets, Some(label));
        }
    }
}
