//! Real mails through the canonical message and back: no text and no medium changes on the way, whether
//! the content passes through or is put together anew.

use std::collections::BTreeMap;

use cedrat_message::{Message, Origin, PartKind};

use crate::support::{files, message_of, octets, texts, vectors, write_mail};

/// Every readable mail of the collections.
fn mails() -> Vec<(String, Vec<u8>)> {
    let mut mails = Vec::new();
    for folder in ["mms2r/mails", "email/tika"] {
        mails.extend(vectors(folder).iter().flat_map(|folder| files(folder)));
    }
    mails.retain(|(name, _)| name != "LICENSE.txt");
    mails
}

/// Media by their octets, with how often they occur.
fn media(message: &Message) -> BTreeMap<Vec<u8>, usize> {
    let mut media = BTreeMap::new();
    for part in message.content.parts.iter().filter(|part| part.kind == PartKind::Media) {
        *media.entry(octets(part).to_vec()).or_default() += 1;
    }
    media
}

fn words(message: &Message) -> Vec<String> {
    texts(message).join(" ").split_whitespace().map(ToString::to_string).collect()
}

#[test]
fn every_mail_is_read_and_its_words_and_media_survive_the_way_through_mail() {
    for (name, mail) in mails() {
        let message = message_of(&mail);
        assert!(!message.content.parts.is_empty(), "{name}");
        let (sent, _) = write_mail(&message).unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
        let back = message_of(&sent.content);
        assert_eq!(words(&back), words(&message), "{name}");
        assert_eq!(media(&back), media(&message), "{name}");
        assert_eq!(back.id, message.id, "{name}");
        assert_eq!(back.subject, message.subject, "{name}");
        assert_eq!(back.shown.len(), message.shown.len(), "{name}");
    }
}

#[test]
fn a_content_that_is_put_together_anew_has_the_same_words_and_media() {
    for (name, mail) in mails() {
        let mut message = message_of(&mail);
        message.content.original = None;
        message.origin = Origin::Mm4;
        let (sent, _) = write_mail(&message).unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
        assert!(!sent.eight_bit && !sent.binary, "{name}: content made here is 7bit");
        let lines = sent.content.split(|octet| *octet == b'\n');
        assert!(lines.clone().all(|line| line.len() <= 999), "{name}: a line is too long");
        let back = message_of(&sent.content);
        assert_eq!(words(&back), words(&message), "{name}");
        assert_eq!(media(&back), media(&message), "{name}");
        let names: Vec<_> = back.content.parts.iter().filter_map(|part| part.name.clone()).collect();
        let mut once = names.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), names.len(), "{name}: two files have one name");
    }
}
