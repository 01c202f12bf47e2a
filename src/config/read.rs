//! Reading one TOML file with every fault at once, each with line, column and remedy.
//!
//! serde stops at the first fault and an operator then fixes a file in as many rounds as it has
//! faults. A [`Table`] is asked for each key it may hold; what was never asked for is unknown.
//! Knows TOML and units; what the keys mean is in the parent module.

use std::{cell::RefCell, collections::BTreeMap, fmt, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub path: String,
    /// Line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.path, self.message)
        } else {
            write!(f, "{}:{}:{}: {}", self.path, self.line, self.column, self.message)
        }
    }
}

/// A file being read: its text, the environment that may override it, and the faults so far.
#[derive(Debug)]
pub struct Source<'t> {
    path: &'t str,
    text: &'t str,
    environment: BTreeMap<String, String>,
    faults: RefCell<Vec<Fault>>,
}

impl<'t> Source<'t> {
    /// A source. `environment` holds the variables named `CEDRAT__SECTION__KEY`.
    pub fn new(path: &'t str, text: &'t str, environment: BTreeMap<String, String>) -> Self {
        Self { path, text, environment, faults: RefCell::default() }
    }

    /// Notes a fault at an octet offset of the text.
    pub fn fault(&self, at: usize, message: impl Into<String>) {
        let before = self.text.get(..at.min(self.text.len())).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        self.faults.borrow_mut().push(Fault {
            path: self.path.to_owned(),
            line,
            column,
            message: message.into(),
        });
    }

    /// Notes a fault of the file as a whole.
    pub fn fault_of_all(&self, message: impl Into<String>) {
        self.faults.borrow_mut().push(Fault {
            path: self.path.to_owned(),
            line: 0,
            column: 0,
            message: message.into(),
        });
    }

    /// The faults in the order of the file.
    pub fn into_faults(self) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        faults.sort_by_key(|fault| (fault.line, fault.column));
        faults
    }

    /// Whether any fault was noted.
    pub fn has_faults(&self) -> bool {
        !self.faults.borrow().is_empty()
    }
}

/// A value with the octet offset where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Octet offset in the file.
    pub at: usize,
}

/// A table of the file, asked key by key.
#[derive(Debug)]
pub struct Table<'s, 'd> {
    source: &'s Source<'s>,
    /// Path of keys for messages and environment names; empty at the top.
    name: String,
    map: Option<&'d DeTable<'d>>,
    at: usize,
    asked: RefCell<Vec<&'static str>>,
    in_array: bool,
}

impl<'s, 'd> Table<'s, 'd> {
    /// The top of a file.
    pub fn top(source: &'s Source<'s>, map: &'d DeTable<'d>) -> Self {
        Self {
            source,
            name: String::new(),
            map: Some(map),
            at: 0,
            asked: RefCell::default(),
            in_array: false,
        }
    }

    /// Where the table begins.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Whether the file has this table.
    pub const fn is_present(&self) -> bool {
        self.map.is_some()
    }

    /// Notes a fault at the table.
    pub fn fault(&self, message: impl Into<String>) {
        self.source.fault(self.at, message);
    }

