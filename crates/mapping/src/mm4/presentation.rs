//! Names for parts that will be referred to, and a presentation that shows them (SMIL).
//!
//! A name is short ASCII without blanks, because handsets compare `src`, Content-Location and
//! Content-ID octet by octet. Reads no presentations.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_message::{Body, Part, PartKind, TransferEncoding};
use cedrat_wire_mms::{
    quirks::Refs,
    smil::{self, Element, Slide},
};

/// Name of a presentation made here.
const PRESENTATION: &str = "presentation.smil";
/// Longer names are cut; some handsets hold 40 characters.
const LONGEST_NAME: usize = 40;

/// Gives every part a location and an ID of its own; those that are there and unique stay.
pub(super) fn name(parts: &mut [Part]) {
    let mut locations: Vec<String> = Vec::new();
    let mut ids: Vec<String> = Vec::new();
    for (index, part) in parts.iter_mut().enumerate() {
        let wish = part.location.clone().or_else(|| part.name.clone()).or_else(|| part.content_id.clone());
        let location = unused(clean(wish.as_deref(), index, part), &locations, index);
        if part.location.is_none() || part.location.as_ref().is_some_and(|own| locations.contains(own)) {
            part.location = Some(location);
        }
        let own = part.location.clone().unwrap_or_default();
        if part.content_id.as_ref().is_none_or(|id| id.is_empty() || ids.contains(id)) {
            part.content_id = Some(unused(own.clone(), &ids, index));
        }
        locations.push(own);
        ids.extend(part.content_id.clone());
    }
}

fn clean(wish: Option<&str>, index: usize, part: &Part) -> String {
    let legal = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let kept: String = wish.unwrap_or_default().chars().filter(legal).collect();
    let start = kept.len().saturating_sub(LONGEST_NAME);
    let kept = kept.get(start..).unwrap_or_default().trim_start_matches('.');
    if kept.is_empty() { format!("part{index}.{}", extension(&part.media_type)) } else { kept.to_owned() }
}

fn unused(name: String, taken: &[String], index: usize) -> String {
    if taken.contains(&name) { format!("{index}_{name}") } else { name }
}

fn extension(media_type: &str) -> &str {
    match media_type {
        "text/plain" => "txt",
        "image/jpeg" => "jpg",
        "application/smil" => "smil",
        other => other.rsplit_once('/').map_or("bin", |(_, subtype)| subtype.trim_start_matches("x-")),
    }
}

/// A presentation of the parts: each medium with the text that goes with it. Parts must have names.
pub(super) fn generate(parts: &[Part], refs: Refs) -> Part {
    let sources: Vec<Option<String>> = parts.iter().map(|part| source(part, refs)).collect();
    let mut slides: Vec<Slide<'_>> = Vec::new();
    let mut waiting: Option<&str> = None;
    for (part, source) in parts.iter().zip(&sources) {
        let Some(source) = source.as_deref() else { continue };
        match (part.kind, element(&part.media_type)) {
            (PartKind::Text, _) => {
                if let Some(text) = waiting.replace(source) {
                    slides.push(Slide { text: Some(text), media: None });
                }
            }
            (PartKind::Media, Some(element)) => {
                slides.push(Slide { text: waiting.take(), media: Some((source, element)) });
            }
            _ => {}
        }
    }
    match (waiting, slides.last_mut()) {
        (Some(text), Some(last)) if last.text.is_none() => last.text = Some(text),
        (Some(text), _) => slides.push(Slide { text: Some(text), media: None }),
        (None, _) => {}
    }
    Part {
        kind: PartKind::Presentation,
        media_type: "application/smil".to_owned(),
        charset: Some("utf-8".to_owned()),
        parameters: Vec::new(),
        name: Some(PRESENTATION.to_owned()),
        content_id: Some(PRESENTATION.to_owned()),
        location: Some(PRESENTATION.to_owned()),
        disposition: None,
        body: Body { encoded: smil::generate(&slides).into(), encoding: TransferEncoding::SevenBit },
        damaged: false,
    }
}

/// How the presentation names a part.
fn source(part: &Part, refs: Refs) -> Option<String> {
    match refs {
        Refs::Location | Refs::Both => part.location.clone(),
        Refs::Cid => part.content_id.as_deref().map(|id| format!("cid:{id}")),
    }
}

fn element(media_type: &str) -> Option<Element> {
    match media_type.split_once('/')?.0 {
        "image" => Some(Element::Img),
        "audio" => Some(Element::Audio),
        "video" => Some(Element::Video),
        _ => None,
    }
}

/// With [`Refs::Both`] the ID of each part is its location too.
pub(super) fn align(parts: &mut [Part]) {
    for part in parts {
        if let Some(location) = &part.location {
            part.content_id = Some(location.to_string());
        }
    }
}
