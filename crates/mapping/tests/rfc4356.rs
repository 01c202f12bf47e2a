//! The oracle of RFC 4356 (`tests/rfc4356`): every row goes through both mappings and is compared.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use cedrat_mapping::mail::{self, MailEnvelope, ReportWriting};
use cedrat_mapping::{Inbound, Submission, mm4};
use cedrat_message::{MailAddress, Notify, Recipient, Refusal};
use cedrat_mime::{Header, Headers, Limits, walk};
use cedrat_wire_mail::value;
use cedrat_wire_mms::{date, mm4::Pdu, quirks::Quirks};
use serde::Deserialize;

use crate::support::{NOW, TABLES, reading, recipient, writing};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sheet {
    row: Vec<Row>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    at: String,
    strength: String,
    says: String,
    from: String,
    kind: Option<String>,
    #[serde(default)]
    given: String,
    #[serde(default)]
    without: Vec<String>,
    body: Option<String>,
    action: Option<String>,
    #[serde(default)]
    envelope: Envelope,
    expect: Expect,
}

#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields)]
struct Envelope {
    from: Option<String>,
    to: Option<Vec<String>>,
    deliver_by: Option<String>,
    notify: Option<String>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields, default)]
struct Expect {
    headers: Vec<String>,
    dates: Vec<String>,
    shows: Vec<String>,
    absent: Vec<String>,
    body: Vec<String>,
    not: Vec<String>,
    block: Option<String>,
    text: Option<String>,
    mail_from: Option<String>,
    rcpt: Option<Vec<String>>,
    notify: Option<String>,
    orcpt: Option<String>,
    envid: Option<String>,
    deliver_by: Option<String>,
    refused: Option<String>,
    reports: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deviations {
    deviation: Vec<Deviation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deviation {
    row: String,
    why: String,
    expect: Expect,
}

#[test]
fn every_row_of_rfc_4356_holds_or_is_a_listed_deviation() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/rfc4356");
    let mut rows: Vec<Row> = Vec::new();
    let mut deviations: BTreeMap<String, Deviation> = BTreeMap::new();
    let mut paths: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|it| it == "toml")) {
        let text = std::fs::read_to_string(path).unwrap();
        if path.ends_with("deviations.toml") {
            let list: Deviations = toml::from_str(&text).unwrap();
            deviations = list.deviation.into_iter().map(|it| (it.row.clone(), it)).collect();
        } else {
            let sheet: Sheet =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            rows.extend(sheet.row);
        }
    }
    let mut faults = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for row in &rows {
        assert!(seen.insert(row.id.clone()), "{} stands twice", row.id);
        assert!(!row.says.is_empty() && !row.at.is_empty() && !row.strength.is_empty());
        let outcome = run(row);
        let found = compare(&row.expect, &outcome);
        match deviations.remove(&row.id) {
            None if found.is_empty() => {}
            None => faults.push(format!("{} ({} {}): {}", row.id, row.strength, row.at, found.join("; "))),
            Some(_) if found.is_empty() => {
                faults.push(format!("{}: is followed, but listed as a deviation", row.id))
            }
            Some(deviation) => {
                assert!(deviation.why.len() > 20, "{}: the reason is missing", row.id);
                let found = compare(&deviation.expect, &outcome);
                if !found.is_empty() {
                    faults.push(format!("{} (deviation): {}", row.id, found.join("; ")));
                }
            }
        }
    }
    faults.extend(deviations.keys().map(|id| format!("{id}: a deviation from no row")));
    println!("{} rows", rows.len());
    assert!(faults.is_empty(), "{} of {} rows:\n{}", faults.len(), rows.len(), faults.join("\n"));
}

/// What came out: submissions, or a refusal.
type Outcome = Result<Vec<Submission>, Refusal>;

fn run(row: &Row) -> Outcome {
    let octets = Bytes::from(source(row));
    match row.from.as_str() {
        "mm4" => from_mm4(row, &octets),
        "mail" => from_mail(row, &octets),
        other => panic!("{}: from {other}", row.id),
    }
}

