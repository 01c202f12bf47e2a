//! What must be done to each part so that the message fits a handset and its octet limit.
//!
//! [`plan`] decides from headers alone; [`Plan::share`] decides again when the stills have been
//! analysed; [`Plan::settle`] when some results are there. What need not change is kept to the
//! octet. The octets are shared so that the worst part looks as good as possible (max-min quality,
//! the sum as tie-break). Nothing here converts, writes a notice or knows a codec; whether the
//! message fits is verified by whoever assembles it.

mod budget;
mod front;
mod share;
mod sound;
mod steps;
mod still;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
mod tests;
mod types;
mod video;
mod why;

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

pub use budget::{Transfer, room, wire};
pub use types::accepts;
pub use why::Why;

use crate::{
    facts::Facts,
    job::{Ladder, StillTarget, Target},
    profile::{Counts, Profile},
};
use share::Contest;

/// What a line of a notice about one part takes, its share of the headers of the notices included:
/// all notices of a message travel in one text part.
pub const NOTICE_OCTETS: u64 = 512;
/// Most steps of one part: the wish and what is tried when it fails.
pub const MAX_STEPS: usize = 4;

/// A part of a message.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// What it is.
    pub facts: &'a Facts,
    /// Octets of its header, the delimiter before it and the empty line included.
    pub header_octets: u64,
    /// What it is for.
    pub role: Role,
    /// Whether it is signed or encrypted as mail: never touched.
    pub sealed: bool,
    /// Whether nothing of it may pass as it came: its octets prove nothing about who wrote them.
    pub anew: bool,
    /// `handling=required`, RFC 3459: never replaced by a notice.
    pub required: bool,
    /// How it will travel.
    pub transfer: Transfer,
}

/// What a part is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A contact or an appointment.
    Card,
    /// A file that goes along.
    Document,
    /// Shown or played.
    Media,
    /// Says how the others are shown.
    Presentation,
    /// Read.
    Text,
}

/// What a message takes beside its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Frame {
    /// Headers of the message and closing delimiters. Counted where the limit counts the whole.
    pub message_octets: u64,
    /// A presentation that will be generated, with its part header; 0 = none will.
    pub presentation_octets: u64,
}

/// What is done to a message: one action for each part, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What is done to each part.
    pub actions: Vec<Action>,
    /// What each part may take and how good it is expected to be.
    pub shares: Vec<Share>,
    /// The limit, in its own unit, less what does not change its size: frame, headers, texts,
    /// presentation, notices.
    pub budget: u64,
    /// `budget` in decoded octets: more than any part could get.
    pub binary_budget: u64,
    /// Stills that compete for octets: shared better once they are analysed, see
    /// [`Plan::analysis`] and [`Plan::share`].
    pub contested: Vec<usize>,
    /// Parts that the handset does not take and that must be neither converted nor replaced: kept
    /// all the same, whoever sends decides.
    pub unmet: Vec<(usize, Why)>,
    /// Whether it is too large even so: nothing may be converted, or what must stay does not fit.
    pub over: bool,
    /// Expected quality of the worst part, ten-thousandths; parts that the handset could never
    /// take do not count, parts that were given up for lack of octets count as 0.
    pub worst: u16,
    /// What [`Plan::share`] and [`Plan::settle`] decide from.
    #[serde(skip)]
    contest: Contest,
}

/// What a part may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Octets in the unit of the limit, part header not included: what it takes when it is kept,
    /// the most it may become when it is converted.
    pub octets: u64,
    /// Expected quality, ten-thousandths: 10,000 = as sent, 0 = replaced.
    pub quality: u16,
}

/// What is done to a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Written again as this version of vCard (`2.1`, `3.0`, `4.0`), or as vCalendar (`1.0`) or
    /// iCalendar (`2.0`).
    Card(String),
    /// Converted: the first step that does not fail. When all fail, the part is replaced.
    Convert(Vec<Step>),
    /// Left alone to the octet.
    Keep,
    /// Left out and named in a notice.
    Replace(Why),
    /// Text, written again.
    Text(TextChange),
}

/// One way to convert a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it shall become.
    pub target: Target,
    /// Why it cannot stay as it is.
    pub why: Why,
}

/// How a text changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextChange {
    /// Charset to write, IANA name in lower case.
    pub charset: String,
    /// Whether HTML becomes plain text.
    pub from_html: bool,
    /// Why it cannot stay as it is.
    pub why: Why,
}

/// Decides from headers alone.
///
/// Linear in the parts but for one sort of at most some dozen rungs each. All [`Action::Keep`] =
/// the message goes as it is.
#[must_use]
pub fn plan(parts: &[Part<'_>], profile: &Profile, frame: &Frame) -> Plan {
    Contest::new(parts, profile, frame).decide()
}

impl Plan {
    /// What a contested still is analysed for: the encoding that is planned for it or, while it is
    /// kept, the one that would be. Its octets are the most that it could ever get.
    #[must_use]
    pub fn analysis(&self, index: usize) -> Option<StillTarget> {
        let planned = match self.actions.get(index)? {
            Action::Convert(steps) => steps.iter().find_map(|step| match &step.target {
                Target::Still(still) => Some(still.format),
                _ => None,
            }),
            _ => None,
        };
        let mut stills = self.contest.stills(index);
        let still = match planned {
            Some(format) => stills.find(|still| still.format == format),
            None => stills.next(),
        };
        Some(StillTarget { max_octets: self.binary_budget, ..*still? })
    }

    /// Decides again, with what the analysis of stills said instead of what is usual for a
    /// picture. A ladder is of the target that [`Plan::analysis`] says.
    #[must_use]
    pub fn share(&self, ladders: &[(usize, Ladder)]) -> Self {
        let mut contest = self.contest.clone();
        for (index, ladder) in ladders {
            if let Some(still) = self.analysis(*index) {
                contest.learn(*index, still.format, ladder);
            }
        }
        contest.decide()
    }

    /// Decides again for the parts that are not made yet: what the made ones (index, decoded
    /// octets; 0 = no step succeeded, a notice stands for it) left over goes to the others. A part
    /// that was kept is named too once that cannot change any more.
    ///
    /// Sounds and videos first, stills last is the order that leaves least unused.
    #[must_use]
    pub fn settle(&self, made: &[(usize, u64)]) -> Self {
        let mut contest = self.contest.clone();
        for (index, octets) in made {
            if let (Some(action), Some(share)) = (self.actions.get(*index), self.shares.get(*index)) {
                contest.fix(*index, action, share.quality, *octets);
            }
        }
        contest.decide()
    }

    /// Whether every part is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actions.iter().all(|action| *action == Action::Keep)
    }
}

/// Which octets beside the bodies a limit counts.
impl Frame {
    const fn counted(&self, counts: Counts) -> u64 {
        match counts {
            Counts::Parts | Counts::PartsAndHeaders => self.presentation_octets,
            Counts::WholeMessage => self.presentation_octets.saturating_add(self.message_octets),
        }
    }
}
