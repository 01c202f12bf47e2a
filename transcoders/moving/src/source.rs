//! A part as a source: which demuxer and which decoders may touch it, and what is in it.
//!
//! The demuxer follows from the facts, never from libav's guess; what is not on the lists here is
//! not opened. Bounds are checked before a sample is decoded.

use std::{
    fs::File,
    os::fd::{AsFd, BorrowedFd},
};

use cedrat_plan::{
    facts::Facts,
    format::Format,
    job::{Fault, FaultKind},
    limits::Limits,
};

use crate::av::{Code, CodecId, Decoder, Demuxer, Frame, Medium, Packet, Ratio, Skip, Stream};

/// Decoders that may be opened, libav's names.
const DECODERS: &str = "av1,flv,h263,h263p,h264,hevc,libdav1d,mjpeg,mpeg1video,mpeg2video,mpeg4,\
    msmpeg4,msmpeg4v2,vp8,vp9,\
    aac,aac_latm,ac3,alac,amrnb,amrwb,evrc,flac,gsm,gsm_ms,mp2,mp2float,mp3,mp3float,opus,qcelp,speex,vorbis,\
    adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_g726,pcm_alaw,pcm_f32le,pcm_f32be,pcm_f64le,pcm_mulaw,\
    pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32be,pcm_s32le,pcm_s8,pcm_u8";
/// Taken before libav's first choice.
const PREFERRED: &[&str] = &["libdav1d"];
/// Packets of pictures that are counted: 120 a second over the longest part.
const PACKETS_A_SECOND: u64 = 120;

/// The demuxer for a format; `first` is the first octet, which tells the two kinds of MPEG apart.
fn demuxer_name(format: Format, first: &[u8]) -> Option<&'static str> {
    Some(match format {
        Format::Aac => "aac",
        Format::Amr | Format::AmrWb => "amr",
        Format::Avi => "avi",
        Format::Flac => "flac",
        Format::Avif
        | Format::Mov
        | Format::Mp4
        | Format::Mp4Sound
        | Format::ThreeG2
        | Format::ThreeG2Sound
        | Format::ThreeGp
        | Format::ThreeGpSound => "mov",
        Format::Matroska | Format::WebM | Format::WebMSound => "matroska",
        Format::Mp3 => "mp3",
        Format::Mpeg => match first {
            [0x47, ..] => "mpegts",
            [0, 0, 1, 0xB3, ..] => "mpegvideo",
            _ => "mpeg",
        },
        Format::Ogg => "ogg",
        Format::Qcp => "qcp",
        Format::Wav => "wav",
        _ => return None,
    })
}

/// One stream of a source as it was counted, without decoding.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    pub(crate) stream: Stream,
    /// When its first packet is shown, microseconds.
    pub(crate) start: i64,
    /// When its last packet ends, microseconds.
    pub(crate) end: i64,
    pub(crate) octets: u64,
    /// When each picture is shown, in order, and whether others need it. Empty for sound.
    pub(crate) times: Vec<(i64, bool)>,
}

impl Track {
    /// Playing time, microseconds.
    pub(crate) fn duration(&self) -> i64 {
        self.end.saturating_sub(self.start).max(0)
    }
}

/// A part that was opened once and can be read again.
pub(crate) struct Source<'a> {
    input: BorrowedFd<'a>,
    length: u64,
    format: &'static str,
    pub(crate) limits: &'a Limits,
    /// Its first stream of pictures.
    pub(crate) video: Option<Track>,
    /// Its first stream of sound.
    pub(crate) sound: Option<Track>,
    /// Whether it has further streams.
    pub(crate) others: bool,
    /// Whether the container ended before its end.
    pub(crate) damaged: bool,
}

impl<'a> Source<'a> {
    /// Opens it, checks it against the limits, counts its packets.
    pub(crate) fn open(input: BorrowedFd<'a>, facts: &Facts, limits: &'a Limits) -> Result<Self, Fault> {
        let mut first = [0; 4];
        let (length, read) = file(input)
            .and_then(|file| {
                use std::os::unix::fs::FileExt;
                Ok((file.metadata()?.len(), file.read_at(&mut first, 0)?))
            })
            .map_err(|_| Fault::new(FaultKind::Damaged, "the part cannot be read"))?;
        let first = first.get(..read).unwrap_or_default();
        let format = demuxer_name(facts.format, first)
            .ok_or_else(|| Fault::new(FaultKind::Unsupported, "no demuxer for this format"))?;
        if length > limits.octets {
            return Err(Fault::new(FaultKind::TooLarge, "more octets than a part may have"));
        }
        let mut source =
            Self { input, length, format, limits, video: None, sound: None, others: false, damaged: false };
        source.survey()?;
        Ok(source)
    }

