//! Still pictures: what their headers say.

use cedrat_plan::{
    facts::{Colour, Detail, Picture},
    format::Format,
    job::FaultKind,
    limits::Limits,
};

use crate::{build::*, read, read_as, read_within};

fn picture(format: Format, octets: &[u8]) -> Picture {
    let facts = read(octets);
    assert_eq!((facts.format, facts.fault), (format, None));
    match facts.detail {
        Detail::Picture(picture) => picture,
        other => panic!("{other:?}"),
    }
}

fn exif(big: bool, entries: &[(u16, u16)]) -> Vec<u8> {
    segment(0xE1, &join(&[b"Exif\0\0", &directory(big, entries)]))
}

#[test]
fn a_baseline_jpeg_says_size_and_subsampling() {
    for (sampling, across, down) in
        [(0x11, false, false), (0x21, true, false), (0x12, false, true), (0x22, true, true)]
    {
        let found = picture(Format::Jpeg, &jpeg(&[], &frame(0, 640, 480, 3, sampling), 1));
        assert_eq!((found.width, found.height), (640, 480));
        assert_eq!(found.colour, Colour::Ycc { across, down });
        assert!(!found.progressive && !found.metadata && !found.gps);
    }
    assert_eq!(picture(Format::Jpeg, &jpeg(&[], &frame(0, 1, 1, 1, 0x22), 1)).colour, Colour::Gray);
    assert_eq!(picture(Format::Jpeg, &jpeg(&[], &frame(0, 1, 1, 4, 0x11), 1)).colour, Colour::Cmyk);
    let adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0");
    assert_eq!(picture(Format::Jpeg, &jpeg(&[adobe], &frame(0, 1, 1, 3, 0x11), 1)).colour, Colour::Rgb);
}

#[test]
fn only_a_sequential_jpeg_is_not_progressive() {
    for (process, progressive) in [(0, false), (1, false), (2, true), (3, true), (9, true), (10, true)] {
        let found = picture(Format::Jpeg, &jpeg(&[], &frame(process, 8, 8, 3, 0x11), 2));
        assert_eq!(found.progressive, progressive, "SOF{process}");
    }
}

#[test]
fn scans_of_a_progressive_jpeg_are_counted_before_it_is_decoded() {
    assert_eq!(read(&jpeg(&[], &frame(2, 8, 8, 3, 0x11), 10)).fault, None);
    let fault = read(&jpeg(&[], &frame(2, 8, 8, 3, 0x11), 11)).fault.unwrap();
    assert_eq!((fault.kind, fault.detail.as_str()), (FaultKind::TooLarge, "scans: 11, the bound is 10"));
}

#[test]
fn every_orientation_is_read_in_both_octet_orders() {
    for orientation in 1..=8 {
        for big in [true, false] {
            let found = picture(
                Format::Jpeg,
                &jpeg(&[exif(big, &[(0x0112, orientation)])], &frame(0, 64, 48, 3, 0x11), 1),
            );
            assert_eq!(u16::from(found.orientation), orientation);
            assert_eq!(found.shown(), if orientation < 5 { (64, 48) } else { (48, 64) });
            assert!(found.metadata && !found.gps);
        }
    }
}

#[test]
fn a_broken_exif_block_is_upright_and_no_fault() {
    let whole = exif(true, &[(0x0112, 6), (0x8825, 1)]);
    let body = &whole[4..];
    for length in 0..body.len() {
        let found =
            picture(Format::Jpeg, &jpeg(&[segment(0xE1, &body[..length])], &frame(0, 8, 8, 3, 0x11), 1));
        assert!(matches!(found.orientation, 1 | 6));
    }
    let wrong = exif(true, &[(0x0112, 9)]);
    assert_eq!(picture(Format::Jpeg, &jpeg(&[wrong], &frame(0, 8, 8, 3, 0x11), 1)).orientation, 1);
}

