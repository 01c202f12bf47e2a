//! Containers with tracks: 3GPP, 3GPP2, MP4, QuickTime, Matroska, AVI, MPEG.

use cedrat_plan::{
    facts::{Detail, Sound, Video},
    format::{Format, SoundCodec, VideoCodec},
    job::FaultKind,
    limits::Limits,
};

use crate::{build::*, read, read_as, read_within};

fn video(format: Format, octets: &[u8]) -> Video {
    let facts = read(octets);
    assert_eq!((facts.format, facts.fault), (format, None));
    match facts.detail {
        Detail::Video(video) => video,
        other => panic!("{other:?}"),
    }
}

fn sound(format: Format, octets: &[u8]) -> Sound {
    let facts = read(octets);
    assert_eq!((facts.format, facts.fault), (format, None));
    match facts.detail {
        Detail::Sound(sound) => sound,
        other => panic!("{other:?}"),
    }
}

fn fault(octets: &[u8]) -> FaultKind {
    read(octets).fault.unwrap().kind
}

#[test]
fn a_clip_of_a_handset_says_everything() {
    let octets = movie(b"3gp5", &[h263(), amr()]);
    let found = video(Format::ThreeGp, &octets);
    assert_eq!((found.codec, found.profile, found.level), (VideoCodec::H263, 0, 10));
    assert_eq!((found.width, found.height, found.rotation, found.millihertz), (176, 144, 0, 15_151));
    assert_eq!(found.duration_ms, 10_000);
    assert_eq!(u64::from(found.bit_rate), octets.len() as u64 * 8 / 10);
    assert_eq!((found.brand, found.fast_start, found.extras), (*b"3gp5", true, false));
    let sound = found.sound.unwrap();
    assert_eq!((sound.codec, sound.rate, sound.channels), (SoundCodec::Amr, 8000, 1));
    assert_eq!((sound.duration_ms, sound.bit_rate), (10_000, 12_800));
}

#[test]
fn brands_and_tracks_make_the_format() {
    let formats: [(&[u8; 4], Format, Format); 12] = [
        (b"3gp4", Format::ThreeGp, Format::ThreeGpSound),
        (b"3gr6", Format::ThreeGp, Format::ThreeGpSound),
        (b"3gs7", Format::ThreeGp, Format::ThreeGpSound),
        (b"3ge6", Format::ThreeGp, Format::ThreeGpSound),
        (b"3g2a", Format::ThreeG2, Format::ThreeG2Sound),
        (b"mp42", Format::Mp4, Format::Mp4Sound),
        (b"isom", Format::Mp4, Format::Mp4Sound),
        (b"iso2", Format::Mp4, Format::Mp4Sound),
        (b"avc1", Format::Mp4, Format::Mp4Sound),
        (b"M4A ", Format::Mp4, Format::Mp4Sound),
        (b"M4V ", Format::Mp4, Format::Mp4Sound),
        (b"qt  ", Format::Mov, Format::Mov),
    ];
    for (major, with_picture, without) in formats {
        assert_eq!(video(with_picture, &movie(major, &[h263()])).brand, *major);
        assert_eq!(sound(without, &movie(major, &[amr()])).codec, SoundCodec::Amr);
    }
    let unknown =
        join(&[&brand(b"zzzz", &[b"yyyy", b"3gp6", b"isom"]), &moov(&[h263()], &[]), &iso(b"mdat", &[0])]);
    assert_eq!(video(Format::ThreeGp, &unknown).width, 176);
    let old = join(&[&moov(&[h263()], &[]), &iso(b"mdat", &[0])]);
    assert_eq!(video(Format::Mov, &old).brand, [0; 4]);
    assert_eq!(read(&join(&[&brand(b"crx ", &[]), &moov(&[h263()], &[])])).format, Format::Unknown);
}

#[test]
fn the_claim_decides_only_when_no_track_does() {
    let head = brand(b"3gp4", &[]);
    assert_eq!(read_as(&head, "audio/3gpp", None).format, Format::ThreeGpSound);
    assert_eq!(read_as(&head, "video/3gpp", None).format, Format::ThreeGp);
    assert_eq!(read_as(&movie(b"3gp4", &[h263()]), "audio/3gpp", None).format, Format::ThreeGp);
    assert_eq!(fault(&head), FaultKind::Damaged);
}

