//! From an incoming transaction to the acknowledgement: what it is, whether it is taken, where its
//! copies go, and the one commit after which a 250 may be sent.
//!
//! Nothing here waits for a next hop, converts media or looks anything up that a stranger chose,
//! except the sender's own domain policy where a peer is configured for it.

mod accept;
pub mod report;
mod response;

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use cedrat_mapping::{
    Tables,
    mail::{MailEnvelope, MailReading},
    mm4,
};
use cedrat_message::{
    Address, Blame, MailAddress, Message, Notify, Number, Permanence, Reason, Recipient, Refusal, Role,
};
use cedrat_relay::route::{Decision, Query, Verdict};
use cedrat_wire_mail::smtp::{ByMode, Hold, Mail, Rcpt, Reply, Ret};
use cedrat_wire_mms::address::{AddressKind, Envelope as Path, MmsAddress, envelope};

use crate::{
    adapters::smtp::{authentication, listener::Side},
    clock,
    config::{MailOriginators, Peer, PeerProtocol},
    events::{Event, Protocol},
    gateway::{Gateway, Settings},
    record,
};

pub use accept::{Arrival, destination, store_refusal};

/// Where a transaction comes from.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The gateway.
    pub gateway: &'a Arc<Gateway>,
    /// The settings that the connection began with.
    pub settings: &'a Arc<Settings>,
    /// Who sends.
    pub peer: &'a Peer,
    /// The port's purpose.
    pub side: Side,
    /// Name of the session in logs.
    pub session: &'a str,
    /// Where from.
    pub remote: IpAddr,
    /// The name it gave itself.
    pub helo: &'a str,
    /// TLS version and cipher.
    pub tls: Option<&'a str>,
}

impl Source<'_> {
    /// The interface in events.
    pub const fn protocol(&self) -> Protocol {
        match self.side {
            Side::Lmtp => Protocol::Lmtp,
            Side::Mail | Side::Submission => Protocol::Mail,
            Side::Mm4 => Protocol::Mm4,
        }
    }

    const fn interface(&self) -> cedrat_message::Origin {
        match self.side {
            Side::Mm4 => cedrat_message::Origin::Mm4,
            _ => cedrat_message::Origin::Mail,
        }
    }
}

/// The SMTP reply for a refusal: code and words from the tables, never the operator's detail.
pub fn reply(tables: &Tables, refusal: &Refusal) -> Reply {
    let (code, (class, subject, detail)) = tables.smtp(refusal.reason);
    Reply::new(code, (class, u16::from(subject), u16::from(detail)), refusal.reason.text())
}

/// The same in place of a greeting, where only 421 and 554 are understood (RFC 5321 §3.1).
pub fn greeting(tables: &Tables, refusal: &Refusal) -> Reply {
    let reply = reply(tables, refusal);
    let code = if refusal.reason.permanence() == Permanence::Transient { 421 } else { 554 };
    Reply { code, ..reply }
}

/// A recipient that was accepted at RCPT.
#[derive(Debug)]
struct Accepted {
    given: String,
    address: Address,
    notify: Option<cedrat_wire_mail::smtp::Notify>,
    orcpt: Option<String>,
    way: Way,
}

/// What a recipient is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Everything.
    Message,
    /// Only for a report, because no route leads there.
    Report,
    /// Our own system address: answers and reports of peers.
    System,
}

/// A transaction from MAIL to the end of the message.
#[derive(Debug)]
pub struct Transaction {
    mail: Mail,
    from: String,
    sender: Option<Address>,
    recipients: Vec<Accepted>,
    /// The message so far.
    pub content: Vec<u8>,
    /// Octets of memory that are reserved for it.
    pub reserved: u64,
    /// Why it cannot be taken although the octets still come.
    pub refused: Option<Refusal>,
    /// What its source knows it by; without it the peer and the Message-ID tell a repetition.
    pub identity: Option<Identity>,
}

/// By what a message is known again whatever its place or number has become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Where it is unique, such as `imap/support`.
    pub source: String,
    /// The message; the recipient is added to it.
    pub key: String,
    /// How long it is kept, milliseconds.
    pub keep_ms: u64,
}

impl Transaction {
    /// Begins one.
    ///
    /// # Errors
    /// When the return path cannot be understood.
    pub fn begin(source: &Source<'_>, mail: Mail) -> Result<Self, Refusal> {
        let from = mail.from.as_str().to_owned();
        let sender = if from.is_empty() {
            None
        } else if source.side == Side::Mm4 {
            mms_address(source, &from)
        } else {
            let address = MailAddress::parse(&from).map_err(|fault| {
                Refusal::new(Reason::AddressMalformed, Blame::Peer, format!("return path {fault}"))
            })?;
            Some(Address::Mail(address))
        };
        Ok(Self {
            mail,
            from,
            sender,
            recipients: Vec::new(),
            content: Vec::new(),
            reserved: 0,
            refused: None,
            identity: None,
        })
    }

