//! A claimed batch → one SMTP transaction for its peer: the stored octets understood (once for all
//! copies), translated for the next hop, signed where configured.

use std::sync::Arc;

use cedrat_mapping::{
    Inbound, Loss, Submission,
    mail::{self, MailWriting},
    mm4,
};
use cedrat_message::{Address, Blame, Message, Origin, Reason, Recipient, Refusal, Timestamp};
use cedrat_relay::{
    guard::bare_id,
    report::{Ledger, copy_key},
    response,
};
use cedrat_wire_mail::smtp::{self, Mail, Notify, Orcpt, Rcpt, Ret, client::Transaction};
use cedrat_wire_mms::{mm4::Pdu, quirks};

use super::{Batch, Loaded, fitted::fitted};
use crate::{
    clock,
    config::{MailOriginators, Peer, PeerProtocol, Presentation},
    events::{Kind, Protocol},
    gateway::{Gateway, Settings},
    handoff::{self, Waiting, Way},
    intake,
    record::{Form, ReadyKind},
};

/// Name of the namespace in which reports on Internet mail are matched: they come from wherever
/// the mail ended up, not from the peer that it went to.
pub const MAIL_REPORTS: &str = "@mail";

/// A batch ready to go.
#[derive(Debug)]
pub struct Composed {
    /// What goes out.
    pub submission: Submission,
    /// What the translation could not carry.
    pub loss: Loss,
    /// The interface.
    pub protocol: Protocol,
    /// What it is.
    pub kind: Kind,
    /// Keys that it flies under; see [`super::Flights`].
    pub flights: Vec<String>,
}

/// The protocol of a peer, as events name it.
pub const fn protocol(peer: &Peer) -> Protocol {
    match peer.protocol {
        PeerProtocol::Imap => Protocol::Imap,
        PeerProtocol::Lmtp => Protocol::Lmtp,
        PeerProtocol::Mail => Protocol::Mail,
        PeerProtocol::Mm4 => Protocol::Mm4,
    }
}

impl Composed {
    /// The transaction for the session.
    pub fn transaction(&self) -> Transaction {
        let form = if self.protocol == Protocol::Mm4 { smtp::Form::Mms } else { smtp::Form::Mail };
        // Addresses come from the mapping, which writes none that is not an address; a null one
        // here would be refused by the session as no recipient.
        let address = |text: &str| smtp::Address::parse(text, form).unwrap_or_default();
        let submission = &self.submission;
        let mut mail = Mail::new(address(&submission.mail_from));
        mail.body = match (submission.binary, submission.eight_bit) {
            (true, _) => smtp::Body::BinaryMime,
            (false, true) => smtp::Body::EightBitMime,
            (false, false) => smtp::Body::SevenBit,
        };
        mail.smtputf8 = submission.smtputf8;
        mail.envid.clone_from(&submission.envid);
        mail.ret = submission.ret.map(|full| if full { Ret::Full } else { Ret::Headers });
        mail.deliver_by = submission.deliver_by.map(|(seconds, mode)| smtp::DeliverBy {
            seconds: i32::try_from(seconds).unwrap_or(i32::MAX).max(1),
            mode: if mode == 'R' { smtp::ByMode::Return } else { smtp::ByMode::Notify },
            trace: false,
        });
        let recipients = submission
            .recipients
            .iter()
            .map(|to| {
                let mut rcpt = Rcpt::new(address(&to.address));
                rcpt.notify = to.notify.map(|n| Notify {
                    delay: n.delay && !n.never,
                    failure: n.failure && !n.never,
                    success: n.success && !n.never,
                });
                rcpt.orcpt =
                    to.orcpt.as_deref().and_then(|text| text.split_once(';')).map(|(kind, address)| Orcpt {
                        address_type: kind.to_owned(),
                        address: address.to_owned(),
                    });
                rcpt
            })
            .collect();
        Transaction { mail, recipients, content: submission.content.clone() }
    }
}

