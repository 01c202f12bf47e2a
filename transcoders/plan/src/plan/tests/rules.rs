//! One part, one rule.

use alloc::{string::String, vec, vec::Vec};

use super::{
    super::{
        Action, Frame, MAX_STEPS, NOTICE_OCTETS, Part, Role, Step, Transfer, Why, accepts, plan, room, wire,
    },
    CAMERA, CLIP, NOTE, PICTURE, SPEECH, facts, handset, jpeg, part, planned, text,
};
use crate::{
    facts::{Colour, Detail, Facts, Picture, Sound, Video},
    format::{Format, SoundCodec, VideoCodec},
    job::{Fault, FaultKind, Target},
    profile::{Counts, OctetLimit, Profile, Size, SoundOffer, Unit, VideoOffer},
};

fn only(facts: &Facts, profile: &Profile) -> Action {
    planned(core::slice::from_ref(facts), profile).actions.remove(0)
}

fn steps(facts: &Facts, profile: &Profile) -> Vec<Step> {
    match only(facts, profile) {
        Action::Convert(steps) => steps,
        other => panic!("{other:?}"),
    }
}

fn targets(facts: &Facts, profile: &Profile) -> Vec<Target> {
    steps(facts, profile).into_iter().map(|step| step.target).collect()
}

fn why(facts: &Facts, profile: &Profile) -> Why {
    steps(facts, profile)[0].why
}

