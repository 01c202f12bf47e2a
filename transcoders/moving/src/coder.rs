//! One encoding of pictures: frames of the right size in, packets out, within a number of bits.
//!
//! H.263 and MPEG-4 are steered picture by picture ([`crate::rate`]); libx264 steers itself to a
//! rate that is chosen here.

use cedrat_plan::{
    format::VideoCodec,
    job::{Fault, FaultKind, VideoTarget},
};

use crate::{
    av::{Code, CodecId, Encoder, Frame, Packet, Ratio, VideoSpec},
    container::Coded,
    geometry,
    rate::{COARSEST, Cost, FINEST, Rate},
    shape::Shape,
    source::out_of_memory,
};

/// Seconds from one whole picture to the next.
const GROUP_SECONDS: f64 = 2.0;
/// How strongly the rate of libx264 answers to being off, and how much at most.
const CORRECTION: f64 = 1.5;
const MOST_CORRECTION: f64 = 0.15;
/// Quantiser of H.264 below which nothing is seen.
const FINEST_H264: &str = "10";

/// What an encoding is to keep to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aim {
    /// Bits of all packets.
    pub(crate) bits: f64,
    /// Pictures that will come.
    pub(crate) pictures: u64,
    /// Playing time, microseconds.
    pub(crate) micros: i64,
}

/// An encoding under way.
pub(crate) struct Coder {
    encoder: Encoder,
    steering: Option<Rate>,
    codec: VideoCodec,
    rate: Ratio,
    packets: Vec<Packet>,
    aim: Aim,
    /// Bits a second that libx264 was opened with, and bits that it gave so far.
    bit_rate: f64,
    bits: f64,
    /// Packets between two corrections of that rate.
    every: usize,
}

/// A finished encoding.
pub(crate) struct Pictures {
    pub(crate) coded: Coded,
    /// What each picture cost, when the codec is steered here.
    pub(crate) costs: Vec<Cost>,
    /// Whether it could not have been coarser.
    pub(crate) coarsest: bool,
    /// Whether it could not have been finer.
    pub(crate) finest: bool,
}

impl Coder {
    /// Opens the encoder. `like` is the first frame, for its colours.
    pub(crate) fn open(
        target: &VideoTarget,
        shape: &Shape,
        aim: Aim,
        earlier: &[Cost],
        like: &Frame,
    ) -> Result<Self, Fault> {
        let fps = shape.rate.value();
        let group = (fps * GROUP_SECONDS).round().max(1.0);
        let canvas = shape.layout.canvas;
        let seconds = (aim.micros as f64 / 1e6).max(0.04);
        let bits = aim.bits / seconds;
        let pixels = f64::from(canvas.0) * f64::from(canvas.1);
        let steering = (target.codec != VideoCodec::H264)
            .then(|| Rate::new(aim.bits, aim.pictures, pixels, group as u64, earlier));
        let level = if target.level == 0 {
            geometry::level_for(canvas, fps, bits as u64)
        } else {
            geometry::Level::of(target.level)
        };
        let name = level.name();
        let bit_rate = bits.min(level.bits as f64).max(2_000.0);
        // A player buffers about two seconds; more than the level allows it need not hold.
        let buffer = (bit_rate * 2.0).min(level.buffer as f64);
        let most = (bit_rate * 1.2).min(level.bits as f64);
        let (maxrate, bufsize) = ((most as u64).to_string(), (buffer as u64).to_string());
        let h264: &[(&str, &str)] = &[
            ("preset", "veryfast"),
            ("profile", "baseline"),
            ("level", &name),
            ("maxrate", &maxrate),
            ("bufsize", &bufsize),
            ("bf", "0"),
            ("refs", "1"),
            ("qmin", FINEST_H264),
        ];
        // Trellis quantisation would add 0.002 to 0.004 of SSIM and a tenth to the time of a whole job.
        let weighed: &[(&str, &str)] = &[("mbd", "rd")];
        let spec = VideoSpec {
            encoder: match target.codec {
                VideoCodec::H263 => "h263",
                VideoCodec::Mpeg4 => "mpeg4",
                _ => "libx264",
            },
            width: canvas.0,
            height: canvas.1,
            rate: shape.rate,
            group: group as u32,
            bit_rate: steering.is_none().then_some(bit_rate as u64),
            profile: (target.codec == VideoCodec::Mpeg4)
                .then(|| (0, geometry::simple_level(canvas, fps, bits as u64))),
            like: (target.codec == VideoCodec::H264).then_some(like),
            options: if steering.is_none() { h264 } else { weighed },
        };
        let encoder = Encoder::video(&spec)
            .map_err(|code| code.fault(FaultKind::Unsupported, "the encoder does not take this picture"))?;
        Ok(Self {
            encoder,
            steering,
            codec: target.codec,
            rate: shape.rate,
            packets: Vec::new(),
            aim,
            bit_rate,
            bits: 0.0,
            every: (fps / 2.0).ceil() as usize,
        })
    }

