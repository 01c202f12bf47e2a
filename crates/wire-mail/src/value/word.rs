//! Encoded words (RFC 2047): text of any charset in an ASCII header.
//!
//! Read more leniently than written: words without white space between them, inside quoted strings, with
//! spaces or question marks in them, longer than 75 characters.
//!
//! Not here: where a word may stand; callers take apart what has structure first.

use alloc::string::String;
use alloc::vec::Vec;

use cedrat_mime::transfer;

use crate::charset;

/// Decodes the encoded words of `value`. White space between two of them is dropped, and a character
/// split over two of them is put together again when charset and encoding agree.
pub fn unstructured(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut pending: Option<Pending> = None;
    // Octets from the last end of a word on: past it no candidate is searched for its end.
    let last_end = value.rfind("?=").map_or(usize::MAX, |at| value.len() - at);
    let mut rest = value;
    while let Some(start) = rest.find("=?") {
        let (before, candidate) = rest.split_at(start);
        let Some((word, after)) = Word::first_of(candidate, last_end) else {
            flush(&mut pending, &mut out);
            out.push_str(before);
            out.push_str("=?");
            rest = candidate.get(2..).unwrap_or_default();
            continue;
        };
        let joins = before.bytes().all(|octet| matches!(octet, b' ' | b'\t'));
        match pending.as_mut() {
            Some(open) if joins && open.charset.eq_ignore_ascii_case(word.charset) => {
                open.append(&word);
            }
            _ => {
                let adjacent = pending.is_some() && joins;
                flush(&mut pending, &mut out);
                out.push_str(if adjacent { "" } else { before });
                let open = Pending { charset: word.charset, octets: Vec::new(), coded: String::new() };
                pending.insert(open).append(&word);
            }
        }
        rest = after;
    }
    flush(&mut pending, &mut out);
    out.push_str(rest);
    out
}

/// A run of words in one charset.
struct Pending<'a> {
    charset: &'a str,
    octets: Vec<u8>,
    /// Base64 that is not decoded yet: some senders cut it anywhere.
    coded: String,
}

impl<'a> Pending<'a> {
    fn append(&mut self, word: &Word<'a>) {
        if word.base64 {
            self.coded.push_str(word.text);
        } else {
            self.settle();
            decode_q(word.text, &mut self.octets);
        }
    }

    fn settle(&mut self) {
        self.octets.extend_from_slice(&transfer::decode_base64(self.coded.as_bytes()).octets);
        self.coded.clear();
    }
}

fn flush(pending: &mut Option<Pending<'_>>, out: &mut String) {
    if let Some(mut run) = pending.take() {
        run.settle();
        let (text, _) = charset::text(&run.octets, Some(run.charset));
        // A decoded line end must not become one of the header.
        out.extend(text.chars().map(|c| if matches!(c, '\r' | '\n' | '\0') { ' ' } else { c }));
    }
}

/// Quoted-printable without its line rules: an underscore is a space, and white space may end the word.
fn decode_q(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'_', _) => out.push(b' '),
            (b'=', [high, low, tail @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = tail;
                }
                _ => out.push(b'='),
            },
            _ => out.push(*first),
        }
    }
}

struct Word<'a> {
    charset: &'a str,
    base64: bool,
    text: &'a str,
}

impl<'a> Word<'a> {
    /// The word at the start of `candidate`, which begins with `=?`, and what follows it. Each part is looked
    /// for up to the next question mark only, except the end, where there still is one `last_end` octets
    /// before the end of the value.
    fn first_of(candidate: &'a str, last_end: usize) -> Option<(Self, &'a str)> {
        let (charset, rest) = candidate.strip_prefix("=?")?.split_once('?')?;
        let charset = charset.split_once('*').map_or(charset, |(charset, _language)| charset);
        let (encoding, rest) = rest.split_once('?')?;
        let base64 = match encoding {
            "b" | "B" => true,
            "q" | "Q" => false,
            _ => return None,
        };
        let named = !charset.is_empty() && charset.bytes().all(|octet| octet.is_ascii_graphic());
        if !named || rest.len() < last_end {
            return None;
        }
        let (text, after) = rest.split_once("?=")?;
        Some((Self { charset, base64, text }, after))
    }
}

fn digit(octet: u8) -> Option<u8> {
    char::from(octet).to_digit(16).and_then(|value| value.try_into().ok())
}

/// Characters between `=?utf-8?Q?` and `?=` in a word of at most 75.
const ROOM: usize = 63;

/// Writes `text` for a header: ASCII as it is, the rest in encoded words of at most 75 characters between
/// spaces, where the header can be folded. No character is split over two words.
pub fn encode_unstructured(text: &str) -> String {
    // From the first to the last token that needs it: the spaces between two words would not survive.
    let mut first = None;
    let mut last = 0;
    let mut at = 0;
    for token in text.split(' ') {
        if needs_encoding(token) {
            first = first.or(Some(at));
            last = at + token.len();
        }
        at += token.len() + 1;
    }
    let Some(first) = first else { return text.into() };
    let (before, rest) = text.split_at(first);
    let (span, after) = rest.split_at(last - first);
    let mut out = String::from(before);
    encode_words(span, &mut out);
    out.push_str(after);
    out
}

