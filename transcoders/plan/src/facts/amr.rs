//! AMR and AMR-WB files (RFC 4867 §5): frame headers are walked, so the duration is exact.

use super::{
    Detail, Sound,
    cursor::{Cursor, fit},
    reading::Reading,
};
use crate::format::{Format, SoundCodec};

const FRAME_MS: u64 = 20;

/// Octets of a frame with its header, and bits a second, by frame type. Types without speech carry
/// no rate; those that are reserved have a header only.
type Modes = [(usize, u64); 16];

const NARROW: Modes = [
    (13, 4_750),
    (14, 5_150),
    (16, 5_900),
    (18, 6_700),
    (20, 7_400),
    (21, 7_950),
    (27, 10_200),
    (32, 12_200),
    (6, 0),
    (1, 0),
    (1, 0),
    (1, 0),
    (1, 0),
    (1, 0),
    (1, 0),
    (1, 0),
];
const WIDE: Modes = [
    (18, 6_600),
    (24, 8_850),
    (33, 12_650),
    (37, 14_250),
    (41, 15_850),
    (47, 18_250),
    (51, 19_850),
    (59, 23_050),
    (61, 23_850),
    (6, 0),
    (1, 0),
    (1, 0),
    (1, 0),
    (1, 0),
    (1, 0),
    (1, 0),
];

/// Reads the file when its magic is there.
pub(super) fn read(octets: &[u8]) -> Option<Reading> {
    let (rest, channels, wide) = if let Some(rest) = octets.strip_prefix(b"#!AMR\n") {
        (rest, 1, false)
    } else if let Some(rest) = octets.strip_prefix(b"#!AMR-WB\n") {
        (rest, 1, true)
    } else if let Some(rest) = octets.strip_prefix(b"#!AMR_MC1.0\n") {
        (rest.get(4..)?, rest.get(3)? & 15, false)
    } else {
        let rest = octets.strip_prefix(b"#!AMR-WB_MC1.0\n")?;
        (rest.get(4..)?, rest.get(3)? & 15, true)
    };
    let (format, codec, rate, modes) = if wide {
        (Format::AmrWb, SoundCodec::AmrWb, 16_000, &WIDE)
    } else {
        (Format::Amr, SoundCodec::Amr, 8_000, &NARROW)
    };
    let channels = u16::from(channels.max(1));
    let (frames, bits) = frames(rest, modes);
    let sound = Sound {
        rate,
        channels,
        duration_ms: frames * FRAME_MS / u64::from(channels),
        bit_rate: fit(bits.checked_div(frames).unwrap_or(0) * u64::from(channels)),
        ..Sound::coded(codec)
    };
    let mut reading = Reading::new(format, Detail::Sound(sound));
    if frames == 0 {
        reading.damaged("The recording holds no sound.");
    }
    Some(reading)
}

/// Whole frames, and the sum of their rates. A frame cut off at the end is what a call that ended
/// leaves behind, not a fault.
fn frames(rest: &[u8], modes: &Modes) -> (u64, u64) {
    let mut cursor = Cursor::new(rest);
    let (mut frames, mut bits) = (0, 0);
    while let Some(header) = cursor.rest().first() {
        let (octets, rate) = modes.get(usize::from(header >> 3 & 15)).copied().unwrap_or((1, 0));
        if cursor.skip(octets).is_none() {
            break;
        }
        frames += 1;
        bits += rate;
    }
    (frames, bits)
}
