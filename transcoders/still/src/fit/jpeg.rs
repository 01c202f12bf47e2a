//! JPEG in at most so many octets: the scale of the tables is searched by counting, then the file
//! is written once.
//!
//! Below quality 37 fewer pixels look better than coarser ones (measured on photographs at half a
//! bit a pixel), so the raster shrinks first and the rest of the scale is kept for what is tiny.

use cedrat_plan::{
    format::Format,
    job::{Fault, FaultKind, Made, Note, Rung, StillTarget},
};

use super::{cannot_fit, smaller};
use crate::{
    exif,
    jpeg::{Coefficients, Scale, exif_segment, similarity},
    made::made,
    planes::{Plane, Planes},
    source::Source,
};

/// Part of the limit that is aimed at, and the least that the search is content with.
const AIM: f64 = 0.992;
const ENOUGH: f64 = 0.98;
/// What is counted is exact but for stuffed zeros: so near to the limit it may be over.
const MOST: f64 = 0.998;
/// By how much octets fall when the tables grow, to begin with: ln octets over ln scale.
const SLOPE: f64 = -0.7;
/// Counts of one search. It ends after two or three; halving needs no more than these.
const MAX_COUNTS: u32 = 20;
/// Counts of a part of the blocks before it.
const MAX_ROUGH: u32 = 6;
/// Pixels on the longer side up to which a coarser picture is better than a smaller one.
const TINY: u32 = 160;

/// Planes of the size of the target, and their coefficients.
#[derive(Debug)]
pub(crate) struct Fitting {
    planes: Planes,
    coefficients: Coefficients,
    /// Application segments that are kept.
    segments: Vec<u8>,
    /// No pixel of the source was lost: finer than it was is finer than it is.
    finest: Scale,
    notes: Vec<Note>,
}

impl Fitting {
    pub(crate) fn new(source: &Source, target: &StillTarget) -> Result<Self, Fault> {
        let shape = source.shape(target);
        let planes = source.planes(shape);
        let coefficients = Coefficients::of(&planes).ok_or_else(|| {
            Fault::new(FaultKind::Unsupported, "a JPEG has at most 65,535 pixels on a side")
        })?;
        let whole = shape == crate::source::turned(source.size, source.orientation);
        Ok(Self {
            planes,
            coefficients,
            segments: source
                .exif
                .as_deref()
                .filter(|_| target.keep_metadata)
                .and_then(exif::upright)
                .and_then(|tiff| exif_segment(&tiff))
                .unwrap_or_default(),
            finest: if whole { source.finest } else { Scale::FINEST },
            notes: source.notes_of_still(),
        })
    }

    pub(crate) fn encode(&self, max_octets: u64) -> Result<(Vec<u8>, Made), Fault> {
        let budget =
            max_octets.checked_sub(self.segments.len() as u64).ok_or_else(|| cannot_fit(max_octets))?;
        let full = self.size();
        let mut size = full;
        let mut smaller_one: Option<Coefficients> = None;
        loop {
            let coefficients = smaller_one.as_ref().unwrap_or(&self.coefficients);
            match search(coefficients, budget, self.finest, coarsest(size)) {
                Ok(scale) => {
                    let (octets, scale, encodes) =
                        self.write(coefficients, scale, max_octets).ok_or_else(|| cannot_fit(max_octets))?;
                    let quality = if size == full {
                        coefficients.similarity_at(scale, every(size))
                    } else {
                        self.seen(&octets)
                    };
                    return Ok(made(octets, Format::Jpeg, quality, encodes, self.notes.clone()));
                }
                Err(octets) => {
                    size = shrunk(size, budget, octets).ok_or_else(|| cannot_fit(max_octets))?;
                    let planes = self.planes.scaled(size.0 as usize, size.1 as usize);
                    smaller_one = Coefficients::of(&planes);
                }
            }
        }
    }

    /// As near to the source as makes sense, however many octets it takes.
    pub(crate) fn same(&self) -> (Vec<u8>, Made) {
        let octets = self.coefficients.write(Scale::SAME, &self.segments);
        let quality = self.coefficients.similarity_at(Scale::SAME, every(self.size()));
        made(octets, Format::Jpeg, quality, 1, self.notes.clone())
    }