    /// Notes a fault at an offset.
    pub fn fault_at(&self, at: usize, message: impl Into<String>) {
        self.source.fault(at, message);
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn raw(&self, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.asked.borrow_mut().push(key);
        self.map?.get(key)
    }

    fn overridden(&self, key: &'static str) -> Option<String> {
        if self.in_array {
            return None;
        }
        let name = format!("CEDRAT__{}", self.path(key).replace('.', "__").to_uppercase());
        self.source.environment.get(&name).cloned()
    }

    fn wrong(&self, key: &str, span: &Range<usize>, found: &DeValue<'_>, wanted: &str) {
        self.source.fault(
            span.start,
            format!("`{}` must be {wanted}, not {}", self.path(key), article(found.type_str())),
        );
    }

    /// A text.
    pub fn text(&self, key: &'static str) -> Option<At<String>> {
        let raw = self.raw(key);
        if let Some(value) = self.overridden(key) {
            return Some(At { value, at: raw.map_or(self.at, |v| v.span().start) });
        }
        let raw = raw?;
        match raw.get_ref().as_str() {
            Some(text) => Some(At { value: text.to_owned(), at: raw.span().start }),
            None => {
                self.wrong(key, &raw.span(), raw.get_ref(), "a string");
                None
            }
        }
    }

    /// A text if it is one, with no fault when it is something else.
    pub fn inline_text(&self, key: &'static str) -> Option<String> {
        self.raw(key)?.get_ref().as_str().map(str::to_owned)
    }

    /// A text that must be there.
    pub fn required(&self, key: &'static str, example: &str) -> At<String> {
        let had = self.source.faults.borrow().len();
        self.text(key).unwrap_or_else(|| {
            if self.source.faults.borrow().len() == had {
                self.fault(format!("`{}` is missing; for example {key} = {example}", self.path(key)));
            }
            At { value: String::new(), at: self.at }
        })
    }

    /// A text read by `read`, whose error says what is wanted.
    pub fn parsed<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<At<T>> {
        let text = self.text(key)?;
        match read(&text.value) {
            Ok(value) => Some(At { value, at: text.at }),
            Err(why) => {
                self.source.fault(text.at, format!("`{}`: {why}", self.path(key)));
                None
            }
        }
    }

    /// One word of a closed list.
    pub fn token<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        self.parsed(key, |text| {
            words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
                let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                format!("\"{text}\" is not one of {}{}", all.join(", "), hint(text, &all))
            })
        })
        .map(|at| at.value)
    }

    /// A whole number.
    pub fn number(&self, key: &'static str) -> Option<At<u64>> {
        self.quantity(key, "a whole number", |text| text.replace('_', "").parse().ok())
    }

    /// A number of octets: `300_000`, `"300 kB"`, `"1 MiB"`.
    pub fn octets(&self, key: &'static str) -> Option<At<u64>> {
        self.quantity(key, "a number of octets such as \"300 kB\" or 300_000", octets)
    }

    /// A span of time in milliseconds: `"300 s"`, `"5 min"`, `"24 h"`, `"7 d"`, `"250 ms"`.
    pub fn span_ms(&self, key: &'static str) -> Option<At<u64>> {
        let raw = self.raw(key);
        self.asked.borrow_mut().pop();
        if let Some(raw) = raw
            && raw.get_ref().is_integer()
        {
            self.asked.borrow_mut().push(key);
            self.wrong(key, &raw.span(), raw.get_ref(), "a time with its unit such as \"300 s\" or \"24 h\"");
            return None;
        }
        self.quantity(key, "a time with its unit such as \"300 s\", \"5 min\", \"24 h\" or \"7 d\"", span_ms)
    }

    fn quantity(
        &self,
        key: &'static str,
        wanted: &str,
        read: impl Fn(&str) -> Option<u64>,
    ) -> Option<At<u64>> {
        let raw = self.raw(key);
        let (text, at) = match (self.overridden(key), raw) {
            (Some(text), _) => (text, raw.map_or(self.at, |v| v.span().start)),
            (None, None) => return None,
            (None, Some(raw)) => match raw.get_ref() {
                DeValue::Integer(number) if number.radix() == 10 => {
                    (number.as_str().to_owned(), raw.span().start)
                }
                DeValue::String(text) => (text.to_string(), raw.span().start),
                other => {
                    self.wrong(key, &raw.span(), other, wanted);
                    return None;
                }
            },
        };
        let value = read(&text);
        if value.is_none() {
            self.source.fault(at, format!("`{}` must be {wanted}, not {text:?}", self.path(key)));
        }
        value.map(|value| At { value, at })
    }

    /// Yes or no.
    pub fn flag(&self, key: &'static str) -> Option<bool> {
        let raw = self.raw(key);
        if let Some(text) = self.overridden(key) {
            if let Ok(value) = text.parse() {
                return Some(value);
            }
            self.fault(format!(
                "`{}` from the environment must be true or false, not {text:?}",
                self.path(key)
            ));
            return None;
        }
        let raw = raw?;
        let value = raw.get_ref().as_bool();
        if value.is_none() {
            self.wrong(key, &raw.span(), raw.get_ref(), "true or false");
        }
        value
    }

    /// A list of texts; one text alone counts as a list of one.
    pub fn texts(&self, key: &'static str) -> Vec<At<String>> {
        let Some(raw) = self.raw(key) else { return Vec::new() };
        let one = |value: &Spanned<DeValue<'_>>| {
            let text =
                value.get_ref().as_str().map(|text| At { value: text.to_owned(), at: value.span().start });
            if text.is_none() {
                self.wrong(key, &value.span(), value.get_ref(), "a list of strings");
            }
            text
        };
        match raw.get_ref() {
            DeValue::Array(list) => list.iter().filter_map(one).collect(),
            _ => one(raw).into_iter().collect(),
        }
    }

    /// A list of texts, each read by `read`.
    pub fn parsed_list<T>(&self, key: &'static str, read: impl Fn(&str) -> Result<T, String>) -> Vec<At<T>> {
        self.texts(key)
            .into_iter()
            .filter_map(|text| match read(&text.value) {
                Ok(value) => Some(At { value, at: text.at }),
                Err(why) => {
                    self.source.fault(text.at, format!("`{}`: {why}", self.path(key)));
                    None
                }
            })
            .collect()
    }

    /// A table below this one; absent reads as empty.
    pub fn table(&self, key: &'static str) -> Table<'s, 'd> {
        let raw = self.raw(key);
        let map = raw.and_then(|raw| {
            let map = raw.get_ref().as_table();
            if map.is_none() {
                self.wrong(key, &raw.span(), raw.get_ref(), "a table");
            }
            map
        });
        Table {
            source: self.source,
            name: self.path(key),
            map,
            at: raw.map_or(self.at, |raw| raw.span().start),
            asked: RefCell::default(),
            in_array: self.in_array,
        }
    }

    /// An array of tables.
    pub fn tables(&self, key: &'static str) -> Vec<Table<'s, 'd>> {
        let Some(raw) = self.raw(key) else { return Vec::new() };
        let Some(list) = raw.get_ref().as_array() else {
            self.wrong(key, &raw.span(), raw.get_ref(), &format!("a list of tables, written [[{key}]]"));
            return Vec::new();
        };
        list.iter()
            .filter_map(|item| match item.get_ref().as_table() {
                Some(map) => Some(Table {
                    source: self.source,
                    name: self.path(key),
                    map: Some(map),
                    at: item.span().start,
                    asked: RefCell::default(),
                    in_array: true,
                }),
                None => {
                    self.wrong(key, &item.span(), item.get_ref(), "a table");
                    None
                }
            })
            .collect()
    }

    /// A list of any values with their places; one value alone counts as a list of one.
    pub fn list(&self, key: &'static str) -> Vec<(&'d DeValue<'d>, usize)> {
        let Some(raw) = self.raw(key) else { return Vec::new() };
        match raw.get_ref() {
            DeValue::Array(list) => list.iter().map(|item| (item.get_ref(), item.span().start)).collect(),
            other => vec![(other, raw.span().start)],
        }
    }

    /// A table found inside a list of this one.
    pub fn below(&self, key: &str, map: &'d DeTable<'d>, at: usize) -> Table<'s, 'd> {
        Table {
            source: self.source,
            name: self.path(key),
            map: Some(map),
            at,
            asked: RefCell::default(),
            in_array: true,
        }
    }

    /// Every key with its value as it stands in the file; for tables that are checked elsewhere.
    pub fn raw_entries(&self) -> Vec<(String, &'s str, usize)> {
        let Some(map) = self.map else { return Vec::new() };
        map.iter()
            .map(|(key, value)| {
                let text = self.source.text.get(value.span()).unwrap_or("\"\"");
                (key.get_ref().to_string(), text, value.span().start)
            })
            .collect()
    }

    /// Notes every key that was never asked for.
    pub fn finish(self) {
        let Some(map) = self.map else { return };
        let asked = self.asked.borrow();
        for key in map.keys().filter(|key| !asked.iter().any(|known| *known == key.get_ref().as_ref())) {
            self.source.fault(
                key.span().start,
                format!("`{}` is not an option{}", self.path(key.get_ref()), hint(key.get_ref(), &asked)),
            );
        }
    }
}

