//! Animated GIF in at most so many octets: colours, frames and pixels are given up in turn, the
//! playing time never.

use cedrat_plan::{
    format::Format,
    job::{Fault, Made, Note, Rung, StillTarget},
};

use super::{cannot_fit, likeness, smaller};
use crate::{
    made::made,
    read::halved,
    source::{Animation, Frame, Source},
    write::{gif, palette::Palette},
};

/// Encodes until it gives up.
const MAX_ENCODES: u32 = 24;
/// Fewer colours than this are a last resort.
const FEW_COLOURS: usize = 32;
/// Time of a frame from which on movement is lost with the next frame that is left out.
const SLOW_MS: u64 = 200;
/// Frames that a table is chosen from: as many as show what is there.
const SAMPLES: usize = 16;

/// Frames in the size of the target.
#[derive(Debug)]
pub(crate) struct Fitting {
    frames: Vec<Frame>,
    again: Option<u16>,
    of: u32,
    most_colours: usize,
    notes: Vec<Note>,
}

impl Fitting {
    pub(crate) fn new(source: &Source, animation: &Animation, target: &StillTarget) -> Self {
        let shown = source.shape(target);
        let (width, height) = crate::source::turned(shown, source.orientation);
        let frames = animation.frames.iter().map(|frame| Frame {
            raster: source.finished(frame.raster.scaled(width, height)),
            delay_ms: frame.delay_ms,
        });
        Self {
            frames: frames.collect(),
            again: animation.again,
            of: animation.of,
            most_colours: match target.max_colours as usize {
                0 => 256,
                most => most.clamp(2, 256),
            },
            notes: source.notes.clone(),
        }
    }

    pub(crate) fn rungs(&self, max_octets: u64) -> Vec<Rung> {
        let best = self.encode(max_octets).ok();
        let less = best.as_ref().and_then(|(octets, _)| self.encode(octets.len() as u64 / 3).ok());
        let rung =
            |(octets, made): &(Vec<u8>, Made)| Rung { octets: octets.len() as u64, quality: made.quality };
        best.iter().chain(&less).map(rung).collect()
    }

    pub(crate) fn encode(&self, max_octets: u64) -> Result<(Vec<u8>, Made), Fault> {
        let mut frames = self.frames.clone();
        let mut colours = self.most_colours;
        for encodes in 1..=MAX_ENCODES {
            let palette = self.palette(&frames, colours);
            let pictures = frames.iter().map(|frame| (&frame.raster, frame.delay_ms));
            let octets = gif::moving(pictures, &palette, self.again).ok_or_else(|| cannot_fit(max_octets))?;
            let ratio = max_octets as f64 / octets.len() as f64;
            if ratio >= 1.0 {
                return Ok(self.done(octets, &frames, &palette, encodes));
            }
            let number = frames.len().max(1) as u64;
            let each = frames.iter().map(|frame| u64::from(frame.delay_ms)).sum::<u64>() / number;
            if colours > FEW_COLOURS * 2 && ratio > 0.6 {
                colours /= 2;
            } else if frames.len() > 2 && each < SLOW_MS {
                frames = halved(frames);
                colours = colours.min(128);
            } else {
                frames = self
                    .scaled(&frames, ratio)
                    .or_else(|| {
                        // As small as it gets: what moves slower still moves.
                        (frames.len() > 2).then(|| halved(frames.clone()))
                    })
                    .ok_or_else(|| cannot_fit(max_octets))?;
                colours = colours.min(FEW_COLOURS * 2);
            }
        }
        Err(cannot_fit(max_octets))
    }

    /// The frames that are left, smaller; from the first scaling, not from the last.
    fn scaled(&self, frames: &[Frame], ratio: f64) -> Option<Vec<Frame>> {
        let first = frames.first()?;
        let factor = (ratio.sqrt() * 0.95).clamp(0.4, 0.92);
        let (width, height) = smaller((first.raster.width, first.raster.height), factor)?;
        let scaled = frames
            .iter()
            .map(|frame| Frame { raster: frame.raster.scaled(width, height), delay_ms: frame.delay_ms });
        Some(scaled.collect())
    }

    fn palette(&self, frames: &[Frame], colours: usize) -> Palette {
        let step = frames.len().div_ceil(SAMPLES).max(1);
        let samples = frames.iter().step_by(step).map(|frame| &frame.raster);
        Palette::of(samples, colours, true)
    }

    fn done(&self, octets: Vec<u8>, frames: &[Frame], palette: &Palette, encodes: u32) -> (Vec<u8>, Made) {
        let mut notes = self.notes.clone();
        let kept = frames.len() as u32;
        if kept < self.of {
            notes.push(Note::FramesDropped { kept, of: self.of });
        }
        let first = |frames: &[Frame]| frames.first().map(|frame| frame.raster.clone());
        let quality = match (first(&self.frames), first(frames)) {
            (Some(of), Some(result)) => likeness(&of.flattened(), palette.shown(&result)),
            _ => 0.0,
        };
        made(octets, Format::Gif, quality, encodes, notes)
    }
}