fn still(target: &Target) -> &crate::job::StillTarget {
    match target {
        Target::Still(still) | Target::Poster(still) => still,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_line_of_base64_holds_57_octets_in_78() {
    assert_eq!(wire(Unit::Base64, Transfer::Base64, 57), 78);
    assert_eq!(wire(Unit::Base64, Transfer::Base64, 58), 84);
    assert_eq!(wire(Unit::Base64, Transfer::Base64, 0), 0);
    assert_eq!(wire(Unit::Base64, Transfer::Binary, 58), 58);
    assert_eq!(wire(Unit::Binary, Transfer::Base64, 58), 58);
    assert_eq!(room(Unit::Base64, Transfer::Base64, 307_200), 224_490);
}

#[test]
fn three_hundred_kilobytes_of_base64_hold_less_than_three_quarters() {
    let mut profile = handset(307_200);
    let photo = jpeg(230_000, PICTURE);
    assert_eq!(only(&photo, &profile), Action::Keep);
    profile.max_octets.value.unit = Unit::Base64;
    let target = targets(&photo, &profile).remove(0);
    assert!(still(&target).max_octets <= 224_492 && still(&target).max_octets > 224_000);
}

#[test]
fn a_limit_counts_what_it_says() {
    let photo = jpeg(1_000, PICTURE);
    let parts = [part(&photo)];
    let frame = Frame { message_octets: 500, presentation_octets: 300 };
    let budget = |counts| {
        let mut profile = handset(10_000);
        profile.max_octets.value.counts = counts;
        plan(&parts, &profile, &frame).budget
    };
    assert_eq!(budget(Counts::Parts), 10_000 - 300);
    assert_eq!(budget(Counts::PartsAndHeaders), 10_000 - 300 - 120);
    assert_eq!(budget(Counts::WholeMessage), 10_000 - 300 - 120 - 500);
}

#[test]
fn a_camera_photo_becomes_a_baseline_jpeg_of_the_handsets_size() {
    let photo = jpeg(5_000_000, CAMERA);
    let profile = handset(300_000);
    let target = targets(&photo, &profile).remove(0);
    let still = still(&target);
    assert_eq!((still.format, still.max_width, still.max_height), (Format::Jpeg, 640, 480));
    assert_eq!(still.max_octets, 300_000);
    assert!(!still.progressive && !still.keep_metadata);
    assert_eq!(why(&photo, &profile), Why::TooManyPixels);
}

#[test]
fn a_portrait_is_measured_as_it_is_shown() {
    let profile = handset(300_000);
    let turned = Picture { width: 480, height: 640, orientation: 6, ..PICTURE };
    assert_eq!(targets(&jpeg(50_000, turned), &profile)[0], Target::Strip);
    let lying = Picture { orientation: 6, ..PICTURE };
    assert_eq!(why(&jpeg(50_000, lying), &profile), Why::TooManyPixels);
}

#[test]
fn a_turned_picture_is_set_upright_without_loss_or_else_encoded() {
    let turned = jpeg(50_000, Picture { orientation: 3, ..PICTURE });
    let targets = targets(&turned, &handset(300_000));
    assert_eq!(targets[0], Target::Strip);
    assert_eq!(still(&targets[1]).format, Format::Jpeg);
    assert_eq!(why(&turned, &handset(300_000)), Why::Orientation);
}

#[test]
fn a_place_leaves_without_loss_unless_it_is_wanted() {
    let mut profile = handset(300_000);
    let placed = jpeg(50_000, Picture { metadata: true, gps: true, ..PICTURE });
    assert_eq!(targets(&placed, &profile)[0], Target::Strip);
    assert_eq!(why(&placed, &profile), Why::Place);
    profile.keep_metadata.value = true;
    assert_eq!(only(&placed, &profile), Action::Keep);
}

#[test]
fn a_progressive_jpeg_goes_only_where_it_is_shown() {
    let mut profile = handset(300_000);
    let progressive = jpeg(50_000, Picture { progressive: true, ..PICTURE });
    assert_eq!(why(&progressive, &profile), Why::Progressive);
    profile.progressive_jpeg.value = true;
    assert_eq!(only(&progressive, &profile), Action::Keep);
}

#[test]
fn an_animation_moves_where_it_can_and_is_one_picture_elsewhere() {
    let mut profile = handset(300_000);
    let moving = Picture { colour: Colour::Palette, frames: 12, ..PICTURE };
    let small = facts(Format::Gif, 80_000, Detail::Picture(moving));
    let large = facts(Format::Gif, 900_000, Detail::Picture(Picture { width: 1280, height: 720, ..moving }));
    assert_eq!(only(&small, &profile), Action::Keep);
    let target = targets(&large, &profile).remove(0);
    assert!(still(&target).format == Format::Gif && still(&target).animated);
    profile.animated_gif.value = false;
    let target = targets(&small, &profile).remove(0);
    assert!(!still(&target).animated);
    assert_eq!(why(&small, &profile), Why::Animated);
}

#[test]
fn a_drawing_stays_a_drawing_and_a_photograph_becomes_jpeg() {
    let mut profile = handset(300_000);
    profile.types.value.push(String::from("image/png"));
    let few = Picture { colour: Colour::Palette, width: 800, height: 600, ..PICTURE };
    let drawing = facts(Format::Png, 30_000, Detail::Picture(few));
    assert_eq!(still(&targets(&drawing, &profile)[0]).format, Format::Png);
    let many = Picture { colour: Colour::Rgb, width: 4000, height: 3000, ..PICTURE };
    let photo = facts(Format::Png, 24_000_000, Detail::Picture(many));
    assert_eq!(still(&targets(&photo, &profile)[0]).format, Format::Jpeg);
    let heic = facts(Format::Heic, 2_000_000, Detail::Picture(CAMERA));
    assert_eq!(still(&targets(&heic, &profile)[0]).format, Format::Jpeg);
}

#[test]
fn wildcards_of_a_handset_mean_what_mms_clients_show() {
    let mut profile = handset(300_000);
    profile.types.value = vec![String::from("image/*")];
    assert!(accepts(&profile, Format::Png));
    assert!(!accepts(&profile, Format::Heic));
    assert!(!accepts(&profile, Format::Pdf));
    profile.types.value = vec![String::from("*/*")];
    assert!(Format::ALL.iter().all(|format| accepts(&profile, *format)));
}

#[test]
fn sound_in_3gp_is_not_video_in_3gp() {
    let profile = handset(300_000);
    assert!(accepts(&profile, Format::ThreeGp));
    assert!(!accepts(&profile, Format::ThreeGpSound));
}

#[test]
fn a_voice_note_becomes_amr_of_the_best_rate_and_exact_octets() {
    let profile = handset(300_000);
    let note = facts(Format::Ogg, 30_000, Detail::Sound(NOTE));
    let Target::Sound(sound) = targets(&note, &profile).remove(0) else { panic!() };
    assert_eq!((sound.format, sound.codec), (Format::Amr, SoundCodec::Amr));
    assert_eq!(sound.max_bit_rate, 12_200);
    // 60 s at 12.2 kbit/s are 3001 frames: 96,038 octets.
    let long = facts(Format::Ogg, 180_000, Detail::Sound(Sound { duration_ms: 60_000, ..NOTE }));
    let Target::Sound(sound) = targets(&long, &handset(96_038)).remove(0) else { panic!() };
    assert_eq!((sound.max_bit_rate, sound.max_octets, sound.may_cut), (12_200, 96_038, false));
    let Target::Sound(sound) = targets(&long, &handset(96_037)).remove(0) else { panic!() };
    assert_eq!(sound.max_bit_rate, 10_200);
}

#[test]
fn sound_is_cut_only_when_no_rate_fits() {
    let long = facts(Format::Ogg, 900_000, Detail::Sound(Sound { duration_ms: 300_000, ..NOTE }));
    let all = targets(&long, &handset(200_000));
    let cut = |target: &Target| matches!(target, Target::Sound(sound) if sound.may_cut);
    assert!(!cut(&all[0]) && cut(all.last().unwrap()), "{all:?}");
    let all = targets(&long, &handset(100_000));
    assert!(cut(&all[0]), "{all:?}");
    assert!(all[0].max_octets().unwrap() > 99_000, "{all:?}");
}

#[test]
fn sound_and_video_can_be_understood_before_pictures_grow() {
    let note = facts(Format::Ogg, 180_000, Detail::Sound(Sound { duration_ms: 60_000, ..NOTE }));
    let clip = facts(Format::Mp4, 10_000_000, Detail::Video(CLIP));
    let photo = jpeg(5_000_000, CAMERA);
    let plan = planned(&[photo.clone(), note, clip, photo.clone(), photo], &handset(100_000));
    let first = |index: usize| match &plan.actions[index] {
        Action::Convert(steps) => steps[0].target.clone(),
        other => panic!("{other:?}"),
    };
    assert!(matches!(first(1), Target::Sound(sound) if !sound.may_cut), "{plan:?}");
    assert!(matches!(first(2), Target::Video(_)), "{plan:?}");
    assert!(matches!(first(0), Target::Still(_)) && plan.worst > 1_000, "{plan:?}");
}

#[test]
fn what_is_encoded_already_counts_as_it_is() {
    let mut profile = handset(100_000);
    profile.max_octets.value.unit = Unit::Base64;
    let text = text("utf-8", 1_000);
    let parts = [Part { role: Role::Text, transfer: Transfer::AsIs(2_900), ..part(&text) }];
    assert_eq!(plan(&parts, &profile, &Frame::default()).shares[0].octets, 2_900);
}

#[test]
fn the_right_frames_in_the_wrong_container_are_copied() {
    let profile = handset(300_000);
    let speech = facts(Format::ThreeGpSound, 17_000, Detail::Sound(SPEECH));
    let Target::Remux(remux) = targets(&speech, &profile).remove(0) else { panic!() };
    assert_eq!(remux.format, Format::Amr);
    assert_eq!(why(&speech, &profile), Why::Container);
    assert_eq!(only(&facts(Format::Amr, 17_000, Detail::Sound(SPEECH)), &profile), Action::Keep);
}

#[test]
fn midi_is_kept_or_named() {
    let mut profile = handset(300_000);
    let midi = facts(Format::Midi, 4_000, Detail::Sound(Sound { codec: SoundCodec::Midi, ..NOTE }));
    assert_eq!(only(&midi, &profile), Action::Keep);
    profile.types.value.retain(|name| name != "audio/midi");
    assert_eq!(only(&midi, &profile), Action::Replace(Why::TypeNotTaken));
}

#[test]
fn a_clip_becomes_what_is_offered_then_a_poster() {
    let profile = handset(300_000);
    let clip = facts(Format::Mp4, 10_000_000, Detail::Video(CLIP));
    let all = targets(&clip, &profile);
    let Target::Video(video) = &all[0] else { panic!("{all:?}") };
    assert_eq!((video.format, video.codec), (Format::ThreeGp, VideoCodec::H263));
    assert_eq!((video.max_width, video.max_height, video.sound), (176, 144, Some(SoundCodec::Amr)));
    assert_eq!(video.max_octets, 300_000);
    assert!(matches!(all.last(), Some(Target::Poster(_))));
    let hour = Video { duration_ms: 3_600_000, ..CLIP };
    let all = targets(&facts(Format::Mp4, 10_000_000, Detail::Video(hour)), &profile);
    assert!(matches!(all.as_slice(), [Target::Poster(_)]), "{all:?}");
}

#[test]
fn a_clip_that_only_has_the_wrong_container_is_copied() {
    let mut profile = handset(2_000_000);
    profile.videos.value.insert(
        0,
        VideoOffer {
            format: Format::Mp4,
            codec: VideoCodec::H264,
            sound: SoundCodec::Aac,
            level: 31,
            size: Size { width: 1280, height: 720 },
            max_millihertz: 30_000,
            max_bit_rate: 0,
        },
    );
    let clip = facts(Format::Mov, 1_000_000, Detail::Video(CLIP));
    let all = targets(&clip, &profile);
    assert!(matches!(all[0], Target::Remux(remux) if remux.format == Format::Mp4), "{all:?}");
    assert!(matches!(all[1], Target::Video(_)));
    assert_eq!(only(&facts(Format::Mp4, 1_000_000, Detail::Video(CLIP)), &profile), Action::Keep);
    let turned = facts(Format::Mp4, 1_000_000, Detail::Video(Video { rotation: 90, ..CLIP }));
    assert_eq!(why(&turned, &profile), Why::Orientation);
    let placed = facts(Format::Mp4, 1_000_000, Detail::Video(Video { extras: true, ..CLIP }));
    assert!(matches!(targets(&placed, &profile)[0], Target::Remux(_)));
}

#[test]
fn what_plays_too_long_is_shortened() {
    let mut profile = handset(300_000);
    profile.max_duration_ms.value = 5_000;
    let Target::Sound(sound) =
        targets(&facts(Format::Amr, 17_000, Detail::Sound(SPEECH)), &profile).remove(0)
    else {
        panic!()
    };
    assert_eq!((sound.max_duration_ms, sound.may_cut), (5_000, true));
    let clip = facts(Format::Mp4, 10_000_000, Detail::Video(CLIP));
    let Target::Video(video) = targets(&clip, &profile).remove(0) else { panic!() };
    assert_eq!((video.max_duration_ms, video.may_cut), (5_000, true));
    // Whoever reads is told, and the line that says so has its octets.
    assert_eq!(video.max_octets, 300_000 - NOTICE_OCTETS);
    assert_eq!(why(&clip, &profile), Why::TooLong);
}

#[test]
fn texts_are_written_in_a_charset_that_is_read() {
    let profile = handset(300_000);
    assert_eq!(only(&text("utf-8", 100), &profile), Action::Keep);
    assert_eq!(only(&text("us-ascii", 100), &profile), Action::Keep);
    let Action::Text(change) = only(&text("windows-1256", 100), &profile) else { panic!() };
    assert_eq!((change.charset.as_str(), change.from_html, change.why), ("utf-8", false, Why::Charset));
    let html = Facts { format: Format::Html, ..text("utf-8", 100) };
    let Action::Text(change) = only(&html, &profile) else { panic!() };
    assert_eq!((change.charset.as_str(), change.from_html, change.why), ("utf-8", true, Why::Html));
}

#[test]
fn cards_are_written_in_the_version_that_is_read() {
    let mut profile = handset(300_000);
    let card = |format, version: &str| {
        let detail = crate::facts::Text { charset: String::from("utf-8"), version: String::from(version) };
        facts(format, 900, Detail::Text(detail))
    };
    assert_eq!(only(&card(Format::VCard, "4.0"), &profile), Action::Card(String::from("2.1")));
    assert_eq!(only(&card(Format::VCard, "2.1"), &profile), Action::Keep);
    let event = card(Format::ICalendar, "2.0");
    assert_eq!(only(&event, &profile), Action::Replace(Why::TypeNotTaken));
    profile.types.value.push(String::from("text/x-vcalendar"));
    assert_eq!(only(&event, &profile), Action::Card(String::from("1.0")));
}

#[test]
fn what_is_not_taken_is_named_and_what_is_required_is_not_dropped() {
    let profile = handset(300_000);
    let pdf = facts(Format::Pdf, 5_000, Detail::None);
    assert_eq!(only(&pdf, &profile), Action::Replace(Why::TypeNotTaken));
    assert_eq!(only(&facts(Format::Unknown, 5, Detail::None), &profile), Action::Replace(Why::Unknown));
    let drm = facts(Format::Drm, 5_000, Detail::None);
    assert_eq!(only(&drm, &profile), Action::Replace(Why::Encrypted));
    let plan = plan(&[Part { required: true, ..part(&pdf) }], &profile, &Frame::default());
    assert_eq!(plan.actions, [Action::Keep]);
    assert_eq!(plan.unmet, [(0, Why::TypeNotTaken)]);
}

#[test]
fn signed_parts_are_not_touched() {
    let photo = jpeg(5_000_000, CAMERA);
    let plan = plan(&[Part { sealed: true, ..part(&photo) }], &handset(300_000), &Frame::default());
    assert_eq!(plan.actions, [Action::Keep]);
    assert!(plan.over);
}

#[test]
fn of_what_nothing_vouches_for_no_octet_passes_as_it_came() {
    let mut profile = handset(300_000);
    let anew = |facts: &Facts, profile: &Profile| {
        let parts = [Part { anew: true, required: true, ..part(facts) }];
        plan(&parts, profile, &Frame::default()).actions.remove(0)
    };
    let small = jpeg(10_000, PICTURE);
    assert_eq!(only(&small, &profile), Action::Keep);
    let Action::Convert(steps) = anew(&small, &profile) else { panic!("it is made anew") };
    assert!(steps.iter().all(|step| matches!(step.target, Target::Still(_))), "{steps:?}");
    assert_eq!(anew(&text("utf-8", 100), &profile), Action::Keep);
    for facts in [facts(Format::Pdf, 5_000, Detail::None), facts(Format::Svg, 500, Detail::None)] {
        assert!(matches!(anew(&facts, &profile), Action::Replace(_)));
    }
    profile.adapt.value = false;
    assert_eq!(anew(&small, &profile), Action::Replace(Why::Unproven));
}

#[test]
fn without_leave_to_adapt_all_is_kept_and_the_plan_says_what_is_wrong() {
    let mut profile = handset(300_000);
    profile.adapt.value = false;
    let plan = planned(&[jpeg(5_000_000, CAMERA), jpeg(10_000, PICTURE)], &profile);
    assert!(plan.is_empty() && plan.over);
    assert_eq!(plan.unmet, [(0, Why::AdaptationNotAllowed)]);
}

#[test]
fn a_bomb_never_reaches_a_decoder() {
    let mut profile = handset(300_000);
    let fault = |kind| Some(Fault::new(kind, ""));
    let bomb = Facts { fault: fault(FaultKind::TooLarge), ..jpeg(5_000, CAMERA) };
    assert_eq!(only(&bomb, &profile), Action::Replace(Why::Hostile));
    let empty = Facts { fault: fault(FaultKind::Damaged), ..facts(Format::Jpeg, 0, Detail::None) };
    assert_eq!(only(&empty, &profile), Action::Keep);
    profile.types.value.clear();
    assert_eq!(only(&empty, &profile), Action::Replace(Why::Damaged));
}

#[test]
fn a_damaged_picture_that_fits_is_kept_and_one_that_does_not_is_tried() {
    let profile = handset(300_000);
    let fault = Some(Fault::new(FaultKind::Damaged, ""));
    let small = Facts { fault: fault.clone(), ..jpeg(50_000, Picture { metadata: true, ..PICTURE }) };
    assert_eq!(only(&small, &profile), Action::Keep);
    let large = Facts { fault, ..jpeg(5_000_000, CAMERA) };
    assert!(matches!(targets(&large, &profile)[0], Target::Still(_)));
}

#[test]
fn svg_is_never_rendered() {
    let drawing = facts(Format::Svg, 2_000, Detail::None);
    assert_eq!(only(&drawing, &handset(300_000)), Action::Replace(Why::TypeNotTaken));
}

#[test]
fn the_parts_beyond_the_number_are_named_together() {
    let mut profile = handset(300_000);
    profile.max_parts.value = 3;
    let all: Vec<Facts> = (0..5).map(|_| jpeg(1_000, PICTURE)).collect();
    let plan = planned(&all, &profile);
    let gone = plan.actions.iter().filter(|action| matches!(action, Action::Replace(_))).count();
    assert_eq!(gone, 3, "two stay beside one part of notices");
    assert_eq!(plan.actions[4], Action::Replace(Why::TooManyParts));
    assert_eq!(plan.shares[4].octets, NOTICE_OCTETS);
}

#[test]
fn a_document_that_leaves_no_room_is_named_rather_than_the_pictures() {
    let mut profile = handset(300_000);
    profile.types.value.push(String::from("application/pdf"));
    let all = [jpeg(5_000_000, CAMERA), facts(Format::Pdf, 400_000, Detail::None), jpeg(5_000_000, CAMERA)];
    let plan = planned(&all, &profile);
    assert_eq!(plan.actions[1], Action::Replace(Why::TooLarge));
    assert!(matches!(plan.actions[0], Action::Convert(_)) && !plan.over);
}

#[test]
fn texts_are_never_traded_for_pixels() {
    let text = text("utf-8", 9_000);
    let photo = jpeg(5_000_000, CAMERA);
    let parts = [Part { role: Role::Text, ..part(&text) }, part(&photo)];
    let plan = plan(&parts, &handset(10_000), &Frame::default());
    assert_eq!(plan.actions[0], Action::Keep);
    assert_eq!(plan.budget, 1_000 - NOTICE_OCTETS);
}

#[test]
fn a_text_is_named_when_giving_up_pictures_frees_nothing() {
    let all = [jpeg(400, PICTURE), text("utf-8", 9_000), jpeg(400, PICTURE), jpeg(400, PICTURE)];
    let plan = planned(&all, &handset(10_000));
    assert_eq!(plan.actions[1], Action::Replace(Why::TooLarge));
    assert!(plan.actions[0] == Action::Keep && !plan.over, "{plan:?}");
}

#[test]
fn music_takes_the_codec_that_suits_it_and_speech_the_order_of_the_profile() {
    let mut profile = handset(300_000);
    profile.sounds.value.push(SoundOffer {
        format: Format::Mp4Sound,
        codec: SoundCodec::Aac,
        max_rate: 0,
        max_channels: 0,
    });
    let codec = |sound: Sound| match targets(&facts(Format::Ogg, 200_000, Detail::Sound(sound)), &profile)[0]
    {
        Target::Sound(sound) => sound.codec,
        ref other => panic!("{other:?}"),
    };
    assert_eq!(codec(NOTE), SoundCodec::Amr);
    assert_eq!(codec(Sound { channels: 2, bit_rate: 160_000, ..NOTE }), SoundCodec::Aac);
}

#[test]
fn what_is_left_over_goes_to_what_is_not_made_yet() {
    let all = [facts(Format::Mp4, 10_000_000, Detail::Video(CLIP)), jpeg(5_000_000, CAMERA)];
    let profile = handset(200_000);
    let plan = planned(&all, &profile);
    let before = plan.shares[1].octets;
    let settled = plan.settle(&[(0, 50_000)]);
    assert_eq!(settled.shares[0].octets, 50_000);
    assert_eq!(settled.actions[0], plan.actions[0]);
    assert_eq!(settled.shares[1].octets, 150_000);
    assert!(settled.shares[1].octets > before);
    let failed = plan.settle(&[(0, 0)]);
    assert!(matches!(failed.actions[0], Action::Replace(_)) && failed.worst == 0);
    assert_eq!(failed.shares[1].octets, 200_000 - NOTICE_OCTETS);
}

#[test]
fn photos_that_compete_are_analysed_and_one_alone_is_not() {
    let profile = handset(100_000);
    let photo = jpeg(5_000_000, CAMERA);
    assert!(planned(core::slice::from_ref(&photo), &profile).contested.is_empty());
    let plan = planned(&[photo.clone(), photo.clone(), photo], &profile);
    assert_eq!(plan.contested, [0, 1, 2]);
    let target = plan.analysis(0).unwrap();
    assert_eq!((target.format, target.max_octets), (Format::Jpeg, plan.binary_budget));
}

#[test]
fn steps_are_few_and_travel_as_json() {
    let clip = facts(Format::Mp4, 10_000_000, Detail::Video(CLIP));
    let mut profile = handset(300_000);
    let offer = profile.videos.value[0];
    profile.videos.value = vec![offer; 9];
    let all = steps(&clip, &profile);
    assert!(all.len() <= MAX_STEPS);
    assert!(matches!(all.last().unwrap().target, Target::Poster(_)));
    let json = serde_json::to_string(&all).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Step>>(&json).unwrap(), all);
    assert!(Why::ALL.iter().all(|why| !why.sentence().ends_with('.')));
}

#[test]
fn a_limit_of_nothing_is_over() {
    let profile = handset(0);
    assert!(planned(&[jpeg(5_000, PICTURE)], &profile).over);
    let limit = OctetLimit { octets: 0, unit: Unit::Base64, counts: Counts::WholeMessage };
    let mut profile = handset(0);
    profile.max_octets.value = limit;
    assert!(!planned(&[], &profile).over);
}
