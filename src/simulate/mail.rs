//! A mail host: the delivery reports that it makes (RFC 3461, 3464) and the notifications that its
//! users let be sent (RFC 8098). Only what was asked for, and never about an automatic message.

use std::{str::FromStr, time::Duration};

use bytes::Bytes;
use cedrat_mime::Headers;
use cedrat_wire_mail::{
    report::{
        Cover, Typed,
        dsn::{self, Action, Dsn, Status},
        mdn::{self, Disposition, Mdn, Mode, Outcome},
    },
    smtp::{Address, Form, Mail, Notify, Rcpt, client::Transaction},
    value,
};

use super::{post::Letter, receive::Arrival};
use crate::clock;

/// A mail host.
#[derive(Debug, Clone)]
pub struct MailHost {
    /// Its name.
    pub host: String,
    /// What it reports of a message for which a report is asked.
    pub report: Reported,
    /// Whether its users let notifications be sent.
    pub read_report: bool,
}

/// What is reported where a delivery report is asked for; nothing, if none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reported(pub Option<Action>);

/// `delivered`, `failed` or `none`.
impl FromStr for Reported {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "delivered" => Ok(Self(Some(Action::Delivered))),
            "failed" => Ok(Self(Some(Action::Failed))),
            "none" => Ok(Self(None)),
            _ => Err(format!("{text:?} is not one of delivered, failed, none")),
        }
    }
}

impl MailHost {
    /// What it sends because of a message.
    pub fn letters(&self, arrival: &Arrival) -> Vec<Letter> {
        let Ok((headers, _)) = Headers::parse(&arrival.content, &cedrat_mime::Limits::default()) else {
            return Vec::new();
        };
        if !arrival.fate.is_taken() || arrival.mail.from.is_null() {
            return Vec::new();
        }
        let mut letters = Vec::new();
        for rcpt in &arrival.recipients {
            letters.extend(self.delivery(arrival, rcpt, &headers));
            if self.read_report {
                letters.extend(self.notification(rcpt, &headers));
            }
        }
        letters
    }

    fn delivery(&self, arrival: &Arrival, rcpt: &Rcpt, headers: &Headers) -> Option<Letter> {
        let action = self.report.0?;
        // RFC 3461 section 4.1: failures are reported unless asked not to, successes when asked.
        let notify = rcpt.notify.unwrap_or(Notify { failure: true, ..Notify::NEVER });
        let failed = action == Action::Failed;
        if !(if failed { notify.failure } else { notify.success }) {
            return None;
        }
        let report = Dsn {
            envelope_id: arrival.mail.envelope_id(),
            reporting_mta: Some(Typed::new("dns", &self.host)),
            arrival_date: Some(value::format_date(arrival.at.0)),
            recipients: vec![dsn::Recipient {
                original_recipient: rcpt
                    .orcpt
                    .as_ref()
                    .and_then(|orcpt| Some(Typed::new(&orcpt.address_type, orcpt.plain()?))),
                final_recipient: Some(Typed::new("rfc822", rcpt.address.as_str())),
                action: Some(action),
                status: Some(Status {
                    class: if failed { 5 } else { 2 },
                    subject: 1,
                    detail: if failed { 1 } else { 5 },
                }),
                ..dsn::Recipient::default()
            }],
            text: format!(
                "The message for {} was {}.",
                rcpt.address,
                if failed { "refused" } else { "delivered" }
            ),
            original: Some(headers.clone()),
            ..Dsn::default()
        };
        let to = arrival.mail.from.clone();
        let content = self.written(&to, "Delivery report", |cover| dsn::generate(cover, &report).ok())?;
        Some(Letter::new(format!("DSN {}", action.token()), transaction(to, content), Duration::ZERO))
    }

    fn notification(&self, rcpt: &Rcpt, headers: &Headers) -> Option<Letter> {
        let wanted = value::addresses(headers.first("Disposition-Notification-To")?);
        let to = Address::parse(&wanted.first()?.address()?, Form::Mail).ok()?;
        let report = Mdn {
            reporting_ua: Some(format!("{}; simulated reader", self.host)),
            final_recipient: Some(Typed::new("rfc822", rcpt.address.as_str())),
            original_message_id: value::message_ids(headers.first("Message-ID")?).into_iter().next(),
            disposition: Some(Disposition {
                action: Mode::Manual,
                sending: Mode::Manual,
                outcome: Outcome::Displayed,
                modifiers: Vec::new(),
            }),
            text: format!("The message was shown to {}.", rcpt.address),
            original: Some(headers.clone()),
            ..Mdn::default()
        };
        let content = self.written(&to, "Read", |cover| mdn::generate(cover, &report).ok())?;
        Some(Letter::new("MDN displayed", transaction(to, content), Duration::ZERO))
    }

    fn written(
        &self,
        to: &Address,
        subject: &str,
        generate: impl FnOnce(&Cover<'_>) -> Option<Vec<u8>>,
    ) -> Option<Bytes> {
        let id = clock::token();
        let cover = Cover {
            from: &value::encode_mailbox(Some("Mail Delivery System"), &format!("postmaster@{}", self.host)),
            to: to.as_str(),
            subject,
            message_id: &format!("{id}@{}", self.host),
            date: &value::format_date(clock::now().0),
            boundary: &format!("report-{id}"),
        };
        generate(&cover).map(Bytes::from)
    }
}

/// From nobody, so that nothing answers a report.
fn transaction(to: Address, content: Bytes) -> Transaction {
    Transaction { mail: Mail::new(Address::null()), recipients: vec![Rcpt::new(to)], content }
}
