//! The presentation part of an MMS: which parts it shows, and a plain one made from parts
//! (the MMS conformance subset of SMIL 2.0 basic; OMA MMS-CONF).
//!
//! The reader is a tolerant tokenizer for what telephones really send, not an XML parser: it cares
//! for elements with a `src` and their order. It does not resolve references to parts, judge
//! layout, or expand entities of a DTD.

mod read;
mod write;

use alloc::string::String;

pub use read::{Limits, references, references_within};
pub use write::{Slide, generate};

/// One reference to a part, in the order of the presentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The value of `src`, entities decoded: a name, `cid:…`, or anything.
    pub src: String,
    /// The element that holds it.
    pub element: Element,
}

impl Reference {
    /// The Content-ID of a `cid:` URL (RFC 2392), without the scheme; `None` for a plain name.
    #[must_use]
    pub fn content_id(&self) -> Option<&str> {
        let (scheme, id) = self.src.split_at_checked(4)?;
        scheme.eq_ignore_ascii_case("cid:").then_some(id)
    }
}

/// A media object element of SMIL 2.0 §7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Element {
    /// `animation`
    Animation,
    /// `audio`
    Audio,
    /// `img`
    Img,
    /// `ref`, and any element unknown to SMIL that has a `src`.
    Ref,
    /// `text`
    Text,
    /// `textstream`
    Textstream,
    /// `video`
    Video,
}

impl Element {
    /// The element name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Animation => "animation",
            Self::Audio => "audio",
            Self::Img => "img",
            Self::Ref => "ref",
            Self::Text => "text",
            Self::Textstream => "textstream",
            Self::Video => "video",
        }
    }

    fn read(name: &[u8]) -> Self {
        const KNOWN: [Element; 6] = [
            Element::Animation,
            Element::Audio,
            Element::Img,
            Element::Text,
            Element::Textstream,
            Element::Video,
        ];
        let local = name.rsplit(|octet| *octet == b':').next().unwrap_or(name);
        let known = KNOWN.into_iter().find(|element| local.eq_ignore_ascii_case(element.name().as_bytes()));
        known.unwrap_or(if local.eq_ignore_ascii_case(b"image") { Self::Img } else { Self::Ref })
    }
}

#[cfg(test)]
#[allow(
    clippy::disallowed_macros,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
mod tests;
