//! Messages that did not come over MM4.

use cedrat_message::{
    Address, Body, Content, Field, Origin, Part, PartKind, Party, Recipient, Role, Shown, Structure,
    TransferEncoding,
};

use super::*;
use crate::Fidelity;

fn part(kind: PartKind, media_type: &str, name: &str, octets: &[u8]) -> Part {
    Part {
        kind,
        media_type: media_type.to_owned(),
        charset: (kind == PartKind::Text).then(|| "utf-8".to_owned()),
        parameters: Vec::new(),
        name: (!name.is_empty()).then(|| name.to_owned()),
        content_id: None,
        location: None,
        disposition: None,
        body: Body { encoded: Bytes::copy_from_slice(octets), encoding: TransferEncoding::EightBit },
        damaged: false,
    }
}

fn mail(parts: Vec<Part>) -> Message {
    let mut message = Message::new(Origin::Mail, "abc@mail.example".to_owned());
    let address = |text| Address::parse(text).unwrap();
    message.originator =
        Some(Party { address: address("ada@mail.example"), display: Some("Ada".to_owned()) });
    message.recipients.push(Recipient {
        address: address("+447700900001"),
        role: Role::To,
        notify: None,
        original: None,
    });
    message.shown.push(Shown { role: Role::To, party: Party::new(address("+447700900001")) });
    message.subject = Some("Grüße".to_owned());
    message.content = Content { structure: Structure::Mixed, parts, original: None };
    message
}

fn note(loss: &Loss, field: Field) -> Option<Fidelity> {
    loss.entries.iter().find(|it| it.field == field).map(|it| it.fidelity)
}

#[test]
fn a_mail_becomes_a_presentation_with_its_parts() {
    let message = mail(Vec::from([
        part(PartKind::Text, "text/plain", "", "Schöne Grüße\r\n".as_bytes()),
        part(PartKind::Alternative, "text/html", "", b"<b>x</b>"),
        part(PartKind::Media, "image/jpeg", "mein bild.jpg", &[0xff, 0xd8, 0, 1]),
        part(PartKind::Media, "text/x-vcard", "ada.vcf", b"BEGIN:VCARD\r\n"),
    ]));
    let (submission, loss) = write(&message, &Quirks::default());
    let content = text(&submission);
    assert!(!submission.eight_bit && !submission.binary, "every octet is made safe for 7-bit hops");
    assert_eq!(submission.mail_from, "ada@mail.example");
    assert_eq!(header(&content, "From").as_deref(), Some("ada@mail.example"));
    let type_line = header(&content, "Content-Type").unwrap();
    assert!(
        type_line.starts_with("multipart/related; type=\"application/smil\"; start=\"<presentation.smil>\""),
        "{type_line}"
    );
    assert!(content.contains("<img src=\"meinbild.jpg\" region=\"Image\"/>"), "{content}");
    assert!(content.contains("<text src=\"text.txt\" region=\"Text\"/>"));
    assert!(!content.contains("text/html"));
    assert_eq!(note(&loss, Field::Content), Some(Fidelity::Dropped));
    let (again, _) = super::message(&content);
    assert_eq!(again.subject, message.subject);
    let kinds: Vec<_> = again.content.parts.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [PartKind::Presentation, PartKind::Text, PartKind::Media, PartKind::Media]);
    assert_eq!(again.content.parts[2].name.as_deref(), Some("mein bild.jpg"));
}

#[test]
fn what_is_too_large_is_replaced_by_a_notice() {
    let big = [7_u8; 50_000];
    let message = mail(Vec::from([
        part(PartKind::Text, "text/plain", "", b"hi"),
        part(PartKind::Media, "image/png", "small.png", &[1; 100]),
        part(PartKind::Media, "video/mp4", "large.mp4", &big),
    ]));
    let quirks = Quirks { max_octets: 20_000, ..Quirks::default() };
    let (submission, loss) = write(&message, &quirks);
    let content = text(&submission);
    assert!(content.len() <= 20_000);
    assert!(content.contains("[large.mp4 (50 kB) could not be sent]") && content.contains("small.png"));
    assert_eq!(loss.entries.iter().filter(|it| it.value.as_deref() == Some("large.mp4")).count(), 1);

    let few = Quirks { max_parts: 1, ..Quirks::default() };
    assert!(text(&write(&message, &few).0).contains("[large.mp4 (50 kB) could not be sent]"));

    let novel = mail(Vec::from([part(PartKind::Text, "text/plain", "", &[b'x'; 30_000])]));
    let refusal = outbound(tables(), &novel, &novel.recipients, &quirks, &local(), NOW).unwrap_err();
    assert_eq!(refusal.reason, Reason::MessageTooLarge);
}

#[test]
fn privacy_that_mms_cannot_ensure_is_refused() {
    let mut message = mail(Vec::new());
    message.sensitivity = Some("private".to_owned());
    let refusal =
        outbound(tables(), &message, &message.recipients, &Quirks::default(), &local(), NOW).unwrap_err();
    assert_eq!(refusal.reason, Reason::SensitivityRefused);
    assert_eq!(tables().smtp(refusal.reason).1, (5, 6, 0));
}

