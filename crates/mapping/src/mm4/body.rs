//! The content of a forward request: as received where nothing must change, else put together anew
//! (RFC 2387 related with its presentation, RFC 2046 mixed).
//!
//! What does not fit the peer is replaced by a notice, never dropped in silence. Converts no media.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use bytes::Bytes;
use cedrat_message::{
    Blame, Body, Content, Disposition, Field, Message, Origin, Original, Part, PartKind, Reason, Refusal,
    Structure, TransferEncoding,
};
use cedrat_mime::{
    ContentType, Encoding, Header, Headers,
    transfer::{decode, encode_base64},
    write,
};
use cedrat_wire_mms::quirks::{Multipart, Quirks, Smil};

use super::presentation::{self, Showing};
use crate::loss::{Fidelity, Loss};

/// A content ready to be sent.
pub(super) struct Written {
    /// Value of Content-Type.
    pub(super) content_type: String,
    /// The other headers of the content.
    pub(super) headers: Vec<Header>,
    /// The body.
    pub(super) octets: Bytes,
}

/// Room for the headers of the request around the content.
const HEADER_ROOM: u64 = 4_096;

/// The content as this peer takes it.
pub(super) fn content(
    message: &Message,
    quirks: &Quirks,
    boundary: &str,
    loss: &mut Loss,
) -> Result<Written, Refusal> {
    let content = &message.content;
    let shown = content.parts.iter().any(|part| part.kind == PartKind::Presentation);
    let from_mms = message.origin == Origin::Mm4;
    match quirks.smil {
        Smil::Require if !shown && from_mms => {
            let detail = "the peer requires a presentation and the message has none";
            return Err(Refusal::new(Reason::ContentNotAccepted, Blame::Policy, detail));
        }
        Smil::Synthesize if !shown => {}
        Smil::Drop if shown => {}
        _ if from_mms => {
            if let Some(original) = &content.original {
                return Ok(verbatim(original, content, quirks, loss));
            }
        }
        _ => {}
    }
    anew(message, quirks, boundary, loss)
}

/// Body to the octet; the media type is rewritten only where the peer wants another multipart.
fn verbatim(original: &Original, content: &Content, quirks: &Quirks, loss: &mut Loss) -> Written {
    let mut content_type = String::from("text/plain; charset=us-ascii");
    let mut headers = Vec::new();
    for (name, value) in &original.headers {
        if name.eq_ignore_ascii_case("Content-Type") {
            content_type = rewritten(value, content, quirks, loss);
        } else if !name.eq_ignore_ascii_case("MIME-Version") {
            headers.push(Header::new(name.as_str(), value.as_str()));
        }
    }
    Written { content_type, headers, octets: original.octets.clone() }
}

fn rewritten(value: &str, content: &Content, quirks: &Quirks, loss: &mut Loss) -> String {
    const LEAKED: &str = "application/vnd.wap.multipart.";
    let end = value.find([';', ' ', '\t']).unwrap_or(value.len());
    let (essence, parameters) = value.split_at_checked(end).unwrap_or((value, ""));
    let lower = essence.to_ascii_lowercase();
    let to_mixed = quirks.multipart == Multipart::Mixed
        && content.structure == Structure::Related
        && (lower == "multipart/related" || lower == "application/vnd.wap.multipart.related");
    if to_mixed {
        let (parsed, _) = ContentType::parse(value.as_bytes(), cedrat_mime::Limits::default().parameters);
        let boundary = parsed.parameter("boundary").unwrap_or_default();
        loss.push(Field::ContentType, Fidelity::Lossy, "The peer wants multipart/mixed.", None);
        return write::with_parameters("multipart/mixed", &[("boundary", boundary)]);
    }
    match lower.strip_prefix(LEAKED) {
        Some(subtype) => {
            loss.push(
                Field::ContentType,
                Fidelity::Lossy,
                "A binary multipart type on text content became the type that it means.",
                Some(essence.to_owned()),
            );
            format!("multipart/{subtype}{parameters}")
        }
        None => value.to_owned(),
    }
}

