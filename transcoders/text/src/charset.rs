//! Text in the charset that a handset reads (RFC 2046 §4.1; WAP-235 lists the charsets of handsets).
//!
//! UTF-8 wherever it is read. Else the first charset that has every character, else the one that
//! loses least; what it lacks is first written with similar characters.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use cedrat_plan::job::{Fault, FaultKind};
use cedrat_wire_mail::charset as wire;
use encoding_rs::{EncoderResult, Encoding, UTF_8};

use crate::approximate::approximate;
use crate::{Limits, Loss};

/// Text in `charset` as text in one of the charsets `accepted`, with its IANA name in lower case.
///
/// Line ends become CRLF, a byte order mark and control characters that no text needs go. An empty
/// list, `*`, or a list of unknown names only means UTF-8.
///
/// # Errors
/// [`FaultKind::TooLarge`] beyond [`Limits::octets`].
pub fn to_charset(
    octets: &[u8],
    charset: &str,
    accepted: &[String],
) -> Result<(Vec<u8>, String, Vec<Loss>), Fault> {
    if octets.len() > Limits::DEFAULT.octets {
        return Err(Fault::new(FaultKind::TooLarge, format!("a text of {} octets", octets.len())));
    }
    let (text, lossy) = wire::text(octets, Some(charset));
    let mut losses = Vec::new();
    if lossy {
        losses.push(Loss::Unread(text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count()));
    }
    let text = lines(&text);
    let written = written(&text, accepted);
    if written.approximated > 0 {
        losses.push(Loss::Approximated(written.approximated));
    }
    if written.unwritten > 0 {
        losses.push(Loss::Unwritten(written.unwritten));
    }
    Ok((written.octets, written.charset, losses))
}

/// CRLF for every line end of any kind; no control characters but tabs.
fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                out.push_str("\r\n");
            }
            '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push_str("\r\n"),
            '\t' => out.push(c),
            c if c.is_control() || c == '\u{feff}' => {}
            c => out.push(c),
        }
    }
    out
}

struct Written {
    octets: Vec<u8>,
    charset: String,
    approximated: usize,
    unwritten: usize,
}

fn written(text: &str, accepted: &[String]) -> Written {
    let mut best: Option<Written> = None;
    for label in accepted {
        let label = label.trim().to_ascii_lowercase();
        let Some(target) = Target::of(&label) else { continue };
        let now = match target {
            Target::Utf8 => return utf8(text),
            _ => target.write(text, label),
        };
        let loss = |it: &Written| (it.unwritten, it.approximated);
        if best.as_ref().is_none_or(|best| loss(&now) < loss(best)) {
            best = Some(now);
        }
    }
    best.unwrap_or_else(|| utf8(text))
}

fn utf8(text: &str) -> Written {
    Written { octets: text.as_bytes().to_vec(), charset: "utf-8".to_owned(), approximated: 0, unwritten: 0 }
}

/// A charset that is written here.
#[derive(Clone, Copy)]
enum Target {
    /// `us-ascii`.
    Ascii,
    /// `iso-8859-1`: not windows-1252, whatever browsers think.
    Latin1,
    /// Sixteen bits, big-endian with a mark; UCS-2 has no characters beyond U+FFFF.
    Wide {
        mark: bool,
        little: bool,
        pairs: bool,
    },
    Utf8,
    /// What encoding_rs writes.
    Other(&'static Encoding),
}

impl Target {
    fn of(label: &str) -> Option<Self> {
        Some(match label {
            "*" | "utf-8" | "utf8" => Self::Utf8,
            "us-ascii" | "ascii" => Self::Ascii,
            "iso-8859-1" | "latin1" | "iso_8859-1" => Self::Latin1,
            "utf-16" => Self::Wide { mark: true, little: false, pairs: true },
            "utf-16be" => Self::Wide { mark: false, little: false, pairs: true },
            "utf-16le" => Self::Wide { mark: false, little: true, pairs: true },
            "ucs-2" | "iso-10646-ucs-2" => Self::Wide { mark: true, little: false, pairs: false },
            label => {
                let encoding = Encoding::for_label_no_replacement(label.as_bytes())?;
                // What has no encoder of its own says that UTF-8 is written instead.
                if encoding.output_encoding() == UTF_8 { return None } else { Self::Other(encoding) }
            }
        })
    }

