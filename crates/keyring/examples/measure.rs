//! What the ciphers cost, for `./dev bench handoff`: a message opened and one made, and how long each way
//! of refusing a key takes. Prints JSON; times in milliseconds and nanoseconds.
//!
//! ```text
//! measure open MESSAGE.der KEY.der CERTIFICATE.der   → {"octets":…,"open_ms":…,"seal_ms":…}
//! measure answers TRIES                              → {"good":[…],"key":[…],"tag":[…],"digest":[…],"padding":[…]}
//! ```

#![allow(clippy::disallowed_types, clippy::disallowed_macros, reason = "a program that measures and prints")]

use std::{convert::Infallible, hint::black_box, time::Instant};

use cedrat_keyring::{
    Cek, Certificate, ContentAlgorithm, Recipient, Structure,
    algorithm::ContentParameters,
    content::{Encryptor, FirstPass},
    create::{self, EncryptedContent, Envelope, Transport},
    reader, recipient,
    unwrap::{KeyLimits, PrivateKey, unwrap},
};
use rand_core::{TryCryptoRng, TryRng};
use zeroize::Zeroizing;

type Fault = Box<dyn std::error::Error>;

fn main() -> Result<(), Fault> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["open", message, key, certificate] => open(message, key, certificate),
        ["answers", tries] => answers(tries.parse()?),
        _ => Err("usage: measure open MESSAGE KEY CERTIFICATE | measure answers TRIES".into()),
    }
}

/// Numbers that need not be secret here.
struct Numbers(u64);

impl TryRng for Numbers {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| (number >> 32) as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Ok(self.0)
    }
    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Infallible> {
        for octet in octets {
            *octet = (self.try_next_u64()? >> 56) as u8;
        }
        Ok(())
    }
}

impl TryCryptoRng for Numbers {}

fn open(message: &str, key: &str, certificate: &str) -> Result<(), Fault> {
    let message = std::fs::read(message)?;
    let private = PrivateKey::read(&std::fs::read(key)?, &KeyLimits::default())?;
    let certificate = Certificate::read(&std::fs::read(certificate)?, &recipient::Limits::default())?;
    let structure = Structure::of(&message, reader::Limits::default())?;
    let algorithm = structure.content()?.parameters.algorithm();
    let info = structure.recipients.first().ok_or("no recipient")?;
    let info = Recipient::read(info, &recipient::Limits::default())?;
    let cek = unwrap(&info, &private, &certificate, algorithm, &mut Numbers(1))?;
    let begin = Instant::now();
    let plaintext = decrypted(&message, &cek).ok_or("the key does not open the message")?;
    let open_ms = begin.elapsed().as_secs_f64() * 1000.0;
    let begin = Instant::now();
    let made = encrypted(&plaintext, &certificate)?;
    let seal_ms = begin.elapsed().as_secs_f64() * 1000.0;
    println!(
        "{{\"octets\":{},\"made\":{},\"open_ms\":{open_ms:.2},\"seal_ms\":{seal_ms:.2}}}",
        plaintext.len(),
        made.len()
    );
    Ok(())
}

/// Survey, both passes.
fn decrypted(message: &[u8], cek: &Cek) -> Option<Zeroizing<Vec<u8>>> {
    let structure = Structure::of(message, reader::Limits::default()).ok()?;
    let content = structure.content().ok()?;
    let mut first = FirstPass::new(cek, &content, structure.summary.sha256, reader::Limits::default());
    message.chunks(64 << 10).for_each(|piece| first.update(piece));
    let mut second = first.finish().ok()?.second_pass();
    let mut plaintext = Zeroizing::new(Vec::with_capacity(message.len() + 64));
    for piece in message.chunks(64 << 10) {
        second.update(piece, &mut plaintext).ok()?;
    }
    second.finish(&mut plaintext).ok()?;
    Some(plaintext)
}

