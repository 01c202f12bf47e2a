//! What an attempt came to, for every copy of it: done, tried again, awaited or over, and who is
//! told. The decisions are `cedrat_relay`'s; each copy is one operation of the store, in which its
//! end, the report that follows and the trace are written together.

use std::sync::Arc;

use cedrat_message::{Blame, Origin, Permanence, Reason, Refusal, Timestamp};
use cedrat_relay::{
    report::{Answers, Event as Happened, Ledger, Notice, SentAs, copy_key},
    response::{self, AckPolicy, Overdue, Sent, Taken},
    retry::{Next, Schedule, delay_notice_due, next_attempt},
    route::{Query, Verdict},
};
use cedrat_wire_mail::smtp::client::{Delivery, NotPassedOn, Outcome};
use cedrat_wire_mms::quirks::{Ack, AckMeans};

use super::{Batch, Job, compose, compose::Composed};
use crate::{
    clock,
    config::{Peer, PeerProtocol},
    events::{Event, Events, LossNote, Redacted},
    gateway::{Gateway, Settings},
    handoff::Waiting,
    intake,
    record::{self, Form},
    report,
    store::{self, Op, Receipt, ResponseKey, Settle, Start, Trace},
};

/// Settles what a transaction came to: one outcome for each recipient of the submission.
pub async fn outcome(
    gateway: &Arc<Gateway>,
    settings: &Settings,
    peer: &Peer,
    batch: &Batch,
    composed: &Composed,
    outcome: &Outcome,
    tls: Option<&str>,
) {
    let Outcome { recipients: deliveries, not_passed_on } = outcome;
    let not_passed_on = *not_passed_on;
    for (position, to) in composed.submission.recipients.iter().enumerate() {
        let (Some(job), Some(delivery)) = (batch.jobs.get(to.index), deliveries.get(position)) else {
            continue;
        };
        let mut case = Case::new(gateway, settings, job);
        case.peer_id.clone_from(&peer.id);
        case.protocol = composed.protocol;
        match delivery {
            Delivery::Delivered { reply } => {
                case.delivered(peer, composed, to, position, not_passed_on, &reply.to_string(), tls).await;
            }
            Delivery::Permanent { reply } => {
                let reason = settings.tables.reason_of_smtp(reply.code, reply.enhanced.map(narrow));
                case.refused(reason, &reply.to_string()).await;
            }
            Delivery::Temporary { reply } => {
                let reason = settings.tables.reason_of_smtp(reply.code, reply.enhanced.map(narrow));
                case.later(reason, &reply.to_string()).await;
            }
            Delivery::Uncertain => case.unanswered().await,
        }
    }
}

/// What became of a copy that was to be put into a mailbox.
#[derive(Debug, Clone)]
pub enum Filed {
    /// It lies there.
    Kept {
        /// How the server said so.
        reply: String,
        /// Where a read report of it is looked for, when somebody asked for one.
        place: Option<store::Outcome>,
    },
    /// It does not.
    Refused(Refusal),
    /// The connection was lost before the answer.
    Uncertain,
}

/// Settles what came of putting a batch into mailboxes: one for each recipient of the submission.
pub async fn filed(
    gateway: &Arc<Gateway>,
    settings: &Settings,
    peer: &Peer,
    batch: &Batch,
    composed: &Composed,
    filed: Vec<Filed>,
    tls: Option<&str>,
) {
    for (position, (to, filed)) in composed.submission.recipients.iter().zip(filed).enumerate() {
        let Some(job) = batch.jobs.get(to.index) else { continue };
        let mut case = Case::new(gateway, settings, job);
        case.peer_id.clone_from(&peer.id);
        case.protocol = composed.protocol;
        match filed {
            Filed::Kept { reply, place } => {
                case.place = place;
                let passed = NotPassedOn::default();
                case.delivered(peer, composed, to, position, passed, &reply, tls).await;
            }
            Filed::Refused(refusal) if refusal.reason.permanence() == Permanence::Permanent => {
                case.refused(refusal.reason, refusal.detail.for_operator()).await;
            }
            Filed::Refused(refusal) => case.later(refusal.reason, refusal.detail.for_operator()).await,
            Filed::Uncertain => case.unanswered().await,
        }
    }
}

