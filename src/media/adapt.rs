//! A message made fit for one handset: its parts through [`super::fit`], then names, presentation
//! and notices put right, so that it can be written as any other message.
//!
//! A message that fits as it is stays as it is, to the octet. What was left out is named in a
//! notice at its end; what was changed is said in the loss report.

use bytes::Bytes;
use cedrat_keyring::consent::Pattern;
use cedrat_mapping::{
    Fidelity, Loss,
    mm4::{self, Showing},
};
use cedrat_message::{Content, Disposition, Field, Message, Part, PartKind, TransferEncoding};
use cedrat_plan::{
    facts::{self, Claim, Detail, Facts},
    plan::{Frame, Role, Transfer},
    profile::{Layer, Origin, Partial, Profile},
};

use super::{
    Media,
    cache::Entry,
    desk::Source,
    fit::{self, Fitted, Item, Secrecy, Wish},
    notice,
};

/// What the next hop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    /// A mail system: alternatives are kept, a presentation is not made where none is.
    Mail,
    /// An MMS system.
    Mms,
}

/// For whom.
#[derive(Debug, Clone, Copy)]
pub struct For<'a> {
    /// What the handset takes.
    pub profile: &'a Profile,
    /// Profiles of the other recipients.
    pub others: &'a [Profile],
    /// The kind of next hop.
    pub towards: Towards,
    /// Octets of the message beside its parts.
    pub frame_octets: u64,
    /// Out of which kind of message the parts come.
    pub provenance: Provenance<'a>,
}

/// Out of which kind of message parts come, and so how they may be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance<'a> {
    /// Any that the gateway can read.
    Open,
    /// An encrypted one: no result outlives the message.
    Encrypted {
        /// Whether nothing may pass as it came, because nothing proves that it is what was sent.
        anew: bool,
        /// Media types that may be converted, such as `image/*`.
        may: &'a [Pattern],
    },
}

impl Provenance<'_> {
    /// Whether a part of this type may be touched. Texts are always read: what a person sees of them
    /// does not change.
    fn allows(&self, media_type: &str) -> bool {
        match self {
            Self::Open | Self::Encrypted { anew: true, .. } => true,
            Self::Encrypted { may, .. } => {
                media_type.starts_with("text/") || may.iter().any(|pattern| pattern.matches(media_type))
            }
        }
    }
}

/// Room for the part header of a presentation that will be made, and for its slides.
const PRESENTATION_HEADER: u64 = 300;
const SLIDE: u64 = 200;

/// Makes a message fit; `None` when it goes as it is.
pub async fn adapt(media: &Media, message: &Message, whom: &For<'_>, loss: &mut Loss) -> Option<Message> {
    let parts = &message.content.parts;
    let items: Vec<Item> = parts.iter().map(|part| item(media, part, whom)).collect();
    let mut profile = whom.profile.clone();
    if forbids_adaptation(message) {
        let sender = Origin { layer: Layer::Recipient, name: "X-Mms-Adaptation-Allowed".to_owned() };
        profile.lay(&sender, Partial { adapt: Some(false), ..Partial::default() });
    }
    let shown = parts.iter().any(|part| part.kind == PartKind::Presentation);
    let made_here = whom.towards == Towards::Mms && profile.smil.value && !shown;
    let presentation_octets = if made_here { PRESENTATION_HEADER + SLIDE * parts.len() as u64 } else { 0 };
    let wish = Wish {
        profile: &profile,
        others: whom.others,
        frame: Frame { message_octets: whom.frame_octets, presentation_octets },
        secrecy: if whom.provenance == Provenance::Open { Secrecy::Open } else { Secrecy::Secret },
    };
    let fitting = fit::fit(media, &items, &wish).await;
    let drop_presentation = shown && whom.towards == Towards::Mms && !profile.smil.value;
    for (index, why) in &fitting.unmet {
        let name = parts.get(*index).map(called);
        loss.push(Field::Content, Fidelity::Exact, &format!("A required part is sent although {why}."), name);
    }
    if fitting.is_untouched() && !drop_presentation {
        return None;
    }
    let mut message = message.clone();
    let mut content = Content { original: None, ..message.content };
    let now = rebuild(&mut content, &items, fitting.parts, loss);
    if drop_presentation {
        let note = "The handset follows no presentation.";
        loss.push(Field::Content, Fidelity::Dropped, note, None);
    }
    show(&mut content, now, whom.towards, &profile, drop_presentation, loss);
    message.content = content;
    Some(message)
}

