//! The body of a mail from the parts of a message (RFC 2045, RFC 2046, RFC 2183, RFC 2387).
//!
//! What a mail user expects: the text first, then pictures and files under their names, then the
//! presentation out of the way. Octets that came in a transfer encoding which any mail system carries are
//! passed on as they are; everything else is written in 7bit lines, so that no next hop must convert.
//!
//! Not here: headers of the mail other than those of its content.

use alloc::{
    borrow::ToOwned,
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use bytes::Bytes;
use cedrat_message::{
    Blame, Content, Disposition, Field, Original, Part, PartKind, Reason, Refusal, TransferEncoding,
};
use cedrat_mime::{
    Header, Headers, transfer,
    write::{self, BoundaryFault},
};

use super::{MailWriting, Presentation, charset, names, order, slides};
use crate::{Fidelity, Loss};

/// The content as it goes out.
pub(super) struct Composed {
    /// MIME-Version and the headers of the content.
    pub(super) headers: Headers,
    /// Body octets, in order.
    pub(super) body: Vec<Bytes>,
}

/// Writes the content of a message. `unchanged` allows the octets that it was read from.
pub(super) fn compose(
    content: &Content,
    unchanged: bool,
    writing: &MailWriting,
    loss: &mut Loss,
) -> Result<Composed, Refusal> {
    let sealed = content.parts.iter().any(|part| part.kind == PartKind::Sealed);
    if let Some(original) = content.original.as_ref().filter(|it| unchanged || sealed || is_signed(it))
        && let Some(octets) = original_lines(&original.octets)
    {
        return Ok(as_received(original, octets));
    }
    let view = match writing.presentation {
        Presentation::Html => slides::as_html(content, writing, loss),
        Presentation::Drop | Presentation::Mixed | Presentation::Related => None,
    };
    let mut composer = Composer { writing, loss, names: BTreeSet::new(), boundaries: 0 };
    let root = composer.root(view.as_ref().unwrap_or(content))?;
    let mut headers = Headers::new();
    headers.push(Header::new("MIME-Version", "1.0"));
    headers.extend(root.headers.clone());
    let mut slices = root.into_slices();
    if !slices.is_empty() {
        slices.remove(0);
    }
    Ok(Composed { headers, body: slices })
}

/// Writes content as a MIME entity of its own: its header fields (without MIME-Version) and its body, as
/// it stands inside an encrypted message (RFC 8551 §3.1).
///
/// # Errors
/// As for [`super::outbound`], where the content cannot be carried.
pub fn entity(content: &Content, writing: &MailWriting, loss: &mut Loss) -> Result<Vec<u8>, Refusal> {
    let Composed { mut headers, body } = compose(content, false, writing, loss)?;
    headers.remove("MIME-Version");
    let mut out = Vec::with_capacity(body.iter().map(Bytes::len).sum::<usize>() + 1024);
    headers.encode(&mut out);
    out.extend_from_slice(b"\r\n");
    body.iter().for_each(|slice| out.extend_from_slice(slice));
    Ok(out)
}

fn is_signed(original: &Original) -> bool {
    let essence = original.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Content-Type"));
    essence.is_some_and(|(_, value)| value.trim_start().to_ascii_lowercase().starts_with("multipart/signed"))
}

/// A mail from a file may end its lines in LF alone; where both kinds stand, a bare LF may belong to a
/// binary part, and the content is put together anew.
fn original_lines(octets: &Bytes) -> Option<Bytes> {
    let mixed = octets.contains(&b'\r') && !charset::is_plain_lines(octets);
    if mixed { None } else { charset::in_mail_lines(octets) }
}

fn as_received(original: &Original, octets: Bytes) -> Composed {
    let mut headers = Headers::new();
    if !original.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("MIME-Version")) {
        headers.push(Header::new("MIME-Version", "1.0"));
    }
    headers.extend(original.headers.iter().map(|(name, value)| Header::new(name.as_str(), value.as_str())));
    Composed { headers, body: vec![octets] }
}

struct Composer<'a> {
    writing: &'a MailWriting,
    loss: &'a mut Loss,
    names: BTreeSet<String>,
    boundaries: usize,
}

