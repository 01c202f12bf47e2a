//! Who is told what became of a copy: delivery reports, read reports and delivery status
//! notifications, in both directions (RFC 3461 §5.2, TS 23.140 §8.1.4, RFC 4356 §4).
//!
//! A [`Ledger`] is what the gateway keeps of one recipient's copy, from acceptance until nothing
//! more can be said of it. Each event moves its [`Standing`], and each change of standing is told
//! once, if it was asked for. Wording, codes and DSN actions of a notice are made by the mapping.

use alloc::{string::String, vec::Vec};

use cedrat_message::{
    Address, DeliveryReport, DeliveryStatus, Message, Notify, Origin, ReadReport, ReadStatus, Reason,
    Recipient, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{
    guard::peer_key,
    outcome::{End, Settled, Standing},
};

/// What the sender of a mail said with NOTIFY (RFC 3461 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NotifyFlags {
    /// `NEVER`.
    pub never: bool,
    /// `SUCCESS`.
    pub success: bool,
    /// `FAILURE`.
    pub failure: bool,
    /// `DELAY`.
    pub delay: bool,
}

impl From<Notify> for NotifyFlags {
    fn from(notify: Notify) -> Self {
        let Notify { never, success, failure, delay } = notify;
        Self { never, success, failure, delay }
    }
}

/// What the originator asked to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Asked {
    /// X-Mms-Delivery-Report, or X-Mms-Originator-R/S-Delivery-Report.
    pub delivery_report: bool,
    /// X-Mms-Read-Reply, Disposition-Notification-To.
    pub read_report: bool,
    /// NOTIFY of a mail; `None` = not said.
    pub notify: Option<NotifyFlags>,
    /// A trace or notify mode of DELIVERBY (RFC 2852): handing over is told even unasked.
    pub trace: bool,
}

/// Who answers for a copy after the next hop has taken it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// The next hop, to the sender itself: a mail system that was passed NOTIFY and the sender's
    /// return path (RFC 3461 §5.2.1).
    NextHopToSender,
    /// The next hop, to this gateway: a report was requested and will be translated (§5.2.4 a).
    NextHopToUs,
    /// Nobody (§5.2.2, §5.2.4 b).
    Nobody,
}

/// What happens to a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The next hop took it.
    Accepted(Answers),
    /// It has waited so long that its sender may be told.
    Delayed(Reason),
    /// It arrived.
    Delivered,
    /// Its time was over; the last reason.
    Expired(Reason),
    /// The recipient read or deleted it.
    Read(ReadStatus),
    /// Refused for good, here or by the next hop.
    Refused(Reason),
    /// The next hop reported.
    Reported(DeliveryStatus, Option<Reason>),
    /// The report that was requested of the next hop did not come in time.
    Unreported,
}

/// What the next hop knows a copy by: whose report it is, when one comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentAs {
    /// Peer that it went to.
    pub peer: String,
    /// Interface that it went by.
    #[serde(with = "crate::text::origin")]
    pub interface: Origin,
    /// Message ID that it was sent with.
    pub message_id: String,
    /// Recipient that it was sent to.
    pub recipient: String,
}

/// What is kept of one recipient's copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Interface that it came by, and that its reports leave by.
    #[serde(with = "crate::text::origin")]
    pub origin: Origin,
    /// Peer that it came from.
    pub peer: Option<String>,
    /// Message ID as its originator knows it.
    pub message_id: String,
    /// Recipient, in the form of [`Address`]'s `Display`.
    pub recipient: String,
    /// Recipient as the sender first wrote it (ORCPT, still encoded).
    pub original_recipient: Option<String>,
    /// Who is told: the return path of a mail, the originator of an MMS. `None` = nobody, ever: a
    /// null return path.
    pub return_to: Option<String>,
    /// Who gets a read report when not [`Ledger::return_to`].
    pub read_report_to: Option<String>,
    /// ENVID, xtext.
    pub envelope_id: Option<String>,
    /// What was asked.
    pub asked: Asked,
    /// Whether the copy is itself a report: nothing is ever said of it.
    pub is_report: bool,
    /// What the next hop knows it by; `None` until it was sent.
    pub sent_as: Option<SentAs>,
    /// Where it stands.
    pub standing: Standing,
    told: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Told {
    delayed: bool,
    read: bool,
    relayed: bool,
    /// The next hop tells the sender itself.
    delegated: bool,
}

/// What the sender is told. It leaves by [`Ledger::origin`], to the peer that the copy came from
/// or to its return path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A delivery report; for mail a DSN.
    Delivery(DeliveryReport),
    /// A read report; for mail an MDN.
    Read(ReadReport),
}

