//! Charging data records as JSON lines, one per billable event, field names after TS 32.270.
//!
//! Made: R4F (MM4_forward.REQ received), O4FRq and O4FRs (sent, answered), O4D and R4DRq (delivery
//! reports received, sent), O4R and R4RRq (read reports), OMD (given up). Internet mail has no
//! record family there; its records are named M3R (received) and M3S (sent). Addresses stand whole:
//! a charging record without them is none. Not made: BER files (TS 32.298).

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use serde_json::{Value, json};

use super::{Event, Kind, Protocol};

/// A file of records, opened for appending.
#[derive(Debug)]
pub struct CdrFile {
    file: File,
    lines: u64,
}

impl CdrFile {
    /// Opens or creates the file. The sequence goes on after the lines that are there.
    ///
    /// # Errors
    /// When it cannot be opened for appending or read.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let mut lines = 0;
        match File::open(path) {
            Ok(file) => {
                for line in BufReader::new(file).split(b'\n') {
                    line?;
                    lines += 1;
                }
            }
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {}
            Err(fault) => return Err(fault),
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file, lines })
    }

    pub(super) const fn counter(&self) -> Records {
        Records { sequence: AtomicU64::new(self.lines) }
    }

    pub(super) fn into_file(self) -> Box<dyn Write + Send> {
        Box::new(self.file)
    }
}

/// Numbers the records of this process.
#[derive(Debug)]
pub(super) struct Records {
    sequence: AtomicU64,
}

impl Records {
    /// The record of an event, for those that are billable.
    pub(super) fn record(&self, event: &Event, time: &str) -> Option<String> {
        let mut record = record(event)?;
        if let Some(object) = record.as_object_mut() {
            let number = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
            object.insert("localSequenceNumber".into(), number.into());
            object.insert("recordTimeStamp".into(), time.into());
            object.retain(|_, value| !value.is_null());
        }
        Some(record.to_string())
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
            "cedratMessage": format!("{message:x}"),
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
                "cedratMessage": format!("{message:x}"), "cedratDelivery": format!("{delivery:x}"),
            })
        }
        Event::Response { message, peer, status, transaction_id, .. } => json!({
            "recordType": "O4FRs", "recipientMmsRSAddress": peer, "transactionID": transaction_id,
            "requestStatusCode": status, "cedratMessage": format!("{message:x}"),
        }),
        Event::Failure { message, delivery, peer, protocol: Protocol::Mm4, to, reason, attempt, .. } => {
            json!({
                "recordType": "OMD", "recipientMmsRSAddress": peer, "recipientAddress": to.0,
                "mmStatusCode": reason.code, "attempts": attempt, "cedratMessage": format!("{message:x}"), "cedratDelivery": format!("{delivery:x}"),
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
        (Protocol::Imap | Protocol::Mail | Protocol::Lmtp, Kind::Message) => Some("M3S"),
        _ => None,
    }
}
