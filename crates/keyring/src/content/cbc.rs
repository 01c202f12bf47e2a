//! Cipher block chaining with the padding of RFC 5652 §6.3, the last block held back until it is known to
//! be the last.
//!
//! Nothing is authenticated: the probe says that a key is wrong with some certainty, never that a message
//! is what was sent.

use alloc::vec::Vec;
use core::fmt;

use aes::cipher::array::Array;
use aes::cipher::{BlockModeDecrypt as _, InnerIvInit as _};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _, ConstantTimeGreater as _};
use zeroize::Zeroizing;

use super::cipher::{Aes, BlockCipher, MAX_BLOCK_OCTETS, TripleDes};

/// Octets at the beginning in which the first header of a MIME entity is looked for.
const BEGINNING_OCTETS: usize = 64;

/// A cipher with the block that the next one is chained to.
enum Chain {
    Aes(cbc::Decryptor<Aes>),
    TripleDes(cbc::Decryptor<TripleDes>),
}

impl Chain {
    fn new(cipher: BlockCipher, iv: &[u8]) -> Self {
        let mut vector = [0; MAX_BLOCK_OCTETS];
        for (to, from) in vector.iter_mut().zip(iv) {
            *to = *from;
        }
        let [a, b, c, d, e, f, g, h, ..] = vector;
        match cipher {
            BlockCipher::Aes(aes) => Self::Aes(cbc::Decryptor::inner_iv_init(aes, &vector.into())),
            BlockCipher::TripleDes(des) => {
                Self::TripleDes(cbc::Decryptor::inner_iv_init(des, &[a, b, c, d, e, f, g, h].into()))
            }
        }
    }

    /// Decrypts whole blocks where they are.
    fn decrypt(&mut self, blocks: &mut [u8]) {
        match self {
            Self::Aes(chain) => chain.decrypt_blocks(Array::slice_as_chunks_mut(blocks).0),
            Self::TripleDes(chain) => chain.decrypt_blocks(Array::slice_as_chunks_mut(blocks).0),
        }
    }
}

/// How many octets of a last block are content, and whether its padding is right; in a time that does not
/// depend on either.
fn content_of(last: &[u8]) -> (usize, Choice) {
    let block = u8::try_from(last.len()).unwrap_or(0);
    let padding = last.last().copied().unwrap_or(0);
    let mut right = !padding.ct_eq(&0) & !padding.ct_gt(&block);
    for (from_end, octet) in (1_u8..).zip(last.iter().rev()) {
        right &= octet.ct_eq(&padding) | from_end.ct_gt(&padding);
    }
    let content = u8::conditional_select(&0, &block.wrapping_sub(padding), right);
    (usize::from(content), right)
}

/// What is kept of a ciphertext to say whether a key opens it.
pub(super) struct Probe {
    cipher: BlockCipher,
    iv: Vec<u8>,
    is_mime: bool,
    beginning: Vec<u8>,
    /// At most the last two blocks.
    end: Vec<u8>,
    octets: u64,
}

impl Probe {
    pub(super) fn new(cipher: BlockCipher, iv: &[u8], is_mime: bool) -> Self {
        Self { cipher, iv: iv.to_vec(), is_mime, beginning: Vec::new(), end: Vec::new(), octets: 0 }
    }

    pub(super) fn update(&mut self, ciphertext: &[u8]) {
        self.octets = self.octets.saturating_add(ciphertext.len() as u64);
        let more = BEGINNING_OCTETS.saturating_sub(self.beginning.len()).min(ciphertext.len());
        self.beginning.extend_from_slice(ciphertext.get(..more).unwrap_or_default());
        let two = self.cipher.block_octets() * 2;
        let last = ciphertext.get(ciphertext.len().saturating_sub(two)..).unwrap_or_default();
        let surplus = (self.end.len() + last.len()).saturating_sub(two);
        self.end.drain(..surplus.min(self.end.len()));
        self.end.extend_from_slice(last);
    }

