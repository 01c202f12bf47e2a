//! Modified UTF-7 of mailbox names (RFC 3501 section 5.1.3), both ways.

use alloc::{string::String, vec::Vec};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// The name that `octets` spell; `None` when they are not modified UTF-7. Shifts that were not needed are read.
#[must_use]
pub fn decode(octets: &[u8]) -> Option<String> {
    let mut name = String::with_capacity(octets.len());
    let mut rest = octets;
    while let Some((octet, after)) = rest.split_first() {
        rest = after;
        match octet {
            b'&' => {
                let end = rest.iter().position(|octet| *octet == b'-')?;
                let (shifted, after) = rest.split_at_checked(end)?;
                rest = after.get(1..)?;
                if shifted.is_empty() {
                    name.push('&');
                } else {
                    name.push_str(&decode_shifted(shifted)?);
                }
            }
            b' '..=b'~' => name.push(char::from(*octet)),
            _ => return None,
        }
    }
    Some(name)
}

fn decode_shifted(text: &[u8]) -> Option<String> {
    let mut units = Vec::with_capacity(text.len() / 2);
    let (mut bits, mut count) = (0u32, 0u32);
    for octet in text {
        let six = ALPHABET.iter().position(|symbol| symbol == octet)?;
        bits = (bits << 6) | u32::try_from(six).ok()?;
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push(u16::try_from((bits >> count) & 0xffff).ok()?);
            bits &= (1 << count) - 1;
        }
    }
    // What is left is padding: less than a symbol, and zero.
    if count >= 6 || bits != 0 {
        return None;
    }
    char::decode_utf16(units).collect::<Result<String, _>>().ok()
}

/// The one canonical spelling of `name`.
#[must_use]
pub fn encode(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut shift = Shift { bits: 0, count: 0, open: false };
    for char in name.chars() {
        if matches!(char, ' '..='~') {
            shift.close(&mut text);
            text.push(char);
            if char == '&' {
                text.push('-');
            }
        } else {
            for unit in char.encode_utf16(&mut [0; 2]) {
                shift.push(*unit, &mut text);
            }
        }
    }
    shift.close(&mut text);
    text
}

struct Shift {
    bits: u32,
    count: u32,
    open: bool,
}

impl Shift {
    fn push(&mut self, unit: u16, text: &mut String) {
        if !self.open {
            text.push('&');
            self.open = true;
        }
        self.bits = (self.bits << 16) | u32::from(unit);
        self.count += 16;
        while self.count >= 6 {
            self.count -= 6;
            self.symbol(self.bits >> self.count, text);
            self.bits &= (1 << self.count) - 1;
        }
    }

    fn close(&mut self, text: &mut String) {
        if self.open {
            if self.count > 0 {
                self.symbol(self.bits << (6 - self.count), text);
            }
            text.push('-');
        }
        *self = Self { bits: 0, count: 0, open: false };
    }

    fn symbol(&self, six: u32, text: &mut String) {
        if let Some(symbol) = ALPHABET.get((six & 63) as usize) {
            text.push(char::from(*symbol));
        }
    }
}
