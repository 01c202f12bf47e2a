//! Charging data records as JSON lines, one per billable event, field names after TS 32.270.
//!
//! Made: R4F (MM4_forward.REQ received), O4FRq and O4FRs (sent, answered), O4D and R4DRq (delivery
//! reports received, sent), O4R and R4RRq (read reports), OMD (given up). Internet mail has no
//! record family there; its records are named M3R (received) and M3S (sent). Addresses stand whole:
//! a charging record without them is none. Not made: BER files (TS 32.298).

use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Write},
    path::Path,
    sync::Mutex,
};

use serde_json::{Value, json};

use super::{Event, Kind, Protocol};

/// A file of records, appended to.
pub struct CdrFile {
    inner: Mutex<(BufWriter<File>, u64)>,
}

impl std::fmt::Debug for CdrFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CdrFile")
    }
}

impl CdrFile {
    /// Opens or creates the file. The sequence goes on after the lines that are there.
    ///
    /// # Errors
    /// When it cannot be opened for appending or read.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let lines = match std::fs::read(path) {
            Ok(octets) => octets.iter().filter(|octet| **octet == b'\n').count() as u64,
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => 0,
            Err(fault) => return Err(fault),
        };
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { inner: Mutex::new((BufWriter::new(file), lines)) })
    }

    pub(super) fn write(&self, event: &Event) {
        let Some(mut record) = record(event) else { return };
        let Ok(mut inner) = self.inner.lock() else { return };
        inner.1 += 1;
        if let Some(object) = record.as_object_mut() {
            object.insert("localSequenceNumber".into(), inner.1.into());
            object.insert("recordTimeStamp".into(), crate::clock::now_rfc3339().into());
            object.retain(|_, value| !value.is_null());
        }
        // A failing disk shows at the store, which stops the process; a record cannot hold up mail.
        drop(writeln!(inner.0, "{record}").and_then(|()| inner.0.flush()));
    }
}

fn record(event: &Event) -> Option<Value> {
    Some(match event {
        Event::Reception {
            message,
            peer,
            protocol,
            kind,
            from,
            to,
            octets,
            message_id,
            transaction_id,
            class,
            priority,
            parts,
            ..
        } => json!({
            "recordType": received(*protocol, *kind)?,
            "originatorMmsRSAddress": peer, "messageID": message_id, "transactionID": transaction_id,
            "originatorAddress": from.0, "recipientAddresses": to.iter().map(|to| &to.0).collect::<Vec<_>>(),
            "messageSize": octets, "messageClass": class, "priority": priority,
            "mmComponentTypeList": parts.iter().map(|p| json!({"mediaType": p.media_type, "mediaSize": p.octets})).collect::<Vec<_>>(),
            "cedratMessage": message,
        }),
        Event::Delivery {
            message,
            delivery,
            peer,
            protocol,
            kind,
            to,
            octets,
            transaction_id,
            message_id,
            attempt,
            ..
        } => {
            json!({
                "recordType": sent(*protocol, *kind)?,
                "recipientMmsRSAddress": peer, "messageID": message_id, "transactionID": transaction_id,
                "recipientAddress": to.0, "messageSize": octets, "attempts": attempt,
                "cedratMessage": message, "cedratDelivery": delivery,
            })
        }
        Event::Response { message, peer, status, transaction_id, .. } => json!({
            "recordType": "O4FRs", "recipientMmsRSAddress": peer, "transactionID": transaction_id,
            "requestStatusCode": status, "cedratMessage": message,
        }),
        Event::Failure { message, delivery, peer, protocol: Protocol::Mm4, to, reason, attempt, .. } => {
            json!({
                "recordType": "OMD", "recipientMmsRSAddress": peer, "recipientAddress": to.0,
                "mmStatusCode": reason.code, "attempts": attempt, "cedratMessage": message, "cedratDelivery": delivery,
            })
        }
        _ => return None,
    })
}

const fn received(protocol: Protocol, kind: Kind) -> Option<&'static str> {
    match (protocol, kind) {
        (Protocol::Mm4, Kind::Message) => Some("R4F"),
        (Protocol::Mm4, Kind::DeliveryReport) => Some("O4D"),
        (Protocol::Mm4, Kind::ReadReport) => Some("O4R"),
        (Protocol::Mail | Protocol::Lmtp, Kind::Message) => Some("M3R"),
        _ => None,
    }
}

const fn sent(protocol: Protocol, kind: Kind) -> Option<&'static str> {
    match (protocol, kind) {
        (Protocol::Mm4, Kind::Message) => Some("O4FRq"),
        (Protocol::Mm4, Kind::DeliveryReport) => Some("R4DRq"),
        (Protocol::Mm4, Kind::ReadReport) => Some("R4RRq"),
        (Protocol::Mail | Protocol::Lmtp, Kind::Message) => Some("M3S"),
        _ => None,
    }
}
