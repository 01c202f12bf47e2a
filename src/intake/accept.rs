//! A message of a person: its deliveries, its duplicate tokens, the answer that its sender's relay
//! waits for, and the commit that makes them one.

use bytes::Bytes;
use cedrat_mapping::{Loss, mm4::Hop};
use cedrat_message::{Address, Blame, Message, Permanence, Reason, Refusal, Timestamp};
use cedrat_relay::{
    guard,
    retry::{ExpiryClamp, clamp_expiry},
    route::Verdict,
};

use super::{Source, Transaction, Way, route};
use crate::{
    clock,
    config::NextHop,
    events::{Event, Events, Kind, LossNote, PartNote, Redacted},
    pump::{self, Job, Loaded, Place},
    record::{self, Form, Work},
    report,
    store::{Delivery, Op, Receipt, Received, Seen, Start, StoreError, Trace},
};

/// A message that is about to be stored.
pub struct Arrival {
    /// Its number.
    pub id: i64,
    /// When it came.
    pub at: Timestamp,
}

/// One copy of it.
struct Copy {
    delivery: Delivery,
    work: Work,
    to: Address,
    token: String,
    /// Where it goes at once, when its destination can take it.
    place: Option<Place>,
}

/// Takes a message.
///
/// # Errors
/// Why not; then nothing was stored.
pub async fn message(
    source: &Source<'_>,
    transaction: &Transaction,
    content: Bytes,
    message: Message,
    loss: Loss,
    hop: Option<&Hop>,
) -> Result<i64, Refusal> {
    let now = clock::now();
    let gateway = source.gateway;
    let arrival = Arrival { id: gateway.store.allot(now.0), at: now };
    if let Err(refusal) = admit(source, transaction, &message) {
        return match hop {
            Some(hop) => refuse_mm4(source, &refusal, hop).await.ok_or(refusal),
            None => Err(refusal),
        };
    }
    let mut loss = loss;
    let expires = expiry(source, &message, now, &mut loss);
    let mut copies = Vec::new();
    let mut failed = Vec::new();
    for (index, accepted) in
        transaction.recipients.iter().enumerate().filter(|(_, to)| to.way == Way::Message)
    {
        let sender = message.originator.as_ref().map(|party| &party.address);
        let decision = route(source, &message.id, sender, &accepted.address, content.len() as u64);
        match decision.verdict {
            Verdict::Deliver(peers) => {
                match copy(source, &arrival, index, &decision.recipient, &peers, expires) {
                    Ok(copy) => copies.push(copy),
                    Err(refusal) => failed.push((index, refusal)),
                }
            }
            Verdict::Hold => copies.push(held(source, &arrival, index, &decision.recipient, expires)),
            Verdict::Reject(refusal) => failed.push((index, refusal)),
        }
    }
    if copies.is_empty() && !failed.is_empty() {
        let (_, refusal) = failed.swap_remove(0);
        return match hop {
            Some(hop) => refuse_mm4(source, &refusal, hop).await.ok_or(refusal),
            None => Err(refusal),
        };
    }
    let mut due = transaction.not_before(now);
    if let Some(when) = message.delivery_time {
        due = Some(due.map_or(when.resolve(now), |due| due.max(when.resolve(now))));
    }
    if let Some(due) = due.filter(|due| *due > now) {
        for copy in &mut copies {
            copy.delivery.due = due.0;
        }
    }
    for copy in &mut copies {
        copy.token = match &transaction.identity {
            Some(identity) => format!("{}:{}", identity.key, copy.to),
            None => guard::duplicate_key(&message.id, &copy.to),
        };
    }
    store(source, transaction, content, message, loss, hop, arrival, copies, failed).await
}

/// Everything that is refused without looking at where it goes.
fn admit(source: &Source<'_>, transaction: &Transaction, message: &Message) -> Result<(), Refusal> {
    let own = &source.settings.config;
    if !transaction.recipients.iter().any(|to| to.way == Way::Message) {
        return Err(Refusal::new(
            Reason::UnsupportedMessage,
            Blame::Peer,
            "a message of a person for an address that only takes reports and answers",
        ));
    }
    let limits = guard::LoopLimits {
        max_hops: u32::try_from(own.limits.max_hops).unwrap_or(u32::MAX),
        ..guard::LoopLimits::default()
    };
    let received = message.unknown.iter().filter(|field| field.name.eq_ignore_ascii_case("Received"));
    let traces = guard::own_traces(received.map(|field| field.value.as_str()), &[&own.host, &own.mm4.domain]);
    guard::check_loop(message, traces, limits)
}

fn expiry(source: &Source<'_>, message: &Message, now: Timestamp, loss: &mut Loss) -> Option<Timestamp> {
    let quirks = &source.peer.quirks.expiry_clamp;
    let clamp = ExpiryClamp { min_s: quirks.min_ms / 1000, max_s: quirks.max_ms / 1000 };
    let (at, clamped) = clamp_expiry(message.expiry, now, clamp)?;
    if let Some(clamped) = clamped {
        let note = match clamped {
            cedrat_relay::retry::Clamped::Earlier => {
                "The expiry asked for is later than the longest life of a message here."
            }
            cedrat_relay::retry::Clamped::Later => "The expiry asked for is past or too near; clocks differ.",
        };
        loss.push(cedrat_message::Field::Expiry, cedrat_mapping::Fidelity::Lossy, note, None);
    }
    Some(at)
}