#[test]
fn whatever_a_jpeg_carries_beside_the_picture_is_metadata() {
    let plain = frame(0, 8, 8, 3, 0x11);
    let xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x exif:GPSLatitude='51,30N'/>");
    for (before, gps) in [
        (exif(true, &[(0x8825, 1)]), true),
        (xmp, true),
        (segment(0xED, b"Photoshop 3.0\0"), false),
        (segment(0xFE, b"made by"), false),
    ] {
        let found = picture(Format::Jpeg, &jpeg(&[before], &plain, 1));
        assert!(found.metadata);
        assert_eq!(found.gps, gps);
    }
    let kept = [segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"), segment(0xE2, b"ICC_PROFILE\0\x01\x01")];
    assert!(!picture(Format::Jpeg, &jpeg(&kept, &plain, 1)).metadata);
    let moving = join(&[&jpeg(&[], &plain, 1), &movie(b"mp42", &[h263()])]);
    assert!(picture(Format::Jpeg, &moving).metadata, "a clip behind the end");
}

#[test]
fn a_jpeg_that_ends_early_still_says_its_size() {
    let whole = jpeg(&[], &frame(0, 640, 480, 3, 0x22), 1);
    for cut in 1..12 {
        let facts = read(&whole[..whole.len() - cut]);
        assert_eq!(facts.fault.unwrap().kind, FaultKind::Damaged);
        assert!(matches!(facts.detail, Detail::Picture(Picture { width: 640, height: 480, .. })));
    }
}

#[test]
fn a_png_says_how_its_samples_are_kept() {
    let data = chunk(b"IDAT", &[0]);
    for (depth, colour, expected, alpha) in [
        (1, 0, Colour::Bilevel, false),
        (8, 0, Colour::Gray, false),
        (8, 2, Colour::Rgb, false),
        (4, 3, Colour::Palette, false),
        (8, 4, Colour::Gray, true),
        (16, 6, Colour::Rgb, true),
    ] {
        let found = picture(Format::Png, &png(7, 5, depth, colour, 0, std::slice::from_ref(&data)));
        assert_eq!((found.width, found.height, found.colour, found.alpha), (7, 5, expected, alpha));
    }
    let transparent = [chunk(b"tRNS", &[0]), data.clone()];
    assert!(picture(Format::Png, &png(7, 5, 8, 3, 0, &transparent)).alpha);
    assert!(picture(Format::Png, &png(7, 5, 8, 3, 1, &[data])).progressive);
}

#[test]
fn an_animated_png_says_frames_and_playing_time() {
    let control = |number: u16, divisor: u16| {
        chunk(b"fcTL", &join(&[&[0; 20], &number.to_be_bytes(), &divisor.to_be_bytes(), &[0, 0]]))
    };
    let animated =
        [chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]), control(1, 4), chunk(b"IDAT", &[0]), control(30, 0)];
    let found = picture(Format::Png, &png(4, 4, 8, 2, 0, &animated));
    assert_eq!((found.frames, found.duration_ms), (2, 250 + 300));
    let many = [chunk(b"acTL", &[0xFF, 0, 0, 0, 0, 0, 0, 0]), chunk(b"IDAT", &[0])];
    assert_eq!(read(&png(4, 4, 8, 2, 0, &many)).fault.unwrap().kind, FaultKind::TooLarge);
}

#[test]
fn a_png_has_orientation_and_metadata_in_chunks() {
    let block = chunk(b"eXIf", &directory(false, &[(0x0112, 8), (0x8825, 1)]));
    let found = picture(Format::Png, &png(4, 4, 8, 2, 0, &[block, chunk(b"IDAT", &[0])]));
    assert!(found.metadata && found.gps);
    assert_eq!(found.orientation, 8);
    for kind in [b"tEXt", b"iTXt", b"zTXt", b"tIME"] {
        assert!(
            picture(Format::Png, &png(4, 4, 8, 2, 0, &[chunk(kind, b"x"), chunk(b"IDAT", &[0])])).metadata
        );
    }
}

#[test]
fn a_gif_says_frames_time_and_transparency() {
    let still = picture(Format::Gif, &gif(4, 3, &[gif_frame(4, 3, 0, false, true)]));
    assert_eq!((still.width, still.height, still.frames, still.duration_ms), (4, 3, 1, 0));
    assert!(still.progressive && !still.alpha && !still.metadata);
    let looped = join(&[&[0x21, 0xFF, 11], b"NETSCAPE2.0", &[3, 1, 0, 0, 0]]);
    let frames = [looped, gif_frame(4, 3, 50, true, false), gif_frame(4, 3, 1, false, false)];
    let found = picture(Format::Gif, &gif(4, 3, &frames));
    // The second frame asks for 10 ms, which viewers show as 100.
    assert_eq!((found.frames, found.duration_ms, found.alpha, found.metadata), (2, 600, true, false));
    let comment = join(&[&[0x21, 0xFE, 2], b"hi", &[0]]);
    assert!(picture(Format::Gif, &gif(4, 3, &[comment, gif_frame(4, 3, 0, false, false)])).metadata);
}

#[test]
fn a_gif_frame_larger_than_its_screen_is_bounded_too() {
    let fault = read(&gif(1, 1, &[gif_frame(40_000, 1, 0, false, false)])).fault.unwrap();
    assert_eq!(fault.detail, "pixels of a side: 40000, the bound is 30000");
}