fn encrypted(plaintext: &[u8], certificate: &Certificate) -> Result<Vec<u8>, Fault> {
    let algorithm = ContentAlgorithm::Aes256Gcm;
    let cek = create::fresh_key(algorithm, &mut Numbers(2)).ok_or("no key")?;
    let parameters = ContentParameters::gcm(algorithm, &[7; 12], 16).ok_or("no parameters")?;
    let recipient = create::recipient_info(certificate, &cek, Transport::Oaep, &mut Numbers(3))?;
    let octets = Some(plaintext.len() as u64);
    let content = EncryptedContent { parameters: &parameters, derived: false, octets };
    let mut envelope = Envelope::new(vec![recipient], &content);
    let mut cipher = Encryptor::new(&cek, &parameters, None)?;
    let mut out = Vec::with_capacity(plaintext.len() + 4096);
    out.extend_from_slice(envelope.head());
    let mut piece_out = Vec::with_capacity(66 << 10);
    for piece in plaintext.chunks(64 << 10) {
        piece_out.clear();
        cipher.update(piece, &mut piece_out)?;
        envelope.ciphertext(&piece_out, &mut out)?;
    }
    piece_out.clear();
    let tag = cipher.finish(&mut piece_out);
    if !piece_out.is_empty() {
        envelope.ciphertext(&piece_out, &mut out)?;
    }
    out.extend_from_slice(&envelope.tail(tag.as_deref())?);
    Ok(out)
}

/// A message of 64 KiB under each mode, and what a key that does not fit costs.
fn answers(tries: usize) -> Result<(), Fault> {
    let content = vec![b'x'; 64 << 10];
    let gcm = ContentParameters::gcm(ContentAlgorithm::Aes256Gcm, &[1; 12], 16).ok_or("gcm")?;
    let cbc = ContentParameters::cbc(ContentAlgorithm::Aes256Cbc, &[1; 16]).ok_or("cbc")?;
    let good = Cek::new(&[5; 32]).ok_or("key")?;
    let wrong = Cek::new(&[6; 32]).ok_or("key")?;
    let authenticated = framed(&content, &gcm, &good)?;
    let mut tagged = authenticated.clone();
    *tagged.last_mut().ok_or("empty")? ^= 1;
    let chained = framed(&content, &cbc, &good)?;
    let structure = |message: &[u8]| Structure::of(message, reader::Limits::default());
    let cases: [(&str, &[u8], &Cek, [u8; 32]); 5] = [
        ("good", &authenticated, &good, structure(&authenticated)?.summary.sha256),
        ("key", &authenticated, &wrong, structure(&authenticated)?.summary.sha256),
        ("tag", &tagged, &good, structure(&tagged)?.summary.sha256),
        ("digest", &authenticated, &good, [0; 32]),
        ("padding", &chained, &wrong, structure(&chained)?.summary.sha256),
    ];
    let mut times = vec![Vec::with_capacity(tries); cases.len()];
    for _ in 0..tries {
        // One after the other, so that whatever else the machine does falls on all of them.
        for ((_, message, key, sha256), times) in cases.iter().zip(&mut times) {
            let structure = structure(message)?;
            let content = structure.content()?;
            let begin = Instant::now();
            let mut first = FirstPass::new(key, &content, *sha256, reader::Limits::default());
            first.update(message);
            black_box(first.finish().is_ok());
            times.push(begin.elapsed().as_nanos());
        }
    }
    let lists: Vec<String> =
        cases.iter().zip(&times).map(|((name, ..), times)| format!("\"{name}\":{times:?}")).collect();
    println!("{{{}}}", lists.join(","));
    Ok(())
}

fn framed(content: &[u8], parameters: &ContentParameters, key: &Cek) -> Result<Vec<u8>, Fault> {
    let described = EncryptedContent { parameters, derived: false, octets: Some(content.len() as u64) };
    // A RecipientInfo that nobody reads: KEKRecipientInfo with an empty key.
    let nobody = vec![0xA2, 0x0D, 2, 1, 4, 0x30, 2, 4, 0, 0x30, 2, 6, 0, 4, 0];
    let mut envelope = Envelope::new(vec![nobody], &described);
    let mut cipher = Encryptor::new(key, parameters, None)?;
    let (mut out, mut sealed) = (envelope.head().to_vec(), Vec::new());
    cipher.update(content, &mut sealed)?;
    let tag = cipher.finish(&mut sealed);
    envelope.ciphertext(&sealed, &mut out)?;
    out.extend_from_slice(&envelope.tail(tag.as_deref())?);
    Ok(out)
}