#[test]
fn every_picture_codec_is_known_with_profile_and_level() {
    let avc = |profile: u8, constraints: u8, level: u8| iso(b"avcC", &[1, profile, constraints, level, 0xFF]);
    let hevc = iso(b"hvcC", &[1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 93]);
    let entries: [(&[u8; 4], Vec<u8>, VideoCodec, u8, u8); 15] = [
        (b"s263", iso(b"d263", b"cedr\0\x2D\x03"), VideoCodec::H263, 3, 45),
        (b"h263", Vec::new(), VideoCodec::H263, 0, 0),
        (b"avc1", avc(66, 0xC0, 30), VideoCodec::H264, 66, 30),
        (b"avc1", avc(66, 0x10, 11), VideoCodec::H264, 66, 9),
        (b"avc1", avc(100, 0x10, 11), VideoCodec::H264, 100, 11),
        (b"avc3", avc(77, 0, 31), VideoCodec::H264, 77, 31),
        (b"hvc1", hevc.clone(), VideoCodec::Hevc, 1, 31),
        (b"hev1", hevc, VideoCodec::Hevc, 1, 31),
        (b"vp08", Vec::new(), VideoCodec::Vp8, 0, 0),
        (b"vp09", iso(b"vpcC", &[1, 0, 0, 0, 0, 10]), VideoCodec::Vp9, 0, 10),
        (b"av01", Vec::new(), VideoCodec::Av1, 0, 0),
        (b"mp4v", esds(0x20, &[0, 0, 1, 0xB0, 0x08, 0, 0, 1, 0xB5]), VideoCodec::Mpeg4, 0, 8),
        (b"mp4v", esds(0x20, &[0, 0, 1, 0xB0, 0xF3]), VideoCodec::Mpeg4, 15, 3),
        (b"mp4v", esds(0x61, &[]), VideoCodec::Mpeg2, 0, 0),
        (b"zzzz", Vec::new(), VideoCodec::Other, 0, 0),
    ];
    for (kind, boxes, codec, profile, level) in entries {
        let found = video(Format::Mp4, &movie(b"isom", &[Track::video(visual(kind, 320, 240, &boxes))]));
        assert_eq!((found.codec, found.profile, found.level), (codec, profile, level), "{kind:?}");
        assert_eq!((found.width, found.height), (320, 240));
    }
}

#[test]
fn every_sound_codec_is_known() {
    // AAC-LC 44.1 kHz stereo; SBR announced first, behind, and not at all; MP3 in disguise.
    let entries: [(&[u8; 4], Vec<u8>, SoundCodec, u32, u16); 16] = [
        (b"samr", Vec::new(), SoundCodec::Amr, 8_000, 1),
        (b"sawb", Vec::new(), SoundCodec::AmrWb, 16_000, 1),
        (b"mp4a", esds(0x40, &[0x12, 0x10]), SoundCodec::Aac, 44_100, 2),
        (b"mp4a", esds(0x40, &[0x2B, 0x92, 0x08, 0x00]), SoundCodec::HeAac, 44_100, 2),
        (b"mp4a", esds(0x40, &[0xEB, 0x8A, 0x08, 0x00]), SoundCodec::HeAac, 44_100, 1),
        (b"mp4a", esds(0x40, &[0x13, 0x90, 0x56, 0xE5, 0xA0]), SoundCodec::HeAac, 44_100, 2),
        (b"mp4a", esds(0x40, &[0x0A, 0x10]), SoundCodec::Other, 44_100, 2),
        (b"mp4a", esds(0x6B, &[]), SoundCodec::Mp3, 22_050, 2),
        (b"mp4a", esds(0x69, &[]), SoundCodec::Mp3, 22_050, 2),
        (b"mp4a", esds(0xE1, &[]), SoundCodec::Qcelp, 22_050, 2),
        (b"sevc", Vec::new(), SoundCodec::Evrc, 8_000, 1),
        (b"sqcp", Vec::new(), SoundCodec::Qcelp, 8_000, 1),
        (b"Opus", Vec::new(), SoundCodec::Opus, 48_000, 2),
        (b"fLaC", Vec::new(), SoundCodec::Flac, 22_050, 2),
        (b"sowt", Vec::new(), SoundCodec::Pcm, 22_050, 2),
        (b"zzzz", Vec::new(), SoundCodec::Other, 22_050, 2),
    ];
    for (kind, boxes, codec, rate, channels) in entries {
        let found =
            sound(Format::Mp4Sound, &movie(b"mp42", &[Track::sound(audible(kind, 2, 22_050, &boxes))]));
        assert_eq!((found.codec, found.rate, found.channels), (codec, rate, channels), "{kind:?} {boxes:?}");
    }
    let wrapped = iso(b"wave", &join(&[&iso(b"frma", b"mp4a"), &esds(0x40, &[0x12, 0x10])]));
    let mut entry = audible(b"mp4a", 2, 22_050, &join(&[&[0; 16], &wrapped]));
    entry[17] = 1;
    assert_eq!(sound(Format::Mov, &movie(b"qt  ", &[Track::sound(entry)])).rate, 44_100);
}

