//! Parts made fit: the plan of `cedrat-plan` carried out with the workers, step by step.
//!
//! Sound and video first, because what they leave over goes to the pictures; then the pictures
//! that compete are analysed and share what is left. A step that fails is followed by the next
//! one of its part; a part without any step left is replaced by a notice. Nothing here knows a
//! message: names, headers and presentation are [`super::adapt`]'s.

use bytes::Bytes;
use cedrat_plan::{
    facts::{self, Claim, Facts},
    job::{Fault, FaultKind, Ladder, Note, StillTarget, Target},
    plan::{self, Action, Frame, Part, Plan, Role, Step, Transfer, Why},
    profile::{Counts, Layer, OctetLimit, Origin, Partial, Profile, Unit},
};

use super::{
    Media,
    cache::Entry,
    desk::{Desk, Source},
    words,
};

/// Whether results may be kept for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// They may.
    Open,
    /// The part came out of an encrypted message: nothing of it outlives the message.
    Secret,
}

/// A part to be made fit.
#[derive(Debug, Clone)]
pub struct Item {
    /// Octets and facts.
    pub source: Source,
    /// What it is for.
    pub role: Role,
    /// Octets of its header.
    pub header_octets: u64,
    /// Whether it must not be touched.
    pub sealed: bool,
    /// Whether nothing of it may pass as it came.
    pub anew: bool,
    /// Whether it must not be left out.
    pub required: bool,
    /// How it travels.
    pub transfer: Transfer,
}

/// What became of a part.
#[derive(Debug, Clone)]
pub enum Fitted {
    /// Nothing.
    Kept,
    /// It was converted.
    Made {
        /// What was made.
        entry: Entry,
        /// Why it could not stay as it was.
        why: Why,
    },
    /// It is left out; a notice must stand for it.
    Replaced {
        /// Why it could not stay as it was.
        why: Why,
        /// Why it could not be converted, where that was tried.
        fault: Option<Fault>,
    },
    /// A text or a card was written again.
    Written(words::Written),
}

/// What became of the parts of a message.
#[derive(Debug, Clone)]
pub struct Fitting {
    /// One for each part.
    pub parts: Vec<Fitted>,
    /// Required parts that the handset does not take.
    pub unmet: Vec<(usize, Why)>,
}

impl Fitting {
    /// Whether every part is as it was.
    pub fn is_untouched(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Fitted::Kept))
    }
}

/// For whom the parts are made fit.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// What the handset takes.
    pub profile: &'a Profile,
    /// Profiles of the other recipients of the same message: what they will need of a video is
    /// made from the same decode.
    pub others: &'a [Profile],
    /// What the message takes beside its parts.
    pub frame: Frame,
    /// Whether results may be kept.
    pub secrecy: Secrecy,
}

/// Makes the parts of one message fit.
pub async fn fit(media: &Media, items: &[Item], wish: &Wish<'_>) -> Fitting {
    let parts = parts(items);
    let mut work = Work {
        items,
        plan: plan::plan(&parts, wish.profile, &wish.frame),
        elsewhere: wish.others.iter().map(|other| plan::plan(&parts, other, &wish.frame)).collect(),
        desk: Desk::new(media, wish.secrecy),
        done: vec![None; items.len()],
    };
    work.all_but_stills().await;
    work.stills().await;
    Fitting {
        parts: work.done.into_iter().map(|done| done.unwrap_or(Fitted::Kept)).collect(),
        unmet: work.plan.unmet,
    }
}

fn parts(items: &[Item]) -> Vec<Part<'_>> {
    items
        .iter()
        .map(|item| Part {
            facts: &item.source.facts,
            header_octets: item.header_octets,
            role: item.role,
            sealed: item.sealed,
            anew: item.anew,
            required: item.required,
            transfer: item.transfer,
        })
        .collect()
}

struct Work<'a> {
    items: &'a [Item],
    plan: Plan,
    elsewhere: Vec<Plan>,
    desk: Desk<'a>,
    done: Vec<Option<Fitted>>,
}

