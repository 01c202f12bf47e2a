//! Content transfer encodings (RFC 2045 §6): decoding that survives damage, encoding that survives relays.
//!
//! Decoding never fails: octets that do not belong are skipped and the place of the first is reported, so
//! that policy can decide about the part. Identity encodings are passed through without a copy.
//!
//! Not here: charsets, and the choice of an encoding for a body.

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::parameter::hex;

/// A Content-Transfer-Encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Three octets as four characters.
    Base64,
    /// Anything, lines of any length.
    Binary,
    /// Lines of octets.
    EightBit,
    /// Text with `=XX`.
    QuotedPrintable,
    /// Lines of ASCII; also what an absent header means.
    SevenBit,
    /// A token that is none of these; the body is passed through.
    Unknown,
}

impl Encoding {
    /// Reads a header value: the first token counts, without quotes and case.
    pub fn parse(value: &str) -> Self {
        let token = value.trim().trim_start_matches(['"', '\'']);
        let end = token.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(token.len());
        let token = token.get(..end).unwrap_or_default();
        let known = [
            ("7bit", Self::SevenBit),
            ("7-bit", Self::SevenBit),
            ("", Self::SevenBit),
            ("8bit", Self::EightBit),
            ("8-bit", Self::EightBit),
            ("base64", Self::Base64),
            ("base-64", Self::Base64),
            ("binary", Self::Binary),
            ("quoted-printable", Self::QuotedPrintable),
        ];
        known.iter().find(|(name, _)| name.eq_ignore_ascii_case(token)).map_or(Self::Unknown, |(_, it)| *it)
    }

    /// The token to write.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Binary | Self::Unknown => "binary",
            Self::EightBit => "8bit",
            Self::QuotedPrintable => "quoted-printable",
            Self::SevenBit => "7bit",
        }
    }

    /// Whether the body stands as it is.
    pub const fn is_identity(self) -> bool {
        !matches!(self, Self::Base64 | Self::QuotedPrintable)
    }
}

/// A decoded body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The content.
    pub octets: Bytes,
    /// Offset in the encoded body of the first octet that the encoding does not allow, or of the end when
    /// the last group is incomplete.
    pub damage: Option<usize>,
}

/// Decodes `body`.
pub fn decode(encoding: Encoding, body: &Bytes) -> Decoded {
    match encoding {
        Encoding::Base64 => decode_base64(body),
        Encoding::QuotedPrintable => decode_quoted_printable(body),
        _ => Decoded { octets: body.clone(), damage: None },
    }
}

