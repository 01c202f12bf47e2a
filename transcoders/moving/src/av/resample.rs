//! Sound of any rate, layout and sample format to what an encoder wants, in frames of its size.

use std::ffi::c_int;

use ffmpeg_next::ffi;

use super::{Code, Encoder, Frame, check};

/// A resampler that collects what it gives until a frame is full.
pub(crate) struct Resampler {
    context: *mut ffi::SwrContext,
    source: (c_int, c_int, c_int),
    rate: u32,
    channels: u16,
    format: ffi::AVSampleFormat,
    frame_samples: usize,
    // Planar or packed as the encoder wants it: one buffer for each plane.
    pending: Vec<Vec<u8>>,
    time: i64,
}

impl Resampler {
    /// To what `encoder` takes. `rate` and `channels` are those that it was opened with.
    pub(crate) fn new(encoder: &Encoder, rate: u32, channels: u16) -> Self {
        let format = encoder.sample_format();
        // SAFETY: plain question.
        let planar = unsafe { ffi::av_sample_fmt_is_planar(format) } != 0;
        Self {
            context: std::ptr::null_mut(),
            source: (0, 0, 0),
            rate,
            channels,
            format,
            frame_samples: match encoder.frame_samples() {
                0 => 1024,
                samples => samples,
            },
            pending: vec![Vec::new(); if planar { usize::from(channels) } else { 1 }],
            time: 0,
        }
    }

    /// Octets of one sample in one plane.
    fn step(&self) -> usize {
        // SAFETY: plain question.
        let octets = usize::try_from(unsafe { ffi::av_get_bytes_per_sample(self.format) }).unwrap_or(1);
        if self.pending.len() == 1 { octets * usize::from(self.channels.max(1)) } else { octets }
    }

    /// Samples that wait for a frame to fill.
    pub(crate) fn waiting(&self) -> usize {
        self.pending.first().map_or(0, |plane| plane.len() / self.step().max(1))
    }

    /// Samples that went into full frames.
    pub(crate) fn passed(&self) -> i64 {
        self.time
    }

    /// Takes a decoded frame; `None` takes out what the filter holds.
    pub(crate) fn push(&mut self, frame: Option<&Frame>) -> Result<(), Code> {
        if let Some(frame) = frame {
            self.follow(frame)?;
        }
        if self.context.is_null() {
            return Ok(());
        }
        let given = frame.map_or(0, Frame::samples);
        let given = c_int::try_from(given).map_err(|_| Code::INVALID)?;
        // SAFETY: the context is initialised.
        let room = check(unsafe { ffi::swr_get_out_samples(self.context, given) })?;
        let room_samples = usize::try_from(room).map_err(|_| Code::INVALID)? + 32;
        let step = self.step();
        let starts: Vec<usize> = self.pending.iter().map(Vec::len).collect();
        for plane in &mut self.pending {
            plane.resize(plane.len() + room_samples * step, 0);
        }
        let mut planes: Vec<*mut u8> = self
            .pending
            .iter_mut()
            .zip(&starts)
            .map(|(plane, at)| plane.get_mut(*at..).map_or(std::ptr::null_mut(), <[u8]>::as_mut_ptr))
            .collect();
        let input = frame.map_or(std::ptr::null_mut(), |frame| frame.raw().extended_data.cast::<*const u8>());
        // SAFETY: each plane has room for `room_samples`; the frame has `given` samples in the
        // format that `follow` told the context.
        let answer = check(unsafe {
            ffi::swr_convert(
                self.context,
                planes.as_mut_ptr(),
                c_int::try_from(room_samples).unwrap_or(c_int::MAX),
                input,
                given,
            )
        });
        let written = answer.ok().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        for (plane, at) in self.pending.iter_mut().zip(&starts) {
            plane.truncate(at + written * step);
        }
        answer.map(|_| ())
    }

