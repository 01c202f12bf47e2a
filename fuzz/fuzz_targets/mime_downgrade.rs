//! A message made fit for a 7-bit hop: it can cross, says the same, and crosses twice as once.
#![no_main]

use bytes::Bytes;
use cedrat_mime::{
    Encoding, Limits, Node,
    downgrade::{can_cross, seven_bit},
    walk,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let octets = Bytes::copy_from_slice(data);
    let limits = Limits::default();
    let Ok(out) = seven_bit(&octets, &limits) else { return };
    assert!(can_cross(&out, true));
    let out = Bytes::from(out);
    let (before, after) = (walk(&octets, &limits).unwrap(), walk(&out, &limits).unwrap());
    // A message inside is a part with a content of its own, which is what changes.
    let inside = |(_, node): (_, &Node)| node.content_type.is_message() && node.encoding.is_identity();
    assert!(before.leaves().any(inside) || before.leaves().count() == after.leaves().count());
    let signed = before.nodes().any(|(_, node)| node.content_type.essence == "multipart/signed");
    let wide = |(_, node): (_, &Node)| matches!(node.encoding, Encoding::Binary | Encoding::EightBit);
    assert!(signed || !after.nodes().any(wide));
    assert_eq!(seven_bit(&out, &limits).unwrap(), out, "twice is once");
});
