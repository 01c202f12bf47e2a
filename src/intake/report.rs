//! A report that comes in: matched to the copy that it speaks of, or said to be about nothing.
//! What follows from it (a report for the sender, once) is the ledger's decision.

use cedrat_mapping::mm4::Hop;
use cedrat_message::{
    Address, Blame, DeliveryReport, DeliveryStatus, ReadReport, ReadStatus, Reason, Refusal, Timestamp,
};
use cedrat_relay::report::{Event as Happened, Ledger, report_key};

use super::{
    Source,
    accept::{Arrival, store_refusal},
};
use crate::{
    adapters::smtp::listener::Side,
    clock,
    events::{Event, Events, Kind, Redacted},
    pump::{claim, compose::MAIL_REPORTS},
    record,
    report::{self, Made},
    store::{Fence, Filter, Op, Outcome, Receipt, Seen, Settle, State, Trace},
};

/// Takes delivery reports; a DSN holds one for each recipient.
///
/// # Errors
/// When the store cannot take them; the sender tries again.
pub async fn delivery(
    source: &Source<'_>,
    reports: Vec<DeliveryReport>,
    hop: Option<&Hop>,
) -> Result<i64, Refusal> {
    let mut result = Ok(0);
    let mut matched = false;
    for report in reports {
        let happened = Happened::Reported(report.status, report.reason);
        let status = report.token.clone().unwrap_or_else(|| format!("{:?}", report.status));
        let about = (report.message_id.as_str(), &report.recipient);
        match take(source, Kind::DeliveryReport, about, happened, report.at, &status, None).await {
            Ok(Some(message)) => {
                matched = true;
                result = Ok(message);
            }
            Ok(None) => {}
            Err(refusal) => return Err(refusal),
        }
    }
    answer(source, hop, matched).await?;
    result
}

/// Takes a read report.
///
/// # Errors
/// As [`delivery`].
pub async fn read(source: &Source<'_>, report: ReadReport, hop: Option<&Hop>) -> Result<i64, Refusal> {
    let status = match report.status {
        ReadStatus::Read => "Read",
        ReadStatus::DeletedUnread => "Deleted without being read",
    };
    let about = (report.message_id.as_str(), &report.recipient);
    let found =
        take(source, Kind::ReadReport, about, Happened::Read(report.status), report.at, status, None).await?;
    answer(source, hop, found.is_some()).await?;
    Ok(found.unwrap_or(0))
}

/// Takes that a message was read in the mailbox that it was put into: the read report follows, once. The row `over`,
/// which says where the message lies, is written in the same operation.
///
/// # Errors
/// When the store cannot take it; it is looked at again.
pub async fn seen(source: &Source<'_>, report: ReadReport, over: Outcome) -> Result<(), Refusal> {
    let about = (report.message_id.as_str(), &report.recipient);
    let happened = Happened::Read(report.status);
    let found =
        take(source, Kind::ReadReport, about, happened, report.at, "Read", Some(over.clone())).await?;
    if found.is_none() {
        // What it would be matched against is kept no longer.
        let op = Op::at(clock::now().0).outcome(over);
        source.gateway.store.submit(op).await.map_err(store_refusal)?;
    }
    Ok(())
}

