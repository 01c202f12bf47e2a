//! `MM4_delivery_report.REQ` (TS 23.140 §8.4.2) and `MM4_read_reply_report.REQ` (§8.4.3).
//!
//! Both are mails from the *recipient* of the MM to its originator, with an empty text body: some
//! peers refuse a report without a Content-Type.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Application, Block, WriteStyle};
use crate::address::MmsAddress;
use crate::mm4::{Header, Id, Kind, MmStatus, Name, Pdu, ReadStatus, StatusExtension};

/// What became of an MM for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryReportReq {
    /// Joins the response with this report.
    pub transaction_id: Id,
    /// The MM reported on.
    pub message_id: Id,
    /// The originator of the MM.
    pub to: MmsAddress,
    /// The recipient of the MM.
    pub from: MmsAddress,
    /// When it happened, in milliseconds since 1970 UTC.
    pub date: Option<i64>,
    /// Whether we want a response.
    pub ack_request: Option<bool>,
    /// What happened.
    pub status: MmStatus,
    /// Free text beside it.
    pub status_text: Option<String>,
    /// Who rejected (Rel-6).
    pub status_extension: Option<StatusExtension>,
    /// Whether the originator's user is to see the report (Rel-6).
    pub forward_to_originator_ua: Option<bool>,
    /// Application addressing.
    pub application: Application,
    /// RFC 5322 Message-ID, with or without brackets.
    pub rfc5322_message_id: Option<String>,
    /// Unknown headers to keep.
    pub extra: Vec<Header>,
}

/// What a recipient did with an MM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadReplyReportReq {
    /// Joins the response with this report.
    pub transaction_id: Id,
    /// The MM reported on.
    pub message_id: Id,
    /// The originator of the MM.
    pub to: MmsAddress,
    /// The recipient of the MM.
    pub from: MmsAddress,
    /// When it was read, in milliseconds since 1970 UTC.
    pub date: Option<i64>,
    /// Whether we want a response.
    pub ack_request: Option<bool>,
    /// What the recipient did.
    pub status: ReadStatus,
    /// Free text beside it.
    pub status_text: Option<String>,
    /// Application addressing.
    pub application: Application,
    /// RFC 5322 Message-ID, with or without brackets.
    pub rfc5322_message_id: Option<String>,
    /// Unknown headers to keep.
    pub extra: Vec<Header>,
}

/// What the two reports share.
struct Common<'a> {
    transaction_id: &'a Id,
    message_id: &'a Id,
    to: &'a MmsAddress,
    from: &'a MmsAddress,
    date: Option<i64>,
    ack_request: Option<bool>,
}

impl DeliveryReportReq {
    /// The PDU as the peer of `style` wants it.
    #[must_use]
    pub fn pdu(&self, style: &WriteStyle<'_>) -> Pdu {
        let mut block = open(
            Kind::DeliveryReportReq,
            style,
            &Common {
                transaction_id: &self.transaction_id,
                message_id: &self.message_id,
                to: &self.to,
                from: &self.from,
                date: self.date,
                ack_request: self.ack_request,
            },
        );
        block.text(Name::StatusText, self.status_text.as_deref());
        block.put(Name::MmStatusCode, self.status.token());
        block.text(Name::MmStatusExtension, self.status_extension.as_ref().map(StatusExtension::token));
        block.flag(Name::ForwardToOriginatorUa, self.forward_to_originator_ua);
        close(
            block,
            Kind::DeliveryReportReq,
            &self.from,
            &self.application,
            self.rfc5322_message_id.as_deref(),
            &self.extra,
        )
    }
}

impl ReadReplyReportReq {
    /// The PDU as the peer of `style` wants it.
    #[must_use]
    pub fn pdu(&self, style: &WriteStyle<'_>) -> Pdu {
        let mut block = open(
            Kind::ReadReplyReportReq,
            style,
            &Common {
                transaction_id: &self.transaction_id,
                message_id: &self.message_id,
                to: &self.to,
                from: &self.from,
                date: self.date,
                ack_request: self.ack_request,
            },
        );
        block.text(Name::StatusText, self.status_text.as_deref());
        block.put(Name::ReadStatus, self.status.token());
        close(
            block,
            Kind::ReadReplyReportReq,
            &self.from,
            &self.application,
            self.rfc5322_message_id.as_deref(),
            &self.extra,
        )
    }
}

fn open<'a>(kind: Kind, style: &'a WriteStyle<'a>, common: &Common<'_>) -> Block<'a> {
    let mut block = Block::open(kind, style);
    block.id(Name::TransactionId, Some(common.transaction_id));
    block.id(Name::MessageId, Some(common.message_id));
    block.addresses(Name::To, core::slice::from_ref(common.to));
    block.addresses(Name::From, core::slice::from_ref(common.from));
    block.put(Name::ContentType, "text/plain; charset=us-ascii");
    block.date(Name::Date, common.date);
    block.flag(Name::AckRequest, common.ack_request);
    block.put(Name::OriginatorSystem, style.system);
    block
}

fn close(
    mut block: Block<'_>,
    kind: Kind,
    from: &MmsAddress,
    application: &Application,
    rfc5322_message_id: Option<&str>,
    extra: &[Header],
) -> Pdu {
    block.application(application);
    block.sender(from);
    block.rfc5322_message_id(rfc5322_message_id);
    block.put(Name::MimeVersion, "1.0");
    block.close(kind, extra, Bytes::new())
}
