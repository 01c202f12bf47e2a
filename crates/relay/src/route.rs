//! Where a recipient's copy goes: ordered rules, the first that matches decides.
//!
//! Order: the rule's number, then the rule that says more of the recipient (longest prefix,
//! closest domain), then the one that says more of the sender, then its place in the file.
//! Delivery and `cedrat explain` take the same walk; the second writes down every step.
//! Portability look-ups and ENUM are answers that a caller may put in the query's place of the
//! recipient; they are not made here.

mod explain;
mod index;

use alloc::{borrow::ToOwned as _, format, string::String, vec::Vec};
use core::cmp::Reverse;

use cedrat_message::{Address, Blame, Origin, Reason, Refusal};
use serde::Deserialize;

use crate::{
    hash,
    limit::StatedLimits,
    number::{Normalised, NumberRules},
    pattern::{DomainPattern, NumberPattern, NumberPrefix, closest_domain, longest_prefix},
    text::{one_or_many, origins},
};
pub use explain::{Explanation, Trial};
use explain::{Journal, Record};
use index::Index;

/// What a rule asks of a message. Everything named must hold; in a list, one of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// Starts of the recipient's number. `prefix`, `number` and `domain` are one list in three
    /// languages: the recipient must be meant by one of them; without any, every recipient is.
    #[serde(deserialize_with = "one_or_many")]
    pub prefix: Vec<NumberPrefix>,
    /// The recipient's number with wildcards.
    #[serde(deserialize_with = "one_or_many")]
    pub number: Vec<NumberPattern>,
    /// Domain of the recipient's e-mail address.
    #[serde(deserialize_with = "one_or_many")]
    pub domain: Vec<DomainPattern>,
    /// Starts of the sender's number; one list with `from_domain`.
    #[serde(deserialize_with = "one_or_many")]
    pub from_prefix: Vec<NumberPrefix>,
    /// Domain of the sender's e-mail address.
    #[serde(deserialize_with = "one_or_many")]
    pub from_domain: Vec<DomainPattern>,
    /// Peers that it came from.
    #[serde(deserialize_with = "one_or_many")]
    pub peer: Vec<String>,
    /// Interfaces that it came by, `mail` or `mm4`.
    #[serde(deserialize_with = "origins")]
    pub interface: Vec<Origin>,
    /// Octets at least.
    pub min_octets: Option<u64>,
    /// Octets at most.
    pub max_octets: Option<u64>,
}

/// One next hop of a group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Name of the peer or delivery.
    pub to: String,
    /// Targets of the lowest number are used while one of them can be.
    #[serde(default)]
    pub order: u16,
    /// Share among targets of the same order; 0 = only when no other is left. Default 1.
    #[serde(default = "one")]
    pub weight: u16,
}

const fn one() -> u16 {
    1
}

/// What is done with a message that matches.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Action {
    /// It goes to one of these.
    Deliver(Vec<Target>),
    /// It is stored and waits for the operator.
    Hold,
    /// It is refused.
    #[serde(deserialize_with = "crate::text::reason::deserialize")]
    Reject(Reason),
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Name, unique.
    pub id: String,
    /// Lower is tried first. Default 0.
    #[serde(default)]
    pub order: u32,
    /// What it asks. Nothing = everything matches.
    #[serde(default, rename = "match")]
    pub when: Match,
    /// What it does.
    pub action: Action,
    /// Limits on what goes this way.
    #[serde(default)]
    pub limits: StatedLimits,
}

/// What is to be routed.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Stable identifier of the message: all its recipients make the same weighted choice.
    pub message_id: &'a str,
    /// Who wrote it; `None` when hidden or null.
    pub sender: Option<&'a Address>,
    /// Who receives it, as the envelope has it.
    pub recipient: &'a Address,
    /// Name of the peer that it came from.
    pub peer: Option<&'a str>,
    /// Number rules of that peer; the table's own follow.
    pub peer_numbers: Option<&'a NumberRules>,
    /// Interface that it came by.
    pub interface: Origin,
    /// Its octets; 0 when not known yet.
    pub octets: u64,
}

/// Where the search ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// To these next hops, best first.
    Deliver(Vec<String>),
    /// Wait for the operator.
    Hold,
    /// Not at all.
    Reject(Refusal),
}