#[test]
fn the_three_kinds_of_webp_are_read() {
    let lossy = riff_chunk(b"VP8 ", &[0, 0, 0, 0x9D, 1, 0x2A, 0x40, 0x01, 0xF0, 0x00]);
    let found = picture(Format::WebP, &riff(b"WEBP", std::slice::from_ref(&lossy)));
    assert_eq!((found.width, found.height), (320, 240));
    let bits: u32 = 319 | 239 << 14 | 1 << 28;
    let lossless = riff_chunk(b"VP8L", &join(&[&[0x2F], &bits.to_le_bytes()]));
    let found = picture(Format::WebP, &riff(b"WEBP", &[lossless]));
    assert_eq!((found.width, found.height, found.colour, found.alpha), (320, 240, Colour::Rgb, true));
    let extended = riff_chunk(b"VP8X", &[0x1E, 0, 0, 0, 0x3F, 1, 0, 0xEF, 0, 0]);
    let exif = riff_chunk(b"EXIF", &directory(false, &[(0x0112, 3)]));
    let frame = riff_chunk(b"ANMF", &join(&[&[0; 12], &[100, 0, 0, 0]]));
    let found = picture(Format::WebP, &riff(b"WEBP", &[extended, frame.clone(), frame, exif]));
    assert_eq!((found.width, found.height, found.frames, found.duration_ms), (320, 240, 2, 200));
    assert!(found.alpha && found.metadata);
    assert_eq!(found.orientation, 3);
}

#[test]
fn bitmaps_are_read_with_old_and_new_headers() {
    let rows = [0; 16];
    let os2 = join(&[
        b"BM",
        &[0; 8],
        &26_u32.to_le_bytes(),
        &12_u32.to_le_bytes(),
        &[3, 0, 1, 0, 1, 0, 24, 0],
        &rows,
    ]);
    let found = picture(Format::Bmp, &os2);
    assert_eq!((found.width, found.height, found.colour), (3, 1, Colour::Rgb));
    let windows = |bits: u8, height: i32, rows: &[u8]| {
        let size = join(&[&2_i32.to_le_bytes(), &height.to_le_bytes(), &[1, 0, bits, 0], &[0; 24]]);
        join(&[b"BM", &[0; 8], &54_u32.to_le_bytes(), &40_u32.to_le_bytes(), &size, rows])
    };
    let found = picture(Format::Bmp, &windows(8, -2, &rows));
    assert_eq!((found.width, found.height, found.colour), (2, 2, Colour::Palette));
    assert_eq!(read(&windows(24, 200, &rows)).fault.unwrap().kind, FaultKind::Damaged);
    assert_eq!(
        read(b"BM is what this text begins with, and it is long enough to be a header.").format,
        Format::Text
    );
}

#[test]
fn a_tiff_says_what_its_first_directory_says() {
    let entries = [(256, 640), (257, 480), (258, 8), (262, 2), (274, 6), (34_853, 1)];
    for big in [true, false] {
        let found = picture(Format::Tiff, &directory(big, &entries));
        assert_eq!((found.width, found.height, found.orientation), (640, 480, 6));
        assert!(found.gps && found.metadata);
    }
    let fax = [(256, 8), (257, 8), (258, 1), (262, 0)];
    assert_eq!(picture(Format::Tiff, &directory(false, &fax)).colour, Colour::Bilevel);
}

#[test]
fn a_wbmp_is_believed_when_it_is_called_one_and_fits_to_the_octet() {
    let whole = join(&[&[0, 0, 0x81, 0x02, 2], &[0xAA; 34]]);
    for (media_type, name) in [("image/vnd.wap.wbmp", None), ("", Some("logo.WBMP"))] {
        let facts = read_as(&whole, media_type, name);
        assert_eq!(facts.format, Format::Wbmp);
        assert!(matches!(
            facts.detail,
            Detail::Picture(Picture { width: 130, height: 2, colour: Colour::Bilevel, .. })
        ));
        assert_eq!(read_as(&whole[1..], media_type, name).format, Format::Unknown);
        assert_eq!(read_as(&join(&[&whole, &[0]]), media_type, name).format, Format::Unknown);
    }
    assert_eq!(read(&whole).format, Format::Unknown);
}

