//! The slides of an MMS as HTML: what a mail user sees in the order in which a handset would show it.
//!
//! Pictures that mail clients show stand in the flow (`cid:`, RFC 2392), sounds, films and other pictures
//! are links by their names, texts are escaped. No script, no style sheet, nothing from the web. The
//! presentation itself is not sent: this stands for it.

use alloc::{
    borrow::ToOwned,
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_message::{Content, Field, Part, PartKind};
use cedrat_mime::transfer;
use cedrat_wire_mms::smil::{self, Element, Names, Presentation, Shown, Stage};

use super::{MailWriting, charset, names};
use crate::{Fidelity, Loss};

/// Pictures that every mail client shows.
const PICTURES: &[&str] = &["image/bmp", "image/gif", "image/jpeg", "image/jpg", "image/png", "image/webp"];

/// The content with an HTML form of its slides beside its text, and its parts in the order of the slides.
/// `None` where there is nothing to show in HTML: only text, or an HTML form that came along.
pub(super) fn as_html(content: &Content, writing: &MailWriting, loss: &mut Loss) -> Option<Content> {
    let is_html = |part: &Part| part.kind == PartKind::Alternative && part.media_type == "text/html";
    let is_media = |part: &Part| element(part).is_some_and(|element| element != Element::Text);
    if content.parts.iter().any(is_html) || !content.parts.iter().any(is_media) {
        return None;
    }
    let presentation = content.parts.iter().find(|part| part.kind == PartKind::Presentation);
    let slides = slides(content, presentation);
    let mut parts = content.parts.clone();
    name(&mut parts, &writing.host);
    let mut html = String::from(HEAD);
    for (number, slide) in slides.iter().enumerate() {
        html.push_str(if number == 0 { "<div>\r\n" } else { "<hr>\r\n<div>\r\n" });
        for part in slide.iter().filter_map(|index| parts.get(*index)) {
            write(part, &mut html);
        }
        html.push_str("</div>\r\n");
    }
    html.push_str("</body>\r\n</html>\r\n");

    // The texts in plain form and the files follow the slides too.
    let place =
        |index: usize| slides.iter().flatten().position(|shown| *shown == index).unwrap_or(usize::MAX);
    let mut placed: Vec<(usize, Part)> =
        parts.into_iter().enumerate().map(|(index, part)| (place(index), part)).collect();
    placed.sort_by_key(|(place, _)| *place);
    let mut parts: Vec<Part> = placed.into_iter().map(|(_, part)| part).collect();
    parts.retain(|part| part.kind != PartKind::Presentation);
    parts.push(Part {
        kind: PartKind::Alternative,
        media_type: "text/html".to_owned(),
        charset: Some("utf-8".to_owned()),
        parameters: Vec::new(),
        name: None,
        content_id: None,
        location: None,
        disposition: None,
        body: charset::body_of(&html),
        damaged: false,
    });
    let note = "The slides are shown as HTML; how long each one stays is lost.";
    let fidelity = if presentation.is_some() { Fidelity::Lossy } else { Fidelity::Synthesized };
    loss.push(Field::Content, fidelity, note, Some(slides.len().to_string()));
    Some(Content { structure: content.structure, parts, original: None })
}

const HEAD: &str = "<!DOCTYPE html>\r\n<html>\r\n<head>\r\n<meta charset=\"utf-8\">\r\n</head>\r\n<body>\r\n";

/// The places of the parts on each slide.
fn slides(content: &Content, presentation: Option<&Part>) -> Vec<Vec<usize>> {
    let source = presentation.map(|part| {
        let encoding = charset::mime_encoding(part.body.encoding);
        Presentation::read(&transfer::decode(encoding, &part.body.encoded).octets)
    });
    let places: Vec<String> = (0..content.parts.len()).map(|index| index.to_string()).collect();
    let shown: Vec<Shown<'_>> = content
        .parts
        .iter()
        .zip(&places)
        .map(|(part, src)| Shown {
            called: Names {
                name: part.name.as_deref(),
                content_id: part.content_id.as_deref(),
                location: part.location.as_deref(),
            },
            src,
            element: element(part),
            duration: None,
            size: None,
        })
        .collect();
    let (made, _) = smil::rewrite(source.as_ref(), &shown, &Stage::default());
    made.slides
        .into_iter()
        .map(|slide| slide.media.into_iter().filter_map(|medium| medium.src.parse().ok()).collect())
        .collect()
}

/// How a slide shows a part; a document is linked where the sender's presentation has it.
fn element(part: &Part) -> Option<Element> {
    match part.kind {
        PartKind::Alternative | PartKind::Presentation | PartKind::Sealed => None,
        PartKind::Text => Some(Element::Text),
        PartKind::Media => Some(match part.media_type.split('/').next() {
            Some("audio") => Element::Audio,
            Some("image") => Element::Img,
            Some("video") => Element::Video,
            _ => Element::Ref,
        }),
    }
}

/// Every file has the name that it will have in the mail, and an ID that can stand in a URL as it is.
fn name(parts: &mut [Part], host: &str) {
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    let mut number = 0;
    for part in parts.iter_mut().filter(|part| part.kind == PartKind::Media) {
        number += 1;
        let name = names::file_name(part, number);
        let name = names::unique(name, |name| taken.contains(&name.to_ascii_lowercase()));
        taken.insert(name.to_ascii_lowercase());
        part.name = Some(name);
        let id = part.content_id.take().filter(|id| is_url(id) && !ids.contains(id));
        let mut id = id.unwrap_or_else(|| format!("part{number}@{host}"));
        while ids.contains(&id) {
            id.insert(0, 'x');
        }
        ids.insert(id.clone());
        part.content_id = Some(id);
    }
}

/// Whether an ID needs no escapes, in HTML or in a URL.
fn is_url(id: &str) -> bool {
    const LONGEST: usize = 200;
    let legal = |octet: u8| octet.is_ascii_alphanumeric() || b"@._+-$".contains(&octet);
    !id.is_empty() && id.len() <= LONGEST && id.bytes().all(legal)
}

fn write(part: &Part, html: &mut String) {
    if part.kind == PartKind::Text {
        let text = charset::text_of(&part.body, part.charset.as_deref());
        html.push_str("<p dir=\"auto\">");
        escape(charset::with_crlf(&text).trim_matches(['\r', '\n']), html);
        html.push_str("</p>\r\n");
        return;
    }
    let (id, name) =
        (part.content_id.as_deref().unwrap_or_default(), part.name.as_deref().unwrap_or_default());
    let is_picture = PICTURES.contains(&part.media_type.as_str());
    html.push_str(if is_picture { "<p><img src=\"cid:" } else { "<p><a href=\"cid:" });
    escape(id, html);
    html.push_str(if is_picture { "\" alt=\"" } else { "\">" });
    escape(name, html);
    html.push_str(if is_picture { "\" style=\"max-width:100%\"></p>\r\n" } else { "</a></p>\r\n" });
}

/// Text as HTML, in an element or an attribute. Line ends are CRLF.
fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\r' => html.push_str("<br>\r"),
            c => html.push(c),
        }
    }
}
