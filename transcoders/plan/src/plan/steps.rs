//! One part and what could become of it: the ways, the preferred one first.
//!
//! Decides from the part and the profile alone; which way is taken is decided in `share`, where
//! all parts compete. Texts, cards and presentations do not compete: they are settled here.

use alloc::{string::String, vec, vec::Vec};

use super::{Action, NOTICE_OCTETS, Part, Role, TextChange, Why, sound, still, types, video};
use crate::{
    facts::{Detail, Facts},
    format::{Format, Kind},
    job::{FaultKind, Target},
    profile::Profile,
};

/// What could become of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Prospect {
    /// Decided from the start: what is done, and the decoded octets that it takes at most.
    Settled(Action, u64),
    /// The handset does not take it, but it must not be replaced.
    Unmet(Why),
    /// Competes for octets.
    Ways(Vec<Way>),
}

/// One way for a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    /// What is done; `None` = kept.
    pub(super) make: Option<(Target, Why)>,
    /// Sizes and qualities, from small to large, each better than the one before.
    pub(super) points: Vec<Point>,
}

/// One size that a part could have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    /// Decoded octets.
    pub(super) octets: u64,
    /// Ten-thousandths.
    pub(super) quality: u16,
    /// Bits a second that the target is given; 0 = left to the worker.
    pub(super) rate: u32,
    /// Whether every size between the point before and this one can be had.
    pub(super) smooth: bool,
}

impl Point {
    /// A point to itself.
    pub(super) const fn new(octets: u64, quality: u16) -> Self {
        Self { octets, quality, rate: 0, smooth: false }
    }

    /// A point on a line that can be stopped at anywhere.
    pub(super) const fn on_line(octets: u64, quality: u16) -> Self {
        Self { octets, quality, rate: 0, smooth: true }
    }
}

/// Quality of what is not changed.
pub(super) const WHOLE: u16 = 10_000;

impl Way {
    /// The part as it is.
    pub(super) fn keep(facts: &Facts) -> Self {
        Self::fixed(None, facts.octets)
    }

    /// The same content in about as many octets.
    pub(super) fn same(target: Target, why: Why, octets: u64) -> Self {
        Self::fixed(Some((target, why)), octets)
    }

    fn fixed(make: Option<(Target, Why)>, octets: u64) -> Self {
        Self { make, points: vec![Point::new(octets, WHOLE)] }
    }

    /// Something else, along a curve.
    pub(super) fn made(target: Target, why: Why, points: Vec<Point>) -> Self {
        Self { make: Some((target, why)), points }
    }

    /// Whether the content is decoded and encoded, so that no octet of it is the sender's.
    fn is_made(&self) -> bool {
        !matches!(self.make, None | Some((Target::Remux(_) | Target::Strip, _)))
    }

    /// Octets that it costs beside the part, in the unit of the limit.
    pub(super) fn extra(&self) -> u64 {
        self.make.as_ref().map_or(0, |(target, _)| notice(target))
    }
}

/// Octets of what is said beside a result that is not the whole: a poster, or what was cut.
pub(super) const fn notice(target: &Target) -> u64 {
    let partial = match target {
        Target::Poster(_) => true,
        Target::Sound(sound) => sound.may_cut,
        Target::Video(video) => video.may_cut,
        _ => false,
    };
    if partial { NOTICE_OCTETS } else { 0 }
}

/// What could become of a part.
pub(super) fn prospect(part: &Part<'_>, profile: &Profile) -> Prospect {
    let kept = Prospect::Settled(Action::Keep, part.facts.octets);
    if part.role == Role::Presentation || part.sealed {
        return kept;
    }
    let found = match fault(part.facts, profile) {
        Some(found) => found,
        None => match part.facts.format.kind() {
            Kind::Card => card(part.facts, profile),
            Kind::Document => document(part.facts, profile),
            Kind::Picture => offered(still::ways(part.facts, profile), part.facts),
            Kind::Presentation => kept.clone(),
            Kind::Sound => offered(sound::ways(part.facts, profile), part.facts),
            Kind::Text => text(part.facts, profile),
            Kind::Video => offered(video::ways(part.facts, profile), part.facts),
        },
    };
    if part.anew {
        return anew(part.facts, found, profile);
    }
    match found {
        found if !profile.adapt.value => {
            if shown_as_is(&found) {
                kept
            } else {
                Prospect::Unmet(Why::AdaptationNotAllowed)
            }
        }
        Prospect::Settled(Action::Replace(why), _) if part.required => Prospect::Unmet(why),
        found => found,
    }
}

/// Without the ways that copy what came: pictures, sound and video are decoded, text is read, and
/// whatever is neither is left out, also where it is required or may not be converted.
fn anew(facts: &Facts, found: Prospect, profile: &Profile) -> Prospect {
    let ways = match (facts.format.kind(), found) {
        (Kind::Picture | Kind::Sound | Kind::Video, Prospect::Ways(ways)) => ways,
        (Kind::Text, Prospect::Settled(Action::Keep, octets)) if facts.format == Format::Html => {
            let charset = profile.charsets.value.first().map_or("utf-8", String::as_str).into();
            let change = TextChange { charset, from_html: true, why: Why::Unproven };
            return Prospect::Settled(Action::Text(change), octets);
        }
        (Kind::Text, found) | (_, found @ Prospect::Settled(Action::Replace(_), _)) => return found,
        _ => Vec::new(),
    };
    let made: Vec<Way> = ways.into_iter().filter(|way| profile.adapt.value && way.is_made()).collect();
    if made.is_empty() { Prospect::Settled(Action::Replace(Why::Unproven), 0) } else { Prospect::Ways(made) }
}

