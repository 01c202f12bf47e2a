//! Sizes: how a picture is made to fit a screen and the bounds of a codec. Pure arithmetic.
//!
//! Never larger than the source, always even, aspect kept; H.263 knows only its own sizes
//! (ITU-T H.263 table 1), in which the picture is centred between black bars.

use cedrat_plan::format::VideoCodec;

/// Across and down.
pub(crate) type Size = (u32, u32);

/// Where a picture lies on what is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// What is coded.
    pub(crate) canvas: Size,
    /// The picture on it, rotation applied.
    pub(crate) inner: Size,
    /// Left and top of it.
    pub(crate) offset: Size,
}

/// Sizes of H.263 that handsets know, from large to small: CIF, QCIF, sub-QCIF.
pub(crate) const H263_SIZES: [Size; 3] = [(352, 288), (176, 144), (128, 96)];

/// Fits `shown` into `most`: both even, neither larger.
pub(crate) fn fit(shown: Size, most: Size) -> Size {
    let (width, height) = (u64::from(shown.0.max(1)), u64::from(shown.1.max(1)));
    let (across, down) = (u64::from(most.0.max(2)), u64::from(most.1.max(2)));
    let (fitted_width, fitted_height) = if width <= across && height <= down {
        (width, height)
    } else if width * down >= height * across {
        (across, (height * across + width / 2) / width)
    } else {
        ((width * down + height / 2) / height, down)
    };
    (even(fitted_width), even(fitted_height))
}

/// The even number at or below, and at least 2.
fn even(value: u64) -> u32 {
    u32::try_from((value / 2 * 2).max(2)).unwrap_or(2)
}

/// Lays `shown` out for a codec within `most`; `None` when the codec has no size so small.
pub(crate) fn lay_out(codec: VideoCodec, shown: Size, most: Size) -> Option<Layout> {
    if codec != VideoCodec::H263 {
        let size = fit(shown, most);
        return Some(Layout { canvas: size, inner: size, offset: (0, 0) });
    }
    let within = |size: &&Size| size.0 <= most.0 && size.1 <= most.1;
    // The smallest that the picture fits unscaled, else the largest there is.
    let holds = |size: &&Size| size.0 >= shown.0 && size.1 >= shown.1;
    let canvas =
        *H263_SIZES.iter().rev().filter(within).find(holds).or_else(|| H263_SIZES.iter().find(within))?;
    let inner = fit(shown, canvas);
    // Chroma has half the resolution: offsets are even too.
    let offset = ((canvas.0 - inner.0) / 4 * 2, (canvas.1 - inner.1) / 4 * 2);
    Some(Layout { canvas, inner, offset })
}

/// Size as shown with square pixels. The pixel shapes of H.263 and of DV are so close to square
/// that telephones show them as squares; stronger ones are undone by shrinking.
pub(crate) fn square(size: Size, aspect: f64) -> Size {
    let shrink = |side: u32, by: f64| ((f64::from(side) * by).round() as u32).max(1);
    if !(0.05..=20.0).contains(&aspect) || (0.85..=1.2).contains(&aspect) {
        size
    } else if aspect > 1.0 {
        (size.0, shrink(size.1, 1.0 / aspect))
    } else {
        (shrink(size.0, aspect), size.1)
    }
}

/// Bounds of a level: H.264 table A-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    /// Level times ten; 9 = 1b.
    pub(crate) level: u8,
    /// Macroblocks a second.
    pub(crate) rate: u32,
    /// Macroblocks of a picture.
    pub(crate) size: u32,
    /// Bits a second.
    pub(crate) bits: u64,
    /// Bits of the buffer.
    pub(crate) buffer: u64,
}

const fn level(level: u8, rate: u32, size: u32, kilobits: u64, buffer: u64) -> Level {
    Level { level, rate, size, bits: kilobits * 1000, buffer: buffer * 1000 }
}

const LEVELS: [Level; 16] = [
    level(10, 1_485, 99, 64, 175),
    level(9, 1_485, 99, 128, 350),
    level(11, 3_000, 396, 192, 500),
    level(12, 6_000, 396, 384, 1_000),
    level(13, 11_880, 396, 768, 2_000),
    level(20, 11_880, 396, 2_000, 2_000),
    level(21, 19_800, 792, 4_000, 4_000),
    level(22, 20_250, 1_620, 4_000, 4_000),
    level(30, 40_500, 1_620, 10_000, 10_000),
    level(31, 108_000, 3_600, 14_000, 14_000),
    level(32, 216_000, 5_120, 20_000, 20_000),
    level(40, 245_760, 8_192, 20_000, 25_000),
    level(41, 245_760, 8_192, 50_000, 62_500),
    level(42, 522_240, 8_704, 50_000, 62_500),
    level(50, 589_824, 22_080, 135_000, 135_000),
    level(51, 983_040, 36_864, 240_000, 240_000),
];