#[test]
fn what_mm4_cannot_say_is_in_the_loss_report() {
    let mut message = mail(Vec::from([part(PartKind::Text, "text/plain", "", b"hi")]));
    message.reply_to.push(Party::new(Address::parse("list@mail.example").unwrap()));
    message.envelope_id = Some("e1".to_owned());
    message.return_content = Some(true);
    message.return_path = Some(Address::parse("bounce@mail.example").unwrap());
    let (_, loss) = write(&message, &Quirks::default());
    for field in
        [Field::ReplyTo, Field::EnvelopeId, Field::ReturnContent, Field::ReturnPath, Field::Originator]
    {
        assert_eq!(note(&loss, field), Some(Fidelity::Dropped), "{field:?}");
    }
    assert!(loss.entries.iter().all(|it| !it.note.is_empty()));
}

#[test]
fn a_machine_is_never_answered() {
    let mut message = mail(Vec::from([part(PartKind::Text, "text/plain", "", b"I am away")]));
    message.automatic = true;
    let (submission, _) = write(&message, &Quirks::default());
    assert_eq!(submission.mail_from, "");
    assert_eq!(header(&text(&submission), "X-Mms-Message-Class").as_deref(), Some("Auto"));
}

#[test]
fn a_sole_blind_recipient_is_shown_and_several_are_not() {
    let mut message = mail(Vec::from([part(PartKind::Text, "text/plain", "", b"hi")]));
    message.shown.clear();
    message.recipients[0].role = Role::Bcc;
    let (submission, _) = write(&message, &Quirks::default());
    assert_eq!(header(&text(&submission), "To").as_deref(), Some("+447700900001/TYPE=PLMN"));
    let second =
        Recipient { address: Address::parse("+447700900002").unwrap(), ..message.recipients[0].clone() };
    message.recipients.push(second);
    let (submission, _) = write(&message, &Quirks::default());
    assert_eq!(header(&text(&submission), "To").as_deref(), Some("system-user@mms.own.test"));
    assert!(!text(&submission).contains("+44770090000"));
}

#[test]
fn an_operator_table_can_drop_or_refuse_a_field() {
    let text_in = "interface = \"mm4\"\nspec = \"own\"\n[[field]]\ncanonical = \"subject\"\nheader = \"Subject\"\n\
        read = \"text\"\n[field.inbound]\nfidelity = \"exact\"\n[field.outbound]\nfidelity = \"KIND\"\nnote = \"policy\"\n";
    let with = |fidelity: &str| {
        let text = text_in.replace("KIND", fidelity);
        Tables::with_operator(&[crate::Source { path: "/etc/own/fields/mm4.toml", text: &text }]).unwrap()
    };
    let message = mail(Vec::from([part(PartKind::Text, "text/plain", "", b"hi")]));
    let write =
        |tables: &Tables| outbound(tables, &message, &message.recipients, &Quirks::default(), &local(), NOW);
    let (submission, loss) = write(&with("dropped")).unwrap();
    assert_eq!(header(&text(&submission), "Subject"), None);
    assert!(loss.entries.iter().any(|it| it.field == Field::Subject && it.note == "policy"));
    assert_eq!(write(&with("refused")).unwrap_err().reason, Reason::NotPermitted);
}

#[test]
fn an_operator_table_can_refuse_what_arrives() {
    let text = "interface = \"mm4\"\nspec = \"own\"\n[[field]]\ncanonical = \"unknown\"\nread = \"verbatim\"\n\
        fidelity = \"refused\"\nnote = \"policy\"\n";
    let tables = Tables::with_operator(&[crate::Source { path: "own/fields/mm4.toml", text }]).unwrap();
    let recipients = [RECIPIENT.to_owned()];
    let envelope = Envelope { from: SENDER, recipients: &recipients };
    let read = |text: &str| inbound(&tables, &pdu(text), &envelope, &Quirks::default(), NOW);
    assert!(read(&request("")).is_ok());
    assert_eq!(read(&request("X-Own: 1\n")).unwrap_err().0.reason, Reason::NotPermitted);
}

#[test]
fn a_boundary_that_a_part_holds_is_not_used() {
    let message = mail(Vec::from([part(PartKind::Text, "text/plain", "", b"hi\r\n--boundary-1\r\nforged")]));
    let content = text(&write(&message, &Quirks::default()).0);
    assert!(header(&content, "Content-Type").unwrap().contains("boundary=boundary-1.0"));
}

#[test]
fn a_name_or_an_address_of_the_internet_protocol_can_be_written() {
    let mut message = mail(Vec::from([part(PartKind::Text, "text/plain", "", b"hi")]));
    message.originator = Some(Party::new(Address::name("BANK INFO").unwrap()));
    let (submission, loss) = write(&message, &Quirks::default());
    assert_eq!(submission.mail_from, "system-user@mms.own.test");
    assert_eq!(note(&loss, Field::Originator), Some(Fidelity::Lossy));
    message.originator = Some(Party::new(Address::parse("192.0.2.1").unwrap()));
    let content = text(&write(&message, &Quirks::default()).0);
    assert_eq!(header(&content, "From").as_deref(), Some("192.0.2.1/TYPE=IPv4"));
}

#[test]
fn octets_that_data_would_spoil_are_binary_and_lines_are_not() {
    let line = |length: usize| "x".repeat(length) + "\r\n";
    for lines in ["", "\r\n", "one\r\ntwo", &line(998), &(line(998) + &line(1)), &"x".repeat(998)] {
        assert!(!body::is_binary(lines.as_bytes()), "{lines:?}");
    }
    for spoilt in ["a\nb", "a\rb", "a\r", "\r\r\n", "\n", "\0", "a\0\r\n", &line(999), &"x".repeat(999)] {
        assert!(body::is_binary(spoilt.as_bytes()), "{spoilt:?}");
    }
}