fn from_mm4(row: &Row, octets: &Bytes) -> Outcome {
    let pdu = Pdu::decode(octets, &Limits::default()).unwrap_or_else(|error| panic!("{}: {error}", row.id));
    let recipients = row.envelope.to.clone().unwrap_or_else(|| vec!["alice@mail.example".into()]);
    let from = row.envelope.from.as_deref().unwrap_or("+447700900001/TYPE=PLMN@mms.peer.example");
    let envelope = mm4::Envelope { from, recipients: &recipients };
    let (inbound, ..) =
        mm4::inbound(&TABLES, &pdu, &envelope, &Quirks::default(), NOW).map_err(|(refusal, _)| refusal)?;
    let reports = ReportWriting { mail: writing(), original: None };
    let submission = match inbound {
        Inbound::Message(message) => {
            mail::outbound(&TABLES, &message, &message.recipients, &writing(), NOW)?.0
        }
        Inbound::Delivery(list) => mail::delivery_report(&TABLES, &list, &reports, NOW)?.0,
        Inbound::Read(report) => mail::read_report(&TABLES, &report, &reports, NOW)?.0,
        Inbound::Result(_) => panic!("{}: an answer", row.id),
    };
    Ok(vec![submission])
}

fn from_mail(row: &Row, octets: &Bytes) -> Outcome {
    let notify = row.envelope.notify.as_deref().map(|list| Notify {
        never: list.contains("NEVER"),
        success: list.contains("SUCCESS"),
        failure: list.contains("FAILURE"),
        delay: list.contains("DELAY"),
    });
    let to = row.envelope.to.clone().unwrap_or_else(|| vec!["+447700900002".into()]);
    let report = row.kind.is_some();
    let from = row.envelope.from.as_deref().unwrap_or(if report { "" } else { "alice@mail.example" });
    let envelope = MailEnvelope {
        from: (!from.is_empty()).then(|| MailAddress::parse(from).unwrap()),
        recipients: to.iter().map(|to| Recipient { notify, ..recipient(to) }).collect(),
        deliver_by: row.envelope.deliver_by.as_deref().map(|text| {
            let (seconds, mode) = text.split_once(';').unwrap();
            (seconds.parse().unwrap(), mode.chars().next().unwrap())
        }),
        ..MailEnvelope::default()
    };
    let (inbound, _) = mail::inbound(&TABLES, octets, &envelope, &reading(), NOW)?;
    let local = mm4::Local {
        system_address: "system-user@gateway.example",
        domain: "gateway.example",
        peer_domain: "mms.peer.example",
        transaction_id: "transaction1",
        ack: true,
        relay_delivery_report: None,
        report_to: Some("system-user@mms.peer.example"),
        boundary: "boundary",
    };
    let quirks = Quirks::default();
    Ok(match inbound {
        Inbound::Message(message) => {
            vec![mm4::outbound(&TABLES, &message, &message.recipients, &quirks, &local, NOW)?.0]
        }
        Inbound::Delivery(list) => {
            list.iter().map(|report| mm4::delivery_report(&TABLES, report, &quirks, &local, NOW)).collect()
        }
        Inbound::Read(report) => vec![mm4::read_report(&TABLES, &report, &quirks, &local, NOW)],
        Inbound::Result(_) => panic!("{}: an answer", row.id),
    })
}

/// The base message of the row with its headers put in.
fn source(row: &Row) -> Vec<u8> {
    let kind = row.kind.as_deref().unwrap_or("message");
    let action = row.action.as_deref();
    let (head, body) = match (row.from.as_str(), kind) {
        ("mm4", "message") => (MM4_MESSAGE, "Hello\r\n".to_string()),
        ("mm4", "delivery") => (MM4_DELIVERY, String::new()),
        ("mm4", "read") => (MM4_READ, String::new()),
        ("mail", "message") => (MAIL_MESSAGE, "Hello\r\n".to_string()),
        ("mail", "delivery") => (DSN_HEAD, DSN_BODY.replace("ACTION", action.unwrap_or("delivered"))),
        ("mail", "read") => (
            MDN_HEAD,
            MDN_BODY.replace("ACTION", action.unwrap_or("manual-action/MDN-sent-manually; displayed")),
        ),
        other => panic!("{}: {other:?}", row.id),
    };
    let name = |line: &str| line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
    let given: Vec<&str> = row.given.lines().filter(|line| !line.trim().is_empty()).collect();
    let replaced: Vec<String> = given
        .iter()
        .map(|line| name(line))
        .chain(row.without.iter().map(|it| it.to_ascii_lowercase()))
        .collect();
    let kept = head.lines().filter(|line| !replaced.contains(&name(line)));
    let mut text: String = given.iter().copied().chain(kept).map(|line| format!("{line}\r\n")).collect();
    text.push_str("\r\n");
    text.push_str(row.body.as_deref().unwrap_or(&body));
    text.into_bytes()
}

const MM4_MESSAGE: &str = "\
X-Mms-3GPP-MMS-Version: 6.3.0
X-Mms-Message-Type: MM4_forward.REQ
X-Mms-Transaction-ID: t1
X-Mms-Message-ID: m1@mms.peer.example
X-Mms-Originator-System: system-user@mms.peer.example
Message-ID: <m1@mms.peer.example>
From: +447700900001/TYPE=PLMN
To: alice@mail.example
Date: Fri, 1 Apr 2005 10:00:00 +0000
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 7bit";

