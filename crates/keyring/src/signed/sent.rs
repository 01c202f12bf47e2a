//! Elements as they were sent (X.690 §8): BER walked over slices, nothing copied.
//!
//! A SignedData may hold the whole content of a mail. Making it definite, as is done with small
//! structures (`recipient::element`), would copy that content at every level around it; here it is
//! found first, and joined once when it came in pieces. Ends of indefinite lengths are searched
//! iteratively, so each octet is passed at most once for every level above it.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::recipient::Malformed;
use crate::recipient::element::{self, OCTET_STRING};

const CONSTRUCTED: u8 = 0x20;

/// One element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent<'a> {
    pub(super) tag: u8,
    /// Without the end of an indefinite length.
    pub(super) content: &'a [u8],
    /// With tag, length and end.
    pub(super) whole: &'a [u8],
}

/// A walk over elements in order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk<'a> {
    rest: &'a [u8],
    nesting: u8,
}

impl<'a> Walk<'a> {
    /// `nesting` is how many levels may be open at once.
    pub(super) const fn of(octets: &'a [u8], nesting: u8) -> Self {
        Self { rest: octets, nesting }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element, whatever it is.
    pub(super) fn any(&mut self, expected: &'static str) -> Result<Sent<'a>, Malformed> {
        let (tag, length, inside) = element::header(self.rest).map_err(|_| Malformed::Expected(expected))?;
        let (content, after) = match length {
            Some(length) => inside.split_at_checked(length).ok_or(Malformed::Expected(expected))?,
            None if tag & CONSTRUCTED == 0 => return Err(Malformed::Expected(expected)),
            None => indefinite(inside, self.nesting)?,
        };
        let whole = self.rest.get(..self.rest.len() - after.len()).unwrap_or_default();
        self.rest = after;
        Ok(Sent { tag, content, whole })
    }

    /// The next element, which must have this tag.
    pub(super) fn take(&mut self, tag: u8, expected: &'static str) -> Result<Sent<'a>, Malformed> {
        self.optional(tag, expected)?.ok_or(Malformed::Expected(expected))
    }

    /// The next element when it has this tag.
    pub(super) fn optional(
        &mut self,
        tag: u8,
        expected: &'static str,
    ) -> Result<Option<Sent<'a>>, Malformed> {
        if self.rest.first() == Some(&tag) { self.any(expected).map(Some) } else { Ok(None) }
    }

    /// A walk inside an element of this one.
    pub(super) fn inside(&self, element: &Sent<'a>) -> Result<Self, Malformed> {
        let nesting = self.nesting.checked_sub(1).ok_or(Malformed::TooDeep)?;
        Ok(Self { rest: element.content, nesting })
    }

    /// The octets of the OCTET STRING that comes next, joined when they came in pieces.
    pub(super) fn octet_string(&mut self, expected: &'static str) -> Result<Cow<'a, [u8]>, Malformed> {
        let element = self.any(expected)?;
        match element.tag {
            OCTET_STRING => Ok(Cow::Borrowed(element.content)),
            tag if tag == OCTET_STRING | CONSTRUCTED => {
                let mut whole = Vec::with_capacity(element.content.len());
                self.inside(&element)?.join(expected, &mut whole)?;
                Ok(Cow::Owned(whole))
            }
            _ => Err(Malformed::Expected(expected)),
        }
    }

    /// As deep as elements may be nested.
    fn join(mut self, expected: &'static str, whole: &mut Vec<u8>) -> Result<(), Malformed> {
        while !self.is_empty() {
            let piece = self.any(expected)?;
            match piece.tag {
                OCTET_STRING => whole.extend_from_slice(piece.content),
                tag if tag == OCTET_STRING | CONSTRUCTED => self.inside(&piece)?.join(expected, whole)?,
                _ => return Err(Malformed::Expected(expected)),
            }
        }
        Ok(())
    }
}

/// Content of an indefinite length, and what follows its end.
fn indefinite(octets: &[u8], nesting: u8) -> Result<(&[u8], &[u8]), Malformed> {
    let mut open: u8 = 1;
    let mut rest = octets;
    loop {
        if let Some(after) = rest.strip_prefix(&[0, 0]) {
            open -= 1;
            if open == 0 {
                return Ok((octets.get(..octets.len() - rest.len()).unwrap_or_default(), after));
            }
            rest = after;
            continue;
        }
        let (tag, length, inside) = element::header(rest)?;
        rest = match length {
            Some(length) => inside.get(length..).ok_or(Malformed::Expected("the whole element"))?,
            None if tag & CONSTRUCTED == 0 => {
                return Err(Malformed::Expected("a definite length of a primitive element"));
            }
            None => {
                open = open.checked_add(1).filter(|open| *open <= nesting).ok_or(Malformed::TooDeep)?;
                inside
            }
        };
    }
}
