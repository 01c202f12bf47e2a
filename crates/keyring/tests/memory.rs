//! A large message takes no more memory than its header: counted, not estimated.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use cedrat_keyring::content::{Content, Encryptor, Verifier};
use cedrat_keyring::reader::{Event, Limits, Reader};
use cedrat_keyring::{Cek, ContentAlgorithm, algorithm::ContentParameters};
use zeroize::Zeroizing;

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does the work; only sizes are added up.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        MOST.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(place, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MEGABYTE: usize = 1 << 20;
const BOUND: usize = 8 * MEGABYTE;

/// Octets that were in use at most while `run` ran, beyond those before it.
fn most(run: impl FnOnce()) -> usize {
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    run();
    MOST.load(Relaxed) - before
}

/// The beginning of a message of indefinite lengths, up to the recipients.
const START: &[u8] =
    b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xA0\x80\x30\x80\x02\x01\x00\x31\x80";
/// From the end of the recipients up to the content of AES-128-CBC.
const CONTENT: &[u8] = b"\x00\x00\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\x30\x1d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x02\x04\x10\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f";
const RECIPIENT: &[u8] = b"\x30\x03\x02\x01\x00";

fn feed(reader: &mut Reader, octets: &[u8]) -> (usize, bool) {
    let (mut rest, mut ciphertext, mut ended) = (octets, 0, false);
    while let Some(event) = reader.next(&mut rest).unwrap() {
        match event {
            Event::Ciphertext(octets) => ciphertext += octets.len(),
            Event::End => ended = true,
            _ => {}
        }
    }
    (ciphertext, ended)
}

/// One test: the allocator counts for the whole process.
#[test]
fn fifty_megabytes_take_eight_at_most() {
    let segment = [b"\x04\x82\xFF\xFC".as_slice(), &[7; 0xFFFC]].concat();
    let small = b"\x04\x01\x07".repeat(20_000);
    for (pieces, megabytes) in [(&segment, 50), (&small, 5)] {
        let used = most(|| {
            let mut reader = Reader::new(Limits::default());
            feed(&mut reader, &[START, RECIPIENT, CONTENT, b"\xA0\x80"].concat());
            let mut octets = 0;
            for _ in 0..megabytes * MEGABYTE / pieces.len() {
                octets += feed(&mut reader, pieces).0;
            }
            assert!(feed(&mut reader, &[0; 10]).1);
            assert_eq!(reader.finish().unwrap().ciphertext_octets, octets as u64);
        });
        assert!(used < MEGABYTE / 16, "{used}");
    }

    // The largest header that the limits let through: everything is kept once, while the next is collected.
    let element = [b"\x30\x83\x03\xFF\xF0".as_slice(), &vec![0; 0x3FFF0]].concat();
    let used = most(|| {
        let mut survey = cedrat_keyring::reader::Survey::new(Limits::default());
        survey.update(START).unwrap();
        for _ in 0..7 {
            survey.update(&element).unwrap();
        }
        survey.update(CONTENT).unwrap();
        survey.update(b"\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00").unwrap();
        assert_eq!(survey.finish().unwrap().recipients.len(), 7);
    });
    assert!(used < BOUND, "{used}");

    let key = Cek::new(&[1; 32]).unwrap();
    let parameters = ContentParameters::gcm(ContentAlgorithm::Aes256Gcm, &[2; 12], 16).unwrap();
    let used = most(|| {
        let mut encryptor = Encryptor::new(&key, &parameters, None).unwrap();
        let mut ciphertext = Vec::new();
        let chunk = [0x20; 0x4000];
        let mut chunks = Vec::new();
        for _ in 0..16 {
            ciphertext.clear();
            encryptor.update(&chunk, &mut ciphertext).unwrap();
            chunks.push(ciphertext.clone());
        }
        let mac = encryptor.finish(&mut ciphertext);
        let content =
            Content { parameters: &parameters, auth_attributes: None, mac: mac.as_deref(), is_mime: false };
        let mut verifier = Verifier::new(&key, &content);
        chunks.iter().for_each(|chunk| verifier.update(chunk));
        let mut decryptor = verifier.finish().unwrap().decryptor();
        let mut plaintext = Zeroizing::new(Vec::new());
        for chunk in &chunks {
            plaintext.clear();
            decryptor.update(chunk, &mut plaintext).unwrap();
            assert!(plaintext.iter().all(|octet| *octet == 0x20));
        }
        decryptor.finish(&mut plaintext).unwrap();
    });
    assert!(used < MEGABYTE, "{used}");
}
