//! Single values of mail headers: readers never fail, and what is written is one value that reads back the same.
#![no_main]

use cedrat_fuzz::linear;
use cedrat_wire_mail::value::{
    addresses, date, encode_mailbox, encode_unstructured, format_date, message_ids, unstructured,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for mailbox in addresses(text) {
        let Some(address) = mailbox.address() else { continue };
        let written = encode_mailbox(mailbox.display.as_deref(), &address);
        assert!(!written.chars().any(char::is_control), "{written:?}");
        let again = addresses(&written);
        assert_eq!(again.len(), 1, "{written:?} became several mailboxes");
        assert_eq!(again[0].address().as_deref().map(bare), Some(bare(&address)), "{written:?}");
    }
    let words = encode_unstructured(text);
    assert!(words.is_ascii());
    if !text.contains("=?") && !text.chars().any(char::is_control) {
        assert_eq!(unstructured(&words), text);
    }
    for id in message_ids(text) {
        assert!(!id.contains(char::is_whitespace));
    }
    if let Some(moment) = date(text) {
        let whole = moment.div_euclid(1000) * 1000;
        assert_eq!(date(&format_date(whole)), Some(whole), "{}", format_date(whole));
    }
    linear(text.as_bytes(), |large| {
        let text = String::from_utf8_lossy(large);
        addresses(&text);
        unstructured(&text);
        encode_unstructured(&text);
        message_ids(&text);
        date(&text);
    });
});

/// Without quoting, which may go where it is not needed.
fn bare(address: &str) -> String {
    address.chars().filter(|c| !matches!(c, '"' | '\\')).collect()
}
