//! Every format that is read, and every one that is written.

use super::*;
use cedrat_plan::{facts::Detail, job::Note};
use image::{DynamicImage, ImageFormat};
use std::io::Cursor;

fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).unwrap();
    out.into_inner()
}

#[test]
fn every_format_that_is_read_becomes_every_format_that_is_written() {
    let shown = as_image(photo(150, 100, 31));
    let rgb = DynamicImage::from(DynamicImage::from(shown.clone()).into_rgb8());
    let deep = DynamicImage::from(rgb.to_rgb16());
    let gray_alpha = DynamicImage::from(rgb.to_luma_alpha8());
    let gif = crate::fit_raster(photo(150, 100, 31), &target(Format::Gif, 150, 100, 1 << 20));
    let files = [
        ("png", written(&rgb, ImageFormat::Png), 3.0),
        ("png with opacity", written(&DynamicImage::from(shown.clone()), ImageFormat::Png), 3.0),
        ("png of 16 bits", written(&deep, ImageFormat::Png), 3.0),
        ("gray png with opacity", written(&gray_alpha, ImageFormat::Png), 30.0),
        ("bmp", written(&rgb, ImageFormat::Bmp), 3.0),
        ("tiff", written(&rgb, ImageFormat::Tiff), 3.0),
        ("tiff of 16 bits", written(&deep, ImageFormat::Tiff), 3.0),
        ("webp", written(&rgb, ImageFormat::WebP), 3.0),
        ("gif", gif.unwrap().0, 8.0),
    ];
    for (name, file, most) in files {
        for format in [Format::Jpeg, Format::Png, Format::Gif] {
            let (octets, made) = one(&file, &target(format, 150, 100, 1 << 20)).unwrap();
            let apart = apart(&decode(&octets), &shown);
            let most = if format == Format::Png { most } else { most + 8.0 };
            assert!(apart < most, "{name} to {format:?}: {apart}");
            assert_eq!(made.facts.format, format);
            assert_eq!(made.notes, []);
        }
    }
}

#[test]
fn decoders_agree_on_what_was_written() {
    for seed in 0..4 {
        let (octets, _) =
            crate::fit_raster(photo(133, 77, seed), &target(Format::Jpeg, 133, 77, 9_000)).unwrap();
        let turbo = turbojpeg::decompress(&octets, PixelFormat::RGB).unwrap();
        let other = jpeg_decoder::Decoder::new(&octets[..]).decode().unwrap();
        let zune = image::load_from_memory(&octets).unwrap().into_rgb8();
        let apart = |a: &[u8], b: &[u8]| {
            let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            sum as f64 / a.len() as f64
        };
        assert!(apart(&turbo.pixels, &other) < 1.5);
        assert!(apart(&turbo.pixels, zune.as_raw()) < 1.5);
    }
}

#[test]
fn a_large_png_is_averaged_as_it_comes_and_looks_the_same() {
    let raster = photo(801, 603, 8);
    let file = written(&DynamicImage::from(as_image(raster.clone())), ImageFormat::Png);
    let (octets, made) = one(&file, &target(Format::Png, 100, 100, 1 << 20)).unwrap();
    let Detail::Picture(picture) = made.facts.detail else { panic!("no picture") };
    assert_eq!((picture.width, picture.height), (100, 75));
    assert!(apart(&decode(&octets), &as_image(raster.scaled(100, 75))) < 6.0);
}

#[test]
fn what_is_transparent_stays_so_where_the_format_can() {
    let mut raster = photo(60, 40, 6);
    let pixels = raster.pixels.as_chunks::<3>().0.iter().enumerate();
    raster.pixels =
        pixels.flat_map(|(at, &[r, g, b])| [r, g, b, if at % 60 < 30 { 255 } else { 0 }]).collect();
    raster.layout = Layout::Rgba;
    for format in [Format::Gif, Format::Png] {
        let (octets, _) = crate::fit_raster(raster.clone(), &target(format, 60, 40, 1 << 20)).unwrap();
        let image = decode(&octets);
        assert_eq!((image.get_pixel(10, 5).0[3], image.get_pixel(50, 5).0[3]), (255, 0));
    }
}

#[test]
fn few_colours_make_a_small_png() {
    let pixels: Vec<u8> =
        (0..200 * 100).flat_map(|at| if at % 200 < 90 { [255, 0, 0] } else { [0, 0, 128] }).collect();
    let raster = Raster { width: 200, height: 100, layout: Layout::Rgb, pixels };
    let (octets, made) = crate::fit_raster(raster.clone(), &target(Format::Png, 200, 200, 5_000)).unwrap();
    assert!(octets.len() < 300, "{}", octets.len());
    assert_eq!((made.quality, decode(&octets)), (10_000, as_image(raster)));
}

#[test]
fn a_table_is_as_small_as_the_handset_wants() {
    let mut want = target(Format::Gif, 100, 100, 1 << 20);
    want.max_colours = 16;
    let (octets, _) = crate::fit_raster(photo(100, 100, 1), &want).unwrap();
    let mut colours: Vec<_> = decode(&octets).pixels().map(|pixel| pixel.0).collect();
    colours.sort_unstable();
    colours.dedup();
    assert!(colours.len() <= 16);
}

#[test]
#[cfg(feature = "heic")]
fn heic_is_turned_once() {
    let folder = std::env::temp_dir().join(format!("cedrat-still-heic-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (png, heic) = (folder.join("in.png"), folder.join("out.heic"));
    let shown = as_image(photo(192, 128, 3));
    std::fs::write(&png, written(&DynamicImage::from(shown.clone()), ImageFormat::Png)).unwrap();
    let ran = std::process::Command::new("heif-enc").arg("-q90").arg(&png).arg("-o").arg(&heic).output();
    let file = std::fs::read(&heic);
    std::fs::remove_dir_all(&folder).unwrap();
    let (Ok(_), Ok(file)) = (ran, file) else {
        println!("skipped: heif-enc is not there or cannot write HEIC");
        return;
    };
    let (octets, made) = one(&file, &target(Format::Jpeg, 192, 128, 1 << 20)).unwrap();
    assert!(apart(&decode(&octets), &shown) < 9.0);
    assert_eq!(made.notes, [] as [Note; 0]);
}
