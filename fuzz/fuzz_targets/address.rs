//! Canonical addresses: what is written is read back as the same address, and holds nothing that could leave its place.
#![no_main]

use cedrat_fuzz::linear;
use cedrat_message::Address;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(address) = Address::parse(text) {
        let written = address.to_string();
        assert!(!written.chars().any(char::is_control), "{written:?}");
        assert_eq!(Address::parse(&written).as_ref(), Ok(&address), "{written:?}");
    }
    linear(text.as_bytes(), |large| {
        let _ = Address::parse(&String::from_utf8_lossy(large));
    });
});
