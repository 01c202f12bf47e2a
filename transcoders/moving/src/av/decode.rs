//! A decoder: packets in, frames out, one thread.

use std::ffi::{CStr, CString, c_int};

use cedrat_plan::limits::Limits;
use ffmpeg_next::ffi;

use super::{Code, Demuxer, Frame, Packet, check};

/// What a decoder may leave out because the result is much smaller than the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Skip {
    /// Frames that no other frame needs.
    pub(crate) unreferenced: bool,
    /// Smoothing of block edges.
    pub(crate) loop_filter: bool,
}

/// An open decoder.
pub(crate) struct Decoder(*mut ffi::AVCodecContext);

impl Decoder {
    /// For a stream of a container. `prefer` names decoders to take before libav's first choice;
    /// `allowed` names, with commas, all that may be taken.
    pub(crate) fn open(
        demuxer: &Demuxer,
        stream: usize,
        prefer: &[&str],
        allowed: &str,
        skip: Skip,
        limits: &Limits,
    ) -> Result<Self, Code> {
        let stream = demuxer.raw_stream(stream).ok_or(Code::INVALID)?;
        // SAFETY: a living stream with parameters; the context is freed by `Drop`.
        unsafe {
            let parameters = (*stream).codecpar;
            let codec = find(prefer, (*parameters).codec_id)?;
            let name = CStr::from_ptr((*codec).name).to_str().map_err(|_| Code::INVALID)?;
            if !allowed.split(',').any(|one| one == name) {
                return Err(Code::INVALID);
            }
            let decoder = Self(ffi::avcodec_alloc_context3(codec));
            if decoder.0.is_null() {
                return Err(Code::MEMORY);
            }
            check(ffi::avcodec_parameters_to_context(decoder.0, parameters))?;
            let context = &mut *decoder.0;
            context.pkt_timebase = (*stream).time_base;
            context.thread_count = 1;
            context.max_pixels = i64::try_from(limits.pixels).unwrap_or(i64::MAX);
            if skip.unreferenced {
                context.skip_frame = ffi::AVDiscard::AVDISCARD_NONREF;
            }
            if skip.loop_filter {
                context.skip_loop_filter = ffi::AVDiscard::AVDISCARD_ALL;
            }
            check(ffi::avcodec_open2(decoder.0, codec, std::ptr::null_mut()))?;
            Ok(decoder)
        }
    }

    /// Gives a packet, or `None` for the end.
    pub(crate) fn send(&mut self, packet: Option<&Packet>) -> Result<(), Code> {
        let packet = packet.map_or(std::ptr::null_mut(), Packet::as_ptr);
        // SAFETY: an open decoder.
        check(unsafe { ffi::avcodec_send_packet(self.0, packet) }).map(|_| ())
    }

    /// The next frame, if one is ready.
    pub(crate) fn receive(&mut self, frame: &mut Frame) -> Result<Option<()>, Code> {
        // SAFETY: an open decoder; it unreferences the frame first.
        match check(unsafe { ffi::avcodec_receive_frame(self.0, frame.as_ptr()) }) {
            Ok(_) => Ok(Some(())),
            Err(Code::END | Code::AGAIN) => Ok(None),
            Err(code) => Err(code),
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { ffi::avcodec_free_context(&raw mut self.0) };
    }
}

fn find(prefer: &[&str], id: ffi::AVCodecID) -> Result<*const ffi::AVCodec, Code> {
    for name in prefer {
        let name = CString::new(*name).map_err(|_| Code::INVALID)?;
        // SAFETY: a string that ends; codecs are static.
        unsafe {
            let codec = ffi::avcodec_find_decoder_by_name(name.as_ptr());
            if !codec.is_null() && (*codec).id as c_int == id as c_int {
                return Ok(codec);
            }
        }
    }
    // SAFETY: no precondition.
    let codec = unsafe { ffi::avcodec_find_decoder(id) };
    if codec.is_null() { Err(Code::INVALID) } else { Ok(codec) }
}
