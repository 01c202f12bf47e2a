//! Moving picture: what comes out is what a handset takes, within its octets.

use cedrat_plan::{
    format::{Format, SoundCodec, VideoCodec},
    job::{FaultKind, Note, Target, VideoTarget},
};

use crate::judge::{Bench, Done, ask, brand, decodes_cleanly, seconds, starts_fast};

/// Ten seconds of the test picture with a tone.
const CLIP: &str = "-f lavfi -i testsrc2=s=640x360:r=30:d=4 -f lavfi -i sine=440:d=4 -c:v libx264 \
     -preset ultrafast -pix_fmt yuv420p -c:a aac -shortest";
/// Noise and a slow zoom: needs every bit it can get.
const NOISE: &str = "-f lavfi -i mandelbrot=s=320x240:r=30 -f lavfi -i sine=300:d=12 -t 12 -vf noise=alls=30:allf=t \
     -c:v libx264 -preset ultrafast -crf 12 -pix_fmt yuv420p -c:a aac";
/// Nothing moves.
const STILL: &str =
    "-f lavfi -i color=c=0x305080:s=320x240:r=25:d=5 -c:v libx264 -preset ultrafast -pix_fmt yuv420p";

pub(crate) fn h263(max_octets: u64) -> VideoTarget {
    VideoTarget {
        format: Format::ThreeGp,
        codec: VideoCodec::H263,
        level: 0,
        max_width: 176,
        max_height: 144,
        max_millihertz: 15_000,
        max_bit_rate: 0,
        sound: Some(SoundCodec::Amr),
        max_octets,
        max_duration_ms: 0,
        may_cut: false,
    }
}

pub(crate) fn h264(max_octets: u64) -> VideoTarget {
    VideoTarget {
        format: Format::Mp4,
        codec: VideoCodec::H264,
        max_width: 320,
        max_height: 240,
        max_millihertz: 30_000,
        sound: Some(SoundCodec::Aac),
        ..h263(max_octets)
    }
}

fn mpeg4(max_octets: u64) -> VideoTarget {
    VideoTarget { format: Format::ThreeG2, codec: VideoCodec::Mpeg4, ..h263(max_octets) }
}

fn fits(done: &Done, most: u64) {
    assert!(done.octets.len() as u64 <= most, "{} > {most}", done.octets.len());
    assert!(starts_fast(&done.octets));
    decodes_cleanly(&done.path);
}

#[test]
fn a_clip_becomes_h263_and_amr_in_qcif() {
    let Some(bench) = Bench::open() else { return };
    let source = bench.source("in.mp4", CLIP);
    let done = bench.convert_one(&source, Target::Video(h263(200 << 10))).unwrap();
    fits(&done, 200 << 10);
    assert_eq!(brand(&done.octets), "3gp4");
    assert_eq!(
        ask(&done.path, "stream=codec_name,codec_tag_string,width,height,pix_fmt", "v"),
        "h263,s263,176,144,yuv420p"
    );
    assert_eq!(ask(&done.path, "stream=codec_name,codec_tag_string,sample_rate", "a"), "amr_nb,samr,8000");
    assert!((seconds(&done.path, "v") - 4.0).abs() < 0.067, "{}", seconds(&done.path, "v"));
    assert!((seconds(&done.path, "a") - 4.0).abs() < 0.067, "{}", seconds(&done.path, "a"));
    assert_eq!(ask(&done.path, "stream=start_time", "v"), "0.000000");
    assert_eq!(done.made.notes, []);
}

#[test]
fn a_clip_becomes_h264_baseline_and_aac() {
    let Some(bench) = Bench::open() else { return };
    let source = bench.source("in.mp4", CLIP);
    let target = VideoTarget { format: Format::ThreeGp, level: 13, ..h264(300 << 10) };
    let done = bench.convert_one(&source, Target::Video(target)).unwrap();
    fits(&done, 300 << 10);
    assert_eq!(brand(&done.octets), "3gp6");
    assert_eq!(
        ask(&done.path, "stream=codec_tag_string,profile,width,height,has_b_frames,pix_fmt,level,refs", "v"),
        "Constrained Baseline,avc1,320,180,0,yuv420p,13,1"
    );
    assert_eq!(ask(&done.path, "stream=codec_tag_string,profile", "a"), "LC,mp4a");
    assert!((seconds(&done.path, "v") - 4.0).abs() < 0.034, "{}", seconds(&done.path, "v"));
    assert!(!done.octets.windows(4).any(|octets| octets == b"x264"), "the banner of the encoder is left");
}

