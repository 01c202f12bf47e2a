//! A gateway on loopback with systems around it that are not made of its own code: an SMTP sink
//! and a script client of some eighty lines each, so that what they agree on is the protocol.

mod certificates;
mod dns;
mod gateway;
mod process;
mod script;
mod sink;
mod worker;

pub(crate) use certificates::CERTIFICATES;
pub(crate) use dns::NameServer;
pub(crate) use gateway::{Gateway, eventually};
pub(crate) use process::Process;
pub(crate) use script::Script;
pub(crate) use sink::{Received, Sink};
pub(crate) use worker::worker;

/// What a test needs is not here: it says so and is left out. Where `CI` is set, that is a failure.
pub(crate) fn skipped(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "{reason}");
    println!("skipped: {reason}");
}

/// An MM4_forward.REQ; `more` are further header lines, each with CRLF.
pub(crate) fn forward(id: &str, from: &str, to: &str, more: &str, text: &str) -> String {
    format!(
        "From: {from}/TYPE=PLMN\r\nTo: {to}\r\nDate: Tue, 24 Nov 2026 04:00:00 +0000\r\n\
         X-Mms-3GPP-MMS-Version: 5.5.0\r\nX-Mms-Message-Type: MM4_forward.REQ\r\n\
         X-Mms-Transaction-ID: \"t-{id}\"\r\nX-Mms-Message-ID: \"{id}\"\r\n\
         X-Mms-Originator-System: system-user@mmsc.op-a.test\r\n{more}\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    )
}

/// A plain e-mail.
pub(crate) fn mail(id: &str, from: &str, to: &str, more: &str, text: &str) -> String {
    format!(
        "From: {from}\r\nTo: {to}\r\nDate: Tue, 24 Nov 2026 04:00:00 +0000\r\nSubject: Test {id}\r\n\
         Message-ID: <{id}@example.test>\r\n{more}MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    )
}