#[test]
fn a_track_is_turned_by_its_matrix() {
    const ONE: i32 = 0x10000;
    for (matrix, rotation) in [
        ([ONE, 0, 0, ONE], 0),
        ([0, ONE, -ONE, 0], 90),
        ([-ONE, 0, 0, -ONE], 180),
        ([0, -ONE, ONE, 0], 270),
        ([-ONE, 0, 0, ONE], 0),
    ] {
        let found = video(Format::ThreeGp, &movie(b"3gp4", &[Track { matrix, ..h263() }]));
        assert_eq!(found.rotation, rotation);
        assert_eq!(found.shown(), if rotation % 180 == 0 { (176, 144) } else { (144, 176) });
    }
}

#[test]
fn media_before_the_index_is_no_fast_start() {
    let octets = join(&[&brand(b"3gp4", &[]), &iso(b"mdat", &[0; 64]), &moov(&[h263()], &[])]);
    assert!(!video(Format::ThreeGp, &octets).fast_start);
}

#[test]
fn what_a_handset_does_not_need_is_told() {
    let with = |tracks: &[Track], more: &[u8]| {
        video(Format::ThreeGp, &join(&[&brand(b"3gp4", &[]), &moov(tracks, more), &iso(b"mdat", &[0])]))
            .extras
    };
    assert!(!with(&[h263(), amr()], &[]));
    assert!(!with(&[h263()], &iso(b"udta", &iso(b"titl", b"a title"))));
    assert!(with(&[h263()], &iso(b"udta", &iso(b"\xA9xyz", b"+51.5-000.1/"))));
    assert!(with(&[h263()], &iso(b"udta", &iso(b"loci", &[0; 20]))));
    assert!(with(&[h263()], &iso(b"meta", b"com.apple.quicktime.location.ISO6709")));
    assert!(with(&[Track { user: iso(b"udta", &iso(b"loci", &[0; 20])), ..h263() }], &[]));
    assert!(with(&[h263(), amr(), amr()], &[]));
    assert!(with(&[h263(), h263()], &[]));
    assert!(with(&[h263(), Track { handler: *b"hint", ..h263() }], &[]));
}

#[test]
fn encrypted_tracks_say_what_they_hide() {
    let protection = iso(b"sinf", &iso(b"frma", b"avc1"));
    let facts = read(&movie(b"isom", &[Track::video(visual(b"encv", 320, 240, &protection))]));
    assert_eq!(facts.fault.unwrap().kind, FaultKind::Encrypted);
    assert!(matches!(facts.detail, Detail::Video(Video { codec: VideoCodec::H264, .. })));
    let songs = movie(b"M4A ", &[Track::sound(audible(b"drms", 2, 44_100, &[]))]);
    assert_eq!(fault(&songs), FaultKind::Encrypted);
    assert_eq!(read(&join(&[&brand(b"odcf", &[]), &iso(b"odrm", &[0; 8])])).format, Format::Drm);
}

#[test]
fn an_index_beyond_the_end_is_damage_and_what_is_there_is_told() {
    let whole = join(&[&brand(b"3gp4", &[]), &iso(b"mdat", &[0; 64]), &moov(&[h263(), amr()], &[])]);
    let facts = read(&whole[..whole.len() - 1]);
    assert_eq!(facts.fault.unwrap().detail, "The index of the media goes beyond the end.");
    assert!(matches!(facts.detail, Detail::Video(_)));
    assert_eq!(fault(&whole[..80]), FaultKind::Damaged);
    let cut = movie(b"3gp4", &[h263()]);
    assert_eq!(read(&cut[..cut.len() - 1]).fault.unwrap().detail, "The file ends early.");
}

