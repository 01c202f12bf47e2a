//! Moving picture: one decode for all targets, an encoding for each, measured and repeated until it
//! fits.
//!
//! The order of sacrifices is that of [`crate::shape`]; a target that may not be cut and does not
//! fit is a fault, never a longer file.

use cedrat_plan::{
    format::VideoCodec,
    job::{Fault, FaultKind, Note, VideoTarget},
};

use crate::{
    av::{CodecId, Frame, Kernel, PixelFormat, Ratio, Scaler, Skip},
    canvas,
    coder::{Aim, Coder, Pictures},
    container::{self, Coded},
    geometry,
    rate::Cost,
    shape::{self, Shape},
    slots::{self, Slots},
    sound::{self, millis},
    source::{Flow, Source, Track, out_of_memory},
};

/// Most encodes of one target.
const TRIES: u32 = 3;
/// Octets of scaled pictures that all targets together keep for another encode.
const HELD: u64 = 64 << 20;
/// Part of the room that a long clip fills, or is encoded again.
const FILL: f64 = 0.91;
/// Part of the room that libx264 is asked to fill: its rate control misses by a few per cent.
const AIM_H264: f64 = 0.97;
/// Reduction from which the details that a decoder may leave out cannot be seen.
const LARGE: f64 = 4.0;

/// Makes all targets.
pub(crate) fn convert(source: &Source<'_>, targets: &[&VideoTarget]) -> Vec<Result<sound::Made, Fault>> {
    let Some(track) = source.video.as_ref() else {
        let fault = Fault::new(FaultKind::Unsupported, "there is no picture in it");
        return targets.iter().map(|_| Err(fault.clone())).collect();
    };
    let held = HELD / u64::try_from(targets.len().max(1)).unwrap_or(1);
    let mut jobs: Vec<Job<'_>> = targets.iter().map(|target| Job::new(source, track, target, held)).collect();
    for _ in 0..TRIES {
        // A job that kept its pictures needs no decoder.
        for job in &mut jobs {
            job.encode_held(track);
        }
        if jobs.iter().any(Job::is_open) {
            run(source, track, &mut jobs);
        }
    }
    jobs.into_iter().map(Job::finish).collect()
}

/// One decode for every job that is open.
fn run(source: &Source<'_>, track: &Track, jobs: &mut [Job<'_>]) {
    let open = || jobs.iter().filter(|job| job.is_open());
    let skip = skip(track, open().filter_map(Job::shape));
    let until = open().map(|job| job.kept).max().unwrap_or(0);
    let mut pictures = 0_u64;
    let mut last = 0;
    let decoded = source.decode(track, skip, |frame, time| {
        // A picture without a time comes one picture after the one before.
        let step = (1e6 / track_rate(track).value().max(0.1)) as i64;
        let time =
            time.map_or_else(|| if pictures == 0 { 0 } else { last + step }, |time| time - track.start);
        pictures += 1;
        last = last.max(time);
        if time >= until {
            return Ok(Flow::Stop);
        }
        for job in jobs.iter_mut().filter(|job| job.is_open()) {
            job.push(frame, time);
        }
        Ok(if jobs.iter().any(Job::is_open) { Flow::Go } else { Flow::Stop })
    });
    let expected = track.times.iter().filter(|(_, needed)| *needed || !skip.unreferenced).count() as u64;
    let damaged = match decoded {
        Ok(damaged) => damaged || source.damaged,
        Err(fault) => {
            for job in jobs.iter_mut().filter(|job| job.is_open()) {
                job.outcome = Some(Err(fault.clone()));
            }
            return;
        }
    };
    let too_little = pictures == 0 || (damaged && last < 1_000_000 && pictures < expected / 2);
    for job in jobs.iter_mut().filter(|job| job.is_open()) {
        if too_little {
            job.outcome = Some(Err(Fault::new(FaultKind::Damaged, "the pictures cannot be decoded")));
        } else {
            if damaged && !job.notes.contains(&Note::Damaged) {
                job.notes.push(Note::Damaged);
            }
            job.close(track);
        }
    }
}

