//! What a peer sends to the STI door: XML, envelope and request never panic, hold their bounds, take linear time, and
//! what is written is read back.
#![no_main]
#![allow(dead_code)]

#[path = "../../src/adapters/http/sti/codes.rs"]
mod codes;
#[path = "../../src/adapters/http/sti/request.rs"]
mod request;
#[path = "../../src/adapters/http/sti/soap.rs"]
mod soap;
#[path = "../../src/adapters/http/wanted.rs"]
mod wanted;
#[path = "../../src/adapters/http/sti/xml.rs"]
mod xml;

use cedrat_fuzz::linear;
use libfuzzer_sys::fuzz_target;

const JOBS: usize = 16;

fuzz_target!(|data: &[u8]| {
    let limits = xml::Limits::default();
    if let Ok(root) = xml::read(data, &limits) {
        check(&root, &limits);
    }
    match soap::open(data, &limits) {
        Ok(element) => requested(&element),
        Err(fault) => {
            let answer = soap::open(fault.write().as_bytes(), &limits).expect("a fault is an envelope");
            assert_eq!(answer.name, "Fault");
        }
    }
    linear(data, |large| {
        // Not without the bound on attributes: telling that none is there twice takes their square.
        let limits = xml::Limits { octets: usize::MAX, elements: usize::MAX, ..xml::Limits::default() };
        drop(soap::open(large, &limits));
    });
});

fn requested(element: &xml::Element) {
    let Some(request) = request::read(element, JOBS) else { return };
    let Ok(jobs) = request.jobs else { return };
    assert!(!jobs.is_empty() && jobs.len() <= JOBS);
    for job in jobs {
        assert!(!job.targets.is_empty());
        if let Ok(source) = job.source {
            assert!(!source.cid.is_empty());
        }
    }
}

/// Within the bounds, and every text the same after it was written and read.
fn check(root: &xml::Element, limits: &xml::Limits) {
    let (mut open, mut count) = (vec![(root, 1)], 0);
    while let Some((element, depth)) = open.pop() {
        count += 1;
        assert!(depth <= limits.depth && element.attributes.len() <= limits.attributes);
        let legal =
            |c: char| c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}') || matches!(c, '\t' | '\n' | '\r');
        if element.text.chars().all(legal) {
            let mut writer = xml::Writer::new();
            writer.leaf("text", &element.text);
            let again =
                xml::read(writer.finish().as_bytes(), &xml::Limits { octets: usize::MAX, ..limits.clone() });
            assert_eq!(again.expect("what is written is read").text, element.text);
        }
        open.extend(element.children.iter().map(|child| (child, depth + 1)));
    }
    assert!(count <= limits.elements);
}