/// Enhanced codes beyond 255 do not exist; what claims them reads as "other".
fn narrow((class, subject, detail): (u8, u16, u16)) -> (u8, u8, u8) {
    (class, u8::try_from(subject).unwrap_or(0), u8::try_from(detail).unwrap_or(0))
}

/// Settles a batch that could not even be sent.
pub async fn failed(gateway: &Arc<Gateway>, batch: &Batch, refusal: &Refusal) {
    let settings = gateway.settings();
    for job in &batch.jobs {
        let case = Case::new(gateway, &settings, job);
        let detail = refusal.detail.for_operator();
        if refusal.reason.permanence() == Permanence::Permanent {
            case.refused(refusal.reason, detail).await;
        } else {
            case.later(refusal.reason, detail).await;
        }
    }
}

/// Gives back a batch that was claimed and not begun.
pub async fn give_back(gateway: &Arc<Gateway>, batch: &Batch) {
    let now = clock::now();
    for job in &batch.jobs {
        let settle = Settle::Retry { due: now.0, uncertain: false, reply: "the gateway was stopped".into() };
        if let Err(fault) = gateway.store.submit(Op::at(now.0).settle(job.fence, settle)).await {
            gateway.events.tell(&Event::Fault { what: "store", detail: fault.to_string() });
        }
    }
}

/// Sets a batch aside until a key comes, or is not to be expected any more.
pub async fn wait(gateway: &Arc<Gateway>, batch: &Batch, waiting: &Waiting) {
    let settings = gateway.settings();
    for job in &batch.jobs {
        let case = Case::new(gateway, &settings, job);
        // To look whether a key has come is no attempt.
        let work = record::Work { handoff: Some(waiting.session.clone()), ..job.work.clone() };
        let (op, delivery) = case.row(Op::at(case.now.0), &work, &job.dest, waiting.until);
        if case.submit(op, Vec::new()).await {
            gateway.handoff.waits(gateway, &waiting.session, delivery).await;
        }
    }
}

/// Sends what an operator released on its way.
pub async fn reroute(gateway: &Arc<Gateway>, batch: &Batch) {
    let settings = gateway.settings();
    for job in &batch.jobs {
        let case = Case::new(gateway, &settings, job);
        match case.way().await {
            Ok((peer, dest)) => {
                let work = record::Work { peer, ..job.work.clone() };
                let op = case.replace(Op::at(case.now.0), &work, &dest, case.now);
                case.submit(op, Vec::new()).await;
            }
            Err(refusal) => case.refused(refusal.reason, refusal.detail.for_operator()).await,
        }
    }
}

/// Gives up a batch whose time is over.
pub async fn give_up(gateway: &Arc<Gateway>, batch: Batch, reason: Reason) {
    let settings = gateway.settings();
    for job in &batch.jobs {
        Case::new(gateway, &settings, job).over(reason, "its time is over").await;
    }
}

/// Decides on a batch whose answer is overdue: `true` when it is sent again with the same
/// identifiers, `false` when that was done often enough and it is settled.
pub async fn overdue(gateway: &Arc<Gateway>, peer: &Peer, batch: &Batch) -> bool {
    let settings = gateway.settings();
    let policy = ack_policy(peer);
    let now = clock::now();
    for job in &batch.jobs {
        let mut awaiting = response::Awaiting {
            peer: peer.id.clone(),
            transaction_id: String::new(),
            message_id: String::new(),
            deadline_ms: now.0,
            // The first claim sent it, the last is this one.
            resends: u32::try_from(job.fence.attempt).unwrap_or(0).saturating_sub(2),
            answered: false,
        };
        match response::overdue(&mut awaiting, &policy, now) {
            Overdue::GiveUp(taken) => {
                let reason = match taken {
                    Taken::Refused(reason) | Taken::Later(reason) => Some(reason),
                    Taken::Accepted | Taken::Delivered => None,
                };
                Case::new(gateway, &settings, job).answered(peer, taken, "", "no answer", reason).await;
            }
            // All copies of a request were sent the same number of times.
            Overdue::Resend | Overdue::Nothing => return true,
        }
    }
    false
}

