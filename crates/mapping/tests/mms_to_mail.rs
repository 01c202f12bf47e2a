//! What a mail user gets of an MMS.

use bytes::Bytes;
use cedrat_mapping::mail::{self, MailWriting, Presentation};
use cedrat_mapping::{Fidelity, Submission};
use cedrat_message::{
    Address, Body, Class, Content, Message, Origin, Part, PartKind, Party, Priority, Reason, ReplyCharging,
    ReplyChargingKind, Role, Shown, Structure, Timestamp, TransferEncoding, Visibility, When,
};
use cedrat_mime::{Limits, walk};

use crate::support::{NOW, TABLES, message_of, octets, recipient, texts, write_mail, writing};

const PICTURE: &str = "R0lGODlhAQABAAAAADs=";

pub fn part(kind: PartKind, media_type: &str, encoded: &[u8], encoding: TransferEncoding) -> Part {
    Part {
        kind,
        media_type: media_type.into(),
        charset: None,
        parameters: Vec::new(),
        name: None,
        content_id: None,
        location: None,
        disposition: None,
        body: Body { encoded: Bytes::copy_from_slice(encoded), encoding },
        damaged: false,
    }
}

fn text(words: &str, location: &str) -> Part {
    Part {
        charset: Some("utf-8".into()),
        location: Some(location.into()),
        ..part(PartKind::Text, "text/plain", words.as_bytes(), TransferEncoding::EightBit)
    }
}

fn picture(location: &str) -> Part {
    Part {
        location: Some(location.into()),
        ..part(PartKind::Media, "image/gif", PICTURE.as_bytes(), TransferEncoding::Base64)
    }
}

fn smil(sources: &[&str]) -> Part {
    let elements: String = sources.iter().map(|src| format!("<par><ref src=\"{src}\"/></par>")).collect();
    let text = format!("<smil><body>{elements}</body></smil>");
    part(PartKind::Presentation, "application/smil", text.as_bytes(), TransferEncoding::SevenBit)
}

/// An MMS from a handset: a number to an e-mail address, with a presentation.
pub fn mms() -> Message {
    let mut message = Message::new(Origin::Mm4, "m1@mmsc.peer.example".into());
    message.originator = Some(Party::new(Address::parse("+447700900001").unwrap()));
    message.recipients = vec![recipient("alice@mail.example")];
    message.shown =
        vec![Shown { role: Role::To, party: Party::new(Address::parse("alice@mail.example").unwrap()) }];
    message.date = Some(Timestamp(NOW.0 - 60_000));
    message.content = Content {
        structure: Structure::Related,
        parts: vec![
            smil(&["1.gif", "hello.txt"]),
            text("Hello from the beach", "hello.txt"),
            picture("1.gif"),
        ],
        original: None,
    };
    message
}

fn written(message: &Message) -> Submission {
    write_mail(message).unwrap().0
}

fn header(mail: &Submission, name: &str) -> Option<String> {
    let (headers, _) = cedrat_mime::Headers::parse(&mail.content, &Limits::default()).unwrap();
    assert!(headers.all(name).count() <= 1, "{name} stands more than once");
    headers.first(name).map(ToString::to_string)
}

fn refusal(message: &Message) -> Reason {
    write_mail(message).unwrap_err().reason
}

#[test]
fn the_text_comes_first_then_the_picture_then_the_presentation() {
    let mail = written(&mms());
    let tree = walk(&mail.content, &Limits::default()).unwrap();
    assert_eq!(tree.root().content_type.essence, "multipart/mixed");
    let leaves: Vec<_> = tree.leaves().map(|(_, leaf)| leaf).collect();
    let types: Vec<_> = leaves.iter().map(|leaf| leaf.content_type.essence.as_str()).collect();
    assert_eq!(types, ["text/plain", "image/gif", "application/smil"]);
    assert_eq!(leaves[0].body, "Hello from the beach");
    assert_eq!(leaves[1].filename(), Some("1.gif"));
    assert_eq!(leaves[1].disposition.as_ref().unwrap().kind, "inline");
    assert_eq!(leaves[1].body, PICTURE, "legal base64 is passed on as it is");
    assert!(leaves[2].is_attachment());
    assert_eq!(leaves[2].filename(), Some("presentation.smil"));
}

