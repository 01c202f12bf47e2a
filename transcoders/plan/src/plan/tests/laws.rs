//! What holds for every message.

use alloc::{string::String, vec::Vec};
use proptest::prelude::*;

use super::{
    super::{
        Action, Frame, NOTICE_OCTETS, Part, Plan, Role, Transfer,
        front::{self, Climb, Spot},
        plan, room, wire,
    },
    CAMERA, CLIP, NOTE, PICTURE, facts, handset, jpeg, part, std, text,
};
use crate::{
    facts::{Colour, Detail, Facts, Picture, Sound, Video},
    format::{Format, SoundCodec, VideoCodec},
    job::{Fault, FaultKind, Ladder, Rung},
    profile::{Counts, OctetLimit, Profile, Size, SoundOffer, Unit, VideoOffer},
};

fn pictures() -> impl Strategy<Value = Facts> {
    let formats = [
        Format::Jpeg,
        Format::Gif,
        Format::Png,
        Format::WebP,
        Format::Heic,
        Format::Bmp,
        Format::Svg,
        Format::Wbmp,
    ];
    let colours = [
        Colour::Bilevel,
        Colour::Cmyk,
        Colour::Gray,
        Colour::Palette,
        Colour::Rgb,
        Colour::Ycc { across: true, down: true },
    ];
    (
        prop::sample::select(formats.to_vec()),
        prop::sample::select(colours.to_vec()),
        0_u64..6_000_000,
        (0_u32..5_000, 0_u32..5_000),
        1_u8..9,
        prop::array::uniform4(any::<bool>()),
        prop_oneof![Just(1_u32), 1_u32..200],
    )
        .prop_map(|(format, colour, octets, (width, height), orientation, flags, frames)| {
            let [alpha, progressive, metadata, gps] = flags;
            let picture = Picture {
                width,
                height,
                orientation,
                colour,
                alpha,
                progressive,
                frames,
                duration_ms: 0,
                metadata,
                gps,
            };
            facts(format, octets, Detail::Picture(picture))
        })
}

fn sounds() -> impl Strategy<Value = Facts> {
    let kinds = [
        (Format::Amr, SoundCodec::Amr),
        (Format::ThreeGpSound, SoundCodec::AmrWb),
        (Format::Ogg, SoundCodec::Opus),
        (Format::Mp3, SoundCodec::Mp3),
        (Format::Midi, SoundCodec::Midi),
    ];
    (
        prop::sample::select(kinds.to_vec()),
        0_u64..2_000_000,
        prop_oneof![Just(0_u64), 0_u64..600_000, Just(u64::MAX)],
        1_u16..3,
        prop_oneof![Just(0_u32), 4_000_u32..400_000],
    )
        .prop_map(|((format, codec), octets, duration_ms, channels, bit_rate)| {
            let sound = Sound { codec, duration_ms, channels, bit_rate, ..NOTE };
            facts(format, octets, Detail::Sound(sound))
        })
}

fn videos() -> impl Strategy<Value = Facts> {
    let kinds = [
        (Format::ThreeGp, VideoCodec::H263),
        (Format::Mp4, VideoCodec::H264),
        (Format::Mov, VideoCodec::Hevc),
    ];
    (
        prop::sample::select(kinds.to_vec()),
        0_u64..30_000_000,
        prop_oneof![Just(0_u64), 0_u64..600_000, Just(u64::MAX)],
        (0_u32..4_000, 0_u32..4_000),
        any::<bool>(),
    )
        .prop_map(|((format, codec), octets, duration_ms, (width, height), extras)| {
            let video = Video { codec, duration_ms, width, height, extras, ..CLIP };
            facts(format, octets, Detail::Video(video))
        })
}

fn others() -> impl Strategy<Value = Facts> {
    let formats = [Format::Pdf, Format::Drm, Format::Unknown, Format::VCard, Format::Smil, Format::Zip];
    prop_oneof![
        (prop::sample::select(formats.to_vec()), 0_u64..500_000).prop_map(|(format, octets)| facts(
            format,
            octets,
            Detail::None
        )),
        (prop::sample::select(["utf-8", "windows-1256", "utf-16", ""].to_vec()), 0_u64..20_000)
            .prop_map(|(charset, octets)| text(charset, octets)),
        any::<u64>().prop_map(|octets| facts(Format::Jpeg, octets, Detail::None)),
        (any::<u64>(), any::<u32>(), any::<u32>())
            .prop_map(|(octets, width, height)| jpeg(octets, Picture { width, height, ..CAMERA })),
    ]
}

#[derive(Debug, Clone)]
struct Owned {
    facts: Facts,
    role: Role,
    sealed: bool,
    required: bool,
    transfer: Transfer,
}

