//! What one request wants beyond its profile, and how that is laid over it: the last layer
//! ([`Layer::Recipient`]). Both front doors end here, so the same words mean the same in both.
//!
//! What is wanted narrows: pixels, rates and octets never rise above the profile, because media that the
//! handset cannot show help nobody. A type or codec may be one that the profile does not name;
//! whoever asks for it knows why.

use cedrat_plan::{
    format::{Format, Kind, SoundCodec, VideoCodec},
    profile::{Layer, Origin, Partial, Profile, Size, SoundOffer, VideoOffer},
};

/// What is wanted; what is `None` or empty is as the profile says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Media types, lower case.
    pub types: Vec<String>,
    /// Most pixels across.
    pub width: Option<u32>,
    /// Most pixels down.
    pub height: Option<u32>,
    /// Most colours.
    pub colours: Option<u32>,
    /// Codec of sound.
    pub sound: Option<SoundCodec>,
    /// Most samples a second.
    pub rate: Option<u32>,
    /// Most channels.
    pub channels: Option<u16>,
    /// Codec of video.
    pub video: Option<VideoCodec>,
    /// Codec of the sound of a video.
    pub video_sound: Option<SoundCodec>,
    /// Most frames in a thousand seconds.
    pub millihertz: Option<u32>,
    /// Most bits a second of a video.
    pub bit_rate: Option<u32>,
    /// Charset of text, lower case.
    pub charset: Option<String>,
    /// Most octets of the result.
    pub octets: Option<u64>,
}

/// A codec by one of the names that are in use for it.
pub fn sound_codec(name: &str) -> Option<SoundCodec> {
    let name = bare(name);
    Some(match name.as_str() {
        "aac" | "aac-lc" | "mp4a-latm" | "mp4a" => SoundCodec::Aac,
        "amr" | "amr-nb" | "amrnb" | "gsm-amr" => SoundCodec::Amr,
        "amr-wb" | "amrwb" => SoundCodec::AmrWb,
        "mp3" | "mpeg" | "mpeg-layer3" => SoundCodec::Mp3,
        _ => return None,
    })
}

/// A codec by one of the names that are in use for it.
pub fn video_codec(name: &str) -> Option<VideoCodec> {
    let name = bare(name);
    Some(match name.as_str() {
        "h263" | "h.263" | "h263-2000" | "h263-1998" => VideoCodec::H263,
        "h264" | "h.264" | "avc" | "avc1" => VideoCodec::H264,
        "mpeg4" | "mpeg-4" | "mp4v-es" | "mp4v" => VideoCodec::Mpeg4,
        _ => return None,
    })
}

/// `audio/AMR`, `x-amr` and `amr` are one.
fn bare(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    let name = name.rsplit('/').next().unwrap_or(&name);
    name.strip_prefix("x-").unwrap_or(name).to_owned()
}

/// Whether this is `type/subtype`, lower case; `image/*` is one too.
pub fn is_media_type(text: &str) -> bool {
    let token = |text: &str| {
        !text.is_empty()
            && text.len() <= 127
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$&-^_.+*".contains(&b))
    };
    text.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}

/// Container that goes with a codec where none is named.
const fn container(codec: SoundCodec) -> Format {
    match codec {
        SoundCodec::AmrWb => Format::AmrWb,
        SoundCodec::Aac | SoundCodec::HeAac => Format::Mp4Sound,
        SoundCodec::Mp3 => Format::Mp3,
        _ => Format::Amr,
    }
}

/// Codec that goes with a container where none is named.
const fn codec_in(format: Format) -> Option<SoundCodec> {
    Some(match format {
        Format::Amr => SoundCodec::Amr,
        Format::AmrWb => SoundCodec::AmrWb,
        Format::ThreeGpSound => SoundCodec::Amr,
        Format::Aac | Format::Mp4Sound => SoundCodec::Aac,
        Format::Mp3 => SoundCodec::Mp3,
        _ => return None,
    })
}

/// The smaller of two bounds of which 0 is none.
fn tighter(a: u32, b: Option<u32>) -> u32 {
    match b {
        Some(b) if a == 0 || b < a => b,
        _ => a,
    }
}