impl Work<'_> {
    /// Everything but stills that are converted, or that compete with others for octets.
    async fn all_but_stills(&mut self) {
        for (index, item) in self.items.iter().enumerate() {
            let action = self.plan.actions.get(index).cloned().unwrap_or(Action::Keep);
            if self.plan.contested.contains(&index) || still(&action).is_some() {
                continue;
            }
            self.act(index, item, action).await;
        }
    }

    /// The stills: analysed where they compete, then written.
    async fn stills(&mut self) {
        let contested: Vec<usize> =
            self.plan.contested.iter().copied().filter(|index| self.is_open(*index)).collect();
        let mut analysed = Vec::new();
        if contested.len() > 1 {
            let mut ladders = Vec::new();
            for index in contested {
                if let Some((target, ladder)) = self.analyse(index).await {
                    analysed.push((index, target));
                    ladders.push((index, ladder));
                }
            }
            self.plan = self.plan.share(&ladders);
        }
        for (index, item) in self.items.iter().enumerate() {
            if !self.is_open(index) {
                continue;
            }
            let action = self.plan.actions.get(index).cloned().unwrap_or(Action::Keep);
            let prepared = analysed.iter().find(|(one, _)| *one == index).map(|(_, target)| target.format);
            if let (Some(target), Some(why), Ok(keep)) =
                (still(&action), first_why(&action), u16::try_from(index))
                && prepared == Some(target.format)
                && let Some(Ok(entry)) = self.desk.encode(keep, target.max_octets).await
            {
                self.note(index, Fitted::Made { entry, why });
            } else {
                self.act(index, item, action).await;
            }
        }
    }

    fn is_open(&self, index: usize) -> bool {
        self.done.get(index).is_some_and(Option::is_none)
    }

    /// A picture that cannot be analysed keeps the share that was foreseen for it.
    async fn analyse(&mut self, index: usize) -> Option<(StillTarget, Ladder)> {
        let target = self.plan.analysis(index)?;
        let keep = u16::try_from(index).ok()?;
        let ladder = self.desk.ladder(&self.items.get(index)?.source, target, keep).await.ok()?;
        Some((target, ladder))
    }

    /// Does what the plan says.
    async fn act(&mut self, index: usize, item: &Item, action: Action) {
        let fitted = match action {
            Action::Keep => Fitted::Kept,
            Action::Replace(why) => Fitted::Replaced { why, fault: None },
            Action::Text(change) => rewritten(words::text(&item.source, &change), change.why),
            Action::Card(version) => rewritten(words::card(&item.source, &version), Why::CardVersion),
            Action::Convert(steps) => self.convert(index, item, &steps).await,
        };
        self.note(index, fitted);
    }

    /// The first step that does not fail.
    async fn convert(&mut self, index: usize, item: &Item, steps: &[Step]) -> Fitted {
        let mut fault = None;
        let mut why = Why::Damaged;
        for step in steps {
            why = step.why;
            let also = self.also(index, &step.target);
            match self.desk.make(&item.source, &step.target, &also).await {
                Ok(entry) => return Fitted::Made { entry, why },
                // The same octets are not given to a decoder that they killed, in another shape.
                Err(failed) if failed.kind == FaultKind::NoWorker => {
                    return Fitted::Replaced { why, fault: Some(failed) };
                }
                Err(failed) => fault = Some(failed),
            }
        }
        Fitted::Replaced { why, fault }
    }

    /// What the other recipients need of the same video.
    fn also(&self, index: usize, target: &Target) -> Vec<Target> {
        if !matches!(target, Target::Video(_)) {
            return Vec::new();
        }
        let first = |plan: &Plan| match plan.actions.get(index) {
            Some(Action::Convert(steps)) => steps.first().map(|step| step.target.clone()),
            _ => None,
        };
        self.elsewhere
            .iter()
            .filter_map(first)
            .filter(|other| matches!(other, Target::Video(_)) && other != target)
            .collect()
    }

    /// Keeps what became of a part, and gives what it left over to the others.
    fn note(&mut self, index: usize, fitted: Fitted) {
        let octets = match &fitted {
            Fitted::Kept => self.items.get(index).map_or(0, |item| item.source.octets.len()),
            Fitted::Made { entry, .. } => entry.octets.len(),
            Fitted::Replaced { .. } => 0,
            Fitted::Written(written) => written.octets.len(),
        };
        self.plan = self.plan.settle(&[(index, octets as u64)]);
        if let Some(place) = self.done.get_mut(index) {
            *place = Some(fitted);
        }
    }
}

fn rewritten(written: Result<words::Written, Fault>, why: Why) -> Fitted {
    match written {
        Ok(written) => Fitted::Written(written),
        Err(fault) => Fitted::Replaced { why, fault: Some(fault) },
    }
}

/// The target of the first step when it is a still made of a picture.
fn still(action: &Action) -> Option<StillTarget> {
    match action {
        Action::Convert(steps) => match steps.first().map(|step| &step.target) {
            Some(Target::Still(target)) => Some(*target),
            _ => None,
        },
        _ => None,
    }
}

fn first_why(action: &Action) -> Option<Why> {
    match action {
        Action::Convert(steps) => steps.first().map(|step| step.why),
        _ => None,
    }
}