/// How a peer answers requests.
pub fn ack_policy(peer: &Peer) -> AckPolicy {
    AckPolicy {
        ack: match peer.quirks.ack {
            Ack::Always => response::Ack::Always,
            Ack::Never => response::Ack::Never,
            Ack::Request => response::Ack::Request,
        },
        ack_means: match peer.quirks.ack_means {
            AckMeans::Accepted => response::AckMeans::Accepted,
            AckMeans::Delivered => response::AckMeans::Delivered,
        },
        ack_timeout_s: peer.quirks.ack_timeout_ms / 1000,
        ..AckPolicy::default()
    }
}

/// One copy on its way to a decision.
pub struct Case<'a> {
    gateway: &'a Arc<Gateway>,
    settings: &'a Settings,
    job: &'a Job,
    peer_id: String,
    protocol: crate::events::Protocol,
    /// Whether a next hop had the copy before this attempt.
    handed_over: bool,
    /// Whether a next hop may have it by this attempt, which failed.
    uncertain: bool,
    /// Where a read report of it is looked for.
    place: Option<store::Outcome>,
    now: Timestamp,
}

impl<'a> Case<'a> {
    /// A case.
    pub fn new(gateway: &'a Arc<Gateway>, settings: &'a Settings, job: &'a Job) -> Self {
        let peer = settings.peer(&job.work.peer);
        Self {
            gateway,
            settings,
            job,
            peer_id: job.work.peer.clone(),
            protocol: peer.map_or(crate::events::Protocol::Mm4, compose::protocol),
            handed_over: job.overdue,
            uncertain: false,
            place: None,
            now: clock::now(),
        }
    }

    /// What is kept of this copy for reports; `None` for what is itself a report or an answer. A
    /// copy that was handed over before may have been reported on since: what was told then counts.
    async fn ledger(&self) -> Option<Ledger> {
        let loaded = &self.job.loaded;
        if loaded.envelope.form == Form::Ready {
            return None;
        }
        let message = compose::understand(self.gateway, self.settings, loaded).await.ok()?;
        if self.handed_over && self.protocol == crate::events::Protocol::Mm4 {
            let key = copy_key(&sent_as(&self.peer_id, Origin::Mm4, &message.id, &self.job.rcpt));
            let kept = self.gateway.store.outcomes(&self.peer_id, &key, Some("")).await.unwrap_or_default();
            let kept = kept.into_iter().find(|outcome| outcome.message == loaded.id);
            if let Some(ledger) = kept.and_then(|outcome| record::read::<Ledger>(&outcome.data).ok()) {
                return Some(ledger);
            }
        }
        let recipient = message.recipients.get(self.job.work.to)?;
        let trace = loaded.envelope.by.is_some_and(|(_, returns)| !returns);
        Some(Ledger::open(message, recipient, Some(&loaded.peer), trace))
    }

