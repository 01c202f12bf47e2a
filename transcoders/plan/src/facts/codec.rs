//! What codecs say about themselves in the records that containers carry for them.

use super::cursor::{Bits, Cursor, find};
use crate::format::{SoundCodec, VideoCodec};

/// Profile and level as [`super::Video`] has them.
pub(super) type ProfileLevel = (u8, u8);

/// `AVCDecoderConfigurationRecord`, ISO/IEC 14496-15 §5.3.3.1.
pub(super) fn avc(record: &[u8]) -> Option<ProfileLevel> {
    let [1, profile, constraints, level] = *record.first_chunk()? else { return None };
    // Level 1b is written as 1.1 with constraint_set3_flag in the profiles of the first edition.
    let is_1b = level == 11 && constraints & 0x10 != 0 && matches!(profile, 66 | 77 | 88);
    Some((profile, if is_1b { 9 } else { level }))
}

/// `HEVCDecoderConfigurationRecord`, ISO/IEC 14496-15 §8.3.3.1. Levels are written times thirty.
pub(super) fn hevc(record: &[u8]) -> Option<ProfileLevel> {
    Some((record.get(1)? & 0x1F, record.get(12)? / 3))
}

/// `profile_and_level_indication` of a visual object sequence, ISO/IEC 14496-2 table G.1: the
/// profile is the upper half. Simple profile (0) has levels 1 to 6, 8 for 0, and 9 for 0b.
pub(super) fn mpeg4(config: &[u8]) -> Option<ProfileLevel> {
    let indication = config.get(find(config, &[0, 0, 1, 0xB0])? + 4)?;
    Some((indication >> 4, indication & 15))
}

/// Sound as a record describes it; 0 = not said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Described {
    pub(super) codec: SoundCodec,
    pub(super) rate: u32,
    pub(super) channels: u16,
}

/// Samples a second by index, ISO/IEC 14496-3 table 1.18.
const AAC_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// Rate of an index below 13.
pub(super) fn aac_rate(index: u32) -> Option<u32> {
    AAC_RATES.get(usize::try_from(index).ok()?).copied()
}

/// Channels of a channel configuration; 0 = told elsewhere.
pub(super) fn aac_channels(configuration: u32) -> u16 {
    match configuration {
        7 => 8,
        other => u16::try_from(other).unwrap_or(0),
    }
}

/// `AudioSpecificConfig`, ISO/IEC 14496-3 §1.6.2.1. The rate is the one that comes out: twice the
/// core rate with SBR.
pub(super) fn aac(config: &[u8]) -> Option<Described> {
    let mut bits = Bits::new(config);
    let mut object = object_type(&mut bits)?;
    let mut rate = sampling_rate(&mut bits)?;
    let channels = aac_channels(bits.take(4)?);
    let mut high_efficiency = false;
    if matches!(object, 5 | 29) {
        high_efficiency = true;
        rate = sampling_rate(&mut bits)?;
        object = object_type(&mut bits)?;
    } else if object == 2
        && let Some(extension) = extension(&mut bits, channels)
    {
        high_efficiency = true;
        rate = extension;
    }
    let codec = match object {
        2 | 22 if high_efficiency => SoundCodec::HeAac,
        2 => SoundCodec::Aac,
        34 => SoundCodec::Mp3,
        _ => SoundCodec::Other,
    };
    Some(Described { codec, rate, channels })
}

fn object_type(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.take(5)? {
        31 => Some(32 + bits.take(6)?),
        object => Some(object),
    }
}

fn sampling_rate(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.take(4)? {
        15 => bits.take(24),
        index => aac_rate(index),
    }
}

/// SBR announced behind a configuration that an old decoder reads: the rate with it.
fn extension(bits: &mut Bits<'_>, channels: u16) -> Option<u32> {
    bits.take(1)?;
    if bits.take(1)? == 1 {
        bits.take(14)?;
    }
    // A program configuration or an extension would have to be read to find what follows it.
    if bits.take(1)? == 1 || channels == 0 || bits.take(11)? != 0x2B7 {
        return None;
    }
    (object_type(bits)? == 5 && bits.take(1)? == 1).then(|| sampling_rate(bits)).flatten()
}

