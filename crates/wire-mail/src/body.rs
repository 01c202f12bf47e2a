//! The text and the name of one part, as a person would see them.
//!
//! Brings together what the headers of a part ask for: transfer encoding, charset, flowed lines, HTML.
//!
//! Not here: which part of a message is its text.

use alloc::string::String;

use cedrat_mime::{Encoding, Node};

use crate::{charset, html, quote, value};

/// The text of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Lines end with LF.
    pub text: String,
    /// Something could not be decoded: octets outside the transfer encoding or the charset.
    pub lossy: bool,
    /// It was longer than asked for.
    pub cut: bool,
}

/// The text of a `text/*` part, HTML as plain text, at most `max_octets` octets; none for other parts.
pub fn text(node: &Node, max_octets: usize) -> Option<Text> {
    let subtype = node.content_type.essence.strip_prefix("text/")?;
    let parameter = |name| node.content_type.parameter(name);
    let decoded = node.decoded();
    let (text, lossy) = charset::text(&decoded.octets, parameter("charset"));
    let lossy = lossy || decoded.damage.is_some() || node.encoding == Encoding::Unknown;
    let is = |name, value: &str| parameter(name).is_some_and(|it: &str| it.eq_ignore_ascii_case(value));
    let mut text = match subtype {
        // One character more tells whether something is left.
        "html" => html::text(&text, max_octets.saturating_add(4)),
        "plain" if is("format", "flowed") => quote::unflow(&text, is("delsp", "yes")),
        _ => text.replace("\r\n", "\n"),
    };
    let cut = text.len() > max_octets;
    text.truncate(text.floor_char_boundary(max_octets));
    Some(Text { text, lossy, cut })
}

/// The name that the sender gave a part, decoded, without path and control characters: encoded words and
/// the charsets of RFC 2231 are read.
pub fn file_name(node: &Node) -> Option<String> {
    let disposition = node.disposition.as_ref().and_then(|it| it.parameters.named("filename"));
    let parameter = disposition.or_else(|| node.content_type.parameters.named("name"))?;
    let name = match &parameter.encoded {
        Some((label, octets)) => charset::text(octets, Some(label)).0,
        None => value::unstructured(&parameter.value),
    };
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let name = name.trim();
    (!name.is_empty() && name.chars().any(|c| c != '.')).then(|| name.into())
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
    use bytes::Bytes;
    use cedrat_mime::{Limits, Message, walk};

    use super::*;

    fn read(octets: &[u8]) -> Message {
        walk(&Bytes::copy_from_slice(octets), &Limits::default()).unwrap()
    }

    fn name(headers: &str) -> Option<String> {
        file_name(read([headers, "\n\n"].concat().as_bytes()).root())
    }

    #[test]
    fn a_part_becomes_text_as_its_headers_say() {
        let utf_16 = read(b"Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n\n//5oAGkADQAKAA==");
        assert_eq!(text(utf_16.root(), 99), Some(Text { text: "hi\n".into(), lossy: false, cut: false }));
        let html = read(b"Content-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n<p>gr=FC=DFe=\n</p>");
        assert_eq!(text(html.root(), 4), Some(Text { text: "gr\u{fc}".into(), lossy: false, cut: true }));
        let flowed = read(b"Content-Type: text/plain; format=flowed\n\na \nb\xff\n");
        assert_eq!(text(flowed.root(), 99).unwrap().text, "a b\u{ff}\n");
        let damaged = read(b"Content-Transfer-Encoding: base64\n\naGk!");
        assert!(text(damaged.root(), 99).unwrap().lossy);
        assert_eq!(text(read(b"Content-Type: image/gif\n\nGIF").root(), 99), None);
    }

    #[test]
    fn a_name_is_decoded_and_leads_nowhere() {
        assert_eq!(
            name("Content-Type: image/png; name=\"=?utf-8?B?w7wucG5n?=\"").as_deref(),
            Some("\u{fc}.png")
        );
        assert_eq!(
            name("Content-Disposition: inline; filename*=koi8-r''%C1.txt").as_deref(),
            Some("\u{430}.txt")
        );
        assert_eq!(
            name("Content-Disposition: inline; filename=\"../../etc/passwd\"").as_deref(),
            Some("passwd")
        );
        assert_eq!(name("Content-Disposition: inline; filename=\"..\""), None);
        assert_eq!(name("Content-Type: image/png"), None);
    }
}
