//! The same streams in another container: packets are copied, nothing is decoded.
//!
//! Only the first stream of pictures and the first of sound go over; places, chapters, further
//! tracks and everything else that the old container said stays behind, except how the picture is
//! turned.

use cedrat_plan::{
    format::Format,
    job::{Fault, FaultKind, Note, RemuxTarget},
};

use crate::{
    av::{self, CodecId, Packet, Parameters, Ratio},
    container::{self, Coded},
    sound::{self, Made},
    source::{Source, Track, out_of_memory},
};

/// Copies into the target.
pub(crate) fn convert(source: &Source<'_>, target: &RemuxTarget) -> Result<Made, Fault> {
    let video = source.video.as_ref().filter(|_| !sound::is_sound(target.format));
    let tracks: Vec<&Track> = video.into_iter().chain(source.sound.as_ref()).collect();
    if tracks.is_empty() {
        return Err(Fault::new(FaultKind::Unsupported, "there is nothing in it that this container takes"));
    }
    // Before anything is read into memory.
    if tracks.iter().map(|track| track.octets).sum::<u64>() > target.max_octets.saturating_mul(2) {
        return Err(cannot_fit());
    }
    let coded = copy(source, &tracks, target.format)?;
    let octets = container::write(target.format, &coded.iter().collect::<Vec<_>>(), target.max_octets)?;
    if octets.len() as u64 > target.max_octets {
        return Err(cannot_fit());
    }
    let notes = if source.damaged { vec![Note::Damaged] } else { Vec::new() };
    Ok(Made { octets, encodes: 0, notes })
}

fn cannot_fit() -> Fault {
    Fault::new(FaultKind::CannotFit, "the streams alone have more octets than the whole may have")
}

/// Reads all packets of the tracks; the first one of all is at zero.
fn copy(source: &Source<'_>, tracks: &[&Track], format: Format) -> Result<Vec<Coded>, Fault> {
    let mut demuxer = source.demuxer_for_copy()?;
    demuxer.keep(&tracks.iter().map(|track| track.stream.index).collect::<Vec<_>>());
    let origin = tracks.iter().map(|track| track.start).min().unwrap_or(0);
    let mut coded = Vec::with_capacity(tracks.len());
    for track in tracks {
        coded.push(Coded {
            parameters: Parameters::of(&demuxer, track.stream.index).map_err(out_of_memory)?,
            codec: track.stream.codec,
            time_base: track.stream.time_base,
            rotation: track.stream.rotation,
            packets: Vec::new(),
        });
    }
    let mut packet = Packet::new().map_err(out_of_memory)?;
    while let Ok(Some(())) = demuxer.read(&mut packet) {
        let of = tracks.iter().zip(&mut coded).find(|(track, _)| track.stream.index == packet.stream());
        let Some((track, coded)) = of else { continue };
        let shift = Ratio::MICROS.rescale(origin, track.stream.time_base);
        let mut copy = packet.share().map_err(out_of_memory)?;
        copy.shift(-shift);
        coded.packets.push(copy);
    }
    coded
        .into_iter()
        .zip(tracks)
        .map(|(mut coded, track)| {
            fill_times(&mut coded.packets);
            keep_order(&mut coded.packets);
            // ADTS says in every frame what MP4 says once.
            let adts = track.stream.codec == CodecId::AV_CODEC_ID_AAC && track.stream.extradata.is_empty();
            if adts && container::has_index(format) {
                let (parameters, packets) =
                    av::adts_to_asc(&coded.parameters, std::mem::take(&mut coded.packets))
                        .map_err(|code| code.fault(FaultKind::Damaged, "the AAC frames cannot be read"))?;
                coded.parameters = parameters;
                coded.packets = packets;
            }
            Ok(coded)
        })
        .collect()
}

/// Gives every packet both times. Matroska says only when a picture is shown: sorted, those are the
/// times of decoding, as early as [`keep_order`] then makes them.
fn fill_times(packets: &mut [Packet]) {
    let mut shown: Vec<i64> = packets.iter().filter_map(Packet::pts).collect();
    if shown.len() == packets.len() && packets.iter().any(|packet| packet.dts().is_none()) {
        shown.sort_unstable();
        for (packet, dts) in packets.iter_mut().zip(shown) {
            let pts = packet.pts().unwrap_or(dts);
            packet.set_times(pts, dts, packet.duration());
        }
        return;
    }
    let mut next = 0;
    for packet in packets {
        let dts = packet.dts().or(packet.pts()).unwrap_or(next);
        let pts = packet.pts().unwrap_or(dts);
        packet.set_times(pts, dts, packet.duration());
        next = dts.saturating_add(packet.duration().max(1));
    }
}

/// A container wants the times of decoding to rise and never to pass those of showing, and the last
/// packet to have a duration. Times of showing stay as they are.
fn keep_order(packets: &mut [Packet]) {
    let mut latest = i64::MIN;
    let mut late = 0;
    for packet in packets.iter_mut() {
        let dts = packet.dts().unwrap_or(0).max(latest.saturating_add(1));
        let pts = packet.pts().unwrap_or(dts);
        latest = dts;
        late = late.max(dts.saturating_sub(pts));
        packet.set_times(pts, dts, packet.duration());
    }
    for packet in packets.iter_mut() {
        let (pts, dts) = (packet.pts().unwrap_or(0), packet.dts().unwrap_or(0));
        packet.set_times(pts, dts.saturating_sub(late), packet.duration());
    }
    if let [.., before, last] = packets
        && last.duration() == 0
    {
        let (pts, dts) = (last.pts().unwrap_or(0), last.dts().unwrap_or(0));
        let step = dts - before.dts().unwrap_or(dts);
        last.set_times(pts, dts, before.duration().max(step));
    }
}
