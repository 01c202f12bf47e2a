//! `MM4_forward.REQ` (TS 23.140 §8.4.1, table of the forward request).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Application, Block, WriteStyle};
use crate::address::MmsAddress;
use crate::date;
use crate::mm4::{
    ContentClass, ExpiryValue, Header, Id, Indexed, Kind, MessageClass, Name, Pdu, Priority, SenderVisibility,
};
use crate::quirks::{ExpiryForm, ForwardTrace};

/// A message handed to another R/S.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardReq {
    /// Joins the response with this request.
    pub transaction_id: Id,
    /// The MM, unchanged over all hops.
    pub message_id: Id,
    /// Recipients shown.
    pub to: Vec<MmsAddress>,
    /// Copy recipients shown.
    pub cc: Vec<MmsAddress>,
    /// Originator; present even where the recipient must not see it.
    pub from: MmsAddress,
    /// Type of `body` with its parameters.
    pub content_type: String,
    /// `Content-Transfer-Encoding`, for a body that is no multipart.
    pub transfer_encoding: Option<String>,
    /// Message class.
    pub message_class: Option<MessageClass>,
    /// Time of submission in milliseconds since 1970 UTC.
    pub date: Option<i64>,
    /// When the MM expires; seconds count from `date`, or from the time of writing without it.
    pub expiry: Option<ExpiryValue>,
    /// Whether the originator wants a delivery report.
    pub delivery_report: Option<bool>,
    /// Whether we want one though the originator did not ask.
    pub originator_rs_delivery_report: Option<bool>,
    /// Priority.
    pub priority: Option<Priority>,
    /// Whether the recipient may see the originator.
    pub sender_visibility: Option<SenderVisibility>,
    /// Whether the originator wants a read report.
    pub read_reply: Option<bool>,
    /// Subject, already in encoded words where it is not ASCII.
    pub subject: Option<String>,
    /// Whether we want a response.
    pub ack_request: Option<bool>,
    /// How often the MM was forwarded.
    pub forward_counter: Option<u32>,
    /// Earlier senders.
    pub previously_sent_by: Vec<Indexed<MmsAddress>>,
    /// Earlier sending times, milliseconds since 1970 UTC.
    pub previously_sent_dates: Vec<Indexed<i64>>,
    /// Value added service that the MM came from.
    pub value_added: ValueAdded,
    /// Application addressing.
    pub application: Application,
    /// Content class.
    pub content_class: Option<ContentClass>,
    /// Whether there is DRM-protected content.
    pub drm_content: Option<bool>,
    /// Whether the content may be adapted.
    pub adaptation_allowed: Option<bool>,
    /// Reply charging, by bilateral agreement only.
    pub reply_charging: ReplyCharging,
    /// RFC 5322 Message-ID, with or without brackets.
    pub rfc5322_message_id: Option<String>,
    /// Unknown headers to keep.
    pub extra: Vec<Header>,
}

/// What MM7 said of a value added service (Rel-6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValueAdded {
    /// `X-Mms-VASP-ID`
    pub vasp_id: Option<String>,
    /// `X-Mms-VAS-ID`
    pub vas_id: Option<String>,
    /// `X-Mms-Service-Code`
    pub service_code: Option<String>,
    /// `X-Mms-Charged-Party`
    pub charged_party: Option<String>,
    /// `X-Mms-Charged-Party-ID`
    pub charged_party_id: Option<String>,
}

/// Reply charging.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplyCharging {
    /// `X-Mms-Reply-Charging`
    pub request: Option<String>,
    /// `X-Mms-Reply-Charging-ID`
    pub id: Option<Id>,
    /// `X-Mms-Reply-Charging-Deadline`, written in the form of the expiry.
    pub deadline: Option<ExpiryValue>,
    /// `X-Mms-Reply-Charging-Size`, in octets.
    pub max_octets: Option<u64>,
}

impl ForwardReq {
    /// A request with what every request has; the rest is absent until set.
    pub fn new(
        transaction_id: Id,
        message_id: Id,
        from: MmsAddress,
        to: Vec<MmsAddress>,
        content_type: impl Into<String>,
    ) -> Self {
        Self {
            transaction_id,
            message_id,
            to,
            cc: Vec::new(),
            from,
            content_type: content_type.into(),
            transfer_encoding: None,
            message_class: None,
            date: None,
            expiry: None,
            delivery_report: None,
            originator_rs_delivery_report: None,
            priority: None,
            sender_visibility: None,
            read_reply: None,
            subject: None,
            ack_request: None,
            forward_counter: None,
            previously_sent_by: Vec::new(),
            previously_sent_dates: Vec::new(),
            value_added: ValueAdded::default(),
            application: Application::default(),
            content_class: None,
            drm_content: None,
            adaptation_allowed: None,
            reply_charging: ReplyCharging::default(),
            rfc5322_message_id: None,
            extra: Vec::new(),
        }
    }

