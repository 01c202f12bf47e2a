//! What a reader of one format found, and how the faults in it are ranked.

use alloc::{format, string::String};

use super::{Colour, Detail, Picture, Sound, Video};
use crate::{
    format::{Format, SoundCodec, VideoCodec},
    job::{Fault, FaultKind},
};

/// Facts in the making.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) format: Format,
    pub(super) detail: Detail,
    pub(super) fault: Option<Fault>,
}

impl Reading {
    pub(super) const fn new(format: Format, detail: Detail) -> Self {
        Self { format, detail, fault: None }
    }

    /// Only the format is known.
    pub(super) const fn bare(format: Format) -> Self {
        Self::new(format, Detail::None)
    }

    /// Adds a fault. One that keeps the part away from a decoder covers one that does not; among
    /// equals the first stays, because the others often follow from it.
    pub(super) fn fault(&mut self, kind: FaultKind, detail: impl Into<String>) {
        let rank = |kind| match kind {
            FaultKind::Encrypted => 3,
            FaultKind::TooLarge => 2,
            FaultKind::Unsupported => 1,
            _ => 0,
        };
        if self.fault.as_ref().is_none_or(|there| rank(kind) > rank(there.kind)) {
            self.fault = Some(Fault::new(kind, detail));
        }
    }

    pub(super) fn damaged(&mut self, detail: &str) {
        self.fault(FaultKind::Damaged, detail);
    }

    pub(super) fn encrypted(&mut self, detail: &str) {
        self.fault(FaultKind::Encrypted, detail);
    }

    /// Refuses `found` of something when it is more than the bound.
    pub(super) fn bound(&mut self, what: &str, found: u64, bound: u64) {
        if found > bound {
            self.fault(FaultKind::TooLarge, format!("{what}: {found}, the bound is {bound}"));
        }
    }
}

impl Picture {
    /// One opaque upright picture of which no more is known.
    pub(super) const fn plain(width: u32, height: u32, colour: Colour) -> Self {
        Self {
            width,
            height,
            orientation: 1,
            colour,
            alpha: false,
            progressive: false,
            frames: 1,
            duration_ms: 0,
            metadata: false,
            gps: false,
        }
    }
}

impl Sound {
    /// Sound of which only the coding is known.
    pub(super) const fn coded(codec: SoundCodec) -> Self {
        Self { codec, rate: 0, channels: 0, duration_ms: 0, bit_rate: 0 }
    }
}

impl Video {
    /// Moving picture of which only the coding is known.
    pub(super) const fn coded(codec: VideoCodec) -> Self {
        Self {
            codec,
            profile: 0,
            level: 0,
            width: 0,
            height: 0,
            rotation: 0,
            millihertz: 0,
            duration_ms: 0,
            bit_rate: 0,
            sound: None,
            brand: [0; 4],
            fast_start: false,
            extras: false,
        }
    }
}