    /// Puts silence in for samples that the source does not have.
    pub(crate) fn push_silence(&mut self, samples: usize) {
        let octets = samples.saturating_mul(self.step());
        for plane in &mut self.pending {
            plane.resize(plane.len().saturating_add(octets), 0);
        }
    }

    /// Drops samples from the front of what waits.
    pub(crate) fn drop_front(&mut self, samples: usize) {
        let octets = samples.saturating_mul(self.step());
        for plane in &mut self.pending {
            plane.drain(..octets.min(plane.len()));
        }
    }

    /// A full frame, or with `rest` the last one, which may be shorter.
    pub(crate) fn pull(&mut self, rest: bool) -> Result<Option<Frame>, Code> {
        let waiting = self.waiting();
        let samples = waiting.min(self.frame_samples);
        if samples == 0 || (samples < self.frame_samples && !rest) {
            return Ok(None);
        }
        let mut frame = Frame::new()?;
        let raw = frame.raw_mut();
        raw.nb_samples = c_int::try_from(samples).map_err(|_| Code::INVALID)?;
        raw.format = self.format as c_int;
        raw.sample_rate = c_int::try_from(self.rate).map_err(|_| Code::INVALID)?;
        raw.pts = self.time;
        // SAFETY: layout, format and count are set; buffers come from `av_frame_get_buffer` and
        // hold `samples` samples in each plane.
        unsafe {
            ffi::av_channel_layout_default(&raw mut raw.ch_layout, c_int::from(self.channels));
            check(ffi::av_frame_get_buffer(frame.as_ptr(), 0))?;
            let octets = samples * self.step();
            for (index, plane) in self.pending.iter_mut().enumerate() {
                let to = *frame.raw().extended_data.add(index);
                std::ptr::copy_nonoverlapping(plane.as_ptr(), to, octets);
                plane.drain(..octets);
            }
        }
        self.time += i64::try_from(samples).unwrap_or(0);
        Ok(Some(frame))
    }

    fn follow(&mut self, frame: &Frame) -> Result<(), Code> {
        let raw = frame.raw();
        let source = (raw.format, raw.sample_rate, raw.ch_layout.nb_channels);
        if !self.context.is_null() && self.source == source {
            return Ok(());
        }
        if raw.format < 0 || raw.sample_rate <= 0 || raw.ch_layout.nb_channels <= 0 {
            return Err(Code::INVALID);
        }
        if !self.context.is_null() {
            self.push(None)?;
        }
        // SAFETY: layouts live on the stack for the call; the format of a decoded frame is a value
        // of the enumeration that libav was built with.
        unsafe {
            ffi::swr_free(&raw mut self.context);
            let mut to: ffi::AVChannelLayout = std::mem::zeroed();
            ffi::av_channel_layout_default(&raw mut to, c_int::from(self.channels));
            let mut from: ffi::AVChannelLayout = std::mem::zeroed();
            if raw.ch_layout.order == ffi::AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC {
                ffi::av_channel_layout_default(&raw mut from, raw.ch_layout.nb_channels);
            } else {
                check(ffi::av_channel_layout_copy(&raw mut from, &raw const raw.ch_layout))?;
            }
            let made = check(ffi::swr_alloc_set_opts2(
                &raw mut self.context,
                &raw mut to,
                self.format,
                c_int::try_from(self.rate).unwrap_or(8000),
                &raw mut from,
                std::mem::transmute::<c_int, ffi::AVSampleFormat>(raw.format),
                raw.sample_rate,
                0,
                std::ptr::null_mut(),
            ));
            ffi::av_channel_layout_uninit(&raw mut from);
            made?;
            if let Err(code) = check(ffi::swr_init(self.context)) {
                ffi::swr_free(&raw mut self.context);
                return Err(code);
            }
        }
        self.source = source;
        Ok(())
    }
}

impl Drop for Resampler {
    fn drop(&mut self) {
        // SAFETY: ours, or null.
        unsafe { ffi::swr_free(&raw mut self.context) };
    }
}