/// Under which keys word of a batch may come back: of each copy, and of the request as a whole.
pub fn flight_keys(peer: &Peer, batch: &Batch, submission: &Submission) -> Vec<String> {
    let (reporter, interface) = match peer.protocol {
        PeerProtocol::Mm4 => (peer.id.as_str(), Origin::Mm4),
        PeerProtocol::Imap | PeerProtocol::Mail | PeerProtocol::Lmtp => (MAIL_REPORTS, Origin::Mail),
    };
    let copies = batch
        .jobs
        .iter()
        .map(|job| copy_key(&super::settle::sent_as(reporter, interface, &submission.message_id, &job.rcpt)));
    copies.chain(submission.transaction_id.iter().map(|id| transaction_key(&peer.id, id))).collect()
}

/// The key of a request.
pub fn transaction_key(peer: &str, transaction: &str) -> String {
    format!("{peer} {}", bare_id(transaction))
}

/// Why a batch is not sent now.
#[derive(Debug)]
pub enum Unsent {
    /// It cannot go to this peer, or not now.
    Refused(Refusal),
    /// The recipient's client is asked for its key.
    Waits(Waiting),
}

impl From<Refusal> for Unsent {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Makes the transaction of a batch.
///
/// # Errors
/// Why it is not sent now.
pub async fn compose(
    gateway: &Arc<Gateway>,
    settings: &Settings,
    peer: &Peer,
    batch: &Batch,
) -> Result<Composed, Unsent> {
    let loaded = batch.loaded().ok_or_else(|| fault("a batch without deliveries"))?;
    if loaded.envelope.form == Form::Ready {
        return Ok(ready(peer, loaded));
    }
    let handed = match handoff::way(gateway, settings, peer, batch, loaded).await {
        Way::AsItCame => None,
        Way::Instead(loaded) => Some(loaded),
        Way::Refuse(refusal) => return Err(refusal.into()),
        Way::Wait(waiting) => return Err(Unsent::Waits(waiting)),
    };
    let loaded = handed.as_ref().unwrap_or(loaded);
    let message = understand(gateway, settings, loaded).await?;
    let recipients: Vec<Recipient> =
        batch.jobs.iter().filter_map(|job| message.recipients.get(job.work.to)).cloned().collect();
    if recipients.len() != batch.jobs.len() {
        return Err(fault("the stored envelope does not name the recipient of the delivery").into());
    }
    let now = clock::now();
    let first = recipients.first().ok_or_else(|| fault("no recipient"))?;
    let alias = match peer.protocol {
        PeerProtocol::Mm4 => alias(gateway, settings, peer, message).await?,
        PeerProtocol::Imap | PeerProtocol::Mail | PeerProtocol::Lmtp => None,
    };
    let write = |message: &Message| match peer.protocol {
        PeerProtocol::Mm4 => for_mm4(settings, peer, loaded, message, alias.as_ref(), &recipients, now),
        PeerProtocol::Imap | PeerProtocol::Mail | PeerProtocol::Lmtp => {
            for_mail(settings, peer, loaded, message, &recipients, now)
        }
    };
    let (submission, loss) = fitted(gateway, settings, peer, loaded, message, &first.address, write).await?;
    if let Some(most) = peer.out_max_octets.filter(|most| submission.content.len() as u64 > *most) {
        return Err(Refusal::new(
            Reason::MessageTooLarge,
            Blame::Message,
            format!("{} octets, out_max_octets of peer {} is {most}", submission.content.len(), peer.id),
        )
        .into());
    }
    let flights = flight_keys(peer, batch, &submission);
    Ok(Composed { submission, loss, protocol: protocol(peer), kind: Kind::Message, flights })
}

fn ready(peer: &Peer, loaded: &Loaded) -> Composed {
    let envelope = &loaded.envelope;
    let recipients = envelope.to.iter().enumerate().map(|(index, to)| cedrat_mapping::SubmissionRecipient {
        address: to.given.clone(),
        index,
        notify: None,
        orcpt: to.orcpt.clone(),
    });
    Composed {
        submission: Submission {
            mail_from: envelope.from.clone(),
            recipients: recipients.collect(),
            envid: None,
            ret: None,
            deliver_by: None,
            content: loaded.octets.clone(),
            eight_bit: envelope.eight_bit,
            binary: false,
            smtputf8: false,
            message_id: String::new(),
            transaction_id: envelope.transaction.clone(),
        },
        loss: loaded.loss().clone(),
        protocol: protocol(peer),
        kind: kind(envelope.kind),
        flights: Vec::new(),
    }
}

/// What a stored message is, as events name it.
pub const fn kind(ready: Option<ReadyKind>) -> Kind {
    match ready {
        None => Kind::Message,
        Some(ReadyKind::DeliveryReport) => Kind::DeliveryReport,
        Some(ReadyKind::ReadReport) => Kind::ReadReport,
        Some(ReadyKind::Response) => Kind::Response,
    }
}

fn fault(detail: &str) -> Refusal {
    Refusal::new(Reason::SystemFault, Blame::Ours, detail)
}

/// What a stored message means; read from its octets the first time.
///
/// # Errors
/// When the octets cannot be read any more: swept by hand, or written by another program.
pub async fn understand<'a>(
    gateway: &Gateway,
    settings: &Settings,
    loaded: &'a Loaded,
) -> Result<&'a Message, Refusal> {
    if loaded.message().is_none() {
        let (mut message, loss) = read(settings, loaded)?;
        for (recipient, stored) in message.recipients.iter_mut().zip(&loaded.envelope.to) {
            if let Ok(address) = Address::parse(&stored.address) {
                recipient.address = address;
            }
        }
        intake::unalias_shown(gateway, settings, &mut message).await;
        loaded.understood(message, loss);
    }
    loaded.message().ok_or_else(|| fault("a message that was read is not there"))
}

