//! A table of few colours for many, by median cut (Heckbert 1982) over a histogram of 32,768 cells.
//!
//! Deterministic, no dithering: what is gained in smoothness is lost in octets, which are what is
//! short here. A picture that has few colours already keeps them exactly.

use std::collections::BTreeMap;

use crate::raster::{Layout, Raster};

/// Opacity from which on a pixel is shown.
const OPAQUE: u8 = 128;

/// Colours, and which of them each pixel has.
#[derive(Debug, Clone)]
pub(crate) struct Palette {
    /// Red, green, blue; at most 256. The transparent one, if any, is the first.
    pub(crate) colours: Vec<[u8; 3]>,
    pub(crate) transparent: bool,
    /// The nearest colour of each cell; of every colour when they are few.
    nearest: Nearest,
}

#[derive(Debug, Clone)]
enum Nearest {
    Cells(Vec<u8>),
    Exact(BTreeMap<[u8; 3], u8>),
}

/// Colours of a cell, added up.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    sums: [u64; 3],
    number: u64,
}

impl Palette {
    /// The table of at most `most` colours (2 to 256) for pictures that are shown with one table.
    /// `spare` asks for a transparent one even when no pixel is.
    pub(crate) fn of<'a>(
        rasters: impl Iterator<Item = &'a Raster> + Clone,
        most: usize,
        spare: bool,
    ) -> Self {
        let transparent =
            spare || rasters.clone().any(|raster| colours(raster).any(|colour| colour.is_none()));
        let room = most.clamp(2, 256) - usize::from(transparent);
        let pixels = || rasters.clone().flat_map(|raster| colours(raster).flatten());
        let exact = few(pixels(), room);
        let chosen = match &exact {
            Some(few) => few.clone(),
            None => median_cut(pixels(), room),
        };
        let nearest = match exact {
            Some(few) => {
                let first = u8::from(transparent);
                Nearest::Exact(few.into_iter().zip(first..=255).collect())
            }
            None => Nearest::Cells(nearest(&chosen, transparent)),
        };
        let mut colours = if transparent { vec![[255; 3]] } else { Vec::new() };
        colours.extend(chosen);
        if colours.is_empty() {
            colours.push([255; 3]);
        }
        Self { colours, transparent, nearest }
    }

    /// Whether some colours are only near what they stand for.
    pub(crate) const fn is_approximate(&self) -> bool {
        matches!(self.nearest, Nearest::Cells(_))
    }

    /// Which colour each pixel gets; the first for those that are not shown.
    pub(crate) fn indices(&self, raster: &Raster) -> Vec<u8> {
        let index = |colour: Option<[u8; 3]>| match (colour, &self.nearest) {
            (None, _) => 0,
            (Some(colour), Nearest::Cells(cells)) => cells.get(cell(colour)).copied().unwrap_or(0),
            (Some(colour), Nearest::Exact(colours)) => colours.get(&colour).copied().unwrap_or(0),
        };
        colours(raster).map(index).collect()
    }

    /// The picture as the table shows it.
    pub(crate) fn shown(&self, raster: &Raster) -> Raster {
        let colour = |index: u8| self.colours.get(usize::from(index)).copied().unwrap_or_default();
        let pixels = self.indices(raster).into_iter().flat_map(colour).collect();
        Raster { layout: Layout::Rgb, pixels, ..*raster }
    }
}

/// Colours of a picture; `None` where it is not shown.
fn colours(raster: &Raster) -> impl Iterator<Item = Option<[u8; 3]>> + '_ {
    raster.pixels.chunks_exact(raster.layout.channels()).map(|pixel| match *pixel {
        [y] => Some([y; 3]),
        [r, g, b] => Some([r, g, b]),
        [r, g, b, a] => (a >= OPAQUE).then_some([r, g, b]),
        _ => None,
    })
}

/// All colours in order, when there is room for them.
fn few(pixels: impl Iterator<Item = [u8; 3]>, room: usize) -> Option<Vec<[u8; 3]>> {
    let mut found = std::collections::BTreeSet::new();
    let mut before = None;
    for pixel in pixels {
        if before != Some(pixel) {
            found.insert(pixel);
            if found.len() > room {
                return None;
            }
            before = Some(pixel);
        }
    }
    Some(found.into_iter().collect())
}

/// Five bits of each channel.
fn cell([r, g, b]: [u8; 3]) -> usize {
    usize::from(r >> 3) << 10 | usize::from(g >> 3) << 5 | usize::from(b >> 3)
}