impl Composer<'_> {
    fn root(&mut self, content: &Content) -> Result<write::Part, Refusal> {
        let shown = order::presented(content);
        let texts: Vec<&Part> = shown.iter().copied().filter(|part| part.kind == PartKind::Text).collect();
        let html = content
            .parts
            .iter()
            .find(|part| part.kind == PartKind::Alternative && part.media_type == "text/html");
        let source =
            html.map(|part| charset::text_of(&part.body, part.charset.as_deref())).unwrap_or_default();
        // What the HTML shows must stand beside it (RFC 2557). Sounds and films are only linked, and a client
        // offers them as files.
        let referred = content_ids(&source);
        let is_linked =
            |part: &Part| part.media_type.starts_with("audio/") || part.media_type.starts_with("video/");
        let (inside, media): (Vec<&Part>, Vec<&Part>) =
            shown.iter().copied().filter(|part| part.kind != PartKind::Text).partition(|part| {
                !is_linked(part) && part.content_id.as_deref().is_some_and(|id| referred.contains(id))
            });
        let presentation = content
            .parts
            .iter()
            .find(|part| part.kind == PartKind::Presentation)
            .filter(|_| matches!(self.writing.presentation, Presentation::Mixed | Presentation::Related));
        if presentation.is_none() && content.parts.iter().any(|part| part.kind == PartKind::Presentation) {
            self.loss.push(
                Field::Content,
                Fidelity::Dropped,
                "The presentation is left out, as the route asks.",
                None,
            );
        }
        let text = (!texts.is_empty() || html.is_some()).then(|| self.text(&texts));
        let text = match (text, html) {
            (Some(text), Some(html)) => Some(self.beside_html(text, html, &inside)?),
            (text, _) => text,
        };
        let mut parts: Vec<write::Part> = text.into_iter().collect();
        for part in media {
            let number = parts.len() + usize::from(texts.is_empty());
            parts.push(self.file(part, number));
        }
        if let Some(presentation) = presentation {
            parts.push(self.file(presentation, 0));
        }
        match parts.len() {
            0 => Ok(text_part("", None)),
            1 if !is_changed_by_a_line_end(parts.first()) => Ok(parts.remove(0)),
            1 => self.multipart("mixed", &[], &parts),
            _ if self.writing.presentation == Presentation::Related => self.related(parts),
            _ => self.multipart("mixed", &[], &parts),
        }
    }

    /// The texts in the order in which they are shown, as one: a mail client shows one text well.
    fn text(&mut self, texts: &[&Part]) -> write::Part {
        if let [only] = texts {
            return self.only_text(only);
        }
        if texts.len() > 1 {
            self.loss.push(
                Field::Content,
                Fidelity::Lossy,
                "Several texts were joined into one, in the order of the presentation.",
                Some(texts.len().to_string()),
            );
        }
        let joined: Vec<String> = texts
            .iter()
            .map(|part| {
                charset::text_of(&part.body, part.charset.as_deref()).trim_matches(['\r', '\n']).to_owned()
            })
            .filter(|text| !text.is_empty())
            .collect();
        text_part(&joined.join("\r\n\r\n"), None)
    }

    /// A single text keeps its identifiers, so that a presentation which shows it still does, and its octets
    /// where they are what mail wants: ASCII or UTF-8 in lines that end in CRLF.
    fn only_text(&mut self, part: &Part) -> write::Part {
        let label = part.charset.as_deref().unwrap_or("us-ascii");
        let utf8 = label.eq_ignore_ascii_case("utf-8");
        let decoded = transfer::decode(charset::mime_encoding(part.body.encoding), &part.body.encoded);
        let plain = charset::is_plain_lines(&decoded.octets)
            && (decoded.octets.is_ascii() || utf8 && core::str::from_utf8(&decoded.octets).is_ok())
            && !decoded.octets.starts_with(UTF8_MARK);
        if plain && !part.damaged && is_carried(part) && (utf8 || label.eq_ignore_ascii_case("us-ascii")) {
            let mut headers = Headers::from_iter([
                write::content_type("text/plain", &[("charset", &label.to_ascii_lowercase())]),
                Header::new("Content-Transfer-Encoding", charset::mime_encoding(part.body.encoding).token()),
            ]);
            push_identifiers(&mut headers, part);
            return write::Part::new(headers, part.body.encoded.clone());
        }
        text_part(&charset::text_of(&part.body, part.charset.as_deref()), Some(part))
    }

    fn beside_html(
        &mut self,
        text: write::Part,
        html: &Part,
        inside: &[&Part],
    ) -> Result<write::Part, Refusal> {
        let mut shown = self.plain_leaf(html);
        if !inside.is_empty() {
            let mut parts = vec![shown];
            parts.extend(inside.iter().enumerate().map(|(number, part)| self.file(part, number + 1)));
            shown = self.multipart("related", &[("type", "text/html")], &parts)?;
        }
        self.multipart("alternative", &[], &[text, shown])
    }

    /// `multipart/related` with the text as its root; a client that knows no MMS shows the rest as files.
    fn related(&mut self, mut parts: Vec<write::Part>) -> Result<write::Part, Refusal> {
        let is_text = |part: &write::Part| {
            part.headers
                .first("Content-Type")
                .is_some_and(|it| it.starts_with("text/plain") || it.starts_with("multipart/alternative"))
        };
        if !parts.first().is_some_and(is_text) {
            parts.insert(0, text_part("", None));
        }
        let root = parts.first().and_then(|part| part.headers.first("Content-Type")).unwrap_or_default();
        let essence = root.split(';').next().unwrap_or_default().trim().to_owned();
        self.multipart("related", &[("type", &essence)], &parts)
    }

    /// A part with its name.
    fn file(&mut self, part: &Part, number: usize) -> write::Part {
        let sealed_multipart = part.media_type.starts_with("multipart/");
        let name = if part.kind == PartKind::Presentation {
            "presentation.smil".to_owned()
        } else {
            names::file_name(part, number.max(1))
        };
        let name = names::unique(name, |name| self.names.contains(&name.to_ascii_lowercase()));
        self.names.insert(name.to_ascii_lowercase());
        let (encoding, octets) = self.carried(part);
        let media_type = match part.media_type.as_str() {
            // Lines that no mail may have: as a plain file it still arrives.
            media_type if holds_others(media_type) && encoding == TransferEncoding::Base64 => {
                "application/octet-stream"
            }
            media_type => safe_type(media_type),
        };
        let mut parameters: Vec<(&str, &str)> = Vec::new();
        if let Some(charset) = &part.charset {
            parameters.push(("charset", charset));
        }
        parameters.extend(part.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        parameters.retain(|(name, _)| is_parameter_name(name));
        if !sealed_multipart {
            parameters.push(("name", &name));
        }
        let mut headers = Headers::from_iter([
            write::content_type(media_type, &parameters),
            Header::new("Content-Transfer-Encoding", charset::mime_encoding(encoding).token()),
        ]);
        push_identifiers(&mut headers, part);
        if !sealed_multipart {
            headers.push(write::disposition(disposition(part), &[("filename", &name)]));
        }
        write::Part::new(headers, octets)
    }

    /// A form of the text: no name, no disposition.
    fn plain_leaf(&mut self, part: &Part) -> write::Part {
        let (encoding, octets) = self.carried(part);
        let charset = part.charset.as_deref().unwrap_or("us-ascii");
        let headers = Headers::from_iter([
            write::content_type(safe_type(&part.media_type), &[("charset", charset)]),
            Header::new("Content-Transfer-Encoding", charset::mime_encoding(encoding).token()),
        ]);
        write::Part::new(headers, octets)
    }

    /// The octets of a part in an encoding that every mail system carries. Parts that hold others must not
    /// be encoded (RFC 2046 §5.1, §5.2.1), only their line ends can be put right.
    fn carried(&mut self, part: &Part) -> (TransferEncoding, Bytes) {
        if !part.damaged && is_carried(part) {
            return (part.body.encoding, part.body.encoded.clone());
        }
        let decoded = transfer::decode(charset::mime_encoding(part.body.encoding), &part.body.encoded);
        if holds_others(&part.media_type)
            && let Some(octets) = charset::in_mail_lines(&decoded.octets)
        {
            let encoding =
                if octets.is_ascii() { TransferEncoding::SevenBit } else { TransferEncoding::EightBit };
            return (encoding, octets);
        }
        if part.damaged {
            self.loss.push(
                Field::Content,
                Fidelity::Lossy,
                "A part arrived damaged; what could be read of it is passed on.",
                part.name.clone(),
            );
        }
        let mut encoded = Vec::new();
        transfer::encode_base64(&decoded.octets, &mut encoded);
        (TransferEncoding::Base64, encoded.into())
    }

    /// Boundaries are made from the seed; one that occurs in a part is skipped.
    fn multipart(
        &mut self,
        subtype: &str,
        parameters: &[(&str, &str)],
        parts: &[write::Part],
    ) -> Result<write::Part, Refusal> {
        for _ in 0..100 {
            self.boundaries += 1;
            // `=_` can stand in no quoted-printable or base64 body (RFC 2045 §6.7).
            let seed: String =
                self.writing.seed.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
            let boundary = format!("=_{seed}_{}", self.boundaries);
            match write::multipart(subtype, parameters, &boundary, parts.to_vec()) {
                Ok(part) => return Ok(part),
                Err(BoundaryFault::Occurs) => {}
                Err(BoundaryFault::Invalid) => break,
            }
        }
        Err(Refusal::new(
            Reason::SystemFault,
            Blame::Ours,
            "no boundary could be made that occurs in no part",
        ))
    }
}

