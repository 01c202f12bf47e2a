//! Texts: plain, HTML, SMIL, SVG, cards and calendars (vCard 2.1 to RFC 6350, vCalendar 1.0,
//! RFC 5545), and the OMA DRM message format, which looks like one.
//!
//! Nothing is parsed beyond the first element or line that tells what it is.

mod charset;

use alloc::{
    borrow::{Cow, ToOwned},
    string::{String, ToString},
};

use super::{Claim, Detail, Text, cursor::find, reading::Reading, recognise::drm};
use crate::format::{Format, Kind};
use charset::Shown;

/// How far words that decide are looked for.
const HEAD: usize = 4096;

/// Reads a text; `None` when the octets are none.
pub(super) fn read(octets: &[u8], claim: &Claim<'_>) -> Option<Reading> {
    let stated = charset::by_pattern(octets).or_else(|| charset::by_claim(octets, claim.charset));
    let plain = match stated {
        Some(Shown::Utf8) | None if binary(octets, claim) => return None,
        Some(charset) => charset.ascii(octets),
        None => Cow::Borrowed(octets),
    };
    let plain = plain.trim_ascii_start();
    let format = kind(plain, claim)?;
    match format {
        Format::Drm => return Some(drm()),
        Format::Svg => return Some(Reading::bare(Format::Svg)),
        _ => {}
    }
    let charset = match stated {
        Some(stated) => stated.name().to_owned(),
        None => charset::of(octets, plain, claim.charset),
    };
    let version = match format {
        Format::ICalendar | Format::VCalendar | Format::VCard => version(plain),
        _ => String::new(),
    };
    Some(Reading::new(format, Detail::Text(Text { charset, version })))
}

/// Whether these octets are no text in any charset: NUL, or more control characters than a slip of
/// the pen. One that is said to be a text may have a few more.
fn binary(octets: &[u8], claim: &Claim<'_>) -> bool {
    // Escape opens the shifts of ISO-2022, substitute ends files of old systems.
    let control = |octet: &&u8| matches!(**octet, 0..=8 | 0x0B | 0x0E..=0x19 | 0x1C..=0x1F | 0x7F);
    let controls = octets.iter().filter(control).count();
    let allowed = if claim.says(Kind::Text) { octets.len() / 32 } else { octets.len() / 512 };
    octets.contains(&0) || controls > allowed
}

/// Which kind of text, of one that begins with something that is not white space.
fn kind(plain: &[u8], claim: &Claim<'_>) -> Option<Format> {
    if begins(plain, b"begin:vcard") {
        return Some(Format::VCard);
    }
    if begins(plain, b"begin:vcalendar") {
        return Some(if version(plain).starts_with('1') { Format::VCalendar } else { Format::ICalendar });
    }
    // Documents that are written in ASCII, for programs.
    if plain.starts_with(b"{\\rtf") || plain.starts_with(b"%!PS") {
        return None;
    }
    if plain.starts_with(b"--") && drm_message(plain) {
        return Some(Format::Drm);
    }
    let called = |names: &[&str]| names.iter().any(|name| claim.is(name));
    match root(plain).as_deref() {
        Some("smil") => return Some(Format::Smil),
        Some("svg") => return Some(Format::Svg),
        Some("o-ex:rights" | "rights") if claim.is("application/vnd.oma.drm.rights+xml") => {
            return Some(Format::Drm);
        }
        // Who sends the source of a page as plain text means the source.
        Some("html" | "head" | "body") if !claim.is("text/plain") => return Some(Format::Html),
        _ => {}
    }
    let head = plain.get(..HEAD).unwrap_or(plain).to_ascii_lowercase();
    if (called(&["application/smil", "application/smil+xml"]) || claim.names(Format::Smil))
        && find(&head, b"<smil").is_some()
    {
        return Some(Format::Smil);
    }
    if called(&["text/html", "application/xhtml+xml"]) {
        return Some(Format::Html);
    }
    Some(Format::Text)
}

fn begins(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Name of the first element, or of the document type, in lower case, without `svg:` or `smil:`.
fn root(plain: &[u8]) -> Option<String> {
    let mut rest = plain;
    loop {
        rest = rest.trim_ascii_start().strip_prefix(b"<")?;
        let end: &[u8] = if rest.starts_with(b"?") {
            b"?>"
        } else if rest.starts_with(b"!--") {
            b"-->"
        } else if begins(rest, b"!doctype") {
            return Some(name(rest.get(8..)?.trim_ascii_start()));
        } else {
            return Some(name(rest));
        };
        rest = rest.get(find(rest, end)? + end.len()..)?;
    }
}

fn name(rest: &[u8]) -> String {
    let of_name = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b':' | b'-' | b'_' | b'.');
    let end = rest.iter().take(64).position(|octet| !of_name(octet)).unwrap_or(rest.len().min(64));
    let name = String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).to_ascii_lowercase();
    match name.split_once(':') {
        Some(("svg" | "smil" | "html", local)) => local.to_owned(),
        _ => name,
    }
}

/// OMA DRM message: one MIME entity between boundaries (OMA-Download-DRM §8.1). A text that begins
/// with two dashes does not go on with a content header.
fn drm_message(plain: &[u8]) -> bool {
    let head = plain.get(..HEAD).unwrap_or(plain);
    let mut lines = head.split(|octet| *octet == b'\n');
    let boundary = lines.next().unwrap_or_default().trim_ascii_end();
    boundary.len() > 2 && lines.next().is_some_and(|line| begins(line, b"content-"))
}

/// Value of the property VERSION.
fn version(plain: &[u8]) -> String {
    let lines = plain.split(|octet| matches!(octet, b'\n' | b'\r'));
    let value = lines.filter(|line| begins(line, b"version")).find_map(|line| {
        let (head, value) = line.split_at_checked(line.iter().position(|octet| *octet == b':')?)?;
        // `VERSION` or `VERSION;PARAMETER=…`, not a longer name.
        matches!(head.get(7), None | Some(b';')).then(|| value.get(1..).unwrap_or_default())
    });
    let value = value.unwrap_or_default().trim_ascii();
    let value = value.get(..8).unwrap_or(value);
    String::from_utf8_lossy(value).to_string()
}
