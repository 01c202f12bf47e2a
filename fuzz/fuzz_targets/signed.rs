//! Signed content, and the signature over a message: any octets are judged or refused, in linear time, and what is
//! called the content was there.
#![no_main]

use bytes::Bytes;
use cedrat_fuzz::linear;
use cedrat_keyring::signed::{self, Limits, Overall, Signed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    judge(data);
    // The same octets as a message, whose walk finds what is signed.
    let octets = Bytes::copy_from_slice(data);
    if let Ok(message) = cedrat_mime::walk(&octets, &cedrat_mime::Limits::default()) {
        let found = signed::of_message(&message, &Limits::default());
        assert!(found.is_none() || signed::holds_signatures(&message));
    }
    linear(data, judge);
});

fn judge(octets: &[u8]) {
    let limits = Limits::default();
    let Ok(signed) = Signed::read(octets, &limits) else { return };
    if let Some(content) = signed.content() {
        assert!(content.len() <= octets.len());
    }
    let verdicts = signed.verify();
    assert!(verdicts.len() <= limits.signers);
    // Over other octets than those that were signed nothing is right.
    let changed = [octets, b"changed"].concat();
    for over_others in signed.verify_detached(&changed) {
        assert!(!matches!(Overall::from(over_others.status), Overall::Verified | Overall::Weak));
    }
}
