//! Mails that carriers made from MMS, read as incoming mail: the texts and media that a person sent come
//! out. What carriers added around them may stay.

use cedrat_message::{Message, PartKind};
use serde_json::Value;

use crate::support::{files, message_of, octets, text, texts, vectors};

#[test]
fn the_texts_and_media_that_a_person_sent_come_out_of_every_carrier_mail() {
    let Some(folder) = vectors("mms2r") else { return };
    let expected: Value =
        serde_json::from_slice(&std::fs::read(folder.join("expected-from-test-suite.json")).unwrap())
            .unwrap();
    let mut failures = Vec::new();
    let mut facts = 0;
    let mails = files(&folder.join("mails"));
    assert!(mails.len() >= 46);
    for (name, mail) in mails {
        let message = message_of(&mail);
        assert!(!message.content.parts.is_empty(), "{name}");
        // This carrier keeps the picture on its web server and puts the number into the page alone.
        let hosted = name.starts_with("sprint-") && !name.contains("blackberry");
        for fact in expected[&name]["facts"].as_array().into_iter().flatten() {
            let (key, value) = (fact[0].as_str().unwrap(), &fact[1]);
            if hosted && (key == "number" || key.contains("image")) {
                continue;
            }
            match holds(&message, key, value) {
                Some(true) => facts += 1,
                Some(false) => failures.push(format!("{name}: {key} = {value}")),
                None => {}
            }
        }
    }
    println!("{facts} facts hold");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Whether a stated fact holds of a message; `None` for facts that are not about texts or media.
fn holds(message: &Message, key: &str, value: &Value) -> Option<bool> {
    let wanted = value.as_str().map(ToString::to_string).unwrap_or_else(|| value.to_string());
    let media = |kind: &str| message.content.parts.iter().filter(|part| part.media_type == kind).count();
    let texts: Vec<String> =
        message.content.parts.iter().filter(|part| part.media_type.starts_with("text/")).map(text).collect();
    if let Some(kind) = key.strip_prefix("count(").and_then(|rest| rest.strip_suffix(')')) {
        return Some(media(kind) >= wanted.parse().unwrap());
    }
    if key.starts_with("file_size(media image/jpeg") {
        let size: usize = wanted.parse().unwrap();
        return Some(
            message
                .content
                .parts
                .iter()
                .any(|part| part.media_type == "image/jpeg" && octets(part).len() == size),
        );
    }
    if key.starts_with("matches(media[") {
        // The upstream pattern ends a path; what counts is the name.
        let name = wanted.replace('\\', "");
        let name = name.trim_end_matches('$').trim_start_matches('/');
        return Some(message.content.parts.iter().any(|part| {
            let known = [&part.name, &part.location, &part.content_id].into_iter().flatten();
            let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
            known.clone().any(|it| it.contains(stem))
        }));
    }
    if key.contains(".read") || key == "matches(text)" || key == "body" || key.starts_with("matches(IO") {
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let wanted = squeeze(&wanted.replace("\\n", " ").replace(['^', '$'], ""));
        return Some(texts.iter().any(|text| squeeze(text).contains(&wanted)) || wanted.is_empty());
    }
    if key == "subject" && !wanted.is_empty() {
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        return Some(
            message.subject.as_deref().is_some_and(|subject| squeeze(subject).contains(&squeeze(&wanted))),
        );
    }
    if key == "number" {
        let digits = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        // Some carriers put the number into the name and an alias into the address.
        let sender = message
            .originator
            .as_ref()
            .map(|party| format!("{} {}", party.address, party.display.as_deref().unwrap_or_default()));
        return Some(digits(&sender.unwrap_or_default()).contains(&digits(&wanted)));
    }
    None
}

#[test]
fn no_carrier_mail_comes_out_with_a_damaged_text_or_a_path_in_a_name() {
    let Some(folder) = vectors("mms2r") else { return };
    for (name, mail) in files(&folder.join("mails")) {
        let message = message_of(&mail);
        assert!(texts(&message).iter().all(|text| !text.contains('\0')), "{name}");
        for part in &message.content.parts {
            assert!(
                part.name.as_deref().is_none_or(|it| !it.contains(['/', '\\'])),
                "{name}: {:?}",
                part.name
            );
            assert!(part.kind != PartKind::Sealed, "{name}");
        }
    }
}