    #[allow(clippy::too_many_arguments, reason = "what is known of a delivery, in one place")]
    async fn delivered(
        &self,
        peer: &Peer,
        composed: &Composed,
        to: &cedrat_mapping::SubmissionRecipient,
        position: usize,
        not_passed_on: NotPassedOn,
        reply: &str,
        tls: Option<&str>,
    ) {
        let submission = &composed.submission;
        let transaction = submission.transaction_id.clone();
        let event = Event::Delivery {
            message: self.job.loaded.id,
            delivery: self.job.fence.delivery,
            peer: peer.id.clone(),
            protocol: composed.protocol,
            kind: composed.kind,
            to: Redacted(self.job.rcpt.clone()),
            attempt: self.job.tries,
            octets: submission.content.len() as u64,
            response: reply.to_owned(),
            tls: tls.map(str::to_owned),
            transaction_id: transaction.clone(),
            message_id: submission.message_id.clone(),
            uncertain: self.job.uncertain > 0,
            age_ms: u64::try_from(self.now.0 - self.job.loaded.received.0).unwrap_or(0),
            loss: LossNote::of(&composed.loss),
        };
        let mut op = Op::at(self.now.0);
        op = self.traced(op, &event);
        if let Some(mut ledger) = self.ledger().await {
            let (reporter, interface) = if peer.protocol == PeerProtocol::Mm4 {
                (peer.id.as_str(), Origin::Mm4)
            } else {
                (compose::MAIL_REPORTS, Origin::Mail)
            };
            ledger.sent_as = Some(sent_as(reporter, interface, &submission.message_id, &self.job.rcpt));
            if let Some(place) = self.place.as_ref().filter(|_| ledger.wants().read) {
                op = op.outcome(place.clone());
            }
            let policy = ack_policy(peer);
            if peer.protocol == PeerProtocol::Mm4
                && let Some(transaction) = &transaction
                && let Sent::Await(awaiting) =
                    response::sent(&policy, &peer.id, transaction, &submission.message_id, self.now)
            {
                let until = Timestamp(awaiting.deadline_ms.min(self.job.expires.0.max(self.now.0 + 1000)));
                let keys = response::request_keys(&awaiting)
                    .into_iter()
                    .map(|key| ResponseKey { peer: peer.id.clone(), token: numbered(&key, position) })
                    .collect();
                let settle = Settle::Await { until: until.0, keys, reply: reply.to_owned() };
                let awaits = Event::Awaiting {
                    message: self.job.loaded.id,
                    delivery: self.job.fence.delivery,
                    peer: peer.id.clone(),
                    until_ms: until.0,
                    transaction_id: transaction.clone(),
                };
                op = self.traced(op.settle(self.job.fence, settle), &awaits);
                if asked(&ledger) {
                    // A report may come before the answer.
                    op = op.outcome(outcome_row(self.settings, self.job.loaded.id, &ledger, self.now));
                }
                if self.submit(op, Vec::new()).await {
                    self.gateway.events.tell(&event);
                    self.gateway.events.tell(&awaits);
                }
                return;
            }
            let taken = match policy.ack_means {
                response::AckMeans::Delivered if peer.protocol == PeerProtocol::Mm4 => Taken::Delivered,
                _ => Taken::Accepted,
            };
            let dsn = to.notify.is_some() && !not_passed_on.dsn;
            return self.taken(op, event, ledger, taken, peer, dsn).await;
        }
        op = op.settle(self.job.fence, Settle::Done);
        if self.submit(op, Vec::new()).await {
            self.gateway.events.tell(&event);
        }
    }

    /// The next hop has the copy and answers for it, or the recipient has it.
    async fn taken(&self, op: Op, event: Event, mut ledger: Ledger, taken: Taken, peer: &Peer, dsn: bool) {
        let wants = ledger.wants();
        let reports = match peer.protocol {
            PeerProtocol::Mm4 => peer.quirks.reports != cedrat_wire_mms::quirks::Reports::Never,
            PeerProtocol::Mail => dsn,
            // The last hop: its answer is the mailbox.
            PeerProtocol::Imap | PeerProtocol::Lmtp => false,
        };
        let happened = match taken {
            Taken::Delivered => Happened::Delivered,
            _ if matches!(peer.protocol, PeerProtocol::Imap | PeerProtocol::Lmtp) => Happened::Delivered,
            _ if reports && (wants.success || wants.failure) => Happened::Accepted(Answers::NextHopToUs),
            _ => Happened::Accepted(Answers::Nobody),
        };
        let notices = ledger.note(happened, self.now);
        let mut op = op.settle(self.job.fence, Settle::Done);
        if asked(&ledger) {
            op = op.outcome(outcome_row(self.settings, self.job.loaded.id, &ledger, self.now));
        }
        if self.submit(op, notices).await {
            self.gateway.events.tell(&event);
        }
    }

