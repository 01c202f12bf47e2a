//! The six PDUs of MM4 (TS 23.140 §8.4): octets <-> [`Pdu`].
//!
//! A PDU keeps its headers as received, in order, the unknown ones verbatim; [`Name`] says which
//! known header a spelling means, the accessors on [`Pdu`] read values leniently, and the builders
//! ([`ForwardReq`], [`DeliveryReportReq`], [`ReadReplyReportReq`], [`Response`]) write them exactly.
//!
//! Not here: the MIME structure of the body, the SMTP envelope's rules, timers, and any decision
//! about what a PDU means for a message.

mod build;
mod id;
mod missing;
mod name;
mod status;
mod value;
mod view;

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
pub use cedrat_mime::{Header, Headers, Limits};

pub use build::{
    Application, DeliveryReportReq, ForwardReq, ReadReplyReportReq, ReplyCharging, Response, ValueAdded,
    WriteStyle, response_address,
};
pub use id::Id;
pub use missing::Strictness;
pub use name::Name;
pub use status::{MmStatus, Persistence, ReadStatus, RequestStatus, StatusExtension};
pub use value::{ContentClass, ExpiryValue, Indexed, MessageClass, Priority, SenderVisibility, yes_no};

/// One MM4 protocol data unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdu {
    /// What it is. Equal to what [`Kind::of`] says of `headers` and `body`.
    pub kind: Kind,
    /// Every header as received, in order.
    pub headers: Headers,
    /// The octets after the header block.
    pub body: Bytes,
}

/// The six PDU types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `MM4_forward.REQ`
    ForwardReq,
    /// `MM4_forward.RES`
    ForwardRes,
    /// `MM4_delivery_report.REQ`
    DeliveryReportReq,
    /// `MM4_delivery_report.RES`
    DeliveryReportRes,
    /// `MM4_read_reply_report.REQ`
    ReadReplyReportReq,
    /// `MM4_read_reply_report.RES`
    ReadReplyReportRes,
}

/// Why octets are no MM4 PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    /// Offset in the input, in octets.
    pub at: usize,
    /// What was wanted there.
    pub kind: ErrorKind,
}

/// What was wrong with the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Neither an `X-Mms-` header nor a content.
    Empty,
    /// The header block passed a limit.
    Header(cedrat_mime::Kind),
    /// `X-Mms-Message-Type` names none of the six PDUs. A peer is answered with
    /// `Error-unsupported-message`.
    UnknownMessageType,
}

impl Pdu {
    /// Reads one PDU from the octets of one mail message. The body shares the memory of `octets`.
    ///
    /// # Errors
    /// See [`ErrorKind`]; no absent header and no odd value is an error.
    pub fn decode(octets: &Bytes, limits: &Limits) -> Result<Self, Error> {
        let (headers, end) = Headers::parse(octets, limits)
            .map_err(|error| Error { at: error.at, kind: ErrorKind::Header(error.kind) })?;
        let body = octets.slice(end.min(octets.len())..);
        let kind = Kind::of(&headers, &body).map_err(|kind| Error { at: 0, kind })?;
        Ok(Self { kind, headers, body })
    }

    /// Appends the message to `out`: headers octet for octet with CRLF line ends, an empty line, the
    /// body. `decode(encode(x)) == x`; where headers arrived with bare LF they read back the same but
    /// for those line ends.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.headers.encode(out);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
    }

    /// The value of a known header under any of its spellings, or `None` when it is absent.
    ///
    /// The 3GPP spelling wins over an alias, except when it is empty and the alias is not.
    #[must_use]
    pub fn value(&self, name: Name) -> Option<&str> {
        let mut empty = None;
        for spelling in self.spellings(name) {
            match self.headers.first(spelling) {
                Some(value) if !value.is_empty() => return Some(value),
                found => empty = empty.or(found),
            }
        }
        empty
    }

    /// Like [`Pdu::value`], with the peer's own alias headers (`status_alias` of its quirk profile)
    /// as a last resort.
    #[must_use]
    pub fn value_or<'a>(&'a self, name: Name, aliases: &[impl AsRef<str>]) -> Option<&'a str> {
        self.value(name).or_else(|| aliases.iter().find_map(|alias| self.headers.first(alias.as_ref())))
    }

    /// Every spelling to look for in this kind of PDU. `X-Mms-Status` stands for the request status
    /// in a response and for the MM status everywhere else.
    fn spellings(&self, name: Name) -> impl Iterator<Item = &'static str> {
        let bare = (name == Name::RequestStatusCode && self.kind.is_response()).then_some("X-Mms-Status");
        name.spellings().chain(bare)
    }
}

