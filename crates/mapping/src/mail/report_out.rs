//! MMS reports as mail: DSN (RFC 3464) and MDN (RFC 8098), by tables 4 and 6 of RFC 4356.
//!
//! MMS reports are plain words about one recipient; the fields for machines are made from them, with
//! DSN-Gateway saying so. The message reported on is named in the third part. Every report travels with the
//! null path. Not here: whether a report is wanted.

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use cedrat_message::{
    Address, Blame, DeliveryReport, DeliveryStatus, Field, Notify, ReadReport, ReadStatus, Reason, Refusal,
    Timestamp,
};
use cedrat_mime::{Header, Headers, write::BoundaryFault};
use cedrat_wire_mail::{
    report::{
        Cover, Typed,
        dsn::{self, Action, Status},
        mdn,
    },
    smtp::xtext,
    value,
};

use super::{MailWriting, address};
use crate::{Fidelity, Interface, Loss, Submission, SubmissionRecipient, Tables};

/// How reports are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportWriting {
    /// Host, number domain, identifier and seed, as for messages.
    pub mail: MailWriting,
    /// Headers of the mail reported on, when they were kept; else the third part holds its Message-ID alone.
    pub original: Option<Headers>,
}

/// Writes the delivery reports on one message, which share an originator, as a DSN.
///
/// # Errors
/// No report; an originator or recipient that mail cannot address.
pub fn delivery_report(
    tables: &Tables,
    reports: &[DeliveryReport],
    writing: &ReportWriting,
    now: Timestamp,
) -> Result<(Submission, Loss), Refusal> {
    let Some(first) = reports.first() else {
        return Err(Refusal::new(Reason::SystemFault, Blame::Ours, "a delivery report without any report"));
    };
    let mut loss = Loss::outbound(Interface::Mail);
    let to = destination(first.originator.as_ref(), writing)?;
    let mut recipients = Vec::with_capacity(reports.len());
    let mut lines = Vec::with_capacity(reports.len());
    for report in reports {
        let recipient = mail_address(&report.recipient, writing)?;
        lines.push(format!("{recipient}: {}", sentence(report)));
        lines.extend(report.text.clone());
        recipients.push(per_recipient(tables, report, recipient));
        if report.forward_to_originator.is_some() {
            loss.push(
                Field::DeliveryReport,
                Fidelity::Dropped,
                "Mail does not tell reports to people from reports to relays.",
                None,
            );
        }
    }
    let host = &writing.mail.host;
    let text =
        format!("{}\n\nThis report was made by {host} from the report of an MMS system.\n", lines.join("\n"));
    let from = match reports {
        [only] => mail_address(&only.recipient, writing)?,
        _ => format!("postmaster@{}", writing.mail.number_domain),
    };
    let dsn = dsn::Dsn {
        envelope_id: first.envelope_id.as_deref().and_then(xtext::decode),
        reporting_mta: Some(Typed::new("dns", host.as_str())),
        dsn_gateway: Some(Typed::new("dns", host.as_str())),
        recipients,
        text,
        original: Some(original(writing, &first.message_id)),
        ..dsn::Dsn::default()
    };
    let failed = reports.iter().any(|report| report.status.is_failure());
    let subject = if failed { "Your message was not delivered" } else { "Delivery report on your message" };
    let at = reports.iter().filter_map(|report| report.at).max().unwrap_or(now);
    let content = composed(writing, &from, &to, subject, at, |cover| dsn::generate(cover, &dsn))?;
    Ok((submission(content, to, writing), loss))
}

/// Writes a read report as an MDN.
///
/// # Errors
/// An originator or recipient that mail cannot address.
pub fn read_report(
    tables: &Tables,
    report: &ReadReport,
    writing: &ReportWriting,
    now: Timestamp,
) -> Result<(Submission, Loss), Refusal> {
    let to = destination(report.originator.as_ref(), writing)?;
    let from = mail_address(&report.recipient, writing)?;
    let outcome = match tables.disposition(report.status) {
        "deleted" => mdn::Outcome::Deleted,
        _ => mdn::Outcome::Displayed,
    };
    let done = match report.status {
        ReadStatus::DeletedUnread => "was deleted without being read",
        ReadStatus::Read => "was read",
    };
    let mut lines = vec![format!("The message that you sent to {from} {done}.")];
    lines.extend(report.text.clone());
    let mdn = mdn::Mdn {
        mdn_gateway: Some(Typed::new("dns", writing.mail.host.as_str())),
        final_recipient: Some(Typed::new("rfc822", from.as_str())),
        original_message_id: Some(report.message_id.clone()),
        disposition: Some(mdn::Disposition {
            action: mdn::Mode::Manual,
            sending: mdn::Mode::Automatic,
            outcome,
            modifiers: Vec::new(),
        }),
        text: lines.join("\n"),
        original: Some(original(writing, &report.message_id)),
        ..mdn::Mdn::default()
    };
    let subject = format!("Your message {done}");
    let at = report.at.unwrap_or(now);
    let content = composed(writing, &from, &to, &subject, at, |cover| mdn::generate(cover, &mdn))?;
    Ok((submission(content, to, writing), Loss::outbound(Interface::Mail)))
}

