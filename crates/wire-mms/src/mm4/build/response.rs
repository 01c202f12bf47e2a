//! The three responses: `MM4_forward.RES`, `MM4_delivery_report.RES`, `MM4_read_reply_report.RES`
//! (TS 23.140 §8.4.1 to §8.4.3). They differ in their type only.
//!
//! Whether a response is due is not decided here.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Block, WriteStyle};
use crate::address::{Envelope, MmsAddress};
use crate::mm4::{Header, Id, Kind, Name, Pdu, RequestStatus};
use crate::quirks::{ResAddress, ResHeaders};

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// One of the three response kinds.
    pub kind: Kind,
    /// That of the request, echoed; absent when the request had none.
    pub transaction_id: Option<Id>,
    /// The MM of the request, echoed.
    pub message_id: Option<Id>,
    /// The system that asked, see [`response_address`].
    pub to: MmsAddress,
    /// When it was decided, in milliseconds since 1970 UTC.
    pub date: Option<i64>,
    /// What was decided.
    pub status: RequestStatus,
    /// Free text beside it.
    pub status_text: Option<String>,
    /// Recipients to which it applies; empty means all of the request.
    pub request_recipients: Vec<MmsAddress>,
    /// RFC 5322 Message-ID of the response itself, with or without brackets.
    pub rfc5322_message_id: Option<String>,
    /// Unknown headers to keep.
    pub extra: Vec<Header>,
}

impl Response {
    /// Answers `request` with `status`, echoing its IDs; `None` when it is a response itself.
    #[must_use]
    pub fn answering(request: &Pdu, to: MmsAddress, status: RequestStatus) -> Option<Self> {
        Some(Self {
            kind: request.kind.response()?,
            transaction_id: request.transaction_id(),
            message_id: request.message_id(),
            to,
            date: None,
            status,
            status_text: None,
            request_recipients: Vec::new(),
            rfc5322_message_id: None,
            extra: Vec::new(),
        })
    }

    /// The PDU as the peer of `style` wants it.
    #[must_use]
    pub fn pdu(&self, style: &WriteStyle<'_>) -> Pdu {
        let whole = style.quirks.res_headers == ResHeaders::ThreeGpp;
        let mut block = Block::open(self.kind, style);
        block.id(Name::TransactionId, self.transaction_id.as_ref());
        block.id(Name::MessageId, self.message_id.as_ref());
        block.addresses(Name::To, core::slice::from_ref(&self.to));
        block.put(Name::From, style.system);
        if whole {
            block.put(Name::ContentType, "text/plain; charset=us-ascii");
            block.date(Name::Date, self.date);
        }
        block.put(Name::RequestStatusCode, self.status.token());
        if whole {
            block.text(Name::StatusText, self.status_text.as_deref());
        }
        block.addresses(Name::RequestRecipients, &self.request_recipients);
        if whole {
            block.put(Name::Sender, style.system);
        }
        block.rfc5322_message_id(self.rfc5322_message_id.as_deref());
        if whole {
            block.put(Name::MimeVersion, "1.0");
        }
        block.close(self.kind, &self.extra, Bytes::new())
    }
}

/// Where the response to `request` goes: what the peer's profile names first, then the other header,
/// then the envelope sender. `None` when nobody with a domain is named: then there is no response.
#[must_use]
pub fn response_address(request: &Pdu, envelope_sender: &Envelope, choice: ResAddress) -> Option<MmsAddress> {
    let (system, sender) = (request.originator_system(), request.sender());
    let (first, second) = match choice {
        ResAddress::OriginatorSystem => (system, sender),
        ResAddress::Sender => (sender, system),
    };
    let envelope = match envelope_sender {
        Envelope::Address(address) => Some(address.clone()),
        Envelope::Null => None,
    };
    [first, second, envelope].into_iter().flatten().find(|address| address.domain.is_some())
}
