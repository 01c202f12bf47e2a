//! The vocabulary between gateway and worker: what is asked, what came out, what went wrong.
//!
//! One worker process serves one message. A request is one datagram of JSON on a socket pair, the
//! octets travel by descriptor beside it; every request is answered by one reply. A worker that
//! closes its socket without a reply has crashed or was killed: that is a [`FaultKind::Crashed`].

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use crate::{
    facts::Facts,
    format::{Format, SoundCodec, VideoCodec},
    limits::Limits,
};

/// Longest datagram, octets.
pub const MAX_DATAGRAM: usize = 64 * 1024;
/// Most targets of one request.
pub const MAX_TARGETS: usize = 8;

/// What a worker is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Prepares a still and says what quality it has at which size. One descriptor: the part. The
    /// worker keeps what it decoded under `keep`, for a [`Request::Encode`].
    Analyse {
        /// What the part is.
        facts: Facts,
        /// What it shall become; `max_octets` is the most that it could ever get.
        target: StillTarget,
        /// Name under which it is kept.
        keep: u16,
        /// Bounds.
        limits: Limits,
    },
    /// Makes the targets, all of them from one decode. Descriptors: the part, then one empty
    /// writable memory file for each target, in their order.
    Convert {
        /// What the part is.
        facts: Facts,
        /// What it shall become.
        targets: Vec<Target>,
        /// Bounds.
        limits: Limits,
    },
    /// Writes a still that was analysed. One descriptor: the output.
    Encode {
        /// Name that it was kept under.
        keep: u16,
        /// Octets that it may have.
        max_octets: u64,
    },
    /// Looks deeper than a header can: opens the container and the codecs. One descriptor: the part.
    Probe {
        /// What its header said.
        facts: Facts,
        /// Bounds.
        limits: Limits,
    },
    /// Tries what the sandbox forbids and says what was refused. No descriptor.
    SelfTest,
}

/// What a worker answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// To `Convert`: one for each target, and to `Encode`: one.
    Made(Vec<Result<Made, Fault>>),
    /// To `Analyse`.
    Ladder(Result<Ladder, Fault>),
    /// To `Probe`.
    Facts(Result<Facts, Fault>),
    /// To `SelfTest`: what was refused and what was not.
    SelfTest(Vec<Denial>),
}

/// One thing that the sandbox must refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// What was tried, such as `open /etc/passwd`.
    pub tried: String,
    /// Whether it was refused.
    pub refused: bool,
}

/// What a part shall become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A picture that shows a video: its first frame that is not dark.
    Poster(StillTarget),
    /// The same streams in another container; nothing is decoded.
    Remux(RemuxTarget),
    /// Sound.
    Sound(SoundTarget),
    /// A picture.
    Still(StillTarget),
    /// The same picture without metadata and trailing octets; nothing is decoded. Orientation is
    /// applied losslessly.
    Strip,
    /// Moving picture.
    Video(VideoTarget),
}

impl Target {
    /// Octets that the result may have; `None` = no more than the source.
    #[must_use]
    pub const fn max_octets(&self) -> Option<u64> {
        match self {
            Self::Poster(still) | Self::Still(still) => Some(still.max_octets),
            Self::Remux(remux) => Some(remux.max_octets),
            Self::Sound(sound) => Some(sound.max_octets),
            Self::Video(video) => Some(video.max_octets),
            Self::Strip => None,
        }
    }
}

/// What a picture shall become: never larger than the source in pixels, never over `max_octets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StillTarget {
    /// [`Format::Jpeg`], [`Format::Gif`], [`Format::Png`] or [`Format::Wbmp`].
    pub format: Format,
    /// Most pixels across, orientation applied.
    pub max_width: u32,
    /// Most pixels down.
    pub max_height: u32,
    /// Most octets.
    pub max_octets: u64,
    /// Most colours; 0 = no bound.
    pub max_colours: u32,
    /// Whether a progressive JPEG may come out.
    pub progressive: bool,
    /// Whether an animation stays one, when the format can.
    pub animated: bool,
    /// Whether EXIF, XMP and IPTC are kept (orientation reset, thumbnail removed). A place never
    /// is, unless this says so.
    pub keep_metadata: bool,
    /// Whether to spend more time for the last bit of quality.
    pub best: bool,
}