    /// Codes a frame at its slot.
    pub(crate) fn push(&mut self, frame: &mut Frame, slot: i64) -> Result<(), Fault> {
        frame.set_pts(slot);
        match &mut self.steering {
            Some(rate) => {
                let key = rate.is_key();
                frame.set_quantiser(rate.quantiser(), key);
            }
            None => frame.clear_kind(),
        }
        self.encoder.send(Some(frame)).map_err(failed)?;
        self.collect()
    }

    fn collect(&mut self) -> Result<(), Fault> {
        while let Some(packet) = self.encoder.receive().map_err(failed)? {
            if let Some(rate) = &mut self.steering {
                rate.record(packet.size() as f64 * 8.0);
            }
            self.bits += packet.size() as f64 * 8.0;
            self.packets.push(packet);
            if self.steering.is_none() && self.packets.len().is_multiple_of(self.every) {
                self.correct();
            }
        }
        Ok(())
    }

    /// Asks libx264 for more or less than before, as far as it is off its way: left alone, it ends
    /// up to a tenth away from its rate on clips of seconds.
    fn correct(&mut self) {
        let part = self.packets.len() as f64 / self.aim.pictures.max(1) as f64;
        if !(0.1..=1.0).contains(&part) {
            return;
        }
        let off = 1.0 - self.bits / (self.aim.bits * part).max(1.0);
        let by = (off * CORRECTION).clamp(-MOST_CORRECTION, MOST_CORRECTION);
        self.encoder.set_bit_rate((self.bit_rate * (1.0 + by)) as u64);
    }

    /// Takes the last packets out and gives every picture its time; the last one ends at `end`,
    /// microseconds.
    pub(crate) fn finish(mut self, end: i64) -> Result<Pictures, Fault> {
        self.encoder.send(None).map_err(failed)?;
        self.collect()?;
        let time_base = Ratio::new(self.rate.den, self.rate.num);
        let end = Ratio::MICROS.rescale(end, time_base);
        let times: Vec<i64> = self.packets.iter().map(|packet| packet.pts().unwrap_or(0)).collect();
        let next = times.iter().skip(1).copied().map(Some).chain(std::iter::once(None));
        for ((packet, time), next) in self.packets.iter_mut().zip(&times).zip(next) {
            let until = next.unwrap_or_else(|| end.max(time + 1));
            packet.set_times(*time, *time, until - time);
        }
        if self.codec == VideoCodec::H264
            && let Some(first) = self.packets.first_mut()
        {
            first.drop_front(banner(first.data()));
        }
        let parameters = self.encoder.parameters().map_err(out_of_memory)?;
        let last = self.steering.as_ref().map(Rate::last);
        Ok(Pictures {
            coded: Coded {
                parameters,
                codec: match self.codec {
                    VideoCodec::H263 => CodecId::AV_CODEC_ID_H263,
                    VideoCodec::Mpeg4 => CodecId::AV_CODEC_ID_MPEG4,
                    _ => CodecId::AV_CODEC_ID_H264,
                },
                time_base,
                rotation: 0,
                packets: self.packets,
            },
            costs: self.steering.map(Rate::into_costs).unwrap_or_default(),
            coarsest: last.is_some_and(|quantiser| quantiser >= COARSEST),
            finest: last.is_some_and(|quantiser| quantiser <= FINEST * 1.01),
        })
    }
}

/// Octets of the text that libx264 puts before its first picture: an SEI that says which program
/// wrote it and with which options, 600 octets that no handset needs.
fn banner(octets: &[u8]) -> usize {
    let starts = |octets: &[u8]| match octets {
        [0, 0, 0, 1, ..] => Some(4),
        [0, 0, 1, ..] => Some(3),
        _ => None,
    };
    let Some(code) = starts(octets) else { return 0 };
    if octets.get(code).is_none_or(|header| header & 0x1F != 6) {
        return 0;
    }
    (code..octets.len()).find(|at| octets.get(*at..).and_then(starts).is_some()).unwrap_or(0)
}

fn failed(code: Code) -> Fault {
    code.fault(FaultKind::Unsupported, "the encoder refused a picture")
}
