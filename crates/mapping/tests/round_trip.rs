//! Real mails through the canonical message and back: no text and no medium changes on the way, whether
//! the content passes through or is put together anew.

use std::collections::BTreeMap;

use bytes::Bytes;
use cedrat_mapping::{Inbound, mm4};
use cedrat_message::{Message, Origin, PartKind, TransferEncoding};
use cedrat_mime::Limits;
use cedrat_wire_mms::{mm4::Pdu, quirks::Quirks};

use crate::support::{NOW, TABLES, files, message_of, octets, text, vectors, write_mail};

/// Every readable mail of the collections.
fn mails() -> Vec<(String, Vec<u8>)> {
    let mut mails = Vec::new();
    for folder in ["mms2r/mails", "email/tika"] {
        mails.extend(vectors(folder).iter().flat_map(|folder| files(folder)));
    }
    mails.retain(|(name, _)| name != "LICENSE.txt");
    mails
}

/// Media by their octets, with how often they occur. An attached text file is text: MMS knows no difference.
fn media(message: &Message) -> BTreeMap<Vec<u8>, usize> {
    let mut media = BTreeMap::new();
    let parts = message.content.parts.iter();
    for part in parts.filter(|part| part.kind == PartKind::Media && part.media_type != "text/plain") {
        // Mails of the collections end their lines in LF, mail on the wire in CRLF: in what is not base64,
        // the line ends are those of the mail.
        let lines = String::from_utf8_lossy(&octets(part)).replace("\r\n", "\n").trim_end().to_string();
        let is_text =
            part.body.encoding != TransferEncoding::Base64 || core::str::from_utf8(&octets(part)).is_ok();
        let octets = if is_text { lines.into_bytes() } else { octets(part).to_vec() };
        *media.entry(octets).or_default() += 1;
    }
    media
}

/// All words of all texts, sorted.
fn words(message: &Message) -> Vec<String> {
    let parts = message.content.parts.iter().filter(|part| part.media_type == "text/plain").map(text);
    let mut words: Vec<String> =
        parts.flat_map(|text| text.split_whitespace().map(ToString::to_string).collect::<Vec<_>>()).collect();
    words.sort();
    words
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

fn read_mm4(content: &Bytes, from: &str, recipients: &[String], quirks: &Quirks) -> Option<Message> {
    let pdu = Pdu::decode(content, &Limits::default()).ok()?;
    match mm4::inbound(&TABLES, &pdu, &mm4::Envelope { from, recipients }, quirks, NOW) {
        Ok((Inbound::Message(message), ..)) => Some(message),
        other => {
            println!("no message: {:?}", other.map(|(inbound, ..)| inbound).map_err(|(refusal, _)| refusal));
            None
        }
    }
}

#[test]
fn words_and_media_of_every_mail_survive_the_way_through_mm4() {
    let quirks = Quirks { max_octets: 100 << 20, max_parts: 1_000, ..Quirks::default() };
    let local = mm4::Local {
        system_address: "system-user@mms.gateway.example",
        domain: "mms.gateway.example",
        peer_domain: "mms.peer.example",
        transaction_id: "t1",
        ack: false,
        relay_delivery_report: None,
        report_to: None,
        boundary: "cedrat-boundary",
    };
    for (name, mail) in mails() {
        let message = message_of(&mail);
        let (sent, _) = mm4::outbound(&TABLES, &message, &message.recipients, &quirks, &local, NOW)
            .unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
        let recipients: Vec<String> = sent.recipients.iter().map(|it| it.address.clone()).collect();
        let back = read_mm4(&sent.content, &sent.mail_from, &recipients, &quirks).expect(&name);
        assert_eq!(words(&back), words(&message), "{name}");
        assert_eq!(media(&back), media(&message), "{name}");
        assert_eq!(back.id, message.id, "{name}");
    }
}

#[test]
fn words_and_media_of_every_mms_survive_the_way_through_mail() {
    let Some(folder) = vectors("mm4") else { return };
    let mut seen = 0;
    for (name, octets) in files(&folder).into_iter().filter(|(name, _)| name.contains("-req-")) {
        let octets = Bytes::from(octets);
        let recipients = ["alice@mail.example".to_string()];
        let Some(message) =
            read_mm4(&octets, "+447700900001/TYPE=PLMN@mms.peer.example", &recipients, &Quirks::default())
        else {
            continue;
        };
        if message.content.parts.is_empty() {
            continue;
        }
        let (sent, _) = write_mail(&message).unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
        let back = message_of(&sent.content);
        assert_eq!(words(&back), words(&message), "{name}");
        assert_eq!(media(&back), media(&message), "{name}");
        assert_eq!(back.id, message.id, "{name}");
        seen += 1;
    }
    println!("{seen} messages");
    assert!(seen > 0);
}
