//! The presentation of a message (SMIL) made right for its parts as they are: the one place where
//! part names and references change, and change together.
//!
//! What belongs together, and the rules of a slide, are `cedrat_wire_mms::smil`. Converts no part
//! and drops none.

mod name;

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use cedrat_message::{Body, Content, Field, Part, PartKind, Structure, TransferEncoding};
use cedrat_mime::transfer::decode;
use cedrat_wire_mms::{
    quirks::Refs,
    smil::{self, Element, Names, Note, Presentation, Shown, Stage},
};

use super::body::mime;
use crate::loss::{Fidelity, Loss};

pub(super) use name::name;
pub use name::rename;

/// Name of a presentation made here.
const PRESENTATION: (&str, &str) = ("presentation", "smil");

/// For which handset a presentation is, and what the conversion found out about the parts. Places
/// are those in `Content.parts` before the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Showing<'a> {
    /// Pixels of the screen, across and down; `None` = not known, and the layout is in percent.
    pub screen: Option<(u32, u32)>,
    /// Most slides; 0 = no bound.
    pub max_slides: u32,
    /// How parts are referred to.
    pub refs: Refs,
    /// Playing times of sounds and videos: place and milliseconds.
    pub durations: &'a [(usize, u64)],
    /// Sizes of pictures and videos as shown: place, and pixels across and down.
    pub sizes: &'a [(usize, (u32, u32))],
}

/// Makes the presentation show the parts as they are now, and makes one where none is.
///
/// To be called once, after media were converted in place: `media_type`, `kind` and `body` of a
/// part say what it is now, its names what it was called, and a part that was removed is gone.
/// Afterwards
/// - every part has a name that fits its type, a Content-Location and a Content-ID of its own;
/// - every `src` of the presentation is the name of a part, and every text, picture, sound and
///   video is on a slide (or noted when `max_slides` forbids it);
/// - the presentation stands where it stood, or first when it is new.
///
/// Nothing happens to content without parts or that a signature covers. A route whose
/// handsets follow no presentation removes the part instead of calling this.
pub fn present(content: &mut Content, showing: &Showing<'_>, loss: &mut Loss) {
    if content.parts.is_empty() || content.parts.iter().any(|part| part.kind == PartKind::Sealed) {
        return;
    }
    content.original = None;
    content.structure = Structure::Related;
    show(&mut content.parts, showing, loss);
}

/// As [`present`], for parts that are about to be written.
pub(super) fn show(parts: &mut Vec<Part>, showing: &Showing<'_>, loss: &mut Loss) {
    let place = parts.iter().position(|part| part.kind == PartKind::Presentation);
    let source = place
        .and_then(|place| parts.get(place))
        .map(|part| Presentation::read(&decode(mime(part.body.encoding), &part.body.encoded).octets));
    let called: Vec<[Option<String>; 3]> = parts
        .iter()
        .map(|part| [part.name.clone(), part.content_id.clone(), part.location.clone()])
        .collect();
    name(parts);
    if showing.refs == Refs::Both {
        align(parts);
    }
    let sources: Vec<String> = parts.iter().map(|part| source_of(part, showing.refs)).collect();
    let shown: Vec<Shown<'_>> = parts
        .iter()
        .zip(&called)
        .zip(&sources)
        .enumerate()
        .map(|(index, ((part, [name, content_id, location]), src))| Shown {
            called: Names {
                name: name.as_deref(),
                content_id: content_id.as_deref(),
                location: location.as_deref(),
            },
            src,
            element: shown_as(part),
            duration: at(showing.durations, index),
            size: at(showing.sizes, index),
        })
        .collect();
    let stage = Stage { screen: showing.screen, max_slides: showing.max_slides };
    let (presentation, notes) = smil::rewrite(source.as_ref(), &shown, &stage);
    for note in notes {
        report(&note, &called, loss);
    }
    let body = body(&presentation);
    match place.and_then(|place| parts.get_mut(place)) {
        Some(part) => {
            "application/smil".clone_into(&mut part.media_type);
            part.charset = Some("utf-8".to_owned());
            part.parameters.clear();
            part.body = body;
            part.damaged = false;
        }
        None => {
            let (stem, suffix) = PRESENTATION;
            let name = name::unused(stem, suffix, parts);
            parts.insert(0, part(name, body));
            loss.push(Field::Content, Fidelity::Synthesized, "A presentation was made for the parts.", None);
        }
    }
}

/// How a slide shows a part. Documents and cards stand where the sender's presentation has them,
/// the rest that no slide can hold stands nowhere.
fn shown_as(part: &Part) -> Option<Element> {
    match part.kind {
        PartKind::Alternative | PartKind::Presentation | PartKind::Sealed => None,
        PartKind::Text => Some(Element::Text),
        PartKind::Media => match part.media_type.as_str() {
            "application/smil" | "application/smil+xml" => None,
            "text/plain" => Some(Element::Text),
            media_type => Some(match media_type.split('/').next() {
                Some("audio") => Element::Audio,
                Some("image") => Element::Img,
                Some("video") => Element::Video,
                _ => Element::Ref,
            }),
        },
    }
}

/// How the presentation names a part.
fn source_of(part: &Part, refs: Refs) -> String {
    match refs {
        Refs::Location | Refs::Both => part.location.clone().unwrap_or_default(),
        Refs::Cid => format!("cid:{}", part.content_id.as_deref().unwrap_or_default()),
    }
}

/// With [`Refs::Both`] the ID of each part is its location too.
fn align(parts: &mut [Part]) {
    for part in parts {
        part.content_id.clone_from(&part.location);
    }
}

fn at<T: Copy>(known: &[(usize, T)], index: usize) -> Option<T> {
    known.iter().find(|(place, _)| *place == index).map(|(_, value)| *value)
}

fn report(note: &Note, called: &[[Option<String>; 3]], loss: &mut Loss) {
    let part = |index: &usize| called.get(*index).and_then(|names| names.iter().flatten().next().cloned());
    let (fidelity, words, value) = match note {
        Note::Added(index) => (
            Fidelity::Synthesized,
            "A slide was added for a part that the presentation did not show.",
            part(index),
        ),
        Note::Dangling(src) => {
            (Fidelity::Dropped, "The presentation showed a part that is not there.", Some(src.clone()))
        }
        Note::Hidden(index) => {
            (Fidelity::Lossy, "The handset takes no more slides; the part is attached only.", part(index))
        }
        Note::Split(index) => (
            Fidelity::Lossy,
            "A slide with more than one picture, sound or text became several.",
            Some(format!("{}", index.saturating_add(1))),
        ),
    };
    loss.push(Field::Content, fidelity, words, value);
}

fn body(presentation: &Presentation) -> Body {
    let smil = presentation.write();
    let encoding = if smil.is_ascii() { TransferEncoding::SevenBit } else { TransferEncoding::EightBit };
    Body { encoded: smil.into(), encoding }
}

fn part(name: String, body: Body) -> Part {
    Part {
        kind: PartKind::Presentation,
        media_type: "application/smil".to_owned(),
        charset: Some("utf-8".to_owned()),
        parameters: Vec::new(),
        name: Some(name.clone()),
        content_id: Some(name.clone()),
        location: Some(name),
        disposition: None,
        body,
        damaged: false,
    }
}
