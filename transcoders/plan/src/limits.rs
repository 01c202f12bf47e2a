//! The bounds on what is given to a decoder, each with its reason: judged on the header, before
//! a sample is decoded. What is above is refused as [`crate::job::FaultKind::TooLarge`].

use serde::{Deserialize, Serialize};

/// Bounds on one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Width or height: beyond it, tables of row pointers alone are a burden.
    pub side: u32,
    /// Width times height: 100 million are three times the largest telephone camera in use.
    pub pixels: u64,
    /// Frames of an animation, and pixels of all frames together are `pixels` times this at most.
    pub frames: u32,
    /// Scans of a progressive JPEG: each costs a pass over all blocks.
    pub scans: u32,
    /// Playing time, milliseconds: what takes longer to play takes longer to decode than a message
    /// may wait.
    pub duration_ms: u64,
    /// Octets of one part: what a message may hold at most.
    pub octets: u64,
    /// Octets of an ICC profile or EXIF block.
    pub metadata_octets: u64,
    /// Tracks of a container.
    pub tracks: u32,
    /// Nested boxes or elements of a container.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            side: 30_000,
            pixels: 100_000_000,
            frames: 2_000,
            scans: 10,
            duration_ms: 10 * 60 * 1000,
            octets: 100 << 20,
            metadata_octets: 4 << 20,
            tracks: 32,
            depth: 16,
        }
    }
}