impl Level {
    /// The bounds of a level; those of 5.1 for one that is not known.
    pub(crate) fn of(wanted: u8) -> Self {
        let [.., highest] = LEVELS;
        LEVELS.iter().find(|level| level.level == wanted).copied().unwrap_or(highest)
    }

    /// As libav's encoders name it.
    pub(crate) fn name(self) -> String {
        match self.level {
            9 => "1b".to_owned(),
            level => format!("{}.{}", level / 10, level % 10),
        }
    }
}

/// The smallest level that takes such a stream.
pub(crate) fn level_for(size: Size, frames_a_second: f64, bits: u64) -> Level {
    let [.., highest] = LEVELS;
    let blocks = macroblocks(size);
    LEVELS
        .iter()
        .find(|level| {
            blocks <= level.size
                && f64::from(blocks) * frames_a_second <= f64::from(level.rate) * 1.001
                && bits <= level.bits
        })
        .copied()
        .unwrap_or(highest)
}

/// Blocks of 16x16 that cover a picture.
pub(crate) fn macroblocks(size: Size) -> u32 {
    size.0.div_ceil(16).saturating_mul(size.1.div_ceil(16))
}

/// Level of MPEG-4 Simple Profile (ISO/IEC 14496-2 table N.1) that takes such a stream.
pub(crate) fn simple_level(size: Size, frames_a_second: f64, bits: u64) -> i32 {
    let blocks = f64::from(macroblocks(size)) * frames_a_second;
    match () {
        () if macroblocks(size) <= 99 && blocks <= 1_486.0 && bits <= 64_000 => 1,
        () if macroblocks(size) <= 396 && blocks <= 5_941.0 && bits <= 128_000 => 2,
        () if macroblocks(size) <= 396 && blocks <= 11_881.0 && bits <= 384_000 => 3,
        () if macroblocks(size) <= 1_200 && blocks <= 36_000.0 => 4,
        () => 5,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_picture_lies_between_bars_on_qcif() {
        let layout = lay_out(VideoCodec::H263, (1280, 720), (176, 144)).unwrap();
        assert_eq!(layout, Layout { canvas: (176, 144), inner: (176, 98), offset: (0, 22) });
    }

    #[test]
    fn a_tall_picture_lies_between_bars_on_qcif() {
        let layout = lay_out(VideoCodec::H263, (720, 1280), (176, 144)).unwrap();
        assert_eq!((layout.canvas, layout.inner), ((176, 144), (80, 144)));
        assert_eq!(layout.offset.0 % 2, 0);
    }

    #[test]
    fn a_small_picture_is_not_enlarged() {
        assert_eq!(fit((100, 80), (640, 480)), (100, 80));
        let layout = lay_out(VideoCodec::H263, (100, 80), (352, 288)).unwrap();
        assert_eq!((layout.canvas, layout.inner), ((128, 96), (100, 80)));
    }

    #[test]
    fn every_result_is_even_within_bounds_and_not_larger_than_the_source() {
        for width in (1..400).step_by(7) {
            for height in (1..400).step_by(11) {
                for most in [(176, 144), (320, 240), (33, 17)] {
                    let (across, down) = fit((width, height), most);
                    assert!(across % 2 == 0 && down % 2 == 0 && across >= 2 && down >= 2);
                    assert!(across <= most.0.min(width).max(2) && down <= most.1.min(height).max(2));
                }
            }
        }
    }

    #[test]
    fn qcif_at_fifteen_frames_is_level_1_and_a_little_more_is_not() {
        assert_eq!(level_for((176, 144), 15.0, 64_000).level, 10);
        assert_eq!(level_for((176, 144), 15.0, 128_000).level, 9);
        assert_eq!(level_for((176, 144), 30.0, 64_000).level, 11);
        assert_eq!(level_for((640, 360), 30.0, 800_000).level, 30);
        assert_eq!(Level::of(9).name(), "1b");
    }

    #[test]
    fn no_legal_size_is_no_layout() {
        assert_eq!(lay_out(VideoCodec::H263, (640, 480), (100, 100)), None);
    }
}
