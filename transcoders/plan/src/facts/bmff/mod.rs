//! ISO base media (ISO/IEC 14496-12), 3GPP (TS 26.244), 3GPP2 (C.S0050), MP4 and `QuickTime`.
//!
//! The format is what the brands say; whether it is sound or moving picture is what the tracks say.
//! Boxes are walked on fixed levels, without recursion, so their nesting costs nothing; samples are
//! never looked at.

mod boxes;
mod entry;
mod fragments;
mod track;

use super::{
    Claim, Detail, Video,
    cursor::{Cursor, contains, fit, scale},
    heif,
    reading::Reading,
};
use crate::{
    format::{Format, Kind},
    limits::Limits,
};
use boxes::Box;
pub(super) use boxes::{Boxes, child};
use track::Track;

/// What a brand stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// Pictures in boxes; AV1 when it is.
    Still { av1: bool },
    /// Sound and moving picture: the format with a picture track.
    Moving(Format),
    /// OMA DRM content format 2.
    Drm,
}

/// Brands of the registration authority and of telephones. `mif1`, `msf1` and `miaf` say that there
/// are pictures but not how they are coded.
fn family(brand: [u8; 4]) -> Option<Family> {
    Some(match &brand {
        b"qt  " => Family::Moving(Format::Mov),
        b"odcf" | b"opf2" => Family::Drm,
        b"avif" | b"avis" => Family::Still { av1: true },
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" => {
            Family::Still { av1: false }
        }
        [b'3', b'g', b'2', _] | b"kddi" | b"KDDI" => Family::Moving(Format::ThreeG2),
        [b'3', b'g', b'p' | b'r' | b's' | b'e' | b'f' | b'h' | b'm' | b't', _] => {
            Family::Moving(Format::ThreeGp)
        }
        [b'i', b's', b'o', b'm' | b'2'..=b'9' | b'a'..=b'c'] => Family::Moving(Format::Mp4),
        [b'm', b'p', b'4', _] | [b'M', b'4', b'A' | b'B' | b'P' | b'V' | b'H', b' ' | b'P' | b'H'] => {
            Family::Moving(Format::Mp4)
        }
        b"avc1" | b"MSNV" | b"mmp4" | b"dash" | b"f4v " | b"F4V " | b"f4a " | b"F4A " | b"NDSC" | b"NDSH"
        | b"NDSM" | b"NDSP" | b"NDSS" | b"NDXC" | b"NDXH" | b"NDXM" | b"NDXP" | b"NDXS" | b"XAVC"
        | b"cmfc" | b"hvc1" | b"av01" => Family::Moving(Format::Mp4),
        _ => return None,
    })
}

/// Reads a file that begins with `ftyp`, or with a box that old `QuickTime` files begin with.
pub(super) fn read(octets: &[u8], claim: &Claim<'_>, limits: &Limits) -> Option<Reading> {
    let first = Boxes::new(octets).next()?;
    let (brand, family) = match &first.kind {
        b"ftyp" => brands(first.body)?,
        b"moov" | b"mdat" | b"wide" | b"skip" | b"pnot" | b"free" if plausible(octets) => {
            ([0; 4], Family::Moving(Format::Mov))
        }
        _ => return None,
    };
    match family {
        Family::Still { av1 } => Some(heif::read(octets, av1, limits)),
        Family::Moving(format) => Some(moving(octets, format, brand, claim, limits)),
        Family::Drm => {
            let mut reading = Reading::bare(Format::Drm);
            reading.encrypted("The part is protected by OMA DRM.");
            Some(reading)
        }
    }
}

/// Without `ftyp` the first box is four letters that a text could have behind four others; the
/// length before a box is not made of letters.
fn plausible(octets: &[u8]) -> bool {
    octets.first().is_some_and(|octet| *octet < 0x20)
}

/// Major brand, and what the file is: by its major brand, or by the first compatible one that is
/// known when that says nothing.
fn brands(body: &[u8]) -> Option<([u8; 4], Family)> {
    let mut cursor = Cursor::new(body);
    let major = cursor.array()?;
    cursor.take_up_to(4);
    let compatible = || {
        let mut cursor = cursor;
        core::iter::from_fn(move || cursor.array::<4>())
    };
    if matches!(&major, b"mif1" | b"msf1" | b"miaf") {
        let av1 = compatible().any(|brand| matches!(&brand, b"avif" | b"avis"));
        return Some((major, Family::Still { av1 }));
    }
    family(major).or_else(|| compatible().find_map(family)).map(|family| (major, family))
}

/// Top-level boxes of a file with tracks.
#[derive(Default)]
struct File<'a> {
    moov: Option<Box<'a>>,
    /// Whether media stood before the index.
    media_first: bool,
    media: bool,
    fragmented: bool,
    cut: bool,
    extras: bool,
}

