//! How a recipient's copy ends: in exactly one of delivered, relayed, refused, expired.
//!
//! [`Standing`] can only be moved by [`Standing::settle`], and an end can be reached once. One
//! refinement is possible: of a copy that was relayed it may become known later what happened to
//! it. So whoever counts ends counts every recipient once.

use cedrat_message::Reason;
use serde::{Deserialize, Serialize};

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// It is known to have arrived.
    Delivered,
    /// Its time was over first; the last reason why it could not be delivered.
    Expired(#[serde(with = "crate::text::reason")] Reason),
    /// Refused for good, here or by the next hop.
    Refused(#[serde(with = "crate::text::reason")] Reason),
    /// Handed to a system that answers for it; more is not known.
    Relayed,
}

/// Where the copy for one recipient stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Standing(State);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ended(End),
    Handed,
    #[default]
    Waiting,
}

/// What an end that was stated changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The recipient has ended with this.
    Ended,
    /// It had ended before; this changes nothing.
    Kept,
    /// It had ended as relayed; this says more.
    Refined,
}

impl Standing {
    /// The next hop has taken the copy and will report.
    pub const fn hand_over(&mut self) {
        if matches!(self.0, State::Waiting) {
            self.0 = State::Handed;
        }
    }

    /// Ends the copy.
    pub fn settle(&mut self, end: End) -> Settled {
        let settled = match self.0 {
            State::Waiting | State::Handed => Settled::Ended,
            State::Ended(End::Relayed) if end != End::Relayed => Settled::Refined,
            State::Ended(_) => Settled::Kept,
        };
        if settled != Settled::Kept {
            self.0 = State::Ended(end);
        }
        settled
    }

    /// Whether the copy still waits in the queue and may be tried.
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        matches!(self.0, State::Waiting)
    }

    /// Whether the next hop has it and a report is awaited.
    #[must_use]
    pub const fn is_handed(self) -> bool {
        matches!(self.0, State::Handed)
    }

    /// How it ended; `None` while it has not.
    #[must_use]
    pub const fn end(self) -> Option<End> {
        if let State::Ended(end) = self.0 { Some(end) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const ENDS: [End; 4] =
        [End::Delivered, End::Expired(Reason::NoResponse), End::Refused(Reason::Rejected), End::Relayed];

    #[test]
    fn what_was_relayed_may_turn_out_delivered_but_not_the_other_way_round() {
        let mut standing = Standing::default();
        assert_eq!(standing.settle(End::Relayed), Settled::Ended);
        assert_eq!(standing.settle(End::Relayed), Settled::Kept);
        assert_eq!(standing.settle(End::Delivered), Settled::Refined);
        assert_eq!(standing.settle(End::Relayed), Settled::Kept);
        assert_eq!(standing.settle(End::Refused(Reason::Rejected)), Settled::Kept);
        assert_eq!(standing.end(), Some(End::Delivered));
    }

    #[test]
    fn an_end_does_not_go_back_to_the_next_hop() {
        let mut standing = Standing::default();
        standing.settle(End::Delivered);
        standing.hand_over();
        assert!(!standing.is_handed());
    }

    proptest! {
        #[test]
        fn any_story_has_one_end_and_at_most_one_refinement(story in proptest::collection::vec(0usize..5, 1..20)) {
            let mut standing = Standing::default();
            let mut changes = Vec::new();
            for step in story {
                match ENDS.get(step) {
                    Some(&end) => changes.push(standing.settle(end)),
                    None => standing.hand_over(),
                }
            }
            prop_assert!(changes.iter().filter(|&&c| c == Settled::Ended).count() <= 1);
            prop_assert!(changes.iter().filter(|&&c| c == Settled::Refined).count() <= 1);
            prop_assert_eq!(standing.end().is_some(), changes.contains(&Settled::Ended));
        }
    }
}
