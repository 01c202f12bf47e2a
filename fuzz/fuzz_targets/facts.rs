//! Facts of a part: any octets under any claim, in linear time; what has no fault is within the bounds.
#![no_main]

use std::hint::black_box;

use cedrat_fuzz::linear;
use cedrat_plan::{
    facts::{self, Claim, Detail},
    limits::Limits,
};
use libfuzzer_sys::fuzz_target;

/// Each reaches a reader that looks at the claim.
const CLAIMS: [Claim<'static>; 4] = [
    Claim { media_type: "", name: None, charset: None },
    Claim { media_type: "audio/mpeg", name: Some("a.mp3"), charset: None },
    Claim { media_type: "image/vnd.wap.wbmp", name: Some("a.wbmp"), charset: Some("utf-16") },
    Claim { media_type: "text/html", name: Some("a.html"), charset: Some("utf-8") },
];

fuzz_target!(|data: &[u8]| {
    let limits = Limits::default();
    for claim in &CLAIMS {
        let facts = facts::read(data, claim, &limits);
        assert_eq!(facts.octets, data.len() as u64);
        let (width, height, duration_ms) = match &facts.detail {
            Detail::Picture(picture) => {
                assert!((1..=8).contains(&picture.orientation) && picture.frames >= 1);
                (picture.width, picture.height, picture.duration_ms)
            }
            Detail::Sound(sound) => (0, 0, sound.duration_ms),
            Detail::Video(video) => (video.width, video.height, video.duration_ms),
            Detail::Text(_) | Detail::None => (0, 0, 0),
        };
        if facts.fault.is_none() {
            assert!(width.max(height) <= limits.side && duration_ms <= limits.duration_ms);
            assert!(u64::from(width) * u64::from(height) <= limits.pixels);
        }
    }
    linear(data, |large| {
        black_box(facts::read(large, &CLAIMS[0], &limits));
    });
});
