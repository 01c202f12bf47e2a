//! Header blocks: a block that was written reads back the same and is written the same again.
#![no_main]

use std::hint::black_box;

use bytes::Bytes;
use cedrat_fuzz::linear;
use cedrat_mime::{ContentType, Disposition, Headers, Limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = Limits::default();
    if let Ok((headers, body)) = Headers::parse(&Bytes::copy_from_slice(data), &limits) {
        assert!(body <= data.len());
        assert!(headers.len() <= limits.headers);
        for header in &headers {
            black_box(ContentType::parse(header.value().as_bytes(), limits.parameters));
            black_box(Disposition::parse(header.value().as_bytes(), limits.parameters));
        }
        let written = write(&headers);
        let (again, end) = Headers::parse(&written, &Limits { header_octets: usize::MAX, ..limits }).unwrap();
        assert_eq!(end, written.len());
        assert_eq!(names_and_values(&headers), names_and_values(&again));
        assert_eq!(written, write(&again));
    }
    linear(data, |large| {
        let _ = Headers::parse(&Bytes::copy_from_slice(large), &everything());
    });
});

fn write(headers: &Headers) -> Bytes {
    let mut out = Vec::new();
    headers.encode(&mut out);
    out.extend_from_slice(b"\r\n");
    out.into()
}

fn names_and_values(headers: &Headers) -> Vec<(&str, &str)> {
    headers.iter().map(|header| (header.name(), header.value())).collect()
}

fn everything() -> Limits {
    Limits { header_octets: usize::MAX, headers: usize::MAX, line_octets: usize::MAX, ..Limits::default() }
}
