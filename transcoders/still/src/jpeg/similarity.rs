//! Structural similarity of luma, estimated from coefficients.
//!
//! Of each block the mean is its first coefficient, variance and covariance are weighted sums over
//! the others (the transform keeps sums of squares). The usual definition (Wang et al. 2004) looks
//! through a gaussian window of 1.5 pixels, for which a slow wave is a mean and no variance: the
//! weights are what the window leaves of each frequency. No sample has to be computed.
#![expect(clippy::indexing_slicing, reason = "constant tables of eight and 64")]

use super::{
    Coefficients,
    dct::{Block, UNIT, ZIGZAG},
    quant::{Quantiser, Scale},
};

/// Constants of the definition for samples of eight bits, divided by what coefficients are larger:
/// [`UNIT`] and the 8 of an orthonormal transform.
const LARGER: f32 = (UNIT * 8) as f32;
const C1: f32 = 0.01 * 255.0 * 0.01 * 255.0;
const C2: f32 = 0.03 * 255.0 * 0.03 * 255.0;

/// What the window makes of a wave of k half periods a block: exp(−1.5²·(k·π/8)²).
const SMOOTHED: [f32; 8] = [1.0, 0.706_8, 0.249_6, 0.044_05, 0.003_885, 0.000_171, 0.000_004, 0.0];

/// Part of the energy of each coefficient that the window sees as variance, zigzag order.
const WEIGHT: [f32; 64] = {
    let mut table = [0.0; 64];
    let mut at = 0;
    while at < 64 {
        let place = ZIGZAG[at] as usize;
        table[at] = 1.0 - SMOOTHED[place / 8] * SMOOTHED[place % 8];
        at += 1;
    }
    table
};

impl Coefficients {
    /// Similarity of what is written at this scale with what was transformed; one for the same.
    pub(crate) fn similarity_at(&self, scale: Scale, every: usize) -> f32 {
        let quantiser = Quantiser::new(false, scale);
        let steps = quantiser.table.map(|step| f32::from(step) * UNIT as f32);
        mean(self.luma().step_by(every.max(1)).map(|block| {
            let quantised = quantiser.apply(block);
            let mut written = [0f32; 64];
            for (((out, &magnitude), &step), &value) in
                written.iter_mut().zip(&quantised.magnitude).zip(&steps).zip(block)
            {
                let signed = if value < 0 { -step } else { step };
                *out = f32::from(magnitude) * signed;
            }
            of_block(&block.map(f32::from), &written)
        }))
    }
}

/// Similarity of two pictures of equal size.
pub(crate) fn similarity(a: &Coefficients, b: &Coefficients) -> f32 {
    let real = |block: &Block| block.map(f32::from);
    mean(a.luma().zip(b.luma()).map(|(a, b)| of_block(&real(a), &real(b))))
}

fn mean(values: impl Iterator<Item = f32>) -> f32 {
    let (mut sum, mut number) = (0f64, 0u32);
    for value in values {
        sum += f64::from(value);
        number += 1;
    }
    (sum / f64::from(number.max(1))) as f32
}

#[inline]
fn of_block(a: &[f32; 64], b: &[f32; 64]) -> f32 {
    let [mut aa, mut bb, mut ab] = [[0f32; 8]; 3];
    let rows = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0).zip(WEIGHT.as_chunks::<8>().0);
    for ((a, b), weight) in rows {
        for (((((aa, bb), ab), &a), &b), &weight) in
            aa.iter_mut().zip(&mut bb).zip(&mut ab).zip(a).zip(b).zip(weight)
        {
            *aa += a * a * weight;
            *bb += b * b * weight;
            *ab += a * b * weight;
        }
    }
    let sum = |sums: [f32; 8]| sums.iter().sum::<f32>() / (LARGER * LARGER);
    let (mean_a, mean_b) = (a[0] / LARGER + 128.0, b[0] / LARGER + 128.0);
    let luminance = (2.0 * mean_a * mean_b + C1) / (mean_a * mean_a + mean_b * mean_b + C1);
    luminance * (2.0 * sum(ab) + C2) / (sum(aa) + sum(bb) + C2)
}
