//! An MM4 system: what it answers to a PDU, and which reports it makes (TS 23.140 §8.4).
//! Pure but for identifiers and the time: what is due and when is a value, sent by [`super::post`].

use std::{str::FromStr, time::Duration};

use bytes::Bytes;
use cedrat_wire_mms::{
    address::{self, MmsAddress},
    mm4::{
        Application, DeliveryReportReq, Id, Kind, Limits, MmStatus, Pdu, ReadReplyReportReq, ReadStatus,
        RequestStatus, Response, WriteStyle, response_address,
    },
    quirks::{Quirks, ResAddress},
};

use super::{post::Letter, receive::Arrival, sample::transaction};
use crate::clock;

/// How a request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Ok, after so many seconds.
    Late(u64),
    /// Not at all.
    Never,
    /// With this status.
    Status(RequestStatus),
    /// Ok, two times.
    Twice,
}

/// `ok`, `never`, `twice`, `late:SECONDS`, or an error as MM4 spells it, such as `Error-network-problem`.
impl FromStr for Answer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = text.strip_prefix("late:").map(str::parse);
        match (text, seconds) {
            ("never", _) => Ok(Self::Never),
            ("twice", _) => Ok(Self::Twice),
            (_, Some(Ok(seconds))) => Ok(Self::Late(seconds)),
            (_, Some(Err(_))) => Err(format!("{text:?} is not late:SECONDS")),
            (_, None) => match RequestStatus::read(text) {
                RequestStatus::Other(_) => Err(format!(
                    "{text:?} is not one of ok, never, twice, late:SECONDS and the errors of MM4 such as Error-network-problem"
                )),
                status => Ok(Self::Status(status)),
            },
        }
    }
}

/// What is reported where a delivery report is asked for; nothing, if none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported(pub Option<MmStatus>);

/// A status of MM4, or `none`.
impl FromStr for Reported {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match MmStatus::read(text) {
            _ if text == "none" => Ok(Self(None)),
            MmStatus::Other(_) | MmStatus::Unreachable => Err(format!(
                "{text:?} is not one of retrieved, rejected, expired, deferred, indeterminate, forwarded, unrecognised, none"
            )),
            status => Ok(Self(Some(status))),
        }
    }
}

/// A peer.
#[derive(Debug, Clone)]
pub struct System {
    /// Its MMS domain.
    pub domain: String,
    /// How it answers.
    pub answer: Answer,
    /// What it reports of a message for which a report is asked.
    pub report: Reported,
    /// Whether its users let read reports be sent.
    pub read_report: bool,
}

