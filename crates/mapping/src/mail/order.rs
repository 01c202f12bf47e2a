//! The order in which a presentation shows the parts of a message (SMIL; RFC 2392 for `cid:`).
//!
//! Only references are read; layout and timing are not. What a reference means is decided where
//! presentations are rewritten, so that both find the same parts.

use alloc::vec::Vec;
use cedrat_message::{Content, Part, PartKind};
use cedrat_mime::transfer;
use cedrat_wire_mms::smil::{self, Aliases, Names};

use super::charset;

/// What a presentation refers to, in its order: the places of the parts; `None` for a reference to no part.
pub(super) fn shown(presentation: &Part, parts: &[Part]) -> Vec<Option<usize>> {
    let octets =
        transfer::decode(charset::mime_encoding(presentation.body.encoding), &presentation.body.encoded);
    let names: Vec<Names<'_>> = parts
        .iter()
        .map(|part| Names {
            name: part.name.as_deref(),
            content_id: part.content_id.as_deref(),
            location: part.location.as_deref(),
        })
        .collect();
    let aliases = Aliases::of(&names);
    smil::references(&octets.octets).iter().map(|reference| aliases.find(&reference.src)).collect()
}

/// The parts that a person sees or hears, as the presentation shows them; those that it does not show
/// follow in the order of the message.
pub(super) fn presented(content: &Content) -> Vec<&Part> {
    let is_presented = |part: &Part| matches!(part.kind, PartKind::Media | PartKind::Sealed | PartKind::Text);
    let mut parts: Vec<(usize, &Part)> =
        content.parts.iter().enumerate().filter(|(_, part)| is_presented(part)).collect();
    if let Some(presentation) = content.parts.iter().find(|part| part.kind == PartKind::Presentation) {
        let shown = shown(presentation, &content.parts);
        // A table of places would save nothing at the few hundred parts that limits allow.
        parts.sort_by_cached_key(|(index, _)| {
            shown.iter().position(|it| it == &Some(*index)).unwrap_or(usize::MAX)
        });
    }
    parts.into_iter().map(|(_, part)| part).collect()
}
