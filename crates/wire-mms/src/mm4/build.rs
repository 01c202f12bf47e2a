//! Writing PDUs: typed values -> headers in the order and spelling of TS 23.140 §8.4, bent by the
//! quirks of the peer.
//!
//! Absent stays absent: no builder invents a priority, a class or an expiry. The MIME body is made
//! elsewhere and handed in; unknown headers are handed in as `extra` and written last, verbatim.

mod forward;
mod report;
mod response;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use super::value::yes_no_token;
use super::{Header, Headers, Id, Kind, Name, Pdu};
use crate::address::MmsAddress;
use crate::date;
use crate::quirks::{AddressForm, DateForm, Quirks, SenderHeader};

pub use forward::{ForwardReq, ReplyCharging, ValueAdded};
pub use report::{DeliveryReportReq, ReadReplyReportReq};
pub use response::{Response, response_address};

/// How to write for one peer, and as whom.
#[derive(Debug, Clone, Copy)]
pub struct WriteStyle<'a> {
    /// The quirk profile of the peer written to.
    pub quirks: &'a Quirks,
    /// Our system address, as `system-user@mms.own.test`: responses and reports come back to it.
    pub system: &'a str,
    /// Our MMS domain, put behind numbers where the peer wants one.
    pub domain: &'a str,
    /// The time of writing in milliseconds since 1970 UTC; turns an expiry date into seconds and back.
    pub now: i64,
}

/// Addressing of applications (Rel-6), in requests of all three kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Application {
    /// `X-Mms-Applic-ID`
    pub applic_id: Option<String>,
    /// `X-Mms-Reply-Applic-ID`
    pub reply_applic_id: Option<String>,
    /// `X-Mms-Aux-Applic-Info`
    pub aux_info: Option<String>,
}

/// A header block under construction.
struct Block<'a> {
    style: &'a WriteStyle<'a>,
    headers: Headers,
    written: Vec<Name>,
}

impl<'a> Block<'a> {
    /// Opens a block with the headers that every PDU starts with.
    fn open(kind: Kind, style: &'a WriteStyle<'a>) -> Self {
        let mut block = Self { style, headers: Headers::new(), written: Vec::new() };
        block.put(Name::MmsVersion, style.quirks.mms_version.as_str());
        block.put(Name::MessageType, kind.token());
        block
    }

    fn put(&mut self, name: Name, value: impl Into<String>) {
        self.headers.push(Header::new(name.written(self.style.quirks.header_case), value));
        self.written.push(name);
    }

    fn text(&mut self, name: Name, value: Option<&str>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    fn id(&mut self, name: Name, id: Option<&Id>) {
        if let Some(id) = id {
            self.put(name, id.written(self.style.quirks.id_quotes));
        }
    }

    fn flag(&mut self, name: Name, flag: Option<bool>) {
        self.text(name, flag.map(yes_no_token));
    }

    fn date(&mut self, name: Name, ms: Option<i64>) {
        if let Some(ms) = ms {
            let text = match self.style.quirks.date_form {
                DateForm::Rfc5322 => date::rfc5322(ms, 0),
                DateForm::HttpDate => date::http(ms),
            };
            self.put(name, text);
        }
    }

    fn addresses(&mut self, name: Name, addresses: &[MmsAddress]) {
        if !addresses.is_empty() {
            let written: Vec<String> = addresses.iter().map(|address| self.address(address)).collect();
            self.put(name, written.join(", "));
        }
    }

    fn address(&self, address: &MmsAddress) -> String {
        address.written(self.style.quirks.address_form, self.style.domain)
    }

    /// `Sender` of a request from `originator`.
    fn sender(&mut self, originator: &MmsAddress) {
        match self.style.quirks.sender_header {
            SenderHeader::System => self.put(Name::Sender, self.style.system),
            SenderHeader::Originator => {
                let form = AddressForm::E164PlmnDomain;
                self.put(Name::Sender, originator.written(form, self.style.domain));
            }
            SenderHeader::None => {}
        }
    }

    fn application(&mut self, application: &Application) {
        self.text(Name::ApplicId, application.applic_id.as_deref());
        self.text(Name::ReplyApplicId, application.reply_applic_id.as_deref());
        self.text(Name::AuxApplicInfo, application.aux_info.as_deref());
    }

    fn rfc5322_message_id(&mut self, id: Option<&str>) {
        if let Some(id) = id {
            let bare = id.trim().trim_start_matches('<').trim_end_matches('>');
            self.put(Name::Rfc5322MessageId, format!("<{bare}>"));
        }
    }

    /// Closes the block. An `extra` header that means something already written is left out, so
    /// that no known header stands twice.
    fn close(mut self, kind: Kind, extra: &[Header], body: Bytes) -> Pdu {
        let written = self.written;
        let unknown = extra
            .iter()
            .filter(|header| !Name::read(header.name()).is_some_and(|name| written.contains(&name)));
        self.headers.extend(unknown.cloned());
        Pdu { kind, headers: self.headers, body }
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]
mod tests;