impl System {
    /// What a PDU is.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(content: &Bytes) -> Result<Pdu, String> {
        Pdu::decode(content, &Limits::default()).map_err(|fault| fault.to_string())
    }

    /// What it sends because of a PDU, in order.
    pub fn letters(&self, arrival: &Arrival, pdu: &Pdu) -> Vec<Letter> {
        if !arrival.fate.is_taken() {
            return Vec::new();
        }
        let mut letters = Vec::new();
        if pdu.ack_request() == Some(true) {
            let (status, times, wait) = match &self.answer {
                Answer::Late(seconds) => (RequestStatus::Ok, 1, *seconds),
                Answer::Never => (RequestStatus::Ok, 0, 0),
                Answer::Status(status) => (status.clone(), 1, 0),
                Answer::Twice => (RequestStatus::Ok, 2, 0),
            };
            for _ in 0..times {
                letters.extend(self.response(arrival, pdu, status.clone(), Duration::from_secs(wait)));
            }
        }
        let accepted = !matches!(&self.answer, Answer::Status(status) if *status != RequestStatus::Ok);
        if pdu.kind == Kind::ForwardReq && accepted {
            let wait = match self.answer {
                Answer::Late(seconds) => Duration::from_secs(seconds),
                _ => Duration::ZERO,
            };
            for rcpt in &arrival.recipients {
                letters.extend(self.reports(pdu, rcpt.address.as_str(), wait));
            }
        }
        letters
    }

    fn response(
        &self,
        arrival: &Arrival,
        pdu: &Pdu,
        status: RequestStatus,
        wait: Duration,
    ) -> Option<Letter> {
        let sender = address::envelope(arrival.mail.from.as_str());
        let to = response_address(pdu, &sender, ResAddress::OriginatorSystem)?;
        let mut response = Response::answering(pdu, to.clone(), status)?;
        response.date = Some(clock::now().0);
        response.rfc5322_message_id = Some(self.message_id());
        let system = self.system();
        let pdu = response.pdu(&style(&system, &self.domain));
        let what = format!("{} {}", response.kind.token(), response.status.token());
        letter(what, &system, &to.envelope(None), &pdu, wait)
    }

    fn reports(&self, pdu: &Pdu, recipient: &str, wait: Duration) -> Vec<Letter> {
        let (Some(message_id), Some(to), Some(from)) =
            (pdu.message_id(), pdu.from(), address::one(recipient))
        else {
            return Vec::new();
        };
        let from = if from.is_number() { MmsAddress { domain: None, ..from } } else { from };
        let home = pdu.originator_system().and_then(|system| system.domain);
        let envelope = (from.envelope(Some(&self.domain)), to.envelope(home.as_deref()));
        let system = self.system();
        let style = style(&system, &self.domain);
        let date = Some(clock::now().0);
        let asked = pdu.delivery_report() == Some(true) || pdu.originator_rs_delivery_report() == Some(true);
        let mut letters = Vec::new();
        if let Some(status) = self.report.0.clone().filter(|_| asked) {
            let what = format!("MM4_delivery_report.REQ {}", status.token());
            let report = DeliveryReportReq {
                transaction_id: Id::new(clock::token()),
                message_id: message_id.clone(),
                to: to.clone(),
                from: from.clone(),
                date,
                ack_request: Some(true),
                status,
                status_text: None,
                status_extension: None,
                forward_to_originator_ua: None,
                application: Application::default(),
                rfc5322_message_id: Some(self.message_id()),
                extra: Vec::new(),
            };
            letters.extend(letter(what, &envelope.0, &envelope.1, &report.pdu(&style), wait));
        }
        if self.read_report && pdu.read_reply() == Some(true) {
            let report = ReadReplyReportReq {
                transaction_id: Id::new(clock::token()),
                message_id,
                to,
                from,
                date,
                ack_request: Some(true),
                status: ReadStatus::Read,
                status_text: None,
                application: Application::default(),
                rfc5322_message_id: Some(self.message_id()),
                extra: Vec::new(),
            };
            let what = "MM4_read_reply_report.REQ Read";
            letters.extend(letter(what, &envelope.0, &envelope.1, &report.pdu(&style), wait));
        }
        letters
    }

    fn system(&self) -> String {
        format!("system-user@{}", self.domain)
    }

    fn message_id(&self) -> String {
        format!("{}@{}", clock::token(), self.domain)
    }
}

fn style<'a>(system: &'a str, domain: &'a str) -> WriteStyle<'a> {
    static QUIRKS: std::sync::LazyLock<Quirks> = std::sync::LazyLock::new(Quirks::default);
    WriteStyle { quirks: &QUIRKS, system, domain, now: clock::now().0 }
}

fn letter(what: impl Into<String>, from: &str, to: &str, pdu: &Pdu, wait: Duration) -> Option<Letter> {
    let mut content = Vec::new();
    pdu.encode(&mut content);
    // An address that cannot stand in an envelope came from the peer, and nobody can be reached there.
    let transaction = transaction(from, &[to.to_owned()], content.into()).ok()?;
    Some(Letter::new(what, transaction, wait))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_they_are_documented() {
        assert_eq!("ok".parse(), Ok(Answer::Status(RequestStatus::Ok)));
        assert_eq!("late:30".parse(), Ok(Answer::Late(30)));
        assert_eq!("Error-network-problem".parse(), Ok(Answer::Status(RequestStatus::NetworkProblem)));
        assert!("late:soon".parse::<Answer>().is_err());
        assert!("perhaps".parse::<Answer>().is_err());
        assert_eq!("retrieved".parse(), Ok(Reported(Some(MmStatus::Retrieved))));
        assert_eq!("none".parse(), Ok(Reported(None)));
        assert!("lost".parse::<Reported>().is_err());
    }
}