impl Ledger {
    /// The ledger of a recipient's copy at its acceptance. `asked_trace` is true for a DELIVERBY
    /// of mode N or with the trace flag.
    #[must_use]
    pub fn open(message: &Message, recipient: &Recipient, peer: Option<&str>, asked_trace: bool) -> Self {
        let originator = message.originator.as_ref().map(|party| &party.address);
        let return_to = match message.origin {
            // No return path and made by a machine is how a null one is told.
            Origin::Mail if message.automatic => message.return_path.as_ref(),
            Origin::Mail | Origin::Mm4 => message.return_path.as_ref().or(originator),
        };
        let text = |address: &Address| alloc::format!("{address}");
        Self {
            origin: message.origin,
            peer: peer.map(Into::into),
            message_id: message.id.clone(),
            recipient: text(&recipient.address),
            original_recipient: recipient.original.clone(),
            return_to: return_to.map(text),
            read_report_to: message.read_report_to.as_ref().map(text),
            envelope_id: message.envelope_id.clone(),
            asked: Asked {
                delivery_report: message.delivery_report == Some(true)
                    || message.relay_delivery_report == Some(true),
                read_report: message.read_report == Some(true),
                notify: recipient.notify.map(Into::into),
                trace: asked_trace,
            },
            is_report: false,
            sent_as: None,
            standing: Standing::default(),
            told: Told::default(),
        }
    }

    /// What to ask of the next hop: whether somebody here wants to hear of success, or of failure
    /// after the next hop has taken the copy (RFC 3461 §5.2.4 a and d).
    #[must_use]
    pub fn wants(&self) -> Wants {
        if self.is_report || self.return_to.is_none() {
            return Wants { success: false, failure: false, read: false };
        }
        let (success, failure) = match self.origin {
            Origin::Mail => (self.tells_success(), self.tells_failure()),
            Origin::Mm4 => (self.asked.delivery_report, self.asked.delivery_report),
        };
        Wants { success, failure, read: self.asked.read_report }
    }

    fn tells_success(&self) -> bool {
        match self.origin {
            Origin::Mail => self.asked.notify.is_some_and(|notify| notify.success && !notify.never),
            Origin::Mm4 => self.asked.delivery_report,
        }
    }

    fn tells_failure(&self) -> bool {
        match self.origin {
            Origin::Mail => self.asked.notify.is_none_or(|notify| notify.failure && !notify.never),
            Origin::Mm4 => self.asked.delivery_report,
        }
    }

    fn tells_delay(&self, by_us: bool) -> bool {
        match self.origin {
            // A waiting handset is no news to a mail user who did not ask; a stuck queue is.
            Origin::Mail => self.asked.notify.map_or(by_us, |notify| notify.delay && !notify.never),
            Origin::Mm4 => self.asked.delivery_report,
        }
    }

    /// Whether a handing over is told although nobody asked to hear of success.
    fn traced(&self) -> bool {
        self.origin == Origin::Mail
            && self.asked.trace
            && !self.asked.notify.is_some_and(|notify| notify.never)
    }

    /// Takes note of an event and says what to tell. Twice the same event tells nothing twice.
    pub fn note(&mut self, event: Event, at: Timestamp) -> Vec<Notice> {
        let mut notices = Vec::new();
        match event {
            Event::Accepted(Answers::NextHopToUs) => {
                if self.standing.is_waiting() {
                    notices.extend(self.trace(at));
                }
                self.standing.hand_over();
            }
            Event::Accepted(Answers::NextHopToSender) => {
                if self.settle(End::Relayed) {
                    notices.extend(self.trace(at));
                    self.told.delegated = true;
                }
            }
            Event::Accepted(Answers::Nobody) => {
                notices.extend(self.end(End::Relayed, DeliveryStatus::Forwarded, at));
            }
            Event::Unreported if self.standing.is_handed() => {
                notices.extend(self.end(End::Relayed, DeliveryStatus::Forwarded, at));
            }
            Event::Unreported => {}
            Event::Delayed(reason) => notices.extend(self.delay(Some(reason), true, at)),
            Event::Delivered => notices.extend(self.end(End::Delivered, DeliveryStatus::Retrieved, at)),
            Event::Expired(reason) => {
                notices.extend(self.end(End::Expired(reason), DeliveryStatus::Expired, at));
            }
            Event::Refused(reason) => {
                notices.extend(self.end(End::Refused(reason), failure_status(reason), at));
            }
            Event::Reported(status, reason) => notices.extend(self.reported(status, reason, at)),
            Event::Read(status) => {
                // Whoever read it has it, whether or not the delivery report was lost.
                notices.extend(self.end(End::Delivered, DeliveryStatus::Retrieved, at));
                notices.extend(self.read(status, at));
            }
        }
        notices
    }