    /// Refused for good.
    async fn refused(&self, reason: Reason, reply: &str) {
        self.end(reason, reply, Happened::Refused(reason)).await;
    }

    /// Over, because its time is.
    async fn over(&self, reason: Reason, reply: &str) {
        self.end(Reason::Expired, reply, Happened::Expired(reason)).await;
    }

    async fn end(&self, reason: Reason, reply: &str, happened: Happened) {
        let event = Event::Failure {
            message: self.job.loaded.id,
            delivery: self.job.fence.delivery,
            peer: self.peer_id.clone(),
            protocol: self.protocol,
            to: Redacted(self.job.rcpt.clone()),
            attempt: self.job.tries,
            reason: reason.into(),
            response: reply.to_owned(),
        };
        let notices = match self.ledger().await {
            Some(mut ledger) => ledger.note(happened, self.now),
            None => Vec::new(),
        };
        let op = self.traced(Op::at(self.now.0), &event).settle(self.job.fence, Settle::Done);
        if self.submit(op, notices).await {
            self.gateway.events.tell(&event);
        }
    }

    /// The connection was lost before the answer.
    async fn unanswered(&mut self) {
        self.uncertain = true;
        let why = "the connection was lost before the answer; it may have arrived";
        self.later(Reason::ConnectionLost, why).await;
    }

    /// Not now.
    async fn later(&self, reason: Reason, reply: &str) {
        let loaded = &self.job.loaded;
        // A store of mailboxes is one system that comes back, as a peer does; mail goes to many that nobody knows.
        let mut schedule = match self.protocol {
            crate::events::Protocol::Imap | crate::events::Protocol::Mm4 => Schedule::mm4(),
            crate::events::Protocol::Lmtp | crate::events::Protocol::Mail => Schedule::mail(),
        };
        schedule.patience_s = u64::MAX / 4;
        let delay_notice_ms = self.settings.config.mail.delay_notice_ms;
        schedule.delay_notice_s = (delay_notice_ms > 0).then_some(delay_notice_ms / 1000);
        let seed = self.job.fence.delivery.unsigned_abs();
        // A round over all peers of the list is one attempt.
        let peers = u32::try_from(self.job.work.failover.len()).unwrap_or(0).saturating_add(1);
        let rounds = self.job.tries.div_ceil(peers);
        let next = next_attempt(&schedule, rounds, loaded.received, Some(self.job.expires), self.now, seed);
        let at = match next {
            Next::Expired => return self.over(reason, reply).await,
            Next::Retry { at } => at,
        };
        let event = Event::TransientFailure {
            message: loaded.id,
            delivery: self.job.fence.delivery,
            peer: self.peer_id.clone(),
            protocol: self.protocol,
            to: Redacted(self.job.rcpt.clone()),
            attempt: self.job.tries,
            reason: reason.into(),
            response: reply.to_owned(),
            next_ms: at.0,
        };
        let mut op = self.traced(Op::at(self.now.0), &event);
        let mut notices = Vec::new();
        let mut work = self.job.work.clone();
        let mut due = at;
        if delay_notice_due(&schedule, loaded.received, self.now, work.delay_told)
            && let Some(mut ledger) = self.ledger().await
        {
            notices = ledger.note(Happened::Delayed(reason), self.now);
            work.delay_told = true;
        }
        let moved = self.next_peer(reason).await;
        if let Some((peer, dest)) = &moved {
            let rest = work.failover.iter().skip(1).cloned().chain([work.peer.clone()]);
            work.failover = rest.collect();
            work.peer.clone_from(peer);
            work.moved += 1;
            // Every peer of the list is tried at once, then the list waits as a whole.
            if !(work.moved as usize).is_multiple_of(work.failover.len() + 1) {
                due = self.now;
            }
            op = self.replace(op, &work, dest, due);
        } else if work != self.job.work {
            op = self.replace(op, &work, &self.job.dest, due);
        } else {
            let (uncertain, reply) = (self.uncertain, reply.to_owned());
            op = op.settle(self.job.fence, Settle::Retry { due: due.0, uncertain, reply });
        }
        if self.submit(op, notices).await {
            self.gateway.events.tell(&event);
        }
    }