#[test]
fn tracks_are_counted_and_their_number_is_bounded() {
    let many: Vec<Track> = (0..33).map(|_| amr()).collect();
    let fault = read(&movie(b"3gp4", &many)).fault.unwrap();
    assert_eq!((fault.kind, fault.detail.as_str()), (FaultKind::TooLarge, "tracks: 33, the bound is 32"));
}

#[test]
fn an_endless_clip_is_refused_by_its_header() {
    let track = Track { samples: (u32::MAX / 2, 2), ..h263() };
    let fault = read(&movie(b"3gp4", &[track])).fault.unwrap();
    assert_eq!(
        (fault.kind, fault.detail.as_str()),
        (FaultKind::TooLarge, "milliseconds: 4294967294, the bound is 600000")
    );
    let short = Limits { duration_ms: 9_899, ..Limits::default() };
    assert_eq!(read_within(&movie(b"3gp4", &[h263()]), &short).fault.unwrap().kind, FaultKind::TooLarge);
}

/// Two fragments of 75 and 50 samples, the first with a length of each sample, the second without.
pub(crate) fn fragmented() -> Vec<u8> {
    let track = Track { samples: (0, 0), ..h263() };
    let extends = iso(
        b"mvex",
        &iso(b"trex", &join(&[&[0; 4], &[0, 0, 0, 1], &[0, 0, 0, 1], &40_u32.to_be_bytes(), &[0; 8]])),
    );
    let header = iso(b"tfhd", &[0, 2, 0, 0, 0, 0, 0, 1]);
    let each: Vec<u8> = (0..75).flat_map(|_| 20_u32.to_be_bytes()).collect();
    let told = iso(b"trun", &join(&[&[0, 0, 1, 0], &75_u32.to_be_bytes(), &each]));
    let plain = iso(b"trun", &join(&[&[0; 4], &50_u32.to_be_bytes()]));
    let fragment =
        |run: &[u8]| join(&[&iso(b"moof", &iso(b"traf", &join(&[&header, run]))), &iso(b"mdat", &[0; 9])]);
    join(&[&brand(b"iso5", &[]), &moov(&[track], &extends), &fragment(&told), &fragment(&plain)])
}

#[test]
fn fragments_add_up() {
    let found = video(Format::Mp4, &fragmented());
    assert_eq!((found.duration_ms, found.millihertz), (75 * 20 + 50 * 40, 35_714));
    assert!(found.fast_start);
}

/// A second of `WebM`; without a duration two clusters say it, one of unknown length.
pub(crate) fn webm(codec: &[u8], duration: Option<f32>) -> Vec<u8> {
    let header = element(&[0x1A, 0x45, 0xDF, 0xA3], &element(&[0x42, 0x82], b"webm"));
    let told = duration.map(|duration| element(&[0x44, 0x89], &duration.to_be_bytes())).unwrap_or_default();
    let information = element(
        &[0x15, 0x49, 0xA9, 0x66],
        &join(&[&element(&[0x2A, 0xD7, 0xB1], &[0x0F, 0x42, 0x40]), &told]),
    );
    let size = element(&[0xE0], &join(&[&element(&[0xB0], &[1, 64]), &element(&[0xBA], &[240])]));
    let picture = join(&[
        &element(&[0x83], &[1]),
        &element(&[0x86], codec),
        &element(&[0x23, 0xE3, 0x83], &40_000_000_u32.to_be_bytes()),
        &size,
    ]);
    let rate =
        element(&[0xE1], &join(&[&element(&[0xB5], &48_000_f64.to_be_bytes()), &element(&[0x9F], &[2])]));
    let speech = join(&[&element(&[0x83], &[2]), &element(&[0x86], b"A_OPUS"), &rate]);
    let tracks =
        element(&[0x16, 0x54, 0xAE, 0x6B], &join(&[&element(&[0xAE], &picture), &element(&[0xAE], &speech)]));
    let first = element(
        &[0x1F, 0x43, 0xB6, 0x75],
        &join(&[&element(&[0xE7], &[0]), &element(&[0xA3], &[0x81, 0, 0, 0])]),
    );
    let live = join(&[
        &[0x1F, 0x43, 0xB6, 0x75, 0xFF],
        &element(&[0xE7], &[2, 0]),
        &element(&[0xA3], &[0x81, 0, 88, 0]),
    ]);
    let segment = join(&[&[0x18, 0x53, 0x80, 0x67, 0x01], &[0xFF; 7], &information, &tracks, &first, &live]);
    join(&[&header, &segment])
}

