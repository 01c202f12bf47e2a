//! Texts and cards written again for a handset, in this process: `cedrat-text` is memory-safe, linear
//! and bounded, so it needs no worker.

use bytes::Bytes;
use cedrat_plan::{
    facts::{Detail, Facts},
    format::Format,
    job::{Fault, FaultKind},
    plan::TextChange,
};
use cedrat_text::Loss;

use super::desk::Source;

/// A text or card that was written again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The octets, lines ended by CRLF.
    pub octets: Bytes,
    /// `type/subtype`.
    pub media_type: String,
    /// Charset, IANA name in lower case.
    pub charset: Option<String>,
    /// What changed, a sentence each.
    pub notes: Vec<String>,
}

/// A text in another charset, or without its HTML.
///
/// # Errors
/// When it is longer than any text.
pub fn text(source: &Source, change: &TextChange) -> Result<Written, Fault> {
    let from = charset(&source.facts);
    let accepted = [change.charset.clone()];
    let (octets, charset, losses) = if change.from_html {
        let plain = cedrat_text::html_to_text(&source.octets, from);
        cedrat_text::to_charset(plain.as_bytes(), "utf-8", &accepted)?
    } else {
        cedrat_text::to_charset(&source.octets, from, &accepted)?
    };
    let html = change.from_html || source.facts.format != Format::Html;
    let media_type = if html { Format::Text } else { Format::Html }.media_type().to_owned();
    let mut notes = vec![format!("The text was written again in {charset}: {}.", change.why)];
    notes.extend(losses.iter().map(sentence));
    Ok(Written { octets: octets.into(), media_type, charset: Some(charset), notes })
}

/// A card in another version.
///
/// # Errors
/// When it cannot be read.
pub fn card(source: &Source, version: &str) -> Result<Written, Fault> {
    /// A picture inside of a card is a thumbnail, or it is too much for a phone book.
    const PHOTO: u64 = 8 * 1024;
    let (media_type, converted) = match (source.facts.format, version) {
        (Format::VCard, "2.1") => {
            ("text/x-vcard", cedrat_text::convert_vcard(&source.octets, version, Some(PHOTO)))
        }
        (Format::VCard, _) => {
            ("text/vcard", cedrat_text::convert_vcard(&source.octets, version, Some(PHOTO)))
        }
        (Format::ICalendar | Format::VCalendar, "1.0") => {
            ("text/x-vcalendar", cedrat_text::convert_calendar(&source.octets, version))
        }
        (Format::ICalendar | Format::VCalendar, _) => {
            ("text/calendar", cedrat_text::convert_calendar(&source.octets, version))
        }
        _ => return Err(Fault::new(FaultKind::Unsupported, "the part is no card")),
    };
    let (octets, losses) = converted?;
    let mut notes = vec![format!("The card was written again in version {version}.")];
    notes.extend(losses.iter().map(sentence));
    Ok(Written { octets: octets.into(), media_type: media_type.into(), charset: Some("utf-8".into()), notes })
}

fn charset(facts: &Facts) -> &str {
    match &facts.detail {
        Detail::Text(text) => &text.charset,
        _ => "utf-8",
    }
}

fn sentence(loss: &Loss) -> String {
    let mut text = loss.to_string();
    text.push('.');
    text
}