/// A picture of 64x48 with these properties of the primary item, and these further items.
pub(crate) fn heif(major: &[u8; 4], properties: &[(&[u8; 4], &[u8])], items: &[&[u8; 4]]) -> Vec<u8> {
    let size = iso(b"ispe", &[0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 48]);
    let more: Vec<u8> = properties.iter().flat_map(|(kind, body)| iso(kind, body)).collect();
    let indexes: Vec<u8> =
        (1..=u8::try_from(properties.len()).unwrap() + 1).map(|index| 0x80 | index).collect();
    let count = u8::try_from(indexes.len()).unwrap();
    let associations = iso(b"ipma", &join(&[&[0; 4], &[0, 0, 0, 1, 0, 1, count], &indexes]));
    let container = iso(b"ipco", &join(&[&size, &more]));
    let names: Vec<u8> = items
        .iter()
        .flat_map(|kind| iso(b"infe", &join(&[&[2, 0, 0, 0, 0, 2, 0, 0], *kind, &[0]])))
        .collect();
    let meta = join(&[
        &[0; 4],
        &iso(b"pitm", &[0, 0, 0, 0, 0, 1]),
        &iso(b"iinf", &join(&[&[0, 0, 0, 0, 0, u8::try_from(items.len()).unwrap()], &names])),
        &iso(b"iprp", &join(&[&container, &associations])),
    ]);
    join(&[&brand(major, &[b"mif1"]), &iso(b"meta", &meta), &iso(b"mdat", &[0; 16])])
}

#[test]
fn a_heic_is_turned_and_mirrored_in_the_order_that_it_says() {
    // Quarters of irot count against the clock; EXIF names the same turns.
    let turns: [(&[(&[u8; 4], &[u8])], u8); 8] = [
        (&[], 1),
        (&[(b"irot", &[1])], 8),
        (&[(b"irot", &[2])], 3),
        (&[(b"irot", &[3])], 6),
        // Axis 0 exchanges top and bottom, axis 1 left and right (note in §6.5.12).
        (&[(b"imir", &[1])], 2),
        (&[(b"imir", &[0])], 4),
        (&[(b"irot", &[1]), (b"imir", &[0])], 5),
        (&[(b"irot", &[3]), (b"imir", &[0])], 7),
    ];
    for (properties, orientation) in turns {
        let found = picture(Format::Heic, &heif(b"heic", properties, &[]));
        assert_eq!((found.width, found.height, found.orientation), (64, 48, orientation), "{properties:?}");
    }
}

#[test]
fn avif_is_told_from_heic_by_its_brands() {
    assert_eq!(picture(Format::Avif, &heif(b"avif", &[], &[])).shown(), (64, 48));
    let mut ambiguous = heif(b"mif1", &[], &[]);
    ambiguous[16..20].copy_from_slice(b"avif");
    assert_eq!(read(&ambiguous).format, Format::Avif);
    assert!(picture(Format::Heic, &heif(b"heic", &[], &[b"mime"])).metadata);
}

#[test]
fn a_large_raster_names_the_bound_and_both_numbers() {
    let wide = read(&jpeg(&[], &frame(0, 40_000, 10, 3, 0x11), 1)).fault.unwrap();
    assert_eq!(
        (wide.kind, wide.detail.as_str()),
        (FaultKind::TooLarge, "pixels of a side: 40000, the bound is 30000")
    );
    let many = read(&jpeg(&[], &frame(0, 20_000, 20_000, 3, 0x11), 1)).fault.unwrap();
    assert_eq!(many.detail, "pixels: 400000000, the bound is 100000000");
    let tight = Limits { side: 63, ..Limits::default() };
    assert_eq!(read_within(&heif(b"heic", &[], &[]), &tight).fault.unwrap().kind, FaultKind::TooLarge);
    // Too large outranks damaged: nothing of it may reach a decoder.
    let cut = read(&jpeg(&[], &frame(0, 40_000, 10, 3, 0x11), 0)).fault.unwrap();
    assert_eq!(cut.kind, FaultKind::TooLarge);
}

#[test]
fn a_block_of_metadata_is_bounded() {
    let block = segment(0xE2, &join(&[b"ICC_PROFILE\0\x01\x02", &[0; 60_000]]));
    let tight = Limits { metadata_octets: 100_000, ..Limits::default() };
    let whole = jpeg(&[block.clone(), block], &frame(0, 8, 8, 3, 0x11), 1);
    assert_eq!(read(&whole).fault, None);
    assert_eq!(
        read_within(&whole, &tight).fault.unwrap().detail,
        "octets of metadata: 120028, the bound is 100000"
    );
}

#[test]
fn an_svg_is_known_and_nothing_more() {
    for text in
        ["<svg/>", "<?xml version='1.0'?>\n<!-- x --><svg:svg xmlns:svg='http://www.w3.org/2000/svg'/>"]
    {
        let facts = read(text.as_bytes());
        assert_eq!((facts.format, facts.detail, facts.fault), (Format::Svg, Detail::None, None));
    }
}
