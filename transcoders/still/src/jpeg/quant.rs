//! Quantisation (ITU-T T.81 A.3.4) with the tables of its annex K, scaled continuously.
//!
//! The scale is finer than the hundred steps of the customary quality factor, because the octets
//! that are left between two of its steps are quality given away.
#![expect(clippy::indexing_slicing, reason = "arrays of 64, indices by construction below that")]

use super::dct::{Block, UNIT, ZIGZAG};

/// By what the tables of annex K are multiplied: sixteenths of a percent. Larger is coarser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scale(pub(crate) u32);

impl Scale {
    /// Quality 92: above it octets grow and nobody sees why.
    pub(crate) const FINEST: Self = Self::of_quality(92);
    /// Quality 90: what stands for "the same picture".
    pub(crate) const SAME: Self = Self::of_quality(90);
    /// Quality 37: below it, fewer pixels look better than coarser ones.
    pub(crate) const COARSE: Self = Self::of_quality(37);
    /// Quality 10: the end.
    pub(crate) const COARSEST: Self = Self::of_quality(10);

    /// From the customary quality factor, 1 to 99.
    pub(crate) const fn of_quality(quality: u32) -> Self {
        Self(16 * if quality < 50 { 5000 / quality } else { 200 - 2 * quality })
    }

    /// From a multiplier of the tables: 1 is quality 50.
    pub(crate) fn of_factor(factor: f64) -> Self {
        Self((factor * 1600.0).clamp(1.0, 80_000.0).round() as u32)
    }

    /// Multiplier of the tables.
    pub(crate) fn factor(self) -> f64 {
        f64::from(self.0) / 1600.0
    }
}

/// Luma and chroma of annex K.1, row-major.
const ANNEX_K: [[u8; 64]; 2] = [
    [
        16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14,
        17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49,
        64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
    ],
    [
        17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47,
        66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    ],
];

/// The mean of the luma table of annex K.
const ANNEX_K_MEAN: f64 = 57.625;

/// How coarse a source was quantised, from the mean of its luma table: writing it finer adds octets
/// and no picture.
pub(crate) fn scale_of(table_sum: u32) -> Scale {
    Scale::of_factor(f64::from(table_sum) / 64.0 / ANNEX_K_MEAN)
}

/// One table, ready to divide by it.
#[derive(Debug, Clone)]
pub(crate) struct Quantiser {
    /// As it is written into the file, zigzag order.
    pub(crate) table: [u8; 64],
    half: [u16; 64],
    reciprocal: [u16; 64],
}

/// Quantised magnitudes of a block; signs are those of the coefficients.
pub(crate) struct Quantised {
    pub(crate) magnitude: [u16; 64],
    /// One bit for each that is not zero, the lowest for the first.
    pub(crate) present: u64,
}

impl Quantiser {
    /// The table for luma or chroma.
    pub(crate) fn new(chroma: bool, scale: Scale) -> Self {
        let base = &ANNEX_K[usize::from(chroma)];
        let table: [u8; 64] = std::array::from_fn(|at| {
            let value = (u32::from(base[usize::from(ZIGZAG[at])]) * scale.0 + 800) / 1600;
            value.clamp(1, 255) as u8
        });
        let divisor = table.map(|step| u32::from(step) * UNIT.unsigned_abs());
        Self {
            table,
            half: divisor.map(|divisor| (divisor / 2) as u16),
            reciprocal: divisor.map(|divisor| ((65536 + divisor / 2) / divisor) as u16),
        }
    }

    /// Divides and rounds.
    #[inline]
    pub(crate) fn apply(&self, block: &Block) -> Quantised {
        let mut magnitude = [0u16; 64];
        for (((out, &value), &half), &reciprocal) in
            magnitude.iter_mut().zip(block).zip(&self.half).zip(&self.reciprocal)
        {
            let rounded = value.unsigned_abs() + half;
            *out = ((u32::from(rounded) * u32::from(reciprocal)) >> 16) as u16;
        }
        let mut narrow = [0u8; 64];
        for (out, &value) in narrow.iter_mut().zip(&magnitude) {
            *out = value.min(255) as u8;
        }
        let mut present = 0u64;
        for (at, octets) in narrow.as_chunks::<8>().0.iter().enumerate() {
            let octets = u64::from_le_bytes(*octets);
            if octets != 0 {
                // The high bit of every octet that is not zero, gathered into one octet.
                let high = (((octets & LOW7) + LOW7) | octets) & !LOW7;
                let bits = (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
                present |= bits << (8 * at);
            }
        }
        Quantised { magnitude, present }
    }
}

const LOW7: u64 = 0x7f7f_7f7f_7f7f_7f7f;

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_those_of_the_customary_quality() {
        assert_eq!(Quantiser::new(false, Scale::of_quality(50)).table[..3], [16, 11, 12]);
        assert_eq!(Quantiser::new(true, Scale::of_quality(75)).table[..3], [9, 9, 9]);
        assert_eq!(Quantiser::new(false, Scale::of_quality(10)).table[..3], [80, 55, 60]);
    }

    #[test]
    fn magnitudes_are_rounded_and_marked() {
        let mut block = [0i16; 64];
        for (at, value) in block.iter_mut().enumerate() {
            *value = (at as i16 - 20) * 97;
        }
        block[0] = 8191;
        for quality in [10, 37, 50, 75, 92] {
            let quantiser = Quantiser::new(false, Scale::of_quality(quality));
            let got = quantiser.apply(&block);
            #[allow(clippy::needless_range_loop, reason = "three arrays in step")]
            for at in 0..64 {
                let exact =
                    f64::from(block[at].unsigned_abs()) / (f64::from(quantiser.table[at]) * f64::from(UNIT));
                let off = (f64::from(got.magnitude[at]) - exact).abs();
                assert!(off <= 0.5 + exact * 0.016 + 0.01, "{exact} {}", got.magnitude[at]);
                assert_eq!(got.present >> at & 1 == 1, got.magnitude[at] != 0);
            }
        }
    }

    #[test]
    fn a_source_scale_is_found_from_its_table() {
        for quality in [30, 50, 75, 90] {
            let scale = Scale::of_quality(quality);
            let sum = Quantiser::new(false, scale).table.iter().map(|&q| u32::from(q)).sum();
            let found = scale_of(sum).factor();
            assert!((found / scale.factor() - 1.0).abs() < 0.03, "{quality}: {found}");
        }
    }
}
