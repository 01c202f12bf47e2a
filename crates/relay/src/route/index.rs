//! Which rules can mean a recipient at all, so that a table of ten thousand number ranges costs no
//! more than the digits of a number. Decides nothing: every candidate is still weighed.

use alloc::{borrow::ToOwned as _, collections::BTreeMap, string::String, vec::Vec};

use cedrat_message::Address;

use super::{Match, Rule};
use crate::pattern::DomainPattern;

/// Rules by what they ask of the recipient; values are positions in the table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Index {
    prefixes: BTreeMap<String, Vec<usize>>,
    domains: BTreeMap<String, Vec<usize>>,
    /// Rules that ask nothing, or with wildcards.
    others: Vec<usize>,
}

impl Index {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut index = Self::default();
        for (place, rule) in rules.iter().enumerate() {
            index.add(&rule.when, place);
        }
        index
    }

    fn add(&mut self, when: &Match, place: usize) {
        let exact = |pattern: &DomainPattern| match pattern {
            DomainPattern::Exactly(domain) => Some(domain.to_owned()),
            DomainPattern::Any | DomainPattern::Below(_) => None,
        };
        let domains: Option<Vec<String>> = when.domain.iter().map(exact).collect();
        match domains {
            Some(domains) if when.number.is_empty() && !(domains.is_empty() && when.prefix.is_empty()) => {
                for prefix in &when.prefix {
                    self.prefixes.entry(alloc::format!("{prefix}")).or_default().push(place);
                }
                for domain in domains {
                    self.domains.entry(domain).or_default().push(place);
                }
            }
            _ => self.others.push(place),
        }
    }

    /// Calls `each` with the position of every rule that may mean the recipient, some twice.
    pub(super) fn candidates(&self, recipient: &Address, mut each: impl FnMut(usize)) {
        self.others.iter().copied().for_each(&mut each);
        match recipient {
            Address::Number(number) => {
                let text = alloc::format!("{number}");
                let starts = (1..=text.len()).filter_map(|end| text.get(..end));
                starts.filter_map(|start| self.prefixes.get(start)).flatten().copied().for_each(each);
            }
            Address::Mail(mail) => {
                self.domains.get(mail.domain()).into_iter().flatten().copied().for_each(each);
            }
            Address::Ip(_) | Address::Name(_) => {}
        }
    }
}