/// Whether the line end that closes a mail would become part of a file.
fn is_changed_by_a_line_end(part: Option<&write::Part>) -> bool {
    let value = |name| part.and_then(|part| part.headers.first(name)).unwrap_or_default();
    let essence = value("Content-Type");
    value("Content-Transfer-Encoding") != "base64"
        && !essence.starts_with("text/plain")
        && !essence.starts_with("multipart/")
}

/// The identifiers of `cid:` references in HTML (RFC 2392).
fn content_ids(html: &str) -> BTreeSet<&str> {
    let ends = |c: char| c.is_whitespace() || "\"'<>)".contains(c);
    html.split("cid:").skip(1).map(|rest| rest.split(ends).next().unwrap_or(rest)).collect()
}

/// A part of plain text.
fn text_part(text: &str, identified: Option<&Part>) -> write::Part {
    let body = charset::body_of(text);
    let mut headers = Headers::from_iter([
        write::content_type("text/plain", &[("charset", "utf-8")]),
        Header::new("Content-Transfer-Encoding", charset::mime_encoding(body.encoding).token()),
    ]);
    if let Some(part) = identified {
        push_identifiers(&mut headers, part);
    }
    write::Part::new(headers, body.encoded)
}

/// Content-ID and Content-Location, where they can stand in a header as they are.
fn push_identifiers(headers: &mut Headers, part: &Part) {
    let plain =
        |text: &&str| !text.is_empty() && text.len() <= 250 && text.bytes().all(|c| c.is_ascii_graphic());
    if let Some(id) = part.content_id.as_deref().filter(plain).filter(|id| !id.contains(['<', '>'])) {
        headers.push(Header::new("Content-ID", format!("<{id}>")));
    }
    if let Some(location) = part.location.as_deref().filter(plain) {
        headers.push(Header::new("Content-Location", location));
    }
}

