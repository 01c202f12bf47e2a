//! Reports and answers that the gateway makes: a finished message with one delivery, stored in the
//! same operation as what it is about.

use std::sync::Arc;

use cedrat_mapping::{
    Interface, Loss, Submission,
    mail::{MailWriting, ReportWriting, delivery_report, read_report},
    mm4::{self, Hop},
};
use cedrat_message::{Address, Blame, Origin, Reason, Refusal, Timestamp};
use cedrat_mime::header::Headers;
use cedrat_relay::{
    report::{Event as Happened, Ledger, Notice},
    route::{Query, Verdict},
};

use crate::{
    clock,
    config::Peer,
    events::Event,
    gateway::{Gateway, Settings},
    intake::{self, Arrival, Source},
    pump::{Job, Loaded, Place, compose},
    record::{self, Envelope, EnvelopeRecipient, Form, ReadyKind, Work},
    store::{Body, Delivery, Op, Received, Start},
};

/// How long an answer or a report is tried.
const LIFETIME_S: u64 = 24 * 3600;

/// A message made here, not yet stored.
pub struct Made {
    received: Received,
    delivery: Delivery,
    work: Work,
    loaded: Arc<Loaded>,
    event: Event,
    place: Option<Place>,
}

impl Made {
    /// Adds it to an operation.
    pub fn add_to(&self, op: Op) -> Op {
        op.message(self.received.clone()).delivery(self.delivery.clone())
    }

    /// The operation is on stable storage: it is told and goes on its way.
    pub fn committed(self, gateway: &Arc<Gateway>) {
        gateway.events.tell(&self.event);
        if let Some(place) = self.place {
            place.filled();
            gateway.dispatcher.offer(gateway, vec![Job::fresh(self.delivery, self.work, self.loaded)]);
        }
    }
}

/// What a made message is.
struct What<'a> {
    kind: ReadyKind,
    status: String,
    about: i64,
    peer: &'a Peer,
    to: Address,
}

async fn make(
    gateway: &Arc<Gateway>,
    settings: &Settings,
    now: Timestamp,
    submission: Submission,
    what: What<'_>,
) -> Result<Made, Refusal> {
    let id = gateway.store.allot(now.0);
    let dest = intake::destination(what.peer, &what.to)?;
    let envelope = Envelope {
        v: 1,
        form: Form::Ready,
        from: submission.mail_from,
        to: submission
            .recipients
            .into_iter()
            .map(|to| EnvelopeRecipient {
                given: to.address,
                address: what.to.to_string(),
                notify: None,
                orcpt: to.orcpt,
            })
            .collect(),
        envid: None,
        ret_full: None,
        by: None,
        eight_bit: submission.eight_bit,
        kind: Some(what.kind),
        transaction: submission.transaction_id,
        about: Some(what.about),
    };
    let body: Body = gateway.store.keep(submission.content.clone()).await.map_err(intake::store_refusal)?;
    let work = Work { v: 1, peer: what.peer.id.clone(), ..Work::default() };
    // A destination that can take it at once gets it without a query.
    let place = gateway.dispatcher.reserve(settings, &dest);
    let start = match &place {
        Some(_) => Start::Claimed { lease_ms: settings.config.limits.lease_ms },
        None => Start::Waiting,
    };
    let kind = compose::kind(Some(what.kind));
    Ok(Made {
        received: Received {
            id,
            received: now.0,
            peer: "cedrat".into(),
            protocol: "internal",
            message_id: submission.message_id,
            envelope: record::write(&envelope),
            body,
        },
        delivery: Delivery {
            id: gateway.store.allot(now.0),
            message: id,
            dest,
            rcpt: what.to.to_string(),
            data: record::write(&work),
            due: now.0,
            expires: now.plus_seconds(LIFETIME_S).0,
            start,
        },
        loaded: Loaded::new(
            id,
            now,
            "cedrat".into(),
            envelope,
            submission.content,
            None,
            Loss::outbound(Interface::Mm4),
        ),
        work,
        event: Event::ReportMade {
            message: id,
            about: what.about,
            peer: what.peer.id.clone(),
            protocol: compose::protocol(what.peer),
            kind,
            status: what.status,
        },
        place,
    })
}

/// The answer to a request of an MM4 peer; `None` when it wants none.
///
/// # Errors
/// When there is no room to store it.
pub async fn response(
    source: &Source<'_>,
    arrival: &Arrival,
    hop: &Hop,
    result: Result<(), &Refusal>,
) -> Result<Option<Made>, Refusal> {
    let gateway = source.gateway;
    let transaction = format!("r{:x}", arrival.id);
    let local = local(source.settings, source.peer, &transaction);
    let answer =
        mm4::result(&source.settings.tables, hop, result, &[], &source.peer.quirks, &local, arrival.at);
    let Some(submission) = answer else { return Ok(None) };
    if source.peer.next_hop.is_none() {
        gateway.events.tell(&Event::Fault {
            what: "response",
            detail: format!("peer {} wants an answer, but has no `next_hop` to send it to", source.peer.id),
        });
        return Ok(None);
    }
    let what = What {
        kind: ReadyKind::Response,
        status: result.err().map_or_else(|| "Ok".into(), |refusal| refusal.reason.token().into()),
        about: arrival.id,
        peer: source.peer,
        to: Address::Name("system".into()),
    };
    make(gateway, source.settings, arrival.at, submission, what).await.map(Some)
}

