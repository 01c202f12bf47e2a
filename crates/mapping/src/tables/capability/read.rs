//! The keys of one layer, each with its grammar; `mappings/README.md` shows them all.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use cedrat_plan::{
    format::{Format, Kind, SoundCodec, VideoCodec},
    profile::{Counts, Layer, OctetLimit, Partial, Size, SoundOffer, Unit, VideoOffer},
};
use serde::{
    Deserialize,
    de::value::{Error, StrDeserializer},
};

use super::Draw;
use crate::{
    diagnostic::Faults,
    tables::{
        media_types::is_media_type,
        quirks::{SPAN_HINT, millis},
        section::{Section, Spot, meant},
    },
};

/// The values of a profile, as they are written in a table.
const VALUES: &[&str] = &[
    "max_octets",
    "max_still",
    "screen",
    "colours",
    "types",
    "charsets",
    "sounds",
    "videos",
    "progressive_jpeg",
    "animated_gif",
    "smil",
    "max_slides",
    "max_parts",
    "max_duration",
    "vcard",
    "vcalendar",
    "keep_metadata",
    "adapt",
];

/// A class or family without its name.
pub(super) fn layer(
    file: &mut Section<'_>,
    layer: Layer,
    evidence: String,
    path: &str,
    faults: &mut Faults<'_>,
) -> Draw {
    let base = file.text("base", faults).map(|spot| (spot.text.to_owned(), spot.span));
    let note = note(file, faults);
    let unverified = file.texts("unverified", faults);
    for spot in &unverified {
        if !VALUES.contains(&spot.text) {
            let hint = meant(spot.text, VALUES);
            faults.push(&spot.span, format!("`{}` is not a value of a profile", spot.text), hint);
        }
    }
    if let Some(first) = unverified.first().filter(|_| note.is_none()) {
        faults.push(&first.span, "what is unverified needs a `note` that says so".to_owned(), None);
    }
    let (says, more_types) = values(file, faults);
    Draw {
        layer,
        base,
        evidence,
        note,
        unverified: unverified.into_iter().map(|spot| spot.text.to_owned()).collect(),
        more_types,
        says,
        path: path.to_owned(),
        span: file.span.clone(),
    }
}

/// A remark for people.
pub(super) fn note(file: &mut Section<'_>, faults: &mut Faults<'_>) -> Option<String> {
    file.text("note", faults).map(|spot| spot.text.to_owned())
}

/// The values of a layer, and the types that it adds to those of its base.
pub(super) fn values(file: &mut Section<'_>, faults: &mut Faults<'_>) -> (Partial, Vec<String>) {
    let mut says = Partial {
        max_octets: parsed(file, "max_octets", octet_limit, OCTETS_HINT, faults),
        max_still: parsed(file, "max_still", size, SIZE_HINT, faults),
        screen: parsed(file, "screen", size, SIZE_HINT, faults),
        colours: small(file, "colours", faults),
        types: None,
        charsets: list(file, "charsets", is_charset, "an IANA charset name in lower case", faults),
        sounds: offers(file, "sounds", sound, faults),
        videos: offers(file, "videos", video, faults),
        progressive_jpeg: file.flag("progressive_jpeg", faults),
        animated_gif: file.flag("animated_gif", faults),
        smil: file.flag("smil", faults),
        max_slides: small(file, "max_slides", faults),
        max_parts: small(file, "max_parts", faults),
        max_duration_ms: parsed(file, "max_duration", millis, SPAN_HINT.unwrap_or_default(), faults),
        vcard: version(file, "vcard", &["2.1", "3.0", "4.0", ""], faults),
        vcalendar: version(file, "vcalendar", &["1.0", "2.0", ""], faults),
        keep_metadata: file.flag("keep_metadata", faults),
        adapt: file.flag("adapt", faults),
    };
    says.types = list(file, "types", is_type, "a media type in lower case", faults);
    let more = list(file, "more_types", is_type, "a media type in lower case", faults).unwrap_or_default();
    (says, more)
}

const OCTETS_HINT: &str = "such as `300 KiB`, `600 kB base64` or `1 MiB binary whole-message`";
const SIZE_HINT: &str = "such as `640x480`";

