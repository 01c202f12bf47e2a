//! What a presentation says: its references, or all of it.
//!
//! Damage costs the tag that has it. Nested `par` are one slide, `seq`, `excl`, `switch` and `a` are
//! looked through, a medium outside a `par` is a slide of its own: the order is kept, the
//! finer timing is not.

use alloc::string::String;
use alloc::vec::Vec;

use super::clock;
use super::tokens::{Tag, Token, Tokens, local, utf8};
use super::{Element, Fit, Length, Medium, Presentation, Reference, Region, Slide};

/// Bounds of one presentation. There is none on depth: nesting is counted, never followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Octets looked at; the rest is ignored. Default 256 KiB: telephones send less than 8.
    pub octets: usize,
    /// References reported; the rest is ignored. Default 1000, the most parts that a message may have.
    pub references: usize,
    /// Slides; media after the last are ignored. Default 1000: one for each part.
    pub slides: usize,
    /// Regions kept. Default 16: canonical presentations have two.
    pub regions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { octets: 256 << 10, references: 1000, slides: 1000, regions: 16 }
    }
}

/// The references of a presentation under the default [`Limits`].
#[must_use]
pub fn references(octets: &[u8]) -> Vec<Reference> {
    references_within(octets, &Limits::default())
}

/// The references of a presentation in document order, which in a `par` or `seq` is that of the
/// presentation. Duplicates are kept, an empty `src` is not.
///
/// Reads UTF-8, Latin-1 and, by its byte order mark, UTF-16. Damage costs the tag that has it.
#[must_use]
pub fn references_within(octets: &[u8], limits: &Limits) -> Vec<Reference> {
    let text = utf8(octets.get(..limits.octets).unwrap_or(octets));
    let starts = Tokens::of(&text).filter_map(|token| match token {
        Token::Start(tag) => reference(&tag),
        Token::End(_) => None,
    });
    starts.take(limits.references).collect()
}

fn reference(tag: &Tag<'_>) -> Option<Reference> {
    // Structure shows nothing, and neither does fetching ahead.
    if ["par", "prefetch", "region", "root-layout"].iter().any(|name| tag.is(name)) {
        return None;
    }
    Some(Reference { src: tag.value("src")?, element: Element::read(tag.name) })
}

impl Presentation {
    /// Reads a presentation under the default [`Limits`]. Anything can be read: what is no SMIL has
    /// no slides.
    #[must_use]
    pub fn read(octets: &[u8]) -> Self {
        Self::read_within(octets, &Limits::default())
    }

    /// As [`Presentation::read`]. Its media are exactly the [`references_within`] the same limits,
    /// unless slides are cut.
    #[must_use]
    pub fn read_within(octets: &[u8], limits: &Limits) -> Self {
        let text = utf8(octets.get(..limits.octets).unwrap_or(octets));
        let mut reader = Reader { limits, presentation: Self::default(), open: 0, slide: None, media: 0 };
        for token in Tokens::of(&text) {
            match token {
                Token::Start(tag) => reader.start(&tag),
                Token::End(name) => reader.end(local(name)),
            }
            if reader.is_full() {
                break;
            }
        }
        reader.close();
        reader.presentation
    }
}

struct Reader<'a> {
    limits: &'a Limits,
    presentation: Presentation,
    /// `par` inside each other.
    open: u32,
    slide: Option<Slide>,
    media: usize,
}

impl Reader<'_> {
    fn is_full(&self) -> bool {
        self.media >= self.limits.references || self.presentation.slides.len() >= self.limits.slides
    }

    fn start(&mut self, tag: &Tag<'_>) {
        if tag.is("par") {
            self.par(tag);
        } else if tag.is("root-layout") {
            let side = |name| tag.value(name).and_then(|value| Length::read(&value)).and_then(Length::pixels);
            self.presentation.root = self.presentation.root.or_else(|| side("width").zip(side("height")));
        } else if tag.is("region") {
            if self.presentation.regions.len() < self.limits.regions {
                self.presentation.regions.extend(region(tag));
            }
        } else if let Some(medium) = medium(tag) {
            self.media += 1;
            match &mut self.slide {
                Some(slide) => slide.media.push(medium),
                None => {
                    let duration = tag.value("dur").and_then(|value| clock::read(&value));
                    self.presentation.slides.push(Slide { duration, media: Vec::from([medium]) });
                }
            }
        }
    }

    fn par(&mut self, tag: &Tag<'_>) {
        if tag.closed {
            return;
        }
        let duration = tag.value("dur").and_then(|value| clock::read(&value));
        let slide = self.slide.get_or_insert_default();
        slide.duration = slide.duration.or(duration);
        self.open = self.open.saturating_add(1);
    }

    fn end(&mut self, name: &[u8]) {
        if name.eq_ignore_ascii_case(b"par") {
            self.open = self.open.saturating_sub(1);
            if self.open == 0 {
                self.close();
            }
        } else if name.eq_ignore_ascii_case(b"body") {
            self.close();
        }
    }

    fn close(&mut self) {
        self.open = 0;
        let slide = self.slide.take().filter(|slide| !slide.media.is_empty());
        self.presentation.slides.extend(slide);
    }
}

fn medium(tag: &Tag<'_>) -> Option<Medium> {
    let Reference { src, element } = reference(tag)?;
    let time = |name| tag.value(name).and_then(|value| clock::read(&value));
    let begin = time("begin").filter(|begin| *begin > 0);
    let lasts = || time("dur").map(|duration| begin.unwrap_or(0).saturating_add(duration));
    let end = time("end").or_else(lasts);
    Some(Medium { element, src, region: tag.value("region"), begin, end, alt: tag.value("alt") })
}

fn region(tag: &Tag<'_>) -> Option<Region> {
    let length = |name| tag.value(name).and_then(|value| Length::read(&value));
    Some(Region {
        id: tag.value("id")?,
        left: length("left"),
        top: length("top"),
        width: length("width"),
        height: length("height"),
        fit: tag.value("fit").and_then(|value| Fit::read(&value)),
    })
}

impl Length {
    /// `50%`, `240px`, `240`; a fraction is cut off.
    fn read(value: &str) -> Option<Self> {
        let end = value.bytes().position(|octet| !octet.is_ascii_digit()).unwrap_or(value.len());
        let (digits, unit) = value.split_at_checked(end)?;
        let number = digits.parse().ok()?;
        let unit: String = unit.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit()).trim().into();
        match unit.to_ascii_lowercase().as_str() {
            "%" => Some(Self::Percent(number)),
            "" | "px" => Some(Self::Pixels(number)),
            _ => None,
        }
    }
}
