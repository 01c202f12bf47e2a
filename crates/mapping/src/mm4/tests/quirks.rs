//! Every key of a profile, flipped: what changes on the wire, and nothing else.

use cedrat_message::PartKind;
use cedrat_wire_mms::quirks::*;

use super::*;

fn sample() -> String {
    request(
        "Date: Thu, 13 Jan 2022 02:23:39 +0200\n\
         X-Mms-Expiry: Tue, 18 Jan 2022 02:23:39 GMT\n\
         X-Mms-Previously-sent-by: 0, +15551230002/TYPE=PLMN\n\
         X-Mms-Content-Class: text\n\
         X-AuditID: 7\n",
    )
    .replace("mid-1@mms.peer.test", "\"mid-1@mms.peer.test\"")
}

/// The lines that differ between the default and the changed profile: (default's, changed's).
fn flipped(change: impl Fn(&mut Quirks)) -> (Vec<String>, Vec<String>) {
    let mut quirks = Quirks::default();
    change(&mut quirks);
    let (message, _) = message(&sample());
    let before = text(&write(&message, &Quirks::default()).0);
    let after = text(&write(&message, &quirks).0);
    let only = |a: &str, b: &str| -> Vec<String> {
        a.split("\r\n")
            .filter(|line| !b.split("\r\n").any(|other| other == *line))
            .map(ToOwned::to_owned)
            .collect()
    };
    (only(&before, &after), only(&after, &before))
}

#[test]
fn each_writing_key_changes_its_own_lines_only() {
    let (_, after) = flipped(|it| it.mms_version = "6.10.0".into());
    assert_eq!(after, ["X-Mms-3GPP-MMS-Version: 6.10.0"]);

    let (_, after) = flipped(|it| it.id_quotes = IdQuotes::Strip);
    assert_eq!(after, ["X-Mms-Message-ID: mid-1@mms.peer.test"]);
    let (_, after) = flipped(|it| it.id_quotes = IdQuotes::Add);
    assert_eq!(after, ["X-Mms-Transaction-ID: \"t-1\""]);

    let (before, after) = flipped(|it| it.header_case = HeaderCase::LowerThreeGpp);
    assert_eq!(before.len(), after.len());
    assert!(after.contains(&"X-Mms-3gpp-Mms-Version: 5.5.0".to_owned()), "{after:?}");
    assert!(before.iter().zip(&after).all(|(a, b)| a.eq_ignore_ascii_case(b)));

    let (_, after) = flipped(|it| it.address_form = AddressForm::E164);
    assert_eq!(
        after,
        ["To: +447700900001", "From: +15551230001", "X-Mms-Previously-sent-by: 0, +15551230002"]
    );
    let (_, after) = flipped(|it| it.address_form = AddressForm::E164PlmnDomain);
    assert!(
        after.iter().all(|line| line.ends_with("/TYPE=PLMN@mms.own.test")) && after.len() == 3,
        "{after:?}"
    );

    let (_, after) = flipped(|it| it.sender_header = SenderHeader::Originator);
    assert_eq!(after, ["Sender: +15551230001/TYPE=PLMN@mms.own.test"]);
    let (before, after) = flipped(|it| it.sender_header = SenderHeader::None);
    assert_eq!((before.as_slice(), after.len()), (&["Sender: system-user@mms.own.test".to_owned()][..], 0));

    let (_, after) = flipped(|it| it.date_form = DateForm::HttpDate);
    assert_eq!(after, ["Date: Thu, 13 Jan 2022 00:23:39 GMT"]);
    let (_, after) = flipped(|it| it.expiry_form = ExpiryForm::Seconds);
    assert_eq!(after, ["X-Mms-Expiry: 438819"]);
    let (_, after) = flipped(|it| it.expiry_form = ExpiryForm::Rfc3339);
    assert_eq!(after, ["X-Mms-Expiry: 2022-01-18T02:23:39Z"]);

    let (before, after) = flipped(|it| it.forward_trace = ForwardTrace::Pass);
    assert_eq!(
        (before.as_slice(), after.len()),
        (&["X-Mms-Previously-sent-by: 0, +15551230002/TYPE=PLMN".to_owned()][..], 0)
    );
    let (before, after) = flipped(|it| it.strip_headers.push("x-auditid".into()));
    assert_eq!((before.as_slice(), after.len()), (&["X-AuditID: 7".to_owned()][..], 0));
}

#[test]
fn keys_of_the_other_direction_change_no_octet_of_a_request() {
    let (before, after) = flipped(|it| {
        it.ack = Ack::Never;
        it.ack_means = AckMeans::Delivered;
        it.ack_timeout_ms = 1;
        it.reports = Reports::Never;
        it.status_alias.push("X-S".into());
        it.status_map.insert("a".into(), "expired".into());
        it.line_ends = LineEnds::Normalize;
        it.res_address = ResAddress::Sender;
        it.res_headers = ResHeaders::Minimal;
        it.damaged = Damaged::Deliver;
        it.dedupe_window_ms = 1;
        it.refs = Refs::Cid;
        it.expiry_clamp.min_ms = 0;
    });
    assert!(before.is_empty() && after.is_empty(), "{before:?} {after:?}");
}

