//! Animations keep moving, for as long as they did.

use super::*;
use cedrat_plan::{facts::Detail, job::Note};
use image::AnimationDecoder;

/// A square that wanders over a picture, a time for each frame.
fn animation(number: u32, delay_ms: u32, again: Option<u16>) -> Vec<u8> {
    let ground = photo(120, 90, 17);
    let frames: Vec<Raster> = (0..number)
        .map(|at| {
            let mut frame = ground.clone();
            for y in 20..40 {
                for x in 0..20 {
                    let place = 3 * (y * 120 + (x + 4 * at as usize) % 120);
                    frame.pixels[place..place + 3].copy_from_slice(&[255, 0, 0]);
                }
            }
            frame
        })
        .collect();
    let palette = crate::write::palette::Palette::of(frames.iter(), 256, true);
    let shown = frames.iter().map(|frame| (frame, delay_ms));
    crate::write::gif::moving(shown, &palette, again).unwrap()
}

/// Times and frames.
fn frames(octets: &[u8]) -> Vec<(u32, image::RgbaImage)> {
    let decoder = image::codecs::gif::GifDecoder::new(std::io::Cursor::new(octets)).unwrap();
    let frames = decoder.into_frames().collect_frames().unwrap();
    frames.into_iter().map(|frame| (frame.delay().numer_denom_ms().0, frame.into_buffer())).collect()
}

fn time(octets: &[u8]) -> u32 {
    frames(octets).iter().map(|(delay, _)| delay).sum()
}

#[test]
fn what_fits_keeps_every_frame_and_how_often_it_plays() {
    let file = animation(12, 130, Some(3));
    let (octets, made) = one(&file, &target(Format::Gif, 60, 60, 1 << 20)).unwrap();
    assert_eq!(frames(&octets).len(), 12);
    assert_eq!((time(&octets), crate::blocks::repeats(&octets)), (12 * 130, Some(3)));
    assert_eq!(made.notes, []);
    let Detail::Picture(picture) = made.facts.detail else { panic!("no picture") };
    assert_eq!((picture.width, picture.height, picture.frames), (60, 45, 12));
    // Each frame shows what the source showed.
    for ((_, a), (_, b)) in frames(&octets).iter().zip(frames(&file)) {
        let small = image::imageops::resize(&b, 60, 45, image::imageops::FilterType::Lanczos3);
        assert!(apart(a, &small) < 8.0);
    }
    assert_eq!(
        crate::blocks::repeats(
            &one(&animation(2, 90, None), &target(Format::Gif, 60, 60, 1 << 20)).unwrap().0
        ),
        None
    );
}

#[test]
fn what_does_not_fit_loses_frames_and_colours_but_no_time() {
    let file = animation(40, 50, Some(0));
    for part in [2, 5, 20] {
        let max = file.len() as u64 / part;
        let (octets, made) = one(&file, &target(Format::Gif, 120, 120, max)).unwrap();
        assert!(octets.len() as u64 <= max);
        let kept = frames(&octets).len() as u32;
        assert!(kept > 1);
        assert_eq!(time(&octets), 40 * 50, "{part}");
        assert_eq!(kept < 40, made.notes.contains(&Note::FramesDropped { kept, of: 40 }));
    }
}

#[test]
fn a_still_target_gets_the_first_frame_and_says_so() {
    let file = animation(5, 100, None);
    let mut still = target(Format::Gif, 120, 120, 1 << 20);
    still.animated = false;
    for want in [still, target(Format::Jpeg, 120, 120, 1 << 20)] {
        let (octets, made) = one(&file, &want).unwrap();
        assert_eq!(made.notes, [Note::FirstFrame]);
        assert!(apart(&decode(&octets), &frames(&file)[0].1) < 8.0);
    }
    // Beside a target that moves as well.
    let both = [target(Format::Gif, 60, 60, 1 << 20), target(Format::Jpeg, 120, 120, 1 << 20)];
    let made = convert(&file, &facts(&file), &both, &Limits::default());
    assert_eq!(made[1].as_ref().unwrap().1.notes, [Note::FirstFrame]);
}

#[test]
fn what_disappears_is_gone() {
    // A dot that is there in every other frame, on nothing.
    let frame = |there: bool| {
        let pixels = (0..32 * 32).flat_map(|at| {
            let dot = there && at % 32 < 8;
            [200, 30, 30, if dot { 255 } else { 0 }]
        });
        Raster { width: 32, height: 32, layout: Layout::Rgba, pixels: pixels.collect() }
    };
    let pictures = [frame(true), frame(false), frame(true)];
    let palette = crate::write::palette::Palette::of(pictures.iter(), 16, true);
    let file = crate::write::gif::moving(pictures.iter().map(|p| (p, 70)), &palette, Some(0)).unwrap();
    let (octets, _) = one(&file, &target(Format::Gif, 32, 32, 1 << 20)).unwrap();
    let shown: Vec<u8> = frames(&octets).iter().map(|(_, f)| f.get_pixel(3, 3).0[3]).collect();
    assert_eq!(shown, [255, 0, 255]);
}
