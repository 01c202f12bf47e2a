//! What became of one part, as JSON: in the header `Cedrat-Report`, or as the first part of a
//! multipart/mixed. No content and no name of a file is in it.

use cedrat_plan::{
    facts::{Detail, Facts},
    job::{FaultKind, Note},
};
use serde_json::{Value, json};

use super::core::One;

/// Longest header value, octets: what common servers and proxies let pass in one line.
pub const HEADER: usize = 4096;

/// The report.
pub fn report(one: &One, profile: &str) -> Value {
    json!({
        "profile": profile,
        "kept": one.kept,
        "from": facts(&one.from),
        "to": facts(&one.facts),
        "quality": if one.quality == 0 { Value::Null } else { json!(f64::from(one.quality) / 10_000.0) },
        "encodes": one.encodes,
        "notes": one.notes.iter().map(note).collect::<Vec<_>>(),
        "why": one.why,
    })
}

/// The report in one line of ASCII of at most [`HEADER`] octets: what does not fit is left out from
/// the end of `why`, and `cut` says so.
pub fn header(one: &One, profile: &str) -> String {
    let mut report = report(one, profile);
    loop {
        let line = ascii(&report.to_string());
        if line.len() <= HEADER {
            return line;
        }
        let Some(members) = report.as_object_mut() else { return String::new() };
        members.insert("cut".into(), Value::Bool(true));
        let shorter = ["why", "notes"].into_iter().any(|name| {
            let list = members.get_mut(name).and_then(Value::as_array_mut);
            list.is_some_and(|list| {
                let half = list.len() / 2;
                let some = !list.is_empty();
                list.truncate(half);
                some
            })
        });
        if !shorter {
            return json!({ "kept": one.kept, "cut": true }).to_string();
        }
    }
}

/// JSON with `\u` for everything beyond ASCII.
fn ascii(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            line.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                line.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    line
}

/// A word of the vocabulary as JSON spells it.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A kind of fault as JSON spells it: `cannot-fit`.
pub fn kind(kind: FaultKind) -> String {
    word(&kind)
}

/// A codec as JSON spells it.
pub fn codec(codec: &impl serde::Serialize) -> String {
    word(codec)
}

/// What is known about octets, flat, with pixels as they are shown.
pub fn facts(facts: &Facts) -> Value {
    let mut value = json!({ "type": facts.format.media_type(), "octets": facts.octets });
    let more = match &facts.detail {
        Detail::None => json!({}),
        Detail::Picture(picture) => {
            let (width, height) = picture.shown();
            json!({ "width": width, "height": height, "frames": picture.frames, "progressive": picture.progressive })
        }
        Detail::Sound(sound) => json!({
            "codec": codec(&sound.codec), "rate": sound.rate, "channels": sound.channels,
            "duration_ms": sound.duration_ms, "bit_rate": sound.bit_rate,
        }),
        Detail::Text(text) => json!({ "charset": text.charset }),
        Detail::Video(video) => {
            let (width, height) = video.shown();
            json!({
                "codec": codec(&video.codec), "width": width, "height": height, "millihertz": video.millihertz,
                "duration_ms": video.duration_ms, "bit_rate": video.bit_rate,
                "sound": video.sound.map(|sound| codec(&sound.codec)),
            })
        }
    };
    if let (Some(value), Value::Object(more)) = (value.as_object_mut(), more) {
        value.extend(more);
    }
    value
}

/// A note as one sentence.
pub fn sentence(note: &Note) -> String {
    match note {
        Note::Cut { kept_ms, of_ms } => format!("cut at the end: {kept_ms} of {of_ms} ms are left"),
        Note::FirstFrame => "only the first picture of the animation is left".into(),
        Note::FramesDropped { kept, of } => format!("{kept} of {of} pictures of the animation are left"),
        Note::Damaged => "the source ended early; what could be read is there".into(),
        Note::SoundDropped => "the sound was dropped".into(),
    }
}

fn note(note: &Note) -> Value {
    let kind = match note {
        Note::Cut { .. } => "cut",
        Note::FirstFrame => "first-frame",
        Note::FramesDropped { .. } => "frames-dropped",
        Note::Damaged => "damaged",
        Note::SoundDropped => "sound-dropped",
    };
    json!({ "note": kind, "detail": sentence(note) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use cedrat_plan::format::Format;
    use hyper::body::Bytes;

    use super::*;

    fn one(why: Vec<String>) -> One {
        let facts = Facts { format: Format::Jpeg, octets: 3, detail: Detail::None, fault: None };
        One {
            octets: Bytes::from_static(b"abc"),
            from: facts.clone(),
            facts,
            kept: false,
            why,
            notes: vec![Note::Cut { kept_ms: 5_000, of_ms: 60_000 }],
            quality: 9_712,
            encodes: 1,
        }
    }

    #[test]
    fn the_header_is_one_short_line_of_ascii() {
        let line = header(&one(vec!["größer als 300 kB 📷".into()]), "image-basic");
        assert!(line.is_ascii() && !line.contains('\n'));
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["why"][0], "größer als 300 kB 📷");
        assert_eq!(read["quality"], 0.9712);
        assert_eq!(read["notes"][0]["note"], "cut");
        let line = header(&one(vec!["é".repeat(100); 200]), "image-basic");
        assert!(line.len() <= HEADER, "{}", line.len());
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["cut"], true);
        assert!(!read["why"].as_array().unwrap().is_empty());
    }
}
