//! What an MMS user gets of a mail.

use bytes::Bytes;
use cedrat_mapping::mail::{self, MailEnvelope, MailReading};
use cedrat_mapping::{Inbound, Loss};
use cedrat_message::{
    Address, Class, DeliveryStatus, Message, Notify, PartKind, Priority, Reason, Recipient, Role, Timestamp,
    When,
};

use crate::support::{NOW, TABLES, envelope, octets, read_mail, reading, recipient, texts};

const HEAD: &str =
    "From: Alice <alice@mail.example>\r\nTo: +447700900002@mms.example\r\nMessage-ID: <m1@mail.example>\r\n";

fn read(rest: &str) -> (Message, Loss) {
    read_with(rest, &envelope("alice@mail.example", &["+447700900002"]), &reading())
}

fn read_with(rest: &str, envelope: &MailEnvelope, reading: &MailReading) -> (Message, Loss) {
    let mail = Bytes::from([HEAD, rest].concat());
    match mail::inbound(&TABLES, &mail, envelope, reading, NOW) {
        Ok((Inbound::Message(message), loss)) => (message, loss),
        other => panic!("not a message: {other:?}"),
    }
}

fn kinds(message: &Message) -> Vec<(PartKind, &str)> {
    message.content.parts.iter().map(|part| (part.kind, part.media_type.as_str())).collect()
}

#[test]
fn of_alternatives_the_plain_text_is_the_text() {
    let (message, loss) = read(concat!(
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n",
        "--b\r\nContent-Type: text/plain\r\n\r\nplain words\r\n",
        "--b\r\nContent-Type: text/html\r\n\r\n<p>rich words</p>\r\n--b--\r\n"
    ));
    assert_eq!(texts(&message), ["plain words"]);
    assert_eq!(kinds(&message), [(PartKind::Text, "text/plain"), (PartKind::Alternative, "text/html")]);
    assert!(!loss.entries.iter().any(|entry| entry.note.contains("HTML")));
}

#[test]
fn a_mail_of_html_alone_becomes_text_and_pictures_of_the_web_are_not_fetched() {
    let (message, loss) = read(concat!(
        "Content-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
        "<p>Gr=FC=DFe</p><img src=3D\"http://tracker.example/x.gif\"><p>bye</p>\r\n"
    ));
    let text = &texts(&message)[0];
    assert!(text.contains("Grüße") && text.contains("bye") && !text.contains("tracker"), "{text}");
    assert!(loss.entries.iter().any(|entry| entry.note.contains("HTML")));
    assert_eq!(message.content.parts.iter().filter(|part| part.kind == PartKind::Media).count(), 0);
}

#[test]
fn an_empty_plain_text_gives_way_to_html_that_says_something() {
    let (message, _) = read(concat!(
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n",
        "--b\r\nContent-Type: text/plain\r\n\r\n \r\n\r\n",
        "--b\r\nContent-Type: text/html\r\n\r\n<b>hello</b>\r\n--b--\r\n"
    ));
    assert_eq!(texts(&message), ["hello"]);
}

#[test]
fn inline_pictures_and_attachments_are_parts_with_their_names() {
    let (message, _) = read(concat!(
        "Content-Type: multipart/mixed; boundary=m\r\n\r\n",
        "--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n",
        "--a\r\nContent-Type: text/plain\r\n\r\nsee\r\n",
        "--a\r\nContent-Type: multipart/related; boundary=r\r\n\r\n",
        "--r\r\nContent-Type: text/html\r\n\r\n<img src=\"cid:pic@x\">\r\n",
        "--r\r\nContent-Type: image/gif\r\nContent-ID: <pic@x>\r\nContent-Transfer-Encoding: base64\r\n\r\nR0lGODlhAQABAAAAADs=\r\n--r--\r\n",
        "--a--\r\n",
        "--m\r\nContent-Type: application/pdf; name=\"=?utf-8?Q?Gr=C3=BC=C3=9Fe.pdf?=\"\r\nContent-Disposition: attachment\r\n\r\n%PDF\r\n--m--\r\n"
    ));
    assert_eq!(texts(&message), ["see"]);
    let media: Vec<_> = message.content.parts.iter().filter(|part| part.kind == PartKind::Media).collect();
    assert_eq!(media[0].content_id.as_deref(), Some("pic@x"));
    assert_eq!(&octets(media[0])[..6], b"GIF89a");
    assert_eq!(media[1].name.as_deref(), Some("Grüße.pdf"));
}

