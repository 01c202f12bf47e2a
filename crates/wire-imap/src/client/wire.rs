//! The octets of a connection, plain or compressed (RFC 4978).
//!
//! What comes is inflated only as fast as it is used, so that a bomb costs time on the sender's side and no memory
//! here. What goes is put into stored blocks: commands are short, messages are base64 or were compressed by their
//! makers, and a compressor would cost 300 kB for each connection.

use crate::grammar::Input;
use alloc::{boxed::Box, vec::Vec};
use core::fmt;
use miniz_oxide::inflate::{
    TINFLStatus,
    core::{DecompressorOxide, decompress, inflate_flags::TINFL_FLAG_HAS_MORE_INPUT},
};

/// How far a compressed stream may refer back (RFC 1951 section 2), and the most that is inflated at once.
const WINDOW: usize = 32 * 1024;

#[derive(Debug, Default)]
pub(super) struct Wire {
    /// What may be used.
    pub(super) plain: Input,
    compressed: Option<Compressed>,
}

struct Compressed {
    /// What came and is not inflated.
    waiting: Input,
    state: Box<DecompressorOxide>,
    /// What was inflated last, as a ring.
    window: Vec<u8>,
    at: usize,
    /// The server has ended the stream, as some do before they close.
    ended: bool,
    broken: bool,
}

impl fmt::Debug for Compressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressed").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

/// The compressed stream is none, or has ended.
#[derive(Debug)]
pub(super) struct NotDeflate;

impl Wire {
    pub(super) fn push(&mut self, octets: &[u8]) {
        match &mut self.compressed {
            Some(compressed) => compressed.waiting.push(octets),
            None => self.plain.push(octets),
        }
    }

    pub(super) const fn is_compressed(&self) -> bool {
        self.compressed.is_some()
    }

    pub(super) fn clear(&mut self) {
        self.plain.clear();
    }

    /// Everything not used yet, and everything that comes, is compressed.
    pub(super) fn compress(&mut self) {
        if self.compressed.is_none() {
            let waiting = core::mem::take(&mut self.plain);
            self.compressed = Some(Compressed {
                waiting,
                state: Box::default(),
                window: alloc::vec![0; WINDOW],
                at: 0,
                ended: false,
                broken: false,
            });
        }
    }

    /// Makes more octets plain; whether there are more. What comes before damage counts.
    pub(super) fn inflate(&mut self) -> Result<bool, NotDeflate> {
        let Some(stream) = &mut self.compressed else { return Ok(false) };
        loop {
            if stream.broken || (stream.ended && !stream.waiting.is_empty()) {
                return Err(NotDeflate);
            }
            if stream.ended {
                return Ok(false);
            }
            let (status, used, made) = decompress(
                &mut stream.state,
                stream.waiting.front(WINDOW),
                &mut stream.window,
                stream.at,
                TINFL_FLAG_HAS_MORE_INPUT,
            );
            drop(stream.waiting.take(used));
            self.plain.push(stream.window.get(stream.at..stream.at + made).unwrap_or_default());
            stream.at = (stream.at + made) % WINDOW;
            match status {
                TINFLStatus::HasMoreOutput | TINFLStatus::NeedsMoreInput => {}
                TINFLStatus::Done => stream.ended = true,
                _ => stream.broken = true,
            }
            if made > 0 {
                return Ok(true);
            }
            if used == 0 && !stream.ended && !stream.broken {
                return Ok(false);
            }
        }
    }

    /// What goes over the wire for `octets`.
    pub(super) fn outgoing(&self, octets: Vec<u8>) -> Vec<u8> {
        if !self.is_compressed() {
            return octets;
        }
        let mut blocks = Vec::with_capacity(octets.len() + 5 * octets.len().div_ceil(0xffff));
        for block in octets.chunks(0xffff) {
            // RFC 1951 section 3.2.4; it ends at an octet, so the next one begins there.
            let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
            blocks.push(0);
            blocks.extend_from_slice(&length.to_le_bytes());
            blocks.extend_from_slice(&(!length).to_le_bytes());
            blocks.extend_from_slice(block);
        }
        blocks
    }
}