#[test]
fn webm_says_its_tracks_and_how_long_they_are() {
    let found = video(Format::WebM, &webm(b"V_VP8", Some(1000.0)));
    assert_eq!(
        (found.codec, found.width, found.height, found.millihertz),
        (VideoCodec::Vp8, 320, 240, 25_000)
    );
    assert_eq!(found.duration_ms, 1000);
    let sound = found.sound.unwrap();
    assert_eq!(
        (sound.codec, sound.rate, sound.channels, sound.duration_ms),
        (SoundCodec::Opus, 48_000, 2, 1000)
    );
    assert_eq!(video(Format::WebM, &webm(b"V_VP9", None)).duration_ms, 512 + 88);
    let mut matroska = webm(b"V_MPEG4/ISO/AVC", Some(1.0));
    let at = matroska.windows(4).position(|window| window == b"webm").unwrap();
    matroska[at..at + 4].copy_from_slice(b"matr");
    assert_eq!(video(Format::Matroska, &matroska).codec, VideoCodec::H264);
    assert_eq!(read(&matroska[..40]).format, Format::Matroska);
}

/// Two seconds of motion JPEG with A-law.
pub(crate) fn avi() -> Vec<u8> {
    let stream = |kind: &[u8; 4], unit: u32, rate: u32, length: u32, format: &[u8]| {
        let header = join(&[
            kind,
            &[0; 16],
            &unit.to_le_bytes(),
            &rate.to_le_bytes(),
            &[0; 4],
            &length.to_le_bytes(),
            &[0; 20],
        ]);
        riff_chunk(b"LIST", &join(&[b"strl", &riff_chunk(b"strh", &header), &riff_chunk(b"strf", format)]))
    };
    let bitmap = join(&[
        &40_u32.to_le_bytes(),
        &320_u32.to_le_bytes(),
        &240_u32.to_le_bytes(),
        &[1, 0, 24, 0],
        b"MJPG",
        &[0; 20],
    ]);
    let list = join(&[
        b"hdrl",
        &riff_chunk(b"avih", &[0; 56]),
        &stream(b"vids", 1, 15, 30, &bitmap),
        &stream(b"auds", 1, 8000, 16_000, &wave_format(6, 1, 8000, 8000)),
    ]);
    riff(b"AVI ", &[riff_chunk(b"LIST", &list), riff_chunk(b"LIST", b"movi")])
}

#[test]
fn avi_says_its_streams() {
    let found = video(Format::Avi, &avi());
    assert_eq!((found.codec, found.width, found.height), (VideoCodec::Mjpeg, 320, 240));
    assert_eq!((found.millihertz, found.duration_ms), (15_000, 2000));
    assert_eq!(found.sound.unwrap().codec, SoundCodec::Pcm);
}

/// The head of a program stream with 352x288 at 25 frames.
pub(crate) fn program_stream() -> Vec<u8> {
    join(&[&[0, 0, 1, 0xBA], &[0x44; 10], &[0, 0, 1, 0xB3, 0x16, 0x01, 0x20, 0x13, 0, 0, 0, 0]])
}

#[test]
fn mpeg_streams_are_known() {
    let found = video(Format::Mpeg, &program_stream());
    assert_eq!(
        (found.codec, found.width, found.height, found.millihertz),
        (VideoCodec::Mpeg2, 352, 288, 25_000)
    );
    let packet = join(&[&[0x47], &[0; 187]]);
    assert_eq!(read(&packet.repeat(3)).format, Format::Mpeg);
    let camera = join(&[&[0; 4], &packet]);
    assert_eq!(read(&camera.repeat(3)).format, Format::Mpeg);
    assert_eq!(read(&packet.repeat(2)).format, Format::Unknown);
}