/// What the decoder may leave out for these shapes.
fn skip<'a>(track: &Track, shapes: impl Iterator<Item = &'a Shape>) -> Skip {
    if !matches!(track.stream.codec, CodecId::AV_CODEC_ID_H264 | CodecId::AV_CODEC_ID_HEVC) {
        return Skip::default();
    }
    let source = f64::from(track.stream.width.max(track.stream.height));
    let mut skip = Skip { unreferenced: track.stream.codec == CodecId::AV_CODEC_ID_H264, loop_filter: true };
    let needed = track.times.iter().filter(|(_, needed)| *needed).count() as f64;
    let seconds = (track.duration() as f64 / 1e6).max(0.001);
    for shape in shapes {
        let inner = f64::from(shape.layout.inner.0.max(shape.layout.inner.1));
        skip.loop_filter &= source >= inner * LARGE;
        // Enough pictures must be left for the rate that is shown.
        skip.unreferenced &= source >= inner * LARGE && needed / seconds >= shape.rate.value() * 0.8;
    }
    skip
}

/// Pictures a second of a source: as counted, and as its container says where the two agree.
pub(crate) fn track_rate(track: &Track) -> Ratio {
    let said = track.stream.frame_rate;
    let count = track.times.len() as f64;
    let seconds = track.duration() as f64 / 1e6;
    let counted = if seconds > 0.0 { count / seconds } else { 25.0 };
    if (said.value() - counted).abs() <= counted * 0.02 && said.num > 0 && said.num <= 60_000 {
        return said;
    }
    let counted = counted.clamp(0.1, 60.0);
    let whole = counted.round();
    if (counted - whole).abs() < 0.02 {
        Ratio::new(whole as i32, 1)
    } else {
        Ratio::new((counted * 1000.0).round() as i32, 1000)
    }
}

/// One target on its way.
struct Job<'t> {
    target: &'t VideoTarget,
    /// From the largest to the smallest, and which one is tried: `at` is always one of them.
    shapes: Vec<Shape>,
    at: usize,
    rotation: u16,
    sound: Option<Coded>,
    notes: Vec<Note>,
    /// Microseconds that are kept, and of how many.
    kept: i64,
    of: i64,
    /// What the container was found to add, octets.
    overhead: Option<u64>,
    /// What the rate control of the encoder was found to miss by.
    correction: f64,
    aim: Aim,
    costs: Vec<Cost>,
    pass: Option<Pass>,
    held: Vec<(Frame, i64)>,
    held_octets: u64,
    most_held: u64,
    encodes: u32,
    best: Option<Vec<u8>>,
    outcome: Option<Result<Vec<u8>, Fault>>,
}

/// An encoding under way.
struct Pass {
    scaler: Scaler,
    slots: Slots,
    coder: Option<Coder>,
}

impl<'t> Job<'t> {
    fn new(source: &Source<'_>, track: &Track, target: &'t VideoTarget, most_held: u64) -> Self {
        let stream = &track.stream;
        let shown = geometry::square((stream.width, stream.height), stream.aspect.value());
        let shown = canvas::before_turn(shown, stream.rotation);
        let of = track.duration().max(1);
        let mut job = Self {
            target,
            shapes: shape::ladder(target, shown, track_rate(track)),
            at: 0,
            rotation: stream.rotation,
            sound: None,
            notes: Vec::new(),
            kept: of,
            of,
            overhead: None,
            correction: 1.0,
            aim: Aim { bits: 0.0, pictures: 0, micros: of },
            costs: Vec::new(),
            pass: None,
            held: Vec::new(),
            held_octets: 0,
            most_held,
            encodes: 0,
            best: None,
            outcome: None,
        };
        if let Err(fault) = job.prepare(source, track) {
            job.outcome = Some(Err(fault));
        }
        job
    }