    /// Who sends, by the return path.
    pub const fn sender(&self) -> Option<&Address> {
        self.sender.as_ref()
    }

    /// The size that the sender announced.
    pub const fn declared(&self) -> Option<u64> {
        self.mail.size
    }

    /// How many recipients were accepted.
    pub fn accepted(&self) -> usize {
        self.recipients.len()
    }

    /// Takes one more recipient.
    ///
    /// # Errors
    /// When it is not known, not permitted to this peer, or no route leads there.
    pub async fn recipient(&mut self, source: &Source<'_>, rcpt: Rcpt) -> Result<(), Refusal> {
        let given = rcpt.address.as_str().to_owned();
        let (address, system) = self.resolve(source, &given).await?;
        let way = if system {
            Way::System
        } else {
            let taken = u32::try_from(self.recipients.len()).unwrap_or(u32::MAX);
            source.peer.policy.admit_recipient(&address, taken)?;
            let decision = route(source, "", self.sender.as_ref(), &address, self.mail.size.unwrap_or(0));
            match decision.verdict {
                Verdict::Deliver(peers) => {
                    self.can_be_named(source, &peers)?;
                    Way::Message
                }
                Verdict::Hold => Way::Message,
                // A report may come for somebody who can be written to only by other ways.
                Verdict::Reject(_) if self.mail.from.is_null() => Way::Report,
                Verdict::Reject(refusal) => return Err(refusal),
            }
        };
        self.recipients.push(Accepted {
            given,
            address,
            notify: rcpt.notify,
            orcpt: rcpt.orcpt.map(|orcpt| orcpt.to_string()),
            way,
        });
        Ok(())
    }

    /// Whether one of these peers can be told who sends: no MM4 address holds more than ASCII, and
    /// only an alias stands for one that does.
    fn can_be_named(&self, source: &Source<'_>, peers: &[String]) -> Result<(), Refusal> {
        let Some(sender) = self.sender.as_ref().and_then(Address::mail).filter(|it| !it.is_ascii()) else {
            return Ok(());
        };
        let settings = source.settings;
        let takes = |peer: &Peer| {
            let aliased = settings.aliases.is_some() && peer.mail_originators == MailOriginators::Alias;
            peer.protocol != PeerProtocol::Mm4 || aliased
        };
        if peers.iter().filter_map(|id| settings.config.peer(id)).any(takes) {
            return Ok(());
        }
        let detail = format!("{sender} is not ASCII, which no MM4 address holds");
        Err(Refusal::new(Reason::SenderUnresolved, Blame::Peer, detail))
    }

    /// Who a RCPT TO means, and whether that is our system address.
    async fn resolve(&self, source: &Source<'_>, given: &str) -> Result<(Address, bool), Refusal> {
        let unknown = || {
            Refusal::new(
                Reason::RecipientUnknown,
                Blame::Peer,
                format!("recipient {given} is not known here"),
            )
        };
        let own = &source.settings.config;
        if source.side == Side::Mm4 {
            if is_system_address(own, given) {
                return Ok((Address::Name("system".into()), true));
            }
            let address = mms_address(source, given).ok_or_else(unknown)?;
            return Ok((self.behind_alias(source, address).await?, false));
        }
        let mail = MailAddress::parse(given).map_err(|_| unknown())?;
        if !own.mail.domains.iter().any(|domain| domain == mail.domain()) {
            // Mail that stays mail is not this gateway's to relay, whatever the routes say.
            return Err(Refusal::new(
                Reason::NotPermitted,
                Blame::Peer,
                format!("{} is none of `mail.domains`; mail is not relayed to mail", mail.domain()),
            ));
        }
        let local = mail.local().split_once("/TYPE=").map_or(mail.local(), |(number, _)| number);
        let number = Number::parse(local).map_err(|_| unknown())?;
        let number = source.peer.numbers.apply(&number).map_err(|_| unknown())?.number;
        Ok((Address::Number(number), false))
    }

    async fn behind_alias(&self, source: &Source<'_>, address: Address) -> Result<Address, Refusal> {
        unalias(source.gateway, source.settings, address).await
    }
}

/// The address that a number of the alias pool stands for; any other address as it is.
///
/// # Errors
/// `RecipientUnknown` for a number of the pool that stands for nobody.
pub async fn unalias(gateway: &Gateway, settings: &Settings, address: Address) -> Result<Address, Refusal> {
    if !settings.is_alias(&address) {
        return Ok(address);
    }
    let known = gateway.store.address_of(&address.to_string()).await.map_err(store_refusal)?;
    known.and_then(|mail| MailAddress::parse(&mail).ok()).map(Address::Mail).ok_or_else(|| {
        Refusal::new(
            Reason::RecipientUnknown,
            Blame::Peer,
            format!("{address} is of the alias pool and stands for nobody"),
        )
    })
}

