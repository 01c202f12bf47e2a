//! One RecipientInfo: any octets are read or refused, in linear time, within the limits; what is kept of it is what was
//! sent.
#![no_main]

use cedrat_fuzz::linear;
use cedrat_keyring::recipient::{Limits, Recipient};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = Limits::default();
    if let Ok(read) = Recipient::read(data, &limits) {
        assert!(read.identifiers().len() <= limits.entries);
        assert!(!read.kind().name().is_empty() && !read.algorithm().name().is_empty());
        assert_eq!(read.raw(), data);
        assert_eq!(Recipient::read(data, &limits).as_ref(), Ok(&read));
        // The digest is of the octets as they were sent: of others it is another.
        let mut others = data.to_vec();
        if let Some(last) = others.last_mut() {
            *last ^= 1;
        }
        assert!(Recipient::read(&others, &limits).map_or(true, |it| it.sha256() != read.sha256()));
    }
    linear(data, |large| {
        let _ = Recipient::read(large, &limits);
    });
});
