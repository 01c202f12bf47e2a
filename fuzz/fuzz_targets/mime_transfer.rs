//! Transfer encodings: decode(encode(x)) == x without damage, and any octets decode to something.
#![no_main]

use cedrat_fuzz::linear;
use cedrat_mime::transfer::{decode_base64, decode_quoted_printable, encode_base64, encode_quoted_printable};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut base64 = Vec::new();
    encode_base64(data, &mut base64);
    let decoded = decode_base64(&base64);
    assert_eq!((decoded.octets.as_ref(), decoded.damage), (data, None));

    let mut printable = Vec::new();
    encode_quoted_printable(data, &mut printable);
    let decoded = decode_quoted_printable(&printable);
    assert_eq!(decoded.damage, None);
    // The encoder takes text: its line ends come out as CRLF.
    assert_eq!(lines(&decoded.octets), lines(data));

    assert!(decode_base64(data).octets.len() <= data.len());
    assert!(decode_quoted_printable(data).octets.len() <= data.len() + 2);
    linear(data, |large| {
        decode_base64(large);
        decode_quoted_printable(large);
    });
});

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split(|octet| *octet == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect()
}