    /// What it looks like at sizes between the finest and the smallest that is worth showing.
    pub(crate) fn rungs(&self, max_octets: u64) -> Vec<Rung> {
        let extra = self.segments.len() as u64;
        let (full, every) = (self.size(), every(self.size()));
        let tenthousandths = |quality: f32| (quality.max(0.0) * 10_000.0).round() as u16;
        let mut rungs = Vec::new();
        const STEPS: u32 = 8;
        let span = Scale::COARSE.factor() / self.finest.min(Scale::COARSE).factor();
        for step in 0..STEPS {
            let part = f64::from(step) / f64::from(STEPS - 1);
            let scale = Scale::of_factor(self.finest.factor() * span.powf(part));
            let next = Rung {
                octets: self.coefficients.rough_size(scale).0 + extra,
                quality: tenthousandths(self.coefficients.similarity_at(scale, every)),
            };
            if next.octets > max_octets {
                continue;
            }
            // The last step between what fits and what does not is the limit itself.
            if rungs.is_empty()
                && step > 0
                && let Some(budget) = max_octets.checked_sub(extra)
                && let Ok(scale) = search(&self.coefficients, budget, self.finest, Scale::COARSE)
            {
                let quality = tenthousandths(self.coefficients.similarity_at(scale, every));
                rungs.push(Rung { octets: max_octets, quality });
            }
            rungs.push(next);
        }
        let mut size = full;
        while let Some(next) = smaller(size, 0.7)
            && size.0.max(size.1) > TINY
        {
            size = next;
            let planes = self.planes.scaled(size.0 as usize, size.1 as usize);
            if let Some(coefficients) = Coefficients::of(&planes) {
                let octets = coefficients.write(Scale::COARSE, &self.segments);
                let quality = tenthousandths(self.seen(&octets));
                rungs.push(Rung { octets: octets.len() as u64, quality });
            }
        }
        rungs.retain(|rung| rung.octets <= max_octets);
        rungs
    }

    fn size(&self) -> (u32, u32) {
        (self.planes.luma.width as u32, self.planes.luma.height as u32)
    }

    /// Writes; where stuffed zeros were more than foreseen, coarser once more.
    fn write(
        &self,
        coefficients: &Coefficients,
        mut scale: Scale,
        max_octets: u64,
    ) -> Option<(Vec<u8>, Scale, u32)> {
        for encodes in 1..MAX_COUNTS {
            let octets = coefficients.write(scale, &self.segments);
            let over = octets.len() as f64 / max_octets as f64;
            if over <= 1.0 {
                return Some((octets, scale, encodes));
            }
            let coarser = Scale::of_factor(scale.factor() * (over / AIM).powf(1.0 / -SLOPE));
            scale = coarser.max(Scale(scale.0 + 1));
        }
        None
    }

    /// Likeness of a file of fewer pixels, scaled up to the size of the target. Coefficients of
    /// different sizes cannot be compared, so this one is decoded: it is small.
    fn seen(&self, octets: &[u8]) -> f32 {
        let (full_width, full_height) = (self.planes.luma.width, self.planes.luma.height);
        let Ok(image) = turbojpeg::decompress(octets, turbojpeg::PixelFormat::GRAY) else {
            return 0.0;
        };
        let there = Plane { width: image.width, height: image.height, pixels: image.pixels };
        let back = Planes { luma: there.scaled(full_width, full_height), chroma: None };
        let here = Planes { luma: self.planes.luma.clone(), chroma: None };
        match (Coefficients::of(&here), Coefficients::of(&back)) {
            (Some(here), Some(back)) => similarity(&here, &back),
            _ => 0.0,
        }
    }
}

/// Blocks of which one is looked at for an estimate.
fn every((width, height): (u32, u32)) -> usize {
    if u64::from(width) * u64::from(height) > 200_000 { 3 } else { 1 }
}

