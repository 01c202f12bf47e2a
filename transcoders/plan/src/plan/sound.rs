//! Ways for sound: kept, put into another container, encoded again, cut.
//!
//! The octets of AMR are exact (RFC 4867 §5: one frame for every 20 ms); those of the others follow
//! from the bit rate. MIDI is never played to samples.

use alloc::vec::Vec;

use super::{
    Why,
    steps::{Point, WHOLE, Way},
    types,
};
use crate::{
    facts::{Detail, Facts, Sound},
    format::{Format, SoundCodec},
    job::{RemuxTarget, SoundTarget, Target},
    profile::{Profile, SoundOffer},
};

/// A mode of AMR: bits a second, octets of a frame with its header, quality of speech.
type Mode = (u32, u64, u16);

const NARROW: [Mode; 8] = [
    (4_750, 13, 6_700),
    (5_150, 14, 6_900),
    (5_900, 16, 7_200),
    (6_700, 18, 7_500),
    (7_400, 20, 7_700),
    (7_950, 21, 7_800),
    (10_200, 27, 8_200),
    (12_200, 32, 8_500),
];
const WIDE: [Mode; 9] = [
    (6_600, 18, 7_400),
    (8_850, 24, 7_900),
    (12_650, 33, 8_600),
    (14_250, 37, 8_750),
    (15_850, 41, 8_900),
    (18_250, 47, 9_000),
    (19_850, 51, 9_100),
    (23_050, 59, 9_200),
    (23_850, 61, 9_300),
];
/// Bits a second of AAC, mono below 64,000, and quality.
const AAC: [(u32, u16); 7] = [
    (16_000, 7_000),
    (24_000, 8_000),
    (32_000, 8_500),
    (48_000, 9_000),
    (64_000, 9_300),
    (96_000, 9_600),
    (128_000, 9_800),
];
/// The same of MPEG layer III.
const MP3: [(u32, u16); 7] = [
    (24_000, 6_800),
    (32_000, 7_500),
    (48_000, 8_400),
    (64_000, 8_900),
    (96_000, 9_400),
    (128_000, 9_700),
    (160_000, 9_800),
];
/// What codecs of speech lose on music.
const MUSIC_LOSS: u16 = 3_000;
/// Two seconds of AMR-NB in 3GP: shorter tells nothing.
const SHORTEST: u64 = 2_000;
/// What a sound of unknown length is taken for, bits a second.
const USUAL_BIT_RATE: u64 = 64_000;

/// The ways for sound, best first; none = the handset plays nothing of it.
pub(super) fn ways(facts: &Facts, profile: &Profile) -> Vec<Way> {
    let Detail::Sound(sound) = facts.detail else {
        return if types::accepts(profile, facts.format) { [Way::keep(facts)].into() } else { Vec::new() };
    };
    let longest = profile.max_duration_ms.value;
    let too_long = longest > 0 && sound.duration_ms > longest;
    let mut ways = Vec::new();
    let mut why = Why::TooLarge;
    if too_long {
        why = Why::TooLong;
    } else if types::plays_sound(profile, facts.format, &sound) {
        ways.push(Way::keep(facts));
    } else {
        let codec = profile.sounds.value.iter().any(|offer| types::suits_sound(offer, &sound));
        why = if codec { Why::Container } else { Why::Codec };
        ways.extend(remux(facts, &sound, profile));
    }
    if sound.codec != SoundCodec::Midi {
        encode(facts, &sound, profile, why, &mut ways);
    }
    ways
}

/// The same frames in the first container that is offered for them.
fn remux(facts: &Facts, sound: &Sound, profile: &Profile) -> Option<Way> {
    let offer = profile.sounds.value.iter().find(|offer| {
        offer.format != facts.format && types::suits_sound(offer, sound) && holds(offer.format)
    })?;
    let frames = milliseconds(facts, sound) / 20;
    let octets = facts.octets.saturating_add(container(offer.format, frames)).saturating_add(512);
    let target = RemuxTarget { format: offer.format, max_octets: 0 };
    Some(Way::same(Target::Remux(target), Why::Container, octets))
}

/// Containers that streams are put into without touching them.
const fn holds(format: Format) -> bool {
    matches!(
        format,
        Format::Amr | Format::AmrWb | Format::Mp4Sound | Format::ThreeG2Sound | Format::ThreeGpSound
    )
}

