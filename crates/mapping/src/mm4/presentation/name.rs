//! Names of parts that are referred to.
//!
//! A name made here is short ASCII without blanks, because handsets compare `src`, Content-Location
//! and Content-ID octet by octet. A name that came along and does is kept.

use alloc::{borrow::ToOwned, collections::BTreeSet, format, string::String};
use cedrat_message::Part;

/// Longer names are cut; some handsets hold 40 characters.
const LONGEST_NAME: usize = 40;
/// Longest suffix of a file name, without the dot.
const LONGEST_SUFFIX: usize = 5;

/// Suffixes of file names and the media types that they may stand for. The first one with a type
/// is given to a part without a name.
const SUFFIXES: &[(&str, &[&str])] = &[
    ("3g2", &["video/3gpp2", "audio/3gpp2"]),
    ("3gp", &["video/3gpp", "audio/3gpp", "audio/amr", "audio/amr-wb"]),
    ("aac", &["audio/aac", "audio/aacp", "audio/x-aac"]),
    ("amr", &["audio/amr", "audio/amr-nb", "audio/amr-wb"]),
    ("avi", &["video/x-msvideo", "video/avi"]),
    ("avif", &["image/avif"]),
    ("awb", &["audio/amr-wb"]),
    ("bmp", &["image/bmp", "image/x-ms-bmp"]),
    ("flac", &["audio/flac", "audio/x-flac"]),
    ("gif", &["image/gif"]),
    ("heic", &["image/heic", "image/heif"]),
    ("heif", &["image/heif", "image/heic"]),
    ("html", &["text/html"]),
    ("htm", &["text/html"]),
    ("ics", &["text/calendar"]),
    ("jpg", &["image/jpeg", "image/jpg", "image/pjpeg"]),
    ("jpe", &["image/jpeg", "image/jpg", "image/pjpeg"]),
    ("jpeg", &["image/jpeg", "image/jpg", "image/pjpeg"]),
    ("m4a", &["audio/mp4", "audio/x-m4a", "audio/m4a"]),
    ("mid", &["audio/midi", "audio/mid", "audio/x-midi", "audio/sp-midi"]),
    ("mkv", &["video/x-matroska"]),
    ("mov", &["video/quicktime"]),
    ("mp3", &["audio/mpeg", "audio/mp3"]),
    ("mp4", &["video/mp4", "audio/mp4"]),
    ("mpg", &["video/mpeg"]),
    ("oga", &["audio/ogg"]),
    ("ogg", &["audio/ogg", "application/ogg"]),
    ("opus", &["audio/ogg", "audio/opus"]),
    ("pdf", &["application/pdf"]),
    ("png", &["image/png"]),
    ("qcp", &["audio/qcelp", "audio/vnd.qcelp"]),
    ("smi", &["application/smil", "application/smil+xml"]),
    ("smil", &["application/smil", "application/smil+xml"]),
    ("svg", &["image/svg+xml"]),
    ("tif", &["image/tiff"]),
    ("tiff", &["image/tiff"]),
    ("txt", &["text/plain"]),
    ("vcf", &["text/x-vcard", "text/vcard", "text/directory"]),
    ("vcs", &["text/x-vcalendar"]),
    ("wav", &["audio/wav", "audio/x-wav", "audio/wave"]),
    ("wbmp", &["image/vnd.wap.wbmp", "image/wbmp"]),
    ("weba", &["audio/webm"]),
    ("webm", &["video/webm", "audio/webm"]),
    ("webp", &["image/webp"]),
];

/// Calls a part by what it has become: `photo.HEIC` is `photo.jpg` after a conversion, in its name,
/// its Content-Location and its Content-ID alike.
///
/// The name is ASCII letters, digits, `.`, `_` and `-`, at most 40 of them, and that of no other
/// part. References to the part are not changed: [`super::present`] changes both.
pub fn rename(parts: &mut [Part], index: usize, extension: &str) {
    let others = parts.iter().enumerate().filter(|(other, _)| *other != index);
    let mut taken = others.flat_map(|(_, part)| names(part)).map(key).collect();
    if let Some(part) = parts.get_mut(index) {
        call(part, extension, &mut taken);
    }
}

fn call(part: &mut Part, extension: &str, taken: &mut BTreeSet<String>) {
    let old = wish(part).unwrap_or_default();
    let stem = stem(old).map_or_else(|| base(old), |(stem, _)| stem);
    let name = fresh(stem, extension, medium(part), taken);
    taken.insert(key(&name));
    part.name = Some(name.clone());
    part.location = Some(name.clone());
    part.content_id = Some(name);
}

/// Renames the parts whose names speak of another type than they have, and gives every part a
/// location and an ID of its own; those that are there and good stay.
pub(in crate::mm4) fn name(parts: &mut [Part]) {
    let mut taken = taken(parts);
    for part in parts.iter_mut() {
        if let Some(suffix) = suffix(&part.media_type).filter(|_| is_stale(part)) {
            call(part, suffix, &mut taken);
        }
    }
    // One set for both, so that a reference can mean one part only, whatever a handset compares it with.
    let mut used = BTreeSet::new();
    for part in parts.iter_mut() {
        let wanted = wish(part).unwrap_or_default().to_owned();
        let location = part.location.take().filter(|own| is_plain(own) && !used.contains(&key(own)));
        let location = location.unwrap_or_else(|| {
            let (stem, suffix) = stem(&wanted).unwrap_or((base(&wanted), extension(&part.media_type)));
            fresh(stem, suffix, medium(part), &used)
        });
        let id = part.content_id.take().filter(|own| is_plain(own) && !used.contains(&key(own)));
        let id = id.unwrap_or_else(|| location.clone());
        used.insert(key(&location));
        used.insert(key(&id));
        part.location = Some(location);
        part.content_id = Some(id);
    }
}

