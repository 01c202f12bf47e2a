//! UAProf: any text is read or refused without failure, in linear time, within the limits.
#![no_main]

use std::hint::black_box;

use cedrat_fuzz::linear;
use cedrat_wire_mms::uaprof::{Limits, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = Limits::default();
    if let Ok(document) = read(data, &limits) {
        let properties = document.components.iter().flat_map(|component| &component.properties);
        assert!(properties.clone().count() <= limits.properties);
        assert!(
            properties.clone().all(|property| property.values.iter().all(|value| !value.trim().is_empty()))
        );
        assert!(document.flaws.len() <= limits.flaws);
    }
    let limits = Limits { octets: usize::MAX, ..limits };
    linear(data, |large| {
        black_box(read(large, &limits).is_ok());
    });
});
