//! GIF89a: one table for all frames, each frame only what changed.
//!
//! What did not change is transparent and the frame is cut to the rest. Where something that was
//! shown disappears, every frame is whole and cleared after it: rare, and always right.

use std::borrow::Cow;

use gif::{DisposalMethod, Encoder, Frame, Repeat};

use super::palette::Palette;
use crate::raster::Raster;

/// One picture.
pub(crate) fn still(raster: &Raster, palette: &Palette) -> Option<Vec<u8>> {
    moving([(raster, 0)].into_iter(), palette, None)
}

/// Pictures of one size, each with its time in milliseconds.
///
/// Times are hundredths of a second in the file; what rounding takes from one frame the next one
/// gets, so the whole lasts as long.
pub(crate) fn moving<'a>(
    frames: impl Iterator<Item = (&'a Raster, u32)>,
    palette: &Palette,
    again: Option<u16>,
) -> Option<Vec<u8>> {
    let mut size = (0, 0);
    let mut indexed = Vec::new();
    for (raster, delay_ms) in frames {
        size = (raster.width, raster.height);
        indexed.push((palette.indices(raster), delay_ms));
    }
    let whole =
        Place { left: 0, top: 0, width: u16::try_from(size.0).ok()?, height: u16::try_from(size.1).ok()? };
    let vanishes = palette.transparent
        && indexed.iter().zip(indexed.iter().skip(1)).any(|((before, _), (here, _))| {
            before.iter().zip(here).any(|(before, here)| *before != 0 && *here == 0)
        });
    let only_changes = palette.transparent && !vanishes;

    let mut out = Vec::new();
    let mut encoder =
        Encoder::new(&mut out, whole.width, whole.height, palette.colours.as_flattened()).ok()?;
    if let Some(times) = again {
        let repeat = if times == 0 { Repeat::Infinite } else { Repeat::Finite(times) };
        encoder.set_repeat(repeat).ok()?;
    }
    let mut clock = Clock::default();
    let mut before: Option<&[u8]> = None;
    for (indices, delay_ms) in &indexed {
        let (place, buffer) = match before {
            Some(before) if only_changes => {
                let place = changed(before, indices, whole);
                (place, difference(before, indices, place, whole.width).into())
            }
            _ => (whole, Cow::Borrowed(&indices[..])),
        };
        let frame = Frame {
            delay: clock.hundredths(*delay_ms),
            dispose: if vanishes { DisposalMethod::Background } else { DisposalMethod::Keep },
            transparent: palette.transparent.then_some(0),
            left: place.left,
            top: place.top,
            width: place.width,
            height: place.height,
            buffer,
            ..Frame::default()
        };
        encoder.write_frame(&frame).ok()?;
        before = Some(indices);
    }
    drop(encoder);
    Some(out)
}

/// Where a frame stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    left: u16,
    top: u16,
    width: u16,
    height: u16,
}

/// Hands the rest of a rounding on.
#[derive(Debug, Default)]
struct Clock {
    owed_ms: u32,
}

impl Clock {
    fn hundredths(&mut self, delay_ms: u32) -> u16 {
        let due = delay_ms.saturating_add(self.owed_ms);
        self.owed_ms = due % 10;
        u16::try_from(due / 10).unwrap_or(u16::MAX)
    }
}

/// The smallest rectangle around what differs; one pixel when nothing does.
fn changed(before: &[u8], here: &[u8], whole: Place) -> Place {
    let across = usize::from(whole.width.max(1));
    let (mut left, mut right, mut top, mut bottom) = (whole.width, 0, whole.height, 0);
    let rows = before.chunks(across).zip(here.chunks(across));
    for (y, (a, b)) in (0u16..).zip(rows) {
        let differs = |(a, b): (&u8, &u8)| a != b;
        if let Some(first) = a.iter().zip(b).position(differs) {
            let last = a.iter().zip(b).rposition(differs).unwrap_or(first);
            left = left.min(first as u16);
            right = right.max(last as u16);
            top = top.min(y);
            bottom = y;
        }
    }
    if top >= whole.height {
        return Place { left: 0, top: 0, width: 1, height: 1 };
    }
    Place { left, top, width: right - left + 1, height: bottom - top + 1 }
}

/// What a frame must show there: transparent where it is there already.
fn difference(before: &[u8], here: &[u8], place: Place, width: u16) -> Vec<u8> {
    let across = usize::from(width.max(1));
    let rows = before.chunks(across).zip(here.chunks(across));
    let rows = rows.skip(usize::from(place.top)).take(usize::from(place.height));
    rows.flat_map(|(before, here)| {
        let pixels = before.iter().zip(here).skip(usize::from(place.left));
        pixels.take(usize::from(place.width)).map(|(a, b)| if a == b { 0 } else { *b })
    })
    .collect()
}