#[test]
fn a_clip_becomes_mpeg4_simple_profile_in_3gpp2() {
    let Some(bench) = Bench::open() else { return };
    let source = bench.source("in.mp4", CLIP);
    let target = VideoTarget { sound: None, ..mpeg4(150 << 10) };
    let done = bench.convert_one(&source, Target::Video(target)).unwrap();
    fits(&done, 150 << 10);
    assert_eq!(brand(&done.octets), "3g2a");
    assert_eq!(
        ask(&done.path, "stream=profile,codec_tag_string,width,height", "v"),
        "Simple Profile,mp4v,176,98"
    );
    assert_eq!(done.made.notes, [Note::SoundDropped]);
}

#[test]
fn a_turned_clip_is_turned_in_its_pixels() {
    let Some(bench) = Bench::open() else { return };
    // Four quarters of different colour.
    let flat = bench.source(
        "flat.mp4",
        "-f lavfi -i color=red:s=640x360:r=15:d=1,drawbox=c=lime:x=320:w=320:h=180:t=fill,drawbox=c=blue:y=180:w=320:h=180:t=fill \
         -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    );
    for (rotation, size) in [(90, "134,240"), (180, "320,180"), (270, "134,240")] {
        let turned =
            bench.source("in.mp4", &format!("-i {} -c copy -metadata:s:v rotate={rotation}", flat.display()));
        let done = bench.convert_one(&turned, Target::Video(h264(200 << 10))).unwrap();
        fits(&done, 200 << 10);
        assert_eq!(ask(&done.path, "stream=width,height", "v"), size);
        assert_eq!(ask(&done.path, "stream_side_data=rotation", "v"), "");
        // ffmpeg turns the source itself: the quarters must be where it sees them.
        let (theirs, ours) = (quarters(&turned), quarters(&done.path));
        assert!(
            theirs.len() == 12 && theirs.iter().zip(&ours).all(|(a, b)| a.abs_diff(*b) < 60),
            "{rotation}: {theirs:?} {ours:?}"
        );
        let h263 = bench.convert_one(&turned, Target::Video(h263(200 << 10))).unwrap();
        assert_eq!(ask(&h263.path, "stream=width,height", "v"), "176,144");
    }
}

/// The first picture as four pixels.
fn quarters(path: &std::path::Path) -> Vec<u8> {
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-frames:v", "1", "-vf", "scale=2:2:flags=area", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"])
        .output();
    output.unwrap().stdout
}

#[test]
fn no_clip_of_any_kind_exceeds_any_limit() {
    let Some(bench) = Bench::open() else { return };
    for (name, arguments) in [("noise.mp4", NOISE), ("still.mp4", STILL), ("film.mp4", CLIP)] {
        let source = bench.source(name, arguments);
        for most in [30_000, 102_400, 307_200] {
            for target in [h263(most), h264(most), mpeg4(most)] {
                match bench.convert_one(&source, Target::Video(VideoTarget { may_cut: true, ..target })) {
                    Ok(done) => {
                        fits(&done, most);
                        println!(
                            "{name} {:?} {most}: {} octets = {:.1} %, {} encodes, {:?}",
                            target.codec,
                            done.octets.len(),
                            done.octets.len() as f64 * 100.0 / most as f64,
                            done.made.encodes,
                            done.made.notes
                        );
                        if name == "noise.mp4" && most > 30_000 && done.made.notes.is_empty() {
                            assert!(done.octets.len() as f64 >= 0.9 * most as f64);
                        }
                    }
                    Err(fault) => panic!("{name} {:?} {most}: {fault:?}", target.codec),
                }
            }
        }
    }
}