const SPACE: u8 = 64;
const PAD: u8 = 65;
const FOREIGN: u8 = 66;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[allow(clippy::indexing_slicing, reason = "evaluated at compile time")]
const SEXTETS: [u8; 256] = {
    let mut table = [FOREIGN; 256];
    let mut value = 0;
    while value < 64 {
        table[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    table[b'=' as usize] = PAD;
    table[b' ' as usize] = SPACE;
    table[b'\t' as usize] = SPACE;
    table[b'\r' as usize] = SPACE;
    table[b'\n' as usize] = SPACE;
    table
};

fn sextet(octet: u8) -> u8 {
    SEXTETS.get(usize::from(octet)).copied().unwrap_or(FOREIGN)
}

/// Decodes base64. Padding may be missing, and may occur inside where encoded pieces were concatenated; a
/// line after padding that is no base64 (a stray delimiter, the footer of a list) ends the body.
pub fn decode_base64(input: &[u8]) -> Decoded {
    let mut out = Groups { octets: vec![0; input.len() / 4 * 3 + 3], written: 0 };
    let mut damage = None;
    let (mut group, mut held) = (0_u32, 0_u32);
    // The line up to here is known to be base64, so no line is looked at twice.
    let mut clean = 0;
    let mut rest = input;
    loop {
        if held == 0 {
            rest = out.whole_groups(rest);
        }
        let [first, after @ ..] = rest else { break };
        let at = input.len() - rest.len();
        rest = after;
        match sextet(*first) {
            SPACE => {}
            PAD => {
                damage = damage.or((held == 1).then_some(at));
                out.part_of_group(group, held);
                (group, held) = (0, 0);
                let next = input.len() - rest.trim_ascii_start().len();
                if next >= clean {
                    let line = line_at(input, next);
                    if let Some(foreign) = line.iter().position(|octet| sextet(*octet) == FOREIGN) {
                        damage = damage.or(Some(next + foreign));
                        break;
                    }
                    clean = next + line.len();
                }
            }
            FOREIGN => damage = damage.or(Some(at)),
            value => {
                group = group << 6 | u32::from(value);
                held += 1;
                if held == 4 {
                    out.part_of_group(group, held);
                    (group, held) = (0, 0);
                }
            }
        }
    }
    damage = damage.or((held == 1).then_some(input.len()));
    out.part_of_group(group, held);
    out.octets.truncate(out.written);
    Decoded { octets: out.octets.into(), damage }
}

/// Decoded groups of up to three octets, in room for all of them.
struct Groups {
    octets: Vec<u8>,
    written: usize,
}

impl Groups {
    /// Decodes four characters at a time up to the first that is not in the alphabet; returns what is left.
    fn whole_groups<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let room = self.octets.get_mut(self.written..).unwrap_or_default();
        let mut groups = 0;
        for (four, three) in input.chunks_exact(4).zip(room.chunks_exact_mut(3)) {
            let ([a, b, c, d], [x, y, z]) = (four, three) else { break };
            let [a, b, c, d] = [sextet(*a), sextet(*b), sextet(*c), sextet(*d)];
            if (a | b | c | d) >= SPACE {
                break;
            }
            (*x, *y, *z) = (a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d);
            groups += 1;
        }
        self.written += groups * 3;
        input.get(groups * 4..).unwrap_or_default()
    }

    /// Writes the octets that `characters` characters hold in the low bits of `group`.
    fn part_of_group(&mut self, group: u32, characters: u32) {
        let octets = characters.saturating_sub(1) as usize;
        let [_, first @ ..] = (group << ((4 - characters.min(4)) * 6)).to_be_bytes();
        for (to, from) in self.octets.iter_mut().skip(self.written).zip(first).take(octets) {
            *to = from;
        }
        self.written += octets;
    }
}

fn line_at(input: &[u8], start: usize) -> &[u8] {
    let rest = input.get(start..).unwrap_or_default();
    rest.get(..memchr::memchr(b'\n', rest).unwrap_or(rest.len())).unwrap_or(rest).trim_ascii_end()
}

/// Decodes quoted-printable. An `=` without two hexadecimal digits stands for itself; white space at the
/// end of a line is dropped, as relays may have added it; line ends stay as they are.
pub fn decode_quoted_printable(input: &[u8]) -> Decoded {
    let mut out = Vec::with_capacity(input.len());
    let mut damage = None;
    let mut at = 0;
    for line in input.split_inclusive(|octet| *octet == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let end = line.get(text.len()..).unwrap_or_default();
        let text = text.trim_ascii_end();
        let (text, end) = match text.strip_suffix(b"=") {
            Some(text) => (text, [].as_slice()),
            None => (text, end),
        };
        let mut rest = text;
        while let Some(sign) = memchr::memchr(b'=', rest) {
            let (plain, coded) = rest.split_at(sign);
            out.extend_from_slice(plain);
            match coded {
                [_, high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    out.push(hex(*high) << 4 | hex(*low));
                    rest = after;
                }
                _ => {
                    damage = damage.or(Some(at + text.len() - coded.len()));
                    out.push(b'=');
                    rest = coded.get(1..).unwrap_or_default();
                }
            }
        }
        out.extend_from_slice(rest);
        out.extend_from_slice(end);
        at += line.len();
    }
    Decoded { octets: out.into(), damage }
}

/// Appends `octets` as base64 in lines of 76 characters; no line end after the last.
pub fn encode_base64(octets: &[u8], out: &mut Vec<u8>) {
    out.reserve(octets.len() / 3 * 4 + octets.len() / 28 + 8);
    for (index, line) in octets.chunks(57).enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\r\n");
        }
        let mut coded = [0; 76];
        let groups = line.chunks_exact(3);
        let last = groups.remainder();
        for (four, three) in coded.chunks_exact_mut(4).zip(groups) {
            if let [a, b, c] = three {
                four.copy_from_slice(&characters(*a, *b, *c));
            }
        }
        out.extend_from_slice(coded.get(..line.len() / 3 * 4).unwrap_or_default());
        match last {
            [a] => {
                let [x, y, ..] = characters(*a, 0, 0);
                out.extend_from_slice(&[x, y, b'=', b'=']);
            }
            [a, b] => {
                let [x, y, z, _] = characters(*a, *b, 0);
                out.extend_from_slice(&[x, y, z, b'=']);
            }
            _ => {}
        }
    }
}

fn characters(a: u8, b: u8, c: u8) -> [u8; 4] {
    let group = u32::from(a) << 16 | u32::from(b) << 8 | u32::from(c);
    [18, 12, 6, 0].map(|shift| ALPHABET.get((group >> shift & 63) as usize).copied().unwrap_or(b'A'))
}