/// The answer for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The recipient with a normalised number.
    pub recipient: Address,
    /// Name of the rule that decided; `None` when none did.
    pub rule: Option<String>,
    /// What it says.
    pub verdict: Verdict,
}

/// Rules of which two cannot stand together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableFault {
    /// Two rules have this name.
    DuplicateRule(String),
    /// A rule delivers to nobody.
    NoTarget(String),
}

/// The rules in the order in which they are tried.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteTable {
    numbers: NumberRules,
    rules: Vec<Rule>,
    index: Index,
}

impl RouteTable {
    /// A table; `numbers` applies to every recipient after the rules of the peer.
    ///
    /// # Errors
    /// All faults at once.
    pub fn new(numbers: NumberRules, mut rules: Vec<Rule>) -> Result<Self, Vec<TableFault>> {
        let mut faults = Vec::new();
        let mut names: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
        names.sort_unstable();
        for pair in names.windows(2) {
            if let [a, b] = pair
                && a == b
            {
                faults.push(TableFault::DuplicateRule((*a).to_owned()));
            }
        }
        faults.dedup();
        for rule in &rules {
            if matches!(&rule.action, Action::Deliver(targets) if targets.is_empty()) {
                faults.push(TableFault::NoTarget(rule.id.clone()));
            }
        }
        rules.sort_by_key(|rule| rule.order);
        if !faults.is_empty() {
            return Err(faults);
        }
        let index = Index::new(&rules);
        Ok(Self { numbers, rules, index })
    }

    /// The rules, by order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of that name.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// Decides for one recipient.
    #[must_use]
    pub fn route(&self, query: &Query<'_>) -> Decision {
        self.walk(query, &mut ())
    }

    /// Decides for one recipient and says how.
    #[must_use]
    pub fn explain(&self, query: &Query<'_>) -> Explanation {
        let mut journal = Journal::default();
        let decision = self.walk(query, &mut journal);
        Explanation { normalised: journal.normalised, trials: journal.trials, decision }
    }

    fn walk(&self, query: &Query<'_>, record: &mut impl Record) -> Decision {
        let recipient = match self.normalise(query, record) {
            Ok(recipient) => recipient,
            Err(decision) => return decision,
        };
        let query = Query { recipient: &recipient, ..*query };
        let best = self.best(&query);
        // A rule was tried when none of a lower order decided.
        let tried =
            best.map_or(self.rules.len(), |best| self.rules.partition_point(|rule| rule.order <= best.order));
        record.tried(self.rules.get(..tried).unwrap_or_default(), &query, best);
        if let Some(rule) = best {
            let verdict = rule.verdict(query.message_id);
            return Decision { recipient, rule: Some(rule.id.clone()), verdict };
        }
        let detail = format!("none of {} rules matches {recipient}", self.rules.len());
        let refusal = Refusal::new(Reason::NoRoute, Blame::Policy, detail);
        Decision { recipient, rule: None, verdict: Verdict::Reject(refusal) }
    }

    /// The rule of the lowest order, of these the heaviest match, of these the first.
    fn best(&self, query: &Query<'_>) -> Option<&Rule> {
        let mut best: Option<(Preference, &Rule)> = None;
        self.index.candidates(query.recipient, |place| {
            if let Some(rule) = self.rules.get(place)
                && best.is_none_or(|((order, ..), _)| rule.order <= order)
                && let Ok(weight) = rule.when.weigh(query)
            {
                let preference = (rule.order, Reverse(weight), place);
                if best.is_none_or(|(known, _)| preference < known) {
                    best = Some((preference, rule));
                }
            }
        });
        best.map(|(_, rule)| rule)
    }

    fn normalise(&self, query: &Query<'_>, record: &mut impl Record) -> Result<Address, Decision> {
        let Some(number) = query.recipient.number() else { return Ok(query.recipient.clone()) };
        let mut number = number.clone();
        for (owner, rules) in [("peer", query.peer_numbers), ("table", Some(&self.numbers))] {
            let Some(rules) = rules else { continue };
            match rules.apply(&number) {
                Ok(Normalised { number: other, rule }) => {
                    if let Some((prefix, official)) = rule.filter(|_| other != number) {
                        record.normalised(|| {
                            format!("{number} becomes {other}: rules of the {owner}, {prefix} is {official}")
                        });
                    }
                    number = other;
                }
                Err(fault) => {
                    let detail = format!("by the number rules of the {owner}, {number} {fault}");
                    let refusal = Refusal::new(Reason::AddressMalformed, Blame::Message, detail);
                    let recipient = Address::Number(number);
                    return Err(Decision { recipient, rule: None, verdict: Verdict::Reject(refusal) });
                }
            }
        }
        Ok(Address::Number(number))
    }
}