#[test]
fn what_cannot_fit_is_cut_only_where_that_is_allowed() {
    let Some(bench) = Bench::open() else { return };
    let source = bench.source("in.mp4", NOISE);
    let fault = bench.convert_one(&source, Target::Video(h263(6_000))).err().unwrap();
    assert_eq!(fault.kind, FaultKind::CannotFit);
    let target = VideoTarget { may_cut: true, ..h263(9_000) };
    let done = bench.convert_one(&source, Target::Video(target)).unwrap();
    fits(&done, 9_000);
    let Some(Note::Cut { kept_ms, of_ms }) = done.made.notes.first().copied() else {
        panic!("{:?}", done.made.notes)
    };
    assert!(kept_ms < of_ms && (of_ms as i64 - 12_000).abs() < 100);
    assert!((seconds(&done.path, "v") - kept_ms as f64 / 1000.0).abs() < 0.2);
}

#[test]
fn several_targets_come_from_one_decode_and_each_fails_for_itself() {
    let Some(bench) = Bench::open() else { return };
    let source = bench.source("in.mp4", CLIP);
    let results = bench.convert(
        &source,
        &[Target::Video(h263(100_000)), Target::Video(h263(500)), Target::Video(h264(200_000))],
    );
    fits(results[0].as_ref().unwrap(), 100_000);
    assert_eq!(results[1].as_ref().err().unwrap().kind, FaultKind::CannotFit);
    fits(results[2].as_ref().unwrap(), 200_000);
}

#[test]
fn sound_that_cannot_be_decoded_leaves_a_silent_clip_and_a_note() {
    let Some(bench) = Bench::open() else { return };
    let source = bench.source(
        "in.mkv",
        "-f lavfi -i testsrc2=s=320x240:r=25:d=2 -f lavfi -i sine=440:d=2 -c:v libx264 -preset ultrafast -c:a wmav2",
    );
    let done = bench.convert_one(&source, Target::Video(h263(100_000))).unwrap();
    fits(&done, 100_000);
    assert_eq!(done.made.notes, [Note::SoundDropped]);
    assert_eq!(ask(&done.path, "stream=codec_type", ""), "video");
}

#[test]
fn a_clip_of_uneven_rate_keeps_its_length() {
    let Some(bench) = Bench::open() else { return };
    let source = bench.source(
        "in.mp4",
        "-f lavfi -i testsrc2=s=320x240:r=30:d=4 -vf select=lt(n\\,30)+not(mod(n\\,5)) -vsync vfr -c:v libx264 -preset ultrafast",
    );
    for target in [h263(200_000), h264(200_000)] {
        let done = bench.convert_one(&source, Target::Video(target)).unwrap();
        fits(&done, 200_000);
        let (before, after) = (seconds(&source, "v"), seconds(&done.path, "v"));
        assert!((before - after).abs() < 0.15, "{before} {after}");
    }
}

#[test]
fn every_kind_of_source_is_read() {
    let Some(bench) = Bench::open() else { return };
    let sources = [
        ("a.3gp", "-c:v h263 -s 176x144 -c:a libopencore_amrnb -ar 8000 -ac 1"),
        ("b.mkv", "-c:v libx265 -x265-params log-level=none -c:a libopus"),
        ("c.webm", "-c:v libvpx -c:a libvorbis"),
        ("d.webm", "-c:v libvpx-vp9 -c:a libopus"),
        ("e.mp4", "-c:v libaom-av1 -cpu-used 8 -c:a aac"),
        ("f.avi", "-c:v mpeg4 -c:a libmp3lame"),
        ("g.mov", "-c:v mjpeg -pix_fmt yuvj420p -c:a pcm_s16le"),
        ("h.mpg", "-c:v mpeg2video -c:a mp2"),
        ("i.ts", "-c:v libx264 -preset ultrafast -c:a aac"),
        ("j.mov", "-c:v libx264 -preset fast -pix_fmt yuv420p -c:a aac"),
    ];
    for (name, arguments) in sources {
        let input = "-f lavfi -i testsrc2=s=192x144:r=25:d=1.2 -f lavfi -i sine=440:d=1.2";
        let source = bench.source(name, &format!("{input} {arguments}"));
        let done = match bench.convert_one(&source, Target::Video(h264(80_000))) {
            Ok(done) => done,
            Err(fault) => panic!("{name}: {fault:?} {:?}", crate::judge::facts_of(&source)),
        };
        fits(&done, 80_000);
        assert_eq!(done.made.notes, [], "{name}");
        assert!((seconds(&done.path, "v") - 1.2).abs() < 0.09, "{name}: {}", seconds(&done.path, "v"));
        assert!((seconds(&done.path, "a") - 1.2).abs() < 0.15, "{name}: {}", seconds(&done.path, "a"));
    }
}

