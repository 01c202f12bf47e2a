//! A presentation as a value: screen, regions, slides, media.

use alloc::string::String;
use alloc::vec::Vec;

use super::Element;

/// What a presentation says, as far as handsets do it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Presentation {
    /// Pixels across and down of `root-layout`; `None` when it does not say both.
    pub root: Option<(u32, u32)>,
    /// Where media are shown.
    pub regions: Vec<Region>,
    /// What is shown after each other.
    pub slides: Vec<Slide>,
}

/// One `region` of the layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Its name; `Image` and `Text` by convention.
    pub id: String,
    /// From the left edge of the screen.
    pub left: Option<Length>,
    /// From the top edge of the screen.
    pub top: Option<Length>,
    /// Across.
    pub width: Option<Length>,
    /// Down.
    pub height: Option<Length>,
    /// What becomes of a medium of another size.
    pub fit: Option<Fit>,
}

/// A length of the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Of the screen, hundredths.
    Percent(u32),
    /// Pixels.
    Pixels(u32),
}

impl Length {
    pub(super) const fn pixels(self) -> Option<u32> {
        match self {
            Self::Pixels(pixels) => Some(pixels),
            Self::Percent(_) => None,
        }
    }
}

/// What becomes of a medium that has not the size of its region (SMIL 2.0 §5.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Stretched.
    Fill,
    /// Cut.
    Hidden,
    /// Scaled until one side fits, nothing cut.
    Meet,
    /// Scrolled.
    Scroll,
    /// Scaled until both sides are filled, the rest cut.
    Slice,
}

impl Fit {
    const ALL: [Self; 5] = [Self::Fill, Self::Hidden, Self::Meet, Self::Scroll, Self::Slice];

    /// The attribute value.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Fill => "fill",
            Self::Hidden => "hidden",
            Self::Meet => "meet",
            Self::Scroll => "scroll",
            Self::Slice => "slice",
        }
    }

    pub(super) fn read(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fit| value.eq_ignore_ascii_case(fit.token()))
    }
}

/// One screen: everything in it is shown at the same time (`par`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slide {
    /// How long, milliseconds; `None` = as long as its media last.
    pub duration: Option<u64>,
    /// What is shown.
    pub media: Vec<Medium>,
}

/// One medium of a slide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// The element.
    pub element: Element,
    /// The value of `src`, entities decoded: a name, `cid:…`, or anything.
    pub src: String,
    /// The region in which it is shown.
    pub region: Option<String>,
    /// From when in the slide, milliseconds.
    pub begin: Option<u64>,
    /// Until when in the slide, milliseconds.
    pub end: Option<u64>,
    /// What stands for it where it cannot be shown.
    pub alt: Option<String>,
}

impl Medium {
    /// A medium shown from beginning to end in the region of its kind.
    #[must_use]
    pub fn new(element: Element, src: impl Into<String>) -> Self {
        let region = element.region().map(Into::into);
        Self { element, src: src.into(), region, begin: None, end: None, alt: None }
    }
}

impl Presentation {
    /// Every medium, in the order of the presentation.
    pub fn media(&self) -> impl Iterator<Item = &Medium> {
        self.slides.iter().flat_map(|slide| &slide.media)
    }

    /// Whether texts stand above pictures.
    #[must_use]
    pub fn has_text_above(&self) -> bool {
        let top = |is: fn(Element) -> bool, usual: &str| {
            let shown = self.media().find(|medium| is(medium.element) && medium.region.is_some());
            let id = shown.and_then(|medium| medium.region.as_deref()).unwrap_or(usual);
            let region = self.regions.iter().find(|region| region.id.eq_ignore_ascii_case(id))?;
            Some(region.top.map_or(0, |top| self.thousandths(top)))
        };
        let text = top(|element| matches!(element, Element::Text | Element::Textstream), TEXT);
        let image = top(|element| element.region() == Some(IMAGE), IMAGE);
        text.zip(image).is_some_and(|(text, image)| text < image)
    }

    /// A vertical place that can be compared with others: thousandths of the screen, or pixels
    /// where its height is not known.
    fn thousandths(&self, length: Length) -> u64 {
        match (length, self.root) {
            (Length::Percent(hundredths), _) => u64::from(hundredths) * 10,
            (Length::Pixels(pixels), Some((_, height))) => {
                u64::from(pixels) * 1_000 / u64::from(height.max(1))
            }
            (Length::Pixels(pixels), None) => pixels.into(),
        }
    }
}

/// The region of pictures and video.
pub(super) const IMAGE: &str = "Image";
/// The region of texts.
pub(super) const TEXT: &str = "Text";

impl Element {
    /// The region in which canonical presentations show it; what is only heard has none.
    pub(super) const fn region(self) -> Option<&'static str> {
        match self {
            Self::Animation | Self::Img | Self::Video => Some(IMAGE),
            Self::Text | Self::Textstream => Some(TEXT),
            Self::Audio | Self::Ref => None,
        }
    }
}
