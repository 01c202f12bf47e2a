//! A decoded picture, and in which sizes and forms encoders take it from there.
//!
//! What costs per pixel (turning, profiles, opacity) is done on what was scaled.

use cedrat_plan::{
    facts::Facts,
    job::{Fault, FaultKind, Note, StillTarget},
    limits::Limits,
};

use crate::{
    colour,
    jpeg::Scale,
    planes::{Channel, Plane, Planes},
    raster::{Layout, Raster},
    read,
};

/// A picture that was read.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) picture: Picture,
    /// Pixels across and down of the file, as stored.
    pub(crate) size: (u32, u32),
    /// EXIF orientation that is still to be applied.
    pub(crate) orientation: u8,
    /// Profile that is still to be applied.
    pub(crate) profile: Option<moxcms::ColorProfile>,
    /// The TIFF block of EXIF as it was.
    pub(crate) exif: Option<Vec<u8>>,
    /// What the reader could not do.
    pub(crate) notes: Vec<Note>,
    /// How fine it makes sense to quantise when no pixel is lost.
    pub(crate) finest: Scale,
}

/// Pixels as they came out of the decoder.
#[derive(Debug)]
pub(crate) enum Picture {
    Frames(Animation),
    Raster(Raster),
    Samples(Samples),
}

/// Luma and chroma as a JPEG decoder leaves them, perhaps scaled down already.
#[derive(Debug)]
pub(crate) struct Samples {
    /// All planes, one behind the other.
    pub(crate) pixels: Vec<u8>,
    /// Pixels across and down of luma.
    pub(crate) size: (usize, usize),
    /// By how much chroma is smaller, across and down; `None` when gray.
    pub(crate) subsampling: Option<(usize, usize)>,
}

/// Frames that were put together and scaled as they were read.
#[derive(Debug)]
pub(crate) struct Animation {
    /// The first frame in full size.
    pub(crate) first: Raster,
    /// All of one size, with opacity, orientation as stored.
    pub(crate) frames: Vec<Frame>,
    /// How often it starts again; 0 = for ever, `None` = never.
    pub(crate) again: Option<u16>,
    /// Frames of the file.
    pub(crate) of: u32,
}

/// One frame.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) raster: Raster,
    /// How long it is shown.
    pub(crate) delay_ms: u32,
}

impl Source {
    /// Decodes at a size that is enough for all targets.
    pub(crate) fn read(
        octets: &[u8],
        facts: &Facts,
        targets: &[StillTarget],
        limits: &Limits,
    ) -> Result<Self, Fault> {
        read::read(octets, facts, targets, limits)
    }

    /// A picture that is upright, in sRGB and whole.
    pub(crate) fn of_raster(raster: Raster) -> Result<Self, Fault> {
        if !raster.is_whole() {
            return Err(Fault::new(FaultKind::Damaged, "the raster is not whole"));
        }
        Ok(Self {
            size: (raster.width, raster.height),
            picture: Picture::Raster(raster),
            orientation: 1,
            profile: None,
            exif: None,
            notes: Vec::new(),
            finest: Scale::FINEST,
        })
    }

    /// What there is to say of a result that does not move.
    pub(crate) fn notes_of_still(&self) -> Vec<Note> {
        let mut notes = self.notes.clone();
        if matches!(&self.picture, Picture::Frames(animation) if animation.of > 1) {
            notes.push(Note::FirstFrame);
        }
        notes
    }

    /// Pixels across and down that a target gets, as shown.
    pub(crate) fn shape(&self, target: &StillTarget) -> (u32, u32) {
        shape(turned(self.size, self.orientation), target)
    }

    /// Luma and chroma of so many pixels, as shown.
    pub(crate) fn planes(&self, shown: (u32, u32)) -> Planes {
        if let (Picture::Samples(samples), None) = (&self.picture, &self.profile) {
            let (width, height) = turned(shown, self.orientation);
            return samples.planes(width as usize, height as usize).turned(self.orientation);
        }
        self.raster(shown).into_planes()
    }

    /// The picture in so many pixels, as shown, in sRGB; of an animation the first frame.
    pub(crate) fn raster(&self, shown: (u32, u32)) -> Raster {
        let (width, height) = turned(shown, self.orientation);
        let raster = match &self.picture {
            Picture::Frames(animation) => animation.first.scaled(width, height),
            Picture::Raster(raster) => raster.scaled(width, height),
            Picture::Samples(samples) => samples.raster(width as usize, height as usize),
        };
        self.finished(raster)
    }

    /// Profile and orientation applied.
    pub(crate) fn finished(&self, raster: Raster) -> Raster {
        let raster = match &self.profile {
            Some(profile) => colour::to_srgb(raster, profile),
            None => raster,
        };
        raster.turned(self.orientation)
    }
}

impl Samples {
    fn luma(&self, width: usize, height: usize) -> Plane {
        let (across, down) = self.subsampling.unwrap_or((1, 1));
        Channel {
            pixels: &self.pixels,
            stride: self.size.0.next_multiple_of(across),
            rows: self.size.1.next_multiple_of(down),
            width: self.size.0 as f64,
            height: self.size.1 as f64,
        }
        .scaled(width, height)
    }

    fn chroma(&self, width: usize, height: usize) -> Option<[Plane; 2]> {
        let (across, down) = self.subsampling?;
        let (stride, rows) = (self.size.0.div_ceil(across), self.size.1.div_ceil(down));
        let luma = stride * across * rows * down;
        let channel = |start: usize| {
            Channel {
                pixels: self.pixels.get(start..start + stride * rows).unwrap_or_default(),
                stride,
                rows,
                width: self.size.0 as f64 / across as f64,
                height: self.size.1 as f64 / down as f64,
            }
            .scaled(width, height)
        };
        Some([channel(luma), channel(luma + stride * rows)])
    }

    fn planes(&self, width: usize, height: usize) -> Planes {
        Planes { luma: self.luma(width, height), chroma: self.chroma(width.div_ceil(2), height.div_ceil(2)) }
    }

    fn raster(&self, width: usize, height: usize) -> Raster {
        let luma = self.luma(width, height);
        match self.chroma(width, height) {
            Some([blue, red]) => colour::rgb(&luma, &blue, &red),
            None => Raster {
                width: width as u32,
                height: height as u32,
                layout: Layout::Gray,
                pixels: luma.pixels,
            },
        }
    }
}

/// Exchanges width and height where the orientation does.
pub(crate) const fn turned((width, height): (u32, u32), orientation: u8) -> (u32, u32) {
    if orientation >= 5 { (height, width) } else { (width, height) }
}

/// The largest size of these proportions within the target; never larger than it is.
pub(crate) fn shape((width, height): (u32, u32), target: &StillTarget) -> (u32, u32) {
    let (most_across, most_down) = (target.max_width.max(1), target.max_height.max(1));
    if width <= most_across && height <= most_down {
        return (width, height);
    }
    let part = |side: u32, most: u32, of: u32| {
        let rounded = (u64::from(side) * u64::from(most) + u64::from(of / 2)) / u64::from(of.max(1));
        u32::try_from(rounded).unwrap_or(u32::MAX).max(1)
    };
    if u64::from(width) * u64::from(most_down) >= u64::from(height) * u64::from(most_across) {
        (most_across, part(height, most_across, width).min(most_down))
    } else {
        (part(width, most_down, height).min(most_across), most_down)
    }
}