/// `300 KiB`, `600 kB base64`, `1 MiB binary parts`: unit and what is counted may be left out and
/// are then `binary` and `parts-and-headers`. k, M are powers of 1000; Ki, Mi of 1024.
#[must_use]
pub fn octet_limit(text: &str) -> Option<OctetLimit> {
    let mut words = text.split_ascii_whitespace();
    let number: u64 = words.next()?.replace('_', "").parse().ok()?;
    let scale = match words.next()? {
        "octets" => 1,
        "kB" => 1_000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        _ => return None,
    };
    let octets = number.checked_mul(scale).filter(|&octets| octets > 0)?;
    let mut limit = OctetLimit { octets, unit: Unit::Binary, counts: Counts::PartsAndHeaders };
    for word in words {
        match word {
            "base64" => limit.unit = Unit::Base64,
            "binary" => limit.unit = Unit::Binary,
            "parts" => limit.counts = Counts::Parts,
            "parts-and-headers" => limit.counts = Counts::PartsAndHeaders,
            "whole-message" => limit.counts = Counts::WholeMessage,
            _ => return None,
        }
    }
    Some(limit)
}

/// `640x480`.
fn size(text: &str) -> Option<Size> {
    let (width, height) = text.split_once('x')?;
    let side = |text: &str| text.parse::<u32>().ok().filter(|side| (1..=65_535).contains(side));
    Some(Size { width: side(width)?, height: side(height)? })
}

fn parsed<T>(
    file: &mut Section<'_>,
    key: &'static str,
    read: impl Fn(&str) -> Option<T>,
    hint: &str,
    faults: &mut Faults<'_>,
) -> Option<T> {
    let spot = file.text(key, faults)?;
    let value = read(spot.text);
    if value.is_none() {
        faults.push(&spot.span, format!("`{}` is no value of `{key}`", spot.text), Some(hint.to_owned()));
    }
    value
}

fn small(file: &mut Section<'_>, key: &'static str, faults: &mut Faults<'_>) -> Option<u32> {
    let (number, span) = file.number(key, faults)?;
    let small = u32::try_from(number).ok();
    if small.is_none() {
        faults.push(&span, format!("`{key}` is too large"), None);
    }
    small
}

fn version(
    file: &mut Section<'_>,
    key: &'static str,
    legal: &[&str],
    faults: &mut Faults<'_>,
) -> Option<String> {
    let spot = file.text(key, faults)?;
    if !legal.contains(&spot.text) {
        faults.push(&spot.span, format!("`{}` is no version of `{key}`", spot.text), meant(spot.text, legal));
    }
    Some(spot.text.to_owned())
}

/// A list of words; `None` when the key is not there.
fn list(
    file: &mut Section<'_>,
    key: &'static str,
    is_legal: impl Fn(&str) -> bool,
    wanted: &str,
    faults: &mut Faults<'_>,
) -> Option<Vec<String>> {
    let present = file.has(key);
    let spots = file.texts(key, faults);
    let mut words: Vec<String> = Vec::new();
    for spot in spots {
        if !is_legal(spot.text) {
            faults.push(&spot.span, format!("`{}` is not {wanted}", spot.text), None);
        } else if words.iter().any(|word| word == spot.text) {
            faults.push(&spot.span, format!("`{}` stands here twice", spot.text), None);
        }
        words.push(spot.text.to_owned());
    }
    present.then_some(words)
}

fn is_type(text: &str) -> bool {
    text == "*/*" || text.strip_suffix("/*").map_or_else(|| is_media_type(text), |kind| !kind.is_empty())
}

fn is_charset(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.:+".contains(&b))
}

fn offers<T>(
    file: &mut Section<'_>,
    key: &'static str,
    read: impl Fn(&mut Section<'_>, &mut Faults<'_>) -> Option<T>,
    faults: &mut Faults<'_>,
) -> Option<Vec<T>> {
    let present = file.has(key);
    let mut offers = Vec::new();
    for mut section in file.sections(key, faults) {
        offers.extend(read(&mut section, faults));
        section.close(faults);
    }
    present.then_some(offers)
}

