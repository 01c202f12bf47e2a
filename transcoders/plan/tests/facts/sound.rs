//! Sound by itself: codec, rate, and a duration that is counted.

use cedrat_plan::{
    facts::{Detail, Sound},
    format::{Format, SoundCodec},
    job::FaultKind,
};

use crate::{build::*, read, read_as};

fn sound(format: Format, octets: &[u8]) -> Sound {
    let facts = read(octets);
    assert_eq!((facts.format, facts.fault), (format, None));
    match facts.detail {
        Detail::Sound(sound) => sound,
        other => panic!("{other:?}"),
    }
}

/// One frame of a frame type.
fn amr_frame(kind: u8, octets: usize) -> Vec<u8> {
    let mut frame = vec![0x55; octets];
    frame[0] = kind << 3 | 4;
    frame
}

#[test]
fn every_rate_of_amr_is_read_to_the_frame() {
    let narrow = [
        (13, 4_750),
        (14, 5_150),
        (16, 5_900),
        (18, 6_700),
        (20, 7_400),
        (21, 7_950),
        (27, 10_200),
        (32, 12_200),
    ];
    let wide = [
        (18, 6_600),
        (24, 8_850),
        (33, 12_650),
        (37, 14_250),
        (41, 15_850),
        (47, 18_250),
        (51, 19_850),
        (59, 23_050),
        (61, 23_850),
    ];
    let tables: [(&[u8], Format, u32, &[(usize, u32)]); 2] =
        [(b"#!AMR\n", Format::Amr, 8_000, &narrow), (b"#!AMR-WB\n", Format::AmrWb, 16_000, &wide)];
    for (magic, format, rate, modes) in tables {
        for (kind, (octets, bit_rate)) in (0..).zip(modes) {
            let found = sound(format, &join(&[magic, &amr_frame(kind, *octets).repeat(50)]));
            assert_eq!(
                (found.duration_ms, found.bit_rate, found.rate, found.channels),
                (1000, *bit_rate, rate, 1)
            );
        }
    }
}

#[test]
fn silence_counts_as_time_and_a_frame_cut_off_does_not() {
    let octets =
        join(&[b"#!AMR\n", &amr_frame(7, 32), &amr_frame(8, 6), &amr_frame(15, 1), &amr_frame(7, 20)]);
    let found = sound(Format::Amr, &octets);
    assert_eq!((found.duration_ms, found.bit_rate), (60, 12_200 / 3));
    assert_eq!(read(b"#!AMR\n").fault.unwrap().kind, FaultKind::Damaged);
}

/// Frames of 128 kbit/s at 44.1 kHz stereo.
pub(crate) fn mp3(frames: usize) -> Vec<u8> {
    let mut frame = vec![0; 417];
    frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x90, 0x00]);
    frame.repeat(frames)
}

#[test]
fn mp3_frames_are_counted_behind_a_tag_and_without_the_silent_first() {
    let plain = sound(Format::Mp3, &mp3(100));
    assert_eq!((plain.codec, plain.rate, plain.channels), (SoundCodec::Mp3, 44_100, 2));
    assert_eq!((plain.duration_ms, plain.bit_rate), (100 * 1152 * 1000 / 44_100, 127_706));
    let tag = join(&[b"ID3\x03\0\0\0\0\x01\x00", &[0; 128]]);
    assert_eq!(sound(Format::Mp3, &join(&[&tag, &mp3(100), b"TAG", &[0; 125]])), plain);
    let mut described = mp3(101);
    described[36..40].copy_from_slice(b"Xing");
    assert_eq!(sound(Format::Mp3, &described).duration_ms, plain.duration_ms);
}

#[test]
fn one_frame_header_is_sound_only_when_it_is_said_to_be() {
    let start = &mp3(1)[..300];
    assert_eq!(read(start).format, Format::Unknown);
    assert_eq!(read_as(start, "audio/mpeg", None).format, Format::Mp3);
    assert_eq!(read_as(start, "", Some("ring.mp3")).format, Format::Mp3);
    assert_eq!(read_as(b"no sound at all", "audio/mpeg", None).format, Format::Text);
}

/// Frames of 100 octets at 16 kHz mono.
pub(crate) fn adts(frames: usize) -> Vec<u8> {
    let mut frame = [0; 100];
    frame[..7].copy_from_slice(&[0xFF, 0xF1, 0x60, 0x40, 0x0C, 0x9F, 0xFC]);
    frame.repeat(frames)
}

#[test]
fn adts_frames_are_counted() {
    let found = sound(Format::Aac, &adts(50));
    assert_eq!((found.codec, found.rate, found.channels), (SoundCodec::Aac, 16_000, 1));
    assert_eq!((found.duration_ms, found.bit_rate), (3200, 12_500));
    let tagged = join(&[b"ID3\x04\0\0\0\0\0\x04", &[0; 4], &adts(50)]);
    assert_eq!(sound(Format::Aac, &tagged), found);
}

