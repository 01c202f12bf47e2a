//! ESEARCH (RFC 4731, RFC 9051 section 7.3.4): results of a search as ranges.

use super::{Malformed, Reader, SequenceSet, Writer, reader::lossy};
use alloc::string::String;

/// What a search found. What was not asked for, or is not there because nothing was found, is `None` or empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Esearch {
    /// Of the command that asked.
    pub tag: Option<String>,
    /// Whether the numbers are UIDs.
    pub uid: bool,
    /// ALL.
    pub all: SequenceSet,
    /// COUNT.
    pub count: Option<u64>,
    /// MIN.
    pub min: Option<u32>,
    /// MAX.
    pub max: Option<u32>,
    /// The greatest mod-sequence of what was found (RFC 7162).
    pub mod_seq: Option<u64>,
}

impl Esearch {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut found = Self::default();
        reader.spaces();
        if reader.peek() == Some(b'(') {
            reader.open()?;
            reader.word()?;
            reader.spaces();
            found.tag = Some(lossy(&reader.astring()?));
            reader.expect(b')', "end of search correlator")?;
        }
        loop {
            reader.spaces();
            if reader.is_at_end() {
                return Ok(found);
            }
            let name = lossy(reader.word()?).to_ascii_uppercase();
            reader.spaces();
            match name.as_str() {
                "UID" => found.uid = true,
                "ALL" => found.all = SequenceSet::read(reader)?,
                "COUNT" => found.count = Some(reader.number()?),
                "MIN" => found.min = Some(reader.number()?),
                "MAX" => found.max = Some(reader.number()?),
                "MODSEQ" => found.mod_seq = Some(reader.number()?),
                _ => drop(reader.value()?),
            }
        }
    }

    /// What a SEARCH response says, whose numbers are those of a UID SEARCH.
    #[must_use]
    pub fn of(numbers: &[u32], mod_seq: Option<u64>) -> Self {
        Self {
            tag: None,
            uid: true,
            all: numbers.iter().copied().collect(),
            count: Some(numbers.len() as u64),
            min: numbers.iter().min().copied(),
            max: numbers.iter().max().copied(),
            mod_seq,
        }
    }

    /// Takes another response to the same search in: some servers answer in pieces.
    pub fn add(&mut self, other: Self) {
        self.tag = other.tag.or(self.tag.take());
        self.uid |= other.uid;
        self.all.append(other.all);
        self.count =
            self.count.map_or(other.count, |count| Some(count.saturating_add(other.count.unwrap_or(0))));
        self.min = [self.min, other.min].into_iter().flatten().min();
        self.max = self.max.max(other.max);
        self.mod_seq = self.mod_seq.max(other.mod_seq);
    }

    /// Writes the response.
    pub fn write(&self, writer: &mut Writer) {
        writer.raw("* ESEARCH");
        if let Some(tag) = &self.tag {
            writer.raw(" (TAG ").string(tag.as_bytes()).raw(")");
        }
        if self.uid {
            writer.raw(" UID");
        }
        if let Some(min) = self.min {
            writer.raw(" MIN ").number(u64::from(min));
        }
        if let Some(max) = self.max {
            writer.raw(" MAX ").number(u64::from(max));
        }
        if let Some(count) = self.count {
            writer.raw(" COUNT ").number(count);
        }
        if !self.all.is_empty() {
            writer.raw(" ALL ").set(&self.all);
        }
        if let Some(mod_seq) = self.mod_seq {
            writer.raw(" MODSEQ ").number(mod_seq);
        }
    }
}
