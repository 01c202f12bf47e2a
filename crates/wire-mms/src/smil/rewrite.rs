//! A presentation that shows the parts as they are now (OMA MMS-CONF: at most one text, one picture
//! or video, one sound a slide).
//!
//! The source says the order, what belongs together, how long and whether texts stand above; the
//! parts say what they are and how they are called. Nothing of the source that does not mean a
//! part survives, and no part that a slide can show is left out. Without a usable source the order
//! of the parts decides.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::layout::Layout;
use super::{Aliases, Element, Medium, Names, Presentation, Slide};

/// How long a slide without sound or motion stays when the sender did not say, milliseconds.
const STILL: u64 = 5_000;

/// A part as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown<'a> {
    /// What the source calls it: its names before anything was renamed.
    pub called: Names<'a>,
    /// How the presentation must call it: a name or `cid:…`.
    pub src: &'a str,
    /// How it is shown. [`Element::Ref`]: as the source shows it, and only where it does. `None`:
    /// not at all, and references to it are removed.
    pub element: Option<Element>,
    /// Playing time, milliseconds, where known.
    pub duration: Option<u64>,
    /// Pixels across and down as shown, where known.
    pub size: Option<(u32, u32)>,
}

/// What the handset asks of a presentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stage {
    /// Pixels across and down; `None` = not known.
    pub screen: Option<(u32, u32)>,
    /// Most slides; 0 = no bound.
    pub max_slides: u32,
}

/// What a person should know of a rewriting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A slide was added for a part that the source does not show; the part.
    Added(usize),
    /// A reference to no part was removed; the reference.
    Dangling(String),
    /// A part does not appear because the handset takes no more slides; the part.
    Hidden(usize),
    /// A slide of the source became several; the slide, from 0.
    Split(usize),
}

/// The canonical presentation of `parts`, and what changed beside names.
///
/// Every `src` in it is that of a part. Time and size grow with the references of the source plus
/// the parts, up to the logarithm of a sorted table; the reader's [`super::Limits`] bound the former.
#[must_use]
pub fn rewrite(
    source: Option<&Presentation>,
    parts: &[Shown<'_>],
    stage: &Stage,
) -> (Presentation, Vec<Note>) {
    let mut notes = Vec::new();
    let mut slides = Vec::new();
    if let Some(source) = source {
        let names: Vec<Names<'_>> = parts.iter().map(|part| part.called).collect();
        let aliases = Aliases::of(&names);
        for (index, slide) in source.slides.iter().enumerate() {
            let made = split(slide, parts, &aliases, &mut notes);
            if made.len() > 1 {
                notes.push(Note::Split(index));
            }
            slides.extend(made);
        }
    }
    let is_new = slides.is_empty();
    let seen: BTreeSet<usize> = slides.iter().flat_map(Scene::parts).collect();
    let missing = (0..parts.len()).filter(|index| !seen.contains(index));
    for scene in arrange(missing, parts) {
        if !is_new {
            notes.extend(scene.parts().map(Note::Added));
        }
        slides.push(scene);
    }
    bound(&mut slides, stage.max_slides, &mut notes);
    let presentation = Presentation {
        root: stage.screen,
        regions: layout(source, &slides, parts, stage).regions(),
        slides: slides.into_iter().map(|scene| scene.slide(parts)).collect(),
    };
    (presentation, notes)
}

/// A slide whose media are known parts, at most one of a [`Slot`].
#[derive(Default)]
struct Scene {
    duration: Option<u64>,
    media: Vec<(usize, Medium)>,
}

/// What a slide can show one of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Other,
    Picture,
    Sound,
    Text,
}

impl Slot {
    const fn of(element: Element) -> Self {
        match element {
            Element::Animation | Element::Img | Element::Video => Self::Picture,
            Element::Audio => Self::Sound,
            Element::Ref => Self::Other,
            Element::Text | Element::Textstream => Self::Text,
        }
    }
}

impl Scene {
    fn has(&self, slot: Slot) -> bool {
        self.media.iter().any(|(_, medium)| Slot::of(medium.element) == slot)
    }

    fn parts(&self) -> impl Iterator<Item = usize> {
        self.media.iter().map(|(part, _)| *part)
    }