    /// A fresh reader.
    pub(crate) fn demuxer(&self) -> Result<Demuxer, Fault> {
        self.open_demuxer(false)
    }

    /// A fresh reader that knows all that another container must be told.
    pub(crate) fn demuxer_for_copy(&self) -> Result<Demuxer, Fault> {
        self.open_demuxer(self.format == "matroska")
    }

    fn open_demuxer(&self, look_deeper: bool) -> Result<Demuxer, Fault> {
        let file = file(self.input).map_err(|_| Fault::new(FaultKind::Damaged, "the part cannot be read"))?;
        // Streams of these appear while packets are read, not in a header.
        let look_deeper =
            look_deeper || matches!(self.format, "mpegts" | "mpeg" | "mpegvideo" | "aac" | "mp3" | "avi");
        Demuxer::open(file, self.length, self.format, DECODERS, look_deeper, self.limits)
            .map_err(|code| code.fault(FaultKind::Damaged, "the container cannot be read"))
    }

    /// A decoder for a stream of a reader.
    pub(crate) fn decoder(&self, demuxer: &Demuxer, stream: usize, skip: Skip) -> Result<Decoder, Code> {
        Decoder::open(demuxer, stream, PREFERRED, DECODERS, skip, self.limits)
    }

    fn survey(&mut self) -> Result<(), Fault> {
        let mut demuxer = self.demuxer()?;
        let first = |medium| demuxer.streams().iter().find(|stream| stream.medium == medium).cloned();
        let (video, sound) = (first(Medium::Video), first(Medium::Sound));
        self.others = demuxer.streams().len() > usize::from(video.is_some()) + usize::from(sound.is_some());
        if let Some(video) = &video {
            self.check_size(video)?;
        }
        if demuxer.duration() / 1000 > i64::try_from(self.limits.duration_ms).unwrap_or(i64::MAX) {
            return Err(Fault::new(FaultKind::TooLarge, "plays longer than a part may"));
        }
        let wanted: Vec<usize> = [&video, &sound].into_iter().flatten().map(|stream| stream.index).collect();
        if wanted.is_empty() {
            return Err(Fault::new(FaultKind::Damaged, "there is neither picture nor sound in it"));
        }
        demuxer.keep(&wanted);
        let mut video = video.map(Count::new);
        let mut sound = sound.map(Count::new);
        let most = PACKETS_A_SECOND * (self.limits.duration_ms / 1000 + 1);
        let mut packet = Packet::new().map_err(out_of_memory)?;
        loop {
            match demuxer.read(&mut packet) {
                Ok(Some(())) => {}
                Ok(None) => break,
                Err(_) => {
                    self.damaged = true;
                    break;
                }
            }
            for count in [&mut video, &mut sound].into_iter().flatten() {
                if packet.stream() == count.stream.index {
                    count.add(&packet);
                }
            }
            if video.as_ref().is_some_and(|count| count.times.len() as u64 > most) {
                return Err(Fault::new(FaultKind::TooLarge, "more pictures than a part may have"));
            }
        }
        self.video = video.and_then(Count::finish);
        self.sound = sound.and_then(Count::finish);
        if self.video.is_none() && self.sound.is_none() {
            return Err(Fault::new(FaultKind::Damaged, "there is not one packet in it"));
        }
        let longest = [&self.video, &self.sound].into_iter().flatten().map(Track::duration).max();
        if longest.unwrap_or(0) / 1000 > i64::try_from(self.limits.duration_ms).unwrap_or(i64::MAX) {
            return Err(Fault::new(FaultKind::TooLarge, "plays longer than a part may"));
        }
        Ok(())
    }

    fn check_size(&self, stream: &Stream) -> Result<(), Fault> {
        let pixels = u64::from(stream.width) * u64::from(stream.height);
        if stream.width.max(stream.height) > self.limits.side || pixels > self.limits.pixels {
            return Err(Fault::new(FaultKind::TooLarge, "more pixels than a picture may have"));
        }
        Ok(())
    }

    /// When the whole begins, microseconds: the earlier of picture and sound, but sound that
    /// begins before the picture by more than a second is taken for a broken clock.
    pub(crate) fn start(&self) -> i64 {
        match (&self.video, &self.sound) {
            (Some(video), _) => video.start,
            (None, Some(sound)) => sound.start,
            (None, None) => 0,
        }
    }

