//! What was made: into the descriptor, and read back into facts.

use std::{
    fs::File,
    os::{fd::BorrowedFd, unix::fs::FileExt},
};

use cedrat_plan::{
    facts::{self, Claim, Detail, Facts, Sound, Video},
    format::{Format, SoundCodec, VideoCodec},
    job::{Fault, FaultKind, Made},
    limits::Limits,
};

use crate::{
    av::CodecId,
    sound,
    source::{Source, Track},
    video,
};

/// Writes all octets from the start of an empty file.
pub(crate) fn put(output: Option<&BorrowedFd<'_>>, octets: &[u8]) -> Result<(), Fault> {
    let failed = || Fault::new(FaultKind::OutOfMemory, "the result could not be written");
    let output = output.ok_or_else(failed)?;
    let file = File::from(output.try_clone_to_owned().map_err(|_| failed())?);
    file.write_all_at(octets, 0).map_err(|_| failed())
}

/// The result as the gateway is told of it.
pub(crate) fn made(made: sound::Made, format: Format, limits: &Limits) -> Made {
    let claim = Claim { media_type: format.media_type(), name: None, charset: None };
    let facts = facts::read(&made.octets, &claim, limits);
    Made { facts, quality: 0, encodes: made.encodes, notes: made.notes }
}

/// What the container and the count of its packets say, over what the header said.
pub(crate) fn refine(facts: &Facts, source: &Source<'_>) -> Facts {
    let mut facts = facts.clone();
    let heard = source.sound.as_ref().map(sound_facts);
    facts.detail = match (&source.video, heard, facts.detail) {
        (Some(track), heard, before) => {
            Detail::Video(video_facts(track, heard, &before, source, facts.octets))
        }
        (None, Some(heard), _) => Detail::Sound(heard),
        (None, None, before) => before,
    };
    facts
}

fn sound_facts(track: &Track) -> Sound {
    let stream = &track.stream;
    Sound {
        codec: sound_codec(stream.codec, stream.profile),
        rate: stream.rate,
        channels: stream.channels,
        duration_ms: sound::millis(track.duration()),
        bit_rate: bits_a_second(track.octets, track.duration()),
    }
}

fn video_facts(
    track: &Track,
    heard: Option<Sound>,
    before: &Detail,
    source: &Source<'_>,
    octets: u64,
) -> Video {
    let stream = &track.stream;
    let before = match before {
        Detail::Video(video) => Some(video),
        _ => None,
    };
    let duration = track.duration().max(source.sound.as_ref().map_or(0, Track::duration));
    Video {
        codec: video_codec(stream.codec),
        profile: u8::try_from(stream.profile).unwrap_or(0),
        level: u8::try_from(stream.level).unwrap_or(0),
        width: stream.width,
        height: stream.height,
        rotation: stream.rotation,
        millihertz: (video::track_rate(track).value() * 1000.0).round() as u32,
        duration_ms: sound::millis(duration),
        bit_rate: bits_a_second(octets, duration),
        sound: heard,
        brand: before.map_or([0; 4], |video| video.brand),
        fast_start: before.is_some_and(|video| video.fast_start),
        extras: source.others || before.is_some_and(|video| video.extras),
    }
}

fn bits_a_second(octets: u64, micros: i64) -> u32 {
    match u64::try_from(micros) {
        Ok(micros) if micros > 0 => {
            u32::try_from(u128::from(octets) * 8_000_000 / u128::from(micros)).unwrap_or(u32::MAX)
        }
        _ => 0,
    }
}

fn video_codec(codec: CodecId) -> VideoCodec {
    match codec {
        CodecId::AV_CODEC_ID_AV1 => VideoCodec::Av1,
        CodecId::AV_CODEC_ID_H263 => VideoCodec::H263,
        CodecId::AV_CODEC_ID_H264 => VideoCodec::H264,
        CodecId::AV_CODEC_ID_HEVC => VideoCodec::Hevc,
        CodecId::AV_CODEC_ID_MJPEG => VideoCodec::Mjpeg,
        CodecId::AV_CODEC_ID_MPEG1VIDEO | CodecId::AV_CODEC_ID_MPEG2VIDEO => VideoCodec::Mpeg2,
        CodecId::AV_CODEC_ID_MPEG4 => VideoCodec::Mpeg4,
        CodecId::AV_CODEC_ID_VP8 => VideoCodec::Vp8,
        CodecId::AV_CODEC_ID_VP9 => VideoCodec::Vp9,
        _ => VideoCodec::Other,
    }
}

fn sound_codec(codec: CodecId, profile: i32) -> SoundCodec {
    match codec {
        // FF_PROFILE_AAC_HE and FF_PROFILE_AAC_HE_V2.
        CodecId::AV_CODEC_ID_AAC if profile == 4 || profile == 28 => SoundCodec::HeAac,
        CodecId::AV_CODEC_ID_AAC => SoundCodec::Aac,
        CodecId::AV_CODEC_ID_AMR_NB => SoundCodec::Amr,
        CodecId::AV_CODEC_ID_AMR_WB => SoundCodec::AmrWb,
        CodecId::AV_CODEC_ID_EVRC => SoundCodec::Evrc,
        CodecId::AV_CODEC_ID_FLAC => SoundCodec::Flac,
        CodecId::AV_CODEC_ID_MP3 => SoundCodec::Mp3,
        CodecId::AV_CODEC_ID_OPUS => SoundCodec::Opus,
        CodecId::AV_CODEC_ID_PCM_S16LE
        | CodecId::AV_CODEC_ID_PCM_S16BE
        | CodecId::AV_CODEC_ID_PCM_U8
        | CodecId::AV_CODEC_ID_PCM_S24LE
        | CodecId::AV_CODEC_ID_PCM_F32LE
        | CodecId::AV_CODEC_ID_PCM_ALAW
        | CodecId::AV_CODEC_ID_PCM_MULAW => SoundCodec::Pcm,
        CodecId::AV_CODEC_ID_QCELP => SoundCodec::Qcelp,
        CodecId::AV_CODEC_ID_VORBIS => SoundCodec::Vorbis,
        _ => SoundCodec::Other,
    }
}
