//! PNG, row by row: a large one is averaged down while it is read and never held whole.
//!
//! Interlaced files come in another order and are held. Of an animated PNG the default picture is
//! taken.

use std::io::Cursor;

use cedrat_plan::{
    job::{Fault, Note, StillTarget},
    limits::Limits,
};
use png::{ColorType, Decoder, Transformations};

use super::{admit, damaged, needed, profile};
use crate::{
    jpeg::Scale,
    raster::{Layout, Raster},
    source::{Picture, Source},
};

/// What the decoder may keep beside rows: chunks that it holds until their end.
const MAX_CHUNKS: usize = 32 << 20;

pub(super) fn read(
    octets: &[u8],
    orientation: u8,
    targets: &[StillTarget],
    limits: &Limits,
) -> Result<Source, Fault> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(octets), png::Limits { bytes: MAX_CHUNKS });
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.ignore_checksums(true);
    let header = decoder.read_header_info().map_err(fault)?;
    let size = (header.width, header.height);
    admit(size, limits)?;
    let mut reader = decoder.read_info().map_err(fault)?;
    let (kind, _) = reader.output_color_type();
    // Gray with opacity is rare: it becomes colour on the way.
    let (layout, channels) = match kind {
        ColorType::Grayscale => (Layout::Gray, 1),
        ColorType::GrayscaleAlpha => (Layout::Rgba, 2),
        ColorType::Rgb | ColorType::Indexed => (Layout::Rgb, 3),
        ColorType::Rgba => (Layout::Rgba, 4),
    };
    let info = reader.info();
    let interlaced = info.interlaced;
    let exif = info.exif_metadata.as_deref().map(<[u8]>::to_vec);
    let profile = profile(info.icc_profile.as_deref(), limits);
    let mut notes = Vec::new();
    if info.animation_control.is_some_and(|control| control.num_frames > 1) {
        notes.push(Note::FirstFrame);
    }

    let needed = needed(size, orientation, targets);
    let mut shrink = Shrink::new(size, layout, needed);
    let width = size.0 as usize;
    let complete = if interlaced {
        let length = reader.output_buffer_size().ok_or_else(|| damaged("no size"))?;
        let mut pixels = vec![0; length];
        let result = reader.next_frame(&mut pixels);
        for row in pixels.chunks_exact(width * channels) {
            shrink.row(row, channels);
        }
        result.is_ok()
    } else {
        loop {
            match reader.next_row() {
                Ok(Some(row)) => shrink.row(row.data(), channels),
                Ok(None) => break true,
                Err(_) => break false,
            }
        }
    };
    if !complete {
        if shrink.rows == 0 {
            return Err(damaged("not a PNG that can be read"));
        }
        notes.push(Note::Damaged);
    }
    Ok(Source {
        picture: Picture::Raster(shrink.finish()),
        size,
        orientation,
        profile,
        exif,
        notes,
        finest: Scale::FINEST,
    })
}

fn fault(error: png::DecodingError) -> Fault {
    damaged(format!("not a PNG that can be read: {error}"))
}

/// Averages squares of pixels as rows come, down to something not smaller than what is needed.
struct Shrink {
    /// Pixels of a side of the square that becomes one.
    by: usize,
    layout: Layout,
    width: usize,
    height: usize,
    /// Pixels across of the last square of a row.
    last: usize,
    /// Sums of the squares of the row of squares at hand; colours times opacity.
    sums: Vec<u32>,
    /// Rows in `sums`.
    summed: usize,
    /// Rows that came.
    rows: usize,
    out: Vec<u8>,
}

impl Shrink {
    fn new((width, height): (u32, u32), layout: Layout, needed: (u32, u32)) -> Self {
        // A quarter more than needed is left to the better filter that follows.
        let spare = |side: u32, needed: u32| u64::from(side) * 4 / (u64::from(needed.max(1)) * 5);
        let by = spare(width, needed.0).min(spare(height, needed.1)).clamp(1, 256) as usize;
        let last = (width as usize - 1) % by + 1;
        let (width, height) = ((width as usize).div_ceil(by), (height as usize).div_ceil(by));
        let length = width * layout.channels();
        Self {
            by,
            layout,
            width,
            height,
            last,
            sums: vec![0; if by > 1 { length } else { 0 }],
            summed: 0,
            rows: 0,
            out: Vec::with_capacity(length * height),
        }
    }

    /// Takes a row; `channels` are 1, 2 (gray and opacity), 3 or 4.
    fn row(&mut self, row: &[u8], channels: usize) {
        self.rows += 1;
        if channels == 2 {
            let wide = row.as_chunks::<2>().0.iter().flat_map(|&[y, a]| [y, y, y, a]);
            return self.add(&wide.collect::<Vec<_>>());
        }
        self.add(row);
    }

    fn add(&mut self, row: &[u8]) {
        if self.by == 1 {
            self.out.extend_from_slice(row);
            return;
        }
        match self.layout {
            Layout::Gray => self.sum(row.as_chunks::<1>().0),
            Layout::Rgb => self.sum(row.as_chunks::<3>().0),
            Layout::Rgba => {
                for (square, sums) in row.chunks(4 * self.by).zip(self.sums.as_chunks_mut::<4>().0) {
                    let [red, green, blue, opacity] = sums;
                    for &[r, g, b, a] in square.as_chunks::<4>().0 {
                        let a = u32::from(a);
                        *red += u32::from(r) * a;
                        *green += u32::from(g) * a;
                        *blue += u32::from(b) * a;
                        *opacity += a;
                    }
                }
            }
        }
        self.summed += 1;
        if self.summed == self.by {
            self.emit();
        }
    }

    fn sum<const N: usize>(&mut self, pixels: &[[u8; N]]) {
        for (square, sums) in pixels.chunks(self.by).zip(self.sums.as_chunks_mut::<N>().0) {
            for pixel in square {
                for (sum, &channel) in sums.iter_mut().zip(pixel) {
                    *sum += u32::from(channel);
                }
            }
        }
    }

    /// One row of squares is complete.
    fn emit(&mut self) {
        let full = (self.by * self.summed) as u32;
        let edge = (self.last * self.summed) as u32;
        let channels = self.layout.channels();
        for (at, sums) in self.sums.chunks(channels).enumerate() {
            let number = if at + 1 == self.width { edge } else { full };
            if let &[r, g, b, a] = sums {
                let colour = |sum: u32| ((sum + a / 2) / a.max(1)).min(255) as u8;
                let opacity = ((a + number / 2) / number) as u8;
                self.out.extend_from_slice(&[colour(r), colour(g), colour(b), opacity]);
            } else {
                self.out.extend(sums.iter().map(|sum| ((sum + number / 2) / number) as u8));
            }
        }
        self.sums.fill(0);
        self.summed = 0;
    }

    fn finish(mut self) -> Raster {
        if self.summed > 0 {
            self.emit();
        }
        // What never came is white and opaque.
        self.out.resize(self.width * self.height * self.layout.channels(), 255);
        Raster { width: self.width as u32, height: self.height as u32, layout: self.layout, pixels: self.out }
    }
}
