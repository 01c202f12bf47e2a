//! Base64 that comes in pieces (RFC 2045 §6.8): what is not in the alphabet is skipped, as its readers must.
//!
//! Only for a body that says itself where its content ends, as CMS does: octets behind padding are decoded
//! like any others.

use alloc::vec::Vec;

const SKIPPED: u8 = 64;
const PADDING: u8 = 65;

#[allow(clippy::indexing_slicing, reason = "evaluated at compile time")]
const SEXTETS: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [SKIPPED; 256];
    let mut value = 0;
    while value < alphabet.len() {
        table[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    table[b'=' as usize] = PADDING;
    table
};

fn sextet(octet: u8) -> u8 {
    SEXTETS.get(usize::from(octet)).copied().unwrap_or(SKIPPED)
}

/// Characters of a group that is not complete.
#[derive(Debug)]
pub(crate) struct Base64 {
    group: u32,
    held: u32,
}

impl Base64 {
    pub(crate) const fn new() -> Self {
        Self { group: 0, held: 0 }
    }

    /// Appends what the next characters complete.
    pub(crate) fn update(&mut self, characters: &[u8], out: &mut Vec<u8>) {
        let mut rest = characters;
        loop {
            if self.held == 0 {
                rest = whole_groups(rest, out);
            }
            let [first, after @ ..] = rest else { return };
            rest = after;
            match sextet(*first) {
                SKIPPED => {}
                PADDING => self.end_group(out),
                value => {
                    self.group = self.group << 6 | u32::from(value);
                    self.held += 1;
                    if self.held == 4 {
                        self.end_group(out);
                    }
                }
            }
        }
    }

    /// Appends what an incomplete last group holds.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        self.end_group(out);
    }

    fn end_group(&mut self, out: &mut Vec<u8>) {
        let [_, octets @ ..] = (self.group << (6 * (4 - self.held.min(4)))).to_be_bytes();
        out.extend(octets.iter().take(self.held.saturating_sub(1) as usize));
        *self = Self::new();
    }
}

/// Decodes four characters at a time up to the first that is not in the alphabet; what is left.
fn whole_groups<'a>(characters: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let mut rest = characters;
    while let [a, b, c, d, after @ ..] = rest {
        let [a, b, c, d] = [sextet(*a), sextet(*b), sextet(*c), sextet(*d)];
        if (a | b | c | d) >= SKIPPED {
            break;
        }
        out.extend_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
        rest = after;
    }
    rest
}