/// What sound shall become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoundTarget {
    /// [`Format::Amr`], [`Format::AmrWb`], [`Format::ThreeGpSound`], [`Format::Mp4Sound`],
    /// [`Format::Aac`] or [`Format::Mp3`].
    pub format: Format,
    /// One that the format holds.
    pub codec: SoundCodec,
    /// Most samples a second; 0 = what the codec does best at the bit rate.
    pub max_rate: u32,
    /// Most channels.
    pub max_channels: u16,
    /// Most bits a second; 0 = what is good for the codec.
    pub max_bit_rate: u32,
    /// Most octets.
    pub max_octets: u64,
    /// Longest playing time, milliseconds; 0 = no bound. What is longer is cut at the end.
    pub max_duration_ms: u64,
    /// Whether it may be cut at the end when no rate fits; without, it fails instead.
    pub may_cut: bool,
}

/// What moving picture shall become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoTarget {
    /// [`Format::ThreeGp`], [`Format::ThreeG2`] or [`Format::Mp4`].
    pub format: Format,
    /// [`VideoCodec::H263`], [`VideoCodec::Mpeg4`] or [`VideoCodec::H264`].
    pub codec: VideoCodec,
    /// H.264 level times ten (11 = 1.1, 30 = 3.0; 9 = 1b); 0 = what size and rate need.
    pub level: u8,
    /// Most pixels across, rotation applied.
    pub max_width: u32,
    /// Most pixels down.
    pub max_height: u32,
    /// Most frames in a thousand seconds.
    pub max_millihertz: u32,
    /// Most bits a second of the whole; 0 = no bound.
    pub max_bit_rate: u32,
    /// [`SoundCodec::Amr`], [`SoundCodec::AmrWb`] or [`SoundCodec::Aac`]; `None` = silent.
    pub sound: Option<SoundCodec>,
    /// Most octets.
    pub max_octets: u64,
    /// Longest playing time, milliseconds; 0 = no bound.
    pub max_duration_ms: u64,
    /// Whether it may be cut at the end when no rate fits; without, it fails instead.
    pub may_cut: bool,
}

/// Which container the streams go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemuxTarget {
    /// [`Format::ThreeGp`], [`Format::ThreeG2`], [`Format::Mp4`], the sound forms of them,
    /// [`Format::Amr`] or [`Format::AmrWb`].
    pub format: Format,
    /// Most octets.
    pub max_octets: u64,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// What it is, read back from what was written.
    pub facts: Facts,
    /// How close it is to the source at this size: SSIM of luma, ten-thousandths; 0 = not measured.
    pub quality: u16,
    /// How often the whole was encoded.
    pub encodes: u32,
    /// What a person should know.
    pub notes: Vec<Note>,
}

/// What a conversion did that the receiver would miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Note {
    /// The end was cut off.
    Cut {
        /// Playing time left, milliseconds.
        kept_ms: u64,
        /// Playing time of the source, milliseconds.
        of_ms: u64,
    },
    /// Only one picture of an animation is left.
    FirstFrame,
    /// Some pictures of an animation are left out.
    FramesDropped {
        /// Frames left.
        kept: u32,
        /// Frames of the source.
        of: u32,
    },
    /// The source ended early; what could be read is there.
    Damaged,
    /// The sound could not be kept.
    SoundDropped,
}

/// What quality a still has at which size: rungs from small to large, each larger and better than
/// the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ladder {
    /// Rungs.
    pub rungs: Vec<Rung>,
}

/// One rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// Octets of the result.
    pub octets: u64,
    /// SSIM of luma against the source at the size of the target, ten-thousandths.
    pub quality: u16,
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What kind of failure.
    pub kind: FaultKind,
    /// One sentence for a person, in English, without content of the message.
    pub detail: String,
}

/// Kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Does not fit, however small it is made.
    CannotFit,
    /// The worker died.
    Crashed,
    /// Cannot be read: cut, broken, or not what it looks like.
    Damaged,
    /// Encrypted or under DRM.
    Encrypted,
    /// No worker could be had.
    NoWorker,
    /// Needed more memory than a job may have.
    OutOfMemory,
    /// Beyond a bound of [`Limits`].
    TooLarge,
    /// Took longer than a job may.
    TooSlow,
    /// A format or codec that is not read here, or a target that is not written.
    Unsupported,
}

impl Fault {
    /// A fault.
    #[must_use]
    pub fn new(kind: FaultKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}