    /// The PDU as the peer of `style` wants it, around a body of `content_type`.
    #[must_use]
    pub fn pdu(&self, style: &WriteStyle<'_>, body: Bytes) -> Pdu {
        let mut block = Block::open(Kind::ForwardReq, style);
        block.id(Name::TransactionId, Some(&self.transaction_id));
        block.id(Name::MessageId, Some(&self.message_id));
        block.addresses(Name::To, &self.to);
        block.addresses(Name::Cc, &self.cc);
        block.put(Name::From, block.address(&self.from));
        block.put(Name::ContentType, self.content_type.as_str());
        block.text(Name::MessageClass, self.message_class.as_ref().map(MessageClass::token));
        block.date(Name::Date, self.date);
        self.put_expiry(&mut block, Name::Expiry, self.expiry);
        block.flag(Name::DeliveryReport, self.delivery_report);
        block.flag(Name::OriginatorRsDeliveryReport, self.originator_rs_delivery_report);
        block.text(Name::Priority, self.priority.map(Priority::token));
        block.text(Name::SenderVisibility, self.sender_visibility.map(SenderVisibility::token));
        block.flag(Name::ReadReply, self.read_reply);
        block.text(Name::Subject, self.subject.as_deref());
        block.flag(Name::AckRequest, self.ack_request);
        block.put(Name::OriginatorSystem, style.system);
        self.put_trace(&mut block);
        self.put_services(&mut block);
        block.sender(&self.from);
        block.rfc5322_message_id(self.rfc5322_message_id.as_deref());
        block.put(Name::MimeVersion, "1.0");
        if let Some(encoding) = &self.transfer_encoding {
            block.headers.push(Header::new("Content-Transfer-Encoding", encoding.as_str()));
        }
        block.close(Kind::ForwardReq, &self.extra, body)
    }

    fn put_expiry(&self, block: &mut Block<'_>, name: Name, expiry: Option<ExpiryValue>) {
        let Some(expiry) = expiry else { return };
        let form = block.style.quirks.expiry_form;
        // Seconds count from submission, so they become a date from there; a date becomes the seconds
        // that are left, because a peer may count from arrival.
        let from = match (expiry, form) {
            (ExpiryValue::After(_), ExpiryForm::HttpDate | ExpiryForm::Rfc3339) => {
                self.date.unwrap_or(block.style.now)
            }
            _ => block.style.now,
        };
        block.put(name, expiry.written(form, from));
    }

    fn put_trace(&self, block: &mut Block<'_>) {
        if let Some(counter) = self.forward_counter {
            block.put(Name::ForwardCounter, format!("{counter}"));
        }
        if block.style.quirks.forward_trace == ForwardTrace::Pass {
            return;
        }
        for Indexed { index, value } in &self.previously_sent_by {
            block.put(Name::PreviouslySentBy, format!("{index}, {}", block.address(value)));
        }
        for Indexed { index, value } in &self.previously_sent_dates {
            block.put(Name::PreviouslySentDate, format!("{index}, {}", date::http(*value)));
        }
    }

    fn put_services(&self, block: &mut Block<'_>) {
        block.text(Name::VaspId, self.value_added.vasp_id.as_deref());
        block.text(Name::VasId, self.value_added.vas_id.as_deref());
        block.text(Name::ServiceCode, self.value_added.service_code.as_deref());
        block.text(Name::ChargedParty, self.value_added.charged_party.as_deref());
        block.text(Name::ChargedPartyId, self.value_added.charged_party_id.as_deref());
        block.application(&self.application);
        block.text(Name::ContentClass, self.content_class.as_ref().map(ContentClass::token));
        block.flag(Name::DrmContent, self.drm_content);
        block.flag(Name::AdaptationAllowed, self.adaptation_allowed);
        block.text(Name::ReplyCharging, self.reply_charging.request.as_deref());
        block.id(Name::ReplyChargingId, self.reply_charging.id.as_ref());
        self.put_expiry(block, Name::ReplyChargingDeadline, self.reply_charging.deadline);
        if let Some(octets) = self.reply_charging.max_octets {
            block.put(Name::ReplyChargingSize, format!("{octets}"));
        }
    }
}
