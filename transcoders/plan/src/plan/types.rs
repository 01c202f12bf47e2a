//! What a profile takes as it is: media types, then codecs inside a container.
//!
//! Types of a profile are compared with the one name of each format; the aliases in documents of
//! handsets are resolved where profiles are read.

use crate::{
    facts::{Sound, Video},
    format::{Format, Kind, SoundCodec},
    profile::{Profile, Size, SoundOffer, VideoOffer},
};

/// Whether a profile takes a format.
///
/// `image/*`, `audio/*` and `video/*` of a handset mean what MMS clients show and play, not every
/// format that was invented later; `*/*` is meant.
#[must_use]
pub fn accepts(profile: &Profile, format: Format) -> bool {
    let name = format.media_type();
    profile.types.value.iter().any(|taken| {
        taken == name
            || taken == "*/*"
            || taken
                .strip_suffix('*')
                .is_some_and(|family| family.ends_with('/') && name.starts_with(family) && usual(format))
    })
}

/// Whether it takes whatever there is, as a mail client does.
pub(super) fn anything(profile: &Profile) -> bool {
    profile.types.value.iter().any(|taken| taken == "*/*")
}

const fn usual(format: Format) -> bool {
    match format.kind() {
        Kind::Picture => {
            matches!(format, Format::Bmp | Format::Gif | Format::Jpeg | Format::Png | Format::Wbmp)
        }
        Kind::Sound => matches!(
            format,
            Format::Aac
                | Format::Amr
                | Format::AmrWb
                | Format::Midi
                | Format::Mp3
                | Format::Mp4Sound
                | Format::ThreeGpSound
                | Format::Wav
        ),
        Kind::Video => matches!(format, Format::Mp4 | Format::ThreeG2 | Format::ThreeGp),
        Kind::Card | Kind::Document | Kind::Presentation | Kind::Text => true,
    }
}

/// Whether sound in this container is played as it is.
///
/// Offers for the container decide; a format that holds one codec only needs its type alone. A
/// container without offers is taken when its codec is offered somewhere.
pub(super) fn plays_sound(profile: &Profile, format: Format, sound: &Sound) -> bool {
    if anything(profile) {
        return true;
    }
    let offers = &profile.sounds.value;
    if offers.iter().any(|offer| offer.format == format) {
        return offers.iter().any(|offer| offer.format == format && suits_sound(offer, sound));
    }
    let one_codec = matches!(
        format,
        Format::Aac
            | Format::Amr
            | Format::AmrWb
            | Format::Flac
            | Format::Midi
            | Format::Mp3
            | Format::Qcp
            | Format::Wav
    );
    accepts(profile, format) && (one_codec || offers.iter().any(|offer| suits_sound(offer, sound)))
}

/// Whether an offer covers sound of this kind, whatever its container.
pub(super) const fn suits_sound(offer: &SoundOffer, sound: &Sound) -> bool {
    same_sound(offer.codec, sound.codec)
        && (offer.max_rate == 0 || sound.rate <= offer.max_rate)
        && (offer.max_channels == 0 || sound.channels <= offer.max_channels)
}

/// Whether one decoder plays both: SBR needs its own, plain AAC plays in a decoder of SBR.
const fn same_sound(offered: SoundCodec, codec: SoundCodec) -> bool {
    offered as u8 == codec as u8 || (matches!(offered, SoundCodec::HeAac) && matches!(codec, SoundCodec::Aac))
}

/// Whether video in this container is played as it is.
pub(super) fn plays_video(profile: &Profile, format: Format, video: &Video) -> bool {
    if anything(profile) {
        return true;
    }
    let offers = &profile.videos.value;
    if offers.iter().any(|offer| offer.format == format) {
        return offers.iter().any(|offer| offer.format == format && suits_video(offer, video));
    }
    accepts(profile, format) && offers.iter().any(|offer| suits_video(offer, video))
}

/// Whether an offer covers streams of this kind, whatever their container.
///
/// A track that is turned by its matrix is not: handsets that ignore it show it lying.
pub(super) fn suits_video(offer: &VideoOffer, video: &Video) -> bool {
    let sound = video.sound.is_none_or(|sound| same_sound(offer.sound, sound.codec));
    offer.codec == video.codec
        && sound
        && video.rotation == 0
        && (offer.level == 0 || video.level == 0 || level(video.level) <= level(offer.level))
        && within((video.width, video.height), offer.size)
        && (offer.max_millihertz == 0
            || video.millihertz <= offer.max_millihertz.saturating_add(SLACK_MILLIHERTZ))
        && (offer.max_bit_rate == 0 || video.bit_rate <= offer.max_bit_rate)
}

/// A clip "of 15 frames a second" counts 15.03 when its last frame is short.
const SLACK_MILLIHERTZ: u32 = 500;

/// Levels in their order: 1b (9) lies between 1.0 (10) and 1.1 (11).
const fn level(level: u8) -> u16 {
    match level {
        9 => 105,
        other => other as u16 * 10,
    }
}

/// Whether pixels fit into a box as it stands: handsets that take 640x480 do not promise 480x640.
pub(super) const fn within((width, height): (u32, u32), size: Size) -> bool {
    width <= size.width && height <= size.height
}