fn parts() -> impl Strategy<Value = Vec<Owned>> {
    let kinds = [FaultKind::Damaged, FaultKind::Encrypted, FaultKind::TooLarge, FaultKind::Unsupported];
    let one = (
        prop_oneof![6 => pictures(), 3 => sounds(), 3 => videos(), 2 => others()],
        prop::option::weighted(0.1, prop::sample::select(kinds.to_vec())),
        prop_oneof![8 => Just(Role::Media), 1 => Just(Role::Document), 1 => Just(Role::Text)],
        prop::bool::weighted(0.05),
        prop::bool::weighted(0.1),
        prop_oneof![3 => Just(Transfer::Base64), 1 => Just(Transfer::Binary)],
    );
    let one = one.prop_map(|(facts, fault, role, sealed, required, transfer)| {
        let fault = fault.map(|kind| Fault::new(kind, ""));
        Owned { facts: Facts { fault, ..facts }, role, sealed, required, transfer }
    });
    prop::collection::vec(one, 0..12)
}

fn profiles() -> impl Strategy<Value = Profile> {
    (
        prop_oneof![Just(307_200_u64), 0_u64..3_000_000],
        any::<bool>(),
        prop::sample::select([Counts::Parts, Counts::PartsAndHeaders, Counts::WholeMessage].to_vec()),
        prop::array::uniform4(any::<bool>()),
        prop_oneof![4 => Just(0_u32), 1 => 1_u32..8],
        prop_oneof![4 => Just(0_u64), 1 => 1_000_u64..60_000],
        prop::bool::weighted(0.9),
    )
        .prop_map(|(octets, base64, counts, flags, max_parts, max_duration_ms, adapt)| {
            let mut profile = handset(octets);
            let unit = if base64 { Unit::Base64 } else { Unit::Binary };
            profile.max_octets.value = OctetLimit { octets, unit, counts };
            let [rich, everything, keep, moves] = flags;
            if rich {
                profile.sounds.value.push(SoundOffer {
                    format: Format::Mp4Sound,
                    codec: SoundCodec::Aac,
                    max_rate: 0,
                    max_channels: 0,
                });
                profile.videos.value.insert(
                    0,
                    VideoOffer {
                        format: Format::Mp4,
                        codec: VideoCodec::H264,
                        sound: SoundCodec::Aac,
                        level: 30,
                        size: Size { width: 640, height: 360 },
                        max_millihertz: 30_000,
                        max_bit_rate: 700_000,
                    },
                );
                profile.types.value.push(String::from("image/png"));
            }
            if everything {
                profile.types.value.push(String::from("*/*"));
            }
            profile.keep_metadata.value = keep;
            profile.animated_gif.value = moves;
            profile.max_parts.value = max_parts;
            profile.max_duration_ms.value = max_duration_ms;
            profile.adapt.value = adapt;
            profile
        })
}

const FRAME: Frame = Frame { message_octets: 700, presentation_octets: 600 };

fn borrowed(all: &[Owned]) -> Vec<Part<'_>> {
    all.iter()
        .map(|owned| {
            let Owned { facts, role, sealed, required, transfer } = owned;
            let (role, transfer) = (*role, *transfer);
            Part { role, sealed: *sealed, required: *required, transfer, ..part(facts) }
        })
        .collect()
}

fn of(all: &[Owned], profile: &Profile) -> Plan {
    plan(&borrowed(all), profile, &FRAME)
}

