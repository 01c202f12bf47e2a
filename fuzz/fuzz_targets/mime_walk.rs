//! The MIME walker, which is also the guard: within its limits, every node a slice of the input, the tree consistent.
#![no_main]

use bytes::Bytes;
use cedrat_fuzz::linear;
use cedrat_mime::{Limits, Message, walk, walk_into_messages};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let octets = Bytes::copy_from_slice(data);
    for walked in [walk(&octets, &Limits::default()), walk_into_messages(&octets, &Limits::default())] {
        if let Ok(message) = walked {
            check(&octets, &message);
        }
    }
    linear(data, |large| {
        let _ = walk_into_messages(&Bytes::copy_from_slice(large), &everything());
    });
});

fn check(octets: &Bytes, message: &Message) {
    let limits = Limits::default();
    let within = |slice: &Bytes| {
        slice.is_empty()
            || octets.as_ptr_range().start <= slice.as_ptr()
                && slice.as_ptr_range().end <= octets.as_ptr_range().end
    };
    assert!(message.nodes().count() <= limits.parts);
    for (index, node) in message.nodes() {
        assert!(node.depth <= limits.depth);
        assert!(within(&node.body) && within(&node.octets));
        assert!(node.body.len() <= node.octets.len());
        for child in &node.children {
            assert!(*child > index);
            assert_eq!(message.node(*child).unwrap().parent, Some(index));
        }
        assert!(node.decoded().octets.len() <= node.body.len() + 2);
        node.filename();
    }
}

fn everything() -> Limits {
    Limits { header_octets: usize::MAX, headers: usize::MAX, parts: usize::MAX, ..Limits::default() }
}