    /// A row keeps its data for life; a delivery whose data changes is a new row in the same breath.
    fn replace(&self, op: Op, work: &record::Work, dest: &str, due: Timestamp) -> Op {
        let work = record::Work {
            uncertain: self.job.uncertain + u32::from(self.uncertain),
            tries: self.job.tries,
            ..work.clone()
        };
        self.row(op, &work, dest, due).0
    }

    fn row(&self, op: Op, work: &record::Work, dest: &str, due: Timestamp) -> (Op, store::DeliveryId) {
        let id = self.gateway.store.allot(self.now.0);
        let op = op.settle(self.job.fence, Settle::Done).delivery(store::Delivery {
            id,
            message: self.job.loaded.id,
            dest: dest.to_owned(),
            rcpt: self.job.rcpt.clone(),
            data: record::write(work),
            due: due.0,
            expires: self.job.expires.0,
            start: Start::Waiting,
        });
        (op, id)
    }

    /// The next peer of the failover list, when the fault is of the way and not of the message.
    async fn next_peer(&self, reason: Reason) -> Option<(String, String)> {
        let of_the_way = matches!(
            reason,
            Reason::NextHopUnavailable
                | Reason::DnsUnavailable
                | Reason::TlsUnavailable
                | Reason::NetworkProblem
                | Reason::PeerSuspended
                | Reason::ConnectionLost
                | Reason::NoResponse
        );
        let next = self.job.work.failover.first().filter(|_| of_the_way)?;
        let peer = self.settings.peer(next)?;
        let to = cedrat_message::Address::parse(&self.job.rcpt).ok()?;
        Some((peer.id.clone(), intake::destination(peer, &to).ok()?))
    }

    /// Where it goes when no rule holds it.
    async fn way(&self) -> Result<(String, String), Refusal> {
        let loaded = &self.job.loaded;
        let message = compose::understand(self.gateway, self.settings, loaded).await?;
        let to = message.recipients.get(self.job.work.to).map(|to| &to.address);
        let to = to.ok_or_else(|| Refusal::new(Reason::SystemFault, Blame::Ours, "no such recipient"))?;
        let decision = self.settings.released.route(&Query {
            message_id: &message.id,
            sender: message.originator.as_ref().map(|party| &party.address),
            recipient: to,
            peer: Some(&loaded.peer),
            peer_numbers: self.settings.peer(&loaded.peer).map(|peer| &peer.numbers),
            interface: message.origin,
            octets: loaded.octets.len() as u64,
        });
        match decision.verdict {
            Verdict::Deliver(peers) => {
                let peer =
                    peers.iter().filter_map(|id| self.settings.peer(id)).find(|peer| peer.next_hop.is_some());
                let peer =
                    peer.ok_or_else(|| Refusal::new(Reason::NoRoute, Blame::Policy, "no peer can be used"))?;
                Ok((peer.id.clone(), intake::destination(peer, &decision.recipient)?))
            }
            Verdict::Reject(refusal) => Err(refusal),
            Verdict::Hold => Err(Refusal::new(Reason::NoRoute, Blame::Policy, "every rule holds it")),
        }
    }

    fn traced(&self, op: Op, event: &Event) -> Op {
        op.trace(Trace { message: self.job.loaded.id, at: self.now.0, event: Events::trace(event) })
    }

