//! A mail taken apart into the flat parts of a message (RFC 2046 §5, RFC 2387, RFC 1847).
//!
//! What a person wrote becomes text, what they attached becomes media, other forms of the same text stay
//! beside it as alternatives, and what is encrypted stays sealed. Of signed content the readable part is
//! used. Every part keeps its octets as received, except text, which becomes UTF-8.
//!
//! Not here: headers of the mail itself, and reports (`report`).

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use cedrat_message::{Body, Content, Disposition, Field, Original, Part, PartKind, Structure};
use cedrat_mime::{ContentType, Encoding, Message, Node, transfer};
use cedrat_wire_mail::{html, quote, value};

use super::{MailReading, charset, names, order};
use crate::{Fidelity, Loss};

/// Takes the parts of a mail.
pub(super) fn flatten(mail: &Message, reading: &MailReading, loss: &mut Loss) -> Content {
    let mut flattener = Flattener { mail, reading, loss, parts: Vec::new(), changed: false };
    flattener.visit(mail.root(), false);
    if flattener.changed {
        // The other forms still hold what was cut.
        flattener.parts.retain(|part| part.kind != PartKind::Alternative);
    }
    flattener.drop_blank_texts();
    flattener.drop_broken_presentation();
    flattener.report_damage();
    let Flattener { parts, changed, .. } = flattener;
    Content { structure: Structure::Related, parts, original: (!changed).then(|| original(mail)) }
}

/// The content headers and the body, for an interface that carries them unchanged.
fn original(mail: &Message) -> Original {
    let root = mail.root();
    let headers = root.headers.iter().filter(|header| header.is_about_content());
    Original {
        headers: headers.map(|header| (header.name().to_string(), header.value().to_string())).collect(),
        octets: root.body.clone(),
    }
}

struct Flattener<'a> {
    mail: &'a Message,
    reading: &'a MailReading,
    loss: &'a mut Loss,
    parts: Vec<Part>,
    /// Whether a part says less than the mail did, so that the original may not pass through.
    changed: bool,
}

impl<'a> Flattener<'a> {
    /// Recursion is bounded by the depth limit of the walker that built the tree.
    fn visit(&mut self, node: &'a Node, in_alternative: bool) {
        let mail = self.mail;
        match node.content_type.essence.as_str() {
            "multipart/encrypted" | "application/pkcs7-mime" | "application/x-pkcs7-mime" => {
                self.sealed(node)
            }
            _ if node.children.is_empty() => self.leaf(node, in_alternative),
            "multipart/alternative" | "application/vnd.wap.multipart.alternative" => self.alternative(node),
            "multipart/signed" => {
                if let Some(readable) = mail.children(node).next() {
                    self.visit(readable, in_alternative);
                }
                self.loss.push(
                    Field::Content,
                    Fidelity::Lossy,
                    "The signature covers the mail as it was and is left behind; the content that it signed is used.",
                    None,
                );
            }
            _ => mail.children(node).for_each(|child| self.visit(child, in_alternative)),
        }
    }

    /// All forms are kept; the text is the plain one, or is made from HTML where that says more.
    fn alternative(&mut self, node: &'a Node) {
        let start = self.parts.len();
        self.mail.children(node).for_each(|child| self.visit(child, true));
        let forms = self.parts.get(start..).unwrap_or_default();
        if forms.iter().any(|part| part.kind == PartKind::Text && !is_blank(part)) {
            return;
        }
        if let Some(html) = forms.iter().find(|part| is_html(part)).cloned()
            && let Some(text) = self.html_as_text(&html)
        {
            self.parts.insert(start, text);
        }
    }

