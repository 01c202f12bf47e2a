//! Wireless bitmap (WAP-237, annex A): type 0, one bit a pixel, no compression.
//!
//! Written with the error of each pixel handed on to its neighbours (Floyd and Steinberg).

use cedrat_plan::{job::Fault, limits::Limits};

use super::{admit, damaged};
use crate::{
    jpeg::Scale,
    raster::{Layout, Raster},
    source::{Picture, Source},
};

pub(super) fn read(octets: &[u8], limits: &Limits) -> Result<Source, Fault> {
    let broken = || damaged("not a wireless bitmap that can be read");
    let mut at = octets.strip_prefix(&[0, 0]).ok_or_else(broken)?;
    let size = (number(&mut at).ok_or_else(broken)?, number(&mut at).ok_or_else(broken)?);
    admit(size, limits)?;
    let stride = size.0.div_ceil(8) as usize;
    let rows = at.get(..stride * size.1 as usize).ok_or_else(broken)?;
    let pixels = rows.chunks_exact(stride).flat_map(|row| {
        let bits = row.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1));
        bits.take(size.0 as usize).map(|bit| bit * 255)
    });
    let raster = Raster { width: size.0, height: size.1, layout: Layout::Gray, pixels: pixels.collect() };
    Ok(Source {
        picture: Picture::Raster(raster),
        size,
        orientation: 1,
        profile: None,
        exif: None,
        notes: Vec::new(),
        finest: Scale::FINEST,
    })
}

/// Seven bits an octet, the highest first; the eighth says that more follow.
fn number(at: &mut &[u8]) -> Option<u32> {
    let mut value = 0u32;
    for _ in 0..4 {
        let (&octet, rest) = at.split_first()?;
        *at = rest;
        value = value << 7 | u32::from(octet & 0x7f);
        if octet < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Octets of a bitmap of this size.
pub(crate) fn octets(width: u32, height: u32) -> u64 {
    2 + (written(width).len() + written(height).len()) as u64
        + u64::from(width.div_ceil(8)) * u64::from(height)
}

fn written(value: u32) -> Vec<u8> {
    let septets = (1..5).find(|n| value >> (7 * n) == 0).unwrap_or(5);
    let octets = (0..septets).rev().map(|n| {
        let more = if n > 0 { 0x80 } else { 0 };
        (value >> (7 * n) & 0x7f) as u8 | more
    });
    octets.collect()
}

/// Writes luma as black and white.
pub(crate) fn write(width: u32, luma: &[u8]) -> Vec<u8> {
    let across = width as usize;
    let height = (luma.len() / across.max(1)) as u32;
    let mut out = vec![0, 0];
    out.extend(written(width));
    out.extend(written(height));
    // Errors in sixteenths; one place more on either side spares asking for the edge.
    let mut below = vec![0i32; across + 2];
    for row in luma.chunks_exact(across.max(1)) {
        let here = std::mem::replace(&mut below, vec![0; across + 2]);
        let mut ahead = 0;
        let (mut octet, mut bits) = (0u8, 0);
        for (x, (&sample, &error)) in row.iter().zip(here.iter().skip(1)).enumerate() {
            let wanted = i32::from(sample) + (error + ahead) / 16;
            let white = wanted > 127;
            let error = wanted - if white { 255 } else { 0 };
            ahead = 7 * error;
            if let Some([left, middle, right]) = below.get_mut(x..x + 3) {
                *left += 3 * error;
                *middle += 5 * error;
                *right += error;
            }
            octet = octet << 1 | u8::from(white);
            bits += 1;
            if bits == 8 {
                out.push(octet);
                (octet, bits) = (0, 0);
            }
        }
        if bits > 0 {
            out.push(octet << (8 - bits));
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn black_and_white_comes_back_as_it_was() {
        for width in [1u32, 7, 8, 9, 130, 200] {
            let luma: Vec<u8> = (0..width * 5).map(|at| if at * 7 % 3 == 0 { 255 } else { 0 }).collect();
            let file = write(width, &luma);
            assert_eq!(file.len() as u64, octets(width, 5));
            let source = read(&file, &Limits::default()).unwrap();
            let Picture::Raster(raster) = source.picture else { panic!("a raster") };
            assert_eq!((raster.width, raster.height, raster.pixels), (width, 5, luma));
        }
    }

    #[test]
    fn gray_keeps_its_mean() {
        let file = write(64, &vec![64; 64 * 64]);
        let white: u32 = file.iter().skip(4).map(|octet| octet.count_ones()).sum();
        assert!((900..1150).contains(&white), "{white}");
    }
}
