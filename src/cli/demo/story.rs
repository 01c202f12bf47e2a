//! The messages in text and a small picture: sent, waited for, and shown in the order in which a person wants to read it,
//! with the time each step took.

use std::time::{Duration, Instant};

use cedrat_wire_mail::smtp::Notify;
use cedrat_wire_mms::mm4::{Kind, Name};
use serde_json::Value;

use super::{
    page::Page,
    stage::{MAIL_HOST, NUMBERS, OPERATOR, Seen, Stage, Who},
};
use crate::{
    cli::Failure,
    clock,
    simulate::{
        sample::{Attachment, Letter, Mms},
        send,
    },
};

/// How long everything about a message may take; a video takes seconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The subscriber of the samples.
pub(super) const HANDSET: &str = "+447700900002";

/// The mail user of the samples.
pub(super) const ALICE: &str = "alice@example.test";

/// Octets of the sample pictures.
const PICTURE: usize = 12_000;

/// What is told, and what was not seen.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) page: Page,
    begun: Instant,
    /// When the last message was handed over.
    sent: Instant,
    messages: usize,
    missing: Vec<&'static str>,
}

impl Story {
    pub(super) fn new(page: Page) -> Self {
        let now = Instant::now();
        Self { page, begun: now, sent: now, messages: 0, missing: Vec::new() }
    }

    /// Now: a message is handed over, and everything about it is waited for from here.
    pub(super) fn send(&mut self) -> Instant {
        self.messages += 1;
        self.sent = Instant::now();
        self.sent
    }

    /// Waits, and remembers what did not come.
    pub(super) async fn wait(
        &mut self,
        stage: &mut Stage,
        what: &'static str,
        wanted: impl Fn(&Seen) -> bool,
    ) -> Option<Seen> {
        let seen = stage.wait(self.sent + PATIENCE, wanted).await;
        if seen.is_none() {
            self.missing.push(what);
        }
        seen
    }

    /// A handset sends Alice a picture.
    pub(super) async fn mms_to_mail(&mut self, stage: &mut Stage) -> Result<(), Failure> {
        let page = self.page;
        page.chapter("An MMS becomes an e-mail");
        let mms = Mms {
            from: HANDSET.to_owned(),
            to: vec![ALICE.to_owned()],
            domain: OPERATOR.to_owned(),
            subject: Some("Sunset at the pier".to_owned()),
            text: "Look at this! The water is still warm.\nWill you come on Friday? – Bob".to_owned(),
            attachments: vec![Attachment::drawn(PICTURE)],
            ack: true,
            delivery_report: true,
            read_report: true,
        };
        let id = identifier();
        let transaction = mms.transaction(&id)?;
        let content = transaction.content.clone();
        let sent = self.send();
        let (reply, at) = send::one(&stage.mm4.to_string(), OPERATOR, transaction).await?;

        page.section("The operator hands over an MMS: MM4_forward.REQ", None);
        if let (Ok(pdu), Ok(view)) =
            (crate::simulate::mm4::System::read(&content), crate::simulate::view::View::of(&content))
        {
            page.headers(&pdu);
            page.text(&view);
            page.parts(view.parts.iter());
        }
        page.section(&format!("The gateway has stored it: {reply}"), Some(at - sent));

        let mail = self.wait(stage, "the e-mail at the mail host", is_message(Who::MailHost)).await;
        if let Some(seen) = &mail {
            page.section("What Alice gets", Some(seen.at - sent));
            page.mail_headers(&seen.view, &["From", "To", "Subject", "Date"]);
            page.text(&seen.view);
            page.parts(seen.view.attachments());
        }
        let answer = self.wait(stage, "MM4_forward.RES at the operator", is(Kind::ForwardRes)).await;
        let delivery =
            self.wait(stage, "MM4_delivery_report.REQ at the operator", is(Kind::DeliveryReportReq)).await;
        let read =
            self.wait(stage, "MM4_read_reply_report.REQ at the operator", is(Kind::ReadReplyReportReq)).await;

        self.loss(stage, &id).await;
        page.section("And the reports", None);
        if let Some(seen) = &answer {
            let status = value(seen, Name::RequestStatusCode);
            page.event(
                seen.at - sent,
                "operator",
                &format!("MM4_forward.RES {status}: the gateway has taken it over"),
            );
        }
        if let Some(seen) = &delivery {
            let status = value(seen, Name::MmStatusCode);
            page.event(
                seen.at - sent,
                "operator",
                &format!("DSN of {MAIL_HOST} became MM4_delivery_report.REQ {status}"),
            );
        }
        if let Some(seen) = &read {
            let status = value(seen, Name::ReadStatus);
            page.event(
                seen.at - sent,
                "operator",
                &format!("MDN of Alice became MM4_read_reply_report.REQ {status}"),
            );
        }
        Ok(())
    }

