//! Something like speech: a pulse train through two resonances that move from vowel to vowel, with
//! hiss between and pauses after a few syllables.

/// Samples a second.
pub(super) const RATE: u32 = 44_100;

/// First two resonances of five vowels, hertz.
const VOWELS: [(f32, f32); 5] =
    [(730.0, 1090.0), (530.0, 1840.0), (270.0, 2290.0), (570.0, 840.0), (300.0, 870.0)];

/// So many seconds of it, one channel.
pub(super) fn speak(seconds: u32) -> Vec<i16> {
    const SYLLABLE: f32 = 0.22;
    let mut first = Resonance::default();
    let mut second = Resonance::default();
    let mut phase = 0.0_f32;
    let mut seed = 1_u32;
    (0..seconds * RATE)
        .map(|number| {
            let time = number as f32 / RATE as f32;
            let syllable = (time / SYLLABLE) as usize;
            let within = (time / SYLLABLE).fract();
            let pause = syllable % 7 == 6;
            let loudness = if pause { 0.0 } else { (within * std::f32::consts::PI).sin() };
            let (low, high) = VOWELS.get(syllable * 3 % VOWELS.len()).copied().unwrap_or((500.0, 1500.0));
            let pitch = 118.0 + 22.0 * (time * 1.7).sin() - 12.0 * within;
            phase += pitch / RATE as f32;
            let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase = phase.fract();
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = ((seed >> 16) as f32 / 32_768.0 - 1.0) * if within < 0.12 { 0.25 } else { 0.01 };
            let source = pulse + hiss;
            let voiced = first.pass(source, low, 80.0) + 0.6 * second.pass(source, high, 120.0);
            (voiced * loudness * 9_000.0).clamp(-32_000.0, 32_000.0) as i16
        })
        .collect()
}

/// A two-pole resonator.
#[derive(Default)]
struct Resonance {
    last: f32,
    before: f32,
}

impl Resonance {
    fn pass(&mut self, input: f32, frequency: f32, width: f32) -> f32 {
        let radius = (-std::f32::consts::PI * width / RATE as f32).exp();
        let angle = std::f32::consts::TAU * frequency / RATE as f32;
        let output = input + 2.0 * radius * angle.cos() * self.last - radius * radius * self.before;
        self.before = self.last;
        self.last = output;
        output * 0.3
    }
}