    fn leaf(&mut self, node: &'a Node, in_alternative: bool) {
        let mut part = describe(node);
        let attached = part.disposition == Some(Disposition::Attachment);
        match part.media_type.as_str() {
            "application/smil" => {
                part.kind = PartKind::Presentation;
                self.parts.push(part);
            }
            "text/plain" if !attached || part.name.is_none() => {
                part.kind = PartKind::Text;
                self.text(part, node);
            }
            "text/html" if in_alternative => {
                part.kind = PartKind::Alternative;
                self.parts.push(part);
            }
            "text/html" if !attached => {
                part.kind = PartKind::Alternative;
                let text = self.html_as_text(&part);
                self.parts.extend(text);
                self.parts.push(part);
            }
            "text/enriched" | "text/richtext" | "text/watch-html" | "text/x-amp-html" if in_alternative => {
                part.kind = PartKind::Alternative;
                self.parts.push(part);
            }
            _ => self.parts.push(part),
        }
    }

    /// Text in UTF-8, joined where it was flowed, cut where the route says so.
    fn text(&mut self, mut part: Part, node: &Node) {
        let as_sent = charset::text_of(&part.body, part.charset.as_deref());
        let mut text = match node.content_type.parameter("format") {
            Some(format) if format.eq_ignore_ascii_case("flowed") => {
                let delete_space =
                    node.content_type.parameter("delsp").is_some_and(|it| it.eq_ignore_ascii_case("yes"));
                quote::unflow(&as_sent, delete_space)
            }
            _ => as_sent,
        };
        let cut = self.cut(&mut text);
        let utf8 = part.charset.as_deref().is_none_or(|label| {
            label.eq_ignore_ascii_case("utf-8") || label.eq_ignore_ascii_case("us-ascii")
        });
        let as_received = !cut && utf8 && node.content_type.parameter("format").is_none();
        let decoded = node.decoded();
        if !(as_received && core::str::from_utf8(&decoded.octets) == Ok(text.as_str())) {
            part.body = charset::body_of(&text);
        }
        part.charset = Some("utf-8".to_string());
        part.parameters.retain(|(name, _)| name != "format" && name != "delsp");
        self.parts.push(part);
    }

    /// What HTML says as text; `None` when it says nothing.
    fn html_as_text(&mut self, part: &Part) -> Option<Part> {
        let source = charset::text_of(&part.body, part.charset.as_deref());
        let mut text = html::text(&source, MAX_HTML_TEXT);
        self.cut(&mut text);
        if text.chars().all(is_blank_char) {
            return None;
        }
        self.loss.push(Field::Content, Fidelity::Lossy, HTML_NOTE, None);
        Some(Part {
            kind: PartKind::Text,
            media_type: "text/plain".to_string(),
            charset: Some("utf-8".to_string()),
            parameters: Vec::new(),
            name: None,
            content_id: None,
            location: None,
            disposition: None,
            body: charset::body_of(text.trim()),
            damaged: part.damaged,
        })
    }

    /// Takes quoted history and signature off, where the route says so; whether there were any.
    fn cut(&mut self, text: &mut String) -> bool {
        let whole = text.trim().len();
        if self.reading.cut_quotes {
            *text = quote::without_history(text);
        }
        if self.reading.cut_signature {
            *text = quote::without_signature(text).to_string();
        }
        let cut = text.trim().len() < whole;
        if cut {
            self.loss.push(
                Field::Content,
                Fidelity::Dropped,
                "Quoted history or a signature was cut, as the route asks.",
                None,
            );
            self.changed = true;
        }
        cut
    }

    fn sealed(&mut self, node: &Node) {
        let mut part = describe(node);
        part.kind = PartKind::Sealed;
        if let Some(boundary) = node.content_type.parameter("boundary") {
            part.parameters.push(("boundary".to_string(), boundary.to_string()));
        }
        self.loss.push(
            Field::Content,
            Fidelity::Lossy,
            "The content is sealed (encrypted, or signed as a whole); it is passed on unopened.",
            Some(part.media_type.clone()),
        );
        self.parts.push(part);
    }

