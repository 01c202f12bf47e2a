//! Which part a reference means (RFC 2387, RFC 2392, RFC 2557, and what telephones do).
//!
//! One table of everything that a part is called. Exact matches win over those that differ in
//! case only, these over the file name at the end of a path, and that over the name without its
//! suffix; the last two count only while they are not ambiguous.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use cedrat_mime::entity::bare_id;

/// What a part is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Names<'a> {
    /// File name: parameter `name` or `filename`.
    pub name: Option<&'a str>,
    /// Content-ID, with or without angle brackets.
    pub content_id: Option<&'a str>,
    /// Content-Location.
    pub location: Option<&'a str>,
}

/// The table: from what a reference says to the part, by its place among the parts.
#[derive(Debug, Clone, Default)]
pub struct Aliases {
    ids: BTreeMap<String, usize>,
    exact: BTreeMap<String, usize>,
    folded: BTreeMap<String, usize>,
    /// By the name at the end of a path; `None` = several parts.
    base: BTreeMap<String, Option<usize>>,
    /// By the name without suffix; `None` = several parts.
    stem: BTreeMap<String, Option<usize>>,
}

impl Aliases {
    /// The table of these parts. Of two parts with the same name the first has it.
    #[must_use]
    pub fn of(parts: &[Names<'_>]) -> Self {
        let mut aliases = Self::default();
        for (index, part) in parts.iter().enumerate() {
            if let Some(id) = part.content_id.map(bare_id).filter(|id| !id.is_empty()) {
                aliases.ids.entry(id.to_string()).or_insert(index);
            }
            for name in [part.content_id, part.location, part.name].into_iter().flatten() {
                aliases.add(bare_id(name), index);
            }
        }
        aliases
    }

    fn add(&mut self, name: &str, index: usize) {
        let name = without_scheme(name).unwrap_or(name);
        if name.is_empty() {
            return;
        }
        self.exact.entry(name.to_string()).or_insert(index);
        self.folded.entry(name.to_lowercase()).or_insert(index);
        for (table, key) in [(&mut self.base, base(name)), (&mut self.stem, stem(name))] {
            let known = table.entry(key.to_lowercase()).or_insert(Some(index));
            if *known != Some(index) {
                *known = None;
            }
        }
    }

    /// The part that `src` means; `None` when the reference dangles.
    #[must_use]
    pub fn find(&self, src: &str) -> Option<usize> {
        let id = without_scheme(src.trim());
        let plain = bare_id(id.unwrap_or(src));
        if let Some(found) = id.and_then(|_| self.ids.get(plain)) {
            return Some(*found);
        }
        self.named(plain).or_else(|| self.named(&unescaped(plain)?))
    }

    fn named(&self, name: &str) -> Option<usize> {
        if let Some(found) = self.exact.get(name).or_else(|| self.folded.get(&name.to_lowercase())) {
            return Some(*found);
        }
        let base = self.base.get(&base(name).to_lowercase()).copied().flatten();
        base.or_else(|| self.stem.get(&stem(name).to_lowercase()).copied().flatten())
    }
}

/// The identifier of a `cid:` URL.
pub(super) fn without_scheme(src: &str) -> Option<&str> {
    let (scheme, id) = src.split_at_checked(4)?;
    scheme.eq_ignore_ascii_case("cid:").then_some(id)
}

fn base(name: &str) -> &str {
    name.rsplit(['/', '\\']).find(|it| !it.is_empty()).unwrap_or(name)
}

/// Without path and suffix; a name of more than five letters after its last dot has no suffix.
fn stem(name: &str) -> &str {
    let base = base(name);
    match base.rsplit_once('.') {
        Some((stem, suffix)) if !stem.is_empty() && suffix.len() <= 5 => stem,
        _ => base,
    }
}

/// `%20` and the like decoded (RFC 3986 §2.1); `None` when there is nothing to decode.
fn unescaped(name: &str) -> Option<String> {
    if !name.contains('%') {
        return None;
    }
    let mut octets = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|octet| char::from(*octet).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                octets.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                octets.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_by_whatever_it_is_called() {
        let parts = [
            Names { name: Some("Mamma Mia.vcf"), content_id: Some("<0.vcf>"), location: None },
            Names {
                name: Some("b.jpg"),
                content_id: Some("1@mms.test"),
                location: Some("http://h.test/x/IMG_2.JPG"),
            },
            Names { name: Some("1@mms.test"), content_id: None, location: Some("text_1.txt") },
            Names { name: Some("video"), content_id: None, location: None },
        ];
        let aliases = Aliases::of(&parts);
        for (src, wanted) in [
            ("Mamma Mia.vcf", Some(0)),
            ("cid:0.vcf", Some(0)),
            ("0.vcf", Some(0)),
            ("cid:<0.vcf>", Some(0)),
            ("Mamma%20Mia.vcf", Some(0)),
            ("CID:1@mms.test", Some(1)),
            ("img_2.jpg", Some(1)),
            ("pictures/b.jpg", Some(1)),
            ("cid:b.jpg", Some(1)),
            ("TEXT_1.TXT", Some(2)),
            ("text_1", Some(2)),
            ("video.3gp", Some(3)),
            ("c.jpg", None),
            ("", None),
            ("cid:", None),
        ] {
            assert_eq!(aliases.find(src), wanted, "{src}");
        }
    }

    #[test]
    fn what_is_ambiguous_is_not_guessed() {
        let name = |name| Names { name: Some(name), ..Names::default() };
        let aliases = Aliases::of(&[name("a/1.jpg"), name("b/1.jpg"), name("2.jpg"), name("2.txt")]);
        assert_eq!(aliases.find("b/1.jpg"), Some(1));
        assert_eq!(aliases.find("1.jpg"), None);
        assert_eq!(aliases.find("2.gif"), None);
        assert_eq!(aliases.find("2.TXT"), Some(3));
    }
}
