//! Typed reading of a PDU's headers. Every accessor answers `None` or an empty list for a header
//! that is absent or unreadable; [`Pdu::value`] tells the two apart.

use alloc::vec::Vec;

use super::value::unquoted;
use super::{
    ContentClass, ExpiryValue, Id, Indexed, MessageClass, MmStatus, Name, Pdu, Priority, ReadStatus,
    RequestStatus, SenderVisibility, StatusExtension, yes_no,
};
use crate::address::{self, MmsAddress};
use crate::date;

impl Pdu {
    /// Version of TS 23.140 that the peer claims, as received.
    #[must_use]
    pub fn mms_version(&self) -> Option<&str> {
        self.filled(Name::MmsVersion)
    }

    /// Joins a response with its request.
    #[must_use]
    pub fn transaction_id(&self) -> Option<Id> {
        self.filled(Name::TransactionId).map(Id::new)
    }

    /// The MM that this is, or that it reports on.
    #[must_use]
    pub fn message_id(&self) -> Option<Id> {
        self.filled(Name::MessageId).map(Id::new)
    }

    /// The RFC 5322 Message-ID of this mail, brackets included.
    #[must_use]
    pub fn rfc5322_message_id(&self) -> Option<&str> {
        self.filled(Name::Rfc5322MessageId)
    }

    /// Originator; of a report: the recipient that it reports on.
    #[must_use]
    pub fn from(&self) -> Option<MmsAddress> {
        self.filled(Name::From).and_then(address::one)
    }

    /// System or originator with a domain.
    #[must_use]
    pub fn sender(&self) -> Option<MmsAddress> {
        self.filled(Name::Sender).and_then(address::one)
    }

    /// Recipients shown, of all `To` headers. Who receives stands in the envelope.
    #[must_use]
    pub fn to(&self) -> Vec<MmsAddress> {
        self.addresses(Name::To)
    }

    /// Copy recipients shown, of all `Cc` headers.
    #[must_use]
    pub fn cc(&self) -> Vec<MmsAddress> {
        self.addresses(Name::Cc)
    }