    /// Chooses playing time, sound and shape.
    fn prepare(&mut self, source: &Source<'_>, track: &Track) -> Result<(), Fault> {
        let most = i64::try_from(self.target.max_duration_ms).unwrap_or(i64::MAX).saturating_mul(1000);
        // A frame more than the bound is the bound.
        if most > 0 && self.of > most.saturating_add(40_000) {
            self.kept = most;
        }
        let wanted = self.target.sound.and_then(|codec| source.sound.as_ref().map(|track| (codec, track)));
        let plan_for = |bits| wanted.map(|(codec, track)| sound::beside_video(codec, track, bits));
        let bits_of = |plan: Option<sound::Plan>| plan.map_or(0.0, |plan| f64::from(plan.bit_rate) * 1.05);
        let mut plan = plan_for(self.all_bits());
        let least = self.shapes.last().map_or(f64::INFINITY, |shape| shape::least(shape, self.target.codec));
        if least.is_infinite() {
            return Err(Fault::new(FaultKind::Unsupported, "the codec has no size as small as this screen"));
        }
        if self.all_bits() - bits_of(plan) < least {
            self.may_cut()?;
            // So much time that the smallest shape is good, not barely there.
            plan = plan_for(0.0);
            let bits = least * 2.5 + bits_of(plan) + 2_000.0;
            let room = self.target.max_octets.saturating_sub(1_500) as f64 * 8.0;
            self.kept = self.kept.min((room / bits * 1e6) as i64);
        }
        if self.kept < self.of.min(500_000) {
            return Err(cannot_fit());
        }
        if let (Some(plan), Some((_, heard))) = (plan, wanted) {
            self.hear(source, heard, plan)?;
        } else if source.sound.is_some() || (self.target.sound.is_some() && source.others) {
            self.notes.push(Note::SoundDropped);
        }
        let seconds = self.seconds();
        let bits = self.shapes.first().map_or(0.0, |shape| self.picture_bits(track, shape)) / seconds;
        self.at = match shape::choose(&self.shapes, self.target.codec, bits) {
            Some(at) => at,
            None if bits > 0.0 => self.shapes.len() - 1,
            None => return Err(cannot_fit()),
        };
        self.set_aim(track);
        Ok(())
    }

    /// Codes the sound; without it the pictures go alone.
    fn hear(&mut self, source: &Source<'_>, heard: &Track, plan: sound::Plan) -> Result<(), Fault> {
        let until = sound::samples(self.kept, plan.rate);
        let coded = sound::encode(source, heard, plan, source.start(), Some(until))
            .and_then(|(coded, report)| report.notes(heard).map(|notes| (coded, notes)));
        match coded {
            Ok((coded, notes)) => {
                self.sound = Some(coded);
                self.notes.extend(notes);
            }
            Err(fault) if fault.kind == FaultKind::OutOfMemory => return Err(fault),
            Err(_) => self.notes.push(Note::SoundDropped),
        }
        Ok(())
    }

    fn may_cut(&self) -> Result<(), Fault> {
        if self.target.may_cut { Ok(()) } else { Err(cannot_fit()) }
    }

    fn is_open(&self) -> bool {
        self.outcome.is_none()
    }

    fn shape(&self) -> Option<&Shape> {
        self.shapes.get(self.at)
    }

    fn seconds(&self) -> f64 {
        (self.kept as f64 / 1e6).max(0.04)
    }

    /// Bits a second of everything.
    fn all_bits(&self) -> f64 {
        let bits = self.target.max_octets as f64 * 8.0 / self.seconds();
        if self.target.max_bit_rate > 0 { bits.min(f64::from(self.target.max_bit_rate)) } else { bits }
    }

    /// Bits that the pictures of a shape may have in all.
    fn picture_bits(&self, track: &Track, shape: &Shape) -> f64 {
        let (sounds, sound) =
            self.sound.as_ref().map_or((0, 0), |sound| (sound.packets.len() as u64, sound.octets()));
        let pictures = self.pictures(track, shape);
        let overhead = self
            .overhead
            .unwrap_or_else(|| container::overhead(self.target.format, pictures, sounds, self.kept));
        let octets = self.target.max_octets.saturating_sub(overhead).saturating_sub(sound);
        let most = if self.target.max_bit_rate > 0 {
            (f64::from(self.target.max_bit_rate) * self.seconds() - sound as f64 * 8.0).max(0.0)
        } else {
            f64::INFINITY
        };
        let useful = shape.pixels() * self.seconds() * shape::plenty(self.target.codec);
        (octets as f64 * 8.0).min(most).min(useful)
    }

