//! Sound: decode, resample, encode, in one pass with bounded memory.
//!
//! AMR has the size that a formula says; AAC and MP3 are aimed at their room, measured, and
//! encoded again when they missed it. Nothing is cut unless the target allows it.

use cedrat_plan::{
    format::{Format, SoundCodec},
    job::{Fault, FaultKind, Note, SoundTarget},
};

use crate::{
    amr::{self, Band},
    av::{Code, CodecId, Encoder, Packet, Ratio, Resampler, Skip, SoundSpec},
    container::{self, Coded},
    source::{Flow, Source, Track, out_of_memory},
};

/// A break in the clock of a source that is filled with silence, in parts of a second.
const GAP: u32 = 10;
/// Most encodes of one target.
const TRIES: u32 = 3;

/// How sound is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) codec: SoundCodec,
    pub(crate) rate: u32,
    pub(crate) channels: u16,
    pub(crate) bit_rate: u32,
}

/// A step of a ladder: at most so many bits a second are worth it at this rate.
#[derive(Debug, Clone, Copy)]
struct Rung {
    most: u32,
    least: u32,
    rate: u32,
    channels: u16,
}

const fn rung(most: u32, least: u32, rate: u32, channels: u16) -> Rung {
    Rung { most, least, rate, channels }
}

/// AAC-LC, from the best down to what is still speech.
const AAC: &[Rung] = &[
    rung(128_000, 80_000, 44_100, 2),
    rung(80_000, 56_000, 32_000, 2),
    rung(72_000, 44_000, 44_100, 1),
    rung(44_000, 30_000, 32_000, 1),
    rung(30_000, 22_000, 24_000, 1),
    rung(22_000, 14_000, 16_000, 1),
    rung(14_000, 9_000, 11_025, 1),
    rung(9_000, 6_000, 8_000, 1),
];

/// MP3 at its legal bit rates.
const MP3: &[Rung] = &[
    rung(128_000, 128_000, 44_100, 2),
    rung(112_000, 112_000, 44_100, 2),
    rung(96_000, 96_000, 44_100, 2),
    rung(80_000, 80_000, 32_000, 2),
    rung(64_000, 64_000, 44_100, 1),
    rung(56_000, 56_000, 44_100, 1),
    rung(48_000, 48_000, 32_000, 1),
    rung(40_000, 40_000, 24_000, 1),
    rung(32_000, 32_000, 22_050, 1),
    rung(24_000, 24_000, 16_000, 1),
    rung(16_000, 16_000, 12_000, 1),
    rung(8_000, 8_000, 8_000, 1),
];

/// Rates that AAC and MP3 have.
const RATES: [u32; 9] = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];

/// The band of an AMR codec.
pub(crate) fn band(codec: SoundCodec) -> Option<Band> {
    match codec {
        SoundCodec::Amr => Some(amr::NARROW),
        SoundCodec::AmrWb => Some(amr::WIDE),
        _ => None,
    }
}

/// What was made of a target.
pub(crate) struct Made {
    pub(crate) octets: Vec<u8>,
    pub(crate) encodes: u32,
    pub(crate) notes: Vec<Note>,
}

/// Makes a target of the first track of sound.
pub(crate) fn convert(source: &Source<'_>, target: &SoundTarget) -> Result<Made, Fault> {
    let track =
        source.sound.as_ref().ok_or_else(|| Fault::new(FaultKind::Unsupported, "there is no sound in it"))?;
    match band(target.codec) {
        Some(band) => convert_amr(source, track, target, band),
        None => convert_ladder(source, track, target),
    }
}

fn cannot_fit() -> Fault {
    Fault::new(FaultKind::CannotFit, "too long for the octets that it may have")
}

/// The playing time that the target allows, microseconds; a frame more than that is that.
fn within_time(target: &SoundTarget, of: i64) -> i64 {
    let most = i64::try_from(target.max_duration_ms).unwrap_or(i64::MAX).saturating_mul(1000);
    if most == 0 || of <= most.saturating_add(20_000) { of } else { most }
}