/// `stem.suffix`, or with a number what no part is called.
pub(super) fn unused(stem: &str, suffix: &str, parts: &[Part]) -> String {
    fresh(stem, suffix, stem, &taken(parts))
}

fn names(part: &Part) -> impl Iterator<Item = &str> {
    [&part.location, &part.name, &part.content_id].into_iter().filter_map(Option::as_deref)
}

fn wish(part: &Part) -> Option<&str> {
    names(part).find(|name| !name.trim().is_empty())
}

fn taken(parts: &[Part]) -> BTreeSet<String> {
    parts.iter().flat_map(names).map(key).collect()
}

/// Handsets with file systems that ignore case exist.
fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Whether a name can be written in a header and in a presentation as it is.
fn is_plain(name: &str) -> bool {
    let is_url = name.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("cid:"));
    !is_url
        && !name.is_empty()
        && name.bytes().all(|octet| octet.is_ascii_graphic() && !b"<>\"".contains(&octet))
}

/// Whether one of the names has a suffix that is known, and of another type.
fn is_stale(part: &Part) -> bool {
    let suffixes = names(part).filter_map(|name| Some(stem(name)?.1.to_ascii_lowercase()));
    let types = suffixes.filter_map(|suffix| SUFFIXES.iter().find(|(known, _)| *known == suffix));
    types.map(|(_, types)| types).any(|types| !types.contains(&part.media_type.as_str()))
}

fn suffix(media_type: &str) -> Option<&'static str> {
    let usual = |(_, types): &&(&'static str, &[&str])| types.first() == Some(&media_type);
    let any = |(_, types): &&(&'static str, &[&str])| types.contains(&media_type);
    SUFFIXES.iter().find(usual).or_else(|| SUFFIXES.iter().find(any)).map(|(suffix, _)| *suffix)
}

fn extension(media_type: &str) -> &str {
    let subtype =
        || media_type.rsplit_once('/').map_or("bin", |(_, subtype)| subtype.trim_start_matches("x-"));
    suffix(media_type).unwrap_or_else(subtype)
}

fn base(name: &str) -> &str {
    name.rsplit(['/', '\\']).find(|it| !it.is_empty()).unwrap_or(name)
}

/// File name without and with its suffix.
fn stem(name: &str) -> Option<(&str, &str)> {
    let is_suffix = |suffix: &str| {
        (1..=LONGEST_SUFFIX).contains(&suffix.len())
            && suffix.bytes().all(|octet| octet.is_ascii_alphanumeric())
    };
    base(name).rsplit_once('.').filter(|(stem, suffix)| !stem.is_empty() && is_suffix(suffix))
}

/// What a part without a name is called: `text.txt`, `image.jpg`, `file.pdf`.
fn medium(part: &Part) -> &'static str {
    match part.media_type.split('/').next() {
        Some("audio") => "audio",
        Some("image") => "image",
        Some("text") => "text",
        Some("video") => "video",
        _ => "file",
    }
}

/// `stem.suffix` as far as it is clean, or the first of `stem-2.suffix` and so on that is not taken.
/// `nameless` stands for a stem of which nothing is left.
fn fresh(stem: &str, suffix: &str, nameless: &str, taken: &BTreeSet<String>) -> String {
    let legal = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let suffix: String =
        suffix.chars().filter(char::is_ascii_alphanumeric).take(LONGEST_SUFFIX + 3).collect();
    // `-1000.` and the suffix: as many as there can be parts.
    let most = LONGEST_NAME.saturating_sub(suffix.len() + 6);
    let stem: String = stem.chars().filter(legal).skip_while(|c| *c == '.').take(most).collect();
    let stem = stem.trim_end_matches('.');
    let stem = if stem.is_empty() { nameless } else { stem };
    let named = |number: usize| match number {
        1 => format!("{stem}.{suffix}"),
        _ => format!("{stem}-{number}.{suffix}"),
    };
    (1..=taken.len() + 1).map(named).find(|name| !taken.contains(&key(name))).unwrap_or_else(|| named(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suffix_stands_once_and_in_order() {
        let mut suffixes: alloc::vec::Vec<_> = SUFFIXES.iter().map(|(suffix, _)| *suffix).collect();
        suffixes.dedup();
        assert_eq!(suffixes.len(), SUFFIXES.len());
        assert_eq!(suffix("image/jpeg"), Some("jpg"));
        assert_eq!(suffix("audio/mp4"), Some("m4a"));
        assert_eq!(suffix("audio/3gpp"), Some("3gp"));
        assert_eq!(suffix("text/html"), Some("html"));
        assert_eq!(suffix("application/x-unheard-of"), None);
    }
}
