//! Sound: sizes by formula, every container, every source.

use cedrat_plan::{
    format::{Format, SoundCodec},
    job::{FaultKind, Note, SoundTarget, Target},
};

use crate::judge::{Bench, ask, brand, decodes_cleanly, seconds, starts_fast};

const VOICE: &str = "-f lavfi -i sine=330:d=6:r=44100 -ac 1";

fn sound(format: Format, codec: SoundCodec, max_octets: u64) -> SoundTarget {
    SoundTarget {
        format,
        codec,
        max_rate: 0,
        max_channels: 2,
        max_bit_rate: 0,
        max_octets,
        max_duration_ms: 0,
        may_cut: false,
    }
}

#[test]
fn the_size_of_amr_is_what_the_formula_says_in_all_seventeen_modes() {
    let Some(bench) = Bench::open() else { return };
    let source = bench.source("in.wav", VOICE);
    let narrow = [13, 14, 16, 18, 20, 21, 27, 32];
    let wide = [18, 24, 33, 37, 41, 47, 51, 59, 61];
    let cases = narrow.map(|octets| (Format::Amr, SoundCodec::Amr, 6, octets)).into_iter();
    for (format, codec, magic, octets) in
        cases.chain(wide.map(|octets| (Format::AmrWb, SoundCodec::AmrWb, 9, octets)))
    {
        // Six seconds are 300 frames, and the delay of the encoder is in one more.
        let exact = magic + 301 * octets;
        let done = bench.convert_one(&source, Target::Sound(sound(format, codec, exact))).unwrap();
        let frames = (done.octets.len() as u64 - magic) / octets;
        assert_eq!((done.octets.len() as u64 - magic) % octets, 0, "{codec:?} {octets}");
        assert!(frames == 300 || frames == 301, "{codec:?} {octets}: {frames}");
        decodes_cleanly(&done.path);
    }
}

#[test]
fn every_container_holds_its_codec() {
    let Some(bench) = Bench::open() else { return };
    let source = bench.source("in.wav", VOICE);
    let cases = [
        (Format::Amr, SoundCodec::Amr, "amr_nb", "8000", ""),
        (Format::AmrWb, SoundCodec::AmrWb, "amr_wb", "16000", ""),
        (Format::ThreeGpSound, SoundCodec::Amr, "amr_nb", "8000", "3gp4"),
        (Format::ThreeGpSound, SoundCodec::AmrWb, "amr_wb", "16000", "3gp4"),
        (Format::ThreeGpSound, SoundCodec::Aac, "aac", "", "3gp6"),
        (Format::Mp4Sound, SoundCodec::Aac, "aac", "", "M4A "),
        (Format::Aac, SoundCodec::Aac, "aac", "", ""),
        (Format::Mp3, SoundCodec::Mp3, "mp3", "", ""),
    ];
    for (format, codec, name, rate, expected_brand) in cases {
        for most in [20_000, 60_000, 200_000] {
            let Ok(done) = bench.convert_one(&source, Target::Sound(sound(format, codec, most))) else {
                panic!("{format:?} {codec:?} {most}")
            };
            assert!(done.octets.len() as u64 <= most);
            decodes_cleanly(&done.path);
            assert_eq!(ask(&done.path, "stream=codec_name", "a"), name);
            if !rate.is_empty() {
                assert_eq!(ask(&done.path, "stream=sample_rate", "a"), rate);
            }
            if !expected_brand.is_empty() {
                assert_eq!(brand(&done.octets), expected_brand);
                assert!(starts_fast(&done.octets));
                assert!((seconds(&done.path, "a") - 6.0).abs() < 0.15, "{}", seconds(&done.path, "a"));
            }
            assert_eq!(done.made.facts.format, format, "{:?}", done.made.facts);
        }
    }
}

#[test]
fn a_long_clip_is_cut_only_where_that_is_allowed() {
    let Some(bench) = Bench::open() else { return };
    let source = bench.source("in.wav", VOICE);
    for (format, codec) in [
        (Format::Amr, SoundCodec::Amr),
        (Format::ThreeGpSound, SoundCodec::AmrWb),
        (Format::Mp4Sound, SoundCodec::Aac),
        (Format::Mp3, SoundCodec::Mp3),
    ] {
        let target = sound(format, codec, 2_500);
        let fault = bench.convert_one(&source, Target::Sound(target)).err().unwrap();
        assert_eq!(fault.kind, FaultKind::CannotFit);
        let target = SoundTarget { may_cut: true, ..target };
        let done = bench.convert_one(&source, Target::Sound(target)).unwrap();
        assert!(done.octets.len() <= 2_500);
        decodes_cleanly(&done.path);
        let Some(Note::Cut { kept_ms, of_ms: 6_000 }) = done.made.notes.first().copied() else {
            panic!("{:?}", done.made.notes)
        };
        let plays = seconds(&done.path, "") * 1000.0;
        // ffprobe reckons the length of raw streams from their rate.
        assert!((plays - kept_ms as f64).abs() < 250.0, "{codec:?} {plays} {kept_ms}");
    }
}

#[test]
fn a_stereo_song_stays_stereo_while_there_is_room() {
    let Some(bench) = Bench::open() else { return };
    let source =
        bench.source("in.ogg", "-f lavfi -i aevalsrc=sin(600*t)|sin(900*t):s=48000:d=5 -c:a libvorbis");
    let large =
        bench.convert_one(&source, Target::Sound(sound(Format::Mp4Sound, SoundCodec::Aac, 200_000))).unwrap();
    assert_eq!(ask(&large.path, "stream=channels", "a"), "2");
    let small =
        bench.convert_one(&source, Target::Sound(sound(Format::Mp4Sound, SoundCodec::Aac, 18_000))).unwrap();
    assert_eq!(ask(&small.path, "stream=channels", "a"), "1");
    assert!(small.octets.len() <= 18_000);
}
