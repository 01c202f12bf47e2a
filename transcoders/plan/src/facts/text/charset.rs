//! Which charset a text is in: what its octets state, then what stands beside it when the octets can
//! be that, then what they look like.

use alloc::{
    borrow::{Cow, ToOwned},
    string::String,
    vec::Vec,
};

use crate::facts::cursor::find;

/// Longest name in the registry is 45.
const MAX_NAME: usize = 45;
/// How far a declaration is looked for: HTML says 1024.
const DECLARED_WITHIN: usize = 1024;
/// How far NULs are counted.
const PATTERN_WITHIN: usize = 1024;

/// A charset that shows in the octets before any letter is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Utf8,
    Utf16Be,
    Utf16Le,
    Utf32Be,
    Utf32Le,
}

/// By byte order mark, or by where the NULs of UTF-16 stand in a text of mostly Latin letters.
pub(super) fn by_pattern(octets: &[u8]) -> Option<Shown> {
    match octets {
        [0xEF, 0xBB, 0xBF, ..] => Some(Shown::Utf8),
        [0xFF, 0xFE, 0, 0, ..] if octets.len().is_multiple_of(4) => Some(Shown::Utf32Le),
        [0, 0, 0xFE, 0xFF, ..] => Some(Shown::Utf32Be),
        [0xFF, 0xFE, ..] => Some(Shown::Utf16Le),
        [0xFE, 0xFF, ..] => Some(Shown::Utf16Be),
        _ => by_nul(octets),
    }
}

fn by_nul(octets: &[u8]) -> Option<Shown> {
    if octets.len() < 4 || !octets.len().is_multiple_of(2) {
        return None;
    }
    let (pairs, _) = octets.get(..PATTERN_WITHIN).unwrap_or(octets).as_chunks::<2>();
    let (mut high, mut low) = (0, 0);
    for [first, second] in pairs {
        high += usize::from(*first == 0);
        low += usize::from(*second == 0);
        // Letters of Latin, and the marks that stand in any text.
        let letter = if *first == 0 { *second } else { *first };
        if (*first == 0 || *second == 0) && letter < 0x20 && !letter.is_ascii_whitespace() {
            return None;
        }
    }
    let most = pairs.len() * 7 / 10;
    match (high, low) {
        (0, low) if low > most => Some(Shown::Utf16Le),
        (high, 0) if high > most => Some(Shown::Utf16Be),
        _ => None,
    }
}

/// UTF-16 without a mark and without Latin letters: only when it is given and every unit makes sense.
/// Without a mark the higher octet comes first (RFC 2781 §4.3), yet some write it the other way.
pub(super) fn by_claim(octets: &[u8], given: Option<&str>) -> Option<Shown> {
    let orders: &[Shown] = match canonical(given?.as_bytes())?.as_str() {
        "utf-16" => &[Shown::Utf16Be, Shown::Utf16Le],
        "utf-16be" => &[Shown::Utf16Be],
        "utf-16le" => &[Shown::Utf16Le],
        _ => return None,
    };
    if !octets.len().is_multiple_of(2) || octets.is_ascii() {
        return None;
    }
    let (pairs, _) = octets.as_chunks::<2>();
    let sensible = |order: &&Shown| {
        let number = if **order == Shown::Utf16Be { u16::from_be_bytes } else { u16::from_le_bytes };
        let letters = char::decode_utf16(pairs.iter().map(|pair| number(*pair)));
        letters
            .into_iter()
            .all(|letter| letter.is_ok_and(|letter| !letter.is_control() || letter.is_ascii_whitespace()))
    };
    orders.iter().find(sensible).copied()
}

