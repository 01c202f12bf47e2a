//! Writing entities (RFC 2045, RFC 2046): headers made here around bodies that are already encoded.
//!
//! A part is a header block and a list of slices, so nesting parts moves slices and copies no body; the
//! octets are copied once, by whoever sends or stores them. Boundaries come from the caller (this crate has
//! no randomness) and are refused when they occur in a part.
//!
//! Not here: the choice of encodings, and Message-ID, Date and other headers of a message.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use memchr::memmem;

use crate::header::{Header, Headers};

/// An entity to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its headers; Content-Type and the like among them.
    pub headers: Headers,
    body: Vec<Bytes>,
}

impl Part {
    /// A part with a body that already has the transfer encoding its headers claim.
    pub fn new(headers: Headers, body: impl Into<Bytes>) -> Self {
        Self { headers, body: [body.into()].into() }
    }

    /// The entity as slices, in order: header block with its empty line, then the body.
    pub fn into_slices(self) -> Vec<Bytes> {
        let mut slices = Vec::with_capacity(self.body.len() + 1);
        slices.push(head(&self.headers));
        slices.extend(self.body);
        slices
    }

    /// The entity in one piece.
    pub fn into_octets(self) -> Vec<u8> {
        let slices = self.into_slices();
        let mut out = Vec::with_capacity(slices.iter().map(Bytes::len).sum());
        for slice in slices {
            out.extend_from_slice(&slice);
        }
        out
    }
}

/// Why a boundary cannot be used; the caller supplies another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundaryFault {
    /// Empty, longer than 70 characters, or with a character that RFC 2046 §5.1.1 does not allow.
    Invalid,
    /// It stands in a part, also as the beginning of another boundary.
    Occurs,
}

impl fmt::Display for BoundaryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "the boundary is not one that RFC 2046 allows",
            Self::Occurs => "the boundary occurs in a part",
        })
    }
}

impl core::error::Error for BoundaryFault {}

/// A `multipart/{subtype}` of `parts` with the given further parameters.
///
/// # Errors
/// When the boundary is not allowed or occurs in a part.
pub fn multipart(
    subtype: &str,
    parameters: &[(&str, &str)],
    boundary: &str,
    parts: Vec<Part>,
) -> Result<Part, BoundaryFault> {
    let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&octet);
    if !(1..=70).contains(&boundary.len()) || !boundary.bytes().all(allowed) || boundary.ends_with(' ') {
        return Err(BoundaryFault::Invalid);
    }
    let delimiter = [b"--", boundary.as_bytes()].concat();
    let finder = memmem::Finder::new(&delimiter);
    let mut body = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        let block = head(&part.headers);
        if core::iter::once(&block).chain(&part.body).any(|slice| finder.find(slice).is_some()) {
            return Err(BoundaryFault::Occurs);
        }
        let mut start = Vec::with_capacity(delimiter.len() + 4 + block.len());
        start.extend_from_slice(if index > 0 { b"\r\n" } else { b"" });
        start.extend_from_slice(&delimiter);
        start.extend_from_slice(b"\r\n");
        start.extend_from_slice(&block);
        body.push(start.into());
        body.extend(part.body);
    }
    body.push([b"\r\n", delimiter.as_slice(), b"--\r\n"].concat().into());
    let mut all = parameters.to_vec();
    all.push(("boundary", boundary));
    let mut essence = String::from("multipart/");
    essence.push_str(subtype);
    let headers = Headers::from_iter([content_type(&essence, &all)]);
    Ok(Part { headers, body })
}

/// The block with the empty line that ends it.
fn head(headers: &Headers) -> Bytes {
    let mut out = Vec::new();
    headers.encode(&mut out);
    out.extend_from_slice(b"\r\n");
    out.into()
}

/// A Content-Type header.
pub fn content_type(essence: &str, parameters: &[(&str, &str)]) -> Header {
    Header::new("Content-Type", with_parameters(essence, parameters))
}

/// A Content-Disposition header.
pub fn disposition(kind: &str, parameters: &[(&str, &str)]) -> Header {
    Header::new("Content-Disposition", with_parameters(kind, parameters))
}

/// `keyword; name=value; …`: each value as a token, quoted, or as RFC 2231 says when it is not printable
/// ASCII.
pub fn with_parameters(keyword: &str, parameters: &[(&str, &str)]) -> String {
    let mut out = String::from(keyword);
    for (name, value) in parameters {
        if !value.bytes().all(|octet| matches!(octet, b' '..=b'~')) || value.len() > 900 {
            push_extended(&mut out, name, value);
        } else if !value.is_empty() && value.bytes().all(is_token_octet) {
            push_all(&mut out, &["; ", name, "=", value]);
        } else {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            push_all(&mut out, &["; ", name, "=\"", &quoted, "\""]);
        }
    }
    out
}

