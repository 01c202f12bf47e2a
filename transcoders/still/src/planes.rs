//! Pictures as planes of one channel: how JPEG keeps them, and in which they are scaled cheapest.
//!
//! Planes are scaled before they are turned: the small ones are turned, not the camera's.

use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};

use crate::raster::{Layout, Raster};

/// One channel, rows without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plane {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<u8>,
}

/// Luma, and chroma of half its size rounded up; full range (ITU-T T.871).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planes {
    pub(crate) luma: Plane,
    /// Blue and red difference; none when gray.
    pub(crate) chroma: Option<[Plane; 2]>,
}

/// A part of memory that holds a channel: rows of `stride` octets of which `width` (not always
/// whole: half of an odd number) are the picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channel<'a> {
    pub(crate) pixels: &'a [u8],
    pub(crate) stride: usize,
    pub(crate) rows: usize,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Plane {
    /// A row; empty when there is none.
    pub(crate) fn row(&self, y: usize) -> &[u8] {
        let start = y * self.width;
        self.pixels.get(start..start + self.width).unwrap_or_default()
    }

    /// Turned to be shown; see [`turn`].
    fn turned(self, orientation: u8) -> Self {
        let (pixels, width, height) =
            turn(self.pixels.as_chunks::<1>().0, self.width, self.height, orientation);
        Self { width, height, pixels: pixels.into_flattened() }
    }

    /// Scaled.
    pub(crate) fn scaled(&self, width: usize, height: usize) -> Self {
        Channel {
            pixels: &self.pixels,
            stride: self.width,
            rows: self.height,
            width: self.width as f64,
            height: self.height as f64,
        }
        .scaled(width, height)
    }
}

impl Planes {
    /// Turned to be shown.
    pub(crate) fn turned(self, orientation: u8) -> Self {
        if orientation <= 1 {
            return self;
        }
        Self {
            luma: self.luma.turned(orientation),
            chroma: self.chroma.map(|pair| pair.map(|plane| plane.turned(orientation))),
        }
    }

    /// Scaled, chroma to half of it.
    pub(crate) fn scaled(&self, width: usize, height: usize) -> Self {
        let half = |plane: &Plane| plane.scaled(width.div_ceil(2), height.div_ceil(2));
        Self {
            luma: self.luma.scaled(width, height),
            chroma: self.chroma.as_ref().map(|[blue, red]| [half(blue), half(red)]),
        }
    }
}

impl Channel<'_> {
    /// Scaled with Lanczos of three lobes; copied when nothing changes.
    pub(crate) fn scaled(&self, width: usize, height: usize) -> Plane {
        if (width as f64, height as f64) == (self.width, self.height) {
            let rows = self.pixels.chunks(self.stride.max(1)).take(height);
            let pixels = rows.flat_map(|row| row.iter().take(width)).copied().collect();
            return Plane { width, height, pixels };
        }
        let pixels = resize(
            self.pixels,
            (self.stride, self.rows),
            Some((self.width, self.height)),
            PixelType::U8,
            (width, height),
        );
        Plane { width, height, pixels }
    }
}

impl Raster {
    /// Scaled; opacity weighs the colours.
    pub(crate) fn scaled(&self, width: u32, height: u32) -> Self {
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        let kind = match self.layout {
            Layout::Gray => PixelType::U8,
            Layout::Rgb => PixelType::U8x3,
            Layout::Rgba => PixelType::U8x4,
        };
        let pixels = resize(
            &self.pixels,
            (self.width as usize, self.height as usize),
            None,
            kind,
            (width as usize, height as usize),
        );
        Self { width, height, layout: self.layout, pixels }
    }

    /// Turned to be shown.
    pub(crate) fn turned(self, orientation: u8) -> Self {
        if orientation <= 1 {
            return self;
        }
        let (w, h) = (self.width as usize, self.height as usize);
        let (pixels, width, height) = match self.layout {
            Layout::Gray => flat(turn(self.pixels.as_chunks::<1>().0, w, h, orientation)),
            Layout::Rgb => flat(turn(self.pixels.as_chunks::<3>().0, w, h, orientation)),
            Layout::Rgba => flat(turn(self.pixels.as_chunks::<4>().0, w, h, orientation)),
        };
        Self { width: width as u32, height: height as u32, layout: self.layout, pixels }
    }
}

fn flat<const N: usize>((pixels, width, height): (Vec<[u8; N]>, usize, usize)) -> (Vec<u8>, usize, usize) {
    (pixels.into_flattened(), width, height)
}

/// Scales; a source that is not what it says gives gray.
fn resize(
    pixels: &[u8],
    (stride, rows): (usize, usize),
    crop: Option<(f64, f64)>,
    kind: PixelType,
    (width, height): (usize, usize),
) -> Vec<u8> {
    let mut out = Image::new(width as u32, height as u32, kind);
    let mut options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    if let Some((width, height)) = crop {
        options = options.crop(0.0, 0.0, width, height);
    }
    let visible = stride * rows * kind.size();
    let scaled = pixels
        .get(..visible)
        .and_then(|pixels| ImageRef::new(stride as u32, rows as u32, pixels, kind).ok())
        .is_some_and(|source| Resizer::new().resize(&source, &mut out, &options).is_ok());
    if !scaled {
        out.buffer_mut().fill(128);
    }
    out.into_vec()
}

/// Turns pixels by an EXIF orientation (1 to 8): what is stored becomes what is shown. Gives width
/// and height of the result.
fn turn<const N: usize>(
    pixels: &[[u8; N]],
    width: usize,
    height: usize,
    orientation: u8,
) -> (Vec<[u8; N]>, usize, usize) {
    let exchanged = orientation >= 5;
    let (across, down) = if exchanged { (height, width) } else { (width, height) };
    let (mirror_x, mirror_y) = match orientation {
        2 | 8 => (true, false),
        3 | 7 => (true, true),
        4 | 6 => (false, true),
        _ => (false, false),
    };
    let mut out = Vec::with_capacity(across * down);
    for y in 0..down {
        // Walking along a row of the result is walking along a row or a column of the source.
        let line = if mirror(exchanged, mirror_x, mirror_y) { down - 1 - y } else { y };
        let (start, step) = if exchanged { (line, width) } else { (line * width, 1) };
        let places = (0..across).map(|x| start + x * step);
        let backwards = if exchanged { mirror_y } else { mirror_x };
        let pixel = |at: usize| pixels.get(at).copied().unwrap_or([128; N]);
        if backwards {
            out.extend(places.rev().map(pixel));
        } else {
            out.extend(places.map(pixel));
        }
    }
    (out, across, down)
}

/// Whether the lines of the result come from the end of the source: they are its columns when
/// exchanged, otherwise its rows.
const fn mirror(exchanged: bool, mirror_x: bool, mirror_y: bool) -> bool {
    if exchanged { mirror_x } else { mirror_y }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn each_orientation_is_turned_as_exif_says() {
        // F, three across, two down: a b c / d e f.
        let stored = Plane { width: 3, height: 2, pixels: b"abcdef".to_vec() };
        for (orientation, width, shown) in [
            (1, 3, b"abcdef"),
            (2, 3, b"cbafed"),
            (3, 3, b"fedcba"),
            (4, 3, b"defabc"),
            (5, 2, b"adbecf"),
            (6, 2, b"daebfc"),
            (7, 2, b"fcebda"),
            (8, 2, b"cfbead"),
        ] {
            let turned = stored.clone().turned(orientation);
            assert_eq!((turned.width, &turned.pixels[..]), (width, &shown[..]), "{orientation}");
        }
    }
}