/// The parts put together: presentation first, then the others in their order.
fn anew(message: &Message, quirks: &Quirks, boundary: &str, loss: &mut Loss) -> Result<Written, Refusal> {
    let mut parts: Vec<Part> = Vec::with_capacity(message.content.parts.len());
    for part in &message.content.parts {
        if part.kind == PartKind::Alternative {
            let note = "MMS shows one form of a text; the other is left out.";
            loss.push(Field::Content, Fidelity::Dropped, note, Some(part.media_type.clone()));
        } else if part.kind == PartKind::Presentation && quirks.smil == Smil::Drop {
            let note = "The peer takes no presentation.";
            loss.push(Field::Content, Fidelity::Dropped, note, None);
        } else {
            parts.push(part.clone());
        }
    }
    let whole = fit(&mut parts, quirks, loss)?;
    if let [only] = parts.as_slice()
        && only.kind == PartKind::Sealed
    {
        return Ok(single(only));
    }
    let shown = parts.iter().any(|part| part.kind == PartKind::Presentation);
    let wanted = match quirks.smil {
        Smil::Drop => false,
        Smil::Pass => message.origin == Origin::Mail,
        Smil::Require | Smil::Synthesize => true,
    };
    if (wanted && !shown || shown && !whole) && !parts.is_empty() {
        presentation::show(&mut parts, &Showing { refs: quirks.refs, ..Showing::default() }, loss);
    } else {
        presentation::name(&mut parts);
    }
    parts.sort_by_key(|part| part.kind != PartKind::Presentation);
    compose(&parts, &message.content, quirks, boundary)
}

/// Replaces what is too much for the peer by a notice: the largest medium first. `true` when nothing was.
fn fit(parts: &mut Vec<Part>, quirks: &Quirks, loss: &mut Loss) -> Result<bool, Refusal> {
    let budget = quirks.max_octets.saturating_sub(HEADER_ROOM);
    let most = usize::try_from(quirks.max_parts).unwrap_or(usize::MAX);
    let mut left: Vec<String> = Vec::new();
    loop {
        let media = |part: &&Part| matches!(part.kind, PartKind::Media | PartKind::Sealed);
        let octets: u64 = parts.iter().map(room).sum();
        let count = parts.iter().filter(media).count();
        if octets <= budget && count <= most {
            break;
        }
        let candidates = parts.iter().enumerate().filter(|(_, part)| media(part));
        let victim = if octets > budget {
            candidates.max_by_key(|(_, part)| part.body.encoded.len())
        } else {
            candidates.last()
        };
        let Some((index, part)) = victim else {
            let detail = format!("{octets} octets of text, the peer takes {}", quirks.max_octets);
            return Err(Refusal::new(Reason::MessageTooLarge, Blame::Message, detail));
        };
        let name = part.name.clone().unwrap_or_else(|| part.media_type.clone());
        loss.push(
            Field::Content,
            Fidelity::Dropped,
            "The part is more than the next system takes; a notice stands for it.",
            Some(name.clone()),
        );
        left.push(format!("[{name} ({} kB) could not be sent]", part.body.encoded.len().div_ceil(1000)));
        parts.remove(index);
    }
    if !left.is_empty() {
        let note = left.join("\r\n");
        parts.push(text(&note));
    }
    Ok(left.is_empty())
}

/// What a part takes on the wire, its headers included.
fn room(part: &Part) -> u64 {
    const PART_HEADERS: u64 = 400;
    let octets = part.body.encoded.len() as u64;
    PART_HEADERS + if needs_base64(&part.body) { octets.saturating_mul(37) / 27 } else { octets }
}

/// A part of plain text made here.
pub(super) fn text(words: &str) -> Part {
    Part {
        kind: PartKind::Text,
        media_type: "text/plain".to_owned(),
        charset: Some("utf-8".to_owned()),
        parameters: Vec::new(),
        name: None,
        content_id: None,
        location: None,
        disposition: None,
        body: encoded(Bytes::copy_from_slice(words.as_bytes())),
        damaged: false,
    }
}

fn compose(parts: &[Part], content: &Content, quirks: &Quirks, boundary: &str) -> Result<Written, Refusal> {
    if parts.is_empty() {
        return Ok(single(&text("")));
    }
    if let [only] = parts
        && content.structure == Structure::Single
        && only.kind != PartKind::Presentation
    {
        return Ok(single(only));
    }
    let start = parts.iter().find(|part| part.kind == PartKind::Presentation);
    let start = start.and_then(|part| part.content_id.as_ref()).map(|id| format!("<{id}>"));
    let (subtype, parameters) = match (&start, quirks.multipart) {
        (Some(start), Multipart::Related) => {
            ("related", Vec::from([("type", "application/smil"), ("start", start.as_str())]))
        }
        _ => ("mixed", Vec::new()),
    };
    let whole = divided(parts, subtype, &parameters, boundary)?;
    let content_type = whole.headers.first("Content-Type").unwrap_or_default().to_owned();
    let mut slices = whole.into_slices().into_iter();
    let _head = slices.next();
    let mut octets = Vec::new();
    for slice in slices {
        octets.extend_from_slice(&slice);
    }
    Ok(Written { content_type, headers: Vec::new(), octets: octets.into() })
}

