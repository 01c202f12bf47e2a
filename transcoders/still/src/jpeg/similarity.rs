//! Structural similarity of luma, estimated from coefficients.
//!
//! Of each block the mean is its first coefficient, variance and covariance are sums over the
//! others (the transform keeps sums of squares). Blocks stand for the sliding window of the usual
//! definition (Wang et al. 2004), so no sample has to be computed.

use super::{
    Coefficients,
    dct::{Block, UNIT},
    quant::{Quantiser, Scale},
};

/// Constants of the definition for samples of eight bits, divided by what coefficients are larger:
/// [`UNIT`] and the 8 of an orthonormal transform.
const LARGER: f32 = (UNIT * 8) as f32;
const C1: f32 = 0.01 * 255.0 * 0.01 * 255.0;
const C2: f32 = 0.03 * 255.0 * 0.03 * 255.0;

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
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        for ((((aa, bb), ab), &a), &b) in aa.iter_mut().zip(&mut bb).zip(&mut ab).zip(a).zip(b) {
            *aa += a * a;
            *bb += b * b;
            *ab += a * b;
        }
    }
    let (first_a, first_b) = (a.first().copied().unwrap_or(0.0), b.first().copied().unwrap_or(0.0));
    let rest = |sums: [f32; 8], first: f32| (sums.iter().sum::<f32>() - first).max(0.0) / (LARGER * LARGER);
    let covariance = (ab.iter().sum::<f32>() - first_a * first_b) / (LARGER * LARGER);
    let (mean_a, mean_b) = (first_a / LARGER + 128.0, first_b / LARGER + 128.0);
    let (variance_a, variance_b) = (rest(aa, first_a * first_a), rest(bb, first_b * first_b));
    let luminance = (2.0 * mean_a * mean_b + C1) / (mean_a * mean_a + mean_b * mean_b + C1);
    luminance * (2.0 * covariance + C2) / (variance_a + variance_b + C2)
}