    /// The slide with its duration: what sounds or moves plays to its end, the rest stays as the
    /// sender wished.
    fn slide(self, parts: &[Shown<'_>]) -> Slide {
        let mut playing = None;
        let mut moving = false;
        let mut media = Vec::with_capacity(self.media.len());
        for (index, mut medium) in self.media {
            if matches!(medium.element, Element::Audio | Element::Video) {
                moving = true;
                let length = parts.get(index).and_then(|part| part.duration).filter(|length| *length > 0);
                if let Some(length) = length {
                    playing = playing.max(Some(length.saturating_add(medium.begin.unwrap_or(0))));
                    medium.end = None;
                }
            }
            media.push(medium);
        }
        let wished = self.duration.filter(|duration| *duration > 0);
        let duration = playing.or(wished).or((!moving).then_some(STILL));
        for medium in &mut media {
            // A medium that begins when its slide is over would never be seen.
            medium.begin = medium.begin.filter(|begin| duration.is_none_or(|duration| *begin < duration));
            medium.end = medium.end.filter(|end| *end > medium.begin.unwrap_or(0));
        }
        Slide { duration, media }
    }
}

/// One slide of the source as scenes: a medium for which the current one has no room begins the
/// next. Texts keep their order.
fn split(slide: &Slide, parts: &[Shown<'_>], aliases: &Aliases, notes: &mut Vec<Note>) -> Vec<Scene> {
    let mut scenes = Vec::new();
    let mut scene = Scene { duration: slide.duration, media: Vec::new() };
    for medium in &slide.media {
        let found = aliases.find(&medium.src).and_then(|index| Some((index, parts.get(index)?)));
        let Some((index, part, now)) = found.and_then(|(index, part)| Some((index, part, part.element?)))
        else {
            notes.push(Note::Dangling(medium.src.clone()));
            continue;
        };
        let element = if now == Element::Ref { medium.element } else { now };
        if scene.has(Slot::of(element)) {
            scenes
                .push(core::mem::replace(&mut scene, Scene { duration: slide.duration, media: Vec::new() }));
        }
        let shown = Medium {
            begin: medium.begin,
            end: medium.end,
            alt: medium.alt.clone(),
            ..Medium::new(element, part.src)
        };
        scene.media.push((index, shown));
    }
    if !scene.media.is_empty() {
        scenes.push(scene);
    }
    scenes
}

/// Scenes of parts in their order: each medium with the text before it; the last text goes with
/// the medium before it when that has none.
fn arrange(indices: impl Iterator<Item = usize>, parts: &[Shown<'_>]) -> Vec<Scene> {
    let mut scenes: Vec<Scene> = Vec::new();
    let mut waiting = None;
    for index in indices {
        let Some((part, element)) = parts.get(index).and_then(|part| Some((part, part.element?))) else {
            continue;
        };
        let medium = (index, Medium::new(element, part.src));
        match Slot::of(element) {
            Slot::Other => {}
            Slot::Text => {
                let before = waiting.replace(medium);
                scenes.extend(before.map(|text| Scene { duration: None, media: Vec::from([text]) }));
            }
            Slot::Picture | Slot::Sound => {
                let media = [Some(medium), waiting.take()].into_iter().flatten().collect();
                scenes.push(Scene { duration: None, media });
            }
        }
    }
    if let Some(text) = waiting {
        match scenes.last_mut().filter(|last| !last.has(Slot::Text)) {
            Some(last) => last.media.push(text),
            None => scenes.push(Scene { duration: None, media: Vec::from([text]) }),
        }
    }
    scenes
}

/// At most `most` scenes: neighbours that fit on one slide share it, from the front, until the
/// number is right; then the last ones are left out.
fn bound(scenes: &mut Vec<Scene>, most: u32, notes: &mut Vec<Note>) {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if most == 0 || scenes.len() <= most {
        return;
    }
    let mut surplus = scenes.len() - most;
    let mut kept: Vec<Scene> = Vec::with_capacity(scenes.len());
    for scene in scenes.drain(..) {
        let room = |last: &&mut Scene| scene.media.iter().all(|(_, it)| !last.has(Slot::of(it.element)));
        match kept.last_mut().filter(|last| surplus > 0 && room(last)) {
            Some(last) => {
                surplus -= 1;
                last.duration = last.duration.max(scene.duration);
                last.media.extend(scene.media);
            }
            None => kept.push(scene),
        }
    }
    let hidden = kept.split_off(most.min(kept.len()));
    let seen: BTreeSet<usize> = kept.iter().flat_map(Scene::parts).collect();
    let lost: BTreeSet<usize> =
        hidden.iter().flat_map(Scene::parts).filter(|part| !seen.contains(part)).collect();
    notes.extend(lost.into_iter().map(Note::Hidden));
    *scenes = kept;
}

fn layout(source: Option<&Presentation>, scenes: &[Scene], parts: &[Shown<'_>], stage: &Stage) -> Layout {
    let pictures = || {
        let media = scenes.iter().flat_map(|scene| &scene.media);
        media.filter(|(_, medium)| Slot::of(medium.element) == Slot::Picture)
    };
    let sizes = pictures().filter_map(|(index, _)| parts.get(*index)?.size);
    let sizes = sizes.filter(|(across, down)| *across > 0 && *down > 0);
    Layout {
        screen: stage.screen,
        text_above: source.is_some_and(Presentation::has_text_above),
        pictures: pictures().next().is_some(),
        texts: scenes.iter().any(|scene| scene.has(Slot::Text)),
        // Compared as fractions: a/b < c/d when ad < cb.
        highest: sizes.max_by(|a, b| {
            let cross = |(across, _): (u32, u32), (_, down): (u32, u32)| u64::from(across) * u64::from(down);
            cross(*b, *a).cmp(&cross(*a, *b))
        }),
    }
}
