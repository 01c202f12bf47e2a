//! `content/types.toml`: the names under which one media type goes.
//!
//! A name that no row has stands for itself. Does not know what a type is good for.

use alloc::{
    borrow::{Cow, ToOwned},
    collections::BTreeMap,
    format,
    string::String,
    vec::Vec,
};
use cedrat_plan::format::Format;

use super::section::{Section, Spot};
use crate::diagnostic::Faults;

/// One canonical name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType {
    /// The one name that is written.
    pub canonical: String,
    /// Names that are read as it.
    pub aliases: Vec<String>,
    /// Why, where it is not plain.
    pub note: Option<String>,
}

/// The rows by canonical name, and the canonical name of each alias.
#[derive(Debug, Clone, Default)]
pub(crate) struct MediaTypes {
    pub(crate) rows: BTreeMap<String, MediaType>,
    canonical: BTreeMap<String, String>,
}

impl MediaTypes {
    /// The canonical name: lower case, without parameters, aliases resolved.
    pub(crate) fn canonical<'n>(&self, name: &'n str) -> Cow<'n, str> {
        let name = name.split(';').next().unwrap_or_default().trim();
        let name = if name.bytes().any(|octet| octet.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        };
        match self.canonical.get(name.as_ref()) {
            Some(canonical) => Cow::Owned(canonical.clone()),
            None => name,
        }
    }

    /// Reads one file. A row of a later file replaces the row of its canonical name.
    pub(super) fn read(&mut self, file: &mut Section<'_>, faults: &mut Faults<'_>) {
        if file.required("spec", faults).is_some_and(|spec| spec.text.trim().is_empty()) {
            faults.push(&(0..0), "`spec` is empty".to_owned(), None);
        }
        let mut here = BTreeMap::new();
        for mut section in file.sections("type", faults) {
            let canonical = section.required("canonical", faults);
            let aliases = section.texts("aliases", faults);
            let note = section.text("note", faults).map(|spot| spot.text.to_owned());
            section.close(faults);
            for spot in canonical.iter().chain(&aliases) {
                check(spot, faults);
                if here.insert(spot.text.to_owned(), ()).is_some() {
                    faults.push(&spot.span, format!("`{}` stands here twice", spot.text), None);
                }
            }
            for alias in &aliases {
                if Format::ALL.iter().any(|format| format.media_type() == alias.text) {
                    let message = format!("`{}` is what this program writes, so it is no alias", alias.text);
                    faults.push(&alias.span, message, None);
                }
            }
            let Some(canonical) = canonical else { continue };
            let row = MediaType {
                canonical: canonical.text.to_owned(),
                aliases: aliases.iter().map(|alias| alias.text.to_owned()).collect(),
                note,
            };
            if let Some(old) = self.rows.insert(row.canonical.clone(), row.clone()) {
                for alias in &old.aliases {
                    self.canonical.remove(alias);
                }
            }
            for alias in &aliases {
                let taken = self.canonical.insert(alias.text.to_owned(), row.canonical.clone());
                if let Some(other) = taken {
                    let message = format!("`{}` is already an alias of `{other}`", alias.text);
                    faults.push(&alias.span, message, None);
                }
                if self.rows.contains_key(alias.text) {
                    let message = format!("`{}` is a canonical name, so it is no alias", alias.text);
                    faults.push(&alias.span, message, None);
                }
            }
            if let Some(other) = self.canonical.get(&row.canonical) {
                let message =
                    format!("`{}` is an alias of `{other}`, so it is no canonical name", row.canonical);
                faults.push(&canonical.span, message, None);
            }
        }
    }
}

fn check(spot: &Spot<'_>, faults: &mut Faults<'_>) {
    if !is_media_type(spot.text) {
        let hint = Some("such as `image/jpeg`, lower case".to_owned());
        faults.push(&spot.span, format!("`{}` is not a media type", spot.text), hint);
    }
}

/// `type/subtype` of RFC 6838 §4.2 in lower case, without parameters.
pub(super) fn is_media_type(text: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty()
            && part.len() <= 127
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$&-^_.+".contains(&b))
    };
    text.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}