/// Octets of the whole in the unit of the limit.
fn total(plan: &Plan, parts: usize, profile: &Profile) -> u64 {
    let headers = match profile.max_octets.value.counts {
        Counts::Parts => 0,
        Counts::PartsAndHeaders => 120 * parts as u64,
        Counts::WholeMessage => 120 * parts as u64 + FRAME.message_octets,
    };
    let bodies = plan.shares.iter().fold(0_u64, |sum, share| sum.saturating_add(share.octets));
    bodies.saturating_add(headers + FRAME.presentation_octets)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_share_is_filled_and_never_exceeded(share in any::<u64>(), as_is in any::<u64>()) {
        for unit in [Unit::Base64, Unit::Binary] {
            for transfer in [Transfer::Base64, Transfer::Binary, Transfer::AsIs(as_is)] {
                let octets = room(unit, transfer, share);
                prop_assert!(wire(unit, transfer, octets) <= share);
                if let Some(more) = octets.checked_add(1) {
                    prop_assert!(wire(unit, transfer, more) > share);
                }
            }
        }
    }

    #[test]
    fn the_same_question_has_the_same_answer(all in parts(), profile in profiles()) {
        prop_assert_eq!(of(&all, &profile), of(&all, &profile));
    }

    #[test]
    fn a_plan_fits_or_says_that_it_does_not(all in parts(), profile in profiles()) {
        let plan = of(&all, &profile);
        let octets = total(&plan, all.len(), &profile);
        prop_assert_eq!(plan.over, octets > profile.max_octets.value.octets, "{:?}", plan);
        for (action, (share, owned)) in plan.actions.iter().zip(plan.shares.iter().zip(&all)) {
            if let Action::Convert(steps) = action {
                for step in steps {
                    let most = step.target.max_octets().unwrap_or(owned.facts.octets);
                    let unit = profile.max_octets.value.unit;
                    prop_assert!(wire(unit, owned.transfer, most) <= share.octets, "{step:?} {share:?}");
                }
            }
        }
    }

    #[test]
    fn every_part_has_an_action_and_what_must_stay_stays(all in parts(), profile in profiles()) {
        let plan = of(&all, &profile);
        prop_assert_eq!(plan.actions.len(), all.len());
        prop_assert_eq!(plan.shares.len(), all.len());
        for (action, owned) in plan.actions.iter().zip(&all) {
            if owned.sealed || !profile.adapt.value {
                prop_assert_eq!(action, &Action::Keep);
            }
            if owned.required {
                prop_assert!(!matches!(action, Action::Replace(_)));
            }
            if let Action::Convert(steps) = action {
                prop_assert!(!steps.is_empty());
            }
        }
    }

    #[test]
    fn a_higher_limit_never_makes_the_worst_part_worse(
        all in parts(), profile in profiles(), more in 0_u64..400_000,
    ) {
        let mut higher = profile.clone();
        higher.max_octets.value.octets += more;
        let (low, high) = (of(&all, &profile), of(&all, &higher));
        prop_assert!(high.worst >= low.worst, "{low:?}\n{high:?}");
        prop_assert!(low.over || !high.over);
    }

    #[test]
    fn what_fits_is_not_touched(sizes in prop::collection::vec(1_u64..200_000, 0..8)) {
        let all: Vec<Facts> = sizes.iter().map(|octets| jpeg(*octets, PICTURE)).collect();
        let parts: Vec<Part<'_>> = all.iter().map(part).collect();
        let plan = plan(&parts, &handset(sizes.iter().sum()), &Frame::default());
        prop_assert!(plan.is_empty() && !plan.over);
    }

    #[test]
    fn what_is_made_smaller_keeps_the_rest_within_the_limit(
        all in parts(), profile in profiles(), fill in 0_u64..=100,
    ) {
        let before = of(&all, &profile);
        let made: Vec<(usize, u64)> = before
            .actions
            .iter()
            .enumerate()
            .step_by(2)
            .filter_map(|(index, action)| match action {
                Action::Convert(steps) => {
                    let most = steps.first()?.target.max_octets().unwrap_or(all[index].facts.octets);
                    Some((index, most / 100 * fill))
                }
                Action::Keep => Some((index, all[index].facts.octets)),
                _ => None,
            })
            // A notice may take more than a very small part would have.
            .filter(|(index, octets)| *octets > 0 || before.shares[*index].octets >= NOTICE_OCTETS)
            .collect();
        let after = before.settle(&made);
        prop_assert!(before.over || !after.over);
        prop_assert!(after.worst >= before.worst || made.iter().any(|(_, octets)| *octets < NOTICE_OCTETS));
    }

    #[test]
    fn the_worst_of_some_photos_is_the_best_possible(
        (ladders, kept) in contests(), budget in 2_000_u64..200_000,
    ) {
        let photo = jpeg(5_000_000, CAMERA);
        let mut all: Vec<Facts> = ladders.iter().map(|_| photo.clone()).collect();
        if let (Some(first), Some(octets)) = (all.first_mut(), kept) {
            *first = jpeg(octets, PICTURE);
        }
        let parts: Vec<Part<'_>> = all.iter().map(part).collect();
        let first = plan(&parts, &handset(budget), &Frame::default());
        let indexed: Vec<(usize, Ladder)> = ladders.iter().cloned().enumerate().collect();
        let shared = first.share(&indexed);
        if let Some(best) = exhaustive(&ladders, kept, budget) {
            prop_assert!(!shared.over);
            prop_assert!(shared.worst >= best, "{} < {best}: {shared:?}", shared.worst);
            for (index, ladder) in ladders.iter().enumerate() {
                let octets = shared.shares[index].octets;
                let real = if shared.actions[index] == Action::Keep { 10_000 } else { on(ladder, octets) };
                prop_assert!(real + 50 >= best, "part {index}: {real} < {best}");
            }
        }
    }

    #[test]
    fn twenty_parts_take_a_bounded_number_of_turns(
        sizes in prop::collection::vec(prop::collection::vec((1_u64..300_000, 1_u16..=10_000), 1..64), 20),
        left in 0_u64..3_000_000,
    ) {
        let fronts: Vec<Vec<Spot>> = sizes
            .iter()
            .map(|points| front::merge(points.iter().map(|(octets, quality)| Spot {
                octets: *octets, quality: *quality, rate: 0, way: 0, smooth: octets % 2 == 0,
            }).collect()))
            .collect();
        let points: usize = fronts.iter().map(Vec::len).sum();
        let mut spots: Vec<Option<Spot>> = fronts.iter().map(|front| front.first().copied()).collect();
        let before: u64 = spots.iter().flatten().map(|spot| spot.octets).sum();
        let mut climb = Climb::new(&fronts, &mut spots, left);
        let mut turns = 0;
        while climb.step() {
            turns += 1;
            prop_assert!(turns <= 2 * points);
        }
        let unspent = climb.left;
        let after: u64 = spots.iter().flatten().map(|spot| spot.octets).sum();
        prop_assert!(after - before <= left - unspent);
    }
}

