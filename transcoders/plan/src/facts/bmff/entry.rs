//! Sample entries: how the samples of a track are coded. ISO/IEC 14496-12 §12, 14496-14, 14496-15,
//! TS 26.244 §6 (AMR, H.263), C.S0050 (EVRC, QCELP), and what `QuickTime` has beside them.

use super::boxes::{Boxes, child};
use crate::{
    facts::{Sound, Video, codec, cursor::Cursor},
    format::{SoundCodec, VideoCodec},
};

/// One entry, read.
pub(super) struct Entry<T> {
    pub(super) coded: T,
    pub(super) encrypted: bool,
}

impl Entry<Video> {
    pub(super) fn video(kind: [u8; 4], body: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::at(body, 24);
        let (width, height) = (u32::from(cursor.u16_be()?), u32::from(cursor.u16_be()?));
        let extensions = body.get(78..).unwrap_or_default();
        let (kind, encrypted) = original(kind, extensions);
        let codec = match &kind {
            b"s263" | b"h263" | b"H263" | b"U263" => VideoCodec::H263,
            b"avc1" | b"avc2" | b"avc3" | b"avc4" | b"dva1" | b"dvav" => VideoCodec::H264,
            b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => VideoCodec::Hevc,
            b"vp08" => VideoCodec::Vp8,
            b"vp09" => VideoCodec::Vp9,
            b"av01" => VideoCodec::Av1,
            b"jpeg" | b"mjpa" | b"mjpb" | b"mjpg" | b"MJPG" => VideoCodec::Mjpeg,
            b"mp1v" | b"mp2v" | b"m1v1" | b"m2v1" | b"mpeg" => VideoCodec::Mpeg2,
            b"mp4v" => VideoCodec::Mpeg4,
            other => codec::four_characters(*other),
        };
        let mut video = Video { width, height, ..Video::coded(codec) };
        for found in Boxes::new(extensions) {
            let said = match &found.kind {
                b"avcC" => codec::avc(found.body),
                b"hvcC" => codec::hevc(found.body),
                b"d263" => {
                    found.body.get(6).zip(found.body.get(5)).map(|(profile, level)| (*profile, *level))
                }
                b"vpcC" => {
                    found.body.get(4).zip(found.body.get(5)).map(|(profile, level)| (*profile, *level))
                }
                b"esds" => {
                    let stream = found.body.get(4..).and_then(codec::stream);
                    video.codec = stream.map_or(video.codec, |stream| codec::object_video(stream.object));
                    stream.and_then(|stream| codec::mpeg4(stream.config))
                }
                _ => None,
            };
            if let Some(said) = said {
                (video.profile, video.level) = said;
            }
        }
        Some(Self { coded: video, encrypted })
    }
}

impl Entry<Sound> {
    pub(super) fn sound(kind: [u8; 4], body: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::at(body, 8);
        let version = cursor.u16_be()?;
        cursor.skip(6)?;
        let channels = cursor.u16_be()?;
        cursor.skip(6)?;
        let rate = cursor.u32_be()? >> 16;
        // The two later versions of QuickTime have more fields before the extensions.
        let skipped = match version {
            1 => 16,
            2 => 36,
            _ => 0,
        };
        let extensions = body.get(28 + skipped..).unwrap_or_default();
        let (kind, encrypted) = original(kind, extensions);
        let codec = match &kind {
            b"samr" => SoundCodec::Amr,
            b"sawb" => SoundCodec::AmrWb,
            b"sevc" | b"secb" => SoundCodec::Evrc,
            b"sqcp" | b"Qclp" | b"QCLP" => SoundCodec::Qcelp,
            b"mp4a" => SoundCodec::Aac,
            b"Opus" => SoundCodec::Opus,
            b"fLaC" => SoundCodec::Flac,
            b".mp3" | b"ms\0\x55" => SoundCodec::Mp3,
            b"sowt" | b"twos" | b"lpcm" | b"ipcm" | b"fpcm" | b"raw " | b"NONE" | b"in24" | b"in32"
            | b"fl32" | b"fl64" | b"ulaw" | b"alaw" => SoundCodec::Pcm,
            _ => SoundCodec::Other,
        };
        let mut sound = Sound { rate, channels, ..Sound::coded(codec) };
        // The entries of 3GPP repeat template values; these codecs have one rate and one channel.
        match codec {
            SoundCodec::Amr | SoundCodec::Evrc | SoundCodec::Qcelp => {
                (sound.rate, sound.channels) = (8_000, 1)
            }
            SoundCodec::AmrWb => (sound.rate, sound.channels) = (16_000, 1),
            SoundCodec::Opus => sound.rate = 48_000,
            _ => {}
        }
        // QuickTime wraps the descriptor once more.
        let wrapped = child(extensions, b"wave").and_then(|wave| child(wave, b"esds"));
        let descriptors = child(extensions, b"esds").or(wrapped).and_then(|body| body.get(4..));
        if let Some(stream) = descriptors.and_then(codec::stream) {
            sound.codec = codec::object_sound(stream.object);
            sound.bit_rate = stream.bit_rate;
            if let (SoundCodec::Aac, Some(said)) = (sound.codec, codec::aac(stream.config)) {
                sound.codec = said.codec;
                sound.rate = said.rate;
                if said.channels != 0 {
                    sound.channels = said.channels;
                }
            }
        }
        Some(Self { coded: sound, encrypted })
    }
}

/// The code that an encrypted entry hides (`sinf`/`frma`, §8.12), and whether it is one.
fn original(kind: [u8; 4], extensions: &[u8]) -> ([u8; 4], bool) {
    let protection = child(extensions, b"sinf");
    let hidden = protection.and_then(|sinf| child(sinf, b"frma")).and_then(|body| body.first_chunk());
    let encrypted = protection.is_some() || matches!(&kind, b"encv" | b"enca" | b"drmi" | b"drms" | b"drmt");
    (hidden.copied().unwrap_or(kind), encrypted)
}
