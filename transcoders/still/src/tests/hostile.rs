//! What is broken, and what is built to hurt.

use super::*;
use crate::{prepare, strip};
use cedrat_plan::job::{FaultKind, Note};
use std::time::{Duration, Instant};

/// A PNG that says it has so many pixels and has none.
fn huge_png(width: u32, height: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgba);
    drop(encoder.write_header().unwrap());
    out
}

#[test]
fn bombs_are_refused_on_their_header_with_both_numbers() {
    let mut jpeg_bomb = jpeg(&photo(16, 16, 1), Subsamp::Sub2x2, 80);
    let frame = jpeg_bomb.windows(2).position(|window| window == [0xff, 0xc0]).unwrap();
    jpeg_bomb[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    let mut gif = b"GIF89a\xff\xff\xff\xff\0\0\0".to_vec();
    gif.extend_from_slice(b"\x2c\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0;");
    let wbmp = [0, 0, 0x83, 0xff, 0x7f, 0x83, 0xff, 0x7f, 0].to_vec();
    let mut bmp = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    bmp.extend_from_slice(&60_000u32.to_le_bytes());
    bmp.extend_from_slice(&60_000u32.to_le_bytes());
    bmp.extend_from_slice(&[1, 0, 24, 0]);
    bmp.resize(100, 0);
    let start = Instant::now();
    for (format, file) in [
        (Format::Jpeg, jpeg_bomb),
        (Format::Png, huge_png(60_000, 60_000)),
        (Format::Gif, gif),
        (Format::Wbmp, wbmp),
        (Format::Bmp, bmp),
    ] {
        let mut known = facts(&file);
        known.format = format;
        let want = [target(Format::Jpeg, 640, 480, 100_000)];
        let fault = convert(&file, &known, &want, &Limits::default()).remove(0).unwrap_err();
        assert_eq!(fault.kind, FaultKind::TooLarge, "{format:?}: {fault:?}");
        assert!(fault.detail.contains("at most"), "{}", fault.detail);
    }
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[test]
fn too_many_scans_are_refused() {
    let mut compressor = Compressor::new().unwrap();
    compressor.set_progressive(true).unwrap();
    let file = compressor.compress_to_vec(image(&photo(64, 64, 1))).unwrap();
    let want = [target(Format::Jpeg, 64, 64, 100_000)];
    assert!(convert(&file, &facts(&file), &want, &Limits::default())[0].is_ok());
    let limits = Limits { scans: 3, ..Limits::default() };
    let fault = convert(&file, &facts(&file), &want, &limits).remove(0).unwrap_err();
    assert_eq!(fault.kind, FaultKind::TooLarge);
    assert_eq!(fault.detail, "4 scans, at most 3 are read");
}

#[test]
fn too_many_frames_are_refused() {
    let frame = Raster { width: 2, height: 2, layout: Layout::Rgb, pixels: vec![7; 12] };
    let palette = crate::write::palette::Palette::of([&frame].into_iter(), 4, true);
    let frames = std::iter::repeat_n((&frame, 50), 30);
    let file = crate::write::gif::moving(frames, &palette, Some(0)).unwrap();
    let limits = Limits { frames: 20, ..Limits::default() };
    let want = [target(Format::Gif, 64, 64, 100_000)];
    let fault = convert(&file, &facts(&file), &want, &limits).remove(0).unwrap_err();
    assert_eq!(fault.kind, FaultKind::TooLarge);
}

#[test]
fn what_of_a_cut_file_can_be_read_is_shown() {
    let whole = jpeg(&photo(320, 240, 2), Subsamp::Sub2x2, 90);
    let known = facts(&whole);
    let want = [target(Format::Jpeg, 160, 160, 100_000)];
    let half = convert(&whole[..whole.len() / 2], &known, &want, &Limits::default()).remove(0);
    assert_eq!(half.unwrap().1.notes, [Note::Damaged]);
    let scan = whole.windows(2).position(|window| window == [0xff, 0xda]).unwrap();
    let none = convert(&whole[..scan + 14], &known, &want, &Limits::default()).remove(0);
    assert_eq!(none.unwrap_err().kind, FaultKind::Damaged);

    let png = crate::fit_raster(photo(100, 100, 2), &target(Format::Png, 100, 100, 1 << 20)).unwrap().0;
    let half = convert(&png[..png.len() / 2], &facts(&png), &want, &Limits::default()).remove(0);
    assert_eq!(half.unwrap().1.notes, [Note::Damaged]);
}

#[test]
fn nothing_and_noise_are_faults() {
    let mut dice = Dice(3);
    for format in [
        Format::Jpeg,
        Format::Png,
        Format::Gif,
        Format::WebP,
        Format::Bmp,
        Format::Tiff,
        Format::Heic,
        Format::Wbmp,
        Format::Svg,
    ] {
        for length in [0usize, 1, 7, 100, 3000] {
            let noise: Vec<u8> = (0..length).map(|_| dice.roll(256) as u8).collect();
            let mut known = facts(&noise);
            known.format = format;
            let want = target(Format::Jpeg, 64, 64, 10_000);
            assert!(convert(&noise, &known, &[want], &Limits::default())[0].is_err());
            assert!(prepare(&noise, &known, &want, &Limits::default()).is_err());
            drop(strip(&noise, &known, &Limits::default()));
        }
    }
}

#[test]
fn files_with_changed_octets_end_in_a_picture_or_a_fault() {
    let raster = photo(72, 56, 12);
    let files = [
        jpeg(&raster, Subsamp::Sub2x2, 85),
        crate::fit_raster(raster.clone(), &target(Format::Png, 99, 99, 1 << 20)).unwrap().0,
        crate::fit_raster(raster.clone(), &target(Format::Gif, 99, 99, 1 << 20)).unwrap().0,
    ];
    let mut dice = Dice(9);
    let limits = Limits { pixels: 1 << 20, ..Limits::default() };
    for file in &files {
        for _ in 0..60 {
            let mut broken = file.clone();
            for _ in 0..=dice.roll(8) {
                let at = dice.roll(broken.len() as u32) as usize;
                broken[at] = dice.roll(256) as u8;
            }
            let mut known = facts(&broken);
            known.format = facts(file).format;
            for format in [Format::Jpeg, Format::Gif] {
                let want = target(format, 64, 64, 3_000);
                if let Ok((octets, _)) = convert(&broken, &known, &[want], &limits).remove(0) {
                    assert!(octets.len() <= 3_000);
                }
            }
            drop(strip(&broken, &known, &limits));
        }
    }
}

#[test]
fn a_raster_that_is_not_whole_is_refused() {
    let raster = Raster { width: 10, height: 10, layout: Layout::Rgb, pixels: vec![0; 299] };
    let fault = crate::fit_raster(raster, &target(Format::Jpeg, 64, 64, 10_000)).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Damaged);
}

#[test]
fn what_cannot_fit_says_so() {
    let fault = crate::fit_raster(photo(64, 64, 1), &target(Format::Jpeg, 64, 64, 200)).unwrap_err();
    assert_eq!(fault.kind, FaultKind::CannotFit);
}