/// Whether the handset takes the part as it is, be it with metadata.
fn shown_as_is(found: &Prospect) -> bool {
    match found {
        Prospect::Settled(action, _) => *action == Action::Keep,
        Prospect::Unmet(_) => false,
        Prospect::Ways(ways) => {
            ways.first().is_some_and(|way| matches!(way.make, None | Some((Target::Strip, _))))
        }
    }
}

fn offered(ways: Vec<Way>, facts: &Facts) -> Prospect {
    if ways.is_empty() { refused(facts) } else { Prospect::Ways(ways) }
}

fn refused(facts: &Facts) -> Prospect {
    let why = match facts.fault.as_ref().map(|fault| fault.kind) {
        Some(FaultKind::Damaged) => Why::Damaged,
        Some(FaultKind::Encrypted) => Why::Encrypted,
        Some(FaultKind::TooLarge) => Why::Hostile,
        _ if facts.format == Format::Unknown => Why::Unknown,
        _ => Why::TypeNotTaken,
    };
    Prospect::Settled(Action::Replace(why), 0)
}

/// What the header warned of. `None` = goes on as if nothing were wrong: of a damaged picture, a
/// decoder often shows the better half.
fn fault(facts: &Facts, profile: &Profile) -> Option<Prospect> {
    let kind = facts.fault.as_ref()?.kind;
    if kind == FaultKind::TooLarge {
        return Some(refused(facts));
    }
    if kind == FaultKind::Damaged && facts.detail != Detail::None && facts.octets > 0 {
        return None;
    }
    Some(if types::accepts(profile, facts.format) {
        Prospect::Ways(vec![Way::keep(facts)])
    } else {
        refused(facts)
    })
}

fn document(facts: &Facts, profile: &Profile) -> Prospect {
    if types::accepts(profile, facts.format) {
        return Prospect::Ways(vec![Way::keep(facts)]);
    }
    match facts.format {
        Format::Drm => Prospect::Settled(Action::Replace(Why::Encrypted), 0),
        _ => refused(facts),
    }
}

fn card(facts: &Facts, profile: &Profile) -> Prospect {
    let stated = match &facts.detail {
        Detail::Text(text) => text.version.as_str(),
        _ => "",
    };
    let wanted = match facts.format {
        Format::VCard => &profile.vcard.value,
        _ => &profile.vcalendar.value,
    };
    let becomes = |version: &str| match (facts.format, version) {
        (Format::VCard, _) => Format::VCard,
        (_, "1.0") => Format::VCalendar,
        _ => Format::ICalendar,
    };
    let taken = types::accepts(profile, facts.format);
    if !wanted.is_empty() && (wanted != stated || !taken) && types::accepts(profile, becomes(wanted)) {
        return Prospect::Settled(Action::Card(wanted.clone()), facts.octets.saturating_mul(2));
    }
    if taken {
        return Prospect::Settled(Action::Keep, facts.octets);
    }
    let other = match facts.format {
        Format::ICalendar => "1.0",
        Format::VCalendar => "2.0",
        _ => return refused(facts),
    };
    if types::accepts(profile, becomes(other)) {
        Prospect::Settled(Action::Card(String::from(other)), facts.octets.saturating_mul(2))
    } else {
        refused(facts)
    }
}

/// A text is read by every client; what differs is the charset and whether HTML is understood.
fn text(facts: &Facts, profile: &Profile) -> Prospect {
    let charset = match &facts.detail {
        Detail::Text(text) => text.charset.as_str(),
        _ => "",
    };
    let from_html = facts.format == Format::Html && !types::accepts(profile, Format::Html);
    let readable = charset.is_empty() || reads(&profile.charsets.value, charset);
    if readable && !from_html {
        return Prospect::Settled(Action::Keep, facts.octets);
    }
    let to = match profile.charsets.value.first() {
        _ if readable && !charset.is_empty() => charset,
        Some(best) => best.as_str(),
        None => "utf-8",
    };
    let why = if from_html { Why::Html } else { Why::Charset };
    let octets = if from_html { facts.octets } else { grown(charset, to, facts.octets) };
    let change = TextChange { charset: String::from(to), from_html, why };
    Prospect::Settled(Action::Text(change), octets)
}

/// Octets of a text in another charset, at most.
fn grown(from: &str, to: &str, octets: u64) -> u64 {
    let wide = |charset: &str| charset.starts_with("utf-16") || charset.contains("ucs-2");
    let thai = matches!(from, "tis-620" | "windows-874" | "iso-8859-11");
    match to {
        "utf-8" if wide(from) => octets.saturating_add(octets / 2),
        "utf-8" if thai => octets.saturating_mul(3),
        "utf-8" => octets.saturating_mul(2),
        _ if wide(to) => octets.saturating_mul(2).saturating_add(2),
        _ => octets,
    }
}

fn reads(charsets: &[String], charset: &str) -> bool {
    let ascii = matches!(charset, "us-ascii" | "ascii");
    charsets.is_empty()
        || charsets.iter().any(|read| {
            read == charset
                || read == "*"
                || (ascii
                    && (read == "utf-8" || read.starts_with("iso-8859-") || read.starts_with("windows-")))
        })
}
