//! What is sealed: `{"cek":"…","alg":"aes-256-gcm"}`, base64url without padding.
//!
//! Written and read without a JSON library, because those leave copies of what they parse. Read in
//! any order and with any white space of RFC 8259, without escapes, members twice or others.

use alloc::vec::Vec;

use base64ct::{Base64UrlUnpadded, Encoding};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::Opened;
use crate::{
    Cek,
    cek::{self, Kind},
};

/// Characters of the longest key.
const MAX_ENCODED: usize = 43;

pub(super) fn write(key: &Cek, kind: Kind) -> Zeroizing<Vec<u8>> {
    let mut encoded = Zeroizing::new([0; MAX_ENCODED]);
    let encoded = Base64UrlUnpadded::encode(key.octets(), encoded.as_mut_slice()).unwrap_or_default();
    let parts = [r#"{"cek":""#, encoded, r#"","alg":""#, kind.name, r#""}"#];
    // Whole at once: growing would leave a copy behind.
    let mut out = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
    out
}

/// The key in it, or a random one of the first kind: how it fails must not be seen. `None` only where no kind is given.
pub(super) fn read(octets: &[u8], kinds: &[Kind], rng: &mut impl CryptoRng) -> Option<Opened> {
    let mut random = Zeroizing::new([0; cek::MAX_OCTETS]);
    rng.fill_bytes(random.as_mut_slice());
    let substitute = Cek::new(random.get(..kinds.first()?.octets)?)?;
    let mut decoded = Zeroizing::new([0; cek::MAX_OCTETS]);
    let stated = members(octets).and_then(|members| {
        let kind = kinds.iter().find(|kind| kind.name.as_bytes() == members.alg)?;
        let octets = Base64UrlUnpadded::decode(members.cek, decoded.as_mut_slice()).ok()?;
        (octets.len() == kind.octets).then(|| Cek::new(octets)).flatten()
    });
    let fits = stated.is_some();
    Some(Opened { cek: stated.unwrap_or(substitute), fits })
}

struct Members<'a> {
    cek: &'a [u8],
    alg: &'a [u8],
}

fn members(octets: &[u8]) -> Option<Members<'_>> {
    let (mut cek, mut alg) = (None, None);
    let mut rest = token(octets, b'{')?;
    loop {
        let (name, after) = string(rest)?;
        let (value, after) = string(token(after, b':')?)?;
        let slot = match name {
            b"cek" => &mut cek,
            b"alg" => &mut alg,
            _ => return None,
        };
        if slot.replace(value).is_some() {
            return None;
        }
        match token(after, b',') {
            Some(after) => rest = after,
            None => {
                let end = token(after, b'}')?;
                return white(end).is_empty().then_some(Members { cek: cek?, alg: alg? });
            }
        }
    }
}

fn white(octets: &[u8]) -> &[u8] {
    let length = octets.iter().take_while(|c| b" \t\r\n".contains(c)).count();
    octets.get(length..).unwrap_or_default()
}

fn token(octets: &[u8], wanted: u8) -> Option<&[u8]> {
    white(octets).split_first().filter(|(first, _)| **first == wanted).map(|(_, rest)| rest)
}

fn string(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = token(octets, b'"')?;
    let length = rest.iter().position(|c| *c == b'"')?;
    let (text, rest) = rest.split_at_checked(length)?;
    text.iter().all(|c| *c >= b' ' && *c != b'\\').then_some(())?;
    Some((text, rest.get(1..)?))
}
