//! Pixels in memory, as decoders of other crates hand them over and as the encoders here take them.
//!
//! Rows from the top, no padding, eight bits a channel, sRGB. Larger depths and other colour spaces
//! end where a picture is read.

/// Channels of a [`Raster`], in this order in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One: gray.
    Gray,
    /// Three: red, green, blue.
    Rgb,
    /// Four: red, green, blue, opacity; colours not multiplied by it.
    Rgba,
}

impl Layout {
    /// Octets of a pixel.
    #[must_use]
    pub const fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// A picture in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Channels of `pixels`.
    pub layout: Layout,
    /// `width` × `height` × channels octets.
    pub pixels: Vec<u8>,
}