/// Two seconds of Opus.
pub(crate) fn opus() -> Vec<u8> {
    let head = join(&[b"OpusHead", &[1, 1], &312_u16.to_le_bytes(), &16_000_u32.to_le_bytes(), &[0; 3]]);
    join(&[&page(2, 0, 7, &head), &page(0, u64::MAX, 7, &[1; 600]), &page(4, 96_312, 7, &[1; 300])])
}

#[test]
fn an_ogg_stream_lasts_as_long_as_its_last_page_says() {
    let found = sound(Format::Ogg, &opus());
    assert_eq!(
        (found.codec, found.rate, found.channels, found.duration_ms),
        (SoundCodec::Opus, 48_000, 1, 2000)
    );
    let vorbis = join(&[
        b"\x01vorbis",
        &[0; 4],
        &[2],
        &44_100_u32.to_le_bytes(),
        &[0; 4],
        &96_000_u32.to_le_bytes(),
        &[0; 4],
    ]);
    let found = sound(Format::Ogg, &join(&[&page(2, 0, 1, &vorbis), &page(4, 44_100, 1, &[0])]));
    assert_eq!(
        (found.codec, found.channels, found.duration_ms, found.bit_rate),
        (SoundCodec::Vorbis, 2, 1000, 96_000)
    );
    let theora = join(&[&page(2, 0, 9, b"\x80theora"), &opus()]);
    assert_eq!(read(&theora).fault.unwrap().kind, FaultKind::Unsupported);
    assert_eq!(read(&opus()[..900]).fault.unwrap().kind, FaultKind::Damaged);
}

/// Three seconds at 8 kHz.
pub(crate) fn flac() -> Vec<u8> {
    let bits: u64 = 8000 << 44 | 15 << 36 | 24_000;
    join(&[b"fLaC", &[0x80, 0, 0, 34], &[0; 10], &bits.to_be_bytes(), &[0; 16]])
}

#[test]
fn a_flac_file_says_its_samples() {
    let found = sound(Format::Flac, &flac());
    assert_eq!((found.rate, found.channels, found.duration_ms), (8000, 1, 3000));
}

#[test]
fn a_wave_file_lasts_as_long_as_its_data() {
    for (tag, codec) in [
        (1, SoundCodec::Pcm),
        (6, SoundCodec::Pcm),
        (7, SoundCodec::Pcm),
        (0x11, SoundCodec::Other),
        (0x55, SoundCodec::Mp3),
    ] {
        let format = riff_chunk(b"fmt ", &wave_format(tag, 1, 8000, 8000));
        let found = sound(Format::Wav, &riff(b"WAVE", &[format, riff_chunk(b"data", &[0; 4000])]));
        assert_eq!((found.codec, found.rate, found.channels), (codec, 8000, 1));
        assert_eq!((found.duration_ms, found.bit_rate), (500, 64_000));
    }
    let adpcm = riff_chunk(b"fmt ", &wave_format(0x11, 1, 8000, 3000));
    let samples = riff_chunk(b"fact", &8000_u32.to_le_bytes());
    let told = riff(b"WAVE", &[adpcm, samples, riff_chunk(b"data", &[0; 4096])]);
    assert_eq!(sound(Format::Wav, &told).duration_ms, 1000);
    let format = riff_chunk(b"fmt ", &wave_format(1, 1, 8000, 16_000));
    let whole = riff(b"WAVE", &[format, riff_chunk(b"data", &[0; 4000])]);
    assert_eq!(read(&whole[..3000]).fault.unwrap().kind, FaultKind::Damaged);
}

/// Ten packets of QCELP at full rate.
pub(crate) fn qcp() -> Vec<u8> {
    let identifier =
        [0x41, 0x6D, 0x7F, 0x5E, 0x15, 0xB1, 0xD0, 0x11, 0xBA, 0x91, 0, 0x80, 0x5F, 0xB4, 0xB9, 0x7E];
    let format = join(&[
        &[1, 0],
        &identifier,
        &[0; 82],
        &13_000_u16.to_le_bytes(),
        &[35, 0, 160, 0, 0x40, 0x1F, 16, 0],
        &[0; 40],
    ]);
    let variable = riff_chunk(b"vrat", &join(&[&1_u32.to_le_bytes(), &10_u32.to_le_bytes()]));
    riff(b"QLCM", &[riff_chunk(b"fmt ", &format), variable, riff_chunk(b"data", &[0; 350])])
}

#[test]
fn qcelp_says_its_packets() {
    let found = sound(Format::Qcp, &qcp());
    assert_eq!((found.codec, found.rate, found.duration_ms), (SoundCodec::Qcelp, 8000, 200));
}

#[test]
fn midi_and_its_wrappers_are_known() {
    for octets in [b"MThd\0\0\0\x06".to_vec(), b"XMF_2.00".to_vec(), riff(b"RMID", &[])] {
        assert_eq!(sound(Format::Midi, &octets).codec, SoundCodec::Midi);
    }
}
