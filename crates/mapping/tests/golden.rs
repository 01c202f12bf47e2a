//! Whole translations (`tests/golden`): what goes in, what comes out, what was lost, and why the case is there.
//!
//! `UPDATE=1` writes what comes out; the change is then read in the diff. Cases in `tests/golden/private`,
//! which is not committed, are run too.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use cedrat_mapping::mail::{self, MailEnvelope, MailReading, MailWriting, Presentation, ReportWriting};
use cedrat_mapping::{Inbound, Loss, Submission, mm4};
use cedrat_message::{Notify, Recipient, Refusal};
use cedrat_mime::Limits;
use cedrat_wire_mms::mm4::Pdu;
use serde::Deserialize;

use crate::support::{NOW, TABLES, envelope, reading, recipient, writing};

/// `envelope.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// MAIL FROM; empty = null path.
    from: String,
    /// RCPT TO of MM4 as on the wire, of mail already routed.
    to: Vec<String>,
    notify: Option<String>,
    envid: Option<String>,
    deliver_by: Option<String>,
    #[serde(default)]
    cut: bool,
    presentation: Option<String>,
    /// Quirk profiles of the MM4 side.
    #[serde(default)]
    quirks: Vec<String>,
}

#[test]
fn every_golden_translation_comes_out_as_it_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let mut cases = folders(&folder);
    cases.extend(folders(&folder.join("private")));
    cases.retain(|case| !case.ends_with("private"));
    assert!(cases.len() >= 15, "{} cases", cases.len());
    let update = std::env::var_os("UPDATE").is_some();
    let mut faults = Vec::new();
    for case in cases {
        let why = std::fs::read_to_string(case.join("why")).unwrap_or_default();
        assert!(why.trim().len() > 20, "{}: `why` is missing", case.display());
        for (name, octets) in translated(&case) {
            let path = case.join(name);
            if update {
                std::fs::write(&path, &octets).unwrap();
                continue;
            }
            let wanted = std::fs::read(&path).unwrap_or_default();
            if wanted != octets {
                faults.push(format!("{} differs:\n{}", path.display(), difference(&wanted, &octets)));
            }
        }
    }
    assert!(faults.is_empty(), "{}\n(UPDATE=1 rewrites)", faults.join("\n\n"));
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// The files that a case makes.
fn translated(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let case: Case = toml::from_str(&std::fs::read_to_string(folder.join("envelope.toml")).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let (outcome, suffix) = match std::fs::read(folder.join("in.mm4")) {
        Ok(octets) => (from_mm4(&case, &Bytes::from(octets)), "eml"),
        Err(_) => (from_mail(&case, &Bytes::from(std::fs::read(folder.join("in.eml")).unwrap())), "mm4"),
    };
    let mut files = Vec::new();
    match outcome {
        Ok((sent, loss)) => {
            let mut envelopes = String::new();
            for (index, submission) in sent.iter().enumerate() {
                let number = if index == 0 { String::new() } else { format!("-{}", index + 1) };
                files.push((format!("out{number}.{suffix}"), submission.content.to_vec()));
                envelopes.push_str(&envelope_lines(submission));
            }
            files.push(("out.envelope".into(), envelopes.into_bytes()));
            let mut json = serde_json::to_string_pretty(&loss).unwrap();
            json.push('\n');
            files.push(("loss.json".into(), json.into_bytes()));
        }
        Err(refusal) => {
            let (code, (class, subject, detail)) = TABLES.smtp(refusal.reason);
            let line = format!("{code} {class}.{subject}.{detail} {}\n", refusal.reason);
            files.push(("out.refusal".into(), line.into_bytes()));
        }
    }
    files
}

/// The commands of the transaction, as a client session would say them.
fn envelope_lines(submission: &Submission) -> String {
    let mut lines = format!("MAIL FROM:<{}>", submission.mail_from);
    if let Some(id) = &submission.envid {
        lines.push_str(&format!(" ENVID={id}"));
    }
    if let Some(full) = submission.ret {
        lines.push_str(if full { " RET=FULL" } else { " RET=HDRS" });
    }
    if let Some((seconds, mode)) = submission.deliver_by {
        lines.push_str(&format!(" BY={seconds};{mode}"));
    }
    for recipient in &submission.recipients {
        lines.push_str(&format!("\nRCPT TO:<{}>", recipient.address));
        if let Some(notify) = &recipient.notify {
            lines.push_str(&format!(" NOTIFY={}", words(notify)));
        }
        if let Some(original) = &recipient.orcpt {
            lines.push_str(&format!(" ORCPT={original}"));
        }
    }
    lines + "\n"
}

fn words(notify: &Notify) -> String {
    let words = [
        (notify.never, "NEVER"),
        (notify.success, "SUCCESS"),
        (notify.failure, "FAILURE"),
        (notify.delay, "DELAY"),
    ];
    words.into_iter().filter(|(asked, _)| *asked).map(|(_, word)| word).collect::<Vec<_>>().join(",")
}

type Outcome = Result<(Vec<Submission>, Loss), Refusal>;

fn from_mm4(case: &Case, octets: &Bytes) -> Outcome {
    let names: Vec<&str> = case.quirks.iter().map(String::as_str).collect();
    let quirks = TABLES.quirks(&names).unwrap();
    let pdu = Pdu::decode(octets, &Limits::default()).unwrap();
    let envelope = mm4::Envelope { from: &case.from, recipients: &case.to };
    let (inbound, _, read) =
        mm4::inbound(&TABLES, &pdu, &envelope, &quirks, NOW).map_err(|(refusal, _)| refusal)?;
    let presentation = match case.presentation.as_deref() {
        Some("drop") => Presentation::Drop,
        Some("html") => Presentation::Html,
        Some("related") => Presentation::Related,
        _ => Presentation::Mixed,
    };
    let writing = MailWriting { presentation, ..writing() };
    let reports = ReportWriting { mail: writing.clone(), original: None };
    let (submission, written) = match inbound {
        Inbound::Message(message) => mail::outbound(&TABLES, &message, &message.recipients, &writing, NOW)?,
        Inbound::Delivery(list) => mail::delivery_report(&TABLES, &list, &reports, NOW)?,
        Inbound::Read(report) => mail::read_report(&TABLES, &report, &reports, NOW)?,
        Inbound::Result(_) => panic!("an answer is not translated"),
    };
    Ok((vec![submission], read.then(written)))
}

fn from_mail(case: &Case, octets: &Bytes) -> Outcome {
    let names: Vec<&str> = case.quirks.iter().map(String::as_str).collect();
    let quirks = TABLES.quirks(&names).unwrap();
    let notify = case.notify.as_deref().map(|list| Notify {
        never: list.contains("NEVER"),
        success: list.contains("SUCCESS"),
        failure: list.contains("FAILURE"),
        delay: list.contains("DELAY"),
    });
    let envelope = MailEnvelope {
        recipients: case.to.iter().map(|to| Recipient { notify, ..recipient(to) }).collect(),
        envid: case.envid.clone(),
        deliver_by: case.deliver_by.as_deref().map(|text| {
            let (seconds, mode) = text.split_once(';').unwrap();
            (seconds.parse().unwrap(), mode.chars().next().unwrap())
        }),
        ..envelope(&case.from, &[])
    };
    let reading = MailReading { cut_quotes: case.cut, cut_signature: case.cut, ..reading() };
    let (inbound, read) = mail::inbound(&TABLES, octets, &envelope, &reading, NOW)?;
    let local = mm4::Local {
        system_address: "system-user@mms.gateway.example",
        domain: "mms.gateway.example",
        peer_domain: "mms.peer.example",
        transaction_id: "transaction1",
        ack: true,
        relay_delivery_report: None,
        report_to: Some("system-user@mms.peer.example"),
        boundary: "boundary",
    };
    Ok(match inbound {
        Inbound::Message(message) => {
            let (sent, written) =
                mm4::outbound(&TABLES, &message, &message.recipients, &quirks, &local, NOW)?;
            (vec![sent], read.then(written))
        }
        Inbound::Delivery(list) => {
            let sent =
                list.iter().map(|it| mm4::delivery_report(&TABLES, it, &quirks, &local, NOW)).collect();
            (sent, read)
        }
        Inbound::Read(report) => (vec![mm4::read_report(&TABLES, &report, &quirks, &local, NOW)], read),
        Inbound::Result(_) => panic!("an answer is not translated"),
    })
}

/// The first line that differs, on both sides.
fn difference(wanted: &[u8], found: &[u8]) -> String {
    let (wanted, found) = (String::from_utf8_lossy(wanted), String::from_utf8_lossy(found));
    let (mut left, mut right) = (wanted.lines(), found.lines());
    for number in 1.. {
        match (left.next(), right.next()) {
            (None, None) => return "only line ends differ".into(),
            (a, b) if a != b => {
                let line = |it: Option<&str>| it.unwrap_or("(end)").to_string();
                return format!("  line {number}\n  written: {}\n  found:   {}", line(a), line(b));
            }
            _ => {}
        }
    }
    String::new()
}
