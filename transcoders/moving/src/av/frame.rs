//! Packets and frames: what a stream is coded in, and what it is decoded to.

use std::ffi::c_int;

use ffmpeg_next::ffi;

use super::{Code, PixelFormat, check, time};

/// Coded octets with their times.
pub(crate) struct Packet(*mut ffi::AVPacket);

impl Packet {
    pub(crate) fn new() -> Result<Self, Code> {
        // SAFETY: no precondition.
        let packet = unsafe { ffi::av_packet_alloc() };
        if packet.is_null() { Err(Code::MEMORY) } else { Ok(Self(packet)) }
    }

    /// A second name for the same octets.
    pub(crate) fn share(&self) -> Result<Self, Code> {
        // SAFETY: `self` is a packet.
        let packet = unsafe { ffi::av_packet_clone(self.0) };
        if packet.is_null() { Err(Code::MEMORY) } else { Ok(Self(packet)) }
    }

    pub(super) fn as_ptr(&self) -> *mut ffi::AVPacket {
        self.0
    }

    fn raw(&self) -> &ffi::AVPacket {
        // SAFETY: never null, freed only in `drop`.
        unsafe { &*self.0 }
    }

    fn raw_mut(&mut self) -> &mut ffi::AVPacket {
        // SAFETY: as above, and `self` is borrowed whole.
        unsafe { &mut *self.0 }
    }

    pub(crate) fn data(&self) -> &[u8] {
        let raw = self.raw();
        match usize::try_from(raw.size) {
            // SAFETY: libav keeps `size` octets at `data` while the packet holds its buffer.
            Ok(size) if !raw.data.is_null() => unsafe { std::slice::from_raw_parts(raw.data, size) },
            _ => &[],
        }
    }

    pub(crate) fn size(&self) -> u64 {
        u64::try_from(self.raw().size).unwrap_or(0)
    }

    pub(crate) fn stream(&self) -> usize {
        usize::try_from(self.raw().stream_index).unwrap_or(usize::MAX)
    }

    pub(crate) fn pts(&self) -> Option<i64> {
        time(self.raw().pts)
    }

    pub(crate) fn dts(&self) -> Option<i64> {
        time(self.raw().dts)
    }

    pub(crate) fn duration(&self) -> i64 {
        self.raw().duration.max(0)
    }

    /// Whether the container says that it is decoded but not shown.
    pub(crate) fn is_hidden(&self) -> bool {
        self.raw().flags & ffi::AV_PKT_FLAG_DISCARD != 0
    }

    pub(crate) fn set_stream(&mut self, stream: usize) {
        self.raw_mut().stream_index = c_int::try_from(stream).unwrap_or(c_int::MAX);
    }

    pub(crate) fn set_times(&mut self, pts: i64, dts: i64, duration: i64) {
        let raw = self.raw_mut();
        raw.pts = pts;
        raw.dts = dts;
        raw.duration = duration;
    }

    /// Moves the times that it has.
    pub(crate) fn shift(&mut self, by: i64) {
        let (pts, dts) = (self.pts(), self.dts());
        let raw = self.raw_mut();
        raw.pts = pts.map_or(raw.pts, |time| time.saturating_add(by));
        raw.dts = dts.map_or(raw.dts, |time| time.saturating_add(by));
    }

    /// Leaves out octets at the front.
    pub(crate) fn drop_front(&mut self, octets: usize) {
        let raw = self.raw_mut();
        if let Ok(octets) = c_int::try_from(octets)
            && octets <= raw.size
            && !raw.data.is_null()
        {
            // SAFETY: within the octets of the packet; its buffer stays referenced.
            raw.data = unsafe { raw.data.add(octets.unsigned_abs() as usize) };
            raw.size -= octets;
        }
    }

    /// Lets the octets go.
    pub(super) fn clear(&mut self) {
        // SAFETY: `self` is a packet.
        unsafe { ffi::av_packet_unref(self.0) };
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { ffi::av_packet_free(&raw mut self.0) };
    }
}

/// A picture or a stretch of sound.
pub(crate) struct Frame(*mut ffi::AVFrame);

impl Frame {
    pub(crate) fn new() -> Result<Self, Code> {
        // SAFETY: no precondition.
        let frame = unsafe { ffi::av_frame_alloc() };
        if frame.is_null() { Err(Code::MEMORY) } else { Ok(Self(frame)) }
    }

    /// A second name for the same samples.
    pub(crate) fn share(&self) -> Result<Self, Code> {
        // SAFETY: `self` is a frame.
        let frame = unsafe { ffi::av_frame_clone(self.0) };
        if frame.is_null() { Err(Code::MEMORY) } else { Ok(Self(frame)) }
    }

