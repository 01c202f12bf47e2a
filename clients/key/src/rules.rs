//! Decisions without a person: a list of rules, the first that fits a session decides, and a session
//! that none fits is left for a person.
//!
//! ```toml
//! [[rule]]
//! name = "photos of the family"
//! decide = "grant"                 # or "refuse"
//! from = ["*@family.example"]      # as the message says, which nobody proves
//! max_octets = 30_000_000
//! parts = ["image/*"]              # grants no more than this, whatever is asked
//! output = ["reencrypt"]           # of what is asked, these are acceptable
//! integrity = ["aead"]             # the default
//! ```

use cedrat_keyring::{
    consent::{Consent, Output, Pattern},
    wire::{self, Integrity},
};
use serde::Deserialize;

use crate::Error;

/// The rules of a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// In the order in which they are tried.
    #[serde(default, rename = "rule")]
    pub rules: Vec<Rule>,
}

/// One rule. What is absent fits everything, except `integrity` and `output`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name in the log.
    pub name: String,
    /// What it decides.
    pub decide: Decide,
    /// Addresses of the sender, `*` standing for any characters.
    pub from: Option<Vec<String>>,
    /// Octets of the message at most.
    pub max_octets: Option<u64>,
    /// A grant is for these parts alone.
    pub parts: Option<Vec<Pattern>>,
    /// Ways of the result that are acceptable; by default only encrypted again.
    #[serde(default = "reencrypt")]
    pub output: Vec<Output>,
    /// Protection that the content must have; by default a tag over all of it. A refusal fits any.
    #[serde(default = "aead")]
    pub integrity: Vec<Integrity>,
}

/// What a rule decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decide {
    /// Hand out the key.
    Grant,
    /// Tell the gateway that there is none.
    Refuse,
}

/// What comes of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Grant, under this consent.
    Grant(&'a Rule, Consent),
    /// No rule fits.
    Leave,
    /// Refuse.
    Refuse(&'a Rule),
}

fn reencrypt() -> Vec<Output> {
    vec![Output::Reencrypt]
}

fn aead() -> Vec<Integrity> {
    vec![Integrity::Aead]
}

impl Rules {
    /// Reads rules.
    ///
    /// # Errors
    /// With line and column, and what was expected there.
    pub fn parse(text: &str) -> Result<Self, Error> {
        toml::from_str(text).map_err(|error| Error::Input(format!("rules: {error}")))
    }

    /// What they say of a session.
    #[must_use]
    pub fn decide(&self, session: &wire::Session) -> Verdict<'_> {
        let Some(rule) = self.rules.iter().find(|rule| rule.fits(session)) else { return Verdict::Leave };
        match rule.decide {
            Decide::Refuse => Verdict::Refuse(rule),
            Decide::Grant => Verdict::Grant(rule, rule.narrow(&session.consent)),
        }
    }
}

impl Rule {
    fn fits(&self, session: &wire::Session) -> bool {
        let message = &session.message;
        let from = self.from.as_ref().is_none_or(|patterns| {
            let from = message.from.as_deref().and_then(address);
            from.is_some_and(|from| patterns.iter().any(|pattern| matches(pattern, from)))
        });
        let size = self.max_octets.is_none_or(|most| message.size <= most);
        let acceptable = self.decide == Decide::Refuse
            || (self.integrity.contains(&message.integrity) && self.output.contains(&session.consent.output));
        let useful = self.decide == Decide::Refuse || !self.narrow(&session.consent).parts.is_empty();
        from && size && acceptable && useful
    }

    /// The consent that was asked for, without the parts that are not granted.
    fn narrow(&self, asked: &Consent) -> Consent {
        let Some(granted) = &self.parts else { return asked.clone() };
        let mut parts: Vec<Pattern> = Vec::new();
        for (one, other) in
            asked.parts.iter().flat_map(|part| granted.iter().map(move |granted| (part, granted)))
        {
            // Of two patterns, one lies within the other or they have nothing in common.
            let common = if one.covers(other) { Some(other) } else { other.covers(one).then_some(one) };
            parts.extend(common.filter(|common| !parts.contains(common)).cloned());
        }
        Consent { parts, ..asked.clone() }
    }
}

/// The one address of a From field; `None` when it has several, or none that can be told.
fn address(from: &str) -> Option<&str> {
    let address = match from.rsplit_once('<') {
        Some((_, rest)) => rest.trim_end().strip_suffix('>')?,
        None => from.trim(),
    };
    let plain = !address.contains(|c: char| c.is_whitespace() || c.is_control() || ",<>\"();:".contains(c));
    let several = from.matches('@').count() != 1;
    (plain && !several).then_some(address)
}

/// Whether `*` can stand for something so that the two are the same but for the case of letters.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let mut pieces = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    true
}

#[cfg(test)]
mod tests;