    /// An empty text beside other parts is what a client writes when a person wrote nothing.
    fn drop_blank_texts(&mut self) {
        let mut kept = self.parts.iter().filter(|part| part.kind != PartKind::Text || !is_blank(part));
        if kept.any(|part| part.kind != PartKind::Alternative) {
            self.parts.retain(|part| part.kind != PartKind::Text || !is_blank(part));
        }
    }

    fn report_damage(&mut self) {
        for part in self.parts.iter().filter(|part| part.damaged) {
            self.loss.push(
                Field::Content,
                Fidelity::Lossy,
                "A part arrived damaged; what could be read of it is used.",
                part.name.clone(),
            );
        }
    }

    /// A presentation that shows parts which are not there, or hides a text or picture that a person has put
    /// in since, would not show what was sent. Without one, the MMS side makes one of the parts.
    fn drop_broken_presentation(&mut self) {
        let Some(index) = self.parts.iter().position(|part| part.kind == PartKind::Presentation) else {
            return;
        };
        let shown = self.parts.get(index).map(|part| order::shown(part, &self.parts)).unwrap_or_default();
        let is_hidden =
            |(index, part): (usize, &Part)| is_shown_by_handsets(part) && !shown.contains(&Some(index));
        if shown.contains(&None) || self.parts.iter().enumerate().any(is_hidden) {
            self.parts.remove(index);
            self.loss.push(
                Field::Content,
                Fidelity::Dropped,
                "The presentation does not show the parts that the mail has.",
                None,
            );
        }
    }
}

/// Text, and the media that a presentation can hold.
fn is_shown_by_handsets(part: &Part) -> bool {
    let medium = matches!(part.media_type.split('/').next(), Some("image" | "audio" | "video"));
    part.kind == PartKind::Text || part.kind == PartKind::Media && medium
}

/// Octets of text made from one HTML part: more than anybody writes, less than a handset could choke on.
const MAX_HTML_TEXT: usize = 1 << 20;

const HTML_NOTE: &str =
    "The text was made from HTML; its form is lost, pictures from the web are not fetched.";

fn is_html(part: &Part) -> bool {
    part.kind == PartKind::Alternative && part.media_type == "text/html"
}

fn is_blank(part: &Part) -> bool {
    let text = charset::text_of(&part.body, part.charset.as_deref());
    text.chars().all(is_blank_char)
}

fn is_blank_char(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}')
}

/// A leaf as it stands, media until somebody knows better.
fn describe(node: &Node) -> Part {
    let ContentType { essence, parameters } = &node.content_type;
    let media_type = match essence.as_str() {
        "text" => "text/plain",
        // A multipart without parts is whatever its body is.
        _ if node.content_type.is_multipart() => "text/plain",
        _ if !essence.contains('/') => "application/octet-stream",
        essence => essence,
    };
    let sealed = essence == "multipart/encrypted";
    let parameters =
        parameters.iter().filter(|it| !matches!(it.name.as_str(), "charset" | "name" | "boundary"));
    let mut body = Body { encoded: node.body.clone(), encoding: charset::canonical_encoding(node.encoding) };
    let mut damaged = node.damage.is_some();
    if node.encoding == Encoding::Base64 {
        let decoded = node.decoded();
        if decoded.damage.is_some() {
            // What can be read is kept, in an encoding that the next system reads too.
            damaged = true;
            let mut encoded = Vec::new();
            transfer::encode_base64(&decoded.octets, &mut encoded);
            body.encoded = encoded.into();
        }
    }
    Part {
        kind: PartKind::Media,
        media_type: if sealed { essence.clone() } else { media_type.to_string() },
        charset: node.content_type.parameter("charset").map(String::from),
        parameters: parameters.map(|it| (it.name.clone(), it.value.clone())).collect(),
        name: node.filename().map(value::unstructured).as_deref().and_then(names::clean),
        content_id: node.content_id.clone(),
        location: node.content_location.clone(),
        disposition: node.disposition.as_ref().map(|it| match it.kind.as_str() {
            "inline" => Disposition::Inline,
            _ => Disposition::Attachment,
        }),
        body,
        damaged,
    }
}