fn convert_amr(source: &Source<'_>, track: &Track, target: &SoundTarget, band: Band) -> Result<Made, Fault> {
    let of = track.duration();
    let kept = within_time(target, of);
    // One frame more than the playing time holds: the delay of the encoder.
    let frames = band.frames(samples(kept, band.rate)) + 1;
    let overhead = container::overhead(target.format, 0, 0, of)
        + if container::has_index(target.format) { container::overhead(target.format, 0, 1, of) } else { 0 };
    let fit = band.fit(frames, overhead, target.max_bit_rate, target.max_octets);
    let cut = fit.frames < frames;
    if fit.frames == 0 || (cut && !target.may_cut) {
        return Err(cannot_fit());
    }
    let cut = cut || kept < of;
    let plan = Plan { codec: target.codec, rate: band.rate, channels: 1, bit_rate: fit.mode.bit_rate };
    let until = cut.then_some(fit.frames * band.frame_samples());
    let (mut coded, heard) = encode(source, track, plan, track.start, until)?;
    coded.packets.truncate(usize::try_from(fit.frames).unwrap_or(usize::MAX));
    let octets = container::write(target.format, &[&coded], target.max_octets)?;
    if octets.len() as u64 > target.max_octets {
        return Err(cannot_fit());
    }
    let mut notes = heard.notes(track)?;
    if cut {
        notes.push(Note::Cut { kept_ms: (fit.frames * 20).min(millis(of)), of_ms: millis(of) });
    }
    Ok(Made { octets, encodes: 1, notes })
}

fn convert_ladder(source: &Source<'_>, track: &Track, target: &SoundTarget) -> Result<Made, Fault> {
    let of = track.duration();
    let mut kept = within_time(target, of);
    let mut room = target.max_octets;
    for tries in 1..=TRIES {
        let Some(plan) = fit_ladder(target, track, kept, room) else {
            if !target.may_cut {
                return Err(cannot_fit());
            }
            kept = longest(target, track, kept, room);
            if kept < 500_000 {
                return Err(cannot_fit());
            }
            room = target.max_octets;
            if fit_ladder(target, track, kept, room).is_none() {
                return Err(cannot_fit());
            }
            continue;
        };
        let until = (kept < of).then(|| samples(kept, plan.rate));
        let (coded, heard) = encode(source, track, plan, track.start, until)?;
        let octets = container::write(target.format, &[&coded], target.max_octets)?;
        let length = octets.len() as u64;
        if length <= target.max_octets {
            let mut notes = heard.notes(track)?;
            if kept < of {
                notes.push(Note::Cut { kept_ms: millis(kept), of_ms: millis(of) });
            }
            return Ok(Made { octets, encodes: tries, notes });
        }
        // Aim lower by what was too much, and a little more.
        room = (u128::from(room) * u128::from(target.max_octets) * 98 / (u128::from(length) * 100)) as u64;
    }
    Err(cannot_fit())
}

/// The best rung that fits; within AAC's rungs the bit rate is what the room gives.
fn fit_ladder(target: &SoundTarget, track: &Track, micros: i64, room: u64) -> Option<Plan> {
    let (ladder, slack) = match target.codec {
        SoundCodec::Aac | SoundCodec::HeAac => (AAC, 0.97),
        SoundCodec::Mp3 => (MP3, 1.0),
        _ => return None,
    };
    let stream = &track.stream;
    ladder.iter().find_map(|rung| {
        if rung.channels > target.max_channels.max(1) || rung.channels > stream.channels.max(1) {
            return None;
        }
        let rate = rate_within(rung.rate, stream.rate, target.max_rate);
        let frame = if target.codec == SoundCodec::Mp3 && rate < 32_000 { 576 } else { 1024 };
        let frames = samples(micros, rate).div_ceil(frame) + 3;
        let room = room.saturating_sub(container::overhead(target.format, 0, frames, micros));
        // The encoder pads up to three frames.
        let seconds = micros as f64 / 1e6 + 3.0 * frame as f64 / f64::from(rate.max(1));
        let bits = (room as f64 * 8.0 * slack / seconds.max(0.02)) as u32;
        let most = if target.max_bit_rate > 0 { rung.most.min(target.max_bit_rate) } else { rung.most };
        let bits = bits.min(most);
        let legal = target.codec != SoundCodec::Mp3 || rate >= 32_000 || rung.most <= 64_000;
        (bits >= rung.least && legal).then_some(Plan {
            codec: target.codec,
            rate,
            channels: rung.channels,
            bit_rate: bits,
        })
    })
}