#[test]
fn signed_content_is_used_and_the_signature_is_reported_as_lost() {
    let (message, loss) = read(concat!(
        "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=s\r\n\r\n",
        "--s\r\nContent-Type: text/plain\r\n\r\nsigned words\r\n",
        "--s\r\nContent-Type: application/pgp-signature\r\n\r\n-----BEGIN\r\n--s--\r\n"
    ));
    assert_eq!(texts(&message), ["signed words"]);
    assert_eq!(message.content.parts.len(), 1);
    assert!(loss.entries.iter().any(|entry| entry.note.contains("signature")));
    assert!(message.content.original.is_some(), "mail can still carry the signed octets");
}

#[test]
fn a_message_inside_stays_one_part_and_tnef_an_attachment() {
    let (message, _) = read(concat!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
        "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nx\r\n--i--\r\n",
        "--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n\r\nx\r\n--b--\r\n"
    ));
    assert_eq!(
        kinds(&message),
        [(PartKind::Media, "message/rfc822"), (PartKind::Media, "application/ms-tnef")]
    );
}

#[test]
fn history_and_signature_are_cut_where_the_route_says_so() {
    let body =
        "\r\nYes, at eight.\r\n\r\n-- \r\nAlice\r\n\r\nOn Fri, 1 Apr 2005, Bob wrote:\r\n> at eight?\r\n";
    let (whole, _) = read(body);
    assert!(texts(&whole)[0].contains("at eight?"));
    let reading = MailReading { cut_quotes: true, cut_signature: true, ..reading() };
    let (cut, loss) = read_with(body, &envelope("alice@mail.example", &["+447700900002"]), &reading);
    assert_eq!(texts(&cut)[0].trim(), "Yes, at eight.");
    assert!(cut.content.original.is_none());
    assert!(loss.entries.iter().any(|entry| entry.note.contains("cut")));
}

#[test]
fn history_is_cut_from_a_mail_of_html_alone_too() {
    let reading = MailReading { cut_quotes: true, ..reading() };
    let rest = concat!(
        "Content-Type: text/html\r\n\r\n<p>Yes.</p><p>On Fri, 1 Apr 2005, Bob wrote:</p>",
        "<blockquote type=\"cite\"><p>at eight?</p></blockquote>\r\n"
    );
    let (message, _) = read_with(rest, &envelope("alice@mail.example", &["+447700900002"]), &reading);
    assert_eq!(texts(&message), ["Yes."]);
    assert_eq!(kinds(&message), [(PartKind::Text, "text/plain")]);
}

