//! Puts a multipart/report together (RFC 6522 §3): text for people, fields for machines, original headers.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use cedrat_mime::write::{self, BoundaryFault, Part};
use cedrat_mime::{Encoding, Header, Headers, transfer};

use super::{Kind, MAX_TEXT};
use crate::value::{encode_unstructured, message_ids};

/// Octets of original headers that a report returns; a larger header is left out, smaller ones stay.
const MAX_ORIGINAL: usize = 64 * 1024;
/// Longest line that may travel as it is (RFC 5322 §2.1.1).
const MAX_LINE: usize = 998;
/// Where the text for people is broken.
const WRAP_AT: usize = 76;

/// What every report needs and only the caller knows.
#[derive(Debug, Clone, Copy)]
pub struct Cover<'a> {
    /// Value of From, as [`crate::value::encode_mailbox`] writes it.
    pub from: &'a str,
    /// Value of To; the envelope recipient is the return path of the message reported on.
    pub to: &'a str,
    /// Plain text.
    pub subject: &'a str,
    /// Without angle brackets.
    pub message_id: &'a str,
    /// Value of Date, as [`crate::value::format_date`] writes it.
    pub date: &'a str,
    /// Unguessable, so that it occurs in no part.
    pub boundary: &'a str,
}

pub(super) fn compose(
    cover: &Cover<'_>,
    kind: Kind,
    text: &str,
    blocks: &[Headers],
    original: Option<&Headers>,
) -> Result<Vec<u8>, BoundaryFault> {
    let mut status = Vec::new();
    for block in blocks {
        if !status.is_empty() {
            status.extend_from_slice(b"\r\n");
        }
        for header in block.iter().filter(|header| longest_line(header.raw()) <= MAX_LINE) {
            Headers::from_iter([header.clone()]).encode(&mut status);
        }
    }
    // RFC 3464 §2.1.1 and RFC 8098 §3.1: the part for machines is 7bit. Addresses were escaped before.
    let status: String =
        String::from_utf8_lossy(&status).chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
    let status_type = format!("message/{}", kind.report_type());
    let status_headers = Headers::from_iter([write::content_type(&status_type, &[])]);
    let mut parts = vec![
        text_part("text/plain", &[("charset", "utf-8"), ("format", "flowed")], flow(text).as_bytes()),
        Part::new(status_headers, status),
    ];
    if let Some(original) = original {
        parts.push(text_part("text/rfc822-headers", &[], &returned(original)));
    }
    let mut report =
        write::multipart("report", &[("report-type", kind.report_type())], cover.boundary, parts)?;
    let mut headers = Headers::from_iter([
        Header::new("From", cover.from),
        Header::new("To", cover.to),
        Header::new("Subject", encode_unstructured(cover.subject)),
        Header::new("Date", cover.date),
        Header::new("Message-ID", format!("<{}>", cover.message_id)),
        // RFC 3834 §5: no answering machine answers a report.
        Header::new("Auto-Submitted", "auto-replied"),
        Header::new("MIME-Version", "1.0"),
    ]);
    // So that readers show the report with the message that it is about.
    let thread = original.and_then(|original| message_ids(original.first("Message-ID")?).into_iter().next());
    if let Some(id) = thread.filter(|id| id.len() <= MAX_LINE / 2) {
        headers.push(Header::new("References", format!("<{id}>")));
    }
    headers.extend(report.headers);
    report.headers = headers;
    Ok(report.into_octets())
}

/// A text part in 7bit where that is possible: a report travels through any relay.
fn text_part(essence: &str, parameters: &[(&str, &str)], text: &[u8]) -> Part {
    let plain = text.is_ascii() && !text.contains(&0) && longest_line(text) <= MAX_LINE;
    let mut headers = Headers::from_iter([write::content_type(essence, parameters)]);
    if plain {
        return Part::new(headers, text.to_vec());
    }
    headers.push(Header::new("Content-Transfer-Encoding", Encoding::QuotedPrintable.token()));
    let mut coded = Vec::new();
    transfer::encode_quoted_printable(text, &mut coded);
    Part::new(headers, coded)
}

fn longest_line(text: &[u8]) -> usize {
    text.split(|octet| *octet == b'\n').map(<[u8]>::len).max().unwrap_or_default()
}

fn returned(original: &Headers) -> Vec<u8> {
    let mut room = MAX_ORIGINAL;
    let fits = |header: &&Header| match room.checked_sub(header.raw().len() + 2) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    };
    let kept: Headers = original.iter().filter(fits).cloned().collect();
    let mut out = Vec::new();
    kept.encode(&mut out);
    out
}

/// Breaks long lines so that `format=flowed` readers, [`crate::quote::unflow`] among them, join them again.
fn flow(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32);
    for line in text.lines() {
        if out.len() + line.len() > MAX_TEXT {
            out.push_str("[...]\r\n");
            break;
        }
        let line: String =
            line.trim_end().chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
        let mut width = 0;
        stuff(&line, &mut out);
        let mut rest = line.as_str();
        for chunk in line.split_inclusive(' ') {
            let chunk_width = chunk.chars().count();
            let signature = line.starts_with("-- ") && width <= 3;
            // Only behind the last of several spaces, or the next line would start with one.
            if width > 0 && width + chunk_width > WRAP_AT && !signature && !chunk.trim_end().is_empty() {
                out.push_str("\r\n");
                stuff(rest, &mut out);
                width = 0;
            }
            out.push_str(chunk);
            width += chunk_width;
            rest = rest.get(chunk.len()..).unwrap_or_default();
        }
        out.push_str("\r\n");
    }
    out
}

/// RFC 3676 §4.4: a space in front of what would otherwise mean something.
fn stuff(line: &str, out: &mut String) {
    if line.starts_with([' ', '>']) || line.starts_with("From ") {
        out.push(' ');
    }
}