fn article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if vowel { "an" } else { "a" })
}

/// `; did you mean x?` when a legal word is near.
pub fn hint(word: &str, legal: &[&str]) -> String {
    legal
        .iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map_or_else(String::new, |(_, candidate)| format!("; did you mean `{candidate}`?"))
}

/// Edit distance of two short words.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 64 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (cb, &above) in b.iter().zip(row.iter().skip(1)) {
            let cost = (diagonal + usize::from(ca != *cb)).min(above + 1).min(left + 1);
            next.push(cost);
            diagonal = above;
            left = cost;
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

/// Octets from `"300 kB"`: k, M, G are powers of 1000; Ki, Mi, Gi of 1024.
pub fn octets(text: &str) -> Option<u64> {
    with_unit(
        text,
        &[
            ("", 1),
            ("B", 1),
            ("octets", 1),
            ("kB", 1_000),
            ("KB", 1_000),
            ("MB", 1_000_000),
            ("GB", 1_000_000_000),
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
        ],
    )
}

/// Milliseconds from `"300 s"`.
pub fn span_ms(text: &str) -> Option<u64> {
    with_unit(
        text,
        &[
            ("ms", 1),
            ("s", 1_000),
            ("min", 60_000),
            ("h", 3_600_000),
            ("d", 86_400_000),
            ("days", 86_400_000),
            ("weeks", 604_800_000),
        ],
    )
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let number: u64 = number.replace('_', "").parse().ok()?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim())?;
    number.checked_mul(*factor)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn faults(text: &str, read: impl Fn(&Table<'_, '_>)) -> Vec<String> {
        let source = Source::new("f.toml", text, BTreeMap::new());
        let parsed = DeTable::parse(text).unwrap();
        let top = Table::top(&source, parsed.get_ref());
        read(&top);
        top.finish();
        source.into_faults().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_place() {
        let text = "listne = 1\n[mm4]\nmax_octets = \"many\"\nack = 3\n";
        let told = faults(text, |top| {
            assert!(top.text("listen").is_none());
            let mm4 = top.table("mm4");
            assert!(mm4.octets("max_octets").is_none());
            assert!(mm4.text("ack").is_none());
            mm4.finish();
        });
        assert_eq!(
            told,
            [
                "f.toml:1:1: `listne` is not an option; did you mean `listen`?",
                "f.toml:3:14: `mm4.max_octets` must be a number of octets such as \"300 kB\" or 300_000, not \"many\"",
                "f.toml:4:7: `mm4.ack` must be a string, not an integer",
            ]
        );
    }

    #[test]
    fn units_are_read_as_they_are_spelt() {
        assert_eq!(octets("300 kB"), Some(300_000));
        assert_eq!(octets("1MiB"), Some(1_048_576));
        assert_eq!(octets("1_000"), Some(1_000));
        assert_eq!(span_ms("5 min"), Some(300_000));
        assert_eq!(span_ms("5"), None);
        assert_eq!(octets("99999999999999999999 GB"), None);
        assert_eq!(octets(""), None);
    }

    #[test]
    fn the_environment_overrides_a_section() {
        let environment = BTreeMap::from([("CEDRAT__STORE__URL".to_owned(), "sqlite:other.db".to_owned())]);
        let text = "[store]\nurl = \"sqlite:queue.db\"\n";
        let source = Source::new("f.toml", text, environment);
        let parsed = DeTable::parse(text).unwrap();
        let top = Table::top(&source, parsed.get_ref());
        assert_eq!(top.table("store").text("url").unwrap().value, "sqlite:other.db");
    }
}
