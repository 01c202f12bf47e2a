//! Builders of the smallest files that hold what a test is about.

/// Octets put together from pieces.
pub(crate) fn join(pieces: &[&[u8]]) -> Vec<u8> {
    pieces.concat()
}

/// A JPEG segment.
pub(crate) fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap();
    join(&[&[0xFF, marker], &length.to_be_bytes(), body])
}

/// A start of frame; `sampling` is that of the first component, the others have 1x1.
pub(crate) fn frame(process: u8, width: u16, height: u16, components: u8, sampling: u8) -> Vec<u8> {
    let mut body = join(&[&[8], &height.to_be_bytes(), &width.to_be_bytes(), &[components]]);
    for component in 1..=components {
        body.extend([component, if component == 1 { sampling } else { 0x11 }, 0]);
    }
    segment(0xC0 + process, &body)
}

/// A scan with stuffed octets and a restart marker in it.
pub(crate) fn scan() -> Vec<u8> {
    join(&[&segment(0xDA, &[1, 1, 0, 0, 63, 0]), &[0x12, 0xFF, 0x00, 0x34, 0xFF, 0xD0, 0x56]])
}

/// A JPEG with these segments before its frame.
pub(crate) fn jpeg(before: &[Vec<u8>], frame: &[u8], scans: usize) -> Vec<u8> {
    join(&[&[0xFF, 0xD8], &before.concat(), frame, &scan().repeat(scans), &[0xFF, 0xD9]])
}

/// A TIFF directory with SHORT entries.
pub(crate) fn directory(big: bool, entries: &[(u16, u16)]) -> Vec<u8> {
    let short = |value: u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let long = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let mut octets = if big { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
    octets.extend(long(8));
    octets.extend(short(u16::try_from(entries.len()).unwrap()));
    for (tag, value) in entries {
        octets.extend(join(&[&short(*tag), &short(3), &long(1), &short(*value), &[0, 0]]));
    }
    octets.extend([0; 4]);
    octets
}

/// A PNG chunk; nobody checks the check sum.
pub(crate) fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    join(&[&u32::try_from(body.len()).unwrap().to_be_bytes(), kind, body, &[0; 4]])
}

/// A PNG with these chunks behind its header.
pub(crate) fn png(
    width: u32,
    height: u32,
    depth: u8,
    colour: u8,
    interlace: u8,
    chunks: &[Vec<u8>],
) -> Vec<u8> {
    let header = join(&[&width.to_be_bytes(), &height.to_be_bytes(), &[depth, colour, 0, 0, interlace]]);
    join(&[b"\x89PNG\r\n\x1A\n", &chunk(b"IHDR", &header), &chunks.concat(), &chunk(b"IEND", &[])])
}

/// A GIF frame with its control block.
pub(crate) fn gif_frame(
    width: u16,
    height: u16,
    centis: u16,
    transparent: bool,
    interlaced: bool,
) -> Vec<u8> {
    join(&[
        &[0x21, 0xF9, 4, u8::from(transparent)],
        &centis.to_le_bytes(),
        &[0, 0, 0x2C, 0, 0, 0, 0],
        &width.to_le_bytes(),
        &height.to_le_bytes(),
        &[u8::from(interlaced) << 6, 2, 2, 0x44, 0x01, 0],
    ])
}

/// A GIF with a colour table of two and these blocks.
pub(crate) fn gif(width: u16, height: u16, blocks: &[Vec<u8>]) -> Vec<u8> {
    let size = join(&[&width.to_le_bytes(), &height.to_le_bytes()]);
    join(&[b"GIF89a", &size, &[0x80, 0, 0], &[0; 6], &blocks.concat(), &[0x3B]])
}

/// A RIFF chunk, padded.
pub(crate) fn riff_chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let pad = &[0][..body.len() % 2];
    join(&[kind, &u32::try_from(body.len()).unwrap().to_le_bytes(), body, pad])
}

/// A RIFF file.
pub(crate) fn riff(form: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    riff_chunk(b"RIFF", &join(&[form, &chunks.concat()]))
}

/// `WAVEFORMATEX` of plain samples.
pub(crate) fn wave_format(tag: u16, channels: u16, rate: u32, octets_a_second: u32) -> Vec<u8> {
    join(&[
        &tag.to_le_bytes(),
        &channels.to_le_bytes(),
        &rate.to_le_bytes(),
        &octets_a_second.to_le_bytes(),
        &[2, 0, 16, 0],
    ])
}