/// What a part is now, as far as it has to be known to show it.
struct Now {
    facts: Option<Facts>,
    changed: bool,
}

/// Puts in place what became of the parts, and the notice for those that are gone.
fn rebuild(content: &mut Content, items: &[Item], fitted: Vec<Fitted>, loss: &mut Loss) -> Vec<Now> {
    let parts = std::mem::take(&mut content.parts);
    let mut now = Vec::with_capacity(parts.len());
    let mut left_out = Vec::new();
    for ((mut part, item), fitted) in parts.into_iter().zip(items).zip(fitted) {
        let from = &item.source.facts;
        let (facts, changed) = match fitted {
            Fitted::Kept => (from.clone(), false),
            Fitted::Made { entry, why } => {
                let note = notice::changed(from, &entry.made, why);
                loss.push(Field::Content, Fidelity::Lossy, &note, Some(called(&part)));
                let facts = entry.made.facts.clone();
                become_media(&mut part, entry);
                (facts, true)
            }
            Fitted::Replaced { why, fault } => {
                let note = notice::left_out(from, why, fault.as_ref());
                loss.push(Field::Content, Fidelity::Dropped, &note, Some(called(&part)));
                left_out.push(notice::line(&called(&part), from, why));
                continue;
            }
            Fitted::Written(written) => {
                for note in &written.notes {
                    loss.push(Field::Content, Fidelity::Lossy, note, Some(called(&part)));
                }
                part.media_type.clone_from(&written.media_type);
                part.charset.clone_from(&written.charset);
                part.body = mm4::encoded(written.octets);
                (from.clone(), true)
            }
        };
        content.parts.push(part);
        now.push(Now { facts: Some(facts), changed });
    }
    if !left_out.is_empty() {
        content.parts.push(notice_part(&left_out));
        now.push(Now { facts: None, changed: false });
    }
    now
}

/// Names and presentation.
fn show(
    content: &mut Content,
    now: Vec<Now>,
    towards: Towards,
    profile: &Profile,
    drop_presentation: bool,
    loss: &mut Loss,
) {
    let is_presentation = |part: &Part| part.kind == PartKind::Presentation;
    let mut parts = Vec::with_capacity(content.parts.len());
    let mut kept = Vec::with_capacity(now.len());
    for (part, now) in std::mem::take(&mut content.parts).into_iter().zip(now) {
        if !(drop_presentation && is_presentation(&part)) {
            parts.push(part);
            kept.push(now);
        }
    }
    content.parts = parts;
    let wanted = match towards {
        Towards::Mail => content.parts.iter().any(is_presentation),
        Towards::Mms => profile.smil.value,
    };
    if !wanted {
        for (index, now) in kept.iter().enumerate() {
            if let (true, Some(facts)) = (now.changed, &now.facts) {
                mm4::rename(&mut content.parts, index, facts.format.extension());
            }
        }
        return;
    }
    let details = || kept.iter().enumerate().filter_map(|(index, now)| Some((index, now.facts.as_ref()?)));
    let durations: Vec<(usize, u64)> =
        details().filter_map(|(index, facts)| Some((index, playing(facts)?))).collect();
    let sizes: Vec<(usize, (u32, u32))> =
        details().filter_map(|(index, facts)| Some((index, shown(facts)?))).collect();
    let screen = &profile.screen.value;
    let showing = Showing {
        screen: (screen.width > 0 && screen.height > 0).then_some((screen.width, screen.height)),
        max_slides: profile.max_slides.value,
        durations: &durations,
        sizes: &sizes,
        ..Showing::default()
    };
    mm4::present(content, &showing, loss);
}

