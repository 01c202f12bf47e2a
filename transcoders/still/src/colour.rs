//! Between colour spaces: luma and chroma, ink, opacity, ICC profiles. Everything ends in sRGB.
//!
//! Profiles are applied after scaling, when few pixels are left.

use moxcms::{ColorProfile, DataColorSpace, TransformOptions};

use crate::{
    planes::{Plane, Planes},
    raster::{Layout, Raster},
};

/// What a picture has been flattened on: what a handset shows it on.
const WHITE: u32 = 255;

impl Raster {
    /// Whether there are as many octets as pixels.
    pub(crate) fn is_whole(&self) -> bool {
        let pixels = u64::from(self.width) * u64::from(self.height);
        pixels > 0 && pixels * self.layout.channels() as u64 == self.pixels.len() as u64
    }

    /// Without opacity: laid on white.
    pub(crate) fn flattened(self) -> Self {
        if self.layout != Layout::Rgba {
            return self;
        }
        let over = |c: u8, a: u8| {
            let a = u32::from(a);
            ((u32::from(c) * a + WHITE * (255 - a) + 127) / 255) as u8
        };
        let pixels = self.pixels.as_chunks::<4>().0.iter();
        let pixels = pixels.flat_map(|&[r, g, b, a]| [over(r, a), over(g, a), over(b, a)]);
        Self { layout: Layout::Rgb, pixels: pixels.collect(), ..self }
    }

    /// In red, green and blue, with opacity when it has some.
    pub(crate) fn coloured(self) -> Self {
        if self.layout != Layout::Gray {
            return self;
        }
        let pixels = self.pixels.iter().flat_map(|&y| [y; 3]).collect();
        Self { layout: Layout::Rgb, pixels, ..self }
    }

    /// Luma and halved chroma; opacity is laid on white.
    pub(crate) fn into_planes(self) -> Planes {
        let raster = self.flattened();
        let (width, height) = (raster.width as usize, raster.height as usize);
        if raster.layout == Layout::Gray {
            return Planes { luma: Plane { width, height, pixels: raster.pixels }, chroma: None };
        }
        let pixels = raster.pixels.as_chunks::<3>().0;
        let luma = pixels.iter().map(|pixel| luma(*pixel)).collect();
        let (across, down) = (width.div_ceil(2), height.div_ceil(2));
        let mut blue = Vec::with_capacity(across * down);
        let mut red = Vec::with_capacity(across * down);
        for pair in pixels.chunks(2 * width.max(1)) {
            let (upper, lower) = pair.split_at(width.min(pair.len()));
            let lower = if lower.is_empty() { upper } else { lower };
            for (upper, lower) in upper.chunks(2).zip(lower.chunks(2)) {
                let sum = |channel: usize| {
                    let of = |pixels: &[[u8; 3]]| {
                        let first = pixels.first().and_then(|p| p.get(channel)).copied();
                        let last = pixels.last().and_then(|p| p.get(channel)).copied();
                        i32::from(first.unwrap_or(0)) + i32::from(last.unwrap_or(0))
                    };
                    of(upper) + of(lower)
                };
                let (r, g, b) = (sum(0), sum(1), sum(2));
                // Four pixels together: two bits more.
                let half = (128 << 18) + (1 << 17) - 1;
                blue.push(clamp((-11_059 * r - 21_709 * g + 32_768 * b + half) >> 18));
                red.push(clamp((32_768 * r - 27_439 * g - 5_329 * b + half) >> 18));
            }
        }
        let plane = |pixels| Plane { width: across, height: down, pixels };
        Planes { luma: Plane { width, height, pixels: luma }, chroma: Some([plane(blue), plane(red)]) }
    }
}

fn clamp(value: i32) -> u8 {
    value.clamp(0, 255) as u8
}

/// Luma of a colour, ITU-T T.871 §7.
pub(crate) fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b) + 32_768) >> 16) as u8
}

/// Red, green and blue of three planes of one size.
pub(crate) fn rgb(luma: &Plane, blue: &Plane, red: &Plane) -> Raster {
    let pixels = luma.pixels.iter().zip(&blue.pixels).zip(&red.pixels);
    let pixels = pixels.flat_map(|((&y, &cb), &cr)| {
        let y = (i32::from(y) << 16) + 32_768;
        let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
        [
            clamp((y + 91_881 * cr) >> 16),
            clamp((y - 22_554 * cb - 46_802 * cr) >> 16),
            clamp((y + 116_130 * cb) >> 16),
        ]
    });
    Raster {
        width: luma.width as u32,
        height: luma.height as u32,
        layout: Layout::Rgb,
        pixels: pixels.collect(),
    }
}

/// Cyan, magenta, yellow and black as printed without a profile. Adobe's files say how much ink is
/// *not* there.
pub(crate) fn ink(pixels: &[u8], adobe: bool) -> Vec<u8> {
    let pixels = pixels.as_chunks::<4>().0.iter();
    let pixels = pixels.flat_map(|&[c, m, y, k]| {
        let light = |ink: u8| if adobe { u32::from(ink) } else { u32::from(255 - ink) };
        let mix = |ink: u8| ((light(ink) * light(k) + 127) / 255) as u8;
        [mix(c), mix(m), mix(y)]
    });
    pixels.collect()
}

/// Whether a profile must be applied: it reads, it is of red, green and blue or gray, and what it
/// does to colours is not what sRGB does.
pub(crate) fn profile(octets: &[u8]) -> Option<ColorProfile> {
    let profile = ColorProfile::new_from_slice(octets).ok()?;
    let differs = match profile.color_space {
        DataColorSpace::Rgb => {
            // The transform of a few colours tells more than names and tables do.
            let probe =
                Raster { width: 6, height: 1, layout: Layout::Rgb, pixels: PROBE.as_flattened().to_vec() };
            let seen = to_srgb(probe, &profile);
            seen.pixels.iter().zip(PROBE.as_flattened()).any(|(a, b)| a.abs_diff(*b) > 2)
        }
        DataColorSpace::Gray => true,
        _ => false,
    };
    differs.then_some(profile)
}

const PROBE: [[u8; 3]; 6] =
    [[255, 0, 0], [0, 255, 0], [0, 0, 255], [64, 64, 64], [200, 120, 40], [40, 120, 200]];

/// Colours of a profile in sRGB; unchanged where the profile is not for such a picture.
pub(crate) fn to_srgb(raster: Raster, profile: &ColorProfile) -> Raster {
    let (raster, layout) = match (raster.layout, profile.color_space) {
        (Layout::Gray, DataColorSpace::Gray) => (raster, moxcms::Layout::Gray),
        (Layout::Gray | Layout::Rgb, DataColorSpace::Rgb) => (raster.coloured(), moxcms::Layout::Rgb),
        (Layout::Rgba, DataColorSpace::Rgb) => (raster, moxcms::Layout::Rgba),
        _ => return raster,
    };
    let options = TransformOptions { allow_use_cicp_transfer: false, ..TransformOptions::default() };
    let srgb = ColorProfile::new_srgb();
    let target = if layout == moxcms::Layout::Gray { moxcms::Layout::Rgb } else { layout };
    let Ok(transform) = profile.create_transform_8bit(layout, &srgb, target, options) else {
        return raster;
    };
    let channels = if target == moxcms::Layout::Rgba { 4 } else { 3 };
    let mut pixels = vec![0; raster.width as usize * raster.height as usize * channels];
    if transform.transform(&raster.pixels, &mut pixels).is_err() {
        return raster;
    }
    let layout = if channels == 4 { Layout::Rgba } else { Layout::Rgb };
    Raster { layout, pixels, ..raster }
}