/// One report on one copy. `None` when no copy that was sent is meant.
async fn take(
    source: &Source<'_>,
    kind: Kind,
    (message_id, recipient): (&str, &Address),
    happened: Happened,
    at: Option<Timestamp>,
    status: &str,
    over: Option<Outcome>,
) -> Result<Option<i64>, Refusal> {
    let gateway = source.gateway;
    let now = clock::now();
    let found = find(source, message_id, recipient).await?;
    gateway.events.tell(&Event::ReportReceived {
        peer: source.peer.id.clone(),
        protocol: source.protocol(),
        kind,
        status: status.to_owned(),
        message: found.as_ref().map(|(outcome, _)| outcome.message),
        to: Redacted(recipient.to_string()),
    });
    let Some((outcome, mut ledger)) = found else { return Ok(None) };
    let notices = ledger.note(happened, at.unwrap_or(now).min(now));
    let mut op = Op::at(now.0).outcome(Outcome { data: record::write(&ledger), ..outcome.clone() });
    if let Some(over) = over {
        // Of two nodes that look at the same mailbox, one tells.
        let (peer, token) = (over.peer.clone(), over.remote.clone());
        op = op.seen(Seen { peer, token, message: over.message, until: outcome.until }).outcome(over);
    }
    let mut made: Vec<Made> = Vec::new();
    let stored = gateway.store.message(outcome.message).await.map_err(store_refusal)?;
    if let Some(stored) = stored {
        let octets = gateway.store.body(stored.id).await.map_err(store_refusal)?.unwrap_or_default();
        let loaded = claim::loaded(&stored, octets);
        for notice in notices {
            made.extend(report::notice(gateway, source.settings, &loaded, notice).await?);
        }
    }
    let event = Event::Response {
        message: outcome.message,
        peer: source.peer.id.clone(),
        status: status.to_owned(),
        reason: match happened {
            Happened::Reported(DeliveryStatus::Retrieved, _) => None,
            Happened::Reported(_, reason) => reason.map(Into::into),
            _ => None,
        },
        transaction_id: String::new(),
    };
    op = op.trace(Trace { message: outcome.message, at: now.0, event: Events::trace(&event) });
    for one in &made {
        op = one.add_to(op);
    }
    let mut receipt = match awaited(source, &outcome, &ledger).await? {
        // Whoever says what became of a copy has it, answer or no answer.
        Some(fence) => {
            gateway.store.submit(op.clone().settle(fence, Settle::Done)).await.map_err(store_refusal)?
        }
        None => Receipt::Lost { delivery: 0 },
    };
    if matches!(receipt, Receipt::Lost { .. }) {
        // Nothing waits for an answer, or the answer has just come by another way.
        receipt = gateway.store.submit(op).await.map_err(store_refusal)?;
    }
    match receipt {
        Receipt::Stored => {
            for one in made {
                one.committed(gateway);
            }
            Ok(Some(outcome.message))
        }
        // Told by another node.
        Receipt::Duplicate { .. } => Ok(Some(outcome.message)),
        Receipt::Lost { .. } => {
            Err(Refusal::new(Reason::SystemFault, Blame::Ours, "a report could not be stored"))
        }
    }
}

/// The copy of a reported message that still waits for its answer, when the report ends it.
async fn awaited(source: &Source<'_>, outcome: &Outcome, ledger: &Ledger) -> Result<Option<Fence>, Refusal> {
    let (Some(_), Some(sent)) = (ledger.standing.end(), &ledger.sent_as) else { return Ok(None) };
    if source.side != Side::Mm4 {
        return Ok(None);
    }
    let filter = Filter {
        message: Some(outcome.message),
        rcpt: Some(sent.recipient.clone()),
        state: Some(State::Awaiting),
        ..Filter::default()
    };
    let rows = source.gateway.store.list(&filter, 0, 1).await.map_err(store_refusal)?;
    Ok(rows.first().map(|row| row.fence))
}

async fn find(
    source: &Source<'_>,
    message_id: &str,
    recipient: &Address,
) -> Result<Option<(Outcome, Ledger)>, Refusal> {
    let peer = if source.side == Side::Mm4 { source.peer.id.as_str() } else { MAIL_REPORTS };
    let key = report_key(peer, message_id, recipient);
    source.gateway.flights.wait(&key).await;
    let outcomes = source.gateway.store.outcomes(peer, &key, Some("")).await.map_err(store_refusal)?;
    Ok(outcomes.into_iter().next().and_then(|outcome| {
        let ledger = record::read::<Ledger>(&outcome.data).ok()?;
        Some((outcome, ledger))
    }))
}

/// The `.RES` to a report, where it was asked for.
async fn answer(source: &Source<'_>, hop: Option<&Hop>, matched: bool) -> Result<(), Refusal> {
    let Some(hop) = hop else { return Ok(()) };
    let now = clock::now();
    let arrival = Arrival { id: source.gateway.store.allot(now.0), at: now };
    let unknown = Refusal::new(Reason::MessageNotFound, Blame::Peer, "no copy that was sent there is meant");
    let result = if matched { Ok(()) } else { Err(&unknown) };
    let Some(made) = report::response(source, &arrival, hop, result).await? else { return Ok(()) };
    let op = made.add_to(Op::at(now.0));
    source.gateway.store.submit(op).await.map_err(store_refusal)?;
    made.committed(source.gateway);
    Ok(())
}
