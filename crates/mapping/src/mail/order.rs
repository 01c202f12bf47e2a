//! The order in which a presentation shows the parts of a message (SMIL; RFC 2392 for `cid:`).
//!
//! Only references are read; layout and timing are not.

use alloc::vec::Vec;
use cedrat_message::{Content, Part, PartKind};
use cedrat_mime::{entity::bare_id, transfer};
use cedrat_wire_mms::smil::{self, Reference};

use super::charset;

/// What a presentation part refers to, in its order.
pub(super) fn references(part: &Part) -> Vec<Reference> {
    let octets = transfer::decode(charset::mime_encoding(part.body.encoding), &part.body.encoded);
    smil::references(&octets.octets)
}

/// Whether a reference means this part: by Content-ID, Content-Location or name, as telephones write them.
pub(super) fn is_called(part: &Part, reference: &Reference) -> bool {
    let id = bare_id(reference.content_id().unwrap_or(&reference.src));
    let plain = reference.src.as_str();
    let named = |name: &Option<alloc::string::String>| {
        name.as_deref().is_some_and(|name| name == id || name == plain)
    };
    named(&part.content_id) || named(&part.location) || named(&part.name)
}

/// The parts that a person sees or hears, as the presentation shows them; those that it does not show
/// follow in the order of the message.
pub(super) fn presented(content: &Content) -> Vec<&Part> {
    let mut shown: Vec<&Part> = content
        .parts
        .iter()
        .filter(|part| matches!(part.kind, PartKind::Media | PartKind::Sealed | PartKind::Text))
        .collect();
    let Some(presentation) = content.parts.iter().find(|part| part.kind == PartKind::Presentation) else {
        return shown;
    };
    let references = references(presentation);
    // A table of names would save nothing at the few hundred parts that limits allow.
    let place = |part: &Part| references.iter().position(|it| is_called(part, it)).unwrap_or(usize::MAX);
    shown.sort_by_cached_key(|part| place(part));
    shown
}