fn encode(facts: &Facts, sound: &Sound, profile: &Profile, why: Why, ways: &mut Vec<Way>) {
    let longest = profile.max_duration_ms.value;
    let length = match milliseconds(facts, sound) {
        whole if longest > 0 => whole.min(longest),
        whole => whole,
    };
    let too_long = why == Why::TooLong;
    // Telephones record speech in one channel.
    let music = sound.channels >= 2 && sound.rate >= 32_000;
    let mut cheapest: Option<(u64, SoundTarget)> = None;
    for offer in &profile.sounds.value {
        let Some(target) = target(offer, longest, too_long) else { continue };
        let mut points = rungs(offer, sound, length, music);
        let Some(least) = points.first().map(|point| point.octets) else { continue };
        // The order of the profile decides; what comes later is for what the earlier cannot. Not
        // for music: there the codec matters more.
        if !music && let Some((below, _)) = cheapest {
            points.retain(|point| point.octets < below);
        }
        // Without a rung it is never chosen, but there when the earlier fails.
        ways.push(Way::made(Target::Sound(target), why, points));
        if cheapest.is_none_or(|(below, _)| least < below) {
            cheapest = Some((least, target));
        }
    }
    if let Some((least, target)) = cheapest
        && least > 2 * SHORTEST
    {
        let points = [Point::on_line(SHORTEST, 300), Point::on_line(least / 16 * 15, 2_500)];
        let target = SoundTarget { may_cut: true, ..target };
        ways.push(Way::made(Target::Sound(target), Why::TooLarge, points.into()));
    }
}

fn target(offer: &SoundOffer, max_duration_ms: u64, may_cut: bool) -> Option<SoundTarget> {
    let written = matches!(
        (offer.format, offer.codec),
        (Format::Amr, SoundCodec::Amr)
            | (Format::AmrWb, SoundCodec::AmrWb)
            | (Format::ThreeGpSound, SoundCodec::Amr | SoundCodec::AmrWb | SoundCodec::Aac)
            | (Format::Aac | Format::Mp4Sound, SoundCodec::Aac)
            | (Format::Mp3, SoundCodec::Mp3)
    );
    written.then_some(SoundTarget {
        format: offer.format,
        codec: offer.codec,
        max_rate: offer.max_rate,
        max_channels: if offer.max_channels == 0 { 2 } else { offer.max_channels },
        max_bit_rate: 0,
        max_octets: 0,
        max_duration_ms,
        may_cut,
    })
}

/// What it takes at each rate. More than half as much again as the source has is never asked for.
fn rungs(offer: &SoundOffer, sound: &Sound, length: u64, music: bool) -> Vec<Point> {
    let frames = length.div_ceil(20).saturating_add(1);
    let lost = if music { MUSIC_LOSS } else { 0 };
    let speech = |modes: &[Mode]| -> Vec<Point> {
        let magic = if offer.format == Format::AmrWb { 9 } else { 6 };
        let beside = container(offer.format, frames).saturating_add(magic);
        let at = |(rate, octets, quality): &Mode| Point {
            octets: frames.saturating_mul(*octets).saturating_add(beside),
            quality: quality - lost,
            rate: *rate,
            smooth: false,
        };
        modes.iter().map(at).collect()
    };
    let coded = |rates: &[(u32, u16)]| -> Vec<Point> {
        let at = |(rate, quality): &(u32, u16)| {
            let body = length.saturating_mul(u64::from(*rate)) / 8_000;
            // Headers of frames, the reservoir, what one-pass rate control adds.
            let octets =
                (body + body / 12).saturating_add(container(offer.format, frames)).saturating_add(1_024);
            Point { rate: *rate, ..Point::new(octets, *quality) }
        };
        rates.iter().map(at).collect()
    };
    let mut points = match offer.codec {
        SoundCodec::Amr => speech(&NARROW),
        SoundCodec::AmrWb => speech(&WIDE),
        SoundCodec::Mp3 => coded(&MP3),
        _ => coded(&AAC),
    };
    let useful = match sound.bit_rate {
        0 => u32::MAX,
        rate => rate.saturating_add(rate / 2),
    };
    let least = points.first().map_or(0, |point| point.rate);
    points.retain(|point| point.rate <= useful.max(least));
    for point in &mut points {
        point.quality = point.quality.min(WHOLE - 100);
    }
    points
}

/// What a container adds, at most: one entry of a table for each frame and the boxes around.
const fn container(format: Format, frames: u64) -> u64 {
    match format {
        Format::Mp4Sound | Format::ThreeG2Sound | Format::ThreeGpSound => {
            frames.saturating_mul(2).saturating_add(1_024)
        }
        _ => 0,
    }
}

/// Playing time, from the size when the header does not say.
fn milliseconds(facts: &Facts, sound: &Sound) -> u64 {
    let rate = match sound.bit_rate {
        0 => USUAL_BIT_RATE,
        rate => u64::from(rate),
    };
    match sound.duration_ms {
        0 => facts.octets.saturating_mul(8_000) / rate,
        known => known,
    }
}