fn local<'a>(settings: &'a Settings, peer: &'a Peer, transaction: &'a str) -> mm4::Local<'a> {
    mm4::Local {
        system_address: &settings.config.mm4.system_address,
        domain: &settings.config.mm4.domain,
        peer_domain: peer.domain.as_deref().unwrap_or_default(),
        transaction_id: transaction,
        ack: false,
        relay_delivery_report: None,
        report_to: None,
        boundary: "cedrat",
    }
}

/// A report for the sender of a message, by the interface that the message came by. `None` when
/// there is nobody to tell: no way leads back.
///
/// # Errors
/// When there is no room to store it.
pub async fn notice(
    gateway: &Arc<Gateway>,
    settings: &Settings,
    original: &Arc<Loaded>,
    notice: Notice,
) -> Result<Option<Made>, Refusal> {
    let now = clock::now();
    let mm4 = original.envelope.form == Form::Mm4;
    let (to, kind, status) = match &notice {
        Notice::Delivery(report) => {
            (report.originator.clone(), ReadyKind::DeliveryReport, format!("{:?}", report.status))
        }
        Notice::Read(report) => {
            (report.originator.clone(), ReadyKind::ReadReport, format!("{:?}", report.status))
        }
    };
    let Some(to) = to else { return Ok(None) };
    let peer = if mm4 { settings.peer(&original.peer) } else { mail_peer(settings, &to) };
    let Some(peer) = peer.filter(|peer| peer.next_hop.is_some()) else {
        gateway.events.tell(&Event::Fault {
            what: "report",
            detail: format!("no way leads back to the sender of message {:x}", original.id),
        });
        return Ok(None);
    };
    let transaction = format!("d{:x}", gateway.store.allot(now.0));
    let submission = if mm4 {
        let system = compose::understand(gateway, settings, original).await.ok();
        let mut local = local(settings, peer, &transaction);
        local.report_to = system.and_then(|message| message.originator_system.as_deref());
        match &notice {
            Notice::Delivery(report) => {
                mm4::delivery_report(&settings.tables, report, &peer.quirks, &local, now)
            }
            Notice::Read(report) => mm4::read_report(&settings.tables, report, &peer.quirks, &local, now),
        }
    } else {
        let own = &settings.config;
        let id = format!("{:x}", gateway.store.allot(now.0));
        let mut mail = MailWriting::new(&own.host, &own.mail.number_domain, &id);
        mail.seed = compose::boundary(original.id);
        let original = Headers::parse(&original.octets, &cedrat_mime::Limits::default())
            .ok()
            .map(|(headers, _)| headers);
        let writing = ReportWriting { mail, original };
        let written = match &notice {
            Notice::Delivery(report) => {
                delivery_report(&settings.tables, std::slice::from_ref(report), &writing, now)
            }
            Notice::Read(report) => read_report(&settings.tables, report, &writing, now),
        };
        written?.0
    };
    make(gateway, settings, now, submission, What { kind, status, about: original.id, peer, to })
        .await
        .map(Some)
}

/// The peer that takes mail for an address, by the same routes that carry MMS to it.
fn mail_peer<'a>(settings: &'a Settings, to: &Address) -> Option<&'a Peer> {
    let decision = settings.routes.route(&Query {
        message_id: "",
        sender: None,
        recipient: to,
        peer: None,
        peer_numbers: None,
        interface: Origin::Mm4,
        octets: 0,
    });
    match decision.verdict {
        Verdict::Deliver(peers) => {
            peers.iter().filter_map(|id| settings.peer(id)).find(|peer| peer.next_hop.is_some())
        }
        Verdict::Hold | Verdict::Reject(_) => None,
    }
}

/// Reports on recipients that were given up before anything was sent: no way leads there although
/// it seemed so at RCPT.
///
/// # Errors
/// When there is no room to store them.
pub async fn at_arrival(
    source: &Source<'_>,
    original: &Arc<Loaded>,
    failed: &[(usize, Refusal)],
) -> Result<Vec<Made>, Refusal> {
    let mut made = Vec::new();
    for (index, refusal) in failed {
        let recipient =
            original.message().and_then(|message| Some((message, message.recipients.get(*index)?)));
        let Some((message, recipient)) = recipient else {
            return Err(Refusal::new(
                Reason::SystemFault,
                Blame::Ours,
                "a recipient that is not in the envelope",
            ));
        };
        let mut ledger = Ledger::open(message, recipient, Some(&source.peer.id), false);
        for told in ledger.note(Happened::Refused(refusal.reason), original.received) {
            made.extend(notice(source.gateway, source.settings, original, told).await?);
        }
    }
    Ok(made)
}
