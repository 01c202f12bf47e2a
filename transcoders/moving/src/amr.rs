//! Adaptive Multi-Rate: the modes of TS 26.101 and TS 26.201 and the storage format of RFC 4867 §5.
//!
//! Without discontinuous transmission every frame of a mode has the same size, so that the size of
//! a whole clip is known before anything is encoded. Nothing is coded here.

/// One mode of a codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mode {
    /// Bits a second, as libav wants them.
    pub(crate) bit_rate: u32,
    /// Octets of a stored frame, its header octet included.
    pub(crate) octets: u32,
}

const fn mode(bit_rate: u32, octets: u32) -> Mode {
    Mode { bit_rate, octets }
}

/// Samples a second, frames and modes of one of the two codecs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Band {
    /// Samples a second.
    pub(crate) rate: u32,
    /// First octets of a file.
    pub(crate) magic: &'static [u8],
    /// From the best to the smallest.
    pub(crate) modes: &'static [Mode],
    /// libav's name of the encoder.
    pub(crate) encoder: &'static str,
}

/// AMR narrowband.
pub(crate) const NARROW: Band = Band {
    rate: 8_000,
    magic: b"#!AMR\n",
    modes: &[
        mode(12_200, 32),
        mode(10_200, 27),
        mode(7_950, 21),
        mode(7_400, 20),
        mode(6_700, 18),
        mode(5_900, 16),
        mode(5_150, 14),
        mode(4_750, 13),
    ],
    encoder: "libopencore_amrnb",
};

/// AMR wideband.
pub(crate) const WIDE: Band = Band {
    rate: 16_000,
    magic: b"#!AMR-WB\n",
    modes: &[
        mode(23_850, 61),
        mode(23_050, 59),
        mode(19_850, 51),
        mode(18_250, 47),
        mode(15_850, 41),
        mode(14_250, 37),
        mode(12_650, 33),
        mode(8_850, 24),
        mode(6_600, 18),
    ],
    encoder: "libvo_amrwbenc",
};

impl Band {
    /// Samples of a frame of 20 ms.
    pub(crate) const fn frame_samples(self) -> u64 {
        (self.rate / 50) as u64
    }

    /// Frames that hold so many samples.
    pub(crate) const fn frames(self, samples: u64) -> u64 {
        samples.div_ceil(self.frame_samples())
    }

    /// The best mode of at most `max_bit_rate` (0 = any) in which `frames` fit beside `overhead`;
    /// without one, the smallest and how many frames fit.
    pub(crate) fn fit(self, frames: u64, overhead: u64, max_bit_rate: u32, max_octets: u64) -> Fit {
        let room = max_octets.saturating_sub(overhead);
        let allowed = |mode: &&Mode| max_bit_rate == 0 || mode.bit_rate <= max_bit_rate;
        let fits = |mode: &&Mode| frames.saturating_mul(u64::from(mode.octets)) <= room;
        let smallest = self.modes.last().copied().unwrap_or(mode(4_750, 13));
        match self.modes.iter().filter(allowed).find(fits) {
            Some(mode) => Fit { mode: *mode, frames },
            None => Fit { mode: smallest, frames: frames.min(room / u64::from(smallest.octets)) },
        }
    }
}

/// A mode and the frames that fit in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fit {
    pub(crate) mode: Mode,
    pub(crate) frames: u64,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_of_the_best_narrowband_mode_has_the_size_that_was_measured() {
        // 60 s and the delay of the encoder: 3001 frames.
        let fit = NARROW.fit(3001, 6, 0, 96_038);
        assert_eq!(fit, Fit { mode: mode(12_200, 32), frames: 3001 });
        assert_eq!(NARROW.fit(3001, 6, 0, 96_037).mode, mode(10_200, 27));
    }

    #[test]
    fn what_fits_in_no_mode_is_counted_in_the_smallest() {
        let fit = WIDE.fit(1000, 9, 0, 9 + 18 * 400 + 17);
        assert_eq!(fit, Fit { mode: mode(6_600, 18), frames: 400 });
    }

    #[test]
    fn a_bound_on_the_bit_rate_is_kept() {
        assert_eq!(NARROW.fit(10, 6, 8_000, 100_000).mode.bit_rate, 7_950);
    }
}