    fn reported(&mut self, status: DeliveryStatus, reason: Option<Reason>, at: Timestamp) -> Option<Notice> {
        let reason = reason.unwrap_or(match status {
            DeliveryStatus::Unrecognised => Reason::UnsupportedMessage,
            _ => Reason::Rejected,
        });
        match status {
            // RFC 4356: a delayed DSN is never turned into an MMS report.
            DeliveryStatus::Deferred
                if self.sent_as.as_ref().is_some_and(|s| s.interface == Origin::Mail) =>
            {
                None
            }
            DeliveryStatus::Deferred => self.delay(None, false, at),
            DeliveryStatus::Retrieved => self.end(End::Delivered, status, at),
            DeliveryStatus::Forwarded | DeliveryStatus::Indeterminate => self.end(End::Relayed, status, at),
            DeliveryStatus::Expired => self.end(End::Expired(Reason::Expired), status, at),
            DeliveryStatus::Rejected | DeliveryStatus::Unreachable | DeliveryStatus::Unrecognised => {
                self.end(End::Refused(reason), status, at)
            }
        }
    }

    fn settle(&mut self, end: End) -> bool {
        self.standing.settle(end) != Settled::Kept
    }

    fn end(&mut self, end: End, status: DeliveryStatus, at: Timestamp) -> Option<Notice> {
        if !self.settle(end) || self.told.delegated {
            return None;
        }
        let (told, reason) = match end {
            End::Delivered => (self.tells_success(), None),
            End::Expired(reason) | End::Refused(reason) => (self.tells_failure(), Some(reason)),
            End::Relayed => (!self.told.relayed && (self.tells_success() || self.traced()), None),
        };
        self.told.relayed |= end == End::Relayed;
        if told { self.delivery(status, reason, at) } else { None }
    }

    fn trace(&mut self, at: Timestamp) -> Option<Notice> {
        if self.told.relayed || !self.traced() {
            return None;
        }
        self.told.relayed = true;
        self.delivery(DeliveryStatus::Forwarded, None, at)
    }

    fn delay(&mut self, reason: Option<Reason>, by_us: bool, at: Timestamp) -> Option<Notice> {
        if self.told.delayed || self.standing.end().is_some() || !self.tells_delay(by_us) {
            return None;
        }
        self.told.delayed = true;
        self.delivery(DeliveryStatus::Deferred, reason, at)
    }

    fn read(&mut self, status: ReadStatus, at: Timestamp) -> Option<Notice> {
        if self.told.read || !self.asked.read_report || self.is_report {
            return None;
        }
        // A null return path forbids this answer too, whatever address stands in the header.
        let return_to = self.return_to.as_ref()?;
        let to = self.read_report_to.as_ref().unwrap_or(return_to);
        self.told.read = true;
        Some(Notice::Read(ReadReport {
            message_id: self.message_id.clone(),
            recipient: Address::parse(&self.recipient).ok()?,
            originator: Address::parse(to).ok(),
            at: Some(at),
            status,
            text: None,
        }))
    }

    fn delivery(&self, status: DeliveryStatus, reason: Option<Reason>, at: Timestamp) -> Option<Notice> {
        if self.is_report {
            return None;
        }
        let to = self.return_to.as_ref()?;
        Some(Notice::Delivery(DeliveryReport {
            message_id: self.message_id.clone(),
            recipient: Address::parse(&self.recipient).ok()?,
            original_recipient: self.original_recipient.clone(),
            originator: Address::parse(to).ok(),
            at: Some(at),
            status,
            reason,
            enhanced: None,
            token: None,
            text: None,
            envelope_id: self.envelope_id.clone(),
            forward_to_originator: None,
        }))
    }
}

/// What to ask of the next hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wants {
    /// To report success.
    pub success: bool,
    /// To report failure.
    pub failure: bool,
    /// To report that it was read.
    pub read: bool,
}

/// The word of TS 23.140 for a refusal.
const fn failure_status(reason: Reason) -> DeliveryStatus {
    match reason {
        Reason::Expired => DeliveryStatus::Expired,
        Reason::UnsupportedMessage | Reason::MessageFormatCorrupt => DeliveryStatus::Unrecognised,
        Reason::RecipientUnknown
        | Reason::DomainUnknown
        | Reason::DomainWithoutMail
        | Reason::NoRoute
        | Reason::NoResponse
        | Reason::NextHopUnavailable => DeliveryStatus::Unreachable,
        _ => DeliveryStatus::Rejected,
    }
}

/// Key under which a copy that was sent is found again. The recipient is compared by its digits or
/// in lower case, as systems write numbers with and without `+`.
#[must_use]
pub fn copy_key(sent: &SentAs) -> String {
    recipient_key(&sent.peer, &sent.message_id, &sent.recipient)
}

/// Key under which the copy of a report is looked for. `peer` is the one that the report came from: a
/// report on what was sent to somebody else finds nothing, and is refused.
#[must_use]
pub fn report_key(peer: &str, message_id: &str, recipient: &Address) -> String {
    recipient_key(peer, message_id, &alloc::format!("{recipient}"))
}

fn recipient_key(peer: &str, message_id: &str, recipient: &str) -> String {
    let mut key = peer_key('r', peer, message_id);
    key.push(':');
    key.push_str(&recipient.trim_start_matches('+').to_lowercase());
    key
}

#[cfg(test)]
#[path = "report/tests.rs"]
mod tests;