/// What of the recipient and what of the sender was matched, in characters.
type Weight = (usize, usize);

/// Order, weight and place of a rule that matches: the least decides.
type Preference = (u32, Reverse<Weight>, usize);

/// The condition of a rule that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unmet {
    Interface,
    Octets,
    Peer,
    Recipient,
    Sender,
}

impl Match {
    /// How closely it means the query.
    ///
    /// # Errors
    /// The first condition that does not hold.
    fn weigh(&self, query: &Query<'_>) -> Result<Weight, Unmet> {
        let recipient = if self.prefix.is_empty() && self.number.is_empty() && self.domain.is_empty() {
            0
        } else {
            let prefix = longest_prefix(&self.prefix, query.recipient).map(NumberPrefix::weight);
            let domain = closest_domain(&self.domain, query.recipient).map(DomainPattern::weight);
            let pattern = query.recipient.number().and_then(|number| {
                self.number.iter().filter(|p| p.matches(number)).map(NumberPattern::weight).max()
            });
            prefix.max(pattern).max(domain).ok_or(Unmet::Recipient)?
        };
        let sender = if self.from_prefix.is_empty() && self.from_domain.is_empty() {
            0
        } else {
            let sender = query.sender.ok_or(Unmet::Sender)?;
            let prefix = longest_prefix(&self.from_prefix, sender).map(NumberPrefix::weight);
            let domain = closest_domain(&self.from_domain, sender).map(DomainPattern::weight);
            prefix.max(domain).ok_or(Unmet::Sender)?
        };
        if !self.peer.is_empty() && !self.peer.iter().any(|own| Some(own.as_str()) == query.peer) {
            return Err(Unmet::Peer);
        }
        if !self.interface.is_empty() && !self.interface.contains(&query.interface) {
            return Err(Unmet::Interface);
        }
        if self.min_octets.is_some_and(|least| query.octets < least)
            || self.max_octets.is_some_and(|most| query.octets > most)
        {
            return Err(Unmet::Octets);
        }
        Ok((recipient, sender))
    }
}

impl Rule {
    fn verdict(&self, message_id: &str) -> Verdict {
        match &self.action {
            Action::Deliver(targets) => Verdict::Deliver(ranked(targets, message_id)),
            Action::Hold => Verdict::Hold,
            Action::Reject(reason) => {
                let detail = format!("route {} rejects", self.id);
                Verdict::Reject(Refusal::new(*reason, Blame::Policy, detail))
            }
        }
    }
}

/// All targets, best first: by order, and among equals drawn by weight with the message's own lot,
/// so that a second attempt and another node choose alike.
#[must_use]
pub fn ranked(targets: &[Target], message_id: &str) -> Vec<String> {
    let mut left: Vec<&Target> = targets.iter().collect();
    left.sort_by_key(|target| target.order);
    let mut ranked = Vec::with_capacity(left.len());
    let mut lot = hash::fnv(&[message_id]);
    while let Some(first) = left.first() {
        let order = first.order;
        let group = left.partition_point(|target| target.order == order);
        let total: u64 = left.iter().take(group).map(|target| u64::from(target.weight)).sum();
        lot = hash::mix(lot);
        let mut ticket = if total == 0 { 0 } else { lot % total };
        let drawn = left.iter().take(group).position(|target| {
            let weight = u64::from(target.weight);
            let won = ticket < weight;
            ticket = ticket.saturating_sub(weight);
            won
        });
        ranked.push(left.remove(drawn.unwrap_or(0)).to.clone());
    }
    ranked
}

/// The next hop to use: the best that can be used, else the best of all, where the message waits.
#[must_use]
pub fn choose(hops: &[String], mut usable: impl FnMut(&str) -> bool) -> Option<&str> {
    hops.iter().find(|hop| usable(hop)).or_else(|| hops.first()).map(String::as_str)
}

#[cfg(test)]
#[path = "route/tests.rs"]
mod tests;
