//! The mail entity of an encrypted message (RFC 8551 §3.2, §3.3): its header and base64 in lines.
//!
//! Fields of the message itself (From, Subject, MIME-Version) are the caller's, who has them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64ct::{Base64, Encoding};

use crate::reader::Format;

/// Octets in a line of 76 characters, the longest that base64 may have (RFC 2045 §6.8).
const LINE: usize = 57;

/// The header fields of the entity, each with its CRLF, without the empty line that ends a header.
#[must_use]
pub fn head(format: Format) -> String {
    format!(
        "Content-Type: application/pkcs7-mime; smime-type={};\r\n\tname=smime.p7m\r\n\
         Content-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=smime.p7m\r\n",
        match format {
            Format::AuthEnveloped => "authEnveloped-data",
            Format::Enveloped => "enveloped-data",
        }
    )
}

/// An encoder of base64 in lines of 76 characters with CRLF, for octets that come in pieces.
#[derive(Debug, Default)]
pub struct Base64Lines {
    /// Less than a line.
    pending: Vec<u8>,
}

impl Base64Lines {
    /// An encoder at the start of a line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the lines that are full with these octets to `out`.
    pub fn encode(&mut self, mut octets: &[u8], out: &mut Vec<u8>) {
        if !self.pending.is_empty() {
            let (now, later) = octets.split_at(octets.len().min(LINE - self.pending.len()));
            self.pending.extend_from_slice(now);
            octets = later;
            if self.pending.len() < LINE {
                return;
            }
            line(&self.pending, out);
            self.pending.clear();
        }
        let lines = octets.chunks_exact(LINE);
        self.pending.extend_from_slice(lines.remainder());
        lines.for_each(|octets| line(octets, out));
    }

    /// Appends the last line to `out`, if there is one.
    pub fn finish(self, out: &mut Vec<u8>) {
        if !self.pending.is_empty() {
            line(&self.pending, out);
        }
    }
}

fn line(octets: &[u8], out: &mut Vec<u8>) {
    let mut text = [0; LINE.div_ceil(3) * 4];
    // A line fits into its characters.
    out.extend_from_slice(Base64::encode(octets, &mut text).unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}
