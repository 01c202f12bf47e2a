//! Ways for moving picture: kept, put into another container, encoded again, a poster.
//!
//! Quality follows from the bit rate against what the offer's size, frame rate and codec need to
//! look good; the worker lowers frame rate and size itself before the picture falls apart.

use alloc::{vec, vec::Vec};

use super::{
    Why,
    steps::{Point, Way},
    still, types,
};
use crate::{
    facts::{Detail, Facts, Video},
    format::{Format, SoundCodec, VideoCodec},
    job::{RemuxTarget, Target, VideoTarget},
    profile::{Profile, VideoOffer},
};

/// Quality at eighths of what the picture needs: below the first it is not worth looking at.
const USUAL: [(u64, u16); 6] = [(1, 3_500), (2, 5_500), (4, 7_500), (8, 9_000), (12, 9_400), (16, 9_600)];
/// Least bits a second of a picture that moves.
const LEAST_PICTURE: u64 = 18_000;
/// What a video of unknown length is taken for, bits a second: short rather than long, the worker
/// opens it and knows better.
const USUAL_BIT_RATE: u64 = 1_000_000;

/// The ways for video, best first; none = the handset shows nothing of it.
pub(super) fn ways(facts: &Facts, profile: &Profile) -> Vec<Way> {
    let Detail::Video(video) = facts.detail else {
        return if types::accepts(profile, facts.format) { vec![Way::keep(facts)] } else { Vec::new() };
    };
    let longest = profile.max_duration_ms.value;
    let too_long = longest > 0 && video.duration_ms > longest;
    let mut ways = Vec::new();
    let mut why = Why::TooLarge;
    if too_long {
        why = Why::TooLong;
    } else if types::plays_video(profile, facts.format, &video) {
        let clean = !video.extras || profile.keep_metadata.value;
        if clean || !holds(facts.format) {
            ways.push(Way::keep(facts));
        } else {
            why = Why::Metadata;
            ways.push(remux(facts, &video, facts.format, why));
        }
    } else {
        why = unfit(&video, profile);
        let offer = profile
            .videos
            .value
            .iter()
            .find(|offer| types::suits_video(offer, &video) && holds(offer.format));
        if let Some(offer) = offer {
            ways.push(remux(facts, &video, offer.format, Why::Container));
        }
    }
    encode(facts, &video, profile, why, &mut ways);
    ways.extend(still::poster(video.shown(), profile, why));
    ways
}

fn unfit(video: &Video, profile: &Profile) -> Why {
    let offers = &profile.videos.value;
    if offers.is_empty() {
        Why::TypeNotTaken
    } else if offers.iter().any(|offer| types::suits_video(offer, video)) {
        Why::Container
    } else if video.rotation != 0 {
        Why::Orientation
    } else if offers.iter().all(|offer| !types::within((video.width, video.height), offer.size)) {
        Why::TooManyPixels
    } else {
        Why::Codec
    }
}

const fn holds(format: Format) -> bool {
    matches!(format, Format::Mp4 | Format::ThreeG2 | Format::ThreeGp)
}

/// The same streams; the index is written anew, hence the slack.
fn remux(facts: &Facts, video: &Video, format: Format, why: Why) -> Way {
    let samples = length(facts, video).saturating_mul(u64::from(video.millihertz.max(30_000))) / 1_000_000;
    let octets = facts.octets.saturating_add(samples.saturating_mul(16)).saturating_add(1_024);
    Way::same(Target::Remux(RemuxTarget { format, max_octets: 0 }), why, octets)
}

fn encode(facts: &Facts, video: &Video, profile: &Profile, why: Why, ways: &mut Vec<Way>) {
    let longest = profile.max_duration_ms.value;
    let whole = length(facts, video);
    let played = if longest > 0 { whole.min(longest) } else { whole };
    let mut cheapest: Option<u64> = None;
    for offer in &profile.videos.value {
        let written = holds(offer.format)
            && matches!(offer.codec, VideoCodec::H263 | VideoCodec::H264 | VideoCodec::Mpeg4);
        if !written {
            continue;
        }
        let sound = video.sound.and(match offer.sound {
            SoundCodec::Aac | SoundCodec::HeAac => Some(SoundCodec::Aac),
            SoundCodec::Amr | SoundCodec::AmrWb => Some(offer.sound),
            _ => None,
        });
        let target = VideoTarget {
            format: offer.format,
            codec: offer.codec,
            level: offer.level,
            max_width: offer.size.width,
            max_height: offer.size.height,
            max_millihertz: offer.max_millihertz,
            max_bit_rate: offer.max_bit_rate,
            sound,
            max_octets: 0,
            max_duration_ms: longest,
            may_cut: why == Why::TooLong,
        };
        let mut points = curve(offer, video, sound, played);
        let least = points.first().map(|point| point.octets);
        // The order of the profile decides; what comes later is for what the earlier cannot.
        if let Some(below) = cheapest {
            points.retain(|point| point.octets < below);
        }
        // Without a point it is never chosen, but there when the earlier fails.
        ways.push(Way::made(Target::Video(target), why, points));
        cheapest = cheapest.min(least).or(least);
    }
}

/// What it takes to look how good.
fn curve(offer: &VideoOffer, video: &Video, sound: Option<SoundCodec>, played: u64) -> Vec<Point> {
    let (shown_width, shown_height) = video.shown();
    let size = if shown_width == 0 || shown_height == 0 {
        (offer.size.width, offer.size.height)
    } else {
        (shown_width.min(offer.size.width), shown_height.min(offer.size.height))
    };
    let pixels = u64::from(size.0) * u64::from(size.1);
    let of = |millihertz: u32| if millihertz == 0 { 30_000 } else { millihertz };
    let millihertz = u64::from(of(offer.max_millihertz).min(of(video.millihertz)));
    // Hundredths of a bit for a pixel that changes.
    let bits = match offer.codec {
        VideoCodec::H264 => 10,
        VideoCodec::Mpeg4 => 15,
        _ => 20,
    };
    let need = pixels.saturating_mul(millihertz) / 1_000 * bits / 100;
    let (speech, music) = match sound {
        None => (0, 0),
        Some(SoundCodec::Aac | SoundCodec::HeAac) => (16_000, 64_000),
        Some(SoundCodec::AmrWb) => (6_600, 23_850),
        Some(_) => (4_750, 12_200),
    };
    let most = match offer.max_bit_rate {
        0 => u64::MAX,
        rate => u64::from(rate),
    };
    let octets = |rate: u64| {
        let body = rate.min(most).saturating_mul(played) / 8_000;
        (body + body / 20).saturating_add(4_096)
    };
    let mut points: Vec<Point> = Vec::with_capacity(USUAL.len());
    for (eighths, quality) in USUAL {
        let heard = if eighths >= 8 { music } else { speech + (music - speech) * eighths / 8 };
        let octets = octets((need / 8 * eighths).max(LEAST_PICTURE) + heard);
        match points.last_mut() {
            Some(last) if last.octets >= octets => last.quality = quality,
            _ => points.push(Point::on_line(octets, quality)),
        }
    }
    points
}

/// Playing time, from the size when the header does not say.
fn length(facts: &Facts, video: &Video) -> u64 {
    let rate = match video.bit_rate {
        0 => USUAL_BIT_RATE,
        rate => u64::from(rate),
    };
    match video.duration_ms {
        0 => facts.octets.saturating_mul(8_000) / rate,
        known => known,
    }
}
