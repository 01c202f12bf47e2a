//! Rules of single parts by known answers; what holds for every message by laws.
extern crate std;

mod laws;
mod rules;

use alloc::{string::String, vec, vec::Vec};

use super::{Frame, Part, Plan, Role, Transfer, plan};
use crate::{
    facts::{Colour, Detail, Facts, Picture, Sound, Text, Video},
    format::{Format, SoundCodec, VideoCodec},
    profile::{Counts, Layer, OctetLimit, Origin, Partial, Profile, Size, SoundOffer, Unit, VideoOffer},
};

/// A handset of the class video-rich: 640x480, AMR, H.263 of QCIF.
fn handset(octets: u64) -> Profile {
    let types = [
        "text/plain",
        "application/smil",
        "image/jpeg",
        "image/gif",
        "image/vnd.wap.wbmp",
        "audio/amr",
        "audio/midi",
        "video/3gpp",
        "text/x-vcard",
    ];
    let layer = Partial {
        max_octets: Some(OctetLimit { octets, unit: Unit::Binary, counts: Counts::Parts }),
        max_still: Some(Size { width: 640, height: 480 }),
        screen: Some(Size { width: 240, height: 320 }),
        colours: Some(65_536),
        types: Some(types.map(String::from).to_vec()),
        charsets: Some(vec![String::from("utf-8"), String::from("us-ascii")]),
        sounds: Some(vec![SoundOffer {
            format: Format::Amr,
            codec: SoundCodec::Amr,
            max_rate: 8_000,
            max_channels: 1,
        }]),
        videos: Some(vec![VideoOffer {
            format: Format::ThreeGp,
            codec: VideoCodec::H263,
            sound: SoundCodec::Amr,
            level: 0,
            size: Size { width: 176, height: 144 },
            max_millihertz: 15_000,
            max_bit_rate: 0,
        }]),
        progressive_jpeg: Some(false),
        animated_gif: Some(true),
        smil: Some(true),
        max_slides: Some(0),
        max_parts: Some(0),
        max_duration_ms: Some(0),
        vcard: Some(String::from("2.1")),
        vcalendar: Some(String::new()),
        keep_metadata: Some(false),
        adapt: Some(true),
    };
    Profile::of(&Origin { layer: Layer::Class, name: String::from("video-rich") }, layer).unwrap()
}

const PICTURE: Picture = Picture {
    width: 640,
    height: 480,
    orientation: 1,
    colour: Colour::Ycc { across: true, down: true },
    alpha: false,
    progressive: false,
    frames: 1,
    duration_ms: 0,
    metadata: false,
    gps: false,
};
const CAMERA: Picture = Picture { width: 4000, height: 3000, metadata: true, gps: true, ..PICTURE };
const NOTE: Sound =
    Sound { codec: SoundCodec::Opus, rate: 48_000, channels: 1, duration_ms: 10_000, bit_rate: 24_000 };
const SPEECH: Sound =
    Sound { codec: SoundCodec::Amr, rate: 8_000, channels: 1, duration_ms: 10_000, bit_rate: 12_200 };
const CLIP: Video = Video {
    codec: VideoCodec::H264,
    profile: 100,
    level: 31,
    width: 1280,
    height: 720,
    rotation: 0,
    millihertz: 30_000,
    duration_ms: 10_000,
    bit_rate: 8_000_000,
    sound: Some(Sound {
        codec: SoundCodec::Aac,
        rate: 48_000,
        channels: 2,
        duration_ms: 10_000,
        bit_rate: 128_000,
    }),
    brand: *b"isom",
    fast_start: true,
    extras: false,
};

fn facts(format: Format, octets: u64, detail: Detail) -> Facts {
    Facts { format, octets, detail, fault: None }
}

fn jpeg(octets: u64, picture: Picture) -> Facts {
    facts(Format::Jpeg, octets, Detail::Picture(picture))
}

fn text(charset: &str, octets: u64) -> Facts {
    let detail = Text { charset: String::from(charset), version: String::new() };
    facts(Format::Text, octets, Detail::Text(detail))
}

fn part(facts: &Facts) -> Part<'_> {
    Part {
        facts,
        header_octets: 120,
        role: Role::Media,
        sealed: false,
        anew: false,
        required: false,
        transfer: Transfer::Base64,
    }
}

fn planned(all: &[Facts], profile: &Profile) -> Plan {
    let parts: Vec<Part<'_>> = all.iter().map(part).collect();
    plan(&parts, profile, &Frame::default())
}