/// Appends text as quoted-printable with lines of at most 76 characters. LF and CRLF are line ends and
/// become CRLF; a dot or `From ` at the start of a line is quoted, because relays change those, and so are
/// two hyphens, so that nothing encoded is ever taken for the delimiter of a part.
pub fn encode_quoted_printable(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + text.len() / 8);
    let mut lines = text.split(|octet| *octet == b'\n').peekable();
    while let Some(line) = lines.next() {
        let ended = lines.peek().is_some();
        let line = if ended { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
        let mut column = 0;
        let mut rest = line;
        while let [octet, after @ ..] = rest {
            let plain = match octet {
                b'=' => false,
                b' ' | b'\t' => !after.is_empty(),
                b'-' => column > 0 || !after.starts_with(b"-"),
                b'.' => column > 0,
                b'F' => column > 0 || !after.starts_with(b"rom "),
                _ => octet.is_ascii_graphic(),
            };
            let width = if plain { 1 } else { 3 };
            // The last character of a line needs no room for the `=` of a soft break.
            let room = if after.is_empty() { 76 } else { 75 };
            if column + width > room {
                out.extend_from_slice(b"=\r\n");
                column = 0;
                continue;
            }
            if plain {
                out.push(*octet);
            } else {
                let digit = |value: u8| if value < 10 { b'0' + value } else { b'A' + value - 10 };
                out.extend_from_slice(&[b'=', digit(*octet >> 4), digit(*octet & 15)]);
            }
            column += width;
            rest = after;
        }
        if ended {
            out.extend_from_slice(b"\r\n");
        }
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base64(octets: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode_base64(octets, &mut out);
        out
    }

    fn quoted(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode_quoted_printable(text, &mut out);
        out
    }

    #[test]
    fn the_vectors_of_rfc_4648_hold() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), coded.as_bytes());
            assert_eq!(decode_base64(coded.as_bytes()).octets, plain);
        }
    }

    #[test]
    fn damaged_base64_gives_what_it_can_and_says_where() {
        let read = |coded: &str| {
            let decoded = decode_base64(coded.as_bytes());
            (decoded.octets, decoded.damage)
        };
        assert_eq!(read("Zm9v!YmFy"), ("foobar".into(), Some(4)));
        assert_eq!(read("Z m\r\n9 v"), ("foo".into(), None));
        assert_eq!(read("Zm8"), ("fo".into(), None));
        assert_eq!(read("Zm9vY"), ("foo".into(), Some(5)));
        assert_eq!(read("Zg==Zg==Zm9v"), ("fffoo".into(), None));
        assert_eq!(read("===="), ("".into(), None));
        assert_eq!(read("Zg==\r\n\r\n--stray--\r\nZg=="), ("f".into(), Some(8)));
    }

    #[test]
    fn the_example_of_rfc_2045_is_read() {
        let coded = b"Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.";
        let plain = "Now's the time for all folk to come to the aid of their country.";
        assert_eq!(decode_quoted_printable(coded).octets, plain);
        let decoded = decode_quoted_printable(b"a=3d=\t\nb= c=e9  \r\nd=");
        assert_eq!((&decoded.octets[..], decoded.damage), (b"a=b= c\xe9\r\nd".as_slice(), Some(8)));
    }

    #[test]
    fn lines_that_relays_change_are_quoted() {
        assert_eq!(quoted(b".\nFrom me\nFrom\n x \n"), b"=2E\r\n=46rom me\r\nFrom\r\n x=20\r\n");
        assert_eq!(quoted(b"-a\n--a\n---"), b"-a\r\n=2D-a\r\n=2D--");
    }

    #[test]
    fn an_encoding_is_found_whatever_surrounds_it() {
        assert_eq!(Encoding::parse(" \"BASE64\"; x"), Encoding::Base64);
        assert_eq!(Encoding::parse("Quoted-Printable (really)"), Encoding::QuotedPrintable);
        assert_eq!(Encoding::parse("x-uuencode"), Encoding::Unknown);
        assert_eq!(Encoding::parse(""), Encoding::SevenBit);
    }

    proptest! {
        #[test]
        fn base64_reads_what_it_wrote(octets in prop::collection::vec(any::<u8>(), 0..400)) {
            let coded = base64(&octets);
            prop_assert!(coded.split(|octet| *octet == b'\n').all(|line| line.len() <= 77));
            let decoded = decode_base64(&coded);
            prop_assert_eq!(&decoded.octets[..], &octets[..]);
            prop_assert_eq!(decoded.damage, None);
        }

        #[test]
        fn quoted_printable_reads_what_it_wrote(lines in prop::collection::vec(
            prop::collection::vec(any::<u8>().prop_filter("a line", |octet| *octet != b'\n'), 0..120), 1..6)) {
            let mut lines = lines;
            for line in &mut lines {
                while line.last() == Some(&b'\r') { line.pop(); }
            }
            let text = lines.join(b"\r\n".as_slice());
            let coded = quoted(&text);
            prop_assert!(coded.split(|octet| *octet == b'\n').all(|line| line.len() <= 77));
            let decoded = decode_quoted_printable(&coded);
            prop_assert_eq!(&decoded.octets[..], &text[..]);
            prop_assert_eq!(decoded.damage, None);
        }

        #[test]
        fn any_octets_are_decoded(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let body = Bytes::from(octets);
            for encoding in [Encoding::Base64, Encoding::QuotedPrintable, Encoding::Unknown] {
                prop_assert!(decode(encoding, &body).octets.len() <= body.len());
            }
        }
    }
}
