//! Animations: every frame put together as it is seen, scaled at once, so that no more than one is
//! held in full size.

use std::io::Cursor;

use cedrat_plan::{
    facts::{Detail, Facts},
    format::Format,
    job::{Fault, Note, StillTarget},
    limits::Limits,
};
use image::{
    AnimationDecoder, ImageDecoder,
    codecs::{gif::GifDecoder, webp::WebPDecoder},
    metadata::LoopCount,
};

use super::{
    admit, damaged, needed,
    other::{bounds, fault},
    within,
};
use crate::{
    blocks,
    jpeg::Scale,
    raster::{Layout, Raster},
    source::{Animation, Frame, Picture, Source},
};

/// Octets that scaled frames may take together: beyond it every other one is given up as they come.
const MAX_KEPT: usize = 96 << 20;
/// Pixels that may be decoded, in multiples of [`Limits::pixels`]: a frame of the largest picture
/// that is read, sixteen times over.
const MAX_WORK: u64 = 16;
/// What browsers show a frame that asks for less than two hundredths of a second.
const SHORTEST_MS: u32 = 20;
const USUAL_MS: u32 = 100;

/// Whether there is an animation and a target that can keep it.
pub(super) fn wanted(facts: &Facts, targets: &[StillTarget]) -> bool {
    let moves = matches!(&facts.detail, Detail::Picture(picture) if picture.frames > 1);
    moves && targets.iter().any(|target| target.animated && target.format == Format::Gif)
}

pub(super) fn read(
    octets: &[u8],
    format: Format,
    orientation: u8,
    targets: &[StillTarget],
    limits: &Limits,
) -> Result<Source, Fault> {
    let cursor = Cursor::new(octets);
    if format == Format::Gif {
        let decoder = GifDecoder::new(cursor).map_err(fault)?;
        frames(decoder, blocks::repeats(octets), orientation, targets, limits)
    } else {
        let decoder = WebPDecoder::new(cursor).map_err(fault)?;
        let again = match decoder.loop_count() {
            LoopCount::Infinite => Some(0),
            LoopCount::Finite(times) => u16::try_from(times.get() - 1).ok().filter(|times| *times > 0),
        };
        frames(decoder, again, orientation, targets, limits)
    }
}

fn frames<'a>(
    mut decoder: impl ImageDecoder + AnimationDecoder<'a>,
    again: Option<u16>,
    orientation: u8,
    targets: &[StillTarget],
    limits: &Limits,
) -> Result<Source, Fault> {
    let size = decoder.dimensions();
    admit(size, limits)?;
    decoder.set_limits(bounds(limits)).map_err(fault)?;
    let profile = super::profile(decoder.icc_profile().ok().flatten().as_deref(), limits);
    let (width, height) = needed(size, orientation, targets);
    let pixels = u64::from(size.0) * u64::from(size.1);

    let mut first = None;
    let mut thinning = Thinning { frames: Vec::new(), every: 1, of: 0 };
    let mut notes = Vec::new();
    for frame in decoder.into_frames() {
        let Ok(frame) = frame else {
            notes.push(Note::Damaged);
            break;
        };
        let seen = thinning.of + 1;
        within(u64::from(seen), u64::from(limits.frames), "frames")?;
        within(u64::from(seen) * pixels, limits.pixels.saturating_mul(MAX_WORK), "pixels of frames")?;
        let (numerator, denominator) = frame.delay().numer_denom_ms();
        let delay_ms = match numerator / denominator.max(1) {
            short if short < SHORTEST_MS => USUAL_MS,
            delay => delay,
        };
        let whole = frame.into_buffer();
        let whole = Raster {
            width: whole.width(),
            height: whole.height(),
            layout: Layout::Rgba,
            pixels: whole.into_raw(),
        };
        thinning.add(delay_ms, || whole.scaled(width, height));
        first.get_or_insert(whole);
    }
    let first = first.ok_or_else(|| damaged("no frame could be read"))?;
    Ok(Source {
        picture: Picture::Frames(Animation { first, frames: thinning.frames, again, of: thinning.of }),
        size,
        orientation,
        profile,
        exif: None,
        notes,
        finest: Scale::FINEST,
    })
}

/// Keeps every frame, then every second, then every fourth; what is left out lends its time to the
/// one before it.
struct Thinning {
    frames: Vec<Frame>,
    every: u32,
    of: u32,
}

impl Thinning {
    fn add(&mut self, delay_ms: u32, scaled: impl FnOnce() -> Raster) {
        let keep = self.of.is_multiple_of(self.every);
        self.of += 1;
        match self.frames.last_mut() {
            Some(last) if !keep => last.delay_ms = last.delay_ms.saturating_add(delay_ms),
            _ => self.frames.push(Frame { raster: scaled(), delay_ms }),
        }
        let one = self.frames.first().map_or(0, |frame| frame.raster.pixels.len());
        if self.frames.len() > 1 && one * self.frames.len() > MAX_KEPT {
            self.frames = halved(std::mem::take(&mut self.frames));
            self.every *= 2;
        }
    }
}

/// Every second frame, with the time of both.
pub(crate) fn halved(frames: Vec<Frame>) -> Vec<Frame> {
    let mut kept: Vec<Frame> = Vec::with_capacity(frames.len().div_ceil(2));
    for (at, frame) in frames.into_iter().enumerate() {
        match kept.last_mut() {
            Some(last) if at % 2 == 1 => {
                last.delay_ms = last.delay_ms.saturating_add(frame.delay_ms);
            }
            _ => kept.push(frame),
        }
    }
    kept
}