fn median_cut(pixels: impl Iterator<Item = [u8; 3]>, room: usize) -> Vec<[u8; 3]> {
    let mut histogram = vec![Cell::default(); 1 << 15];
    for pixel in pixels {
        if let Some(cell) = histogram.get_mut(cell(pixel)) {
            for (sum, channel) in cell.sums.iter_mut().zip(pixel) {
                *sum += u64::from(channel);
            }
            cell.number += 1;
        }
    }
    histogram.retain(|cell| cell.number > 0);
    let mut boxes = vec![Part::of(histogram)];
    while boxes.len() < room {
        let Some(worst) =
            boxes.iter_mut().filter(|part| part.cells.len() > 1).max_by(|a, b| a.spread.total_cmp(&b.spread))
        else {
            break;
        };
        let split = worst.split();
        boxes.push(split);
    }
    boxes.iter().filter_map(Part::mean).collect()
}

/// Cells that become one colour.
struct Part {
    cells: Vec<Cell>,
    /// Axis on which they differ most, and their squared deviation along it.
    axis: usize,
    spread: f64,
}

impl Part {
    fn of(cells: Vec<Cell>) -> Self {
        let number = cells.iter().map(|cell| cell.number).sum::<u64>().max(1) as f64;
        let deviation = |axis: usize| {
            let (mut sum, mut squares) = (0.0, 0.0);
            for cell in &cells {
                let value = cell.channel(axis);
                sum += value * cell.number as f64;
                squares += value * value * cell.number as f64;
            }
            squares - sum * sum / number
        };
        // Eyes tell green best and blue worst.
        let (axis, spread) = [(0, 0.6), (1, 1.0), (2, 0.4)]
            .map(|(axis, weight)| (axis, weight * deviation(axis)))
            .into_iter()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or((1, 0.0));
        Self { cells, axis, spread }
    }

    /// Keeps the lower half of the pixels along the axis and gives away the upper one.
    fn split(&mut self) -> Self {
        let mut cells = std::mem::take(&mut self.cells);
        let axis = self.axis;
        cells.sort_by(|a, b| a.channel(axis).total_cmp(&b.channel(axis)));
        let half = cells.iter().map(|cell| cell.number).sum::<u64>() / 2;
        let mut seen = 0;
        let lower = cells.iter().take_while(|cell| {
            seen += cell.number;
            seen <= half
        });
        let at = lower.count().clamp(1, cells.len().saturating_sub(1).max(1));
        let upper = cells.split_off(at.min(cells.len()));
        *self = Self::of(cells);
        Self::of(upper)
    }

    fn mean(&self) -> Option<[u8; 3]> {
        let number: u64 = self.cells.iter().map(|cell| cell.number).sum();
        (number > 0).then(|| {
            [0, 1, 2].map(|axis| {
                let sum: f64 = self.cells.iter().map(|cell| cell.channel(axis) * cell.number as f64).sum();
                (sum / number as f64).round() as u8
            })
        })
    }
}

impl Cell {
    fn channel(&self, axis: usize) -> f64 {
        self.sums.get(axis).copied().unwrap_or(0) as f64 / self.number.max(1) as f64
    }
}

/// The nearest colour of every cell.
fn nearest(colours: &[[u8; 3]], transparent: bool) -> Vec<u8> {
    let first = u8::from(transparent);
    let middle = |at: usize, shift: usize| ((at >> shift & 31) as i32) << 3 | 4;
    (0..1usize << 15)
        .map(|at| {
            let here = [middle(at, 10), middle(at, 5), middle(at, 0)];
            let distance = |colour: &[u8; 3]| {
                let parts = here.iter().zip(colour).zip([3, 6, 2]);
                parts.map(|((a, b), weight)| weight * (a - i32::from(*b)).pow(2)).sum::<i32>()
            };
            let nearest = colours.iter().zip(first..=255).min_by_key(|(colour, _)| distance(colour));
            nearest.map_or(0, |(_, index)| index)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(side: u32) -> Raster {
        let pixels = (0..side * side).flat_map(|at| {
            let (x, y) = ((at % side) as u8, (at / side) as u8);
            [x.wrapping_mul(4), y.wrapping_mul(4), 128]
        });
        Raster { width: side, height: side, layout: Layout::Rgb, pixels: pixels.collect() }
    }

    #[test]
    fn few_colours_stay_as_they_are() {
        let raster = ramp(15);
        let palette = Palette::of([&raster].into_iter(), 256, false);
        assert_eq!(palette.colours.len(), 225);
        assert_eq!(palette.shown(&raster), raster);
    }

    #[test]
    fn many_colours_become_near_ones() {
        let raster = ramp(64);
        let palette = Palette::of([&raster].into_iter(), 256, false);
        assert_eq!(palette.colours.len(), 256);
        let shown = palette.shown(&raster);
        let far = shown.pixels.iter().zip(&raster.pixels).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(far.is_some_and(|far| far <= 24), "{far:?}");
    }

    #[test]
    fn what_is_not_shown_is_the_first_colour() {
        let raster =
            Raster { width: 2, height: 1, layout: Layout::Rgba, pixels: vec![1, 2, 3, 255, 9, 9, 9, 0] };
        let palette = Palette::of([&raster].into_iter(), 4, false);
        assert!(palette.transparent);
        assert_eq!(palette.indices(&raster), [1, 0]);
    }
}