/// Names those who are shown by a number of the alias pool by their e-mail address.
pub async fn unalias_shown(gateway: &Gateway, settings: &Settings, message: &mut Message) {
    for shown in &mut message.shown {
        if settings.is_alias(&shown.party.address)
            && let Ok(address) = unalias(gateway, settings, shown.party.address.clone()).await
        {
            shown.party.address = address;
        }
    }
}

fn is_system_address(own: &crate::config::Config, given: &str) -> bool {
    let (system, domain) = own.mm4.system_address.rsplit_once('@').unwrap_or((&own.mm4.system_address, ""));
    let (local, at) = given.rsplit_once('@').unwrap_or((given, ""));
    let known = local.eq_ignore_ascii_case(system) || local.eq_ignore_ascii_case("postmaster");
    known && (at.is_empty() || at.eq_ignore_ascii_case(domain) || at.eq_ignore_ascii_case(&own.mm4.domain))
}

/// Who an MM4 envelope address means, with an international number where the peer's rules say how.
fn mms_address(source: &Source<'_>, given: &str) -> Option<Address> {
    let Path::Address(path) = envelope(given) else { return None };
    let address = canonical(&path)?;
    source.peer.numbers.apply_to(&address).ok()
}

fn canonical(path: &MmsAddress) -> Option<Address> {
    match (&path.kind, &path.domain) {
        (AddressKind::Plmn, _) => Number::parse(&path.local).ok().map(Address::Number),
        (AddressKind::Ipv4 | AddressKind::Ipv6, _) => path.local.parse().ok().map(Address::Ip),
        (AddressKind::Unspecified, _) if path.is_number() => {
            Number::parse(&path.local).ok().map(Address::Number)
        }
        (AddressKind::Mail, Some(domain)) => MailAddress::new(&path.local, domain).ok().map(Address::Mail),
        (AddressKind::Unspecified, None) => Address::name(&path.local).ok(),
        _ => None,
    }
}

/// Where a recipient's copy goes.
pub fn route(source: &Source<'_>, id: &str, sender: Option<&Address>, to: &Address, octets: u64) -> Decision {
    source.settings.routes.route(&Query {
        message_id: id,
        sender,
        recipient: to,
        peer: Some(&source.peer.id),
        peer_numbers: Some(&source.peer.numbers),
        interface: source.interface(),
        octets,
    })
}

/// Takes a complete message. When this returns, it is on stable storage; the number is the
/// gateway's own name for it, 0 for a report or an answer that spoke of nothing known.
///
/// # Errors
/// Why it was not taken; nothing of it was kept.
pub async fn take(source: &Source<'_>, mut transaction: Transaction) -> Result<i64, Refusal> {
    if let Some(refusal) = transaction.refused.take() {
        return Err(refusal);
    }
    let content = Bytes::from(std::mem::take(&mut transaction.content));
    source.peer.policy.admit_octets(content.len() as u64)?;
    if source.side == Side::Mm4 {
        take_mm4(source, transaction, content).await
    } else {
        take_mail(source, transaction, content).await
    }
}

async fn take_mm4(source: &Source<'_>, transaction: Transaction, content: Bytes) -> Result<i64, Refusal> {
    let now = clock::now();
    let settings = source.settings;
    let recipients: Vec<String> = transaction.recipients.iter().map(|to| to.given.clone()).collect();
    let envelope = mm4::Envelope { from: &transaction.from, recipients: &recipients };
    let pdu = cedrat_wire_mms::mm4::Pdu::decode(&content, &cedrat_wire_mms::mm4::Limits::default()).map_err(
        |fault| {
            Refusal::new(Reason::MessageFormatCorrupt, Blame::Message, format!("not an MM4 PDU: {fault}"))
        },
    )?;
    match mm4::inbound(&source.settings.tables, &pdu, &envelope, &source.peer.quirks, now) {
        Ok((inbound, hop, loss)) => match inbound {
            cedrat_mapping::Inbound::Message(mut message) => {
                for (recipient, accepted) in message.recipients.iter_mut().zip(&transaction.recipients) {
                    recipient.address = accepted.address.clone();
                }
                unalias_shown(source.gateway, settings, &mut message).await;
                accept::message(source, &transaction, content, message, loss, Some(&hop)).await
            }
            cedrat_mapping::Inbound::Delivery(reports) => report::delivery(source, reports, Some(&hop)).await,
            cedrat_mapping::Inbound::Read(report) => report::read(source, report, Some(&hop)).await,
            cedrat_mapping::Inbound::Result(result) => response::take(source, result).await,
        },
        Err((refusal, hop)) => accept::refuse_mm4(source, &refusal, &hop).await.ok_or(refusal),
    }
}

