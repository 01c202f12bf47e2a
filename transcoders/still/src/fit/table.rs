//! Stills with a palette, PNG and bitmaps in at most so many octets: colours go first, then pixels.

use cedrat_plan::{
    format::Format,
    job::{Fault, Made, Note, Rung, StillTarget},
};

use super::{cannot_fit, likeness, smaller};
use crate::{
    made::made,
    raster::{Layout, Raster},
    read::wbmp,
    source::Source,
    write::{gif, palette::Palette, png},
};

/// Colours that are tried before pixels are given up.
const COLOURS: [usize; 3] = [256, 128, 64];
/// Colours of what is made smaller.
const SMALLER_COLOURS: usize = 128;
/// Sizes that are tried. Each is chosen from the octets of the one before it.
const MAX_SIZES: u32 = 16;

/// The picture in the size of its target.
#[derive(Debug)]
pub(crate) struct Fitting {
    raster: Raster,
    format: Format,
    most_colours: usize,
    notes: Vec<Note>,
}

impl Fitting {
    pub(crate) fn new(source: &Source, target: &StillTarget) -> Self {
        let raster = source.raster(source.shape(target));
        let most_colours = match target.max_colours as usize {
            0 => usize::MAX,
            most => most.max(2),
        };
        Self { raster, format: target.format, most_colours, notes: source.notes_of_still() }
    }

    pub(crate) fn rungs(&self, max_octets: u64) -> Vec<Rung> {
        // Every rung is a whole encode here: the best one, and what is left in a third of it.
        let best = self.encode(max_octets).ok();
        let less = best.as_ref().and_then(|(octets, _)| self.encode(octets.len() as u64 / 3).ok());
        let rung =
            |(octets, made): &(Vec<u8>, Made)| Rung { octets: octets.len() as u64, quality: made.quality };
        best.iter().chain(&less).map(rung).collect()
    }

    pub(crate) fn encode(&self, max_octets: u64) -> Result<(Vec<u8>, Made), Fault> {
        if self.format == Format::Wbmp {
            return self.bitmap(max_octets);
        }
        let mut encodes = 0;
        let mut last = None;
        let truecolour = self.format == Format::Png && self.most_colours > 256;
        if truecolour && self.colours_are_many() {
            encodes += 1;
            if let Some(octets) = png::truecolour(&self.raster) {
                if octets.len() as u64 <= max_octets {
                    return Ok(made(octets, Format::Png, 1.0, encodes, self.notes.clone()));
                }
                last = Some(octets.len());
            }
        }
        // What is ten times too large will not fit for want of colours.
        let hopeless = |octets: usize| octets as u64 > max_octets.saturating_mul(10);
        for colours in COLOURS {
            if last.is_some_and(hopeless) {
                break;
            }
            let palette = self.palette(&self.raster, colours);
            encodes += 1;
            let Some(octets) = self.write(&self.raster, &palette) else { continue };
            if octets.len() as u64 <= max_octets {
                let quality = likeness(&self.raster, palette.shown(&self.raster));
                return Ok(made(octets, self.format, quality, encodes, self.notes.clone()));
            }
            last = Some(octets.len());
        }
        let mut size = (self.raster.width, self.raster.height);
        let mut octets = last.unwrap_or(usize::MAX) as f64;
        for _ in 0..MAX_SIZES {
            let factor = (max_octets as f64 / octets).sqrt() * 0.96;
            size = smaller(size, factor.clamp(0.2, 0.92)).ok_or_else(|| cannot_fit(max_octets))?;
            let raster = self.raster.scaled(size.0, size.1);
            let palette = self.palette(&raster, SMALLER_COLOURS);
            encodes += 1;
            let Some(written) = self.write(&raster, &palette) else { continue };
            if written.len() as u64 <= max_octets {
                let quality = likeness(&self.raster, palette.shown(&raster));
                return Ok(made(written, self.format, quality, encodes, self.notes.clone()));
            }
            octets = written.len() as f64;
        }
        Err(cannot_fit(max_octets))
    }

    /// One bit a pixel: the size is known beforehand.
    fn bitmap(&self, max_octets: u64) -> Result<(Vec<u8>, Made), Fault> {
        let mut size = (self.raster.width, self.raster.height);
        while wbmp::octets(size.0, size.1) > max_octets {
            size = smaller(size, 0.95).ok_or_else(|| cannot_fit(max_octets))?;
        }
        let luma = self.raster.scaled(size.0, size.1).into_planes().luma.pixels;
        let octets = wbmp::write(size.0, &luma);
        // Black and white has no likeness that says how it looks.
        Ok(made(octets, Format::Wbmp, 0.0, 1, self.notes.clone()))
    }

    fn colours_are_many(&self) -> bool {
        self.raster.layout != Layout::Gray
            && Palette::of([&self.raster].into_iter(), 256, false).is_approximate()
    }

    fn palette(&self, raster: &Raster, colours: usize) -> Palette {
        Palette::of([raster].into_iter(), colours.min(self.most_colours), false)
    }

    fn write(&self, raster: &Raster, palette: &Palette) -> Option<Vec<u8>> {
        match self.format {
            Format::Png => png::indexed(raster, palette),
            _ => gif::still(raster, palette),
        }
    }
}
