//! The walk through the rules, written down for a person (`cedrat explain`). Decides nothing: it
//! watches the same walk that delivery takes.

use alloc::{borrow::ToOwned as _, format, string::String, vec::Vec};

use super::{Decision, Match, Query, Rule, Unmet};
use crate::{
    pattern::{closest_domain, joined, longest_prefix},
    text::origin_token,
};

/// One rule that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Its name.
    pub rule: String,
    /// Whether it decided.
    pub matched: bool,
    /// Why or why not.
    pub why: String,
}

/// A decision with the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What normalisation did, in order; empty when the number was right already.
    pub normalised: Vec<String>,
    /// Every rule tried, in order.
    pub trials: Vec<Trial>,
    /// The decision, the same that delivery gets.
    pub decision: Decision,
}

/// What a walk writes down. Delivery writes nothing, and pays nothing for it.
pub(super) trait Record {
    fn normalised(&mut self, what: impl FnOnce() -> String);
    fn tried(&mut self, rules: &[Rule], query: &Query<'_>, best: Option<&Rule>);
}

impl Record for () {
    fn normalised(&mut self, _: impl FnOnce() -> String) {}
    fn tried(&mut self, _: &[Rule], _: &Query<'_>, _: Option<&Rule>) {}
}

#[derive(Default)]
pub(super) struct Journal {
    pub(super) normalised: Vec<String>,
    pub(super) trials: Vec<Trial>,
}

impl Record for Journal {
    fn normalised(&mut self, what: impl FnOnce() -> String) {
        self.normalised.push(what());
    }

    fn tried(&mut self, rules: &[Rule], query: &Query<'_>, best: Option<&Rule>) {
        for rule in rules {
            let matched = best.is_some_and(|best| best.id == rule.id);
            let why = match (rule.when.weigh(query), best) {
                (Err(unmet), _) => rule.when.unmet(unmet, query),
                (Ok(_), Some(best)) if !matched => {
                    format!("matches, but {} of the same order says more or stands before it", best.id)
                }
                (Ok(_), _) => rule.when.met(query),
            };
            self.trials.push(Trial { rule: rule.id.clone(), matched, why });
        }
    }
}

impl Match {
    fn met(&self, query: &Query<'_>) -> String {
        let mut why: Vec<String> = Vec::new();
        let recipient = query.recipient;
        if let Some(prefix) = longest_prefix(&self.prefix, recipient) {
            why.push(format!("recipient {recipient} begins with {prefix}"));
        } else if let Some(domain) = closest_domain(&self.domain, recipient) {
            why.push(format!("recipient {recipient} is in {domain}"));
        } else if !self.number.is_empty() {
            why.push(format!("recipient {recipient} is one of {}", joined(&self.number)));
        }
        if let Some(sender) = query.sender
            && !(self.from_prefix.is_empty() && self.from_domain.is_empty())
        {
            why.push(format!("sender {sender} is {}", self.senders()));
        }
        if !self.peer.is_empty() {
            why.push(format!("came from {}", query.peer.unwrap_or_default()));
        }
        if !self.interface.is_empty() {
            why.push(format!("came by {}", origin_token(query.interface)));
        }
        if self.min_octets.is_some() || self.max_octets.is_some() {
            why.push(format!("{} octets are {}", query.octets, self.octets()));
        }
        if why.is_empty() { "asks nothing".to_owned() } else { why.join("; ") }
    }

    fn unmet(&self, unmet: Unmet, query: &Query<'_>) -> String {
        match unmet {
            Unmet::Recipient => {
                let mut wanted: Vec<String> = self.prefix.iter().map(|p| format!("{p}…")).collect();
                wanted.extend(self.number.iter().map(|p| format!("{p}")));
                wanted.extend(self.domain.iter().map(|d| format!("@{d}")));
                format!("recipient {} is not {}", query.recipient, joined(&wanted))
            }
            Unmet::Sender => match query.sender {
                Some(sender) => format!("sender {sender} is not {}", self.senders()),
                None => format!("no sender is known, wants {}", self.senders()),
            },
            Unmet::Peer => match query.peer {
                Some(peer) => format!("came from {peer}, wants {}", joined(&self.peer)),
                None => format!("came from no peer, wants {}", joined(&self.peer)),
            },
            Unmet::Interface => {
                let wanted: Vec<&str> = self.interface.iter().map(|&origin| origin_token(origin)).collect();
                format!("came by {}, wants {}", origin_token(query.interface), joined(&wanted))
            }
            Unmet::Octets => format!("{} octets are not {}", query.octets, self.octets()),
        }
    }

    fn senders(&self) -> String {
        let mut wanted: Vec<String> = self.from_prefix.iter().map(|p| format!("{p}…")).collect();
        wanted.extend(self.from_domain.iter().map(|d| format!("@{d}")));
        joined(&wanted)
    }

    fn octets(&self) -> String {
        match (self.min_octets, self.max_octets) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (Some(least), None) => format!("at least {least}"),
            (None, Some(most)) => format!("at most {most}"),
            (None, None) => "any number".to_owned(),
        }
    }
}