async fn take_mail(source: &Source<'_>, transaction: Transaction, content: Bytes) -> Result<i64, Refusal> {
    let settings = source.settings;
    let now = clock::now();
    let mut content = content;
    if source.peer.authenticate_mail && source.side == Side::Mail {
        let verdict = authentication::check(
            &settings.resolver,
            settings.config.mail.authentication,
            &settings.config.host,
            source.remote,
            source.helo,
            &transaction.from,
            &content,
        )
        .await?;
        if let Some(verdict) = verdict {
            source.gateway.events.tell(&Event::Authentication {
                session: source.session.to_owned(),
                peer: source.peer.id.clone(),
                result: verdict.dmarc.to_owned(),
            });
            content = [verdict.header.as_bytes(), &content].concat().into();
        }
    }
    let envelope = mail_envelope(&transaction);
    let reading = reading(settings, source.gateway.store.allot(now.0));
    let (inbound, loss) =
        cedrat_mapping::mail::inbound(&settings.tables, &content, &envelope, &reading, now)?;
    match inbound {
        cedrat_mapping::Inbound::Message(message) => {
            accept::message(source, &transaction, content, message, loss, None).await
        }
        cedrat_mapping::Inbound::Delivery(reports) => report::delivery(source, reports, None).await,
        cedrat_mapping::Inbound::Read(report) => report::read(source, report, None).await,
        cedrat_mapping::Inbound::Result(_) => {
            Err(Refusal::new(Reason::UnsupportedMessage, Blame::Peer, "an MM4 response as Internet mail"))
        }
    }
}

/// How mail is read, by the configuration.
pub fn reading(settings: &Settings, id: i64) -> MailReading {
    let own = &settings.config;
    let mut reading = MailReading::new(own.mail.domains.clone(), format!("{id:x}@{}", own.host));
    reading.cut_quotes = own.mail.cut_quotes;
    reading.cut_signature = own.mail.cut_signature;
    reading.limits.parts = usize::try_from(own.limits.max_parts).unwrap_or(usize::MAX);
    reading.limits.depth = usize::try_from(own.limits.max_depth).unwrap_or(usize::MAX);
    reading
}

fn mail_envelope(transaction: &Transaction) -> MailEnvelope {
    MailEnvelope {
        from: MailAddress::parse(&transaction.from).ok(),
        recipients: transaction
            .recipients
            .iter()
            .map(|to| Recipient {
                address: to.address.clone(),
                role: Role::Bcc,
                notify: to.notify.map(|n| Notify {
                    never: n == cedrat_wire_mail::smtp::Notify::NEVER,
                    success: n.success,
                    failure: n.failure,
                    delay: n.delay,
                }),
                original: to.orcpt.clone(),
            })
            .collect(),
        envid: transaction.mail.envid.clone(),
        ret: transaction.mail.ret.map(|ret| ret == Ret::Full),
        deliver_by: transaction
            .mail
            .deliver_by
            .map(|by| (i64::from(by.seconds), if by.mode == ByMode::Return { 'R' } else { 'N' })),
        ..MailEnvelope::default()
    }
}

impl Transaction {
    /// The envelope as it is stored.
    fn envelope(&self, form: record::Form) -> record::Envelope {
        record::Envelope {
            v: 1,
            form,
            from: self.from.clone(),
            to: self
                .recipients
                .iter()
                .map(|to| record::EnvelopeRecipient {
                    given: to.given.clone(),
                    address: to.address.to_string(),
                    notify: to.notify.map(|n| record::NotifyFlags {
                        success: n.success,
                        failure: n.failure,
                        delay: n.delay,
                    }),
                    orcpt: to.orcpt.clone(),
                })
                .collect(),
            envid: self.mail.envid.clone(),
            ret_full: self.mail.ret.map(|ret| ret == Ret::Full),
            by: self.mail.deliver_by.map(|by| (i64::from(by.seconds), by.mode == ByMode::Return)),
            eight_bit: false,
            kind: None,
            transaction: None,
            about: None,
        }
    }

    /// When it may go at the earliest (RFC 4865).
    fn not_before(&self, now: cedrat_message::Timestamp) -> Option<cedrat_message::Timestamp> {
        match self.mail.hold.as_ref()? {
            Hold::For(seconds) => Some(now.plus_seconds(u64::from(*seconds))),
            Hold::Until(text) => cedrat_wire_mms::date::parse(text).map(cedrat_message::Timestamp),
        }
    }
}