#[test]
fn text_of_any_charset_becomes_utf_8_and_flowed_lines_are_joined() {
    let (message, _) =
        read("Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
    assert_eq!(message.content.parts[0].charset.as_deref(), Some("utf-8"));
    let (message, _) = read("Content-Type: text/plain; format=flowed\r\n\r\none \r\ntwo\r\nthree\r\n");
    assert_eq!(texts(&message)[0].trim(), "one two\r\nthree");
}

#[test]
fn the_envelope_decides_and_a_blind_recipient_is_shown_to_nobody() {
    let both = envelope("alice@mail.example", &["+447700900002", "+447700900007"]);
    let rest = "Cc: +447700900003@mms.example\r\nBcc: +447700900007@mms.example\r\nDelivered-To: +447700900007@mms.example\r\n\r\nhi\r\n";
    let (message, _) = read_with(rest, &both, &reading());
    let roles: Vec<_> = message.recipients.iter().map(|it| (it.address.to_string(), it.role)).collect();
    assert_eq!(roles, [("+447700900002".into(), Role::To), ("+447700900007".into(), Role::Bcc)]);
    let shown: Vec<_> = message.shown.iter().map(|it| it.party.address.to_string()).collect();
    assert_eq!(shown, ["+447700900002", "+447700900003"]);
    assert!(message.unknown.iter().all(|field| !field.value.contains("900007")), "{:?}", message.unknown);
}

#[test]
fn a_number_at_a_foreign_domain_stays_a_mail_address() {
    let (message, _) = read("Cc: +447700900003@elsewhere.example\r\n\r\nhi\r\n");
    assert!(
        matches!(&message.shown[1].party.address, Address::Mail(mail) if mail.domain() == "elsewhere.example")
    );
}

#[test]
fn what_machines_send_is_automatic() {
    let usual = envelope("alice@mail.example", &["+447700900002"]);
    let null = envelope("", &["+447700900002"]);
    for (rest, envelope, automatic, class) in [
        ("\r\nhi\r\n", &usual, false, Class::Personal),
        ("\r\nhi\r\n", &null, true, Class::Auto),
        ("Auto-Submitted: auto-replied (vacation)\r\n\r\nhi\r\n", &usual, true, Class::Auto),
        ("Auto-Submitted: no\r\n\r\nhi\r\n", &usual, false, Class::Personal),
        ("Precedence: bulk\r\n\r\nhi\r\n", &usual, true, Class::Auto),
        ("List-Id: <l.mail.example>\r\nPrecedence: list\r\n\r\nhi\r\n", &usual, false, Class::Informational),
        ("X-Mms-Message-Class: Advertisement\r\n\r\nhi\r\n", &usual, false, Class::Advertisement),
    ] {
        let (message, _) = read_with(rest, envelope, &reading());
        assert_eq!((message.automatic, message.class), (automatic, Some(class)), "{rest}");
    }
}

#[test]
fn importance_wins_over_x_priority() {
    assert_eq!(read("X-Priority: 1 (Highest)\r\nImportance: low\r\n\r\n").0.priority, Some(Priority::Low));
    assert_eq!(read("X-Priority: 2\r\n\r\n").0.priority, Some(Priority::High));
    assert_eq!(read("X-Priority: 3 (normal)\r\n\r\n").0.priority, None);
    assert_eq!(read("Importance: Normal\r\nX-Priority: 1\r\n\r\n").0.priority, None);
}

#[test]
fn a_private_mail_is_refused_where_it_would_become_an_mms() {
    for wish in ["Private", "personal", "company-confidential"] {
        let mail = [HEAD, "Sensitivity: ", wish, "\r\n\r\nhi\r\n"].concat();
        let refusal =
            read_mail(mail.as_bytes(), &envelope("alice@mail.example", &["+447700900002"])).unwrap_err();
        assert_eq!(refusal.reason, Reason::SensitivityRefused);
        assert_eq!(TABLES.smtp(refusal.reason).1, (5, 6, 0));
    }
    assert_eq!(read("Sensitivity: normal\r\n\r\nhi\r\n").0.subject, None);
}

#[test]
fn deliver_by_becomes_expiry_only_with_mode_r() {
    let mut usual = envelope("alice@mail.example", &["+447700900002"]);
    usual.deliver_by = Some((600, 'R'));
    assert_eq!(
        read_with("\r\nhi\r\n", &usual, &reading()).0.expiry,
        Some(When::At(Timestamp(NOW.0 + 600_000)))
    );
    usual.deliver_by = Some((600, 'N'));
    let (message, loss) = read_with("\r\nhi\r\n", &usual, &reading());
    assert_eq!(message.expiry, None);
    assert!(loss.entries.iter().any(|entry| entry.field.token() == "expiry"));
}

#[test]
fn only_success_and_never_say_something_about_delivery_reports() {
    let report = |notify: Option<Notify>| {
        let recipients = vec![Recipient { notify, ..recipient("+447700900002") }];
        let envelope = MailEnvelope { recipients, ..envelope("alice@mail.example", &[]) };
        read_with("\r\nhi\r\n", &envelope, &reading()).0.delivery_report
    };
    assert_eq!(report(None), None);
    assert_eq!(report(Some(Notify { success: true, ..Notify::default() })), Some(true));
    assert_eq!(report(Some(Notify { never: true, ..Notify::default() })), Some(false));
    assert_eq!(report(Some(Notify { failure: true, delay: true, ..Notify::default() })), None);
}

#[test]
fn the_history_of_a_resent_mail_counts_up_from_the_original() {
    let (message, _) = read(concat!(
        "Resent-Date: Fri, 1 Apr 2005 11:00:00 +0000\r\nResent-From: Carol <carol@mail.example>\r\n",
        "Resent-To: +447700900002@mms.example\r\nResent-Message-ID: <r2@mail.example>\r\n",
        "Resent-Date: Fri, 1 Apr 2005 10:00:00 +0000\r\nResent-From: bob@mail.example\r\n",
        "Date: Fri, 1 Apr 2005 09:00:00 +0000\r\n\r\nhi\r\n"
    ));
    assert_eq!(message.originator.unwrap().display.as_deref(), Some("Carol"));
    assert_eq!(message.id, "r2@mail.example");
    assert_eq!(message.forward_counter, Some(2));
    let history: Vec<_> = message
        .previously_sent
        .iter()
        .map(|it| (it.index, it.by.as_ref().unwrap().address.to_string(), it.at.unwrap().0))
        .collect();
    assert_eq!(
        history,
        [
            (0, "alice@mail.example".into(), NOW.0 - 3 * 3_600_000),
            (1, "bob@mail.example".into(), NOW.0 - 2 * 3_600_000)
        ]
    );
    assert_eq!(message.shown.len(), 1);
}

#[test]
fn an_mms_that_comes_back_from_mail_has_its_identifier() {
    let (message, _) = read("X-Mms-Message-ID: m77@mmsc.peer.example\r\n\r\nhi\r\n");
    assert_eq!(message.id, "m77@mmsc.peer.example");
    assert_eq!(message.mail_id.as_deref(), Some("m1@mail.example"));
}

const DSN: &str = concat!(
    "Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n",
    "--r\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n",
    "--r\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.mail.example\r\n\r\n",
    "Final-Recipient: rfc822; +447700900005@mms.example\r\nAction: failed\r\nStatus: 5.0.0\r\n",
    "Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n--r\r\nContent-Type: text/rfc822-headers\r\n\r\n"
);

#[test]
fn a_report_names_its_message_and_recipient() {
    let mail = [HEAD, DSN, "Message-ID: <m9@mms.example>\r\n--r--\r\n"].concat();
    let Ok((Inbound::Delivery(reports), _)) = read_mail(mail.as_bytes(), &envelope("", &["+447700900002"]))
    else {
        panic!("no report")
    };
    let [report] = reports.as_slice() else { panic!("{reports:?}") };
    assert_eq!(report.message_id, "m9@mms.example");
    assert_eq!(report.recipient.to_string(), "+447700900005");
    assert_eq!(report.originator.as_ref().unwrap().to_string(), "+447700900002");
    assert_eq!(report.status, DeliveryStatus::Unreachable);
    assert_eq!(report.reason, Some(Reason::RecipientUnknown));
    assert_eq!(report.enhanced.as_deref(), Some("5.0.0"));
    assert_eq!(report.text.as_deref(), Some("Sorry."));
}

#[test]
fn a_report_that_names_no_message_or_comes_inside_a_mail_is_a_message() {
    let nameless = [HEAD, DSN, "Subject: x\r\n--r--\r\n"].concat();
    let null = envelope("", &["+447700900002"]);
    assert!(matches!(read_mail(nameless.as_bytes(), &null), Ok((Inbound::Message(_), _))));

    let inside = [
        HEAD,
        "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\r\nWhat does this mean?\r\n--m\r\n",
        DSN,
        "Message-ID: <m9@mms.example>\r\n--r--\r\n--m--\r\n",
    ]
    .concat();
    let person = envelope("alice@mail.example", &["+447700900002"]);
    assert!(matches!(read_mail(inside.as_bytes(), &person), Ok((Inbound::Message(_), _))));
}

#[test]
fn what_is_no_address_in_a_list_is_reported() {
    let (message, loss) = read("Cc: the whole team, bob@mail.example\r\n\r\nhi\r\n");
    assert_eq!(message.shown.len(), 2);
    assert!(
        loss.entries.iter().any(|entry| entry.field.token() == "cc" && entry.value.is_some()),
        "{loss:?}"
    );
}

#[test]
fn a_presentation_stays_only_while_it_shows_everything() {
    let mail = |text_location: &str| {
        [
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
            "--b\r\nContent-Type: text/plain\r\nContent-Location: ",
            text_location,
            "\r\n\r\nhi\r\n--b\r\nContent-Type: image/gif; name=1.gif\r\nContent-Transfer-Encoding: base64\r\n\r\nR0lGODlhAQABAAAAADs=\r\n",
            "--b\r\nContent-Type: application/smil\r\n\r\n<smil><body><par><img src=\"1.gif\"/><text src=\"a.txt\"/></par></body></smil>\r\n--b--\r\n",
        ]
        .concat()
    };
    let presentation =
        |message: &Message| message.content.parts.iter().any(|it| it.kind == PartKind::Presentation);
    assert!(presentation(&read(&mail("a.txt")).0));
    // References are understood as the rewriting of presentations understands them.
    assert!(presentation(&read(&mail("http://mail.example/A.TXT")).0));
    let (message, loss) = read(&mail("other.txt"));
    assert!(!presentation(&message));
    assert!(loss.entries.iter().any(|entry| entry.note.contains("presentation")));
}