const MM4_DELIVERY: &str = "\
X-Mms-3GPP-MMS-Version: 6.3.0
X-Mms-Message-Type: MM4_delivery_report.REQ
X-Mms-Transaction-ID: t2
X-Mms-Message-ID: m1@mail.example
From: +447700900002/TYPE=PLMN
To: alice@mail.example
Date: Fri, 1 Apr 2005 11:00:00 +0000
X-Mms-MM-Status-Code: Retrieved";

const MM4_READ: &str = "\
X-Mms-3GPP-MMS-Version: 6.3.0
X-Mms-Message-Type: MM4_read_reply_report.REQ
X-Mms-Transaction-ID: t3
X-Mms-Message-ID: m1@mail.example
From: +447700900002/TYPE=PLMN
To: alice@mail.example
Date: Fri, 1 Apr 2005 11:00:00 +0000
X-Mms-Read-Status: Read";

const MAIL_MESSAGE: &str = "\
From: Alice <alice@mail.example>
To: +447700900002@mms.example
Date: Fri, 1 Apr 2005 10:00:00 +0000
Message-ID: <m1@mail.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8";

const DSN_HEAD: &str = "\
From: Mail Delivery <mailer-daemon@mail.example>
To: +447700900001@mms.example
Date: Fri, 1 Apr 2005 11:00:00 +0000
Message-ID: <dsn@mail.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=r";

const DSN_BODY: &str = "--r\r
Content-Type: text/plain\r
\r
Your picture has news\r
--r\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.mail.example\r
\r
Original-Recipient: rfc822; bob@mail.example\r
Final-Recipient: rfc822; robert@inside.mail.example\r
Action: ACTION\r
--r\r
Content-Type: text/rfc822-headers\r
\r
Message-ID: <m1@mms.peer.example>\r
--r--\r
";

const MDN_HEAD: &str = "\
From: Bob <bob@mail.example>
To: +447700900001@mms.example
Date: Fri, 1 Apr 2005 11:00:00 +0000
Message-ID: <mdn@mail.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary=r";

const MDN_BODY: &str = "--r\r
Content-Type: text/plain\r
\r
Your picture has news\r
--r\r
Content-Type: message/disposition-notification\r
\r
Final-Recipient: rfc822; bob@mail.example\r
Disposition: ACTION\r
--r\r
Content-Type: text/rfc822-headers\r
\r
Message-ID: <m1@mms.peer.example>\r
--r--\r
";

/// Every expectation that does not hold.
fn compare(expect: &Expect, outcome: &Outcome) -> Vec<String> {
    let mut faults = Vec::new();
    let submissions = match (outcome, &expect.refused) {
        (Err(refusal), Some(reason)) if refusal.reason.token() == reason => return faults,
        (Err(refusal), _) => {
            return vec![format!("refused: {} ({})", refusal.reason.token(), refusal.detail.for_operator())];
        }
        (Ok(_), Some(reason)) => return vec![format!("not refused as {reason}")],
        (Ok(submissions), None) => submissions,
    };
    if let Some(count) = expect.reports
        && count != submissions.len()
    {
        faults.push(format!("{} reports instead of {count}", submissions.len()));
    }
    let Some(sent) = submissions.first() else { return faults };
    let (headers, body) = Headers::parse(&sent.content, &Limits::default()).unwrap();
    compare_headers(expect, &headers, &mut faults);
    compare_content(expect, sent, body, &mut faults);
    compare_envelope(expect, sent, &mut faults);
    faults
}

fn compare_headers(expect: &Expect, headers: &Headers, faults: &mut Vec<String>) {
    let values = |name: &str| -> Vec<String> { headers.all(name).map(|it| squeezed(it.value())).collect() };
    for line in &expect.headers {
        let (name, wanted) = split(line);
        let found = values(name);
        if found != [squeezed(wanted)] {
            faults.push(format!("{name} is {found:?} instead of {wanted:?}"));
        }
    }
    for line in &expect.dates {
        let (name, wanted) = split(line);
        let found: Vec<_> = headers.all(name).map(|it| date::parse(it.value())).collect();
        if found != [date::parse(wanted)] || date::parse(wanted).is_none() {
            faults.push(format!("{name} is {:?} instead of {wanted:?}", values(name)));
        }
    }
    for line in &expect.shows {
        let (name, wanted) = split(line);
        let shown =
            |value: &str| value.contains(&squeezed(wanted)) || value::unstructured(value).contains(wanted);
        if !values(name).iter().any(|it| shown(it)) {
            faults.push(format!("{name} is {:?} and does not show {wanted:?}", values(name)));
        }
    }
    for name in &expect.absent {
        if headers.first(name).is_some() {
            faults.push(format!("{name} is there"));
        }
    }
    if let Some(block) = &expect.block {
        compare_block(block, headers, faults);
    }
}

