//! Boxes, ISO/IEC 14496-12 §4.2: length, type, body.

use crate::facts::cursor::Cursor;

/// One box.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Box<'a> {
    pub(crate) kind: [u8; 4],
    /// What there is of it.
    pub(crate) body: &'a [u8],
    /// Whether it claims to be longer than what is there.
    pub(crate) cut: bool,
}

/// Boxes side by side. Ends at the first length that is not possible.
#[derive(Debug, Clone)]
pub(crate) struct Boxes<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Boxes<'a> {
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self { cursor: Cursor::new(octets) }
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Box<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let short = self.cursor.u32_be()?;
        let kind = self.cursor.array()?;
        let length = match short {
            // Up to the end.
            0 => self.cursor.len() as u64,
            1 => self.cursor.u64_be()?.checked_sub(16)?,
            length => u64::from(length).checked_sub(8)?,
        };
        let cut = length > self.cursor.len() as u64;
        let body = self.cursor.take_up_to(usize::try_from(length).unwrap_or(usize::MAX));
        Some(Box { kind, body, cut })
    }
}

/// Body of the first box of a kind.
pub(crate) fn child<'a>(octets: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    Boxes::new(octets).find(|found| found.kind == *kind).map(|found| found.body)
}
