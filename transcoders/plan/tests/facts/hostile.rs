//! Hostile input: no octets make the reader fail, take long, or break what it promises.

use std::time::{Duration, Instant};

use cedrat_plan::{
    facts::{self, Claim, Detail, Facts},
    format::Format,
    limits::Limits,
};
use proptest::prelude::*;

use crate::{build, vectors};

/// Claims under which every reader that looks at a claim is reached.
const CLAIMS: [Claim<'static>; 4] = [
    Claim { media_type: "", name: None, charset: None },
    Claim { media_type: "audio/mpeg", name: Some("a.mp3"), charset: None },
    Claim { media_type: "image/vnd.wap.wbmp", name: Some("a.wbmp"), charset: Some("utf-16") },
    Claim { media_type: "text/plain", name: Some(".txt"), charset: Some("utf-8") },
];

/// Reads under every claim and checks what holds for all facts.
fn judge(octets: &[u8]) {
    for claim in &CLAIMS {
        let facts = facts::read(octets, claim, &Limits::default());
        assert_eq!(facts.octets, octets.len() as u64);
        if let Detail::Picture(picture) = &facts.detail {
            assert!((1..=8).contains(&picture.orientation) && picture.frames >= 1);
            let sized = picture.width > 0 && picture.height > 0;
            assert!(sized || facts.fault.is_some());
        }
        if facts.fault.is_none() {
            within(&facts);
        }
    }
}

/// Facts without a fault are within the bounds.
fn within(facts: &Facts) {
    let limits = Limits::default();
    match &facts.detail {
        Detail::Picture(picture) => {
            assert!(picture.width.max(picture.height) <= limits.side && picture.frames <= limits.frames);
            assert!(u64::from(picture.width) * u64::from(picture.height) <= limits.pixels);
            assert!(picture.duration_ms <= limits.duration_ms);
        }
        Detail::Sound(sound) => assert!(sound.duration_ms <= limits.duration_ms),
        Detail::Video(video) => {
            assert!(video.duration_ms <= limits.duration_ms && matches!(video.rotation, 0 | 90 | 180 | 270));
            assert!(video.width.max(video.height) <= limits.side);
        }
        Detail::Text(text) => assert!(!text.charset.is_empty()),
        Detail::None => {}
    }
}

/// Numbers without a library: a linear congruential generator is random enough to flip octets.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

fn corpus() -> Vec<Vec<u8>> {
    let built = build::every().into_iter().map(|(_, octets)| octets);
    built.chain(vectors::files().into_iter().map(|(_, octets, _)| octets)).collect()
}

#[test]
fn every_prefix_is_read() {
    for octets in corpus() {
        // Headers stand in front; of what follows, a sample.
        let step = octets.len() / 200 + 1;
        for length in (0..octets.len().min(2048)).chain((0..octets.len()).step_by(step)) {
            judge(&octets[..length]);
        }
    }
}

#[test]
fn ten_thousand_mutations_are_read() {
    let corpus: Vec<Vec<u8>> = corpus()
        .into_iter()
        .map(|mut octets| {
            octets.truncate(4_000);
            octets
        })
        .collect();
    let mut numbers = Numbers(4356);
    for round in 0..10_000 {
        let mut octets = corpus[round % corpus.len()].clone();
        for _ in 0..=numbers.below(8) {
            if octets.is_empty() {
                break;
            }
            // Most of what decides stands in front.
            let reach = if numbers.below(2) == 0 { octets.len() } else { octets.len().min(256) };
            let at = numbers.below(reach);
            match numbers.below(4) {
                0 => octets[at] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF][numbers.below(6)],
                1 => octets[at] ^= 1 << numbers.below(8),
                2 => drop(octets.drain(at..(at + 1 + numbers.below(16)).min(reach))),
                _ => {
                    let from = numbers.below(octets.len());
                    let piece = octets[from..(from + 1 + numbers.below(64)).min(octets.len())].to_vec();
                    drop(octets.splice(at..at, piece));
                }
            }
        }
        judge(&octets);
    }
}

#[test]
fn time_is_linear() {
    const LARGE: usize = 1 << 19;
    let heads: [&[u8]; 14] = [
        b"\xFF\xD8\xFF\xE0\0\x02",
        b"\x89PNG\r\n\x1A\n",
        b"GIF89a\x01\0\x01\0\0\0\0",
        b"RIFF\xFF\xFF\xFF\xFFWAVE",
        b"\0\0\0\x10ftypisom\0\0\0\0",
        b"\0\0\0\x10ftypheic\0\0\0\0",
        b"\x1A\x45\xDF\xA3\x80\x18\x53\x80\x67\xFF",
        b"OggS",
        b"ID3\x03\0\0\0\0\0\0",
        b"#!AMR\n",
        b"BEGIN:VCARD\r\n",
        b"<?xml version='1.0'?>",
        b"--b\r\n",
        b"\0\0\x01\xBA",
    ];
    let fillers: [&[u8]; 16] = [
        b"\0",
        b"\xFF",
        b"<",
        b"<!--",
        b"<!---->",
        b"<??>",
        b"\xFF\xFB\x90\x00",
        b"OggS",
        b"VERSION\n",
        b"\xA3\x80",
        b"\0\0\0\x08trak",
        b"\0\0\0\x08moof",
        b"\0\0\0\x08mdat",
        b"\xFF\xFE\0\x02",
        b"/Encrypt",
        b"\x21\xFF\x01\0\0",
    ];
    for head in heads {
        for filler in fillers {
            let octets: Vec<u8> = head.iter().chain(filler.iter().cycle()).take(LARGE).copied().collect();
            let begin = Instant::now();
            judge(&octets);
            let took = begin.elapsed();
            assert!(took < Duration::from_secs(5), "{head:?} {filler:?} took {took:?}");
        }
    }
}

#[test]
fn built_files_are_what_they_are_called() {
    for (name, octets) in build::every() {
        assert_ne!(facts::read(&octets, &CLAIMS[0], &Limits::default()).format, Format::Unknown, "{name}");
    }
}

proptest! {
    #[test]
    fn random_octets_are_read(octets in prop::collection::vec(any::<u8>(), 0..2048)) {
        judge(&octets);
    }

    #[test]
    fn random_octets_behind_any_magic_are_read(which in 0..24_usize, keep in 4..64_usize, tail in prop::collection::vec(any::<u8>(), 0..512)) {
        let every = build::every();
        let (_, octets) = &every[which % every.len()];
        let mut octets = octets[..keep.min(octets.len())].to_vec();
        octets.extend(tail);
        judge(&octets);
    }
}
