//! UAProf documents: what a vendor says a handset can do (OMA-UAProf 2.0, RDF/XML).
//!
//! Real documents break XML in every way: text before the declaration, tags that are never closed,
//! files that end in the middle. [`read`] takes what is there and lists what was wrong; only a
//! text without any component or property is [`Unreadable`]. Names are compared without their
//! namespace, because nine schemas are in use and the prefixes are anybody's.
//!
//! Does not know what a property means: that is the mapping's. Does not fetch: the documents named
//! by `defaults` and by `xmlns` are named, never followed.

mod read;
mod tags;
#[cfg(test)]
mod tests;

use alloc::{string::String, vec::Vec};
use core::fmt;

pub use read::read;

/// Bounds of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the document. Default 64 KiB: of 3342 published ones a single one is longer.
    pub octets: usize,
    /// Elements inside each other. Default 32; real documents have 8.
    pub depth: usize,
    /// Properties that are kept; the rest is ignored. Default 1000; real documents have 150.
    pub properties: usize,
    /// Values that are kept of one property. Default 1000; real bags have 200.
    pub values: usize,
    /// Flaws that are listed. Default 32: the first ones say what is wrong.
    pub flaws: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { octets: 64 << 10, depth: 32, properties: 1000, values: 1000, flaws: 32 }
    }
}

/// What a document says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// The components in their order, such as `HardwarePlatform` and `MmsCharacteristics`.
    pub components: Vec<Component>,
    /// What is wrong with it, in the order of the text.
    pub flaws: Vec<Flaw>,
}

/// One component of a handset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Component {
    /// Name without namespace; empty for properties that stand outside of any component.
    pub name: String,
    /// Documents that hold defaults for it, as URLs.
    pub defaults: Vec<String>,
    /// Its properties in their order.
    pub properties: Vec<Property>,
}

/// One property.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Property {
    /// Name without namespace, such as `MmsMaxMessageSize`.
    pub name: String,
    /// Its value, or the values of its bag, trimmed, none of them empty.
    pub values: Vec<String>,
    /// Whether it stands among the defaults of its component: what is said outside of them wins.
    pub default: bool,
}

/// Something that a parser of XML would have refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flaw {
    /// Octet of the document (after conversion to UTF-8) where it was seen.
    pub at: usize,
    /// What it is.
    pub kind: FlawKind,
}

/// Kinds of [`Flaw`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlawKind {
    /// Elements are nested deeper than [`Limits::depth`]; those are not read.
    Depth,
    /// An end tag that no open element has.
    EndWithoutStart,
    /// Text before the document, between its elements, or after it.
    Stray,
    /// The document ends in the middle of a tag, a comment or an element.
    Truncated,
    /// An element that is closed by the end of another.
    Unclosed,
    /// More properties or values than [`Limits`] allow; the rest is not read.
    TooMany,
}

impl fmt::Display for FlawKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "elements are nested too deeply",
            Self::EndWithoutStart => "an end tag has no start",
            Self::Stray => "there is text where none belongs",
            Self::TooMany => "there are too many properties or values",
            Self::Truncated => "it ends in the middle",
            Self::Unclosed => "an element is not closed",
        })
    }
}

/// Why nothing can be taken from a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// Neither a component nor a property was found: a page that is something else.
    NoProfile,
    /// More than [`Limits::octets`].
    TooLarge,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoProfile => "is no profile of a handset",
            Self::TooLarge => "is longer than a profile may be",
        })
    }
}

impl core::error::Error for Unreadable {}

impl Document {
    /// The first property of this name that has a value. Case and hyphens are ignored, because
    /// `CcppAcceptCharSet`, `CcppAccept-Charset` and `CcppAcceptCharset` are one; what is said
    /// wins over a default.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Property> {
        let mut fallback = None;
        for property in self.components.iter().flat_map(|component| &component.properties) {
            if property.values.is_empty() || !is_same(&property.name, name) {
                continue;
            }
            if !property.default {
                return Some(property);
            }
            fallback = fallback.or(Some(property));
        }
        fallback
    }

    /// The values of [`Document::property`]; none when there is no such property.
    #[must_use]
    pub fn values(&self, name: &str) -> &[String] {
        self.property(name).map_or(&[], |property| &property.values)
    }

    /// The first of [`Document::values`].
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).first().map(String::as_str)
    }
}

/// Whether two names of properties are one.
fn is_same(a: &str, b: &str) -> bool {
    let letters = |name: &str| name.as_bytes().iter().filter(|&&octet| octet != b'-').count();
    let fold = |octet: &u8| octet.to_ascii_lowercase();
    letters(a) == letters(b)
        && a.bytes()
            .filter(|&octet| octet != b'-')
            .zip(b.bytes().filter(|&octet| octet != b'-'))
            .all(|(a, b)| fold(&a) == fold(&b))
}
