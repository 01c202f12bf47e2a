//! Delivery reports, read reports and the answers of relays, both ways (TS 23.140 §8.4.2, §8.4.3).
//!
//! A report goes to the system that sent the message, from the null path. Whether one is due, and
//! which message it is about, is decided elsewhere.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};
use cedrat_message::{
    Address, Blame, DeliveryReport, DeliveryStatus, Field, ForwardResult, ReadReport, ReadStatus, Reason,
    Refusal, Timestamp,
};
use cedrat_wire_mail::value;
use cedrat_wire_mms::{
    address::{self as mms_address, MmsAddress},
    mm4::{
        Application, DeliveryReportReq, Id, MmStatus, Name, Pdu, ReadReplyReportReq,
        ReadStatus as WireReadStatus, RequestStatus, Response, StatusExtension,
    },
    quirks::{Ack, IdQuotes, Quirks},
};

use super::{Hop, Local, address, to_system};
use crate::{
    loss::{Fidelity, Loss},
    submission::Submission,
    tables::Tables,
};

fn corrupt(what: &str) -> Refusal {
    Refusal::new(Reason::MessageFormatCorrupt, Blame::Peer, what)
}

/// Who a report is of, and to whom it goes.
fn recipient(pdu: &Pdu) -> Result<Address, Refusal> {
    let from = pdu.from().ok_or_else(|| corrupt("the report names no recipient in From"))?;
    address::read(&from).map_err(|error| corrupt(&format!("From of the report {error}")))
}

fn originator(pdu: &Pdu) -> Option<Address> {
    pdu.to().first().and_then(|to| address::read(to).ok())
}

fn message_id(pdu: &Pdu) -> Result<String, Refusal> {
    let id = pdu.message_id().map(|id| id.unquoted().to_owned()).filter(|id| !id.is_empty());
    id.ok_or_else(|| corrupt("the report names no message"))
}

/// Reads a delivery report.
pub(super) fn read_delivery(
    tables: &Tables,
    pdu: &Pdu,
    quirks: &Quirks,
    loss: &mut Loss,
) -> Result<DeliveryReport, Refusal> {
    let token = pdu.value_or(Name::MmStatusCode, &quirks.status_alias).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| corrupt("the delivery report states no status"))?.trim_matches('"');
    let extension = pdu.value(Name::MmStatusExtension);
    // Peers of newer or older stacks send the MM1 octet.
    let status = tables
        .delivery_of_mm_status(token, extension, quirks)
        .or_else(|| tables.delivery_of_mm_status(MmStatus::read(token).token(), extension, quirks))
        .unwrap_or(DeliveryStatus::Indeterminate);
    if status == DeliveryStatus::Indeterminate && !token.eq_ignore_ascii_case("indeterminate") {
        let note = "The status is not known here and counts as indeterminate.";
        loss.push(Field::DeliveryReport, Fidelity::Lossy, note, Some(token.to_owned()));
    }
    Ok(DeliveryReport {
        message_id: message_id(pdu)?,
        recipient: recipient(pdu)?,
        original_recipient: None,
        originator: originator(pdu),
        at: pdu.date().map(Timestamp),
        status,
        reason: None,
        enhanced: None,
        token: Some(token.to_owned()),
        text: pdu.status_text().map(value::unstructured),
        envelope_id: None,
        forward_to_originator: pdu.forward_to_originator_ua(),
    })
}

/// Reads a read report.
pub(super) fn read_read(tables: &Tables, pdu: &Pdu, loss: &mut Loss) -> Result<ReadReport, Refusal> {
    let token = pdu.value(Name::ReadStatus).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| corrupt("the read report states no status"))?.trim_matches('"');
    let status = tables.read_of_mm4(token).or_else(|| match WireReadStatus::read(token) {
        WireReadStatus::Read => Some(ReadStatus::Read),
        WireReadStatus::DeletedWithoutBeingRead => Some(ReadStatus::DeletedUnread),
        WireReadStatus::Other(_) => None,
    });
    let Some(status) = status else {
        loss.push(
            Field::ReadReport,
            Fidelity::Dropped,
            "The read status is not known.",
            Some(token.to_owned()),
        );
        return Err(corrupt("the read status is not known"));
    };
    Ok(ReadReport {
        message_id: message_id(pdu)?,
        recipient: recipient(pdu)?,
        originator: originator(pdu),
        at: pdu.date().map(Timestamp),
        status,
        text: pdu.status_text().map(value::unstructured),
    })
}

/// Reads an answer. Only an identifier and a status are required of it.
pub(super) fn read_result(tables: &Tables, pdu: &Pdu, quirks: &Quirks) -> Result<ForwardResult, Refusal> {
    let transaction_id = pdu.transaction_id().map(|id| id.as_str().to_owned());
    let message_id = pdu.message_id().map(|id| id.as_str().to_owned());
    if transaction_id.is_none() && message_id.is_none() {
        return Err(corrupt("the answer names neither a transaction nor a message"));
    }
    let token = pdu.value_or(Name::RequestStatusCode, &quirks.status_alias).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| corrupt("the answer states no status"))?.trim_matches('"');
    Ok(ForwardResult {
        transaction_id: transaction_id.unwrap_or_default(),
        message_id,
        refused: tables.result_of_request_status(token, quirks).err(),
        token: Some(token.to_owned()),
        text: pdu.status_text().map(value::unstructured),
        recipients: pdu.request_recipients().iter().filter_map(|it| address::read(it).ok()).collect(),
    })
}