#[test]
fn an_envelope_without_domains_is_written_where_the_profile_says_so() {
    let (message, _) = message(&sample());
    let quirks = Quirks { envelope_domain: false, ..Quirks::default() };
    let (submission, _) = write(&message, &quirks);
    assert_eq!(submission.mail_from, "+15551230001/TYPE=PLMN");
    assert_eq!(submission.recipients[0].address, "+447700900001/TYPE=PLMN");
}

fn pictures() -> String {
    request("").replace(
        "Content-Type: text/plain; charset=utf-8\n\nhello\n",
        "Content-Type: multipart/related; type=\"application/smil\"; start=\"<s>\"; boundary=b\n\n\
         --b\nContent-Type: application/smil\nContent-ID: <s>\n\n<smil/>\n\
         --b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0K\n--b--\n",
    )
}

#[test]
fn the_multipart_key_changes_the_type_and_not_the_body() {
    let (message, _) = message(&pictures());
    let plain = text(&write(&message, &Quirks::default()).0);
    let mixed = text(&write(&message, &Quirks { multipart: Multipart::Mixed, ..Quirks::default() }).0);
    assert_eq!(header(&mixed, "Content-Type").as_deref(), Some("multipart/mixed; boundary=b"));
    assert_eq!(plain.split_once("\r\n\r\n").unwrap().1, mixed.split_once("\r\n\r\n").unwrap().1);
}

#[test]
fn the_smil_key_requires_makes_or_removes_a_presentation() {
    let with = message(&pictures()).0;
    let without = message(&request("")).0;
    let require = Quirks { smil: Smil::Require, ..Quirks::default() };
    assert!(outbound(tables(), &with, &with.recipients, &require, &local(), NOW).is_ok());
    let refusal = outbound(tables(), &without, &without.recipients, &require, &local(), NOW).unwrap_err();
    assert_eq!(refusal.reason, Reason::ContentNotAccepted);

    let read_back = |message: &Message, smil| {
        let (submission, loss) = write(message, &Quirks { smil, ..Quirks::default() });
        let kinds: Vec<_> =
            super::message(&text(&submission)).0.content.parts.iter().map(|part| part.kind).collect();
        (kinds, loss)
    };
    let (kinds, loss) = read_back(&without, Smil::Synthesize);
    assert_eq!(kinds, [PartKind::Presentation, PartKind::Text]);
    assert!(!loss.entries.is_empty());
    let (kinds, loss) = read_back(&with, Smil::Drop);
    assert_eq!(kinds, [PartKind::Media]);
    assert!(!loss.entries.is_empty());
}

#[test]
fn a_made_presentation_refers_as_the_peer_reads() {
    let message = message(&request("")).0;
    let smil = |refs| {
        let quirks = Quirks { smil: Smil::Synthesize, refs, ..Quirks::default() };
        text(&write(&message, &quirks).0)
    };
    assert!(smil(Refs::Location).contains("src=\"text.txt\""));
    assert!(smil(Refs::Cid).contains("src=\"cid:text.txt\""));
    let both = smil(Refs::Both);
    assert!(both.contains("src=\"text.txt\"") && both.contains("Content-ID: <text.txt>"));
    assert!(both.contains("Content-Location: text.txt"));
}

#[test]
fn a_group_is_shown_as_far_as_the_peer_shows_groups() {
    let numbers: Vec<String> = (0..20).map(|n| format!("+4477009000{n:02}")).collect();
    let text_in = request("").replace("To: +447700900001/TYPE=PLMN", &format!("To: {}", numbers.join(", ")));
    let (read, ..) = read_for(&text_in, SENDER, &["+447700900019@mms.own.test"], &Quirks::default()).unwrap();
    let Inbound::Message(message) = read else { panic!() };
    let (submission, loss) = write(&message, &Quirks::default());
    assert_eq!(super::message(&text(&submission)).0.shown.len(), 20);
    assert!(loss.entries.iter().all(|it| it.field != cedrat_message::Field::To));
    let (submission, loss) = write(&message, &Quirks { group_max: 10, ..Quirks::default() });
    let shown: Vec<_> =
        super::message(&text(&submission)).0.shown.iter().map(|it| it.party.address.to_string()).collect();
    assert_eq!(shown.len(), 10);
    assert_eq!(
        (shown[0].as_str(), shown[9].as_str()),
        ("+447700900000", "+447700900019"),
        "the receiver stays"
    );
    assert_eq!(loss.entries.iter().filter(|it| it.field == cedrat_message::Field::To).count(), 10);
}

#[test]
fn a_message_over_the_limit_of_the_peer_is_refused_in_transit() {
    let message = message(&pictures()).0;
    let small = Quirks { max_octets: 300, ..Quirks::default() };
    let refusal = outbound(tables(), &message, &message.recipients, &small, &local(), NOW).unwrap_err();
    assert_eq!(refusal.reason, Reason::MessageTooLarge);
}
