//! What the gateway and an opener say to each other over its standard input and output: one job
//! in, some events out, and the octets of a mail after either.
//!
//! A frame is four octets of length, big-endian, and JSON; octets follow a frame that announces
//! them. Both sides are this program, so a frame that cannot be read is a fault and nothing else.

use std::io::{self, Read, Write};

use serde::{Serialize, de::DeserializeOwned};

/// Longest frame, octets: a session with 500 recipients of 2 kB fits.
const LONGEST: usize = 4 << 20;

/// Writes a frame.
///
/// # Errors
/// When the other side is gone.
pub fn write<T: Serialize>(out: &mut impl Write, value: &T) -> io::Result<()> {
    let octets = serde_json::to_vec(value)?;
    out.write_all(&header(&octets)?)?;
    out.write_all(&octets)?;
    out.flush()
}

/// The length that stands before a frame.
///
/// # Errors
/// When it is longer than any frame may be.
pub fn header(octets: &[u8]) -> io::Result<[u8; 4]> {
    let length = u32::try_from(octets.len()).ok().filter(|_| octets.len() <= LONGEST);
    length.map(u32::to_be_bytes).ok_or_else(|| io::Error::other("the frame is too long"))
}

/// Octets of the frame that this header announces.
///
/// # Errors
/// When it is longer than any frame may be.
pub fn length(header: [u8; 4]) -> io::Result<usize> {
    usize::try_from(u32::from_be_bytes(header))
        .ok()
        .filter(|length| *length <= LONGEST)
        .ok_or_else(|| io::Error::other("the frame is too long"))
}

/// Reads a frame.
///
/// # Errors
/// When the other side is gone, or says something else.
pub fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut header = [0; 4];
    from.read_exact(&mut header)?;
    let mut octets = vec![0; length(header)?];
    from.read_exact(&mut octets)?;
    Ok(serde_json::from_slice(&octets)?)
}