fn copy(
    source: &Source<'_>,
    arrival: &Arrival,
    index: usize,
    to: &Address,
    peers: &[String],
    expires: Option<Timestamp>,
) -> Result<Copy, Refusal> {
    let settings = source.settings;
    let mut usable = peers
        .iter()
        .filter_map(|id| settings.peer(id))
        .filter(|peer| peer.next_hop.is_some() && peer.policy.state.routable());
    let first = usable.next().ok_or_else(|| {
        Refusal::new(
            Reason::NoRoute,
            Blame::Policy,
            format!("none of the peers {} can be used", peers.join(", ")),
        )
    })?;
    let dest = destination(first, to)?;
    let end = arrival.at.plus_seconds(first.lifetime_ms / 1000);
    let work = Work {
        v: 1,
        peer: first.id.clone(),
        to: index,
        failover: usable.map(|peer| peer.id.clone()).collect(),
        moved: 0,
        delay_told: false,
        uncertain: 0,
        tries: 0,
        handoff: None,
    };
    Ok(Copy {
        delivery: Delivery {
            id: source.gateway.store.allot(arrival.at.0),
            message: arrival.id,
            dest,
            rcpt: to.to_string(),
            data: record::write(&work),
            due: arrival.at.0,
            expires: expires.map_or(end, |at| at.min(end)).0,
            start: Start::Waiting,
        },
        work,
        to: to.clone(),
        token: String::new(),
        place: None,
    })
}

fn held(
    source: &Source<'_>,
    arrival: &Arrival,
    index: usize,
    to: &Address,
    expires: Option<Timestamp>,
) -> Copy {
    let work = Work {
        v: 1,
        peer: String::new(),
        to: index,
        failover: Vec::new(),
        moved: 0,
        delay_told: false,
        uncertain: 0,
        tries: 0,
        handoff: None,
    };
    let end = arrival.at.plus_seconds(7 * 86_400);
    Copy {
        delivery: Delivery {
            id: source.gateway.store.allot(arrival.at.0),
            message: arrival.id,
            dest: pump::HOLD.into(),
            rcpt: to.to_string(),
            data: record::write(&work),
            due: arrival.at.0,
            expires: expires.map_or(end, |at| at.min(end)).0,
            start: Start::Held,
        },
        work,
        to: to.clone(),
        token: String::new(),
        place: None,
    }
}

/// The unit of concurrency for a recipient at a peer: the peer, or with MX the domain.
///
/// # Errors
/// `AddressMalformed` for a number where a domain is needed.
pub fn destination(peer: &crate::config::Peer, to: &Address) -> Result<String, Refusal> {
    match (&peer.next_hop, to) {
        (Some(NextHop::Mx), Address::Mail(mail)) => Ok(format!("{}/{}", peer.id, mail.domain())),
        (Some(NextHop::Mx), other) => Err(Refusal::new(
            Reason::AddressMalformed,
            Blame::Policy,
            format!("{other} has no domain for peer {}", peer.id),
        )),
        _ => Ok(peer.id.clone()),
    }
}

