//! Never over the limit, near to it, written once.

use super::*;
use crate::{jpeg::Scale, prepare};
use cedrat_plan::{facts::Detail, job::FaultKind};
use proptest::prelude::*;

#[test]
fn limits_are_kept_and_filled_by_one_encode() {
    let mut dice = Dice(1);
    let (mut number, mut once, mut fill) = (0, 0, 0.0);
    for seed in 0..60 {
        let raster = photo(200 + dice.roll(300), 150 + dice.roll(300), seed);
        let source = jpeg(&raster, Subsamp::Sub2x2, 95);
        for _ in 0..4 {
            let max = u64::from(2500 + dice.roll(30_000)).min(source.len() as u64 / 2);
            let (octets, made) = one(&source, &target(Format::Jpeg, 4000, 4000, max)).unwrap();
            assert!(octets.len() as u64 <= max, "{} over {max}", octets.len());
            let part = octets.len() as f64 / max as f64;
            // At the finest scale there is nothing to fill with.
            if made.quality < 9900 {
                assert!(part > 0.93, "{part} of {max}, quality {}", made.quality);
                number += 1;
                once += u32::from(made.encodes == 1);
                fill += part;
            }
        }
    }
    let (once, fill) = (f64::from(once) / f64::from(number), fill / f64::from(number));
    println!("{number} fits: {:.1} % by one encode, mean fill {:.2} %", once * 100.0, fill * 100.0);
    assert!(number > 150 && once >= 0.9 && fill >= 0.95, "{number} {once} {fill}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_limit_is_exceeded(
        width in 1u32..180, height in 1u32..180, seed: u64, max in 200u64..20_000,
        format in prop_oneof![
            Just(Format::Jpeg), Just(Format::Gif), Just(Format::Png), Just(Format::Wbmp)
        ],
        gray: bool,
    ) {
        let mut raster = photo(width, height, seed);
        if gray {
            let luma = raster.into_planes().luma.pixels;
            raster = Raster { width, height, layout: Layout::Gray, pixels: luma };
        }
        let want = target(format, 100, 120, max);
        match crate::fit_raster(raster, &want) {
            Ok((octets, made)) => {
                prop_assert!(octets.len() as u64 <= max);
                prop_assert_eq!(made.facts.format, format);
                let Detail::Picture(picture) = made.facts.detail else { panic!("no picture") };
                prop_assert!(picture.width <= 100.min(width) && picture.height <= 120.min(height));
            }
            Err(fault) => {
                prop_assert_eq!(fault.kind, FaultKind::CannotFit);
                prop_assert!(max < 1200, "{max} octets are enough for something");
            }
        }
    }
}

#[test]
fn a_ladder_climbs_and_its_rungs_are_true() {
    let source = jpeg(&photo(900, 700, 5), Subsamp::Sub2x2, 95);
    let want = target(Format::Jpeg, 640, 640, 60_000);
    let prepared = prepare(&source, &facts(&source), &want, &Limits::default()).unwrap();
    let ladder = prepared.ladder().rungs;
    assert!(ladder.len() >= 6, "{ladder:?}");
    assert!(ladder.windows(2).all(|w| w[0].octets < w[1].octets && w[0].quality < w[1].quality));
    assert!(ladder.last().unwrap().octets <= 60_000);
    for rung in ladder {
        let (octets, made) = prepared.encode(rung.octets).unwrap();
        assert!(octets.len() as u64 <= rung.octets);
        assert!(made.quality.abs_diff(rung.quality) < 250, "{rung:?} {}", made.quality);
    }
}

#[test]
fn a_picture_within_the_pixels_is_only_quantised_and_never_finer_than_it_was() {
    let raster = photo(640, 480, 9);
    let source = jpeg(&raster, Subsamp::Sub2x2, 60);
    let (octets, made) = one(&source, &target(Format::Jpeg, 640, 480, 10_000_000)).unwrap();
    assert!(octets.len() as f64 <= source.len() as f64 * 1.05);
    let header = crate::jpeg::Header::read(&octets);
    assert!(crate::jpeg::scale_of(header.table_sum.unwrap()) >= Scale::of_quality(63));
    assert!(made.quality > 9700, "{}", made.quality);
    assert!(!header.progressive);
}

#[test]
fn several_targets_are_several_sizes() {
    let source = jpeg(&photo(1000, 500, 2), Subsamp::Sub2x2, 92);
    let targets = [
        target(Format::Jpeg, 640, 640, 50_000),
        target(Format::Jpeg, 160, 160, 5_000),
        target(Format::Wbmp, 96, 96, 2_000),
        target(Format::Bmp, 96, 96, 2_000),
    ];
    let made = convert(&source, &facts(&source), &targets, &Limits::default());
    let sizes: Vec<_> = made
        .iter()
        .map(|result| match result {
            Ok((_, made)) => match made.facts.detail {
                Detail::Picture(picture) => (picture.width, picture.height),
                _ => panic!("no picture"),
            },
            Err(fault) => {
                assert_eq!(fault.kind, FaultKind::Unsupported);
                (0, 0)
            }
        })
        .collect();
    assert_eq!(sizes, [(640, 320), (160, 80), (96, 48), (0, 0)]);
}
