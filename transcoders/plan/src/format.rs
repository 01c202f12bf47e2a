//! The formats that are told apart by their octets, and their names.
//!
//! A name claimed by a sender (media type, extension) is never a fact; see [`crate::facts`].

use serde::{Deserialize, Serialize};

/// What kind of thing a format holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// vCard, vCalendar, iCalendar.
    Card,
    /// Anything else: PDF, archives, office files, what nobody knows.
    Document,
    /// A still or animated picture.
    Picture,
    /// How other parts are shown: SMIL.
    Presentation,
    /// Sound without picture.
    Sound,
    /// Text a person reads, plain or HTML.
    Text,
    /// Moving picture, with or without sound.
    Video,
}

macro_rules! formats {
    ($($(#[$doc:meta])* $name:ident = $kind:ident, $media_type:literal, $extension:literal;)*) => {
        /// A file format.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Format { $($(#[$doc])* $name,)* }

        impl Format {
            /// Every format.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What it holds.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind,)* }
            }

            /// `type/subtype`, as it is written.
            #[must_use]
            pub const fn media_type(self) -> &'static str {
                match self { $(Self::$name => $media_type,)* }
            }

            /// File name extension, without the dot.
            #[must_use]
            pub const fn extension(self) -> &'static str {
                match self { $(Self::$name => $extension,)* }
            }
        }
    };
}

formats! {
    /// ADTS stream of AAC.
    Aac = Sound, "audio/aac", "aac";
    /// AMR narrowband, RFC 4867 §5.
    Amr = Sound, "audio/amr", "amr";
    /// AMR wideband, RFC 4867 §5.
    AmrWb = Sound, "audio/amr-wb", "awb";
    /// AV1 still picture.
    Avif = Picture, "image/avif", "avif";
    /// AVI.
    Avi = Video, "video/x-msvideo", "avi";
    /// Windows bitmap.
    Bmp = Picture, "image/bmp", "bmp";
    /// OMA DRM message or content format: not ours to open.
    Drm = Document, "application/vnd.oma.drm.message", "dm";
    /// FLAC.
    Flac = Sound, "audio/flac", "flac";
    /// GIF 87a or 89a.
    Gif = Picture, "image/gif", "gif";
    /// HEVC still picture.
    Heic = Picture, "image/heic", "heic";
    /// HTML.
    Html = Text, "text/html", "html";
    /// iCalendar, RFC 5545.
    ICalendar = Card, "text/calendar", "ics";
    /// JPEG.
    Jpeg = Picture, "image/jpeg", "jpg";
    /// Matroska.
    Matroska = Video, "video/x-matroska", "mkv";
    /// Standard MIDI file, also Mobile XMF and SP-MIDI.
    Midi = Sound, "audio/midi", "mid";
    /// `QuickTime`.
    Mov = Video, "video/quicktime", "mov";
    /// MPEG-1/2 layer III.
    Mp3 = Sound, "audio/mpeg", "mp3";
    /// MP4 with a picture track.
    Mp4 = Video, "video/mp4", "mp4";
    /// MP4 with sound only.
    Mp4Sound = Sound, "audio/mp4", "m4a";
    /// MPEG program or transport stream.
    Mpeg = Video, "video/mpeg", "mpg";
    /// Ogg with Opus, Vorbis, Speex or FLAC.
    Ogg = Sound, "audio/ogg", "ogg";
    /// PDF.
    Pdf = Document, "application/pdf", "pdf";
    /// PNG.
    Png = Picture, "image/png", "png";
    /// QCELP or EVRC in RIFF, RFC 3625.
    Qcp = Sound, "audio/qcelp", "qcp";
    /// SMIL.
    Smil = Presentation, "application/smil", "smil";
    /// SVG: never rendered.
    Svg = Picture, "image/svg+xml", "svg";
    /// Plain text in some charset.
    Text = Text, "text/plain", "txt";
    /// 3GPP2 with a picture track.
    ThreeG2 = Video, "video/3gpp2", "3g2";
    /// 3GPP2 with sound only.
    ThreeG2Sound = Sound, "audio/3gpp2", "3g2";
    /// 3GPP with a picture track.
    ThreeGp = Video, "video/3gpp", "3gp";
    /// 3GPP with sound only.
    ThreeGpSound = Sound, "audio/3gpp", "3gp";
    /// TIFF.
    Tiff = Picture, "image/tiff", "tif";
    /// Not recognised.
    Unknown = Document, "application/octet-stream", "bin";
    /// vCalendar 1.0.
    VCalendar = Card, "text/x-vcalendar", "vcs";
    /// vCard 2.1, 3.0 or 4.0.
    VCard = Card, "text/x-vcard", "vcf";
    /// RIFF/WAVE.
    Wav = Sound, "audio/wav", "wav";
    /// Wireless bitmap, WAP-237.
    Wbmp = Picture, "image/vnd.wap.wbmp", "wbmp";
    /// `WebM` with a picture track.
    WebM = Video, "video/webm", "webm";
    /// `WebM` with sound only.
    WebMSound = Sound, "audio/webm", "weba";
    /// `WebP`.
    WebP = Picture, "image/webp", "webp";
    /// ZIP, also what is built on it.
    Zip = Document, "application/zip", "zip";
}

/// How a picture track is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VideoCodec {
    /// AV1.
    Av1,
    /// H.263 profile 0.
    H263,
    /// H.264.
    H264,
    /// H.265.
    Hevc,
    /// Motion JPEG.
    Mjpeg,
    /// MPEG-1 or MPEG-2 video.
    Mpeg2,
    /// MPEG-4 Visual.
    Mpeg4,
    /// Something else.
    Other,
    /// VP8.
    Vp8,
    /// VP9.
    Vp9,
}

/// How a sound track is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SoundCodec {
    /// AAC-LC.
    Aac,
    /// AMR narrowband.
    Amr,
    /// AMR wideband.
    AmrWb,
    /// EVRC: decoded, never encoded.
    Evrc,
    /// FLAC.
    Flac,
    /// AAC with SBR, with or without PS.
    HeAac,
    /// MIDI: not sampled.
    Midi,
    /// MPEG layer III.
    Mp3,
    /// Opus.
    Opus,
    /// Something else.
    Other,
    /// Samples as they are, also A-law and mu-law.
    Pcm,
    /// QCELP: decoded, never encoded.
    Qcelp,
    /// Vorbis.
    Vorbis,
}
