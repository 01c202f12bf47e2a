//! Which headers a PDU lacks, for diagnosis only: no absent header is a decode failure.
//!
//! The mandatory flags follow the PDU tables of TS 23.140 §8.4. They tell an engineer what a peer
//! omits and what a stricter peer would refuse.

use alloc::vec::Vec;

use super::{Kind, Name, Pdu};

/// How much a PDU is expected to carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// What is needed to act on it at all: IDs to match by, the status that a report is about.
    Minimal,
    /// What a strict peer's codec was seen to insist on.
    Operator,
    /// What TS 23.140 marks mandatory, and conditional where the condition shows in the PDU.
    Specified,
}

impl Pdu {
    /// The headers that are absent or empty, in the order in which they would be written.
    #[must_use]
    pub fn missing(&self, strictness: Strictness) -> Vec<Name> {
        let mut wanted: Vec<Name> = wanted(self.kind, strictness).to_vec();
        if strictness == Strictness::Specified && !self.kind.is_response() && self.ack_request() == Some(true)
        {
            wanted.push(Name::OriginatorSystem);
        }
        wanted.sort_unstable();
        wanted.retain(|name| self.value(*name).is_none_or(str::is_empty));
        wanted
    }
}

const fn wanted(kind: Kind, strictness: Strictness) -> &'static [Name] {
    use Name::{
        ContentType, Date, ForwardToOriginatorUa, From, MessageId, MessageType, MmStatusCode, MmsVersion,
        ReadStatus, RequestStatusCode, Rfc5322MessageId, Sender, To, TransactionId,
    };
    match (strictness, kind) {
        (Strictness::Minimal, Kind::ForwardReq) => &[],
        (Strictness::Minimal, Kind::DeliveryReportReq) => &[MessageType, MessageId, MmStatusCode],
        (Strictness::Minimal, Kind::ReadReplyReportReq) => &[MessageType, MessageId, ReadStatus],
        (Strictness::Minimal, _) => &[MessageType, TransactionId, RequestStatusCode],
        (Strictness::Operator, Kind::ForwardReq) => &[TransactionId, MessageId, To, From, ContentType, Date],
        (Strictness::Operator, Kind::DeliveryReportReq) => {
            &[TransactionId, MessageId, To, From, Date, ForwardToOriginatorUa, MmStatusCode]
        }
        (Strictness::Operator, Kind::ReadReplyReportReq) => {
            &[MmsVersion, TransactionId, MessageId, To, From, Date, ReadStatus]
        }
        (Strictness::Operator, _) => &[TransactionId, MessageId, RequestStatusCode],
        (Strictness::Specified, Kind::ForwardReq) => &[
            MmsVersion,
            MessageType,
            TransactionId,
            MessageId,
            To,
            From,
            ContentType,
            Date,
            Sender,
            Rfc5322MessageId,
        ],
        (Strictness::Specified, Kind::ForwardRes) => &[
            MmsVersion,
            MessageType,
            TransactionId,
            MessageId,
            To,
            From,
            Date,
            RequestStatusCode,
            Sender,
            Rfc5322MessageId,
        ],
        (Strictness::Specified, Kind::DeliveryReportReq) => &[
            MmsVersion,
            MessageType,
            TransactionId,
            MessageId,
            To,
            From,
            Date,
            MmStatusCode,
            Sender,
            Rfc5322MessageId,
        ],
        (Strictness::Specified, Kind::ReadReplyReportReq) => &[
            MmsVersion,
            MessageType,
            TransactionId,
            MessageId,
            To,
            From,
            Date,
            ReadStatus,
            Sender,
            Rfc5322MessageId,
        ],
        (Strictness::Specified, _) => &[
            MmsVersion,
            MessageType,
            TransactionId,
            To,
            From,
            Date,
            RequestStatusCode,
            Sender,
            Rfc5322MessageId,
        ],
    }
}
