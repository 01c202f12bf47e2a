//! The bounds that hold for every format, judged on what its reader found. What only one format
//! has (scans, tracks, blocks of metadata) is judged by its reader.

use super::{Detail, Picture, reading::Reading};
use crate::{format::Format, limits::Limits};

/// Adds the faults that the numbers show.
pub(super) fn hold(mut reading: Reading, octets: &[u8], limits: &Limits) -> Reading {
    if octets.is_empty() {
        reading.damaged("The part is empty.");
    }
    reading.bound("octets", octets.len() as u64, limits.octets);
    match reading.detail.clone() {
        Detail::Picture(picture) => still(&mut reading, &picture, limits),
        Detail::Sound(sound) => reading.bound("milliseconds", sound.duration_ms, limits.duration_ms),
        Detail::Video(video) => {
            raster(&mut reading, video.width, video.height, limits);
            reading.bound("milliseconds", video.duration_ms, limits.duration_ms);
        }
        Detail::None | Detail::Text(_) => {}
    }
    reading
}

fn still(reading: &mut Reading, picture: &Picture, limits: &Limits) {
    if reading.format != Format::Svg && (picture.width == 0 || picture.height == 0) {
        reading.damaged("The picture has no size.");
    }
    raster(reading, picture.width, picture.height, limits);
    reading.bound("frames", u64::from(picture.frames), u64::from(limits.frames));
    reading.bound("milliseconds", picture.duration_ms, limits.duration_ms);
}

/// Refuses a raster that is too large; also for frames that are larger than their picture says.
pub(super) fn raster(reading: &mut Reading, width: u32, height: u32, limits: &Limits) {
    reading.bound("pixels of a side", u64::from(width.max(height)), u64::from(limits.side));
    reading.bound("pixels", u64::from(width) * u64::from(height), limits.pixels);
}