    /// Decodes a track frame by frame, in the order of showing, with the time of each in
    /// microseconds. Ends early, without a failure, when `take` says so. Says whether something
    /// could not be decoded.
    pub(crate) fn decode(
        &self,
        track: &Track,
        skip: Skip,
        mut take: impl FnMut(&Frame, Option<i64>) -> Result<Flow, Fault>,
    ) -> Result<bool, Fault> {
        let mut demuxer = self.demuxer()?;
        demuxer.keep(&[track.stream.index]);
        let mut decoder = self
            .decoder(&demuxer, track.stream.index, skip)
            .map_err(|code| code.fault(FaultKind::Unsupported, "no decoder for this stream"))?;
        let time_base = track.stream.time_base;
        let mut packet = Packet::new().map_err(out_of_memory)?;
        let mut frame = Frame::new().map_err(out_of_memory)?;
        let (mut damaged, mut ended) = (false, false);
        while !ended {
            let sent = match demuxer.read(&mut packet) {
                Ok(Some(())) if packet.stream() != track.stream.index => continue,
                Ok(Some(())) => decoder.send(Some(&packet)),
                end => {
                    damaged |= end.is_err();
                    ended = true;
                    decoder.send(None)
                }
            };
            match sent {
                Ok(()) => {}
                Err(Code::MEMORY) => return Err(out_of_memory(Code::MEMORY)),
                Err(_) => damaged = true,
            }
            loop {
                match decoder.receive(&mut frame) {
                    Ok(Some(())) => {
                        let time = frame.best_time().map(|time| time_base.rescale(time, Ratio::MICROS));
                        if take(&frame, time)? == Flow::Stop {
                            return Ok(damaged);
                        }
                    }
                    Ok(None) => break,
                    Err(Code::MEMORY) => return Err(out_of_memory(Code::MEMORY)),
                    Err(_) => {
                        damaged = true;
                        break;
                    }
                }
            }
        }
        Ok(damaged)
    }
}

/// Whether decoding goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Go,
    Stop,
}

pub(crate) fn out_of_memory(code: Code) -> Fault {
    code.fault(FaultKind::OutOfMemory, "no memory for the media library")
}

fn file(descriptor: BorrowedFd<'_>) -> std::io::Result<File> {
    Ok(descriptor.as_fd().try_clone_to_owned()?.into())
}

/// Counts the packets of one stream.
struct Count {
    stream: Stream,
    start: Option<i64>,
    end: i64,
    octets: u64,
    times: Vec<(i64, bool)>,
}

impl Count {
    fn new(stream: Stream) -> Self {
        Self { stream, start: None, end: 0, octets: 0, times: Vec::new() }
    }

    fn add(&mut self, packet: &Packet) {
        self.octets = self.octets.saturating_add(packet.size());
        let micros = |time| self.stream.time_base.rescale(time, Ratio::MICROS);
        let duration = micros(packet.duration());
        // A stream without any clock goes on where it was.
        let time = packet.pts().or(packet.dts()).map_or(self.end, micros);
        if packet.is_hidden() {
            return;
        }
        self.start = Some(self.start.map_or(time, |start| start.min(time)));
        self.end = self.end.max(time.saturating_add(duration));
        if self.stream.medium == Medium::Video {
            self.times.push((time, is_needed(&self.stream, packet.data())));
        }
    }

    fn finish(mut self) -> Option<Track> {
        let start = self.start?;
        self.times.sort_unstable();
        // A container without durations: the last picture stays as long as the others did.
        if let [(first, _), .., (last, _)] = self.times.as_slice() {
            let mean = (last - first) / (i64::try_from(self.times.len()).unwrap_or(i64::MAX) - 1).max(1);
            if self.end <= *last {
                self.end = last + mean;
            }
        }
        Some(Track { stream: self.stream, start, end: self.end, octets: self.octets, times: self.times })
    }
}

/// Whether other pictures refer to this one: `nal_ref_idc` of its first slice, H.264 §7.4.1.
fn is_needed(stream: &Stream, octets: &[u8]) -> bool {
    if stream.codec != CodecId::AV_CODEC_ID_H264 {
        return true;
    }
    let length_octets = match stream.extradata.as_slice() {
        [1, _, _, _, sizes, ..] => usize::from(sizes & 3) + 1,
        _ => return true,
    };
    let mut rest = octets;
    while let Some((length, after)) = rest.split_at_checked(length_octets) {
        let length = length.iter().fold(0_usize, |sum, octet| (sum << 8) | usize::from(*octet));
        let Some((unit, next)) = after.split_at_checked(length) else { return true };
        if let Some(header) = unit.first()
            && matches!(header & 0x1F, 1 | 5)
        {
            return header & 0x60 != 0;
        }
        rest = next;
    }
    true
}
