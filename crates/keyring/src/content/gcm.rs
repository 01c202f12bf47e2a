//! AES-GCM taken apart (NIST SP 800-38D §7): the tag over ciphertext, and the keystream, each alone.
//!
//! Nonces are of 12 octets, so that J0 is nonce ‖ 00000001 and the keystream begins with 00000002.

use alloc::boxed::Box;
use core::fmt;

use aes::cipher::array::Array;
use aes::cipher::{BlockCipherEncrypt as _, InnerIvInit as _, StreamCipher as _};
use ghash::GHash;
use ghash::universal_hash::UniversalHash as _;
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::Unusable;
use super::cipher::Aes;
use crate::reader::tag;

/// Octets of a whole tag.
pub(super) const TAG_OCTETS: usize = 16;

/// Octets that one nonce encrypts: after them the counter would repeat.
pub(super) const MAX_OCTETS: u64 = (1 << 36) - 32;

type Block = [u8; 16];

/// A key and a nonce, and what was authenticated before the content.
pub(super) struct Gcm {
    aes: Aes,
    j0: Block,
    tag: Box<Tag>,
}

impl Gcm {
    pub(super) fn new(aes: Aes, nonce: &[u8], auth_attributes: Option<&[u8]>) -> Self {
        let mut j0: Block = [0; 16];
        for (to, from) in j0.iter_mut().zip(nonce) {
            *to = *from;
        }
        j0[15] = 1;
        let encrypted = |block: Block| {
            let mut block = Array::from(block);
            aes.encrypt_block(&mut block);
            Zeroizing::new(<Block>::from(block))
        };
        let mut tag = Box::new(Tag {
            hash: GHash::new((&*encrypted([0; 16])).into()),
            mask: encrypted(j0),
            pending: [0; 16],
            have: 0,
            authenticated: 0,
            octets: 0,
        });
        tag.authenticate(auth_attributes);
        Self { aes, j0, tag }
    }

    /// The tag, before the first octet of the content.
    pub(super) fn tag(&self) -> Box<Tag> {
        self.tag.clone()
    }

    pub(super) fn keystream(self) -> Keystream {
        let mut first = self.j0;
        first[15] = 2;
        let core = ctr::CtrCore::inner_iv_init(self.aes, &first.into());
        Keystream(ctr::Ctr32BE::from_core(core))
    }
}

/// The tag of what was taken so far.
#[derive(Clone)]
pub(super) struct Tag {
    hash: GHash,
    /// What the hash is encrypted with.
    mask: Zeroizing<Block>,
    pending: Block,
    have: usize,
    authenticated: u64,
    octets: u64,
}

impl Tag {
    fn authenticate(&mut self, auth_attributes: Option<&[u8]>) {
        let Some([_, rest @ ..]) = auth_attributes else { return };
        self.absorb(&[tag::SET]);
        self.absorb(rest);
        self.pad();
        self.authenticated = rest.len() as u64 + 1;
    }

    /// Takes octets of the ciphertext.
    pub(super) fn update(&mut self, ciphertext: &[u8]) {
        self.octets = self.octets.saturating_add(ciphertext.len() as u64);
        self.absorb(ciphertext);
    }

    fn absorb(&mut self, octets: &[u8]) {
        let mut rest = octets;
        if self.have > 0 {
            let room = self.pending.get_mut(self.have..).unwrap_or_default();
            let (now, later) = rest.split_at(room.len().min(rest.len()));
            for (to, from) in room.iter_mut().zip(now) {
                *to = *from;
            }
            self.have += now.len();
            rest = later;
            if self.have < self.pending.len() {
                return;
            }
            self.pad();
        }
        let (blocks, last) = Array::slice_as_chunks(rest);
        self.hash.update(blocks);
        for (to, from) in self.pending.iter_mut().zip(last) {
            *to = *from;
        }
        self.have = last.len();
    }

    /// Ends a block with zeros.
    fn pad(&mut self) {
        if self.have > 0 {
            for octet in self.pending.iter_mut().skip(self.have) {
                *octet = 0;
            }
            self.hash.update(&[self.pending.into()]);
            self.have = 0;
        }
    }

    pub(super) fn finish(mut self: Box<Self>) -> Zeroizing<Block> {
        self.pad();
        let bits = |octets: u64| u128::from(octets) << 3 & u128::from(u64::MAX);
        let lengths = bits(self.authenticated) << 64 | bits(self.octets);
        self.hash.update(&[lengths.to_be_bytes().into()]);
        let mut tag = Zeroizing::new(<Block>::from(self.hash.finalize()));
        for (octet, mask) in tag.iter_mut().zip(self.mask.iter()) {
            *octet ^= mask;
        }
        tag
    }
}

/// Whether the first `octets` of two tags are the same, in a time that does not depend on them.
pub(super) fn equal(computed: &Block, sent: &Block, octets: usize) -> Choice {
    let first = |tag| <[u8]>::get(tag, ..octets).unwrap_or_default();
    first(computed).ct_eq(first(sent)) & Choice::from(u8::from((12..=TAG_OCTETS).contains(&octets)))
}

/// What plaintext is exclusive-ored with.
pub(super) struct Keystream(ctr::Ctr32BE<Aes>);

impl Keystream {
    pub(super) fn apply(&mut self, octets: &mut [u8]) -> Result<(), Unusable> {
        self.0.try_apply_keystream(octets).map_err(|_| Unusable)
    }
}

impl fmt::Debug for Gcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gcm")
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag")
    }
}

impl fmt::Debug for Keystream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keystream")
    }
}
