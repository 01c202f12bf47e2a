//! What handsets take: the floor and the OMA classes of `content/classes.toml`, and the families of
//! `profiles/<family>.toml`, each a layer over its base.
//!
//! Every name becomes a complete [`Profile`] in which each value says which layer it is from.
//! Routes, UAProf documents and wishes for one recipient are laid over it by whoever knows them.

mod read;
#[cfg(test)]
mod tests;
mod uaprof;

use alloc::{
    borrow::ToOwned,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_plan::profile::{Layer, Origin, Partial, Profile, Size};
use core::ops::Range;

use super::{Source, section::Section};
use crate::diagnostic::{Diagnostic, Faults, nearest};

pub use read::octet_limit;

/// A class or a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// The name by which configurations ask for it.
    pub name: String,
    /// [`Layer::Class`] or [`Layer::Family`].
    pub layer: Layer,
    /// What it is laid over; `None` = the floor.
    pub base: Option<String>,
    /// For a class the clause that it is from, for a family where its values were seen.
    pub evidence: String,
    /// What a person should know.
    pub note: Option<String>,
    /// Values that no published text confirms.
    pub unverified: Vec<String>,
    /// The file that it is from.
    pub path: String,
    /// What this layer says.
    pub says: Partial,
    /// Media types that it adds to those of its base.
    pub more_types: Vec<String>,
    /// Everything, with origins.
    pub profile: Profile,
}

/// The floor and everything that is laid over it.
#[derive(Debug, Clone)]
pub(crate) struct CapabilityTables {
    pub(crate) floor: Profile,
    pub(crate) by_name: BTreeMap<String, Capability>,
}

/// A layer as it was read.
struct Draw {
    layer: Layer,
    base: Option<(String, Range<usize>)>,
    evidence: String,
    note: Option<String>,
    unverified: Vec<String>,
    /// Types that are added to those of the base.
    more_types: Vec<String>,
    says: Partial,
    path: String,
    span: Range<usize>,
}

/// What was read so far.
#[derive(Default)]
pub(super) struct Draft {
    floor: Option<(Partial, String, Range<usize>)>,
    layers: BTreeMap<String, Draw>,
}

/// Longest chain of bases: more is a mistake, and the walk along it is bounded.
const MAX_BASES: usize = 16;

impl Draft {
    /// Reads `content/classes.toml`.
    pub(super) fn classes(&mut self, path: &str, file: &mut Section<'_>, faults: &mut Faults<'_>) {
        let spec = file.required("spec", faults).map_or("", |spot| spot.text).to_owned();
        if let Some(mut floor) = file.section("floor", faults) {
            let span = floor.span.clone();
            read::note(&mut floor, faults);
            let (says, _) = read::values(&mut floor, faults);
            floor.close(faults);
            self.floor = Some((says, path.to_owned(), span));
        }
        for mut class in file.sections("class", faults) {
            let Some(name) = class.required("name", faults) else { continue };
            let (name, named) = (name.text.to_owned(), name.span);
            if !is_name(&name) {
                faults.push(&named, format!("`{name}` is not a name: small letters, digits, `-`"), None);
            }
            let cited = class.text("spec", faults).map_or_else(|| spec.clone(), |spot| spot.text.to_owned());
            let draw = read::layer(&mut class, Layer::Class, cited, path, faults);
            class.close(faults);
            self.insert(name, draw, &named, faults);
        }
    }

    /// Reads `profiles/<name>.toml`.
    pub(super) fn family(&mut self, name: &str, path: &str, file: &mut Section<'_>, faults: &mut Faults<'_>) {
        let evidence = file.required("evidence", faults);
        if evidence.as_ref().is_some_and(|spot| spot.text.trim().is_empty()) {
            faults.push(&(0..0), "a profile without evidence is a guess".to_owned(), None);
        }
        if !is_name(name) {
            faults.push(&(0..0), format!("`{name}` is not a name: small letters, digits, `-`"), None);
        }
        let evidence = evidence.map_or_else(String::new, |spot| spot.text.to_owned());
        let draw = read::layer(file, Layer::Family, evidence, path, faults);
        self.insert(name.to_owned(), draw, &(0..0), faults);
    }

    fn insert(&mut self, name: String, draw: Draw, at: &Range<usize>, faults: &mut Faults<'_>) {
        if let Some(other) = self.layers.get(&name) {
            if other.layer != draw.layer {
                faults.push(at, format!("`{name}` is the name of a class and of a family"), None);
            } else if other.path == draw.path {
                faults.push(at, format!("`{name}` stands here twice"), None);
            }
        }
        self.layers.insert(name, draw);
    }