/// What an `ES_Descriptor` holds, ISO/IEC 14496-1 §7.2.6.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream<'a> {
    /// `objectTypeIndication`.
    pub(super) object: u8,
    /// Bits a second on average; 0 = not said.
    pub(super) bit_rate: u32,
    /// `DecoderSpecificInfo`.
    pub(super) config: &'a [u8],
}

/// Reads the descriptors of an `esds` box, without its version and flags.
pub(super) fn stream(descriptors: &[u8]) -> Option<Stream<'_>> {
    let mut cursor = Cursor::new(descriptor(&mut Cursor::new(descriptors), 3)?);
    cursor.skip(2)?;
    let flags = cursor.u8()?;
    if flags & 0x80 != 0 {
        cursor.skip(2)?;
    }
    if flags & 0x40 != 0 {
        let length = cursor.u8()?;
        cursor.skip(usize::from(length))?;
    }
    if flags & 0x20 != 0 {
        cursor.skip(2)?;
    }
    let mut cursor = Cursor::new(descriptor(&mut cursor, 4)?);
    let object = cursor.u8()?;
    cursor.skip(8)?;
    let bit_rate = cursor.u32_be()?;
    Some(Stream { object, bit_rate, config: descriptor(&mut cursor, 5).unwrap_or_default() })
}

fn descriptor<'a>(cursor: &mut Cursor<'a>, tag: u8) -> Option<&'a [u8]> {
    if cursor.u8()? != tag {
        return None;
    }
    let mut length = 0_usize;
    for _ in 0..4 {
        let octet = cursor.u8()?;
        length = length << 7 | usize::from(octet & 0x7F);
        if octet & 0x80 == 0 {
            break;
        }
    }
    Some(cursor.take_up_to(length))
}

/// Picture by `objectTypeIndication`, registration authority of MPEG-4.
pub(super) const fn object_video(object: u8) -> VideoCodec {
    match object {
        0x20 => VideoCodec::Mpeg4,
        0x21 => VideoCodec::H264,
        0x23 => VideoCodec::Hevc,
        0x60..=0x65 | 0x6A => VideoCodec::Mpeg2,
        0x6C => VideoCodec::Mjpeg,
        _ => VideoCodec::Other,
    }
}

/// Sound by `objectTypeIndication`.
pub(super) const fn object_sound(object: u8) -> SoundCodec {
    match object {
        0x40 | 0x66..=0x68 => SoundCodec::Aac,
        0x69 | 0x6B => SoundCodec::Mp3,
        0xA0 => SoundCodec::Evrc,
        0xAD => SoundCodec::Opus,
        0xDD => SoundCodec::Vorbis,
        0xE1 => SoundCodec::Qcelp,
        _ => SoundCodec::Other,
    }
}

/// Sound by the tag of a `WAVEFORMATEX`.
pub(super) const fn wave(tag: u16) -> SoundCodec {
    match tag {
        0x0001 | 0x0003 | 0x0006 | 0x0007 => SoundCodec::Pcm,
        0x0055 => SoundCodec::Mp3,
        0x00FF => SoundCodec::Aac,
        0x0057 => SoundCodec::Amr,
        0x0058 => SoundCodec::AmrWb,
        0xF1AC => SoundCodec::Flac,
        _ => SoundCodec::Other,
    }
}

/// Picture by the four characters of AVI, in any case.
pub(super) fn four_characters(code: [u8; 4]) -> VideoCodec {
    match &code.map(|letter| letter.to_ascii_uppercase()) {
        b"H264" | b"X264" | b"AVC1" | b"DAVC" => VideoCodec::H264,
        b"HEVC" | b"H265" | b"X265" | b"HVC1" | b"HEV1" => VideoCodec::Hevc,
        b"DIVX" | b"XVID" | b"DX50" | b"MP4V" | b"FMP4" | b"MP4S" | b"M4S2" => VideoCodec::Mpeg4,
        b"H263" | b"S263" | b"U263" | b"VIVO" => VideoCodec::H263,
        b"MJPG" | b"AVRN" | b"JPEG" | b"LJPG" => VideoCodec::Mjpeg,
        b"MPG1" | b"MPG2" | b"MPEG" | b"PIM1" => VideoCodec::Mpeg2,
        b"VP80" => VideoCodec::Vp8,
        b"VP90" => VideoCodec::Vp9,
        b"AV01" => VideoCodec::Av1,
        _ => VideoCodec::Other,
    }
}