    fn pictures(&self, track: &Track, shape: &Shape) -> u64 {
        let times = track.times.iter().map(|(time, _)| time - track.start).filter(|time| *time < self.kept);
        slots::count(shape.rate, shape.fine, times).max(1)
    }

    fn set_aim(&mut self, track: &Track) {
        let Some(shape) = self.shapes.get(self.at).copied() else { return };
        let part = if self.target.codec == VideoCodec::H264 { AIM_H264 } else { 1.0 };
        self.aim = Aim {
            bits: self.picture_bits(track, &shape) * part * self.correction,
            pictures: self.pictures(track, &shape),
            micros: self.kept,
        };
    }

    /// Takes a decoded frame.
    fn push(&mut self, frame: &Frame, time: i64) {
        if time < self.kept
            && let Err(fault) = self.scale_and_code(frame, time)
        {
            self.outcome = Some(Err(fault));
        }
    }

    fn scale_and_code(&mut self, frame: &Frame, time: i64) -> Result<(), Fault> {
        let Some(shape) = self.shape().copied() else { return Ok(()) };
        let rotation = self.rotation;
        let pass = self.pass.get_or_insert_with(|| Pass::new(&shape, rotation, frame));
        let Some(slot) = pass.slots.take(time) else { return Ok(()) };
        let scaled = pass
            .scaler
            .run(frame)
            .map_err(|code| code.fault(FaultKind::Unsupported, "the picture cannot be scaled"))?;
        let mut ready = canvas::lay(scaled, rotation, &shape.layout).map_err(out_of_memory)?;
        ready.copy_colours(frame);
        if pass.coder.is_none() {
            pass.coder = Some(Coder::open(self.target, &shape, self.aim, &self.costs, &ready)?);
        }
        if let Some(coder) = &mut pass.coder {
            coder.push(&mut ready, slot)?;
        }
        let (width, height) = shape.layout.canvas;
        self.held_octets += u64::from(width) * u64::from(height) * 3 / 2;
        if self.held_octets <= self.most_held {
            self.held.push((ready, slot));
        } else {
            self.held = Vec::new();
        }
        Ok(())
    }

    /// Codes once more what an earlier pass left in memory.
    fn encode_held(&mut self, track: &Track) {
        if !self.is_open() || self.held.is_empty() {
            return;
        }
        let Some(shape) = self.shape().copied() else { return };
        let mut held = std::mem::take(&mut self.held);
        let coded = (|| {
            let Some((first, _)) = held.first() else { return Err(cannot_fit()) };
            let mut coder = Coder::open(self.target, &shape, self.aim, &self.costs, first)?;
            for (frame, slot) in &mut held {
                coder.push(frame, *slot)?;
            }
            coder.finish(self.kept)
        })();
        self.held = held;
        self.judge(track, coded);
    }

    /// Ends the encoding that a pass fed.
    fn close(&mut self, track: &Track) {
        let coder = self.pass.take().and_then(|pass| pass.coder);
        let coded = match coder {
            Some(coder) => coder.finish(self.kept),
            None => Err(Fault::new(FaultKind::Damaged, "the pictures cannot be decoded")),
        };
        self.judge(track, coded);
    }

    /// Measures an encoding: takes it, or says how the next one shall differ.
    fn judge(&mut self, track: &Track, coded: Result<Pictures, Fault>) {
        if let Err(fault) = self.try_judge(track, coded) {
            self.outcome = Some(Err(fault));
        }
    }