impl Shown {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Be => "utf-16be",
            Self::Utf16Le => "utf-16le",
            Self::Utf32Be => "utf-32be",
            Self::Utf32Le => "utf-32le",
        }
    }

    /// The text without its mark, ASCII as ASCII, everything else as `?`: enough to see what it is.
    pub(super) fn ascii(self, octets: &[u8]) -> Cow<'_, [u8]> {
        let one = |letter: u32| u8::try_from(letter).ok().filter(u8::is_ascii).unwrap_or(b'?');
        let text: Vec<u8> = match self {
            Self::Utf8 => return Cow::Borrowed(octets.get(3..).unwrap_or_default()),
            Self::Utf16Be | Self::Utf16Le => {
                let number = if self == Self::Utf16Be { u16::from_be_bytes } else { u16::from_le_bytes };
                let (pairs, _) = octets.as_chunks::<2>();
                pairs
                    .iter()
                    .map(|pair| u32::from(number(*pair)))
                    .filter(|letter| *letter != 0xFEFF)
                    .map(one)
                    .collect()
            }
            Self::Utf32Be | Self::Utf32Le => {
                let number = if self == Self::Utf32Be { u32::from_be_bytes } else { u32::from_le_bytes };
                let (quads, _) = octets.as_chunks::<4>();
                quads.iter().map(|quad| number(*quad)).filter(|letter| *letter != 0xFEFF).map(one).collect()
            }
        };
        Cow::Owned(text)
    }
}

/// The charset of octets that show none: declared in them, given beside them, or guessed.
pub(super) fn of(octets: &[u8], plain: &[u8], given: Option<&str>) -> String {
    let possible = |name: &[u8]| canonical(name).filter(|name| can_be(octets, name));
    declared(plain)
        .and_then(possible)
        .or_else(|| given.and_then(|given| possible(given.as_bytes())))
        .unwrap_or_else(|| guess(octets).to_owned())
}

/// `encoding` of an XML declaration, or `charset` of HTML.
fn declared(plain: &[u8]) -> Option<&[u8]> {
    let head = plain.get(..DECLARED_WITHIN).unwrap_or(plain);
    if !head.starts_with(b"<") {
        return None;
    }
    let lower = head.to_ascii_lowercase();
    let xml = lower.starts_with(b"<?xml");
    let word: &[u8] = if xml { b"encoding" } else { b"charset" };
    let from = if xml { 0 } else { find(&lower, b"<meta")? };
    let to = if xml { find(&lower, b"?>")? } else { head.len() };
    let at = find(lower.get(from..to)?, word)? + from + word.len();
    let value = head.get(at..)?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
    let end = value.iter().position(|octet| {
        matches!(octet, b'"' | b'\'' | b';' | b'>' | b'/' | b'?') || octet.is_ascii_whitespace()
    });
    value.get(..end?)
}

/// The name in lower case, with the aliases of mail unified; `None` when it is no name.
fn canonical(name: &[u8]) -> Option<String> {
    let name = core::str::from_utf8(name.trim_ascii()).ok()?.trim_matches('"');
    let of_name = |octet: u8| octet.is_ascii_alphanumeric() || b"-_:.+()".contains(&octet);
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(of_name) {
        return None;
    }
    let name = name.to_ascii_lowercase();
    Some(match name.as_str() {
        "ascii" | "ansi_x3.4-1968" | "iso646-us" | "us" => "us-ascii".to_owned(),
        "utf8" | "unicode-1-1-utf-8" => "utf-8".to_owned(),
        "latin1" | "iso_8859-1" | "iso8859-1" | "l1" => "iso-8859-1".to_owned(),
        "cp1252" | "x-cp1252" => "windows-1252".to_owned(),
        "ucs-2" | "ucs2" | "iso-10646-ucs-2" | "utf16" => "utf-16".to_owned(),
        _ => name,
    })
}

/// Whether octets that show no pattern can be text in this charset. Those in which most sequences
/// mean something cannot be refuted.
fn can_be(octets: &[u8], charset: &str) -> bool {
    match charset {
        "us-ascii" => octets.is_ascii(),
        "utf-8" => core::str::from_utf8(octets).is_ok(),
        "binary" | "unknown" | "unknown-8bit" | "x-unknown" | "none" => false,
        // What can be of these was recognised before.
        "utf-16" | "utf-16be" | "utf-16le" => false,
        "utf-32" | "utf-32be" | "utf-32le" => false,
        _ => true,
    }
}

fn guess(octets: &[u8]) -> &'static str {
    if octets.is_ascii() {
        // The shifts of Japanese mail are ASCII with escapes.
        let japanese = [&b"\x1B$B"[..], b"\x1B$@", b"\x1B(J"];
        return if japanese.iter().any(|shift| find(octets, shift).is_some()) {
            "iso-2022-jp"
        } else {
            "us-ascii"
        };
    }
    if core::str::from_utf8(octets).is_ok() { "utf-8" } else { "windows-1252" }
}
