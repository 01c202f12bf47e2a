//! Where pictures and texts stand on a screen: the regions `Image` and `Text`, one above the other.

use alloc::vec::Vec;

use super::model::{IMAGE, TEXT};
use super::{Fit, Length, Region};

/// What must be laid out.
pub(super) struct Layout {
    /// Pixels across and down; `None` = not known, and every length is a part of the screen.
    pub(super) screen: Option<(u32, u32)>,
    /// Whether the text goes above the picture.
    pub(super) text_above: bool,
    /// Whether pictures or video are shown.
    pub(super) pictures: bool,
    /// Whether texts are shown.
    pub(super) texts: bool,
    /// Pixels across and down of the picture that is highest for its width, where known.
    pub(super) highest: Option<(u32, u32)>,
}

/// Of a screen, the hundredths that pictures have when nothing is known about them.
const USUAL: u32 = 70;
/// Pictures beside texts get no less and no more hundredths of the screen than this: the one must
/// still be seen and the other read.
const LEAST: u32 = 40;

impl Layout {
    pub(super) fn regions(&self) -> Vec<Region> {
        let (width, height, of_picture) = match self.screen {
            None => (Length::Percent(100), 100, USUAL),
            Some((width, height)) => (Length::Pixels(width), height, self.picture(width, height)),
        };
        let of_text = height.saturating_sub(of_picture);
        let length =
            |value| if self.screen.is_some() { Length::Pixels(value) } else { Length::Percent(value) };
        let region = |id: &str, top, share, fit| Region {
            id: id.into(),
            left: Some(length(0)),
            top: Some(length(top)),
            width: Some(width),
            height: Some(length(share)),
            fit: Some(fit),
        };
        let (top_of_picture, top_of_text) = if self.text_above { (of_text, 0) } else { (0, of_picture) };
        let mut regions = Vec::new();
        if of_picture > 0 {
            regions.push(region(IMAGE, top_of_picture, of_picture, Fit::Meet));
        }
        if of_text > 0 {
            regions.push(region(TEXT, top_of_text, of_text, Fit::Scroll));
        }
        regions
    }

    /// Pixels of the screen's height that pictures get: as many as the highest one fills, within
    /// bounds while there are texts too.
    fn picture(&self, width: u32, height: u32) -> u32 {
        match (self.pictures, self.texts) {
            (false, true) => 0,
            (_, false) => height,
            (true, true) => {
                let share = |hundredths: u32| {
                    u32::try_from(u64::from(height) * u64::from(hundredths) / 100).unwrap_or(height)
                };
                let filled = self.highest.filter(|(across, _)| *across > 0).map(|(across, down)| {
                    // A picture narrower than the screen is not enlarged.
                    let shown = u64::from(across.min(width));
                    u32::try_from((shown * u64::from(down)).div_ceil(u64::from(across))).unwrap_or(height)
                });
                filled.map_or_else(|| share(USUAL), |pixels| pixels.clamp(share(LEAST), share(USUAL)))
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn rows(layout: &Layout) -> Vec<(char, u32, u32)> {
        let pixels = |length: Option<Length>| match length {
            Some(Length::Pixels(it) | Length::Percent(it)) => it,
            None => 0,
        };
        let regions = layout.regions();
        regions
            .iter()
            .map(|it| (char::from(it.id.as_bytes()[0]), pixels(it.top), pixels(it.height)))
            .collect()
    }

    #[test]
    fn the_picture_gets_what_it_fills_and_the_text_the_rest() {
        let mut layout = Layout {
            screen: Some((240, 320)),
            text_above: false,
            pictures: true,
            texts: true,
            highest: Some((640, 480)),
        };
        assert_eq!(rows(&layout), [('I', 0, 180), ('T', 180, 140)]);
        layout.highest = Some((480, 640));
        assert_eq!(rows(&layout), [('I', 0, 224), ('T', 224, 96)]);
        layout.highest = Some((120, 20));
        assert_eq!(rows(&layout), [('I', 0, 128), ('T', 128, 192)]);
        layout.text_above = true;
        assert_eq!(rows(&layout), [('I', 192, 128), ('T', 0, 192)]);
        layout.texts = false;
        assert_eq!(rows(&layout), [('I', 0, 320)]);
        layout = Layout { pictures: false, texts: true, ..layout };
        assert_eq!(rows(&layout), [('T', 0, 320)]);
        layout.screen = None;
        assert_eq!(rows(&layout), [('I', 30, 70), ('T', 0, 30)]);
    }

    #[test]
    fn no_screen_is_too_small_or_too_large() {
        for side in [0, 1, u32::MAX] {
            let layout = Layout {
                screen: Some((side, side)),
                text_above: true,
                pictures: true,
                texts: true,
                highest: Some((1, u32::MAX)),
            };
            let heights: u64 = rows(&layout).iter().map(|(_, _, height)| u64::from(*height)).sum();
            assert_eq!(heights, u64::from(side));
        }
    }
}
