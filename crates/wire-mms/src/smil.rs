//! The presentation part of an MMS: what it shows, in which order, and on which screen
//! (the MMS conformance subset of SMIL 2.0 basic; OMA MMS-CONF).
//!
//! Reading is a tolerant tokenizer for what telephones really send, not an XML parser: it expands
//! no entities of a DTD and follows no animation, link or event. A presentation is never patched:
//! it is read into a [`Presentation`], rewritten for the parts as they are ([`rewrite`]), and
//! written anew.

mod alias;
mod clock;
mod layout;
mod model;
mod read;
mod rewrite;
mod tokens;
mod write;

use alloc::string::String;

pub use alias::{Aliases, Names};
pub use model::{Fit, Length, Medium, Presentation, Region, Slide};
pub use read::{Limits, references, references_within};
pub use rewrite::{Note, Shown, Stage, rewrite};

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
        alias::without_scheme(&self.src)
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
        let local = tokens::local(name);
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
