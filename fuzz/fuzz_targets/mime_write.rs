//! Writing entities: the parts that went in are the parts that come out of the walker, octet for octet.
#![no_main]

use bytes::Bytes;
use cedrat_fuzz::{cuts_and_input, split};
use cedrat_mime::write::{Part, content_type, multipart};
use cedrat_mime::{Headers, Limits, walk};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (cuts, input) = cuts_and_input(data);
    let bodies: Vec<&[u8]> = split(input, cuts).take(50).collect();
    let name = String::from_utf8_lossy(cuts);
    let parts = bodies
        .iter()
        .map(|body| {
            let headers = Headers::from_iter([content_type("application/octet-stream", &[("name", &name)])]);
            Part::new(headers, body.to_vec())
        })
        .collect();
    let Ok(whole) = multipart("mixed", &[], "=_fuzz", parts) else {
        return; // the boundary stands in a part
    };
    let octets = Bytes::from(whole.into_octets());
    let message = walk(&octets, &Limits::default()).unwrap();
    let found: Vec<&[u8]> = message.leaves().map(|(_, node)| node.body.as_ref()).collect();
    if !bodies.is_empty() {
        assert_eq!(found, bodies);
    }
});