#[test]
fn picture_and_sound_stay_together() {
    let Some(bench) = Bench::open() else { return };
    // A white flash and a beep at one and a half seconds.
    let source = bench.source(
        "in.mp4",
        "-f lavfi -i color=black:s=320x240:r=30:d=3,drawbox=c=white:t=fill:enable='between(t,1.5,1.7)' \
         -f lavfi -i aevalsrc=sin(2*PI*880*t)*between(t\\,1.5\\,1.7):s=44100:d=3 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac",
    );
    for target in [h263(200_000), h264(200_000)] {
        let done = bench.convert_one(&source, Target::Video(target)).unwrap();
        let flash = first_over(&done, "-vf format=gray -s 32x32 -f rawvideo -r 30", 32 * 32, 100.0) / 30.0;
        let beep = first_over(&done, "-ac 1 -ar 8000 -f u8", 80, 135.0) / 100.0;
        assert!((flash - beep).abs() < 0.075, "{flash} {beep}");
        assert!((flash - 1.5).abs() < 0.075, "{flash}");
    }
}

/// Which block of `size` octets first has a maximum (after decoding) over `level`.
fn first_over(done: &Done, arguments: &str, size: usize, level: f64) -> f64 {
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&done.path)
        .args(arguments.split_whitespace())
        .arg("-")
        .output()
        .unwrap();
    let over = |block: &[u8]| block.iter().any(|octet| f64::from(*octet) > level);
    output.stdout.chunks(size).position(over).expect("the signal is there") as f64
}

#[test]
fn the_poster_is_not_the_black_beginning() {
    let Some(bench) = Bench::open() else { return };
    let source = bench.source(
        "flat.mp4",
        "-f lavfi -i testsrc2=s=320x240:r=25:d=3 -vf fade=in:0:50 -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    );
    let turned = bench.source("in.mp4", &format!("-i {} -c copy -metadata:s:v rotate=270", source.display()));
    for (path, size) in [(&source, (320, 240)), (&turned, (240, 320))] {
        let input = std::fs::File::open(path).unwrap();
        let facts = crate::judge::facts_of(path);
        let limits = cedrat_plan::limits::Limits::default();
        let raster = cedrat_moving::picture(std::os::fd::AsFd::as_fd(&input), &facts, &limits).unwrap();
        assert_eq!((raster.width, raster.height), size);
        assert_eq!(raster.pixels.len() as u32, size.0 * size.1 * 3);
        let mean: u64 =
            raster.pixels.iter().map(|octet| u64::from(*octet)).sum::<u64>() / raster.pixels.len() as u64;
        assert!(mean > 30, "{mean}");
    }
}

#[test]
fn an_avif_file_is_a_picture() {
    let Some(bench) = Bench::open() else { return };
    let source = bench.source(
        "in.avif",
        "-f lavfi -i testsrc2=s=128x64:d=1 -frames:v 1 -c:v libaom-av1 -still-picture 1 -cpu-used 8",
    );
    let input = std::fs::File::open(&source).unwrap();
    let facts = crate::judge::facts_of(&source);
    assert_eq!(facts.format, Format::Avif);
    let limits = cedrat_plan::limits::Limits::default();
    let raster = cedrat_moving::picture(std::os::fd::AsFd::as_fd(&input), &facts, &limits).unwrap();
    assert_eq!((raster.width, raster.height), (128, 64));
}
