//! A scaled picture turned and laid on what is coded: planes of 4:2:0, eight bits.

use crate::{
    av::{Code, Frame, PixelFormat},
    geometry::{Layout, Size},
};

/// Black: luma, and both chromas.
const BLACK: [u8; 3] = [16, 128, 128];

/// Size that a picture is scaled to, before it is turned.
pub(crate) const fn before_turn(inner: Size, rotation: u16) -> Size {
    if rotation == 90 || rotation == 270 { (inner.1, inner.0) } else { inner }
}

/// Turns `scaled` clockwise and lays it out; the frame itself when there is nothing to do.
pub(crate) fn lay(scaled: Frame, rotation: u16, layout: &Layout) -> Result<Frame, Code> {
    if rotation == 0 && layout.canvas == layout.inner {
        return Ok(scaled);
    }
    let mut canvas = Frame::picture(PixelFormat::AV_PIX_FMT_YUV420P, layout.canvas.0, layout.canvas.1)?;
    for (plane, black) in BLACK.into_iter().enumerate() {
        let halve = |side: u32| if plane == 0 { side as usize } else { side.div_ceil(2) as usize };
        let (width, height) = (halve(layout.canvas.0), halve(layout.canvas.1));
        let (left, top) = (halve(layout.offset.0), halve(layout.offset.1));
        let (columns, rows) = (halve(scaled.width()), halve(scaled.height()));
        let (from, from_stride) = scaled.plane(plane, rows, columns);
        let (to, to_stride) = canvas.plane_mut(plane, height, width);
        if layout.canvas != layout.inner {
            to.fill(black);
        }
        let source = Plane { octets: from, stride: from_stride, columns, rows };
        let place = top.saturating_mul(to_stride).saturating_add(left);
        if let Some(to) = to.get_mut(place..) {
            turn(&source, rotation, 1, to, to_stride);
        }
    }
    Ok(canvas)
}

/// A plane, or a picture of whole pixels.
pub(crate) struct Plane<'a> {
    pub(crate) octets: &'a [u8],
    pub(crate) stride: usize,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

/// Copies a plane of `pixel` octets each, turned clockwise by `rotation` degrees.
pub(crate) fn turn(from: &Plane<'_>, rotation: u16, pixel: usize, to: &mut [u8], to_stride: usize) {
    let (columns, rows) = (from.columns, from.rows);
    if to_stride == 0 || from.stride == 0 {
        return;
    }
    let (width, height) = if rotation == 90 || rotation == 270 { (rows, columns) } else { (columns, rows) };
    for (y, row) in to.chunks_mut(to_stride).take(height).enumerate() {
        // Where the first pixel of this row comes from, and the way to the next one.
        let (start, step) = match rotation {
            90 => ((rows - 1) * from.stride + y * pixel, -(from.stride as isize)),
            180 => ((rows - 1 - y) * from.stride + (columns - 1) * pixel, -(pixel as isize)),
            270 => ((columns - 1 - y) * pixel, from.stride as isize),
            _ => (y * from.stride, pixel as isize),
        };
        if rotation == 0 {
            let octets = width * pixel;
            if let (Some(to), Some(from)) = (row.get_mut(..octets), from.octets.get(start..start + octets)) {
                to.copy_from_slice(from);
            }
            continue;
        }
        let mut at = start;
        for place in row.chunks_exact_mut(pixel).take(width) {
            if let Some(octets) = from.octets.get(at..at + pixel) {
                place.copy_from_slice(octets);
            }
            at = at.wrapping_add_signed(step);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn turned(rotation: u16, stride: usize) -> Vec<u8> {
        // 1 2 3
        // 4 5 6
        let from = Plane { octets: &[1, 2, 3, 4, 5, 6], stride: 3, columns: 3, rows: 2 };
        let mut to = vec![0; 6];
        turn(&from, rotation, 1, &mut to, stride);
        to
    }

    #[test]
    fn a_quarter_clockwise_puts_the_left_column_on_top() {
        assert_eq!(turned(90, 2), [4, 1, 5, 2, 6, 3]);
        assert_eq!(turned(180, 3), [6, 5, 4, 3, 2, 1]);
        assert_eq!(turned(270, 2), [3, 6, 2, 5, 1, 4]);
        assert_eq!(turned(0, 3), [1, 2, 3, 4, 5, 6]);
    }
}
