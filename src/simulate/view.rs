//! A message as a person sees it: a few headers, the first lines of the text, the attachments. The
//! same for mail and for the PDUs of MM4.

use bytes::Bytes;
use cedrat_mime::{Limits, Node, walk};
use cedrat_plan::{
    facts::{self, Claim, Facts},
    limits::Limits as MediaLimits,
};
use cedrat_wire_mail::{body, value};
use serde_json::json;

/// Octets of text looked at.
const MOST_TEXT: usize = 64 * 1024;

/// A message that was looked at.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Name and value of every header, decoded.
    pub headers: Vec<(String, String)>,
    /// The text that is shown first.
    pub text: String,
    /// What a report says to machines.
    pub report: String,
    /// Everything, part by part.
    pub parts: Vec<PartView>,
}

/// One part.
#[derive(Debug, Clone)]
pub struct PartView {
    /// `type/subtype`.
    pub media_type: String,
    /// Its file name.
    pub name: Option<String>,
    /// Its octets, without transfer encoding.
    pub octets: Bytes,
    /// What a mail reader does with it.
    pub role: PartRole,
}

/// What a mail reader does with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartRole {
    /// The text in another form, which is not shown.
    Alternative,
    /// Listed below the text.
    Attachment,
    /// The text.
    Text,
}

impl PartView {
    /// What the octets are, whatever the headers say.
    pub fn facts(&self) -> Facts {
        let claim = Claim { media_type: &self.media_type, name: self.name.as_deref(), charset: None };
        facts::read(&self.octets, &claim, &MediaLimits::default())
    }
}

impl View {
    /// Looks at a message.
    ///
    /// # Errors
    /// When it passes the bounds of a message.
    pub fn of(content: &Bytes) -> Result<Self, String> {
        let message = walk(content, &Limits::default()).map_err(|fault| fault.to_string())?;
        let headers = message
            .root()
            .headers
            .iter()
            .map(|header| (header.name().to_owned(), value::unstructured(header.value())))
            .collect();
        let mut view = Self { headers, ..Self::default() };
        for (_, node) in message.leaves() {
            let parent = node.parent.and_then(|index| message.node(index));
            view.part(node, parent.is_some_and(|it| it.content_type.essence == "multipart/alternative"));
        }
        Ok(view)
    }

    fn part(&mut self, node: &Node, alternative: bool) {
        let media_type = node.content_type.essence.clone();
        let decoded = node.decoded().octets;
        let mut role = PartRole::Attachment;
        if matches!(media_type.as_str(), "message/delivery-status" | "message/disposition-notification") {
            self.report = String::from_utf8_lossy(&decoded).replace("\r\n", "\n");
        } else if !node.is_attachment()
            && let Some(text) = body::text(node, MOST_TEXT)
        {
            if self.text.is_empty() {
                self.text = text.text;
                role = PartRole::Text;
            } else if alternative {
                role = PartRole::Alternative;
            }
        }
        let name = body::file_name(node).or_else(|| node.content_location.clone());
        self.parts.push(PartView { media_type, name, octets: decoded, role });
    }

    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// A field of the report for machines.
    pub fn reported(&self, name: &str) -> Option<&str> {
        self.report.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The attachments.
    pub fn attachments(&self) -> impl Iterator<Item = &PartView> {
        self.parts.iter().filter(|part| part.role == PartRole::Attachment)
    }

    /// The parts as JSON.
    pub fn parts_json(&self) -> serde_json::Value {
        self.parts
            .iter()
            .map(|part| json!({ "type": part.media_type, "name": part.name, "octets": part.octets.len() }))
            .collect()
    }
}

/// So many octets as a person says it.
pub fn size(octets: usize) -> String {
    match octets {
        0..1000 => format!("{octets} B"),
        1000..1_000_000 => format!("{}.{} kB", octets / 1000, octets % 1000 / 100),
        _ => format!("{}.{} MB", octets / 1_000_000, octets % 1_000_000 / 100_000),
    }
}

/// `text` in one line of at most `width` characters, none of which moves the cursor.
pub fn shortened(text: &str, width: usize) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.replace(char::is_control, "?");
    if line.chars().count() <= width {
        return line;
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// `text` in lines of at most `width` characters where words allow it.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let word = word.replace(char::is_control, "?");
        let longer = word.chars().count();
        if length > 0 && length + 1 + longer > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        line.push_str(&word);
        length += longer;
    }
    if length > 0 {
        lines.push(line);
    }
    lines
}