    /// Lays everything over its base and checks the laws.
    pub(super) fn finish(
        self,
        sources: &[Source<'_>],
        found: &mut Vec<Diagnostic>,
    ) -> Option<CapabilityTables> {
        let Some((says, path, span)) = &self.floor else {
            // Of files that are faulty themselves, the floor is not missed.
            if found.is_empty() {
                let message = "there is no [floor] in any `content/classes.toml`".to_owned();
                Faults::new("content/classes.toml", "", found).push(&(0..0), message, None);
            }
            return None;
        };
        let mut tell = |path: &str, span: &Range<usize>, message: String, hint: Option<String>| {
            let text = sources.iter().find(|source| source.path == path).map_or("", |source| source.text);
            Faults::new(path, text, found).push(span, message, hint);
        };
        let origin = Origin { layer: Layer::Floor, name: String::new() };
        let floor = match Profile::of(&origin, says.clone()) {
            Ok(floor) => floor,
            Err(missing) => {
                tell(path, span, format!("the floor says everything, but not `{missing}`"), None);
                return None;
            }
        };
        let mut by_name = BTreeMap::new();
        for (name, draw) in &self.layers {
            let chain = match self.chain(name) {
                Ok(chain) => chain,
                Err(Broken::Unknown { path, base, at }) => {
                    let hint = nearest(base, self.layers.keys().map(String::as_str));
                    tell(
                        path,
                        at,
                        format!("there is no `{base}` to be laid over"),
                        hint.map(|near| format!("did you mean `{near}`?")),
                    );
                    continue;
                }
                Err(Broken::Circle) => {
                    tell(&draw.path, &draw.span, format!("`{name}` is laid over itself"), None);
                    continue;
                }
            };
            let mut profile = floor.clone();
            for (name, draw) in chain.iter().rev() {
                let mut says = draw.says.clone();
                if !draw.more_types.is_empty() {
                    let base = says.types.get_or_insert_with(|| profile.types.value.clone());
                    base.extend(
                        draw.more_types
                            .iter()
                            .filter(|more| !base.contains(more))
                            .cloned()
                            .collect::<Vec<_>>(),
                    );
                }
                profile.lay(&Origin { layer: draw.layer, name: (*name).to_owned() }, says);
            }
            by_name.insert(
                name.clone(),
                Capability {
                    name: name.clone(),
                    layer: draw.layer,
                    base: draw.base.as_ref().map(|(base, _)| base.clone()),
                    evidence: draw.evidence.clone(),
                    note: draw.note.clone(),
                    unverified: draw.unverified.clone(),
                    path: draw.path.clone(),
                    says: draw.says.clone(),
                    more_types: draw.more_types.clone(),
                    profile,
                },
            );
        }
        for (name, draw) in self.layers.iter().filter(|(_, draw)| draw.layer == Layer::Class) {
            let Some((base, span)) = &draw.base else { continue };
            let (Some(class), Some(below)) = (by_name.get(name), by_name.get(base)) else { continue };
            for what in shrunk(&below.profile, &class.profile) {
                tell(
                    &draw.path,
                    span,
                    format!("{what} of `{name}` is less than that of `{base}` below it"),
                    None,
                );
            }
        }
        Some(CapabilityTables { floor, by_name })
    }

    /// The layers from `name` down to the one that lies on the floor.
    fn chain(&self, name: &str) -> Result<Vec<(&str, &Draw)>, Broken<'_>> {
        let mut chain = Vec::new();
        let mut next = self.layers.get_key_value(name);
        while let Some((name, draw)) = next {
            if chain.len() == MAX_BASES {
                return Err(Broken::Circle);
            }
            chain.push((name.as_str(), draw));
            next = match &draw.base {
                Some((base, at)) => match self.layers.get_key_value(base) {
                    Some(found) => Some(found),
                    None => return Err(Broken::Unknown { path: &draw.path, base, at }),
                },
                None => None,
            };
        }
        Ok(chain)
    }
}

/// Why a layer lies on nothing.
enum Broken<'d> {
    Circle,
    Unknown { path: &'d str, base: &'d str, at: &'d Range<usize> },
}

/// Law 9: what a class takes, the class above it takes too.
fn shrunk(below: &Profile, above: &Profile) -> Vec<&'static str> {
    let mut less = Vec::new();
    let fits = |inner: Size, outer: Size| inner.width <= outer.width && inner.height <= outer.height;
    if above.max_octets.value.binary() < below.max_octets.value.binary() {
        less.push("`max_octets`");
    }
    if !fits(below.max_still.value, above.max_still.value) {
        less.push("`max_still`");
    }
    if below.types.value.iter().any(|kind| !above.types.value.contains(kind)) {
        less.push("`types`");
    }
    less
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl super::Tables {
    /// What a handset of this class or family takes, every value with its origin.
    #[must_use]
    pub fn capability(&self, name: &str) -> Option<&Profile> {
        self.capability.by_name.get(name).map(|capability| &capability.profile)
    }

    /// What every handset takes.
    #[must_use]
    pub fn floor(&self) -> &Profile {
        &self.capability.floor
    }

    /// Classes and families, by name.
    pub fn capabilities(&self) -> impl Iterator<Item = &Capability> {
        self.capability.by_name.values()
    }

    /// The names that [`super::Tables::capability`] knows, in alphabetical order.
    pub fn capability_names(&self) -> impl Iterator<Item = &str> {
        self.capability.by_name.keys().map(String::as_str)
    }

    /// The known name that is nearest to a wrong one.
    #[must_use]
    pub fn nearest_capability(&self, name: &str) -> Option<String> {
        nearest(name, self.capability_names()).map(ToString::to_string)
    }
}