/// How much can be kept at a rate that is still speech, microseconds.
fn longest(target: &SoundTarget, track: &Track, most: i64, room: u64) -> i64 {
    let (mut low, mut high) = (0, most);
    while high - low > 20_000 {
        let middle = low + (high - low) / 2;
        if fit_ladder(target, track, middle, room).is_some() {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The rate of a rung, but not above that of the source or the target.
fn rate_within(rung: u32, source: u32, most: u32) -> u32 {
    let most = if most == 0 { u32::MAX } else { most };
    let source = RATES.iter().copied().find(|rate| *rate >= source.max(8_000)).unwrap_or(48_000);
    let bound = rung.min(source).min(most);
    RATES.iter().copied().rev().find(|rate| *rate <= bound).unwrap_or(8_000)
}

/// The sound that goes beside a picture of `bits` a second in all.
pub(crate) fn beside_video(codec: SoundCodec, track: &Track, bits: f64) -> Plan {
    let pick = |steps: &[(f64, u32)], least| {
        steps.iter().find(|(from, _)| bits >= *from).map_or(least, |(_, rate)| *rate)
    };
    match codec {
        SoundCodec::Amr => {
            let bit_rate = pick(&[(100e3, 12_200), (45e3, 7_400)], 4_750);
            Plan { codec, rate: 8_000, channels: 1, bit_rate }
        }
        SoundCodec::AmrWb => {
            let bit_rate = pick(&[(200e3, 23_850), (80e3, 12_650)], 6_600);
            Plan { codec, rate: 16_000, channels: 1, bit_rate }
        }
        _ => {
            let stereo = track.stream.channels >= 2;
            let (bit_rate, rate, channels) = match bits {
                bits if bits >= 1_200e3 && stereo => (96_000, 44_100, 2),
                bits if bits >= 700e3 && stereo => (64_000, 44_100, 2),
                bits if bits >= 400e3 => (48_000, 44_100, 1),
                bits if bits >= 200e3 => (32_000, 32_000, 1),
                bits if bits >= 90e3 => (24_000, 22_050, 1),
                bits if bits >= 50e3 => (16_000, 16_000, 1),
                _ => (9_000, 8_000, 1),
            };
            Plan { codec, rate: rate_within(rate, track.stream.rate, 0), channels, bit_rate }
        }
    }
}

/// What was heard of a track.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    damaged: bool,
    /// Microseconds that were decoded.
    micros: i64,
}

impl Heard {
    /// A note when something was damaged; a fault when hardly anything was left: less than half
    /// and less than a second.
    pub(crate) fn notes(self, track: &Track) -> Result<Vec<Note>, Fault> {
        if self.micros == 0 || (self.damaged && self.micros < 1_000_000 && self.micros < track.duration() / 2)
        {
            return Err(Fault::new(FaultKind::Damaged, "the sound cannot be decoded"));
        }
        Ok(if self.damaged { vec![Note::Damaged] } else { Vec::new() })
    }
}

/// Encodes a track from `origin` (microseconds of the source), at most `until` samples of it.
pub(crate) fn encode(
    source: &Source<'_>,
    track: &Track,
    plan: Plan,
    origin: i64,
    until: Option<u64>,
) -> Result<(Coded, Heard), Fault> {
    let mut pipe = Pipe::open(plan).map_err(|code| code.fault(FaultKind::Unsupported, "no such encoder"))?;
    let until = i64::try_from(until.unwrap_or(u64::MAX)).unwrap_or(i64::MAX);
    let mut decoded = 0_i64;
    let damaged = source.decode(track, Skip::default(), |frame, time| {
        let rate = frame.rate();
        decoded = decoded.saturating_add(
            i64::try_from(frame.samples()).unwrap_or(0).saturating_mul(1_000_000) / i64::from(rate.max(1)),
        );
        if let Some(time) = time {
            pipe.align(time.saturating_sub(origin), source.limits.duration_ms);
        }
        pipe.resampler.push(Some(frame)).or_else(tolerate)?;
        pipe.drain(false, until)?;
        Ok(if pipe.resampler.passed() >= until { Flow::Stop } else { Flow::Go })
    })?;
    pipe.resampler.push(None).or_else(tolerate)?;
    pipe.drain(true, until)?;
    let coded = pipe.finish()?;
    if coded.packets.is_empty() {
        return Err(Fault::new(FaultKind::Damaged, "the sound cannot be decoded"));
    }
    Ok((coded, Heard { damaged: damaged || source.damaged, micros: decoded }))
}

/// A frame that cannot be resampled is left out.
fn tolerate(code: Code) -> Result<(), Fault> {
    if code == Code::MEMORY { Err(out_of_memory(code)) } else { Ok(()) }
}

/// Resampler and encoder, one behind the other.
struct Pipe {
    plan: Plan,
    encoder: Encoder,
    resampler: Resampler,
    packets: Vec<Packet>,
    begun: bool,
    // Samples to leave out: the sound begins before the picture.
    early: i64,
}

impl Pipe {
    fn open(plan: Plan) -> Result<Self, Code> {
        let options: &[(&str, &str)] = match plan.codec {
            SoundCodec::Mp3 => &[("reservoir", "0")],
            _ => &[],
        };
        let encoder = Encoder::sound(&SoundSpec {
            encoder: match plan.codec {
                SoundCodec::Amr => amr::NARROW.encoder,
                SoundCodec::AmrWb => amr::WIDE.encoder,
                SoundCodec::Mp3 => "libmp3lame",
                _ => "aac",
            },
            rate: plan.rate,
            channels: plan.channels,
            bit_rate: plan.bit_rate,
            options,
        })?;
        let resampler = Resampler::new(&encoder, plan.rate, plan.channels);
        Ok(Self { plan, encoder, resampler, packets: Vec::new(), begun: false, early: 0 })
    }

    /// Puts silence where the source has none to give, and notes what comes too early.
    fn align(&mut self, micros: i64, most_ms: u64) {
        let rate = i64::from(self.plan.rate);
        let wanted =
            micros.clamp(-1_000_000, i64::try_from(most_ms * 1000).unwrap_or(i64::MAX)) * rate / 1_000_000;
        let have =
            self.resampler.passed() + i64::try_from(self.resampler.waiting()).unwrap_or(0) - self.early;
        let missing = wanted - have;
        if !self.begun && missing < 0 {
            self.early = -missing;
        } else if missing > rate / i64::from(GAP) || (!self.begun && missing > 0) {
            self.resampler.push_silence(usize::try_from(missing).unwrap_or(0));
        }
        self.begun = true;
    }

    fn drain(&mut self, rest: bool, until: i64) -> Result<(), Fault> {
        if self.early > 0 {
            let drop = self.early.min(i64::try_from(self.resampler.waiting()).unwrap_or(0));
            self.resampler.drop_front(usize::try_from(drop).unwrap_or(0));
            self.early -= drop;
        }
        while self.resampler.passed() < until
            && let Some(frame) = self.resampler.pull(rest).map_err(out_of_memory)?
        {
            self.encoder.send(Some(&frame)).map_err(failed)?;
            self.collect()?;
        }
        Ok(())
    }

    fn collect(&mut self) -> Result<(), Fault> {
        while let Some(packet) = self.encoder.receive().map_err(failed)? {
            self.packets.push(packet);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Coded, Fault> {
        self.encoder.send(None).map_err(failed)?;
        self.collect()?;
        let samples = match band(self.plan.codec) {
            Some(band) => i64::try_from(band.frame_samples()).unwrap_or(160),
            None => i64::try_from(self.encoder.frame_samples()).unwrap_or(1024),
        };
        // An edit list says that AAC begins before its first sample. The delay of AMR is six
        // milliseconds, and old handsets read no edit list: it starts at zero.
        let lead = if matches!(self.plan.codec, SoundCodec::Aac | SoundCodec::HeAac) {
            self.encoder.lead()
        } else {
            0
        };
        let mut time = -lead;
        for packet in &mut self.packets {
            packet.set_times(time, time, samples);
            time += samples;
        }
        Ok(Coded {
            parameters: self.encoder.parameters().map_err(out_of_memory)?,
            codec: match self.plan.codec {
                SoundCodec::Amr => CodecId::AV_CODEC_ID_AMR_NB,
                SoundCodec::AmrWb => CodecId::AV_CODEC_ID_AMR_WB,
                SoundCodec::Mp3 => CodecId::AV_CODEC_ID_MP3,
                _ => CodecId::AV_CODEC_ID_AAC,
            },
            time_base: Ratio::new(1, i32::try_from(self.plan.rate).unwrap_or(8_000)),
            rotation: 0,
            packets: self.packets,
        })
    }
}

fn failed(code: Code) -> Fault {
    code.fault(FaultKind::Unsupported, "the encoder refused the sound")
}

/// Samples of so many microseconds, rounded up.
pub(crate) fn samples(micros: i64, rate: u32) -> u64 {
    (u64::try_from(micros).unwrap_or(0).saturating_mul(u64::from(rate))).div_ceil(1_000_000)
}

pub(crate) fn millis(micros: i64) -> u64 {
    u64::try_from(micros / 1000).unwrap_or(0)
}

/// Whether the format holds sound alone and no other.
pub(crate) fn is_sound(format: Format) -> bool {
    format.kind() == cedrat_plan::format::Kind::Sound
}
