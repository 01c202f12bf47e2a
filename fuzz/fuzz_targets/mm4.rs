//! MM4 PDUs: a decoded PDU that is written decodes to the same kind, headers and body, and every reader of a value
//! takes anything.
#![no_main]

use std::hint::black_box;

use bytes::Bytes;
use cedrat_fuzz::linear;
use cedrat_mime::Limits;
use cedrat_wire_mms::mm4::{Pdu, Strictness};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(pdu) = Pdu::decode(&Bytes::copy_from_slice(data), &Limits::default()) {
        read_everything(&pdu);
        let written = write(&pdu);
        let again =
            Pdu::decode(&written, &Limits { header_octets: usize::MAX, ..Limits::default() }).unwrap();
        assert_eq!(again.kind, pdu.kind);
        assert_eq!(again.body, pdu.body);
        assert_eq!(names_and_values(&again), names_and_values(&pdu));
        assert_eq!(write(&again), written);
    }
    linear(data, |large| {
        let limits = Limits {
            header_octets: usize::MAX,
            headers: usize::MAX,
            line_octets: usize::MAX,
            ..Limits::default()
        };
        if let Ok(pdu) = Pdu::decode(&Bytes::copy_from_slice(large), &limits) {
            read_everything(&pdu);
        }
    });
});

fn read_everything(pdu: &Pdu) {
    black_box(pdu.missing(Strictness::Specified));
    black_box(pdu.from());
    black_box(pdu.sender());
    black_box(pdu.to());
    black_box(pdu.cc());
    black_box(pdu.transaction_id());
    black_box(pdu.message_id());
    black_box(pdu.date());
    black_box(pdu.expiry());
    black_box(pdu.priority());
    black_box(pdu.message_class());
    black_box(pdu.previously_sent_by());
    black_box(pdu.previously_sent_dates());
    black_box(pdu.request_status());
    black_box(pdu.request_recipients());
    black_box(pdu.mm_status());
    black_box(pdu.mm_status_extension());
    black_box(pdu.read_status());
    black_box(pdu.content_class());
    black_box(pdu.reply_charging_deadline());
    black_box(pdu.reply_charging_size());
    black_box(pdu.forward_counter());
}

fn write(pdu: &Pdu) -> Bytes {
    let mut out = Vec::new();
    pdu.encode(&mut out);
    out.into()
}

fn names_and_values(pdu: &Pdu) -> Vec<(&str, &str)> {
    pdu.headers.iter().map(|header| (header.name(), header.value())).collect()
}