#[test]
fn a_reference_is_understood_as_telephones_write_them() {
    let mut message = mms();
    let shown = |message: &Message| -> Vec<String> {
        let mail = written(message);
        let tree = walk(&mail.content, &Limits::default()).unwrap();
        tree.leaves().filter_map(|(_, leaf)| leaf.filename().map(str::to_owned)).collect()
    };
    message.content.parts =
        vec![smil(&["cid:&lt;B.gif&gt;", "pictures/a"]), picture("a.gif"), picture("b.gif")];
    assert_eq!(shown(&message), ["b.gif", "a.gif", "presentation.smil"]);
}

#[test]
fn a_route_may_want_related_or_no_presentation() {
    let message = mms();
    let related = MailWriting { presentation: Presentation::Related, ..writing() };
    let (mail, _) = mail::outbound(&TABLES, &message, &message.recipients, &related, NOW).unwrap();
    let tree = walk(&mail.content, &Limits::default()).unwrap();
    assert_eq!(tree.root().content_type.essence, "multipart/related");
    assert_eq!(tree.root().content_type.parameter("type"), Some("text/plain"));
    assert_eq!(tree.leaves().count(), 3);

    let without = MailWriting { presentation: Presentation::Drop, ..writing() };
    let (mail, loss) = mail::outbound(&TABLES, &message, &message.recipients, &without, NOW).unwrap();
    assert_eq!(walk(&mail.content, &Limits::default()).unwrap().leaves().count(), 2);
    assert!(
        loss.entries
            .iter()
            .any(|entry| entry.fidelity == Fidelity::Dropped && entry.note.contains("presentation"))
    );
}

#[test]
fn several_texts_are_joined_as_the_presentation_shows_them() {
    let mut message = mms();
    message.content.parts = vec![
        smil(&["b.txt", "1.gif", "a.txt"]),
        text("second", "a.txt"),
        picture("1.gif"),
        text("first", "b.txt"),
    ];
    let back = message_of(&written(&message).content);
    assert_eq!(texts(&back), ["first\r\n\r\nsecond"]);
}

#[test]
fn utf_16_becomes_utf_8() {
    let mut message = mms();
    let utf16: Vec<u8> =
        [0xFE, 0xFF].into_iter().chain("Grüße".encode_utf16().flat_map(u16::to_be_bytes)).collect();
    let part = Part {
        charset: Some("utf-16".into()),
        ..part(PartKind::Text, "text/plain", &utf16, TransferEncoding::Binary)
    };
    message.content.parts = vec![part];
    let mail = written(&message);
    assert_eq!(header(&mail, "Content-Type").as_deref(), Some("text/plain; charset=utf-8"));
    assert_eq!(texts(&message_of(&mail.content)), ["Grüße"]);
    assert!(mail.content.is_ascii());
}

#[test]
fn binary_octets_become_base64_and_come_back() {
    let mut message = mms();
    let octets_in: Vec<u8> = (0..=255).cycle().take(3000).collect();
    message.content.parts = vec![part(PartKind::Media, "image/jpeg", &octets_in, TransferEncoding::Binary)];
    let mail = written(&message);
    let back = message_of(&mail.content);
    assert_eq!(octets(&back.content.parts[0]), octets_in);
    assert_eq!(back.content.parts[0].name.as_deref(), Some("image1.jpg"));
}

#[test]
fn a_number_can_be_answered_and_never_stands_alone() {
    let mut message = mms();
    message.shown.push(Shown { role: Role::Cc, party: Party::new(Address::parse("+447700900009").unwrap()) });
    message.originator.as_mut().unwrap().display = Some("Jürgen \"J\" Example".into());
    let mail = written(&message);
    assert_eq!(mail.mail_from, "+447700900001@mms.example");
    assert_eq!(header(&mail, "Cc").as_deref(), Some("+447700900009@mms.example"));
    let from = header(&mail, "From").unwrap();
    assert!(from.is_ascii() && from.ends_with("<+447700900001@mms.example>"), "{from}");
    assert_eq!(message_of(&mail.content).originator.unwrap(), message.originator.unwrap());
}

#[test]
fn without_shown_recipients_the_list_says_so() {
    let mut message = mms();
    message.shown.clear();
    assert_eq!(header(&written(&message), "To").as_deref(), Some("undisclosed-recipients:;"));
}

#[test]
fn the_trace_names_peer_host_and_identifier() {
    assert_eq!(
        header(&written(&mms()), "Received").as_deref(),
        Some("from mmsc.peer.example by gateway.example with MMS id q1; Fri, 1 Apr 2005 12:00:00 +0000")
    );
}

