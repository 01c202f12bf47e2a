//! Colours come out as they were meant.

use super::*;
use moxcms::ColorProfile;

fn flat(colour: [u8; 3]) -> Raster {
    Raster { width: 64, height: 64, layout: Layout::Rgb, pixels: colour.repeat(64 * 64) }
}

/// The middle pixel of a file.
fn middle(octets: &[u8]) -> [u8; 3] {
    let image = decode(octets);
    let pixel = image.get_pixel(image.width() / 2, image.height() / 2).0;
    [pixel[0], pixel[1], pixel[2]]
}

fn near(a: [u8; 3], b: [u8; 3], most: u8) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= most)
}

fn with_profile(jpeg: &[u8], profile: &ColorProfile) -> Vec<u8> {
    let icc = profile.encode().unwrap();
    with_segment(jpeg, 0xe2, &[b"ICC_PROFILE\0\x01\x01", &icc[..]].concat())
}

#[test]
fn profiles_are_applied_and_gone() {
    // Coordinates of the same colour in both spaces, computed by hand from their matrices:
    // sRGB (200, 100, 50) is this in Display P3 and this in Adobe RGB (1998).
    for (profile, stored) in
        [(ColorProfile::new_display_p3(), [187, 105, 62]), (ColorProfile::new_adobe_rgb(), [177, 100, 56])]
    {
        let file = with_profile(&jpeg(&flat(stored), Subsamp::None, 98), &profile);
        for format in [Format::Jpeg, Format::Png] {
            let (octets, _) = one(&file, &target(format, 32, 32, 100_000)).unwrap();
            assert!(near(middle(&octets), [200, 100, 50], 4), "{:?}", middle(&octets));
            assert!(!octets.windows(11).any(|window| window == b"ICC_PROFILE"));
        }
    }
}

#[test]
fn srgb_by_name_changes_nothing_and_keeps_the_fast_way() {
    let icc = ColorProfile::new_srgb().encode().unwrap();
    assert!(crate::colour::profile(&icc).is_none());
    assert!(crate::colour::profile(b"not a profile").is_none());
    let p3 = ColorProfile::new_display_p3().encode().unwrap();
    assert!(crate::colour::profile(&p3).is_some());
}

#[test]
fn ink_of_adobe_is_light() {
    // Libjpeg writes ink as it is given, with Adobe's segment: 255 is none of it.
    let pixels = [200u8, 100, 50, 255].repeat(64 * 64);
    let image = Image { pixels: &pixels[..], width: 64, pitch: 256, height: 64, format: PixelFormat::CMYK };
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(98).unwrap();
    compressor.set_subsamp(Subsamp::None).unwrap();
    let file = compressor.compress_to_vec(image).unwrap();
    let (octets, _) = one(&file, &target(Format::Jpeg, 64, 64, 100_000)).unwrap();
    assert!(near(middle(&octets), [200, 100, 50], 4), "{:?}", middle(&octets));
}

#[test]
fn opacity_is_laid_on_white() {
    let raster =
        Raster { width: 32, height: 32, layout: Layout::Rgba, pixels: [255u8, 0, 0, 51].repeat(32 * 32) };
    let (octets, _) = crate::fit_raster(raster, &target(Format::Jpeg, 32, 32, 10_000)).unwrap();
    assert!(near(middle(&octets), [255, 204, 204], 4), "{:?}", middle(&octets));
}

#[test]
fn planes_of_every_subsampling_keep_their_colours() {
    let raster = photo(240, 160, 21);
    let whole = as_image(raster.scaled(120, 80));
    for subsamp in
        [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2, Subsamp::Sub1x2, Subsamp::Sub4x1, Subsamp::Gray]
    {
        let file = jpeg(&raster, subsamp, 95);
        let (octets, _) = one(&file, &target(Format::Jpeg, 120, 120, 60_000)).unwrap();
        let most = if subsamp == Subsamp::Gray { 30.0 } else { 7.0 };
        let apart = apart(&decode(&octets), &whole);
        assert!(apart < most, "{subsamp:?} {apart}");
    }
}
