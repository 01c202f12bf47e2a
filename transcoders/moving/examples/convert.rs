//! Converts one file and says what it cost: `convert KIND MAX_OCTETS IN OUT`, where KIND is one of
//! `h263`, `h264`, `mpeg4`, `amr`, `remux`. The time is that of this process, start included.

use std::{fs::File, os::fd::AsFd, process::ExitCode};

use cedrat_plan::{
    facts::{self, Claim},
    format::{Format, SoundCodec, VideoCodec},
    job::{RemuxTarget, SoundTarget, Target, VideoTarget},
    limits::Limits,
};

fn target(kind: &str, max_octets: u64) -> Option<Target> {
    let video = VideoTarget {
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
    };
    Some(match kind {
        "h263" => Target::Video(video),
        "mpeg4" => Target::Video(VideoTarget { codec: VideoCodec::Mpeg4, ..video }),
        "h264" => Target::Video(VideoTarget {
            format: Format::Mp4,
            codec: VideoCodec::H264,
            max_width: 640,
            max_height: 480,
            max_millihertz: 30_000,
            sound: Some(SoundCodec::Aac),
            ..video
        }),
        "amr" => Target::Sound(SoundTarget {
            format: Format::Amr,
            codec: SoundCodec::Amr,
            max_rate: 0,
            max_channels: 1,
            max_bit_rate: 0,
            max_octets,
            max_duration_ms: 0,
            may_cut: false,
        }),
        "remux" => Target::Remux(RemuxTarget { format: Format::ThreeGp, max_octets }),
        _ => return None,
    })
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, kind, max_octets, input, output] = arguments.as_slice() else {
        eprintln!("convert KIND MAX_OCTETS IN OUT");
        return ExitCode::from(2);
    };
    let Some(target) = max_octets.parse().ok().and_then(|octets| target(kind, octets)) else {
        eprintln!("no such kind, or no number of octets");
        return ExitCode::from(2);
    };
    let (Ok(octets), Ok(source), Ok(made)) = (std::fs::read(input), File::open(input), File::create(output))
    else {
        eprintln!("a file cannot be opened");
        return ExitCode::FAILURE;
    };
    cedrat_moving::init();
    let limits = Limits::default();
    let facts = facts::read(&octets, &Claim::default(), &limits);
    for result in cedrat_moving::convert(source.as_fd(), &facts, &[target], &[made.as_fd()], &limits) {
        println!("{result:?}");
    }
    ExitCode::SUCCESS
}