impl Kind {
    /// All kinds in the order of TS 23.140 §8.4.
    pub const ALL: [Self; 6] = [
        Self::ForwardReq,
        Self::ForwardRes,
        Self::DeliveryReportReq,
        Self::DeliveryReportRes,
        Self::ReadReplyReportReq,
        Self::ReadReplyReportRes,
    ];

    /// The exact token of `X-Mms-Message-Type`.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::ForwardReq => "MM4_forward.REQ",
            Self::ForwardRes => "MM4_forward.RES",
            Self::DeliveryReportReq => "MM4_delivery_report.REQ",
            Self::DeliveryReportRes => "MM4_delivery_report.RES",
            Self::ReadReplyReportReq => "MM4_read_reply_report.REQ",
            Self::ReadReplyReportRes => "MM4_read_reply_report.RES",
        }
    }

    /// Reads a token in any case and punctuation (`MM4_Delivery_report.REQ`, `mm4-forward-res`);
    /// `read_reply` and `read_report` stand for `read_reply_report`.
    #[must_use]
    pub fn read(token: &str) -> Option<Self> {
        /// Longer than every token with every separator doubled.
        const MAX_LETTERS: usize = 32;
        let mut letters = [0_u8; MAX_LETTERS];
        let mut used = 0;
        for octet in token.bytes().filter(u8::is_ascii_alphanumeric) {
            *letters.get_mut(used)? = octet.to_ascii_lowercase();
            used += 1;
        }
        match letters.get(..used)? {
            b"mm4forwardreq" | b"mm4forwardrequest" => Some(Self::ForwardReq),
            b"mm4forwardres" | b"mm4forwardresponse" => Some(Self::ForwardRes),
            b"mm4deliveryreportreq" => Some(Self::DeliveryReportReq),
            b"mm4deliveryreportres" => Some(Self::DeliveryReportRes),
            b"mm4readreplyreportreq" | b"mm4readreplyreq" | b"mm4readreportreq" => {
                Some(Self::ReadReplyReportReq)
            }
            b"mm4readreplyreportres" | b"mm4readreplyres" | b"mm4readreportres" => {
                Some(Self::ReadReplyReportRes)
            }
            _ => None,
        }
    }

    /// What a message with these headers and this body is.
    ///
    /// Without a message type it is a forward request when it has any other `X-Mms-` header or a
    /// content, because PBX peers omit the type; it is never taken for a response or a report.
    ///
    /// # Errors
    /// [`ErrorKind::Empty`] or [`ErrorKind::UnknownMessageType`].
    pub fn of(headers: &Headers, body: &[u8]) -> Result<Self, ErrorKind> {
        let named = headers.first(Name::MessageType.spelling()).filter(|token| !token.is_empty());
        if let Some(token) = named {
            return Self::read(token).ok_or(ErrorKind::UnknownMessageType);
        }
        let mms = headers.iter().any(|header| {
            header.name().get(..6).is_some_and(|start| start.eq_ignore_ascii_case("X-Mms-"))
                && !header.is(Name::MessageType.spelling())
        });
        let content = body.iter().any(|octet| !octet.is_ascii_whitespace());
        if mms || content { Ok(Self::ForwardReq) } else { Err(ErrorKind::Empty) }
    }

    /// Whether this answers a request.
    #[must_use]
    pub const fn is_response(self) -> bool {
        matches!(self, Self::ForwardRes | Self::DeliveryReportRes | Self::ReadReplyReportRes)
    }

    /// The response that answers this request; `None` for a response.
    #[must_use]
    pub const fn response(self) -> Option<Self> {
        match self {
            Self::ForwardReq => Some(Self::ForwardRes),
            Self::DeliveryReportReq => Some(Self::DeliveryReportRes),
            Self::ReadReplyReportReq => Some(Self::ReadReplyReportRes),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::Empty => f.write_str("neither an X-Mms- header nor a content"),
            ErrorKind::Header(kind) => cedrat_mime::Error { at: self.at, kind }.fmt(f),
            ErrorKind::UnknownMessageType => f.write_str("X-Mms-Message-Type names no MM4 PDU"),
        }
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
#[allow(
    clippy::disallowed_macros,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
mod tests;
