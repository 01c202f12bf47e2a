//! RIFF containers without an index: a wave file, and a movie of JPEG pictures with samples, as
//! early cameras wrote them.

/// A chunk: name, length, octets, padded to an even number.
fn chunk(name: &[u8; 4], octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len() + 9);
    out.extend_from_slice(name);
    out.extend_from_slice(&(octets.len() as u32).to_le_bytes());
    out.extend_from_slice(octets);
    if octets.len() % 2 == 1 {
        out.push(0);
    }
    out
}

/// A chunk of chunks.
fn list(name: &[u8; 4], kind: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut inside = kind.to_vec();
    chunks.iter().for_each(|one| inside.extend_from_slice(one));
    chunk(name, &inside)
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// WAVEFORMATEX of one channel of 16 bits.
fn format(rate: u32) -> Vec<u8> {
    let mut out = vec![1, 0, 1, 0];
    out.extend(words(&[rate, rate * 2]));
    out.extend_from_slice(&[2, 0, 16, 0]);
    out
}

fn octets(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// A wave file of one channel.
pub(super) fn wave(samples: &[i16], rate: u32) -> Vec<u8> {
    list(b"RIFF", b"WAVE", &[chunk(b"fmt ", &format(rate)), chunk(b"data", &octets(samples))])
}

/// A movie: pictures at `fps`, and one channel of sound.
pub(super) fn movie(
    (width, height): (u32, u32),
    fps: u32,
    frames: &[Vec<u8>],
    samples: &[i16],
    rate: u32,
) -> Vec<u8> {
    const HAS_SOUND_AND_PICTURE: u32 = 0x100;
    let count = frames.len() as u32;
    let largest = frames.iter().map(Vec::len).max().unwrap_or(0) as u32;
    let head = words(&[
        1_000_000 / fps.max(1),
        largest * fps,
        0,
        HAS_SOUND_AND_PICTURE,
        count,
        0,
        2,
        largest,
        width,
        height,
        0,
        0,
        0,
        0,
    ]);
    let stream = |kind: &[u8; 4], codec: &[u8; 4], scale: u32, rate: u32, length: u32, unit: u32| {
        let mut out = kind.to_vec();
        out.extend_from_slice(codec);
        out.extend(words(&[0, 0, 0, scale, rate, 0, length, largest, u32::MAX, unit, 0, 0]));
        chunk(b"strh", &out)
    };
    let mut bitmap = words(&[40, width, height]);
    bitmap.extend_from_slice(&[1, 0, 24, 0]);
    bitmap.extend_from_slice(b"MJPG");
    bitmap.extend(words(&[width * height * 3, 0, 0, 0, 0]));
    let picture =
        list(b"LIST", b"strl", &[stream(b"vids", b"MJPG", 1, fps, count, 0), chunk(b"strf", &bitmap)]);
    let sound = list(
        b"LIST",
        b"strl",
        &[stream(b"auds", &[0; 4], 1, rate, samples.len() as u32, 2), chunk(b"strf", &format(rate))],
    );
    let header = list(b"LIST", b"hdrl", &[chunk(b"avih", &head), picture, sound]);
    let per_frame = (rate / fps.max(1)).max(1) as usize;
    let mut sounds = samples.chunks(per_frame);
    let mut interleaved = Vec::new();
    for frame in frames {
        interleaved.push(chunk(b"00dc", frame));
        interleaved.extend(sounds.next().map(|samples| chunk(b"01wb", &octets(samples))));
    }
    interleaved.extend(sounds.map(|samples| chunk(b"01wb", &octets(samples))));
    list(b"RIFF", b"AVI ", &[header, list(b"LIST", b"movi", &interleaved)])
}
