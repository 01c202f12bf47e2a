//! What goes in and what comes out, through the public functions.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod animation;
mod colour;
mod fit;
mod formats;
mod hostile;
mod orientation;
mod similarity;

use cedrat_plan::{
    facts::{self, Claim, Facts},
    format::Format,
    job::{Fault, Made, StillTarget},
    limits::Limits,
};
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use crate::{Layout, Raster, convert};

/// Numbers that look random and are always the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as u32) % sides
    }
}

/// A picture with slopes, edges and grain, as photographs have.
fn photo(width: u32, height: u32, seed: u64) -> Raster {
    let mut dice = Dice(seed);
    for _ in 0..4 {
        dice.roll(2);
    }
    let grain = dice.roll(24) + 1;
    let waves: Vec<(f32, f32, f32, f32)> = (0..6)
        .map(|n| {
            let frequency = (dice.roll(1000) as f32 / 1000.0 + 0.1) * (1 << n) as f32 * 3.0;
            let angle = dice.roll(628) as f32 / 100.0;
            (frequency * angle.cos(), frequency * angle.sin(), angle, 45.0 / (n + 1) as f32)
        })
        .collect();
    let (cx, cy) = (dice.roll(width) as f32, dice.roll(height) as f32);
    let radius = (width.min(height) / 4) as f32;
    let mut pixels = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height {
        for x in 0..width {
            let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
            let mut base = 120.0;
            for (a, b, phase, size) in &waves {
                base += size * (a * u + b * v + phase).sin();
            }
            if (x as f32 - cx).hypot(y as f32 - cy) < radius {
                base = 255.0 - base;
            }
            let noise = dice.roll(2 * grain) as f32 - grain as f32;
            for tint in [u * 40.0, v * 30.0 - 20.0, 20.0 - u * v * 60.0] {
                pixels.push((base + noise + tint).clamp(0.0, 255.0) as u8);
            }
        }
    }
    Raster { width, height, layout: Layout::Rgb, pixels }
}

/// A JPEG of good quality.
fn jpeg(raster: &Raster, subsamp: Subsamp, quality: i32) -> Vec<u8> {
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(quality).unwrap();
    compressor.set_subsamp(subsamp).unwrap();
    compressor.compress_to_vec(image(raster)).unwrap()
}

fn image(raster: &Raster) -> Image<&[u8]> {
    let channels = raster.layout.channels();
    Image {
        pixels: &raster.pixels[..],
        width: raster.width as usize,
        pitch: raster.width as usize * channels,
        height: raster.height as usize,
        format: match raster.layout {
            Layout::Gray => PixelFormat::GRAY,
            Layout::Rgb => PixelFormat::RGB,
            Layout::Rgba => PixelFormat::RGBA,
        },
    }
}

/// Puts a segment behind the first marker.
fn with_segment(jpeg: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let mut out = jpeg[..2].to_vec();
    out.extend_from_slice(&[0xff, marker]);
    out.extend_from_slice(&((content.len() + 2) as u16).to_be_bytes());
    out.extend_from_slice(content);
    out.extend_from_slice(&jpeg[2..]);
    out
}

fn facts(octets: &[u8]) -> Facts {
    let claim = Claim { media_type: "", name: None, charset: None };
    facts::read(octets, &claim, &Limits::default())
}

fn target(format: Format, width: u32, height: u32, max_octets: u64) -> StillTarget {
    StillTarget {
        format,
        max_width: width,
        max_height: height,
        max_octets,
        max_colours: 0,
        progressive: false,
        animated: true,
        keep_metadata: false,
        best: false,
    }
}

fn one(octets: &[u8], target: &StillTarget) -> Result<(Vec<u8>, Made), Fault> {
    convert(octets, &facts(octets), &[*target], &Limits::default()).remove(0)
}

/// Decodes by a decoder that is not used for reading this format here, where there is one.
fn decode(octets: &[u8]) -> image::RgbaImage {
    image::load_from_memory(octets).unwrap().into_rgba8()
}

/// Mean difference of the channels.
fn apart(a: &image::RgbaImage, b: &image::RgbaImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let sum: u64 = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.as_raw().len() as f64
}

fn as_image(raster: Raster) -> image::RgbaImage {
    let raster = raster.coloured();
    let (width, height) = (raster.width, raster.height);
    if raster.layout == Layout::Rgba {
        return image::RgbaImage::from_raw(width, height, raster.pixels).unwrap();
    }
    let rgb = image::RgbImage::from_raw(width, height, raster.pixels).unwrap();
    image::DynamicImage::from(rgb).into_rgba8()
}