#[allow(clippy::too_many_arguments, reason = "the one place where all of it comes together")]
async fn store(
    source: &Source<'_>,
    transaction: &Transaction,
    content: Bytes,
    message: Message,
    loss: Loss,
    hop: Option<&Hop>,
    arrival: Arrival,
    mut copies: Vec<Copy>,
    failed: Vec<(usize, Refusal)>,
) -> Result<i64, Refusal> {
    let gateway = source.gateway;
    let form = if hop.is_some() { Form::Mm4 } else { Form::Mail };
    let envelope = transaction.envelope(form);
    let octets = content.len() as u64;
    let reception = reception(source, &arrival, &message, hop, octets, &loss);
    let body = gateway.store.keep(content.clone()).await.map_err(store_refusal)?;
    let loaded =
        Loaded::new(arrival.id, arrival.at, source.peer.id.clone(), envelope, content, Some(message), loss);
    let (known_at, keep_ms) = match &transaction.identity {
        Some(identity) => (&identity.source, identity.keep_ms),
        None => (&source.peer.id, source.settings.config.retention.duplicates_ms),
    };
    let keep_until = arrival.at.plus_seconds(keep_ms / 1000).0;
    // A copy that its destination can take at once is claimed from birth, so that it costs no query.
    for copy in &mut copies {
        if copy.delivery.start == Start::Waiting && copy.delivery.due <= arrival.at.0 {
            copy.place = gateway.dispatcher.reserve(source.settings, &copy.delivery.dest);
        }
        if copy.place.is_some() {
            copy.delivery.start = Start::Claimed { lease_ms: source.settings.config.limits.lease_ms };
        }
    }
    let answer = match hop {
        Some(hop) => report::response(source, &arrival, hop, Ok(())).await?,
        None => None,
    };
    let failures = report::at_arrival(source, &loaded, &failed).await?;
    let entry = Events::trace(&reception);
    let mut answer_only = false;
    loop {
        let mut op = Op::at(arrival.at.0);
        if !answer_only {
            op = op.message(Received {
                id: arrival.id,
                received: arrival.at.0,
                peer: source.peer.id.clone(),
                protocol: if form == Form::Mm4 { "mm4" } else { "mail" },
                message_id: loaded.message_id().to_owned(),
                envelope: record::write(&loaded.envelope),
                body: body.clone(),
            });
            for copy in &copies {
                op = op.delivery(copy.delivery.clone()).seen(Seen {
                    peer: known_at.clone(),
                    token: copy.token.clone(),
                    message: arrival.id,
                    until: keep_until,
                });
            }
            op = op.trace(Trace { message: arrival.id, at: arrival.at.0, event: entry.clone() });
            for made in &failures {
                op = made.add_to(op);
            }
        }
        if let Some(made) = &answer {
            op = made.add_to(op);
        }
        match gateway.store.submit(op).await.map_err(store_refusal)? {
            Receipt::Stored => break,
            Receipt::Duplicate { of, tokens } => {
                copies.retain(|copy| !tokens.contains(&copy.token));
                gateway.events.tell(&Event::Duplicate {
                    message: of,
                    peer: source.peer.id.clone(),
                    protocol: source.protocol(),
                    message_id: loaded.message_id().to_owned(),
                });
                if copies.is_empty() {
                    // It was taken before; the same answer is due again, and nothing else.
                    answer_only = true;
                    if answer.is_none() {
                        return Ok(of);
                    }
                }
            }
            Receipt::Lost { .. } => {
                let fault = "the store answered what cannot be";
                return Err(Refusal::new(Reason::SystemFault, Blame::Ours, fault));
            }
        }
    }
    if !answer_only {
        gateway.events.tell_traced(&reception, Some(entry));
        let at_once = copies.into_iter().filter_map(|copy| {
            copy.place?.filled();
            Some(Job::fresh(copy.delivery, copy.work, loaded.clone()))
        });
        let jobs = at_once.collect();
        gateway.dispatcher.offer(gateway, jobs);
    }
    for made in answer.into_iter().chain(failures) {
        made.committed(gateway);
    }
    Ok(arrival.id)
}

fn reception(
    source: &Source<'_>,
    arrival: &Arrival,
    message: &Message,
    hop: Option<&Hop>,
    octets: u64,
    loss: &Loss,
) -> Event {
    Event::Reception {
        message: arrival.id,
        session: source.session.to_owned(),
        peer: source.peer.id.clone(),
        protocol: source.protocol(),
        kind: Kind::Message,
        from: Redacted(
            message.originator.as_ref().map_or_else(String::new, |party| party.address.to_string()),
        ),
        to: message.recipients.iter().map(|to| Redacted(to.address.to_string())).collect(),
        octets,
        message_id: message.id.clone(),
        transaction_id: hop.and_then(|hop| hop.transaction_id.as_ref()).map(|id| id.unquoted().to_owned()),
        class: message.class.as_ref().map(|class| format!("{class:?}").to_lowercase()),
        priority: message.priority.map(|priority| format!("{priority:?}").to_lowercase()),
        parts: message
            .content
            .parts
            .iter()
            .map(|part| PartNote {
                media_type: part.media_type.clone(),
                octets: part.body.encoded.len() as u64,
            })
            .collect(),
        loss: LossNote::of(loss),
    }
}

/// Answers an MM4 request that is refused for good with a `.RES`, so that the peer's relay learns
/// why instead of its subscriber getting a bounce. `None` when no answer was asked for or the
/// refusal is temporary: then SMTP says it.
pub async fn refuse_mm4(source: &Source<'_>, refusal: &Refusal, hop: &Hop) -> Option<i64> {
    if refusal.reason.permanence() == Permanence::Transient {
        return None;
    }
    let now = clock::now();
    let arrival = Arrival { id: source.gateway.store.allot(now.0), at: now };
    let made = report::response(source, &arrival, hop, Err(refusal)).await.ok().flatten()?;
    let op = made.add_to(Op::at(now.0));
    match source.gateway.store.submit(op).await {
        Ok(Receipt::Stored) => {
            source.gateway.events.tell(&Event::Rejection {
                session: source.session.to_owned(),
                peer: source.peer.id.clone(),
                protocol: source.protocol(),
                stage: "pdu",
                reason: refusal.reason.into(),
                detail: refusal.detail.for_operator().to_owned(),
            });
            made.committed(source.gateway);
            Some(arrival.id)
        }
        _ => None,
    }
}

/// What a failing store means to a peer.
pub fn store_refusal(fault: StoreError) -> Refusal {
    let reason =
        if matches!(fault, StoreError::Full { .. }) { Reason::StorageFull } else { Reason::SystemFault };
    Refusal::new(reason, Blame::Ours, fault.to_string())
}