impl<'a> File<'a> {
    fn read(octets: &'a [u8]) -> Self {
        let mut file = Self::default();
        for found in Boxes::new(octets) {
            file.cut |= found.cut;
            match &found.kind {
                b"moov" => file.moov = file.moov.or(Some(found)),
                b"mdat" => {
                    file.media = true;
                    file.media_first |= file.moov.is_none();
                }
                b"moof" => file.fragmented = true,
                b"uuid" | b"meta" | b"udta" => file.extras = true,
                _ => {}
            }
        }
        file
    }
}

/// What the tracks say together.
#[derive(Default)]
struct Tracks {
    video: Option<Track>,
    sound: Option<Track>,
    count: u64,
    extras: bool,
    encrypted: bool,
    nameless: bool,
}

impl Tracks {
    fn read(moov: &[u8], limits: &Limits) -> Self {
        let mut tracks = Self::default();
        for found in Boxes::new(moov) {
            match &found.kind {
                b"trak" => {
                    tracks.count += 1;
                    // All of them are counted, only as many as are allowed are read.
                    if tracks.count <= u64::from(limits.tracks) {
                        tracks.add(Track::read(found.body));
                    }
                }
                b"udta" | b"meta" => tracks.extras |= tells_place(found.body),
                b"uuid" => tracks.extras = true,
                _ => {}
            }
        }
        tracks
    }

    fn add(&mut self, track: Track) {
        self.encrypted |= track.encrypted;
        self.extras |= track.place;
        self.nameless |= track.unreadable;
        if track.video.is_some() && self.video.is_none() {
            self.video = Some(track);
        } else if track.sound.is_some() && self.sound.is_none() {
            self.sound = Some(track);
        } else {
            self.extras = true;
        }
    }
}

/// Whether user data tell where it was recorded: `©xyz`, `loci` (TS 26.244 §8), the key of
/// `QuickTime`, or XMP. A title that has such a word in it costs a remux, no more.
fn tells_place(body: &[u8]) -> bool {
    let words: [&[u8]; 4] = [b"\xA9xyz", b"loci", b"location.ISO6709", b"GPSLatitude"];
    words.iter().any(|word| contains(body, word))
}

fn moving(octets: &[u8], format: Format, brand: [u8; 4], claim: &Claim<'_>, limits: &Limits) -> Reading {
    let file = File::read(octets);
    let Some(moov) = file.moov else {
        let mut reading = Reading::bare(without_tracks(format, brand, claim));
        reading.damaged("The file has no index of its media.");
        return reading;
    };
    let mut tracks = Tracks::read(moov.body, limits);
    if file.fragmented {
        fragments::measure(octets, moov.body, [&mut tracks.video, &mut tracks.sound]);
    }
    let sound = tracks.sound.as_ref().and_then(Track::sound);
    let mut reading = match tracks.video.as_ref().and_then(Track::video) {
        Some(video) => {
            let duration_ms = video.duration_ms.max(sound.map_or(0, |sound| sound.duration_ms));
            let video = Video {
                duration_ms,
                bit_rate: fit(scale(octets.len() as u64, 8000, duration_ms)),
                sound,
                brand,
                fast_start: !file.media_first,
                extras: file.extras || tracks.extras,
                ..video
            };
            Reading::new(format, Detail::Video(video))
        }
        None => match sound {
            Some(sound) => Reading::new(sound_only(format), Detail::Sound(sound)),
            None => Reading::bare(without_tracks(format, brand, claim)),
        },
    };
    if tracks.encrypted {
        reading.encrypted("The media are encrypted.");
    }
    reading.bound("tracks", tracks.count, u64::from(limits.tracks));
    if moov.cut {
        reading.damaged("The index of the media goes beyond the end.");
    } else if matches!(reading.detail, Detail::None) || tracks.nameless {
        reading.damaged("The file has no track that can be read.");
    } else if file.cut {
        reading.damaged("The file ends early.");
    } else if !file.media {
        reading.damaged("The file holds no media.");
    }
    reading
}

/// The format of a file that does not get as far as its tracks.
fn without_tracks(format: Format, brand: [u8; 4], claim: &Claim<'_>) -> Format {
    let sound = matches!(&brand, b"M4A " | b"M4B " | b"F4A " | b"f4a ") || claim.says(Kind::Sound);
    if sound { sound_only(format) } else { format }
}

/// Picture of the first picture track, and how many samples it has: an image sequence.
pub(super) fn first_pictures(moov: &[u8]) -> Option<(Video, u64)> {
    let mut tracks = Boxes::new(moov).filter(|found| found.kind == *b"trak").map(|found| found.body);
    tracks.find_map(|body| {
        let track = Track::read(body);
        Some((track.video()?, track.samples))
    })
}

/// The form of a format that has no picture track. `QuickTime` has no name of its own for that.
const fn sound_only(format: Format) -> Format {
    match format {
        Format::Mp4 => Format::Mp4Sound,
        Format::ThreeG2 => Format::ThreeG2Sound,
        Format::ThreeGp => Format::ThreeGpSound,
        other => other,
    }
}