/// Ladders of two to four photos, and perhaps the octets with which the first may stay as it is.
fn contests() -> impl Strategy<Value = (Vec<Ladder>, Option<u64>)> {
    let ladder = prop::collection::btree_map(1_000_u64..90_000, 500_u16..9_900, 1..7).prop_map(|rungs| {
        let mut best = 0;
        let mut ladder = Ladder::default();
        for (octets, quality) in rungs {
            if quality > best {
                best = quality;
                ladder.rungs.push(Rung { octets, quality });
            }
        }
        ladder
    });
    (prop::collection::vec(ladder, 2..5), prop::option::of(1_000_u64..120_000))
}

/// The worst quality of the best choice of rungs, by trying all of them.
fn exhaustive(ladders: &[Ladder], kept: Option<u64>, budget: u64) -> Option<u16> {
    let Some((ladder, rest)) = ladders.split_first() else { return Some(10_000) };
    let keep = kept.map(|octets| Rung { octets, quality: 10_000 });
    ladder
        .rungs
        .iter()
        .chain(keep.as_ref())
        .filter(|rung| rung.octets <= budget)
        .filter_map(|rung| Some(exhaustive(rest, None, budget - rung.octets)?.min(rung.quality)))
        .max()
}

/// Quality on the lines between the rungs.
fn on(ladder: &Ladder, octets: u64) -> u16 {
    let mut quality = 0;
    let mut before: Option<Rung> = None;
    for rung in &ladder.rungs {
        if rung.octets <= octets {
            quality = rung.quality;
        } else if let Some(low) = before.filter(|low| low.octets <= octets) {
            let rise = u64::from(rung.quality - low.quality) * (octets - low.octets);
            quality = low.quality + u16::try_from(rise / (rung.octets - low.octets)).unwrap();
        }
        before = Some(*rung);
    }
    quality
}

#[test]
fn a_rise_that_costs_nothing_is_taken_even_when_nothing_is_left() {
    let spot = |octets, quality| Spot { octets, quality, rate: 0, way: 0, smooth: true };
    let fronts = [front::merge([spot(100, 1_000), spot(102, 9_000)].into())];
    // The line is steep: what reaches 8,999 already takes all that 9,000 does.
    let mut spots = [front::at(&fronts[0], 8_999)];
    assert_eq!(spots[0].unwrap().octets, 102);
    let mut climb = Climb::new(&fronts, &mut spots, 0);
    assert!(climb.step() && !climb.step());
    assert_eq!(spots[0].unwrap().quality, 9_000);
}

#[test]
fn twenty_photos_are_planned_and_shared_in_a_millisecond_or_so() {
    let photo = jpeg(5_000_000, CAMERA);
    let all: Vec<Facts> = (0..20).map(|_| photo.clone()).collect();
    let parts: Vec<Part<'_>> = all.iter().map(part).collect();
    let rungs = (1..=64).map(|step| Rung { octets: step * 3_000, quality: 4_000 + 90 * step as u16 });
    let ladders: Vec<(usize, Ladder)> =
        (0..20).map(|index| (index, Ladder { rungs: rungs.clone().collect() })).collect();
    let started = std::time::Instant::now();
    let plan = plan(&parts, &handset(600_000), &Frame::default());
    let planned = started.elapsed();
    let shared = plan.share(&ladders);
    std::println!("plan {planned:?}, share {:?}, worst {}", started.elapsed() - planned, shared.worst);
    assert!(!shared.over);
}