    /// A picture with unset pixels.
    pub(crate) fn picture(format: PixelFormat, width: u32, height: u32) -> Result<Self, Code> {
        let mut frame = Self::new()?;
        let raw = frame.raw_mut();
        raw.format = format as c_int;
        raw.width = c_int::try_from(width).map_err(|_| Code::INVALID)?;
        raw.height = c_int::try_from(height).map_err(|_| Code::INVALID)?;
        // SAFETY: format and size are set.
        check(unsafe { ffi::av_frame_get_buffer(frame.0, 0) })?;
        Ok(frame)
    }

    pub(super) fn as_ptr(&self) -> *mut ffi::AVFrame {
        self.0
    }

    pub(super) fn raw(&self) -> &ffi::AVFrame {
        // SAFETY: never null, freed only in `drop`.
        unsafe { &*self.0 }
    }

    pub(super) fn raw_mut(&mut self) -> &mut ffi::AVFrame {
        // SAFETY: as above, and `self` is borrowed whole.
        unsafe { &mut *self.0 }
    }

    pub(crate) fn width(&self) -> u32 {
        u32::try_from(self.raw().width).unwrap_or(0)
    }

    pub(crate) fn height(&self) -> u32 {
        u32::try_from(self.raw().height).unwrap_or(0)
    }

    /// The time at which it is shown, in units of its stream.
    pub(crate) fn best_time(&self) -> Option<i64> {
        time(self.raw().best_effort_timestamp).or_else(|| time(self.raw().pts))
    }

    /// Samples of one channel.
    pub(crate) fn samples(&self) -> usize {
        usize::try_from(self.raw().nb_samples).unwrap_or(0)
    }

    pub(crate) fn set_pts(&mut self, pts: i64) {
        self.raw_mut().pts = pts;
    }

    /// Quantiser for an encoder that is steered frame by frame, and whether it starts a group.
    pub(crate) fn set_quantiser(&mut self, quantiser: f64, key: bool) {
        let raw = self.raw_mut();
        raw.quality = (quantiser * f64::from(ffi::FF_QP2LAMBDA)).round() as c_int;
        raw.pict_type = if key {
            ffi::AVPictureType::AV_PICTURE_TYPE_I
        } else {
            ffi::AVPictureType::AV_PICTURE_TYPE_NONE
        };
    }

    /// Leaves kind and quantiser to the encoder.
    pub(crate) fn clear_kind(&mut self) {
        self.raw_mut().pict_type = ffi::AVPictureType::AV_PICTURE_TYPE_NONE;
    }

    /// Samples a second.
    pub(crate) fn rate(&self) -> u32 {
        u32::try_from(self.raw().sample_rate).unwrap_or(0)
    }

    /// Names the colours of another frame.
    pub(crate) fn copy_colours(&mut self, of: &Self) {
        let of = of.raw();
        let (space, primaries, transfer) = (of.colorspace, of.color_primaries, of.color_trc);
        let raw = self.raw_mut();
        raw.colorspace = space;
        raw.color_primaries = primaries;
        raw.color_trc = transfer;
    }

    /// A plane of `rows` rows, `row` octets each: its octets, and octets from one row to the next.
    pub(crate) fn plane(&self, index: usize, rows: usize, row: usize) -> (&[u8], usize) {
        match self.extent(index, rows, row) {
            // SAFETY: a plane holds `row` octets in each of its rows, `stride` apart; callers ask
            // for what the pixel format and the size of the frame have.
            Some((data, stride, length)) => (unsafe { std::slice::from_raw_parts(data, length) }, stride),
            None => (&[], 0),
        }
    }

    /// As [`Self::plane`], for writing; what an encoder still holds is copied first.
    pub(crate) fn plane_mut(&mut self, index: usize, rows: usize, row: usize) -> (&mut [u8], usize) {
        // SAFETY: `self` is a frame with buffers.
        if unsafe { ffi::av_frame_make_writable(self.0) } < 0 {
            return (&mut [], 0);
        }
        match self.extent(index, rows, row) {
            // SAFETY: as above, and nobody else holds the buffers now.
            Some((data, stride, length)) => (unsafe { std::slice::from_raw_parts_mut(data, length) }, stride),
            None => (&mut [], 0),
        }
    }

    fn extent(&self, index: usize, rows: usize, row: usize) -> Option<(*mut u8, usize, usize)> {
        let raw = self.raw();
        let data = *raw.data.get(index)?;
        let stride = usize::try_from(*raw.linesize.get(index)?).ok()?;
        let length = stride.checked_mul(rows.checked_sub(1)?)?.checked_add(row)?;
        (!data.is_null() && stride >= row).then_some((data, stride, length))
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { ffi::av_frame_free(&raw mut self.0) };
    }
}
