//! The xtext encoding of DSN parameters (RFC 3461 section 4): `+` and two upper-case hexadecimal
//! digits stand for any octet. It does not know the `utf-8-addr-xtext` escapes of RFC 6533.

use alloc::{string::String, vec::Vec};

/// Encodes text so that it may stand in an `ENVID=` or `ORCPT=` parameter.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for octet in text.bytes() {
        if matches!(octet, b'!'..=b'~') && octet != b'+' && octet != b'=' {
            out.push(char::from(octet));
        } else {
            out.push('+');
            for four in [octet >> 4, octet & 15] {
                out.extend(char::from_digit(u32::from(four), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
    out
}

/// The text that an xtext stands for; lower-case digits are read, too. `None` when an escape is broken or the result is not UTF-8
/// or holds control characters, which could otherwise end a header field of a report.
#[must_use]
pub fn decode(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'+' {
            octets.push(octet);
            continue;
        }
        let mut value = 0u32;
        for _ in 0..2 {
            let digit = rest.next()?;
            value = value * 16 + char::from(digit).to_digit(16)?;
        }
        octets.push(u8::try_from(value).ok()?);
    }
    let text = String::from_utf8(octets).ok()?;
    (!text.chars().any(char::is_control)).then_some(text)
}

/// Whether a parameter value is xtext as peers send it: a bare `=` passes, it is seen in ORCPT.
pub(crate) fn is_valid(text: &str) -> bool {
    decode(text).is_some() && !text.contains(' ')
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn the_envelope_identifier_of_rfc_3461_reads_and_writes() {
        assert_eq!(encode("Carol@Ivory.EDU"), "Carol@Ivory.EDU");
        assert_eq!(encode("a+b=c d"), "a+2Bb+3Dc+20d");
        assert_eq!(decode("a+2bb+3dc").as_deref(), Some("a+b=c"));
        assert_eq!(decode("a+2Bb+3Dc+20d").as_deref(), Some("a+b=c d"));
    }

    #[test]
    fn broken_escapes_and_line_breaks_are_refused() {
        for text in ["+", "+4", "+zz", "a+0D+0Ab", "+FF"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
