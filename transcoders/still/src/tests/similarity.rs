//! The likeness that is told is near the one that is measured on samples.

use super::*;

/// SSIM of luma with the usual window: gaussian of 1.5, eleven wide.
fn ssim(a: &[u8], b: &[u8], width: usize) -> f64 {
    let kernel: Vec<f64> = (-5..=5).map(|x: i32| (-f64::from(x * x) / 4.5).exp()).collect();
    let sum: f64 = kernel.iter().sum();
    let blur = |plane: Vec<f64>| {
        let height = plane.len() / width;
        let at = |x: usize, y: usize| plane[y * width + x];
        let across: Vec<f64> = (0..height)
            .flat_map(|y| (5..width - 5).map(move |x| (x, y)))
            .map(|(x, y)| (0..11).map(|k| kernel[k] * at(x + k - 5, y)).sum::<f64>() / sum)
            .collect();
        let narrow = width - 10;
        (5..height - 5)
            .flat_map(|y| (0..narrow).map(move |x| (x, y)))
            .map(|(x, y)| (0..11).map(|k| kernel[k] * across[(y + k - 5) * narrow + x]).sum::<f64>() / sum)
            .collect::<Vec<f64>>()
    };
    let of = |f: &dyn Fn(f64, f64) -> f64| {
        blur(a.iter().zip(b).map(|(a, b)| f(f64::from(*a), f64::from(*b))).collect())
    };
    let (ma, mb) = (of(&|a, _| a), of(&|_, b| b));
    let (aa, bb, ab) = (of(&|a, _| a * a), of(&|_, b| b * b), of(&|a, b| a * b));
    let (c1, c2) = (6.5025, 58.5225);
    let total: f64 = (0..ma.len())
        .map(|i| {
            let (va, vb) = (aa[i] - ma[i] * ma[i], bb[i] - mb[i] * mb[i]);
            let cov = ab[i] - ma[i] * mb[i];
            (2.0 * ma[i] * mb[i] + c1) * (2.0 * cov + c2)
                / ((ma[i] * ma[i] + mb[i] * mb[i] + c1) * (va + vb + c2))
        })
        .sum();
    total / ma.len() as f64
}

fn luma(octets: &[u8]) -> Vec<u8> {
    let image = turbojpeg::decompress(octets, PixelFormat::GRAY).unwrap();
    image.pixels
}

/// Told and measured, at several sizes.
fn pairs(raster: Raster) -> Vec<(f64, f64)> {
    let (width, pixels) = (raster.width as usize, u64::from(raster.width * raster.height));
    let original = raster.clone().into_planes().luma.pixels;
    [24, 12, 7]
        .into_iter()
        .map(|part| {
            let want = target(Format::Jpeg, raster.width, raster.height, pixels / part);
            let (octets, made) = crate::fit_raster(raster.clone(), &want).unwrap();
            let image = decode(&octets);
            let shown = if (image.width(), image.height()) == (raster.width, raster.height) {
                luma(&octets)
            } else {
                let small = Raster {
                    width: image.width(),
                    height: image.height(),
                    layout: Layout::Gray,
                    pixels: luma(&octets),
                };
                small.scaled(raster.width, raster.height).pixels
            };
            (f64::from(made.quality) / 10_000.0, ssim(&original, &shown, width))
        })
        .collect()
}

#[test]
fn the_estimate_is_near_what_is_measured() {
    let mut worst = 0f64;
    for seed in 0..6 {
        for (told, measured) in pairs(photo(240, 200, seed)) {
            println!("synthetic {seed}: told {told:.4}, measured {measured:.4}");
            worst = worst.max((told - measured).abs());
        }
    }
    assert!(worst < 0.02, "{worst}");
}

#[test]
fn the_estimate_is_near_what_is_measured_on_photographs() {
    let Ok(folder) = std::fs::read_dir("/usr/share/backgrounds") else {
        println!("skipped: no photographs in /usr/share/backgrounds");
        return;
    };
    let mut files: Vec<_> = folder.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jpg"));
    let mut worst = 0f64;
    for path in files.iter().take(6) {
        let octets = std::fs::read(path).unwrap();
        let source = crate::source::Source::read(
            &octets,
            &facts(&octets),
            &[target(Format::Jpeg, 480, 480, 1)],
            &Limits::default(),
        )
        .unwrap();
        let raster = source.raster(source.shape(&target(Format::Jpeg, 480, 480, 1)));
        for (told, measured) in pairs(raster) {
            println!("{}: told {told:.4}, measured {measured:.4}", path.display());
            worst = worst.max((told - measured).abs());
        }
    }
    assert!(worst < 0.02, "{worst}");
}
