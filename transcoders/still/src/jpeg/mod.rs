//! Baseline JPEG written from its coefficients (ITU-T T.81), with the size known beforehand.
//!
//! Samples are transformed once; for each scale of the quantisation tables the symbols are counted,
//! which says the octets exactly but for the zeros that are stuffed after `FF`. Reading JPEG is not
//! done here.

mod dct;
mod huffman;
mod quant;
mod segments;
mod similarity;
mod write;

use crate::planes::{Plane, Planes};
use dct::Block;
pub(crate) use quant::{Scale, scale_of};
pub(crate) use segments::{Header, exif_segment, scans, stripped};
pub(crate) use similarity::similarity;
use write::{MCU, Statistics};

/// A picture as coefficients, in the order of the scan.
#[derive(Debug, Clone)]
pub(crate) struct Coefficients {
    width: u16,
    height: u16,
    colour: bool,
    /// Colour: four of luma, two of chroma for each MCU. Gray: luma only, row by row.
    blocks: Vec<Block>,
}

/// Octets of a file at some scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

impl Coefficients {
    /// Transforms planes; `None` when a side is zero or does not fit the 16 bits of the format.
    pub(crate) fn of(planes: &Planes) -> Option<Self> {
        let width = u16::try_from(planes.luma.width).ok().filter(|&w| w > 0)?;
        let height = u16::try_from(planes.luma.height).ok().filter(|&h| h > 0)?;
        let blocks = match &planes.chroma {
            None => {
                let rows = planes.luma.height.div_ceil(8);
                let mut blocks = Vec::with_capacity(rows * planes.luma.width.div_ceil(8));
                let mut row = Vec::new();
                for y in 0..rows {
                    transform_row(&planes.luma, y, &mut row);
                    blocks.append(&mut row);
                }
                blocks
            }
            Some([blue, red]) => interleave(&planes.luma, blue, red),
        };
        Some(Self { width, height, colour: planes.chroma.is_some(), blocks })
    }

    /// Octets of the file without application segments, counted over all blocks.
    pub(crate) fn size(&self, scale: Scale) -> Size {
        let (bits, around) = Statistics::count(self, scale, 1).cost(self.colour);
        Size(around + stuffed(bits))
    }

    /// Whether there are so few blocks that [`Self::rough_size`] is exact.
    pub(crate) const fn is_counted_whole(&self) -> bool {
        self.blocks.len() <= 6000
    }

    /// Octets of the file guessed from a quarter of the blocks, when there are many.
    pub(crate) fn rough_size(&self, scale: Scale) -> Size {
        if self.is_counted_whole() {
            return self.size(scale);
        }
        let every = 4;
        let runs = write::RUN * if self.colour { MCU } else { 1 };
        let counted: usize = self.blocks.chunks(runs).step_by(every).map(<[_]>::len).sum();
        let (bits, around) = Statistics::count(self, scale, every).cost(self.colour);
        let all = bits as f64 * self.blocks.len() as f64 / counted.max(1) as f64;
        Size(around + stuffed(all as u64))
    }

    /// Writes the file.
    pub(crate) fn write(&self, scale: Scale, segments: &[u8]) -> Vec<u8> {
        write::write(self, scale, &Statistics::count(self, scale, 1), segments)
    }

    /// Luma blocks in the order of the scan.
    fn luma(&self) -> impl Iterator<Item = &Block> {
        let mcu = if self.colour { MCU } else { 1 };
        let luma = if self.colour { 4 } else { 1 };
        self.blocks.chunks(mcu).flat_map(move |blocks| blocks.iter().take(luma))
    }
}

/// Octets of so many bits with the zeros after `FF`. Of random octets one in 256 is stuffed; of
/// Huffman codes whose longest begin with ones it is about one in STUFFED, measured.
fn stuffed(bits: u64) -> u64 {
    const STUFFED: u64 = 230;
    bits.div_ceil(8) * (STUFFED + 1) / STUFFED
}

/// Appends the transformed blocks of one row of blocks.
fn transform_row(plane: &Plane, block_row: usize, out: &mut Vec<Block>) {
    // Rows below the last repeat it.
    let last = plane.height.saturating_sub(1);
    let rows: [&[u8]; 8] = std::array::from_fn(|y| plane.row((8 * block_row + y).min(last)));
    let [a, b, c, d, e, f, g, h] = rows.map(|row| row.as_chunks::<8>());
    let first = a.0.iter().zip(b.0).zip(c.0).zip(d.0);
    let second = e.0.iter().zip(f.0).zip(g.0).zip(h.0);
    for ((((a, b), c), d), (((e, f), g), h)) in first.zip(second) {
        out.push(dct::forward(&[*a, *b, *c, *d, *e, *f, *g, *h]));
    }
    if !a.1.is_empty() {
        let rest = [a.1, b.1, c.1, d.1, e.1, f.1, g.1, h.1];
        out.push(dct::forward(&rest.map(|rest| {
            let end = rest.last().copied().unwrap_or(128);
            std::array::from_fn(|x| rest.get(x).copied().unwrap_or(end))
        })));
    }
}

