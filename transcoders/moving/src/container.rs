//! Coded streams into a container: index before media, half a second of one stream after half a
//! second of the other, and no word about who wrote it.

use cedrat_plan::{
    format::Format,
    job::{Fault, FaultKind},
};

use crate::av::{Code, CodecId, Muxer, Packet, Parameters, Ratio};

/// Microseconds of one stream that lie together: fewer, larger chunks have a smaller index, and a
/// player still never has to jump far.
const CHUNK: i64 = 500_000;

/// One coded stream.
pub(crate) struct Coded {
    pub(crate) parameters: Parameters,
    pub(crate) codec: CodecId,
    /// Unit of the times of its packets.
    pub(crate) time_base: Ratio,
    /// Degrees clockwise by which a player turns it: 0, 90, 180, 270.
    pub(crate) rotation: u16,
    /// In the order of decoding.
    pub(crate) packets: Vec<Packet>,
}

impl Coded {
    /// Octets of its packets.
    pub(crate) fn octets(&self) -> u64 {
        self.packets.iter().map(Packet::size).sum()
    }
}

/// libav's name of the muxer.
fn muxer_name(format: Format) -> Option<&'static str> {
    Some(match format {
        Format::Aac => "adts",
        Format::Amr | Format::AmrWb => "amr",
        Format::Mp3 => "mp3",
        Format::Mp4 => "mp4",
        Format::Mp4Sound => "ipod",
        Format::ThreeG2 | Format::ThreeG2Sound => "3g2",
        Format::ThreeGp | Format::ThreeGpSound => "3gp",
        _ => return None,
    })
}

/// Whether the format is of the MP4 family: with an index, with edit lists.
pub(crate) fn has_index(format: Format) -> bool {
    matches!(muxer_name(format), Some("mp4" | "ipod" | "3g2" | "3gp"))
}

/// What a container of so many packets adds to their octets, at most.
pub(crate) fn overhead(format: Format, pictures: u64, sounds: u64, micros: i64) -> u64 {
    if !has_index(format) {
        return match format {
            Format::Aac => 7 * sounds,
            Format::AmrWb => 9,
            Format::Amr => 6,
            _ => 0,
        };
    }
    let tracks = u64::from(pictures > 0) + u64::from(sounds > 0);
    let chunks = u64::try_from(micros / CHUNK).unwrap_or(0) + 2;
    // Sizes and times of pictures, sizes of sounds, and an index entry for every chunk.
    400 + tracks * (550 + chunks * 16) + pictures * 9 + sounds * 4
}

/// Writes the streams; fails when the result has more than `most` octets.
pub(crate) fn write(format: Format, tracks: &[&Coded], most: u64) -> Result<Vec<u8>, Fault> {
    let name = muxer_name(format)
        .ok_or_else(|| Fault::new(FaultKind::Unsupported, "this container is not written here"))?;
    // Room for moving the index: whether the result fits is judged on the result.
    mux(name, format, tracks, most.saturating_mul(2).saturating_add(1 << 20)).map_err(|code| {
        if code == Code::INVALID {
            code.fault(FaultKind::Unsupported, "the container does not take these streams")
        } else {
            code.fault(FaultKind::Unsupported, "the container was not written")
        }
    })
}

fn mux(name: &str, format: Format, tracks: &[&Coded], most: u64) -> Result<Vec<u8>, Code> {
    let mut muxer = Muxer::new(name, most)?;
    for track in tracks {
        muxer.add(&track.parameters, track.time_base, track.rotation)?;
    }
    let modern = tracks
        .iter()
        .any(|track| matches!(track.codec, CodecId::AV_CODEC_ID_H264 | CodecId::AV_CODEC_ID_AAC));
    let options: &[(&str, &str)] = match name {
        "3gp" if modern => &[("movflags", "+faststart"), ("brand", "3gp6")],
        "3gp" => &[("movflags", "+faststart"), ("brand", "3gp4")],
        "mp4" | "ipod" | "3g2" => &[("movflags", "+faststart")],
        "mp3" => &[("write_xing", "0"), ("id3v2_version", "0")],
        _ => &[],
    };
    muxer.begin(options)?;
    let start = if has_index(format) { None } else { Some(()) };
    for (index, place) in order(tracks) {
        let Some(track) = tracks.get(index) else { continue };
        let Some(packet) = track.packets.get(place) else { continue };
        let mut copy = packet.share()?;
        let to = muxer.time_base(index);
        let dts = track.time_base.rescale(packet.dts().or(packet.pts()).unwrap_or(0), to);
        let pts = track.time_base.rescale(packet.pts().or(packet.dts()).unwrap_or(0), to);
        let duration = track.time_base.rescale(packet.duration(), to);
        if start.is_some() {
            copy.set_times(pts.max(0), dts.max(0), duration);
        } else {
            copy.set_times(pts, dts, duration);
        }
        copy.set_stream(index);
        muxer.write(&copy)?;
    }
    muxer.finish()
}

/// Track and place of every packet, chunk by chunk.
fn order(tracks: &[&Coded]) -> Vec<(usize, usize)> {
    let mut order: Vec<(i64, usize, usize)> = Vec::new();
    for (index, track) in tracks.iter().enumerate() {
        for (place, packet) in track.packets.iter().enumerate() {
            let micros = track.time_base.rescale(packet.dts().or(packet.pts()).unwrap_or(0), Ratio::MICROS);
            order.push((micros.div_euclid(CHUNK), index, place));
        }
    }
    // Chunks of a track whose clock jumps back stay behind each other: a container keeps order.
    let mut latest = vec![i64::MIN; tracks.len()];
    for (chunk, index, _) in &mut order {
        if let Some(latest) = latest.get_mut(*index) {
            *latest = (*latest).max(*chunk);
            *chunk = *latest;
        }
    }
    order.sort_unstable();
    order.into_iter().map(|(_, index, place)| (index, place)).collect()
}
