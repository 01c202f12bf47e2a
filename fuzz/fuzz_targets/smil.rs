//! SMIL: the references of any text are found without failure, in linear time.
#![no_main]

use std::hint::black_box;

use cedrat_fuzz::linear;
use cedrat_wire_mms::smil;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    black_box(smil::references(data));
    linear(data, |large| {
        black_box(smil::references(large));
    });
});