fn playing(facts: &Facts) -> Option<u64> {
    let duration = match &facts.detail {
        Detail::Sound(sound) => sound.duration_ms,
        Detail::Video(video) => video.duration_ms,
        Detail::Picture(_) | Detail::Text(_) | Detail::None => 0,
    };
    (duration > 0).then_some(duration)
}

fn shown(facts: &Facts) -> Option<(u32, u32)> {
    match &facts.detail {
        Detail::Picture(picture) => Some(picture.shown()),
        Detail::Video(video) => Some(video.shown()),
        Detail::Sound(_) | Detail::Text(_) | Detail::None => None,
    }
}

fn item(media: &Media, part: &Part, whom: &For<'_>) -> Item {
    // A mail client chooses among alternatives, and none of them is ours to change; MMS shows one form of
    // a text, and the other takes no room because it is not sent.
    let alternative = part.kind == PartKind::Alternative;
    let unsent = alternative && whom.towards == Towards::Mms;
    let octets = if unsent { Bytes::new() } else { mm4::decoded(&part.body) };
    let claim =
        Claim { media_type: &part.media_type, name: part.name.as_deref(), charset: part.charset.as_deref() };
    let facts = facts::read(&octets, &claim, &media.limits);
    let role = match part.kind {
        PartKind::Presentation => Role::Presentation,
        PartKind::Text => Role::Text,
        PartKind::Alternative | PartKind::Media | PartKind::Sealed => fit::role(&facts),
    };
    Item {
        header_octets: if unsent { 0 } else { header_octets(part) },
        sealed: part.kind == PartKind::Sealed || alternative || !whom.provenance.allows(&part.media_type),
        anew: matches!(whom.provenance, Provenance::Encrypted { anew: true, .. }),
        required: is_required(part),
        transfer: match part.body.encoding {
            _ if unsent => Transfer::AsIs(0),
            TransferEncoding::Binary => Transfer::Base64,
            TransferEncoding::EightBit | TransferEncoding::SevenBit if !part.body.encoded.is_ascii() => {
                Transfer::Base64
            }
            _ => Transfer::AsIs(part.body.encoded.len() as u64),
        },
        role,
        source: Source { octets, facts },
    }
}

/// The part header as it is usually written, the delimiter and the empty line included.
fn header_octets(part: &Part) -> u64 {
    const NAMES: usize = 220;
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let parameters: usize = part.parameters.iter().map(|(name, value)| name.len() + value.len() + 5).sum();
    let names = 2 * length(&part.name) + length(&part.location) + length(&part.content_id);
    (NAMES + part.media_type.len() + length(&part.charset) + parameters + names) as u64
}

/// `Content-Disposition: ...; handling=required` (RFC 3459 §4).
fn is_required(part: &Part) -> bool {
    part.parameters
        .iter()
        .any(|(name, value)| name.eq_ignore_ascii_case("handling") && value.eq_ignore_ascii_case("required"))
}

/// `X-Mms-Adaptation-Allowed: No`.
fn forbids_adaptation(message: &Message) -> bool {
    message.service_fields.iter().any(|field| {
        field.name.eq_ignore_ascii_case("X-Mms-Adaptation-Allowed")
            && field.value.trim().eq_ignore_ascii_case("no")
    })
}

fn become_media(part: &mut Part, entry: Entry) {
    part.kind = PartKind::Media;
    part.media_type = entry.made.facts.format.media_type().to_owned();
    part.charset = None;
    part.parameters.clear();
    part.body = mm4::encoded(entry.octets);
    part.damaged = false;
}

/// A text that the gateway says, for the end of a message.
pub fn notice_part(lines: &[String]) -> Part {
    Part {
        kind: PartKind::Text,
        media_type: "text/plain".to_owned(),
        charset: Some("utf-8".to_owned()),
        parameters: Vec::new(),
        name: Some("notice.txt".to_owned()),
        content_id: None,
        location: None,
        disposition: Some(Disposition::Inline),
        body: mm4::encoded(lines.join("\r\n").into()),
        damaged: false,
    }
}

/// What a person calls a part.
fn called(part: &Part) -> String {
    part.name.clone().or_else(|| part.location.clone()).unwrap_or_else(|| part.media_type.clone())
}
