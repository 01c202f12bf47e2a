//! Remux: other container, same packets.

use cedrat_plan::{
    format::Format,
    job::{FaultKind, RemuxTarget, Target},
};

use crate::judge::{Bench, ask, brand, decodes_cleanly, digest, seconds, starts_fast};

fn remux(format: Format) -> Target {
    Target::Remux(RemuxTarget { format, max_octets: 10 << 20 })
}

#[test]
fn packets_go_over_as_they_are_and_places_do_not() {
    let Some(bench) = Bench::open() else { return };
    let source = bench.source(
        "in.mov",
        "-f lavfi -i testsrc2=s=320x240:r=30:d=2 -f lavfi -i sine=440:d=2 -f lavfi -i sine=880:d=2 \
         -map 0 -map 1 -map 2 -c:v libx264 -preset fast -pix_fmt yuv420p -c:a aac -metadata location=+48.8577+002.295/",
    );
    let octets = std::fs::read(&source).unwrap();
    assert!(octets.windows(8).any(|octets| octets == b"+48.8577"));
    for (format, expected) in [(Format::ThreeGp, "3gp6"), (Format::ThreeG2, "3g2b"), (Format::Mp4, "isom")] {
        let done = bench.convert_one(&source, remux(format)).unwrap();
        assert_eq!(brand(&done.octets), expected);
        assert!(starts_fast(&done.octets));
        decodes_cleanly(&done.path);
        assert_eq!(digest(&source, "v:0"), digest(&done.path, "v:0"));
        assert_eq!(digest(&source, "a:0"), digest(&done.path, "a:0"));
        assert_eq!(ask(&done.path, "stream=codec_tag_string", ""), "avc1\nmp4a");
        assert!(!done.octets.windows(8).any(|octets| octets == b"+48.8577"));
        assert!((seconds(&source, "v") - seconds(&done.path, "v")).abs() < 0.034);
        assert_eq!(ask(&done.path, "stream=start_time", "v"), "0.000000");
    }
}

#[test]
fn a_turned_clip_stays_turned() {
    let Some(bench) = Bench::open() else { return };
    let flat =
        bench.source("flat.mp4", "-f lavfi -i testsrc2=s=320x240:r=30:d=1 -c:v libx264 -preset ultrafast");
    let source = bench.source("in.mov", &format!("-i {} -c copy -metadata:s:v rotate=90", flat.display()));
    let done = bench.convert_one(&source, remux(Format::Mp4)).unwrap();
    assert_eq!(
        ask(&done.path, "stream_side_data=rotation", "v"),
        ask(&source, "stream_side_data=rotation", "v")
    );
    assert_ne!(ask(&done.path, "stream_side_data=rotation", "v"), "");
}

#[test]
fn amr_goes_into_3gp_and_back_without_a_change() {
    let Some(bench) = Bench::open() else { return };
    let amr = bench.source("in.amr", "-f lavfi -i sine=440:d=3:r=8000 -ac 1 -c:a libopencore_amrnb");
    let boxed = bench.convert_one(&amr, remux(Format::ThreeGpSound)).unwrap();
    assert_eq!(brand(&boxed.octets), "3gp4");
    assert_eq!(digest(&amr, "a"), digest(&boxed.path, "a"));
    let again = bench.convert_one(&boxed.path, remux(Format::Amr)).unwrap();
    assert_eq!(again.octets, std::fs::read(&amr).unwrap());
}

#[test]
fn adts_becomes_what_mp4_holds() {
    let Some(bench) = Bench::open() else { return };
    let source = bench.source("in.aac", "-f lavfi -i sine=440:d=3:r=44100 -c:a aac");
    let done = bench.convert_one(&source, remux(Format::Mp4Sound)).unwrap();
    decodes_cleanly(&done.path);
    assert_eq!(ask(&done.path, "stream=codec_tag_string,sample_rate", "a"), "mp4a,44100");
    let again = bench.convert_one(&done.path, remux(Format::Aac)).unwrap();
    assert_eq!(again.octets, std::fs::read(&source).unwrap());
}

#[test]
fn matroska_becomes_mp4() {
    let Some(bench) = Bench::open() else { return };
    let source = bench.source(
        "in.mkv",
        "-f lavfi -i testsrc2=s=320x240:r=30:d=2 -f lavfi -i sine=440:d=2 -c:v libx264 -preset fast -pix_fmt yuv420p -c:a aac",
    );
    let done = bench.convert_one(&source, remux(Format::Mp4)).unwrap();
    decodes_cleanly(&done.path);
    assert!((seconds(&done.path, "v") - 2.0).abs() < 0.05, "{}", seconds(&done.path, "v"));
}

#[test]
fn what_is_too_large_or_does_not_belong_is_refused() {
    let Some(bench) = Bench::open() else { return };
    let source = bench.source("in.mkv", "-f lavfi -i testsrc2=s=320x240:r=30:d=1 -c:v libvpx");
    let fault = bench.convert_one(&source, remux(Format::ThreeGp)).err().unwrap();
    assert_eq!(fault.kind, FaultKind::Unsupported);
    let small = Target::Remux(RemuxTarget { format: Format::Mp4, max_octets: 500 });
    assert_eq!(bench.convert_one(&source, small).err().unwrap().kind, FaultKind::CannotFit);
}
