//! What a person wrote, out of any charset, HTML, replies and flowed text: bounded, and in linear time.
#![no_main]

use cedrat_fuzz::linear;
use cedrat_wire_mail::{charset, html, quote};
use libfuzzer_sys::fuzz_target;

const LABELS: [Option<&str>; 6] =
    [None, Some("utf-8"), Some("utf-16"), Some("iso-2022-jp"), Some("us-ascii"), Some("no-such-charset")];

fuzz_target!(|data: &[u8]| {
    read(data);
    linear(data, read);
});

fn read(data: &[u8]) {
    for label in LABELS {
        charset::text(data, label);
    }
    let text = String::from_utf8_lossy(data);
    const MOST: usize = 10_000;
    assert!(html::text(&text, MOST).len() <= MOST + 64);
    let own = quote::without_signature(&text);
    assert!(own.len() <= text.len());
    quote::without_history(&text);
    quote::unflow(&text, true);
    quote::unflow(&text, false);
}