/// The multipart, under the boundary given or the first of its successors that no part holds.
fn divided(
    parts: &[Part],
    subtype: &str,
    parameters: &[(&str, &str)],
    boundary: &str,
) -> Result<write::Part, Refusal> {
    const SUCCESSORS: u32 = 8;
    let as_files = subtype == "mixed";
    let mut name = boundary.to_owned();
    for successor in 0..SUCCESSORS {
        let written: Vec<write::Part> = parts.iter().map(|part| entity(part, as_files)).collect();
        if let Ok(whole) = write::multipart(subtype, parameters, &name, written) {
            return Ok(whole);
        }
        name = format!("{boundary}.{successor}");
    }
    Err(Refusal::new(Reason::SystemFault, Blame::Ours, "no boundary for MM4 that the parts do not hold"))
}

/// A content of one part without a multipart around it.
fn single(part: &Part) -> Written {
    let (headers, octets) = described(part, false);
    let content_type = headers.first("Content-Type").unwrap_or_default().to_owned();
    let others = headers.iter().filter(|header| !header.is("Content-Type")).cloned().collect();
    Written { content_type, headers: others, octets }
}

fn entity(part: &Part, as_file: bool) -> write::Part {
    let (headers, octets) = described(part, as_file);
    write::Part::new(headers, octets)
}

/// Headers and body of a part. Octets that a 7-bit hop would spoil are encoded.
fn described(part: &Part, as_file: bool) -> (Headers, Bytes) {
    let mut parameters: Vec<(&str, &str)> = Vec::new();
    parameters.extend(part.charset.as_deref().map(|charset| ("charset", charset)));
    parameters.extend(part.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    parameters.extend(part.name.as_deref().map(|name| ("name", name)));
    let (body, encoding) = if needs_base64(&part.body) {
        let mut octets = Vec::new();
        encode_base64(&decoded(&part.body), &mut octets);
        (Bytes::from(octets), Encoding::Base64)
    } else {
        (part.body.encoded.clone(), mime(part.body.encoding))
    };
    let mut headers = Headers::from_iter([
        write::content_type(&part.media_type, &parameters),
        Header::new("Content-Transfer-Encoding", encoding.token()),
    ]);
    if let Some(id) = &part.content_id {
        headers.push(Header::new("Content-ID", format!("<{id}>")));
    }
    if let Some(location) = &part.location {
        headers.push(Header::new("Content-Location", location.as_str()));
    }
    let kind = match part.disposition {
        Some(Disposition::Attachment) => Some("attachment"),
        Some(Disposition::Inline) => Some("inline"),
        None => as_file.then_some("attachment"),
    };
    if let Some(kind) = kind {
        let filename: Vec<_> = part.name.as_deref().map(|name| ("filename", name)).into_iter().collect();
        headers.push(write::disposition(kind, &filename));
    }
    (headers, body)
}

/// The octets of a body without their transfer encoding.
#[must_use]
pub fn decoded(body: &Body) -> Bytes {
    decode(mime(body.encoding), &body.encoded).octets
}

/// A body of these octets that crosses a 7-bit hop: as they are when they are lines of ASCII, else in base64.
#[must_use]
pub fn encoded(octets: Bytes) -> Body {
    if octets.is_ascii() && !is_binary(&octets) {
        return Body { encoded: octets, encoding: TransferEncoding::SevenBit };
    }
    let mut encoded = Vec::new();
    encode_base64(&octets, &mut encoded);
    Body { encoded: encoded.into(), encoding: TransferEncoding::Base64 }
}

/// MM4 hops are 7-bit unless proved otherwise.
fn needs_base64(body: &Body) -> bool {
    match body.encoding {
        TransferEncoding::Base64 | TransferEncoding::QuotedPrintable => false,
        TransferEncoding::Binary => true,
        TransferEncoding::EightBit | TransferEncoding::SevenBit => {
            !body.encoded.is_ascii() || is_binary(&body.encoded)
        }
    }
}

/// Whether octets cannot go through DATA as lines: NUL, a bare CR or LF, a line over 998 octets
/// (RFC 5321 §4.5.3.1.6).
pub(super) fn is_binary(octets: &[u8]) -> bool {
    const LONGEST_LINE: usize = 998;
    let mut rest = octets;
    while let Some(at) = memchr::memchr3(0, b'\r', b'\n', rest) {
        let (line, end) = rest.split_at(at);
        let Some(next) = end.strip_prefix(b"\r\n").filter(|_| line.len() <= LONGEST_LINE) else {
            return true;
        };
        rest = next;
    }
    rest.len() > LONGEST_LINE
}

pub(super) const fn mime(encoding: TransferEncoding) -> Encoding {
    match encoding {
        TransferEncoding::Base64 => Encoding::Base64,
        TransferEncoding::Binary => Encoding::Binary,
        TransferEncoding::EightBit => Encoding::EightBit,
        TransferEncoding::QuotedPrintable => Encoding::QuotedPrintable,
        TransferEncoding::SevenBit => Encoding::SevenBit,
    }
}
