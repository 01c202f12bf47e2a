//! The content of a forward request as flat parts (RFC 2045, RFC 2387; TS 23.140 §8.4).
//!
//! Parts keep their octets in their transfer encoding. The presentation is found by type, never by
//! place or name. Content headers and body are kept as received, for a peer that gets them unchanged.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};
use bytes::Bytes;
use cedrat_message::{
    Blame, Body, Content, Disposition, Original, Part, PartKind, Reason, Refusal, Structure, TransferEncoding,
};
use cedrat_mime::{Encoding, Headers, Limits, Message, Node, entity::Damage};
use cedrat_wire_mail::value;
use cedrat_wire_mms::mm4::Pdu;

/// Reads the parts; `true` beside them when one is damaged.
pub(super) fn read(pdu: &Pdu) -> Result<(Content, bool), Refusal> {
    let headers: Headers = pdu.headers.iter().filter(|header| is_content(header.name())).cloned().collect();
    let mut octets = Vec::with_capacity(pdu.body.len() + 1024);
    headers.encode(&mut octets);
    octets.extend_from_slice(b"\r\n");
    octets.extend_from_slice(&pdu.body);
    let tree = cedrat_mime::walk(&Bytes::from(octets), &Limits::default()).map_err(|error| {
        let reason = match error.kind {
            cedrat_mime::Kind::TooDeep | cedrat_mime::Kind::TooManyParts => Reason::PartsExceeded,
            _ => Reason::MessageFormatCorrupt,
        };
        Refusal::new(reason, Blame::Message, format!("content: {error}"))
    })?;
    let parts = parts(&tree, &pdu.body);
    let damaged = parts.iter().any(|part| part.damaged);
    let original = Original {
        headers: headers.iter().map(|header| (header.name().to_owned(), header.value().to_owned())).collect(),
        octets: pdu.body.clone(),
    };
    let structure = structure(tree.root(), &parts);
    Ok((Content { structure, parts, original: Some(original) }, damaged))
}

/// Whether a header describes the content.
pub(super) fn is_content(name: &str) -> bool {
    name.eq_ignore_ascii_case("MIME-Version")
        || name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("Content-"))
}

fn structure(root: &Node, parts: &[Part]) -> Structure {
    if !root.content_type.is_multipart() {
        Structure::Single
    } else if root.content_type.essence.ends_with("related")
        || parts.iter().any(|part| part.kind == PartKind::Presentation)
    {
        Structure::Related
    } else {
        Structure::Mixed
    }
}

fn parts(tree: &Message, whole: &Bytes) -> Vec<Part> {
    let root = tree.root();
    if matches!(
        root.content_type.essence.as_str(),
        "multipart/signed" | "multipart/encrypted" | "application/pkcs7-mime" | "application/x-pkcs7-mime"
    ) {
        return Vec::from([sealed(root, whole)]);
    }
    let mut parts: Vec<Part> = Vec::new();
    for (index, node) in tree.leaves() {
        if node.parent.is_none() && node.body.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let parent = node.parent.and_then(|parent| tree.node(parent));
        let alternative = parent.is_some_and(|it| it.content_type.essence.ends_with("alternative"));
        let cut = parent.is_some_and(|parent| {
            parent.damage == Some(Damage::Unterminated) && parent.children.last() == Some(&index)
        });
        let mut part = part(node, alternative, cut);
        if part.kind == PartKind::Presentation && parts.iter().any(|it| it.kind == PartKind::Presentation) {
            part.kind = PartKind::Media;
        }
        parts.push(part);
    }
    parts
}

fn part(node: &Node, alternative: bool, cut: bool) -> Part {
    let essence = node.content_type.essence.as_str();
    let media_type = if essence.contains('/') { essence } else { "application/octet-stream" };
    let kind = match media_type {
        "application/smil" | "application/smil+xml" => PartKind::Presentation,
        "text/plain" => PartKind::Text,
        _ if alternative => PartKind::Alternative,
        _ => PartKind::Media,
    };
    let damaged = node.damage.is_some_and(|damage| damage != Damage::ParametersCut)
        || (cut && !node.encoding.is_identity())
        || (!node.encoding.is_identity() && node.decoded().damage.is_some());
    Part {
        kind,
        media_type: media_type.to_owned(),
        charset: node.content_type.parameter("charset").map(ToOwned::to_owned),
        parameters: parameters(node),
        name: node.filename().map(value::unstructured),
        content_id: node.content_id.clone(),
        location: node.content_location.clone(),
        disposition: node.disposition.as_ref().map(|it| match it.kind.as_str() {
            "inline" => Disposition::Inline,
            _ => Disposition::Attachment,
        }),
        body: Body { encoded: node.body.clone(), encoding: canonical(node.encoding) },
        damaged,
    }
}

/// Signed or encrypted content: one part of all octets.
fn sealed(root: &Node, whole: &Bytes) -> Part {
    let mut parameters = parameters(root);
    if let Some(boundary) = root.content_type.parameter("boundary") {
        parameters.push(("boundary".to_string(), boundary.to_string()));
    }
    Part {
        kind: PartKind::Sealed,
        media_type: root.content_type.essence.clone(),
        charset: None,
        parameters,
        name: root.filename().map(value::unstructured),
        content_id: root.content_id.clone(),
        location: root.content_location.clone(),
        disposition: None,
        body: Body { encoded: whole.clone(), encoding: canonical(root.encoding) },
        damaged: false,
    }
}

fn parameters(node: &Node) -> Vec<(String, String)> {
    let parameters = node.content_type.parameters.iter();
    let own = parameters.filter(|it| !matches!(it.name.as_str(), "boundary" | "charset" | "name"));
    own.map(|it| (it.name.clone(), it.value.clone())).collect()
}

const fn canonical(encoding: Encoding) -> TransferEncoding {
    match encoding {
        Encoding::Base64 => TransferEncoding::Base64,
        Encoding::Binary | Encoding::Unknown => TransferEncoding::Binary,
        Encoding::EightBit => TransferEncoding::EightBit,
        Encoding::QuotedPrintable => TransferEncoding::QuotedPrintable,
        Encoding::SevenBit => TransferEncoding::SevenBit,
    }
}
