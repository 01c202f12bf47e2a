//! Texts and cards made readable for a handset: charsets, HTML to text, versions of cards.
//!
//! Everything takes octets and gives octets, with a list of what did not make it. Linear time, no
//! recursion, bounded. Not here: what a handset reads (`cedrat_plan::profile`), and pictures inside
//! of cards, which are kept as they are or removed.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod approximate;
mod calendar;
mod charset;
mod line;
mod vcard;

use alloc::string::String;
use core::fmt;

use cedrat_wire_mail::{charset as wire, html};

pub use calendar::convert_calendar;
pub use charset::to_charset;
pub use vcard::convert_vcard;

/// Bounds of one text or file of cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets; longer ones are refused. Default 8 MiB: an address book with pictures, or a book.
    pub octets: usize,
    /// Lines of cards; more are refused. Default 100 000: a calendar of many years.
    pub lines: usize,
    /// Times of a calendar that are looked up in its zones; later ones stay local. Default 20 000: each
    /// may ask every change that a zone ever made.
    pub zone_times: usize,
    /// Octets of text made from HTML; the rest is cut. Default 1 MiB: more than anybody writes.
    pub html_octets: usize,
}

impl Limits {
    /// The defaults, as a constant.
    pub const DEFAULT: Self =
        Self { octets: 8 << 20, lines: 100_000, zone_times: 20_000, html_octets: 1 << 20 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What did not come through a conversion as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// So many characters were written with similar ones: straight quotes, letters without accents.
    Approximated(usize),
    /// A value that could not be read; the property.
    Damaged(String),
    /// Something that the version has no word for; the property or component.
    Dropped(String),
    /// Times of a zone are now local times, because the file does not define the zone or because
    /// a rule of repetition would name other days in UTC; the zone.
    Floating(String),
    /// A picture or sound inside of a card was removed; its octets.
    Picture(u64),
    /// A rule of repetition that the version cannot say; only the first time is left. The rule.
    Rule(String),
    /// So many characters could not be read: the octets are not of the charset that they claim.
    Unread(usize),
    /// So many characters stand as question marks: the charset does not have them.
    Unwritten(usize),
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approximated(count) => write!(f, "{count} characters were written with similar ones"),
            Self::Damaged(name) => write!(f, "{name} could not be read"),
            Self::Dropped(name) => write!(f, "{name} has no word in this version"),
            Self::Floating(zone) => write!(f, "times of the zone {zone} are local times now"),
            Self::Picture(octets) => write!(f, "a picture or sound of {octets} octets was removed"),
            Self::Rule(rule) => write!(f, "the repetition {rule} cannot be said in this version"),
            Self::Unread(count) => write!(f, "{count} characters could not be read"),
            Self::Unwritten(count) => write!(f, "{count} characters are not in the charset"),
        }
    }
}

/// The text of an HTML document in any charset, for reading: [`Limits::html_octets`] at most.
///
/// Images give their alternative text and links their address; what a style hides shows.
#[must_use]
pub fn html_to_text(octets: &[u8], charset: &str) -> String {
    let (source, _) = wire::text(octets, Some(charset));
    html::text(&source, Limits::DEFAULT.html_octets)
}
