//! MMS addresses: readers never fail, and what is written into a header or an envelope stays inside it and reads back
//! as the same address.
#![no_main]

use std::hint::black_box;

use cedrat_fuzz::linear;
use cedrat_wire_mms::address::{AddressKind, Envelope, MmsAddress, envelope, list, one};
use cedrat_wire_mms::quirks::AddressForm;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for address in list(text).iter().chain(&one(text)) {
        check(address);
    }
    if let Envelope::Address(address) = envelope(text) {
        check(&address);
    }
    linear(text.as_bytes(), |large| {
        let text = String::from_utf8_lossy(large);
        black_box((list(&text), envelope(&text)));
    });
});

fn check(address: &MmsAddress) {
    let header = address.written(AddressForm::E164PlmnDomain, "mms.test");
    let path = address.envelope(Some("mms.test"));
    assert!(!header.chars().chain(path.chars()).any(char::is_control), "{header:?} {path:?}");
    // Text that is no address is carried for display only.
    if matches!(&address.kind, AddressKind::Other(token) if token.is_empty()) || address.local.is_empty() {
        return;
    }
    let again = list(&header);
    assert_eq!(again.len(), 1, "{header:?} became several addresses");
}