/// Characters of an RFC 2231 segment; with the name in front a line stays below 78.
const SEGMENT: usize = 54;

fn push_extended(out: &mut String, name: &str, value: &str) {
    let mut segments: Vec<String> = Vec::new();
    let mut segment = String::from("utf-8''");
    for octet in value.bytes() {
        if segment.len() + 3 > SEGMENT {
            segments.push(core::mem::take(&mut segment));
        }
        if octet.is_ascii_alphanumeric() || b"!#$&+-.^_`{}~".contains(&octet) {
            segment.push(char::from(octet));
        } else {
            let digit =
                |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase();
            segment.extend(['%', digit(octet >> 4), digit(octet & 15)]);
        }
    }
    segments.push(segment);
    if let [only] = segments.as_slice() {
        push_all(out, &["; ", name, "*=", only]);
        return;
    }
    for (index, segment) in segments.iter().enumerate() {
        push_all(out, &["; ", name, &alloc::format!("*{index}*="), segment]);
    }
}

fn push_all(out: &mut String, pieces: &[&str]) {
    pieces.iter().for_each(|piece| out.push_str(piece));
}

pub(crate) fn is_token_octet(octet: u8) -> bool {
    octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?='*%".contains(&octet)
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;
    use crate::{ContentType, Limits, walk};

    fn leaf(body: &str) -> Part {
        Part::new(Headers::from_iter([content_type("text/plain", &[("charset", "utf-8")])]), body.to_string())
    }

    #[test]
    fn nested_parts_are_read_back_exactly() {
        let related =
            multipart("related", &[("type", "application/smil"), ("start", "<s>")], "in", vec![leaf("one")]);
        let mixed = multipart("mixed", &[], "out", vec![related.unwrap(), leaf("two\r\n")]).unwrap();
        let octets = mixed.into_octets();
        let message = walk(&octets.into(), &Limits::default()).unwrap();
        let bodies: Vec<_> = message.leaves().map(|(_, node)| node.body.clone()).collect();
        assert_eq!(bodies, ["one", "two\r\n"]);
        assert!(message.nodes().all(|(_, node)| node.damage.is_none()));
        assert_eq!(message.node(1).unwrap().content_type.parameter("start"), Some("<s>"));
    }

    #[test]
    fn a_boundary_that_occurs_in_a_part_is_refused() {
        let inner = multipart("mixed", &[], "boundary-1", vec![leaf("x")]).unwrap();
        assert_eq!(multipart("mixed", &[], "boundary", vec![inner]), Err(BoundaryFault::Occurs));
        assert_eq!(multipart("mixed", &[], "b", vec![leaf("--b")]), Err(BoundaryFault::Occurs));
        for invalid in ["", "a\r\nb", "ends with ", "ü", &"x".repeat(71)] {
            assert_eq!(multipart("mixed", &[], invalid, vec![]), Err(BoundaryFault::Invalid));
        }
    }

    #[test]
    fn a_name_that_is_not_ascii_is_written_as_rfc_2231_says() {
        let header = disposition("attachment", &[("filename", "grüße.jpg")]);
        assert_eq!(header.value(), "attachment; filename*=utf-8''gr%C3%BC%C3%9Fe.jpg");
    }

    proptest! {
        #[test]
        fn parameters_are_read_back(values in prop::collection::vec("\\PC{0,120}|[ -~]{0,30}|(?s).{0,10}", 0..5)) {
            let names = ["charset", "name", "start", "type", "x-other"];
            let pairs: Vec<(&str, &str)> = names.into_iter().zip(values.iter().map(String::as_str)).collect();
            let header = content_type("image/jpeg", &pairs);
            let (read, cut) = ContentType::parse(header.value().as_bytes(), 1000);
            prop_assert!(!cut);
            prop_assert_eq!(read.essence, "image/jpeg");
            let back: Vec<_> = read.parameters.iter().map(|it| (it.name.as_str(), it.value.as_str())).collect();
            prop_assert_eq!(back, pairs);
        }

        #[test]
        fn any_bodies_are_read_back(bodies in prop::collection::vec("(?s).{0,60}", 1..5)) {
            let parts = bodies.iter().map(|body| leaf(body)).collect();
            let octets = multipart("mixed", &[], "-=_cedrat_=-", parts).unwrap().into_octets();
            let message = walk(&octets.into(), &Limits::default()).unwrap();
            let back: Vec<_> = message.leaves().map(|(_, node)| node.body.clone()).collect();
            prop_assert_eq!(back, bodies);
        }
    }
}