fn read(settings: &Settings, loaded: &Loaded) -> Result<(Message, Loss), Refusal> {
    if loaded.octets.is_empty() {
        return Err(Refusal::new(Reason::MessageNotFound, Blame::Ours, "the stored octets are gone"));
    }
    let envelope = &loaded.envelope;
    let inbound = match envelope.form {
        Form::Mm4 => {
            let pdu = Pdu::decode(&loaded.octets, &cedrat_wire_mms::mm4::Limits::default())
                .map_err(|at| fault(&format!("stored octets are no PDU: {at}")))?;
            let recipients: Vec<String> = envelope.to.iter().map(|to| to.given.clone()).collect();
            let path = mm4::Envelope { from: &envelope.from, recipients: &recipients };
            let standard = quirks::Quirks::default();
            let quirks = settings.peer(&loaded.peer).map_or(&standard, |peer| &peer.quirks);
            let (inbound, _, loss) = mm4::inbound(&settings.tables, &pdu, &path, quirks, loaded.received)
                .map_err(|(refusal, _)| refusal)?;
            (inbound, loss)
        }
        Form::Mail => {
            let path = mail::MailEnvelope {
                from: cedrat_message::MailAddress::parse(&envelope.from).ok(),
                recipients: envelope
                    .to
                    .iter()
                    .filter_map(|to| {
                        Some(Recipient {
                            address: Address::parse(&to.address).ok()?,
                            role: cedrat_message::Role::Bcc,
                            notify: to.notify.map(Into::into),
                            original: to.orcpt.clone(),
                        })
                    })
                    .collect(),
                envid: envelope.envid.clone(),
                ret: envelope.ret_full,
                deliver_by: envelope.by.map(|(seconds, ret)| (seconds, if ret { 'R' } else { 'N' })),
                hold: None,
            };
            let reading = intake::reading(settings, loaded.id);
            mail::inbound(&settings.tables, &loaded.octets, &path, &reading, loaded.received)?
        }
        Form::Ready => return Err(fault("a finished message has nothing to be understood")),
    };
    match inbound {
        (Inbound::Message(message), loss) => Ok((message, loss)),
        _ => Err(fault("a stored message turned out to be a report")),
    }
}