    /// Alice writes back to the address that she saw.
    pub(super) async fn mail_to_mms(&mut self, stage: &mut Stage) -> Result<(), Failure> {
        let page = self.page;
        page.chapter("An e-mail becomes an MMS");
        let letter = Letter {
            from: format!("Alice Example <{ALICE}>"),
            to: vec![format!("{HANDSET}@{NUMBERS}")],
            subject: "Re: Sunset at the pier".to_owned(),
            text: "Friday is perfect, I take the train at 17:40.\n\nThis is where I sit now. :-)\nAlice"
                .to_owned(),
            attachments: vec![Attachment { name: "desk.png".to_owned(), ..Attachment::drawn(PICTURE) }],
            notify: Some(Notify { success: true, failure: true, delay: false }),
        };
        let id = identifier();
        let transaction = letter.transaction(&id)?;
        let content = transaction.content.clone();
        let sent = self.send();
        let (reply, at) = send::one(&stage.mail.to_string(), MAIL_HOST, transaction).await?;

        page.section("Alice sends an e-mail with text, HTML and a picture, NOTIFY=SUCCESS,FAILURE", None);
        if let Ok(view) = crate::simulate::view::View::of(&content) {
            page.mail_headers(&view, &["From", "To", "Subject", "Date", "Message-ID", "Content-Type"]);
            page.text(&view);
            page.parts(view.parts.iter());
        }
        page.section(&format!("The gateway has stored it: {reply}"), Some(at - sent));

        let request = self.wait(stage, "MM4_forward.REQ at the operator", is(Kind::ForwardReq)).await;
        if let Some(seen) = &request {
            page.section("What the operator gets: MM4_forward.REQ", Some(seen.at - sent));
            if let Some(pdu) = &seen.pdu {
                page.headers(pdu);
            }
            page.text(&seen.view);
            page.parts(seen.view.parts.iter());
        }
        let report = self.wait(stage, "the DSN at the mail host", is_report(Who::MailHost)).await;
        self.loss(stage, &id).await;
        page.section("And the reports", None);
        if let Some(seen) = &request {
            page.event(
                seen.at - sent,
                "operator",
                "sends MM4_forward.RES Ok and MM4_delivery_report.REQ Retrieved",
            );
        }
        if let Some(seen) = &report {
            let field = |name| seen.view.reported(name).unwrap_or("?");
            let recipient = field("Final-Recipient").trim_start_matches("rfc822;").trim();
            let what =
                format!("the report is a DSN now: {} {} {recipient}", field("Action"), field("Status"));
            page.event(seen.at - sent, "mail host", &what);
            if let Some(subject) = seen.view.header("Subject") {
                page.section(&format!("What Alice reads of it: {subject}"), None);
            }
            page.text(&seen.view);
        }
        Ok(())
    }

    /// What the gateway's log tells of the translation of the message with this identifier: the loss
    /// of reading it stands with its reception, that of writing it with its delivery.
    async fn loss(&self, stage: &Stage, id: &str) {
        let mut entries = Vec::new();
        for _ in 0..40 {
            stage.running.gateway.events.flush();
            let text = std::fs::read_to_string(&stage.log).unwrap_or_default();
            let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            let word = |line: &Value, key: &str| line.get(key).and_then(Value::as_str).map(str::to_owned);
            let message = lines
                .iter()
                .find(|line| {
                    word(line, "type").as_deref() == Some("Reception")
                        && word(line, "message_id").is_some_and(|known| known.contains(id))
                })
                .and_then(|line| line.get("message").cloned());
            let of_it =
                lines.iter().filter(|line| message.is_some() && line.get("message") == message.as_ref());
            let of_it: Vec<&Value> = of_it.collect();
            if of_it.iter().any(|line| word(line, "type").as_deref() == Some("Delivery")) {
                let losses = of_it.iter().filter_map(|line| line.get("loss").and_then(Value::as_array));
                entries = losses.flatten().cloned().collect();
                break;
            }
            // The message is there before its delivery is on record.
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        self.page.section("What the translation could not carry as it was", None);
        self.page.loss(&entries);
    }

    /// The last line.
    ///
    /// # Errors
    /// What did not arrive.
    pub(super) fn end(self) -> Result<(), Failure> {
        if self.missing.is_empty() {
            let (messages, took) = (self.messages, self.begun.elapsed().as_secs_f32());
            self.page.line(&format!("\nAll {messages} messages and their reports arrived, in {took:.1} s."));
            return Ok(());
        }
        let missing =
            self.missing.iter().map(|what| format!("missing after {} s: {what}", PATIENCE.as_secs()));
        Err(Failure(missing.collect()))
    }
}

pub(super) fn identifier() -> String {
    clock::token().get(..10).unwrap_or_default().to_owned()
}

pub(super) fn is(kind: Kind) -> impl Fn(&Seen) -> bool {
    move |seen| seen.who == Who::Operator && seen.pdu.as_ref().is_some_and(|pdu| pdu.kind == kind)
}

pub(super) fn is_message(who: Who) -> impl Fn(&Seen) -> bool {
    move |seen| seen.who == who && seen.view.report.is_empty()
}

fn is_report(who: Who) -> impl Fn(&Seen) -> bool {
    move |seen| seen.who == who && !seen.view.report.is_empty()
}

fn value(seen: &Seen, name: Name) -> &str {
    seen.pdu.as_ref().and_then(|pdu| pdu.value(name)).unwrap_or("?")
}