    fn write(self, text: &str, charset: String) -> Written {
        let mut written =
            Written { octets: Vec::with_capacity(text.len()), charset, approximated: 0, unwritten: 0 };
        match self {
            Self::Other(encoding) => written.encode(encoding, text),
            target => {
                if let Self::Wide { mark: true, .. } = target {
                    target.put('\u{feff}', &mut written.octets);
                }
                for c in text.chars() {
                    if !target.put(c, &mut written.octets) {
                        written.replace(c, |c, octets| target.put(c, octets));
                    }
                }
            }
        }
        written
    }

    /// Writes one character; `false` when the charset does not have it.
    fn put(self, c: char, octets: &mut Vec<u8>) -> bool {
        let point = u32::from(c);
        match self {
            Self::Ascii | Self::Latin1 => {
                let has = point < 0x80 || matches!(self, Self::Latin1) && (0xA0..0x100).contains(&point);
                let octet = u8::try_from(point).ok().filter(|_| has);
                octets.extend(octet);
                octet.is_some()
            }
            Self::Wide { little, pairs, .. } => {
                if !pairs && point > 0xFFFF {
                    return false;
                }
                for unit in c.encode_utf16(&mut [0; 2]) {
                    octets.extend(if little { unit.to_le_bytes() } else { unit.to_be_bytes() });
                }
                true
            }
            Self::Utf8 | Self::Other(_) => false,
        }
    }
}

impl Written {
    /// Writes something similar to `c`, or a question mark.
    fn replace(&mut self, c: char, mut put: impl FnMut(char, &mut Vec<u8>) -> bool) {
        let start = self.octets.len();
        // Typographic forms first, letters without their accents as the last resort.
        if let Some(similar) = approximate(c) {
            if similar.chars().all(|it| put(it, &mut self.octets)) {
                self.approximated += 1;
                return;
            }
            self.octets.truncate(start);
        }
        put('?', &mut self.octets);
        self.unwritten += 1;
    }