fn coarsest((width, height): (u32, u32)) -> Scale {
    if width.max(height) <= TINY { Scale::COARSEST } else { Scale::COARSE }
}

/// The size at which the coarsest scale should fit, from its octets at this one.
fn shrunk(size: (u32, u32), budget: u64, octets: u64) -> Option<(u32, u32)> {
    // Octets shrink slower than the area: what is left has more detail to the pixel.
    let factor = (budget as f64 / octets.max(1) as f64).powf(0.5 / 0.85) * 0.98;
    smaller(size, factor.clamp(0.25, 0.95))
}

/// The finest scale whose file fits; the octets at the coarsest when none does.
fn search(coefficients: &Coefficients, budget: u64, finest: Scale, coarsest: Scale) -> Result<Scale, u64> {
    let finest = finest.min(coarsest);
    let limit = budget as f64;
    let mut bracket = Bracket { finest, coarsest, limit, over: None, fits: None, before: None };
    let mut scale = Scale::of_quality(85).clamp(finest, coarsest);
    if !coefficients.is_counted_whole() {
        // A part of the blocks says where to begin.
        for _ in 0..MAX_ROUGH {
            let octets = coefficients.rough_size(scale).0;
            if bracket.is_near(scale, octets) {
                break;
            }
            match bracket.narrow(scale, octets) {
                Some(next) => scale = next,
                None => break,
            }
        }
        bracket = Bracket { over: None, fits: None, ..bracket };
    }
    for _ in 0..MAX_COUNTS {
        let octets = coefficients.size(scale).0;
        if scale == coarsest && octets as f64 > limit * MOST {
            return Err(octets);
        }
        let near = bracket.is_near(scale, octets);
        let next = bracket.narrow(scale, octets);
        match next {
            Some(next) if !near => scale = next,
            _ => break,
        }
    }
    match bracket.fits {
        Some(scale) => Ok(scale),
        None => {
            let octets = coefficients.size(coarsest).0;
            if octets as f64 <= limit * MOST { Ok(coarsest) } else { Err(octets) }
        }
    }
}

/// What a search knows.
struct Bracket {
    finest: Scale,
    coarsest: Scale,
    limit: f64,
    /// The coarsest that is known to be too much.
    over: Option<Scale>,
    /// The finest that is known to fit.
    fits: Option<Scale>,
    /// The last point, in logarithms of scale and octets.
    before: Option<(f64, f64)>,
}

impl Bracket {
    /// Whether nothing better is worth another count.
    fn is_near(&self, scale: Scale, octets: u64) -> bool {
        let part = octets as f64 / self.limit;
        (ENOUGH..=MOST).contains(&part) || scale == self.finest && part <= MOST
    }

    /// Takes in a count and says where to look next; `None` when there is nothing between.
    fn narrow(&mut self, scale: Scale, octets: u64) -> Option<Scale> {
        if octets as f64 <= self.limit * MOST {
            self.fits = Some(self.fits.map_or(scale, |fits| fits.min(scale)));
        } else {
            self.over = Some(self.over.map_or(scale, |over| over.max(scale)));
        }
        let here = (scale.factor().ln(), (octets as f64).ln());
        let slope = match self.before {
            Some((x, y)) if (x - here.0).abs() > 1e-3 => ((here.1 - y) / (here.0 - x)).clamp(-1.6, -0.2),
            _ => SLOPE,
        };
        self.before = Some(here);
        let low = self.over.map_or(self.finest, |over| Scale(over.0 + 1));
        let high = self.fits.map_or(self.coarsest, |fits| Scale(fits.0.saturating_sub(1)));
        if low > high {
            return None;
        }
        let wished = (here.0 + ((self.limit * AIM).ln() - here.1) / slope).exp();
        let wished = Scale::of_factor(wished);
        if (low..=high).contains(&wished) {
            return Some(wished);
        }
        // Beyond what is known: near the side that it fell out at, by halves when both are known.
        Some(match (self.over, self.fits) {
            (Some(_), Some(_)) => Scale(low.0 + (high.0 - low.0) / 2),
            _ => wished.clamp(low, high),
        })
    }
}