fn for_mm4(
    settings: &Settings,
    peer: &Peer,
    loaded: &Loaded,
    message: &Message,
    alias: Option<&Address>,
    recipients: &[Recipient],
    now: Timestamp,
) -> Result<(Submission, Loss), Refusal> {
    let own = &settings.config;
    let first = recipients.first().ok_or_else(|| fault("no recipient"))?;
    let transaction = format!(
        "{}.{}",
        response::transaction_id(&format!("{:x}", loaded.id), &first.address, &peer.id),
        recipients.len()
    );
    let wants = recipients.iter().map(|to| Ledger::open(message, to, Some(&loaded.peer), false).wants());
    let report_wanted = wants.fold(false, |any, wants| any || wants.success || wants.failure);
    let relay_delivery_report = match peer.quirks.reports {
        quirks::Reports::Never => Some(false),
        _ if report_wanted && message.delivery_report != Some(true) => Some(true),
        _ => None,
    };
    let aliased = alias.map(|number| {
        let mut aliased = message.clone();
        if let Some(originator) = &mut aliased.originator {
            originator.address = number.clone();
        }
        aliased
    });
    mm4::outbound(
        &settings.tables,
        aliased.as_ref().unwrap_or(message),
        recipients,
        &peer.quirks,
        &mm4::Local {
            system_address: &own.mm4.system_address,
            domain: &own.mm4.domain,
            peer_domain: peer.domain.as_deref().unwrap_or_default(),
            transaction_id: &transaction,
            ack: peer.quirks.ack == quirks::Ack::Request,
            relay_delivery_report,
            report_to: None,
            boundary: &boundary(loaded.id),
        },
        now,
    )
}

/// The number that stands for an e-mail originator, where the peer wants one.
async fn alias(
    gateway: &Gateway,
    settings: &Settings,
    peer: &Peer,
    message: &Message,
) -> Result<Option<Address>, Refusal> {
    let (MailOriginators::Alias, Some(pool), Some(party)) =
        (peer.mail_originators, &settings.aliases, &message.originator)
    else {
        return Ok(None);
    };
    let Some(mail) = party.address.mail() else { return Ok(None) };
    /// Numbers offered to the store; a pool so full that none of them is free counts as full.
    const PROBES: u64 = 64;
    let candidates: Vec<String> =
        (0..PROBES.min(pool.size())).map(|probe| pool.candidate(mail, probe).to_string()).collect();
    let found = gateway
        .store
        .alias_for("default", &mail.to_string().to_lowercase(), &candidates, clock::now().0)
        .await
        .map_err(intake::store_refusal)?;
    let Some(number) = found.and_then(|text| Address::parse(&text).ok()) else {
        return Err(Refusal::new(
            Reason::CongestedHere,
            Blame::Ours,
            "the alias pool is full; widen `alias.pool`",
        ));
    };
    Ok(Some(number))
}

fn for_mail(
    settings: &Settings,
    peer: &Peer,
    loaded: &Loaded,
    message: &Message,
    recipients: &[Recipient],
    now: Timestamp,
) -> Result<(Submission, Loss), Refusal> {
    if message.origin == Origin::Mail {
        return Err(Refusal::new(Reason::NotPermitted, Blame::Policy, "mail is not relayed to mail"));
    }
    let own = &settings.config;
    let mut writing = MailWriting::new(&own.host, &own.mail.number_domain, &boundary(loaded.id));
    writing.peer = Some(loaded.peer.clone());
    writing.presentation = match own.mail.presentation {
        Presentation::Drop => mail::Presentation::Drop,
        Presentation::Html => mail::Presentation::Html,
        Presentation::Mixed => mail::Presentation::Mixed,
        Presentation::Related => mail::Presentation::Related,
    };
    let (mut submission, loss) = mail::outbound(&settings.tables, message, recipients, &writing, now)?;
    if peer.protocol == PeerProtocol::Mail {
        submission.content = settings.signers.signed(&own.mail.number_domain, submission.content);
    }
    Ok((submission, loss))
}

/// A MIME boundary for a message: the same for every attempt, so that a repeated delivery has the
/// same octets, and not to be guessed by who wrote the message.
pub fn boundary(id: i64) -> String {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    static SECRET: std::sync::OnceLock<RandomState> = std::sync::OnceLock::new();
    let mut hasher = SECRET.get_or_init(RandomState::new).build_hasher();
    hasher.write_i64(id);
    format!("{:x}.{:016x}", id, hasher.finish())
}
