//! Which reader is asked: by the first octets, then by what has no magic, and what is left is text
//! or unknown.

use super::{
    Claim, Detail, Sound, amr, bitmap, bmff, cursor::contains, gif, jpeg, matroska, mpeg, ogg, png,
    reading::Reading, riff, text, tiff,
};
use crate::{
    format::{Format, Kind, SoundCodec},
    limits::Limits,
};

impl Claim<'_> {
    /// Whether the media type is this one.
    pub(super) fn is(&self, media_type: &str) -> bool {
        self.essence().eq_ignore_ascii_case(media_type)
    }

    /// Whether the media type, or else the extension, is of this format.
    pub(super) fn names(&self, format: Format) -> bool {
        let extension = self.name.and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension);
        self.is(format.media_type())
            || extension.is_some_and(|extension| extension.eq_ignore_ascii_case(format.extension()))
    }

    /// Whether the media type is of this kind: sound, or text.
    pub(super) fn says(&self, kind: Kind) -> bool {
        let top = match kind {
            Kind::Sound => "audio/",
            Kind::Text => "text/",
            _ => return false,
        };
        self.essence().get(..top.len()).is_some_and(|start| start.eq_ignore_ascii_case(top))
    }

    fn essence(&self) -> &str {
        self.media_type.split(';').next().unwrap_or_default().trim()
    }
}

pub(super) fn recognise(octets: &[u8], claim: &Claim<'_>, limits: &Limits) -> Reading {
    if octets.is_empty() && !claim.says(Kind::Text) {
        return unknown(claim);
    }
    by_magic(octets, claim, limits)
        .or_else(|| drm_content(octets))
        .or_else(|| wireless(octets, claim))
        .or_else(|| text::read(octets, claim))
        .unwrap_or_else(|| unknown(claim))
}

fn by_magic(octets: &[u8], claim: &Claim<'_>, limits: &Limits) -> Option<Reading> {
    match octets.first_chunk()? {
        [0xFF, 0xD8, 0xFF, _] => Some(jpeg::read(octets, limits)),
        b"\x89PNG" if octets.starts_with(png::MAGIC) => Some(png::read(octets, limits)),
        b"GIF8" if matches!(octets.get(4..6), Some(b"7a" | b"9a")) => Some(gif::read(octets, limits)),
        b"RIFF" | b"RF64" => riff::read(octets, limits),
        b"OggS" => Some(ogg::read(octets)),
        b"fLaC" => Some(ogg::flac(octets)),
        b"MThd" | b"XMF_" => Some(Reading::new(Format::Midi, Detail::Sound(Sound::coded(SoundCodec::Midi)))),
        b"%PDF" => Some(pdf(octets)),
        b"PK\x03\x04" | b"PK\x05\x06" => Some(zip(octets)),
        b"\x1A\x45\xDF\xA3" => Some(matroska::read(octets, limits)),
        [b'#', b'!', ..] => amr::read(octets),
        [b'B', b'M', ..] => bitmap::read(octets),
        [b'I', b'I', ..] | [b'M', b'M', ..] => tiff::read(octets),
        _ => bmff::read(octets, claim, limits).or_else(|| mpeg::read(octets, claim)),
    }
}

/// Which of the octets of a PDF are encrypted is not looked into: its trailer says that some are.
fn pdf(octets: &[u8]) -> Reading {
    let mut reading = Reading::bare(Format::Pdf);
    if contains(octets, b"/Encrypt") {
        reading.encrypted("The PDF is encrypted.");
    }
    reading
}

/// The first entry says whether a password is needed.
fn zip(octets: &[u8]) -> Reading {
    let mut reading = Reading::bare(Format::Zip);
    if let [_, _, 3, 4, _, _, flags, ..] = octets
        && flags & 1 != 0
    {
        reading.encrypted("The archive is encrypted.");
    }
    reading
}

/// OMA DRM content format 1: version, two lengths, media type, content URI.
fn drm_content(octets: &[u8]) -> Option<Reading> {
    let [1, type_length, uri_length, rest @ ..] = octets else { return None };
    let (media_type, rest) = rest.split_at_checked(usize::from(*type_length))?;
    let uri = rest.get(..usize::from(*uri_length))?;
    let graphic = |octet: &u8| octet.is_ascii_graphic();
    (media_type.contains(&b'/')
        && uri.contains(&b':')
        && media_type.iter().all(graphic)
        && uri.iter().all(graphic))
    .then(drm)
}

pub(super) fn drm() -> Reading {
    let mut reading = Reading::bare(Format::Drm);
    reading.encrypted("The part is protected by OMA DRM.");
    reading
}

fn wireless(octets: &[u8], claim: &Claim<'_>) -> Option<Reading> {
    (claim.names(Format::Wbmp) || claim.is("image/wbmp")).then(|| bitmap::wireless(octets)).flatten()
}

/// Nobody knows it. What is called DRM is believed: rights in binary form have no magic.
fn unknown(claim: &Claim<'_>) -> Reading {
    let called = "application/vnd.oma.drm.";
    let essence = claim.essence();
    if essence.get(..called.len()).is_some_and(|start| start.eq_ignore_ascii_case(called)) {
        return drm();
    }
    Reading::bare(Format::Unknown)
}
