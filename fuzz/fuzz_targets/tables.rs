//! Mapping tables of an operator: any text compiles, or gives faults that lie within it.
#![no_main]

use cedrat_mapping::{Source, Tables};
use libfuzzer_sys::fuzz_target;

const PATHS: [&str; 5] =
    ["fields/mm4.toml", "status/smtp.toml", "address/mail.toml", "quirks/mine.toml", "other/x.toml"];

fuzz_target!(|data: &[u8]| {
    let Some((&place, text)) = data.split_first() else { return };
    let Ok(text) = str::from_utf8(text) else { return };
    let path = PATHS[usize::from(place) % PATHS.len()];
    if let Err(faults) = Tables::with_operator(&[Source { path, text }]) {
        assert!(!faults.is_empty());
        for fault in faults {
            assert!(!fault.to_string().is_empty());
        }
    }
});