/// One part on its own, made fit.
#[derive(Debug, Clone)]
pub struct One {
    /// The octets.
    pub octets: Bytes,
    /// What came in.
    pub from: Facts,
    /// What came out.
    pub facts: Facts,
    /// Whether nothing had to be done.
    pub kept: bool,
    /// Why something had to be done, a sentence each.
    pub why: Vec<String>,
    /// What a person should know.
    pub notes: Vec<Note>,
    /// SSIM of luma, ten-thousandths; 0 = not measured.
    pub quality: u16,
    /// How often the whole was encoded.
    pub encodes: u32,
}

/// Makes one part fit the profile and, where given, so many octets of its own.
///
/// # Errors
/// Why it cannot be had in this shape.
pub async fn one(
    media: &Media,
    octets: Bytes,
    claim: &Claim<'_>,
    profile: &Profile,
    max_octets: Option<u64>,
) -> Result<One, Fault> {
    let mut profile = profile.clone();
    if let Some(octets) = max_octets {
        let origin = Origin { layer: Layer::Recipient, name: "request".into() };
        let max_octets = Some(OctetLimit { octets, unit: Unit::Binary, counts: Counts::Parts });
        profile.lay(&origin, Partial { max_octets, ..Partial::default() });
    }
    let from = facts::read(&octets, claim, &media.limits);
    let item = Item {
        source: Source { octets: octets.clone(), facts: from.clone() },
        role: role(&from),
        header_octets: 0,
        sealed: false,
        anew: false,
        required: true,
        transfer: Transfer::Binary,
    };
    let wish = Wish { profile: &profile, others: &[], frame: Frame::default(), secrecy: Secrecy::Open };
    let mut fitting = fit(media, &[item], &wish).await;
    let unmet = fitting.unmet.first().map(|(_, why)| *why);
    let kept = One {
        octets,
        from: from.clone(),
        facts: from,
        kept: true,
        why: Vec::new(),
        notes: Vec::new(),
        quality: 0,
        encodes: 0,
    };
    let made = match fitting.parts.pop() {
        Some(Fitted::Made { entry, why }) => One {
            octets: entry.octets,
            facts: entry.made.facts,
            kept: false,
            why: vec![why.sentence().to_owned()],
            notes: entry.made.notes,
            quality: entry.made.quality,
            encodes: entry.made.encodes,
            ..kept
        },
        Some(Fitted::Written(written)) => {
            let charset = written.charset.as_deref();
            let claim = Claim { media_type: &written.media_type, name: None, charset };
            let facts = facts::read(&written.octets, &claim, &media.limits);
            One { octets: written.octets, facts, kept: false, why: written.notes, ..kept }
        }
        Some(Fitted::Replaced { why, fault }) => return Err(fault.unwrap_or_else(|| refused(why))),
        _ => match unmet {
            Some(why) => return Err(refused(why)),
            None => kept,
        },
    };
    within(made, profile.max_octets.value.binary())
}

/// Nothing leaves that is over the limit, whatever a conversion came to: who asked counts on it.
fn within(one: One, limit: u64) -> Result<One, Fault> {
    let octets = one.octets.len() as u64;
    if octets > limit {
        let detail = format!("the smallest that can be made has {octets} octets; {limit} are allowed");
        return Err(Fault::new(FaultKind::CannotFit, detail));
    }
    Ok(one)
}

fn refused(why: Why) -> Fault {
    let kind = match why {
        Why::TooLarge => FaultKind::CannotFit,
        Why::Damaged => FaultKind::Damaged,
        Why::Encrypted => FaultKind::Encrypted,
        _ => FaultKind::Unsupported,
    };
    Fault::new(kind, why.sentence())
}

/// What a part on its own is for.
pub const fn role(facts: &Facts) -> Role {
    use cedrat_plan::format::Kind;
    match facts.format.kind() {
        Kind::Card => Role::Card,
        Kind::Document => Role::Document,
        Kind::Picture | Kind::Sound | Kind::Video => Role::Media,
        Kind::Presentation => Role::Presentation,
        Kind::Text => Role::Text,
    }
}

#[cfg(test)]
mod tests {
    use cedrat_plan::limits::Limits;

    use super::*;

    #[test]
    fn nothing_over_the_limit_leaves() {
        let octets = Bytes::from_static(b"a short text");
        let facts = cedrat_plan::facts::read(&octets, &Claim::default(), &Limits::default());
        let one = One {
            octets,
            from: facts.clone(),
            facts,
            kept: true,
            why: Vec::new(),
            notes: Vec::new(),
            quality: 0,
            encodes: 0,
        };
        assert!(within(one.clone(), 12).is_ok());
        assert!(within(one, 11).is_err_and(|fault| fault.kind == FaultKind::CannotFit));
    }
}
