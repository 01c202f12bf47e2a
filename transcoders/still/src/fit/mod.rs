//! A decoded picture in at most so many octets.
//!
//! Each format has its own levers: JPEG quantises coarser and then loses pixels, formats with a
//! palette lose colours and then pixels, animations lose frames as well, bitmaps only pixels.

mod jpeg;
mod moving;
mod table;

use cedrat_plan::{
    format::Format,
    job::{Fault, FaultKind, Ladder, Made, Rung, StillTarget},
};

use crate::{
    jpeg::{Coefficients, similarity},
    raster::Raster,
    source::{Picture, Source},
};

/// Sides are not made shorter than this to fit: what would be left says nothing.
const SHORTEST_SIDE: u32 = 8;

/// A picture in the size and form of its target, ready to be written in any number of octets.
#[derive(Debug)]
pub(crate) enum Fitting {
    Jpeg(jpeg::Fitting),
    Moving(moving::Fitting),
    Table(table::Fitting),
}

impl Fitting {
    pub(crate) fn new(source: &Source, target: &StillTarget) -> Result<Self, Fault> {
        match (target.format, &source.picture) {
            (Format::Jpeg, _) => jpeg::Fitting::new(source, target).map(Self::Jpeg),
            (Format::Gif, Picture::Frames(animation)) if target.animated && animation.frames.len() > 1 => {
                Ok(Self::Moving(moving::Fitting::new(source, animation, target)))
            }
            (Format::Gif | Format::Png | Format::Wbmp, _) => {
                Ok(Self::Table(table::Fitting::new(source, target)))
            }
            (format, _) => Err(Fault::new(
                FaultKind::Unsupported,
                format!("{} is not written here", format.media_type()),
            )),
        }
    }

    pub(crate) fn ladder(&self, max_octets: u64) -> Ladder {
        let rungs = match self {
            Self::Jpeg(fitting) => fitting.rungs(max_octets),
            Self::Moving(fitting) => fitting.rungs(max_octets),
            Self::Table(fitting) => fitting.rungs(max_octets),
        };
        ladder(rungs)
    }

    pub(crate) fn encode(&self, max_octets: u64) -> Result<(Vec<u8>, Made), Fault> {
        match self {
            Self::Jpeg(fitting) => fitting.encode(max_octets),
            Self::Moving(fitting) => fitting.encode(max_octets),
            Self::Table(fitting) => fitting.encode(max_octets),
        }
    }
}

/// Rungs in order, without those that are larger and no better than another.
fn ladder(mut rungs: Vec<Rung>) -> Ladder {
    rungs.sort_unstable_by_key(|rung| (rung.octets, std::cmp::Reverse(rung.quality)));
    let mut kept: Vec<Rung> = Vec::new();
    for rung in rungs {
        if kept.last().is_none_or(|last| rung.octets > last.octets && rung.quality > last.quality) {
            kept.push(rung);
        }
    }
    Ladder { rungs: kept }
}

fn cannot_fit(max_octets: u64) -> Fault {
    Fault::new(FaultKind::CannotFit, format!("nothing that can be seen fits {max_octets} octets"))
}

/// A smaller size of the same proportions; `None` at the smallest.
fn smaller((width, height): (u32, u32), factor: f64) -> Option<(u32, u32)> {
    let least = SHORTEST_SIDE.min(width).min(height);
    let side = |side: u32| ((f64::from(side) * factor).round() as u32).clamp(least, side);
    let next = (side(width), side(height));
    (next != (width, height)).then_some(next)
}

/// Similarity of luma of a result, scaled up to the size of what it was made from.
fn likeness(of: &Raster, result: Raster) -> f32 {
    let result = result.flattened().scaled(of.width, of.height);
    let both = (Coefficients::of(&of.clone().into_planes()), Coefficients::of(&result.into_planes()));
    match both {
        (Some(of), Some(result)) => similarity(&of, &result),
        _ => 0.0,
    }
}