    /// Type of the content with its parameters, as received.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.filled(Name::ContentType)
    }

    /// Message class.
    #[must_use]
    pub fn message_class(&self) -> Option<MessageClass> {
        self.filled(Name::MessageClass).map(MessageClass::read)
    }

    /// Time of submission, or of the event reported; milliseconds since 1970 UTC.
    #[must_use]
    pub fn date(&self) -> Option<i64> {
        self.filled(Name::Date).and_then(date::parse)
    }

    /// When the MM expires.
    #[must_use]
    pub fn expiry(&self) -> Option<ExpiryValue> {
        self.filled(Name::Expiry).and_then(ExpiryValue::read)
    }

    /// Whether the originator wants a delivery report.
    #[must_use]
    pub fn delivery_report(&self) -> Option<bool> {
        self.flag(Name::DeliveryReport)
    }

    /// Whether the originator's R/S wants a delivery report for itself.
    #[must_use]
    pub fn originator_rs_delivery_report(&self) -> Option<bool> {
        self.flag(Name::OriginatorRsDeliveryReport)
    }

    /// Priority.
    #[must_use]
    pub fn priority(&self) -> Option<Priority> {
        self.filled(Name::Priority).and_then(Priority::read)
    }

    /// Whether the recipient may see the originator.
    #[must_use]
    pub fn sender_visibility(&self) -> Option<SenderVisibility> {
        self.filled(Name::SenderVisibility).and_then(SenderVisibility::read)
    }

    /// Whether the originator wants a read report.
    #[must_use]
    pub fn read_reply(&self) -> Option<bool> {
        self.flag(Name::ReadReply)
    }

    /// Subject as received, encoded words left encoded. `Some("")` when it is there and empty.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.value(Name::Subject)
    }

    /// Whether the peer wants a response.
    #[must_use]
    pub fn ack_request(&self) -> Option<bool> {
        self.flag(Name::AckRequest)
    }

    /// Where the response and the reports go.
    #[must_use]
    pub fn originator_system(&self) -> Option<MmsAddress> {
        self.filled(Name::OriginatorSystem).and_then(address::one)
    }

    /// How often the MM was forwarded.
    #[must_use]
    pub fn forward_counter(&self) -> Option<u32> {
        unquoted(self.filled(Name::ForwardCounter)?).parse().ok()
    }

    /// Earlier senders in header order.
    #[must_use]
    pub fn previously_sent_by(&self) -> Vec<Indexed<MmsAddress>> {
        self.indexed(Name::PreviouslySentBy, address::one)
    }

    /// Earlier sending times in header order, milliseconds since 1970 UTC.
    #[must_use]
    pub fn previously_sent_dates(&self) -> Vec<Indexed<i64>> {
        self.indexed(Name::PreviouslySentDate, date::parse)
    }

    /// Outcome that a response states.
    #[must_use]
    pub fn request_status(&self) -> Option<RequestStatus> {
        self.filled(Name::RequestStatusCode).map(RequestStatus::read)
    }

    /// Free text beside the status.
    #[must_use]
    pub fn status_text(&self) -> Option<&str> {
        self.filled(Name::StatusText)
    }

    /// Recipients to which a response applies; empty means all of the request.
    #[must_use]
    pub fn request_recipients(&self) -> Vec<MmsAddress> {
        self.addresses(Name::RequestRecipients)
    }

    /// Outcome that a delivery report states.
    #[must_use]
    pub fn mm_status(&self) -> Option<MmStatus> {
        self.filled(Name::MmStatusCode).map(MmStatus::read)
    }

    /// Who rejected.
    #[must_use]
    pub fn mm_status_extension(&self) -> Option<StatusExtension> {
        self.filled(Name::MmStatusExtension).map(StatusExtension::read)
    }

    /// Whether the originator's user is to see the report.
    #[must_use]
    pub fn forward_to_originator_ua(&self) -> Option<bool> {
        self.flag(Name::ForwardToOriginatorUa)
    }

    /// What the recipient did.
    #[must_use]
    pub fn read_status(&self) -> Option<ReadStatus> {
        self.filled(Name::ReadStatus).map(ReadStatus::read)
    }

    /// Content class.
    #[must_use]
    pub fn content_class(&self) -> Option<ContentClass> {
        self.filled(Name::ContentClass).map(ContentClass::read)
    }

    /// Whether there is DRM-protected content.
    #[must_use]
    pub fn drm_content(&self) -> Option<bool> {
        self.flag(Name::DrmContent)
    }

    /// Whether the content may be adapted.
    #[must_use]
    pub fn adaptation_allowed(&self) -> Option<bool> {
        self.flag(Name::AdaptationAllowed)
    }

    /// Until when replies are paid for.
    #[must_use]
    pub fn reply_charging_deadline(&self) -> Option<ExpiryValue> {
        self.filled(Name::ReplyChargingDeadline).and_then(ExpiryValue::read)
    }

    /// Largest reply that is paid for, in octets.
    #[must_use]
    pub fn reply_charging_size(&self) -> Option<u64> {
        unquoted(self.filled(Name::ReplyChargingSize)?).parse().ok()
    }

    /// The MM to which a charged reply answers.
    #[must_use]
    pub fn reply_charging_id(&self) -> Option<Id> {
        self.filled(Name::ReplyChargingId).map(Id::new)
    }

    /// The value when it is there and not empty.
    fn filled(&self, name: Name) -> Option<&str> {
        self.value(name).filter(|value| !value.is_empty())
    }

    fn flag(&self, name: Name) -> Option<bool> {
        self.filled(name).and_then(yes_no)
    }

    fn addresses(&self, name: Name) -> Vec<MmsAddress> {
        self.headers.all(name.spelling()).flat_map(|header| address::list(header.value())).collect()
    }

    fn indexed<T>(&self, name: Name, read: impl Fn(&str) -> Option<T>) -> Vec<Indexed<T>> {
        let headers =
            self.headers.iter().filter(|header| name.spellings().any(|spelling| header.is(spelling)));
        (0_u32..)
            .zip(headers)
            .filter_map(|(position, header)| {
                let Indexed { index, value } = Indexed::read(header.value(), position);
                Some(Indexed { index, value: read(value)? })
            })
            .collect()
    }
}