/// An ISO box.
pub(crate) fn iso(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    join(&[&u32::try_from(body.len() + 8).unwrap().to_be_bytes(), kind, body])
}

/// `ftyp`.
pub(crate) fn brand(major: &[u8; 4], others: &[&[u8; 4]]) -> Vec<u8> {
    iso(b"ftyp", &join(&[major, &[0; 4], &others.iter().flat_map(|other| **other).collect::<Vec<u8>>()]))
}

/// What a built track has.
pub(crate) struct Track {
    pub(crate) handler: [u8; 4],
    pub(crate) entry: Vec<u8>,
    pub(crate) timescale: u32,
    /// Samples and units of each.
    pub(crate) samples: (u32, u32),
    /// Octets of each sample.
    pub(crate) octets: u32,
    pub(crate) matrix: [i32; 4],
    /// Boxes of its user data.
    pub(crate) user: Vec<u8>,
}

impl Track {
    pub(crate) fn video(entry: Vec<u8>) -> Self {
        Self {
            handler: *b"vide",
            entry,
            timescale: 1000,
            samples: (150, 66),
            octets: 500,
            matrix: [0x10000, 0, 0, 0x10000],
            user: Vec::new(),
        }
    }

    pub(crate) fn sound(entry: Vec<u8>) -> Self {
        Self { handler: *b"soun", timescale: 8000, samples: (500, 160), octets: 32, ..Self::video(entry) }
    }

    pub(crate) fn build(&self, id: u32) -> Vec<u8> {
        let [a, b, c, d] = self.matrix;
        let matrix: Vec<u8> =
            [a, b, 0, c, d, 0, 0, 0, 0x4000_0000].iter().flat_map(|cell| cell.to_be_bytes()).collect();
        let header = join(&[&[0; 12], &id.to_be_bytes(), &[0; 24], &matrix, &[0; 8]]);
        let (samples, units) = self.samples;
        let length = samples * units;
        let media = join(&[&[0; 12], &self.timescale.to_be_bytes(), &length.to_be_bytes(), &[0; 4]]);
        let table = join(&[
            &iso(b"stsd", &join(&[&[0; 7], &[1], &self.entry])),
            &iso(b"stts", &join(&[&[0; 7], &[1], &samples.to_be_bytes(), &units.to_be_bytes()])),
            &iso(b"stsz", &join(&[&[0; 4], &self.octets.to_be_bytes(), &samples.to_be_bytes()])),
        ]);
        let media = join(&[
            &iso(b"mdhd", &media),
            &iso(b"hdlr", &join(&[&[0; 8], &self.handler, &[0; 13]])),
            &iso(b"minf", &iso(b"stbl", &table)),
        ]);
        iso(b"trak", &join(&[&iso(b"tkhd", &header), &iso(b"mdia", &media), &self.user]))
    }
}

/// A visual sample entry.
pub(crate) fn visual(kind: &[u8; 4], width: u16, height: u16, boxes: &[u8]) -> Vec<u8> {
    iso(kind, &join(&[&[0; 24], &width.to_be_bytes(), &height.to_be_bytes(), &[0; 50], boxes]))
}

/// An audio sample entry.
pub(crate) fn audible(kind: &[u8; 4], channels: u16, rate: u16, boxes: &[u8]) -> Vec<u8> {
    iso(kind, &join(&[&[0; 16], &channels.to_be_bytes(), &[0; 6], &rate.to_be_bytes(), &[0; 2], boxes]))
}

/// An `esds` box; lengths are written in four octets as many writers do.
pub(crate) fn esds(object: u8, config: &[u8]) -> Vec<u8> {
    let descriptor =
        |tag: u8, body: &[u8]| join(&[&[tag, 0x80, 0x80, 0x80, u8::try_from(body.len()).unwrap()], body]);
    let decoder = join(&[&[object], &[0; 8], &64_000_u32.to_be_bytes(), &descriptor(5, config)]);
    iso(b"esds", &join(&[&[0; 4], &descriptor(3, &join(&[&[0, 1, 0], &descriptor(4, &decoder)]))]))
}