/// The headers of the names in `block`, in order; `*` stands for any value.
fn compare_block(block: &str, headers: &Headers, faults: &mut Vec<String>) {
    let wanted: Vec<(&str, &str)> = block.lines().filter(|line| !line.trim().is_empty()).map(split).collect();
    let named = |header: &&Header| wanted.iter().any(|(name, _)| header.is(name));
    let found: Vec<&Header> = headers.iter().filter(named).collect();
    let same = |header: &Header, (name, value): &(&str, &str)| {
        header.is(name)
            && (*value == "*"
                || squeezed(header.value()) == squeezed(value)
                || dated(value).is_some() && dated(header.value()) == dated(value))
    };
    if found.len() != wanted.len() || !found.iter().zip(&wanted).all(|(header, wanted)| same(header, wanted))
    {
        let found: Vec<_> =
            found.iter().map(|header| format!("{}: {}", header.name(), header.value())).collect();
        faults.push(format!("the block is {found:#?}"));
    }
}

/// A date, or `index, date`.
fn dated(value: &str) -> Option<(Option<u32>, i64)> {
    match value.split_once(", ").and_then(|(index, rest)| Some((index.parse().ok()?, date::parse(rest)?))) {
        Some((index, at)) => Some((Some(index), at)),
        None => date::parse(value).map(|at| (None, at)),
    }
}

fn compare_content(expect: &Expect, sent: &Submission, body: usize, faults: &mut Vec<String>) {
    let content = String::from_utf8_lossy(&sent.content);
    let body = content.get(body..).unwrap_or_default();
    for wanted in &expect.body {
        if !body.contains(wanted) {
            faults.push(format!("the body does not hold {wanted:?}: {body}"));
        }
    }
    for unwanted in &expect.not {
        if content.contains(unwanted) {
            faults.push(format!("the message holds {unwanted:?}"));
        }
    }
    if let Some(wanted) = &expect.text {
        let tree = walk(&sent.content, &Limits::default()).unwrap();
        let leaf = tree.leaves().find(|(_, leaf)| leaf.content_type.essence == "text/plain").unwrap().1;
        let text = String::from_utf8(leaf.decoded().octets.to_vec()).unwrap_or_default();
        if text.trim_end() != wanted {
            faults.push(format!("the text is {text:?}"));
        }
    }
}

fn compare_envelope(expect: &Expect, sent: &Submission, faults: &mut Vec<String>) {
    let mut check = |what: &str, found: Option<String>, wanted: &Option<String>| {
        if wanted.is_some() && found != *wanted {
            faults.push(format!("{what} is {found:?} instead of {wanted:?}"));
        }
    };
    check("MAIL FROM", Some(sent.mail_from.clone()), &expect.mail_from);
    check("ENVID", sent.envid.clone(), &expect.envid);
    check("ORCPT", sent.recipients[0].orcpt.clone(), &expect.orcpt);
    check("NOTIFY", sent.recipients[0].notify.as_ref().map(notify), &expect.notify);
    check(
        "DELIVERBY",
        sent.deliver_by.map(|(seconds, mode)| format!("{seconds};{mode}")),
        &expect.deliver_by,
    );
    if let Some(wanted) = &expect.rcpt {
        // An MM4 path carries type and domain; what is compared is the party.
        let found: Vec<String> = sent
            .recipients
            .iter()
            .map(|it| {
                it.address.split_once("/TYPE=").map_or(it.address.as_str(), |(number, _)| number).to_string()
            })
            .collect();
        if found != *wanted {
            faults.push(format!("RCPT TO is {found:?} instead of {wanted:?}"));
        }
    }
}

fn notify(notify: &Notify) -> String {
    let words = [
        (notify.never, "NEVER"),
        (notify.success, "SUCCESS"),
        (notify.failure, "FAILURE"),
        (notify.delay, "DELAY"),
    ];
    words.into_iter().filter(|(asked, _)| *asked).map(|(_, word)| word).collect::<Vec<_>>().join(",")
}

fn split(line: &str) -> (&str, &str) {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    (name.trim(), value.trim())
}

/// One space for each run of blanks, no quotes: `"L. Eva Message" <a@b>` is `L. Eva Message <a@b>`.
fn squeezed(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ").replace('"', "")
}