    fn encode(&mut self, encoding: &'static Encoding, text: &str) {
        let mut encoder = encoding.new_encoder();
        let mut rest = text;
        let mut room = [0; 1024];
        loop {
            let (result, read, put) = encoder.encode_from_utf8_without_replacement(rest, &mut room, true);
            self.octets.extend_from_slice(room.get(..put).unwrap_or_default());
            rest = rest.get(read..).unwrap_or_default();
            match result {
                EncoderResult::InputEmpty => return,
                EncoderResult::OutputFull => {}
                EncoderResult::Unmappable(c) => {
                    // One encoder for all, because some charsets have shift states.
                    let similar = approximate(c).filter(|similar| similar.is_ascii());
                    match similar {
                        Some(_) => self.approximated += 1,
                        None => self.unwritten += 1,
                    }
                    let (_, _, put) = encoder.encode_from_utf8_without_replacement(
                        similar.unwrap_or("?"),
                        &mut room,
                        false,
                    );
                    self.octets.extend_from_slice(room.get(..put).unwrap_or_default());
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn to(text: &str, accepted: &[&str]) -> (Vec<u8>, String, Vec<Loss>) {
        let accepted: Vec<String> = accepted.iter().map(|it| (*it).to_owned()).collect();
        to_charset(text.as_bytes(), "utf-8", &accepted).unwrap()
    }

    #[test]
    fn utf_8_is_written_wherever_it_is_read() {
        let wanted = ("\u{201c}\u{fc}\u{201d}\r\n".as_bytes().to_vec(), "utf-8".to_owned(), Vec::new());
        for accepted in [&[][..], &["*"], &["us-ascii", "utf-8"], &["x-klingon"]] {
            assert_eq!(to("\u{feff}\u{201c}\u{fc}\u{201d}\n", accepted), wanted);
        }
    }

    #[test]
    fn any_charset_is_read() {
        let read = |octets: &[u8], charset| to_charset(octets, charset, &[]).unwrap();
        assert_eq!(read(b"\xff\xfea\0\r\0b\0", "us-ascii").0, b"a\r\nb");
        assert_eq!(
            read(b"\xe3\xd1\xcd\xc8\xc7", "windows-1256").0,
            "\u{645}\u{631}\u{62d}\u{628}\u{627}".as_bytes()
        );
        assert_eq!(read(b"\x83e\x83X\x83g", "shift_jis").0, "\u{30c6}\u{30b9}\u{30c8}".as_bytes());
        assert_eq!(read(b"a\xffb", "utf-8").2, [Loss::Unread(1)]);
    }

    #[test]
    fn the_charset_that_loses_least_is_chosen() {
        assert_eq!(
            to("caf\u{e9}", &["us-ascii", "iso-8859-1"]),
            (b"caf\xe9".to_vec(), "iso-8859-1".into(), Vec::new())
        );
        assert_eq!(to("plain", &["us-ascii", "iso-8859-1"]).1, "us-ascii");
        assert_eq!(
            to("\u{43f}", &["iso-8859-1", "windows-1251", "utf-16"]),
            (b"\xef".to_vec(), "windows-1251".into(), Vec::new())
        );
        let (octets, charset, losses) = to("a\u{1f600}", &["us-ascii", "utf-16"]);
        assert_eq!(
            (octets.as_slice(), charset.as_str(), losses),
            (b"\xfe\xff\0a\xd8\x3d\xde\0".as_slice(), "utf-16", Vec::new())
        );
        assert_eq!(to("a\u{1f600}", &["ucs-2"]).2, [Loss::Unwritten(1)]);
    }

    #[test]
    fn similar_characters_come_before_question_marks() {
        let typographic = "\u{201e}Stra\u{df}e\u{201c} \u{2013} 5 \u{20ac}\u{2026} \u{fb01}x \u{142}\u{f3}d\u{17a} na\u{ef}ve";
        let (octets, _, losses) = to(typographic, &["us-ascii"]);
        assert_eq!(core::str::from_utf8(&octets).unwrap(), "\"Strasse\" - 5 EUR... fix lodz naive");
        assert_eq!(losses, [Loss::Approximated(11)]);
        let (octets, _, losses) = to("\u{201c}\u{43f}\u{201d} \u{fc}", &["iso-8859-1"]);
        assert_eq!(
            (octets.as_slice(), losses),
            (b"\"?\" \xfc".as_slice(), [Loss::Approximated(2), Loss::Unwritten(1)].to_vec())
        );
        assert_eq!(to("\u{2116} \u{43f}\u{2015}\u{e9}", &["koi8-r"]).0, b"No \xd0-e");
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let long = std::vec![b'a'; Limits::DEFAULT.octets + 1];
        assert_eq!(to_charset(&long, "us-ascii", &[]).unwrap_err().kind, FaultKind::TooLarge);
    }

    proptest! {
        #[test]
        fn any_octets_come_out_as_text(octets in prop::collection::vec(any::<u8>(), 0..300), charset in "[a-z0-9-]{0,12}|utf-16|utf-7|gb18030|iso-2022-jp",
            accepted in prop::collection::vec("us-ascii|iso-8859-1|ucs-2|utf-16le|shift_jis|iso-2022-jp|windows-125[0-8]|gbk|x", 0..4)) {
            let (octets, charset, losses) = to_charset(&octets, &charset, &accepted).unwrap();
            let (text, lossy) = wire::text(&octets, Some(&charset));
            prop_assert!(!lossy || !losses.is_empty(), "{charset} {octets:?} {text}");
        }

        #[test]
        fn what_a_charset_has_is_kept(text in "[a-z \u{e0}-\u{ff}]{0,40}", charset in "iso-8859-1|windows-1252|utf-16|utf-16le|utf-16be|ucs-2") {
            let (octets, label, losses) = to(&text, &[&charset]);
            prop_assert_eq!(losses, []);
            prop_assert_eq!(wire::text(&octets, Some(&label)).0, text);
        }
    }
}
