//! MM4 both ways, over messages of the shapes that real peers send.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::result_large_err,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]

mod presentations;
mod quirks;
mod reading;
mod reports;
mod transit;
mod writing;

extern crate std;

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};
use bytes::Bytes;
use cedrat_message::{Message, Reason, Refusal, Timestamp};
use cedrat_wire_mms::{
    mm4::{Limits, Pdu},
    quirks::Quirks,
};

use super::*;
use crate::{Inbound, Loss, Tables};

/// 13 January 2022, 00:30:00 UTC.
const NOW: Timestamp = Timestamp(1_642_033_800_000);
const RECIPIENT: &str = "+447700900001/TYPE=PLMN@mms.own.test";
const SENDER: &str = "+15551230001/TYPE=PLMN@mms.peer.test";

fn tables() -> &'static Tables {
    static TABLES: std::sync::LazyLock<Tables> = std::sync::LazyLock::new(|| Tables::embedded().unwrap());
    &TABLES
}

fn local() -> Local<'static> {
    Local {
        system_address: "system-user@mms.own.test",
        domain: "mms.own.test",
        peer_domain: "mms.peer.test",
        transaction_id: "t-1",
        ack: true,
        relay_delivery_report: None,
        report_to: None,
        boundary: "boundary-1",
    }
}

fn pdu(text: &str) -> Pdu {
    let octets = Bytes::from(text.replace("\r\n", "\n").replace('\n', "\r\n"));
    Pdu::decode(&octets, &Limits::default()).unwrap()
}

fn read_for(
    text: &str,
    from: &str,
    to: &[&str],
    quirks: &Quirks,
) -> Result<(Inbound, Hop, Loss), (Refusal, Hop)> {
    let recipients: Vec<String> = to.iter().map(ToString::to_string).collect();
    inbound(tables(), &pdu(text), &Envelope { from, recipients: &recipients }, quirks, NOW)
}

fn message(text: &str) -> (Message, Loss) {
    let (read, _, loss) = read_for(text, SENDER, &[RECIPIENT], &Quirks::default()).unwrap();
    match read {
        Inbound::Message(message) => (message, loss),
        other => panic!("not a message: {other:?}"),
    }
}

fn write(message: &Message, quirks: &Quirks) -> (Submission, Loss) {
    outbound(tables(), message, &message.recipients, quirks, &local(), NOW).unwrap()
}

fn text(submission: &Submission) -> String {
    String::from_utf8(submission.content.to_vec()).unwrap()
}

/// The value of a header, unfolded.
fn header(content: &str, name: &str) -> Option<String> {
    let octets = Bytes::copy_from_slice(content.as_bytes());
    let (headers, _) = cedrat_mime::Headers::parse(&octets, &Limits::default()).unwrap();
    headers.first(name).map(ToOwned::to_owned)
}

/// A complete request around `extra` headers.
fn request(extra: &str) -> String {
    format!(
        "From: +15551230001/TYPE=PLMN\n\
         To: +447700900001/TYPE=PLMN\n\
         X-Mms-3GPP-MMS-Version: 5.5.0\n\
         X-Mms-Message-Type: MM4_forward.REQ\n\
         X-Mms-Transaction-ID: tr-1\n\
         X-Mms-Message-ID: mid-1@mms.peer.test\n\
         X-Mms-Ack-Request: Yes\n\
         X-Mms-Originator-System: PostMaster@mms.peer.test\n\
         {extra}\
         Content-Type: text/plain; charset=utf-8\n\
         \n\
         hello\n"
    )
}
