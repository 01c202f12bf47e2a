//! Forward DCT of 8×8 samples (ITU-T T.81 A.3.3), after Arai, Agui and Nakajima.
//!
//! Coefficients are kept in zigzag order and times [`UNIT`], so that they can be quantised any
//! number of times without touching the samples again. Eight columns are worked on at once: the
//! compiler makes vector instructions of it. No inverse: nothing here decodes.
#![expect(clippy::indexing_slicing, reason = "arrays of eight and 64, indices by construction below that")]

/// What a coefficient of 1 is kept as.
pub(crate) const UNIT: i32 = 8;

/// 64 coefficients, zigzag order, times [`UNIT`].
pub(crate) type Block = [i16; 64];

/// Row-major place of each coefficient in zigzag order, T.81 figure A.6.
pub(crate) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

type Lanes = [f32; 8];

/// What each coefficient is too large by after two passes: row-major, and the transposed is the same.
const SCALE: [Lanes; 8] = {
    // cos(k·π/16)·√2, and 1 for k = 0.
    const FACTOR: [f64; 8] =
        [1.0, 1.387_039_845, 1.306_562_965, 1.175_875_602, 1.0, 0.785_694_958, 0.541_196_100, 0.275_899_379];
    let mut table = [[0.0; 8]; 8];
    let mut row = 0;
    while row < 8 {
        let mut column = 0;
        while column < 8 {
            table[row][column] = (1.0 / (FACTOR[row] * FACTOR[column])) as f32;
            column += 1;
        }
        row += 1;
    }
    table
};

/// Transforms eight rows of eight samples.
#[inline]
pub(crate) fn forward(samples: &[[u8; 8]; 8]) -> Block {
    let mut rows: [Lanes; 8] = [[0.0; 8]; 8];
    for (row, octets) in rows.iter_mut().zip(samples) {
        for (lane, &octet) in row.iter_mut().zip(octets) {
            *lane = f32::from(i16::from(octet) - 128);
        }
    }
    let columns = transpose(&pass(&rows));
    // Frequencies across are the outer index now, those down the inner one.
    let frequencies = pass(&columns);
    let mut natural = [0i16; 64];
    for ((out, row), scale) in natural.chunks_exact_mut(8).zip(&frequencies).zip(&SCALE) {
        for ((out, &value), &scale) in out.iter_mut().zip(row).zip(scale) {
            *out = round(value * scale);
        }
    }
    let mut block = [0i16; 64];
    for (out, &place) in block.iter_mut().zip(&TRANSPOSED_ZIGZAG) {
        *out = natural[usize::from(place & 63)];
    }
    block
}

/// [`ZIGZAG`] for a block whose rows and columns are exchanged.
const TRANSPOSED_ZIGZAG: [u8; 64] = {
    let mut table = [0; 64];
    let mut at = 0;
    while at < 64 {
        table[at] = (ZIGZAG[at] % 8) * 8 + ZIGZAG[at] / 8;
        at += 1;
    }
    table
};

/// Rounds by the mantissa: 1.5·2²³ puts the integer into the low bits. Exact below 2²².
#[inline]
fn round(value: f32) -> i16 {
    (value + 12_582_912.0).to_bits() as i16
}

#[inline]
fn transpose(rows: &[Lanes; 8]) -> [Lanes; 8] {
    std::array::from_fn(|column| std::array::from_fn(|row| rows[row][column]))
}

#[inline]
fn add(a: &Lanes, b: &Lanes) -> Lanes {
    std::array::from_fn(|lane| a[lane] + b[lane])
}

#[inline]
fn sub(a: &Lanes, b: &Lanes) -> Lanes {
    std::array::from_fn(|lane| a[lane] - b[lane])
}

#[inline]
fn times(a: &Lanes, factor: f32) -> Lanes {
    std::array::from_fn(|lane| a[lane] * factor)
}

/// One-dimensional transform along the outer index, eight of them side by side.
#[inline]
fn pass(d: &[Lanes; 8]) -> [Lanes; 8] {
    let (s0, s7) = (add(&d[0], &d[7]), sub(&d[0], &d[7]));
    let (s1, s6) = (add(&d[1], &d[6]), sub(&d[1], &d[6]));
    let (s2, s5) = (add(&d[2], &d[5]), sub(&d[2], &d[5]));
    let (s3, s4) = (add(&d[3], &d[4]), sub(&d[3], &d[4]));

    let (e0, e3) = (add(&s0, &s3), sub(&s0, &s3));
    let (e1, e2) = (add(&s1, &s2), sub(&s1, &s2));
    let z1 = times(&add(&e2, &e3), std::f32::consts::FRAC_1_SQRT_2);

    let o0 = add(&s4, &s5);
    let o1 = add(&s5, &s6);
    let o2 = add(&s6, &s7);
    let z5 = times(&sub(&o0, &o2), 0.382_683_43);
    let z2 = add(&times(&o0, 0.541_196_1), &z5);
    let z4 = add(&times(&o2, 1.306_563), &z5);
    let z3 = times(&o1, std::f32::consts::FRAC_1_SQRT_2);
    let (z11, z13) = (add(&s7, &z3), sub(&s7, &z3));

    [
        add(&e0, &e1),
        add(&z11, &z4),
        add(&e3, &z1),
        sub(&z13, &z2),
        sub(&e0, &e1),
        add(&z13, &z2),
        sub(&e3, &z1),
        sub(&z11, &z4),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T.81 A.3.3 as it is written.
    fn reference(samples: &[[u8; 8]; 8]) -> [f64; 64] {
        std::array::from_fn(|at| {
            let place = usize::from(ZIGZAG[at]);
            let (v, u) = (place / 8, place % 8);
            let mut sum = 0.0;
            for (y, row) in samples.iter().enumerate() {
                for (x, &sample) in row.iter().enumerate() {
                    let angle = |k: usize, n: usize| {
                        ((2 * n + 1) as f64 * k as f64 * std::f64::consts::PI / 16.0).cos()
                    };
                    sum += (f64::from(sample) - 128.0) * angle(u, x) * angle(v, y);
                }
            }
            let c = |k| if k == 0 { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
            sum * c(u) * c(v) / 4.0
        })
    }

    #[test]
    fn coefficients_are_those_of_the_definition() {
        let mut state = 7u32;
        for _ in 0..200 {
            let samples: [[u8; 8]; 8] = std::array::from_fn(|_| {
                std::array::from_fn(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
            });
            for (got, want) in forward(&samples).iter().zip(reference(&samples)) {
                assert!((f64::from(*got) - want * f64::from(UNIT)).abs() < 0.51, "{got} {want}");
            }
        }
    }

    #[test]
    fn a_flat_block_has_nothing_but_its_mean() {
        let block = forward(&[[255; 8]; 8]);
        assert_eq!(block[0], 127 * 64);
        assert!(block[1..].iter().all(|&c| c == 0));
    }
}