/// Whether a token cannot stand as it is: not printable ASCII, or it looks like an encoded word, or no line
/// could hold it.
pub(super) fn needs_encoding(token: &str) -> bool {
    !token.bytes().all(|octet| octet.is_ascii_graphic()) || token.contains("=?") || token.len() > 900
}

/// Appends `text` as encoded words between single spaces.
pub(super) fn encode_words(text: &str, out: &mut String) {
    let special = text.bytes().filter(|octet| !is_safe(*octet) && *octet != b' ').count();
    // Q where a person could still read it.
    let base64 = special * 2 > text.len();
    let mut word = String::new();
    let mut width = 0;
    let mut words = 0;
    let mut finish = |word: &mut String| {
        if words > 0 {
            out.push(' ');
        }
        words += 1;
        push_word(word, base64, out);
        word.clear();
    };
    for c in text.chars() {
        let added = if base64 { c.len_utf8() } else { q_width(c) };
        let room = if base64 { ROOM / 4 * 3 } else { ROOM };
        if width + added > room {
            finish(&mut word);
            width = 0;
        }
        word.push(c);
        width += added;
    }
    finish(&mut word);
}

fn q_width(c: char) -> usize {
    if c == ' ' || c.is_ascii() && is_safe(c as u8) { 1 } else { c.len_utf8() * 3 }
}

/// What a Q word may hold as it is even in a phrase (RFC 2047 §5).
const fn is_safe(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'!' | b'*' | b'+' | b'-' | b'/')
}

fn push_word(text: &str, base64: bool, out: &mut String) {
    if base64 {
        let mut coded = Vec::new();
        transfer::encode_base64(text.as_bytes(), &mut coded);
        out.push_str("=?utf-8?B?");
        out.extend(coded.into_iter().map(char::from));
    } else {
        out.push_str("=?utf-8?Q?");
        for octet in text.bytes() {
            match octet {
                b' ' => out.push('_'),
                _ if is_safe(octet) => out.push(char::from(octet)),
                _ => {
                    let hex = |value: u8| {
                        char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase()
                    };
                    out.extend(['=', hex(octet >> 4), hex(octet & 15)]);
                }
            }
        }
    }
    out.push_str("?=");
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

    #[test]
    fn the_examples_of_rfc_2047_are_read() {
        for (coded, plain) in [
            ("=?ISO-8859-1?Q?a?=", "a"),
            ("=?ISO-8859-1?Q?a?= b", "a b"),
            ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a_b?=", "a b"),
            ("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
            ("=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen"),
            (
                "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
                "If you can read this you understand the example.",
            ),
        ] {
            assert_eq!(unstructured(coded), plain);
        }
    }

    #[test]
    fn words_that_real_mailers_write_are_read() {
        assert_eq!(unstructured("=?UTF-8?B?w?= =?UTF-8?B?68=?="), "ï", "base64 split anywhere");
        assert_eq!(unstructured("=?utf-8?Q?gr=C3?= =?utf-8?Q?=BC=C3=9Fe?="), "grüße", "a character split");
        assert_eq!(unstructured("x=?utf-8?q?really??=y"), "xreally?y");
        assert_eq!(unstructured("=?utf-8*de?q?a b=?="), "a b=");
        assert_eq!(unstructured("=?utf-8?x?a?= =? =?="), "=?utf-8?x?a?= =? =?=");
        assert_eq!(unstructured("=?utf-8?q?a=0D=0ABcc:_x?="), "a  Bcc: x");
        assert_eq!(unstructured("gr\u{fc}\u{df}e"), "grüße");
    }

    #[test]
    fn unfinished_words_cost_linear_time() {
        let value = "=?u?q?x".repeat(100_000);
        assert_eq!(unstructured(&value), value);
        let value = "=?a".repeat(300_000);
        assert_eq!(unstructured(&value), value);
    }

    #[test]
    fn only_what_needs_it_is_encoded() {
        assert_eq!(encode_unstructured("plain text (really)"), "plain text (really)");
        assert_eq!(encode_unstructured("Hello Jørn and you"), "Hello =?utf-8?Q?J=C3=B8rn?= and you");
        assert_eq!(encode_unstructured("日本"), "=?utf-8?B?5pel5pys?=");
        assert_eq!(unstructured(&encode_unstructured("=?utf-8?q?a?=")), "=?utf-8?q?a?=");
    }

    proptest! {
        #[test]
        fn text_is_read_back(text in "\\PC{0,200}") {
            let coded = encode_unstructured(&text);
            prop_assert!(coded.is_ascii());
            for word in coded.split(' ').filter(|word| word.starts_with("=?")) {
                prop_assert!(word.len() <= 75, "{}", word);
            }
            prop_assert_eq!(unstructured(&coded), text);
        }
    }
}
