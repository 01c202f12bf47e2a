//! From a shared secret to a wrapped content key: the part of unwrapping that needs no private key.
//!
//! X9.63 KDF and HKDF over ECC-CMS-SharedInfo (RFC 5753 §7.2, RFC 8418 §2), AES key wrap (RFC 3394)
//! and the content key's own derivation (RFC 9709). Both directions use it. A shared secret leaves
//! this module as a key-encryption key, and that as a content key; neither is ever returned to a peer.

use alloc::vec::Vec;

use aes_kw::{AesKw, KeyInit};
use hkdf::Hkdf;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::element::{INTEGER, OCTET_STRING, SEQUENCE, constructed, element};
use super::{Hash, Scheme, Wrap};
use crate::Cek;

impl Scheme {
    /// The key-encryption key from a shared secret. The user keying material is in the shared
    /// information already; HKDF has it as salt besides (RFC 8418 §2.2).
    pub(crate) fn kek(self, secret: &[u8], info: &[u8], ukm: Option<&[u8]>, wrap: Wrap) -> Option<Kek> {
        match self {
            Self::X963(hash) => Some(Kek::x963(hash, secret, info, wrap)),
            Self::Hkdf(hash) => Kek::hkdf(hash, ukm, secret, info, wrap),
        }
    }
}

/// ECC-CMS-SharedInfo: the wrap algorithm as it was sent, the user keying material, and the bits of
/// the key that is derived.
pub(crate) fn shared_info(wrap_der: &[u8], ukm: Option<&[u8]>, wrap: Wrap) -> Vec<u8> {
    let bits = u32::try_from(wrap.octets() * 8).unwrap_or_default().to_be_bytes();
    let ukm = ukm.map(|ukm| element(constructed(0), &[&element(OCTET_STRING, &[ukm])])).unwrap_or_default();
    let bits = element(constructed(2), &[&element(OCTET_STRING, &[&bits])]);
    element(SEQUENCE, &[wrap_der, &ukm, &bits])
}

/// CMSORIforKEMOtherInfo: the wrap algorithm as it was sent, the octets of the key that is derived, and
/// the user keying material (RFC 9629 §5).
pub(crate) fn kem_info(wrap_der: &[u8], wrap: Wrap, ukm: Option<&[u8]>) -> Vec<u8> {
    let length = element(INTEGER, &[&[u8::try_from(wrap.octets()).unwrap_or_default()]]);
    let ukm = ukm.map(|ukm| element(constructed(0), &[&element(OCTET_STRING, &[ukm])])).unwrap_or_default();
    element(SEQUENCE, &[wrap_der, &length, &ukm])
}

/// A key-encryption key.
pub(crate) struct Kek {
    octets: Zeroizing<[u8; 32]>,
    wrap: Wrap,
}

impl Kek {
    /// The key with these octets; `None` when they are not as many as the wrap takes.
    #[cfg(feature = "unwrap")]
    pub(crate) fn new(octets: &[u8], wrap: Wrap) -> Option<Self> {
        let mut key = Self { octets: Zeroizing::new([0; 32]), wrap };
        let place = key.octets.get_mut(..wrap.octets())?;
        if place.len() != octets.len() {
            return None;
        }
        place.copy_from_slice(octets);
        Some(key)
    }

    fn x963(hash: Hash, secret: &[u8], info: &[u8], wrap: Wrap) -> Self {
        fn fill<D: Digest>(secret: &[u8], info: &[u8], out: &mut [u8]) {
            for (counter, out) in (1u32..).zip(out.chunks_mut(<D as Digest>::output_size())) {
                let block = D::new()
                    .chain_update(secret)
                    .chain_update(counter.to_be_bytes())
                    .chain_update(info)
                    .finalize();
                let block = Zeroizing::new(block.to_vec());
                out.iter_mut().zip(block.iter()).for_each(|(out, octet)| *out = *octet);
            }
        }
        let mut key = Self { octets: Zeroizing::new([0; 32]), wrap };
        let out = key.octets.get_mut(..wrap.octets()).unwrap_or_default();
        match hash {
            Hash::Sha1 => fill::<Sha1>(secret, info, out),
            Hash::Sha224 => fill::<Sha224>(secret, info, out),
            Hash::Sha256 => fill::<Sha256>(secret, info, out),
            Hash::Sha384 => fill::<Sha384>(secret, info, out),
            Hash::Sha512 => fill::<Sha512>(secret, info, out),
        }
        key
    }

