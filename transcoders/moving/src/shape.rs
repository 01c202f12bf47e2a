//! Size, rate of pictures and playing time that a number of bits can carry. Pure arithmetic.
//!
//! When there are too few bits for all pixels of all pictures, fewer pictures are shown before
//! smaller ones, and smaller ones before fewer seconds.

use cedrat_plan::{format::VideoCodec, job::VideoTarget};

use crate::{
    av::Ratio,
    geometry::{self, Layout, Size},
    slots,
};

/// Pictures a second that are tried, below what the target and the source have.
const RATES: [f64; 3] = [15.0, 10.0, 7.5];
/// Parts of the size that are tried.
const SCALES: [f64; 4] = [1.0, 0.75, 0.5, 0.375];

/// One way to show a video.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shape {
    pub(crate) layout: Layout,
    /// Pictures a second.
    pub(crate) rate: Ratio,
    /// Whether that is the rate of the source.
    pub(crate) fine: bool,
}

impl Shape {
    /// Pixels a second that are coded.
    pub(crate) fn pixels(&self) -> f64 {
        f64::from(self.layout.canvas.0) * f64::from(self.layout.canvas.1) * self.rate.value()
    }
}

/// Bits a pixel at which a codec still looks like the picture, and at which it is still one.
const fn needs(codec: VideoCodec) -> (f64, f64) {
    match codec {
        VideoCodec::H263 => (0.10, 0.03),
        VideoCodec::Mpeg4 => (0.08, 0.025),
        _ => (0.035, 0.010),
    }
}

/// Beyond so many bits a pixel nothing is gained.
pub(crate) const fn plenty(codec: VideoCodec) -> f64 {
    match codec {
        VideoCodec::H264 => 0.5,
        _ => 3.0,
    }
}

/// All shapes of a source for a target, from the largest to the smallest. `shown` is the size as
/// shown, `rate` the pictures a second of the source.
pub(crate) fn ladder(target: &VideoTarget, shown: Size, rate: Ratio) -> Vec<Shape> {
    let most = f64::from(target.max_millihertz.max(1)) / 1000.0;
    let steps = RATES.iter().copied().filter(|step| *step < most.min(rate.value()) * 0.9);
    let tried = std::iter::once((1.0, most))
        .chain(steps.map(|step| (1.0, step)))
        .chain(SCALES.iter().skip(1).map(|scale| (*scale, most.min(7.5))));
    let mut shapes: Vec<Shape> =
        tried.filter_map(|(scale, most)| at(target, shown, rate, scale, most)).collect();
    if shapes.is_empty() {
        // The size of the target is beyond its own level: the largest that is not.
        let scales = [0.85, 0.7, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1];
        shapes = scales.iter().filter_map(|scale| at(target, shown, rate, *scale, most)).collect();
    }
    shapes.dedup();
    shapes
}

/// The shape at a part of the size of the target and at most so many pictures a second; `None`
/// when the codec or the level has none.
fn at(target: &VideoTarget, shown: Size, rate: Ratio, scale: f64, most_rate: f64) -> Option<Shape> {
    let floor = smallest(target.codec);
    let side = |most: u32, shown: u32| scaled(most.min(shown.max(floor)), scale);
    let most_size = (side(target.max_width, shown.0), side(target.max_height, shown.1));
    let layout = geometry::lay_out(target.codec, shown, most_size)?;
    let mut most_rate = most_rate;
    if target.codec == VideoCodec::H264 && target.level != 0 {
        let level = geometry::Level::of(target.level);
        let blocks = geometry::macroblocks(layout.canvas);
        if blocks > level.size {
            return None;
        }
        most_rate = most_rate.min(f64::from(level.rate) / f64::from(blocks.max(1)));
    }
    let (rate, fine) = slots::rate_within(rate, most_rate);
    Some(Shape { layout, rate, fine })
}

/// The smallest size of H.263 is never out of reach of a tiny source.
const fn smallest(codec: VideoCodec) -> u32 {
    match codec {
        VideoCodec::H263 => 128,
        _ => 2,
    }
}

fn scaled(side: u32, scale: f64) -> u32 {
    (f64::from(side) * scale).round() as u32
}

/// The first shape that `bits` a second carry well; without one, the last, if they carry it at all.
pub(crate) fn choose(shapes: &[Shape], codec: VideoCodec, bits: f64) -> Option<usize> {
    let (well, barely) = needs(codec);
    shapes
        .iter()
        .position(|shape| bits >= shape.pixels() * well)
        .or_else(|| shapes.last().filter(|shape| bits >= shape.pixels() * barely).map(|_| shapes.len() - 1))
}

/// Bits a second below which a shape is no picture any more.
pub(crate) fn least(shape: &Shape, codec: VideoCodec) -> f64 {
    shape.pixels() * needs(codec).1
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use cedrat_plan::format::{Format, SoundCodec};

    fn target(codec: VideoCodec, width: u32, height: u32) -> VideoTarget {
        VideoTarget {
            format: Format::ThreeGp,
            codec,
            level: 0,
            max_width: width,
            max_height: height,
            max_millihertz: 15_000,
            max_bit_rate: 0,
            sound: Some(SoundCodec::Amr),
            max_octets: 300 << 10,
            max_duration_ms: 0,
            may_cut: false,
        }
    }

    #[test]
    fn pictures_get_fewer_before_they_get_smaller() {
        let shapes = ladder(&target(VideoCodec::H263, 176, 144), (1280, 720), Ratio::new(30, 1));
        let seen: Vec<(u32, f64)> =
            shapes.iter().map(|shape| (shape.layout.canvas.0, shape.rate.value())).collect();
        assert_eq!(seen, [(176, 15.0), (176, 10.0), (176, 7.5), (128, 7.5)]);
        assert_eq!(choose(&shapes, VideoCodec::H263, 218_000.0), Some(0));
        assert_eq!(choose(&shapes, VideoCodec::H263, 27_000.0), Some(1));
        assert_eq!(choose(&shapes, VideoCodec::H263, 9_300.0), Some(3));
        assert_eq!(choose(&shapes, VideoCodec::H263, 1_000.0), None);
    }

    #[test]
    fn a_level_bounds_size_and_rate() {
        let mut target = target(VideoCodec::H264, 640, 480);
        target.max_millihertz = 30_000;
        target.level = 11;
        for shape in ladder(&target, (640, 480), Ratio::new(30, 1)) {
            let blocks = geometry::macroblocks(shape.layout.canvas);
            assert!(blocks <= 396 && f64::from(blocks) * shape.rate.value() <= 3_001.0);
        }
    }
}