impl Wanted {
    /// Lays what is wanted over a profile; `name` is the request as `cedrat explain` would name it.
    pub fn lay(&self, profile: &mut Profile, name: &str) {
        let origin = Origin { layer: Layer::Recipient, name: name.to_owned() };
        let layer = self.layer(profile);
        profile.lay(&origin, layer);
    }

    fn layer(&self, profile: &Profile) -> Partial {
        let narrowed = |size: Size| Size {
            width: size.width.min(self.width.unwrap_or(u32::MAX)),
            height: size.height.min(self.height.unwrap_or(u32::MAX)),
        };
        let sized = self.width.is_some() || self.height.is_some();
        let sounds = self.sounds(profile);
        let videos = self.videos(profile, narrowed);
        Partial {
            types: (!self.types.is_empty()).then(|| self.types.clone()),
            max_still: sized.then(|| narrowed(profile.max_still.value)),
            colours: self.colours.map(|colours| tighter(profile.colours.value, Some(colours))),
            charsets: self.charset.clone().map(|charset| vec![charset]),
            sounds: (sounds != profile.sounds.value).then_some(sounds),
            videos: (videos != profile.videos.value).then_some(videos),
            ..Partial::default()
        }
    }

    /// Formats of one kind that the wanted types name; empty = not said.
    fn formats(&self, kind: Kind) -> Vec<Format> {
        Format::ALL
            .iter()
            .copied()
            .filter(|format| format.kind() == kind && self.types.iter().any(|t| t == format.media_type()))
            .collect()
    }

    /// Whether the types leave room for this format.
    fn takes(&self, format: Format) -> bool {
        self.types.is_empty()
            || self.types.iter().any(|t| {
                let all = t.strip_suffix('*');
                t == format.media_type() || all.is_some_and(|all| format.media_type().starts_with(all))
            })
            || self.types.iter().any(|t| t == "*/*")
    }

    fn sounds(&self, profile: &Profile) -> Vec<SoundOffer> {
        let mut offers: Vec<SoundOffer> = profile
            .sounds
            .value
            .iter()
            .copied()
            .filter(|offer| self.takes(offer.format) && self.sound.is_none_or(|codec| codec == offer.codec))
            .collect();
        if offers.is_empty() {
            // Asked for by name although the profile has it not.
            let named = self.formats(Kind::Sound).into_iter().filter_map(|format| {
                let codec = self.sound.or_else(|| codec_in(format))?;
                Some((format, codec))
            });
            let by_codec =
                self.sound.filter(|_| self.types.is_empty()).map(|codec| (container(codec), codec));
            offers.extend(named.chain(by_codec).map(|(format, codec)| SoundOffer {
                format,
                codec,
                max_rate: 0,
                max_channels: 0,
            }));
        }
        for offer in &mut offers {
            offer.max_rate = tighter(offer.max_rate, self.rate);
            let channels = tighter(u32::from(offer.max_channels), self.channels.map(u32::from));
            offer.max_channels = u16::try_from(channels).unwrap_or(u16::MAX);
        }
        offers
    }

    fn videos(&self, profile: &Profile, narrowed: impl Fn(Size) -> Size) -> Vec<VideoOffer> {
        let mut offers: Vec<VideoOffer> = profile
            .videos
            .value
            .iter()
            .copied()
            .filter(|offer| {
                self.takes(offer.format)
                    && self.video.is_none_or(|codec| codec == offer.codec)
                    && self.video_sound.is_none_or(|codec| codec == offer.sound)
            })
            .collect();
        if offers.is_empty() {
            offers.extend(self.asked_for_by_name(profile));
        }
        for offer in &mut offers {
            offer.size = narrowed(offer.size);
            offer.max_millihertz = tighter(offer.max_millihertz, self.millihertz);
            offer.max_bit_rate = tighter(offer.max_bit_rate, self.bit_rate);
        }
        offers
    }