/// `{ format = "amr", codec = "amr", max_rate = 8000, max_channels = 1 }`.
fn sound(section: &mut Section<'_>, faults: &mut Faults<'_>) -> Option<SoundOffer> {
    let format = container(section, Kind::Sound, faults);
    let codec = section.required("codec", faults).and_then(|spot| codec::<SoundCodec>(&spot, faults));
    let max_rate = small(section, "max_rate", faults).unwrap_or(0);
    let channels = small(section, "max_channels", faults).unwrap_or(0);
    Some(SoundOffer {
        format: format?,
        codec: codec?,
        max_rate,
        max_channels: u16::try_from(channels).unwrap_or(u16::MAX),
    })
}

/// `{ format = "3gp", codec = "h263", sound = "amr", size = "176x144", max_fps = "15" }`, and if
/// need be `level = "3.0"` and `max_bit_rate = 128000`.
fn video(section: &mut Section<'_>, faults: &mut Faults<'_>) -> Option<VideoOffer> {
    let format = container(section, Kind::Video, faults);
    let codec = section.required("codec", faults).and_then(|spot| self::codec::<VideoCodec>(&spot, faults));
    let sound = section.required("sound", faults).and_then(|spot| self::codec::<SoundCodec>(&spot, faults));
    let size = match section.has("size") {
        true => parsed(section, "size", size, SIZE_HINT, faults),
        false => section.required("size", faults).and(None),
    };
    let level = parsed(section, "level", level, "such as `1b`, `1.1` or `3.0`", faults).unwrap_or(0);
    let fps = match section.has("max_fps") {
        true => parsed(section, "max_fps", millihertz, "such as `15` or `7.5`", faults),
        false => section.required("max_fps", faults).and(None),
    };
    let max_bit_rate = small(section, "max_bit_rate", faults).unwrap_or(0);
    Some(VideoOffer {
        format: format?,
        codec: codec?,
        sound: sound?,
        level,
        size: size?,
        max_millihertz: fps?,
        max_bit_rate,
    })
}

/// A container by the ending of its files.
fn container(section: &mut Section<'_>, kind: Kind, faults: &mut Faults<'_>) -> Option<Format> {
    let spot = section.required("format", faults)?;
    let of_kind = || Format::ALL.iter().copied().filter(move |format| format.kind() == kind);
    let format = of_kind().find(|format| format.extension() == spot.text);
    if format.is_none() {
        let legal: Vec<&str> = of_kind().map(Format::extension).collect();
        faults.push(&spot.span, format!("`{}` is no format here", spot.text), meant(spot.text, &legal));
    }
    format
}

fn codec<'s, T: Deserialize<'s>>(spot: &Spot<'s>, faults: &mut Faults<'_>) -> Option<T> {
    match T::deserialize(StrDeserializer::<Error>::new(spot.text)) {
        Ok(codec) => Some(codec),
        Err(_) => {
            let hint = Some("such as `amr`, `amr-wb`, `aac`, `mp3`, `h263`, `mpeg4`, `h264`".to_owned());
            faults.push(&spot.span, format!("`{}` is no codec here", spot.text), hint);
            None
        }
    }
}

/// An H.264 level times ten; 1b, which has less than 1.1, is 9.
fn level(text: &str) -> Option<u8> {
    if text == "1b" {
        return Some(9);
    }
    let (whole, tenth) = text.split_once('.')?;
    let digit = |text: &str| text.parse::<u8>().ok().filter(|digit| *digit <= 9 && text.len() == 1);
    Some(digit(whole)? * 10 + digit(tenth)?)
}

/// Frames a second in thousandths.
fn millihertz(text: &str) -> Option<u32> {
    let (whole, tenths) = text.split_once('.').unwrap_or((text, "0"));
    let whole: u32 = whole.parse().ok().filter(|fps| *fps <= 240)?;
    let tenth: u32 = tenths.parse().ok().filter(|_| tenths.len() == 1)?;
    Some(whole * 1000 + tenth * 100).filter(|&rate| rate > 0)
}
