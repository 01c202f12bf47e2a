//! Certificates: any octets are read or refused, in linear time, within the limits; what is read was there.
#![no_main]

use cedrat_fuzz::linear;
use cedrat_keyring::{Certificate, recipient::Limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = Limits::default();
    if let Ok(read) = Certificate::read(data, &limits) {
        assert_eq!(read.der(), data);
        // A length that was left open takes more octets when it is stated.
        assert!(read.issuer().len() + read.serial().len() <= data.len() * 2);
        assert!(read.addresses().len() <= limits.entries * 2);
        assert!(read.common_name().is_none_or(|name| name.len() <= data.len() * 3));
        // Whoever has only a prefix has no certificate.
        assert!(Certificate::read(&data[..data.len() - 1], &limits).is_err());
    }
    linear(data, |large| {
        let _ = Certificate::read(large, &limits);
    });
});
