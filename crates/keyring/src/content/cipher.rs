//! The block ciphers of CMS behind one type, whatever the length of the key.
//!
//! A key schedule begins with the key: it is boxed, so that moving a cipher leaves no copy on the stack.

use alloc::boxed::Box;
use core::fmt;

use aes::cipher::consts::{U8, U16};
use aes::cipher::{
    BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser,
    KeyInit as _,
};
use subtle::Choice;
use zeroize::Zeroizing;

use crate::algorithm::ContentAlgorithm;
use crate::cek::{Cek, MAX_OCTETS};

/// Octets of a block of AES; 3DES has half.
pub(super) const MAX_BLOCK_OCTETS: usize = 16;

/// A keyed block cipher. Key schedules are wiped when they are dropped.
#[derive(Clone)]
pub(super) enum BlockCipher {
    Aes(Aes),
    TripleDes(TripleDes),
}

/// AES with one of its three key lengths.
#[derive(Clone)]
pub(super) enum Aes {
    Aes128(Box<aes::Aes128>),
    Aes192(Box<aes::Aes192>),
    Aes256(Box<aes::Aes256>),
}

/// 3DES with three keys.
#[derive(Clone)]
pub(super) struct TripleDes(Box<des::TdesEde3>);

impl BlockCipher {
    /// The cipher of `algorithm` under `key`, and whether the key is of its length. One of another length
    /// is replaced by zeros: whoever tries it does the same work and learns it at the end.
    pub(super) fn new(algorithm: ContentAlgorithm, key: &Cek) -> (Self, Choice) {
        let fits = key.octets().len() == algorithm.key_octets();
        let mut octets = Zeroizing::new([0; MAX_OCTETS]);
        if fits {
            for (to, from) in octets.iter_mut().zip(key.octets()) {
                *to = *from;
            }
        }
        let [a @ .., _, _, _, _, _, _, _, _] = &*octets;
        let [b @ .., _, _, _, _, _, _, _, _] = a;
        let cipher = match algorithm {
            ContentAlgorithm::Aes128Cbc | ContentAlgorithm::Aes128Gcm => {
                Self::Aes(Aes::Aes128(Box::new(aes::Aes128::new(b.into()))))
            }
            ContentAlgorithm::Aes192Cbc | ContentAlgorithm::Aes192Gcm => {
                Self::Aes(Aes::Aes192(Box::new(aes::Aes192::new(a.into()))))
            }
            ContentAlgorithm::Aes256Cbc | ContentAlgorithm::Aes256Gcm => {
                Self::Aes(Aes::Aes256(Box::new(aes::Aes256::new((&*octets).into()))))
            }
            ContentAlgorithm::TripleDesCbc => {
                Self::TripleDes(TripleDes(Box::new(des::TdesEde3::new(a.into()))))
            }
        };
        (cipher, Choice::from(u8::from(fits)))
    }

    /// Octets of a block.
    pub(super) const fn block_octets(&self) -> usize {
        match self {
            Self::Aes(_) => 16,
            Self::TripleDes(_) => 8,
        }
    }
}

impl BlockSizeUser for Aes {
    type BlockSize = U16;
}

impl BlockCipherEncrypt for Aes {
    fn encrypt_with_backend(&self, f: impl BlockCipherEncClosure<BlockSize = U16>) {
        match self {
            Self::Aes128(cipher) => cipher.encrypt_with_backend(f),
            Self::Aes192(cipher) => cipher.encrypt_with_backend(f),
            Self::Aes256(cipher) => cipher.encrypt_with_backend(f),
        }
    }
}

impl BlockCipherDecrypt for Aes {
    fn decrypt_with_backend(&self, f: impl BlockCipherDecClosure<BlockSize = U16>) {
        match self {
            Self::Aes128(cipher) => cipher.decrypt_with_backend(f),
            Self::Aes192(cipher) => cipher.decrypt_with_backend(f),
            Self::Aes256(cipher) => cipher.decrypt_with_backend(f),
        }
    }
}

impl BlockSizeUser for TripleDes {
    type BlockSize = U8;
}

impl BlockCipherDecrypt for TripleDes {
    fn decrypt_with_backend(&self, f: impl BlockCipherDecClosure<BlockSize = U8>) {
        self.0.decrypt_with_backend(f);
    }
}

impl fmt::Debug for BlockCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlockCipher")
    }
}

impl fmt::Debug for Aes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aes")
    }
}
