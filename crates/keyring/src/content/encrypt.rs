//! Content encrypted in a stream: AES-GCM, and AES-CBC for clients that know nothing else.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use aes::cipher::array::Array;
use aes::cipher::{BlockModeEncrypt as _, InnerIvInit as _};
use zeroize::Zeroizing;

use super::cipher::{Aes, BlockCipher, MAX_BLOCK_OCTETS};
use super::{Unusable, gcm};
use crate::algorithm::{ContentParameters, Integrity};
use crate::cek::Cek;

/// Plaintext on its way to ciphertext.
pub struct Encryptor {
    mode: Mode,
    left: u64,
}

enum Mode {
    Cbc { chain: cbc::Encryptor<Aes>, held: Zeroizing<[u8; MAX_BLOCK_OCTETS]>, have: usize },
    Gcm { keystream: gcm::Keystream, tag: Box<gcm::Tag>, tag_octets: usize },
}

impl Encryptor {
    /// Encrypts under a key that was never used before with the vector in `parameters`; both are random and
    /// of the caller. `auth_attributes` are the `authAttrs` of the message, in DER and tagged `[1]`; only a
    /// mode with integrity has them.
    ///
    /// # Errors
    /// When the key is not of the algorithm's length, attributes would not be authenticated, or the
    /// algorithm is 3DES, which is not written.
    pub fn new(
        key: &Cek,
        parameters: &ContentParameters,
        auth_attributes: Option<&[u8]>,
    ) -> Result<Self, Unusable> {
        let (cipher, fits) = BlockCipher::new(parameters.algorithm(), key);
        let BlockCipher::Aes(aes) = cipher else { return Err(Unusable) };
        if !bool::from(fits) {
            return Err(Unusable);
        }
        let mode = match parameters.algorithm().integrity() {
            Integrity::Aead => {
                let gcm = gcm::Gcm::new(aes, parameters.iv(), auth_attributes);
                let tag = gcm.tag();
                Mode::Gcm { keystream: gcm.keystream(), tag, tag_octets: parameters.tag_octets() }
            }
            Integrity::None if auth_attributes.is_some() => return Err(Unusable),
            Integrity::None => {
                let iv: &[u8; MAX_BLOCK_OCTETS] = parameters.iv().try_into().map_err(|_| Unusable)?;
                let chain = cbc::Encryptor::inner_iv_init(aes, iv.into());
                Mode::Cbc { chain, held: Zeroizing::new([0; MAX_BLOCK_OCTETS]), have: 0 }
            }
        };
        Ok(Self { mode, left: gcm::MAX_OCTETS })
    }

    /// Takes the next octets of the plaintext and appends ciphertext.
    ///
    /// # Errors
    /// After 64 GiB, which is as much as one nonce encrypts.
    pub fn update(&mut self, plaintext: &[u8], ciphertext: &mut Vec<u8>) -> Result<(), Unusable> {
        self.left = self.left.checked_sub(plaintext.len() as u64).ok_or(Unusable)?;
        // Plaintext is copied into memory that is not wiped and encrypted there; growing first, it is never
        // left behind.
        ciphertext.reserve(plaintext.len() + MAX_BLOCK_OCTETS);
        let start = ciphertext.len();
        match &mut self.mode {
            Mode::Gcm { keystream, tag, .. } => {
                ciphertext.extend_from_slice(plaintext);
                let fresh = ciphertext.get_mut(start..).unwrap_or_default();
                keystream.apply(fresh)?;
                tag.update(fresh);
            }
            Mode::Cbc { chain, held, have } => {
                let whole = (*have + plaintext.len()) / MAX_BLOCK_OCTETS * MAX_BLOCK_OCTETS;
                let (now, later) = plaintext.split_at(whole.saturating_sub(*have));
                if whole > 0 {
                    ciphertext.extend_from_slice(held.get(..*have).unwrap_or_default());
                    ciphertext.extend_from_slice(now);
                    let fresh = ciphertext.get_mut(start..).unwrap_or_default();
                    chain.encrypt_blocks(Array::slice_as_chunks_mut(fresh).0);
                    *have = 0;
                }
                for (to, from) in held.iter_mut().skip(*have).zip(later) {
                    *to = *from;
                }
                *have += later.len();
            }
        }
        Ok(())
    }

    /// After the last octet of the plaintext: appends the padded last block of CBC; the MAC of GCM.
    #[must_use]
    pub fn finish(self, ciphertext: &mut Vec<u8>) -> Option<Vec<u8>> {
        match self.mode {
            Mode::Gcm { tag, tag_octets, .. } => {
                Some(tag.finish().iter().copied().take(tag_octets).collect())
            }
            Mode::Cbc { mut chain, mut held, have } => {
                let padding = MAX_BLOCK_OCTETS.saturating_sub(have);
                for octet in held.iter_mut().skip(have) {
                    *octet = u8::try_from(padding).unwrap_or(0);
                }
                let mut last = Array::from(*held);
                chain.encrypt_block(&mut last);
                ciphertext.extend_from_slice(&last);
                None
            }
        }
    }
}

impl fmt::Debug for Encryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encryptor")
    }
}
