//! What the fuzz targets share: the law of linear time, and splitting an input at places that the input chooses.

use std::time::{Duration, Instant};

/// An input is blown up to this size to see how the time grows.
const LARGE: usize = 1 << 19;

/// What half a megabyte may take before it is compared with less. Most linear code needs a few milliseconds; code that
/// writes nine octets for one, several times over, with coverage counters compiled in, may need more.
const BOUND: Duration = Duration::from_secs(2);

/// How many times a quarter of it the whole may take: 4 when time is linear, 16 when it is quadratic.
const GROWTH: u32 = 8;

/// Fails when `run` is not linear: hands it the input repeated up to half a megabyte. Only one input in 256 is tried,
/// chosen by its content, so that the others stay fast.
pub fn linear(input: &[u8], run: impl Fn(&[u8])) {
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
        (hash ^ u64::from(*octet)).wrapping_mul(0x100_0000_01b3)
    });
    if input.is_empty() || input.len() > 4096 || (hash >> 32) % 256 != 0 {
        return;
    }
    let large: Vec<u8> = input.iter().copied().cycle().take(LARGE).collect();
    let time = |octets: &[u8]| {
        let begin = spent();
        run(octets);
        spent().saturating_sub(begin)
    };
    let took = time(&large);
    if took >= BOUND {
        let quarter = time(large.get(..LARGE / 4).unwrap_or_default());
        assert!(took < quarter * GROWTH, "{LARGE} octets took {took:?}, a quarter of them {quarter:?}");
    }
}

/// Processor time of this thread: what other programs take of the machine is no fault of an input. Where the system
/// does not say, the time of the clock.
fn spent() -> Duration {
    static BEGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let stated = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = stated.and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| BEGIN.get_or_init(Instant::now).elapsed(), Duration::from_nanos)
}

/// Cuts `input` into pieces. Lengths come from `cuts`, over and over; without any the pieces are single octets.
pub fn split<'a>(input: &'a [u8], cuts: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut lengths = cuts.iter().copied().chain([1]).cycle();
    let mut rest = input;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = usize::from(lengths.next().unwrap_or(1)).clamp(1, rest.len());
        let (piece, after) = rest.split_at(length);
        rest = after;
        Some(piece)
    })
}

/// The input in two: the first octet says how many of the next ones are `cuts` for [`split`].
pub fn cuts_and_input(data: &[u8]) -> (&[u8], &[u8]) {
    match data.split_first() {
        Some((count, rest)) => rest.split_at(usize::from(count % 16).min(rest.len())),
        None => (&[], &[]),
    }
}
