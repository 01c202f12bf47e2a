//! Reading a TOML table key by key: every value with its place, every key that nobody asked for a
//! fault. Knows the shape of TOML, not the meaning of any key.

use alloc::{format, string::String, vec::Vec};
use core::ops::Range;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::diagnostic::{Faults, nearest};

/// A text and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Spot<'t> {
    pub(crate) text: &'t str,
    pub(crate) span: Range<usize>,
}

/// One TOML table being read.
pub(crate) struct Section<'t> {
    table: &'t DeTable<'t>,
    pub(crate) span: Range<usize>,
    asked: Vec<&'static str>,
}

impl<'t> Section<'t> {
    pub(crate) fn new(table: &'t DeTable<'t>, span: Range<usize>) -> Self {
        Self { table, span, asked: Vec::new() }
    }

    fn value(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.asked.push(key);
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// Whether the key is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.keys().any(|name| name.get_ref() == key)
    }

    /// A string; another type is a fault.
    pub(crate) fn text(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Option<Spot<'t>> {
        let value = self.value(key)?;
        text_of(value).or_else(|| wrong(key, "a string", value, faults))
    }

    /// A string that must be there.
    pub(crate) fn required(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Option<Spot<'t>> {
        if !self.has(key) {
            self.asked.push(key);
            faults.push(&self.span, format!("`{key}` is missing"), None);
            return None;
        }
        self.text(key, faults)
    }

    /// An array of strings; empty when the key is not there.
    pub(crate) fn texts(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Vec<Spot<'t>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let DeValue::Array(array) = value.get_ref() else {
            return wrong(key, "an array of strings", value, faults).unwrap_or_default();
        };
        array
            .iter()
            .filter_map(|item| text_of(item).or_else(|| wrong(key, "an array of strings", item, faults)))
            .collect()
    }

    /// A whole number that is not negative.
    pub(crate) fn number(
        &mut self,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Option<(u64, Range<usize>)> {
        let value = self.value(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(integer) => u64::from_str_radix(integer.as_str(), integer.radix()).ok(),
            _ => None,
        };
        match number {
            Some(number) => Some((number, value.span())),
            None => wrong(key, "a whole number, not negative", value, faults),
        }
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Option<bool> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => wrong(key, "true or false", value, faults),
        }
    }

    /// A table of strings, in the order of the file.
    pub(crate) fn pairs(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Vec<(Spot<'t>, Spot<'t>)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let DeValue::Table(table) = value.get_ref() else {
            return wrong(key, "a table of strings", value, faults).unwrap_or_default();
        };
        let mut pairs: Vec<_> = table
            .iter()
            .filter_map(|(name, value)| {
                let left = Spot { text: name.get_ref().as_ref(), span: name.span() };
                let right = text_of(value).or_else(|| wrong(key, "a table of strings", value, faults))?;
                Some((left, right))
            })
            .collect();
        pairs.sort_by_key(|(left, _)| left.span.start);
        pairs
    }

    /// A table inside this one.
    pub(crate) fn section(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Option<Section<'t>> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Section::new(table, value.span())),
            _ => wrong(key, "a table", value, faults),
        }
    }

    /// An array of tables, `[[key]]`, in the order of the file.
    pub(crate) fn sections(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Vec<Section<'t>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let DeValue::Array(array) = value.get_ref() else {
            return wrong(key, "an array of tables", value, faults).unwrap_or_default();
        };
        array
            .iter()
            .filter_map(|item| match item.get_ref() {
                DeValue::Table(table) => Some(Section::new(table, item.span())),
                _ => wrong(key, "an array of tables", item, faults),
            })
            .collect()
    }

    /// Ends the reading: what was never asked for is a fault.
    pub(crate) fn close(self, faults: &mut Faults<'_>) {
        for name in self.table.keys() {
            let key: &str = name.get_ref().as_ref();
            if !self.asked.contains(&key) {
                faults.push(
                    &name.span(),
                    format!("`{key}` is not a key of this table"),
                    meant(key, &self.asked),
                );
            }
        }
    }
}

/// The hint for a word that is not one of `legal`: the nearest, else all of them when they are few.
pub(crate) fn meant(word: &str, legal: &[&str]) -> Option<String> {
    match nearest(word, legal.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if legal.len() <= 12 => Some(format!("one of: {}", legal.join(", "))),
        None => None,
    }
}

fn text_of<'t>(value: &'t Spanned<DeValue<'t>>) -> Option<Spot<'t>> {
    value.get_ref().as_str().map(|text| Spot { text, span: value.span() })
}

fn wrong<T>(key: &str, wanted: &str, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<T> {
    faults.push(&value.span(), format!("`{key}` must be {wanted}"), None);
    None
}