    fn try_judge(&mut self, track: &Track, coded: Result<Pictures, Fault>) -> Result<(), Fault> {
        let pictures = coded?;
        self.encodes += 1;
        let mut tracks = vec![&pictures.coded];
        tracks.extend(&self.sound);
        let octets = container::write(self.target.format, &tracks, self.target.max_octets)?;
        let length = octets.len() as u64;
        let payload: u64 = tracks.iter().map(|track| track.octets()).sum();
        let coded_bits = pictures.coded.octets() as f64 * 8.0;
        self.overhead = Some(length.saturating_sub(payload));
        let Some(shape) = self.shape().copied() else { return Err(cannot_fit()) };
        let wanted = self.picture_bits(track, &shape);
        self.costs = pictures.costs;
        let missed = wanted / coded_bits.max(1.0);
        if length <= self.target.max_octets {
            let full = coded_bits >= wanted * FILL || pictures.finest || missed < 1.0;
            if self.best.as_ref().is_none_or(|best| best.len() < octets.len()) {
                self.best = Some(octets);
            }
            // What stays below its rate although it was asked for more has nothing more to show.
            let saturated =
                self.encodes > 1 && self.target.codec == VideoCodec::H264 && self.correction > 1.0;
            if full || saturated || self.encodes >= TRIES {
                self.outcome = self.best.take().map(Ok);
                return Ok(());
            }
            self.correction *= missed.clamp(1.0, 1.4);
        } else if self.encodes >= TRIES {
            self.outcome = Some(self.best.take().ok_or_else(cannot_fit));
            return Ok(());
        } else if pictures.coarsest || missed < 0.6 {
            self.step_down(track, missed)?;
        } else {
            self.correction *= missed * 0.985;
        }
        self.set_aim(track);
        Ok(())
    }

    /// A smaller shape, or less time.
    fn step_down(&mut self, track: &Track, missed: f64) -> Result<(), Fault> {
        let Some(pixels) = self.shape().map(Shape::pixels) else { return Err(cannot_fit()) };
        // Past those that would not be enough either.
        let fitting = |shape: &Shape| shape.pixels() <= pixels * missed * 1.2;
        let next = self.shapes.iter().skip(self.at + 1).position(fitting).map(|steps| self.at + 1 + steps);
        let last = self.shapes.len() - 1;
        self.held = Vec::new();
        self.held_octets = 0;
        self.costs = Vec::new();
        self.overhead = None;
        match next {
            Some(at) => self.at = at,
            None if self.at < last => self.at = last,
            None => {
                self.may_cut()?;
                self.kept = (self.kept as f64 * missed * 0.85) as i64;
                if let Some(sound) = &mut self.sound {
                    let end = Ratio::MICROS.rescale(self.kept, sound.time_base);
                    sound.packets.retain(|packet| packet.pts().unwrap_or(0) < end);
                }
                if self.kept < 500_000 || track.times.is_empty() {
                    return Err(cannot_fit());
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<sound::Made, Fault> {
        let mut notes = self.notes;
        if self.kept < self.of {
            notes.push(Note::Cut { kept_ms: millis(self.kept), of_ms: millis(self.of) });
        }
        let octets = match (self.outcome, self.best) {
            (Some(outcome), _) => outcome?,
            (None, Some(best)) => best,
            (None, None) => return Err(cannot_fit()),
        };
        Ok(sound::Made { octets, encodes: self.encodes, notes })
    }
}

impl Pass {
    fn new(shape: &Shape, rotation: u16, frame: &Frame) -> Self {
        let (width, height) = canvas::before_turn(shape.layout.inner, rotation);
        let large = frame.width() >= width.saturating_mul(3) && frame.height() >= height.saturating_mul(3);
        let kernel = if large { Kernel::Area } else { Kernel::Bicubic };
        Self {
            scaler: Scaler::new(PixelFormat::AV_PIX_FMT_YUV420P, width, height, kernel),
            slots: Slots::new(shape.rate, shape.fine),
            coder: None,
        }
    }
}

fn cannot_fit() -> Fault {
    Fault::new(FaultKind::CannotFit, "too long or too large for the octets that it may have")
}