/// Shown in the flow where a client can: pictures, sounds and films. Everything else is a file.
fn disposition(part: &Part) -> &'static str {
    let shown = matches!(part.media_type.split('/').next(), Some("image" | "audio" | "video"));
    match part.disposition {
        Some(Disposition::Attachment) => "attachment",
        _ if shown && part.kind == PartKind::Media => "inline",
        _ => "attachment",
    }
}

/// Whether the octets of a part can stand in a mail as they are: 7bit lines.
fn is_carried(part: &Part) -> bool {
    let octets = &part.body.encoded;
    !matches!(part.body.encoding, TransferEncoding::Binary)
        && octets.is_ascii()
        && charset::is_plain_lines(octets)
}

fn holds_others(media_type: &str) -> bool {
    media_type.starts_with("multipart/") || matches!(media_type, "message/rfc822" | "message/global")
}

/// A byte order mark says nothing in UTF-8, and some clients show it.
const UTF8_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];

/// A media type that can be written; anything else is octets.
fn safe_type(media_type: &str) -> &str {
    let token = |text: &str| {
        !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&c))
    };
    match media_type.split_once('/') {
        Some((kind, subtype)) if token(kind) && token(subtype) => media_type,
        _ => "application/octet-stream",
    }
}

fn is_parameter_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c))
        && name != "name"
}