/// `moov` with these tracks and what else stands in it.
pub(crate) fn moov(tracks: &[Track], more: &[u8]) -> Vec<u8> {
    let tracks: Vec<u8> = tracks.iter().zip(1..).flat_map(|(track, id)| track.build(id)).collect();
    iso(b"moov", &join(&[&iso(b"mvhd", &[0; 100]), &tracks, more]))
}

/// A file with its index first.
pub(crate) fn movie(major: &[u8; 4], tracks: &[Track]) -> Vec<u8> {
    join(&[&brand(major, &[]), &moov(tracks, &[]), &iso(b"mdat", &[0; 64])])
}

/// The picture track of a handset: H.263 with its configuration.
pub(crate) fn h263() -> Track {
    let configuration = iso(b"d263", b"cedr\x00\x0A\x00");
    Track::video(visual(b"s263", 176, 144, &configuration))
}

/// The sound track of a handset.
pub(crate) fn amr() -> Track {
    Track::sound(audible(b"samr", 2, 8000, &iso(b"damr", b"cedr\x00\x81\xFF\x00\x01")))
}

/// An EBML element with a length of eight octets.
pub(crate) fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
    join(&[id, &(0x0100_0000_0000_0000 | body.len() as u64).to_be_bytes(), body])
}

/// An Ogg page of one packet.
pub(crate) fn page(flags: u8, position: u64, serial: u32, packet: &[u8]) -> Vec<u8> {
    let mut lengths = vec![255; packet.len() / 255];
    lengths.push(u8::try_from(packet.len() % 255).unwrap());
    join(&[
        b"OggS\0",
        &[flags],
        &position.to_le_bytes(),
        &serial.to_le_bytes(),
        &[0; 8],
        &[u8::try_from(lengths.len()).unwrap()],
        &lengths,
        packet,
    ])
}

/// One small file of every format that has a header, for hostile tests and seeds.
pub(crate) fn every() -> Vec<(&'static str, Vec<u8>)> {
    let exif = segment(0xE1, &join(&[b"Exif\0\0", &directory(true, &[(0x0112, 6), (0x8825, 1)])]));
    let plain = wave_format(1, 1, 8000, 16_000);
    let heif = super::pictures::heif(b"heic", &[(b"irot", &[1])], &[]);
    vec![
        ("jpeg", jpeg(&[exif], &frame(2, 64, 48, 3, 0x22), 3)),
        ("png", png(8, 8, 8, 6, 1, &[chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]), chunk(b"IDAT", &[1])])),
        ("gif", gif(4, 4, &[gif_frame(4, 4, 5, true, true), gif_frame(4, 4, 0, false, false)])),
        ("webp", riff(b"WEBP", &[riff_chunk(b"VP8 ", &[0, 0, 0, 0x9D, 1, 0x2A, 16, 0, 8, 0])])),
        ("tiff", directory(false, &[(256, 3), (257, 2), (274, 8)])),
        ("heic", heif),
        ("3gp", movie(b"3gp5", &[h263(), amr()])),
        ("mp4", movie(b"isom", &[Track::sound(audible(b"mp4a", 2, 44_100, &esds(0x40, &[0x12, 0x10])))])),
        ("fragments", super::containers::fragmented()),
        ("webm", super::containers::webm(b"V_VP8", Some(1000.0))),
        ("live", super::containers::webm(b"V_VP9", None)),
        ("avi", super::containers::avi()),
        ("wav", riff(b"WAVE", &[riff_chunk(b"fmt ", &plain), riff_chunk(b"data", &[0; 64])])),
        ("qcp", super::sound::qcp()),
        ("amr", join(&[b"#!AMR\n", &[[0x3C; 1].as_slice(), &[0; 31]].concat().repeat(3)])),
        ("mp3", super::sound::mp3(3)),
        ("aac", super::sound::adts(3)),
        ("ogg", super::sound::opus()),
        ("flac", super::sound::flac()),
        ("ps", super::containers::program_stream()),
        ("smil", b"<?xml version='1.0' encoding='utf-8'?><!-- a --><smil><body/></smil>".to_vec()),
        ("vcard", b"BEGIN:VCARD\r\nVERSION:2.1\r\nTEL:+447700900001\r\nEND:VCARD\r\n".to_vec()),
        ("utf16", "Gr\u{fc}\u{df}e".encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("drm", b"--b\r\nContent-Type: image/jpeg\r\n\r\nx\r\n--b--".to_vec()),
    ]
}