    /// Whether lengths and padding are right, and the beginning where it is known.
    pub(super) fn opens(&self) -> Choice {
        let block = self.cipher.block_octets();
        let whole = self.octets > 0 && self.octets.is_multiple_of(block as u64);
        let (before, last) = self.end.split_at(self.end.len().saturating_sub(block));
        let before = if before.len() == block { before } else { &self.iv };
        let mut last = Zeroizing::new(last.to_vec());
        Chain::new(self.cipher.clone(), before).decrypt(&mut last);
        let (content, right) = content_of(&last);

        let mut beginning = Zeroizing::new(self.beginning.clone());
        Chain::new(self.cipher.clone(), &self.iv).decrypt(&mut beginning);
        let content = usize::try_from(self.octets).unwrap_or(usize::MAX).saturating_sub(block - content);
        let beginning = beginning.get(..content.min(beginning.len())).unwrap_or_default();
        let plausible = !self.is_mime || begins_like_mime(beginning);
        right & Choice::from(u8::from(whole & plausible))
    }

    pub(super) fn decryption(self) -> Decryption {
        let block_octets = self.cipher.block_octets();
        let chain = Chain::new(self.cipher, &self.iv);
        Decryption { chain, block_octets, held: Zeroizing::new([0; MAX_BLOCK_OCTETS]), have: 0 }
    }
}

/// Whether octets are the beginning of a header block (RFC 5322 §2.2, RFC 6532), or of a text without one.
/// Up to the empty line all of them must be text, which octets from a wrong key are not for long.
fn begins_like_mime(octets: &[u8]) -> bool {
    let without_header = octets.starts_with(b"\r\n") || octets.starts_with(b"\n");
    let empty_line = |at: &usize| {
        let rest = octets.get(*at..).unwrap_or_default();
        rest.starts_with(b"\n\n") || rest.starts_with(b"\n\r\n")
    };
    let end = (0..octets.len()).find(empty_line).filter(|_| !without_header);
    let head = octets.get(..end.unwrap_or(octets.len())).unwrap_or_default();
    let text = match core::str::from_utf8(head) {
        Ok(text) => text,
        // The beginning may end within a character.
        Err(error) if error.error_len().is_none() => head
            .get(..error.valid_up_to())
            .and_then(|head| core::str::from_utf8(head).ok())
            .unwrap_or_default(),
        Err(_) => return false,
    };
    let is_text = text.chars().all(|one| !one.is_control() || matches!(one, '\t' | '\r' | '\n'));
    let name = text.split_once(':').map_or("", |(name, _)| name.trim_end());
    let is_field = !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    is_text && (without_header || is_field)
}

/// A ciphertext on its way to plaintext.
pub(super) struct Decryption {
    chain: Chain,
    block_octets: usize,
    held: Zeroizing<[u8; MAX_BLOCK_OCTETS]>,
    have: usize,
}

impl Decryption {
    /// Appends the plaintext of all blocks but the last.
    pub(super) fn update(&mut self, ciphertext: &[u8], plaintext: &mut Vec<u8>) {
        let room = self.held.get_mut(self.have..self.block_octets).unwrap_or_default();
        let (now, rest) = ciphertext.split_at(room.len().min(ciphertext.len()));
        for (to, from) in room.iter_mut().zip(now) {
            *to = *from;
        }
        self.have += now.len();
        if rest.is_empty() {
            return;
        }
        let (blocks, last) = rest.split_at((rest.len() - 1) / self.block_octets * self.block_octets);
        let start = plaintext.len();
        plaintext.extend_from_slice(self.held.get(..self.block_octets).unwrap_or_default());
        plaintext.extend_from_slice(blocks);
        self.chain.decrypt(plaintext.get_mut(start..).unwrap_or_default());
        for (to, from) in self.held.iter_mut().zip(last) {
            *to = *from;
        }
        self.have = last.len();
    }

    /// Appends what the last block holds.
    pub(super) fn finish(mut self, plaintext: &mut Vec<u8>) -> Choice {
        let whole = Choice::from(u8::from(self.have == self.block_octets));
        let last = self.held.get_mut(..self.block_octets).unwrap_or_default();
        self.chain.decrypt(last);
        let (content, right) = content_of(last);
        plaintext.extend_from_slice(last.get(..content).unwrap_or_default());
        right & whole
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Probe")
    }
}

impl fmt::Debug for Decryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decryption")
    }
}
