//! The presentation made right for any parts: no panic, every reference is the name of exactly one part,
//! no text, picture, sound or video is invisible, linear time.
#![no_main]

use bytes::Bytes;
use cedrat_fuzz::linear;
use cedrat_mapping::{Interface, Loss, mm4};
use cedrat_message::{Body, Content, Part, PartKind, Structure, TransferEncoding};
use cedrat_wire_mms::{
    quirks::Refs,
    smil::{Limits, Presentation},
};
use libfuzzer_sys::fuzz_target;

/// Most parts of an input, as a message has.
const MOST_PARTS: usize = 64;

fuzz_target!(|data: &[u8]| {
    check(data);
    linear(data, check);
});

/// Lines up to an empty one are parts, `type|name|Content-ID|Content-Location`; the rest is the presentation.
fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (lines, smil) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut parts: Vec<Part> = lines.lines().take(MOST_PARTS).map(part).collect();
    if !smil.is_empty() {
        let octets = Bytes::copy_from_slice(smil.as_bytes());
        parts.push(Part { kind: PartKind::Presentation, ..body("application/smil", octets) });
    }
    let showing = mm4::Showing {
        refs: [Refs::Location, Refs::Cid, Refs::Both][data.len() % 3],
        screen: (data.len() % 2 == 0).then_some((176, 220)),
        ..mm4::Showing::default()
    };
    let mut content = Content { structure: Structure::Mixed, parts, original: None };
    mm4::present(&mut content, &showing, &mut Loss::outbound(Interface::Mm4));
    let Some(written) = content.parts.iter().find(|part| part.kind == PartKind::Presentation) else {
        assert!(content.parts.is_empty());
        return;
    };
    // What was written may be larger than what a peer may send.
    let all = Limits { octets: usize::MAX, references: usize::MAX, slides: usize::MAX, ..Limits::default() };
    let read = Presentation::read_within(&written.body.encoded, &all);
    let mut seen = vec![false; content.parts.len()];
    for medium in read.media() {
        let means = |part: &Part| {
            part.location.as_ref() == Some(&medium.src)
                || part.content_id.as_ref().is_some_and(|id| format!("cid:{id}") == medium.src)
        };
        let found: Vec<usize> = (0..seen.len()).filter(|index| means(&content.parts[*index])).collect();
        assert_eq!(found.len(), 1, "{}", medium.src);
        seen[found[0]] = true;
    }
    for (part, seen) in content.parts.iter().zip(seen) {
        let must = part.media_type == "text/plain"
            || ["audio/", "image/", "video/"].iter().any(|kind| part.media_type.starts_with(kind));
        assert!(seen || !must || part.kind == PartKind::Presentation);
    }
}

fn part(line: &str) -> Part {
    let mut fields = line.split('|').map(|field| (!field.is_empty()).then(|| field.to_owned()));
    let media_type = fields.next().flatten().unwrap_or_default();
    let mut part = body(&media_type, Bytes::from_static(b"x"));
    part.name = fields.next().flatten();
    part.content_id = fields.next().flatten();
    part.location = fields.next().flatten();
    part
}

fn body(media_type: &str, encoded: Bytes) -> Part {
    Part {
        kind: if media_type == "text/plain" { PartKind::Text } else { PartKind::Media },
        media_type: media_type.to_owned(),
        charset: None,
        parameters: Vec::new(),
        name: None,
        content_id: None,
        location: None,
        disposition: None,
        body: Body { encoded, encoding: TransferEncoding::Binary },
        damaged: false,
    }
}
