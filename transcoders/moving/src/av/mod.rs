//! The thin layer over libav: each type owns one of its objects, frees it once, and lends nothing
//! that outlives it. All unsafe code of this crate is here.
//!
//! Nothing here decides: what is opened, kept or refused is said by the modules above.
#![allow(unsafe_code, reason = "libav is a C interface; ffmpeg-next has no demuxer by name over callbacks")]

mod decode;
mod demux;
mod encode;
mod filter;
mod frame;
mod io;
mod mux;
mod resample;
mod scale;

use std::ffi::{CStr, CString, c_int};

use cedrat_plan::job::{Fault, FaultKind};
use ffmpeg_next::ffi;

pub(crate) use decode::{Decoder, Skip};
pub(crate) use demux::{Demuxer, Medium, Stream};
pub(crate) use encode::{Encoder, Parameters, SoundSpec, VideoSpec};
pub(crate) use ffi::{AVCodecID as CodecId, AVPixelFormat as PixelFormat};
pub(crate) use filter::adts_to_asc;
pub(crate) use frame::{Frame, Packet};
pub(crate) use mux::Muxer;
pub(crate) use resample::Resampler;
pub(crate) use scale::{Kernel, Scaler};

/// Registers what needs registering and takes the log away from the terminal.
pub(crate) fn init() {
    // SAFETY: plain setters; called once before any other thread exists.
    unsafe {
        ffi::av_log_set_level(ffi::AV_LOG_QUIET);
        ffi::av_log_set_callback(None);
    }
}

/// What libav answered instead of doing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(c_int);

impl Code {
    /// The end of a stream: no failure.
    pub(crate) const END: Self = Self(ffi::AVERROR_EOF);
    /// Feed or drain first.
    pub(crate) const AGAIN: Self = Self(ffi::AVERROR(ffi::EAGAIN));
    /// No memory.
    pub(crate) const MEMORY: Self = Self(ffi::AVERROR(ffi::ENOMEM));
    /// Not what it should be.
    pub(crate) const INVALID: Self = Self(ffi::AVERROR_INVALIDDATA);

    /// The fault of a job: `kind`, unless memory ran out.
    pub(crate) fn fault(self, kind: FaultKind, what: &str) -> Fault {
        let kind = if self == Self::MEMORY { FaultKind::OutOfMemory } else { kind };
        let mut text = [0_u8; 128];
        // SAFETY: the length is that of the buffer; libav ends it with a zero.
        unsafe { ffi::av_strerror(self.0, text.as_mut_ptr().cast(), text.len()) };
        let why = CStr::from_bytes_until_nul(&text).map(|text| text.to_string_lossy()).unwrap_or_default();
        Fault::new(kind, format!("{what}: {why}"))
    }
}

/// Zero or more is success.
fn check(answer: c_int) -> Result<c_int, Code> {
    if answer < 0 { Err(Code(answer)) } else { Ok(answer) }
}

/// A fraction of a second, or a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ratio {
    /// Numerator.
    pub(crate) num: i32,
    /// Denominator.
    pub(crate) den: i32,
}

impl Ratio {
    /// Microseconds.
    pub(crate) const MICROS: Self = Self { num: 1, den: 1_000_000 };

    /// `num / den`.
    pub(crate) const fn new(num: i32, den: i32) -> Self {
        Self { num, den }
    }

    /// As a number; 0 when it is none.
    pub(crate) fn value(self) -> f64 {
        if self.den == 0 { 0.0 } else { f64::from(self.num) / f64::from(self.den) }
    }

    /// `time` in units of `self`, in units of `to`.
    pub(crate) fn rescale(self, time: i64, to: Self) -> i64 {
        if self.num <= 0 || self.den <= 0 || to.num <= 0 || to.den <= 0 {
            return 0;
        }
        // SAFETY: plain arithmetic on values.
        unsafe { ffi::av_rescale_q(time, self.into(), to.into()) }
    }
}

impl From<Ratio> for ffi::AVRational {
    fn from(ratio: Ratio) -> Self {
        Self { num: ratio.num, den: ratio.den }
    }
}

impl From<ffi::AVRational> for Ratio {
    fn from(ratio: ffi::AVRational) -> Self {
        Self { num: ratio.num, den: ratio.den }
    }
}

/// A time, when there is one.
fn time(value: i64) -> Option<i64> {
    (value != ffi::AV_NOPTS_VALUE).then_some(value)
}

/// Options by name for an opener, freed with it.
struct Options(*mut ffi::AVDictionary);

impl Options {
    fn new(pairs: &[(&str, &str)]) -> Result<Self, Code> {
        let mut options = Self(std::ptr::null_mut());
        for (name, value) in pairs {
            let (Ok(name), Ok(value)) = (CString::new(*name), CString::new(*value)) else {
                return Err(Code::INVALID);
            };
            // SAFETY: both strings outlive the call, which copies them.
            check(unsafe { ffi::av_dict_set(&raw mut options.0, name.as_ptr(), value.as_ptr(), 0) })?;
        }
        Ok(options)
    }

    fn as_mut(&mut self) -> *mut *mut ffi::AVDictionary {
        &raw mut self.0
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: ours, or null.
        unsafe { ffi::av_dict_free(&raw mut self.0) };
    }
}