fn per_recipient(tables: &Tables, report: &DeliveryReport, recipient: String) -> dsn::Recipient {
    let (action, from_table) = tables.dsn(report.status);
    let action = match action {
        "delivered" => Action::Delivered,
        "delayed" => Action::Delayed,
        "relayed" => Action::Relayed,
        _ => Action::Failed,
    };
    // The reporter's own code and that of the reason say more than the table, where they agree with the action.
    let class = from_table.0;
    let own = report.enhanced.as_deref().and_then(Status::parse);
    let of_reason = report.reason.map(|reason| status_of(tables.smtp(reason).1));
    let status =
        own.or(of_reason).filter(|status| status.class == class).unwrap_or_else(|| status_of(from_table));
    let original = report.original_recipient.as_deref().and_then(|text| {
        let (kind, value) = text.split_once(';')?;
        Some(Typed::new(kind.trim().to_ascii_lowercase(), xtext::decode(value.trim())?))
    });
    dsn::Recipient {
        original_recipient: original,
        final_recipient: Some(Typed::new("rfc822", recipient)),
        action: Some(action),
        status: Some(status),
        diagnostic_code: report.token.as_deref().map(|token| Typed::new("x-mms", token)),
        last_attempt_date: report.at.map(|at| value::format_date(at.0)),
        ..dsn::Recipient::default()
    }
}

const fn status_of((class, subject, detail): (u8, u8, u8)) -> Status {
    Status { class, subject: subject as u16, detail: detail as u16 }
}

/// What became of the message, for a person.
fn sentence(report: &DeliveryReport) -> String {
    let what = match report.status {
        DeliveryStatus::Deferred => "the message waits and will be delivered later",
        DeliveryStatus::Expired => "the message was not fetched in time and has expired",
        DeliveryStatus::Forwarded => "the message was handed to a system that sends no further reports",
        DeliveryStatus::Indeterminate => "it cannot be known whether the message arrived",
        DeliveryStatus::Rejected => "the message was rejected",
        DeliveryStatus::Retrieved => "the message was delivered",
        DeliveryStatus::Unreachable => "the message cannot be delivered",
        DeliveryStatus::Unrecognised => "the system of the recipient did not understand the message",
    };
    match report.reason {
        Some(reason) => format!("{what}. {}.", reason.text()),
        None => format!("{what}."),
    }
}

/// The kept headers; its Message-ID is always there, because it is all that a reader can match.
fn original(writing: &ReportWriting, message_id: &str) -> Headers {
    let mut headers = writing.original.clone().unwrap_or_default();
    if headers.first("Message-ID").is_none() {
        headers.push(Header::new("Message-ID", format!("<{message_id}>")));
    }
    headers
}

fn destination(originator: Option<&Address>, writing: &ReportWriting) -> Result<String, Refusal> {
    match originator {
        // Who wrote from an address in UTF-8 is told there (RFC 6533); a next hop that cannot is found out later.
        Some(Address::Mail(mail)) if !mail.local().is_ascii() => Ok(mail.to_string()),
        Some(originator) => mail_address(originator, writing),
        None => {
            Err(Refusal::new(Reason::SenderUnresolved, Blame::Message, "the report does not say who gets it"))
        }
    }
}

fn mail_address(address: &Address, writing: &ReportWriting) -> Result<String, Refusal> {
    address::mail_form(address, &writing.mail).map(|mail| mail.to_string()).map_err(|fault| {
        Refusal::new(Reason::AddressMalformed, Blame::Message, format!("an address of the report {fault}"))
    })
}

fn composed(
    writing: &ReportWriting,
    from: &str,
    to: &str,
    subject: &str,
    at: Timestamp,
    generate: impl Fn(&Cover<'_>) -> Result<Vec<u8>, BoundaryFault>,
) -> Result<Vec<u8>, Refusal> {
    let date = value::format_date(at.0);
    let seed: String = writing.mail.seed.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    for number in 1..100 {
        let cover = Cover {
            from,
            to,
            subject,
            message_id: &writing.mail.message_id,
            date: &date,
            boundary: &format!("=_{seed}_{number}"),
        };
        if let Ok(content) = generate(&cover) {
            return Ok(content);
        }
    }
    Err(Refusal::new(Reason::SystemFault, Blame::Ours, "no boundary could be made that occurs in no part"))
}

fn submission(content: Vec<u8>, to: String, writing: &ReportWriting) -> Submission {
    // RFC 3461 §4.1: nobody wants to hear of a report that did not arrive.
    let notify = writing.mail.dsn.then(|| Notify { never: true, ..Notify::default() });
    Submission {
        mail_from: String::new(),
        smtputf8: !to.is_ascii(),
        recipients: vec![SubmissionRecipient { address: to, index: 0, notify, orcpt: None }],
        envid: None,
        ret: None,
        deliver_by: None,
        eight_bit: !content.is_ascii(),
        binary: false,
        content: content.into(),
        message_id: writing.mail.message_id.clone(),
        transaction_id: None,
    }
}