/// Where a report goes: the system that asked for it, else the originator at the peer's domain.
fn report_address(local: &Local<'_>, originator: &MmsAddress) -> MmsAddress {
    let system = local.report_to.and_then(mms_address::one).filter(|system| system.domain.is_some());
    system.unwrap_or_else(|| match originator.domain {
        Some(_) => originator.clone(),
        None => originator.clone().at(local.peer_domain),
    })
}

fn party(address: Option<&Address>, local: &Local<'_>) -> MmsAddress {
    let system = || {
        let one = local.report_to.and_then(mms_address::one);
        one.unwrap_or_else(|| MmsAddress::mail("system-user", local.peer_domain))
    };
    address.map_or_else(system, address::write)
}

/// Writes a delivery report to the system of the message's originator.
#[must_use]
pub fn delivery_report(
    tables: &Tables,
    report: &DeliveryReport,
    quirks: &Quirks,
    local: &Local<'_>,
    now: Timestamp,
) -> Submission {
    let to = party(report.originator.as_ref(), local);
    let (token, extension) = tables.mm_status(report.status);
    let text = report.text.clone().or_else(|| report.reason.map(|reason| reason.text().to_owned()));
    let request = DeliveryReportReq {
        transaction_id: Id::new(local.transaction_id),
        message_id: Id::new(report.message_id.as_str()),
        from: address::write(&report.recipient),
        date: Some(report.at.unwrap_or(now).0),
        ack_request: Some(local.ack),
        status: MmStatus::read(token),
        status_text: text.as_deref().map(value::encode_unstructured),
        status_extension: extension.map(StatusExtension::read),
        forward_to_originator_ua: report.forward_to_originator,
        application: Application::default(),
        rfc5322_message_id: Some(local.own_message_id()),
        extra: Vec::new(),
        to,
    };
    let pdu = request.pdu(&local.style(quirks, now));
    let address = report_address(local, &request.to);
    to_system(&pdu, &address, &report.message_id, Some(local.transaction_id))
}

/// Writes a read report to the system of the message's originator.
#[must_use]
pub fn read_report(
    tables: &Tables,
    report: &ReadReport,
    quirks: &Quirks,
    local: &Local<'_>,
    now: Timestamp,
) -> Submission {
    let request = ReadReplyReportReq {
        transaction_id: Id::new(local.transaction_id),
        message_id: Id::new(report.message_id.as_str()),
        to: party(report.originator.as_ref(), local),
        from: address::write(&report.recipient),
        date: Some(report.at.unwrap_or(now).0),
        ack_request: Some(local.ack),
        status: WireReadStatus::read(tables.read_status(report.status)),
        status_text: report.text.as_deref().map(value::encode_unstructured),
        application: Application::default(),
        rfc5322_message_id: Some(local.own_message_id()),
        extra: Vec::new(),
    };
    let pdu = request.pdu(&local.style(quirks, now));
    let address = report_address(local, &request.to);
    to_system(&pdu, &address, &report.message_id, Some(local.transaction_id))
}

/// Writes the answer to a hop: accepted, or why not, for all recipients or those named. `None` when
/// the peer asked for none, its profile wants none, or nobody can be answered.
#[must_use]
pub fn result(
    tables: &Tables,
    hop: &Hop,
    outcome: Result<(), &Refusal>,
    recipients: &[Address],
    quirks: &Quirks,
    local: &Local<'_>,
    now: Timestamp,
) -> Option<Submission> {
    let wanted = match quirks.ack {
        Ack::Always => true,
        Ack::Never => false,
        Ack::Request => hop.ack_requested,
    };
    let kind = hop.kind.response().filter(|_| wanted)?;
    let to = hop.answer_to.clone()?;
    if hop.transaction_id.is_none() && hop.message_id.is_none() {
        return None;
    }
    let token = match outcome {
        Ok(()) => tables.request_accepted(),
        Err(refusal) => tables.request_status(refusal.reason),
    };
    let response = Response {
        kind,
        transaction_id: hop.transaction_id.clone(),
        message_id: hop.message_id.clone(),
        to: to.clone(),
        date: Some(now.0),
        status: RequestStatus::read(token),
        status_text: outcome.err().map(|refusal| refusal.reason.text().to_owned()),
        request_recipients: recipients.iter().map(address::write).collect(),
        rfc5322_message_id: Some(local.own_message_id()),
        extra: Vec::new(),
    };
    // The octets of the peer come back to it, unless its profile takes the quotes away.
    let echo;
    let quirks = if quirks.id_quotes == IdQuotes::Add {
        echo = Quirks { id_quotes: IdQuotes::Echo, ..quirks.clone() };
        &echo
    } else {
        quirks
    };
    let pdu = response.pdu(&local.style(quirks, now));
    let id = hop.message_id.as_ref().map(|id| id.unquoted().to_string()).unwrap_or_default();
    let transaction = hop.transaction_id.as_ref().map(Id::unquoted);
    Some(to_system(&pdu, &to, &id, transaction))
}
