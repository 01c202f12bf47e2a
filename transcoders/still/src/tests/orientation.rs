//! Pictures are upright, whichever way they go, and say nothing about where they were taken.

use super::*;
use crate::{exif, strip};

/// Stored so that it is shown as it was when turned by its orientation: the inverse of `turned`.
fn stored(shown: &Raster, orientation: u8) -> Raster {
    let inverse = match orientation {
        6 => 8,
        8 => 6,
        same => same,
    };
    shown.clone().turned(inverse)
}

fn exif(orientation: u16) -> Vec<u8> {
    let block = exif::tests::block(orientation, b"gps-canary-thumbnail");
    [b"Exif\0\0", &block[..]].concat()
}

fn has(octets: &[u8], what: &[u8]) -> bool {
    octets.windows(what.len()).any(|window| window == what)
}

#[test]
fn all_orientations_show_one_picture() {
    // Once a multiple of the blocks, once not.
    for (width, height) in [(160, 96), (157, 93)] {
        let shown = photo(width, height, 11);
        let original = as_image(shown.clone());
        for orientation in 1..=8u8 {
            let bare = jpeg(&stored(&shown, orientation), Subsamp::Sub2x2, 98);
            let mut file = with_segment(&bare, 0xe1, &exif(orientation.into()));
            file.extend_from_slice(b"gps-canary behind the end");
            let known = facts(&file);

            let (octets, made) = strip(&file, &known, &Limits::default()).unwrap();
            assert!(!has(&octets, b"gps-canary"));
            assert!(apart(&decode(&octets), &original) < 9.0, "strip {orientation}");
            if (width, height) == (160, 96) {
                assert_eq!((made.quality, made.encodes), (10_000, 0), "lossless {orientation}");
            }

            let (octets, _) = one(&file, &target(Format::Jpeg, 1000, 1000, 100_000)).unwrap();
            assert!(!has(&octets, b"gps-canary"));
            assert!(apart(&decode(&octets), &original) < 9.0, "convert {orientation}");

            let small = target(Format::Png, 80, 80, 100_000);
            let (octets, _) = one(&file, &small).unwrap();
            let (across, down) = decode(&octets).dimensions();
            assert_eq!(across, 80);
            assert!(down.abs_diff(80 * height / width) <= 1);
        }
    }
}

#[test]
fn metadata_that_are_kept_are_upright_and_have_no_thumbnail() {
    let file = with_segment(&jpeg(&photo(64, 48, 3), Subsamp::Sub2x2, 90), 0xe1, &exif(6));
    let mut want = target(Format::Jpeg, 1000, 1000, 5_000);
    want.keep_metadata = true;
    let (octets, made) = one(&file, &want).unwrap();
    assert!(octets.len() <= 5_000);
    assert!(has(&octets, b"gps\0") && !has(&octets, b"canary"));
    let cedrat_plan::facts::Detail::Picture(picture) = made.facts.detail else { panic!() };
    assert_eq!((picture.width, picture.height, picture.orientation), (48, 64, 1));
}

#[test]
fn stripping_keeps_every_pixel_of_an_upright_file() {
    let raster = photo(101, 77, 4);
    let bare = jpeg(&raster, Subsamp::Sub2x1, 88);
    let file = with_segment(&with_segment(&bare, 0xfe, b"canary"), 0xe1, &exif(1));
    let (octets, _) = strip(&file, &facts(&file), &Limits::default()).unwrap();
    assert!(!has(&octets, b"canary"));
    assert_eq!(decode(&octets), decode(&bare));
}