/// 4:2:0: MCU by MCU. Blocks of luma that lie outside have the mean of the one before them and
/// nothing else, which costs six bits.
fn interleave(luma: &Plane, blue: &Plane, red: &Plane) -> Vec<Block> {
    let across = luma.width.div_ceil(16);
    let down = luma.height.div_ceil(16);
    let mut blocks = Vec::with_capacity(across * down * MCU);
    let (mut upper, mut lower) = (Vec::new(), Vec::new());
    let (mut cb, mut cr) = (Vec::new(), Vec::new());
    for row in 0..down {
        for rows in [&mut upper, &mut lower, &mut cb, &mut cr] {
            rows.clear();
        }
        transform_row(luma, 2 * row, &mut upper);
        if (2 * row + 1) * 8 < luma.height {
            transform_row(luma, 2 * row + 1, &mut lower);
        }
        transform_row(blue, row, &mut cb);
        transform_row(red, row, &mut cr);
        for column in 0..across {
            let mut mean = 0;
            for (blocks_row, x) in [
                (&upper, 2 * column),
                (&upper, 2 * column + 1),
                (&lower, 2 * column),
                (&lower, 2 * column + 1),
            ] {
                let block = blocks_row.get(x).copied().unwrap_or_else(|| flat(mean));
                mean = block.first().copied().unwrap_or(0);
                blocks.push(block);
            }
            for chroma in [&cb, &cr] {
                blocks.push(chroma.get(column).copied().unwrap_or_else(|| flat(0)));
            }
        }
    }
    blocks
}

fn flat(mean: i16) -> Block {
    let mut block = [0; 64];
    if let Some(first) = block.first_mut() {
        *first = mean;
    }
    block
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use quant::Quantiser;

    /// Gray waves that stay away from black and white, where a decoder clips.
    fn waves(width: usize, height: usize) -> Planes {
        let sample = |at: usize| {
            let (x, y) = ((at % width) as f32, (at / width) as f32);
            (128.0 + 40.0 * (x * 0.7).sin() + 25.0 * (y * x * 0.02).cos()) as u8
        };
        let pixels = (0..width * height).map(sample).collect();
        Planes { luma: Plane { width, height, pixels }, chroma: None }
    }

    fn coloured(width: usize, height: usize) -> Planes {
        let half = waves(width.div_ceil(2), height.div_ceil(2)).luma;
        Planes { chroma: Some([half.clone(), half]), ..waves(width, height) }
    }

    #[test]
    fn a_decoder_reads_the_coefficients_that_were_written() {
        for scale in [30, 50, 75].map(Scale::of_quality) {
            let planes = waves(80, 64);
            let here = Coefficients::of(&planes).unwrap();
            let image = turbojpeg::decompress(&here.write(scale, &[]), turbojpeg::PixelFormat::GRAY).unwrap();
            let luma = Plane { width: image.width, height: image.height, pixels: image.pixels };
            let there = Coefficients::of(&Planes { luma, chroma: None }).unwrap();
            let quantiser = Quantiser::new(false, scale);
            for (a, b) in here.blocks.iter().zip(&there.blocks) {
                let (x, y) = (quantiser.apply(a), quantiser.apply(b));
                assert_eq!((x.magnitude, x.present), (y.magnitude, y.present));
                assert!((0..64).all(|at| x.magnitude[at] == 0 || a[at].signum() == b[at].signum()));
            }
        }
    }

    #[test]
    fn what_is_counted_is_what_is_written() {
        for (width, height) in [(1, 1), (8, 8), (17, 33), (200, 121)] {
            for planes in [waves(width, height), coloured(width, height)] {
                let coefficients = Coefficients::of(&planes).unwrap();
                for quality in [10, 37, 85, 92] {
                    let scale = Scale::of_quality(quality);
                    let counted = Statistics::count(&coefficients, scale, 1).cost(coefficients.colour);
                    let written = coefficients.write(scale, &[]);
                    let stuffed = written.windows(2).filter(|pair| *pair == [0xff, 0x00]).count() as u64;
                    // No zero follows FF before the scan: neither a marker nor a table holds one.
                    assert_eq!(written.len() as u64 - stuffed, counted.1 + counted.0.div_ceil(8));
                }
            }
        }
    }
}