    /// A video that the profile has not, when what is wanted says enough to make one.
    fn asked_for_by_name(&self, profile: &Profile) -> Option<VideoOffer> {
        let named = self.formats(Kind::Video);
        let codec = self.video.or_else(|| {
            named.first().map(|format| match format {
                Format::Mp4 => VideoCodec::H264,
                _ => VideoCodec::H263,
            })
        })?;
        let format = match named.first() {
            Some(format) => *format,
            None if !self.types.is_empty() => return None,
            None if codec == VideoCodec::H263 => Format::ThreeGp,
            None => Format::Mp4,
        };
        let sound = self.video_sound.unwrap_or(if codec == VideoCodec::H263 {
            SoundCodec::Amr
        } else {
            SoundCodec::Aac
        });
        // QCIF is what every H.263 decoder takes; the others go to the screen's size.
        let size =
            if codec == VideoCodec::H263 { Size { width: 176, height: 144 } } else { profile.screen.value };
        let max_millihertz = if codec == VideoCodec::H263 { 15_000 } else { 30_000 };
        Some(VideoOffer { format, codec, sound, level: 0, size, max_millihertz, max_bit_rate: 0 })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
pub mod tests {
    use cedrat_plan::profile::{Counts, OctetLimit, Unit};

    use super::*;

    /// A profile with one kind of sound and one of video.
    pub fn profile() -> Profile {
        let layer = Partial {
            max_octets: Some(OctetLimit { octets: 300_000, unit: Unit::Binary, counts: Counts::Parts }),
            max_still: Some(Size { width: 640, height: 480 }),
            screen: Some(Size { width: 240, height: 320 }),
            colours: Some(0),
            types: Some(vec!["image/jpeg".into(), "audio/amr".into(), "video/3gpp".into()]),
            charsets: Some(vec!["utf-8".into()]),
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
            vcard: Some("2.1".into()),
            vcalendar: Some("1.0".into()),
            keep_metadata: Some(false),
            adapt: Some(true),
        };
        Profile::of(&Origin { layer: Layer::Class, name: "test".into() }, layer).unwrap()
    }

    fn laid(wanted: &Wanted) -> Profile {
        let mut profile = profile();
        wanted.lay(&mut profile, "request");
        profile
    }

    #[test]
    fn what_is_wanted_narrows_and_says_where_it_came_from() {
        let laid = laid(&Wanted { width: Some(320), height: Some(9_000), ..Wanted::default() });
        assert_eq!(laid.max_still.value, Size { width: 320, height: 480 });
        assert_eq!(laid.max_still.origin.layer, Layer::Recipient);
        assert_eq!(laid.videos.value[0].size, Size { width: 176, height: 144 });
        assert_eq!(laid.sounds.origin.layer, Layer::Class);
    }

    #[test]
    fn nothing_wanted_changes_nothing() {
        assert_eq!(laid(&Wanted::default()), profile());
    }

    #[test]
    fn a_type_that_is_asked_for_by_name_is_offered() {
        let laid = laid(&Wanted { types: vec!["audio/mpeg".into()], ..Wanted::default() });
        assert_eq!(laid.types.value, ["audio/mpeg"]);
        assert_eq!(laid.sounds.value[0].format, Format::Mp3);
        assert!(laid.videos.value.is_empty());
    }

    #[test]
    fn a_codec_alone_brings_its_container() {
        let laid = laid(&Wanted {
            sound: sound_codec("audio/AMR-WB"),
            channels: Some(1),
            video: video_codec("H264"),
            width: Some(120),
            ..Wanted::default()
        });
        assert_eq!((laid.sounds.value[0].format, laid.sounds.value[0].max_channels), (Format::AmrWb, 1));
        assert_eq!((laid.videos.value[0].format, laid.videos.value[0].size.width), (Format::Mp4, 120));
    }

    #[test]
    fn media_types_are_tokens() {
        assert!(is_media_type("image/jpeg") && is_media_type("image/*") && is_media_type("image/svg+xml"));
        assert!(!is_media_type("jpeg") && !is_media_type("image/") && !is_media_type("a b/c"));
    }
}