    /// HKDF (RFC 5869) with a hash of SHA-2 from 256 bits; `None` of another.
    pub(crate) fn hkdf(
        hash: Hash,
        salt: Option<&[u8]>,
        secret: &[u8],
        info: &[u8],
        wrap: Wrap,
    ) -> Option<Self> {
        let mut key = Self { octets: Zeroizing::new([0; 32]), wrap };
        let out = key.octets.get_mut(..wrap.octets())?;
        match hash {
            Hash::Sha256 => Hkdf::<Sha256>::new(salt, secret).expand(info, out).ok()?,
            Hash::Sha384 => Hkdf::<Sha384>::new(salt, secret).expand(info, out).ok()?,
            Hash::Sha512 => Hkdf::<Sha512>::new(salt, secret).expand(info, out).ok()?,
            Hash::Sha1 | Hash::Sha224 => return None,
        }
        Some(key)
    }

    /// The content key, wrapped.
    pub(crate) fn wrap(&self, cek: &Cek) -> Option<Vec<u8>> {
        let mut out = alloc::vec![0; cek.octets().len() + 8];
        let key = self.octets.get(..self.wrap.octets())?;
        match self.wrap {
            Wrap::Aes128 => {
                AesKw::<aes::Aes128>::new_from_slice(key).ok()?.wrap_key(cek.octets(), &mut out).ok()?
            }
            Wrap::Aes192 => {
                AesKw::<aes::Aes192>::new_from_slice(key).ok()?.wrap_key(cek.octets(), &mut out).ok()?
            }
            Wrap::Aes256 => {
                AesKw::<aes::Aes256>::new_from_slice(key).ok()?.wrap_key(cek.octets(), &mut out).ok()?
            }
        };
        Some(out)
    }

    /// The content key of `length` octets, unwrapped; `None` for every reason alike.
    #[cfg(feature = "unwrap")]
    pub(crate) fn unwrap(&self, wrapped: &[u8], length: usize) -> Option<Cek> {
        // AES key wrap is defined for two blocks of 64 bits or more: checked before it is called.
        if wrapped.len() < 24 || !wrapped.len().is_multiple_of(8) || wrapped.len() != length + 8 {
            return None;
        }
        let mut out = Zeroizing::new([0; crate::cek::MAX_OCTETS]);
        let key = self.octets.get(..self.wrap.octets())?;
        let octets = match self.wrap {
            Wrap::Aes128 => {
                AesKw::<aes::Aes128>::new_from_slice(key).ok()?.unwrap_key(wrapped, &mut *out).ok()?
            }
            Wrap::Aes192 => {
                AesKw::<aes::Aes192>::new_from_slice(key).ok()?.unwrap_key(wrapped, &mut *out).ok()?
            }
            Wrap::Aes256 => {
                AesKw::<aes::Aes256>::new_from_slice(key).ok()?.unwrap_key(wrapped, &mut *out).ok()?
            }
        };
        Cek::new(octets)
    }

    #[cfg(test)]
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets[..self.wrap.octets()]
    }
}

/// The key that content is encrypted under when its algorithm is id-alg-cek-hkdf-sha256 (RFC 9709):
/// derived from the transported one and the DER of the algorithm within, so that it is of no use
/// under any other. `None` never happens for a content key; the derivation has a limit far above it.
#[must_use]
pub fn cek_hkdf_sha256(transported: &Cek, algorithm_der: &[u8]) -> Option<Cek> {
    let mut out = Zeroizing::new([0; crate::cek::MAX_OCTETS]);
    let out = out.get_mut(..transported.octets().len())?;
    Hkdf::<Sha256>::new(Some(b"The Cryptographic Message Syntax"), transported.octets())
        .expand(algorithm_der, out)
        .ok()?;
    Cek::new(out)
}
