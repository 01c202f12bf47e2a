//! Business cards: any version read, 2.1 and 3.0 written (vCard 2.1, RFC 2426, RFC 6350).
//!
//! Names and numbers always come through, in the words of the version. A property that the version
//! has no word for is dropped and said; `X-` properties are kept. Pictures are kept as they are or
//! removed, never converted.

mod property;

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use cedrat_plan::job::{Fault, FaultKind};

use crate::line::{Line, Style, Writer, plain, read, split};
use crate::{Limits, Loss};

/// Cards of any version as cards of `version`, `2.1` or `3.0`, in their order.
///
/// Pictures, sounds and keys of more than `max_photo_octets` octets are removed; `None` keeps all.
///
/// # Errors
/// [`FaultKind::Unsupported`] for another version, [`FaultKind::TooLarge`] beyond [`Limits`],
/// [`FaultKind::Damaged`] when there is no card in it.
pub fn convert_vcard(
    octets: &[u8],
    version: &str,
    max_photo_octets: Option<u64>,
) -> Result<(Vec<u8>, Vec<Loss>), Fault> {
    let style = match version {
        "2.1" => Style::Old,
        "3.0" => Style::Rfc,
        _ => return Err(Fault::new(FaultKind::Unsupported, format!("vCard {version} is not written"))),
    };
    let lines = read(octets, &Limits::DEFAULT)?;
    let mut card = Card {
        writer: Writer::new(style),
        losses: Vec::new(),
        dropped: BTreeSet::new(),
        max_octets: max_photo_octets,
    };
    let mut cards = 0_usize;
    let mut rest = lines.as_slice();
    while let Some(begin) = rest.iter().position(|line| line.says("BEGIN", "VCARD")) {
        rest = rest.get(begin + 1..).unwrap_or_default();
        let (end, own) = own_lines(rest);
        rest = rest.get(end..).unwrap_or_default();
        card.write(&own);
        cards += 1;
    }
    if cards == 0 {
        return Err(Fault::new(FaultKind::Damaged, "no card in the file"));
    }
    Ok((card.writer.finish(), card.losses))
}

/// The lines of the card that begins here, without those of cards inside of it, and where it ends. A
/// card that never ends takes what there is.
fn own_lines(lines: &[Line]) -> (usize, Vec<&Line>) {
    let mut depth = 0_u32;
    let mut own = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if line.says("BEGIN", "VCARD") {
            depth += 1;
        } else if line.says("END", "VCARD") {
            if depth == 0 {
                return (index + 1, own);
            }
            depth -= 1;
        } else if depth == 0 {
            own.push(line);
        }
    }
    (lines.len(), own)
}

struct Card {
    writer: Writer,
    losses: Vec<Loss>,
    /// Properties that were dropped already; each is said once.
    dropped: BTreeSet<String>,
    max_octets: Option<u64>,
}

impl Card {
    fn write(&mut self, lines: &[&Line]) {
        self.writer.put("BEGIN", "VCARD");
        self.writer.put("VERSION", if self.writer.style == Style::Old { "2.1" } else { "3.0" });
        let name = components(best(lines, "N"));
        let shown = best(lines, "FN").map(Line::text).filter(|text| !text.trim().is_empty());
        let shown = shown.unwrap_or_else(|| made_of(&name, lines));
        let name =
            if name.iter().flatten().any(|it| !it.is_empty()) { name } else { split_name(&shown, lines) };
        self.components("N", &name);
        self.writer.text("FN", &shown);
        let surplus = |name| lines.iter().filter(|line| line.is(name)).count() > 1;
        ["N", "FN"].into_iter().filter(|name| surplus(name)).for_each(|name| self.dropped(name));
        for line in lines.iter().filter(|line| !line.is("N") && !line.is("FN")) {
            self.property(line);
        }
        self.writer.put("END", "VCARD");
    }

    fn dropped(&mut self, name: &str) {
        if self.dropped.insert(name.to_string()) {
            self.losses.push(Loss::Dropped(name.to_string()));
        }
    }

    /// A value of components, each a list.
    fn components(&mut self, head: &str, components: &[Vec<String>]) {
        let list = |list: &Vec<String>| {
            let each: Vec<String> = list.iter().map(|text| self.writer.escaped(text)).collect();
            each.join(",")
        };
        let value: Vec<String> = components.iter().map(list).collect();
        self.writer.put(head, &value.join(";"));
    }
}

/// Components of a structured value; in a list, commas of old cards are just commas.
fn components(line: Option<&Line>) -> Vec<Vec<String>> {
    let Some(line) = line else { return Vec::new() };
    let one = |text| plain(text, line.old).trim().to_string();
    let list = |component| match line.old {
        true => Vec::from([one(component)]),
        false => split(component, ',').into_iter().map(one).collect(),
    };
    split(&line.value, ';').into_iter().map(list).collect()
}

/// The property of that name which its card prefers.
fn best<'a>(lines: &[&'a Line], name: &str) -> Option<&'a Line> {
    let mut named = lines.iter().copied().filter(|line| line.is(name));
    let first = named.clone().next();
    named.find(|line| is_preferred(line)).or(first)
}

fn is_preferred(line: &Line) -> bool {
    line.values("TYPE").any(|it| it.eq_ignore_ascii_case("pref")) || line.parameter("PREF") == Some("1")
}

/// What is shown of somebody without `FN`.
fn made_of(name: &[Vec<String>], lines: &[&Line]) -> String {
    // Prefix, given, further, family, suffix.
    let words: Vec<&str> = [3, 1, 2, 0, 4]
        .into_iter()
        .filter_map(|place| name.get(place))
        .flatten()
        .map(String::as_str)
        .filter(|word| !word.is_empty())
        .collect();
    if !words.is_empty() {
        return words.join(" ");
    }
    let other = ["ORG", "NICKNAME", "EMAIL", "TEL"].into_iter().find_map(|name| best(lines, name));
    other
        .and_then(|line| components(Some(line)).into_iter().flatten().find(|it| !it.is_empty()))
        .unwrap_or_default()
}

/// Family and given name of somebody who has `FN` only: the last word is the family. A firm has one
/// name.
fn split_name(shown: &str, lines: &[&Line]) -> Vec<Vec<String>> {
    let is_person =
        best(lines, "KIND").is_none_or(|kind| kind.value.trim().eq_ignore_ascii_case("individual"));
    let (given, family) = shown.trim().rsplit_once(' ').filter(|_| is_person).unwrap_or(("", shown));
    [family, given, "", "", ""].into_iter().map(|it| Vec::from([it.trim().to_string()])).collect()
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_macros
)]
mod tests;