#[test]
fn an_identifier_that_is_no_message_id_becomes_the_same_one_every_time() {
    let mut message = mms();
    message.id = "1234 567/\"x\"".into();
    let (first, second) = (written(&message), written(&message));
    assert_eq!(first.message_id, second.message_id);
    assert_eq!(header(&first, "Message-ID"), Some(format!("<{}>", first.message_id)));
    assert!(header(&first, "X-Mms-Message-ID").is_some());
    message.id = String::new();
    assert_eq!(written(&message).message_id, "q1@gateway.example");
}

#[test]
fn a_machine_gets_no_answers() {
    let mut message = mms();
    message.class = Some(Class::Auto);
    let mail = written(&message);
    assert_eq!(mail.mail_from, "");
    assert_eq!(header(&mail, "Auto-Submitted").as_deref(), Some("auto-generated"));
    assert_eq!(header(&mail, "Precedence").as_deref(), Some("bulk"));
    assert_eq!(header(&mail, "X-Mms-Message-Class").as_deref(), Some("Auto"));
}

#[test]
fn what_mail_cannot_keep_is_refused() {
    let mut hidden = mms();
    hidden.sender_visibility = Some(Visibility::Hide);
    assert_eq!(refusal(&hidden), Reason::SenderHidden);

    let mut charged = mms();
    charged.reply_charging = Some(ReplyCharging {
        kind: Some(ReplyChargingKind::Accepted),
        deadline: None,
        max_octets: None,
        id: Some("grant".into()),
    });
    assert_eq!(refusal(&charged), Reason::ReplyChargingRefused);

    let mut foreign = mms();
    foreign.recipients = vec![recipient("älice@mail.example")];
    assert_eq!(refusal(&foreign), Reason::AddressMalformed);
    let mut foreign = mms();
    foreign.originator = Some(Party::new(Address::parse("älice@mail.example").unwrap()));
    assert_eq!(refusal(&foreign), Reason::SenderUnresolved);

    let mut late = mms();
    late.expiry = Some(When::At(Timestamp(NOW.0 - 1)));
    assert_eq!(refusal(&late), Reason::Expired);
}

#[test]
fn reports_are_asked_for_in_the_envelope() {
    let mut message = mms();
    message.delivery_report = Some(true);
    message.expiry = Some(When::After(7_200));
    let mail = written(&message);
    let notify = mail.recipients[0].notify.unwrap();
    assert!(notify.success && notify.failure && !notify.never && !notify.delay);
    assert_eq!(mail.recipients[0].orcpt.as_deref(), Some("rfc822;alice@mail.example"));
    assert_eq!(mail.envid.as_deref(), Some("m1@mmsc.peer.example"));
    assert_eq!(mail.deliver_by, Some((7_200, 'R')));
    assert_eq!(mail.ret, Some(false));
}

#[test]
fn every_field_that_stays_behind_is_in_the_loss_report() {
    let mut message = mms();
    message.originator_system = Some("system-user@mmsc.peer.example".into());
    message.delivery_time = Some(When::After(60));
    message.unknown = vec![cedrat_message::UnknownField { name: "X-Peer-Private".into(), value: "1".into() }];
    let (mail, loss) = write_mail(&message).unwrap();
    let lost: Vec<_> = loss.entries.iter().map(|entry| entry.field.token()).collect();
    for field in ["originator-system", "delivery-time", "unknown"] {
        assert!(lost.contains(&field), "{field} is not in {lost:?}");
    }
    assert_eq!(header(&mail, "X-Peer-Private"), None);
    assert!(loss.entries.iter().any(|entry| entry.value.as_deref() == Some("X-Peer-Private")));
}

#[test]
fn a_wish_for_what_mail_does_anyway_loses_nothing() {
    let before = write_mail(&mms()).unwrap().1;
    let mut message = mms();
    message.priority = Some(Priority::Normal);
    message.sender_visibility = Some(Visibility::Show);
    assert_eq!(write_mail(&message).unwrap().1, before);
}

#[test]
fn sealed_content_passes_through_to_the_octet() {
    let octets = b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\nsecret\r\n--b--\r\n";
    let mail = [
        b"From: a@x.example\r\nTo: b@y.example\r\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n".as_slice(),
        octets,
    ]
    .concat();
    let mut message = message_of(&mail);
    assert_eq!(message.content.parts[0].kind, PartKind::Sealed);
    message.origin = Origin::Mm4;
    assert!(written(&message).content.ends_with(octets));
    // Also when the parts are all that is left of it.
    message.content.original = None;
    let mail = written(&message);
    assert!(mail.content.ends_with(octets));
    assert!(header(&mail, "Content-Type").unwrap().contains("boundary=b"));
}
