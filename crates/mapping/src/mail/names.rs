//! File names of parts: what a person sees when they save an attachment (RFC 2183 §2.3).
//!
//! A name is the sender's own where there is one, without any path; else it is made from the
//! Content-Location or Content-ID, and as a last resort from the kind of medium and a number.
//! Not here: the encoding of a name in a header.

use alloc::{
    format,
    string::{String, ToString},
};
use cedrat_message::{Part, PartKind};

/// Longest name given to a part, in characters: below every file system's 255 octets.
const MAX_CHARS: usize = 80;

/// Media types and the suffix of their files; the first suffix of a type is the one given.
const SUFFIXES: &[(&str, &str)] = &[
    ("application/pdf", "pdf"),
    ("application/smil", "smil"),
    ("application/vnd.ms-tnef", "dat"),
    ("application/ms-tnef", "dat"),
    ("application/zip", "zip"),
    ("audio/aac", "aac"),
    ("audio/amr", "amr"),
    ("audio/amr-wb", "awb"),
    ("audio/midi", "mid"),
    ("audio/mp4", "m4a"),
    ("audio/mpeg", "mp3"),
    ("audio/wav", "wav"),
    ("image/bmp", "bmp"),
    ("image/gif", "gif"),
    ("image/heic", "heic"),
    ("image/jpeg", "jpg"),
    ("image/jpg", "jpg"),
    ("image/png", "png"),
    ("image/svg+xml", "svg"),
    ("image/tiff", "tif"),
    ("image/vnd.wap.wbmp", "wbmp"),
    ("image/webp", "webp"),
    ("message/rfc822", "eml"),
    ("text/calendar", "ics"),
    ("text/html", "html"),
    ("text/plain", "txt"),
    ("text/vcard", "vcf"),
    ("text/x-vcalendar", "vcs"),
    ("text/x-vcard", "vcf"),
    ("video/3gpp", "3gp"),
    ("video/3gpp2", "3g2"),
    ("video/mp4", "mp4"),
    ("video/mpeg", "mpg"),
    ("video/quicktime", "mov"),
];

/// The name of a part that stands at place `number` (from 1) among those of its medium.
pub(super) fn file_name(part: &Part, number: usize) -> String {
    let own = part.name.as_deref().and_then(clean);
    let named = own.or_else(|| part.location.as_deref().and_then(clean).filter(|name| has_suffix(name)));
    let named = named.or_else(|| part.content_id.as_deref().and_then(clean).filter(|name| has_suffix(name)));
    match named {
        Some(name) if has_suffix(&name) => name,
        Some(name) => match suffix(&part.media_type) {
            Some(suffix) => format!("{name}.{suffix}"),
            None => name,
        },
        None => format!("{}{number}.{}", medium(part), suffix(&part.media_type).unwrap_or("bin")),
    }
}

/// `name`, or `name-2` and so on when it is taken.
pub(super) fn unique(name: String, taken: impl Fn(&str) -> bool) -> String {
    if !taken(&name) {
        return name;
    }
    let (stem, suffix) = match name.rsplit_once('.') {
        Some((stem, suffix)) if !stem.is_empty() => (stem, format!(".{suffix}")),
        _ => (name.as_str(), String::new()),
    };
    // One more than there can be parts.
    (2..=10_000).map(|n| format!("{stem}-{n}{suffix}")).find(|it| !taken(it)).unwrap_or(name)
}

/// A name without path, control characters and the characters that a file system or a shell misreads.
pub(super) fn clean(name: &str) -> Option<String> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let name: String =
        name.chars().filter(|c| !c.is_control() && !is_hidden(*c) && !"\"<>|:*?".contains(*c)).collect();
    let name = name.trim().trim_start_matches('.').trim();
    if name.is_empty() {
        return None;
    }
    if name.chars().count() <= MAX_CHARS {
        return Some(name.to_string());
    }
    let (stem, suffix) = name.rsplit_once('.').filter(|(_, suffix)| suffix.len() <= 8).unwrap_or((name, ""));
    let short: String = stem.chars().take(MAX_CHARS - 10).collect();
    Some(if suffix.is_empty() { short } else { format!("{short}.{suffix}") })
}

/// Characters that turn the direction of text or are not seen: `photo\u{202E}gpj.exe` reads as a picture.
const fn is_hidden(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

fn has_suffix(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, suffix)| {
        !stem.is_empty()
            && (1..=5).contains(&suffix.len())
            && suffix.bytes().all(|c| c.is_ascii_alphanumeric())
    })
}

fn suffix(media_type: &str) -> Option<&'static str> {
    SUFFIXES.iter().find(|(known, _)| *known == media_type).map(|(_, suffix)| *suffix)
}

/// `image`, `audio`, `video`, `text` or `file`.
pub(super) fn medium(part: &Part) -> &'static str {
    if part.kind == PartKind::Presentation {
        return "presentation";
    }
    match part.media_type.split('/').next() {
        Some("audio") => "audio",
        Some("image") => "image",
        Some("message") => "message",
        Some("text") => "text",
        Some("video") => "video",
        _ => "file",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_never_part_of_a_name() {
        for (given, wanted) in [
            ("C:\\fakepath\\beach.jpg", "beach.jpg"),
            ("../../etc/passwd", "passwd"),
            ("/photos/a b.jpg", "a b.jpg"),
            (".bashrc", "bashrc"),
            ("photo\u{202E}gpj.exe", "photogpj.exe"),
            ("a\r\nb.txt", "ab.txt"),
        ] {
            assert_eq!(clean(given).as_deref(), Some(wanted));
        }
        assert_eq!(clean("../"), None);
        assert_eq!(clean("..."), None);
    }

    #[test]
    fn a_long_name_keeps_its_suffix() {
        let name = clean(&format!("{}.jpeg", "x".repeat(300))).unwrap();
        assert!(name.ends_with(".jpeg") && name.chars().count() <= MAX_CHARS);
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        assert_eq!(unique("a.jpg".into(), |it| it == "a.jpg"), "a-2.jpg");
        assert_eq!(unique("a".into(), |it| it == "a"), "a-2");
    }
}