    /// Writes an operation with the reports that follow; whether it was this process's to write.
    async fn submit(&self, mut op: Op, notices: Vec<Notice>) -> bool {
        let mut made = Vec::new();
        for notice in notices {
            match report::notice(self.gateway, self.settings, &self.job.loaded, notice).await {
                Ok(Some(one)) => made.push(one),
                Ok(None) => {}
                Err(refusal) => self.gateway.events.tell(&Event::Fault {
                    what: "report",
                    detail: format!("no report could be made: {}", refusal.detail.for_operator()),
                }),
            }
        }
        for one in &made {
            op = one.add_to(op);
        }
        match self.gateway.store.submit(op).await {
            Ok(Receipt::Stored) => {
                for one in made {
                    one.committed(self.gateway);
                }
                true
            }
            Ok(Receipt::Lost { delivery }) => {
                self.gateway.events.tell(&Event::Fault {
                    what: "lease",
                    detail: format!("delivery {delivery:x} was settled elsewhere; this result is dropped"),
                });
                false
            }
            Ok(Receipt::Duplicate { .. }) => false,
            Err(fault) => {
                // The lease runs out and the delivery is tried again.
                self.gateway.events.tell(&Event::Fault { what: "store", detail: fault.to_string() });
                false
            }
        }
    }

    /// What a peer's answer (or its silence) decides for this copy.
    pub async fn answered(
        &mut self,
        peer: &Peer,
        taken: Taken,
        transaction: &str,
        status: &str,
        reason: Option<Reason>,
    ) {
        self.handed_over = true;
        let event = Event::Response {
            message: self.job.loaded.id,
            peer: peer.id.clone(),
            status: status.to_owned(),
            reason: reason.map(Into::into),
            transaction_id: transaction.to_owned(),
        };
        match taken {
            Taken::Accepted | Taken::Delivered => {
                let op = self.traced(Op::at(self.now.0), &event);
                match self.ledger().await {
                    Some(mut ledger) => {
                        let id = self.job.loaded.message_id();
                        ledger.sent_as = Some(sent_as(&peer.id, Origin::Mm4, id, &self.job.rcpt));
                        self.taken(op, event, ledger, taken, peer, false).await;
                    }
                    None => {
                        if self.submit(op.settle(self.job.fence, Settle::Done), Vec::new()).await {
                            self.gateway.events.tell(&event);
                        }
                    }
                }
            }
            Taken::Refused(reason) => {
                self.gateway.events.tell(&event);
                self.refused(reason, status).await;
            }
            Taken::Later(reason) => {
                self.gateway.events.tell(&event);
                self.later(reason, status).await;
            }
        }
    }
}

/// What a next hop knows a copy by.
pub fn sent_as(peer: &str, interface: Origin, message_id: &str, recipient: &str) -> SentAs {
    SentAs { peer: peer.into(), interface, message_id: message_id.into(), recipient: recipient.into() }
}

/// Whether anybody here waits for word of a copy.
fn asked(ledger: &Ledger) -> bool {
    let wants = ledger.wants();
    wants.success || wants.failure || wants.read
}

/// A response key of one recipient of a transaction with several.
pub fn numbered(key: &str, position: usize) -> String {
    format!("{key}#{position}")
}

/// What is kept of a copy until its reports have come.
pub fn outcome_row(settings: &Settings, message: i64, ledger: &Ledger, now: Timestamp) -> store::Outcome {
    let (peer, remote) =
        ledger.sent_as.as_ref().map_or_else(Default::default, |sent| (sent.peer.clone(), copy_key(sent)));
    store::Outcome {
        peer,
        remote,
        rcpt: String::new(),
        message,
        state: 0,
        at: now.0,
        until: now.plus_seconds(settings.config.retention.outcomes_ms / 1000).0,
        data: record::write(ledger),
    }
}
